"""AutoForecaster: its members by hand, which of them count on series of known kinds, and what it promises."""

import pickle

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from sklearn_seq import AutoForecaster, load, save
from sklearn_seq.auto.channels import Channels, Logarithms, begins, stack_last
from sklearn_seq.auto.lag_maps import (
    Autoregression,
    ClusterMaps,
    SharedAutoregression,
    find_clusters,
    lags_of,
)
from sklearn_seq.auto.origins import hold_out, mix, settle_weights
from sklearn_seq.auto.pool import Drift, Entry, Repeat, SeasonMean, answer_member, learn_pool, make_pool
from sklearn_seq.auto.seasons import autocorrelations, find_seasons
from sklearn_seq.auto.smoothing import Smoothing, Theta, filter_past, start_state
from sklearn_seq.training.window_ridge import WindowRidge

FIRST = np.zeros(1, dtype=np.int64)


def channels_of(*series, horizon=4, lookback=24):
    return Channels([np.asarray(x, dtype=np.float64) for x in series], horizon, lookback)


def seasonal(n, season=12, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    return 3 * np.tile(rng.normal(size=season), n // season + 1)[:n] + noise * rng.normal(size=n)


def autoregressive(n, coef, seed=0):
    rng = np.random.default_rng(seed)
    x = np.zeros(n + 50)
    for t in range(len(coef), n + 50):
        x[t] = np.dot(coef, x[t - 1 : t - 1 - len(coef) : -1] if t > len(coef) else x[:t][::-1]) + rng.normal()
    return x[50:]


# -- members -------------------------------------------------------------------------------------------------------------


def test_members_that_repeat():
    past = np.array([[1.0, 2.0, 3.0, 4.0, 6.0, 8.0], [5.0, 5.0, 5.0, 5.0, 6.0, 9.0]])
    channel = np.arange(2)
    assert Repeat(1).answer({}, past, channel, 3).tolist() == [[8] * 3, [9] * 3]
    assert Repeat(2).answer({}, past, channel, 3).tolist() == [[6, 8, 6], [6, 9, 6]]
    # the second series begins in its fourth row: one season of 2 and a row, slope 4 in 2 steps
    assert begins(past).tolist() == [0, 3]
    np.testing.assert_allclose(Drift().answer({}, past, channel, 2), [[9.4, 10.8], [11, 13]])
    assert SeasonMean(2).answer({}, past, channel, 2).tolist() == [[10 / 3, 14 / 3], [6, 9]]


def test_rows_before_an_origin_have_the_first_one_in_front():
    found = stack_last([np.arange(5.0), np.arange(10.0)], np.array([2, 9]), 4)
    assert found.tolist() == [[0, 0, 0, 1], [5, 6, 7, 8]]


def holt_winters(x, level, slope, season, alpha, beta, phi, gamma):
    """The states that a textbook's recursion ends in, and its forecasts of all steps made after each row."""
    season, states = list(season), []
    m = len(season)
    for t, value in enumerate(x):
        error = value - level - phi * slope - season[t % m]
        level, slope = level + phi * slope + alpha * error, phi * slope + alpha * beta * error
        season[t % m] += gamma * (1 - alpha) * error
        states.append((level, slope, list(season)))
    return states


@pytest.mark.parametrize("constants", [(0.3, 0.1, 0.9, 0.2), (0.8, 0.0, 1.0, 0.0), (1.0, 0.2, 0.98, 0.5)])
def test_smoothing_is_the_recursion_of_textbooks(constants):
    x = seasonal(40, 4)
    start = start_state(x[None], FIRST, 4, 16)
    args = start.level[0, 0], start.slope[0, 0] * (constants[1] > 0), start.season[:, 0, 0], *constants
    states = holt_winters(x, *args)
    state, errors = filter_past(x[None], FIRST, start, np.array(constants)[:, None, None], (1, 3))
    level, slope, season = states[-1]
    np.testing.assert_allclose([state.level[0, 0], state.slope[0, 0]], [level, slope])
    np.testing.assert_allclose(state.season[:, 0, 0], season)
    expected = []
    for lead in (1, 3):
        said = [
            s[0] + sum(constants[2] ** i for i in range(1, lead + 1)) * s[1] + s[2][(t + lead) % 4]
            for t, s in enumerate(states)
        ]
        expected.append(np.mean(np.abs(x[lead:] - said[: len(x) - lead])))
    np.testing.assert_allclose(errors[0, 0], np.mean(expected))


def test_a_filter_starts_on_the_line_and_the_season_of_its_first_rows():
    t = np.arange(24)
    x = 5 + 0.5 * t + np.tile([1.0, -2.0, 1.0], 8)
    start = start_state(x[None], FIRST, 3, 24)
    season = start.season[:, 0, 0]
    # the season of a whole number of them has a small slope of its own
    np.testing.assert_allclose(start.level + start.slope * 12.5 + 0 * season, x.mean(), atol=1e-9)
    np.testing.assert_allclose(season, [1, -2, 1], atol=0.02)
    late = np.concatenate([np.full(7, x[0]), x])
    same = start_state(late[None], np.array([7]), 3, 24)
    np.testing.assert_allclose(same.slope, start.slope)
    np.testing.assert_allclose(np.roll(same.season[:, 0, 0], -7 % 3 - 3), np.roll(season, 0), atol=1e-9)


def test_smoothing_follows_a_walk_and_averages_noise():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=300)
    learnt = Smoothing(1, False).learn(channels_of(noise.cumsum(), noise, horizon=1))
    assert learnt["constants"][0].tolist() == [1.0, 0.03]


def test_a_damped_trend_is_told_on():
    x = 2.0 * np.arange(60.0)
    member = Smoothing(1, True)
    found = member.answer(member.learn(channels_of(x)), x[None, -40:], FIRST, 4)
    np.testing.assert_allclose(found[0], 118 + 2.0 * np.arange(1, 5), rtol=1e-6)


def test_theta_is_smoothing_with_half_the_slope():
    x = np.random.default_rng(1).normal(size=50).cumsum() + 0.3 * np.arange(50)
    member = Theta(1)
    learnt = member.learn(channels_of(x))
    alpha, level = float(learnt["alpha"][0]), x[0]
    for value in x:
        level += alpha * (value - level)
    slope = np.polyfit(np.arange(50), x, 1)[0]
    expected = level + 0.5 * slope * (np.arange(4) + (1 - (1 - alpha) ** 50) / alpha)
    np.testing.assert_allclose(member.answer(learnt, x[None], FIRST, 4)[0], expected)


@pytest.mark.parametrize("anchor", [0, 1, 6])
def test_an_autoregression_is_a_ridge_regression_drawn_to_its_anchor(anchor):
    x, seasons = seasonal(120, 6), (6,)
    member = Autoregression(seasons, anchor, 1e-2)
    learnt = member.learn(channels_of(x))
    lags = lags_of(seasons, 24)
    rows = np.arange(lags[-1], len(x))
    past, y = x[rows[:, None] - lags], x[rows]
    base = x[rows - anchor] if anchor else 0 * y
    penalty = (1e-2 + 0.1 * len(lags) / len(y)) * len(y)
    ridge = Ridge(penalty, fit_intercept=anchor == 0).fit(past - base[:, None], y - base)
    expected = ridge.coef_ + (lags == anchor) * (1 - np.where(lags == anchor, 0, ridge.coef_).sum() - ridge.coef_)
    np.testing.assert_allclose(learnt["coef"][:, 0], expected, atol=1e-9)
    np.testing.assert_allclose(learnt["intercept"], ridge.intercept_, atol=1e-9)
    series = list(x)
    for _ in range(4):
        series.append(expected @ np.array(series)[-lags] + ridge.intercept_)
    np.testing.assert_allclose(member.answer(learnt, x[None, -24:], FIRST, 4)[0], series[-4:])


def test_series_of_a_cluster_learn_from_each_other():
    rng = np.random.default_rng(0)
    long, short = autoregressive(2000, [0.8]), rng.normal(size=4)
    panel = channels_of(long, long, short, lookback=24)
    learnt = SharedAutoregression((1,), 1, 1e-3, False, 1).learn(panel)
    alone = Autoregression((1,), 1, 1e-3).learn(panel)
    np.testing.assert_allclose(learnt["coef"][:, 0], learnt["coef"][:, 1])
    np.testing.assert_allclose(learnt["coef"][:, 2], learnt["coef"][:, 0], atol=0.02)
    np.testing.assert_allclose(learnt["coef"][0, 0], alone["coef"][0, 0], atol=0.02)
    np.testing.assert_allclose(learnt["coef"].sum(axis=0), 1)


def test_an_autoregression_never_leaves_the_range_by_far():
    x = np.exp(0.2 * np.arange(60))
    member = Autoregression((1,), 1, 1e-3)
    found = member.answer(member.learn(channels_of(x)), x[None, -24:], FIRST, 500)
    assert found.max() <= 2 * x[-1]


def test_one_cluster_is_one_map():
    panel = channels_of(*(seasonal(90, 6, seed=i) for i in range(3)), lookback=12)
    panel = Channels([x - x.mean() for x in panel.values], 4, 12)
    past = panel.last(12)
    maps = ClusterMaps((6,), 1)
    one, several = WindowRidge(4, [6, 12]).fit(*panel.joined()), maps.learn(panel)
    assert several["cluster"].tolist() == [0, 0, 0]
    np.testing.assert_allclose(several["maps"][0]["coef"], one.coef, atol=1e-9)
    found = maps.answer(several, past, np.arange(3), 4)
    np.testing.assert_allclose(found, one.predict(past))
    np.testing.assert_allclose(found[1:2], maps.answer(several, past[1:2], np.ones(1, dtype=int), 4))


def test_clusters_are_kinds_of_series():
    kinds = [seasonal(200, 12, seed=i) if i % 2 else autoregressive(200, [0.9], seed=i) for i in range(10)]
    found = find_clusters(channels_of(*kinds), (12,), 2)
    assert len(set(found[1::2])) == len(set(found[::2])) == 1
    assert found[0] != found[1]


def test_logarithms_there_and_back():
    x = np.array([1.0, 10.0, 100.0, 1000.0])
    z = (x - x.mean()) / x.std()
    logs = Logarithms.of(channels_of(z, z - 9), np.full(2, x.mean()), np.full(2, x.std()))
    assert logs.usable.tolist() == [0]
    there = logs.forward(z[None], FIRST)
    np.testing.assert_allclose(np.diff(there[0]), np.diff(there[0])[0])  # equal steps
    np.testing.assert_allclose(logs.back(there, FIRST)[0], z)
    entry = Entry(Repeat(1), logarithms=True)
    found = answer_member(entry, {}, np.stack([z, z]), np.array([0, 1]), 2, logs)
    np.testing.assert_allclose(found, [[z[-1]] * 2, [np.nan] * 2])


def test_no_member_goes_further_than_two_ranges_of_the_past():
    x = np.exp(np.arange(12.0))
    z = (x - x.mean()) / x.std()
    logs = Logarithms.of(channels_of(z), np.array([x.mean()]), np.array([x.std()]))
    entry = Entry(Drift(), logarithms=True)
    found = answer_member(entry, {}, z[None], FIRST, 9, logs)
    assert found.max() == z.max() + 2 * np.ptp(z)


def test_every_member_goes_on_with_a_constant():
    panel = channels_of(np.full(60, 2.0), np.full(9, -1.0))
    pool = make_pool((6, 12), 400)
    logs = Logarithms.of(panel, np.zeros(2), np.ones(2))
    learnt = learn_pool({name: entry for name, entry in pool.items() if "maps" not in name}, panel, logs)
    for name, what in learnt.items():
        found = answer_member(pool[name], what, panel.last(24), np.arange(2), 4, logs)
        np.testing.assert_allclose(found[0], 2.0, rtol=1e-6, err_msg=name)
        np.testing.assert_allclose(found[1], np.nan if pool[name].logarithms else -1.0, rtol=1e-6, err_msg=name)


# -- seasons -------------------------------------------------------------------------------------------------------------


def test_autocorrelations_by_hand():
    x = np.array([1.0, -1.0, 2.0, -2.0])
    expected = [1, -(1 + 2 + 4) / 10, (2 + 2) / 10, -2 / 10, 0, 0]
    np.testing.assert_allclose(autocorrelations([x], 5)[0], expected, atol=1e-12)


def test_seasons_stand_out():
    rng = np.random.default_rng(0)
    day, week = np.sin(2 * np.pi * np.arange(24) / 24), np.repeat([1.0, 1, 1, 1, 1, 0.3, 0.1], 24)
    hours = np.tile(np.tile(day, 7) * week, 6) + 0.05 * rng.normal(size=7 * 24 * 6)
    assert find_seasons(channels_of(hours)) == (24, 168)
    assert find_seasons(channels_of(seasonal(300, 12) + 0.5 * np.arange(300))) == (12,)
    assert find_seasons(channels_of(seasonal(30, 12)), 40) == (1,)
    assert find_seasons(channels_of(rng.normal(size=300)), 7) == (7,)


def test_noise_and_walks_have_no_season():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert find_seasons(channels_of(rng.normal(size=400))) == (1,)
        assert find_seasons(channels_of(rng.normal(size=400).cumsum())) == (1,)
        assert find_seasons(channels_of(*rng.normal(size=(30, 80)))) == (1,)


def test_seasons_do_not_depend_on_units():
    x = seasonal(120, 12)
    for factor in (1e-9, 1e9):
        assert find_seasons(channels_of(x * factor)) == (12,)
    steady = 0.1 * np.arange(200)  # whose changes differ by rounding alone
    assert find_seasons(channels_of(np.full(200, 0.1), steady)) == (1,)
    assert find_seasons(channels_of(x + 1e6 * np.arange(120))) == (12,)


# -- weights -------------------------------------------------------------------------------------------------------------


def test_what_is_held_out_ends_with_the_series_and_begins_behind_what_is_learnt():
    held = hold_out(channels_of(np.zeros(100), np.zeros(9), np.zeros(5)), 1, 7)
    assert held.n_blocks.tolist() == [6, 1, 0]
    assert held.cut.tolist() == [76, 5, 5]
    assert held.origin[held.channel == 0].tolist() == [76, 79, 83, 86, 89, 93, 96]
    assert held.origin[held.channel == 1].tolist() == [5]
    assert 2 not in held.channel


def answers_of(errors, n_channels=6, n=200, horizon=4, seed=0):
    """Forecasts of zero truth by members with errors of these deviations."""
    rng = np.random.default_rng(seed)
    held = hold_out(channels_of(*np.zeros((n_channels, n)), horizon=horizon), 1, 20)
    noise = rng.normal(size=(len(held.channel), len(errors), horizon))
    return noise * np.array(errors)[:, None], np.zeros((len(held.channel), horizon)), held


def weights_of(said, truth, held, n_naive=1):
    n = len(held.cut)
    return settle_weights(said, truth, held, np.arange(n), n_naive, np.full(n, np.nan))


def test_the_better_member_counts_more():
    weights = weights_of(*answers_of([3.0, 1.0, 2.0]))
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert (np.diff(weights[:, [0, 2, 1]], axis=1) >= 0).all()


def test_weight_goes_to_the_naive_member_that_none_is_clearly_better_than():
    weights = weights_of(*answers_of([1.0, 3.0, 4.0]))
    assert (weights[:, 0] > 0.8).all()
    said, truth, held = answers_of([1.0, 1.0])
    said[:, 1] = said[:, 0] * 0.9999
    assert (weights_of(said, truth, held)[:, 0] > 0.9).all()


def test_a_mixture_is_half_mean_half_median():
    said = np.array([[[1.0], [2.0], [10.0]], [[3.0], [np.nan], [5.0]], [[7.0], [1.0], [0.0]]])
    weights = np.array([[0.25, 0.5, 0.25], [0.2, 0.6, 0.2], [0.6, 0.2, 0.2]])
    means, medians = np.array([3.75, 4.0, 4.4]), np.array([2.0, 3.0, 7.0])
    np.testing.assert_allclose(mix(said, weights)[:, 0], (means + medians) / 2)


def test_where_nothing_can_be_held_out_the_season_is_repeated():
    said, truth, held = answers_of([1.0, 1.0, 1.0])
    none = np.zeros(0, dtype=np.int64)
    held = held._replace(channel=none, origin=none, n_blocks=0 * held.n_blocks)
    assert weights_of(said[:0], truth[:0], held, n_naive=1)[0].tolist() == [1, 0, 0]
    assert weights_of(said[:0], truth[:0], held, n_naive=2)[0].tolist() == [0, 1, 0]


def test_series_are_weighed_by_their_own_errors_and_those_without_by_the_pool():
    said, truth, held = answers_of([5.0, 1.0, 2.0])
    swapped = held.channel == 3
    said[swapped, 1:] = said[swapped, :0:-1]
    said[held.channel == 4, 2] = np.nan
    keep = held.channel != 5
    n_blocks = np.where(np.arange(6) == 5, 0, held.n_blocks)
    held = held._replace(channel=held.channel[keep], origin=held.origin[keep], n_blocks=n_blocks)
    weights = weights_of(said[keep], truth[keep], held)
    best = weights.argmax(axis=1)
    assert best.tolist() == [1, 1, 1, 2, 1, 1]
    assert weights[4, 2] == 0
    assert weights[5, 1] < weights[0, 1]


# -- the whole -----------------------------------------------------------------------------------------------------------


def fitted(x, horizon=12, **params):
    return AutoForecaster(horizon=horizon, **params).fit(np.asarray(x, dtype=np.float64).reshape(len(x), -1))


def total(model, *words):
    return sum(weight for name, weight in model.weights_.items() if any(word in name for word in words))


def test_of_a_random_walk_the_last_value_is_said():
    x = np.random.default_rng(3).normal(size=(800, 4)).cumsum(axis=0)
    model = fitted(x, horizon=24)
    assert model.weights_["last"] > 0.9
    naive = np.repeat(x[-1:], 24, axis=0)
    assert np.abs(model.forecast() - naive).mean() < 0.1 * x.std()


def test_of_a_noisy_season_the_season_without_the_noise_is_said():
    x = seasonal(600, 12, noise=1.0)
    model = fitted(x[:576])
    assert model.seasons_ == (12,)
    assert total(model, "season 12") < 0.1  # repeats the noise, too
    pattern = seasonal(600, 12, noise=0.0)
    errors = np.abs(model.forecast(24) - pattern[576:]), np.abs(np.tile(x[564:576], 2) - pattern[576:])
    assert errors[0].mean() < 0.6 * errors[1].mean()


def test_a_trend_goes_on():
    x = 0.5 * np.arange(300) + np.random.default_rng(0).normal(size=300)
    found = fitted(x).forecast()
    np.testing.assert_allclose(found, 0.5 * np.arange(300, 312), atol=2.0)


def test_many_short_series_have_their_say_beside_two_long_ones():
    """Those with one horizon to hold out are judged by other series, so that the long ones alone do not decide."""
    rng = np.random.default_rng(0)
    series = [np.arange(9) + 0.1 * rng.normal(size=9) for _ in range(60)]
    series += [rng.normal(size=40).cumsum() for _ in range(2)]
    number = np.repeat(np.arange(len(series)), [len(x) for x in series])
    table = np.column_stack([number, np.concatenate(series)])
    model = AutoForecaster(horizon=4, season=1, series_id=0, target=1).fit(table)
    assert model.weights_["last"] < 0.5
    found = model.forecast().reshape(len(series), 4)[:60]
    np.testing.assert_allclose(found, np.tile(np.arange(9, 13), (60, 1)), atol=1.0)


def test_growth_in_per_cent_is_left_to_logarithms():
    rng = np.random.default_rng(0)
    x = np.exp(0.03 * np.arange(240) + np.tile(rng.normal(size=12), 20) * 0.5 + 0.02 * rng.normal(size=240))
    model = fitted(x[:228])
    assert total(model, "log") > 0.7
    assert np.mean(np.abs(model.forecast() / x[228:] - 1)) < 0.1


def test_an_autoregressive_series_is_left_to_what_is_linear_in_the_past():
    x = autoregressive(1000, [1.6, -0.9])
    model = fitted(x, horizon=4)
    assert total(model, "autoregression", "map") > 0.8
    step = 1.6 * x[-1] - 0.9 * x[-2]
    assert abs(model.forecast()[0] - step) < 0.3


def panel_of(n_series=4, n=90, order=None):
    names = list("abcdefgh"[:n_series])
    series = {name: seasonal(n, 6, seed=i) * (i + 1) + 20 for i, name in enumerate(names)}
    pd = pytest.importorskip("pandas")
    order = names if order is None else order
    return pd.concat([pd.DataFrame({"name": name, "y": series[name]}) for name in order], ignore_index=True)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("budget", [0.1, 1.0])
def test_a_constant_goes_on(budget):
    for x in (np.zeros(60), np.full(60, 3.5), np.repeat([[1.0, -2.0]], 60, axis=0)):
        model = fitted(x, horizon=4, budget=budget)
        assert model.weights_ == {"last": 1.0}
        np.testing.assert_allclose(model.forecast(), x[:4])


@pytest.mark.filterwarnings("error")
def test_what_was_constant_until_lately_is_forecast():
    moved = np.r_[np.zeros(112), np.arange(8.0)]  # only the second half of what is held out tells members apart
    assert np.isfinite(fitted(moved, horizon=4).forecast()).all()
    assert np.isfinite(fitted(moved[::-1], horizon=4).forecast()).all()


def test_the_order_of_series_does_not_matter_nor_do_those_that_are_not_asked():
    model = AutoForecaster(horizon=6, season=6, series_id="name").fit(panel_of())
    again = AutoForecaster(horizon=6, season=6, series_id="name").fit(panel_of(order=list("cadb")))
    np.testing.assert_allclose(model.forecast()[[2, 0, 3, 1]], again.forecast(), rtol=1e-8)
    rows = panel_of(n=12)
    alone = model.predict(rows[rows.name == "c"])
    np.testing.assert_allclose(alone, model.predict(rows)[(rows.name == "c").to_numpy()], rtol=1e-12)


def test_fits_twice_the_same_and_keeps_it(tmp_path):
    x = np.stack([seasonal(150, 6), np.exp(seasonal(150, 6, seed=1) / 9)], axis=1)
    model, again = fitted(x, horizon=6), fitted(x, horizon=6)
    expected = model.rolling_forecast(x, stride=5)
    save(model, tmp_path / "model")
    for other in (again, pickle.loads(pickle.dumps(model)), load(tmp_path / "model")):
        np.testing.assert_array_equal(other.rolling_forecast(x, stride=5), expected)
        assert other.weights_ == model.weights_


def test_windows_stand_on_their_own_past():
    x = seasonal(200, 6)
    model = fitted(x[:150], horizon=6)
    L = model.lookback_
    changed = x[150 - L :].copy()
    changed[L + 10 :] += 99
    found = [model.rolling_forecast(rows[:, None]) for rows in (x[150 - L :], changed)]
    np.testing.assert_array_equal(found[0][:11], found[1][:11])
    np.testing.assert_allclose(found[0][0], model.forecast(), rtol=1e-9)


def test_series_of_few_rows_are_forecast():
    for n in (2, 3, 5, 9):
        found = fitted(np.arange(n) + 1.0, horizon=1, budget=0.1).forecast()
        assert np.isfinite(found).all()


@pytest.mark.parametrize("n_series", [1, 100])  # of many series there are maps of clusters too
def test_two_years_are_enough_for_a_forecast_of_one(n_series):
    pd = pytest.importorskip("pandas")
    for n in (13, 15, 24, 26):
        rows = {"name": np.repeat(np.arange(n_series), n), "v": np.random.default_rng(0).normal(size=n * n_series)}
        found = AutoForecaster(horizon=12, series_id="name", target="v").fit(pd.DataFrame(rows)).forecast()
        assert np.isfinite(found).all()


def test_missing_values_are_read_as_the_last_known():
    x = seasonal(150, 6)
    holes = x.copy()
    holes[::17] = np.nan
    found, full = fitted(holes, horizon=6, missing="mask").forecast(), fitted(x, horizon=6).forecast()
    assert np.abs(found - full).mean() < 0.3 * x.std()


def test_of_a_y_that_is_no_column_the_mean_is_said():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), rng.normal(size=60)
    with pytest.warns(UserWarning, match="y is no column of X"):
        model = AutoForecaster(horizon=3).fit(X, y)
    np.testing.assert_allclose(model.predict(X[:5]), y.mean())
    assert model.weights_ == {"mean": 1.0}


def test_the_season_is_that_of_the_stamps_and_the_lookback_what_is_useful():
    pd = pytest.importorskip("pandas")
    index = pd.date_range("2024-01-01", periods=400, freq="h")
    frame = pd.DataFrame({"load": seasonal(400, 24)}, index=index)
    model = AutoForecaster(horizon=24, budget=0.1).fit(frame)
    assert model.seasons_[0] == 24
    assert model.lookback_ == 6 * 24
    assert AutoForecaster(horizon=24, lookback=50, budget=0.1).fit(frame).lookback_ == 50
    assert AutoForecaster(horizon=24, season=12, budget=0.1).fit(frame).seasons_[0] == 12


def test_there_are_no_weights_before_fit():
    with pytest.raises(AttributeError, match="before fit"):
        _ = AutoForecaster().weights_
