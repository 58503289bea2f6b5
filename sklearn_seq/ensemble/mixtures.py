"""Predictions of several models as one: their mean, their own uncertainty, and their disagreement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import sklearn.base
from scipy.special import entr, softmax
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from sklearn_seq.ensemble.calibration import (
    conformal_scores,
    conformal_width,
    temperature_of_deviations,
    temperature_of_probabilities,
)
from sklearn_seq.params import public

__all__ = ["ClassifierMixin", "IntervalMixin", "RegressorMixin", "Uncertainty"]


@public
class Uncertainty(NamedTuple):
    """How unsure a prediction is, and why.

    Attributes
    ----------
    total : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        All of it: for classes the entropy of the mean probabilities in nats, for numbers a standard deviation.
    aleatoric : ndarray of the same shape
        What the members see in the data, which more data would not take away: their mean entropy, or the root of their mean
        variance.
    epistemic : ndarray of the same shape
        What they do not agree on, which more data would take away: the mutual information, or the deviation of their means.
    """

    total: np.ndarray
    aleatoric: np.ndarray
    epistemic: np.ndarray


class _Mixture:
    """What both kinds share. A subclass has ``_answers(X)`` and, after fit, ``temperature_``."""

    if TYPE_CHECKING:
        temperature_: Any

    def _answers(self, X: Any) -> Any:
        """The models' predictions for X."""
        raise NotImplementedError

    def _default(self) -> Any:
        """What ``estimator=None`` stands for."""
        raise NotImplementedError

    def _one(self) -> Any:
        """A model as it was given."""
        given = self.estimator  # type: ignore[attr-defined]
        return self._default() if given is None else given

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        given = self._one()
        if not isinstance(given, type) and hasattr(given, "__sklearn_tags__"):  # else fit will say what is wrong
            of_model = get_tags(given)
            tags.input_tags = of_model.input_tags
            tags.input_tags.string &= not getattr(self, "adversarial", 0)  # which moves numbers
            tags.target_tags.multi_output = of_model.target_tags.multi_output
        return tags


class ClassifierMixin(_Mixture, sklearn.base.ClassifierMixin):
    """Mean probabilities of several classifiers.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    """

    if TYPE_CHECKING:
        classes_: np.ndarray

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each sequence.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Mean probabilities of the classes, at the temperature that was learnt.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``; rows sum to one.
        """
        check_is_fitted(self)
        return self._tempered(self._answers(X).mean(axis=0))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of the probabilities.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict_uncertainty(self, X: Any) -> Uncertainty:
        """How unsure each prediction is, and how much of it is disagreement.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        Uncertainty
            Entropies in nats, of the members as they are (before the temperature): total = aleatoric + epistemic
            (Depeweg et al. 2018).
        """
        check_is_fitted(self)
        answers = self._answers(X)  # (M, n, K)
        total = _entropy(answers.mean(axis=0))
        aleatoric = _entropy(answers).mean(axis=0)
        return Uncertainty(total, aleatoric, np.maximum(total - aleatoric, 0.0))

    def _tempered(self, proba: np.ndarray) -> np.ndarray:
        if self.temperature_ is None or self.temperature_ == 1.0:
            return proba / proba.sum(axis=1, keepdims=True)
        return softmax(_log(proba) / self.temperature_, axis=1)

    def _calibrate(self, answers: np.ndarray, codes: np.ndarray, weight: np.ndarray) -> None:
        self.temperature_ = temperature_of_probabilities(_log(answers.mean(axis=0)), codes, weight)


def _entropy(proba: np.ndarray) -> np.ndarray:
    return entr(proba).sum(axis=-1) + 0.0  # no -0.0


def _log(proba: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(proba, np.finfo(float).tiny))


class RegressorMixin(_Mixture, sklearn.base.RegressorMixin):
    """The mixture of several predictive distributions, by its mean and deviation."""

    if TYPE_CHECKING:
        _least_deviation: Any

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """The mean of the members' predictions.

        Parameters
        ----------
        X : as in fit
            The sequences.
        return_std : bool
            Whether the standard deviation is returned too: that of the mixture of the members, whose own deviations count
            where they have one (``loss="gaussian"``), times the root of ``temperature_``. Where there is no deviation to
            start from, as of one member without a Gaussian head, it is that of the residuals of the rows held out.

        Returns
        -------
        mean : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        std : ndarray of the same shape
            Only with ``return_std=True``.
        """
        check_is_fitted(self)
        means, deviations = self._answers(X)
        mean = means.mean(axis=0)
        return (mean, self._parts(means, deviations).total) if return_std else mean

    def predict_uncertainty(self, X: Any) -> Uncertainty:
        """The deviation of each prediction, and how much of it is disagreement.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        Uncertainty
            Standard deviations: total squared = aleatoric squared + epistemic squared (Lakshminarayanan et al. 2017).
        """
        check_is_fitted(self)
        return self._parts(*self._answers(X))

    def _parts(self, means: np.ndarray, deviations: np.ndarray | None, calibrated: bool = True) -> Uncertainty:
        epistemic = means.var(axis=0)
        aleatoric = np.zeros_like(epistemic) if deviations is None else (deviations**2).mean(axis=0)
        least = self.__dict__.get("_least_deviation")
        if least is not None:
            aleatoric = np.maximum(aleatoric, least**2 - epistemic)
        factor = 1.0 if self.temperature_ is None or not calibrated else self.temperature_
        total = aleatoric + epistemic
        return Uncertainty(*(np.sqrt(factor * part) for part in (total, aleatoric, epistemic)))


class IntervalMixin(RegressorMixin):
    """As above, with rows held out to learn from how far off it is."""

    if TYPE_CHECKING:
        _conformal: Any

    def predict_interval(self, X: Any, coverage: float = 0.9) -> np.ndarray:
        """Intervals that hold the true number with a given probability, for rows that come as those held out did.

        By split conformal prediction (Lei et al. 2018): the deviation times a quantile of the standardised residuals of
        rows that no member was trained on. That holds for any model and any distribution, on average over rows; it says
        nothing of rows from elsewhere, or later than those, if the world changes.

        Parameters
        ----------
        X : as in fit
            The sequences.
        coverage : float
            In (0, 1).

        Returns
        -------
        ndarray of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            Lower and upper ends; infinite where the rows held out are too few for the coverage.
        """
        check_is_fitted(self)
        if not 0 < coverage < 1:
            raise ValueError(f"coverage={coverage!r}; wanted a number between 0 and 1, such as 0.9")
        if self.temperature_ is None:
            raise ValueError(
                f"predict_interval needs rows that no member was trained on; this {type(self).__name__} was fitted without. "
                "Fit with calibration_fraction=0.2, or so."
            )
        means, deviations = self._answers(X)
        mean, std = means.mean(axis=0), self._parts(means, deviations, calibrated=False).total
        scores, counts = self._conformal
        width = conformal_width(scores, counts, coverage)
        reach = (std.reshape(len(std), -1) * width).reshape(std.shape)
        return np.stack([mean - reach, mean + reach], axis=-1)

    def _calibrate(self, answers: tuple[np.ndarray, np.ndarray | None], y: np.ndarray, weight: np.ndarray) -> None:
        self.temperature_ = self._least_deviation = None
        means, deviations = answers
        self._least_deviation = _least(self._parts(means, deviations).total)
        std = self._parts(means, deviations).total
        residual = y.reshape(std.shape) - means.mean(axis=0)
        self.temperature_ = temperature_of_deviations(residual, std, weight)
        self._conformal = conformal_scores(residual, std, weight)


def _least(std: np.ndarray) -> np.ndarray:
    """The smallest deviation, of each output, that residuals are measured by.

    Members may agree by chance, and a single one without a deviation of its own always does.
    """
    columns = std.reshape(len(std), -1).T
    least = [1e-3 * np.median(column[column > 0]) if column.any() else 1.0 for column in columns]
    return np.array(least).reshape(std.shape[1:])
