"""Windows of sequences and of tables, and rows scored by the windows that hold them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.utils import Tags

from sklearn_seq.outliers._base import FALSE_ALARMS, DetectorMixin
from sklearn_seq.params import estimator
from sklearn_seq.preprocessing._base import read_table
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.gate import read_X
from sklearn_seq.sequences.order import distinct_rows
from sklearn_seq.sequences.reading import float_dtype

__all__ = ["WindowDetectorMixin", "Windows", "folds_of", "read_windows", "rows_from_windows"]

_FOLDS = 5


class Windows(NamedTuple):
    """Stretches of one length, which share the rows they come from.

    Attributes
    ----------
    all : Sequences
        Those of the first sequence first; of each, they begin at its rows 0, 1, ...
    first : ndarray of int of shape (n_sequences,)
        The first window of each sequence.
    """

    all: Sequences
    first: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """How many windows each sequence has."""
        return np.diff(self.first, append=len(self.all))


def read_windows(data: Sequences, window: int) -> Windows:
    """All windows of sequences; one that is shorter has its first row repeated in front, to be one window."""
    short = np.maximum(window - data.lengths, 0)
    if short.any():
        parts = [
            np.concatenate([np.repeat(one[:1], n, axis=0), one]) for one, n in zip(data, short.tolist(), strict=True)
        ]
        data = Sequences.from_list(parts)
    counts = data.lengths - window + 1
    first = np.cumsum(counts) - counts
    starts = np.arange(int(counts.sum())) + np.repeat(data.starts - first, counts)
    return Windows(Sequences._make(data.values, starts, starts + window), first)


def rows_from_windows(scores: np.ndarray, window: int, n_rows: int) -> np.ndarray:
    """What each row of one sequence comes to: the mean of the windows that hold it.

    Parameters
    ----------
    scores : ndarray of shape (n_windows,)
        Of windows that begin at rows 0, 1, ...
    window : int
    n_rows : int
        ``n_windows + window - 1``, or fewer where there is one window alone.

    Returns
    -------
    ndarray of shape (n_rows,)
    """
    if n_rows < window:
        return np.repeat(scores, n_rows)
    # no differences of running sums: one huge score would cost the digits of all behind it
    padded = np.concatenate([np.zeros(window - 1), scores, np.zeros(window - 1)])
    rows = np.arange(n_rows)
    held = np.minimum(rows, len(scores) - 1) - np.maximum(rows - window + 1, 0) + 1
    return sliding_window_view(padded, window).sum(axis=1) / held


def folds_of(n: int) -> np.ndarray:
    """A fold for each of so many sequences, whose order is that of their content."""
    return np.arange(n) % min(_FOLDS, n)


@estimator
class WindowDetectorMixin(DetectorMixin):
    """A detector of windows: of whole sequences, or of the rows of a table.

    A family says which window it takes (``_settle_window``), what it learns of windows (``_solve``), and how normal it finds windows
    (``_decide``).

    Attributes
    ----------
    window_ : int
        Rows of a window.
    n_timesteps_in_ : int or None
        Length of the sequences in ``fit``; None for ragged data. A table sets none.
    """

    rows: Annotated[
        Literal["samples", "time"],
        'What is scored: ``"samples"``, whole sequences; ``"time"``, each row of one table ``(n_rows, n_features)`` in time order, by the '
        "mean of the windows that hold it.",
    ] = "samples"

    _most_folds: ClassVar[int] = _FOLDS  # that are held out, of as many as there are
    _whole: ClassVar[bool] = False  # whether sequences are read whole, whatever their length

    if TYPE_CHECKING:

        def _settle_window(self, data: Sequences) -> int:
            """Rows of a window."""

        def _solve(self, windows: Sequences) -> dict[str, Any]:
            """Learn from windows; all that `_decide` needs is in the result."""

        def _decide(self, windows: Sequences, solved: dict[str, Any]) -> np.ndarray:
            """How normal windows are, (n,)."""

    @property
    def _missing(self) -> Literal["error", "mask"]:
        """Whether NaN is refused."""
        return "error"

    def _read(self, X: Any, *, reset: bool) -> Sequences:
        as_table = self.rows == "time" if reset else self._kind == "table"
        if not as_table:
            return read_X(self, X, reset=reset, dtype=float_dtype(X), missing=self._missing).sequences
        data = read_table(self, X, reset=reset, missing=self._missing)
        if reset:
            self._kind = "table"
        return data

    def _learn(self, X: Any) -> float:
        data = self._read(X, reset=True)
        if self._kind != "table":  # the order of sequences means nothing, and their content gives another
            rows, weight = distinct_rows(data, np.ones(len(data)))
            data = data[np.repeat(rows, weight.astype(np.int64))].to_block()
        self.window_ = self._settle_window(data)
        windows = self._windows(data)
        self._solved = self._solve(windows.all)
        if self.contamination != "auto":  # then the threshold comes from the rows learnt from
            return np.nan
        return float(np.quantile(self._held_out(windows, data), FALSE_ALARMS))

    def _windows(self, data: Sequences) -> Windows:
        if self._whole and self._kind != "table":
            return Windows(data, np.arange(len(data)))
        return read_windows(data, self.window_)

    def _held_out(self, windows: Windows, data: Sequences) -> np.ndarray:
        """Scores of rows by models that did not learn from them."""
        if self._kind != "table":
            return self._hold_out_sequences(windows)
        return self._hold_out_blocks(windows, int(data.lengths[0]))

    def _hold_out_sequences(self, windows: Windows) -> np.ndarray:
        fold, counts = folds_of(len(windows.first)), windows.counts
        found = []
        for k in range(min(int(fold.max()) + 1, self._most_folds)):
            held = fold == k
            of_window = np.repeat(held, counts)
            rest = windows.all[~of_window]
            solved = self._solve(rest) if len(rest) else self._solved  # one sequence alone is all there is
            scores = self._decide(windows.all[of_window], solved)
            found.append(np.add.reduceat(scores, np.cumsum(counts[held]) - counts[held]) / counts[held])
        return np.concatenate(found)

    def _hold_out_blocks(self, windows: Windows, n_rows: int) -> np.ndarray:
        window = self.window_
        edges = np.linspace(0, n_rows, _FOLDS + 1).astype(np.int64).tolist()
        begins, found = np.arange(len(windows.all)), []
        for start, stop in list(pairwise(edges))[::-1][: self._most_folds]:
            touching = (begins + window > start) & (begins < stop)
            if stop == start or touching.all():
                continue
            scores = self._decide(windows.all[touching], self._solve(windows.all[~touching]))
            first = int(begins[touching][0])
            by_row = rows_from_windows(scores, window, len(scores) + window - 1)
            found.append(by_row[start - first : stop - first])
        if not found:  # too short to hold anything out
            return rows_from_windows(self._decide(windows.all, self._solved), window, n_rows)
        return np.concatenate(found)

    def _scores(self, X: Any) -> np.ndarray:
        data = self._read(X, reset=False)
        windows = self._windows(data)
        scores = self._decide(windows.all, self._solved)
        if self._kind == "table":
            return rows_from_windows(scores, self.window_, int(data.lengths[0]))
        return np.add.reduceat(scores, windows.first) / windows.counts

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = self.rows == "samples"
        tags.input_tags.allow_nan = self._missing == "mask"
        return tags
