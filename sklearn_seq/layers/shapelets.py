"""Dilated shapelets: short patterns cut out of sequences, and how near others come to each, where and how often.

A squared distance is ``v'v - 2 v's + s's``, so that those of all windows of a sequence to many shapelets are one product of
matrices. Its shape is given by the sequence's own length alone, and the distance that is reported is computed once more as
a sum of squares, in which nothing cancels: so an answer has the same bits whatever stands beside the sequence.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sklearn_seq.sequences.container import Sequences

__all__ = ["Shapelets", "draw_shapelets", "match", "moments_of", "standardized"]

_MOST_CHANNELS = 9  # of one shapelet
_POOL = 12  # channels that shapelets matched by one product choose from, where there are more
_POOL_SHAPELETS = 128  # so many shapelets at most share such a choice
_DISTANCES = 1 << 16  # of one product, about: they stay in the processor's caches
_FEWEST, _MOST = 16, 2048  # shapelets of one product
_PLACES = 2048  # of a sequence, from which a threshold is taken
_GATHERED = 1 << 20  # numbers at once when thresholds are sought
_PER_OCTAVE = 12  # dilations that are told apart
_SOFT = 1e-4  # added to the deviation of a window, in units of that of the channel: noise is not blown up
_LIMIT = 1e6  # deviations beyond which values are cut off, since their squares would leave float32
_SLACK = 1e-5  # of squares: places that are as near as the threshold count, however they round


class Shapelets(NamedTuple):
    """Shapelets in the order of dilation and normalisation.

    Parameters
    ----------
    values : ndarray of float32 of shape (n_shapelets, n_used, length)
        Standardised; normalised too where the shapelet is; 0 for channels not used.
    channels : ndarray of int of shape (n_shapelets, n_used)
        Which they are; -1 stands behind the last.
    dilations : ndarray of int of shape (n_shapelets,)
    normalized : ndarray of bool of shape (n_shapelets,)
    thresholds : ndarray of float32 of shape (n_shapelets,)
        Distances up to which a window counts as an occurrence.
    bounds : ndarray of int of shape (n_parts + 1,)
        Shapelets of a part have one dilation and one normalisation, and few channels between them.
    """

    values: np.ndarray
    channels: np.ndarray
    dilations: np.ndarray
    normalized: np.ndarray
    thresholds: np.ndarray
    bounds: np.ndarray

    def parts(self) -> Iterator[slice]:
        """Of the shapelets; all of them, in order."""
        for start, stop in zip(self.bounds[:-1].tolist(), self.bounds[1:].tolist(), strict=True):
            yield slice(start, stop)


def moments_of(data: Sequences) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each channel over all steps of all sequences; deviation 1 where nothing varies."""
    total = data.lengths.sum()
    with np.errstate(over="ignore"):  # squares of numbers near the largest
        mean = sum(values.sum(axis=0, dtype=np.float64) for _, values in data.blocks()) / total
        square = sum(((values - mean) ** 2).sum(axis=0) for _, values in data.blocks()) / total
    deviation = np.minimum(np.sqrt(square), np.finfo(np.float64).max)
    return mean, np.where(deviation > 1e-6 * np.abs(mean), deviation, 1.0)


def standardized(values: np.ndarray, center: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Values in deviations from the mean, as float32."""
    with np.errstate(over="ignore"):
        return np.clip((values - center) / scale, -_LIMIT, _LIMIT).astype(np.float32)


# -- cutting out -------------------------------------------------------------------------------------------------------


def draw_shapelets(
    data: Sequences,
    center: np.ndarray,
    scale: np.ndarray,
    *,
    n_shapelets: int,
    length: int,
    n_steps: int,
    p_normalized: float,
    random: np.random.RandomState,
) -> Shapelets:
    """Cut shapelets out of sequences, and take thresholds from others.

    Parameters
    ----------
    data : Sequences
        In an order given by content, if the answer shall not depend on the order.
    center, scale : ndarray of float64 of shape (n_channels,)
        See `moments_of`.
    n_shapelets, length : int
    n_steps : int
        Dilated shapelets span at most so many; at least one sequence must be as long.
    p_normalized : float
        Share of those that look at shape alone.
    random : RandomState

    Returns
    -------
    Shapelets
    """
    data = data[np.argsort(data.lengths, kind="stable")]
    reach = np.log2(max(1.0, (n_steps - 1) / max(1, length - 1)))
    # each dilation costs products of its own, so of very long sequences not every one is used
    octaves = np.round(random.uniform(0.0, reach, n_shapelets) * _PER_OCTAVE) / _PER_OCTAVE
    dilations = (2.0**octaves).astype(np.int64)
    dilations = np.minimum(dilations, max(1, (n_steps - 1) // max(1, length - 1)))
    # of two steps normalisation leaves the sign, of one step nothing
    normalized = (random.uniform(size=n_shapelets) < p_normalized) & (length > 2)
    order = np.lexsort([normalized, dilations])
    dilations, normalized = dilations[order], normalized[order]
    bounds = _bounds(dilations, normalized, length, n_steps, data.n_features)
    channels = _draw_channels(bounds, data.n_features, random)
    # sequences that hold the whole span; they stand behind the shorter ones
    span = (length - 1) * dilations
    first = np.searchsorted(data.lengths, span + 1)
    source, other = first + (random.uniform(size=(2, n_shapelets)) * (len(data) - first)).astype(np.int64)
    place = (random.uniform(size=n_shapelets) * (data.lengths[source] - span)).astype(np.int64)
    share = random.uniform(size=n_shapelets)
    values = np.zeros((n_shapelets, channels.shape[1], length), dtype=np.float32)
    thresholds = np.empty(n_shapelets, dtype=np.float32)
    shapelets = Shapelets(values, channels, dilations, normalized, thresholds, bounds)
    for part in shapelets.parts():
        dilation, normalize = int(dilations[part.start]), bool(normalized[part.start])
        steps = np.arange(length) * dilation

        def windows(rows: np.ndarray, chosen: np.ndarray) -> np.ndarray:
            """Windows that begin at rows (S, W) of the block, in one channel for each of S, as (S, L, W)."""
            found = data.values[rows[:, None, :] + steps[:, None], chosen[:, None, None]]  # noqa: B023
            found = standardized(found, center[chosen][:, None, None], scale[chosen][:, None, None])
            return _normalized(found) if normalize else found  # noqa: B023

        for column, chosen in enumerate(channels[part].T):
            begin = (data.starts[source[part]] + place[part])[:, None]
            found = windows(begin, chosen)[:, :, 0]
            values[part, column] = np.where(chosen[:, None] >= 0, found, 0.0)
        n_places = data.lengths[other] - span
        size = max(1, _GATHERED // (length * min(_PLACES, int(n_places[part].max()))))
        for i in range(part.start, part.stop, size):
            some = slice(i, min(i + size, part.stop))
            n_taken = np.minimum(n_places[some], _PLACES)  # spread evenly
            taken = np.arange(n_taken.max()) * n_places[some, None] // n_taken[:, None]  # (S, W)
            rows = data.starts[other[some], None] + np.minimum(taken, n_places[some, None] - 1)
            squares = np.zeros(rows.shape, dtype=np.float32)
            for column, chosen in enumerate(channels[some].T):
                used = np.flatnonzero(chosen >= 0)
                if len(used):
                    apart = windows(rows[used], chosen[used]) - values[some][used, column, :, None]
                    squares[used] += np.einsum("slw,slw->sw", apart, apart)
            squares[np.arange(rows.shape[1]) >= n_taken[:, None]] = np.inf
            squares.sort(axis=1)
            each = np.arange(len(n_taken))
            low, high = np.sqrt([squares[each, n_taken // 20], squares[each, n_taken // 10]])
            thresholds[some] = low + share[some] * (high - low)
    return shapelets


def _normalized(windows: np.ndarray) -> np.ndarray:
    """Windows (S, L, W) with mean 0 and about deviation 1 over their steps."""
    windows = windows - windows.mean(axis=1, keepdims=True)
    return windows / (windows.std(axis=1, keepdims=True) + np.float32(_SOFT))


def _bounds(dilations: np.ndarray, normalized: np.ndarray, length: int, n_steps: int, n_channels: int) -> np.ndarray:
    """Where parts begin and end: at changes of dilation or normalisation, and where there would be too many."""
    new = (np.diff(dilations) != 0) | (np.diff(normalized.astype(np.int8)) != 0)
    groups = np.concatenate([[0], np.flatnonzero(new) + 1, [len(dilations)]])
    bounds = [0]
    for start, stop in zip(groups[:-1].tolist(), groups[1:].tolist(), strict=True):
        size = _DISTANCES // (n_steps - (length - 1) * int(dilations[start]))
        size = min(max(size, _FEWEST), _MOST if n_channels <= _POOL else _POOL_SHAPELETS)
        bounds += [*range(start + size, stop, size), stop]
    return np.array(bounds, dtype=np.int64)


def _draw_channels(bounds: np.ndarray, n_channels: int, random: np.random.RandomState) -> np.ndarray:
    """Channels of each shapelet, rising, -1 behind them; few more often than many."""
    n_shapelets, most = int(bounds[-1]), min(n_channels, _MOST_CHANNELS)
    count = (2.0 ** random.uniform(0.0, np.log2(most + 1), n_shapelets)).astype(np.int64)
    count = np.minimum(count, most)
    n_pool = min(n_channels, _POOL)
    pools = np.stack([np.sort(random.permutation(n_channels)[:n_pool]) for _ in bounds[1:]])  # (n_parts, n_pool)
    chosen = random.uniform(size=(n_shapelets, n_pool)).argsort(axis=1)[:, :most]
    chosen = np.where(np.arange(most) < count[:, None], chosen, n_pool)
    chosen.sort(axis=1)
    pools = np.concatenate([pools, np.full((len(pools), 1), -1)], axis=1)
    return pools[np.repeat(np.arange(len(pools)), np.diff(bounds))[:, None], chosen]


# -- matching ----------------------------------------------------------------------------------------------------------


class _Part(NamedTuple):
    """Shapelets that are matched by one product, as torch reads them: S shapelets, P channels, L steps."""

    start: int
    stop: int
    dilation: int
    normalized: bool
    pool: Tensor  # (P,) channels that any of them uses
    weights: Tensor  # (P L + P + 1, S), for windows, their squares, and one
    limits: Tensor  # (S,) squared thresholds
    values: Tensor  # (C L, S)
    rows: Tensor  # (C L, S): in which row of the windows each of these is matched
    used: Tensor  # (C L, S) of 1 and 0


def _parts(shapelets: Shapelets) -> list[_Part]:
    length = shapelets.values.shape[2]
    found = []
    for part in shapelets.parts():
        values, channels = shapelets.values[part], shapelets.channels[part]
        size = len(values)
        used = channels >= 0
        pool = np.unique(channels[used])
        at = np.where(used, np.searchsorted(pool, channels), 0)  # (S, C)
        each, column = np.nonzero(used)
        weights = np.zeros((len(pool) * (length + 1) + 1, size), dtype=np.float32)
        by_channel = weights[: len(pool) * length].reshape(len(pool), length, size)
        by_channel[at[used], :, each] = -2.0 * values[each, column]
        weights[len(pool) * length + at[used], each] = 1.0
        weights[-1] = (values**2).sum(axis=(1, 2))
        square = shapelets.thresholds[part] ** 2
        rows = at[:, :, None] * length + np.arange(length)
        found.append(
            _Part(
                part.start,
                part.stop,
                int(shapelets.dilations[part.start]),
                bool(shapelets.normalized[part.start]),
                torch.from_numpy(pool),
                torch.from_numpy(weights),
                torch.from_numpy(square + np.float32(_SLACK) * (square + weights[-1])),
                torch.from_numpy(np.ascontiguousarray(values.reshape(size, -1).T)),
                torch.from_numpy(np.ascontiguousarray(rows.reshape(size, -1).T)),
                torch.from_numpy(np.repeat(used.T, length, axis=0).astype(np.float32)),
            )
        )
    return found


def _windows(sequence: Tensor, length: int, dilation: int, normalize: bool) -> Tensor:
    """What a product with `_Part.weights` needs of a sequence (P, T): (P L + P + 1, W)."""
    n_channels, n_steps = sequence.shape
    missing = (length - 1) * dilation + 1 - n_steps
    if missing > 0:  # its last step goes on until it is as long as the shapelet
        sequence = torch.cat([sequence, sequence[:, -1:].expand(-1, missing)], dim=1)
        n_steps += missing
    n_places = n_steps - (length - 1) * dilation
    windows = sequence.as_strided((n_channels, length, n_places), (n_steps, dilation, 1))
    out = torch.empty(n_channels * (length + 1) + 1, n_places)
    own = out[: n_channels * length].view(n_channels, length, n_places)
    squares = out[n_channels * length : -1]
    if normalize:
        torch.sub(windows, windows.mean(dim=1, keepdim=True), out=own)
        deviation = torch.mul(own, own).mean(dim=1, keepdim=True).sqrt_()
        own.div_(deviation.add_(_SOFT))
    else:
        own.copy_(windows)
    torch.sum(torch.mul(own, own), dim=1, out=squares)
    out[-1] = 1.0
    return out


@torch.no_grad()
def match(shapelets: Shapelets, data: Sequences, center: np.ndarray, scale: np.ndarray, out: np.ndarray) -> None:
    """Match all shapelets with each sequence.

    A sequence that is shorter than a shapelet's span goes on with its last step, so that there is one place.

    Parameters
    ----------
    shapelets : Shapelets
    data : Sequences
        As they are; see `standardized`.
    center, scale : ndarray of float64 of shape (n_channels,)
    out : ndarray of float32 of shape (n_sequences, n_shapelets, 3)
        Gets the least distance; its place, as the share of places before it; the share of places that are as near as the
        threshold.
    """
    parts, length = _parts(shapelets), shapelets.values.shape[2]
    for sequence, found in zip(data, torch.from_numpy(out), strict=True):
        whole = torch.from_numpy(np.ascontiguousarray(standardized(sequence, center, scale).T))  # (F, T)
        key, windows = None, torch.empty(0)
        for part in parts:
            all_channels = len(part.pool) == len(whole)
            own_key = (part.dilation, part.normalized) if all_channels else None
            if key is None or own_key != key:
                chosen = whole if all_channels else whole[part.pool]
                windows, key = _windows(chosen, length, part.dilation, part.normalized), own_key
            _match(part, windows, found[part.start : part.stop])


def _match(part: _Part, windows: Tensor, out: Tensor) -> None:
    """Match the shapelets of a part with the windows of one sequence; ``out`` is (S, 3)."""
    n_places = windows.shape[1]
    squares = torch.mm(windows.t(), part.weights)  # (W, S)
    if n_places == 1:
        place = torch.zeros(len(part.limits), dtype=torch.int64)
        share = (squares[0] <= part.limits).float()
    else:
        scratch = torch.eq(squares, squares.amin(dim=0), out=torch.empty_like(squares))
        left = torch.arange(n_places, 0, -1, dtype=torch.float32)[:, None]
        place = n_places - scratch.mul_(left).amax(dim=0).long()  # the first of equals
        share = squares.le_(part.limits).sum(dim=0).div_(n_places)
    nearest = windows.take(part.rows * n_places + place)  # (C L, S)
    nearest.sub_(part.values).mul_(part.used)
    out[:, 0] = nearest.mul_(nearest).sum(dim=0).sqrt_()
    out[:, 1] = place.float().div_(n_places)
    out[:, 2] = share
