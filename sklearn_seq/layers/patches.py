"""Long sequences as fewer tokens: each token reads a stretch of steps."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from sklearn_seq.layers.linear import Linear
from sklearn_seq.layers.masks import zero_padding

__all__ = ["Patches", "TokenLinear", "rounds_late"]


class TokenLinear(Linear):
    """A linear layer whose answer for a token hardly ever depends on how many there are, by a single bit if it does.

    In evaluation on a CPU it sums in float64 and rounds once, as `Head` does: blocks of attention normalise what they read,
    which blows up what rounding differs by.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.training or not rounds_late(x):
            return super().forward(x)
        return functional.linear(x.double(), self.weight.double(), self.bias.double()).to(x.dtype)


def rounds_late(x: Tensor) -> bool:
    """Whether products are computed in float64 in evaluation."""
    return x.dtype == torch.float32 and x.device.type == "cpu" and not torch.is_autocast_enabled("cpu")


class Patches(nn.Module):
    """A linear layer over stretches of ``length`` steps, one every ``stride`` steps (Nie et al. 2023).

    Token i ends with step ``(i + 1) * stride - 1``, so that it stands for ``stride`` steps, looks back over the ``length`` steps
    before its end, and never ahead of it. What lies before the first step is zero, and so is what lies behind the last one: a
    token is real when one of its own ``stride`` steps is, and padding that batch mates need does not change it.

    Parameters
    ----------
    n_features : int
        Features of a step.
    out_features : int
        Features of a token.
    length : int
        Steps that a token reads.
    stride : int
        Steps that it stands for; not above ``length``.
    """

    joins = True

    def __init__(self, n_features: int, out_features: int, length: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.length, self.stride = length, stride
        self.project = TokenLinear(length * n_features, out_features)

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Make tokens of steps.

        Parameters
        ----------
        x : Tensor of shape (B, T, F)
        mask : Tensor of bool of shape (B, T), or None

        Returns
        -------
        tokens : Tensor of shape (B, L, H)
            With L the number of steps divided by ``stride``, rounded up.
        mask : Tensor of bool of shape (B, L), or None
            All with a leading R for replicas.
        """
        x = zero_padding(x, mask)
        if self.length > 1 or self.stride > 1:
            before, behind = self.length - self.stride, -x.shape[-2] % self.stride
            x = functional.pad(x, (0, 0, before, behind))
            x = x.unfold(-2, self.length, self.stride).transpose(-2, -1).flatten(-2)  # (..., B, L, length F)
        # a sequence's padding stands behind it: the first of a token's steps says whether any is real
        return self.project(x), mask if mask is None or self.stride == 1 else mask[..., :: self.stride]
