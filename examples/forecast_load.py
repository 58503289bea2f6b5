"""Electric load of several districts: one long frame, a column known ahead, one model for all of them.

    python examples/forecast_load.py [picture.png]

The load is made up: a day, a week, holidays, and what the weather leaves for some hours. The last four weeks are never trained on;
a forecast of 24 hours is issued every 24 hours.
"""

import sys
import time

import numpy as np
import pandas as pd

from sklearn_seq import ForecastDisplay, LinearForecaster, MixerForecaster, NaiveForecaster, forecast_scorer
from sklearn_seq.metrics import mean_absolute_scaled_error

HOURS, TEST = 24 * 7 * 20, 24 * 7 * 4


def districts(n: int = 6) -> pd.DataFrame:
    """A long frame, one row an hour and district."""
    rng = np.random.default_rng(0)
    time_ = pd.date_range("2024-01-01", periods=HOURS, freq="h")
    hour, day = np.arange(HOURS) % 24, np.arange(HOURS) // 24
    holiday = np.isin(day, rng.choice(HOURS // 24, size=8, replace=False)).astype(float)
    frames = []
    for i in range(n):
        peak = rng.uniform(16, 20)
        shape = 1 + 0.4 * np.cos((hour - peak) / 24 * 2 * np.pi) + 0.15 * np.cos((hour - 8) / 12 * 2 * np.pi)
        weather = np.zeros(HOURS)
        for t in range(1, HOURS):
            weather[t] = 0.97 * weather[t - 1] + 0.02 * rng.normal()
        off = 1 - 0.2 * (day % 7 >= 5) - 0.3 * holiday
        load = rng.uniform(20, 200) * (shape * off + weather + 0.02 * rng.normal(size=HOURS))
        frames.append(pd.DataFrame({"district": f"D{i}", "time": time_, "load": load, "holiday": holiday}))
    return pd.concat(frames).sort_values(["time", "district"]).reset_index(drop=True)


def main(picture: str | None = None) -> None:
    frame = districts()
    late = frame["time"] >= frame["time"].max() - pd.Timedelta(hours=TEST - 1)
    train, test = frame[~late], frame[late]
    what = {"horizon": 24, "target": "load", "series_id": "district", "time": "time"}
    forecasters = {
        "same hour a day before": NaiveForecaster(method="seasonal", season=24, **what, known_future="holiday"),
        "same hour a week before": NaiveForecaster(method="seasonal", season=168, **what, known_future="holiday"),
        "linear": LinearForecaster(**what, known_future="holiday"),
        "mixer": MixerForecaster(lookback=48, max_epochs=2, random_state=0, **what, known_future="holiday"),
    }
    mase = forecast_scorer(mean_absolute_scaled_error, X_train=train, seasonality=168)
    print("Mean absolute scaled error (1 is the same hour a week before, in training) over four weeks never seen")
    for name, forecaster in forecasters.items():
        began = time.perf_counter()
        error = -mase(forecaster.fit(train), test)
        print(f"  {name:26s} {error:.3f}   {time.perf_counter() - began:.1f} s")
    if picture:
        import matplotlib

        matplotlib.use("Agg")
        display = ForecastDisplay.from_estimator(forecasters["linear"], test[: 6 * 24 * 7], series="D0")
        display.figure_.savefig(picture, dpi=120)


if __name__ == "__main__":
    main(*sys.argv[1:2])
