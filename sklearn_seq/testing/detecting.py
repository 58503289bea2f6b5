"""Detectors of anomalies: what stands beside a sequence changes no score, and the threshold belongs to training."""

from typing import Any

import numpy as np

from sklearn_seq.sequences import Sequences
from sklearn_seq.testing.compare import answers, close, fresh, refuses, same_bits, same_state, snapshot
from sklearn_seq.testing.data import copy_rows, make_problem, take
from sklearn_seq.testing.registry import check

__all__: list[str] = []

DETECT = ("detect",)


@check("2-D", "3-D", "ragged", "Sequences", "cells", "table", tasks=DETECT)
def check_detection(estimator: Any, kind: Any) -> None:
    """One score a row, all methods of one mind; X is not changed, and may be read-only; y is ignored."""
    data = make_problem("detect", kind)
    before = copy_rows(data.X)
    for row in [data.X] if isinstance(data.X, np.ndarray) and kind != "cells" else data.X:
        row.flags.writeable = False
    model = fresh(estimator)
    if model.fit(data.X) is not model:
        raise AssertionError("fit does not return the estimator itself")
    scores, n = model.score_samples(data.X_test), len(data.y_test)
    if scores.shape != (n,) or scores.dtype != np.float64 or not np.isfinite(scores).all():
        raise AssertionError(f"score_samples gives {scores.dtype} of shape {scores.shape}, or what is not finite")
    if not isinstance(model.offset_, float) or not np.isfinite(model.offset_):
        raise AssertionError(f"offset_ is {model.offset_!r}; wanted a finite float")
    same_bits(model.decision_function(data.X_test), scores - model.offset_, "decision_function")
    same_bits(model.predict(data.X_test), np.where(scores >= model.offset_, 1, -1), "predict and the scores")
    same_bits(model.score_samples(data.X_test), scores, "the same call twice")
    same_bits(answers(fresh(estimator).fit(data.X, data.y), data.X_test), answers(model, data.X_test), "with a y")
    labels = fresh(estimator).fit_predict(data.X)
    same_bits(labels, model.predict(data.X), "fit_predict, and fit with predict after it")
    for row, was in zip(data.X, before, strict=True):
        same_bits(row, was, "X after fit and predict")


@check("3-D", "ragged", "table", tasks=DETECT)
def check_contamination(estimator: Any, kind: Any) -> None:
    """A share of the training rows falls short of the threshold; scores do not depend on it."""
    data = make_problem("detect", kind)
    wanted = fresh(estimator).fit(data.X).score_samples(data.X_test)
    for share in (0.125, 0.5):
        model = fresh(estimator, contamination=share).fit(data.X)
        same_bits(model.score_samples(data.X_test), wanted, f"scores with contamination={share}")
        scores = model.score_samples(data.X)
        n, below = len(scores), int((model.predict(data.X) == -1).sum())
        ties = int((scores == np.sort(scores)[below]).sum()) if below < n else 0
        if abs(below - share * n) > 1 + ties:
            raise AssertionError(f"contamination={share} takes {below} of {n} training rows for anomalies")


@check("3-D", "ragged", tasks=DETECT)
def check_detection_mates(estimator: Any, kind: Any) -> None:
    """A sequence alone, among others, permuted or split: the same score; so is the order of the rows in fit."""
    data = make_problem("detect", kind)
    model = fresh(estimator).fit(data.X)
    wanted = answers(model, data.X_test)
    n = len(wanted)
    order = np.random.default_rng(1).permutation(n)
    alone = [answers(model, take(data.X_test, [i]))[0] for i in range(n)]
    close(alone, wanted, "alone and in a batch")
    close(answers(model, take(data.X_test, order)), wanted[order], "permuted")
    order = np.random.default_rng(2).permutation(len(data.y))
    same_bits(
        answers(fresh(estimator).fit(take(data.X, order)), data.X_test), wanted, "another order of the rows in fit"
    )


@check("ragged", tasks=DETECT)
def check_detection_form(estimator: Any, kind: Any) -> None:
    """A list, cells and `Sequences` of the same data are the same data."""
    data = make_problem("detect", kind)
    wanted = answers(fresh(estimator).fit(data.X), data.X_test)
    for form in ("Sequences", "cells"):
        other = make_problem("detect", form)  # type: ignore[arg-type]
        same_bits(answers(fresh(estimator).fit(other.X), other.X_test), wanted, f"a list and {form}")
    shared = Sequences.from_list(data.X[::-1])[::-1]
    same_bits(answers(fresh(estimator).fit(shared), data.X_test), wanted, "Sequences in another order in memory")


@check("3-D", "ragged", "table", tasks=DETECT)
def check_failed_detector_fit(estimator: Any, kind: Any) -> None:
    """A fit that fails leaves a fitted detector as it was; bad numbers are refused later too."""
    data = make_problem("detect", kind)
    model = fresh(estimator).fit(data.X)
    before, wanted = snapshot(model), answers(model, data.X_test)
    broken: Any = copy_rows(data.X)
    broken[2][...] = np.inf
    broken = broken if kind == "ragged" else np.stack(broken)
    for what, call in (("fit", model.fit), ("score_samples", model.score_samples)):
        with refuses(f"{what} of infinity", "infinity"):
            call(broken)
        same_state(model, before, f"after {what} that failed")
    same_bits(answers(model, data.X_test), wanted, "after a fit that failed")


@check("3-D", "table", tasks=DETECT)
def check_detector_keeps_what_it_learnt(estimator: Any, kind: Any) -> None:
    """Parameters set after fit, and rows of training overwritten, change no score before the next fit."""
    data = make_problem("detect", kind)
    X = data.X.copy()
    model = fresh(estimator).fit(X)
    wanted = answers(model, data.X_test)
    X[...] = 1e3
    same_bits(answers(model, data.X_test), wanted, "rows of training overwritten after fit")
    others: dict[str, Any] = {"contamination": 0.3, "window": 2, "smoothing": 3, "n_components": 1, "centered": True}
    known = model.get_params(deep=False)
    model.set_params(**{name: value for name, value in others.items() if name in known})
    if known.get("rows") == "samples":
        model.set_params(rows="time")
    same_bits(answers(model, data.X_test), wanted, "parameters set after fit")
