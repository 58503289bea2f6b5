"""Translations: one sequence of tokens for another, for texts and for ids."""

import copy
import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from sklearn_seq.sequences import Sequences
from sklearn_seq.testing.chance import Idle
from sklearn_seq.testing.compare import close, copies_of, far_too_fast, fresh, refuses, same_bits, same_state, snapshot
from sklearn_seq.testing.generating import of_numpy
from sklearn_seq.testing.registry import check

__all__: list[str] = []

TRANSLATE = ("translate",)

_SOURCES = ["abab", "ab", "", "babab", "a", "bbaab", "abba", "baba", "aa", "b"]


@dataclass(frozen=True)
class _Pairs:
    X: list[Any]
    y: list[Any]
    X_test: list[Any]
    y_test: list[Any]


def _problem(kind: str) -> _Pairs:
    """Texts of two letters, which become their letters from the end to the beginning, as "x" and "y"."""
    test = ["bab", "", "aaaaaaa", "abba"]
    sides = [_SOURCES, [_turned(x) for x in _SOURCES], test, [_turned(x) for x in test]]
    if kind == "ids":
        sides = [[np.array(["abxy".index(c) % 2 for c in text], dtype=np.int64) for text in side] for side in sides]  # type: ignore[misc]
    return _Pairs(*(list(side) for side in sides))


def _turned(text: str) -> str:
    return text[::-1].replace("a", "x").replace("b", "y")


def _for_texts_and_ids(function: Any) -> Any:
    """Register a check of both."""

    @functools.wraps(function)
    def both(estimator: Any, kind: Any) -> None:
        for form in ("text", "ids"):
            function(estimator, form)

    return check("text", tasks=TRANSLATE)(both)


def _plain(answers: Any) -> list[Any]:
    return [answer if isinstance(answer, str) else answer.tolist() for answer in answers]


def _answers(model: Any, data: _Pairs) -> tuple[np.ndarray, list[Any]]:
    return model.score_samples(data.X_test, data.y_test), _plain(model.predict(data.X_test))


def _same(model: Any, wanted: tuple[np.ndarray, list[Any]], data: _Pairs, what: str) -> None:
    same_bits(model.score_samples(data.X_test, data.y_test), wanted[0], what)
    if _plain(model.predict(data.X_test)) != wanted[1]:
        raise AssertionError(f"{what}: other answers")


@_for_texts_and_ids
def check_translations(estimator: Any, kind: Any) -> None:
    """Fit, predict, score and attention; one sample alone, beside longer ones and in another order; X stays as it is."""
    data = _problem(kind)
    before = copy.deepcopy((data.X, data.y))
    model = fresh(estimator)
    if model.fit(data.X, data.y) is not model:
        raise AssertionError("fit does not return the estimator itself")
    said = model.predict(data.X_test)
    if not isinstance(said, np.ndarray) or said.shape != (4,) or said.dtype.kind != ("U" if kind == "text" else "O"):
        raise AssertionError(f"predict gives {said!r}; wanted an array of 4 answers")
    found = model.score_samples(data.X_test, data.y_test)
    if found.shape != (4,) or not (np.isfinite(found) & (found < 0)).all():
        raise AssertionError(f"score_samples gives {found}; wanted one logarithm of a probability a sample")
    if not np.isfinite(model.score(data.X_test, data.y_test)):
        raise AssertionError("score is not finite")
    alone = [model.score_samples([x], [y])[0] for x, y in zip(data.X_test, data.y_test, strict=True)]
    close(alone, found, "one sample alone", tolerance=1e-5)
    longer = ["ab" * 15] if kind == "text" else [np.array([0, 1] * 15)]
    mates = model.score_samples([*longer, *data.X_test[::-1]], [*_longer_answer(kind), *data.y_test[::-1]])
    close(mates[1:][::-1], found, "beside a longer sample, in another order", tolerance=1e-5)
    for x, weights in zip(data.X_test, model.attention_weights(data.X_test, data.y_test), strict=True):
        close(weights.sum(axis=1), np.ones(len(weights)), "sums of attention", tolerance=1e-5)
        if weights.shape[0] != len(x) + 1:
            raise AssertionError(f"attention of {weights.shape}; wanted a row for each of {len(x)} tokens and the end")
    for one, other in zip([*data.X, *data.y], [*before[0], *before[1]], strict=True):
        same_bits(one, other, "X and y after fit")


def _longer_answer(kind: str) -> list[Any]:
    """One that is longer than those of the problem."""
    return ["xy" * 15] if kind == "text" else [np.array([0, 1] * 15)]


@_for_texts_and_ids
def check_answers_are_probable(estimator: Any, kind: Any) -> None:
    """The probabilities of all answers up to some length sum to at most 1, and no answer is better than a beam finds."""
    data = _problem(kind)
    model = fresh(estimator).fit(data.X, data.y)
    tokens = ["x", "y"] if kind == "text" else [np.array([0]), np.array([1])]

    def join(*parts: Any) -> Any:
        return "".join(parts) if kind == "text" else np.concatenate(parts)

    x, best, total = data.X_test[0], -np.inf, 0.0
    layer: list[Any] = ["" if kind == "text" else np.zeros(0, np.int64)]
    for n in range(6):
        every = model.score_samples([x] * len(layer), layer)
        total, best = total + float(np.exp(every).sum()), max(best, float(every.max()) / (n + 1))
        layer = [join(beginning, token) for beginning in layer for token in tokens]
    if not 0.0 < total <= 1.0 + 1e-5:
        raise AssertionError(f"the probabilities of all answers up to 5 tokens sum to {total}; wanted at most 1")
    said = model.predict([x], beam_size=64, length_penalty=1.0)[0]
    reached = float(model.score_samples([x], [said])[0]) / (len(said) + 1)
    if reached < best - 1e-5:
        raise AssertionError(f"a wide beam found an answer of {reached} a token, and there is one of {best}")


@_for_texts_and_ids
def check_form_of_pairs(estimator: Any, kind: Any) -> None:
    """Lists, tuples, arrays and `Sequences` of the same pairs are the same data, and their order does not matter."""
    data = _problem(kind)
    wanted = _answers(fresh(estimator).fit(data.X, data.y), data)

    def cells(side: list[Any]) -> np.ndarray:
        found = np.empty(len(side), dtype=object)
        found[:] = side
        return found

    forms: dict[str, Any] = {"tuples": tuple, "cells": cells, "another order": lambda side: side[::-1]}
    forms |= {"arrays": np.array} if kind == "text" else {"Sequences": lambda side: Sequences.from_tokens(side, 2)}
    for form, given in forms.items():
        _same(fresh(estimator).fit(given(data.X), given(data.y)), wanted, data, f"fit on {form}")


@_for_texts_and_ids
def check_weights_of_pairs(estimator: Any, kind: Any) -> None:
    """Weights are copies, and what weighs nothing adds nothing, to the bit."""
    data = _problem(kind)
    weight = np.array([1, 2, 3, 1, 2, 1, 1, 2, 1, 0])
    rows = np.random.default_rng(0).permutation(np.repeat(np.arange(10), weight))
    odd = "xyz" if kind == "text" else np.array([4, 1])
    X, y = [*data.X[:-1], odd], [*data.y[:-1], odd]
    weighted = fresh(estimator).fit(X, y, sample_weight=weight)
    copies = fresh(estimator).fit([data.X[i] for i in rows], [data.y[i] for i in rows])
    _same(weighted, _answers(copies, data), data, "weights 0 to 3 and as many copies")
    if np.array_equal(_answers(fresh(estimator).fit(data.X[:-1], data.y[:-1]), data)[0], _answers(copies, data)[0]):
        raise AssertionError("weights change nothing")


@_for_texts_and_ids
def check_seed_of_translator(estimator: Any, kind: Any) -> None:
    """The same seed gives the same bits, and nothing is drawn from numpy's global generator."""
    data = _problem(kind)
    options = {"dropout": 0.3, "n_layers": 2}
    before = of_numpy()
    wanted = _answers(fresh(estimator, **options).fit(data.X, data.y), data)
    if of_numpy() != before:
        raise AssertionError("numpy's generator was moved")
    _same(fresh(estimator, **options).fit(data.X, data.y), wanted, data, "the same seed")
    other = _answers(fresh(estimator, random_state=1, **options).fit(data.X, data.y), data)
    if np.array_equal(other[0], wanted[0]):
        raise AssertionError("another random_state gives the same bits")


@_for_texts_and_ids
def check_copies_of_translator(estimator: Any, kind: Any) -> None:
    """Pickle, joblib, deepcopy and clone, before and after fit: the same answers to the bit."""
    data = _problem(kind)
    model = fresh(estimator)
    unfitted = dict(copies_of(model))
    wanted = _answers(model.fit(data.X, data.y), data)
    for way, other in [*unfitted.items(), ("clone", clone(model))]:
        _same(other.fit(data.X, data.y), wanted, data, f"{way} and fit")
    for way, other in copies_of(model):
        _same(other, wanted, data, f"{way} after fit")
    changed = {"hidden_size": model.hidden_size + 1, "beam_size": 1, "tie_weights": not model.tie_weights}
    _same(model.set_params(**changed), wanted, data, "parameters set after fit")


@_for_texts_and_ids
def check_translator_goes_on(estimator: Any, kind: Any) -> None:
    """``partial_fit`` is an epoch further, and so is a fit with ``warm_start``; without it a fit starts afresh."""
    data = _problem(kind)
    once = fresh(estimator, max_epochs=2).fit(data.X, data.y)
    wanted = _answers(once, data)
    _same(once.fit(data.X, data.y), wanted, data, "fit twice without warm_start")
    model = fresh(estimator, max_epochs=2, warm_start=True).fit(data.X, data.y)
    _same(model, wanted, data, "the first fit with warm_start")
    curve = list(model.loss_curve_)
    model.fit(data.X, data.y)
    if model.n_iter_ != 4 or model.loss_curve_[:2] != curve:
        raise AssertionError(f"after twice 2 epochs n_iter_ is {model.n_iter_}, loss_curve_ {model.loss_curve_}")
    some = data.X[:3], data.y[:3]
    parts = fresh(estimator).partial_fit(data.X, data.y).partial_fit(*some)
    again = copy.deepcopy(fresh(estimator).partial_fit(data.X, data.y)).partial_fit(*some)
    if parts.n_iter_ != 2:
        raise AssertionError(f"after two calls of partial_fit n_iter_ is {parts.n_iter_}")
    _same(again, _answers(parts, data), data, "partial_fit after a copy")


@_for_texts_and_ids
def check_best_epoch_of_translator(estimator: Any, kind: Any) -> None:
    """With early stopping, the module is that of the epoch with the best log-likelihood of a token."""
    data = _problem(kind)
    options = {"early_stopping": True, "max_epochs": 8, "n_iter_no_change": 3, "lr": 0.1, "lr_schedule": "constant"}
    model = fresh(estimator, **options).fit(data.X, data.y, X_val=data.X_test, y_val=data.y_test)
    scores = np.asarray(model.validation_scores_)
    if scores[model.best_epoch_ - 1] != scores.max() or len(scores) != model.n_iter_:
        raise AssertionError(f"best_epoch_ is {model.best_epoch_} of {scores}")
    total = sum(len(y) + 1 for y in data.y_test)
    kept = model.score_samples(data.X_test, data.y_test).sum() / total
    close(kept, scores.max(), "log-likelihood of a token by the module that was kept", tolerance=1e-4)
    own = fresh(estimator, early_stopping=True).fit(data.X, data.y)  # a part held out
    if len(own.validation_scores_) != own.n_iter_:
        raise AssertionError("without X_val no part is held out")


@_for_texts_and_ids
def check_failed_translator_fit(estimator: Any, kind: Any) -> None:
    """A fit that fails leaves a fitted model as it was, and an unfitted one unfitted; a loss that runs away is told of."""
    data = _problem(kind)
    model = fresh(estimator).fit(data.X, data.y)
    wanted = _answers(model, data)
    params = model.get_params(deep=False)
    wild = {"lr": far_too_fast(model), "gradient_clip": None, "optimizer": "sgd", "weight_decay": 1.0, "max_epochs": 8}
    failures: dict[str, Any] = {
        "numbers": lambda m: m.fit(np.full((4, 3), 0.5), data.y[:4]),
        "nothing": lambda m: m.fit([], []),
        "no y": lambda m: m.fit(data.X),
        "an answer too few": lambda m: m.fit(data.X, data.y[1:]),
        "a missing answer": lambda m: m.fit(data.X[:3], [*data.y[:2], None]),
        "a loss that is not finite": lambda m: m.set_params(**wild).fit(data.X, data.y),
    }
    for what, fail in failures.items():
        before = snapshot(model)
        with refuses(what, *(("epoch", "batch", "rate") if "loss" in what else ())):
            fail(model)
        model.set_params(**{name: params[name] for name in wild})
        same_state(model, before, f"after a fit that failed by {what}")
        _same(model, wanted, data, f"after a fit that failed by {what}")
        new = fresh(estimator)
        attributes = set(vars(new))
        with refuses(what):
            fail(new)
        if set(vars(new)) != attributes:
            raise AssertionError(f"{what} left {sorted(set(vars(new)) - attributes)} on an unfitted model")
    other = _problem("ids" if kind == "text" else "text")
    with refuses("the other kind of X", "fitted on"):
        model.predict(other.X_test)
    with refuses("the other kind of y"):
        model.score(data.X_test, other.y_test)


@check("text", tasks=TRANSLATE)
def check_odd_sources(estimator: Any, kind: Any) -> None:
    """Letters never seen and no letters are answered, with letters that were seen."""
    data = _problem("text")
    model = fresh(estimator).fit(data.X, data.y)
    said = model.predict(["", "\N{SNOWMAN}", "a\N{SNOWMAN}b" * 5])
    if not set("".join(said.tolist())) <= {"x", "y"}:
        raise AssertionError(f"answers {said} hold what y of fit did not")
    if not np.isfinite(model.score_samples(["", "a"], ["\N{SNOWMAN}", ""])).all():
        raise AssertionError("an answer with letters never seen, or without letters, has no finite log-likelihood")


@check("text", tasks=TRANSLATE)
def check_idle_callbacks_of_translator(estimator: Any, kind: Any) -> None:
    """A callback of skorch that does nothing is called, and changes no bit."""
    data = _problem("text")
    wanted = _answers(fresh(estimator, dropout=0.3).fit(data.X, data.y), data)
    idle = Idle()
    model = fresh(estimator, dropout=0.3).set_params(callbacks=[idle]).fit(data.X, data.y)
    _same(model, wanted, data, "with an idle callback")
    if idle.calls.get("on_epoch_end") != model.n_iter_ or not idle.calls.get("on_batch_end"):
        raise AssertionError(f"a callback was called {idle.calls} times in {model.n_iter_} epochs")
