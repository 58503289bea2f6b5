"""Movements of a body, told by its joints: what place and size hide, and how features of the skeleton bring it out.

    python examples/recognise_moves.py [picture.png]

Stick figures of nine joints wave, kick, squat or bow; each of them is of another size, stands elsewhere, and starts when it
likes. The movements are generated, so that the truth is known.
"""

import sys
import time

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_seq import GRUClassifier, RocketClassifier, SkeletonFeatures

JOINTS = ["head", "chest", "hip", "left hand", "right hand", "left knee", "left foot", "right knee", "right foot"]
STANDING = np.array(
    [[0, 1.7], [0, 1.4], [0, 0.9], [-0.4, 0.9], [0.4, 0.9], [-0.15, 0.45], [-0.2, 0], [0.15, 0.45], [0.2, 0]]
)
BONES = [(2, 1), (1, 0), (1, 3), (1, 4), (2, 5), (5, 6), (2, 7), (7, 8)]


def perform(move: str, rng: np.random.Generator) -> np.ndarray:
    """A movement (n_frames, 9 joints, 2 coordinates)."""
    n_frames = int(rng.integers(25, 45))
    begin, speed = rng.uniform(0, 0.3), rng.uniform(1.2, 1.6)
    phase = np.clip((np.linspace(0, 1, n_frames) - begin) * speed, 0, 1)
    up = np.sin(np.pi * phase)[:, None]  # away, and back again
    body = np.repeat(STANDING[None], n_frames, axis=0)
    if move == "wave":
        body[:, 4] += up * [0.1, 0.9] + 0.15 * np.sin(6 * np.pi * phase)[:, None] * up * [1, 0]
    elif move == "kick":
        body[:, 7] += up * [0.3, 0.2]
        body[:, 8] += up * [0.8, 0.6]
    elif move == "squat":
        body[:, :5] -= up[:, None] * [0, 0.45]
        body[:, [5, 7]] += up[:, None] * np.array([[-0.15, -0.1], [0.15, -0.1]])
    else:  # a bow
        body[:, 0] += up * [0.7, -0.5]
        body[:, 1] += up * [0.4, -0.2]
        body[:, 3:5] += up[:, None] * [0.4, -0.3]
    body = body + np.cumsum(rng.normal(scale=0.004, size=body.shape), axis=0) + rng.normal(scale=0.02, size=body.shape)
    return body * rng.uniform(0.6, 1.6) + rng.uniform(-3, 3, size=2)


def main(picture: str | None = None) -> None:
    rng = np.random.default_rng(0)
    y = np.repeat(["wave", "kick", "squat", "bow"], 50)
    X = [perform(move, rng) for move in y]
    train, test = train_test_split(np.arange(len(y)), test_size=0.6, random_state=0, stratify=y)
    X_train, X_test = [X[i] for i in train], [X[i] for i in test]
    print(f"{len(train)} movements of {len(JOINTS)} joints, {min(map(len, X))} to {max(map(len, X))} frames")
    gru = GRUClassifier(hidden_size=32, max_epochs=30, random_state=0)
    features = SkeletonFeatures(bones=BONES, root=2)

    def flat(moves: list) -> list:
        return [move.reshape(len(move), -1) for move in moves]

    for name, model, raw in (
        ("GRU on coordinates", gru, True),
        ("GRU on features", make_pipeline(features, gru), False),
        ("Rocket on coordinates", RocketClassifier(random_state=0), True),
        ("Rocket on features", make_pipeline(features, RocketClassifier(random_state=0)), False),
    ):
        began = time.perf_counter()
        model.fit(flat(X_train) if raw else X_train, y[train])
        score = model.score(flat(X_test) if raw else X_test, y[test])
        print(f"{name:22s} accuracy {score:.3f}   {time.perf_counter() - began:4.0f} s")
    if picture:
        draw(picture, [X[i] for i in (0, 50, 100, 150)], y[[0, 50, 100, 150]])


def draw(picture: str, moves: list, names: np.ndarray) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(4, 8, figsize=(9, 5.5), layout="constrained")
    for row, move, name in zip(axes, moves, names, strict=True):
        low, high = move.min(axis=(0, 1)), move.max(axis=(0, 1))
        for ax, frame in zip(row, np.linspace(0, len(move) - 1, 8).astype(int), strict=True):
            for a, b in BONES:
                ax.plot(*move[frame, [a, b]].T, color="#258", linewidth=2)
            ax.plot(*move[frame, 0], "o", color="#258", markersize=7)
            ax.set(xlim=(low[0], high[0]), ylim=(low[1] - 0.1, high[1] + 0.1), xticks=[], yticks=[], aspect="equal")
        row[0].set_ylabel(name)
    figure.savefig(picture, dpi=120)
    print(f"wrote {picture}")


if __name__ == "__main__":
    main(*sys.argv[1:])
