"""Recurrences with a backward pass of our own, for one network or for several replicas at once.

torch's GRU and plain RNN have no fused kernel on a CPU: their backward pass is one node of the graph for each operation of
each step. Here a whole layer is one node, and each step works in place on buffers that are kept from batch to batch,
through views that are made once:

* state, input and a one for the bias stand side by side, so that a step's activations are one product, and so are the
  gradients of all weights and biases, over many steps at once;
* what the backward pass needs of a step, but for the gradient that reaches it, is computed for as many steps at once as
  fit the processor's cache;
* the hyperbolic tangent is taken as ``2 sigmoid(2 a) - 1``, which vectorised libraries compute several times faster; the
  inner factor 2 is in the weights. Its error is 1e-7 of one, not of itself (in float32).

The products of a step are batched over replicas, those over many steps are one a replica. One network is R = 1 of the same
code, and a replica has the bits that it has alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["Workspaces", "run_layer", "run_layer_on"]

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input

# The products for the gradients of weights sum over about this many numbers a unit and replica at once, divided by the
# units: long enough for a fast product, few enough for a cache. May not depend on the number of replicas, since the order of
# a sum does.
_SUMMED = 16384
# Numbers of one buffer that an element-wise operation works on at once, over all replicas.
_NUMBERS = 65536


# Numbers that a matrix begins at a multiple of, in its buffer.
_WHOLE = 32


def _aligned(*shape: int, dtype: torch.dtype, fill: float = 0.0) -> Tensor:
    """A buffer (..., R, rows, columns) in which the matrices of all replicas begin alike in memory.

    Vectorised loops treat what is left at their end in another way than the rest, and products of matrices round by where
    these begin.
    """
    *outer, n_rows, n_columns = shape
    n = n_rows * n_columns
    whole = torch.full((*outer, -(-n // _WHOLE) * _WHOLE), fill, dtype=dtype)
    return whole[..., :n].unflatten(-1, (n_rows, n_columns))


def _as_aligned(matrices: Tensor) -> Tensor:
    """(R, rows, columns) as `_aligned` lays them out, copied where they lie otherwise."""
    whole = matrices.shape[-1] * matrices.shape[-2] % _WHOLE == 0
    if matrices.is_contiguous() and whole and matrices.data_ptr() % 64 == 0:
        return matrices
    return _aligned(*matrices.shape, dtype=matrices.dtype).copy_(matrices)


class Workspaces:
    """Buffers of one layer, kept between batches.

    A workspace serves one graph from its forward to its backward pass; a second forward before that gets another. One that
    was made for longer sequences serves shorter ones.
    """

    _MOST = 4

    def __init__(self) -> None:
        self._free: list[_Workspace] = []

    def get(self, cell: type[_Workspace], n_steps: int, key: tuple) -> _Workspace:
        """One with room for ``n_steps``; ``key`` is (R, B, F, H, dtype)."""
        for i, held in enumerate(self._free):
            if type(held) is cell and held.key == key and held.n_steps >= n_steps:
                return self._free.pop(i)
        # those that are too short go: the new one serves for both, and has room to spare, so that few are made
        longest = max((held.n_steps for held in self._free if held.key == key), default=0)
        self._free = [held for held in self._free if held.key != key]
        return cell(max(n_steps, 3 * longest // 2), key)

    def put(self, workspace: _Workspace) -> None:
        """Give one back; the ones used last are kept."""
        self._free.insert(0, workspace)
        del self._free[self._MOST :]

    def clear(self) -> None:
        """Let go of all."""
        self._free.clear()

    def __deepcopy__(self, memo: Any) -> Workspaces:
        return Workspaces()

    def __reduce__(self) -> Any:
        return (Workspaces, ())


class _Workspace:
    """Buffers, time first, and for each step its views.

    Attributes
    ----------
    n_steps : int
        For how many steps there is room.
    key : tuple
        (R, B, F, H, dtype).
    read : Tensor of shape (T + 1, R, B, H + F + 1)
        What each step reads: state, input, one. The last entry has the last state alone.
    state : Tensor of shape (T + 1, R, B, H)
        Its first part.
    """

    n_gates: int  # blocks of gradients by activations

    def __init__(self, n_steps: int, key: tuple) -> None:
        self.n_steps, self.key = n_steps, key
        n_replicas, n_rows, n_features, size, dtype = key
        self.size = size
        # numbers as tensors: operations that write to a given place would convert plain ones each time
        self.one, self.minus_one, self.minus_two, self.half, self.eight = torch.tensor(
            [1.0, -1.0, -2.0, 0.5, 8.0], dtype=dtype
        ).unbind()
        self.read = _aligned(n_steps + 1, n_replicas, n_rows, size + n_features + 1, dtype=dtype, fill=1.0)
        self.state, self.input = self.read[..., :size], self.read[..., size:-1]
        self.n_together = max(1, min(n_steps, _SUMMED // (n_rows * size)))  # steps of one product of gradients
        self.n_at_once = max(1, min(self.n_together, _NUMBERS // (n_replicas * n_rows * size)))
        self.d = self.empty(self.n_gates, self.n_together)
        self.dh = self.empty(1, 1)[0]
        self.make()

    def empty(self, n_blocks: int, n_steps: int) -> Tensor:
        """(T, R, B, n_blocks H)"""
        n_replicas, n_rows, _, size, dtype = self.key
        return _aligned(n_steps, n_replicas, n_rows, n_blocks * size, dtype=dtype)

    def block(self, buffer: Tensor, first: int, last: int | None = None) -> Tensor:
        """One of the blocks of H columns, or several."""
        return buffer[..., first * self.size : (first + 1 if last is None else last) * self.size]

    def several(self, buffer: Tensor, n: int) -> Tensor:
        """The first blocks as (..., n, H), so that one factor reaches all of them."""
        return self.block(buffer, 0, n).unflatten(-1, (n, self.size))

    def slots(self, *buffers: Tensor) -> list[tuple[Tensor, ...]]:
        """For each step its views of buffers that hold ``n_together`` steps."""
        views = _steps(*buffers)
        return [views[t % self.n_together] for t in range(self.n_steps)]

    def make(self) -> None:
        """More buffers, and the views."""
        raise NotImplementedError

    def begin(self, state: tuple[Tensor, ...]) -> None:
        """Settle where the sequences begin: a layer's own state, of (R, B, H) each, or nothing for zeros."""
        self.state[0] = state[0] if state else 0.0

    def ended(self, n: int) -> tuple[Tensor, ...]:
        """Where they ended after n steps, as `begin` takes it."""
        return (self.state[n].clone(memory_format=torch.contiguous_format),)

    def forward(self, n: int, w_ih: Tensor, w_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor) -> None:
        """Fill ``state`` from ``input``; weights (R, GH, F), (R, GH, H), biases (R, GH)."""
        raise NotImplementedError

    def start(self) -> None:
        """Begin the backward pass."""
        self.dh.zero_()

    def factors(self, first: int, last: int) -> None:
        """Gradients by the activations of some steps, but for the gradient that reaches each."""
        raise NotImplementedError

    def now(self, first: int, last: int) -> Tensor:
        """The place of some steps in ``d``."""
        begin = first % self.n_together
        return self.d[begin : begin + last - first]

    def back(self, first: int, last: int, dy: Sequence[Tensor], w_hh: Tensor) -> None:
        """The same steps, from the last to the first: complete the gradients, and pass on what reaches the step before."""
        raise NotImplementedError

    def backward(self, dy: Tensor, w_ih: Tensor, w_hh: Tensor, dx: Tensor | None) -> tuple[Tensor, ...]:
        """Gradients of w_ih, w_hh, bias_ih, bias_hh from dy (T, R, B, H); that of x is written to dx (T, R, B, F)."""
        n, every_dy = len(dy), dy.unbind(0)
        n_replicas, _, n_features, size, dtype = self.key
        total = _aligned(n_replicas, size + n_features + 1, self.n_gates * size, dtype=dtype)
        w_hh = _as_aligned(w_hh)
        self.start()
        for begin in range((n - 1) // self.n_together * self.n_together, -1, -self.n_together):
            end = min(n, begin + self.n_together)
            for first in reversed(range(begin, end, self.n_at_once)):
                last = min(end, first + self.n_at_once)
                self.factors(first, last)
                self.back(first, last, every_dy[first:last][::-1], w_hh)
            d, read = _rows(self.d[: end - begin]), _rows(self.read[begin:end])
            for own, own_read, own_d in zip(total, read, d, strict=True):
                own.addmm_(own_read.t(), own_d)
            if dx is not None:
                self.back_to_input(d, w_ih, dx[begin:end])
        total = total.transpose(1, 2)  # (R, G, H + F + 1)
        return self.parts(total[..., size:-1], total[..., :size], total[..., -1])

    def back_to_input(self, d: Tensor, w_ih: Tensor, dx: Tensor) -> None:
        """Write the gradient by the input, from d (R, T B, G), to dx (T, R, B, F)."""
        _write_product(d, w_ih, dx)

    def parts(self, by_input: Tensor, by_state: Tensor, by_one: Tensor) -> tuple[Tensor, ...]:
        """Gradients as torch orders and groups the parameters."""
        return by_input, by_state, by_one.clone(), by_one.clone()


def _steps(*buffers: Tensor) -> list[tuple[Tensor, ...]]:
    """For each step its views of some buffers."""
    return list(zip(*(buffer.unbind(0) for buffer in buffers), strict=True))


def _rows(buffer: Tensor) -> Tensor:
    """(T, R, B, G) as (R, T B, G)"""
    return _as_aligned(buffer.transpose(0, 1).flatten(1, 2))


def _write_product(rows: Tensor, matrices: Tensor, out: Tensor) -> None:
    """Write rows (R, T B, F) times matrices (R, F, G) to ``out`` (T, R, B, G), one product a replica."""
    for own_rows, matrix, own in zip(rows, _as_aligned(matrices), out.unbind(1), strict=True):
        own.copy_(torch.mm(own_rows, matrix).view(own.shape))


def _joined(w_hh: Tensor, w_ih: Tensor, bias: Tensor) -> Tensor:
    """For products with what a step reads, (R, H + F + 1, G)."""
    return _as_aligned(torch.cat([w_hh, w_ih, bias[..., None]], dim=2).transpose(1, 2))


class _RNN(_Workspace):
    """Elman's recurrence (1990), with the hyperbolic tangent."""

    n_gates = 1

    def make(self) -> None:
        self.activation = self.empty(1, 1)[0]
        self.forward_steps = _steps(self.read[:-1], self.state[1:])
        self.backward_steps = self.slots(self.d)

    def forward(self, n: int, w_ih: Tensor, w_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor) -> None:
        weight = _joined(w_hh, w_ih, bias_ih + bias_hh).mul_(2)
        minus_one, a, bmm, add = self.minus_one, self.activation, torch.bmm, torch.add
        for read, after in self.forward_steps[:n]:
            bmm(read, weight, out=a)
            add(minus_one, a.sigmoid_(), alpha=2, out=after)

    def factors(self, first: int, last: int) -> None:
        state, d = self.state[first + 1 : last + 1], self.now(first, last)
        torch.mul(state, state, out=d)
        torch.sub(self.one, d, out=d)

    def back(self, first: int, last: int, dy: Sequence[Tensor], w_hh: Tensor) -> None:
        dh, bmm = self.dh, torch.bmm
        for (d,), dy_t in zip(self.backward_steps[first:last][::-1], dy):
            d.mul_(dh.add_(dy_t))
            bmm(d, w_hh, out=dh)


class _ReluRNN(_RNN):
    """The same with a rectifier."""

    def forward(self, n: int, w_ih: Tensor, w_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor) -> None:
        weight = _joined(w_hh, w_ih, bias_ih + bias_hh)
        a, bmm, relu = self.activation, torch.bmm, torch.clamp_min
        for read, after in self.forward_steps[:n]:
            relu(bmm(read, weight, out=a), 0, out=after)

    def factors(self, first: int, last: int) -> None:
        torch.gt(self.state[first + 1 : last + 1], 0, out=self.now(first, last))


class _GRU(_Workspace):
    """Cho et al. (2014) in torch's form: ``n = tanh(W x + b + r (U h + c))``, ``h' = (1 - z) n + z h``."""

    n_gates = 4  # r, z, n, and u = U h + c

    def make(self) -> None:
        self.gates = self.empty(3, self.n_steps)  # r, z, u
        self.new = self.empty(1, self.n_steps)  # n
        self.scratch = self.empty(1, self.n_at_once)
        self.r, self.z, self.u = (self.block(self.gates, i) for i in range(3))
        gates = self.gates, self.block(self.gates, 0, 2), self.r, self.z, self.u
        self.forward_steps = _steps(self.read[:-1], *gates, self.new, self.state[:-1], self.state[1:])
        self.backward_steps = self.slots(self.several(self.d, 4), self.block(self.d, 0, 3))
        self.every_z = self.z.unbind(0)

    def forward(self, n: int, w_ih: Tensor, w_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor) -> None:
        rz, both = 2 * self.size, bias_ih + bias_hh
        # u reads no input, and n no state
        nothing = torch.zeros_like(w_ih[:, rz:])
        weight = _joined(
            w_hh, torch.cat([w_ih[:, :rz], nothing], dim=1), torch.cat([both[:, :rz], bias_hh[:, rz:]], dim=1)
        )
        # n's share of the input, for all steps at once
        weight_new = torch.cat([w_ih[:, rz:], bias_ih[:, rz:, None]], dim=2).transpose(1, 2) * 2  # (R, F + 1, H)
        _write_product(_rows(self.read[:n, ..., self.size :]), weight_new, self.new[:n])
        minus_one, bmm, add, lerp = self.minus_one, torch.bmm, torch.add, torch.lerp
        for read, gates, rz_t, r, z, u, new, before, after in self.forward_steps[:n]:
            bmm(read, weight, out=gates)
            rz_t.sigmoid_()
            new.addcmul_(r, u, value=2).sigmoid_()
            add(minus_one, new, alpha=2, out=new)
            lerp(new, before, z, out=after)

    def factors(self, first: int, last: int) -> None:
        d = self.now(first, last)
        dr, dz, du, dn = (self.block(d, i) for i in range(4))
        r, z, u, new = self.r[first:last], self.z[first:last], self.u[first:last], self.new[first:last]
        scratch = self.scratch[: last - first]
        _tanh_backward(torch.sub(self.one, z, out=scratch), new, grad_input=dn)
        _sigmoid_backward(torch.sub(self.state[first:last], new, out=scratch), z, grad_input=dz)
        _sigmoid_backward(torch.mul(dn, u, out=scratch), r, grad_input=dr)
        torch.mul(dn, r, out=du)

    def back(self, first: int, last: int, dy: Sequence[Tensor], w_hh: Tensor) -> None:
        dh = self.dh
        dh_for_all = dh.unsqueeze(-2)  # (R, B, 1, H)
        steps = self.backward_steps[first:last][::-1]
        for (d, through), z, dy_t in zip(steps, self.every_z[first:last][::-1], dy):
            dh.add_(dy_t)
            d.mul_(dh_for_all)
            dh.mul_(z).baddbmm_(through, w_hh)

    def back_to_input(self, d: Tensor, w_ih: Tensor, dx: Tensor) -> None:
        _write_product(torch.cat([self.block(d, 0, 2), self.block(d, 3)], dim=2), w_ih, dx)

    def parts(self, by_input: Tensor, by_state: Tensor, by_one: Tensor) -> tuple[Tensor, ...]:
        rz, rzu = 2 * self.size, 3 * self.size

        def read(gradient: Tensor) -> Tensor:  # by r, z, n
            return torch.cat([gradient[:, :rz], gradient[:, rzu:]], dim=1)

        return read(by_input), by_state[:, :rzu], read(by_one), by_one[:, :rzu].clone()


class _LSTM(_Workspace):
    """Hochreiter and Schmidhuber (1997) with forget gates; gates in torch's order i, f, g, o.

    The cell is held as ``C = 2 c``, so that its tangent, too, is a sigmoid of what stands there.
    """

    n_gates = 4

    def make(self) -> None:
        self.gates = self.empty(4, self.n_steps)  # i, f, sigmoid(2 g), o
        self.cell = self.empty(1, self.n_steps + 1)  # C
        self.squashed = self.empty(1, self.n_steps)  # tanh(c)
        self.scratch = self.empty(1, self.n_at_once)
        self.k = self.empty(1, self.n_at_once)  # the gradient by C of a gradient by h
        self.dc = self.empty(1, 1)[0]
        self.i, self.f, self.g, self.o = (self.block(self.gates, j) for j in range(4))
        gates = self.gates, self.i, self.f, self.g, self.o
        cells = self.cell[:-1], self.cell[1:], self.squashed
        self.forward_steps = _steps(self.read[:-1], *gates, *cells, self.state[1:])
        self.backward_steps = self.slots(self.d, self.several(self.d, 3), self.block(self.d, 3))
        self.every_k, self.every_f = self.k.unbind(0), self.f.unbind(0)

    def begin(self, state: tuple[Tensor, ...]) -> None:
        super().begin(state)
        self.cell[0] = 2 * state[1] if state else 0.0

    def ended(self, n: int) -> tuple[Tensor, ...]:
        return (*super().ended(n), self.cell[n] / 2)

    def forward(self, n: int, w_ih: Tensor, w_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor) -> None:
        weight = _joined(w_hh, w_ih, bias_ih + bias_hh)
        self.block(weight, 2).mul_(2)  # of g's tangent
        minus_one, bmm, add, mul, sigmoid = self.minus_one, torch.bmm, torch.add, torch.mul, torch.sigmoid
        for read, gates, i, f, g, o, cell, next_cell, squashed, after in self.forward_steps[:n]:
            bmm(read, weight, out=gates)
            gates.sigmoid_()
            # C' = f C + 2 i tanh(g) = f C + 4 i s - 2 i
            mul(f, cell, out=next_cell).addcmul_(i, g, value=4).sub_(i, alpha=2)
            add(minus_one, sigmoid(next_cell, out=squashed), alpha=2, out=squashed)
            mul(o, squashed, out=after)

    def start(self) -> None:
        self.dh.zero_()
        self.dc.zero_()

    def factors(self, first: int, last: int) -> None:
        d = self.now(first, last)
        di, df, dg, do = (self.block(d, j) for j in range(4))
        i, f, g, o = self.i[first:last], self.f[first:last], self.g[first:last], self.o[first:last]
        squashed, scratch = self.squashed[first:last], self.scratch[: last - first]
        # of i, f and g but for dC, of o but for dh
        _sigmoid_backward(torch.add(self.minus_two, g, alpha=4, out=scratch), i, grad_input=di)
        _sigmoid_backward(self.cell[first:last], f, grad_input=df)
        _sigmoid_backward(torch.mul(i, self.eight, out=scratch), g, grad_input=dg)
        _sigmoid_backward(squashed, o, grad_input=do)
        _tanh_backward(torch.mul(o, self.half, out=scratch), squashed, grad_input=self.k[: last - first])

    def back(self, first: int, last: int, dy: Sequence[Tensor], w_hh: Tensor) -> None:
        dh, dc, bmm = self.dh, self.dc, torch.bmm
        dc_for_all = dc.unsqueeze(-2)  # (R, B, 1, H)
        steps = self.backward_steps[first:last][::-1]
        factors = self.every_k[: last - first][::-1], self.every_f[first:last][::-1]
        for (d, difg, do), k, f, dy_t in zip(steps, *factors, dy):
            dc.addcmul_(dh.add_(dy_t), k)
            difg.mul_(dc_for_all)
            do.mul_(dh)
            dc.mul_(f)
            bmm(d, w_hh, out=dh)


_CELLS: dict[str, type[_Workspace]] = {"RNN_TANH": _RNN, "RNN_RELU": _ReluRNN, "GRU": _GRU, "LSTM": _LSTM}


class _Layer(torch.autograd.Function):
    """A layer over a batch of sequences of equal length, from a given state or zeros; no gradient flows through states."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *args: Any) -> tuple[Tensor, ...]:
        *weights, cell, workspaces, state = args
        ctx.save_for_backward(*weights[:2])
        ctx.alone = x.ndim == 3
        if ctx.alone:
            x, weights = x[None], [weight[None] for weight in weights]
        n_replicas, n_rows, n, n_features = x.shape
        key = (n_replicas, n_rows, n_features, weights[1].shape[2], x.dtype)
        workspace = workspaces.get(_CELLS[cell], n, key)
        workspace.input[:n].copy_(x.permute(2, 0, 1, 3))
        workspace.begin(() if state is None else state)
        workspace.forward(n, *weights)
        ctx.workspace, ctx.workspaces = workspace, workspaces
        # a copy, since the buffer will be written again; (R, B, T, H) with time outermost in memory
        hidden = workspace.state[1 : n + 1].clone(memory_format=torch.contiguous_format).permute(1, 2, 0, 3)
        hidden, ended = hidden[0] if ctx.alone else hidden, () if state is None else workspace.ended(n)
        ctx.mark_non_differentiable(*ended)
        ctx.set_materialize_grads(False)
        return (hidden, *ended)

    @staticmethod
    def backward(ctx: Any, dy: Tensor, *of_states: None) -> tuple:
        w_ih, w_hh = ctx.saved_tensors
        if ctx.workspace is None or torch.is_grad_enabled():  # the latter with create_graph=True
            raise RuntimeError(
                "a recurrent layer of sklearn_seq was differentiated twice; its buffers serve one backward pass, also where "
                "the graph is retained. Set kernel='torch'."
            )
        if ctx.alone:
            dy, w_ih, w_hh = dy[None], w_ih[None], w_hh[None]
        dy = dy.permute(2, 0, 1, 3)  # (T, R, B, H)
        dx = dy.new_empty(*dy.shape[:3], w_ih.shape[2]) if ctx.needs_input_grad[0] else None
        gradients = list(ctx.workspace.backward(dy, w_ih, w_hh, dx))
        ctx.workspaces.put(ctx.workspace)
        ctx.workspace = None
        gradients.insert(0, None if dx is None else dx.permute(1, 2, 0, 3))  # type: ignore[arg-type]
        if ctx.alone:
            gradients = [None if gradient is None else gradient[0] for gradient in gradients]  # type: ignore[misc]
        return (*gradients, None, None, None)


def run_layer(layer: Any, x: Tensor, workspaces: Workspaces) -> Tensor:
    """What a recurrent layer of torch computes, by the kernels of this module.

    Parameters
    ----------
    layer : torch.nn.RNN, torch.nn.GRU or torch.nn.LSTM
        One layer, one direction, with biases; its parameters are plain or stacked over replicas, (R, ...).
    x : Tensor of shape (B, T, F) or (R, B, T, F)
        With a leading R where the parameters have one.
    workspaces : Workspaces
        The layer's own.

    Returns
    -------
    Tensor of shape (B, T, H) or (R, B, T, H)
    """
    return _Layer.apply(x, *_weights(layer), layer.mode, workspaces, None)[0]


def run_layer_on(layer: Any, x: Tensor, state: Any, workspaces: Workspaces) -> tuple[Tensor, Any]:
    """As `run_layer` for a network alone, from a state to where it ended, in torch's form; no gradient flows through states."""
    parts = state if isinstance(state, tuple) else (state,)
    hidden, *ended = _Layer.apply(x, *_weights(layer), layer.mode, workspaces, parts)
    return hidden, tuple(ended) if isinstance(state, tuple) else ended[0]


def _weights(layer: Any) -> tuple[Tensor, ...]:
    return layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0
