"""Readers: what is written is read, what is damaged is refused in a sentence."""

import struct
import wave

import numpy as np
import pytest
from scipy.io import wavfile

from sklearn_seq import Sequences
from sklearn_seq.datasets import read_ts, read_ucr_tsv, read_wav


def ts(X, y, *, equal, classes=None, targets=False):
    """The text of a .ts file; ``X`` are arrays (n_timesteps, n_features), None stands for no label."""
    label = f"@classLabel true {' '.join(classes)}" if classes else f"@targetlabel {str(targets).lower()}"
    head = [
        "# made by a test",
        "@problemName Made",
        "@timeStamps false",
        f"@univariate {str(X[0].shape[1] == 1).lower()}",
        *([f"@dimensions {X[0].shape[1]}"] if X[0].shape[1] > 1 else []),
        f"@equalLength {str(equal).lower()}",
        *([f"@seriesLength {len(X[0])}"] if equal else []),
        label,
        "@data",
    ]
    lines = []
    for i, one in enumerate(X):
        parts = [",".join("?" if np.isnan(v) else repr(float(v)) for v in column) for column in one.T]
        lines.append(":".join(parts + ([str(y[i])] if y is not None else [])))
    return "\n".join([*head, *lines]) + "\n"


def some(lengths, n_features, seed=0):
    rng = np.random.RandomState(seed)
    return [rng.standard_normal((length, n_features)) for length in lengths]


# -- .ts


@pytest.mark.parametrize("n_features", [1, 3])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_ts_of_equal_length(tmp_path, n_features, end):
    X = some([5] * 4, n_features)
    X[1][2, 0] = np.nan
    text = ts(X, ["up", "down", "up", "up"], equal=True, classes=["up", "down"])
    (tmp_path / "a.ts").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", end).encode())
    read, y = read_ts(tmp_path / "a.ts")
    assert read.shape == (4, 5, n_features) and read.dtype == np.float64
    np.testing.assert_array_equal(read, np.stack(X))
    assert y.tolist() == ["up", "down", "up", "up"]


def test_ts_of_unequal_length_and_without_labels(tmp_path):
    X = some([5, 2, 7], 2)
    path = tmp_path / "a.ts"
    path.write_text(ts(X, None, equal=False))
    read, y = read_ts(str(path))
    assert read == Sequences.from_list(X) and y is None
    path.write_text(ts(X[:1], None, equal=False))
    assert isinstance(read_ts(path)[0], Sequences), "the header decides, so that training and test file agree"
    path.write_text(ts(X[:1], None, equal=False).replace("@equalLength false\n", ""))
    assert read_ts(path)[0].shape == (1, 5, 2)


def test_ts_labels_and_targets(tmp_path):
    X, path = some([3, 3], 1), tmp_path / "a.ts"
    path.write_text(ts(X, ["2", "1"], equal=True, classes=["1", "2"]))
    y = read_ts(path)[1]
    assert y.tolist() == [2, 1] and y.dtype == np.int64
    path.write_text(ts(X, ["2", "1"], equal=True, classes=["1", "2", "other"]))
    assert read_ts(path)[1].tolist() == ["2", "1"]
    path.write_text(ts(X, [0.5, -3], equal=True, targets=True))
    assert read_ts(path)[1].tolist() == [0.5, -3.0]


TS = ts([np.ones((3, 2))] * 2, ["a", "b"], equal=True, classes=["a", "b"])


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("@timeStamps false", "@timeStamps true", "line 3: the series have time stamps.*from_frame"),
        ("@equalLength true", "@equalLength maybe", "line 6: @equalLength is followed by 'maybe'; wanted true or f"),
        ("@seriesLength 3", "@seriesLength x", "line 7: @seriesLength is followed by 'x'; wanted a whole number"),
        ("@seriesLength 3", "@seriesLength 4", "line 10: the series has 3 time steps; wanted 4.*damaged"),
        ("@dimensions 2", "@dimensions 3", "line 10: the series has 2 dimensions; wanted 3"),
        ("1.0:b", "1.0:c", "line 11: the label 'c' is none of the classes of the header, 'a b'"),
        ("1.0:b", "1.0", "line 11: the label '1.0,1.0,1.0' is none"),
        ("1.0:b", "1.0:", "line 11: .*ends without a label"),
        ("1.0:b", "1.x:b", "line 11: value 3 is '1.x'; wanted a number.*written [?]"),
        ("1.0:b", "1_0:b", "line 11: value 3 is '1_0'; wanted a number"),
        ("1.0:b", "inf:b", "line 11: value 3 is 'inf'; wanted a finite number"),
        ("1.0:b", "1.0,1.0:b", "line 11: dimension 2 has 4 time steps and dimension 1 has 3; wanted one length"),
        ("@data\n", "", "line 9: '1.0,1.0,1.0:1.0,1.0,1.0:a' stands before @data"),
        ("@classLabel true a b\n", "", "the header does not say whether the series have labels"),
        (TS[TS.index("@data") :], "", "no line @data"),
        (TS[TS.index("@data") :], "@data\n", "no series follows @data"),
    ],
)
def test_damaged_ts_is_refused_by_file_and_line(tmp_path, old, new, words):
    path = tmp_path / "a.ts"
    assert old in TS
    path.write_text(TS.replace(old, new))
    with pytest.raises(ValueError, match=rf"a\.ts(, |: ){words}"):
        read_ts(path)


def test_ts_targets_must_be_numbers(tmp_path):
    for bad, words in (("x", "wanted a number. It stands for the target"), ("nan", "the target is nan")):
        (tmp_path / "a.ts").write_text(ts(some([3], 1), [bad], equal=True, targets=True))
        with pytest.raises(ValueError, match=words):
            read_ts(tmp_path / "a.ts")


# -- .tsv


def test_ucr_tsv(tmp_path):
    X, path = np.stack(some([6] * 3, 1))[:, :, 0], tmp_path / "a.tsv"

    def write(X, y):
        path.write_text("".join("\t".join([label, *map(repr, row.tolist())]) + "\n" for label, row in zip(y, X)))

    write(X, ["1", "-1", "1.0"])
    read, y = read_ucr_tsv(path)
    np.testing.assert_array_equal(read, X)
    assert y.tolist() == [1, -1, 1] and y.dtype == np.int64
    write(X, ["a", "1", "b"])
    assert read_ucr_tsv(path)[1].tolist() == ["a", "1", "b"]
    gappy = X.copy()
    gappy[0, 2] = np.nan
    write(gappy, ["1", "2", "3"])
    np.testing.assert_array_equal(read_ucr_tsv(path)[0], gappy)
    gappy[1, 4:] = np.nan
    write(gappy, ["1", "2", "3"])
    read = read_ucr_tsv(path)[0]
    assert isinstance(read, Sequences) and read.lengths.tolist() == [6, 4, 6]
    np.testing.assert_array_equal(read[0][:, 0], gappy[0])
    np.testing.assert_array_equal(read[1][:, 0], gappy[1, :4])


@pytest.mark.parametrize(
    "text, words",
    [
        ("", ": the file holds no series"),
        ("1,2,3\n", ", line 1: '1,2,3' has no tab"),
        ("1\t2\t3\n\n1\t2\n", ", line 3: the series has 1 values, the first of the file 2; wanted the same.*NaN"),
        ("1\t2\t\n", ", line 1: value 2 is ''; wanted a number"),
        ("1\t2\tx\n", ", line 1: value 2 is 'x'; wanted a number. Missing values are written NaN"),
        ("1\tNaN\tNaN\n", ", line 1: the series holds nothing but NaN"),
        ("NaN\t1\n", ", line 1: the class is 'NaN'"),
    ],
)
def test_damaged_tsv_is_refused_by_file_and_line(tmp_path, text, words):
    (tmp_path / "a.tsv").write_text(text)
    with pytest.raises(ValueError, match=rf"a\.tsv{words}"):
        read_ucr_tsv(tmp_path / "a.tsv")


def test_a_packed_file_is_refused_as_no_text(tmp_path):
    (tmp_path / "a.ts").write_bytes(b"\x1f\x8b\x08\x00")
    for read in (read_ts, read_ucr_tsv):
        with pytest.raises(ValueError, match=r"a\.ts, line 1: the bytes are not UTF-8 text.*unpack it first"):
            read(tmp_path / "a.ts")


# -- .wav


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("dtype", ["u1", "<i2", "<i4", "<f4", "<f8", ">i2", ">f4"])
def test_wav_as_scipy_writes_and_reads_it(tmp_path, dtype, n_channels):
    sound = np.random.RandomState(0).uniform(-1, 1, (101, n_channels))
    kind = np.dtype(dtype)
    if kind.kind == "u":
        stored, wanted = np.round(sound * 127 + 128).astype(kind), None
        wanted = (stored.astype(float) - 128) / 128
    elif kind.kind == "i":
        stored = np.round(sound * (2 ** (8 * kind.itemsize - 1) - 1)).astype(kind)
        wanted = stored / 2.0 ** (8 * kind.itemsize - 1)
    else:
        stored = wanted = sound.astype(kind)
    wavfile.write(tmp_path / "a.wav", 16_000, stored)
    signal, rate = read_wav(tmp_path / "a.wav")
    assert rate == 16_000 and signal.dtype == np.float32 and signal.shape == (101, n_channels)
    assert signal.dtype.isnative
    np.testing.assert_allclose(signal, wanted, atol=1e-7, rtol=1e-6)
    assert np.abs(signal).max() <= 1
    np.testing.assert_array_equal(wavfile.read(tmp_path / "a.wav")[1].reshape(101, -1), stored)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_wav_of_every_width_with_its_extremes(tmp_path, width):
    top = 2 ** (8 * width - 1)
    numbers = [0, 1, -1, top - 1, -top, top // 2]
    raw = b"".join((n + (128 if width == 1 else 0)).to_bytes(width, "little", signed=width > 1) for n in numbers)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, width, 8000, 0, "NONE", ""))
        file.writeframes(raw)
    signal, _ = read_wav(tmp_path / "a.wav")
    np.testing.assert_array_equal(signal[:, 0], np.array(numbers).astype(np.float32) / np.float32(top))


def wav(data, *, kind=1, n_channels=1, rate=8000, bits=16, size=None, before=b"", after=b"", extra=b""):
    step = n_channels * bits // 8
    format_ = struct.pack("<HHIIHH", kind, n_channels, rate, rate * step, step, bits) + extra
    chunks = before + b"fmt " + struct.pack("<I", len(format_)) + format_
    chunks += b"data" + struct.pack("<I", len(data) if size is None else size) + data + after
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def test_wav_with_other_chunks_extensible_format_and_unknown_size(tmp_path):
    path, data = tmp_path / "a.wav", struct.pack("<3h", 1, 2, 3)
    wanted = np.array([[1], [2], [3]], dtype=np.float32) / 32768
    note = b"LIST" + struct.pack("<I", 3) + b"abc\0"  # an odd size is filled up by a byte
    guid = struct.pack("<HHIH", 22, 16, 4, 1) + b"\0" * 14
    for raw in (
        wav(data, before=note, after=note),
        wav(data, kind=0xFFFE, extra=guid),
        wav(data, size=0xFFFFFFFF),
        wav(data + b"\0", size=0xFFFFFFFF),
    ):
        path.write_bytes(raw)
        np.testing.assert_array_equal(read_wav(path)[0], wanted)


@pytest.mark.parametrize(
    "raw, words",
    [
        (b"", "begins with b''; wanted a WAV file"),
        (b"ID3\x04" + b"\0" * 40, "begins with b'ID3"),
        (wav(b"\0\0")[:36], "ends before its sound"),
        (wav(b"\0\0")[:20], "the format takes 0 bytes"),
        (wav(b"\0" * 10, kind=7), "the sound is mu-law; wanted PCM or float.*ffmpeg"),
        (wav(b"\0" * 10, kind=99), "the sound is of kind 99"),
        (wav(b"\0" * 10, n_channels=0), "0 channels"),
        (wav(b"\0" * 10, rate=0), "0 steps a second"),
        (wav(b"\0" * 16, bits=64), "64 bits.*wanted 1 or 2 or 3 or 4 bytes a channel"),
        (wav(b"\0" * 10, size=12), "should take 12 bytes, 10 are there. The file is cut off"),
        (wav(b"\0" * 11), "takes 11 bytes; wanted .* whole ones of 2 bytes"),
        (wav(b""), "takes 0 bytes"),
        (wav(struct.pack("<2f", 0, np.nan), kind=3, bits=32), "time step 1 is no finite number"),
        (wav(struct.pack("<d", 1e300), kind=3, bits=64), "time step 0 is no finite number"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "the sound comes before its format"),
    ],
)
def test_damaged_wav_is_refused_by_file(tmp_path, raw, words):
    (tmp_path / "a.wav").write_bytes(raw)
    with pytest.raises(ValueError, match=rf"a\.wav: .*{words}"):
        read_wav(tmp_path / "a.wav")
