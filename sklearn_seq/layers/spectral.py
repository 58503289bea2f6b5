"""Convolutions over time and features, for sequences whose features stand in an order: spectra."""

from typing import Any

import torch
from torch import Tensor, nn

from sklearn_seq.layers.convolution import Conv
from sklearn_seq.layers.dropout import Dropout
from sklearn_seq.layers.masks import zero_padding
from sklearn_seq.layers.normalisation import BatchNorm

__all__ = ["PlaneBlock", "SpectrogramNet"]


class PlaneBlock(nn.Module):
    """A convolution over time and features, the largest value of each pool, normalised over the real steps and rectified.

    Parameters
    ----------
    n_channels, out_channels : int
    kernel_size : int
        Steps and features that a filter looks at, an odd number.
    pool_steps, pool_features : int
        How many become one.
    """

    def __init__(
        self, n_channels: int, out_channels: int, kernel_size: int, pool_steps: int, pool_features: int
    ) -> None:
        super().__init__()
        self.pool = (pool_steps, pool_features)
        self.conv = nn.Conv2d(n_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")
        self.norm = BatchNorm(out_channels)

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Planes (B, C, T, M), zeros on padding, and the mask (B, T) of their steps."""
        x = self.conv(x)
        if self.pool != (1, 1):  # before the normalisation, which then has a quarter of the work
            if mask is not None and self.pool[0] > 1:
                x = _Beyond.apply(x, mask, self.pool[0])
                mask = mask[:, :: self.pool[0]]
            x = nn.functional.max_pool2d(x, self.pool, ceil_mode=True)
        n_rows, n_channels, n_steps, n_features = x.shape
        every = None if mask is None else mask[:, :, None].expand(-1, -1, n_features).reshape(n_rows, -1)
        flat = x.permute(0, 2, 3, 1).reshape(n_rows, n_steps * n_features, n_channels)  # steps and features are rows
        flat = self.norm(flat, every, torch.relu_)
        flat = flat if self.training else zero_padding(flat, every)  # in training the norm leaves zeros there
        return flat.view(n_rows, n_steps, n_features, n_channels).permute(0, 3, 1, 2), mask


class _Beyond(torch.autograd.Function):
    """Minus infinity, in place, on the steps of padding that share a pool with a real step: they never win there."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mask: Tensor, size: int) -> Tensor:
        lengths = mask.sum(dim=1)
        steps = torch.arange(mask.shape[1], device=x.device)
        rows = ((steps >= lengths[:, None]) & (steps < (lengths[:, None] + size - 1) // size * size)).nonzero()
        x.permute(0, 2, 3, 1)[rows[:, 0], rows[:, 1]] = -torch.inf
        ctx.mark_dirty(x)
        return x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None, None]:
        return dy, None, None  # the pool gives no gradient to what never wins


class SpectrogramNet(nn.Module):
    """A network over spectra as planes of time and bands: blocks of convolutions with pools, then one along time.

    Parameters
    ----------
    n_features : int
        Features of the input, in their order; ``n_planes`` times as many as there are bands.
    n_planes : int
        Planes that the features are, one behind the other.
    widths : sequence of int
        Filters of each block.
    kernel_size : int
        An odd number.
    stride : int
        Steps of the input for one of the output, a power of two; the first blocks halve time.
    hidden_size : int
        Features of the output.
    dropout : float
        Between blocks and the last convolution.
    """

    def __init__(
        self,
        n_features: int,
        *,
        n_planes: int,
        widths: list[int],
        kernel_size: int,
        stride: int,
        hidden_size: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.n_planes = n_planes
        n_bands, left = n_features // n_planes, stride
        blocks: list[nn.Module] = []
        for before, width in zip([n_planes, *widths], widths, strict=False):
            pool_steps, pool_features = (2 if left > 1 else 1), (2 if n_bands > 1 else 1)
            if len(blocks) == len(widths) - 1:
                pool_steps = left  # what the blocks before have left to do
            blocks.append(PlaneBlock(before, width, kernel_size, pool_steps, pool_features))
            left //= pool_steps
            n_bands = -(-n_bands // pool_features)
        self.blocks = nn.ModuleList(blocks)
        self.dropout = Dropout(dropout)
        self.last = Conv(widths[-1] * n_bands, hidden_size, 3, bias=False)
        self.norm = BatchNorm(hidden_size)
        self.out_features, self.steps_per_token = hidden_size, stride

    def forward(self, x: Tensor, mask: Tensor | None, state: Any = None) -> tuple[Tensor, Tensor | None, None]:
        """(B, T, F) to (B, T', H), T' is T by the stride, rounded up."""
        rows = x[..., None] if self.n_planes == 1 else x.unflatten(2, (self.n_planes, -1)).transpose(2, 3).contiguous()
        planes = rows.permute(0, 3, 1, 2)  # (B, planes, T, bands), channels last in memory
        for block in self.blocks:
            planes, mask = block(planes, mask)
        hidden = planes.permute(0, 2, 3, 1).flatten(2)  # (B, T', bands C)
        hidden = self.last(self.dropout(hidden), mask)
        return zero_padding(self.norm(hidden, mask, torch.relu_), mask), mask, None
