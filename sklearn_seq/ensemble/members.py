"""The members of an ensemble: made, trained (as one where that is possible), and held against each other."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_consistent_length, has_fit_parameter

from sklearn_seq.model_selection.holdout import hold_out
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.weights import read_groups, read_weight
from sklearn_seq.tasks.base import Reading, TaskMixin
from sklearn_seq.training import Plan, run
from sklearn_seq.training.batches import Batch
from sklearn_seq.training.joint import joint_training

__all__ = ["AdversarialStep", "HeldOut", "Training", "make_members", "train"]

_LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class AdversarialStep:
    """Trains on each batch and on the same one moved by a small step in the direction of the steepest loss.

    The fast gradient sign method (Goodfellow et al. 2015), as in Lakshminarayanan et al. (2017). A plan's ``step``.

    Attributes
    ----------
    size : float
        In standard deviations of each feature; in its own units where features are not standardised.
    """

    size: float

    def __call__(self, trainer: Any, batch: Batch) -> torch.Tensor:
        """Mean of the two losses, (R,)."""
        x = batch.x.detach().requires_grad_()
        loss, (by_x,) = trainer.pass_back(batch._replace(x=x), (x,), factor=0.5)
        factor = trainer.module.scaling.factor  # one over the deviation, (F,) or (R, F)
        step = by_x.nan_to_num().sign() * (self.size / (factor[:, None, None] if factor.ndim == 2 else factor))
        moved, _ = trainer.pass_back(batch._replace(x=batch.x + step), add=True, factor=0.5)
        return loss + moved


@dataclass(frozen=True)
class Training:
    """How the members are trained, beside their own parameters.

    Attributes
    ----------
    bootstrap : bool
    adversarial : float
    n_snapshots : int
    average_weights : float or None
    calibration_fraction : float or None
    n_jobs : int or None
    """

    bootstrap: bool
    adversarial: float
    n_snapshots: int
    average_weights: float | None
    calibration_fraction: float | None
    n_jobs: int | None


@dataclass(frozen=True)
class HeldOut:
    """Rows that no member was trained on.

    Attributes
    ----------
    X : object
        As members take it.
    y, weight : ndarray
        Targets as given, and how many rows each stands for.
    is_read : bool
        Whether X is what networks read, past their gate.
    """

    X: Any
    y: np.ndarray
    weight: np.ndarray
    is_read: bool = False


def make_members(given: Sequence[Any], random_state: np.random.RandomState) -> list[Any]:
    """Unfitted copies of estimators, or of pairs of a name and one, each with a seed of its own wherever it takes one."""
    members = []
    for entry in given:
        if isinstance(entry, tuple) and len(entry) == 2:
            entry = entry[1]
        if isinstance(entry, type) or not hasattr(entry, "get_params"):
            raise TypeError(
                f"a member is {entry!r:.80}; wanted an instance of an estimator, such as GRUClassifier(), or in estimators a "
                "pair of a name and an instance"
            )
        member = clone(entry)
        seeds = {
            name: int(random_state.randint(_LARGEST_SEED))
            for name in sorted(member.get_params(deep=True))
            if name == "random_state" or name.endswith("__random_state")
        }
        members.append(member.set_params(**seeds))
    return members


def train(
    members: list[Any],
    data: dict[str, Any],
    how: Training,
    random_state: np.random.RandomState,
    stratified: bool,
) -> tuple[list[Any], HeldOut | None]:
    """Fit the members.

    Parameters
    ----------
    members : list of estimators
        Unfitted.
    data : dict
        X, y, sample_weight, X_val, y_val, groups, as given to ``fit``.
    how : Training
    random_state : RandomState
        Decides what is held out and drawn.
    stratified : bool
        Whether what is held out has each class in proportion.

    Returns
    -------
    fitted : list of estimators
        With snapshots, several of each.
    held_out : HeldOut or None
    """
    if how.n_snapshots > 1 and how.average_weights is not None:
        raise ValueError(
            f"n_snapshots={how.n_snapshots} keeps several networks of a training, and average_weights one mean of them; give one "
            "of both"
        )
    if all(isinstance(member, TaskMixin) for member in members):
        return _train_ours(members, data, how, random_state, stratified)
    _refuse_for_others(members, data, how)
    return _train_any(members, data, how, random_state, stratified)


# -- our own: read once, trained as one --------------------------------------------------------------------------------


def _train_ours(
    members: list[TaskMixin], data: dict[str, Any], how: Training, random_state: np.random.RandomState, stratified: bool
) -> tuple[list[Any], HeldOut | None]:
    readings: list[Reading] = []
    held_out = None
    for i, member in enumerate(members):
        twin = next((j for j in range(i) if _read_alike(members[j], member)), None)
        member.warm_start = False  # type: ignore[attr-defined]  # it begins here, and keeps no optimiser to go on with
        member._begin()
        if twin is not None:
            readings.append(readings[twin])
            params = member.get_params(deep=False)  # type: ignore[attr-defined]
            learnt = {name: value for name, value in members[twin].__dict__.items() if name not in params}
            member.__dict__.update(copy.deepcopy(learnt))
        else:
            readings.append(member._read(**data))
    if how.adversarial and any(member._n_tokens is not None for member in members):
        raise ValueError(
            f"adversarial={how.adversarial} moves numbers a little, but X holds text or tokens, which are names; set adversarial=0"
        )
    if how.calibration_fraction is not None:
        one = readings[0]
        if not all(_same_rows(reading, one) for reading in readings):
            raise ValueError(
                "calibration_fraction needs members that read X alike, so that all leave the same rows out; these differ in "
                "dtype or missing. Give all the same."
            )
        share: float = how.calibration_fraction
        with _refusing(one.data, share, one.groups):
            kept, out = members[0]._hold_out(one, share, random_state)
        target: np.ndarray = one.target[out]
        y = members[0].classes_[target] if stratified else target  # type: ignore[attr-defined]
        held_out = HeldOut(one.data[out], y, one.weight[out], is_read=True)
        parts = {id(reading): reading.take(kept) for reading in readings}
        readings = [parts[id(reading)] for reading in readings]
    plans = [_plan(member, reading, how, random_state) for member, reading in zip(members, readings, strict=True)]
    fitted: list[Any] = []
    for member, reading, result in zip(members, readings, run(plans, how.n_jobs), strict=True):
        member._end(reading, result)
        n_epochs = len(result.history) // how.n_snapshots
        snapshots = [_at_epoch(member, n_epochs * i, weights) for i, weights in enumerate(result.snapshots, 1)]
        fitted += snapshots or [member]
    return fitted, held_out


def _read_alike(one: TaskMixin, other: TaskMixin) -> bool:
    """Whether two members make the same of X and y."""
    if type(one) is not type(other):
        return False
    mine, theirs = one.get_params(deep=False), other.get_params(deep=False)  # type: ignore[attr-defined]
    return all(mine[name] is theirs[name] or mine[name] == theirs[name] for name in mine if name != "random_state")


def _same_rows(one: Reading, other: Reading) -> bool:
    """Whether two readings have the same rows in the same order."""
    if one is other:
        return True
    pairs = [(one.data.starts, other.data.starts), (one.data.stops, other.data.stops), (one.target, other.target)]
    return all(np.array_equal(a, b) for a, b in pairs) and np.array_equal(
        one.data.values, other.data.values, equal_nan=True
    )


@contextmanager
def _refusing(data: Sequences, fraction: float, groups: np.ndarray | None) -> Iterator[None]:
    """Say of rows of which none can be held out what the ensemble was asked for."""
    try:
        yield
    except ValueError as error:
        among = "" if groups is None else f" in {len(np.unique(groups))} groups"
        raise ValueError(
            f"calibration_fraction={fraction} of {len(data)} {'overlapping windows' if data.overlapping else 'distinct rows'}"
            f"{among} leaves none to train on, or none to hold out. Give more, another fraction, or "
            "calibration_fraction=None."
        ) from error


def _plan(member: TaskMixin, reading: Reading, how: Training, random_state: np.random.RandomState) -> Plan:
    if how.bootstrap:
        # as many draws as there are distinct rows, each by its weight: so three copies are weight three, to the bit
        counts = random_state.multinomial(len(reading.data), reading.weight / reading.weight.sum())
        rows = np.flatnonzero(counts)
        reading = reading.take(rows, counts.astype(float))
    plan = member._plan(reading)
    n_epochs = plan.n_epochs
    if how.n_snapshots > n_epochs:
        raise ValueError(
            f"n_snapshots={how.n_snapshots} of {n_epochs} epochs; wanted at most one an epoch. Raise max_epochs."
        )
    settings: Any = member
    if settings.early_stopping and (how.n_snapshots > 1 or how.average_weights is not None):
        raise ValueError(
            "n_snapshots and average_weights say which epochs count, and so does early_stopping=True of the members; "
            "set early_stopping=False"
        )
    plan.n_epochs -= n_epochs % how.n_snapshots  # cycles are equally long
    plan.n_cycles, plan.average_from = how.n_snapshots, how.average_weights
    if how.adversarial:
        if plan.step is not None:
            raise ValueError(
                f"adversarial={how.adversarial} and {type(member).__name__} each say what a step of training is; set adversarial=0"
            )
        plan.step = AdversarialStep(how.adversarial)
    return plan


def _at_epoch(member: Any, epoch: int, weights: dict[str, np.ndarray]) -> Any:
    """The member with the weights that it had after an epoch."""
    earlier = copy.deepcopy(member)  # without the network
    earlier._weights, earlier.best_epoch_ = weights, epoch
    return earlier


# -- any estimator -----------------------------------------------------------------------------------------------------


def _refuse_for_others(members: list[Any], data: dict[str, Any], how: Training) -> None:
    other = next(member for member in members if not isinstance(member, TaskMixin))
    name = type(other).__name__
    asked = {
        "adversarial": how.adversarial > 0,
        "n_snapshots": how.n_snapshots > 1,
        "average_weights": how.average_weights is not None,
    }
    for parameter, given in asked.items():
        if given:
            raise ValueError(
                f"{parameter} works on networks of this package; {name} is none. Leave {parameter} out, or give other members."
            )
    for argument in ("X_val", "y_val"):
        if data[argument] is not None:
            raise ValueError(
                f"{argument} works on networks of this package; {name} is none. Leave {argument} out, or give other members."
            )
    if data["sample_weight"] is not None:
        for member in members:
            if not has_fit_parameter(member, "sample_weight"):
                raise ValueError(
                    f"sample_weight was given, but {type(member).__name__}.fit does not take it. Leave it out, or give other "
                    "members."
                )


def _train_any(
    members: list[Any], data: dict[str, Any], how: Training, random_state: np.random.RandomState, stratified: bool
) -> tuple[list[Any], HeldOut | None]:
    X, y = data["X"], np.asarray(data["y"])
    check_consistent_length(X, y)
    n = len(y)
    weight = None if data["sample_weight"] is None else read_weight(data["sample_weight"], n)
    groups, rows = read_groups(data["groups"], n), np.arange(n)
    held_out = None
    if how.calibration_fraction is not None:
        # which rows these are does not depend on what is in them, unless they are windows that overlap
        data_to_split = X if isinstance(X, Sequences) else Sequences(np.zeros((n, 1)), rows, rows + 1)
        share, labels = how.calibration_fraction, y if stratified else None
        with _refusing(data_to_split, share, groups):
            rows, out = hold_out(data_to_split, share, random_state=random_state, labels=labels, groups=groups)
        weights_out = np.ones(len(out)) if weight is None else weight[out]
        held_out = HeldOut(_rows_of(X, out, n), y[out], weights_out)
    drawn = [rows[random_state.randint(len(rows), size=len(rows))] if how.bootstrap else rows for _ in members]
    calls = [
        delayed(_fit_one)(member, _rows_of(X, own, n), y[own], None if weight is None else weight[own])
        for member, own in zip(members, drawn, strict=True)
    ]
    if effective_n_jobs(how.n_jobs) > 1:
        return list(Parallel(n_jobs=how.n_jobs)(calls)), held_out
    with joint_training(max_fits=len(members)):  # networks inside pipelines are trained as one
        return list(Parallel()(calls)), held_out


def _rows_of(X: Any, rows: np.ndarray, n: int) -> Any:
    if len(rows) == n and (rows == np.arange(n)).all():
        return X
    return X[rows] if isinstance(X, Sequences) else _safe_indexing(X, rows)


def _fit_one(member: Any, X: Any, y: np.ndarray, weight: np.ndarray | None) -> Any:
    return member.fit(X, y) if weight is None else member.fit(X, y, sample_weight=weight)
