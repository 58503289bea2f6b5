"""Which rows and which target a display shows, and where they stand in time."""

from typing import Any

import numpy as np
from sklearn.utils.validation import _num_samples

from sklearn_seq.model_selection.splits import read_column
from sklearn_seq.sequences.stamps import as_stamps

__all__ = [
    "index_of",
    "of_series",
    "one_target",
    "positions",
    "read_numbers",
    "rows_of",
    "time_label",
    "times_of",
    "when",
]


def read_numbers(values: Any, name: str, shape: tuple[int | None, ...]) -> np.ndarray:
    """Numbers as floats, of a shape.

    Parameters
    ----------
    values : array-like
    name : str
        What messages call them.
    shape : tuple of int or None
        None for what may be of any size but 0. One column is taken as none.

    Returns
    -------
    ndarray of float64
    """
    array = np.asarray(values, dtype=np.float64)
    if len(shape) == 1 and array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != len(shape) or any(
        not have or wanted not in (None, have) for have, wanted in zip(array.shape, shape)
    ):
        said = ", ".join("n_rows" if size is None else str(size) for size in shape)
        raise ValueError(
            f"{name} has shape {array.shape}; wanted ({said}{',' * (len(shape) == 1)}). Give one target of one series, a number a row."
        )
    return array


def of_series(keys: Any, series: Any, what: str) -> np.ndarray:
    """Which rows are of one series.

    Parameters
    ----------
    keys : ndarray of shape (n_rows,)
        The series of each row.
    series : object or None
        The one to show; None where there is only one.
    what : str
        What tells series apart, for messages.

    Returns
    -------
    ndarray of bool of shape (n_rows,)
    """
    names = list(dict.fromkeys(keys.tolist()))
    have = ", ".join(map(repr, names[:5])) + (", ..." if len(names) > 5 else "")
    if series is None and len(names) > 1:
        raise ValueError(
            f"{what} tells {len(names)} series apart, {have}; wanted one to show. Give series={names[0]!r}, and draw several on "
            "axes of their own (ax)."
        )
    if series is not None and series not in names:
        raise ValueError(f"series={series!r} has no rows; wanted one of {have}.")
    return np.ones(len(keys), dtype=bool) if series is None else np.array([key == series for key in keys.tolist()])


def rows_of(estimator: Any, X: Any, series: Any) -> np.ndarray:
    """Which rows of a table a display of an estimator shows.

    Parameters
    ----------
    estimator : estimator
        With ``series_id`` where it tells series apart.
    X : frame or array-like
    series : object or None

    Returns
    -------
    ndarray of bool of shape (n_rows,)
    """
    column = getattr(estimator, "series_id", None)
    if column is not None:
        return of_series(read_column(X, column, "series_id"), series, f"series_id={column!r}")
    if series is not None:
        raise ValueError(
            f"series={series!r} is given and {type(estimator).__name__} has no series_id; wanted None. Fit with series_id, or leave "
            "series out."
        )
    return np.ones(_num_samples(X), dtype=bool)


def one_target(names: list[str], target: Any) -> int:
    """The place of the target to show.

    Parameters
    ----------
    names : list of str
        Those there are.
    target : str, int or None
        Name or place; None where there is only one.

    Returns
    -------
    int
    """
    if target is None and len(names) == 1:
        return 0
    if target in names:
        return names.index(target)
    if isinstance(target, (int, np.integer)) and not isinstance(target, bool) and 0 <= target < len(names):
        return int(target)
    raise ValueError(
        f"target={target!r} and there are {len(names)} targets, {', '.join(map(repr, names[:8]))}; wanted one to show. Give "
        f"target={names[0]!r}."
    )


def times_of(estimator: Any, X: Any, given: Any) -> np.ndarray | None:
    """The time stamps of a table: of the estimator's column ``time``, else of the index of a frame.

    Parameters
    ----------
    estimator : estimator
    X : frame or array-like
        As the estimator reads it.
    given : frame or array-like
        The same rows as they were given, before any step of a pipeline.

    Returns
    -------
    ndarray of shape (n_rows,), or None
    """
    column = getattr(estimator, "time", None)
    if column is None:
        return index_of(X, given)
    if hasattr(X, "columns"):
        return when(X[column], f"time={column!r}")
    return None if isinstance(column, str) else when(np.asarray(X)[:, column], f"time={column!r}")


def index_of(*tables: Any) -> np.ndarray | None:
    """The index of the first that has one of times; None where none has."""
    for table in tables:
        index = getattr(table, "index", None)
        if str(getattr(index, "dtype", "")).startswith(("datetime", "period")):
            return when(index, "the index")
    return None


def when(x: Any, name: str) -> np.ndarray:
    """Stamps as they are drawn: datetime64, in UTC where they have a time zone, or numbers.

    Parameters
    ----------
    x : array-like of shape (n_rows,)
    name : str
        What messages call them.

    Returns
    -------
    ndarray of datetime64, int64 or float64
    """
    stamps, kind, _ = as_stamps(x, name)
    return stamps.astype("datetime64[ns]") if kind == "time" else stamps


def positions(x: Any, n: int, name: str, first: int = 0) -> np.ndarray:
    """Where rows stand: what was given, or their numbers.

    Parameters
    ----------
    x : array-like of shape (n_rows,), or None
    n : int
        How many are wanted.
    name : str
        What messages call them.
    first : int
        The number of the first row.

    Returns
    -------
    ndarray of shape (n_rows,)
    """
    if x is None:
        return np.arange(first, first + n)
    found = when(x, name)
    if found.shape != (n,):
        raise ValueError(f"{name} has shape {found.shape}; wanted a stamp for each of the {n} rows, ({n},).")
    return found


def time_label(x: Any, otherwise: str = "row") -> str:
    """What the axis of time is called, by what was given of it."""
    return otherwise if x is None else "time"
