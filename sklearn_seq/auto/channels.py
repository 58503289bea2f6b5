"""What members of a pool of forecasters learn from: the targets of all series, each a series of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sklearn_seq.sequences.horizons import Windows

__all__ = ["Channels", "Logarithms", "begins", "read_channels", "stack_last"]


@dataclass(frozen=True)
class Channels:
    """Series to learn from.

    Attributes
    ----------
    values : list of ndarray of float64 of shape (n_rows,)
        One of each channel; without NaN, on scales that may be compared.
    horizon, lookback : int
        Steps that are asked for, and rows that a forecast is made of.
    """

    values: list[np.ndarray]
    horizon: int
    lookback: int

    def __len__(self) -> int:
        return len(self.values)

    @property
    def lengths(self) -> np.ndarray:
        """Rows of each channel."""
        return np.array([len(x) for x in self.values])

    def take(self, chosen: np.ndarray) -> Channels:
        """Some of the channels."""
        return replace(self, values=[self.values[i] for i in chosen])

    def until(self, stops: np.ndarray) -> Channels:
        """The first rows of each."""
        return replace(self, values=[x[:stop] for x, stop in zip(self.values, stops.tolist(), strict=True)])

    def last(self, n: int) -> np.ndarray:
        """The last ``n`` rows of each, (n_channels, n), as `stack_last`."""
        return stack_last(self.values, self.lengths, n)

    def joined(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All of them one behind the other, (n_rows, 1), and where each begins and ends."""
        stops = np.cumsum(self.lengths)
        return np.concatenate(self.values)[:, None], stops - self.lengths, stops


def stack_last(values: list[np.ndarray], stops: np.ndarray, n: int) -> np.ndarray:
    """The ``n`` rows before ``stops`` of each series, (n_series, n); the first row repeated in front of short ones."""
    out = np.empty((len(values), n))
    for row, x, stop in zip(out, values, stops.tolist(), strict=True):
        have = min(n, stop)
        row[n - have :] = x[stop - have : stop]
        row[: n - have] = x[0]
    return out


def begins(past: np.ndarray) -> np.ndarray:
    """Where each row of (n, L) first changes, less one: what stands before has been put in front of a short series."""
    changes = past != past[:, :1]
    return np.where(changes.any(axis=1), changes.argmax(axis=1) - 1, past.shape[1] - 1)


def read_channels(windows: Windows) -> Channels:
    """The targets of all series up to the last row that any of the windows looks ahead to; what was put in front left out."""
    layout = windows.layout
    values = windows.scaled()[:, list(layout.target)]
    stops = windows.starts.copy()
    np.maximum.at(stops, windows.series, windows.origins + layout.horizon)
    found = []
    for start, stop in zip(windows.starts.tolist(), stops.tolist(), strict=True):
        for k in range(values.shape[1]):
            x = np.ascontiguousarray(values[start : max(stop, start + 1), k])
            found.append(x[begins(x[None])[0] :] if (x != x[0]).any() else x)
    return Channels(found, layout.horizon, layout.lookback)


@dataclass(frozen=True)
class Logarithms:
    """Logarithms of channels that are positive, scaled again.

    Attributes
    ----------
    mean, deviation : ndarray of shape (n_channels,)
        Scale that the channels have.
    floor : ndarray of shape (n_channels,)
        What is below is read as this; NaN for channels that are not all positive.
    of_mean, of_deviation : ndarray of shape (n_channels,)
        Scale of the logarithms.
    """

    mean: np.ndarray
    deviation: np.ndarray
    floor: np.ndarray
    of_mean: np.ndarray
    of_deviation: np.ndarray

    @classmethod
    def of(cls, channels: Channels, mean: np.ndarray, deviation: np.ndarray) -> Logarithms:
        """Learn from channels with this scale."""
        least = np.array([x.min() for x in channels.values]) * deviation + mean
        floor = np.where(least > 0, least / 2, np.nan)
        flat = np.zeros_like(floor)
        first = cls(mean, deviation, floor, flat, flat + 1)
        logs = [first.forward(x[None], np.array([i]))[0] for i, x in enumerate(channels.values)]
        spread = np.array([x.std() for x in logs])
        return replace(
            first, of_mean=np.array([x.mean() for x in logs]), of_deviation=np.where(spread > 1e-9, spread, 1.0)
        )

    @property
    def usable(self) -> np.ndarray:
        """Which channels are positive."""
        return np.flatnonzero(~np.isnan(self.floor))

    def forward(self, values: np.ndarray, channel: np.ndarray) -> np.ndarray:
        """Scaled logarithms of scaled values (n, T) of channels (n,)."""
        c = channel[:, None]
        raw = np.maximum(values * self.deviation[c] + self.mean[c], self.floor[c])
        return (np.log(raw) - self.of_mean[c]) / self.of_deviation[c]

    def back(self, values: np.ndarray, channel: np.ndarray) -> np.ndarray:
        """The opposite."""
        c = channel[:, None]
        # more than e^50 times as much is no forecast of anything
        logs = np.clip(values, -50.0, 50.0) * self.of_deviation[c] + self.of_mean[c]
        return (np.exp(np.minimum(logs, 700.0)) - self.mean[c]) / self.deviation[c]

    def apply(self, channels: Channels) -> Channels:
        """The logarithms of the channels that have them."""
        return replace(channels, values=[self.forward(channels.values[i][None], np.array([i]))[0] for i in self.usable])
