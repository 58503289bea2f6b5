"""Recurrences with a backward pass of our own, against torch's, against finite differences, and against themselves."""

import copy
import pickle
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from sklearn_seq.layers import kernels
from sklearn_seq.layers.kernels import Workspaces, run_layer
from sklearn_seq.training.threads import hold_threads

CELLS = {
    "tanh": (nn.RNN, {}),
    "relu": (nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (nn.LSTM, {}),
    "gru": (nn.GRU, {}),
}
# B, T, F, H
SIZES = [(1, 1, 1, 1), (1, 6, 2, 3), (4, 1, 8, 1), (5, 9, 3, 7), (3, 40, 9, 2), (2, 60, 3, 17), (16, 12, 1, 32)]
# numbers summed at once, numbers worked on at once; with B H = 6: single steps, 5 and 2 steps, 9 steps in one piece
BLOCKS = [(1, 1), (30, 12), (54, 1000)]
LOSSES = {  # y and w: (B, T, H) or (R, B, T, H)
    "all steps": lambda y, w: (y * w).sum(),
    "mean over time": lambda y, w: (y.mean(dim=-2) * w[..., 0, :]).sum(),  # the gradient comes expanded
    "last step": lambda y, w: (y[..., -1, :] * w[..., 0, :]).sum(),
    "sum": lambda y, w: y.sum(),  # so does this one, from a single number
    "strided": lambda y, w: (y.transpose(-1, -2)[..., ::2] * w.transpose(-1, -2)[..., ::2]).sum(),
}
NAMES = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]


@pytest.fixture(autouse=True)
def _one_thread():
    """Products by several threads have the bits of their batch, and wait for each other where cores are few."""
    with hold_threads(1):
        yield


@pytest.fixture
def _blocks(request, monkeypatch):
    monkeypatch.setattr(kernels, "_SUMMED", request.param[0])
    monkeypatch.setattr(kernels, "_NUMBERS", request.param[1])


def make(cell, size, dtype=torch.float64, seed=0):
    """A layer of torch, x, and the weight of each output in a loss."""
    n_rows, n_steps, n_features, n_hidden = size
    torch.manual_seed(seed)
    kind, options = CELLS[cell]
    layer = kind(n_features, n_hidden, batch_first=True, dtype=dtype, **options)
    x = torch.randn(n_rows, n_steps, n_features, dtype=dtype)
    return layer, x, torch.randn(n_rows, n_steps, n_hidden, dtype=dtype)


def join(layers):
    """One layer of torch with the parameters of all, stacked."""
    joint = copy.deepcopy(layers[0])
    for name in NAMES:
        setattr(joint, name, nn.Parameter(torch.stack([getattr(layer, name) for layer in layers]).detach()))
    return joint


def collect(layer, x, y):
    """What a backward pass has left, taken away from where it was."""
    found = {"y": y.detach().clone(), "x": x.grad, **{name: getattr(layer, name).grad for name in NAMES}}
    layer.zero_grad()
    return {name: value for name, value in found.items() if value is not None}


def run(layer, x, w, workspaces=None, loss=LOSSES["all steps"], x_learns=True):
    """Output and gradients, by torch where there are no workspaces."""
    x = x.detach().clone().requires_grad_(x_learns)
    y = layer(x)[0] if workspaces is None else run_layer(layer, x, workspaces)
    loss(y, w).backward()
    return collect(layer, x, y)


def errors(found, wanted):
    """The largest of each: of outputs relative to one, or to the largest; of gradients relative to the largest of all."""
    assert found.keys() == wanted.keys()
    largest = max(value.abs().max() for name, value in wanted.items() if name != "y").clamp(min=1e-12)
    scales = {name: wanted["y"].abs().max().clamp(min=1) if name == "y" else largest for name in wanted}
    return {name: ((found[name] - wanted[name]).abs().max() / scales[name]).item() for name in wanted}


def check_same(found, wanted):
    """To the bit."""
    assert found.keys() == wanted.keys()
    assert [name for name in wanted if not torch.equal(found[name], wanted[name])] == []


# -- torch's own ---------------------------------------------------------------------------------------------------------


def check_torchs(cell, size, dtype, **options):
    """As near to torch in float64 as 1e-10; in float32 torch itself is up to 9e-7 from that, and we as far, or 1e-6 more."""
    layer, x, w = make(cell, size, dtype)
    wanted = run(copy.deepcopy(layer).double(), x.double(), w.double(), **options)
    found = errors(run(layer, x, w, Workspaces(), **options), wanted)
    torchs = errors(run(layer, x, w, **options), wanted)
    for name, error in found.items():
        assert error <= (1e-10 if dtype == torch.float64 else 1e-6 + torchs[name]), (name, found, torchs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_outputs_and_gradients_are_torchs(cell, size, dtype):
    for loss in LOSSES.values():
        check_torchs(cell, size, dtype, loss=loss)
    check_torchs(cell, size, dtype, x_learns=False)


@pytest.mark.parametrize("_blocks", BLOCKS, indirect=True, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_steps_are_taken_in_blocks_of_any_length(_blocks, cell):
    for n_steps, loss in zip((1, 4, 5, 9, 18, 23), [*LOSSES.values(), LOSSES["all steps"]], strict=True):
        check_torchs(cell, (3, n_steps, 4, 2), torch.float64, loss=loss)


def test_default_blocks_are_crossed():
    size = (64, 11, 2, 64)
    assert size[1] > 2 * kernels._SUMMED // (size[0] * size[3])
    for cell in CELLS:
        check_torchs(cell, size, torch.float64)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_those_of_finite_differences(cell):
    layer, x, _ = make(cell, (2, 4, 3, 2))

    def forward(x, *values):
        return run_layer(SimpleNamespace(mode=layer.mode, **dict(zip(NAMES, values, strict=True))), x, Workspaces())

    class Anew(torch.autograd.Function):
        """gradcheck goes back through one graph several times, which the kernels refuse: another graph for each."""

        @staticmethod
        def forward(ctx, *inputs):
            ctx.save_for_backward(*inputs)
            return forward(*inputs)

        @staticmethod
        def backward(ctx, dy):
            inputs = [value.detach().requires_grad_() for value in ctx.saved_tensors]
            with torch.enable_grad():
                return torch.autograd.grad(forward(*inputs), inputs, dy)

    inputs = [x.requires_grad_(), *(getattr(layer, name) for name in NAMES)]
    assert torch.autograd.gradcheck(Anew.apply, inputs, rtol=1e-6, atol=1e-8)


# -- replicas ------------------------------------------------------------------------------------------------------------


def check_replicas(cell, size, dtype, n_replicas, loss=LOSSES["all steps"]):
    layers, xs, ws = zip(*(make(cell, size, dtype, seed) for seed in range(n_replicas)), strict=True)
    found = run(join(layers), torch.stack(xs), torch.stack(ws), Workspaces(), loss)
    for r in range(n_replicas):
        one = {name: value[r] for name, value in found.items()}
        assert dtype == torch.float32 or max(errors(one, run(layers[r], xs[r], ws[r], loss=loss)).values()) <= 1e-10
        check_same(one, run(layers[r], xs[r], ws[r], Workspaces(), loss))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("size", [*SIZES, (13, 7, 2, 5), (8, 30, 8, 32), (64, 5, 3, 64), (256, 1, 1, 8)], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_replicas_have_the_bits_that_each_has_alone(cell, size, dtype):
    check_replicas(cell, size, dtype, 2, LOSSES["mean over time"])
    check_replicas(cell, size, dtype, 5)


@pytest.mark.parametrize("_blocks", BLOCKS, indirect=True, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_replicas_have_them_in_blocks_of_any_length(_blocks, cell):
    check_replicas(cell, (3, 23, 4, 2), torch.float64, 3)


# -- workspaces ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("_blocks", [(kernels._SUMMED, kernels._NUMBERS), (30, 12)], indirect=True, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_a_batch_does_not_depend_on_those_before_it(_blocks, cell):
    workspaces = Workspaces()
    layer, *_ = make(cell, (1, 1, 4, 2))
    for i, (n_rows, n_steps) in enumerate([(3, 12), (3, 5), (1, 12), (3, 12), (2, 7), (3, 25), (3, 1), (4, 1), (1, 9)]):
        _, x, w = make(cell, (n_rows, n_steps, 4, 2), seed=i)
        check_same(run(layer, x, w, workspaces), run(layer, x, w, Workspaces()))
        run(layer, x * torch.nan, w, workspaces)  # a diverged batch taints none after it


@pytest.mark.parametrize("n_steps", [(9, 9), (9, 4), (4, 9)], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_two_graphs_may_be_alive(cell, n_steps):
    layer, *_ = make(cell, (1, 1, 4, 2))
    batches = [make(cell, (3, n, 4, 2), seed=i)[1:] for i, n in enumerate(n_steps)]
    workspaces = Workspaces()
    for order in (slice(None), slice(None, None, -1)) * 2:  # from the second time on kept buffers
        graphs = [(x.requires_grad_(), w, run_layer(layer, x, workspaces)) for x, w in batches]
        for x, w, y in graphs[order]:
            (y * w).sum().backward()
            found, x.grad = collect(layer, x, y), None
            check_same(found, run(layer, x, w, Workspaces()))


@pytest.mark.parametrize("cell", CELLS)
def test_a_forward_pass_without_a_backward_pass_is_forgotten(cell):
    layer, x, w = make(cell, (3, 9, 4, 2))
    wanted, workspaces, kept = run(layer, x, w, Workspaces()), Workspaces(), []
    for i in range(4):
        if i % 2:
            run(layer, x, w, workspaces)
        other = make(cell, (3, 9 - i, 4, 2), seed=i + 1)[1]
        run_layer(layer, other, workspaces)
        kept.append(run_layer(layer, other, workspaces))  # its graph lives on
        with torch.no_grad():
            assert torch.equal(run_layer(layer, x, workspaces), wanted["y"])
        with torch.inference_mode():
            assert torch.equal(run_layer(layer, x, workspaces), wanted["y"])
        check_same(run(layer, x, w, workspaces), wanted)


@pytest.mark.parametrize("cell", CELLS)
def test_an_output_stays_what_it_was(cell):
    layer, x, w = make(cell, (3, 9, 4, 2))
    workspaces = Workspaces()
    run(layer, x, w, workspaces)
    y = run_layer(layer, x.requires_grad_(), workspaces)
    before = y.detach().clone()
    (y * w).sum().backward()
    gradient, gradient_before = x.grad, x.grad.clone()
    for seed in range(1, 4):
        run(layer, *make(cell, (3, 9, 4, 2), seed=seed)[1:], workspaces)
        assert torch.equal(y, before)
        assert torch.equal(gradient, gradient_before)


def test_few_buffers_are_kept():
    layer, *_ = make("gru", (1, 1, 4, 2))
    workspaces = Workspaces()
    for n_rows in range(1, 12):
        _, x, w = make("gru", (n_rows, 3, 4, 2))
        run(layer, x, w, workspaces)
        assert len(workspaces._free) == min(n_rows, Workspaces._MOST)
    alive = [run_layer(layer, x, workspaces) for _ in range(12)]
    sum(y.sum() for y in alive).backward()
    assert len(workspaces._free) == Workspaces._MOST
    held = {id(workspace) for workspace in workspaces._free}
    for _ in range(3):  # the same ones serve again
        run(layer, x, w, workspaces)
        assert {id(workspace) for workspace in workspaces._free} == held
    copies = copy.deepcopy(workspaces), pickle.loads(pickle.dumps(workspaces))
    assert [(type(one), one._free) for one in copies] == [(Workspaces, [])] * 2
    workspaces.clear()
    assert workspaces._free == []


@pytest.mark.parametrize("cell", CELLS)
def test_one_graph_serves_one_backward_pass(cell):
    layer, x, w = make(cell, (3, 9, 4, 2))
    workspaces = Workspaces()
    wanted = run(layer, x, w, workspaces, x_learns=False)
    loss = run_layer(layer, x, workspaces).sum()
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match=r"was differentiated twice.*Set kernel='torch'"):
        loss.backward()
    layer.zero_grad()
    check_same(run(layer, x, w, workspaces, x_learns=False), wanted)


@pytest.mark.parametrize("squared", [False, True])  # what comes from above is a constant, or depends on y
def test_a_penalty_on_gradients_is_refused_and_not_left_out(squared):
    for cell in CELLS:
        layer, x, w = make(cell, (3, 9, 4, 2))
        workspaces, x = Workspaces(), x.requires_grad_()
        y = run_layer(layer, x, workspaces)
        with pytest.raises(RuntimeError, match="twice"):
            (gradient,) = torch.autograd.grad(((y.square() if squared else y) * w).sum(), x, create_graph=True)
            (run_layer(layer, x, workspaces).sum() + gradient.square().sum()).backward()


def test_weights_that_change_before_the_backward_pass_are_refused():
    layer, x, _ = make("lstm", (3, 9, 4, 2))
    for name in NAMES[:2]:
        y = run_layer(layer, x, Workspaces())
        with torch.no_grad():
            getattr(layer, name).mul_(2)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()
