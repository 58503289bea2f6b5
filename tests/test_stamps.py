"""Time stamps, against pandas: carried on, counted in steps, recognised, and refused in order of what is wrong."""

from datetime import date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_seq.sequences.stamps import Clock, as_stamps, refuse_disorder, settle_clock

FREQUENCIES = [
    *("s", "15min", "h", "6h", "D", "2D", "B", "W", "W-WED", "2W", "4W", "28D", "30D"),
    *("MS", "ME", "2MS", "QS", "QE", "QE-FEB", "6MS", "YS", "YE", "YE-FEB", "2YS", "BME", "BMS", "BQE", "BYE"),
    *("SMS", "SMS-10", "SME", "SME-20", "WOM-3FRI", "WOM-1MON", "LWOM-FRI", "LWOM-SUN"),
]
ZONES = ["Europe/Berlin", "America/New_York", "UTC"]


def settled(index):
    stamps, kind, zone = as_stamps(index, "time")
    return stamps, settle_clock(stamps, np.array([0]), np.array([len(stamps)]), kind, zone)


def carried_on(index, n):
    stamps, clock = settled(index)
    after = pd.DatetimeIndex(clock.after(stamps[-1], n).astype("datetime64[ns]"))
    return after.tz_localize("UTC").tz_convert(clock.zone) if clock.zone else after


def refused(stamps, clock=None, *, starts=(0,), gaps="error", label=None):
    """The message."""
    numbers, kind, zone = as_stamps(stamps, "t")
    starts = np.array(starts)
    stops = np.append(starts[1:], len(numbers))
    clock = settle_clock(numbers, starts, stops, kind, zone) if clock is None else clock
    with pytest.raises(ValueError) as error:
        refuse_disorder(numbers, starts, stops, clock, gaps=gaps, name="t", label=label)
    return str(error.value)


@pytest.mark.parametrize("first", ["2019-01-01", "2020-02-27 13:30", "1968-11-30"])
@pytest.mark.parametrize("freq", FREQUENCIES)
def test_stamps_go_on_as_in_pandas(freq, first):
    index = pd.date_range(first, periods=90, freq=freq)
    known, ahead = index[:60], index[60:]
    assert carried_on(known, 30).tolist() == ahead.tolist()
    stamps, clock = settled(known)
    np.testing.assert_allclose(clock.between(stamps[:-1], stamps[1:]), 1)
    np.testing.assert_allclose(clock.between(stamps[:1], clock.after(stamps[0], 40)), np.arange(1, 41))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("freq", ["15min", "h", "D", "2D", "B", "W", "MS", "ME", "QS", "YS"])
def test_stamps_go_on_over_a_change_of_clocks(freq, zone):
    n = {"15min": 2500, "h": 900, "D": 700}.get(freq, 200)
    index = pd.date_range("2021-03-10", periods=n, freq=freq, tz=zone)
    stamps, clock = settled(index[:100])
    assert carried_on(index[:100], n - 100).tolist() == index[100:].tolist()
    stamps, clock = settled(index)
    refuse_disorder(stamps, np.array([0]), np.array([n]), clock, gaps="error", name="t")


def test_hours_over_a_change_of_clocks_are_hours():
    index = pd.date_range("2021-03-27", periods=36, freq="h", tz="Europe/Berlin")
    assert carried_on(index[:24], 12).tolist() == index[24:].tolist()


def test_twenty_four_hours_in_a_zone_stay_twenty_four_hours():
    index = pd.date_range("2021-03-20", periods=23, freq="24h", tz="Europe/Berlin")
    assert settled(index[:20])[1].unit == "step"
    assert carried_on(index[:20], 3).tolist() == index[20:].tolist()


@pytest.mark.parametrize("step", [1, 3, 7.0, 0.1, 0.25])
def test_numbers_go_on(step):
    stamps, clock = settled(np.arange(50) * step + 4)
    assert clock.step == pytest.approx(step)
    np.testing.assert_allclose(clock.after(stamps[-1].item(), 3), (np.arange(50, 53)) * step + 4)
    assert clock.season() == 1


def test_coarse_floats_have_no_gaps():
    seconds = 1.7e9 + np.arange(500) * 0.1  # neighbours differ by 2e-7
    stamps, clock = settled(seconds)
    refuse_disorder(stamps, np.array([0]), np.array([500]), clock, gaps="error", name="t")


@pytest.mark.parametrize(
    ("day", "wanted"), [(28, "2021-03-28"), (30, "2021-03-30"), (31, "2021-03-31"), (1, "2021-03-01")]
)
def test_a_day_of_the_month_outlives_february(day, wanted):
    ends = pd.date_range("2020-01-31", "2021-02-28", freq="ME")
    index = pd.DatetimeIndex([moment.replace(day=min(day, moment.day)) for moment in ends])
    assert carried_on(index, 1)[0] == pd.Timestamp(wanted)


def test_two_days_of_the_month_outlive_february():
    days = [f"2021-{month:02}-{day}" for month in (1, 2, 3) for day in (15, 28 if month == 2 else 30)]
    assert carried_on(pd.DatetimeIndex(days), 2).tolist() == [pd.Timestamp("2021-04-15"), pd.Timestamp("2021-04-30")]


def test_a_half_month_left_out_is_a_gap_and_so_is_another_day():
    index = pd.date_range("2021-01-01", periods=20, freq="SME")
    message = refused(index.delete(6))
    assert "2021-03-31 is followed by 2021-04-30, while the step is 1 half month (1 such places)" in message
    stamps, clock = settled(index)
    moved = np.append(stamps, clock.after(stamps[-1], 1) + 86_400 * 10**9)
    assert "while the step is 1 half month (1 such places)" in refused(pd.DatetimeIndex(moved), clock)


def test_half_months_of_several_series():
    index = pd.date_range("2021-01-01", periods=9, freq="SMS")
    stamps, kind, zone = as_stamps(index.append([index[8:], index[2:]]), "t")
    clock = settle_clock(stamps, np.array([0, 9, 10]), np.array([9, 10, 17]), kind, zone)
    assert clock == Clock("time", "half month", 1, day=115)


def test_weeks_are_no_half_months():
    for freq in ("W", "2W", "15D"):
        assert (
            settled(pd.date_range("2021-01-01", periods=3, freq=freq).append(pd.DatetimeIndex(["2021-03-01"])))[1].unit
            == "step"
        )


def test_four_weeks_are_no_month():
    index = pd.date_range("2020-01-06", periods=30, freq="28D")
    assert settled(index)[1].step == 28 * 86_400 * 10**9


@pytest.mark.parametrize(
    ("freq", "season"),
    [
        ("15min", 96),
        ("h", 24),
        ("6h", 4),
        ("D", 7),
        ("B", 5),
        ("W", 52),
        ("SMS", 24),
        ("SME", 24),
        ("MS", 12),
        ("ME", 12),
        ("QS", 4),
        ("YS", 1),
        ("s", 86_400),
    ],
)
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_seasons(freq, season, zone):
    assert settled(pd.date_range("2020-01-01", periods=200, freq=freq, tz=zone))[1].season() == season


# -- reading ---------------------------------------------------------------------------------------------------------

DAYS = pd.date_range("2021-03-26", periods=5, freq="D")
BERLIN = DAYS.tz_localize("Europe/Berlin")
SAME_DAYS = {
    "index": DAYS,
    "series": pd.Series(DAYS),
    "seconds": DAYS.as_unit("s"),
    "array": DAYS.to_numpy(),
    "periods": DAYS.to_period("D"),
    "column of periods": pd.Series(DAYS.to_period("D")),
    "dates": pd.Series([moment.date() for moment in DAYS], dtype=object),
    "list of dates": [date(2021, 3, 26) + timedelta(i) for i in range(5)],
    "polars dates": pl.Series([moment.date() for moment in DAYS]),
    "polars datetimes": pl.Series([moment.to_pydatetime() for moment in DAYS]),
}
SAME_IN_BERLIN = {
    "index": BERLIN,
    "series": pd.Series(BERLIN),
    "polars": pl.Series([moment.to_pydatetime() for moment in DAYS]).dt.replace_time_zone("Europe/Berlin"),
}


@pytest.mark.parametrize("given", SAME_DAYS.values(), ids=SAME_DAYS)
def test_times_of_all_kinds_are_read(given):
    stamps, kind, zone = as_stamps(given, "t")
    np.testing.assert_array_equal(stamps, DAYS.as_unit("ns").asi8)
    assert (kind, zone) == ("time", "")


@pytest.mark.parametrize("given", SAME_IN_BERLIN.values(), ids=SAME_IN_BERLIN)
def test_times_of_a_zone_are_read(given):
    stamps, kind, zone = as_stamps(given, "t")
    np.testing.assert_array_equal(stamps, BERLIN.as_unit("ns").asi8)
    assert (kind, zone) == ("time", "Europe/Berlin")


def test_objects_with_a_fixed_offset_are_read():
    plus = timezone(timedelta(hours=2))
    given = np.array([datetime(2021, 3, day, tzinfo=plus) for day in (1, 2, 3)], dtype=object)
    stamps, clock = settled(given)
    np.testing.assert_array_equal(stamps, pd.DatetimeIndex(given).as_unit("ns").asi8)
    assert clock.zone == "UTC+02:00"
    assert carried_on(given, 1)[0] == pd.Timestamp("2021-03-04", tz=plus)


@pytest.mark.parametrize(
    "given", [np.arange(3, dtype=np.int32), pd.Series(range(3), dtype="Int64"), pl.Series(range(3))]
)
def test_whole_numbers_are_read(given):
    stamps, kind, zone = as_stamps(given, "t")
    assert stamps.dtype == np.int64 and stamps.tolist() == [0, 1, 2] and (kind, zone) == ("number", "")


@pytest.mark.parametrize(
    "given",
    [
        pd.DatetimeIndex(["2020-01-01", None]),
        pd.Series(pd.DatetimeIndex(["2020-01-01", None]).tz_localize("UTC")),
        np.array([1.0, np.nan]),
        np.array([1.0, np.inf]),
        pl.Series([date(2020, 1, 1), None]),
        pd.Series([1, None], dtype="Int64"),
    ],
)
def test_a_missing_stamp_is_named(given):
    with pytest.raises(ValueError, match=r"t is missing in row 1; wanted it in every row\."):
        as_stamps(given, "t")


@pytest.mark.parametrize(
    "given", [np.array(["2020-01-01", "9999-12-31"], dtype="M8[s]"), pl.Series([date(2020, 1, 1), date(9999, 12, 31)])]
)
def test_times_that_nanoseconds_cannot_tell_are_refused(given):
    with pytest.raises(ValueError, match=r"t holds 9999-12-31.* in row 1; wanted times from 1678 to 2262"):
        as_stamps(given, "t")


def test_text_is_no_time():
    with pytest.raises(ValueError, match=r"t holds text, such as '2020-01-01'; wanted times or numbers.*to_datetime"):
        as_stamps(pd.Series(["2020-01-01", "2020-01-02"]), "t")
    with pytest.raises(ValueError, match="dtype bool"):
        as_stamps(np.array([True, False]), "t")


# -- recognising -----------------------------------------------------------------------------------------------------


def test_the_step_is_the_one_found_most_often():
    index = pd.date_range("2020-01-01", periods=50, freq="h").delete([7, 20])
    assert settled(index)[1] == Clock("time", "step", 3600 * 10**9)
    months = pd.date_range("2020-01-01", periods=50, freq="MS").delete([7, 20])
    assert settled(months)[1] == Clock("time", "month", 1, day=1)


def test_steps_between_series_do_not_count():
    stamps = np.concatenate([np.arange(0, 9, 3), np.arange(1000, 1009, 3), [5]])
    clock = settle_clock(stamps, np.array([0, 3, 6]), np.array([3, 6, 7]), "number")
    assert clock.step == 3
    refuse_disorder(stamps, np.array([0, 3, 6]), np.array([3, 6, 7]), clock, gaps="error", name="t")


def test_one_row_has_no_step():
    clock = settle_clock(np.array([5]), np.array([0]), np.array([1]), "number")
    assert clock.step == 0 and clock.season() == 1
    assert np.isnan(clock.between(np.array([5]), np.array([9]))).all()


def test_holidays_are_gaps_of_weekdays():
    index = pd.date_range("2020-01-01", periods=50, freq="B").delete(10)
    assert settled(index)[1].unit == "weekday"
    assert "the step is 1 weekday (1 such places)" in refused(index)


# -- refusing --------------------------------------------------------------------------------------------------------


def test_rows_out_of_order_are_named():
    message = refused(DAYS[[0, 2, 1, 3]], Clock("time", "step", 0))
    assert message == (
        "t is not in order: 2021-03-28 is followed by 2021-03-27; wanted rows in time order. Sort them by t."
    )


def test_a_stamp_that_stands_twice_is_named():
    message = refused(DAYS[[0, 1, 1, 2, 2]], Clock("time", "step", 0))
    assert message.startswith("t holds 2021-03-27 twice (2 such rows); wanted each stamp once.")


def test_a_gap_is_named():
    message = refused(DAYS[[0, 1, 2, 4]])
    assert message.startswith(
        "t has a gap: 2021-03-28 is followed by 2021-03-30, while the step is 1 day (1 such places)"
    )
    assert "gaps='ignore'" in message


def test_gaps_may_be_ignored_and_disorder_may_not():
    stamps, kind, _ = as_stamps(DAYS[[0, 1, 2, 4]], "t")
    refuse_disorder(stamps, np.array([0]), np.array([4]), Clock(kind, "step", 1), gaps="ignore", name="t")
    assert "twice" in refused(DAYS[[0, 0]], Clock("time", "step", 0), gaps="ignore")


def test_the_series_is_named():
    message = refused(np.array([1, 2, 3, 1, 2, 4, 7]), starts=(0, 3), label=lambda i: f" of series {i}")
    assert message.startswith("t has a gap of series 1: 2 is followed by 4, while the step is 1 (2 such places)")


def test_messages_show_the_clock_of_the_zone():
    message = refused(BERLIN[[0, 1, 2, 4]])
    assert "2021-03-28 is followed by 2021-03-30, while the step is 1 day" in message


@pytest.mark.parametrize(
    ("stamp", "shown"),
    [
        ("2020-01-01", "2020-01-01"),
        ("2020-01-01 12:00", "2020-01-01 12:00"),
        ("2020-01-01 00:00:07", "2020-01-01 00:00:07"),
        ("2020-01-01 12:00:00.5", "2020-01-01 12:00:00.500000000"),
    ],
)
def test_stamps_as_text(stamp, shown):
    assert Clock("time", "step", 1).show(pd.Timestamp(stamp).value) == shown


@pytest.mark.parametrize(
    ("clock", "said"),
    [
        (Clock("time", "step", 90 * 60 * 10**9), "1.5 hours"),
        (Clock("time", "step", 7 * 86_400 * 10**9), "7 days"),
        (Clock("time", "step", 10**6), "1e+06 nanoseconds"),
        (Clock("time", "month", 3), "3 months"),
        (Clock("time", "half month", 1, day=1531), "1 half month"),
        (Clock("time", "day", 1, "Europe/Berlin"), "1 day"),
        (Clock("number", "step", 0.5), "0.5"),
    ],
)
def test_steps_as_text(clock, said):
    assert clock.say_step() == said
