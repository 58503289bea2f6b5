"""Layers against torch's own and against loops: ragged batches, masks, steps."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from sklearn_seq.layers.dropout import Draws, Dropout, give_draws
from sklearn_seq.layers.linear import Head
from sklearn_seq.layers.masks import lengths_of, make_mask, reverse_inside, zero_padding
from sklearn_seq.layers.network import Network
from sklearn_seq.layers.pooling import make_pool
from sklearn_seq.layers.recurrent import Recurrent
from sklearn_seq.layers.scaling import InputScaling

LENGTHS = torch.tensor([5, 2, 7, 1])
TORCHS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def ragged(n_features=3, garbage=1e3):
    """A padded batch with garbage behind the sequences."""
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 7, n_features)).astype(np.float32))
    mask = make_mask(LENGTHS, 7)
    return torch.where(mask[:, :, None], x, garbage), mask


def twin(stack, cell, **options):
    """Torch's own stack with the weights of ours."""
    ours = [stack.forward_layers, stack.backward_layers]
    layer = TORCHS[cell](
        stack.forward_layers[0].input_size,
        stack.forward_layers[0].hidden_size,
        num_layers=len(ours[0]),
        bidirectional=len(ours[1]) > 0,
        batch_first=True,
        **options,
    )
    with torch.no_grad():
        for direction, layers in zip(("", "_reverse"), ours, strict=True):
            for i, one in enumerate(layers):
                for name, weight in one.named_parameters():
                    getattr(layer, name.replace("_l0", f"_l{i}{direction}")).copy_(weight)
    return layer


@pytest.mark.parametrize("options", [{}, {"nonlinearity": "relu"}], ids=str)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("n_layers", [1, 3])
@pytest.mark.parametrize("cell", TORCHS)
def test_recurrent_is_torchs(cell, n_layers, bidirectional, options):
    if options and cell != "rnn":
        pytest.skip("an option of the plain recurrence")
    torch.manual_seed(0)
    stack = Recurrent(cell, 3, 5, n_layers=n_layers, bidirectional=bidirectional, **options)
    layer = twin(stack, cell, **options)
    x, mask = ragged()
    rectangular = torch.randn(4, 7, 3)
    with torch.no_grad():
        wanted, _ = layer(rectangular)
        found, _, state = stack(rectangular, None)
        torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)
        assert (state is None) == bidirectional
        packed, _ = layer(pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False))
        wanted, _ = pad_packed_sequence(packed, batch_first=True, total_length=7)
        found, found_mask, _ = stack(x, mask)
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)
    assert found_mask is mask
    assert found.shape[2] == stack.out_features
    assert stack.n_backward == (5 if bidirectional else 0)


@pytest.mark.parametrize("cell", TORCHS)
def test_steps_and_stretches_go_on_from_a_state(cell):
    torch.manual_seed(0)
    stack = Recurrent(cell, 3, 5, n_layers=2)
    x, mask = ragged(garbage=0.0)
    with torch.no_grad():
        whole, _, ended = stack(x, None)
        state, steps = None, []
        for t in range(x.shape[1]):
            hidden, state = stack.step(x[:, t], state)
            steps.append(hidden)
        torch.testing.assert_close(torch.stack(steps, dim=1), whole, atol=1e-6, rtol=0)
        first, _, state = stack(x[:, :3], None)
        second, _, last = stack(x[:, 3:], None, state)
        torch.testing.assert_close(torch.cat([first, second], dim=1), whole, atol=1e-6, rtol=0)
        # with a mask and a state, each sequence ends where it ends
        start = stack(x[:, :1], None)[2]
        _, _, ended = stack(x, mask, start)
        for i, length in enumerate(LENGTHS.tolist()):
            alone = stack(x[i : i + 1, :length], None, [_row(entry, i) for entry in start])[2]
            for found, wanted in zip(ended, alone, strict=True):
                _close_states(_row(found, i), wanted)
    assert last is not None


def _row(state, i):
    return (
        tuple(h[:, i : i + 1].contiguous() for h in state)
        if isinstance(state, tuple)
        else state[:, i : i + 1].contiguous()
    )


def _close_states(found, wanted):
    pairs = zip(found, wanted, strict=True) if isinstance(found, tuple) else [(found, wanted)]
    for a, b in pairs:
        torch.testing.assert_close(a, b, atol=1e-6, rtol=0)


def test_a_bidirectional_stack_has_no_state():
    stack = Recurrent("gru", 3, 5, bidirectional=True)
    with pytest.raises(ValueError, match="cannot go step by step"):
        stack.step(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="cannot go on from a state"):
        stack(torch.zeros(2, 4, 3), None, [torch.zeros(1, 2, 5)])


def test_recurrent_begins_with_orthogonal_recurrences():
    torch.manual_seed(0)
    for cell in TORCHS:
        for layer in Recurrent(cell, 3, 5, n_layers=2, bidirectional=True).forward_layers:
            for gate in layer.weight_hh_l0.split(5):
                torch.testing.assert_close(gate @ gate.T, torch.eye(5), atol=1e-5, rtol=0)
            assert torch.isfinite(layer.bias_ih_l0).all()


# -- masks ---------------------------------------------------------------------------------------------------------------


def test_masks():
    x, mask = ragged(garbage=torch.nan)
    assert mask.sum(dim=1).tolist() == LENGTHS.tolist()
    assert lengths_of(x, mask).tolist() == LENGTHS.tolist()
    assert lengths_of(x, None).tolist() == [7] * 4
    clean = zero_padding(x, mask)
    assert torch.isfinite(clean).all()
    assert (clean[~mask] == 0).all()
    assert zero_padding(x, None) is x
    turned = reverse_inside(x, mask)
    for i, length in enumerate(LENGTHS.tolist()):
        assert torch.equal(turned[i, :length], x[i, :length].flip(0))
    again = reverse_inside(turned, mask)
    assert torch.equal(again[mask], x[mask])
    assert torch.equal(reverse_inside(clean, None), clean.flip(1))


# -- pooling -------------------------------------------------------------------------------------------------------------


def _last(h, n_backward):
    return torch.cat([h[-1, : h.shape[1] - n_backward], h[0, h.shape[1] - n_backward :]])


ORACLES = {
    "last": _last,
    "mean": lambda h, n_backward: h.mean(dim=0),
    "max": lambda h, n_backward: h.max(dim=0).values,
    "concat": lambda h, n_backward: torch.cat([_last(h, n_backward), h.mean(dim=0), h.max(dim=0).values]),
}


@pytest.mark.parametrize("n_backward", [0, 2])
@pytest.mark.parametrize("name", ORACLES)
def test_pooling(name, n_backward):
    pool = make_pool(name, 4, n_backward)
    x, mask = ragged(4, garbage=torch.nan)
    wanted = torch.stack([ORACLES[name](row[:n], n_backward) for row, n in zip(x, LENGTHS.tolist(), strict=True)])
    torch.testing.assert_close(pool(x, mask), wanted)
    clean = zero_padding(x, mask)
    torch.testing.assert_close(pool(clean, None), torch.stack([ORACLES[name](row, n_backward) for row in clean]))
    assert pool.out_features == wanted.shape[1]


def test_attention_pooling():
    torch.manual_seed(0)
    pool = make_pool("attention", 4)
    x, mask = ragged(4)
    with torch.no_grad():
        found = pool(x, mask)
        for i, length in enumerate(LENGTHS.tolist()):
            steps = x[i, :length]
            weights = torch.softmax(pool.query(torch.tanh(pool.project(steps)))[:, 0], dim=0)
            torch.testing.assert_close(found[i], weights @ steps, atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(pool(steps[None], None)[0], found[i], atol=1e-5, rtol=1e-5)
    assert pool.out_features == 4


# -- dropout, scaling, head ------------------------------------------------------------------------------------------------


def test_dropout_draws_from_its_own_generator_and_keeps_the_mean():
    layer = Dropout(0.3).train()
    give_draws(nn.Sequential(layer), Draws([torch.Generator().manual_seed(0)]))
    before = torch.get_rng_state()
    x = torch.ones(400, 500)
    first, second = layer(x), layer(x)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(first, second)
    assert set(first.unique().tolist()) == {0.0, torch.tensor(1 / 0.7).item()}
    assert abs(first.mean().item() - 1) < 0.01
    give_draws(layer, Draws([torch.Generator().manual_seed(0)]))
    assert torch.equal(layer(x), first)
    assert layer.eval()(x) is x
    assert Dropout(0.0).train()(x) is x
    assert repr(layer) == "Dropout(p=0.3)"


def test_input_scaling():
    x, mask = ragged(garbage=torch.nan)
    scaling = InputScaling(3)
    mean, deviation = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([2.0, 0.5, 1.0])
    scaling.set_statistics(mean, deviation)
    found = scaling(x, mask)
    torch.testing.assert_close(found[mask], ((x - mean) / deviation)[mask], atol=1e-6, rtol=1e-5)
    assert (found[~mask] == 0).all()
    assert scaling.out_features == 3
    assert sum(p.numel() for p in scaling.parameters()) == 0


def test_input_scaling_marks_what_is_missing():
    scaling = InputScaling(2, indicate_missing=True)
    scaling.set_statistics(torch.tensor([1.0, 0.0]), torch.tensor([2.0, 1.0]))
    x = torch.tensor([[[3.0, torch.nan], [torch.nan, 5.0], [9.0, 9.0]]])
    mask = torch.tensor([[True, True, False]])
    wanted = torch.tensor([[[1.0, 0.0, 0.0, 1.0], [0.0, 5.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]])
    assert torch.equal(scaling(x, mask), wanted)
    assert scaling.out_features == 4


def test_head_is_linear_and_rows_do_not_see_each_other():
    torch.manual_seed(0)
    head = Head(64, 3)
    x = torch.randn(50, 64)
    torch.testing.assert_close(head.train()(x), nn.functional.linear(x, head.weight, head.bias))
    found = head.eval()(x)
    torch.testing.assert_close(found, nn.functional.linear(x, head.weight, head.bias), atol=1e-5, rtol=1e-5)
    assert found.dtype == x.dtype
    for i in range(50):
        assert torch.equal(head(x[i : i + 1])[0], found[i])


def test_network_puts_the_parts_together():
    torch.manual_seed(0)
    body = Recurrent("gru", 3, 5, bidirectional=True)
    pool = make_pool("concat", body.out_features, body.n_backward)
    network = Network(InputScaling(3), body, pool, Head(pool.out_features, 2), dropout=0.5).eval()
    x, mask = ragged()
    with torch.no_grad():
        hidden, _, _ = body(zero_padding(x, mask), mask)
        torch.testing.assert_close(network(x, mask), network.head(pool(hidden, mask)))
        alone = torch.cat([network(x[i : i + 1, :length]) for i, length in enumerate(LENGTHS.tolist())])
        torch.testing.assert_close(network(x, mask), alone, atol=1e-6, rtol=0)
