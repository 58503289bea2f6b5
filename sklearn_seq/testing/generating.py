"""Language models: probabilities of texts, and texts, for texts and for ids."""

import copy
import functools
from typing import Any

import numpy as np
from sklearn.base import clone

from sklearn_seq.sequences import Sequences
from sklearn_seq.testing.chance import Idle
from sklearn_seq.testing.compare import close, copies_of, far_too_fast, fresh, refuses, same_bits, same_state, snapshot
from sklearn_seq.testing.registry import check

__all__: list[str] = []

GENERATE = ("generate",)

_TEXTS = ["abab", "ab", "", "babab", "a", "bbaab", "abba", "baba"]


def _problem(kind: str) -> tuple[list[Any], list[Any]]:
    """Texts to fit on, and others."""
    test = ["bab", "", "a" * 9, "abba"]
    if kind == "text":
        return list(_TEXTS), test
    return [[np.array(["ab".index(c) for c in text], dtype=np.int64) for text in texts] for texts in (_TEXTS, test)]  # type: ignore[return-value]


def _for_texts_and_ids(function: Any) -> Any:
    """Register a check of both."""

    @functools.wraps(function)
    def both(estimator: Any, kind: Any) -> None:
        for form in ("text", "ids"):
            function(estimator, form)

    return check("text", tasks=GENERATE)(both)


def of_numpy() -> bytes:
    """Where numpy's global generator stands."""
    _, keys, position, *_ = np.random.get_state()  # noqa: NPY002
    return np.asarray(keys).tobytes() + str(position).encode()


def _written(model: Any, prompts: Any) -> list[Any]:
    """By chance and without."""
    return [
        text if isinstance(text, str) else text.tolist()
        for options in ({"random_state": 0}, {"temperature": 0})
        for text in model.generate(prompts, max_length=6, **options)
    ]


def _same(model: Any, wanted: tuple[np.ndarray, list[Any]], X: Any, what: str) -> None:
    same_bits(model.score_samples(X), wanted[0], what)
    if _written(model, X) != wanted[1]:
        raise AssertionError(f"{what}: writes other texts")


def _answers(model: Any, X: Any) -> tuple[np.ndarray, list[Any]]:
    return model.score_samples(X), _written(model, X)


@_for_texts_and_ids
def check_texts_and_probabilities(estimator: Any, kind: Any) -> None:
    """Fit, score and generate; one text alone is one among others; X stays as it is."""
    X, X_test = _problem(kind)
    before = copy.deepcopy(X)
    model = fresh(estimator)
    if model.fit(X) is not model:
        raise AssertionError("fit does not return the estimator itself")
    found = model.score_samples(X_test)
    if found.shape != (len(X_test),) or not (np.isfinite(found) & (found < 0)).all():
        raise AssertionError(f"score_samples gives {found}; wanted one logarithm of a probability a text")
    alone = np.concatenate([model.score_samples([x]) for x in X_test])
    close(alone, found, "one text alone", tolerance=1e-5)
    n_tokens = sum(len(x) + 1 for x in X_test)
    close(model.score(X_test), found.sum() / n_tokens, "score is the mean of tokens and ends")
    close(model.perplexity(X_test), np.exp(-found.sum() / n_tokens), "perplexity", tolerance=1e-4)
    written = model.generate(X_test, max_length=5, random_state=0)
    for x, text in zip(X_test, written, strict=True):
        if type(text[: len(x)]) is not type(x) and kind == "ids":
            raise AssertionError(f"generate gives {type(text).__name__}; wanted arrays of ids")
        if list(text[: len(x)]) != list(x) or len(text) > len(x) + 5:
            raise AssertionError(f"{x!r} was continued as {text!r}; wanted up to 5 tokens behind it")
    if _written(model, X_test[:2]) != [_written(model, X_test)[i] for i in (0, 1, len(X_test), len(X_test) + 1)]:
        raise AssertionError("fewer prompts are continued in another way")
    for one, other in zip(X, before, strict=True):
        same_bits(one, other, "X after fit")


@_for_texts_and_ids
def check_probabilities_of_next_tokens(estimator: Any, kind: Any) -> None:
    """The probabilities of ending here and of all ways to go on by one token, and no further, are those of a chain."""
    X, _ = _problem(kind)
    model = fresh(estimator).fit(X)
    tokens = ["a", "b"] if kind == "text" else [np.array([0]), np.array([1])]

    def join(*parts: Any) -> Any:
        return "".join(parts) if kind == "text" else np.concatenate(parts)

    every: list[Any] = ["" if kind == "text" else np.zeros(0, np.int64)]
    total, layer = 0.0, every
    for _ in range(6):
        total += float(np.exp(model.score_samples(layer)).sum())
        layer = [join(x, token) for x in layer for token in tokens]
    if not 0.0 < total <= 1.0 + 1e-5:
        raise AssertionError(f"the probabilities of all texts up to 5 tokens sum to {total}; wanted at most 1")


@_for_texts_and_ids
def check_form_of_texts(estimator: Any, kind: Any) -> None:
    """Lists, tuples, arrays and `Sequences` of the same texts are the same data, and their order does not matter."""
    X, X_test = _problem(kind)
    wanted = _answers(fresh(estimator).fit(X), X_test)
    cells = np.empty(len(X), dtype=object)
    cells[:] = X
    forms: dict[str, Any] = {"a tuple": tuple(X), "cells": cells, "another order": X[::-1]}
    forms |= {"an array": np.array(X)} if kind == "text" else {"Sequences": Sequences.from_tokens(X, 2)}
    for form, given in forms.items():
        _same(fresh(estimator).fit(given), wanted, X_test, f"fit on {form}")


@_for_texts_and_ids
def check_seed_of_generator(estimator: Any, kind: Any) -> None:
    """The same seed gives the same bits, and nothing is drawn from the global generators."""
    X, X_test = _problem(kind)
    options = {"dropout": 0.3, "n_layers": 2}
    before = of_numpy()
    wanted = _answers(fresh(estimator, **options).fit(X), X_test)
    if of_numpy() != before:
        raise AssertionError("numpy's generator was moved")
    _same(fresh(estimator, **options).fit(X), wanted, X_test, "the same seed")
    other = fresh(estimator, random_state=1, **options).fit(X).score_samples(X_test)
    if np.array_equal(other, wanted[0]):
        raise AssertionError("another random_state gives the same bits")


@_for_texts_and_ids
def check_copies_of_generator(estimator: Any, kind: Any) -> None:
    """Pickle, joblib, deepcopy and clone, before and after fit: the same answers to the bit."""
    X, X_test = _problem(kind)
    model = fresh(estimator)
    unfitted = dict(copies_of(model))
    wanted = _answers(model.fit(X), X_test)
    for way, other in [*unfitted.items(), ("clone", clone(model))]:
        _same(other.fit(X), wanted, X_test, f"{way} and fit")
    for way, other in copies_of(model):
        _same(other, wanted, X_test, f"{way} after fit")
    changed = {"hidden_size": model.hidden_size + 1, "n_steps": model.n_steps + 1, "tie_weights": not model.tie_weights}
    _same(model.set_params(**changed), wanted, X_test, "parameters set after fit")


@_for_texts_and_ids
def check_generator_goes_on(estimator: Any, kind: Any) -> None:
    """``partial_fit`` is an epoch further, and so is a fit with ``warm_start``; without it a fit starts afresh."""
    X, X_test = _problem(kind)
    once = fresh(estimator, max_epochs=2).fit(X)
    wanted = _answers(once, X_test)
    _same(once.fit(X), wanted, X_test, "fit twice without warm_start")
    model = fresh(estimator, max_epochs=2, warm_start=True).fit(X)
    _same(model, wanted, X_test, "the first fit with warm_start")
    curve = list(model.loss_curve_)
    model.fit(X)
    if model.n_iter_ != 4 or model.loss_curve_[:2] != curve:
        raise AssertionError(f"after twice 2 epochs n_iter_ is {model.n_iter_}, loss_curve_ {model.loss_curve_}")
    parts = fresh(estimator).partial_fit(X).partial_fit(X[:3])
    again = copy.deepcopy(fresh(estimator).partial_fit(X)).partial_fit(X[:3])
    if parts.n_iter_ != 2:
        raise AssertionError(f"after two calls of partial_fit n_iter_ is {parts.n_iter_}")
    _same(again, _answers(parts, X_test), X_test, "partial_fit after a copy")


@_for_texts_and_ids
def check_failed_generator_fit(estimator: Any, kind: Any) -> None:
    """A fit that fails leaves a fitted model as it was, and an unfitted one unfitted; a loss that runs away is told of."""
    X, X_test = _problem(kind)
    model = fresh(estimator).fit(X)
    wanted = _answers(model, X_test)
    lr = far_too_fast(model)
    params = model.get_params(deep=False)
    wild = {"lr": lr, "gradient_clip": None, "optimizer": "sgd", "weight_decay": 1.0, "max_epochs": 8}
    failures: dict[str, Any] = {
        "numbers": lambda m: m.fit(np.full((4, 3), 0.5)),
        "nothing": lambda m: m.fit([]),
        "a missing text": lambda m: m.fit([*X[:2], None]),
        "a loss that is not finite": lambda m: m.set_params(**wild).fit(X),
    }
    for what, fail in failures.items():
        before = snapshot(model)
        with refuses(what, *(("epoch", "batch", "rate") if "loss" in what else ())):
            fail(model)
        model.set_params(**{name: params[name] for name in wild})
        same_state(model, before, f"after a fit that failed by {what}")
        _same(model, wanted, X_test, f"after a fit that failed by {what}")
        new = fresh(estimator)
        attributes = set(vars(new))
        with refuses(what):
            fail(new)
        if set(vars(new)) != attributes:
            raise AssertionError(f"{what} left {sorted(set(vars(new)) - attributes)} on an unfitted model")


@check("text", tasks=GENERATE)
def check_idle_callbacks_of_generator(estimator: Any, kind: Any) -> None:
    """A callback of skorch that does nothing is called, and changes no bit."""
    X, X_test = _problem(kind)
    wanted = _answers(fresh(estimator, dropout=0.3).fit(X), X_test)
    idle = Idle()
    model = fresh(estimator, dropout=0.3).set_params(callbacks=[idle]).fit(X)
    _same(model, wanted, X_test, "with an idle callback")
    if idle.calls.get("on_epoch_end") != model.n_iter_ or not idle.calls.get("on_batch_end"):
        raise AssertionError(f"a callback was called {idle.calls} times in {model.n_iter_} epochs")
