"""Scores of distributions that are predicted as draws."""

from typing import Any

import numpy as np

from sklearn_seq.metrics._reading import average, read_array, read_numbers
from sklearn_seq.params import public

__all__ = ["crps_from_samples"]


@public
def crps_from_samples(y_true: Any, samples: Any, *, sample_weight: Any = None) -> float:
    """Continuous ranked probability score of predictions given as draws, averaged over rows.

    ``E|X - y| - E|X - X'| / 2``, where ``X`` and ``X'`` are any two of the draws, a draw and itself included: the score
    of the distribution that is the draws. With one draw it is the mean absolute error.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        What happened.
    samples : array-like of shape (n_samples, n_draws)
        Draws from what was predicted for each row, in any order: members of an ensemble, dropout passes, generated
        paths.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of rows.

    Returns
    -------
    float
        The score, in the unit of ``y_true``; lower is better.

    Raises
    ------
    ValueError
        When rows differ in number, or when ``samples`` is not two-dimensional.

    See Also
    --------
    gaussian_crps : Exact, where the prediction is a Gaussian.

    Notes
    -----
    Few draws from the right distribution score worse than the distribution itself, by ``E|X - X'| / (2 n_draws)``;
    compare models by equal numbers of draws. The cost is that of sorting each row.

    References
    ----------
    T. Gneiting and A. E. Raftery, "Strictly proper scoring rules, prediction, and estimation", Journal of the American
    Statistical Association 102(477), 2007. The sorted form: A. Jordan, F. Krüger and S. Lerch, "Evaluating
    probabilistic forecasts with scoringRules", Journal of Statistical Software 90(12), 2019.

    Examples
    --------
    >>> from sklearn_seq.metrics import crps_from_samples
    >>> crps_from_samples([0.0, 1.0], [[-1.0, 1.0], [0.0, 2.0]])
    0.5
    """
    y, _, weight = read_numbers(y_true, sample_weight)
    draws = read_array(samples, "samples")
    if draws.ndim != 2 or y.shape[1] != 1:
        raise ValueError(
            f"samples has shape {draws.shape} and y_true has shape {np.shape(y_true)}; wanted (n_samples, n_draws) and "
            "(n_samples,). Score one output at a time."
        )
    if len(draws) != len(y):
        raise ValueError(
            f"samples has {len(draws)} rows and y_true has {len(y)}; wanted one row of draws for each of y_true. If draws "
            "stand in rows, give samples.T."
        )
    m = draws.shape[1]
    error = np.sort(draws - y, axis=1)  # (n_samples, n_draws); differences first, so that large levels cost no digits
    spread = error @ (2 * np.arange(m) - m + 1) / m**2
    return average((np.abs(error).mean(axis=1) - spread)[:, None], weight)
