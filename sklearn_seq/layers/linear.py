"""Linear layers that replicas can share a product in."""

import torch
from torch import Tensor, nn

__all__ = ["Head", "Linear"]


class Linear(nn.Linear):
    """As torch's; in training as a batched product, so that a replica has the bits that it has alone."""

    joins = True

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        weight, bias, rows = self.weight, self.bias, x
        alone = weight.ndim == 2
        if alone:
            weight, rows = weight[None], x[None]
            bias = None if bias is None else bias[None]
        product = rows.flatten(1, -2), weight.transpose(1, 2)
        out = torch.bmm(*product) if bias is None else torch.baddbmm(bias[:, None], *product)  # (R, rows, G)
        out = out.unflatten(1, rows.shape[1:-1])
        return out[0] if alone else out


class Head(Linear):
    """A linear layer whose answer for a row does not depend on the rows beside it.

    In evaluation it sums in float64 and rounds once, so that the order of summation, which products of matrices choose
    by the number of rows, does not show.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return super().forward(x)
        return torch.addmm(self.bias.double(), x.double(), self.weight.double().t()).to(x.dtype)
