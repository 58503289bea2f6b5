"""AutoClassifier on texts: n-grams by hand, what it learns, and what it promises."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline

from sklearn_seq import AutoClassifier, Sequences, TextEncoder, load, save
from sklearn_seq.auto import texts as rooms

GOOD = ["so good", "a very good film", "good soup", "we liked it a lot", "what a fine day", "it is good, really good"]
BAD = ["so bad", "a very bad film", "bad soup", "we hated it a lot", "what a sad day", "it is bad, really bad"]
TEXTS = [f"{text} {i}" for i in range(5) for text in GOOD + BAD]
LABELS = (["good"] * 6 + ["bad"] * 6) * 5


@pytest.fixture(scope="module")
def fitted():
    return AutoClassifier(budget=0.2, random_state=0).fit(TEXTS, LABELS)


def test_texts_become_sequences_and_texts_again():
    texts = ["Grüße", "", "a\n𝄞 b", "x"]
    found = rooms.characters_of(texts)
    assert rooms.read_documents(found) == ["Grüße", "", "a\n𝄞 b", "x"]
    assert rooms.read_documents(rooms.characters_of([["two", "words"]])) == ["two words"]


def test_runs_of_words_are_those_of_scikit_learn():
    text = "The cat, the hat"
    theirs = TfidfVectorizer(ngram_range=(1, 3), token_pattern=r"\w+|[^\w\s]").build_analyzer()(text)
    ours = [run for run in rooms._runs_of_words(text) if "<" not in run and ">" not in run]
    assert sorted(ours) == sorted(theirs)


def test_runs_of_characters_are_those_of_scikit_learn_within_words():
    theirs = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 6)).build_analyzer()("Some words")
    assert sorted(rooms._runs_of_characters("Some words")) == sorted(theirs)


def test_rows_by_rarity_are_those_of_scikit_learn():
    texts = ["a b b", "b c", "c c c a"]
    vectors = TfidfVectorizer(analyzer=str.split, sublinear_tf=True)
    wanted = vectors.fit_transform(texts).toarray()
    counts = rooms.sparse.csr_matrix(
        [[text.split().count(word) for word in sorted(vectors.vocabulary_)] for text in texts], dtype=float
    )
    np.testing.assert_allclose(rooms._rarity(counts), vectors.idf_)
    np.testing.assert_allclose(rooms._rarity_rows([counts], [vectors.idf_]).toarray(), wanted, atol=1e-12)


def test_ratios_of_a_class_by_hand():
    there = rooms.sparse.csr_matrix([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    own, weight = np.array([True, True, False]), np.array([1.0, 2.0, 1.0])
    inside, outside = np.array([4.0, 3.0]), np.array([1.0, 2.0])  # weighted, and one for each
    wanted = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
    np.testing.assert_allclose(rooms._log_ratio(there, own, weight), wanted)


def test_it_learns_what_texts_say(fitted):
    found = fitted.predict(["good", "this was bad", "a fine film"])
    assert found.tolist() == ["good", "bad", "good"]
    assert set(fitted.weights_) == {*rooms.LINEAR, "network"}
    assert fitted.loo_score_ > 0.9
    np.testing.assert_allclose(fitted.predict_proba(TEXTS[:5]).sum(axis=1), 1.0)


def test_answers_do_not_depend_on_company(fitted):
    alone = [fitted.predict_proba([text])[0] for text in TEXTS[:4]]
    np.testing.assert_allclose(alone, fitted.predict_proba(TEXTS)[:4], atol=1e-6)


@pytest.mark.parametrize("kind", [list, np.array, pd.Series], ids=["list", "array", "series"])
def test_all_kinds_of_columns_of_text_are_read(fitted, kind):
    np.testing.assert_array_equal(fitted.predict_proba(kind(TEXTS[:6])), fitted.predict_proba(TEXTS[:6]))


def test_order_and_copies_change_no_bit(fitted):
    order = np.random.default_rng(0).permutation(len(TEXTS))
    other = AutoClassifier(budget=0.2, random_state=0)
    other.fit([TEXTS[i] for i in order], [LABELS[i] for i in order])
    np.testing.assert_array_equal(other.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    weight = np.ones(len(TEXTS))
    weight[3] = 3.0
    weighted = AutoClassifier(budget=0.2, random_state=0).fit(TEXTS, LABELS, sample_weight=weight)
    copied = AutoClassifier(budget=0.2, random_state=0).fit(TEXTS + TEXTS[3:4] * 2, LABELS + LABELS[3:4] * 2)
    np.testing.assert_array_equal(weighted.predict_proba(TEXTS), copied.predict_proba(TEXTS))


def test_it_is_kept(fitted, tmp_path):
    wanted = fitted.predict_proba(TEXTS)
    save(fitted, tmp_path / "model.zip")
    np.testing.assert_array_equal(load(tmp_path / "model.zip").predict_proba(TEXTS), wanted)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(TEXTS), wanted)


def test_ids_of_tokens_are_read_as_words():
    pipe = make_pipeline(TextEncoder(), AutoClassifier(budget=0.2, random_state=0)).fit(TEXTS, LABELS)
    assert pipe.score(TEXTS, LABELS) > 0.9


def test_it_can_be_searched_and_cross_validated():
    search = GridSearchCV(AutoClassifier(random_state=0), {"budget": [0.1, 0.2]}, cv=2).fit(TEXTS, LABELS)
    assert search.best_score_ > 0.8
    assert cross_val_predict(AutoClassifier(budget=0.1, random_state=0), TEXTS, LABELS, cv=2).shape == (60,)


def test_empty_and_strange_texts_are_read(fitted):
    assert fitted.predict(["", "???", "𝄞", "\0", "half \ud800 of a pair"]).shape == (5,)
    few = AutoClassifier(budget=0.1, random_state=0).fit(["a", "", "?", "b"], [0, 1, 1, 0])
    assert set(few.predict(["a", ""])) <= {0, 1}


def test_one_class_is_always_said():
    assert AutoClassifier(budget=0.1, random_state=0).fit(["a", "b"], ["x", "x"]).predict(["c"]).tolist() == ["x"]


def test_numbers_after_texts_are_refused(fitted):
    with pytest.raises(ValueError, match="text"):
        fitted.predict(np.zeros((2, 5)))
    with pytest.raises(
        ValueError, match=r"X holds ids of 7 tokens, but AutoClassifier was fitted on text\. Give texts"
    ):
        fitted.predict(Sequences.from_tokens([[1, 2]], 7))
    with pytest.raises((ValueError, TypeError), match="text"):
        AutoClassifier(budget=0.05, random_state=0).fit(
            np.random.default_rng(0).normal(size=(20, 8)), [0, 1] * 10
        ).predict(["a"])


def test_texts_with_gaps_are_refused():
    with pytest.raises(TypeError, match="missing"):
        AutoClassifier().fit(["a", None, "b"], [0, 1, 0])


def test_of_many_texts_words_that_stand_once_are_unknown_to_the_network(monkeypatch):
    monkeypatch.setattr(rooms, "_MANY_TEXTS", len(TEXTS) + 1)
    few = AutoClassifier(budget=0.1, random_state=0).fit([*TEXTS, "once"], [*LABELS, "bad"])
    assert "word once" not in few._solved["heads"]["network"]["encoder"].vocabulary_
    one_less = AutoClassifier(budget=0.1, random_state=0).fit(["once", *TEXTS[1:]], LABELS)
    encoder, network = (one_less._solved["heads"]["network"][part] for part in ("encoder", "network"))
    assert "word once" in encoder.vocabulary_ and network["members"][0].max_epochs == 1
