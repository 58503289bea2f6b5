"""Who, when, how much: a network marks people, dates and amounts in sentences, and a random field keeps its labels in order.

    python examples/label_steps.py               # prints
    python examples/label_steps.py spans.png     # draws too, with matplotlib

The sentences are generated. Words alone do not tell: May and April are months and people, a number is a day, an amount or a room.
Most people of the test have a name that training has never shown. A span begins with B-, goes on with I-, and counts as right
when its kind and both of its ends are.
"""

import sys
import time

import numpy as np

from sklearn_seq import LSTMTagger, span_f1_score, step_accuracy_score

MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday".split()
FIRST = "Anna May Tom April Ravi June Lena August Omar Grace Mark Will".split()
SYLLABLES = "ber dal mor fin kel ra so tan vi wen lo gar hus ne pol".split()
SENTENCES = """{PER} owes {PER} {MONEY} since {DATE} .
Please pay {MONEY} to {PER} by {DATE} .
{DATE} : {MONEY} from {PER} , room {NUMBER} .
May I ask {PER} for {MONEY} in {DATE} ?
{PER} will march to room {NUMBER} on {DATE} with {PER} .
On {DATE} {PER} sold {NUMBER} tickets for {MONEY} .
I told {PER} that {DATE} {PER} pays {MONEY} .
Order {NUMBER} of {DATE} : {MONEY} , signed {PER} , {PER} .""".splitlines()


def span(kind: str, rng: np.random.Generator) -> str:
    """Some words of a kind."""
    number = int(rng.integers(1, 30))
    if kind == "NUMBER":
        return f"{number}"
    if kind == "MONEY":
        ways = (f"{number} euros", f"{number} {rng.integers(100, 999)} euros", f"$ {number}", f"{number} cents")
    elif kind == "DATE":
        month = rng.choice(MONTHS)
        ways = (
            f"{number} {month}",
            f"{month} {number}",
            f"{month}",
            f"next {rng.choice(DAYS)}",
            f"{month} {number} , 20{number:02d}",
        )
    else:
        first, last = rng.choice(FIRST), "".join(rng.choice(SYLLABLES, size=rng.integers(2, 4))).title()
        ways = (first, f"{first} {last}", f"{first} {last}", f"{first[0]} . {last}", f"Ms {last}")
    return ways[rng.integers(len(ways))]


def write(rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """The words of a sentence, and a label for each of them."""
    words, labels = [], []
    for part in rng.choice(SENTENCES).split():
        kind = part.strip("{}")
        found = span(kind, rng).split() if part != kind else [part]
        words += found
        labels += [f"B-{kind}"] + [f"I-{kind}"] * (len(found) - 1) if part != kind and kind != "NUMBER" else ["O"]
    return words, labels


def broken(labels: np.ndarray) -> int:
    """How many labels go on with a span that did not begin."""
    pairs = zip(["O", *labels], labels, strict=False)
    return sum(label[0] == "I" and before[1:] != label[1:] for before, label in pairs)


def main(picture: str | None = None) -> None:
    began = time.perf_counter()
    rng = np.random.default_rng(0)
    X, y = (list(side) for side in zip(*(write(rng) for _ in range(460)), strict=True))
    X_train, y_train, X_test, y_test = X[:60], y[:60], X[60:], y[60:]
    print(f"{len(X_train)} sentences to learn from, {len(X_test)} new ones")
    print(f"{'decoder':8}{'right words':>13}{'F1 of spans':>13}{'I- without B-':>15}")
    models, answers = {}, {}
    for decoder in ("softmax", "crf"):
        model = LSTMTagger(
            decoder=decoder, bidirectional=True, hidden_size=24, max_epochs=40, n_threads=1, random_state=0
        )
        said = model.fit(X_train, y_train).predict(X_test)
        steps, spans = step_accuracy_score(y_test, said), span_f1_score(y_test, said)
        print(f"{decoder:8}{steps:13.3f}{spans:13.3f}{sum(map(broken, said)):15d}")
        models[decoder], answers[decoder] = model, said
    softmax, crf = ([list(a) == b for a, b in zip(said, y_test, strict=True)] for said in answers.values())
    told = [i for i, said in enumerate(answers["softmax"]) if broken(said) and crf[i] and not softmax[i]] or [0]
    for i in told[:3]:
        for word, label, other in zip(X_test[i], answers["softmax"][i], answers["crf"][i], strict=True):
            if label != other:
                print(f"  {word!r} in {' '.join(X_test[i])!r}: {label} by softmax, {other} by crf")
    if picture:
        draw(models, X_test[told[0]], y_test[told[0]], picture)
    print(f"{time.perf_counter() - began:.0f} s")


def draw(models: dict[str, LSTMTagger], words: list[str], labels: list[str], path: str) -> None:
    """How probable each label is at each word, what each model answers (dots) and what is right (circles)."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, rows = plt.subplots(len(models), 1, figsize=(8, 5.5), sharex=True, layout="constrained")
    for axes, (decoder, model) in zip(rows, models.items(), strict=True):
        names = model.classes_.tolist()
        image = axes.imshow(model.predict_proba([words])[0].T, aspect="auto", cmap="Blues", vmin=0, vmax=1)
        axes.plot(
            [names.index(label) for label in labels], "o", color="black", markersize=11, fillstyle="none", label="right"
        )
        answer = [names.index(label) for label in model.predict([words])[0]]
        axes.plot(answer, "o", color="tab:orange", markersize=5, label="answer")
        axes.set_yticks(range(len(names)), names)
        axes.set_title(f"decoder={decoder!r}")
    rows[0].legend(ncols=2, loc="lower right", bbox_to_anchor=(1, 1), frameon=False)
    rows[-1].set_xticks(range(len(words)), words, rotation=30)
    figure.colorbar(image, ax=rows, label="probability")
    figure.savefig(path, dpi=110)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
