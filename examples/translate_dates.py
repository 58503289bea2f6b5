"""Dates in words to dates in numbers: a network reads one text and writes another, and shows where it looked.

    python examples/translate_dates.py               # prints
    python examples/translate_dates.py dates.png     # draws too, with matplotlib

The dates are generated, in several ways to write them. What is written is learnt from pairs alone, character by character: that
"the 3rd of May" is "05-03", that the year comes last and is written first, that commas and endings mean nothing.
"""

import sys
import time

import numpy as np

from sklearn_seq import GRUTranslator

MONTHS = "January February March April May June July August September October November December".split()
ENDINGS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
N_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def date(rng: np.random.Generator) -> tuple[str, str]:
    """A date in words, and in numbers."""
    year, month = int(rng.integers(1900, 2030)), int(rng.integers(12))
    day = int(rng.integers(1, N_DAYS[month] + 1))
    name, ending = MONTHS[month], ENDINGS.get(day, "th")
    ways = (
        f"the {day}{ending} of {name} {year}",
        f"{name} {day}{ending}, {year}",
        f"{name[:3]} {day} {year}",
        f"{day} {name} {year}",
    )
    return ways[rng.integers(len(ways))], f"{year}-{month + 1:02d}-{day:02d}"


def main(picture: str | None = None) -> None:
    began = time.perf_counter()
    rng = np.random.default_rng(0)
    pairs = sorted({date(rng) for _ in range(1500)})
    rng.shuffle(pairs)
    X, y = (list(side) for side in zip(*pairs, strict=True))
    X_train, y_train, X_test, y_test = X[:800], y[:800], X[1000:1300], y[1000:1300]
    model = GRUTranslator(hidden_size=48, max_epochs=20, n_threads=1, random_state=0).fit(X_train, y_train)
    said = model.predict(X_test)
    print(f"{len(X_train)} dates to learn from, {len(X_test)} new ones, {model.n_parameters_} weights")
    print(
        f"right to the last digit {np.mean(said == np.array(y_test)):.3f}, characters {model.score(X_test, y_test):.3f}"
    )
    for source, answer, truth in list(zip(X_test, said.tolist(), y_test, strict=True))[:5]:
        print(f"  {source!r:34} {answer}" + ("" if answer == truth else f"  instead of {truth}"))
    odd = ["on May 3, 1999", "31 February 2000", "the 3rd of Mai 1999"]
    print("ways to write that it has not seen: " + ", ".join(f"{x!r} is {a}" for x, a in zip(odd, model.predict(odd))))
    if picture:
        draw(model, "the 23rd of September 1987", picture)
    print(f"{time.perf_counter() - began:.0f} s")


def draw(model: GRUTranslator, text: str, path: str) -> None:
    """Where the network looked while it wrote each character."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    answer = str(model.predict([text])[0])
    weights = model.attention_weights([text])[0]
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    image = axes.imshow(weights, aspect="auto", cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(text) + 1), [*text, "end"])
    axes.set_yticks(range(len(answer) + 1), [*answer, "end"])
    axes.set(xlabel="read", ylabel="written", title=f"{text!r} becomes {str(answer)!r}")
    figure.colorbar(image, label="share of attention")
    figure.savefig(path, dpi=110)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
