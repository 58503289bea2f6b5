"""Intervals that cover what they say: conformal prediction from errors on origins that were held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Calibration", "adaptive_widths"]

_LEVELS = 400  # kept of the errors of each step and target


@dataclass(frozen=True)
class Calibration:
    """Errors on held out origins, in units of the spread that the model gave them.

    Attributes
    ----------
    grid : ndarray of shape (n_levels, horizon, n_targets)
        Quantiles of the errors, in rising order.
    sizes : ndarray of shape (n_levels, horizon, n_targets)
        Quantiles of their absolute values.
    n : ndarray of int of shape (horizon, n_targets)
        How many errors there were.
    """

    grid: np.ndarray
    sizes: np.ndarray
    n: np.ndarray

    @classmethod
    def of(cls, errors: np.ndarray) -> Calibration:
        """Of errors (n, horizon, n_targets), NaN where the truth is missing."""
        n = (~np.isnan(errors)).sum(axis=0)
        return cls(_order_statistics(errors), _order_statistics(np.abs(errors)), n)

    def width(self, coverage: float) -> np.ndarray:
        """Half the width of intervals, (horizon, n_targets); infinite where too few errors are known for the coverage.

        The ``ceil((n + 1) coverage)``-th smallest of ``n`` absolute errors (Papadopoulos et al. 2002).
        """
        return self.widths(np.full(self.n.shape, coverage))

    def widths(self, coverage: np.ndarray) -> np.ndarray:
        """As `width`, with a coverage for each step and target."""
        n = np.maximum(self.n, 1)
        rank = np.ceil((n + 1) * coverage - 1e-9)  # of the error, from 1
        place = np.clip((rank - 1) / np.maximum(n - 1, 1), 0.0, 1.0) * (len(self.sizes) - 1)
        above = np.ceil(place - 1e-9).astype(np.int64)  # a grid coarser than the errors errs to the wide side
        found = np.take_along_axis(self.sizes, above[None], axis=0)[0]
        return np.where((rank > self.n) | (self.n == 0), np.inf, np.where(rank <= 0, 0.0, found))

    def quantile(self, level: float) -> np.ndarray:
        """Quantile of the errors, (horizon, n_targets)."""
        place = level * (len(self.grid) - 1)
        below = int(place)
        above = min(below + 1, len(self.grid) - 1)
        return self.grid[below] + (place - below) * (self.grid[above] - self.grid[below])


def _order_statistics(errors: np.ndarray) -> np.ndarray:
    """All errors in rising order where they are few, else quantiles of them, (n_levels, horizon, n_targets)."""
    n = min(_LEVELS, max(2, len(errors)))
    levels = np.linspace(0.0, 1.0, n)
    none = np.isnan(errors).all(axis=0)
    filled = np.where(none, 0.0, errors)
    if not np.isnan(filled).any():
        return np.quantile(filled, levels, axis=0)
    return np.nanquantile(filled, levels, axis=0)


def adaptive_widths(
    calibration: Calibration, sizes: np.ndarray, coverage: float, stride: int, rate: float
) -> np.ndarray:
    """Half widths for origins one after another, widened after misses and narrowed after hits.

    Parameters
    ----------
    calibration : Calibration
    sizes : ndarray of shape (n_origins, horizon, n_targets)
        Absolute errors in units of the model's spread; NaN where the truth is missing. Those of origin ``i`` and step ``j``
        are used from the first origin on that does not lie before the row of that step.
    coverage : float
    stride : int
        Rows from one origin to the next.
    rate : float
        How far one miss moves the level.

    Returns
    -------
    ndarray of shape (n_origins, horizon, n_targets)

    References
    ----------
    .. [1] I. Gibbs, E. Candes. Adaptive conformal inference under distribution shift. NeurIPS 2021.
    """
    n, horizon = sizes.shape[:2]
    delay = -(-(np.arange(horizon) + 1) // stride)  # origins until the truth of a step is known
    level = np.full(sizes.shape[1:], coverage)
    widths = np.empty_like(sizes)
    missed = np.zeros(sizes.shape, dtype=bool)
    for i in range(n):
        known = i - delay  # the origin whose step j has come true
        steps = np.flatnonzero(known >= 0)
        if len(steps):
            past = known[steps], steps
            told = ~np.isnan(sizes[past])
            level[steps] += np.where(told, rate * (missed[past] - (1.0 - coverage)), 0.0)
        widths[i] = np.where(level >= 1.0, np.inf, calibration.widths(np.clip(level, 0.0, 1.0)))
        finite = np.isinf(widths[i]) & (calibration.n > 0)
        widths[i][finite] = 2.0 * calibration.sizes[-1][finite]  # an interval without ends tells nothing
        missed[i] = sizes[i] > widths[i]
    return widths
