"""A plan: one fit, written down. What stands in front of it knows no loop; what runs it knows no estimator."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_seq.sequences import Sequences

if TYPE_CHECKING:
    import torch

    from sklearn_seq.training.params import TrainingParams

__all__ = ["Part", "Plan", "Result", "Seeds"]


@dataclass(frozen=True)
class Part:
    """Encoded rows.

    Attributes
    ----------
    data : Sequences
        In the dtype of the training.
    target : ndarray of shape (n_samples,) or (n_samples, n_outputs), or Sequences
        As the task encodes it; `Sequences` for targets that are sequences of integers or floats, each of its own length.
    weight : ndarray of float64 of shape (n_samples,)
        With mean 1 over the rows trained on.
    """

    data: Sequences
    target: np.ndarray | Sequences
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.data)

    def take(self, rows: np.ndarray) -> Part:
        """Some of the rows."""
        return Part(self.data[rows], self.target[rows], self.weight[rows])


@dataclass(frozen=True)
class Seeds:
    """One seed for each use of chance, so that none depends on how often another is drawn."""

    initialisation: int
    batches: int
    dropout: int

    @classmethod
    def draw(cls, random_state: np.random.RandomState) -> Seeds:
        """Three seeds from scikit-learn's generator."""
        return cls(*(int(seed) for seed in random_state.randint(0, 2**31 - 1, size=3)))

    @property
    def augmentation(self) -> list[int]:
        """Derived from that of dropout: drawing one more would move the generator, and so other fits."""
        return [self.dropout, 1]


@dataclass
class Plan:
    """One fit.

    Attributes
    ----------
    build : callable
        Makes the untrained module; called once, under the seed of initialisation.
    train : Part
        What is trained on.
    valid : Part or None
        What is scored after each epoch.
    loss : callable
        ``loss(output, target) -> Tensor (B,)``, unweighted. The output is what the network gives, a Tensor (B, K) or a
        `StepOutput`; the target is a Tensor, or a `SequenceTarget` where targets are sequences.
    score : callable
        ``score(outputs, part) -> float``, higher is better; outputs are an array (n_samples, K), `Sequences` of K features
        where the network gives a `StepOutput`, or with ``forced`` the losses (n_samples,).
    settings : TrainingParams
        The hyper-parameters; nothing else of it is read.
    seeds : Seeds
        Of this fit.
    n_epochs : int
        How many at most.
    batch_size : int
        Rows a step.
    shape : hashable, or None
        Plans of equal shape build networks that differ in numbers alone, so they may be trained as one; None stays alone.
    step : callable or None
        ``step(trainer, batch) -> Tensor (R,)``, the mean of each replica's weighted losses; leaves gradients in
        ``trainer.flat.gradient``, as ``trainer.pass_back`` does. For where one forward and backward pass do not fit.
    forced : bool
        Whether the network is given the target too, ``module(x, mask, target)``, in training and for the validation loss
        (teacher forcing).
    evaluate : callable or None
        ``evaluate(module, part) -> (losses, score)`` of the validation part, losses an array (n_samples,), in the place of
        ``loss`` and ``score`` of its outputs.
    batches : callable or None
        Makes the batches in the place of `Batches`, with its arguments and methods; such a plan stays alone.
    augment : callable or None
        ``augment(batch, draw, network) -> Batch``, what is trained on in place of each batch; draws by chance from ``draw``.
    body_lr_factor : float
        Step size of parameters named ``body.*`` as a share of the others'.
    weights : dict of ndarray, or None
        Where an earlier fit ended.
    optimizer_state : dict or None
        Of that fit's optimiser.
    before : list of dict
        That fit's history.
    n_cycles : int
        How often the schedule runs through; the weights after each cycle are kept.
    average_from : float or None
        After which share of the epochs the weights of all later epochs are averaged (Izmailov et al. 2018).
    fixed_rate : bool
        Whether the schedule is left out, since the end is not known (``partial_fit``).
    on_epoch : callable or None
        ``on_epoch(result) -> bool`` after each epoch; True stops.
    """

    build: Callable[[], torch.nn.Module]
    train: Part
    valid: Part | None
    loss: Callable[[Any, Any], torch.Tensor]
    score: Callable[[Any, Part], float]
    settings: TrainingParams
    seeds: Seeds
    n_epochs: int
    batch_size: int
    shape: Hashable | None = None
    step: Callable[[Any, Any], torch.Tensor] | None = None
    forced: bool = False
    evaluate: Callable[[Any, Part], tuple[np.ndarray, float]] | None = None
    batches: Callable[..., Any] | None = None
    augment: Callable[[Any, Any, Any], Any] | None = None
    body_lr_factor: float = 1.0
    weights: dict[str, np.ndarray] | None = None
    optimizer_state: dict[str, Any] | None = None
    before: Sequence[dict[str, float]] = ()
    n_cycles: int = 1
    average_from: float | None = None
    fixed_rate: bool = False
    on_epoch: Callable[[Result], bool] | None = None


@dataclass
class Result:
    """What a plan came to.

    Attributes
    ----------
    module : torch.nn.Module
        Trained, in evaluation mode; with early stopping, of the best epoch.
    history : list of dict
        One entry an epoch: epoch, train_loss, lr and, with a validation part, valid_loss and valid_score.
    best_epoch : int
        Counted from 1: the epoch whose weights the module has.
    optimizer_state : dict
        Arrays and numbers only.
    snapshots : list of dict of ndarray
        Weights after each cycle of the schedule, where there are several.
    """

    module: torch.nn.Module
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    optimizer_state: dict[str, Any] | None = None
    snapshots: list[dict[str, np.ndarray]] = field(default_factory=list)
