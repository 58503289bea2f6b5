"""The first layer for token ids: a learnt vector for each."""

import torch
from torch import Tensor, nn

from sklearn_seq.layers.dropout import Dropout
from sklearn_seq.layers.masks import zero_padding

__all__ = ["TokenEmbedding", "embedding_size"]


def embedding_size(n_tokens: int) -> int:
    """Numbers a token where none is said: 16 for a few, 128 for thousands; a power of two.

    Parameters
    ----------
    n_tokens : int

    Returns
    -------
    int
    """
    for size, most in ((16, 32), (32, 256), (64, 2048)):
        if n_tokens <= most:
            return size
    return 128


class TokenDropout(Dropout):
    """Make whole tokens unknown (id 0) with probability ``p`` while training, as Iyyer et al. (2015)."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., B, T, C) of ids to the same."""
        if not self.training or not any(self.rates):
            return x
        chance = torch.zeros(x.shape, device=x.device)  # below 1 - p: kept
        if self.draws is None:  # outside a fit, where chance is the user's
            chance.uniform_()
        else:
            for r, (p, generator) in enumerate(zip(self.rates, self.draws.generators, strict=True)):
                if p:
                    self.draws.own(chance[r] if isinstance(self.p, list) else chance, r).uniform_(generator=generator)
        rates = torch.tensor(self.rates, device=x.device).view(-1, *[1] * (x.ndim - 1))
        rates = rates if isinstance(self.p, list) else rates[0]
        return x.masked_fill(chance >= 1.0 - rates, 0)


class TokenEmbedding(nn.Embedding):
    """A learnt vector for each token, in the place of `InputScaling`.

    The unknown token begins as zeros, and stays there unless tokens are made unknown in training.

    Parameters
    ----------
    n_tokens : int
        Size of the vocabulary; id 0 is the unknown token.
    size : int
        Numbers a token.
    dropout : float
        Probability that a token is made unknown in training.
    """

    joins = True

    def __init__(self, n_tokens: int, size: int, dropout: float = 0.0) -> None:
        super().__init__(n_tokens, size)
        self.n_tokens, self.out_features = n_tokens, size
        self.dropout = TokenDropout(dropout)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Numbers of mean 0 and deviation 1, as standardised features have; zeros for the unknown token."""
        nn.init.normal_(self.weight)
        self.weight[0].zero_()

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:  # type: ignore[override]
        """Vectors of a batch.

        Parameters
        ----------
        x : Tensor of int of shape (B, T, C)
            Of several ids a step the vectors are added up, and divided by the root of their number.
        mask : Tensor of bool of shape (B, T), optional

        Returns
        -------
        Tensor of shape (B, T, E)
            Zeros on padding; all with a leading R for replicas.
        """
        ids = self.dropout(x.long())  # (..., B, T, C)
        if ids.shape[-1] > 1:
            return self._added(ids, mask)
        ids = ids[..., 0]
        if self.weight.ndim == 2:
            found = nn.functional.embedding(ids, self.weight)
        else:  # of replicas
            pairs = zip(ids.unbind(0), self.weight.unbind(0), strict=True)
            found = torch.stack([nn.functional.embedding(own, weight) for own, weight in pairs])
        return zero_padding(found, mask)

    def _added(self, ids: Tensor, mask: Tensor | None) -> Tensor:
        n_parts = ids.shape[-1]
        weights = self.weight[None] if self.weight.ndim == 2 else self.weight  # (R, n_tokens, E)
        every = ids.view(len(weights), -1, n_parts)
        found = [
            nn.functional.embedding_bag(own, weight, mode="sum") for own, weight in zip(every, weights, strict=True)
        ]
        added = torch.stack(found) if len(found) > 1 else found[0]
        return zero_padding(added.view(*ids.shape[:-1], -1) * n_parts**-0.5, mask)
