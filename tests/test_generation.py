"""Language models: probabilities against enumeration, reading on against reading whole, and what is written."""

import copy
import inspect
import itertools
import math
import pickle

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from torch import nn

import sklearn_seq
from sklearn_seq import GRUGenerator, LSTMGenerator, RNNGenerator, Sequences, TransformerGenerator
from sklearn_seq.layers.causal import CausalTransformer
from sklearn_seq.layers.language import LanguageNetwork
from sklearn_seq.layers.recurrent import Recurrent
from sklearn_seq.tasks import generate, generate_sampling
from sklearn_seq.tasks.generate_sampling import Choice
from sklearn_seq.training import Part
from sklearn_seq.training.streams import Streams

GENERATORS = [RNNGenerator, LSTMGenerator, GRUGenerator, TransformerGenerator]
SMALL = {"hidden_size": 8, "max_epochs": 2, "n_steps": 6, "random_state": 0}
TEXTS = ["the cat sat", "the dog ran", "a cat ran", "", "the cat"]
every_generator = pytest.mark.parametrize("cls", GENERATORS, ids=lambda cls: cls.__name__)


def fitted(cls, X=TEXTS, **params):
    return cls(**{**SMALL, **params}).fit(X)


# -- probabilities -----------------------------------------------------------------------------------------------------


@every_generator
@pytest.mark.parametrize("tied", [True, False])
def test_probabilities_of_all_texts_sum_to_one(cls, tied):
    """Of all texts up to four tokens, and of all beginnings of four that go on."""
    model = fitted(cls, [[0, 1, 1], [2, 0], [1]], tie_weights=tied, dtype="float64")
    every = [np.array(ids, dtype=int) for n in range(5) for ids in itertools.product(range(3), repeat=n)]
    log_likelihood = model.score_samples(every)
    ended = np.exp(log_likelihood).sum()
    longest = [ids for ids in every if len(ids) == 4]
    with torch.no_grad():
        logits = model.module_.read(torch.tensor([[3, *ids] for ids in longest]))[0].numpy()  # (n, 5, 4)
    logs = log_softmax(logits, axis=-1)
    begun = [sum(own[t, token] for t, token in enumerate(ids)) for own, ids in zip(logs, longest, strict=True)]
    goes_on = (np.exp(begun) * (1 - np.exp(logs[:, 4, 3]))).sum()
    assert ended + goes_on == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(log_likelihood[-len(longest) :], np.array(begun) + logs[:, 4, 3], atol=1e-9)


def test_log_likelihood_is_that_of_torchs_own_layers():
    model = fitted(LSTMGenerator, n_layers=2, tie_weights=False, embedding_size=5, n_grams=1)
    network, mark = model.module_, model.n_tokens_
    ids = [model.vocabulary_.index(c) + 1 for c in "the cat"]
    x = network.embedding(torch.tensor([[mark, *ids]]))
    for layer in network.body.forward_layers:
        x = layer(x)[0]
    logits = nn.functional.linear(x, network.head.weight, network.head.bias)[0]
    wanted = -nn.functional.cross_entropy(logits, torch.tensor([*ids, mark]), reduction="sum").item()
    assert model.score_samples(["the cat"])[0] == pytest.approx(wanted, rel=1e-5)


@every_generator
def test_score_and_perplexity_are_means_of_tokens(cls):
    model = fitted(cls)
    each = model.score_samples(TEXTS)
    n_tokens = sum(len(text) + 1 for text in TEXTS)  # with the end of each
    assert model.score(TEXTS) == pytest.approx(each.sum() / n_tokens)
    assert model.perplexity(TEXTS) == pytest.approx(math.exp(-each.sum() / n_tokens))
    assert (each < 0).all()


@every_generator
def test_a_text_alone_scores_as_among_others(cls):
    model = fitted(cls)
    texts = [*TEXTS, "the dog sat and the cat ran " * 12]
    together = model.score_samples(texts)
    np.testing.assert_allclose([model.score_samples([text])[0] for text in texts], together, rtol=1e-6, atol=1e-6)


def test_long_texts_are_scored_piece_by_piece(monkeypatch):
    model = fitted(GRUGenerator, dtype="float64")
    text = "the cat sat " * 60
    whole = model.score_samples([text, "the"])
    monkeypatch.setattr("sklearn_seq.layers.language._CHUNK", 7)
    np.testing.assert_allclose(model.score_samples([text, "the"]), whole, rtol=1e-12)


def test_the_entropy_of_a_chain_is_reached():
    """A Markov chain whose next token repeats the last with probability 0.8: 0.639 nats a token."""
    rng = np.random.default_rng(0)
    moves = rng.random(6000) < 0.8
    ids = np.empty(6000, dtype=int)
    ids[0] = 0
    for t in range(1, 6000):
        ids[t] = ids[t - 1] if moves[t] else (ids[t - 1] + 1 + rng.integers(2)) % 3
    entropy = -(0.8 * np.log(0.8) + 0.2 * np.log(0.1))
    model = LSTMGenerator(hidden_size=8, max_epochs=20, n_steps=32, random_state=0).fit([ids[:5000]])
    assert -model.score([ids[5000:]]) == pytest.approx(entropy, abs=0.06)
    written = model.generate([ids[:5]], max_length=2000, random_state=0)[0]
    assert np.mean(written[1:] == written[:-1]) == pytest.approx(0.8, abs=0.05)


# -- reading on ----------------------------------------------------------------------------------------------------------


@every_generator
def test_reading_token_by_token_is_reading_whole(cls):
    model = fitted(cls, n_layers=2)
    tokens = torch.randint(0, model.n_tokens_, (3, 40), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        whole, _ = model.module_.read(tokens)  # (B, T, V)
        state, pieces = None, []
        for part in (tokens[:, :1], tokens[:, 1:9], tokens[:, 9:10], tokens[:, 10:33]):
            logits, state = model.module_.read(part, state)
            pieces.append(logits)
        for t in range(33, 40):
            logits, state = model.module_.step(tokens[:, t], state)
            pieces.append(logits[:, None])
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"activation": "gated", "tie_weights": False, "n_grams": 3},
        {"activation": "silu", "embedding_size": 6, "n_heads": 3, "n_grams": 1},
        {"activation": "relu", "embedding_size": 6, "tie_weights": False},
        {"activation": "tanh", "n_steps": 60},
    ],
)
def test_steps_in_numpy_are_those_of_torch(params):
    """Far beyond the context, so that the ring of keys and values goes round more than once."""
    model = fitted(TransformerGenerator, n_layers=2, dtype="float64", **params)
    tokens = np.random.default_rng(0).integers(0, model.n_tokens_ + 1, size=(3, 40))
    network = model.module_.eval()
    for begin in (1, 2, 9):
        with torch.inference_mode():
            _, state = network.read(torch.from_numpy(tokens[:, :begin]))
            going_on = network.going_on(state, 40)
            assert not inspect.isfunction(going_on)  # the way in numpy
            for t in range(begin, 40):
                logits, state = network.step(torch.from_numpy(tokens[:, t]), state)
                np.testing.assert_allclose(going_on(tokens[:, t]), logits.numpy(), rtol=0, atol=1e-10)


def test_many_wide_rows_are_written_by_torch():
    model = fitted(TransformerGenerator)
    with torch.inference_mode():
        _, state = model.module_.read(torch.full((200, 1), model.n_tokens_))
    assert inspect.isfunction(model.module_.going_on(state, 5))


def test_each_layer_of_a_transformer_sees_its_context_and_nothing_ahead():
    torch.manual_seed(0)
    body = CausalTransformer(6, 6, n_layers=2, n_heads=2, context=4).eval().double()
    x = torch.randn(1, 20, 6, dtype=torch.float64)
    other = x.clone()
    other[0, 8] = torch.randn(6, dtype=torch.float64)
    moved = (body(other, None)[0] - body(x, None)[0]).abs().amax(dim=-1)[0] > 1e-12
    assert torch.nonzero(moved).ravel().tolist() == list(
        range(8, 8 + 2 * 3 + 1)
    )  # three further for each of two layers


def test_attention_is_what_its_formula_says():
    torch.manual_seed(0)
    body = CausalTransformer(8, 8, n_layers=1, n_heads=2, context=3).eval().double()
    x = torch.randn(1, 6, 8, dtype=torch.float64)
    attention = body.blocks[0].attention
    normed = nn.functional.layer_norm(x, (8,))[0]
    q, k, v = attention.project(normed).view(6, 3, 2, 4).unbind(1)

    def turned(a, t):  # pairs (0, 2) and (1, 3) by t and t / 100
        angle = t * torch.tensor([1.0, 0.01], dtype=torch.float64)
        c, s = angle.cos(), angle.sin()
        return torch.cat([a[:2] * c - a[2:] * s, a[2:] * c + a[:2] * s])

    answers = torch.zeros(6, 8, dtype=torch.float64)
    for t, head in itertools.product(range(6), range(2)):
        seen = range(max(0, t - 2), t + 1)
        scores = torch.stack([turned(q[t, head], t) @ turned(k[j, head], j) / 2.0 for j in seen])
        shares = scores.softmax(0)
        answers[t, head * 4 : head * 4 + 4] = sum(share * v[j, head] for share, j in zip(shares, seen, strict=True))
    hidden = x[0] + attention.out(answers)
    hidden = hidden + body.blocks[0].feed_forward(nn.functional.layer_norm(hidden, (8,)))
    torch.testing.assert_close(body(x, None)[0][0], nn.functional.layer_norm(hidden, (8,)))


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_our_kernels_go_on_from_a_state_as_torchs_do(cell):
    torch.manual_seed(0)
    ours, torchs = (Recurrent(cell, 5, 8, n_layers=2, kernel=kernel).double() for kernel in ("own", "torch"))
    torchs.load_state_dict(ours.state_dict())
    found = []
    for body in (ours, torchs):
        x = torch.randn(3, 7, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
        _, _, state = body(x, None, body.start(x))
        state = [tuple(p.detach() for p in own) if isinstance(own, tuple) else own.detach() for own in state]
        hidden, _, state = body(x, None, state)
        hidden.sin().sum().backward()
        ends = [part for own in state for part in (own if isinstance(own, tuple) else (own,))]
        found.append([hidden, *ends, x.grad, *(p.grad for p in body.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
    assert not any(part.requires_grad for part in found[0][1:3])


def test_a_gradient_flows_back_through_a_state_that_wants_one():
    body = Recurrent("gru", 3, 4, kernel="own")
    state = [torch.zeros(1, 2, 4, requires_grad=True)]
    body(torch.randn(2, 5, 3), None, state)[0].sum().backward()
    assert state[0].grad.abs().max() > 0


# -- streams -------------------------------------------------------------------------------------------------------------


def _streams(texts, batch_size, n_steps, seed=0):
    data = Sequences.from_list([np.array([9, *text, 9]) for text in texts])
    part = Part(data, np.zeros(len(data)), np.ones(len(data)))
    return Streams([part], batch_size, torch.device("cpu"), torch.float32, [seed], n_steps=n_steps)


def test_rows_of_batches_go_on_and_every_token_is_learnt_once():
    streams = _streams([range(5), range(3), range(7), []], 3, 4)
    for _ in range(3):
        batches = list(streams.epoch())
        assert len(batches) == len(streams) == streams.n_batches[0]
        for before, after in itertools.pairwise(batches):
            assert torch.equal(before.x[:, -1], after.x[:, 0])
        asked = torch.cat([batch.x[:, 1:, 0] for batch in batches], dim=1)  # (3, length)
        assert (
            asked.numel() == 18 == sum(batch.sizes[0] for batch in batches)
        )  # 15 tokens and 4 marks, less one for 3 rows
        counts = np.bincount(asked.ravel(), minlength=10)
        assert (np.array([3, 3, 3, 2, 2, 1, 1, 0, 0, 4]) - counts).sum() == 1
        # what follows on a token stands before it in the same text: numbers rise, or begin behind a mark
        given = torch.cat([batch.x[:, :-1, 0] for batch in batches], dim=1)
        rises = (asked == given + 1) | (asked == 9) | ((given == 9) & (asked == 0))
        assert rises.all()


def test_epochs_of_streams_differ_and_seeds_repeat_them():
    def rows(seed):
        streams = _streams([range(5), range(3), range(7)], 2, 4, seed)
        return [torch.cat([batch.x for batch in streams.epoch()], dim=1).tolist() for _ in range(3)]

    assert rows(0) == rows(0)
    assert len({str(x) for x in rows(0)}) == 3


def test_the_state_is_carried_in_training_and_dropped_between_epochs():
    """A window behind another scores as both in one go."""
    torch.manual_seed(0)
    network = LanguageNetwork(5, 4, Recurrent("lstm", 4, 6), tie_weights=True, n_grams=3).double()
    tokens = torch.randint(0, 5, (2, 11, 1))
    network.eval()
    whole = network(tokens)
    network.train()
    halves = network(tokens[:, :6]) + network(tokens[:, 5:])
    torch.testing.assert_close(halves, whole)
    network.train()  # the next epoch
    torch.testing.assert_close(
        network(tokens[:, 5:]) + network(tokens[:, :6]) - whole, torch.zeros_like(whole), atol=9, rtol=0
    )
    network.eval()
    torch.testing.assert_close(network(tokens), whole)


@pytest.mark.parametrize("n_grams", [2, 4])
def test_stretches_of_tokens_end_at_a_mark(n_grams):
    """Two texts in a stream have the embeddings that each has alone, and stretches differ where any token does."""
    torch.manual_seed(0)
    network = LanguageNetwork(4, 8, Recurrent("rnn", 8, 3), n_grams=n_grams).eval()
    for table in network.stretches.tables:
        nn.init.normal_(table.weight)

    def embedded(*tokens):
        return network._embed(torch.tensor([tokens]), None)[0][0]

    torch.testing.assert_close(embedded(3, 0, 1, 2, 3, 2, 0)[4:], embedded(3, 2, 0))
    one, other = embedded(3, 0, 1, 2, 0, 1, 2), embedded(3, 1, 1, 2, 0, 1, 2)
    same = (one == other).all(dim=1)
    assert same.tolist() == [True, *[False] * n_grams, *[True] * (6 - n_grams)]


def test_tied_weights_are_one_matrix():
    tied, free = (fitted(LSTMGenerator, tie_weights=tied, embedding_size=8) for tied in (True, False))
    n_tokens, size = tied.n_tokens_ + 1, 8
    assert free.n_parameters_ - tied.n_parameters_ == size * n_tokens - (size * size + size)
    assert tied.module_.head is None


# -- choosing ------------------------------------------------------------------------------------------------------------

LOGITS = np.log([[0.1, 0.4, 0.2, 0.3]])


def shares_of(choice, logits=LOGITS, n=20000):
    """How often each token is chosen for evenly spread chances."""
    chance = (np.arange(n) + 0.5) / n
    found = choice(np.repeat(logits, n, axis=0), chance)
    return np.bincount(found, minlength=logits.shape[1]) / n


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_are_chosen_as_often_as_they_are_probable(temperature):
    np.testing.assert_allclose(shares_of(Choice(temperature)), softmax(LOGITS[0] / temperature), atol=1e-4)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"top_k": 2}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_k": 9}, [0.1, 0.4, 0.2, 0.3]),
        ({"top_p": 0.5}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_p": 0.75}, [0, 4 / 9, 2 / 9, 3 / 9]),
        ({"top_p": 1e-9}, [0, 1, 0, 0]),
        ({"top_p": 1.0}, [0.1, 0.4, 0.2, 0.3]),
        ({"top_k": 3, "top_p": 0.4}, [0, 1, 0, 0]),  # 4/9 of the three
        ({"top_k": 1}, [0, 1, 0, 0]),
        ({"banned": [1]}, [1 / 6, 0, 2 / 6, 3 / 6]),
    ],
    ids=str,
)
def test_only_probable_tokens_are_chosen(options, wanted):
    np.testing.assert_allclose(shares_of(Choice(1.0, **options)), wanted, atol=1e-4)


def test_no_temperature_takes_the_most_probable_token():
    assert Choice(0)(LOGITS, np.array([0.99]))[0] == 1
    assert Choice(0, banned=[1])(LOGITS, np.array([0.0]))[0] == 3
    assert Choice(1e-12)(LOGITS * 1e6, np.array([0.99]))[0] == 1


# -- writing -------------------------------------------------------------------------------------------------------------


@every_generator
def test_greedy_texts_are_those_without_a_cache(cls):
    model = fitted(cls, max_epochs=15)
    prompts = ["the", "", "the cat ran ran", "d"]
    for prompt, text in zip(prompts, model.generate(prompts, max_length=20, temperature=0), strict=True):
        assert text.startswith(prompt)
        assert text == model.generate([prompt], max_length=20, temperature=0)[0]
        ids = [model.n_tokens_, *(model.vocabulary_.index(c) + 1 for c in prompt)]
        for _ in range(20):
            with torch.no_grad():
                logits = model.module_.read(torch.tensor([ids]))[0][0, -1].numpy()
            logits[0] = -np.inf
            if logits.argmax() == model.n_tokens_:
                break
            ids.append(int(logits.argmax()))
        assert text == "".join(model.vocabulary_[i - 1] for i in ids[1:])


@every_generator
def test_a_text_depends_on_its_place_and_the_seed_alone(cls):
    model = fitted(cls)
    prompts = ["the", "a cat", "", "x" * 9]
    whole = model.generate(prompts, max_length=30, random_state=3)
    assert list(model.generate(prompts, max_length=30, random_state=3)) == list(whole)
    assert list(model.generate(prompts[:2], max_length=30, random_state=3)) == list(whole[:2])
    assert list(model.generate(prompts, max_length=30, random_state=4)) != list(whole)
    assert [text[: len(prompt)] for text, prompt in zip(whole, prompts, strict=True)] == prompts
    assert all(len(text) - len(prompt) <= 30 for text, prompt in zip(whole, prompts, strict=True))
    assert len(model.generate(random_state=0)) == 1 and model.generate([]).shape == (0,)


@every_generator
def test_a_text_may_be_of_any_length(cls, monkeypatch):
    model = fitted(cls, max_epochs=15)
    prompts = ["the", "", "a cat ran"]
    wanted = list(model.generate(prompts, max_length=10**30, random_state=0))
    assert max(map(len, wanted)) > 9
    monkeypatch.setattr(generate_sampling, "_CHUNK", 2)
    assert list(model.generate(prompts, max_length=10**30, random_state=0)) == wanted
    assert list(model.generate(prompts, max_length=5, random_state=0)) == [
        text[: len(prompt) + 5] for text, prompt in zip(wanted, prompts, strict=True)
    ]


def test_sampled_texts_are_as_frequent_as_they_are_probable():
    model = fitted(GRUGenerator, [[0, 1], [1], [0, 0, 1]] * 4, max_epochs=10)
    written = model.generate([np.zeros(0, int)] * 4000, max_length=6, random_state=0)
    for ids in ([0, 1], [1], [0, 0, 1], []):
        share = np.mean([list(text) == ids for text in written])
        assert share == pytest.approx(np.exp(model.score_samples([np.array(ids, dtype=int)])[0]), abs=0.03)


def test_random_states_go_on_and_the_global_one_is_left_alone():
    model = fitted(LSTMGenerator)
    state = np.random.RandomState(0)
    assert list(model.generate(["t"] * 3, random_state=state)) != list(model.generate(["t"] * 3, random_state=state))
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    model.generate(["t"], random_state=0)
    fitted(LSTMGenerator)
    assert torch.equal(before, torch.random.get_rng_state())


def test_unseen_characters_are_read_as_one_and_never_written():
    model = fitted(LSTMGenerator)
    one, other = model.generate(["théé", "th\u4e2d\u4e2d"], temperature=0)
    assert one[:4] == "théé" and other[:4] == "th\u4e2d\u4e2d" and one[4:] == other[4:]
    assert set(one[4:]) <= set(model.vocabulary_)
    np.testing.assert_array_equal(*(model.score_samples([text]) for text in ("é", "\U0001f600")))
    assert np.isfinite(model.score_samples(["é"])).all()


def test_texts_of_any_code_point_come_back():
    text = "a\x01b\U0001f600\n\t é"
    model = fitted(GRUGenerator, [text] * 3, max_epochs=1)
    assert model.vocabulary_ == "".join(sorted(set(text))) and model.n_tokens_ == len(set(text)) + 1
    assert fitted(GRUGenerator, ["", ""]).generate(random_state=0).dtype.kind == "U"


def test_a_character_that_arrays_lose_is_refused():
    with pytest.raises(ValueError, match=r"^X holds the character '\\x00', which arrays of str lose"):
        fitted(GRUGenerator, ["ab", "a\0b"])
    with pytest.raises(ValueError, match=r"^prompts holds the character '\\x00'"):
        fitted(GRUGenerator).generate(["a\0"])


# -- data ----------------------------------------------------------------------------------------------------------------


@every_generator
def test_forms_of_ids_are_the_same_data(cls):
    rows = [[0, 2, 1], [1, 1, 2], [2, 0, 0]]
    wanted = fitted(cls, rows).score_samples(rows)
    forms = [np.array(rows), [np.array(row) for row in rows], [np.array(row, np.int32)[:, None] for row in rows]]
    forms += [Sequences.from_tokens(rows, 3), tuple(rows), np.array(rows)[:, :, None]]
    for form in forms:
        np.testing.assert_array_equal(fitted(cls, form).score_samples(form), wanted)
    found = fitted(cls, rows).generate([rows[0], []], max_length=3, random_state=0)
    assert found.dtype == object and found[0].dtype == np.int64 and found[0][:3].tolist() == rows[0]


def test_the_size_of_a_vocabulary_is_what_sequences_say():
    model = fitted(LSTMGenerator, Sequences.from_tokens([[0, 1], [1, 1]], 7))
    assert model.n_tokens_ == 7 and model.vocabulary_ is None
    assert np.isfinite(model.score([[6, 5]]))
    with pytest.raises(
        ValueError, match=r"X\[0\] holds the id 7, but this LSTMGenerator knows ids from 0 to 6\. Give Sequ"
    ):
        model.score([[7]])
    with pytest.raises(ValueError, match="has ids of 8 tokens, but this LSTMGenerator was fitted on ids of 7"):
        model.score(Sequences.from_tokens([[1]], 8))


def test_forms_of_texts_are_the_same_data():
    pd = pytest.importorskip("pandas")
    wanted = fitted(LSTMGenerator).score_samples(TEXTS)
    for form in (
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        tuple(TEXTS),
        pd.Series(TEXTS),
        pd.DataFrame({"t": TEXTS}),
    ):
        np.testing.assert_array_equal(fitted(LSTMGenerator, form).score_samples(form), wanted)


def test_words_through_a_text_encoder():
    texts = ["the cat sat", "the dog sat"] * 10
    encoder = sklearn_seq.TextEncoder("word").fit(texts)
    ids = encoder.transform(texts)
    model = LSTMGenerator(hidden_size=16, max_epochs=30, random_state=0).fit(ids)
    assert model.n_tokens_ == encoder.n_tokens_
    written = model.generate(encoder.transform(["the cat"]), temperature=0)
    assert encoder.inverse_transform(list(written)) == ["the cat sat"]


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("one text", ValueError, r"^X is one str of length 8; wanted a list of texts.*One text is \[X\]"),
        ([], ValueError, r"^Found array with 0 sample"),
        (["a", None], TypeError, r"X\[1\] is missing; wanted a str"),
        ([None], TypeError, r"X\[0\] is missing; wanted a text, or ids"),
        ([[10**10]], ValueError, r"^X holds ids of 10000000001 tokens, each of which would get a vector"),
        ([b"a"], TypeError, r"X\[0\] is of type bytes; wanted a str.*Decode"),
        ([["the", "cat"]], ValueError, r"X holds lists of words, such as \['the', 'cat'\].*TextEncoder"),
        ([[0.5, 1.0]], TypeError, r"X\[0\] holds float64, which are no token ids; wanted whole numbers, or texts"),
        (np.zeros((3, 4)), TypeError, "which are no token ids"),
        ([[0, -1]], ValueError, r"X\[0\] holds the id -1; wanted ids of 0 and more"),
        (np.zeros((3, 4, 2), int), ValueError, r"X has shape \(3, 4, 2\).*one id a time step"),
        ([np.zeros((3, 2), int)], ValueError, r"X\[0\] has shape \(3, 2\); wanted \(n_timesteps,\)"),
        ({"a": 1}, TypeError, "X is of type dict"),
        ((x for x in ["a"]), TypeError, r"X is of type generator.*list\(X\)"),
        (Sequences.from_list([np.zeros((3, 2))]), ValueError, r"X\[0\] has shape \(3, 2\)"),
        ([np.array([2**63], np.uint64)], ValueError, rf"X holds ids of {2**63 + 1} tokens"),
        ([np.ma.masked_equal([1, 2, 7], 7)], TypeError, r"X\[0\] is a masked array, .* x\.compressed\(\)"),
        (np.ma.masked_equal([[1, 2], [7, 1]], 7), TypeError, "X is a masked array, some values of which are hidden"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_text_is_refused(X, error, message):
    with pytest.raises(error, match=message):
        LSTMGenerator(**SMALL).fit(X)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_length": 0}, r"generate got max_length=0; wanted a whole number, 1 or more"),
        ({"temperature": -1.0}, r"temperature=-1\.0; wanted 0 \(the most"),
        ({"temperature": np.nan}, "temperature=nan"),
        ({"temperature": 10**400}, r"temperature=10+; wanted 0"),
        ({"top_k": 0}, "top_k=0; wanted None, or a whole number"),
        ({"top_p": 1.5}, r"top_p=1\.5; wanted None, or a number above 0"),
        ({"prompts": "the"}, r"prompts is one str of length 3.*\[prompts\]"),
        ({"prompts": [[1, 2]]}, "prompts holds ids, but this LSTMGenerator was fitted on texts"),
    ],
    ids=str,
)
def test_what_generate_cannot_do_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        fitted(LSTMGenerator, max_epochs=1).generate(**options)


def test_nothing_is_written_before_fit():
    for ask in (LSTMGenerator().generate, lambda: LSTMGenerator().score(["a"])):
        with pytest.raises(NotFittedError):
            ask()


# -- fits ----------------------------------------------------------------------------------------------------------------


@every_generator
def test_the_order_of_texts_does_not_matter_and_seeds_repeat(cls):
    wanted = fitted(cls).score_samples(TEXTS)
    np.testing.assert_array_equal(fitted(cls, TEXTS[::-1]).score_samples(TEXTS), wanted)
    assert not np.array_equal(fitted(cls, random_state=1).score_samples(TEXTS), wanted)


@every_generator
def test_copies_write_the_same(cls, tmp_path):
    model = fitted(cls, dropout=0.1)
    wanted = model.score_samples(TEXTS), list(model.generate(["the"] * 3, random_state=0))
    sklearn_seq.save(model, tmp_path / "model.zip")
    copies = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model), sklearn_seq.load(tmp_path / "model.zip")]
    for other in [*copies, clone(model).fit(TEXTS)]:
        np.testing.assert_array_equal(other.score_samples(TEXTS), wanted[0])
        assert list(other.generate(["the"] * 3, random_state=0)) == wanted[1]
        assert other.n_parameters_ == model.n_parameters_
    model.set_params(hidden_size=3, n_steps=2, tie_weights=False)
    np.testing.assert_array_equal(model.score_samples(TEXTS), wanted[0])


@every_generator
def test_a_fit_goes_on(cls):
    model = fitted(cls, warm_start=True)
    curve = model.loss_curve_
    model.fit(["a cat sat", "new"])
    assert model.n_iter_ == 4 and model.loss_curve_[:2] == curve
    assert "w" not in model.vocabulary_  # settled by the first fit
    with pytest.raises(ValueError, match="hidden_size was changed"):
        model.set_params(hidden_size=9).fit(TEXTS)
    parts = cls(**SMALL).partial_fit(TEXTS).partial_fit(TEXTS[:2])
    again = pickle.loads(pickle.dumps(cls(**SMALL).partial_fit(TEXTS))).partial_fit(TEXTS[:2])
    np.testing.assert_array_equal(parts.score_samples(TEXTS), again.score_samples(TEXTS))
    assert parts.n_iter_ == 2


@every_generator
def test_early_stopping_keeps_the_best_epoch(cls):
    model = fitted(
        cls, TEXTS * 4, early_stopping=True, max_epochs=8, n_iter_no_change=3, lr=0.3, lr_schedule="constant"
    )
    scores = np.array(model.validation_scores_)
    assert len(scores) == model.n_iter_ and scores[model.best_epoch_ - 1] == scores.max()
    model.fit(TEXTS * 4, X_val=["the cow", "a cat"])
    assert model.score(["the cow", "a cat"]) == pytest.approx(max(model.validation_scores_), rel=1e-5)
    one = fitted(cls, ["the cat sat on the mat " * 8], early_stopping=True)
    assert len(one.validation_scores_) == one.n_iter_
    with pytest.raises(ValueError, match="holds out the end of the only text, which has 1 tokens"):
        fitted(cls, ["a"], early_stopping=True)


def test_early_stopping_holds_out_texts_with_their_copies(monkeypatch):
    parts = []

    def held(ids, *rest):
        parts.append(hold_out(ids, *rest))
        return parts[-1]

    hold_out = generate._hold_out
    monkeypatch.setattr(generate, "_hold_out", held)
    texts = [f"{i} cats" for i in range(9)]
    for copies in ([1] * 9, [5, 1, 2, 3, 1, 1, 4, 1, 1]):
        given = [text for text, n in zip(texts, copies, strict=True) for _ in range(n)]
        fitted(GRUGenerator, given, early_stopping=True, validation_fraction=0.3, max_epochs=1)
    for train, valid in parts:
        keys = [{x.tobytes() for x in part} for part in (train, valid)]
        assert list(map(len, keys)) == [6, 3] and not keys[0] & keys[1]
    assert list(map(len, parts[0])) == [6, 3] and sum(map(len, parts[1])) == 19
    fitted(GRUGenerator, ["the cat sat"] * 3, early_stopping=True, validation_fraction=0.3, max_epochs=1)
    assert [list(map(len, part)) for part in parts[-1]] == [[7, 7, 7], [4]]


def test_a_failed_fit_leaves_the_model_as_it_was():
    model = fitted(LSTMGenerator)
    wanted = model.score_samples(TEXTS)
    for X in ([1.5], ["a", 3]):
        with pytest.raises((TypeError, ValueError)):
            model.fit(X)
    wild = {"lr": 1e30, "gradient_clip": None, "optimizer": "sgd", "max_epochs": 8}
    with pytest.raises(ValueError, match=r"epoch.*batch.*learning rate"):
        model.set_params(**wild).fit(["other texts"])
    np.testing.assert_array_equal(model.score_samples(TEXTS), wanted)
    fresh = LSTMGenerator(**SMALL)
    with pytest.raises(TypeError):
        fresh.fit([[1.5]])
    assert set(vars(fresh)) == set(vars(LSTMGenerator(**SMALL)))


def test_search_and_callbacks():
    search = GridSearchCV(LSTMGenerator(**SMALL), {"hidden_size": [4, 16]}, cv=2, error_score="raise").fit(TEXTS * 4)
    assert search.best_params_ == {"hidden_size": 16}  # more of the same few texts is learnt
    assert search.score(TEXTS) == search.best_estimator_.score(TEXTS)
    heard = []

    class Listener(pytest.importorskip("skorch").callbacks.Callback):
        def on_epoch_end(self, net, **kwargs):
            heard.append(net.history[-1]["train_loss"])

        def on_batch_end(self, net, **kwargs):
            heard.append(None)

    model = fitted(LSTMGenerator, callbacks=[Listener()])
    assert [loss for loss in heard if loss is not None] == model.loss_curve_
    np.testing.assert_allclose(model.score_samples(TEXTS), fitted(LSTMGenerator).score_samples(TEXTS), rtol=1e-5)


def test_a_loss_is_in_nats_a_token():
    """Before anything is learnt, the loss of an epoch is near that of a uniform guess."""
    model = fitted(LSTMGenerator, [np.arange(400) % 50], lr=1e-9, max_epochs=1)
    assert model.loss_curve_[0] == pytest.approx(np.log(51), abs=0.3)
    assert fitted(GRUGenerator, TEXTS, precision="bf16").loss_curve_[0] < 5
