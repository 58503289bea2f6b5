"""Networks that answer at every step."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sklearn_seq.layers.dropout import Dropout

__all__ = ["StepNetwork", "StepOutput", "to_steps"]


class StepOutput(NamedTuple):
    """What a network says of each step, where it does not say one thing of the whole sequence."""

    values: Tensor  # (B, T, K)
    mask: Tensor | None  # (B, T), of the output's steps; None where all are real
    chain: Tensor | None = None  # (K + 2, K): scores of a label after another, as the first, as the last

    def float_as(self, like: Tensor) -> StepOutput:
        """In the number format of another tensor."""
        return self._replace(values=self.values.to(like.dtype))


def to_steps(hidden: Tensor, n_steps: int, steps_per_token: int) -> Tensor:
    """Each token's vector at each of the steps that it stands for.

    Parameters
    ----------
    hidden : Tensor of shape (B, tokens, H)
        Token i stands for the steps from ``i * steps_per_token`` on.
    n_steps : int
        Of the input.
    steps_per_token : int

    Returns
    -------
    Tensor of shape (B, T, H)
    """
    if steps_per_token == 1:
        return hidden
    token = torch.arange(n_steps, device=hidden.device) // steps_per_token
    return hidden.index_select(1, token.clamp(max=hidden.shape[1] - 1))


class StepNetwork(nn.Module):
    """Scaling, body and head: one output vector for each step of the input, whatever the body's own stride is.

    Parameters
    ----------
    scaling : Module
        ``forward(x, mask) -> x``.
    body : Module
        ``forward(x, mask, state=None) -> (hidden, mask, state)``; with ``steps_per_token`` where it has fewer steps.
    head : Module
        ``(..., H) -> (..., K)``; with ``chain`` where labels that follow each other are scored too.
    dropout : float
        Between body and head.
    """

    def __init__(self, scaling: nn.Module, body: Any, head: nn.Module, dropout: float = 0.0) -> None:
        super().__init__()
        self.scaling, self.body, self.head = scaling, body, head
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> StepOutput:
        """Outputs of a batch.

        Parameters
        ----------
        x : Tensor of shape (B, T, F)
        mask : Tensor of bool of shape (B, T), optional
            True where a step is real, None where all are.

        Returns
        -------
        StepOutput
            Of as many steps as the input.
        """
        hidden, _, _ = self.body(self.scaling(x, mask), mask)
        hidden = to_steps(hidden, x.shape[1], getattr(self.body, "steps_per_token", 1))
        chain: Any = getattr(self.head, "chain", None)
        return StepOutput(self.head(self.dropout(hidden)), mask, chain)
