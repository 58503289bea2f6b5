"""Splice junctions (10 folds) and promoters (leave one out): words of letters at their places.

    python benchmarks/accuracy_biology.py [splice] [promoters] [--seeds 3]
    python benchmarks/accuracy_biology.py --choose

Data: splice_junctions and ecoli_promoters (see the README beside them). The settings for splice junctions were chosen by
cross-validation on the training part of the first fold of seed 0, which ``--choose`` prints; those for promoters are chosen
anew for each sequence that is left out, by leaving one out of the other 105. An encoder learns nothing from rows or labels,
so that each text is encoded once.
"""

import argparse
import csv
import gzip
import time

import numpy as np
from _common import data_folder, markdown
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import LeaveOneOut, StratifiedKFold
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import Normalizer
from sklearn.svm import SVC

from sklearn_seq import KmerEncoder


def read(name):
    """Texts and labels."""
    path = data_folder() / name
    with gzip.open(path, "rt") if path.suffix == ".gz" else open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["sequence"] for row in rows], np.array([row["label"] for row in rows])


def splice_kernel(texts, longest=2, gamma=2.0):
    """Between all sequences, that of SVC(gamma=gamma) on their words at their places, computed once for all folds."""
    words = [KmerEncoder(k, output="positions") for k in range(1, longest + 1)]
    X = Normalizer().fit_transform(make_union(*words).fit_transform(texts))
    return np.exp(-2.0 * gamma * (1.0 - X @ X.T).astype(np.float64))  # the rows have length 1


def splice_score(kernel, labels, train, test):
    model = SVC(C=10.0, kernel="precomputed").fit(kernel[np.ix_(train, train)], labels[train])
    return model.score(kernel[np.ix_(test, train)], labels[test])


def splice_folds(labels, seed):
    return StratifiedKFold(10, shuffle=True, random_state=seed).split(labels, labels)


def splice(seeds):
    texts, labels = read("splice_junctions/splice.csv.gz")
    began = time.process_time()
    kernel, scores = splice_kernel(texts), []
    for seed in range(seeds):
        scores.append(np.mean([splice_score(kernel, labels, *fold) for fold in splice_folds(labels, seed)]))
        print("splice", seed, f"{scores[-1]:.4f}", flush=True)
    seconds = (time.process_time() - began) / seeds / 10
    return ["splice junctions, 10 folds, accuracy", f"{np.mean(scores):.4f}", f"{min(scores):.4f}", f"{seconds:.1f}"]


def choose():
    """What the settings of splice junctions were chosen by."""
    texts, labels = read("splice_junctions/splice.csv.gz")
    train, _ = next(splice_folds(labels, 0))
    texts, labels = [texts[i] for i in train], labels[train]
    for longest in (1, 2, 3):
        for gamma in (1.0, 2.0, 4.0):
            kernel = splice_kernel(texts, longest, gamma)
            cv = StratifiedKFold(5, shuffle=True, random_state=7).split(labels, labels)
            print(longest, gamma, f"{np.mean([splice_score(kernel, labels, *fold) for fold in cv]):.4f}", flush=True)


# words of 2, 3 and 4 letters: how uncertain their places, how far apart their halves, how strong the penalty of ridge
BLUR, GAP, ALPHAS = (0.0, 0.3, 0.6, 0.9), (0, 1, 2), (0.1, 0.3, 1.0)


def promoter_words(blur, gap):
    words = [KmerEncoder(k, max_gap=gap, blur=blur, output="positions", sparse_output=True) for k in (2, 3, 4)]
    return make_union(*(make_pipeline(encoder, Normalizer()) for encoder in words))


def left_out(gram, target, alpha):
    """What ridge without an intercept says of each row after it was left out, in closed form."""
    inverse = np.linalg.inv(gram + alpha * np.eye(len(gram)))
    return target - inverse @ target / np.diag(inverse)


def promoters(seeds):
    """There is nothing random in it."""
    texts, labels = read("ecoli_promoters/promoters.csv")
    began = time.process_time()
    target = np.where(labels == labels[0], 1.0, -1.0)
    words = {
        (blur, gap): promoter_words(blur, gap).fit_transform(texts).astype(np.float64) for blur in BLUR for gap in GAP
    }
    grams = {setting: (X @ X.T).toarray() for setting, X in words.items()}
    wrong, chosen = 0, []
    for train, test in LeaveOneOut().split(texts):
        t, inside = target[train], np.ix_(train, train)
        scores = {
            (*setting, alpha): np.mean(left_out(gram[inside], t, alpha) * t > 0)
            for setting, gram in grams.items()
            for alpha in ALPHAS
        }
        best = max(scores, key=scores.get)
        # no intercept: with one left out, the other class is larger by one, and an intercept would always vote for it
        X, model = words[best[:2]], RidgeClassifier(alpha=best[2], fit_intercept=False)
        wrong += int((model.fit(X[train], labels[train]).predict(X[test]) != labels[test]).sum())
        chosen.append(best)
    for setting in sorted(set(chosen)):
        print("promoters: blur, gap, alpha", setting, "chosen", chosen.count(setting), "times", flush=True)
    seconds = (time.process_time() - began) / len(texts)
    return ["promoters, leave one out, errors of 106", wrong, wrong, f"{seconds:.1f}"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="*", default=["splice", "promoters"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--choose", action="store_true")
    options = parser.parse_args()
    if data_folder() is None:
        raise SystemExit("the data do not ship: set SKLEARN_SEQ_DATA")
    if options.choose:
        choose()
        return
    lines = [{"splice": splice, "promoters": promoters}[name](options.seeds) for name in options.sets]
    print(markdown(["set", "mean of seeds", "worst seed", "CPU seconds a fit, choice included"], lines))


if __name__ == "__main__":
    main()
