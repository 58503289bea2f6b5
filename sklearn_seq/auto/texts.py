"""The models of text that `AutoClassifier` mixes: linear ones on n-grams, and a network of words.

Text goes past the gate as the numbers of its characters, so that equal texts are one row like equal sequences of numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.svm import LinearSVC

from sklearn_seq.auto.heads import fit_network, run_head
from sklearn_seq.families.recurrent import GRUClassifier
from sklearn_seq.preprocessing._words import cut_words
from sklearn_seq.preprocessing.text import TextEncoder
from sklearn_seq.preprocessing.words import WordPartsEncoder
from sklearn_seq.sequences import Sequences
from sklearn_seq.training.temperature import fit_temperature

__all__ = [
    "LINEAR",
    "N_CHARACTERS",
    "Counts",
    "characters_of",
    "fit_linear_text",
    "fit_text_network",
    "make_text_network",
    "read_documents",
    "run_text_head",
]

N_CHARACTERS = 0x110000  # of Unicode
_HASHED = 2**22  # columns; those that no training text has are dropped
_FOLDS = 5
_WORDS_TOGETHER, _CHARACTERS_TOGETHER = 3, (2, 6)
_APART = (2, 3)  # steps between two words that are taken as a pair
_UNITS, _DROPOUT, _EPOCHS = 64, 0.5, 8
# From so many texts on parts of words that stand once are unknown ones, vectors are shorter and batches larger, and five networks
# that leave a fifth of the texts out judge, and are kept: three folds and fewer epochs were less accurate (docs/benchmarks.md).
_MANY_TEXTS, _VECTOR, _BATCH, _FOLDS_OF_MANY = 1000, 64, 64, 5
_EPOCHS_TIMES_WORDS, _EPOCHS_OF_MANY = 8e5, (6, 9)  # of many words fewer epochs, for the sake of time


# -- texts as sequences ------------------------------------------------------------------------------------------------


def characters_of(texts: list[Any]) -> Sequences:
    """Texts, or lists of words, as numbers of characters; an empty text is the character 0."""
    texts = [text if isinstance(text, str) else " ".join(text) for text in texts]
    codes = [np.frombuffer((text or "\0").encode("utf-32-le", "surrogatepass"), dtype=np.uint32) for text in texts]
    return Sequences.from_tokens([code.astype(np.int64) for code in codes], N_CHARACTERS)


def read_documents(data: Sequences) -> list[str]:
    """Texts again; ids of tokens that are no characters as words."""
    values = data.values[:, 0]
    if data.n_tokens == N_CHARACTERS:
        raw = values.astype(np.uint32)
        texts = [
            raw[i:j].tobytes().decode("utf-32-le", "surrogatepass")
            for i, j in zip(data.starts, data.stops, strict=True)
        ]
        return ["" if text == "\0" else text for text in texts]  # else it would be a word
    return [" ".join(map(str, values[i:j].tolist())) for i, j in zip(data.starts, data.stops, strict=True)]


# -- n-grams -----------------------------------------------------------------------------------------------------------


def _words_of(text: str) -> list[str]:
    return cut_words(text.lower())


def _runs_of_words(text: str) -> list[str]:
    """One to three words side by side, beginning and end among them."""
    words = ["<", *_words_of(text), ">"]
    found = words[1:-1]
    if not found:  # an empty text says nothing, like one of words never seen
        return found
    for n in range(2, _WORDS_TOGETHER + 1):
        found += [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]
    return found


def _runs_of_characters(text: str) -> Iterator[str]:
    """Two to six characters of a word side by side."""
    low, high = _CHARACTERS_TOGETHER
    for word in _words_of(text):
        word = f" {word} "
        for n in range(low, min(high, len(word)) + 1):
            for i in range(len(word) - n + 1):
                yield word[i : i + n]


def _pairs_of_words(text: str) -> list[str]:
    """The first word, which says much in a question, and the first two with each other one; and words a little apart."""
    words = _words_of(text)
    found = [f"1 {words[0]} {word}" for word in words[1:]]
    found += [f"2 {words[0]} {words[1]} {word}" for word in words[2:]]
    for apart in _APART:
        found += [f"+{apart} {words[i]} {words[i + apart]}" for i in range(len(words) - apart)]
    return found


_ANALYZERS: dict[str, Callable[[str], Any]] = {
    "words": _runs_of_words,
    "characters": _runs_of_characters,
    "pairs": _pairs_of_words,
}


def _count(name: str, documents: list[str]) -> sparse.csr_matrix:
    """How often what an analyzer finds is in each document, (n, 2 ** 22)."""
    how: dict[str, Any] = {"alternate_sign": False, "norm": None, "dtype": np.float64}
    documents = [text.encode(errors="replace").decode() for text in documents]  # half of a pair has no code to hash
    return HashingVectorizer(analyzer=_ANALYZERS[name], n_features=_HASHED, **how).transform(documents)


class Counts:
    """Counts of training documents by analyzer, made once for all heads."""

    def __init__(self, documents: list[str]) -> None:
        self._documents = documents
        self._known: dict[str, sparse.csr_matrix] = {}

    def __call__(self, name: str) -> sparse.csr_matrix:
        """Of an analyzer."""
        if name not in self._known:
            self._known[name] = _count(name, self._documents)
        return self._known[name]


# -- linear heads --------------------------------------------------------------------------------------------------------


class _Linear:
    """One against the rest on weighted n-grams.

    ``tfidf``: logarithms of counts by how rare they are; ``ratio``: whether it is there, by how much more frequent it is in the
    class than in the others (Wang and Manning 2012).
    """

    def __init__(self, analyzers: tuple[str, ...], weighing: str, penalty: float) -> None:
        self.analyzers, self.weighing, self.penalty = analyzers, weighing, penalty

    def learn(self, counts: list[sparse.csr_matrix], codes: np.ndarray, weight: np.ndarray, n_classes: int) -> dict:
        """Columns that count, and what each counts for each class."""
        columns = [np.unique(part.indices) for part in counts]
        parts = [part[:, own] for part, own in zip(counts, columns, strict=True)]
        found: dict[str, Any] = {"columns": columns, "n_classes": n_classes, "weighing": self.weighing}
        known = sum(map(len, columns))
        coef, intercept = np.zeros((n_classes, known), dtype=np.float32), np.full(n_classes, -1.0)
        ratios = np.ones((n_classes, known), dtype=np.float32)
        if self.weighing == "tfidf":
            found["rarity"] = [_rarity(part) for part in parts]
            x = _rarity_rows(parts, found["rarity"])
        else:
            there = sparse.hstack([part.sign() for part in parts]).tocsr()
        for k in range(n_classes if n_classes > 2 else min(1, n_classes - 1)):
            own = codes == k
            if own.all() or not own.any() or not known:  # nothing to solve
                intercept[k] = 2.0 * np.average(own, weights=weight) - 1.0
                continue
            if self.weighing == "ratio":
                ratios[k] = _log_ratio(there, own, weight)
                x = _unit_rows(there.multiply(ratios[k]).tocsr())
            solver = LinearSVC(C=self.penalty, random_state=0, max_iter=2000)
            solver.fit(x, own, sample_weight=weight)
            coef[k], intercept[k] = solver.coef_[0], solver.intercept_[0]
        if n_classes == 2:
            coef[1], intercept[1], ratios[1] = -coef[0], -intercept[0], ratios[0]
        found |= {"coef": coef, "intercept": intercept}
        return found | ({"ratios": ratios} if self.weighing == "ratio" else {})


def _unit_rows(x: sparse.csr_matrix) -> sparse.csr_matrix:
    """Rows of length 1, also of no rows or columns, where scikit-learn's refuses; rows of zeros stay."""
    length = np.sqrt(np.asarray(x.multiply(x).sum(axis=1)).ravel())
    return sparse.diags(1.0 / np.where(length > 0, length, 1.0)) @ x


def _rarity(part: sparse.csr_matrix) -> np.ndarray:
    """As scikit-learn's ``idf_``; its transformer refuses documents without a word."""
    return np.log((1.0 + part.shape[0]) / (1.0 + np.bincount(part.indices, minlength=part.shape[1]))) + 1.0


def _rarity_rows(parts: list[sparse.csr_matrix], rarity: list[np.ndarray]) -> sparse.csr_matrix:
    """Rows of length 1, each part of which has the same length."""
    rows = []
    for part, idf in zip(parts, rarity, strict=True):
        part = part.copy()
        part.data = 1.0 + np.log(part.data)
        rows.append(_unit_rows(part.multiply(idf).tocsr()))
    return _unit_rows(sparse.hstack(rows).tocsr())


def _log_ratio(there: sparse.csr_matrix, own: np.ndarray, weight: np.ndarray) -> np.ndarray:
    inside, outside = (1.0 + there.T @ (weight * part) for part in (own, ~own))
    return np.log(inside / inside.sum()) - np.log(outside / outside.sum())


def _decide(learnt: dict[str, Any], counts: list[sparse.csr_matrix]) -> np.ndarray:
    """Decision values (n, K)."""
    parts = [part[:, columns] for part, columns in zip(counts, learnt["columns"], strict=True)]
    coef, n_classes = learnt["coef"], learnt["n_classes"]
    if learnt["weighing"] == "tfidf":
        return _rarity_rows(parts, learnt["rarity"]) @ coef.T.astype(np.float64) + learnt["intercept"]
    there = sparse.hstack([part.sign() for part in parts]).tocsr()
    out = np.empty((there.shape[0], n_classes))
    for k in range(n_classes):
        x = _unit_rows(there.multiply(learnt["ratios"][k]).tocsr())
        out[:, k] = x @ coef[k].astype(np.float64) + learnt["intercept"][k]
    return out


# Chosen in cross-validation of the training parts of TREC and SST-2, and of SST-5 (benchmarks/accuracy_text.py)
LINEAR = {
    "n-grams": _Linear(("words", "characters", "pairs"), "tfidf", 1.0),
    "ratios": _Linear(("words", "characters"), "ratio", 1.0),
}


def fit_linear_text(
    name: str,
    counts: Counts,
    codes: np.ndarray,
    weight: np.ndarray,
    *,
    n_classes: int,
    random: np.random.RandomState,
    n_jobs: int | None,
) -> tuple[dict[str, Any], np.ndarray]:
    """A linear head, and what others like it that left a row out say of it."""
    how = LINEAR[name]
    parts = [counts(analyzer) for analyzer in how.analyzers]

    def fit(learn: np.ndarray, judge: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
        learnt = how.learn([part[learn] for part in parts], codes[learn], weight[learn], n_classes)
        return learnt, _decide(learnt, [part[judge] for part in parts])

    every = np.arange(len(codes))
    folds = _folds(codes, random)
    fitted = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(fit)(learn, judge) for learn, judge in [(every, every[:0]), *folds]
    )
    left_out = np.zeros((len(codes), n_classes))
    for (_, judge), (_, said) in zip(folds, fitted[1:], strict=True):
        left_out[judge] = said
    temperature = fit_temperature(left_out, codes, weight)[0] if n_classes > 1 else 1.0
    return {"kind": "n-grams", "name": name, "learnt": fitted[0][0], "temperature": temperature}, left_out / temperature


def _folds(codes: np.ndarray, random: np.random.RandomState) -> list[tuple[np.ndarray, np.ndarray]]:
    seed = random.randint(2**31 - 1)
    n_folds = min(_FOLDS, len(codes))
    if n_folds < 2:
        return []
    if np.bincount(codes)[np.unique(codes)].min() < n_folds:
        return list(KFold(n_folds, shuffle=True, random_state=seed).split(codes))
    return list(StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(codes, codes))


# -- the network -----------------------------------------------------------------------------------------------------------


def make_text_network(budget: float, documents: list[str]) -> Any:
    """What reads words of these texts, untrained."""
    network = GRUClassifier(bidirectional=True, hidden_size=_UNITS, dropout=_DROPOUT, pooling="concat")
    if len(documents) < _MANY_TEXTS:
        return network.set_params(max_epochs=max(1, round(_EPOCHS * budget)))
    n_words = sum(len(cut_words(text)) for text in documents)
    epochs = np.clip(_EPOCHS_TIMES_WORDS / max(1, n_words), *_EPOCHS_OF_MANY)
    network.set_params(embedding_size=_VECTOR, batch_size=_BATCH)
    return network.set_params(max_epochs=max(1, round(float(epochs) * budget)))


def fit_text_network(
    network: Any,
    documents: list[str],
    codes: np.ndarray,
    weight: np.ndarray,
    *,
    n_classes: int,
    parts: bool,
    random: np.random.RandomState,
    n_jobs: int | None,
) -> tuple[dict[str, Any], np.ndarray | None]:
    """A network that reads words and what others that left a row out say of it, or of many texts the mean of those others.

    ``parts`` says whether words have beginnings and endings that tell something of them, which numbers of tokens have not.
    """
    least = 2 if len(documents) >= _MANY_TEXTS else 1
    encoder: Any = WordPartsEncoder(min_count=least) if parts else TextEncoder("word", min_count=least)
    spaced = _spaced(documents)
    data = encoder.fit(spaced).transform(spaced)
    common: dict[str, Any] = {"n_classes": n_classes, "random": random, "n_jobs": n_jobs}
    head, left_out = fit_network(network, data, codes, weight, n_folds=_FOLDS_OF_MANY, **common)
    return {"kind": "words", "encoder": encoder, "network": head}, left_out


def _spaced(documents: list[str]) -> list[str]:
    """With a space between all words and signs."""
    return [" ".join(cut_words(text)) for text in documents]


def run_text_head(head: dict[str, Any], documents: list[str]) -> np.ndarray:
    """Logits (n, K)."""
    if head["kind"] == "words":
        return run_head(head["network"], head["encoder"].transform(_spaced(documents)))
    counts = [_count(name, documents) for name in LINEAR[head["name"]].analyzers]
    return _decide(head["learnt"], counts) / head["temperature"]
