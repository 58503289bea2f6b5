"""A network that reads one sequence of tokens and writes another."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sklearn_seq.layers.dropout import Dropout
from sklearn_seq.layers.embedding import TokenEmbedding
from sklearn_seq.layers.linear import Linear

__all__ = ["TranslationNetwork"]


class TranslationNetwork(nn.Module):
    """Embedding, body, decoder, and the logits of each next token of the answer.

    Parameters
    ----------
    n_source, n_target : int
        Sizes of the vocabularies, marks included.
    mark : int
        Of the target's tokens, what ends an answer; it also stands before the first token.
    size : int
        Numbers that a token becomes.
    body : Module
        ``forward(x, mask, state=None) -> (hidden, mask, state)`` over ``size`` features.
    decoder : Module
        Over ``size`` features and those of ``body``, see `sklearn_seq.layers.translation_decoders`.
    dropout : float
        Of embeddings, and of what the logits are made of.
    token_dropout : float
        Probability that a token of the source is made unknown in training.
    shared : bool
        Whether both sides have one vocabulary and one table of embeddings.
    tie_weights : bool
        Whether the logits are products with the embeddings of the target (Press and Wolf 2017).
    """

    def __init__(
        self,
        n_source: int,
        n_target: int,
        mark: int,
        size: int,
        body: Any,
        decoder: Any,
        *,
        dropout: float = 0.0,
        token_dropout: float = 0.0,
        shared: bool = False,
        tie_weights: bool = True,
    ) -> None:
        super().__init__()
        self.mark, self.n_target = mark, n_target
        self.scaling = TokenEmbedding(n_source, size, token_dropout)
        self.embedding = None if shared else TokenEmbedding(n_target, size)
        self.body, self.decoder, self.dropout = body, decoder, Dropout(dropout)
        # also between equal sizes: a decoder that adds to what it reads would else begin by repeating each token
        self.narrow: nn.Module = Linear(decoder.out_features, size) if tie_weights else nn.Identity()
        self.head = None if tie_weights else Linear(decoder.out_features, n_target)
        self.bias = nn.Parameter(torch.zeros(n_target)) if tie_weights else None
        self._factor = math.sqrt(size) if tie_weights else 1.0  # of the target's embeddings where they are read
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Embeddings of deviation one where they are read; logits that begin near zero where they are tied."""
        self._table.weight.div_(self._factor)
        for layer in (self.narrow, self.head):
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                layer.bias.zero_()

    @property
    def _table(self) -> TokenEmbedding:
        """The embeddings of the target."""
        return self.scaling if self.embedding is None else self.embedding

    def read(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """What the body makes of the source.

        Parameters
        ----------
        x : Tensor of int of shape (B, T, 1)
        mask : Tensor of bool of shape (B, T), or None

        Returns
        -------
        memory : Tensor of shape (B, M, D)
        memory_mask : Tensor of bool of shape (B, M), or None
        """
        vectors = self.scaling(x, mask)
        if self.embedding is None and self._factor != 1.0:
            vectors = vectors * self._factor
        memory, memory_mask, _ = self.body(self.dropout(vectors), mask)
        return memory, memory_mask

    def forward(self, x: Tensor, mask: Tensor | None, target: Any) -> Tensor:
        """Logits of each token of answers that are known, each given the tokens before it (teacher forcing).

        Parameters
        ----------
        x : Tensor of int of shape (B, T, 1)
        mask : Tensor of bool of shape (B, T), or None
        target : SequenceTarget
            Answers, each of which ends with the mark.

        Returns
        -------
        Tensor of shape (N, V)
            Of the N real tokens of all answers, one answer behind the other.
        """
        memory, memory_mask = self.read(x, mask)
        hidden = self.decoder(self.embed_before(target.values), target.mask, memory, memory_mask)
        return self.logits(hidden[target.mask])  # products with the vocabulary are dear, so padding has none

    def attention(self, x: Tensor, mask: Tensor | None, target: Any) -> Tensor:
        """Where each token of the answers looked, (B, S, M)."""
        memory, memory_mask = self.read(x, mask)
        return self.decoder.attend(self.embed_before(target.values), target.mask, memory, memory_mask)[1]

    def start(self, x: Tensor, mask: Tensor | None) -> Any:
        """The decoder's state before the first token."""
        return self.decoder.start(*self.read(x, mask))

    def step(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Logits behind one token a row, (B,) -> (B, V); the mark stands before the first."""
        hidden, state = self.decoder.step(self._embed(tokens[:, None])[:, 0], state)
        return self.logits(hidden), state

    def select(self, state: Any, rows: Tensor) -> Any:
        """The state of some rows, in their order."""
        return self.decoder.select(state, rows)

    def embed_before(self, tokens: Tensor) -> Tensor:
        """What is known before each token, (B, S) -> (B, S, E)."""
        first = tokens.new_full((len(tokens), 1), self.mark)
        return self._embed(torch.cat([first, tokens[:, :-1]], dim=1))

    def _embed(self, tokens: Tensor) -> Tensor:
        found = functional.embedding(tokens, self._table.weight)
        return self.dropout(found if self._factor == 1.0 else found * self._factor)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., H) -> (..., V)"""
        hidden = self.dropout(self.narrow(hidden))
        if self.head is not None:
            return self.head(hidden)
        return functional.linear(hidden, self._table.weight, self.bias)
