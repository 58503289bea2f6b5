"""Rows without a target beside rows with one: who learns of both reads them here."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.order import distinct_rows
from sklearn_seq.tasks.base import Reading
from sklearn_seq.training import Part, Plan, Seeds

__all__ = [
    "PartlyLabelled",
    "UnlabelledClassesMixin",
    "UnlabelledMixin",
    "UnlabelledNumbersMixin",
    "rows_without_label",
]


@dataclass(frozen=True)
class PartlyLabelled(Reading):
    """What a fit learns from, its rows with a target, and the rest.

    Attributes
    ----------
    others : Sequences
        Distinct rows without a target, over the same block of values.
    others_weight : ndarray of float64
    """

    others: Sequences
    others_weight: np.ndarray

    def take(self, rows: np.ndarray, weight: np.ndarray | None = None) -> PartlyLabelled:
        """Some of the rows with a target, with other weights where they are given."""
        found = super().take(rows, weight)
        rest = (self.others, self.others_weight)
        return PartlyLabelled(found.data, found.target, found.weight, found.groups, found.valid, *rest)


def rows_without_label(
    estimator: Any, y: Any, used: np.ndarray, *, reset: bool, instead: str, some: bool = True
) -> np.ndarray:
    """Where labels that are numbers are -1, which stands for none, as in scikit-learn's semi-supervised estimators.

    Beside one other label alone, or named among the classes, -1 is a class. The first is told, unless the other is 1: then
    they are signs.

    Parameters
    ----------
    estimator : estimator
        Whose ``classes_`` are settled, where not ``reset``; or ``_given_classes``.
    y : array-like
        As given.
    used : ndarray of int
        Rows that count.
    reset : bool
        Whether classes are found in these rows.
    instead : str
        Who learns without labels, for the message.
    some : bool
        Whether at least one row must have a label, also where not ``reset``.

    Returns
    -------
    ndarray of bool of shape (n_samples,)
    """
    labels = np.asarray(y)
    column = labels.ndim == 1 or (labels.ndim == 2 and labels.shape[1] == 1)
    if labels.dtype.kind not in "if" or not column:
        return np.zeros(len(labels) if labels.ndim else 0, dtype=bool)
    labels = labels.ravel()
    without, given = labels == -1, estimator.__dict__.get("_given_classes")
    if not without[used].any():
        return without
    found = reset and given is None
    classes = np.unique(labels[used]) if found else estimator.classes_ if given is None else given
    if found and len(classes) == 2:
        if classes[1] != 1:
            warnings.warn(
                f"y holds -1 and {classes[classes != -1][0]:g} alone, so -1 is read as a class, not as a row without a label: there would "
                "be nothing to tell apart. If these rows have no label, give some rows of another class; else name the classes otherwise.",
                UserWarning,
                stacklevel=9,
            )
        return np.zeros_like(without)
    if not found and -1 in classes:
        return np.zeros_like(without)
    if without[used].all() and (found or some):
        raise ValueError(
            f"y is -1 in all {len(used)} rows, which stands for rows without a label; wanted some with one. To learn without "
            f"labels, use {instead}."
        )
    return without


class UnlabelledMixin:
    """Reading of rows without a target, for families that learn of them too (``_learn_of_all``)."""

    if TYPE_CHECKING:  # of a task
        _read_validation: Any

    def _without_target(self, target: Any) -> np.ndarray:
        """Which of the targets, as read, are none, (n,) of bool."""
        raise NotImplementedError

    def _read_rows(
        self, X: Any, y: Any, sample_weight: Any, groups: Any, *, reset: bool
    ) -> tuple[Sequences, Any, np.ndarray, np.ndarray | None]:
        """All rows, also those without a target."""
        return super()._read_training(X, y, sample_weight, groups, reset=reset)  # type: ignore[misc]

    def _read_training(
        self, X: Any, y: Any, sample_weight: Any, groups: Any, *, reset: bool
    ) -> tuple[Sequences, Any, np.ndarray, np.ndarray | None]:
        data, target, weight, codes = self._read_rows(X, y, sample_weight, groups, reset=reset)
        known = np.flatnonzero(~self._without_target(target))
        return data[known], target[known], weight[known], None if codes is None else codes[known]

    def _read(
        self, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any, groups: Any, *, reset: bool = True
    ) -> PartlyLabelled:
        """Distinct rows in content order, with a target and without one, and the validation part."""
        data, target, weight, codes = self._read_rows(X, y, sample_weight, groups, reset=reset)
        columns = [np.nan_to_num(target), self._without_target(target)] + ([] if codes is None else [codes])
        rows, weight = distinct_rows(data, weight, *columns)
        data, target, codes = data[rows], target[rows], None if codes is None else codes[rows]
        if not data.overlapping:
            data = data.to_block()
        without = self._without_target(target)
        known, rest = np.flatnonzero(~without), np.flatnonzero(without)
        groups = None if codes is None else codes[known]
        valid = self._read_validation(X_val, y_val)
        return PartlyLabelled(data[known], target[known], weight[known], groups, valid, data[rest], weight[rest])

    def _plan(self, reading: Any, before: dict[str, Any] | None = None) -> Plan:
        self._others = (reading.others, reading.others_weight / reading.weight.mean())
        try:
            return super()._plan(reading, before)  # type: ignore[misc]
        finally:
            del self._others

    def _make_plan(
        self, train: Part, valid: Part | None, seeds: Seeds, n_epochs: int, before: dict[str, Any] | None
    ) -> Plan:
        plan = super()._make_plan(train, valid, seeds, n_epochs, before)  # type: ignore[misc]
        data, weight = train.data, train.weight
        others = self.__dict__.get("_others")
        if others is not None and len(others[0]):
            starts, stops = (
                np.concatenate([getattr(data, end), getattr(others[0], end)]) for end in ("starts", "stops")
            )
            data, weight = data._make(data.values, starts, stops), np.concatenate([weight, others[1]])
        self._learn_of_all(plan, data, weight, whole=others is not None, first=before is None)
        return plan

    def _learn_of_all(self, plan: Plan, data: Sequences, weight: np.ndarray, *, whole: bool, first: bool) -> None:
        """Learn of all rows before the plan is run; ``whole`` is False for ``partial_fit``, ``first`` for a fit that goes on."""
        raise NotImplementedError


class UnlabelledClassesMixin(UnlabelledMixin):
    """Classes, where the number -1 stands for a row without a label, as `rows_without_label` says."""

    def _without_target(self, target: Any) -> np.ndarray:
        return target < 0

    def _read_target(self, y: Any, *, reset: bool, used: np.ndarray | None = None) -> np.ndarray:
        if used is None:
            return super()._read_target(y, reset=reset, used=used)  # type: ignore[misc]
        without = rows_without_label(self, y, used, reset=reset, instead="DBN, or pretrain")
        if not without[used].any():
            return super()._read_target(y, reset=reset, used=used)  # type: ignore[misc]
        target = super()._read_target(y, reset=reset, used=used[~without[used]])  # type: ignore[misc]
        target[without] = -1
        return target

    def _weigh(self, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
        known = target >= 0
        weight = weight.copy()
        weight[known] = super()._weigh(target[known], weight[known])  # type: ignore[misc]
        return weight


class UnlabelledNumbersMixin(UnlabelledMixin):
    """Numbers, where NaN stands for a row without one."""

    def _without_target(self, target: Any) -> np.ndarray:
        return np.isnan(target).any(axis=1)

    def _read_target(self, y: Any, *, reset: bool, used: np.ndarray | None = None) -> np.ndarray:
        given = np.asarray(y)
        if used is None or given.dtype.kind != "f" or given.ndim not in (1, 2) or not given.size:
            return super()._read_target(y, reset=reset, used=used)  # type: ignore[misc]
        missing = np.isnan(given).reshape(len(given), -1)
        without = missing.all(axis=1)
        part = np.flatnonzero(missing.any(axis=1) & ~without)
        if len(part):
            raise ValueError(
                f"Input y contains NaN: y[{part[0]}] has some of its {missing.shape[1]} numbers; wanted all, or none (NaN in all) "
                "for a row without a target. Leave the row out, or fit one model a number."
            )
        if without[used].all():
            raise ValueError(
                f"Input y contains NaN in all {len(used)} rows, which stands for rows without a target; wanted some with one. To "
                "learn without targets, use DBN, or pretrain."
            )
        filled = np.where(np.isnan(given), 0.0, given)
        target = super()._read_target(filled, reset=reset, used=used)  # type: ignore[misc]
        target[without] = np.nan
        return target
