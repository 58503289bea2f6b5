"""Layers over windows of one length: flat maps, trend and remainder, and mixing along time and features."""

from typing import Any

import torch
from torch import Tensor, nn

from sklearn_seq.layers.dropout import Dropout
from sklearn_seq.layers.linear import Linear
from sklearn_seq.layers.normalisation import normalised
from sklearn_seq.layers.patches import Patches

__all__ = ["Decomposition", "FlatPool", "Mixer"]


class FlatPool(nn.Module):
    """All steps side by side.

    Parameters
    ----------
    n_steps, n_features : int
        Of what is read.
    """

    joins = True

    def __init__(self, n_steps: int, n_features: int) -> None:
        super().__init__()
        self.out_features = n_steps * n_features

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        return hidden.flatten(-2)  # (..., B, T H)


class Decomposition(nn.Module):
    """Each feature as a moving mean and what is left of it (Zeng et al. 2023); without one, the features as they are.

    Parameters
    ----------
    n_features : int
    n_steps : int
        Of a window.
    width : int or None
        Steps of the mean, centred; at its ends the window is taken to go on as it ends.
    """

    joins = True

    def __init__(self, n_features: int, n_steps: int, width: int | None) -> None:
        super().__init__()
        self.width = None if width is None else min(width, n_steps)
        self.out_features = n_features * (1 if width is None else 2)
        self.n_steps_out = n_steps

    def forward(self, x: Tensor, mask: Tensor | None, state: Any = None) -> tuple[Tensor, Tensor | None, Any]:
        if self.width is None:
            return x, mask, state
        before = (self.width - 1) // 2
        behind = self.width - 1 - before
        first, last = x[..., :1, :], x[..., -1:, :]
        padded = torch.cat(
            [first.expand(*first.shape[:-2], before, -1), x, last.expand(*last.shape[:-2], behind, -1)], dim=-2
        )
        trend = padded.unfold(-2, self.width, 1).mean(dim=-1)  # (..., B, T, F)
        return torch.cat([trend, x - trend], dim=-1), mask, state


class _Block(nn.Module):
    """Mixes along tokens, then along features (Tolstikhin et al. 2021)."""

    joins = True

    def __init__(self, n_tokens: int, size: int, factor: int, dropout: float) -> None:
        super().__init__()
        self.tokens = nn.ModuleList([Linear(n_tokens, factor * n_tokens), Linear(factor * n_tokens, n_tokens)])
        self.features = nn.ModuleList([Linear(size, factor * size), Linear(factor * size, size)])
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(..., B, N, H)"""
        turned = normalised(x).transpose(-1, -2)
        x = x + self.dropout(self._through(self.tokens, turned)).transpose(-1, -2)
        return x + self.dropout(self._through(self.features, normalised(x)))

    def _through(self, layers: nn.ModuleList, x: Tensor) -> Tensor:
        return layers[1](nn.functional.gelu(layers[0](x)))


class Mixer(nn.Module):
    """Patches of a window, mixed along time and along features in turn.

    Parameters
    ----------
    n_features : int
    n_steps : int
        Of a window.
    size : int
        Features of a patch.
    n_blocks : int
    patch_length, patch_stride : int
        Steps that a patch reads, and from one to the next.
    dropout : float
    """

    joins = True

    def __init__(
        self,
        n_features: int,
        n_steps: int,
        size: int,
        n_blocks: int,
        patch_length: int,
        patch_stride: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.n_steps_out = -(-n_steps // patch_stride)
        self.out_features = size
        self.patches = Patches(n_features, size, patch_length, patch_stride)
        self.blocks = nn.ModuleList([_Block(self.n_steps_out, size, 2, dropout) for _ in range(n_blocks)])

    def forward(self, x: Tensor, mask: Tensor | None, state: Any = None) -> tuple[Tensor, Tensor | None, Any]:
        hidden, mask = self.patches(x, mask)
        for block in self.blocks:
            hidden = block(hidden)
        return normalised(hidden), mask, state
