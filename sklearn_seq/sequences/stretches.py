"""Stretches of a table: where they begin and end, whether they share rows, which table they are of."""

import hashlib
from typing import Any

import numpy as np

__all__ = ["indices", "share_rows", "table_identity"]


def table_identity(values: np.ndarray) -> str:
    """A name for a table that its content gives: windows that were cut from equal tables can be held against each other.

    Parameters
    ----------
    values : ndarray
        The table.

    Returns
    -------
    str
    """
    name = hashlib.blake2b(repr((values.shape, values.dtype.str)).encode(), digest_size=16)
    name.update(np.ascontiguousarray(values).tobytes() if values.dtype.hasobject else np.ascontiguousarray(values).data)
    return name.hexdigest()


def share_rows(starts: np.ndarray, stops: np.ndarray) -> bool:
    """Whether two different stretches share rows (one that stands twice does not count)."""
    order = np.lexsort([stops, starts])
    starts, stops = starts[order], stops[order]
    new = np.r_[True, (np.diff(starts) != 0) | (np.diff(stops) != 0)] if len(starts) else np.zeros(0, dtype=bool)
    starts, stops = starts[new], stops[new]
    return bool((starts[1:] < np.maximum.accumulate(stops)[:-1]).any())


def indices(values: Any, name: str) -> np.ndarray:
    """Whole numbers as int64, or a refusal that names them."""
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(f"{name} must be a 1-D array of whole numbers; got shape {array.shape}, dtype {array.dtype}")
    return array.astype(np.int64)
