"""Random shapelets, against plain loops over all windows."""

import pickle

import numpy as np
import pytest
import torch

from sklearn_seq import RandomShapelets, Sequences
from sklearn_seq.layers import shapelets as layer


def make(n=12, length=40, channels=1, seed=0):
    return np.random.default_rng(seed).normal(size=(n, length, channels)).cumsum(axis=1)


def ragged(lengths, channels=2, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, channels)).cumsum(axis=0) for length in lengths]


def windows_by_hand(model, i, x):
    """All windows of a sequence for shapelet i, as (W, n_used, L), in float64."""
    x = (np.asarray(x, dtype=float) - model.center_) / model.scale_
    length, dilation = model.length_, model.dilations_[i]
    span = (length - 1) * dilation
    if len(x) <= span:
        x = np.concatenate([x, np.repeat(x[-1:], span + 1 - len(x), axis=0)])
    used = model.channels_[i][model.channels_[i] >= 0]
    found = []
    for t in range(len(x) - span):
        window = x[t : t + span + 1 : dilation, used].T  # (C, L)
        if model.normalized_[i]:
            window = window - window.mean(axis=1, keepdims=True)
            window = window / (window.std(axis=1, keepdims=True) + 1e-4)
        found.append(window)
    return np.array(found)


def distances_by_hand(model, i, x):
    values = model.shapelets_[i][model.channels_[i] >= 0].astype(float)
    return np.array([np.sqrt(((window - values) ** 2).sum()) for window in windows_by_hand(model, i, x)])


def check_by_hand(model, X, found):
    found = found.reshape(len(X), -1, 3)
    n_counts = n_off = 0
    for x, row in zip(X, found, strict=True):
        for i, (distance, place, share) in enumerate(row):
            each = distances_by_hand(model, i, x)
            n = len(each)
            assert distance == pytest.approx(each.min(), rel=1e-4, abs=2e-5)
            assert each[round(place * n)] == pytest.approx(each.min(), rel=1e-3, abs=2e-3)  # equals may be any
            slack = 1e-5 * (2 * model.thresholds_[i] ** 2 + (model.shapelets_[i] ** 2).sum()) + 1e-4
            low = (each**2 <= model.thresholds_[i] ** 2 - slack).mean()
            high = (each**2 <= model.thresholds_[i] ** 2 + slack).mean()
            assert low - 1e-6 <= share <= high + 1e-6
            n_counts, n_off = n_counts + 1, n_off + (high - low > 0)
    assert n_off < 0.25 * n_counts  # the threshold decides nearly everywhere


@pytest.mark.parametrize("channels", [1, 2, 5, 30])
def test_features_are_those_of_plain_loops(channels):
    X = make(channels=channels)
    model = RandomShapelets(n_shapelets=150, random_state=0).fit(X)
    other = make(4, channels=channels, seed=1)
    check_by_hand(model, other, model.transform(other))


def test_features_of_ragged_data_are_those_of_plain_loops():
    X = ragged([30, 41, 25, 60, 33, 7])
    model = RandomShapelets(n_shapelets=150, random_state=0).fit(X)
    other = ragged([1, 2, 11, 12, 33, 90], seed=1)
    check_by_hand(model, other, model.transform(other))


@pytest.mark.parametrize("X", [make(), make(channels=3), make(channels=20), ragged([30, 41, 25, 60, 33, 7])])
def test_each_shapelet_is_a_window_of_some_training_sequence(X):
    model = RandomShapelets(n_shapelets=60, random_state=0).fit(X)
    for i in range(60):
        values = model.shapelets_[i][model.channels_[i] >= 0]
        found = np.concatenate([windows_by_hand(model, i, x) for x in X])
        assert np.abs(found - values).max(axis=(1, 2)).min() < 1e-4
    least = model.transform(X).reshape(len(X), -1, 3)[:, :, 0].min(axis=0)
    assert least.max() < 1e-4  # also where a difference of large products would have left 1e-3


def test_thresholds_lie_between_percentiles_of_distances_to_one_training_sequence():
    X = make(length=80)
    model = RandomShapelets(n_shapelets=80, random_state=0).fit(X)
    for i in range(80):
        ranges = []
        for x in X:
            each = np.sort(distances_by_hand(model, i, x))
            ranges.append((each[len(each) // 20], each[len(each) // 10]))
        threshold = model.thresholds_[i]
        assert any(low - 1e-3 <= threshold <= high + 1e-3 for low, high in ranges)


def test_thresholds_are_spread_over_the_percentiles():
    """With one training sequence it is known which distances they are taken from."""
    X = make(n=1, length=120)
    model = RandomShapelets(n_shapelets=200, random_state=0).fit(X)
    shares = []
    for i in range(200):
        each = np.sort(distances_by_hand(model, i, X[0]))
        low, high = each[len(each) // 20], each[len(each) // 10]
        if high - low > 1e-2:
            shares.append((model.thresholds_[i] - low) / (high - low))
    assert len(shares) > 100
    assert np.quantile(shares, [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.12)


def test_what_is_drawn():
    X = make(n=30, length=200)
    model = RandomShapelets(n_shapelets=5000, random_state=0).fit(X)
    assert model.length_ == 11 and model.shapelets_.shape == (5000, 1, 11)
    assert model.dilations_.min() == 1 and model.dilations_.max() == (200 - 1) // 10
    for dilation in (2, 4, 8, 16):  # uniform in the logarithm
        expected = 1 - np.log(dilation) / np.log(199 / 10)
        assert (model.dilations_ >= dilation).mean() == pytest.approx(expected, abs=0.02)
    assert 0.78 < model.normalized_.mean() < 0.82
    normalized = model.shapelets_[model.normalized_, 0]
    np.testing.assert_allclose(normalized.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(normalized.std(axis=1), 1, atol=0.02)
    share = model.transform(X).reshape(30, -1, 3)[:, :, 2]
    assert 0.02 < share.mean() < 0.2


def test_channels_of_a_shapelet():
    """From one to nine, few more often than many, all of them somewhere."""
    model = RandomShapelets(n_shapelets=4000, random_state=0).fit(make(channels=30))
    assert model.channels_.shape == (4000, 9)
    count = (model.channels_ >= 0).sum(axis=1)
    frequency = np.bincount(count, minlength=10) / 4000
    assert frequency[0] == 0 and (np.diff(frequency[1:]) < 0.01).all()
    assert frequency[1] == pytest.approx(np.log(2) / np.log(10), abs=0.03)
    assert set(model.channels_.ravel()) == {-1, *range(30)}
    assert all(len(set(row[row >= 0])) == (row >= 0).sum() for row in model.channels_)
    assert (model.shapelets_[model.channels_ < 0] == 0).all()


def test_level_and_scale_of_the_data_do_not_matter():
    """Channels are brought to one scale, so units change nothing."""
    X = make(channels=2)
    found = RandomShapelets(n_shapelets=300, random_state=0).fit_transform(X)
    other = RandomShapelets(n_shapelets=300, random_state=0).fit_transform(X * [1e-3, 50.0] + [0.0, 1000.0])
    # the order by content differs, and with it what is drawn, so compare what a fixed model says
    assert np.isfinite(other).all()
    model = RandomShapelets(n_shapelets=300, random_state=0).fit(X)
    moved = pickle.loads(pickle.dumps(model))
    moved.center_, moved.scale_ = model.center_ * [1e-3, 50.0] + [0.0, 1000.0], model.scale_ * [1e-3, 50.0]
    again = moved.transform(X * [1e-3, 50.0] + [0.0, 1000.0])
    assert np.abs(again - found).reshape(len(X), -1, 3)[:, :, 0].max() < 1e-3


def test_normalised_shapelets_match_by_shape():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10, 50))
    model = RandomShapelets(n_shapelets=200, p_normalized=1.0, random_state=0).fit(X)
    np.testing.assert_allclose(
        model.transform(3 * X + 7).reshape(10, -1, 3)[:, :, 0],
        model.transform(X).reshape(10, -1, 3)[:, :, 0],
        atol=2e-3,
    )
    plain = RandomShapelets(n_shapelets=200, p_normalized=0.0, random_state=0).fit(X)
    assert not plain.normalized_.any()
    assert np.abs(plain.transform(X + 7) - plain.transform(X)).max() > 1


@pytest.mark.parametrize("channels", [1, 3, 20])
def test_alone_as_among_others_to_the_bit(channels):
    X = ragged(np.random.default_rng(0).integers(1, 90, size=20), channels)
    model = RandomShapelets(n_shapelets=1000, random_state=0).fit(X)
    found = model.transform(X)
    assert np.isfinite(found).all()
    for x, row in zip(X, found, strict=True):
        np.testing.assert_array_equal(model.transform([x])[0], row)
    np.testing.assert_array_equal(model.transform(Sequences.from_list(X[::-1])[::-1]), found)


def test_periodic_data_alone_as_among_others_to_the_bit():
    """Windows that are equal compete for the least distance, and stand exactly at thresholds."""
    X = np.tile(np.array([0.0, 1.0, 0.5, -1.0, 3.0]), (6, 12)) * np.array([[1], [1], [2], [2], [1], [0]])
    model = RandomShapelets(n_shapelets=1000, random_state=0).fit(X)
    found = model.transform(X)
    np.testing.assert_array_equal(np.concatenate([model.transform(x[None]) for x in X]), found)
    np.testing.assert_array_equal(found[0], found[1])
    assert np.isfinite(found).all()


@pytest.mark.parametrize("n_jobs", [2, 3, -1])
def test_threads_change_no_bit(n_jobs):
    X = ragged([30, 41, 25, 60, 33, 7, 80])
    model = RandomShapelets(n_shapelets=500, random_state=0).fit(X)
    threads = torch.get_num_threads()
    found = model.transform(X)
    np.testing.assert_array_equal(model.set_params(n_jobs=n_jobs).transform(X), found)
    assert torch.get_num_threads() == threads


def test_the_same_seed_gives_the_same_bits_in_any_order_of_rows():
    X = make(n=20, channels=2)
    order = np.random.default_rng(1).permutation(20)
    one = RandomShapelets(n_shapelets=300, random_state=3).fit(X).transform(X)
    np.testing.assert_array_equal(RandomShapelets(n_shapelets=300, random_state=3).fit(X[order]).transform(X), one)
    other = RandomShapelets(n_shapelets=300, random_state=4).fit(X).transform(X)
    assert np.abs(other - one).max() > 0.1


@pytest.mark.parametrize("n_steps", [*range(1, 13), 22, 23])
def test_short_sequences(n_steps):
    X = np.random.default_rng(0).normal(size=(5, n_steps))
    model = RandomShapelets(n_shapelets=70, random_state=0).fit(X)
    assert model.length_ == min(11, (n_steps + 1) // 2)
    found = model.transform(X)
    assert found.shape == (5, 210) and np.isfinite(found).all()
    check_by_hand(model, X[:, :, None], found)
    if n_steps > 2:
        assert found.std(axis=0).max() > 0.1


def test_one_sequence_and_constants():
    assert np.isfinite(RandomShapelets(n_shapelets=50, random_state=0).fit_transform(np.arange(30.0)[None])).all()
    found = RandomShapelets(n_shapelets=50, random_state=0).fit_transform(np.full((3, 30, 2), 7.0))
    np.testing.assert_array_equal(found.reshape(3, 50, 3)[:, :, :2], 0)
    np.testing.assert_array_equal(found.reshape(3, 50, 3)[:, :, 2], 1)  # every window is as near as the threshold


def test_huge_values_stay_finite():
    X = make() * 1e200
    model = RandomShapelets(n_shapelets=50, random_state=0).fit(X)
    assert np.isfinite(model.transform(X)).all() and np.isfinite(model.transform(X * 1e100)).all()


def test_places_are_where_a_pattern_stands():
    """A bump that is moved by ten steps moves the nearest place by ten."""
    rng = np.random.default_rng(0)
    bump = np.hanning(11) * 5
    X = rng.normal(scale=0.1, size=(6, 100))
    X[:, 30:41] += bump
    moved = np.roll(X, 10, axis=1)
    model = RandomShapelets(n_shapelets=2000, p_normalized=0.0, random_state=0).fit(X)
    strong = (model.dilations_ == 1) & (model.shapelets_[:, 0].max(axis=1) > 2)
    first, second = (model.transform(x).reshape(6, -1, 3)[:, strong, 1] * 90 for x in (X, moved))
    assert strong.sum() > 20
    np.testing.assert_allclose(second - first, 10, atol=2.1)


def test_long_sequences_take_thresholds_from_a_part_of_the_places(monkeypatch):
    X = make(length=300)
    model = RandomShapelets(n_shapelets=400, random_state=0).fit(X)
    monkeypatch.setattr(layer, "_PLACES", 100)
    fewer = RandomShapelets(n_shapelets=400, random_state=0).fit(X)
    np.testing.assert_array_equal(fewer.shapelets_, model.shapelets_)
    assert 0 < np.abs(fewer.thresholds_ - model.thresholds_).mean() < 0.2 * model.thresholds_.mean()


def test_names():
    X = make()[:, :, 0]
    model = RandomShapelets(n_shapelets=7, random_state=0).fit(X)
    names = model.get_feature_names_out().tolist()
    assert names[:4] == ["shapelet0_distance", "shapelet0_place", "shapelet0_share", "shapelet1_distance"]
    assert len(names) == 21 and names[-1] == "shapelet6_share"
    pytest.importorskip("pandas")
    assert list(model.set_output(transform="pandas").transform(X).columns) == names
