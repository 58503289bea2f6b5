"""Texts as a language model reads them: ids between marks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.finite import refuse_masked
from sklearn_seq.sequences.ids import refuse_huge_vocabulary
from sklearn_seq.sequences.texts import is_missing, refuse_nul, texts_of

__all__ = ["Texts", "Vocabulary", "between_marks", "read_texts", "refuse_other_kind"]

_NO_IDS = "Leave such steps out: x.compressed()."


@dataclass(frozen=True)
class Texts:
    """What was given: texts, or ids.

    Attributes
    ----------
    texts : list of str, or None
    ids : list of ndarray of int64, or None
        One of the two.
    n_tokens : int or None
        Size of the vocabulary of ids, where ``X`` says it.
    """

    texts: list[str] | None
    ids: list[np.ndarray] | None
    n_tokens: int | None = None

    @property
    def kind(self) -> str:
        """Which of the two, for messages."""
        return "ids" if self.texts is None else "texts"

    def __len__(self) -> int:
        return len(self.texts if self.texts is not None else self.ids or [])

    def take(self, rows: Iterable[int]) -> Texts:
        """Some of them."""
        texts, ids = (None if given is None else [given[i] for i in rows] for given in (self.texts, self.ids))
        return Texts(texts, ids, self.n_tokens)  # type: ignore[arg-type]

    def key(self, i: int) -> str | bytes:
        """What two that are equal have in common, and that can be sorted."""
        return self.texts[i] if self.texts is not None else (self.ids or [])[i].tobytes()


def read_texts(X: Any, name: str = "X", *, may_be_none: bool = False) -> Texts:
    """Read a list of texts or of sequences of ids.

    Parameters
    ----------
    X : list of str, array of str, Sequences, list of arrays of int, or array of int of shape (n_samples, n_timesteps)
    name : str
        For messages.
    may_be_none : bool
        Whether no rows at all are fine.

    Returns
    -------
    Texts

    Raises
    ------
    ValueError, TypeError
        With what was given, what was wanted and what to do.
    """
    wanted = "wanted a list of texts, or of arrays of whole numbers (token ids)"
    if isinstance(X, str | bytes):
        raise ValueError(f"{name} is one {type(X).__name__} of length {len(X)}; {wanted}. One text is [{name}].")
    if isinstance(X, Sequences):
        return Texts(None, [_ids(x, i, name) for i, x in enumerate(X)], X.n_tokens)
    if not hasattr(X, "__len__") or isinstance(X, dict | set):
        raise TypeError(f"{name} is of type {type(X).__name__}; {wanted}. An iterator is list({name}).")
    if not len(X):
        if may_be_none:
            return Texts([], None)
        raise ValueError(f"Found array with 0 sample(s): {name} is empty; {wanted}. Check what filled it.")
    refuse_masked(X, name, _NO_IDS)
    texts = texts_of(X, name)
    if texts is not None and not all(isinstance(text, str) for text in texts):
        raise ValueError(
            f"{name} holds lists of words, such as {texts[0][:3]}; {wanted}. Make ids of words by TextEncoder('word'), or texts of "
            "them by ' '.join."
        )
    if texts is not None:
        return Texts(texts, None)  # type: ignore[arg-type]
    array = X if isinstance(X, np.ndarray) else np.asarray(X) if hasattr(X, "columns") else None
    if array is not None and array.ndim > 2 and any(size != 1 for size in array.shape[2:]):
        raise ValueError(f"{name} has shape {array.shape}; {wanted}, one id a time step")
    if array is not None and array.ndim == 2 and array.shape[1] == 1 and array.dtype.hasobject:
        array = array[:, 0]  # a column of cells
    return Texts(None, [_ids(row, i, name) for i, row in enumerate(X if array is None else array)])


def _ids(row: Any, i: int, name: str) -> np.ndarray:
    if isinstance(row, str | bytes):
        raise TypeError(f"{name}[{i}] is {row[:20]!r}; wanted a str in each or ids in each. Decode bytes: x.decode().")
    if is_missing(row):
        raise TypeError(f"{name}[{i}] is missing; wanted a text, or ids. Fill missing texts with '', or drop them.")
    refuse_masked(row, f"{name}[{i}]", _NO_IDS)
    array = np.asarray(row)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(
            f"{name}[{i}] has shape {array.shape}; wanted (n_timesteps,), one token id a time step, or a text"
        )
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(
            f"{name}[{i}] holds {array.dtype}, which are no token ids; wanted whole numbers, or texts. What is read are "
            "names of tokens, not amounts: give x.astype(int) where they are ids."
        )
    if array.size and array.min() < 0:
        raise ValueError(f"{name}[{i}] holds the id {array.min()}; wanted ids of 0 and more")
    if array.size and int(array.max()) > np.iinfo(np.int64).max:
        refuse_huge_vocabulary(1 + int(array.max()), name)
    return array.astype(np.int64)


@dataclass(frozen=True)
class Vocabulary:
    """Which tokens there are.

    Attributes
    ----------
    characters : str or None
        Sorted; a character's id is its place plus one, and 0 is for all others. None for ids.
    n_tokens : int
        Ids are smaller; the mark between texts is this number itself.
    """

    characters: str | None
    n_tokens: int

    @classmethod
    def of(cls, given: Texts) -> Vocabulary:
        """The characters that occur, or as many ids as there are."""
        if given.texts is not None:
            refuse_nul(given.texts, "X")
            characters = "".join(sorted(set().union(*map(set, given.texts))))
            return cls(characters, len(characters) + 1)
        ids = given.ids or []
        n_tokens = given.n_tokens or 1 + max((int(x.max()) for x in ids if len(x)), default=0)
        refuse_huge_vocabulary(n_tokens)
        return cls(None, n_tokens)

    def encode(self, given: Texts, name: str = "X", fitted: str = "") -> list[np.ndarray]:
        """Ids (T,) of each text; refuses what is of another kind or out of range."""
        kind = "ids" if self.characters is None else "texts"
        if given.texts == []:
            return []
        refuse_other_kind(given, kind, name, fitted)
        if self.characters is not None:
            codes = _code_points(self.characters)
            return [_numbers(text, codes) for text in given.texts or []]
        if given.n_tokens is not None and given.n_tokens != self.n_tokens:
            raise ValueError(
                f"{name} has ids of {given.n_tokens} tokens, but {fitted or 'this estimator'} was fitted on ids of "
                f"{self.n_tokens}; wanted the same encoding as in fit"
            )
        for i, x in enumerate(given.ids or []):
            if len(x) and x.max() >= self.n_tokens:
                raise ValueError(
                    f"{name}[{i}] holds the id {x.max()}, but {fitted or 'this estimator'} knows ids from 0 to "
                    f"{self.n_tokens - 1}. Give Sequences.from_tokens(X, n_tokens) to fit, with the size of the vocabulary."
                )
        return list(given.ids or [])

    def decode(self, ids: np.ndarray) -> str:
        """Characters of ids, none of them 0."""
        return "".join(np.array(list(self.characters or ""), dtype=object)[ids - 1])


def refuse_other_kind(given: Texts, kind: str, name: str, fitted: str) -> None:
    """Refuse texts where ids were learnt from, and ids where texts were."""
    if given.kind != kind:
        raise ValueError(
            f"{name} holds {given.kind}, but {fitted or 'this estimator'} was fitted on {kind}; wanted {kind} again"
        )


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)


def _numbers(text: str, codes: np.ndarray) -> np.ndarray:
    given = _code_points(text)
    if not len(codes):
        return np.zeros(len(given), np.int64)
    places = np.minimum(np.searchsorted(codes, given), len(codes) - 1)
    return np.where(codes[places] == given, places + 1, 0)


def between_marks(ids: list[np.ndarray], mark: int) -> Sequences:
    """Each sequence with the mark before and behind it, (T + 2, 1)."""
    one = np.array([mark])
    return Sequences.from_list([np.concatenate([one, x, one]) for x in ids])
