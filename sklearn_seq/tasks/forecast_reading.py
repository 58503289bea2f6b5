"""What forecasters read: a table to learn from, what is kept of it, and tables that come later, held against it."""

from __future__ import annotations

import warnings
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.utils.validation import _check_y, check_array, check_consistent_length

from sklearn_seq.sequences.horizons import Layout, Scale
from sklearn_seq.sequences.reading import cast
from sklearn_seq.sequences.stamps import TOLERANCE, Clock
from sklearn_seq.sequences.tables import Columns, Table, group_rows, read_numbers, refuse_no_table, settle_columns
from sklearn_seq.tasks.forecast_intervals import Calibration
from sklearn_seq.tasks.forecast_tables import Memory, Running, cut_lookback, make_layout, static_of
from sklearn_seq.tasks.state import Versioned

__all__ = ["TableReadingMixin", "TrainingTable"]


class TrainingTable(NamedTuple):
    """What fit reads: the table, what its columns are, and how many targets came from outside."""

    table: Table
    columns: Columns
    n_external: int


class TableReadingMixin(Versioned):
    """Reads tables for forecasters; what they keep of training stands in one dictionary of plain values."""

    if TYPE_CHECKING:
        horizon: int
        target: Any
        known_future: Any
        static: Any
        series_id: Any
        time: Any
        gaps: Any
        missing: Any
        _table: dict[str, Any]

        def _steps(self) -> int: ...
        def _wanted_lookback(self) -> int: ...

    def _read_dtype(self) -> Any:
        """Of the numbers; None keeps float32 and makes float64 of all else."""
        return None

    def _read_training(self, X: Any, y: Any) -> TrainingTable:
        refuse_no_table(self, X)
        roles: Any = {"target": self.target, "known": self.known_future, "static": self.static}
        roles |= {"series": self.series_id, "time": self.time}
        if hasattr(X, "columns"):
            columns = settle_columns(X, **roles)
            values = read_numbers(self, X, columns, reset=True, missing=self.missing, dtype=self._read_dtype())
        else:
            X = read_numbers(self, X, None, reset=True, missing=self.missing, dtype=self._read_dtype())
            columns = settle_columns(X, **roles)
            values = X if len(columns.values) == X.shape[1] else np.ascontiguousarray(X[:, columns.values])
        n_external = 0
        if y is not None:
            columns, outside = self._hold_against(y, values, columns)
            if outside is not None:
                n_external = outside.shape[1]
                values = np.concatenate([values, outside], axis=1)
        table = group_rows(X, values, columns, clock=None, gaps=self.gaps)
        longest = int(table.lengths.max())
        if longest <= self._steps():
            raise ValueError(
                f"X has {longest} row(s){' in the longest series' if len(table.starts) > 1 else ''} (n_samples = {longest}), and "
                f"horizon={self.horizon}; wanted more than the horizon: at least {self._steps() + 1}. Give more rows, or a shorter "
                "horizon."
            )
        return TrainingTable(table, columns, n_external)

    def _hold_against(self, y: Any, values: np.ndarray, columns: Columns) -> tuple[Columns, np.ndarray | None]:
        """Columns with the targets that ``y`` names, and ``y`` itself if it is no column."""
        check_consistent_length(values, y)
        if self.missing == "mask":  # as X may say that a target is not known
            given = check_array(
                y, ensure_all_finite="allow-nan", ensure_2d=False, dtype=None, input_name="y", estimator=self
            )
            given = given.astype(np.float64) if given.dtype.kind == "O" else given
        else:
            given = _check_y(y, multi_output=True, y_numeric=True, estimator=self)
        if given.dtype.kind not in "fiub":
            raise ValueError(
                f"y has dtype {given.dtype}; wanted numbers. Leave y out: forecasters read their targets in X."
            )
        single = given.ndim == 1
        given = given.reshape(len(given), -1)
        # y in single precision is held against columns in double precision as they look in single precision
        coarse = (
            min(given.dtype, values.dtype, key=lambda dtype: dtype.itemsize)
            if given.dtype.kind == "f"
            else values.dtype
        )
        given = cast(given, values.dtype)
        if self.target is not None:
            wanted = values[:, columns.target]
            if given.shape != wanted.shape:
                raise ValueError(
                    f"y has {given.shape[1]} column(s) and target={self.target!r} has {wanted.shape[1]}; wanted the same. Leave y "
                    "out: forecasters read their targets in X."
                )
            same = (given == wanted.astype(coarse, copy=False)) | np.isnan(wanted)
            if not same.all():
                row, k = np.argwhere(~same)[0]
                raise ValueError(
                    f"y differs from the target column {columns.values[columns.target[k]]!r} of X, first in row {row}: "
                    f"{given[row, k]:g} in y, {wanted[row, k]:g} in X; wanted the same numbers. Leave y out, or give y=X[target]."
                )
            return columns, None
        free = [i for i in columns.past if i not in columns.known]
        found = [_place(column, values, free, coarse) for column in given.T]
        plain = columns.plain() | {"single": single}
        if all(place >= 0 for place in found) and len(set(found)) == len(found):
            return Columns(**plain | {"target": found}), None
        warnings.warn(
            "y is no column of X, so the past of X alone is read: predict has no y to read. If y is a series of its own, put it into X "
            "as a column and name it by target; its own past is most of what a forecast knows.",
            UserWarning,
            stacklevel=5,
        )
        return Columns(**plain | {"target": []}), given

    def _begin(self) -> dict[str, Any] | None:
        """Where to go on from, for a family that can; None to begin afresh."""
        return None

    def _settle(self, read: TrainingTable, before: dict[str, Any] | None = None) -> None:
        """Keep what forecasts need beside what is learnt; scales and look-back are those of an earlier fit that goes on."""
        table, columns, n_external = read
        longest = int(table.lengths.max())
        clock = None if table.clock is None else asdict(table.clock)
        self._table = {"clock": clock}
        self.lookback_ = cut_lookback(self._wanted_lookback(), self._steps(), longest)
        if before is not None:
            self.lookback_ = before["lookback"]
        self.target_names_ = [f"y{i}" for i in range(n_external)] if n_external else columns.names(columns.target)
        self.series_ = list(table.labels)
        if before is None:
            scale = Scale.of(table.values, table.starts, table.stops, columns.static)
        else:
            scale = self._scale_of(before["table"], table)
        memory = Memory.of(table, self._remembered())
        self._table = {
            "columns": columns.plain(),
            "n_external": n_external,
            "horizon": int(self.horizon),
            "steps": int(self._steps()),
            "marked": self.missing == "mask",
            "gaps": self.gaps,
            "dtype": str(table.values.dtype),
            "clock": clock,
            "labels": list(table.labels),
            "mean": scale.mean,
            "deviation": scale.deviation,
            "static": static_of(table, columns, scale),
            "memory": asdict(memory),
        }

    def _scale_of(self, before: dict[str, Any], table: Table) -> Scale:
        """That of an earlier fit, for the same series and columns."""
        mean, deviation = before["mean"], before["deviation"]
        if mean.shape != (len(table.starts), table.values.shape[1]) or before["labels"] != list(table.labels):
            raise ValueError(
                f"warm_start goes on from a fit on {mean.shape[0]} series of {mean.shape[1]} columns, and X has {len(table.starts)} of "
                f"{table.values.shape[1]}; wanted the same series and columns. Set warm_start=False to begin afresh."
            )
        return Scale(mean, deviation)

    def _remembered(self) -> int:
        """Rows that are kept of each series."""
        return self.lookback_

    # -- fitted ------------------------------------------------------------------------------------------------------

    def _is_fitted(self) -> bool:
        return "_table" in self.__dict__

    def _columns(self) -> Columns:
        return Columns(**self._table["columns"])

    def _clock(self) -> Clock | None:
        clock = self._table["clock"]
        return None if clock is None else Clock(**clock)

    def _scale(self) -> Scale:
        return Scale(self._table["mean"], self._table["deviation"])

    def _memory(self) -> Memory:
        return Memory(**self._table["memory"])

    def _layout(self) -> Layout:
        learnt = self._table
        return make_layout(self._columns(), learnt["n_external"], self.lookback_, learnt["steps"], learnt["marked"])

    def _calibration(self) -> Calibration | None:
        found = self._table.get("calibration")
        return None if found is None else Calibration(**found)

    # -- reading what comes later ------------------------------------------------------------------------------------

    def _read_again(self, X: Any) -> Table:
        self._require_fitted()
        refuse_no_table(self, X)
        learnt, columns = self._table, self._columns()
        how: Any = {"missing": "mask" if learnt["marked"] else "error", "dtype": learnt["dtype"]}
        if columns.by_name and hasattr(X, "columns"):
            absent = [
                name for name in [*columns.values, columns.series] if name is not None and name not in list(X.columns)
            ]
            if columns.series is not None and absent and absent[0] == columns.series:
                raise ValueError(f"X has no column {columns.series!r}; wanted it, to tell the series apart.")
            values = read_numbers(self, X, columns, reset=False, **how)
        else:
            X = read_numbers(self, X, None, reset=False, **how)
            positions = columns.values
            if columns.by_name:  # an array in the place of a frame: columns in the same order
                place = {name: i for i, name in enumerate(columns.given)}
                positions = [place[name] for name in columns.values]
                roles = {"series": place.get(columns.series), "time": place.get(columns.time), "by_name": False}
                columns = Columns(**columns.plain() | {"values": positions} | roles)
            values = X if len(positions) == X.shape[1] else np.ascontiguousarray(X[:, positions])
        if learnt["n_external"]:
            values = np.concatenate([values, np.zeros((len(values), learnt["n_external"]), values.dtype)], axis=1)
        return group_rows(X, values, columns, clock=self._clock(), gaps=learnt["gaps"], known=self.series_)

    def _run_on(self, table: Table, n_more: int, *, alone: bool = False) -> Running:
        """The table behind what is remembered, or by itself."""
        place = {label: i for i, label in enumerate(self.series_)}
        series, memory = np.array([place[label] for label in table.labels]), self._memory()
        cold = np.ones(len(series), dtype=bool) if alone else self._hold_stamps(table, series, memory)
        rows = (table.values, table.starts, table.stops, series, memory, cold)
        return Running.of(*rows, self._layout(), self._scale(), self._table["static"], n_more)

    def _hold_stamps(self, table: Table, series: np.ndarray, memory: Memory) -> np.ndarray:
        """Which series do not go on from training; stamps that cannot go on are refused."""
        cold = np.zeros(len(series), dtype=bool)
        clock = self._clock()
        if table.stamps is None or memory.last is None or memory.first is None or clock is None:
            return cold
        for i, number in enumerate(series.tolist()):
            begins, first, last = table.stamps[table.starts[i]], memory.first[number], memory.last[number]
            if begins < first:
                raise ValueError(
                    f"X begins at {clock.show(begins.item())}{table.called(i)}, before the training rows, which go from "
                    f"{clock.show(first.item())} to {clock.show(last.item())}; wanted rows behind them, as a forecaster looks ahead "
                    "alone. Split in time order (TimeSeriesSplit, RollingOriginSplit), not by KFold."
                )
            cold[i] = begins <= last or not memory.lengths[number]
            if not cold[i] and clock.step and self._table["gaps"] == "error":
                steps = float(clock.between(np.array([last]), np.array([begins]))[0])
                if abs(steps - 1) > TOLERANCE:
                    wanted = clock.show(clock.after(last.item(), 1)[0].item())
                    raise ValueError(
                        f"X begins at {clock.show(begins.item())}{table.called(i)}, and training ended at {clock.show(last.item())} with a "
                        f"step of {clock.say_step()}; wanted X to begin at {wanted}. Give the rows between, call forget() to forecast "
                        "from X alone, or set gaps='ignore' if they do not count."
                    )
        return cold


def _place(column: np.ndarray, values: np.ndarray, places: list[int], coarse: Any) -> int:
    """Which of the columns has the same numbers, in that precision, or -1."""
    for place in places:
        if np.array_equal(values[:, place].astype(coarse, copy=False), column, equal_nan=True):
            return place
    return -1
