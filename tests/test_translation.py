"""Translations: the loss against torch's layers by hand, beam search against enumeration, texts, and what is refused."""

import functools
import itertools
import math
import pickle
import sys

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils._param_validation import InvalidParameterError
from torch import nn

from sklearn_seq import (
    GRUTagger,
    GRUTranslator,
    LSTMTranslator,
    Sequences,
    TransformerTagger,
    TransformerTranslator,
    back_translate,
)
from sklearn_seq.layers.cross_attention import ATTENTIONS
from sklearn_seq.layers.language import smoothed_cross_entropy
from sklearn_seq.layers.translation_decoders import CrossAttention
from sklearn_seq.metrics import bleu_score, character_error_rate, chrf_score
from sklearn_seq.tasks.translate_loss import TranslationLoss
from sklearn_seq.tasks.translate_search import beam_search
from sklearn_seq.training.batches import Batches, PairBatches
from sklearn_seq.training.plan import Part
from sklearn_seq.training.targets import SequenceTarget

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight"]


def turned(n, seed=0, longest=5):
    """Texts of three letters, and the same from the end to the beginning in capitals."""
    rng = np.random.default_rng(seed)
    X = ["".join(rng.choice(list("abc"), size=rng.integers(0, longest + 1))) for _ in range(n)]
    return X, [x[::-1].upper() for x in X]


X, Y = turned(120)
SMALL = {"hidden_size": 12, "max_epochs": 3, "lr": 1e-2, "random_state": 0}
FAMILIES = {"GRU": GRUTranslator, "LSTM": LSTMTranslator, "Transformer": TransformerTranslator}
each_family = pytest.mark.parametrize("family", FAMILIES)
VARIANTS = [
    ("GRU", {}),
    ("GRU", {"attention": "additive", "n_layers": 2, "tie_weights": False}),
    ("LSTM", {"embedding_size": 7, "bidirectional": False}),
    ("LSTM", {"shared_vocabulary": True}),
    ("Transformer", {}),
    ("Transformer", {"positions": "rotary"}),
    ("Transformer", {"n_heads": 3, "activation": "gated", "embedding_size": 8, "tie_weights": False}),
    ("Transformer", {"shared_vocabulary": True, "patch_length": 4, "patch_stride": 2}),
]
each_variant = pytest.mark.parametrize(("family", "options"), VARIANTS, ids=str)


@functools.cache
def fitted(family="GRU", **params):
    return FAMILIES[family](**{**SMALL, **params}).fit(X, Y)


def batch_of(model, X, y, dtype=torch.float32):
    """The network's arguments for some pairs, padded by hand."""
    rows, answers = model._pass_gate(X), model._read_target(y)
    n_steps, n_written = int(rows.lengths.max()), int(answers.lengths.max())
    x, values = torch.zeros(len(X), n_steps, 1, dtype=torch.long), torch.zeros(len(y), n_written, dtype=torch.long)
    for i, (own, answer) in enumerate(zip(rows, answers, strict=True)):
        x[i, : len(own)], values[i, : len(answer)] = torch.from_numpy(own), torch.from_numpy(answer[:, 0])
    lengths = torch.from_numpy(answers.lengths)
    mask = torch.arange(n_steps) < torch.from_numpy(rows.lengths)[:, None]
    return x, mask, SequenceTarget(values, lengths, torch.arange(n_written) < lengths[:, None])


# -- the loss ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_smoothed_cross_entropy_is_that_of_torch_with_its_gradient(smoothing):
    logits = torch.randn(5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    tokens, share = torch.tensor([0, 6, 2, 2, 3]), torch.tensor([1.0, 2.0, 0.5, 0.0, 3.0], dtype=torch.float64)
    found = smoothed_cross_entropy(logits, tokens, smoothing)
    wanted = nn.functional.cross_entropy(logits, tokens, reduction="none", label_smoothing=smoothing)
    torch.testing.assert_close(found, wanted)
    one, other = (torch.autograd.grad((losses * share).sum(), logits)[0] for losses in (found, wanted))
    torch.testing.assert_close(one, other)


def test_label_smoothing_spreads_a_share_over_all_tokens():
    log_proba = torch.log_softmax(torch.tensor([[2.0, 0.0, -1.0]], dtype=torch.float64), dim=1)[0]
    target = SequenceTarget(torch.tensor([[0]]), torch.tensor([1]), torch.ones(1, 1, dtype=torch.bool))
    found = TranslationLoss(0.3, 2.0)(log_proba[None], target)
    wanted = -(0.7 * log_proba[0] + 0.3 * log_proba.mean()) / 2.0
    torch.testing.assert_close(found[0], wanted)


def by_hand(module, x, answer, cell):
    """Minus the log-likelihood of one answer: torch's layers, one step after the other, and sums over the memory."""
    weight = (module.embedding or module.scaling).weight
    factor = math.sqrt(weight.shape[1])
    body, decoder = module.body, module.decoder
    told = module.scaling.weight[x]  # (T, E)
    forward, backward = body.forward_layers[0], body.backward_layers[0]
    memory = torch.cat([forward(told[None])[0][0], backward(told.flip(0)[None])[0][0].flip(0)], dim=1)  # (T, 2H)
    keys = decoder.attention.keys(memory)
    states = {"below": None, "above": None}
    total = 0.0
    for i, token in enumerate(answer):
        before = answer[i - 1] if i else module.mark
        step = weight[before] * factor
        if i == 0:
            step = step + decoder.tell(memory.mean(dim=0))
        out, states["below"] = decoder.below.forward_layers[0](step[None, None], states["below"])
        asking = out[0, 0]
        if cell == "additive":
            units = torch.tanh(decoder.attention.ask(asking) + keys)
            scores = decoder.attention.weigh(units)[:, 0]
        else:
            scores = keys @ asking / math.sqrt(len(asking))
        answered = torch.softmax(scores, dim=0) @ memory
        out, states["above"] = decoder.above.forward_layers[0](
            torch.cat([asking, answered])[None, None], states["above"]
        )
        hidden = torch.tanh(decoder.mix(torch.cat([out[0, 0], answered, step])))
        logits = weight @ module.narrow(hidden) + module.bias
        total = total - torch.log_softmax(logits, dim=0)[token]
    return total


@pytest.mark.parametrize("cell", ["multiplicative", "additive"])
@pytest.mark.parametrize("family", ["GRU", "LSTM"])
def test_loss_by_torch_layers_step_by_step(family, cell):
    model = FAMILIES[family](attention=cell, hidden_size=5, embedding_size=4, max_epochs=1, dtype="float64")
    model.set_params(random_state=0, label_smoothing=0.0).fit(X, Y)
    some, answers = ["abca", "", "c"], ["BA", "CCC", ""]
    network = model.module_
    x, mask, target = batch_of(model, some, answers)
    wanted = [
        by_hand(network, x[i, : int(mask[i].sum()), 0], target.values[i, : target.lengths[i]], cell) for i in range(3)
    ]
    np.testing.assert_allclose(-model.score_samples(some, answers), torch.stack(wanted).detach().numpy(), rtol=1e-10)
    network.train()  # there the layers of this package run; without dropout they say the same
    for layer in network.modules():
        if hasattr(layer, "p"):
            layer.p = 0.0
    losses = TranslationLoss()(network(x, mask, target), target)
    torch.testing.assert_close(losses, torch.stack(wanted), rtol=1e-6, atol=1e-6)
    share = torch.tensor([1.0, 0.5, 2.0], dtype=torch.float64)
    parameters = dict(network.named_parameters())
    found = torch.autograd.grad((losses * share).sum(), list(parameters.values()))
    hand = torch.autograd.grad((torch.stack(wanted) * share).sum(), list(parameters.values()))
    for name, one, other in zip(parameters, found, hand, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6, msg=name)


def test_attention_to_the_memory_is_that_of_torch():
    torch.manual_seed(0)
    ours, theirs = CrossAttention(8, 6, 2).double(), nn.MultiheadAttention(8, 2, kdim=6, vdim=6, batch_first=True)
    theirs = theirs.double()
    with torch.no_grad():
        theirs.q_proj_weight.copy_(ours.ask.weight)
        theirs.k_proj_weight.copy_(ours.project.weight[:8])
        theirs.v_proj_weight.copy_(ours.project.weight[8:])
        theirs.in_proj_bias.copy_(torch.cat([ours.ask.bias, ours.project.bias]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    x, memory = torch.randn(3, 4, 8, dtype=torch.float64), torch.randn(3, 5, 6, dtype=torch.float64)
    mask = torch.arange(5) < torch.tensor([5, 2, 1])[:, None]
    found, asked = ours(x, ours.prepare(memory, mask)), ours.prepare(memory, mask)
    wanted, weights = theirs(x, memory, memory, key_padding_mask=~mask)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(ours.weights(x, asked).mean(dim=1), weights)


def test_padding_of_the_memory_has_no_share():
    for attention in ATTENTIONS.values():
        layer = attention(4, 3).double()
        hidden, memory = torch.randn(2, 3, 4, dtype=torch.float64), torch.randn(2, 5, 3, dtype=torch.float64)
        mask = torch.arange(5) < torch.tensor([5, 2])[:, None]
        weights = layer(hidden, layer.prepare(memory), mask)
        torch.testing.assert_close(weights.sum(dim=2), torch.ones(2, 3, dtype=torch.float64))
        assert not weights[1, :, 2:].any()
        alone = layer(hidden[1:], layer.prepare(memory[1:, :2]), None)
        torch.testing.assert_close(weights[1:, :, :2], alone)


@each_family
def test_no_token_is_told_what_comes_behind_it(family):
    network = fitted(family).module_
    x, mask, target = batch_of(fitted(family), ["abc"], ["CBAC"])
    before = network(x, mask, target)
    other = target.values.clone()
    other[0, 2] = 3 - other[0, 2] + 2
    after = network(x, mask, target._replace(values=other))
    torch.testing.assert_close(after[:3], before[:3])
    assert not torch.allclose(after[3], before[3])


@each_variant
def test_going_step_by_step_equals_all_at_once(family, options):
    model = fitted(family, **options)
    network, some = model.module_, ["abcab", "", "cc"]
    x, mask, target = batch_of(model, some, ["CABBA", "C", ""])
    wanted = network(x, mask, target)
    with torch.inference_mode():
        state, last, found = network.start(x, mask), torch.full((3,), network.mark), []
        for i in range(target.values.shape[1]):
            logits, state = network.step(last, state)
            found.append(logits)
            last = target.values[:, i]
    found = torch.stack(found, dim=1)[target.mask]
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)


@each_variant
def test_rows_are_taken_out_of_the_state(family, options):
    model = fitted(family, **options)
    network, rows = model.module_, torch.tensor([2, 0, 0])
    x, mask, _ = batch_of(model, ["abcab", "", "cc"], ["", "", ""])
    with torch.inference_mode():
        _, state = network.step(torch.tensor([network.mark] * 3), network.start(x, mask))
        wanted, _ = network.step(torch.tensor([2, 3, 4]), state)
        _, state = network.step(torch.tensor([network.mark] * 3), network.start(x, mask))
        found, _ = network.step(torch.tensor([4, 2, 2]), network.select(state, rows))
    torch.testing.assert_close(found, wanted[rows], rtol=0, atol=1e-6)


# -- beam search -------------------------------------------------------------------------------------------------------


class Table:
    """A network whose logits are numbers by chance for each source and beginning of an answer."""

    def __init__(self, n_tokens, seed, sharp=1.5):
        self.n_tokens, self.seed, self.sharp = n_tokens, seed, sharp

    def logits(self, source, beginning):
        rng = np.random.default_rng([self.seed, source, len(beginning), *beginning])
        return self.sharp * rng.normal(size=self.n_tokens)

    def start(self, x, mask):
        return [(int(source), None) for source in x[:, 0, 0]]

    def step(self, tokens, state):
        state = [(source, () if known is None else (*known, int(t))) for (source, known), t in zip(state, tokens)]
        return torch.tensor(np.stack([self.logits(*one) for one in state])), state

    def select(self, state, rows):
        return [state[i] for i in rows.tolist()]

    def every(self, source, limit, mark, banned=()):
        """Log-likelihood of all answers of up to ``limit`` tokens."""
        found = {}
        tokens = [t for t in range(self.n_tokens) if t != mark and t not in banned]
        for n in range(limit + 1):
            for answer in itertools.product(tokens, repeat=n):
                total = 0.0
                for i, token in enumerate((*answer, mark)):
                    logits = self.logits(source, answer[:i])
                    total += logits[token] - np.log(np.exp(logits).sum())
                found[answer] = total
        return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0])
def test_a_wide_beam_finds_the_best_of_all_answers(seed, penalty):
    network, limits = Table(4, seed), np.array([4, 0, 3])
    x = torch.arange(3)[:, None, None]
    options = {"mark": 3, "length_penalty": penalty, "banned": (0,)}
    answers, scores = beam_search(network, x, None, limits, beam_size=100, **options)
    for source, limit in enumerate(limits.tolist()):
        every = {a: v / (len(a) + 1) ** penalty for a, v in network.every(source, limit, 3, banned=(0,)).items()}
        best = max(every, key=every.get)
        assert tuple(answers[source].tolist()) == best
        assert scores[source] == pytest.approx(every[best])


@pytest.mark.parametrize("penalty", [400.0, 1e300])
def test_a_penalty_whose_powers_no_float_holds_wants_the_longest(penalty):
    network, limits = Table(4, 0), np.array([7, 5, 3])
    x = torch.arange(3)[:, None, None]
    answers, _ = beam_search(network, x, None, limits, mark=3, beam_size=2000, length_penalty=penalty, banned=(0,))
    for source, (answer, limit) in enumerate(zip(answers, limits.tolist(), strict=True)):
        every = network.every(source, limit, 3, banned=(0,))
        assert tuple(answer.tolist()) == max((a for a in every if len(a) == limit), key=every.get)


@pytest.mark.parametrize("seed", range(4))
def test_a_beam_of_one_follows_the_likeliest_token(seed):
    network, limits = Table(5, seed, sharp=0.5), np.array([6, 6, 2])
    found, _ = beam_search(
        network, torch.arange(3)[:, None, None], None, limits, mark=4, beam_size=1, length_penalty=1.0
    )
    for source, limit in enumerate(limits.tolist()):
        wanted = []
        while len(wanted) < limit:
            token = int(network.logits(source, tuple(wanted)).argmax())
            if token == 4:
                break
            wanted.append(token)
        assert found[source].tolist() == wanted


@pytest.mark.parametrize("size", [1, 3])
def test_answers_do_not_depend_on_those_beside_them(size):
    network, limits = Table(4, 7), np.array([5, 2, 4, 1])
    options = {"mark": 3, "beam_size": size, "length_penalty": 0.8}
    x = torch.arange(4)[:, None, None]
    together, scores = beam_search(network, x, None, limits, **options)
    for i in range(4):
        alone, score = beam_search(network, x[i : i + 1], None, limits[i : i + 1], **options)
        assert alone[0].tolist() == together[i].tolist()
        assert score[0] == scores[i]


@each_family
def test_predict_finds_the_argmax_of_a_fitted_model(family):
    model = fitted(family, max_length=3, length_penalty=0.7)
    every = ["".join(letters) for n in range(4) for letters in itertools.product("ABC", repeat=n)]
    for x in ("ab", "c", ""):
        scores = model.score_samples([x] * len(every), every) / np.array([len(a) + 1 for a in every]) ** 0.7
        assert model.predict([x], beam_size=200)[0] == every[int(scores.argmax())]


@each_family
def test_padding_and_mates_change_no_answer(family):
    model = fitted(family)
    some = ["abc", "", "a", "cbbca"]
    wanted = model.predict(some).tolist()
    assert [model.predict([x])[0] for x in some] == wanted
    assert model.predict([*some, "abc" * 12])[:4].tolist() == wanted
    assert model.predict(some[::-1]).tolist() == wanted[::-1]


def test_answers_are_at_most_as_long_as_said():
    model = fitted(max_length=2)
    assert max(map(len, model.predict(["abcabc", "a"]))) <= 2
    free, bound = fitted(max_length=10**30), fitted(max_length=30)
    assert list(free.predict(X[:4])) == list(bound.predict(X[:4]))
    rng = np.random.default_rng(0)
    short = ["a", "b"] * 20
    long = ["x" * rng.integers(25, 30) for _ in short]
    loose = GRUTranslator(**SMALL).fit(short, long)
    limits = loose._limits(np.array([2, 2, 40]))  # with the mark
    assert limits[0] >= max(map(len, long)) and limits[2] > limits[0]


@pytest.mark.parametrize("how", ["early_stopping", "warm_start", "partial_fit"])
def test_answers_may_be_as_long_as_any_that_was_given(how):
    short, long = (["a", "b"] * 20, ["x", "y"] * 20), (["a", "b"], ["x" * 50, "y" * 50])
    options = SMALL | {"max_epochs": 1}
    if how == "early_stopping":
        pairs = ["a" * 40, "b" * 40], ["x", "x" * 50]  # one of which is held out
        chances = [{"random_state": i, "early_stopping": True, "validation_fraction": 0.5} for i in range(4)]
        models, size = [GRUTranslator(**options | chance).fit(*pairs) for chance in chances], 41
    elif how == "warm_start":
        models, size = [GRUTranslator(**options, warm_start=True).fit(*short).fit(*long)], 2
    else:
        models, size = [GRUTranslator(**options).partial_fit(*short).partial_fit(*long)], 2
    for model in models:
        assert model._limits(np.array([size]))[0] >= 50


@pytest.mark.parametrize("positions", ["both", "sinusoidal", "rotary", "none"])
def test_equal_tokens_at_other_places_of_an_answer_are_told_apart(positions):
    decoder = TransformerTranslator(hidden_size=8, positions=positions).make_decoder(8, 8).eval()
    draw = torch.Generator().manual_seed(0)
    token, memory = torch.randn(1, 8, generator=draw), torch.randn(1, 5, 8, generator=draw)
    with torch.no_grad():
        found = decoder(token[:, None].expand(1, 200, 8), None, memory)[0]
        state, steps = decoder.start(memory, None), []
        for _ in range(200):
            hidden, state = decoder.step(token, state)
            steps.append(hidden[0])
    torch.testing.assert_close(torch.stack(steps), found, atol=1e-5, rtol=1e-5)
    differ = (found[1:] - found[:-1]).abs().amax(dim=1) > 1e-3
    assert differ.all() if positions in ("both", "sinusoidal") else not differ.any()


# -- learning ----------------------------------------------------------------------------------------------------------


@each_family
def test_it_learns_to_turn_texts_round(family):
    X, y = turned(200, seed=1, longest=4)
    sizes = {"lr": 5e-3, "max_epochs": 40} if family == "Transformer" else {"lr": 1e-2, "max_epochs": 20}
    model = FAMILIES[family](hidden_size=24, random_state=0, n_threads=1, **sizes).fit(X, y)
    X_test, y_test = turned(60, seed=2, longest=4)
    assert model.score(X_test, y_test) > 0.93
    assert np.mean(model.predict(X_test) == np.array(y_test)) > 0.85


def test_attention_looks_at_the_token_that_is_written():
    rng = np.random.default_rng(0)
    X = ["".join(rng.choice(list("abcdef"), size=rng.integers(2, 6))) for _ in range(200)]
    model = GRUTranslator(hidden_size=24, max_epochs=15, lr=1e-2, random_state=0).fit(X, [x.upper() for x in X])
    weights = model.attention_weights(X[:40], [x.upper() for x in X[:40]])
    hits = [w[:-1].argmax(axis=1) == np.arange(len(w) - 1) for w in weights]
    assert np.concatenate(hits).mean() > 0.8
    assert [w.shape for w in weights] == [(len(x) + 1, len(x) + 1) for x in X[:40]]


def test_numbers_become_words_and_ids_become_texts():
    rng = np.random.default_rng(0)
    ids = [rng.integers(0, 8, size=rng.integers(1, 4)) for _ in range(100)]
    texts = [" ".join(WORDS[i] for i in x) for x in ids]
    model = GRUTranslator(level="word", hidden_size=24, max_epochs=15, batch_size=16, lr=2e-2, random_state=0).fit(
        ids, texts
    )
    assert model.encoder_ is None and model.n_tokens_ == 9 and model.n_target_tokens_ == 10
    assert model.score(ids, texts) > 0.95
    back = GRUTranslator(level="word", hidden_size=24, max_epochs=15, batch_size=16, lr=2e-2, random_state=0).fit(
        texts, ids
    )
    assert back.score(texts, ids) > 0.95
    said = back.predict(texts[:3])
    assert said.dtype == object and all(x.dtype == np.int64 for x in said)
    rectangular = np.array([[0, 1], [2, 3], [1, 1]])
    assert len(GRUTranslator(**SMALL).fit(rectangular, rectangular).predict(rectangular)) == 3


# -- texts -------------------------------------------------------------------------------------------------------------


def test_words_are_what_stands_between_white_space():
    X, y = ["Hello, World!", "a b", "a"], ["Hallo, Welt!", "A  B", "A"]
    model = GRUTranslator(level="word", **SMALL).fit(X, y)
    assert model.target_encoder_.tokens_.tolist()[2:] == ["A", "B", "Hallo,", "Welt!"]
    some = model._target.decode([np.array([4, 5]), np.array([], dtype=np.int64)])
    assert some.tolist() == ["Hallo, Welt!", ""]


def test_byte_pairs_come_back():
    X = ["The dog runs.", "A dog, the dog!", "The cat sleeps; a cat."]
    model = GRUTranslator(level="bpe", max_tokens=40, shared_vocabulary=True, **SMALL).fit(X, X[::-1])
    assert model.encoder_ is model.target_encoder_
    ids = model._read_target(X)
    assert model._target.decode([x[:-1, 0] for x in ids]).tolist() == X
    again = pickle.loads(pickle.dumps(model))
    assert again.predict(X).tolist() == model.predict(X).tolist()


def test_one_vocabulary_has_one_table_of_vectors():
    one, two = fitted(shared_vocabulary=True), fitted()
    assert set(one.target_encoder_.vocabulary_) == set("abcABC")
    assert one.n_parameters_ < two.n_parameters_
    assert "embedding.weight" not in one.module_.state_dict()
    ids = [np.array([0, 1]), np.array([2])]
    model = GRUTranslator(shared_vocabulary=True, **SMALL).fit(ids, [np.array([5]), np.array([0])])
    assert model.n_tokens_ == model.n_target_tokens_ == 7


def test_rare_tokens_get_no_id():
    X, y = ["a b", "a c", "a d"], ["x y", "x z", "x"]
    model = GRUTranslator(level="word", min_count=2, **SMALL).fit(X, y)
    assert set(model.encoder_.vocabulary_) == {"a"} and set(model.target_encoder_.vocabulary_) == {"x"}
    assert set(" ".join(model.predict(["a b", "d"])).split()) <= {"x"}
    few = GRUTranslator(level="word", max_tokens=1, **SMALL).fit(X, y)
    assert few.n_tokens_ == 3  # with the unknown one and the mark


def test_no_text_has_a_token():
    model = GRUTranslator(**SMALL).fit(["", ""], ["", ""])
    assert model.predict(["", "abc"]).tolist() == ["", ""]


def test_the_loss_of_a_validation_part_is_without_dropout():
    model = GRUTranslator(**SMALL | {"dropout": 0.8}).fit(X, Y, X_val=X[:9], y_val=Y[:9])
    wanted = model.score_samples(X[:9], Y[:9]).sum() / sum(len(y) + 1 for y in Y[:9])
    assert model.validation_scores_[-1] == pytest.approx(wanted, rel=1e-5)


def test_weights_are_averaged():
    options = SMALL | {"max_epochs": 4, "lr_schedule": "constant", "dropout": 0.0}
    weights = []
    for n in (3, 4):
        model = GRUTranslator(**options | {"max_epochs": n}).fit(X, Y)
        weights.append(model.module_.decoder.mix.weight.detach().numpy())
    mean = GRUTranslator(average_weights=0.5, **options).fit(X, Y).module_.decoder.mix.weight.detach().numpy()
    np.testing.assert_allclose(mean, (weights[0] + weights[1]) / 2, atol=1e-6)


def test_batches_have_pairs_of_about_equal_length():
    lengths = np.random.default_rng(0).integers(1, 9, size=(2, 2000))
    sides = (Sequences.from_list([np.full(n, i) for i, n in enumerate(side)]) for side in lengths)
    part, padded = Part(*sides, np.ones(2000)), {}
    for kind in (PairBatches, Batches):
        batches, seen, padded[kind] = kind([part], 16, torch.device("cpu"), torch.float32, [0]), [], 0
        for batch in batches.epoch():
            rows = batch.x[:, 0, 0].tolist()
            seen += rows
            assert batch.target.values[:, 0].tolist() == rows
            padded[kind] += batch.x.shape[0] * (batch.x.shape[1] + batch.target.values.shape[1])
        assert sorted(seen) == list(range(2000))
    assert lengths.sum() < padded[PairBatches] < 0.95 * padded[Batches]


# -- through scikit-learn ----------------------------------------------------------------------------------------------


def test_score_is_one_less_the_error_rate():
    model = fitted()
    said, weight = model.predict(X[:20]), np.arange(20.0)
    assert model.score(X[:20], Y[:20]) == 1.0 - character_error_rate(Y[:20], said)
    weighted = model.score(X[:20], Y[:20], sample_weight=weight)
    assert weighted == 1.0 - character_error_rate(Y[:20], said, sample_weight=weight)
    ids = [np.array([1, 2]), np.array([0]), np.array([], dtype=int)]
    of_ids = GRUTranslator(**SMALL).fit(ids, ids)
    of_ids.predict = lambda X: np.array([np.array([1, 2, 2]), np.array([3]), np.array([])], dtype=object)
    assert of_ids.score(ids, ids) == pytest.approx(1 - 2 / 3)


def test_search_pipeline_and_cross_validation():
    small = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    model = make_pipeline(small, GRUTranslator(**SMALL))
    loud = [x.upper() for x in X[:40]]
    search = GridSearchCV(model, {"grutranslator__hidden_size": [4, 8]}, cv=2).fit(loud, Y[:40])
    assert search.predict(loud[:3]).tolist() == search.best_estimator_.predict(loud[:3]).tolist()
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    said = cross_val_predict(clone(model), np.array(loud), np.array(Y[:40]), cv=2)
    assert said.shape == (40,) and said.dtype.kind == "U"
    by_hand = clone(model).fit(loud[20:], Y[20:40])
    assert said[:20].tolist() == by_hand.predict(loud[:20]).tolist()


# -- back-translation --------------------------------------------------------------------------------------------------


def test_back_translation_makes_sources():
    reverse = GRUTranslator(**SMALL).fit(Y, X)
    X_all, y_all, weight = back_translate(
        reverse, X, Y, ["AB", "C"], sample_weight=np.arange(120.0), weight=0.5, beam_size=1
    )
    assert X_all == [*X, *reverse.predict(["AB", "C"], beam_size=1).tolist()]
    assert y_all == [*Y, "AB", "C"]
    np.testing.assert_array_equal(weight, [*np.arange(120.0), 0.5, 0.5])
    GRUTranslator(**SMALL).fit(X_all, y_all, sample_weight=weight)
    nothing = back_translate(reverse, X, Y, [])
    assert nothing[0] == X and nothing[1] == Y and nothing[2].tolist() == [1.0] * 120
    ids = [np.array([0, 1]), np.array([1])]
    found = back_translate(GRUTranslator(**SMALL).fit(ids, ids), ids, ids, [np.array([0])])
    assert len(found[0]) == 3 and found[0][2].dtype == np.int64


class Silent:
    def predict(self, X):
        return np.array(["a"])


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((Silent(), X, Y[:3], ["A"]), {}, ValueError, r"X has 120 samples and y has 3; wanted one answer"),
        ((Silent(), X, Y, ["A", "B"]), {}, ValueError, r"reverse.predict gave 1 sources for 2 of y_more"),
        ((Silent(), X, Y, [np.array([1])]), {}, ValueError, r"y_more holds ids, but .* texts; wanted texts again"),
        ((Silent(), [np.array([1])] * 2, Y[:2], ["A"]), {}, ValueError, r"reverse.predict\(y_more\) holds texts"),
        ((Silent(), X, Y, ["A", None]), {}, TypeError, r"y_more\[1\] is missing; wanted a str"),
        ((Silent(), X, Y, ["A"]), {"weight": -1.0}, ValueError, r"weight=-1.0; wanted a finite number, 0 or more"),
        ((Silent(), X, Y, ["A"]), {"weight": "a"}, ValueError, r"weight='a'; wanted a finite number, 0 or more"),
    ],
)
def test_back_translation_refuses(arguments, options, error, message):
    with pytest.raises(error, match=message):
        back_translate(*arguments, **options)


# -- metrics -----------------------------------------------------------------------------------------------------------


def test_bleu_is_that_of_its_formula():
    true, said = ["a b c d e", "x y z w"], ["a b c d", "x y z v"]
    right = [7 / 8, 5 / 6, 3 / 4, 1 / 2]
    wanted = 100 * math.exp(1 - 9 / 8) * math.prod(right) ** 0.25
    assert bleu_score(true, said) == pytest.approx(wanted)
    assert bleu_score(true, true) == pytest.approx(100)
    assert bleu_score(["A B C D"], ["a b c d"]) < 1 < 99 < bleu_score(["A B C D"], ["a b c d"], lowercase=True)
    assert bleu_score(["abcde"], ["abcdf"], tokenize="char") > bleu_score(["abcde"], ["abcdf"])


def test_chrf_counts_characters():
    assert chrf_score(["abc"], ["abc"]) == pytest.approx(100)
    assert chrf_score(["abc"], ["xyz"]) == 0
    assert chrf_score(["AB C"], ["ab c"], lowercase=True) == pytest.approx(100)
    assert chrf_score(["a b c"], ["a c b"], word_order=2) != chrf_score(["a b c"], ["a c b"])


def test_metrics_refuse_in_words(monkeypatch):
    with pytest.raises(ValueError, match=r"y_true has 1 texts and y_pred has 2"):
        bleu_score(["a"], ["a", "b"])
    with pytest.raises(TypeError, match=r"y_pred\[0\] is 3, of type int; wanted a text"):
        chrf_score(["a"], [3])
    with pytest.raises(ValueError, match=r"tokenize='words'; wanted one of .*13a"):
        bleu_score(["a"], ["a"], tokenize="words")
    with pytest.raises(ValueError, match=r"hold no text; wanted one at least"):
        bleu_score([], [])
    with pytest.raises(ValueError, match=r"word_order=-1; wanted a whole number, 0 or more"):
        chrf_score(["a"], ["a"], word_order=-1)
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    for metric in (bleu_score, chrf_score):
        with pytest.raises(
            ImportError, match=rf"{metric.__name__} needs the package sacrebleu: pip install .*\[text\]"
        ):
            metric(["a"], ["a"])


def test_bleu_is_a_scorer():
    scorer = make_scorer(bleu_score)
    assert 0 <= scorer(fitted(), X[:10], Y[:10]) <= 100


# -- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "y", "options", "error", "message"),
    [
        ("abc", ["a"], {}, ValueError, r"X is one str of length 3; wanted a list of texts.*One text is \[X\]"),
        (["a"], "abc", {}, ValueError, r"y is one str of length 3; wanted a list of texts.*One text is \[y\]"),
        (["a", "b"], ["a"], {}, ValueError, r"X has 2 and y has 1; wanted one answer for each of X"),
        (["a", "b"], ["a", 3], {}, TypeError, r"y\[1\] is of type int; wanted a str"),
        ([b"a"], ["a"], {}, TypeError, r"X\[0\] is of type bytes.*Decode them"),
        ([["a", "b"]], ["a"], {}, ValueError, r"X holds lists of words.*' '.join"),
        (
            [[0.5]],
            ["a"],
            {},
            TypeError,
            r"X\[0\] holds float64, which are no token ids; wanted whole numbers, or texts",
        ),
        (["a"], [np.array([-1])], {}, ValueError, r"y\[0\] holds the id -1; wanted ids of 0 and more"),
        (
            ["a"],
            [np.array([0])],
            {"shared_vocabulary": True},
            ValueError,
            r"X holds texts and y holds ids; wanted texts",
        ),
        (
            Sequences.from_tokens([[0]], n_tokens=2),
            Sequences.from_tokens([[0]], n_tokens=3),
            {"shared_vocabulary": True},
            ValueError,
            r"X has ids of 2 tokens and y of 3; wanted one vocabulary",
        ),
        (
            [[3]],
            Sequences.from_tokens([[0]], n_tokens=3),
            {"shared_vocabulary": True},
            ValueError,
            r"X\[0\] holds the id 3, but .* knows ids from 0 to 2",
        ),
        (["a"], ["b\0"], {}, ValueError, r"^y holds the character '\\x00', which arrays of str lose"),
        (["a\0"], ["b"], {"shared_vocabulary": True}, ValueError, r"^X holds the character '\\x00'"),
        ([[1]], [np.ma.masked_equal([1, 7], 7)], {}, TypeError, r"^y\[0\] is a masked array, some values of which"),
    ],
)
def test_bad_pairs_are_refused(X, y, options, error, message):
    with pytest.raises(error, match=message):
        GRUTranslator(**SMALL, **options).fit(X, y)


def test_a_character_that_arrays_lose_is_read_where_it_is_never_written():
    model = GRUTranslator(**{**SMALL, "max_epochs": 1}).fit(["a\0", "a"], ["b", "c"])
    assert len(set(model.score_samples(["a\0", "a"], ["b", "b"]))) == 2


def test_bad_questions_are_refused():
    model = fitted()
    with pytest.raises(ValueError, match=r"X holds ids, but this GRUTranslator was fitted on texts"):
        model.predict([np.array([0, 1])])
    for size in (0, 2.5, "wide"):
        with pytest.raises(ValueError, match=rf"^beam_size={size!r}; wanted a whole number, 1 or more"):
            model.predict(["a"], beam_size=size)
    for penalty in (-1.0, np.nan, "long", 10**400):
        with pytest.raises(ValueError, match=rf"^length_penalty={penalty!r}; wanted a finite number, 0 or more"):
            model.predict(["a"], length_penalty=penalty)
    with pytest.raises(ValueError, match=r"X has 2 samples and y has 1; wanted one answer for each of X"):
        model.score(["a", "b"], ["A"])
    with pytest.raises(ValueError, match=r"X has 1 samples and y has 2; wanted one answer for each of X"):
        model.score_samples(["a"], ["A", "B"])
    with pytest.raises(ValueError, match=r"predict gives texts and y holds ids; wanted texts"):
        model.score(["a"], [np.array([0])])
    ids = GRUTranslator(**SMALL).fit([np.array([0, 1])], [np.array([2])])
    with pytest.raises(ValueError, match=r"X\[0\] holds the id 5, but this GRUTranslator knows ids from 0 to 1"):
        ids.predict([np.array([5])])
    with pytest.raises(ValueError, match=r"In the validation part \(X_val, y_val\): y\[0\]"):
        GRUTranslator(**SMALL).fit([np.array([0])], [np.array([2])], X_val=[np.array([0])], y_val=[np.array([7])])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("level", ["letters", None, 3]),
        ("shared_vocabulary", ["yes", 2]),
        ("max_tokens", [0, 1.5, "all"]),
        ("min_count", [0, 1.5, None]),
        ("embedding_size", [0, "big", None]),
        ("tie_weights", ["no", 2]),
        ("token_dropout", [1.0, -0.1, None]),
        ("label_smoothing", [1.0, -0.1, None]),
        ("average_weights", [1.0, -0.1, "a"]),
        ("beam_size", [0, 1.5, None]),
        ("length_penalty", [-1.0, "a", None]),
        ("max_length", [0, 1.5, "long", None]),
        ("attention", ["dot", None, 3]),
    ],
)
def test_bad_parameters(name, values):
    for value in values:
        message = rf"^The '{name}' parameter of GRUTranslator must be .*\. Got {value!r} instead\.$"
        for method in ("fit", "partial_fit"):
            with pytest.raises(InvalidParameterError, match=message):
                getattr(GRUTranslator(**{name: value}), method)(X[:4], Y[:4])


def test_every_own_parameter_has_a_row():
    others = TransformerTagger().get_params() | GRUTagger().get_params()
    rows = {name for name, _ in test_bad_parameters.pytestmark[0].args[1]}
    for cls in FAMILIES.values():
        assert cls().get_params().keys() - others.keys() <= rows


def test_going_on_keeps_the_network():
    model = GRUTranslator(**SMALL, warm_start=True).fit(X[:30], Y[:30])
    model.set_params(beam_size=1, length_penalty=0.5, label_smoothing=0.0, max_length=7).fit(X[:30], Y[:30])
    with pytest.raises(ValueError, match=r"hidden_size was changed from 12 to 13"):
        model.set_params(hidden_size=13).partial_fit(X[:30], Y[:30])
