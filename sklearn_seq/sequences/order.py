"""Rows in an order that their content gives, and equal rows as one.

So the order of the rows, and whether a row stands three times or has weight 3, cannot change a model.
"""

import numpy as np

from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.stretches import CHUNK, row_numbers

__all__ = ["content_order", "distinct_rows"]

_FEW = 12  # features that are added up column by column: numpy is slow at summing many short rows


def _multipliers(n: int, seed: int) -> np.ndarray:
    """``n`` fixed odd 64-bit numbers."""
    return np.random.Generator(np.random.PCG64(seed)).integers(0, 2**64, size=n, dtype=np.uint64) | np.uint64(1)


def _mix(key: np.ndarray) -> np.ndarray:
    """Spread the bits of 64-bit keys, in place (the finaliser of splitmix64, Steele et al. 2014)."""
    shifted = np.empty_like(key)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        key ^= np.right_shift(key, np.uint64(shift), out=shifted)
        key *= np.uint64(factor)
    key ^= np.right_shift(key, np.uint64(31), out=shifted)
    return key


def _words(values: np.ndarray) -> np.ndarray:
    """The bits of each row's numbers as 64-bit words; zeros of both signs, and all NaN, are made equal."""
    values = np.ascontiguousarray(values)
    if values.dtype.kind == "f":
        values = values + 0.0
        missing = np.isnan(values)
        if missing.any():
            values[missing] = np.nan
        bits = values.view(np.uint32 if values.dtype.itemsize == 4 else np.uint64)
        return bits.astype(np.uint64)
    return values.astype(np.int64).view(np.uint64)


def _row_keys(values: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """One key a row of a 2-D array; each column has its factor."""
    out = np.zeros(len(values), dtype=np.uint64)
    n_columns = values.shape[1]
    step = max(1, CHUNK // max(1, n_columns))
    for i in range(0, len(values), step):
        words = _words(values[i : i + step])
        words *= factors
        _mix(words)
        if n_columns > _FEW:
            words.sum(axis=1, out=out[i : i + step])
        else:
            for column in range(n_columns):
                out[i : i + step] += words[:, column]
        _mix(out[i : i + step])
    return out


def _sequence_keys(X: Sequences) -> np.ndarray:
    """One key a sequence: the keys of its steps, each times a number that belongs to its position."""
    lengths, equal = X.lengths, X.equal_length
    some = lengths > 0
    if not some.all():  # what is added up below must have something to add
        out = np.full(len(X), _mix(np.zeros(1, dtype=np.uint64))[0], dtype=np.uint64)
        if some.any():
            out[some] = _sequence_keys(X[some])
        return out
    by_feature, by_position = _multipliers(X.n_features, 1), _multipliers(int(lengths.max()), 2)
    out = np.zeros(len(X), dtype=np.uint64)
    for run, values in X.blocks():
        steps = _row_keys(values, by_feature)
        if equal is not None or run.stop - run.start == 1:
            length = int(lengths[run.start])
            np.einsum("it,t->i", steps.reshape(-1, length), by_position[:length], out=out[run])
            continue
        first = np.cumsum(lengths[run]) - lengths[run]
        steps *= by_position[row_numbers(np.zeros_like(first), lengths[run])]
        np.add.reduceat(steps, first, out=out[run])
    out += _mix(lengths.astype(np.uint64))
    return _mix(out)


def _column_keys(column: np.ndarray | Sequences, seed: int) -> np.ndarray:
    """One key a row of what stands beside the samples."""
    if isinstance(column, Sequences):
        return _mix(_sequence_keys(column) * _multipliers(1, seed))
    return _row_keys(column, _multipliers(column.shape[1], seed))


def _order_and_news(X: Sequences, columns: tuple[np.ndarray | Sequences, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Rows in content order, and for each whether it differs from the one before."""
    beside = [column if isinstance(column, Sequences) else column.reshape(len(X), -1) for column in columns]
    overlapping = X.overlapping
    if overlapping:
        keys = _row_keys(np.stack([X.starts, X.stops], axis=1), _multipliers(2, 3))
        before = [X.stops, X.starts]
    else:
        keys, before = _sequence_keys(X), []
    for j, column in enumerate(beside):
        keys += _column_keys(column, 4 + j)
        _mix(keys)
    order = np.lexsort([keys, *before])
    keys = keys[order]
    new = np.ones(len(order), dtype=bool)
    for k in np.flatnonzero(keys[1:] == keys[:-1]):
        a, b = order[k], order[k + 1]
        if overlapping:
            alike = X.starts[a] == X.starts[b] and X.stops[a] == X.stops[b]
        else:
            alike = np.array_equal(X[a], X[b], equal_nan=True)
        new[k + 1] = not (alike and all(np.array_equal(column[a], column[b]) for column in beside))
    return order, new


def content_order(X: Sequences, *columns: np.ndarray | Sequences) -> tuple[np.ndarray, np.ndarray]:
    """Order the rows by content, and number the distinct ones.

    Windows that overlap are told apart by where they lie in their table, which costs nothing; all other sequences by
    a 64-bit key over their values. Equal keys are compared value by value.

    Parameters
    ----------
    X : Sequences
        The samples.
    *columns : ndarray of shape (n_samples,) or (n_samples, n), or Sequences
        What else tells rows apart: targets, groups.

    Returns
    -------
    order : ndarray of int of shape (n_samples,)
        Rows in content order.
    distinct : ndarray of int of shape (n_samples,)
        For each entry of ``order``, the number of its distinct row, from 0.
    """
    order, new = _order_and_news(X, columns)
    return order, np.cumsum(new) - 1


def distinct_rows(X: Sequences, weight: np.ndarray, *columns: np.ndarray | Sequences) -> tuple[np.ndarray, np.ndarray]:
    """One row for each distinct row, in content order, with the sum of the weights.

    Parameters
    ----------
    X : Sequences
        The samples.
    weight : ndarray of float64 of shape (n_samples,)
        Their weights.
    *columns : ndarray or Sequences
        What else tells rows apart.

    Returns
    -------
    rows : ndarray of int of shape (n_distinct,)
        One index of each.
    weight : ndarray of float64 of shape (n_distinct,)
        Their summed weights.
    """
    order, new = _order_and_news(X, columns)
    first = np.flatnonzero(new)
    return order[first], np.add.reduceat(weight[order], first)
