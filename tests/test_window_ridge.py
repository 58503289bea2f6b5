"""Ridge on windows in closed form, against scikit-learn's ridge on windows that are written out."""

import tracemalloc

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.linear_model import Ridge

from sklearn_seq.training.window_ridge import LAMBDAS, WindowMoments, WindowRidge

SHIFTS = ("last", "mean", "none")
BY = {"last": lambda past: past[:, -1:], "mean": lambda past: past.mean(1, keepdims=True), "none": lambda past: 0.0}


def panel(lengths=(60, 45, 80), n_channels=2, seed=0):
    """Random walks around other levels, one below the other."""
    rng = np.random.default_rng(seed)
    series = [rng.normal(size=(n, n_channels)).cumsum(0) + 5 * rng.normal(size=n_channels) for n in lengths]
    stops = np.cumsum(lengths)
    return np.concatenate(series).astype(np.float32), stops - lengths, stops


def written_out(values, starts, stops, lookback, horizon, weight=None):
    """Past, future, and weight of every window without NaN."""
    parts = []
    for s, (start, stop) in enumerate(zip(starts, stops)):
        for c in range(values.shape[1] if stop - start >= lookback + horizon else 0):
            rows = sliding_window_view(values[start:stop, c].astype(float), lookback + horizon)
            rows = rows[~np.isnan(rows).any(1)]
            parts.append((rows, np.full(len(rows), 1.0 if weight is None else weight[s, c])))
    rows, weight = (np.concatenate(part) for part in zip(*parts))
    return rows[:, :lookback], rows[:, lookback:], weight


def features(past, shift, constant=True):
    return np.c_[past - BY[shift](past), past.std(axis=1), np.ones((len(past), int(constant)))]


class WrittenOut:
    """scikit-learn's ridge, with a penalty on the same scale."""

    def __init__(self, past, future, weight, shift, lambda_, constant=True):
        X = features(past, shift, constant)
        per_unit = (weight @ X**2).sum() / X.shape[1]
        self.shift, self.constant = shift, constant
        self.ridge = Ridge(lambda_ * per_unit, fit_intercept=False, solver="cholesky", tol=0)
        self.ridge.fit(X, future - BY[shift](past), sample_weight=weight)

    def predict(self, past):
        return self.ridge.predict(features(past, self.shift, self.constant)).reshape(len(past), -1) + BY[self.shift](
            past
        )


def fixed(horizon, lookback, shift, lambda_, **kwargs):
    """No choice: one candidate of each kind, all windows."""
    return WindowRidge(horizon, [lookback], [shift], [lambda_], **kwargs)


@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize(("lengths", "n_channels", "horizon"), [((70,), 1, 4), ((60, 25, 80, 12), 3, 7), ((90,), 2, 1)])
def test_the_map_is_that_of_windows_written_out(lengths, n_channels, horizon, shift, constant):
    values, starts, stops = panel(lengths, n_channels)
    past, future, weight = written_out(values, starts, stops, 12, horizon)
    for lambda_ in (1e-3, 0.3):
        wanted = WrittenOut(past, future, weight, shift, lambda_, constant)
        found = fixed(horizon, 12, shift, lambda_, constant=constant).fit(values, starts, stops)
        assert found.lookback == 12
        np.testing.assert_allclose(found.predict(past), wanted.predict(past), rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(
            np.r_[found.coef, [found.of_deviation]].T, np.atleast_2d(wanted.ridge.coef_)[:, :13], atol=1e-7
        )


def test_more_past_than_needed_changes_nothing():
    values, starts, stops = panel()
    found = fixed(4, 12, "last", 0.1).fit(values, starts, stops)
    past = np.random.default_rng(1).normal(size=(3, 20))
    np.testing.assert_array_equal(found.predict(past), found.predict(past[:, -12:]))


def test_sums_of_products_are_exact():
    values, starts, stops = panel((300, 40), 1)
    moments = WindowMoments(30, 9)
    for start, stop, weight in zip(starts, stops, (1.0, 0.5)):
        moments.add(values[start:stop, 0].astype(float), weight)
    past, future, weight = written_out(values, starts, stops, 30, 9, np.array([[1.0], [0.5]]))
    rows = np.c_[past, past.std(axis=1), future, np.ones(len(past))]
    wanted = (rows * weight[:, None]).T @ rows
    scale = np.sqrt(np.outer(np.diag(wanted), np.diag(wanted)))
    np.testing.assert_allclose(moments.second() / scale, wanted / scale, atol=1e-12)
    assert moments.weight == weight.sum()


def test_many_series_are_added_up_in_parts():
    values, starts, stops = panel((30,) * 150, 1)
    past, future, weight = written_out(values, starts, stops, 8, 3)
    found = fixed(3, 8, "last", 0.01).fit(values, starts, stops)
    wanted = WrittenOut(past, future, weight, "last", 0.01)
    np.testing.assert_allclose(found.predict(past), wanted.predict(past), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("shift", ["last", "mean"])
def test_a_level_takes_no_digits(shift):
    """A level and a slope a thousand times what the windows are about."""
    rng = np.random.default_rng(0)
    values = (rng.normal(size=(400, 1)).cumsum(0) + np.linspace(0, 1e4, 400)[:, None]) + [[1e6]]
    past, future, weight = written_out(values, [0], [400], 10, 3)
    found = fixed(3, 10, shift, 1e-2).fit(values, [0], [400])
    wanted = WrittenOut(past, future, weight, shift, 1e-2)
    np.testing.assert_allclose(
        found.predict(past) - past[:, -1:], wanted.predict(past) - past[:, -1:], rtol=1e-5, atol=1e-4
    )


@pytest.mark.parametrize("shift", SHIFTS)
def test_windows_with_nan_are_left_out(shift):
    values, starts, stops = panel((90, 70), 2)
    values[[0, 30, 31, 60, 89, 120], [0, 0, 0, 1, 1, 0]] = np.nan
    values[130:, 0] = np.nan
    past, future, weight = written_out(values, starts, stops, 12, 4)
    found = fixed(4, 12, shift, 0.01).fit(values, starts, stops)
    wanted = WrittenOut(past, future, weight, shift, 0.01)
    np.testing.assert_allclose(found.predict(past), wanted.predict(past), rtol=1e-7, atol=1e-7)


def test_weights_are_copies():
    values, starts, stops = panel()
    found = fixed(4, 10, "last", 0.1).fit(values, starts, stops, weight=[1, 3, 0])
    rows = np.r_[0:60, 60:105, 60:105, 60:105]
    copies = fixed(4, 10, "last", 0.1).fit(values[rows], [0, 60, 105, 150], [60, 105, 150, 195])
    np.testing.assert_allclose(found.coef, copies.coef, atol=1e-9)
    assert found.score == pytest.approx(copies.score)
    by_channel = fixed(4, 10, "last", 0.1).fit(values, starts, stops, weight=[[0, 2]])
    alone = fixed(4, 10, "last", 0.1).fit(values[:, 1:], starts, stops)
    np.testing.assert_allclose(by_channel.coef, alone.coef, atol=1e-9)
    assert by_channel.score == pytest.approx(alone.score)


def test_own_maps_are_those_of_channels_alone():
    values, starts, stops = panel()
    model = WindowRidge(6, (5, 15), own=True)
    for c, found in enumerate(model.fit(values, starts, stops)):
        alone = WindowRidge(6, (5, 15)).fit(values[:, c : c + 1], starts, stops)
        np.testing.assert_array_equal(found.coef, alone.coef)
        assert (found.lookback, found.shift, found.score) == (alone.lookback, alone.shift, alone.score)


def last_windows(values, starts, stops, lookback, horizon, rows, longest):
    """Windows to train on and windows held out: all of the latter have room for the longest look-back."""
    train = written_out(values, starts, np.maximum(stops - rows, starts), lookback, horizon)
    held_out = written_out(values, np.maximum(stops - rows - longest, starts), stops, longest, horizon)
    return train, (held_out[0][:, -lookback:], held_out[1], held_out[2])


def test_the_choice_is_that_of_all_candidates_tried():
    rng = np.random.default_rng(3)
    values = np.sin(np.arange(400) * 2 * np.pi / 12)[:, None] * [1, 2] + rng.normal(size=(400, 2)) * 0.7
    starts, stops, horizon, lookbacks = np.array([0, 150]), np.array([150, 400]), 6, (3, 12, 24)
    costs = {}
    for lookback in lookbacks:
        train, (past, future, _) = last_windows(values, starts, stops, lookback, horizon, 40, 24)
        for shift in ("last", "mean"):
            errors = [
                ((WrittenOut(*train, shift, i).predict(past) - future) ** 2).mean(axis=0).reshape(3, 2).mean(axis=1)
                for i in LAMBDAS
            ]
            best = np.argmin(errors, axis=0)
            costs[lookback, shift] = np.min(errors, axis=0).mean(), np.repeat(np.array(LAMBDAS)[best], 2)
    wanted = min(costs, key=lambda name: costs[name][0])
    found = WindowRidge(horizon, lookbacks, n_blocks=3).fit(values, starts, stops, tail=40)
    assert (found.lookback, found.shift) == wanted == (24, "mean")
    assert found.score == pytest.approx(costs[wanted][0], rel=1e-3)
    # a stronger penalty than the best one where that costs less than a thousandth
    assert np.all(found.lambda_ >= costs[wanted][1] * (1 - 1e-9))
    past, future, weight = written_out(values, starts, stops, 24, horizon)
    for step in range(horizon):
        mapped = WrittenOut(past, future, weight, "mean", found.lambda_[step]).predict(past)
        np.testing.assert_allclose(found.predict(past)[:, step], mapped[:, step], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("constant", "shift"), [(True, "last"), (False, "mean"), (True, "none")])
def test_the_score_is_the_error_of_windows_held_out(constant, shift):
    values, starts, stops = panel((90, 70))
    train, (past, future, _) = last_windows(values, starts, stops, 12, 5, 20, 12)
    found = fixed(5, 12, shift, 0.01, constant=constant).fit(values, starts, stops, tail=20)
    wanted = WrittenOut(*train, shift, 0.01, constant).predict(past)
    assert found.score == pytest.approx(((wanted - future) ** 2).mean(), rel=1e-8)


def test_a_share_held_out_is_a_share_of_the_windows():
    values, starts, stops = panel((110,), 1)
    share = fixed(11, 10, "last", 0.01).fit(values, starts, stops, tail=0.2)
    rows = fixed(11, 10, "last", 0.01).fit(values, starts, stops, tail=20 + 10)  # 20 of 99 windows, of 11 steps
    assert share.score == rows.score


def test_training_ends_before_the_first_target_held_out():
    values, starts, stops = panel((200,), 1)
    model = fixed(8, 10, "mean", 0.01)
    before = model.fit(values, starts, stops, tail=40, refit=False)
    for row, same in ((160, True), (199, True), (159, False)):
        spiked = values.copy()
        spiked[row] += 100
        after = model.fit(spiked, starts, stops, tail=40, refit=False)
        assert np.array_equal(after.coef, before.coef) == same
        assert after.score > 2 * before.score


def test_refit_false_is_the_map_that_was_scored():
    values, starts, stops = panel((90, 70))
    model = WindowRidge(5, (6, 12), SHIFTS)
    found = model.fit(values, starts, stops, tail=20, refit=False)
    _, (past, future, _) = last_windows(values, starts, stops, found.lookback, 5, 20, 12)
    assert found.score == pytest.approx(((found.predict(past) - future) ** 2).mean(), rel=1e-8)


def test_an_autoregression_is_forecast_down_to_its_noise():
    rng = np.random.default_rng(0)
    x = np.zeros((12000, 1))
    noise = rng.normal(size=len(x))
    for t in range(2, len(x)):
        x[t] = 1.2 * x[t - 1] - 0.5 * x[t - 2] + noise[t]
    found = WindowRidge(3, (2, 8, 32), SHIFTS).fit(x[:6000], [0], [6000])
    past, future, _ = written_out(x, [6000], [12000], 32, 3)
    error = ((found.predict(past) - future) ** 2).mean(axis=0)
    floor = np.cumsum([1, 1.2**2, (1.2**2 - 0.5) ** 2])  # squares of its moving-average weights
    np.testing.assert_allclose(error, floor, rtol=0.05)
    assert found.score == pytest.approx(floor.mean(), rel=0.1)
    # what the data follow has no shift and needs two values
    plain = fixed(1, 2, "none", 1e-6).fit(x, [0], [len(x)])
    np.testing.assert_allclose(plain.coef[:, 0], [-0.5, 1.2], atol=0.03)


def test_a_period_is_continued():
    x = np.sin(np.arange(300) * 2 * np.pi / 24)[:, None] + 3
    found = WindowRidge(24, (12, 48), lambdas=(1e-9, 1.0)).fit(x, [0], [300])
    np.testing.assert_allclose(found.predict(x[-48:].T)[0], x[-48:-24, 0], atol=1e-3)
    assert found.score < 1e-5


def test_windows_are_not_copied():
    values = np.random.default_rng(0).normal(size=(8000, 3)).astype(np.float32)
    model = WindowRidge(48, (64, 256))
    model.fit(values[:500], [0], [500])
    tracemalloc.start()
    try:
        model.fit(values, [0], [len(values)])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16e6  # all windows would be 58 MB in float32


def test_a_constant_series_stays_what_it_is():
    values = np.full((100, 2), [3.0, -1.0])
    for shift in ("last", "mean"):
        found = WindowRidge(5, (10,), [shift], (0.0, 1.0)).fit(values, [0], [100])
        np.testing.assert_allclose(found.predict(values[:10].T), values[:5].T, atol=1e-6)


def test_look_backs_too_long_are_dropped():
    values, starts, stops = panel((100,), 1)
    found = WindowRidge(10, (8, 96, 336)).fit(values, starts, stops)
    assert found.lookback == 8
    # most series are too short for 60: what they need to be forecast must not be more than they have
    values, starts, stops = panel((45,) * 9 + (300,), 1)
    assert WindowRidge(5, (20, 60)).fit(values, starts, stops).lookback == 20


def test_short_series_have_the_longest_look_back_possible_tried():
    values, starts, stops = panel((60,), 1)
    found = WindowRidge(10, (96, 336)).fit(values, starts, stops)
    assert found.lookback in (31, 15, 7)  # 10 of 50 windows are held out, 41 rows before their targets
    assert np.isfinite(found.score) and np.all(np.isfinite(found.predict(values[:40].T)))


@pytest.mark.parametrize("length", [5, 6, 8])
def test_too_few_windows_to_hold_any_out(length):
    values, starts, stops = panel((length,), 2)
    found = WindowRidge(4, (96, 336), lambdas=(0.1, 10.0)).fit(values, starts, stops)
    assert (found.lookback, found.shift, *np.unique(found.lambda_)) == (length - 4, "last", 10.0)
    assert np.isnan(found.score) and np.all(np.isfinite(found.predict(values.T)))


def test_no_tail_is_no_choice():
    values, starts, stops = panel((100,), 1)
    found = WindowRidge(4, (10, 20), ("mean", "last"), (0.1, 10.0)).fit(values, starts, stops, tail=0)
    assert (found.lookback, found.shift, *np.unique(found.lambda_)) == (20, "mean", 10.0)
    assert np.isnan(found.score)


def test_no_window_at_all():
    values, starts, stops = panel((4, 3), 1)
    with pytest.raises(ValueError, match=r"run of 5 values without a gap.*the longest has 4\. Give longer series"):
        WindowRidge(4).fit(values, starts, stops)
