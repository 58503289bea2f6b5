"""Windows of a table, and targets that lie ahead of them."""

import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal

from sklearn_seq.preprocessing import SequenceScaler, SlidingWindow, make_supervised
from sklearn_seq.sequences import Sequences

TABLE = np.random.default_rng(0).normal(size=(50, 3))


@pytest.mark.parametrize("window", [1, 4, 50, 80])
def test_a_window_is_the_stretch_that_ends_at_its_row(window):
    windows = SlidingWindow(window).fit_transform(TABLE)
    assert isinstance(windows, Sequences) and len(windows) == 50
    padded = np.concatenate([np.repeat(TABLE[:1], window - 1, axis=0), TABLE])
    array = SlidingWindow(window, output="array").fit_transform(TABLE)
    flat = SlidingWindow(window, output="flat").fit_transform(TABLE)
    for t in range(50):
        assert_array_equal(windows[t], TABLE[max(0, t - window + 1) : t + 1])
        assert_array_equal(array[t], padded[t : t + window])
        assert_array_equal(flat[t], padded[t : t + window].ravel())


def test_windows_cost_one_table_and_know_where_they_come_from():
    windows = SlidingWindow(40).fit_transform(TABLE)
    assert windows.values.shape == TABLE.shape
    assert not np.may_share_memory(windows.values, TABLE)  # the table may change later, the windows must not
    assert windows.overlapping
    assert len(pickle.dumps(windows)) < 3 * TABLE.nbytes
    assert windows._source == SlidingWindow(7).fit_transform(TABLE.copy())._source
    assert windows._source != SlidingWindow(40).fit_transform(TABLE[1:])._source
    assert windows._source != SlidingWindow(40).fit_transform(TABLE.reshape(75, 2))._source
    part = pickle.loads(pickle.dumps(windows[45:]))
    assert part._source == windows._source
    assert_array_equal(part._offsets, windows.starts[45:])
    assert_array_equal(part[2], windows[47])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_flat_windows_are_frames_with_lags_in_their_names(library):
    columns = {"load": TABLE[:, 0], "wind": TABLE[:, 1]}
    frame = pd.DataFrame(columns) if library == "pandas" else pl.DataFrame(columns)
    result = SlidingWindow(3, output="flat").set_output(transform=library).fit_transform(frame)
    assert type(result) is type(frame)
    assert list(result.columns) == ["load_lag2", "wind_lag2", "load_lag1", "wind_lag1", "load_lag0", "wind_lag0"]
    assert_array_equal(np.asarray(result["load_lag2"])[2:], TABLE[:-2, 0])
    assert_array_equal(np.asarray(result["wind_lag0"]), TABLE[:, 1])
    wished = SlidingWindow(3).set_output(transform=library)  # no frame can hold windows
    assert isinstance(wished.fit_transform(frame), Sequences) and not hasattr(wished, "get_feature_names_out")


def test_windows_keep_float32_and_missing_values():
    table = TABLE.astype(np.float32)
    table[3, 1] = np.nan
    for output in ("sequences", "array", "flat"):
        assert SlidingWindow(4, output=output).fit_transform(table).dtype == np.float32
    assert SlidingWindow(4).fit_transform(pd.DataFrame(table)).dtype == np.float32
    assert SlidingWindow(4).fit_transform(pd.DataFrame(table).astype({0: float})).dtype == np.float64
    assert np.isnan(SlidingWindow(2).fit_transform(table)[4][0, 1])


@pytest.mark.parametrize("X", [np.zeros((2, 3, 4)), Sequences.from_array(np.zeros((2, 3, 4)))])
def test_only_one_table_at_a_time(X):
    with pytest.raises(ValueError, match=r"SlidingWindow reads one table .* Give one table"):
        SlidingWindow().fit(X)


def test_a_window_can_be_scaled_by_itself():
    scaled = SequenceScaler(per="series").fit_transform(SlidingWindow(5).fit_transform(TABLE))
    for t in (0, 3, 20):
        block = TABLE[max(0, t - 4) : t + 1]
        deviation = block.std(axis=0)
        np.testing.assert_allclose(scaled[t], (block - block.mean(axis=0)) / np.where(deviation, deviation, 1))


# -- make_supervised ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("horizon", [1, 6])
def test_the_target_lies_ahead(horizon):
    X, y, gap = made = make_supervised(TABLE, horizon)
    assert made.gap == gap == horizon - 1
    assert_array_equal(X, TABLE[:-horizon])
    assert_array_equal(y, TABLE[horizon:])
    assert_array_equal(make_supervised(TABLE, horizon, 1).y, TABLE[horizon:, 1])
    assert_array_equal(make_supervised(TABLE, horizon, [2, 0]).y, TABLE[horizon:, [2, 0]])
    assert_array_equal(make_supervised(TABLE, horizon, -1).y, TABLE[horizon:, 2])
    assert make_supervised(TABLE[:, :1]).y.ndim == 1 and make_supervised(TABLE[:, :1], target=[0]).y.ndim == 2
    assert make_supervised(TABLE.tolist(), horizon).X.shape == X.shape


def test_pandas_stays_pandas_and_is_aligned_like_shift():
    frame = pd.DataFrame(
        TABLE, columns=["load", "wind", "sun"], index=pd.date_range("2024-01-01", periods=50, freq="h")
    )
    X, y, _ = make_supervised(frame, 3, "load")
    pd.testing.assert_frame_equal(X, frame[:-3])
    pd.testing.assert_series_equal(y, frame["load"].shift(-3)[:-3], check_freq=False)
    several = make_supervised(frame, 3, ["sun", "load"]).y
    pd.testing.assert_frame_equal(several, frame[["sun", "load"]].shift(-3)[:-3], check_freq=False)
    assert make_supervised(frame.assign(day=range(50)), 3, "day").y.dtype == np.int64


def test_polars_stays_polars():
    frame = pl.DataFrame(TABLE, schema=["load", "wind", "sun"])
    X, y, _ = make_supervised(frame, 3, "wind")
    assert isinstance(X, pl.DataFrame) and isinstance(y, pl.Series)
    assert_array_equal(X, TABLE[:-3])
    assert_array_equal(y, TABLE[3:, 1])
    assert make_supervised(frame, 3).y.columns == frame.columns


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((TABLE, 50), "the table has 50 rows and horizon=50; wanted more rows than the horizon"),
        ((TABLE, 0), "horizon=0; wanted a whole number of rows, at least 1"),
        ((TABLE, 1.5), "horizon=1.5; wanted"),
        ((TABLE, True), "horizon=True; wanted"),
        ((TABLE[:, 0],), r"shape \(50,\); wanted \(n_rows, n_features\).* series\[:, None\]"),
        ((TABLE[None],), r"shape \(1, 50, 3\); wanted .* Call it for one"),
        ((Sequences.from_array(TABLE),), "table is Sequences"),
        ((TABLE, 1, "load"), "target='load' is a name, but the table is an array"),
        ((TABLE, 1, 3), "target=3 is no position among 3 columns; wanted 0 to 2"),
        ((TABLE, 1, 1.0), "target=1.0; wanted a column's name or position"),
        ((TABLE, 1, []), "names no column"),
        ((pd.DataFrame(TABLE, columns=list("abc")), 1, "d"), r"target='d' names no column .* \['a', 'b', 'c'\]"),
        ((pd.DataFrame(TABLE, columns=list("aba")), 1, "a"), "names 2 columns"),
        ((pl.LazyFrame({"a": [1, 2, 3]}),), r"Give table.collect\(\)"),
    ],
)
def test_refusals_of_make_supervised(arguments, words):
    with pytest.raises(ValueError, match=words) as caught:
        make_supervised(*arguments)
    assert re.search("wanted|Give|give", str(caught.value))
