"""The two vocabularies of a translation: ids of the tokens of each side, and texts of ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_seq.preprocessing.text import TextEncoder
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.texts import refuse_nul
from sklearn_seq.tasks.generate_reading import Texts, Vocabulary, refuse_other_kind

__all__ = ["Side", "distinct_pairs", "learn_sides"]


@dataclass(frozen=True)
class Side:
    """What makes ids of what is read, or was written, on one side. All end with a mark.

    Attributes
    ----------
    encoder : TextEncoder or None
        Of texts, with a mark at the end; None for ids.
    n_tokens : int
        Size of the vocabulary, with the mark.
    """

    encoder: TextEncoder | None
    n_tokens: int

    @property
    def mark(self) -> int:
        """The id of the end."""
        return self.n_tokens - 1 if self.encoder is None else int(self.encoder.end_id_)  # type: ignore[arg-type]

    @property
    def banned(self) -> tuple[int, ...]:
        """What is never written: the unknown token of texts."""
        return () if self.encoder is None else (0,)

    def encode(self, given: Texts, name: str, fitted: str) -> Sequences:
        """Ids (T + 1, 1) of each text, the mark behind it; refuses what is of another kind or out of range."""
        if self.encoder is not None:
            refuse_other_kind(given, "texts", name, fitted)
            found = self.encoder.transform(given.texts)
            return Sequences(found.values, found.starts, found.stops)
        ids = Vocabulary(None, self.n_tokens - 1).encode(given, name, fitted)
        return Sequences.from_list([np.append(x, self.mark) for x in ids])

    def decode(self, ids: list[np.ndarray]) -> np.ndarray:
        """An array of str, or an object array of arrays of int64."""
        if self.encoder is not None:
            marked = [np.append(x, self.mark) for x in ids]  # so that none is empty
            return np.array(self.encoder.inverse_transform(marked), dtype=str)
        found = np.empty(len(ids), dtype=object)
        found[:] = ids
        return found


def distinct_pairs(X: Texts, y: Texts, rows: np.ndarray) -> list[int]:
    """One row of each distinct pair, in an order that their content gives."""
    first: dict[Any, int] = {}
    for i in rows.tolist():
        first.setdefault((X.key(i), y.key(i)), i)
    return [first[key] for key in sorted(first)]


def learn_sides(X: Texts, y: Texts, *, shared: bool, **options: Any) -> tuple[Side, Side]:
    """Vocabularies of both sides.

    Parameters
    ----------
    X, y : Texts
        Distinct pairs, so that a pair counts once however often it was given.
    shared : bool
        Whether both have one.
    **options
        Of `TextEncoder`.

    Returns
    -------
    source, target : Side
    """
    refuse_nul(y.texts or [], "y")
    if not shared:
        return _learn([X], **options), _learn([y], **options)
    if X.kind != y.kind:
        raise ValueError(
            f"shared_vocabulary=True, but X holds {X.kind} and y holds {y.kind}; wanted texts on both sides, or ids on both. "
            "Set shared_vocabulary=False."
        )
    if X.n_tokens is not None and y.n_tokens is not None and X.n_tokens != y.n_tokens:
        raise ValueError(
            f"shared_vocabulary=True, but X has ids of {X.n_tokens} tokens and y of {y.n_tokens}; wanted one vocabulary, of one size. "
            "Make both by one encoder, or set shared_vocabulary=False."
        )
    refuse_nul(X.texts or [], "X")  # what is read may be written
    side = _learn([X, y], **options)
    return side, side


def _learn(parts: list[Texts], **options: Any) -> Side:
    if parts[0].texts is None:
        told = [part.n_tokens for part in parts if part.n_tokens is not None]
        return Side(None, 1 + (told[0] if told else max(Vocabulary.of(part).n_tokens for part in parts)))
    encoder = TextEncoder(**options, lowercase=False, token_pattern=r"\S+", end=True)
    encoder.fit([text for part in parts for text in part.texts or []])
    return Side(encoder, encoder.n_tokens_)
