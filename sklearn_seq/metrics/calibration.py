"""Whether what is said to happen in p % of cases happens in p % of cases."""

from numbers import Integral
from typing import Any, Literal

import numpy as np
from scipy.special import ndtri
from sklearn.utils import check_scalar

from sklearn_seq.metrics._classes import read_classes
from sklearn_seq.metrics._reading import read_gaussian, read_weights
from sklearn_seq.params import public

__all__ = ["expected_calibration_error", "quantile_calibration_error"]


@public
def expected_calibration_error(
    y_true: Any,
    y_proba: Any,
    *,
    n_bins: int = 15,
    strategy: Literal["uniform", "quantile"] = "uniform",
    labels: Any = None,
    sample_weight: Any = None,
) -> float:
    """Expected calibration error of the most probable class.

    Rows are put into bins by the probability of their most probable class. In each bin the mean of that probability
    should be the share of rows where the class is right; the error is the mean absolute difference, bins weighted by
    their rows.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, columns in the order of ``labels``. One dimension is the probability of the second of two
        classes. Of equal ones, the first class is taken for the prediction, as ``argmax`` does.
    n_bins : int, default=15
        Number of bins.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, each with its upper end, or bins of equal weight; equal probabilities stay together.
    labels : array-like of shape (n_classes,), optional
        The classes, in the order of the columns; None means those of ``y_true``, sorted.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of rows.

    Returns
    -------
    float
        The error, from 0 to 1; lower is better.

    Raises
    ------
    ValueError
        When labels and columns do not match, when a row holds no probabilities, or for another strategy.

    See Also
    --------
    brier_score : A proper score, which this is not: giving every row the shares of classes is perfectly calibrated.

    Notes
    -----
    `sklearn.calibration.calibration_curve` draws another thing: the probability of the positive class of two, not that
    of the most probable one. Bins of few rows are off by chance, and so the error of a calibrated model is above 0;
    compare models on the same rows with the same bins.

    References
    ----------
    M. P. Naeini, G. F. Cooper and M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI
    2015. C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017.

    Examples
    --------
    Of four rows that are 75 % sure, two are right.

    >>> from sklearn_seq.metrics import expected_calibration_error
    >>> expected_calibration_error([0, 1, 1, 0], [0.75, 0.75, 0.75, 0.75])
    0.25
    """
    check_scalar(n_bins, "n_bins", Integral, min_val=1)
    if strategy not in ("uniform", "quantile"):
        raise ValueError(
            f"strategy={strategy!r}; wanted 'uniform', bins of equal width, or 'quantile', of equal weight."
        )
    codes, proba = read_classes(y_true, y_proba, labels)
    weight = read_weights(sample_weight, len(codes))
    confidence = proba.max(axis=1).astype(np.float64)
    right = proba.argmax(axis=1) == codes
    if strategy == "uniform":
        bins = np.digitize(confidence, np.linspace(0, 1, n_bins + 1)[1:-1], right=True)
    else:
        bins = _equal_bins(confidence, weight, n_bins)
    return float(np.abs(np.bincount(bins, weights=weight * (right - confidence))).sum() / weight.sum())


def _equal_bins(values: np.ndarray, weight: np.ndarray, n_bins: int) -> np.ndarray:
    """Bin of each row, by the share of weight that lies strictly below it: weights are copies, and ties stay together."""
    _, inverse = np.unique(values, return_inverse=True)
    at = np.bincount(inverse, weights=weight)
    below = np.cumsum(at) - at
    # the little that is added makes good for rounding: 0.1 + 0.1 + 0.1 of 0.9 is a third
    return (below * n_bins / weight.sum() + 1e-9).astype(int)[inverse]


@public
def quantile_calibration_error(
    y_true: Any, mean: Any, std: Any, *, n_levels: int = 19, sample_weight: Any = None
) -> float:
    """Calibration error of Gaussian predictions: whether a share p of what happened lies below the p-quantile.

    The mean absolute difference between ``p`` and that share, over levels ``p`` evenly spaced between 0 and 1.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
        What happened.
    mean : array-like of the shape of y_true
        Predicted means.
    std : array-like of the shape of y_true
        Predicted standard deviations, above 0.
    n_levels : int, default=19
        Number of levels, ``k / (n_levels + 1)``; the default gives 0.05, 0.10, ..., 0.95.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of rows.

    Returns
    -------
    float
        The error, from 0 to 0.5, averaged over outputs; lower is better.

    Raises
    ------
    ValueError
        When shapes differ, or when a standard deviation is not above 0.

    See Also
    --------
    gaussian_crps : A proper score, which this is not: predicting mean and spread of all data is calibrated.
    interval_coverage : The same question for one interval.

    Notes
    -----
    By chance alone, a calibrated model has an error of about ``0.33 / sqrt(n_samples)``. The paper sums weighted
    squares of the same differences.

    References
    ----------
    V. Kuleshov, N. Fenner and S. Ermon, "Accurate uncertainties for deep learning using calibrated regression", ICML
    2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq.metrics import quantile_calibration_error
    >>> y = np.random.default_rng(0).normal(size=10_000)
    >>> round(quantile_calibration_error(y, np.zeros(10_000), np.ones(10_000)), 2)
    0.0
    >>> round(quantile_calibration_error(y, np.zeros(10_000), np.full(10_000, 0.5)), 2)  # too sure
    0.1
    """
    check_scalar(n_levels, "n_levels", Integral, min_val=1)
    z, _, weight = read_gaussian(y_true, mean, std, sample_weight)
    levels = np.arange(1, n_levels + 1) / (n_levels + 1)
    shares = [np.average(z <= quantile, axis=0, weights=weight) for quantile in ndtri(levels)]
    return float(np.abs(np.array(shares) - levels[:, None]).mean())  # (n_levels, n_outputs)
