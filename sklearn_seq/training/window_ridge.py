"""Ridge regression from the windows of series to what follows them, in closed form, without a copy of the windows.

Every window of look-back L, less its shift (its last value, or its mean), and its deviation predict the next H values
less the same shift. One map serves all series and channels. All that a ridge needs of the windows is the sums of
products of their values. For the windows at positions p = 0 ... P - 1 of a series x they follow from their first row,

    S[0, j] = sum over p of x[p] x[p + j]
    S[i + 1, j + 1] = S[i, j] + x[P + i] x[P + j] - x[i] x[j],

so they cost about as much as one autocorrelation, however many windows there are. The shift is linear in the window,
so it acts on the sums. Errors of windows held out are a quadratic form in their own sums: no forecast is made to choose
among look-backs, shifts and penalties.

Windows with NaN are left out: a series is cut into the runs between them.

References
----------
A. Zeng, M. Chen, L. Zhang, Q. Xu. Are transformers effective for time series forecasting? AAAI 2023: a linear map of
windows less their last value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh

__all__ = ["LAMBDAS", "SHIFTS", "WindowMap", "WindowMoments", "WindowRidge"]

# penalties, relative to the mean diagonal of the products of the features
LAMBDAS = tuple(np.logspace(-4, 2, 13).tolist())
SHIFTS = ("last", "mean", "none")

_SLACK = 1e-3  # share of the least error by which a stronger penalty may be worse
_ENOUGH = 0.5  # share of the windows held out that a look-back must be able to answer
_PENDING = 64  # ends of series that are multiplied at a time


@dataclass(frozen=True)
class WindowMap:
    """A linear map from a window of L values to the next H.

    ``forecast - shift = (window - shift) @ coef + deviation * of_deviation + intercept``, where the shift is the window's
    last value, its mean, or 0, and the deviation is that of the window (divided by L).

    Attributes
    ----------
    coef : ndarray of shape (L, H)
    of_deviation : ndarray of shape (H,)
    intercept : ndarray of shape (H,)
    shift : {"last", "mean", "none"}
    lambda_ : ndarray of shape (H,)
        Penalty of each step, relative to the mean diagonal of the products of the features.
    score : float
        Mean squared error of the windows held out; NaN where there were none to choose by.
    """

    coef: np.ndarray
    of_deviation: np.ndarray
    intercept: np.ndarray
    shift: str
    lambda_: np.ndarray
    score: float = float("nan")

    @property
    def lookback(self) -> int:
        """L."""
        return len(self.coef)

    def predict(self, past: np.ndarray) -> np.ndarray:
        """Forecasts, float64 of shape (n, H), of what follows ``past`` of shape (n, L or more)."""
        window = np.asarray(past[:, -self.lookback :], dtype=np.float64)
        # the weights of a shift are those of the sums, so that both are told once
        shift = (window @ _shift_weights(self.shift, self.lookback))[:, None]
        window = window - shift
        return window @ self.coef + window.std(axis=1)[:, None] * self.of_deviation + self.intercept + shift


class WindowMoments:
    """Sums of products of all windows that were added: of their values, deviation, next values, and 1.

    Parameters
    ----------
    lookback, horizon : int
        L and H.

    Attributes
    ----------
    weight : float
        Sum of the windows' weights.
    """

    def __init__(self, lookback: int, horizon: int) -> None:
        width = lookback + horizon
        self.lookback = lookback
        self.horizon = horizon
        self.weight = 0.0
        self._first = np.zeros(width)  # S[0]
        self._steps = np.zeros((width - 1, width - 1))  # S[i + 1, j + 1] - S[i, j]
        self._others = np.zeros((2, width + 2))  # products of the deviation and of 1 with values, deviation, 1
        self._pending: list[tuple[np.ndarray, np.ndarray]] = []  # first and last values of series, for the steps

    def add(self, x: np.ndarray, weight: float = 1.0) -> None:
        """Add all windows of a series.

        Parameters
        ----------
        x : ndarray of float64 of shape (n,)
            No NaN, and n at least L + H. Of a large level rounding takes digits: where the shift is not ``"none"``, take
            the mean away, which changes nothing else.
        weight : float
            Of each of its windows.
        """
        width = self.lookback + self.horizon
        n_windows = len(x) - width + 1
        first, last = x[: width - 1], x[n_windows:]
        deviation = _deviations(x, self.lookback)[:n_windows]
        running = np.concatenate([[0.0], np.cumsum(x)])
        self.weight += weight * n_windows
        self._first += weight * np.correlate(x, x[:n_windows], "valid")
        self._others[0, :-2] += weight * np.correlate(x, deviation, "valid")
        self._others[0, -2:] += weight * (deviation @ deviation), weight * deviation.sum()
        self._others[1, :-2] += weight * (running[n_windows:] - running[:width])
        root = np.sqrt(weight)
        self._pending.append((root * first, root * last))
        if len(self._pending) == _PENDING:
            self._flush()

    def second(self) -> np.ndarray:
        """The sums of products, (L + 1 + H + 1) squared: of L values, the deviation, H next values, and 1."""
        self._flush()
        lags, width = self.lookback, self.lookback + self.horizon
        products = np.zeros((width, width))  # its upper half
        products[0] = self._first
        for i in range(1, width):
            products[i, i:] = products[i - 1, i - 1 : -1] + self._steps[i - 1, i - 1 :]
        products += np.triu(products, 1).T
        out = np.empty((width + 2, width + 2))
        order = np.r_[:lags, lags + 1 : width + 1]
        out[np.ix_(order, order)] = products
        out[lags, order], out[-1, order] = self._others[:, :-2]
        out[lags, lags], out[lags, -1] = self._others[0, -2:]
        out[-1, lags], out[-1, -1] = out[lags, -1], self.weight
        out[:, lags], out[:, -1] = out[lags], out[-1]
        return out

    def _flush(self) -> None:
        if self._pending:
            first, last = (np.stack(ends) for ends in zip(*self._pending, strict=True))
            self._steps += last.T @ last - first.T @ first
            self._pending.clear()

    def solve(self, shift: str, lambda_: np.ndarray, constant: bool = True, score: float = float("nan")) -> WindowMap:
        """The ridge solution of given penalties.

        Parameters
        ----------
        shift : {"last", "mean", "none"}
        lambda_ : ndarray of shape (H,)
            Penalty of each step, relative to the mean diagonal of the products of the features.
        constant : bool
            With an intercept, penalised as the other coefficients are.
        score : float
            For the solution.
        """
        return _Spectrum(self.second(), self.lookback, shift, constant).solve(lambda_, score)


class WindowRidge:
    """The choice of look-back, shift and penalties by windows held out, and the solution with them.

    Parameters
    ----------
    horizon : int
        H.
    lookbacks : sequence of int
        To choose from. Those that leave no windows to train on, or that can answer fewer than half of the windows held out
        that the shortest one can, are dropped; if none is left, the longest that is possible is tried with its half and
        its quarter.
    shifts : sequence of {"last", "mean", "none"}
        To choose from; of two that are as good within a thousandth the first.
    lambdas : sequence of float
        Penalties to choose from, relative to the mean diagonal of the products of the features; of those that are as good
        within a thousandth the strongest.
    own : bool
        A map for each channel instead of one for all.
    constant : bool
        With an intercept, penalised as the other coefficients are: what a series drifted by is drawn to nothing.
    n_blocks : int
        Blocks of steps of the horizon that have a penalty each.
    """

    def __init__(
        self,
        horizon: int,
        lookbacks: Sequence[int] = (96, 336, 512, 720),
        shifts: Sequence[str] = ("last", "mean"),
        lambdas: Sequence[float] = LAMBDAS,
        *,
        own: bool = False,
        constant: bool = True,
        n_blocks: int = 1,
    ) -> None:
        self.horizon = horizon
        self.lookbacks = sorted(set(lookbacks))
        self.shifts = list(shifts)
        self.lambdas = np.sort(np.asarray(lambdas, dtype=np.float64))[::-1]  # the strongest first
        self.own = own
        self.constant = constant
        self.blocks = np.array_split(np.arange(horizon), min(n_blocks, horizon))

    def fit(
        self,
        values: np.ndarray,
        starts: np.ndarray,
        stops: np.ndarray,
        weight: np.ndarray | None = None,
        tail: float = 0.2,
        refit: bool = True,
    ) -> WindowMap | list[WindowMap]:
        """Choose by the last windows of each series, then solve again with all windows.

        Targets of the windows that are trained on to choose end before the first target of those held out. Held-out
        windows are the same for all look-backs.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_channels)
            Channels on scales that may be compared. Windows with NaN are left out.
        starts, stops : ndarray of int of shape (n_series,)
            Rows of each series.
        weight : ndarray of shape (n_series,), or one that broadcasts to (n_series, n_channels)
            Of each window of a series, 1 by default.
        tail : float or int
            Below 1, the share of each series' windows that is held out; else the number of its last rows in which the
            targets of those windows lie (one window at least). With 0 there is no choice: it is the longest look-back, the
            first shift and the strongest penalty.
        refit : bool
            False leaves the map as it was solved without the windows held out.

        Returns
        -------
        WindowMap or list of WindowMap
            A list, one of each channel, with ``own``.

        Raises
        ------
        ValueError
            When there is no window at all, not even of look-back 1.
        """
        starts, stops = np.asarray(starts), np.asarray(stops)
        shape = len(starts), values.shape[1]
        weight = np.ones(len(starts)) if weight is None else np.asarray(weight, dtype=np.float64)
        weight = np.broadcast_to(weight[:, None] if weight.ndim == 1 else weight, shape)
        tables = [slice(i, i + 1) for i in range(shape[1])] if self.own else [slice(None)]
        maps = [self._fit(_Panel(values[:, i], starts, stops, weight[:, i]), tail, refit) for i in tables]
        return maps if self.own else maps[0]

    def _fit(self, panel: _Panel, tail: float, refit: bool) -> WindowMap:
        first = self._first_held_out(panel, tail)  # row of the first target held out, (S,)
        train = panel._replace(stops=np.minimum(first, panel.stops))
        lookbacks = self._usable(panel, train, first)
        if not lookbacks:
            lookback = self._longest(panel)
            moments = self._moments(panel, lookback, self.shifts[0])
            return moments.solve(self.shifts[0], np.full(self.horizon, self.lambdas[0]), self.constant)
        tried: list[tuple[float, int, str, np.ndarray]] = []
        for lookback in lookbacks:
            # of a window of the longest look-back the end, so that all of them answer for the same targets
            skip = lookbacks[-1] - lookback
            held_out = panel.before(first, lookbacks[-1])
            for shifts in self._alike():
                known = self._moments(train, lookback, shifts[0])
                unknown = self._moments(held_out, lookback, shifts[0], skip)
                second, second_unknown = known.second(), unknown.second()
                for shift in shifts:
                    spectrum = _Spectrum(second, lookback, shift, self.constant)
                    lambda_, score = self._choose(spectrum.errors(second_unknown, self.lambdas))
                    tried.append((score, lookback, shift, lambda_))
        least = min(score for score, *_ in tried)
        equal = [one for one in tried if one[0] <= least * (1.0 + _SLACK)]
        score, lookback, shift, lambda_ = min(equal, key=lambda one: (self.shifts.index(one[2]), one[0]))
        moments = self._moments(panel if refit else train, lookback, shift)
        return moments.solve(shift, lambda_, self.constant, score)

    def _first_held_out(self, panel: _Panel, tail: float) -> np.ndarray:
        n = panel.stops - panel.starts
        if tail >= 1:
            rows = np.maximum(tail, self.horizon)
        else:
            n_windows = np.maximum(np.round(tail * (n - self.horizon)), 1.0 if tail > 0 else 0.0)
            rows = n_windows + self.horizon - 1
        return (panel.stops - rows).astype(int)

    def _usable(self, panel: _Panel, train: _Panel, first: np.ndarray) -> list[int]:
        """Look-backs that leave enough windows."""

        def some(lookbacks: Sequence[int]) -> list[int]:
            possible = [i for i in lookbacks if train.n_windows(i + self.horizon)]
            held_out = [panel.before(first, i).n_windows(i + self.horizon) for i in possible]
            return [i for i, n in zip(possible, held_out) if n > 0 and n >= _ENOUGH * max(held_out)]

        longest = train.longest() - self.horizon
        return some(self.lookbacks) or some(sorted({i for i in (longest // 4, longest // 2, longest) if i > 0}))

    def _longest(self, panel: _Panel) -> int:
        """The longest look-back that has a window."""
        longest = panel.longest() - self.horizon
        if longest < 1:
            raise ValueError(
                f"No series has a run of {self.horizon + 1} values without a gap, which is one of the past and the "
                f"{self.horizon} of the horizon: the longest has {max(0, longest + self.horizon)}. Give longer series, or a "
                "smaller horizon."
            )
        return max((i for i in self.lookbacks if i <= longest), default=longest)

    def _moments(self, panel: _Panel, lookback: int, shift: str, skip: int = 0) -> WindowMoments:
        """Of all windows, without the first ``skip`` values of each run."""
        moments = WindowMoments(lookback, self.horizon)
        for x, weight in panel.runs(lookback + self.horizon + skip):
            run = x[skip:]
            moments.add(run if shift == "none" else run - run.mean(), weight)
        return moments

    def _alike(self) -> list[list[str]]:
        """Shifts that can have the sums of products of centred series, and those that cannot."""
        groups = [[i for i in self.shifts if i != "none"], [i for i in self.shifts if i == "none"]]
        return [group for group in groups if group]

    def _choose(self, errors: np.ndarray) -> tuple[np.ndarray, float]:
        """Penalties (H,), and the mean error that they have, from errors of all (A, H)."""
        lambda_, total = np.empty(self.horizon), 0.0
        for steps in self.blocks:
            of_block = errors[:, steps].sum(axis=1)
            chosen = np.argmax(of_block <= of_block.min() * (1.0 + _SLACK))  # the strongest, which come first
            lambda_[steps] = self.lambdas[chosen]
            total += of_block[chosen]
        return lambda_, float(total / self.horizon)


class _Panel(NamedTuple):
    """Series in a table, some rows of each."""

    values: np.ndarray  # (N, C)
    starts: np.ndarray  # (S,)
    stops: np.ndarray  # (S,)
    weight: np.ndarray  # (S, C)

    def before(self, first: np.ndarray, lookback: int) -> _Panel:
        """From ``lookback`` rows before row ``first`` of each series."""
        return self._replace(starts=np.maximum(first - lookback, self.starts))

    def _gapless(self) -> Iterator[tuple[int, int, int, int]]:
        """Series, channel, and the first row and the one after the last of a run without NaN."""
        for series, (start, stop) in enumerate(zip(self.starts, self.stops)):
            if start >= stop:
                continue
            missing = np.isnan(self.values[start:stop])
            for channel in range(missing.shape[1]):
                if self.weight[series, channel] == 0.0:
                    continue
                gaps = np.concatenate([[-1], np.flatnonzero(missing[:, channel]), [stop - start]])
                for before, after in pairwise(gaps):
                    yield series, channel, start + before + 1, start + after

    def longest(self) -> int:
        """Values of the longest run without NaN."""
        return max((stop - start for _, _, start, stop in self._gapless()), default=0)

    def n_windows(self, width: int) -> int:
        """Windows of ``width`` values without NaN."""
        return sum(max(0, stop - start - width + 1) for _, _, start, stop in self._gapless())

    def runs(self, least: int) -> Iterator[tuple[np.ndarray, float]]:
        """Runs of ``least`` values or more without NaN, and the weight of each."""
        for series, channel, start, stop in self._gapless():
            if stop - start >= least:
                yield self.values[start:stop, channel].astype(np.float64), float(self.weight[series, channel])


class _Spectrum:
    """The solutions of all penalties, from one eigendecomposition.

    The constant is a feature as the others are, and is penalised as they are: what a series drifted by in training is drawn
    to nothing.
    """

    def __init__(self, second: np.ndarray, lookback: int, shift: str, constant: bool) -> None:
        self.lookback, self.shift, self.constant = lookback, shift, constant
        products = self._ordered(_shifted(second, shift, lookback))
        p = self.n_inputs = lookback + 1 + constant
        self.per_unit = np.trace(products[:p, :p]) / p  # what a penalty of 1 adds to the diagonal
        self.values, self.vectors = eigh(products[:p, :p], driver="evd", check_finite=False)  # (p,), (p, p)
        self.moments = self.vectors.T @ products[:p, p:]  # (p, H)

    def _ordered(self, second: np.ndarray) -> np.ndarray:
        """Sums of products of the inputs, the constant behind them, and then of the targets."""
        first = np.arange(self.lookback + 1)
        ones = [len(second) - 1] if self.constant else []
        order = np.concatenate([first, ones, np.arange(self.lookback + 1, len(second) - 1)]).astype(np.int64)
        return second[np.ix_(order, order)]

    def _inverse(self, lambda_: float) -> np.ndarray:
        """One over each penalised eigenvalue; zero for directions that the windows do not have, (p, 1)."""
        values = np.maximum(self.values, 0.0) + lambda_ * self.per_unit
        real = values > len(values) * np.finfo(np.float64).eps * self.values[-1]
        return np.where(real, 1.0 / np.where(real, values, 1.0), 0.0)[:, None]

    def errors(self, second: np.ndarray, lambdas: np.ndarray) -> np.ndarray:
        """Mean squared errors (A, H) of the windows of which ``second`` has the sums of products."""
        p = self.n_inputs
        products = self._ordered(_shifted(second, self.shift, self.lookback))
        inputs = self.vectors.T @ products[:p, :p] @ self.vectors  # (p, p)
        cross = self.vectors.T @ products[:p, p:]  # (p, H)
        out = np.empty((len(lambdas), len(products) - p))
        for error, lambda_ in zip(out, lambdas):
            coef = self._inverse(lambda_) * self.moments
            error[:] = np.diag(products)[p:] + ((inputs @ coef - 2.0 * cross) * coef).sum(axis=0)
        return np.maximum(out, 0.0) / second[-1, -1]

    def solve(self, lambda_: np.ndarray, score: float) -> WindowMap:
        coef = np.empty_like(self.moments)
        for one in np.unique(lambda_):
            mine = lambda_ == one
            coef[:, mine] = self.vectors @ (self._inverse(one) * self.moments[:, mine])
        lookback = self.lookback
        intercept = coef[lookback + 1] if self.constant else np.zeros(coef.shape[1])
        return WindowMap(coef[:lookback], coef[lookback], intercept, self.shift, lambda_, score)


def _shift_weights(shift: str, lookback: int) -> np.ndarray:
    """The shift of a window as weights of its values, (L,)."""
    weights = np.zeros(lookback)
    if shift == "last":
        weights[-1] = 1.0
    elif shift == "mean":
        weights[:] = 1.0 / lookback
    return weights


def _shifted(second: np.ndarray, shift: str, lookback: int) -> np.ndarray:
    """Sums of products after the shift is taken from the values of a window, past and next."""
    along = _shift_weights(shift, lookback) @ second[:lookback]  # products of the shift with everything
    own = along[:lookback] @ _shift_weights(shift, lookback)
    values = np.ones(len(second))
    values[[lookback, -1]] = 0.0  # the deviation and 1 have no shift
    second = second - np.outer(values, along)
    second -= np.outer(along - own * values, values)
    return second


def _about(mean: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Sums of products about a mean, without the column of ones."""
    sums, weight = second[-1, :-1], second[-1, -1]
    out = second[:-1, :-1] - np.outer(mean, sums)
    out -= np.outer(sums - weight * mean, mean)
    return out


def _deviations(x: np.ndarray, lookback: int) -> np.ndarray:
    """The deviation of every window of ``lookback`` values."""
    x = x - x.mean()
    first, second = (np.concatenate([[0.0], np.cumsum(power)]) for power in (x, x * x))
    mean, square = ((sums[lookback:] - sums[:-lookback]) / lookback for sums in (first, second))
    return np.sqrt(np.maximum(square - mean * mean, 0.0))
