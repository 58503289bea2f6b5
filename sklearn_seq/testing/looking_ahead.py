"""Forecasters read the past alone: what comes after an origin, or after training, changes no bit of what was said."""

from typing import Any

import numpy as np

from sklearn_seq.testing.compare import answers, same_bits
from sklearn_seq.testing.data import make_problem
from sklearn_seq.testing.forecasting import horizon_of, of_series, with_roles
from sklearn_seq.testing.registry import check

__all__: list[str] = []

_ROWS = 60
_SPIKE = 1e3


@check("table", tasks=("forecast",))
def check_no_forecast_reads_past_its_origin(estimator: Any, kind: Any) -> None:
    """A spike in one row and all rows behind it moves no forecast that was issued before."""
    data = make_problem("forecast", n_samples=_ROWS)
    model = with_roles(estimator).fit(data.X)
    horizon, lookback = horizon_of(model), model.lookback_
    by_row, rolling = answers(model, data.X_test), model.rolling_forecast(data.X_test)
    moved = False
    for row in range(len(data.X_test)):
        spiked = data.X_test.copy()
        spiked[row:] += _SPIKE
        issued = (row // horizon + 1) * horizon  # rows of forecasts whose origin is at most this row
        found = answers(model, spiked)
        same_bits(found[:issued], by_row[:issued], f"predict up to row {issued} after a spike in row {row}")
        moved |= not np.array_equal(found, by_row)
        issued = max(0, row - lookback + 1)  # origins up to this row
        found = model.rolling_forecast(spiked)
        same_bits(found[:issued], rolling[:issued], f"rolling_forecast from before row {row} after a spike in it")
    if not moved:
        raise AssertionError("predict does not depend on X: no check of what it reads can fail")


@check("table", tasks=("forecast",))
def check_known_future_is_read_up_to_the_horizon(estimator: Any, kind: Any) -> None:
    """A column that is known ahead is read up to the last row of a forecast, and no further."""
    data = make_problem("forecast", n_samples=_ROWS)
    model = with_roles(estimator, target=0, known_future=[1]).fit(data.X)
    horizon = horizon_of(model)
    by_row, rolling = answers(model, data.X_test), model.rolling_forecast(data.X_test)
    for row in range(0, len(data.X_test), max(1, horizon - 1)):
        spiked = data.X_test.copy()
        spiked[row:, 1] += _SPIKE
        ended = row // horizon * horizon  # rows of forecasts that end before this row
        same_bits(answers(model, spiked)[:ended], by_row[:ended], f"predict up to row {ended} after a spike in {row}")
        ended = max(0, row - horizon - model.lookback_ + 1)
        same_bits(model.rolling_forecast(spiked)[:ended], rolling[:ended], f"rolling_forecast that ended before {row}")


@check("table", tasks=("forecast",))
def check_no_fit_reads_past_its_rows(estimator: Any, kind: Any) -> None:
    """Rows behind those of training change nothing, in memory or later; nor do the rows of training, once learnt."""
    data = make_problem("forecast", n_samples=_ROWS)
    wanted = answers(with_roles(estimator).fit(data.X), data.X_test)
    for what, behind in (("other rows", data.X_test + _SPIKE), ("NaN", np.full_like(data.X_test, np.nan))):
        whole = np.concatenate([data.X, behind])
        model = with_roles(estimator).fit(whole[: len(data.X)])
        same_bits(answers(model, data.X_test), wanted, f"{what} behind those of training")
        whole[...] = _SPIKE
        same_bits(answers(model, data.X_test), wanted, "rows of training overwritten after fit")
    shifts = with_roles(estimator, calibration_fraction=0.3).fit(data.X)
    same_bits(shifts.predict(data.X_test), np.reshape(wanted[:, :2], (-1, 2)), "forecasts with and without calibration")


@check("table", tasks=("forecast",))
def check_series_do_not_see_each_other(estimator: Any, kind: Any) -> None:
    """A spike in one series moves no forecast of another."""
    X, X_test = of_series(_ROWS)
    model = with_roles(estimator, target=[0, 1], series_id=2).fit(X)
    wanted = answers(model, X_test)
    spiked = X_test.copy()
    spiked[X_test[:, 2] == 2, :2] += _SPIKE
    others = X_test[:, 2] != 2
    same_bits(answers(model, spiked)[others], wanted[others], "a spike in another series")
