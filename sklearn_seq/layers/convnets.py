"""Convolutional networks as bodies: ``forward(x, mask, state=None) -> (hidden, mask, None)``, with ``out_features``."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_seq.layers.convolution import Conv, MaxWindow, beside
from sklearn_seq.layers.dropout import Dropout
from sklearn_seq.layers.linear import Linear
from sklearn_seq.layers.normalisation import Activate, BatchNorm, StepNorm
from sklearn_seq.layers.pooling import MeanPool

__all__ = ["FCN", "LITE", "TCN", "Inception", "PreActivation", "ResNet", "growing"]

_WIDEST = 40  # logarithm of a dilation, beyond which numbers might overflow

ACTIVATIONS: dict[str, Activate] = {
    "relu": torch.relu_,  # in place: normalisation does not need what it gave
    "gelu": nn.functional.gelu,
    "silu": nn.functional.silu,
}

Answer = tuple[Tensor, Tensor | None, None]


class ConvNorm(nn.Module):
    """A convolution and its batch normalisation.

    Parameters
    ----------
    n_features, out_features, kernel_size : int
    **options
        As of `Conv`.
    """

    joins = True

    def __init__(self, n_features: int, out_features: int, kernel_size: int, **options: Any) -> None:
        super().__init__()
        self.conv = Conv(n_features, out_features, kernel_size, bias=False, **options)
        self.norm = BatchNorm(out_features)

    def forward(self, x: Tensor, mask: Tensor | None, activate: Activate | None = None) -> Tensor:
        return self.norm(self.conv(x, mask), mask, activate)


class FCN(nn.Module):
    """Fully convolutional network (Wang, Yan and Oates 2017): three convolutions, normalised and rectified.

    Parameters
    ----------
    n_features : int
        Features of the input.
    widths : sequence of int
        Filters of each layer.
    kernel_sizes : sequence of int
        Of each layer.
    """

    joins = True

    def __init__(self, n_features: int, widths: Sequence[int], kernel_sizes: Sequence[int]) -> None:
        super().__init__()
        pairs = pairwise([n_features, *widths])
        self.layers = nn.ModuleList(ConvNorm(*pair, size) for pair, size in zip(pairs, kernel_sizes, strict=True))
        self.out_features = widths[-1]

    def forward(self, x: Tensor, mask: Tensor | None, state: Any = None) -> Answer:
        for layer in self.layers:
            x = layer(x, mask, torch.relu_)
        return x, mask, None


class ResNet(nn.Module):
    """Residual network (Wang, Yan and Oates 2017): an `FCN` a block, and a way around each.

    Parameters
    ----------
    n_features : int
        Features of the input.
    widths : sequence of int
        Filters of each block.
    kernel_sizes : sequence of int
        Of the layers of a block.
    """

    joins = True

    def __init__(self, n_features: int, widths: Sequence[int], kernel_sizes: Sequence[int]) -> None:
        super().__init__()
        pairs = list(pairwise([n_features, *widths]))
        self.blocks = nn.ModuleList(FCN(before, [width] * len(kernel_sizes), kernel_sizes) for before, width in pairs)
        self.ways = nn.ModuleList(
            BatchNorm(width) if before == width else ConvNorm(before, width, 1) for before, width in pairs
        )
        self.out_features = widths[-1]

    def forward(self, x: Tensor, mask: Tensor | None, state: Any = None) -> Answer:
        for block, way in zip(self.blocks, self.ways, strict=True):
            *first, last = block.layers  # type: ignore[misc]
            inside = x
            for layer in first:
                inside = layer(inside, mask, torch.relu_)
            x = torch.relu_(last(inside, mask) + way(x, mask))
        return x, mask, None


class InceptionModule(nn.Module):
    """Convolutions of several kernels and a maximum side by side (Ismail Fawaz et al. 2020).

    Parameters
    ----------
    n_features : int
        Features of the input.
    width : int
        Filters of each of the parts.
    bottleneck : int
        Features that kernels look at, mixed from those of the input where it has more than one.
    kernel_sizes : sequence of int
    """

    joins = True

    def __init__(self, n_features: int, width: int, bottleneck: int, kernel_sizes: Sequence[int]) -> None:
        super().__init__()
        inside = bottleneck if n_features > 1 else n_features
        self.bottleneck = Conv(n_features, inside, 1, bias=False) if n_features > 1 else None
        self.convs = nn.ModuleList(Conv(inside, width, size, bias=False) for size in kernel_sizes)
        self.largest = MaxWindow(3)
        self.mix = Conv(n_features, width, 1, bias=False)
        self.out_features = width * (len(kernel_sizes) + 1)
        self.norm = BatchNorm(self.out_features)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        inside = x if self.bottleneck is None else self.bottleneck(x, mask)
        parts = [conv(inside, mask) for conv in self.convs]
        parts.append(self.mix(self.largest(x, mask), mask))
        return self.norm(beside(parts), mask, torch.relu_)


class Inception(nn.Module):
    """The network of InceptionTime (Ismail Fawaz et al. 2020): modules, and a way around every three.

    Parameters
    ----------
    n_features : int
        Features of the input.
    width : int
        Filters of each part of a module.
    bottleneck : int
        Features that the kernels of a module look at.
    kernel_sizes : sequence of int
        Of a module.
    n_modules : int
    """

    joins = True
    _apart = 3  # modules a way around leads past

    def __init__(
        self, n_features: int, width: int, bottleneck: int, kernel_sizes: Sequence[int], n_modules: int
    ) -> None:
        super().__init__()
        self.out_features = width * (len(kernel_sizes) + 1)
        before = [n_features] + [self.out_features] * (n_modules - 1)
        self.inceptions = nn.ModuleList(InceptionModule(n, width, bottleneck, kernel_sizes) for n in before)
        ends = range(self._apart, n_modules + 1, self._apart)
        self.ways = nn.ModuleList(ConvNorm(before[end - self._apart], self.out_features, 1) for end in ends)

    def forward(self, x: Tensor, mask: Tensor | None, state: Any = None) -> Answer:
        left = x  # where the next way around begins
        for i, module in enumerate(self.inceptions):
            x = module(x, mask)
            if i % self._apart == self._apart - 1:
                x = left = torch.relu_(x + self.ways[i // self._apart](left, mask))
        return x, mask, None


class TrendFilters(nn.Module):
    """Fixed filters for rises, falls and peaks of several lengths (Ismail-Fawaz et al. 2022).

    A rise or fall is found by a filter of alternating signs, a peak by one of three parabolas, the middle one up and twice as
    high; each sums to zero. Features are added up.

    Parameters
    ----------
    n_features : int
        Features of the input.
    lengths : sequence of int
        Of the filters for rises and for falls, even numbers.
    peaks : sequence of int
        Of those for peaks, multiples of 6.
    """

    joins = True

    def __init__(self, n_features: int, lengths: Sequence[int], peaks: Sequence[int]) -> None:
        super().__init__()
        filters = [sign * torch.tensor([-1.0, 1.0]).repeat(n // 2) for n in lengths for sign in (1.0, -1.0)]
        for n in peaks:
            third = torch.linspace(-1.0, 1.0, n // 3 + 2)[1:-1].square().neg().add(1.0)
            filters.append(torch.cat([-third, 2.0 * third, -third]) / third.sum())
        self.longest = max(len(one) for one in filters)
        every = torch.zeros(len(filters), n_features, self.longest)
        for row, one in zip(every, filters, strict=True):
            begin = (self.longest - 1) // 2 - (len(one) - 1) // 2  # so that the middle is the same step for all
            row[:, begin : begin + len(one)] = one
        self.conv = Conv(n_features, len(filters), self.longest, bias=False)
        del self.conv.weight
        self.conv.register_buffer("weight", every)
        self.out_features = len(filters)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        return self.conv(x, mask)


class LITE(nn.Module):
    """Light network with fixed filters (Ismail-Fawaz et al. 2023): learnt filters of three kernels and `TrendFilters` side by
    side, then depthwise separable convolutions, each with a kernel half as long and a dilation twice as wide as before.

    Parameters
    ----------
    n_features : int
        Features of the input.
    width : int
        Filters of each part.
    kernel_sizes : sequence of int
        Of the first layer, the longest first; those of the other layers are the shorter ones.
    """

    joins = True

    def __init__(self, n_features: int, width: int, kernel_sizes: Sequence[int]) -> None:
        super().__init__()
        self.fixed = TrendFilters(n_features, [2, 4, 8, 16, 32, 64], [6, 12, 24, 48, 96])
        self.convs = nn.ModuleList(Conv(n_features, width, size, bias=False) for size in kernel_sizes)
        first = width * len(kernel_sizes) + self.fixed.out_features
        self.norm = BatchNorm(first)
        before = [first] + [width] * (len(kernel_sizes) - 2)
        self.depthwise = nn.ModuleList(
            Conv(n, n, size, groups=n, dilation=2 ** (i + 1), bias=False)
            for i, (n, size) in enumerate(zip(before, kernel_sizes[1:], strict=True))
        )
        self.pointwise = nn.ModuleList(ConvNorm(n, width, 1) for n in before)
        self.out_features = width

    def forward(self, x: Tensor, mask: Tensor | None, state: Any = None) -> Answer:
        parts = [conv(x, mask) for conv in self.convs]
        x = self.norm(beside([self.fixed(x, mask), *parts]), mask, torch.relu_)
        for depthwise, pointwise in zip(self.depthwise, self.pointwise, strict=True):
            x = pointwise(depthwise(x, mask), mask, torch.relu_)
        return x, mask, None


class TCN(nn.Module):
    """Temporal convolutional network (Bai, Kolter and Koltun 2018): causal residual blocks, each with twice the dilation of the
    one before, and weight normalisation.

    Parameters
    ----------
    n_features : int
        Features of the input.
    width : int
        Filters of a layer.
    kernel_size : int
    n_blocks : int
        Of two convolutions each.
    dropout : float
        Behind each convolution.
    """

    joins = True

    def __init__(self, n_features: int, width: int, kernel_size: int, n_blocks: int, dropout: float) -> None:
        super().__init__()
        before = [n_features] + [width] * (n_blocks - 1)
        self.first, self.second = (
            nn.ModuleList(
                Conv(n, width, kernel_size, dilation=2**i, causal=True, weight_norm=True) for i, n in enumerate(widths)
            )
            for widths in (before, [width] * n_blocks)
        )
        self.way = Conv(n_features, width, 1) if n_features != width else None
        self.dropout = Dropout(dropout)
        self.out_features = width

    @property
    def receptive_field(self) -> int:
        """How many steps, the last one included, an output looks back at."""
        convs: list[Any] = [*self.first, *self.second]
        return 1 + sum(conv.left for conv in convs)

    def forward(self, x: Tensor, mask: Tensor | None, state: Any = None) -> Answer:
        for i, (first, second) in enumerate(zip(self.first, self.second, strict=True)):
            inside = self.dropout(torch.relu(first(x, mask)))
            inside = self.dropout(torch.relu(second(inside, mask)))
            x = torch.relu_(inside + (self.way(x, mask) if i == 0 and self.way is not None else x))
        return x, mask, None


def growing(growth: float, n: int) -> list[int]:
    """Dilations of ``n`` blocks: powers of a number, rounded; those wider than any sequence are alike."""
    return [round(growth**i) if i * math.log2(growth) < _WIDEST else 2**_WIDEST for i in range(n)]


class SqueezeExcitation(nn.Module):
    """A gate for each feature of a sequence, from 0 to 2, by the means of all features over its real steps (Hu et al. 2018).

    Parameters
    ----------
    n_features : int
    """

    joins = True

    def __init__(self, n_features: int) -> None:
        super().__init__()
        inside = max(1, n_features // 4)
        self.mean, self.squeeze, self.excite = MeanPool(), Linear(n_features, inside), Linear(inside, n_features)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        inside = torch.relu(self.squeeze(self.mean(x, mask)))
        gate = 2.0 * torch.sigmoid(
            self.excite(inside)
        )  # about 1 to begin with, so that nothing fades from block to block
        return x * gate[..., None, :]  # (..., B, T, F)


class PreActivation(nn.Module):
    """A residual network behind kernels of several lengths on the input; each block has a wider dilation than the one before.

    A block is twice normalisation, activation and a convolution (He et al. 2016); a single one is normalisation, a convolution,
    activation and a linear layer over the filters of each step, after which nothing is activated (Liu et al. 2022). Gates stand
    behind the last convolution of a block.

    Parameters
    ----------
    n_features : int
        Features of the input.
    width : int
        Filters of a layer.
    kernel_size : int
        Of the blocks.
    stem : sequence of int
        Kernels on the input, which share the filters of the first layer.
    dilations : sequence of int
        Of each block.
    stride : int
        Steps from one output to the next.
    activation : {"relu", "gelu", "silu"}
    dropout : float
        Between the layers of a block.
    norm : {"batch", "layer"}
        Over the steps of a batch, or over the features of each step.
    single : bool
        Whether blocks have one convolution in place of two.
    gates : bool
        Whether each block has a `SqueezeExcitation`.
    """

    joins = True

    def __init__(
        self,
        n_features: int,
        width: int,
        kernel_size: int,
        *,
        stem: Sequence[int],
        dilations: Sequence[int],
        stride: int = 1,
        activation: str = "relu",
        dropout: float = 0.0,
        norm: str = "batch",
        single: bool = False,
        gates: bool = False,
    ) -> None:
        super().__init__()
        shares = [width // len(stem) + (i < width % len(stem)) for i in range(len(stem))]
        self.stem = nn.ModuleList(
            Conv(n_features, share, size, stride=stride, bias=False)
            for share, size in zip(shares, stem, strict=True)
            if share
        )
        kind = BatchNorm if norm == "batch" else StepNorm
        self.norms = nn.ModuleList(kind(width) for _ in range((1 if single else 2) * len(dilations) + 1))
        self.convs = nn.ModuleList(
            Conv(width, width, size, dilation=dilation, bias=single)
            for dilation in dilations
            for size in (kernel_size, 1 if single else kernel_size)
        )
        self.gates = nn.ModuleList(SqueezeExcitation(width) for _ in dilations) if gates else None
        self.activation, self.single = activation, single
        self.dropout = Dropout(dropout)
        self.out_features, self.steps_per_token = width, stride

    def forward(self, x: Tensor, mask: Tensor | None, state: Any = None) -> Answer:
        x = beside([conv(x, mask) for conv in self.stem])
        first: Any = self.stem[0]
        mask = first.shorten(mask)
        *norms, last = self.norms
        activate = ACTIVATIONS[self.activation]
        if self.single:
            for i, (norm, conv, point) in enumerate(zip(norms, self.convs[::2], self.convs[1::2], strict=True)):
                inside = self._gated(activate(conv(norm(x, mask), mask)), mask, i)
                x = x + point(self.dropout(inside), None)  # of each step by itself, so that padding need not be zero
            return last(x, mask), mask, None
        inside = x
        for i, (norm, conv) in enumerate(zip(norms, self.convs, strict=True)):
            inside = norm(inside, mask, activate)
            inside = conv(self.dropout(inside) if i % 2 else inside, mask)
            if i % 2:
                x = inside = x + self._gated(inside, mask, i // 2)
        return last(x, mask, activate), mask, None

    def _gated(self, x: Tensor, mask: Tensor | None, block: int) -> Tensor:
        return x if self.gates is None else self.gates[block](x, mask)
