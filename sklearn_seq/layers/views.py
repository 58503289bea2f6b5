"""Several views of a sequence side by side: its values, its changes, and both against the typical training sequence."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_seq.layers.convolution import beside
from sklearn_seq.layers.masks import zero_padding
from sklearn_seq.layers.normalisation import BatchNorm

__all__ = ["VIEWS", "Viewed", "Views", "make_viewed"]

VIEWS = ("values", "changes", "aligned", "aligned changes")
_LEAST_DEVIATION = 0.1  # of a step, added to its own, relative to the mean deviation of all steps


class Views(nn.Module):
    """The values of a sequence, their changes from step to step, and both once more after each step was brought to mean 0 and
    deviation 1 over the training sequences.

    Where all sequences share a shape and differ by little on top of it, as spectra do, the aligned views show the little.
    Where they have no common beginning, these views are the values on other scales. Each view is normalised by batches.

    Parameters
    ----------
    n_features : int
        Features of the input.
    n_steps : int
        Of the longest sequence given to ``fit``; further steps have mean 0 and the mean deviation.
    views : sequence of str
        Some of ``VIEWS``.
    """

    joins = True

    def __init__(self, n_features: int, n_steps: int, views: Sequence[str] = VIEWS) -> None:
        super().__init__()
        self.views = tuple(views)
        self.n_features, self.n_steps = n_features, n_steps
        self.register_buffer("mean", torch.zeros(n_steps, n_features))
        self.register_buffer("factor", torch.ones(n_steps, n_features))
        self.out_features = n_features * len(self.views)
        self.norm = BatchNorm(self.out_features)

    @property
    def aligns(self) -> bool:
        """Whether statistics of steps are needed."""
        return any(view.startswith("aligned") for view in self.views)

    @torch.no_grad()
    def set_statistics(self, mean: Tensor, deviation: Tensor, count: Tensor) -> None:
        """Take the statistics of the training part.

        Parameters
        ----------
        mean, deviation : Tensor of shape (T, F)
            Of each step, in the scale of the input.
        count : Tensor of shape (T,)
            Sequences that have such a step; what few have is taken to vary as the others do, what none has as the mean.
        """
        count = count[:, None]
        typical = (deviation * count).sum(dim=0) / count.sum()  # (F,)
        deviation = ((count * deviation**2 + typical**2) / (count + 1.0)).sqrt() + _LEAST_DEVIATION * typical
        self.mean.copy_(mean)  # type: ignore[operator]
        self.factor.copy_(torch.where(deviation > 0, 1.0 / deviation, torch.ones_like(deviation)))  # type: ignore[operator]

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(..., B, T, F) -> (..., B, T, V F)."""
        parts = {"values": x}
        if self.aligns:
            n_steps = x.shape[-2]
            mean, factor = self.mean, self.factor
            beyond = n_steps - self.n_steps
            if beyond > 0:
                typical = factor.reciprocal().mean(dim=-2, keepdim=True).reciprocal()  # type: ignore[operator]
                mean = nn.functional.pad(mean, (0, 0, 0, beyond))  # type: ignore[arg-type]
                factor = torch.cat([factor, typical.expand(*typical.shape[:-2], beyond, -1)], dim=-2)  # type: ignore[list-item]
            mean, factor = mean[..., :n_steps, :], factor[..., :n_steps, :]  # type: ignore[index]
            if mean.ndim == 3:  # of replicas
                mean, factor = mean[:, None], factor[:, None]
            parts["aligned"] = zero_padding((x - mean) * factor, mask)
        for view in ("", "aligned "):
            if f"{view}changes" in self.views:
                before = parts["aligned" if view else "values"]
                change = nn.functional.pad(before[..., 1:, :] - before[..., :-1, :], (0, 0, 1, 0))  # the first has none
                parts[f"{view}changes"] = zero_padding(change, mask)
        return self.norm(beside([parts[view] for view in self.views]), mask)


class Viewed(nn.Module):
    """A body that reads `Views` of its input.

    Parameters
    ----------
    views : Views
    inside : Module
        A body for as many features as the views have.
    """

    joins = True

    def __init__(self, views: Views, inside: Any) -> None:
        super().__init__()
        self.views, self.inside = views, inside
        self.out_features = inside.out_features
        self.steps_per_token = getattr(inside, "steps_per_token", 1)

    def forward(self, x: Tensor, mask: Tensor | None, state: Any = None) -> tuple[Tensor, Tensor | None, Any]:
        return self.inside(self.views(x, mask), mask, state)


def make_viewed(views: str, n_features: int, n_steps: int, make: Callable[[int], Any]) -> Any:
    """A network that reads values, their changes too, or both aligned to the training sequences too.

    Parameters
    ----------
    views : {"values", "changes", "aligned"}
    n_features : int
        Of the input.
    n_steps : int
        Of the longest training sequence.
    make : callable
        ``make(n_features)`` gives the network.
    """
    if views == "values":
        return make(n_features)
    seen = Views(n_features, n_steps, VIEWS if views == "aligned" else VIEWS[:2])
    return Viewed(seen, make(seen.out_features))
