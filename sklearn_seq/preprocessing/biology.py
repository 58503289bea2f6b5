"""Sequences of letters (DNA, RNA, proteins) as numbers, letter by letter; and the other strand."""

from typing import Annotated, Any, Literal, Self, TypeVar

import numpy as np
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_seq.params import Positional, estimator, public
from sklearn_seq.preprocessing._base import _names_columns, _Transformer, all_or_nothing, as_fitted
from sklearn_seq.preprocessing._letters import Alphabet, alphabet_of, codes_of, complement_table, read_texts
from sklearn_seq.sequences.container import Sequences

__all__ = ["SequenceOneHotEncoder", "reverse_complement"]

T = TypeVar("T")

_Alphabet = Annotated[
    str,
    '``"dna"`` (ACGT), ``"rna"`` (ACGU), ``"protein"`` (the 20 amino acids, by letter), or the letters themselves. The named '
    "ones read small letters as capitals.",
]
_Unknown = Annotated[
    Literal["error", "ignore"], "Whether a character that is no letter and no code of the alphabet is refused."
]


@estimator
class _LetterTransformer(_Transformer):
    """A transformer that reads text over an alphabet."""

    alphabet: _Alphabet = "dna"
    unknown: _Unknown = "error"

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the letters, and learn the length where the output needs one.

        Parameters
        ----------
        X : list, ndarray or Series of str
            The sequences, a letter a step.
        y : object
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        self._validate_params()
        with all_or_nothing(self):
            alphabet = alphabet_of(self.alphabet)
            self.letters_ = np.array(list(alphabet.letters))
            self._learn_letters(codes_of(X, alphabet, unknown=self.unknown), alphabet)
        return self

    def transform(self, X: Any) -> Any:
        """Turn text into numbers.

        Parameters
        ----------
        X : list, ndarray or Series of str
            The sequences, a letter a step.

        Returns
        -------
        Sequences, ndarray, sparse matrix or frame
            One sample for each text, in their order; which of them, ``output`` says.
        """
        check_is_fitted(self)
        self = as_fitted(self)
        alphabet = alphabet_of(self.alphabet)
        return self._encode(codes_of(X, alphabet, unknown=self.unknown), alphabet)

    def _learn_letters(self, codes: Sequences, alphabet: Alphabet) -> None:
        raise NotImplementedError

    def _encode(self, codes: Sequences, alphabet: Alphabet) -> Any:
        raise NotImplementedError

    def _one_length(self, codes: Sequences, wanted: int | None, output: str) -> int:
        """The length that all sequences have, which outputs with one column a step need."""
        wanted = int(codes.lengths[0]) if wanted is None else wanted
        wrong = np.flatnonzero(codes.lengths != wanted)
        if len(wrong):
            raise ValueError(
                f"X[{wrong[0]}] has {codes.lengths[wrong[0]]} letters; wanted {wanted}, the length of the first one in fit, "
                f"since output={output!r} has columns for each letter. Cut the texts to one length, or use another output."
            )
        return wanted

    @available_if(_names_columns)
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns of a 2-D output.

        Parameters
        ----------
        input_features : object
            Ignored: text has no columns.

        Returns
        -------
        ndarray of str
            One name a column.
        """
        check_is_fitted(self)
        return np.asarray(as_fitted(self)._names([]), dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags


@estimator
class SequenceOneHotEncoder(_LetterTransformer):
    """Turn DNA, RNA or proteins into sequences of indicators, one feature a letter of the alphabet.

    An ambiguity code of IUPAC is shared out among the letters it stands for: ``R`` is half an A and half a G, ``N`` a quarter
    of each; in proteins ``X``, and the rare ``U`` and ``O``, are a twentieth of each. A gap (``-``, ``.``, in proteins
    ``*`` too) is all zeros.

    Attributes
    ----------
    letters_ : ndarray of str of shape (n_letters,)
        The features, in their order.
    length_ : int or None
        Letters of each sequence, None with ``output="sequences"``.

    See Also
    --------
    KmerEncoder : Words of several letters.
    reverse_complement : The other strand.

    Notes
    -----
    The letters of DNA and RNA stand in the order A, C, G, T (U), so that both axes turned round, ``X[:, ::-1, ::-1]``, are
    the other strand; ``augment="reverse_complement"`` of our networks does it by chance in training.

    References
    ----------
    .. [1] A. Cornish-Bowden. Nomenclature for incompletely specified bases in nucleic acid sequences. Nucleic Acids Research
       13, 3021-3030, 1985.

    Examples
    --------
    >>> from sklearn_seq import SequenceOneHotEncoder
    >>> encoder = SequenceOneHotEncoder("dna").fit(["ACGT", "GR"])
    >>> encoder.transform(["ACGT", "GR"])
    Sequences(2 sequences, 2 to 4 timesteps, 4 features, float32)
    >>> encoder.transform(["GR"])[0]
    array([[0. , 0. , 1. , 0. ],
           [0.5, 0. , 0.5, 0. ]], dtype=float32)
    >>> SequenceOneHotEncoder("dna", output="flat").fit(["AC"]).get_feature_names_out().tolist()
    ['0_A', '0_C', '0_G', '0_T', '1_A', '1_C', '1_G', '1_T']
    """

    alphabet: Annotated[_Alphabet, Positional] = "dna"
    ambiguous: Annotated[
        Literal["share", "zero"], "Whether an ambiguity code is shared out among its letters, or all zeros as a gap is."
    ] = "share"
    output: Annotated[
        Literal["sequences", "array", "flat"],
        "`Sequences`, of any length; or, where all texts have one length, an array ``(n_samples, length, n_letters)``; or the "
        "same, flat, for models that read tables.",
    ] = "sequences"

    def _learn_letters(self, codes: Sequences, alphabet: Alphabet) -> None:
        self.length_ = None if self.output == "sequences" else self._one_length(codes, None, self.output)

    def _encode(self, codes: Sequences, alphabet: Alphabet) -> Any:
        if self.length_ is not None:
            self._one_length(codes, self.length_, self.output)
        shares = np.vstack([alphabet.shares, np.zeros(len(alphabet.letters), np.float32)])  # the last one is code -1
        if self.ambiguous == "zero":
            shares[len(alphabet.letters) :] = 0.0
        values = shares[codes.values[:, 0]]
        if self.length_ is None:
            return codes.map_values(values)
        return values.reshape(len(codes), -1) if self.output == "flat" else values.reshape(len(codes), self.length_, -1)

    def _gives_columns(self) -> bool:
        return self.output == "flat"

    def _names(self, names: list[str]) -> list[str]:
        return [f"{step}_{letter}" for step in range(self.length_ or 0) for letter in self.letters_]


@public
def reverse_complement(sequences: T, *, alphabet: Literal["dna", "rna"] = "dna") -> T:
    """The other strand of DNA or RNA, read in its own direction.

    Codes of IUPAC are complemented too, gaps (``-``, ``.``) stay, and so does the case of a letter.

    Parameters
    ----------
    sequences : str, list, ndarray or Series of str
        One sequence, or several.
    alphabet : {"dna", "rna"}, default="dna"
        Whether T or U stands opposite A.

    Returns
    -------
    str, list, ndarray or Series of str
        As many, in the container given.

    Raises
    ------
    ValueError
        For a character that is no letter, code or gap.

    Examples
    --------
    >>> from sklearn_seq import reverse_complement
    >>> reverse_complement("AACGTR")
    'YACGTT'
    >>> reverse_complement(["acg", "G-A"])
    ['cgt', 'T-C']
    """
    if alphabet not in ("dna", "rna"):
        raise ValueError(f"alphabet={alphabet!r}; wanted 'dna' or 'rna', which have a complement.")
    table = complement_table(alphabet)
    if isinstance(sequences, str):
        return _other_strand(sequences, table, alphabet, "the sequence")  # type: ignore[return-value]
    texts: Any = [_other_strand(text, table, alphabet, f"sequence {i}") for i, text in enumerate(read_texts(sequences))]
    if isinstance(sequences, np.ndarray):
        return np.array(texts, dtype=sequences.dtype).reshape(sequences.shape)  # type: ignore[return-value]
    if isinstance(sequences, tuple):
        return tuple(texts)  # type: ignore[return-value]
    if hasattr(sequences, "index") and hasattr(sequences, "iloc") and not hasattr(sequences, "columns"):
        # categories are the texts that were given, not their complements
        dtype = None if str(sequences.dtype) == "category" else sequences.dtype  # type: ignore[attr-defined]
        return type(sequences)(texts, index=sequences.index, name=sequences.name, dtype=dtype)  # type: ignore
    if type(sequences).__module__.partition(".")[0] == "polars" and not hasattr(sequences, "columns"):
        return type(sequences)(sequences.name, texts)  # type: ignore
    return texts


def _other_strand(text: str, table: dict[int, int], alphabet: str, where: str) -> str:
    wrong = [i for i, character in enumerate(text) if ord(character) not in table]
    if wrong:
        other = "rna" if alphabet == "dna" else "dna"
        raise ValueError(
            f"{where} has {text[wrong[0]]!r} as letter {wrong[0]}; wanted letters, codes of IUPAC or gaps of "
            f"alphabet={alphabet!r}. Correct it"
            + (f", or use alphabet={other!r}." if text[wrong[0]] in "uUtT" else ".")
        )
    return text.translate(table)[::-1]
