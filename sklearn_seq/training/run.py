"""``run(plans)``: from plans to trained modules."""

import math
import sys
import time
from collections.abc import Sequence

import numpy as np
import torch

from sklearn_seq.layers.dropout import give_generator
from sklearn_seq.training.batches import Batch, Batches
from sklearn_seq.training.devices import device_for_fit
from sklearn_seq.training.net import Net, Rows, check_callbacks, listens_to_batches
from sklearn_seq.training.optimizers import Schedule, make_optimizer, pack_state, unpack_state
from sklearn_seq.training.plan import Part, Plan, Result
from sklearn_seq.training.predict import outputs
from sklearn_seq.training.seeds import build_seeded
from sklearn_seq.training.threads import auto_threads, hold_threads

__all__ = ["run", "weights_of"]


def run(plans: Sequence[Plan]) -> list[Result]:
    """Train plans.

    Parameters
    ----------
    plans : sequence of Plan
        Each holds all that decides its result.

    Returns
    -------
    list of Result
        In the order of the plans.
    """
    return [_Trainer(plan).train() for plan in plans]


def weights_of(module: torch.nn.Module) -> dict[str, np.ndarray]:
    """All parameters and buffers as arrays of the host."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in module.state_dict().items()}


class _Trainer:
    """The loop over one plan.

    A plan's own ``step`` may use ``module``, ``optimizer``, ``plan`` and ``loss``.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, self.settings = plan, plan.settings
        self.device = device_for_fit(self.settings.device, self.settings.dtype)
        self.dtype = torch.float64 if self.settings.dtype == "float64" else torch.float32
        self.module = build_seeded(plan.build, plan.seeds.initialisation)
        if plan.weights is not None:
            self.module.load_state_dict({name: torch.from_numpy(np.array(w)) for name, w in plan.weights.items()})
        self.module.to(device=self.device, dtype=self.dtype)
        give_generator(self.module, torch.Generator(self.device).manual_seed(plan.seeds.dropout))
        self.optimizer = make_optimizer(
            self.settings.optimizer, self.module, lr=self.settings.lr, weight_decay=self.settings.weight_decay
        )
        unpack_state(self.optimizer, plan.optimizer_state)
        self.batches = Batches(plan.train, plan.batch_size, self.device, self.dtype, plan.seeds.batches)
        name = "constant" if plan.fixed_rate else self.settings.lr_schedule
        self.schedule = Schedule(name, self.settings.lr, plan.n_epochs * len(self.batches))
        self.n_steps, self.rate = 0, self.settings.lr
        self.parameters = [p for p in self.module.parameters() if p.requires_grad]
        self.net = self._make_net()
        self.listened = listens_to_batches(self.net.callbacks_)

    def _make_net(self) -> Net:
        check_callbacks(self.settings.callbacks or [])
        net = Net(
            self.module,
            loss=self.plan.loss,
            optimizer_instance=self.optimizer,
            lr=self.settings.lr,
            max_epochs=self.plan.n_epochs,
            batch_size=self.plan.batch_size,
            callbacks=list(self.settings.callbacks or []),
            train_split=None,
            verbose=self.settings.verbose,
            device=str(self.device),
        )
        return net.initialize()

    # -- epochs ----------------------------------------------------------------------------------------------------

    def train(self) -> Result:
        """Run the epochs and return what they came to."""
        plan, settings = self.plan, self.settings
        threads = (
            auto_threads(self.module, plan.batch_size) if settings.n_threads == "auto" else int(settings.n_threads)
        )
        result = Result(self.module, list(plan.before))
        rows = Rows(plan.train), None if plan.valid is None else Rows(plan.valid)
        best = _Best(settings.tol, settings.n_iter_no_change)
        self.net.notify("on_train_begin", X=rows[0], y=None)
        with hold_threads(threads):
            for _ in range(plan.n_epochs):
                began = time.perf_counter()
                self.net.notify("on_epoch_begin", dataset_train=rows[0], dataset_valid=rows[1])
                entry = self._epoch(len(result.history) + 1)
                result.history.append(entry)
                self._tell_net(entry, time.perf_counter() - began)
                if settings.verbose:
                    _print_line(entry, time.perf_counter() - began)
                self.schedule.after_epoch(entry.get("valid_loss", entry["train_loss"]))
                try:
                    self.net.notify("on_epoch_end", dataset_train=rows[0], dataset_valid=rows[1])
                except KeyboardInterrupt:  # how callbacks of skorch ask to stop
                    break
                finally:
                    self.module.eval()
                stop = plan.on_epoch is not None and plan.on_epoch(result)
                if settings.early_stopping and plan.valid is not None:
                    stop = best.no_longer_improves(entry, self.module) or stop
                if stop:
                    break
        result.best_epoch = best.restore(self.module) if best.weights else len(result.history)
        self._refuse_broken_weights(result.history)
        self.net.notify("on_train_end", X=rows[0], y=None)
        self.module.eval()
        result.optimizer_state = pack_state(self.optimizer)
        self.optimizer.zero_grad(set_to_none=True)
        return result

    def _epoch(self, number: int) -> dict[str, float]:
        self.module.train()
        step = self.plan.step or _gradient_step
        losses, rates = [], []
        for batch in self.batches:
            rate = self.schedule.at(self.n_steps)
            if rate != self.rate:  # where ours stays, what a callback of skorch set holds
                self.rate = rate
                for group in self.optimizer.param_groups:
                    group["lr"] = rate
            if self.listened:
                self.net.notify("on_batch_begin", batch=(batch, batch.target), training=True)
            loss = step(self, batch)  # ()
            if self.listened:
                self._tell_net_of_batch(batch, loss)
            losses.append(loss * len(batch.x))
            rates.append(float(self.optimizer.param_groups[0]["lr"]))
            self.n_steps += 1
        summed = torch.stack(losses).double().cpu().numpy()  # the one synchronisation of the epoch
        bad = np.flatnonzero(~np.isfinite(summed))
        if len(bad):
            raise ValueError(
                f"the loss became {summed[bad[0]]} in epoch {number}, batch {bad[0] + 1} of {len(losses)}, at a learning "
                f"rate of {rates[bad[0]]:.3g}. Lower lr (now {self.settings.lr:g}), set gradient_clip, or scale the data."
            )
        entry = {"epoch": number, "train_loss": float(summed.sum() / self.plan.train.weight.sum()), "lr": rates[-1]}
        if self.plan.valid is not None:
            entry |= self._validate(self.plan.valid)
        return entry

    def _validate(self, valid: Part) -> dict[str, float]:
        found = outputs(self.module, valid.data, n_threads=self.settings.n_threads, device=self.device)
        target = torch.from_numpy(valid.target)
        losses = self.plan.loss(torch.from_numpy(found), target).numpy()
        return {
            "valid_loss": float(np.average(losses, weights=valid.weight)),
            "valid_score": self.plan.score(found, valid),
        }

    def loss(self, batch: Batch) -> torch.Tensor:
        """Mean of a batch's weighted losses, ()."""
        if self.settings.precision == "bf16":
            with torch.autocast(self.device.type, dtype=torch.bfloat16):
                output = self.module(batch.x, batch.mask)
            output = output.to(self.dtype)
        else:
            output = self.module(batch.x, batch.mask)  # (B, K)
        losses = self.plan.loss(output, batch.target)
        return (losses if batch.weight is None else losses * batch.weight).mean()

    def clip(self) -> None:
        """Scale the gradient down to the largest norm that is allowed."""
        if self.settings.gradient_clip is None:
            return
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        if not gradients:
            return
        norm = torch.stack(torch._foreach_norm(gradients)).norm()
        if self.device.type == "cpu":  # looking costs nothing here, and most steps have nothing to scale
            if norm > self.settings.gradient_clip:
                torch._foreach_mul_(gradients, self.settings.gradient_clip / (norm + 1e-6))
            return
        torch._foreach_mul_(gradients, (self.settings.gradient_clip / (norm + 1e-6)).clamp_(max=1.0))

    def _refuse_broken_weights(self, history: list[dict[str, float]]) -> None:
        if not all(bool(torch.isfinite(p).all()) for p in self.parameters):
            raise ValueError(
                f"the weights were not finite after epoch {len(history)}, its last batch, at a learning rate of "
                f"{history[-1]['lr']:.3g}. Lower lr (now {self.settings.lr:g}), set gradient_clip, or scale the data."
            )

    # -- what skorch's callbacks see -----------------------------------------------------------------------------------

    def _tell_net(self, entry: dict[str, float], seconds: float) -> None:
        history = self.net.history
        for key, value in entry.items():
            history.record(key, value)
        history.record("dur", seconds)
        for key in ("train_loss", "valid_loss"):
            if key in entry:
                history.record(f"{key}_best", entry[key] <= min(row[key] for row in history))

    def _tell_net_of_batch(self, batch: Batch, loss: torch.Tensor) -> None:
        history = self.net.history
        history.new_batch()
        history.record_batch("train_loss", float(loss))
        history.record_batch("train_batch_size", len(batch.x))
        self.net.notify("on_batch_end", batch=(batch, batch.target), training=True, loss=loss, y_pred=None)


def _gradient_step(trainer: _Trainer, batch: Batch) -> torch.Tensor:
    """Forward, loss, backward, optimiser."""
    trainer.optimizer.zero_grad(set_to_none=True)
    loss = trainer.loss(batch)
    loss.backward()
    if trainer.listened:
        trainer.net.notify(
            "on_grad_computed",
            named_parameters=list(trainer.module.named_parameters()),
            batch=(batch, batch.target),
            training=True,
        )
    trainer.clip()
    trainer.optimizer.step()
    return loss.detach()


class _Best:
    """Remembers the best epoch: the highest score, among equals the lowest loss.

    Parameters
    ----------
    tol : float
        By how much the score must rise to count as improved.
    patience : int
        Epochs without improvement.
    """

    def __init__(self, tol: float, patience: int) -> None:
        self.tol, self.patience = tol, patience
        self.score, self.valid_loss, self.waited, self.epoch = -math.inf, math.inf, 0, 0
        self.bar = -math.inf
        self.weights: dict[str, torch.Tensor] = {}

    def no_longer_improves(self, entry: dict[str, float], module: torch.nn.Module) -> bool:
        """Take an epoch into account; True when it is time to stop."""
        score, loss = entry["valid_score"], entry["valid_loss"]
        # a validation part can be so small that its score is not defined; then the loss decides
        score = score if math.isfinite(score) else -loss
        improved = score > self.bar + self.tol
        if score > self.score or (score == self.score and loss < self.valid_loss):
            improved = improved or loss < self.valid_loss - self.tol
            self.score, self.valid_loss, self.epoch = score, loss, int(entry["epoch"])
            self.weights = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
        self.bar = max(self.bar, score) if improved else self.bar
        self.waited = 0 if improved else self.waited + 1
        return self.waited >= self.patience

    def restore(self, module: torch.nn.Module) -> int:
        """Put the best epoch's weights back and tell which it was."""
        module.load_state_dict(self.weights)
        return self.epoch


def _print_line(entry: dict[str, float], seconds: float) -> None:
    words = [f"epoch {entry['epoch']:4d}"]
    words += [f"{key} {entry[key]:.4f}" for key in ("train_loss", "valid_loss", "valid_score") if key in entry]
    sys.stdout.write("  ".join([*words, f"lr {entry['lr']:.2g}", f"{seconds:.2f} s"]) + "\n")
