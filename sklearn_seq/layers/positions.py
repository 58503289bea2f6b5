"""Where a step stands, told to layers that see steps as a set."""

from typing import Any

import torch
from torch import Tensor

__all__ = ["angles", "rotate", "sinusoids"]

_LONGEST_WAVE = 10_000.0


def angles(steps: Tensor, size: int) -> Tensor:
    """The angle of each step on each of ``size // 2`` clocks, from one radian a step down to nearly none.

    Parameters
    ----------
    steps : Tensor of shape (T,)
        Positions.
    size : int
        Features that the angles are for; two of them share a clock.

    Returns
    -------
    Tensor of float64 of shape (T, size // 2)
    """
    clocks = torch.arange(0, size - 1, 2, dtype=torch.float64, device=steps.device) / size
    return steps.double()[:, None] * _LONGEST_WAVE**-clocks


def sinusoids(steps: Tensor, size: int) -> Tensor:
    """Sine and cosine of the angles of each step (Vaswani et al. 2017), side by side.

    Parameters
    ----------
    steps : Tensor of shape (T,)
    size : int
        Features.

    Returns
    -------
    Tensor of float64 of shape (T, size)
    """
    found = angles(steps, size + size % 2)
    return torch.cat([found.sin(), found.cos()], dim=-1)[:, :size]


def rotate(x: Tensor, turn: Tensor) -> Tensor:
    """Turn pairs of features by the angles of their step (Su et al. 2021), so that products tell distances alone.

    Parameters
    ----------
    x : Tensor of shape (..., T, D)
        The first half of the features is paired with the second.
    turn : Tensor of shape (2, T, D // 2)
        Cosine and sine of the angles.

    Returns
    -------
    Tensor of shape (..., T, D)
    """
    return _Rotate.apply(x, turn)


class _Rotate(torch.autograd.Function):
    """A rotation, whose gradient is turned back by the same angles."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, turn: Tensor) -> Tensor:
        ctx.save_for_backward(turn)
        cos, sin = turn
        return _turned(x, cos, sin)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None]:
        cos, sin = ctx.saved_tensors[0]
        return _turned(dy, cos, -sin), None


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    left, right = out.chunk(2, dim=-1)
    torch.mul(first, cos, out=left).addcmul_(second, sin, value=-1.0)
    torch.mul(second, cos, out=right).addcmul_(first, sin)
    return out
