"""Forecasts of the folds of a back-test, and their scores."""

from typing import Any

import numpy as np

from sklearn_seq.inspection._drawing import COLOURS, GREY, WIDTH, dot, finish, legend, panels, pyplot, styled
from sklearn_seq.inspection._rows import index_of, of_series, one_target, positions, read_numbers, time_label
from sklearn_seq.params import public

__all__ = ["BacktestDisplay"]


@public
class BacktestDisplay:
    """Predictions fold by fold over what happened, and the score of each fold.

    Make it by `from_result`; what it is given is kept as attributes, so that `plot` can draw it again.

    Parameters
    ----------
    y_true : ndarray of shape (n_rows,)
        What happened.
    predictions : ndarray of shape (n_rows,)
        NaN where no fold tested a row.
    fold : ndarray of int of shape (n_rows,)
        The fold that predicted each row, -1 where none did.
    x : ndarray of shape (n_rows,)
        When the rows are: datetime64 or numbers.
    x_name : str, default="time"
        What ``x`` is, for the axis.
    scores : ndarray of shape (n_folds,), optional
        The score of each fold.
    name : str, optional
        What is predicted, for the axis.
    score_name : str, optional
        What the scores are, for the axis.

    Attributes
    ----------
    truth_line_ : Line2D
        What happened.
    fold_lines_ : dict of int to Line2D
        The predictions of each fold that has rows here.
    score_line_, mean_line_ : Line2D or None
        The scores, and their mean.
    bounding_ax_ : Axes or None
        The axes that were divided into ``axes_``.
    axes_ : ndarray of Axes
        Of predictions and scores; the first alone where there are no scores.
    figure_ : Figure

    See Also
    --------
    backtest : Predictions of folds in time order.

    Examples
    --------
    >>> from sklearn_seq import BacktestDisplay, NaiveForecaster, RollingOriginSplit, backtest
    >>> from sklearn_seq.datasets import load_el_nino
    >>> sea = load_el_nino(as_frame=True).frame
    >>> model = NaiveForecaster(method="seasonal", horizon=12)
    >>> result = backtest(model, sea, cv=RollingOriginSplit(5, test_size=24))
    >>> display = BacktestDisplay.from_result(result, sea)
    >>> sorted(display.fold_lines_)
    [0, 1, 2, 3, 4]
    """

    def __init__(
        self,
        *,
        y_true: np.ndarray,
        predictions: np.ndarray,
        fold: np.ndarray,
        x: np.ndarray,
        x_name: str = "time",
        scores: np.ndarray | None = None,
        name: str | None = None,
        score_name: str | None = None,
    ) -> None:
        self.y_true = y_true
        self.predictions = predictions
        self.fold = fold
        self.x = x
        self.x_name = x_name
        self.scores = scores
        self.name = name
        self.score_name = score_name

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        line_kwargs: dict[str, Any] | None = None,
        truth_kwargs: dict[str, Any] | None = None,
    ) -> "BacktestDisplay":
        """Draw it.

        Parameters
        ----------
        ax : Axes or sequence of Axes, optional
            Where: one is divided; by default a new figure is made.
        name : str, optional
            What is predicted, for the axis; by default that of the display.
        line_kwargs : dict, optional
            Of matplotlib's ``plot``, for the predictions of each fold.
        truth_kwargs : dict, optional
            Of matplotlib's ``plot``, for what happened.

        Returns
        -------
        self
        """
        layout, heights = (["A"], [1.0]) if self.scores is None else (["A", "B"], [2.5, 1.0])
        size = (8.0, 3.5 if self.scores is None else 5.0)
        self.bounding_ax_, self.axes_ = panels(ax, f"{type(self).__name__}.plot", layout, heights, size)
        upper = self.axes_[0]
        style = styled(truth_kwargs, "line", color="black", linewidth=0.7, zorder=3, label="truth", **dot(len(self.x)))
        (self.truth_line_,) = upper.plot(self.x, self.y_true, **style)
        self.fold_lines_: dict[int, Any] = {}
        for k in np.unique(self.fold[self.fold >= 0]).tolist():
            rows = self.fold == k
            label = None if self.fold_lines_ else "predictions, a colour a fold"
            style = {"color": _colour(k), "linewidth": 1.4 * WIDTH, "label": label} | dot(int(rows.sum()))
            (self.fold_lines_[k],) = upper.plot(
                self.x[rows], self.predictions[rows], **styled(line_kwargs, "line", **style)
            )
        name = self.name if name is None else name
        finish(upper, self.x, xlabel=self.x_name, ylabel=name or "")
        tested = np.flatnonzero(self.fold >= 0)
        if len(tested):  # a long history leaves no room for what is shown
            upper.set_xlim(left=self.x[max(0, 2 * tested[0] - tested[-1])])
        legend(upper)
        self.score_line_ = self.mean_line_ = None
        if self.scores is not None:
            self._plot_scores(self.axes_[1])
        self.figure_ = upper.figure
        return self

    def _plot_scores(self, ax: Any) -> None:
        scores = self.scores
        assert scores is not None
        folds = np.arange(len(scores))
        (self.score_line_,) = ax.plot(folds, scores, color=GREY, linewidth=0.8, alpha=0.5)
        ax.scatter(folds, scores, c=[_colour(k) for k in folds.tolist()], s=30, zorder=3)
        mean = float(np.mean(scores))
        self.mean_line_ = ax.axhline(
            mean, color=GREY, linewidth=0.8, linestyle="--", label=f"mean of the folds, {mean:.3g}"
        )
        ax.xaxis.get_major_locator().set_params(integer=True)
        finish(ax, xlabel="fold", ylabel=self.score_name or "score")
        legend(ax)

    @classmethod
    def from_result(
        cls,
        result: Any,
        y_true: Any,
        *,
        x: Any = None,
        groups: Any = None,
        series: Any = None,
        target: Any = None,
        scoring: str | None = None,
        name: str | None = None,
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
        truth_kwargs: dict[str, Any] | None = None,
    ) -> "BacktestDisplay":
        """Draw what `backtest` gave.

        Parameters
        ----------
        result : BacktestResult
            Of a method that gives a number a row (and target), such as ``"predict"``.
        y_true : array-like of shape (n_rows,) or (n_rows, n_targets)
            What happened, for all rows of ``X``: the ``y`` of the back-test, or the target columns of its table.
        x : array-like of shape (n_rows,), optional
            When the rows are, times or numbers; by default the index of ``y_true`` if it holds times, else row numbers.
        groups : array-like of shape (n_rows,), optional
            The series of each row.
        series : object, optional
            The series to show, of several in ``groups``.
        target : str or int, optional
            The target to show, of several, by place, or by name if ``y_true`` is a frame.
        scoring : str, optional
            The score to show, of several.
        name : str, optional
            What is predicted, for the axis; by default the name of the target, and the series.
        ax : Axes or sequence of Axes, optional
            Where: one is divided; by default a new figure is made.
        line_kwargs, truth_kwargs : dict, optional
            As in `plot`.

        Returns
        -------
        BacktestDisplay
            Scores are those of all series and targets.

        Raises
        ------
        ValueError
            For several series, targets or scores of which none is chosen; for predictions that are no number a row.
        """
        pyplot(f"{cls.__name__}.from_result")
        n = len(result.fold)
        known = [str(column) for column in getattr(y_true, "columns", [])] or [str(getattr(y_true, "name", None) or "")]
        truth, found = np.asarray(y_true, dtype=np.float64), np.asarray(result.predictions)
        truth, found = (array.reshape(n, -1) if len(array) == n else array for array in (truth, found))
        if truth.shape != found.shape or found.dtype.kind != "f":
            raise ValueError(
                f"the predictions are {found.dtype} of shape {np.shape(result.predictions)} and y_true is of shape {np.shape(y_true)}; "
                "wanted a number of each for each row and target. Give the targets of all rows that the back-test was given, and "
                "method='predict' to backtest."
            )
        names = known if len(known) == truth.shape[1] else [f"y{i}" for i in range(truth.shape[1])]
        k = one_target(names, target)
        rows = np.ones(n, dtype=bool)
        if groups is not None:
            rows = of_series(np.asarray(groups), series, "groups")
        elif series is not None:
            raise ValueError(
                f"series={series!r} is given and groups is None; wanted the series of each row. Give groups."
            )
        given = index_of(y_true) if x is None else x
        times = positions(given, n, "x")
        scores, score_name = _scores(result.scores, scoring)
        if name is None:
            name = names[k] if series is None else f"{names[k]} of {series}".removeprefix(" of ")
        display = cls(
            y_true=read_numbers(truth[rows, k], "y_true", (None,)),
            predictions=found[rows, k],
            fold=np.asarray(result.fold)[rows],
            x=times[rows],
            x_name=time_label(given),
            scores=scores,
            name=name,
            score_name=score_name,
        )
        return display.plot(ax, line_kwargs=line_kwargs, truth_kwargs=truth_kwargs)


def _colour(k: int) -> str:
    return COLOURS[k % len(COLOURS)]


def _scores(scores: Any, scoring: str | None) -> tuple[np.ndarray | None, str | None]:
    """The scores to show, and what they are called."""
    if not isinstance(scores, dict):
        if scoring is not None:
            raise ValueError(
                f"scoring={scoring!r} is given and the back-test has {'no score' if scores is None else 'one score'}; wanted None. "
                "Give several to backtest, by name."
            )
        return (None if scores is None else np.asarray(scores, dtype=np.float64)), None
    if scoring not in scores and (scoring is not None or len(scores) > 1):
        raise ValueError(
            f"scoring={scoring!r} and the back-test has the scores {', '.join(map(repr, scores))}; wanted one of these."
        )
    scoring = next(iter(scores)) if scoring is None else scoring
    return np.asarray(scores[scoring], dtype=np.float64), scoring
