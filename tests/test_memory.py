"""Memory that ``fit`` takes beside the data: one copy of them in content order, and what a batch needs.

Nothing else of their size is made, since all is done in chunks; what comes of it is what it would be at once.
"""

import json
import os
import pathlib
import pickle
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from sklearn_seq import Sequences, SlidingWindow
from sklearn_seq.sequences.gate import read_X
from sklearn_seq.sequences.order import content_order, distinct_rows
from sklearn_seq.sequences.statistics import feature_statistics

SMALL = 4e6  # bytes of all chunks that are worked on
PER_SEQUENCE = 100  # bytes for indices, keys and weights

# -- what comes before training, by what numpy asks for --------------------------------------------------------------------


class Reader(BaseEstimator):
    """What the gate needs of an estimator."""


def prepare(X, missing):
    """What ``fit`` does to the data, in its order."""
    data = read_X(Reader(), X, reset=True, missing=missing).sequences
    rows, weight = distinct_rows(data, np.ones(len(data)), np.zeros(len(data)))
    data = data[rows]
    if not data.overlapping:
        data = data.to_block()
    return data, feature_statistics(data, weight)


def growth(X, missing="error"):
    """Bytes asked for at the peak, beside those of X."""
    tracemalloc.start()
    try:
        data, _ = prepare(X, missing)
        return data, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def noise(*shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def ragged(n, low, high, n_features):
    lengths = np.random.default_rng(0).integers(low, high, size=n)
    stops = np.cumsum(lengths)
    return Sequences(noise(stops[-1], n_features), stops - lengths, stops)


@pytest.mark.parametrize(
    "X",
    [
        noise(8000, 500, 1),
        noise(8000, 500),
        noise(2000, 300, 8),
        noise(20, 40_000, 6),
        noise(100_000, 24, 2),
        ragged(8000, 200, 800, 1),
        ragged(1000, 500, 1500, 4),
        ragged(30, 20_000, 200_000, 1),
        ragged(8000, 200, 800, 1)[::2],
    ],
    ids=lambda X: f"{len(X)} x {X.lengths.max()}, ragged" if isinstance(X, Sequences) else str(X.shape),
)
def test_data_are_made_ready_with_one_copy_of_them(X):
    data, peak = growth(X)
    assert data.dtype == np.float32
    longest = 40 * int(data.lengths.max())  # its index, its keys
    assert peak <= data.values.nbytes + PER_SEQUENCE * len(data) + SMALL + longest


def test_missing_values_take_no_more():
    X = noise(8000, 500, 1)
    X[::3, 7:90] = np.nan
    assert growth(X, "mask")[1] <= X.nbytes + PER_SEQUENCE * len(X) + SMALL


@pytest.mark.parametrize("copies", [1, 3])
def test_rows_given_many_times_take_no_more(copies):
    X = Sequences.from_array(noise(8000, 500, 1))[np.repeat(np.arange(8000), copies)]
    data, peak = growth(X)
    assert len(data) == 8000
    assert peak <= X.values.nbytes + PER_SEQUENCE * len(X) + SMALL


def test_windows_stay_in_their_table():
    X = SlidingWindow(100).fit_transform(noise(100_000, 8))
    data, peak = growth(X)
    assert data.values is X.values
    assert peak <= PER_SEQUENCE * len(X) + SMALL


def test_pickling_a_part_and_comparing_make_no_index_of_the_steps():
    X = Sequences.from_array(noise(8000, 500, 1))
    part = X[::2]
    tracemalloc.start()
    try:
        assert len(part.__getstate__()[0]) == 4000 * 500
        assert part == X[::2]
        assert tracemalloc.get_traced_memory()[1] <= part.lengths.sum() * 4 + PER_SEQUENCE * len(X) + SMALL
    finally:
        tracemalloc.stop()


# -- chunks against all at once -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lengths", [[30] * 4000, [30] * 2000 + [31] * 2000, [50_000, 1, 2, 40_000], [70_000]])
@pytest.mark.parametrize("order", ["C", "F"])
def test_blocks_of_more_than_a_chunk_are_as_concatenated(lengths, order):
    values = np.asarray(np.random.default_rng(0).normal(size=(sum(lengths) + 5, 2)), order=order)
    stops = np.cumsum(lengths) + 5
    mixed = np.random.default_rng(1).permutation(len(lengths))
    X = Sequences(values, stops - lengths, stops)[mixed]
    joined = np.concatenate(X.to_list())
    for moved in (X.to_block(), pickle.loads(pickle.dumps(X)).to_block()):
        np.testing.assert_array_equal(moved.values, joined)
        assert moved == X
        assert moved != X.map_values(values + 1)
    np.testing.assert_array_equal(X[:9].to_padded()[-1, : X.lengths[:9][-1]], X[:9][-1])
    block = X.to_block()
    assert block.to_block() is block


def plain_keys(arrays):
    """Keys of sequences as they are defined, in whole numbers of Python."""

    def mix(key):
        key = (key ^ key >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        key = (key ^ key >> 27) * 0x94D049BB133111EB % 2**64
        return key ^ key >> 31

    def factors(n, seed):
        bits = np.random.Generator(np.random.PCG64(seed)).integers(0, 2**64, size=n, dtype=np.uint64)
        return [int(number) | 1 for number in bits]

    by_feature, by_position = factors(arrays[0].shape[1], 1), factors(max(map(len, arrays)), 2)
    keys = []
    for array in arrays:
        key = mix(len(array))
        for row, position in zip(array, by_position, strict=False):
            words = (row + 0.0).view(f"u{row.dtype.itemsize}").tolist()
            step = mix(sum(mix(word * factor % 2**64) for word, factor in zip(words, by_feature, strict=True)) % 2**64)
            key += step * position
        keys.append(mix(key % 2**64))
    return keys


@pytest.mark.parametrize(
    ("lengths", "n_features", "dtype"),
    [
        ([7] * 40, 2, np.float32),
        ([3, 1, 4, 1, 5, 9, 2, 6] * 5, 3, np.float64),
        ([5] * 20, 40, np.float32),
        ([20_000, 5, 20_000], 1, np.float32),
        ([9_000] * 2, 8, np.float32),
        ([2_000, 1_000] * 9, 2, np.float64),
    ],
)
def test_order_is_that_of_the_keys_of_their_definition(lengths, n_features, dtype):
    """What was fitted with a seed must come out again: the order of the rows may never change."""
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(length, n_features)).astype(dtype) for length in lengths]
    arrays[0][:3] = -0.0
    wanted = np.argsort(np.array(plain_keys(arrays), dtype=np.uint64))
    X = Sequences.from_list(arrays)
    np.testing.assert_array_equal(content_order(X)[0], wanted)
    mixed = rng.permutation(len(X))
    np.testing.assert_array_equal(mixed[content_order(X[mixed])[0]], wanted)


@pytest.mark.parametrize("lengths", [[300] * 400, [40_000, 7, 60_000], [20, 30, 40] * 1500])
@pytest.mark.parametrize("n_features", [1, 3])
def test_statistics_of_many_rows_are_exact_to_rounding(lengths, n_features):
    rng = np.random.default_rng(0)
    values = (rng.normal(size=(sum(lengths), n_features)) + 100).astype(np.float32)
    values[::7, 0] = np.nan
    stops = np.cumsum(lengths)
    X = Sequences(values, stops - lengths, stops)[rng.permutation(len(lengths))]
    weight = rng.uniform(1, 2, size=len(X))
    wide = np.concatenate(X.to_list()).astype(np.longdouble)
    weights = np.where(np.isnan(wide), 0, np.repeat(weight, X.lengths)[:, None]).astype(np.longdouble)
    mean = np.nansum(weights * wide, axis=0) / weights.sum(axis=0)
    deviation = np.sqrt(np.nansum(weights * (wide - mean) ** 2, axis=0) / weights.sum(axis=0))
    found = feature_statistics(X, weight)
    np.testing.assert_allclose(found[0], mean.astype(float), rtol=1e-14)
    np.testing.assert_allclose(found[1], deviation.astype(float), rtol=1e-13)
    for again, so_found in zip(feature_statistics(X.to_block(), weight), found, strict=True):
        np.testing.assert_array_equal(again, so_found)


# -- all of fit, by what the process holds -----------------------------------------------------------------------------

FIT = """
import json, sys
import numpy as np
from sklearn_seq import LSTMClassifier, Sequences

def held(key):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))

def noise(*shape):
    X = np.empty(shape, dtype=np.float32)
    for i in range(0, len(X), 64):  # nothing of the size of X is made on the way
        X[i : i + 64] = random.standard_normal(X[i : i + 64].shape, dtype=np.float32)
    return X

random = np.random.default_rng(0)
n, low, high, n_features, batch_size = json.loads(sys.argv[1])
model = LSTMClassifier(hidden_size=4, max_epochs=1, batch_size=batch_size, n_threads=1, random_state=0)
tiny = noise(64, 5, n_features)
model.fit(tiny, np.arange(64) % 2).predict(tiny)  # everything is loaded
if low == high:
    values = X = noise(n, low, n_features)
else:
    lengths = random.integers(low, high, size=n)
    stops = np.cumsum(lengths)
    values = noise(stops[-1], n_features)
    X = Sequences(values, stops - lengths, stops)
y = random.integers(0, 2, size=n)
before = held("VmRSS")
model.fit(X, y)
print(json.dumps([values.nbytes, held("VmHWM") - before]))
"""


@pytest.mark.skipif(not pathlib.Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(
    ("n", "low", "high", "n_features", "batch_size"),
    [
        (4000, 1000, 1000, 10, 32),
        (20_000, 500, 500, 1, 128),
        (4000, 500, 1500, 10, 32),
        pytest.param(30_000, 500, 500, 1, 256, marks=pytest.mark.slow),
        pytest.param(20_000, 200, 800, 1, 128, marks=pytest.mark.slow),
    ],
)
def test_fit_takes_half_as_much_again_as_the_data_and_a_few_batches(
    n, low, high, n_features, batch_size, record_property
):
    sizes = json.dumps([n, low, high, n_features, batch_size])
    # oneDNN keeps what it prepared for each length of a batch, in between what is freed; glibc then gives no memory back in
    # one run of five (growth 3.2 X instead of 1.5 X) unless what is large lies apart
    env = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(1 << 20)}
    done = subprocess.run([sys.executable, "-c", FIT, sizes], capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    given, grown = json.loads(done.stdout)
    # a step's input, and its units' gates, states and their gradients, which oneDNN keeps in lines of 16 numbers
    batch = 4 * batch_size * high * (n_features + 8 * 16)
    record_property("peak", grown / given)
    print(f"X {given / 1e6:.0f} MB, growth {grown / 1e6:.0f} MB = {grown / given:.2f} X, a batch {batch / 1e6:.0f} MB")
    assert grown <= 1.5 * given + 2 * batch
