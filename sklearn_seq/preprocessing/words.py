"""Words to several ids each: the word, its beginnings, its endings and its shape."""

import re
from collections import Counter
from functools import cache
from typing import Annotated, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from sklearn_seq.params import AtLeast, estimator
from sklearn_seq.preprocessing._base import all_or_nothing, as_fitted
from sklearn_seq.preprocessing._words import drop_marks
from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.texts import texts_of, told_of_no_texts

__all__ = ["WordPartsEncoder"]


def _shape(word: str) -> str:
    """Kinds of characters in their order, runs as one: "McDonald's" is "XxXx'x", "1990s" is "dx"; marks belong to letters."""
    kinds = ("X" if c.isupper() else "x" if c.isalpha() else "d" if c.isdigit() else c for c in drop_marks(word))
    return re.sub(r"(.)\1+", r"\1", "".join(kinds), flags=re.DOTALL)


@estimator
class WordPartsEncoder(TransformerMixin, BaseEstimator):
    """Turn sentences, lists of words, into several ids a word: what taggers read best.

    The ids of a word are those of the word as it is written, of it in small letters, of its beginnings and endings of each
    length, and of its shape (which characters are capitals, small letters, digits or signs). So a network that adds the learnt
    vectors of all of them knows something of words that ``fit`` has not seen. All ids are of one vocabulary; what ``fit`` has not
    seen, or seen less often than ``min_count`` times, is id 0, and so is a beginning or ending longer than the word.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The id of each part: what it is and its text, such as ``"suffix ing"``; in order.
    n_tokens_ : int
        Size of the vocabulary, with the unknown one.

    See Also
    --------
    TextEncoder : One id a word or character.

    References
    ----------
    .. [1] R. Collobert et al. Natural language processing (almost) from scratch. JMLR 12, 2493-2537, 2011.
    .. [2] P. Bojanowski, E. Grave, A. Joulin, T. Mikolov. Enriching word vectors with subword information. TACL 5, 2017.

    Examples
    --------
    >>> from sklearn_seq import WordPartsEncoder
    >>> encoder = WordPartsEncoder(prefixes=1, suffixes=2).fit([["She", "sings"], ["He", "sang"]])
    >>> X = encoder.transform([["They", "sing"]])
    >>> X
    Sequences(1 sequences, 2 timesteps, ids of 19 tokens, int64)
    >>> [part for part, i in encoder.vocabulary_.items() if i in X[0][1]]
    ['prefix s', 'shape x', 'suffix g', 'suffix ng']
    """

    prefixes: Annotated[int, AtLeast(0), "Beginnings of so many characters and fewer have ids."] = 3
    suffixes: Annotated[int, AtLeast(0), "Endings of so many characters and fewer have ids."] = 4
    min_count: Annotated[int, AtLeast(1), "How often a part must stand in the words of `fit` to get an id."] = 1

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the vocabulary.

        Parameters
        ----------
        X : list of lists of str, or list, array or series of str
            Sentences as words; a ``str`` is split at white space.
        y : object
            Ignored.

        Returns
        -------
        self : object
            The fitted encoder.

        Raises
        ------
        ValueError, TypeError
            For what is no text. An encoder that was fitted before stays as it was.
        """
        self._validate_params()
        sentences = self._read(X)
        with all_or_nothing(self):
            words = Counter(word for sentence in sentences for word in sentence)
            counts: Counter[str] = Counter()
            for word, count in words.items():
                for part in self._parts(word):
                    if part is not None:
                        counts[part] += count
            kept = sorted(part for part, count in counts.items() if count >= self.min_count)
            self.vocabulary_ = {part: i for i, part in enumerate(kept, 1)}
            self.n_tokens_ = len(kept) + 1
        return self

    def transform(self, X: Any) -> Sequences:
        """Words as ids.

        Parameters
        ----------
        X : as in fit
            Sentences; an empty one is read as one unknown word.

        Returns
        -------
        Sequences
            One sequence a sentence, of ``3 + prefixes + suffixes`` ids a word, with ``n_tokens``.
        """
        check_is_fitted(self)
        self = as_fitted(self)
        sentences = self._read(X)
        find = self.vocabulary_.get

        @cache
        def ids_of(word: str) -> list[int]:
            return [0 if part is None else find(part, 0) for part in self._parts(word)]

        n_parts = 3 + self.prefixes + self.suffixes
        unknown = [[0] * n_parts]
        rows = [[ids_of(word) for word in sentence] or unknown for sentence in sentences]
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        values = np.array([ids for row in rows for ids in row], dtype=np.int64)
        stops = np.cumsum(lengths)
        return Sequences._make(values.reshape(-1, n_parts), stops - lengths, stops, n_tokens=self.n_tokens_)

    def _parts(self, word: str) -> list[str | None]:
        """All parts of a word in order; None for one that it is too short for."""
        low = word.lower()
        parts: list[str | None] = [f"word {word}", f"lower {low}", f"shape {_shape(word)}"]
        parts += [f"prefix {low[:n]}" if n <= len(low) else None for n in range(1, self.prefixes + 1)]
        parts += [f"suffix {low[-n:]}" if n <= len(low) else None for n in range(1, self.suffixes + 1)]
        return parts

    def _read(self, X: Any) -> list[list[str]]:
        sentences = None if isinstance(X, str) else texts_of(X, known=True)
        if sentences is None:
            raise ValueError(
                f"X is {told_of_no_texts(X)}; {type(self).__name__} wanted sentences as lists of words, or a list of str. "
                "Reshape your data, or leave it out where X holds numbers."
            )
        return [sentence.split() if isinstance(sentence, str) else sentence for sentence in sentences]

    def set_output(self, *, transform: str | None = None) -> Self:
        """Ids are no table, so that every choice gives `Sequences`.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, optional
            Ignored.

        Returns
        -------
        self : object
            The encoder.
        """
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags
