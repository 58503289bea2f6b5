"""What a wrong token of an answer costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from sklearn_seq.layers.language import smoothed_cross_entropy
from sklearn_seq.training import Part
from sklearn_seq.training.targets import SequenceTarget, forced_losses

__all__ = ["Evaluation", "TranslationLoss"]


@dataclass(frozen=True)
class TranslationLoss:
    """Minus the log-likelihood of a row's answer, a share of it spread over all tokens.

    Attributes
    ----------
    label_smoothing : float
        That share (Szegedy et al. 2016).
    per_row : float
        What a row's sum is divided by: its tokens on average.
    """

    label_smoothing: float = 0.0
    per_row: float = 1.0

    def __call__(self, output: torch.Tensor, target: SequenceTarget) -> torch.Tensor:
        """(N, V) of the real tokens of all rows becomes (B,)"""
        each = smoothed_cross_entropy(output, target.values[target.mask], self.label_smoothing)
        rows = torch.repeat_interleave(torch.arange(len(target.lengths), device=each.device), target.lengths)
        return each.new_zeros(len(target.lengths)).index_add(0, rows, each) / self.per_row


@dataclass(frozen=True)
class Evaluation:
    """Losses without smoothing and mean log-likelihood of a token of a validation part. A plan's ``evaluate``."""

    per_row: float

    def __call__(self, module: Any, part: Part) -> tuple[np.ndarray, float]:
        """Losses (n_samples,), and the score."""
        losses = forced_losses(module, part, TranslationLoss(), forced=True)
        lengths: Any = part.target.lengths  # type: ignore[union-attr]
        return losses / self.per_row, -float(part.weight @ losses / (part.weight @ lengths))
