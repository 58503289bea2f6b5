"""How sure to be: one number that logits are divided by, learnt from rows that were left out."""

import math

import numpy as np
from scipy.optimize import minimize_scalar

__all__ = ["fit_temperature"]

_RANGE = (-8.0, 4.0)  # of the logarithm of the temperature


def fit_temperature(logits: np.ndarray, codes: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """The temperature of least cross-entropy (Guo et al. 2017), against targets as in Platt (1999).

    A row counts as ``n`` to ``n + K`` of its class and as one in ``n + K`` of each: where all rows are on the right side, as
    many of few rows are, the likelihood alone would be sure without end. The difference vanishes as rows become many.

    Parameters
    ----------
    logits : ndarray of shape (n, K)
        Of rows that were not learnt from.
    codes : ndarray of int of shape (n,)
        The true classes, by column.
    weight : ndarray of shape (n,)

    Returns
    -------
    temperature : float
    loss : float
        Mean cross-entropy with it, against the true classes themselves.
    """
    n, n_classes = logits.shape
    weight = weight / weight.sum()
    rows = np.arange(n)
    # the target is a mixture, so its cross-entropy takes two means of the logits, found once
    smoothed = n_classes / (n + n_classes)
    wanted = weight @ ((1.0 - smoothed) * logits[rows, codes] + smoothed * logits.mean(axis=1))

    top = logits.max(axis=1)
    below = logits - top[:, None]

    # by hand: there are thousands of calls of few rows, and scipy's logsumexp takes five times as long for them
    def log_partition(scale: float) -> np.ndarray:
        return top * scale + np.log(np.exp(below * scale).sum(axis=1))

    def cost(log_temperature: float) -> float:
        scale = math.exp(-log_temperature)
        return float(weight @ log_partition(scale) - scale * wanted)

    temperature = math.exp(minimize_scalar(cost, bounds=_RANGE, method="bounded").x)
    loss = weight @ (log_partition(1.0 / temperature) - logits[rows, codes] / temperature)
    return temperature, float(loss)
