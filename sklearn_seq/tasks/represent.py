"""A vector a sequence, learnt without targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin

from sklearn_seq.params import estimator
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.weights import read_groups, read_weight
from sklearn_seq.tasks.base import TaskMixin
from sklearn_seq.tasks.state import keep_on_failure
from sklearn_seq.training import Part
from sklearn_seq.training.callbacks import EpochTasks, with_callbacks
from sklearn_seq.training.threads import auto_threads, hold_threads

__all__ = ["BoundLoss", "RepresentMixin", "each_step"]

_VALUES = 1 << 20  # of the steps that are computed at a time, with their padding


@dataclass(frozen=True)
class BoundLoss:
    """Of bounds (B, 1) in nats: what they fall short of 0, in nats a value."""

    n_values: float

    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """(B,)"""
        return output[:, 0] / -self.n_values


@estimator
class RepresentMixin(ClassNamePrefixFeaturesOutMixin, TransformerMixin, TaskMixin):
    """Learning without targets: the network says how well it explains each sequence, and `transform` gives a vector each."""

    @keep_on_failure
    @with_callbacks
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, X_val: Any = None, groups: Any = None) -> Any:
        """Train the network.

        Parameters
        ----------
        X : array-like, list of arrays, frame or Sequences
            ``(n_samples, n_timesteps)``, ``(n_samples, n_timesteps, n_features)``, or ``n_samples`` arrays of shape
            ``(n_timesteps_i, n_features)``.
        y : object
            Ignored.
        sample_weight : array-like of shape (n_samples,), optional
            A weight of 3 equals three copies of the sample, to the bit.
        X_val : as X, optional
            A validation part to score each epoch on; early stopping uses it instead of a held-out part.
        groups : array-like of shape (n_samples,), optional
            Groups (recordings, patients) that early stopping must not tear apart.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            For data that cannot be read, with what was given, what was wanted and what to do. An estimator that was
            fitted before stays as it was.
        """
        before = self._begin()
        reading = self._read(X, None, sample_weight, X_val, None, groups, reset=before is None)
        plan = self._plan(reading, before)
        with EpochTasks(self, X, y, self.max_epochs) as tasks:  # type: ignore[attr-defined]
            plan.on_epoch = tasks.wrap(self._as_if_stopped)
            result = self._run(plan)
        self._end(reading, result)
        return self

    @keep_on_failure
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Go on training for one epoch on these rows.

        Parameters
        ----------
        X : as in fit
            Some rows.
        y : object
            Ignored.
        sample_weight : array-like of shape (n_samples,), optional
            Their weights.

        Returns
        -------
        self
            The estimator, one epoch further.
        """
        if not self._is_fitted():
            self._forget()
        return self._fit_one_epoch(X, None, sample_weight)

    def transform(self, X: Any) -> np.ndarray:
        """The vector of each sequence.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
        """
        return self._vectors(self._read_again(X))

    # -- the task ------------------------------------------------------------------------------------------------------

    def _vectors(self, data: Sequences) -> np.ndarray:
        raise NotImplementedError

    def _read_training(
        self, X: Any, y: Any, sample_weight: Any, groups: Any, *, reset: bool
    ) -> tuple[Sequences, np.ndarray, np.ndarray, np.ndarray | None]:
        data = self._pass_gate(X, reset=reset, sample_weight=sample_weight)
        weight, codes = read_weight(sample_weight, len(data)), read_groups(groups, len(data))
        used = np.flatnonzero(weight)
        if len(used) < len(data):
            data, weight, codes = data[used], weight[used], None if codes is None else codes[used]
        if reset:
            self._longest = int(data.lengths.max())
        return data, np.zeros(len(data)), weight, codes

    def _read_validation(self, X_val: Any, y_val: Any) -> Part | None:
        if X_val is None:
            return None
        try:
            data = self._pass_gate(X_val, reset=False)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"In the validation part (X_val): {error}") from error
        return Part(data, np.zeros(len(data)), np.ones(len(data)))

    def _n_outputs(self) -> int:
        return 1

    def _make_loss(self) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        return BoundLoss(1.0)

    def _make_score(self) -> Callable[[np.ndarray, Part], float]:
        return lambda found, part: float(np.average(found[:, 0], weights=part.weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64"]
        return tags


def each_step(
    call: Callable[[np.ndarray, int, torch.Tensor | None], torch.Tensor],
    lengths: np.ndarray,
    module: torch.nn.Module,
    *,
    n_threads: int | str = "auto",
    device: torch.device | None = None,
) -> Sequences:
    """What a network says of every step of some sequences, those of about equal length at a time.

    Parameters
    ----------
    call : callable
        ``call(rows, longest, mask)`` gives (B, T, P) for sequences of these numbers, T the longest of them; the mask (B, T) is
        None where all are.
    lengths : ndarray of int of shape (n_samples,)
    module : torch.nn.Module
        The network; is put into evaluation mode and on the device.
    n_threads : int or "auto"
    device : torch.device, optional
        By default the CPU.

    Returns
    -------
    Sequences
        Of float64, with P features, in the given order.
    """
    device = device or torch.device("cpu")
    module.eval().to(device)
    stops = np.cumsum(lengths)
    starts = stops - lengths
    order = np.argsort(lengths, kind="stable")
    width = max((p.shape[0] for p in module.parameters() if p.ndim > 1), default=1)
    out, begin = np.empty((0, 0)), 0
    with torch.inference_mode():
        while begin < len(order):
            n = max(1, _VALUES // (int(lengths[order[begin]]) * width))
            rows = order[begin : begin + n]
            longest, steps = int(lengths[rows].max()), np.arange(int(lengths[rows].max()))
            inside = steps < lengths[rows][:, None]  # (B, T)
            mask = None if inside.all() else torch.from_numpy(inside).to(device)
            threads = auto_threads(module, len(rows)) if n_threads == "auto" else int(n_threads)
            with hold_threads(threads):
                found = call(rows, longest, mask).double().cpu().numpy()
            if not begin:
                out = np.empty((int(stops[-1]), found.shape[-1]))
            out[(starts[rows][:, None] + steps)[inside]] = found[inside]
            begin += n
    return Sequences._make(out, starts.astype(np.int64), stops.astype(np.int64))
