"""An ensemble knows better how far it may be off than one network or Monte Carlo dropout: C-MAPSS FD001.

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

FAMILY = "LSTM"
HEAD = {**SETTINGS, "loss": "gaussian"}  # and what was chosen for a Gaussian head:
CHOSEN = {}
TRIED = [
    {"family": ["LSTM", "GRU"]},
    {"lr": [3e-3]},
    {"dropout": [0.4]},
    {"max_epochs": [2]},
    {"average_weights": [0.5]},
    {"adversarial": [0.05]},
]
COLUMNS = ["RMSE", "NLL", "CRPS", "calibration error", "NLL, tempered", "CRPS, tempered", "calibration error, tempered"]
SCORES = (gaussian_nll, gaussian_crps, quantile_calibration_error)


def network(family=FAMILY, **settings):
    return getattr(sklearn_seq, f"{family}Regressor")(**{**HEAD, **CHOSEN, **settings})


def ends(rows, engines, life):
    """Of each engine, windows at CUTS ends drawn as those of test engines are: 7 to 145 cycles before the end of its life."""
    rng, held = np.random.default_rng(0), []
    for engine in np.unique(engines[rows]):
        own = rows[engines[rows] == engine]
        held += [own[np.abs(life[own] - left).argmin()] for left in rng.integers(7, 146, CUTS)]
    return np.array(held)


def scores(model, X, truth, factor):
    """In the order of COLUMNS."""
    mean, deviation = model.predict(X, return_std=True)
    found = [np.sqrt(np.mean((np.clip(mean, 0, CAP) - truth) ** 2))]
    for std in (deviation, deviation * np.sqrt(factor)):
        found += [score(truth, mean, std) for score in SCORES]
    return found


def temperature(model, X, target):
    mean, deviation = model.predict(X, return_std=True)
    return temperature_of_deviations(target - mean, deviation, np.ones(len(target)))


def first(ensemble, n):
    """The ensemble that n members alone would be: they have the same seeds, and are trained as they would be alone."""
    part = copy.copy(ensemble)
    part.estimators_ = ensemble.estimators_[:n]
    return part


def thinned(ensemble, seed):
    """Monte Carlo dropout of the first member, as MCDropoutRegressor.fit leaves it, without training it once more."""
    model = MCDropoutRegressor(ensemble.estimator, random_state=seed)
    model.estimator_, model.temperature_ = ensemble.estimators_[0], None
    model._seed, model._n_networks = seed, model.n_samples
    return model


def select(grid, n_splits=3):
    engine, values = read("train")
    X, engines, life = windows(engine, values, WINDOW)
    target = np.minimum(life, float(CAP))
    for point in itertools.product(*grid.values()):
        settings = dict(zip(grid, point, strict=True))
        how = {name: settings.pop(name) for name in ("adversarial", "average_weights") if name in settings}
        began, found = time.process_time(), []
        for seed, (train, valid) in enumerate(GroupKFold(n_splits).split(engines, groups=engines)):
            ensemble = DeepEnsembleRegressor(network(**settings), n_estimators=3, random_state=seed, **how)
            ensemble.fit(X[train], target[train])
            held = ends(valid, engines, life)
            models = [*ensemble.estimators_, thinned(ensemble, seed), ensemble]
            of_models = [
                np.r_[scores(model, X[held], life[held], 1.0)[:4], scores(model, X[held], target[held], 1.0)[1:4]]
                for model in models
            ]
            found.append([np.mean(of_models[:3], axis=0), *of_models[3:]])
        seconds = (time.process_time() - began) / n_splits
        for kind, line in zip(("single", "dropout", "ensemble of 3"), np.mean(found, axis=0), strict=True):
            cells = [dict(zip(grid, point, strict=True)), kind, *(f"{cell:.3f}" for cell in line), f"{seconds:.0f}"]
            print("|", " | ".join(map(str, cells)), "|", flush=True)


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
        ensemble = DeepEnsembleRegressor(network(), n_estimators=max(sizes), random_state=seed)
        ensemble.fit(X[train], target[train])
        models = {"single network": first(ensemble, 1), "Monte Carlo dropout": thinned(ensemble, seed)}
        models |= {f"ensemble of {n}": first(ensemble, n) for n in sizes}
        for name, model in models.items():
            factor = temperature(model, X[held], target[held])
            for kind, true in truths.items():
                found.setdefault((kind, name), []).append(scores(model, test, true, factor))
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
    parser.add_argument("--sizes", nargs="*", type=int, default=[5, 10])
    args = parser.parse_args()
    if data_folder() is None:
        sys.exit("the data are not here: set SKLEARN_SEQ_DATA to the folder that holds cmapss_fd001")
    if args.select:
        head = ["settings", "model", "RMSE", "NLL", "CRPS", "calibration error", "NLL, capped", "CRPS, capped"]
        print(markdown([*head, "calibration error, capped", "s a fold"], []))
        for grid in TRIED:
            select(grid)
    else:
        official(args.seeds, args.sizes)


if __name__ == "__main__":
    main()
