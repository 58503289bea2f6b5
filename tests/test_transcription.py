"""Transcripts: the CTC loss and beam search against enumeration, error rates, and what is refused."""

import functools
import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline

import sklearn_seq
from sklearn_seq import (
    CNNTranscriber,
    GRUTranscriber,
    RNNTranscriber,
    SequenceScaler,
    SpectrogramCNNClassifier,
    SpectrogramCNNTranscriber,
    TransformerTranscriber,
)
from sklearn_seq.layers.spectral import SpectrogramNet
from sklearn_seq.layers.steps import StepOutput
from sklearn_seq.layers.transcription import Stacked
from sklearn_seq.metrics import character_error_rate, word_error_rate
from sklearn_seq.metrics.transcription import edit_distance
from sklearn_seq.tasks.transcribe import CTCLoss
from sklearn_seq.tasks.transcribe_decoding import CharacterModel, greedy, prefix_beam
from sklearn_seq.training.targets import SequenceTarget

RNG = np.random.default_rng(0)


def spoken(n, seed=0, letters="abc"):
    """Texts, and sequences in which each character lasts three or four steps, behind three of silence."""
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list(letters), size=rng.integers(1, 5))) for _ in range(n)]
    clips = []
    for text in texts:
        steps = [np.zeros((3, 3)), *(np.eye(3)[[ord(c) - 97] * rng.integers(3, 5)] for c in text)]
        clips.append(np.concatenate(steps) + 0.1 * rng.normal(size=(sum(map(len, steps)), 3)))
    return clips, np.array(texts)


X, Y = spoken(60)
SMALL = {"hidden_size": 16, "max_epochs": 12, "lr": 3e-2, "random_state": 0}


@functools.cache
def fitted(**params):
    return GRUTranscriber(**{**SMALL, **params}).fit(X, Y)


# -- enumeration -------------------------------------------------------------------------------------------------------


def spelled(path):
    """What a path of characters and blanks (0) spells."""
    return "".join(chr(k) for k, _ in itertools.groupby(path) if k)


def every_text(proba):
    """Probability of each text, summed over all paths."""
    found = {}
    for path in itertools.product(range(proba.shape[1]), repeat=len(proba)):
        text = spelled(path)
        found[text] = found.get(text, 0.0) + math.prod(proba[t, k] for t, k in enumerate(path))
    return found


def random_proba(n_steps, n_characters, seed, sharp=1.0):
    scores = sharp * np.random.default_rng(seed).normal(size=(n_steps, n_characters + 1))
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(3))
def test_loss_is_that_of_all_paths(seed):
    lengths, texts = [5, 3, 4, 1], ["\1\1", "", "\2\1\2", "\3"]
    proba = [random_proba(n, 3, 10 * seed + n) for n in lengths]
    scores = torch.zeros(4, 5, 4, dtype=torch.float64)
    for row, own in zip(scores, proba, strict=True):
        row[: len(own)] = torch.from_numpy(np.log(own)) + 7  # any constant
    mask = torch.arange(5) < torch.tensor(lengths)[:, None]
    values = torch.zeros(4, 3, dtype=torch.long)
    for row, text in zip(values, texts, strict=True):
        row[: len(text)] = torch.tensor([ord(c) for c in text])
    sizes = torch.tensor([len(text) for text in texts])
    target = SequenceTarget(values, sizes, torch.arange(3) < sizes[:, None])
    found = CTCLoss()(StepOutput(scores, mask), target)
    wanted = [-math.log(every_text(own)[text]) / max(1, len(text)) for own, text in zip(proba, texts, strict=True)]
    np.testing.assert_allclose(found.numpy(), wanted)
    alone = SequenceTarget(values[:1], sizes[:1], target.mask[:1])
    np.testing.assert_allclose(CTCLoss()(StepOutput(scores[:1], None), alone).numpy(), wanted[:1])
    nothing = SequenceTarget(values[:, :0], 0 * sizes, target.mask[:, :0])
    empty = [-np.log(own[:, 0]).sum() for own in proba]
    np.testing.assert_allclose(CTCLoss()(StepOutput(scores, mask), nothing).numpy(), empty)


def test_a_text_that_no_longer_fits_adds_nothing():
    scores = torch.randn(2, 2, 3, dtype=torch.float64, requires_grad=True)
    values = torch.tensor([[1, 1], [1, 2]])
    target = SequenceTarget(values, torch.tensor([2, 2]), torch.ones(2, 2, dtype=torch.bool))
    losses = CTCLoss()(StepOutput(scores, None), target)
    losses.sum().backward()
    assert losses[0] == 0 and losses[1] > 0
    assert not scores.grad[0].any() and scores.grad[1].any() and bool(torch.isfinite(scores.grad).all())


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("language", [False, True])
def test_a_wide_beam_finds_the_most_probable_text(seed, language):
    proba = random_proba(5, 2, seed, sharp=1.5)
    found = every_text(proba)
    model = CharacterModel(2, 2).learn(["\1\2\1", "\2\2", "\1"], [1.0, 2.0, 0.5]) if language else None

    def value(text):
        if model is None:
            return math.log(found[text])
        ways = [model.log_row(text[:i])[ord(c)] for i, c in enumerate([*text, "\0"])]
        return math.log(found[text]) + 0.7 * sum(ways) + 0.3 * len(text)

    best = max(found, key=value)
    options = (model, 0.7, 0.3) if language else ()
    assert prefix_beam(proba, 100, *options) == best


def test_beam_search_sums_over_paths_where_greedy_takes_one():
    proba = np.array([[0.6, 0.4], [0.6, 0.4]])  # the likeliest path says nothing, three others say "a"
    assert greedy(np.log(proba)) == ""
    assert prefix_beam(proba, 5) == "\1"


def plain_beam(proba, size, model=None, weight=0.0, bonus=0.0):
    """Prefix beam search that looks at each character behind each prefix."""

    def language(text, end=""):
        ways = [model.log_row(text[:i])[ord(c)] for i, c in enumerate(text + end)] if model else []
        return bonus * len(text) + weight * sum(ways)

    beam = {"": np.array([1.0, 0.0])}  # ends in a blank, in its last character
    for frame in proba:
        new = {}
        for text, (by_blank, by_last) in beam.items():
            new.setdefault(text, np.zeros(2))[0] += (by_blank + by_last) * frame[0]
            for k, p in enumerate(frame[1:], start=1):
                if text.endswith(chr(k)):
                    new[text][1] += by_last * p
                before = by_blank if text.endswith(chr(k)) else by_blank + by_last
                new.setdefault(text + chr(k), np.zeros(2))[1] += before * p
        values = {text: np.log(both.sum() or 1e-300) + language(text) for text, both in new.items()}
        kept = sorted(new, key=lambda text: (values[text], text), reverse=True)[:size]
        scale = max(new[text].sum() for text in kept)
        beam = {text: new[text] / scale for text in kept}
    return max(beam, key=lambda text: (np.log(beam[text].sum() or 1e-300) + language(text, "\0"), text))


@pytest.mark.parametrize("n_characters", [2, 9, 30])
@pytest.mark.parametrize("size", [2, 6, 12])
@pytest.mark.parametrize("language", [None, 1, 3])
def test_a_beam_keeps_what_looking_at_all_characters_keeps(n_characters, size, language):
    options = ()
    rng = np.random.default_rng(size)
    if language:
        texts = ["".join(map(chr, rng.integers(1, n_characters + 1, size=6))) for _ in range(20)]
        options = (CharacterModel(language, n_characters).learn(texts, [1.0] * 20), 0.6, 0.4)
    for seed, sharp in enumerate([0.0, 0.3, 1.0, 4.0]):
        proba = random_proba(12, n_characters, seed, sharp)
        if sharp == 4.0:  # mostly silence, and the same character twice
            proba = 0.3 * proba + 0.3 * np.eye(n_characters + 1)[rng.integers(3, size=12)]
            proba[:, 0] += 0.4
        if sharp or not language:  # equal ones are told by the text, but for rounding
            assert prefix_beam(proba, size, *options) == plain_beam(proba, size, *options)


def test_greedy_decoding():
    path = [0, 1, 1, 0, 1, 2, 2, 0, 0]
    assert greedy(np.eye(3)[path]) == spelled(path) == "\1\1\2"
    assert greedy(np.eye(3)[[0]]) == ""


def test_a_language_model_of_more_characters_than_calls_can_be_nested():
    model = CharacterModel(1500, 2).learn(["\1", "\1"], [1.0, 1.0])
    proba = (2 / 3 + 2) / (2 + 4)  # of the character, by how often it stands in the texts
    for _ in range(1499):  # and behind their beginning, where it is all that was seen
        proba = (proba + 2) / (1 + 2)
    np.testing.assert_allclose(model.row("\0" * 1499)[0], [0, proba, 0], atol=1e-12)
    row = model.log_row("")
    assert row[1] == pytest.approx(np.log(proba)) and np.isfinite(row).all()


def test_language_model_by_hand_and_sums_to_one():
    model = CharacterModel(2, 2).learn(["\1\2", "\1"], [1.0, 1.0])
    # behind the beginning: 1 twice, one kind; of all: 1 twice, 2 once, the end twice, three kinds
    of_all = (2 + 3 / 3) / (5 + 3)
    assert model.row("")[0][1] == pytest.approx(of_all)
    assert model.log_row("")[1] == pytest.approx(math.log((2 + of_all) / 3))
    for before in ("", "\0", "\1", "\2", "\3"):
        assert model.row(before)[0].sum() == pytest.approx(1)
    doubled = CharacterModel(2, 2).learn(["\1\2", "\1", "\1"], [1.0, 0.5, 0.5])
    assert doubled.counts == model.counts


# -- error rates -------------------------------------------------------------------------------------------------------


@functools.cache
def slow_distance(a, b):
    if not a or not b:
        return len(a) + len(b)
    return min(slow_distance(a[1:], b) + 1, slow_distance(a, b[1:]) + 1, slow_distance(a[1:], b[1:]) + (a[0] != b[0]))


def test_edit_distance_by_recursion():
    for _ in range(60):
        a, b = ("".join(RNG.choice(list("abc"), size=RNG.integers(0, 7))) for _ in range(2))
        assert edit_distance(a, b) == edit_distance(b, a) == slow_distance(a, b)
    assert edit_distance(["one", "two"], ["two"]) == 1


def test_error_rates():
    assert character_error_rate(["abc", "d"], ["abd", ""]) == 2 / 4
    assert word_error_rate(["one two", " three "], ["one  too", "three"]) == 1 / 3
    assert word_error_rate(["a b", "c"], ["a", "d e"], sample_weight=[3, 0]) == 1 / 2
    assert character_error_rate([""], [""]) == 0 and character_error_rate([""], ["ab"]) == 2
    assert word_error_rate(np.array(["a"]), np.array(["b c d"], dtype=object)) == 3
    for column in (pd.DataFrame({"name": ["a", "b"]}), np.array([["a"], ["b"]]), pd.Series(["a", "b"], index=[5, 6])):
        assert word_error_rate(column, ["a", "c"]) == word_error_rate(["a", "c"], column) == 1 / 2


@pytest.mark.parametrize("rate", [character_error_rate, word_error_rate])
def test_error_rates_refuse(rate):
    with pytest.raises(ValueError, match="hold no text; wanted one at least"):
        rate([], [])
    with pytest.raises(ValueError, match=r"y_true has 2 texts and y_pred has 1; wanted one for each"):
        rate(["a", "b"], ["a"])
    with pytest.raises(TypeError, match=r"y_pred\[1\] is 3, of type int; wanted a text"):
        rate(["a", "b"], ["a", 3])
    with pytest.raises(ValueError, match=r"y_pred has shape \(2, 2\); wanted one text for each sequence, \(2,\)"):
        rate(["a", "b"], pd.DataFrame({"one": ["a", "b"], "other": ["a", "b"]}))
    with pytest.raises(TypeError, match=r"y_true is 'ab'; wanted a list .* One text is \[text\]"):
        rate("ab", ["a", "b"])


# -- estimators ----------------------------------------------------------------------------------------------------------


def test_score_is_one_less_the_character_error_rate():
    model = fitted()
    said = model.predict(X)
    assert model.score(X, Y) == 1 - character_error_rate(Y, said) > 0.9
    weight = RNG.integers(0, 3, size=len(Y))
    assert model.score(X, Y, weight) == pytest.approx(1 - character_error_rate(Y, said, sample_weight=weight))
    assert said.dtype.kind == "U" and said.shape == (len(X),)
    assert model.score(X, ["zz"] * len(X)) <= 0  # unknown characters are errors


def test_posteriors_of_rectangular_and_ragged_clips():
    square = np.stack([x[:6] for x in X if len(x) >= 6])
    proba = fitted().frame_proba(square)
    assert proba.shape == (len(square), 6, 4)
    model = GRUTranscriber(stack=2, hidden_size=4, max_epochs=1, random_state=0).fit(X, ["a"] * len(X))
    for x, part in zip(X, model.frame_proba(X), strict=True):
        assert part.shape == (-(-len(x) // 2), 2)


def test_beams_and_language_models_after_fit():
    model = GRUTranscriber(lm_order=3, beam_size=4, lm_weight=0.3, **SMALL).fit(X, Y)
    assert model.score(X, Y) > 0.9
    np.testing.assert_array_equal(model.predict(X, beam_size=1), fitted().predict(X))  # the network is the same
    np.testing.assert_array_equal(model.predict(X, lm_weight=0), fitted().predict(X, beam_size=4))
    other = GRUTranscriber(lm_order=2, beam_size=8, lm_weight=30.0, lm_texts=["ab", "ab?"], **SMALL).fit(X, Y)
    assert set(other.predict(X)) == {"ab"}  # a heavy model says what it knows; what y never has is passed over


def test_a_bonus_counts_without_a_language_model():
    few = {**SMALL, "max_epochs": 4}
    plain = GRUTranscriber(lm_order=2, beam_size=4, **few).fit(X, Y)
    longer = GRUTranscriber(lm_order=2, beam_size=4, lm_bonus=4.0, **few).fit(X, Y)
    without = GRUTranscriber(beam_size=4, lm_bonus=4.0, **few).fit(X, Y)
    said = longer.predict(X, lm_weight=0)
    np.testing.assert_array_equal(said, without.predict(X))
    assert sum(map(len, said)) > sum(map(len, plain.predict(X, lm_weight=0)))
    np.testing.assert_array_equal(longer.predict(X, beam_size=1), plain.predict(X, beam_size=1))


@pytest.mark.parametrize("options", [{"beam_size": 0}, {"beam_size": 2.5}, {"beam_size": "3"}, {"beam_size": True}])
def test_a_beam_that_is_no_whole_number_is_told_in_words(options):
    with pytest.raises(
        ValueError, match=rf"^beam_size={options['beam_size']!r} and lm_weight=0.5; wanted a whole number"
    ):
        fitted().predict(X, **options)


def test_a_weight_of_a_language_model_that_is_not_asked_is_refused():
    for weight in (-1.0, np.nan, np.inf, "a"):
        with pytest.raises(ValueError, match=r"finite number, 0 or more"):
            fitted().predict(X, beam_size=2, lm_weight=weight)
    with pytest.raises(ValueError, match=r"lm_weight=1.0, but fit had lm_order=None.*wanted lm_order in fit"):
        fitted().predict(X, beam_size=2, lm_weight=1.0)
    model = GRUTranscriber(lm_order=2, **{**SMALL, "max_epochs": 1}).fit(X, Y)
    with pytest.raises(
        ValueError, match=r"lm_weight=1.0, but beam_size=1 asks no language model; wanted a beam_size above 1"
    ):
        model.predict(X, lm_weight=1.0)
    assert len(model.predict(X, beam_size=2, lm_weight=1.0)) == len(X)


def test_saved_and_loaded(tmp_path):
    model = GRUTranscriber(lm_order=2, beam_size=3, alphabet="abc", **{**SMALL, "max_epochs": 2}).fit(X, Y)
    sklearn_seq.save(model, tmp_path / "model")
    np.testing.assert_array_equal(sklearn_seq.load(tmp_path / "model").predict(X), model.predict(X))


def test_scikit_learn_around_it():
    model = make_pipeline(SequenceScaler(), RNNTranscriber(**{**SMALL, "max_epochs": 4}))
    scorer = make_scorer(word_error_rate, greater_is_better=False)
    search = GridSearchCV(model, {"rnntranscriber__beam_size": [1, 2]}, scoring=scorer, cv=2).fit(X, Y)
    assert search.best_score_ <= 0
    said = cross_val_predict(model, X, Y, cv=2)
    assert said.shape == Y.shape and all(isinstance(text, str) for text in said)


def test_early_stopping_decodes_the_validation_part():
    model = GRUTranscriber(**{**SMALL, "max_epochs": 4}, early_stopping=True).fit(X, Y, X_val=X[:9], y_val=Y[:9])
    assert model.validation_scores_[model.best_epoch_ - 1] == pytest.approx(model.score(X[:9], Y[:9]))


def test_parts_and_alphabets():
    clips, texts = spoken(20, 1, "ab")
    model = GRUTranscriber(alphabet="cab", hidden_size=4, random_state=0).partial_fit(clips, texts)
    assert model.alphabet_.tolist() == ["a", "b", "c"]
    model.partial_fit(X, Y)
    with pytest.raises(
        ValueError, match=r"y\[2\] is 'xa', and 'x' is not among the 3 characters 'abc'\. Name all characters"
    ):
        model.partial_fit(X[:3], ["a", "b", "xa"])
    weight = np.ones(len(X))
    weight[3] = 0
    rare = [*Y[:3], "zzz", *Y[4:]]  # weighs nothing, so it is not looked at
    plain = GRUTranscriber(**{**SMALL, "max_epochs": 1}).fit([*X[:3], *X[4:]], [*Y[:3], *Y[4:]])
    other = GRUTranscriber(**{**SMALL, "max_epochs": 1}).fit(X, rare, sample_weight=weight)
    assert other.alphabet_.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(np.concatenate(other.frame_proba(X)), np.concatenate(plain.frame_proba(X)))


@pytest.mark.parametrize("alphabet", [None, "ab\0"])
def test_a_character_that_arrays_lose_is_refused(alphabet):
    texts = ["ab", "a\0"] if alphabet is None else ["ab", "a"]
    name = "y" if alphabet is None else "alphabet"
    with pytest.raises(ValueError, match=rf"^{name} holds the character '\\x00', which arrays of str lose"):
        GRUTranscriber(alphabet=alphabet, **SMALL).fit(X[:2], texts)


def test_empty_texts_are_learnt_and_said():
    quiet = [np.zeros((5, 3)) + 0.1 * RNG.normal(size=(5, 3)) for _ in range(30)]
    model = GRUTranscriber(**SMALL).fit(X + quiet, [*Y, *[""] * 30])
    assert (model.predict(quiet) == "").all() and model.score(X, Y) > 0.9
    assert (model.predict(quiet, beam_size=3) == "").all()
    with pytest.raises(ValueError, match=r"no text in y has a character; wanted one at least"):
        GRUTranscriber().fit(quiet, [""] * 30)


@pytest.mark.parametrize(
    ("model", "steps"),
    [
        (GRUTranscriber(), r"X\[2\] has 4 timesteps; wanted at least 5 steps: .* Give longer sequences, or leave out"),
        (
            GRUTranscriber(stack=2),
            r"X\[2\] has 4 timesteps, which the network reads as 2, 2 to one; .* lower stack, or leave out",
        ),
        (CNNTranscriber(stride=3), r"X\[2\] has 4 timesteps, which the network reads as 2, 3 to one; .* lower stride"),
        (SpectrogramCNNTranscriber(stride=4), r"X\[2\] has 4 timesteps, which the network reads as 1, 4 to one"),
        (
            TransformerTranscriber(patch_stride=2),
            r"X\[2\] has 4 timesteps, which the network reads as 2, 2 to one; .* lower patch",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_texts_longer_than_the_network_can_spell(model, steps):
    clips = [RNG.normal(size=(n, 3)) for n in (9, 9, 4, 9)]
    with pytest.raises(ValueError, match=r"^y\[2\] has 3 characters, 2 of them behind themselves, and " + steps):
        model.fit(clips, ["a", "a", "aaa", "b"], sample_weight=[1, 0, 1, 1])
    with pytest.raises(ValueError, match=r"X_val.*y_val\[0\] has 9 characters|y_val\[0\] has 9 characters"):
        model.fit(clips, list("abab"), X_val=clips[2:3], y_val=["ababababa"])


def test_texts_too_long_for_a_body_that_was_trained_on_longer_sequences():
    model = TransformerTranscriber(patch_stride="auto", hidden_size=8, max_epochs=1, random_state=0)
    short = [RNG.normal(size=(20, 3)) for _ in range(6)]
    model.fit(short, ["abcdefgh"] * 6)  # a step of the network for each timestep
    model.pretrain([RNG.normal(size=(900, 3)) for _ in range(6)], max_epochs=1)
    with pytest.raises(ValueError, match=r"y\[0\] has 8 characters, .* 20 timesteps, which the network reads as 2, "):
        model.fit(short, ["abcdefgh"] * 6)
    with pytest.raises(
        ValueError, match=r"y_val\[0\] has 8 characters, .* 20 timesteps, which the network reads as 2, "
    ):
        model.fit(short, list("abcdef"), X_val=short[:1], y_val=["abcdefab"])


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ("ab", TypeError, r"y is 'ab'; wanted a list or 1-D array of texts, one for each sequence"),
        ([1, 2], TypeError, r"y\[0\] is 1, of type int; wanted a text \(str\)"),
        (["a", None], TypeError, r"y\[1\] is None, of type NoneType"),
        ([b"a", b"b"], TypeError, r"y\[0\] is b'a', of type bytes"),
        (np.array([["a", "b"]] * 2), ValueError, r"y has shape \(2, 2\); wanted one text for each sequence, \(2,\)"),
        (["a"], ValueError, r"X has 2 and y has 1"),
    ],
)
def test_what_is_no_text(y, error, message):
    with pytest.raises(error, match=message):
        GRUTranscriber().fit(X[:2], y)


def test_augmentations_that_part_clips_from_texts_are_refused():
    for name in ("crop", "mixup", "reverse_complement"):  # the last turns what is heard round, not what is written
        with pytest.raises(ValueError, match=rf"names '{name}', which would part sequences from their targets"):
            GRUTranscriber(augment=name).fit([x[:, :1] * np.ones(4) for x in X], Y)
    model = GRUTranscriber(augment={"tempo": 0.25, "mask": 0.1}, **{**SMALL, "max_epochs": 2}).fit(X, Y)
    assert np.isfinite(model.loss_curve_).all()


# -- layers -----------------------------------------------------------------------------------------------------------------


def test_stacked_steps_stand_side_by_side():
    class Echo(torch.nn.Module):
        out_features = 6

        def forward(self, x, mask, state=None):
            return x, mask, None

    x = torch.arange(30.0).view(1, 5, 6)[:, :, :2]
    mask = torch.tensor([[True] * 3 + [False] * 2])
    found, left, _ = Stacked(Echo(), 3)(x, mask)
    assert found.shape == (1, 2, 6) and left.tolist() == [[True, False]]
    np.testing.assert_array_equal(found[0, 0], x[0, :3].flatten())
    assert not found[0, 1].any()


@pytest.mark.parametrize(("stride", "n_features"), [(1, 5), (2, 8), (4, 1), (8, 40)])
def test_spectrogram_net_alone_and_padded(stride, n_features):
    torch.manual_seed(0)
    net = SpectrogramNet(
        n_features, n_planes=1, widths=[4, 8, 8], kernel_size=3, stride=stride, hidden_size=6, dropout=0.0
    )
    lengths = [1, 2, 7, 13, 16]
    rows = [torch.randn(n, n_features) for n in lengths]
    padded = torch.zeros(5, 20, n_features)
    mask = torch.arange(20) < torch.tensor(lengths)[:, None]
    for row, own in zip(padded, rows, strict=True):
        row[: len(own)] = own
    net.train()
    for _ in range(3):
        net(padded, mask)
    net.eval()
    with torch.no_grad():
        found, left, _ = net(padded, mask)
        for i, own in enumerate(rows):
            alone, none, _ = net(own[None], None)
            n = -(-len(own) // stride)
            assert none is None and alone.shape == (1, n, 6) and int(left[i].sum()) == n
            np.testing.assert_allclose(found[i, :n], alone[0], atol=1e-5)
    assert net.steps_per_token == stride


def test_training_a_spectrogram_net_does_not_look_at_padding():
    torch.manual_seed(0)
    net = (
        SpectrogramNet(6, n_planes=1, widths=[4, 4], kernel_size=3, stride=4, hidden_size=5, dropout=0.0)
        .double()
        .train()
    )
    x, mask = torch.randn(3, 9, 6, dtype=torch.float64), torch.arange(9) < torch.tensor([9, 5, 6])[:, None]
    x = x * mask[..., None]
    state = {name: value.clone() for name, value in net.state_dict().items()}
    found = []
    for more in (0, 7):
        net.load_state_dict(state)
        net.zero_grad()
        hidden, _, _ = net(torch.nn.functional.pad(x, (0, 0, 0, more)), torch.nn.functional.pad(mask, (0, more)))
        hidden.square().sum().backward()
        found.append([p.grad.clone() for p in net.parameters()] + [net.norm.running_mean.clone()])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-10)


def test_spectrogram_settings():
    with pytest.raises(ValueError, match=r"kernel_size=4 has no middle; wanted an odd number, such as 5"):
        SpectrogramCNNClassifier(kernel_size=4).fit(X, ["a", "b"] * 30)
    with pytest.raises(ValueError, match=r"stride=3 is no power of two"):
        SpectrogramCNNClassifier(stride=3).fit(X, ["a", "b"] * 30)
    gaps = [np.where(RNG.random(x.shape) < 0.1, np.nan, x) for x in X]
    model = SpectrogramCNNClassifier(missing="mask", n_filters=4, max_epochs=1, random_state=0).fit(
        gaps, ["a", "b"] * 30
    )
    assert np.isfinite(model.predict_proba(gaps)).all()
