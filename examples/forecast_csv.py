"""An LSTM that forecasts from a CSV file.

    python examples/forecast_csv.py

Between the two rules stand the ten lines. Around them, a CSV file to read (monthly sea surface temperatures, which ship
with the package), and baselines, to know what the forecast is worth. Needs pandas.
"""

import tempfile
from pathlib import Path

from sklearn.metrics import root_mean_squared_error

from sklearn_seq.datasets import load_el_nino

TEST = 120  # months

folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "sea.csv"
load_el_nino(as_frame=True).frame.to_csv(path)
print("\n".join(path.read_text().splitlines()[:3]) + "\n...\n")

# ----------------------------------------------------------------------------------------------------------------------
import pandas as pd
from sklearn.pipeline import make_pipeline

from sklearn_seq import LSTMRegressor, SlidingWindow, make_supervised

table = pd.read_csv(path, index_col=0, parse_dates=True)
X, y, gap = make_supervised(table, horizon=1, target="sea_surface_temperature")
model = make_pipeline(SlidingWindow(24), LSTMRegressor(pooling="last", max_epochs=20, random_state=0))
model.fit(X[: -TEST - gap], y[: -TEST - gap])  # all but the last ten years
predicted = model.predict(X)[-TEST:]  # each from the 24 months before it
coming = model.predict(table)[-1]  # the month after the last one of the file
# ----------------------------------------------------------------------------------------------------------------------

folder.cleanup()
truth = y[-TEST:]
month = pd.Series(table.index[1:].month, index=y.index)  # y carries the index of X: its target is a month later
means = y[:-TEST].groupby(month[:-TEST]).mean()
forecasts = {
    "LSTM": predicted,
    "last value": X["sea_surface_temperature"][-TEST:],
    "same month a year before": y.shift(12)[-TEST:],
    "mean of that month": month[-TEST:].map(means),
}
errors = {name: root_mean_squared_error(truth, found) for name, found in forecasts.items()}
print(f"Root mean squared error over the last {TEST} months, one month ahead, in degrees Celsius")
for name in sorted(errors, key=errors.__getitem__):
    print(f"  {name:26s} {errors[name]:.2f}")
print(f"The month after {table.index[-1]:%B %Y}: {coming:.1f} degrees")
