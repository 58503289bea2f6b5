"""Optimisers of torch by name, and how the step size changes."""

import difflib
import inspect
import math
from typing import Any

import numpy as np
import torch

__all__ = ["Schedule", "make_optimizer", "pack_state", "unpack_state"]

# need a closure, or sparse gradients
_OTHER_PROTOCOL = {"Optimizer", "LBFGS", "SparseAdam"}


def _known() -> dict[str, type[torch.optim.Optimizer]]:
    """The optimisers that torch brings and that step by themselves."""
    return {
        name.lower(): cls
        for name, cls in vars(torch.optim).items()
        if isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer) and name not in _OTHER_PROTOCOL
    }


def make_optimizer(name: str, module: torch.nn.Module, *, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """An optimiser over a module's parameters, fused where torch can.

    Parameters
    ----------
    name : str
        Of ``torch.optim``, in any case.
    module : torch.nn.Module
    lr, weight_decay : float

    Returns
    -------
    torch.optim.Optimizer

    Raises
    ------
    ValueError
        For an unknown name.
    """
    known = _known()
    cls: Any = known.get(name.lower())
    if cls is None:
        near = difflib.get_close_matches(name.lower(), known, n=1)
        raise ValueError(
            f"optimizer={name!r} is none that can be used here; wanted one of {', '.join(sorted(known))}"
            + (f". Did you mean {near[0]!r}?" if near else "")
        )
    parameters = [p for p in module.parameters() if p.requires_grad]
    accepted = inspect.signature(cls).parameters
    options: dict[str, Any] = {"lr": lr}
    if "weight_decay" in accepted:
        options["weight_decay"] = weight_decay
    if name.lower() == "sgd":
        options |= {"momentum": 0.9, "nesterov": True}
    if "fused" in accepted and all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in parameters):
        try:
            return cls(parameters, fused=True, **options)
        except (RuntimeError, ValueError):  # an older torch has it on CUDA only
            pass
    return cls(parameters, **options)


class Schedule:
    """The step size as a function of progress.

    Parameters
    ----------
    name : str
        A value of the parameter ``lr_schedule``.
    lr : float
        The largest step size.
    n_steps : int
        Steps in all.
    """

    _PATIENCE = 5

    def __init__(self, name: str, lr: float, n_steps: int) -> None:
        self.name, self.lr, self.n_steps = name, lr, max(1, n_steps)
        self._best, self._waited = math.inf, 0

    def at(self, step: int) -> float:
        """The step size of a step, counted from 0."""
        done = step / self.n_steps
        if self.name == "cosine":
            return self.lr * 0.5 * (1.0 + math.cos(math.pi * done))
        if self.name == "exponential":
            return self.lr * 0.01**done
        if self.name == "one-cycle":  # Smith and Topin (2018): a quarter up from 1/25, then down
            if done < 0.25:
                return self.lr * (0.04 + 0.96 * 0.5 * (1.0 - math.cos(math.pi * done / 0.25)))
            return self.lr * 0.5 * (1.0 + math.cos(math.pi * (done - 0.25) / 0.75))
        return self.lr

    def after_epoch(self, loss: float) -> None:
        """Tell the plateau rule how an epoch went."""
        if self.name != "plateau":
            return
        if loss < self._best:
            self._best, self._waited = loss, 0
            return
        self._waited += 1
        if self._waited >= self._PATIENCE:
            self.lr, self._waited = self.lr / 2, 0


def pack_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The state of an optimiser as arrays and numbers, without torch."""
    entries = {
        str(i): {
            key: value.detach().cpu().numpy().copy() if isinstance(value, torch.Tensor) else value
            for key, value in state.items()
        }
        for i, state in optimizer.state_dict()["state"].items()
    }
    return {"name": type(optimizer).__name__, "entries": entries}


def unpack_state(optimizer: torch.optim.Optimizer, packed: dict[str, Any] | None) -> None:
    """Put a packed state back; one of another optimiser is left out, since it means something else."""
    if packed is None or packed["name"] != type(optimizer).__name__:
        return
    whole = optimizer.state_dict()
    whole["state"] = {
        int(i): {
            key: torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value
            for key, value in entry.items()
        }
        for i, entry in packed["entries"].items()
    }
    optimizer.load_state_dict(whole)
