"""What a legal y of one label a step is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.finite import refuse_masked
from sklearn_seq.sequences.kinds import host
from sklearn_seq.sequences.texts import is_missing, refuse_nul

__all__ = ["StepLabels", "UnknownLabelError", "read_step_labels", "refuse_unknown"]

_WANTED = (
    "wanted one label a step: an array (n_samples, n_timesteps), or a list of 1-D arrays, lists or texts (a character a step), "
    "each as long as its sequence"
)
_FRAMES = ("pandas", "polars")
_FILL = "Fill it with a label that is none, such as -1, and name that as ignore_label."


class UnknownLabelError(ValueError):
    """A label that fit has not seen; ``found`` tells it without what to do, which depends on where it was given."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"{found} of the first fit. Name all classes in the first call (partial_fit(classes=...)), or fit afresh."
        )
        self.found = found


def refuse_unknown(labels: np.ndarray, classes: np.ndarray, unseen: np.ndarray, kind: str) -> None:
    """Refuse the labels that the mask ``unseen`` says are not among the classes; ``kind`` is what messages call them."""
    if unseen.any():
        label = labels[unseen].tolist()[0]
        raise UnknownLabelError(f"y contains the {kind} {label!r}, which is not among the classes {classes.tolist()}")


@dataclass(frozen=True)
class StepLabels:
    """Labels of all steps, one sequence behind the other.

    Attributes
    ----------
    values : ndarray of shape (n_steps,)
        Of one kind; anything where there is no label.
    there : ndarray of bool of shape (n_steps,)
        Whether a step has a label.
    lengths : ndarray of int64 of shape (n_samples,)
    text : bool
        Whether each sequence was given as one text.
    """

    values: np.ndarray
    there: np.ndarray
    lengths: np.ndarray
    text: bool

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, steps: np.ndarray) -> "StepLabels":
        """Some of the steps, by a mask; sequences stay."""
        row_of_step = np.repeat(np.arange(len(self)), self.lengths)
        lengths = np.bincount(row_of_step[steps], minlength=len(self))
        return StepLabels(self.values[steps], self.there[steps], lengths, self.text)

    def with_a_step_each(self) -> "tuple[StepLabels, np.ndarray]":
        """A step without a label for each sequence that has no step, and which steps these are.

        A text without characters is read as one unknown character, so that rows stay rows.
        """
        empty = self.lengths == 0
        at = np.cumsum(self.lengths)[empty]
        filler = self.values[0] if len(self.values) else 0
        values, there = np.insert(self.values, at, filler), np.insert(self.there, at, False)
        added = np.insert(np.zeros(len(self.values), dtype=bool), at, True)
        return StepLabels(values, there, np.maximum(self.lengths, 1), self.text), added

    def to_sequences(self, codes: np.ndarray) -> Sequences:
        """Numbers, one a step, as sequences."""
        stops = np.cumsum(self.lengths)
        return Sequences(codes, stops - self.lengths, stops)


def read_step_labels(y: Any, ignore: Any = None, name: str = "y") -> StepLabels:
    """Read any legal y of one label a step.

    Parameters
    ----------
    y : array of shape (n_samples, n_timesteps), frame, Sequences, or list of arrays, lists or texts
        Labels are texts, whole numbers or booleans. None and NaN are no label.
    ignore : label, optional
        Another one that is none.
    name : str
        In messages.

    Returns
    -------
    StepLabels

    Raises
    ------
    ValueError, TypeError
        With what was given and what was wanted.
    """
    rows, lengths, text = _rows(y, name)
    values, there = _labels(rows, name)
    if ignore is not None and there.any():
        if isinstance(ignore, str) != (values.dtype.kind == "U"):
            raise TypeError(
                f"ignore_label={ignore!r} is of type {type(ignore).__name__} and the labels in {name} are not; wanted one of them"
            )
        there &= values != ignore
    return StepLabels(values, there, lengths, text)


def _rows(y: Any, name: str) -> tuple[list[Any], np.ndarray, bool]:
    """One flat thing a sequence, or one for all of them, with the lengths; whether they are texts."""
    y = host(y)
    if type(y).__module__.partition(".")[0] in _FRAMES:
        y = y.to_numpy()
    if isinstance(y, Sequences):
        if y.n_features != 1:
            raise ValueError(f"{name} is {y!r}; {_WANTED}")
        return [y.values[y.rows(), 0]], y.lengths, False
    if isinstance(y, str | bytes) or not hasattr(y, "__len__"):
        raise TypeError(f"{name} is {y!r:.60}; {_WANTED}")
    refuse_masked(y, name, _FILL)
    if isinstance(y, np.ndarray) and y.ndim == 2 and not (y.dtype == object and y.shape[1] == 1 and np.ndim(y[0, 0])):
        return [y.ravel()], np.full(len(y), y.shape[1], dtype=np.int64), False
    rows = list(y.ravel()) if isinstance(y, np.ndarray) and y.dtype == object else list(y)
    texts = [isinstance(row, str) for row in rows]
    if any(texts):
        if not all(texts):
            i = texts.index(False)
            raise TypeError(
                f"{name}[{i}] is of type {type(rows[i]).__name__} and others are texts; wanted one form for all"
            )
        refuse_nul(rows, name)
        joined = np.array(list("".join(rows)), dtype="U1")
        return [joined], np.array([len(row) for row in rows], dtype=np.int64), True
    found = []
    for i, row in enumerate(rows):
        row = host(row)
        one = row[:, 0] if isinstance(row, np.ndarray) and row.ndim == 2 and row.shape[1] == 1 else row
        if isinstance(one, np.ndarray) and one.dtype != object:
            pass
        elif _holds_cells(one):
            cells = list(one)
            one = np.empty(len(cells), dtype=object)
            one[:] = cells
        if np.ndim(one) != 1 or isinstance(row, bytes):
            shape = f"of shape {np.shape(one)}" if np.ndim(one) else f"{row!r:.60}"
            raise ValueError(f"{name}[{i}] is {shape}; {_WANTED}")
        refuse_masked(one, f"{name}[{i}]", _FILL)
        found.append(one)
    return found, np.array([len(row) for row in found], dtype=np.int64), False


def _holds_cells(row: Any) -> bool:
    """Whether it has one entry a step."""
    if isinstance(row, Sequence | np.ndarray):
        return not isinstance(row, bytes)
    return type(row).__module__.partition(".")[0] in _FRAMES


def _labels(rows: list[Any], name: str) -> tuple[np.ndarray, np.ndarray]:
    """All labels as one array of one kind, and which there are."""
    kinds = {row.dtype.kind for row in rows if len(row)}
    if kinds <= {"U"} or kinds <= {"i", "u"} or kinds == {"b"}:
        values = np.concatenate(rows) if rows else np.empty(0, dtype=int)
        if values.dtype.kind != "f":  # numpy makes floats of uint64 beside signed numbers
            return values, np.ones(len(values), dtype=bool)
    elif kinds <= {"f", "i", "u"}:
        values = np.concatenate(rows)
        there = ~np.isnan(values)
        check_classification_targets(values[there])
        return values, there
    cells = np.concatenate([row.astype(object) for row in rows])
    there = np.array([not is_missing(cell) for cell in cells], dtype=bool)
    types = sorted({_type(cell) for cell in cells[there].tolist()})
    if len(types) > 1:
        raise TypeError(
            f"{name} holds labels of different types ({', '.join(types)}); wanted one: give all as str, or all as int"
        )
    if types not in ([], ["str"], ["int"], ["bool"], ["float"]):
        help_ = "Decode them: label.decode()." if types == ["bytes"] else "Give them as str, or number them."
        raise TypeError(
            f"{name} holds labels of type {types[0]}; wanted one label a step, a text, a whole number or a boolean. {help_}"
        )
    filler: Any = {"str": "", "bool": False}.get(types[0] if types else "int", 0)
    cells[~there] = filler
    filled = np.array(cells.tolist())
    if filled.dtype.kind == "f":
        check_classification_targets(filled[there])
    return filled, there


def _type(cell: Any) -> str:
    if isinstance(cell, bool | np.bool_):
        return "bool"
    if isinstance(cell, int | np.integer):
        return "int"
    if isinstance(cell, float | np.floating):
        return "float"
    return "str" if isinstance(cell, str) else type(cell).__name__
