"""Sets that ship, and generators, against what is known of them."""

import subprocess
import sys
from importlib import resources

import numpy as np
import pytest

from sklearn_seq import Sequences, datasets
from sklearn_seq.datasets import (
    load_co2,
    load_digits_sequences,
    load_el_nino,
    load_sunspots,
    make_adding_problem,
    make_ar,
    make_copy_memory,
    make_waveforms,
)

SERIES = {load_sunspots: 281, load_co2: 2284, load_el_nino: 732}
GENERATORS = {
    "adding": lambda seed: make_adding_problem(20, 15, random_state=seed),
    "copy": lambda seed: make_copy_memory(20, 5, random_state=seed),
    "waveforms": lambda seed: make_waveforms(20, random_state=seed),
    "ragged waveforms": lambda seed: make_waveforms(20, ragged=True, random_state=seed),
    "ar": lambda seed: (make_ar(50, [0.5, 0.2], random_state=seed),),
}


# -- real data


@pytest.mark.parametrize("load", SERIES)
def test_series_are_tables_in_time_order(load):
    bunch = load()
    n = SERIES[load]
    assert bunch.data.shape == (n, 1) and bunch.target.shape == bunch.time.shape == (n,)
    assert bunch.data.dtype == np.float64 and bunch.frame is None
    np.testing.assert_array_equal(bunch.data[:, 0], bunch.target)
    assert len(set(np.diff(bunch.time).astype(int))) == 1, "steps of equal length, none left out"
    assert "Source:" in bunch.DESCR and "Licence: public domain" in bunch.DESCR
    assert f"{n} rows" in bunch.DESCR and f"{n} rows" in load.__doc__
    low, high = np.nanmin(bunch.data), np.nanmax(bunch.data)
    assert f"{low:g} to {high:g}" in " ".join(bunch.DESCR.split()).replace("313.0", "313")
    X, y = load(return_X_y=True)
    np.testing.assert_array_equal(X, bunch.data)
    np.testing.assert_array_equal(y, bunch.target)


@pytest.mark.parametrize("load", SERIES)
def test_series_as_frames(load):
    pytest.importorskip("pandas")
    bunch, plain = load(as_frame=True), load()
    assert list(bunch.data.columns) == bunch.feature_names == [bunch.target.name]
    assert bunch.data.index.is_monotonic_increasing
    np.testing.assert_array_equal(bunch.data.index.to_numpy().astype(plain.time.dtype), plain.time)
    np.testing.assert_array_equal(bunch.frame.to_numpy(), plain.data)
    X, y = load(return_X_y=True, as_frame=True)
    assert X.equals(bunch.data) and y.equals(bunch.target)


def test_series_hold_what_they_are_known_for():
    sunspots = load_sunspots()
    assert str(sunspots.time[sunspots.target.argmax()]) == "1957"  # the highest cycle on record
    spectrum = np.abs(np.fft.rfft(sunspots.target - sunspots.target.mean()))
    assert 10 < len(sunspots.target) / spectrum.argmax() < 12  # the cycle of about 11 years
    co2 = load_co2()
    assert np.isnan(co2.data).sum() == 59 and str(co2.time[0]) == "1958-03-29"
    year = co2.time.astype("datetime64[Y]")
    assert 1.2 < (np.nanmean(co2.target[year == year[-1]]) - np.nanmean(co2.target[year == year[60]])) / 42 < 1.4
    el_nino = load_el_nino()
    by_month = el_nino.target.reshape(61, 12).mean(axis=0)
    assert by_month.argmax() == 2 and by_month.argmin() in (7, 8)  # warmest in March
    yearly = el_nino.target.reshape(61, 12).mean(axis=1)
    assert {1983, 1997, 1998} <= set((1950 + np.argsort(yearly)[-4:]).tolist())  # the great El Niños


def test_every_call_gives_data_of_its_own():
    load_sunspots().data[:] = 0
    assert load_sunspots().data.max() > 0
    bunch = load_sunspots()
    bunch.data[:] = 0
    assert bunch.target.max() > 0


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    plain = load_digits()
    X, y = load_digits_sequences(return_X_y=True)
    np.testing.assert_array_equal(X.transpose(0, 2, 1), plain.images)
    np.testing.assert_array_equal(y, plain.target)
    ragged = load_digits_sequences(ragged=True).data
    assert isinstance(ragged, Sequences) and ragged.lengths.min() == 2 and ragged.lengths.max() == 8
    for i in (0, 1, 100):
        assert ragged[i][0].any() and ragged[i][-1].any()
        start = int((X[i].max(axis=1) > 0).argmax())
        np.testing.assert_array_equal(ragged[i], X[i][start : start + len(ragged[i])])
        assert not X[i][:start].any() and not X[i][start + len(ragged[i]) :].any()
    assert ragged.values.shape[0] == ragged.lengths.sum(), "no cut column is kept in memory"


def test_digits_as_long_frames():
    pytest.importorskip("pandas")
    for ragged in (False, True):
        bunch = load_digits_sequences(ragged=ragged, as_frame=True)
        back = Sequences.from_frame(bunch.data, id="id", time="time")
        wanted = load_digits_sequences(ragged=ragged).data
        assert back == (wanted if ragged else Sequences.from_array(wanted))
        assert (bunch.frame["digit"].to_numpy() == bunch.target[bunch.data["id"]].to_numpy()).all()


def test_every_file_that_ships_is_described():
    folder = resources.files("sklearn_seq.datasets") / "data"
    readme = (folder / "README.md").read_text(encoding="utf-8")
    sections = {line[3:] for line in readme.splitlines() if line.startswith("## ")}
    assert sections == {file.name[:-4] for file in folder.iterdir() if file.name.endswith(".csv")}
    assert readme.count("* Licence:") == readme.count("* Source:") == len(sections)


def test_public_names():
    assert sorted(datasets.__all__) == datasets.__all__
    for name in datasets.__all__:
        assert getattr(datasets, name).__doc__.strip()


def test_importing_does_not_bring_torch():
    code = "import sys, sklearn_seq.datasets as d; d.load_co2(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# -- generators


@pytest.mark.parametrize("make", GENERATORS.values(), ids=GENERATORS)
def test_same_seed_same_data(make):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = make(3), make(3), make(4)
    generator = make(np.random.RandomState(3))
    for a, b, c in zip(first, again, generator, strict=True):
        for one, two, three in zip(a, b, c, strict=True):
            np.testing.assert_array_equal(one, two)
            np.testing.assert_array_equal(one, three)
    assert any(not np.array_equal(one, two) for one, two in zip(first[0], other[0]))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_adding_problem():
    X, y = make_adding_problem(20_000, 20, random_state=0)
    marks = X[:, :, 1]
    assert (marks[:, :10].sum(axis=1) == 1).all() and (marks[:, 10:].sum(axis=1) == 1).all()
    assert set(np.unique(marks)) == {0.0, 1.0}
    np.testing.assert_array_equal(y, (X[:, :, 0] * marks).sum(axis=1))
    assert ((y - 1) ** 2).mean() == pytest.approx(1 / 6, abs=0.003)  # the baseline of the literature, 0.167
    assert np.abs(marks.mean(axis=0) - 0.1).max() < 0.01  # each place as likely as another
    for n_timesteps in (2, 3):
        assert (make_adding_problem(50, n_timesteps, random_state=0)[0][:, :, 1].sum(axis=1) == 2).all()


def test_copy_memory():
    X, y = make_copy_memory(5000, 100, one_hot=False, random_state=0)
    assert X.shape == y.shape == (5000, 120)
    np.testing.assert_array_equal(y[:, -10:], X[:, :10])
    assert (X[:, 109] == 9).all() and not X[:, 10:109].any() and not X[:, 110:].any() and not y[:, :-10].any()
    assert set(np.unique(X[:, :10])) == set(range(1, 9))
    # who remembers nothing: certain of the blanks, the symbols' frequencies after the go sign
    frequency = np.bincount(y[:, -10:].ravel(), minlength=9)[1:] / 50_000
    memoryless = -np.log(frequency[y[:, -10:] - 1]).sum() / y.size
    assert memoryless == pytest.approx(10 * np.log(8) / 120, rel=1e-3)
    assert f"{memoryless:.3f}" in make_copy_memory.__doc__
    hot, target = make_copy_memory(5000, 100, random_state=0)
    np.testing.assert_array_equal(hot.argmax(axis=2), X)
    np.testing.assert_array_equal(target, y)
    assert hot.shape == (5000, 120, 10) and (hot.sum(axis=2) == 1).all()
    assert make_copy_memory(2, 1, n_symbols=1, n_memory=1, one_hot=False)[0].tolist() == [[1, 2, 0]] * 2


def test_waveforms():
    X, y = make_waveforms(500, n_timesteps=400, noise=0, random_state=0)
    assert X.shape == (500, 400, 1) and np.abs(X).max() <= 1
    assert {name: int((y == name).sum()) for name in set(y.tolist())} == dict.fromkeys(
        ("sine", "square", "sawtooth", "triangle", "chirp"), 100
    )
    squares = {"sine": 1 / 2, "square": 1, "sawtooth": 1 / 3, "triangle": 1 / 3, "chirp": 1 / 2}
    for name, wanted in squares.items():
        assert (X[y == name] ** 2).mean() == pytest.approx(wanted, abs=0.01), name
    sine = X[y == "sine"][0, :, 0]
    turn = (sine[2:] + sine[:-2]) / 2  # a sine obeys x[t+1] + x[t-1] = 2 cos(w) x[t]
    cosine = (turn @ sine[1:-1]) / (sine[1:-1] @ sine[1:-1])
    np.testing.assert_allclose(turn, cosine * sine[1:-1], atol=1e-10)
    assert 8 <= 2 * np.pi / np.arccos(cosine) <= 24
    chirp = X[y == "chirp"][:, :, 0]
    crossings = np.abs(np.diff(np.sign(chirp), axis=1)) > 0
    # a rate that goes from 1 to 3 is 1.5 on average in the first half, 2.5 in the second
    assert crossings[:, 200:].sum() / crossings[:, :200].sum() == pytest.approx(2.5 / 1.5, abs=0.03)
    noisy = make_waveforms(500, n_timesteps=400, noise=0.3, random_state=0)[0]
    assert (noisy - X).std() == pytest.approx(0.3, rel=0.01)


def test_ragged_waveforms():
    X, y = make_waveforms(200, 3, n_timesteps=40, ragged=True, random_state=0)
    assert isinstance(X, list) and set(y.tolist()) == {"sine", "square", "sawtooth"}
    lengths = [len(wave) for wave in X]
    assert min(lengths) == 20 and max(lengths) == 40 and all(wave.shape[1:] == (1,) for wave in X)
    assert len(Sequences.from_list(X)) == 200


def test_ar_has_the_best_error_and_the_covariances_that_theory_gives():
    X = make_ar(200_000, [0.8], sigma=2.0, random_state=0)[:, 0]
    assert ((X[1:] - 0.8 * X[:-1]) ** 2).mean() == pytest.approx(4, rel=0.01)
    for lag in range(6):
        covariance = (X[lag:] * X[: len(X) - lag]).mean()
        assert covariance == pytest.approx(4 * 0.8**lag / (1 - 0.64), rel=0.03), lag
    X = make_ar(100_000, [0.5, -0.3, 0.2], random_state=1)[:, 0]
    past = np.stack([X[2:-1], X[1:-2], X[:-3]], axis=1)
    found, (error,), *_ = np.linalg.lstsq(past, X[3:], rcond=None)
    np.testing.assert_allclose(found, [0.5, -0.3, 0.2], atol=0.01)
    assert error / len(past) == pytest.approx(1, rel=0.01)


@pytest.mark.parametrize("coefficients", [(0.99,), (0.5, 0.45), (0, 0, 0, 0.9)])
def test_ar_is_in_its_law_from_the_first_row_on(coefficients):
    rng = np.random.RandomState(0)
    many = np.stack([make_ar(6, coefficients, random_state=rng)[:, 0] for _ in range(3000)])
    long = make_ar(400_000, coefficients, random_state=0)[:, 0]
    for lag in range(3):
        wanted = (long[lag:] * long[: len(long) - lag]).mean()
        tolerance = 0.1 * long.var()
        assert (many[:, 0] * many[:, lag]).mean() == pytest.approx(wanted, abs=tolerance)
        assert (many[:, 5 - lag] * many[:, 5]).mean() == pytest.approx(wanted, abs=tolerance)


@pytest.mark.parametrize("coefficients, size", [([1.0], "1"), ([1.1], "1.1"), ([0.5, 0.6], "1.06394")])
def test_ar_that_grows_is_refused_with_a_way_out(coefficients, size):
    with pytest.raises(ValueError, match=rf"not give a stationary process.* size {size}, wanted below 1") as refusal:
        make_ar(10, coefficients)
    factor = float(str(refusal.value).split(" by ")[1].split()[0])
    make_ar(10, np.array(coefficients) * factor ** np.arange(1, len(coefficients) + 1))


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: make_adding_problem(0, 10), ValueError, "n_samples == 0, must be >= 1"),
        (lambda: make_adding_problem(10, 1), ValueError, "n_timesteps == 1, must be >= 2"),
        (lambda: make_copy_memory(10, 2.5), TypeError, "delay must be an instance of"),
        (lambda: make_waveforms(10, 6), ValueError, "n_classes == 6, must be <= 5"),
        (lambda: make_waveforms(10, noise=-1), ValueError, "noise == -1, must be >= 0"),
        (lambda: make_ar(10, sigma=0), ValueError, "sigma == 0, must be > 0"),
        (lambda: make_ar(10, []), ValueError, "wanted one finite number or more"),
        (lambda: make_ar(10, [np.nan]), ValueError, "wanted one finite number or more"),
        (lambda: make_ar(10, [[0.5]]), ValueError, "wanted one finite number or more"),
        (lambda: make_ar(10, random_state="x"), ValueError, "cannot be used to seed"),
    ],
)
def test_refusals_of_generators(call, error, words):
    with pytest.raises(error, match=words):
        call()
