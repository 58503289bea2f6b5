"""Windows of tables: a past to read and a horizon ahead, known by where they begin and never copied as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import as_strided

from sklearn_seq.sequences.container import Sequences

__all__ = ["Layout", "Scale", "Windows"]

_VALUES = 1 << 22  # that are gathered at once


@dataclass(frozen=True)
class Layout:
    """What a window shows.

    Attributes
    ----------
    lookback, horizon : int
        Rows before and behind the origin.
    target, past, known : tuple of int
        Columns that are forecast, that are read of the past, and that are known of the horizon too.
    n_values : int
        Columns of numbers. Where missing values are marked, as many indicators of 0 and 1 follow them.
    marked : bool
        Whether there are indicators.
    """

    lookback: int
    horizon: int
    target: tuple[int, ...]
    past: tuple[int, ...]
    known: tuple[int, ...]
    n_values: int
    marked: bool = False

    @property
    def past_columns(self) -> list[int]:
        """Columns of the past, indicators too."""
        return [*self.past, *self._marks(self.past)]

    @property
    def known_columns(self) -> list[int]:
        """Columns of the horizon, indicators too."""
        return [*self.known, *self._marks(self.known)]

    @property
    def target_marks(self) -> list[int]:
        """Indicators of the targets."""
        return self._marks(self.target)

    @property
    def own(self) -> list[int]:
        """For each target its place among `past`, or -1 for one that is not read."""
        return [self.past.index(column) if column in self.past else -1 for column in self.target]

    def _marks(self, columns: tuple[int, ...]) -> list[int]:
        return [column + self.n_values for column in columns] if self.marked else []


@dataclass(frozen=True)
class Scale:
    """Mean and deviation of each column in each series; indicators stay as they are.

    Attributes
    ----------
    mean, deviation : ndarray of float64 of shape (n_series, n_values)
    """

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, starts: np.ndarray, stops: np.ndarray, static: list[int]) -> Scale:
        """Of the rows of each series, missing ones left out; static columns have one scale for all series.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_values)
        starts, stops : ndarray of int of shape (n_series,)
        static : list of int
        """
        shape = (len(starts), values.shape[1])
        mean, square, count = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        for i, (start, stop) in enumerate(zip(starts.tolist(), stops.tolist(), strict=True)):
            for first in range(start, stop, 1 << 16):
                part = values[first : min(stop, first + (1 << 16))].astype(np.float64)
                there = ~np.isnan(part)
                n = there.sum(axis=0)
                total = np.where(there, part, 0.0).sum(axis=0)
                own = total / np.maximum(n, 1)
                with np.errstate(over="ignore"):
                    spread = (np.where(there, part - own, 0.0) ** 2).sum(axis=0)
                both = np.maximum(count[i] + n, 1)
                apart = own - mean[i]
                square[i] += spread + apart**2 * count[i] * n / both
                mean[i] += apart * n / both
                count[i] += n
        deviation = np.sqrt(square / np.maximum(count, 1))
        if static:
            column = mean[:, static]
            mean[:, static], deviation[:, static] = column.mean(axis=0), column.std(axis=0)
        deviation[deviation <= 1e-9 * np.abs(mean)] = 1.0
        deviation[deviation == 0] = 1.0
        return cls(mean, deviation)

    def apply(self, values: np.ndarray, series: np.ndarray, columns: list[int]) -> np.ndarray:
        """Scaled values (n, ..., k) of columns of series (n,)."""
        mean, deviation = self._of(series, columns, values.ndim)
        return (values - mean) / deviation

    def undo(self, values: np.ndarray, series: np.ndarray, columns: list[int], *, shift: bool = True) -> np.ndarray:
        """The opposite; without the mean for differences."""
        mean, deviation = self._of(series, columns, values.ndim)
        return values * deviation + mean if shift else values * deviation

    def _of(self, series: np.ndarray, columns: list[int], ndim: int) -> tuple[np.ndarray, np.ndarray]:
        shape = (len(series), *(1,) * (ndim - 2), len(columns))
        return self.mean[:, columns][series].reshape(shape), self.deviation[:, columns][series].reshape(shape)

    def whole(self, n_columns: int) -> Scale:
        """With columns that stay as they are behind the others."""
        more = ((0, 0), (0, n_columns - self.mean.shape[1]))
        return Scale(np.pad(self.mean, more), np.pad(self.deviation, more, constant_values=1.0))


@dataclass(frozen=True)
class Windows:
    """Windows of a table, each by the row of its first step ahead.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Not scaled, no missing value; `Layout` says which column is what.
    starts, stops : ndarray of int64 of shape (n_series,)
        The rows of each series, what was put before and behind them included.
    origins, series : ndarray of int of shape (n,)
        The row behind the past of each window, and its series.
    layout : Layout
    scale : Scale
        Of the series.
    static : ndarray of shape (n_series, n_static)
        Scaled.
    """

    values: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    origins: np.ndarray
    series: np.ndarray
    layout: Layout
    scale: Scale
    static: np.ndarray

    def __len__(self) -> int:
        return len(self.origins)

    def take(self, rows: np.ndarray) -> Windows:
        """Some of the windows."""
        return replace(self, origins=self.origins[rows], series=self.series[rows])

    def split_end(self, fraction: float, horizon: int) -> tuple[Windows, Windows]:
        """The first windows of each series, and the last share of them; no target of the first lies among those of the last.

        Parameters
        ----------
        fraction : float
        horizon : int
            Rows that a target reaches ahead.
        """
        n = np.bincount(self.series, minlength=len(self.starts))
        place = np.arange(len(self)) - np.repeat(np.cumsum(n) - n, n)  # of an origin in its series
        first = np.repeat(n - np.ceil(n * fraction).astype(np.int64), n)
        early, late = place + horizon <= first, place >= first
        return self.take(np.flatnonzero(early)), self.take(np.flatnonzero(late))

    def spans(self) -> Iterator[slice]:
        """A bounded number of windows at a time, all of them in order."""
        layout = self.layout
        size = max(1, _VALUES // ((layout.lookback + layout.horizon) * self.values.shape[1]))
        for first in range(0, len(self), size):
            yield slice(first, min(len(self), first + size))

    def rows(self, first: int, n: int, columns: list[int]) -> np.ndarray:
        """Scaled values of ``n`` rows from the ``first`` one, counted from the origin, (n_windows, n, k)."""
        step, across = self.values.strides
        shape = (len(self.values) - n + 1, n, self.values.shape[1])
        every = as_strided(self.values, shape, (step, step, across), writeable=False)
        found = every[(self.origins + first)[:, None], :, columns] if len(columns) else np.empty((len(self), 0, n))
        scale = self.scale.whole(self.values.shape[1])
        return scale.apply(np.moveaxis(found, 1, 2), self.series, columns)

    def past(self, columns: list[int] | None = None) -> np.ndarray:
        """What is read of the past, scaled, (n_windows, lookback, k)."""
        lookback = self.layout.lookback
        return self.rows(-lookback, lookback, self.layout.past_columns if columns is None else columns)

    def future(self) -> np.ndarray:
        """What is known of the horizon, scaled, (n_windows, horizon, k)."""
        return self.rows(0, self.layout.horizon, self.layout.known_columns)

    def truth(self, steps: int | None = None) -> np.ndarray:
        """What came, scaled, NaN where it is missing, (n_windows, steps, n_targets); by default of the horizon."""
        layout = self.layout
        steps = layout.horizon if steps is None else steps
        found = self.rows(0, steps, list(layout.target))
        if layout.marked:
            found[self.rows(0, steps, layout.target_marks) > 0] = np.nan
        return found

    def scaled(self, dtype: type = np.float64) -> np.ndarray:
        """The whole table, scaled."""
        out: np.ndarray = np.empty(self.values.shape, dtype=dtype)
        scale = self.scale.whole(self.values.shape[1])
        for i, (start, stop) in enumerate(zip(self.starts.tolist(), self.stops.tolist(), strict=True)):
            np.subtract(self.values[start:stop], scale.mean[i], out=out[start:stop], casting="same_kind")
            out[start:stop] /= scale.deviation[i]
        return out

    def stretches(self, values: np.ndarray) -> Sequences:
        """Past and horizon together, over a table with as many rows."""
        starts = self.origins - self.layout.lookback
        return Sequences._make(values, starts, self.origins + self.layout.horizon)
