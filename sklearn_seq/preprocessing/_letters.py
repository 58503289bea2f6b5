"""Letters of biology: alphabets with their ambiguity codes, and text read as numbers."""

from typing import Any, NamedTuple

import numpy as np

from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.texts import texts_of

__all__: list[str] = []

PROTEIN = "ACDEFGHIKLMNPQRSTVWY"

# the letters that a code of IUPAC stands for (Cornish-Bowden 1985); complements stand opposite: A C G T, so that 3 - i
# is the complement of i
_NUCLEOTIDES = {"R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC"}
_NUCLEOTIDES |= {"B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT"}
_RESIDUES = {"B": "DN", "Z": "EQ", "J": "IL", "X": PROTEIN, "U": PROTEIN, "O": PROTEIN}
_NOTHING = "-."  # gaps of an alignment

_COMPLEMENT = "ACGTRYSWKMBDHVN", "TGCAYRSWMKVHDBN"


class Alphabet(NamedTuple):
    """Letters, and what each character is worth.

    Attributes
    ----------
    name : str
        As in messages.
    letters : str
        K of them.
    table : ndarray of int16 of shape (256,)
        The code of a character: below K a letter, from K on an ambiguity code or a gap, -1 neither.
    shares : ndarray of float32 of shape (n_codes, K)
        How much of each letter a code is.
    """

    name: str
    letters: str
    table: np.ndarray
    shares: np.ndarray


def alphabet_of(given: str) -> Alphabet:
    """The alphabet of a name, or of letters of one's own.

    Parameters
    ----------
    given : str
        ``"dna"``, ``"rna"``, ``"protein"``, or the letters.

    Returns
    -------
    Alphabet
    """
    both_cases = given in ("dna", "rna", "protein")
    if given == "protein":
        letters, codes = PROTEIN, _RESIDUES | dict.fromkeys([*_NOTHING, "*"], "")
    elif both_cases:
        thymine = "T" if given == "dna" else "U"
        codes = {code: stands.replace("T", thymine) for code, stands in _NUCLEOTIDES.items()}
        letters, codes = "ACG" + thymine, codes | dict.fromkeys(_NOTHING, "")
    else:
        letters, codes = given, {}
        if len(letters) < 2 or len(set(letters)) < len(letters) or not letters.isascii():
            raise ValueError(
                f"alphabet={given!r}; wanted 'dna', 'rna', 'protein', or at least two different letters of ASCII. "
                "Use for instance alphabet='HEC'."
            )
    table = np.full(256, -1, dtype=np.int16)
    shares = np.zeros((len(letters) + len(codes), len(letters)), dtype=np.float32)
    for i, (letter, stands) in enumerate([(letter, letter) for letter in letters] + list(codes.items())):
        table[ord(letter)] = i
        if both_cases:
            table[ord(letter.lower())] = i
        shares[i, [letters.index(one) for one in stands]] = 1.0 / max(1, len(stands))
    return Alphabet(given, letters, table, shares)


def read_texts(X: Any) -> list[str]:
    """The texts of a list, an array, a Series, or a frame of one column.

    Parameters
    ----------
    X : list, tuple, ndarray, Series or frame
        Of str.

    Returns
    -------
    list of str
    """
    if isinstance(X, str | bytes):
        raise ValueError(f"X is one text, {_shorten(X)}; wanted a list of them. Give [X].")
    if isinstance(X, list | tuple) and not len(X):
        raise ValueError("Found array with 0 sample(s): X is empty; wanted at least one text. Check what filled it.")
    texts = texts_of(X, known=True)
    if texts is None or not isinstance(texts[0], str):
        told = f"X is of type {type(X).__name__}"
        if isinstance(X, list | tuple):
            told = f"X[0] is {_shorten(X[0])}, of type {type(X[0]).__name__}"
        elif hasattr(X, "shape"):
            told += f" and of shape {tuple(X.shape)}"
        raise ValueError(
            f"{told}; wanted a list, a 1-D array or a Series of text, a letter a step. "
            "Reshape your data: join the letters of each sequence to one text."
        )
    return texts  # type: ignore[return-value]


def codes_of(X: Any, alphabet: Alphabet, *, unknown: str) -> Sequences:
    """Text as codes of an alphabet.

    Parameters
    ----------
    X : list, ndarray, Series or frame
        Of str.
    alphabet : Alphabet
        What letters there are.
    unknown : {"error", "ignore"}
        Whether a character that is no letter is refused.

    Returns
    -------
    Sequences
        Of int16, one feature; -1 is no letter of the alphabet.
    """
    texts = read_texts(X)
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    if not lengths.all():
        raise ValueError(
            f"X[{int((lengths == 0).argmax())}] is an empty text; wanted at least one letter. Leave it out, with its y."
        )
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    codes = alphabet.table[np.minimum(points, 255)]
    stops = np.cumsum(lengths)
    if unknown == "error" and (codes < 0).any():
        at = int((codes < 0).argmax())
        i = int(np.searchsorted(stops, at, "right"))
        step = at - int(stops[i] - lengths[i])
        raise ValueError(
            f"X[{i}], letter {step}, is {texts[i][step]!r}; wanted letters of alphabet={alphabet.name!r}, "
            f"{alphabet.letters}{_more(alphabet)}. {_advice(texts[i][step], alphabet)}"
        )
    return Sequences._make(codes[:, None], stops - lengths, stops)


def _more(alphabet: Alphabet) -> str:
    found = [chr(i) for i in range(128) if alphabet.table[i] >= len(alphabet.letters) and not chr(i).islower()]
    return f", or the codes {''.join(found)}" if found else ""


def _advice(character: str, alphabet: Alphabet) -> str:
    other = {"dna": ("rna", "uU"), "rna": ("dna", "tT")}.get(alphabet.name)
    if other and character in other[1]:
        return f"Use alphabet={other[0]!r}."
    return "Correct it, choose another alphabet, or use unknown='ignore'."


def _shorten(thing: Any) -> str:
    said = repr(thing)
    return said if len(said) <= 30 else said[:27] + "..."


def complement_table(alphabet: str) -> dict[int, int]:
    """For ``str.translate``: each letter and ambiguity code of DNA or RNA to its complement, in its own case.

    Parameters
    ----------
    alphabet : {"dna", "rna"}
        Whether A stands opposite T or U.

    Returns
    -------
    dict of int to int
    """
    of, to = _COMPLEMENT
    if alphabet == "rna":
        of, to = of.replace("T", "U"), to.replace("T", "U")
    of, to = of + _NOTHING, to + _NOTHING
    return str.maketrans(of + of.lower(), to + to.lower())
