"""The models that the automatic estimators mix.

Each is fitted on all rows, says what it would say of each row without that row (but networks of few rows), and is kept as a
dictionary of plain values, arrays and estimators of this package.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.model_selection import KFold, StratifiedKFold

from sklearn_seq.auto.trees import fit_trees, run_trees
from sklearn_seq.auto.views import view_features
from sklearn_seq.sequences import Sequences
from sklearn_seq.training.blas import one_blas_thread
from sklearn_seq.training.ridge import RidgePath, linear_map
from sklearn_seq.training.temperature import fit_temperature

__all__ = ["Fitted", "enough_for_networks", "fit_network", "fit_ridge", "fit_trees_on", "run_head"]

_LEAST = 1e-6  # probability; logarithms of less say no more
_FOLDS = 3
# Rows from which on others judge a network that classifies. Of few rows all are needed to learn, and a score of what was left
# out says little; of many it pays: in cross-validation of the training parts of PenDigits and MNIST (7794 rows) 112 rows were
# wrong with weights that were learnt, 119 with equal ones.
_MANY_ROWS = 1000
_MANY_NUMBERS = 30  # regressors are always judged, or left out, since one that is wrong has no bound
_UNSURE = 2.0  # what the logits of a network are divided by that nothing judges: it is too sure of what it never saw
_ROWS = 512  # predicted at a time, which bounds the memory of features

Fitted = tuple[dict[str, Any], np.ndarray | None]  # a head, and its left out values (n, K) if it has some


def _features(view: Any, data: Sequences) -> np.ndarray:
    return view_features(view, data) if isinstance(view, dict) else view._features(data)


def fit_ridge(estimator: Any, view: Any, data: Sequences, target: np.ndarray, weight: np.ndarray) -> Fitted:
    """Ridge regression on the features of a view, with exact leave-one-out values."""
    with one_blas_thread():
        path = RidgePath(_features(view, data), estimator._head_target(target), weight)
        solution, temperature = estimator._solve_head(path, target, weight)
    head = {
        "kind": "ridge",
        "view": view,
        "coef": (solution.coef / temperature).astype(np.float32),
        "intercept": solution.intercept / temperature,
    }
    return head, solution.loo / temperature


def fit_trees_on(
    view: Any,
    data: Sequences,
    target: np.ndarray,
    weight: np.ndarray,
    *,
    n_trees: int,
    n_classes: int | None,
    random: np.random.RandomState,
    n_jobs: int | None,
) -> Fitted:
    """Trees on the features of a view; what is left out of their samples judges them."""
    trees, left_out = fit_trees(
        _features(view, data), target, weight, n_trees=n_trees, n_classes=n_classes, random=random, n_jobs=n_jobs
    )
    if n_classes is not None:
        left_out = np.log(np.maximum(left_out, _LEAST))
    return {"kind": "trees", "view": view, "trees": trees, "logarithm": n_classes is not None}, left_out


def enough_for_networks(n: int, n_classes: int | None) -> bool:
    """Whether there are rows enough for `fit_network`."""
    return n_classes is not None or n >= _MANY_NUMBERS


def fit_network(
    network: Any,
    data: Sequences,
    target: np.ndarray,
    weight: np.ndarray,
    *,
    n_classes: int | None,
    random: np.random.RandomState,
    n_jobs: int | None,
    n_folds: int = _FOLDS,
) -> Fitted:
    """A network of all rows, or, where there are rows enough, the mean of three that each leave a third of them out.

    What the three, or ``n_folds``, say of the rows that they left out judges them.
    """
    n = len(data)
    folds = _folds(target, n_classes, n_folds, random)
    parts = [rows for rows, _ in folds] or [np.arange(n)]
    seeds = random.randint(2**31 - 1, size=len(parts))
    # one network alone is not worth another process
    fitted = Parallel(n_jobs=n_jobs if len(parts) > 1 else 1)(
        delayed(_fit_one)(network, int(seed), data[rows], target[rows], weight[rows])
        for seed, rows in zip(seeds, parts, strict=True)
    )
    head = {"kind": "networks", "members": fitted, "n_classes": n_classes, "temperature": 1.0}
    if not folds:
        return head | {"temperature": _UNSURE}, None
    left_out = np.empty((n, n_classes or target.shape[1]))
    for judge, (_, rows) in zip(fitted, folds, strict=True):
        left_out[rows] = _network_outputs(judge, data[rows], n_classes)
    if n_classes is not None:
        head["temperature"] = fit_temperature(left_out, target, weight)[0]
    return head, left_out / head["temperature"]


def _folds(
    target: np.ndarray, n_classes: int | None, n_folds: int, random: np.random.RandomState
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to learn from and rows left out, for each network that judges; none where there are too few rows."""
    seed = random.randint(2**31 - 1)
    if n_classes is None:
        return list(KFold(n_folds, shuffle=True, random_state=seed).split(target))
    if len(target) < _MANY_ROWS or np.unique(target, return_counts=True)[1].min() < n_folds:
        return []
    return list(StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(target, target))


def _fit_one(network: Any, seed: int, data: Sequences, target: np.ndarray, weight: np.ndarray) -> Any:
    y = target[:, 0] if target.ndim == 2 and target.shape[1] == 1 else target
    return type(network)(**network.get_params()).set_params(random_state=seed).fit(data, y, sample_weight=weight)


def _network_outputs(network: Any, data: Sequences, n_classes: int | None) -> np.ndarray:
    """Logarithms of probabilities of all classes, or numbers, (n, K)."""
    if n_classes is None:
        found = network.predict(data)
        return found[:, None] if found.ndim == 1 else found
    out = np.full((len(data), n_classes), np.log(_LEAST))
    out[:, network.classes_] = np.maximum(network.predict_log_proba(data), np.log(_LEAST))
    return out


def run_head(head: dict[str, Any], data: Sequences) -> np.ndarray:
    """Logits or numbers of a head, (n, K)."""
    parts = [_run_part(head, data[np.arange(i, min(i + _ROWS, len(data)))]) for i in range(0, len(data), _ROWS)]
    return np.concatenate(parts)


def _run_part(head: dict[str, Any], data: Sequences) -> np.ndarray:
    if head["kind"] == "networks":
        every = [_network_outputs(member, data, head["n_classes"]) for member in head["members"]]
        return np.mean(every, axis=0) / head["temperature"]
    features = _features(head["view"], data)
    if head["kind"] == "trees":
        found = run_trees(head["trees"], features)
        return np.log(np.maximum(found, _LEAST)) if head["logarithm"] else found
    with one_blas_thread():
        return linear_map(features, head["coef"], head["intercept"])
