"""What a model gets wrong: errors over time, their memory, and their sizes."""

from typing import Any

import numpy as np

from sklearn_seq.inspection._drawing import BLUE, GREY, ORANGE, dot, finish, legend, panels, pyplot, styled
from sklearn_seq.inspection._rows import index_of, one_target, positions, read_numbers, rows_of, time_label, times_of
from sklearn_seq.model_selection.inner import reaching
from sklearn_seq.params import public

__all__ = ["ResidualsDisplay"]


@public
class ResidualsDisplay:
    """Errors over time, their autocorrelation, and their histogram.

    Make it by `from_estimator` or `from_predictions`; what they are given is kept as attributes, so that `plot` can draw it again.

    Parameters
    ----------
    residuals : ndarray of shape (n_rows,)
        Truth minus prediction; NaN where the truth is not known.
    x : ndarray of shape (n_rows,)
        When the rows are: datetime64 or numbers.
    autocorrelation : ndarray of shape (n_lags,)
        Of the residuals, from lag 1 on.
    bound : float
        Of 100 series without memory, 95 have the autocorrelation of a lag between minus and plus this.
    x_name : str, default="time"
        What ``x`` is, for the axis.
    name : str, optional
        What is predicted, for the title.

    Attributes
    ----------
    line_ : Line2D
        The residuals over time.
    autocorrelation_line_ : Line2D
        The dots of the autocorrelation.
    bounds_ : Polygon or Rectangle
        The band between minus and plus ``bound``.
    histogram_ : BarContainer
        The bars of the histogram, a density.
    normal_line_ : Line2D or None
        A normal density of the same mean and deviation.
    bounding_ax_ : Axes or None
        The axes that were divided into ``axes_``.
    axes_ : ndarray of Axes
        Of residuals, autocorrelation and histogram.
    figure_ : Figure

    See Also
    --------
    ForecastDisplay : Forecasts beside what happened.

    Notes
    -----
    Errors with memory could have been foretold. There is one exception: `predict` of a forecaster answers ``horizon`` rows from one
    origin, and errors of one origin go together; there lags from ``horizon`` on tell.

    The autocorrelation of lag k is the sum of products of errors k rows apart, less their mean, divided by the sum of squares; rows
    that are not known count as the mean. The bound is 1.96 / sqrt(n) [1]_.

    References
    ----------
    .. [1] G. E. P. Box, G. M. Jenkins, G. C. Reinsel, G. M. Ljung. Time series analysis: forecasting and control, 5th edition, 2015.

    Examples
    --------
    >>> from sklearn_seq import NaiveForecaster, ResidualsDisplay
    >>> from sklearn_seq.datasets import load_el_nino
    >>> sea = load_el_nino(as_frame=True).frame
    >>> model = NaiveForecaster(method="seasonal", horizon=1).fit(sea[:-240])
    >>> display = ResidualsDisplay.from_estimator(model, sea[-240:])
    >>> bool(display.autocorrelation[0] > display.bound)  # last year's month is not all that could be known
    True
    """

    def __init__(
        self,
        *,
        residuals: np.ndarray,
        x: np.ndarray,
        autocorrelation: np.ndarray,
        bound: float,
        x_name: str = "time",
        name: str | None = None,
    ) -> None:
        self.residuals = residuals
        self.x = x
        self.autocorrelation = autocorrelation
        self.bound = bound
        self.x_name = x_name
        self.name = name

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> "ResidualsDisplay":
        """Draw it.

        Parameters
        ----------
        ax : Axes or sequence of 3 Axes, optional
            Where: one is divided; by default a new figure is made.
        name : str, optional
            What is predicted, for the title; by default that of the display.
        line_kwargs : dict, optional
            Of matplotlib's ``plot``, for the residuals over time.

        Returns
        -------
        self
        """
        what = f"{type(self).__name__}.plot"
        self.bounding_ax_, self.axes_ = panels(ax, what, ["AA", "BC"], [1.0, 1.0], (8.0, 5.0))
        over_time, memory, sizes = self.axes_
        style = styled(line_kwargs, "line", color=BLUE, linewidth=0.9, **dot(len(self.x)))
        (self.line_,) = over_time.plot(self.x, self.residuals, **style)
        over_time.axhline(0, color=GREY, linewidth=0.8)
        name = self.name if name is None else name
        finish(
            over_time,
            self.x,
            xlabel=self.x_name,
            ylabel="truth - prediction",
        )
        if name:
            over_time.set_title(name, loc="left", fontsize="medium")
        self._plot_autocorrelation(memory)
        self._plot_histogram(sizes)
        self.figure_ = over_time.figure
        return self

    def _plot_autocorrelation(self, ax: Any) -> None:
        lags = np.arange(1, len(self.autocorrelation) + 1)
        label = "no memory (95%)"
        self.bounds_ = ax.axhspan(-self.bound, self.bound, color=GREY, alpha=0.15, linewidth=0, label=label)
        ax.axhline(0, color=GREY, linewidth=0.8)
        ax.vlines(lags, 0, self.autocorrelation, color=BLUE, linewidth=1.2)
        (self.autocorrelation_line_,) = ax.plot(
            lags, self.autocorrelation, color=BLUE, linestyle="none", marker="o", markersize=3
        )
        ax.xaxis.get_major_locator().set_params(integer=True)
        finish(ax, xlabel="lag in rows", ylabel="autocorrelation")
        legend(ax)

    def _plot_histogram(self, ax: Any) -> None:
        known = self.residuals[~np.isnan(self.residuals)]
        bins = int(
            np.clip(np.sqrt(len(known)), 5, 60)
        )  # rules that look at the spread ask for millions where an error is far out
        *_, self.histogram_ = ax.hist(known, bins=bins, density=True, color=BLUE, alpha=0.4, linewidth=0)
        ax.axvline(0, color=GREY, linewidth=0.8)
        mean, deviation = float(known.mean()), float(known.std())
        self.normal_line_ = None
        if deviation > 0:
            grid = mean + deviation * np.linspace(-4, 4, 201)
            density = np.exp(-0.5 * ((grid - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
            label = "normal"
            (self.normal_line_,) = ax.plot(grid, density, color=ORANGE, linewidth=1.2, label=label)
        finish(ax, xlabel="truth - prediction", ylabel="density")
        legend(ax)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        series: Any = None,
        target: Any = None,
        n_lags: int | None = None,
        name: str | None = None,
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> "ResidualsDisplay":
        """Predict the rows of a table, and draw the errors.

        Parameters
        ----------
        estimator : forecaster or regressor
            Fitted.
        X : array-like or frame of n_rows
            Rows in time order that it did not learn from.
        y : array-like of shape (n_rows,) or (n_rows, n_targets), optional
            What happened; by default what a forecaster finds in ``X``.
        series : object, optional
            The series to show, of several.
        target : str or int, optional
            The target to show, of several, by name or place.
        n_lags : int, optional
            How many lags; by default 40, or a third of the rows.
        name : str, optional
            What is predicted, for the title; by default the target, and the series.
        ax : Axes or sequence of 3 Axes, optional
            Where: one is divided; by default a new figure is made.
        line_kwargs : dict, optional
            As in `plot`.

        Returns
        -------
        ResidualsDisplay

        Raises
        ------
        ValueError
            For several series or targets of which none is chosen; for a regressor without ``y``.
        """
        pyplot(f"{cls.__name__}.from_estimator")
        given = X
        if y is None:  # a pipeline hands on few methods
            estimator, X = reaching(estimator, X)
        if y is None and not hasattr(estimator, "read_targets"):
            raise ValueError(
                f"y is None and {type(estimator).__name__} has no read_targets, so it does not find its targets in X; wanted them. Give "
                "y."
            )
        truth = np.asarray(estimator.read_targets(X) if y is None else y, dtype=np.float64)
        found = np.asarray(estimator.predict(X), dtype=np.float64)
        n = len(found)
        if truth.shape != found.shape:
            truth, found = read_numbers(truth, "y", (n,)), read_numbers(found, "predict(X)", (n,))
        truth, found = truth.reshape(n, -1), found.reshape(n, -1)
        names = list(getattr(estimator, "target_names_", [f"y{i}" for i in range(truth.shape[1])]))
        k = one_target(names, target)
        rows = rows_of(estimator, X, series)
        times = times_of(estimator, X, given)
        if name is None and hasattr(estimator, "target_names_"):
            name = names[k] if series is None else f"{names[k]} of {series}"
        return cls.from_predictions(
            truth[rows, k],
            found[rows, k],
            x=None if times is None else times[rows],
            n_lags=n_lags,
            name=name,
            ax=ax,
            line_kwargs=line_kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        x: Any = None,
        n_lags: int | None = None,
        name: str | None = None,
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> "ResidualsDisplay":
        """Draw the errors of predictions that were made.

        Parameters
        ----------
        y_true : array-like of shape (n_rows,)
            What happened, in time order.
        y_pred : array-like of shape (n_rows,)
            The predictions.
        x : array-like of shape (n_rows,), optional
            When the rows are, times or numbers; by default the index of ``y_pred`` or ``y_true`` if it holds times, else numbers.
        n_lags : int, optional
            How many lags; by default 40, or a third of the rows.
        name : str, optional
            What is predicted, for the title.
        ax : Axes or sequence of 3 Axes, optional
            Where: one is divided; by default a new figure is made.
        line_kwargs : dict, optional
            As in `plot`.

        Returns
        -------
        ResidualsDisplay
        """
        pyplot(f"{cls.__name__}.from_predictions")
        found = read_numbers(y_pred, "y_pred", (None,))
        n = len(found)
        residuals = read_numbers(y_true, "y_true", (n,)) - found
        n_known = int((~np.isnan(residuals)).sum())
        if n_known < 3:
            raise ValueError(f"{n_known} of {n} rows have a truth and a prediction; wanted at least 3. Give more rows.")
        n_lags = min(40, max(1, n // 3)) if n_lags is None else n_lags
        if not isinstance(n_lags, (int, np.integer)) or isinstance(n_lags, bool) or not 1 <= n_lags < n:
            raise ValueError(f"n_lags={n_lags!r} and there are {n} rows; wanted a whole number from 1 to {n - 1}.")
        given = index_of(y_pred, y_true) if x is None else x
        display = cls(
            residuals=residuals,
            x=positions(given, n, "x"),
            x_name=time_label(given),
            autocorrelation=_autocorrelation(residuals, int(n_lags)),
            bound=1.96 / np.sqrt(n_known),
            name=name,
        )
        return display.plot(ax, line_kwargs=line_kwargs)


def _autocorrelation(values: np.ndarray, n_lags: int) -> np.ndarray:
    """From lag 1 on; NaN for values that are all the same."""
    centred = np.nan_to_num(values - np.nanmean(values))
    square = centred @ centred
    if square == 0:
        return np.full(n_lags, np.nan)
    return np.array([centred[:-lag] @ centred[lag:] for lag in range(1, n_lags + 1)]) / square
