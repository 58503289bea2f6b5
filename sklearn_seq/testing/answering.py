"""Answers: for every kind of data, whatever stands beside a sequence, and never nonsense."""

import itertools
from typing import Any

import numpy as np
from sklearn.utils import get_tags
from sklearn.utils._param_validation import StrOptions

from sklearn_seq.sequences import Sequences
from sklearn_seq.testing.compare import answers, close, fresh, refuses, same_bits, task_of
from sklearn_seq.testing.data import copy_rows, make_problem, take
from sklearn_seq.testing.registry import PREDICT, check

__all__: list[str] = []


@check("2-D", "3-D", "ragged", "Sequences", "cells")
def check_kind(estimator: Any, kind: Any) -> None:
    """Fit, predict and score; what was learnt about the data; one row; data are read-only and stay as they are."""
    task = task_of(estimator)
    data = make_problem(task, kind)
    before = copy_rows(data.X)
    for row in [data.X] if isinstance(data.X, np.ndarray) and kind != "cells" else data.X:
        row.flags.writeable = False
    model = fresh(estimator)
    if model.fit(data.X, data.y) is not model:
        raise AssertionError("fit does not return the estimator itself")
    wanted = {"n_features_in_": 6 if kind == "2-D" else 2, "n_timesteps_in_": 6 if kind in ("2-D", "3-D") else None}
    for name, value in wanted.items():
        if getattr(model, name) != value:
            raise AssertionError(f"{name} is {getattr(model, name)!r} after a fit on {kind} data; wanted {value!r}")
    found = model.predict(data.X_test)
    if not isinstance(found, np.ndarray) or found.shape != data.y_test.shape:
        raise AssertionError(
            f"predict gives {type(found).__name__} of shape {np.shape(found)}, not {data.y_test.shape}"
        )
    if task == "classify" and not set(found) <= set(model.classes_):
        raise AssertionError("predict gives labels that are not among classes_")
    if task == "regress" and not np.isfinite(found).all():
        raise AssertionError("predict gives numbers that are not finite")
    if not np.isfinite(model.score(data.X_test, data.y_test)):
        raise AssertionError("score is not finite")
    close(answers(model, take(data.X_test, [3])), answers(model, data.X_test)[[3]], "one row alone")
    for row, was in zip(data.X, before, strict=True):
        same_bits(row, was, "X after fit and predict")


@check("3-D", "table", tasks=(*PREDICT, "forecast"))
def check_repeated_call(estimator: Any, kind: Any) -> None:
    """The same call twice gives the same bits."""
    data = make_problem(task_of(estimator), kind)
    model = fresh(estimator).fit(data.X, data.y)
    same_bits(answers(model, data.X_test), answers(model, data.X_test), "the same call twice")


@check("ragged")
def check_form_of_ragged_data(estimator: Any, kind: Any) -> None:
    """A list, an object array and `Sequences` of the same data are the same data."""
    task = task_of(estimator)
    data = make_problem(task, kind)
    model = fresh(estimator).fit(data.X, data.y)
    wanted = answers(model, data.X_test)
    shared = Sequences.from_list(data.X[::-1])[::-1]  # the same sequences, in another order in memory
    for form, X in (
        ("Sequences", make_problem(task, "Sequences").X),
        ("cells", make_problem(task, "cells").X),
        ("Sequences in another order in memory", shared),
        ("tuple", tuple(data.X)),
    ):
        same_bits(answers(fresh(estimator).fit(X, data.y), data.X_test), wanted, f"fit on a list and on {form}")
    for form in ("Sequences", "cells"):
        X_test = make_problem(task, form).X_test  # type: ignore[arg-type]
        same_bits(answers(model, X_test), wanted, f"predictions for a list and for {form}")


def _variants(estimator: Any) -> list[dict[str, Any]]:
    """Both directions and every pooling, where there is a choice."""
    params, choices = estimator.get_params(deep=False), {}
    if "bidirectional" in params:
        choices["bidirectional"] = [False, True]
    for option in getattr(estimator, "_parameter_constraints", {}).get("pooling", []):
        if isinstance(option, StrOptions):
            choices["pooling"] = sorted(option.options)
    return [dict(zip(choices, values)) for values in itertools.product(*choices.values())]


@check("ragged")
def check_padding_and_mates(estimator: Any, kind: Any) -> None:
    """A sequence alone, among longer ones, permuted or split: the same answer, both ways and for every pooling.

    Who has a unit a step may refuse sequences longer than those in fit, in words; then mates are as long as these.
    """
    task = task_of(estimator)
    data = make_problem(task, kind)
    rng = np.random.default_rng(1)
    longer = [rng.normal(size=(length, 2)) for length in (40, 23, 1)]
    order = rng.permutation(len(data.X_test))
    variants = _variants(estimator)
    sizes = {"n_layers": 2} if len(variants) > 1 else {}
    for variant in variants:
        model = fresh(estimator, **variant, **sizes).fit(data.X, data.y)
        wanted = answers(model, data.X_test)
        named = f" with {variant}" if variant else ""
        longer = _as_long_as_read(model, longer, max(map(len, data.X)))
        alone = np.concatenate([answers(model, [sequence]) for sequence in data.X_test])
        close(alone, wanted, f"alone and in a batch{named}")
        close(answers(model, [*longer, *data.X_test])[len(longer) :], wanted, f"among longer sequences{named}")
        close(answers(model, take(data.X_test, order)), wanted[order], f"permuted{named}")
        halves = [answers(model, data.X_test[:5]), answers(model, data.X_test[5:])]
        close(np.concatenate(halves), wanted, f"split into two batches{named}")
        close(answers(model, data.X_test * 20)[-len(wanted) :], wanted, f"as the last of many batches{named}")


def _as_long_as_read(model: Any, sequences: list[np.ndarray], longest: int) -> list[np.ndarray]:
    """The sequences, cut to the longest in fit where the model says that it reads no longer ones."""
    try:
        model.predict(sequences)
    except ValueError as error:
        if f"was fitted on sequences of {longest} timesteps at most" not in str(error):
            raise
        return [sequence[:longest] for sequence in sequences]
    return sequences


@check("3-D", "ragged", tasks=("classify",))
def check_probabilities(estimator: Any, kind: Any) -> None:
    """Rows sum to one, logits are in decision_function where there is one, and all answers are of one mind."""
    for n_classes in (2, 3):
        data = make_problem("classify", kind, n_classes=n_classes)
        model = fresh(estimator).fit(data.X, data.y)
        proba = model.predict_proba(data.X_test)
        n = len(data.y_test)
        if proba.shape != (n, n_classes) or not ((proba >= 0) & (proba <= 1)).all():
            raise AssertionError(f"predict_proba has shape {proba.shape}, or values outside 0 to 1")
        close(proba.sum(axis=1), np.ones(n), "sums of probabilities")
        close(np.exp(model.predict_log_proba(data.X_test)), proba, "predict_log_proba")
        same_bits(model.predict(data.X_test), model.classes_[proba.argmax(axis=1)], "predict and predict_proba")
        if not hasattr(model, "decision_function"):  # a mean of probabilities has no logits
            continue
        logits = model.decision_function(data.X_test)
        if n_classes == 2:
            if logits.shape != (n,):
                raise AssertionError(f"decision_function has shape {logits.shape} for two classes; wanted {(n,)}")
            close(1 / (1 + np.exp(-logits)), proba[:, 1], "the logistic of decision_function")
        else:
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            close(powers / powers.sum(axis=1, keepdims=True), proba, "the softmax of decision_function")


@check("2-D", "3-D", "ragged", tasks=("classify", "regress", "transform"))
def check_other_data_refused(estimator: Any, kind: Any) -> None:
    """Another number of features, another kind of data, and bad numbers, are refused where fit has seen better."""
    data = make_problem(task_of(estimator), kind)
    model = fresh(estimator).fit(data.X, data.y)
    for method in ("predict", "predict_proba", "decision_function", "transform"):
        if not hasattr(model, method):
            continue
        call = getattr(model, method)
        if kind == "2-D":
            with refuses(f"{method} of 2-D data with another number of columns", "features"):
                call(data.X_test[:, :-1])
            with refuses(f"{method} of 3-D data after 2-D"):
                call(data.X_test[:, :, None])
        else:
            wider = [np.concatenate([sequence] * 2, axis=1) for sequence in data.X_test]
            with refuses(f"{method} of sequences with another number of features", "features"):
                call(np.stack(wider) if kind == "3-D" else wider)
            with refuses(f"{method} of 2-D data after {kind}"):
                call(np.zeros((5, 2)))
        broken = copy_rows(data.X_test)
        broken[1][...] = np.inf
        with refuses(f"{method} of infinity", "infinity"):
            call(broken if kind == "ragged" else np.stack(broken))
        broken[1][...] = np.nan
        if not get_tags(model).input_tags.allow_nan and model.get_params().get("missing") != "mask":
            with refuses(f"{method} of NaN", "NaN"):
                call(broken if kind == "ragged" else np.stack(broken))
