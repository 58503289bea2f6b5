"""What every transformer promises, whatever it computes. All transformers of the room are discovered."""

import doctest
import inspect
import itertools
import pickle
import subprocess
import sys
import typing

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import check_estimator

import sklearn_seq.preprocessing as room
from sklearn_seq.preprocessing import FrameEncoder, GroupScaler, IntervalQuantiles, SlidingWindow
from sklearn_seq.sequences import Sequences

CLASSES = [
    thing for name in room.__all__ if inspect.isclass(thing := getattr(room, name)) and issubclass(thing, BaseEstimator)
]
CLASSES = [cls for cls in CLASSES if get_tags(cls()).input_tags.two_d_array]  # those of text have tests of their own
CLASSES.remove(IntervalQuantiles)  # gives features of sequences, no sequences: see test_intervals.py
CLASSES.remove(FrameEncoder)  # whose columns and patches want images: see test_frames.py
# sound is one feature, of many steps; and groups are more than one sequence: see test_audio.py
CLASSES = [cls for cls in CLASSES if "sample_rate" not in cls().get_params() and cls is not GroupScaler]
OF_SEQUENCES = [cls for cls in CLASSES if cls is not SlidingWindow]
OVER_TIME = [cls for cls in CLASSES if "rows" in cls().get_params()]


def variants(cls, **fixed):
    """The estimators that the choices among words and switches allow; what `fit` refuses is left out."""
    hints = typing.get_type_hints(cls.__init__)
    choices = {}
    for name, hint in hints.items():
        if typing.get_origin(hint) is typing.Literal:
            choices[name] = typing.get_args(hint)
        elif hint is bool:
            choices[name] = (False, True)
    choices |= {name: (value,) for name, value in fixed.items() if name in hints}
    for values in itertools.product(*choices.values()):
        estimator = cls(**dict(zip(choices, values, strict=True)))
        try:
            clone(estimator).fit(np.arange(12.0).reshape(6, 2))
        except ValueError as error:
            assert "Use" in str(error), error  # a refusal says what to do
            continue
        yield estimator


def parametrized(classes, **fixed):
    found = [estimator for cls in classes for estimator in variants(cls, **fixed)]
    assert len(found) >= len(classes)
    return pytest.mark.parametrize("estimator", found, ids=lambda e: repr(e).replace("\n", "").replace(" ", ""))


def data(seed=0, n_features=2, nan=False):
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=(t, n_features)).cumsum(axis=0) for t in (9, 1, 4, 9, 2, 6, 3)]
    if nan:
        for array in arrays:
            array[rng.random(array.shape) < 0.3] = np.nan
        arrays[4][:, 1] = np.nan
    return arrays


def allows_nan(estimator):
    return estimator.__sklearn_tags__().input_tags.allow_nan


def sequences_of(result):
    """What came out, as a list of arrays, whatever its kind."""
    return result.to_list() if isinstance(result, Sequences) else list(result)


def same(a, b):
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


# -- scikit-learn's own checks -----------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("cls", OF_SEQUENCES)
def test_scikit_learn_finds_nothing(cls):
    found = [r for r in check_estimator(cls(), on_fail=None) if r["status"] == "failed"]
    assert not found, [(r["check_name"], r["exception"]) for r in found]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("check", ["check_param_validation", "check_dataframe_column_names_consistency"])
def test_checks_that_check_estimator_leaves_out(cls, check):
    getattr(estimator_checks, check)(cls.__name__, cls())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "estimator",  # what gives sequences alone has no columns to name
    [
        *(made for cls in OF_SEQUENCES if hasattr(made := cls(), "get_feature_names_out")),
        SlidingWindow(3, output="flat"),
    ],
)
@pytest.mark.parametrize(
    "check",
    [
        "check_set_output_transform",
        "check_set_output_transform_pandas",
        "check_global_output_transform_pandas",
        "check_set_output_transform_polars",
        "check_global_set_output_transform_polars",
        "check_transformer_get_feature_names_out",
        "check_transformer_get_feature_names_out_pandas",
        "check_get_feature_names_out_error",
    ],
)
def test_frames_come_out_where_asked_for(estimator, check):
    getattr(estimator_checks, check)(type(estimator).__name__, estimator)


class _Padded(SlidingWindow):
    """The windows as an array, so that scikit-learn can compare them."""

    def transform(self, X):
        return super().transform(X).to_padded(0.0)


BY_DEFINITION = {"check_methods_sample_order_invariance", "check_methods_subset_invariance"}
BY_CONTAINER = {"check_array_api_input"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("output", ["sequences", "array", "flat"])
def test_windows_fail_what_they_must_and_nothing_else(output):
    def failed(estimator):
        return {r["check_name"] for r in check_estimator(estimator, on_fail=None) if r["status"] == "failed"}

    if output != "sequences":
        assert failed(SlidingWindow(output=output)) == BY_DEFINITION
        return
    # the array API check runs with SCIPY_ARRAY_API=1 only
    assert failed(SlidingWindow()) | {"check_array_api_input"} == BY_DEFINITION | BY_CONTAINER
    assert failed(_Padded()) == BY_DEFINITION  # it is only the comparison of containers that fails


@pytest.mark.parametrize("name", room.__all__)
def test_examples_run(name):
    thing = getattr(room, name)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    tests = [test for test in doctest.DocTestFinder(recurse=False).find(thing, name, module=False) if test.examples]
    assert tests or name == "Supervised"
    for test in tests:
        text = []
        runner.run(test, out=text.append)
        assert not runner.failures, "".join(text)


def test_the_room_needs_no_torch():
    code = "import sys, sklearn_seq.preprocessing as p; p.SlidingWindow(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# -- kinds -------------------------------------------------------------------------------------------------------------


@parametrized(OF_SEQUENCES)
def test_kind_in_kind_out_with_the_same_numbers(estimator):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, 8, 2))
    if getattr(estimator, "rows", "samples") == "time":
        with pytest.raises(ValueError, match=r"reads one table .* Give one table, or set rows='samples'"):
            clone(estimator).fit(X)
        with pytest.raises(ValueError, match="reads one table"):
            clone(estimator).fit(Sequences.from_array(X))
        return
    cube = clone(estimator).fit_transform(X)
    assert type(cube) is np.ndarray and cube.ndim == 3 and len(cube) == 5
    for given in (list(X), Sequences.from_array(X)):
        ragged = clone(estimator).fit_transform(given)
        assert isinstance(ragged, Sequences) or type(estimator) is room.PadTruncate
        for a, b in zip(cube, sequences_of(ragged), strict=True):
            same(a, b)
    flat = clone(estimator).fit_transform(X[:, :, 0])
    of_one = clone(estimator).fit_transform(X[:, :, :1])
    assert type(flat) is np.ndarray and flat.ndim == (2 if of_one.shape[2] == 1 else 3)
    same(flat.reshape(of_one.shape), of_one)


@parametrized(OF_SEQUENCES)
def test_float32_stays_and_anything_else_is_float64(estimator):
    X = np.arange(24).reshape(4, 6)
    for dtype in (np.float32, np.float64, np.int64):
        wanted = np.float32 if dtype == np.float32 else np.float64
        assert clone(estimator).fit_transform(X.astype(dtype)).dtype == wanted
        assert clone(estimator).fit_transform(pd.DataFrame(X.astype(dtype))).dtype == wanted
        if getattr(estimator, "rows", "samples") == "samples":
            assert clone(estimator).fit_transform(list(X.astype(dtype))).dtype == wanted


@parametrized(OF_SEQUENCES, rows="samples")
def test_neither_mates_nor_padding_change_an_answer(estimator):
    arrays = data(nan=allows_nan(estimator))
    fitted = clone(estimator).fit(arrays)
    together = sequences_of(fitted.transform([*arrays, np.full((3, 2), 1e15), arrays[0]]))
    for array, result in zip(arrays, together, strict=False):
        same(sequences_of(fitted.transform([array]))[0], result)


@parametrized(OF_SEQUENCES, rows="samples")
def test_windows_that_share_rows_are_treated_one_by_one(estimator):
    table = np.concatenate(data(1, nan=allows_nan(estimator)))
    windows = SlidingWindow(5).fit_transform(table)
    copies = [window.copy() for window in windows]
    for chosen in (slice(None), slice(7, 20), [3, 30, 4, 4]):
        part = windows[chosen]
        apart = [copies[i] for i in np.arange(len(copies))[chosen]]
        shared, single = clone(estimator).fit(part), clone(estimator).fit(apart)
        for name, value in vars(single).items():
            if name.endswith("_") and isinstance(value, np.ndarray):
                np.testing.assert_allclose(vars(shared)[name], value, rtol=1e-12, atol=1e-12, err_msg=name)
        result = single.transform(part)
        for a, b in zip(sequences_of(result), sequences_of(single.transform(apart)), strict=True):
            same(a, b)
        if isinstance(result, Sequences):
            assert result._source == windows._source
            same(result._offsets, part._offsets)
    same(windows.values, table)  # and the windows given are as they were


@parametrized(OF_SEQUENCES, rows="samples")
def test_rows_between_the_sequences_do_not_matter(estimator):
    X = Sequences.from_list(data(nan=allows_nan(estimator)))
    junk = np.full((len(X.values) + 4, 2), np.nan)
    junk[::2] = np.inf
    junk[2:-2] = X.values
    junk[11] = np.inf  # row 9, the whole of the second sequence, which is left out
    rest = [0, 2, 3, 4, 5, 6]
    loose = Sequences(junk, X.starts + 2, X.stops + 2)[rest]
    fitted, wanted = clone(estimator).fit(loose), clone(estimator).fit(X[rest])
    for a, b in zip(sequences_of(fitted.transform(loose)), sequences_of(wanted.transform(X[rest])), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@parametrized(OF_SEQUENCES)
def test_the_input_is_neither_changed_nor_handed_out(estimator):
    X = np.random.default_rng(0).normal(size=(6, 5))
    before = X.copy()
    result = clone(estimator).fit_transform(X)
    same(X, before)
    result[...] = 77.0
    same(X, before)


@parametrized(OF_SEQUENCES, rows="samples")
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_global_wish_for_frames_leaves_sequences_alone(estimator, library):
    arrays = data()
    fitted = clone(estimator).fit(arrays)
    plain = fitted.transform(arrays)
    with config_context(transform_output=library):
        wished = fitted.transform(arrays)
        cube = clone(estimator).fit_transform(np.zeros((3, 4, 2)) + np.arange(4.0)[:, None])
        flat = clone(estimator).fit_transform(np.zeros((3, 4)) + np.arange(4.0))
    assert type(wished) is type(plain) and type(cube) is np.ndarray
    assert type(flat).__module__.startswith(library) or flat.ndim == 3
    assert not hasattr(fitted, "get_feature_names_out")
    fitted.set_output(transform=library)  # a pipeline asks all its steps
    assert type(fitted.transform(arrays)) is type(plain)


def test_names_stay_where_columns_stay():
    frame = pd.DataFrame(np.arange(12.0).reshape(4, 3) ** 2, columns=["load", "wind", "sun"], index=list("abcd"))
    for cls in OVER_TIME:
        for rows in ("samples", "time"):
            result = cls(rows=rows).set_output(transform="pandas").fit_transform(frame)
            assert list(result.columns) == list(frame.columns) and list(result.index) == list("abcd")


# -- time --------------------------------------------------------------------------------------------------------------


def moved_rows(estimator, table):
    """For each row, the first row of the output that a spike there moves."""
    estimator = clone(estimator)
    if "n_sigmas" in estimator.get_params():
        estimator.set_params(n_sigmas=0.5)  # so that much is clipped, and a change of the window shows
    fitted = estimator.fit(table)
    plain = sequences_of(fitted.transform(table))
    first = []
    for t in range(len(table)):
        spiked = table.copy()
        spiked[t] = np.where(np.isnan(spiked[t]), 5.0, spiked[t] + 1e3)
        after = sequences_of(fitted.transform(spiked))
        moved = [not np.array_equal(a, b, equal_nan=True) for a, b in zip(plain, after, strict=True)]
        first.append(moved.index(True) if any(moved) else len(table))
    return np.array(first)


@pytest.mark.parametrize(
    "cls", [*OVER_TIME, *(cls for cls in CLASSES if not cls().__sklearn_tags__().input_tags.three_d_array)]
)
def test_a_spike_moves_no_row_before_it(cls):
    tried = 0
    for estimator in variants(cls, rows="time", centered=False):
        table = np.random.default_rng(3).normal(size=(25, 2)).cumsum(axis=0)
        if allows_nan(estimator):
            table[[0, 7, 8, 20], [1, 0, 0, 1]] = np.nan
        first = moved_rows(estimator, table)
        assert (first >= np.arange(25)).all(), estimator
        assert (first == np.arange(25)).any(), estimator
        tried += 1
    assert tried


def test_the_spike_test_sees_what_looks_ahead():
    seen = set()
    for cls in OVER_TIME:
        if "centered" not in cls().get_params():
            continue
        for estimator in variants(cls, rows="time", centered=True):
            table = np.random.default_rng(3).normal(size=(25, 2)).cumsum(axis=0)
            if allows_nan(estimator):
                table[[7, 8, 20], [0, 0, 1]] = np.nan
            if (moved_rows(estimator, table) < np.arange(25)).any():
                seen.add((cls.__name__, estimator.method))
    assert seen == {
        ("SequenceImputer", "linear"),
        ("OutlierClipper", "hampel"),
        ("Smoother", "mean"),
        ("Smoother", "savgol"),
    }


# -- life of an estimator ----------------------------------------------------------------------------------------------


@parametrized(OF_SEQUENCES)
def test_a_fit_that_fails_changes_nothing(estimator):
    fitted = clone(estimator).fit(np.arange(12.0).reshape(4, 3))
    before = {name: pickle.dumps(value) for name, value in vars(fitted).items()}
    bad = np.arange(8.0).reshape(4, 2)
    bad[2, 1] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        fitted.fit(bad)
    with pytest.raises(ValueError, match="1D array"):
        fitted.fit(np.arange(3.0))
    assert before == {name: pickle.dumps(value) for name, value in vars(fitted).items()}
    if getattr(estimator, "rows", "samples") == "samples":  # and one that succeeds leaves nothing behind
        fitted.fit(data())
        fresh = clone(estimator).fit(data())
        assert vars(fitted).keys() == vars(fresh).keys()


@parametrized(CLASSES)
def test_clones_and_pickles_answer_alike(estimator):
    X = np.random.default_rng(0).normal(size=(8, 5))
    fitted = clone(estimator).fit(X)
    for other in (pickle.loads(pickle.dumps(fitted)), clone(fitted).fit(X)):
        for a, b in zip(sequences_of(other.transform(X)), sequences_of(fitted.transform(X)), strict=True):
            same(a, b)


@parametrized(OF_SEQUENCES)
def test_missing_values_pass_where_the_tag_says_so(estimator):
    table = np.arange(20.0).reshape(5, 4)
    table[2, 1] = np.nan
    if allows_nan(estimator):
        clone(estimator).fit_transform(table)
        return
    of_time = getattr(estimator, "rows", "samples") == "time"
    where = "row 2, column 1" if of_time else r"X\[2\], timestep 1"
    with pytest.raises(ValueError, match=rf"contains NaN: {where}.*SequenceImputer"):
        clone(estimator).fit(table)
    if of_time:
        frame = pd.DataFrame(table, columns=list("abcd"))
        with pytest.raises(ValueError, match="row 2, column 'b'"):
            clone(estimator).fit(frame)


def test_pipelines_and_searches():
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(rng.integers(5, 12), 2)) + 2 * (i % 2) for i in range(40)]
    y = np.arange(40) % 2
    model = make_pipeline(
        room.SequenceImputer(),
        room.OutlierClipper(),
        room.Smoother(),
        room.SequenceScaler(),
        room.PadTruncate(length=8),
        _Flat(),
        LogisticRegression(),
    )
    search = GridSearchCV(model, {"padtruncate__length": [4, 8], "smoother__window": [1, 3]}, cv=2).fit(arrays, y)
    assert search.best_score_ > 0.9

    table = np.sin(np.arange(300) / 7)[:, None] + 0.01 * rng.normal(size=(300, 1))
    X, y, gap = room.make_supervised(table, horizon=4)
    model = make_pipeline(
        room.SequenceScaler(rows="time"), room.Smoother(rows="time", window=2), SlidingWindow(output="flat"), Ridge()
    )
    search = GridSearchCV(model, {"slidingwindow__window": [1, 16]}, cv=TimeSeriesSplit(3, gap=gap)).fit(X, y)
    assert search.best_params_ == {"slidingwindow__window": 16} and search.best_score_ > 0.95


class _Flat(BaseEstimator):
    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return X.reshape(len(X), -1)
