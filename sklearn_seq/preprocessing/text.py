"""Text to token ids: characters, words or byte pairs."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from sklearn_seq.params import AtLeast, Positional, estimator
from sklearn_seq.preprocessing._base import all_or_nothing, as_fitted
from sklearn_seq.preprocessing._words import cut_words
from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.texts import texts_of, told_of_no_texts

__all__ = ["TextEncoder"]

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_BEGIN, _END = "<begin>", "<end>"
_SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # in the place of a space, in byte pairs
_BYTE_PAIRS = 8000  # tokens when none is said

Text = str | list[str]


@estimator
class TextEncoder(TransformerMixin, BaseEstimator):
    """Turn texts into sequences of token ids, which networks with learnt embeddings read.

    ``fit`` learns a vocabulary. Id 0 is the unknown token from the start: what ``fit`` has not seen, or left out, becomes it.
    An empty text is read as one unknown token, so that rows stay rows.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The id of each token that text can hold; they are in alphabetical order.
    tokens_ : ndarray of object of shape (n_tokens_,)
        The token of each id; those of the unknown token and of the marks are placeholders.
    n_tokens_ : int
        Size of the vocabulary, with the unknown token and the marks.
    begin_id_, end_id_ : int or None
        The marks; None without them.

    Notes
    -----
    ``level="bpe"`` merges the pairs of pieces that stand together most often (Sennrich et al. 2016), by the package
    tokenizers, which the extra ``text`` brings.

    References
    ----------
    .. [1] R. Sennrich, B. Haddow, A. Birch. Neural machine translation of rare words with subword units. ACL 2016.

    Examples
    --------
    >>> from sklearn_seq import TextEncoder
    >>> encoder = TextEncoder().fit(["the cat sat", "a dog sat"])
    >>> encoder.vocabulary_
    {'a': 1, 'cat': 2, 'dog': 3, 'sat': 4, 'the': 5}
    >>> X = encoder.transform(["the dog ran"])
    >>> X, X[0].ravel().tolist()
    (Sequences(1 sequences, 3 timesteps, ids of 6 tokens, int64), [5, 3, 0])
    >>> TextEncoder("character").fit(["abc"]).transform(["cab"])[0].ravel().tolist()
    [3, 1, 2]
    """

    level: Annotated[
        Literal["character", "word", "bpe"], Positional, "What a token is; byte pairs are pieces of words."
    ] = "word"
    min_count: Annotated[int, AtLeast(1), "How often a token must stand in the texts of `fit` to get an id."] = 1
    max_tokens: Annotated[
        int | None,
        AtLeast(1),
        "The most frequent tokens alone get an id, so many; None keeps all, and 8000 byte pairs.",
    ] = None
    lowercase: Annotated[
        bool | Literal["auto"], 'Whether capital letters are made small; "auto" does so for words alone.'
    ] = "auto"
    token_pattern: Annotated[
        str | None,
        "Regular expression of a word; what it does not match is left out. None: letters and digits with the marks on them (accents, "
        "vowel signs) are words, and each sign is one of its own.",
    ] = None
    begin: Annotated[bool, "Put a mark in front of each text."] = False
    end: Annotated[bool, "Put a mark behind each text."] = False

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the vocabulary.

        Parameters
        ----------
        X : list, array or series of str, or list of lists of str
            Texts; with ``level="word"`` also texts that are lists of words already.
        y : object
            Ignored.

        Returns
        -------
        self : object
            The fitted encoder.

        Raises
        ------
        ValueError, TypeError
            For what is no text, with the first sample that is none. An encoder that was fitted before stays as it was.
        """
        self._validate_params()
        texts = self._read(X)
        with all_or_nothing(self):
            self._pairs = None
            if self.level == "bpe":
                self._pairs, tokens = self._learn_pairs(texts)
            else:
                split = self._splitter()
                counts = Counter(token for text in texts for token in split(text))
                kept = [token for token, count in counts.items() if count >= self.min_count]
                if self.max_tokens is not None:
                    kept = sorted(kept, key=lambda token: (-counts[token], token))[: self.max_tokens]
                tokens = sorted(kept)
            marks = [mark for mark, wanted in ((_BEGIN, self.begin), (_END, self.end)) if wanted]
            self.tokens_ = np.array([UNKNOWN, *marks, *tokens], dtype=object)
            self.n_tokens_ = len(self.tokens_)
            self.begin_id_ = 1 if self.begin else None
            self.end_id_ = len(marks) if self.end else None
            self.vocabulary_ = {token: i for i, token in enumerate(tokens, 1 + len(marks))}
        return self

    def transform(self, X: Any) -> Sequences:
        """Texts as ids.

        Parameters
        ----------
        X : as in fit
            Texts.

        Returns
        -------
        Sequences
            One sequence of ids a text, of one feature, with ``n_tokens``.
        """
        check_is_fitted(self)
        self = as_fitted(self)
        texts = self._read(X)
        found = list(self._ids(texts))
        front = [] if self.begin_id_ is None else [self.begin_id_]
        back = [] if self.end_id_ is None else [self.end_id_]
        if front or back:
            found = [[*front, *ids, *back] for ids in found]
        found = [ids or [0] for ids in found]
        stops = np.cumsum([len(ids) for ids in found], dtype=np.int64)
        starts = np.concatenate([[0], stops[:-1]]).astype(np.int64)
        values = np.fromiter((i for ids in found for i in ids), dtype=np.int64, count=int(stops[-1]))
        return Sequences._make(values[:, None], starts, stops, n_tokens=self.n_tokens_)

    def inverse_transform(self, X: Any) -> list[str]:
        """Ids as texts: characters and byte pairs joined as they stood, words by a space.

        Parameters
        ----------
        X : Sequences, or list of arrays of int of shape (n_timesteps_i,)
            Ids of this encoder.

        Returns
        -------
        list of str
            Without marks; the unknown token is written as U+FFFD.
        """
        check_is_fitted(self)
        self = as_fitted(self)
        if not isinstance(X, Sequences) or X.n_tokens is None:
            X = Sequences.from_tokens(X, self.n_tokens_)
        if X.n_tokens != self.n_tokens_:
            raise ValueError(
                f"X holds ids of {X.n_tokens} tokens, but this TextEncoder knows {self.n_tokens_}; wanted ids that it made itself"
            )
        marks = 1 + (self.begin_id_ is not None) + (self.end_id_ is not None)
        joiner = " " if self.level == "word" else ""
        texts = []
        for ids in X:
            tokens = self.tokens_[ids[(ids == 0) | (ids >= marks)]]
            text = joiner.join(tokens.tolist())
            texts.append(text.replace(_SPACE, " ").removeprefix(" ") if self._pairs else text)
        return texts

    # -- texts to tokens ---------------------------------------------------------------------------------------------

    @property
    def _lower(self) -> bool:
        return self.level == "word" if self.lowercase == "auto" else bool(self.lowercase)

    def _read(self, X: Any) -> list[Any]:
        texts = None if isinstance(X, str) else texts_of(X, known=True)
        if texts is None:
            raise ValueError(
                f"X is {told_of_no_texts(X)}; TextEncoder wanted a list of str, an array or a series of them, or lists of words. "
                "Reshape your data, or leave TextEncoder out where X holds numbers."
            )
        if self.level != "word" and not isinstance(texts[0], str):
            raise ValueError(
                f"X[0] is a list of words, but level={self.level!r} splits texts itself; wanted str. Join the words "
                "([' '.join(words) for words in X]), or set level='word'."
            )
        return texts

    def _splitter(self) -> Callable[[Text], Iterable[str]]:
        lower = self._lower
        if self.level == "character":
            return lambda text: _small(text) if lower and isinstance(text, str) else text
        find = cut_words if self.token_pattern is None else _finder(self.token_pattern)

        def split(text: Text) -> Iterable[str]:
            if isinstance(text, str):
                return find(_small(text) if lower else text)
            return [_small(word) for word in text] if lower else text

        return split

    def _ids(self, texts: list[Any]) -> Iterable[list[int]]:
        if self._pairs is not None:
            tokenizer = _load_tokenizers().Tokenizer.from_str(self._pairs)
            of_piece = {number: self.vocabulary_.get(piece, 0) for piece, number in tokenizer.get_vocab().items()}
            found = tokenizer.encode_batch([_for_pairs(text, self._lower) for text in texts])
            return ([of_piece[number] for number in one.ids] for one in found)
        split, find = self._splitter(), self.vocabulary_.get
        return ([find(token, 0) for token in split(text)] for text in texts)

    def _learn_pairs(self, texts: list[str]) -> tuple[str, list[str]]:
        """The tokenizer as text, and the pieces that get an id."""
        texts = [_for_pairs(text, self._lower) for text in texts]
        tokenizers = _load_tokenizers()
        tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token=UNKNOWN))
        # signs are pieces of their own, so that "word" and "word." share one
        split = tokenizers.pre_tokenizers
        tokenizer.pre_tokenizer = split.Sequence([split.Metaspace(), split.Punctuation()])
        # the trainer has room for all it may come to, and ends the process where memory has not
        most = 2 * sum(len(text) + 1 for text in texts)
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=1 + min(self.max_tokens or _BYTE_PAIRS, most),
            min_frequency=self.min_count,
            special_tokens=[UNKNOWN],
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        pieces = [piece for piece in tokenizer.get_vocab() if piece != UNKNOWN]
        # the trainer keeps every character, however rare and however many there are
        counts = Counter(character for text in texts for character in text.replace(" ", _SPACE))
        pieces = [piece for piece in pieces if len(piece) > 1 or counts[piece] >= self.min_count]
        if self.max_tokens is not None and len(pieces) > self.max_tokens:
            pieces = sorted(pieces, key=lambda piece: (len(piece) > 1, -counts[piece], piece))[: self.max_tokens]
        return tokenizer.to_str(), sorted(pieces)

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


def _finder(pattern: str) -> Callable[[str], list[str]]:
    """What finds the words that a pattern of the user matches."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"token_pattern={pattern!r} is no regular expression ({error}); wanted one of a word"
        ) from error
    if compiled.groups > 1:
        raise ValueError(f"token_pattern={pattern!r} has several groups; wanted one at most. Write (?:...)")
    return compiled.findall


def _small(text: str) -> str:
    """In small letters, as many as there were: of the Turkish capital I with a dot Python makes two."""
    return text.replace("\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "i").lower()


def _for_pairs(text: str, lower: bool) -> str:
    """Text as tokenizers takes it: half of a pair of surrogates is no character, and so an unknown one.

    The space that stands before each word is put before the first here: tokenizers leaves it out where there is one already,
    which could then not come back.
    """
    return text and " " + re.sub("[\ud800-\udfff]", UNKNOWN, _small(text) if lower else text)


def _load_tokenizers() -> Any:
    try:
        import tokenizers
        import tokenizers.models
        import tokenizers.pre_tokenizers
        import tokenizers.trainers
    except ImportError as error:
        raise ImportError(
            "level='bpe' needs the package tokenizers: pip install 'sklearn_seq[text]', or set level='word' or 'character'"
        ) from error
    return tokenizers
