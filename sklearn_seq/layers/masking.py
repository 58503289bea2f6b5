"""Masked reconstruction: a body learns by filling in stretches of its input that it was not shown."""

import torch
from torch import Tensor, nn

from sklearn_seq.layers.linear import Linear
from sklearn_seq.layers.scaling import InputScaling

__all__ = ["MaskedReconstruction"]


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
        found = self.reconstruct(found).unflatten(-1, (self.steps_per_token, self.n_features)).flatten(1, 2)
        n_steps = x.shape[1]
        if found.shape[1] < n_steps:
            raise ValueError(
                f"this body gives {found.shape[1] // self.steps_per_token} steps for {n_steps}, and does not say how many each "
                "stands for (steps_per_token); it cannot be pre-trained. Use a body with one vector a step."
            )
        counts = hidden & there  # (B, T, F)
        errors = (found[:, :n_steps] - wanted).square().masked_fill(~counts, 0.0)
        return errors.sum(dim=(1, 2)) / counts.sum(dim=(1, 2)).clamp(min=1)
