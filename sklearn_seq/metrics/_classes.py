"""What a metric of classes accepts: labels, and the probabilities of all of them."""

from typing import Any

import numpy as np

from sklearn_seq.metrics._reading import first, read_array

__all__ = ["read_classes"]

_PROBABILITIES = [np.float64, np.float32, np.float16]  # kept: rounding and clipping depend on it
_SHOWN = 5


def read_classes(y_true: Any, y_proba: Any, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    """The column of each row's class, (n_samples,), and the probabilities, (n_samples, n_classes)."""
    y = _column(read_array(y_true, "y_true", None), "y_true", "one label a row. Of one-hot rows, give .argmax(axis=1).")
    proba = _read_probabilities(y_proba)
    if len(proba) != len(y):
        raise ValueError(
            f"y_proba has {len(proba)} rows and y_true has {len(y)}; wanted the same rows in both. Give the probabilities "
            "of the rows that y_true has."
        )
    present, codes = _distinct(y, "y_true")
    n_classes = proba.shape[1]
    if labels is None:
        if len(present) != n_classes:
            raise ValueError(
                f"y_true holds {len(present)} classes, {_listed(present)}, and y_proba has probabilities of {n_classes}; "
                "wanted as many. If some do not occur in y_true, give labels=, in the order of the columns of y_proba: "
                "classifier.classes_."
            )
        return codes, proba
    classes = _column(read_array(labels, "labels", None), "labels", "one label a class.").tolist()
    if len(set(classes)) != len(classes):
        raise ValueError(
            f"labels={_listed(classes)} has the same label twice; wanted each once. Give np.unique(labels)."
        )
    if len(classes) != n_classes:
        raise ValueError(
            f"labels={_listed(classes)} has {len(classes)} and y_proba has probabilities of {n_classes} classes; wanted as "
            "many, in the order of the columns of y_proba. Give classifier.classes_."
        )
    column = {label: k for k, label in enumerate(classes)}  # by ==, as 1 is 1.0 but not "1"
    unknown = [label for label in present if label not in column]
    if unknown:
        raise ValueError(
            f"y_true holds {unknown[0]!r}, which is not one of labels={_listed(classes)}. Add it, and its column to "
            "y_proba (zeros, if the classifier does not know it), or leave out those rows."
        )
    return np.array([column[label] for label in present])[codes], proba


def _read_probabilities(y_proba: Any) -> np.ndarray:
    proba = read_array(y_proba, "y_proba", _PROBABILITIES)
    if proba.ndim > 2:
        raise ValueError(
            f"y_proba has shape {proba.shape}; wanted (n_samples, n_classes), or (n_samples,) for the second of two "
            "classes. Score one step of time, or one output, at a time."
        )
    outside = (proba < 0) | (proba > 1)
    if outside.any():
        raise ValueError(
            f"y_proba[{first(outside)}] is {proba[outside][0]:g}; wanted probabilities, from 0 to 1. Give predict_proba(X), "
            "not scores or logarithms."
        )
    if proba.ndim == 1 or proba.shape[1] == 1:
        proba = proba.reshape(-1, 1)
        return np.hstack([1 - proba, proba])
    total = proba.sum(axis=1, dtype=np.float64)
    off = np.abs(total - 1) > max(1e-5, np.sqrt(np.finfo(proba.dtype).eps))
    if off.any():
        raise ValueError(
            f"y_proba[{first(off)}] sums to {total[off][0]:.6g}; wanted probabilities of all classes, whose sum is 1. If they "
            "were rounded, give y_proba / y_proba.sum(axis=1, keepdims=True)."
        )
    return proba


def _column(array: np.ndarray, name: str, wanted: str) -> np.ndarray:
    if array.ndim == 2 and array.shape[1] == 1:
        return array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; wanted one dimension: {wanted}")
    return array


def _distinct(y: np.ndarray, name: str) -> tuple[list, np.ndarray]:
    """Sorted labels as Python objects, and the number of each row's."""
    try:
        present, codes = np.unique(y, return_inverse=True)
    except TypeError:
        types = ", ".join(sorted({type(label).__name__ for label in y}))
        raise TypeError(
            f"{name} holds labels of the types {types}, which cannot be sorted; wanted one type. Turn them into text, or "
            "drop what is missing."
        ) from None
    return present.tolist(), codes


def _listed(labels: list) -> str:
    shown = ", ".join(repr(label) for label in labels[:_SHOWN])
    return f"[{shown}, ...]" if len(labels) > _SHOWN else f"[{shown}]"
