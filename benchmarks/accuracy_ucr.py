"""Accuracy on the 26 UCR sets: official split, or cross-validation of the training parts.

    python benchmarks/accuracy_ucr.py [--estimators RocketClassifier CNNClassifier] [--seeds 3] [--jobs 2] [--file results.jsonl]
    python benchmarks/accuracy_ucr.py --folds 3

Every estimator as it is constructed, but for ``random_state``. With ``--folds`` the test parts are not read: that is how
defaults are chosen. What a file has already is not run again. Two sets are of unequal length, the other 24 have the
published columns. Seconds are those of one fit and its predictions, on one thread where ``--jobs`` are several.
"""

import argparse
import csv
import json
import time
from pathlib import Path

import numpy as np
from _common import data_folder, markdown
from joblib import Parallel, delayed
from sklearn.model_selection import StratifiedKFold

import sklearn_seq
from sklearn_seq import Sequences

RAGGED = ("PLAID", "PickupGestureWiimoteZ")
DEFAULT = ["AutoClassifier", "RocketClassifier", "CNNClassifier", "ResNetClassifier", "FCNClassifier"]
INCEPTION = ("InceptionTime_LITE", "InceptionTime_hfawaz", "InceptionTime_tsml")


def names():
    return sorted(path.stem for path in (data_folder() / "ucr").glob("*.npz"))


def part(name, which):
    file = np.load(data_folder() / "ucr" / f"{name}.npz")
    X, y = file[f"X_{which}"], file[f"y_{which}"]
    return (Sequences.from_padded(X, file[f"len_{which}"]) if f"len_{which}" in file else X), y


def run(estimator, params, name, seed, folds):
    """Accuracy and seconds of one seed."""
    X, y = part(name, "train")
    if folds:
        k = min(folds, np.bincount(np.unique(y, return_inverse=True)[1]).min())
        splitter = StratifiedKFold(max(2, k), shuffle=True, random_state=seed)
        pairs = [((X[a], y[a]), (X[b], y[b])) for a, b in splitter.split(np.zeros(len(y)), y)]
    else:
        pairs = [((X, y), part(name, "test"))]
    began, right, n, extra = time.perf_counter(), 0, 0, {}
    for (X_fit, y_fit), (X_other, y_other) in pairs:
        model = getattr(sklearn_seq, estimator)(random_state=seed, **params).fit(X_fit, y_fit)
        right += int((model.predict(X_other) == y_other).sum())
        n += len(y_other)
        extra = getattr(model, "weights_", {})
    seconds = (time.perf_counter() - began) / len(pairs)
    return {"set": name, "estimator": estimator, "params": params, "seed": seed, "folds": folds, "accuracy": right / n,
            "seconds": seconds, "weights": extra}  # fmt: skip


def published():
    """{set: {method: accuracy}} of the default split."""
    file = data_folder().parent / "figures" / "ucr_default_split_wide.csv"
    if not file.is_file():
        return {}
    with file.open() as lines:
        return {
            row["dataset"]: {method: float(value) for method, value in row.items() if method != "dataset" and value}
            for row in csv.DictReader(lines)
        }


def report(found, seeds, folds):
    """A line a set, the mean of the 24 and of all, and what was published."""
    estimators = sorted({key[0] for key in found})
    sets = sorted({key[1] for key in found})
    known = published() if not folds else {}
    rows = []
    for name in sets:
        row = [name]
        for estimator in estimators:
            runs = [found[(estimator, name, seed)] for seed in seeds if (estimator, name, seed) in found]
            row.append(
                f"{np.mean([r['accuracy'] for r in runs]):.4f} ({np.mean([r['seconds'] for r in runs]):.0f} s)"
                if runs
                else ""
            )
        rows.append(row + [f"{max(known[name].get(m, 0) for m in INCEPTION):.4f}" if name in known else ""])
    print(markdown(["set", *estimators, "InceptionTime, best column"], rows))
    rows = []
    for estimator in estimators:
        for label, chosen in (("24", [s for s in sets if s not in RAGGED]), ("all", sets)):
            by_seed = []
            for seed in seeds:
                runs = [found.get((estimator, name, seed)) for name in chosen]
                if all(runs):
                    by_seed.append((np.mean([r["accuracy"] for r in runs]), sum(r["seconds"] for r in runs)))
            if not by_seed:
                continue
            scores = [score for score, _ in by_seed]
            mean = {
                n: np.mean([found[(estimator, n, s)]["accuracy"] for s in seeds if (estimator, n, s) in found])
                for n in chosen
            }
            wins = sum(mean[n] >= max(known[n].get(m, 0) for m in INCEPTION) - 1e-9 for n in chosen if n in known)
            median = np.median(
                [found[(estimator, n, s)]["seconds"] for n in chosen for s in seeds if (estimator, n, s) in found]
            )
            minutes = f"{np.mean([s for _, s in by_seed]) / 60:.1f}"
            rows.append([estimator, label, len(by_seed), f"{np.mean(scores):.4f}", f"{min(scores):.4f} to {max(scores):.4f}",
                         f"{wins} of {sum(n in known for n in chosen)}", minutes, f"{median:.0f}"])  # fmt: skip
    head = [
        "estimator",
        "sets",
        "seeds",
        "mean accuracy",
        "spread of seeds",
        "at least InceptionTime",
        "minutes, all sets",
        "seconds, median set",
    ]
    print("\n" + markdown(head, rows))
    full = [s for s in sets if s in known]
    if full:
        methods = [m for m in known[full[0]] if all(m in known[s] for s in full)]
        means = sorted(((np.mean([known[s][m] for s in full]), m) for m in methods), reverse=True)
        print(f"\npublished, mean of these {len(full)}: " + ", ".join(f"{m} {value:.4f}" for value, m in means))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--estimators", nargs="*", default=DEFAULT)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--sets", nargs="*")
    parser.add_argument(
        "--params", type=json.loads, default={}, help="parameters as JSON, such as '{\"max_epochs\": 20}'"
    )
    parser.add_argument("--file", type=Path, help="where results are added, a line each")
    args = parser.parse_args()
    if data_folder() is None:
        raise SystemExit("set SKLEARN_SEQ_DATA to the folder that holds ucr")
    found = {}
    if args.file and args.file.exists():
        for line in args.file.read_text().splitlines():
            one = json.loads(line)
            if one["params"] == args.params and one["folds"] == args.folds:
                found[(one["estimator"], one["set"], one["seed"])] = one
    tasks = [
        (estimator, args.params, name, seed, args.folds)
        for seed in range(args.seeds)
        for estimator in args.estimators
        for name in args.sets or names()
        if (estimator, name, seed) not in found
    ]
    began = time.perf_counter()
    for one in Parallel(args.jobs, return_as="generator_unordered")(delayed(run)(*task) for task in tasks):
        found[(one["estimator"], one["set"], one["seed"])] = one
        print(
            f"{one['estimator']:20} {one['set']:24} {one['seed']} {one['accuracy']:.4f} {one['seconds']:6.1f} s",
            flush=True,
        )
        if args.file:
            with args.file.open("a") as lines:
                lines.write(json.dumps(one) + "\n")
    print(f"\nwall time of what was run now: {(time.perf_counter() - began) / 60:.1f} min, --jobs {args.jobs}\n")
    report({key: one for key, one in found.items() if key[0] in args.estimators}, range(args.seeds), args.folds)


if __name__ == "__main__":
    main()
