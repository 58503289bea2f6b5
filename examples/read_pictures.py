"""Pictures row by row: handwritten digits, whole and cut off, read as steps.

    python examples/read_pictures.py [picture.png]

300 digits of 8 x 8 pixels, which ship with scikit-learn, to learn from, 1497 to be asked about. A network that reads from above needs
no whole picture: it is asked again after each number of rows, and how much of a digit has to be seen is what is printed.
"""

import sys
import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_seq import FrameEncoder, GRUClassifier, SpectrogramCNNClassifier


def main(picture: str | None = None) -> None:
    images, y = load_digits().images, load_digits().target  # (1797, 8, 8)
    X_train, X_test, y_train, y_test = train_test_split(images, y, train_size=300, random_state=0, stratify=y)
    print(f"{len(X_train)} pictures to learn from, {len(X_test)} to be asked about")
    gru = GRUClassifier(max_epochs=30, augment={"crop": 0.4}, random_state=0)  # also sees parts in training
    plane = SpectrogramCNNClassifier(n_filters=16, stride=1, max_epochs=20, random_state=0)
    models = {}
    for name, network in (("GRU over rows", gru), ("CNN over rows and columns", plane)):
        began = time.perf_counter()
        models[name] = make_pipeline(FrameEncoder(), network).fit(list(X_train), y_train)
        score = models[name].score(list(X_test), y_test)
        print(f"{name:26s} accuracy {score:.3f}   {time.perf_counter() - began:3.0f} s")
    rows = np.arange(2, 9)
    seen = {
        name: [model.score([image[:n] for image in X_test], y_test) for n in rows] for name, model in models.items()
    }
    print("rows seen from above       " + "  ".join(f"{n:5d}" for n in rows))
    for name, scores in seen.items():
        print(f"{name:26s} " + "  ".join(f"{score:5.3f}" for score in scores))
    if picture:
        draw(picture, rows, seen, X_test[0])


def draw(picture: str, rows: np.ndarray, seen: dict[str, list[float]], image: np.ndarray) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplot_mosaic("1234567;sssssss;sssssss", figsize=(7, 4.5), layout="constrained")
    for n, ax in zip(rows, "1234567", strict=True):
        part = np.where(np.arange(8)[:, None] < n, image, np.nan)
        axes[ax].imshow(part, cmap="Greys", vmin=0, vmax=16)
        axes[ax].set(title=f"{n} rows", xticks=[], yticks=[])
    for (name, scores), color in zip(seen.items(), ("#258", "#c52"), strict=True):
        axes["s"].plot(rows, scores, "o-", color=color, label=name)
    axes["s"].set(xlabel="rows seen from above", ylabel="accuracy")
    axes["s"].legend(frameon=False)
    figure.savefig(picture, dpi=120)
    print(f"wrote {picture}")


if __name__ == "__main__":
    main(*sys.argv[1:])
