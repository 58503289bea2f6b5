"""Arithmetic on all sequences at once: blocks of values with boundaries, where nothing crosses a boundary.

Nothing here sums over a whole block and subtracts: a huge value in one sequence would cost its neighbours digits.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.statistics import variance_about

__all__: list[str] = []

CHUNK = 1 << 20  # values held in float64 at once


def flat(X: Sequences) -> Sequences:
    """The same sequences one behind another, with no row shared or unused; no copy where that is so already."""
    stops = np.cumsum(X.lengths)
    starts = stops - X.lengths
    if len(X.values) == stops[-1] and np.array_equal(starts, X.starts):
        return X
    return Sequences._make(X.values[X.rows()], starts, stops, X._source, X._offsets, X.n_tokens)


def positions(X: Sequences) -> np.ndarray:
    """For each row of a flat block, the time step in its sequence."""
    return np.arange(len(X.values)) - np.repeat(X.starts, X.lengths)


def by_length(X: Sequences) -> Iterator[np.ndarray]:
    """Rows of the sequences that share a length, each time as an array of shape (n_sequences, length)."""
    order = np.argsort(X.lengths, kind="stable")
    lengths, first = np.unique(X.lengths[order], return_index=True)
    for length, members in zip(lengths, np.split(order, first[1:]), strict=True):
        yield X.starts[members][:, None] + np.arange(length)


def stretches(X: Sequences, window: int, *, centered: bool, shrink: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """For each row of a flat block, the first row and the number of rows of the window around or behind it.

    Parameters
    ----------
    X : Sequences
        Flat.
    window : int
        Rows of a whole window.
    centered : bool
        Whether the row stands in the middle of its window, or at its end.
    shrink : bool
        Windows that reach beyond a sequence are cut (True), or moved inside (False; only the sequence's own length
        cuts them).

    Returns
    -------
    first, count : ndarray of int of shape (n_rows,)
        The windows.
    """
    position = positions(X)
    length = np.repeat(X.lengths, X.lengths)
    if not centered:
        begin, end = np.maximum(position - window + 1, 0), position + 1
    elif shrink:
        begin, end = np.maximum(position - window // 2, 0), np.minimum(position + window // 2 + 1, length)
    else:
        count = np.minimum(window, length)
        begin = np.clip(position - window // 2, 0, length - count)
        end = begin + count
    return np.arange(len(position)) - position + begin, end - begin


def coverage(X: Sequences) -> np.ndarray:
    """How many sequences each row of the block belongs to."""
    n = len(X.values) + 1
    return np.cumsum(np.bincount(X.starts, minlength=n) - np.bincount(X.stops, minlength=n))[:-1]


# -- statistics over all sequences; windows that share rows count them each time, as a list of them would ------------


def moments(X: Sequences) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each feature over what is not NaN; NaN where nothing is left."""
    counts = coverage(X)
    total, mean, rest, square = np.zeros((4, X.n_features))
    for values, weight in _weighted(X.values, counts):
        total += weight.sum(axis=0)
        mean += (values * weight).sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean /= total
        for values, weight in _weighted(X.values, counts):
            apart = (values - mean) * weight
            rest += apart.sum(axis=0)
            square += (apart * (values - mean)).sum(axis=0)
        return mean, np.sqrt(variance_about(square / total, rest / total))


def _weighted(values: np.ndarray, counts: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Parts of a block as float64, 0 where NaN, with the weight of each value."""
    step = max(1, CHUNK // values.shape[1])
    for i in range(0, len(values), step):
        part, count = values[i : i + step], counts[i : i + step, None]
        there = ~np.isnan(part) & (count > 0)
        yield np.where(there, part, 0.0).astype(np.float64, copy=False), there * count


def quantiles(X: Sequences, q: Any) -> np.ndarray:
    """Quantiles of each feature over what is not NaN, of shape (n_quantiles, n_features), as ``np.nanquantile``."""
    counts = coverage(X)
    out = np.full((len(q), X.n_features), np.nan)
    for f, column in enumerate(X.values.T):
        use = (counts > 0) & ~np.isnan(column)
        if use.any():
            values = column[use].astype(np.float64)
            order = np.argsort(values, kind="stable")
            out[:, f] = _between(values[order], np.cumsum(counts[use][order]), np.asarray(q))
    return out


def _between(values: np.ndarray, last: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Quantiles of sorted values, of which value ``i`` stands at the places below ``last[i]``."""
    place = (last[-1] - 1) * q
    low = values[np.searchsorted(last, np.floor(place), side="right")]
    high = values[np.searchsorted(last, np.ceil(place), side="right")]
    return low + (high - low) * (place - np.floor(place))


# -- statistics of each sequence: arrays of shape (n_sequences, n_features) --------------------------------------------


def own_moments(X: Sequences) -> tuple[np.ndarray, np.ndarray]:
    """`moments` of each sequence of a flat block."""
    there = ~np.isnan(X.values)
    values = np.where(there, X.values, 0.0).astype(np.float64)
    total = np.add.reduceat(there.astype(np.float64), X.starts)
    with np.errstate(invalid="ignore"):
        mean = np.add.reduceat(values, X.starts) / total
        deviation = np.where(there, values - np.repeat(mean, X.lengths, axis=0), 0.0)
        rest = np.add.reduceat(deviation, X.starts) / total
        return mean, np.sqrt(variance_about(np.add.reduceat(deviation**2, X.starts) / total, rest))


def own_quantiles(X: Sequences, q: Any) -> np.ndarray:
    """`quantiles` of each sequence of a flat block, of shape (n_quantiles, n_sequences, n_features)."""
    group = np.repeat(np.arange(len(X)), X.lengths)
    total = np.add.reduceat((~np.isnan(X.values)).astype(np.int64), X.starts)
    out = np.empty((len(q), len(X), X.n_features))
    for f, column in enumerate(X.values.T):
        values = column[np.lexsort([column, group])].astype(np.float64)  # NaN stand last in each sequence
        for k, fraction in enumerate(q):
            place = np.maximum(total[:, f] - 1, 0) * fraction
            low = values[X.starts + np.floor(place).astype(np.int64)]
            high = values[X.starts + np.ceil(place).astype(np.int64)]
            out[k, :, f] = low + (high - low) * (place - np.floor(place))
    return out
