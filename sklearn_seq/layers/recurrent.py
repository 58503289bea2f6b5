"""Recurrent layers over ragged batches, without packing (which is slow on a CPU).

Padding stands behind the real steps, so a layer that runs forward never meets it before them; a layer that runs
backward gets each sequence reversed inside its own length.
"""

import math
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_seq.layers.dropout import Dropout
from sklearn_seq.layers.kernels import Workspaces, run_layer, run_layer_on
from sklearn_seq.layers.masks import lengths_of, reverse_inside, zero_padding

__all__ = ["Recurrent"]

# What one product of a step may take, in operations a replica, for several replicas to gain by sharing it: above, a
# processor is busy with one. An LSTM gains less, since torch has a fused kernel for it. Judged by the table of kernels in
# docs/benchmarks.md.
_SHARED = {"RNN_TANH": 2e6, "RNN_RELU": 2e6, "GRU": 2e6, "LSTM": 1.4e5}
# Multiplications of a step up to which our kernel is the faster one for a network alone: a large product is as fast in
# torch's, which touches less memory around it. Torch's LSTM is fused.
_OURS_ALONE = {"RNN_TANH": math.inf, "RNN_RELU": math.inf, "GRU": 4e6, "LSTM": 0.0}

_WIDEST_FORGET_BIAS = 4.0

State = list[Any]  # a layer's own state for each layer: h, or (h, c)


class Recurrent(nn.Module):
    """A stack of recurrent layers.

    Parameters
    ----------
    cell : {"rnn", "lstm", "gru"}
        Elman (1990), Hochreiter and Schmidhuber (1997) with forget gates, or Cho et al. (2014).
    n_features : int
        Features of the input.
    hidden_size : int
        Units a layer and direction.
    n_layers : int
        Layers on top of each other.
    bidirectional : bool
        Whether each layer also runs from the end to the beginning.
    dropout : float
        On the input of every layer but the first.
    kernel : {"auto", "torch", "own"}
        What trains on a CPU: torch's layers, `sklearn_seq.layers.kernels`, or what is faster for the cell. All else, such
        as prediction, GPUs and gradients that flow back through a state, is torch's.
    **options
        For torch's layer, such as ``nonlinearity`` of the plain RNN.

    Attributes
    ----------
    out_features : int
        Features of ``hidden``.
    n_backward : int
        How many of them, the last ones, were computed backward.
    """

    joins = True

    def __init__(
        self,
        cell: str,
        n_features: int,
        hidden_size: int,
        *,
        n_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        kernel: str = "auto",
        **options: Any,
    ) -> None:
        super().__init__()
        self.kernel = kernel
        layer: Any = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[cell]
        self.out_features = hidden_size * (2 if bidirectional else 1)
        self.n_backward = hidden_size if bidirectional else 0
        widths = [n_features] + [self.out_features] * (n_layers - 1)
        self.forward_layers = nn.ModuleList(layer(w, hidden_size, batch_first=True, **options) for w in widths)
        self.backward_layers = nn.ModuleList(
            layer(w, hidden_size, batch_first=True, **options) for w in (widths if bidirectional else [])
        )
        self.dropout = Dropout(dropout)
        self.workspaces = Workspaces()
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Glorot for the input, orthogonal for the recurrence, zero biases; an LSTM's forget gates are spread.

        After Glorot and Bengio (2010), Saxe et al. (2014), and Tallec and Ollivier (2018), who spread memories too.
        """
        layers: list[Any] = [*self.forward_layers, *self.backward_layers]
        for layer in layers:
            size = layer.hidden_size
            for name, weight in layer.named_parameters():
                if name.startswith("weight_ih"):
                    for gate in weight.split(size):
                        nn.init.xavier_uniform_(gate)
                elif name.startswith("weight_hh"):
                    for gate in weight.split(size):
                        nn.init.orthogonal_(gate)
                else:
                    weight.zero_()
            if isinstance(layer, nn.LSTM):
                # from half open to nearly always open: units begin with memories from two steps to some fifty
                spread = torch.linspace(0.0, _WIDEST_FORGET_BIAS, size)
                bias: Any = layer.bias_ih_l0  # gates in torch's order: input, forget, cell, output
                bias[:size], bias[size : 2 * size] = -spread / 2, spread

    def forward(
        self, x: Tensor, mask: Tensor | None, state: State | None = None
    ) -> tuple[Tensor, Tensor | None, State | None]:
        """Run over a batch.

        Parameters
        ----------
        x : Tensor of shape (B, T, F)
        mask : Tensor of bool of shape (B, T), or None
        state : list, optional
            Where an earlier stretch ended, one entry a layer; forward layers only.

        Returns
        -------
        hidden : Tensor of shape (B, T, H)
        mask : as given
        state : list, or None
            Where the sequences ended. With a mask, or in training by our kernels, it is known only when a state was given,
            since that takes a slower path; a bidirectional stack has none.
        """
        if self._mode == "LSTM" and x.device.type == "cpu" and torch.is_autocast_enabled("cpu") and not _has_bfloat16():
            layer: Any = self.forward_layers[0]
            with torch.autocast("cpu", enabled=False):  # torch has no other LSTM in bfloat16
                return self.forward(x.to(layer.weight_ih_l0.dtype), mask, state)
        if state is not None and self.backward_layers:
            raise ValueError("a bidirectional stack cannot go on from a state: its backward half begins at the end")
        ended: State = []
        hidden, ours = x, state is None and self._ours(x)
        ours_on = state is not None and mask is None and self._ours(x) and not _wants_gradient(state)
        for i, layer in enumerate(self.forward_layers):
            inside = self.dropout(hidden) if i else hidden
            if ours:
                hidden, end = run_layer(layer, inside, self.workspaces), None
            elif ours_on and state is not None:
                hidden, end = run_layer_on(layer, inside, state[i], self.workspaces)
            elif state is None and not torch.is_grad_enabled() and x.device.type == "cpu":
                hidden, end = _infer(layer, inside)
            elif mask is None or state is None:
                hidden, end = layer(inside, None if state is None else state[i])  # (B, T, H)
            else:
                hidden, end = _packed(layer, inside, mask, state[i])
            ended.append(end)
            if self.backward_layers:
                turned = reverse_inside(inside, mask)
                other = self.backward_layers[i]
                backward = run_layer(other, turned, self.workspaces) if ours else other(turned)[0]
                hidden = torch.cat([hidden, reverse_inside(backward, mask)], dim=-1)  # (..., B, T, 2H)
            hidden = zero_padding(hidden, mask)
        known = not self.backward_layers and not ours and (mask is None or state is not None)
        return hidden, mask, ended if known else None

    def _ours(self, x: Tensor) -> bool:
        """Which kernel runs."""
        if x.ndim == 4:  # replicas
            return True
        if (
            x.shape[1] == 1
            or not (self.training and torch.is_grad_enabled())
            or x.device.type != "cpu"
            or torch.is_autocast_enabled("cpu")
        ):
            return False
        if self.kernel != "auto":
            return self.kernel == "own"
        layer: Any = self.forward_layers[0]
        work = len(x) * (layer.weight_ih_l0.numel() + layer.weight_hh_l0.numel())
        return work <= _OURS_ALONE[self._mode]

    @property
    def _mode(self) -> str:
        layer: Any = self.forward_layers[0]
        return layer.mode

    def sharing_pays(self, n_rows: int) -> bool:
        """Whether replicas with batches of ``n_rows`` gain by sharing their products."""
        weight: Any = self.forward_layers[0].weight_hh_l0
        return self.kernel != "torch" and 2 * weight.numel() * n_rows <= _SHARED[self._mode]

    def start(self, x: Tensor) -> State:
        """The state before the first step of a batch (B, T, F): zeros. Given it, ``forward`` tells where it ended, always."""
        layers: list[Any] = list(self.forward_layers)
        zeros = [x.new_zeros(1, len(x), layer.hidden_size) for layer in layers]
        return [(h, h) if layer.mode == "LSTM" else h for layer, h in zip(layers, zeros, strict=True)]

    def step(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """One time step: ``forward`` of a stretch of length one.

        Parameters
        ----------
        x : Tensor of shape (B, F)
        state : list, optional
            From the step before.

        Returns
        -------
        hidden : Tensor of shape (B, H)
        state : list
        """
        if torch.is_inference_mode_enabled() and state is not None and not self.backward_layers:
            return self._step_by_cells(x, state)
        hidden, _, state = self(x[:, None], None, state)
        if state is None:
            raise ValueError("a bidirectional stack cannot go step by step: its backward half begins at the end")
        return hidden[:, 0], state

    def _step_by_cells(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """`step` without what only sequences need: torch's layers lay their weights out anew in every call."""
        ended: State = []
        for layer, before in zip(self.forward_layers, state, strict=True):
            known: Any = layer
            weights = known.weight_ih_l0, known.weight_hh_l0, known.bias_ih_l0, known.bias_hh_l0
            if known.mode == "LSTM":
                x, cell = torch.lstm_cell(x, [part[0] for part in before], *weights)
                ended.append((x[None], cell[None]))
            else:
                run = {"GRU": torch.gru_cell, "RNN_TANH": torch.rnn_tanh_cell, "RNN_RELU": torch.rnn_relu_cell}
                x = run[known.mode](x, before[0], *weights)
                ended.append(x[None])
        return x, ended


def _wants_gradient(state: State) -> bool:
    return any(part.requires_grad for own in state for part in (own if isinstance(own, tuple) else (own,)))


@cache
def _has_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16, and so oneDNN has an LSTM for it."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _infer(layer: Any, x: Tensor) -> tuple[Tensor, Any]:
    """What the layer's forward comes to without a state, past its checks: for one small sequence they cost as much."""
    start = x.new_zeros(1, x.shape[0], layer.hidden_size)
    rest = layer._flat_weights, True, 1, 0.0, False, False, True
    if layer.mode == "LSTM":
        hidden, *end = torch.lstm(x, (start, start), *rest)
        return hidden, tuple(end)
    run = {"GRU": torch.gru, "RNN_TANH": torch.rnn_tanh, "RNN_RELU": torch.rnn_relu}[layer.mode]
    return run(x, start, *rest)


def _packed(layer: nn.Module, x: Tensor, mask: Tensor, state: Any) -> tuple[Tensor, Any]:
    """The exact final state of every sequence of a padded batch, by torch's packing."""
    lengths = lengths_of(x, mask).cpu()
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    hidden, end = layer(packed, state)
    hidden, _ = nn.utils.rnn.pad_packed_sequence(hidden, batch_first=True, total_length=x.shape[1])
    return hidden, end
