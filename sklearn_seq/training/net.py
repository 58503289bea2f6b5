"""What skorch's callbacks expect of a net, around a module and an optimiser that are ready."""

from collections.abc import Sequence
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback

from sklearn_seq.training.batches import Batch
from sklearn_seq.training.plan import Part

__all__ = ["Net", "Rows", "check_callbacks", "listens_to_batches"]

_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")


class Rows(torch.utils.data.Dataset):
    """A part as a data set of torch, for callbacks that score one: ``(x (T, F), target)`` a row."""

    def __init__(self, part: Part) -> None:
        self.part = part

    def __len__(self) -> int:
        return len(self.part)

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        return self.part.data[i], self.part.target[i]


class _PlanLoss(torch.nn.Module):
    """The plan's loss as the criterion of a net."""

    def __init__(self, loss: Any) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return self.loss(output, target).mean()


class Net(NeuralNet):
    """The net that callbacks see: history, module, optimiser, notifications. The loop is not skorch's but ``run``'s.

    Parameters
    ----------
    module : torch.nn.Module
        Built and seeded.
    loss : callable
        Of the plan.
    optimizer_instance : torch.optim.Optimizer
        Over the module's parameters.
    **options
        Of skorch.
    """

    def __init__(self, module: Any, *, loss: Any, optimizer_instance: Any, **options: Any) -> None:
        self.loss, self.optimizer_instance = loss, optimizer_instance
        super().__init__(module, criterion=_PlanLoss, criterion__loss=loss, **options)

    @property
    def _default_callbacks(self) -> list:
        return []

    def initialize_optimizer(self, *args: Any, **kwargs: Any) -> "Net":
        """Take the optimiser that is there."""
        self.optimizer_ = self.optimizer_instance
        return self

    def infer(self, x: Any, **fit_params: Any) -> torch.Tensor:
        """Outputs for a batch of ours, or for whole sequences of equal length."""
        if isinstance(x, Batch):
            return self.module_(x.x, x.mask)
        return self.module_(torch.as_tensor(x, device=self.device), None)


def check_callbacks(callbacks: Sequence[Any]) -> None:
    """Refuse what is no callback of skorch."""
    for i, entry in enumerate(callbacks):
        callback = entry[1] if isinstance(entry, tuple) and len(entry) == 2 else entry
        if not hasattr(callback, "on_epoch_end"):
            raise TypeError(
                f"callbacks[{i}] is {entry!r}; wanted a callback of skorch, or a name and one. "
                "Callbacks of scikit-learn are given by set_callbacks."
            )


def listens_to_batches(callbacks: Sequence[tuple[str, Any]]) -> bool:
    """Whether any of a net's callbacks does something between batches."""
    return any(
        not isinstance(callback, Callback) or getattr(type(callback), hook) is not getattr(Callback, hook)
        for _, callback in callbacks
        for hook in _BATCH_HOOKS
    )
