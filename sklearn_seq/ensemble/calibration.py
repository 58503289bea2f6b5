"""What is learnt from rows that no member saw: how sure to be."""

import math

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

__all__ = ["conformal_scores", "conformal_width", "temperature_of_deviations", "temperature_of_probabilities"]

_RANGE = (-4.0, 4.0)  # of the logarithm of the temperature


def temperature_of_probabilities(log_proba: np.ndarray, codes: np.ndarray, weight: np.ndarray) -> float:
    """The temperature of least negative log-likelihood (Guo et al. 2017), of the mean of the members' probabilities.

    Parameters
    ----------
    log_proba : ndarray of shape (n_samples, n_classes)
    codes : ndarray of int of shape (n_samples,)
        The true classes, by column.
    weight : ndarray of shape (n_samples,)

    Returns
    -------
    float
    """
    log_proba = np.maximum(log_proba, -700.0)
    weight = weight / weight.mean()  # weights of three and of one have the same bits

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(log_proba / math.exp(log_temperature), axis=1)
        return -float(np.average(scaled[np.arange(len(codes)), codes], weights=weight))

    found = minimize_scalar(loss, bounds=_RANGE, method="bounded")
    return float(math.exp(found.x)) if found.fun < loss(0.0) else 1.0


def temperature_of_deviations(residual: np.ndarray, std: np.ndarray, weight: np.ndarray) -> float:
    """The factor of the variances of least negative log-likelihood: the mean of the squared standardised residuals.

    Parameters
    ----------
    residual, std : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,)

    Returns
    -------
    float
    """
    weight = weight / weight.mean()  # weights of three and of one have the same bits
    squares = np.average(((residual / std) ** 2).reshape(len(weight), -1), axis=0, weights=weight)
    return float(max(squares.mean(), np.finfo(float).tiny))


def conformal_scores(residual: np.ndarray, std: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standardised residuals in rising order, and how many rows each and those below it stand for.

    Parameters
    ----------
    residual, std : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,)
        Equal rows each stands for.

    Returns
    -------
    scores, counts : ndarray of shape (n_samples, n_outputs)
    """
    scores = np.abs(residual / std).reshape(len(weight), -1)
    order = np.argsort(scores, axis=0, kind="stable")
    return np.take_along_axis(scores, order, axis=0), np.cumsum(weight[order], axis=0)


def conformal_width(scores: np.ndarray, counts: np.ndarray, coverage: float) -> np.ndarray:
    """How many deviations an interval of this coverage reaches to each side (Lei et al. 2018), (n_outputs,).

    It is the k-th smallest of n scores with k = ceil((n + 1) coverage), and infinite where k is more than n: then the
    rows are too few to promise so much.
    """
    n = counts[-1]
    k = np.ceil((n + 1.0) * coverage - 1e-9)
    wide = np.full(scores.shape[1], np.inf)
    for j in range(scores.shape[1]):
        if k[j] <= n[j] + 1e-9:
            wide[j] = scores[min(int(np.searchsorted(counts[:, j], k[j] - 1e-9)), len(scores) - 1), j]
    return wide
