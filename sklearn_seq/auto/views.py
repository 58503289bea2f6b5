"""Plain views of the sequences: their values, their changes, and a kernel of their values.

A view is a dictionary of plain values, so that estimators that keep one can be saved.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.kernel_approximation import Nystroem

from sklearn_seq.sequences import Sequences

__all__ = ["at_one_length", "learn_changes", "learn_kernel", "learn_values", "view_features"]

_MOST_VALUES = 20_000  # numbers a sequence in a plain view; longer ones are read at fewer places
# Deviations of channels, relative to the largest, below which a channel is not blown up further: what hardly varies is
# often noise (the margins of pictures), but units may differ too.
_LEAST_DEVIATION = 0.3
_PAIRS = 1000  # of rows, to find a typical distance


def at_one_length(data: Sequences, length: int) -> np.ndarray:
    """Each sequence read at ``length`` places, evenly from its first to its last step, (n, length, F) of float32."""
    if data.equal_length == length:
        return data.to_block().values.astype(np.float32, copy=False).reshape(len(data), length, -1)
    lengths = data.lengths
    place = np.linspace(0.0, 1.0, length) * (lengths - 1)[:, None]  # (n, length)
    before = np.minimum(place.astype(np.int64), np.maximum(lengths - 2, 0)[:, None])
    share = (place - before)[..., None].astype(np.float32)
    first = data.starts[:, None] + before
    second = np.minimum(first + 1, data.stops[:, None] - 1)
    return ((1.0 - share) * data.values[first] + share * data.values[second]).astype(np.float32)


def learn_values(data: Sequences) -> dict[str, Any]:
    """The values as they stand, sequences brought to the median length."""
    length = min(int(np.median(data.lengths)), _MOST_VALUES // data.n_features)
    return {"view": "values", "length": max(1, length)}


def learn_changes(data: Sequences) -> dict[str, Any]:
    """The changes from step to step."""
    return learn_values(data) | {"view": "changes"}


def learn_kernel(data: Sequences, n_landmarks: int, random: np.random.RandomState) -> dict[str, Any]:
    """Gaussian kernel of the standardised values, as coordinates by landmarks (Nystroem; Williams and Seeger 2001).

    The kernel's width is the median distance of two rows.

    Parameters
    ----------
    data : Sequences
    n_landmarks : int
        At most; where it is the number of rows, the kernel is exact.
    random : RandomState
        Draws landmarks and pairs.
    """
    view = learn_values(data)
    values = at_one_length(data, view["length"]).astype(np.float64)
    deviation = values.std(axis=(0, 1))
    least = _LEAST_DEVIATION * deviation.max()
    factor = 1.0 / np.maximum(deviation, least) if least > 0 else np.ones_like(deviation)
    rows = (values * factor).reshape(len(values), -1)
    one, other = random.randint(len(rows), size=(2, _PAIRS))
    apart = ((rows[one] - rows[other]) ** 2).sum(axis=1)
    width = float(np.median(apart[apart > 0])) if (apart > 0).any() else 1.0
    kernel = Nystroem(gamma=1.0 / width, n_components=min(n_landmarks, len(rows)), random_state=random).fit(rows)
    return view | {
        "view": "kernel",
        "factor": factor.astype(np.float32),
        "gamma": 1.0 / width,
        "landmarks": kernel.components_.astype(np.float32),
        "map": kernel.normalization_.T.astype(np.float32),
    }


def view_features(view: dict[str, Any], data: Sequences) -> np.ndarray:
    """The features of a view, (n, p) of float32."""
    values = at_one_length(data, view["length"])
    n = len(values)
    if view["view"] == "changes" and values.shape[1] > 1:
        return np.diff(values, axis=1).reshape(n, -1)
    if view["view"] != "kernel":
        return values.reshape(n, -1)
    rows = (values * view["factor"]).reshape(n, -1).astype(np.float64)
    landmarks = view["landmarks"].astype(np.float64)
    apart = (rows**2).sum(axis=1)[:, None] + (landmarks**2).sum(axis=1) - 2.0 * rows @ landmarks.T
    similar = np.exp(-view["gamma"] * np.maximum(apart, 0.0))
    return (similar @ view["map"]).astype(np.float32)
