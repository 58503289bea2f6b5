"""A linear forecaster, solved in closed form."""

from dataclasses import asdict, replace
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_seq.params import AtLeast, Positive, estimator
from sklearn_seq.sequences.horizons import Windows
from sklearn_seq.sequences.tables import Columns
from sklearn_seq.tasks.forecast_reading import TrainingTable
from sklearn_seq.tasks.forecast_solved import SolvedForecasterMixin
from sklearn_seq.training.window_designs import PastColumns, effect_of_rows, map_with_gaps, share_without_gaps, thinned
from sklearn_seq.training.window_ridge import LAMBDAS, WindowMap, WindowRidge

__all__ = ["LinearForecaster"]

_LOOKBACKS = (8, 12, 24, 48, 96, 168, 336, 512, 720)
_SEASONS = (1, 2, 3, 4, 7)  # of which there may be so many in a look-back
_LONGEST = 1024
_EXTERNAL_LOOKBACK = 96  # where targets have no past
_LAGS, _EXTERNAL_LAGS = 8, 24  # of columns beside the targets
_MOST_LAGS = 512  # of all such columns together
# what has to go of the squared error held out, to take what is more daring
_GAIN_OF_OWN, _GAIN_OF_PAST, _GAIN_OF_KNOWN = 0.02, 0.01, 0.005
_WITH_GAPS = 128  # the longest look-back of windows that are written out
_COMPLETE = 0.5  # share of the windows without a gap, below which they are


class _Series(NamedTuple):
    """What is learnt from: scaled targets, and the rows of each series that may be used."""

    values: np.ndarray  # (n_rows, K), NaN where a target is missing
    starts: np.ndarray  # (n_series,)
    stops: np.ndarray
    first: np.ndarray  # row of the first target held out


class _Choice(NamedTuple):
    lookback: int
    shifts: list[str]  # one, or with gaps those to choose from
    alphas: np.ndarray | None  # (1 or K, H)
    score: float
    external: bool = False  # targets have no past
    gaps: bool = False  # so many that windows are written out


@estimator
class LinearForecaster(SolvedForecasterMixin, BaseEstimator):
    """A linear map from the last rows of a target to its next ones, solved in closed form.

    Ridge regression of the ``horizon`` next values on the last ``lookback`` ones, less their last value or their mean, and on
    their deviation [1]_. One map serves all targets and series, each brought to mean 0 and deviation 1, or each target has
    one of its own. Look-back, shift and penalties are chosen by the last windows of training, and the map is then solved
    again with all. It takes seconds, and is hard to beat where series have a season.

    Columns of ``known_future`` act row by row: their effect is taken out of the targets, and put back in the forecast.
    Columns that are neither forecast nor known ahead add a linear map of their last rows where that helps. Static columns
    are not used: as every series has a scale of its own, they explain nothing.

    Where missing targets leave few windows complete (``missing="mask"``), the past is filled in, up to 128 rows of it, and each
    step is learnt where its truth is known.

    Attributes
    ----------
    choice_ : dict
        What was chosen: "lookback", "shift", "channels", "alpha" (of each step, or of each target and step), "known"
        ("levels", "changes" or "none": how the effect of columns known ahead was estimated), "past" (the targets that columns
        of the past help), and "score", the mean squared error of the scaled windows held out (NaN where there was nothing
        to choose).

    References
    ----------
    .. [1] A. Zeng, M. Chen, L. Zhang, Q. Xu. Are transformers effective for time series forecasting? AAAI 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import LinearForecaster
    >>> X = np.sin(np.arange(200) * np.pi / 6)[:, None] + 3
    >>> LinearForecaster(horizon=4).fit(X[:180]).forecast().round(2)
    array([3.  , 3.5 , 3.87, 4.  ])
    >>> X[180:184, 0].round(2)
    array([3.  , 3.5 , 3.87, 4.  ])
    """

    lookback: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Rows read before each origin; "auto" chooses among some from 8 to 1024, and multiples of the season of the time stamps.',
    ] = "auto"  # type: ignore[assignment]
    shift: Annotated[
        Literal["auto", "last", "mean", "none"],
        'What is taken from a window and put back: its last value, its mean, nothing. "auto" chooses between the first two; nothing '
        "pulls forecasts to the mean of training, which helps where the level never changes and harms where it does.",
    ] = "auto"
    alpha: Annotated[
        float | Literal["auto"] | np.ndarray,
        AtLeast(0),
        'Penalty, relative to the mean square of the features; one for all, for each step, or for each target and step. "auto" chooses '
        "one for all.",
    ] = "auto"
    channels: Annotated[
        Literal["auto", "shared", "own"],
        'One map for all targets, or one for each; "auto" takes the latter where it is clearly better.',
    ] = "auto"
    tail: Annotated[
        float,
        Positive,
        "Last part of each series by which to choose: below 1 the share of its windows, else the rows that they forecast.",
    ] = 0.2

    # -- look-back ---------------------------------------------------------------------------------------------------

    def _candidates(self) -> list[int]:
        if self.lookback != "auto":
            return [int(self.lookback)]
        clock = self._clock()
        season = 1 if clock is None else clock.season()
        seasons = [season * n for n in _SEASONS] if season > 1 else []
        return sorted({n for n in (*_LOOKBACKS, *seasons) if n <= _LONGEST})

    def _wanted_lookback(self) -> int:
        return self._candidates()[-1]

    def _settle(self, read: TrainingTable, before: dict[str, Any] | None = None) -> None:
        super()._settle(read, before)
        lengths = read.table.lengths
        self._table["lengths"] = lengths  # windows do not tell what was put before short series
        if self.lookback == "auto":
            room = max(1, (int(lengths.max()) - self.horizon) // 2)
            if read.n_external:
                room = min(room, _EXTERNAL_LOOKBACK)
            self._shorten(max((n for n in self._candidates() if n <= room), default=room))

    def _shorten(self, lookback: int) -> None:
        """Read and remember fewer rows."""
        before, memory = self.lookback_, self._memory()
        if lookback < before:
            n = len(memory.lengths)
            values = memory.values.reshape(n, before, -1)[:, before - lookback :].reshape(n * lookback, -1)
            memory = replace(memory, values=values, lengths=np.minimum(memory.lengths, lookback))
            self._table = self._table | {"memory": asdict(memory)}
            self.lookback_ = lookback

    def _learn(self, windows: Windows, columns: Columns) -> None:
        super()._learn(windows, columns)
        self.choice_ = self._solved["choice"]
        self._shorten(self._solved["lookback"])

    # -- solving -----------------------------------------------------------------------------------------------------

    def _usable(self, windows: Windows) -> tuple[np.ndarray, np.ndarray]:
        """The rows of each series that windows cover, without what was put before it."""
        front = windows.stops - windows.starts - self._table["lengths"]
        starts = windows.starts + front
        stops = starts.copy()
        np.maximum.at(stops, windows.series, windows.origins + windows.layout.horizon)
        return starts, stops

    def _solve(self, windows: Windows, columns: Columns) -> dict[str, Any]:
        layout = windows.layout
        target, known = list(layout.target), list(layout.known)
        starts, stops = self._usable(windows)
        first = _first_held_out(starts, stops, layout.horizon, self.tail)
        scaled = windows.scaled(windows.values.dtype.type)
        values, ahead = scaled[:, target], scaled[:, known]
        del scaled
        if layout.marked:
            values[windows.values[:, layout.target_marks] > 0] = np.nan
        series = _Series(values, starts, stops, first)
        manner, found = self._choose(series, ahead, windows, min(layout.own) < 0)
        others = [i for i in layout.past if i not in known and i not in target]
        penalties = None
        if others:
            penalties = self._choose_past(series, ahead, windows, manner, found, others)
        effect = _effect(ahead, values, starts, stops, manner)
        maps = self._maps(_without(series, ahead, effect), windows, effect, found)
        lookback = max([one.lookback for one in maps], default=1)
        solved: dict[str, Any] = {"maps": [asdict(one) for one in maps], "effect": effect, "past": None}
        if penalties is not None and not np.isnan(penalties).all():
            every = _within(windows, starts, stops, self.lookback_)
            left = _truth(every, effect) - _say(every, maps, effect)
            past = PastColumns.solve(
                every, left, others, self._n_lags(found, others), self.lookback_, penalties, levels=found.external
            )
            solved["past"] = asdict(past)
            lookback = max(lookback, past.n_rows)
        names = self.target_names_
        helped = [] if penalties is None else [names[i] for i in np.flatnonzero(~np.isnan(penalties))]
        solved["choice"] = {
            "lookback": lookback,
            "shift": maps[0].shift if maps else "none",
            "channels": "own" if len(maps) > 1 else "shared",
            "alpha": np.array([one.lambda_ for one in maps]) if len(maps) != 1 else maps[0].lambda_,
            "known": manner,
            "past": helped,
            "score": found.score,
        }
        return solved | {"lookback": lookback}

    def _choose(self, series: _Series, ahead: np.ndarray, windows: Windows, external: bool) -> tuple[str, _Choice]:
        """How columns known ahead act, and look-back, shift and penalties."""
        best: tuple[str, _Choice] | None = None
        for manner in ("none", "levels", "changes") if ahead.shape[1] else ("none",):
            effect = _effect(ahead, series.values, series.starts, series.first, manner)
            must_score = ahead.shape[1] > 0
            found = self._search(_without(series, ahead, effect), windows, effect, external, must_score)
            gain = _GAIN_OF_KNOWN if best is not None and best[0] == "none" else 0.0
            if best is None or found.score < best[1].score * (1.0 - gain):
                best = manner, found
        assert best is not None
        return best

    def _search(
        self, series: _Series, windows: Windows, effect: np.ndarray | None, external: bool, must_score: bool
    ) -> _Choice:
        horizon, n_targets = windows.layout.horizon, series.values.shape[1]
        lookbacks = [n for n in self._candidates() if n <= self.lookback_] or [self.lookback_]
        shifts: list[str] = ["last", "mean"] if self.shift == "auto" else [self.shift]
        given = self._given_alphas(n_targets, horizon)
        if external:
            return _Choice(self.lookback_, ["none"], None, _square_held_out(series), external=True)
        if windows.layout.marked:
            complete = share_without_gaps(series.values, series.starts, series.stops, lookbacks[0] + horizon)
            if complete < _COMPLETE:
                return _Choice(min(self.lookback_, _WITH_GAPS), shifts, given, float("nan"), gaps=True)
        own = n_targets > 1 and self.channels != "shared"
        if own and self.channels == "auto" and windows.layout.marked:  # a target without a window has no map of its own
            columns = (series.values[:, [i]] for i in range(n_targets))
            own = all(share_without_gaps(one, series.starts, series.stops, 1 + horizon) for one in columns)
        must_own = self.channels == "own" or (given is not None and len(given) > 1)
        settled = given is not None and len(lookbacks) == len(shifts) == 1 and not must_score
        if settled and (must_own or not own):
            return _Choice(lookbacks[0], shifts, given, float("nan"))
        lambdas = LAMBDAS if given is None else np.unique(given).tolist()
        place: Any = {"starts": series.starts, "stops": series.stops, "tail": self.tail, "refit": False}
        best: Any = WindowRidge(horizon, lookbacks, shifts, lambdas).fit(series.values, **place)
        held_out = _within(windows, series.first - lookbacks[-1], series.stops, lookbacks[-1])
        alphas, score = best.lambda_[None], best.score
        if own:
            each: Any = WindowRidge(horizon, [best.lookback], [best.shift], lambdas, own=True).fit(
                series.values, **place
            )
            if must_own or _beats(held_out, effect, each, [best], _GAIN_OF_OWN):
                alphas = np.array([one.lambda_ for one in each])
                score = float(np.mean([one.score for one in each]))
        if given is not None:
            alphas = np.broadcast_to(given, (len(alphas), horizon))
        return _Choice(best.lookback, [best.shift], alphas, score)

    def _given_alphas(self, n_targets: int, horizon: int) -> np.ndarray | None:
        if isinstance(self.alpha, str):
            return None
        rows = 1 if self.channels == "shared" else n_targets
        given = np.asarray(self.alpha, dtype=np.float64)
        if given.shape not in ((), (horizon,), (rows, horizon)) or not (given >= 0).all():
            raise ValueError(
                f"alpha has shape {given.shape}, from {given.min():g}; wanted penalties of at least 0: one, one for each of the {horizon} "
                f"steps, or, with channels='own', of shape ({n_targets}, {horizon}). Give one of these, or 'auto'."
            )
        own = self.channels == "own" or given.ndim == 2
        return np.broadcast_to(given, (rows if own else 1, horizon))

    def _maps(self, series: _Series, windows: Windows, effect: np.ndarray | None, found: _Choice) -> list[WindowMap]:
        """Solved with all rows of the series, as was chosen."""
        if found.external:
            return []
        horizon = windows.layout.horizon
        if found.gaps:
            some = _within(windows, series.starts, series.stops, found.lookback)
            past, truth = _past(some, found.lookback, effect), _truth(some, effect)
            past, truth = (np.concatenate(list(np.moveaxis(part, 2, 0))) for part in (past, truth))
            return [map_with_gaps(past, truth, found.shifts, found.alphas)]
        assert found.alphas is not None
        n_targets = series.values.shape[1]
        parts = [slice(None)] if len(found.alphas) == 1 else [slice(i, i + 1) for i in range(n_targets)]
        maps = []
        for part, alphas in zip(parts, found.alphas, strict=True):
            penalties = np.unique(alphas)
            solved: list[Any] = [
                WindowRidge(horizon, [found.lookback], found.shifts, [one]).fit(
                    series.values[:, part], series.starts, series.stops, tail=0
                )
                for one in penalties
            ]
            which = np.searchsorted(penalties, alphas)
            steps = np.arange(horizon)
            coef = np.stack([one.coef for one in solved])[which, :, steps].T
            deviation, intercept = (
                np.stack(one)[which, steps]
                for one in zip(*[(m.of_deviation, m.intercept) for m in solved], strict=True)
            )
            maps.append(WindowMap(coef, deviation, intercept, found.shifts[0], np.array(alphas), found.score))
        return maps

    def _choose_past(
        self, series: _Series, ahead: np.ndarray, windows: Windows, manner: str, found: _Choice, others: list[int]
    ) -> np.ndarray:
        """Penalties of the map from the past of other columns, NaN for targets that it does not help."""
        effect = _effect(ahead, series.values, series.starts, series.first, manner)
        early = _without(series, ahead, effect)._replace(stops=series.first)
        longest = self.lookback_
        train = _within(windows, series.starts, series.first, longest)
        held_out = _within(windows, series.first - longest, series.stops, longest)
        if not len(train) or not len(held_out):
            return np.full(series.values.shape[1], PastColumns.strongest if found.external else np.nan)
        maps = self._maps(early, windows, effect, found)
        early_left, late_left = (_truth(part, effect) - _say(part, maps, effect) for part in (train, held_out))
        return PastColumns.choose(
            (train, early_left),
            (held_out, late_left),
            others,
            self._n_lags(found, others),
            longest,
            least_gain=0.0 if found.external else _GAIN_OF_PAST,
            levels=found.external,
        )

    def _n_lags(self, found: _Choice, others: list[int]) -> int:
        lags = _EXTERNAL_LAGS if found.external else _LAGS
        return min(lags, max(1, _MOST_LAGS // len(others)), self.lookback_)

    # -- saying ------------------------------------------------------------------------------------------------------

    def _decide(self, windows: Windows, solved: dict[str, Any]) -> np.ndarray:
        effect = solved["effect"]
        found = _say(windows, [WindowMap(**one) for one in solved["maps"]], effect)
        if solved["past"] is not None:
            found = found + PastColumns(**solved["past"]).predict(windows)
        if effect is not None:
            found = found + windows.rows(0, windows.layout.horizon, list(windows.layout.known)) @ effect
        return found


def _first_held_out(starts: np.ndarray, stops: np.ndarray, horizon: int, tail: float) -> np.ndarray:
    """The row of the first target held out of each series, as `WindowRidge` has it."""
    n = stops - starts
    if tail >= 1:
        rows = np.full(len(n), max(int(tail), horizon))
    else:
        rows = np.maximum(np.round(tail * (n - horizon)), 1).astype(np.int64) + horizon - 1
    return np.maximum(stops - rows, starts)


def _effect(
    ahead: np.ndarray, values: np.ndarray, starts: np.ndarray, stops: np.ndarray, manner: str
) -> np.ndarray | None:
    return None if manner == "none" else effect_of_rows(ahead, values, starts, stops, changes=manner == "changes")


def _without(series: _Series, ahead: np.ndarray, effect: np.ndarray | None) -> _Series:
    return series if effect is None else series._replace(values=series.values - ahead @ effect)


def _square_held_out(series: _Series) -> float:
    parts = [series.values[a:b].ravel() for a, b in zip(series.first.tolist(), series.stops.tolist(), strict=True)]
    return float(np.mean(np.square(np.concatenate(parts))))


def _within(windows: Windows, starts: np.ndarray, stops: np.ndarray, lookback: int) -> Windows:
    """Windows that lie in these rows of each series, thinned."""
    origins, series = windows.origins, windows.series
    there = (origins - lookback >= starts[series]) & (origins + windows.layout.horizon <= stops[series])
    return thinned(windows.take(np.flatnonzero(there)))


def _beats(
    windows: Windows, effect: np.ndarray | None, new: list[WindowMap], old: list[WindowMap], gain: float
) -> bool:
    """Whether the squared error is less by such a share in both halves of some windows, in time.

    The halves share no target, and each has to be as long as the horizon: windows that overlap say the same thing over and over.
    """
    origins, series, horizon = windows.origins, windows.series, windows.layout.horizon
    ends = np.array([(origins[series == i].min(), origins[series == i].max()) for i in np.unique(series)])
    if not len(ends):
        return False
    middle = ends.sum(axis=1) // 2
    if min((middle - horizon - ends[:, 0]).max(), (ends[:, 1] - middle).max()) < horizon:
        return False
    of_series = middle[np.searchsorted(np.unique(series), series)]
    truth = _truth(windows, effect)
    errors = [np.nan_to_num(truth - _say(windows, maps, effect)) ** 2 for maps in (new, old)]
    return all(
        errors[0][half].sum() < (1.0 - gain) * errors[1][half].sum()
        for half in (origins + horizon <= of_series, origins >= of_series)
    )


def _past(windows: Windows, lookback: int, effect: np.ndarray | None) -> np.ndarray:
    """The last rows of the targets, without the effect of columns known ahead, (n, lookback, K)."""
    past = windows.rows(-lookback, lookback, list(windows.layout.target))
    return past if effect is None else past - windows.rows(-lookback, lookback, list(windows.layout.known)) @ effect


def _truth(windows: Windows, effect: np.ndarray | None) -> np.ndarray:
    truth = windows.truth()
    return truth if effect is None else truth - windows.future()[..., : len(effect)] @ effect


def _say(windows: Windows, maps: list[WindowMap], effect: np.ndarray | None) -> np.ndarray:
    """What maps say, (n, H, K); zero without maps."""
    n, horizon, n_targets = len(windows), windows.layout.horizon, len(windows.layout.target)
    if not maps:
        return np.zeros((n, horizon, n_targets))
    past = _past(windows, max(one.lookback for one in maps), effect)
    if len(maps) > 1:
        return np.stack([one.predict(past[:, :, k]) for k, one in enumerate(maps)], axis=-1)
    flat = past.transpose(0, 2, 1).reshape(n * n_targets, -1)
    return maps[0].predict(flat).reshape(n, n_targets, horizon).transpose(0, 2, 1)
