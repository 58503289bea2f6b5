"""What a legal weight and a legal group are."""

from numbers import Number
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array

__all__ = ["read_groups", "read_weight"]


def read_weight(sample_weight: Any, n_samples: int) -> np.ndarray:
    """Sample weights as float64, ones by default.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,), number or None
    n_samples : int

    Returns
    -------
    ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        For another length, negative, missing or infinite weights, or when all are zero.
    """
    if sample_weight is None:
        return np.ones(n_samples)
    if isinstance(sample_weight, Number):
        sample_weight = np.full(n_samples, sample_weight)
    try:
        weight = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    except ValueError as error:
        if not str(error).startswith("could not convert"):
            raise
        raise ValueError(f"sample_weight holds what is no number: {error}") from None
    if weight.ndim != 1 or len(weight) != n_samples:
        raise ValueError(f"sample_weight.shape == {weight.shape}, expected {(n_samples,)}: one weight a sample of X")
    if (weight < 0).any():
        i = int((weight < 0).argmax())
        raise ValueError(
            f"Negative values in data passed to `sample_weight`: sample_weight[{i}] is {weight[i]:g}; wanted 0 or more"
        )
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight


def read_groups(groups: Any, n_samples: int) -> np.ndarray | None:
    """Groups as numbers from 0, or None.

    Parameters
    ----------
    groups : array-like of shape (n_samples,) or None
        Labels of any kind.
    n_samples : int

    Returns
    -------
    ndarray of int of shape (n_samples,), or None
    """
    if groups is None:
        return None
    labels = np.asarray(groups)
    if labels.ndim != 1:
        raise ValueError(f"groups has shape {labels.shape}; wanted one label a sample, ({n_samples},)")
    if len(labels) != n_samples:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has {n_samples} and groups has {len(labels)}; "
            "wanted one label a sample"
        )
    try:
        return np.unique(labels, return_inverse=True)[1]
    except TypeError:
        types = sorted({type(label).__name__ for label in labels})
        raise TypeError(
            f"groups holds labels of the types {', '.join(types)}, which cannot be told apart; wanted one"
        ) from None
