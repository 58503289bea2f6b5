"""Weights, validation, going on, and losses that run away."""

import copy
from typing import Any

import numpy as np

from sklearn_seq.testing.compare import answers, close, far_too_fast, fresh, refuses, same_bits, task_of
from sklearn_seq.testing.data import make_problem, take
from sklearn_seq.testing.registry import PREDICT, check

__all__: list[str] = []


@check("2-D", "3-D", "ragged", "Sequences")
def check_weights(estimator: Any, kind: Any) -> None:
    """Weight three is three copies, weight one is none, weight zero is not there: to the bit."""
    data = make_problem(task_of(estimator), kind)
    n = len(data.y)
    rng = np.random.default_rng(2)

    def answer(X: Any, y: Any, **weights: Any) -> np.ndarray:
        return answers(fresh(estimator).fit(X, y, **weights), data.X_test)

    plain = answer(data.X, data.y)
    same_bits(answer(data.X, data.y, sample_weight=np.ones(n)), plain, "weights of one and none")
    same_bits(answer(data.X, data.y, sample_weight=np.full(n, 4.0)), plain, "weights of four and none")
    copies = rng.permutation(np.repeat(np.arange(n), 3))
    same_bits(answer(take(data.X, copies), data.y[copies]), plain, "all rows three times, shuffled, and once")
    weight = rng.integers(0, 4, size=n)
    weight[:6] = 1  # some of each class stay
    rows = rng.permutation(np.repeat(np.arange(n), weight))
    weighted = answer(data.X, data.y, sample_weight=weight)
    same_bits(weighted, answer(take(data.X, rows), data.y[rows]), "weights 0 to 3 and as many copies")
    some = rng.permutation(np.flatnonzero(weight))
    same_bits(
        weighted,
        answer(take(data.X, some), data.y[some], sample_weight=weight[some].astype(float)),
        "weight zero and left out",
    )
    if np.array_equal(weighted, plain):
        raise AssertionError("weights change nothing")


@check("3-D", "ragged")
def check_best_epoch(estimator: Any, kind: Any) -> None:
    """With early stopping, the module is that of the epoch with the best validation score."""
    if "early_stopping" not in estimator.get_params(deep=False):
        return
    data = make_problem(task_of(estimator), kind)
    # a large step, so that scores go up and down
    model = fresh(estimator, early_stopping=True, max_epochs=12, n_iter_no_change=4, lr=0.1, lr_schedule="constant")
    model.fit(data.X, data.y, X_val=data.X_test, y_val=data.y_test)
    scores = np.asarray(model.validation_scores_)
    if len(scores) != model.n_iter_ or len(model.loss_curve_) != model.n_iter_ or len(model.history_) != model.n_iter_:
        raise AssertionError(f"{model.n_iter_} epochs, but {len(scores)} scores and {len(model.loss_curve_)} losses")
    if scores[model.best_epoch_ - 1] != scores.max():
        raise AssertionError(f"best_epoch_ is {model.best_epoch_}, but the best of {scores.round(4)} is another")
    close(model.score(data.X_test, data.y_test), scores.max(), "score of the module that was kept", tolerance=1e-5)
    own = fresh(estimator, early_stopping=True).fit(data.X, data.y)  # a part held out
    if len(own.validation_scores_) != own.n_iter_:
        raise AssertionError("without X_val no part is held out")


@check("3-D", "ragged")
def check_partial_fit(estimator: Any, kind: Any) -> None:
    """Each call is one epoch further, from where the last ended, with the rate that is set now."""
    if not hasattr(estimator, "partial_fit"):
        return
    task = task_of(estimator)
    data = make_problem(task, kind)
    first = {"classes": np.unique(np.hstack(list(data.y)))} if task in ("classify", "tag") else {}
    half = take(data.X, range(12)), data.y[:12]
    model = fresh(estimator).partial_fit(*half, **first)
    curve = list(model.loss_curve_)
    for i in range(2, 4):
        model.partial_fit(take(data.X, range(12, 24)), data.y[12:24])
        if model.n_iter_ != i or len(model.loss_curve_) != i or model.loss_curve_[:-1] != curve:
            raise AssertionError(f"after {i} calls n_iter_ is {model.n_iter_} and loss_curve_ {model.loss_curve_}")
        curve = list(model.loss_curve_)
    again = fresh(estimator).partial_fit(*half, **first)
    again.partial_fit(take(data.X, range(12, 24)), data.y[12:24])
    again = copy.deepcopy(again).partial_fit(take(data.X, range(12, 24)), data.y[12:24])
    same_bits(answers(again, data.X_test), answers(model, data.X_test), "partial_fit after a copy, and without")
    _rate_takes_effect(model, lambda m: m.partial_fit(*half), data.X_test)


@check("3-D", "ragged")
def check_warm_start(estimator: Any, kind: Any) -> None:
    """A second fit goes on from the first; without warm_start it starts afresh."""
    if not {"warm_start", "max_epochs"} <= estimator.get_params(deep=False).keys():
        return
    data = make_problem(task_of(estimator), kind)
    once = fresh(estimator, max_epochs=2).fit(data.X, data.y)
    wanted = answers(once, data.X_test)
    same_bits(answers(once.fit(data.X, data.y), data.X_test), wanted, "fit twice without warm_start")
    model = fresh(estimator, max_epochs=2, warm_start=True).fit(data.X, data.y)
    same_bits(answers(model, data.X_test), wanted, "the first fit with warm_start")
    curve = list(model.loss_curve_)
    model.set_params(max_epochs=3).fit(data.X, data.y)
    if model.n_iter_ != 5 or len(model.history_) != 5 or model.loss_curve_[:2] != curve:
        raise AssertionError(f"after 2 and 3 epochs n_iter_ is {model.n_iter_}, loss_curve_ {model.loss_curve_}")
    _rate_takes_effect(model, lambda m: m.fit(data.X, data.y), data.X_test)


def _rate_takes_effect(model: Any, go_on: Any, X_test: Any) -> None:
    """Held against what is trained: running statistics, as of batch norm, follow the data at any rate."""
    if "lr" not in model.get_params(deep=False):
        return
    before = _trained(model, X_test)
    still = go_on(copy.deepcopy(model).set_params(lr=1e-12))
    close(_trained(still, X_test), before, "going on at a rate of 1e-12", tolerance=1e-5)
    moved = _trained(go_on(copy.deepcopy(model).set_params(lr=5e-2)), X_test)
    if np.allclose(moved, before, atol=1e-4):
        raise AssertionError("another lr set before going on has no effect")


def _trained(model: Any, X_test: Any) -> np.ndarray:
    """The parameters of a network side by side, or the answers of what has none to show."""
    module = getattr(model, "module_", None)
    if module is None:
        return answers(model, X_test)
    return np.concatenate([parameter.detach().cpu().numpy().ravel() for parameter in module.parameters()])


@check("3-D", "ragged", "table", tasks=(*PREDICT, "forecast"))
def check_loss_not_finite(estimator: Any, kind: Any) -> None:
    """A loss that is not finite stops with the epoch, the batch and the learning rate."""
    if not {"lr", "gradient_clip"} <= estimator.get_params(deep=False).keys():
        return
    data = make_problem(task_of(estimator), kind)
    lr = far_too_fast(estimator)
    model = fresh(estimator, lr=lr, gradient_clip=None, optimizer="sgd", weight_decay=1.0, max_epochs=8)
    with refuses(f"lr={lr:g}", "epoch", "batch", "rate"):
        model.fit(data.X, data.y)
