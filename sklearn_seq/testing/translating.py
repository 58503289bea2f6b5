"""Translations, beside what translators share with language models: one sequence of tokens for another."""

import copy
from typing import Any

import numpy as np

from sklearn_seq.testing.compare import close, fresh, same_bits
from sklearn_seq.testing.registry import check
from sklearn_seq.testing.writing import (
    TRANSLATE,
    Written,
    answers,
    for_texts_and_ids,
    problem_of,
    same_answers,
    texts_by_length,
)

__all__: list[str] = []


@for_texts_and_ids(TRANSLATE)
def check_translations(estimator: Any, problem: Written, form: str) -> None:
    """Fit, predict, score and attention; one sample alone, beside longer ones and in another order; X stays as it is."""
    X_test, y_test = problem.test
    before = copy.deepcopy(problem.fit)
    model = fresh(estimator)
    if model.fit(*problem.fit) is not model:
        raise AssertionError("fit does not return the estimator itself")
    said = model.predict(X_test)
    if not isinstance(said, np.ndarray) or said.shape != (4,) or said.dtype.kind != ("U" if form == "text" else "O"):
        raise AssertionError(f"predict gives {said!r}; wanted an array of 4 answers")
    found = model.score_samples(X_test, y_test)
    if found.shape != (4,) or not (np.isfinite(found) & (found < 0)).all():
        raise AssertionError(f"score_samples gives {found}; wanted one logarithm of a probability a sample")
    if not np.isfinite(model.score(X_test, y_test)):
        raise AssertionError("score is not finite")
    alone = [model.score_samples([x], [y])[0] for x, y in zip(X_test, y_test, strict=True)]
    close(alone, found, "one sample alone", tolerance=1e-5)
    longer = ("ab" * 15, "xy" * 15) if form == "text" else (np.array([0, 1] * 15), np.array([0, 1] * 15))
    mates = model.score_samples([longer[0], *X_test[::-1]], [longer[1], *y_test[::-1]])
    close(mates[1:][::-1], found, "beside a longer sample, in another order", tolerance=1e-5)
    for x, weights in zip(X_test, model.attention_weights(X_test, y_test), strict=True):
        close(weights.sum(axis=1), np.ones(len(weights)), "sums of attention", tolerance=1e-5)
        if weights.shape[0] != len(x) + 1:
            raise AssertionError(f"attention of {weights.shape}; wanted a row for each of {len(x)} tokens and the end")
    for side, side_before in zip(problem.fit, before, strict=True):
        for one, other in zip(side, side_before, strict=True):
            same_bits(one, other, "X and y after fit")


@for_texts_and_ids(TRANSLATE)
def check_answers_are_probable(estimator: Any, problem: Written, form: str) -> None:
    """The probabilities of all answers up to some length sum to at most 1, and no answer is better than a beam finds."""
    model = fresh(estimator).fit(*problem.fit)
    x, best, total = problem.test[0][0], -np.inf, 0.0
    for n, layer in enumerate(texts_by_length(form, "xy")):
        every = model.score_samples([x] * len(layer), layer)
        total, best = total + float(np.exp(every).sum()), max(best, float(every.max()) / (n + 1))
    if not 0.0 < total <= 1.0 + 1e-5:
        raise AssertionError(f"the probabilities of all answers up to 5 tokens sum to {total}; wanted at most 1")
    said = model.predict([x], beam_size=64, length_penalty=1.0)[0]
    reached = float(model.score_samples([x], [said])[0]) / (len(said) + 1)
    if reached < best - 1e-5:
        raise AssertionError(f"a wide beam found an answer of {reached} a token, and there is one of {best}")


@for_texts_and_ids(TRANSLATE)
def check_weights_of_pairs(estimator: Any, problem: Written, form: str) -> None:
    """Weights are copies, and what weighs nothing adds nothing, to the bit."""
    weight = np.array([1, 2, 3, 1, 2, 1, 1, 2, 1, 0])
    rows = np.random.default_rng(0).permutation(np.repeat(np.arange(10), weight))
    odd = "xyz" if form == "text" else np.array([4, 1])
    weighted = fresh(estimator).fit(*problem.map(lambda side: [*side[:-1], odd]), sample_weight=weight)
    copies = fresh(estimator).fit(*problem.map(lambda side: [side[i] for i in rows]))
    once = fresh(estimator).fit(*problem.map(lambda side: side[:-1]))
    wanted = answers(copies, problem)
    same_answers(weighted, wanted, problem, "weights 0 to 3 and as many copies")
    if np.array_equal(answers(once, problem)[0], wanted[0]):
        raise AssertionError("weights change nothing")


@check("text", tasks=TRANSLATE)
def check_odd_sources(estimator: Any, kind: Any) -> None:
    """Letters never seen and no letters are answered, with letters that were seen."""
    model = fresh(estimator).fit(*problem_of("translate", "text").fit)
    said = model.predict(["", "\N{SNOWMAN}", "a\N{SNOWMAN}b" * 5])
    if not set("".join(said.tolist())) <= {"x", "y"}:
        raise AssertionError(f"answers {said} hold what y of fit did not")
    if not np.isfinite(model.score_samples(["", "a"], ["\N{SNOWMAN}", ""])).all():
        raise AssertionError("an answer with letters never seen, or without letters, has no finite log-likelihood")
