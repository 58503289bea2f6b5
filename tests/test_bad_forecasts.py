"""Every bad input of a forecaster is refused: what was given, what was wanted, what to do. One row a kind."""

import inspect
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold, cross_val_score
from sklearn.utils._param_validation import InvalidParameterError
from test_bad_inputs import BAD_PARAMS as OF_ALL

import sklearn_seq
from sklearn_seq import LinearForecaster, NaiveForecaster, Sequences

FORECASTERS = [
    thing
    for name in sklearn_seq.__all__
    if inspect.isclass(thing := getattr(sklearn_seq, name))
    and issubclass(thing, BaseEstimator)
    and hasattr(thing, "rolling_forecast")
]

RNG = np.random.default_rng(0)
N = 20
X = RNG.normal(size=(N, 2))
DAYS = pd.date_range("2021-01-01", periods=30, freq="D")
FRAME = pd.DataFrame(X, columns=["a", "b"], index=DAYS[:N])
NEXT = pd.DataFrame(RNG.normal(size=(10, 2)), columns=["a", "b"], index=DAYS[N:])


def of_series(days, names="pq"):
    parts = [pd.DataFrame({"id": name, "day": days, "v": RNG.normal(size=len(days)), "w": 1.0}) for name in names]
    return pd.concat(parts, ignore_index=True)


PANEL, PANEL_NEXT = of_series(DAYS[:10]), of_series(DAYS[10:15])
IN_PANEL = {"series_id": "id", "time": "day"}


def put(value, dtype=float):
    """The array with one value replaced, in row 3, column 1."""
    new = X.astype(dtype)
    new[3, 1] = value
    return new


class Bad(NamedTuple):
    """A call with an unfitted forecaster."""

    name: str
    call: Any
    error: type[Exception]
    message: str
    params: dict[str, Any] = {}


def fit(X, y=None):
    return lambda model: model.fit(X, y)


def after(X, method, *given, **named):
    return lambda model: getattr(model.fit(X), method)(*given, **named)


NO_TABLE = r"^X is of type {}; wanted a table \(n_rows, n_columns\), a frame or an array\. Reshape your data"
ONE_TABLE = (
    r"^X is {}, but NaiveForecaster reads one table \(n_rows, n_columns\), its rows in time order\. Give one table; "
)
NO_COLUMN = r"^{} is no column of X, which has {}; wanted one of these\.$"
IN_TWO = r"^'{}' stands in {} and in {}; wanted each column in one place\. Take it out of one\.$"
NOT_FITTED = r"^This NaiveForecaster instance is not fitted yet\. Call 'fit' with appropriate arguments before using"
UNCALIBRATED = (
    r"^this NaiveForecaster was fitted without calibration_fraction, so nothing is known of its errors; wanted some "
    r"origins held out\. Fit with calibration_fraction=0\.2\.$"
)
CALIBRATED = {"calibration_fraction": 0.3}
SHARE = r"^{} holds {}; wanted a number between 0 and 1, such as 0\.9$"
WHOLE = r"^{}={}; wanted a whole number of rows, at least 1$"
KNOWN = {"known_future": "b"}

BAD_X = [
    Bad("None", fit(None), TypeError, NO_TABLE.format("NoneType")),
    Bad("a number", fit(3.0), TypeError, NO_TABLE.format("float")),
    Bad("a text", fit("hello"), TypeError, NO_TABLE.format("str")),
    Bad("a dict", fit({"a": X}), TypeError, NO_TABLE.format("dict")),
    Bad("an iterator", fit(iter(X)), TypeError, NO_TABLE.format(r"\w+")),
    Bad("one dimension", fit(np.arange(20.0)), ValueError, r"^Expected 2D array, got 1D array instead[\s\S]*Reshape"),
    Bad("a list of numbers", fit([1.0, 2.0, 3.0, 4.0]), ValueError, r"^Expected 2D array, got 1D array instead"),
    Bad(
        "a column by itself",
        fit(FRAME["a"]),
        ValueError,
        r"^X is a single column; wanted a table .*Give X\.to_frame\(\)",
    ),
    Bad("3-D", fit(X[:, :, None]), ValueError, ONE_TABLE.format(r"an array of shape \(20, 2, 1\)")),
    Bad(
        "a list of series",
        fit([X[:5, 0], X[:9, 0].tolist()]),
        ValueError,
        ONE_TABLE.format("a list of 2 sequences of 5 to 9 entries") + "several series stand one",
    ),
    Bad(
        "a list of tables", fit([X, X]), ValueError, ONE_TABLE.format("a list of 2 arrays") + "several series stand one"
    ),
    Bad("Sequences", fit(Sequences.from_list([X, X])), ValueError, ONE_TABLE.format(r"Sequences\(2 sequences, .*\)")),
    Bad("no rows", fit(X[:0]), ValueError, r"^Found array with 0 sample\(s\) \(shape=\(0, 2\)\)"),
    Bad("no columns", fit(X[:, :0]), ValueError, r"^Found array with 0 feature\(s\) \(shape=\(20, 0\)\)"),
    Bad("numbers written as text", fit(X.astype("U9")), ValueError, r"^X has dtype <U9; wanted numbers\. Encode text"),
    Bad(
        "text in an array", fit(put("c", object)), ValueError, r"^X holds what is no number: .*'c'\. Wanted numbers in"
    ),
    Bad(
        "text in a frame",
        fit(FRAME.assign(c="x")),
        ValueError,
        r"^X holds what is no number: .*'x'\. Wanted numbers in all columns but series_id and time; encode or drop them",
    ),
    Bad(
        "text in a table of series",
        fit(PANEL.assign(c="x")),
        ValueError,
        r"^X holds what is no number: .*'x'\. Wanted numbers in all columns but series_id and time; encode or drop them",
        IN_PANEL,
    ),
    Bad(
        "times that are not named",
        fit(FRAME.assign(c=DAYS[:N])),
        ValueError,
        r"^the column 'c' of X holds times \(datetime64\[\w+\]\); wanted numbers\. Set time='c', or drop it\.$",
    ),
    Bad(
        "times in an array", fit(np.full((20, 2), np.datetime64("2020-01-01"))), ValueError, r"^X has dtype datetime64"
    ),
    Bad("complex", fit(X + 1j), ValueError, r"^Complex data not supported: X has dtype complex128"),
    Bad("sparse", fit(sparse.csr_matrix(X)), TypeError, r"^Sparse data was passed for X.*toarray"),
    Bad("sparse, of another kind", fit(sparse.dok_array(X)), TypeError, r"^Sparse data was passed for X.*toarray"),
    Bad("masked", fit(np.ma.masked_array(X, X > 1)), TypeError, r"^X is a masked array; .*Give X\.filled\(np\.nan\)"),
    Bad(
        "a lazy frame", fit(pl.DataFrame(X).lazy()), TypeError, r"^X is a lazy frame; wanted its rows\. Give X\.collect"
    ),
    Bad(
        "NaN",
        fit(put(np.nan)),
        ValueError,
        r"^Input X contains NaN: row 3, column 1\. NaiveForecaster does not accept .*: set missing='mask', .*SequenceImp",
    ),
    Bad(
        "NaN in a frame", fit(FRAME.where(FRAME != X[3, 1])), ValueError, r"^Input X contains NaN: row 3, column 'b'\. "
    ),
    Bad("inf", fit(put(np.inf)), ValueError, r"^Input X contains infinity .*: row 3, column 1\. Wanted finite numbers"),
    Bad("inf, NaN allowed", fit(put(-np.inf)), ValueError, r"^Input X contains infinity", {"missing": "mask"}),
    Bad("names of two types", fit(pd.DataFrame(X, columns=["a", 1])), TypeError, r"only supported if all input feat"),
    Bad(
        "one name twice",
        fit(pd.DataFrame(X, columns=["a", "a"])),
        ValueError,
        r"^X has two columns 'a'; wanted each name once\. Rename or drop one\.$",
    ),
    Bad(
        "a horizon as long as the data",
        fit(X),
        ValueError,
        r"^X has 20 row\(s\) .*, and horizon=20; wanted more than the horizon: at least 21\. Give more rows, or a shorter",
        {"horizon": 20},
    ),
    Bad(
        "a horizon longer than each series",
        fit(PANEL),
        ValueError,
        r"^X has 10 row\(s\) in the longest series .*, and horizon=15; wanted more .*: at least 16\.",
        {"horizon": 15, **IN_PANEL},
    ),
    Bad(
        "too few origins to hold some out",
        fit(X[:5]),
        ValueError,
        r"^calibration_fraction=0\.95 leaves 0 of \d origins to learn from and \d to measure errors on; wanted some of both",
        {"calibration_fraction": 0.95},
    ),
]

BAD_Y = [
    Bad("y too short", fit(X, X[:5, 0]), ValueError, r"inconsistent numbers of samples: \[20, 5\]"),
    Bad("y with NaN", fit(X, put(np.nan)), ValueError, r"^Input y contains NaN"),
    Bad(
        "y of text", fit(X, ["a"] * N), ValueError, r"^y has dtype <U1; wanted numbers\. Leave y out: forecasters read"
    ),
    Bad("y 3-D", fit(X, X[:, :, None]), ValueError, r"dim 3.*<= 2"),
    Bad(
        "y that is not the target",
        fit(FRAME, np.r_[FRAME["a"][:4], FRAME["b"][4:]]),
        ValueError,
        r"^y differs from the target column 'a' of X, first in row 4: \S+ in y, \S+ in X; wanted the same .*y=X\[target\]",
        {"target": "a"},
    ),
    Bad(
        "y of more columns than the target",
        fit(X, X),
        ValueError,
        r"^y has 2 column\(s\) and target=0 has 1; wanted the same\. Leave y out: forecasters read their targets in X\.$",
        {"target": 0},
    ),
    Bad(
        "y from outside",
        fit(X, X.sum(axis=1)),
        UserWarning,
        r"^y is no column of X, so the past of X alone is read.*put",
    ),
]

BAD_COLUMNS = [
    Bad("an unknown target", fit(FRAME), ValueError, NO_COLUMN.format("target='z'", "'a', 'b'"), {"target": "z"}),
    Bad("a target too far", fit(X), ValueError, NO_COLUMN.format("target=5", "0, 1"), {"target": 5}),
    Bad("a target from the end", fit(X), ValueError, NO_COLUMN.format("target=-1", "0, 1"), {"target": -1}),
    Bad("True as target", fit(X), ValueError, NO_COLUMN.format("target=True", "0, 1"), {"target": True}),
    Bad(
        "an unknown covariate",
        fit(FRAME),
        ValueError,
        NO_COLUMN.format("known_future='z'", ".*"),
        {"known_future": "z"},
    ),
    Bad("an unknown static", fit(FRAME), ValueError, NO_COLUMN.format("static='z'", "'a', 'b'"), {"static": ["z"]}),
    Bad(
        "an unknown series_id",
        fit(FRAME),
        ValueError,
        NO_COLUMN.format("series_id='z'", "'a', 'b'"),
        {"series_id": "z"},
    ),
    Bad("an unknown time", fit(FRAME), ValueError, NO_COLUMN.format("time='z'", "'a', 'b'"), {"time": "z"}),
    Bad(
        "a name in an array",
        fit(X),
        ValueError,
        r"^target='a' is a name, and X is an array, whose columns have none; wanted a position from 0 to 1\. Give that, or",
        {"target": "a"},
    ),
    Bad(
        "two roles",
        fit(FRAME),
        ValueError,
        IN_TWO.format("a", "known_future", "target"),
        {"target": "a", "known_future": "a"},
    ),
    Bad(
        "target and static",
        fit(FRAME),
        ValueError,
        IN_TWO.format("a", "static", "target"),
        {"target": "a", "static": "a"},
    ),
    Bad(
        "target and time", fit(PANEL), ValueError, IN_TWO.format("day", "time", "target"), {"target": "day", **IN_PANEL}
    ),
    Bad("a target twice", fit(FRAME), ValueError, IN_TWO.format("a", "target", "target"), {"target": ["a", "a"]}),
    Bad(
        "nothing to forecast",
        fit(FRAME),
        ValueError,
        r"^X has no column to forecast beside known_future and static ones; wanted at least one\. Give target\.$",
        {"known_future": ["a", "b"]},
    ),
    Bad(
        "a static column that changes",
        fit(PANEL),
        ValueError,
        r"^static='v' changes inside series 'p'; wanted one value for all of its rows\. Take it out of static",
        {"static": "v", "target": "w", **IN_PANEL},
    ),
    Bad(
        "a row without a series",
        fit(PANEL.assign(id=[*PANEL["id"][:7], None, *PANEL["id"][8:]])),
        ValueError,
        r"^series_id='id' is missing in row 7; wanted a series for each row\.$",
        IN_PANEL,
    ),
]

BAD_TIME = [
    Bad(
        "not sorted",
        fit(FRAME.iloc[[0, 1, 3, 2, *range(4, N)]]),
        ValueError,
        r"^the index of X is not in order: 2021-01-04 is followed by 2021-01-03; wanted rows in time order\. Sort them",
    ),
    Bad(
        "a stamp twice",
        fit(FRAME.iloc[[0, 1, 1, *range(2, N)]]),
        ValueError,
        r"^the index of X holds 2021-01-02 twice \(1 such rows\); wanted each stamp once\. Drop or join such rows, or give s",
    ),
    Bad(
        "several series without series_id",
        fit(PANEL[["day", "v"]].sort_values("day")),
        ValueError,
        r"^time='day' holds 2021-01-01 twice \(10 such rows\); .*or give series_id if there are several series",
        {"time": "day"},
    ),
    Bad(
        "a gap",
        fit(FRAME.drop(DAYS[5])),
        ValueError,
        r"^the index of X has a gap: 2021-01-05 is followed by 2021-01-07, while the step is 1 day \(1 such places\); wanted "
        r"every step\. Put the missing rows in .*, or set gaps='ignore'",
    ),
    Bad(
        "a gap in one series",
        fit(PANEL.drop(13)),
        ValueError,
        r"^time='day' has a gap of series 'q': 2021-01-03 is followed by 2021-01-05, ",
        IN_PANEL,
    ),
    Bad(
        "a gap in numbers",
        fit(np.c_[np.r_[0:10, 11:21], X]),
        ValueError,
        r"^time=0 has a gap: 9 is followed by 11, while the step is 1 ",
        {"time": 0},
    ),
    Bad(
        "a stamp that is missing",
        fit(FRAME.assign(t=[pd.NaT, *DAYS[1:N]])),
        ValueError,
        r"^time='t' is missing in row 0; wanted it in every row\. Drop such rows\.$",
        {"time": "t"},
    ),
    Bad(
        "times as text",
        fit(FRAME.assign(t=DAYS[:N].astype(str))),
        ValueError,
        r"^time='t' holds text, such as '2021-01-01'; wanted times or numbers.*Turn it into times first, .*to_datetime",
        {"time": "t"},
    ),
]

BAD_LATER = [
    Bad(
        "rows before training",
        after(NEXT, "predict", FRAME),
        ValueError,
        r"^X begins at 2021-01-01, before the training rows, which go from 2021-01-21 to 2021-01-30; wanted rows behind "
        r"them.*Split in time order \(TimeSeriesSplit, RollingOriginSplit\), not by KFold\.$",
    ),
    Bad(
        "KFold",
        lambda model: cross_val_score(model, FRAME, cv=KFold(2), error_score="raise"),
        ValueError,
        r"^X begins at 2021-01-01, before the training rows, which go from 2021-01-11 to 2021-01-20; .*not by KFold",
    ),
    Bad(
        "rows after a gap",
        after(FRAME, "predict", NEXT.iloc[2:]),
        ValueError,
        r"^X begins at 2021-01-23, and training ended at 2021-01-20 with a step of 1 day; wanted X to begin at 2021-01-21\. Give",
    ),
    Bad(
        "rows after a gap in one series",
        after(PANEL, "predict", PANEL_NEXT.drop(5)),
        ValueError,
        r"^X begins at 2021-01-12 of series 'q', and training ended at 2021-01-10 with a step of 1 day; wanted X to begin at",
        IN_PANEL,
    ),
    Bad(
        "an unseen series",
        after(PANEL, "predict", PANEL_NEXT.replace({"id": {"q": "z"}})),
        ValueError,
        r"^X has rows of series 'z', which fit did not see \(1 such series; it saw 'p', 'q'\); wanted series of fit, .*leave it",
        IN_PANEL,
    ),
    Bad(
        "no column of series",
        after(PANEL, "predict", PANEL_NEXT.drop(columns="id")),
        ValueError,
        r"^X has no column 'id'; wanted it, to tell the series apart\.$",
        IN_PANEL,
    ),
    Bad(
        "another kind of time",
        after(FRAME, "predict", NEXT.reset_index(drop=True)),
        ValueError,
        r"^the index of X holds numbers, and fit saw times; wanted the same kind\.$",
    ),
    Bad("no target any more", after(FRAME, "predict", NEXT[["a"]]), ValueError, r"yet now missing:\s- b"),
    Bad(
        "columns in another order",
        after(FRAME, "predict", NEXT[["b", "a"]]),
        ValueError,
        r"must be in the same order as",
    ),
    Bad(
        "no names any more", after(FRAME, "predict", X), UserWarning, r"X does not have valid feature names, but Naive"
    ),
    Bad(
        "names that are new",
        after(X, "predict", NEXT),
        UserWarning,
        r"X has feature names, but NaiveForecaster was fitte",
    ),
    Bad(
        "fewer columns",
        after(X, "predict", X[:, :1]),
        ValueError,
        r"^X has 1 features, but NaiveForecaster is expecting 2",
    ),
    Bad(
        "3-D in predict",
        after(X, "predict", X[:, :, None]),
        ValueError,
        ONE_TABLE.format(r"an array of shape \(20, 2, 1\)"),
    ),
    Bad("NaN in predict", after(X, "predict", put(np.nan)), ValueError, r"^Input X contains NaN: row 3, column 1"),
    Bad("no rows in predict", after(X, "predict", X[:0]), ValueError, r"^Found array with 0 sample\(s\)"),
    Bad(
        "too few rows to roll over",
        after(X, "rolling_forecast", X[:5]),
        ValueError,
        r"^X has 5 rows; wanted at least lookback \+ horizon = 4 \+ 2, as rolling forecasts stand on rows of X alone\. Give",
    ),
    *(
        Bad(f"stride={stride!r}", after(X, method, X, stride=stride), ValueError, WHOLE.format("stride", repr(stride)))
        for stride in (0, 1.5, True, "2")
        for method in ("rolling_forecast", "rolling_interval")
    ),
    *(
        Bad(f"unfitted {method}", lambda m, method=method: getattr(m, method)(X), NotFittedError, NOT_FITTED)
        for method in (
            *("predict", "predict_interval", "predict_quantiles", "rolling_forecast", "rolling_interval"),
            *("read_targets", "score"),
        )
    ),
    Bad("unfitted forecast", lambda m: m.forecast(), NotFittedError, NOT_FITTED),
    Bad("unfitted forget", lambda m: m.forget(), NotFittedError, NOT_FITTED),
    Bad("y too short in score", after(X, "score", X, X[:3]), ValueError, r"inconsistent numbers of samples: \[20, 3\]"),
    Bad(
        "a score without the y from outside",
        lambda m: m.fit(X, X.sum(axis=1)).score(X),
        ValueError,
        r"^NaiveForecaster was fitted on a y that is no column of X, so X does not tell it; wanted y\. Give it to score\.$",
    ),
    Bad(
        "sample_weight",
        lambda m: m.fit(X, sample_weight=np.ones(N)),
        TypeError,
        r"unexpected keyword argument 'sample_we",
    ),
]

BAD_STEPS = [
    *(
        Bad(f"steps={steps!r}", after(X, "forecast", steps), ValueError, WHOLE.format("steps", repr(steps)))
        for steps in (0, -1, 1.5, True, "3")
    ),
    Bad(
        "steps beyond the horizon with a column that nobody knows",
        lambda m: LinearForecaster(target=0, lookback=4, horizon=2).fit(X).forecast(5),
        ValueError,
        r"^5 steps are wanted and the model has 2; the column 'x1' is read of the past and neither forecast nor known ahead.*",
    ),
    Bad(
        "steps beyond the horizon with y from outside",
        lambda m: m.fit(X, X.sum(axis=1)).forecast(5),
        ValueError,
        r"^5 steps are wanted and the model has 2; longer forecasts need the target among the columns of X\. Fit with it",
    ),
    Bad(
        "no X_future",
        after(FRAME, "forecast"),
        ValueError,
        r"^X_future is None, and known_future=\['b'\] is read of the 2 rows to forecast; wanted these columns.*Give X_future",
        KNOWN,
    ),
    Bad(
        "X_future that nobody asked for",
        after(FRAME, "forecast", 2, NEXT),
        ValueError,
        r"^X_future is given, and no column is known_future; wanted None\. Name such columns when the forecaster is made\.$",
    ),
    Bad(
        "X_future too short",
        after(FRAME, "forecast", 4, NEXT.iloc[:3]),
        ValueError,
        r"^X_future has 2021-01-21 to 2021-01-23; training ended at 2021-01-20 and 4 steps are to be forecast, so wanted "
        r"2021-01-21 to 2021-01-24; the first that is missing is 2021-01-24\. Give these rows, or fewer steps\.$",
        KNOWN,
    ),
    Bad(
        "X_future too late",
        after(FRAME, "forecast", 4, NEXT.iloc[2:]),
        ValueError,
        r"^X_future has 2021-01-23 to 2021-01-30; .*; the first that is missing is 2021-01-21\.",
        KNOWN,
    ),
    Bad(
        "an index of series and times",
        fit(PANEL.set_index(["id", "day"])),
        ValueError,
        r"^X has an index of 2 levels, which is not read; wanted series and times as columns\. Give X\.reset_index\(\) with",
    ),
    Bad(
        "X_future with a stamp twice",
        after(FRAME, "forecast", 2, pd.concat([NEXT[:2], NEXT[1:3]])),
        ValueError,
        r"^X_future holds 2021-01-22 twice; wanted each stamp once\. Drop or join such rows\.$",
        {"known_future": "b"},
    ),
    Bad(
        "X_future with a time zone",
        after(FRAME, "forecast", 2, NEXT.tz_localize("UTC")),
        ValueError,
        r"^the index of X_future has zone UTC, and fit saw no time zone; wanted the same\. Use tz_localize",
        {"known_future": "b"},
    ),
    Bad(
        "X_future that ends where training did, gaps or none",
        after(FRAME, "forecast", 2, pd.concat([FRAME, NEXT[4:5]])),
        ValueError,
        r"^X_future has 1 rows behind 2021-01-20, where training ended, and 2 steps are to be forecast; wanted a row for each",
        {"known_future": "b", "gaps": "ignore"},
    ),
    Bad(
        "X_future of one series of two",
        after(PANEL, "forecast", 2, PANEL_NEXT[PANEL_NEXT["id"] == "p"]),
        ValueError,
        r"^X_future has no rows of series 'q'; training ended at 2021-01-10 and 2 steps are to be forecast, so wanted",
        {"known_future": "w", **IN_PANEL},
    ),
    Bad(
        "X_future of an unseen series",
        after(PANEL, "forecast", 2, PANEL_NEXT.assign(id="z")),
        ValueError,
        r"^X_future has rows of series 'z', which fit did not see; wanted series of fit\.$",
        {"known_future": "w", **IN_PANEL},
    ),
    Bad(
        "X_future without the series",
        after(PANEL, "forecast", 2, PANEL_NEXT[["w"]]),
        ValueError,
        r"^X_future has no column 'id'; wanted it, to tell the series apart\.$",
        {"known_future": "w", **IN_PANEL},
    ),
    Bad(
        "X_future without the column",
        after(FRAME, "forecast", 4, NEXT[["a"]]),
        ValueError,
        r"^X_future has no column 'b'; wanted \['b'\], which fit was told are known ahead\.$",
        KNOWN,
    ),
    Bad(
        "an array X_future too short",
        after(X, "forecast", 4, np.ones((3, 1))),
        ValueError,
        r"^X_future has 3 rows, and 4 steps are to be forecast; wanted a row for each\. Give more rows, or steps=3\.$",
        {"known_future": 1},
    ),
    Bad(
        "an array X_future too wide",
        after(X, "forecast", 4, np.ones((4, 3))),
        ValueError,
        r"^X_future has shape \(4, 3\); wanted \(4, 1\): a row for each step ahead, the columns \[1\]\.$",
        {"known_future": 1},
    ),
    Bad(
        "a number as X_future",
        after(X, "forecast", 4, 3.0),
        ValueError,
        r"^X_future has shape \(\); wanted",
        {"known_future": 1},
    ),
    *(
        Bad(
            f"X_future with {word}",
            after(FRAME, "forecast", 4, NEXT * value),
            ValueError,
            rf"^X_future contains {word}; wanted what is known ahead\. Fill it in\.$",
            KNOWN,
        )
        for word, value in (("NaN", np.nan), ("infinity", np.inf))
    ),
    Bad(
        "X_future of text",
        after(FRAME, "forecast", 4, NEXT.assign(b="x")),
        ValueError,
        r"^the column 'b' of X_future holds what is no number: .*'x'; wanted numbers, as in fit\.$",
        KNOWN,
    ),
]

BAD_SHARES = [
    *(
        Bad(f"{method} without calibration", after(X, method, X), ValueError, UNCALIBRATED)
        for method in ("predict_interval", "predict_quantiles", "rolling_interval")
    ),
    *(
        Bad(
            f"{method} with coverage={coverage!r}",
            after(X, method, X, coverage=coverage),
            ValueError,
            SHARE.format("coverage", repr(coverage)),
            CALIBRATED,
        )
        for method in ("predict_interval", "rolling_interval")
        for coverage in (0, 1.0, 90, "a", None)
    ),
    *(
        Bad(
            f"rate={rate!r}",
            after(X, "rolling_interval", X, 0.5, rate=rate),
            ValueError,
            rf"^rate={rate!r}; wanted a number from 0 to 1, such as 0\.01$",
            CALIBRATED,
        )
        for rate in (-0.1, 2, "a", True)
    ),
    *(
        Bad(
            f"quantiles={levels!r}",
            after(X, "predict_quantiles", X, levels),
            ValueError,
            SHARE.format("quantiles", ".*"),
            CALIBRATED,
        )
        for levels in ([1.3], 0.0, ["a"], [0.5, np.nan])
    ),
    Bad(
        "no quantiles",
        after(X, "predict_quantiles", X, []),
        ValueError,
        r"^quantiles is empty; wanted levels",
        CALIBRATED,
    ),
    Bad(
        "more coverage than errors are known",
        after(X, "predict_interval", X, 0.99),
        ValueError,
        r"^coverage=0\.99 was asked for and errors of \d+ origins are known; wanted at least 99\. Give more rows, a larger cal",
        CALIBRATED,
    ),
]

ROWS = [*BAD_X, *BAD_Y, *BAD_COLUMNS, *BAD_TIME, *BAD_LATER, *BAD_STEPS, *BAD_SHARES]
QUIET = {"a score without the y from outside", "steps beyond the horizon with y from outside"}


def make(**params):
    return NaiveForecaster(**{"method": "mean", "lookback": 4, "horizon": 2, **params})


@pytest.mark.parametrize("row", [row for row in ROWS if row.name not in QUIET], ids=lambda row: row.name)
def test_bad_call(row):
    with pytest.raises(row.error, match=row.message):  # warnings are errors in these tests
        row.call(make(**row.params))


@pytest.mark.parametrize("row", [row for row in ROWS if row.name in QUIET], ids=lambda row: row.name)
@pytest.mark.filterwarnings("ignore:y is no column of X, so the past of X alone is read:UserWarning")
def test_bad_call_with_y_from_outside(row):
    with pytest.raises(row.error, match=row.message):
        row.call(make(**row.params))


@pytest.mark.parametrize("row", [*BAD_X, *BAD_Y, *BAD_COLUMNS, *BAD_TIME], ids=lambda row: row.name)
def test_a_fit_that_is_refused_leaves_nothing_behind(row):
    model = make(**row.params)
    with pytest.raises(row.error):
        row.call(model)
    assert vars(model) == vars(make(**row.params))


def test_there_are_many_kinds():
    assert len({row.name for row in ROWS}) >= 110


# -- parameters ----------------------------------------------------------------------------------------------------------

OWN = {
    "lookback": [0, -1, 1.5, "long", None],
    "horizon": [0, -1, 1.5, "a", None],
    "target": [1.5, {"a": 1}],
    "known_future": [1.5, {"a": 1}],
    "static": [1.5, {"a": 1}],
    "series_id": [1.5, ["a"]],
    "time": [1.5, ["a"]],
    "gaps": ["fill", None, True],
    "calibration_fraction": [1.0, -0.1, "a", None],
    # of NaiveForecaster
    "method": ["best", None],
    "season": [0, 1.5, "day", None],
    # of ReductionForecaster
    "estimator": ["ridge", 3, BaseEstimator],
    "strategy": ["both", None],
    "normalize": ["yes", None, 2],
    "channels": ["apart", None, 2],
    # of LinearForecaster
    "alpha": [-1, "a", None],
    "shift": ["always", 2],
    "tail": [0, -0.1, "a", None],
    # of networks
    "linear": ["always", 2],
    "trend_width": [0, 1.5, "wide", None],
    "reconstruction": [-0.1, "a", None],
}
BAD_PARAMS = {name: values for name, values in OF_ALL} | OWN


@pytest.mark.parametrize("cls", FORECASTERS, ids=lambda cls: cls.__name__)
def test_bad_parameter(cls):
    names = cls().get_params(deep=False).keys()
    assert names <= BAD_PARAMS.keys()  # a parameter without a row
    for name in names:
        for value in BAD_PARAMS[name]:
            message = rf"^The '{name}' parameter of {cls.__name__} must be .*\. Got .* instead\.$"
            with pytest.raises(InvalidParameterError, match=message):
                cls(**{name: value}).fit(X)  # the constructor stores; fit refuses
