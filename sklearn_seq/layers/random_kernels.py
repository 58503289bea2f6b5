"""Convolution with the 84 fixed kernels of MiniRocket and MultiRocket, and what their thresholds are.

All is plain numpy, so nothing is compiled. The 84 kernels share their sums. Each number comes of the same additions in the
same order whatever stands beside it, and steps that a sequence does not have respond with minus infinity, which no
threshold passes: so ragged data are exact.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np

from sklearn_seq.layers.chunks import CHUNK, Chunk, Workspace, pack
from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.order import content_order

__all__ = ["KERNELS", "LENGTH", "N_KERNELS", "Bank", "draw_channels", "learn_bank", "n_responses", "responses"]

LENGTH = 9
HALF = LENGTH // 2
KERNELS = np.array(list(combinations(range(LENGTH), 3)))  # (84, 3): where a kernel's weight is 2; elsewhere it is -1
N_KERNELS = len(KERNELS)
# (84,): the number of the pair of their first two places
PAIRS = np.unique(KERNELS[:, :2], axis=0, return_inverse=True)[1].ravel()


class Bank(NamedTuple):
    """What is learnt of one representation: the 84 kernels at each dilation, and what each response is compared with.

    Parameters
    ----------
    dilations : ndarray of int of shape (n_dilations,)
    n_biases : ndarray of int of shape (n_dilations,)
        Thresholds of each kernel at each dilation.
    biases : ndarray of float32 of shape (84 * n_biases.sum(),)
        Ordered by dilation, kernel, threshold.
    channels : ndarray of bool of shape (n_dilations, 84, n_channels)
        The channels that a kernel adds up.
    """

    dilations: np.ndarray
    n_biases: np.ndarray
    biases: np.ndarray
    channels: np.ndarray


def _margin(chunk: Chunk, dilation: int) -> np.ndarray:
    """Steps at both ends that need padding; none of a sequence too short to do without: (B,)."""
    return np.where(chunk.lengths > 2 * HALF * dilation, HALF * dilation, 0)


def _n_steps(chunk: Chunk, dilation: int) -> tuple[np.ndarray, np.ndarray]:
    """How many steps respond, with padding and without."""
    return chunk.lengths, chunk.lengths - 2 * _margin(chunk, dilation)


def _padded(chunk: Chunk, dilation: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three times the series with zeros around, and minus the sum of nine shifts, for both ways to pad."""
    n_features, n_time, n_rows = chunk.x.shape
    margin = HALF * dilation
    wide = chunk.space("wide", (n_features, n_time + 2 * margin, n_rows))
    wide[:, :margin] = 0.0
    wide[:, margin + n_time :] = 0.0
    wide[:, margin : margin + n_time] = chunk.x
    base = chunk.space("base", chunk.x.shape)
    base[...] = wide[:, :n_time]
    for j in range(1, LENGTH):
        base += wide[:, j * dilation : j * dilation + n_time]
    np.negative(base, out=base)
    np.multiply(wide, np.float32(3.0), out=wide)
    inner = chunk.space("inner", chunk.x.shape)
    inner[...] = base
    ends, margins = chunk.lengths, _margin(chunk, dilation)
    if (ends == ends[0]).all():
        base[:, ends[0] :] = -np.inf
        inner[:, : margins[0]] = -np.inf
        inner[:, ends[0] - margins[0] :] = -np.inf
    else:
        time = np.arange(n_time)[:, None]
        base[:, time >= ends] = -np.inf
        inner[:, (time < margins) | (time >= ends - margins)] = -np.inf
    return wide, base, inner


def responses(chunk: Chunk, dilation: int, parity: int, channels: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Responses of blocks of kernels: which kernels, and an array (kernels, T * B) that the next block overwrites.

    ``-sum of nine shifts + 3 * (three shifts)`` shares its sums: of nine among all, of the first two among those that
    have them. Padding alternates between these pairs, and from one dilation to the next.
    """
    n_features, n_time, n_rows = chunk.x.shape
    size = n_time * n_rows
    wide, base, inner = _padded(chunk, dilation)
    space = chunk.space
    if n_features > 1:
        yield from _responses_of_channels(chunk, dilation, parity, channels, wide, base, inner)
        return
    step = dilation * n_rows * 4
    taps = np.lib.stride_tricks.as_strided(wide.reshape(-1), (LENGTH, size), (step, 4))
    bases = (base.reshape(-1), inner.reshape(-1))
    most = max(1, CHUNK // size)
    one, two, response = space("one", (2, size)), space("two", (size,)), space("response", (min(most, 7), size))
    first = 0
    for i in range(LENGTH - 2):
        for way in (0, 1):
            np.add(bases[way], taps[i], out=one[way])
        for j in range(i + 1, LENGTH - 1):
            np.add(one[(PAIRS[first] + parity) % 2], taps[j], out=two)
            for k in range(j + 1, LENGTH, most):
                some = taps[k : k + most]
                found = np.add(two, some, out=response[: len(some)])
                yield slice(first, first + len(some)), found
                first += len(some)


def _responses_of_channels(
    chunk: Chunk,
    dilation: int,
    parity: int,
    channels: np.ndarray,
    wide: np.ndarray,
    base: np.ndarray,
    inner: np.ndarray,
) -> Iterator[tuple[slice, np.ndarray]]:
    """The same for several channels: convolution is linear, so the channels of a kernel are added up before it."""
    n_time, n_rows = chunk.x.shape[1:]
    space = chunk.space
    total, response = space("total", wide.shape[1:]), space("response", (1, n_time, n_rows))
    for kernel, (mine, taps) in enumerate(zip(channels, KERNELS, strict=True)):
        first, *rest = np.flatnonzero(mine)
        bases = (base, inner)[(PAIRS[kernel] + parity) % 2]
        summed, out = wide[first], bases[first]
        for channel in rest:
            summed = np.add(summed, wide[channel], out=total)
            out = np.add(out, bases[channel], out=response[0])
        for tap in taps:
            out = np.add(out, summed[tap * dilation : tap * dilation + n_time], out=response[0])
        yield slice(kernel, kernel + 1), response.reshape(1, -1)


def n_responses(chunk: Chunk, dilation: int, at: int) -> np.ndarray:
    """How many steps each kernel counts over: (84, 1, B)."""
    same, valid = _n_steps(chunk, dilation)
    inner = (PAIRS + at) % 2 == 1
    return np.where(inner[:, None], valid, same)[:, None].astype(np.float32)


def _dilations(length: int, n_per_kernel: int, max_dilations: int) -> tuple[np.ndarray, np.ndarray]:
    """Dilations up to where a kernel spans the series, evenly on a log scale, and how many thresholds each gets."""
    n = min(n_per_kernel, max_dilations)
    top = np.log2(max(1.0, (length - 1) / (LENGTH - 1)))
    dilations, counts = np.unique(np.floor(2.0 ** np.linspace(0, top, n)).astype(np.int64), return_counts=True)
    n_biases = (counts * (n_per_kernel / n)).astype(np.int64)
    left = n_per_kernel - n_biases.sum()
    n_biases += left // len(n_biases) + (np.arange(len(n_biases)) < left % len(n_biases))
    return dilations, n_biases


def draw_channels(rng: np.random.RandomState, n_kernels: int, n_channels: int) -> np.ndarray:
    """A random subset of the channels for each kernel; its size is uniform on a log scale, up to 9.

    Parameters
    ----------
    rng : RandomState
    n_kernels, n_channels : int

    Returns
    -------
    ndarray of bool of shape (n_kernels, n_channels)
    """
    most = min(n_channels, LENGTH)
    sizes = np.floor(2.0 ** rng.uniform(0, np.log2(most + 1), n_kernels)).astype(np.int64).clip(1, most)
    ranks = np.argsort(rng.uniform(size=(n_kernels, n_channels)), axis=1)
    return ranks < sizes[:, None]


def learn_bank(
    data: Sequences,
    n_features: int,
    max_dilations: int,
    rng: np.random.RandomState,
    *,
    normalize: bool,
    difference: bool = False,
) -> Bank:
    """Choose dilations by the longest sequence, and thresholds from responses of sequences drawn at random.

    Each kernel at each dilation draws its own sequence, from an order that the content gives.

    Parameters
    ----------
    data : Sequences
    n_features : int
        Features wanted; a multiple of 84 is made.
    max_dilations : int
    rng : RandomState
    normalize : bool
    difference : bool
        Whether of the series or of its changes.

    Returns
    -------
    Bank
    """
    length = max(1, int(data.lengths.max()) - difference)
    dilations, n_biases = _dilations(length, n_features // N_KERNELS, max_dilations)
    channels = draw_channels(rng, len(dilations) * N_KERNELS, data.n_features)
    channels = channels.reshape(len(dilations), N_KERNELS, -1)
    rows = content_order(data)[0][rng.randint(len(data), size=(len(dilations), N_KERNELS))]
    golden = (np.sqrt(5) + 1) / 2
    quantiles = np.arange(1, N_KERNELS * n_biases.sum() + 1) * golden % 1.0
    biases = np.empty(len(quantiles), np.float32)
    space = Workspace()
    step = max(1, 2**20 // (length * data.n_features))
    begin = 0
    for at, dilation in enumerate(dilations):
        for first in range(0, N_KERNELS, step):
            some = np.arange(first, min(N_KERNELS, first + step))
            chunk = pack(data, rows[at, some], normalize, space)
            chunk = chunk.difference() if difference else chunk
            end = begin + len(some) * n_biases[at]
            wanted = quantiles[begin:end].reshape(len(some), -1)
            with np.errstate(over="ignore", invalid="ignore"):
                response = _own_responses(chunk, int(dilation), at, channels[at, some], some)
                found = _quantiles(response, wanted)
            biases[begin:end] = np.nan_to_num(found.ravel(), nan=0.0, posinf=0.0, neginf=0.0)
            begin = end
    return Bank(dilations, n_biases, biases, channels)


def _own_responses(chunk: Chunk, dilation: int, at: int, channels: np.ndarray, kernels: np.ndarray) -> np.ndarray:
    """Responses (T, B), kernel ``kernels[i]`` on sequence ``i`` only, with the roundings that `responses` has."""
    n_time = chunk.x.shape[1]
    wide, base, inner = _padded(chunk, dilation)
    out = np.empty(chunk.x.shape[1:], np.float32)
    for i, kernel in enumerate(kernels):
        first, *rest = np.flatnonzero(channels[i])
        bases = (base, inner)[(PAIRS[kernel] + at) % 2]
        summed, column = wide[first, :, i], bases[first, :, i]
        for channel in rest:
            summed, column = summed + wide[channel, :, i], column + bases[channel, :, i]
        for tap in KERNELS[kernel]:
            column = column + summed[tap * dilation : tap * dilation + n_time]
        out[:, i] = column
    return out


def _quantiles(response: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Quantiles (B, m) over the steps of each column that are not minus infinity, linear between neighbours."""
    ordered = np.sort(response, axis=0)
    n = (ordered != -np.inf).sum(axis=0)[:, None]
    place = wanted * np.maximum(n - 1, 0)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(n - 1, 0))
    offset = np.minimum(len(ordered) - n, len(ordered) - 1)
    columns = np.arange(len(n))[:, None]
    below, above = ordered[offset + low, columns], ordered[offset + high, columns]
    return below + (above - below) * (place - low)
