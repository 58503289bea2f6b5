"""How far to trust a forecast: an ensemble's deviation, its two parts, and intervals that cover what they say.

    python examples/how_sure.py [picture.png]

Sunspots of the next year from the 22 years before. The last 80 years are never trained on. Five networks with Gaussian heads
are trained as one; the deviation is noise that they see and what they do not agree on; intervals are widened by what was
missed on years held out.
"""

import sys

import numpy as np
from sklearn.pipeline import make_pipeline

from sklearn_seq import DeepEnsembleRegressor, GRURegressor, SlidingWindow, make_supervised
from sklearn_seq.datasets import load_sunspots
from sklearn_seq.metrics import gaussian_nll, interval_coverage

TEST = 80


def main(picture: str | None = None) -> None:
    sunspots = load_sunspots(as_frame=True).frame
    X, y, gap = make_supervised(sunspots, horizon=1, target=sunspots.columns[-1])
    X, y = np.asarray(X), np.asarray(y)
    member = GRURegressor(loss="gaussian", hidden_size=16, pooling="last", max_epochs=30)
    ensemble = DeepEnsembleRegressor(member, n_estimators=5, calibration_fraction=0.3, random_state=0)
    model = make_pipeline(SlidingWindow(22), ensemble).fit(X[: -TEST - gap], y[: -TEST - gap])
    windows = model[:-1].transform(X)
    mean, std = model[-1].predict(windows, return_std=True)
    parts = model[-1].predict_uncertainty(windows)
    interval = model[-1].predict_interval(windows, coverage=0.9)
    test = slice(-TEST, None)
    print(
        f"mean absolute error {np.abs(mean - y)[test].mean():.1f}, of the last value {np.abs(X[:, -1] - y)[test].mean():.1f}"
    )
    print(f"negative log-likelihood {gaussian_nll(y[test], mean[test], std[test]):.2f}")
    print(f"deviation: noise {parts.aleatoric[test].mean():.1f}, disagreement {parts.epistemic[test].mean():.1f}")
    print(f"90 % intervals hold {interval_coverage(y[test], *interval[test].T):.0%} of {TEST} years never seen")
    if picture:
        draw(picture, y[test], mean[test], interval[test])


def draw(picture: str, y: np.ndarray, mean: np.ndarray, interval: np.ndarray) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 3.5), layout="constrained")
    years = np.arange(len(y))
    axes.fill_between(years, *interval.T, alpha=0.25, label="90 % interval")
    axes.plot(years, mean, label="forecast")
    axes.plot(years, y, "k.", label="sunspots")
    axes.set(xlabel="years never seen", ylabel="sunspots a year")
    axes.legend(frameon=False, ncols=3)
    figure.savefig(picture, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main(*sys.argv[1:2])
