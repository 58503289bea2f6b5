"""Convolutional networks: convolution and normalisation against torch's own, sequences alone against padded ones, causality,
sizes against closed forms, replicas against networks alone."""

import importlib
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from test_replicas import LONE, check_near, check_same, differ, plans_of
from torch import nn

import sklearn_seq
from sklearn_seq.layers.convnets import PreActivation, TrendFilters, growing
from sklearn_seq.layers.convolution import Conv, MaxWindow
from sklearn_seq.layers.dropout import Draws
from sklearn_seq.layers.masks import make_mask
from sklearn_seq.layers.normalisation import BatchNorm
from sklearn_seq.testing import make_problem
from sklearn_seq.training import run

engine = importlib.import_module("sklearn_seq.training.run")  # the name means the function

FAMILIES = ["CNN", "FCN", "ResNet", "Inception", "LITE", "TCN"]
BODIES = [*FAMILIES, "CNN, single", "CNN, gates", "CNN, single with gates", "CNN, linear stem"]
SMALL = {
    "CNN": {"n_filters": 8, "n_blocks": 2},
    "CNN, single": {"n_filters": 8, "n_blocks": 3, "block": "single", "norm": "layer", "activation": "gelu"},
    "CNN, gates": {"n_filters": 8, "n_blocks": 2, "squeeze_excitation": True},
    "CNN, single with gates": {"n_filters": 8, "n_blocks": 3, "block": "single", "squeeze_excitation": True},
    "CNN, linear stem": {"n_filters": 8, "n_blocks": 2, "stem": "linear"},
    "FCN": {"n_filters": 8},
    "ResNet": {"n_filters": 8},
    "Inception": {"n_filters": 4, "bottleneck": 4},
    "LITE": {"n_filters": 8},
    "TCN": {"n_filters": 8, "n_blocks": 3},
}


def body_of(family, n_features=2, dtype=torch.float64, **params):
    torch.manual_seed(0)
    model = getattr(sklearn_seq, f"{family.split(',')[0]}Classifier")(**params)
    return model.make_body(n_features).to(dtype)


def random_batch(lengths, n_features, padding=torch.nan, dtype=torch.float64):
    """Padded sequences, something bad on the padding, and the mask."""
    mask = make_mask(torch.tensor(lengths), max(lengths))
    x = torch.randn(len(lengths), max(lengths), n_features, dtype=dtype)
    return x.masked_fill(~mask[..., None], padding), mask


@pytest.fixture(autouse=True)
def chance():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


# -- one layer against torch's -------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")  # torch's way, not ours
@pytest.mark.parametrize("size", [1, 2, 3, 8, 9, 40])
@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_a_convolution_is_torchs_with_the_same_weights_gradients_included(size, dilation, groups):
    x = torch.randn(3, 17, 4, dtype=torch.float64, requires_grad=True)
    ours = Conv(4, 8, size, dilation=dilation, groups=groups).double()
    nn.init.normal_(ours.bias)
    theirs = nn.Conv1d(4, 8, size, padding="same", dilation=dilation, groups=groups).double()
    theirs.load_state_dict(ours.state_dict())
    found, wanted = ours(x, None), theirs(x.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(found, wanted)
    assert found.is_contiguous()  # or every layer would copy
    weight = torch.randn_like(found)
    torch.testing.assert_close(
        torch.autograd.grad((found * weight).sum(), [x, ours.weight, ours.bias]),
        torch.autograd.grad((wanted * weight).sum(), [x, theirs.weight, theirs.bias]),
    )


@pytest.mark.parametrize("n_timesteps", [1, 2, 5])
@pytest.mark.parametrize("dilation", [2, 5, 6])
@pytest.mark.parametrize(("size", "causal"), [(39, False), (40, False), (9, True), (2, False), (4, False)])
def test_a_kernel_longer_than_the_sequence_is_torchs(n_timesteps, size, causal, dilation):
    x = torch.randn(2, n_timesteps, 3, dtype=torch.float64)
    ours = Conv(3, 4, size, causal=causal, dilation=dilation).double()
    nn.init.normal_(ours.bias)
    reach = dilation * (size - 1)
    before = reach if causal else reach // 2
    padded = nn.functional.pad(x.transpose(1, 2), (before, reach - before))
    wanted = nn.functional.conv1d(padded, ours.weight, ours.bias, dilation=dilation).transpose(1, 2)
    found = ours(x, None)
    torch.testing.assert_close(found, wanted)
    (gradient,) = torch.autograd.grad(found.square().sum(), ours.weight)
    torch.testing.assert_close(gradient, torch.autograd.grad(wanted.square().sum(), ours.weight)[0])


@pytest.mark.parametrize("kernel_size", [2, 3])
@pytest.mark.parametrize(("growth", "n_blocks"), [(1e200, 3), (10**400, 3), (2, 70), (1e9, 3)], ids=str)
def test_a_dilation_wider_than_any_sequence_is_one_wider_than_this_one(growth, n_blocks, kernel_size):
    x = torch.randn(2, 12, 3, dtype=torch.float64)
    wide, same = (
        PreActivation(3, 3, kernel_size, stem=[1], dilations=dilations, norm="layer").double().eval()
        for dilations in (growing(growth, n_blocks), [min(24, int(growth) ** i) for i in range(n_blocks)])
    )
    same.load_state_dict(wide.state_dict())
    torch.testing.assert_close(wide(x, None)[0], same(x, None)[0], atol=0, rtol=0)


def test_dilations_one_by_one_are_those_that_grow():
    problem = make_problem()
    grown = sklearn_seq.CNNClassifier(n_filters=4, n_blocks=3, kernel_size=3, max_epochs=2, random_state=0)
    listed = clone(grown).set_params(n_blocks=7, dilation_growth=5, dilations=[1, np.int64(2), 4])
    np.testing.assert_array_equal(
        *(model.fit(problem.X, problem.y).predict_proba(problem.X) for model in (listed, grown))
    )


@pytest.mark.parametrize("given", [(), [1, 0], (1.5,), ["a"], (True,)])
def test_dilations_are_whole_numbers(given):
    with pytest.raises(ValueError, match=r"dilations=.*; wanted one whole number, 1 or more, for each layer, such as"):
        sklearn_seq.CNNClassifier(dilations=given).fit(np.zeros((4, 5)), [0, 1, 0, 1])


def test_a_tcn_of_many_blocks_reads_short_sequences():
    body = body_of("TCN", 1, n_filters=2, n_blocks=70, kernel_size=2)
    assert torch.isfinite(body(torch.randn(1, 5, 1, dtype=torch.float64), None)[0]).all()


@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("size", [1, 4, 9])
def test_a_stride_takes_every_so_many_of_the_steps(size, stride):
    x, mask = random_batch([11, 7, 1], 2)
    conv = Conv(2, 3, size, stride=stride).double()
    whole = Conv(2, 3, size).double()
    whole.load_state_dict(conv.state_dict())
    torch.testing.assert_close(conv(x, mask), whole(x, mask)[:, ::stride])
    assert conv.shorten(mask).sum(dim=1).tolist() == [-(-n // stride) for n in (11, 7, 1)]


def test_weight_norm_is_torchs():
    x = torch.randn(2, 12, 3, dtype=torch.float64)
    ours = Conv(3, 5, 4, causal=True, weight_norm=True).double()
    theirs = nn.utils.parametrizations.weight_norm(nn.Conv1d(3, 5, 4, padding=3).double())
    with torch.no_grad():
        ours.gain.mul_(torch.rand(5, 1, 1) + 0.5)
        theirs.parametrizations.weight.original0.copy_(ours.gain)
        theirs.parametrizations.weight.original1.copy_(ours.weight)
        theirs.bias.zero_()
    torch.testing.assert_close(ours(x, None), theirs(x.transpose(1, 2))[..., :12].transpose(1, 2))


def test_the_largest_of_a_window_is_torchs_and_padding_is_never_the_largest():
    x, mask = random_batch([9, 4, 1], 3)
    found = MaxWindow(3)(x, mask)
    for row, n, own in zip(x, (9, 4, 1), found, strict=True):
        wanted = nn.functional.max_pool1d(row[:n].T[None], 3, stride=1, padding=1)[0].T
        torch.testing.assert_close(own[:n], wanted)
        assert (own[n:] == 0).all()


# -- normalisation ---------------------------------------------------------------------------------------------------------


def torchs_norm(ours):
    theirs = nn.BatchNorm1d(len(ours.weight), dtype=torch.float64)
    theirs.load_state_dict({**ours.state_dict(), "num_batches_tracked": torch.tensor(0)})
    return theirs


@pytest.mark.parametrize("lengths", [[6, 6, 6], [6, 2, 4], [1, 1], [5, 1]], ids=str)
def test_normalisation_is_torchs_over_the_real_steps(lengths):
    ours = BatchNorm(3).double()
    nn.init.normal_(ours.weight), nn.init.normal_(ours.bias)
    theirs = torchs_norm(ours)
    for _ in range(3):
        x, mask = random_batch(lengths, 3)
        x.requires_grad_()
        found = ours(x, None if len(set(lengths)) == 1 else mask)
        real = x[mask]  # (N, F)
        wanted = theirs(real)
        torch.testing.assert_close(found[mask], wanted)
        weight = torch.randn_like(wanted)
        one = torch.autograd.grad((found[mask] * weight).sum(), [x, ours.weight, ours.bias])
        other = torch.autograd.grad((wanted * weight).sum(), [x, theirs.weight, theirs.bias])
        torch.testing.assert_close(one, other)
        for name in ("running_mean", "running_var"):
            torch.testing.assert_close(getattr(ours, name), getattr(theirs, name))
    x, mask = random_batch(lengths, 3)
    torch.testing.assert_close(ours.eval()(x, mask)[mask], theirs.eval()(x[mask]))


def test_a_batch_of_one_step_is_the_shift_and_leaves_the_running_statistics():
    norm = BatchNorm(2)
    nn.init.normal_(norm.bias)
    before = {name: tensor.clone() for name, tensor in norm.state_dict().items()}
    for x, mask in ((torch.randn(1, 1, 2), None), random_batch([1], 2, dtype=torch.float32)):
        torch.testing.assert_close(norm(x, mask)[0, 0], norm.bias)
    for name, tensor in norm.state_dict().items():
        torch.testing.assert_close(tensor, before[name])


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("rows", [None, [4, 2, 0]], ids=str)
def test_normalisation_of_replicas_is_that_of_each_over_its_own_rows(rows, ragged):
    alone = [BatchNorm(3).double() for _ in range(3)]
    for norm in alone:
        for tensor in norm.state_dict().values():
            nn.init.uniform_(tensor, 0.5, 2)
    joint = BatchNorm(3).double()
    joint.weight, joint.bias = (nn.Parameter(torch.stack([getattr(n, k) for n in alone])) for k in ("weight", "bias"))
    joint.running_mean, joint.running_var = (
        torch.stack([getattr(n, k) for n in alone]) for k in ("running_mean", "running_var")
    )
    joint.draws = Draws([], rows)
    x = torch.randn(3, 4, 7, 3, dtype=torch.float64)
    mask = (
        torch.stack([make_mask(torch.tensor(n), 7) for n in ([7, 3, 2, 1], [1, 1, 5, 5], [2, 2, 7, 1])])
        if ragged
        else None
    )
    found = joint(x, mask)
    for r, (norm, size) in enumerate(zip(alone, rows or [4, 4, 4], strict=True)):
        own = None if mask is None else mask[r, :size]
        if size:
            there = torch.ones(size, 7, dtype=torch.bool) if own is None else own
            torch.testing.assert_close(found[r, :size][there], norm(x[r, :size], own)[there])
        torch.testing.assert_close(joint.running_mean[r], norm.running_mean)
        torch.testing.assert_close(joint.running_var[r], norm.running_var)


# -- whole networks ----------------------------------------------------------------------------------------------------------

LENGTHS = [13, 30, 1, 5, 30, 2]


@pytest.mark.parametrize("padding", [0.0, 1e6, torch.nan])
@pytest.mark.parametrize("family", BODIES)
def test_a_padded_sequence_is_what_it_is_alone(family, padding):
    body = body_of(family, **SMALL[family])
    x, mask = random_batch([30, 13, 9], 2)
    body(x, mask)  # statistics that are not those of the start
    body.eval()
    x, mask = random_batch(LENGTHS, 2, padding)
    with torch.no_grad():
        hidden, own, _ = body(x, mask)
        for row, there, sequence, n in zip(hidden, own, x, LENGTHS, strict=True):
            alone, _, _ = body(sequence[None, :n], None)
            torch.testing.assert_close(row[there], alone[0], atol=1e-10, rtol=0)


@pytest.mark.parametrize("family", BODIES)
def test_in_training_more_padding_changes_nothing(family):
    """Statistics of the batch, gradients and running statistics included."""
    answers = []
    for more in (0, 11):
        body = body_of(family, **SMALL[family], dropout=0.0)
        torch.manual_seed(1)
        x, mask = random_batch(LENGTHS, 2)
        x, mask = nn.functional.pad(x, (0, 0, 0, more), value=7.0), nn.functional.pad(mask, (0, more))
        hidden, own, _ = body(x, mask)
        hidden[own].square().mean().backward()
        gradients = [parameter.grad for parameter in body.parameters()]
        assert all(bool(torch.isfinite(g).all()) for g in gradients)
        assert sum(float(g.abs().sum()) for g in gradients) > 0
        answers.append([hidden[own], *gradients, *body.buffers()])
    torch.testing.assert_close(answers[0], answers[1], atol=1e-10, rtol=0)


def test_single_blocks_are_those_of_torchs_layers():
    body = body_of("CNN, single", 2, views="values", dropout=0.0, **SMALL["CNN, single"])
    x = torch.randn(3, 30, 2, dtype=torch.float64)
    hidden = torch.cat([conv(x, None) for conv in body.stem], dim=2)

    def normalise(norm, x):
        return nn.functional.layer_norm(x, (8,), norm.weight, norm.bias)

    for i, dilation in enumerate((1, 2, 4)):
        conv, point = body.convs[2 * i], body.convs[2 * i + 1]
        inside = normalise(body.norms[i], hidden).transpose(1, 2)
        inside = nn.functional.conv1d(inside, conv.weight, conv.bias, padding="same", dilation=dilation)
        inside = nn.functional.gelu(inside).transpose(1, 2)
        hidden = hidden + nn.functional.linear(inside, point.weight[:, :, 0], point.bias)
    torch.testing.assert_close(body(x, None)[0], normalise(body.norms[3], hidden), atol=1e-12, rtol=0)


@pytest.mark.parametrize("block", ["double", "single"])
def test_gates_are_those_of_torchs_layers_over_the_real_steps(block):
    params = SMALL["CNN"] | {"n_blocks": 1, "views": "values", "block": block}
    body, plain = (body_of("CNN", 2, squeeze_excitation=gates, **params).eval() for gates in (True, False))
    plain.load_state_dict({name: value for name, value in body.state_dict().items() if not name.startswith("gates")})
    x, mask = random_batch(LENGTHS, 2)
    seen = []
    (body.convs[1] if block == "double" else body.convs[0]).register_forward_hook(
        lambda _, given, out: seen.append(out)
    )
    with torch.no_grad():
        body(x, mask)
        behind = seen[0] if block == "double" else torch.relu(seen[0])
        gate = body.gates[0]
        means = torch.stack([row[there].mean(dim=0) for row, there in zip(behind, mask, strict=True)])
        inside = torch.relu(nn.functional.linear(means, gate.squeeze.weight, gate.squeeze.bias))
        wanted = 2 / (1 + torch.exp(-nn.functional.linear(inside, gate.excite.weight, gate.excite.bias)))
        found = gate(behind, mask)
        torch.testing.assert_close(found[mask], (behind * wanted[:, None])[mask], atol=1e-12, rtol=0)
        for part in (gate.excite.weight, gate.excite.bias):
            part.zero_()  # gates of 1
        torch.testing.assert_close(body(x, mask)[0][mask], plain(x, mask)[0][mask], atol=1e-12, rtol=0)


@pytest.mark.parametrize("stem", ["filters", "linear"])
@pytest.mark.parametrize("stride", [2, 5])
def test_with_a_stride_too(stride, stem):
    body = body_of("CNN", **SMALL["CNN"], stride=stride, stem=stem).eval()
    x, mask = random_batch(LENGTHS, 2)
    with torch.no_grad():
        hidden, own, _ = body(x, mask)
        assert own.sum(dim=1).tolist() == [-(-n // stride) for n in LENGTHS]
        for row, there, sequence, n in zip(hidden, own, x, LENGTHS, strict=True):
            torch.testing.assert_close(row[there], body(sequence[None, :n], None)[0][0], atol=1e-10, rtol=0)


@pytest.mark.parametrize("n_timesteps", [1, 2])
@pytest.mark.parametrize("family", BODIES)
def test_a_single_short_sequence_trains(family, n_timesteps):
    body = body_of(family, 1, **SMALL[family])
    hidden, _, _ = body(torch.randn(1, n_timesteps, 1, dtype=torch.float64), None)
    hidden.sum().backward()
    assert hidden.shape == (1, n_timesteps, body.out_features)
    assert all(bool(torch.isfinite(p.grad).all()) for p in body.parameters())


# what moves an output: the steps on both sides, from the sizes of the kernels
REACH = {
    "CNN": ({"n_filters": 4, "n_blocks": 2, "kernel_size": 3}, (13 // 2 + 2 * 1 + 2 * 2,) * 2),
    "CNN, single": (
        {"n_filters": 4, "n_blocks": 4, "kernel_size": 3, "block": "single", "norm": "batch", "dilation_growth": 1.5},
        (13 // 2 + 1 + 2 + 2 + 3,) * 2,  # 1, 1.5, 2.25 and 3.375, rounded
    ),
    "CNN, gates": ({"n_filters": 4, "n_blocks": 1, "squeeze_excitation": True}, (250, 250)),  # the whole sequence
    "CNN, single with gates": (
        {"n_filters": 4, "n_blocks": 1, "block": "single", "squeeze_excitation": True},
        (250, 250),
    ),
    "CNN, linear stem": ({"n_filters": 4, "n_blocks": 1, "kernel_size": 3, "stem": "linear"}, (2, 2)),
    "FCN": ({"n_filters": 4}, (3 + 2 + 1, 4 + 2 + 1)),  # 8, 5, 3: the even one looks farther ahead
    "ResNet": ({"n_filters": 4, "n_blocks": 2}, (2 * (3 + 2 + 1), 2 * (4 + 2 + 1))),
    "Inception": ({"n_filters": 2, "bottleneck": 2, "n_modules": 2, "kernel_size": 7}, (2 * 3, 2 * 3)),
    "LITE": ({"n_filters": 4, "kernel_size": 121}, (60 + 59 + 58,) * 2),  # 121; 60 and 30 with dilations 2 and 4
    "TCN": ({"n_filters": 4, "n_blocks": 3, "kernel_size": 3}, (2 * 2 * (1 + 2 + 4), 0)),
}


@pytest.mark.parametrize("family", BODIES)
def test_an_output_depends_on_the_steps_that_its_kernels_reach(family):
    params, (before, after) = REACH[family]
    body = body_of(family, 1, views="values", **params).eval()
    for parameter in body.parameters():  # all positive, so that nothing cancels or is cut off
        parameter.data.abs_().add_(0.01)
    x = torch.rand(1, 501, 1, dtype=torch.float64, requires_grad=True)
    hidden, _, _ = body(x, None)
    hidden[0, 250].sum().backward()
    moved = x.grad[0, :, 0].abs().nonzero()[:, 0].tolist()
    assert (250 - moved[0], moved[-1] - 250) == (before, after)


def test_the_reach_of_a_tcn_is_as_its_parameter_says():
    for kernel_size, n_blocks in ((2, 1), (3, 4), (5, 5)):
        body = body_of("TCN", 1, n_filters=2, n_blocks=n_blocks, kernel_size=kernel_size)
        assert body.receptive_field == 1 + 2 * (kernel_size - 1) * (2**n_blocks - 1)


def test_the_future_never_moves_what_a_tcn_said_in_training_either():
    body = body_of("TCN", dropout=0.0)
    x = torch.randn(2, 40, 2, dtype=torch.float64)
    changed = x.clone()
    changed[:, 25:] = 100.0
    torch.testing.assert_close(body(x, None)[0][:, :25], body(changed, None)[0][:, :25], atol=0, rtol=0)
    assert not torch.allclose(body(x, None)[0][:, 25:], body(changed, None)[0][:, 25:])


# -- sizes of the papers -------------------------------------------------------------------------------------------------------


def n_numbers(body):
    return sum(p.numel() for p in body.parameters())


@pytest.mark.parametrize("n_features", [1, 3])
def test_sizes_are_those_of_the_papers(n_features):
    f = n_features
    fcn = f * 128 * 8 + 128 * 256 * 5 + 256 * 128 * 3 + 2 * (128 + 256 + 128)
    assert n_numbers(body_of("FCN", f, views="values", n_filters=128)) == fcn

    def block(before, width):
        way = before * width + 2 * width if before != width else 0
        return before * width * 8 + width * width * (5 + 3) + 3 * 2 * width + (way or 2 * width)

    assert n_numbers(body_of("ResNet", f, views="values", n_filters=64)) == block(f, 64) + block(64, 128) + block(
        128, 128
    )

    def module(before):
        inside = 32 if before > 1 else 1
        return (before * 32 if before > 1 else 0) + inside * 32 * (40 + 20 + 10) + before * 32 + 2 * 128

    ways = (f * 128 + 2 * 128) + (128 * 128 + 2 * 128)
    assert n_numbers(body_of("Inception", f, views="values", kernel_size=40)) == module(f) + 5 * module(128) + ways


def test_lite_has_the_size_of_its_paper():
    assert n_numbers(body_of("LITE", 1, kernel_size=40)) == 9814
    model = sklearn_seq.LITEClassifier(max_epochs=1, random_state=0).fit(
        np.random.default_rng(0).normal(size=(8, 20)), [0, 1] * 4
    )
    assert model.n_parameters_ < 10_000


def test_fixed_filters_find_rises_falls_and_peaks():
    fixed = TrendFilters(1, [2, 4, 8, 16, 32, 64], [6, 12, 24, 48, 96])
    assert fixed.out_features == 17
    assert list(fixed.parameters()) == []
    t = torch.arange(200.0)
    rise, flat, peak = t / 10, torch.full((200,), 3.0), torch.exp(-0.5 * ((t - 100) / 2) ** 2)
    found = fixed(torch.stack([rise, flat, peak])[..., None], None)[:, 60:141]  # away from the ends
    rising, falling, peaks = found[..., 0:12:2], found[..., 1:12:2], found[..., 12:]
    assert (rising[0] > 0).all()
    assert (falling[0] < 0).all()
    torch.testing.assert_close(found[1], torch.zeros_like(found[1]), atol=1e-4, rtol=0)
    assert ((peaks[2].argmax(dim=0) + 60 - 100).abs() <= 1).all()


# -- training ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_it_learns_where_a_shape_lies_in_images_read_as_sequences(family):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 12, 6)) * 0.3
    y = rng.integers(0, 2, 120)
    for x, label in zip(X, y, strict=True):  # a stroke to the right or to the left
        row, column = rng.integers(0, 8), rng.integers(0, 2)
        steps = np.arange(4)
        x[row + steps, column + (steps if label else 3 - steps)] += 2
    model = getattr(sklearn_seq, f"{family}Classifier")(**SMALL[family], max_epochs=25, random_state=0)
    assert model.fit(X[:80], y[:80]).score(X[80:], y[80:]) > 0.9


@pytest.mark.parametrize("family", FAMILIES)
def test_training_in_bfloat16_keeps_weights_and_statistics_in_float32(family):
    data = make_problem("classify", "ragged", n_samples=40)
    models = [
        getattr(sklearn_seq, f"{family}Classifier")(**SMALL[family], max_epochs=4, precision=p, random_state=0)
        for p in ("full", "bf16")
    ]
    full, half = (model.fit(data.X, data.y) for model in models)
    state = half.module_.state_dict()
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}
    assert any(not torch.equal(state[name], other) for name, other in full.module_.state_dict().items())
    assert abs(full.loss_curve_[0] - half.loss_curve_[0]) < 0.1


# -- replicas ----------------------------------------------------------------------------------------------------------------

DIFFERENT = [
    {"random_state": 0, "lr": 1e-3, "dropout": 0.0, "gradient_clip": None},
    {"random_state": 1, "lr": 1e-2, "dropout": 0.3, "weight_decay": 0.1, "standardize": False, "max_epochs": 4},
    {"random_state": 2, "lr": 3e-3, "dropout": 0.1, "gradient_clip": 0.01, "max_epochs": 1},
]


@pytest.fixture
def groups(monkeypatch):
    """How many plans were trained as one, each time."""
    seen = []

    class Recorded(engine.Trainer):
        def __init__(self, plans, modules):
            seen.append(len(plans))
            super().__init__(plans, modules)

    monkeypatch.setattr(engine, "Trainer", Recorded)
    return seen


def joint_and_alone(make, groups):
    found = run(make())
    assert groups == [len(found)]
    return found, [run([plan])[0] for plan in make()]


@pytest.mark.parametrize("kind", ["3-D", "ragged"])
@pytest.mark.parametrize("task", ["Classifier", "Regressor"])
@pytest.mark.parametrize("family", [*FAMILIES, "CNN, gates"])
def test_a_replica_comes_to_what_it_comes_to_alone(family, task, kind, groups):
    common = {**SMALL[family], "max_epochs": 2, "dtype": "float64"}
    found, wanted = joint_and_alone(lambda: plans_of(family.split(",")[0] + task, common, DIFFERENT, kind), groups)
    check_near(found, wanted)
    assert differ(found[0], found[1])


@pytest.mark.parametrize("family", ["CNN", "CNN, gates", "FCN"])
def test_so_does_one_with_other_rows_and_a_last_batch_that_is_filled_up(family, groups):
    rows = [range(24), range(3, 20), range(8, 17)]  # batches of 4: none left, 1 left, 1 left and far fewer
    common = {**SMALL[family], "max_epochs": 2, "dtype": "float64", "batch_size": 4}
    name = family.split(",")[0] + "Classifier"
    for kind in ("3-D", "ragged"):
        groups.clear()
        check_near(*joint_and_alone(lambda k=kind: plans_of(name, common, DIFFERENT, k, rows), groups))


def test_snapshots_averages_and_early_stopping_have_the_running_statistics_of_their_network(groups):
    data = make_problem("classify", "3-D")

    def make():
        common = {
            **SMALL["CNN"],
            "max_epochs": 6,
            "dtype": "float64",
            "early_stopping": True,
            "lr_schedule": "constant",
        }
        own = [{"random_state": i, "n_iter_no_change": n} for i, n in enumerate((1, 6, 6))]
        plans = plans_of("CNNClassifier", common, own, X_val=data.X_test, y_val=data.y_test)
        plans[1].n_cycles, plans[2].average_from = 3, 0.5
        return plans

    found, wanted = joint_and_alone(make, groups)
    check_near(found, wanted)
    first, *_, last = found[1].snapshots
    assert not np.array_equal(first["body.inside.norms.0.running_mean"], last["body.inside.norms.0.running_mean"])


def test_networks_own_their_statistics_after_a_joint_training(groups):
    found = run(plans_of("CNNClassifier", {**SMALL["CNN"], "max_epochs": 1}, LONE))
    assert groups == [3]
    held = {tensor.untyped_storage().data_ptr() for result in found for tensor in result.module.state_dict().values()}
    assert len(held) == sum(len(result.module.state_dict()) for result in found)
    before = found[1].module.body.inside.norms[0].running_mean.clone()
    found[0].module.body.inside.norms[0].running_mean.zero_()
    torch.testing.assert_close(found[1].module.body.inside.norms[0].running_mean, before)
    copy = pickle.loads(pickle.dumps(found[1].module))
    torch.testing.assert_close(copy.body.inside.norms[0].running_mean, before)


@pytest.mark.parametrize(("n_filters", "joined"), [(8, True), (64, False)])
def test_wide_networks_are_trained_one_after_another(n_filters, joined, groups):
    run(plans_of("CNNClassifier", {"n_filters": n_filters, "max_epochs": 1, "batch_size": 16}, DIFFERENT[:2]))
    assert groups == ([2] if joined else [1, 1])


def test_alone_twice_has_the_same_bits():
    first, second = (run(plans_of("CNNRegressor", {**SMALL["CNN"], "max_epochs": 3}, LONE[:1])) for _ in range(2))
    check_same(first, second)
