"""A default ensemble of five is more accurate than its members, and better calibrated.

    python benchmarks/accuracy_ensembles.py             # official test parts, 5 seeds
    python benchmarks/accuracy_ensembles.py --select    # variants of the default, by cross-validation on training parts

JapaneseVowels: official split. Each line is the mean of the seeds; "single" is what a member is, alone. "mix" is an ensemble
of GRU, LSTM, RNN, GRU that reads both ways, and LSTM that does. Nothing is chosen on the test part: ``--select`` compares ways
of making the ensemble by ``StratifiedKFold(5, shuffle=True, random_state=0)`` on training parts (digits: on all rows).
"""

import argparse
import sys
import time

import numpy as np
from _common import data_folder, markdown
from accuracy_classification import digits, official
from sklearn.model_selection import StratifiedKFold

from sklearn_seq import DeepEnsembleClassifier, GRUClassifier, LSTMClassifier, RNNClassifier
from sklearn_seq.metrics import brier_score, expected_calibration_error, negative_log_likelihood

HEAD = ["set", "model", "accuracy", "deviation", "spread", "NLL", "Brier", "ECE", "seconds a fit"]
MIX = [
    GRUClassifier(),
    LSTMClassifier(),
    RNNClassifier(),
    GRUClassifier(bidirectional=True),
    LSTMClassifier(bidirectional=True),
]
MODELS = {
    "single GRU": GRUClassifier(),
    "5 GRU, the default": DeepEnsembleClassifier(),
    "mix of 5": DeepEnsembleClassifier(estimators=MIX),
}
VARIANTS = {
    **MODELS,
    "both ways": DeepEnsembleClassifier(GRUClassifier(bidirectional=True)),
    "bootstrap": DeepEnsembleClassifier(bootstrap=True),
    "adversarial 0.01": DeepEnsembleClassifier(adversarial=0.01),
    "adversarial 0.1": DeepEnsembleClassifier(adversarial=0.1),
    "average_weights 0.75": DeepEnsembleClassifier(average_weights=0.75),
    "10 GRU": DeepEnsembleClassifier(n_estimators=10),
    "label_smoothing 0.1": DeepEnsembleClassifier(GRUClassifier(label_smoothing=0.1)),
    "dropout 0.4": DeepEnsembleClassifier(GRUClassifier(dropout=0.4)),
}
UCR = ["GunPoint", "ItalyPowerDemand", "FaceFour", "CBF", "Chinatown"]


def folds_of(X, y, n_splits=5):
    """Pairs of (train, test), each of (X, y)."""
    folds = StratifiedKFold(n_splits, shuffle=True, random_state=0).split(np.zeros(len(y)), y)
    return [[(X[train], y[train]), (X[test], y[test])] for train, test in folds]


def training_parts():
    """Folds of training parts, by the name of the set."""
    sets = {name: folds_of(*official(name)[0][0]) for name in ("JapaneseVowels", "BasicMotions")}
    for name in UCR:
        file = np.load(data_folder() / "ucr" / f"{name}.npz")
        sets[name] = folds_of(file["X_train"], file["y_train"])
    return sets | {"digits": digits()}


def measure(model, splits, seeds):
    """Cells of a line: scores of the pooled answers of the folds, by seed."""
    found, seconds = [], []
    for seed in range(seeds):
        began, probabilities, truth = time.perf_counter(), [], []
        for (X, y), (X_test, y_test) in splits:
            fitted = model.set_params(random_state=seed).fit(X, y)
            probabilities.append(fitted.predict_proba(X_test))
            truth.append(y_test)
        seconds.append((time.perf_counter() - began) / len(splits))
        proba, y = np.concatenate(probabilities), np.concatenate(truth)
        found.append(
            [
                np.mean(fitted.classes_[proba.argmax(axis=1)] == y),
                negative_log_likelihood(y, proba, labels=fitted.classes_),
                brier_score(y, proba, labels=fitted.classes_),
                expected_calibration_error(y, proba, labels=fitted.classes_),
            ]
        )
    accuracy, *others = np.array(found).T
    spread = f"{accuracy.min():.4f} to {accuracy.max():.4f}"
    cells = [f"{accuracy.mean():.4f}", f"{accuracy.std():.4f}", spread]
    return cells + [f"{each.mean():.4f}" for each in others] + [f"{np.median(seconds):.1f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--select", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=None)
    parser.add_argument("--models", nargs="*", default=None)
    args = parser.parse_args()
    if data_folder() is None:
        sys.exit("the data are not here: set SKLEARN_SEQ_DATA to the folder that holds uea_multivariate and ucr")
    sets = training_parts() if args.select else {"JapaneseVowels": official("JapaneseVowels")}
    rows = []
    for name, splits in sets.items():
        if args.only and name not in args.only:
            continue
        for label, model in (VARIANTS if args.select else MODELS).items():
            if args.models and label not in args.models:
                continue
            rows.append([name, label, *measure(model, splits, args.seeds)])
            print(*rows[-1], sep="  ", flush=True)
    print(markdown(HEAD, rows))


if __name__ == "__main__":
    main()
