"""Melodies to text: a network writes down tones, without ever being told where in the sound each of them is.

    python examples/transcribe_tones.py              # prints
    python examples/transcribe_tones.py tones.png    # draws too, with matplotlib

The sounds are simulated: notes of unequal length with overtones, silence between some of them, and noise. Texts are their names,
so "c" twice in a row must be told from one long "c" by the attack alone.
"""

import sys
import time

import numpy as np
from sklearn.pipeline import make_pipeline

from sklearn_seq import GRUTranscriber, LogMelSpectrogram, SequenceScaler
from sklearn_seq.metrics import character_error_rate, word_error_rate

RATE = 8000
NOTES = dict(zip("cdefgab", 261.6 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11]) / 12), strict=True))


def play(text: str, rng: np.random.Generator) -> np.ndarray:
    """The sound of a text such as "ceg fa", whose blank is a rest."""
    parts = [np.zeros(rng.integers(200, 800))]
    for letter in text:
        n = rng.integers(800, 2000)
        time = np.arange(n) / RATE
        if letter == " ":
            parts.append(np.zeros(n))
            continue
        hz = NOTES[letter] * 2 ** rng.normal(scale=0.01)
        overtones = sum(np.sin(2 * np.pi * hz * k * time + rng.uniform(0, 6)) / k for k in range(1, 4))
        parts.append(overtones * np.exp(-4 * time) * np.minimum(1, time * 200))
    sound = np.concatenate(parts)
    return (sound + 0.02 * rng.normal(size=len(sound))).astype(np.float32)


def write(rng: np.random.Generator) -> str:
    words = ("".join(rng.choice(list(NOTES), size=rng.integers(2, 5))) for _ in range(rng.integers(1, 3)))
    return " ".join(words)


def main(picture: str | None = None) -> None:
    began = time.perf_counter()
    rng = np.random.default_rng(0)
    texts = [write(rng) for _ in range(300)]
    sounds = [play(text, rng) for text in texts]
    train, test = slice(0, 240), slice(240, 300)
    model = make_pipeline(
        LogMelSpectrogram(sample_rate=RATE, window=0.064, n_mels=48),
        SequenceScaler(per="series"),
        GRUTranscriber(stack=2, hidden_size=48, max_epochs=25, lm_order=3, n_threads=1, random_state=0),
    )
    model.fit(sounds[train], texts[train])
    said = model.predict(sounds[test])
    print(f"240 sounds to learn from, 60 new ones, {sum(map(len, sounds)) / RATE:.0f} seconds in all")
    print(f"character error rate {character_error_rate(texts[test], said):.3f}")
    print(f"word error rate      {word_error_rate(texts[test], said):.3f}")
    for truth, answer in zip(texts[240:246], said.tolist(), strict=False):
        print(f"  played {truth!r:12} written {answer!r}")
    if picture:
        draw(model, sounds[240], texts[240], picture)
    print(f"{time.perf_counter() - began:.0f} s")


def draw(model, sound: np.ndarray, text: str, path: str) -> None:
    """The spectrum of a sound, and below it how probable each character is at each step."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    spectrum = model[:-1].transform([sound])
    network = model[-1]
    proba = network.frame_proba(spectrum)[0]
    figure, (above, below) = plt.subplots(2, 1, figsize=(8, 5), sharex=True, layout="constrained")
    seconds = len(sound) / RATE
    above.imshow(spectrum[0].T, origin="lower", aspect="auto", extent=(0, seconds, 0, spectrum.n_features))
    above.set(title=f"played: {text!r}, written: {network.predict(spectrum)[0]!r}", ylabel="mel band")
    times = np.arange(len(proba)) * seconds / len(proba)
    for k, letter in enumerate(network.alphabet_.tolist(), start=1):
        if proba[:, k].max() > 0.1:
            below.plot(times, proba[:, k], label=letter if letter != " " else "blank")
    below.plot(times, proba[:, 0], color="0.8", label="nothing", zorder=0)
    below.set(xlabel="seconds", ylabel="probability")
    below.legend(ncols=9, loc="upper center", bbox_to_anchor=(0.5, -0.2))
    figure.savefig(path, dpi=110)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
