"""Members of a pool of forecasters that smooth: exponential smoothing with trend and season, and Theta.

Each channel has smoothing constants of its own, those of a grid that erred least on what it has; a forecast filters the
past of a window with them.

References
----------
E. S. Gardner, E. McKenzie. Forecasting trends in time series. Management Science 31, 1985: damped trends.
V. Assimakopoulos, K. Nikolopoulos. The theta model. International Journal of Forecasting 16, 2000.
R. J. Hyndman, B. Billah. Unmasking the Theta method. International Journal of Forecasting 19, 2003.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from sklearn_seq.auto.channels import Channels, begins

__all__ = ["Smoothing", "Theta", "filter_past", "start_state"]

_STATES = 1 << 22  # numbers of states and forecasts that are held at once
_START = 4  # seasons that tell where a filter starts
_FEWEST = 10  # rows, at least
_MOST_ROWS = 1500  # of a channel that constants are chosen by
_ALPHAS = (0.03, 0.1, 0.25, 0.5, 0.8, 1.0)
_GAMMAS = (0.0, 0.05, 0.15, 0.35)
_TRENDS = ((0.03, 1.0), (0.1, 0.9), (0.1, 0.98))  # beta and phi


class State(NamedTuple):
    """Where a filter stands, each (n, n_constants), the season with a leading phase."""

    level: np.ndarray
    slope: np.ndarray
    season: np.ndarray


def start_state(past: np.ndarray, begin: np.ndarray, season: int, span: int) -> State:
    """Level and slope of a line, and a season around it, of ``span`` rows from ``begin`` on, each (n, 1).

    Phases count from the first column of ``past``, (n, L). The level is that before the first of these rows.
    """
    n, length = past.shape
    t = np.arange(length)
    inside = (t >= begin[:, None]) & (t < begin[:, None] + span)
    count = inside.sum(axis=1)
    if season > 1:
        # whole seasons, as half of one has a slope
        whole = np.where(count >= season, count // season * season, count)
        inside &= t < (begin + whole)[:, None]
        count = whole
    place = np.where(inside, t - begin[:, None], 0.0)
    center = place.sum(axis=1) / count
    mean = (past * inside).sum(axis=1) / count
    away = np.where(inside, place - center[:, None], 0.0)
    slope = (away * past).sum(axis=1) / np.maximum((away**2).sum(axis=1), 1e-12)
    slope = np.where(count >= 2 * season, slope, 0.0)
    level = mean - slope * (center + 1.0)
    phases = np.zeros((season, n, 1))
    if season > 1:
        rest = np.where(inside, past - mean[:, None] - slope[:, None] * away, 0.0)
        more = -length % season
        rest, there = (np.pad(a, ((0, 0), (0, more))).reshape(n, -1, season).sum(axis=1) for a in (rest, inside))
        of_phase = rest / np.maximum(there, 1)
        of_phase[count < season] = 0.0
        phases[:, :, 0] = (of_phase - of_phase.mean(axis=1, keepdims=True)).T
    return State(level[:, None], slope[:, None], phases)


def filter_past(
    past: np.ndarray, begin: np.ndarray, start: State, constants: np.ndarray, leads: tuple[int, ...] = ()
) -> tuple[State, np.ndarray]:
    """Run exponential smoothing over rows.

    Parameters
    ----------
    past : ndarray of shape (n, L)
    begin : ndarray of shape (n,)
        What stands before is not read.
    start : State
        Of shape (n, 1).
    constants : ndarray of shape (4, n or 1, G)
        Of the level, the slope (as a share of the level's), its damping, and the season.
    leads : tuple of int
        Steps ahead whose errors are told.

    Returns
    -------
    State
        Of shape (n, G), behind the last row.
    ndarray of shape (n, G)
        Mean absolute errors, over rows and then over leads.
    """
    alpha, beta, phi, gamma = constants
    n, length = past.shape
    shape = (n, constants.shape[2])
    season = len(start.season)
    level, slope = np.broadcast_to(start.level, shape).copy(), np.broadcast_to(start.slope, shape) * (beta > 0)
    phases = np.repeat(start.season, shape[1], axis=2)
    moves_slope, moves_season, seasonal = alpha * beta, gamma * (1.0 - alpha), season > 1
    dampings = [sum(phi**i for i in range(1, lead + 1)) for lead in leads]
    said = [np.zeros((lead, *shape)) for lead in leads]
    errors, counts = [np.zeros(shape) for _ in leads], [np.zeros((n, 1)) for _ in leads]
    last_begin = int(begin.max())
    for t in range(length):
        x, phase = past[:, t, None], t % season
        on = None if t >= last_begin else (begin <= t)[:, None]
        for i, lead in enumerate(leads):
            if t >= lead:
                known = (begin <= t - lead)[:, None]
                errors[i] += np.abs(x - said[i][t % lead]) * known
                counts[i] += known
        drift = phi * slope
        error = x - level - drift - phases[phase]
        if on is None:
            level += drift + alpha * error
            slope = drift + moves_slope * error
        else:
            level += np.where(on, drift + alpha * error, 0.0)
            slope = np.where(on, drift + moves_slope * error, slope)
            error *= on
        if seasonal:
            phases[phase] += moves_season * error
        for i, lead in enumerate(leads):
            said[i][t % lead] = level + dampings[i] * slope + phases[(t + lead) % season]
    parts = [e / np.maximum(c, 1.0) for e, c in zip(errors, counts, strict=True)]
    return State(level, slope, phases), sum(parts, np.zeros(shape)) / max(1, len(leads))


@dataclass(frozen=True)
class Smoothing:
    """Exponential smoothing with a season, and a damped trend where that is asked for.

    Attributes
    ----------
    season : int
        1 for none.
    trend : bool
    """

    season: int
    trend: bool

    def learn(self, channels: Channels) -> dict[str, Any]:
        """Choose the constants of each channel."""
        gammas = _GAMMAS if self.season > 1 else (0.0,)
        trends = _TRENDS if self.trend else ((0.0, 1.0),)
        grid = np.array([(a, b, phi, g) for a, (b, phi), g in product(_ALPHAS, trends, gammas)]).T  # (4, G)
        rows = min(int(channels.lengths.max()), max(_MOST_ROWS, 3 * self.season))
        horizon = min(channels.horizon, max(1, rows // 3))
        leads = tuple(sorted({1, -(-horizon // 4), -(-horizon // 2), horizon}))
        size = max(1, _STATES // (grid.shape[1] * (self.season + sum(leads))))
        chosen = []
        for first in range(0, len(channels), size):
            part = channels.take(np.arange(first, min(first + size, len(channels)))).last(rows)
            begin = begins(part)
            start = start_state(part, begin, self.season, max(_FEWEST, _START * self.season))
            _, errors = filter_past(part, begin, start, grid[:, None], leads)
            chosen.append(grid[:, errors.argmin(axis=1)])
        return {"constants": np.concatenate(chosen, axis=1)}

    def answer(self, learnt: dict[str, Any], past: np.ndarray, channel: np.ndarray, horizon: int) -> np.ndarray:
        """Forecasts (n, horizon) of what follows ``past`` (n, L) of channels (n,)."""
        constants = learnt["constants"][:, channel][:, :, None]
        begin = begins(past)
        start = start_state(past, begin, self.season, max(_FEWEST, _START * self.season))
        state, _ = filter_past(past, begin, start, constants)
        damping = np.cumsum(constants[2] ** np.arange(1, horizon + 1), axis=1)  # (n, horizon)
        phases = (past.shape[1] + np.arange(horizon)) % self.season
        return state.level + damping * state.slope + state.season[phases, :, 0].T


@dataclass(frozen=True)
class Theta:
    """The Theta method: smoothing of what is left without the season, and half of the slope of its line.

    Attributes
    ----------
    season : int
        1 for none.
    """

    season: int

    def learn(self, channels: Channels) -> dict[str, Any]:
        """Choose the constant of each channel."""
        past = channels.last(min(int(channels.lengths.max()), max(_MOST_ROWS, 3 * self.season)))
        begin = begins(past)
        _, rest = self._without_season(past, begin)
        grid = np.array([(a, 0.0, 1.0, 0.0) for a in _ALPHAS]).T
        leads = tuple(sorted({1, min(channels.horizon, past.shape[1] // 3 + 1)}))
        _, errors = filter_past(rest, begin, _flat(rest, begin), grid[:, None], leads)
        return {"alpha": grid[0, errors.argmin(axis=1)]}

    def answer(self, learnt: dict[str, Any], past: np.ndarray, channel: np.ndarray, horizon: int) -> np.ndarray:
        """Forecasts (n, horizon) of what follows ``past`` (n, L) of channels (n,)."""
        alpha = learnt["alpha"][channel]
        begin = begins(past)
        line, rest = self._without_season(past, begin)
        constants = np.stack([alpha, 0 * alpha, 0 * alpha + 1.0, 0 * alpha])[:, :, None]
        state, _ = filter_past(rest, begin, _flat(rest, begin), constants)
        n = past.shape[1] - begin
        lag = (1.0 - (1.0 - alpha) ** n) / alpha  # of the level behind the line
        steps = np.arange(horizon) + lag[:, None]
        phases = (past.shape[1] + np.arange(horizon)) % self.season
        return state.level + 0.5 * line.slope * steps + line.season[phases, :, 0].T

    def _without_season(self, past: np.ndarray, begin: np.ndarray) -> tuple[State, np.ndarray]:
        line = start_state(past, begin, self.season, past.shape[1])
        return line, past - line.season[np.arange(past.shape[1]) % self.season, :, 0].T


def _flat(past: np.ndarray, begin: np.ndarray) -> State:
    first = np.take_along_axis(past, begin[:, None], axis=1)
    return State(first, np.zeros_like(first), np.zeros((1, *first.shape)))
