"""Labels of steps: what holds for one answer a sequence holds for one a step, in the form in which X came."""

from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_seq.testing import answering, chance, keeping, learning  # noqa: F401  (they register checks)
from sklearn_seq.testing.compare import answers, close, fresh, refuses, same_bits
from sklearn_seq.testing.data import make_problem, take
from sklearn_seq.testing.registry import CHECKS, check

__all__: list[str] = []

TAG = ("tag",)

CHECKS += [
    replace(entry, tasks=TAG)
    for entry in list(CHECKS)
    if "regress" in entry.tasks and not {"text", "table"} >= set(entry.kinds)
]


@check("2-D", "3-D", "ragged", "Sequences", "cells", tasks=TAG)
def check_labels_of_steps(estimator: Any, kind: Any) -> None:
    """One known label a step, and probabilities that sum to one, both as arrays of the form of X; what score says."""
    data = make_problem("tag", kind)
    model = fresh(estimator).fit(data.X, data.y)
    said, proba = model.predict(data.X_test), model.predict_proba(data.X_test)
    rectangular = kind in ("2-D", "3-D")
    wanted = (12, 6) if rectangular else (12,)
    if said.shape != wanted or proba.shape != (*wanted, *((len(model.classes_),) if rectangular else ())):
        raise AssertionError(
            f"predict gives {said.shape} and predict_proba {proba.shape} for {kind} X; wanted {wanted} steps"
        )
    right = steps = 0
    for labels, chances, truth in zip(said, proba, data.y_test, strict=True):
        if labels.shape != truth.shape or not set(labels) <= set(model.classes_):
            raise AssertionError(f"predict gives labels {labels!r} for a sequence of {len(truth)} steps")
        close(chances.sum(axis=1), np.ones(len(truth)), "sums of probabilities at each step")
        right, steps = right + int((labels == truth).sum()), steps + len(truth)
    close(model.score(data.X_test, data.y_test), right / steps, "score and the share of steps that are right")
    weight = np.arange(12.0)
    few = np.flatnonzero(weight > 9)
    only = np.where(weight > 9, 2.0, 0.0)
    close(
        model.score(data.X_test, data.y_test, sample_weight=only),
        model.score(take(data.X_test, few), take(data.y_test, few)),
        "score by weights and of rows alone",
    )


@check("3-D", "ragged", tasks=TAG)
def check_forms_of_labels(estimator: Any, kind: Any) -> None:
    """Lists, arrays, cells and texts of the same labels are the same; texts are answered by texts."""
    data = make_problem("tag", kind)
    short = [[label[0] for label in row] for row in data.y]
    wanted = fresh(estimator).fit(data.X, short)
    forms: dict[str, Any] = {
        "arrays": [np.array(row) for row in short],
        "arrays of objects": [np.array(row, dtype=object) for row in short],
        "texts": ["".join(row) for row in short],
        "an array of texts": np.array(["".join(row) for row in short]),
    }
    for form, y in forms.items():
        model = fresh(estimator).fit(data.X, y)
        same_bits(answers(model, data.X_test), answers(wanted, data.X_test), f"labels as lists and as {form}")
        if "texts" in form:
            texts = ["".join(row) for row in wanted.predict(data.X_test)]
            same_bits(model.predict(data.X_test), np.array(texts, dtype=object), f"predictions after a fit on {form}")
    codes = [np.array(["dfu".index(label) for label in row]) for row in short]
    numbers = fresh(estimator).fit(data.X, codes)
    same_bits(
        answers(numbers, data.X_test), answers(wanted, data.X_test), "labels as texts and as numbers in their order"
    )


@check("3-D", "ragged", tasks=TAG)
def check_steps_without_a_label(estimator: Any, kind: Any) -> None:
    """None, NaN and ignore_label are no label: not in fit, not in score; what stands there does not matter."""
    data = make_problem("tag", kind)
    rng = np.random.default_rng(3)
    codes = [np.array(["dfu".index(label[0]) for label in row], dtype=float) for row in data.y]
    gone = [rng.random(len(row)) < 0.3 for row in codes]
    for row in gone:
        row[0] = False
    none = [
        [None if out else int(code) for out, code in zip(*both, strict=True)] for both in zip(gone, codes, strict=True)
    ]
    model = fresh(estimator).fit(data.X, none)
    if model.classes_.tolist() != [0, 1, 2]:
        raise AssertionError(f"classes_ is {model.classes_!r} after a fit on 0, 1, 2 and None")
    nan = [np.where(hole, np.nan, row) for hole, row in zip(gone, codes, strict=True)]
    same_bits(answers(fresh(estimator).fit(data.X, nan), data.X_test), answers(model, data.X_test), "NaN and None")
    marked = [np.where(hole, -1, row).astype(int) for hole, row in zip(gone, codes, strict=True)]
    other = fresh(estimator, ignore_label=-1).fit(data.X, marked)
    same_bits(answers(other, data.X_test), answers(model, data.X_test), "ignore_label and None")
    close(other.score(data.X, marked), model.score(data.X, none), "score with ignore_label and with None")
    same = [p == row for p, row in zip(model.predict(data.X), codes, strict=True)]
    there = ~np.concatenate(gone)
    close(
        model.score(data.X, none),
        np.concatenate(same)[there].mean(),
        "score and the share of labelled steps that are right",
    )
    with refuses("no label at all", "label"):
        fresh(estimator).fit(data.X, [np.full(len(row), np.nan) for row in codes])


@check("3-D", "ragged", tasks=TAG)
def check_labels_that_do_not_fit(estimator: Any, kind: Any) -> None:
    """One label a sequence, a label too few, labels of two types, and labels that come too late are refused."""
    data = make_problem("tag", kind)
    model = fresh(estimator)
    with refuses("one label a sequence", "y[0]", "label a step"):
        model.fit(data.X, np.arange(len(data.y)))
    short = [list(row) for row in data.y]
    short[4].append("up")
    with refuses("a label too many", "y[4]", "X[4]", "timesteps"):
        model.fit(data.X, short)
    mixed = [list(row) for row in data.y]
    mixed[4][0] = 7
    with refuses("labels of two types", "types", "int", "str"):
        model.fit(data.X, mixed)
    late = [list(row) for row in data.y_test]
    late[2][1] = "never"
    with refuses("an unknown label in y_val", "never", "y_val"):
        model.fit(data.X, data.y, X_val=data.X_test, y_val=late)
    if not fresh(estimator).fit(data.X, data.y).score(data.X_test, late) < 1:
        raise AssertionError("a label that fit has not seen is no error in score")
