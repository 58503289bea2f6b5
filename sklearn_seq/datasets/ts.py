"""Reader for ``.ts`` files, the format of the UEA and UCR archives of time series."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_seq.datasets._lines import count, flag, lines_of, numbers, shorten, whole_labels
from sklearn_seq.sequences import Sequences

__all__ = ["read_ts"]


def read_ts(path: str | os.PathLike) -> tuple[Any, np.ndarray | None]:
    r"""Read a ``.ts`` file of the UEA and UCR archives, with features last.

    Univariate and multivariate, equal and unequal lengths, missing values (``?``, which become NaN), class
    labels and regression targets. The header decides: ``@equalLength false`` gives Sequences even where the
    lengths happen to be equal, so that the training and the test file of a set agree.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    X : ndarray of shape (n_samples, n_timesteps, n_features), or Sequences
        The series; the file itself holds channels before time.
    y : ndarray of shape (n_samples,), or None
        Class labels, as int where all that the header names are whole numbers, else as text; float targets;
        None where the file has neither.

    Raises
    ------
    ValueError
        When the file is damaged, contradicts its header or has time stamps. File and line are named.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from sklearn_seq.datasets import read_ts
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "walk.ts"
    >>> _ = path.write_text(
    ...     "@timeStamps false\n@univariate false\n@dimensions 2\n@equalLength false\n"
    ...     "@classLabel true run walk\n@data\n1,2,3:4,5,6:run\n1,?:2,3:walk\n"
    ... )
    >>> X, y = read_ts(path)
    >>> X, y.tolist()
    (Sequences(2 sequences, 2 to 3 timesteps, 2 features, float64), ['run', 'walk'])
    """
    path = Path(path)
    lines = lines_of(path)
    header = _read_header(path, lines)
    series: list[np.ndarray] = []
    labels: list[str] = []
    for number, line in enumerate(lines[header.end :], header.end + 1):
        if not line.strip() or line.lstrip().startswith(("#", "%")):
            continue
        where = f"{path}, line {number}"
        one, label = _read_series(line.strip(), header, where)
        if header.n_dimensions is None:
            header.n_dimensions = one.shape[1]
        if header.equal:
            header.length = header.length or len(one)
            if len(one) != header.length:
                raise ValueError(
                    f"{where}: the series has {len(one)} time steps; wanted {header.length}, as the header "
                    "says @equalLength true. The file is damaged, or the header should say @equalLength "
                    "false."
                )
        series.append(one)
        labels.append(label)
    if not series:
        raise ValueError(f"{path}: no series follows @data; wanted at least one line of values")
    lengths = {len(one) for one in series}
    ragged = header.equal is False or len(lengths) > 1
    X = Sequences.from_list(series) if ragged else np.stack(series)
    if header.targets:
        return X, np.array([float(label) for label in labels])
    return X, whole_labels(labels, header.classes) if header.labelled else None


@dataclass
class _Header:
    """What the lines before ``@data`` say; ``end`` is the number of lines up to it."""

    end: int = 0
    n_dimensions: int | None = None
    equal: bool | None = None
    length: int | None = None
    labelled: bool = False
    targets: bool = False
    classes: list[str] = field(default_factory=list)


def _read_header(path: Path, lines: list[str]) -> _Header:
    header = _Header()
    said = set()
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith(("#", "%")):
            continue
        where = f"{path}, line {number}"
        tag = words[0].lower()
        if tag == "@data":
            header.end = number
            break
        if not tag.startswith("@"):
            raise ValueError(
                f"{where}: {shorten(line.strip())} stands before @data; wanted a comment (#) or a header "
                "line (@). Is this a .ts file?"
            )
        if tag in ("@timestamps", "@univariate", "@equallength", "@classlabel", "@targetlabel"):
            said_so = flag(words, where)
            said.add(tag)
            if tag == "@timestamps" and said_so:
                raise ValueError(
                    f"{where}: the series have time stamps, which are not read; wanted @timeStamps false and "
                    "bare values. Write the values alone, or build the data with "
                    "Sequences.from_frame(frame, id=..., time=...)."
                )
            if tag == "@univariate" and said_so:
                header.n_dimensions = 1
            elif tag == "@equallength":
                header.equal = said_so
            elif tag in ("@classlabel", "@targetlabel") and said_so:
                header.labelled = True
                header.targets = header.targets or tag == "@targetlabel"
                header.classes = words[2:] if tag == "@classlabel" else []
        elif tag in ("@dimensions", "@dimension"):
            header.n_dimensions = count(words, where)
        elif tag == "@serieslength":
            header.length = count(words, where)
    if not header.end:
        raise ValueError(
            f"{path}: no line @data; wanted a header of @ lines, @data, then a series in each line. Is this a .ts file?"
        )
    if not said & {"@classlabel", "@targetlabel"}:
        raise ValueError(
            f"{path}: the header does not say whether the series have labels; wanted a line @classLabel or "
            "@targetLabel, followed by true or false"
        )
    return header


def _read_series(line: str, header: _Header, where: str) -> tuple[np.ndarray, str]:
    """One line of data: dimensions between colons, values between commas, the label last."""
    parts = line.split(":")
    label = parts.pop().strip() if header.labelled else ""
    if header.labelled and (not label or not parts):
        raise ValueError(f"{where}: {shorten(line)} ends without a label; wanted values, a colon and the label")
    if header.classes and label not in header.classes:
        raise ValueError(
            f"{where}: the label {shorten(label)} is none of the classes of the header, "
            f"{shorten(' '.join(header.classes))}. The line is damaged, or the header lacks a class."
        )
    if header.targets and not np.isfinite(
        numbers([label], where, "It stands for the target, the last of the line.")[0]
    ):
        raise ValueError(f"{where}: the target is {label}; wanted a finite number. Remove the series.")
    if header.n_dimensions is not None and len(parts) != header.n_dimensions:
        raise ValueError(
            f"{where}: the series has {len(parts)} dimensions; wanted {header.n_dimensions}, as in the "
            "header or the first series. Dimensions stand between colons."
        )
    hint = "Missing values are written ?, values stand between commas."
    columns = [
        numbers(["nan" if cell.strip() == "?" else cell for cell in part.split(",")], where, hint) for part in parts
    ]
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        i = next(i for i, length in enumerate(lengths) if length != lengths[0])
        raise ValueError(
            f"{where}: dimension {i + 1} has {lengths[i]} time steps and dimension 1 has {lengths[0]}; "
            "wanted one length for all dimensions of a series. Fill the shorter ones up with ?."
        )
    return np.stack(columns, axis=1), label
