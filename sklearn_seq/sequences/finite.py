"""Infinity and NaN, refused by position; and what a mask hides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_seq.sequences.stretches import CHUNK

if TYPE_CHECKING:
    from sklearn_seq.sequences.container import Sequences
    from sklearn_seq.sequences.kinds import Kind

__all__ = ["all_finite", "first_bad", "refuse_masked", "refuse_non_finite"]


def all_finite(values: np.ndarray) -> bool:
    """Whether there is neither NaN nor infinity, told by one sum; False also where huge values add up to infinity.

    Parameters
    ----------
    values : ndarray
        The data.

    Returns
    -------
    bool
    """
    with np.errstate(over="ignore", invalid="ignore"):  # both infinities add up to NaN
        return bool(np.isfinite(values.sum(dtype=np.float64)))


def first_bad(sequences: Sequences, is_bad: Callable[[np.ndarray], np.ndarray]) -> tuple[int, int, int] | None:
    """Sequence, time step and feature of the first bad value, or None.

    Parameters
    ----------
    sequences : Sequences
        The data.
    is_bad : callable
        Marks the bad ones among any values, as ``np.isnan`` does.

    Returns
    -------
    tuple of int, or None
    """
    values, step = sequences.values, max(1, CHUNK // max(1, sequences.n_features))
    found = [np.zeros(0, dtype=np.int64)]
    for i in range(0, len(values), step):
        bad = is_bad(values[i : i + step])
        if bad.any():
            found.append(i + np.flatnonzero(bad.any(axis=1)))
    rows = np.concatenate(found)
    if not len(rows):
        return None
    # rows between the sequences do not count
    inside = np.searchsorted(rows, sequences.starts) < np.searchsorted(rows, sequences.stops)
    if not inside.any():
        return None
    i = int(inside.argmax())
    row = int(rows[np.searchsorted(rows, sequences.starts[i])])
    return i, row - int(sequences.starts[i]), int(is_bad(values[row]).argmax())


def _not_finite(values: np.ndarray) -> np.ndarray:
    return ~np.isfinite(values)


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
    if all_finite(values):
        return
    where = first_bad(sequences, _not_finite if missing == "error" else np.isinf)
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
        + (
            ", or set dtype='float64'."
            if values.dtype == np.float32 and "dtype" in estimator.get_params(deep=False)
            else "."
        )
    )


def refuse_masked(values: Any, name: str, advice: str) -> None:
    """Refuse targets some of which a mask hides, which would be read all the same.

    Parameters
    ----------
    values : object
        Such as y.
    name : str
        For messages.
    advice : str
        What to do.
    """
    if np.ma.is_masked(values):
        raise TypeError(f"{name} is a masked array, some values of which are hidden; wanted plain ones. {advice}")
