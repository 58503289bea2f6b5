"""What all readers of text share: lines, header words, numbers, labels, and refusals that name file and line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["count", "flag", "is_number", "lines_of", "numbers", "shorten", "stream_lines", "text_of", "whole_labels"]


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
        raise _no_text(path, raw[: error.start].count(b"\n") + 1) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def stream_lines(path: Path, comment: str) -> Iterator[tuple[int, str]]:
    """The lines that say something, one at a time, for files that are large: blank ones and comments are left out.

    Comments may be in any encoding, since authors' names often are.

    Parameters
    ----------
    path : Path
        A file in UTF-8.
    comment : str
        What a comment begins with.

    Yields
    ------
    number : int
        From 1.
    line : str
        Without blanks at its ends.
    """
    with open(path, encoding="utf-8-sig", errors="surrogateescape") as file:
        for number, line in enumerate(file, 1):
            line = line.strip()
            if not line or line.startswith(comment):
                continue
            if not line.isascii() and any("\udc80" <= sign <= "\udcff" for sign in line):
                raise _no_text(path, number)
            yield number, line


def _no_text(path: Path, line: int) -> ValueError:
    return ValueError(
        f"{path}, line {line}: the bytes are not UTF-8 text; wanted a plain text file. "
        "Save it as UTF-8, and unpack it first if it is compressed."
    )


def flag(words: list[str], where: str) -> bool:
    """What a header line says that is followed by true or false.

    Parameters
    ----------
    words : list of str
        The line.
    where : str
        File and line.

    Returns
    -------
    bool
    """
    said = words[1].lower() if len(words) > 1 else ""
    if said not in ("true", "false"):
        raise ValueError(f"{where}: {words[0]} is followed by {shorten(said)}; wanted true or false")
    return said == "true"


def count(words: list[str], where: str) -> int:
    """What a header line says that is followed by a whole number.

    Parameters
    ----------
    words : list of str
        The line.
    where : str
        File and line.

    Returns
    -------
    int
        At least 1.
    """
    said = words[1] if len(words) > 1 else ""
    if not (said.isascii() and said.isdigit() and 0 < int(said[:18])):
        raise ValueError(f"{where}: {words[0]} is followed by {shorten(said)}; wanted a whole number, at least 1")
    return int(said[:18])


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
