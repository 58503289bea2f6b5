"""Forecasts of tables whose rows are time."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import sklearn.base
from sklearn.metrics import r2_score
from sklearn.utils import check_consistent_length

from sklearn_seq.params import AtLeast, Between, estimator
from sklearn_seq.sequences.weights import read_weight
from sklearn_seq.tasks.forecast_frames import as_table, read_future
from sklearn_seq.tasks.forecast_tables import Running, training_windows
from sklearn_seq.tasks.forecast_uncertainty import UncertaintyMixin, check_stride
from sklearn_seq.tasks.state import keep_on_failure

if TYPE_CHECKING:
    pass

__all__ = ["ForecasterMixin", "ForecastingMixin", "r2_of_known"]

_PRIVATE = (
    "_table",
    "_solved",
    "_map",
    "_longest",
    "_weights",
    "_module",
    "_fitted_params",
    "_history",
    "_optimizer_state",
)


class ForecastingMixin(sklearn.base.RegressorMixin, UncertaintyMixin):
    """Forecasting: the next rows of a table, or of several series in one.

    Attributes
    ----------
    n_features_in_ : int
        Columns of ``X``.
    feature_names_in_ : ndarray of str
        Names of the columns; only where ``X`` had names.
    lookback_ : int
        Rows read before each origin: ``lookback``, or fewer where the series are short.
    target_names_ : list of str
        What is forecast.
    series_ : list
        Names of the series; [None] for one without a name.
    """

    # -- fit ---------------------------------------------------------------------------------------------------------

    @keep_on_failure
    def fit(self, X: Any, y: Any = None) -> Any:
        """Learn to forecast.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_columns)
            Rows in time order; several series stand one below the other or mixed, told apart by ``series_id``.
        y : array-like of shape (n_rows,) or (n_rows, n_targets), optional
            The targets, row by row. With ``target`` they have to be those columns of X. Without, y that is a column of X is taken
            as that one; other y is forecast from the past of X alone, with a warning.

        Returns
        -------
        self
            The fitted forecaster.

        Raises
        ------
        ValueError, TypeError
            For data that cannot be read, with what was given, what was wanted and what to do. A forecaster that was fitted before
            stays as it was.
        """
        self._validate_params()  # type: ignore[attr-defined]
        before = self._begin()
        kept = self.get_params(deep=False)  # type: ignore[attr-defined]
        for name in list(self.__dict__):
            if name not in kept and (name.endswith("_") or name in _PRIVATE):
                del self.__dict__[name]
        read = self._read_training(X, y)
        self._settle(read, before)
        layout = self._layout()
        windows = training_windows(read.table, layout, read.columns, self._scale())
        calibration = self._calibrate(windows, read.columns) if self.calibration_fraction else None
        self._learn(windows, read.columns)
        if calibration is not None:
            self._table["calibration"] = {"grid": calibration.grid, "sizes": calibration.sizes, "n": calibration.n}
        return self

    def forget(self) -> Any:
        """Drop the rows of training that are remembered: the next forecast stands on the rows it is given alone.

        Returns
        -------
        self
            The forecaster.
        """
        self._require_fitted()
        self._table = self._table | {"memory": asdict(self._memory().forgotten())}
        return self

    # -- answering ---------------------------------------------------------------------------------------------------

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Forecasts for all rows of a table: one every ``horizon`` rows, which covers the next ``horizon`` rows.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_columns)
            Rows that follow those of training. A forecast reads past columns up to its origin, and columns known ahead up to its
            last row. Rows with time stamps inside the training period stand on themselves alone.
        return_std : bool
            Whether the predicted standard deviation is returned too; needs ``loss="gaussian"``.

        Returns
        -------
        mean : ndarray of shape (n_rows,) or (n_rows, n_targets)
            Aligned with the rows of ``X``. For quantiles, the level nearest to 0.5.
        std : ndarray of the same shape
            Only with ``return_std=True``.
        """
        self._require_fitted()
        if return_std and not self._says_deviation():
            raise ValueError(
                f"return_std=True needs a model with a deviation, and this {type(self).__name__} has none. Fit a network with "
                "loss='gaussian', or ask predict_interval."
            )
        table, found, (series, _) = self._by_row(X)
        answers = found[:, None]
        mean = self._shaped(table.back(self._unscaled(self._center(answers)[:, 0], series)))
        if not return_std:
            return mean
        spread: Any = self._spread(answers)
        return mean, self._shaped(table.back(self._unscaled(spread[:, 0], series, shift=False)))

    # -- many origins ------------------------------------------------------------------------------------------------

    def rolling_forecast(self, X: Any, stride: int = 1) -> np.ndarray:
        """Forecasts from many origins, each of which reads the ``lookback_`` rows of ``X`` before it.

        Parameters
        ----------
        X : array-like or frame of shape (n_rows, n_columns)
        stride : int
            Rows from one origin to the next.

        Returns
        -------
        ndarray of shape (n_origins, horizon) or (n_origins, horizon, n_targets)
            Origins are the rows ``lookback_``, ``lookback_ + stride``, ... up to ``n_rows - horizon``; entry ``i`` covers the
            ``horizon`` rows from the i-th origin on. Of several series, those of the first come first.
        """
        self._require_fitted()
        check_stride(stride)
        windows = self._rolling(X, stride)
        answers = self._answers(windows, self._table["horizon"])
        return self._shaped(windows.scale.undo(self._center(answers), windows.series, list(windows.layout.target)))

    def forecast(self, steps: int | None = None, X_future: Any = None, as_frame: bool = False) -> Any:
        """Forecast what follows the end of training.

        Parameters
        ----------
        steps : int, optional
            How many rows; by default ``horizon``. Beyond it what was forecast becomes the past of what is forecast next, for
            which every past column has to be a target or known ahead.
        X_future : frame or array-like, optional
            The columns of ``known_future``, a row for each step (and series).
        as_frame : bool
            Whether to give a pandas frame, indexed by time (and series).

        Returns
        -------
        ndarray of shape (steps,) or (steps, n_targets), for several series with a leading (n_series,); or DataFrame
        """
        self._require_fitted()
        steps = self._table["horizon"] if steps is None else steps
        if not isinstance(steps, (int, np.integer)) or isinstance(steps, bool) or steps < 1:
            raise ValueError(f"steps={steps!r}; wanted a whole number of rows, at least 1")
        memory, columns, layout = self._memory(), self._columns(), self._layout()
        n = len(self.series_)
        none = np.zeros(n, dtype=np.int64)
        values = np.zeros((0, layout.n_values), dtype=self._table["dtype"])
        more = int(-(-steps // layout.horizon) * layout.horizon)
        running = Running.of(
            values, none, none, np.arange(n), memory, none > 0, layout, self._scale(), self._table["static"], more
        )
        times = None
        if columns.known:
            asked = (memory.last, self.series_, int(steps), self._table["gaps"])
            known, times = read_future(X_future, columns, self._clock(), *asked)
            rows = running.first[:, None] + np.arange(steps)
            running.windows.values[rows[..., None], np.array(columns.known)] = known
            running.windows.values[
                (running.first[:, None] + np.arange(steps, more))[..., None], np.array(columns.known)
            ] = known[:, -1:]
            if layout.marked:
                running.windows.values[rows[..., None], np.array(columns.known) + layout.n_values] = 0.0
        elif X_future is not None:
            raise ValueError(
                "X_future is given, and no column is known_future; wanted None. Name such columns when the forecaster is made."
            )
        windows = running.at(none, np.arange(n))
        found = self._unscaled(self._center(self._answers(windows, int(steps))), np.arange(n))
        if as_frame:
            return as_table(found, self.target_names_, columns, self._clock(), memory.last, self.series_, times)
        found = self._shaped(found)
        return found if columns.series is not None else found[0]

    # -- scoring -----------------------------------------------------------------------------------------------------

    def read_targets(self, X: Any) -> np.ndarray:
        """What happened: the target columns of a table, as `predict` is aligned.

        Parameters
        ----------
        X : as in predict

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_targets)
            NaN where the truth is missing.
        """
        self._require_fitted()
        if self._table["n_external"]:
            raise ValueError(
                f"{type(self).__name__} was fitted on a y that is no column of X, so X does not tell it; wanted y. Give it to score."
            )
        table = self._read_again(X)
        return self._shaped(table.back(table.values[:, self._columns().target].astype(np.float64)))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """R2 of `predict`.

        Parameters
        ----------
        X : as in predict
        y : array-like of shape (n_rows,) or (n_rows, n_targets), optional
            What happened; by default the target columns of ``X``.
        sample_weight : array-like of shape (n_rows,), optional

        Returns
        -------
        float
            The mean of all targets, each over the rows where its truth is known.

        Raises
        ------
        ValueError
            Where no target is known in two rows.
        """
        truth = self.read_targets(X) if y is None else np.asarray(y, dtype=np.float64)
        found = self.predict(X)
        check_consistent_length(found, truth)
        weight = None if sample_weight is None else read_weight(sample_weight, len(truth))
        there = ~np.isnan(truth)
        if not there.all():
            found_r2 = r2_of_known(truth.reshape(len(truth), -1), found.reshape(len(found), -1), weight)
            if np.isnan(found_r2):
                raise ValueError("the truth of no target is known in two rows; wanted some to score. Give more rows.")
            return found_r2
        return float(r2_score(truth, found, sample_weight=weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.required = False
        tags.regressor_tags.poor_score = True
        tags.input_tags.allow_nan = self.missing == "mask"
        return tags


def r2_of_known(truth: np.ndarray, found: np.ndarray, weight: np.ndarray | None = None) -> float:
    """The mean R2 of columns, each over the rows where its truth is known; of those with two at least, NaN without one.

    Parameters
    ----------
    truth : ndarray of shape (n, k)
        NaN where it is not known.
    found : ndarray of shape (n, k)
    weight : ndarray of shape (n,), optional
    """
    scores = []
    for one, other in zip(truth.T, found.T, strict=True):
        there = ~np.isnan(one)
        if there.sum() > 1:
            scores.append(r2_score(one[there], other[there], sample_weight=None if weight is None else weight[there]))
    return float(np.mean(scores)) if scores else float("nan")


@estimator
class ForecasterMixin(ForecastingMixin):
    """A forecaster with parameters of its own that say what is forecast of what."""

    lookback: Annotated[int, AtLeast(1), "Rows read before each origin; fewer are read where series are short."] = 96
    horizon: Annotated[int, AtLeast(1), "Rows forecast from each origin."] = 1
    target: Annotated[
        str | int | list | tuple | None,
        "Column or columns of X to forecast, by name, or by position in an array; None: all that are read of the past.",
    ] = None
    known_future: Annotated[
        str | int | list | tuple | None,
        "Columns that are known ahead of time, such as holidays; read of the horizon too.",
    ] = None
    static: Annotated[str | int | list | tuple | None, "Columns with one value for all rows of a series."] = None
    series_id: Annotated[str | int | None, "Column that tells several series apart."] = None
    time: Annotated[
        str | int | None, "Column of time stamps; the index of a pandas frame is taken where it holds times."
    ] = None
    gaps: Annotated[
        Literal["error", "ignore"],
        "Whether a step left out of the time stamps is refused, or rows are taken as neighbours.",
    ] = "error"
    calibration_fraction: Annotated[
        float,
        Between(0, 1, "left"),
        "Share of the origins, the last ones, on which errors are measured for predict_interval; the model then learns from all.",
    ] = 0.0
