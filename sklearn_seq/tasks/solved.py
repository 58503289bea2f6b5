"""What families in closed form share in place of training: one fit, and heads of ridge regression.

A family says how it is solved (``_solve``) and what it says of other data (``_decide``). What it learns goes into one
dictionary of plain values, arrays and estimators, so that parameters set after ``fit`` change nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import log_softmax, logsumexp
from sklearn.metrics import r2_score

from sklearn_seq.params import estimator
from sklearn_seq.sequences import Sequences
from sklearn_seq.tasks.classify import LabelsMixin
from sklearn_seq.tasks.reading import ReadingMixin
from sklearn_seq.tasks.regress import NumbersMixin
from sklearn_seq.tasks.state import Versioned, keep_on_failure
from sklearn_seq.training.blas import one_blas_thread
from sklearn_seq.training.ridge import RidgePath, RidgeSolution, squared_error
from sklearn_seq.training.temperature import fit_temperature

__all__ = ["RidgeClassifierMixin", "RidgeRegressorMixin", "SolvedMixin"]

_BEYOND = 0.25  # share of the range of the training targets
_FITTED_PRIVATE = ("_kind", "_n_channels", "_output_shape", "_solved", "_target_scale", "_trained_windows")


class SolvedMixin(ReadingMixin, Versioned):
    """Fitting in closed form, and predicting, for one target a sequence.

    Attributes
    ----------
    n_features_in_ : int
        Columns of a 2-D ``X`` (its time steps), else features a time step.
    n_timesteps_in_ : int or None
        Length of the sequences in ``fit``; None for ragged data.
    feature_names_in_ : ndarray of str
        Columns of a data frame; only where ``X`` had names.
    """

    dtype = "float32"
    missing = "error"

    def _settle_target(self, target: np.ndarray, weight: np.ndarray) -> None:
        """Learn of the targets what is needed to encode them."""

    def _encode(self, target: np.ndarray) -> np.ndarray:
        """Targets as `_solve` takes them."""
        return target

    if TYPE_CHECKING:  # of a family

        def _solve(self, data: Sequences, target: np.ndarray, weight: np.ndarray) -> dict[str, Any]:
            """Learn from distinct rows in content order; all that `_decide` needs is in the result."""

        def _decide(self, data: Sequences, solved: dict[str, Any]) -> np.ndarray:
            """Outputs (n, K): logits, or standardised numbers."""

    @keep_on_failure
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Solve for the sequences and their targets.

        Parameters
        ----------
        X : array-like, list of arrays, frame or Sequences
            ``(n_samples, n_timesteps)``, ``(n_samples, n_timesteps, n_features)``, or ``n_samples`` arrays of shape
            ``(n_timesteps_i, n_features)``.
        y : array-like of shape (n_samples,) or, for regressors, (n_samples, n_outputs)
            The target of each sequence.
        sample_weight : array-like of shape (n_samples,), optional
            A weight of 3 equals three copies of the sample, to the bit.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            For data that cannot be read, with what was given, what was wanted and what to do. An estimator that was
            fitted before stays as it was.
        """
        self._validate_params()  # type: ignore[attr-defined]
        kept = self.get_params(deep=False)  # type: ignore[attr-defined]
        for name in list(self.__dict__):
            if name not in kept and (name.endswith("_") or name in _FITTED_PRIVATE):
                del self.__dict__[name]
        data, target, weight, _ = self._read_distinct(X, y, sample_weight, None, reset=True)
        # rows that count nothing, as those of a class of weight 0, are not there
        some = np.flatnonzero(weight)
        if len(some) < len(weight):
            data, target, weight = data[some], target[some], weight[some]
        weight = weight / weight.mean()
        self._settle_target(target, weight)
        with one_blas_thread():
            self._solved = self._solve(data, self._encode(target), weight)
        self._remember_windows(data)
        return self

    def _is_fitted(self) -> bool:
        return "_solved" in self.__dict__

    def _outputs(self, X: Any) -> np.ndarray:
        """Outputs (n_samples, K)."""
        data = self._read_again(X)
        with one_blas_thread():
            return self._decide(data, self._solved)

    def _read_again(self, X: Any) -> Sequences:
        """What predictions are asked for, held against fit."""
        self._require_fitted()
        data = self._pass_gate(X, reset=False)
        if "_trained_windows" in self.__dict__:
            self._warn_of_overlap(data)
        return data


@estimator
class RidgeClassifierMixin(LabelsMixin, SolvedMixin):
    """Classification by heads of ridge regression on targets of 1 and -1, whose probabilities are averaged.

    Attributes
    ----------
    loo_score_ : float
        Accuracy for each training row without that row; what features learn of all rows is not left out.
    """

    def _solve_head(self, path: RidgePath, codes: np.ndarray, weight: np.ndarray) -> tuple[RidgeSolution, float]:
        """The penalty, and the temperature, of the most likely left out classes."""
        # a hundredth is less than chance makes of it; and where some weights are tiny, it is all there is to choose by
        solution = path.best(lambda loo: np.array([fit_temperature(loo, codes, weight)[1]]), slack=0.01)
        return solution, fit_temperature(solution.loo, codes, weight)[0]

    def _head_target(self, codes: np.ndarray) -> np.ndarray:
        """(n, K)"""
        return np.where(codes[:, None] == np.arange(len(self.classes_)), 1.0, -1.0)

    def _mix(self, logits: list[np.ndarray], mixing: dict[str, Any]) -> np.ndarray:
        """Logits of the mean probabilities, (n, K)."""
        weights = mixing["weights"][:, None, None]
        mean = logsumexp([log_softmax(part, axis=1) for part in logits], axis=0, b=weights)
        return mean / mixing["temperature"]

    def _settle_mix(self, logits: list[np.ndarray], codes: np.ndarray, weight: np.ndarray) -> dict[str, Any]:
        """How much each head counts, and how sure the mean may be, from logits of left out rows."""
        mixing = self._new_mixing(logits, codes, weight) | {"temperature": 1.0}
        mean = self._mix(logits, mixing)
        self.loo_score_ = float(np.average(mean.argmax(axis=1) == codes, weights=weight))
        return mixing | {"temperature": fit_temperature(mean, codes, weight)[0]}

    def _new_mixing(self, logits: list[np.ndarray], codes: np.ndarray, weight: np.ndarray) -> dict[str, Any]:
        """Weights (H,): the fourth power of each head's accuracy (Large et al. 2019)."""
        right = np.array([np.average(part.argmax(axis=1) == codes, weights=weight) for part in logits])
        powers = right**4 if right.any() else np.ones(len(right))
        return {"weights": powers / powers.sum()}


class RidgeRegressorMixin(NumbersMixin, SolvedMixin):
    """Regression by heads of ridge regression, which are averaged.

    Attributes
    ----------
    loo_score_ : float
        R2 for each training row without that row; what features learn of all rows is not left out. NaN for one row.
    """

    def predict(self, X: Any) -> np.ndarray:
        """The predicted numbers.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            As ``y`` in ``fit``.
        """
        return self._shaped(self._outputs(X))

    def _solve_head(self, path: RidgePath, target: np.ndarray, weight: np.ndarray) -> tuple[RidgeSolution, float]:
        """The penalty of the least squared error, for each target."""
        return path.best(squared_error(target, weight)), 1.0

    def _head_target(self, target: np.ndarray) -> np.ndarray:
        """(n, K)"""
        return target

    def _mix(self, outputs: list[np.ndarray], mixing: dict[str, Any]) -> np.ndarray:
        """(n, K)"""
        return np.einsum("hnk,hk->nk", [np.clip(part, *mixing["range"]) for part in outputs], mixing["weights"])

    def _settle_mix(self, outputs: list[np.ndarray], target: np.ndarray, weight: np.ndarray) -> dict[str, Any]:
        """How much each head counts, and how far it may go beyond the targets seen, from values of left out rows."""
        low, high = target.min(axis=0), target.max(axis=0)
        # features of a row unlike all others can be hundreds of deviations away, and a linear map follows them
        bounds = np.stack([low - _BEYOND * (high - low), high + _BEYOND * (high - low)])  # (2, K)
        weights = self._head_weights([np.clip(part, *bounds) for part in outputs], target, weight)
        mixing = {"weights": weights, "range": bounds}
        mean = self._mix(outputs, mixing)
        self.loo_score_ = float(r2_score(target, mean, sample_weight=weight)) if len(target) > 1 else float("nan")
        return mixing

    def _head_weights(self, outputs: list[np.ndarray], target: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """The inverse of the fourth power of each head's error, for each target, (H, K)."""
        error = np.array([squared_error(target, weight)(part) for part in outputs])  # (H, K)
        powers = np.maximum(error, np.finfo(float).eps) ** -2
        return powers / powers.sum(axis=0)
