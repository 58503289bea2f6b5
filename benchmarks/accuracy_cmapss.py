"""C-MAPSS FD001: remaining life of turbofan engines from their sensors, by `LSTMRegressor`.

    python benchmarks/accuracy_cmapss.py            # 5 seeds with the settings below, on the official test part
    python benchmarks/accuracy_cmapss.py --select   # how the settings were chosen: GroupKFold over training engines

Protocol: training target min(life, 125); the test truth as it stands (uncapped); one prediction an engine, at its last
cycle; RMSE over the 100 test engines. Nothing is chosen on the test part. For the selection a held-out engine is cut where its
remaining life is drawn uniformly from 7 to 145 cycles, which is where the documentation of the set says test engines are cut.
"""

import argparse
import gzip
import itertools
import sys
import time

import numpy as np
from _common import data_folder, markdown
from sklearn.model_selection import GroupKFold

from sklearn_seq import LSTMRegressor, Sequences

CAP = 125
FIRST = 15  # a window has at least this many cycles
# sensors that vary, by number from 1 (the others are constant in FD001), in columns of the file
SENSORS = [2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21]
SETTINGS = {
    "hidden_size": 64,
    "n_layers": 1,
    "dropout": 0.2,
    "pooling": "last",
    "lr": 1e-2,
    "max_epochs": 3,
    "batch_size": 64,
    "n_threads": 1,
}
# what was tried, one after another; the default step size was kept where a larger one was no better than by chance
FIRST_TRY = {"batch_size": [128], "max_epochs": [6]}
TRIED = [
    {**FIRST_TRY, "window": [30, 50, 80], "lr": [3e-3]},
    {**FIRST_TRY, "lr": [1e-3, 1e-2, 2e-2]},
    {**FIRST_TRY, "lr": [3e-3], "max_epochs": [12]},
    {**FIRST_TRY, "lr": [3e-3], "n_layers": [2], "hidden_size": [32, 64]},
    {**FIRST_TRY, "lr": [1e-2], "pooling": ["concat"]},
    {**FIRST_TRY, "lr": [1e-2], "max_epochs": [12]},
    {**FIRST_TRY, "lr": [2e-2], "dropout": [0.2, 0.4]},
    {"max_epochs": [2, 3, 5]},
    {"lr": [2e-2]},
    {"dropout": [0.4]},
]
WINDOW = 50
CUTS = 20  # an engine, in the selection


def read(name):
    """Engine numbers and sensor values, row by row."""
    with gzip.open(data_folder() / "cmapss_fd001" / f"{name}_FD001.txt.gz", "rt") as file:
        table = np.loadtxt(file)
    return table[:, 0].astype(int), table[:, [4 + s for s in SENSORS]]


def windows(engine, values, window):
    """All windows of at least FIRST cycles, their engines and the cycles left after them."""
    first = np.searchsorted(engine, engine)  # row of the engine's first cycle
    last = np.searchsorted(engine, engine, "right") - 1
    rows = np.flatnonzero(np.arange(len(engine)) - first >= FIRST - 1)
    stops = rows + 1
    starts = np.maximum(first[rows], stops - window)
    return Sequences(values, starts, stops), engine[rows], last[rows] - rows


def fit(X, life, seed, **settings):
    return LSTMRegressor(**{**SETTINGS, **settings}, random_state=seed).fit(X, np.minimum(life, CAP))


def rmse(model, X, life):
    return float(np.sqrt(np.mean((np.clip(model.predict(X), 0, CAP) - life) ** 2)))


def select(grid, n_splits=5):
    engine, values = read("train")
    for point in itertools.product(*grid.values()):
        settings = dict(zip(grid, point, strict=True))
        X, engines, life = windows(engine, values, settings.pop("window", WINDOW))
        began, found = time.process_time(), []
        for seed, (train, valid) in enumerate(GroupKFold(n_splits).split(engines, groups=engines)):
            model = fit(X[train], life[train], seed, **settings)
            rng = np.random.default_rng(0)
            held = []
            for e in np.unique(engines[valid]):
                rows = valid[engines[valid] == e]
                for left in rng.integers(7, 146, CUTS):
                    held.append(rows[np.abs(life[rows] - left).argmin()])
            found.append(rmse(model, X[held], life[held]))
        seconds = (time.process_time() - began) / n_splits
        print(
            f"{dict(zip(grid, point, strict=True))}: {np.mean(found):.2f} {np.round(found, 2)} {seconds:.0f} s a fit",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--select", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    if data_folder() is None:
        sys.exit("the data are not here: set SKLEARN_SEQ_DATA to the folder that holds cmapss_fd001")
    if args.select:
        for grid in TRIED:
            select(grid)
        return
    X, _, life = windows(*read("train"), WINDOW)
    engine, values = read("test")
    held, engines, _ = windows(engine, values, WINDOW)
    ends = np.flatnonzero(np.diff(engines, append=-1))
    with gzip.open(data_folder() / "cmapss_fd001" / "RUL_FD001.txt.gz", "rt") as file:
        truth = np.loadtxt(file)
    found = []
    for seed in range(args.seeds):
        began = time.perf_counter()
        found.append(rmse(fit(X, life, seed), held[ends], truth))
        print(f"seed {seed}: RMSE {found[-1]:.2f}, {time.perf_counter() - began:.0f} s", flush=True)
    row = [
        "C-MAPSS FD001",
        "LSTMRegressor",
        f"{np.mean(found):.2f}",
        f"{np.std(found):.2f}",
        f"{min(found):.2f} to {max(found):.2f}",
    ]
    print(markdown(["set", "estimator", "RMSE, mean of seeds", "deviation", "spread"], [row]))


if __name__ == "__main__":
    main()
