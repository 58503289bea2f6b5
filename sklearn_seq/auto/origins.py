"""Which members of a pool of forecasters count how much, told by what they say of origins that they did not learn from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sklearn_seq.auto.channels import Channels

__all__ = ["HeldOut", "hold_out", "mix", "settle_weights"]

_SHARE = 0.25  # of the rows of a channel that may be held out
_MOST_HORIZONS, _MOST_BLOCKS = 32, 2000  # that are held out of a channel, and of all of them together
_FEWEST_HORIZONS = 8  # that may be held out of a channel, however many channels there are
_POWERS = (1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 20.0)
_SHRINKAGES = (0.25, 1.0, 4.0, 1e6)  # horizons of evidence that the pool's weights count
_USUAL = (4.0, 1.0)  # power and shrinkage where nothing tells
_BETTER = 0.01  # share of the loss by which others have to be better than the usual ones
_CLEAR = 1.0  # standard errors
_PRIOR = (2.0, 0.2)  # blocks, and deviation of the relative gain among them, that are taken as seen before
_LEAST = 0.01  # weight below which a member is not asked


class HeldOut(NamedTuple):
    """Origins that are held out.

    Attributes
    ----------
    cut : ndarray of int of shape (n_channels,)
        Rows of each channel that may be learnt from.
    channel, origin : ndarray of int of shape (n,)
        Of each origin.
    n_blocks : ndarray of int of shape (n_channels,)
        Horizons that are held out; 0 of channels that are too short.
    """

    cut: np.ndarray
    channel: np.ndarray
    origin: np.ndarray
    n_blocks: np.ndarray


def hold_out(channels: Channels, season: int, n_origins: int) -> HeldOut:
    """Hold out the last rows of each channel.

    Parameters
    ----------
    channels : Channels
    season : int
        A channel has to keep more than one, if it has that many.
    n_origins : int
        At most, of each channel; more than one for each horizon overlap.
    """
    n, horizon = channels.lengths, channels.horizon
    most = int(np.clip(_MOST_BLOCKS // len(channels), _FEWEST_HORIZONS, _MOST_HORIZONS))
    n_blocks = np.clip((_SHARE * n / horizon).astype(np.int64), 1, most)
    rest = n - n_blocks * horizon
    n_blocks[rest < np.maximum(3, min(season + 1, horizon))] = 0
    cut = n - n_blocks * horizon
    channel, origin = [], []
    for i, (first, blocks) in enumerate(zip(cut.tolist(), n_blocks.tolist(), strict=True)):
        if blocks:
            count = min((blocks - 1) * horizon + 1, max(n_origins, 1))
            places = np.unique(np.linspace(n[i] - horizon, first, count).round().astype(np.int64))
            channel.append(np.full(len(places), i))
            origin.append(places)
    none = [np.zeros(0, dtype=np.int64)]
    return HeldOut(cut, np.concatenate(channel or none), np.concatenate(origin or none), n_blocks)


def settle_weights(
    said: np.ndarray, truth: np.ndarray, held: HeldOut, series: np.ndarray, n_naive: int, zero: np.ndarray
) -> np.ndarray:
    """Weights of members for each channel.

    A weight is a power of the mean error, that of the channel drawn to that of all channels. The error is the absolute one,
    and of positive channels also the one in per cent, which say different things where a channel grows. The power, and how far
    it is drawn, are those by which one half of the origins would have served the other half best. All weights are drawn to the
    best of the naive members as far as it is not clear that the mixture is better.

    Parameters
    ----------
    said : ndarray of shape (n, n_members, horizon)
        Forecasts of the origins held out; NaN where a member has none.
    truth : ndarray of shape (n, horizon)
    held : HeldOut
    series : ndarray of int of shape (n_channels,)
        Channels of one series are not taken for independent.
    n_naive : int
        How many members, the first ones, are naive.
    zero : ndarray of shape (n_channels,)
        Where 0 lies on the scale of each channel; NaN for those that are not positive.

    Returns
    -------
    ndarray of shape (n_channels, n_members)
        Rows sum to 1.
    """
    n_channels, n_members = len(held.cut), said.shape[1]
    if not len(said):
        return np.tile(np.eye(n_members)[min(1, n_naive - 1)], (n_channels, 1))  # the season, if there is one
    kinds = [_absolute(said, truth), _relative(said, truth, zero[held.channel])]
    scales = [_scales(kind, held.channel, n_channels)[held.channel, None] for kind in kinds]
    errors = sum(kind / scale for kind, scale in zip(kinds, scales, strict=True))
    late = _later_half(held, series)
    power, shrinkage = _USUAL
    mixed = None
    if late.any() and not late.all():
        halves = [(late, ~late), (~late, late)]
        losses: dict[tuple[float, float], float] = {}
        mixtures = {}
        for p in _POWERS:
            for k in _SHRINKAGES:
                found = np.full(truth.shape, np.nan)
                for learn, test in halves:
                    weights = _powers(errors[learn], held.channel[learn], held.n_blocks / 2, p, k)
                    found[test] = _mean(said[test], weights[held.channel[test]])
                parts = [_absolute(found[:, None], truth), _relative(found[:, None], truth, zero[held.channel])]
                loss = np.mean([(part / scale).mean() for part, scale in zip(parts, scales, strict=True)])
                losses[p, k], mixtures[p, k] = float(loss), found
        best = min(losses, key=losses.__getitem__)
        if losses[best] < (1.0 - _BETTER) * losses[_USUAL]:
            power, shrinkage = best
        mixed = mixtures[power, shrinkage]
    weights = _powers(errors, held.channel, held.n_blocks, power, shrinkage)
    if mixed is None:
        mixed = mix(said, weights[held.channel])
    naive = int(np.nanmean(errors[:, :n_naive], axis=0).argmin())
    share = _clear_share(mixed, said[:, naive], truth, _blocks(held, series))
    weights *= share
    weights[:, naive] += 1.0 - share
    weights[weights < _LEAST] = 0.0
    return weights / weights.sum(axis=1, keepdims=True)


def _absolute(said: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean absolute errors, (n, n_members)."""
    return np.abs(said - truth[:, None]).mean(axis=2)


def _relative(said: np.ndarray, truth: np.ndarray, zero: np.ndarray) -> np.ndarray:
    """Mean symmetric relative errors; the absolute ones where there is no zero to go by."""
    plain = np.isnan(zero)
    zero = np.where(plain, 0.0, zero)[:, None, None]
    size = np.abs(said - zero) + np.abs(truth[:, None] - zero)
    return (np.abs(said - truth[:, None]) / np.where(plain[:, None, None], 1.0, np.maximum(size, 1e-12))).mean(axis=2)


def _scales(errors: np.ndarray, channel: np.ndarray, n_channels: int) -> np.ndarray:
    """The median of the members' mean errors in each channel, (n_channels,)."""
    total, count = np.zeros((n_channels, errors.shape[1])), np.bincount(channel, minlength=n_channels)
    np.add.at(total, channel, errors)
    mean = total[count > 0] / count[count > 0, None]
    out = np.ones(n_channels)
    out[count > 0] = np.maximum(np.nanmedian(mean, axis=1), 1e-12)
    return out


def _later_half(held: HeldOut, series: np.ndarray) -> np.ndarray:
    """Which origins are among the later ones of their channel; of channels with one horizon, those of every other series."""
    first, last = np.full(len(held.cut), np.inf), np.zeros(len(held.cut))
    np.minimum.at(first, held.channel, held.origin)
    np.maximum.at(last, held.channel, held.origin)
    middle = (first + last) / 2
    every_other = series[held.channel] % 2 == 0
    return np.where(held.n_blocks[held.channel] < 2, every_other, held.origin > middle[held.channel])


def _blocks(held: HeldOut, series: np.ndarray) -> np.ndarray:
    """A number for each origin, the same for those of one series whose horizons overlap."""
    horizon = np.zeros(len(held.cut))
    last = np.zeros(len(held.cut), dtype=np.int64)
    np.maximum.at(last, held.channel, held.origin)
    span = (last - held.cut)[held.channel]
    blocks = held.n_blocks[held.channel]
    # origins lie in n_blocks - 1 horizons and one row more
    horizon = np.where(blocks > 1, span / np.maximum(blocks - 1, 1), 1)
    place = ((held.origin - held.cut[held.channel]) / np.maximum(horizon, 1)).round().astype(np.int64)
    return series[held.channel] * (_MOST_HORIZONS + 1) + place


def _powers(
    errors: np.ndarray, channel: np.ndarray, n_blocks: np.ndarray, power: float, shrinkage: float
) -> np.ndarray:
    """Weights (n_channels, n_members) by errors (n, n_members) of origins."""
    n_channels, n_members = len(n_blocks), errors.shape[1]
    total, count = np.zeros((n_channels, n_members)), np.zeros(n_channels)
    np.add.at(total, channel, errors)
    np.add.at(count, channel, 1.0)
    mean = total / np.maximum(count, 1.0)[:, None]
    there = (count > 0) & (np.nanmax(mean, axis=1, initial=0.0) > 1e-12)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.maximum(mean, 1e-3 * np.nanmax(mean, axis=1, keepdims=True)))
    logs[there] -= np.nanmean(logs[there], axis=1, keepdims=True)
    known = there[:, None] & ~np.isnan(logs)
    logs = np.where(known, logs, 0.0)
    # the mean of errors, not of their logarithms, as what fails badly on few series is to count
    relative = np.where(known, np.exp(logs), 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    of_pool = np.log(np.maximum(relative, 1e-12))
    evidence = np.where(known, n_blocks[:, None], 0.0)
    drawn = (evidence * logs + shrinkage * of_pool) / (evidence + shrinkage)
    weights = np.exp(-power * (drawn - drawn.min(axis=1, keepdims=True)))
    weights[np.isnan(mean)] = 0.0
    # where every answer is right, as on constants, all that answer are worth the same
    weights[:, ~known.any(axis=0) if known.any() else np.isnan(mean).any(axis=0)] = 0.0
    return weights / weights.sum(axis=1, keepdims=True)


def mix(said: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Half the weighted mean, half the weighted median, which no single member carries away.

    Parameters
    ----------
    said : ndarray of shape (n, n_members, horizon)
        NaN of members without an answer, which count nothing.
    weights : ndarray of shape (n, n_members)

    Returns
    -------
    ndarray of shape (n, horizon)
    """
    order = np.argsort(said, axis=1)  # NaN comes last, and has no weight
    there = np.where(np.isnan(said[:, :, 0]), 0.0, weights)
    there = there / there.sum(axis=1, keepdims=True)
    below = np.cumsum(np.take_along_axis(there[:, :, None], order, axis=1), axis=1)
    middle = (below >= 0.5 - 1e-12).argmax(axis=1)[:, None]
    median = np.take_along_axis(said, np.take_along_axis(order, middle, axis=1), axis=1)[:, 0]
    return 0.5 * _mean(said, weights) + 0.5 * median


def _mean(said: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted means (n, horizon); members without an answer count nothing."""
    weights = np.where(np.isnan(said[:, :, 0]), 0.0, weights)
    weights = weights / weights.sum(axis=1, keepdims=True)
    return np.einsum("nmh,nm->nh", np.nan_to_num(said), weights)


def _clear_share(mixed: np.ndarray, naive: np.ndarray, truth: np.ndarray, block: np.ndarray) -> float:
    """How much of the mixture to take: all where its gain on the naive forecast is large for how it varies, else less, to nothing."""
    shares = []
    _, block, n = np.unique(block, return_inverse=True, return_counts=True)
    for power in (1, 2):
        own, others = (np.bincount(block, (np.abs(f - truth) ** power).mean(axis=1)) / n for f in (mixed, naive))
        gain = (own - others) / max(others.mean(), 1e-12)
        n_blocks, (n_prior, deviation) = len(gain), _PRIOR
        spread = (((gain - gain.mean()) ** 2).sum() + n_prior * deviation**2) / (n_blocks - 1 + n_prior)
        mean, error = gain.mean(), _CLEAR * np.sqrt(spread / n_blocks)
        shares.append(0.0 if mean >= 0 else max(0.0, 1.0 - (error / mean) ** 2))
    return float(min(shares))
