"""Text, where it is read: the same promises as for numbers; where it is not, a refusal in words."""

import copy
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import get_tags

from sklearn_seq.sequences import Sequences
from sklearn_seq.testing.compare import answers, close, fresh, refuses, same_bits, same_state, snapshot, task_of
from sklearn_seq.testing.data import take
from sklearn_seq.testing.registry import PREDICT, check

__all__: list[str] = []

_LETTERS = "ACGT"


@dataclass(frozen=True)
class _Texts:
    X: list[str]
    y: np.ndarray
    X_test: list[str]


def _texts(task: str, n_samples: int = 24) -> _Texts:
    """Strings of four letters, whose sum decides the target: three labels, or a number."""
    rng, n = np.random.default_rng(0), n_samples + 12
    codes = [rng.integers(0, 4, size=length) for length in rng.integers(2, 10, size=n)]
    total = np.array([(own - 1.5).sum() for own in codes])
    y = (total - total.mean()) / total.std()
    if task == "classify":
        rank = np.empty(n, dtype=int)
        rank[np.argsort(total, kind="stable")] = np.arange(n) * 3 // n
        rank[:3] = range(3)
        y = np.array(["a", "b", "c"])[rank]
    every = ["".join(_LETTERS[code] for code in own) for own in codes]
    return _Texts(every[:n_samples], y[:n_samples], every[n_samples:])


@check("text")
def check_text(estimator: Any, kind: Any) -> None:
    """Fit and predict: forms of X, rows alone and in another order, copies, what was learnt about the data."""
    data = _texts(task_of(estimator))
    before = list(data.X)
    model = fresh(estimator).fit(data.X, data.y)
    if data.X != before:
        raise AssertionError("X was changed")
    if model.n_features_in_ != 1 or model.n_timesteps_in_ is not None:
        raise AssertionError(f"n_features_in_ is {model.n_features_in_!r} after a fit on text; wanted 1")
    wanted = answers(model, data.X_test)
    if len(model.predict(data.X_test)) != len(data.X_test) or not np.isfinite(model.score(data.X, data.y)):
        raise AssertionError("predict gives another number of rows, or score is not finite")
    alone = np.concatenate([answers(model, [text]) for text in data.X_test])
    close(alone, wanted, "alone and in a batch")
    close(answers(model, ["ACGT" * 10, *data.X_test])[1:], wanted, "beside a longer text")
    order = np.random.default_rng(1).permutation(len(data.y))
    shuffled = fresh(estimator).fit(np.array(data.X, dtype=object)[order], data.y[order])
    same_bits(answers(shuffled, np.array(data.X_test)), wanted, "an array of text in another order, and a list")
    same_bits(answers(clone(model).fit(tuple(data.X), data.y), data.X_test), wanted, "a clone, fitted on a tuple")
    for way, copied in (("pickle", pickle.loads(pickle.dumps(model))), ("deepcopy", copy.deepcopy(model))):
        same_bits(answers(copied, data.X_test), wanted, f"{way} after fit")


@check("text")
def check_text_weights(estimator: Any, kind: Any) -> None:
    """Weights are copies, and what weighs nothing adds no letter to the vocabulary."""
    data = _texts(task_of(estimator))
    weight = np.random.default_rng(2).integers(1, 4, size=len(data.y))
    weight[-1] = 0
    texts = [*data.X[:-1], "xyz"]
    copies = np.repeat(np.arange(len(weight)), weight)
    wanted = answers(fresh(estimator).fit(take(texts, copies), data.y[copies]), data.X_test)
    found = answers(fresh(estimator).fit(texts, data.y, sample_weight=weight), data.X_test)
    same_bits(found, wanted, "weights 0 to 3 and as many copies")


@check("text")
def check_odd_text(estimator: Any, kind: Any) -> None:
    """Letters never seen, and no letters, are answered; numbers and what is no text are refused, and change nothing."""
    data = _texts(task_of(estimator))
    model = fresh(estimator).fit(["", *data.X[1:]], data.y)
    found = answers(model, ["", "\N{SNOWMAN}", "AA\N{SNOWMAN}"])
    if not np.isfinite(found).all():
        raise AssertionError("answers for an empty text and for letters never seen are not finite")
    same_bits(found[0], found[1], "an empty text, and one unknown letter")
    before = snapshot(model)
    for what, X, words in (
        ("numbers after text", np.zeros((3, 4, 1)), "text"),
        ("a gap among texts", ["AC", None], "X[1] is missing"),
        ("bytes", [b"AC"], "bytes"),
    ):
        with refuses(what, words):
            model.predict(X)
    with refuses("a fit on text with a gap", "missing"):
        model.fit([None, *data.X[1:]], data.y)
    same_state(model, before, "after refusals")
    numbers = fresh(estimator).fit(np.random.default_rng(0).normal(size=(len(data.y), 4, 1)), data.y)
    with refuses("text after numbers", "text"):
        numbers.predict(data.X_test)


@check("3-D", tasks=PREDICT)
def check_text_elsewhere(estimator: Any, kind: Any) -> None:
    """What does not read text says so."""
    if get_tags(estimator).input_tags.string:
        return
    data = _texts(task_of(estimator))
    try:
        fresh(estimator).fit(data.X, data.y)
    except (ValueError, TypeError) as error:
        if "text" not in str(error):
            raise AssertionError(f"text was refused without the word: {error}") from error


@check("text", tasks=("transform",))
def check_text_transform(estimator: Any, kind: Any) -> None:
    """Rows stay rows, whatever stands beside them; forms of X, order in fit, copies; odd texts; refusals."""
    data = _texts("regress")
    model = fresh(estimator).fit(data.X)
    wanted = answers(model, data.X_test)
    found = model.transform(data.X_test)
    if len(found) != len(data.X_test):
        raise AssertionError(f"transform gives {len(found)} rows for {len(data.X_test)}")
    for i, text in enumerate(data.X_test):
        same_bits(model.transform([text])[0], found[i], "alone and in a batch")
    other = fresh(estimator).fit(np.array(data.X[::-1], dtype=object))
    same_bits(answers(other, tuple(data.X_test)), wanted, "another order and form in fit")
    for way, copied in (("pickle", pickle.loads(pickle.dumps(model))), ("a clone", clone(model).fit(data.X))):
        same_bits(answers(copied, data.X_test), wanted, way)
    if isinstance(found, Sequences) and not found.lengths.all():
        raise AssertionError("transform gives sequences without a step")
    before = snapshot(model)
    for what, X in (("a gap among texts", ["AC", None]), ("numbers", np.zeros((3, 4))), ("one str", "ACGT")):
        for method in ("fit", "transform"):
            with refuses(f"{method} of {what}"):
                getattr(model, method)(X)
    same_state(model, before, "after refusals")
