"""Chance that leaves the global generators as it found them."""

import threading
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch

__all__ = ["adopt", "build_seeded"]

M = TypeVar("M", bound=torch.nn.Module)

_LOCK = threading.RLock()


def build_seeded(build: Callable[[], M], seed: int) -> M:
    """Call ``build`` with torch's generator at ``seed``.

    Layers of torch initialise themselves from the global generator; it is put back afterwards, and held by a lock
    meanwhile, since fits may run in several threads.

    Parameters
    ----------
    build : callable
        Makes a module on the CPU.
    seed : int

    Returns
    -------
    torch.nn.Module
    """
    with _LOCK, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return build()


def adopt(module: torch.nn.Module, weights: dict[str, np.ndarray]) -> bool:
    """Give a network without memory its weights, unless it has tensors that are no weights.

    Building it once more would draw weights only to replace them, which takes seconds for wide orthogonal ones.

    Parameters
    ----------
    module : torch.nn.Module
        Built on torch's meta device.
    weights : dict of ndarray
        Its whole state, in shapes and types that fit.

    Returns
    -------
    bool
        False when something is left without memory; the module must then be built anew.
    """
    # copied, so that they lie in memory as torch lays out its own; some kernels round by it
    module.load_state_dict({name: torch.tensor(array) for name, array in weights.items()}, assign=True)
    module.eval()
    held = [*module.parameters(), *module.buffers()]
    for part in module.modules():
        for value in vars(part).values():
            held += [
                item
                for item in (value if isinstance(value, list | tuple) else [value])
                if isinstance(item, torch.Tensor)
            ]
    return not any(tensor.is_meta for tensor in held)
