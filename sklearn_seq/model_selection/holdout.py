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
    among: np.ndarray | None = None,
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
    among : ndarray of int, optional
        Rows that may be held out, and of which the share is; the others are for training, where they may be.

    Returns
    -------
    train, valid : ndarray of int
        Row numbers, in order.

    Raises
    ------
    ValueError
        When either part would be empty.
    """
    rows = np.arange(len(X)) if among is None else among
    n = len(rows)
    if groups is not None:
        if len(np.unique(groups[rows])) < 2:
            raise ValueError(
                "early_stopping=True holds out whole groups, but all rows are of one group; "
                "wanted at least 2 groups. Give X_val and y_val, or leave groups out."
            )
        splitter = GroupShuffleSplit(n_splits=1, test_size=fraction, random_state=random_state)
        _, valid = next(splitter.split(rows, groups=groups[rows]))
        valid = rows[valid]
        train = np.flatnonzero(~np.isin(groups, groups[valid]))
    elif X.overlapping:
        train, valid = _from_the_end(X, fraction, rows)
    else:
        if n < 2:
            raise ValueError(
                f"early_stopping=True holds out validation_fraction={fraction} of the rows, but there is only {n} distinct "
                "row; wanted at least 2. Give more rows, X_val and y_val, or early_stopping=False."
            )
        n_valid = min(n - 1, int(np.ceil(fraction * n)))
        valid = _by_chance(rows, n_valid, None if labels is None else labels[rows], random_state)
        train = np.setdiff1d(np.arange(len(X)), valid)
    return np.sort(train), np.sort(valid)


def _by_chance(
    rows: np.ndarray, n_valid: int, labels: np.ndarray | None, random_state: np.random.RandomState
) -> np.ndarray:
    if labels is not None:
        _, counts = np.unique(labels, return_counts=True)
        # scikit-learn's rule for a stratified split; with less there is nothing to stratify
        if counts.min() >= 2 and len(counts) <= min(n_valid, len(rows) - n_valid):
            return train_test_split(rows, test_size=n_valid, random_state=random_state, stratify=labels)[1]
    return train_test_split(rows, test_size=n_valid, random_state=random_state)[1]


def _from_the_end(X: Sequences, fraction: float, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = rows[np.argsort(X.stops[rows], kind="stable")]
    n_valid = max(1, int(np.ceil(fraction * len(rows))))
    valid = order[-n_valid:]
    train = np.flatnonzero(X.stops <= X.starts[valid].min())
    if not np.isin(train, rows).any():
        raise ValueError(
            f"validation_fraction={fraction} of {len(rows)} overlapping windows leaves no window to train on that shares no row "
            "with the validation part. Give more windows, shorter ones, a smaller fraction, X_val and y_val, or "
            "early_stopping=False."
        )
    return train, valid
