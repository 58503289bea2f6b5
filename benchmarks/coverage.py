"""Conformal intervals of `DeepEnsembleRegressor` cover what they say.

    python benchmarks/coverage.py [--seeds 20] [--coverage 0.9]

Known noise: the adding problem of 10 steps whose target has noise of deviation 0.05 + 0.4 a, where a is the last number of the
sequence; 400 rows to fit on, 1000 to test. Real: Covid3Month (201 countries, 84 days), a new random split into 140 and 61 for each
seed, since the promise is one about rows that come as those held out did. ``calibration_fraction=0.3``.

With n rows held out, k = ceil((n + 1) coverage) and m test rows, how many of these are covered is beta-binomial (m, k, n + 1 - k),
whatever the model and the noise. "band" is where the mean over seeds lies in 95 of 100 cases; "inside" counts the seeds inside the
95 % band of one. "calm" and "noisy" are the halves of the test rows with the least and the most predicted deviation: that each is
covered alike is not promised, and is what a Gaussian head adds.
"""

import argparse
import time

import numpy as np
from _common import data_folder, markdown
from scipy.stats import betabinom
from sklearn.model_selection import train_test_split

from sklearn_seq import DeepEnsembleRegressor, GRURegressor
from sklearn_seq.datasets import make_adding_problem
from sklearn_seq.metrics import interval_coverage

FRACTION = 0.3
HEAD = ["set", "loss of the members", "coverage", "mean of seeds", "band", "inside", "calm", "noisy", "mean width"]


def known(seed):
    rng = np.random.default_rng(seed)
    X, y = make_adding_problem(1400, 10, random_state=seed)
    y = y + (0.05 + 0.4 * X[:, -1, 0]) * rng.normal(size=len(y))
    return X[:400], X[400:], y[:400], y[400:]


def countries(seed):
    file = np.load(data_folder() / "extrinsic_regression" / "Covid3Month.npz")
    X, y = (np.concatenate([file[f"{name}_train"], file[f"{name}_test"]]) for name in "Xy")
    return train_test_split(X, y, test_size=61, random_state=seed)


def line(draw, loss, seeds, coverage):
    """The cells of a line."""
    member = GRURegressor(loss=loss, hidden_size=16, max_epochs=20, n_threads=1)
    found = []
    for seed in range(seeds):
        X, X_test, y, y_test = draw(seed)
        model = DeepEnsembleRegressor(member, n_estimators=3, calibration_fraction=FRACTION, random_state=seed).fit(
            X, y
        )
        low, high = model.predict_interval(X_test, coverage).T
        noisy = high - low > np.median(high - low)
        covered = [interval_coverage(y_test[part], low[part], high[part]) for part in (noisy | True, ~noisy, noisy)]
        found.append([*covered, np.mean(high - low)])
    mean, calm, loud, width = np.mean(found, axis=0)
    n, m = int(np.ceil(FRACTION * len(y))), len(y_test)
    k = np.ceil((n + 1) * coverage - 1e-9)
    law = betabinom(m, k, n + 1 - k)
    reach = 1.96 * law.std() / m / np.sqrt(seeds)
    low, high = law.ppf([0.025, 0.975]) / m
    inside = sum(low - 1e-9 <= each[0] <= high + 1e-9 for each in found)
    band = f"{law.mean() / m - reach:.3f} to {law.mean() / m + reach:.3f}"
    return [coverage, f"{mean:.3f}", band, f"{inside} of {seeds}", f"{calm:.3f}", f"{loud:.3f}", f"{width:.3g}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--coverage", type=float, default=0.9)
    args = parser.parse_args()
    sets = {"known noise": known}
    if data_folder() is None:
        print("without Covid3Month: set SKLEARN_SEQ_DATA to the folder that holds extrinsic_regression")
    else:
        sets["Covid3Month"] = countries
    rows = []
    for name, draw in sets.items():
        for loss in ("gaussian", "squared_error"):
            began = time.perf_counter()
            rows.append([name, loss, *line(draw, loss, args.seeds, args.coverage)])
            print(*rows[-1], f"{time.perf_counter() - began:.0f} s", sep="  ", flush=True)
    print(markdown(HEAD, rows))


if __name__ == "__main__":
    main()
