"""The automatic classifier beside three models of one kind, on digits read as sequences of eight steps.

    python examples/without_choosing.py [picture.png]

300 digits to learn from, the other 1497 to be asked about; all models with default parameters. What is printed: accuracy,
seconds of fit and predict, and what each part of the mixture counts. The picture shows these shares, and the digits that the
mixture was surest of and wrong about.
"""

import sys
import time

import numpy as np
from sklearn.model_selection import train_test_split

from sklearn_seq import AutoClassifier, CNNClassifier, GRUClassifier, RocketClassifier
from sklearn_seq.datasets import load_digits_sequences

TRAIN = 300


def main(picture: str | None = None) -> None:
    X, y = load_digits_sequences(return_X_y=True)  # (1797, 8, 8): a step is a column of the picture
    X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=TRAIN, stratify=y, random_state=0)
    models = [GRUClassifier(), RocketClassifier(), CNNClassifier(), AutoClassifier()]
    print(f"{'':18}accuracy  seconds")
    for model in models:
        began = time.perf_counter()
        probabilities = model.set_params(random_state=0).fit(X_train, y_train).predict_proba(X_test)
        seconds = time.perf_counter() - began
        right = (model.classes_[probabilities.argmax(axis=1)] == y_test).mean()
        print(f"{type(model).__name__:18}{right:8.3f} {seconds:8.1f}", flush=True)
    print("what the parts of AutoClassifier count")
    for name, share in sorted(model.weights_.items(), key=lambda item: -item[1]):
        print(f"  {name:16}{share:8.3f}")
    if picture:
        draw(picture, model, X_test, y_test, probabilities)


def draw(picture: str, model: AutoClassifier, X: np.ndarray, y: np.ndarray, probabilities: np.ndarray) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.3])
    axes = left.subplots()
    names, shares = zip(*sorted(model.weights_.items(), key=lambda item: item[1]), strict=True)
    bars = axes.barh(names, shares)
    axes.bar_label(bars, fmt="{:.2f}", padding=3)
    axes.set(title="what each part counts", xlim=(0, 1.2 * max(shares)), xticks=[])
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(left=False)

    said = model.classes_[probabilities.argmax(axis=1)]
    sure = probabilities.max(axis=1)
    worst = sorted(np.flatnonzero(said != y), key=lambda i: -sure[i])[:8]
    right.suptitle(f"{(said != y).sum()} of {len(y)} unseen digits are wrong; the surest of them")
    for axes, i in zip(right.subplots(2, 4).flat, worst, strict=False):
        axes.imshow(X[i].T, cmap="gray_r")
        axes.set_title(f"{y[i]}, read as {said[i]}\nwith {sure[i]:.0%}", fontsize=9)
    for axes in right.axes:
        axes.axis("off")
    figure.savefig(picture, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main(*sys.argv[1:2])
