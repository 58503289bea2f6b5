"""Tables, windows and recursion of forecasters, against what is written out by hand."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator

from sklearn_seq.sequences.horizons import Scale, Windows
from sklearn_seq.sequences.tables import Table, group_rows, read_numbers, settle_columns
from sklearn_seq.tasks.forecast_recursion import extend
from sklearn_seq.tasks.forecast_tables import (
    Memory,
    Running,
    cut_lookback,
    make_layout,
    static_of,
    training_windows,
)

LENGTHS = (14, 9, 23)


def panel(lengths=LENGTHS, seed=0, dtype=np.float64):
    """Series a, b, ... below each other, with known numbers of other columns."""
    rng = np.random.default_rng(seed)
    n = sum(lengths)
    return pd.DataFrame(
        {
            "shop": np.repeat([chr(97 + i) for i in range(len(lengths))], lengths),
            "t": np.concatenate([np.arange(n) + 100 * i for i, n in enumerate(lengths)]),
            "y": rng.normal(size=n).cumsum().astype(dtype),
            "u": rng.normal(size=n).astype(dtype),
            "k": rng.normal(size=n).astype(dtype),
            "size": np.repeat(np.arange(1.0, 1 + len(lengths)), lengths).astype(dtype),
        }
    )


ROLES = {"target": "y", "known": "k", "static": "size", "series": "shop", "time": "t"}


def as_polars(X):
    return pl.DataFrame(
        {name: pl.Series(X[name].to_list() if X[name].dtype.kind not in "fi" else X[name].to_numpy()) for name in X}
    )


def read(X, *, missing="error", clock=None, seen=None, **roles):
    columns = settle_columns(X, **roles)
    values = read_numbers(BaseEstimator(), X, columns, reset=True, missing=missing)
    return group_rows(X, values, columns, clock=clock, gaps="error", known=seen), columns


def windows_of(X, lookback, horizon, *, missing="error", **roles):
    table, columns = read(X, missing=missing, **roles)
    layout = make_layout(columns, 0, lookback, horizon, missing == "mask")
    scale = Scale.of(table.values, table.starts, table.stops, columns.static)
    return training_windows(table, layout, columns, scale), table


# -- columns ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda X: X, as_polars, lambda X: X.to_numpy()], ids=["pandas", "polars", "array"])
def test_columns_are_told_apart(make):
    X = panel()
    X["shop"] = np.repeat([0.0, 1.0, 2.0], LENGTHS)
    X = make(X)
    place = (lambda name: list(panel().columns).index(name)) if isinstance(X, np.ndarray) else (lambda name: name)
    columns = settle_columns(X, **{role: place(name) for role, name in ROLES.items()})
    assert columns.values == [place(name) for name in ("y", "u", "k", "size")]
    assert (columns.target, columns.known, columns.static, columns.past) == ([0], [2], [3], [0, 1, 2])
    assert (columns.series, columns.time, columns.single) == (place("shop"), place("t"), True)


@pytest.mark.parametrize(
    ("target", "places", "single"),
    [(None, [0, 1], False), ("u", [1], True), (["u"], [1], False), (("u", "y"), [1, 0], False)],
)
def test_targets(target, places, single):
    columns = settle_columns(panel(), **ROLES | {"target": target})
    assert (columns.target, columns.single) == (places, single)


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ({"target": "z"}, "target='z' is no column of X, which has 'shop', 't', 'y', 'u', 'k', 'size'"),
        ({"target": "y", "known": "y"}, "'y' stands in known_future and in target; wanted each column in one place"),
        ({"target": ["y", "y"]}, "'y' stands in target and in target"),
        ({"target": []}, "X has no column to forecast"),
        ({"target": 0}, "target=0 is no column of X"),
        ({"known": ["shop", "t", "y", "u", "k", "size"]}, "X has no column to forecast"),
    ],
)
def test_columns_that_cannot_be_are_refused(roles, message):
    with pytest.raises(ValueError, match=message):
        settle_columns(panel(), **roles)


def test_names_are_of_frames():
    with pytest.raises(ValueError, match=r"target='y' is a name, and X is an array.*wanted a position from 0 to 2"):
        settle_columns(np.zeros((3, 3)), target="y")


def test_two_columns_of_one_name_are_refused():
    X = pd.DataFrame(np.zeros((3, 3)), columns=["a", "b", "a"])
    with pytest.raises(ValueError, match="X has two columns 'a'; wanted each name once"):
        settle_columns(X, target="b")


# -- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_are_not_copied(dtype):
    X = np.random.default_rng(0).normal(size=(50, 3)).astype(dtype)
    values = read_numbers(BaseEstimator(), X, None, reset=True)
    assert values.dtype == dtype and np.shares_memory(values, X)
    columns = settle_columns(X)
    table = group_rows(X, values, columns, clock=None, gaps="error")
    layout = make_layout(columns, 0, 10, 3, False)
    windows = training_windows(table, layout, columns, Scale.of(X, table.starts, table.stops, []))
    assert np.shares_memory(windows.values, X)


@pytest.mark.parametrize("make", [lambda X: X, as_polars], ids=["pandas", "polars"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_frames_keep_their_precision(make, dtype):
    X = panel(dtype=dtype)
    table, _ = read(make(X), **ROLES)
    assert table.values.dtype == dtype
    np.testing.assert_array_equal(table.values, X[["y", "u", "k", "size"]])


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (
            pd.date_range("2020", periods=4),
            "the column 'x' of X holds times .*; wanted numbers. Set time='x', or drop it",
        ),
        (["u", "v", "w", "x"], "X holds what is no number: could not convert string to float: 'u'"),
        ([1, np.inf, 2, 3], "contains infinity or a value too large .*: row 1, column 'x'"),
        ([1, 2, np.nan, 3], "contains NaN: row 2, column 'x'.*missing='mask'"),
    ],
)
def test_what_is_no_number_is_named(column, message):
    with pytest.raises(ValueError, match=message):
        read(pd.DataFrame({"y": [1.0, 2, 3, 4], "x": column}), target="y")


def test_frames_whose_names_are_numbers_are_read_by_name():
    X = panel().rename(columns={"shop": 3, "y": 0, "u": 7, "k": 1, "size": 2, "t": 5})
    table, columns = read(X, target=0, known=1, static=2, series=3, time=5)
    assert columns.values == [0, 7, 1, 2] and table.labels == ["a", "b", "c"]
    np.testing.assert_array_equal(table.values, X[[0, 7, 1, 2]])


# -- rows ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda X: X, as_polars], ids=["pandas", "polars"])
def test_rows_of_a_panel_may_stand_in_any_order(make):
    X = panel()
    order = np.random.default_rng(0).permutation(np.repeat(np.arange(3), LENGTHS))
    starts = np.cumsum([0, *LENGTHS[:-1]])
    seen = [0, 0, 0]
    rows = []
    for s in order:  # series mixed, each in its own order
        rows.append(starts[s] + seen[s])
        seen[s] += 1
    mixed = X.iloc[rows].reset_index(drop=True)
    table, _ = read(make(mixed), **ROLES)
    assert table.labels == list(dict.fromkeys(mixed["shop"]))
    for label, start, stop in zip(table.labels, table.starts, table.stops):
        own = X[X["shop"] == label]
        np.testing.assert_array_equal(table.values[start:stop], own[["y", "u", "k", "size"]])
        np.testing.assert_array_equal(table.stamps[start:stop], own["t"])
    np.testing.assert_array_equal(table.back(table.values[:, 0]), mixed["y"])


def test_series_and_order_are_checked():
    X = panel()
    with pytest.raises(ValueError, match="time='t' is not in order of series 'b': 102 is followed by 101"):
        read(X.iloc[[*range(14), 16, 15, 17]], **ROLES)
    with pytest.raises(ValueError, match="time='t' holds 100 twice of series 'b'"):
        read(X.iloc[[*range(14), 14, 14, 15]], **ROLES)
    with pytest.raises(
        ValueError, match=r"X has rows of series 'c', which fit did not see .1 such series; it saw 'a', 'b'"
    ):
        read(X, seen=["a", "b"], **ROLES)


@pytest.mark.parametrize("lost", [None, np.nan, pd.NA])
def test_a_row_without_a_series_is_named(lost):
    X = panel()
    X["shop"] = X["shop"].astype(object)
    X.loc[5, "shop"] = lost
    with pytest.raises(ValueError, match="series_id='shop' is missing in row 5"):
        read(X, **ROLES)


def test_names_of_two_kinds_are_refused():
    X = panel()
    X["shop"] = X["shop"].astype(object).replace("b", 7)
    with pytest.raises(TypeError, match="series_id='shop' holds int and str; wanted names of one kind"):
        read(X, **ROLES)


# -- scale -----------------------------------------------------------------------------------------------------------


def test_scale_is_that_of_numpy():
    rng = np.random.default_rng(0)
    values = rng.normal(3, 5, size=(200_000, 3))
    values[rng.random(values.shape) < 0.1] = np.nan
    starts, stops = np.array([0, 150_000]), np.array([150_000, 200_000])
    scale = Scale.of(values, starts, stops, [])
    for i, part in enumerate((values[:150_000], values[150_000:])):
        np.testing.assert_allclose(scale.mean[i], np.nanmean(part, axis=0))
        np.testing.assert_allclose(scale.deviation[i], np.nanstd(part, axis=0))


def test_scale_of_what_does_not_change_is_one():
    values = np.array([[1e8, 0, np.nan, 1], [1e8, 0, np.nan, 3]])
    scale = Scale.of(values, np.array([0]), np.array([2]), [])
    np.testing.assert_array_equal(scale.mean, [[1e8, 0, 0, 2]])
    np.testing.assert_array_equal(scale.deviation, [[1, 1, 1, 1]])


def test_scale_far_from_zero_is_exact():
    values = 1e6 + np.random.default_rng(0).normal(size=(1000, 1))
    scale = Scale.of(values, np.array([0]), np.array([1000]), [])
    np.testing.assert_allclose(scale.deviation, values.std(), rtol=1e-9)


def test_scale_goes_there_and_back():
    rng = np.random.default_rng(0)
    scale = Scale(rng.normal(size=(3, 4)), rng.uniform(1, 2, size=(3, 4)))
    values, series = rng.normal(size=(7, 5, 2)), rng.integers(3, size=7)
    np.testing.assert_allclose(scale.undo(scale.apply(values, series, [3, 1]), series, [3, 1]), values)
    one = scale.apply(values, series, [3, 1])[2, 4]
    s = series[2]
    np.testing.assert_allclose(one, (values[2, 4] - scale.mean[s, [3, 1]]) / scale.deviation[s, [3, 1]])
    np.testing.assert_allclose(
        scale.undo(values, series, [3, 1], shift=False)[2, 4], values[2, 4] * scale.deviation[s, [3, 1]]
    )


def test_static_columns_have_one_scale():
    table, columns = read(panel(), **ROLES)
    scale = Scale.of(table.values, table.starts, table.stops, columns.static)
    np.testing.assert_allclose(static_of(table, columns, scale).ravel(), (np.arange(3) - 1) / np.std([0, 1, 2]))


def test_static_columns_do_not_change_and_may_be_missing():
    X = panel()
    X.loc[X["shop"] == "b", "size"] = np.nan
    table, columns = read(X, missing="mask", **ROLES)
    scale = Scale.of(table.values, table.starts, table.stops, columns.static)
    found = static_of(table, columns, scale).ravel()
    assert np.isfinite(found).all() and found[1] == 0
    X.loc[20, "size"] = 9
    table, columns = read(X, missing="mask", **ROLES)
    with pytest.raises(ValueError, match="static='size' changes inside series 'b'"):
        static_of(table, columns, scale)


# -- windows ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lookback", "horizon"), [(4, 1), (4, 3), (1, 1), (9, 2), (20, 2), (3, 9), (50, 20)])
def test_windows_are_those_written_out(lookback, horizon):
    """Series with room for the look-back begin behind it; shorter ones have their first row in front."""
    X = panel()
    windows, table = windows_of(X, lookback, horizon, **ROLES)
    places = [0, 1, 2]  # y, u, k
    wanted = []
    for s, (start, stop) in enumerate(zip(table.starts, table.stops)):
        rows = table.values[start:stop]
        scaled = (rows - rows.mean(0)) / np.where(rows.std(0) > 0, rows.std(0), 1)
        for origin in range(cut_lookback(lookback, horizon, len(rows)), len(rows) - horizon + 1):
            past = scaled[np.maximum(np.arange(origin - lookback, origin), 0)][:, places]
            ahead = scaled[origin : origin + horizon]
            wanted.append((s, past, ahead[:, [2]], ahead[:, [0]]))
    assert len(windows) == len(wanted) > 0
    series, past, future, truth = zip(*wanted)
    np.testing.assert_array_equal(windows.series, series)
    np.testing.assert_allclose(windows.past(), past, atol=1e-12)
    np.testing.assert_allclose(windows.future(), future, atol=1e-12)
    np.testing.assert_allclose(windows.truth(), truth, atol=1e-12)
    np.testing.assert_allclose(
        np.concatenate([windows.take(np.arange(len(windows))[span]).past() for span in windows.spans()]),
        past,
        atol=1e-12,
    )
    stretches = windows.stretches(windows.scaled())
    np.testing.assert_allclose(
        np.stack([stretches[i] for i in range(len(stretches))])[:, :lookback, places], past, atol=1e-12
    )


@pytest.mark.parametrize(
    ("lookback", "horizon", "longest", "found"),
    [
        (96, 24, 1000, 96),
        (96, 24, 121, 88),
        (96, 24, 120, 87),
        (96, 1, 3, 1),
        (96, 1, 2, 1),
        (5, 1, 40, 5),
        (96, 10, 20, 5),
    ],
)
def test_the_lookback_leaves_room_for_up_to_ten_windows(lookback, horizon, longest, found):
    assert cut_lookback(lookback, horizon, longest) == found


def test_missing_values_are_filled_from_the_past_and_marked():
    X = pd.DataFrame({"a": [np.nan, 1, np.nan, np.nan, 4, 5, 6, np.nan], "b": np.arange(8.0)})
    windows, _ = windows_of(X, 2, 2, missing="mask")
    mean = np.nanmean(X["a"])
    np.testing.assert_allclose(windows.values[:, 0], [mean, 1, 1, 1, 4, 5, 6, 6])
    np.testing.assert_array_equal(windows.values[:, 1], X["b"])
    np.testing.assert_array_equal(windows.values[:, 2:], np.isnan(X))
    assert windows.layout.past_columns == [0, 1, 2, 3]
    truth = windows.truth()
    for i, origin in enumerate(range(2, 7)):
        wanted = (X.to_numpy()[origin : origin + 2] - np.nanmean(X, axis=0)) / np.nanstd(X, axis=0)
        np.testing.assert_allclose(truth[i], wanted)
        np.testing.assert_array_equal(windows.past()[i][:, 2], np.isnan(X["a"][origin - 2 : origin]))


# -- what is remembered ----------------------------------------------------------------------------------------------


def remembered(X, lookback, horizon, n_more, cold=(), missing="error", later=None):
    """What stands behind training on ``X``, and its table of what came later."""
    windows, table = windows_of(X, lookback, horizon, missing=missing, **ROLES)
    memory = Memory.of(table, lookback)
    then, _ = read(later, missing=missing, clock=table.clock, **ROLES)
    series = np.array([table.labels.index(label) for label in then.labels])
    is_cold = np.isin(np.arange(len(series)), cold)
    running = Running.of(
        then.values,
        then.starts,
        then.stops,
        series,
        memory,
        is_cold,
        windows.layout,
        windows.scale,
        windows.static,
        n_more,
    )
    return running, then, windows


def later_rows(labels="cba", n=5):
    X = panel((n,) * len(labels), seed=1)
    X["shop"] = np.repeat(list(labels), n)
    return X


def test_rows_go_on_behind_those_remembered():
    X, later = panel(), later_rows()
    running, _, windows = remembered(X, 6, 2, 2, later=later)
    assert running.series.tolist() == [2, 1, 0] and running.lengths.tolist() == [5, 5, 5]
    every = running.every(2)
    assert len(every) == 9
    for i, label in enumerate("cba"):
        rows = pd.concat([X[X["shop"] == label], later[later["shop"] == label]])[["y", "u", "k", "size"]].to_numpy()
        n = len(rows) - 5
        s = running.series[i]
        for j, first in enumerate((0, 2, 4)):
            wanted = (rows[n + first - 6 : n + first] - windows.scale.mean[s]) / windows.scale.deviation[s]
            np.testing.assert_allclose(every.past()[3 * i + j], wanted[:, :3])


def test_what_is_remembered_is_the_end_of_each_series():
    table, _ = read(panel(), **ROLES)
    memory = Memory.of(table, 12)
    assert memory.lengths.tolist() == [12, 9, 12]
    assert memory.first.tolist() == [0, 100, 200] and memory.last.tolist() == [13, 108, 222]
    kept = memory.values.reshape(3, 12, 4)
    np.testing.assert_array_equal(kept[2], table.values[-12:])
    np.testing.assert_array_equal(kept[1, 3:], table.values[14:23])
    assert np.isnan(kept[1, :3]).all()
    assert (memory.forgotten().lengths == 0).all()


@pytest.mark.parametrize("missing", ["error", "mask"])
def test_a_first_forecast_without_a_past_reads_no_row_that_comes(missing):
    X, later = panel(), later_rows("ab")
    every = remembered(X, 4, 1, 1, cold=(1,), missing=missing, later=later)[0].every(1)
    before = every.past()
    np.testing.assert_allclose(before[5, :, :3], 0, atol=1e-12)  # the mean of training
    if missing == "mask":
        assert (before[5, :, 3:] == 1).all() and (before[6, :3, 3:] == 1).all() and (before[6, 3, 3:] == 0).all()
    for row in range(5):  # a spike in a row moves no window that begins there or before
        spiked = later.copy()
        spiked.loc[[row, 5 + row], ["y", "u"]] += 100
        after = remembered(X, 4, 1, 1, cold=(1,), missing=missing, later=spiked)[0].every(1).past()
        same = np.isclose(before, after).all(axis=(1, 2))
        assert same[: row + 1].all() and same[5 : 6 + row].all() and not same[row + 1 : 5].any()


def test_origins_of_every_stride():
    running = remembered(panel(), 4, 2, 0, later=later_rows("ab", 9))[0]
    begins = running.every(3, 4, running.lengths - 2).origins - np.repeat(running.first, [2, 2])
    assert begins.tolist() == [4, 7, 4, 7]


# -- recursion -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 8])
@pytest.mark.parametrize("horizon", [1, 3])
def test_recursion_is_a_loop(steps, horizon):
    """A model that adds up the past and what is known: its own words become its past, what is known stays true."""
    rng = np.random.default_rng(0)
    lookback, n = 4, 60
    values = rng.normal(size=(n, 3))  # two targets, one column known ahead
    table = Table(values, np.array([0, 25]), np.array([25, n]), ["a", "b"])
    columns = settle_columns(values, target=[0, 1], known=2)
    scale = Scale.of(values, table.starts, table.stops, [])
    windows = training_windows(table, make_layout(columns, 0, lookback, horizon, False), columns, scale)
    windows = windows.take(np.flatnonzero(windows.origins + steps <= windows.stops[windows.series]))
    a, b = rng.normal(size=(lookback * 3, horizon * 2)) / 5, rng.normal(size=(horizon, horizon * 2))

    def answer(w: Windows):
        past, future = w.past().reshape(len(w), -1), w.future().reshape(len(w), -1)
        return (past @ a + future @ b).reshape(len(w), horizon, 2, 1)

    padded = np.concatenate([values, values[-1:].repeat(20, 0)])
    wanted = []
    for origin, s in zip(windows.origins, windows.series):
        rows = padded[origin - lookback : origin + steps + horizon].copy()
        rows[lookback + steps :] = rows[lookback + steps - 1]  # nothing is known behind the last step
        rows = (rows - scale.mean[s]) / scale.deviation[s]
        for at in range(lookback, lookback + steps, horizon):
            said = rows[at - lookback : at].ravel() @ a + rows[at : at + horizon, 2] @ b
            rows[at : at + horizon, :2] = said.reshape(horizon, 2)
        wanted.append(rows[lookback : lookback + steps, :2])
    found = extend(answer, windows, steps, lambda answers: answers[..., 0])
    np.testing.assert_allclose(found[..., 0], wanted, atol=1e-10)


def test_what_was_forecast_is_marked_as_known():
    values = np.array([1.0, 2, 3, 4, np.nan, np.nan, np.nan, 8])[:, None]
    table = Table(values, np.array([0]), np.array([8]), [None])
    columns = settle_columns(values)
    scale = Scale(np.zeros((1, 1)), np.ones((1, 1)))
    windows = training_windows(table, make_layout(columns, 0, 2, 1, True), columns, scale)
    seen = []

    def answer(w):
        seen.append(w.past()[2])  # the window whose origin is row 4
        return np.full((len(w), 1, 1, 1), 9.0)

    extend(answer, windows.take(np.arange(4)), 3, lambda answers: answers[..., 0])
    np.testing.assert_array_equal(seen, [[[3, 0], [4, 0]], [[4, 0], [9, 0]], [[9, 0], [9, 0]]])
