"""Sequences side by side, chunk by chunk: what all random kernels work on.

Sequences of a chunk stand in the last axis, so shifts in time are views, one call of numpy serves a whole chunk, and sums
over time add rows. What comes out of a chunk has the bits that each sequence gets alone.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from joblib import effective_n_jobs

from sklearn_seq.sequences.container import Sequences

__all__ = ["CHUNK", "LANES", "Chunk", "Workspace", "n_blocks", "pack", "run_chunks", "sum_over_time"]

CHUNK = 2**16  # steps of all sequences in a chunk: the buffers stay in the cache
LANES = 8  # neighbouring steps that are added up apart, which makes the rows to add long
_MOST = 255  # what a byte can count


class Workspace:
    """Buffers that are kept from one chunk to the next: new memory costs more than the arithmetic."""

    def __init__(self) -> None:
        self._buffers: dict[str, np.ndarray] = {}

    def __call__(self, name: str, shape: tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
        """A buffer of this shape with anything in it."""
        size = int(np.prod(shape))
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < size:
            buffer = self._buffers[name] = np.empty(size, dtype)
        return buffer[:size].reshape(shape)


class Chunk(NamedTuple):
    """Some sequences side by side, zeros behind each.

    Parameters
    ----------
    rows : ndarray of int of shape (B,)
        Which sequences they are.
    x : ndarray of float32 of shape (F, T, B)
        T is a multiple of what the poolings need.
    lengths : ndarray of int of shape (B,)
    space : Workspace
    """

    rows: np.ndarray
    x: np.ndarray
    lengths: np.ndarray
    space: Workspace

    def difference(self) -> "Chunk":
        """The change from each step to the next; a single step has one change, zero."""
        x = np.zeros_like(self.x)
        np.subtract(self.x[:, 1:], self.x[:, :-1], out=x[:, :-1])
        x[:, np.arange(x.shape[1])[:, None] >= self.lengths - 1] = 0.0
        return Chunk(self.rows, x, np.maximum(self.lengths - 1, 1), self.space)


def n_blocks(length: int) -> int:
    """Parts of a time axis, so short that bytes can count the steps of a lane."""
    return -(-length // (LANES * _MOST))


def _round_up(length: int) -> int:
    """The next length that divides into such parts and lanes."""
    unit = LANES * n_blocks(length)
    return -(-length // unit) * unit


def sum_over_time(values: np.ndarray, n_rows: int) -> np.ndarray:
    """Sums of floats (N, T * B) over time: (N, B). Zeros behind a sequence change no bit of them."""
    lanes = values.reshape(len(values), -1, LANES * n_rows).sum(axis=1).reshape(-1, LANES, n_rows)
    while lanes.shape[1] > 1:  # by hand, because numpy's own order depends on n_rows
        half = lanes.shape[1] // 2
        lanes = lanes[:, :half] + lanes[:, half:]
    return lanes[:, 0]


def pack(data: Sequences, rows: np.ndarray, normalize: bool, space: Workspace) -> Chunk:
    """Put sequences side by side, as they are or each with mean 0 and deviation 1 in every channel."""
    lengths = data.lengths[rows]
    x = space("x", (data.n_features, _round_up(int(lengths.max())), len(rows)))
    x[...] = 0.0
    for i, row in enumerate(rows):
        values = data.values[data.starts[row] : data.stops[row]]
        if normalize:
            values = values - values.mean(axis=0, dtype=np.float64)
            values /= np.maximum(values.std(axis=0), 1e-8)
        x[:, : len(values), i] = values.T
    return Chunk(rows, x, lengths, space)


def run_chunks(
    data: Sequences,
    work: Callable[[Chunk], np.ndarray],
    n_columns: int,
    *,
    normalize: bool,
    n_jobs: int | None,
    n_steps: int = CHUNK,
) -> np.ndarray:
    """Features of all sequences, chunk by chunk; no number depends on the chunks or the threads.

    Parameters
    ----------
    data : Sequences
    work : callable
        Makes an array (n_columns, B) of a chunk.
    n_columns : int
    normalize : bool
        Whether each sequence gets mean 0 and deviation 1.
    n_jobs : int or None
        Threads, as joblib counts them.
    n_steps : int
        Steps of all sequences in a chunk.

    Returns
    -------
    ndarray of float32 of shape (n, n_columns)
    """
    out = np.empty((len(data), n_columns), np.float32)
    order = np.argsort(-data.lengths, kind="stable")  # the longest first: the buffers are large enough at once
    ends = []
    first = 0
    while first < len(order):
        length = _round_up(int(data.lengths[order[first]])) * data.n_features
        first = min(len(order), first + max(1, n_steps // length))
        ends.append(first)
    parts = np.split(order, ends[:-1])
    n_threads = min(effective_n_jobs(n_jobs), len(parts)) if len(parts) > 1 else 1

    def run(mine: list[np.ndarray]) -> None:
        space = Workspace()
        with np.errstate(over="ignore", invalid="ignore"):  # numbers near the largest float overflow in sums
            for rows in mine:
                out[rows] = work(pack(data, rows, normalize, space)).T

    if n_threads < 2:
        run(parts)
    else:
        with ThreadPoolExecutor(n_threads) as pool:
            for done in [pool.submit(run, parts[i::n_threads]) for i in range(n_threads)]:
                done.result()
    return out
