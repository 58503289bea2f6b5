"""Which kind of ``X`` was given: 2-D, 3-D, ragged, token ids or text. Nothing guesses; the guide has the table."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from numbers import Number
from typing import Any, Literal

import numpy as np
from scipy.sparse import issparse

from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.texts import texts_of

__all__ = ["Given", "Kind", "cells", "host", "refuse_twice", "sort_out"]

Kind = Literal["2-D", "3-D", "ragged", "tokens", "text"]


@dataclass(frozen=True)
class Given:
    """An ``X`` and its kind."""

    kind: Kind
    data: Any


def sort_out(X: Any, *, text: bool = False) -> Given:
    """Tell the kind of an ``X``, and refuse what is none.

    Parameters
    ----------
    X : object
        What a user gave.
    text : bool
        Whether it has to be text, as in fit.

    Returns
    -------
    Given
    """
    if isinstance(X, Sequences):
        return Given("ragged" if X.n_tokens is None else "tokens", X)
    if isinstance(X, np.ma.MaskedArray):
        raise TypeError(
            "X is a masked array; wanted plain numbers. Give X.filled(np.nan) with missing='mask', "
            "or cut padding off with Sequences.from_padded(X.filled(np.nan))."
        )
    if issparse(X):
        raise TypeError(
            "Sparse data was passed for X, but dense data is required. Use X.toarray() to convert to a dense array."
        )
    if type(X).__name__ == "LazyFrame":
        raise TypeError("X is a lazy frame; wanted its rows. Give X.collect().")
    texts = texts_of(X, known=text)
    if texts is not None:
        return Given("text", texts)
    found = cells(X)
    if found is not None:
        return Given("ragged", found)
    if isinstance(X, (list, tuple)):
        return _sort_out_list(X)
    # what has neither a shape nor a way to become an array is one thing, not many rows
    no_rows = not any(
        hasattr(X, name) for name in ("shape", "__array__", "__array_interface__", "__dataframe__", "columns")
    )
    if isinstance(X, (Number, Iterator, Mapping, Set)) or callable(X) or (no_rows and not isinstance(X, range)):
        raise ValueError(
            f"X is of type {type(X).__name__}; wanted an array (n_samples, n_timesteps[, n_features]), "
            "a list of arrays (n_timesteps_i, n_features), a frame or Sequences. "
            "Reshape your data: one sample is X[None], an iterator is list(X), "
            "one text is [X], a dict must be turned into numbers first."
        )
    X = host(X)
    shape = getattr(X, "shape", None)
    if shape is not None and len(shape) > 3:
        raise ValueError(
            f"X has {len(shape)} dimensions {tuple(shape)}; wanted at most 3 (n_samples, n_timesteps, n_features). "
            "Flatten what a time step holds: X.reshape(n_samples, n_timesteps, -1)."
        )
    if shape is not None and len(shape) == 3:
        return Given("3-D", X)
    return Given("2-D", X)


def _sort_out_list(X: list | tuple) -> Given:
    if not len(X):
        raise ValueError(
            "Found array with 0 sample(s): X is empty; wanted at least one sequence. Check what filled it."
        )
    first = X[0]
    if not isinstance(first, (list, tuple)) and np.ndim(first) == 0:
        return Given("2-D", X)  # one-dimensional: scikit-learn's own refusal fits
    if not isinstance(first, (list, tuple)):
        return Given("ragged", list(X))  # a list of arrays is always a list of sequences
    if all(isinstance(item, (list, tuple)) for item in X):
        try:
            array = np.asarray(X)
        except ValueError:  # lengths differ
            return Given("ragged", list(X))
        return sort_out(array) if array.ndim == 3 else Given("2-D", X)
    return Given("ragged", list(X))


def cells(X: Any) -> list[Any] | None:
    """The sequences of an object array, a series or a frame with one column of cells, or None if X is none of them.

    Parameters
    ----------
    X : object

    Returns
    -------
    list or None
    """
    dtype = getattr(X, "dtype", None)
    if type(X).__module__.partition(".")[0] in ("pandas", "polars"):
        columns = getattr(X, "columns", None)
        if columns is not None:
            if not len(X) or not len(columns):
                return None
            if len(columns) != 1:
                refuse_twice(list(columns))
                _refuse_nested(X)
                return None
            X = X[columns[0]]
        if type(X).__name__ not in ("Series",) or not len(X):
            return None
        first = X.iloc[0] if hasattr(X, "iloc") else X[0]
        return list(X) if np.ndim(first) > 0 else None
    if isinstance(dtype, np.dtype) and dtype.hasobject and getattr(X, "ndim", 0) in (1, 2) and X.size:
        if X.ndim == 2 and X.shape[1] != 1:
            return None
        flat = X.ravel()
        if np.ndim(flat[0]) > 0:
            return list(flat)
    return None


def _refuse_nested(frame: Any) -> None:
    """A frame with several columns of cells holds one feature a column; which steps belong together is not told."""
    first = frame[frame.columns[0]]
    if np.ndim(first.iloc[0] if hasattr(first, "iloc") else first[0]) > 0:
        raise ValueError(
            f"X is a frame with {len(frame.columns)} columns of arrays; wanted one column, each cell an array "
            "(n_timesteps, n_features). Join the columns: [np.column_stack(row) for row in X.to_numpy()]."
        )


def refuse_twice(columns: list[Any]) -> None:
    """Refuse a frame with two columns of one name.

    Parameters
    ----------
    columns : list
        Names.
    """
    if len(set(columns)) < len(columns):
        twice = next(column for column in columns if columns.count(column) > 1)
        raise ValueError(f"X has two columns {twice!r}; wanted each name once. Rename or drop one.")


def host(X: Any) -> Any:
    """A tensor of torch as an array; anything else as it is."""
    return X.detach().cpu().numpy() if type(X).__module__.partition(".")[0] == "torch" else X
