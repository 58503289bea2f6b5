"""Intervals of forecasts on ETTh1's oil temperature: what they hold of the test part, in all and month by month.

    python benchmarks/coverage_forecasting.py [--coverage 0.9] [--horizon 24]

A ``LinearForecaster`` on the first 11,520 rows (train and validation), errors measured on the last quarter of their origins; then
every window of the 2,880 test rows, all steps pooled: intervals of fixed width, and intervals that learn from what came true
before each origin (adaptive conformal inference).
"""

import argparse

import numpy as np
import pandas as pd
from _common import data_folder, markdown

from sklearn_seq import LinearForecaster

KNOWN, TEST = 11520, 2880


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coverage", type=float, default=0.9)
    parser.add_argument("--horizon", type=int, default=24)
    args = parser.parse_args()
    if data_folder() is None:
        raise SystemExit("set SKLEARN_SEQ_DATA to the folder that holds ett_etth1")
    frame = pd.read_csv(data_folder() / "ett_etth1" / "ETTh1.csv.gz", index_col=0, parse_dates=True)[["OT"]]
    frame = frame.iloc[: KNOWN + TEST]
    model = LinearForecaster(horizon=args.horizon, calibration_fraction=0.25).fit(frame[:KNOWN])
    stretch = frame[KNOWN - model.lookback_ :]
    truth = np.lib.stride_tricks.sliding_window_view(frame["OT"].to_numpy()[KNOWN:], args.horizon)
    month = frame.index[KNOWN : KNOWN + len(truth)].strftime("%Y-%m").to_numpy()
    held, widths = {}, {}
    for name, adaptive in (("fixed", False), ("adaptive", True)):
        lower, upper = np.moveaxis(model.rolling_interval(stretch, args.coverage, adaptive=adaptive), -1, 0)
        held[name] = (lower <= truth) & (truth <= upper)
        widths[name] = upper - lower
    rows = []
    for label, mine in [("all", slice(None)), *((name, month == name) for name in np.unique(month))]:
        cells = [f"{held[name][mine].mean():.3f} ({widths[name][mine].mean():.1f})" for name in held]
        rows.append([label, len(truth[mine]), *cells])
    print(markdown(["origins", "n", "fixed width: held (mean width)", "adaptive: held (mean width)"], rows))


if __name__ == "__main__":
    main()
