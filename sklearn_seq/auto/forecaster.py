"""AutoForecaster: for people who do not want to choose."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_seq.auto.channels import Channels, Logarithms, read_channels, stack_last
from sklearn_seq.auto.origins import hold_out, mix, settle_weights
from sklearn_seq.auto.pool import answer_member, learn_pool, make_pool
from sklearn_seq.auto.seasons import find_seasons
from sklearn_seq.params import AtLeast, Positive, estimator
from sklearn_seq.sequences.horizons import Windows
from sklearn_seq.sequences.tables import Columns
from sklearn_seq.tasks.forecast_reading import TrainingTable
from sklearn_seq.tasks.forecast_solved import SolvedForecasterMixin

__all__ = ["AutoForecaster"]

_LONGEST = 1024  # rows of the past, at most
_SHORTEST = 128
_HORIZONS, _SEASONS, _LONGER = 4, 6, 3  # that are worth reading
_PART = 8  # of the rows, if there are many
_ORIGINS = 4000  # held out, of all channels together
_MOST_ORIGINS = 32  # of each
_ANSWERS = 1 << 24  # numbers that members say at once


@estimator
class AutoForecaster(SolvedForecasterMixin, BaseEstimator):
    """Forecasts without anything to choose: a pool of cheap forecasters, mixed by what they said of origins held out.

    The pool: the last value, the last season, the drift, means of seasons; Theta, exponential smoothing without and with a
    damped trend, with and without a season; autoregressions of each series, whose penalty draws them to the mean, the last value, or
    the last season; a linear map of windows for all series, and for clusters of series with like autocorrelations. All but the
    first few also on logarithms, where a series is positive. Nothing is drawn at random.

    The last quarter of each series, in whole horizons, is first held out. Members learn from what is before, and say what
    follows some origins in it. Weights are a power of their errors there, series by series, drawn to those of the whole pool
    where a series has few such origins [1]_. What is said is half the weighted mean, half the weighted median. Where that is
    not clearly better than to repeat the last value or season, weight goes back to these. Then all members learn from all rows.

    Each target of each series is forecast from its own past; ``known_future``, ``static`` and other columns are not read. Of a y
    that is no column of X, nothing but its mean is said. Missing values are read as the last known ones.

    Attributes
    ----------
    weights_ : dict of str to float
        What each member counts, the mean of all series and targets.
    seasons_ : tuple of int
        Rows of the season, and of a longer one made of several of it if there is one; (1,) for none.

    See Also
    --------
    LinearForecaster : One linear map, with known future and other columns.
    NaiveForecaster : What any other forecaster has to beat.

    References
    ----------
    .. [1] M. Pawlikowski, A. Chorowska. Weighted ensemble of statistical models. International Journal of Forecasting 36, 2020.
    .. [2] P. Montero-Manso, R. J. Hyndman. Principles and algorithms for forecasting groups of time series: locality and
       globality. International Journal of Forecasting 37, 2021.
    .. [3] V. Assimakopoulos, K. Nikolopoulos. The theta model. International Journal of Forecasting 16, 2000.
    .. [4] E. S. Gardner, E. McKenzie. Forecasting trends in time series. Management Science 31, 1985.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import AutoForecaster
    >>> t = np.arange(240)
    >>> X = (20 + 0.05 * t + 5 * np.sin(2 * np.pi * t / 12))[:, None]
    >>> model = AutoForecaster(horizon=12).fit(X[:228])
    >>> model.seasons_
    (12,)
    >>> bool(np.abs(model.predict(X[228:]) - X[228:, 0]).max() < 0.5)
    True
    """

    lookback: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Rows read before each origin; "auto" as many as are useful, up to 1024; fewer are read where series are short.',
    ] = "auto"  # type: ignore[assignment]
    season: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Rows of a season; "auto" goes by the time stamps, or by autocorrelations where there are none.',
    ] = "auto"
    budget: Annotated[
        float,
        Positive,
        "Work, relative to the default: how many origins are held out; below 1, 0.3 and 0.1 dearer members stay out.",
    ] = 1.0

    _reads_others = False

    def _settle(self, read: TrainingTable, before: dict[str, Any] | None = None) -> None:
        self.seasons_ = self._find_seasons(read)
        self.lookback_ = self._useful_lookback(int(read.table.lengths.max()))
        super()._settle(read, before)
        # the number of each series goes along with what is static: constants are those of a series
        static = self._table["static"]
        self._table["static"] = np.column_stack([static, np.arange(len(static))])

    def _find_seasons(self, read: TrainingTable) -> tuple[int, ...]:
        table, columns, n_external = read
        if n_external:
            return (1,)
        known = int(self.season) if self.season != "auto" else None
        if known is None and table.clock is not None and table.clock.season() > 1:
            known = table.clock.season()
        values = []
        for start, stop in zip(table.starts.tolist(), table.stops.tolist(), strict=True):
            for k in columns.target:
                x = table.values[start:stop, k].astype(np.float64)
                there = np.flatnonzero(~np.isnan(x))
                if len(there) > 1:
                    values.append(np.interp(np.arange(len(x)), there, x[there]))
        return find_seasons(Channels(values, self.horizon, 1), known) if values else (known or 1,)

    def _useful_lookback(self, longest: int) -> int:
        if self.lookback != "auto":
            return int(self.lookback)
        useful = _HORIZONS * self.horizon, _SEASONS * self.seasons_[0], _LONGER * self.seasons_[-1], longest // _PART
        return min(_LONGEST, max(*useful, _SHORTEST))

    def _wanted_lookback(self) -> int:
        return self.lookback_  # as `_settle` begins; what series leave room for is less

    def _solve(self, windows: Windows, columns: Columns) -> dict[str, Any]:
        layout = windows.layout
        if -1 in layout.own:
            return {"seasons": None}
        channels = read_channels(windows)
        n_targets = len(layout.target)
        series = np.repeat(np.arange(len(windows.starts)), n_targets)
        scale = windows.scale.mean[:, list(layout.target)], windows.scale.deviation[:, list(layout.target)]
        mean, deviation = (part.ravel() for part in scale)
        pool = make_pool(self.seasons_, len(channels), self.budget)
        n_origins = int(np.clip(self.budget * _ORIGINS / len(channels), 1, _MOST_ORIGINS))
        held = hold_out(channels, self.seasons_[0], n_origins)
        early = channels.until(held.cut)
        logs = Logarithms.of(early, mean, deviation)
        learnt = learn_pool(pool, early, logs)
        past = stack_last([channels.values[i] for i in held.channel], held.origin, layout.lookback)
        said = np.stack(
            [answer_member(pool[name], learnt[name], past, held.channel, layout.horizon, logs) for name in pool], axis=1
        )
        ahead = held.origin[:, None] + np.arange(layout.horizon)
        truth = np.array([channels.values[i][rows] for i, rows in zip(held.channel, ahead, strict=True)])
        truth = truth.reshape(len(past), layout.horizon)
        n_naive = len([season for season in self.seasons_ if season > 1]) + 1
        zero = np.where(np.isnan(logs.floor), np.nan, -mean / deviation)
        weights = settle_weights(said, truth, held, series, n_naive, zero)
        used = np.flatnonzero((weights > 0).any(axis=0))
        names = list(pool)
        pool = {names[i]: pool[names[i]] for i in used}
        logs = Logarithms.of(channels, mean, deviation)
        return {
            "seasons": self.seasons_,
            "n_channels": len(channels),
            "budget": self.budget,
            "n_targets": n_targets,
            "n_static": windows.static.shape[1],
            "members": learn_pool(pool, channels, logs),
            "weights": weights[:, used],
            "logs": dict(vars(logs)),
        }

    def _decide(self, windows: Windows, solved: dict[str, Any]) -> np.ndarray:
        layout = windows.layout
        n, horizon, n_targets = len(windows), layout.horizon, len(layout.target)
        if solved["seasons"] is None:  # y from outside has no past: its mean is all that is known
            return np.zeros((n, horizon, n_targets))
        past = np.moveaxis(windows.past(list(layout.target)), 1, 2).reshape(n * n_targets, -1)
        number = windows.series
        if windows.static.shape[1] > solved["n_static"]:
            number = windows.static[windows.series, -1].astype(np.int64)
        channel = (number[:, None] * n_targets + np.arange(n_targets)).ravel()
        pool = make_pool(solved["seasons"], solved["n_channels"], solved["budget"])
        logs = Logarithms(**solved["logs"])
        found = np.empty((len(past), horizon))
        size = max(1, _ANSWERS // (len(pool) * horizon))
        for first in range(0, len(past), size):
            rows = slice(first, first + size)
            weights = solved["weights"][channel[rows]]
            said = np.full((len(weights), weights.shape[1], horizon), np.nan)
            for k, (name, learnt) in enumerate(solved["members"].items()):
                asked = np.flatnonzero(weights[:, k])
                said[asked, k] = answer_member(
                    pool[name], learnt, past[rows][asked], channel[rows][asked], horizon, logs
                )
            found[rows] = mix(said, weights)
        return np.moveaxis(found.reshape(n, n_targets, horizon), 1, 2)

    @property
    def weights_(self) -> dict[str, float]:
        """What each member counts, the mean of all series and targets; the sum is 1."""
        if "_solved" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no weights_ before fit")
        solved = self._solved
        if solved["seasons"] is None:
            return {"mean": 1.0}
        return dict(zip(solved["members"], solved["weights"].mean(axis=0).tolist(), strict=True))
