"""Scores of predicted intervals."""

from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils import check_scalar

from sklearn_seq.metrics._reading import average, first, read_array, read_numbers
from sklearn_seq.params import public

__all__ = ["interval_coverage", "interval_score", "interval_width"]


@public
def interval_coverage(y_true: Any, lower: Any, upper: Any, *, sample_weight: Any = None) -> float:
    """Share of what happened that lies inside predicted intervals, ends included.

    Intervals that are to cover 90 % should give 0.9, neither less nor more; that alone says nothing of their width, see
    `interval_score`.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
        What happened.
    lower : array-like of the shape of y_true
        Lower ends; ``-inf`` is open.
    upper : array-like of the shape of y_true
        Upper ends, nowhere below the lower ones; ``inf`` is open.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of rows.

    Returns
    -------
    float
        The share, from 0 to 1, averaged over outputs.

    Raises
    ------
    ValueError
        When shapes differ, or when an upper end lies below the lower one.

    See Also
    --------
    interval_score : Coverage and width in one number.

    Notes
    -----
    By chance alone, ``n_samples`` independent rows give a share that is off by ``sqrt(c * (1 - c) / n_samples)``, as a
    standard deviation, where ``c`` is the true one: 0.03 for 100 rows and 90 %.

    References
    ----------
    T. Gneiting, F. Balabdaoui and A. E. Raftery, "Probabilistic forecasts, calibration and sharpness", Journal of the
    Royal Statistical Society B 69(2), 2007.

    Examples
    --------
    >>> from sklearn_seq.metrics import interval_coverage
    >>> interval_coverage([1.0, 2.0, 3.0, 9.0], lower=[0.0, 1.0, 2.0, 3.0], upper=[1.0, 3.0, 4.0, 5.0])
    0.75
    """
    y, (low, high), weight = read_numbers(y_true, sample_weight, infinite=True, lower=lower, upper=upper)
    _check_order(low, high)
    return average((low <= y) & (y <= high), weight)


@public
def interval_width(lower: Any, upper: Any, *, sample_weight: Any = None) -> float:
    """Mean width of predicted intervals.

    Of two models that cover what they say, the one of narrower intervals knows more.

    Parameters
    ----------
    lower : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Lower ends.
    upper : array-like of the shape of lower
        Upper ends, nowhere below the lower ones.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of rows.

    Returns
    -------
    float
        The width, in the unit of the ends, averaged over rows and outputs.

    Raises
    ------
    ValueError
        When shapes differ, when an end is open, or when an upper end lies below the lower one.

    See Also
    --------
    interval_score : Coverage and width in one number.

    Examples
    --------
    >>> from sklearn_seq.metrics import interval_width
    >>> interval_width([0.0, 1.0], [1.0, 3.0])
    1.5
    """
    low, high = read_array(lower, "lower"), read_array(upper, "upper")
    if low.shape != high.shape:
        raise ValueError(
            f"upper has shape {high.shape} and lower has shape {low.shape}; wanted the same for both. Of predict_interval(X), "
            "give [..., 0] and [..., 1]."
        )
    low, (high,), weight = read_numbers(low, sample_weight, upper=high)
    _check_order(low, high)
    return average(high - low, weight)


@public
def interval_score(y_true: Any, lower: Any, upper: Any, coverage: float, *, sample_weight: Any = None) -> float:
    """Winkler's score of predicted intervals: their width, and a fine for what lies outside.

    The fine is ``2 / (1 - coverage)`` times the distance to the interval. The best intervals are those between the
    quantiles ``(1 - coverage) / 2`` and ``(1 + coverage) / 2`` of the true distribution.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
        What happened.
    lower : array-like of the shape of y_true
        Lower ends.
    upper : array-like of the shape of y_true
        Upper ends, nowhere below the lower ones.
    coverage : float
        The share that the intervals are to cover, between 0 and 1.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of rows.

    Returns
    -------
    float
        The score, in the unit of ``y_true``, averaged over rows and outputs; lower is better.

    Raises
    ------
    ValueError
        When shapes differ, when an upper end lies below the lower one, or for another coverage.

    See Also
    --------
    interval_coverage : The share inside.

    References
    ----------
    R. L. Winkler, "A decision-theoretic approach to interval estimation", Journal of the American Statistical
    Association 67(337), 1972. T. Gneiting and A. E. Raftery, "Strictly proper scoring rules, prediction, and
    estimation", Journal of the American Statistical Association 102(477), 2007.

    Examples
    --------
    >>> from sklearn_seq.metrics import interval_score
    >>> interval_score([1.0, 6.0], lower=[0.0, 3.0], upper=[2.0, 5.0], coverage=0.5)
    4.0
    """
    check_scalar(coverage, "coverage", Real)
    if not 0 < coverage < 1:
        raise ValueError(f"coverage={coverage!r}; wanted a share between 0 and 1. For 90 %, give 0.9.")
    y, (low, high), weight = read_numbers(y_true, sample_weight, lower=lower, upper=upper)
    _check_order(low, high)
    outside = np.maximum(low - y, 0) + np.maximum(y - high, 0)
    return average(high - low + 2 / (1 - coverage) * outside, weight)


def _check_order(low: np.ndarray, high: np.ndarray) -> None:
    wrong = high < low
    if wrong.any():
        place = first(wrong)
        raise ValueError(
            f"upper[{place}] is {high[wrong][0]:g}, below lower[{place}], {low[wrong][0]:g}; wanted intervals. If ends crossed, "
            "give np.minimum(lower, upper) and np.maximum(lower, upper)."
        )
