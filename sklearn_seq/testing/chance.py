"""Chance: ``random_state`` alone decides, and nothing outside the estimator is touched."""

import contextlib
import io
import os
import tempfile
import warnings
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator

from sklearn_seq.testing.compare import answers, draws, fresh, same_bits, task_of
from sklearn_seq.testing.data import make_problem, take
from sklearn_seq.testing.registry import ALL, PREDICT, check

__all__: list[str] = []


@check("3-D", "ragged", "table", tasks=(*PREDICT, "forecast"))
def check_seed(estimator: Any, kind: Any) -> None:
    """The same seed gives the same bits, whatever the global generators hold; another seed gives others."""
    data = make_problem(task_of(estimator), kind)
    # sums can be told exactly, without chance; their size cannot
    y = np.abs(data.y) if task_of(estimator) == "regress" else data.y
    has_dropout = "dropout" in estimator.get_params(deep=False)
    for options in [{}, {"dropout": 0.3, "n_layers": 2}] if has_dropout else [{}]:
        wanted = answers(fresh(estimator, **options).fit(data.X, y), data.X_test)
        torch.rand(7)
        np.random.rand(7)  # noqa: NPY002
        again = answers(fresh(estimator, **options).fit(data.X, y), data.X_test)
        same_bits(again, wanted, f"the same seed after the global generators moved {options or ''}")
        other = answers(fresh(estimator, random_state=1, **options).fit(data.X, y), data.X_test)
        if draws(estimator) and np.array_equal(other, wanted):
            raise AssertionError("another random_state gives the same bits")


@check("3-D", "ragged", "table", tasks=ALL)
def check_globals(estimator: Any, kind: Any) -> None:
    """The generators of torch and numpy, torch's threads and the filters of warnings are left as found."""
    data = make_problem(task_of(estimator), kind)
    names = ("torch's generator", "numpy's generator", "torch's number of threads", "torch's default dtype", "filters")

    def state() -> tuple:
        kind, keys, position, *rest = np.random.get_state()  # noqa: NPY002
        return (
            torch.get_rng_state().numpy().tobytes(),
            (kind, np.asarray(keys).tobytes(), position, *rest),
            torch.get_num_threads(),
            torch.get_default_dtype(),
            list(warnings.filters),
        )

    model = fresh(estimator)
    for step in ("fit", "answers"):
        before = state()
        model.fit(data.X, data.y) if step == "fit" else answers(model, data.X_test)
        changed = [name for name, a, b in zip(names, before, state(), strict=True) if a != b]
        if changed:
            raise AssertionError(f"{step} changed {', '.join(changed)}")


@check("3-D", "ragged", "Sequences")
def check_row_order(estimator: Any, kind: Any) -> None:
    """The order of the rows changes no bit."""
    data = make_problem(task_of(estimator), kind)
    weight = np.random.default_rng(5).uniform(0.5, 2, size=len(data.y))
    wanted = answers(fresh(estimator).fit(data.X, data.y, sample_weight=weight), data.X_test)
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(len(data.y))
        model = fresh(estimator).fit(take(data.X, order), data.y[order], sample_weight=weight[order])
        same_bits(answers(model, data.X_test), wanted, "another order of the rows")


@check("3-D", "ragged", "table", tasks=ALL)
def check_silent(estimator: Any, kind: Any) -> None:
    """Nothing is printed, nothing is warned of, no file is written."""
    data = make_problem(task_of(estimator), kind)
    out, err = io.StringIO(), io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        model = fresh(estimator).fit(data.X, data.y)
        answers(model, data.X_test)
        files = os.listdir(folder)
    for what, found in (("stdout", out.getvalue()), ("stderr", err.getvalue()), ("files", files), ("warnings", caught)):
        if found:
            raise AssertionError(f"fit and predict are not silent: {what}: {[str(item) for item in found][:3]}")


class Idle(BaseEstimator):
    """A callback of skorch and of scikit-learn that does nothing."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}

    def initialize(self) -> "Idle":
        return self

    def setup(self, estimator: Any, context: Any) -> None:
        pass

    def teardown(self, estimator: Any, context: Any) -> None:
        pass

    def _count(self, name: str) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1


def _counter(name: str) -> Any:
    def hook(self: Idle, *args: Any, **kwargs: Any) -> None:
        self._count(name)

    return hook


_HOOKS = ("train_begin", "train_end", "epoch_begin", "epoch_end", "batch_begin", "batch_end", "grad_computed")
for _name in (*_HOOKS, "fit_task_begin", "fit_task_end"):
    setattr(Idle, f"on_{_name}", _counter(f"on_{_name}"))


@check("3-D", "ragged", "table", tasks=(*PREDICT, "forecast"))
def check_idle_callbacks(estimator: Any, kind: Any) -> None:
    """A callback that does nothing is called, and changes no bit."""
    data = make_problem(task_of(estimator), kind)
    options = {"dropout": 0.3}
    plain = fresh(estimator, **options).fit(data.X, data.y)
    wanted = answers(plain, data.X_test)
    if "callbacks" in estimator.get_params(deep=False):
        idle = Idle()
        model = fresh(estimator, **options).set_params(callbacks=[idle]).fit(data.X, data.y)
        same_bits(answers(model, data.X_test), wanted, "with an idle callback of skorch")
        missed = [f"on_{name}" for name in _HOOKS if f"on_{name}" not in idle.calls]
        if missed or idle.calls["on_epoch_end"] != model.n_iter_:
            raise AssertionError(f"a callback of skorch was called {idle.calls} times in {model.n_iter_} epochs")
    if hasattr(estimator, "set_callbacks"):
        idle = Idle()
        model = fresh(estimator, **options).set_callbacks(idle).fit(data.X, data.y)
        same_bits(answers(model, data.X_test), wanted, "with an idle callback of scikit-learn")
        # once for each epoch and once for the fit
        if idle.calls.get("on_fit_task_end") != model.n_iter_ + 1:
            raise AssertionError(f"a callback of scikit-learn was called {idle.calls} times in {model.n_iter_} epochs")
