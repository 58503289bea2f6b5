"""Ridge on what stands beside a series: columns known ahead, the past of other columns, windows with gaps.

These take a design that is written out, so it is bounded: some thousand windows, evenly spread, and a few lags.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.linalg import eigh

from sklearn_seq.sequences.horizons import Windows
from sklearn_seq.training.ridge import RidgePath, linear_map, squared_error
from sklearn_seq.training.window_ridge import WindowMap

__all__ = ["PastColumns", "effect_of_rows", "map_with_gaps", "share_without_gaps", "thinned"]

ALPHAS = np.logspace(-4, 1, 6)  # relative to the mean of the rows' squared lengths

_WINDOWS = 2000  # of a design
_MEANS = (24, 96)  # rows of the means beside the lags
_PENALTY = 1e-3  # of what is known ahead: few columns, many rows
_CHUNK = 1 << 16


def effect_of_rows(
    known: np.ndarray, target: np.ndarray, starts: np.ndarray, stops: np.ndarray, *, changes: bool
) -> np.ndarray:
    """Ridge regression of targets on columns of the same row, without the constant.

    Parameters
    ----------
    known : ndarray of shape (n_rows, p)
    target : ndarray of shape (n_rows, K)
        NaN is left out.
    starts, stops : ndarray of int of shape (n_series,)
        Rows of each series.
    changes : bool
        Of changes from row to row on changes, which is the better one where levels wander.

    Returns
    -------
    ndarray of float64 of shape (p, K)
    """
    p, n_targets = known.shape[1], target.shape[1]
    products = np.zeros((n_targets, p + 1, p + 1))
    cross = np.zeros((n_targets, p + 1))
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        for begin in range(start, stop, _CHUNK):
            rows = slice(max(start, begin - changes), min(stop, begin + _CHUNK))
            x, y = known[rows].astype(np.float64), target[rows].astype(np.float64)
            if changes:
                x, y = np.diff(x, axis=0), np.diff(y, axis=0)
            x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
            there = ~np.isnan(y)
            for k in range(n_targets):
                mine = x if there[:, k].all() else x[there[:, k]]
                products[k] += mine.T @ mine
                cross[k] += mine.T @ y[there[:, k], k]
    effect = np.zeros((p, n_targets))
    for k in range(n_targets):
        n = max(products[k, -1, -1], 1.0)
        mean = products[k, -1, :-1] / n
        gram = products[k, :-1, :-1] - n * np.outer(mean, mean)
        size = np.trace(gram) / p
        if size > 1e-9 * n:
            effect[:, k] = np.linalg.solve(gram + _PENALTY * size * np.eye(p), cross[k, :-1] - mean * cross[k, -1])
    return effect


def thinned(windows: Windows) -> Windows:
    """A bounded number of windows, evenly spread."""
    if len(windows) <= _WINDOWS:
        return windows
    return windows.take(np.linspace(0, len(windows) - 1, _WINDOWS).astype(np.int64))


@dataclass(frozen=True)
class PastColumns:
    """A linear map from the last rows of some columns to the horizon.

    Attributes
    ----------
    columns : list of int
    n_lags, n_rows : int
        Rows that are read one by one, and rows that are read at all.
    levels : bool
        Whether rows are read as they are, or less their mean, which a level that wanders does not lead astray.
    coef : ndarray of shape (p, H * K)
    intercept : ndarray of shape (H * K,)
    """

    columns: list[int]
    n_lags: int
    n_rows: int
    levels: bool
    coef: np.ndarray
    intercept: np.ndarray

    strongest: ClassVar[float] = float(ALPHAS[-1])

    @staticmethod
    def read(windows: Windows, columns: list[int], n_lags: int, n_rows: int, levels: bool) -> np.ndarray:
        """The features (n, p): the last rows, and means; less the mean of all rows read without ``levels``."""
        past = windows.rows(-n_rows, n_rows, columns)  # (n, n_rows, k)
        if not levels:
            past -= past.mean(axis=1, keepdims=True)
        means = [past[:, -min(m, n_rows) :].mean(axis=1) for m in _MEANS]
        return np.concatenate([past[:, n_rows - n_lags :].reshape(len(past), -1), *means], axis=1)

    def predict(self, windows: Windows) -> np.ndarray:
        """(n, H, K)."""
        features = self.read(windows, self.columns, self.n_lags, self.n_rows, self.levels)
        return linear_map(features, self.coef, self.intercept).reshape(len(windows), windows.layout.horizon, -1)

    @classmethod
    def choose(
        cls,
        train: tuple[Windows, np.ndarray],
        held_out: tuple[Windows, np.ndarray],
        columns: list[int],
        n_lags: int,
        lookback: int,
        least_gain: float,
        levels: bool,
    ) -> np.ndarray:
        """Penalties (K,) that are best on windows held out; NaN for targets that gain too little.

        Parameters
        ----------
        train, held_out : tuple of Windows and ndarray of shape (n, H, K)
            Windows, and what is left to say of them; NaN where the truth is missing.
        columns : list of int
        n_lags, lookback : int
        least_gain : float
            Share of the squared error held out that has to go; and of both halves of them something.
        levels : bool
        """
        n_targets = train[1].shape[2]
        half = len(held_out[1]) // 2
        errors = np.empty((len(ALPHAS), 2, n_targets))  # of both halves
        for i, alpha in enumerate(ALPHAS):
            found = cls.solve(*train, columns, n_lags, lookback, np.full(n_targets, alpha), levels)
            errors[i] = _squares(held_out[1] - found.predict(held_out[0]), half)
        base = _squares(held_out[1], half)
        total = errors.sum(axis=1)
        best = len(ALPHAS) - 1 - total[::-1].argmin(axis=0)
        gained = total.min(axis=0) < base.sum(axis=0) * (1.0 - least_gain)
        gained &= (errors[best, :, np.arange(n_targets)].T <= base).all(axis=0)
        return np.where(gained, ALPHAS[best], np.nan)

    @classmethod
    def solve(
        cls,
        windows: Windows,
        left: np.ndarray,
        columns: list[int],
        n_lags: int,
        lookback: int,
        alpha: np.ndarray,
        levels: bool,
    ) -> PastColumns:
        """With given penalties (K,); zero for NaN. What is missing of ``left`` is taken as said already."""
        n_rows = min(lookback, max(*_MEANS, n_lags))
        n_lags = min(n_lags, n_rows)
        features = cls.read(windows, columns, n_lags, n_rows, levels)
        n = len(left)
        target = np.nan_to_num(left)
        center, middle = features.mean(axis=0), target.mean(axis=0)  # (p,), (H, K)
        spread = features.std(axis=0)
        spread[spread <= 1e-9] = np.inf  # a constant column explains nothing
        features = (features - center) / spread
        values, vectors = eigh(features.T @ features, driver="evd", check_finite=False)
        moments = vectors.T @ (features.T @ target.reshape(n, -1))
        moments = moments.reshape(len(values), *middle.shape)  # (p, H, K)
        size = max(float(values.sum()) / n, 1e-12)  # mean of the rows' squared lengths
        shrink = np.maximum(values, 0.0)[:, None] + np.nan_to_num(alpha * size * n, nan=np.inf)  # (p, K)
        coef = (vectors @ (moments / shrink[:, None]).reshape(len(values), -1)) / spread[:, None]
        intercept = np.where(np.isnan(alpha), 0.0, middle).ravel() - center @ coef
        return cls(columns, n_lags, n_rows, levels, coef, intercept)


def _squares(errors: np.ndarray, half: int) -> np.ndarray:
    """Of errors (n, H, K), summed for both halves and each target, NaN left out."""
    squares = np.square(np.nan_to_num(errors)).sum(axis=1)
    return np.stack([squares[:half].sum(axis=0), squares[half:].sum(axis=0)])


def share_without_gaps(values: np.ndarray, starts: np.ndarray, stops: np.ndarray, width: int) -> float:
    """The share of windows of ``width`` rows of each column that hold no NaN; 1 where there are no windows."""
    complete = total = 0
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        if stop - start >= width:
            gaps = np.cumsum(np.isnan(values[start:stop]), axis=0)
            gaps = np.concatenate([np.zeros((1, values.shape[1]), dtype=gaps.dtype), gaps])
            inside = gaps[width:] - gaps[:-width]
            complete += int((inside == 0).sum())
            total += inside.size
    return complete / total if total else 1.0


def map_with_gaps(past: np.ndarray, truth: np.ndarray, shifts: list[str], alphas: np.ndarray | None) -> WindowMap:
    """A window map from windows that were filled in, each step learnt where its truth is known.

    Parameters
    ----------
    past : ndarray of shape (n, L)
    truth : ndarray of shape (n, H)
        NaN where it is missing.
    shifts : list of {"last", "mean", "none"}
        The one with the least leave-one-out error is taken, the first of equals.
    alphas : ndarray, or None
        Penalties, relative to the mean of the features' squares, to choose from by leave-one-out errors.
    """
    found = []
    n, horizon = truth.shape
    for shift in shifts:
        level = {"last": past[:, -1], "mean": past.mean(axis=1), "none": np.zeros(n)}[shift]
        features = np.concatenate([past - level[:, None], past.std(axis=1)[:, None]], axis=1)
        coef, intercept = np.zeros((features.shape[1], horizon)), np.zeros(horizon)
        penalty, total = np.full(horizon, np.nan), 0.0
        for step in range(horizon):
            there = np.flatnonzero(~np.isnan(truth[:, step]))
            if len(there) < 2:
                continue
            target, weight = (truth[there, step] - level[there])[:, None], np.ones(len(there))
            # RidgePath counts a penalty in squared lengths of rows, which have as many terms as there are features
            grid = ALPHAS if alphas is None else np.unique(alphas) / features.shape[1]
            one = RidgePath(features[there], target, weight, grid).best(squared_error(target, weight))
            coef[:, step], intercept[step], penalty[step] = one.coef[:, 0], one.intercept[0], one.alpha[0]
            total += float(np.mean((one.loo - target) ** 2)) / horizon
        found.append((total, WindowMap(coef[:-1], coef[-1], intercept, shift, penalty)))
    return min(found, key=lambda one: one[0])[1]
