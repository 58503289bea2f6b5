"""Forecasters: rows of a table are time, and all ways of asking for a forecast give the same."""

from typing import Any

import numpy as np

from sklearn_seq.testing.compare import (
    answers,
    close,
    draws,
    fresh,
    refuses,
    refuses_unfitted,
    same_bits,
    same_state,
    snapshot,
)
from sklearn_seq.testing.data import make_problem
from sklearn_seq.testing.registry import check

__all__ = ["horizon_of", "of_series", "with_roles"]

FORECAST = ("forecast",)
_ROWS = 60
_TOLERANCE = (
    1e-5  # of values of size 1, by networks in float32, whose sums depend on how many windows are read at a time
)


def with_roles(estimator: Any, **params: Any) -> Any:
    """An unfitted copy with a fixed seed, and with parameters that it, or the forecaster in it, has."""
    return _set(fresh(estimator), **params)


def _set(model: Any, **params: Any) -> Any:
    known, own = model.get_params(), model.get_params(deep=False)
    names = {name: name if name in own else f"estimator__{name}" for name in params}
    return model.set_params(**{name: params[short] for short, name in names.items() if name in known})


def _get(model: Any, name: str) -> Any:
    params = model.get_params()
    return params.get(name, params.get(f"estimator__{name}"))


def horizon_of(model: Any) -> int:
    """How many rows a forecaster says at a time."""
    return int(_get(model, "horizon"))


def of_series(n_rows: int, n_series: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit on and the next ones, of several series one below the other: two columns, and the number of the series."""
    parts = []
    for i in range(n_series):
        data = make_problem("forecast", n_samples=n_rows, seed=i)
        level = 1.0 + i
        parts.append([np.column_stack([level * (X + i), np.full(len(X), i + 1.0)]) for X in (data.X, data.X_test)])
    return np.concatenate([past for past, _ in parts]), np.concatenate([future for _, future in parts])


def _mixed(X: np.ndarray) -> np.ndarray:
    """Order of rows in which those of all series stand side by side, the first series first."""
    number = X[:, 2]
    within = np.concatenate([np.arange((number == i).sum()) for i in np.unique(number)])
    return np.lexsort((number, within))


@check("table", tasks=FORECAST)
def check_forecast_shapes(estimator: Any, kind: Any) -> None:
    """One target or several; what was learnt about the data; data are read-only and stay as they are."""
    data = make_problem("forecast", n_samples=_ROWS)
    n, n_known = len(data.X_test), len(data.X)
    for target, tail in ((None, (2,)), ([1], (1,)), (1, ())):
        columns = [0, 1] if target is None else [1]
        X, X_test = data.X.copy(), data.X_test.copy()
        X.flags.writeable = X_test.flags.writeable = False
        model = with_roles(estimator, target=target)
        if model.fit(X) is not model:
            raise AssertionError("fit does not return the estimator itself")
        horizon, lookback = horizon_of(model), model.lookback_
        said = {"n_features_in_": 2, "target_names_": [f"x{i}" for i in columns], "series_": [None]}
        for name, value in said.items():
            if getattr(model, name) != value:
                raise AssertionError(f"{name} is {getattr(model, name)!r}; wanted {value!r}")
        if not 1 <= lookback <= n_known:
            raise AssertionError(f"lookback_ is {lookback} after a fit on {n_known} rows")
        found = {
            "predict": (model.predict(X_test), (n, *tail)),
            "read_targets": (model.read_targets(X_test), (n, *tail)),
            "forecast": (model.forecast(), (horizon, *tail)),
            "rolling_forecast": (
                model.rolling_forecast(X_test, 2),
                ((n - horizon - lookback) // 2 + 1, horizon, *tail),
            ),
        }
        for method, (values, shape) in found.items():
            if not isinstance(values, np.ndarray) or values.shape != shape or not np.isfinite(values).all():
                raise AssertionError(f"{method} with target={target!r} gives {np.shape(values)}, not finite {shape}")
        same_bits(found["read_targets"][0].reshape(n, -1), X_test[:, columns], "read_targets")
        same_bits(X, data.X, "X after fit")
        same_bits(X_test, data.X_test, "X after predict")


@check("table", tasks=FORECAST)
def check_score_reads_its_targets(estimator: Any, kind: Any) -> None:
    """``score(X)`` is the score against what X itself says; ``fit`` may be given it as y."""
    data = make_problem("forecast", n_samples=_ROWS)
    model = with_roles(estimator, target=1).fit(data.X)
    score = model.score(data.X_test)
    if not np.isfinite(score) or score != model.score(data.X_test, model.read_targets(data.X_test)):
        raise AssertionError(f"score(X) is {score}, and with y = read_targets(X) it is another")
    again = with_roles(estimator, target=1).fit(data.X, data.X[:, 1])
    same_bits(answers(again, data.X_test), answers(model, data.X_test), "fit(X) and fit(X, X[target])")


@check("table", tasks=FORECAST)
def check_ways_of_forecasting_agree(estimator: Any, kind: Any) -> None:
    """``predict`` of the rows behind training, ``rolling_forecast`` from the same history, and ``forecast``."""
    data = make_problem("forecast", n_samples=_ROWS)
    for roles in ({"target": 0}, {"target": 0, "known_future": [1]}):
        model = with_roles(estimator, **roles).fit(data.X)
        horizon, lookback = horizon_of(model), model.lookback_
        ahead = data.X_test[:horizon]
        known = {"X_future": ahead[:, 1:]} if "known_future" in roles else {}
        close(model.forecast(**known), model.predict(ahead), f"forecast and predict with {roles}", tolerance=_TOLERANCE)
        by_row = model.predict(data.X_test)
        whole = len(data.X_test) // horizon
        rolling = model.rolling_forecast(np.concatenate([data.X[len(data.X) - lookback :], data.X_test]), horizon)
        close(
            rolling[:whole].reshape(-1),
            by_row[: whole * horizon],
            f"rolling_forecast and predict with {roles}",
            tolerance=_TOLERANCE,
        )
        alone = -(-lookback // horizon) * horizon  # from here on the past of a forecast lies in the rows given
        close(model.forget().predict(data.X_test)[alone:], by_row[alone:], "after forget", tolerance=_TOLERANCE)


@check("table", tasks=FORECAST)
def check_frames_and_arrays(estimator: Any, kind: Any) -> None:
    """A frame, one indexed by time, one with a column of time, and an array of the same numbers: the same bits."""
    try:
        import pandas as pd
    except ImportError:
        return
    data = make_problem("forecast", n_samples=_ROWS)
    hours = pd.date_range("2021-03-01", periods=len(data.X) + len(data.X_test), freq="h")
    parts = [
        pd.DataFrame(X, columns=["a", "b"], index=index)
        for X, index in ((data.X, hours[: len(data.X)]), (data.X_test, hours[len(data.X) :]))
    ]
    plain = [part.reset_index(drop=True) for part in parts]
    column = [part.rename_axis("when").reset_index() for part in parts]
    # a season that goes by the stamps is another model
    fixed = {"season": 1} if estimator.get_params(deep=False).get("season") == "auto" else {}
    wanted = answers(with_roles(estimator, target=[1], **fixed).fit(data.X), data.X_test)
    for form, (past, future), roles in (
        ("a frame", plain, {}),
        ("a frame indexed by time", parts, {}),
        ("a frame with a column of time", column, {"time": "when"}),
    ):
        model = with_roles(estimator, target=["b"], **roles, **fixed).fit(past)
        same_bits(answers(model, future), wanted, f"{form} and an array")
        if list(model.feature_names_in_) != list(past.columns):
            raise AssertionError(f"feature_names_in_ is {model.feature_names_in_!r} after a fit on {form}")


@check("table", tasks=FORECAST)
def check_order_of_series(estimator: Any, kind: Any) -> None:
    """Rows of several series may be mixed; whatever the order of series, each row gets the same answer."""
    X, X_test = of_series(_ROWS)
    roles = {"target": [0, 1], "series_id": 2}
    model = with_roles(estimator, **roles).fit(X)
    wanted = answers(model, X_test)
    mixed = with_roles(estimator, **roles).fit(X[_mixed(X)])
    same_bits(answers(mixed, X_test), wanted, "rows of series one below the other, and mixed, in fit")
    order = _mixed(X_test)
    close(answers(model, X_test[order]), wanted[order], "rows of series mixed in predict", tolerance=_TOLERANCE)
    order = np.argsort(-X_test[:, 2], kind="stable")
    close(answers(model, X_test[order]), wanted[order], "the last series first in predict", tolerance=_TOLERANCE)
    one = X_test[:, 2] == 2
    close(answers(model, X_test[one]), wanted[one], "one series alone in predict", tolerance=_TOLERANCE)
    if not draws(estimator):  # windows of other series come in other batches
        turned = with_roles(estimator, **roles).fit(X[np.argsort(-X[:, 2], kind="stable")])
        close(answers(turned, X_test), wanted, "the last series first in fit", tolerance=_TOLERANCE)


@check("table", tasks=FORECAST)
def check_intervals(estimator: Any, kind: Any) -> None:
    """Calibrated intervals hold the forecast, and widen with the coverage; without calibration they are refused."""
    data = make_problem("forecast", n_samples=_ROWS)
    plain = with_roles(estimator, target=0, calibration_fraction=0.0).fit(data.X)
    try:
        plain.predict_interval(data.X_test)  # of what says by itself how far off it may be
    except ValueError as error:
        if "calibration_fraction" not in str(error):
            raise AssertionError(
                f"predict_interval was refused without a word of calibration_fraction: {error}"
            ) from None
    model = with_roles(estimator, target=0, calibration_fraction=0.4).fit(data.X)
    center = model.predict(data.X_test)
    narrow, wide = (model.predict_interval(data.X_test, coverage=share) for share in (0.3, 0.8))
    if narrow.shape != (len(center), 2) or not (np.isfinite(narrow).all() and np.isfinite(wide).all()):
        raise AssertionError(f"predict_interval gives {narrow.shape}, not finite {(len(center), 2)}")
    rising = np.stack([wide[:, 0], narrow[:, 0], center, narrow[:, 1], wide[:, 1]], axis=1)
    if not (np.diff(rising, axis=1) >= 0).all() or not (wide[:, 0] < wide[:, 1]).any():
        raise AssertionError("intervals do not hold the forecast, or those of more coverage not those of less")
    levels = model.predict_quantiles(data.X_test, [0.2, 0.5, 0.8])
    if levels.shape != (len(center), 3) or not (np.diff(levels, axis=1) >= 0).all():
        raise AssertionError(f"predict_quantiles gives {levels.shape}, or quantiles that do not rise")


@check("table", tasks=FORECAST)
def check_missing_values(estimator: Any, kind: Any) -> None:
    """With ``missing="mask"`` NaN are read as not known, and answers are finite; without, they are refused."""
    if _get(estimator, "missing") is None:
        return
    data = make_problem("forecast", n_samples=_ROWS)
    holes, holes_test = data.X.copy(), data.X_test.copy()
    holes[[0, 7, 8, 59], 0] = holes[30, :] = holes_test[[1, 4], 1] = np.nan
    model = with_roles(estimator, missing="mask").fit(holes)
    if not np.isfinite(answers(model, holes_test)).all():
        raise AssertionError("answers for X with NaN are not finite")
    if not np.isnan(model.read_targets(holes_test)).sum() == 2 or not np.isfinite(model.score(holes_test)):
        raise AssertionError("what is missing in the truth is not left out of score")
    model = with_roles(estimator, missing="error").fit(data.X)
    with refuses("NaN in predict", "NaN", "missing="):
        model.predict(holes_test)
    with refuses("NaN in fit", "NaN", "missing="):
        model.fit(holes)


@check("table", tasks=FORECAST)
def check_failed_forecaster_fit(estimator: Any, kind: Any) -> None:
    """A fit that fails leaves a fitted forecaster as it was, and an unfitted one unfitted."""
    data = make_problem("forecast", n_samples=_ROWS)
    model = with_roles(estimator).fit(data.X)
    wanted = answers(model, data.X_test)
    broken = data.X.copy()
    broken[5, 0] = np.inf
    few = horizon_of(model)
    failures: dict[str, Any] = {
        "infinity in X": lambda m: m.fit(broken),
        "y of another length": lambda m: m.fit(data.X, data.y[:-1]),
        "as many rows as the horizon": lambda m: m.fit(data.X[:few]),
        "3-D X": lambda m: m.fit(data.X[:, :, None]),
        "one column in two roles": lambda m: _set(m, target=0, known_future=0).fit(data.X),
        "a column that is not there": lambda m: _set(m, target=9).fit(data.X),
    }
    for what, fail in failures.items():
        params = {name: _get(model, name) for name in ("target", "known_future")}
        before = snapshot(model)
        with refuses(what):
            fail(model)
        _set(model, **params)
        same_state(model, before, f"after a fit that failed by {what}")
        same_bits(answers(model, data.X_test), wanted, f"after a fit that failed by {what}")
        refuses_unfitted(with_roles(estimator), fail, what)


@check("table", tasks=FORECAST)
def check_other_tables_refused(estimator: Any, kind: Any) -> None:
    """Another number of columns, another kind of data and infinity are refused where fit has seen better."""
    data = make_problem("forecast", n_samples=_ROWS)
    model = with_roles(estimator).fit(data.X)
    broken = data.X_test.copy()
    broken[3, 1] = np.inf
    for method in ("predict", "rolling_forecast", "score", "read_targets"):
        call = getattr(model, method)
        with refuses(f"{method} of fewer columns", "features"):
            call(data.X_test[:, :1])
        with refuses(f"{method} of 3-D data", "one table"):
            call(data.X_test[:, :, None])
        with refuses(f"{method} of infinity", "infinity"):
            call(broken)
