"""Token ids: whole numbers that name things, so that no sum or mean of them means anything."""

from typing import Any

import numpy as np

__all__ = ["read_ids", "refuse_huge_vocabulary"]

_MOST_VECTORS = 2**24  # of 64 numbers, a network and what trains it take 12 GB


def refuse_huge_vocabulary(n_tokens: int, name: str = "X") -> None:
    """Refuse more tokens than a network has vectors for: numbers that were meant as names of something else.

    Parameters
    ----------
    n_tokens : int
        Size of the vocabulary.
    name : str
        For messages.
    """
    if n_tokens > _MOST_VECTORS:
        raise ValueError(
            f"{name} holds ids of {n_tokens} tokens, each of which would get a vector; wanted {_MOST_VECTORS} at most. Number those "
            "that occur: np.unique(ids, return_inverse=True)."
        )


def read_ids(values: np.ndarray, starts: np.ndarray, stops: np.ndarray, n_tokens: Any) -> tuple[np.ndarray, int]:
    """Ids as int64, or a refusal.

    Parameters
    ----------
    values : ndarray of shape (total_timesteps, n_ids)
        The block; several ids a step are the parts of one token.
    starts, stops : ndarray of int64 of shape (n_sequences,)
        The stretches; rows between them do not count.
    n_tokens : int
        Size of the vocabulary.

    Returns
    -------
    values : ndarray of int64 of shape (total_timesteps, n_ids)
    n_tokens : int

    Raises
    ------
    ValueError, TypeError
        For a size that is none, for what is no whole number, and for ids out of range.
    """
    if isinstance(n_tokens, bool | np.bool_) or not isinstance(n_tokens, int | np.integer) or n_tokens < 1:
        raise ValueError(f"n_tokens={n_tokens!r}; wanted the size of the vocabulary, a whole number, 1 or more")
    n_tokens = int(n_tokens)
    if values.dtype.kind not in "iu" and values.size:
        raise TypeError(
            f"token ids must be whole numbers; got dtype {values.dtype}. Turn text into ids by TextEncoder, or give "
            "ids.astype(int)."
        )
    if values.size and (values.min() < 0 or values.max() >= n_tokens):
        rows = np.flatnonzero(((values < 0) | (values >= n_tokens)).any(axis=1))
        inside = np.searchsorted(rows, starts) < np.searchsorted(rows, stops)
        if inside.any():
            i = int(inside.argmax())
            row = int(rows[np.searchsorted(rows, starts[i])])
            bad = values[row][(values[row] < 0) | (values[row] >= n_tokens)][0]
            raise ValueError(
                f"sequence {i} has the id {bad} at time step {row - starts[i]}; wanted ids from 0 to n_tokens - 1 = "
                f"{n_tokens - 1}. n_tokens is the largest id of all data plus one, or more."
            )
    return values.astype(np.int64, copy=False), n_tokens
