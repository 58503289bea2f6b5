"""The encoder of the Transformer: every step looks at every other one, and padding is looked at by none."""

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sklearn_seq.layers.dropout import Draws, Dropout
from sklearn_seq.layers.masks import zero_padding
from sklearn_seq.layers.normalisation import normalised
from sklearn_seq.layers.patches import Patches, TokenLinear, rounds_late
from sklearn_seq.layers.positions import angles, rotate, sinusoids

__all__ = ["ACTIVATIONS", "SelfAttention", "TransformerEncoder"]

ACTIVATIONS: dict[str, Any] = {
    "gelu": functional.gelu,
    "relu": torch.relu,
    "silu": functional.silu,
    "tanh": torch.tanh,
}
# Up to so many tokens two batched products are faster than torch's fused attention on a CPU, above it is the other way round
# (the table is in docs/guide/attention.md).
_MOST_EXPLICIT = 64
_MOST_TABLES = 64  # of numbers of tokens, which ragged batches have many of
# Rows of a batch times features, up to which replicas gain by sharing their products: with 48 tokens a step of five takes
# 0.4 (8 rows of 16) to 0.9 (32 of 64) of what each takes alone.
_SHARED = 2048


class _TokenDropout(Dropout):
    """Dropout of tokens, of which a batch has fewer than steps.

    Parameters
    ----------
    p : float
        As of `Dropout`.
    stride : int
        Steps a token.
    """

    def __init__(self, p: float, stride: int) -> None:
        super().__init__(p)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        given = self.draws
        self.draws = _of_tokens(given, self.stride)
        try:
            return super().forward(x)
        finally:
            self.draws = given


class _WeightDropout(nn.Module):
    """Dropout of the weights between tokens; none at predict, Monte Carlo dropout included.

    Parameters
    ----------
    p : float
    n_heads : int
    stride : int
        Steps a token.
    """

    joins = True

    def __init__(self, p: float, n_heads: int, stride: int) -> None:
        super().__init__()
        self.p: float | list[float] = p
        self.n_heads, self.stride = n_heads, stride
        self.draws: Draws | None = None

    @property
    def is_on(self) -> bool:
        return self.training and self._rate > 0

    @property
    def _rate(self) -> float:
        return self.p[0] if isinstance(self.p, list) else self.p  # the same in all replicas

    def forward(self, weights: Tensor) -> Tensor:
        """(N B, L, L), or (N R B, L, L)"""
        draws = _of_tokens(self.draws, self.stride)
        if draws is None:
            return functional.dropout(weights, self._rate)
        chance = torch.zeros_like(weights)
        by_replica = chance.unflatten(0, (self.n_heads, len(draws.generators), -1))
        for r, generator in enumerate(draws.generators):
            own = by_replica[:, r]  # (N, B, L, L)
            own = own if draws.rows is None else own[:, : draws.rows[r]]
            own = own if draws.steps is None else own[..., : draws.steps[r], : draws.steps[r]]
            own.uniform_(generator=generator)
        kept = 1.0 - self._rate
        return weights * torch.lt(chance, kept, out=chance).div_(kept)


def _of_tokens(draws: Draws | None, stride: int) -> Draws | None:
    """A replica draws for the tokens that its batch would have alone."""
    if draws is None or draws.steps is None or stride == 1:
        return draws
    return replace(draws, steps=[-(-n // stride) for n in draws.steps])


class SelfAttention(nn.Module):
    """Every token asks all tokens, or with ``causal`` itself and those before it (Vaswani et al. 2017).

    Parameters
    ----------
    size : int
        Features of a token.
    n_heads : int
        How many questions a token asks side by side. Each takes ``size / n_heads`` features, rounded up to an even number, so
        that any two numbers fit together.
    causal : bool
    dropout : float
        Of the weights.
    stride : int
        Steps a token.
    """

    joins = True

    def __init__(self, size: int, n_heads: int, *, causal: bool = False, dropout: float = 0.0, stride: int = 1) -> None:
        super().__init__()
        self.n_heads, self.head_size, self.causal = n_heads, 2 * math.ceil(size / (2 * n_heads)), causal
        self.project = TokenLinear(size, 3 * n_heads * self.head_size)  # queries, keys, values
        self.out = TokenLinear(n_heads * self.head_size, size)
        self.dropout = _WeightDropout(dropout, n_heads, stride)

    def forward(self, x: Tensor, mask: Tensor | None, turn: Tensor | None = None) -> Tensor:
        """Each token's answer.

        Parameters
        ----------
        x : Tensor of shape (B, L, H)
        mask : Tensor of bool of shape (B, L), or None
        turn : Tensor of shape (2, L, D // 2), optional
            Of `rotate`, for rotary positions.

        Returns
        -------
        Tensor of shape (B, L, H)
            All with a leading R for replicas.
        """
        q, k, v = self._heads(x, turn)  # (N B, L, D) each, or (N R B, L, D)
        n_tokens = x.shape[-2]
        if n_tokens <= _MOST_EXPLICIT or self.dropout.is_on:
            scores = self._scores(q, k, mask)
            if not self.training and rounds_late(v):
                found = _answers(scores, v)
            else:
                weights = torch.softmax(scores, dim=-1)
                found = torch.bmm(self.dropout(weights) if self.dropout.is_on else weights, v)
        else:
            seen = None if mask is None or self.causal else mask.reshape(1, -1, 1, n_tokens)
            q, k, v = (part.unflatten(0, (self.n_heads, -1)) for part in (q, k, v))  # (N, B, L, D)
            found = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=self.causal)
            found = found.flatten(0, 1)
        found = found.unflatten(0, (self.n_heads, -1)).permute(1, 2, 0, 3)  # (B, L, N, D)
        return self.out(found.reshape(*x.shape[:-1], -1))

    def weights(self, x: Tensor, mask: Tensor | None, turn: Tensor | None = None) -> Tensor:
        """What each token's answer is made of, (B, N, L, L): rows sum to one, and padding has no share."""
        q, k, _ = self._heads(x, turn)
        return torch.softmax(self._scores(q, k, mask), dim=-1).unflatten(0, (self.n_heads, -1)).transpose(0, 1)

    def _heads(self, x: Tensor, turn: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, (N B, L, D) each."""
        every = self.project(x).unflatten(-1, (3, self.n_heads, self.head_size))  # (..., B, L, 3, N, D)
        every = every.flatten(0, -5).permute(2, 3, 0, 1, 4)  # (3, N, B, L, D)
        if turn is None:
            return tuple(every.reshape(3, -1, *every.shape[-2:]))  # type: ignore[return-value]
        turned = rotate(every[:2], turn).flatten(1, 2)
        return turned[0], turned[1], every[2].reshape(-1, *every.shape[-2:])

    def _scores(self, q: Tensor, k: Tensor, mask: Tensor | None) -> Tensor:
        """(N B, L, L); minus infinity where a token is not looked at."""
        n_tokens, scale = q.shape[-2], 1.0 / math.sqrt(self.head_size)
        if not self.training and rounds_late(q):
            scores = torch.bmm(q.double() * scale, k.double().transpose(1, 2)).to(q.dtype)
        else:
            scores = torch.bmm(q * scale, k.transpose(1, 2))
        if self.causal:  # padding stands behind all real tokens, where none of them looks
            return scores + scores.new_full((n_tokens, n_tokens), -torch.inf).triu_(1)
        if mask is None:
            return scores
        hidden = scores.new_zeros(mask.shape).masked_fill_(~mask, -torch.inf).reshape(-1, 1, n_tokens)  # (B, 1, L)
        return (scores.unflatten(0, (self.n_heads, -1)) + hidden).flatten(0, 1)


def _answers(scores: Tensor, v: Tensor) -> Tensor:
    """Softmax and product, summed in float64 and rounded once: torch's softmax rounds by how long a row is."""
    shares = scores.sub_(scores.amax(dim=-1, keepdim=True)).exp_().double()
    return torch.bmm(shares, v.double()).div_(shares.sum(dim=-1, keepdim=True)).to(v.dtype)


class _FeedForward(nn.Module):
    """Two linear layers, for every token alone; with ``"gated"`` a third one opens and closes the units (Shazeer 2020)."""

    joins = True

    def __init__(self, size: int, width: int, activation: str, dropout: float, stride: int) -> None:
        super().__init__()
        self.gated = activation == "gated"
        self.activation = functional.gelu if self.gated else ACTIVATIONS[activation]
        self.widen = TokenLinear(size, width * (2 if self.gated else 1))
        self.drop = _TokenDropout(dropout, stride)
        self.narrow = TokenLinear(width, size)

    def forward(self, x: Tensor) -> Tensor:
        wide = self.widen(x)  # (..., B, L, W)
        if self.gated:
            gate, wide = wide.chunk(2, dim=-1)
            return self.narrow(self.drop(self.activation(gate) * wide))
        return self.narrow(self.drop(self.activation(wide)))


class _Block(nn.Module):
    """Attention, then the feed-forward layers; each reads what was normalised, and adds to what was there (Xiong et al. 2020).

    The normalisation has no weights of its own: those of the linear layer behind it can do the same.
    """

    joins = True

    def __init__(self, attention: SelfAttention, feed_forward: _FeedForward, dropout: float, stride: int) -> None:
        super().__init__()
        self.attention, self.feed_forward = attention, feed_forward
        self.drop = _TokenDropout(dropout, stride)

    def forward(self, x: Tensor, mask: Tensor | None, turn: Tensor | None) -> Tensor:
        x = x + self.drop(self.attention(normalised(x), mask, turn))
        return x + self.drop(self.feed_forward(normalised(x)))


class TransformerEncoder(nn.Module):
    """Patches, positions, and blocks of attention.

    Parameters
    ----------
    n_features : int
        Features of the input.
    hidden_size : int
        Features of a token.
    n_layers : int
        Blocks.
    n_heads : int
        Of a block.
    feedforward_size : int
        Units of the feed-forward layers.
    activation : str
        One of `ACTIVATIONS`, or "gated".
    dropout : float
        Of tokens: what a block adds, and units of its feed-forward layers.
    attention_dropout : float
        Of the weights between tokens.
    positions : {"rotary", "sinusoidal", "both", "none"}
    causal : bool
        Whether a token sees only itself and those before it.
    patch_length, patch_stride : int
        As of `Patches`.

    Attributes
    ----------
    out_features : int
        Features of ``hidden``.
    n_backward : int
        How many of them were computed from the end to the beginning: none.
    steps_per_token : int
        Steps that a token stands for.
    """

    joins = True
    n_backward = 0

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
        attention_dropout: float = 0.0,
        positions: str = "rotary",
        causal: bool = False,
        patch_length: int = 1,
        patch_stride: int = 1,
    ) -> None:
        super().__init__()
        self.out_features, self.steps_per_token, self.positions = hidden_size, patch_stride, positions
        self.patches = Patches(n_features, hidden_size, patch_length, patch_stride)
        self.blocks = nn.ModuleList(
            _Block(
                SelfAttention(hidden_size, n_heads, causal=causal, dropout=attention_dropout, stride=patch_stride),
                _FeedForward(hidden_size, feedforward_size, activation, dropout, patch_stride),
                dropout,
                patch_stride,
            )
            for _ in range(n_layers)
        )
        self.head_size = 2 * math.ceil(hidden_size / (2 * n_heads))
        self._tables: dict[Any, Tensor] = {}
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

    def forward(self, x: Tensor, mask: Tensor | None, state: None = None) -> tuple[Tensor, Tensor | None, None]:
        """Run over a batch.

        Parameters
        ----------
        x : Tensor of shape (B, T, F)
        mask : Tensor of bool of shape (B, T), or None
        state : None

        Returns
        -------
        hidden : Tensor of shape (B, L, H)
            A vector a token.
        mask : Tensor of bool of shape (B, L), or None
            Which tokens are real.
        state : None
            All with a leading R for replicas.
        """
        hidden, mask, turn = self._tokens(x, mask)
        for block in self.blocks:
            hidden = block(hidden, mask, turn)
        return zero_padding(normalised(hidden), mask), mask, None

    def attention_weights(self, x: Tensor, mask: Tensor | None, layer: int = -1) -> tuple[Tensor, Tensor | None]:
        """What the tokens of a block look at.

        Parameters
        ----------
        x : Tensor of shape (B, T, F)
        mask : Tensor of bool of shape (B, T), or None
        layer : int
            Which block, counted as a list is.

        Returns
        -------
        weights : Tensor of shape (B, N, L, L)
            With N heads; the last dimension is what is looked at, and sums to one.
        mask : Tensor of bool of shape (B, L), or None
        """
        hidden, mask, turn = self._tokens(x, mask)
        blocks = list(self.blocks)
        for block in blocks[: layer % len(blocks)]:
            hidden = block(hidden, mask, turn)
        attention: Any = blocks[layer].attention
        return attention.weights(normalised(hidden), mask, turn), mask

    def sharing_pays(self, n_rows: int) -> bool:
        """Whether replicas with batches of ``n_rows`` gain by sharing their products."""
        return n_rows * self.out_features <= _SHARED

    def _tokens(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Tokens with positions, their mask, and by how much queries and keys turn."""
        hidden, mask = self.patches(x, mask)
        turn = self._table(hidden, turns=True) if self.positions in ("rotary", "both") else None
        if self.positions in ("sinusoidal", "both"):
            hidden = hidden + self._table(hidden, turns=False)
        return hidden, mask, turn

    def _table(self, hidden: Tensor, *, turns: bool) -> Tensor:
        """Sines and cosines for as many tokens: by how much queries and keys turn, or what is added to tokens."""
        key = (turns, hidden.shape[-2], hidden.dtype, hidden.device)
        found = self._tables.get(key)
        if found is None:
            with torch.inference_mode(False):  # a tensor made for predictions alone could not be trained with later
                steps = torch.arange(hidden.shape[-2])
                if turns:
                    every = angles(steps, self.head_size)
                    found = torch.stack([every.cos(), every.sin()])  # (2, L, D / 2)
                else:
                    found = sinusoids(steps, self.out_features)  # (L, H)
                found = found.to(hidden.device, hidden.dtype)
            if len(self._tables) >= _MOST_TABLES:
                self._tables.clear()
            self._tables[key] = found
        return found
