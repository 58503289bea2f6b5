"""The numbers of "Validation without leaks": how well three splits say that a random walk can be forecast.

Nothing forecasts a random walk better than its last value. A high score here is the split's doing.

    python docs/guide/random_walk.py        some five minutes
"""

import warnings

import numpy as np
from sklearn.model_selection import KFold, TimeSeriesSplit, cross_val_score

from sklearn_seq import GRURegressor, SlidingWindow, make_supervised

ROWS, WINDOW, HORIZON, WALKS = 500, 24, 24, 10


def main() -> None:
    scores: dict[str, list[float]] = {"shuffled": [], "time order": [], "time order, gap": []}
    model = GRURegressor(hidden_size=32, max_epochs=20, n_threads=1, random_state=0)
    for seed in range(WALKS):
        walk = np.random.default_rng(seed).normal(size=(ROWS, 1)).cumsum(axis=0)
        X, y, gap = make_supervised(walk, horizon=HORIZON)
        windows = SlidingWindow(WINDOW).fit_transform(X)
        splits = KFold(5, shuffle=True, random_state=0), TimeSeriesSplit(5), TimeSeriesSplit(5, gap=gap)
        for name, cv in zip(scores, splits, strict=True):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # that windows are shuffled, which is the point
                scores[name].extend(cross_val_score(model, windows, y, cv=cv))
    print(
        f"R2 of a GRU on {WALKS} random walks of {ROWS} steps, {HORIZON} steps ahead, windows of {WINDOW}; 5 folds a walk"
    )
    for name, found in scores.items():
        print(
            f"{name:16s} median {np.median(found):6.2f}   quartiles {np.percentile(found, [25, 75]).round(2).tolist()}"
        )


if __name__ == "__main__":
    main()
