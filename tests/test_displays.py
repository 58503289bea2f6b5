"""Displays: what is drawn is what was predicted; nothing else is touched; errors say what to do."""

import subprocess
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_seq import (
    BacktestDisplay,
    DeepEnsembleRegressor,
    ForecastDisplay,
    GRURegressor,
    NaiveForecaster,
    ResidualsDisplay,
    RollingOriginSplit,
    TrainingCurveDisplay,
    backtest,
)


@pytest.fixture(autouse=True)
def _figures_and_settings_as_found():
    plt.close("all")
    before = dict(matplotlib.rcParams)
    yield
    plt.close("all")
    assert dict(matplotlib.rcParams) == before


def table(n=60, *, seed=0, start="2001-01-31"):
    rng = np.random.RandomState(seed)
    index = pd.date_range(start, periods=n, freq="ME")
    return pd.DataFrame({"a": rng.standard_normal(n), "b": rng.standard_normal(n)}, index=index)


def panel():
    parts = [table(30, seed=i).reset_index(names="when").assign(shop=shop) for i, shop in enumerate("xy")]
    return pd.concat(parts).sort_values("when", kind="stable").reset_index(drop=True)


def drawn(line):
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def words(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def months(index):
    return np.asarray(index.to_numpy(), dtype="datetime64[ns]")


def edge(area):
    """The corners of a filled area, as a set."""
    return {tuple(point) for point in np.round(area.get_paths()[0].vertices, 6).tolist()}


# -- forecasts


def test_forecast_display_draws_what_the_forecaster_says():
    X = table()
    model = NaiveForecaster(method="drift", lookback=5, horizon=4, target="b", calibration_fraction=0.5).fit(X[:50])
    display = ForecastDisplay.from_estimator(model, X[50:], X[40:50], coverage=0.8)
    assert isinstance(display, ForecastDisplay)
    for line, part, wanted in (
        (display.line_, X[50:], model.predict(X[50:])),
        (display.truth_line_, X[50:], X["b"][50:]),
        (display.history_line_, X[40:50], X["b"][40:50]),
    ):
        x, y = drawn(line)
        np.testing.assert_array_equal(y, wanted)
        np.testing.assert_array_equal(x, months(part.index))
    ends = model.predict_interval(X[50:], coverage=0.8)
    days = matplotlib.dates.date2num(months(X.index[50:]))
    assert edge(display.interval_) == {tuple(p) for p in np.round(np.c_[np.r_[days, days], ends.T.ravel()], 6).tolist()}
    assert words(display.ax_) == ["history", "truth", "80% interval", "forecast"]
    assert display.ax_.get_ylabel() == "b" and display.ax_.get_xlabel() == "time"
    assert display.ax_.figure is display.figure_


def test_displays_show_the_forecaster_behind_the_steps_of_a_pipeline():
    X = table()
    model = make_pipeline(StandardScaler(), NaiveForecaster(horizon=4, target=1)).fit(X[:50])
    display = ForecastDisplay.from_estimator(model, X[50:], X[40:50])
    scaled = (X["b"] - X["b"][:50].mean()) / X["b"][:50].std(ddof=0)
    np.testing.assert_allclose(drawn(display.truth_line_)[1], scaled[50:], rtol=1e-12)
    np.testing.assert_array_equal(drawn(display.line_)[0], months(X.index[50:]))
    np.testing.assert_array_equal(drawn(display.line_)[1], model.predict(X[50:]))
    residuals = ResidualsDisplay.from_estimator(model, X[50:])
    np.testing.assert_allclose(residuals.residuals, scaled[50:] - model.predict(X[50:]), rtol=1e-9)


def test_forecast_display_of_one_series_of_several_with_a_column_of_time():
    X = panel()
    model = NaiveForecaster(horizon=3, series_id="shop", time="when").fit(X[:40])
    test = X[40:]
    display = ForecastDisplay.from_estimator(model, test, X[:40], series="y", target="a")
    plt.close(display.figure_)
    rows = (test["shop"] == "y").to_numpy()
    np.testing.assert_array_equal(drawn(display.line_)[1], model.predict(test)[rows, 0])
    np.testing.assert_array_equal(drawn(display.truth_line_)[1], test["a"][rows])
    np.testing.assert_array_equal(drawn(display.line_)[0], months(test["when"][rows]))
    np.testing.assert_array_equal(drawn(display.history_line_)[1], X["a"][:40][X["shop"][:40] == "y"])
    assert display.ax_.get_ylabel() == "a of y"
    with pytest.raises(ValueError, match=r"series_id='shop' tells 2 series apart, 'x', 'y'; wanted one.*series='x'"):
        ForecastDisplay.from_estimator(model, test, target="a")
    with pytest.raises(ValueError, match="series='z' has no rows; wanted one of 'x', 'y'"):
        ForecastDisplay.from_estimator(model, test, target="a", series="z")
    with pytest.raises(ValueError, match=r"target=None and there are 2 targets, 'a', 'b'; wanted one.*target='a'"):
        ForecastDisplay.from_estimator(model, test, series="x")
    with pytest.raises(ValueError, match="target='c' and there are 2 targets"):
        ForecastDisplay.from_estimator(model, test, series="x", target="c")
    assert not plt.get_fignums(), "what is refused leaves no figure"


def test_forecast_display_of_arrays_counts_rows_from_the_first_forecast():
    X = table().to_numpy()
    model = NaiveForecaster(horizon=2).fit(X[:50])
    display = ForecastDisplay.from_estimator(model, X[50:], X[47:50], target=1)
    assert drawn(display.line_)[0].tolist() == list(range(10))
    assert drawn(display.history_line_)[0].tolist() == [-3, -2, -1]
    assert display.ax_.get_xlabel() == "rows from the first forecast"
    assert words(display.ax_) == ["history", "truth", "forecast"]
    model = NaiveForecaster(time=0).fit(np.c_[10:60, X[:50]])
    display = ForecastDisplay.from_estimator(model, np.c_[60:70, X[50:]], target=1)
    assert drawn(display.line_)[0].tolist() == list(range(60, 70)) and display.ax_.get_xlabel() == "time"
    named = NaiveForecaster(time="t").fit(pd.DataFrame({"t": range(50), "a": X[:50, 0]}))
    with pytest.warns(UserWarning, match="does not have valid feature names"):  # scikit-learn's
        display = ForecastDisplay.from_estimator(named, np.c_[50:60, X[50:, 0]])
    assert drawn(display.line_)[0].tolist() == list(range(10)), "an array has no column of that name"
    with pytest.raises(ValueError, match="series='x' is given and NaiveForecaster has no series_id"):
        ForecastDisplay.from_estimator(model, np.c_[60:70, X[50:]], target=1, series="x")


def test_forecast_display_of_polars_and_of_time_zones():
    pl = pytest.importorskip("polars")
    X = pd.DataFrame({"a": np.arange(9.0), "t": pd.date_range("2001-01-01", periods=9, freq="h", tz="Asia/Tokyo")})
    wanted = months(X["t"].dt.tz_convert("UTC").dt.tz_localize(None))[6:]
    for frame in (
        X,
        pl.DataFrame({"a": np.arange(9.0), "t": months(X["t"].dt.tz_convert("UTC").dt.tz_localize(None))}),
    ):
        model = NaiveForecaster(time="t").fit(frame[:6])
        display = ForecastDisplay.from_estimator(model, frame[6:])
        np.testing.assert_array_equal(drawn(display.line_)[0], wanted)
        np.testing.assert_array_equal(drawn(display.line_)[1], model.predict(frame[6:]))


def test_forecasts_beyond_the_end_and_single_rows_are_seen():
    X = table()
    coming = NaiveForecaster(target="a").fit(X).forecast(as_frame=True)
    display = ForecastDisplay.from_predictions(
        None, coming["a"], interval=[[-1, 1]], y_past=X["a"], name="sales", line_kwargs={"c": "red", "lw": 3}
    )
    assert drawn(display.line_)[0].tolist() == months(coming.index).tolist()
    assert drawn(display.history_line_)[0].tolist() == months(X.index).tolist()
    assert display.truth_line_ is None
    assert display.line_.get_marker() == "o" and display.interval_.get_linewidth() > 0
    assert display.line_.get_color() == "red" and display.line_.get_linewidth() == 3
    assert display.ax_.get_ylabel() == "sales" and words(display.ax_)[1] == "interval"


@pytest.mark.parametrize(
    "given, said",
    [
        ({"y_pred": []}, r"y_pred has shape \(0,\); wanted \(n_rows,\)"),
        ({"y_pred": [[1, 2]] * 3}, r"y_pred has shape \(3, 2\); wanted \(n_rows,\)"),
        ({"y_true": [1, 2]}, r"y_true has shape \(2,\); wanted \(3,\)"),
        ({"interval": [1, 2, 3]}, r"interval has shape \(3,\); wanted \(3, 2\)"),
        ({"x": [1, 2]}, r"x has shape \(2,\); wanted a stamp for each of the 3 rows"),
        (
            {"x": pd.date_range("2001", periods=3), "y_past": [1]},
            "the rows forecast have times and the rows before numbers",
        ),
    ],
)
def test_predictions_of_another_shape_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        ForecastDisplay.from_predictions(**{"y_true": [1, 2, 3], "y_pred": [1, 2, 3]} | given)
    assert not plt.get_fignums()


def test_forecast_display_refuses_what_cannot_forecast():
    with pytest.raises(ValueError, match=r"Ridge has no read_targets; wanted a forecaster.*from_predictions"):
        ForecastDisplay.from_estimator(Ridge(), np.zeros((3, 1)))
    X = table()
    with pytest.raises(ValueError, match="calibration_fraction"):
        ForecastDisplay.from_estimator(NaiveForecaster(target="a").fit(X[:50]), X[50:], coverage=0.9)


# -- back-tests


def test_backtest_display_draws_each_fold_and_its_score():
    X = table()
    result = backtest(NaiveForecaster(horizon=5, target="a"), X, cv=RollingOriginSplit(4, test_size=5))
    display = BacktestDisplay.from_result(result, X["a"])
    assert drawn(display.truth_line_)[1].tolist() == X["a"].tolist()
    assert sorted(display.fold_lines_) == [0, 1, 2, 3]
    for k, (_, test) in enumerate(result.splits):
        x, y = drawn(display.fold_lines_[k])
        np.testing.assert_array_equal(y, result.predictions[test])
        np.testing.assert_array_equal(x, months(X.index[test]))
    np.testing.assert_array_equal(drawn(display.score_line_)[1], result.scores)
    assert drawn(display.mean_line_)[1][0] == result.scores.mean()
    colours = [display.fold_lines_[k].get_color() for k in range(4)]
    assert len(set(colours)) == 4
    dots = display.axes_[1].collections[0].get_facecolors()
    assert [matplotlib.colors.to_hex(c).upper() for c in dots] == colours, (
        "folds and scores are told by the same colours"
    )
    assert words(display.axes_[0]) == ["truth", "predictions, a colour a fold"]
    assert display.axes_[0].get_ylabel() == "a"
    left = matplotlib.dates.date2num(months(X.index[[21]]))[0]
    assert display.axes_[0].get_xlim()[0] == left, "as much history is in view as was tested"


def test_backtest_display_of_several_series_targets_and_scores():
    X, groups = panel(), panel()["shop"]
    cv = [(np.arange(40), np.arange(40, 50)), (np.arange(50), np.arange(50, 60))]
    result = backtest(NaiveForecaster(series_id="shop", time="when"), X, cv=cv)
    display = BacktestDisplay.from_result(result, X[["a", "b"]], x=X["when"], groups=groups, series="y", target="b")
    rows = np.flatnonzero(groups == "y")
    tested = rows[(rows >= 40) & (rows < 50)]
    np.testing.assert_array_equal(drawn(display.fold_lines_[0])[1], result.predictions[tested, 1])
    np.testing.assert_array_equal(drawn(display.fold_lines_[0])[0], months(X["when"][tested]))
    assert display.axes_[0].get_ylabel() == "b of y"
    for given, said in (
        ({"groups": groups, "target": "a"}, "groups tells 2 series apart"),
        ({"series": "x", "target": "a"}, "series='x' is given and groups is None"),
        ({"groups": groups, "series": "x"}, "target=None and there are 2 targets, 'a', 'b'"),
        (
            {"groups": groups, "series": "x", "target": "a", "scoring": "r2"},
            "scoring='r2' .* has one score; wanted None",
        ),
    ):
        with pytest.raises(ValueError, match=said):
            BacktestDisplay.from_result(result, X[["a", "b"]], **given)
    with pytest.raises(ValueError, match=r"predictions are float64 of shape \(60, 2\) and y_true is of shape \(60,\)"):
        BacktestDisplay.from_result(result, X["a"])
    result = backtest(Ridge(), X[["a"]], X["b"], cv=cv, scoring=["r2", "neg_mean_absolute_error"], allow_future=True)
    display = BacktestDisplay.from_result(result, X["b"], scoring="neg_mean_absolute_error")
    assert drawn(display.score_line_)[1].tolist() == result.scores["neg_mean_absolute_error"].tolist()
    assert display.axes_[1].get_ylabel() == "neg_mean_absolute_error"
    with pytest.raises(
        ValueError, match="scoring=None and the back-test has the scores 'r2', 'neg_mean_absolute_error'"
    ):
        BacktestDisplay.from_result(result, X["b"])
    alone = BacktestDisplay.from_result(result._replace(scores=None), X["b"].to_numpy())
    assert len(alone.axes_) == 1 and alone.score_line_ is None


# -- residuals


def test_residuals_display_of_a_known_autocorrelation():
    errors = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    display = ResidualsDisplay.from_predictions(errors + 3, np.full(8, 3.0), n_lags=3)
    np.testing.assert_allclose(drawn(display.autocorrelation_line_)[1], [-7 / 8, 6 / 8, -5 / 8])
    assert drawn(display.autocorrelation_line_)[0].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(drawn(display.line_)[1], errors)
    assert display.bound == 1.96 / np.sqrt(8)
    band = display.bounds_.get_extents().transformed(display.axes_[1].transData.inverted())
    np.testing.assert_allclose([band.y0, band.y1], [-display.bound, display.bound])
    area = sum(bar.get_width() * bar.get_height() for bar in display.histogram_)
    assert area == pytest.approx(1)


def test_the_bounds_hold_what_they_say():
    rng = np.random.RandomState(0)
    inside = []
    for _ in range(6):
        display = ResidualsDisplay.from_predictions(rng.standard_normal(400), np.zeros(400), n_lags=60)
        inside.append(np.abs(display.autocorrelation) < display.bound)
        plt.close(display.figure_)
    assert 0.92 < np.mean(inside) < 0.985


def test_residuals_display_of_forecasters_and_regressors():
    X = panel()
    model = NaiveForecaster(horizon=3, series_id="shop", time="when").fit(X[:40])
    test = X[40:]
    display = ResidualsDisplay.from_estimator(model, test, series="x", target="b")
    rows = (test["shop"] == "x").to_numpy()
    np.testing.assert_array_equal(drawn(display.line_)[1], test["b"][rows] - model.predict(test)[rows, 1])
    np.testing.assert_array_equal(drawn(display.line_)[0], months(test["when"][rows]))
    assert display.axes_[0].get_title("left") == "b of x"
    with pytest.raises(ValueError, match="tells 2 series apart"):
        ResidualsDisplay.from_estimator(model, test, target="b")
    X = table()
    line = LinearRegression().fit(X[["a"]][:40], X["b"][:40])
    display = ResidualsDisplay.from_estimator(line, X[["a"]][40:], X["b"][40:])
    np.testing.assert_allclose(drawn(display.line_)[1], X["b"][40:] - line.predict(X[["a"]][40:]))
    np.testing.assert_array_equal(drawn(display.line_)[0], months(X.index[40:]))
    display = ResidualsDisplay.from_predictions(X["b"].to_numpy(), X["a"].to_numpy())
    assert display.axes_[0].get_xlabel() == "row" and drawn(display.line_)[0].tolist() == list(range(60))
    with pytest.raises(ValueError, match="y is None and LinearRegression has no read_targets"):
        ResidualsDisplay.from_estimator(line, X[["a"]])


def test_residuals_without_truth_alike_or_far_out_are_drawn():
    truth = np.r_[np.arange(20.0), np.nan, np.arange(20.0)]
    display = ResidualsDisplay.from_predictions(truth, np.zeros(41))
    assert np.isnan(drawn(display.line_)[1]).sum() == 1 and np.isfinite(display.autocorrelation).all()
    assert len(display.autocorrelation) == 13 and display.bound == 1.96 / np.sqrt(40)
    alike = ResidualsDisplay.from_predictions(np.ones(9), np.zeros(9))
    assert np.isnan(alike.autocorrelation).all() and alike.normal_line_ is None
    far = ResidualsDisplay.from_predictions(np.r_[np.random.RandomState(0).standard_normal(500), 1e6], np.zeros(501))
    assert len(far.histogram_) == 22
    for given, said in (
        ({"n_lags": 0}, "n_lags=0 and there are 4 rows; wanted a whole number from 1 to 3"),
        ({"n_lags": 4}, "n_lags=4"),
        ({"y_true": [np.nan, np.nan, 1, 1]}, "2 of 4 rows have a truth and a prediction; wanted at least 3"),
        ({"y_true": [1, 2]}, r"y_true has shape \(2,\); wanted \(4,\)"),
    ):
        with pytest.raises(ValueError, match=said):
            ResidualsDisplay.from_predictions(**{"y_true": [1, 2, 3, 5], "y_pred": [0, 0, 0, 0]} | given)


# -- training


def trained(**parameters):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((60, 4))
    return GRURegressor(hidden_size=2, max_epochs=3, random_state=0, **parameters), X, X[:, -1]


def test_training_curves_are_those_of_the_model():
    model, X, y = trained(early_stopping=True)
    display = TrainingCurveDisplay.from_estimator(model.fit(X, y))
    assert drawn(display.line_)[0].tolist() == [1, 2, 3]
    assert drawn(display.line_)[1].tolist() == model.loss_curve_
    assert drawn(display.score_line_)[1].tolist() == model.validation_scores_
    assert drawn(display.validation_line_)[1].tolist() == [entry["valid_loss"] for entry in model.history_]
    assert [line.get_xdata()[0] for line in display.best_lines_] == [model.best_epoch_] * 2
    assert words(display.axes_[0]) == ["training", "validation", f"kept, epoch {model.best_epoch_}"]
    assert display.axes_[0].get_ylabel() == "loss of GRURegressor"


def test_training_curves_inside_searches_and_pipelines_and_of_scikit_learn():
    model, X, y = trained()
    search = GridSearchCV(make_pipeline(StandardScaler(), model), {"gruregressor__lr": [0.01]}, cv=2).fit(X, y)
    display = TrainingCurveDisplay.from_estimator(search)
    assert drawn(display.line_)[1].tolist() == search.best_estimator_[-1].loss_curve_
    assert len(display.axes_) == 1 and display.score_line_ is None and display.best_lines_ == []
    net = MLPRegressor(hidden_layer_sizes=(2,), early_stopping=True, tol=10, n_iter_no_change=3, random_state=0).fit(
        X, y
    )
    display = TrainingCurveDisplay.from_estimator(net)
    assert drawn(display.score_line_)[1].tolist() == net.validation_scores_
    with pytest.raises(ValueError, match=r"GRURegressor has no loss_curve_; wanted a model.*Fit it first"):
        TrainingCurveDisplay.from_estimator(model)
    ensemble = DeepEnsembleRegressor(model, n_estimators=2, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match=r"such as estimators_\[0\]"):
        TrainingCurveDisplay.from_estimator(ensemble)
    TrainingCurveDisplay.from_estimator(ensemble.estimators_[0])


# -- all


def each():
    """A way to draw each display, and how many panels it has."""
    X = table()
    model = NaiveForecaster(target="a").fit(X[:50])
    result = backtest(model, X, cv=RollingOriginSplit(2, test_size=5))
    net, Z, y = trained(early_stopping=True)
    net.fit(Z, y)
    return {
        ForecastDisplay: (lambda **how: ForecastDisplay.from_estimator(model, X[50:], **how), 1),
        BacktestDisplay: (lambda **how: BacktestDisplay.from_result(result, X["a"], **how), 2),
        ResidualsDisplay: (lambda **how: ResidualsDisplay.from_estimator(model, X[50:], **how), 3),
        TrainingCurveDisplay: (lambda **how: TrainingCurveDisplay.from_estimator(net, **how), 2),
    }


DISPLAYS = [ForecastDisplay, BacktestDisplay, ResidualsDisplay, TrainingCurveDisplay]


@pytest.mark.parametrize("kind", DISPLAYS)
def test_axes_that_are_given_are_drawn_on_and_pyplot_stays_as_it_is(kind):
    draw, n_panels = each()[kind]
    display = draw()
    assert plt.get_fignums() == [display.figure_.number], "one figure, as scikit-learn's displays make"
    plt.close("all")
    figure, (left, right) = plt.subplots(1, 2)
    plt.sca(right)
    numbers = plt.get_fignums()
    display = draw(ax=left)
    assert plt.get_fignums() == numbers and display.figure_ is figure
    axes = [display.ax_] if n_panels == 1 else list(display.axes_)
    assert len(axes) == n_panels and right not in axes and not right.lines
    assert left in axes if n_panels == 1 else display.bounding_ax_ is left
    figure.canvas.draw()
    if n_panels > 1:
        several = plt.subplots(n_panels)[1]
        assert list(draw(ax=several).axes_) == list(several)
        with pytest.raises(ValueError, match=rf"ax holds 4 axes; wanted {n_panels}, or one"):
            draw(ax=list(plt.subplots(4)[1]))
        with pytest.raises(ValueError, match="ax stands freely in its figure"):
            draw(ax=plt.figure().add_axes((0.1, 0.1, 0.8, 0.8)))


@pytest.mark.parametrize("kind", DISPLAYS)
def test_it_is_computed_once_and_drawn_often(kind):
    display = each()[kind][0]()
    main = "fold_lines_" if kind is BacktestDisplay else "line_"
    first = getattr(display, main)
    assert display.plot(name="other") is display
    again = getattr(display, main)
    assert again is not first
    pairs = zip(first.values(), again.values()) if kind is BacktestDisplay else [(first, again)]
    for one, other in pairs:
        np.testing.assert_array_equal(drawn(one), drawn(other))
    display.figure_.canvas.draw()


@pytest.mark.parametrize("kind", DISPLAYS)
def test_without_matplotlib_the_error_names_the_extra(kind, monkeypatch):
    draw, _ = each()[kind]
    display = draw()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for call in (draw, display.plot):
        with pytest.raises(
            ImportError, match=rf"{kind.__name__}\..* needs matplotlib.*pip install sklearn-seq\[plot\]"
        ):
            call()


def test_importing_displays_loads_no_matplotlib():
    code = "import sys, sklearn_seq.inspection; assert not {'matplotlib', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
