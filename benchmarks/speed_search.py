"""A stock grid search inside ``joint_training()``, against the same with ``n_jobs=2``.

    scripts/bench speed_search [-- --rounds 3]

Wall time, since processes are involved; their pool is warm. 8 learning rates x 3 folds of a GRU of 16 units on 900 sequences of
24 steps (random walks with noisy labels), refit included. With the table: whether both choose the same candidate, or else how
far the other's stock score lies below the best, in standard errors of the best over its folds.
"""

import argparse
import time

import numpy as np
from _common import interleave, markdown, ratios, spread
from sklearn.model_selection import GridSearchCV

from sklearn_seq import GRUClassifier, joint_training


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, 24, 1)).astype(np.float32).cumsum(axis=1)
    y = (X[:, -1, 0] + 2 * rng.normal(size=len(X)) > 0).astype(int)
    model = GRUClassifier(hidden_size=16, max_epochs=args.epochs, random_state=0)
    grid, searches = {"lr": list(np.logspace(-4, -1, 8))}, {}

    def stock(n_jobs):
        searches[f"n_jobs={n_jobs}"] = GridSearchCV(model, grid, cv=3, n_jobs=n_jobs).fit(X, y)

    def joint(n_jobs):
        with joint_training(n_jobs):
            searches[f"joint_training({n_jobs or ''})"] = GridSearchCV(model, grid, cv=3).fit(X, y)

    cases = {
        "n_jobs=2": lambda: stock(2),
        "n_jobs=1": lambda: stock(1),
        "joint_training()": lambda: joint(None),
        "joint_training(2)": lambda: joint(2),
    }
    seconds = interleave(cases, args.rounds, time.perf_counter)
    rows = []
    best = searches["n_jobs=2"].cv_results_
    error = best["std_test_score"][best["mean_test_score"].argmax()] / np.sqrt(3)
    for name, found in ratios(seconds, "n_jobs=2").items():
        search = searches[name]
        below = best["mean_test_score"].max() - best["mean_test_score"][search.best_index_]
        same = "same" if search.best_index_ == searches["n_jobs=2"].best_index_ else f"{below / error:.1f} errors below"
        rows.append([f"GridSearchCV, {name}", f"{np.median(seconds[name]):.1f}", *spread(found), same])
    print(markdown(["8 rates x 3 folds", "seconds", "ratio", "spread", "candidate"], rows))


if __name__ == "__main__":
    main()
