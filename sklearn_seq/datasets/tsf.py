"""Reader for ``.tsf`` files, the format of the Monash archive of forecasting."""

import os
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import Bunch

from sklearn_seq.datasets._frames import import_pandas
from sklearn_seq.datasets._lines import count, flag, numbers, shorten, stream_lines
from sklearn_seq.sequences.stamps import Clock

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_tsf"]

_NAME, _START = "series_name", "start_timestamp"
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 7 * 86_400}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_ADVERBS = {
    "minutely": "1_minutes",
    "half_hourly": "30_minutes",
    "hourly": "1_hours",
    "daily": "1_days",
    "weekly": "1_weeks",
    "monthly": "1_months",
    "quarterly": "1_quarters",
    "yearly": "1_years",
}
_FIRST, _LAST = datetime(1677, 9, 22), datetime(2262, 4, 11)  # what nanoseconds in 64 bits reach


def read_tsf(path: str | os.PathLike, *, timestamps: bool = True) -> tuple["pd.DataFrame", Bunch]:
    r"""Read a ``.tsf`` file of the Monash archive as a long frame, as forecasters read several series.

    The file is read line by line. Missing values (``?``) become NaN. Comments may be in any encoding.

    Parameters
    ----------
    path : str or path-like
        The file.
    timestamps : bool, default=True
        Make a time of each row where the file tells start and frequency. False numbers the rows instead.

    Returns
    -------
    frame : DataFrame
        A row for each time step, series by series. Columns: ``series_name`` (T1, T2, ... where the file names none);
        ``timestamp``, where the file has ``@attribute start_timestamp date`` and ``@frequency``, else ``step``, from 0; the other
        attributes; ``value``.
    about : Bunch
        What the header says: ``relation``, ``frequency``, ``horizon``, ``missing``, ``equal_length``; None where it does not.
        The test part of a set is the last ``horizon`` rows of each series.

    Raises
    ------
    ValueError
        When the file is damaged or contradicts its header. File and line are named.
    ImportError
        When pandas is not installed.

    References
    ----------
    .. [1] R. Godahewa, C. Bergmeir, G. I. Webb, R. J. Hyndman, P. Montero-Manso. Monash time series forecasting archive. NeurIPS
       Datasets and Benchmarks 2021.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from sklearn_seq.datasets import read_tsf
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "visitors.tsf"
    >>> _ = path.write_text(
    ...     "@attribute series_name string\n@attribute start_timestamp date\n@frequency monthly\n@horizon 1\n"
    ...     "@data\nT1:1999-11-01 00-00-00:5,?,7\nT2:2000-01-01 00-00-00:1,2\n"
    ... )
    >>> frame, about = read_tsf(path)
    >>> frame
      series_name  timestamp  value
    0          T1 1999-11-01    5.0
    1          T1 1999-12-01    NaN
    2          T1 2000-01-01    7.0
    3          T2 2000-01-01    1.0
    4          T2 2000-02-01    2.0
    >>> about.frequency, about.horizon
    ('monthly', 1)
    """
    path = Path(path)
    pd = import_pandas("read_tsf")
    lines = stream_lines(path, "#")
    header = _read_header(path, lines)
    clock = header.clock() if timestamps else None
    attributes: list[list[Any]] = []
    series: list[np.ndarray] = []
    stamps: list[np.ndarray] = []
    first_line: dict[Any, int] = {}
    for number, line in lines:
        where = f"{path}, line {number}"
        cells, values = _read_series(line, header, where)
        _hold_against_header(values, series, header, where)
        name = cells[header.place(_NAME)] if header.has(_NAME) else f"T{len(series) + 1}"
        if name in first_line:
            raise ValueError(
                f"{where}: the series {shorten(name)} is there a second time, after line {first_line[name]}; wanted a name for each "
                "series. Rename one, or remove the line."
            )
        first_line[name] = number
        if clock is not None:
            stamps.append(_stamps(cells[header.place(_START)], len(values), clock, where))
        attributes.append(cells)
        series.append(values)
    if not series:
        raise ValueError(f"{path}: no series follows @data; wanted at least one line of attributes and values")
    lengths = np.array([len(values) for values in series])
    columns: dict[str, Any] = {_NAME: np.repeat(np.array(list(first_line), dtype=object), lengths)}
    if clock is None:
        columns["step"] = np.concatenate([np.arange(n) for n in lengths])
    else:
        columns["timestamp"] = np.concatenate(stamps).astype("datetime64[ns]")
    for i, (name, kind) in enumerate(header.attributes):
        if name != _NAME and not (name == _START and clock is not None):
            dtype: Any = {"numeric": np.float64, "date": "datetime64[s]"}.get(kind, object)
            columns[name] = np.repeat(np.array([cells[i] for cells in attributes], dtype=dtype), lengths)
    columns["value"] = np.concatenate(series)
    return pd.DataFrame(columns), header.about


@dataclass
class _Header:
    """What the lines before ``@data`` say; attributes are pairs of name and type."""

    about: Bunch
    attributes: list[tuple[str, str]] = field(default_factory=list)
    where_frequency: str = ""

    def has(self, name: str) -> bool:
        """Whether there is such an attribute."""
        return any(own == name for own, _ in self.attributes)

    def place(self, name: str) -> int:
        """Which of the attributes it is."""
        return [own for own, _ in self.attributes].index(name)

    def clock(self) -> Clock | None:
        """How time stamps go on; None where the file does not tell."""
        said = self.about.frequency
        if said is None or (_START, "date") not in self.attributes:
            return None
        found = re.fullmatch(r"([1-9]\d{0,5})_([a-z]+?)s?", _ADVERBS.get(said, said))
        n, unit = (int(found[1]), found[2]) if found else (0, "")
        if unit in _SECONDS:
            return Clock("time", "step", n * _SECONDS[unit] * 10**9)
        if unit in _MONTHS:
            return Clock("time", "month", n * _MONTHS[unit])
        raise ValueError(
            f"{self.where_frequency}: @frequency is followed by {shorten(said)}; wanted {', '.join(_ADVERBS)}, or a number and a unit, "
            "such as 10_minutes. Correct it, or give timestamps=False to number the rows."
        )


def _read_header(path: Path, lines: Any) -> _Header:
    header = _Header(Bunch(relation=None, frequency=None, horizon=None, missing=None, equal_length=None))
    for number, line in lines:
        where = f"{path}, line {number}"
        words = line.split()
        tag = words[0].lower()
        if tag == "@data":
            if not header.attributes:
                raise ValueError(
                    f"{where}: no line @attribute stands before @data; wanted one for each part of a line that is no value, such as "
                    "'@attribute series_name string'."
                )
            return header
        if not tag.startswith("@"):
            raise ValueError(
                f"{where}: {shorten(line)} stands before @data; wanted a comment (#) or a header line (@). Is this a .tsf file?"
            )
        if tag == "@attribute":
            header.attributes.append(_attribute(words, header, where))
        elif tag in ("@frequency", "@relation"):
            if len(words) != 2:
                raise ValueError(f"{where}: {shorten(line)} has {len(words) - 1} words behind {words[0]}; wanted one")
            header.about[tag[1:]] = words[1]
            header.where_frequency = where if tag == "@frequency" else header.where_frequency
        elif tag == "@horizon":
            header.about.horizon = count(words, where)
        elif tag == "@missing":
            header.about.missing = flag(words, where)
        elif tag == "@equallength":
            header.about.equal_length = flag(words, where)
    raise ValueError(
        f"{path}: no line @data; wanted a header of @ lines, @data, then a series in each line. Is this a .tsf file?"
    )


def _attribute(words: list[str], header: _Header, where: str) -> tuple[str, str]:
    if len(words) != 3 or words[2].lower() not in ("string", "numeric", "date"):
        raise ValueError(
            f"{where}: {shorten(' '.join(words))} is no attribute; wanted @attribute, a name, and string, numeric or date"
        )
    name, kind = words[1], words[2].lower()
    if header.has(name) or name in ("value", "step", "timestamp"):
        taken = "is named twice" if header.has(name) else "is a column that is made here"
        raise ValueError(f"{where}: the attribute {shorten(name)} {taken}; wanted another name. Rename it.")
    return name, kind


def _read_series(line: str, header: _Header, where: str) -> tuple[list[Any], np.ndarray]:
    """One line of data: attributes between colons, values between commas."""
    *cells, text = line.split(":")
    names = [name for name, _ in header.attributes]
    if len(cells) != len(names):
        raise ValueError(
            f"{where}: the line has {len(cells)} attributes before its values; wanted {len(names)}, as in the header: "
            f"{', '.join(names)}. Parts stand between colons, values between commas."
        )
    read: list[Any] = []
    for (name, kind), cell in zip(header.attributes, (cell.strip() for cell in cells), strict=True):
        if kind == "numeric":
            hint = f"It stands for the attribute {name}."
            read.append(numbers(["nan" if cell == "?" else cell], where, hint)[0])
        elif kind == "date":
            read.append(_date(cell, name, where))
        elif not cell and name == _NAME:
            raise ValueError(f"{where}: the series has no name; wanted one before the first colon. Name it.")
        else:
            read.append(cell)
    hint = "Missing values are written ?, values stand between commas."
    cells = text.split(",")
    if "?" in text:
        cells = ["nan" if cell.strip() == "?" else cell for cell in cells]
    return read, numbers(cells, where, hint)


def _date(text: str, name: str, where: str) -> datetime:
    for form in ("%Y-%m-%d %H-%M-%S", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    raise ValueError(f"{where}: {name} is {shorten(text)}; wanted a date such as 1999-12-31 23-59-59. Correct it.")


def _hold_against_header(values: np.ndarray, series: list[np.ndarray], header: _Header, where: str) -> None:
    damaged = "The file is damaged, or the header should say"
    if header.about.equal_length and series and len(values) != len(series[0]):
        raise ValueError(
            f"{where}: the series has {len(values)} values; wanted {len(series[0])}, as in the first one, as the header says "
            f"@equallength true. {damaged} @equallength false."
        )
    if header.about.missing is False and np.isnan(values).any():
        raise ValueError(
            f"{where}: value {int(np.isnan(values).argmax()) + 1} is missing; wanted none, as the header says @missing false. "
            f"{damaged} @missing true."
        )


def _stamps(start: datetime, n: int, clock: Clock, where: str) -> np.ndarray:
    """Nanoseconds since 1970 of each row."""
    seconds = (n - 1) * clock.step * (30.5 * 86_400 if clock.unit == "month" else 1e-9)
    if start < _FIRST or seconds > (_LAST - start).total_seconds():
        raise ValueError(
            f"{where}: the series begins at {start} and has {n} values, {clock.say_step()} apart; wanted times between {_FIRST.year} "
            f"and {_LAST.year}, which is what pandas holds in nanoseconds. Give timestamps=False to number the rows."
        )
    first = np.datetime64(start, "ns").astype(np.int64)
    return np.concatenate([[first], clock.after(first, n - 1)])
