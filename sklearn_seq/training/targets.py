"""Targets that are sequences themselves, and outputs that are: labels of steps, texts, translations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sklearn_seq.layers.steps import StepOutput
from sklearn_seq.sequences import Sequences

if TYPE_CHECKING:
    from sklearn_seq.training.plan import Part

__all__ = ["SequenceTarget", "StepOutput", "TargetGather", "forced_losses", "row_losses"]

_ROWS = 64  # whose losses are computed at a time


class SequenceTarget(NamedTuple):
    """The targets of a batch, padded; there is always a mask."""

    values: Tensor  # (B, S), or (B, S, C) of targets with C > 1 columns; zeros where there is padding
    lengths: Tensor  # (B,) of int64; may be 0
    mask: Tensor  # (B, S) of bool


class TargetGather:
    """Takes rows out of `Sequences` of targets, in the order in which a batch has them.

    Parameters
    ----------
    targets : Sequences
        Of integers, or of floats; empty ones are legal.
    dtype : torch.dtype
        Of floats; integers are int64.
    """

    def __init__(self, targets: Sequences, dtype: torch.dtype) -> None:
        values = torch.from_numpy(np.ascontiguousarray(targets.values))
        values = values.to(dtype) if values.is_floating_point() else values.long()
        self.values = values[:, 0] if targets.n_features == 1 else values  # (N,) or (N, C)
        self.starts, self.lengths = targets.starts, targets.lengths

    def __call__(self, rows: np.ndarray, least: int = 0) -> SequenceTarget:
        """The rows, padded to the longest of them, or to ``least`` steps where that is more."""
        lengths = self.lengths[rows]
        steps = np.arange(max(least, int(lengths.max(initial=0))))
        mask = torch.from_numpy(steps < lengths[:, None])  # (B, S)
        if not len(self.values):
            values = self.values.new_zeros((*mask.shape, *self.values.shape[1:]))
            return SequenceTarget(values, torch.from_numpy(lengths), mask)
        index = np.minimum(self.starts[rows][:, None] + steps, len(self.values) - 1)
        values = self.values[torch.from_numpy(index)]
        values[~mask] = 0
        return SequenceTarget(values, torch.from_numpy(lengths), mask)


def row_losses(loss: Callable[[Any, Any], Tensor], found: Sequences, target: np.ndarray | Sequences) -> np.ndarray:
    """The losses of rows, by outputs that are known.

    Parameters
    ----------
    loss : callable
        Of a plan; is given a `StepOutput` without ``chain``.
    found : Sequences
        As `outputs` gives them.
    target : ndarray or Sequences
        One a row.

    Returns
    -------
    ndarray of float64 of shape (n_samples,)
    """
    outputs = TargetGather(found, torch.float64)
    values = outputs.values if outputs.values.ndim == 2 else outputs.values[:, None]  # of a single output too
    outputs.values = values
    targets = TargetGather(target, torch.float64) if isinstance(target, Sequences) else None
    every = np.empty(len(found))
    order = np.argsort(found.lengths, kind="stable")
    for i in range(0, len(order), _ROWS):
        rows = order[i : i + _ROWS]
        padded = outputs(rows)
        wanted: Any = torch.from_numpy(target[rows]) if targets is None else targets(rows)  # type: ignore[index]
        every[rows] = loss(StepOutput(padded.values, padded.mask), wanted).numpy()
    return every


@torch.inference_mode()
def forced_losses(module: torch.nn.Module, part: Part, loss: Callable[[Any, Any], Tensor], forced: bool) -> np.ndarray:
    """The losses of rows, without dropout.

    Parameters
    ----------
    module : torch.nn.Module
        On its device, with parameters; is put into evaluation mode.
    part : Part
    loss : callable
        Of a plan.
    forced : bool
        Whether the network is given the target, as third argument.

    Returns
    -------
    ndarray of float64 of shape (n_samples,)
    """
    from sklearn_seq.training.batches import Gather

    if module.training:
        module.eval()
    first = next(module.parameters())
    inputs = Gather(part.data)
    targets = TargetGather(part.target, first.dtype) if isinstance(part.target, Sequences) else None
    every = np.empty(len(part))
    order = np.lexsort([targets.lengths if targets is not None else np.zeros(len(part)), part.data.lengths])
    for i in range(0, len(order), _ROWS):
        rows = order[i : i + _ROWS]
        x, mask = inputs(rows)
        wanted: Any = torch.from_numpy(part.target[rows]) if targets is None else targets(rows)
        wanted = to_device(wanted, first.device)
        given = (
            torch.from_numpy(x).to(first.device),
            None if mask is None else torch.from_numpy(mask).to(first.device),
        )
        output = module(*given, wanted) if forced else module(*given)
        every[rows] = loss(output, wanted).double().cpu().numpy()
    return every


def to_device(target: Tensor | SequenceTarget, device: torch.device) -> Any:
    """A batch's target where the network is."""
    if device.type == "cpu":
        return target
    return SequenceTarget(*(t.to(device) for t in target)) if isinstance(target, SequenceTarget) else target.to(device)
