"""Text as sequences: words, and characters, where their order decides.

    python examples/classify_text.py [picture.png]

Guests write of the food and of the service, in either order, some with typing errors. What is asked is what they say of the
service. A bag of words knows that something was good and something bad, and not which; a sequence tells. The sentences are
generated, so that the truth is known.
"""

import sys
import time

import numpy as np
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_seq import GRUClassifier, TextEncoder

GOOD = ["good", "great", "lovely", "quick", "perfect", "not bad", "not slow"]
BAD = ["bad", "poor", "awful", "slow", "rude", "not good", "not quick"]
FOOD, SERVICE = ["food", "soup", "fish", "dessert"], ["service", "waiter", "staff", "waitress"]


def write(n: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Comments, and what they say of the service."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(n):
        happy = rng.random(2) < 0.5  # with the food, and with the service
        parts = [
            f"the {rng.choice(things)} was {rng.choice(['', 'really ', 'rather '])}{rng.choice(GOOD if yes else BAD)}"
            for things, yes in zip((FOOD, SERVICE), happy, strict=True)
        ]
        order = rng.permutation(2)
        text = f"{parts[order[0]]} {rng.choice(['and', 'but', ','])} {parts[order[1]]}"
        if rng.random() < 0.2:  # a typing error
            i = rng.integers(len(text) - 1)
            text = text[:i] + text[i + 1] + text[i] + text[i + 2 :]
        texts.append(text)
        labels.append("happy" if happy[1] else "unhappy")
    return texts, np.array(labels)


def main(picture: str | None = None) -> None:
    texts, labels = write(1500, seed=0)
    X, X_test, y, y_test = train_test_split(texts, labels, test_size=500, random_state=0)
    print(f"{len(X)} comments, such as {X[0]!r}: {y[0]}")
    network = GRUClassifier(hidden_size=32, max_epochs=15, random_state=0)
    models = {
        "bag of words": make_pipeline(TfidfVectorizer(), LogisticRegression()),
        "pairs of words too": make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()),
        "GRU on words": make_pipeline(TextEncoder(min_count=2), network),
        "GRU on characters": clone(network),  # a list of str is read as characters
    }
    for name, model in models.items():
        began = time.perf_counter()
        score = model.fit(X, y).score(X_test, y_test)
        print(f"{name:20s} accuracy {score:.3f}   {time.perf_counter() - began:4.0f} s")
    words = "the soup was not bad but the waiter was really rude".split()
    read = [" ".join(words[:n]) for n in range(1, len(words) + 1)]
    chance = models["GRU on words"].predict_proba(read)[:, 0]  # classes_ are sorted: "happy" comes first
    print("after each word, the probability of a guest who is happy with the service:")
    print("  " + "  ".join(f"{word} {p:.2f}" for word, p in zip(words, chance, strict=True)))
    if picture:
        draw(picture, words, chance)


def draw(picture: str, words: list[str], chance: np.ndarray) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
    axes.bar(range(len(words)), chance - 0.5, bottom=0.5, color=["#2a7" if p > 0.5 else "#c43" for p in chance])
    axes.set(
        xticks=range(len(words)),
        ylim=(0, 1),
        ylabel="happy with the service",
        title="What the network thinks, word by word",
    )
    axes.set_xticklabels(words)
    axes.axhline(0.5, color="k", linewidth=0.8)
    figure.savefig(picture, dpi=120)
    print(f"wrote {picture}")


if __name__ == "__main__":
    main(*sys.argv[1:])
