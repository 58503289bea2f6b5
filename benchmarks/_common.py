"""Interleaved timings: the cases take turns, so that a machine whose speed drifts is fair to all of them."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

__all__ = ["Bare", "data_folder", "hand_written", "interleave", "markdown", "ratios", "spread"]


def data_folder() -> Path | None:
    """Where data sets lie that do not ship: ``SKLEARN_SEQ_DATA``, else ``../shared/data``; None where absent."""
    folder = Path(os.environ.get("SKLEARN_SEQ_DATA", Path(__file__).parents[2] / "shared" / "data"))
    return folder if folder.is_dir() else None


def interleave(
    cases: dict[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.process_time
) -> dict[str, list[float]]:
    """Seconds of each case in each round, after one round that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for i in range(rounds + 1):
        for name, case in cases.items():
            gc.collect()
            began = clock()
            case()
            if i:
                seconds[name].append(clock() - began)
    return seconds


def ratios(seconds: dict[str, list[float]], base: str) -> dict[str, tuple[float, float, float]]:
    """Median, lowest and highest ratio to the base, round by round."""
    found = {}
    for name, values in seconds.items():
        pairs = np.array(values) / np.array(seconds[base])
        found[name] = (statistics.median(pairs), float(pairs.min()), float(pairs.max()))
    return found


def spread(found: tuple[float, float, float]) -> list[str]:
    """Cells of a ratio: the median, and the lowest to the highest."""
    return [f"{found[0]:.2f}", f"{found[1]:.2f} to {found[2]:.2f}"]


class Bare(torch.nn.Module):
    """What a user writes: a layer, the mean over time, a linear head."""

    def __init__(self, layer, n_features, hidden, n_classes):
        super().__init__()
        self.layer = layer(n_features, hidden, batch_first=True)
        self.head = torch.nn.Linear(hidden, n_classes)

    def forward(self, x):
        return self.head(self.layer(x)[0].mean(dim=1))


def hand_written(layer, X, y, hidden, batch, epochs, fused=False):
    """The loop that a user writes: tensors sliced by a permutation, Adam."""
    torch.manual_seed(0)
    module = Bare(layer, X.shape[2], hidden, int(y.max()) + 1)
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, fused=fused)
    for _ in range(epochs):
        order = torch.randperm(len(X))
        for i in range(0, len(X), batch):
            rows = order[i : i + batch]
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(module(X[rows]), y[rows])
            loss.backward()
            optimizer.step()
    return module


def markdown(head: list[str], rows: list[list[object]]) -> str:
    """A table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)
