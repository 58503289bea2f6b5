"""Words of k letters (k-mers) of DNA, RNA and proteins, counted or numbered."""

from typing import Annotated, Any, Literal

import numpy as np
from scipy import sparse

from sklearn_seq.params import AtLeast, Positional, estimator
from sklearn_seq.preprocessing._letters import Alphabet
from sklearn_seq.preprocessing.biology import _LetterTransformer
from sklearn_seq.sequences.container import Sequences

__all__ = ["KmerEncoder"]


@estimator
class KmerEncoder(_LetterTransformer):
    """Count the words of k letters (k-mers) in DNA, RNA or proteins, or number them in their order.

    Words overlap: a sequence of T letters has ``T - k + 1``. Those with an ambiguity code, a gap or an unknown character in
    them are left out. With ``max_gap``, words whose halves stand apart are counted too, each distance by itself: they tell
    motifs whose middle is free (Ghandi et al. 2014). With ``canonical=True`` a word and its reverse complement are one, since
    a strand and the other one say the same.

    Where there are more words than ``max_features``, they share columns by a hash of fixed seed.

    Attributes
    ----------
    letters_ : ndarray of str of shape (n_letters,)
        The alphabet.
    n_words_ : int
        Columns for words: their number, or ``max_features`` where they share columns.
    hashed_ : bool
        Whether words share columns.
    length_ : int or None
        Letters of each sequence, None unless ``output="positions"``.

    See Also
    --------
    SequenceOneHotEncoder : Letters one by one.

    References
    ----------
    .. [1] M. Ghandi, D. Lee, M. Mohammad-Noori, M. A. Beer. Enhanced regulatory sequence prediction using gapped k-mer
       features. PLoS Computational Biology 10, e1003711, 2014.
    .. [2] P. Meinicke, M. Tech, B. Morgenstern, R. Merkl. Oligo kernels for datamining on biological sequences. BMC
       Bioinformatics 5, 169, 2004.
    .. [3] G. Rätsch, S. Sonnenburg. Accurate splice site detection for Caenorhabditis elegans. Kernel Methods in Computational
       Biology, MIT Press, 2004 (words at their positions).

    Examples
    --------
    >>> from sklearn_seq import KmerEncoder
    >>> encoder = KmerEncoder(2, canonical=True).fit(["AACA", "TGTT"])
    >>> encoder.transform(["AACA", "TGTT"])[:, :4]
    array([[1., 1., 0., 0.],
           [1., 1., 0., 0.]], dtype=float32)
    >>> encoder.get_feature_names_out()[:4].tolist()
    ['AA', 'AC', 'AG', 'AT']
    >>> ids = KmerEncoder(2, output="ids").fit_transform(["AACA"])
    >>> ids, ids[0].ravel().tolist()
    (Sequences(1 sequences, 3 timesteps, ids of 17 tokens, int64), [1, 2, 5])
    """

    k: Annotated[int, AtLeast(1), Positional, "Letters of a word."] = 3
    max_gap: Annotated[int, AtLeast(0), "Up to so many free letters in the middle of a word."] = 0
    canonical: Annotated[bool, "Count a word and its reverse complement as one; DNA and RNA only."] = False
    output: Annotated[
        Literal["counts", "ids", "positions"],
        '``"counts"``: a row a sequence, a column a word. ``"ids"``: `Sequences` of ids, which networks with learnt embeddings '
        "read: the word that begins at each letter, from 1, and 0 for one that is left out. "
        '``"positions"``: a column for each word at each position, where all texts have one length.',
    ] = "counts"
    values: Annotated[
        Literal["counts", "shares", "presence"],
        "What a column holds: how often; as a share of all words of the sequence; or 1, at most, where the word occurs.",
    ] = "counts"
    blur: Annotated[
        float,
        AtLeast(0),
        'How uncertain positions are, in letters: with ``output="positions"`` a word stands at its neighbours too, by a '
        "Gaussian of this deviation (Meinicke et al. 2004).",
    ] = 0.0
    max_features: Annotated[
        int, AtLeast(1), "Columns for words at most (a position, with ``positions``); more words share them by hash."
    ] = 65_536
    sparse_output: Annotated[bool, "Give a sparse matrix (CSR) in place of an array."] = False

    def _refuse(self, alphabet: Alphabet) -> None:
        """What is legal one by one, not together."""
        if self.canonical and alphabet.name not in ("dna", "rna"):
            raise ValueError(
                f"canonical=True with alphabet={self.alphabet!r}; wanted 'dna' or 'rna', which have two strands. "
                "Use canonical=False."
            )
        if self.canonical and self.max_gap and self.k % 2:
            raise ValueError(
                f"canonical=True, max_gap={self.max_gap} and k={self.k}; wanted an even k, whose halves change places on the "
                f"other strand. Use k={self.k + 1}."
            )
        if self.output == "ids" and self.max_gap:
            raise ValueError(f"output='ids' with max_gap={self.max_gap}; wanted one word a letter. Use max_gap=0.")
        if len(alphabet.letters) ** self.k > 2**62:
            raise ValueError(
                f"k={self.k} over {len(alphabet.letters)} letters; wanted at most 2**62 words. Use a smaller k."
            )

    def _learn_letters(self, codes: Sequences, alphabet: Alphabet) -> None:
        self._refuse(alphabet)
        n = len(alphabet.letters) ** self.k * (self.max_gap + 1)
        if self.canonical and n <= 4 * self.max_features:  # else they are hashed in any case
            n = len(self._canonical_ids()) * (self.max_gap + 1)
        self.hashed_ = n > self.max_features
        self.n_words_ = self.max_features if self.hashed_ else n
        self.length_ = self._one_length(codes, None, self.output) if self.output == "positions" else None
        self._refuse_short(codes)

    def _refuse_short(self, codes: Sequences) -> None:
        short = codes.lengths < self.k
        if self.output != "counts" and short.any():
            i = int(short.argmax())
            raise ValueError(
                f"X[{i}] has {codes.lengths[i]} letters; wanted at least k={self.k} with output={self.output!r}. "
                "Use a smaller k, or leave it out."
            )

    def _encode(self, codes: Sequences, alphabet: Alphabet) -> Any:
        self._refuse_short(codes)
        if self.length_ is not None:
            self._one_length(codes, self.length_, self.output)
        letters = codes.values[:, 0].astype(np.int64)
        left = np.repeat(codes.stops, codes.lengths) - np.arange(len(letters))  # letters from each one to its end
        known = (letters >= 0) & (letters < len(alphabet.letters))
        rows, steps, words = [], [], []
        for gap in range(self.max_gap + 1):
            first = np.flatnonzero(left >= self.k + gap)
            ids, whole = self._ids(letters, known, first, gap)
            rows.append(first[whole])
            steps.append(first[~whole])
            words.append(self._columns(ids[whole], gap))
        if self.output == "ids":
            return self._numbered(codes, rows[0], steps[0], words[0])
        starts, column = np.concatenate(rows), np.concatenate(words)
        row = np.searchsorted(codes.stops, starts, "right")
        total = np.maximum(np.bincount(row, minlength=len(codes)), 1).astype(np.float32)
        n_columns, weight = self.n_words_, np.ones(len(row), np.float32)
        if self.length_ is not None:
            n_places = self.length_ - self.k + 1
            row, column, weight = self._placed(row, column, starts - codes.starts[row], n_places)
            n_columns *= n_places
        # CSR adds up what meets in one place
        found = sparse.csr_matrix((weight, (row, column)), shape=(len(codes), n_columns))
        if self.values == "presence":
            np.minimum(found.data, 1.0, out=found.data)
        elif self.values == "shares":
            found = sparse.csr_matrix(found.multiply(1.0 / total[:, None]), dtype=np.float32)
        return found if self.sparse_output else found.toarray()

    def _placed(
        self, row: np.ndarray, word: np.ndarray, place: np.ndarray, n_places: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows, columns and weights of words at their places, and at those around them as far as ``blur`` goes."""
        reach = min(int(np.ceil(3 * self.blur)), n_places - 1)
        rows, columns, weights = [], [], []
        for off in range(-reach, reach + 1):
            at = place + off
            inside = (at >= 0) & (at < n_places)
            rows.append(row[inside])
            columns.append(at[inside] * self.n_words_ + word[inside])
            weights.append(np.full(inside.sum(), np.exp(-0.5 * (off / self.blur) ** 2) if off else 1.0, np.float32))
        return np.concatenate(rows), np.concatenate(columns), np.concatenate(weights)

    def _ids(
        self, letters: np.ndarray, known: np.ndarray, first: np.ndarray, gap: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The word that begins at each of ``first``, as a number to the base of the alphabet, and whether it is one."""
        base, head = len(self.letters_), self.k - self.k // 2
        word, other = np.zeros(len(first), np.int64), np.zeros(len(first), np.int64)
        whole = np.ones(len(first), bool)
        for j in range(self.k):
            at = first + j + (gap if j >= head else 0)
            word = word * base + letters[at]
            whole &= known[at]
            if self.canonical:
                other += (3 - letters[at]) * 4**j
        return (np.minimum(word, other) if self.canonical else word), whole

    def _canonical_ids(self) -> np.ndarray:
        """The words that are not greater than their reverse complement, in order."""
        ids = np.arange(4**self.k, dtype=np.int64)
        other, rest = np.zeros_like(ids), ids.copy()
        for _ in range(self.k):
            other = other * 4 + (3 - rest % 4)
            rest //= 4
        return ids[ids <= other]

    def _columns(self, ids: np.ndarray, gap: int) -> np.ndarray:
        """The column of each word."""
        if self.hashed_:
            return (
                _mix(ids.astype(np.uint64) * np.uint64(self.max_gap + 1) + np.uint64(gap)) % np.uint64(self.n_words_)
            ).astype(np.int64)
        if self.canonical:
            ids = np.searchsorted(self._canonical_ids(), ids)
        return ids + gap * (self.n_words_ // (self.max_gap + 1))

    def _numbered(self, codes: Sequences, rows: np.ndarray, others: np.ndarray, words: np.ndarray) -> Sequences:
        """Sequences of the words' numbers, 0 for those that are none."""
        every = np.zeros(len(codes.values), np.int64)
        every[rows] = words + 1
        there = np.sort(np.concatenate([rows, others]))
        stops = np.cumsum(codes.lengths - self.k + 1)
        starts = stops - (codes.lengths - self.k + 1)
        return Sequences._make(every[there][:, None], starts, stops, n_tokens=self.n_words_ + 1)

    def _gives_columns(self) -> bool:
        return self.output != "ids"

    def _names(self, names: list[str]) -> list[str]:
        if self.hashed_:
            words = [f"hash{i}" for i in range(self.n_words_)]
        else:
            ids = self._canonical_ids() if self.canonical else np.arange(len(self.letters_) ** self.k)
            digits = ids[:, None] // len(self.letters_) ** np.arange(self.k)[::-1] % len(self.letters_)
            spelt = ["".join(row) for row in self.letters_[digits]]
            head = self.k - self.k // 2
            words = [word[:head] + "." * gap + word[head:] for gap in range(self.max_gap + 1) for word in spelt]
        if self.length_ is None:
            return words
        return [f"{step}_{word}" for step in range(self.length_ - self.k + 1) for word in words]


def _mix(ids: np.ndarray) -> np.ndarray:
    """Spread whole numbers over 64 bits (the end of splitmix64; Steele, Lea and Flood 2014)."""
    ids = (ids ^ (ids >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    ids = (ids ^ (ids >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ids ^ (ids >> np.uint64(31))
