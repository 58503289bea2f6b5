"""Rows in an order that their content gives, and equal rows as one.

So the order of the rows, and whether a row stands three times or has weight 3, cannot change a model.
"""

import numpy as np

from sklearn_seq.sequences.container import Sequences

__all__ = ["content_order", "distinct_rows"]

_CHUNK = 1 << 22  # values hashed at once: bounds the memory for long windows


def _multipliers(n: int, seed: int) -> np.ndarray:
    """``n`` fixed odd 64-bit numbers."""
    return np.random.Generator(np.random.PCG64(seed)).integers(0, 2**64, size=n, dtype=np.uint64) | np.uint64(1)


def _mix(key: np.ndarray) -> np.ndarray:
    """Spread the bits of 64-bit keys (the finaliser of splitmix64, Steele et al. 2014)."""
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return key ^ (key >> np.uint64(31))


def _words(values: np.ndarray) -> np.ndarray:
    """The bits of each row's numbers as 64-bit words; zeros of both signs, and all NaN, are made equal."""
    values = np.ascontiguousarray(values)
    if values.dtype.kind == "f":
        values = values + 0.0
        values[np.isnan(values)] = np.nan
        bits = values.view(np.uint32 if values.dtype.itemsize == 4 else np.uint64)
        return bits.astype(np.uint64)
    return values.astype(np.int64).view(np.uint64)


def _row_keys(values: np.ndarray, seed: int) -> np.ndarray:
    """One key a row of a 2-D array."""
    out = np.empty(len(values), dtype=np.uint64)
    factors = _multipliers(values.shape[1], seed)
    step = max(1, _CHUNK // max(1, values.shape[1]))
    for i in range(0, len(values), step):
        out[i : i + step] = _mix(_words(values[i : i + step]) * factors).sum(axis=1, dtype=np.uint64)
    return _mix(out)


def _sequence_keys(X: Sequences) -> np.ndarray:
    """One key a sequence: the keys of its steps, each times a number that belongs to its position."""
    n, longest, equal = len(X), int(X.lengths.max()), X.equal_length is not None
    steps = _row_keys(X.values, 1)
    factors = _multipliers(longest, 2)
    out = np.empty(n, dtype=np.uint64)
    per_chunk = max(1, _CHUNK // longest)
    for i in range(0, n, per_chunk):
        part = X[i : i + per_chunk]
        if equal:
            out[i : i + per_chunk] = (steps[part.rows()].reshape(len(part), longest) * factors).sum(
                axis=1, dtype=np.uint64
            )
            continue
        lengths = part.lengths
        first = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        position = np.arange(int(lengths.sum())) - np.repeat(first, lengths)
        out[i : i + per_chunk] = np.add.reduceat(steps[part.rows()] * factors[position], first)
    return _mix(out + _mix(X.lengths.astype(np.uint64)))


def content_order(X: Sequences, *columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order the rows by content, and number the distinct ones.

    Windows that overlap are told apart by where they lie in their table, which costs nothing; all other sequences by
    a 64-bit key over their values. Equal keys are compared value by value.

    Parameters
    ----------
    X : Sequences
        The samples.
    *columns : ndarray of shape (n_samples,) or (n_samples, n)
        What else tells rows apart: targets, groups.

    Returns
    -------
    order : ndarray of int of shape (n_samples,)
        Rows in content order.
    distinct : ndarray of int of shape (n_samples,)
        For each entry of ``order``, the number of its distinct row, from 0.
    """
    beside = [column.reshape(len(X), -1) for column in columns]
    if X.overlapping:
        base = np.stack([X.starts, X.stops], axis=1)
        keys = _row_keys(base, 3)
        order_keys = [X.stops, X.starts]
    else:
        base = None
        keys = _sequence_keys(X)
        order_keys = []
    for j, column in enumerate(beside):
        keys = _mix(keys + _row_keys(column, 4 + j))
    order = np.lexsort([keys, *order_keys])
    same = np.zeros(len(order), dtype=bool)
    for k in np.flatnonzero(keys[order[1:]] == keys[order[:-1]]):
        a, b = order[k], order[k + 1]
        alike = np.array_equal(X[a], X[b], equal_nan=True) if base is None else np.array_equal(base[a], base[b])
        same[k + 1] = alike and all(np.array_equal(column[a], column[b]) for column in beside)
    return order, np.cumsum(~same) - 1


def distinct_rows(X: Sequences, weight: np.ndarray, *columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One row for each distinct row, in content order, with the sum of the weights.

    Parameters
    ----------
    X : Sequences
        The samples.
    weight : ndarray of float64 of shape (n_samples,)
        Their weights.
    *columns : ndarray
        What else tells rows apart.

    Returns
    -------
    rows : ndarray of int of shape (n_distinct,)
        One index of each.
    weight : ndarray of float64 of shape (n_distinct,)
        Their summed weights.
    """
    order, distinct = content_order(X, *columns)
    first = np.flatnonzero(np.diff(distinct, prepend=-1))
    return order[first], np.add.reduceat(weight[order], first)
