"""What is known ahead of time, as it is given to ``forecast``; and forecasts as frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_seq.sequences.stamps import Clock, as_stamps, refuse_other_clock
from sklearn_seq.sequences.tables import Columns, as_labels

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_table", "read_future"]


def read_future(
    X: Any,
    columns: Columns,
    clock: Clock | None,
    last: np.ndarray | None,
    labels: list[Any],
    steps: int,
    gaps: str = "error",
) -> tuple[np.ndarray, np.ndarray | None]:
    """The columns known ahead, for the steps behind the end of training.

    Parameters
    ----------
    X : frame or array-like
        A frame with those columns, and the columns of series and time where fit had them; or an array of shape
        (steps, n_known), for one series; or an array with all columns, where fit read one.
    columns : Columns
    clock : Clock or None
    last : ndarray of shape (n_series,), or None
        The last stamps of training.
    labels : list
        The series.
    steps : int
    gaps : {"error", "ignore"}
        Whether each step behind the end of training has to be there, or those that are there are taken as neighbours.

    Returns
    -------
    known : ndarray of shape (n_series, steps, n_known)
    times : ndarray of shape (n_series, steps), or None
        The stamps that these rows have.
    """
    names = [columns.values[i] for i in columns.known]
    if hasattr(X, "to_frame") and len(names) == 1:  # a column by itself, with its stamps
        X = X.to_frame(names[0])
    if X is None:
        raise ValueError(
            f"X_future is None, and known_future={names} is read of the {steps} rows to forecast; wanted these columns for them. Give "
            "X_future."
        )
    if not hasattr(X, "columns") and not columns.by_name and np.shape(X)[1:] == (len(columns.given),):
        X = dict(zip(columns.given, np.asarray(X).T, strict=True))
    there = list(X) if isinstance(X, dict) else list(getattr(X, "columns", ()))
    if there:
        absent = [name for name in names if name not in there]
        if absent:
            raise ValueError(
                f"X_future has no column {absent[0]!r}; wanted {names}, which fit was told are known ahead."
            )
        values = np.stack([_as_numbers(X[name], f"the column {name!r} of X_future") for name in names], axis=1)
    else:
        values = _as_numbers(X, "X_future")
        values = values[:, None] if values.ndim == 1 else values
        if values.ndim != 2 or values.shape[1] != len(names):
            raise ValueError(
                f"X_future has shape {values.shape}; wanted ({steps}, {len(names)}): a row for each step ahead, the columns "
                f"{names}."
            )
    series = np.zeros(len(values), dtype=np.int64)
    if columns.series is not None:
        if columns.series not in there:
            raise ValueError(f"X_future has no column {columns.series!r}; wanted it, to tell the series apart.")
        place = {label: i for i, label in enumerate(labels)}
        given = as_labels(np.asarray(X[columns.series]))
        strange = [label for label in given if label not in place]
        if strange:
            raise ValueError(
                f"X_future has rows of series {strange[0]!r}, which fit did not see; wanted series of fit."
            )
        series = np.array([place[label] for label in given], dtype=np.int64)
    stamps = _stamps(X, columns, there, clock)
    times = None if stamps is None or last is None else np.empty((len(labels), steps), dtype=stamps.dtype)
    out = np.empty((len(labels), steps, len(names)))
    for i, label in enumerate(labels):
        of = "" if label is None else f" of series {label!r}"
        mine = np.flatnonzero(series == i)
        if stamps is not None and clock is not None and last is not None:
            mine = mine[np.argsort(stamps[mine], kind="stable")]
            twice = mine[1:][np.diff(stamps[mine]) == 0]
            if len(twice):
                raise ValueError(
                    f"X_future holds {clock.show(stamps[twice[0]].item())} twice{of}; wanted each stamp once. Drop or join such rows."
                )
            own = stamps[mine]
        if times is not None and clock is not None and last is not None and (gaps == "ignore" or not clock.step):
            mine = mine[own > last[i]]
            if len(mine) < steps:
                raise ValueError(
                    f"X_future has {len(mine)} rows{of} behind {clock.show(last[i].item())}, where training ended, and {steps} steps are "
                    f"to be forecast; wanted a row for each. Give more rows, or fewer steps."
                )
        elif times is not None and clock is not None and last is not None:
            wanted = clock.after(last[i].item(), steps)
            where = {stamp: row for stamp, row in zip(own.tolist(), mine.tolist(), strict=True)}
            lost = [stamp for stamp in wanted.tolist() if stamp not in where]
            if lost:
                have = f"{clock.show(own.min().item())} to {clock.show(own.max().item())}" if len(own) else "no rows"
                raise ValueError(
                    f"X_future has {have}{of}; training ended at {clock.show(last[i].item())} and {steps} steps are to be forecast, so "
                    f"wanted {clock.show(wanted[0].item())} to {clock.show(wanted[-1].item())}; the first that is missing is "
                    f"{clock.show(lost[0])}. Give these rows, or fewer steps."
                )
            mine = np.array([where[stamp] for stamp in wanted.tolist()])
        if len(mine) < steps:
            raise ValueError(
                f"X_future has {len(mine)} rows{of}, and {steps} steps are to be forecast; wanted a row for each. Give more rows, or "
                f"steps={len(mine)}."
            )
        out[i] = values[mine[:steps]]
        if times is not None and stamps is not None:
            times[i] = stamps[mine[:steps]]
    if not np.isfinite(out).all():
        found = "NaN" if np.isnan(out).any() else "infinity"
        raise ValueError(f"X_future contains {found}; wanted what is known ahead. Fill it in.")
    return out, times


def _as_numbers(values: Any, name: str) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} holds what is no number: {error}; wanted numbers, as in fit.") from None


def _stamps(X: Any, columns: Columns, there: list[Any], clock: Clock | None) -> np.ndarray | None:
    if columns.time is None or not there or clock is None:
        return None
    index = getattr(X, "index", None)
    if columns.time in there:
        given, name = X[columns.time], f"{columns.time!r} of X_future"
    elif index is not None and str(index.dtype).startswith(("datetime", "period")):
        given, name = index, "the index of X_future"
    else:
        return None
    stamps, kind, zone = as_stamps(given, name)
    refuse_other_clock(kind, zone, clock, name)
    return stamps


def as_table(
    answers: np.ndarray,
    names: list[str],
    columns: Columns,
    clock: Clock | None,
    last: np.ndarray | None,
    labels: list[Any],
    times: np.ndarray | None = None,
) -> pd.DataFrame:
    """Forecasts (n_series, steps, n_targets) as a pandas frame, indexed by time, and by series where there are several.

    The stamps are those given, (n_series, steps), else those that follow the last ones.
    """
    import pandas as pd

    n, steps, _ = answers.shape
    told = times is not None
    if times is not None:
        ahead: Any = times.reshape(-1)
    elif clock is not None and last is not None and clock.step:
        told = True
        ahead = np.concatenate([clock.after(stamp, steps) for stamp in last.tolist()])
    else:
        ahead = np.tile(np.arange(1, steps + 1), n)
    if clock is not None and clock.kind == "time" and told:
        ahead = pd.DatetimeIndex(ahead.astype("datetime64[ns]"))
        ahead = ahead.tz_localize("UTC").tz_convert(clock.zone) if clock.zone else ahead
    named = columns.index if columns.time == "<index>" else columns.time
    index = pd.Index(ahead, name="step" if clock is None else named)
    if columns.series is not None:
        series = pd.Index(labels, name=columns.series).repeat(steps)
        index = pd.MultiIndex.from_arrays([series, index.rename("time" if named is None else named)])
    return pd.DataFrame(answers.reshape(n * steps, -1), index=index, columns=names)
