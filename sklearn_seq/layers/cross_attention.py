"""Attention from the steps of one sequence to those of another, by one question a step."""

import math

import torch
from torch import Tensor, nn

from sklearn_seq.layers.linear import Linear

__all__ = ["ATTENTIONS", "AdditiveAttention", "MultiplicativeAttention", "hide_padding"]


def hide_padding(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Minus infinity where there is padding, so that it has no share.

    Parameters
    ----------
    scores : Tensor of shape (B, S, M)
        Of each step that asks, by each that is asked.
    mask : Tensor of bool of shape (B, M), or None

    Returns
    -------
    Tensor of shape (B, S, M)
    """
    return scores if mask is None else scores.masked_fill(~mask[:, None], -torch.inf)


class MultiplicativeAttention(nn.Module):
    """Scores are products of a step's state with a linear map of what it asks (Luong et al. 2015), scaled down.

    Parameters
    ----------
    size : int
        Features of the state that asks.
    n_memory : int
        Features of what is asked.
    """

    def __init__(self, size: int, n_memory: int) -> None:
        super().__init__()
        self.keys = Linear(n_memory, size)
        self._scale = 1.0 / math.sqrt(size)

    def prepare(self, memory: Tensor) -> Tensor:
        """What is the same for all questions, (B, M, D) -> (B, M, H)."""
        return self.keys(memory)

    def forward(self, hidden: Tensor, keys: Tensor, mask: Tensor | None) -> Tensor:
        """The share of each step of the memory, (B, S, H) and (B, M, H) -> (B, S, M)."""
        scores = torch.bmm(hidden * self._scale, keys.transpose(1, 2))
        return torch.softmax(hide_padding(scores, mask), dim=-1)


class AdditiveAttention(nn.Module):
    """Scores are a layer of units over a step's state and what it asks (Bahdanau et al. 2015).

    Parameters
    ----------
    size : int
        Features of the state that asks, and units.
    n_memory : int
        Features of what is asked.
    """

    def __init__(self, size: int, n_memory: int) -> None:
        super().__init__()
        self.keys = Linear(n_memory, size)
        self.ask = Linear(size, size)
        self.weigh = Linear(size, 1)

    def prepare(self, memory: Tensor) -> Tensor:
        """What is the same for all questions, (B, M, D) -> (B, M, H)."""
        return self.keys(memory)

    def forward(self, hidden: Tensor, keys: Tensor, mask: Tensor | None) -> Tensor:
        """The share of each step of the memory, (B, S, H) and (B, M, H) -> (B, S, M)."""
        units = torch.tanh(self.ask(hidden)[:, :, None] + keys[:, None])  # (B, S, M, H)
        return torch.softmax(hide_padding(self.weigh(units)[..., 0], mask), dim=-1)


ATTENTIONS = {"multiplicative": MultiplicativeAttention, "additive": AdditiveAttention}
