"""From probabilities of characters at each frame to texts: greedily, or by prefix beam search with a language model."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import repeat
from typing import Any

import numpy as np

__all__ = ["CharacterModel", "greedy", "prefix_beam"]

_UNLIKELY = 1e-9  # what has less of a frame extends no prefix
_LEAST = np.finfo(np.float64).tiny  # behind a thousand characters that were seen, others have less than floats hold
_FEW = 100  # pairs of a prefix and a character: fewer are faster looked at one by one than sorted out before
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
        self._known: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def learn(self, texts: Iterable[str], weights: Iterable[float]) -> CharacterModel:
        """Count the n-grams of texts, whose characters are not ``chr(0)``."""
        for text, weight in zip(texts, weights, strict=True):
            padded = _END * (self.order - 1) + text + _END
            for i in range(self.order - 1, len(padded)):
                for n in range(self.order):
                    follows = self.counts.setdefault(padded[i - n : i], {})
                    follows[padded[i]] = follows.get(padded[i], 0.0) + weight
        return self

    def row(self, before: str) -> tuple[np.ndarray, np.ndarray]:
        """Probability of the end (``chr(0)``) and of each character behind a text of the order less one at most, and its logarithm."""
        found = self._known.get(before)
        if found is None:
            start = 1  # of the longest context that is known; from there on, one character more at a time
            while start <= len(before) and before[start:] not in self._known:
                start += 1
            for i in range(start - 1, -1, -1):
                found = self._known[before[i:]] = self._make_row(before[i:])
        return found  # type: ignore[return-value]

    def _make_row(self, before: str) -> tuple[np.ndarray, np.ndarray]:
        """As `row`, from that of the context shorter by one."""
        follows = self.counts.get(before)
        shorter = self._known[before[1:]] if before else None
        if shorter is not None and not follows:
            return shorter  # the same arrays: there are no more of them than contexts that were counted
        size = self.n_characters + 1
        proba = np.full(size, 1.0 / size) if shorter is None else shorter[0]
        if follows:
            kinds = len(follows)
            proba = kinds * proba
            proba[[ord(character) for character in follows]] += list(follows.values())
            proba /= sum(follows.values()) + kinds
        return proba, np.log(np.maximum(proba, _LEAST))

    def log_row(self, text: str) -> np.ndarray:
        """Logarithm of the probability of the end (``chr(0)``) and of each character, behind a whole text."""
        size = self.order - 1
        before = text[-size:] if size else ""
        return self.row(before if len(before) == size else _END * (size - len(before)) + before)[1]


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
    proba = np.asarray(proba, dtype=np.float64)
    # for each prefix: probability that it ends in a blank, that it ends in its last character, what language adds
    beam: dict[str, list[float]] = {"": [1.0, 0.0, 0.0]}
    steps, codes = np.nonzero(proba[:, 1:] > _UNLIKELY)
    codes += 1
    likely_proba = proba[steps, codes]
    bounds = np.searchsorted(steps, np.arange(len(proba) + 1)).tolist()
    for blank, start, stop in zip(proba[:, 0].tolist(), bounds, bounds[1:], strict=False):
        likely = list(zip(map(chr, codes[start:stop].tolist()), likely_proba[start:stop].tolist(), strict=True))
        chosen: Iterable[list[tuple[str, float]]] = repeat(likely, len(beam))
        if len(beam) * len(likely) > max(_FEW, 2 * beam_size):
            chosen = _shortlist(beam, codes[start:stop], likely, beam_size, model, weight)
        new: dict[str, list[float]] = {}
        for (prefix, (by_blank, by_last, language)), characters in zip(beam.items(), chosen, strict=True):
            total = by_blank + by_last
            stays = new.get(prefix)
            if stays is None:
                stays = new[prefix] = [0.0, 0.0, language]
            stays[0] += total * blank
            last = prefix[-1:]
            language += bonus
            row = None if model is None else model.log_row(prefix)
            for character, p in characters:
                if character == last:
                    stays[1] += by_last * p
                    p *= by_blank  # the same character twice needs a blank between
                else:
                    p *= total
                if p > 0.0:
                    longer = prefix + character
                    entry = new.get(longer)
                    if entry is not None:
                        entry[1] += p
                    elif row is None:
                        new[longer] = [0.0, p, language]
                    else:
                        new[longer] = [0.0, p, language + weight * row.item(ord(character))]
        ranked = [(prefix, entry) for prefix, entry in new.items() if entry[0] + entry[1] > 0.0]
        if len(ranked) > beam_size:
            ranked = sorted(ranked, key=lambda item: (_value(item[1]), item[0]), reverse=True)[:beam_size]
        scale = max(entry[0] + entry[1] for _, entry in ranked)
        beam = {prefix: [a / scale, b / scale, language] for prefix, (a, b, language) in ranked}
    ends = {prefix: 0.0 if model is None else weight * model.log_row(prefix).item(0) for prefix in beam}
    return max(beam, key=lambda prefix: (_value(beam[prefix]) + ends[prefix], prefix))


def _shortlist(
    beam: dict[str, list[float]],
    codes: np.ndarray,
    likely: list[tuple[str, float]],
    size: int,
    model: CharacterModel | None,
    weight: float,
) -> list[list[tuple[str, float]]]:
    """Of each prefix the characters that matter: which make one of the ``size`` best new prefixes, or add to a known one."""
    by_blank, by_last, language = np.array(list(beam.values())).T
    # the bonus is the same for all of them
    values = (np.log(by_blank + by_last) + language)[:, None] + np.log([p for _, p in likely])
    if model is not None:
        values += weight * np.stack([model.log_row(prefix)[codes] for prefix in beam])
    place = {prefix: i for i, prefix in enumerate(beam)}
    last = np.array([ord(prefix[-1:] or "\0") for prefix in beam])
    parent = np.array([place.get(prefix[:-1], -1) for prefix in beam])
    at = np.searchsorted(codes, last).clip(max=len(codes) - 1)
    found = codes[at] == last
    values[found, at[found]] = np.inf  # the last character once more: also the prefix as it is
    found &= parent >= 0
    values[parent[found], at[found]] = np.inf  # what the beam has already
    n_kept = size + int(np.isposinf(values).sum())
    if n_kept < values.size:
        # what rounding could change is let through
        kept = values >= np.partition(values, values.size - n_kept, axis=None)[values.size - n_kept] - 1e-6
    else:
        kept = np.ones(values.shape, dtype=bool)
    chosen: list[list[tuple[str, float]]] = [[] for _ in beam]
    for i, j in np.argwhere(kept).tolist():
        chosen[i].append(likely[j])
    return chosen


def _value(entry: list[float]) -> float:
    return math.log(entry[0] + entry[1]) + entry[2]


def spell(texts: list[str], alphabet: Any) -> np.ndarray:
    """Texts of ``chr(number)`` in characters."""
    letters = dict(enumerate(alphabet, start=1))
    return np.array(["".join(letters[ord(number)] for number in text) for text in texts])
