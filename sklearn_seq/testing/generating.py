"""Language models, beside what they share with translators: probabilities of texts, and texts."""

import copy
from typing import Any

import numpy as np

from sklearn_seq.testing.compare import close, fresh, same_bits
from sklearn_seq.testing.writing import GENERATE, Written, for_texts_and_ids, texts_by_length, written

__all__: list[str] = []


@for_texts_and_ids(GENERATE)
def check_texts_and_probabilities(estimator: Any, problem: Written, form: str) -> None:
    """Fit, score and generate; one text alone is one among others; X stays as it is."""
    (X,), (X_test,) = problem.fit, problem.test
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
    for x, text in zip(X_test, model.generate(X_test, max_length=5, random_state=0), strict=True):
        if type(text[: len(x)]) is not type(x) and form == "ids":
            raise AssertionError(f"generate gives {type(text).__name__}; wanted arrays of ids")
        if list(text[: len(x)]) != list(x) or len(text) > len(x) + 5:
            raise AssertionError(f"{x!r} was continued as {text!r}; wanted up to 5 tokens behind it")
    if written(model, X_test[:2]) != [written(model, X_test)[i] for i in (0, 1, len(X_test), len(X_test) + 1)]:
        raise AssertionError("fewer prompts are continued in another way")
    for one, other in zip(X, before, strict=True):
        same_bits(one, other, "X after fit")


@for_texts_and_ids(GENERATE)
def check_probabilities_of_next_tokens(estimator: Any, problem: Written, form: str) -> None:
    """The probabilities of ending here and of all ways to go on by one token, and no further, are those of a chain."""
    model = fresh(estimator).fit(*problem.fit)
    total = sum(float(np.exp(model.score_samples(layer)).sum()) for layer in texts_by_length(form, "ab"))
    if not 0.0 < total <= 1.0 + 1e-5:
        raise AssertionError(f"the probabilities of all texts up to 5 tokens sum to {total}; wanted at most 1")
