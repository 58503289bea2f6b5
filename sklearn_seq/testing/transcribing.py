"""Transcripts: what holds for one answer a sequence holds for texts, and decoding is of one mind with the network."""

from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_seq.testing import answering, chance, keeping, learning  # noqa: F401  (they register checks)
from sklearn_seq.testing.compare import close, fresh, refuses, same_bits
from sklearn_seq.testing.data import make_problem
from sklearn_seq.testing.registry import CHECKS, check

__all__: list[str] = []

TRANSCRIBE = ("transcribe",)

_ALSO = ("check_globals", "check_silent", "check_copies", "check_clone", "check_other_data_refused")

CHECKS += [
    replace(entry, tasks=TRANSCRIBE)
    for entry in CHECKS
    if "regress" in entry.tasks
    and "text" not in entry.kinds  # they bring targets of their own
    and ("transform" not in entry.tasks or entry.name in _ALSO)
]


@check("3-D", "ragged", tasks=TRANSCRIBE)
def check_transcripts(estimator: Any, kind: Any) -> None:
    """Texts of known characters; probabilities of each step sum to one; greedy decoding reads the likeliest off."""
    data = make_problem("transcribe", kind)
    model = fresh(estimator).fit(data.X, data.y)
    proba = model.frame_proba(data.X_test)
    texts = model.predict(data.X_test, beam_size=1)
    for text, steps in zip(texts, proba, strict=True):
        close(steps.sum(axis=1), np.ones(len(steps)), "sums of probabilities at each step")
        best = steps.argmax(axis=1)
        kept = [k for i, k in enumerate(best) if k and (i == 0 or k != best[i - 1])]
        if text != "".join(model.alphabet_[k - 1] for k in kept):
            raise AssertionError(f"greedy decoding gives {text!r} for steps whose likeliest characters are {best}")
    same_bits(model.predict(data.X_test, beam_size=4), model.predict(data.X_test, beam_size=4), "beam search twice")


@check("3-D", "ragged", tasks=TRANSCRIBE)
def check_texts_that_do_not_fit(estimator: Any, kind: Any) -> None:
    """Texts longer than the network has steps, numbers for texts, and characters that come too late are refused."""
    data = make_problem("transcribe", kind)
    long = data.y.astype(object)
    long[5] = "ab" * 20
    with refuses("a text of 40 characters", "y[5]", "40 characters", "timesteps"):
        fresh(estimator).fit(data.X, long)
    with refuses("numbers as texts", "y[0]", "text"):
        fresh(estimator).fit(data.X, np.arange(len(data.y)))
    model = fresh(estimator).fit(data.X, data.y)
    if not model.score(data.X_test, np.full(len(data.y_test), "z")) <= 0.0:
        raise AssertionError("characters that fit has not seen are no errors")
    with refuses("an unknown character in y_val", "y_val", "'z'"):
        fresh(estimator).fit(data.X, data.y, X_val=data.X_test, y_val=np.full(len(data.y_test), "z"))
