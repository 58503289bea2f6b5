"""Prices, honestly: what forecasters make of them beside the last price.

    python examples/forecast_prices.py [prices.csv]

The file has a column of dates and one of prices, one row a trading day; without one, a random walk whose steps come in quiet and
in wild stretches stands in, of which nothing but the width of intervals can be known. The last fifth is never trained on; a
forecast of five days is issued every five days.

A model is worth something if its error is clearly below that of the last price. On prices it will not be; what can be forecast is
how wide the intervals have to be.
"""

import sys

import numpy as np
import pandas as pd

from sklearn_seq import GRUForecaster, LinearForecaster, NaiveForecaster
from sklearn_seq.metrics import interval_coverage

HORIZON = 5


def random_walk(n: int = 3000) -> pd.DataFrame:
    """Logarithmic steps whose variance remembers the last ones (Bollerslev 1986)."""
    rng = np.random.default_rng(0)
    steps, variance = np.zeros(n), np.full(n, 1e-4)
    for i in range(1, n):
        variance[i] = 2e-6 + 0.1 * steps[i - 1] ** 2 + 0.88 * variance[i - 1]
        steps[i] = rng.normal() * np.sqrt(variance[i])
    return pd.DataFrame({"price": 100 * np.exp(steps.cumsum())}, index=pd.bdate_range("2010-01-01", periods=n))


def main(path: str | None = None) -> None:
    prices = random_walk() if path is None else pd.read_csv(path, index_col=0, parse_dates=True).iloc[:, :1]
    table = np.log(prices)  # steps are shares of the price
    n_test = len(table) // 5
    train, test = table[:-n_test], table[-n_test:]
    # days without trading are left out of the stamps, and do not count
    how = {"horizon": HORIZON, "gaps": "ignore"}
    forecasters = {
        "last price": NaiveForecaster(**how, calibration_fraction=0.3),
        "drift of the last 250 days": NaiveForecaster(method="drift", lookback=250, **how),
        "linear": LinearForecaster(**how),
        "GRU": GRUForecaster(lookback=60, hidden_size=16, max_epochs=5, random_state=0, **how),
    }
    truth = test.to_numpy()[:, 0]
    print(f"Root mean squared error of {n_test} logarithmic prices never seen, 1 to {HORIZON} days ahead, in per cent")
    for name, forecaster in forecasters.items():
        error = truth - forecaster.fit(train).predict(test)
        print(f"  {name:28s} {100 * np.sqrt(np.mean(error**2)):.3f}")
    naive = forecasters["last price"]
    origins = np.arange(naive.lookback_, n_test - HORIZON + 1)
    steps = origins[:, None] + np.arange(HORIZON)
    print("Share of prices inside 90 % intervals around the last price")
    for adaptive in (False, True):
        ends = naive.rolling_interval(test, coverage=0.9, adaptive=adaptive)
        share = interval_coverage(truth[steps].ravel(), *ends.reshape(-1, 2).T)
        print(f"  {'widths that learn from misses' if adaptive else 'fixed widths':32s} {share:.1%}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
