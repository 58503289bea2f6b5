"""DNA, RNA and proteins as numbers: against Python's own counting, and what both strands say."""

import gzip
import pickle
import re
from collections import Counter
from itertools import product
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_param_validation

from sklearn_seq import (
    CNNClassifier,
    GRUClassifier,
    KmerEncoder,
    SequenceOneHotEncoder,
    Sequences,
    load,
    reverse_complement,
    save,
)
from sklearn_seq.datasets import read_fasta
from sklearn_seq.training.augment import Augment, Draw
from sklearn_seq.training.batches import Batch

CODES = {
    "R": "AG",
    "Y": "CT",
    "S": "CG",
    "W": "AT",
    "K": "GT",
    "M": "AC",
    "B": "CGT",
    "D": "AGT",
    "H": "ACT",
    "V": "ACG",
}
CODES |= {"N": "ACGT"} | {letter: letter for letter in "ACGT"}
ENCODERS = [SequenceOneHotEncoder(), KmerEncoder(), KmerEncoder(2, output="ids"), KmerEncoder(2, sparse_output=True)]

each_encoder = pytest.mark.parametrize("encoder", ENCODERS, ids=lambda e: repr(e).replace("\n", ""))


def random_dna(n, low=10, high=30, seed=0, letters="ACGT"):
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list(letters), size=rng.integers(low, high))) for _ in range(n)]


def dense(found):
    return found.toarray() if sparse.issparse(found) else found.values if isinstance(found, Sequences) else found


# -- letters -----------------------------------------------------------------------------------------------------------


def test_every_code_is_shared_out_among_its_letters():
    text = "".join(CODES)
    found = SequenceOneHotEncoder().fit_transform([text])[0]
    for code, row in zip(text, found, strict=True):
        np.testing.assert_array_equal(row > 0, [letter in CODES[code] for letter in "ACGT"])
        np.testing.assert_allclose(row.sum(), 1.0, rtol=1e-6)
        assert len(set(row[row > 0])) == 1
    zero = SequenceOneHotEncoder(ambiguous="zero").fit_transform([text])[0]
    np.testing.assert_array_equal(zero.sum(axis=1), [code in "ACGT" for code in text])


def test_gaps_small_letters_rna_proteins_and_letters_of_ones_own():
    dna = SequenceOneHotEncoder().fit(["ACGT"])
    np.testing.assert_array_equal(dna.transform(["a-c.n"])[0].sum(axis=1), [1, 0, 1, 0, 1])
    same = SequenceOneHotEncoder("rna").fit_transform(["ACGURB"])[0]
    np.testing.assert_array_equal(same, dna.transform(["ACGTRB"])[0])
    protein = SequenceOneHotEncoder("protein").fit(["ACD"])
    assert "".join(protein.letters_) == "ACDEFGHIKLMNPQRSTVWY"
    b, x, stop = protein.transform(["BX*"])[0]
    assert b[[2, 11]].tolist() == [0.5, 0.5] and b.sum() == 1  # aspartate, asparagine
    np.testing.assert_allclose(x, 0.05)
    assert not stop.any()
    own = SequenceOneHotEncoder("HEC").fit_transform(["CHE"])[0]
    np.testing.assert_array_equal(own, np.eye(3)[[2, 0, 1]])
    with pytest.raises(ValueError, match=r"X\[0\], letter 0, is 'h'"):
        SequenceOneHotEncoder("HEC").fit(["h"])


def test_three_forms_hold_the_same_numbers():
    texts = random_dna(5, 8, 9)
    ragged = SequenceOneHotEncoder().fit_transform(texts)
    cube = SequenceOneHotEncoder(output="array").fit_transform(texts)
    flat = SequenceOneHotEncoder(output="flat").set_output(transform="pandas").fit_transform(texts)
    assert ragged.n_tokens is None and cube.shape == (5, 8, 4)
    np.testing.assert_array_equal(np.asarray(ragged), cube)
    np.testing.assert_array_equal(flat.to_numpy(), cube.reshape(5, -1))
    assert flat.columns[4] == "1_A"
    assert not hasattr(SequenceOneHotEncoder().fit(texts), "get_feature_names_out")


# -- words -------------------------------------------------------------------------------------------------------------


def by_hand(text, k, gap=0, canonical=False):
    """Python's own counting of words whose halves are ``gap`` letters apart."""
    head = k - k // 2
    found = Counter()
    for i in range(len(text) - k - gap + 1):
        word = text[i : i + head] + "." * gap + text[i + head + gap : i + k + gap]
        if set(word) <= set("ACGT."):
            found[min(word, reverse_complement(word)) if canonical else word] += 1
    return found


@pytest.mark.parametrize(
    ("k", "max_gap", "canonical"),
    [(1, 0, False), (3, 0, False), (2, 3, False), (5, 1, False), (3, 0, True), (4, 2, True)],
)
def test_counts_are_those_of_python(k, max_gap, canonical):
    texts = [*random_dna(20, letters="ACGTN"), "A", "ACGTACGT" * 4]
    encoder = KmerEncoder(k, max_gap=max_gap, canonical=canonical).fit(texts)
    names = encoder.get_feature_names_out()
    found = encoder.transform(texts)
    assert found.dtype == np.float32 and found.shape == (22, len(names)) and len(set(names)) == len(names)
    n_own = (
        4**k if not canonical else len({min(w, reverse_complement(w)) for w in map("".join, product("ACGT", repeat=k))})
    )
    assert encoder.n_words_ == len(names) == n_own * (max_gap + 1)
    for text, row in zip(texts, found, strict=True):
        wanted = sum((by_hand(text, k, gap, canonical) for gap in range(max_gap + 1)), Counter())
        assert {name: int(n) for name, n in zip(names, row, strict=True) if n} == wanted


def test_shares_presence_and_sparse_output():
    texts = random_dna(10)
    counts = KmerEncoder(2).fit_transform(texts)
    np.testing.assert_allclose(
        KmerEncoder(2, values="shares").fit_transform(texts), counts / counts.sum(1, keepdims=True)
    )
    np.testing.assert_array_equal(KmerEncoder(2, values="presence").fit_transform(texts), counts > 0)
    found = KmerEncoder(2, sparse_output=True).fit_transform(texts)
    assert sparse.issparse(found)
    np.testing.assert_array_equal(found.toarray(), counts)
    assert not KmerEncoder(3, values="shares").fit_transform(["AC", "NN"]).any()  # no word, no share


def test_hashed_words_keep_their_number_and_both_strands():
    texts = random_dna(50, 20, 60)
    encoder = KmerEncoder(10, canonical=True, max_features=500).fit(texts)
    found = encoder.transform(texts)
    assert encoder.hashed_ and found.shape == (50, 500)
    np.testing.assert_array_equal(found.sum(axis=1), [len(text) - 9 for text in texts])
    np.testing.assert_array_equal(found, encoder.transform(reverse_complement(texts)))
    used = (found.sum(axis=0) > 0).mean()
    n_words = found.sum()
    np.testing.assert_allclose(used, 1 - np.exp(-n_words / 500), atol=0.05)  # words fall on columns by chance


def test_ids_go_through_embeddings_and_name_the_same_words_as_counts():
    texts = random_dna(8, letters="ACGTN")
    encoder = KmerEncoder(3, output="ids").fit(texts)
    ids = encoder.transform(texts)
    assert ids.n_tokens == 65
    counts = KmerEncoder(3).fit_transform(texts)
    for row, own, text in zip(counts, ids, texts, strict=True):
        assert len(own) == len(text) - 2
        np.testing.assert_array_equal(np.bincount(own[:, 0], minlength=65)[1:], row)
        for i, word in enumerate(own[:, 0]):
            assert (word == 0) == ("N" in text[i : i + 3])
    y = np.array(list("abababab"))
    model = make_pipeline(KmerEncoder(3, output="ids"), GRUClassifier(hidden_size=4, max_epochs=2, random_state=0))
    assert set(model.fit(texts, y).predict(texts)) <= {"a", "b"}


def test_positions_are_words_at_their_places():
    texts = random_dna(6, 12, 13)
    encoder = KmerEncoder(3, output="positions", sparse_output=True).fit(texts)
    names, found = encoder.get_feature_names_out(), encoder.transform(texts)
    assert found.shape == (6, 10 * 64)
    for text, row in zip(texts, found.toarray(), strict=True):
        assert set(names[row > 0]) == {f"{i}_{text[i : i + 3]}" for i in range(10)}
    same = KmerEncoder(1, output="positions").fit_transform(texts)
    np.testing.assert_array_equal(same, SequenceOneHotEncoder(output="flat").fit_transform(texts))


def test_blur_spreads_a_word_over_its_neighbours():
    texts = random_dna(6, 12, 13)
    sharp = KmerEncoder(2, output="positions").fit_transform(texts).reshape(6, 11, 16)
    steps = np.arange(11)
    gauss = np.exp(-0.5 * ((steps[:, None] - steps) / 0.6) ** 2)
    gauss[np.abs(steps[:, None] - steps) > 2] = 0.0  # three deviations, rounded up
    found = KmerEncoder(2, output="positions", blur=0.6).fit_transform(texts).reshape(6, 11, 16)
    np.testing.assert_allclose(found, np.einsum("ntw,ts->nsw", sharp, gauss), atol=1e-6)
    assert KmerEncoder(2, output="positions", blur=5.0, values="presence").fit_transform(texts).max() == 1.0
    short = KmerEncoder(2, output="positions", blur=9.0).fit_transform(["AC", "GT"])  # a single place
    assert short.sum(axis=1).tolist() == [1.0, 1.0]


# -- the other strand --------------------------------------------------------------------------------------------------


def test_reverse_complement():
    text = "ACGTRYSWKMBDHVN-.acgtn"
    assert reverse_complement(text) == "nacgt.-NBDHVKMWSRYACGT"
    assert reverse_complement(reverse_complement(text)) == text
    assert reverse_complement("AUGC", alphabet="rna") == "GCAU"
    for code, letters in CODES.items():
        assert set(CODES[reverse_complement(code)]) == {reverse_complement(letter) for letter in letters}
    assert reverse_complement(("AC", "G")) == ("GT", "C")
    array = np.array(["AC", "GGG"])
    assert reverse_complement(array).tolist() == ["GT", "CCC"] and isinstance(reverse_complement(array), np.ndarray)
    series = pd.Series(["AC", "GG"], index=[5, 7], name="dna")
    pd.testing.assert_series_equal(reverse_complement(series), pd.Series(["GT", "CC"], index=[5, 7], name="dna"))
    assert reverse_complement(series.astype("category")).tolist() == ["GT", "CC"]
    assert reverse_complement(pl.Series("dna", ["AC"])).to_list() == ["GT"]
    with pytest.raises(ValueError, match=r"sequence 1 has 'U' as letter 2; .*use alphabet='rna'"):
        reverse_complement(["AC", "ACU"])
    with pytest.raises(ValueError, match="'dna' or 'rna'"):
        reverse_complement("MK", alphabet="protein")


def test_one_hot_of_the_other_strand_is_both_axes_turned_round():
    texts = random_dna(4, 9, 10, letters="".join(CODES))
    encoder = SequenceOneHotEncoder(output="array").fit(texts)
    np.testing.assert_array_equal(encoder.transform(reverse_complement(texts)), encoder.transform(texts)[:, ::-1, ::-1])


def batch_of(sequences):
    lengths = torch.as_tensor(sequences.lengths)
    x = torch.from_numpy(np.nan_to_num(sequences.to_padded()))
    mask = torch.arange(x.shape[1]) < lengths[:, None]
    n = len(lengths)
    return Batch(x, mask, torch.zeros(n, dtype=torch.long), torch.full((n,), 1.0 / n), [n])


def test_augmentation_gives_the_other_strand_of_some():
    texts = random_dna(400, 1, 12)
    encoder = SequenceOneHotEncoder().fit(texts)
    one, other = batch_of(encoder.transform(texts)), batch_of(encoder.transform(reverse_complement(texts)))
    every = Augment((("reverse_complement", 1.0),))(
        one, Draw([np.random.default_rng(0)]), SimpleNamespace(scaling=None)
    )
    torch.testing.assert_close(every.x, other.x, rtol=0, atol=0)
    assert every.mask is one.mask and every.target is one.target
    some = Augment((("reverse_complement", 0.3),))(
        one, Draw([np.random.default_rng(0)]), SimpleNamespace(scaling=None)
    ).x
    kept, turned = (some == one.x).all(dim=(1, 2)), (some == other.x).all(dim=(1, 2))
    assert (kept | turned).all()
    assert abs(turned[~(kept & turned)].double().mean() - 0.3) < 0.08  # three deviations


def test_augmentation_trains_and_refuses_what_is_no_dna():
    texts, y = random_dna(24, 12, 13), list("ab" * 12)
    model = make_pipeline(
        SequenceOneHotEncoder(),
        CNNClassifier(n_filters=4, n_blocks=1, max_epochs=2, augment="reverse_complement", random_state=0),
    ).fit(texts, y)
    again = clone(model).fit(texts, y)
    np.testing.assert_array_equal(model.predict_proba(texts), again.predict_proba(texts))
    with pytest.raises(ValueError, match=r"with 20 features; wanted 4.*SequenceOneHotEncoder"):
        clone(model).set_params(sequenceonehotencoder__alphabet="protein").fit(["ACDE"] * 4, list("abab"))


# -- what is read, and refused -------------------------------------------------------------------------------------------


@each_encoder
def test_lists_arrays_series_and_frames_are_the_same(encoder):
    texts = random_dna(7)
    wanted = dense(clone(encoder).fit_transform(texts))
    forms = [tuple(texts), np.array(texts), np.array(texts, dtype=object), np.array(texts)[:, None], pd.Series(texts)]
    forms += [pd.DataFrame({"dna": texts}), pl.Series("dna", texts), [np.str_(text) for text in texts]]
    for form in forms:
        np.testing.assert_array_equal(dense(clone(encoder).fit(form).transform(form)), wanted)


@each_encoder
def test_mates_change_nothing_and_copies_answer_alike(encoder, tmp_path):
    texts = random_dna(7)
    fitted = clone(encoder).fit(texts)
    wanted = fitted.transform(texts)
    for i, text in enumerate(texts):
        np.testing.assert_array_equal(
            dense(fitted.transform([text])),
            dense(wanted[i : i + 1].to_block() if isinstance(wanted, Sequences) else wanted[[i]]),
        )
    save(fitted, tmp_path / "encoder.skseq")
    for other in (pickle.loads(pickle.dumps(fitted)), load(tmp_path / "encoder.skseq"), clone(fitted).fit(texts)):
        np.testing.assert_array_equal(dense(other.transform(texts)), dense(wanted))
    tags = get_tags(encoder).input_tags
    assert tags.string and not tags.two_d_array and not tags.three_d_array
    check_param_validation(type(encoder).__name__, clone(encoder))


FIT = [
    (
        SequenceOneHotEncoder(),
        ["ACXT"],
        r"^X\[0\], letter 2, is 'X'; wanted letters of alphabet='dna', ACGT, or the codes .*N.*ignore",
    ),
    (SequenceOneHotEncoder(), ["AC", "ACGU"], r"^X\[1\], letter 3, is 'U'; .* Use alphabet='rna'\."),
    (SequenceOneHotEncoder("rna"), ["ACGT"], r"Use alphabet='dna'"),
    (SequenceOneHotEncoder(), ["AC", "Å"], r"^X\[1\], letter 0, is 'Å'"),
    (SequenceOneHotEncoder(), ["AC", ""], r"^X\[1\] is an empty text; wanted at least one letter\. Leave it out"),
    (SequenceOneHotEncoder(), "ACGT", r"^X is one text, 'ACGT'; wanted a list of them\. Give \[X\]"),
    (SequenceOneHotEncoder(), [], "X is empty; wanted at least one text"),
    (SequenceOneHotEncoder(), [1, 2], r"^X\[0\] is 1, of type int; wanted .* text"),
    (SequenceOneHotEncoder(), np.zeros((3, 4)), r"of shape \(3, 4\); wanted .* text"),
    (SequenceOneHotEncoder(), [["AC", "GT"]], r"^X\[0\] is \['AC', 'GT'\], of type list"),
    (SequenceOneHotEncoder("A"), ["A"], "at least two different letters"),
    (SequenceOneHotEncoder("AA"), ["A"], "at least two different letters"),
    (SequenceOneHotEncoder(output="flat"), ["ACG", "AC"], r"^X\[1\] has 2 letters; wanted 3, .*output='flat'"),
    (KmerEncoder(alphabet="protein", canonical=True), ["AC"], "two strands"),
    (KmerEncoder(3, canonical=True, max_gap=1), ["ACGT"], "wanted an even k.* Use k=4"),
    (KmerEncoder(2, output="ids", max_gap=1), ["ACGT"], "Use max_gap=0"),
    (KmerEncoder(40), ["ACGT"], "at most 2\\*\\*62 words"),
    (KmerEncoder(3, output="ids"), ["ACG", "AC"], r"^X\[1\] has 2 letters; wanted at least k=3 with output='ids'"),
    (KmerEncoder(2, output="positions"), ["ACG", "AC"], r"^X\[1\] has 2 letters; wanted 3"),
]


@pytest.mark.parametrize(("encoder", "X", "message"), FIT, ids=[row[2][:25] for row in FIT])
def test_what_fit_refuses(encoder, X, message):
    with pytest.raises((ValueError, TypeError), match=message):
        encoder.fit(X)
    fitted = SequenceOneHotEncoder().fit(["ACGT"])
    before = dict(vars(fitted))
    with pytest.raises((ValueError, TypeError)):
        fitted.set_params(unknown="error").fit([*["ACGT"] * 3, "?"])
    assert vars(fitted).keys() == before.keys()


OTHERS = {
    "k": 4,
    "max_gap": 1,
    "canonical": True,
    "values": "shares",
    "blur": 1.0,
    "sparse_output": True,
    "alphabet": "rna",
}


@pytest.mark.parametrize("output", ["counts", "positions", "ids"])
@pytest.mark.parametrize("name", [*OTHERS, "output"])
def test_parameters_set_after_fit_wait_for_the_next(name, output):
    X = ["ACGTAC", "GGTTAC"]
    encoder = KmerEncoder(3, output=output).fit(X)
    wanted = encoder.transform(X)
    names = list(encoder.get_feature_names_out()) if output != "ids" else None
    value = OTHERS.get(name, "ids" if output == "counts" else "counts")
    changed = pickle.loads(pickle.dumps(encoder.set_params(**{name: value})))
    np.testing.assert_array_equal(changed.transform(X), wanted)
    assert (list(changed.get_feature_names_out()) if hasattr(changed, "get_feature_names_out") else None) == names
    assert changed.get_params()[name] == value


@pytest.mark.parametrize("given", [["AC", None], ["AC", b"AC"], ["AC", 3], ["AC", float("nan")]], ids=repr)
def test_a_sample_that_is_no_text_is_named(given):
    with pytest.raises(TypeError, match=re.escape("X[1]")):
        KmerEncoder().fit(given)


def test_a_sample_that_is_missing_is_told_alone_as_among_others():
    for given in ([None], pd.Series([float("nan"), None], dtype=object)):
        with pytest.raises(TypeError, match=r"^X\[0\] is missing; wanted a str"):
            SequenceOneHotEncoder().fit(given)


def test_unknown_characters_are_ignored_where_asked():
    found = SequenceOneHotEncoder(unknown="ignore").fit_transform(["A?C\N{SNOWMAN}"])[0]
    np.testing.assert_array_equal(found.sum(axis=1), [1, 0, 1, 0])
    counts = KmerEncoder(2, unknown="ignore").fit_transform(["AC?GT"])
    assert counts.sum() == 2  # AC and GT
    with pytest.raises(ValueError, match=r"^X\[0\] has 5 letters; wanted 4"):
        SequenceOneHotEncoder(output="array").fit(["ACGT"]).transform(["ACGTA"])


def test_searches_find_a_planted_motif():
    texts = random_dna(80, 30, 31)
    y = np.arange(80) % 2
    texts = [text[:7] + "TATAAT" + text[13:] if label else text for text, label in zip(texts, y, strict=True)]
    model = make_pipeline(KmerEncoder(values="presence"), LogisticRegression(C=0.1))
    search = GridSearchCV(model, {"kmerencoder__k": [1, 4]}, cv=3).fit(texts, y)
    assert search.best_params_ == {"kmerencoder__k": 4} and search.best_score_ > 0.9
    both = make_pipeline(KmerEncoder(4, canonical=True), LogisticRegression(C=0.1))
    turned = [reverse_complement(text) if i % 4 < 2 else text for i, text in enumerate(texts)]
    assert cross_val_score(both, turned, y, cv=3).mean() > 0.85


# -- files -------------------------------------------------------------------------------------------------------------


def test_read_fasta(tmp_path):
    text = ">one  the first\nACGT\r\nacgn\n\n;a comment\n>two\nMK-*\n"
    (tmp_path / "a.fa").write_bytes(text.encode())
    for name in ("a.fa.gz", "a.fa.GZ", "packed.fa"):
        (tmp_path / name).write_bytes(gzip.compress(text.encode()))
    (tmp_path / "marked.fa").write_bytes(text.encode("utf-8-sig"))
    for name in ("a.fa", "a.fa.gz", "a.fa.GZ", "packed.fa", "marked.fa"):
        found = read_fasta(tmp_path / name)
        assert found.sequences == ["ACGTacgn", "MK-*"]
        assert found.names == ["one", "two"] and found.descriptions == ["the first", ""]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_names_in_fasta_need_not_be_ascii(encoding, tmp_path):
    # the second byte of the first letter in UTF-8 ends a line in latin-1
    (tmp_path / "a.fa").write_bytes(">Åke Gösta\rACGT\r>two\rGG".encode(encoding))
    assert read_fasta(tmp_path / "a.fa") == (["ACGT", "GG"], ["Åke", "two"], ["Gösta", ""])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no sequence"),
        ("ACGT\n", "line 1: 'ACGT'; wanted a line that begins with >"),
        (">a\n>b\nAC\n", "line 1: 'a' has no letters"),
        (">a\nAC\n>b\n", "line 3: 'b' has no letters.*cut off"),
        (">a\nAC1\n", "line 2: '1'; wanted letters"),
        (">a\nA C\n", "line 2: ' '; wanted letters"),
    ],
)
def test_broken_fasta_is_refused_by_line(text, message, tmp_path):
    (tmp_path / "a.fa").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_fasta(tmp_path / "a.fa")
    rng = np.random.default_rng(0)
    packed = gzip.compress(f">a\n{''.join(rng.choice(list('ACGT'), size=3000))}\n".encode())
    for i, at in enumerate(rng.integers(10, len(packed), size=30)):
        wrong = packed[:at] if i % 2 else packed[:at] + bytes([packed[at] ^ 0x55]) + packed[at + 1 :]
        (tmp_path / "c.gz").write_bytes(wrong)
        with pytest.raises(ValueError, match=r"c\.gz cannot be unpacked"):
            read_fasta(tmp_path / "c.gz")
    (tmp_path / "b.gz").write_text(">a\nAC\n")
    with pytest.raises(ValueError, match="no gzip file"):
        read_fasta(tmp_path / "b.gz")
