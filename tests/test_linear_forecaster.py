"""LinearForecaster: its map is the closed form's, and what stands around it against known answers."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import check_estimator

from sklearn_seq import LinearForecaster
from sklearn_seq.datasets import load_co2
from sklearn_seq.testing import expected_failed_checks
from sklearn_seq.training.window_ridge import LAMBDAS, WindowRidge

PLAIN = {"channels": "shared", "shift": "last"}


def season(n=600, n_columns=2, period=12, noise=0.3, seed=0):
    """A season on a random walk, each column with a phase and a level of its own."""
    rng = np.random.default_rng(seed)
    t = np.arange(n)[:, None]
    wave = np.sin(2 * np.pi * t / period + np.arange(n_columns)) * (1 + np.arange(n_columns))
    return wave + noise * rng.normal(size=(n, n_columns)) + 0.1 * rng.normal(size=(n, n_columns)).cumsum(0) + 10


def scaled(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def every_window(model, X, target=slice(None)):
    """Forecasts and truth of all origins of X, (n, H, K)."""
    found = model.rolling_forecast(X)
    found = found.reshape(*found.shape[:2], -1)
    L, H = model.lookback_, found.shape[1]
    return found, np.stack([X[L + i : L + i + H, target] for i in range(len(found))]).reshape(found.shape)


@pytest.mark.parametrize("shift", ["last", "mean", "none"])
def test_a_given_map_is_that_of_window_ridge(shift):
    X = season()
    model = LinearForecaster(horizon=5, lookback=30, shift=shift, alpha=0.1, channels="shared").fit(X)
    wanted = WindowRidge(5, [30], [shift], [0.1]).fit(scaled(X), [0], [len(X)], tail=0)
    np.testing.assert_allclose(scaled_back(wanted, X), model.forecast(), rtol=1e-8)
    assert model.choice_["lookback"] == model.lookback_ == 30
    assert np.isnan(model.choice_["score"])


def scaled_back(found, X):
    return found.predict(scaled(X)[-found.lookback :].T).T * X.std(axis=0) + X.mean(axis=0)


def test_the_choice_is_that_of_window_ridge():
    X = season()
    model = LinearForecaster(horizon=6, shift="mean", channels="shared").fit(X)
    wanted = WindowRidge(6, (8, 12, 24, 48, 96, 168), ["mean"], LAMBDAS).fit(scaled(X), [0], [len(X)])
    assert model.lookback_ == wanted.lookback
    np.testing.assert_allclose(model.choice_["alpha"], wanted.lambda_)
    assert model.choice_["score"] == pytest.approx(wanted.score)
    np.testing.assert_allclose(model.forecast(), scaled_back(wanted, X), rtol=1e-8)


def test_own_maps_are_those_of_the_targets_alone():
    X = season()
    model = LinearForecaster(horizon=4, lookback=24, shift="last", channels="own").fit(X)
    for k in range(2):
        alone = LinearForecaster(horizon=4, lookback=24, shift="last").fit(X[:, k : k + 1])
        np.testing.assert_allclose(model.forecast()[:, k], alone.forecast(), rtol=1e-8)
        np.testing.assert_allclose(model.choice_["alpha"][k], alone.choice_["alpha"])
    assert model.choice_["channels"] == "own"


def test_targets_that_differ_get_maps_of_their_own():
    rng = np.random.default_rng(0)
    t = np.arange(900)
    X = np.c_[np.sin(2 * np.pi * t / 12), np.sin(2 * np.pi * t / 17)] + 0.02 * rng.normal(size=(900, 2))
    model = LinearForecaster(horizon=12, lookback=12, shift="last")
    assert model.fit(X).choice_["channels"] == "own"
    assert model.fit(np.c_[X[:, 0], X[:, 0]]).choice_["channels"] == "shared"


def test_an_alpha_for_each_step():
    X = season()
    given = np.array([0.01, 0.1, 1.0])
    model = LinearForecaster(horizon=3, lookback=20, alpha=given, **PLAIN).fit(X)
    for step, alpha in enumerate(given):
        one = LinearForecaster(horizon=3, lookback=20, alpha=float(alpha), **PLAIN).fit(X)
        np.testing.assert_allclose(model.forecast()[step], one.forecast()[step], rtol=1e-10)
    with pytest.raises(ValueError, match=r"alpha has shape \(2,\).*wanted penalties.*each of the 3 steps"):
        LinearForecaster(horizon=3, lookback=20, alpha=[0.1, 1.0]).fit(X)


def test_an_autoregression_is_forecast_down_to_its_noise():
    rng = np.random.default_rng(0)
    noise, x = rng.normal(size=7000), np.zeros(7000)
    for t in range(2, len(x)):
        x[t] = 1.2 * x[t - 1] - 0.5 * x[t - 2] + noise[t]
    model = LinearForecaster(horizon=3).fit(x[:4000, None])
    found, truth = every_window(model, x[4000:, None])
    floor = np.cumsum([1, 1.2**2, (1.2**2 - 0.5) ** 2])  # squares of its moving-average weights
    np.testing.assert_allclose(((found - truth) ** 2).mean(axis=(0, 2)), floor, rtol=0.08)


def test_a_random_walk_is_repeated():
    x = np.random.default_rng(1).normal(size=(1500, 1)).cumsum(0)
    model = LinearForecaster(horizon=10).fit(x[:1000])
    found, truth = every_window(model, x[1000:])
    last = x[1000 + model.lookback_ - 1 :][: len(found), None]
    assert ((found - truth) ** 2).mean() < 1.03 * ((last - truth) ** 2).mean()


@pytest.mark.parametrize(("factor", "level"), [(3.0, 100.0), (1e-3, -5.0)])
def test_units_change_nothing_but_units(factor, level):
    X = season()
    for params in ({}, {"missing": "mask"}):
        wanted = LinearForecaster(horizon=6, **params).fit(X).forecast()
        found = LinearForecaster(horizon=6, **params).fit(factor * X + level).forecast()
        np.testing.assert_allclose(found, factor * wanted + level, rtol=1e-6, atol=1e-6 * factor)


def panel_of(lengths, order=None, seed=0):
    frames = []
    for i, n in enumerate(lengths):
        values = season(n, 1, seed=seed + i)[:, 0] * (i + 1)
        frames.append(pd.DataFrame({"shop": f"s{i}", "day": pd.date_range("2020", periods=n), "sold": values}))
    return pd.concat([frames[i] for i in (range(len(lengths)) if order is None else order)], ignore_index=True)


def test_the_order_of_series_does_not_matter():
    params = {"series_id": "shop", "time": "day", "horizon": 7}
    lengths = (150, 90, 40, 200)
    first = LinearForecaster(**params).fit(panel_of(lengths))
    other = LinearForecaster(**params).fit(panel_of(lengths, order=(2, 0, 3, 1)))
    wanted, found = dict(zip(first.series_, first.forecast())), dict(zip(other.series_, other.forecast()))
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-8)


def test_what_is_put_before_short_series_is_not_learnt():
    """A series shorter than the look-back has windows of rows repeated; a map of them would say that nothing changes."""
    X = panel_of((400, 30))
    both = LinearForecaster(series_id="shop", time="day", horizon=7, lookback=36, alpha=0.01, **PLAIN).fit(X)
    alone = LinearForecaster(series_id="shop", time="day", horizon=7, lookback=36, alpha=0.01, **PLAIN)
    np.testing.assert_allclose(both.forecast()[0], alone.fit(X[:400]).forecast()[0], rtol=1e-9)
    assert np.all(np.isfinite(both.forecast()))


def test_the_effect_of_a_column_known_ahead_is_found():
    rng = np.random.default_rng(0)
    n = 900
    promo = (rng.random(n) < 0.2).astype(float)
    X = pd.DataFrame({"sold": season(n, 1)[:, 0] + 4 * promo, "promo": promo})
    model = LinearForecaster(horizon=8, target="sold", known_future="promo").fit(X[:700])
    plain = LinearForecaster(horizon=8).fit(X[["sold"]][:700])
    errors = [np.mean((one.predict(X[700:][list(names)]) - X["sold"][700:]) ** 2)
              for one, names in ((model, ["sold", "promo"]), (plain, ["sold"]))]  # fmt: skip
    assert errors[0] < 0.2 * errors[1]
    assert model.choice_["known"] in ("levels", "changes")
    without, with_promo = (model.forecast(X_future=np.full((8, 1), value)) for value in (0.0, 1.0))
    np.testing.assert_allclose(with_promo - without, 4, rtol=0.03)


def test_a_wandering_column_known_ahead_acts_by_its_changes():
    rng = np.random.default_rng(2)
    price, rest = rng.normal(size=(2, 800)).cumsum(axis=1)
    X = np.c_[rest * 3 - 2 * price, price]
    model = LinearForecaster(horizon=5, target=0, known_future=1).fit(X)
    assert model.choice_["known"] == "changes"
    low, high = (model.forecast(X_future=np.full(5, price[-1] + more)) for more in (0.0, 1.0))
    np.testing.assert_allclose(high - low, -2, atol=0.25)


def test_a_column_known_ahead_that_says_nothing_is_left_out():
    rng = np.random.default_rng(3)
    X = np.c_[season(500, 1), rng.normal(size=500)]
    model = LinearForecaster(horizon=5, target=0, known_future=1).fit(X)
    plain = LinearForecaster(horizon=5, target=0).fit(X[:, :1])
    found, wanted = model.forecast(X_future=X[-5:, 1]), plain.forecast()
    np.testing.assert_allclose(found, wanted, atol=0.1 * X[:, 0].std())


def test_the_past_of_other_columns_is_read_where_it_helps():
    rng = np.random.default_rng(0)
    lead, noise = rng.normal(size=(2, 2000))
    x = np.r_[0.0, 0.0, lead[:-2]] + 0.3 * noise  # what leads by two rows
    X = np.c_[x, lead]
    model = LinearForecaster(horizon=3, target=0).fit(X[:1500])
    found, truth = every_window(model, X[1500:], target=[0])
    np.testing.assert_allclose(((found - truth) ** 2).mean(axis=(0, 2)), [0.09, 0.09, 1.09], rtol=0.2)
    assert model.choice_["past"] == ["x0"]
    useless = LinearForecaster(horizon=3, target=0).fit(np.c_[season(800, 1), rng.normal(size=800)])
    assert useless.choice_["past"] == []


def test_a_y_that_is_no_column_is_read_from_the_past_of_x():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 2))
    y = np.r_[0.0, X[:-1, 0]] * 2 + 0.5 * rng.normal(size=2000) + 7
    with pytest.warns(UserWarning, match="y is no column of X"):
        model = LinearForecaster(horizon=1).fit(X[:1500], y[:1500])
    assert model.score(X[1500:], y[1500:]) == pytest.approx(4 / 4.25, abs=0.02)
    assert model.lookback_ <= 96
    with pytest.warns(UserWarning, match="y is no column of X"):
        known = LinearForecaster(horizon=2, known_future=1).fit(X[:1500], (X[:, 1] * 3 + 1)[:1500])
    assert known.score(X[1500:], X[1500:, 1] * 3 + 1) > 0.99


def test_rows_that_are_remembered_are_those_of_the_look_back_chosen():
    X = season(800, 1)
    model = LinearForecaster(horizon=6).fit(X)
    long = LinearForecaster(horizon=6, lookback=500, alpha=0.1, **PLAIN).fit(X)
    assert model.lookback_ < long.lookback_ == 500
    assert len(model._memory().values) == model.lookback_ == model.choice_["lookback"]
    np.testing.assert_array_equal(model._memory().values, X[-model.lookback_ :])
    rolling = model.rolling_forecast(X[-model.lookback_ - 6 :])
    assert len(rolling) == 1
    assert np.array_equal(model.forget()._memory().lengths, [0])


def test_look_backs_are_multiples_of_the_season_of_the_stamps():
    months = pd.DataFrame({"a": season(400, 1)[:, 0]}, index=pd.date_range("1990", periods=400, freq="MS"))
    halves = months.set_axis(pd.date_range("1990", periods=400, freq="30min"))
    model = LinearForecaster().fit(months)
    assert {12, 36, 84} <= set(model._candidates())
    assert {144, 336} <= set(model.fit(halves)._candidates())
    assert max(model._candidates()) <= 1024


def test_calibration_learns_nothing_of_rows_held_out(monkeypatch):
    learnt = []
    solve = LinearForecaster._solve

    def recorded(self, windows, columns):
        learnt.append(solve(self, windows, columns))
        return learnt[-1]

    monkeypatch.setattr(LinearForecaster, "_solve", recorded)
    X = season(400, 2)
    for params in ({}, {"target": 0, "known_future": [1]}, {"target": 0}):
        learnt.clear()
        params |= {"horizon": 6, "lookback": 24, "calibration_fraction": 0.25}
        first = LinearForecaster(**params).fit(X)
        held_out = int(np.ceil((400 - 24 - 6 + 1) * 0.25)) + 6 - 1  # rows from the first origin held out on
        mixed = X.copy()  # the same rows in another order, so that mean and deviation stay what they are
        mixed[-held_out:] = mixed[-held_out:][::-1]
        other = LinearForecaster(**params).fit(mixed)
        early, late, early_of_mixed, late_of_mixed = (one["maps"][0]["coef"] for one in learnt)
        np.testing.assert_allclose(early, early_of_mixed, atol=1e-9)
        assert not np.allclose(late, late_of_mixed, atol=1e-6)
        assert not np.allclose(first._calibration().grid, other._calibration().grid)


def test_intervals_cover_what_they_say():
    rng = np.random.default_rng(0)
    X = np.sin(np.arange(3000) / 5)[:, None] + 0.3 * rng.normal(size=(3000, 1))
    model = LinearForecaster(horizon=5, lookback=24, calibration_fraction=0.3).fit(X[:2000])
    ends = model.predict_interval(X[2000:], 0.9)
    assert np.mean((X[2000:, 0] >= ends[:, 0]) & (X[2000:, 0] <= ends[:, 1])) == pytest.approx(0.9, abs=0.03)


def test_missing_targets_are_not_learnt():
    X, _ = load_co2(return_X_y=True)
    model = LinearForecaster(horizon=4, missing="mask").fit(X[:2000])
    found = model.predict(X[2000:])
    there = ~np.isnan(X[2000:, 0])
    assert np.sqrt(np.mean((found[there] - X[2000:, 0][there]) ** 2)) < 0.7  # parts per million


@pytest.mark.parametrize("n_columns", [1, 2])
def test_many_gaps_leave_a_forecaster(n_columns):
    X = season(1200, n_columns, noise=0.1)
    complete = LinearForecaster(horizon=12).fit(X[:1000])
    holes = X.copy()
    holes[:1000][np.random.default_rng(0).random((1000, n_columns)) < 0.1] = np.nan
    # what is filled in is far off, so that learning it would show
    model = LinearForecaster(horizon=12, missing="mask").fit(holes[:1000])
    errors = [np.mean((one.predict(X[1000:]).reshape(200, -1) - X[1000:]) ** 2) for one in (complete, model)]
    assert errors[1] < 1.5 * errors[0]


@pytest.mark.parametrize("known", [[], [7]])
def test_a_target_that_is_never_known_leaves_the_others_their_forecast(known):
    X = season(200, 2)
    dead = np.full((200, 1), np.nan)
    dead[known] = 1.0
    found = LinearForecaster(horizon=4, missing="mask").fit(np.hstack([X, dead])).forecast()
    wanted = LinearForecaster(horizon=4, missing="mask", channels="shared").fit(X).forecast()
    np.testing.assert_allclose(found[:, :2], wanted, rtol=1e-8)
    assert np.isfinite(found).all()


def test_gaps_by_blocks_leave_the_closed_form():
    X = season(1200, 1, noise=0.1)
    X[400:500] = np.nan
    model = LinearForecaster(horizon=12, lookback=24, alpha=0.1, missing="mask", **PLAIN).fit(X)
    scale = (X - np.nanmean(X)) / np.nanstd(X)
    wanted = WindowRidge(12, [24], ["last"], [0.1]).fit(scale, [0], [1200], tail=0)
    found = wanted.predict(scale[-24:].T)[0] * np.nanstd(X) + np.nanmean(X)
    np.testing.assert_allclose(model.forecast(), found, rtol=1e-8)


@pytest.mark.parametrize("n", [2, 3, 5, 8, 13, 30])
def test_few_rows_are_enough(n):
    X = season(n, 2)
    model = LinearForecaster(horizon=1).fit(X)
    assert np.all(np.isfinite(model.forecast()))
    assert 1 <= model.lookback_ < n
    constant = LinearForecaster(horizon=1).fit(np.full((n, 1), 3.0))
    np.testing.assert_allclose(constant.forecast(), 3.0)


def test_the_same_data_give_the_same_bits():
    X = season()
    first, second = (LinearForecaster(horizon=6).fit(X).forecast() for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_check_estimator():
    model = LinearForecaster()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        results = check_estimator(
            model, expected_failed_checks=expected_failed_checks(model), on_fail=None, on_skip=None
        )
    failed = {result["check_name"]: str(result["exception"]) for result in results if result["status"] == "failed"}
    assert failed == {}
    # of a y that is no column of X it may say the same in every row, which no order changes
    order = {"check_methods_sample_order_invariance", "check_methods_subset_invariance"}
    assert {result["check_name"] for result in results if result["status"] == "xfail"} <= order
