"""Folds in time order and back-tests, against scikit-learn's splitters, plain loops and rows counted by hand."""

import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, QuantileRegressor, Ridge
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneOut,
    TimeSeriesSplit,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_seq import Sequences, SlidingWindow, make_supervised
from sklearn_seq.metrics import forecast_scorer
from sklearn_seq.model_selection import (
    PanelTimeSplit,
    PurgedKFold,
    RollingOriginSplit,
    backtest,
    time_train_test_split,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = X @ [1.0, -2.0, 0.5] + 0.1 * RNG.normal(size=60)

# two series, rows of one moment together; stamps of "b" begin later and end later
SHOP = np.array(["b", "a"] * 10 + ["b"] * 6)
DAY = np.array(["2024-01-01"], dtype="datetime64[D]") + np.r_[np.arange(20) // 2 + np.tile([2, 0], 10), 12:18]
PANEL = pd.DataFrame({"y": RNG.normal(size=26), "shop": SHOP, "day": DAY})


def folds(cv, *args, **options):
    return [(train.tolist(), test.tolist()) for train, test in cv.split(*args, **options)]


# -- rolling origins -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [20, 60, 61])
@pytest.mark.parametrize("gap", [0, 2])
@pytest.mark.parametrize(
    "n_splits, test_size, train_size", [(2, None, None), (5, None, None), (4, 3, None), (3, 2, 5), (2, None, 3)]
)
def test_rolling_origins_are_scikit_learns(n, gap, n_splits, test_size, train_size):
    theirs = TimeSeriesSplit(n_splits, test_size=test_size, max_train_size=train_size, gap=gap)
    ours = RollingOriginSplit(n_splits, test_size=test_size, train_size=train_size, gap=gap)
    assert folds(ours, X[:1].repeat(n, axis=0)) == folds(theirs, X[:1].repeat(n, axis=0))
    assert ours.get_n_splits() == n_splits


def test_rolling_origins_with_a_stride_counted_by_hand():
    cv = RollingOriginSplit(3, test_size=3, train_size=2, stride=1, gap=1)
    assert folds(cv, np.zeros(8)) == [([0, 1], [3, 4, 5]), ([1, 2], [4, 5, 6]), ([2, 3], [5, 6, 7])]
    assert folds(RollingOriginSplit(1, test_size=2, stride=5), np.zeros(5)) == [([0, 1, 2], [3, 4])]
    assert folds(RollingOriginSplit(2, test_size=1, stride=3), np.zeros(5)) == [([0], [1]), ([0, 1, 2, 3], [4])]


# -- panels --------------------------------------------------------------------------------------------------------------


def by_series(cv, groups, **options):
    """Folds as numbers of rows inside each series."""
    groups = np.asarray(groups)
    number = np.empty(len(groups), dtype=int)
    for one in np.unique(groups):
        number[groups == one] = np.arange((groups == one).sum())
    for train, test in cv.split(np.zeros((len(groups), 1)), groups=groups, **options):
        yield {
            str(one): tuple(number[rows][groups[rows] == one].tolist() for rows in (train, test))
            for one in np.unique(groups)
        }


@pytest.mark.parametrize(
    "sizes", [{}, {"test_size": 2}, {"test_size": 2, "train_size": 2, "gap": 1}, {"test_size": 2, "stride": 1}]
)
def test_each_series_of_a_panel_is_split_as_if_alone(sizes):
    """From its end, so that the last rows of each are tested; series of the shortest's length exactly so."""
    alone = folds(RollingOriginSplit(3, **sizes), np.zeros(10))
    for fold, (train, test) in zip(by_series(PanelTimeSplit(3, **sizes), SHOP), alone, strict=True):
        assert fold["a"] == (train, test)
        before = [] if "train_size" in sizes else list(range(6))
        assert fold["b"] == (before + [row + 6 for row in train], [row + 6 for row in test])


def test_a_panel_of_one_series_is_a_series_and_rows_may_be_mixed():
    cv = PanelTimeSplit(4, test_size=3)
    assert folds(cv, X, groups=["only"] * 60) == folds(RollingOriginSplit(4, test_size=3), X)
    shuffled = RNG.permutation(26)  # series, not time: the order inside each is that of the rows
    for fold in by_series(cv := PanelTimeSplit(2, test_size=2), SHOP[shuffled]):
        for train, test in fold.values():
            assert len(test) == 2 and max(train) < min(test)
    assert cv.get_n_splits(X) == 2


@pytest.mark.parametrize("container", [pd.DataFrame, pl.DataFrame])
def test_all_series_are_cut_at_the_same_moment(container):
    frame = container(PANEL.to_dict("list"))
    moments = np.unique(DAY)
    for by in ("day", DAY):
        cv = PanelTimeSplit(3, test_size=4, gap=1, time=by)
        for (train, test), (early, late) in zip(
            cv.split(frame), RollingOriginSplit(3, test_size=4, gap=1).split(moments), strict=True
        ):
            assert train.tolist() == np.flatnonzero(np.isin(DAY, moments[early])).tolist()
            assert test.tolist() == np.flatnonzero(np.isin(DAY, moments[late])).tolist()
    shuffled = PANEL.sample(frac=1, random_state=0)
    for train, test in PanelTimeSplit(3, test_size=4, time="day").split(shuffled):
        assert shuffled["day"].iloc[train].max() < shuffled["day"].iloc[test].min()
    assert folds(PanelTimeSplit(2, series_id="shop"), frame) == folds(PanelTimeSplit(2), frame, groups=SHOP)


def test_groups_are_routed_as_scikit_learn_does():
    groups = np.repeat(["a", "b"], 30)
    plain = cross_val_score(Ridge(), X, Y, groups=groups, cv=PanelTimeSplit(3))
    with sklearn.config_context(enable_metadata_routing=True):
        routed = cross_val_score(Ridge(), X, Y, params={"groups": groups}, cv=PanelTimeSplit(3))
        cross_val_score(Ridge(), X, Y, cv=RollingOriginSplit(3))
    np.testing.assert_array_equal(plain, routed)


# -- purged folds --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [20, 23])
def test_purged_folds_without_purging_are_kfold(n):
    assert folds(PurgedKFold(4), np.zeros((n, 1))) == folds(KFold(4), np.zeros((n, 1)))


@pytest.mark.parametrize("window", [2, 7])
def test_purged_folds_share_no_row_of_windows(window):
    windows = SlidingWindow(window).fit_transform(X)
    shared = []
    for purge in (window - 1, window - 2):
        for train, test in PurgedKFold(4, purge=purge).split(windows):
            tested = {row for i in test for row in range(windows.starts[i], windows.stops[i])}
            shared.append(any(tested & set(range(windows.starts[i], windows.stops[i])) for i in train))
    assert shared == [False] * 4 + [True] * 4


def test_the_embargo_lies_behind_alone():
    for train, test in PurgedKFold(4, purge=2, embargo=3).split(X):
        away = np.setdiff1d(np.arange(60), np.r_[train, test])
        wanted = np.r_[test[0] - 2 : test[0], test[-1] + 1 : test[-1] + 6]
        assert away.tolist() == wanted[(wanted >= 0) & (wanted < 60)].tolist()


# -- what all splitters have in common -----------------------------------------------------------------------------------

SPLITTERS = [
    RollingOriginSplit(4, test_size=5, train_size=10, stride=3, gap=2),
    PanelTimeSplit(2, test_size=3, time=np.arange(60)),
    PurgedKFold(3, purge=2, embargo=1),
]


@pytest.mark.parametrize("cv", SPLITTERS, ids=lambda cv: type(cv).__name__)
def test_splitters_serve_scikit_learn(cv):
    again = pickle.loads(pickle.dumps(cv))
    assert folds(again, X) == folds(cv, X) == folds(cv, pd.DataFrame(X)) == folds(cv, X.tolist()) == folds(cv, X, Y)
    assert len(folds(cv, X)) == cv.get_n_splits() == cv.get_n_splits(X, Y)
    search = GridSearchCV(Ridge(), {"alpha": [1e-3, 1e3]}, cv=cv).fit(X, Y)
    assert search.best_params_ == {"alpha": 1e-3}
    assert search.n_splits_ == cv.get_n_splits()
    by_hand = [Ridge().fit(X[a], Y[a]).score(X[b], Y[b]) for a, b in cv.split(X)]
    np.testing.assert_allclose(cross_val_score(Ridge(), X, Y, cv=cv), by_hand, rtol=1e-12)
    assert len(folds(cv, Sequences.from_array(X[:, :, None]))) == cv.get_n_splits()


def test_splitters_tell_what_they_are():
    """In scikit-learn's way, line breaks included."""
    words = repr(RollingOriginSplit(3, gap=1)).split()
    assert " ".join(words) == "RollingOriginSplit(gap=1, n_splits=3, stride=None, test_size=None, train_size=None)"
    assert repr(PurgedKFold()) == "PurgedKFold(embargo=0, n_splits=5, purge=0)"


BAD = [
    # in scikit-learn's words, as of every estimator's parameters
    (
        lambda: RollingOriginSplit(0),
        r"^The 'n_splits' parameter of RollingOriginSplit must be an int in .* Got 0 instead",
    ),
    (lambda: RollingOriginSplit(2.0), r"'n_splits' .* must be an int in the range .* Got 2\.0 instead"),
    (lambda: RollingOriginSplit(test_size=0.2), r"'test_size' .* or None\. Got 0\.2 instead"),
    (lambda: PanelTimeSplit(gap=-1), r"^The 'gap' parameter of PanelTimeSplit must be an int .* Got -1 instead"),
    (lambda: PurgedKFold(1), r"^The 'n_splits' parameter of PurgedKFold must be an int in the range \[2"),
    (
        lambda: folds(RollingOriginSplit(4, test_size=5, train_size=10, stride=3, gap=2), np.zeros(25)),
        r"^X has 25 rows; wanted at least 26 for n_splits=4, test_size=5, train_size=10, stride=3 and gap=2\. Give more rows, or f",
    ),
    (
        lambda: folds(RollingOriginSplit(5), np.zeros(5)),
        r"^X has 5 rows; wanted at least 6 for n_splits=5, test_size=1",
    ),
    (
        lambda: folds(PanelTimeSplit(5, test_size=2), PANEL, groups=SHOP),
        r"^series 'a' has 10 rows; wanted at least 11 for",
    ),
    (
        lambda: folds(PanelTimeSplit(5, test_size=4, time="day"), PANEL),
        r"^time, each stamp once, has 18 rows; wanted at least 21",
    ),
    (
        lambda: folds(PanelTimeSplit(), PANEL),
        r"^The 'groups' parameter should not be None: PanelTimeSplit .*; wanted .* Give groups=",
    ),
    (
        lambda: folds(PanelTimeSplit(time="date"), PANEL),
        r"^time='date' is no column of X, which has 'y', 'shop', 'day'; wanted",
    ),
    (
        lambda: folds(PanelTimeSplit(time="day"), [1, 2]),
        r"^time='day' is a column, and X is a list without columns; wanted a table",
    ),
    (
        lambda: folds(PanelTimeSplit(time=DAY), PANEL[:9]),
        r"^time has shape \(26,\) and X has 9 rows; wanted .* name of a column",
    ),
    (
        lambda: folds(PanelTimeSplit(time=[1, np.nan]), X[:2]),
        r"^time is missing in row 1; wanted it in every row\. Drop",
    ),
    (
        lambda: folds(PanelTimeSplit(time=np.array([1, None], dtype=object)), X[:2]),
        r"^time is missing in row 1; wanted it in every row\. Drop",
    ),
    (
        lambda: folds(PanelTimeSplit(series_id="shop"), pd.DataFrame({"shop": pd.array(["a", pd.NA], dtype="string")})),
        r"^series_id is missing in row 1; wanted it in every row\. Drop",
    ),
    (
        lambda: folds(PanelTimeSplit(2, test_size=1, time="day"), pd.DataFrame({"day": ["9", "10", "11"]})),
        r"^time holds text, such as 9; wanted times or numbers, .* Turn it into times first",
    ),
    (
        lambda: folds(PanelTimeSplit(2, series_id="a"), pd.DataFrame([[1, 2], [1, 2]], columns=["a", "a"])),
        r"^series_id='a' stands for an array of shape \(2, 2\) in X; wanted one column\. Give a name that stands once",
    ),
    (lambda: folds(PurgedKFold(5), np.zeros(4)), r"^X has 4 rows and n_splits=5; wanted a row for each fold\. Give"),
    (
        lambda: folds(PurgedKFold(3, purge=9, embargo=1), np.zeros(12)),
        r"^X has 12 rows, and purge=9 and embargo=1 leave none to train on in fold 0, which tests rows 0 to 3; wanted .* Give",
    ),
    (lambda: time_train_test_split(), r"^time_train_test_split was given no array; wanted at least one\. Give X"),
    (
        lambda: time_train_test_split(X, test_size=1.5),
        r"^test_size=1\.5; wanted a number of rows, at least 1, or a share .* give 0",
    ),
    (lambda: time_train_test_split(X, valid_size=0), r"^valid_size=0; wanted a number of rows"),
    (lambda: time_train_test_split(X, test_size=True), r"^test_size=True; wanted"),
    (lambda: time_train_test_split(X, gap=0.5), r"^gap=0\.5; wanted a whole number, at least 0"),
    (
        lambda: time_train_test_split(X, test_size=30, valid_size=20, gap=5),
        r"^60 rows, of which 30 to test, 20 to validate and 5 in each gap leave none to train on; wanted .* Give more",
    ),
    (
        lambda: time_train_test_split(X, None),
        r"^time_train_test_split was given None as array 1; wanted .* Leave it out",
    ),
    (lambda: time_train_test_split(X, Y[:9]), "inconsistent numbers of samples"),
]


def test_columns_of_a_list_of_rows_are_read_by_position():
    rows = [["a", 1.0], ["b", 5.0], ["a", 2.0], ["b", 6.0]]
    assert folds(PanelTimeSplit(1, test_size=1, series_id=0), rows) == [([0, 1], [2, 3])]


@pytest.mark.parametrize("call, message", BAD)
def test_bad_sizes_end_in_three_parts(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# -- one split -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("test_size, valid_size, gap, sizes", [
    (None, None, 0, (45, 15)), (0.1, None, 4, (50, 6)), (7, 0.21, 2, (36, 13, 7)), (0.5, 1, 0, (29, 1, 30)),
])  # fmt: skip
def test_parts_follow_each_other(test_size, valid_size, gap, sizes):
    parts = time_train_test_split(np.arange(60), test_size=test_size, valid_size=valid_size, gap=gap)
    assert tuple(map(len, parts)) == sizes
    assert parts[0][0] == 0 and parts[-1][-1] == 59
    for early, late in pairwise(parts):
        assert late[0] - early[-1] == gap + 1


def test_containers_are_kept():
    arrays = (X, Y, pd.DataFrame(X), pl.DataFrame(X), pd.Series(Y), list(Y), Sequences.from_array(X[:, :, None]))
    parts = time_train_test_split(*arrays, valid_size=5)
    assert len(parts) == 3 * len(arrays)
    for i, array in enumerate(arrays):
        for part in parts[3 * i : 3 * i + 3]:
            assert type(part) is type(array)
    pd.testing.assert_frame_equal(parts[8], pd.DataFrame(X)[45:])
    assert parts[15] == list(Y[:40])


# -- back-tests ----------------------------------------------------------------------------------------------------------


class Last(RegressorMixin, BaseEstimator):
    """Repeats the last target, a column of X; needs no y."""

    def __init__(self, series_id=None, bias=0.0):
        self.series_id, self.bias = series_id, bias

    def fit(self, X, y=None):
        self.last_ = X["y"].iloc[-1] + self.bias
        return self

    def predict(self, X):
        return np.full(len(X), self.last_)

    def predict_interval(self, X, coverage=0.9):
        return self.predict(X)[:, None] + [-coverage, coverage]

    def read_targets(self, X):
        return X["y"].to_numpy()

    def score(self, X, y=None):
        return -mean_absolute_error(self.read_targets(X), self.predict(X))


def test_a_backtest_is_a_loop():
    cv = RollingOriginSplit(4, test_size=6, gap=2)
    found = backtest(Ridge(), X, Y, cv=cv, return_estimators=True)
    wanted, fold, scores = np.full(60, np.nan), np.full(60, -1), []
    for k, (train, test) in enumerate(cv.split(X)):
        model = Ridge().fit(X[train], Y[train])
        wanted[test], fold[test] = model.predict(X[test]), k
        scores.append(model.score(X[test], Y[test]))
        np.testing.assert_array_equal(found.estimators[k].coef_, model.coef_)
        np.testing.assert_array_equal(found.splits[k][1], test)
    np.testing.assert_array_equal(found.predictions, wanted)
    np.testing.assert_array_equal(found.fold, fold)
    np.testing.assert_array_equal(found.scores, scores)
    np.testing.assert_array_equal(found.scores, cross_val_score(Ridge(), X, Y, cv=cv))
    assert np.isnan(found.predictions).sum() == 36
    parallel = backtest(Ridge(), X, Y, cv=cv, n_jobs=2)
    np.testing.assert_array_equal(parallel.predictions, wanted)
    assert parallel.estimators is None


def test_a_backtest_of_all_rows_is_cross_val_predict():
    for cv in (KFold(4), PurgedKFold(4), LeaveOneOut()):
        found = backtest(LinearRegression(), X, Y, cv=cv, scoring="neg_mean_absolute_error", allow_future=True)
        np.testing.assert_array_equal(found.predictions, cross_val_predict(LinearRegression(), X, Y, cv=cv))
        assert (found.fold >= 0).all()


@pytest.mark.parametrize(
    "container", [pd.DataFrame, pl.DataFrame, np.ndarray.tolist, lambda a: Sequences.from_array(a[:, :, None])]
)
def test_containers_of_a_backtest(container):
    given = container(X)
    model = LinearRegression()
    if isinstance(given, Sequences):
        model = make_pipeline(FunctionTransformer(lambda s: s.to_padded()[:, :, 0]), model)
    found = backtest(model, given, pd.Series(Y), cv=3)
    np.testing.assert_allclose(found.predictions, backtest(LinearRegression(), X, Y, cv=3).predictions, rtol=1e-9)


def test_the_later_fold_wins():
    cv = RollingOriginSplit(3, test_size=4, stride=2)
    found = backtest(DummyRegressor(), X[:20], np.arange(20.0), cv=cv)
    assert found.fold.tolist() == [-1] * 12 + [0, 0, 1, 1, 2, 2, 2, 2]
    assert found.predictions[12:].tolist() == [5.5, 5.5, 6.5, 6.5] + [7.5] * 4  # the mean of what came before
    assert len(found.scores) == 3


def test_what_the_answer_may_be():
    cv = RollingOriginSplit(2, test_size=5)
    two = np.column_stack([Y, -Y])
    assert backtest(Ridge(), X, two, cv=cv).predictions.shape == (60, 2)
    frame = pd.DataFrame({"y": Y})
    band = backtest(Last(), frame, cv=cv, method="predict_interval")
    assert band.predictions.shape == (60, 2)
    wide = backtest(Last(), frame, cv=cv, method=lambda model, X: model.predict_interval(X, coverage=2.0))
    np.testing.assert_allclose(np.diff(wide.predictions[50:]), 4.0)
    labels = np.where(np.arange(60) % 2, "odd", "even")
    named = backtest(DummyClassifier(), X, labels, cv=cv)
    assert set(named.predictions[50:]) == {"even"} and named.predictions[0] != named.predictions[0]
    proba = backtest(LogisticRegression(), X, labels, cv=cv, method="predict_proba").predictions
    np.testing.assert_allclose(proba[50:].sum(axis=1), 1)
    whole = backtest(DummyClassifier(), X, np.arange(60) % 2, cv=cv).predictions
    assert whole.dtype == np.float64
    single = backtest(Ridge(), X.astype(np.float32), Y.astype(np.float32), cv=cv).predictions
    assert single.dtype == np.float32


def test_forecasters_without_y_and_their_scores():
    frame = pd.DataFrame({"y": Y})
    cv = RollingOriginSplit(5, test_size=4)
    found = backtest(Last(), frame, cv=cv)
    starts = [40, 44, 48, 52, 56]
    np.testing.assert_array_equal(found.predictions[40:], np.repeat([Y[start - 1] for start in starts], 4))
    errors = [np.abs(Y[s : s + 4] - Y[s - 1]).mean() for s in starts]
    np.testing.assert_allclose(found.scores, [-error for error in errors])
    mae = forecast_scorer(mean_absolute_error)
    np.testing.assert_allclose(backtest(Last(), frame, cv=cv, scoring=mae).scores, found.scores)
    several = backtest(Last(), frame, cv=cv, scoring={"mae": mae, "own": lambda e, X, y=None: e.score(X)}).scores
    np.testing.assert_allclose(several["mae"], several["own"])
    theirs = cross_validate(Ridge(), X, Y, cv=cv, scoring=["r2", "neg_median_absolute_error"])
    for name, values in backtest(Ridge(), X, Y, cv=cv, scoring=["r2", "neg_median_absolute_error"]).scores.items():
        np.testing.assert_array_equal(values, theirs[f"test_{name}"])
    named = backtest(Ridge(), X, Y, cv=cv, scoring="neg_median_absolute_error").scores
    np.testing.assert_array_equal(named, theirs["test_neg_median_absolute_error"])


def test_searches_are_backtested_and_hand_on_intervals():
    frame = pd.DataFrame({"y": Y})
    search = GridSearchCV(Last(), {"bias": [-50.0, 0.0]}, cv=RollingOriginSplit(2, test_size=4))
    found = backtest(
        search, frame, cv=RollingOriginSplit(2, test_size=5), method="predict_interval", return_estimators=True
    )
    np.testing.assert_allclose(found.predictions[55:], Y[54] + np.tile([-0.9, 0.9], (5, 1)))
    assert [one.best_params_ for one in found.estimators] == [{"bias": 0.0}] * 2


def test_pipelines_are_backtested_and_hand_on_intervals():
    frame = pd.DataFrame({"y": Y})
    shift = FunctionTransformer(lambda frame: frame + 10.0)
    cv = RollingOriginSplit(2, test_size=5)
    mae = forecast_scorer(mean_absolute_error)
    for model in (
        make_pipeline(shift, Last()),
        GridSearchCV(make_pipeline(shift, Last()), {"last__bias": [0.0]}, cv=cv),
    ):
        found = backtest(model, frame, cv=cv, method="predict_interval", scoring=mae)
        plain = backtest(Last(), frame + 10.0, cv=cv, method="predict_interval", scoring=mae)
        np.testing.assert_array_equal(found.predictions, plain.predictions)
        np.testing.assert_array_equal(found.scores, plain.scores)
    with pytest.raises(ValueError, match=r"^method='predict_quantiles' and Last has no such method"):
        backtest(make_pipeline(shift, Last()), frame, cv=cv, method="predict_quantiles")


def test_an_estimator_without_a_score():
    class Plain(BaseEstimator):
        def fit(self, X, y):
            return self

        def predict(self, X):
            return np.zeros(len(X))

    assert backtest(Plain(), X, Y).scores is None


def test_a_gap_keeps_targets_out_of_the_test_part():
    """White noise a step ahead of which is its own future: with the gap no target of training lies in the test part."""
    table = RNG.normal(size=(80, 1))
    data, target, gap = make_supervised(table, horizon=5)
    seen = []

    class Spy(DummyRegressor):
        def fit(self, X, y):
            seen.append(y)
            return super().fit(X, y)

    found = backtest(Spy(), data, target, cv=RollingOriginSplit(3, test_size=4, gap=gap))
    for (_, test), trained in zip(found.splits, seen, strict=True):
        # target t is row t + 5 of the table; the origin of the fold is the first row that is tested
        assert not np.isin(trained, table[test[0] + 5 :, 0]).any()
        assert np.isin(trained, table[: test[0] + 1, 0]).all()


# -- what is refused -----------------------------------------------------------------------------------------------------


def test_a_fold_that_trains_on_the_future_is_refused():
    message = (
        r"^fold 0 trains on rows that lie behind or among those it tests: 40 of 40, the first is row 20, while it tests rows 0 to 19 of "
        r"the same series; wanted training rows before them\. Give cv=RollingOriginSplit\(\), .* allow_future=True"
    )
    with pytest.raises(ValueError, match=message):
        backtest(Ridge(), X, Y, cv=KFold(3))
    with pytest.raises(
        ValueError, match=r"^fold 1 trains on rows .* 1 of 3, the first is row 5, while it tests rows 4 to 6"
    ):
        backtest(Ridge(), X, Y, cv=[([0, 1], [2, 3]), ([0, 1, 5], [4, 6])])
    with pytest.raises(ValueError, match=r"1 of 3, the first is row 4"):  # a row on both sides
        backtest(Ridge(), X, Y, cv=[([0, 1, 4], [4, 6])])
    assert backtest(Ridge(), X, Y, cv=KFold(3), allow_future=True).fold.tolist() == np.repeat([0, 1, 2], 20).tolist()


def test_order_is_that_of_each_series():
    groups = np.repeat(["a", "b"], 30)
    found = backtest(Ridge(), X, Y, cv=PanelTimeSplit(2, test_size=4), groups=groups)
    assert np.flatnonzero(found.fold == 1).tolist() == [*range(26, 30), *range(56, 60)]
    with pytest.raises(ValueError, match=r"^fold 0 trains on rows"):
        backtest(Ridge(), X, Y, cv=list(PanelTimeSplit(2, test_size=4).split(X, groups=groups)))
    backtest(Ridge(), X, Y, cv=GroupKFold(2), groups=groups)  # series that were never seen have no future
    frame = pd.DataFrame({"y": Y, "shop": groups})
    backtest(Last(), frame, cv=PanelTimeSplit(2, series_id="shop"))
    backtest(Last("shop"), frame, cv=list(PanelTimeSplit(2, series_id="shop").split(frame)))
    backtest(
        GridSearchCV(Last("shop"), {"bias": [0.0]}, cv=2), frame, cv=list(PanelTimeSplit(2).split(frame, groups=groups))
    )


def test_order_is_that_of_stamps_where_there_are_some():
    shuffled = PANEL.sample(frac=1, random_state=0).reset_index(drop=True)
    backtest(Last(), shuffled, cv=PanelTimeSplit(2, test_size=3, time="day"))
    when = shuffled["day"].to_numpy()

    class Late(KFold):
        """Trains on the later part."""

        time = "day"

        def split(self, X, y=None, groups=None):
            yield np.flatnonzero(when > when[3]), np.flatnonzero(when <= when[3])

    with pytest.raises(ValueError, match=r"^fold 0 trains on rows that lie behind"):
        backtest(Last(), shuffled, cv=Late())


@pytest.mark.parametrize("options, message", [
    ({"method": "predict_quantiles"}, r"^method='predict_quantiles' and Ridge has no such method; wanted one it has\. Give 'predict'"),
    ({"method": lambda model, X: model.predict(X)[:2]}, r"^method gave an answer of shape \(2,\) for 10 rows; wanted one row for each"),
    ({"method": lambda model, X: 0.0}, r"^method gave an answer of shape \(\) for 10 rows; wanted"),
    ({"cv": []}, r"^cv gave no fold; wanted at least one\. Give RollingOriginSplit"),
    ({"cv": [([], [1])]}, r"^cv gave a fold without rows; wanted"),
    ({"cv": [([0], [60])]}, r"^cv gave row 60 and X has 60 rows; wanted rows of X\. Make"),
    ({"cv": [([0], [-1])]}, r"^cv gave row -1 and X has 60 rows; wanted rows of X\. Make"),
    ({"cv": [([0.0], [1.0])]}, r"^cv gave rows of dtype float64 and shape \(1,\); wanted whole numbers of rows, or a mask"),
    ({"cv": [([[0]], [[1]])]}, r"^cv gave rows of dtype int64 and shape \(1, 1\); wanted"),
    ({"cv": [([True, False], [False, True])]}, r"^cv gave rows of dtype bool and shape \(2,\); wanted .* of shape \(60,\)"),
    ({"method": None}, r"^method=None; wanted the name of a method, such as 'predict', or a function of"),
    ({"cv": 60}, r"^X has 60 rows; wanted at least 61 for n_splits=60"),
])  # fmt: skip
def test_bad_backtests(options, message):
    with pytest.raises(ValueError, match=message):
        backtest(Ridge(), X, Y, **options)


def test_a_named_scorer_needs_y():
    with pytest.raises(
        ValueError, match=r"^scoring='r2' and y is None; wanted targets, .* Give y, .* or a scorer that asks"
    ):
        backtest(Last(), pd.DataFrame({"y": Y}), scoring="r2")


def test_answers_of_folds_must_fit_together():
    labels = np.r_[np.arange(50) % 2, np.full(10, 2)]
    with pytest.raises(
        ValueError, match=r"^folds gave answers of different shapes for a row, \(2,\), \(3,\); wanted one shape"
    ):
        backtest(LogisticRegression(), X, labels, cv=RollingOriginSplit(2, test_size=5), method="predict_proba")


def test_the_estimator_given_stays_as_it_is():
    model = QuantileRegressor()
    backtest(model, X, Y, cv=2)
    assert not hasattr(model, "coef_")
