"""Text and token ids: containers, encoders, learnt embeddings, and what is said of what is none."""

import pickle
import re
import sys
import unicodedata

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline

from sklearn_seq import (
    DeepEnsembleClassifier,
    GRUClassifier,
    GRURegressor,
    LSTMClassifier,
    MCDropoutClassifier,
    ResNetClassifier,
    RocketClassifier,
    Sequences,
    SequenceScaler,
    TextEncoder,
    TransformerClassifier,
    WordPartsEncoder,
    joint_training,
    load,
    save,
)
from sklearn_seq.layers.dropout import Draws, give_draws
from sklearn_seq.layers.embedding import TokenEmbedding, embedding_size
from sklearn_seq.preprocessing._words import cut_words
from sklearn_seq.sequences.texts import texts_of

TEXTS = ["The cat sat.", "the dog, the dog!", "", "a cat"]
rng = np.random.default_rng(0)
WORDS = ["".join(rng.choice(list("abcd"), size=n)) for n in rng.integers(1, 9, size=40)]
LABELS = np.array(["many" if text.count("a") > 1 else "few" for text in WORDS])
SMALL = {"hidden_size": 8, "max_epochs": 3, "random_state": 0}


def ids_of(sequences):
    return [ids.ravel().tolist() for ids in sequences]


# -- the container -----------------------------------------------------------------------------------------------------


def test_sequences_keep_the_size_of_the_vocabulary():
    X = Sequences.from_tokens([[1, 2, 1], [3], np.array([[0], [2]])], n_tokens=4)
    assert repr(X) == "Sequences(3 sequences, 1 to 3 timesteps, ids of 4 tokens, int64)"
    for same in (X, X[:2], X[[2, 0]], X[np.array([True, False, True])], X[[1, 0]].to_block()):
        assert same.n_tokens == 4
    kept = pickle.loads(pickle.dumps(X[[2, 0]]))
    assert kept.n_tokens == 4 and ids_of(kept) == [[0, 2], [1, 2, 1]]
    assert X.map_values(X.values + 1).n_tokens == 4
    assert X.map_values(X.values * 0.5).n_tokens is None  # amounts
    assert X != Sequences.from_tokens([[1, 2, 1], [3], [0, 2]], n_tokens=5)
    assert Sequences.from_tokens([*X[:1], *X[1:]], X.n_tokens) == X
    numbers = Sequences.from_list([np.zeros((2, 1))])
    for parts, how in (([X, X], r"from_tokens\(\[\*a, \*b\], n_tokens=4\)"), ([numbers], r"from_list\(\[\*a, \*b\]\)")):
        for join in (Sequences.from_list, lambda parts: Sequences.from_tokens(parts, 4)):
            with pytest.raises(
                ValueError, match=rf"^sequence 0 is Sequences\(.*; wanted an array\. Join a and b by .*{how}"
            ):
                join(parts)
    assert X != Sequences(X.values, X.starts, X.stops)
    assert X == Sequences(X.values.astype(np.uint8), X.starts, X.stops, n_tokens=4)


def test_overlapping_windows_of_ids_are_ids():
    text = Sequences(np.arange(6) % 3, [0, 1, 2], [4, 5, 6], n_tokens=3)
    assert text.overlapping and ids_of(text[1:]) == [[1, 2, 0, 1], [2, 0, 1, 2]]
    assert GRUClassifier(**SMALL).fit(text, [0, 1, 0]).predict(text[:1]).shape == (1,)


@pytest.mark.parametrize(
    ("ids", "n_tokens", "error", "message"),
    [
        (
            [[1.0]],
            4,
            TypeError,
            r"^token ids must be whole numbers; got dtype float64\. Turn text into ids by TextEncoder",
        ),
        (
            [[1], [0, 4]],
            4,
            ValueError,
            r"^sequence 1 has the id 4 at time step 1; wanted ids from 0 to n_tokens - 1 = 3",
        ),
        ([[-1]], 4, ValueError, r"^sequence 0 has the id -1 at time step 0; wanted ids from 0"),
        ([[1]], 0, ValueError, r"^n_tokens=0; wanted the size of the vocabulary"),
        ([[1]], 2.0, ValueError, r"^n_tokens=2\.0; wanted the size of the vocabulary"),
        ([np.zeros((2, 2), int)], 4, ValueError, r"^sequence 0 has shape \(2, 2\); wanted \(n_timesteps,\)"),
        ([], 4, ValueError, "^got 0 sequences; wanted at least one"),
    ],
)
def test_ids_that_are_none(ids, n_tokens, error, message):
    with pytest.raises(error, match=message):
        Sequences.from_tokens(ids, n_tokens)


# -- which X is text ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "X",
    [
        ("a", "b"),
        np.array(["a", "b"]),
        np.array(["a", "b"], dtype=object),
        np.array([["a"], ["b"]]),
        np.array(["a", "b"], dtype=np.dtypes.StringDType()),
        pd.Series(["a", "b"]),
        pd.Series(["a", "b"], dtype="string", index=[5, 3]),
        pd.Series(["a", "b"], dtype="category"),
        pd.DataFrame({"text": ["a", "b"]}),
        pl.Series(["a", "b"]),
        pl.DataFrame({"text": ["a", "b"]}),
        [np.str_("a"), "b"],
    ],
    ids=lambda X: type(X).__name__,
)
def test_forms_of_text(X):
    assert texts_of(X) == ["a", "b"]
    encoder = TextEncoder("character").fit(X)
    assert ids_of(encoder.transform(X)) == [[1], [2]]


@pytest.mark.parametrize("X", [[["a", "b"], ["c"]], (("a", "b"), np.array(["c"])), pl.Series([["a", "b"], ["c"]])])
def test_lists_of_words_are_texts_that_were_split(X):
    assert texts_of(X) == [["a", "b"], ["c"]]


@pytest.mark.parametrize(
    "X", [[1, 2], [np.zeros(3)], [[1.0, 2.0], [3.0]], np.zeros((2, 2)), pd.Series([1.0]), [], "abc", None]
)
def test_numbers_are_no_text(X):
    assert texts_of(X) is None


# -- the encoder ---------------------------------------------------------------------------------------------------------


def test_words_are_those_of_scikit_learn():
    pattern = r"(?u)\b\w\w+\b"
    theirs = CountVectorizer(token_pattern=pattern).fit(TEXTS)
    ours = TextEncoder(token_pattern=pattern).fit(TEXTS)
    assert {word: i + 1 for word, i in theirs.vocabulary_.items()} == ours.vocabulary_
    counts = theirs.transform(TEXTS).toarray()
    for row, ids in zip(counts[[0, 1, 3]], ours.transform(TEXTS)[[0, 1, 3]], strict=True):
        np.testing.assert_array_equal(np.bincount(ids.ravel(), minlength=ours.n_tokens_)[1:], row)


def words_by_hand(text):
    """Runs of letters and the marks on them, and signs; character by character."""
    words, inside = [], False
    for character in text:
        mark = unicodedata.category(character)[0] == "M" or character in "\u200c\u200d"
        letter = character.isalnum() or character == "_"
        if words and words[-1] and (mark or (letter and inside)):
            words[-1] += character
        elif character.isspace():
            words.append("")
        else:
            words.append(character)
        inside = letter or (mark and inside)
    return [word for word in words if word]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("हिन्दी में लिखा है, ठीक?", ["हिन्दी", "में", "लिखा", "है", ",", "ठीक", "?"]),
        ("ที่นี่ ไทย", ["ที่นี่", "ไทย"]),
        ("cafe\u0301s -\u0301 d", ["cafe\u0301s", "-\u0301", "d"]),
        ("می\u200cخواهم بروم", ["می\u200cخواهم", "بروم"]),
        ("i \u2764\ufe0f it", ["i", "\u2764\ufe0f", "it"]),
        ("\u0301", ["\u0301"]),
    ],
)
def test_marks_stay_with_their_words(text, words):
    assert words_by_hand(text) == words
    encoder = TextEncoder().fit([text])
    assert list(encoder.vocabulary_) == sorted(words)
    assert ids_of(encoder.transform([text])) == [[encoder.vocabulary_[word] for word in words]]


def test_words_of_any_characters_are_those_by_hand():
    rng = np.random.default_rng(0)
    letters = [
        *map(chr, range(128)),
        *"éßñ’…—«中文字ढ़िकी็ก\u0301\u0345\u200d\u200c\ufe0f\u20e3😀\U0001d165\U000e0100 \u3000",
    ]
    for high in (128, len(letters)):
        for _ in range(300):
            text = "".join(rng.choice(letters[:high], size=30))
            assert cut_words(text) == words_by_hand(text)
            if high == 128:
                assert cut_words(text) == re.findall(r"\w+|[^\w\s]", text)


def test_capitals_and_signs():
    assert list(TextEncoder().fit(["Hi, Bob"]).vocabulary_) == [",", "bob", "hi"]
    assert list(TextEncoder(lowercase=False).fit(["Hi, Bob"]).vocabulary_) == [",", "Bob", "Hi"]
    assert "H" in TextEncoder("character").fit(["Hi"]).vocabulary_
    assert "H" not in TextEncoder("character", lowercase=True).fit(["Hi"]).vocabulary_
    assert list(TextEncoder().fit([["New York", "is"], []]).vocabulary_) == ["is", "new york"]


def test_small_letters_are_as_many_as_capitals():
    turkish = "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}stanbul"
    assert list(TextEncoder().fit([turkish]).vocabulary_) == ["istanbul"]
    every = "".join(map(chr, range(0x20000)))
    assert TextEncoder("character", lowercase=True).fit([every]).transform([every]).lengths.tolist() == [len(every)]


def test_rare_tokens_and_all_but_the_most_frequent_are_unknown():
    texts = ["a a a b b c", "d d"]
    assert list(TextEncoder(min_count=2).fit(texts).vocabulary_) == ["a", "b", "d"]
    encoder = TextEncoder(max_tokens=2).fit(texts)  # b before d: among equals by the alphabet
    assert encoder.vocabulary_ == {"a": 1, "b": 2} and encoder.n_tokens_ == 3
    assert ids_of(encoder.transform(texts)) == [[1, 1, 1, 2, 2, 0], [0, 0]]


def test_marks_and_empty_texts():
    encoder = TextEncoder("character", begin=True, end=True).fit(["ab"])
    assert (encoder.begin_id_, encoder.end_id_, encoder.vocabulary_) == (1, 2, {"a": 3, "b": 4})
    assert ids_of(encoder.transform(["ba", ""])) == [[1, 4, 3, 2], [1, 2]]
    only_end = TextEncoder("character", end=True).fit(["ab"])
    assert (only_end.begin_id_, only_end.end_id_) == (None, 1)
    plain = TextEncoder("character").fit(["ab"])
    assert ids_of(plain.transform(["", "x", "ab"])) == [[0], [0], [1, 2]]
    assert encoder.inverse_transform(encoder.transform(["ba", ""])) == ["ba", ""]
    assert plain.inverse_transform([[1, 0, 2]]) == ["a\N{REPLACEMENT CHARACTER}b"]


@given(st.lists(st.text(alphabet="abc é\N{SNOWMAN}\n", min_size=1), min_size=1))
def test_characters_come_back(texts):
    encoder = TextEncoder("character").fit(texts)
    assert encoder.inverse_transform(encoder.transform(texts)) == texts
    assert encoder.inverse_transform(ids_of(encoder.transform(texts))) == texts
    again = TextEncoder("character").fit(texts[::-1] * 2)
    assert again.vocabulary_ == encoder.vocabulary_  # neither order nor copies matter


def test_byte_pairs():
    pytest.importorskip("tokenizers")
    texts = ["low lower lowest", "new newer newest", "low new"] * 5
    encoder = TextEncoder("bpe", max_tokens=30).fit(texts)
    assert encoder.n_tokens_ <= 31
    assert {"\N{LOWER ONE EIGHTH BLOCK}low", "\N{LOWER ONE EIGHTH BLOCK}new"} <= encoder.vocabulary_.keys()
    X = encoder.transform([*texts, ""])
    assert encoder.inverse_transform(X) == [*texts, "\N{REPLACEMENT CHARACTER}"]
    assert max(X.lengths[:3]) < 10  # pieces, not letters
    spaced = [" low", "  new low ", " ", "low  ", " .low, new."]
    spaces = TextEncoder("bpe").fit(texts + spaced)
    assert spaces.inverse_transform(spaces.transform(spaced)) == spaced
    assert 0 in ids_of(encoder.transform(["zzz low"]))[0]
    assert pickle.loads(pickle.dumps(encoder)).transform(texts) == encoder.transform(texts)
    assert ids_of(TextEncoder("bpe").fit(texts[::-1]).transform(texts)) == ids_of(
        TextEncoder("bpe").fit(texts).transform(texts)
    )


def test_byte_pairs_are_as_many_and_as_frequent_as_said():
    pytest.importorskip("tokenizers")
    texts = ["abcdefgh abc", "ab a"]
    few = TextEncoder("bpe", max_tokens=3).fit(texts)
    assert list(few.vocabulary_) == ["a", "b", "\N{LOWER ONE EIGHTH BLOCK}"]  # four, three and four times
    often = TextEncoder("bpe", min_count=2).fit(texts)
    assert {"a", "b", "c"} <= often.vocabulary_.keys() and not {"d", "e", "f", "g", "h"} & often.vocabulary_.keys()
    assert often.inverse_transform(often.transform(["abd"])) == ["ab\N{REPLACEMENT CHARACTER}"]
    without_end = TextEncoder("bpe", max_tokens=2**60).fit(texts)  # room for as many would end the process
    assert without_end.vocabulary_ == TextEncoder("bpe").fit(texts).vocabulary_


@pytest.mark.parametrize("level", ["character", "word", "bpe"])
def test_half_a_pair_of_surrogates_is_a_character_like_others(level):
    """As ``open(..., errors="surrogateescape")`` gives them."""
    if level == "bpe":
        pytest.importorskip("tokenizers")
    encoder = TextEncoder(level).fit(["a\ud800b", "a b"])
    assert len(encoder.transform(["a\udfff"])) == 1 and ids_of(encoder.transform(["\udfff"]))[0][-1] == 0


def test_byte_pairs_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(
        ImportError, match=r"^level='bpe' needs the package tokenizers: pip install 'sklearn_seq\[text\]'"
    ):
        TextEncoder("bpe").fit(TEXTS)


@pytest.mark.parametrize(
    ("params", "X", "error", "message"),
    [
        ({}, "one text", ValueError, r"^X is a str; one text is \[X\]; TextEncoder wanted a list of str"),
        ({}, np.zeros((3, 2)), ValueError, r"^X is a ndarray without text; TextEncoder wanted a list of str"),
        ({}, ["a", None], TypeError, r"^X\[1\] is missing; wanted a str, as other samples are\. Fill missing texts"),
        ({}, [["a"], None], TypeError, r"^X\[1\] is missing; wanted a list of str, the words of one text"),
        (
            {},
            [["a", None]],
            TypeError,
            r"^X\[0\] is a list with a missing entry; wanted a list of str, the words of one",
        ),
        (
            {},
            pd.Series([np.nan]),
            TypeError,
            r"^X\[0\] is missing; wanted a str, as other samples are\. Fill missing texts",
        ),
        (
            {},
            pd.DataFrame({"title": ["a"], "body": ["b"]}),
            ValueError,
            r"^X is a DataFrame of 2 columns; one of them is X\[column\]; TextEncoder wanted a list of str",
        ),
        ({}, [3, "a"], TypeError, r"^X\[0\] is of type int; wanted a str, as other samples are"),
        ({}, [], ValueError, r"^Found array with 0 sample\(s\): X is empty; wanted at least one text"),
        (
            {"level": "character"},
            [["a"]],
            ValueError,
            r"^X\[0\] is a list of words, but level='character' splits texts",
        ),
        ({"token_pattern": "("}, TEXTS, ValueError, r"^token_pattern='\(' is no regular expression"),
        ({"token_pattern": "(a)(b)"}, TEXTS, ValueError, r"^token_pattern=.* has several groups; wanted one at most"),
        ({"level": "sentence"}, TEXTS, ValueError, r"^The 'level' parameter of TextEncoder must be"),
    ],
)
def test_what_the_encoder_refuses(params, X, error, message):
    fitted = TextEncoder().fit(TEXTS)
    before = dict(vars(fitted.set_params(**params)))
    with pytest.raises(error, match=message):
        fitted.fit(X)
    assert vars(fitted) == before


@pytest.mark.parametrize(
    ("encoder", "changes"),
    [
        (
            TextEncoder(),
            {"level": "character", "lowercase": False, "token_pattern": "[a-z]", "begin": True, "max_tokens": 1},
        ),
        (TextEncoder("character"), {"level": "word", "lowercase": True, "end": True}),
        (TextEncoder(token_pattern=r"\S+", lowercase=False), {"token_pattern": None, "lowercase": "auto"}),
        (WordPartsEncoder(), {"prefixes": 1, "suffixes": 0}),
    ],
    ids=str,
)
def test_encoders_answer_by_the_parameters_of_their_fit(encoder, changes):
    texts = ["The cat sat.", "the dog, the dog!", "a cat"]
    wanted = clone(encoder).fit(texts).transform(texts)
    for name, value in changes.items():
        changed = clone(encoder).fit(texts).set_params(**{name: value})
        for one in (changed, pickle.loads(pickle.dumps(changed))):
            assert ids_of(one.transform(texts)) == ids_of(wanted)
            if hasattr(one, "inverse_transform"):
                assert one.inverse_transform(wanted) == clone(encoder).fit(texts).inverse_transform(wanted)
        assert ids_of(changed.fit(texts).transform(texts)) == ids_of(
            clone(encoder).set_params(**{name: value}).fit_transform(texts)
        )


def test_an_encoder_refuses_ids_of_another():
    with pytest.raises(
        ValueError, match=r"^X holds ids of 9 tokens, but this TextEncoder knows 3; wanted ids that it made"
    ):
        TextEncoder("character").fit(["ab"]).inverse_transform(Sequences.from_tokens([[8]], 9))


# -- the layer -----------------------------------------------------------------------------------------------------------


def test_an_embedding_is_a_product_with_one_hot_rows():
    torch.manual_seed(0)
    layer = TokenEmbedding(5, 3).double()
    assert not layer.weight[0].any()
    x, mask = torch.tensor([[1, 4, 0], [2, 3, 3]])[..., None], torch.tensor([[1, 1, 0], [1, 1, 1]]).bool()
    one_hot = torch.nn.functional.one_hot(x[..., 0], 5).double() * mask[..., None]
    found = layer(x, mask)
    torch.testing.assert_close(found, one_hot @ layer.weight, rtol=0, atol=0)
    (found**3).sum().backward()
    assert not layer.weight.grad[0].any()  # padding teaches nothing


def test_tokens_are_dropped_whole_at_their_rate():
    layer = TokenEmbedding(3, 4, dropout=0.3)
    torch.nn.init.ones_(layer.weight)
    layer.weight.data[0] = -1.0
    give_draws(layer, Draws([torch.Generator().manual_seed(0)]))
    found = layer.train()(torch.ones(200, 50, 1, dtype=torch.long), None)
    assert set(found.unique().tolist()) == {-1.0, 1.0}
    assert (found == found[..., :1]).all()
    assert abs((found[..., 0] < 0).double().mean() - 0.3) < 0.02
    assert (layer.eval()(torch.ones(2, 5, 1, dtype=torch.long), None) == 1.0).all()


def test_size_of_an_embedding():
    sizes = [embedding_size(n) for n in (2, 100, 1000, 50_000)]
    assert sizes == sorted(sizes)
    model = GRUClassifier(**SMALL).fit(WORDS, LABELS)
    assert model.module_.scaling.weight.shape == (5, embedding_size(5))
    model = GRUClassifier(embedding_size=7, **SMALL).fit(WORDS, LABELS)
    assert model.module_.scaling.weight.shape == (5, 7)


# -- in estimators -------------------------------------------------------------------------------------------------------


def test_strings_are_read_as_characters():
    model = LSTMClassifier(**SMALL).fit(WORDS, LABELS)
    assert model.encoder_.vocabulary_ == {"a": 1, "b": 2, "c": 3, "d": 4}
    encoder = TextEncoder("character").fit(WORDS)
    same = LSTMClassifier(**SMALL).fit(encoder.transform(WORDS), LABELS)
    assert not hasattr(same, "encoder_")
    wanted = model.decision_function(WORDS)
    np.testing.assert_array_equal(same.decision_function(encoder.transform(WORDS)), wanted)
    network = model.module_  # by torch alone
    for text, logit in zip(WORDS[:5], wanted, strict=False):
        ids = torch.tensor([model.encoder_.vocabulary_[letter] for letter in text])
        (layer,) = network.body.forward_layers
        hidden = layer(network.scaling.weight[ids][None])[0]
        logits = network.head(torch.cat([hidden[:, -1], hidden.mean(1), hidden.amax(1)], dim=-1))[0].detach()
        assert abs(float(logits[1] - logits[0]) - logit) < 1e-5


def test_lists_of_words_are_read_as_words():
    X = [list(text) for text in WORDS]
    model = GRUClassifier(**SMALL).fit(X, LABELS)
    assert model.encoder_.level == "word" and list(model.encoder_.vocabulary_) == list("abcd")
    assert model.predict(X).shape == (40,)


def test_a_task_on_text_is_learnt():
    X = ["".join(np.random.default_rng(i).choice(list("abcd"), size=12)) for i in range(200)]
    counts = np.array([text.count("a") for text in X], dtype=float)
    model = GRURegressor(random_state=0, max_epochs=20).fit(X[:150], counts[:150])
    assert model.score(X[150:], counts[150:]) > 0.95
    pipe = make_pipeline(TextEncoder("character"), GRURegressor(random_state=0, max_epochs=20))
    assert pipe.fit(X[:150], counts[:150]).score(X[150:], counts[150:]) > 0.95


def test_the_unknown_token_is_trained_by_dropping_tokens():
    dropped = GRUClassifier(token_dropout=0.3, **SMALL).fit(WORDS, LABELS).module_.scaling.weight[0]
    never = GRUClassifier(token_dropout=0.0, **SMALL).fit(WORDS, LABELS).module_.scaling.weight[0]
    assert dropped.any() and not never.any()


def test_searches_and_training_together():
    model = GRUClassifier(hidden_size=16, max_epochs=3, random_state=0)
    search = GridSearchCV(model, {"lr": [1e-2, 1e-3], "token_dropout": [0.0, 0.3]}, cv=2)
    alone = search.fit(WORDS, LABELS)
    wanted, probabilities = alone.cv_results_["mean_test_score"], alone.predict_proba(WORDS)
    with joint_training():
        together = search.fit(WORDS, LABELS)
    np.testing.assert_allclose(together.cv_results_["mean_test_score"], wanted, atol=1e-6)
    np.testing.assert_allclose(together.predict_proba(WORDS), probabilities, atol=1e-5)
    pipe = make_pipeline(TextEncoder("character"), model)
    assert cross_val_predict(pipe, pd.Series(WORDS), LABELS, cv=2).shape == (40,)


def test_replicas_on_text_are_networks_alone():
    member = GRUClassifier(hidden_size=16, max_epochs=3, token_dropout=0.2)
    model = DeepEnsembleClassifier(member, n_estimators=3, random_state=0).fit(WORDS, LABELS)
    for one in model.estimators_:
        alone = GRUClassifier(**one.get_params()).fit(WORDS, LABELS)
        np.testing.assert_allclose(alone.predict_proba(WORDS), one.predict_proba(WORDS), atol=1e-5)
    assert MCDropoutClassifier(member, random_state=0).fit(WORDS, LABELS).predict_proba(WORDS[:2]).shape == (2, 2)


def test_views_of_changes_are_not_made_of_tokens():
    model = ResNetClassifier(n_filters=4, n_blocks=1, max_epochs=2, random_state=0).fit(WORDS, LABELS)
    assert not any("views" in name for name in dict(model.module_.named_modules()))


@pytest.mark.parametrize("X", ["text", "ids"])
def test_save_and_load(tmp_path, X):
    X = WORDS if X == "text" else TextEncoder("character").fit_transform(WORDS)
    model = GRUClassifier(**SMALL).fit(X, LABELS)
    save(model, tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").predict_proba(X), model.predict_proba(X))
    pipe = make_pipeline(TextEncoder(), GRUClassifier(**SMALL)).fit(WORDS, LABELS)
    save(pipe, tmp_path / "pipe")
    np.testing.assert_array_equal(load(tmp_path / "pipe").predict_proba(WORDS), pipe.predict_proba(WORDS))


def test_going_on_keeps_the_vocabulary():
    model = GRUClassifier(**SMALL)
    model.partial_fit(WORDS, LABELS, classes=["few", "many"])
    model.partial_fit(["xyz", "aax"], ["few", "many"])
    assert list(model.encoder_.vocabulary_) == list("abcd")
    model = GRUClassifier(warm_start=True, **SMALL).fit(WORDS, LABELS)
    assert len(model.fit(["ax", "aax"], ["few", "many"]).loss_curve_) == 6
    early = GRUClassifier(early_stopping=True, **SMALL).fit(WORDS, LABELS, X_val=["xa", ""], y_val=["few", "few"])
    assert len(early.validation_scores_) == 3


def test_augmentations_of_ids():
    model = GRUClassifier(augment={"mask": 0.5, "crop": 0.5}, **SMALL).fit(WORDS, LABELS)
    assert model.module_.scaling.weight[0].any()
    for name in ("jitter", "scaling", "warp", "mixup"):
        message = rf"^augment names '{name}', which changes amounts, but X holds tokens, .*wanted some of crop, mask"
        with pytest.raises(ValueError, match=message):
            GRUClassifier(augment=["mask", name]).fit(WORDS, LABELS)


# -- pre-training ----------------------------------------------------------------------------------------------------------


def test_hidden_tokens_are_learnt_from_their_neighbours():
    letters = [("abc" * 9)[i : i + n] for i in range(3) for n in range(6, 24)]  # 54, all different
    X = TextEncoder("character").fit_transform(letters)
    model = GRUClassifier(hidden_size=16, random_state=0, bidirectional=True).pretrain(X, max_epochs=25)
    first, last = model.pretrain_loss_curve_[0], model.pretrain_loss_curve_[-1]
    assert first > 0.8 and last < 0.5  # guessing costs log 3 = 1.1
    start = model.pretrained_body_["scaling.weight"]
    kept = model.set_params(freeze="*scaling*", max_epochs=1).fit(X, np.arange(54) // 18)
    np.testing.assert_array_equal(kept.module_.scaling.weight.numpy(force=True), start)


def test_a_body_of_patches_is_pretrained_on_tokens(tmp_path):
    X = TextEncoder("character").fit_transform([text * 9 for text in WORDS])
    model = TransformerClassifier(patch_stride=2, **SMALL).pretrain(X, max_epochs=2)
    assert np.isfinite(model.pretrain_loss_curve_).all()
    model.save_body(tmp_path / "body")
    other = TransformerClassifier(patch_stride=2, body=str(tmp_path / "body"), **SMALL).fit(X, LABELS)
    assert other.predict(X).shape == (40,)


def test_pretraining_needs_one_vocabulary_for_all():
    with pytest.raises(ValueError, match=r"^pretrain got text; wanted ids, so that fit reads the same vocabulary"):
        GRUClassifier().pretrain(WORDS)
    X = TextEncoder("character").fit_transform(WORDS)
    model = GRUClassifier(**SMALL).pretrain(X, max_epochs=1)
    with pytest.raises(
        ValueError,
        match=r"does not fit this GRUClassifier: scaling\.weight is of shape \(5, 16\) there; wanted of shape \(99, 32\)",
    ):
        model.fit(Sequences.from_tokens(list(X), 99), LABELS)


# -- what is refused -------------------------------------------------------------------------------------------------------

IDS = Sequences.from_tokens([[1, 2]] * 4, 3)
NUMBERS = np.zeros((4, 2, 1))


@pytest.mark.parametrize(
    ("fitted_on", "given", "message"),
    [
        (
            "text",
            NUMBERS,
            r"^X is a ndarray of shape \(4, 2, 1\) of numbers, but GRUClassifier was fitted on text\. Give texts",
        ),
        *(
            (
                "text",
                ids,
                rf"^X holds ids of {ids.n_tokens} tokens, but GRUClassifier was fitted on text\. Give texts, as in fit",
            )
            for ids in (IDS, Sequences.from_tokens([[1, 2]] * 4, 5))  # as many tokens as WORDS have
        ),
        (
            "ids",
            NUMBERS,
            r"numbers, but .* fitted on ids of 3 tokens\. Give ids as in fit, .*from_tokens\(X, n_tokens=3\)",
        ),
        ("ids", WORDS, r"^X holds texts, such as .*, but .* fitted on ids of 3 tokens\. Put the TextEncoder in front"),
        ("ids", Sequences.from_tokens([[1]], 4), r"^X holds ids of 4 tokens, but .* fitted on ids of 3 tokens"),
        (
            "numbers",
            WORDS,
            r"^X holds texts, such as .*, but .* fitted on 3-D X, which are numbers\. Give numbers, or fit on text",
        ),
        ("numbers", [["a", "b"]], r"^X holds lists of words, such as \['a', 'b'\], but .* fitted on 3-D X"),
        (
            "text",
            [["a", "b"]],
            r"^X holds lists of words, such as \['a', 'b'\], but .* fitted on texts, character by character\.",
        ),
        ("numbers", IDS, r"^X holds ids of 3 tokens, but GRUClassifier was fitted on 3-D X, which are numbers"),
    ],
)
def test_another_kind_than_in_fit(fitted_on, given, message):
    X, y = {"text": (WORDS, LABELS), "ids": (IDS, [0, 1, 0, 1]), "numbers": (NUMBERS, [0, 1, 0, 1])}[fitted_on]
    model = GRUClassifier(**SMALL).fit(X, y)
    for method in (model.predict, model.predict_proba):
        with pytest.raises(ValueError, match=message):
            method(given)


@pytest.mark.parametrize("cls", [RocketClassifier, SequenceScaler])
def test_what_reads_numbers_says_what_reads_text(cls):
    wanted = rf"but {cls.__name__} reads numbers\. Use a network that learns embeddings, such as GRUClassifier, or make numbers"
    with pytest.raises(ValueError, match=r"^X holds texts, such as 'a+b?.*', which are no numbers, " + wanted):
        cls().fit(["ab", *WORDS], ["few", *LABELS])
    with pytest.raises(ValueError, match=r"^X holds ids of 3 tokens, which are names, not amounts, " + wanted):
        cls().fit(IDS, [0, 1, 0, 1])


def test_other_refusals():
    with pytest.raises(
        ValueError, match=r"^adversarial=0\.1 moves numbers a little, but X holds text or tokens, which are names"
    ):
        DeepEnsembleClassifier(GRUClassifier(**SMALL), adversarial=0.1).fit(WORDS, LABELS)
    with pytest.raises(ValueError, match=r"^X\[1\] has 0 timesteps .*Remove the empty ones \(1 of 2\)"):
        GRUClassifier().fit(Sequences.from_tokens([[1], []], 3), [0, 1])
    with pytest.raises(
        ValueError, match=r"^X holds ids of 10000000001 tokens, each of which would get a vector; wanted 16777"
    ):
        GRUClassifier().fit(Sequences.from_tokens([[10**10], [1]], 10**10 + 1), [0, 1])
    with pytest.raises(ValueError, match=re.escape("one text is [X]")):
        GRUClassifier().fit("a text", ["a"])
    with pytest.raises(TypeError, match=r"^In the validation part \(X_val, y_val\): X\[1\] is missing"):
        GRUClassifier(**SMALL).fit(WORDS, LABELS, X_val=["a", None], y_val=["few", "few"])


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize(
    "gap", [None, np.nan, pd.NA, pd.Series([np.nan]), pd.Series([pd.NA], dtype="string"), np.array([None])], ids=repr
)
def test_a_gap_alone_is_told_as_one_among_texts(gap, words):
    model = GRUClassifier(**SMALL).fit([list(text) for text in WORDS] if words else WORDS, LABELS)
    X = gap if hasattr(gap, "shape") else [gap]
    for method in (model.predict, model.predict_proba, model.encoder_.transform):
        with pytest.raises(
            TypeError, match=r"^X\[0\] is missing; wanted a str, as other samples are\. Fill missing texts"
        ):
            method(X)
        with pytest.raises(ValueError, match=r"^Found array with 0 sample\(s\): X is empty; wanted at least one text"):
            method(X[:0])


def test_an_empty_list_of_words_is_read_alone_as_in_company():
    model = GRUClassifier(**SMALL).fit([list(text) for text in WORDS], LABELS)
    X = np.empty(1, dtype=object)
    X[0] = []
    for alone in ([[]], [()], X, pd.Series([[]])):
        np.testing.assert_allclose(model.predict_proba(alone), model.predict_proba([["a"], []])[1:], atol=1e-6)
    assert ids_of(TextEncoder().fit([["a"]]).transform([[]])) == [[0]]


def test_an_empty_comment_does_not_stop_a_fit():
    model = GRUClassifier(**SMALL).fit(["", *WORDS], ["few", *LABELS])
    assert ids_of(model.encoder_.transform([""])) == [[0]]
    np.testing.assert_array_equal(model.predict_proba([""]), model.predict_proba(["\N{SNOWMAN}"]))
    assert model.predict(["", "a"]).shape == (2,)
