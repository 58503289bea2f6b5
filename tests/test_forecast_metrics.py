"""Errors of forecasts and of quantiles, and their scorers, against closed forms, scikit-learn and invariances."""

import inspect
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import norm
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import LinearRegression, QuantileRegressor, Ridge
from sklearn.metrics import mean_absolute_error, mean_absolute_percentage_error, mean_pinball_loss
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_seq import Sequences, metrics
from sklearn_seq.metrics import (
    crps_from_quantiles,
    crps_from_samples,
    forecast_scorer,
    gaussian_crps,
    interval_coverage,
    interval_coverage_scorer,
    interval_score,
    interval_width,
    mean_absolute_scaled_error,
    pinball_loss,
    pinball_scorer,
    root_mean_squared_scaled_error,
    symmetric_mean_absolute_percentage_error,
    weighted_absolute_percentage_error,
    weighted_quantile_loss,
)

RNG = np.random.default_rng(0)
N, H, M = 5, 7, 3
TRAIN = RNG.normal(size=(N, 40)).cumsum(axis=1)
Y = TRAIN[:, -1:] + RNG.normal(size=(N, H))
F = Y + RNG.normal(size=(N, H))
LEVELS = [0.1, 0.3, 0.5, 0.9]
QUANTILES = np.sort(RNG.normal(size=(N, H, 4)), axis=-1) + Y[..., None]
WEIGHT = RNG.integers(1, 4, size=N)
SCALED = [mean_absolute_scaled_error, root_mean_squared_scaled_error]
PERCENT = [symmetric_mean_absolute_percentage_error, weighted_absolute_percentage_error]
OF_QUANTILES = [pinball_loss, weighted_quantile_loss, crps_from_quantiles]


def test_every_metric_of_these_files_is_tested_here():
    files = ("forecasting", "quantiles", "scorers")
    there = [n for n in metrics.__all__ if Path(inspect.getsourcefile(getattr(metrics, n))).stem in files]
    assert sorted(there) == sorted(name for name in there if name in globals())
    assert len(there) == 10


# -- errors scaled by the past -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seasonality", [1, 2, M])
@pytest.mark.parametrize("metric, power", [(SCALED[0], 1), (SCALED[1], 2)])
def test_scaled_errors_are_plain_loops(metric, power, seasonality):
    wanted = []
    for y, f, past in zip(Y, F, TRAIN, strict=True):
        scale = np.mean([abs(past[t] - past[t - seasonality]) ** power for t in range(seasonality, len(past))])
        wanted.append((np.mean(np.abs(y - f) ** power) / scale) ** (1 / power))
    options = {"y_train": TRAIN, "seasonality": seasonality}
    assert metric(Y, F, **options) == pytest.approx(np.mean(wanted), rel=1e-12)
    np.testing.assert_allclose(metric(Y, F, **options, multioutput="raw_values"), wanted, rtol=1e-12)
    weighted = np.average(wanted, weights=WEIGHT)
    assert metric(Y, F, **options, multioutput=WEIGHT) == pytest.approx(weighted, rel=1e-12)


@pytest.mark.parametrize("metric", SCALED)
def test_the_seasonal_naive_forecast_of_its_own_past_is_one(metric):
    assert metric(TRAIN[:, M:], TRAIN[:, :-M], y_train=TRAIN, seasonality=M) == pytest.approx(1, rel=1e-12)
    assert metric(TRAIN[0, 1:], TRAIN[0, :-1], y_train=TRAIN[0]) == pytest.approx(1, rel=1e-12)
    assert metric(Y, Y, y_train=TRAIN) == 0


@pytest.mark.parametrize("metric", SCALED)
def test_scaled_errors_have_no_unit_and_no_level(metric):
    value = metric(Y, F, y_train=TRAIN, seasonality=M)
    unit, level = RNG.uniform(0.1, 1e3, size=(N, 1)), RNG.normal(0, 100, size=(N, 1))  # of each series its own
    moved = metric(Y * unit + level, F * unit + level, y_train=TRAIN * unit + level, seasonality=M)
    assert moved == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize("metric", SCALED)
def test_series_of_unequal_length_and_other_containers(metric):
    each = [metric(Y[i, : i + 1], F[i, : i + 1], y_train=TRAIN[i, i:], seasonality=M) for i in range(N)]
    y, f, past = ([a[i, : i + 1] for i in range(N)] for a in (Y, F, TRAIN))
    past = [TRAIN[i, i:] for i in range(N)]
    found = metric(y, f, y_train=past, seasonality=M, multioutput="raw_values")
    np.testing.assert_allclose(found, each, rtol=1e-12)
    for kind in (Sequences.from_list, lambda a: [v.tolist() for v in a], lambda a: [v[:, None] for v in a]):
        np.testing.assert_array_equal(
            metric(kind(y), kind(f), y_train=kind(past), seasonality=M, multioutput="raw_values"), found
        )
    whole = metric(Y, F, y_train=TRAIN)
    assert metric(list(Y), pd.DataFrame(F), y_train=pl.DataFrame(TRAIN)) == whole
    assert metric(Y[:, :, None], F.tolist(), y_train=list(map(pd.Series, TRAIN))) == whole
    one = metric(Y[0], F[0], y_train=TRAIN[0])
    assert type(one) is float
    assert metric(pd.Series(Y[0]), pl.Series(F[0]), y_train=TRAIN[:1]) == one


@pytest.mark.parametrize("metric", SCALED)
def test_series_without_a_unit_are_left_out_where_asked(metric):
    past = TRAIN.copy()
    past[2] = 4.0
    with pytest.raises(ValueError, match=r"^y_train\[2\] repeats .* \(1 of 5 series do\)\. Give zero_scale='omit'.*;"):
        metric(Y, F, y_train=past)
    rest = [0, 1, 3, 4]
    for weights in ("uniform_average", WEIGHT):
        fewer = weights if isinstance(weights, str) else weights[rest]
        wanted = metric(Y[rest], F[rest], y_train=past[rest], multioutput=fewer)
        assert metric(Y, F, y_train=past, zero_scale="omit", multioutput=weights) == wanted
    raw = metric(Y, F, y_train=past, zero_scale="omit", multioutput="raw_values")
    assert np.flatnonzero(np.isnan(raw)).tolist() == [2]
    with pytest.raises(ValueError, match=r"so its naive forecast errs by 0; wanted a past that changes"):
        metric(Y[2], F[2], y_train=past[2], zero_scale="omit")


# -- errors in per cent --------------------------------------------------------------------------------------------------


def test_smape_of_known_numbers():
    smape = symmetric_mean_absolute_percentage_error
    assert smape([100.0], [50.0]) == pytest.approx(200 / 3, rel=1e-15)
    assert smape([0.0, 0.0], [0.0, 3.0]) == 100.0
    assert smape([1.0], [-1.0]) == 200.0
    assert smape([1e308], [-1e308]) == 200.0
    assert smape([5e-324], [0.0]) == 200.0
    np.testing.assert_allclose(
        smape(Y, F, multioutput="raw_values"),
        [np.mean([200 * abs(a - b) / (abs(a) + abs(b)) for a, b in zip(y, f, strict=True)]) for y, f in zip(Y.T, F.T)],
        rtol=1e-12,
    )
    assert smape(Y, F) == pytest.approx(smape(F, Y), rel=1e-12)  # what the s stands for


def test_wape_is_mape_weighed_by_size():
    y, f = Y[:, 0], F[:, 0]
    wanted = mean_absolute_percentage_error(y, f, sample_weight=np.abs(y))
    assert weighted_absolute_percentage_error(y, f) == pytest.approx(wanted, rel=1e-12)
    assert weighted_absolute_percentage_error(y, f) == pytest.approx(
        mean_absolute_error(y, f) / np.abs(y).mean(), rel=1e-12
    )
    with pytest.raises(ValueError, match=r"^output 1 of y_true is 0 in all rows .*; wanted a sum .* Leave it out"):
        weighted_absolute_percentage_error([[1.0, 0.0]], [[1.0, 1.0]])


@pytest.mark.parametrize("metric", PERCENT)
def test_percentages_have_no_unit(metric):
    assert metric(Y * 7, F * 7) == pytest.approx(metric(Y, F), rel=1e-12)
    assert metric(Y, Y) == 0


# -- quantiles -----------------------------------------------------------------------------------------------------------


def test_pinball_loss_is_scikit_learns():
    wanted = np.mean([mean_pinball_loss(Y, QUANTILES[..., k], alpha=level) for k, level in enumerate(LEVELS)])
    assert pinball_loss(Y, QUANTILES, LEVELS) == pytest.approx(wanted, rel=1e-12)
    for weighting in ("raw_values", np.arange(1.0, H + 1)):
        wanted = np.mean(
            [
                mean_pinball_loss(Y, QUANTILES[..., k], alpha=a, sample_weight=WEIGHT, multioutput=weighting)
                for k, a in enumerate(LEVELS)
            ],
            axis=0,
        )
        found = pinball_loss(Y, QUANTILES, LEVELS, sample_weight=WEIGHT, multioutput=weighting)
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_weighted_quantile_loss_of_the_median_is_wape():
    for weight in (None, WEIGHT):
        found = weighted_quantile_loss(Y, F[..., None], [0.5], sample_weight=weight)
        assert found == pytest.approx(weighted_absolute_percentage_error(Y, F, sample_weight=weight), rel=1e-12)
    y, quantiles = Y.ravel(), QUANTILES.reshape(-1, 4)
    by_hand = [2 * len(y) * mean_pinball_loss(y, quantiles[:, k], alpha=a) for k, a in enumerate(LEVELS)]
    assert weighted_quantile_loss(y, quantiles, LEVELS) == pytest.approx(np.mean(by_hand) / np.abs(y).sum(), rel=1e-12)


def test_crps_of_quantiles_is_that_of_sorted_draws():
    y, draws = Y[:, 0], RNG.normal(size=(N, 9))
    levels = (np.arange(9) + 0.5) / 9
    assert crps_from_quantiles(y, np.sort(draws), levels) == pytest.approx(crps_from_samples(y, draws), rel=1e-12)


def test_crps_of_many_quantiles_is_that_of_the_distribution_whatever_their_spacing():
    y, mean, std = Y[:, 0], F[:, 0], np.full(N, 1.5)
    for levels in (
        (np.arange(2000) + 0.5) / 2000,
        np.sort(RNG.uniform(size=4000)),
        RNG.permutation(3999) / 4000 + 1e-4,
    ):
        quantiles = mean[:, None] + 1.5 * norm.ppf(levels)
        assert crps_from_quantiles(y, quantiles, levels) == pytest.approx(gaussian_crps(y, mean, std), rel=2e-3)


@pytest.mark.parametrize("metric", OF_QUANTILES)
def test_true_quantiles_score_best(metric):
    y = norm.ppf((np.arange(2000) + 0.5) / 2000, 5, 1)
    scores = {}
    for shift in (-0.2, 0.0, 0.2):
        for width in (0.8, 1.0, 1.2):
            scores[shift, width] = metric(y, np.tile(norm.ppf(LEVELS, 5 + shift, width), (2000, 1)), LEVELS)
    assert min(scores, key=scores.get) == (0.0, 1.0)


# -- what they have in common --------------------------------------------------------------------------------------------


def calls(metric):
    """Arguments beside y_true."""
    return (F,) if metric in PERCENT else (QUANTILES, LEVELS)


@pytest.mark.parametrize("metric", [*PERCENT, *OF_QUANTILES])
def test_weights_are_copies_of_rows_and_outputs_are_averaged(metric):
    forecast, *levels = calls(metric)
    rows = np.repeat(np.arange(N), WEIGHT)
    found = metric(Y, forecast, *levels, sample_weight=WEIGHT)
    assert type(found) is float
    assert found == pytest.approx(metric(Y[rows], forecast[rows], *levels), rel=1e-12)
    assert found != pytest.approx(metric(Y, forecast, *levels), rel=1e-6)
    each = metric(Y, forecast, *levels, multioutput="raw_values")
    np.testing.assert_allclose(each, [metric(Y[:, k], forecast[:, k], *levels) for k in range(H)], rtol=1e-12)
    assert metric(Y, forecast, *levels) == pytest.approx(each.mean(), rel=1e-12)
    assert metric(Y[:, :1], forecast[:, :1], *levels) == metric(Y[:, 0], forecast[:, 0], *levels)
    assert metric(Y[:, :1], forecast[:, 0], *levels) == metric(pd.Series(Y[:, 0]), forecast[:, 0].tolist(), *levels)


def test_interval_width_and_coverage_counted_by_hand():
    lower, upper = [[0.0, 1.0], [2.0, 2.0]], [[1.0, 3.0], [2.0, 6.0]]
    assert interval_width(lower, upper) == pytest.approx((1 + 2 + 0 + 4) / 4)
    assert interval_width(lower, upper, sample_weight=[1, 3]) == pytest.approx((1.5 + 3 * 2) / 4)
    assert interval_coverage([[1.0, 0.5], [2.0, 7.0]], lower, upper) == 0.5
    inside = interval_score([[0.5, 2.0], [2.0, 3.0]], lower, upper, coverage=0.5)  # no fine
    assert interval_width(lower, upper) == inside


BAD = [
    (
        lambda: mean_absolute_scaled_error(Y, F, y_train=TRAIN[0]),
        r"^y_train holds 1 series and y_true holds 5; wanted the",
    ),
    (
        lambda: mean_absolute_scaled_error(Y, F, y_train=TRAIN.T),
        r"y_train holds 40 series .* if rows are time, give y_train\.T",
    ),
    (lambda: mean_absolute_scaled_error(Y, F[:3], y_train=TRAIN), r"^y_pred holds 3 series and y_true holds 5; wanted"),
    (
        lambda: mean_absolute_scaled_error(Y, F[:, 1:], y_train=TRAIN),
        r"^y_pred\[0\] has 6 rows and y_true\[0\] has 7; w.*Cut",
    ),
    (
        lambda: mean_absolute_scaled_error(Y, F, y_train=TRAIN, seasonality=40),
        r"^y_train\[0\] has 40 rows and seasonality=40; wanted more rows than .* Give a longer past, or seasonality=1",
    ),
    (lambda: mean_absolute_scaled_error([1, np.nan], [1, 2], y_train=[1, 2]), r"^Input y_true contains NaN"),
    (
        lambda: mean_absolute_scaled_error([[1, 2], [1]], [[1, 2], [1]], y_train=[[1, 2, 3], [1, np.nan]]),
        r"^y_train\[1\] is nan in row 1; wanted finite numbers\. Leave",
    ),
    (
        lambda: mean_absolute_scaled_error([[1], []], [[1], []], y_train=Y[:2]),
        r"^y_true\[1\] is empty; wanted at least",
    ),
    (
        lambda: mean_absolute_scaled_error([["a"], [1, 2]], Y, y_train=Y),
        r"^y_true could not be read as series .* Give a list",
    ),
    (
        lambda: mean_absolute_scaled_error(Y[None], Y[None], y_train=Y),
        r"^y_true has shape \(1, 5, 7\); wanted .* a row",
    ),
    (
        lambda: mean_absolute_scaled_error([np.ones((3, 2)), np.ones((4, 2))], Y, y_train=Y),
        r"^y_true\[0\] has 2 columns; wanted one series\. Give each column",
    ),
    (
        lambda: mean_absolute_scaled_error(Y, F, y_train=TRAIN, multioutput="mean"),
        r"^multioutput='mean'; wanted 'uniform_av",
    ),
    (
        lambda: mean_absolute_scaled_error(Y, F, y_train=TRAIN, multioutput=[1, 2]),
        r"^multioutput has shape \(2,\); wanted \(5,\)",
    ),
    (
        lambda: mean_absolute_scaled_error(Y, F, y_train=TRAIN, zero_scale=0),
        r"^zero_scale=0; wanted 'error', or 'omit'",
    ),
    (lambda: weighted_absolute_percentage_error([0, 0], [1, 2]), r"^y_true is 0 in all rows that weigh; wanted"),
    (
        lambda: symmetric_mean_absolute_percentage_error(Y, F[:3]),
        r"^y_pred has shape \(3, 7\) and y_true has shape \(5, 7\)",
    ),
    (
        lambda: pinball_loss(Y, QUANTILES, [0.1, 0.5, 0.9]),
        r"^y_quantiles has shape \(5, 7, 4\), .* has 3 levels; wanted .*\(5, 7, 3\)",
    ),
    (lambda: pinball_loss(Y, np.moveaxis(QUANTILES, -1, 0), LEVELS), r"whose last axis is levels"),
    (
        lambda: pinball_loss([1.0], [[1.0]], [90]),
        r"^quantiles\[0\] is 90; wanted levels between 0 and 1\. For 90 %, give 0\.9",
    ),
    (lambda: pinball_loss([1.0], [[1.0]], [[0.5]]), r"^quantiles has shape \(1, 1\); wanted \(n_quantiles,\)\. Give"),
    (
        lambda: crps_from_quantiles([1.0], [[1.0, 2.0]], [0.5, 0.5]),
        r"^quantiles has 0\.5 twice; wanted each .* Leave one out",
    ),
    (lambda: interval_width([1.0], [1.0, 2.0]), r"^upper has shape \(2,\) and lower has shape \(1,\); wanted the same"),
    (lambda: interval_width([1.0], [0.0]), r"^upper\[0\] is 0, below lower\[0\], 1; wanted intervals"),
]


@pytest.mark.parametrize("call, message", BAD)
def test_bad_inputs(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# -- scorers -------------------------------------------------------------------------------------------------------------


class Last(RegressorMixin, BaseEstimator):
    """The last value of each series, with a Gaussian of the past's changes; targets are columns of X."""

    def __init__(self, target="y", series_id=None, bias=0.0):
        self.target, self.series_id, self.bias = target, series_id, bias

    def _by_series(self, X):
        return [None] * len(X) if self.series_id is None else X[self.series_id].to_list()

    def fit(self, X, y=None):
        ids, values = self._by_series(X), self.read_targets(X)
        self.last_ = dict(zip(ids, values, strict=True))
        return self

    def read_targets(self, X):
        return X[self.target].to_numpy()

    def predict(self, X):
        return np.array([self.last_[key] for key in self._by_series(X)]) + self.bias

    def predict_quantiles(self, X, quantiles):
        return self.predict(X)[..., None] + norm.ppf(quantiles)

    def predict_interval(self, X, coverage=0.9):
        return self.predict_quantiles(X, [(1 - coverage) / 2, (1 + coverage) / 2])


FRAME = pd.DataFrame({"y": TRAIN[0], "z": TRAIN[1]})
PANEL = pd.DataFrame({"y": TRAIN[:3].T.ravel(), "shop": np.tile(["c", "a", "b"], 40)})  # rows of one moment together


def test_scorers_of_points_against_metrics():
    """With y it is what make_scorer would say; without, the forecaster's own columns."""
    model = Last().fit(FRAME[:30])
    test = FRAME[30:]
    wanted = mean_absolute_error(test["y"], model.predict(test))
    for metric in (mean_absolute_error, weighted_absolute_percentage_error):
        found = forecast_scorer(metric)(model, test)
        assert type(found) is float
        assert found == forecast_scorer(metric)(model, test, test["y"]) == -metric(test["y"], model.predict(test))
    assert forecast_scorer(mean_absolute_error, greater_is_better=True)(model, test) == wanted


def test_scaled_errors_of_several_targets_and_series():
    test = FRAME[30:]
    model = Last(target=["y", "z"]).fit(FRAME[:30])
    wanted = -mean_absolute_scaled_error(TRAIN[:2, 30:], model.predict(test).T, y_train=TRAIN[:2, :30], seasonality=M)
    for past in ({"X_train": FRAME[:30]}, {"y_train": FRAME[:30]}, {"y_train": TRAIN[:2, :30].T}):
        assert forecast_scorer(mean_absolute_scaled_error, seasonality=M, **past)(model, test) == wanted
    train, test = PANEL[:90], PANEL[90:]
    model = Last(series_id="shop").fit(train)
    last = TRAIN[:3, 29:30].repeat(10, axis=1)
    wanted = -mean_absolute_scaled_error(TRAIN[:3, 30:], last, y_train=TRAIN[:3, :30], seasonality=M)
    scorer = forecast_scorer(mean_absolute_scaled_error, seasonality=M, X_train=train)
    assert scorer(model, test) == pytest.approx(wanted, rel=1e-12)
    assert scorer(model, test, test["y"]) == pytest.approx(wanted, rel=1e-12)
    with pytest.raises(
        ValueError, match=r"^y_train is given and Last forecasts several .*'shop'; wanted .* Give X_train"
    ):
        forecast_scorer(mean_absolute_scaled_error, y_train=train["y"])(model, test)
    with pytest.raises(ValueError, match=r"^X_train has no row of series 'b', which is scored; wanted .* Add it"):
        forecast_scorer(mean_absolute_scaled_error, X_train=train[train["shop"] != "b"])(model, test)


def test_rows_whose_target_is_missing_do_not_count():
    model, test = Last().fit(FRAME[:30]), FRAME[30:].copy()
    test.iloc[3, 0] = np.nan
    rest = test.drop(index=33)
    assert forecast_scorer(mean_absolute_error)(model, test) == forecast_scorer(mean_absolute_error)(model, rest)
    assert pinball_scorer()(model, test) == pinball_scorer()(model, rest)


def test_scorers_of_quantiles_and_intervals():
    model, test = Last().fit(FRAME[:30]), FRAME[30:]
    y, mean = test["y"].to_numpy(), model.predict(test)
    wanted = np.mean([mean_pinball_loss(y, mean + norm.ppf(a), alpha=a) for a in (0.2, 0.7)])
    assert pinball_scorer((0.2, 0.7))(model, test) == pytest.approx(-wanted, rel=1e-12)
    wql = pinball_scorer([0.2, 0.7], metric=weighted_quantile_loss)(model, test)
    assert wql == pytest.approx(-2 * wanted / np.abs(y).mean(), rel=1e-12)
    half = norm.ppf(0.9)
    share = np.mean(np.abs(y - mean) <= half)
    assert interval_coverage_scorer(0.8)(model, test) == pytest.approx(-abs(share - 0.8))
    winkler = forecast_scorer(interval_score, method="predict_interval", coverage=0.8)
    wanted = interval_score(y, mean - half, mean + half, 0.8)
    assert winkler(model, test, y) == pytest.approx(-wanted, rel=1e-12)
    plain = forecast_scorer(interval_coverage, method="predict_interval", coverage=0.8, greater_is_better=True)
    assert plain(model, test) == share


def test_scorers_choose_in_searches_and_survive_pickling_and_cloning():
    grid = {"bias": [-30.0, 0.0, 30.0]}
    for scorer in (
        forecast_scorer(mean_absolute_scaled_error, X_train=FRAME),
        pinball_scorer(),
        forecast_scorer(interval_score, method="predict_interval", coverage=0.9),
    ):
        search = GridSearchCV(Last(), grid, cv=TimeSeriesSplit(3), scoring=scorer, error_score="raise")
        search = clone(pickle.loads(pickle.dumps(search))).fit(FRAME)
        assert search.best_params_ == {"bias": 0.0}
        assert search.best_score_ < 0
        again = pickle.loads(pickle.dumps(scorer))
        assert again(search, FRAME) == scorer(search.best_estimator_, FRAME)
    X, y = RNG.normal(size=(60, 2)), RNG.normal(size=60)
    found = cross_val_score(Ridge(), X, y, cv=3, scoring=forecast_scorer(mean_absolute_error))
    np.testing.assert_array_equal(found, cross_val_score(Ridge(), X, y, cv=3, scoring="neg_mean_absolute_error"))


def test_scorers_reach_the_forecaster_behind_the_steps_of_a_pipeline():
    model = make_pipeline(FunctionTransformer(lambda frame: frame * 2.0), Last()).fit(FRAME[:30])
    alone, test = Last().fit(2.0 * FRAME[:30]), FRAME[30:]
    for scorer in (pinball_scorer(), interval_coverage_scorer(), forecast_scorer(mean_absolute_error)):
        assert scorer(model, test) == scorer(alone, 2.0 * test)
    mase = forecast_scorer(mean_absolute_scaled_error, X_train=FRAME[:30])
    assert mase(model, test) == pytest.approx(mase(Last().fit(FRAME[:30]), test), rel=1e-12)
    assert mase(model, test) == mase(model, test)  # options stay as they are


def test_scorers_tell_what_they_are():
    scorer = forecast_scorer(mean_absolute_scaled_error, y_train=TRAIN[0], seasonality=24)
    assert repr(scorer) == "forecast_scorer(mean_absolute_scaled_error, y_train=..., seasonality=24)"
    assert repr(pinball_scorer([0.5])) == "forecast_scorer(pinball_loss, method='predict_quantiles', quantiles=(0.5,))"


def test_what_an_estimator_cannot_do_is_told():
    model = LinearRegression().fit(TRAIN, TRAIN[:, 0])
    with pytest.raises(
        TypeError, match=r"^LinearRegression has no predict_quantiles, which pinball_loss reads; wanted.*score its"
    ):
        pinball_scorer()(model, TRAIN, TRAIN[:, 0])
    with pytest.raises(
        TypeError, match=r"^QuantileRegressor has no predict_interval, which _coverage_error reads; wanted"
    ):
        interval_coverage_scorer()(QuantileRegressor(), TRAIN)
    with pytest.raises(
        ValueError, match=r"^y is None, and LinearRegression does not say which .*; wanted .* X\[target\]"
    ):
        forecast_scorer(mean_absolute_error)(model, TRAIN)
    with pytest.raises(TypeError, match=r"^metric='mase'; wanted a function .* not its name"):
        forecast_scorer("mase")
    with pytest.raises(ValueError, match=r"^method='forecast'; wanted one of 'predict', .* Give 'predict'"):
        forecast_scorer(mean_absolute_error, method="forecast")
    with pytest.raises(ValueError, match=r"^method='predict_quantiles' and no quantiles; wanted the levels .* Give q"):
        forecast_scorer(pinball_loss, method="predict_quantiles")
