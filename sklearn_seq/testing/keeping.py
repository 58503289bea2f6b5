"""Copies, pickles, parameters changed after fit, and fits that fail."""

import copy
import pickle
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_seq.testing.compare import (
    answers,
    copies_of,
    far_too_fast,
    fresh,
    same_bits,
    same_state,
    snapshot,
    task_of,
)
from sklearn_seq.testing.data import copy_rows, make_problem
from sklearn_seq.testing.registry import ALL, check

__all__: list[str] = []


@check("3-D", "ragged", "table", tasks=ALL)
def check_copies(estimator: Any, kind: Any) -> None:
    """Pickle, joblib and deepcopy, before and after fit: the same answers to the bit."""
    data = make_problem(task_of(estimator), kind)
    model = fresh(estimator)
    unfitted = dict(copies_of(model))
    wanted = answers(model.fit(data.X, data.y), data.X_test)
    nan = task_of(estimator) == "transform"
    for way, copied in unfitted.items():
        if copied.get_params().keys() != model.get_params().keys():
            raise AssertionError(f"{way} of an unfitted estimator has other parameters")
        same_bits(answers(copied.fit(data.X, data.y), data.X_test), wanted, f"{way} before fit", nan=nan)
    for way, copied in copies_of(model):
        same_bits(answers(copied, data.X_test), wanted, f"{way} after fit", nan=nan)
    same_bits(answers(model, data.X_test), wanted, "the estimator itself after it was copied", nan=nan)


@check("3-D", "ragged", "table", tasks=ALL)
def check_clone(estimator: Any, kind: Any) -> None:
    """A clone of a fitted estimator is unfitted, has equal parameters, and learns the same."""
    data = make_problem(task_of(estimator), kind)
    model = fresh(estimator).fit(data.X, data.y)
    cloned = clone(model)
    left = sorted(name for name in vars(cloned) if name.endswith("_") and not name.startswith("__"))
    if left:
        raise AssertionError(f"a clone has the fitted attributes {left}")
    if repr(cloned.get_params()) != repr(model.get_params()):
        raise AssertionError("a clone has other parameters")
    nan = task_of(estimator) == "transform"
    cloned.fit(data.X, data.y)
    same_bits(answers(cloned, data.X_test), answers(model, data.X_test), "a clone, fitted", nan=nan)


# what answers may depend on, or what another value cannot be made up for
_LEFT_ALONE = ("random_state", "device", "n_threads", "callbacks", "optimizer", "verbose")


def _other_values(model: Any) -> dict[str, Any]:
    """Another legal value for as many parameters as possible."""
    constraints = getattr(model, "_parameter_constraints", {})
    others: dict[str, Any] = {}
    for name, value in model.get_params(deep=False).items():
        if name in _LEFT_ALONE:
            continue
        words = [word for rule in constraints.get(name, []) if isinstance(rule, StrOptions) for word in rule.options]
        between = [rule for rule in constraints.get(name, []) if isinstance(rule, Interval)]
        if isinstance(value, bool):
            others[name] = not value
        elif isinstance(value, str) and set(words) - {value}:
            others[name] = min(set(words) - {value})
        elif isinstance(value, int):
            others[name] = value + 1
        elif isinstance(value, float) and between:
            others[name] = value / 2 if value else 0.25
    return others


@check("3-D", "ragged", "table", tasks=ALL)
def check_set_params_after_fit(estimator: Any, kind: Any) -> None:
    """Parameters set after fit change no answer before the next fit, and break no pickle."""
    task = task_of(estimator)
    data = make_problem(task, kind)
    model = fresh(estimator).fit(data.X, data.y)
    others = _other_values(model)

    def says(one: Any) -> list[np.ndarray]:
        return [answers(one, data.X_test), *([one.predict(data.X_test)] if hasattr(one, "predict") else [])]

    wanted = says(model)

    def unmoved(params: dict[str, Any]) -> None:
        changed = copy.deepcopy(model).set_params(**params)
        for way, copied in (("", changed), (" and pickled", pickle.loads(pickle.dumps(changed)))):
            what = f"after set_params({', '.join(f'{name}={value!r}' for name, value in params.items())}){way}"
            for found, was in zip(says(copied), wanted, strict=True):
                same_bits(found, was, what, nan=task == "transform")
            if any(copied.get_params()[name] != value for name, value in params.items()):
                raise AssertionError(f"{what} the parameters are {copied.get_params()}")

    try:
        unmoved(others)
    except Exception:
        for name, value in others.items():  # to name the one that matters
            unmoved({name: value})
        raise


@check("3-D", "ragged")
def check_failed_fit(estimator: Any, kind: Any) -> None:
    """A fit that fails leaves a fitted estimator as it was, and an unfitted one unfitted."""
    task = task_of(estimator)
    data = make_problem(task, kind)
    model = fresh(estimator).fit(data.X, data.y)
    wanted = answers(model, data.X_test)
    broken: Any = copy_rows(data.X)
    broken[2][0, 0] = np.inf
    broken = np.stack(broken) if kind == "3-D" else broken
    params = model.get_params(deep=False)
    failures: dict[str, Any] = {
        "infinity in X": lambda m: m.fit(broken, data.y),
        "y of another length": lambda m: m.fit(data.X, data.y[:-1]),
        "no y": lambda m: m.fit(data.X, None),
        "negative weights": lambda m: m.fit(data.X, data.y, sample_weight=-np.ones(len(data.y))),
        "X_val without y_val": lambda m: m.fit(data.X, data.y, X_val=data.X_test),
        "other columns": lambda m: m.fit(np.zeros((len(data.y), 4)), data.y[:-2]),
    }
    if hasattr(model, "partial_fit"):
        failures["infinity in partial_fit"] = lambda m: m.partial_fit(broken, data.y)
    if {"lr", "gradient_clip", "optimizer"} <= params.keys():
        # fails in the middle of training
        wild = {"lr": far_too_fast(model), "gradient_clip": None, "optimizer": "sgd", "weight_decay": 1.0}
        failures["a loss that is not finite"] = lambda m: m.set_params(**wild).fit(data.X, data.y)
    for what, fail in failures.items():
        kept = {name: params[name] for name in params}
        before = snapshot(model)
        try:
            fail(model)
        except (ValueError, TypeError):
            pass
        else:
            raise AssertionError(f"{what} was not refused")
        model.set_params(**kept)
        same_state(model, before, f"after a fit that failed by {what}")
        same_bits(answers(model, data.X_test), wanted, f"after a fit that failed by {what}")
        new = fresh(estimator)
        attributes = set(vars(new))
        try:
            fail(new)
        except (ValueError, TypeError):
            pass
        if set(vars(new)) != attributes:
            raise AssertionError(f"{what} left {sorted(set(vars(new)) - attributes)} on an unfitted estimator")
