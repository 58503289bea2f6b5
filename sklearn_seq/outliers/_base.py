"""What all detectors share: scores, a threshold that comes from training, and scikit-learn's outlier interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from sklearn.base import OutlierMixin

from sklearn_seq.params import Between, estimator
from sklearn_seq.tasks.state import Versioned, keep_on_failure

__all__ = ["FALSE_ALARMS", "DetectorMixin"]

FALSE_ALARMS = 0.01  # share of normal rows
_PRIVATE = ("_solved", "_kind")


class _Learnt(Versioned):
    """What fit leaves."""

    if TYPE_CHECKING:
        _kind: str
        _solved: dict[str, Any]


@estimator
class DetectorMixin(OutlierMixin, _Learnt):
    """A detector says what it learns of ``X`` (``_learn``), and how normal rows are (``_scores``).

    Attributes
    ----------
    offset_ : float
        The score below which a row is an anomaly: ``decision_function`` is ``score_samples`` less this.
    n_features_in_ : int
        Columns of a 2-D ``X``, features a time step of any other.
    feature_names_in_ : ndarray of str
        Names of the columns; only where ``X`` was a frame.
    """

    contamination: Annotated[
        float | Literal["auto"],
        Between(0, 0.5, "right"),
        'Share of the training rows that are taken for anomalies. "auto": training rows are taken for normal, and the threshold is where '
        "one in a hundred of them would be a false alarm, as scored by models that did not learn from them.",
    ] = "auto"

    if TYPE_CHECKING:

        def _learn(self, X: Any) -> float:
            """Learn, and say of which score one in a hundred normal rows falls short."""

        def _scores(self, X: Any) -> np.ndarray:
            """How normal rows are, (n_rows,)."""

    def _is_fitted(self) -> bool:
        return "offset_" in self.__dict__

    @keep_on_failure
    def fit(self, X: Any, y: Any = None) -> Any:
        """Learn what is normal, and where it ends.

        Parameters
        ----------
        X : array-like, list of arrays, frame or Sequences
            Sequences, or a table with rows in time order, as the class says. Best without anomalies; a few do little harm.
        y : object
            Ignored.

        Returns
        -------
        self
            The fitted detector.

        Raises
        ------
        ValueError, TypeError
            For data that cannot be read, with what was given, what was wanted and what to do. A detector that was fitted before
            stays as it was.
        """
        self._validate_params()  # type: ignore[attr-defined]
        kept = self.get_params(deep=False)  # type: ignore[attr-defined]
        for name in list(self.__dict__):
            if name not in kept and (name.endswith("_") or name in _PRIVATE):
                del self.__dict__[name]
        threshold = self._learn(X)
        share = self.contamination
        # a share is that of the training rows as `predict` would score them
        self.offset_ = float(threshold if share == "auto" else np.quantile(self._scores(X), share))
        return self

    def fit_predict(self, X: Any, y: Any = None) -> np.ndarray:
        """Learn from rows, and tell which of them are anomalies.

        Parameters
        ----------
        X : as in fit
        y : object
            Ignored.

        Returns
        -------
        ndarray of int of shape (n_rows,)
            1 for normal rows, -1 for anomalies.
        """
        return self.fit(X).predict(X)

    def score_samples(self, X: Any) -> np.ndarray:
        """How normal rows are.

        Parameters
        ----------
        X : as in fit

        Returns
        -------
        ndarray of float64 of shape (n_rows,)
            The higher, the more normal.
        """
        self._require_fitted()
        return self._scores(X)

    def decision_function(self, X: Any) -> np.ndarray:
        """How normal rows are, counted from the threshold.

        Parameters
        ----------
        X : as in fit

        Returns
        -------
        ndarray of float64 of shape (n_rows,)
            ``score_samples(X) - offset_``; negative for anomalies.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """Which rows are anomalies.

        Parameters
        ----------
        X : as in fit

        Returns
        -------
        ndarray of int of shape (n_rows,)
            1 for normal rows, -1 for anomalies.
        """
        return np.where(self.decision_function(X) >= 0, 1, -1)
