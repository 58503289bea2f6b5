"""Memory that ``fit`` takes beside the data: one copy of them in content order, and what one batch needs."""

import json
import pathlib
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from sklearn_seq import Sequences, SlidingWindow
from sklearn_seq.sequences.gate import read_X
from sklearn_seq.sequences.order import distinct_rows
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


# -- all of fit, by what the process holds -----------------------------------------------------------------------------

HIDDEN = 4
FIT = f"""
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
model = LSTMClassifier(hidden_size={HIDDEN}, max_epochs=1, batch_size=batch_size, n_threads=1, random_state=0)
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
        pytest.param(60_000, 500, 500, 1, 256, marks=pytest.mark.slow),
        pytest.param(60_000, 200, 800, 1, 256, marks=pytest.mark.slow),
    ],
)
def test_fit_takes_half_as_much_again_as_the_data_and_a_few_batches(
    n, low, high, n_features, batch_size, record_property
):
    sizes = json.dumps([n, low, high, n_features, batch_size])
    done = subprocess.run([sys.executable, "-c", FIT, sizes], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    given, grown = json.loads(done.stdout)
    # input, gates and states of a step
    batch = 4 * batch_size * high * (n_features + 8 * HIDDEN)
    record_property("peak", grown / given)
    print(f"X {given / 1e6:.0f} MB, growth {grown / 1e6:.0f} MB = {grown / given:.2f} X, a batch {batch / 1e6:.0f} MB")
    assert grown <= 1.5 * given + 4 * batch
