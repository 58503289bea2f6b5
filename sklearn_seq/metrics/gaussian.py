"""Scores of predicted Gaussian distributions."""

from typing import Any

import numpy as np
from scipy.special import ndtr

from sklearn_seq.metrics._reading import average, read_gaussian
from sklearn_seq.params import public

__all__ = ["gaussian_crps", "gaussian_nll"]

_LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)


@public
def gaussian_nll(y_true: Any, mean: Any, std: Any, *, sample_weight: Any = None) -> float:
    """Negative log-likelihood of Gaussian predictions, in nats, averaged over rows and outputs.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
        What happened.
    mean : array-like of the shape of y_true
        Predicted means.
    std : array-like of the shape of y_true
        Predicted standard deviations, above 0.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of rows.

    Returns
    -------
    float
        The mean, with the constant ``log(2 * pi) / 2``; lower is better. It may be negative, as densities exceed 1,
        and depends on the unit of ``y_true``.

    Raises
    ------
    ValueError
        When shapes differ, or when a standard deviation is not above 0.

    See Also
    --------
    gaussian_crps : In the unit of ``y_true``, and milder to outliers.
    quantile_calibration_error : Whether the spread is as said.

    References
    ----------
    D. A. Nix and A. S. Weigend, "Estimating the mean and variance of the target probability distribution", ICNN 1994.

    Examples
    --------
    >>> from sklearn_seq.metrics import gaussian_nll
    >>> round(gaussian_nll([0.0, 2.0], mean=[0.0, 1.0], std=[1.0, 1.0]), 4)
    1.1689
    """
    z, std, weight = read_gaussian(y_true, mean, std, sample_weight)
    return average(0.5 * z**2 + np.log(std) + _LOG_SQRT_2PI, weight)


@public
def gaussian_crps(y_true: Any, mean: Any, std: Any, *, sample_weight: Any = None) -> float:
    """Continuous ranked probability score of Gaussian predictions, averaged over rows and outputs.

    The squared difference between the predicted distribution function and the step at what happened, integrated. It
    has the unit of ``y_true``, and is the absolute error where ``std`` goes to 0.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
        What happened.
    mean : array-like of the shape of y_true
        Predicted means.
    std : array-like of the shape of y_true
        Predicted standard deviations, above 0.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of rows.

    Returns
    -------
    float
        The score; lower is better.

    Raises
    ------
    ValueError
        When shapes differ, or when a standard deviation is not above 0.

    See Also
    --------
    crps_from_samples : The same for any distribution that one can draw from.
    gaussian_nll : Punishes outliers more.

    References
    ----------
    T. Gneiting and A. E. Raftery, "Strictly proper scoring rules, prediction, and estimation", Journal of the American
    Statistical Association 102(477), 2007.

    Examples
    --------
    >>> from sklearn_seq.metrics import gaussian_crps
    >>> round(gaussian_crps([0.0, 2.0], mean=[0.0, 1.0], std=[1.0, 1.0]), 4)
    0.4181
    """
    z, std, weight = read_gaussian(y_true, mean, std, sample_weight)
    density = np.exp(-0.5 * z**2 - _LOG_SQRT_2PI)
    return average(std * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi)), weight)
