"""Weighted mean and deviation of features."""

import numpy as np

from sklearn_seq.sequences.container import Sequences

__all__ = ["feature_statistics"]


def feature_statistics(data: Sequences, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each feature over all time steps; missing values do not count.

    Parameters
    ----------
    data : Sequences
        May overlap: a row counts once for each window that holds it.
    weight : ndarray of shape (n_samples,)
        A step has its sequence's weight.

    Returns
    -------
    mean, deviation : ndarray of float64 of shape (n_features,)
        A feature that does not vary has deviation 1.
    """
    steps = np.zeros(len(data.values) + 1)
    np.add.at(steps, data.starts, weight)
    np.subtract.at(steps, data.stops, weight)
    weights = np.clip(np.cumsum(steps)[:-1], 0.0, None)[:, None]  # (N, 1): weight of each row of the block
    values = data.values.astype(np.float64, copy=False)
    there = np.isfinite(values)
    values = np.where(there, values, 0.0)
    total = (weights * there).sum(axis=0)
    total[total == 0.0] = 1.0
    mean = (weights * values).sum(axis=0) / total
    variance = (weights * np.where(there, values - mean, 0.0) ** 2).sum(axis=0) / total
    deviation = np.sqrt(variance)
    # what varies by rounding alone is constant
    deviation[deviation <= 10 * np.finfo(data.values.dtype).eps * np.abs(mean)] = 1.0
    return mean, deviation
