"""Batches by slicing: whole batches are gathered at once, windows straight from their table."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided
from torch import Tensor

from sklearn_seq.sequences import Sequences
from sklearn_seq.training.plan import Part

__all__ = ["Batch", "Batches", "Gather"]


class Batch(NamedTuple):
    """One step's rows."""

    x: Tensor  # (B, T, F)
    mask: Tensor | None  # (B, T); None where nothing is padded
    target: Tensor  # (B,) or (B, K)
    weight: Tensor | None  # (B,); None where all weigh the same


class Gather:
    """Takes rows out of `Sequences` as one padded array.

    Parameters
    ----------
    sequences : Sequences
    """

    def __init__(self, sequences: Sequences) -> None:
        self.sequences = sequences
        self.length = sequences.equal_length  # None where lengths differ
        self._views: dict[int, np.ndarray] = {}

    def __call__(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """The rows as (B, T, F) and, where lengths differ, the mask (B, T)."""
        starts = self.sequences.starts[rows]
        if self.length is not None:
            return self._stretches(self.length)[starts], None
        lengths = self.sequences.stops[rows] - starts
        longest = int(lengths.max())
        if longest == lengths.min():
            return self._stretches(longest)[starts], None
        steps = np.arange(longest)
        mask = steps < lengths[:, None]  # (B, T)
        x = self.sequences.values[starts[:, None] + np.where(mask, steps, 0)]  # (B, T, F)
        x[~mask] = 0
        return x, mask

    def _stretches(self, length: int) -> np.ndarray:
        """Every stretch of this length as a view of the block, (N - T + 1, T, F)."""
        view = self._views.get(length)
        if view is None:
            values = self.sequences.values
            if len(values) == length:  # one sequence, as when a single sample is predicted
                view = values[None]
            else:
                step, across = values.strides
                shape = (len(values) - length + 1, length, values.shape[1])
                view = as_strided(values, shape, (step, step, across), writeable=False)
            self._views[length] = view
        return view


class Batches:
    """The batches of a part, in a new order each epoch.

    Parameters
    ----------
    part : Part
        The rows.
    batch_size : int
        Rows a step; the last step has what is left.
    device : torch.device
        Where batches go.
    dtype : torch.dtype
        Of weights and real targets.
    seed : int or None
        Of the order; None keeps the rows as they stand.
    """

    def __init__(self, part: Part, batch_size: int, device: torch.device, dtype: torch.dtype, seed: int | None) -> None:
        self.part, self.batch_size, self.device = part, batch_size, device
        self._gather = Gather(part.data)
        target = torch.from_numpy(np.ascontiguousarray(part.target))
        self._target = target.to(dtype) if target.is_floating_point() else target
        uniform = bool((part.weight == 1.0).all())
        self._weight = None if uniform else torch.from_numpy(np.ascontiguousarray(part.weight)).to(dtype)
        self._random = None if seed is None else np.random.Generator(np.random.PCG64(seed))

    def __len__(self) -> int:
        return -(-len(self.part) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        n = len(self.part)
        order = np.arange(n) if self._random is None else self._random.permutation(n)
        for i in range(0, n, self.batch_size):
            rows = order[i : i + self.batch_size]
            x, mask = self._gather(rows)
            index = torch.from_numpy(rows)
            yield Batch(
                self._send(torch.from_numpy(x)),
                None if mask is None else self._send(torch.from_numpy(mask)),
                self._send(self._target[index]),
                None if self._weight is None else self._send(self._weight[index]),
            )

    def _send(self, tensor: Tensor) -> Tensor:
        return tensor if self.device.type == "cpu" else tensor.to(self.device)
