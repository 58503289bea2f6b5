"""Dropout that draws from a generator of its own, so that the global one is neither read nor moved."""

import torch
from torch import Tensor, nn

__all__ = ["Dropout", "give_generator"]


class Dropout(nn.Module):
    """Zero each value with probability ``p`` while training and scale the rest by ``1 / (1 - p)``.

    Parameters
    ----------
    p : float
        In [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        keep = torch.empty_like(x).bernoulli_(1.0 - self.p, generator=self.generator)
        return x * keep.div_(1.0 - self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"


def give_generator(module: nn.Module, generator: torch.Generator) -> None:
    """Let every layer that draws numbers in training draw them from ``generator``."""
    for layer in module.modules():
        if hasattr(layer, "generator"):
            layer.generator = generator  # type: ignore[assignment]
