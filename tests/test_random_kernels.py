"""MiniRocket, MultiRocket and Hydra: each feature against loops written from the papers, and what ragged data may not change."""

import tracemalloc
from itertools import combinations

import numpy as np
import pytest

from sklearn_seq import Hydra, MiniRocket, MultiRocket, Sequences
from sklearn_seq.families import random_kernels
from sklearn_seq.layers.chunks import run_chunks
from sklearn_seq.layers.kernel_pooling import longest

KERNELS = [[2.0 if i in places else -1.0 for i in range(9)] for places in combinations(range(9), 3)]
PAIRS = list(combinations(range(8), 2))
ALL = [MiniRocket(n_features=1000), MultiRocket(n_features=3000), Hydra(n_groups=6)]


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def ragged(lengths, n_channels=1):
    """Sixteenths, whose sums are exact in either precision, so that comparisons are."""
    return [np.round(noise(length, n_channels, seed=i) * 16) / 16 for i, length in enumerate(lengths)]


def convolve(series, weights, dilation):
    """Response at each step of one series, zeros around it."""
    wide = np.pad(np.asarray(series, np.float64), 4 * dilation)
    return sum(w * wide[j * dilation : j * dilation + len(series)] for j, w in enumerate(weights))


def thresholds(dilations, n_biases, biases, channels):
    """Yield dilation, whether it is padded, weights, threshold and channels, feature by feature."""
    position = 0
    for at, (dilation, m) in enumerate(zip(dilations, n_biases, strict=True)):
        for k, (places, weights) in enumerate(zip(combinations(range(9), 3), KERNELS, strict=True)):
            padded = (PAIRS.index(places[:2]) + at) % 2 == 0
            for bias in biases[position : position + m]:
                yield dilation, padded, weights, bias, channels[at, k]
            position += m
    assert position == len(biases)


def expected(series, dilation, padded, weights, bias, channels):
    """The four poolings of one feature of one series (T, F)."""
    response = convolve(series[:, channels].sum(axis=1), weights, dilation)
    margin = 4 * dilation if not padded and len(series) > 8 * dilation else 0
    steps = range(margin, len(series) - margin)
    above = [t for t in steps if response[t] > bias]
    stretch = most = 0
    for t in range(len(series)):
        stretch = stretch + 1 if t in above else 0
        most = max(most, stretch)
    mean = np.mean([response[t] - bias for t in above]) if above else 0.0
    return len(above) / len(steps), mean, np.mean(above) if above else -1.0, most


def differences(series):
    return np.diff(series, axis=0) if len(series) > 1 else np.zeros_like(series)


@pytest.mark.parametrize("n_channels", [1, 4])
def test_minirocket_is_the_proportion_of_steps_above_each_threshold(n_channels):
    X = ragged([60, 23, 1, 8, 9, 60, 41], n_channels)
    model = MiniRocket(n_features=900, random_state=1).fit(X)
    features = model.transform(X)
    assert features.shape == (7, 840)
    bank = thresholds(model.dilations_, model.n_biases_, model.biases_, model.channels_)
    for column, (dilation, padded, weights, bias, channels) in enumerate(bank):
        if column % 3 == 0:
            wanted = [expected(x, dilation, padded, weights, bias, channels)[0] for x in X]
            np.testing.assert_allclose(features[:, column], wanted, rtol=1e-6)


@pytest.mark.parametrize("n_channels", [1, 3])
def test_multirocket_is_four_poolings_of_the_series_and_its_differences(n_channels):
    X = ragged([50, 17, 1, 2, 50], n_channels)
    model = MultiRocket(n_features=1400, random_state=1).fit(X)
    features = model.transform(X)
    assert features.shape == (5, 1344)
    halves = np.split(features, 2, axis=1)
    series = (X, [differences(x) for x in X])
    for prefix, half, data in zip(("", "difference_"), halves, series, strict=True):
        parts = [getattr(model, f"{prefix}{name}_") for name in ("dilations", "n_biases", "biases", "channels")]
        kinds = np.stack(np.split(half, 4, axis=1), axis=-1)
        for column, feature in enumerate(thresholds(*parts)):
            wanted = [expected(x, *feature) for x in data]
            np.testing.assert_allclose(kinds[:, column], wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n_channels", [1, 3])
def test_hydra_sums_what_wins_and_counts_what_is_lowest(n_channels):
    X = ragged([40, 12, 1, 40], n_channels)
    X[0][10:30] = 0.0  # many responses are equal there: the first kernel is the lowest
    model = Hydra(n_groups=5, n_kernels=4, random_state=1).fit(X)
    features = model.transform(X).reshape(4, len(model.dilations_), 2, 5, 4)
    for i, x in enumerate(X):
        for at, dilation in enumerate(model.dilations_):
            for group in range(5):
                signal = (x if group < 3 else differences(x))[:, model.channels_[at, group]].sum(axis=1)
                response = np.stack([convolve(signal, w, dilation) for w in model.kernels_[at, group]])
                sums, counts = np.zeros(4), np.zeros(4)
                for t in range(len(signal)):
                    sums[response[:, t].argmax()] += response[:, t].max()
                    counts[response[:, t].argmin()] += 1
                np.testing.assert_allclose(features[i, at, 0, group], np.sqrt(sums.clip(0)), rtol=1e-4, atol=1e-3)
                np.testing.assert_allclose(features[i, at, 1, group], np.sqrt(counts), rtol=1e-6)


def test_counts_of_long_sequences_do_not_overflow_bytes():
    X = [noise(9000, seed=1), noise(2500, seed=2), noise(2041, seed=3)]
    model = MultiRocket(n_features=672, max_dilations=3, random_state=0).fit(X)
    kinds = np.stack(np.split(np.split(model.transform(X), 2, axis=1)[0], 4, axis=1), axis=-1)
    bank = thresholds(model.dilations_, model.n_biases_, model.biases_, model.channels_)
    for column, (dilation, padded, weights, bias, _) in enumerate(bank):
        if column % 28 == 0:
            for i, x in enumerate(X):
                response = convolve(x, weights, dilation)
                above = response > bias
                if not padded and len(x) > 8 * dilation:
                    above[: 4 * dilation] = above[-4 * dilation :] = False
                n = len(x) if padded else len(x) - 8 * dilation * (len(x) > 8 * dilation)
                np.testing.assert_allclose(kinds[i, column, 0], above.sum() / n, atol=1.1 / n)
                np.testing.assert_allclose(kinds[i, column, 2], np.flatnonzero(above).mean(), rtol=2e-3)
    small = MiniRocket(n_features=84, random_state=0).fit(X)
    alone = np.concatenate([small.transform([x]) for x in X])
    np.testing.assert_array_equal(small.transform(X), alone)
    hydra = Hydra(n_groups=2, random_state=0).fit(X)
    counts = hydra.transform(X).reshape(3, len(hydra.dilations_), 2, 2, 8)[:, :, 1] ** 2
    np.testing.assert_allclose(counts.sum(axis=-1)[:, 0], [[9000, 8999], [2500, 2499], [2041, 2040]], rtol=1e-5)


@pytest.mark.parametrize("length", [1, 8, 63, 64, 72, 500])
def test_the_longest_stretch_is_found_across_segments(length):
    rng = np.random.default_rng(length)
    masks = (rng.random((length, 200)) < np.linspace(0, 1, 200)).astype(np.uint8) * 255
    wanted = [max(len(run) for run in "".join("01"[int(v > 0)] for v in column).split("0")) for column in masks.T]
    np.testing.assert_array_equal(longest(masks), wanted)


@pytest.mark.parametrize("model", ALL, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("n_channels", [1, 5])
def test_a_sequence_has_the_same_bits_alone_and_beside_longer_ones(model, n_channels):
    X = ragged([120, 7, 33, 1, 90, 2, 120, 300], n_channels)
    X[2][5:20] = 3.0  # what is flat responds with roundings only
    model.set_params(random_state=0).fit(X)
    together = model.transform(X)
    np.testing.assert_array_equal(together, np.concatenate([model.transform([x]) for x in X]))
    np.testing.assert_array_equal(together, model.transform(X[::-1])[::-1])
    assert np.isfinite(together).all()


@pytest.mark.parametrize("model", ALL, ids=lambda model: type(model).__name__)
def test_threads_change_no_bit(model, monkeypatch):
    X = noise(300, 90)
    model.set_params(random_state=0).fit(X)
    one = model.transform(X)
    monkeypatch.setattr(random_kernels, "run_chunks", lambda *args, **how: run_chunks(*args, **how | {"n_steps": 3000}))
    many = model.set_params(n_jobs=3).transform(X)
    model.set_params(n_jobs=None)
    np.testing.assert_array_equal(one, many)


@pytest.mark.parametrize("model", ALL, ids=lambda model: type(model).__name__)
def test_the_seed_decides_all_and_the_order_of_the_rows_nothing(model):
    X = noise(40, 50, 2)
    first = model.set_params(random_state=3).fit(X).transform(X)
    np.testing.assert_array_equal(model.fit(X[::-1]).transform(X), first)
    assert (model.set_params(random_state=4).fit(X).transform(X) != first).any()


@pytest.mark.parametrize(("length", "top"), [(1, 1), (9, 1), (17, 2), (500, 62), (1000, 124)])
def test_dilations_reach_to_where_a_kernel_spans_the_longest_series(length, top):
    X = [noise(length), noise(max(1, length // 3), seed=1)]
    model = MiniRocket(random_state=0).fit(X)
    assert model.dilations_[0] == 1
    # the last exponent may round below a whole number
    assert model.dilations_[-1] in (top, top - 1) if top > 1 else model.dilations_.tolist() == [1]
    assert model.n_biases_.sum() == 119
    assert len(model.biases_) == 9996
    hydra = Hydra(n_groups=2, random_state=0).fit(X)
    assert hydra.dilations_.tolist() == [2**e for e in range(12) if 2**e == 1 or 8 * 2**e <= length - 1]


def test_default_sizes_are_those_of_the_papers():
    X = noise(3, 500)
    assert MiniRocket(random_state=0).fit_transform(X).shape == (3, 9996)
    assert MultiRocket(random_state=0).fit_transform(X).shape == (3, 49728)
    assert Hydra(random_state=0).fit_transform(X).shape == (3, 2 * 64 * 8 * 6)
    names = Hydra(random_state=0).fit(X).get_feature_names_out()
    assert names[0] == "hydra0"
    assert len(names) == 6144


def test_without_padding_the_level_of_a_series_does_not_matter():
    X = np.round(noise(5, 80) * 64)  # whole numbers, so that sums are exact
    model = MiniRocket(random_state=0).fit(X)
    same = (model.transform(X) == model.transform(X + 1000)).all(axis=0)
    bank = list(thresholds(model.dilations_, model.n_biases_, model.biases_, model.channels_))
    inner = np.array([not padded for _, padded, *_ in bank])
    assert same[inner].all()
    assert not same[~inner].all()
    assert 0.4 < inner.mean() < 0.6


def test_thresholds_are_spread_over_the_responses():
    X = noise(200, 100)
    shares = MiniRocket(random_state=0).fit_transform(X).mean(axis=0)
    np.testing.assert_allclose(np.quantile(shares, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.05)


@pytest.mark.parametrize("model", ALL, ids=lambda model: type(model).__name__)
def test_normalize_makes_level_and_scale_of_each_channel_irrelevant(model):
    X = noise(6, 60, 2)
    model.set_params(random_state=0, normalize=True).fit(X)
    found = model.transform(X * [3.0, 0.1] + [5.0, -2.0])
    model.set_params(normalize=False)
    wanted = model.fit((X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)).transform(
        (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    )
    assert found.shape == wanted.shape
    assert np.isfinite(found).all()


@pytest.mark.parametrize("model", ALL, ids=lambda model: type(model).__name__)
def test_large_numbers_and_flat_series_give_finite_features_without_a_warning(model):
    X = np.concatenate([np.zeros((2, 30)), np.full((2, 30), 7.7), noise(2, 30) * 1e6])
    assert np.isfinite(model.set_params(random_state=0).fit(X).transform(X)).all()


def test_memory_beyond_the_output_is_bounded():
    X = Sequences.from_array(noise(400, 2000).astype(np.float32))
    model = MultiRocket(n_features=672 * 2, random_state=0).fit(X[:5])
    tracemalloc.start()
    features = model.transform(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - features.nbytes < 100e6
