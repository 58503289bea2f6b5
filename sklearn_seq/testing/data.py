"""Small problems in every kind of ``X``."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sklearn_seq.sequences import Sequences

__all__ = ["KINDS", "Problem", "copy_rows", "make_problem", "take"]

Kind = Literal["2-D", "3-D", "ragged", "Sequences", "cells", "table"]

KINDS: tuple[Kind, ...] = ("2-D", "3-D", "ragged", "Sequences", "cells", "table")


@dataclass(frozen=True)
class Problem:
    """Rows to fit on, and other rows to predict.

    Attributes
    ----------
    X, y : object, ndarray
        To fit on.
    X_test, y_test : object, ndarray
        To predict.
    """

    X: Any
    y: np.ndarray
    X_test: Any
    y_test: np.ndarray


def make_problem(
    task: str = "classify", kind: Kind = "3-D", *, n_samples: int = 24, n_classes: int = 3, seed: int = 0
) -> Problem:
    """Random sequences whose sums decide the target; or a table with a season, whose next rows are to be forecast.

    Parameters
    ----------
    task : {"classify", "regress", "tag", "transcribe", "forecast"}
        Labels are texts (to tag, one a step), numbers have deviation 1, transcripts have one or two characters.
        To forecast is always a table, whatever ``kind`` says: both of its columns.
    kind : {"2-D", "3-D", "ragged", "Sequences", "cells", "table"}
        How ``X`` is given: a list for "ragged", an object array for "cells". A table has ``n_samples`` rows of two
        columns. All but "2-D" have two features. The same seed gives the same sequences as a list, cells and
        `Sequences`.
    n_samples : int
        Rows to fit on; half as many to predict.
    n_classes : int
        For "classify".
    seed : int
        Of the numbers.

    Returns
    -------
    Problem

    Examples
    --------
    >>> from sklearn_seq.testing import make_problem
    >>> problem = make_problem("classify", "ragged")
    >>> len(problem.X), problem.X[0].shape[1], sorted(set(problem.y.tolist()))
    (24, 2, ['a', 'b', 'c'])
    """
    rng = np.random.default_rng(seed)
    n = n_samples + n_samples // 2
    if task == "forecast":
        table = np.sin(np.arange(n)[:, None] * (2 * np.pi / 6) + [0.0, 1.0]) + 0.3 * rng.normal(size=(n, 2))
        past, future = table[:n_samples].copy(), table[n_samples:].copy()
        return Problem(past, past.copy(), future, future.copy())
    rectangular = kind in ("2-D", "3-D", "table")
    lengths = np.full(n, 6) if rectangular else rng.integers(2, 10, size=n)
    lengths = np.ones(n, dtype=int) if kind == "table" else lengths
    sequences = [rng.normal(size=(length, 1 if kind == "2-D" else 2)) for length in lengths]
    total = np.array([sequence.sum() for sequence in sequences])
    y: np.ndarray
    if task == "classify":
        rank = np.empty(n, dtype=int)
        rank[np.argsort(total)] = np.arange(n) * n_classes // n
        y = np.array([chr(ord("a") + r) for r in rank])
        y[:n_classes] = [chr(ord("a") + r) for r in range(n_classes)]  # no class is missing from the first part
    elif task == "tag":
        y = np.empty(n, dtype=object)
        for i, sequence in enumerate(sequences):  # three labels, by how a step lies to the one before it
            change = np.diff(sequence.sum(axis=1), prepend=0.0)
            y[i] = np.where(change > 0.7, "up", np.where(change < -0.7, "down", "flat"))
        y = np.stack(list(y)) if rectangular else y
    elif task == "transcribe":
        high = total > np.median(total)
        y = np.where(lengths > 3, np.where(high, "ab", "ba"), np.where(high, "a", "b"))
    else:
        y = (total - total.mean()) / total.std()
    train, test = sequences[:n_samples], sequences[n_samples:]
    return Problem(_as_kind(train, kind), y[:n_samples], _as_kind(test, kind), y[n_samples:])


def _as_kind(sequences: list[np.ndarray], kind: Kind) -> Any:
    if kind == "3-D":
        return np.stack(sequences)
    if kind == "2-D":
        return np.stack(sequences)[:, :, 0]
    if kind == "table":
        return np.concatenate(sequences)
    if kind == "Sequences":
        return Sequences.from_list(sequences)
    if kind == "cells":
        cells = np.empty(len(sequences), dtype=object)
        cells[:] = sequences
        return cells
    return list(sequences)


def take(X: Any, rows: Any) -> Any:
    """Some rows of any kind of ``X``."""
    return [X[i] for i in rows] if isinstance(X, list) else X[np.asarray(rows)]


def copy_rows(X: Any) -> list[np.ndarray]:
    """All rows as arrays of their own, to see later whether ``X`` was changed."""
    return [np.array(row) for row in X]
