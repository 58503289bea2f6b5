"""Deep ensembles: the same network trained several times from different beginnings."""

import copy
import inspect
from typing import Annotated, Any

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

from sklearn_seq.ensemble.members import HeldOut, Training, make_members, train
from sklearn_seq.ensemble.mixtures import ClassifierMixin, IntervalMixin
from sklearn_seq.families.recurrent import GRUClassifier, GRURegressor
from sklearn_seq.params import AtLeast, Between, Positional, RandomState, estimator
from sklearn_seq.tasks.base import TaskMixin
from sklearn_seq.tasks.state import keep_on_failure

__all__ = ["DeepEnsembleClassifier", "DeepEnsembleRegressor"]

_LEARNT = ("n_features_in_", "n_timesteps_in_", "feature_names_in_")
_LEARNT_PRIVATE = ("_conformal", "_least_deviation")


@estimator
class _DeepEnsemble(BaseEstimator):
    """Members, and how they are trained.

    Attributes
    ----------
    estimators_ : list of estimators
        The fitted members; with ``n_snapshots``, that many of each.
    temperature_ : float or None
        What logits are divided and variances multiplied by; None without ``calibration_fraction``.
    n_features_in_, n_timesteps_in_, feature_names_in_ : as of the members
        Where they have them.
    """

    estimator: Annotated[
        BaseEstimator | None, Positional, "What the members are; None is a GRU, for numbers with a Gaussian head."
    ] = None
    n_estimators: Annotated[
        int, AtLeast(1), "How many members, each from its own beginning and in its own order of batches."
    ] = 5
    estimators: Annotated[
        list | tuple | None, "Different members instead, one each: estimators, or pairs of a name and an estimator."
    ] = None
    bootstrap: Annotated[bool, "Whether each member is trained on rows drawn with replacement."] = False
    adversarial: Annotated[
        float,
        AtLeast(0),
        "Also train on each batch moved in the direction that hurts most, by this many deviations of each feature (with "
        "standardize=False, by this much); 0 does not.",
    ] = 0.0
    n_snapshots: Annotated[
        int,
        AtLeast(1),
        "Let the step size fall this many times in one training, for equally many epochs, and keep the network after each "
        "(Huang et al. 2017).",
    ] = 1
    average_weights: Annotated[
        float | None,
        Between(0, 1, "left"),
        "Average a member's weights over all epochs after this share of them (Izmailov et al. 2018).",
    ] = None
    calibration_fraction: Annotated[
        float | None,
        Between(0, 1, "neither"),
        "Share of the rows that no member is trained on: a temperature is learnt on them, and intervals are.",
    ] = None
    n_jobs: Annotated[
        int | None, "Processes that share the members, as in scikit-learn; members of a process train as one."
    ] = None
    random_state: Annotated[RandomState, "Decides the members' seeds, what is drawn and what is held out."] = None

    @keep_on_failure
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        groups: Any = None,
    ) -> Any:
        """Train the members.

        Parameters
        ----------
        X : as the members take it
            For networks of this package: array-like, list of arrays, frame or Sequences.
        y : array-like of shape (n_samples,) or, for regressors, (n_samples, n_outputs)
            The target of each sequence.
        sample_weight : array-like of shape (n_samples,), optional
            A weight of 3 equals three copies of the sample, where the members keep that.
        X_val, y_val : as X and y, optional
            What members with ``early_stopping=True`` are scored on.
        groups : array-like of shape (n_samples,), optional
            Groups that must not be torn apart when rows are held out.

        Returns
        -------
        self
            The fitted ensemble.

        Raises
        ------
        ValueError, TypeError
            For data or members that do not fit. An ensemble that was fitted before stays as it was.
        """
        self._validate_params()
        if y is None:
            raise ValueError(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None.")
        for name in [name for name in self.__dict__ if name.endswith("_") or name in _LEARNT_PRIVATE]:
            del self.__dict__[name]
        if self.estimators is not None and not self.estimators:
            raise ValueError("estimators=[] has no member; wanted at least one, or estimators=None")
        random_state = check_random_state(self.random_state)
        members = make_members(self.estimators or [self._one()] * self.n_estimators, random_state)
        self._check(members)
        how = Training(
            self.bootstrap,
            self.adversarial,
            self.n_snapshots,
            self.average_weights,
            self.calibration_fraction,
            self.n_jobs,
        )
        data = {"X": X, "y": y, "sample_weight": sample_weight, "X_val": X_val, "y_val": y_val, "groups": groups}
        fitted, held_out = train(members, data, how, random_state, stratified=is_classifier(self))
        self.temperature_ = None
        self.estimators_ = fitted
        for name in _LEARNT:
            if hasattr(fitted[0], name):
                setattr(self, name, copy.copy(getattr(fitted[0], name)))
        self._settle()
        if held_out is not None:
            self._use(held_out)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return "estimators_" in self.__dict__

    def _one(self) -> Any:
        if isinstance(self.estimators, list | tuple) and self.estimators:
            first = self.estimators[0]
            return first[1] if isinstance(first, tuple) and len(first) == 2 else first
        return super()._one()  # type: ignore[misc]

    def _settle(self) -> None:
        """What the fitted members agree on."""

    def _use(self, held_out: HeldOut) -> None:
        """Learn from the rows held out."""
        raise NotImplementedError

    def _check(self, members: list[Any]) -> None:
        kind, is_kind = ("classifier", is_classifier) if is_classifier(self) else ("regressor", is_regressor)
        for member in members:
            if not is_kind(member):
                raise TypeError(f"{type(member).__name__} is no {kind}; members of {type(self).__name__} must be one")
            if kind == "classifier" and not hasattr(member, "predict_proba"):
                raise TypeError(
                    f"{type(member).__name__} has no predict_proba; members of {type(self).__name__} need it"
                )

    def _of_members(self, X: Any, ours: Any, other: Any, is_read: bool) -> list[Any]:
        """Each member's answer; networks that read X alike read it once, and not at all what is past their gate."""
        read: dict[Any, Any] = {}
        found = []
        for member in self.estimators_:
            if not isinstance(member, TaskMixin):
                found.append(other(member, X))
                continue
            params: Any = member._fitted_params
            key = (type(member), params["dtype"], params["missing"], member._n_channels)
            if key not in read:
                read[key] = X if is_read else member._read_again(X)
            found.append(ours(member, member._outputs_of(read[key])))
        return found


@estimator
class DeepEnsembleClassifier(ClassifierMixin, _DeepEnsemble):
    """Several networks that classify sequences, and say how sure they are.

    Members differ in their beginnings and in the order of their batches; where they disagree, the mean of their
    probabilities is less sure than each of them (Lakshminarayanan et al. 2017). Networks of the same shape are trained as
    one, for less time than one after another. Members may be any classifiers with ``predict_proba``.

    References
    ----------
    .. [1] B. Lakshminarayanan, A. Pritzel, C. Blundell. Simple and scalable predictive uncertainty estimation using deep
       ensembles. NeurIPS 2017.
    .. [2] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger. On calibration of modern neural networks. ICML 2017.
    .. [3] G. Huang et al. Snapshot ensembles: train 1, get M for free. ICLR 2017.
    .. [4] P. Izmailov et al. Averaging weights leads to wider optima and better generalization. UAI 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import DeepEnsembleClassifier, GRUClassifier
    >>> X = np.random.default_rng(0).normal(size=(80, 12)).cumsum(axis=1)
    >>> y = np.where(X[:, -1] > 0, "up", "down")
    >>> member = GRUClassifier(hidden_size=16, max_epochs=10)
    >>> model = DeepEnsembleClassifier(member, n_estimators=3, random_state=0).fit(X, y)
    >>> model.predict_proba(X[:2]).shape
    (2, 2)
    >>> unsure = model.predict_uncertainty(X)
    >>> bool(np.allclose(unsure.total, unsure.aleatoric + unsure.epistemic))
    True
    """

    def _default(self) -> Any:
        return GRUClassifier()

    def _settle(self) -> None:
        self.classes_ = np.unique(np.concatenate([member.classes_ for member in self.estimators_]))

    def _answers(self, X: Any, is_read: bool = False) -> np.ndarray:
        """(M, n, K)"""
        found = self._of_members(
            X,
            lambda member, output: softmax(output, axis=1),
            lambda member, X: np.asarray(member.predict_proba(X)),
            is_read,
        )
        for i, (member, proba) in enumerate(zip(self.estimators_, found, strict=True)):
            if len(member.classes_) < len(self.classes_):  # one that never met some class
                whole = np.zeros((len(proba), len(self.classes_)))
                whole[:, np.searchsorted(self.classes_, member.classes_)] = proba
                found[i] = whole
        return np.stack(found)

    def _use(self, held_out: HeldOut) -> None:
        codes = np.searchsorted(self.classes_, held_out.y)
        self._calibrate(self._answers(held_out.X, held_out.is_read), codes, held_out.weight)


@estimator
class DeepEnsembleRegressor(IntervalMixin, _DeepEnsemble):
    """Several networks that predict numbers from sequences, and say how far they may be off.

    Members with a Gaussian head (``loss="gaussian"``, the default) know the noise; what they do not agree on is added to
    it (Lakshminarayanan et al. 2017). Networks of the same shape are trained as one, for less time than one after another.
    Members may be any regressors; those whose ``predict`` takes ``return_std`` give their deviation too.

    References
    ----------
    .. [1] B. Lakshminarayanan, A. Pritzel, C. Blundell. Simple and scalable predictive uncertainty estimation using deep
       ensembles. NeurIPS 2017.
    .. [2] J. Lei, M. G'Sell, A. Rinaldo, R. J. Tibshirani, L. Wasserman. Distribution-free predictive inference for
       regression. Journal of the American Statistical Association 113, 1094-1111, 2018.
    .. [3] G. Huang et al. Snapshot ensembles: train 1, get M for free. ICLR 2017.
    .. [4] P. Izmailov et al. Averaging weights leads to wider optima and better generalization. UAI 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import DeepEnsembleRegressor, GRURegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 12))
    >>> y = X.sum(axis=1) + rng.normal(size=200)
    >>> member = GRURegressor(loss="gaussian", hidden_size=16, max_epochs=10)
    >>> model = DeepEnsembleRegressor(member, n_estimators=3, calibration_fraction=0.3, random_state=0).fit(X, y)
    >>> mean, std = model.predict(X[:3], return_std=True)
    >>> mean.shape, std.shape
    ((3,), (3,))
    >>> model.predict_interval(X[:3], coverage=0.9).shape
    (3, 2)
    """

    def _default(self) -> Any:
        return GRURegressor(loss="gaussian")

    def _answers(self, X: Any, is_read: bool = False) -> tuple[np.ndarray, np.ndarray | None]:
        """Means (M, n) or (M, n, n_outputs), and deviations where the members have them."""
        pairs = self._of_members(X, lambda member, output: member._moments(output), _mean_and_deviation, is_read)
        means = np.stack([mean for mean, _ in pairs])
        deviations = [deviation for _, deviation in pairs]
        if any(deviation is not None for deviation in deviations):
            return means, np.stack([np.zeros_like(means[0]) if one is None else one for one in deviations])
        return means, None

    def _use(self, held_out: HeldOut) -> None:
        self._calibrate(self._answers(held_out.X, held_out.is_read), held_out.y, held_out.weight)


def _mean_and_deviation(member: Any, X: Any) -> tuple[np.ndarray, np.ndarray | None]:
    if _has_deviation(member):
        mean, deviation = member.predict(X, return_std=True)
        return np.asarray(mean), np.asarray(deviation)
    return np.asarray(member.predict(X)), None


def _has_deviation(member: Any) -> bool:
    """Whether ``predict`` takes ``return_std=True``, which a pipeline hands on to its last step."""
    last = member
    while isinstance(last, Pipeline):
        last = last.steps[-1][1]
    if isinstance(last, TaskMixin):
        return last._fitted_params["loss"] == "gaussian"
    return "return_std" in inspect.signature(last.predict).parameters
