"""AutoClassifier on texts: questions (TREC), sentences of film reviews (SST-2), of product reviews (CR), and phrases (MPQA).

    python benchmarks/accuracy_text.py [--seeds 3] [--only TREC] [--held-out]

TREC and SST-2 (whole sentences alone): official split. CR and MPQA: ten folds, stratified and shuffled by the seed. The classifier
is as it is constructed, but for ``random_state``. With ``--held-out`` no test part is read: three of five folds of TREC's training
part, the development parts of SST-2 and SST-5; of CR and MPQA, which have no training part of their own, nothing.
"""

import argparse
import gzip
import time

import numpy as np
from _common import data_folder, markdown
from sklearn.model_selection import StratifiedKFold

from sklearn_seq import AutoClassifier


def read(folder, part):
    with gzip.open(data_folder() / folder / f"{part}.tsv.gz", "rt", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t", 1) for line in file]
    return np.array([text for _, text in rows], dtype=object), np.array([int(label) for label, _ in rows])


def folds(X, y, n_folds, seed):
    for train, test in StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(X, y):
        yield (X[train], y[train]), (X[test], y[test])


def pairs_of(name, seed, held_out):
    if name in ("CR", "MPQA"):
        X, y = read({"CR": "text_customer_reviews", "MPQA": "text_mpqa"}[name], "all")
        return list(folds(X, y, 10, seed))
    folder = f"text_{name.replace('-', '').lower()}"
    if not held_out:
        return [(read(folder, "train"), read(folder, "test"))]
    if name == "TREC":
        return list(folds(*read(folder, "train"), 5, seed))[:3]
    return [(read(folder, "train"), read(folder, "dev"))]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--held-out", action="store_true")
    arguments = parser.parse_args()
    if data_folder() is None:
        raise SystemExit("no data: set SKLEARN_SEQ_DATA")
    rows = []
    for name in arguments.only or (
        ["TREC", "SST-2", "SST-5"] if arguments.held_out else ["TREC", "SST-2", "CR", "MPQA"]
    ):
        scores, seconds, heads = [], [], {}
        for seed in range(arguments.seeds):
            found = []
            for (X, y), (X_test, y_test) in pairs_of(name, seed, arguments.held_out):
                began = time.process_time()
                model = AutoClassifier(random_state=seed).fit(X, y)
                seconds.append(time.process_time() - began)
                found.append(model.score(X_test, y_test))
                heads = {head: round(weight, 2) for head, weight in model.weights_.items()}
                print("   ", name, seed, f"{found[-1]:.4f}", f"{seconds[-1]:.0f} s", heads, flush=True)
            scores.append(np.mean(found))
        spread = f"{min(scores):.4f} to {max(scores):.4f}"
        rows.append(
            [name, len(y), f"{np.mean(scores):.4f}", spread, f"{np.median(seconds):.0f}", f"{max(seconds):.0f}"]
        )
    print(markdown(["set", "texts", "accuracy", "seeds", "seconds of the processor a fit", "longest"], rows))


if __name__ == "__main__":
    main()
