"""Likelihoods: how probable the steps of a sequence are, given what a decoder says of them.

A likelihood is a module over the decoder's hidden steps: ``numbers(hidden)`` gives its parameters (B, T, P), ``log_density``
of them and of the data a number a step (B, T) in the units of the data, ``center`` the value that it expects, ``draw`` values of
flat steps with their numbers in their sequences. All data are as they were given, so each likelihood brings what it needs of
their scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_seq.layers.linear import Head

__all__ = ["Bernoulli", "Categorical", "CodeInput", "Gaussian"]

# Deviations stay between these, in units of the feature's deviation, so that what is hit exactly has a finite density.
_LOG_DEVIATION = (-6.0, 4.0)
_HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)
_LEAST_VARIANCE = 1e-6  # of what is new in a step, as a share of the whole


def _known(x: Tensor, mask: Tensor | None) -> Tensor:
    """Where there is a value: no padding, not missing. (B, T, F)"""
    there = ~torch.isnan(x)
    return there if mask is None else there & mask[..., None]


class Gaussian(nn.Module):
    """Normal about a mean that is decoded, with a deviation a feature or a step; the differences may last.

    With ``lasting`` the differences from the mean, in units of their deviation, are a stationary first-order autoregression
    in each feature, so that the density of a step is that given the steps before it. Across k - 1 missing steps a
    difference has weight rho ** k, and what is new the variance 1 - rho ** (2 k), which is exact.

    Parameters
    ----------
    n_hidden : int
        Features of the decoder's steps.
    n_features : int
        Features of the data.
    scaling : InputScaling
        Of the data: means and deviations are learnt in its units.
    deviation : {"feature", "step"}
        One deviation for each feature; or one decoded for each step and feature.
    lasting : bool
        Whether differences from the mean last.
    """

    def __init__(self, n_hidden: int, n_features: int, scaling: Any, deviation: str, lasting: bool = False) -> None:
        super().__init__()
        self.n_features, self.by_step = n_features, deviation == "step"
        self._scaling = [scaling]  # in a list: it is the network's own layer, not one of this one
        self.head = Head(n_hidden, n_features * (2 if self.by_step else 1))
        if not self.by_step:
            self.log_deviation = nn.Parameter(torch.zeros(n_features))
        self.bond = nn.Parameter(torch.zeros(n_features)) if lasting else None

    def numbers(self, hidden: Tensor) -> Tensor:
        """Mean and logarithm of the deviation, both in units of the scaling, (B, T, 2 F)."""
        found = self.head(hidden)
        if self.by_step:
            return torch.cat(
                [found[..., : self.n_features], found[..., self.n_features :].clamp(*_LOG_DEVIATION)], dim=-1
            )
        return torch.cat([found, self.log_deviation.clamp(*_LOG_DEVIATION).expand_as(found)], dim=-1)

    def log_density(self, numbers: Tensor, x: Tensor, mask: Tensor | None) -> Tensor:
        """Of each step, summed over its features; missing values and padding have none. (B, T)"""
        scaling = self._scaling[0]
        there = _known(x, mask)
        scaled = torch.where(there, x, 0.0) * scaling.factor + scaling.shift
        mean, log_deviation = numbers.to(scaled.dtype).chunk(2, dim=-1)
        away = (scaled - mean) * torch.exp(-log_deviation)  # (B, T, F)
        each = -log_deviation - _HALF_LOG_TAU + scaling.factor.abs().log()
        if self.bond is None:
            each = each - 0.5 * away**2
        else:
            before, weight = self._before(away, there, torch.sigmoid(self.bond))
            variance = (1.0 - weight**2).clamp(min=_LEAST_VARIANCE)
            each = each - 0.5 * ((away - weight * before) ** 2 / variance + variance.log())
        return torch.where(there, each, 0.0).sum(dim=-1)

    @staticmethod
    def _before(away: Tensor, there: Tensor, rho: Tensor) -> tuple[Tensor, Tensor]:
        """The last known difference before each step, and how much of it lasts: 0 where there is none. (B, T, F) both"""
        steps = torch.arange(away.shape[1], device=away.device)[:, None]
        known = torch.where(there, steps, -1).cummax(dim=1).values
        last = torch.cat([torch.full_like(known[:, :1], -1), known[:, :-1]], dim=1)
        weight = torch.where(last >= 0, rho.to(away.dtype) ** (steps - last).to(away.dtype), 0.0)
        return away.gather(1, last.clamp(min=0)), weight

    def center(self, numbers: Tensor) -> Tensor:
        """The mean, in the units of the data. (B, T, F)"""
        scaling = self._scaling[0]
        return (numbers[..., : self.n_features] - scaling.shift) / scaling.factor

    def draw(self, numbers: np.ndarray, steps: np.ndarray, random: np.random.RandomState) -> np.ndarray:
        """Values by chance. (N, 2 F), (N,) -> (N, F)"""
        scaling = self._scaling[0]
        shift, factor = (part.double().cpu().numpy() for part in (scaling.shift, scaling.factor))
        mean, log_deviation = np.split(numbers, 2, axis=-1)
        away = random.standard_normal(mean.shape)
        if self.bond is not None:
            rho = torch.sigmoid(self.bond.detach().double().cpu()).numpy()
            for t in range(1, int(steps.max(initial=0)) + 1):
                rows = np.flatnonzero(steps == t)
                away[rows] = rho * away[rows - 1] + np.sqrt(1.0 - rho**2) * away[rows]
        return (mean + np.exp(log_deviation) * away - shift) / factor


class Bernoulli(nn.Module):
    """Zeros and ones, or probabilities of a one.

    Parameters
    ----------
    n_hidden : int
        Features of the decoder's steps.
    n_features : int
        Features of the data.
    """

    def __init__(self, n_hidden: int, n_features: int) -> None:
        super().__init__()
        self.head = Head(n_hidden, n_features)

    def numbers(self, hidden: Tensor) -> Tensor:
        """Logits, (B, T, F)."""
        return self.head(hidden)

    def log_density(self, numbers: Tensor, x: Tensor, mask: Tensor | None) -> Tensor:
        """Logarithm of the probability of each step, (B, T)."""
        there = _known(x, mask)
        x = torch.where(there, x, 0.0)
        each = x * numbers - nn.functional.softplus(numbers.to(x.dtype))
        return torch.where(there, each, 0.0).sum(dim=-1)

    def center(self, numbers: Tensor) -> Tensor:
        """The probability of a one."""
        return torch.sigmoid(numbers)

    def draw(self, numbers: np.ndarray, steps: np.ndarray, random: np.random.RandomState) -> np.ndarray:
        """Zeros and ones."""
        return (random.random_sample(numbers.shape) < 1.0 / (1.0 + np.exp(-numbers))).astype(np.float64)


class Categorical(nn.Module):
    """Codes: each feature is one of the numbers 0, 1, ... below a size of its own.

    Parameters
    ----------
    n_hidden : int
        Features of the decoder's steps.
    sizes : sequence of int
        Categories of each feature.
    """

    def __init__(self, n_hidden: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes = [int(size) for size in sizes]
        self.head = Head(n_hidden, sum(self.sizes))

    def numbers(self, hidden: Tensor) -> Tensor:
        """Logarithms of the probabilities of each feature's categories, side by side. (B, T, sum of sizes)"""
        logits = self.head(hidden).split(self.sizes, dim=-1)
        return torch.cat([torch.log_softmax(part, dim=-1) for part in logits], dim=-1)

    def log_density(self, numbers: Tensor, x: Tensor, mask: Tensor | None) -> Tensor:
        """Logarithm of the probability of each step, (B, T)."""
        there = _known(x, mask)
        codes = torch.where(there, x, 0.0).long()
        parts = numbers.to(x.dtype).split(self.sizes, dim=-1)
        each = torch.cat([part.gather(-1, codes[..., f : f + 1]) for f, part in enumerate(parts)], dim=-1)
        return torch.where(there, each, 0.0).sum(dim=-1)

    def center(self, numbers: Tensor) -> Tensor:
        """The most probable code of each feature."""
        parts = [part.argmax(dim=-1) for part in numbers.split(self.sizes, dim=-1)]
        return torch.stack(parts, dim=-1).to(numbers.dtype)

    def draw(self, numbers: np.ndarray, steps: np.ndarray, random: np.random.RandomState) -> np.ndarray:
        """Codes by chance."""
        found = []
        for part in np.split(numbers, np.cumsum(self.sizes)[:-1], axis=-1):
            chance = random.random_sample((len(part), 1))
            below = np.exp(part).cumsum(axis=-1)
            found.append((chance > below / below[:, -1:]).sum(axis=-1))
        return np.stack(found, axis=-1).astype(np.float64)


class CodeInput(nn.Module):
    """Codes as indicators of their categories, and one more a feature where values are missing: an encoder's first layer.

    Parameters
    ----------
    sizes : sequence of int
        Categories of each feature.
    indicate_missing : bool
        Whether NaN get a category of their own.
    """

    def __init__(self, sizes: Sequence[int], indicate_missing: bool) -> None:
        super().__init__()
        self.sizes, self.indicate_missing = [int(size) for size in sizes], indicate_missing
        self.out_features = sum(self.sizes) + len(self.sizes) * indicate_missing

    def set_statistics(self, mean: Tensor, deviation: Tensor) -> None:
        """Codes have no scale."""

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, F) -> (B, T, out_features)."""
        missing = torch.isnan(x)
        codes = x.masked_fill(missing, 0.0).long()
        there = _known(x, mask)
        parts = [
            nn.functional.one_hot(codes[..., f], size).to(x.dtype) * there[..., f : f + 1]
            for f, size in enumerate(self.sizes)
        ]
        if self.indicate_missing:
            parts.append((missing if mask is None else missing & mask[..., None]).to(x.dtype))
        return torch.cat(parts, dim=-1)  # (B, T, sum of sizes [+ F])
