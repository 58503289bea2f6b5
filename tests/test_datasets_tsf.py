"""Reader of the Monash format: what is written is read, what is damaged is refused in a sentence."""

import gzip
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sklearn_seq import NaiveForecaster
from sklearn_seq.datasets import read_tsf

TSF = """\
# made by a test
@relation Visitors
@attribute series_name string
@attribute state string
@attribute size numeric
@attribute start_timestamp date
@frequency half_hourly
@horizon 2
@missing true
@equallength false
@data
T1:NSW:10:1999-12-31 23-00-00:1,2.5,?,-4e-1
# between
T2:VIC:?:2000-02-28 23-30-00:7

T3:NSW:3.5:2001-01-01:?,1,2
"""


def header(*lines):
    return "\n".join(["@attribute series_name string", *lines, "@data", ""])


def stamped(frequency):
    return header("@attribute start_timestamp date", f"@frequency {frequency}")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_names_times_attributes_and_missing_values(tmp_path, end):
    path = tmp_path / "a.tsf"
    path.write_bytes(b"\xef\xbb\xbf" + TSF.replace("\n", end).encode())
    frame, about = read_tsf(str(path))
    wanted = pd.DataFrame(
        {
            "series_name": ["T1"] * 4 + ["T2"] + ["T3"] * 3,
            "timestamp": pd.to_datetime(
                [f"1999-12-31 23:{m}" for m in ("00", "30")]
                + [f"2000-01-01 00:{m}" for m in ("00", "30")]
                + ["2000-02-28 23:30"]
                + ["2001-01-01 00:00", "2001-01-01 00:30", "2001-01-01 01:00"]
            ).astype("datetime64[ns]"),
            "state": ["NSW"] * 4 + ["VIC"] + ["NSW"] * 3,
            "size": [10.0] * 4 + [np.nan] + [3.5] * 3,
            "value": [1, 2.5, np.nan, -0.4, 7, np.nan, 1, 2],
        }
    )
    pd.testing.assert_frame_equal(frame, wanted)
    assert dict(about) == {
        "relation": "Visitors",
        "frequency": "half_hourly",
        "horizon": 2,
        "missing": True,
        "equal_length": False,
    }


@pytest.mark.parametrize(
    "said, start, offset",
    [
        ("4_seconds", "1999-12-31 23-59-58", "4s"),
        ("minutely", "1999-12-31 23-59-58", "1min"),
        ("10_minutes", "1999-12-31 23-59-58", "10min"),
        ("half_hourly", "1999-12-31 12-00-01", "30min"),
        ("hourly", "2000-02-28 22-15-00", "1h"),
        ("daily", "2000-02-27 00-00-00", "1D"),
        ("weekly", "1999-12-27 00-00-00", "7D"),
        ("monthly", "1999-11-01 00-00-00", pd.DateOffset(months=1)),
        ("monthly", "1999-11-30 00-00-00", pd.offsets.MonthEnd()),
        ("quarterly", "1999-11-01 00-00-00", pd.DateOffset(months=3)),
        ("yearly", "1999-07-01 12-30-00", pd.DateOffset(years=1)),
    ],
)
def test_times_are_those_of_pandas(tmp_path, said, start, offset):
    path = tmp_path / "a.tsf"
    path.write_text(stamped(said) + f"T1:{start}:" + ",".join("123456789") + "\n")
    date, _, clock = start.partition(" ")
    wanted = pd.date_range(f"{date} {clock.replace('-', ':')}", periods=9, freq=offset)
    assert read_tsf(path)[0]["timestamp"].tolist() == wanted.tolist()


def test_rows_are_numbered_where_times_are_not_told(tmp_path):
    path = tmp_path / "a.tsf"
    path.write_text(header() + "a:1,2\nb:3\n")
    frame, about = read_tsf(path)
    assert frame.to_dict("list") == {"series_name": ["a", "a", "b"], "step": [0, 1, 0], "value": [1, 2, 3]}
    assert set(about.values()) == {None}
    path.write_text(header("@attribute start_timestamp date") + "a:2000-01-01 00-00-00:1,2\n")
    frame, _ = read_tsf(path)
    assert list(frame) == ["series_name", "step", "start_timestamp", "value"]
    assert frame["start_timestamp"].tolist() == [pd.Timestamp("2000-01-01")] * 2, "nothing is lost without @frequency"
    path.write_text(stamped("yearly") + "a:0800-01-01 00-00-00:1,2\n")
    assert list(read_tsf(path, timestamps=False)[0]["step"]) == [0, 1]
    path.write_text("@attribute place string\n@frequency whenever\n@data\nhere:1\nhere:2\n")
    frame, _ = read_tsf(path)
    assert frame["series_name"].tolist() == ["T1", "T2"], "lines without a name are numbered"
    assert frame["place"].tolist() == ["here", "here"]


def test_comments_may_be_in_any_encoding_and_data_may_not(tmp_path):
    path = tmp_path / "a.tsf"
    path.write_bytes("# Godahewa, R. – Müller\n".encode("cp1252") + (header() + "Zürich:1\n").encode())
    assert read_tsf(path)[0]["series_name"].tolist() == ["Zürich"]
    path.write_bytes((header() + "Zürich:1\n").encode("cp1252"))
    with pytest.raises(ValueError, match=r"a\.tsf, line 3: the bytes are not UTF-8 text"):
        read_tsf(path)
    for packed in (gzip.compress(TSF.encode()), TSF.encode("utf-16")):
        path.write_bytes(packed)
        with pytest.raises(ValueError, match=r"a\.tsf, line 1: the bytes are not UTF-8 text.*unpack it first"):
            read_tsf(path)


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("@relation Visitors", "Visitors", ", line 2: 'Visitors' stands before @data.*Is this a .tsf file"),
        ("@relation Visitors", "@relation", ", line 2: '@relation' has 0 words behind @relation; wanted one"),
        (
            "size numeric",
            "size integer",
            ", line 5: '@attribute size integer' is no attribute; wanted .* numeric or date",
        ),
        ("size numeric", "size", ", line 5: '@attribute size' is no attribute"),
        ("size numeric", "state string", ", line 5: the attribute 'state' is named twice; wanted another name"),
        ("size numeric", "value numeric", ", line 5: the attribute 'value' is a column that is made here"),
        (
            "half_hourly",
            "sometimes",
            ", line 7: @frequency is followed by 'sometimes'; wanted minutely.*timestamps=False",
        ),
        ("half_hourly", "0_minutes", ", line 7: @frequency is followed by '0_minutes'"),
        ("@horizon 2", "@horizon ?", r", line 8: @horizon is followed by '\?'; wanted a whole number"),
        ("@missing true", "@missing maybe", ", line 9: @missing is followed by 'maybe'; wanted true or false"),
        (
            "@missing true",
            "@missing false",
            ", line 12: value 3 is missing; wanted none.*or the header should say @missing",
        ),
        ("@equallength false", "@equallength true", ", line 14: the series has 1 values; wanted 4.*@equallength false"),
        (
            "T2:VIC:?:",
            "T2:VIC:",
            ", line 14: the line has 3 attributes before its values; wanted 4.*series_name, state",
        ),
        ("T2:VIC:?:", "T2:VIC:x:", ", line 14: value 1 is 'x'; wanted a number. It stands for the attribute size"),
        ("T2:VIC", "T1:VIC", ", line 14: the series 'T1' is there a second time, after line 12"),
        ("T2:VIC", ":VIC", ", line 14: the series has no name"),
        ("2000-02-28", "2000-02-30", ", line 14: start_timestamp is '2000-02-30 23-30-00'; wanted a date such as"),
        ("2000-02-28", "1600-02-28", ", line 14: the series begins at 1600.*between 1677 and 2262.*timestamps=False"),
        ("2000-02-28", "?", ", line 14: start_timestamp is '. 23-30-00'"),
        (":7", ":7,", ", line 14: value 2 is ''; wanted a number. Missing values are written [?]"),
        (":7", ":", ", line 14: value 1 is ''"),
        (":7", ":inf", ", line 14: value 1 is 'inf'; wanted a finite number"),
        (":7", ":1_0", ", line 14: value 1 is '1_0'; wanted a number"),
        (":7", ":7;8", ", line 14: value 1 is '7;8'; wanted a number"),
        ("@data\n", "", ", line 11: 'T1:NSW:10:.*stands before @data"),
        (TSF[TSF.index("@data") :], "", ": no line @data"),
        (TSF[TSF.index("@data") :], "@data\n", ": no series follows @data"),
        (TSF[: TSF.index("@data")], "", ", line 1: no line @attribute stands before @data"),
        (TSF, "", ": no line @data"),
    ],
)
def test_damaged_tsf_is_refused_by_file_and_line(tmp_path, old, new, words):
    path = tmp_path / "a.tsf"
    assert old in TSF
    path.write_text(TSF.replace(old, new))
    with pytest.raises(ValueError, match=rf"a\.tsf{words}"):
        read_tsf(path)


def test_times_that_do_not_fit_are_refused_rather_than_wrapped(tmp_path):
    path = tmp_path / "a.tsf"
    path.write_text(stamped("yearly") + "T1:1750-01-01 00-00-00:" + ",".join(["1"] * 600) + "\n")
    with pytest.raises(ValueError, match=r"line 5: the series begins at 1750.* has 600 values, 12 months apart"):
        read_tsf(path)
    assert len(read_tsf(path, timestamps=False)[0]) == 600


def test_without_pandas_the_error_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match="read_tsf needs pandas, which is not installed: pip install pandas"):
        read_tsf(tmp_path / "a.tsf")


def test_a_forecaster_reads_the_frame(tmp_path):
    path = tmp_path / "a.tsf"
    path.write_text(stamped("monthly") + "b:1999-11-30 00-00-00:1,2,3\na:2000-02-01 00-00-00:5,6,7,8\n")
    frame, _ = read_tsf(path)
    model = NaiveForecaster(series_id="series_name", time="timestamp", target="value").fit(frame)
    coming = model.forecast(as_frame=True)
    assert coming["value"].to_dict() == {
        ("b", pd.Timestamp("2000-02-29")): 3.0,
        ("a", pd.Timestamp("2000-06-01")): 8.0,
    }


FOLDER = Path(os.environ.get("SKLEARN_SEQ_DATA", Path(__file__).parents[2] / "shared" / "data")) / "monash"
# series, shortest, longest, horizon
SETS = {
    "tourism_yearly": (518, 11, 47, 4),
    "tourism_quarterly": (427, 30, 130, 8),
    "tourism_monthly": (366, 91, 333, 24),
    "us_births": (1, 7305, 7305, None),
    "hospital": (767, 84, 84, None),
    "saugeenday": (1, 23741, 23741, None),
    "solar_weekly": (137, 52, 52, 5),
}


@pytest.mark.parametrize("name", SETS)
def test_sets_of_the_archive(tmp_path, name):
    packed = FOLDER / f"{name}_dataset.tsf.gz"
    if not packed.exists():
        pytest.skip("the data are not here")
    raw = gzip.decompress(packed.read_bytes())
    (tmp_path / "a.tsf").write_bytes(raw)
    frame, about = read_tsf(tmp_path / "a.tsf")
    n_series, shortest, longest, horizon = SETS[name]
    lengths = frame.groupby("series_name", sort=False).size()
    assert (len(lengths), lengths.min(), lengths.max(), about.horizon) == (n_series, shortest, longest, horizon)
    lines = [line.rsplit(b":", 1)[1] for line in raw.partition(b"@data")[2].splitlines() if b":" in line]
    np.testing.assert_array_equal(frame["value"], np.concatenate([np.fromstring(line, sep=",") for line in lines]))
    assert not frame.duplicated(["series_name", "timestamp"]).any()
