"""The part of the training rows that early stopping is decided on."""

import numpy as np
from sklearn.model_selection import GroupShuffleSplit, train_test_split

from sklearn_seq.sequences import Sequences

__all__ = ["hold_out"]


def hold_out(
    X: Sequences,
    fraction: float,
    *,
    random_state: np.random.RandomState,
    labels: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Split rows into a part to train on and one to validate on.

    Whole groups where groups are given; else, for windows that overlap, the last ones in time, without those training
    windows that share rows with them; else by chance, stratified where labels are given and each occurs often enough.

    Parameters
    ----------
    X : Sequences
        The rows.
    fraction : float
        Share to hold out.
    random_state : RandomState
        Decides what chance decides.
    labels : ndarray of shape (n_samples,), optional
        Classes.
    groups : ndarray of shape (n_samples,), optional
        What must not be torn apart.

    Returns
    -------
    train, valid : ndarray of int
        Row numbers, in order.

    Raises
    ------
    ValueError
        When either part would be empty.
    """
    n = len(X)
    rows = np.arange(n)
    if groups is not None:
        if len(np.unique(groups)) < 2:
            raise ValueError(
                "early_stopping=True holds out whole groups, but all rows are of one group; "
                "wanted at least 2 groups. Give X_val and y_val, or leave groups out."
            )
        splitter = GroupShuffleSplit(n_splits=1, test_size=fraction, random_state=random_state)
        train, valid = next(splitter.split(rows, groups=groups))
    elif X.overlapping:
        train, valid = _from_the_end(X, fraction)
    else:
        if n < 2:
            raise ValueError(
                f"early_stopping=True holds out validation_fraction={fraction} of the rows, but there is only {n} distinct "
                "row; wanted at least 2. Give more rows, X_val and y_val, or early_stopping=False."
            )
        n_valid = min(n - 1, int(np.ceil(fraction * n)))
        train, valid = _by_chance(rows, n_valid, labels, random_state)
    return np.sort(train), np.sort(valid)


def _by_chance(
    rows: np.ndarray, n_valid: int, labels: np.ndarray | None, random_state: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    if labels is not None:
        _, counts = np.unique(labels, return_counts=True)
        # scikit-learn's rule for a stratified split; with less there is nothing to stratify
        if counts.min() >= 2 and len(counts) <= min(n_valid, len(rows) - n_valid):
            return train_test_split(rows, test_size=n_valid, random_state=random_state, stratify=labels)
    return train_test_split(rows, test_size=n_valid, random_state=random_state)


def _from_the_end(X: Sequences, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(X.stops, kind="stable")
    n_valid = max(1, int(np.ceil(fraction * len(X))))
    valid = order[-n_valid:]
    train = order[:-n_valid]
    train = train[X.stops[train] <= X.starts[valid].min()]
    if not len(train):
        raise ValueError(
            f"validation_fraction={fraction} of {len(X)} overlapping windows leaves no window to train on that shares no row "
            "with the validation part. Give more windows, shorter ones, a smaller fraction, X_val and y_val, or "
            "early_stopping=False."
        )
    return train, valid
