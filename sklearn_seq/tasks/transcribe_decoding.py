"""From probabilities of characters at each frame to texts: greedily, or by prefix beam search with a language model."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["CharacterModel", "greedy", "prefix_beam"]

_UNLIKELY = 1e-9  # what has less of a frame extends no prefix
_END = "\0"  # of a text, and what stands before its beginning


class CharacterModel:
    """How probable a character is behind those before it: counts of n-grams, interpolated as Witten and Bell (1991) do.

    Parameters
    ----------
    order : int
        Characters of the longest n-grams.
    n_characters : int
        How many there are, beside the end of a text.
    counts : dict of str to dict of str to float
        By what stands before, how often each character follows.
    """

    def __init__(self, order: int, n_characters: int, counts: dict[str, dict[str, float]] | None = None) -> None:
        self.order, self.n_characters = order, n_characters
        self.counts: dict[str, dict[str, float]] = {} if counts is None else counts
        self._known: dict[tuple[str, str], float] = {}

    def learn(self, texts: Iterable[str], weights: Iterable[float]) -> CharacterModel:
        """Count the n-grams of texts, whose characters are not ``chr(0)``."""
        for text, weight in zip(texts, weights, strict=True):
            padded = _END * (self.order - 1) + text + _END
            for i in range(self.order - 1, len(padded)):
                for n in range(self.order):
                    follows = self.counts.setdefault(padded[i - n : i], {})
                    follows[padded[i]] = follows.get(padded[i], 0.0) + weight
        return self

    def probability(self, before: str, character: str) -> float:
        """Of a character, or of the end (``chr(0)``), behind a text of the model's order less one at most."""
        key = (before, character)
        found = self._known.get(key)
        if found is None:
            shorter = self.probability(before[1:], character) if before else 1.0 / (self.n_characters + 1)
            follows = self.counts.get(before)
            found = shorter
            if follows:
                kinds = len(follows)
                found = (follows.get(character, 0.0) + kinds * shorter) / (sum(follows.values()) + kinds)
            self._known[key] = found
        return found

    def log_probability(self, text: str, character: str) -> float:
        """Of a character, or of the end (``chr(0)``), behind a whole text."""
        size = self.order - 1
        before = (_END * size + text)[-size:] if size else ""
        return math.log(self.probability(before, character))


def greedy(scores: np.ndarray) -> str:
    """The most probable character of each frame, repetitions and then blanks left out.

    Parameters
    ----------
    scores : ndarray of shape (n_frames, K)
        Any that rise with probability; character 0 is the blank.

    Returns
    -------
    str
        Of ``chr(number)``.
    """
    best = scores.argmax(axis=1)
    kept = best[np.concatenate([[True], best[1:] != best[:-1]])]
    return "".join(map(chr, kept[kept > 0].tolist()))


def prefix_beam(
    proba: np.ndarray, beam_size: int, model: CharacterModel | None = None, weight: float = 0.0, bonus: float = 0.0
) -> str:
    """The most probable text, over all ways in which frames can spell it (Hannun et al. 2014).

    Parameters
    ----------
    proba : ndarray of shape (n_frames, K)
        Probabilities; character 0 is the blank.
    beam_size : int
        Texts kept from frame to frame; with enough of them the answer is exact, but for what has less than 1e-9 of a frame.
    model : CharacterModel, optional
    weight : float
        Of the language model's logarithm beside that of the frames.
    bonus : float
        Added for each character.

    Returns
    -------
    str
        Of ``chr(number)``.
    """
    # for each prefix: probability that it ends in a blank, that it ends in its last character, what language adds
    beam: dict[str, list[float]] = {"": [1.0, 0.0, 0.0]}
    for frame in proba:
        row = frame.tolist()
        likely = [(chr(k), p) for k, p in enumerate(row) if k and p > _UNLIKELY]
        new: dict[str, list[float]] = {}
        for prefix, (by_blank, by_last, language) in beam.items():
            total = by_blank + by_last
            stays = new.get(prefix)
            if stays is None:
                stays = new[prefix] = [0.0, 0.0, language]
            stays[0] += total * row[0]
            last = prefix[-1:]
            for character, p in likely:
                if character == last:
                    stays[1] += by_last * p
                    p *= by_blank  # the same character twice needs a blank between
                else:
                    p *= total
                if p > 0.0:
                    longer = prefix + character
                    entry = new.get(longer)
                    if entry is None:
                        entry = new[longer] = [0.0, 0.0, beam[longer][2] if longer in beam else math.nan]
                    entry[1] += p
        ranked = _best(new, beam_size, model, weight, bonus)
        scale = max(entry[0] + entry[1] for entry in ranked.values())
        beam = {prefix: [a / scale, b / scale, language] for prefix, (a, b, language) in ranked.items()}
    return max(beam, key=lambda prefix: (_value(beam[prefix]) + _ending(prefix, model, weight), prefix))


def _best(
    new: dict[str, list[float]], beam_size: int, model: CharacterModel | None, weight: float, bonus: float
) -> dict[str, list[float]]:
    """The prefixes that are kept; what language says of new ones is asked here."""
    for prefix, entry in new.items():
        if math.isnan(entry[2]):
            before = new.get(prefix[:-1])
            added = bonus if model is None else bonus + weight * model.log_probability(prefix[:-1], prefix[-1])
            entry[2] = added + (before[2] if before is not None else 0.0)
    if len(new) <= beam_size:
        return {prefix: entry for prefix, entry in new.items() if entry[0] + entry[1] > 0.0}
    order = sorted(new, key=lambda prefix: (_value(new[prefix]), prefix), reverse=True)[:beam_size]
    return {prefix: new[prefix] for prefix in order if new[prefix][0] + new[prefix][1] > 0.0}


def _value(entry: list[float]) -> float:
    total = entry[0] + entry[1]
    return math.log(total) + entry[2] if total > 0.0 else -math.inf


def _ending(prefix: str, model: CharacterModel | None, weight: float) -> float:
    return 0.0 if model is None else weight * model.log_probability(prefix, _END)


def spell(texts: list[str], alphabet: Any) -> np.ndarray:
    """Texts of ``chr(number)`` in characters."""
    letters = dict(enumerate(alphabet, start=1))
    return np.array(["".join(letters[ord(number)] for number in text) for text in texts])
