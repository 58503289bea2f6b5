"""The loop over plans that are trained as one; one plan is R = 1."""

import math
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sklearn_seq.layers.dropout import Draws, give_draws
from sklearn_seq.layers.kernels import Workspaces
from sklearn_seq.sequences import Sequences
from sklearn_seq.training.augment import Draw
from sklearn_seq.training.batches import Batch, Batches
from sklearn_seq.training.devices import device_for_fit
from sklearn_seq.training.flat import Flat
from sklearn_seq.training.listeners import Listeners
from sklearn_seq.training.optimizers import Schedule, make_optimizer
from sklearn_seq.training.plan import Part, Plan, Result
from sklearn_seq.training.predict import outputs
from sklearn_seq.training.seeds import build_seeded
from sklearn_seq.training.targets import StepOutput, forced_losses, row_losses
from sklearn_seq.training.threads import auto_threads, hold_threads

__all__ = ["Trainer", "build", "weights_of"]


def weights_of(module: torch.nn.Module) -> dict[str, np.ndarray]:
    """All parameters and buffers as arrays of the host."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in module.state_dict().items()}


def build(plan: Plan) -> torch.nn.Module:
    """A plan's network on its device, untrained or as an earlier fit left it."""
    with hold_threads(1):  # decompositions of small matrices are far slower with more, beside a busy neighbour
        module = build_seeded(plan.build, plan.seeds.initialisation)
    if plan.weights is not None:
        module.load_state_dict({name: torch.from_numpy(np.array(w)) for name, w in plan.weights.items()})
    dtype = torch.float64 if plan.settings.dtype == "float64" else torch.float32
    return module.to(device=device_for_fit(plan.settings.device, plan.settings.dtype), dtype=dtype)


class Trainer:
    """The loop over R plans of equal shape.

    A plan's own ``step`` may use ``module``, ``flat`` and ``pass_back``.

    Parameters
    ----------
    plans : sequence of Plan
        Of equal shape.
    modules : list of torch.nn.Module
        Their networks.

    Attributes
    ----------
    module : torch.nn.Module
        What is trained: a plan's network, or the joint one of several.
    flat : Flat
        Its parameters and their gradients.
    """

    def __init__(self, plans: Sequence[Plan], modules: list[torch.nn.Module]) -> None:
        self.replicas = [_Replica(plan, module) for plan, module in zip(plans, modules, strict=True)]
        self.settings = plans[0].settings  # for what is the same in all of them
        self.device = next(modules[0].parameters()).device
        self.flat = Flat(modules)
        rates = [plan.settings.lr for plan in plans]
        decays = [plan.settings.weight_decay for plan in plans]
        self.optimizer = make_optimizer(self.settings.optimizer, self.flat, rates=rates, decays=decays)
        for r, plan in enumerate(plans):
            self.optimizer.unpack(r, plan.optimizer_state)
        self.batches = (plans[0].batches or Batches)(
            [plan.train for plan in plans],
            plans[0].batch_size,
            self.device,
            self.flat.values.dtype,
            [plan.seeds.batches for plan in plans],
            joint=self.flat.is_joint,
        )
        for replica, n_batches in zip(self.replicas, self.batches.n_batches.tolist(), strict=True):
            replica.begin(n_batches, self.device)
        self.listeners = Listeners(plans[0], self.flat.joint, self.optimizer) if self.settings.callbacks else None
        self._take_hold()

    def _take_hold(self) -> None:
        """After the replicas changed."""
        self.module = self.flat.joint
        self.draws = Draws([replica.generator for replica in self.replicas])
        give_draws(self.module, self.draws)
        self.chance = Draw([replica.chance for replica in self.replicas])
        # a normalisation that is not trained keeps its running statistics too
        self._frozen_norms = [
            layer
            for layer in self.module.modules()
            if "running_mean" in layer._buffers and not any(p.requires_grad for p in layer.parameters())
        ]
        factors = [replica.plan.body_lr_factor for replica in self.replicas]
        self._slowed = None
        if any(factor != 1.0 for factor in factors):
            of_body = self.flat.named("body.")
            self._slowed = torch.stack([torch.where(of_body, factor, 1.0).to(self.flat.values) for factor in factors])
        clips = [replica.plan.settings.gradient_clip for replica in self.replicas]
        self._clip = None
        if any(clip is not None for clip in clips):
            self._clip = self.flat.values.new_tensor([math.inf if clip is None else clip for clip in clips])[:, None]
        # losses and functions of loss that are equal are computed once for all rows
        self._loss = self.replicas[0].plan.loss
        self._same_loss = all(replica.plan.loss == self._loss for replica in self.replicas)

    # -- epochs ----------------------------------------------------------------------------------------------------

    def train(self) -> None:
        """Run the epochs; each replica ends with a result or an error."""
        plan = self.replicas[0].plan
        n_threads = self.settings.n_threads
        threads = auto_threads(self.flat.modules[0], plan.batch_size) if n_threads == "auto" else int(n_threads)
        if self.listeners:
            self.listeners.begin()
        with hold_threads(threads):
            while self.replicas:
                began = time.perf_counter()
                if self.listeners:
                    self.listeners.begin_epoch()
                losses, rates = self._epoch()
                done = [
                    r
                    for r, replica in enumerate(self.replicas)
                    if self._after_epoch(r, replica, losses[:, r], rates[:, r], began)
                ]
                if done:
                    self._let_go(done)

    def _epoch(self) -> tuple[np.ndarray, np.ndarray]:
        """One pass; losses, summed over rows, and step sizes of each step and replica."""
        self.module.train()
        for layer in self._frozen_norms:
            layer.eval()
        n_steps = len(self.batches)
        active = np.arange(n_steps)[:, None] < self.batches.n_batches  # (n_steps, R)
        rates = np.stack([replica.rates(n_steps) for replica in self.replicas], axis=1)
        if self.listeners is None:
            self.optimizer.prepare(rates, active)
        # a block for all of them: small tensors kept among large ones that come and go would break up the heap
        losses, sizes = self.flat.values.new_empty(n_steps, len(self.replicas)), []
        step = self.replicas[0].plan.step or _gradient_step
        augment = self.replicas[0].plan.augment
        for i, batch in enumerate(self.batches.epoch()):
            if augment is not None:
                batch = augment(batch, self.chance, self.module)
            if self.flat.is_joint:
                self._tell_draws(batch)
            if self.listeners is not None:
                rates[i] = self.listeners.begin_batch(batch, rates[i])
                self.optimizer.prepare(rates[i : i + 1], active[i : i + 1])
            loss = step(self, batch)  # (R,)
            if self.listeners is not None:
                self.listeners.after_gradient(batch)
            self.clip()
            self._update(i if self.listeners is None else 0)
            losses[i] = loss
            sizes.append(batch.sizes)
            if self.listeners is not None:
                self.listeners.end_batch(batch, loss)
        # the one synchronisation of the epoch
        return losses.double().cpu().numpy() * np.array(sizes), rates

    def _update(self, i: int) -> None:
        """The i-th step of those the optimiser prepared, shorter for the body where its rate is lower."""
        slowed = self._slowed
        before = None if slowed is None else self.flat.values.clone()
        self.optimizer.update(i)
        if not self.flat.shares_memory:
            self.flat.exchange(self.optimizer.writes_values)
        if slowed is not None and before is not None:
            # the step of every optimiser is in proportion to its rate, so this holds for those of torch too
            self.flat.values.copy_(torch.lerp(before, self.flat.values, slowed))
            self.flat.exchange()

    def _tell_draws(self, batch: Batch) -> None:
        """Which part of a joint batch is a replica's own."""
        self.draws.rows = batch.sizes if min(batch.sizes) < batch.x.shape[1] else None
        self.draws.steps = None if batch.mask is None else batch.mask.sum(dim=2).amax(dim=1).tolist()

    def pass_back(
        self, batch: Batch, inputs: tuple[Tensor, ...] = (), *, add: bool = False, factor: float = 1.0
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Forward and backward.

        Parameters
        ----------
        batch : Batch
        inputs : tuple of Tensor
            What the gradient is wanted of, beside the parameters.
        add : bool
            Whether the gradients are added to those that are there.
        factor : float
            Of the loss.

        Returns
        -------
        loss : Tensor of shape (R,)
            Mean of each replica's weighted losses, times the factor.
        by_inputs : tuple of Tensor
        """
        losses = self._losses(batch)
        share = batch.share if factor == 1.0 else batch.share * factor
        by_inputs = self.flat.backward(losses, share, inputs, add)
        return (losses.detach() * share).view(len(self.replicas), -1).sum(dim=1), by_inputs

    def _losses(self, batch: Batch) -> Tensor:
        """Of each row, (B,) or (R, B); of mixed rows by both targets, (2B,) or (R, 2B)."""
        if self.settings.precision == "bf16":
            with torch.autocast(self.device.type, dtype=torch.bfloat16):
                output = self._forward(batch)
            values = self.flat.values
            output = output.float_as(values) if isinstance(output, StepOutput) else output.to(values.dtype)
        else:
            output = self._forward(batch)  # (B, K) or (R, B, K), or a StepOutput
        losses = self._losses_by(output, batch.target)
        return losses if batch.mixed is None else torch.cat([losses, self._losses_by(output, batch.mixed)], dim=-1)

    def _forward(self, batch: Batch) -> Any:
        """What the network says of a batch."""
        if self.replicas[0].plan.forced:
            return self.module(batch.x, batch.mask, batch.target)
        return self.module(batch.x, batch.mask)

    def _losses_by(self, output: Any, target: Any) -> Tensor:
        """For one target a row."""
        if not self.flat.is_joint:
            return self._loss(output, target)
        if self._same_loss:
            return self._loss(output.flatten(0, 1), target.flatten(0, 1)).view(output.shape[:2])
        every = zip(self.replicas, output, target, strict=True)
        return torch.stack([replica.plan.loss(out, target) for replica, out, target in every])

    def clip(self) -> None:
        """Scale each replica's gradient down to the largest norm that is allowed."""
        if self._clip is not None:
            norm = torch.linalg.vector_norm(self.flat.gradient, dim=1, keepdim=True)
            # a norm of 0 gives infinity, and so no change
            self.flat.gradient.mul_((self._clip / norm).clamp_(max=1.0))

    def _after_epoch(self, r: int, replica: "_Replica", losses: np.ndarray, rates: np.ndarray, began: float) -> bool:
        """Note an epoch; whether it was the replica's last. An error, of a callback too, ends this replica alone."""
        settings, listeners = replica.plan.settings, self.listeners
        try:
            entry = replica.note(losses, rates)
            seconds = time.perf_counter() - began
            if settings.verbose:
                _print_line(entry, seconds)
            stop = listeners is not None and listeners.end_epoch(entry, seconds)
            replica.result.module.eval()
            stop = replica.after_epoch(entry, self.flat.values[r]) or stop
        except Exception as error:
            replica.error = error
            return True
        return stop or replica.n_epochs_left == 0

    def _let_go(self, done: list[int]) -> None:
        """Finish some replicas, and go on with the others."""
        for r in done:
            replica = self.replicas[r]
            if replica.average is not None:
                # buffers such as the running statistics of batch norm stay those of the end, where all weights averaged are near
                self.flat.values[r] = replica.average
                self.flat.exchange()
            if replica.error is None:
                replica.finish(self.optimizer.pack(r))
        left = [r for r in range(len(self.replicas)) if r not in done]
        for r in done:
            _let_go_of_buffers(self.replicas[r].result.module)
        self.flat.keep(left)
        self.replicas = [self.replicas[r] for r in left]
        if not left:
            if self.listeners:
                self.listeners.end()
            return
        self.optimizer.keep(left)
        self.batches.keep(left)
        self._take_hold()


def _let_go_of_buffers(module: torch.nn.Module) -> None:
    """Of what only training needs."""
    give_draws(module, None)
    for layer in module.modules():
        if isinstance(layer.__dict__.get("workspaces"), Workspaces):
            layer.workspaces.clear()  # type: ignore[union-attr, operator]


def _gradient_step(trainer: Trainer, batch: Batch) -> Tensor:
    """Forward, loss, backward."""
    return trainer.pass_back(batch)[0]


class _Replica:
    """One plan on its way to its result."""

    def __init__(self, plan: Plan, module: torch.nn.Module) -> None:
        self.plan = plan
        self.result = Result(module, list(plan.before))
        self.error: Exception | None = None
        self.best = _Best(plan.settings.tol, plan.settings.n_iter_no_change)
        self.n_epochs_left = plan.n_epochs
        self.average: Tensor | None = None
        self.n_averaged = 0
        self.n_steps = 0

    def begin(self, n_batches: int, device: torch.device) -> None:
        """Once it is known how many steps an epoch has."""
        plan, settings = self.plan, self.plan.settings
        self.n_batches = n_batches
        name = "constant" if plan.fixed_rate else settings.lr_schedule
        self.schedule = Schedule(name, settings.lr, plan.n_epochs * n_batches, plan.n_cycles)
        self.generator = torch.Generator(device).manual_seed(plan.seeds.dropout)
        self.chance = np.random.default_rng(plan.seeds.augmentation)

    def rates(self, n_steps: int) -> np.ndarray:
        """Step sizes of the next epoch, which takes ``n_steps`` for the largest replica."""
        own = self.schedule.at(np.arange(self.n_steps, self.n_steps + self.n_batches))
        self.n_steps += self.n_batches
        return np.concatenate([own, np.zeros(n_steps - self.n_batches)])

    def note(self, losses: np.ndarray, rates: np.ndarray) -> dict[str, float]:
        """Add an epoch to the history, validation included; refuse a loss that is not finite."""
        plan, result = self.plan, self.result
        losses, rates = losses[: self.n_batches], rates[: self.n_batches]
        number = len(result.history) + 1
        bad = np.flatnonzero(~np.isfinite(losses))
        if len(bad):
            raise ValueError(
                f"the loss became {losses[bad[0]]} in epoch {number}, batch {bad[0] + 1} of {len(losses)}, at a learning "
                f"rate of {rates[bad[0]]:.3g}. Lower lr (now {plan.settings.lr:g}), set gradient_clip, or scale the data."
            )
        entry = {"epoch": number, "train_loss": float(losses.sum() / plan.train.weight.sum()), "lr": float(rates[-1])}
        if plan.valid is not None:
            entry |= self._validate(plan.valid)
        result.history.append(entry)
        self.n_epochs_left -= 1
        return entry

    def _validate(self, valid: Part) -> dict[str, float]:
        module, plan = self.result.module, self.plan
        if plan.evaluate is not None:
            losses, score = plan.evaluate(module, valid)
        elif plan.forced:
            losses = forced_losses(module, valid, plan.loss, forced=True)
            score = plan.score(losses, valid)
        else:
            device = next(module.parameters()).device
            found = outputs(module, valid.data, n_threads=plan.settings.n_threads, device=device)
            if isinstance(found, Sequences):
                losses = row_losses(plan.loss, found, valid.target)
            else:
                losses = plan.loss(torch.from_numpy(found), torch.from_numpy(valid.target)).numpy()
            score = plan.score(found, valid)
        return {"valid_loss": float(np.average(losses, weights=valid.weight)), "valid_score": score}

    def after_epoch(self, entry: dict[str, float], weights: Tensor) -> bool:
        """Schedules, snapshots, callbacks, early stopping; whether to stop."""
        plan, module = self.plan, self.result.module
        self.schedule.after_epoch(entry.get("valid_loss", entry["train_loss"]))
        done = plan.n_epochs - self.n_epochs_left
        n_kept = len(self.result.snapshots)
        if n_kept < plan.n_cycles > 1 and done % (plan.n_epochs // plan.n_cycles) == 0:
            self.result.snapshots.append({name: array.copy() for name, array in weights_of(module).items()})
        if plan.average_from is not None and done > plan.average_from * plan.n_epochs:
            self.n_averaged += 1
            before = torch.zeros_like(weights) if self.average is None else self.average
            self.average = before + (weights - before) / self.n_averaged
        stop = plan.on_epoch is not None and plan.on_epoch(self.result)
        if plan.settings.early_stopping and plan.valid is not None:
            stop = self.best.no_longer_improves(entry, module) or stop
        return stop

    def finish(self, optimizer_state: dict) -> None:
        """The result of the epochs that were run."""
        result, module = self.result, self.result.module
        result.best_epoch = self.best.restore(module) if self.best.weights else len(result.history)
        if not all(bool(torch.isfinite(p).all()) for p in module.parameters()):
            self.error = ValueError(
                f"the weights were not finite after epoch {len(result.history)}, its last batch, at a learning rate of "
                f"{result.history[-1]['lr']:.3g}. Lower lr (now {self.plan.settings.lr:g}), set gradient_clip, or scale "
                "the data."
            )
        result.optimizer_state = optimizer_state
        module.eval()


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
