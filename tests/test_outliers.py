"""Detectors of anomalies: against scikit-learn's PCA and sums by hand, what they may read, thresholds, and messages."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

import sklearn_seq
from sklearn_seq import (
    AnomalyDisplay,
    ForecastDetector,
    LinearForecaster,
    NaiveForecaster,
    ReductionForecaster,
    Sequences,
    SequenceVAE,
    SubspaceDetector,
    VAEDetector,
)
from sklearn_seq.outliers.windows import read_windows, rows_from_windows
from sklearn_seq.testing import check_sequence_estimator, expected_failed_checks


def wave(n, seed=0, period=24, noise=0.1, columns=1):
    rng = np.random.default_rng(seed)
    phase = np.arange(columns) * 0.7
    return np.sin(np.arange(n)[:, None] * 2 * np.pi / period + phase) + noise * rng.normal(size=(n, columns))


def small_vae(**params):
    return SequenceVAE(**{"latent_size": 2, "hidden_size": 4, "max_epochs": 2, "random_state": 0, **params})


# -- windows


@pytest.mark.parametrize(("n", "window"), [(10, 1), (10, 3), (10, 10), (4, 6)])
def test_a_row_is_the_mean_of_the_windows_that_hold_it(n, window):
    scores = np.random.default_rng(0).normal(size=max(1, n - window + 1))
    found = rows_from_windows(scores, window, n)
    for row in range(n):
        held = [score for begin, score in enumerate(scores) if begin <= row < begin + window]
        assert found[row] == pytest.approx(np.mean(held))


def test_one_huge_window_costs_no_digits_elsewhere():
    scores = np.ones(50)
    scores[10] = 1e30
    assert (rows_from_windows(scores, 4, 53)[14:] == 1).all()


def test_windows_of_ragged_sequences():
    data = Sequences.from_list([np.arange(5.0), np.arange(10.0, 12.0), np.arange(20.0, 23.0)])
    windows = read_windows(data, 3)
    assert windows.first.tolist() == [0, 3, 4] and windows.counts.tolist() == [3, 1, 1]
    wanted = [[0, 1, 2], [1, 2, 3], [2, 3, 4], [10, 10, 11], [20, 21, 22]]  # the short one begins twice
    assert [one[:, 0].tolist() for one in windows.all] == wanted


# -- sub-sequence PCA


@pytest.mark.parametrize("shape", [(60, 12), (60, 6, 2), (20, 40)])
@pytest.mark.parametrize("k", [0.9, 3, 0])
def test_sequences_score_by_what_principal_components_leave(shape, k):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape).cumsum(axis=1) * 3 + 5
    detector = SubspaceDetector(n_components=k).fit(X)
    cube = X.reshape(shape[0], shape[1], -1)
    flat = ((cube - cube.mean(axis=(0, 1))) / cube.std(axis=(0, 1))).reshape(shape[0], -1)
    pca = PCA(n_components=k or 1, svd_solver="full").fit(flat)
    again = pca.inverse_transform(pca.transform(flat)) if k else flat.mean(axis=0)
    np.testing.assert_allclose(detector.score_samples(X), -((flat - again) ** 2).mean(axis=1), rtol=1e-6, atol=1e-9)
    assert detector.n_components_ == (pca.n_components_ if k else 0)
    np.testing.assert_allclose(detector.components_ @ detector.components_.T, np.eye(detector.n_components_), atol=1e-8)


def test_rows_of_a_table_score_by_the_windows_that_hold_them():
    X = wave(200, columns=2)
    detector = SubspaceDetector(window=16, n_components=2, rows="time").fit(X[:150])
    of_windows = np.lib.stride_tricks.sliding_window_view(X, 16, axis=0).swapaxes(1, 2)  # (n, W, F)
    by_window = SubspaceDetector(n_components=2).fit(of_windows[:135])
    wanted = rows_from_windows(by_window.score_samples(of_windows), 16, 200)
    np.testing.assert_allclose(detector.score_samples(X), wanted, rtol=1e-9)


def test_a_column_that_does_not_vary_says_nothing_however_long_the_table_is():
    X = np.column_stack([wave(3000, columns=1), np.full(3000, 0.1)])
    detector = SubspaceDetector(window=8, n_components=2, rows="time")
    plain = clone(detector).fit(X * [1, 0])
    moved = X + np.linspace(0, 0.1, 3000)[:, None] * [0, 1]
    np.testing.assert_allclose(
        detector.fit(X).score_samples(moved), plain.score_samples(moved - [0, 0.1]), rtol=1e-6, atol=1e-12
    )


def test_ragged_sequences_score_by_the_mean_of_their_windows():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(int(n), 2)) for n in rng.integers(4, 9, size=30)]
    detector = SubspaceDetector(n_components=2).fit(X)
    assert detector.window_ == 4
    one = np.lib.stride_tricks.sliding_window_view(X[3], 4, axis=0).swapaxes(1, 2)
    alone = [detector.score_samples([window])[0] for window in one]
    assert detector.score_samples(X)[3] == pytest.approx(np.mean(alone))
    assert np.isfinite(detector.score_samples([X[0][:2]])).all()  # shorter than any in fit


def test_stretches_without_the_season_are_found_by_all():
    X, labels = wave(900), np.zeros(900, dtype=bool)
    labels[700:730] = True
    X[700:730] = 0.0
    for detector in (
        SubspaceDetector(rows="time", window=24),
        ForecastDetector(smoothing=16),
        ForecastDetector(LinearForecaster(horizon=8), smoothing=16),
        ForecastDetector(ReductionForecaster(Ridge(), lookback=24), smoothing=16),
    ):
        detector.fit(X[:500])
        assert roc_auc_score(~labels[500:], detector.score_samples(X[500:])) > 0.9
        assert detector.score_samples(X[500:]).argmin() in range(190, 250)


# -- thresholds


@pytest.mark.parametrize(
    "detector",
    [SubspaceDetector(rows="time", window=8), ForecastDetector(smoothing=1), ForecastDetector()],
    ids=["subspace", "rows", "stretches"],
)
def test_normal_rows_raise_few_false_alarms(detector):
    shares = []
    for seed in range(4):
        X = wave(1600, seed=seed, noise=0.5)
        shares.append(np.mean(clone(detector).fit(X[:800]).predict(X[800:]) == -1))
    assert 0 < np.mean(shares) < 0.04


def test_normal_sequences_raise_few_false_alarms_although_training_fits_better():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1100, 30))
    detector = SubspaceDetector(n_components=10).fit(X[:100])
    in_training = np.quantile(detector.score_samples(X[:100]), 0.01)
    alarms = np.mean(detector.predict(X[100:]) == -1)
    assert alarms < 0.04
    assert np.mean(detector.score_samples(X[100:]) < in_training) > 2 * alarms


@pytest.mark.parametrize(("contamination", "n_models"), [("auto", 2), (0.1, 1)])
def test_nothing_is_held_out_where_the_threshold_is_a_share(contamination, n_models, monkeypatch):
    learnt, fit = [], SequenceVAE.fit

    def count(self, X, *args, **kwargs):
        learnt.append(len(X))
        return fit(self, X, *args, **kwargs)

    monkeypatch.setattr(SequenceVAE, "fit", count)
    X = np.random.default_rng(0).normal(size=(20, 6))
    model = VAEDetector(small_vae(), contamination=contamination).fit(X)
    assert learnt == [20, 16][:n_models]
    if contamination != "auto":
        assert (model.predict(X) == -1).sum() == 2


# -- forecasts


def test_surprise_by_hand():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(101, 1)).cumsum(axis=0)
    detector = ForecastDetector(NaiveForecaster(), smoothing=1).fit(X[:51])
    change = np.diff(X[:, 0]) / X[:51].std()  # what "the last row again" errs by
    held = change[40:50]  # the last fifth of 51 rows
    center = np.median(held)
    scale = max(np.quantile(abs(held - center), 0.5) / 0.6745, np.quantile(abs(held - center), 0.9) / 1.645)
    deviation = scale * np.sqrt(np.mean(np.clip((held - center) / scale, -3, 3) ** 2))
    surprise = np.log1p(((change - center) / deviation) ** 2 / 3)
    mean, high = surprise[40:50].mean(), np.quantile(surprise[40:50], 0.99)
    np.testing.assert_allclose(detector.score_samples(X[51:]), -(surprise[50:] - mean) / (high - mean), rtol=1e-9)
    assert detector.offset_ == -1


def test_several_targets_count_by_how_they_go_together():
    rng = np.random.default_rng(0)
    both = rng.normal(size=(600, 1))
    X = np.hstack([both, both]) + 0.1 * rng.normal(size=(600, 2))
    X[500], X[550] = [2.0, 2.0], [1.0, -1.0]  # the second breaks what holds between the columns
    scores = (
        ForecastDetector(NaiveForecaster(method="mean", lookback=50), smoothing=1).fit(X[:400]).score_samples(X[400:])
    )
    assert scores.argmin() == 150
    assert scores[150] < 2 * scores[100]


def test_no_score_depends_on_later_rows_unless_centered():
    X = wave(300, noise=0.3)
    causal, centered = ForecastDetector().fit(X[:200]), ForecastDetector(centered=True).fit(X[:200])
    for row in (0, 40, 99):
        changed = X[200:].copy()
        changed[row:] += 5
        np.testing.assert_array_equal(causal.score_samples(changed)[:row], causal.score_samples(X[200:])[:row])
        assert causal.score_samples(changed)[row] < causal.score_samples(X[200:])[row]
        if row:
            assert (centered.score_samples(changed)[:row] != centered.score_samples(X[200:])[:row]).any()


def test_scores_go_on_from_training_until_forgotten():
    X = wave(300)
    detector = ForecastDetector().fit(X[:200])
    np.testing.assert_allclose(detector.score_samples(X[200:])[:30], detector.score_samples(X[200:230]), rtol=1e-12)
    first = detector.score_samples(X[205:])
    detector.forget()
    assert (detector.score_samples(X[205:])[:5] != first[:5]).all()


def test_training_rows_given_again_do_not_come_behind_their_own_end():
    """They begin in the middle of a season that the end of training does not lead to, and none is remarkable."""
    X = wave(391)
    detector = ForecastDetector().fit(X)
    assert np.mean(detector.predict(X) == -1) < 0.05
    again, more = detector.score_samples(X), np.vstack([X, wave(400)[391:]])
    np.testing.assert_allclose(
        detector.score_samples(more)[:391], again, rtol=1e-9
    )  # more rows behind them change nothing
    np.testing.assert_array_equal(again, ForecastDetector().fit(X).forget().score_samples(X))
    X[300:303] += 3.0
    called = np.flatnonzero(ForecastDetector(smoothing=1, contamination=0.01).fit_predict(X) == -1)
    assert {300, 301, 302} <= set(called.tolist()) and called.min() > 24
    X[2] = 50.0  # what is remarkable enough is so at the beginning too
    assert ForecastDetector(smoothing=1).fit(X).score_samples(X).argmin() == 2


def test_rows_that_go_on_may_begin_as_the_training_rows_did():
    """A machine that stands still at the beginning of each day."""
    X = wave(400)
    X[:100] = X[200:300] = 0.0
    detector = ForecastDetector(smoothing=1).fit(X[:200])
    for stop in (310, 400):
        np.testing.assert_allclose(
            detector.score_samples(X[200:stop]), detector.score_samples(X[:stop])[200:], rtol=1e-6, atol=1e-9
        )
    corrected = X[:200].copy()
    corrected[150] += 9.0
    found = detector.score_samples(corrected)
    np.testing.assert_array_equal(found[:150], detector.score_samples(X[:200])[:150])  # those of training all the same
    assert found.argmin() == 150


def test_stamps_say_whether_rows_go_on_not_what_they_hold():
    X = wave(400)
    X[200:] = X[:200]
    frame = pd.DataFrame(X, index=pd.date_range("2024-01-01", periods=400, freq="h"), columns=["x"])
    detector = ForecastDetector(smoothing=1).fit(frame[:200])
    np.testing.assert_allclose(
        detector.score_samples(frame[200:]), detector.score_samples(frame)[200:], rtol=1e-6, atol=1e-9
    )


def test_training_rows_of_one_series_given_again_change_no_other():
    frame = pd.concat([pd.DataFrame({"x": wave(200, seed=i)[:, 0], "shop": name}) for i, name in enumerate("ab")])
    split = frame.groupby("shop").cumcount() < 150
    detector = ForecastDetector(LinearForecaster(target="x", series_id="shop")).fit(frame[split])
    of_a, later_b = split & (frame["shop"] == "a"), ~split & (frame["shop"] == "b")
    given = frame[of_a | later_b]
    found, is_a = detector.score_samples(given), (given["shop"] == "a").to_numpy()
    np.testing.assert_allclose(found[~is_a], detector.score_samples(frame[later_b]), rtol=1e-12)
    np.testing.assert_allclose(found[is_a], detector.score_samples(frame[of_a]), rtol=1e-12)
    assert np.mean(found[is_a] < -1) < 0.1


def test_series_of_one_table_do_not_see_each_other():
    frame = pd.concat([pd.DataFrame({"x": wave(200, seed=i)[:, 0], "shop": name}) for i, name in enumerate("ab")])
    mixed = frame.sort_index(kind="stable").reset_index(drop=True)
    detector = ForecastDetector(LinearForecaster(target="x", series_id="shop")).fit(mixed[:300])
    later = mixed[300:].copy()
    wanted = detector.score_samples(later)
    later.loc[later["shop"] == "a", "x"] += 9.0
    found, of_a = detector.score_samples(later), (later["shop"] == "a").to_numpy()
    np.testing.assert_array_equal(found[~of_a], wanted[~of_a])
    assert (found[of_a] < wanted[of_a]).all()


def test_stamps_that_do_not_go_on_stand_by_themselves():
    index = pd.date_range("2024-01-01", periods=300, freq="h")
    frame = pd.DataFrame({"x": wave(300)[:, 0]}, index=index)
    detector = ForecastDetector().fit(frame[:200])
    assert np.isfinite(detector.score_samples(frame[100:200])).all()
    with pytest.raises(ValueError, match="wanted X to begin at 2024-01-09"):
        detector.score_samples(frame[250:])


def test_missing_truth_is_no_surprise():
    X = wave(400)
    X[310:315] = np.nan
    detector = ForecastDetector(LinearForecaster(missing="mask"), smoothing=1).fit(X[:300])
    assert (detector.predict(X[300:])[10:15] == 1).all()
    with pytest.raises(ValueError, match="NaN"):
        ForecastDetector().fit(X)


def test_missing_truth_moves_no_step_of_a_forecast():
    """Errors grow with the step: each row is judged by those of its own step, wherever rows are missing."""
    X = np.random.default_rng(0).normal(size=(1500, 1)).cumsum(axis=0)
    X[1305::7] = np.nan
    detector = ForecastDetector(NaiveForecaster(horizon=4, missing="mask")).fit(X)
    np.testing.assert_allclose(
        detector._solved["by_step"][1:] / detector._solved["by_step"][0], [1.4, 1.7, 2.0], atol=0.3
    )


def test_what_does_not_forecast_is_refused():
    wanted = r"^forecaster is a Ridge; wanted a forecaster of this package, such as .* ReductionForecaster\(Ridge\(\)\)"
    with pytest.raises(TypeError, match=wanted):
        ForecastDetector(Ridge()).fit(wave(50))


# -- autoencoders


@pytest.mark.parametrize("rows", ["samples", "time"])
def test_an_autoencoder_that_reads_gaps_makes_a_detector_that_does(rows):
    X = wave(40, columns=6)
    gaps = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)
    detector = VAEDetector(small_vae(missing="mask"), rows=rows, contamination=0.1).fit(gaps)
    found = detector.score_samples(gaps)
    assert np.isfinite(found).all() and (detector.predict(gaps) == -1).sum() == 4
    if rows == "samples":
        bound = detector.vae_.score_samples(list(gaps), n_samples=4)
        np.testing.assert_allclose(found, bound / (~np.isnan(gaps)).sum(axis=1))
    with pytest.raises(ValueError, match="NaN"):
        VAEDetector(small_vae(), rows=rows).fit(gaps)


def test_sequences_score_by_their_bound():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(int(n), 2)) for n in rng.integers(3, 7, size=24)]
    detector = VAEDetector(small_vae()).fit(X)
    lengths = np.array([len(one) for one in X])
    bound = detector.vae_.score_samples(X, n_samples=4)
    np.testing.assert_allclose(detector.score_samples(X), bound / (2 * lengths), rtol=1e-6)


def test_rows_score_by_the_bounds_of_their_windows():
    X = wave(90)
    detector = VAEDetector(small_vae(), rows="time", window=6).fit(X[:60])
    windows = np.lib.stride_tricks.sliding_window_view(X, 6, axis=0).swapaxes(1, 2)
    bound = detector.vae_.score_samples(list(windows), n_samples=4) / 6
    np.testing.assert_allclose(detector.score_samples(X), rows_from_windows(bound, 6, 90), rtol=1e-5)
    with pytest.raises(ValueError, match=r"^window=70 and X has 60 rows; wanted a window that fits"):
        VAEDetector(small_vae(), rows="time", window=70).fit(X[:60])


def test_an_autoencoder_is_wanted():
    with pytest.raises(TypeError, match=r"^vae is a Ridge; wanted a SequenceVAE, or None"):
        VAEDetector(Ridge()).fit(np.zeros((5, 3)))


# -- what all keep


@pytest.mark.parametrize(
    "detector",
    [
        SubspaceDetector(rows="time", window=2),
        SubspaceDetector(window=2),
        ForecastDetector(ReductionForecaster(Ridge(), lookback=4), smoothing=3, centered=True),
        VAEDetector(small_vae(max_epochs=1), rows="time", random_state=0),
    ],
    ids=lambda detector: f"{type(detector).__name__} {getattr(detector, 'rows', 'time')}",
)
def test_check_sequence_estimator_of_variants(detector):
    check_sequence_estimator(detector)


def test_rows_in_time_order_are_told_of():
    assert expected_failed_checks(SubspaceDetector()) == expected_failed_checks(VAEDetector()) == {}
    order = {"check_methods_sample_order_invariance", "check_methods_subset_invariance"}
    for detector in (ForecastDetector(), SubspaceDetector(rows="time")):
        assert set(expected_failed_checks(detector)) == order


@pytest.mark.parametrize(
    "detector",
    [SubspaceDetector(), ForecastDetector(), VAEDetector(small_vae(), random_state=0)],
    ids=lambda detector: type(detector).__name__,
)
def test_saved_and_loaded(detector, tmp_path):
    X = wave(60, columns=4)
    detector.fit(X)
    sklearn_seq.save(detector, tmp_path / "detector.sksq")
    again = sklearn_seq.load(tmp_path / "detector.sksq")
    np.testing.assert_array_equal(again.decision_function(X), detector.decision_function(X))
    np.testing.assert_array_equal(again.predict(X), detector.predict(X))


@pytest.mark.parametrize(
    ("detector", "X", "message"),
    [
        (
            SubspaceDetector(window=9),
            np.zeros((5, 6)),
            r"^window=9 and the shortest sequence of X has 6 rows; wanted a window",
        ),
        (
            SubspaceDetector(window=9, rows="time"),
            np.zeros((5, 6)),
            r"^window=9 and X has 5 rows; wanted a window that fits",
        ),
        (
            SubspaceDetector(rows="time"),
            np.zeros((5, 6, 2)),
            r"reads one table \(n_rows, n_features\), .*rows='samples'",
        ),
        (
            SubspaceDetector(rows="time"),
            [[1.0, 2.0], [3.0]],
            r"^X is a list of 2 sequences of 1 to 2 entries, but Sub.* reads one table",
        ),
        (ForecastDetector(), np.zeros((5, 6, 2)), r"reads one table"),
        (ForecastDetector(), np.zeros((1, 2)), r"wanted more than the horizon"),
        (SubspaceDetector(contamination=0.7), np.zeros((5, 6)), r"'contamination' parameter"),
        (
            SubspaceDetector(n_components=1.5),
            np.zeros((5, 6)),
            r"^n_components=1.5; wanted a whole number of components",
        ),
    ],
)
def test_refused(detector, X, message):
    with pytest.raises(ValueError, match=message):
        detector.fit(X)


# -- pictures


@pytest.fixture
def _figures_closed():
    yield
    plt.close("all")


@pytest.mark.usefixtures("_figures_closed")
def test_display_draws_scores_threshold_and_known_anomalies():
    frame = pd.DataFrame({"load": wave(300)[:, 0]}, index=pd.date_range("2024-01-01", periods=300, freq="h"))
    frame.iloc[250:255] += 2.0
    known = np.zeros(100, dtype=int)
    known[[50, 51, 52, 90]] = 1
    detector = ForecastDetector(smoothing=1).fit(frame[:200])
    display = AnomalyDisplay.from_estimator(detector, frame[200:], known)
    scores = detector.score_samples(frame[200:])
    np.testing.assert_array_equal(display.score_line_.get_ydata(), scores)
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), frame["load"][200:])
    assert display.threshold_line_.get_ydata()[0] == detector.offset_
    assert len(display.points_.get_offsets()) == (detector.predict(frame[200:]) == -1).sum() > 0
    assert len(display.spans_) == 4  # two stretches, in both axes
    assert display.axes_[1].get_xlabel() == "time" and display.axes_[0].get_ylabel() == "load"
    again = display.plot()
    assert again is display and display.figure_ is not None


@pytest.mark.usefixtures("_figures_closed")
def test_display_refuses_what_is_no_series():
    X = wave(40, columns=3)
    with pytest.raises(ValueError, match=r"^SubspaceDetector scores whole sequences; wanted one that scores the rows"):
        AnomalyDisplay.from_estimator(SubspaceDetector().fit(X), X)
    with pytest.raises(ValueError, match=r"^scores has shape \(39,\); wanted"):
        AnomalyDisplay.from_scores(X, np.zeros(39))
    assert len(AnomalyDisplay.from_scores(X, np.zeros(40)).lines_) == 3
