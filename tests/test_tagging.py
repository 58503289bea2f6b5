"""Labels of steps: what holds of taggers alone, and scikit-learn's checks with every step labelled as its row."""

import inspect
import pickle
from collections import deque

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax
from sklearn.base import clone
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

import sklearn_seq
from sklearn_seq import GRUTagger, Sequences, WordPartsEncoder, span_f1_score, step_accuracy_score
from sklearn_seq.testing import make_problem
from sklearn_seq.testing.compare import task_of

TAGGERS = [
    thing
    for name in sklearn_seq.__all__
    if inspect.isclass(thing := getattr(sklearn_seq, name)) and getattr(thing, "_task", None) == "tag"
]
LEAN = {"hidden_size": 8, "n_filters": 8, "n_blocks": 1, "kernel_size": 5, "max_epochs": 5}
SENTENCES = [["The", "dog", "barks"], ["A", "cat", "sleeps", "."], ["The", "cats", "sleep"], ["Dogs", "bark", "."]] * 6
TAGS = [["D", "N", "V"], ["D", "N", "V", "."], ["D", "N", "V"], ["N", "V", "."]] * 6


def lean(cls, **params):
    known = cls().get_params()
    return cls(random_state=0, **{name: value for name, value in LEAN.items() if name in known} | params)


def _widened(X, y):
    """One label a row as one a step, where X is a table and y is of its rows."""
    if y is None or not (hasattr(X, "__array__") or isinstance(X, list)):
        return y
    X, labels = np.asarray(X), np.asarray(y)
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    return np.repeat(labels[:, None], X.shape[1], axis=1) if labels.ndim == 1 and X.ndim in (2, 3) else y


class _OfRows:
    """A tagger whose y is one label a row, as scikit-learn's checks give it: each step of the row has it."""

    def fit(self, X, y=None, sample_weight=None):
        return super().fit(X, _widened(X, y), sample_weight=sample_weight)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        if classes is None and not self._is_fitted():  # the checks name them to classifiers alone
            classes = np.unique(y)
        return super().partial_fit(X, _widened(X, y), classes=classes, sample_weight=sample_weight)

    def score(self, X, y, sample_weight=None):
        return super().score(X, _widened(X, y), sample_weight=sample_weight)


OF_ROWS = []
for _cls in TAGGERS:
    _name = f"{_cls.__name__}OfRows"
    globals()[_name] = type(_name, (_OfRows, _cls), {"__module__": __name__, "__doc__": _cls.__doc__})
    OF_ROWS.append(globals()[_name])


def test_there_are_taggers():
    names = {cls.__name__ for cls in TAGGERS}
    assert {"RNNTagger", "LSTMTagger", "GRUTagger", "CNNTagger", "TCNTagger", "TransformerTagger"} <= names
    assert all("pooling" not in cls().get_params() and task_of(cls()) == "tag" for cls in TAGGERS)


@pytest.mark.parametrize("cls", OF_ROWS, ids=lambda cls: cls.__name__)
def test_check_estimator_with_the_label_of_a_row_at_its_steps(cls):
    results = check_estimator(lean(cls, max_epochs=1), on_fail=None, on_skip=None)  # none asks how good it is
    bad = {
        r["check_name"]: str(r["exception"])
        for r in results
        if r["status"] != "passed" and not (r["status"] == "skipped" and r["check_name"] == "check_array_api_input")
    }
    assert not bad
    assert len(results) >= 40


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_the_loss_is_that_of_the_labels_by_hand(decoder):
    """After no training to speak of, the loss of the first epoch is what the initial network says of the labels."""
    data = make_problem("tag", "ragged")
    model = lean(GRUTagger, decoder=decoder, max_epochs=1, lr=1e-12, dropout=0.0, batch_size=1000)
    model.fit(data.X, data.y)
    proba = np.concatenate(list(model.predict_proba(data.X)))  # a chain of zeros: marginals are those of each step
    codes = np.searchsorted(model.classes_, np.concatenate(list(data.y)))
    wanted = -np.log(proba[np.arange(len(codes)), codes]).sum() / len(codes)
    assert model.loss_curve_[0] == pytest.approx(wanted, rel=1e-5)


def test_class_weight_counts_steps():
    data = make_problem("tag", "ragged")
    plain = lean(GRUTagger).fit(data.X, data.y)
    labels, counts = np.unique(np.concatenate(list(data.y)), return_counts=True)
    balanced = lean(GRUTagger, class_weight="balanced").fit(data.X, data.y)
    by_hand = dict(zip(labels.tolist(), (counts.sum() / (len(labels) * counts)).tolist(), strict=True))
    given = lean(GRUTagger, class_weight=by_hand).fit(data.X, data.y)
    for a, b, c in zip(*(m.predict_proba(data.X_test) for m in (balanced, given, plain)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
        assert np.abs(a - c).max() > 1e-4
    with pytest.raises(ValueError, match=r"class_weight names \['sideways'\]"):
        lean(GRUTagger, class_weight={"sideways": 2.0}).fit(data.X, data.y)
    for params in ({"class_weight": "balanced"}, {"label_smoothing": 0.1}):
        with pytest.raises(ValueError, match=f'{next(iter(params))} was given with decoder="crf"'):
            lean(GRUTagger, decoder="crf", **params).fit(data.X, data.y)


def test_weights_of_labels_are_those_of_each_fit():
    X, y = np.ones((8, 6)), np.tile(["a", "a", "b"], (8, 2))
    model = lean(GRUTagger, max_epochs=60, warm_start=True).fit(X, y)
    assert (model.predict_proba(X)[..., 0].mean()) == pytest.approx(2 / 3, abs=0.1)
    model.set_params(class_weight={"b": 20.0}).fit(X, y)
    assert (model.predict_proba(X)[..., 0].mean()) == pytest.approx(2 / 22, abs=0.1)
    with pytest.raises(ValueError, match="class_weight names"):
        model.set_params(class_weight={"c": 2.0}).partial_fit(X, y)
    model.set_params(class_weight="balanced").partial_fit(X, [[None] * 6] * 8)  # nothing to learn, nor to balance
    chain = lean(GRUTagger, decoder="crf").fit(X, y)
    with pytest.raises(ValueError, match="label_smoothing was given with decoder"):
        chain.set_params(label_smoothing=0.1).partial_fit(X, y)


def test_a_chain_learns_which_label_follows_which():
    """The label of a step is that of the step before, turned over: nothing of it is in X but at the first step."""
    rng = np.random.default_rng(0)
    X, y = [], []
    for length in rng.integers(4, 9, size=120):
        first = rng.integers(2)
        x = 0.01 * rng.normal(size=(length, 1))
        x[0] += first
        X.append(x)
        y.append((first + np.arange(length)) % 2)
    # each step is read alone, so that only a chain can tell
    options = {"n_blocks": 1, "n_filters": 4, "kernel_size": 1, "dropout": 0.0, "max_epochs": 20, "lr": 0.05}
    alone, chain = (
        sklearn_seq.TCNTagger(decoder=decoder, random_state=0, **options).fit(X, y) for decoder in ("softmax", "crf")
    )
    assert alone.score(X, y) < 0.75
    assert chain.score(X, y) > 0.99
    assert chain.module_.head.chain.shape == (4, 2)
    proba = np.concatenate(list(chain.predict_proba(X)))
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    assert (proba.max(axis=1) > 0.9).mean() > 0.9


def test_early_stopping_scores_what_is_decoded():
    data = make_problem("tag", "ragged", n_samples=40)
    model = lean(GRUTagger, decoder="crf", early_stopping=True, max_epochs=8)
    model.fit(data.X, data.y, X_val=data.X_test, y_val=data.y_test)
    assert model.score(data.X_test, data.y_test) == pytest.approx(max(model.validation_scores_), abs=1e-9)


def test_early_stopping_holds_out_sequences_that_have_labels():
    """Else an untrained epoch, as good as any by no label at all, would be kept."""
    data = make_problem("tag", "ragged", n_samples=40)
    few = [row if i % 8 == 0 else np.full(len(row), None) for i, row in enumerate(data.y)]
    for random_state in range(4):
        model = lean(GRUTagger, early_stopping=True, max_epochs=2).set_params(random_state=random_state)
        assert np.isfinite(model.fit(data.X, few).validation_scores_).all()
    with pytest.raises(ValueError, match="no step in y_val has a label; wanted one at least"):
        model.fit(data.X, few, X_val=data.X[1:4], y_val=few[1:4])


@pytest.mark.parametrize("params", [{"stride": 3}, {"stride": "auto"}])
def test_a_network_of_fewer_steps_labels_all_of_them(params):
    rng = np.random.default_rng(0)
    X = [np.repeat(rng.normal(size=(n, 1)), 3, axis=0) for n in rng.integers(3, 8, size=60)]
    y = [(x[:, 0] > 0).astype(int) for x in X]
    model = sklearn_seq.CNNTagger(n_filters=8, n_blocks=1, kernel_size=3, max_epochs=15, random_state=0, **params).fit(
        X, y
    )
    assert [len(row) for row in model.predict(X)] == [len(x) for x in X]
    assert model.score(X, y) > 0.9


def test_patches_of_attention_label_all_steps():
    rng = np.random.default_rng(0)
    X = [np.repeat(rng.normal(size=(n, 1)), 4, axis=0)[: 4 * n - 1] for n in rng.integers(3, 8, size=60)]
    y = [(x[:, 0] > 0).astype(int) for x in X]
    model = sklearn_seq.TransformerTagger(
        hidden_size=16, patch_stride=4, patch_length=4, max_epochs=25, lr=5e-3, random_state=0
    )
    assert model.fit(X, y).score(X, y) > 0.9
    assert model.predict(X[:1])[0].shape == (len(X[0]),)


def test_the_past_alone_is_read_by_causal_taggers():
    data = make_problem("tag", "3-D")
    for model in (lean(sklearn_seq.TCNTagger), lean(sklearn_seq.LSTMTagger)):
        model.fit(data.X, data.y)
        changed = data.X_test.copy()
        changed[:, 4:] += 3.0
        before, after = model.predict_proba(data.X_test), model.predict_proba(changed)
        np.testing.assert_allclose(before[:, :4], after[:, :4], atol=1e-6)
        assert np.abs(before[:, 4:] - after[:, 4:]).max() > 1e-3


@pytest.mark.parametrize("kind", ["3-D", "ragged"])
def test_taggers_go_through_scikit_learn(kind):
    data = make_problem("tag", kind)
    model = lean(GRUTagger)
    search = GridSearchCV(
        make_pipeline(sklearn_seq.SequenceScaler(), model), {"grutagger__decoder": ["softmax", "crf"]}, cv=3
    )
    search.fit(data.X, data.y)
    assert np.isfinite(search.best_score_)
    said = search.predict(data.X_test)
    assert said.shape == data.y_test.shape
    whole = cross_val_predict(model, data.X, data.y, cv=3)
    assert whole.shape == data.y.shape and all(len(a) == len(b) for a, b in zip(whole, data.y, strict=True))
    groups = np.arange(len(data.y)) % 5
    with pytest.raises(
        ValueError,
        match=r"y\[0\] is \d, one number for a whole sequence; .*GRUClassifier learns; cross_val_predict\(method",
    ):
        cross_val_predict(model, ["ab", "ba", "a"], ["HE", "EH", "H"], cv=3, method="predict_proba")
    scores = cross_val_score(model, data.X, data.y, cv=GroupKFold(3), groups=groups)
    assert scores.shape == (3,) and np.isfinite(scores).all()


def test_save_and_load(tmp_path):
    for decoder in ("softmax", "crf"):
        model = lean(GRUTagger, decoder=decoder).fit(SENTENCES, TAGS)
        sklearn_seq.save(model, tmp_path / "tagger")
        loaded = sklearn_seq.load(tmp_path / "tagger")
        for a, b in zip(loaded.predict_proba(SENTENCES[:4]), model.predict_proba(SENTENCES[:4]), strict=True):
            np.testing.assert_array_equal(a, b)


# -- words and characters ----------------------------------------------------------------------------------------------


def test_lists_of_words_are_read_with_their_parts():
    model = lean(GRUTagger, max_epochs=30).fit(SENTENCES, TAGS)
    assert model.score(SENTENCES, TAGS) > 0.95
    assert isinstance(model.encoder_, WordPartsEncoder)
    said = model.predict([["The", "birds", "sing", "."], ["Dogs"]])  # words never seen
    assert [row.shape for row in said] == [(4,), (1,)]
    piped = make_pipeline(WordPartsEncoder(), lean(GRUTagger, max_epochs=30)).fit(SENTENCES, TAGS)
    for a, b in zip(piped.predict(SENTENCES[:4]), model.predict(SENTENCES[:4]), strict=True):
        np.testing.assert_array_equal(a, b)
    empty = clone(piped).fit([*SENTENCES, []], [*TAGS, [None]])  # one unknown token
    assert [len(row) for row in empty.predict([[], ["A"]])] == [1, 1]
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(SENTENCES[:1])[0], model.predict(SENTENCES[:1])[0])
    assert "encoder_" not in vars(clone(model))


def test_texts_are_labelled_by_texts():
    rng = np.random.default_rng(0)
    X = ["".join(rng.choice(list("ACDE"), size=n)) for n in rng.integers(3, 12, size=60)]
    y = ["".join("H" if c in "AC" else "E" for c in x) for x in X]
    model = lean(GRUTagger, max_epochs=20).fit(X, y)
    assert model.classes_.tolist() == ["E", "H"] and model.score(X, y) > 0.95
    said = model.predict(["AACDE", "E"])
    assert said.dtype == object and said.tolist() == ["HHHEE", "E"]
    holes = ["-" + row[1:] for row in y]
    open_ = lean(GRUTagger, max_epochs=20, ignore_label="-").fit(X, holes)
    assert open_.classes_.tolist() == ["E", "H"]
    assert open_.score(X, holes) > 0.95


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_empty_texts_have_no_labels(decoder):
    X, y = ["ab", "ba", "aab"] * 4, ["HE", "EH", "HHE"] * 4
    model = lean(GRUTagger, decoder=decoder, max_epochs=2)
    whole = clone(model).fit([*X, ""], [*y, ""], X_val=["", "a"], y_val=["", "H"])
    assert whole.predict(["", "ab", ""]).tolist()[::2] == ["", ""]
    assert [part.shape for part in whole.predict_proba(["", "ab"])] == [(0, 2), (2, 2)]
    assert whole.score(["", *X], ["", *y]) == whole.score(X, y)
    with pytest.raises(ValueError, match=r"y\[1\] has 0 labels and X\[1\] has 1 timesteps"):
        clone(model).fit(["ab", "a"], ["HE", ""])
    with pytest.raises(ValueError, match=r"y\[0\] has 2 labels and X\[0\] has 0 timesteps"):
        whole.score(["", "ab"], ["HE", "HE"])
    words = lean(GRUTagger, decoder=decoder, max_epochs=1).fit([*SENTENCES, []], [*TAGS, []])
    assert words.predict([[], ["The"]])[0].shape == (0,) and words.score([[], *SENTENCES], [[], *TAGS]) >= 0
    assert words.predict([[]])[0].shape == (0,) and words.predict_proba([[], []])[1].shape == (0, 4)  # nothing else
    assert [len(row) for row in words.predict(["  ", "", " The dog"])] == [0, 0, 2]


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA, pd.NaT, np.float32("nan")], ids=repr)
def test_steps_without_a_label(gap):
    """However their gaps are written, labels are those of the steps that have one."""
    holes = [[gap, *row[1:]] for row in TAGS]
    model = lean(GRUTagger, max_epochs=1).fit(SENTENCES, holes)
    assert model.classes_.tolist() == [".", "N", "V"]
    assert model.score(SENTENCES, holes) == step_accuracy_score(holes, model.predict(SENTENCES))
    by_mark = lean(GRUTagger, max_epochs=1, ignore_label="?").fit(SENTENCES, [["?", *row[1:]] for row in TAGS])
    for a, b in zip(model.predict_proba(SENTENCES), by_mark.predict_proba(SENTENCES), strict=True):
        np.testing.assert_array_equal(a, b)
    if gap is pd.NA:
        numbers = [pd.Series([gap, 1, 2], dtype="Int64") for _ in range(4)]
        assert lean(GRUTagger, max_epochs=1).fit(np.zeros((4, 3)), numbers).classes_.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("y", "error", "words"),
    [
        (TAGS[:-1], ValueError, "inconsistent numbers of samples"),
        ([row[:1] for row in TAGS], ValueError, r"y\[0\] has 1 labels and X\[0\] has 3 timesteps"),
        (["N"] * len(TAGS), ValueError, "GRUClassifier"),
        ([[0.5] * len(row) for row in TAGS], ValueError, "continuous"),
        ([[("N",)] * len(row) for row in TAGS], TypeError, "labels of type tuple; wanted one label a step"),
        ([[b"N"] * len(row) for row in TAGS], TypeError, r"of type bytes; .* Decode them: label\.decode\(\)\."),
        ([*TAGS[:-1], "NV."], TypeError, r"one form for all"),
        (3, TypeError, "array-like"),
        (
            [np.ma.masked_equal([1, -1, 2, 3][: len(row)], -1) for row in TAGS],
            TypeError,
            r"^y\[0\] is a masked array, .*ignore_label",
        ),
    ],
)
def test_labels_that_cannot_be_read(y, error, words):
    with pytest.raises(error, match=words):
        lean(GRUTagger).fit(SENTENCES, y)


def test_a_label_that_arrays_lose_is_refused():
    with pytest.raises(ValueError, match=r"^y holds the character '\\x00', which arrays of str lose"):
        lean(GRUTagger).fit(["abc", "abd"], ["xy\0", "xyz"])


def test_an_unknown_label_in_y_val_is_told_in_words_of_fit():
    data = make_problem("tag", "2-D")
    late = np.array(data.y_test, dtype=object)
    late[2, 1] = "never"
    with pytest.raises(ValueError, match=r"y_val.* the label 'never', .* of y; wanted these alone\.") as caught:
        lean(GRUTagger).fit(data.X, data.y, X_val=data.X_test, y_val=late)
    assert "partial_fit" not in str(caught.value)


def test_sequences_without_labels_are_no_labels_of_another_type():
    nothing = [[None] * len(row) for row in TAGS]
    model = lean(GRUTagger, max_epochs=1, ignore_label="?")
    for call in (model.fit, model.fit(SENTENCES, TAGS).score):
        with pytest.raises(ValueError, match="no step in y has a label"):
            call(SENTENCES, nothing)
    assert model.partial_fit(SENTENCES, nothing).n_iter_ == 2


def test_numbers_of_several_dtypes_stay_whole():
    rows = [np.array([1, 2, 0], dtype) for dtype in (np.uint64, np.int64, np.uint8)]
    model = lean(GRUTagger, max_epochs=1).fit(np.zeros((3, 3)), rows)
    assert model.classes_.dtype == np.int64 and model.classes_.tolist() == [0, 1, 2]


def test_forms_of_labels_are_the_same_data():
    data = make_problem("tag", "2-D")
    codes = np.searchsorted(np.unique(data.y), data.y)
    wanted = lean(GRUTagger, max_epochs=1).fit(data.X, codes).predict_proba(data.X)
    tensor = torch.from_numpy(codes)
    for form in (
        tensor,
        list(tensor),
        pd.DataFrame(codes),
        pd.DataFrame(codes).astype("Int64"),
        codes.tolist(),
        [deque(row) for row in codes.tolist()],
        codes[..., None],
    ):
        np.testing.assert_array_equal(lean(GRUTagger, max_epochs=1).fit(data.X, form).predict_proba(data.X), wanted)
    hidden = np.ma.masked_array(codes, codes == 1)
    with pytest.raises(TypeError, match=r"^y is a masked array, some values of which are hidden"):
        lean(GRUTagger).fit(data.X, hidden)
    filled = lean(GRUTagger, max_epochs=1, ignore_label=-1).fit(data.X, hidden.filled(-1))
    assert 1 not in filled.classes_


def test_augmentations_that_move_steps_are_refused():
    data = make_problem("tag", "3-D")
    for name in ("warp", "crop", "mixup"):
        with pytest.raises(ValueError, match=f"names '{name}'.*jitter, scaling, .*mask"):
            lean(GRUTagger, augment=name).fit(data.X, data.y)
    lean(GRUTagger, augment=["jitter", "mask"]).fit(data.X, data.y)


def test_parts_of_words_by_hand():
    encoder = WordPartsEncoder(prefixes=2, suffixes=3).fit([["Running", "in"], ["1990s", "in"]])
    X = encoder.transform([["running", "McX", "in"]])
    assert isinstance(X, Sequences) and X.n_features == 3 + 2 + 3 and X.n_tokens == encoder.n_tokens_
    part = {i: name for name, i in encoder.vocabulary_.items()}
    assert [part.get(i) for i in X[0][0]] == [
        *(None, "lower running", "shape x", "prefix r", "prefix ru"),
        *("suffix g", "suffix ng", "suffix ing"),
    ]
    assert set(X[0][1].tolist()) == {0}  # neither its shape XxX nor anything else was seen
    assert [part.get(i) for i in X[0][2]][-3:] == ["suffix n", "suffix in", None]
    assert "shape Xx" in encoder.vocabulary_ and "shape dx" in encoder.vocabulary_
    assert "shape x" in WordPartsEncoder().fit([["हिन्दी"], ["ne\u0301e"]]).vocabulary_  # marks belong to letters
    assert "shape Xx" in WordPartsEncoder().fit([["E\u0301te\u0301"]]).vocabulary_
    often = WordPartsEncoder(min_count=2).fit([["Running", "in"], ["1990s", "in"]])
    assert "word in" in often.vocabulary_ and "word Running" not in often.vocabulary_
    np.testing.assert_array_equal(encoder.transform(["running in", ""])[0], encoder.transform([["running", "in"]])[0])
    assert not encoder.transform(["running in", ""])[1].any()
    for X in (np.zeros((2, 3)), "text"):
        with pytest.raises((ValueError, TypeError), match="lists of words"):
            encoder.transform(X)


# -- scores ------------------------------------------------------------------------------------------------------------


def test_step_accuracy_is_that_of_scikit_learn_over_all_steps():
    rng = np.random.default_rng(0)
    true, said = rng.integers(0, 3, size=(2, 5, 7))
    weight = rng.uniform(size=5)
    wanted = accuracy_score(true.ravel(), said.ravel(), sample_weight=np.repeat(weight, 7))
    assert step_accuracy_score(true, said, sample_weight=weight) == pytest.approx(wanted)
    kept = true.ravel() != 1
    assert step_accuracy_score(true, said, ignore_label=1) == pytest.approx(
        accuracy_score(true.ravel()[kept], said.ravel()[kept])
    )
    assert step_accuracy_score([["a"]], [[1]]) == 0.0


def test_span_f1_of_spans_of_one_step_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    kinds = np.array(["O", "B-X", "B-Y"])
    true, said = kinds[rng.integers(0, 3, size=(2, 20, 9))]
    for average in ("micro", "macro"):
        wanted = f1_score(true.ravel(), said.ravel(), labels=["B-X", "B-Y"], average=average)
        assert span_f1_score(true, said, average=average) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("true", "said", "wanted"),
    [
        (["B-P", "I-P", "O"], ["B-P", "I-P", "O"], 1.0),
        (["B-P", "I-P", "O"], ["B-P", "O", "O"], 0.0),  # shorter
        (["B-P", "I-P", "I-P"], ["B-P", "B-P", "I-P"], 0.0),  # torn in two
        (["B-P", "B-P"], ["B-P", "I-P"], 0.0),  # joined
        (["B-P", "I-P"], ["I-P", "I-P"], 1.0),  # without a beginning, as the script of CoNLL 2003 reads it
        (["B-P", "I-Q"], ["B-P", "O"], 2 / 3),  # another kind begins a span
        (["O", "O"], ["O", "O"], 1.0),
        (["B-P", "O"], ["O", "O"], 0.0),
        (["B-P", None, "I-P"], ["B-P", "B-Q", "I-P"], 1.0),  # what has no label is neither right nor wrong
        (["B-P", None], ["B-P", "I-P"], 1.0),
    ],
)
def test_spans_are_right_as_a_whole(true, said, wanted):
    assert span_f1_score([true], [said]) == pytest.approx(wanted)
    marked = [["-" if label is None else label for label in true]]
    assert span_f1_score(marked, [said], ignore_label="-") == pytest.approx(wanted)
    if None not in true:
        assert span_f1_score([said], [true]) == pytest.approx(wanted)


def test_spans_end_with_their_sequence():
    assert span_f1_score([["B-P"], ["I-P"]], [["B-P"], ["B-P"]]) == 1.0
    with pytest.raises(ValueError, match="the label 'X'"):
        span_f1_score([["X"]], [["O"]])
    with pytest.raises(ValueError, match="average='all'"):
        span_f1_score([["O"]], [["O"]], average="all")


def test_softmax_probabilities_are_those_of_the_network():
    data = make_problem("tag", "3-D")
    model = lean(GRUTagger).fit(data.X, data.y)
    with torch.inference_mode():
        found = model.module_(torch.from_numpy(data.X_test.astype(np.float32)), None).values
    np.testing.assert_allclose(model.predict_proba(data.X_test), softmax(found.numpy(), axis=-1), atol=1e-5)
