"""The models that the automatic estimators mix.

Each is fitted on all rows, says what it would say of each row without that row, and is kept as a dictionary of plain
values, arrays and estimators of this package.
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

__all__ = ["Fitted", "enough_for_networks", "fit_networks", "fit_ridge", "fit_trees_on", "run_head"]

_LEAST = 1e-6  # probability; logarithms of less say no more
_FOLDS = 3
# Networks are cross-fitted from so many rows on. With fewer, classifiers need all rows to learn, and a score of what was left
# out says little; regressors are left out, since one that is wrong has no bound.
_MANY_ROWS = 300
_MANY_NUMBERS = 30
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
    """Whether there are rows enough for `fit_networks`."""
    return n_classes is not None or n >= _MANY_NUMBERS


def fit_networks(
    network: Any,
    data: Sequences,
    target: np.ndarray,
    weight: np.ndarray,
    *,
    n_classes: int | None,
    random: np.random.RandomState,
    n_jobs: int | None,
) -> Fitted:
    """Networks: of few rows one learns from all, and nothing judges it; of many each of three leaves a part out."""
    n = len(data)
    fewest = n if n_classes is None else np.bincount(target).min()
    if n >= (_MANY_NUMBERS if n_classes is None else _MANY_ROWS) and fewest >= _FOLDS:
        seed = random.randint(2**31 - 1)
        folds = (KFold if n_classes is None else StratifiedKFold)(_FOLDS, shuffle=True, random_state=seed)
        parts = list(folds.split(np.zeros(n), target))
    else:
        parts = [(np.arange(n), None)]
    seeds = random.randint(2**31 - 1, size=len(parts))
    members = Parallel(n_jobs=n_jobs)(
        delayed(_fit_one)(network, int(seed), data[rows], target[rows], weight[rows])
        for seed, (rows, _) in zip(seeds, parts, strict=True)
    )
    head = {"kind": "networks", "members": members, "n_classes": n_classes}
    if parts[0][1] is None:
        return head, None
    left_out = np.empty((n, n_classes or target.shape[1]))
    for member, (_, rows) in zip(members, parts, strict=True):
        left_out[rows] = _member_outputs(member, data[rows], n_classes)
    return head, left_out


def _fit_one(network: Any, seed: int, data: Sequences, target: np.ndarray, weight: np.ndarray) -> Any:
    y = target[:, 0] if target.ndim == 2 and target.shape[1] == 1 else target
    return type(network)(**network.get_params()).set_params(random_state=seed).fit(data, y, sample_weight=weight)


def _member_outputs(member: Any, data: Sequences, n_classes: int | None) -> np.ndarray:
    """Logarithms of probabilities of all classes, or numbers, (n, K)."""
    if n_classes is None:
        found = member.predict(data)
        return found[:, None] if found.ndim == 1 else found
    out = np.full((len(data), n_classes), np.log(_LEAST))
    out[:, member.classes_] = np.maximum(member.predict_log_proba(data), np.log(_LEAST))
    return out


def run_head(head: dict[str, Any], data: Sequences) -> np.ndarray:
    """Logits or numbers of a head, (n, K)."""
    parts = [_run_part(head, data[np.arange(i, min(i + _ROWS, len(data)))]) for i in range(0, len(data), _ROWS)]
    return np.concatenate(parts)


def _run_part(head: dict[str, Any], data: Sequences) -> np.ndarray:
    if head["kind"] == "networks":
        every = [_member_outputs(member, data, head["n_classes"]) for member in head["members"]]
        return np.mean(every, axis=0) if head["n_classes"] is None else np.logaddexp.reduce(every, axis=0)
    features = _features(head["view"], data)
    if head["kind"] == "trees":
        found = run_trees(head["trees"], features)
        return np.log(np.maximum(found, _LEAST)) if head["logarithm"] else found
    with one_blas_thread():
        return linear_map(features, head["coef"], head["intercept"])
