"""Quantiles, intervals and scores of forecasters, against processes whose spread is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.base import BaseEstimator

from sklearn_seq import NaiveForecaster, RollingOriginSplit, backtest, forecast_scorer, interval_coverage_scorer
from sklearn_seq.metrics import mean_absolute_scaled_error
from sklearn_seq.params import estimator
from sklearn_seq.tasks.forecast_solved import SolvedForecasterMixin

RHO = 0.8
THREE_STEPS = np.sqrt(np.cumsum(RHO ** (2 * np.arange(3))))  # spread of what noise of spread 1 adds up to


@estimator
class AR(SolvedForecasterMixin, BaseEstimator):
    """Least squares on the past."""

    def _features(self, windows):
        return np.c_[windows.past().reshape(len(windows), -1), np.ones(len(windows))]

    def _solve(self, windows, columns):
        truth = windows.truth().reshape(len(windows), -1)
        return {"coef": np.linalg.lstsq(self._features(windows), truth)[0]}

    def _decide(self, windows, solved):
        return (self._features(windows) @ solved["coef"]).reshape(len(windows), windows.layout.horizon, -1)


def process(n, seed=0, spread=1.0):
    noise = np.random.default_rng(seed).normal(size=n) * spread
    x = np.zeros(n)
    for t in range(1, n):
        x[t] = RHO * x[t - 1] + noise[t]
    return 100 + 10 * x[:, None]


def covered(ends, truth):
    return (ends[..., 0] <= truth) & (truth <= ends[..., 1])


@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_intervals_cover_what_they_say_and_are_as_wide_as_the_noise(coverage):
    X = process(9000)
    f = AR(lookback=2, horizon=3, calibration_fraction=0.4).fit(X[:6000])
    ends = f.predict_interval(X[6000:], coverage)
    assert ends.shape == (3000, 2)
    for step in range(3):
        assert covered(ends, X[6000:, 0])[step::3].mean() == pytest.approx(coverage, abs=0.035)
    width = np.diff(ends)[:3, 0] / 2
    np.testing.assert_allclose(width, 10 * THREE_STEPS * norm.ppf(0.5 + coverage / 2), rtol=0.07)
    np.testing.assert_allclose(ends.mean(axis=1), f.predict(X[6000:]))


def test_errors_are_those_on_the_last_origins_of_a_model_that_did_not_see_them():
    X = process(200)
    f = AR(lookback=2, horizon=3, calibration_fraction=0.25).fit(X)
    windows = np.lib.stride_tricks.sliding_window_view(X[:, 0], 5)  # origins 2 to 197
    n = len(windows)
    held = int(np.ceil(n * 0.25))
    early, late = windows[: n - held - 3 + 1], windows[n - held :]  # the horizon ends before the first held out origin
    past = [np.c_[part[:, :2], np.ones(len(part))] for part in (early, late)]
    coef = np.linalg.lstsq(past[0], early[:, 2:])[0]
    sizes = np.sort(np.abs(late[:, 2:] - past[1] @ coef), axis=0)
    width = np.diff(f.predict_interval(process(203)[200:], 0.8))[:, 0] / 2
    np.testing.assert_allclose(width, sizes[int(np.ceil((held + 1) * 0.8)) - 1], rtol=1e-6)
    np.testing.assert_array_equal(f.predict(X[:3]), AR(lookback=2, horizon=3).fit(X).predict(X[:3]))


def test_quantiles_ascend_and_hold_their_share():
    X = process(9000)
    f = AR(lookback=2, horizon=3, calibration_fraction=0.4).fit(X[:6000])
    levels = np.linspace(0.05, 0.95, 19)
    found = f.predict_quantiles(X[6000:], levels)
    assert found.shape == (3000, 19) and (np.diff(found) >= 0).all()
    np.testing.assert_allclose((X[6000:] <= found).mean(axis=0), levels, atol=0.03)
    np.testing.assert_array_equal(
        f.predict_quantiles(X[6000:], [0.9, 0.1]), f.predict_quantiles(X[6000:], [0.1, 0.9])[:, ::-1]
    )
    assert f.predict_quantiles(X[6000:], 0.5).shape == (3000, 1)


def test_many_targets_and_series_have_ends_of_their_own():
    X = pd.DataFrame({"a": process(400, 0)[:, 0], "b": process(400, 1)[:, 0] / 100, "s": np.repeat([1, 2], 200)})
    f = NaiveForecaster(horizon=2, series_id="s", calibration_fraction=0.3).fit(X)
    later = X.groupby("s").tail(7)
    ends = f.predict_interval(later, 0.8)
    assert ends.shape == (14, 2, 2)
    np.testing.assert_allclose(ends.mean(axis=-1), f.predict(later))
    scale = X.groupby("s")[["a", "b"]].std(ddof=0).to_numpy()
    wide = (ends[..., 1] - ends[..., 0]).reshape(2, 7, 2) / scale[:, None]
    np.testing.assert_allclose(wide[0], wide[1])  # in units of each series the errors of both are taken together
    np.testing.assert_allclose(wide[0][::2][:3], wide[0][:1].repeat(3, 0))
    assert f.predict_quantiles(later, [0.1, 0.5, 0.9]).shape == (14, 2, 3)
    assert f.rolling_interval(X, 0.8, stride=50).shape == (8, 2, 2, 2)


# -- many origins ----------------------------------------------------------------------------------------------------


def test_adaptive_intervals_cover_though_the_spread_changes_and_static_ones_do_not():
    spread = np.r_[np.ones(2000), np.full(3000, 3.0)]
    X = process(5000, spread=spread)
    f = AR(lookback=2, horizon=2, calibration_fraction=0.4).fit(X[:2000])
    truth = np.lib.stride_tricks.sliding_window_view(X[2000 + 2 :, 0], 2)
    static = f.rolling_interval(X[2000:], 0.8, adaptive=False)
    adaptive = f.rolling_interval(X[2000:], 0.8, rate=0.02)
    assert static.shape == adaptive.shape == (2997, 2, 2)
    assert covered(static, truth).mean() < 0.5
    np.testing.assert_allclose(covered(adaptive, truth).mean(axis=0), 0.8, atol=0.02)


def test_adaptive_intervals_narrow_where_the_spread_falls():
    X = process(4000, spread=np.r_[np.ones(2000), np.full(2000, 0.3)])
    f = AR(lookback=2, calibration_fraction=0.4).fit(X[:2000])
    truth = X[2002:]
    found = f.rolling_interval(X[2000:], 0.8, rate=0.02)
    assert covered(found, truth).mean() == pytest.approx(0.8, abs=0.02)
    assert covered(f.rolling_interval(X[2000:], 0.8, adaptive=False), truth).mean() > 0.99


def test_static_intervals_from_many_origins_are_those_of_predict_interval():
    X = process(300)
    f = AR(lookback=3, horizon=3, calibration_fraction=0.4).fit(X[:200])
    found = f.rolling_interval(X[200:], 0.8, stride=3, adaptive=False)
    wanted = f.forget().predict_interval(X[200:], 0.8)
    np.testing.assert_allclose(found.reshape(-1, 2), wanted[3 : 3 + 3 * len(found)])
    first = f.rolling_interval(X[200:], 0.8, stride=3)[0]  # nothing has come true yet
    np.testing.assert_allclose(first, found[0])


def test_no_adaptive_interval_reads_past_its_origin():
    X = process(300)
    f = AR(lookback=3, horizon=4, calibration_fraction=0.4).fit(X[:200])
    before = f.rolling_interval(X[200:], 0.8, stride=2, rate=0.1)
    for row in (10, 21, 50):
        spiked = X[200:].copy()
        spiked[row:] += 500
        after = f.rolling_interval(spiked, 0.8, stride=2, rate=0.1)
        same = (3 + 2 * np.arange(len(before))) <= row  # by origin
        np.testing.assert_array_equal(before[same], after[same])
        assert not np.isclose(before[~same], after[~same]).all()


# -- scores ----------------------------------------------------------------------------------------------------------


def test_scorers_of_forecasts():
    X = pd.DataFrame({"y": process(300)[:, 0]})
    f = AR(lookback=4, target="y", calibration_fraction=0.4).fit(X[:200])
    mase = forecast_scorer(mean_absolute_scaled_error, y_train=X["y"][:200])
    wanted = np.abs(X["y"][200:] - f.predict(X[200:])).mean() / np.abs(np.diff(X["y"][:200])).mean()
    assert mase(f, X[200:]) == mase(f, X[200:], X["y"][200:]) == pytest.approx(-wanted)
    share = covered(f.predict_interval(X[200:], 0.8), X["y"][200:].to_numpy()).mean()
    assert interval_coverage_scorer(0.8)(f, X[200:]) == pytest.approx(-abs(share - 0.8))


def test_backtests_of_intervals():
    X = pd.DataFrame({"y": process(1500)[:, 0]})
    f = AR(lookback=2, horizon=5, target="y", calibration_fraction=0.4)
    result = backtest(
        f, X, cv=RollingOriginSplit(3, test_size=200), method="predict_interval", scoring=interval_coverage_scorer(0.9)
    )
    assert result.predictions.shape == (1500, 2)
    assert covered(result.predictions[900:], X["y"][900:].to_numpy()).mean() == pytest.approx(0.9, abs=0.05)
    assert (result.scores > -0.1).all()


# -- refusals --------------------------------------------------------------------------------------------------------


def test_intervals_that_nothing_is_known_of_are_refused():
    X = process(100)
    f = NaiveForecaster().fit(X)
    for ask in (f.predict_interval, f.predict_quantiles, f.rolling_interval):
        with pytest.raises(ValueError, match=r"fitted without calibration_fraction.*calibration_fraction=0\.2"):
            ask(X)
    f = NaiveForecaster(calibration_fraction=0.2).fit(X)
    with pytest.raises(
        ValueError, match=r"coverage=0\.99 was asked for and errors of 20 origins are known; wanted at least 99"
    ):
        f.predict_interval(X, 0.99)
    assert f.predict_interval(X, 0.95).shape == (100, 2)  # 19 origins are enough
    for share in (0, 1, 1.5, -0.1, 90):
        with pytest.raises(ValueError, match="wanted a number between 0 and 1"):
            f.predict_interval(X, share)
        with pytest.raises(ValueError, match="wanted a number between 0 and 1"):
            f.predict_quantiles(X, [0.5, share])
    with pytest.raises(
        ValueError, match=r"calibration_fraction=0\.9 leaves 0 of 20 origins to learn from and 18 to measure"
    ):
        NaiveForecaster(horizon=10, lookback=2, calibration_fraction=0.9).fit(X[:30])
    unknown = np.r_[X[:80], np.full((20, 1), np.nan)]
    f = NaiveForecaster(calibration_fraction=0.1, missing="mask").fit(unknown)
    for ask in (f.predict_interval, f.predict_quantiles):
        with pytest.raises(ValueError, match=r"errors of 0 origins are known|truth is missing in all rows"):
            ask(X)
