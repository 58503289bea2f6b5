"""The Transformer's encoder against torch's own, patches and positions by hand, and what each token may look at."""

import importlib

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_seq import TransformerClassifier, TransformerRegressor
from sklearn_seq.layers.attention import _MOST_EXPLICIT, SelfAttention, TransformerEncoder
from sklearn_seq.layers.dropout import Draws, give_draws
from sklearn_seq.layers.masks import make_mask
from sklearn_seq.layers.patches import Patches
from sklearn_seq.layers.positions import angles, rotate, sinusoids
from sklearn_seq.testing import make_problem
from sklearn_seq.training import run

engine = importlib.import_module("sklearn_seq.training.run")  # the name means the function

LENGTHS = torch.tensor([5, 2, 7, 1])
DATA = {(task, kind): make_problem(task, kind) for task in ("classify", "regress") for kind in ("3-D", "ragged")}
BODIES = {
    "plain": {},
    "sinusoidal": {"positions": "sinusoidal"},
    "none": {"positions": "none"},
    "both": {"positions": "both"},
    "patches": {"patch_length": 3, "patch_stride": 2},
    "patches apart": {"patch_length": 2, "patch_stride": 2, "positions": "sinusoidal"},
    "causal": {"causal": True, "patch_length": 4, "patch_stride": 1},
    "gated, odd sizes": {"activation": "gated", "hidden_size": 7, "n_heads": 3},
}


def ragged(n_features=3, garbage=1e3):
    """A padded batch with garbage behind the sequences."""
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 7, n_features)).astype(np.float32))
    mask = make_mask(LENGTHS, 7)
    return torch.where(mask[:, :, None], x, garbage), mask


def encoder(n_features=3, hidden_size=8, **options):
    torch.manual_seed(0)
    return TransformerEncoder(n_features, hidden_size, **options).eval()


# -- against torch -------------------------------------------------------------------------------------------------------


def torchs(body, size, n_heads, width, activation):
    """Torch's own encoder with the weights of ours; those of its normalisations stay 1 and 0."""
    layer = nn.TransformerEncoderLayer(
        size, n_heads, width, dropout=0.0, activation=activation, batch_first=True, norm_first=True
    )
    stack = nn.TransformerEncoder(layer, len(body.blocks), nn.LayerNorm(size), enable_nested_tensor=False)
    with torch.no_grad():
        for theirs, ours in zip(stack.layers, body.blocks, strict=True):
            theirs.self_attn.in_proj_weight.copy_(ours.attention.project.weight)
            theirs.self_attn.in_proj_bias.copy_(ours.attention.project.bias)
            for one, other in [
                (theirs.self_attn.out_proj, ours.attention.out),
                (theirs.linear1, ours.feed_forward.widen),
                (theirs.linear2, ours.feed_forward.narrow),
            ]:
                one.load_state_dict(other.state_dict())
    return stack


@pytest.mark.parametrize("n_steps", [7, _MOST_EXPLICIT + 6])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_blocks_compute_what_torchs_do(activation, causal, n_steps):
    body = encoder(n_layers=3, n_heads=2, feedforward_size=11, activation=activation, positions="none", causal=causal)
    with torch.no_grad():
        for p in body.parameters():
            p.add_(0.1 * torch.randn_like(p))
    stack = torchs(body, 8, 2, 11, activation)
    x = torch.randn(4, n_steps, 3)
    mask = make_mask(torch.tensor([n_steps, 3, n_steps - 2, 1]), n_steps)
    hidden_from = nn.Transformer.generate_square_subsequent_mask(n_steps).isinf() if causal else None
    tokens = body.patches(x, mask)[0]
    for train in (True, False):  # torch's has a second way for evaluation, ours for products
        body.train(train), stack.train(train)
        wanted = stack(tokens, mask=hidden_from, src_key_padding_mask=~mask)
        found, found_mask, state = body(x, mask)
        torch.testing.assert_close(found[mask], wanted[mask], atol=1e-5, rtol=1e-5)
        assert (found[~mask] == 0).all()
        assert torch.equal(found_mask, mask)
        assert state is None
        torch.testing.assert_close(body(x, None)[0], stack(tokens_of(body, x), mask=hidden_from), atol=1e-5, rtol=1e-5)


def tokens_of(body, x):
    return body.patches(x, None)[0]


@pytest.mark.parametrize("n_steps", [7, _MOST_EXPLICIT + 6])
@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_torchs_for_values_and_gradients(causal, n_steps):
    torch.manual_seed(0)
    layer = SelfAttention(6, 3, causal=causal).double()
    x = torch.randn(4, n_steps, 6, dtype=torch.float64, requires_grad=True)
    mask = make_mask(torch.tensor([n_steps, 3, n_steps - 2, 1]), n_steps)

    def wanted():
        q, k, v = (part.unflatten(-1, (3, 2)).transpose(1, 2) for part in layer.project(x).chunk(3, dim=-1))
        seen = mask[:, None, None] & (torch.ones(n_steps, n_steps).tril().bool() if causal else torch.tensor(True))
        found = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return layer.out(found.transpose(1, 2).flatten(2))

    share = torch.randn(4, n_steps, 6, dtype=torch.float64) * mask[:, :, None]
    found, other = layer(x, mask), wanted()
    torch.testing.assert_close(found[mask], other[mask])
    ours = torch.autograd.grad((found * share).sum(), [x, *layer.parameters()])
    theirs = torch.autograd.grad((other * share).sum(), [x, *layer.parameters()])
    for one, two in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, two)


# -- positions -------------------------------------------------------------------------------------------------------------


def turned(x, first):
    found = angles(torch.arange(first, first + x.shape[-2]), x.shape[-1])
    return rotate(x, torch.stack([found.cos(), found.sin()]))


def test_rotary_products_tell_distances_alone():
    torch.manual_seed(0)
    q, k = torch.randn(2, 5, 8, dtype=torch.float64)
    products = turned(q, 0) @ turned(k, 0).T
    torch.testing.assert_close(turned(q, 1000) @ turned(k, 1000).T, products)
    assert not torch.allclose(turned(q, 3) @ turned(k, 0).T, products)
    torch.testing.assert_close(turned(q, 50).norm(dim=1), q.norm(dim=1))
    assert torch.equal(turned(q, 0)[0], q[0])


def test_rotation_by_complex_numbers():
    torch.manual_seed(0)
    x = torch.randn(3, 4, 6, dtype=torch.float64, requires_grad=True)
    clocks = torch.tensor([1.0, 10_000 ** (-1 / 3), 10_000 ** (-2 / 3)], dtype=torch.float64)
    by = torch.exp(1j * torch.arange(4)[:, None] * clocks)
    wanted = torch.complex(x[..., :3], x[..., 3:]) * by
    torch.testing.assert_close(turned(x, 0), torch.cat([wanted.real, wanted.imag], dim=-1))
    assert torch.autograd.gradcheck(lambda x: turned(x, 2), (x,))


def test_sinusoids_by_hand():
    found = sinusoids(torch.arange(3), 4)
    wanted = [[0, 0, 1, 1]] + [[np.sin(t), np.sin(t / 100), np.cos(t), np.cos(t / 100)] for t in (1, 2)]
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-12)
    assert sinusoids(torch.arange(3), 5).shape == (3, 5)


@pytest.mark.parametrize("positions", ["rotary", "sinusoidal", "both", "none"])
def test_without_positions_the_order_of_steps_does_not_matter(positions):
    body, x = encoder(positions=positions), torch.randn(2, 9, 3)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        there, again = body(x, None)[0][:, order], body(x[:, order], None)[0]
    assert (there - again).abs().max() < 1e-5 if positions == "none" else (there - again).abs().max() > 1e-3


def test_both_positions_are_those_of_places_and_those_of_distances():
    both, rotary, x = encoder(positions="both"), encoder(positions="rotary"), torch.randn(2, 9, 3)
    rotary.load_state_dict(both.state_dict())
    patches = rotary.patches.forward
    rotary.patches.forward = lambda x, mask: (
        patches(x, mask)[0] + sinusoids(torch.arange(9), both.out_features).float(),
        mask,
    )
    with torch.no_grad():
        torch.testing.assert_close(both(x, None)[0], rotary(x, None)[0])


# -- patches ---------------------------------------------------------------------------------------------------------------


def test_patches_by_hand():
    patches = Patches(1, 4, length=4, stride=2)
    with torch.no_grad():
        patches.project.weight.copy_(torch.eye(4)), patches.project.bias.zero_()
    x = torch.arange(1.0, 6.0)[None, :, None]  # five steps: three tokens, the last half full
    tokens, mask = patches(x, None)
    assert tokens[0].tolist() == [[0, 0, 1, 2], [1, 2, 3, 4], [3, 4, 5, 0]]
    assert mask is None
    garbage = torch.full((2, 9, 1), torch.nan)
    garbage[0, :5], garbage[1, :2] = x[0], x[0, :2]
    found, mask = patches(garbage, make_mask(torch.tensor([5, 2]), 9))
    assert mask.tolist() == [[True, True, True, False, False], [True, False, False, False, False]]
    assert torch.equal(found[0, :3], tokens[0])
    assert found[1, 0].tolist() == [0, 0, 1, 2]


def test_patches_of_several_features_stand_step_after_step():
    patches = Patches(2, 6, length=3, stride=3)
    with torch.no_grad():
        patches.project.weight.copy_(torch.eye(6)), patches.project.bias.zero_()
    x = torch.randn(2, 6, 2)
    assert torch.equal(patches(x, None)[0], x.reshape(2, 2, 6))


def fitted(longest, **params):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=n) for n in (*rng.integers(1, longest + 1, size=11), longest)]
    return TransformerClassifier(hidden_size=4, n_layers=1, max_epochs=1, **params).fit(X, np.arange(12) % 2), X


@pytest.mark.parametrize("longest", [3, 64, 65, 129, 300, 1000])
def test_automatic_patches_bound_the_tokens_of_the_longest_sequence(longest):
    model, X = fitted(longest)
    body = model.module_.body
    assert body(torch.zeros(1, longest, 1), None)[0].shape[1] <= 64
    if longest > 64:
        assert body(torch.zeros(1, longest, 1), None)[0].shape[1] > 32
    # what was fitted stays, whatever comes
    before = model.predict_proba(X)
    assert model.predict_proba([np.zeros(3 * longest)]).shape == (1, 2)
    np.testing.assert_array_equal(model.predict_proba(X), before)
    assert model.module_.body.steps_per_token == body.steps_per_token


def test_rows_of_no_weight_do_not_make_patches_longer():
    rng = np.random.default_rng(0)
    X, y = [rng.normal(size=20) for _ in range(12)], np.arange(12) % 2
    model = TransformerClassifier(hidden_size=4, n_layers=1, max_epochs=1, random_state=0)
    wanted = model.fit(X, y).predict_proba(X)
    model.fit([*X, rng.normal(size=500)], [*y, 0], sample_weight=[1] * 12 + [0])
    np.testing.assert_array_equal(model.predict_proba(X), wanted)


def test_a_stride_beyond_the_patch_is_refused():
    with pytest.raises(ValueError, match=r"patch_stride=5 is more than patch_length=4, .* at most 4"):
        fitted(20, patch_length=4, patch_stride=5)


# -- who looks at what -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", BODIES.values(), ids=list(BODIES))
def test_padding_and_mates_change_nothing(options):
    body = encoder(**options)
    x, mask = ragged(garbage=torch.nan)
    with torch.no_grad():
        found, found_mask, _ = body(x, mask)
        for i, n in enumerate(LENGTHS.tolist()):
            alone, _, _ = body(x[i : i + 1, :n], None)
            n_tokens = int(found_mask[i].sum())
            assert alone.shape[1] == n_tokens == -(-n // body.steps_per_token)
            torch.testing.assert_close(found[i, :n_tokens], alone[0], atol=1e-7, rtol=0)
            assert (found[i, n_tokens:] == 0).all()


@pytest.mark.parametrize("n_steps", [12, 2 * _MOST_EXPLICIT + 12])
def test_a_causal_network_is_not_moved_by_the_future(n_steps):
    torch.manual_seed(0)
    x, changed_from = torch.randn(2, n_steps, 3), n_steps // 2
    later = x.clone()
    later[:, changed_from:] = torch.randn_like(later[:, changed_from:])
    for options in ({}, {"patch_length": 6, "patch_stride": 2}):
        for causal in (True, False):
            body = encoder(causal=causal, **options)
            with torch.no_grad():
                moved = (body(x, None)[0] - body(later, None)[0]).abs().amax(dim=(0, 2)) > 1e-5
            first = changed_from // body.steps_per_token
            assert moved[first:].all()
            assert moved[:first].any() == (not causal)


def test_attention_weights_are_those_that_blocks_use():
    body = encoder(n_layers=2, n_heads=2, patch_length=2, patch_stride=1)
    x, mask = ragged()
    seen = []
    for block in body.blocks:
        block.attention.out.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        body(x, mask)
        used = list(seen)
        for layer in (0, 1, -1):
            weights, found_mask = body.attention_weights(x, mask, layer)
            assert weights.shape == (4, 2, 7, 7)
            assert torch.equal(found_mask, mask)
            torch.testing.assert_close(weights.sum(dim=-1), torch.ones(4, 2, 7))
            assert (weights.transpose(1, 3)[~mask] == 0).all()
            hidden, _, turn = body._tokens(x, mask)
            for block in list(body.blocks)[: layer % 2]:
                hidden = block(hidden, mask, turn)
            normed = nn.functional.layer_norm(hidden, (8,))
            values = body.blocks[layer].attention.project(normed)[..., 16:].unflatten(-1, (2, 4)).transpose(1, 2)
            torch.testing.assert_close((weights @ values).transpose(1, 2).flatten(2), used[layer], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("cls", [TransformerClassifier, TransformerRegressor])
def test_attention_weights_of_sequences(cls):
    data = DATA["classify" if cls is TransformerClassifier else "regress", "ragged"]
    model = cls(hidden_size=8, n_heads=2, max_epochs=2, patch_length=3, patch_stride=2, random_state=0)
    model.fit(data.X, data.y)
    found = model.attention_weights(data.X)
    assert [one.shape for one in found] == [(2, -(-len(x) // 2), -(-len(x) // 2)) for x in data.X]
    for one in found:
        np.testing.assert_allclose(one.sum(axis=-1), 1, atol=1e-5)
    for x, one in zip(data.X, found, strict=True):
        np.testing.assert_allclose(model.attention_weights([x])[0], one, atol=1e-6)
        np.testing.assert_allclose(model.attention_weights([x], layer=1)[0], one, atol=1e-6)
    assert any(np.abs(one - other).max() > 1e-3 for one, other in zip(found, model.attention_weights(data.X, 0)))
    for layer in (2, -3, 0.0):
        with pytest.raises(ValueError, match=r"layer=.* is no block .* n_layers=2; wanted a whole number from -2 to 1"):
            model.attention_weights(data.X, layer)
    causal = cls(hidden_size=8, max_epochs=1, causal=True).fit(data.X, data.y).attention_weights(data.X[:3])
    assert all((np.triu(one, 1) == 0).all() for one in causal)


# -- replicas ----------------------------------------------------------------------------------------------------------------

OWN = [
    {"random_state": 0, "lr": 1e-3, "dropout": 0.0, "gradient_clip": None},
    {"random_state": 1, "lr": 1e-2, "dropout": 0.3, "weight_decay": 0.1, "max_epochs": 3},
    {"random_state": 2, "lr": 3e-3, "dropout": 0.1, "lr_schedule": "one-cycle"},
]
STRUCTURES = {
    "default": {},
    "sinusoidal, mean": {"positions": "sinusoidal", "pooling": "mean"},
    "patches, attention": {"patch_length": 3, "patch_stride": 2, "pooling": "attention", "attention_dropout": 0.2},
    "causal, gated": {"causal": True, "activation": "gated", "pooling": "last", "hidden_size": 7, "n_heads": 3},
}


def plans_of(name, common, kind, rows=None):
    cls = {"classify": TransformerClassifier, "regress": TransformerRegressor}[name]
    data, plans = DATA[name, kind], []
    for i, own in enumerate(OWN):
        model = cls(**{"hidden_size": 8, "max_epochs": 2, "dtype": "float64", **common, **own})
        these = range(len(data.y)) if rows is None else rows[i]
        X = [data.X[k] for k in these] if kind == "ragged" else data.X[list(these)]
        model._begin()
        plans.append(model._plan(model._read(X, data.y[list(these)], None, None, None, None)))
    return plans


def joint_and_alone(monkeypatch, make):
    seen = []

    class Recorded(engine.Trainer):
        def __init__(self, plans, modules):
            seen.append(len(plans))
            super().__init__(plans, modules)

    monkeypatch.setattr(engine, "Trainer", Recorded)
    found = run(make())
    assert seen == [3]
    return found, [run([plan])[0] for plan in make()]


def check(found, wanted, tolerance):
    for r, (one, other) in enumerate(zip(found, wanted, strict=True)):
        theirs = other.module.state_dict()
        for name, tensor in one.module.state_dict().items():
            torch.testing.assert_close(tensor, theirs[name], atol=tolerance, rtol=0, msg=f"{name} of replica {r}")
        assert [row["epoch"] for row in one.history] == [row["epoch"] for row in other.history]


@pytest.mark.parametrize("structure", STRUCTURES.values(), ids=list(STRUCTURES))
@pytest.mark.parametrize("kind", ["3-D", "ragged"])
@pytest.mark.parametrize("name", ["classify", "regress"])
def test_a_replica_comes_to_what_it_comes_to_alone(name, kind, structure, monkeypatch):
    check(*joint_and_alone(monkeypatch, lambda: plans_of(name, structure, kind)), 1e-6)


@pytest.mark.parametrize("structure", STRUCTURES.values(), ids=list(STRUCTURES))
def test_with_other_rows_than_the_others_too(structure, monkeypatch):
    rows = [range(24), range(20), range(3, 12)]
    common = {**structure, "batch_size": 4}
    check(*joint_and_alone(monkeypatch, lambda: plans_of("regress", common, "3-D", rows)), 1e-6)


@pytest.mark.parametrize("pooling", ["concat", "mean", "last"])
def test_of_sixteen_units_it_has_the_same_bits(pooling, monkeypatch):
    common = {"hidden_size": 16, "dtype": "float32", "pooling": pooling}
    check(*joint_and_alone(monkeypatch, lambda: plans_of("classify", common, "3-D")), 0)


# -- dropout ---------------------------------------------------------------------------------------------------------------


def test_dropout_of_attention_draws_from_its_own_generator_and_keeps_the_mean():
    torch.manual_seed(0)
    layer = SelfAttention(8, 2, dropout=0.5).train()
    give_draws(layer, Draws([torch.Generator().manual_seed(0)]))
    weights, before = torch.ones(2000, 10, 10), torch.get_rng_state()
    dropped = layer.dropout(weights)
    assert torch.equal(torch.get_rng_state(), before)
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert abs(dropped.mean().item() - 1) < 0.01
    x = torch.randn(2, 6, 8)
    assert not torch.equal(layer(x, None), layer(x, None))
    layer.eval()
    assert torch.equal(layer(x, None), layer(x, None))


# -- learning --------------------------------------------------------------------------------------------------------------


def test_order_is_learnt_where_it_is_all_there_is():
    """Which of two spikes comes first: a bag of steps does not say."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=300)
    X = 0.1 * rng.normal(size=(300, 10, 1))
    for x, label in zip(X, y, strict=True):
        first, second = np.sort(rng.choice(10, size=2, replace=False))
        x[first], x[second] = (1, -1) if label else (-1, 1)
    scores = {}
    for positions in ("rotary", "sinusoidal", "none"):
        model = TransformerClassifier(
            positions=positions, pooling="mean", hidden_size=32, max_epochs=30, random_state=0
        )
        scores[positions] = model.fit(X[:200], y[:200]).score(X[200:], y[200:])
    assert scores["rotary"] > 0.95
    assert scores["sinusoidal"] > 0.95
    assert scores["none"] < 0.65
