"""skorch's callbacks, heard of every step of the loop. Nothing of this is made where there are none."""

import numpy as np
import torch

from sklearn_seq.training.batches import Batch
from sklearn_seq.training.net import Net, Rows, check_callbacks, listens_to_batches
from sklearn_seq.training.plan import Plan

__all__ = ["Listeners"]


class Listeners:
    """The callbacks of one plan, and the net that they see.

    Parameters
    ----------
    plan : Plan
    module : torch.nn.Module
    optimizer : torch.optim.Optimizer
    """

    def __init__(self, plan: Plan, module: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
        settings = plan.settings
        check_callbacks(settings.callbacks or [])
        self.optimizer = optimizer
        self.rows = Rows(plan.train), None if plan.valid is None else Rows(plan.valid)
        self.rate = settings.lr
        self.net = Net(
            module,
            loss=plan.loss,
            optimizer_instance=optimizer,
            lr=settings.lr,
            max_epochs=plan.n_epochs,
            batch_size=plan.batch_size,
            callbacks=list(settings.callbacks or []),
            train_split=None,
            verbose=settings.verbose,
            device=str(next(module.parameters()).device),
        ).initialize()
        self.to_batches = listens_to_batches(self.net.callbacks_)

    def begin(self) -> None:
        """Of the training."""
        self.net.notify("on_train_begin", X=self.rows[0], y=None)

    def end(self) -> None:
        """Of the training."""
        self.net.notify("on_train_end", X=self.rows[0], y=None)

    def begin_epoch(self) -> None:
        """Before its first batch."""
        self.net.notify("on_epoch_begin", dataset_train=self.rows[0], dataset_valid=self.rows[1])

    def end_epoch(self, entry: dict[str, float], seconds: float) -> bool:
        """Write the net's history and tell the callbacks; whether one of them asks to stop."""
        history = self.net.history
        for key, value in entry.items():
            history.record(key, value)
        history.record("dur", seconds)
        for key in ("train_loss", "valid_loss"):
            if key in entry:
                history.record(f"{key}_best", entry[key] <= min(row[key] for row in history))
        try:
            self.net.notify("on_epoch_end", dataset_train=self.rows[0], dataset_valid=self.rows[1])
        except KeyboardInterrupt:  # how callbacks of skorch ask to stop
            return True
        return False

    def begin_batch(self, batch: Batch, rates: np.ndarray) -> np.ndarray:
        """The step size to use: where the schedule's stays, what a callback set holds."""
        if rates[0] != self.rate:
            self.rate = float(rates[0])
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate
        if self.to_batches:
            self.net.notify("on_batch_begin", batch=(batch, batch.target), training=True)
        return np.array([self.optimizer.param_groups[0]["lr"]])

    def after_gradient(self, batch: Batch) -> None:
        """When the gradients are there."""
        if self.to_batches:
            self.net.notify(
                "on_grad_computed",
                named_parameters=list(self.net.module_.named_parameters()),
                batch=(batch, batch.target),
                training=True,
            )

    def end_batch(self, batch: Batch, loss: torch.Tensor) -> None:
        """After the step."""
        if not self.to_batches:
            return
        history = self.net.history
        history.new_batch()
        history.record_batch("train_loss", float(loss))
        history.record_batch("train_batch_size", batch.sizes[0])
        self.net.notify("on_batch_end", batch=(batch, batch.target), training=True, loss=loss[0], y_pred=None)
