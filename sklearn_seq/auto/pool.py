"""A pool of forecasters that learn from all series at once and answer any window of their past.

A member has ``learn(channels) -> dict`` of plain values and arrays, or None, and ``answer(learnt, past, channel, horizon)``, the
forecasts (n, horizon) of what follows past rows (n, lookback) of channels (n,). Another member is one entry of `make_pool`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from sklearn_seq.auto.channels import Channels, Logarithms, begins
from sklearn_seq.auto.lag_maps import Autoregression, ClusterMaps, SharedAutoregression, WindowMaps
from sklearn_seq.auto.smoothing import Smoothing, Theta

__all__ = ["Drift", "Entry", "Member", "Repeat", "SeasonMean", "answer_member", "learn_pool", "make_pool"]

_FEWEST_IN_CLUSTER = 12  # channels, on average
_CLUSTERS = (8, 20)
_TOO_FAR = 2.0  # ranges of the past beyond which no forecast goes


class Member(Protocol):
    """What a member of a pool can do."""

    def learn(self, channels: Channels) -> dict[str, Any] | None:
        """Learn from training rows; None where they are too few to learn from."""

    def answer(self, learnt: dict[str, Any], past: np.ndarray, channel: np.ndarray, horizon: int) -> np.ndarray:
        """Forecasts (n, horizon) of what follows ``past`` (n, L) of channels (n,)."""


class Entry(NamedTuple):
    """A member, and whether it reads logarithms."""

    member: Member
    logarithms: bool = False


@dataclass(frozen=True)
class Repeat:
    """The last season again; of season 1, the last value."""

    season: int

    def learn(self, channels: Channels) -> dict[str, Any]:
        """Nothing."""
        return {}

    def answer(self, learnt: dict[str, Any], past: np.ndarray, channel: np.ndarray, horizon: int) -> np.ndarray:
        """Forecasts (n, horizon) of what follows ``past`` (n, L) of channels (n,)."""
        season = min(self.season, past.shape[1])
        return past[:, past.shape[1] - season + np.arange(horizon) % season]


@dataclass(frozen=True)
class SeasonMean:
    """The mean of the last seasons, as many as there are, up to some."""

    season: int
    n_seasons: int = 3

    def learn(self, channels: Channels) -> dict[str, Any]:
        """Nothing."""
        return {}

    def answer(self, learnt: dict[str, Any], past: np.ndarray, channel: np.ndarray, horizon: int) -> np.ndarray:
        """Forecasts (n, horizon) of what follows ``past`` (n, L) of channels (n,)."""
        season = min(self.season, past.shape[1])
        n = min(self.n_seasons, past.shape[1] // season)
        rows = past[:, past.shape[1] - n * season :].reshape(len(past), n, season)
        there = ((past.shape[1] - begins(past)) // season).clip(1, n)[:, None]
        known = np.arange(n) >= n - there  # (n_rows, n)
        return ((rows * known[:, :, None]).sum(axis=1) / there)[:, np.arange(horizon) % season]


@dataclass(frozen=True)
class Drift:
    """On along the line from the first row to the last."""

    def learn(self, channels: Channels) -> dict[str, Any]:
        """Nothing."""
        return {}

    def answer(self, learnt: dict[str, Any], past: np.ndarray, channel: np.ndarray, horizon: int) -> np.ndarray:
        """Forecasts (n, horizon) of what follows ``past`` (n, L) of channels (n,)."""
        slope = (past[:, -1] - past[:, 0]) / np.maximum(1, past.shape[1] - 1 - begins(past))
        return past[:, -1:] + slope[:, None] * np.arange(1, horizon + 1)


def make_pool(seasons: tuple[int, ...], n_channels: int, budget: float = 1.0) -> dict[str, Entry]:
    """The members, by name; those that repeat come first.

    Parameters
    ----------
    seasons : tuple of int
        (1,), (season,) or (season, longer).
    n_channels : int
        Clusters are made of many.
    budget : float
        Below 1 the dearer ones are left out.
    """
    real = [season for season in seasons if season > 1]
    pool = {"last": Entry(Repeat(1))} | {f"season {m}": Entry(Repeat(m)) for m in real}
    pool["drift"] = Entry(Drift())
    pool |= {f"mean of seasons {m}": Entry(SeasonMean(m)) for m in real}
    for logarithms in (False, True):
        found: dict[str, Member] = {}
        for m in [1, *real]:
            found |= {
                f"theta {m}": Theta(m),
                f"smoothing {m}": Smoothing(m, False),
                f"damped trend {m}": Smoothing(m, True),
            }
        found["autoregression"] = Autoregression(seasons, 0, 1e-3)
        found["autoregression from 1"] = Autoregression(seasons, 1, 1e-3)
        for m in real:
            found[f"autoregression from {m}"] = Autoregression(seasons, m, 1e-2)
            found[f"stiff autoregression from {m}"] = Autoregression(seasons, m, 1e-1)
        if real:
            found["short autoregression from 1"] = Autoregression((1,), 1, 1e-3)
            found[f"dense autoregression from {real[0]}"] = Autoregression(seasons, real[0], 1e-2, dense=True)
        if budget >= 0.3:
            found["map"] = WindowMaps(seasons)
            for n in _CLUSTERS:
                if n_channels >= n * _FEWEST_IN_CLUSTER and budget >= 1:
                    found[f"{n} maps"] = ClusterMaps(seasons, n)
                    for m in real or [1]:
                        found[f"{n} autoregressions from {m}"] = SharedAutoregression(seasons, m, 1e-2, True, n)
        pool |= {f"log {name}" if logarithms else name: Entry(member, logarithms) for name, member in found.items()}
    return pool


def learn_pool(pool: dict[str, Entry], channels: Channels, logs: Logarithms) -> dict[str, Any]:
    """What each member learns; None where there is nothing that it could learn from."""
    of_logs = logs.apply(channels)
    learnt: dict[str, Any] = {}
    for name, (member, logarithms) in pool.items():
        source = of_logs if logarithms else channels
        learnt[name] = member.learn(source) if len(source) and source.lengths.max() > 1 else None
    return learnt


def answer_member(
    entry: Entry, learnt: dict[str, Any] | None, past: np.ndarray, channel: np.ndarray, horizon: int, logs: Logarithms
) -> np.ndarray:
    """Forecasts of a member (n, horizon), NaN where it has none."""
    out = np.full((len(past), horizon), np.nan)
    if learnt is None or not len(past):
        return out
    if entry.logarithms:
        usable = logs.usable
        mine = np.flatnonzero(np.isin(channel, usable))
        if len(mine):
            its = channel[mine]
            found = entry.member.answer(learnt, logs.forward(past[mine], its), np.searchsorted(usable, its), horizon)
            out[mine] = logs.back(found, its)
    else:
        out = entry.member.answer(learnt, past, channel, horizon)
    # what grows without bound, such as a trend of few rows in logarithms, is worse than any other forecast
    low, high = past.min(axis=1, keepdims=True), past.max(axis=1, keepdims=True)
    return np.clip(out, low - _TOO_FAR * (high - low), high + _TOO_FAR * (high - low))
