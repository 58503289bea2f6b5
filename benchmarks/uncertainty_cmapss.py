"""What the deviations of an ensemble, of one network and of Monte Carlo dropout are worth: C-MAPSS FD001.

    python benchmarks/uncertainty_cmapss.py            # 5 seeds on the official test part
    python benchmarks/uncertainty_cmapss.py --select   # how the settings were chosen: GroupKFold over training engines

Data, windows and target (min(life, 125)) as in accuracy_cmapss.py. One engine in five is held out of training, others for each
seed; a factor of the variances ("temperature") is learnt on them, where they are cut as test engines are, and in the same way
for all models. Those of a seed share their data, and the first network of the ensemble is the single one and the one that is
thinned. Scores are given against the test truth as it stands, and against min(truth, 125): 11 of 100 engines live longer than
any target said, which is an error that no deviation learnt from the targets can know of. RMSE clips to [0, 125].
"""

import argparse
import copy
import gzip
import itertools
import sys
import time

import numpy as np
from _common import data_folder, markdown
from accuracy_cmapss import CAP, CUTS, SETTINGS, WINDOW, read, windows
from sklearn.model_selection import GroupKFold, GroupShuffleSplit

import sklearn_seq
from sklearn_seq import DeepEnsembleRegressor, MCDropoutRegressor
from sklearn_seq.ensemble.calibration import temperature_of_deviations
from sklearn_seq.metrics import gaussian_crps, gaussian_nll, quantile_calibration_error

# by the likelihood of the single network, which is best with them before the factor and behind it
CHOSEN = {"family": "GRU", "lr": 3e-3}
TRIED = [
    {"family": ["LSTM", "GRU"]},
    {"family": ["GRU"], "lr": [3e-3]},
    {"family": ["GRU"], "dropout": [0.4]},
    {"family": ["GRU"], "lr": [1e-3]},
    {"family": ["GRU"], "lr": [3e-3], "max_epochs": [5]},
]
COLUMNS = ["RMSE", "NLL", "CRPS", "calibration error", "NLL, tempered", "CRPS, tempered", "calibration error, tempered"]
SCORES = (gaussian_nll, gaussian_crps, quantile_calibration_error)


def network(family, **settings):
    return getattr(sklearn_seq, f"{family}Regressor")(**{**SETTINGS, "loss": "gaussian", **settings})


def ends(rows, engines, life):
    """Of each engine, windows at CUTS ends drawn as those of test engines are: 7 to 145 cycles before the end of its life."""
    rng, held = np.random.default_rng(0), []
    for engine in np.unique(engines[rows]):
        own = rows[engines[rows] == engine]
        held += [own[np.abs(life[own] - left).argmin()] for left in rng.integers(7, 146, CUTS)]
    return np.array(held)


def scores(mean, deviation, truth, factor):
    """In the order of COLUMNS."""
    found = [np.sqrt(np.mean((np.clip(mean, 0, CAP) - truth) ** 2))]
    for std in (deviation, deviation * np.sqrt(factor)):
        found += [score(truth, mean, std) for score in SCORES]
    return found


def temperature(mean, deviation, target):
    return temperature_of_deviations(target - mean, deviation, np.ones(len(target)))


def first(ensemble, n):
    """The ensemble that n members alone would be: they have the same seeds, and are trained as they would be alone."""
    part = copy.copy(ensemble)
    part.estimators_ = ensemble.estimators_[:n]
    return part


def select(grid, n_splits=3):
    """Scores of folds of engines, with the factor that is learnt on the other folds."""
    engine, values = read("train")
    X, engines, life = windows(engine, values, WINDOW)
    target = np.minimum(life, float(CAP))
    for point in itertools.product(*grid.values()):
        settings = dict(zip(grid, point, strict=True))
        began, answers, held = time.process_time(), [], []
        for seed, (train, valid) in enumerate(GroupKFold(n_splits).split(engines, groups=engines)):
            ensemble = DeepEnsembleRegressor(network(**settings), n_estimators=5, random_state=seed)
            ensemble.fit(X[train], target[train])
            held.append(ends(valid, engines, life))
            dropout = MCDropoutRegressor(network(**settings), random_state=seed).fit(X[train], target[train])
            models = [*ensemble.estimators_, dropout, ensemble]
            answers.append([model.predict(X[held[-1]], return_std=True) for model in models])
        found = []
        for i in range(n_splits):
            others = [j for j in range(n_splits) if j != i]
            for k, (mean, std) in enumerate(answers[i]):
                factor = np.mean([temperature(*answers[j][k], target[held[j]]) for j in others])
                found.append(np.r_[[scores(mean, std, t[held[i]], factor) for t in (life, target)]])
        found = np.mean(np.reshape(found, (n_splits, -1, 2, len(COLUMNS))), axis=0)
        seconds = (time.process_time() - began) / n_splits
        for kind, lines in {"single": found[:-2].mean(0), "dropout": found[-2], "ensemble of 5": found[-1]}.items():
            for truth, line in zip(("as it stands", "capped"), lines, strict=True):
                cells = [dict(zip(grid, point, strict=True)), kind, truth, *(f"{cell:.3f}" for cell in line)]
                print("|", " | ".join(map(str, [*cells, f"{seconds:.0f}"])), "|", flush=True)


def official(seeds, sizes):
    engine, values = read("train")
    X, engines, life = windows(engine, values, WINDOW)
    target = np.minimum(life, float(CAP))
    engine, values = read("test")
    test, test_engines, _ = windows(engine, values, WINDOW)
    test = test[np.flatnonzero(np.diff(test_engines, append=-1))]
    with gzip.open(data_folder() / "cmapss_fd001" / "RUL_FD001.txt.gz", "rt") as file:
        truth = np.loadtxt(file)
    truths = {"as it stands": truth, "min(truth, 125)": np.minimum(truth, CAP)}
    found = {}
    for seed in range(seeds):
        split = GroupShuffleSplit(1, test_size=0.2, random_state=seed)
        train, rest = next(split.split(engines, groups=engines))
        held = ends(rest, engines, life)
        ensemble = DeepEnsembleRegressor(network(**CHOSEN), n_estimators=max(sizes), random_state=seed)
        ensemble.fit(X[train], target[train])
        dropout = MCDropoutRegressor(network(**CHOSEN), random_state=seed).fit(X[train], target[train])
        models = {"single network": first(ensemble, 1), "Monte Carlo dropout": dropout}
        models |= {f"ensemble of {n}": first(ensemble, n) for n in sizes}
        for name, model in models.items():
            factor = temperature(*model.predict(X[held], return_std=True), target[held])
            answer = model.predict(test, return_std=True)
            for kind, true in truths.items():
                found.setdefault((kind, name), []).append(scores(*answer, true, factor))
                cells = "  ".join(f"{cell:.3f}" for cell in found[kind, name][-1])
                print(f"seed {seed}, {name}, {kind}: {cells}  factor {factor:.2f}", flush=True)
    rows = []
    for (kind, name), lines in found.items():
        cells = [f"{mean:.3f} ± {std:.3f}" for mean, std in zip(np.mean(lines, 0), np.std(lines, 0), strict=True)]
        rows.append([kind, name, *cells])
    print(markdown(["test truth", "model", *COLUMNS], sorted(rows, key=lambda row: row[0] != "as it stands")))
    wins = []
    for kind, name in itertools.product(truths, (f"ensemble of {n}" for n in sizes)):
        for other in ("single network", "Monte Carlo dropout"):
            gap = np.array(found[kind, name]) - np.array(found[kind, other])
            wins.append([kind, name, other, *(f"{(column < 0).sum()} of {seeds}" for column in gap.T)])
    print(markdown(["test truth", "better on how many seeds", "than", *COLUMNS], wins))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--select", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--skip", type=int, default=0, help="how many of the grids to leave out")
    parser.add_argument("--sizes", nargs="*", type=int, default=[5, 10])
    args = parser.parse_args()
    if data_folder() is None:
        sys.exit("the data are not here: set SKLEARN_SEQ_DATA to the folder that holds cmapss_fd001")
    if args.select:
        print(markdown(["settings", "model", "truth", *COLUMNS, "s a fold"], []))
        for grid in TRIED[args.skip :]:
            select(grid)
    else:
        official(args.seeds, args.sizes)


if __name__ == "__main__":
    main()
