"""Dropout that draws from generators of its own, so that the global one is neither read nor moved."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["Draws", "Dropout", "give_draws", "thin"]


@dataclass
class Draws:
    """Where the layers of some replicas draw from.

    Attributes
    ----------
    generators : list of torch.Generator
        One a replica, or one for a network alone.
    rows : list of int, or None
        How many rows of the batch are a replica's own, where batches differ in size; None where all are.
    steps : list of int, or None
        How many time steps a replica's own batch would have; None where all are.
    """

    generators: list[torch.Generator]
    rows: list[int] | None = None
    steps: list[int] | None = None

    def own(self, values: torch.Tensor, r: int) -> torch.Tensor:
        """The part of (B, H) or (B, T, H) that a replica would have alone."""
        if self.rows is not None:
            values = values[: self.rows[r]]
        return values if self.steps is None or values.ndim == 2 else values[:, : self.steps[r]]


class Dropout(nn.Module):
    """Zero each value with probability ``p`` while training and scale the rest by ``1 / (1 - p)``.

    Parameters
    ----------
    p : float
        In [0, 1). Of replicas, a list with one for each.
    """

    joins = True

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p: float | list[float] = p
        self.draws: Draws | None = None
        self.thinned: torch.Generator | Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.thinned is not None:
            return x * self._left(x)
        if not self.training or not self.p or not any(self.rates):
            return x
        if self.draws is None:  # outside a fit, where chance is the user's
            return nn.functional.dropout(x, self.rates[0])
        chance = torch.zeros_like(x)  # below 1 - p: kept
        for r, (p, generator) in enumerate(zip(self.rates, self.draws.generators, strict=True)):
            if p:
                self.draws.own(chance[r] if isinstance(self.p, list) else chance, r).uniform_(generator=generator)
        if isinstance(self.p, list):
            kept = (1.0 - x.new_tensor(self.p)).view(-1, *[1] * (x.ndim - 1))
            return x * torch.lt(chance, kept, out=chance).div_(kept)
        return x * torch.lt(chance, 1.0 - self.p, out=chance).div_(1.0 - self.p)

    def _left(self, x: Tensor) -> Tensor:
        """Monte Carlo dropout: which units are left, the same ones for all rows and steps."""
        if isinstance(self.thinned, torch.Generator):
            keep = torch.empty(x.shape[-1], dtype=x.dtype).bernoulli_(1.0 - self.rates[0], generator=self.thinned)
            self.thinned = keep.div_(1.0 - self.rates[0]).to(x.device)
        return self.thinned  # type: ignore[return-value]

    @property
    def rates(self) -> list[float]:
        """``p`` of each replica."""
        return self.p if isinstance(self.p, list) else [self.p]

    def extra_repr(self) -> str:
        return f"p={self.p}"


def give_draws(module: nn.Module, draws: Draws | None) -> None:
    """Let every layer that draws numbers in training draw them from ``draws``."""
    for layer in module.modules():
        if hasattr(layer, "draws"):
            layer.draws = draws  # type: ignore[assignment]


def thin(module: nn.Module, generator: torch.Generator) -> None:
    """Leave units out in every later pass, drawn when each layer first meets them, as Gal and Ghahramani (2016) sample."""
    for layer in module.modules():
        if isinstance(layer, Dropout) and any(layer.rates):
            layer.thinned = generator
