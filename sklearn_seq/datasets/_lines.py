"""What all readers of text share: lines, numbers and labels, and refusals that name file and line."""

from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["is_number", "lines_of", "numbers", "shorten", "text_of", "whole_labels"]


def lines_of(path: Path) -> list[str]:
    """The lines of a text file, without a byte order mark and whatever its line ends.

    Parameters
    ----------
    path : Path
        A file in UTF-8.

    Returns
    -------
    list of str
    """
    return text_of(path).split("\n")


def text_of(path: Path) -> str:
    """The text of a file, with plain line ends.

    Parameters
    ----------
    path : Path
        A file in UTF-8.

    Returns
    -------
    str
    """
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{path}, line {line}: the bytes are not UTF-8 text; wanted a plain text file. "
            "Save it as UTF-8, and unpack it first if it is compressed."
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def numbers(cells: list[str], where: str, hint: str) -> np.ndarray:
    """The numbers that cells of text hold; one that holds none is named.

    Parameters
    ----------
    cells : list of str
        The text.
    where : str
        File and line.
    hint : str
        What to do about a cell that is no number.

    Returns
    -------
    ndarray of float64
    """
    try:
        values = np.array([float(cell) for cell in cells])
        if any("_" in cell for cell in cells):  # to Python, 1_5 is a number
            raise ValueError
    except ValueError:
        for i, cell in enumerate(cells):
            if not is_number(cell):
                raise ValueError(f"{where}: value {i + 1} is {shorten(cell)}; wanted a number. {hint}") from None
        raise
    if np.isinf(values).any():
        i = int(np.isinf(values).argmax())
        raise ValueError(f"{where}: value {i + 1} is {shorten(cells[i])}; wanted a finite number. {hint}")
    return values


def shorten(text: str) -> str:
    """A piece of a file as it may stand in a message.

    Parameters
    ----------
    text : str
        Any.

    Returns
    -------
    str
    """
    return repr(text if len(text) <= 30 else text[:27] + "...")


def whole_labels(labels: list[str], names: Any = None) -> np.ndarray:
    """Class labels as int where every name is a whole number, else as text.

    Parameters
    ----------
    labels : list of str
        One a sequence.
    names : iterable of str, optional
        All labels that the file declares, so that its parts agree; by default those that occur.

    Returns
    -------
    ndarray of int64 or str
    """
    whole = {name: _whole(name) for name in (names or labels)}
    if None in whole.values():
        return np.array(labels)
    return np.array([whole[label] for label in labels], dtype=np.int64)


def _whole(text: str) -> int | None:
    if not is_number(text):
        return None
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 2**53 else None


def is_number(text: str) -> bool:
    """Whether a piece of text is a number, NaN and infinity included.

    Parameters
    ----------
    text : str
        Any.

    Returns
    -------
    bool
    """
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
