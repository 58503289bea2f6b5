"""Transformers: rows stay rows, whatever stands beside them."""

import importlib.util
from typing import Any

import numpy as np

from sklearn_seq.sequences import Sequences
from sklearn_seq.testing.compare import answers, close, fresh, same_bits, same_state, snapshot
from sklearn_seq.testing.data import copy_rows, make_problem, take
from sklearn_seq.testing.registry import check

__all__: list[str] = []

TRANSFORM = ("transform",)


@check("2-D", "3-D", "ragged", "Sequences", "cells", "table", tasks=TRANSFORM)
def check_transform_kind(estimator: Any, kind: Any) -> None:
    """One output row for each row, whatever the kind; X is not changed, and may be read-only."""
    data = make_problem("regress", kind)
    before = copy_rows(data.X)
    for row in [data.X] if isinstance(data.X, np.ndarray) and kind != "cells" else data.X:
        row.flags.writeable = False
    model = fresh(estimator).fit(data.X, data.y)
    found = model.transform(data.X_test)
    if len(found) != len(data.y_test):
        raise AssertionError(f"transform gives {len(found)} rows for {len(data.y_test)}")
    again = fresh(estimator).fit_transform(data.X_test, data.y_test)
    separate = fresh(estimator).fit(data.X_test, data.y_test).transform(data.X_test)
    for one, other in zip(again, separate, strict=True):
        same_bits(one, other, "fit_transform, and fit with transform after it", nan=True)
    for row, was in zip(data.X, before, strict=True):
        same_bits(row, was, "X after fit and transform")


@check("ragged", tasks=TRANSFORM)
def check_transform_form(estimator: Any, kind: Any) -> None:
    """A list, cells and `Sequences` of the same data are the same data."""
    data = make_problem("regress", kind)
    wanted = answers(fresh(estimator).fit(data.X), data.X_test)
    for form in ("Sequences", "cells"):
        other = make_problem("regress", form)  # type: ignore[arg-type]
        model = fresh(estimator).fit(other.X)
        same_bits(answers(model, data.X_test), wanted, f"fit on a list and on {form}", nan=True)
        same_bits(answers(model, other.X_test), wanted, f"transform of a list and of {form}", nan=True)
    shared = Sequences.from_list(data.X_test[::-1])[::-1]
    same_bits(answers(model, shared), wanted, "transform of Sequences in another order in memory", nan=True)


@check("2-D", "3-D", "ragged", "Sequences", tasks=TRANSFORM)
def check_transform_mates(estimator: Any, kind: Any) -> None:
    """A sequence alone, permuted or split: the same answer."""
    data = make_problem("regress", kind)
    model = fresh(estimator).fit(data.X)
    wanted = list(model.transform(data.X_test))
    n = len(data.y_test)
    order = np.random.default_rng(1).permutation(n)
    alone = [model.transform(take(data.X_test, [i]))[0] for i in range(n)]
    permuted = model.transform(take(data.X_test, order))
    halves = [row for rows in (range(5), range(5, n)) for row in model.transform(take(data.X_test, rows))]
    for i in range(n):
        close(alone[i], wanted[i], "alone and in a batch", nan=True)
        close(permuted[i], wanted[order[i]], "permuted", nan=True)
        close(halves[i], wanted[i], "split into two batches", nan=True)


@check("2-D", "3-D", tasks=TRANSFORM)
def check_transform_frame(estimator: Any, kind: Any) -> None:
    """Where columns have names, `transform` gives the frame that `set_output` asks for, with the same numbers."""
    data = make_problem("regress", kind)
    model = fresh(estimator).fit(data.X, data.y)
    wanted = model.transform(data.X_test)
    if (
        importlib.util.find_spec("pandas") is None
        or np.ndim(wanted) != 2
        or not hasattr(model, "get_feature_names_out")
    ):
        return
    found = model.set_output(transform="pandas").transform(data.X_test)
    if list(getattr(found, "columns", ())) != list(model.get_feature_names_out()):
        raise AssertionError(f"set_output(transform='pandas') is asked, and transform gives {type(found).__name__}")
    same_bits(found.to_numpy(), wanted, "the frame of set_output and the array", nan=True)


@check("3-D", "ragged", tasks=TRANSFORM)
def check_fit_order(estimator: Any, kind: Any) -> None:
    """The order of the rows in fit does not matter."""
    data = make_problem("regress", kind)
    order = np.random.default_rng(1).permutation(len(data.y))
    wanted = answers(fresh(estimator).fit(data.X), data.X_test)
    found = answers(fresh(estimator).fit(take(data.X, order)), data.X_test)
    close(found, wanted, "another order of the rows in fit", nan=True)


@check("3-D", "ragged", "table", tasks=TRANSFORM)
def check_failed_transformer_fit(estimator: Any, kind: Any) -> None:
    """A fit that fails leaves a fitted transformer as it was."""
    data = make_problem("regress", kind)
    model = fresh(estimator).fit(data.X)
    before, wanted = snapshot(model), answers(model, data.X_test)
    broken: Any = copy_rows(data.X)
    broken[2][...] = np.inf
    try:
        model.fit(broken if kind == "ragged" else np.stack(broken))
    except ValueError:
        pass
    else:
        raise AssertionError("infinity in X was not refused")
    same_state(model, before, "after a fit that failed")
    same_bits(answers(model, data.X_test), wanted, "after a fit that failed", nan=True)
