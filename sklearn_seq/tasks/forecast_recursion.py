"""Forecasts longer than a model's own horizon: what it said becomes the past of what it says next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sklearn_seq.sequences.horizons import Windows

__all__ = ["answer_in_spans", "extend"]


def answer_in_spans(answer: Callable[[Windows], np.ndarray], windows: Windows) -> np.ndarray:
    """Answers of a bounded number of windows at a time, (n, horizon, n_targets, numbers)."""
    parts = [answer(windows.take(np.arange(len(windows))[span])) for span in windows.spans()]
    return np.concatenate(parts) if len(parts) != 1 else parts[0]


def extend(
    answer: Callable[[Windows], np.ndarray], windows: Windows, steps: int, center: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Answers for more steps than a model has.

    Parameters
    ----------
    answer : callable
        ``answer(windows) -> (n, horizon, n_targets, numbers)``, scaled.
    windows : Windows
        What is known ahead has to be there for all steps.
    steps : int
    center : callable
        The number of ``(n, horizon, n_targets, numbers)`` that goes on as the past, ``(n, horizon, n_targets)``.

    Returns
    -------
    ndarray of shape (n, steps, n_targets, numbers)
    """
    layout = windows.layout
    lookback, horizon, target = layout.lookback, layout.horizon, list(layout.target)
    n, n_blocks = len(windows), -(-steps // horizon)
    there = min(steps, n_blocks * horizon)
    rows = np.arange(-lookback, n_blocks * horizon)
    rows = np.minimum(rows, there - 1)
    # each window gets rows of its own, as forecasts of one are no past of another
    values = windows.values[windows.origins[:, None] + rows].astype(np.float64)  # (n, rows, columns)
    own = np.arange(n)
    scale = replace(
        windows.scale, mean=windows.scale.mean[windows.series], deviation=windows.scale.deviation[windows.series]
    )
    length = values.shape[1]
    begins = own * length
    found = []
    for block in range(n_blocks):
        flat = values.reshape(n * length, -1)
        here = Windows(
            flat, begins, begins + length, begins + lookback + block * horizon, own, layout, scale,
            windows.static[windows.series],
        )  # fmt: skip
        found.append(answer(here))
        first = lookback + block * horizon
        values[:, first : first + horizon, target] = scale.undo(center(found[-1]), own, target)
        if layout.marked:
            values[:, first : first + horizon, layout.target_marks] = 0.0
    return np.concatenate(found, axis=1)[:, :steps]
