"""Any regressor of scikit-learn as a forecaster: windows become the rows of a table (tabular reduction)."""

from typing import Annotated, Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, clone, is_regressor
from sklearn.linear_model import Ridge
from sklearn.multioutput import MultiOutputRegressor
from sklearn.utils import check_random_state, get_tags

from sklearn_seq.params import Positional, RandomState, estimator
from sklearn_seq.sequences.horizons import Layout, Windows
from sklearn_seq.sequences.tables import Columns
from sklearn_seq.tasks.forecast_solved import SolvedForecasterMixin

__all__ = ["ReductionForecaster"]


@estimator
class ReductionForecaster(SolvedForecasterMixin, BaseEstimator):
    """Forecasts with any regressor of scikit-learn: a window is a row, what follows it is the target [1]_.

    A row holds the ``lookback`` last values of the columns that are read of the past, those of ``known_future`` columns over
    the horizon, and the static ones; with ``missing="mask"`` also 0 or 1 for each value: whether it was missing. Columns are
    scaled before. The rows are written out once, in ``float32`` where the table is and in ``float64`` else: ``fit`` needs memory
    for n_windows x (lookback x n_past + horizon x n_known + n_static) numbers, with ``channels="shared"`` for as many rows for each
    target, of its own columns. A row whose truth is missing, in one of the steps and targets that are answered at once, is left out.

    Attributes
    ----------
    estimator_ : estimator
        The fitted regressor, a ``MultiOutputRegressor`` of it where it answers one number and more are wanted.

    References
    ----------
    .. [1] G. Bontempi, S. Ben Taieb, Y.-A. Le Borgne. Machine learning strategies for time series forecasting. eBISS 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn_seq import ReductionForecaster
    >>> X = np.sin(np.arange(200) / 5)[:, None]
    >>> forecaster = ReductionForecaster(LinearRegression(), lookback=4, horizon=3).fit(X)
    >>> forecaster.forecast().round(3), np.sin(np.arange(200, 203) / 5).round(3)
    (array([0.745, 0.598, 0.427]), array([0.745, 0.598, 0.427]))
    """

    estimator: Annotated[
        BaseEstimator | None, Positional, "The regressor, of which a clone is fitted; None is Ridge()."
    ] = None
    strategy: Annotated[
        Literal["direct", "recursive"],
        "One model answers all steps; or one answers the next step, and its answers are the past of the steps after it, for which "
        "every past column has to be a target or known ahead.",
    ] = "direct"
    normalize: Annotated[
        Literal["none", "last", "mean"],
        "What is taken off the past of each target in a window, and added to the answer: nothing, its last value, or its mean. "
        "Trees need one of these where a series leaves the range of training; a series that keeps its mean is forecast a little better "
        'with "none"; of a past of one row the others leave nothing.',
    ] = "last"
    channels: Annotated[
        Literal["shared", "together"],
        "Of several targets: one at a time is answered, by the same model for all, from its own past and the columns that are no "
        "targets; or all are answered at once from the past of all.",
    ] = "shared"
    random_state: Annotated[
        RandomState, "Given to each random_state of the regressor; None leaves these as they are."
    ] = None

    @property
    def estimator_(self) -> Any:
        """The fitted regressor."""
        if "_solved" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no estimator_ before fit")
        return self._solved["model"]

    def _steps(self) -> int:
        return 1 if self.strategy == "recursive" else self.horizon

    def _solve(self, windows: Windows, columns: Columns) -> dict[str, Any]:
        model = Ridge() if self.estimator is None else clone(self.estimator)
        self._refuse(model, windows.layout, columns)
        if self.random_state is not None:
            _seed(model, self.random_state)
        how = {"normalize": self.normalize, "channels": self.channels, "dtype": self._table["dtype"]}
        features, truth = _training_rows(windows, how)
        return how | {"model": _fitted(model, features, truth)}

    def _decide(self, windows: Windows, solved: dict[str, Any]) -> np.ndarray:
        features, shift = _rows(windows, solved)
        n, n_models, p = features.shape
        answers = np.asarray(solved["model"].predict(features.reshape(n * n_models, p)), dtype=np.float64)
        steps = windows.layout.horizon
        return answers.reshape(n, n_models, steps, -1).swapaxes(1, 2).reshape(n, steps, -1) + shift

    def _refuse(self, model: Any, layout: Layout, columns: Columns) -> None:
        """Refuse what cannot be reduced."""
        if not is_regressor(model):
            raise ValueError(
                f"estimator={model!r} is no regressor; wanted one, such as Ridge() or HistGradientBoostingRegressor()."
            )
        if self.strategy == "direct" or self.horizon == 1:
            return
        if min(layout.own) < 0:
            raise ValueError(
                f"strategy='recursive' and horizon={self.horizon} need the past of the target, and y is no column of X; wanted it in X, "
                "named by target. Add it, or set strategy='direct'."
            )
        free = [place for place in columns.past if place not in columns.target and place not in columns.known]
        if free:
            raise ValueError(
                f"strategy='recursive' and horizon={self.horizon}, but the column {columns.names(free)[0]!r} is neither forecast nor known "
                "ahead, so after one step nothing is known of it; wanted each past column to be one of these. Name it in target or "
                "known_future, or set strategy='direct'."
            )


def _fitted(model: Any, features: np.ndarray, truth: np.ndarray) -> Any:
    """The regressor, or one for each column where it answers one number alone."""
    if truth.shape[1] == 1:
        return model.fit(features, truth[:, 0])
    if get_tags(model).target_tags.multi_output:
        return model.fit(features, truth)
    try:  # some that take several columns do not say so, such as scikit-learn's MLPRegressor
        return clone(model).fit(features, truth)
    except ValueError:
        return MultiOutputRegressor(model).fit(features, truth)


def _groups(layout: Layout, channels: str) -> list[list[int]]:
    """Which of the past columns stand in a row: for all targets at once, or for each one."""
    n, own = len(layout.past), layout.own
    if channels == "together" or min(own) < 0:  # targets from outside have no past to be told apart by
        return [list(range(len(layout.past_columns)))]
    others = [place for place in range(n) if place not in own]
    groups = [[place, *others] for place in own]
    return [[*group, *(n + place for place in group)] if layout.marked else group for group in groups]


def _rows(windows: Windows, how: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the regressor (n, n_groups, p), and what is added to its answers (n, 1, n_targets)."""
    layout = windows.layout
    n, own = len(windows), np.array(layout.own)
    past = windows.past()  # (n, L, P)
    shift = np.zeros((n, 1, len(own)))
    if how["normalize"] != "none":
        there = own >= 0
        part = past[..., own[there]]
        shift[..., there] = part[:, -1:] if how["normalize"] == "last" else part.mean(axis=1, keepdims=True)
        past[..., own[there]] -= shift[..., there]
    rest = np.concatenate([windows.future().reshape(n, -1), windows.static[windows.series]], axis=1)
    groups = _groups(layout, how["channels"])
    split = layout.lookback * len(groups[0])
    rows = np.empty((n, len(groups), split + rest.shape[1]), dtype=how["dtype"])
    for i, group in enumerate(groups):
        rows[:, i, :split] = past[..., group].reshape(n, -1)
    rows[..., split:] = rest[:, None]
    return rows, shift


def _training_rows(windows: Windows, how: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Rows (N, p) and their targets (N, K), those with all targets known."""
    layout, static = windows.layout, windows.static.shape[1]
    groups = _groups(layout, how["channels"])
    n, n_groups = len(windows), len(groups)
    width = layout.lookback * len(groups[0]) + layout.horizon * len(layout.known_columns) + static
    features = np.empty((n * n_groups, width), dtype=how["dtype"])
    target = np.empty((n * n_groups, layout.horizon * len(layout.target) // n_groups), dtype=how["dtype"])
    filled = 0
    for span in windows.spans():
        part = windows.take(np.arange(n)[span])
        rows, shift = _rows(part, how)
        truth = (part.truth() - shift).reshape(len(part), layout.horizon, n_groups, -1).swapaxes(1, 2)
        truth = truth.reshape(len(part) * n_groups, -1)
        known = ~np.isnan(truth).any(axis=1)
        after = filled + int(known.sum())
        features[filled:after] = rows.reshape(-1, width)[known]
        target[filled:after] = truth[known]
        filled = after
    if not filled:
        raise ValueError(
            f"no window has a truth without missing values over its {layout.horizon} step(s); wanted at least one. Fill them first "
            "(SequenceImputer(rows='time')), or set strategy='recursive' or a shorter horizon."
        )
    return features[:filled], target[:filled]


def _seed(model: Any, random_state: RandomState) -> None:
    """Give the regressor and those inside it numbers to begin with."""
    random = check_random_state(random_state)
    names = sorted(model.get_params(deep=True))
    seeds = [name for name in names if name == "random_state" or name.endswith("__random_state")]
    model.set_params(**{name: int(random.randint(np.iinfo(np.int32).max)) for name in seeds})
