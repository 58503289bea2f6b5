"""Sea surface temperature of the months ahead, by several forecasters, with intervals and a back-test.

    python examples/forecast_temperature.py [picture.png]

Monthly temperatures of the eastern Pacific, which ship with the package. The last ten years are never trained on; a forecast of
six months is issued every six months.
"""

import sys
import time

import numpy as np
from sklearn.metrics import mean_absolute_error

from sklearn_seq import (
    AutoForecaster,
    ForecastDisplay,
    GRUForecaster,
    LinearForecaster,
    NaiveForecaster,
    RollingOriginSplit,
    backtest,
)
from sklearn_seq.datasets import load_el_nino
from sklearn_seq.metrics import interval_coverage

TEST = 120


def main(picture: str | None = None) -> None:
    sea = load_el_nino(as_frame=True).frame  # monthly, a DatetimeIndex
    train, test = sea[:-TEST], sea[-TEST:]
    forecasters = {
        "same month a year before": NaiveForecaster(method="seasonal", horizon=6),
        "linear": LinearForecaster(horizon=6, calibration_fraction=0.3),
        "auto": AutoForecaster(horizon=6),
        "GRU": GRUForecaster(lookback=48, horizon=6, hidden_size=16, max_epochs=10, random_state=0),
    }
    print(f"Mean absolute error of forecasts of 6 months, over {TEST} months never seen, in degrees Celsius")
    for name, forecaster in forecasters.items():
        began = time.perf_counter()
        error = mean_absolute_error(test, forecaster.fit(train).predict(test))
        print(f"  {name:26s} {error:.2f}   {time.perf_counter() - began:.1f} s")

    linear = forecasters["linear"]
    ends = linear.predict_interval(test, coverage=0.9)
    print(
        f"90 % intervals of the linear forecasts hold {interval_coverage(test.to_numpy()[:, 0], *ends.T):.0%} of them"
    )
    result = backtest(LinearForecaster(horizon=6), sea, cv=RollingOriginSplit(5, test_size=60))
    print(
        f"R2 of the linear one in five back-tests of five years: {', '.join(f'{score:.2f}' for score in result.scores)}"
    )
    coming = linear.fit(sea).forecast(as_frame=True)
    print(f"The month after the last one of the file, {coming.index[0]:%B %Y}: {np.ravel(coming)[0]:.1f} degrees")
    if picture:
        import matplotlib

        matplotlib.use("Agg")
        linear.fit(train)
        ForecastDisplay.from_estimator(linear, test, train[-60:], coverage=0.9).figure_.savefig(picture, dpi=120)


if __name__ == "__main__":
    main(*sys.argv[1:2])
