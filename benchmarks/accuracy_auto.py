"""AutoClassifier and AutoRegressor, or others, on multivariate sets, skeletons, pictures, and epidemic curves.

    python benchmarks/accuracy_auto.py [--seeds 3] [--only MSR] [--classifiers AutoClassifier RocketClassifier]
    python benchmarks/accuracy_auto.py --folds 3

BasicMotions, JapaneseVowels, PenDigits, Covid3Month: official split. MSR Action3D: 20 classes, subjects 1, 3, 5, 7, 9 are
trained on. MNIST: 4,000 and 1,000 pictures, read as 28 steps of 28 pixels. Every estimator as it is constructed, but for
``random_state``. With ``--folds`` the test parts are not read (skeletons: a fold is a subject).
"""

import argparse
import time

import numpy as np
from _common import data_folder, markdown
from sklearn.model_selection import KFold, LeaveOneGroupOut, StratifiedKFold

import sklearn_seq
from sklearn_seq import Sequences


def archive(folder, name):
    file = np.load(data_folder() / folder / f"{name}.npz")
    parts = []
    for part in ("train", "test"):
        X = file[f"X_{part}"]
        if f"len_{part}" in file:
            X = Sequences.from_padded(X, file[f"len_{part}"])
        elif X.dtype == np.uint8:
            X = X.astype(np.float32)
        parts.append((X, file[f"y_{part}"], None))
    return parts


def skeletons():
    file = np.load(data_folder() / "msr_action3d" / "msr_action3d.npz")
    X, lengths, subject = file["X"].astype(np.float32), file["length"], file["subject"]
    rows = [x[:length].reshape(length, -1) for x, length in zip(X, lengths, strict=True)]
    parts = []
    for which in (subject % 2 == 1, subject % 2 == 0):
        chosen = np.flatnonzero(which)
        parts.append((Sequences.from_list([rows[i] for i in chosen]), file["action"][chosen], subject[chosen]))
    return parts


SETS = {
    "BasicMotions": lambda: archive("uea_multivariate", "BasicMotions"),
    "JapaneseVowels": lambda: archive("uea_multivariate", "JapaneseVowels"),
    "PenDigits": lambda: archive("uea_multivariate", "PenDigits"),
    "MSR Action3D": skeletons,
    "MNIST 5k": lambda: archive("mnist_5k", "mnist_5k"),
    "Covid3Month": lambda: archive("extrinsic_regression", "Covid3Month"),
}


def pairs_of(name, folds, seed):
    """Pairs of (X, y) to fit and to judge."""
    (X, y, groups), (X_test, y_test, _) = SETS[name]()
    if not folds:
        return [((X, y), (X_test, y_test))]
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    if y.dtype.kind == "f":
        splitter = KFold(folds, shuffle=True, random_state=seed)
    elif groups is not None:
        splitter = LeaveOneGroupOut()
    return [((X[a], y[a]), (X[b], y[b])) for a, b in splitter.split(np.zeros(len(y)), y, groups)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--classifiers", nargs="*", default=["AutoClassifier"])
    parser.add_argument("--regressors", nargs="*", default=["AutoRegressor"])
    parser.add_argument("--n-jobs", type=int)
    args = parser.parse_args()
    if data_folder() is None:
        raise SystemExit("set SKLEARN_SEQ_DATA to the folder that holds uea_multivariate")
    rows = []
    for name in SETS:
        if args.only not in name:
            continue
        regression = name == "Covid3Month"
        for estimator in args.regressors if regression else args.classifiers:
            scores, seconds = [], []
            for seed in range(args.seeds):
                began, found, truth = time.perf_counter(), [], []
                pairs = pairs_of(name, args.folds, seed)
                for (X, y), (X_test, y_test) in pairs:
                    model = getattr(sklearn_seq, estimator)(random_state=seed)
                    if args.n_jobs and "n_jobs" in model.get_params():
                        model.set_params(n_jobs=args.n_jobs)
                    found.append(model.fit(X, y).predict(X_test))
                    truth.append(y_test)
                found, truth = np.concatenate(found), np.concatenate(truth)
                scores.append(np.sqrt(np.mean((found - truth) ** 2)) if regression else np.mean(found == truth))
                seconds.append((time.perf_counter() - began) / len(pairs))
                if hasattr(model, "weights_"):
                    print("   ", {head: round(weight, 3) for head, weight in model.weights_.items()}, model.loo_score_)
            label = "RMSE" if regression else "accuracy"
            rows.append(
                [name, estimator, label, f"{np.mean(scores):.4f}", f"{min(scores):.4f} to {max(scores):.4f}", f"{np.median(seconds):.0f}"]
            )  # fmt: skip
            print(*rows[-1], sep="  ", flush=True)
    print(markdown(["set", "estimator", "measure", "mean of seeds", "spread", "seconds a fit"], rows))


if __name__ == "__main__":
    main()
