"""Rows of a table that no forecast saw coming."""

import copy
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.base import BaseEstimator, clone
from sklearn.isotonic import isotonic_regression
from sklearn.utils import Tags, _safe_indexing, get_tags

from sklearn_seq.families.linear import LinearForecaster
from sklearn_seq.outliers._base import FALSE_ALARMS, DetectorMixin
from sklearn_seq.params import AtLeast, Positional, estimator
from sklearn_seq.sequences.tables import Table
from sklearn_seq.tasks.forecast import ForecastingMixin

__all__ = ["ForecastDetector"]

_SMOOTHING = 64
_WIDTHS = (1, 8, 64, 512)
_LEAST_SURPRISE = 1e-3
_HELD_OUT = 0.2  # share of the rows of each series, the last ones
_FREEDOM = 3.0  # degrees of freedom: errors have heavy tails
_SMALLEST = 1e-3  # deviation of errors, in deviations of the target: what never varies is not known better
_MOST_CORRELATED = 0.9  # errors of neighbouring rows
_FEW = 10  # errors of a step, below which it is not told apart
_BEGINNINGS = 32  # stretches of training, by which it is learnt how much more errs who knows few rows before
_RECOGNISED = 64  # rows at the beginning of training, by which it is known again, and as many of those behind them that say something


class _Errors(NamedTuple):
    """Errors of forecasts, rows in the order of the table that groups series."""

    values: np.ndarray  # (n_rows, K), in deviations of the targets, NaN where the truth is missing
    steps: np.ndarray  # (n_rows,), how far from the origin, from 0
    series: np.ndarray  # (n_series of the table,), their numbers in fit
    starts: np.ndarray
    stops: np.ndarray
    before: (
        np.ndarray
    )  # (n_series of the table,), rows of training that are known before their first; 0: they stand by themselves
    rows: np.ndarray | None  # places in X, where the table has another order

    def back(self, found: np.ndarray) -> np.ndarray:
        """In the order of X."""
        if self.rows is None:
            return found
        out = np.empty_like(found)
        out[self.rows] = found
        return out


@estimator
class ForecastDetector(DetectorMixin, BaseEstimator):
    """Anomalies are rows of a table that were not foreseen.

    A forecaster, by default a `LinearForecaster` of the next row, forecasts each row from those before it. Errors are taken in units of
    their spread, several targets together by their Mahalanobis distance ``d`` (its square divided by their number), and a row is as
    surprising as ``log(1 + d**2 / 3)``: errors have heavy tails, and one that is huge should not hide all others.

    Some anomalies are one row, others are a stretch of rows of which none is remarkable. So surprise is averaged over the last 1, 8,
    64, ... rows, up to ``smoothing`` [1]_, each average less what it is for normal rows, and in units of what one stretch of that length
    in three hundred (of three lengths) exceeds. A row's score is the negative largest of these: -1 is remarkable.

    As with forecasters, rows given to ``score_samples`` go on from those of training, whose last rows are remembered; time stamps say
    whether they do. Without stamps, rows that begin as the training rows do are those again, and stand by themselves: the first 64 are
    the same, and so are most of a sample of those behind them. After `forget` all stand by themselves. Where a forecast knows fewer rows
    than its look-back, errors are taken in units of what they are there: at its beginning a series that stands by itself is judged
    mildly.

    The spread, and with ``contamination="auto"`` the threshold, come from errors on the last fifth of the training rows, made by a
    forecaster that learnt from the others; then one learns from all.

    Attributes
    ----------
    forecaster_ : forecaster
        The one that learnt from all rows.
    widths_ : tuple of int
        Over how many rows surprise is averaged.

    See Also
    --------
    SubspaceDetector : Reads windows that also end after a row.

    References
    ----------
    .. [1] J. Glaz, J. Naus, S. Wallenstein. Scan statistics. Springer, 2001.
    .. [2] S. Ahmad, A. Lavin, S. Purdy, Z. Agha. Unsupervised real-time anomaly detection for streaming data. Neurocomputing 262, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import ForecastDetector
    >>> rng = np.random.default_rng(0)
    >>> X = np.sin(np.arange(600) * np.pi / 12)[:, None] + 0.1 * rng.normal(size=(600, 1))
    >>> X[500] += 2.0
    >>> detector = ForecastDetector(smoothing=1).fit(X[:400])
    >>> int(detector.score_samples(X[400:]).argmin()) + 400
    500
    """

    forecaster: Annotated[
        BaseEstimator | None,
        Positional,
        "What forecasts, with its look-back, horizon, targets and columns; None is LinearForecaster(). With a horizon of several rows, one "
        "forecast covers so many of them.",
    ] = None
    smoothing: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'The most rows over which surprise is averaged; 1 judges each row by itself alone. "auto": 64, or an eighth of the training rows '
        "where these are few.",
    ] = "auto"
    centered: Annotated[
        bool,
        "Whether averages go over as many rows behind a row as before it, for series that have ended: stretches are placed better. "
        "By default no score depends on rows that come later.",
    ] = False

    # -- learning ----------------------------------------------------------------------------------------------------

    def _learn(self, X: Any) -> float:
        model = LinearForecaster() if self.forecaster is None else self.forecaster
        if not isinstance(model, ForecastingMixin):
            raise TypeError(
                f"forecaster is a {type(model).__name__}; wanted a forecaster of this package, such as LinearForecaster() or "
                "ReductionForecaster(Ridge()). Give one."
            )
        whole = clone(model).fit(X)
        self.n_features_in_ = whole.n_features_in_
        if hasattr(whole, "feature_names_in_"):
            self.feature_names_in_ = whole.feature_names_in_
        self.forecaster_ = whole
        errors = self._held_out_errors(model, X)
        longest = int((whole._read_again(X).lengths).max())
        most = min(_SMOOTHING, max(1, longest // 8)) if self.smoothing == "auto" else int(self.smoothing)
        self.widths_ = (*(width for width in _WIDTHS if width < most), most)
        self._solved = _spread(errors.values, errors.steps, int(whole._table["horizon"]))
        self._solved = self._solved | {"at_beginning": np.ones(0)}
        self._solved = self._solved | {"at_beginning": self._spread_at_beginnings(X)}
        surprise = self._surprise(errors)
        last = np.full((len(whole.series_), most - 1), np.nan)
        for number, start, stop in zip(
            errors.series.tolist(), errors.starts.tolist(), errors.stops.tolist(), strict=True
        ):
            kept = min(stop - start, most - 1)
            last[number, most - 1 - kept :] = surprise[stop - kept : stop]
        normal = _normal(surprise, FALSE_ALARMS / len(self.widths_))
        self._solved = self._solved | {"last": last, "normal": normal, "centered": bool(self.centered)}
        self._solved = self._solved | {"first": _first_rows(whole._read_again(X), whole.series_)}
        return -1.0

    def _held_out_errors(self, model: Any, X: Any) -> _Errors:
        """Errors on the last rows of each series, by a forecaster that did not learn from them."""
        table = self.forecaster_._read_again(X)
        held = np.zeros(len(table.values), dtype=bool)
        for start, stop in zip(table.starts.tolist(), table.stops.tolist(), strict=True):
            held[stop - int(_HELD_OUT * (stop - start)) : stop] = True
        if table.rows is not None:
            held[table.rows] = held.copy()
        if not held.any():
            return self._errors_of(self.forecaster_, table, alone=True)
        rows, X = np.arange(len(held)), X if hasattr(X, "columns") else np.asarray(X)
        try:
            early = clone(model).fit(_safe_indexing(X, rows[~held]))
        except ValueError:  # all rows are enough for its horizon, and fewer are not
            return self._errors_of(self.forecaster_, table, alone=True)
        return self._errors_of(early, early._read_again(_safe_indexing(X, rows[held])))

    def _spread_at_beginnings(self, X: Any) -> np.ndarray:
        """By how many rows are known before a row, from none to one less than the look-back: how far errors go, 1 as usual."""
        model = self.forecaster_
        table, lookback = model._read_again(X), model.lookback_
        room = table.lengths - lookback
        series = np.repeat(np.arange(len(room)), np.maximum(room, 0))
        if not len(series):
            return np.ones(lookback)
        begins = np.concatenate([np.arange(n) + start for n, start in zip(room, table.starts, strict=True) if n > 0])
        some = np.unique(np.linspace(0, len(begins) - 1, _BEGINNINGS).astype(np.int64))
        labels = [table.labels[i] for i in series[some].tolist()]
        stretches = Table(table.values, begins[some], begins[some] + lookback, labels)
        errors = self._errors_of(model, stretches, alone=True)
        apart = self._distance(errors).reshape(len(some), lookback)
        found = _deviation(np.where(np.isnan(apart), 1.0, apart))
        return np.maximum(1.0, isotonic_regression(found, increasing=False))

    # -- scoring -----------------------------------------------------------------------------------------------------

    def _errors_of(self, model: Any, table: Table, *, alone: bool = False) -> _Errors:
        answers, (series, steps) = model._of_rows(table, alone=alone)
        target = list(model._columns().target)
        found = model._unscaled(model._center(answers[:, None])[:, 0], series)
        place = {label: i for i, label in enumerate(self.forecaster_.series_)}
        numbers = np.array([place[label] for label in table.labels])
        # stretches of a table may overlap: its rows as often as they are in them
        stops = np.cumsum(table.lengths)
        starts = stops - table.lengths
        rows = np.arange(len(found)) + np.repeat(table.starts - starts, table.lengths)
        values = table.values[rows][:, target].astype(np.float64) - found
        values /= self.forecaster_._table["deviation"][np.repeat(numbers, table.lengths)][:, target]
        memory = model._memory()
        cold = np.ones(len(numbers), dtype=bool) if alone else model._hold_stamps(table, numbers, memory)
        known = np.where(cold, 0, memory.lengths[numbers])
        # who reads fewer rows than the forecaster of all rows lacks none either
        known[known >= model.lookback_] = self.forecaster_.lookback_
        return _Errors(values, steps, numbers, starts, stops, known, table.rows)

    def _distance(self, errors: _Errors) -> np.ndarray:
        """How far each row is from what was forecast, (n_rows,); NaN where the truth is missing."""
        solved = self._solved
        scaled = (errors.values - solved["center"]) / solved["by_step"][errors.steps, None]
        known = ~np.isnan(scaled)
        apart = np.where(known, scaled, 0.0) @ solved["root"]
        square = np.einsum("nk,nk->n", apart, apart) / np.maximum(known.sum(axis=1), 1)
        distance = np.where(known.any(axis=1), np.sqrt(square), np.nan)
        usual = solved["at_beginning"]
        if (errors.before < len(usual)).any():
            begins = np.repeat(errors.before - errors.starts, errors.stops - errors.starts)
            known_before = np.arange(len(distance)) + begins - errors.steps
            distance /= np.append(usual, 1.0)[np.minimum(known_before, len(usual))]
        return distance

    def _surprise(self, errors: _Errors) -> np.ndarray:
        """Of each row by itself, (n_rows,)."""
        return np.log1p(np.nan_to_num(self._distance(errors)) ** 2 / _FREEDOM)

    def _scan(self, surprise: np.ndarray, errors: _Errors) -> np.ndarray:
        """Scores, in the order of the table."""
        out, last = np.empty_like(surprise), self._solved["last"]
        parts = zip(errors.starts.tolist(), errors.stops.tolist(), errors.series.tolist(), errors.before, strict=True)
        for start, stop, number, known in parts:
            before = last[number] if known else np.full_like(last[number], np.nan)
            found = [self._averaged(surprise[start:stop], before, width) for width in self.widths_]
            out[start:stop] = -np.max(found, axis=0)
        return out

    def _averaged(self, surprise: np.ndarray, before: np.ndarray, width: int) -> np.ndarray:
        """How far means of so many rows are above what is normal, in units of what is remarkable."""
        normal, ahead = self._solved["normal"], (width - 1) // 2 if self._solved["centered"] else 0
        before = before[len(before) - (width - 1 - ahead) :]
        padded = np.concatenate([before, surprise, np.full(ahead, np.nan)])
        known = ~np.isnan(padded)
        total = sliding_window_view(np.where(known, padded, 0.0), width).sum(axis=1)
        count = sliding_window_view(known, width).sum(axis=1)
        remarkable = np.minimum(1.0, np.sqrt(normal["correlated"] * (1 / count + 1 / normal["n"])))
        return (total / count - normal["mean"]) / (normal["high"] - normal["mean"]) / remarkable

    def _scores(self, X: Any) -> np.ndarray:
        table = self.forecaster_._read_again(X)
        errors = self._errors_of(self._who_knows(table), table)
        return errors.back(self._scan(self._surprise(errors), errors))

    def _who_knows(self, table: Table) -> Any:
        """The forecaster, without the last rows of series whose training rows are given again: they come before these."""
        model, first = self.forecaster_, self._solved["first"]
        memory = model._memory()
        if table.stamps is not None and memory.last is not None:  # which say it better
            return model
        place = {label: i for i, label in enumerate(model.series_)}
        again = []
        for label, start, stop in zip(table.labels, table.starts.tolist(), table.stops.tolist(), strict=True):
            of_series = slice(first["starts"][place[label]], first["stops"][place[label]])
            if _begins_as(table.values[start:stop], first["values"][of_series], first["places"][of_series]):
                again.append(place[label])
        if not again:
            return model
        lengths = memory.lengths.copy()
        lengths[again] = 0
        model = copy.copy(model)
        model._table = model._table | {"memory": asdict(replace(memory, lengths=lengths))}
        return model

    def forget(self) -> Any:
        """Drop the rows of training that are remembered: rows given next stand by themselves.

        Returns
        -------
        self
            The detector.
        """
        self._require_fitted()
        self.forecaster_.forget()
        first = self._solved["first"]
        nothing = {name: first[name][:0] for name in ("values", "places")}
        nothing |= {name: 0 * first[name] for name in ("starts", "stops")}
        self._solved = self._solved | {"last": np.full_like(self._solved["last"], np.nan), "first": nothing}
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = False
        given = self.forecaster
        tags.input_tags.allow_nan = isinstance(given, BaseEstimator) and get_tags(given).input_tags.allow_nan
        return tags


def _spread(errors: np.ndarray, steps: np.ndarray, horizon: int) -> dict[str, Any]:
    """Where errors lie, how far steps go, and what brings several targets to one distance.

    Errors beyond three deviations, told by quantiles, count as three: a few anomalies among them change little.
    """
    known = ~np.isnan(errors).any(axis=1)
    errors, steps = errors[known], steps[known]
    k = errors.shape[1]
    center, by_step = np.zeros(k), np.ones(horizon)
    if not len(errors):
        return {"center": center, "by_step": by_step, "root": np.eye(k)}
    center = np.median(errors, axis=0)
    errors = errors - center
    scale = _deviation(errors)  # (K,)
    errors = np.clip(errors / scale, -3.0, 3.0)
    for step in range(horizon):
        of_step = errors[steps == step]
        if horizon > 1 and len(of_step) >= _FEW:
            by_step[step] = np.sqrt(max(float(np.mean(of_step**2)), _SMALLEST))
    errors = errors / by_step[steps, None]
    covariance = errors.T @ errors / len(errors) * np.outer(scale, scale)
    variance, vectors = np.linalg.eigh(covariance)
    return {"center": center, "by_step": by_step, "root": vectors / np.sqrt(np.maximum(variance, _SMALLEST**2))}


def _first_rows(table: Table, series: list) -> dict[str, np.ndarray]:
    """Rows of each series of training, in the order of fit, by which it is known again, and their places in it."""
    place = {label: i for i, label in enumerate(series)}
    parts = [np.empty(0, dtype=np.int64)] * len(series)
    rows = [np.empty((0, table.values.shape[1]))] * len(series)
    for label, start, stop in zip(table.labels, table.starts.tolist(), table.stops.tolist(), strict=True):
        values = table.values[start:stop]
        parts[place[label]] = _telling(values)
        rows[place[label]] = values[parts[place[label]]]
    stops = np.cumsum([len(part) for part in parts])
    starts = stops - [len(part) for part in parts]
    return {"values": np.concatenate(rows), "places": np.concatenate(parts), "starts": starts, "stops": stops}


def _telling(values: np.ndarray) -> np.ndarray:
    """Places of the first rows, and of some behind them that differ from the row before: the next such, and some of the rest."""
    before, after = values[_RECOGNISED - 1 : -1], values[_RECOGNISED:]
    differ = (before != after) & ~(np.isnan(before) & np.isnan(after))
    changes = _RECOGNISED + np.flatnonzero(differ.any(axis=1))
    near, far = changes[: _RECOGNISED // 2], changes[_RECOGNISED // 2 :]
    some = far[np.unique(np.linspace(0, max(len(far) - 1, 0), min(len(far), _RECOGNISED // 2)).astype(np.int64))]
    return np.concatenate([np.arange(min(len(values), _RECOGNISED)), near, some])


def _begins_as(values: np.ndarray, rows: np.ndarray, places: np.ndarray) -> bool:
    """Whether all first rows are the same, and most of the others as far as ``values`` goes: some may have been corrected since."""
    n_first = np.count_nonzero(places < _RECOGNISED)
    if not n_first or len(values) < n_first:
        return False
    given = places[places < len(values)]
    same = ((values[given] == rows[: len(given)]) | (np.isnan(values[given]) & np.isnan(rows[: len(given)]))).all(
        axis=1
    )
    return bool(same[:n_first].all() and 2 * np.count_nonzero(same[n_first:]) >= len(given) - n_first)


def _normal(surprise: np.ndarray, share: float) -> dict[str, float]:
    """What surprise is usual, and what single rows exceed in this share of the cases.

    Few long stretches are held out. What their means exceed is told by single rows: it comes nearer to the mean of all, as means of
    correlated rows do, and the mean of all is as uncertain as it is.
    """
    mean, high = float(surprise.mean()), float(np.quantile(surprise, 1 - share))
    centred = surprise - mean
    square = float(centred @ centred)
    follows = float(centred[1:] @ centred[:-1]) / square if square > 0 else 0.0
    rho = min(max(follows, 0.0), _MOST_CORRELATED)
    high = max(high, mean + _LEAST_SURPRISE)  # forecasts that never err would find all else infinitely remarkable
    return {"mean": mean, "high": high, "correlated": (1 + rho) / (1 - rho), "n": float(len(surprise))}


def _deviation(errors: np.ndarray) -> np.ndarray:
    """Of each column, by quantiles of its absolute values; whichever of two is larger, as many errors may be zero."""
    half, most = np.quantile(np.abs(errors), [0.5, 0.9], axis=0)
    return np.maximum(np.maximum(half / 0.6745, most / 1.645), _SMALLEST)
