"""Reduction to a table, against lag matrices and loops written by hand."""

import io
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVR
from sklearn.utils.estimator_checks import check_estimator

from sklearn_seq import GRURegressor, ReductionForecaster, load, save
from sklearn_seq.datasets import make_ar

L, H = 5, 3
PLAIN = {"lookback": L, "horizon": H, "normalize": "none", "channels": "together"}
OF_TIME = {
    "check_methods_sample_order_invariance": "the rows of a forecaster are time",
    "check_methods_subset_invariance": "the rows of a forecaster are time",
}


def table(n=300, columns=3, seed=0):
    """A stable linear process; its last column is drawn alone, so that it can be known ahead."""
    rng = np.random.default_rng(seed)
    X = np.zeros((n, columns))
    mix = 0.5 * rng.normal(size=(columns, columns)) / np.sqrt(columns)
    outer = rng.normal(size=n)
    for t in range(1, n):
        X[t] = mix @ X[t - 1] + 0.3 * rng.normal(size=columns) + outer[t]
        X[t, -1] = outer[t]
    return 10.0 + 3.0 * X


def lags(X, target, known=(), normalize="none", horizon=H, past=None):
    """The lag matrix of all origins, the truth behind each, and what was taken off."""
    past = list(range(X.shape[1])) if past is None else past
    rows, truth, shifts = [], [], []
    for origin in range(L, len(X) - horizon + 1):
        window = X[origin - L : origin].copy()
        shift = {"none": 0 * window[-1], "last": window[-1].copy(), "mean": window.mean(axis=0)}[normalize]
        window[:, target] -= shift[target]
        rows.append([*window[:, past].ravel(), *X[origin : origin + horizon, known].ravel()])
        truth.append(X[origin : origin + horizon, target] - shift[target])
        shifts.append(shift[target])
    return np.array(rows), np.array(truth), np.array(shifts)


def by_hand(model, train, test, target, known=(), normalize="none", horizon=H):
    known = list(known)
    rows, truth, _ = lags(train, target, known, normalize, horizon)
    model = model.fit(rows, truth.reshape(len(truth), -1))
    rows, truth, shift = lags(test, target, known, normalize, horizon)
    return model.predict(rows).reshape(truth.shape) + shift[:, None]


CASES = {
    "univariate": (1, [0], None),
    "multivariate": (3, [0, 1, 2], None),
    "one of several": (3, [1], None),
    "known future": (3, [0, 1], [2]),
}


@pytest.mark.parametrize("normalize", ["none", "last", "mean"])
@pytest.mark.parametrize("case", CASES)
def test_direct_is_a_lag_matrix(case, normalize):
    n_columns, target, known = CASES[case]
    X = table()[:, -n_columns:]
    train, test = X[:200], X[200:]
    forecaster = ReductionForecaster(
        LinearRegression(), **PLAIN | {"target": target, "known_future": known, "normalize": normalize}
    )
    found = forecaster.fit(train).rolling_forecast(test)
    wanted = by_hand(LinearRegression(), train, test, target, known or (), normalize)
    np.testing.assert_allclose(found, wanted, rtol=1e-8)


def test_windows_of_panels_are_rows_of_one_table_with_static_columns():
    parts, scaled = [], []
    for i, n in enumerate((80, 60, 90)):
        values = table(n, 2, seed=i) * (i + 1)
        parts.append(pd.DataFrame({"store": f"s{i}", "size": [2.0, 7.0, 5.0][i], "a": values[:, 0], "b": values[:, 1]}))
        scaled.append((values - values.mean(axis=0)) / values.std(axis=0))
    frame = pd.concat(parts, ignore_index=True)
    forecaster = ReductionForecaster(
        LinearRegression(), target="a", known_future="b", static="size", series_id="store", **PLAIN
    ).fit(frame)
    rows, truth = [], []
    for i, values in enumerate(scaled):
        part, after, _ = lags(values, [0], [1])
        rows.append(np.hstack([part, np.full((len(part), 1), [2.0, 7.0, 5.0][i])]))
        truth.append(after[..., 0])
    model = LinearRegression().fit(np.concatenate(rows), np.concatenate(truth))
    wanted = []
    for part, own in zip(parts, rows, strict=True):
        wanted.append(model.predict(own) * part["a"].std(ddof=0) + part["a"].mean())
    np.testing.assert_allclose(forecaster.rolling_forecast(frame), np.concatenate(wanted), rtol=1e-8)
    assert forecaster.estimator_.n_features_in_ == 2 * L + H + 1


def test_one_model_is_shared_by_all_targets():
    X = table(300, 3)
    train, test = X[:200], X[200:]
    forecaster = ReductionForecaster(
        LinearRegression(), lookback=L, horizon=H, target=[0, 1], channels="shared", normalize="last"
    ).fit(train)
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    rows, truth = [], []
    for k in (0, 1):
        part, after, _ = lags((train - mean) / deviation, [k], normalize="last", past=[k, 2])
        rows.append(part)
        truth.append(after[..., 0])
    model = LinearRegression().fit(np.concatenate(rows), np.concatenate(truth))
    found = forecaster.rolling_forecast(test)
    for k in (0, 1):
        part, _, shift = lags((test - mean) / deviation, [k], normalize="last", past=[k, 2])
        wanted = (model.predict(part) + shift) * deviation[k] + mean[k]
        np.testing.assert_allclose(found[..., k], wanted, rtol=1e-8)


@pytest.mark.parametrize("normalize", ["none", "last", "mean"])
@pytest.mark.parametrize("known", [None, [2]], ids=["alone", "known"])
def test_recursive_is_a_loop(known, normalize):
    X = table()
    X = X if known else X[:, :2]
    train, test = X[:200], X[200:]
    target = [0, 1]
    forecaster = ReductionForecaster(
        LinearRegression(),
        **PLAIN | {"target": target, "known_future": known, "strategy": "recursive", "normalize": normalize},
    ).fit(train)
    rows, truth, _ = lags(train, target, known or [], normalize, horizon=1)
    model = LinearRegression().fit(rows, truth[:, 0])

    def loop(X, origin):
        X = X.copy()
        for t in range(origin, origin + H):
            row, _, shift = lags(X[t - L : t + 1], target, known or [], normalize, horizon=1)
            X[t, target] = (model.predict(row) + shift)[0]
        return X[origin : origin + H, target]

    wanted = np.array([loop(test, origin) for origin in range(L, len(test) - H + 1)])
    np.testing.assert_allclose(forecaster.rolling_forecast(test), wanted, rtol=1e-8)
    ahead = np.concatenate([train, test[:H]])
    found = forecaster.forecast(X_future=test[:H, known] if known else None)
    np.testing.assert_allclose(found, loop(ahead, 200), rtol=1e-8)
    aligned = forecaster.predict(test)
    np.testing.assert_allclose(aligned[:H], found, rtol=1e-8)
    np.testing.assert_allclose(aligned[H : 2 * H], loop(X, 200 + H), rtol=1e-8)


def test_longer_forecasts_of_a_direct_model_go_on_from_their_own():
    X = table(200, 2)
    forecaster = ReductionForecaster(LinearRegression(), **PLAIN).fit(X)
    first = forecaster.forecast(2 * H)
    rows, truth, _ = lags(X, [0, 1])
    model = LinearRegression().fit(rows, truth.reshape(len(truth), -1))
    for _ in range(2):
        X = np.concatenate([X, model.predict(X[-L:].reshape(1, -1)).reshape(H, 2)])
    np.testing.assert_allclose(first, X[-2 * H :], rtol=1e-8)


def test_targets_from_outside_are_forecast_from_the_past_of_the_columns():
    X = table(250, 3)
    outside = np.stack([np.roll(X[:, 0], 2), np.roll(X[:, 1], 3)], axis=1) ** 2
    both = np.concatenate([X, outside], axis=1)
    rows, truth, _ = lags(both, [3, 4], past=[0, 1, 2])
    model = LinearRegression().fit(rows, truth.reshape(len(truth), -1))
    for channels in ("together", "shared"):  # no past of their own to tell them apart by
        forecaster = ReductionForecaster(LinearRegression(), lookback=L, horizon=H, channels=channels, normalize="last")
        with pytest.warns(UserWarning, match="y is no column of X"):
            forecaster.fit(X, outside)
        np.testing.assert_allclose(forecaster.rolling_forecast(X), model.predict(rows).reshape(truth.shape), rtol=1e-6)


# -- regressors of all kinds -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "regressor",
    [
        RandomForestRegressor(5, random_state=0),
        HistGradientBoostingRegressor(max_iter=5),
        LinearSVR(random_state=0),
        make_pipeline(StandardScaler(), HistGradientBoostingRegressor(max_iter=5)),
    ],
    ids=lambda regressor: type(regressor).__name__,
)
def test_regressors_of_one_output_are_fitted_for_each(regressor):
    X = table(200, 2)
    X = np.where(X > np.median(X, axis=0), 1.0, -1.0)  # scaled to the bit: a tree follows the last one
    wanted = clone(regressor)
    one = not isinstance(regressor, RandomForestRegressor)
    forecaster = ReductionForecaster(regressor, **PLAIN).fit(X)
    assert isinstance(forecaster.estimator_, MultiOutputRegressor) == one
    rows, truth, _ = lags(X, [0, 1])
    wanted = (MultiOutputRegressor(wanted) if one else wanted).fit(rows, truth.reshape(len(truth), -1))
    np.testing.assert_allclose(
        forecaster.rolling_forecast(X), wanted.predict(rows).reshape(truth.shape), rtol=1e-6, atol=1e-8
    )
    assert not hasattr(regressor, "n_features_in_")  # what was given stays as it was


def test_one_number_ahead_needs_no_wrapper():
    X = table(100, 1)
    forecaster = ReductionForecaster(HistGradientBoostingRegressor(max_iter=3), lookback=L).fit(X)
    assert isinstance(forecaster.estimator_, HistGradientBoostingRegressor)
    assert forecaster.predict(X[:10]).shape == (10,)


def test_networks_of_ours_are_regressors_too():
    X = table(120, 1)
    network = GRURegressor(hidden_size=3, max_epochs=2)
    found = ReductionForecaster(network, lookback=L, horizon=H, random_state=0).fit(X).forecast()
    assert found.shape == (H,)
    assert np.isfinite(found).all()


def test_the_seed_reaches_every_random_state_inside():
    X = table(150, 1)
    inner = make_pipeline(StandardScaler(), RandomForestRegressor(3))
    answers = [ReductionForecaster(inner, lookback=L, random_state=seed).fit(X).predict(X) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(answers[0], answers[1])
    assert (answers[0] != answers[2]).any()
    assert inner[-1].random_state is None
    own = ReductionForecaster(RandomForestRegressor(3, random_state=5), lookback=L).fit(X)
    assert own.estimator_.random_state == 5


def test_an_autoregression_of_order_two_is_forecast_as_well_as_can_be():
    X = make_ar(4000, [1.2, -0.5], sigma=1.0, random_state=0)
    train, test = X[:3000], X[3000:]
    best = 1.2 * test[1:-1, 0] - 0.5 * test[:-2, 0]
    least = np.mean((test[2:, 0] - best) ** 2)
    for normalize, lookback, most in (("none", 8, 1.01), ("last", 64, 1.05), ("mean", 64, 1.05)):
        forecaster = ReductionForecaster(Ridge(), lookback=lookback, normalize=normalize).fit(train)
        found = forecaster.predict(test)[2:]
        assert np.mean((test[2:, 0] - found) ** 2) < most * least
        assert forecaster.score(test) > 1 - most * 1.01 * least / test.var()


def test_trees_follow_a_trend_on_normalised_windows():
    """A tree answers with what it saw; differences from the last value it saw."""
    t = np.arange(400.0)
    X = (0.1 * t + np.sin(t / 4))[:, None]
    train, test = X[:300], X[300:]
    errors = {}
    for normalize in ("none", "last"):
        model = ReductionForecaster(RandomForestRegressor(10, random_state=0), lookback=12, normalize=normalize)
        errors[normalize] = np.mean((model.fit(train).predict(test) - test[:, 0]) ** 2)
    assert errors["last"] < 0.02
    assert errors["none"] > 10


# -- missing values, dtypes -----------------------------------------------------------------------------------------


def test_missing_values_are_marked_and_missing_truths_left_out():
    X = table(200, 2)
    holes = np.random.default_rng(1).random(X.shape) < 0.1
    holes[0] = False
    given = np.where(holes, np.nan, X)
    forecaster = ReductionForecaster(Ridge(), missing="mask", **PLAIN).fit(given)
    mean, deviation = np.nanmean(given, axis=0), np.nanstd(given, axis=0)
    filled = (pd.DataFrame(given).ffill().to_numpy() - mean) / deviation
    rows, truth, _ = lags(np.hstack([filled, holes]), [0, 1])
    lost = lags(holes.astype(float), [0, 1])[1].any(axis=(1, 2))
    assert 0 < lost.sum() < len(lost)
    model = Ridge().fit(rows[~lost], truth[~lost].reshape((~lost).sum(), -1))
    wanted = model.predict(rows).reshape(truth.shape) * deviation + mean
    np.testing.assert_allclose(forecaster.rolling_forecast(given), wanted, rtol=1e-8)


def test_a_shared_model_leaves_out_the_target_alone_whose_truth_is_missing():
    X = table(200, 2)
    X[50::2, 1] = np.nan
    forecaster = ReductionForecaster(
        DummyRegressor(), **PLAIN | {"horizon": 2, "channels": "shared", "missing": "mask"}
    ).fit(X)
    first = (X[:, 0] - X[:, 0].mean()) / X[:, 0].std()
    second = (X[:50, 1] - np.nanmean(X[:, 1])) / np.nanstd(X[:, 1])
    pairs = [np.stack([part[L:-1], part[L + 1 :]], axis=1) for part in (first, second)]
    wanted = np.concatenate(pairs).mean(axis=0)
    np.testing.assert_allclose(forecaster.estimator_.constant_.ravel(), wanted)


def test_float32_tables_make_float32_rows():
    X = table(100, 1)
    for dtype in (np.float32, np.float64):
        assert ReductionForecaster(Ridge(), lookback=L, horizon=H).fit(X.astype(dtype)).estimator_.coef_.dtype == dtype


# -- scikit-learn ----------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:y is no column of X")
@pytest.mark.parametrize(
    "options",
    [{}, {"strategy": "recursive", "normalize": "mean"}, {"channels": "together", "missing": "mask"}],
    ids=str,
)
def test_check_estimator(options):
    results = check_estimator(
        ReductionForecaster(**options), expected_failed_checks=OF_TIME, on_fail=None, on_skip=None
    )
    assert [(r["check_name"], r["exception"]) for r in results if r["status"] == "failed"] == []
    assert {r["check_name"] for r in results if r["status"] == "xfail"} == set(OF_TIME)


def test_a_grid_reaches_into_the_regressor():
    X = make_ar(400, [0.0, 0.0, 0.9], random_state=0)
    grid = {"lookback": [1, 3], "estimator__alpha": [1e-3, 1e4]}
    search = GridSearchCV(ReductionForecaster(Ridge(), horizon=2, normalize="none"), grid, cv=TimeSeriesSplit(3)).fit(X)
    assert search.best_params_ == {"lookback": 3, "estimator__alpha": 1e-3}
    assert search.best_score_ > 0.5
    assert "Ridge" in ReductionForecaster(Ridge())._repr_html_()


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_intervals_from_origins_held_out_cover(strategy):
    X = make_ar(3000, [0.8], random_state=0)
    forecaster = ReductionForecaster(Ridge(), lookback=8, horizon=H, strategy=strategy, calibration_fraction=0.3)
    ends = forecaster.fit(X[:2000]).predict_interval(X[2000:], 0.9)
    inside = (ends[:, 0] <= X[2000:, 0]) & (X[2000:, 0] <= ends[:, 1])
    assert abs(inside.mean() - 0.9) < 0.03


def test_parameters_set_after_fit_change_nothing():
    X = table(150, 2)
    forecaster = ReductionForecaster(Ridge(), lookback=L, horizon=H, normalize="mean").fit(X)
    before = forecaster.forecast()
    forecaster.set_params(normalize="none", channels="together", strategy="recursive", horizon=1, estimator__alpha=9.0)
    np.testing.assert_array_equal(forecaster.forecast(), before)


@pytest.mark.parametrize(
    ("regressor", "trusted"),
    [
        (None, ()),
        (make_pipeline(StandardScaler(), Ridge()), ()),
        (MultiOutputRegressor(LinearSVR(random_state=0)), ()),
        (LinearSVR(random_state=0), ()),
        (RandomForestRegressor(3, random_state=0), ["sklearn.tree._tree.Tree"]),
        (GRURegressor(hidden_size=3, max_epochs=1, random_state=0), ()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_saved_loaded_and_pickled(regressor, trusted):
    X = table(120, 2)
    forecaster = ReductionForecaster(regressor, lookback=L, horizon=H, normalize="mean").fit(X)
    file = io.BytesIO()
    save(forecaster, file)
    file.seek(0)
    for copy in (load(file, trusted=trusted), pickle.loads(pickle.dumps(forecaster))):
        np.testing.assert_array_equal(copy.forecast(2 * H), forecaster.forecast(2 * H))
        np.testing.assert_array_equal(copy.predict(X), forecaster.predict(X))


# -- refusals ----------------------------------------------------------------------------------------------------------

REFUSED = {
    "a classifier": (
        {"estimator": LogisticRegression()},
        r"estimator=LogisticRegression\(\) is no regressor; wanted one, such as Ridge\(\)",
    ),
    "recursion beside a free column": (
        {"target": 0, "strategy": "recursive"},
        "the column 'x1' is neither forecast nor known ahead, so after one step nothing is known of it; wanted each past column",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_reduced_is_refused(case):
    options, message = REFUSED[case]
    forecaster = ReductionForecaster(lookback=L, horizon=H).set_params(**options)
    with pytest.raises(ValueError, match=message):
        forecaster.fit(table(100, 2))
    with pytest.raises(NotFittedError):
        forecaster.predict(table(100, 2))
    with pytest.raises(AttributeError, match="no estimator_ before fit"):
        forecaster.estimator_  # noqa: B018


def test_one_step_may_be_learnt_beside_a_free_column():
    X = table(100, 2)
    one = [ReductionForecaster(lookback=L, target=0, strategy=s).fit(X).predict(X) for s in ("recursive", "direct")]
    np.testing.assert_array_equal(*one)


@pytest.mark.filterwarnings("ignore:y is no column of X")
def test_recursion_needs_the_target_in_the_table():
    X = table(100, 2)
    with pytest.raises(ValueError, match="need the past of the target, and y is no column of X; wanted it in X"):
        ReductionForecaster(lookback=L, horizon=H, strategy="recursive").fit(X, X[:, 0] ** 2)


def test_no_truth_at_all_is_refused():
    X = table(60, 1)
    X[::2] = np.nan
    message = re.escape("no window has a truth without missing values over its 3 step(s); wanted at least one.")
    with pytest.raises(ValueError, match=message):
        ReductionForecaster(lookback=L, horizon=H, missing="mask").fit(X)
    ReductionForecaster(lookback=L, horizon=H, missing="mask", strategy="recursive").fit(X)
