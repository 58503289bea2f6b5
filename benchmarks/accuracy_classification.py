"""Default parameters on sets with a published split, and on scikit-learn's digits.

    python benchmarks/accuracy_classification.py [--seeds 5] [--only JapaneseVowels]

JapaneseVowels (ragged, 12 features) and BasicMotions: official split. Digits: 8 steps (rows of the picture) of 8 pixels,
``StratifiedKFold(5, shuffle=True, random_state=0)``. Every estimator as it is constructed, but for ``random_state``.
"""

import argparse
import time

import numpy as np
from _common import data_folder, markdown
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold

import sklearn_seq
from sklearn_seq import Sequences

ESTIMATORS = [name for name in sklearn_seq.__all__ if name.endswith("Classifier")]


def official(name):
    """The official split as a list of one (train, test) pair."""
    file = np.load(data_folder() / "uea_multivariate" / f"{name}.npz")
    parts = []
    for part in ("train", "test"):
        X = file[f"X_{part}"]
        if f"len_{part}" in file:
            X = Sequences.from_padded(X, file[f"len_{part}"])
        parts.append((X, file[f"y_{part}"]))
    return [parts]


def digits():
    """Five stratified folds."""
    pictures = load_digits()
    X, y = pictures.images, pictures.target
    folds = StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)
    return [[(X[train], y[train]), (X[test], y[test])] for train, test in folds]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--estimators", nargs="*", default=ESTIMATORS)
    args = parser.parse_args()
    sets = {"digits, 5 folds": digits()}
    if data_folder() is None:
        print("without JapaneseVowels and BasicMotions: set SKLEARN_SEQ_DATA to the folder that holds uea_multivariate")
    else:
        sets |= {name: official(name) for name in ("JapaneseVowels", "BasicMotions")}
    rows = []
    for name, splits in sets.items():
        if args.only not in name:
            continue
        for estimator in args.estimators:
            scores, seconds = [], []
            for seed in range(args.seeds):
                began, found = time.perf_counter(), []
                for (X, y), (X_test, y_test) in splits:
                    found.append(getattr(sklearn_seq, estimator)(random_state=seed).fit(X, y).score(X_test, y_test))
                scores.append(np.mean(found))
                seconds.append((time.perf_counter() - began) / len(splits))
            rows.append(
                [
                    name,
                    estimator,
                    f"{np.mean(scores):.4f}",
                    f"{np.std(scores):.4f}",
                    f"{min(scores):.4f} to {max(scores):.4f}",
                    f"{np.median(seconds):.1f}",
                ]
            )
            print(*rows[-1], sep="  ", flush=True)
    print(markdown(["set", "estimator", "accuracy, mean of seeds", "deviation", "spread", "seconds a fit"], rows))


if __name__ == "__main__":
    main()
