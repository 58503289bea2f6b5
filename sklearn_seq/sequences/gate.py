"""The gate: what a legal ``X`` is. Behind it everything may trust what it gets.

Whatever a user gives becomes one `Sequences`. Every refusal says what was given, what was wanted and what to do.
"""

from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Number
from typing import Any, Literal

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_array, validate_data

from sklearn_seq.sequences.container import Sequences

__all__ = ["Kind", "Reading", "describe", "first_bad", "read_X", "refuse_non_finite"]

Kind = Literal["2-D", "3-D", "ragged"]


@dataclass(frozen=True)
class Reading:
    """What the gate makes of an ``X``.

    Attributes
    ----------
    sequences : Sequences
        The data in the wanted dtype.
    kind : {"2-D", "3-D", "ragged"}
        How ``X`` was given.
    """

    sequences: Sequences
    kind: Kind


def read_X(estimator: Any, X: Any, *, reset: bool, dtype: Any = np.float32, missing: str = "error") -> Reading:
    """Read any legal ``X`` for an estimator.

    Parameters
    ----------
    estimator : estimator
        Gets ``n_features_in_``, ``n_timesteps_in_``, ``feature_names_in_`` and ``_kind`` when ``reset``, else is held
        against them.
    X : array-like, list, frame or Sequences
        See the guide, "What a sequence is".
    reset : bool
        True in ``fit``.
    dtype : numpy dtype
        Of the result; data that have it already are not copied.
    missing : {"error", "mask"}
        Whether NaN is refused.

    Returns
    -------
    Reading

    Raises
    ------
    ValueError, TypeError
        With what was given, what was wanted and what to do.
    """
    quick = None if reset else _quick(estimator, X, dtype)
    if quick is not None:
        return quick
    given = _sort_out(X)
    if given.kind == "2-D":
        if not reset and estimator._kind != "2-D":
            _refuse_kind(estimator, given.data)
        _refuse_dtype(given.data)
        with _told_of_objects():
            table = validate_data(
                estimator, given.data, reset=reset, dtype="numeric", ensure_all_finite=False, ensure_min_samples=1
            )
        sequences = Sequences.from_array(_cast(table, dtype))
    elif given.kind == "3-D":
        _refuse_dtype(given.data)
        with _told_of_objects():
            array = check_array(
                given.data, allow_nd=True, dtype="numeric", ensure_all_finite=False, input_name="X", estimator=estimator
            )
        if 0 in array.shape[1:]:
            raise ValueError(
                f"X was read as {_sizes(array.shape)}; wanted at least one time step and one feature "
                f"in an array (n_samples, n_timesteps, n_features)"
            )
        sequences = Sequences.from_array(_cast(array, dtype))
    else:
        sequences = _ragged(given.data, dtype)
    if given.kind != "2-D":
        if reset:
            estimator.n_features_in_ = sequences.n_features
            estimator.__dict__.pop("feature_names_in_", None)  # names belong to the columns of a 2-D frame
        else:
            _compare(estimator, sequences, given.kind)
    if reset:
        estimator._kind = given.kind
        length = sequences.equal_length
        estimator.n_timesteps_in_ = length if given.kind != "ragged" else None
    refuse_non_finite(sequences, X, estimator, missing=missing, kind=given.kind)
    return Reading(sequences, given.kind)


def _quick(estimator: Any, X: Any, dtype: Any) -> Reading | None:
    """A plain finite float array of the fitted shape needs none of the questions; this keeps one-sample calls fast."""
    if type(X) is not np.ndarray or X.dtype.kind != "f" or X.size == 0:
        return None
    if X.ndim == 3:
        if estimator._kind == "2-D" or X.shape[2] != estimator.n_features_in_:
            return None
        kind: Kind = "3-D"
    elif X.ndim == 2:
        if (
            estimator._kind != "2-D"
            or X.shape[1] != estimator.n_features_in_
            or "feature_names_in_" in estimator.__dict__
        ):
            return None
        kind = "2-D"
    else:
        return None
    cast = X if X.dtype == dtype else _cast(X, dtype)
    if not np.isfinite(cast.sum(dtype=np.float64)):
        return None
    return Reading(Sequences.from_array(cast), kind)


# -- which kind of X is this? ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Given:
    kind: Kind
    data: Any


def _sort_out(X: Any) -> _Given:
    if isinstance(X, Sequences):
        return _Given("ragged", X)
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
    cells = _cells(X)
    if cells is not None:
        return _Given("ragged", cells)
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
            "a text or a dict must be turned into numbers first."
        )
    X = _host(X)
    shape = getattr(X, "shape", None)
    if shape is not None and len(shape) > 3:
        raise ValueError(
            f"X has {len(shape)} dimensions {tuple(shape)}; wanted at most 3 (n_samples, n_timesteps, n_features). "
            "Flatten what a time step holds: X.reshape(n_samples, n_timesteps, -1)."
        )
    if shape is not None and len(shape) == 3:
        return _Given("3-D", X)
    return _Given("2-D", X)


def _sort_out_list(X: list | tuple) -> _Given:
    if not len(X):
        raise ValueError(
            "Found array with 0 sample(s): X is empty; wanted at least one sequence. Check what filled it."
        )
    first = X[0]
    if isinstance(first, (str, bytes)):
        raise ValueError(
            f"X is a list of text, such as {first[:20]!r}; wanted numbers. "
            "Turn each text into an array of numbers first (one row a token or character)."
        )
    if not isinstance(first, (list, tuple)) and np.ndim(first) == 0:
        return _Given("2-D", X)  # one-dimensional: scikit-learn's own refusal fits
    if not isinstance(first, (list, tuple)):
        return _Given("ragged", list(X))  # a list of arrays is always a list of sequences
    if all(isinstance(item, (list, tuple)) for item in X):
        try:
            array = np.asarray(X)
        except ValueError:  # lengths differ
            return _Given("ragged", list(X))
        return _sort_out(array) if array.ndim == 3 else _Given("2-D", X)
    return _Given("ragged", list(X))


def _cells(X: Any) -> list[Any] | None:
    """The sequences of an object array or of a frame with one column of cells, or None if X is neither."""
    dtype = getattr(X, "dtype", None)
    if type(X).__module__.partition(".")[0] in ("pandas", "polars"):
        columns = getattr(X, "columns", None)
        if columns is not None:
            if not len(X) or not len(columns):
                return None
            if len(columns) != 1:
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


def _host(X: Any) -> Any:
    """A tensor of torch as an array; anything else as it is."""
    return X.detach().cpu().numpy() if type(X).__module__.partition(".")[0] == "torch" else X


# -- reading ---------------------------------------------------------------------------------------------------------


def _cast(array: np.ndarray, dtype: Any) -> np.ndarray:
    with np.errstate(over="ignore"):  # what does not fit becomes inf, and is refused by name later
        return np.ascontiguousarray(array, dtype=dtype)


def _refuse_dtype(X: Any) -> None:
    """What scikit-learn would read as numbers and is none, or refuse by printing all of it."""
    dtype = getattr(X, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind in "cSUmMV":
        _numbers(np.empty(0, dtype=dtype))
    for name, dtype in zip(getattr(X, "columns", ()), getattr(X, "dtypes", ())):
        if str(dtype).lower().startswith(("date", "time", "duration", "period")):
            raise ValueError(
                f"column {name!r} of X has dtype {dtype}; wanted numbers. "
                "Drop it, or turn times into differences in a unit, such as seconds."
            )


@contextmanager
def _told_of_objects() -> Iterator[None]:
    """Say what to do about text among numbers."""
    try:
        yield
    except ValueError as error:
        if not str(error).startswith("could not convert string"):
            raise
        raise ValueError(f"X holds objects that are no numbers: {error}. Encode them as numbers first.") from None


def _ragged(data: Any, dtype: Any) -> Sequences:
    if isinstance(data, Sequences):
        sequences = data
    else:
        sequences = Sequences.from_list([_one(i, item) for i, item in enumerate(data)])
    if not len(sequences):
        raise ValueError("X holds 0 sequences; wanted at least one")
    if sequences.n_features == 0:
        raise ValueError(f"X was read as {describe(sequences)}; wanted at least one feature a time step")
    empty = np.flatnonzero(sequences.lengths == 0)
    if len(empty):
        raise ValueError(
            f"X[{empty[0]}] has 0 timesteps (length 0); wanted at least one in every sequence. "
            f"Remove the empty ones ({len(empty)} of {len(sequences)}) from X and y."
        )
    values = sequences.values
    if values.dtype.kind not in "fiub" or values.dtype != dtype:
        values = _cast(_numbers(values), dtype)
    return sequences.map_values(values)


def _one(i: int, item: Any) -> np.ndarray:
    if type(item).__module__.partition(".")[0] == "scipy":
        raise TypeError(f"X[{i}] is sparse; wanted a dense array (n_timesteps, n_features). Use X[{i}].toarray().")
    if isinstance(item, (str, bytes)):
        raise ValueError(f"X[{i}] is text; wanted an array of numbers (n_timesteps, n_features)")
    if isinstance(item, np.ma.MaskedArray):
        raise TypeError(
            f"X[{i}] is a masked array; wanted plain numbers. Give X[{i}].filled(np.nan) with missing='mask', or cut "
            "masked steps off."
        )
    try:
        array = np.asarray(_host(item))
    except ValueError:
        raise ValueError(
            f"X[{i}] has rows of different lengths; wanted an array (n_timesteps, n_features) "
            "with the same features at every time step"
        ) from None
    if array.dtype == object:
        array = _numbers(array, f"X[{i}]")
    if array.dtype.kind not in "fiub":
        _numbers(array, f"X[{i}]")
    if array.ndim not in (1, 2):
        raise ValueError(
            f"X[{i}] has shape {array.shape}; wanted (n_timesteps, n_features), or (n_timesteps,) for one feature"
        )
    return array


def _numbers(values: np.ndarray, where: str = "X") -> np.ndarray:
    """Refuse what is no number, in scikit-learn's types and words."""
    if values.dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported: {where} has dtype {values.dtype}; give real and imaginary parts as two features"
        )
    if values.dtype.kind in "fiub":
        return values
    if values.dtype.kind == "O":
        try:
            return values.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"{where} holds objects that are no numbers: {error}. Encode them as numbers first."
            ) from None
    raise ValueError(
        f"{where} has dtype {values.dtype}; wanted numbers. "
        + (
            "Turn times into differences in a unit, such as seconds."
            if values.dtype.kind in "mM"
            else "Encode text as numbers first."
        )
    )


# -- holding against fit -----------------------------------------------------------------------------------------------


def _sizes(shape: tuple) -> str:
    return f"{shape[0]} sequences x {shape[1]} timesteps x {shape[2]} features"


def describe(sequences: Sequences) -> str:
    """Sizes in words, as in "40 sequences x 12 timesteps x 29 features"."""
    if not len(sequences):
        return "0 sequences"
    low, high = int(sequences.lengths.min()), int(sequences.lengths.max())
    steps = f"{low}" if low == high else f"{low} to {high}"
    return f"{len(sequences)} sequences x {steps} timesteps x {sequences.n_features} features"


def _compare(estimator: Any, sequences: Sequences, kind: Kind) -> None:
    name = type(estimator).__name__
    if estimator._kind == "2-D":
        raise ValueError(
            f"X was read as {kind}, {describe(sequences)}, but {name} was fitted on 2-D X "
            f"(n_samples, {estimator.n_features_in_} timesteps of one feature). "
            f"Give X of shape (n_samples, {estimator.n_features_in_}), or fit on {kind} data."
        )
    wanted = estimator.n_features_in_
    if sequences.n_features != wanted:
        message = (
            f"X has {sequences.n_features} features, but {name} is expecting {wanted} features as input: "
            f"X was read as {describe(sequences)}. "
        )
        if sequences.equal_length == wanted:
            message += "It looks transposed: time comes before features; from_channels_first(X) turns it round."
        else:
            message += f"Give sequences of {wanted} features a time step, as in fit."
        raise ValueError(message)


def _refuse_kind(estimator: Any, data: Any) -> None:
    name = type(estimator).__name__
    shape = np.shape(data)
    reads = "2-D (n_samples, n_timesteps)" if len(shape) == 2 else f"{len(shape)}-D"
    raise ValueError(
        f"X has shape {tuple(shape)}, which reads as {reads}, but {name} was fitted on {estimator._kind} X with "
        f"{estimator.n_features_in_} features. Wanted (n_samples, n_timesteps, {estimator.n_features_in_}) or a list of "
        f"arrays (n_timesteps, {estimator.n_features_in_}); one sequence is {'[X]' if estimator._kind == 'ragged' else 'X[None]'}."
    )


# -- finite numbers ----------------------------------------------------------------------------------------------------


def first_bad(sequences: Sequences, bad: np.ndarray) -> tuple[int, int, int] | None:
    """Sequence, time step and feature of the first marked value, or None.

    Parameters
    ----------
    sequences : Sequences
        The data.
    bad : ndarray of bool, of the shape of ``sequences.values``
        The marks.

    Returns
    -------
    tuple of int, or None
    """
    rows = np.flatnonzero(bad.any(axis=1))
    if not len(rows):
        return None
    # rows between the sequences do not count
    inside = np.searchsorted(rows, sequences.starts) < np.searchsorted(rows, sequences.stops)
    if not inside.any():
        return None
    i = int(inside.argmax())
    row = int(rows[np.searchsorted(rows, sequences.starts[i])])
    return i, row - int(sequences.starts[i]), int(bad[row].argmax())


def refuse_non_finite(
    sequences: Sequences, X: Any, estimator: Any, *, missing: str = "error", kind: Kind = "ragged"
) -> None:
    """Refuse infinity, and NaN unless it is to be masked, by name and position.

    Parameters
    ----------
    sequences : Sequences
        The data as read.
    X : object
        The data as given: tells a true infinity from a number that was too large for the dtype.
    estimator : estimator
        Named in the message.
    missing : {"error", "mask"}
        Whether NaN is refused.
    kind : {"2-D", "3-D", "ragged"}
        How X was given.

    Raises
    ------
    ValueError
        When there is such a value.
    """
    values = sequences.values
    if np.isfinite(values.sum(dtype=np.float64)):
        return
    bad = ~np.isfinite(values) if missing == "error" else np.isinf(values)
    where = first_bad(sequences, bad)
    if where is None:
        return
    i, t, f = where
    value = values[sequences.starts[i] + t, f]
    name = type(estimator).__name__
    column = getattr(estimator, "feature_names_in_", None)
    if kind == "2-D":
        place = f"X[{i}], timestep {t}" + (f" (column {column[t]!r})" if column is not None else "")
    else:
        place = f"X[{i}], timestep {t}, feature {f}"
    if np.isnan(value):
        raise ValueError(
            f"Input X contains NaN: {place}. {name} does not accept missing values as it stands: "
            "fill them (SequenceImputer), drop them, or set missing='mask' on an estimator that has it."
        )
    raise ValueError(
        f"Input X contains infinity or a value too large for dtype('{values.dtype}'): {place}. "
        "Clip or scale the data (OutlierClipper, SequenceScaler)"
        + (", or set dtype='float64'." if values.dtype == np.float32 else ".")
    )
