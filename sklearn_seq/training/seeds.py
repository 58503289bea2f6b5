"""Chance that leaves the global generators as it found them."""

import threading
from collections.abc import Callable
from typing import TypeVar

import torch

__all__ = ["build_seeded"]

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
