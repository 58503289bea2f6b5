"""What holds for language models and translators alike: what they learn from and write, for texts and for ids."""

import copy
import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from sklearn_seq.sequences import Sequences
from sklearn_seq.testing.chance import Idle
from sklearn_seq.testing.compare import (
    close,
    copies_of,
    far_too_fast,
    fresh,
    refuses,
    refuses_unfitted,
    same_bits,
    same_state,
    snapshot,
    task_of,
)
from sklearn_seq.testing.registry import check

__all__ = [
    "GENERATE",
    "TRANSLATE",
    "Written",
    "answers",
    "for_texts_and_ids",
    "problem_of",
    "same_answers",
    "texts_by_length",
    "written",
]

GENERATE, TRANSLATE = ("generate",), ("translate",)
_BOTH = (*GENERATE, *TRANSLATE)

_TEXTS = ["abab", "ab", "", "babab", "a", "bbaab", "abba", "baba", "aa", "b"]
_TEST = ["bab", "", "a" * 9, "abba"]


@dataclass(frozen=True)
class Written:
    """What is learnt from, and what is asked: ``(X,)`` of language models, ``(X, y)`` of translators."""

    fit: tuple[list[Any], ...]
    test: tuple[list[Any], ...]

    def map(self, change: Callable[[list[Any]], Any]) -> tuple[Any, ...]:
        """What is learnt from, each side of it changed."""
        return tuple(change(side) for side in self.fit)


def problem_of(task: str, form: str) -> Written:
    """Texts of two letters, or ids; to be translated they become their letters from the end to the beginning, as "x" and "y"."""
    sides = [[_TEXTS], [_TEST]]
    if task == "translate":
        sides = [[texts, [_turned(text) for text in texts]] for (texts,) in sides]
    if form == "ids":
        sides = [[[_ids(text) for text in texts] for texts in part] for part in sides]  # type: ignore[misc]
    fit, test = (tuple(list(side) for side in part) for part in sides)
    return Written(fit, test)


def _turned(text: str) -> str:
    return text[::-1].replace("a", "x").replace("b", "y")


def _ids(text: str) -> np.ndarray:
    return np.array(["abxy".index(c) % 2 for c in text], dtype=np.int64)


def for_texts_and_ids(tasks: tuple[str, ...] = _BOTH) -> Callable[[Any], Any]:
    """Register a check ``function(estimator, problem, form)``, which is run for texts and for ids."""

    def register(function: Any) -> Any:
        @functools.wraps(function)
        def both(estimator: Any, kind: Any) -> None:
            for form in ("text", "ids"):
                function(estimator, problem_of(task_of(estimator), form), form)

        return check("text", tasks=tasks)(both)

    return register


def _of_numpy() -> bytes:
    """Where numpy's global generator stands."""
    _, keys, position, *_ = np.random.get_state()  # noqa: NPY002
    return np.asarray(keys).tobytes() + str(position).encode()


def written(model: Any, X: Any) -> list[Any]:
    """What a translator answers, or how a language model goes on, by chance and without; arrays as lists."""
    if task_of(model) == "translate":
        found = [model.predict(X)]
    else:
        found = [model.generate(X, max_length=6, **options) for options in ({"random_state": 0}, {"temperature": 0})]
    return [text if isinstance(text, str) else text.tolist() for texts in found for text in texts]


def answers(model: Any, problem: Written) -> tuple[np.ndarray, list[Any]]:
    """Log-likelihoods, and what is written."""
    return model.score_samples(*problem.test), written(model, problem.test[0])


def same_answers(model: Any, wanted: tuple[np.ndarray, list[Any]], problem: Written, what: str) -> None:
    """Fail unless both are the same, log-likelihoods to the bit."""
    same_bits(model.score_samples(*problem.test), wanted[0], what)
    if written(model, problem.test[0]) != wanted[1]:
        raise AssertionError(f"{what}: writes something else")


def texts_by_length(form: str, letters: str) -> Iterator[list[Any]]:
    """All texts of two letters, or ids, without a token, then those of one token, up to five."""
    for n in range(6):
        texts = ["".join(text) for text in itertools.product(letters, repeat=n)]
        yield texts if form == "text" else [_ids(text) for text in texts]


@for_texts_and_ids()
def check_form_of_texts(estimator: Any, problem: Written, form: str) -> None:
    """Lists, tuples, arrays and `Sequences` of the same texts are the same data, and their order does not matter."""
    wanted = answers(fresh(estimator).fit(*problem.fit), problem)

    def cells(side: list[Any]) -> np.ndarray:
        found = np.empty(len(side), dtype=object)
        found[:] = side
        return found

    ways: dict[str, Any] = {"tuples": tuple, "cells": cells, "another order": lambda side: side[::-1]}
    ways |= {"arrays": np.array} if form == "text" else {"Sequences": lambda side: Sequences.from_tokens(side, 2)}
    for way, given in ways.items():
        same_answers(fresh(estimator).fit(*problem.map(given)), wanted, problem, f"fit on {way}")


@for_texts_and_ids()
def check_seed_of_writer(estimator: Any, problem: Written, form: str) -> None:
    """The same seed gives the same bits, and nothing is drawn from numpy's global generator."""
    options = {"dropout": 0.3, "n_layers": 2}
    before = _of_numpy()
    wanted = answers(fresh(estimator, **options).fit(*problem.fit), problem)
    if _of_numpy() != before:
        raise AssertionError("numpy's generator was moved")
    same_answers(fresh(estimator, **options).fit(*problem.fit), wanted, problem, "the same seed")
    other = answers(fresh(estimator, random_state=1, **options).fit(*problem.fit), problem)
    if np.array_equal(other[0], wanted[0]):
        raise AssertionError("another random_state gives the same bits")


@for_texts_and_ids()
def check_copies_of_writer(estimator: Any, problem: Written, form: str) -> None:
    """Pickle, joblib, deepcopy and clone, before and after fit: the same answers to the bit."""
    model = fresh(estimator)
    unfitted = dict(copies_of(model))
    wanted = answers(model.fit(*problem.fit), problem)
    for way, other in [*unfitted.items(), ("clone", clone(model))]:
        same_answers(other.fit(*problem.fit), wanted, problem, f"{way} and fit")
    for way, other in copies_of(model):
        same_answers(other, wanted, problem, f"{way} after fit")
    # what decides on the network or on the search was settled by fit
    changed = {"hidden_size": model.hidden_size + 1, "tie_weights": not model.tie_weights}
    settled = {"n_steps": 2, "beam_size": 1}
    changed |= {name: value for name, value in settled.items() if name in model.get_params(deep=False)}
    same_answers(model.set_params(**changed), wanted, problem, "parameters set after fit")


@for_texts_and_ids()
def check_writer_goes_on(estimator: Any, problem: Written, form: str) -> None:
    """``partial_fit`` is an epoch further, and so is a fit with ``warm_start``; without it a fit starts afresh."""
    once = fresh(estimator, max_epochs=2).fit(*problem.fit)
    wanted = answers(once, problem)
    same_answers(once.fit(*problem.fit), wanted, problem, "fit twice without warm_start")
    model = fresh(estimator, max_epochs=2, warm_start=True).fit(*problem.fit)
    same_answers(model, wanted, problem, "the first fit with warm_start")
    curve = list(model.loss_curve_)
    model.fit(*problem.fit)
    if model.n_iter_ != 4 or model.loss_curve_[:2] != curve:
        raise AssertionError(f"after twice 2 epochs n_iter_ is {model.n_iter_}, loss_curve_ {model.loss_curve_}")
    some = problem.map(lambda side: side[:3])
    parts = fresh(estimator).partial_fit(*problem.fit).partial_fit(*some)
    again = copy.deepcopy(fresh(estimator).partial_fit(*problem.fit)).partial_fit(*some)
    if parts.n_iter_ != 2:
        raise AssertionError(f"after two calls of partial_fit n_iter_ is {parts.n_iter_}")
    same_answers(again, answers(parts, problem), problem, "partial_fit after a copy")


@for_texts_and_ids()
def check_best_epoch_of_writer(estimator: Any, problem: Written, form: str) -> None:
    """With early stopping, the module is that of the epoch with the best log-likelihood of a token."""
    options = {"early_stopping": True, "max_epochs": 8, "n_iter_no_change": 3, "lr": 0.1, "lr_schedule": "constant"}
    valid = dict(zip(("X_val", "y_val"), problem.test, strict=False))
    model = fresh(estimator, **options).fit(*problem.fit, **valid)
    scores = np.asarray(model.validation_scores_)
    if scores[model.best_epoch_ - 1] != scores.max() or len(scores) != model.n_iter_:
        raise AssertionError(f"best_epoch_ is {model.best_epoch_} of {scores}")
    total = sum(len(text) + 1 for text in problem.test[-1])
    kept = model.score_samples(*problem.test).sum() / total
    close(kept, scores.max(), "log-likelihood of a token by the module that was kept", tolerance=1e-4)
    own = fresh(estimator, early_stopping=True).fit(*problem.fit)  # a part held out
    if len(own.validation_scores_) != own.n_iter_:
        raise AssertionError("without X_val no part is held out")


@for_texts_and_ids()
def check_failed_fit_of_writer(estimator: Any, problem: Written, form: str) -> None:
    """A fit that fails leaves a fitted model as it was, and an unfitted one unfitted; a loss that runs away is told of."""
    model = fresh(estimator).fit(*problem.fit)
    wanted = answers(model, problem)
    params = model.get_params(deep=False)
    wild = {"lr": far_too_fast(model), "gradient_clip": None, "optimizer": "sgd", "weight_decay": 1.0, "max_epochs": 8}
    X, *y = problem.fit
    failures: dict[str, Any] = {
        "numbers": lambda m: m.fit(np.full((4, 3), 0.5), *(side[:4] for side in y)),
        "nothing": lambda m: m.fit(*problem.map(lambda side: [])),
        "a missing text": lambda m: m.fit([*X[:2], None], *(side[:3] for side in y)),
        "a loss that is not finite": lambda m: m.set_params(**wild).fit(*problem.fit),
    }
    if y:
        failures |= {
            "no y": lambda m: m.fit(X),
            "an answer too few": lambda m: m.fit(X, y[0][1:]),
            "a missing answer": lambda m: m.fit(X[:3], [*y[0][:2], None]),
        }
    for what, fail in failures.items():
        before = snapshot(model)
        with refuses(what, *(("epoch", "batch", "rate") if "loss" in what else ())):
            fail(model)
        model.set_params(**{name: params[name] for name in wild})
        same_state(model, before, f"after a fit that failed by {what}")
        same_answers(model, wanted, problem, f"after a fit that failed by {what}")
        refuses_unfitted(fresh(estimator), fail, what)
    other = problem_of(task_of(estimator), "ids" if form == "text" else "text")
    with refuses("the other kind of X", "fitted on"):
        model.score_samples(other.test[0], *problem.test[1:])
    if y:
        with refuses("the other kind of y", "fitted on"):
            model.score_samples(problem.test[0], other.test[1])


@check("text", tasks=_BOTH)
def check_idle_callbacks_of_writer(estimator: Any, kind: Any) -> None:
    """A callback of skorch that does nothing is called, and changes no bit."""
    problem = problem_of(task_of(estimator), "text")
    wanted = answers(fresh(estimator, dropout=0.3).fit(*problem.fit), problem)
    idle = Idle()
    model = fresh(estimator, dropout=0.3).set_params(callbacks=[idle]).fit(*problem.fit)
    same_answers(model, wanted, problem, "with an idle callback")
    if idle.calls.get("on_epoch_end") != model.n_iter_ or not idle.calls.get("on_batch_end"):
        raise AssertionError(f"a callback was called {idle.calls} times in {model.n_iter_} epochs")
