"""What an estimator learns from: X, y and weights as read, and distinct rows in content order."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import _num_samples

from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.gate import read_X
from sklearn_seq.sequences.order import distinct_rows
from sklearn_seq.sequences.weights import read_groups, read_weight

__all__ = ["ReadingMixin"]


class ReadingMixin:
    """Reads what ``fit`` is given, for networks and for what is solved in closed form.

    ``dtype`` and ``missing`` say how X is read, be they parameters or fixed.
    """

    if TYPE_CHECKING:
        dtype: Any
        missing: Any

    def _read_target(self, y: Any, *, reset: bool, used: np.ndarray | None = None) -> Any:
        """Targets as numbers, an array or `Sequences`; with ``reset``, learn from the rows ``used`` what there is to learn."""
        raise NotImplementedError

    def _pass_gate(self, X: Any, *, reset: bool, sample_weight: Any = None) -> Sequences:
        """X as numbers; text and token ids are refused."""
        data = read_X(self, X, reset=reset, dtype=self.dtype, missing=self.missing).sequences
        if reset:
            self._n_channels = data.n_features
        return data

    def _match(
        self, data: Sequences, target: Any, names: tuple[str, str] = ("X", "y"), rows: np.ndarray | None = None
    ) -> None:
        """Refuse targets that do not fit their sequences, where targets are sequences; ``rows`` are their numbers."""

    def _weigh(self, target: Any, weight: np.ndarray) -> np.ndarray:
        """Sample weights with what the task adds to them."""
        return weight

    def _read_training(
        self, X: Any, y: Any, sample_weight: Any, groups: Any, *, reset: bool
    ) -> tuple[Sequences, Any, np.ndarray, np.ndarray | None]:
        if y is None:
            raise ValueError(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None.")
        data = self._pass_gate(X, reset=reset, sample_weight=sample_weight)
        if issparse(y):
            raise TypeError("Sparse data was passed for y, but dense data is required. Use y.toarray().")
        if _num_samples(y) != len(data):
            raise ValueError(
                f"Found input variables with inconsistent numbers of samples: X has {len(data)} and y has "
                f"{_num_samples(y)}; wanted one target a sequence"
            )
        weight = read_weight(sample_weight, len(data))
        codes = read_groups(groups, len(data))
        used = np.flatnonzero(weight)
        target = self._read_target(y, reset=reset, used=used)
        if len(used) < len(data):
            data, target, weight = data[used], target[used], weight[used]
            codes = None if codes is None else codes[used]
        self._match(data, target, rows=used)
        if reset:
            self._longest = int(data.lengths.max())  # for families whose network goes by it
        return data, target, self._weigh(target, weight), codes

    def _read_distinct(
        self, X: Any, y: Any, sample_weight: Any, groups: Any, *, reset: bool
    ) -> tuple[Sequences, Any, np.ndarray, np.ndarray | None]:
        """As `_read_training`, equal rows as one, in content order."""
        data, target, weight, codes = self._read_training(X, y, sample_weight, groups, reset=reset)
        columns = [target] if codes is None else [target, codes]
        rows, weight = distinct_rows(data, weight, *columns)
        data, target, codes = data[rows], target[rows], None if codes is None else codes[rows]
        if not data.overlapping:
            data = data.to_block()  # sums over it must not depend on the order in which the rows were given
        return data, target, weight, codes

    # -- windows that overlap ----------------------------------------------------------------------------------------

    def _remember_windows(self, data: Sequences) -> None:
        self.__dict__.pop("_trained_windows", None)
        if data._source is not None:
            self._trained_windows = (data._source, np.unique(data._offsets))

    def _warn_of_overlap(self, data: Sequences) -> None:
        source, trained = self._trained_windows
        if data._source != source or data._offsets is None:
            return
        first = data._offsets
        later = np.searchsorted(trained, first, "right") < np.searchsorted(trained, first + data.lengths, "left")
        seen = trained[np.minimum(np.searchsorted(trained, first), len(trained) - 1)] == first
        n = int((later & ~seen).sum())
        if n:
            warnings.warn(
                f"{n} of {len(data)} windows share rows with later windows that {type(self).__name__} was trained on: a score "
                "on them looks into its own future. Split in time order with a gap (TimeSeriesSplit(gap=...)), or put "
                "SlidingWindow into the pipeline, so that each fold makes windows of its own.",
                UserWarning,
                stacklevel=4,
            )
