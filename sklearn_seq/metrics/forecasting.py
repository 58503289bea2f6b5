"""Errors of point forecasts that compare across series: scaled by the past, or by the size of what happened."""

from numbers import Integral
from typing import Any, Literal

import numpy as np
from sklearn.utils import check_scalar

from sklearn_seq.metrics._reading import over_outputs, read_array, read_numbers
from sklearn_seq.params import public
from sklearn_seq.sequences import Sequences

__all__ = [
    "mean_absolute_scaled_error",
    "root_mean_squared_scaled_error",
    "symmetric_mean_absolute_percentage_error",
    "weighted_absolute_percentage_error",
]


@public
def mean_absolute_scaled_error(
    y_true: Any,
    y_pred: Any,
    *,
    y_train: Any,
    seasonality: int = 1,
    zero_scale: Literal["error", "omit"] = "error",
    multioutput: Any = "uniform_average",
) -> Any:
    """MASE: the mean absolute error, in units of what the seasonal naive forecast errs inside the training series.

    Each series has its own unit, the mean of ``abs(y_train[t] - y_train[t - seasonality])``; values of series are averaged.
    Below 1 is better than the one-step seasonal naive forecast was on the past.

    Parameters
    ----------
    y_true : array-like of shape (horizon,) or (n_series, horizon), or list of series
        What happened. One dimension is one series; **in two, rows are series**, so of a table whose rows are time give
        the transpose. Series of unequal length go into a list.
    y_pred : as y_true
        Point forecasts.
    y_train : array-like of shape (n_rows,) or (n_series, n_rows), or list of series
        The past of the same series, in the same order; what was known when the forecast was made.
    seasonality : int, default=1
        Rows in a season, 24 for hourly data with a daily one; 1 compares with the last value.
    zero_scale : {"error", "omit"}, default="error"
        What to do with a series whose past repeats its season exactly, so that there is no unit.
    multioutput : {"uniform_average", "raw_values"} or array-like of shape (n_series,), default="uniform_average"
        The mean over series, one value a series (NaN where omitted), or weights of series.

    Returns
    -------
    float or ndarray of shape (n_series,)
        Lower is better.

    Raises
    ------
    ValueError
        When shapes differ, when a past is not longer than a season, or when there is no unit.

    See Also
    --------
    root_mean_squared_scaled_error : The same with squares.
    forecast_scorer : Makes a scorer of it.

    References
    ----------
    R. J. Hyndman and A. B. Koehler, "Another look at measures of forecast accuracy", International Journal of
    Forecasting 22(4), 2006.

    Examples
    --------
    The past changes by 2 a step; the forecast is off by 1.

    >>> from sklearn_seq.metrics import mean_absolute_scaled_error
    >>> mean_absolute_scaled_error([9.0, 11.0], [8.0, 12.0], y_train=[1.0, 3.0, 5.0, 7.0])
    0.5
    """
    error, scale = _scaled(y_true, y_pred, y_train, seasonality, np.abs)
    return _over_series(error, scale, zero_scale, multioutput)


@public
def root_mean_squared_scaled_error(
    y_true: Any,
    y_pred: Any,
    *,
    y_train: Any,
    seasonality: int = 1,
    zero_scale: Literal["error", "omit"] = "error",
    multioutput: Any = "uniform_average",
) -> Any:
    """RMSSE: the root mean squared error, in units of that of the seasonal naive forecast inside the training series.

    Parameters
    ----------
    y_true : array-like of shape (horizon,) or (n_series, horizon), or list of series
        What happened. One dimension is one series; in two, rows are series.
    y_pred : as y_true
        Point forecasts.
    y_train : array-like of shape (n_rows,) or (n_series, n_rows), or list of series
        The past of the same series, in the same order.
    seasonality : int, default=1
        Rows in a season; 1 compares with the last value, as the M5 competition did.
    zero_scale : {"error", "omit"}, default="error"
        What to do with a series whose past repeats its season exactly, so that there is no unit.
    multioutput : {"uniform_average", "raw_values"} or array-like of shape (n_series,), default="uniform_average"
        The mean over series, one value a series (NaN where omitted), or weights of series: with the weights of M5 it is its
        WRMSSE.

    Returns
    -------
    float or ndarray of shape (n_series,)
        Lower is better.

    Raises
    ------
    ValueError
        When shapes differ, when a past is not longer than a season, or when there is no unit.

    See Also
    --------
    mean_absolute_scaled_error : The same with absolute errors, milder to outliers.

    References
    ----------
    S. Makridakis, E. Spiliotis and V. Assimakopoulos, "M5 accuracy competition: results, findings, and conclusions",
    International Journal of Forecasting 38(4), 2022.

    Examples
    --------
    >>> from sklearn_seq.metrics import root_mean_squared_scaled_error
    >>> root_mean_squared_scaled_error([9.0, 11.0], [8.0, 12.0], y_train=[1.0, 3.0, 5.0, 7.0])
    0.5
    """
    error, scale = _scaled(y_true, y_pred, y_train, seasonality, np.square)
    return _over_series(np.sqrt(error), np.sqrt(scale), zero_scale, multioutput)


@public
def symmetric_mean_absolute_percentage_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> Any:
    """SMAPE in per cent, as in the M4 competition: ``100 * 2 * |y - f| / (|y| + |f|)``, averaged; 0 for ``y = f = 0``.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
        What happened.
    y_pred : array-like of the shape of y_true
        Point forecasts.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of rows.
    multioutput : {"uniform_average", "raw_values"} or array-like of shape (n_outputs,), default="uniform_average"
        The mean over outputs, one value an output, or weights of outputs.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        From 0 to 200; lower is better.

    Raises
    ------
    ValueError
        When shapes differ.

    See Also
    --------
    weighted_absolute_percentage_error : Better where numbers are small or zero.

    Notes
    -----
    It says little of numbers near zero, where every forecast of the other sign, and every forecast of a true zero but zero
    itself, counts 200.

    References
    ----------
    S. Makridakis, E. Spiliotis and V. Assimakopoulos, "The M4 competition: 100,000 time series and 61 forecasting
    methods", International Journal of Forecasting 36(1), 2020.

    Examples
    --------
    >>> from sklearn_seq.metrics import symmetric_mean_absolute_percentage_error
    >>> round(symmetric_mean_absolute_percentage_error([3.0, 0.0], [1.0, 0.0]), 6)
    50.0
    """
    y, (f,), weight = read_numbers(y_true, sample_weight, y_pred=y_pred)
    # each by the larger of the two first, as the sum of huge numbers overflows and that of tiny ones loses digits
    size = np.maximum(np.abs(y), np.abs(f))
    size[size == 0] = 1
    y, f = y / size, f / size
    both = np.abs(y) + np.abs(f)
    values = np.divide(200 * np.abs(y - f), both, out=np.zeros_like(y), where=both > 0)
    return over_outputs(np.average(values, axis=0, weights=weight), multioutput)


@public
def weighted_absolute_percentage_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> Any:
    """WAPE: the sum of absolute errors over the sum of absolute values, as a fraction.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
        What happened.
    y_pred : array-like of the shape of y_true
        Point forecasts.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of rows.
    multioutput : {"uniform_average", "raw_values"} or array-like of shape (n_outputs,), default="uniform_average"
        The mean over outputs, one value an output, or weights of outputs. For one sum over all outputs (the "normalised
        deviation" of papers), give ``np.ravel`` of both.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        0.1 is 10 %; lower is better.

    Raises
    ------
    ValueError
        When shapes differ, or when all of an output is zero.

    See Also
    --------
    weighted_quantile_loss : The same of predicted quantiles; for the median alone both are equal.

    References
    ----------
    S. Kolassa and W. Schütz, "Advantages of the MAD/Mean ratio over the MAPE", Foresight 6, 2007.

    Examples
    --------
    >>> from sklearn_seq.metrics import weighted_absolute_percentage_error
    >>> weighted_absolute_percentage_error([3.0, 1.0], [2.0, 1.0])
    0.25
    """
    y, (f,), weight = read_numbers(y_true, sample_weight, y_pred=y_pred)
    return over_outputs(weight @ np.abs(y - f) / total_size(y, weight), multioutput)


def total_size(y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The sum of absolute values of each output, (n_outputs,), which must not be 0."""
    size = weight @ np.abs(y)
    if not size.all():
        where = f"output {int((size == 0).argmax())} of y_true" if len(size) > 1 else "y_true"
        raise ValueError(
            f"{where} is 0 in all rows that weigh; wanted a sum of absolute values to divide by. Leave it out, or give "
            "sklearn.metrics.mean_absolute_error or sklearn.metrics.mean_pinball_loss, which divide by nothing."
        )
    return size


# -- series --------------------------------------------------------------------------------------------------------------


def _scaled(y_true: Any, y_pred: Any, y_train: Any, seasonality: int, power: Any) -> tuple[np.ndarray, np.ndarray]:
    """The mean error of each series, and that of its seasonal naive forecast in the past; (n_series,) both."""
    check_scalar(seasonality, "seasonality", Integral, min_val=1)
    y, f, past = (read_series(v, name) for v, name in ((y_true, "y_true"), (y_pred, "y_pred"), (y_train, "y_train")))
    for name, other in (("y_pred", f), ("y_train", past)):
        if len(other) != len(y):
            raise ValueError(
                f"{name} holds {len(other)} series and y_true holds {len(y)}; wanted the same series in both. In two dimensions "
                f"rows are series: if rows are time, give {name}.T and y_true.T."
            )
    off = y.lengths != f.lengths
    if off.any():
        i = int(off.argmax())
        raise ValueError(
            f"y_pred[{i}] has {f.lengths[i]} rows and y_true[{i}] has {y.lengths[i]}; wanted one forecast for each row. Cut the "
            "longer one."
        )
    short = past.lengths <= seasonality
    if short.any():
        i = int(short.argmax())
        raise ValueError(
            f"y_train[{i}] has {past.lengths[i]} rows and seasonality={seasonality}; wanted more rows than a season has. Give a "
            "longer past, or seasonality=1. In two dimensions rows are series: if rows are time, give y_train.T."
        )
    error = np.add.reduceat(power(y.values[:, 0] - f.values[:, 0]), y.starts) / y.lengths
    change = np.zeros(len(past.values))
    change[seasonality:] = power(past.values[seasonality:, 0] - past.values[:-seasonality, 0])
    first_season = np.arange(len(change)) - np.repeat(past.starts, past.lengths) < seasonality
    change[first_season] = 0  # it would compare with the series before
    return error, np.add.reduceat(change, past.starts) / (past.lengths - seasonality)


def _over_series(error: np.ndarray, scale: np.ndarray, zero_scale: str, multioutput: Any) -> Any:
    if zero_scale not in ("error", "omit"):
        raise ValueError(f"zero_scale={zero_scale!r}; wanted 'error', or 'omit' to leave such series out.")
    flat = scale == 0
    if flat.all() or (flat.any() and zero_scale == "error"):
        rest = (
            "" if flat.all() else f" ({flat.sum()} of {len(flat)} series do). Give zero_scale='omit' to leave these out"
        )
        raise ValueError(
            f"y_train[{int(flat.argmax())}] repeats its season exactly, so its naive forecast errs by 0{rest}; wanted a past that "
            "changes, as its changes are the unit. For such series give weighted_absolute_percentage_error, or an error "
            "in the unit of the data."
        )
    values = np.divide(error, scale, out=np.full_like(error, np.nan), where=~flat)
    if not flat.any() or (isinstance(multioutput, str) and multioutput == "raw_values"):
        return over_outputs(values, multioutput, "series")
    if not isinstance(multioutput, str):
        multioutput = read_array(multioutput, "multioutput")
        if multioutput.shape == flat.shape:
            multioutput = multioutput[~flat]
    return over_outputs(values[~flat], multioutput, "series")


def read_series(values: Any, name: str) -> Sequences:
    """One or several series of numbers, one behind the other in memory; in two dimensions rows are series."""
    if isinstance(values, Sequences):
        values = values.to_list()
    try:
        n_dimensions = 0 if values is None else np.ndim(values)
    except ValueError:  # a list of unequal lengths
        n_dimensions = 1
    if n_dimensions == 1 and len(values) and np.ndim(next(iter(values))) > 0:
        try:
            series = Sequences.from_list([np.asarray(item, dtype=np.float64) for item in values])
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{name} could not be read as series of numbers: {error}. Give a list of arrays of shape (n_rows,)."
            ) from None
    else:
        array = read_array(values, name)
        if array.ndim == 3 and array.shape[2] == 1:
            array = array[:, :, 0]
        if array.ndim > 2:
            raise ValueError(
                f"{name} has shape {array.shape}; wanted (n_rows,), or (n_series, n_rows). For several targets of several series, "
                "give each target of each series a row."
            )
        series = Sequences.from_array(np.atleast_2d(array))
    if series.n_features != 1:
        raise ValueError(
            f"{name}[0] has {series.n_features} columns; wanted one series. Give each column as a series of its own."
        )
    if not series.lengths.all():
        raise ValueError(
            f"{name}[{int((series.lengths == 0).argmax())}] is empty; wanted at least one row. Leave it out."
        )
    bad = ~np.isfinite(series.values[:, 0])
    if bad.any():
        at = int(bad.argmax())
        i = int(np.searchsorted(series.stops, at, side="right"))
        raise ValueError(
            f"{name}[{i}] is {series.values[at, 0]} in row {at - series.starts[i]}; wanted finite numbers. Leave that row out."
        )
    return series
