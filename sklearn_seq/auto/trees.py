"""Extremely randomised trees, kept as plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

__all__ = ["fit_trees", "run_trees"]

_SHARE = 0.1  # of the features, tried at each split


def fit_trees(
    features: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    *,
    n_trees: int,
    n_classes: int | None,
    random: np.random.RandomState,
    n_jobs: int | None,
) -> tuple[dict[str, Any], np.ndarray]:
    """Grow trees (Geurts, Ernst and Wehenkel 2006), each on a bootstrap sample.

    Parameters
    ----------
    features : ndarray of float32 of shape (n, p)
    target : ndarray of int of shape (n,), or of float of shape (n, K)
        Codes of classes, or numbers.
    weight : ndarray of shape (n,)
    n_trees : int
    n_classes : int or None
        None for numbers.
    random : RandomState
    n_jobs : int or None
        Threads of scikit-learn.

    Returns
    -------
    trees : dict of arrays
    left_out : ndarray of shape (n, K)
        Of each row by the trees that did not see it: probabilities, or numbers.
    """
    how = {
        "n_estimators": n_trees,
        "max_features": _SHARE,
        "bootstrap": True,
        "oob_score": False,
        "random_state": random,
        "n_jobs": n_jobs,
    }
    if n_classes is None:
        flat = target[:, 0] if target.shape[1] == 1 else target  # scikit-learn warns of a single column
        forest: Any = ExtraTreesRegressor(**how).fit(features, flat, sample_weight=weight)
    else:
        forest = ExtraTreesClassifier(criterion="entropy", **how).fit(features, target, sample_weight=weight)
    parts = [tree.tree_ for tree in forest.estimators_]
    first = np.cumsum([0, *(part.node_count for part in parts)])[:-1]
    values = np.concatenate([part.value for part in parts])  # (nodes, outputs, classes)
    values = values[:, 0] if n_classes is not None else values[:, :, 0]
    if n_classes is not None:
        values = values / values.sum(axis=1, keepdims=True)
        if len(forest.classes_) < n_classes:
            every = np.zeros((len(values), n_classes))
            every[:, forest.classes_] = values
            values = every
    trees = {
        "first": first,
        "left": np.concatenate(
            [np.where(t.children_left < 0, -1, t.children_left + f) for t, f in zip(parts, first, strict=True)]
        ),
        "right": np.concatenate(
            [np.where(t.children_right < 0, -1, t.children_right + f) for t, f in zip(parts, first, strict=True)]
        ),
        "feature": np.concatenate([np.maximum(t.feature, 0) for t in parts]).astype(np.int32),
        "threshold": np.concatenate([t.threshold for t in parts]),
        "value": values.astype(np.float32),
    }
    return trees, _left_out(trees, forest.estimators_samples_, features, target, weight, n_classes)


def _left_out(
    trees: dict[str, Any],
    samples: list[np.ndarray],
    features: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    n_classes: int | None,
) -> np.ndarray:
    n = len(features)
    # a row that every tree saw gets the mean of all rows
    whole = np.eye(n_classes)[target] if n_classes is not None else target
    mean = np.average(whole, axis=0, weights=weight)
    total, count = np.zeros((n, trees["value"].shape[1])), np.zeros(n)
    for first, seen in zip(trees["first"], samples, strict=True):
        rows = np.setdiff1d(np.arange(n), seen)
        total[rows] += trees["value"][_leaves(trees, np.array([first]), features[rows])[:, 0]]
        count[rows] += 1
    return np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], mean)


def _leaves(trees: dict[str, Any], roots: np.ndarray, features: np.ndarray) -> np.ndarray:
    """The leaf that each row comes to in each tree, (n, n_trees)."""
    nodes = np.tile(roots, (len(features), 1))
    left, right, feature, threshold = (trees[name] for name in ("left", "right", "feature", "threshold"))
    rows = np.arange(len(features))[:, None]
    while True:
        inner = left[nodes] >= 0
        if not inner.any():
            return nodes
        down = np.where(features[rows, feature[nodes]] <= threshold[nodes], left[nodes], right[nodes])
        nodes = np.where(inner, down, nodes)


_ROWS = 256  # at a time, so that nodes of all trees stay small


def run_trees(trees: dict[str, Any], features: np.ndarray) -> np.ndarray:
    """Mean over the trees, (n, K)."""
    parts = [
        trees["value"][_leaves(trees, trees["first"], features[i : i + _ROWS])].mean(axis=1, dtype=np.float64)
        for i in range(0, len(features), _ROWS)
    ]
    return np.concatenate(parts)
