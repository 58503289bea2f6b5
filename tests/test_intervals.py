"""Quantiles of intervals, against plain loops over numpy's own quantiles."""

from itertools import pairwise

import numpy as np
import pytest

from sklearn_seq import IntervalQuantiles, Sequences
from sklearn_seq.preprocessing import intervals


def views(x):
    """The four views of one series, step by step."""
    smooth = x
    if len(x) >= 5:
        padded = np.concatenate([[x[0]] * 2, x, [x[-1]] * 2])
        smooth = np.array([padded[t : t + 5].mean() for t in range(len(x))])
    return x, np.diff(smooth), np.diff(x, 2), np.abs(np.fft.rfft(x))


def by_hand(x, depth=6, step=4):
    """All features of one series by loops."""
    found = []
    for view in views(np.asarray(x, dtype=float)):
        n, level = len(view), 0
        while level < depth and 2**level <= n:
            cuts = [n * i // 2**level for i in range(2**level + 1)]
            parts = list(pairwise(cuts))
            typical = np.median(np.diff(cuts))
            if level and typical > 1:
                half = int(np.ceil(typical / 2))
                parts += [(start + half, stop + half) for start, stop in parts[:-1]]
            for start, stop in parts:
                part = view[start:stop]
                count = 1 + (len(part) - 1) // step
                if count == 1:
                    found.append(np.sort(part)[(len(part) - 1) // 2])
                    continue
                values = np.quantile(part, np.linspace(0, 1, count))
                values[1::2] -= part.mean()
                found.extend(values)
            level += 1
    return np.array(found)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 40, 100, 129])
def test_features_are_those_of_plain_loops(length):
    X = np.random.default_rng(length).normal(size=(3, length))
    found = IntervalQuantiles().fit_transform(X)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [by_hand(x) for x in X], rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize("depth, step", [(1, 4), (2, 1), (3, 7), (9, 100)])
def test_depth_and_steps_per_quantile(depth, step):
    X = np.random.default_rng(0).normal(size=(2, 50))
    found = IntervalQuantiles(depth=depth, steps_per_quantile=step).fit_transform(X)
    np.testing.assert_allclose(found, [by_hand(x, depth, step) for x in X], rtol=1e-6, atol=2e-6)


def test_a_known_series():
    """Of a ramp the quantiles are known: every second one is told from the mean."""
    quantiles = IntervalQuantiles(depth=1).fit(np.arange(9.0)[None])
    row = dict(zip(quantiles.get_feature_names_out(), quantiles.transform(np.arange(9.0)[None])[0], strict=True))
    assert [row[f"values_0of1_q{i}"] for i in range(3)] == [0.0, 4.0 - 4.0, 8.0]
    assert [row[f"bends_0of1_q{i}"] for i in range(2)] == [0.0, 0.0]
    assert row["frequencies_0of1_q1"] == pytest.approx(36 - np.abs(np.fft.rfft(np.arange(9.0))).mean())


def test_channels_stand_side_by_side():
    X = np.random.default_rng(0).normal(size=(4, 30, 3))
    quantiles = IntervalQuantiles().fit(X)
    found = quantiles.transform(X)
    each = [IntervalQuantiles().fit_transform(X[:, :, f]) for f in range(3)]
    np.testing.assert_array_equal(found, np.concatenate(each, axis=1))
    names = quantiles.get_feature_names_out()
    assert len(set(names)) == len(names) == found.shape[1]
    assert names[0] == "x0_values_0of1_q0" and names[-1].startswith("x2_frequencies_")
    assert quantiles.get_feature_names_out(["a", "b", "c"])[-1].startswith("c_frequencies_")


def test_names_tell_interval_and_quantile():
    """Column by column: a bump in the fourth quarter moves no feature of the values in the first."""
    X = np.zeros((2, 32))
    X[1, 25:27] = 5.0
    quantiles = IntervalQuantiles(depth=3).fit(X)
    flat, bump = quantiles.transform(X)
    moved = {name for name, a, b in zip(quantiles.get_feature_names_out(), flat, bump, strict=True) if a != b}
    assert {name.rpartition("_")[0] for name in moved if name.startswith("values")} == {
        "values_0of1",
        "values_1of2",
        "values_3of4",
        "values_2of4_later",
    }


def test_ragged_rows_of_the_median_length_are_as_rectangular_ones():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 2)) for length in (7, 20, 20, 20, 41)]
    quantiles = IntervalQuantiles().fit(X)
    assert quantiles.length_ == 20
    found = quantiles.transform(X)
    np.testing.assert_array_equal(found[1:4], IntervalQuantiles().fit_transform(np.stack(X[1:4])))
    assert np.isfinite(found).all()


def test_alone_as_among_others_to_the_bit():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 2)) for length in rng.integers(1, 90, size=30)]
    quantiles = IntervalQuantiles().fit(X)
    found = quantiles.transform(X)
    for x, row in zip(X, found, strict=True):
        np.testing.assert_array_equal(quantiles.transform([x])[0], row)
    np.testing.assert_array_equal(quantiles.transform(Sequences.from_list(X[::-1])[::-1]), found)


def test_chunks_change_nothing(monkeypatch):
    X = np.random.default_rng(0).normal(size=(20, 40, 2))
    quantiles = IntervalQuantiles().fit(X)
    found = quantiles.transform(X)
    monkeypatch.setattr(intervals, "_CHUNK", 200)
    np.testing.assert_array_equal(quantiles.transform(X), found)


def test_the_same_shape_at_another_length_has_nearly_the_same_quantiles():
    """Intervals are parts of a sequence's own length."""
    wave = [np.sin(2 * np.pi * np.arange(length) / length)[:, None] for length in (200, 400)]
    quantiles = IntervalQuantiles(depth=3).fit(wave[:1])
    short, long = quantiles.transform(wave)
    values = [name.startswith("x0_values") for name in quantiles.get_feature_names_out()]
    assert np.abs(short - long)[values].max() < 0.02


def test_short_and_single_steps():
    quantiles = IntervalQuantiles().fit([np.arange(30.0), np.arange(40.0)])
    found = quantiles.transform([np.array([3.0]), np.array([1.0, 2.0])])
    names = quantiles.get_feature_names_out()
    for view, wanted in (("values", 3.0), ("changes", 0.0), ("bends", 0.0), ("frequencies", 3.0)):
        first = names.tolist().index(f"x0_{view}_0of1_q0")
        assert found[0, first] == wanted
    assert np.isfinite(found).all()
    assert IntervalQuantiles().fit_transform(np.array([[3.0], [4.0]])).tolist() == [[3.0, 3.0], [4.0, 4.0]]


@pytest.mark.parametrize("shape", [(2, 100, 60), (2, 144, 963), (2, 3000, 6), (1, 40000, 1), (1, 5, 9000)])
def test_there_are_about_as_many_features_as_asked_for(shape):
    X = np.zeros(shape, dtype=np.float32)
    quantiles = IntervalQuantiles().fit(X)
    n_features = quantiles.transform(X[:1]).shape[1]
    assert len(quantiles.get_feature_names_out()) == n_features
    assert 5000 < n_features <= max(20_000, 4 * shape[2])
    if shape[2] <= 6:
        assert quantiles.depth_ == 6  # long sequences lose quantiles, not intervals


def test_at_least_four_a_channel():
    quantiles = IntervalQuantiles(max_features=1).fit(np.zeros((2, 77, 5)))
    assert quantiles.transform(np.zeros((1, 77, 5))).shape == (1, 20)


def test_huge_values_stay_finite():
    X = np.random.default_rng(0).normal(size=(2, 20)) * 1e300
    assert np.isfinite(IntervalQuantiles().fit_transform(X)).all()


def test_a_high_level_hides_no_frequency():
    """Also in float32: the Fourier transform is computed in float64."""
    wave = np.sin(np.arange(64) * 2 * np.pi / 8)
    X = (wave + 4096).astype(np.float32)[None]
    quantiles = IntervalQuantiles(depth=1, steps_per_quantile=1).fit(X)
    row = dict(zip(quantiles.get_feature_names_out(), quantiles.transform(X)[0], strict=True))
    exact = np.abs(np.fft.rfft(X[0].astype(float)))
    assert row["frequencies_0of1_q0"] == pytest.approx(exact.min(), rel=1e-4)


def test_a_frame_comes_out_where_it_is_asked_for():
    pd = pytest.importorskip("pandas")
    X = np.random.default_rng(0).normal(size=(3, 12))
    quantiles = IntervalQuantiles().set_output(transform="pandas")
    frame = quantiles.fit_transform(pd.DataFrame(X, columns=[f"t{i}" for i in range(12)]))
    assert list(frame.columns) == list(quantiles.get_feature_names_out())
    np.testing.assert_array_equal(frame.to_numpy(), IntervalQuantiles().fit_transform(X))
