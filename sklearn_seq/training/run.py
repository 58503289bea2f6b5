"""``run(plans)``: from plans to trained modules, as one where that pays."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed, effective_n_jobs
from joblib.parallel import get_active_backend

from sklearn_seq.sequences import Sequences
from sklearn_seq.training.plan import Part, Plan, Result
from sklearn_seq.training.trainer import Trainer, build, weights_of

__all__ = ["run", "run_each", "weights_of"]

here = threading.local()  # ``here.meet``, inside `joint_training`: where a thread's plans are trained with others'

# Replicas trained as one: beyond some twenty nothing more is gained, and buffers grow with them.
_MOST_REPLICAS = 24
# Ragged replicas share the length of the longest batch among them; where that is this much longer than the mean length,
# padding costs more than sharing gains.
_MOST_PADDING = 2.0


def run(plans: Sequence[Plan], n_jobs: int | None = None) -> list[Result]:
    """Train plans.

    Parameters
    ----------
    plans : sequence of Plan
        Each holds all that decides its result.
    n_jobs : int, optional
        Processes, as in scikit-learn: None is one, unless joblib's ``parallel_config`` says more.

    Returns
    -------
    list of Result
        In the order of the plans.

    Raises
    ------
    Exception
        The first error of any plan, after all were run; a loss that is not finite is a ValueError.
    """
    meet = getattr(here, "meet", None)
    found = run_each(plans, n_jobs) if meet is None else meet(plans)
    for result in found:
        if isinstance(result, BaseException):
            raise result
    return found  # type: ignore[return-value]


def run_each(plans: Sequence[Plan], n_jobs: int | None = None) -> list[Result | Exception]:
    """As `run`, with a plan's error in the place of its result."""
    n_workers = 1
    if len(plans) > 1 and not any(plan.on_epoch for plan in plans):  # callbacks are heard in this process
        gathered = getattr(get_active_backend()[0], "gathers_fits", False)
        n_workers = 1 if gathered else min(len(plans), effective_n_jobs(n_jobs))
    numbers = _groups(plans, n_workers)
    groups = [[plans[i] for i in group] for group in numbers]
    if n_workers == 1:
        outcomes = [_train(group) for group in groups]
    else:
        outcomes = Parallel(n_jobs=n_jobs)(delayed(_train)(group) for group in groups)
    found: list[Any] = [None] * len(plans)
    for group, results in zip(numbers, outcomes, strict=True):
        for i, result in zip(group, results, strict=True):
            found[i] = result
    return found


def _train(plans: list[Plan], modules: list[torch.nn.Module] | None = None) -> list[Result | Exception]:
    """Train plans of equal shape: as one where their layers can. What goes wrong is of its own plan alone."""
    try:
        modules = modules or [build(plan) for plan in plans]
        if len(plans) == 1 or _can_join(modules, plans[0].batch_size):
            return _train_joined(plans, modules)
    except Exception as error:
        if len(plans) == 1 or any(plan.on_epoch for plan in plans):  # callbacks would hear of epochs twice
            return [error for _ in plans]
        modules = None  # afresh: it may be the error of one of them
    rest = [None] * len(plans) if modules is None else [[module] for module in modules]
    return [_train([plan], own)[0] for plan, own in zip(plans, rest, strict=True)]


def _train_joined(plans: list[Plan], modules: list[torch.nn.Module]) -> list[Result | Exception]:
    trainer = Trainer(plans, modules)
    replicas = list(trainer.replicas)
    trainer.train()
    return [replica.result if replica.error is None else replica.error for replica in replicas]


# -- what is trained as one --------------------------------------------------------------------------------------------


def _groups(plans: Sequence[Plan], n_workers: int) -> list[list[int]]:
    """Plans, by number, that may be trained as one, shared out among workers."""
    by_key: dict[Any, list[int]] = {}
    shared: list[Part] = []
    for i, plan in enumerate(plans):
        key = _key(plan)
        by_key.setdefault(i if key is None else key, []).append(i)
    groups = []
    for numbers in by_key.values():
        if len(numbers) > 1:
            for i in numbers:
                plans[i].train = _same_part(plans[i].train, shared)
        n_groups = max(-(-len(numbers) // _MOST_REPLICAS), min(n_workers, len(numbers)))
        groups += [numbers[k::n_groups] for k in range(n_groups)]
    return groups


def _key(plan: Plan) -> Any:
    """What plans must have in common to be trained as one; None for one that stays alone."""
    settings, data = plan.settings, plan.train.data
    if plan.shape is None or settings.callbacks or settings.verbose or settings.precision != "full":
        return None
    if isinstance(plan.train.target, Sequences) or plan.forced:
        return None
    length = data.equal_length
    if length is None and _padding(data) > _MOST_PADDING:
        return None
    common = (settings.optimizer.lower(), settings.dtype, settings.device, settings.n_threads, plan.batch_size)
    return (plan.shape, *common, length, plan.step, plan.train.target.shape[1:])


def _padding(data: Sequences) -> float:
    """How much longer the longest of a few batches is than the mean."""
    return float(np.quantile(data.lengths, 0.9) / data.lengths.mean())


def _same_part(part: Part, seen: list[Part]) -> Part:
    """An equal part that is there already: candidates on the same fold need not hold its rows once each."""
    for other in seen:
        if part is other or _equal(part, other):
            return other
    seen.append(part)
    return part


def _equal(one: Part, other: Part) -> bool:
    return (
        one.data.values.shape == other.data.values.shape
        and len(one) == len(other)
        and all(
            a is b or np.array_equal(a, b)
            for a, b in (
                (one.data.starts, other.data.starts),
                (one.data.stops, other.data.stops),
                (one.weight, other.weight),
                (one.target, other.target),
            )
        )
        and (one.data.values is other.data.values or np.array_equal(one.data.values, other.data.values, equal_nan=True))
    )


def _can_join(modules: list[torch.nn.Module], batch_size: int) -> bool:
    """Whether the networks' layers compute for several replicas at once, and whether that pays."""
    if any(p.device.type != "cpu" or not p.requires_grad for p in modules[0].parameters()):
        return False
    shapes = {tuple((name, p.shape) for name, p in module.state_dict().items()) for module in modules}
    return len(shapes) == 1 and all(_joins(layer, batch_size) for layer in modules[0].children())


def _joins(layer: torch.nn.Module, batch_size: int) -> bool:
    if isinstance(layer, torch.nn.RNNBase):  # only its weights are used, by `Recurrent`
        return True
    if isinstance(layer, torch.nn.ModuleList | torch.nn.Sequential | torch.nn.Identity) or getattr(
        layer, "joins", False
    ):
        pays: Any = getattr(layer, "sharing_pays", lambda n_rows: True)
        return pays(batch_size) and all(_joins(child, batch_size) for child in layer.children())
    return False
