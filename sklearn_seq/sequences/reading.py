"""Numbers out of what was given, or a refusal in the user's words."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.kinds import host

__all__ = ["cast", "describe", "float_dtype", "read_ragged", "refuse_dtype", "refuse_empty", "told_of_objects"]


def describe(sequences: Sequences) -> str:
    """Sizes in words, as in "40 sequences x 12 timesteps x 29 features"."""
    if not len(sequences):
        return "0 sequences"
    low, high = int(sequences.lengths.min()), int(sequences.lengths.max())
    steps = f"{low}" if low == high else f"{low} to {high}"
    return f"{len(sequences)} sequences x {steps} timesteps x {sequences.n_features} features"


def cast(array: np.ndarray, dtype: Any) -> np.ndarray:
    """The array in another dtype, side by side in memory, copied only where needed."""
    with np.errstate(over="ignore"):  # what does not fit becomes inf, and is refused by name later
        return np.ascontiguousarray(array, dtype=dtype)


def float_dtype(X: Any) -> Any:
    """``float32`` when all that was given is ``float32``, else ``float64``."""
    if isinstance(X, (list, tuple)) or getattr(X, "dtype", None) == np.dtype(object):
        dtypes = [getattr(item, "dtype", None) for item in X]
    elif hasattr(X, "columns"):
        dtypes = list(X.dtypes)
    else:
        dtypes = [getattr(X, "dtype", None)]
    single = all(str(dtype).lower().rpartition(".")[2] == "float32" for dtype in dtypes)
    return np.float32 if single and dtypes else np.float64


def refuse_dtype(X: Any) -> None:
    """What scikit-learn would read as numbers and is none, or refuse by printing all of it."""
    dtype = getattr(X, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind in "cSUmMV":
        _numbers(np.empty(0, dtype=dtype))
    for name, dtype in zip(X.columns, X.dtypes) if hasattr(X, "columns") else ():  # a Series has dtypes too, but one
        if str(dtype).lower().startswith(("date", "time", "duration", "period")):
            raise ValueError(
                f"column {name!r} of X has dtype {dtype}; wanted numbers. "
                "Drop it, or turn times into differences in a unit, such as seconds."
            )


@contextmanager
def told_of_objects() -> Iterator[None]:
    """Say what to do about text among numbers."""
    try:
        yield
    except ValueError as error:
        if not str(error).startswith("could not convert string"):
            raise
        raise ValueError(f"X holds objects that are no numbers: {error}. Encode them as numbers first.") from None


def read_ragged(data: Any, dtype: Any) -> Sequences:
    """Sequences of unequal length as one block of numbers.

    Parameters
    ----------
    data : Sequences or list of array-like
        Of shape ``(n_timesteps_i, n_features)`` each.
    dtype : numpy dtype
        Of the result.

    Returns
    -------
    Sequences
    """
    if isinstance(data, Sequences):
        sequences = data
    else:
        _refuse_other_orders(data)
        sequences = Sequences.from_list([_one(i, item) for i, item in enumerate(data)])
    refuse_empty(sequences)
    values = sequences.values
    if values.dtype.kind not in "fiub" or values.dtype != dtype:
        values = cast(_numbers(values), dtype)
    return sequences.map_values(values)


def refuse_empty(sequences: Sequences) -> None:
    """Refuse no sequences, no features, and sequences without a time step."""
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


def _refuse_other_orders(items: Sequence[Any]) -> None:
    """Refuse frames with the columns of the first in another order, which would be read by position."""
    if not hasattr(items[0], "columns"):
        return
    first = list(items[0].columns)
    for i, item in enumerate(items):
        own = list(getattr(item, "columns", first))
        if own != first and set(own) == set(first):
            raise ValueError(
                f"X[{i}] has the columns {own} and X[0] has {first}; wanted one order in all. Give [frame[list(X[0].columns)] "
                "for frame in X]."
            )


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
        array = np.asarray(host(item))
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
