"""What responses of kernels are made into: MiniRocket's proportion, and MultiRocket's four poolings."""

from typing import Literal

import numpy as np

from sklearn_seq.layers.chunks import CHUNK, LANES, Chunk, n_blocks, sum_over_time
from sklearn_seq.layers.random_kernels import N_KERNELS, Bank, n_responses, responses

__all__ = ["longest", "pool"]

_MASKS = 2**22  # bytes of the comparisons that are pooled at once


def _shares(chunk: Chunk, bank: Bank, at: int, biases: np.ndarray, out: np.ndarray) -> None:
    """The proportion of steps above each threshold, of one dilation: ``out`` is (84, m, B), ``biases`` (84, m, 1)."""
    n_time, n_rows = chunk.x.shape[1:]
    dilation, n_biases = int(bank.dilations[at]), biases.shape[1]
    size = n_time * n_rows
    blocks = n_blocks(n_time)  # of no more steps than bytes can count
    totals = chunk.space("totals", (N_KERNELS, n_biases, blocks, LANES * n_rows), np.uint8)
    most = max(1, min(7, CHUNK // size))
    step = max(1, min(n_biases, 8 * CHUNK // (most * size)))
    masks = chunk.space("masks", (most, step, size), np.bool_)
    rows = masks.view(np.uint8).reshape(most, step, blocks, -1, LANES * n_rows)
    some = [slice(j, min(n_biases, j + step)) for j in range(0, n_biases, step)]
    for kernels, response in responses(chunk, dilation, at, bank.channels[at]):
        n, signal = len(response), response[:, None]
        for part in some:
            m = part.stop - part.start
            np.greater(signal, biases[kernels, part], out=masks[:n, :m])
            np.add.reduce(rows[:n, :m], axis=3, out=totals[kernels, part])
    np.add.reduce(totals.reshape(N_KERNELS, n_biases, -1, n_rows), axis=2, dtype=np.float32, out=out)
    np.divide(out, n_responses(chunk, dilation, at), out=out)


def longest(masks: np.ndarray) -> np.ndarray:
    """The longest stretch of steps that are all true.

    The time axis is cut into segments that are walked side by side; of each it is known how long it is true from its
    beginning, to its end, and at most, and that is what joining segments takes.

    Parameters
    ----------
    masks : ndarray of uint8 of shape (T, N)
        255 where true, else 0.

    Returns
    -------
    ndarray of int64 of shape (N,)
    """
    n_time, n = masks.shape
    width = max(w for w in range(1, 65) if n_time % w == 0)
    segments = masks.reshape(n_time // width, width, n)
    run, best, begin = (np.zeros((len(segments), n), np.uint8) for _ in range(3))
    whole = np.full_like(run, 255)
    for r in range(width):
        now = segments[:, r]
        np.subtract(run, now, out=run)  # 255 is minus one
        np.bitwise_and(run, now, out=run)
        np.maximum(best, run, out=best)
        np.bitwise_and(whole, now, out=whole)
        np.subtract(begin, whole, out=begin)
    most, carried = best[0].astype(np.int64), run[0].astype(np.int64)
    for s in range(1, len(segments)):
        np.maximum(most, best[s], out=most)
        np.maximum(most, carried + begin[s], out=most)
        carried = np.where(whole[s] == 255, carried + width, run[s])
    return most


def _four(chunk: Chunk, bank: Bank, at: int, biases: np.ndarray, out: np.ndarray) -> None:
    """MultiRocket's four poolings of one dilation: ``out`` is (4, 84, m, B), ``biases`` (84, m, 1)."""
    n_time, n_rows = chunk.x.shape[1:]
    dilation, n_biases = int(bank.dilations[at]), biases.shape[1]
    size = n_time * n_rows
    space = chunk.space
    zeros = space("zeros", (size,))
    zeros[...] = 0.0
    most = min(N_KERNELS * n_biases, max(4 * n_biases, _MASKS // size))
    masks = space("masks", (n_time, most, n_rows), np.bool_)
    order: list[tuple[slice, int]] = []

    def flush() -> None:
        n = order[-1][1]
        if n < most:
            masks_now = space("fewer", (n_time, n, n_rows), np.bool_)
            masks_now[...] = masks[:, :n]
        else:
            masks_now = masks
        count, index, stretch = _positions(masks_now.view(np.uint8).reshape(n_time, -1))
        begin = 0
        for kernels, end in order:
            shape = (-1, n_biases, n_rows)
            for p, found in ((0, count), (2, index), (3, stretch)):
                out[p, kernels] = found.reshape(n, n_rows)[begin:end].reshape(shape)
            begin = end
        order.clear()

    for kernels, response in responses(chunk, dilation, at, bank.channels[at]):
        n = len(response) * n_biases
        begin = order[-1][1] if order else 0
        if begin + n > most:
            flush()
            begin = 0
        thresholds = biases[kernels]
        place = masks[:, begin : begin + n].reshape(n_time, len(response), n_biases, n_rows).transpose(1, 2, 0, 3)
        signal = response.reshape(len(response), 1, n_time, n_rows)
        np.greater(signal, thresholds[..., None], out=place)
        order.append((kernels, begin + n))
        for j in range(n_biases):
            above = space("above", response.shape)
            np.subtract(response, thresholds[:, j], out=above)
            np.maximum(above, zeros, out=above)
            out[1, kernels, j] = sum_over_time(above, n_rows)
    flush()
    count = out[0].copy()
    some = np.maximum(count, 1)
    out[1] /= some
    out[2] /= some
    out[2][count == 0] = -1.0
    np.divide(out[0], n_responses(chunk, dilation, at), out=out[0])


def _positions(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of bytes 0 and 1 (T, N), which are overwritten: how many are 1, the sum of their indices, the longest stretch."""
    n_time, n = masks.shape
    width = LANES * n_blocks(n_time)
    # step = width * block + rest, and both are added up over the other as bytes; products of integers are exact here
    dtype = np.float32 if n_time**2 < 2**24 else np.float64
    rests = np.add.reduce(masks.reshape(-1, width * n), axis=0, dtype=np.uint8).reshape(width, n).astype(dtype)
    blocks = np.add.reduce(masks.reshape(-1, width, n), axis=1, dtype=np.uint8 if width < 256 else np.uint32)
    count = rests.sum(axis=0)
    index = np.arange(width, dtype=dtype) @ rests
    index += np.arange(0, n_time, width, dtype=dtype) @ blocks.astype(dtype)
    np.negative(masks, out=masks)
    return count, index, longest(masks)


def pool(chunk: Chunk, bank: Bank, n_poolings: Literal[1, 4] = 1) -> np.ndarray:
    """Features of a chunk.

    Parameters
    ----------
    chunk : Chunk
    bank : Bank
    n_poolings : {1, 4}
        The proportion of positive values only; or with the mean of positive values, the mean of their indices (-1 where
        there are none) and the longest stretch of them.

    Returns
    -------
    ndarray of float32 of shape (n_poolings * len(bank.biases), B)
    """
    n_rows = chunk.x.shape[2]
    out = np.empty((n_poolings, len(bank.biases), n_rows), np.float32)
    begin = 0
    for at, n_biases in enumerate(bank.n_biases):
        end = begin + N_KERNELS * int(n_biases)
        biases = bank.biases[begin:end].reshape(N_KERNELS, -1, 1)
        found = out[:, begin:end].reshape(n_poolings, N_KERNELS, -1, n_rows)
        if n_poolings == 1:
            _shares(chunk, bank, at, biases, found[0])
        else:
            _four(chunk, bank, at, biases, found)
        begin = end
    return out.reshape(-1, n_rows)
