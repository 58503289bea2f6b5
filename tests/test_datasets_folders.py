"""Folders with one sequence a file; and readers on a few hundred damaged files each."""

import struct

import numpy as np
import pytest
from scipy.io import wavfile

from sklearn_seq import Sequences
from sklearn_seq.datasets import read_csv_folder, read_ts, read_tsf, read_ucr_tsv, read_wav, read_wav_folder


def fill(folder, **files):
    """Write files given by name, ``__`` for a sub-folder."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".csv")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


def test_csv_folder_comes_in_the_order_of_names(tmp_path):
    rng = np.random.RandomState(0)
    tables = {name: rng.standard_normal((length, 2)) for name, length in (("b", 4), ("a", 2), ("c", 3))}
    for name, table in tables.items():
        np.savetxt(tmp_path / f"{name}.csv", table, delimiter=",", header="x,y", comments="", fmt="%.17g")
    (tmp_path / ".hidden.csv").write_text("junk")
    (tmp_path / "notes.txt").write_text("junk")
    X, y = read_csv_folder(tmp_path)
    assert X == Sequences.from_list([tables[name] for name in "abc"]) and y is None
    assert read_csv_folder(str(tmp_path), "[bc].csv")[0] == X[1:]


def test_csv_folder_labels(tmp_path):
    fill(tmp_path, walk__a="x\n1\n", run__b="x\n2\n3\n", run__a="x\n4\n")
    X, y = read_csv_folder(tmp_path, label="folder")
    assert y.tolist() == ["run", "run", "walk"] and [one.ravel().tolist() for one in X] == [[4], [2, 3], [1]]
    X, y = read_csv_folder(tmp_path, "**/*.csv", label=lambda path: len(path.parent.name))
    assert y.tolist() == [3, 3, 4]


def test_csv_cells_headers_and_separators(tmp_path):
    fill(tmp_path, a='"x, in m";y\n1;\n\n 2 ;3e1\n')
    X, _ = read_csv_folder(tmp_path, sep=";")
    np.testing.assert_array_equal(X[0], [[1, np.nan], [2, 30]])
    fill(tmp_path, a="1,2\n3,4\n")
    assert read_csv_folder(tmp_path, header=False)[0][0].tolist() == [[1, 2], [3, 4]]
    assert read_csv_folder(tmp_path, header=False, columns=[1])[0][0].tolist() == [[2], [4]]


def test_csv_columns_by_name(tmp_path):
    fill(tmp_path, a="time,x,y\nnoon,1,2\n", b="y,x\n4,3\n")
    X, _ = read_csv_folder(tmp_path, columns=["x", "y"])
    assert X.values.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "files, options, words",
    [
        (
            {"a": "x,y\n1,2\n", "b": "x,z\n1,2\n"},
            {},
            r"b\.csv has no column y and extra columns z, unlike .*a\.csv \(x, y\)",
        ),
        ({"a": "x,y\n1,2\n", "b": "y,x\n1,2\n"}, {}, r"b\.csv has its columns in another order.*columns=\["),
        ({"a": "1,2\n", "b": "1\n"}, {"header": False}, r"b\.csv has 1 columns and .*a\.csv has 2"),
        ({"a": "x,y\n1,2\n"}, {"columns": ["z"]}, r"a\.csv has 0 columns 'z'; wanted one. Its columns are x, y"),
        ({"a": "x,x\n1,2\n"}, {}, r"a\.csv has 2 columns 'x'"),
        ({"a": "1,2\n3,4\n"}, {}, r"a\.csv, line 1: '1,2' reads as numbers; wanted names. Set header=False"),
        ({"a": "x,y\n1,2\n"}, {"header": False}, r"a\.csv, line 1: value 1 is 'x'.*header=True"),
        ({"a": "x,y\n1,2\n3\n"}, {}, r"a\.csv, line 3: 1 cells; wanted 2, .*'x, y'"),
        ({"a": "x,y\n1,two\n"}, {}, r"a\.csv, line 2: value 2 is 'two'; wanted a number. Choose columns"),
        ({"a": "x,y\n"}, {}, r"a\.csv has no line of numbers below its header"),
        ({"a": ""}, {}, r"a\.csv has no line of numbers; wanted"),
        ({"a": "x\n1\n"}, {"pattern": "*.tsv"}, r"no file in it fits '\*\.tsv'"),
        ({"a": "x\n1\n"}, {"label": "folder"}, r"no file in a sub-folder of it fits '\*\.csv'"),
        ({"a": "x\n1\n"}, {"label": "name"}, "label is 'name'; wanted 'folder', a function of the path, or None"),
    ],
)
def test_refusals_of_csv_folders(tmp_path, files, options, words):
    fill(tmp_path, **files)
    with pytest.raises(ValueError, match=words):
        read_csv_folder(tmp_path, **options)


def test_a_missing_folder_is_named(tmp_path):
    for read in (read_csv_folder, read_wav_folder):
        with pytest.raises(ValueError, match="nowhere is no folder"):
            read(tmp_path / "nowhere")


def test_wav_folder(tmp_path):
    for name, length in (("yes/b", 30), ("yes/a", 20), ("no/a", 10)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        wavfile.write(tmp_path / f"{name}.wav", 8000, np.full((length, 2), length * 100, dtype=np.int16))
    X, y, rate = read_wav_folder(tmp_path, label="folder")
    assert X.dtype == np.float32 and X.n_features == 2 and X.lengths.tolist() == [10, 20, 30]
    assert y.tolist() == ["no", "yes", "yes"] and rate == 8000
    np.testing.assert_array_equal(X[2], read_wav(tmp_path / "yes" / "b.wav")[0])
    wavfile.write(tmp_path / "yes" / "c.wav", 16_000, np.zeros((5, 2), dtype=np.int16))
    with pytest.raises(ValueError, match=r"c\.wav has 2 channels at 16000 .*a\.wav has 2 at 8000; wanted the same"):
        read_wav_folder(tmp_path, label="folder")


# -- damaged files


def sound():
    values = np.arange(-40, 40, dtype="<i2").tobytes()
    return (
        b"RIFF"
        + struct.pack("<I4s4sIHHIIHH4sI", 196, b"WAVE", b"fmt ", 16, 1, 2, 8000, 32_000, 4, 16, b"data", 160)
        + values
    )


TS = (
    "#made\n@timeStamps false\n@missing true\n@univariate false\n@dimensions 2\n@equalLength true\n@seriesLength 3\n"
    "@classLabel true a b\n@data\n" + "1.5,?,-3:4e1,5,6:a\n7,8,9:10,11,12:b\n" * 4
)
TSF = (
    "#made\n@relation a\n@attribute series_name string\n@attribute size numeric\n@attribute start_timestamp date\n"
    "@frequency monthly\n@horizon 2\n@missing true\n@equallength false\n@data\n"
) + "".join(f"T{i}:4e1:1999-11-30 23-59-59:1.5,?,-3,4\n" for i in range(6))
FILES = {
    "a.ts": (read_ts, TS.encode()),
    "target.ts": (
        read_ts,
        TS.replace("@classLabel true a b", "@targetLabel true").replace(":a", ":1").replace(":b", ":2").encode(),
    ),
    "a.tsf": (lambda path: (read_tsf(path)[0]["value"].to_numpy(),), TSF.encode()),
    "a.tsv": (read_ucr_tsv, b"1\t0.5\t-2e3\tNaN\n-1\t3\t4\t5\n" * 6),
    "a.wav": (read_wav, sound()),
    "a.csv": (
        lambda path: read_csv_folder(path.parent, path.name),
        b'x,"y z"\n1,2\n3.5,\n-1e3,"4"\n' + b"5,6\n" * 20,
    ),
}


def damaged(raw, rng, n):
    """Cut off anywhere, then changed in a few bytes: one put in, left out, replaced, moved."""
    for stop in np.unique(np.linspace(0, len(raw) - 1, n // 2).astype(int)):
        yield raw[:stop]
    alphabet = raw + b'\0\xff,:\t\n"?@#-.e9'
    for _ in range(n):
        new = bytearray(raw)
        for _ in range(rng.randint(1, 6)):
            at, byte = rng.randint(len(new)), alphabet[rng.randint(len(alphabet))]
            what = rng.randint(4)
            if what == 0:
                new[at] = byte
            elif what == 1:
                new.insert(at, byte)
            elif what == 2:
                del new[at : at + rng.randint(1, 9)]
            else:
                new[at:at] = new[rng.randint(len(new)) :][:9]
        yield bytes(new)


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_read_or_refused_in_a_sentence(tmp_path, name):
    read, raw = FILES[name]
    path = tmp_path / name
    path.write_bytes(raw)
    read(path)
    refused = 0
    for one in damaged(raw, np.random.RandomState(0), 500):
        path.write_bytes(one)
        try:
            result = read(path)
        except ValueError as refusal:
            refused += 1
            assert type(refusal) is ValueError and name in str(refusal) and len(str(refusal)) > len(str(path)) + 30
        else:
            X = result[0].values if isinstance(result[0], Sequences) else result[0]
            assert X.size and not np.isinf(X).any()
    assert refused > 200


def test_a_cut_off_sound_is_never_read_in_part(tmp_path):
    raw = sound()
    for stop in range(len(raw)):
        (tmp_path / "a.wav").write_bytes(raw[:stop])
        with pytest.raises(ValueError, match=r"cut off|damaged|wanted a WAV file"):
            read_wav(tmp_path / "a.wav")
