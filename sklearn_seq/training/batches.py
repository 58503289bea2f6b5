"""Batches by slicing: whole batches are gathered at once, windows straight from their table."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided
from torch import Tensor

from sklearn_seq.sequences import Sequences
from sklearn_seq.training.plan import Part
from sklearn_seq.training.targets import SequenceTarget, TargetGather, to_device

__all__ = ["Batch", "Batches", "Gather", "PairBatches", "epoch_order"]

# Rows are sorted by length inside this many batches at a time, or a quarter of them where there are fewer: enough that batches
# need little padding, few enough that their company changes from epoch to epoch. Sets of fewer batches than the third number
# are fast anyway, and there it cost accuracy (docs/benchmarks.md).
_BUCKET, _BUCKETS, _SMALL = 16, 4, 24
# Small batches are gathered several at a time: up to so many bytes, in batches of a multiple of so many, by which each lies in memory
# as if it were gathered alone, and some kernels round by that.
_GATHERED, _LINE = 1 << 18, 64


class Batch(NamedTuple):
    """One step's rows; of replicas, all with a leading R."""

    x: Tensor  # (B, T, F)
    mask: Tensor | None  # (B, T); None where nothing is padded
    target: Any  # Tensor (B,) or (B, K), or a SequenceTarget
    share: Tensor  # (B,), of each row's loss in the mean: its weight by the number of rows
    sizes: list[int]  # how many rows each replica has; those behind have no share
    mixed: Tensor | None = None  # second targets; shares are then (2B,): of the losses by the first and by the second


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

    def __call__(self, rows: np.ndarray, padded: int | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """The rows as (B, T, F) and, where lengths differ, the mask (B, T).

        With ``padded`` T is that length, and there is always a mask unless all lengths are equal.
        """
        starts = self.sequences.starts[rows]
        if self.length is not None:
            return self._stretches(self.length)[starts], None
        lengths = self.sequences.stops[rows] - starts
        longest = int(lengths.max()) if padded is None else padded
        if padded is None and longest == lengths.min():
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


def epoch_order(lengths: np.ndarray | None, n: int, batch_size: int, random: np.random.Generator) -> list[np.ndarray]:
    """The rows of each batch of an epoch: by chance, and where lengths differ, rows of about equal length together.

    Parameters
    ----------
    lengths : ndarray of int of shape (n,), or None
        Of the sequences, where they differ.
    n : int
        Rows.
    batch_size : int
        Rows a batch; what is left makes a smaller one.
    random : Generator

    Returns
    -------
    list of ndarray of int
    """
    order = random.permutation(n)
    if lengths is None or n <= batch_size:
        return [order[i : i + batch_size] for i in range(0, n, batch_size)]
    n_whole = n // batch_size
    together = batch_size * (1 if n_whole < _SMALL else max(1, min(_BUCKET, n_whole // _BUCKETS)))
    for i in range(0, n, together):
        part = order[i : i + together]
        order[i : i + together] = part[np.argsort(lengths[part], kind="stable")]
    batches = [order[i : i + batch_size] for i in range(0, n, batch_size)]
    left = [batches.pop()] if n % batch_size else []  # the smaller one stays the last
    return [batches[i] for i in random.permutation(len(batches))] + left


class Batches:
    """The batches of the parts of some replicas, in a new order each epoch.

    Parameters
    ----------
    parts : list of Part
        The rows of each replica; the same part may stand for several.
    batch_size : int
        Rows a step; the last step has what is left.
    device : torch.device
        Where batches go.
    dtype : torch.dtype
        Of weights and real targets.
    seeds : list of int
        Of the orders.
    joint : bool
        Whether batches have a leading R.
    """

    def __init__(
        self,
        parts: list[Part],
        batch_size: int,
        device: torch.device,
        dtype: torch.dtype,
        seeds: list[int],
        joint: bool = False,
    ) -> None:
        self.batch_size, self.device, self.joint, self._dtype = batch_size, device, joint, dtype
        self._known: dict[tuple[int, ...], Tensor] = {}
        self._random = [np.random.Generator(np.random.PCG64(seed)) for seed in seeds]
        distinct = list({id(part): part for part in parts}.values())
        numbers = {id(part): i for i, part in enumerate(distinct)}
        self._of = np.array([numbers[id(part)] for part in parts])  # distinct part of each replica
        self._gather = [Gather(part.data) for part in distinct]
        self._sizes = np.array([len(part) for part in parts])
        self._first = np.cumsum([0, *(len(part) for part in distinct)])[self._of]  # in what is joined below
        self._targets: TargetGather | None = None  # of sequences; those are trained on alone
        if isinstance(parts[0].target, Sequences):
            self._targets = TargetGather(parts[0].target, dtype)
        else:
            target = torch.from_numpy(np.concatenate([part.target for part in distinct]))
            self._target = target.to(dtype) if target.is_floating_point() else target
        weight = np.concatenate([part.weight for part in distinct])
        self._weight = None if (weight == 1.0).all() else torch.from_numpy(weight).to(dtype)

    @property
    def n_batches(self) -> np.ndarray:
        """Steps of an epoch of each replica."""
        return -(-self._sizes // self.batch_size)

    def __len__(self) -> int:
        return int(self.n_batches.max())

    def keep(self, replicas: list[int]) -> None:
        """Go on with some of the replicas."""
        self._of, self._sizes, self._first = self._of[replicas], self._sizes[replicas], self._first[replicas]
        self._random = [self._random[r] for r in replicas]

    def epoch(self) -> Iterator[Batch]:
        """The batches of the next epoch."""
        orders = [
            epoch_order(
                self._gather[i].sequences.lengths if self._gather[i].length is None else None,
                n,
                self.batch_size,
                random,
            )
            for i, n, random in zip(self._of.tolist(), self._sizes.tolist(), self._random, strict=True)
        ]
        together = self._together()
        if together > 1:
            for i in range(0, len(self), together):
                yield from self._several(orders[0][i : i + together])
            return
        for step in range(len(self)):
            rows = [order[step] if step < len(order) else order[0][:0] for order in orders]
            yield self._joint(rows) if self.joint else self._one(rows[0])

    def _together(self) -> int:
        """How many batches are gathered at a time."""
        gather = self._gather[0]
        if self.joint or gather.length is None or self._targets is not None or self.device.type != "cpu":
            return 1
        values = gather.sequences.values
        size = self.batch_size * gather.length * values.shape[1] * values.itemsize
        return 1 if size % _LINE else _GATHERED // size

    def _several(self, orders: list[np.ndarray]) -> Iterator[Batch]:
        """Batches that only the last of may be smaller."""
        rows = np.concatenate(orders)
        index, n = torch.from_numpy(rows), self.batch_size
        x, target = torch.from_numpy(self._gather[0](rows)[0]).split(n), self._target.index_select(0, index).split(n)
        weights = None if self._weight is None else self._weight.index_select(0, index).split(n)
        for i, own in enumerate(orders):
            share = self._even(len(own))
            yield Batch(x[i], None, target[i], share if weights is None else weights[i] * share, [len(own)])

    def _one(self, rows: np.ndarray) -> Batch:
        x, mask = self._gather[0](rows)
        index = torch.from_numpy(rows)
        share = self._even(len(rows))
        if self._weight is not None:
            share = self._send(self._weight[index]) * share
        target: Tensor | SequenceTarget
        target = self._target.index_select(0, index) if self._targets is None else self._targets(rows)
        return Batch(
            self._send(torch.from_numpy(x)),
            None if mask is None else self._send(torch.from_numpy(mask)),
            to_device(target, self.device),
            share,
            [len(rows)],
        )

    def _joint(self, rows: list[np.ndarray]) -> Batch:
        sizes = [len(own) for own in rows]
        most = max(sizes)
        if min(sizes) < most:  # filled up with a row that weighs nothing
            rows = [np.concatenate([own, np.full(most - len(own), own[0] if len(own) else 0)]) for own in rows]
        every = np.stack(rows)  # (R, B)
        x, mask = self._gather_all(every)
        index = torch.from_numpy(every + self._first[:, None])
        share = self._shares(tuple(sizes))
        if self._weight is not None:
            share = self._send(self._weight[index]) * share
        return Batch(
            self._send(torch.from_numpy(x)),
            None if mask is None else self._send(torch.from_numpy(mask)),
            self._send(self._target[index]),
            share,
            sizes,
        )

    def _gather_all(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """(R, B, T, F) and the mask (R, B, T)."""
        longest = None
        if self._gather[0].length is None:
            longest = max(
                int(self._gather[i].sequences.lengths[own].max()) for i, own in zip(self._of, rows, strict=True)
            )
        if len(self._gather) == 1:
            x, mask = self._gather[0](rows.ravel(), longest)
            shape = rows.shape
            return x.reshape(*shape, *x.shape[1:]), None if mask is None else mask.reshape(*shape, -1)
        pairs = [self._gather[i](own, longest) for i, own in zip(self._of, rows, strict=True)]
        masks = [mask for _, mask in pairs if mask is not None]
        return np.stack([x for x, _ in pairs]), np.stack(masks) if masks else None

    def _even(self, n: int) -> Tensor:
        """Equal shares of n rows, (n,)."""
        found = self._known.get((n,))
        if found is None:
            found = self._known[(n,)] = torch.full((n,), 1.0 / n, dtype=self._dtype, device=self.device)
        return found

    def _shares(self, sizes: tuple[int, ...]) -> Tensor:
        """Equal shares of each replica's own rows, (R, B)."""
        found = self._known.get(sizes)
        if found is None:
            n = torch.tensor(sizes)[:, None]
            even = (torch.arange(max(sizes)) < n) / n.clamp(min=1).double()
            found = self._known[sizes] = self._send(even.to(self._dtype))
        return found

    def _send(self, tensor: Tensor) -> Tensor:
        return tensor if self.device.type == "cpu" else tensor.to(self.device)


class PairBatches(Batches):
    """Batches of one part whose targets are sequences too: rows of about equal length on both sides together."""

    def epoch(self) -> Iterator[Batch]:
        """The batches of the next epoch."""
        inputs, targets = self._gather[0].sequences.lengths, self._targets
        lengths = inputs if targets is None else inputs * (int(targets.lengths.max()) + 1) + targets.lengths
        for rows in epoch_order(lengths, len(lengths), self.batch_size, self._random[0]):
            yield self._one(rows)
