"""Tables whose rows are time: which column is what, and the rows of each series."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_array, validate_data

from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.finite import all_finite
from sklearn_seq.sequences.kinds import host, refuse_twice
from sklearn_seq.sequences.reading import float_dtype, refuse_dtype
from sklearn_seq.sequences.stamps import Clock, as_stamps, refuse_disorder, refuse_other_clock, settle_clock

__all__ = ["Columns", "Table", "as_labels", "group_rows", "read_numbers", "refuse_no_table", "settle_columns"]

_INDEX = "<index>"  # in the place of a column: the stamps are the index of the frame


@dataclass(frozen=True)
class Columns:
    """Which column of a table is what.

    Attributes
    ----------
    values : list of str or int
        The columns that hold numbers, by name in a frame, by position in an array.
    target, known, static : list of int
        Places among ``values``: what is forecast, what is known ahead, what is the same in all rows of a series.
    series, time : str, int or None
        The columns of names of series and of stamps; ``time`` is "<index>" where the index of a frame holds them.
    by_name : bool
        Whether columns are names.
    single : bool
        Whether one target was asked for by itself, so that answers are of shape (n_rows,).
    given : list of str or int
        All columns of the table, in order.
    index : str or None
        Name of the index that holds the stamps.
    """

    values: list[Any]
    target: list[int]
    known: list[int]
    static: list[int]
    series: Any
    time: Any
    by_name: bool
    single: bool
    given: list[Any]
    index: str | None = None

    @property
    def past(self) -> list[int]:
        """Places among ``values`` of what is read of the past: all but the static ones."""
        return [i for i in range(len(self.values)) if i not in self.static]

    def names(self, places: list[int]) -> list[str]:
        """What columns are called."""
        return [str(self.values[i]) if self.by_name else f"x{self.values[i]}" for i in places]

    def plain(self) -> dict[str, Any]:
        """As a dictionary of plain values."""
        return asdict(self)


@dataclass
class Table:
    """Rows of a table, series by series, in the order in which they were given.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_values)
        What `Columns.values` names.
    starts, stops : ndarray of int64 of shape (n_series,)
        The rows of each series.
    labels : list
        The name of each series, [None] for a single one.
    stamps : ndarray of shape (n_rows,), or None
    clock : Clock, or None
    rows : ndarray of int64 of shape (n_rows,), or None
        The row of ``X`` that each is; None where they stand in the order of ``X``.
    """

    values: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    labels: list[Any]
    stamps: np.ndarray | None = None
    clock: Clock | None = None
    rows: np.ndarray | None = None

    @property
    def lengths(self) -> np.ndarray:
        """Rows of each series."""
        return self.stops - self.starts

    def back(self, answers: np.ndarray) -> np.ndarray:
        """Answers in the order of ``X``."""
        if self.rows is None:
            return answers
        out = np.empty_like(answers)
        out[self.rows] = answers
        return out

    def called(self, i: int) -> str:
        """Of which series, for messages; nothing where there is one without a name."""
        return "" if self.labels[i] is None else f" of series {self.labels[i]!r}"


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple, np.ndarray)) else [value]


def _there(X: Any) -> tuple[list[Any], bool]:
    """The columns of ``X``, and whether they are names."""
    names = getattr(X, "columns", None)
    if names is not None:
        return list(names), True
    shape = np.shape(X)
    return (list(range(shape[1])), False) if len(shape) == 2 else ([], False)


def settle_columns(
    X: Any, *, target: Any = None, known: Any = None, static: Any = None, series: Any = None, time: Any = None
) -> Columns:
    """Tell the columns of a table apart, in ``fit``.

    Parameters
    ----------
    X : frame or array-like of shape (n_rows, n_columns)
    target, known, static : str, int, list of these or None
        ``target=None`` means all columns that are read of the past alone.
    series, time : str, int or None

    Returns
    -------
    Columns

    Raises
    ------
    ValueError
        For a column that is not there, or that is to be two things.
    """
    columns, by_name = _there(X)
    refuse_twice(columns)
    parts = {"series_id": _listed(series), "time": _listed(time), "known_future": _listed(known)}
    parts |= {"static": _listed(static), "target": _listed(target)}
    taken: dict[Any, str] = {}
    for role, wanted in parts.items():
        for column in wanted:
            if not by_name and isinstance(column, str):
                raise ValueError(
                    f"{role}={column!r} is a name, and X is an array, whose columns have none; wanted a position from 0 to "
                    f"{len(columns) - 1}. Give that, or X as a frame, which steps of a pipeline hand on by set_output(transform='pandas')."
                )
            if column not in columns or isinstance(column, bool):
                have = ", ".join(map(repr, columns[:8])) + (", ..." if len(columns) > 8 else "")
                raise ValueError(f"{role}={column!r} is no column of X, which has {have}; wanted one of these.")
            if column in taken:
                raise ValueError(
                    f"{column!r} stands in {taken[column]} and in {role}; wanted each column in one place. Take it out of one."
                )
            taken[column] = role
    values = [column for column in columns if taken.get(column) not in ("series_id", "time")]
    place = {column: i for i, column in enumerate(values)}
    chosen = [place[column] for column in parts["target"]]
    if target is None:
        chosen = [i for column, i in place.items() if taken.get(column) not in ("known_future", "static")]
    if not chosen:
        raise ValueError(
            "X has no column to forecast beside known_future and static ones; wanted at least one. Give target."
        )
    if time is None and series is None and getattr(getattr(X, "index", None), "nlevels", 1) > 1:
        raise ValueError(
            f"X has an index of {X.index.nlevels} levels, which is not read; wanted series and times as columns. Give X.reset_index() "
            "with series_id and time, or X.reset_index(drop=True) if all rows are of one series."
        )
    if time is None and getattr(getattr(X, "index", None), "dtype", None) is not None and _holds_times(X.index):
        time = _INDEX
    index = X.index.name if time == _INDEX else None
    single = (target is not None and not isinstance(target, (list, tuple, np.ndarray))) or (
        target is None and len(chosen) == 1
    )
    found = (chosen, [place[column] for column in parts["known_future"]], [place[column] for column in parts["static"]])
    return Columns(values, *found, series, time, by_name, single, columns, index)


def _holds_times(index: Any) -> bool:
    return str(index.dtype).startswith(("datetime", "period"))


def read_numbers(
    estimator: Any,
    X: Any,
    columns: Columns | None,
    *,
    reset: bool,
    missing: str = "error",
    dtype: Any = None,
) -> np.ndarray:
    """The numbers of a table, checked as scikit-learn checks ``X``.

    Parameters
    ----------
    estimator : estimator
        Gets ``n_features_in_`` and ``feature_names_in_`` when ``reset``, else is held against them.
    X : frame or array-like of shape (n_rows, n_columns)
    columns : Columns or None
        None reads all columns.
    reset : bool
        True in ``fit``.
    missing : {"error", "mask"}
        Whether NaN is refused.
    dtype : numpy dtype, optional
        By default float32 where all numbers are, else float64.

    Returns
    -------
    ndarray of shape (n_rows, n_values)
    """
    _refuse_times(X, columns)
    if columns is None or (columns.series is None and columns.time in (None, _INDEX)):
        dtype = float_dtype(X) if dtype is None else dtype
        with _told_of_text():
            table = validate_data(
                estimator, X, reset=reset, dtype=dtype, order="C", ensure_all_finite=False, ensure_min_samples=1
            )
    else:
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        part = X[columns.values] if columns.by_name else _safe_indexing(X, columns.values, axis=1)
        dtype = float_dtype(part) if dtype is None else dtype
        with _told_of_text():
            table = check_array(
                part, dtype=dtype, order="C", ensure_all_finite=False, input_name="X", estimator=estimator
            )
    _refuse_non_finite(estimator, table, columns, missing)
    return table


@contextmanager
def _told_of_text() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        if "could not convert" not in str(error):
            raise
        raise ValueError(
            f"X holds what is no number: {error}. Wanted numbers in all columns but series_id and time; encode or drop them."
        ) from None


def _refuse_times(X: Any, columns: Columns | None) -> None:
    if columns is None or not hasattr(X, "dtypes"):
        return
    for name, dtype in zip(list(X.columns), list(X.dtypes), strict=True):
        if name in columns.values and str(dtype).lower().startswith(("date", "time", "duration", "period")):
            raise ValueError(
                f"the column {name!r} of X holds times ({dtype}); wanted numbers. Set time={name!r}, or drop it."
            )


def refuse_no_table(estimator: Any, X: Any) -> None:
    """Refuse what has no rows in time order."""
    name, shape = type(estimator).__name__, getattr(X, "shape", ())
    arrays = isinstance(X, list) and len(X) > 0 and isinstance(X[0], np.ndarray) and X[0].ndim > 1
    if type(X).__name__ == "LazyFrame":
        raise TypeError("X is a lazy frame; wanted its rows. Give X.collect().")
    if issparse(X):
        return  # scikit-learn refuses it well
    if isinstance(X, (str, bytes, dict)) or not any(map(partial(hasattr, X), ("__len__", "__array__"))):
        raise TypeError(
            f"X is of type {type(X).__name__}; wanted a table (n_rows, n_columns), a frame or an array. Reshape your data into one."
        )
    if isinstance(X, np.ma.MaskedArray):
        raise TypeError(
            "X is a masked array; wanted plain numbers. Give X.filled(np.nan) with missing='mask', or fill it first."
        )
    if hasattr(X, "columns"):
        return
    if hasattr(X, "to_frame") and not isinstance(X, Sequences):
        raise ValueError("X is a single column; wanted a table (n_rows, n_columns). Give X.to_frame().")
    refuse_dtype(X)
    rows = X if isinstance(X, list | tuple) else []
    widths = {len(row) for row in rows if isinstance(row, list | tuple) or getattr(row, "ndim", 0) > 0}
    if isinstance(X, Sequences) or len(shape) > 2 or arrays or len(widths) > 1:
        given = repr(X) if isinstance(X, Sequences) else f"an array of shape {tuple(shape)}"
        given = f"a list of {len(X)} sequences of {min(widths)} to {max(widths)} entries" if len(widths) > 1 else given
        given = f"a list of {len(X)} arrays" if arrays else given
        raise ValueError(
            f"X is {given}, but {name} reads one table (n_rows, n_columns), its rows in time order. Give one table; several "
            "series stand one below the other, told apart by a column series_id."
        )


def _refuse_non_finite(estimator: Any, table: np.ndarray, columns: Columns | None, missing: str) -> None:
    if all_finite(table):
        return
    bad = ~np.isfinite(table) if missing == "error" else np.isinf(table)
    if not bad.any():
        return
    name = type(estimator).__name__
    row, column = np.argwhere(bad)[0]
    place = f"row {row}, column {column}"
    if columns is not None:
        place = f"row {row}, column {columns.values[column]!r}"
    elif hasattr(estimator, "feature_names_in_"):
        place = f"row {row}, column {str(estimator.feature_names_in_[column])!r}"
    if np.isnan(table[row, column]):
        raise ValueError(
            f"Input X contains NaN: {place}. {name} does not accept missing values as it stands: set missing='mask', which reads "
            "them as not known, or fill them first (SequenceImputer(rows='time'))."
        )
    raise ValueError(
        f"Input X contains infinity or a value too large for {table.dtype!r}: {place}. Wanted finite numbers: correct or drop it."
    )


def _column(X: Any, column: Any, by_name: bool) -> Any:
    return X[column] if by_name else _safe_indexing(X, column, axis=1)


def _lost(keys: np.ndarray) -> np.ndarray:
    if keys.dtype.kind == "O":  # None, NaN and pandas.NA, which says nothing of whether it equals itself
        return np.array([key is None or (key == key) is not True for key in keys.tolist()])
    return np.asarray(keys != keys)


def as_labels(names: np.ndarray) -> list[Any]:
    """Names of series as plain values; times in one unit, so that they are the same ones however they are given."""
    return list(names.astype("datetime64[us]")) if names.dtype.kind == "M" else names.tolist()


def group_rows(
    X: Any, values: np.ndarray, columns: Columns, *, clock: Clock | None, gaps: str, known: list[Any] | None = None
) -> Table:
    """The rows of each series together, their stamps in order.

    Parameters
    ----------
    X : frame or array-like
        As given.
    values : ndarray of shape (n_rows, n_values)
        Of `read_numbers`.
    columns : Columns
    clock : Clock or None
        That of ``fit``, against which stamps are held; None in ``fit``.
    gaps : {"error", "ignore"}
    known : list, optional
        The series that ``fit`` saw; another one is refused.

    Returns
    -------
    Table
        Series in the order of their first row.
    """
    n = len(values)
    table = Table(values, np.zeros(1, np.int64), np.array([n], np.int64), [None])
    if columns.series is not None:
        keys = np.asarray(host(_column(X, columns.series, columns.by_name)))
        lost = _lost(keys)
        if lost.any():
            row = int(lost.argmax())
            raise ValueError(f"series_id={columns.series!r} is missing in row {row}; wanted a series for each row.")
        try:
            names, first, series = np.unique(keys, return_index=True, return_inverse=True)
        except TypeError:  # that have no order
            kinds = " and ".join(sorted({type(key).__name__ for key in keys}))
            raise TypeError(
                f"series_id={columns.series!r} holds {kinds}; wanted names of one kind. Turn them into text first, such as by "
                "astype(str)."
            ) from None
        order = np.argsort(first, kind="stable")
        series = np.argsort(order)[series]  # numbered by first appearance
        table.labels = as_labels(names[order])
        if known is not None:
            seen = set(known)
            strange = [label for label in table.labels if label not in seen]
            if strange:
                have = ", ".join(map(repr, known[:5])) + (", ..." if len(known) > 5 else "")
                raise ValueError(
                    f"X has rows of series {strange[0]!r}, which fit did not see ({len(strange)} such series; it saw {have}); wanted "
                    "series of fit, whose past is known. Fit with it, or leave it out."
                )
        table.stops = np.cumsum(np.bincount(series, minlength=len(order)), dtype=np.int64)
        table.starts = np.concatenate([[0], table.stops[:-1]]).astype(np.int64)
        if (np.diff(series) < 0).any():
            table.rows = np.argsort(series, kind="stable")
            table.values = values[table.rows]
    if columns.time is not None and (columns.time != _INDEX or hasattr(X, "index")):
        given = X.index if columns.time == _INDEX else _column(X, columns.time, columns.by_name)
        name = "the index of X" if columns.time == _INDEX else f"time={columns.time!r}"
        stamps, kind, zone = as_stamps(given, name)
        table.stamps = stamps if table.rows is None else stamps[table.rows]
        if clock is not None:
            refuse_other_clock(kind, zone, clock, name)
        label = table.called if columns.series is not None else None
        place = (table.stamps, table.starts, table.stops)
        if clock is None:  # the step is known of stamps that are in order
            refuse_disorder(*place, Clock(kind, "step", 0, zone), gaps="ignore", name=name, label=label)
            clock = settle_clock(*place, kind, zone)
        table.clock = clock
        refuse_disorder(*place, clock, gaps=gaps, name=name, label=label)
    return table
