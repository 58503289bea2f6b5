"""Convolutions along time over ragged batches: what is padding counts as the zeros that lie beyond a sequence's end.

Our layout (B, T, F) is what torch calls channels-last for an image of height 1, so nothing is transposed on the way to its
kernels, which are the faster ones on a CPU, most of all for wide filters (docs/benchmarks.md, "Convolutions"). The replicas of a
joint training stand side by side in the features, (B, T, R F), as groups of one convolution; memory stays so from layer to
layer, and (R, B, T, F) is a view of it.
"""

from typing import Any

import torch
from torch import Tensor, nn

from sklearn_seq.layers.masks import zero_padding

__all__ = ["Conv", "MaxWindow", "apart", "beside", "side_by_side"]

# What one convolution may take, in operations a time step, for several replicas to gain by sharing it; beyond, a processor
# is busy with one. By width and rows a step: 8 and 64, 16 and 16. A judgement from trials; docs/benchmarks.md has ensembles of width
# 8 alone.
_SHARED = 1e5


def side_by_side(x: Tensor) -> Tensor:
    """(R, B, T, F) -> (B, T, R F), a view where memory is laid out so; (B, T, F) as it is."""
    return x if x.ndim == 3 else x.permute(1, 2, 0, 3).flatten(2)


def apart(x: Tensor, n_replicas: int | None) -> Tensor:
    """(B, T, R F) -> (R, B, T, F), a view; as it is for None."""
    return x if n_replicas is None else x.unflatten(2, (n_replicas, -1)).permute(2, 0, 1, 3)


def beside(parts: list[Tensor]) -> Tensor:
    """Features of several layers joined, (..., B, T, F1 + F2 + ...), in memory as replicas stand side by side."""
    if len(parts) == 1:
        return parts[0]
    if parts[0].ndim == 3:
        return torch.cat(parts, dim=-1)
    return torch.cat([part.permute(1, 2, 0, 3) for part in parts], dim=-1).permute(2, 0, 1, 3)


def _as_image(x: Tensor) -> Tensor:
    """(B, T, F) -> (B, F, 1, T), a view."""
    return x.unsqueeze(1).permute(0, 3, 1, 2)


def _as_sequence(x: Tensor) -> Tensor:
    """(B, F, 1, T) -> (B, T, F), a view."""
    return x.permute(0, 2, 3, 1).squeeze(1)


class Conv(nn.Module):
    """A convolution along time, with as many steps as its input, or one for every ``stride`` of them.

    Parameters
    ----------
    n_features : int
        Features of the input.
    out_features : int
        Filters.
    kernel_size : int
        Steps a filter looks at. The middle one is the step of the output; of an even number the one left of the middle, as
        for torch's ``padding="same"``.
    stride : int
        The output has steps 0, stride, 2 stride, ... of a sequence.
    dilation : int
        Steps from one that is looked at to the next.
    groups : int
        Parts into which features and filters are divided; as many as features is a depthwise convolution.
    causal : bool
        Whether the last step that is looked at is that of the output, so that the future never moves the past.
    bias : bool
        Whether filters have one; needless before a normalisation.
    weight_norm : bool
        Whether filters are trained as a direction and a length (Salimans and Kingma 2016).

    Attributes
    ----------
    weight : Parameter of shape (out_features, n_features / groups, kernel_size)
        As that of torch's Conv1d.
    bias : Parameter of shape (out_features,), or None
    gain : Parameter of shape (out_features, 1, 1), or None
        Lengths of the filters.
    """

    joins = True

    def __init__(
        self,
        n_features: int,
        out_features: int,
        kernel_size: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        causal: bool = False,
        bias: bool = True,
        weight_norm: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.dilation = kernel_size, stride, dilation
        self.groups, self.causal = groups, causal
        reach = dilation * (kernel_size - 1)
        self.left = reach if causal else reach // 2  # zeros before the first step
        self.right = reach - self.left
        self.weight = nn.Parameter(torch.empty(out_features, n_features // groups, kernel_size))
        self.bias = nn.Parameter(torch.empty(out_features)) if bias else None
        self.gain = nn.Parameter(torch.empty(out_features, 1, 1)) if weight_norm else None
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Glorot and Bengio (2010), as the networks of the papers began; zero biases."""
        nn.init.xavier_uniform_(self.weight)
        if self.bias is not None:
            self.bias.zero_()
        if self.gain is not None:
            self.gain.copy_(torch.linalg.vector_norm(self.weight, dim=(-2, -1), keepdim=True))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Convolve.

        Parameters
        ----------
        x : Tensor of shape (B, T, F)
            Whatever stands on padding is not looked at.
        mask : Tensor of bool of shape (B, T), or None

        Returns
        -------
        Tensor of shape (B, T', out_features)
            T' is T, by the stride and rounded up; `shorten` gives its mask. All with a leading R for replicas.
        """
        weight = self.weight
        if self.gain is not None:
            weight = weight * (self.gain / torch.linalg.vector_norm(weight, dim=(-2, -1), keepdim=True))
        n_replicas = len(x) if x.ndim == 4 else None
        return apart(self._convolve(side_by_side(zero_padding(x, mask)), weight, self.bias), n_replicas)

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """For (B, T, F), or (B, T, R F) and weights (R, ...)."""
        weight, left, right = self._within(weight, x.shape[1])
        groups = self.groups
        if weight.ndim == 4:
            groups *= len(weight)
            weight, bias = weight.flatten(0, 1), None if bias is None else bias.flatten()
        beside = left if left == right else 0
        if left != right:  # written out: torch's own way for uneven padding is slow
            x = nn.functional.pad(x, (0, 0, left, right))
        # one that is wider than any sequence is no number for torch, and one tap has none
        dilation = self.dilation if weight.shape[-1] > 1 else 1
        out = torch.conv2d(
            _as_image(x), weight.unsqueeze(-2), bias, (1, self.stride), (0, beside), (1, dilation), groups
        )
        return _as_sequence(out)

    def _within(self, weight: Tensor, n_timesteps: int) -> tuple[Tensor, int, int]:
        """The part of the filters that can meet a step of sequences so short, and the zeros on both sides; fewer than none are
        steps that are left out.
        """
        far = n_timesteps - 1  # from a step to another one
        cut, behind = (max(0, -((far - side) // self.dilation)) for side in (self.left, self.right))
        if cut + behind >= self.kernel_size:  # the middle of an even number lies between two, both of them beyond
            return weight[..., :1], n_timesteps, -n_timesteps
        if cut or behind:
            weight = weight[..., cut : self.kernel_size - behind]
        return weight, self.left - cut * self.dilation, self.right - behind * self.dilation

    def shorten(self, mask: Tensor | None) -> Tensor | None:
        """The mask of the output."""
        return mask if mask is None or self.stride == 1 else mask[..., :: self.stride]

    def sharing_pays(self, n_rows: int) -> bool:
        """Whether replicas with batches of ``n_rows`` gain by standing side by side."""
        return 2 * self.weight.numel() * n_rows <= _SHARED

    def extra_repr(self) -> str:
        out, inside, size = self.weight.shape[-3:]
        return (
            f"{inside * self.groups}, {out}, kernel_size={size}, stride={self.stride}, dilation={self.dilation}, "
            f"groups={self.groups}, causal={self.causal}, bias={self.bias is not None}"
        )


class MaxWindow(nn.Module):
    """The largest value of each feature in a window around every step, among the steps that are real.

    Parameters
    ----------
    size : int
        Steps of the window, an odd number.
    """

    joins = True

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        n_replicas = len(x) if x.ndim == 4 else None
        if mask is not None:
            x = x.masked_fill(~mask[..., None], -torch.inf)
        image = _as_image(side_by_side(x))
        most: Any = nn.functional.max_pool2d(image, (1, self.size), (1, 1), (0, self.size // 2))
        return zero_padding(apart(_as_sequence(most), n_replicas), mask)  # (..., B, T, F)
