"""From tables to windows: what fit learns from, what a forecast stands on, and what is remembered between them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sklearn_seq.sequences.horizons import Layout, Scale, Windows
from sklearn_seq.sequences.tables import Columns, Table

__all__ = ["Memory", "Running", "cut_lookback", "make_layout", "training_windows"]

_FEW = 9  # windows, that many more than one, before a look-back is cut short


def cut_lookback(lookback: int, horizon: int, longest: int) -> int:
    """The look-back that series of this length leave room for: some windows at least, up to ten."""
    room = longest - horizon
    return min(lookback, max(1, room - min(_FEW, room // 2)))


def make_layout(columns: Columns, n_external: int, lookback: int, horizon: int, marked: bool) -> Layout:
    """Which columns of a prepared table are what; targets from outside stand behind those of ``X``."""
    n_given = len(columns.values)
    target = tuple(range(n_given, n_given + n_external)) if n_external else tuple(columns.target)
    return Layout(lookback, horizon, target, tuple(columns.past), tuple(columns.known), n_given + n_external, marked)


def _filled(values: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last known value in place of each missing one, the mean where there is none; and where they were missing."""
    missing = np.isnan(values)
    if not missing.any():
        return values, missing
    place = np.where(missing, -1, np.arange(len(values))[:, None])
    place = np.maximum.accumulate(place, axis=0)
    filled = np.where(place >= 0, np.take_along_axis(values, np.maximum(place, 0), axis=0), mean)
    return filled.astype(values.dtype, copy=False), missing


def training_windows(table: Table, layout: Layout, columns: Columns, scale: Scale) -> Windows:
    """All windows of a training table.

    A series too short for the look-back has its first row repeated in front; one too short for the horizon has no window.
    Where nothing has to be put in, the table is not copied.
    """
    lengths, lookback, horizon = table.lengths, layout.lookback, layout.horizon
    room = lengths - horizon
    first = np.minimum(lookback, np.maximum(1, room - np.minimum(_FEW, room // 2)))  # origin, from the start
    front = np.where(room >= 1, lookback - first, 0)
    values, starts, stops = table.values, table.starts, table.stops
    if front.any() or layout.marked:
        parts = []
        for i, (start, stop) in enumerate(zip(starts.tolist(), stops.tolist(), strict=True)):
            parts.append(_with_front(values[start:stop], int(front[i]), scale.mean[i], layout.marked))
        values = np.concatenate(parts)
        stops = np.cumsum(lengths + front)
        starts = stops - lengths - front
    n = np.maximum(room - first + 1, 0)
    ends = np.cumsum(n)
    # beside a narrow table these numbers weigh: as many as there are rows
    dtype = np.int32 if len(values) < 1 << 30 else np.int64
    series = np.repeat(np.arange(len(n), dtype=dtype), n)
    origins = np.arange(ends[-1], dtype=dtype)
    origins += np.repeat((starts + lookback - (ends - n)).astype(dtype), n)
    return Windows(values, starts, stops, origins, series, layout, scale, static_of(table, columns, scale))


def _with_front(values: np.ndarray, n: int, mean: np.ndarray, marked: bool) -> np.ndarray:
    """Rows with ``n`` in front, and indicators beside them where missing values are marked."""
    missing = np.zeros(values.shape, dtype=bool)
    if marked:
        values, missing = _filled(values, mean)
    rows = np.concatenate([np.repeat(values[:1], n, axis=0), values])
    if not marked:
        return rows
    marks = np.concatenate([np.ones((n, values.shape[1]), dtype=bool), missing])
    return np.concatenate([rows, marks.astype(rows.dtype)], axis=1)


def static_of(table: Table, columns: Columns, scale: Scale) -> np.ndarray:
    """The static columns of each series, scaled, (n_series, n_static)."""
    if not columns.static:
        return np.zeros((len(table.starts), 0))
    found = table.values[table.starts][:, columns.static].astype(np.float64)
    for i, (start, stop) in enumerate(zip(table.starts.tolist(), table.stops.tolist(), strict=True)):
        part = table.values[start:stop][:, columns.static]
        changes = ((part != part[0]) & ~(np.isnan(part) & np.isnan(part[0]))).any(axis=0)
        if changes.any():
            name = columns.values[columns.static[int(changes.argmax())]]
            label = "the series" if table.labels[i] is None else f"series {table.labels[i]!r}"
            raise ValueError(
                f"static={name!r} changes inside {label}; wanted one value for all of its rows. Take it out of "
                "static, and it is read row by row."
            )
    return np.nan_to_num(scale.apply(found, np.arange(len(found)), columns.static), nan=0.0)  # the mean of all series


@dataclass
class Memory:
    """The last rows of each series, as they were given.

    Attributes
    ----------
    values : ndarray of shape (n_series * lookback, n_values)
        Behind each other; NaN in front where a series has fewer.
    lengths : ndarray of int of shape (n_series,)
        How many rows are true ones.
    first, last : ndarray of shape (n_series,), or None
        Stamps of the first and the last row of training.
    """

    values: np.ndarray
    lengths: np.ndarray
    first: np.ndarray | None
    last: np.ndarray | None

    @classmethod
    def of(cls, table: Table, lookback: int) -> Memory:
        """Of a training table."""
        n = len(table.starts)
        values = np.full((n, lookback, table.values.shape[1]), np.nan, dtype=table.values.dtype)
        kept = np.minimum(table.lengths, lookback)
        for i, (stop, k) in enumerate(zip(table.stops.tolist(), kept.tolist(), strict=True)):
            values[i, lookback - k :] = table.values[stop - k : stop]
        first = last = None
        if table.stamps is not None:
            first, last = table.stamps[table.starts], table.stamps[table.stops - 1]
        return cls(values.reshape(n * lookback, -1), kept, first, last)

    def forgotten(self) -> Memory:
        """Without rows; the stamps stay, to hold what follows against them."""
        return replace(self, values=np.full_like(self.values, np.nan), lengths=np.zeros_like(self.lengths))


@dataclass(frozen=True)
class Running:
    """Series that go on: what is remembered, rows of a table behind it, and some rows more.

    Attributes
    ----------
    windows : Windows
        Without origins.
    first : ndarray of int of shape (n_series,)
        Where the rows of the table begin, for each series in it.
    lengths : ndarray of int of shape (n_series,)
        How many there are.
    series : ndarray of int of shape (n_series,)
        Their numbers in fit.
    """

    windows: Windows
    first: np.ndarray
    lengths: np.ndarray
    series: np.ndarray

    @classmethod
    def of(
        cls,
        values: np.ndarray,
        starts: np.ndarray,
        stops: np.ndarray,
        series: np.ndarray,
        memory: Memory,
        cold: np.ndarray,
        layout: Layout,
        scale: Scale,
        static: np.ndarray,
        n_more: int,
    ) -> Running:
        """Join them.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_values)
        starts, stops : ndarray of int of shape (n_series,)
        series : ndarray of int of shape (n_series,)
            Numbers in fit.
        memory : Memory
        cold : ndarray of bool of shape (n_series,)
            Which series do not go on from what is remembered.
        layout : Layout
        scale : Scale
            Of all series of fit.
        static : ndarray of shape (n_series of fit, n_static)
        n_more : int
            Rows to put behind each, equal to its last.
        """
        lookback, parts = layout.lookback, []
        lengths = stops - starts
        for i, (start, stop, number) in enumerate(zip(starts.tolist(), stops.tolist(), series.tolist(), strict=True)):
            kept = 0 if cold[i] else int(memory.lengths[number])
            end = (number + 1) * lookback
            rows = np.concatenate([memory.values[end - kept : end], values[start:stop]])
            if not kept:  # rows of the table would be read before they came
                unknown = np.full_like(scale.mean[number], np.nan) if layout.marked else scale.mean[number]
                rows = np.concatenate([unknown[None].astype(values.dtype), rows])
                kept = 1
            rows = _with_front(rows, lookback - kept, scale.mean[number], layout.marked)
            last = rows[-1:].copy()
            if layout.marked:
                last[:, layout.n_values :] = 1.0  # not known
            parts += [rows, np.repeat(last, n_more, axis=0)]
        joined = np.concatenate(parts)
        ends = np.cumsum(lookback + lengths + n_more)
        begins = ends - lookback - lengths - n_more
        none = np.zeros(0, dtype=np.int64)
        own = Scale(scale.mean[series], scale.deviation[series])
        return cls(
            Windows(joined, begins, ends, none, none, layout, own, static[series]), begins + lookback, lengths, series
        )

    def at(self, steps: np.ndarray, series: np.ndarray) -> Windows:
        """Windows whose horizon begins so many rows behind the first row of the table, of the i-th series in it."""
        return replace(self.windows, origins=self.first[series] + steps, series=series)

    def every(self, stride: int, first: int = 0, last: np.ndarray | int | None = None) -> Windows:
        """Windows every so many rows.

        Parameters
        ----------
        stride : int
        first : int
            The first row of each series that is an origin.
        last : ndarray of int, int or None
            The last row that may be one; by default the last there is.
        """
        last = self.lengths - 1 if last is None else last
        n = np.maximum((last - first) // stride + 1, 0)
        ends = np.cumsum(n)
        series = np.repeat(np.arange(len(n)), n)
        steps = (np.arange(int(ends[-1])) - np.repeat(ends - n, n)) * stride + first
        return self.at(steps, series)
