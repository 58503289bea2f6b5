"""Weighted mean and deviation of features."""

from collections.abc import Iterator

import numpy as np

from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.stretches import CHUNK

__all__ = ["feature_statistics", "step_statistics", "variance_about"]

_FOLD = 64  # rows summed as one: numpy is slow at adding up many short ones


def _column_sums(values: np.ndarray) -> np.ndarray:
    """Sums over the rows of (n, F)."""
    n, n_features = values.shape
    whole = n // _FOLD * _FOLD
    folded = values[:whole].reshape(-1, _FOLD * n_features).sum(axis=0)
    return folded.reshape(_FOLD, n_features).sum(axis=0) + values[whole:].sum(axis=0)


def _row_weights(data: Sequences, weight: np.ndarray) -> np.ndarray:
    """For each row of the table the summed weight of the windows that hold it, (N,)."""
    steps = np.zeros(len(data.values) + 1)
    np.add.at(steps, data.starts, weight)
    np.subtract.at(steps, data.stops, weight)
    np.cumsum(steps, out=steps)
    return np.clip(steps, 0.0, None, out=steps)[:-1]


def _chunks(data: Sequences, weight: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All rows and how often each counts, a chunk at a time."""
    step = max(1, CHUNK // data.n_features)
    if data.overlapping:  # a row of the table is met once, not once for each window
        weights = _row_weights(data, weight)
        for i in range(0, len(weights), step):
            yield data.values[i : i + step], weights[i : i + step]
        return
    lengths = data.lengths
    for run, values in data.blocks():
        weights = np.repeat(weight[run], lengths[run])
        for i in range(0, len(weights), step):
            yield values[i : i + step], weights[i : i + step]


def _numbers(data: Sequences, weight: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """As `_chunks`, in float64 and with a weight for each value; what is missing is 0, with weight 0."""
    for rows, row_weights in _chunks(data, weight):
        values = rows.astype(np.float64, order="C")
        weights = np.repeat(row_weights, data.n_features).reshape(values.shape)
        missing = ~np.isfinite(values)
        if missing.any():
            values[missing] = weights[missing] = 0.0
        yield values, weights


def variance_about(square: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Variances of values about a mean that was rounded; without the second term what is constant would seem to vary.

    Parameters
    ----------
    square, rest : ndarray
        Means of the squares of what is left after the mean was taken off, and of what is left itself.

    Returns
    -------
    ndarray
    """
    return np.maximum(square - rest * rest, 0.0)


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
    total, mean, rest, square = np.zeros((4, data.n_features))
    for values, weights in _numbers(data, weight):
        total += _column_sums(weights)
        values *= weights
        mean += _column_sums(values)
    total[total == 0.0] = 1.0
    mean /= total
    for values, weights in _numbers(data, weight):
        values -= mean
        weights *= values
        rest += _column_sums(weights)
        weights *= values
        square += _column_sums(weights)
    deviation = np.sqrt(variance_about(square / total, rest / total))
    # what varies by rounding alone is constant
    deviation[deviation <= 10 * np.finfo(data.values.dtype).eps * np.abs(mean)] = 1.0
    return mean, deviation


def step_statistics(data: Sequences, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and deviation of each feature at each step, counted from the beginning of the sequences.

    Parameters
    ----------
    data : Sequences
        Missing values do not count.
    weight : ndarray of shape (n_samples,)

    Returns
    -------
    mean, deviation : ndarray of float64 of shape (T, n_features)
        For the T steps of the longest sequence. Of a step that a single sequence has, the deviation is 0.
    weight : ndarray of float64 of shape (T,)
        Of the sequences that have such a step.
    """
    longest = int(data.lengths.max())
    total, first, second = np.zeros((3, longest, data.n_features))
    present = np.zeros(longest)
    center, _ = feature_statistics(data, weight)  # sums of squares about it lose nothing
    for run, values in data.blocks():
        lengths = data.lengths[run]
        step = np.arange(len(values)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        row_weights = np.repeat(weight[run], lengths)
        present += np.bincount(step, row_weights, longest)
        for f in range(data.n_features):
            own = values[:, f].astype(np.float64) - center[f]
            there = np.isfinite(own)
            own, weights = np.where(there, own, 0.0), np.where(there, row_weights, 0.0)
            total[:, f] += np.bincount(step, weights, longest)
            first[:, f] += np.bincount(step, weights * own, longest)
            second[:, f] += np.bincount(step, weights * own * own, longest)
    total[total == 0.0] = 1.0
    first /= total
    variance = np.maximum(second / total - first**2, 0.0)
    deviation = np.sqrt(variance)
    deviation[deviation <= 1e-6 * np.sqrt(np.maximum(second / total, 0.0))] = 0.0
    return center + first, deviation, present
