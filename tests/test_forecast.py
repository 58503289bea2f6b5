"""Forecasters: what they read, when, and what they answer, against a linear model that is written out by hand."""

import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_seq import AutoForecaster, NaiveForecaster, PanelTimeSplit, RollingOriginSplit, backtest
from sklearn_seq.params import estimator
from sklearn_seq.tasks.forecast_solved import SolvedForecasterMixin


@estimator
class AR(SolvedForecasterMixin, BaseEstimator):
    """Least squares on the past and what is known ahead; exact in any scale, as it has a constant."""

    def _features(self, windows):
        n = len(windows)
        return np.hstack([windows.past().reshape(n, -1), windows.future().reshape(n, -1), np.ones((n, 1))])

    def _solve(self, windows, columns):
        truth = windows.truth().reshape(len(windows), -1)
        there = ~np.isnan(truth).any(axis=1)
        return {"coef": np.linalg.lstsq(self._features(windows)[there], truth[there])[0]}

    def _decide(self, windows, solved):
        return (self._features(windows) @ solved["coef"]).reshape(len(windows), windows.layout.horizon, -1)


def ar_series(n=300, seed=0, rho=0.9):
    noise = np.random.default_rng(seed).normal(size=n + 50)
    x = np.zeros(n + 50)
    for t in range(1, n + 50):
        x[t] = rho * x[t - 1] + noise[t]
    return x[50:]


def table(n=300, seed=0):
    """A series, one that leads it by two rows, and one that is known ahead and counts at once."""
    rng = np.random.default_rng(seed)
    lead, known = rng.normal(size=n), rng.normal(size=n)
    y = ar_series(n, seed) + 2 * np.r_[0, 0, lead[:-2]] + 3 * known
    return pd.DataFrame({"y": 50 + 5 * y, "lead": lead, "known": known})


def stamped(n=300, freq="h", **kwargs):
    X = table(n, **kwargs)
    X.index = pd.date_range("2021-03-01", periods=n, freq=freq, name="when")
    return X


def shops(n=80, labels=("a", "b", "c")):
    parts = [
        table(n, seed=i).assign(shop=label, when=pd.date_range("2021-01-01", periods=n))
        for i, label in enumerate(labels)
    ]
    return pd.concat(parts, ignore_index=True)


def least_squares(train, lookback, horizon, target, known=()):
    """Learnt from all windows of ``train``: a function that forecasts from a row of other rows on."""

    def features(rows, origin):
        ahead = rows[origin : origin + horizon][:, list(known)]
        return np.r_[rows[origin - lookback : origin].ravel(), ahead.ravel(), 1]

    train = np.asarray(train, float)
    origins = range(lookback, len(train) - horizon + 1)
    past = np.array([features(train, origin) for origin in origins])
    coef = np.linalg.lstsq(past, np.array([train[o : o + horizon, target].ravel() for o in origins]))[0]
    return lambda rows, origin: (features(np.asarray(rows, float), origin) @ coef).reshape(horizon, -1)


def by_hand(train, test, lookback, horizon, target, known=()):
    """One forecast every ``horizon`` rows of ``test``."""
    answer = least_squares(train, lookback, horizon, target, known)
    rows = np.concatenate([train, test, np.asarray(test)[-1:].repeat(horizon, 0)])
    return np.concatenate([answer(rows, len(train) + at) for at in range(0, len(test), horizon)])[: len(test)]


# -- three ways to fit -----------------------------------------------------------------------------------------------


def test_without_y_all_columns_are_forecast_from_the_past_of_all():
    X = table()
    f = AR(lookback=5, horizon=2).fit(X[:250])
    assert f.target_names_ == ["y", "lead", "known"] and f.n_features_in_ == 3
    np.testing.assert_allclose(f.predict(X[250:]), by_hand(X[:250], X[250:], 5, 2, [0, 1, 2]), rtol=1e-6)
    assert f.score(X[250:]) == pytest.approx(r2_score(X[250:], f.predict(X[250:])))


def test_y_that_is_the_target_changes_nothing():
    X = table()
    f = AR(lookback=5, target="y")
    wanted = f.fit(X[:250]).predict(X[250:])
    assert wanted.shape == (50,)
    np.testing.assert_array_equal(f.fit(X[:250], X["y"][:250]).predict(X[250:]), wanted)
    np.testing.assert_array_equal(AR(lookback=5).fit(X[:250], X["y"][:250]).predict(X[250:]), wanted)
    np.testing.assert_allclose(wanted, by_hand(X[:250], X[250:], 5, 1, [0])[:, 0], rtol=1e-6)
    assert f.score(X[250:]) == f.score(X[250:], X["y"][250:]) == pytest.approx(r2_score(X["y"][250:], wanted))


def test_y_says_what_is_missing_as_x_does():
    X = table(120)
    X.iloc[[3, 40, 41], 0] = np.nan
    f = AR(target="y", lookback=4, missing="mask")
    wanted = clone(f).fit(X[:100])
    found = clone(f).fit(X[:100], X["y"][:100])
    np.testing.assert_array_equal(found.predict(X[100:]), wanted.predict(X[100:]))
    assert found.score(X[:100], X["y"][:100]) == wanted.score(X[:100])
    named = AR(lookback=4, missing="mask").fit(X[:100], X["y"][:100].to_numpy(dtype=object))
    assert named.target_names_ == ["y"]
    with pytest.raises(ValueError, match=r"y differs from the target column 'y' of X, first in row 5: nan in y"):
        clone(f).fit(X, X["y"].where(np.arange(120) != 5))
    with pytest.raises(ValueError, match="Input y contains NaN"):
        AR(target="y").fit(X.fillna(0.0), X["y"])


def test_y_in_single_precision_is_the_column_in_double_precision():
    X = table(80)
    wanted = AR(target="y", lookback=4).fit(X).forecast()
    np.testing.assert_array_equal(AR(target="y", lookback=4).fit(X, X["y"].astype(np.float32)).forecast(), wanted)
    np.testing.assert_array_equal(AR(lookback=4).fit(X, X["y"].to_numpy(np.float32)).forecast(), wanted)
    other = X["y"].to_numpy(np.float32)
    other[7] = np.nextafter(other[7], np.float32(np.inf))
    with pytest.raises(ValueError, match="y differs from the target column 'y' of X, first in row 7"):
        AR(target="y").fit(X, other)


def test_rows_count_in_score_as_they_weigh():
    X = table(120)
    X.iloc[110, 0] = np.nan
    f = AR(target="y", lookback=4, missing="mask").fit(X[:80])
    weight = np.r_[np.zeros(10), np.ones(10), np.full(20, 2.0)]
    there = np.flatnonzero(~np.isnan(X["y"][80:].to_numpy()))
    rows = np.repeat(there, weight[there].astype(int))
    wanted = r2_score(X["y"].to_numpy()[80:][rows], f.predict(X[80:])[rows])
    assert f.score(X[80:], sample_weight=weight) == pytest.approx(wanted, rel=1e-12)
    with pytest.raises(ValueError, match=r"sample_weight\.shape == \(39,\), expected \(40,\)"):
        f.score(X[80:], sample_weight=weight[1:])


def test_each_target_is_scored_where_it_is_known():
    X = table(120).drop(columns="known")
    f = AR(lookback=4, missing="mask").fit(X[:80])
    found, holes = f.predict(X[80:]), X[80:].copy()
    holes.iloc[::2, 0] = np.nan
    holes.iloc[1::2, 1] = np.nan  # no row is complete
    f.predict = lambda X: found
    wanted = np.mean([r2_score(holes.iloc[k::2, 1 - k], found[k::2, 1 - k]) for k in (0, 1)])
    assert f.score(holes) == pytest.approx(wanted, rel=1e-12)
    with pytest.raises(ValueError, match="the truth of no target is known in two rows; wanted some to score"):
        f.score(holes * np.nan)


def test_y_that_differs_from_the_target_is_refused_with_its_row():
    X = table()
    y = X["y"].copy()
    y[7] += 1
    with pytest.raises(
        ValueError, match=r"y differs from the target column 'y' of X, first in row 7: .* wanted the same"
    ):
        AR(target="y").fit(X, y)


def test_y_of_its_own_is_forecast_from_the_past_of_x_alone_with_a_warning():
    X = table()
    y = X.pop("y")
    f = AR(lookback=5, horizon=2)
    with pytest.warns(
        UserWarning, match=r"y is no column of X, so the past of X alone is read.*name it by target"
    ) as caught:
        f.fit(X[:250], y[:250])
    assert caught[0].filename == __file__
    assert f.target_names_ == ["y0"]
    both = np.c_[X, y]
    past = np.array([np.r_[both[o - 5 : o, :2].ravel(), 1] for o in range(5, 300)])
    coef = np.linalg.lstsq(past[:244], np.array([both[o : o + 2, 2] for o in range(5, 249)]))[0]
    np.testing.assert_allclose(f.predict(X[250:]), (past[245::2] @ coef)[:25].ravel(), rtol=1e-6)
    assert (
        f.score(X[250:], y[250:]) < AR(lookback=5, target="y", horizon=2).fit(table()[:250]).score(table()[250:]) - 0.2
    )
    with pytest.raises(ValueError, match="longer forecasts need the target among the columns of X"):
        f.forecast(3)
    with pytest.raises(ValueError, match=r"wanted y\. Give it to score"):
        f.score(X[250:])


def test_y_that_is_known_ahead_is_not_read_off():
    X = table()
    with pytest.warns(UserWarning, match="y is no column of X"):
        AR(known_future="known").fit(X, X["known"])


# -- predict ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 20, 21])
@pytest.mark.parametrize("horizon", [1, 3, 7])
def test_a_forecast_every_horizon_rows_covers_the_next_ones(horizon, n):
    x = np.arange(100.0)
    f = NaiveForecaster(horizon=horizon).fit(x[:60, None])
    found = f.predict(x[60 : 60 + n, None])
    np.testing.assert_allclose(found, [59 + horizon * (i // horizon) for i in range(n)])


@pytest.mark.parametrize("horizon", [1, 3, 7])
def test_known_columns_are_read_up_to_the_last_row_of_a_forecast(horizon):
    X = table()
    f = AR(lookback=4, horizon=horizon, target="y", known_future="known").fit(X[:250])
    wanted = by_hand(X[:250], X[250:], 4, horizon, [0], known=[2])[:, 0]
    np.testing.assert_allclose(f.predict(X[250:]), wanted, rtol=1e-6)
    assert f.score(X[250:]) > AR(lookback=4, horizon=horizon, target="y").fit(X[:250]).score(X[250:]) + 0.1


@pytest.mark.parametrize("cold", [False, True])
@pytest.mark.parametrize("horizon", [1, 4])
def test_no_forecast_reads_past_its_origin(horizon, cold):
    X = table()
    f = AR(lookback=4, horizon=horizon, target="y", known_future="known").fit(X[:250])
    f = f.forget() if cold else f
    later = X[250:275].reset_index(drop=True)
    before = f.predict(later)
    for row in range(25):
        spiked = later.copy()
        spiked.loc[row, ["y", "lead"]] += 1000
        until = (row // horizon + 1) * horizon
        np.testing.assert_array_equal(f.predict(spiked)[:until], before[:until])
        spiked = later.copy()
        spiked.loc[row, "known"] += 1000  # counts from the forecast on whose horizon it stands in
        np.testing.assert_array_equal(f.predict(spiked)[: until - horizon], before[: until - horizon])


def test_forgotten_rows_are_not_read():
    x = np.arange(100.0)[:, None]
    f = NaiveForecaster(method="mean", lookback=3).fit(x[:60])
    assert f.predict(x[60:62]).tolist() == [58, 59]
    assert f.forget() is f
    assert f.predict(x[60:66])[3:].tolist() == [61, 62, 63]
    assert f.predict(x[60:62])[0] == pytest.approx(x[:60].mean())  # nothing is known but training as a whole


def test_columns_in_place_of_a_frame():
    X = table()
    f = AR(lookback=4, target="y", known_future="known").fit(X[:250])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        found = f.predict(X[250:].to_numpy())
    np.testing.assert_array_equal(found, f.predict(X[250:]))
    with pytest.raises(ValueError, match="feature names"):
        f.predict(X[["lead", "y", "known"]])


# -- stamps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("freq", ["h", "D", "MS"])
def test_stamps_are_held_against_training(freq, zone):
    X = stamped(300, freq).tz_localize(zone)
    f = AR(lookback=4, horizon=3, target="y").fit(X[100:200])
    plain = AR(lookback=4, horizon=3, target="y").fit(X[100:200].reset_index(drop=True))
    wanted = plain.predict(X[200:].reset_index(drop=True))
    np.testing.assert_array_equal(f.predict(X[200:]), wanted)
    first = re.escape(str(X.index[201])[:10])
    with pytest.raises(
        ValueError, match=rf"X begins at {first}.* and training ended at .*wanted X to begin at .*gaps='ignore'"
    ):
        f.predict(X[201:])
    with pytest.raises(ValueError, match=r"before the training rows.*Split in time order"):
        f.predict(X[99:150])
    inside = plain.forget().predict(X[150:].reset_index(drop=True))
    np.testing.assert_array_equal(f.predict(X[150:]), inside)  # inside training: on themselves alone
    np.testing.assert_array_equal(f.forget().predict(X[230:]), plain.predict(X[230:].reset_index(drop=True)))


def test_a_fold_of_shuffled_or_earlier_rows_is_refused():
    with pytest.raises(ValueError, match="before the training rows"):
        cross_val_score(AR(target="y"), stamped(), cv=KFold(3), error_score="raise")


def test_gaps_may_be_ignored():
    X = stamped(300, "B")
    X = X.drop(X.index[[30, 150, 200]])
    with pytest.raises(ValueError, match="the index of X has a gap: 2021-04-09 is followed by 2021-04-13"):
        AR(target="y").fit(X[:150])
    f = AR(target="y", gaps="ignore", lookback=4).fit(X[:150])
    plain = AR(target="y", lookback=4).fit(X[:150].reset_index(drop=True))
    np.testing.assert_array_equal(f.predict(X[160:]), plain.predict(X[160:].reset_index(drop=True)))


def test_what_is_known_ahead_may_skip_steps_where_gaps_do_not_count():
    X = stamped(120, "B")
    X = X.drop(X.index[[30, 101]])  # 101: a holiday ahead
    f = AR(target="y", known_future="known", gaps="ignore", lookback=4, horizon=3).fit(X[:100])
    plain = AR(target="y", known_future="known", lookback=4, horizon=3).fit(X[:100].reset_index(drop=True))
    wanted = plain.forecast(X_future=X["known"][100:103].to_numpy())
    for future in (X[100:103], X[90:], X[100:103][::-1]):
        np.testing.assert_array_equal(f.forecast(X_future=future), wanted)
    frame = f.forecast(X_future=X, as_frame=True)
    assert frame.index.name == "when" and list(frame.index) == list(X.index[100:103])


def test_other_stamps_than_those_of_fit_are_refused():
    X = stamped()
    f = AR(target="y").fit(X[:250])
    with pytest.raises(ValueError, match="the index of X holds numbers, and fit saw times"):
        f.predict(X[250:].reset_index(drop=True))
    with pytest.raises(ValueError, match="the index of X has zone UTC, and fit saw no time zone; wanted the same"):
        f.predict(X[250:].tz_localize("UTC"))


# -- panels ----------------------------------------------------------------------------------------------------------

PANEL = {"target": "y", "known_future": "known", "series_id": "shop", "time": "when"}


def test_series_are_kept_apart_in_any_order_of_rows():
    X = shops()
    before, after = X[X["when"] < "2021-03-01"], X[X["when"] >= "2021-03-01"]
    mixed = after.sort_values("when", kind="stable")
    f = NaiveForecaster(method="drift", lookback=6, horizon=4, **PANEL).fit(before.sort_values("when"))
    found = pd.Series(f.predict(mixed), mixed.index).sort_index()
    for label in "abc":
        alone = NaiveForecaster(method="drift", lookback=6, horizon=4, target="y").fit(
            before.loc[before["shop"] == label, ["y", "lead", "known"]]
        )
        own = after["shop"] == label
        np.testing.assert_allclose(found[own], alone.predict(after.loc[own, ["y", "lead", "known"]]))
    some = after[after["shop"] != "b"]
    np.testing.assert_array_equal(f.predict(some), found[some.index])
    with pytest.raises(ValueError, match="rows of series 'z', which fit did not see"):
        f.predict(after.assign(shop="z"))


def test_panels_go_on_series_by_series():
    X = shops().drop(columns="lead")
    f = AR(lookback=5, horizon=3, **PANEL).fit(X)
    future = shops(90).drop(columns="lead")
    future = future[future["when"] > X["when"].max()]
    found = f.forecast(7, X_future=future[["shop", "when", "known"]].sample(frac=1, random_state=0))
    assert found.shape == (3, 7)
    frame = f.forecast(7, X_future=future, as_frame=True)
    assert frame.index.names == ["shop", "when"] and list(frame.columns) == ["y"]
    np.testing.assert_array_equal(frame["y"].unstack().to_numpy(), found)
    assert frame.loc["b"].index.tolist() == future.loc[future["shop"] == "b", "when"].tolist()[:7]
    np.testing.assert_allclose(f.predict(future)[:3], found[0, :3])


# -- forecast --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 3, 4, 11])
def test_beyond_the_horizon_words_become_the_past(steps):
    X = table().drop(columns="lead")
    f = AR(lookback=5, horizon=3, target="y", known_future="known").fit(X[:280])
    wanted, rows = [], X[:280].copy()
    for at in range(0, steps, 3):
        ahead = X[280 + at : 283 + at].copy()
        said = by_hand(X[:280], pd.concat([rows[280:], ahead]), 5, 3, [0], known=[1])[-3:, 0]
        ahead["y"] = said
        rows = pd.concat([rows, ahead])
        wanted.extend(said)
    n = -(-steps // 3) * 3
    np.testing.assert_allclose(f.forecast(n, X_future=X[280 : 280 + n]), wanted, rtol=1e-6)
    first = f.forecast(steps, X_future=X[280:])
    assert first.shape == (steps,)
    whole = steps // 3 * 3  # behind, other known rows are missing to the last forecast
    np.testing.assert_allclose(first[:whole], wanted[:whole], rtol=1e-6)


def test_one_forecast_is_the_first_of_predict():
    X = table()
    f = AR(lookback=5, horizon=6).fit(X[:250])
    np.testing.assert_allclose(f.forecast(), f.predict(X[250:256]))
    np.testing.assert_allclose(f.forecast(2), f.predict(X[250:256])[:2])


def test_a_column_of_which_nothing_is_known_ends_the_recursion():
    f = AR(target="y", known_future="known").fit(table())
    with pytest.raises(ValueError, match="the column 'lead' is read of the past and neither forecast nor known ahead"):
        f.forecast(2, X_future=[[1.0], [1.0]])
    for steps in (0, -1, 1.5, True, "2"):
        with pytest.raises(ValueError, match=f"steps={steps!r}; wanted a whole number of rows"):
            f.forecast(steps)


@pytest.mark.parametrize(
    "model", [NaiveForecaster(horizon=4, method="drift", lookback=9), AutoForecaster(horizon=4, budget=0.1)]
)
def test_columns_that_are_not_read_end_no_recursion(model):
    X = np.random.default_rng(0).normal(size=(60, 2))
    beside = clone(model).set_params(target=0).fit(X).forecast(11)
    np.testing.assert_allclose(beside, clone(model).fit(X[:, :1]).forecast(11), rtol=1e-9)


def test_what_is_known_ahead_comes_in_many_forms():
    X = stamped()
    f = AR(lookback=4, horizon=3, target="y", known_future="known").fit(X[:250])
    wanted = f.forecast(X_future=X[250:253])
    future = X[["known"]][240:]
    forms = {
        "too many rows": X,
        "unordered": future.sample(frac=1, random_state=0),
        "a column": future["known"],
        "array": future[10:13].to_numpy(),
        "list": future["known"][10:13].tolist(),
        "without stamps": future[10:].reset_index(drop=True),
    }
    for name, form in forms.items():
        np.testing.assert_array_equal(f.forecast(X_future=form), wanted, err_msg=name)
    with pytest.raises(ValueError, match=r"X_future is None, and known_future=\['known'\] is read of the 3 rows"):
        f.forecast()
    with pytest.raises(
        ValueError, match=r"X_future has 2021-03-01 to 2021-03-11 10:00; training ended at 2021-03-11 09:00"
    ):
        f.forecast(X_future=X[:251])
    with pytest.raises(ValueError, match=r"X_future has shape \(2, 3\); wanted \(3, 1\)"):
        f.forecast(X_future=np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"X_future has 2 rows, and 3 steps are to be forecast"):
        f.forecast(X_future=np.zeros(2))
    with pytest.raises(ValueError, match="X_future has no column 'known'"):
        f.forecast(X_future=X[["lead"]])
    with pytest.raises(ValueError, match="X_future contains NaN"):
        f.forecast(X_future=[1, np.nan, 3])
    with pytest.raises(ValueError, match="no column is known_future; wanted None"):
        AR(target="y").fit(X).forecast(X_future=X)


def test_arrays_of_several_series_are_told_what_is_known_by_all_columns():
    X = shops().drop(columns=["lead", "when"]).replace({"shop": {"a": 1, "b": 2, "c": 3}}).astype(float)
    f = AR(lookback=5, horizon=3, target="y", known_future="known", series_id="shop").fit(X)
    array = AR(lookback=5, horizon=3, target=0, known_future=1, series_id=2).fit(X.to_numpy())
    wanted = f.forecast(X_future=X[["shop", "known"]])
    np.testing.assert_array_equal(array.forecast(X_future=X.to_numpy()), wanted)


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("freq", ["15min", "h", "D", "B", "W", "MS", "ME", "QS", "YS"])
def test_forecasts_as_a_frame_go_on_in_time(freq, zone):
    index = pd.date_range("2021-01-01", periods=120, freq=freq, tz=zone, name="when")
    f = NaiveForecaster(horizon=20).fit(table(100).set_axis(index[:100]))
    frame = f.forecast(as_frame=True)
    assert frame.index.tolist() == index[100:].tolist() and frame.index.name == "when"
    np.testing.assert_array_equal(frame, f.forecast())
    assert frame.columns.tolist() == ["y", "lead", "known"]


def test_forecasts_as_a_frame_without_stamps_are_numbered():
    frame = NaiveForecaster(horizon=3).fit(np.arange(30.0)[:, None]).forecast(as_frame=True)
    assert frame.index.tolist() == [1, 2, 3] and frame.columns.tolist() == ["x0"] and frame.index.name == "step"


# -- many origins ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize("target", ["y", ["y", "lead"]])
def test_rolling_forecasts_stand_on_the_rows_before_their_origin(target, stride):
    X = table()
    f = AR(lookback=4, horizon=3, target=target).fit(X[:200])
    later = X[200:240].reset_index(drop=True)
    found = f.rolling_forecast(later, stride)
    answer = least_squares(X[:200], 4, 3, [0, 1] if isinstance(target, list) else [0])
    wanted = np.array([answer(later, origin) for origin in range(4, 40 - 3 + 1, stride)])
    np.testing.assert_allclose(found, wanted if isinstance(target, list) else wanted[..., 0], rtol=1e-6)
    with pytest.raises(ValueError, match=r"X has 6 rows; wanted at least lookback \+ horizon = 4 \+ 3"):
        f.rolling_forecast(later[:6])
    with pytest.raises(ValueError, match="stride=0; wanted"):
        f.rolling_forecast(later, 0)


# -- messy data ------------------------------------------------------------------------------------------------------


def test_a_table_that_is_none_is_refused():
    f = NaiveForecaster()
    with pytest.raises(TypeError, match=r"X is a lazy frame.*X.collect"):
        f.fit(pl.LazyFrame({"a": [1.0, 2.0]}))
    with pytest.raises(ValueError, match="reads one table"):
        f.fit(np.zeros((3, 4, 5)))
    with pytest.raises(ValueError, match=r"X is a single column; wanted a table .*to_frame"):
        f.fit(pd.Series([1.0, 2, 3]))
    with pytest.raises(ValueError, match=r"X has 5 row\(s\).*horizon=5; wanted more than the horizon: at least 6"):
        NaiveForecaster(horizon=5).fit(np.zeros((5, 1)))
    with pytest.raises(NotFittedError):
        f.predict([[1.0]])


def test_polars_frames_are_read():
    X = stamped()
    frame = pl.DataFrame({"when": X.index.to_numpy()} | {name: X[name].to_numpy() for name in X})
    f = AR(target="y", known_future="known", time="when", horizon=2).fit(frame[:250])
    plain = AR(target="y", known_future="known", horizon=2).fit(X[:250])
    np.testing.assert_array_equal(f.predict(frame[250:]), plain.predict(X[250:]))
    wanted = plain.forecast(X_future=X, as_frame=True)
    pd.testing.assert_frame_equal(f.forecast(X_future=frame, as_frame=True), wanted)
    assert f.score(frame[250:], frame["y"][250:]) == plain.score(X[250:])


def test_missing_values_are_the_last_known_ones_with_a_mark():
    X = table().drop(columns="known")
    X[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
    f = AR(lookback=3, target="y", missing="mask").fit(X[:250])
    marked = np.c_[X.ffill().fillna(X[:250].mean()), X.isna()]
    rows = [o for o in range(3, 250) if not np.isnan(X["y"][o])]
    A = np.array([np.r_[marked[o - 3 : o].ravel(), 1] for o in rows])
    coef = np.linalg.lstsq(A, X["y"][rows])[0]
    wanted = [np.r_[marked[o - 3 : o].ravel(), 1] @ coef for o in range(250, 300)]
    np.testing.assert_allclose(f.predict(X[250:]), wanted, rtol=1e-6)
    there = X["y"][250:].notna()
    assert f.score(X[250:]) == pytest.approx(r2_score(X["y"][250:][there], np.array(wanted)[there]))
    np.testing.assert_array_equal(f.read_targets(X[250:]), X["y"][250:])
    with pytest.raises(ValueError, match=r"contains NaN: row \d+, column '(y|lead)'.*missing='mask'"):
        f.set_params(missing="error").fit(X)
    np.testing.assert_allclose(f.predict(X[250:]), wanted, rtol=1e-6)  # a fit that fails leaves the old one


# -- scikit-learn ----------------------------------------------------------------------------------------------------


def test_searches_and_pipelines():
    X = stamped()
    cv = TimeSeriesSplit(3)
    wanted = []
    for train, test in cv.split(X):
        wanted.append(r2_score(X["y"].iloc[test], by_hand(X.iloc[train], X.iloc[test], 4, 2, [0])[:, 0]))
    f = AR(lookback=4, horizon=2, target="y")
    np.testing.assert_allclose(cross_val_score(f, X, cv=cv), wanted)
    np.testing.assert_allclose(cross_val_score(f, X, X["y"], cv=cv, scoring="r2"), wanted)
    double = make_pipeline(FunctionTransformer(lambda X: X * 2), f)
    np.testing.assert_allclose(cross_val_score(double, X, 2 * X["y"], cv=cv), wanted)
    search = GridSearchCV(f, {"lookback": [1, 4]}, cv=cv).fit(X)
    assert search.best_params_ == {"lookback": 4} and search.best_score_ == pytest.approx(np.mean(wanted))
    np.testing.assert_array_equal(search.predict(X[250:]), search.best_estimator_.predict(X[250:]))


def test_backtests():
    X, f = stamped(), AR(lookback=4, horizon=2, target="y")
    result = backtest(f, X, cv=RollingOriginSplit(3, test_size=20))
    assert np.isnan(result.predictions[:240]).all()
    for at in (240, 260, 280):
        wanted = by_hand(X[:at], X[at : at + 20], 4, 2, [0])[:, 0]
        np.testing.assert_allclose(result.predictions[at : at + 20], wanted, rtol=1e-6)
    panel = shops().sort_values("when", kind="stable", ignore_index=True)
    f = NaiveForecaster(method="seasonal", season=2, horizon=2, **PANEL)
    result = backtest(f, panel, cv=PanelTimeSplit(2, time="when", test_size=10))
    for _, own in panel.groupby("shop"):
        values, found = own["y"].to_numpy(), result.predictions[own.index]
        np.testing.assert_allclose(found[60:], values[58:78])


def test_copies_answer_the_same():
    X = shops()
    f = AR(lookback=4, horizon=2, calibration_fraction=0.2, **PANEL).fit(X)
    again = pickle.loads(pickle.dumps(f))
    later = shops(84).groupby("shop").tail(4)
    np.testing.assert_array_equal(again.predict_interval(later), f.predict_interval(later))
    fresh = clone(f)
    assert not hasattr(fresh, "lookback_") and fresh.get_params() == f.get_params()
    np.testing.assert_array_equal(fresh.fit(X).predict(later), f.predict(later))
