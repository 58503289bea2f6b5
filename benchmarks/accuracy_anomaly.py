"""Detectors of anomalies: rows of the NAB series, and heartbeats of ECG5000.

    python benchmarks/accuracy_anomaly.py --on planted [--first 0 --last 48]
    python benchmarks/accuracy_anomaly.py --on nab
    python benchmarks/accuracy_anomaly.py --on ecg5000

NAB (23 series): a detector learns from the first 15 % of a series, without labels, and scores all other rows. The figures are means
over series of VUS-PR (buffers of 0 to 100 rows) and of average precision (PR-AUC), with the benchmark's own anomaly windows as labels.
Two baselines: the distance of a row from the mean of the 64 before it, as it is and smoothed as ForecastDetector smooths at the
widest; and sub-sequence PCA.

Nothing was chosen on NAB. Which widths, horizons and windows are used was chosen on planted anomalies: series of seven kinds made
here, with ten kinds of anomalies at random places, and windows around them as wide as NAB's.

ECG5000: a detector learns from the normal beats of the training part and tells the beats of the test part apart (AUROC).
"""

import argparse
import gzip
import json
import time

import numpy as np
import pandas as pd
from _common import data_folder, markdown
from sklearn.metrics import average_precision_score, roc_auc_score

import sklearn_seq
from sklearn_seq.metrics import vus_pr_score

PROBATION = 0.15
BEFORE = 64  # rows of the moving average


class MovingAverage:
    """How far rows are from the mean of those before them, smoothed over a centred window."""

    def __init__(self, smoothing=1):
        self.smoothing = smoothing

    def fit(self, X):
        self.last = np.asarray(X)[-BEFORE:, 0]
        return self

    def score_samples(self, X):
        x = np.concatenate([self.last, np.asarray(X)[:, 0]])
        total = np.concatenate([[0.0], np.cumsum(x)])
        rows = np.arange(len(self.last), len(x))
        first = np.maximum(rows - BEFORE, 0)
        off = np.abs(x[rows] - (total[rows] - total[first]) / (rows - first))
        return -pd.Series(off).rolling(self.smoothing, center=True, min_periods=1).mean().to_numpy()


DETECTORS = {
    "moving average": lambda: MovingAverage(),
    "moving average, smoothed over 256": lambda: MovingAverage(256),
    "SubspaceDetector (sub-sequence PCA)": lambda: sklearn_seq.SubspaceDetector(rows="time"),
    "ForecastDetector": lambda: sklearn_seq.ForecastDetector(),
    "ForecastDetector, centred": lambda: sklearn_seq.ForecastDetector(centered=True),
    "ForecastDetector, centred, smoothing 256": lambda: sklearn_seq.ForecastDetector(smoothing=256, centered=True),
}
MORE = {
    "VAEDetector": lambda: sklearn_seq.VAEDetector(rows="time", random_state=0),
    "sub-sequence PCA, window 100": lambda: sklearn_seq.SubspaceDetector(rows="time", window=100),
    "sub-sequence PCA, window 128": lambda: sklearn_seq.SubspaceDetector(rows="time", window=128),
    "ForecastDetector, smoothing 256": lambda: sklearn_seq.ForecastDetector(smoothing=256),
    "ForecastDetector, smoothing 1": lambda: sklearn_seq.ForecastDetector(smoothing=1),
    "ForecastDetector, centred, smoothing 128": lambda: sklearn_seq.ForecastDetector(smoothing=128, centered=True),
    "ForecastDetector, centred, smoothing 512": lambda: sklearn_seq.ForecastDetector(smoothing=512, centered=True),
    "ForecastDetector, horizon 24, centred, 256": lambda: sklearn_seq.ForecastDetector(
        sklearn_seq.LinearForecaster(horizon=24), smoothing=256, centered=True
    ),
}


# -- planted anomalies ---------------------------------------------------------------------------------------------------


def wander(n, memory, rng):
    """A stationary autoregression of order 1, deviation 1."""
    shocks = rng.normal(0, np.sqrt(1 - memory**2), n)
    out, last = np.empty(n), rng.normal()
    for i in range(n):
        last = memory * last + shocks[i]
        out[i] = last
    return out


def normal_series(kind, n, rng):
    """A series without anomalies, and its season."""
    t, day = np.arange(n), int(rng.choice([24, 48, 96, 144, 288]))
    season = np.sin(2 * np.pi * t / day + rng.uniform(0, 2 * np.pi))
    season = season + 0.4 * np.sin(4 * np.pi * t / day + rng.uniform(0, 6))
    if kind == "season":
        x = 3 * season + rng.normal(0, rng.uniform(0.1, 0.8), n)
    elif kind == "week":
        x = 10 + 3 * season * (1 - 0.5 * ((t // day) % 7 >= 5)) + rng.normal(0, 0.5, n)
    elif kind == "counts":
        rate = np.exp(rng.uniform(0, 3) + rng.uniform(0.2, 0.8) * season + 0.3 * wander(n, 0.95, rng))
        x = rng.negative_binomial(rng.uniform(1, 4), 1 / (1 + rate / 2)).astype(float)
        for _ in range(n // 150):  # bursts that are normal
            i = rng.integers(n - 12)
            x[i : i + 12] += rate[i : i + 12] * rng.pareto(2.0) * np.exp(-np.arange(12) / 3)
        x = np.round(x)
    elif kind == "wander":
        x = 5 * wander(n, 0.995, rng) + season * rng.uniform(0, 1) + rng.normal(0, 0.2, n)
    elif kind == "square":
        x = 10 * ((t % day) < day // 2) + rng.normal(0, 0.5, n) + 2 * (rng.random(n) < 0.01)
    elif kind == "latency":
        x = 40 + rng.gamma(2, 2, n) + (rng.random(n) < 0.01) * rng.gamma(3, 10, n)
    else:  # sparse
        x = np.where(rng.random(n) < 0.05, rng.gamma(2.0, 10, n), 0.0)
    return x, day


SERIES = ["season", "week", "counts", "wander", "square", "latency", "sparse", "counts"]
ANOMALIES = ["shift", "spikes", "variance", "flat", "no season", "drop", "drift", "scale", "speed", "spike"]


def plant(x, kind, start, length, rng):
    """Change a stretch of a series in place."""
    deviation, part = x.std() + 1e-9, slice(start, start + length)
    m = len(x[part])
    if kind == "shift":
        x[part] += rng.choice([-1, 1]) * rng.uniform(1, 3) * deviation
    elif kind == "spikes":
        rows = rng.choice(m, max(1, m // 15), replace=False) + start
        x[rows] += rng.uniform(3, 7, len(rows)) * deviation
    elif kind == "spike":
        x[start : start + 2] += rng.choice([-1, 1]) * rng.uniform(4, 9) * deviation
    elif kind == "variance":
        x[part] += rng.normal(0, rng.uniform(0.7, 2) * deviation, m)
    elif kind == "flat":
        x[part] = x[start]
    elif kind == "no season":
        x[part] = x.mean() + 0.2 * deviation * rng.normal(size=m)
    elif kind == "drop":
        x[part] = x.min()
    elif kind == "drift":
        x[part] += np.linspace(0, rng.choice([-1, 1]) * rng.uniform(2, 4) * deviation, m)
    elif kind == "scale":
        x[part] = x.mean() + (x[part] - x.mean()) * rng.uniform(1.7, 3)
    else:  # speed
        rows = start + (np.arange(m) * rng.choice([0.5, 2])).astype(int)
        x[part] = x[np.minimum(rows, len(x) - 1)]


def planted(seed):
    """A series, its labels, and the rows to learn from; windows are as wide as NAB's: a tenth of the rows for all together."""
    rng = np.random.default_rng(seed)
    n, kind = int(rng.choice([2000, 4000, 8000])), SERIES[seed % len(SERIES)]
    x, day = normal_series(kind, n, rng)
    k, cut = int(rng.integers(1, 5)), int(PROBATION * n)
    width = int(0.1 * n / k)
    room, labels = (n - cut - 2 * width) // k, np.zeros(n, dtype=int)
    for j in range(k):
        at = cut + width + j * room + int(rng.integers(0, max(1, room - width)))
        what = ANOMALIES[rng.integers(len(ANOMALIES))]
        plant(x, what, at, int(rng.integers(5, max(10, min(width // 2, 2 * day)))), rng)
        labels[max(cut, at - width // 2) : at + width // 2] = 1
    return kind, x[:, None], labels, cut


# -- NAB -----------------------------------------------------------------------------------------------------------------


def nab():
    """Name, values (n, 1), labels and rows to learn from, for each series."""
    folder = data_folder() / "nab"
    windows = json.loads((folder / "windows.json").read_text())
    for name in sorted(windows):
        with gzip.open(folder / f"{name}.gz", "rt") as lines:
            frame = pd.read_csv(lines, parse_dates=["timestamp"])
        labels = np.zeros(len(frame), dtype=int)
        for start, stop in windows[name]:
            labels[(frame["timestamp"] >= start) & (frame["timestamp"] <= stop)] = 1
        yield name, frame[["value"]].to_numpy(dtype=float), labels, int(PROBATION * len(frame))


def compare(problems, detectors, max_buffer, each):
    """A table of means over series."""
    found = {name: [] for name in detectors}
    for name, X, labels, cut in problems:
        for detector, make in detectors.items():
            began = time.process_time()
            scores = -make().fit(X[:cut]).score_samples(X[cut:])
            seconds = time.process_time() - began
            truth = labels[cut:]
            vus = vus_pr_score(truth, scores, max_buffer=max_buffer)
            found[detector].append((vus, average_precision_score(truth, scores), seconds))
            if each:
                print(f"{name:50s} {detector:45s} {vus:.3f} {found[detector][-1][1]:.3f}", flush=True)
    rows = []
    for detector, values in found.items():
        table = np.array(values)
        rows.append([detector, *(f"{value:.3f}" for value in table[:, :2].mean(axis=0)), f"{table[:, 2].mean():.2f}"])
    print(markdown(["detector", "VUS-PR", "PR-AUC", "seconds a series"], rows))


def ecg5000(detectors):
    data = np.load(data_folder() / "ecg5000_anomaly" / "ecg5000.npz")
    X, normal = data["X_train"][data["y_train"] == 1], data["y_test"] == 1
    rows = []
    for name, make in detectors.items():
        began = time.process_time()
        model = make().fit(X)
        score = roc_auc_score(normal, model.score_samples(data["X_test"]))
        called = model.predict(data["X_test"]) == -1
        shares = f"{called[normal].mean():.3f}", f"{called[~normal].mean():.3f}"
        rows.append([name, f"{score:.4f}", *shares, f"{time.process_time() - began:.1f}"])
    print(markdown(["detector", "AUROC", "false alarms", "anomalies found", "seconds"], rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", choices=["planted", "nab", "ecg5000"], default="nab")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--last", type=int, default=48)
    parser.add_argument("--more", action="store_true", help="other settings too")
    parser.add_argument("--only", nargs="*", help="parts of names of detectors")
    parser.add_argument("--each", action="store_true", help="print each series")
    args = parser.parse_args()
    detectors = DETECTORS | (MORE if args.more else {})
    if args.only:
        detectors = {name: make for name, make in detectors.items() if any(part in name for part in args.only)}
    if args.on == "ecg5000":
        ecg5000(
            {
                "SubspaceDetector": sklearn_seq.SubspaceDetector,
                "VAEDetector": lambda: sklearn_seq.VAEDetector(random_state=0),
            }
        )
    elif args.on == "nab":
        compare(nab(), detectors, 100, args.each)
    else:
        compare(map(planted, range(args.first, args.last)), detectors, 10, args.each)


if __name__ == "__main__":
    main()
