"""Give sequences one length, or turn levels into changes."""

from typing import Annotated, Any, Literal

import numpy as np
from sklearn.utils.metaestimators import available_if

from sklearn_seq.params import AtLeast, estimator
from sklearn_seq.preprocessing._base import _TimewiseTransformer, _Transformer, as_fitted
from sklearn_seq.preprocessing._blocks import by_length, flat, positions
from sklearn_seq.sequences.container import Sequences

__all__ = ["Differencer", "PadTruncate"]


@estimator
class PadTruncate(_Transformer):
    """Give all sequences one length, by padding short ones and cutting long ones.

    The answer is rectangular: 2-D for 2-D ``X``, 3-D for any other. The models of this package read ragged data and
    need no padding; this is for what needs arrays.

    Attributes
    ----------
    length_ : int
        Time steps of the output.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import PadTruncate
    >>> X = [np.array([1.0, 2.0, 3.0]), np.array([4.0])]
    >>> PadTruncate().fit_transform(X)[:, :, 0]
    array([[1., 2., 3.],
           [4., 0., 0.]])
    >>> PadTruncate(length=2, side="start").fit_transform(X)[:, :, 0]
    array([[2., 3.],
           [0., 4.]])
    """

    length: Annotated[int | None, AtLeast(1), "Time steps of the output; None takes the longest sequence of `fit`."] = (
        None
    )
    side: Annotated[Literal["end", "start"], "Where padding is put, and where what is too long is cut off."] = "end"
    fill: Annotated[float, "The padding; may be NaN, which a model with ``missing='mask'`` passes over."] = 0.0

    _allow_nan = True

    def _learn(self, X: Sequences) -> None:
        self.length_ = int(X.lengths.max()) if self.length is None else int(self.length)

    def _apply(self, X: Sequences) -> Sequences:
        n, length = len(X), self.length_
        kept = np.minimum(X.lengths, length)
        first = X.starts if self.side == "end" else X.stops - kept
        starts = np.arange(n, dtype=np.int64) * length
        goal = starts if self.side == "end" else starts + length - kept
        out = np.full((n * length, X.n_features), self.fill, dtype=X.dtype)
        whole = Sequences._make(out, goal, goal + kept)
        out[whole.rows()] = X.values[Sequences._make(X.values, first, first + kept).rows()]
        return Sequences._make(out, starts, starts + length)

    def _give(self, X: Sequences, kind: str) -> np.ndarray:
        return super()._give(X, "3-D" if kind == "ragged" else kind)

    def _names(self, names: list[str]) -> list[str]:
        padding = [f"pad{i}" for i in range(self.length_ - len(names))]
        if self.side == "end":
            return names[: self.length_] + padding
        return padding + names[max(0, len(names) - self.length_) :]


PadTruncate._parameter_constraints["fill"] = ["nan", *PadTruncate._parameter_constraints["fill"]]


@estimator
class Differencer(_TimewiseTransformer):
    """Turn levels into changes: each step minus the step before it, ``order`` times.

    The rows are kept. The first ``order`` steps of a sequence have no difference of that order and are 0, unless
    ``keep_first=True``: then they hold what `inverse_transform` builds on.

    Notes
    -----
    With ``keep_first=True`` step 0 holds the first level and, for order 2, step 1 the first change, and so on, so that
    cumulative sums give the sequences back, up to rounding. These first steps are on another scale than the rest, which
    a model or a scaler behind them should not be made to learn from.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import Differencer
    >>> X = np.array([[5.0, 7.0, 10.0, 10.0]])
    >>> Differencer().fit_transform(X)
    array([[0., 2., 3., 0.]])
    >>> differencer = Differencer(keep_first=True).fit(X)
    >>> differencer.transform(X)
    array([[5., 2., 3., 0.]])
    >>> differencer.inverse_transform(differencer.transform(X))
    array([[ 5.,  7., 10., 10.]])
    """

    order: Annotated[int, AtLeast(1), "How often differences are taken."] = 1
    keep_first: Annotated[bool, "Keep in the first ``order`` steps what is needed to go back, in place of 0."] = False

    def _apply(self, X: Sequences) -> Sequences:
        X = flat(X)
        position = positions(X)
        out = X.values.astype(np.float64)
        for k in range(self.order):
            change = np.diff(out, axis=0, prepend=0.0)
            out = np.where(position[:, None] > k, change, out)
        if not self.keep_first:
            out[position < self.order] = 0.0
        return X.map_values(out.astype(X.dtype, copy=False))

    def _can_invert(self) -> bool:
        if not as_fitted(self).keep_first:
            raise ValueError(
                "inverse_transform was asked of keep_first=False; it needs the first values of each sequence, which "
                "are replaced by 0 then. Set keep_first=True before transform, or add first values of your own to "
                "cumulative sums."
            )
        return True

    @available_if(_can_invert)
    def inverse_transform(self, X: Any) -> Any:
        """Sum the changes up again; there is no such method with ``keep_first=False``.

        Parameters
        ----------
        X : array-like, list, frame or Sequences
            Differences, whole sequences from their first step on.

        Returns
        -------
        ndarray or Sequences
            The levels.
        """
        self = as_fitted(self)
        sequences, kind = self._read_back(X)
        sequences = flat(sequences)
        out = np.empty(sequences.values.shape)
        for rows in by_length(sequences):
            values = sequences.values[rows].astype(np.float64)
            for k in reversed(range(self.order)):
                values[:, k:] = np.cumsum(values[:, k:], axis=1)
            out[rows] = values
        return self._give(sequences.map_values(out.astype(sequences.dtype, copy=False)), kind)
