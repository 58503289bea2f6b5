"""Bring sequences to a common scale."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from sklearn.utils.metaestimators import available_if

from sklearn_seq.params import estimator
from sklearn_seq.preprocessing._base import _TimewiseTransformer, as_fitted
from sklearn_seq.preprocessing._blocks import coverage, flat, moments, own_moments, own_quantiles, quantiles
from sklearn_seq.sequences.container import Sequences

__all__ = ["SequenceScaler"]

_SQUARES = 450  # sums of squares of numbers up to this power of two, and down to minus it, lose nothing


@estimator
class SequenceScaler(_TimewiseTransformer):
    """Scale sequences, each feature over the training data or each sequence by itself.

    With ``per="feature"`` the centre and the scale of a feature are learnt in `fit`, over all time steps of all
    sequences; a table (``rows="time"``) then gets what `~sklearn.preprocessing.StandardScaler` would give it. With
    ``per="series"`` each sequence is scaled by its own statistics, so that its shape stays and its level and size go.

    A feature that does not vary is centred and not scaled. NaN stay NaN and count in no statistic.

    Attributes
    ----------
    center_ : ndarray of shape (n_features,)
        What is taken away; only with ``per="feature"``.
    scale_ : ndarray of shape (n_features,)
        What it is divided by then; only with ``per="feature"``.

    See Also
    --------
    sklearn.preprocessing.StandardScaler : The same for tables.

    Notes
    -----
    The statistics of single sequences belong to the data that were transformed and are not kept, so there is no way
    back with ``per="series"``: `inverse_transform` is missing then.

    ``per="series"`` uses the whole sequence, its end for its beginning too. That is right for samples and leaks the
    future on a table, so it is refused with ``rows="time"``; to scale windows of a table by themselves, put
    `SlidingWindow` before a ``SequenceScaler(per="series")``. Windows that share rows are copied then.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import SequenceScaler
    >>> X = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    >>> SequenceScaler(method="min-max", per="series").fit_transform(X)
    array([[0. , 0.5, 1. ],
           [0. , 0.5, 1. ]])
    >>> scaler = SequenceScaler().fit(X)
    >>> scaler.center_, scaler.inverse_transform(scaler.transform(X))
    (array([11.]), array([[ 1.,  2.,  3.],
           [10., 20., 30.]]))
    """

    method: Annotated[
        Literal["standard", "min-max", "robust"],
        "Mean and standard deviation, the range to 0 ... 1, or median and interquartile range.",
    ] = "standard"
    per: Annotated[
        Literal["feature", "series"], "Scale by statistics of the training data, or by those of each sequence."
    ] = "feature"
    scale: Annotated[
        Literal["own", "shared"],
        "Divide each feature by its own scale, or all of them by the root of the mean square of theirs, so that they keep their "
        "proportions, as bands of a spectrum should.",
    ] = "own"

    _allow_nan = True

    def _check_settings(self) -> None:
        if self.per == "series" and self.rows == "time":
            raise ValueError(
                "per='series' was given with rows='time': a table is one series, and scaling it by itself would use "
                "its end for its beginning. Use per='feature', which learns in fit, or SlidingWindow before "
                "SequenceScaler(per='series')."
            )

    def _learn(self, X: Sequences) -> None:
        if self.per == "feature":
            rows = X.values[coverage(X) > 0]
            low, high = (extreme.reduce(rows, axis=0) for extreme in (np.fmin, np.fmax))
            self.center_, self.scale_ = self._center_and_scale(X, low, high, moments, quantiles)

    def _apply(self, X: Sequences) -> Sequences:
        if self.per == "feature":
            center, scale = self.center_, self.scale_
        else:
            X = flat(X)
            low, high = (extreme.reduceat(X.values, X.starts) for extreme in (np.fmin, np.fmax))
            parts = self._center_and_scale(X, low, high, own_moments, own_quantiles)
            center, scale = (np.repeat(part, X.lengths, axis=0) for part in parts)
        out = np.empty_like(X.values)
        np.subtract(X.values, center, out=out, casting="same_kind")
        return X.map_values(np.divide(out, scale, out=out, casting="same_kind"))

    def _can_invert(self) -> bool:
        if as_fitted(self).per == "series":
            raise ValueError(
                "inverse_transform was asked of per='series'; it needs the centre and the scale of each sequence, "
                "which belong to the data that were transformed and are not kept. Use per='feature', or keep the "
                "originals."
            )
        return True

    @available_if(_can_invert)
    def inverse_transform(self, X: Any) -> Any:
        """Undo the scaling; there is no such method with ``per="series"``.

        Parameters
        ----------
        X : array-like, list, frame or Sequences
            Scaled data.

        Returns
        -------
        ndarray or Sequences
            The data in their own units.
        """
        self = as_fitted(self)
        sequences, kind = self._read_back(X)
        out = np.empty_like(sequences.values)
        np.multiply(sequences.values, self.scale_, out=out, casting="same_kind")
        return self._give(sequences.map_values(np.add(out, self.center_, out=out, casting="same_kind")), kind)

    def _center_and_scale(
        self, X: Sequences, low: np.ndarray, high: np.ndarray, moments: Callable, quantiles: Callable
    ) -> tuple[np.ndarray, np.ndarray]:
        """What to take away and to divide by; ``low`` and ``high`` are the extremes, NaN where there is no value at all."""
        low, high = low.astype(np.float64), high.astype(np.float64)
        if self.method == "standard":
            center, scale = _moments_of_any_size(X, low, high, moments)
        elif self.method == "min-max":
            center, scale = low, high - low
        else:
            first, center, third = quantiles(X, (0.25, 0.5, 0.75))
            scale = third - first
        with np.errstate(invalid="ignore"):  # rounding alone is no variation
            varies = scale > 10 * np.finfo(np.float64).eps * np.maximum(np.abs(low), np.abs(high))
        if self.scale == "shared":
            there = np.maximum(1, np.count_nonzero(~np.isnan(low), axis=-1, keepdims=True))
            known = np.where(varies, scale, 0.0)
            exponent = np.frexp(known.max(axis=-1, keepdims=True))[1]  # the square of what is left is a number
            mean = np.ldexp(
                np.sqrt(np.square(np.ldexp(known, -exponent)).sum(axis=-1, keepdims=True) / there), exponent
            )
            scale, varies = np.broadcast_to(mean, low.shape), np.broadcast_to(mean > 0, low.shape)
        return np.where(np.isnan(center), 0.0, center), np.where(varies, scale, 1.0)


def _moments_of_any_size(X: Sequences, low: np.ndarray, high: np.ndarray, moments: Callable) -> Any:
    """Means and deviations, also of numbers whose squares are none: those are taken as parts of a power of two first."""
    size = np.fmax(np.abs(low), np.abs(high))
    exponent = np.where(size > 0, np.frexp(size)[1], 0)
    if np.abs(exponent).max(initial=0) < _SQUARES:
        return moments(X)
    of_rows = exponent if exponent.ndim == 1 else np.repeat(exponent, X.lengths, axis=0)
    with np.errstate(over="ignore"):  # of rows that belong to no sequence
        parts = np.ldexp(X.values.astype(np.float64), -of_rows)
    return [np.ldexp(moment, exponent) for moment in moments(X.map_values(parts))]
