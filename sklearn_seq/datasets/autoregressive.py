"""A random process whose covariances and whose best forecast are known."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state, check_scalar

from sklearn_seq.params import RandomState

__all__ = ["make_ar"]


def make_ar(
    n_timesteps: int = 1000,
    coefficients: Any = (0.9,),
    *,
    sigma: float = 1.0,
    random_state: RandomState = None,
) -> np.ndarray:
    """Make an autoregressive process of any order: x[t] = c[0] x[t-1] + c[1] x[t-2] + ... + noise.

    No forecast of the next step has a mean squared error below ``sigma ** 2``, and the one by the true
    coefficients has it. Of order one, the covariance of two values ``k`` steps apart is ``sigma ** 2 * c ** k
    / (1 - c ** 2)``. The first rows are drawn from the law that all rows have, so there is no burn-in to
    throw away.

    Parameters
    ----------
    n_timesteps : int, default=1000
        Rows of the table.
    coefficients : array-like of shape (order,), default=(0.9,)
        The weight of the last value first. They must make a stationary process.
    sigma : float, default=1.0
        Standard deviation of the normal noise.
    random_state : int, RandomState instance or None, default=None
        Same number, same data.

    Returns
    -------
    ndarray of shape (n_timesteps, 1)
        A table of one column in time order.

    Raises
    ------
    ValueError
        When the process would grow without bound.

    Examples
    --------
    >>> from sklearn_seq.datasets import make_ar
    >>> X = make_ar(20_000, [0.8], sigma=0.5, random_state=0)
    >>> error = X[1:, 0] - 0.8 * X[:-1, 0]
    >>> X.shape, round(float((error**2).mean()), 2)
    ((20000, 1), 0.25)
    """
    from scipy.linalg import cholesky, toeplitz  # half a second, so not at the top
    from scipy.signal import lfilter, lfiltic

    check_scalar(n_timesteps, "n_timesteps", Integral, min_val=1)
    check_scalar(sigma, "sigma", Real, min_val=0, include_boundaries="neither")
    c = np.atleast_1d(np.asarray(coefficients, dtype=np.float64))
    if c.ndim != 1 or not c.size or not np.isfinite(c).all():
        raise ValueError(f"coefficients are {coefficients!r}; wanted one finite number or more, such as [0.5, 0.3]")
    size = np.abs(np.roots([1, *-c])).max(initial=0)
    if size >= 1 - 1e-10:
        raise ValueError(
            f"coefficients {c.tolist()} do not give a stationary process: the largest root of its polynomial "
            f"has size {size:.6g}, wanted below 1. Multiply the k-th of them by {0.99 / size:.3g} ** k, for "
            "instance."
        )
    rng = check_random_state(random_state)
    start = cholesky(toeplitz(_autocovariance(c)), lower=True) @ rng.standard_normal(len(c))
    shocks = rng.standard_normal(n_timesteps)
    # `start` are the values before row 0, the newest first
    x, _ = lfilter([1.0], [1, *-c], shocks, zi=lfiltic([1.0], [1, *-c], start))
    return sigma * x[:, None]


def _autocovariance(c: np.ndarray) -> np.ndarray:
    """Lags 0 to p - 1 of the process with unit noise, from the equations of Yule and Walker."""
    p = len(c)
    A = np.eye(p + 1)
    for lag in range(p + 1):
        np.add.at(A[lag], np.abs(lag - np.arange(1, p + 1)), -c)
    return np.linalg.solve(A, np.eye(p + 1)[0])[:p]
