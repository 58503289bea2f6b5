"""Anomaly scores over a series: what was seen, how normal it was, and where the threshold lies."""

from typing import Any

import numpy as np

from sklearn_seq.inspection._drawing import BLUE, GREY, ORANGE, WIDTH, dot, finish, legend, panels, pyplot, styled
from sklearn_seq.inspection._rows import index_of, positions, read_numbers, time_label
from sklearn_seq.params import public

__all__ = ["AnomalyDisplay"]


@public
class AnomalyDisplay:
    """A series with its anomalies marked, and the scores below it.

    Make it by `from_estimator` or `from_scores`; what these find is kept as attributes, so that `plot` can draw it again.

    Parameters
    ----------
    values : ndarray of shape (n_rows,) or (n_rows, n_columns)
        The series.
    scores : ndarray of shape (n_rows,)
        The lower, the more anomalous, as ``score_samples``.
    threshold : float, optional
        Rows that score below it are marked.
    x : ndarray of shape (n_rows,), optional
        When the rows are; by default their numbers.
    x_name : str
        What the axis of time is called.
    names : list of str, optional
        Of the columns.
    truth : ndarray of bool of shape (n_rows,), optional
        Rows that are known to be anomalous.

    Attributes
    ----------
    lines_ : list of Line2D
        The columns.
    points_ : PathCollection or None
        The rows below the threshold, on the first column.
    score_line_ : Line2D
    threshold_line_ : Line2D or None
    spans_ : list of Polygon
        Stretches known to be anomalous, in both axes.
    bounding_ax_ : Axes or None
        The axes that were divided into ``axes_``.
    axes_ : ndarray of 2 Axes
        Of the series and of the scores.
    figure_ : Figure

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import AnomalyDisplay, ForecastDetector
    >>> X = np.sin(np.arange(300) / 5)[:, None] + 0.1 * np.random.default_rng(0).normal(size=(300, 1))
    >>> X[250:260] += 1
    >>> detector = ForecastDetector().fit(X[:200])
    >>> display = AnomalyDisplay.from_estimator(detector, X[200:])
    >>> display.score_line_.get_ydata().shape
    (100,)
    """

    def __init__(
        self,
        *,
        values: np.ndarray,
        scores: np.ndarray,
        threshold: float | None = None,
        x: np.ndarray | None = None,
        x_name: str = "row",
        names: list[str] | None = None,
        truth: np.ndarray | None = None,
    ) -> None:
        self.values = values
        self.scores = scores
        self.threshold = threshold
        self.x = x
        self.x_name = x_name
        self.names = names
        self.truth = truth

    def plot(self, ax: Any = None, *, line_kwargs: dict[str, Any] | None = None) -> "AnomalyDisplay":
        """Draw it.

        Parameters
        ----------
        ax : Axes or sequence of 2 Axes, optional
            Where: one is divided; by default a new figure is made.
        line_kwargs : dict, optional
            Of matplotlib's ``plot``, for the lines of the series.

        Returns
        -------
        self
        """
        self.bounding_ax_, self.axes_ = panels(ax, f"{type(self).__name__}.plot", ["A", "B"], [2.0, 1.0], (8.0, 4.5))
        upper, lower = self.axes_
        columns = self.values.reshape(len(self.values), -1)
        n, k = columns.shape
        x = np.arange(n) if self.x is None else self.x
        names: list[Any] = self.names or ([None] if k == 1 else [f"x{i}" for i in range(k)])
        self.lines_ = []
        for i in range(k):
            usual: dict[str, Any] = {"linewidth": WIDTH, "label": names[i]} | ({"color": BLUE} if k == 1 else {})
            self.lines_ += upper.plot(x, columns[:, i], **styled(line_kwargs, "line", **(usual | dot(n))))
        self.points_ = self.threshold_line_ = None
        if self.threshold is not None:
            below = self.scores < self.threshold
            self.points_ = upper.scatter(
                x[below], columns[below, 0], s=10, color=ORANGE, zorder=3, label=f"anomalies, {int(below.sum())} rows"
            )
            self.threshold_line_ = lower.axhline(
                self.threshold, color=ORANGE, linewidth=1, linestyle="--", label="threshold"
            )
        (self.score_line_,) = lower.plot(x, self.scores, color=GREY, linewidth=WIDTH, **dot(n))
        self.spans_ = []
        if self.truth is not None:
            edges = np.diff(self.truth.astype(np.int8), prepend=0, append=0)
            stretches = zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True)
            for i, (start, stop) in enumerate(stretches):
                for axes in (upper, lower):
                    label = "known anomalies" if i == 0 and axes is upper else None
                    self.spans_.append(axes.axvspan(x[start], x[stop - 1], color=GREY, alpha=0.2, lw=0, label=label))
        finish(upper, x, ylabel=str(names[0]) if k == 1 and names[0] else "")
        finish(lower, x, xlabel=self.x_name, ylabel="score")
        lower.sharex(upper)
        legend(upper)
        self.figure_ = upper.figure
        return self

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any = None, *, ax: Any = None, line_kwargs: dict[str, Any] | None = None
    ) -> "AnomalyDisplay":
        """Score the rows of a table and draw them.

        Parameters
        ----------
        estimator : detector
            Fitted, one that scores rows of a table, such as `ForecastDetector`, or `SubspaceDetector` with ``rows="time"``.
        X : array-like or frame of shape (n_rows, n_columns)
            Rows in time order.
        y : array-like of shape (n_rows,), optional
            1 in rows that are known to be anomalous, 0 elsewhere.
        ax : Axes or sequence of 2 Axes, optional
            Where: one is divided; by default a new figure is made.
        line_kwargs : dict, optional
            As in `plot`.

        Returns
        -------
        AnomalyDisplay

        Raises
        ------
        ValueError
            For a detector of whole sequences, and of several series in one table.
        """
        pyplot(f"{cls.__name__}.from_estimator")
        name = type(estimator).__name__
        if getattr(estimator, "rows", "time") != "time":
            raise ValueError(
                f"{name} scores whole sequences; wanted one that scores the rows of a table. Make it with rows='time', or give scores to "
                "from_scores."
            )
        if getattr(getattr(estimator, "forecaster", None), "series_id", None) is not None:
            raise ValueError(
                f"{name} reads several series from one table; wanted one. Score them, and give the rows of one to from_scores."
            )
        scores = estimator.score_samples(X)
        return cls.from_scores(X, scores, threshold=estimator.offset_, y=y, ax=ax, line_kwargs=line_kwargs)

    @classmethod
    def from_scores(
        cls,
        X: Any,
        scores: Any,
        *,
        threshold: float | None = None,
        y: Any = None,
        x: Any = None,
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> "AnomalyDisplay":
        """Draw scores that were found.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_columns)
            Rows in time order; of a frame, columns of numbers are drawn.
        scores : array-like of shape (n_rows,)
            The lower, the more anomalous.
        threshold : float, optional
            Rows that score below it are marked.
        y : array-like of shape (n_rows,), optional
            1 in rows that are known to be anomalous, 0 elsewhere.
        x : array-like of shape (n_rows,), optional
            When the rows are; by default the index of ``X`` if it holds times, else numbers.
        ax : Axes or sequence of 2 Axes, optional
            Where: one is divided; by default a new figure is made.
        line_kwargs : dict, optional
            As in `plot`.

        Returns
        -------
        AnomalyDisplay
        """
        pyplot(f"{cls.__name__}.from_scores")
        given = index_of(X) if x is None else x
        names = None
        if hasattr(X, "columns"):
            kept = [name for name, dtype in zip(list(X.columns), list(X.dtypes), strict=True) if _is_number(dtype)]
            if not kept:
                raise ValueError(
                    "X has no column of numbers; wanted at least one to draw. Give the columns that were scored."
                )
            names, X = [str(name) for name in kept], np.column_stack([np.asarray(X[name]) for name in kept])
        values = np.asarray(X, dtype=np.float64)
        values = read_numbers(values, "X", (None,) * max(1, values.ndim))
        found = read_numbers(scores, "scores", (len(values),))
        truth = None if y is None else read_numbers(y, "y", (len(values),)) > 0
        display = cls(
            values=values,
            scores=found,
            threshold=threshold,
            x=positions(given, len(values), "x"),
            x_name=time_label(given),
            names=names,
            truth=truth,
        )
        return display.plot(ax, line_kwargs=line_kwargs)


def _is_number(dtype: Any) -> bool:
    return str(dtype).lower().startswith(("int", "uint", "float"))
