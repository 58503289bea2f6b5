"""Metrics as scorers: for cross-validation, searches and back-tests, greater is better."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.utils import _safe_indexing

from sklearn_seq.metrics.intervals import interval_coverage
from sklearn_seq.metrics.quantiles import pinball_loss
from sklearn_seq.model_selection.inner import reaching
from sklearn_seq.params import public

__all__ = ["forecast_scorer", "interval_coverage_scorer", "pinball_scorer"]

Method = Literal["predict", "predict_quantiles", "predict_interval"]

_INSTEAD = {
    "predict": "Give a regressor.",
    "predict_quantiles": "Give one with a head of quantiles or a Gaussian one, or score its predict.",
    "predict_interval": "Give one that predicts intervals, or score its predict.",
}


@public
def forecast_scorer(
    metric: Callable, *, method: Method = "predict", greater_is_better: bool = False, **options: Any
) -> Callable:
    """Make a scorer of a metric of forecasts, quantiles or intervals.

    As `sklearn.metrics.make_scorer`, with what that lacks: quantiles and intervals; errors scaled by a past, series by
    series; estimators scored without ``y``, if they tell their targets in ``X`` by a method ``read_targets(X)``. Of a search
    or a pipeline the model inside is asked, and finds its targets behind the steps in front of it.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_pred, **options)``; for ``method="predict_quantiles"``
        ``metric(y_true, y_quantiles, quantiles, **options)``, for ``method="predict_interval"``
        ``metric(y_true, lower, upper, **options)``, with ``coverage`` if it takes one.
    method : {"predict", "predict_quantiles", "predict_interval"}, default="predict"
        What is asked of the estimator.
    greater_is_better : bool, default=False
        False for errors and losses, whose sign is turned.
    **options
        Options of the metric. Of these, ``quantiles`` and ``coverage`` go to the estimator as well. For a metric with
        ``y_train`` (`mean_absolute_scaled_error`) give the past as ``y_train``, rows aligned with time as ``y``, or as
        ``X_train``, a table like ``X`` for ``read_targets``, whose column ``estimator.series_id`` tells series apart.

    Returns
    -------
    callable
        ``scorer(estimator, X, y=None)``, for ``scoring=``. It pickles.

    Raises
    ------
    TypeError
        When ``metric`` is no callable; when scoring, if the estimator has no such method.
    ValueError
        When scoring, if there is neither ``y`` nor ``read_targets``.

    See Also
    --------
    pinball_scorer : Of quantiles.
    interval_coverage_scorer : Of intervals.

    Notes
    -----
    The past only sets the unit of each series. If it is the same for all folds and candidates, as it is here, it changes no
    ranking, so all rows may be given.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.model_selection import TimeSeriesSplit, cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_seq import SlidingWindow, forecast_scorer, make_supervised, mean_absolute_scaled_error
    >>> X, y, gap = make_supervised(np.sin(np.arange(200) / 3)[:, None])
    >>> model = make_pipeline(SlidingWindow(4, output="flat"), Ridge(1e-6))
    >>> mase = forecast_scorer(mean_absolute_scaled_error, y_train=y)
    >>> bool(cross_val_score(model, X, y, cv=TimeSeriesSplit(3), scoring=mase).min() > -0.1)
    True
    """
    if not callable(metric):
        raise TypeError(
            f"metric={metric!r}; wanted a function of y_true and forecasts. Give sklearn_seq.mean_absolute_scaled_error, or "
            "another metric itself, not its name."
        )
    if method not in _INSTEAD:
        raise ValueError(
            f"method={method!r}; wanted one of {', '.join(map(repr, _INSTEAD))}. Give 'predict' for points."
        )
    if method == "predict_quantiles" and options.get("quantiles") is None:
        raise ValueError(
            "method='predict_quantiles' and no quantiles; wanted the levels to ask for. Give quantiles=(0.1, 0.5, 0.9)."
        )
    return _Scorer(metric, method, 1 if greater_is_better else -1, options)


@public
def pinball_scorer(
    quantiles: Sequence[float] = (0.1, 0.5, 0.9), *, metric: Callable = pinball_loss, **options: Any
) -> Callable:
    """Score predicted quantiles by their pinball loss, the sign turned.

    Parameters
    ----------
    quantiles : sequence of float, default=(0.1, 0.5, 0.9)
        Levels to ask ``predict_quantiles`` for.
    metric : callable, default=pinball_loss
        Another one of quantiles: `weighted_quantile_loss`, `crps_from_quantiles`.
    **options
        Options of the metric.

    Returns
    -------
    callable
        ``scorer(estimator, X, y=None)``, for ``scoring=``. It pickles.

    See Also
    --------
    forecast_scorer : Of any metric.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import GRURegressor, pinball_scorer
    >>> X = np.random.default_rng(0).normal(size=(60, 8))
    >>> model = GRURegressor(loss="quantile", max_epochs=3, random_state=0).fit(X, X[:, -1])
    >>> bool(-1 < pinball_scorer()(model, X, X[:, -1]) < 0)
    True
    """
    return forecast_scorer(metric, method="predict_quantiles", quantiles=tuple(quantiles), **options)


@public
def interval_coverage_scorer(coverage: float = 0.9) -> Callable:
    """Score predicted intervals by how far the share that they cover is from the one they were asked for, below 0.

    Parameters
    ----------
    coverage : float, default=0.9
        The share to ask ``predict_interval`` for.

    Returns
    -------
    callable
        ``scorer(estimator, X, y=None)``, for ``scoring=``: ``-abs(share - coverage)``. It pickles.

    See Also
    --------
    interval_score : Sees width as well, so choose by that: ``forecast_scorer(interval_score, method="predict_interval",
        coverage=0.9)``.

    Examples
    --------
    >>> from sklearn_seq import interval_coverage_scorer
    >>> interval_coverage_scorer(0.8)
    forecast_scorer(_coverage_error, method='predict_interval', coverage=0.8)
    """
    return forecast_scorer(_coverage_error, method="predict_interval", coverage=coverage)


def _coverage_error(y_true: Any, lower: Any, upper: Any, coverage: float) -> float:
    return abs(interval_coverage(y_true, lower, upper) - coverage)


@dataclass(frozen=True, eq=False, repr=False)
class _Scorer:
    """A metric, what is asked of the estimator, and the sign."""

    metric: Callable
    method: str
    sign: int
    options: dict[str, Any]

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> float:
        # a search and a pipeline hand on few methods
        estimator, X, X_train = reaching(estimator, X, self.options.get("X_train"))
        try:
            ask = getattr(estimator, self.method)
        except AttributeError as error:
            why = f" ({error.__cause__})" if error.__cause__ else ""  # an estimator's own words
            raise TypeError(
                f"{type(estimator).__name__} has no {self.method}, which {_name(self.metric)} reads{why}; wanted an estimator that "
                f"has. {_INSTEAD[self.method]}"
            ) from None
        options = dict(self.options)
        if "X_train" in options:
            options["X_train"] = X_train
        if self.method == "predict_quantiles":
            answers: tuple[Any, ...] = (ask(X, options["quantiles"]),)
        elif self.method == "predict_interval":
            coverage = options.get("coverage", 0.9)
            ends = np.asarray(ask(X, coverage=coverage))
            answers = (ends[..., 0], ends[..., 1])
            if "coverage" not in inspect.signature(self.metric).parameters:
                options.pop("coverage", None)
        else:
            answers = (ask(X),)
        there: Any = slice(None)
        if y is None:
            y = np.asarray(_targets(estimator, X))
            there = ~np.isnan(y.reshape(len(y), -1)).any(axis=1)  # as rows without truth cannot be scored
            y, answers = y[there], tuple(np.asarray(answer)[there] for answer in answers)
        if "X_train" in options or "y_train" in options:
            y, answers = self._by_series(estimator, X, there, y, answers, options)
        return self.sign * float(self.metric(y, *answers, **options))

    def _by_series(
        self, estimator: Any, X: Any, there: Any, y: Any, answers: tuple, options: dict
    ) -> tuple[Any, tuple]:
        """Rows in time to lists of series, as metrics with a past read them."""
        X_train, y_train = options.pop("X_train", None), options.get("y_train")
        if X_train is not None and y_train is None:
            y_train = _targets(estimator, X_train)
        column = getattr(estimator, "series_id", None)
        if column is None:
            options["y_train"] = _columns(y_train)
            return _columns(y), tuple(_columns(answer) for answer in answers)
        if X_train is None:
            raise ValueError(
                f"y_train is given and {type(estimator).__name__} forecasts several series, told apart by {column!r}; wanted to "
                "know which row is of which series. Give X_train, a table like X, in its place."
            )
        ids, past_ids = (np.asarray(_safe_indexing(table, column, axis=1)) for table in (X, X_train))
        ids = ids[there]
        present = np.unique(ids)
        unknown = np.setdiff1d(present, past_ids)
        if len(unknown):
            raise ValueError(
                f"X_train has no row of series {unknown[0]!r}, which is scored; wanted the past of each series. Add it."
            )
        options["y_train"] = _columns(y_train, past_ids, present)
        return _columns(y, ids, present), tuple(_columns(answer, ids, present) for answer in answers)

    def __repr__(self) -> str:
        words = [_name(self.metric), *([] if self.method == "predict" else [f"method={self.method!r}"])]
        words += ["greater_is_better=True"] if self.sign > 0 else []
        words += [
            f"{key}={'...' if np.ndim(value) > 1 or key.endswith('_train') else repr(value)}"
            for key, value in self.options.items()
        ]
        return f"forecast_scorer({', '.join(words)})"


def _targets(estimator: Any, X: Any) -> Any:
    """What happened in the rows of X, by the estimator's own target columns."""
    read = getattr(estimator, "read_targets", None)
    if read is None:
        raise ValueError(
            f"y is None, and {type(estimator).__name__} does not say which columns of X are its targets; wanted what happened. "
            "Give y: of a table, its target column(s), X[target]."
        )
    return read(X)


def _columns(values: Any, ids: np.ndarray | None = None, present: np.ndarray | None = None) -> list[np.ndarray]:
    """Each target of each series, from a table whose rows are time."""
    table = np.asarray(values)
    table = table.reshape(len(table), -1)
    parts = [table] if ids is None or present is None else [table[ids == one] for one in present]
    return [column for part in parts for column in part.T]


def _name(metric: Callable) -> str:
    return getattr(metric, "__name__", repr(metric))
