"""A Transformer that reads from left to right and goes on from a state: the decoder of language models."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sklearn_seq.layers.attention import ACTIVATIONS
from sklearn_seq.layers.dropout import Dropout
from sklearn_seq.layers.linear import Linear
from sklearn_seq.layers.normalisation import normalised
from sklearn_seq.layers.positions import angles, rotate

__all__ = ["CausalTransformer"]

Cache = Tensor  # keys, turned by their positions, and values, (2, B, N, L, D)

_TABLE = 256  # positions whose angles are found together for `step`


class _CachedAttention(nn.Module):
    """Every token asks itself and the ``context - 1`` tokens before it (Vaswani et al. 2017, Dai et al. 2019)."""

    def __init__(self, size: int, n_heads: int, context: int) -> None:
        super().__init__()
        self.n_heads, self.head_size, self.context = n_heads, 2 * math.ceil(size / (2 * n_heads)), context
        self.project = Linear(size, 3 * n_heads * self.head_size)  # queries, keys, values
        self.out = Linear(n_heads * self.head_size, size)

    def forward(self, x: Tensor, turn: Tensor, hidden: Tensor | None, cache: Cache | None) -> tuple[Tensor, Cache]:
        """Answers (B, T, H) and the cache for what comes next.

        ``turn`` is of `rotate`; ``hidden`` (T, L + T) is what is added to the scores, None where all is seen.
        """
        every = self.project(x).unflatten(-1, (3, self.n_heads, self.head_size)).permute(2, 0, 3, 1, 4)
        q, k = rotate(every[:2], turn).unbind(0)  # (B, N, T, D)
        kept = torch.stack([k, every[2]])
        kept = kept if cache is None else torch.cat([cache, kept], dim=3)  # (2, B, N, L + T, D)
        k, v = kept.unbind(0)
        if hidden is None:
            scores = torch.matmul(q, k.transpose(2, 3)).mul(1.0 / math.sqrt(self.head_size))
            found = torch.matmul(scores.softmax(dim=-1), v)
        else:
            found = functional.scaled_dot_product_attention(q, k, v, attn_mask=hidden)
        return self.out(found.transpose(1, 2).flatten(2)), self.recent(kept)

    def step(self, x: Tensor, cos: Tensor, sin: Tensor, cache: Cache | None) -> tuple[Tensor, Cache]:
        """As ``forward`` for one token a row, (B, H), in few operations."""
        every = functional.linear(x, self.project.weight, self.project.bias)
        every = every.view(len(x), 3, self.n_heads, 1, self.head_size)
        turned = every[:, :2]
        every[:, :2] = turned * cos + turned.roll(self.head_size // 2, dims=-1) * sin
        q, kept = every[:, 0], every[:, 1:].transpose(0, 1)
        kept = kept if cache is None else torch.cat([cache, kept], dim=3)  # (2, B, N, L + 1, D)
        found = functional.scaled_dot_product_attention(q, kept[0], kept[1])  # (B, N, 1, D)
        return functional.linear(found.flatten(1), self.out.weight, self.out.bias), self.recent(kept)

    def recent(self, kept: Cache) -> Cache:
        """What the next token sees."""
        return kept[:, :, :, max(0, kept.shape[3] - self.context + 1) :]


class _FeedForward(nn.Module):
    """Two linear layers, for every token alone; with ``"gated"`` a third one opens and closes the units (Shazeer 2020)."""

    def __init__(self, size: int, width: int, activation: str, dropout: float) -> None:
        super().__init__()
        self.gated = activation == "gated"
        self.activation = functional.gelu if self.gated else ACTIVATIONS[activation]
        self.widen = Linear(size, width * (2 if self.gated else 1))
        self.drop = Dropout(dropout)
        self.narrow = Linear(width, size)

    def forward(self, x: Tensor) -> Tensor:
        wide = self.widen(x)  # (B, T, W)
        if self.gated:
            gate, wide = wide.chunk(2, dim=-1)
            return self.narrow(self.drop(self.activation(gate) * wide))
        return self.narrow(self.drop(self.activation(wide)))


class _Block(nn.Module):
    """Attention, then the feed-forward layers; each reads what was normalised, and adds to what was there."""

    def __init__(self, attention: _CachedAttention, feed_forward: _FeedForward, dropout: float) -> None:
        super().__init__()
        self.attention, self.feed_forward, self.drop = attention, feed_forward, Dropout(dropout)

    def forward(self, x: Tensor, turn: Tensor, hidden: Tensor | None, cache: Cache | None) -> tuple[Tensor, Cache]:
        answer, cache = self.attention(normalised(x), turn, hidden, cache)
        x = x + self.drop(answer)
        return x + self.drop(self.feed_forward(normalised(x))), cache

    def step(self, x: Tensor, cos: Tensor, sin: Tensor, cache: Cache | None) -> tuple[Tensor, Cache]:
        """As ``forward`` for one token a row."""
        answer, cache = self.attention.step(normalised(x), cos, sin, cache)
        x = x + answer
        return x + self.feed_forward(normalised(x)), cache


class CausalTransformer(nn.Module):
    """Blocks of attention with rotary positions, in which a token sees a fixed number of tokens and none ahead.

    Keys and values of the tokens before are its state, so that reading on costs what the new tokens cost. What is read in
    one go or piece by piece comes to the same: in every layer a token sees itself and the ``context - 1`` before it.

    Parameters
    ----------
    n_features : int
        Features of the input.
    hidden_size : int
        Features of a token.
    n_layers : int
        Blocks.
    n_heads : int
        Of a block; each takes ``hidden_size / n_heads`` features, rounded up to an even number.
    feedforward_size : int
        Units of the feed-forward layers.
    activation : str
        One of `sklearn_seq.layers.attention.ACTIVATIONS`, or "gated".
    dropout : float
        Of what a block adds, and of units of its feed-forward layers.
    context : int
        Tokens that a layer sees.

    Attributes
    ----------
    out_features : int
        Features of ``hidden``.
    """

    def __init__(
        self,
        n_features: int,
        hidden_size: int,
        *,
        n_layers: int = 2,
        n_heads: int = 4,
        feedforward_size: int = 128,
        activation: str = "gelu",
        dropout: float = 0.0,
        context: int = 64,
    ) -> None:
        super().__init__()
        self.n_features, self.out_features, self.context = n_features, hidden_size, context
        self.activation = activation
        self.widen = nn.Identity() if n_features == hidden_size else Linear(n_features, hidden_size)
        self.blocks = nn.ModuleList(
            _Block(
                _CachedAttention(hidden_size, n_heads, context),
                _FeedForward(hidden_size, feedforward_size, activation, dropout),
                dropout,
            )
            for _ in range(n_layers)
        )
        self.head_size = 2 * math.ceil(hidden_size / (2 * n_heads))
        self._table: Any = None
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Glorot, zero biases; what is added to the tokens begins smaller the more blocks there are (Radford et al. 2019)."""
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                layer.bias.zero_()
        blocks: Any = self.blocks
        for block in blocks:
            for added in (block.attention.out, block.feed_forward.narrow):
                added.weight.div_(math.sqrt(2 * len(blocks)))

    def start(self, x: Tensor) -> list[Any]:
        """The state before the first token: how many were read, and a cache for each block."""
        return [0, *[None] * len(self.blocks)]

    def forward(
        self, x: Tensor, mask: Tensor | None, state: list[Any] | None = None
    ) -> tuple[Tensor, Tensor | None, list[Any]]:
        """Read on.

        Parameters
        ----------
        x : Tensor of shape (B, T, F)
        mask : Tensor of bool of shape (B, T), or None
            Handed through: padding stands behind all real tokens, where none of them looks. A state behind padding is of use
            for none.
        state : list, optional
            Where an earlier stretch ended.

        Returns
        -------
        hidden : Tensor of shape (B, T, H)
        mask : as given
        state : list
        """
        n_read, *caches = self.start(x) if state is None else state
        n_new, n_cached = x.shape[1], 0 if caches[0] is None else caches[0].shape[3]
        steps = torch.arange(n_read, n_read + n_new, device=x.device)
        turns = angles(steps, self.head_size)  # in float64: positions of long texts are large
        turn = torch.stack([turns.cos(), turns.sin()]).to(x.dtype)  # (2, T, D / 2)
        hidden = None if n_new == 1 else self.hide_ahead(n_new, n_cached, x)
        tokens, kept = self.widen(x), []
        for block, cache in zip(self.blocks, caches, strict=True):
            tokens, cache = block(tokens, turn, hidden, cache)
            kept.append(cache)
        return normalised(tokens), mask, [n_read + n_new, *kept]

    def step(self, x: Tensor, state: list[Any] | None = None) -> tuple[Tensor, list[Any]]:
        """One token: ``forward`` of a stretch of length one.

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
        if not torch.is_inference_mode_enabled():
            hidden, _, state = self(x[:, None], None, state)
            return hidden[:, 0], state
        n_read, *caches = self.start(x) if state is None else state
        cos, sin = self.angles_at(n_read, x)
        token, kept = self.widen(x), []
        for block, cache in zip(self.blocks, caches, strict=True):
            token, cache = block.step(token, cos, sin, cache)  # type: ignore[operator]
            kept.append(cache)
        return normalised(token), [n_read + 1, *kept]

    def angles_at(self, position: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines, and sines with the sign of what is turned towards them, (D,) each."""
        key = (position // _TABLE, x.dtype, x.device)
        if self._table is None or self._table[0] != key:
            first = position // _TABLE * _TABLE
            turns = angles(torch.arange(first, first + _TABLE, device=x.device), self.head_size)
            cos, sin = turns.cos().to(x.dtype), turns.sin().to(x.dtype)  # (n, D / 2)
            self._table = key, torch.cat([cos, cos], dim=1).unbind(0), torch.cat([-sin, sin], dim=1).unbind(0)
        _, every_cos, every_sin = self._table
        return every_cos[position % _TABLE], every_sin[position % _TABLE]

    def hide_ahead(self, n_new: int, n_cached: int, x: Tensor) -> Tensor:
        """0 where a token is seen, minus infinity where it is not, (T, L + T)."""
        asks = torch.arange(n_cached, n_cached + n_new, device=x.device)[:, None]
        asked = torch.arange(n_cached + n_new, device=x.device)
        seen = (asked <= asks) & (asked > asks - self.context)
        return torch.zeros(seen.shape, dtype=x.dtype, device=x.device).masked_fill_(~seen, -torch.inf)
