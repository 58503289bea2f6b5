"""Text as it comes: which ``X`` is a list of texts or of lists of words, and what among it is none."""

from collections.abc import Iterable
from numbers import Number
from typing import Any

import numpy as np

__all__ = ["is_missing", "refuse_nul", "texts_of", "told_of_no_texts"]

_FRAMES = ("pandas", "polars", "pyarrow")


def texts_of(X: Any, name: str = "X", *, known: bool = False) -> list[str] | list[list[str]] | None:
    """The texts of ``X``, or None where it holds none.

    Parameters
    ----------
    X : object
        A list or tuple, an array or a series of ``str``; or of lists, tuples or 1-D arrays of ``str``, which are words
        that were split already. A frame or an array with one column counts as that column.
    name : str
        For messages.
    known : bool
        Whether ``X`` has to be texts, since ``fit`` was given some: then empty lists alone are texts without words, and what is
        missing alone is told as such. Without it both may as well be numbers.

    Returns
    -------
    list of str, list of list of str, or None

    Raises
    ------
    TypeError
        When some of it is text and some is not, with the first that is none.
    ValueError
        For no samples at all, where texts are ``known``.
    """
    items = _items(X)
    if known and items is None:
        items = _nothing_but_gaps(X, name)
    if not items:
        return None
    if any(isinstance(item, str | bytes) for item in items):
        return _all_str(items, name)
    if known or any(_is_words(item) for item in items):
        return _all_words(items, name) if any(_is_list(item) for item in items) else _all_str(items, name)
    return None


def told_of_no_texts(X: Any) -> str:
    """What is given in the place of texts, for messages."""
    if isinstance(X, str):
        return "a str; one text is [X]"
    n_columns = len(getattr(X, "columns", ("",)))
    if n_columns != 1:
        return f"a {type(X).__name__} of {n_columns} columns; one of them is X[column]"
    return f"a {type(X).__name__} without text"


def is_missing(item: Any) -> bool:
    """Whether a cell holds nothing: None, NaN, or what pandas has in its place."""
    if item is None or type(item).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(item, float | np.generic) and bool(item != item)


def refuse_nul(texts: Iterable[str], name: str) -> None:
    """Refuse ``chr(0)`` where answers are arrays of str, which lose it at the end of a text."""
    if any("\0" in text for text in texts):
        raise ValueError(
            f"{name} holds the character '\\x00', which arrays of str lose at the end of a text; wanted others alone. Take it out, "
            "or write another in its place."
        )


def _nothing_but_gaps(X: Any, name: str) -> list[Any] | None:
    """The samples where each is missing or an empty list, else None."""
    if isinstance(X, str | bytes) or not hasattr(X, "__len__") or len(getattr(X, "shape", (0,))) != 1:
        return None
    if not len(X):
        raise ValueError(
            f"Found array with 0 sample(s): {name} is empty; wanted at least one text. Check what filled it."
        )
    return list(X) if all(is_missing(item) or _is_empty_list(item) for item in X) else None


def _items(X: Any) -> list[Any] | None:
    """The samples of what may hold text, or None."""
    if isinstance(X, list | tuple):
        # a list of numbers or arrays is looked at no further than its first few entries that are there
        first = next((item for item in X if not is_missing(item) and not _is_empty_list(item)), None)
        if isinstance(first, str | bytes) or _is_words(first):
            return list(X)
        # one number a sample is no X, so that a text behind it says what was meant
        of_numbers = isinstance(first, Number) and any(isinstance(item, str | bytes) for item in X)
        return list(X) if of_numbers else None
    if type(X).__module__.partition(".")[0] in _FRAMES:
        columns = getattr(X, "columns", None)
        if columns is not None:
            if len(columns) != 1 or not hasattr(X, "__getitem__"):
                return None
            X = X[columns[0]]
        if not hasattr(X, "__len__") or not len(X):
            return None
        dtype = str(getattr(X, "dtype", "")).lower()
        if not any(word in dtype for word in ("obj", "str", "cat", "utf", "list")):
            return None
        return _items(X.to_list() if hasattr(X, "to_list") else list(X))
    if isinstance(X, np.ndarray) and X.dtype.kind in "OUST" and X.size:
        if X.ndim == 1 or (X.ndim == 2 and X.shape[1] == 1):
            return _items(X.ravel().tolist())
    return None


def _is_list(item: Any) -> bool:
    return isinstance(item, list | tuple) or (isinstance(item, np.ndarray) and item.ndim == 1)


def _is_empty_list(item: Any) -> bool:
    return _is_list(item) and not len(item)


def _is_words(item: Any) -> bool:
    """Whether a sample is a list of words, some of which may be missing."""
    if not _is_list(item) or not all(isinstance(word, str) or is_missing(word) for word in item):
        return False
    return any(isinstance(word, str) for word in item)


def _all_str(items: list[Any], name: str) -> list[str]:
    for i, item in enumerate(items):
        if isinstance(item, str):
            continue
        told = "missing" if is_missing(item) else f"of type {type(item).__name__}"
        if isinstance(item, bytes):
            help_ = f"Decode them: [text.decode() for text in {name}]."
        elif is_missing(item):
            help_ = "Fill missing texts with '', or drop them from X and y."
        else:
            help_ = "Give all samples as str."
        raise TypeError(f"{name}[{i}] is {told}; wanted a str, as other samples are. {help_}")
    return [str(item) for item in items]


def _all_words(items: list[Any], name: str) -> list[list[str]]:
    for i, item in enumerate(items):
        if _is_list(item) and all(isinstance(word, str) for word in item):
            continue
        told = "missing" if is_missing(item) else f"of type {type(item).__name__}"
        if _is_list(item):
            other = next(word for word in item if not isinstance(word, str))
            told = (
                f"a list with {'a missing entry' if is_missing(other) else f'an entry of type {type(other).__name__}'}"
            )
        raise TypeError(f"{name}[{i}] is {told}; wanted a list of str, the words of one text, as in other samples.")
    return [[str(word) for word in item] for item in items]
