"""Normalisation over the real steps of ragged batches, or of each step by itself."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sklearn_seq.layers.convolution import apart, side_by_side
from sklearn_seq.layers.dropout import Draws

__all__ = ["Activate", "BatchNorm", "StepNorm", "normalised"]

Activate = Callable[[Tensor], Tensor]


def normalised(x: Tensor) -> Tensor:
    """Each step with mean 0 and deviation 1 over its features.

    Without weights of its own, as those of the layer behind it can do the same.
    """
    return functional.layer_norm(x, x.shape[-1:])


class BatchNorm(nn.Module):
    """Each feature with mean 0 and deviation 1 over the real steps of a batch, then scaled and shifted by what is learnt
    (Ioffe and Szegedy 2015).

    In evaluation the statistics are running means of those of the batches. All rows of a batch count alike, whatever their
    weights: equal rows are one weighted row before they come here. A batch of a single step becomes zeros, shifted, and
    leaves the running statistics as they are, since one step has no deviation.

    Parameters
    ----------
    n_features : int
        Features of a step.
    momentum : float
        Share of a batch in the running statistics.
    eps : float
        Added to variances.
    """

    joins = True

    def __init__(self, n_features: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(n_features))
        self.bias = nn.Parameter(torch.zeros(n_features))
        self.register_buffer("running_mean", torch.zeros(n_features))
        self.register_buffer("running_var", torch.ones(n_features))
        self.draws: Draws | None = None  # tells which rows of a joint batch are a replica's own

    def forward(self, x: Tensor, mask: Tensor | None, activate: Activate | None = None) -> Tensor:
        """Normalise.

        Parameters
        ----------
        x : Tensor of shape (B, T, F)
        mask : Tensor of bool of shape (B, T), or None
        activate : callable, optional
            What follows, each number by itself. It may work in place, which here is not yet that of a view and so costs nothing.

        Returns
        -------
        Tensor of shape (B, T, F)
            All with a leading R for replicas.
        """
        state = self.weight, self.bias, self.running_mean, self.running_var
        if x.ndim == 3:
            return self._one(x, mask, activate, *state)
        rows = None if self.draws is None or not self.training else self.draws.rows
        if mask is None and rows is None:
            found = self._one(side_by_side(x), None, activate, *(part.reshape(-1) for part in state))  # type: ignore[operator]
            return apart(found, len(x))
        # replicas whose real steps differ are normalised one by one
        n_rows = x.shape[1]
        sizes = [n_rows] * len(x) if rows is None else rows
        every = []
        for r, size in enumerate(sizes):
            own = x[r, :size]
            if size:
                real = None if mask is None else mask[r, :size]
                own = self._one(own, real, activate, *(part[r] for part in state))  # type: ignore[index]
            every.append(nn.functional.pad(own, (0, 0, 0, 0, 0, n_rows - size)) if size < n_rows else own)
        return torch.stack(every, dim=2).permute(2, 0, 1, 3)  # in memory (B, T, R, F), as convolutions want it

    def _one(self, x: Tensor, mask: Tensor | None, activate: Activate | None, *state: Any) -> Tensor:
        steps = x.reshape(-1, x.shape[-1])  # (B T, F): for torch's kernel all steps are rows, so nothing is transposed
        index = None if mask is None or not self.training else mask.reshape(-1).nonzero()[:, 0]
        found = self._normalise(steps if index is None else _Take.apply(steps, index), *state)
        if activate is not None:
            found = activate(found)
        return (found if index is None else _Place.apply(found, index, len(steps))).view(x.shape)

    def _normalise(self, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        """For (N, F)."""
        if self.training and len(x) == 1:
            return torch.batch_norm(x, weight, bias, None, None, True, self.momentum, self.eps, False)
        return torch.batch_norm(x, weight, bias, mean, variance, self.training, self.momentum, self.eps, False)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[-1]}, momentum={self.momentum}, eps={self.eps}"


class StepNorm(nn.Module):
    """The features of each step with mean 0 and deviation 1, then scaled and shifted by what is learnt (Ba et al. 2016).

    Parameters
    ----------
    n_features : int
        Features of a step.
    """

    joins = True

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_features))
        self.bias = nn.Parameter(torch.zeros(n_features))

    def forward(self, x: Tensor, mask: Tensor | None, activate: Activate | None = None) -> Tensor:
        """As `BatchNorm`; what stands on padding does not matter to other steps."""
        weight, bias = self.weight, self.bias
        if weight.ndim == 2:  # of replicas
            found = torch.addcmul(bias[:, None, None], nn.functional.layer_norm(x, x.shape[-1:]), weight[:, None, None])
        else:
            found = nn.functional.layer_norm(x, x.shape[-1:], weight, bias)
        return found if activate is None else activate(found)


class _Take(torch.autograd.Function):
    """Some rows, each once; torch's own gradient would add up."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Tensor) -> Tensor:
        ctx.save_for_backward(index)
        ctx.n = len(x)
        return x.index_select(0, index)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors
        return dy.new_zeros(ctx.n, dy.shape[1]).index_copy_(0, index, dy), None


class _Place(torch.autograd.Function):
    """Rows back where they were, zeros between them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Tensor, n: int) -> Tensor:
        ctx.save_for_backward(index)
        return x.new_zeros(n, x.shape[1]).index_copy_(0, index, x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None, None]:
        (index,) = ctx.saved_tensors
        return dy.index_select(0, index), None, None
