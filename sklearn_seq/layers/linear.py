"""Linear layers that replicas can share a product in."""

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Head", "Linear"]


class _BatchedLinear(torch.autograd.Function):
    """``x W^T + b`` for x (R, N, F), W (R, G, F), b (R, G), or all without R: batched products of one shape, one node."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.alone = weight.ndim == 2
        if ctx.alone:
            x, weight, bias = x[None], weight[None], None if bias is None else bias[None]
        rows = x.flatten(1, -2) if x.ndim > 3 else x
        if weight.shape[1] == 1:  # a product with one column rounds by how many stand side by side, a sum does not
            out = (rows * weight).sum(dim=2, keepdim=True)
            out = out if bias is None else out.add_(bias[:, None])
        elif bias is None:
            out = torch.bmm(rows, weight.transpose(1, 2))
        else:
            out = torch.baddbmm(bias[:, None], rows, weight.transpose(1, 2))
        if x.ndim > 3:
            out = out.unflatten(1, x.shape[1:-1])
        return out[0] if ctx.alone else out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        if ctx.alone:
            x, weight, dy = x[None], weight[None], dy[None]
        rows = dy.reshape(len(dy), -1, dy.shape[-1]) if dy.ndim > 3 else dy
        dx = torch.bmm(rows, weight).view(x.shape) if ctx.needs_input_grad[0] else None
        dw = torch.bmm(rows.transpose(1, 2), x.reshape(len(x), -1, x.shape[-1]) if x.ndim > 3 else x)
        found = dx, dw, rows.sum(dim=1) if ctx.needs_input_grad[2] else None
        return tuple(None if one is None else one[0] for one in found) if ctx.alone else found


class Linear(nn.Linear):
    """As torch's; in training as a batched product, so that a replica has the bits that it has alone."""

    joins = True

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or torch.is_autocast_enabled(x.device.type):
            return super().forward(x)
        return _BatchedLinear.apply(x, self.weight, self.bias)


class Head(Linear):
    """A linear layer whose answer for a row does not depend on the rows beside it.

    In evaluation it sums in float64 and rounds once, so that the order of summation, which products of matrices choose
    by the number of rows, does not show.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return super().forward(x)
        return nn.functional.linear(x.double(), self.weight.double(), self.bias.double()).to(x.dtype)
