"""Scale each group of samples, such as a speaker's clips, by its own statistics."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_seq.params import estimator
from sklearn_seq.preprocessing._base import _Transformer, all_or_nothing, as_fitted
from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.statistics import variance_about
from sklearn_seq.sequences.weights import read_groups

__all__ = ["GroupScaler"]


@estimator
class GroupScaler(_Transformer):
    """Bring each group of samples to mean 0 and deviation 1 by the group's own statistics: what a voice adds goes away.

    `transform` with ``groups`` takes, for each group, mean and deviation over the samples of that group that it is given,
    and no labels. So all samples of a speaker must come in one call, and nothing of another speaker plays a part; a
    group of one sample becomes zeros. Without ``groups``, samples are scaled by the statistics of all samples of `fit`,
    as `~sklearn.preprocessing.StandardScaler` does.

    Columns of 2-D ``X`` are scaled each by itself; features of sequences over all time steps of a group. What does not
    vary is centred and not scaled.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (n_features,)
        Of all samples of `fit`; used without ``groups``.

    See Also
    --------
    SequenceScaler : Scales each sequence by itself, or all of them alike.

    Notes
    -----
    It needs to know who speaks, and several clips of each: this is adaptation to a speaker, without labels, and a score
    that was reached with it must say so. Called once before cross-validation it leaks nothing from speaker to speaker;
    within a pipeline, ``groups`` come through scikit-learn's metadata routing.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import GroupScaler
    >>> X = np.array([[1.0], [3.0], [100.0], [300.0]])
    >>> GroupScaler().fit_transform(X, groups=["ann", "ann", "bob", "bob"])
    array([[-1.],
           [ 1.],
           [-1.],
           [ 1.]])
    """

    def fit(self, X: Any, y: Any = None, groups: Any = None) -> "GroupScaler":
        """Learn the statistics of all samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns) or (n_samples, n_timesteps, n_features), list of arrays or Sequences
            A table of features, or sequences.
        y : object
            Ignored.
        groups : array-like of shape (n_samples,), optional
            Ignored; here for pipelines.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        self._validate_params()
        with all_or_nothing(self):
            rows, _, _ = self._rows(X, reset=True)
            self.mean_, self.scale_ = _statistics(rows)
        return self

    def fit_transform(self, X: Any, y: Any = None, groups: Any = None) -> Any:
        """Fit, and transform the same samples.

        Parameters
        ----------
        X : as in fit
            A table of features, or sequences.
        y : object
            Ignored.
        groups : array-like of shape (n_samples,), optional
            The group of each sample.

        Returns
        -------
        ndarray, frame or Sequences
            As of `transform`.
        """
        return self.fit(X, y).transform(X, groups=groups)

    def transform(self, X: Any, groups: Any = None) -> Any:
        """Scale samples.

        Parameters
        ----------
        X : as in fit
            A table of features, or sequences.
        groups : array-like of shape (n_samples,), optional
            The group of each sample; None scales all by the statistics of `fit`.

        Returns
        -------
        ndarray, frame or Sequences
            One sample for each sample of ``X``, in the kind of ``X``.
        """
        check_is_fitted(self)
        self = as_fitted(self)
        rows, sequences, kind = self._rows(X, reset=False)
        n = len(sequences)
        codes = read_groups(groups, n)
        out = np.empty(rows.shape)
        if codes is None:
            out[:] = (rows - self.mean_) / self.scale_
        else:
            each = codes if len(rows) == n else np.repeat(codes, sequences.lengths)
            for code in range(codes.max() + 1):
                own = each == code
                mean, scale = _statistics(rows[own])
                out[own] = (rows[own] - mean) / scale
        values = out.astype(sequences.dtype, copy=False)
        stops = np.cumsum(sequences.lengths)
        return self._give(
            Sequences._make(values.reshape(-1, sequences.n_features), stops - sequences.lengths, stops), kind
        )

    def _rows(self, X: Any, *, reset: bool) -> tuple[np.ndarray, Sequences, str]:
        """What is scaled, a column each: samples of a table, steps of sequences."""
        sequences, kind = self._read(X, reset=reset)
        values = sequences.values[sequences.rows()].astype(np.float64)
        return (values.reshape(len(sequences), -1) if kind == "2-D" else values), sequences, kind


def _statistics(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean, and deviation or 1 where rounding alone varies."""
    mean = rows.mean(axis=0)
    apart = rows - mean
    scale = np.sqrt(variance_about(np.square(apart).mean(axis=0), apart.mean(axis=0)))
    return mean, np.where(scale > 10 * np.finfo(np.float64).eps * np.abs(rows).max(axis=0), scale, 1.0)
