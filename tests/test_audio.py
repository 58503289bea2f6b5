"""Sound: spectra against scipy's, filters against published formulas, pitch against known tones."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import signal

import sklearn_seq
from sklearn_seq import (
    MFCC,
    AudioFunctionals,
    Deltas,
    GroupScaler,
    LogMelSpectrogram,
    Resampler,
    Sequences,
    SequenceScaler,
)
from sklearn_seq.preprocessing._sound import frame_counts, hz_to_mel, mel_filters, mel_to_hz, pitch, power_spectra

RNG = np.random.default_rng(0)
CLIPS = [RNG.normal(size=n) for n in (400, 1, 733, 80, 79)]
MEL = [LogMelSpectrogram, MFCC]


def tone(hz, seconds=0.5, rate=8000):
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


# -- spectra ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "step", "n_fft"), [(64, 16, 64), (50, 20, 64), (64, 80, 128)])
def test_spectra_are_those_of_scipy(size, step, n_fft):
    X = Sequences.from_list(CLIPS)
    found = np.empty((int(frame_counts(X.lengths, step).sum()), n_fft // 2 + 1))
    for run, power in power_spectra(X, 0, size, step, n_fft):
        found[run] = power
    window = signal.get_window("hann", size)
    start = 0
    for clip in CLIPS:
        padded = np.concatenate([np.zeros(size // 2), clip, np.zeros(size)])
        n = 1 + len(clip) // step
        wanted = [np.abs(np.fft.rfft(window * padded[i * step : i * step + size], n_fft)) ** 2 for i in range(n)]
        np.testing.assert_allclose(found[start : start + n], wanted, atol=1e-10)
        if step < size and len(clip) >= size and n_fft == size:
            _, _, spectrum = signal.stft(clip, window=window, nperseg=size, noverlap=size - step, padded=False)
            wanted = np.abs(spectrum.T * window.sum()) ** 2
            np.testing.assert_allclose(found[start : start + len(wanted)], wanted, atol=1e-10)
        start += n
    assert start == len(found)


def test_mel_of_slaney_and_of_htk():
    """Slaney's toolbox: 15 mel are 1 kHz, 42 mel 6.4 kHz; O'Shaughnessy: 1000 Hz are 1000 mel."""
    np.testing.assert_allclose(hz_to_mel([0, 200 / 3, 500, 1000, 6400]), [0, 1, 7.5, 15, 42])
    np.testing.assert_allclose(hz_to_mel([0, 1000], "htk"), [0, 999.9855], atol=1e-3)
    np.testing.assert_allclose(hz_to_mel([700], "htk"), 2595 * np.log10(2))
    hz = np.geomspace(10, 20_000, 50)
    for scale in ("slaney", "htk"):
        np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz, scale), scale), hz)


@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_filters_by_the_published_formula(scale):
    rate, n_fft, n_mels, low, high = 16000, 512, 10, 100.0, 7000.0
    filters = mel_filters(rate, n_fft, n_mels, low, high, scale)
    points = mel_to_hz(np.linspace(hz_to_mel(low, scale), hz_to_mel(high, scale), n_mels + 2), scale)
    for m in range(1, n_mels + 1):
        for k in range(n_fft // 2 + 1):
            f = k * rate / n_fft
            wanted = 0.0
            if points[m - 1] <= f <= points[m]:
                wanted = (f - points[m - 1]) / (points[m] - points[m - 1])
            elif points[m] < f <= points[m + 1]:
                wanted = (points[m + 1] - f) / (points[m + 1] - points[m])
            if scale == "slaney":  # as high as makes every area 1
                wanted *= 2 / (points[m + 1] - points[m - 1])
            assert filters[m - 1, k] == pytest.approx(wanted, abs=1e-12)


def test_log_mel_step_by_step():
    found = LogMelSpectrogram(sample_rate=8000, window=0.032, n_mels=7, preemphasis=0.9).fit_transform([CLIPS[0]])[0]
    raised = CLIPS[0] - 0.9 * np.concatenate([[0], CLIPS[0][:-1]])
    padded = np.concatenate([np.zeros(128), raised, np.zeros(256)])
    rows = np.stack([padded[i : i + 256] for i in range(0, 401, 80)])
    power = np.abs(np.fft.rfft(rows * signal.get_window("hann", 256), axis=1)) ** 2
    np.testing.assert_allclose(found, np.log(power @ mel_filters(8000, 256, 7, 0, 4000).T))
    cepstra = MFCC(sample_rate=8000, window=0.032, n_mels=7, preemphasis=0.9, n_coefficients=3).fit_transform(
        [CLIPS[0]]
    )
    k, m = np.meshgrid(np.arange(3), np.arange(7), indexing="ij")
    cosines = np.cos(np.pi * k * (m + 0.5) / 7) * np.where(k == 0, np.sqrt(1 / 7), np.sqrt(2 / 7))
    np.testing.assert_allclose(cepstra[0], found @ cosines.T)


@pytest.mark.parametrize("cls", MEL)
def test_whole_numbers_of_16_bits_are_the_same_sound(cls):
    whole = [np.round(clip / 5 * 32767).astype(np.int16) for clip in CLIPS]
    floats = [clip / 32768 for clip in whole]
    for a, b in zip(cls().fit_transform(whole), cls().fit_transform(floats), strict=True):
        np.testing.assert_array_equal(a, b)
    square = np.stack([whole[0]] * 2)
    for given in (square, square.astype(">i2"), pd.DataFrame(square), torch.from_numpy(square)):
        np.testing.assert_array_equal(np.asarray(cls().fit_transform(given)), cls().fit_transform(square / 32768))
    for given in (
        pd.Series(whole),
        pd.DataFrame({"clip": whole}),
        [torch.from_numpy(clip) for clip in whole],
        [pd.DataFrame(clip) for clip in whole],
    ):
        for a, b in zip(cls().fit_transform(given), cls().fit_transform(floats), strict=True):
            np.testing.assert_array_equal(a, b)
    # other whole numbers are taken as they are
    np.testing.assert_array_equal(cls().fit_transform(square.astype(int)), cls().fit_transform(square.astype(float)))
    with pytest.raises(
        ValueError, match=r"X\[1\] is of dtype int16.*X\[0\] is of float64.*wanted all clips in one range"
    ):
        cls().fit([floats[0], *whole[1:]])


def test_spectra_of_many_clips_take_little_memory_beside_them(monkeypatch):
    clips = [RNG.normal(size=4000).astype(np.float32) for _ in range(50)]
    found = []
    for samples in (1 << 20, 10_000):
        monkeypatch.setattr("sklearn_seq.preprocessing._sound._CHUNK", samples)
        tracemalloc.start()
        found.append((LogMelSpectrogram(sample_rate=8000).fit_transform(clips), tracemalloc.get_traced_memory()[1]))
        tracemalloc.stop()
    np.testing.assert_allclose(found[0][0].values, found[1][0].values, atol=1e-5)
    assert found[1][1] < found[0][1] / 3


@pytest.mark.parametrize("cls", MEL)
def test_channels_stand_side_by_side_and_precision_stays(cls):
    two = np.stack([CLIPS[0], CLIPS[0][::-1]], axis=1)
    found = cls().fit_transform([two])[0]
    apart = [cls().fit_transform([two[:, i]])[0] for i in (0, 1)]
    np.testing.assert_allclose(found, np.concatenate(apart, axis=1))
    single = cls().fit_transform([CLIPS[0].astype(np.float32)])
    assert single.dtype == np.float32
    np.testing.assert_allclose(single[0], apart[0], atol=2e-4)
    silence = cls().fit_transform(np.zeros((2, 100)))
    assert np.isfinite(silence).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"f_max": 9000}, r"f_max=9000 at sample_rate=16000; wanted f_min < f_max <= 8000"),
        ({"f_min": 9000}, r"f_min=9000 .* wanted f_min < f_max <= 8000, half the sample rate"),
        ({"window": 1e-5}, r"window=1e-05 seconds .* is less than one sample; wanted at least"),
        ({"step": 1e-5}, r"step=1e-05 seconds .* is less than one sample"),
    ],
)
@pytest.mark.parametrize("cls", MEL)
def test_settings_that_do_not_go_together(cls, params, message):
    with pytest.raises(ValueError, match=message):
        cls(**params).fit(CLIPS)


def test_more_settings_that_do_not_go_together():
    with pytest.raises(ValueError, match=r"n_coefficients=41 of n_mels=40 bands"):
        MFCC(n_coefficients=41).fit(CLIPS)
    with pytest.raises(ValueError, match=r"width=4 has no step in the middle; wanted an odd number, such as 5"):
        Deltas(width=4).fit(CLIPS)
    with pytest.raises(ValueError, match=r"n_coefficients=30; wanted 26 at most"):
        AudioFunctionals(n_coefficients=30).fit(CLIPS)


# -- changes, rates ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [3, 5, 9])
def test_slopes_are_those_of_a_line_through_the_steps(width):
    x = RNG.normal(size=(30, 2))
    found = Deltas(width=width).fit_transform([x, x[:1]])
    np.testing.assert_array_equal(found[0][:, :2], x)
    wanted = signal.savgol_filter(x, width, 1, deriv=1, axis=0)
    half = width // 2
    np.testing.assert_allclose(found[0][half:-half, 2:4], wanted[half:-half])
    np.testing.assert_allclose(
        found[0][:, 4:], Deltas(width=width, order=1).fit_transform([found[0][:, 2:4]])[0][:, 2:]
    )
    np.testing.assert_array_equal(found[1], [[*x[0], 0, 0, 0, 0]])


def test_resampling_keeps_a_tone_and_drops_what_the_rate_cannot_hold():
    both = tone(200, rate=16000) + tone(6000, rate=16000)
    found = Resampler(sample_rate=16000, new_rate=8000).fit_transform([both, both[:801]])
    assert [len(x) for x in found] == [4000, 401]
    np.testing.assert_allclose(found[0][100:-100, 0], tone(200)[100:-100], atol=0.02)
    rare = Resampler(sample_rate=15_000, new_rate=1).fit_transform([np.ones(60_000), np.ones(15_001)])
    assert [len(x) for x in rare] == [4, 2]
    same = Resampler().fit_transform(np.stack([both, both]))
    np.testing.assert_array_equal(same, np.stack([both, both]))


def test_files_of_other_rates_are_brought_to_one(tmp_path):
    from scipy.io import wavfile

    from sklearn_seq.datasets import read_wav_folder

    for name, rate in (("a", 8000), ("b", 16000)):
        wavfile.write(tmp_path / f"{name}.wav", rate, tone(200, rate=rate).astype(np.float32))
    with pytest.raises(
        ValueError, match=r"wanted the same in all files\. Give sample_rate=8000 to bring them to one rate"
    ):
        read_wav_folder(tmp_path)
    for wrong in (0, -8000, 8000.5, "8000"):
        with pytest.raises(ValueError, match=r"sample_rate=.*wanted a whole number above 0"):
            read_wav_folder(tmp_path, sample_rate=wrong)
    X, _, rate = read_wav_folder(tmp_path, sample_rate=8000)
    assert rate == 8000 and X.lengths.tolist() == [4000, 4000]
    np.testing.assert_allclose(X[1][100:-100], X[0][100:-100], atol=0.02)
    alone = Resampler(sample_rate=16000, new_rate=8000).fit_transform([tone(200, rate=16000).astype(np.float32)])
    np.testing.assert_array_equal(X[1], alone[0])


# -- functionals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hz", [80.0, 137.0, 220.0, 433.0])
def test_pitch_of_tones(hz):
    time = np.arange(640) / 16000
    voice = sum(np.sin(2 * np.pi * hz * k * time) / k for k in range(1, 6))
    found, strength = pitch(np.stack([voice, RNG.normal(size=640), np.zeros(640)]), 16000)
    assert found[0] == pytest.approx(hz, rel=0.01)
    assert strength[0] > 0.95 and strength[1] < 0.5 and strength[2] == 0


def test_functionals_do_not_see_zeros_at_the_ends():
    clip = tone(150, rate=16000) + 0.01 * RNG.normal(size=8000)
    longer = np.concatenate([np.zeros(700), clip, np.zeros(3000)])
    found = AudioFunctionals().fit_transform([clip, longer])
    np.testing.assert_array_equal(found[0], found[1])


def test_functionals_tell_loudness_pitch_and_rhythm():
    functionals = AudioFunctionals(sample_rate=8000)
    voice = tone(110, 1.0) + 0.5 * tone(220, 1.0)
    gaps = np.where(np.arange(8000) % 2000 < 1000, 1.0, 1e-4)
    found = functionals.fit_transform([voice, 2 * voice, voice * gaps, RNG.normal(size=8000), np.zeros(100)])
    names = functionals.get_feature_names_out(["sound"]).tolist()
    assert found.shape == (5, len(names)) and len(set(names)) == len(names) and np.isfinite(found).all()
    of = {name.removeprefix("sound_"): found[:, i] for i, name in enumerate(names)}
    np.testing.assert_allclose(of["pitch_q50"][:3], 24, atol=0.1)  # two octaves over 27.5 Hz
    assert of["pitch_q50"][4] == of["voiced_share"][4] == 0
    assert of["energy_mean"][1] - of["energy_mean"][0] == pytest.approx(np.log(4), abs=1e-3)
    np.testing.assert_allclose(of["mfcc1_mean"][1], of["mfcc1_mean"][0], atol=1e-3)
    assert of["voiced_share"][0] > 0.9 and of["voiced_share"][3] < 0.1
    assert of["voiced_rate"][2] == pytest.approx(4, abs=0.1)  # voiced stretches in about a second
    assert of["voiced_length"][2] == pytest.approx(0.125, abs=0.04)


@pytest.mark.parametrize("n", [30, 100, 200, 8000])
def test_peaks_of_energy_do_not_depend_on_loudness_and_short_clips_have_none(n):
    clip = RNG.normal(size=n) * np.abs(np.sin(np.arange(1, n + 1) / 300))
    functionals = AudioFunctionals(sample_rate=8000)
    found = functionals.fit_transform([clip, 0.01 * clip, 100 * clip])
    (column,) = (i for i, name in enumerate(functionals.get_feature_names_out()) if name.endswith("peak_rate"))
    assert found[0, column] == found[1, column] == found[2, column]
    assert (
        found[0, column] == 0 if n < 240 else found[0, column] == pytest.approx(8.5, abs=1)
    )  # a peak has three frames


def test_functionals_of_many_clips_take_the_memory_of_a_few(monkeypatch):
    clips = [RNG.normal(size=4000).astype(np.float32) for _ in range(50)]
    functionals, found = AudioFunctionals(sample_rate=8000).fit(clips), []
    for samples in (1 << 20, 10_000):
        monkeypatch.setattr("sklearn_seq.preprocessing.functionals._SAMPLES", samples)
        tracemalloc.start()
        found.append((functionals.transform(clips), tracemalloc.get_traced_memory()[1]))
        tracemalloc.stop()
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[1][1] < found[0][1] / 4


def test_functionals_without_levels():
    """A voice twice as loud is the same; each number is what it was less the median."""
    voice = tone(110, 1.0) * np.linspace(0.2, 1, 8000) + 0.05 * RNG.normal(size=8000)
    whole = AudioFunctionals(sample_rate=8000).fit([voice])
    rest = AudioFunctionals(sample_rate=8000, levels=False).fit([voice])
    before = dict(zip(whole.get_feature_names_out(["v"]).tolist(), whole.transform([voice])[0], strict=True))
    after = dict(zip(rest.get_feature_names_out(["v"]).tolist(), rest.transform([voice])[0], strict=True))
    assert before.keys() - after.keys() == {name for name in before if name.endswith("_q50")}
    for name, value in after.items():
        base, _, how = name.rpartition("_")
        less = before[f"{base}_q50"] if how in ("mean", "q5", "q25", "q75", "q95") else 0.0
        assert value == pytest.approx(before[name] - less, abs=1e-3)
    np.testing.assert_allclose(rest.transform([2 * voice]), rest.transform([voice]), atol=1e-3)


def test_functionals_of_a_single_frame_and_of_channels():
    found = AudioFunctionals().fit_transform(np.stack([CLIPS[3], CLIPS[3]]))
    assert np.isfinite(found).all()
    two = AudioFunctionals().fit_transform([np.stack([CLIPS[0], CLIPS[2][:400]], axis=1)])
    apart = [AudioFunctionals().fit_transform([clip]) for clip in (CLIPS[0], CLIPS[2][:400])]
    np.testing.assert_allclose(two, np.concatenate(apart, axis=1), rtol=1e-6)


# -- speakers -------------------------------------------------------------------------------------------------------------


def test_each_group_is_scaled_by_its_own_statistics():
    X = RNG.normal(size=(9, 3)) * [1, 2, 3]
    groups = np.array(list("aabbbaabc"))
    found = GroupScaler().fit_transform(X, groups=groups)
    for group in "ab":
        own = X[groups == group]
        np.testing.assert_allclose(found[groups == group], (own - own.mean(axis=0)) / own.std(axis=0))
    np.testing.assert_array_equal(found[groups == "c"], np.zeros((1, 3)))  # alone: nothing but its own mean
    order = RNG.permutation(9)
    np.testing.assert_allclose(GroupScaler().fit(X).transform(X[order], groups=groups[order]), found[order])


def test_without_groups_it_scales_as_learnt():
    X, new = RNG.normal(size=(9, 3)), RNG.normal(size=(2, 3))
    found = GroupScaler().fit(X).transform(new)
    np.testing.assert_allclose(found, (new - X.mean(axis=0)) / X.std(axis=0))
    ragged = [RNG.normal(size=(n, 2)) for n in (3, 5, 2)]
    found = GroupScaler().fit_transform(ragged, groups=[1, 1, 2])
    both = np.concatenate(ragged[:2])
    np.testing.assert_allclose(found[1], (ragged[1] - both.mean(axis=0)) / both.std(axis=0))
    with pytest.raises(ValueError, match=r"X has 2 and groups has 3; wanted one label a sample"):
        GroupScaler().fit(X).transform(new, groups=[1, 1, 2])


def test_groups_reach_it_through_a_pipeline():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    rng = np.random.default_rng(1)
    X, groups = rng.normal(size=(40, 3)), np.repeat([0, 1], 20)
    y = X[:, 0] > 0
    X = X + 50 * groups[:, None]
    by_hand = GroupScaler().fit_transform(X, groups=groups)
    with sklearn_seq_routing():
        scaler = GroupScaler().set_fit_request(groups=True).set_transform_request(groups=True)
        model = make_pipeline(scaler, LogisticRegression()).fit(X, y, groups=groups)
        wanted = LogisticRegression().fit(by_hand, y).decision_function(by_hand)
        np.testing.assert_allclose(model.decision_function(X, groups=groups), wanted)


def sklearn_seq_routing():
    import sklearn

    return sklearn.config_context(enable_metadata_routing=True)


def test_sound_to_classes_in_a_pipeline():
    from sklearn.pipeline import make_pipeline

    clips = [
        tone(hz, 0.2 + 0.01 * i) + 0.1 * RNG.normal(size=round((0.2 + 0.01 * i) * 8000))
        for i in range(10)
        for hz in (300, 900)
    ]
    y = np.array(["low", "high"] * 10)
    model = make_pipeline(
        LogMelSpectrogram(sample_rate=8000, n_mels=16),
        SequenceScaler(per="series"),
        sklearn_seq.GRUClassifier(hidden_size=8, max_epochs=15, random_state=0),
    )
    assert model.fit(clips[::2] + clips[1::4], np.concatenate([y[::2], y[1::4]])).score(clips[3::4], y[3::4]) == 1.0
