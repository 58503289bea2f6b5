"""Masked reconstruction: a body learns by filling in stretches of its input that it was not shown, numbers or tokens."""

import torch
from torch import Tensor, nn

from sklearn_seq.layers.embedding import TokenEmbedding
from sklearn_seq.layers.linear import Linear
from sklearn_seq.layers.scaling import InputScaling

__all__ = ["MaskedReconstruction", "MaskedTokens"]


class MaskedReconstruction(nn.Module):
    """What pre-training trains: scaling, body, and a linear layer from hidden steps back to the scaled input.

    Where the body has fewer steps than its input, each of them gives back the steps that it stands for.

    Parameters
    ----------
    scaling : InputScaling
    body : Module
        ``forward(x, mask, state=None) -> (hidden, mask, state)`` with ``out_features``, and ``steps_per_token`` where it has
        fewer steps than its input.
    n_features : int
        Features of the input.
    """

    def __init__(self, scaling: InputScaling, body: nn.Module, n_features: int) -> None:
        super().__init__()
        self.scaling, self.body, self.n_features = scaling, body, n_features
        self.steps_per_token = int(getattr(body, "steps_per_token", 1))
        self.reconstruct = Linear(body.out_features, self.steps_per_token * n_features)  # type: ignore[arg-type]

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """How far each sequence's hidden steps are from what was made of them.

        Parameters
        ----------
        x : Tensor of shape (B, T, F + 1)
            The last feature is 1 where a step is hidden from the body.
        mask : Tensor of bool of shape (B, T), optional

        Returns
        -------
        Tensor of shape (B,)
            Mean of squares over hidden steps and features, in deviations; missing values do not count.
        """
        x, hidden = x[..., :-1], x[..., -1:] > 0.5
        there = ~torch.isnan(x)
        scaled = self.scaling(x, mask)  # (B, T, F), or with indicators (B, T, 2F)
        wanted = scaled[..., : self.n_features]
        found = self.body(scaled.masked_fill(hidden, 0.0), mask)[0]  # (B, L, H)
        found = _each_step(self.reconstruct(found), self.steps_per_token, x.shape[1])
        counts = hidden & there  # (B, T, F)
        errors = (found - wanted).square().masked_fill(~counts, 0.0)
        return errors.sum(dim=(1, 2)) / counts.sum(dim=(1, 2)).clamp(min=1)


class MaskedTokens(nn.Module):
    """As `MaskedReconstruction`, of token ids: which token was hidden, by cross-entropy.

    Parameters
    ----------
    scaling : TokenEmbedding
    body : Module
        As there.
    """

    def __init__(self, scaling: TokenEmbedding, body: nn.Module) -> None:
        super().__init__()
        self.scaling, self.body = scaling, body
        self.steps_per_token = int(getattr(body, "steps_per_token", 1))
        self.reconstruct = Linear(body.out_features, self.steps_per_token * scaling.n_tokens)  # type: ignore[arg-type]

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """How unlikely each sequence's hidden tokens are to what was made of them.

        Parameters
        ----------
        x : Tensor of int of shape (B, T, 2)
            Ids, and 1 where a step is hidden from the body.
        mask : Tensor of bool of shape (B, T), optional

        Returns
        -------
        Tensor of shape (B,)
            Mean of the cross-entropy over hidden steps, in nats.
        """
        ids, hidden = x[..., 0], x[..., 1:] > 0
        vectors = self.scaling(ids[..., None], mask)  # (B, T, E)
        found = self.body(vectors.masked_fill(hidden, 0.0), mask)[0]  # (B, L, H)
        found = _each_step(self.reconstruct(found), self.steps_per_token, ids.shape[1])  # (B, T, n_tokens)
        errors = nn.functional.cross_entropy(found.transpose(1, 2), ids, reduction="none")  # (B, T)
        counts = hidden[..., 0]
        return errors.masked_fill(~counts, 0.0).sum(dim=1) / counts.sum(dim=1).clamp(min=1)


def _each_step(found: Tensor, steps_per_token: int, n_steps: int) -> Tensor:
    """What a body's vectors say of each step of its input, (B, L, steps_per_token K) -> (B, T, K)."""
    if found.shape[1] * steps_per_token < n_steps:
        raise ValueError(
            f"this body gives {found.shape[1]} steps for {n_steps}, and does not say how many each stands for "
            "(steps_per_token); it cannot be pre-trained. Use a body with one vector a step."
        )
    return found.unflatten(-1, (steps_per_token, -1)).flatten(1, 2)[:, :n_steps]
