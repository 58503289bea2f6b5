"""A forecast beside what happened."""

from typing import Any

import numpy as np

from sklearn_seq.inspection._drawing import BLUE, GREY, WIDTH, dot, finish, legend, pyplot, styled
from sklearn_seq.inspection._rows import index_of, one_target, positions, read_numbers, rows_of, time_label, times_of
from sklearn_seq.model_selection.inner import reaching
from sklearn_seq.params import public

__all__ = ["ForecastDisplay"]


@public
class ForecastDisplay:
    """Forecast, what happened, the rows before, and an interval.

    Make it by `from_estimator` or `from_predictions`; what they are given is kept as attributes, so that `plot` can draw it again.

    Parameters
    ----------
    y_pred : ndarray of shape (n_rows,)
        The forecast.
    x : ndarray of shape (n_rows,)
        When it is: datetime64 or numbers.
    y_true : ndarray of shape (n_rows,), optional
        What happened, NaN where it is not known.
    interval : ndarray of shape (n_rows, 2), optional
        Lower and upper end.
    coverage : float, optional
        How often the interval should hold the truth, for the legend.
    y_past : ndarray of shape (n_past,), optional
        The rows before.
    x_past : ndarray of shape (n_past,), optional
        When they were.
    x_name : str, default="time"
        What ``x`` is, for the axis.
    name : str, optional
        What is forecast, for the axis.

    Attributes
    ----------
    line_ : Line2D
        The forecast.
    truth_line_, history_line_ : Line2D or None
        What happened in the rows forecast, and before.
    interval_ : PolyCollection or None
        The interval.
    ax_ : Axes
    figure_ : Figure

    See Also
    --------
    BacktestDisplay : Forecasts of many origins, and their scores.
    ResidualsDisplay : Their errors.

    Examples
    --------
    >>> from sklearn_seq import ForecastDisplay, NaiveForecaster
    >>> from sklearn_seq.datasets import load_el_nino
    >>> sea = load_el_nino(as_frame=True).frame
    >>> model = NaiveForecaster(method="seasonal", horizon=24, calibration_fraction=0.2).fit(sea[:-24])
    >>> display = ForecastDisplay.from_estimator(model, sea[-24:], sea[-120:-24], coverage=0.9)
    >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
    ['history', 'truth', '90% interval', 'forecast']
    """

    def __init__(
        self,
        *,
        y_pred: np.ndarray,
        x: np.ndarray,
        y_true: np.ndarray | None = None,
        interval: np.ndarray | None = None,
        coverage: float | None = None,
        y_past: np.ndarray | None = None,
        x_past: np.ndarray | None = None,
        x_name: str = "time",
        name: str | None = None,
    ) -> None:
        self.y_pred = y_pred
        self.x = x
        self.y_true = y_true
        self.interval = interval
        self.coverage = coverage
        self.y_past = y_past
        self.x_past = x_past
        self.x_name = x_name
        self.name = name

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        line_kwargs: dict[str, Any] | None = None,
        truth_kwargs: dict[str, Any] | None = None,
        interval_kwargs: dict[str, Any] | None = None,
    ) -> "ForecastDisplay":
        """Draw it.

        Parameters
        ----------
        ax : Axes, optional
            Where; by default in a new figure.
        name : str, optional
            What is forecast, for the axis; by default that of the display.
        line_kwargs : dict, optional
            Of matplotlib's ``plot``, for the forecast.
        truth_kwargs : dict, optional
            Of matplotlib's ``plot``, for what happened.
        interval_kwargs : dict, optional
            Of matplotlib's ``fill_between``.

        Returns
        -------
        self
        """
        plt = pyplot(f"{type(self).__name__}.plot")
        if ax is None:
            _, ax = plt.subplots(figsize=(8, 3.5), layout="constrained")
        n = len(self.x)
        self.history_line_ = self.truth_line_ = self.interval_ = None
        if self.y_past is not None:
            style = {"color": GREY, "linewidth": 0.8, "alpha": 0.7, "label": "history"}
            (self.history_line_,) = ax.plot(self.x_past, self.y_past, **style, **dot(len(self.y_past)))
        if self.y_true is not None:
            style = styled(truth_kwargs, "line", color="black", linewidth=WIDTH, label="truth", **dot(n))
            (self.truth_line_,) = ax.plot(self.x, self.y_true, **style)
        if self.interval is not None:
            label = "interval" if self.coverage is None else f"{100 * self.coverage:.4g}% interval"
            edge = 0.0 if n > 1 else 4.0  # the edge alone is seen of a single row
            style = styled(interval_kwargs, "area", color=BLUE, alpha=0.2, linewidth=edge, label=label)
            self.interval_ = ax.fill_between(self.x, *self.interval.T, **style)
        style = styled(line_kwargs, "line", color=BLUE, linewidth=1.4 * WIDTH, label="forecast", **dot(n))
        (self.line_,) = ax.plot(self.x, self.y_pred, **style)
        name = self.name if name is None else name
        finish(ax, self.x, xlabel=self.x_name, ylabel=name or "")
        legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @classmethod
    def from_estimator(
        cls,
        forecaster: Any,
        X: Any,
        X_past: Any = None,
        *,
        coverage: float | None = None,
        series: Any = None,
        target: Any = None,
        name: str | None = None,
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
        truth_kwargs: dict[str, Any] | None = None,
        interval_kwargs: dict[str, Any] | None = None,
    ) -> "ForecastDisplay":
        """Forecast the rows of a table, and draw it.

        Parameters
        ----------
        forecaster : forecaster
            Fitted; of a search or a pipeline the forecaster inside is shown, in the units it forecasts in.
        X : array-like or frame of shape (n_rows, n_columns)
            Rows that follow those of training. One forecast is made every ``horizon`` rows, as `predict` does.
        X_past : array-like or frame of shape (n_past, n_columns), optional
            Rows before them, to be shown.
        coverage : float, optional
            Show intervals that hold the truth so often.
        series : object, optional
            The series to show, of several.
        target : str or int, optional
            The target to show, of several, by name or place.
        name : str, optional
            What is forecast, for the axis; by default the target, and the series.
        ax : Axes, optional
            Where; by default in a new figure.
        line_kwargs, truth_kwargs, interval_kwargs : dict, optional
            As in `plot`.

        Returns
        -------
        ForecastDisplay

        Raises
        ------
        ValueError
            For several series or targets of which none is chosen; for ``coverage`` of a forecaster without intervals.
        """
        pyplot(f"{cls.__name__}.from_estimator")
        given, given_past = X, X_past  # whose index tells the time, if that behind a pipeline does not
        forecaster, X, X_past = reaching(forecaster, X, X_past)
        if not hasattr(forecaster, "read_targets"):
            raise ValueError(
                f"{type(forecaster).__name__} has no read_targets; wanted a forecaster, which finds its targets in X. Of another model, "
                "give y_true and y_pred to from_predictions."
            )
        truth = forecaster.read_targets(X)
        names = list(forecaster.target_names_)
        k = one_target(names, target)

        def chosen(answers: Any, rows: np.ndarray) -> np.ndarray:
            answers = np.asarray(answers)[rows]
            return answers if truth.ndim == 1 else answers[:, k]

        rows = rows_of(forecaster, X, series)
        times = times_of(forecaster, X, given)
        interval = None if coverage is None else chosen(forecaster.predict_interval(X, coverage=coverage), rows)
        past = times_past = None
        if X_past is not None:
            rows_past = rows_of(forecaster, X_past, series)
            past = chosen(forecaster.read_targets(X_past), rows_past)
            times_past = times_of(forecaster, X_past, given_past)
            times_past = None if times_past is None else times_past[rows_past]
        if name is None:
            name = names[k] if series is None else f"{names[k]} of {series}"
        return cls.from_predictions(
            chosen(truth, rows),
            chosen(forecaster.predict(X), rows),
            interval=interval,
            coverage=coverage,
            y_past=past,
            x=None if times is None else times[rows],
            x_past=times_past,
            name=name,
            ax=ax,
            line_kwargs=line_kwargs,
            truth_kwargs=truth_kwargs,
            interval_kwargs=interval_kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        interval: Any = None,
        coverage: float | None = None,
        y_past: Any = None,
        x: Any = None,
        x_past: Any = None,
        name: str | None = None,
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
        truth_kwargs: dict[str, Any] | None = None,
        interval_kwargs: dict[str, Any] | None = None,
    ) -> "ForecastDisplay":
        """Draw a forecast that was made.

        Parameters
        ----------
        y_true : array-like of shape (n_rows,) or None
            What happened; None where it is not known yet.
        y_pred : array-like of shape (n_rows,)
            The forecast.
        interval : array-like of shape (n_rows, 2), optional
            Lower and upper end.
        coverage : float, optional
            How often the interval should hold the truth, for the legend.
        y_past : array-like of shape (n_past,), optional
            The rows before.
        x : array-like of shape (n_rows,), optional
            When it is, times or numbers; by default the index of ``y_pred`` or ``y_true`` if it holds times, else numbers from 0.
        x_past : array-like of shape (n_past,), optional
            When the rows before were; by default in the same way, numbers up to -1.
        name : str, optional
            What is forecast, for the axis.
        ax : Axes, optional
            Where; by default in a new figure.
        line_kwargs, truth_kwargs, interval_kwargs : dict, optional
            As in `plot`.

        Returns
        -------
        ForecastDisplay
        """
        pyplot(f"{cls.__name__}.from_predictions")
        found = read_numbers(y_pred, "y_pred", (None,))
        n = len(found)
        given = index_of(y_pred, y_true) if x is None else x
        x = positions(given, n, "x")
        past = times_past = None
        if y_past is not None:
            past = read_numbers(y_past, "y_past", (None,))
            times_past = positions(
                index_of(y_past) if x_past is None else x_past, len(past), "x_past", first=-len(past)
            )
            if (times_past.dtype.kind == "M") != (x.dtype.kind == "M"):
                raise ValueError(
                    f"the rows forecast have {_kind(x)} and the rows before {_kind(times_past)}; wanted the same. Give x and x_past, or "
                    "neither."
                )
        display = cls(
            y_pred=found,
            x=x,
            y_true=None if y_true is None else read_numbers(y_true, "y_true", (n,)),
            interval=None if interval is None else read_numbers(interval, "interval", (n, 2)),
            coverage=coverage,
            y_past=past,
            x_past=times_past,
            x_name=time_label(given, "rows from the first forecast"),
            name=name,
        )
        return display.plot(ax, line_kwargs=line_kwargs, truth_kwargs=truth_kwargs, interval_kwargs=interval_kwargs)


def _kind(x: np.ndarray) -> str:
    return "times" if x.dtype.kind == "M" else "numbers"
