"""From one vector a time step to one vector a sequence; padding is never looked at."""

from typing import Any

import torch
from torch import Tensor, nn

from sklearn_seq.layers.linear import Linear
from sklearn_seq.layers.masks import lengths_of, zero_padding

__all__ = ["AttentionPool", "ConcatPool", "LastPool", "MaxPool", "MeanPool", "make_pool"]


class LastPool(nn.Module):
    """What a recurrence ends with: the last real step of the forward half, the first step of the backward half.

    Parameters
    ----------
    n_backward : int
        How many of the last features were computed from the end to the beginning.
    """

    joins = True

    def __init__(self, n_backward: int = 0) -> None:
        super().__init__()
        self.n_backward = n_backward

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        if mask is None:
            last = hidden[..., -1, :]  # (..., B, H)
        else:
            index = (lengths_of(hidden, mask) - 1)[..., None, None]
            last = hidden.gather(-2, index.expand(*index.shape[:-1], hidden.shape[-1])).squeeze(-2)
        if self.n_backward == 0:
            return last
        return torch.cat([last[..., : -self.n_backward], hidden[..., 0, -self.n_backward :]], dim=-1)


class MeanPool(nn.Module):
    """The mean over the real steps."""

    joins = True

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        if mask is None:
            return _Mean.apply(hidden) if hidden.requires_grad else hidden.mean(dim=-2)  # (..., B, H)
        return zero_padding(hidden, mask).sum(dim=-2) / mask.sum(dim=-1, keepdim=True)


def _mean(hidden: Tensor) -> Tensor:
    """(..., B, T, H) -> (..., B, H)"""
    n_steps, size = hidden.shape[-2:]
    if hidden.stride(-3) != size:
        return hidden.mean(dim=-2)
    # As our recurrences lay it out, time first, the order of torch's sum depends on how many replicas stand side by side;
    # that of a product does not.
    by_step = hidden.transpose(-3, -2).flatten(-2)  # (..., T, B H)
    share = torch.full((1, 1, n_steps), 1.0 / n_steps, dtype=hidden.dtype, device=hidden.device)
    by_step = by_step if hidden.ndim == 4 else by_step[None]
    product = torch.bmm(share.expand(len(by_step), 1, n_steps), by_step)  # (R, 1, B H)
    return product.view(*hidden.shape[:-2], size)


class _Mean(torch.autograd.Function):
    """`_mean` as one node."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor) -> Tensor:
        ctx.n_steps = hidden.shape[-2]
        return _mean(hidden)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        return (dy / ctx.n_steps).unsqueeze(-2).expand(*dy.shape[:-1], ctx.n_steps, dy.shape[-1])


class MaxPool(nn.Module):
    """The largest value of each feature over the real steps."""

    joins = True

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        if mask is not None:
            hidden = hidden.masked_fill(~mask[..., None], -torch.inf)
        return hidden.amax(dim=-2)  # (..., B, H)


class AttentionPool(nn.Module):
    """A weighted mean over the real steps, with weights learnt from the steps (Bahdanau et al. 2015, as used for
    classification by Yang et al. 2016).

    Parameters
    ----------
    n_features : int
        Features of a step.
    """

    joins = True

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.project = Linear(n_features, n_features)
        self.query = Linear(n_features, 1, bias=False)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        logits = self.query(torch.tanh(self.project(hidden)))[..., 0]  # (..., B, T)
        if mask is not None:
            logits = logits.masked_fill(~mask, -torch.inf)
        weights = torch.softmax(logits, dim=-1)
        return torch.matmul(weights[..., None, :], zero_padding(hidden, mask))[..., 0, :]  # (..., B, H)


class ConcatPool(nn.Module):
    """Last, mean and max side by side (Howard and Ruder 2018): what was said at the end, throughout, and anywhere.

    Parameters
    ----------
    n_backward : int
        As of `LastPool`.
    """

    joins = True

    def __init__(self, n_backward: int = 0) -> None:
        super().__init__()
        self.pools = nn.ModuleList([LastPool(n_backward), MeanPool(), MaxPool()])
        self.n_backward = n_backward

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        if mask is None and self.training and hidden.requires_grad and hidden.shape[-2] > 1:
            return _Concat.apply(hidden, self.n_backward)
        return torch.cat([pool(hidden, mask) for pool in self.pools], dim=-1)  # (..., B, 3H)


class _Concat(torch.autograd.Function):
    """`ConcatPool` without padding as one node: its gradient is written once, and not added up from three."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, n_backward: int) -> Tensor:
        largest = hidden.amax(dim=-2)
        mean = _mean(hidden)
        last = hidden[..., -1, :]
        if n_backward:
            last = torch.cat([last[..., :-n_backward], hidden[..., 0, -n_backward:]], dim=-1)
        ctx.save_for_backward(hidden, largest)
        ctx.n_backward = n_backward
        return torch.cat([last, mean, largest], dim=-1)  # (..., B, 3H)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None]:
        hidden, largest = ctx.saved_tensors
        hidden = hidden.movedim(-2, 0)  # (T, ..., B, H): time outermost in memory, as recurrences go through it
        by_last, by_mean, by_largest = dy.chunk(3, dim=-1)
        gradient = (by_mean / len(hidden)).expand(hidden.shape).contiguous()
        reached = torch.eq(hidden, largest).to(dy.dtype)
        gradient.addcmul_(
            reached, by_largest / reached.sum(dim=0)
        )  # steps that share the largest value share its gradient
        if ctx.n_backward:
            gradient[-1, ..., : -ctx.n_backward] += by_last[..., : -ctx.n_backward]
            gradient[0, ..., -ctx.n_backward :] += by_last[..., -ctx.n_backward :]
        else:
            gradient[-1] += by_last
        return gradient.movedim(0, -2), None


def make_pool(name: str, n_features: int, n_backward: int = 0) -> nn.Module:
    """The pooling layer of a name, with ``out_features``.

    Parameters
    ----------
    name : {"last", "mean", "max", "attention", "concat"}
    n_features : int
        Features of a step.
    n_backward : int
        How many of them, the last ones, were computed backward.

    Returns
    -------
    torch.nn.Module
        ``forward(hidden, mask) -> (B, out_features)``.
    """
    pools: dict[str, Any] = {
        "last": lambda: LastPool(n_backward),
        "mean": MeanPool,
        "max": MaxPool,
        "attention": lambda: AttentionPool(n_features),
        "concat": lambda: ConcatPool(n_backward),
    }
    pool = pools[name]()
    pool.out_features = n_features * (3 if name == "concat" else 1)
    return pool
