"""Scores of predicted probabilities of classes."""

from typing import Any

import numpy as np
from sklearn.metrics import log_loss

from sklearn_seq.metrics._classes import read_classes
from sklearn_seq.metrics._reading import read_weights
from sklearn_seq.params import public

__all__ = ["brier_score", "negative_log_likelihood"]


@public
def brier_score(y_true: Any, y_proba: Any, *, labels: Any = None, sample_weight: Any = None) -> float:
    """Brier score of probabilities of classes: squared error, summed over classes, averaged over rows.

    From 0, best, to 2, also for two classes. It is proper: nobody gains by giving other probabilities than the
    ones believed.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, columns in the order of ``labels``. One dimension is the probability of the second of two
        classes.
    labels : array-like of shape (n_classes,), optional
        The classes, in the order of the columns; None means those of ``y_true``, sorted.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of rows.

    Returns
    -------
    float
        The score; lower is better.

    Raises
    ------
    ValueError
        When labels and columns do not match, or when a row holds no probabilities.

    See Also
    --------
    negative_log_likelihood : Punishes confident errors without bound.
    expected_calibration_error : Whether shares are as said, whatever the accuracy.

    Notes
    -----
    `sklearn.metrics.brier_score_loss` is half of this for two classes, the squared error of one of them. For more
    classes it is the same (from scikit-learn 1.7 on; before, it does two classes only).

    References
    ----------
    G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78(1), 1950.

    Examples
    --------
    >>> from sklearn_seq.metrics import brier_score
    >>> round(brier_score(["a", "b", "c"], [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.2, 0.2, 0.6]]), 3)
    0.147
    >>> round(brier_score([0, 1, 1, 0], [0.1, 0.9, 0.8, 0.3]), 3)
    0.075
    """
    codes, proba = read_classes(y_true, y_proba, labels)
    error = proba.astype(np.float64)  # (n_samples, n_classes)
    error[np.arange(len(codes)), codes] -= 1
    return float(np.average((error**2).sum(axis=1), weights=read_weights(sample_weight, len(codes))))


@public
def negative_log_likelihood(y_true: Any, y_proba: Any, *, labels: Any = None, sample_weight: Any = None) -> float:
    """Negative log-likelihood of probabilities of classes, in nats, averaged over rows.

    `sklearn.metrics.log_loss` under the name that papers use, and stricter: columns stand in the order of ``labels``,
    where ``log_loss`` sorts them, a label that is not among ``labels`` is refused, and so are rows that do not sum to 1.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, columns in the order of ``labels``. One dimension is the probability of the second of two
        classes.
    labels : array-like of shape (n_classes,), optional
        The classes, in the order of the columns; None means those of ``y_true``, sorted.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of rows.

    Returns
    -------
    float
        The mean; lower is better. Probabilities of 0 count as the precision of their type, so that it is finite.

    Raises
    ------
    ValueError
        When labels and columns do not match, or when a row holds no probabilities.

    See Also
    --------
    brier_score : Bounded, so that one confident error does not decide.
    gaussian_nll : The same for numbers.

    References
    ----------
    I. J. Good, "Rational decisions", Journal of the Royal Statistical Society B 14(1), 1952.

    Examples
    --------
    >>> from sklearn_seq.metrics import negative_log_likelihood
    >>> round(negative_log_likelihood(["spam", "ham", "ham", "spam"], [0.9, 0.1, 0.2, 0.65]), 5)
    0.21616
    """
    codes, proba = read_classes(y_true, y_proba, labels)
    proba = proba / proba.sum(axis=1, keepdims=True)  # log_loss warns of sums that float32 leaves in float64
    weight = read_weights(sample_weight, len(codes))
    return float(log_loss(codes, proba, labels=np.arange(proba.shape[1]), sample_weight=weight))
