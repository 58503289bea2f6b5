"""Members of a pool of forecasters that are linear in the past: maps for all channels, for clusters of them, for each.

References
----------
P. Montero-Manso, R. J. Hyndman. Principles and algorithms for forecasting groups of time series: locality and globality.
International Journal of Forecasting 37, 2021: one map for many series, and clusters of them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.cluster import KMeans

from sklearn_seq.auto.channels import Channels
from sklearn_seq.auto.seasons import autocorrelations
from sklearn_seq.training.window_ridge import WindowMap, WindowMoments, WindowRidge

__all__ = ["Autoregression", "ClusterMaps", "SharedAutoregression", "WindowMaps", "find_clusters", "lags_of"]

_OTHERS = 0.1  # weight of the series of other clusters
_MOST_ROWS = 6000  # of a channel that its own regression learns from
_SHORT = 0.1  # penalty for each lag, relative to the rows
_SHORT_LAGS = 3
_LAGS = 12  # without a season
_DENSE = 60
_SEASONS = 6  # multiples of a season among the lags
_TOO_FAR = 1.0  # ranges of the past beyond which no regression on it may go


def _lookbacks(channels: Channels, seasons: tuple[int, ...]) -> list[int]:
    most, base = channels.lookback, max(seasons)
    wanted = {most, most // 2, most // 4, base if base > 1 else 2 * channels.horizon}
    return sorted(i for i in wanted if 1 <= i <= most)


def _solve(channels: Channels, lookbacks: list[int]) -> WindowMap | None:
    """One map for all channels; None where none of them has a row and a horizon behind it."""
    if channels.lengths.max() <= channels.horizon:
        return None
    found = WindowRidge(channels.horizon, lookbacks).fit(*channels.joined())
    assert isinstance(found, WindowMap)  # one for all
    return found


@dataclass(frozen=True)
class WindowMaps:
    """One linear map of windows to what follows them, for all channels.

    Attributes
    ----------
    seasons : tuple of int
    """

    seasons: tuple[int, ...]

    def learn(self, channels: Channels) -> dict[str, Any] | None:
        """Solve for the map."""
        found = _solve(channels, _lookbacks(channels, self.seasons))
        return None if found is None else asdict(found)

    def answer(self, learnt: dict[str, Any], past: np.ndarray, channel: np.ndarray, horizon: int) -> np.ndarray:
        """Forecasts (n, horizon) of what follows ``past`` (n, L) of channels (n,)."""
        return WindowMap(**learnt).predict(past)


def find_clusters(channels: Channels, seasons: tuple[int, ...], n_clusters: int) -> np.ndarray:
    """The cluster of each channel, (n_channels,), by its autocorrelations."""
    base, longer = seasons[0], seasons[-1]
    lags = {1, 2, 3, base // 4, base // 2, base, 2 * base, 3 * base, 5 * base, longer - base, longer, 2 * longer}
    table = autocorrelations(channels.values, max(lags))[:, sorted(lags - {0})]
    # in an order of their own, as centres are drawn by position: the order of series is to change nothing
    order = np.lexsort(np.round(table, 9).T)
    found = np.empty(len(table), dtype=np.int64)
    n = min(n_clusters, len(np.unique(table, axis=0)))
    found[order] = KMeans(n, n_init=4, random_state=0).fit_predict(table[order])
    return found


class _Moments(WindowMoments):
    """Sums that others may be added to."""

    def take_in(self, other: _Moments, weight: float) -> None:
        """Add the windows of others, each with this weight."""
        self._flush()
        other._flush()
        self.weight += weight * other.weight
        self._first += weight * other._first
        self._steps += weight * other._steps
        self._others += weight * other._others


@dataclass(frozen=True)
class ClusterMaps:
    """A linear map for each cluster of channels whose autocorrelations are alike; other clusters weigh a tenth.

    Attributes
    ----------
    seasons : tuple of int
    n_clusters : int
    """

    seasons: tuple[int, ...]
    n_clusters: int

    def learn(self, channels: Channels) -> dict[str, Any] | None:
        """Cluster the channels and solve for the maps."""
        of_all = _solve(channels, _lookbacks(channels, self.seasons)[-2:])
        if of_all is None:
            return None
        cluster = find_clusters(channels, self.seasons, self.n_clusters)
        whole = _Moments(of_all.lookback, channels.horizon)
        parts = [_Moments(of_all.lookback, channels.horizon) for _ in range(int(cluster.max()) + 1)]
        for x, i in zip(channels.values, cluster.tolist(), strict=True):
            if len(x) >= of_all.lookback + channels.horizon:
                parts[i].add(x - x.mean())
        for part in parts:
            whole.take_in(part, _OTHERS)
        maps = []
        for part in parts:
            part.take_in(whole, 1.0)
            maps.append(asdict(part.solve(of_all.shift, of_all.lambda_)))
        return {"cluster": cluster, "maps": maps}

    def answer(self, learnt: dict[str, Any], past: np.ndarray, channel: np.ndarray, horizon: int) -> np.ndarray:
        """Forecasts (n, horizon) of what follows ``past`` (n, L) of channels (n,)."""
        out = np.empty((len(past), horizon))
        cluster = learnt["cluster"][channel]
        for i in np.unique(cluster):
            out[cluster == i] = WindowMap(**learnt["maps"][i]).predict(past[cluster == i])
        return out


def lags_of(seasons: tuple[int, ...], most: int, dense: bool = False) -> np.ndarray:
    """Lags of an autoregression: the last rows, and those around one and several seasons ago; if dense, all of a season."""
    lags = set(range(1, _SHORT_LAGS + 1))
    if seasons == (1,):
        lags |= set(range(1, _LAGS + 1))
    for season in seasons:
        if season > 1:
            lags |= {season - 1, season, season + 1}
            lags |= {i * season for i in range(2, (_SEASONS if season == seasons[0] else 2) + 1)}
    if dense:
        lags |= set(range(1, min(seasons[0], _DENSE) + 3)) | set(range(2 * seasons[0] - 2, 2 * seasons[0] + 3))
    return np.array(sorted(i for i in lags if 1 <= i <= most))


def _lagged(x: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """The lags of each row, and the row itself, (n, n_lags + 1)."""
    return sliding_window_view(x, lags[-1] + 1)[:, np.r_[lags[-1] - lags, lags[-1]]].astype(np.float64)


def _nearest(lags: np.ndarray, anchor: int) -> int:
    """Where the anchor is among the lags; the nearest, where series are too short for it."""
    return int(np.argmin(np.abs(lags - anchor)))


def _products(table: np.ndarray, lags: np.ndarray, anchor: int) -> np.ndarray:
    """Sums of products of differences to the anchor, (n_lags + 1, n_lags + 1)."""
    place = _nearest(lags, anchor)
    table = table - table[:, place : place + 1]
    return table.T @ table


def _coefficients(products: np.ndarray, lags: np.ndarray, anchor: int, penalty: float) -> np.ndarray:
    """The ridge solution (n_lags,); with an anchor they sum to 1."""
    coef = np.linalg.solve(products[:-1, :-1] + penalty * np.eye(len(lags)), products[:-1, -1])
    if anchor:
        place = _nearest(lags, anchor)
        coef[place] = 0.0
        coef[place] = 1.0 - coef.sum()
    return coef


@dataclass(frozen=True)
class Autoregression:
    """A ridge regression for each channel on lags, forecast step by step.

    Attributes
    ----------
    seasons : tuple of int
    anchor : int
        What the penalty draws the forecast to: 0 for the mean, else the row so many steps ago, of which all others are told
        the difference.
    penalty : float
        Relative to the variance.
    dense : bool
        Whether all lags up to a season are read.
    """

    seasons: tuple[int, ...]
    anchor: int
    penalty: float
    dense: bool = False

    def learn(self, channels: Channels) -> dict[str, Any]:
        """Solve for the coefficients of each channel; lags that it is too short for have none."""
        lags = lags_of(self.seasons, channels.lookback, self.dense)
        coef, intercept = np.zeros((len(lags), len(channels))), np.zeros(len(channels))
        for i, x in enumerate(channels.values):
            x = x[-_MOST_ROWS:]
            used = lags[lags <= (len(x) - 1) // 2]
            if len(used):
                coef[: len(used), i], intercept[i] = self._solve(x, used)
            else:
                coef[0, i] = 1.0
        return {"lags": lags, "coef": coef, "intercept": intercept}

    def _solve(self, x: np.ndarray, lags: np.ndarray) -> tuple[np.ndarray, float]:
        table = _lagged(x, lags)
        mean = np.zeros(len(lags) + 1) if self.anchor else table.mean(axis=0)
        products = _products(table, lags, self.anchor) if self.anchor else (table - mean).T @ (table - mean)
        # of short series there is less to learn
        coef = _coefficients(products, lags, self.anchor, (self.penalty + _SHORT * len(lags) / len(table)) * len(table))
        return coef, float(mean[-1] - mean[:-1] @ coef)

    def answer(self, learnt: dict[str, Any], past: np.ndarray, channel: np.ndarray, horizon: int) -> np.ndarray:
        """Forecasts (n, horizon) of what follows ``past`` (n, L) of channels (n,)."""
        lags, coef, intercept = learnt["lags"], learnt["coef"][:, channel], learnt["intercept"][channel]
        longest = int(lags[-1])
        low, high = past.min(axis=1), past.max(axis=1)
        low, high = low - _TOO_FAR * (high - low), high + _TOO_FAR * (high - low)
        rows = np.concatenate([past[:, -longest:].T, np.empty((horizon, len(past)))])  # (time, n)
        for t in range(longest, longest + horizon):
            rows[t] = np.clip((rows[t - lags] * coef).sum(axis=0) + intercept, low, high)
        return rows[longest:].T


@dataclass(frozen=True)
class SharedAutoregression(Autoregression):
    """An autoregression for each channel that learns from the others of its cluster, too: together they weigh as much as itself.

    Attributes
    ----------
    n_clusters : int
    """

    n_clusters: int = 1

    def learn(self, channels: Channels) -> dict[str, Any]:
        """Solve for the coefficients of each channel; one without enough rows has those of its cluster."""
        lags = lags_of(self.seasons, min(channels.lookback, int(np.median(channels.lengths) - 1) // 2), self.dense)
        if not len(lags):
            return Autoregression.learn(self, channels)
        cluster = find_clusters(channels, self.seasons, self.n_clusters)
        products = np.zeros((len(channels), len(lags) + 1, len(lags) + 1))
        n = np.zeros(len(channels))
        for i, x in enumerate(channels.values):
            x = x[-_MOST_ROWS:]
            if len(x) > lags[-1]:
                products[i] = _products(_lagged(x, lags), lags, self.anchor)
                n[i] = len(x) - lags[-1]
        coef = np.empty((len(lags), len(channels)))
        for i in range(len(channels)):
            alike = cluster == cluster[i]
            share = max(n[alike].mean(), 1.0) / max(n[alike].sum(), 1.0)
            mixed = products[i] + share * products[alike].sum(axis=0)
            penalty = self.penalty * (n[i] + max(n[alike].mean(), 1.0))
            coef[:, i] = _coefficients(mixed, lags, self.anchor, penalty)
        return {"lags": lags, "coef": coef, "intercept": np.zeros(len(channels))}
