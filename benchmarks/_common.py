"""Interleaved timings: the cases take turns, so that a machine whose speed drifts is fair to all of them."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

__all__ = ["data_folder", "interleave", "markdown", "ratios"]


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


def markdown(head: list[str], rows: list[list[object]]) -> str:
    """A table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)
