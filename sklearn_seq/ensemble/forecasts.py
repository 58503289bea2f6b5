"""Deep ensembles of forecasters."""

from typing import Annotated, Any

import numpy as np
from scipy.stats import norm
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state

from sklearn_seq.families.recurrent import GRUForecaster
from sklearn_seq.params import AtLeast, Between, Positional, RandomState, estimator
from sklearn_seq.sequences.horizons import Windows
from sklearn_seq.sequences.tables import Columns
from sklearn_seq.tasks.forecast import ForecastingMixin
from sklearn_seq.tasks.forecast_network import NetworkForecasterMixin
from sklearn_seq.training import run

__all__ = ["DeepEnsembleForecaster"]

_SHARED = ("_table", "lookback_")


def _of_member(name: str) -> Any:
    """A parameter that is the member's."""
    return property(lambda self: getattr(self._one(), name), doc=f"``{name}`` of the members.")


@estimator
class DeepEnsembleForecaster(ForecastingMixin, BaseEstimator):
    """Several networks that forecast, and how far they agree.

    Members differ in their beginnings and in the order of their batches (Lakshminarayanan et al. 2017). The forecast is their mean,
    and ``predict(X, return_std=True)`` gives a deviation: how far members are apart, with what they say themselves where they
    have ``loss="gaussian"``. Members are trained as one where their layers can.

    How far members are apart says nothing of the noise. So intervals and quantiles need members that know it: with
    ``loss="gaussian"`` they are those of the Gaussian of the mean and the deviation, with ``loss="quantile"`` the mean of the
    members' quantiles; of others they need a ``calibration_fraction``.

    Attributes
    ----------
    estimators_ : list of forecasters
        The members; they are read through the ensemble.

    References
    ----------
    .. [1] B. Lakshminarayanan, A. Pritzel, C. Blundell. Simple and scalable predictive uncertainty estimation using deep
       ensembles. NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import DeepEnsembleForecaster, GRUForecaster
    >>> X = np.sin(np.arange(300) / 5)[:, None]
    >>> member = GRUForecaster(lookback=32, horizon=8, hidden_size=8, max_epochs=2, loss="gaussian")
    >>> model = DeepEnsembleForecaster(member, n_estimators=3, random_state=0).fit(X[:250])
    >>> mean, std = model.predict(X[250:], return_std=True)
    >>> mean.shape, bool((std > 0).all())
    ((50,), True)
    """

    estimator: Annotated[
        BaseEstimator | None, Positional, "What the members are; None is a GRUForecaster with a Gaussian head."
    ] = None
    n_estimators: Annotated[
        int, AtLeast(1), "How many members, each from its own beginning and in its own order of batches."
    ] = 5
    calibration_fraction: Annotated[
        float,
        Between(0, 1, "left"),
        "Share of the origins, the last ones, on which errors are measured for predict_interval; members then learn from all.",
    ] = 0.0
    n_jobs: Annotated[
        int | None, "Processes that share the members, as in scikit-learn; members of a process train as one."
    ] = None
    random_state: Annotated[RandomState, "Decides the members' seeds."] = None

    _in_spans = False

    lookback = _of_member("lookback")
    horizon = _of_member("horizon")
    target = _of_member("target")
    known_future = _of_member("known_future")
    static = _of_member("static")
    series_id = _of_member("series_id")
    time = _of_member("time")
    gaps = _of_member("gaps")
    missing = _of_member("missing")

    def _one(self) -> Any:
        return GRUForecaster(loss="gaussian") if self.estimator is None else self.estimator

    def _begin(self) -> None:
        member = self._one()
        if not isinstance(member, NetworkForecasterMixin):
            raise TypeError(
                f"estimator is a {type(member).__name__}; wanted a forecaster that is trained, since members differ by chance alone. "
                "Give GRUForecaster() or another network."
            )
        if member.calibration_fraction:
            raise ValueError(
                f"estimator has calibration_fraction={member.calibration_fraction}, which members do not read; wanted it on the ensemble, "
                "whose intervals are asked for. Set DeepEnsembleForecaster(..., calibration_fraction=...)."
            )

    def _learn(self, windows: Windows, columns: Columns) -> None:
        member = self._one()
        random_state = check_random_state(self.random_state)
        members: list[Any] = []
        plans = []
        for seed in random_state.randint(2**31 - 1, size=self.n_estimators).tolist():
            one = clone(member).set_params(random_state=seed)
            one._validate_params()
            one.__dict__.update({name: self.__dict__[name] for name in _SHARED})
            if members:
                one._map = members[0]._map
            plans.append(one._plan(windows))
            members.append(one)
        for one, result in zip(members, run(plans, self.n_jobs), strict=True):
            one._take(result, keep_optimizer=False)
        self._table = self._table | {"inside": members[0]._table["inside"]}
        self.estimators_ = members

    def _answer(self, windows: Windows) -> np.ndarray:
        """Mean, deviation, and behind them the mean of what members say of quantiles, (n, H, K, 2 + n_quantiles)."""
        answers = [one._answer(windows) for one in self.estimators_]
        centers = np.stack([one._center(found) for one, found in zip(self.estimators_, answers, strict=True)])
        variance = centers.var(axis=0)
        if self.estimators_[0]._says_deviation():
            own = [one._spread(found) for one, found in zip(self.estimators_, answers, strict=True)]
            variance = variance + np.mean(np.square(own), axis=0)
        found = np.stack([centers.mean(axis=0), np.sqrt(variance)], axis=-1)
        return np.concatenate([found, np.mean(answers, axis=0)], axis=-1) if self._own_levels() else found

    def _spread(self, answers: np.ndarray) -> np.ndarray:
        return np.maximum(answers[..., 1], 1e-9)  # of one member without a deviation there is none

    def _says_spread(self) -> bool:
        return bool(self.estimators_[0]._says_spread())

    def _own_levels(self) -> tuple[float, ...]:
        levels: tuple[float, ...] = self.estimators_[0]._own_levels()
        return levels

    def _says_deviation(self) -> bool:
        return True

    def _level(self, answers: np.ndarray, level: float) -> np.ndarray | None:
        """Of the Gaussian with the mean and the deviation of the mixture; or the mean of members' quantiles."""
        first = self.estimators_[0]
        if first._says_deviation():
            return answers[..., 0] + self._spread(answers) * norm.ppf(level)
        found: np.ndarray | None = first._level(answers[..., 2:], level)
        return found
