"""The container for sequences of unequal length, and for windows that share their rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_seq.params import public
from sklearn_seq.sequences.finite import refuse_masked
from sklearn_seq.sequences.ids import read_ids
from sklearn_seq.sequences.stretches import (
    CHUNK,
    gather,
    indices,
    row_numbers,
    runs,
    share_rows,
    side_by_side,
    table_identity,
    union,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Sequences"]


@public
class Sequences:
    """Sequences of any length in one block of memory.

    Sequence ``i`` is ``values[starts[i]:stops[i]]``. Stretches may overlap, so ragged data, the windows of a table and
    a panel of series are one thing: taking a part copies indices only, and pickling keeps only the rows in use.

    Parameters
    ----------
    values : array of shape (total_timesteps, n_features) or (total_timesteps,)
        All time steps; one dimension is one feature.
    starts, stops : array of int of shape (n_sequences,)
        Where each sequence begins, and the row after its last.
    n_tokens : int, optional
        For sequences of token ids: the size of the vocabulary. The values are then whole numbers from 0 to
        ``n_tokens - 1`` in one feature, names rather than amounts; id 0 is the unknown token.

    Attributes
    ----------
    values : ndarray of shape (total_timesteps, n_features)
        The block.
    starts, stops : ndarray of int64 of shape (n_sequences,)
        The stretches.
    lengths : ndarray of int64 of shape (n_sequences,)
        ``stops - starts``.
    n_tokens : int or None
        Size of the vocabulary where the values are token ids.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import Sequences
    >>> X = Sequences.from_list([np.zeros((3, 2)), np.ones((5, 2))])
    >>> X
    Sequences(2 sequences, 3 to 5 timesteps, 2 features, float64)
    >>> X[1].shape, X[[1, 0]].lengths.tolist()
    ((5, 2), [5, 3])
    """

    # numpy and lists defer to this class in ==, so that comparisons give one answer
    __array_priority__ = 1000
    __slots__ = ("_offsets", "_source", "n_tokens", "starts", "stops", "values")

    def __init__(self, values: Any, starts: Any, stops: Any, n_tokens: int | None = None) -> None:
        values = _plain(values, "values")
        if values.ndim == 1:
            values = values[:, None]
        if values.ndim != 2:
            raise ValueError(
                f"values has shape {values.shape}; wanted (total_timesteps, n_features). "
                "For an array of shape (n_samples, n_timesteps, n_features) use Sequences.from_array."
            )
        starts, stops = indices(starts, "starts"), indices(stops, "stops")
        if len(starts) != len(stops):
            raise ValueError(
                f"starts has {len(starts)} entries and stops has {len(stops)}; each sequence needs one of both"
            )
        if len(starts):
            wrong = np.flatnonzero((starts < 0) | (stops > len(values)) | (starts > stops))
            if len(wrong):
                i = wrong[0]
                raise ValueError(
                    f"sequence {i} is the rows {starts[i]} to {stops[i]}, which do not lie inside the {len(values)} rows "
                    "of values; wanted 0 <= start <= stop <= number of rows"
                )
        if n_tokens is not None:
            values, n_tokens = read_ids(values, starts, stops, n_tokens)
        shared = share_rows(starts, stops)
        source, offsets = (table_identity(values), starts) if shared else (None, None)
        self._set(values, starts, stops, source, offsets, n_tokens)

    def _set(
        self, values: Any, starts: Any, stops: Any, source: str | None, offsets: Any, n_tokens: int | None = None
    ) -> None:
        self.values, self.starts, self.stops, self.n_tokens = values, starts, stops, n_tokens
        # which table the rows come from, and where each sequence starts in it: known to windows only (see `overlap`)
        self._source, self._offsets = source, offsets

    @classmethod
    def _make(
        cls,
        values: Any,
        starts: Any,
        stops: Any,
        source: str | None = None,
        offsets: Any = None,
        n_tokens: int | None = None,
    ) -> Sequences:
        """Build without checks, from parts that are known to be right."""
        new = cls.__new__(cls)
        new._set(values, starts, stops, source, offsets, n_tokens)
        return new

    # -- ways in ---------------------------------------------------------------------------------------------------

    @classmethod
    def from_list(cls, sequences: Any) -> Sequences:
        """Join a list of arrays of shape ``(n_timesteps_i, n_features)`` or ``(n_timesteps_i,)``.

        Parameters
        ----------
        sequences : iterable of array-like
            All with the same number of features. Two `Sequences` are joined by ``[*first, *second]``; those of token ids by
            `from_tokens`.

        Returns
        -------
        Sequences
        """
        arrays = _arrays(sequences)
        if not arrays:
            raise ValueError("got 0 sequences; wanted at least one")
        for i, array in enumerate(arrays):
            if array.ndim not in (1, 2):
                raise ValueError(
                    f"sequence {i} has shape {array.shape}; wanted (n_timesteps, n_features), or (n_timesteps,) for one feature"
                )
        arrays = [array[:, None] if array.ndim == 1 else array for array in arrays]
        n_features = arrays[0].shape[1]
        turned = len({len(array) for array in arrays}) == 1 and len(arrays[0]) < n_features
        for i, array in enumerate(arrays):
            if array.shape[1] != n_features:
                hint = ""
                if turned:
                    hint = " (all look transposed: time comes before features; from_channels_first(X) turns them round)"
                elif len(array) == n_features:
                    hint = " (it looks transposed: time comes before features)"
                raise ValueError(
                    f"sequence {i} has {array.shape[1]} features and sequence 0 has {n_features}; "
                    f"wanted the same number in all sequences{hint}"
                )
        stops = np.cumsum([len(array) for array in arrays], dtype=np.int64)
        starts = np.concatenate([[0], stops[:-1]]).astype(np.int64)
        return cls._make(np.concatenate(arrays), starts, stops)

    @classmethod
    def from_tokens(cls, sequences: Any, n_tokens: int) -> Sequences:
        """Join lists of token ids, which learnt embeddings read.

        Parameters
        ----------
        sequences : iterable of array-like of int of shape (n_timesteps_i,)
            Whole numbers from 0 to ``n_tokens - 1``; 0 is the unknown token. Two `Sequences` are joined by ``[*first, *second]``:
            what numpy joins are numbers.
        n_tokens : int
            Size of the vocabulary.

        Returns
        -------
        Sequences
            With ``n_tokens``.

        Examples
        --------
        >>> from sklearn_seq import Sequences
        >>> Sequences.from_tokens([[1, 2, 1], [3]], n_tokens=4)
        Sequences(2 sequences, 1 to 3 timesteps, ids of 4 tokens, int64)
        """
        arrays = _arrays(sequences)
        if not arrays:
            raise ValueError("got 0 sequences; wanted at least one")
        for i, array in enumerate(arrays):
            if not (array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1)):
                raise ValueError(f"sequence {i} has shape {array.shape}; wanted (n_timesteps,), one id a time step")
        stops = np.cumsum([len(array) for array in arrays], dtype=np.int64)
        starts = np.concatenate([[0], stops[:-1]]).astype(np.int64)
        filled = [array.ravel() for array in arrays if len(array)]  # an empty list has the dtype of real numbers
        return cls(np.concatenate(filled) if filled else np.zeros(0, np.int64), starts, stops, n_tokens)

    @classmethod
    def from_array(cls, X: Any) -> Sequences:
        """Read an array of shape ``(n_samples, n_timesteps[, n_features])`` without copying it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps) or (n_samples, n_timesteps, n_features)
            Sequences of equal length.

        Returns
        -------
        Sequences
        """
        X = _plain(X, "X")
        if X.ndim == 2:
            X = X[:, :, None]
        if X.ndim != 3:
            raise ValueError(
                f"X has shape {X.shape}; wanted (n_samples, n_timesteps) or (n_samples, n_timesteps, n_features)"
            )
        n, t, f = X.shape
        starts = np.arange(n, dtype=np.int64) * t
        return cls._make(X.reshape(n * t, f), starts, starts + t)

    @classmethod
    def from_padded(cls, X: Any, lengths: Any = None) -> Sequences:
        """Cut the padding off an array of shape ``(n_samples, n_timesteps, n_features)``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps[, n_features])
            Sequences with padding behind each.
        lengths : array-like of int of shape (n_samples,), optional
            The true lengths. By default a sequence ends where only NaN follow.

        Returns
        -------
        Sequences
        """
        X = _plain(X, "X")
        whole = cls.from_array(X)
        n_timesteps = X.shape[1]
        if lengths is None:
            there = ~np.isnan(whole.values).all(axis=1).reshape(len(X), n_timesteps)
            lengths = np.where(there.any(axis=1), n_timesteps - there[:, ::-1].argmax(axis=1), 0)
        lengths = indices(lengths, "lengths")
        if len(lengths) != len(X) or (lengths < 0).any() or (lengths > n_timesteps).any():
            raise ValueError(
                f"lengths must be {len(X)} numbers from 0 to {n_timesteps}, one a sequence; got {lengths!r}"
            )
        return cls._make(whole.values, whole.starts, whole.starts + lengths)._compact()

    @classmethod
    def from_frame(cls, frame: Any, *, id: str, time: str | None = None, columns: Any = None) -> Sequences:
        """Read a long frame: one row a time step, one id a sequence.

        Parameters
        ----------
        frame : pandas or polars DataFrame
            Rows may stand in any order.
        id : str
            The column that names the sequence. Sequences come out in order of their first row.
        time : str, optional
            The column that orders the steps inside a sequence; by default their order in the frame.
        columns : list of str, optional
            The features; by default every column but ``id`` and ``time``.

        Returns
        -------
        Sequences
        """
        names = [str(name) for name in frame.columns]
        for wanted in [id, *([time] if time is not None else []), *(columns or [])]:
            if wanted not in names:
                raise ValueError(f"the frame has no column {wanted!r}; its columns are {names}")
        keys = np.asarray(frame[id])
        if len(keys) == 0:
            raise ValueError("the frame has 0 rows; wanted at least one")
        features = list(columns) if columns is not None else [name for name in names if name not in (id, time)]
        if not features:
            raise ValueError(f"the frame has no feature column besides {names}")
        _, first, series = np.unique(keys, return_index=True, return_inverse=True)
        series = np.argsort(np.argsort(first))[series]  # numbered by first appearance
        order = np.lexsort([np.asarray(frame[time]), series]) if time is not None else np.argsort(series, kind="stable")
        values = np.stack([np.asarray(frame[name])[order] for name in features], axis=1)
        stops = np.cumsum(np.bincount(series), dtype=np.int64)
        return cls._make(values, np.concatenate([[0], stops[:-1]]).astype(np.int64), stops)

    # -- ways out --------------------------------------------------------------------------------------------------

    def to_list(self) -> list[np.ndarray]:
        """The sequences as arrays of shape ``(n_timesteps_i, n_features)``, views where possible."""
        return list(self)

    def to_padded(self, fill: float = np.nan) -> np.ndarray:
        """One array of shape ``(n_sequences, longest, n_features)`` with ``fill`` behind each sequence.

        This is also what numpy makes of it: ``np.asarray(sequences)``.
        """
        longest = int(self.lengths.max()) if len(self) else 0
        if self.equal_length is not None:
            return gather(self.values, self.starts, self.stops).reshape(len(self), longest, self.n_features)
        dtype = np.result_type(self.values.dtype, np.min_scalar_type(fill) if fill == fill else np.float32)
        out = np.full((len(self), longest, self.n_features), fill, dtype=dtype)
        lengths = self.lengths
        for run, values in self.blocks():
            out[run][np.arange(longest) < lengths[run, None]] = values
        return out

    def to_cells(self) -> np.ndarray:
        """A column of cells, an object array of shape ``(n_sequences, 1)``.

        In this form meta-estimators that insist on two dimensions, such as BaggingClassifier, carry sequences.
        """
        cells = np.empty((len(self), 1), dtype=object)
        for i, sequence in enumerate(self):
            cells[i, 0] = sequence
        return cells

    def to_frame(self, columns: Any = None) -> pd.DataFrame:
        """A long pandas frame with the columns ``id``, ``time`` (steps from 0) and the features."""
        import pandas as pd

        names = list(columns) if columns is not None else [f"x{i}" for i in range(self.n_features)]
        if len(names) != self.n_features:
            raise ValueError(f"got {len(names)} column names for {self.n_features} features")
        rows = self.rows()
        series = np.repeat(np.arange(len(self)), self.lengths)
        steps = rows - np.repeat(self.starts, self.lengths)
        frame = pd.DataFrame(self.values[rows], columns=names)
        frame.insert(0, "id", series)
        frame.insert(1, "time", steps)
        return frame

    # -- what scikit-learn asks of an X ----------------------------------------------------------------------------

    @property
    def lengths(self) -> np.ndarray:
        """Time steps of each sequence."""
        return self.stops - self.starts

    @property
    def n_features(self) -> int:
        """Features a time step."""
        return self.values.shape[1]

    @property
    def shape(self) -> tuple[int, int | None, int]:
        """``(n_sequences, None, n_features)``."""
        return (len(self), None, self.n_features)

    @property
    def ndim(self) -> int:
        """3, as of an array of sequences."""
        return 3

    @property
    def dtype(self) -> np.dtype:
        """Of the values."""
        return self.values.dtype

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[np.ndarray]:
        for start, stop in zip(self.starts.tolist(), self.stops.tolist(), strict=True):
            yield self.values[start:stop]

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple):  # scikit-learn asks for X[rows, :] or X[rows, ...]
            if len(key) != 2 or not (key[1] is Ellipsis or (isinstance(key[1], slice) and key[1] == slice(None))):
                raise IndexError("Sequences are indexed by sequence: X[i], X[a:b], X[[i, j]] or X[mask]")
            key = key[0]
        if isinstance(key, (int, np.integer)):
            if not -len(self) <= key < len(self):
                raise IndexError(f"sequence {key} of {len(self)}")
            return self.values[self.starts[key] : self.stops[key]]
        if not isinstance(key, slice):
            key = np.asarray(key)
            if key.size == 0:
                key = key.astype(np.int64)
        starts, offsets = self.starts[key], self._offsets
        if offsets is not None:
            offsets = starts if offsets is self.starts else offsets[key]
        return self._make(self.values, starts, self.stops[key], self._source, offsets, self.n_tokens)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        padded = self.to_padded()
        return padded if dtype is None else padded.astype(dtype)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequences):
            return NotImplemented
        return (
            self.shape == other.shape
            and self.n_tokens == other.n_tokens
            and bool(np.array_equal(self.lengths, other.lengths))
            and all(np.array_equal(a, b) for (_, a), (_, b) in zip(self.blocks(), other.blocks(), strict=True))
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        held = f"{self.n_features} features" if self.n_tokens is None else f"ids of {self.n_tokens} tokens"
        if not len(self):
            return f"Sequences(0 sequences, {held}, {self.dtype})"
        low, high = int(self.lengths.min()), int(self.lengths.max())
        steps = f"{low}" if low == high else f"{low} to {high}"
        return f"Sequences({len(self)} sequences, {steps} timesteps, {held}, {self.dtype})"

    # -- pickling keeps only the rows in use -----------------------------------------------------------------------

    def _compact(self) -> Sequences:
        """The same sequences over a block that holds no unused row."""
        starts, stops = union(self.starts, self.stops)
        lengths = stops - starts
        if lengths.sum() == len(self.values):
            return self
        unused = starts - (np.cumsum(lengths) - lengths)  # rows left out before each
        moved = self.starts - unused[np.searchsorted(starts, self.starts, "right") - 1]
        values = gather(self.values, starts, stops)
        return self._make(values, moved, moved + self.lengths, self._source, self._offsets, self.n_tokens)

    def __getstate__(self) -> tuple:
        part = self._compact()
        return (part.values, part.starts, part.stops, part._source, part._offsets, part.n_tokens)

    def __setstate__(self, state: tuple) -> None:
        self._set(*state)

    # -- for the layers behind the gate ----------------------------------------------------------------------------

    def rows(self) -> np.ndarray:
        """Row numbers of all steps of all sequences, one after another."""
        return row_numbers(self.starts, self.stops)

    def blocks(self, n_values: int = CHUNK) -> Iterator[tuple[slice, np.ndarray]]:
        """Walk over the data without a copy of all of it.

        Parameters
        ----------
        n_values : int
            How many to hold at once, or those of one longer sequence.

        Yields
        ------
        run : slice
            Of the sequences. Which they are depends on the lengths alone.
        values : ndarray of shape (n_timesteps of the run, n_features)
            Their rows side by side; to be read only, since they may be the rows of ``values`` themselves.
        """
        for run in runs(self.lengths, max(1, n_values // max(1, self.n_features))):
            yield run, side_by_side(self.values, self.starts[run], self.stops[run])

    def map_values(self, values: np.ndarray) -> Sequences:
        """The same stretches over another block with as many rows; whole numbers in place of token ids stay ids."""
        n_tokens = self.n_tokens if values.dtype.kind in "iu" and values.shape[1] == self.n_features else None
        return self._make(values, self.starts, self.stops, self._source, self._offsets, n_tokens)

    def to_block(self) -> Sequences:
        """The same sequences side by side in a block of their own, in this order."""
        stops = np.cumsum(self.lengths)
        starts = stops - self.lengths
        if starts.size and stops[-1] == len(self.values) and ((starts == self.starts) | (starts == stops)).all():
            return self
        return self._make(gather(self.values, self.starts, self.stops), starts, stops, n_tokens=self.n_tokens)

    @property
    def overlapping(self) -> bool:
        """Whether any two sequences share rows of the block."""
        return share_rows(self.starts, self.stops)

    @property
    def equal_length(self) -> int | None:
        """The length that all sequences share, or None."""
        lengths = self.lengths
        return int(lengths[0]) if len(lengths) and (lengths == lengths[0]).all() else None


def _arrays(sequences: Any) -> list[np.ndarray]:
    """Arrays of what is to be joined, of which none is several."""
    arrays = []
    for i, sequence in enumerate(sequences):
        if isinstance(sequence, Sequences):
            ids = sequence.n_tokens is not None
            how = f"from_tokens([*a, *b], n_tokens={sequence.n_tokens})" if ids else "from_list([*a, *b])"
            raise ValueError(f"sequence {i} is {sequence!r}; wanted an array. Join a and b by Sequences.{how}.")
        arrays.append(_plain(sequence, f"sequence {i}"))
    return arrays


def _plain(values: Any, name: str) -> np.ndarray:
    refuse_masked(values, name, "Fill it (x.filled(np.nan)), or cut off what is hidden.")
    return np.asarray(values)
