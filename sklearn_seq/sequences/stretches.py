"""Stretches of a table: where they begin and end, whether they share rows, their rows, which table they are of.

No function here makes an array with an entry for each time step, besides the rows that are asked for: index arrays would
be larger than the data of few features.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

__all__ = ["CHUNK", "gather", "indices", "row_numbers", "runs", "share_rows", "side_by_side", "table_identity", "union"]

CHUNK = 1 << 15  # values worked on at once: what is made on the way stays small, and in the processor's caches


def table_identity(values: np.ndarray) -> str:
    """A name for a table that its content gives: windows that were cut from equal tables can be held against each other.

    Parameters
    ----------
    values : ndarray
        The table.

    Returns
    -------
    str
    """
    name = hashlib.blake2b(repr((values.shape, values.dtype.str)).encode(), digest_size=16)
    name.update(np.ascontiguousarray(values).tobytes() if values.dtype.hasobject else np.ascontiguousarray(values).data)
    return name.hexdigest()


def share_rows(starts: np.ndarray, stops: np.ndarray) -> bool:
    """Whether two different stretches share rows (one that stands twice does not count)."""
    after = starts[1:] >= stops[:-1]
    if after.all():
        return False
    other = (starts[1:] != starts[:-1]) | (stops[1:] != stops[:-1])
    if (~after & other & (starts[:-1] < stops[1:])).any():  # windows in order of time need no sorting
        return True
    lengths = stops - starts
    if (lengths == lengths[0]).all():
        gaps = np.diff(np.sort(starts))
        return bool(((gaps > 0) & (gaps < lengths[0])).any())
    order = np.lexsort([stops, starts])
    starts, stops = starts[order], stops[order]
    new = np.r_[True, (np.diff(starts) != 0) | (np.diff(stops) != 0)]
    starts, stops = starts[new], stops[new]
    return bool((starts[1:] < np.maximum.accumulate(stops)[:-1]).any())


def union(starts: np.ndarray, stops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows that any stretch holds, as the fewest stretches in rising order: their starts and stops."""
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(stops[order])
    first = np.r_[True, starts[1:] > reach[:-1]][: len(starts)]
    last = np.r_[first[1:], True][: len(starts)]
    return starts[first], reach[last]


def runs(lengths: np.ndarray, n_steps: int) -> Iterator[slice]:
    """Neighbours that hold at most ``n_steps`` together, or a single longer one.

    Parameters
    ----------
    lengths : ndarray of int of shape (n_sequences,)
        Time steps of each.
    n_steps : int
        How many at once.

    Yields
    ------
    slice
        Of the sequences; all of them, in order.
    """
    ends = np.cumsum(lengths)
    i = done = 0
    while i < len(ends):
        j = max(i + 1, int(np.searchsorted(ends, done + n_steps, "right")))
        yield slice(i, j)
        i, done = j, int(ends[j - 1])


def row_numbers(starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Row numbers of all steps, one stretch after another."""
    lengths = stops - starts
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - (ends - lengths), lengths)


def gather(values: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """A copy of the rows of all stretches, one stretch after another.

    Parameters
    ----------
    values : ndarray of shape (total_timesteps, n_features)
        The table.
    starts, stops : ndarray of int64 of shape (n_sequences,)
        The stretches.

    Returns
    -------
    ndarray of shape (n, n_features)
    """
    lengths, n_features = stops - starts, values.shape[1]
    if len(lengths) and (lengths == lengths[0]).all():
        length, (step, across) = int(lengths[0]), values.strides
        shape = (len(values) - length + 1, length, n_features)
        every = as_strided(values, shape, (step, step, across), writeable=False)  # (N - T + 1, T, F), no copy
        return np.ascontiguousarray(every[starts]).reshape(-1, n_features)
    out = np.empty((int(lengths.sum()), n_features), dtype=values.dtype)
    done = 0
    for run in runs(lengths, max(1, CHUNK // max(1, n_features))):
        part = out[done : done + int(lengths[run].sum())]
        if run.stop - run.start == 1:
            part[:] = values[starts[run.start] : stops[run.start]]
        elif len(part):
            np.take(values, row_numbers(starts[run], stops[run]), axis=0, out=part, mode="clip")
        done += len(part)
    return out


def side_by_side(values: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """The rows of all stretches, one stretch after another: as they lie where they lie so, else a copy."""
    if len(starts) and (starts[1:] == stops[:-1]).all():
        return values[starts[0] : stops[-1]]
    return gather(values, starts, stops)


def indices(values: Any, name: str) -> np.ndarray:
    """Whole numbers as int64, or a refusal that names them."""
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(f"{name} must be a 1-D array of whole numbers; got shape {array.shape}, dtype {array.dtype}")
    return array.astype(np.int64)
