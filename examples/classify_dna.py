"""DNA with a hidden signal: words of letters, and a convolutional network that reads both strands.

    python examples/classify_dna.py [picture.png]

Half of the sequences hold two motifs, a few letters apart, somewhere, on either strand, with errors; the others hold the same
two motifs too, but far apart. Words of a few letters can not tell one from the other, a network can. The sequences are generated,
so that the truth is known.
"""

import sys
import time

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_seq import CNNClassifier, KmerEncoder, SequenceOneHotEncoder, reverse_complement

MOTIFS = "TTGACA", "TATAAT"


def evolve(n: int, length: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Sequences, and whether their motifs stand close together."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for i in range(n):
        close = i % 2 == 0
        letters = rng.choice(list("ACGT"), size=length)
        gap = rng.integers(5, 8) if close else rng.integers(14, 30)
        start = rng.integers(0, length - 12 - gap)
        for motif, at in zip(MOTIFS, (start, start + 6 + gap), strict=True):
            letters[at : at + 6] = list(motif)
            if rng.random() < 0.3:  # an error
                letters[at + rng.integers(6)] = rng.choice(list("ACGT"))
        text = "".join(letters)
        texts.append(reverse_complement(text) if rng.random() < 0.5 else text)
        labels.append("signal" if close else "none")
    return texts, np.array(labels)


def main(picture: str | None = None) -> None:
    texts, labels = evolve(1200, length=60, seed=0)
    X, X_test, y, y_test = train_test_split(texts, labels, test_size=400, random_state=0, stratify=labels)
    print(f"{len(X)} sequences, such as {X[0]}: {y[0]}")
    network = CNNClassifier(n_filters=16, pooling="max", max_epochs=20, batch_size=32, random_state=0)
    turned = CNNClassifier(
        n_filters=16, pooling="max", max_epochs=20, batch_size=32, augment="reverse_complement", random_state=0
    )
    models = {
        "words of 5 letters": make_pipeline(KmerEncoder(5), LogisticRegression(C=0.1)),
        "words, both strands as one": make_pipeline(KmerEncoder(5, canonical=True), LogisticRegression(C=0.1)),
        "network": make_pipeline(SequenceOneHotEncoder(), network),
        "network, shown both strands": make_pipeline(SequenceOneHotEncoder(), turned),
    }
    for name, model in models.items():
        began = time.perf_counter()
        score = model.fit(X, y).score(X_test, y_test)
        print(f"{name:28s} accuracy {score:.3f}   {time.perf_counter() - began:4.0f} s")
    model = models["network, shown both strands"]
    surest = X_test[int(np.argmax(model.decision_function(X_test)))]  # classes_ are sorted: "signal" comes last
    effect = mutate(model, surest)
    print(f"the surest one:      {surest}")
    counts = effect.min(axis=1) < 0.3 * effect.min()
    print(f"letters it hangs on: {''.join(c if yes else '.' for c, yes in zip(surest, counts, strict=True))}")
    if picture:
        draw(picture, surest, effect)


def mutate(model, text: str) -> np.ndarray:
    """How the log odds of a signal change with each letter put in each place, (length, 4)."""
    changed = [text[:i] + letter + text[i + 1 :] for i in range(len(text)) for letter in "ACGT"]
    odds = model.decision_function([text, *changed])
    return (odds[1:] - odds[0]).reshape(-1, 4)


def draw(picture: str, text: str, effect: np.ndarray) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(11, 2.4), layout="constrained")
    shown = axes.imshow(effect.T, cmap="RdBu", vmin=effect.min(), vmax=-effect.min(), aspect="auto")
    axes.set(
        yticks=range(4), xticks=range(len(text)), title="What one other letter would do to the log odds of a signal"
    )
    axes.set_yticklabels("ACGT")
    axes.set_xticklabels(text)
    figure.colorbar(shown)
    figure.savefig(picture, dpi=120)
    print(f"wrote {picture}")


if __name__ == "__main__":
    main(*sys.argv[1:])
