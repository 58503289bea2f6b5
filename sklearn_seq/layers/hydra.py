"""Groups of random kernels that compete at each step: the engine of Hydra."""

from typing import NamedTuple

import numpy as np

from sklearn_seq.layers.chunks import LANES, Chunk, n_blocks, sum_over_time
from sklearn_seq.layers.random_kernels import LENGTH, draw_channels

__all__ = ["Groups", "compete", "draw_groups"]


class Groups(NamedTuple):
    """The kernels. The first half of the groups reads the series, the other half its changes.

    Parameters
    ----------
    dilations : ndarray of int of shape (n_dilations,)
    kernels : ndarray of float32 of shape (n_dilations, n_groups, n_kernels, 9)
    channels : ndarray of bool of shape (n_dilations, n_groups, n_channels)
        The channels that a group adds up.
    """

    dilations: np.ndarray
    kernels: np.ndarray
    channels: np.ndarray


def draw_groups(length: int, n_channels: int, n_groups: int, n_kernels: int, rng: np.random.RandomState) -> Groups:
    """Draw kernels; the dilations are the powers of two up to where a kernel spans the longest sequence.

    Parameters
    ----------
    length : int
        Of the longest sequence.
    n_channels, n_groups, n_kernels : int
    rng : RandomState

    Returns
    -------
    Groups
    """
    top = int(np.log2(max(1, length - 1) / (LENGTH - 1))) if length > LENGTH else 0
    dilations = 2 ** np.arange(top + 1)
    kernels = rng.standard_normal((len(dilations), n_groups, n_kernels, LENGTH))
    kernels -= kernels.mean(axis=-1, keepdims=True)
    kernels /= np.abs(kernels).sum(axis=-1, keepdims=True)
    channels = draw_channels(rng, len(dilations) * n_groups, n_channels)
    return Groups(dilations, kernels.astype(np.float32), channels.reshape(len(dilations), n_groups, n_channels))


def compete(chunk: Chunk, groups: Groups) -> np.ndarray:
    """Square roots of how often, and how strongly, each kernel wins in its group.

    Parameters
    ----------
    chunk : Chunk
    groups : Groups

    Returns
    -------
    ndarray of float32 of shape (n_dilations * 2 * n_groups * n_kernels, B)
        For each dilation the sums of the highest responses, group by group, then the counts of the lowest.
    """
    n_dilations, n_groups, n_kernels, _ = groups.kernels.shape
    out = np.zeros((n_dilations, 2, n_groups, n_kernels, chunk.x.shape[2]), np.float32)
    half = -(-n_groups // 2)
    parts = [(chunk, range(half)), (chunk.difference(), range(half, n_groups))]
    for part, mine in parts:
        n_time, n_rows = part.x.shape[1:]
        beyond = (np.arange(n_time)[:, None] >= part.lengths).ravel()
        for at, dilation in enumerate(groups.dilations.tolist()):
            margin = LENGTH // 2 * dilation
            wide = part.space("wide", (part.x.shape[0], n_time + 2 * margin, n_rows))
            wide[:, :margin] = 0.0
            wide[:, margin + n_time :] = 0.0
            wide[:, margin : margin + n_time] = part.x
            for group in mine:
                first, *rest = np.flatnonzero(groups.channels[at, group])
                signal = wide[first]
                for channel in rest:
                    signal = np.add(signal, wide[channel], out=part.space("signal", signal.shape))
                response = _convolve(part, signal, dilation, groups.kernels[at, group])
                _count(part, response, beyond, out[at, :, group])
    # a sum is negative where all kernels of a group respond so: then the strongest is weak
    np.maximum(out, 0.0, out=out)
    return np.sqrt(out, out=out).reshape(-1, chunk.x.shape[2])


def _convolve(chunk: Chunk, signal: np.ndarray, dilation: int, kernels: np.ndarray) -> np.ndarray:
    """Responses (n_kernels, T * B), added up in one order: a product of matrices would round by its size."""
    n_time, n_rows = chunk.x.shape[1:]
    size = n_time * n_rows
    response = chunk.space("response", (len(kernels), size))
    term = chunk.space("term", (size,))
    for kernel, row in zip(kernels, response, strict=True):
        np.multiply(signal[:n_time].reshape(-1), kernel[0], out=row)
        for j in range(1, LENGTH):
            np.multiply(signal[j * dilation : j * dilation + n_time].reshape(-1), kernel[j], out=term)
            np.add(row, term, out=row)
    return response


def _count(chunk: Chunk, response: np.ndarray, beyond: np.ndarray, out: np.ndarray) -> None:
    """Sum up the highest responses, and count the lowest, of each kernel: ``out`` is (2, n_kernels, B)."""
    n_rows = chunk.x.shape[2]
    best = np.maximum.reduce(response, axis=0, out=chunk.space("best", beyond.shape))
    masks = _winners(chunk, response, best, beyond)
    best[beyond] = 0.0
    won = np.multiply(best, masks, out=chunk.space("won", masks.shape))
    out[0] = sum_over_time(won, n_rows)
    least = np.minimum.reduce(response, axis=0, out=best)
    masks = _winners(chunk, response, least, beyond)
    out[1] = _true_steps(masks, n_rows)


def _winners(chunk: Chunk, response: np.ndarray, extreme: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """Which kernel of the group has the extreme value at each step, the first of several; none beyond the end."""
    extreme[beyond] = np.nan
    masks = np.equal(response, extreme, out=chunk.space("masks", response.shape, np.bool_))
    if np.count_nonzero(masks) > len(beyond) - np.count_nonzero(beyond):
        for k in range(1, len(masks)):
            masks[k] &= ~masks[:k].any(axis=0)
    return masks


def _true_steps(masks: np.ndarray, n_rows: int) -> np.ndarray:
    """How many steps are true (N, T * B): (N, B)."""
    blocks = n_blocks(masks.shape[1] // n_rows)
    rows = masks.view(np.uint8).reshape(len(masks), blocks, -1, LANES * n_rows)
    totals = np.add.reduce(rows, axis=2, dtype=np.uint8)
    return totals.reshape(len(masks), -1, n_rows).sum(axis=1, dtype=np.float32)
