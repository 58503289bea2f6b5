"""Time stamps of rows: read, held in order, counted in steps, and carried on beyond the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

__all__ = ["TOLERANCE", "Clock", "as_stamps", "refuse_disorder", "refuse_other_clock", "settle_clock"]

_DAY = 86_400_000_000_000  # nanoseconds
_CHANGE = 7_200_000_000_000  # the most that clocks are changed by
_MONTHS = (1, 2, 3, 4, 6, 12)
_FIRST_WEEKDAY, _LAST_WEEKDAY = -1, 0  # of a month, in place of a day
_LAST_WEEK = 5  # of a month, in place of the number of a week
TOLERANCE = 1e-3  # of a step; floats far from 0 are coarse, and a step left out is off by one


@dataclass(frozen=True)
class Clock:
    """How stamps go on.

    Attributes
    ----------
    kind : {"number", "time"}
        Stamps are numbers, or nanoseconds since 1970.
    unit : {"step", "day", "weekday", "half month", "month"}
        What is counted: steps of one size, days of a time zone (of 23 hours, and 25, where clocks are changed), days without
        Saturday and Sunday, two days of each month, or months.
    step : int or float
        How many units lie between neighbours; 0 where that is not known.
    zone : str
        Name of the time zone, "" for none.
    day : int
        Of months, the day that shorter months cut off: 31 where stamps stand at the end, 0 where they stand at the last day but
        Saturday and Sunday, -1 at the first such day, and 304 at the third Friday, 504 at the last one (Monday is 0). Of half
        months both days: 1531 is the 15th and the last.
    """

    kind: str
    unit: str
    step: float
    zone: str = ""
    day: int = 31

    def show(self, stamp: Any) -> str:
        """A stamp as text."""
        if self.kind == "number":
            return f"{stamp:g}" if isinstance(stamp, float) else str(stamp)
        stamp = int(_on_the_wall(np.array([stamp], dtype=np.int64), self.zone)[0])
        text = str(np.datetime64(stamp, "ns")).removesuffix(".000000000")
        text = text.removesuffix("T00:00:00").removesuffix(":00") if text.endswith(":00") else text
        return text.replace("T", " ")

    def say_step(self) -> str:
        """The step as text."""
        if self.kind == "number":
            return f"{self.step:g}"
        if self.unit != "step":
            return f"{self.step:g} {self.unit}{'s' if self.step != 1 else ''}"
        for size, name in ((_DAY, "day"), (3_600_000_000_000, "hour"), (60_000_000_000, "minute"), (10**9, "second")):
            if self.step >= size:
                n = self.step / size
                return f"{n:g} {name}{'s' if n != 1 else ''}"
        return f"{self.step:g} nanoseconds"

    def season(self) -> int:
        """Steps of the shortest cycle that such stamps usually have: a day, a week, a year; 1 where none is known."""
        if self.kind == "number" or not self.step:
            return 1
        if self.unit == "weekday":
            return 5
        if self.unit in ("half month", "month"):
            return max(1, round((12 if self.unit == "month" else 24) / self.step))
        size = self.step * _DAY if self.unit == "day" else self.step
        for cycle, longest in ((_DAY, _DAY // 4), (7 * _DAY, _DAY), (365.25 * _DAY, 92 * _DAY)):
            if size <= longest:
                return round(cycle / size)
        return 1

    def between(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """How many steps lie between stamps, as floats; a whole number where they fit."""
        if not self.step:
            return np.full(np.broadcast(first, second).shape, np.nan)
        if self.unit == "step":
            return (second - first) / self.step
        first, second = _on_the_wall(first, self.zone), _on_the_wall(second, self.zone)
        if self.unit == "day":
            return (second - first) / (self.step * _DAY)
        if self.unit == "weekday":
            return np.busday_count(_days(first), _days(second)) + (second % _DAY - first % _DAY) / _DAY
        if self.unit == "half month":
            return (_half_months(second, self.day) - _half_months(first, self.day)) / self.step
        return (_months(second) - _months(first)).astype(np.int64) / self.step

    def after(self, last: Any, n: int) -> np.ndarray:
        """The ``n`` stamps behind one."""
        steps = np.arange(1, n + 1)
        if self.unit == "step":
            return last + steps * (self.step if self.kind == "number" else np.int64(self.step))
        moment = _on_the_wall(np.array([last], dtype=np.int64), self.zone)
        if self.unit == "day":
            return _from_the_wall(moment + steps * int(self.step) * _DAY, self.zone)
        if self.unit == "weekday":
            days = np.busday_offset(_days(moment), steps, roll="forward")
        elif self.unit == "half month":
            months, second = np.divmod(np.floor(_half_months(moment, self.day)).astype(np.int64) + steps, 2)
            months = months.astype("datetime64[M]")
            day = np.where(second, self.day % 100, self.day // 100)
            days = months.astype("datetime64[D]") + np.minimum(day, _length(months)) - 1
        elif not 1 <= self.day <= 31:
            days = _weekday(_months(moment) + steps * int(self.step), self.day)
        else:
            months = _months(moment) + steps * int(self.step)
            day = _day_of_month(moment)
            day = np.where(day == _length(_months(moment)), np.maximum(day, self.day), day)
            days = months.astype("datetime64[D]") + np.minimum(day, _length(months)) - 1
        return _from_the_wall(days.astype("datetime64[ns]").astype(np.int64) + moment % _DAY, self.zone)


def _days(stamps: np.ndarray) -> np.ndarray:
    return stamps.astype("datetime64[ns]").astype("datetime64[D]")


def _months(stamps: np.ndarray) -> np.ndarray:
    return stamps.astype("datetime64[ns]").astype("datetime64[M]")


def _day_of_month(stamps: np.ndarray) -> np.ndarray:
    return (_days(stamps) - _months(stamps).astype("datetime64[D]")).astype(np.int64) + 1


def _length(months: np.ndarray) -> np.ndarray:
    """Days of months."""
    return ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)


def _weekday(months: np.ndarray, day: int) -> np.ndarray:
    """The day of months that `Clock.day` says by weekdays."""
    first, last = months.astype("datetime64[D]"), (months + 1).astype("datetime64[D]") - 1
    if day == _FIRST_WEEKDAY:
        return np.busday_offset(first, 0, roll="forward")
    if day == _LAST_WEEKDAY:
        return np.busday_offset(last, 0, roll="backward")
    week, weekday = divmod(day, 100)
    if week == _LAST_WEEK:
        return last - (_day_of_week(last) - weekday) % 7
    return first + (weekday - _day_of_week(first)) % 7 + 7 * (week - 1)


def _day_of_week(days: np.ndarray) -> np.ndarray:
    """From 0, a Monday."""
    return (days.astype(np.int64) + 3) % 7


def _weekday_rules(wall: np.ndarray) -> list[int]:
    """In place of a day of the month: by which weekdays all stamps can be said."""
    days, months, day = _days(wall), _months(wall), _day_of_month(wall)
    weekday = int(_day_of_week(days[:1])[0])
    rules = (_FIRST_WEEKDAY, _LAST_WEEKDAY, 100 * (1 + (int(day[0]) - 1) // 7) + weekday, 100 * _LAST_WEEK + weekday)
    return [rule for rule in rules if (days == _weekday(months, rule)).all()]


def _half_months(stamps: np.ndarray, code: int) -> np.ndarray:
    """Numbers of half months; what stands at neither day of ``code`` lies between two of them."""
    months, day = _months(stamps), _day_of_month(stamps)
    first, second = code // 100, np.minimum(code % 100, _length(months))
    return 2 * months.astype(np.int64) + (day >= second) + 0.5 * ((day != first) & (day != second))


def _two_days(wall: np.ndarray) -> int:
    """Both days of months at which stamps stand, as in `Clock.day`; 0 where there are others."""
    day, length = _day_of_month(wall), _length(_months(wall))
    later = day != day.min()
    if not later.any():
        return 0
    second = 31 if (day == length)[later].all() else int(day.max())
    return 100 * int(day.min()) + second if (day == np.minimum(second, length))[later].all() else 0


def _zone(name: str) -> tzinfo:
    if name.startswith(("UTC+", "UTC-")):
        offset = datetime.strptime(name[3:], "%z").utcoffset()
        assert offset is not None
        return timezone(offset)
    return ZoneInfo(name)


def _name_of(zone: Any) -> str:
    """A name that `_zone` and pandas know, of a zone that is a name or an object of any library."""
    try:
        _zone(str(zone))
    except (ValueError, OSError, ZoneInfoNotFoundError):
        offset = zone.utcoffset(None)
        return "UTC" if offset is None else str(timezone(offset))
    return str(zone)


def _on_the_wall(stamps: np.ndarray, zone: str) -> np.ndarray:
    """Nanoseconds that clocks of the zone show."""
    if not zone:
        return stamps
    where = _zone(zone)
    return _moved(stamps, lambda second: datetime.fromtimestamp(second, where), 1)


def _from_the_wall(stamps: np.ndarray, zone: str) -> np.ndarray:
    """The opposite."""
    if not zone:
        return stamps
    where = _zone(zone)
    return _moved(stamps, lambda second: datetime.fromtimestamp(second, UTC).replace(tzinfo=where), -1)


def _moved(stamps: np.ndarray, read: Callable[[int], datetime], sign: int) -> np.ndarray:
    seconds, back = np.unique(stamps // 10**9, return_inverse=True)
    offsets = [read(second).utcoffset() for second in seconds.tolist()]
    moved = np.array([0 if offset is None else round(offset.total_seconds()) for offset in offsets], dtype=np.int64)
    return stamps + sign * moved[back] * 10**9


def as_stamps(values: Any, name: str) -> tuple[np.ndarray, str, str]:
    """Stamps as numbers.

    Parameters
    ----------
    values : array-like of shape (n_rows,)
        Times or numbers.
    name : str
        What messages call them.

    Returns
    -------
    stamps : ndarray of int64 or float64 of shape (n_rows,)
        Of times, nanoseconds since 1970 (UTC).
    kind : {"number", "time"}
    zone : str
        Name of the time zone, "" for none.
    """
    dtype = getattr(values, "dtype", None)
    zone = getattr(dtype, "tz", None) or getattr(dtype, "time_zone", None)
    if str(dtype).startswith("period"):
        values = getattr(values, "dt", values).to_timestamp()
    if zone is not None and (hasattr(values, "iloc") or hasattr(values, "tz_convert")):  # pandas
        values = values.to_numpy(dtype="datetime64[ns]")
    array = np.asarray(values)
    if array.dtype.kind == "O" and len(array) and hasattr(array[0], "isoformat"):
        zone = getattr(array[0], "tzinfo", None)
        plain = array if zone is None else [moment.astimezone(UTC).replace(tzinfo=None) for moment in array]
        array = np.array(plain, dtype="datetime64[ns]")
    if array.dtype.kind == "M":
        moments, missing = array.astype("datetime64[ns]"), np.isnat(array)
        stamps, kind = moments.astype(np.int64), "time"
        far = ~missing & (moments.astype(array.dtype) != array)
        if far.any():
            raise ValueError(
                f"{name} holds {array[far][0]} in row {int(far.argmax())}; wanted times from 1678 to 2262, which nanoseconds can tell. "
                "Drop such rows, or give numbers."
            )
    elif array.dtype.kind in "iu":
        return array.astype(np.int64), "number", ""
    elif array.dtype.kind == "f":
        stamps, kind, missing = array.astype(np.float64), "number", ~np.isfinite(array)
    else:
        given = "text" if array.dtype.kind in "OUS" else f"dtype {array.dtype}"
        raise ValueError(
            f"{name} holds {given}, such as {array[0] if len(array) else None!r}; wanted times or numbers, one a row. Turn it into "
            "times first, such as by pandas.to_datetime."
        )
    if missing.any():
        raise ValueError(f"{name} is missing in row {int(missing.argmax())}; wanted it in every row. Drop such rows.")
    return stamps, kind, "" if zone is None else _name_of(zone)


def settle_clock(stamps: np.ndarray, starts: np.ndarray, stops: np.ndarray, kind: str, zone: str = "") -> Clock:
    """The clock of stamps that are in order: the step that is found most often.

    Parameters
    ----------
    stamps : ndarray of shape (n_rows,)
    starts, stops : ndarray of int of shape (n_series,)
        The rows of each series.
    kind, zone : str
        As `as_stamps` gives them.

    Returns
    -------
    Clock
    """
    inside = np.ones(max(0, len(stamps) - 1), dtype=bool)
    inside[starts[1:] - 1] = False
    step, constant = _usual(np.diff(stamps)[inside])
    if kind == "number" or step < _DAY - _CHANGE:
        return Clock(kind, "step", step, zone)
    wall = _on_the_wall(stamps, zone)
    shown, even = _usual(np.diff(wall)[inside])
    if shown % _DAY or (constant and not even):
        return Clock(kind, "step", step, zone)
    if shown == _DAY and not even and np.is_busday(_days(wall)).all():
        return Clock(kind, "weekday", 1, zone)
    if shown < 28 * _DAY and np.diff(wall)[inside].min() >= 7 * _DAY and not even:
        both = _two_days(wall)
        if both and _usual(np.diff(_half_months(wall, both))[inside])[0] == 1:
            return Clock(kind, "half month", 1, zone, both)
    if shown >= 28 * _DAY:
        months = np.diff(_months(wall)).astype(np.int64)[inside]
        usual = int(np.bincount(np.maximum(months, 0)).argmax())
        day, length = _day_of_month(wall), _length(_months(wall))
        most = 31 if (day == length).all() else int(day.max())
        # four weeks, or 30 days, are no month, though most of them lead into the next one
        fits = (day == np.minimum(most, length)).all()
        if not fits and not even:
            rules = _weekday_rules(wall)
            fits = bool(rules) or (months == usual).all()
            most = rules[0] if rules else most
        if fits and usual and (usual in _MONTHS or usual % 12 == 0):
            return Clock(kind, "month", usual, zone, most)
    return Clock(kind, "day", shown // _DAY, zone) if zone else Clock(kind, "step", step, zone)


def _usual(apart: np.ndarray) -> tuple[Any, bool]:
    """The distance that is found most often, 0 where there is none, and whether there is no other."""
    if not len(apart):
        return 0, True
    sizes, counts = np.unique(apart, return_counts=True)
    return sizes[counts.argmax()].item(), len(sizes) == 1


def refuse_other_clock(kind: str, zone: str, clock: Clock, name: str) -> None:
    """Refuse stamps of another kind than those of ``fit``, or with a zone where those had none.

    Parameters
    ----------
    kind, zone : str
        As `as_stamps` gives them.
    clock : Clock
        That of ``fit``.
    name : str
        What messages call the stamps.
    """
    if kind != clock.kind:
        raise ValueError(f"{name} holds {kind}s, and fit saw {clock.kind}s; wanted the same kind.")
    if bool(zone) != bool(clock.zone):
        here, then = (f"zone {of}" if of else "no time zone" for of in (zone, clock.zone))
        raise ValueError(f"{name} has {here}, and fit saw {then}; wanted the same. Use tz_localize or tz_convert.")


def refuse_disorder(
    stamps: np.ndarray,
    starts: np.ndarray,
    stops: np.ndarray,
    clock: Clock,
    *,
    gaps: str,
    name: str,
    label: Any = None,
) -> None:
    """Refuse stamps that go back, stand twice, or leave steps out.

    Parameters
    ----------
    stamps : ndarray of shape (n_rows,)
    starts, stops : ndarray of int of shape (n_series,)
        The rows of each series.
    clock : Clock
    gaps : {"error", "ignore"}
        Whether steps may be left out.
    name : str
        What messages call the stamps.
    label : callable, optional
        ``label(i)`` names series ``i``, as in " of series 'a'".

    Raises
    ------
    ValueError
        With the first pair of stamps that is wrong.
    """
    apart = np.diff(stamps)
    inside = np.ones(len(apart), dtype=bool)
    inside[starts[1:] - 1] = False

    def where(i: int) -> str:
        return "" if label is None else label(int(np.searchsorted(stops, i, "right")))

    back = np.flatnonzero(inside & (apart < 0))
    if len(back):
        i = int(back[0])
        raise ValueError(
            f"{name} is not in order{where(i)}: {clock.show(stamps[i].item())} is followed by "
            f"{clock.show(stamps[i + 1].item())}; wanted rows in time order. Sort them by {name}."
        )
    twice = np.flatnonzero(inside & (apart == 0))
    if len(twice):
        i = int(twice[0])
        raise ValueError(
            f"{name} holds {clock.show(stamps[i].item())} twice{where(i)} ({len(twice)} such rows); wanted each stamp once. Drop or "
            "join such rows, or give series_id if there are several series."
        )
    if gaps == "ignore" or not clock.step or len(stamps) < 2:
        return
    steps = clock.between(stamps[:-1], stamps[1:])
    odd = np.flatnonzero(inside & (np.abs(steps - 1) > TOLERANCE))
    if len(odd):
        i = int(odd[0])
        raise ValueError(
            f"{name} has a gap{where(i)}: {clock.show(stamps[i].item())} is followed by {clock.show(stamps[i + 1].item())}, while "
            f"the step is {clock.say_step()} ({len(odd)} such places); wanted every step. Put the missing rows in (such as by "
            "asfreq of pandas; missing='mask' reads NaN), or set gaps='ignore' if steps that are left out do not count."
        )
