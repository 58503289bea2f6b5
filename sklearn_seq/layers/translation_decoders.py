"""Decoders that write one sequence while they look at another, as of `sklearn_seq.layers.decoders`.

Beside ``forward`` over all steps they have ``attend``, which tells where each step looks, and they go step by step:
``start(memory, memory_mask) -> state``, ``step(x, state) -> (hidden, state)``, ``select(state, rows) -> state``.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_seq.layers.causal import CausalTransformer
from sklearn_seq.layers.cross_attention import ATTENTIONS
from sklearn_seq.layers.dropout import Dropout
from sklearn_seq.layers.linear import Linear
from sklearn_seq.layers.masks import lengths_of, zero_padding
from sklearn_seq.layers.normalisation import normalised
from sklearn_seq.layers.positions import angles, sinusoids
from sklearn_seq.layers.recurrent import Recurrent

__all__ = ["CrossAttention", "RecurrentDecoder", "TransformerDecoder"]

_ALL = 1 << 30  # tokens that a token sees: all before it
_LEAST_PLACES = 64  # whose sinusoids are found together


def _rows_of(state: Any, rows: Tensor, dim: int) -> Any:
    """Some rows of every tensor of a nested state, whose rows stand along ``dim``."""
    if isinstance(state, Tensor):
        return state.index_select(dim, rows)
    if isinstance(state, list | tuple):
        return type(state)(_rows_of(part, rows, dim) for part in state)
    return state


class _Decoder(nn.Module):
    """What both have in common: all steps at once."""

    def forward(self, inputs: Tensor, mask: Tensor | None, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        """A vector a step.

        Parameters
        ----------
        inputs : Tensor of shape (B, S, F)
            What was written before each step.
        mask : Tensor of bool of shape (B, S), or None
            Not looked at: padding stands behind all real steps.
        memory : Tensor of shape (B, M, D)
        memory_mask : Tensor of bool of shape (B, M), or None

        Returns
        -------
        Tensor of shape (B, S, H)
        """
        return self._run(inputs, memory, memory_mask)[0]

    def _run(self, inputs: Tensor, memory: Tensor, memory_mask: Tensor | None) -> tuple[Tensor, ...]:
        """A vector a step, and by what attention is told."""
        raise NotImplementedError


class RecurrentDecoder(_Decoder):
    """Two recurrences with attention between them.

    The first reads what was written so far, and its states ask the memory; the second reads states and answers, so that what
    was looked at before is known later, as by input feeding (Luong et al. 2015), while each of the three can be computed for
    all steps at once. What is told of the whole memory, its mean, is added to the first step.

    Parameters
    ----------
    below, above : Recurrent
        Forward only. ``below`` reads ``n_features``; ``above`` its states and ``n_memory`` more.
    n_features : int
        Features of the input.
    n_memory : int
        Features of the memory.
    attention : {"multiplicative", "additive"}
    dropout : float
        Of what the second recurrence reads.

    Attributes
    ----------
    out_features : int
        Features of ``hidden``.
    """

    def __init__(
        self, below: Recurrent, above: Recurrent, n_features: int, n_memory: int, attention: str, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.below, self.above = below, above
        self.attention: Any = ATTENTIONS[attention](below.out_features, n_memory)
        self.tell = Linear(n_memory, n_features)
        self.dropout = Dropout(dropout)
        self.out_features = above.out_features
        self.mix = Linear(above.out_features + n_memory + n_features, self.out_features)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Glorot and zero biases for what is no recurrence."""
        for layer in (self.tell, self.mix, *self.attention.children()):
            nn.init.xavier_uniform_(layer.weight)  # type: ignore[arg-type]
            layer.bias.zero_()  # type: ignore[operator, union-attr]

    def attend(
        self, inputs: Tensor, mask: Tensor | None, memory: Tensor, memory_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As ``forward``, and the share that each step has of a step's attention, (B, S, M)."""
        return self._run(inputs, memory, memory_mask)

    def _run(self, inputs: Tensor, memory: Tensor, memory_mask: Tensor | None) -> tuple[Tensor, Tensor]:
        told = self._tell(memory, memory_mask)[:, None]  # (B, 1, F)
        inputs = torch.cat([inputs[:, :1] + told, inputs[:, 1:]], dim=1)
        asking = self.below(inputs, None)[0]
        weights = self.attention(asking, self.attention.prepare(memory), memory_mask)
        answers = torch.bmm(weights, memory)  # (B, S, D)
        hidden = self.above(self.dropout(torch.cat([asking, answers], dim=-1)), None)[0]
        return self._mixed(hidden, answers, inputs), weights

    def start(self, memory: Tensor, memory_mask: Tensor | None) -> list[Any]:
        """The state before the first step: what is told of the memory, both recurrences, and what each step asks."""
        begin = memory.new_zeros(len(memory), 1, 1)
        recurrences = [self.below.start(begin), self.above.start(begin)]
        asked = [self.attention.prepare(memory), memory, memory_mask]
        return [self._tell(memory, memory_mask), recurrences, asked]

    def step(self, x: Tensor, state: list[Any]) -> tuple[Tensor, list[Any]]:
        """As ``forward`` for one step, (B, F) -> (B, H)."""
        told, (below, above), (keys, memory, memory_mask) = state
        x = x if told is None else x + told
        asking, below = self.below.step(x, below)
        weights = self.attention(asking[:, None], keys, memory_mask)
        answers = torch.bmm(weights, memory)[:, 0]
        hidden, above = self.above.step(torch.cat([asking, answers], dim=-1), above)
        return self._mixed(hidden, answers, x), [None, [below, above], state[2]]

    def select(self, state: list[Any], rows: Tensor) -> list[Any]:
        """The state of some rows, in their order."""
        told, recurrences, asked = state
        return [_rows_of(told, rows, 0), _rows_of(recurrences, rows, 1), _rows_of(asked, rows, 0)]

    def _tell(self, memory: Tensor, memory_mask: Tensor | None) -> Tensor:
        """Of the mean of the memory, (B, F)."""
        total = zero_padding(memory, memory_mask).sum(dim=1)
        return self.tell(total / lengths_of(memory, memory_mask)[:, None].to(memory.dtype))

    def _mixed(self, hidden: Tensor, answers: Tensor, inputs: Tensor) -> Tensor:
        return torch.tanh(self.mix(torch.cat([hidden, answers, inputs], dim=-1)))


class CrossAttention(nn.Module):
    """Every token asks the memory, by several heads (Vaswani et al. 2017).

    Parameters
    ----------
    size : int
        Features of a token.
    n_memory : int
        Features of the memory.
    n_heads : int
        Each takes ``size / n_heads`` features, rounded up to an even number.
    """

    def __init__(self, size: int, n_memory: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads, self.head_size = n_heads, 2 * math.ceil(size / (2 * n_heads))
        self.ask = Linear(size, n_heads * self.head_size)
        self.project = Linear(n_memory, 2 * n_heads * self.head_size)  # keys, values
        self.out = Linear(n_heads * self.head_size, size)

    def prepare(self, memory: Tensor, mask: Tensor | None) -> list[Any]:
        """Keys and values (B, N, M, D), and what is added to the scores (B, 1, 1, M), or None."""
        keys, values = self.project(memory).unflatten(-1, (2, self.n_heads, self.head_size)).permute(2, 0, 3, 1, 4)
        hidden = None
        if mask is not None:
            hidden = torch.zeros(mask.shape, dtype=memory.dtype, device=memory.device)
            hidden = hidden.masked_fill_(~mask, -torch.inf)[:, None, None]
        return [keys, values, hidden]

    def weights(self, x: Tensor, asked: list[Any]) -> Tensor:
        """The share of each step of the memory, (B, S, H) -> (B, N, S, M)."""
        keys, _, hidden = asked
        q = self.ask(x).unflatten(-1, (self.n_heads, self.head_size)).transpose(1, 2)  # (B, N, S, D)
        scores = torch.matmul(q * (1.0 / math.sqrt(self.head_size)), keys.transpose(2, 3))
        return torch.softmax(scores if hidden is None else scores + hidden, dim=-1)

    def forward(self, x: Tensor, asked: list[Any]) -> Tensor:
        """Answers, (B, S, H) -> (B, S, H)."""
        found = torch.matmul(self.weights(x, asked), asked[1])
        return self.out(found.transpose(1, 2).flatten(2))


class TransformerDecoder(_Decoder):
    """Blocks of causal attention with rotary positions, attention to the memory, and feed-forward layers.

    Each reads what was normalised and adds to what was there. Keys and values are kept from step to step.

    Parameters
    ----------
    causal : CausalTransformer
        The blocks without attention to the memory; of any context, which is made to be all.
    n_memory : int
        Features of the memory.
    n_heads : int
        Of the attention to the memory.
    places : bool
        Whether a token also knows its place, by sinusoids. Rotary positions tell it distances alone, so that equal tokens would ask
        the same of the memory wherever they stand.

    Attributes
    ----------
    out_features : int
        Features of ``hidden``.
    """

    def __init__(self, causal: CausalTransformer, n_memory: int, n_heads: int, *, places: bool = True) -> None:
        super().__init__()
        self.causal, self.out_features, self.places = causal, causal.out_features, places
        self._table: Any = None
        blocks: list[Any] = list(causal.blocks)
        for block in blocks:
            block.attention.context = _ALL
        causal.context = _ALL
        self.crosses = nn.ModuleList(CrossAttention(self.out_features, n_memory, n_heads) for _ in blocks)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Of the attention to the memory, as of the blocks."""
        crosses: list[Any] = list(self.crosses)
        for cross in crosses:
            for layer in (cross.ask, cross.project, cross.out):
                nn.init.xavier_uniform_(layer.weight)
                layer.bias.zero_()
            cross.out.weight.div_(math.sqrt(2 * len(crosses)))

    def attend(
        self, inputs: Tensor, mask: Tensor | None, memory: Tensor, memory_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As ``forward``, and the share of each step of the memory in the last block, a mean over heads, (B, S, M)."""
        hidden, asking, asked = self._run(inputs, memory, memory_mask)
        last: Any = self.crosses[-1]
        return hidden, last.weights(asking, asked).mean(dim=1)

    def _run(self, inputs: Tensor, memory: Tensor, memory_mask: Tensor | None) -> tuple[Tensor, Tensor, Any]:
        """``hidden``, and what the last block asked, and of what."""
        causal = self.causal
        turns = angles(torch.arange(inputs.shape[1], device=inputs.device), causal.head_size)
        turn = torch.stack([turns.cos(), turns.sin()]).to(inputs.dtype)  # (2, S, D / 2)
        ahead = None if inputs.shape[1] == 1 else causal.hide_ahead(inputs.shape[1], 0, inputs)
        x: Any = self._placed(causal.widen(inputs), 0)
        asking, asked = x, []
        blocks: list[Any] = list(causal.blocks)
        crosses: list[Any] = list(self.crosses)
        for block, cross in zip(blocks, crosses, strict=True):
            x = x + block.drop(block.attention(normalised(x), turn, ahead, None)[0])
            asking, asked = normalised(x), cross.prepare(memory, memory_mask)
            x = x + block.drop(cross(asking, asked))
            x = x + block.drop(block.feed_forward(normalised(x)))
        return normalised(x), asking, asked

    def start(self, memory: Tensor, memory_mask: Tensor | None) -> list[Any]:
        """The state before the first step: how many were read, a cache for each block, and what each block asks."""
        crosses: list[Any] = list(self.crosses)
        return [0, [None] * len(crosses), [cross.prepare(memory, memory_mask) for cross in crosses]]

    def step(self, x: Tensor, state: list[Any]) -> tuple[Tensor, list[Any]]:
        """As ``forward`` for one step, (B, F) -> (B, H)."""
        n_read, caches, every = state
        causal, kept = self.causal, []
        cos, sin = causal.angles_at(n_read, x)
        x = self._placed(causal.widen(x)[:, None], n_read)[:, 0]
        blocks: list[Any] = list(causal.blocks)
        crosses: list[Any] = list(self.crosses)
        for block, cross, asked, cache in zip(blocks, crosses, every, caches, strict=True):
            answer, cache = block.attention.step(normalised(x), cos, sin, cache)
            x = x + answer
            x = x + cross(normalised(x)[:, None], asked)[:, 0]
            x = x + block.feed_forward(normalised(x))
            kept.append(cache)
        return normalised(x), [n_read + 1, kept, every]

    def select(self, state: list[Any], rows: Tensor) -> list[Any]:
        """The state of some rows, in their order."""
        n_read, caches, every = state
        return [n_read, _rows_of(caches, rows, 1), _rows_of(every, rows, 0)]

    def _placed(self, x: Tensor, first: int) -> Tensor:
        """Tokens (B, S, H) with their places, counted from ``first``."""
        if not self.places:
            return x
        key, end = (x.dtype, x.device), first + x.shape[1]
        if self._table is None or self._table[0] != key or len(self._table[1]) < end:
            with torch.inference_mode(False):  # a tensor made for predictions alone could not be trained with later
                n = _LEAST_PLACES * 2 ** max(0, math.ceil(math.log2(end / _LEAST_PLACES)))
                self._table = key, sinusoids(torch.arange(n), self.out_features).to(x.device, x.dtype)
        return x + self._table[1][first:end]
