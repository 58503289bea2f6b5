"""Every bad input is refused before torch sees it: what was given, what was wanted, what to do. One row a kind."""

import inspect
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import sparse
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

import sklearn_seq
from sklearn_seq import (
    AutoClassifier,
    CNNClassifier,
    DBNClassifier,
    DeepEnsembleClassifier,
    GRUClassifier,
    GRURegressor,
    InceptionClassifier,
    MCDropoutClassifier,
    RNNClassifier,
    RocketClassifier,
    Sequences,
    SlidingWindow,
    TransformerClassifier,
    VAEClassifier,
)

RNG = np.random.default_rng(0)
N = 8
X3 = RNG.normal(size=(N, 5, 3))
X2 = RNG.normal(size=(N, 5))
RAGGED = [RNG.normal(size=(length, 3)) for length in (4, 5, 6, 4, 3, 7, 5, 4)]
FRAME = pd.DataFrame(X2, columns=list("abcde"))
LABELS = np.array(list("aabbaabb"))
NUMBERS = np.arange(float(N))
DAYS = np.datetime64("2020-01-01")

TASKS = {"classify": (GRUClassifier, LABELS), "regress": (GRURegressor, NUMBERS)}
KINDS = {"2-D": X2, "3-D": X3, "ragged": RAGGED, "frame": FRAME}


def make(task, **params):
    return TASKS[task][0](**{"hidden_size": 2, "max_epochs": 1, "random_state": 0, **params})


def put(value, X=X3, dtype=None):
    """The data with one value replaced, in sequence 2, time step 1, feature 0."""
    new = [np.array(x, dtype=dtype) for x in X]
    new[2][1, 0] = value
    return new if isinstance(X, list) else np.stack(new)


def with_third(item):
    return [*RAGGED[:3], item, *RAGGED[4:]]


# -- X -------------------------------------------------------------------------------------------------------------------


class BadX(NamedTuple):
    """A bad ``X``, refused by fit and partial_fit, and by predict of what was fitted on one of ``kinds``."""

    name: str
    X: Any
    error: type[Exception]
    message: str
    kinds: tuple[str, ...] = ("3-D", "ragged")


NO_ROWS = (
    r"^X is of type {}; wanted an array \(n_samples, n_timesteps\[, n_features\]\), a list of arrays.*Reshape your data"
)
NAN = r"^Input X contains NaN: X\[2\], timestep 1, feature 0\. GRU\w+ does not accept missing values.*missing='mask'"
INF = (
    r"^Input X contains infinity or a value too large for dtype\('float32'\): X\[2\], timestep 1, feature 0\. "
    r"Clip or scale the data .*dtype='float64'\.$"
)
TEXT = r"^X has dtype {}; wanted numbers\. Encode text as numbers first\.$"
TIME = (
    r" has dtype (datetime|timedelta)64\[\w+\]; wanted numbers\. Turn times into differences in a unit, such as seconds"
)
COMPLEX = r"^Complex data not supported: {} has dtype complex128; give real and imaginary parts as two features$"
MASKED = r"^{} is a masked array; wanted plain numbers\. Give {}\.filled\(np\.nan\) with missing='mask', or cut"
OBJECTS = (
    r"^{} holds objects that are no numbers: could not convert string to float: 'a'\. Encode them as numbers first\.$"
)
ALL = ("2-D", "3-D", "ragged", "frame")

BAD_X = [
    BadX("None", None, ValueError, NO_ROWS.format("NoneType"), ALL),
    BadX("a number", 3.0, ValueError, NO_ROWS.format("float"), ALL),
    BadX("a text", "hello", ValueError, NO_ROWS.format("str"), ALL),
    BadX("bytes", b"hello", ValueError, NO_ROWS.format("bytes"), ALL),
    BadX("a dict", {"a": X3}, ValueError, NO_ROWS.format("dict"), ALL),
    BadX("a set", {1, 2}, ValueError, NO_ROWS.format("set"), ALL),
    BadX("a function", len, ValueError, NO_ROWS.format("builtin_function_or_method"), ALL),
    BadX("a class", GRUClassifier, ValueError, NO_ROWS.format("type"), ALL),
    BadX("an iterator", iter(RAGGED), ValueError, NO_ROWS.format("list_iterator"), ALL),
    BadX("an estimator", GRUClassifier(), ValueError, NO_ROWS.format("GRUClassifier"), ALL),
    BadX("no dimension", np.array(1.0), ValueError, r"^Expected 2D array, got scalar array instead", ("2-D",)),
    BadX(
        "one dimension", np.arange(8.0), ValueError, r"^Expected 2D array, got 1D array instead[\s\S]*Reshape", ("2-D",)
    ),
    BadX("a list of numbers", [1.0] * N, ValueError, r"^Expected 2D array, got 1D array instead", ("2-D",)),
    BadX(
        "four dimensions",
        np.zeros((N, 5, 3, 2)),
        ValueError,
        r"^X has 4 dimensions \(8, 5, 3, 2\); wanted at most 3 .*X\.reshape\(n_samples, n_timesteps, -1\)",
        ALL,
    ),
    BadX(
        "a list of 3-D",
        [x[None] for x in RAGGED],
        ValueError,
        r"^X\[0\] has shape \(1, 4, 3\); wanted \(n_timesteps, n_f",
    ),
    BadX(
        "a number in a list", with_third(1.0), ValueError, r"^X\[3\] has shape \(\); wanted \(n_timesteps, n_features\)"
    ),
    BadX("None in a list", with_third(None), ValueError, r"^X\[3\] has shape \(\); wanted \(n_timesteps, n_features\)"),
    BadX("text in a list", with_third("abc"), ValueError, r"^X\[3\] is text; wanted an array of numbers"),
    BadX(
        "nested lists that do not fit",
        [[[1, 2], [3]]] * N,
        ValueError,
        r"^X\[0\] has rows of different lengths; wanted an",
    ),
    BadX("NaN in 3-D", put(np.nan), ValueError, NAN),
    BadX("NaN in a list", put(np.nan, RAGGED), ValueError, NAN),
    BadX("NaN in Sequences", Sequences.from_list(put(np.nan, RAGGED)), ValueError, NAN),
    BadX("NaN in 2-D", np.where(X2 == X2[2, 1], np.nan, X2), ValueError, r"NaN: X\[2\], timestep 1\. GRU", ("2-D",)),
    BadX(
        "NaN in a frame",
        FRAME.where(X2 != X2[2, 1]),
        ValueError,
        r"NaN: X\[2\], timestep 1 \(column 'b'\)\. ",
        ("frame",),
    ),
    BadX("None among numbers", put(None, dtype=object), ValueError, NAN),
    BadX("inf in 3-D", put(np.inf), ValueError, INF),
    BadX("both", np.concatenate([put(np.inf)[: N // 2], -put(np.inf)[: N // 2]]), ValueError, INF),
    BadX("-inf in a list", put(-np.inf, RAGGED), ValueError, INF),
    BadX(
        "inf in 2-D",
        np.where(X2 == X2[2, 1], np.inf, X2),
        ValueError,
        r"infinity .*: X\[2\], timestep 1\. Clip",
        ("2-D",),
    ),
    BadX("too large for float32", put(1e300), ValueError, INF),
    BadX("too large in a list", put(1e300, RAGGED), ValueError, INF),
    BadX(
        "an empty list",
        [],
        ValueError,
        r"^Found array with 0 sample\(s\): X is empty; wanted at least one sequence",
        ALL,
    ),
    BadX("an empty 3-D array", X3[:0], ValueError, r"^Found array with 0 sample\(s\) \(shape=\(0, 5, 3\)\) while"),
    BadX(
        "an empty 2-D array", X2[:0], ValueError, r"^Found array with 0 sample\(s\) \(shape=\(0, 5\)\) while", ("2-D",)
    ),
    BadX(
        "empty Sequences",
        Sequences.from_list(RAGGED)[:0],
        ValueError,
        r"^X holds 0 sequences; wanted at least one",
        ALL,
    ),
    BadX(
        "no time steps",
        np.empty((N, 0, 3)),
        ValueError,
        r"^X was read as 8 sequences x 0 timesteps x 3 features; wanted a",
    ),
    BadX(
        "no features",
        np.empty((N, 5, 0)),
        ValueError,
        r"^X was read as 8 sequences x 5 timesteps x 0 features; wanted at",
    ),
    BadX(
        "no features in a list",
        [np.empty((4, 0))] * N,
        ValueError,
        r"8 sequences x 4 timesteps x 0 features; wanted at le",
    ),
    BadX(
        "no columns",
        np.empty((N, 0)),
        ValueError,
        r"0 feature\(s\) \(shape=\(8, 0\)\) while a minimum of 1 is",
        ("2-D",),
    ),
    BadX(
        "length zero",
        with_third(np.empty((0, 3))),
        ValueError,
        r"^X\[3\] has 0 timesteps .*Remove the empty ones \(1 of 8\)",
    ),
    BadX(
        "features that differ",
        with_third(np.zeros((4, 2))),
        ValueError,
        r"sequence 3 has 2 features and sequence 0 has 3",
    ),
    BadX(
        "one transposed",
        with_third(np.zeros((3, 5))),
        ValueError,
        r"has 5 features .*\(it looks transposed: time comes be",
    ),
    BadX(
        "one of one dimension",
        with_third(np.zeros(4)),
        ValueError,
        r"sequence 3 has 1 features and sequence 0 has 3; wanted",
    ),
    BadX("complex 3-D", X3 + 1j, ValueError, COMPLEX.format("X")),
    BadX("complex 2-D", X2 + 1j, ValueError, COMPLEX.format("X"), ("2-D",)),
    BadX("complex in a list", [x + 1j for x in RAGGED], ValueError, COMPLEX.format(r"X\[0\]"), ALL),
    BadX("a sparse matrix", sparse.csr_matrix(X2), TypeError, r"^Sparse data was passed for X.*X\.toarray\(\)", ALL),
    BadX("a sparse array", sparse.coo_array(X2), TypeError, r"^Sparse data was passed for X.*X\.toarray\(\)", ALL),
    BadX(
        "sparse in a list",
        with_third(sparse.csr_matrix(X2)),
        TypeError,
        r"X\[3\] is sparse; .*Use X\[3\]\.toarray\(\)",
        ALL,
    ),
    BadX("objects", put("a", dtype=object), ValueError, OBJECTS.format("X")),
    BadX("objects in a list", put("a", RAGGED, dtype=object), ValueError, OBJECTS.format(r"X\[2\]"), ALL),
    BadX(
        "dicts",
        np.array([[{"a": 1}] * 5] * N, dtype=object),
        TypeError,
        r"argument must be .* string.* number",
        ("2-D",),
    ),
    BadX("text for numbers", np.full((N, 5, 3), "abc"), ValueError, TEXT.format("<U3")),
    BadX("text for numbers in 2-D", np.full((N, 5), "abc"), ValueError, TEXT.format("<U3"), ("2-D",)),
    BadX("numbers written as text", X3.astype("U9"), ValueError, TEXT.format("<U9")),
    BadX("bytes for numbers", np.full((N, 5, 3), b"abc"), ValueError, TEXT.format(r"\|S3")),
    BadX(
        "text for numbers in a list",
        [np.full((4, 3), "abc")] * N,
        ValueError,
        r"^X\[0\] has dtype <U3; wanted numbers\. En",
    ),
    BadX(
        "text and None",
        ["hello", None] * 4,
        TypeError,
        r"^X\[1\] is missing; wanted a str, as other samples are\. Fill missing texts with '', or drop",
        ALL,
    ),
    BadX("text that starts with None", [None, *["hello"] * 7], TypeError, r"^X\[0\] is missing; wanted a str, as", ALL),
    BadX(
        "text that starts with a number",
        [3.0, *["hello"] * 7],
        TypeError,
        r"^X\[0\] is of type float; wanted a str",
        ALL,
    ),
    BadX(
        "a series of numbers",
        pd.Series(np.arange(8.0)),
        ValueError,
        "Expected a 2-dimensional container but got",
        ("2-D",),
    ),
    BadX("text and numbers", ["hello", 3.0] * 4, TypeError, r"^X\[1\] is of type float; wanted a str, as", ALL),
    BadX(
        "bytes in a list",
        [b"hello"] * N,
        TypeError,
        r"^X\[0\] is of type bytes; .*\[text\.decode\(\) for text in X\]",
        ALL,
    ),
    BadX(
        "a series of text with a gap", pd.Series(["a", None] * 4), TypeError, r"^X\[1\] is missing; wanted a str", ALL
    ),
    BadX(
        "words and numbers",
        [["the", "cat"], ["sat", 3]] * 4,
        TypeError,
        r"^X\[1\] is a list with an entry of type int; wanted a list of str, the words of one text",
        ALL,
    ),
    BadX("times", np.full((N, 5, 3), DAYS), ValueError, "^X" + TIME),
    BadX("times in 2-D", np.full((N, 5), DAYS), ValueError, "^X" + TIME, ("2-D",)),
    BadX("times in a list", [np.full((4, 3), DAYS - DAYS)] * N, ValueError, r"^X\[0\]" + TIME, ALL),
    BadX("records", np.zeros((N, 5), dtype=[("a", float)]), ValueError, r"^X has dtype .*; wanted numbers", ("2-D",)),
    BadX("a masked array", np.ma.masked_array(X3, X3 > 1), TypeError, MASKED.format("X", "X"), ALL),
    BadX(
        "a masked array in a list",
        [np.ma.masked_array(x, x > 1) for x in RAGGED],
        TypeError,
        MASKED.format(r"X\[0\]", r"X\[0\]"),
        ALL,
    ),
    BadX(
        "times in a frame",
        FRAME.assign(b=pd.date_range("2020", periods=N)),
        ValueError,
        r"^column 'b' of X has dtype datetime64\[\w+\]; wanted numbers\. Drop it, or turn times into differences",
        ("2-D", "frame"),
    ),
    BadX(
        "times in a polars frame",
        pl.DataFrame({"a": pd.date_range("2020", periods=N).to_numpy(), "b": NUMBERS}),
        ValueError,
        r"^column 'a' of X has dtype Datetime.*; wanted numbers\. Drop it, or turn times into differences",
        ("2-D",),
    ),
    BadX(
        "a name twice", FRAME.set_axis(list("abbcd"), axis=1), ValueError, r"^X has two columns 'b'; wanted each", ALL
    ),
    BadX("text in a frame", FRAME.assign(b="a"), ValueError, OBJECTS.format("X"), ("frame",)),
    BadX(
        "a frame of cells in two columns",
        pd.DataFrame({"a": RAGGED, "b": RAGGED}),
        ValueError,
        r"^X is a frame with 2 columns of arrays; wanted one column.*Join the columns: \[np\.column_stack",
        ALL,
    ),
    BadX(
        "a lazy frame",
        pl.DataFrame(X2).lazy(),
        TypeError,
        r"^X is a lazy frame; wanted its rows\. Give X\.collect\(\)",
        ALL,
    ),
]


def test_there_are_many_kinds():
    names = [row.name for row in [*BAD_X, *BAD_CALLS]] + [name for name, _ in BAD_PARAMS]
    assert len(set(row.name for row in [*BAD_X, *BAD_CALLS])) >= 130
    assert len(names) >= 180


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("row", BAD_X, ids=lambda row: row.name)
def test_bad_X_in_fit(row, task):
    y = TASKS[task][1]
    model = make(task)
    with pytest.raises(row.error, match=row.message):
        model.fit(row.X, y)
    first = {"classes": ["a", "b"]} if task == "classify" else {}
    with pytest.raises(row.error, match=row.message):
        model.partial_fit(row.X, y, **first)
    assert not model.__sklearn_is_fitted__()


@pytest.fixture(scope="module")
def fitted():
    return {(task, kind): make(task).fit(X, TASKS[task][1]) for task in TASKS for kind, X in KINDS.items()}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("row", BAD_X, ids=lambda row: row.name)
def test_bad_X_in_predict(row, task, fitted):
    for kind in row.kinds:
        model = fitted[task, kind]
        for method in ("predict", "predict_proba", "decision_function") if task == "classify" else ("predict",):
            with pytest.raises(row.error, match=row.message):
                getattr(model, method)(row.X)


# -- other calls ---------------------------------------------------------------------------------------------------------


class BadCall(NamedTuple):
    """A call with an unfitted estimator of a task."""

    name: str
    call: Any
    error: type[Exception]
    message: str
    tasks: tuple[str, ...] = ("classify", "regress")
    params: dict[str, Any] = {}


CLASSIFY, REGRESS = ("classify",), ("regress",)
LENGTHS = r"^Found input variables with inconsistent numbers of samples: X has 8 and {} has {}; wanted one"
NOT_FITTED = r"^This GRU\w+ instance is not fitted yet\. Call 'fit' with appropriate arguments before using"
LEVELS = r"^quantiles=.* are no levels; wanted ascending numbers between 0 and 1, such as \(0\.1, 0\.5, 0\.9\)"
MULTIPLE = r"holds several labels a sample \({}\); GRUClassifier gives one class a sequence, so wanted \(8,\)\. Use .*MultiOutputC"
UNSEEN = r"y contains the class 'z', which is not among the classes \['a', 'b'\] of the first fit\. Name all classes in the fi"
CHANGED = r"^warm_start and partial_fit go on from the network of the last fit, but {} was changed from {} to {}\. Set it back"
OTHER_FEATURES = (
    r"X has {} features, but GRU\w+ is expecting 3 features as input: X was read as 8 sequences x 5 timesteps x {} "
)
IN_VALIDATION = r"^In the validation part \(X_val, y_val\): "


def fit_y(y):
    return lambda model, _: model.fit(X3, y)


def fit(X=X3, **more):
    return lambda model, y: model.fit(X, y, **more)


def after(X_fit, X_predict, method="predict"):
    return lambda model, y: getattr(model.fit(X_fit, y), method)(X_predict)


def first_part(model, y, X=X3):
    return model.partial_fit(X, y, **({"classes": ["a", "b"]} if "class_weight" in model.get_params() else {}))


def unfitted(method):
    return lambda model, y: getattr(model, method)(X3, *([y] if method == "score" else []))


BAD_CALLS = [
    # y
    BadCall("y None", fit_y(None), ValueError, r"^This GRU\w+ estimator requires y to be passed, but the target y is None\.$"),
    BadCall("y too short", lambda m, y: m.fit(X3, y[:-1]), ValueError, LENGTHS.format("y", 7)),
    BadCall("y too long", lambda m, y: m.fit(RAGGED, np.r_[y, y]), ValueError, LENGTHS.format("y", 16)),
    BadCall("y empty", fit_y([]), ValueError, LENGTHS.format("y", 0)),
    BadCall("y of another length in partial_fit", lambda m, y: first_part(m, y[:3]), ValueError, LENGTHS.format("y", 3)),
    BadCall("y a number", fit_y(1.0), TypeError, r"^Expected sequence or array-like, got <class 'float'>"),
    BadCall("y a text", fit_y("aabbaabb"), TypeError, r"^Input should have at least 1 dimension"),
    BadCall("y sparse", fit_y(sparse.csr_matrix(np.eye(N))), TypeError, r"^Sparse data was passed for y.*Use y\.toarray\(\)"),
    BadCall("y complex", fit_y(NUMBERS + 1j), ValueError, r"^Complex data not supported"),
    BadCall("y 3-D", fit_y(np.zeros((N, 2, 2))), ValueError, r"dim 3.*<= 2"),
    BadCall("y without columns", fit_y(np.empty((N, 0))), ValueError, r"^Found array with 0 feature\(s\)"),
    BadCall("y of lists that differ", fit_y([[1, 2], [3]] * 4), ValueError, r"inhomogeneous shape|legacy multi-label"),
    BadCall("NaN in y", fit_y(np.r_[NUMBERS[:-1], np.nan]), ValueError, r"^Input y contains NaN\.$"),
    BadCall("a masked y", fit_y(np.ma.masked_equal(np.arange(N), 3)), TypeError, r"^y is a masked array, some values.*Leave the"),
    BadCall("inf in y", fit_y(np.r_[NUMBERS[:-1], np.inf]), ValueError, r"^Input y contains infinity"),
    BadCall("two labels a sample", fit_y(np.c_[LABELS, LABELS]), ValueError, MULTIPLE.format("multiclass-multioutput"), CLASSIFY),
    BadCall("a label matrix", fit_y(np.eye(N, 3, dtype=int)), ValueError, MULTIPLE.format("multilabel-indicator"), CLASSIFY),
    BadCall("continuous y", fit_y(NUMBERS + 0.5), ValueError, r"^Unknown label type: continuous\. Maybe you are", CLASSIFY),
    BadCall(
        "labels of two types",
        fit_y(np.array([*"aabbaab", 1], dtype=object)),
        TypeError,
        r"^y holds labels of different types \(int, str\); wanted one: give all as str",
        CLASSIFY,
    ),
    *(
        BadCall(f"a missing label {y.dtype}", fit_y(y), ValueError, r"^Input y contains NaN: y\[7\] is missing; wanted", CLASSIFY)
        for y in (np.array([*"aabbaab", None], dtype=object), *(pd.Series([*"aabbaab", pd.NA], dtype=d) for d in ("string", "category")))
    ),
    BadCall("labels for numbers", fit_y(LABELS), ValueError, r"^y has dtype <U1; wanted numbers\. For labels use a c", REGRESS),
    BadCall("times for numbers", fit_y(np.full(N, DAYS)), ValueError, r"^y has dtype datetime64\[D\]; wanted numbers", REGRESS),
    BadCall(
        "an object for a number",
        fit_y(np.array([*range(7), "a"], dtype=object)),
        ValueError,
        r"^y holds what is no number: could not convert string to float: 'a'\. For labels use a classifier\.$",
        REGRESS,
    ),
    BadCall("numbers too large", fit_y(NUMBERS * 1e307), ValueError, r"^y has values up to 7e\+307, whose dev.*Scale y", REGRESS),
    # weights
    *(
        BadCall(f"sample_weight {name}", fit(sample_weight=weight), error, message)
        for name, weight, error, message in [
            ("negative", -np.ones(N), ValueError, r"^Negative values in data passed to `sample_weight`: sample_weight\[0\] is -1"),
            ("NaN", np.r_[np.ones(7), np.nan], ValueError, r"^Input sample_weight contains NaN"),
            ("infinite", np.r_[np.ones(7), np.inf], ValueError, r"^Input sample_weight contains infinity"),
            ("too short", np.ones(7), ValueError, r"^sample_weight\.shape == \(7,\), expected \(8,\): one weight a sample"),
            ("all zero", np.zeros(N), ValueError, r"^Sample weights must contain at least one non-zero number\.$"),
            ("zero", 0, ValueError, r"^Sample weights must contain at least one non-zero number\.$"),
            ("2-D", np.ones((N, 1)), ValueError, r"^sample_weight\.shape == \(8, 1\), expected \(8,\)"),
            ("text", ["a"] * N, ValueError, r"^sample_weight holds what is no number: could not convert string"),
            ("sparse", sparse.csr_matrix(np.ones((N, 1))), TypeError, r"[Ss]parse"),
        ]
    ),
    BadCall(
        "sample_weight negative in partial_fit",
        lambda m, y: m.partial_fit(X3, y, sample_weight=-np.ones(N), **({"classes": ["a", "b"]} if y is LABELS else {})),
        ValueError,
        r"^Negative values in data passed to `sample_weight`",
    ),
    BadCall(
        "class_weight of an unknown class",
        fit(),
        ValueError,
        r"^class_weight names \['z'\], but the classes in y are \['a', 'b'\]",
        CLASSIFY,
        {"class_weight": {"z": 1}},
    ),
    BadCall("a negative class_weight", fit(), ValueError, r"weight below 0.*wanted 0 or more", CLASSIFY, {"class_weight": {"a": -1}}),
    BadCall("a text as class_weight", fit(), ValueError, r"no finite number; wanted", CLASSIFY, {"class_weight": {"a": "x"}}),
    # groups and validation
    BadCall("groups too short", fit(groups=np.ones(7)), ValueError, LENGTHS.format("groups", 7)),
    BadCall("groups 2-D", fit(groups=np.ones((N, 2))), ValueError, r"^groups has shape \(8, 2\); wanted one label a sample, \(8,\)"),
    BadCall(
        "groups of two types",
        fit(groups=np.array(["a", None] * 4, dtype=object)),
        TypeError,
        r"^groups holds labels of the types NoneType, str, which cannot be told apart",
    ),
    BadCall(
        "one group with early stopping",
        fit(groups=np.ones(N)),
        ValueError,
        r"^early_stopping=True holds out whole groups, but all rows are of one group; wanted at least 2 groups\. Give X_val",
        params={"early_stopping": True},
    ),
    BadCall(
        "one row with early stopping",
        lambda m, y: m.fit(X3[[0, 0]], y[[0, 0]]),
        ValueError,
        r"there is only 1 distinct row; wanted at least 2\. Give more rows, X_val and y_val, or early_stopping=False",
        params={"early_stopping": True},
    ),
    BadCall(
        "windows that all overlap with early stopping",
        fit(SlidingWindow(6).fit_transform(NUMBERS[:, None])),
        ValueError,
        r"^validation_fraction=0\.9 of 8 overlapping windows leaves no window to train on.*Give more windows, shorter ones",
        params={"early_stopping": True, "validation_fraction": 0.9},
    ),
    BadCall("X_val without y_val", fit(X_val=X3), ValueError, r"^X_val was given without y_val; a validation part needs both$"),
    BadCall("y_val without X_val", fit(y_val=LABELS), ValueError, r"^y_val was given without X_val; a validation part needs bo"),
    BadCall("y_val too short", lambda m, y: m.fit(X3, y, X_val=X3, y_val=y[:3]), ValueError, r"^X_val has 8 samples and y_val has 3"),
    BadCall(
        "an unseen class in y_val",
        fit(X_val=X3, y_val=["a", "z"] * 4),
        ValueError,
        IN_VALIDATION + UNSEEN[: UNSEEN.index(" the first fit")] + r" y; wanted these alone\. Leave such sequences out of X_val",
        CLASSIFY,
    ),
    BadCall(
        "other features in X_val",
        lambda m, y: m.fit(X3, y, X_val=X3[:, :, :2], y_val=y),
        ValueError,
        IN_VALIDATION + OTHER_FEATURES.format(2, 2),
    ),
    BadCall("NaN in X_val", lambda m, y: m.fit(X3, y, X_val=put(np.nan), y_val=y), ValueError, IN_VALIDATION + NAN[1:]),
    BadCall("another kind in X_val", lambda m, y: m.fit(X3, y, X_val=X2, y_val=y), ValueError, IN_VALIDATION + r"X has shape \(8, 5\)"),
    BadCall(
        "more outputs in y_val",
        lambda m, y: m.fit(X3, y, X_val=X3, y_val=np.c_[y, y]),
        ValueError,
        IN_VALIDATION + r"y has shape \(8, 2\); wanted \(n_samples,\) as in the first fit",
        REGRESS,
    ),
    # unfitted
    *(BadCall(f"unfitted {name}", unfitted(name), NotFittedError, NOT_FITTED) for name in ("predict", "score")),
    *(
        BadCall(f"unfitted {name}", unfitted(name), NotFittedError, NOT_FITTED, CLASSIFY)
        for name in ("predict_proba", "predict_log_proba", "decision_function")
    ),
    BadCall("unfitted predict_quantiles", unfitted("predict_quantiles"), NotFittedError, NOT_FITTED, REGRESS, {"loss": "quantile"}),
    BadCall("unfitted module_", lambda m, _: m.module_, AttributeError, r"^GRU\w+ has no module_ before fit$"),
    BadCall("unfitted history_", lambda m, _: m.history_, AttributeError, r"^GRU\w+ has no history_ before fit$"),
    # other data than in fit
    BadCall(
        "transposed",
        after(X3, X3.transpose(0, 2, 1)),
        ValueError,
        OTHER_FEATURES.replace("5 timesteps", "3 timesteps").format(5, 5) + r"features\. It looks transposed: .*from_channels_first",
    ),
    BadCall("transposed in a list", after(RAGGED, [X3[0].T]), ValueError, r"1 sequences x 3 timesteps x 5 .*It looks transposed"),
    BadCall("more features", after(X3, np.concatenate([X3, X3], axis=2)), ValueError, OTHER_FEATURES.format(6, 6)),
    BadCall("fewer features in a list", after(RAGGED, [np.zeros((9, 2))]), ValueError, r"^X has 2 features, but .*as in fit\.$"),
    BadCall("fewer columns", after(X2, X2[:, :4]), ValueError, r"^X has 4 features, but GRU\w+ is expecting 5 features as input"),
    BadCall("one sequence", after(X3, X3[0]), ValueError, r"^X has shape \(5, 3\), which reads as 2-D.*one sequence is X\[None\]"),
    BadCall("one sequence of a list", after(RAGGED, RAGGED[0]), ValueError, r"fitted on ragged X.*one sequence is \[X\]"),
    BadCall("one dimension after 3-D", after(X3, X3[0, :, 0]), ValueError, r"^X has shape \(5,\), which reads as 1-D, but"),
    BadCall("2-D after 3-D", after(X3, X2), ValueError, r"^X has shape \(8, 5\), which reads as 2-D .*was fitted on 3-D X with 3"),
    BadCall("2-D after ragged", after(RAGGED, X2), ValueError, r"^X has shape \(8, 5\), which reads as 2-D .*fitted on ragged X"),
    BadCall("3-D after 2-D", after(X2, X3), ValueError, r"^X was read as 3-D, 8 sequences x 5 timesteps x 3 features, but .*on 2-D"),
    BadCall("ragged after 2-D", after(X2, RAGGED), ValueError, r"^X was read as ragged, 8 sequences x 3 to 7 timesteps x 3 features"),
    BadCall("a tensor after 2-D", after(X2, torch.zeros(2, 5, 1)), ValueError, r"^X was read as 3-D, 2 sequences x 5 timesteps x 1"),
    BadCall("other column names", after(FRAME, FRAME.rename(columns={"e": "f"})), ValueError, r"feature names should match.*\s.*\s- f"),
    BadCall("columns in another order", after(FRAME, FRAME[list("abced")]), ValueError, r"must be in the same order as they were in"),
    BadCall("fewer columns of a frame", after(FRAME, FRAME[list("abcd")]), ValueError, r"yet now missing:\s- e"),
    BadCall("no column names any more", after(FRAME, X2), UserWarning, r"X does not have valid feature names, but GRU"),
    BadCall("column names that are new", after(X2, FRAME), UserWarning, r"X has feature names, but GRU\w+ was fitted without"),
    BadCall("names of two types", fit(FRAME.rename(columns={"e": 5})), TypeError, r"only supported if all input features have string"),
    BadCall("score with y of another length", lambda m, y: m.fit(X3, y).score(X3, y[:3]), ValueError, r"inconsistent numbers of samp"),
    # going on
    BadCall("partial_fit without classes", lambda m, y: m.partial_fit(X3, y), ValueError, r"^classes must be passed on the fi", CLASSIFY),
    BadCall(
        "partial_fit with a class that was not named",
        lambda m, y: m.partial_fit(X3, ["a", "z"] * 4, classes=["a", "b"]),
        ValueError,
        "^" + UNSEEN,
        CLASSIFY,
    ),
    BadCall(
        "partial_fit with an unseen class later",
        lambda m, y: first_part(m, y).partial_fit(X3, ["a", "z"] * 4),
        ValueError,
        "^" + UNSEEN,
        CLASSIFY,
    ),
    BadCall(
        "partial_fit with other classes later",
        lambda m, y: first_part(m, y).partial_fit(X3, y, classes=["a", "b", "c"]),
        ValueError,
        r"^`classes=\['a', 'b', 'c'\]` is not the same as on last call to partial_fit",
        CLASSIFY,
    ),
    BadCall("partial_fit with other features", lambda m, y: first_part(m, y).partial_fit(X3[:, :, :2], y), ValueError, r"^X has 2 fe"),
    BadCall("partial_fit with another kind", lambda m, y: first_part(m, y).partial_fit(X2, y), ValueError, r"reads as 2-D"),
    BadCall(
        "partial_fit with more outputs",
        lambda m, y: m.partial_fit(X3, y).partial_fit(X3, np.c_[y, y]),
        ValueError,
        r"^y has shape \(8, 2\); wanted \(n_samples,\) as in the first fit$",
        REGRESS,
    ),
    BadCall(
        "partial_fit with a changed network",
        lambda m, y: m.fit(X3, y).set_params(hidden_size=3).partial_fit(X3, y),
        ValueError,
        CHANGED.format("hidden_size", "2", "3"),
    ),
    BadCall(
        "warm_start with a changed network",
        lambda m, y: m.fit(X3, y).set_params(bidirectional=True).fit(X3, y),
        ValueError,
        CHANGED.format("bidirectional", "False", "True"),
        params={"warm_start": True},
    ),
    BadCall(
        "warm_start with another loss",
        lambda m, y: m.fit(X3, y).set_params(loss="gaussian").fit(X3, y),
        ValueError,
        CHANGED.format("loss", "'squared_error'", "'gaussian'"),
        REGRESS,
        {"warm_start": True},
    ),
    BadCall(
        "warm_start with a new class",
        lambda m, y: m.fit(X3, y).fit(X3, ["a", "z"] * 4),
        ValueError,
        UNSEEN,
        CLASSIFY,
        {"warm_start": True},
    ),
    BadCall(
        "warm_start with other features",
        lambda m, y: m.fit(X3, y).fit(X3[:, :, :2], y),
        ValueError,
        OTHER_FEATURES.format(2, 2),
        params={"warm_start": True},
    ),
    # what an estimator does not have
    BadCall("return_std without a deviation", lambda m, y: m.fit(X3, y).predict(X3, return_std=True), ValueError,
        r"^return_std=True needs a model with a deviation; .*Fit with loss='gaussian'", REGRESS),
    BadCall("quantiles without quantiles", after(X3, X3, "predict_quantiles"), AttributeError, r"predict_quantiles", REGRESS),
    BadCall(
        "quantiles that were not fitted",
        lambda m, y: m.fit(X3, y).predict_quantiles(X3, [0.1, 0.3]),
        ValueError,
        r"^the quantiles \[0\.3\] were not fitted; wanted some of \[0\.1, 0\.5, 0\.9\]\. Fit with quantiles=\[0\.1, 0\.3\]",
        REGRESS,
        {"loss": "quantile", "quantiles": (0.1, 0.5, 0.9)},
    ),
    BadCall("a quantile above one", lambda m, y: m.fit(X3, y).predict_quantiles(X3, [1.3]), ValueError,
        LEVELS, REGRESS, {"loss": "gaussian"}),
    BadCall("quantiles of a classifier", after(X3, X3, "predict_quantiles"), AttributeError, r"predict_quantiles", CLASSIFY),
    BadCall("an unknown parameter", lambda m, y: m.set_params(units=3), ValueError, r"^Invalid parameter 'units' for estimator"),
    BadCall("an unknown argument", lambda m, y: type(m)(units=3), TypeError, r"unexpected keyword argument 'units'"),
    BadCall("an argument without its name", lambda m, y: type(m)(32), TypeError, r"takes 1 positional argument but 2 were given"),
    BadCall("a loss that runs away", fit(), ValueError,
        r"at a learning rate of .*\. Lower lr \(now 1e\+30\), set gradient_clip, or scale the data",
        params={"lr": 1e30, "gradient_clip": None, "max_epochs": 20}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "task"),
    [(row, task) for row in BAD_CALLS for task in row.tasks],
    ids=lambda part: getattr(part, "name", part),
)
def test_bad_call(row, task):
    model = make(task, **row.params)
    with pytest.raises(row.error, match=row.message):  # warnings are errors in these tests
        row.call(model, TASKS[task][1])


# -- parameters ----------------------------------------------------------------------------------------------------------

WHOLE = r"must be an int in the range \[{}, inf\)"
BAD_PARAMS = [
    ("hidden_size", [0, -1, 1.5, "a", None, [4]]),
    ("n_layers", [0, 1.5]),
    ("bidirectional", ["yes", 1.5]),
    ("dropout", [1.0, -0.1, "a", None]),
    # of text and token ids
    ("embedding_size", [0, -1, 1.5, "big", None]),
    ("token_dropout", [1.0, -0.1, "a", None]),
    ("pooling", ["first", None]),
    ("activation", ["sigmoid"]),
    ("kernel", ["cudnn", None, 1]),
    ("max_epochs", [0, 2.5, None]),
    ("batch_size", [0, "all", 1.5]),
    ("lr", [0, -1, "fast", None]),
    ("optimizer", [3, None]),
    ("lr_schedule", ["step", None]),
    ("weight_decay", [-1, "a"]),
    ("gradient_clip", [0, -1, "a"]),
    ("standardize", [2, "no"]),
    ("early_stopping", ["no", None]),
    ("validation_fraction", [0, 1.0, 5, "a"]),
    ("n_iter_no_change", [0, 1.5]),
    ("tol", [-1, "a"]),
    ("augment", [3, 0.1]),
    ("body", [3, ["a"]]),
    ("freeze", [3, True]),
    ("body_lr_factor", [0, 1.5, "a", None]),
    ("warm_start", [None, 2]),
    ("missing", ["drop", None]),
    ("callbacks", [3, "a"]),
    ("device", [0, None]),
    ("dtype", ["float16", None]),
    ("precision", ["half", 16]),
    ("n_threads", [0, "many", 1.5]),
    ("random_state", ["a", -1, 1.5]),
    ("verbose", [-1, "loud"]),
    ("class_weight", ["equal", [1, 2]]),
    ("label_smoothing", [1.0, -0.1]),
    ("loss", ["l2", None]),
    ("quantiles", [0.5, "abc", None]),
    # of convolutional networks
    ("n_filters", [0, 1.5, "a", None]),
    ("n_blocks", [-1, 1.5, None]),
    ("n_modules", [0, 1.5, None]),
    ("kernel_size", [0, 1.5, "a", [3]]),
    ("dilation_growth", [0, 0.5, None]),
    ("dilations", [2, "12"]),
    ("stride", [0, 1.5, "half", None]),
    ("bottleneck", [0, 1.5, None]),
    ("views", ["raw", None, ["values"]]),
    ("norm", ["group", None, 3]),
    ("block", ["triple", None, 2]),
    ("squeeze_excitation", [None, "yes"]),
    ("stem", ["patches", None, 3]),
    # of Transformers
    ("n_heads", [0, 1.5, None]),
    ("feedforward_size", [0, 1.5, "wide", None]),
    ("attention_dropout", [1.0, -0.1, "a", None]),
    ("causal", ["yes", None]),
    ("positions", ["learnt", 3]),
    ("patch_length", [0, 1.5, "long", None]),
    ("patch_stride", [0, 1.5, "long", None]),
    # of random kernels and of automatic choice
    ("features", ["minirocket", None, 3]),
    ("size", [0, -1, "a", None]),
    ("normalize", ["yes", None, 2]),
    ("budget", [0, -1.0, "a", None]),
    ("max_seconds", [0, -1, "a"]),
    # of deep belief networks
    ("hidden_layer_sizes", [3, "a", None]),
    ("visible", ["binary", None, 3]),
    ("pretrain_epochs", [-1, 1.5, "a", None]),
    ("pretrain_lr", [0, -1.0, "fast", None]),
    # of variational autoencoders
    ("latent_size", [0, 1.5, None]),
    ("encoder", [3, "gru"]),
    ("decoder", [3, "gru"]),
    ("n_waves", [-1, 1.5, None]),
    ("likelihood", ["poisson", None]),
    ("deviation", ["none", None, 3]),
    ("residuals", ["none", None, True]),
    ("beta", [-1.0, "a", None]),
    ("free_bits", [-1.0, "a", None]),
    ("annealing", [-0.1, 1.5, "a", None]),
    ("n_importance", [0, 1.5, None]),
    ("hide", [-0.1, 1.5, "a", None]),
    ("bound_weight", [-1.0, "a", None]),
    # of ensembles
    ("estimator", [GRUClassifier, "gru", 3]),
    ("n_estimators", [0, 1.5, "a", None]),
    ("estimators", [3, "a", {"a": 1}]),
    ("bootstrap", [None, "yes"]),
    ("adversarial", [-0.1, "a", None]),
    ("n_snapshots", [0, 1.5, None]),
    ("average_weights", [1.0, -0.1, "a"]),
    ("calibration_fraction", [0.0, 1.0, "a"]),
    ("n_jobs", [1.5, "a"]),
    ("n_samples", [0, 1.5, None]),
]
WITHOUT_PARTIAL_FIT = (DeepEnsembleClassifier, MCDropoutClassifier, RocketClassifier, AutoClassifier)
NETWORKS = (GRUClassifier, GRURegressor, RNNClassifier, CNNClassifier, InceptionClassifier, TransformerClassifier)
NETWORKS += (DBNClassifier, VAEClassifier)


def with_param(name):
    classes = (*NETWORKS, *WITHOUT_PARTIAL_FIT)
    return next(cls for cls in classes if name in cls().get_params()), NUMBERS % 2


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD_PARAMS for value in values])
def test_bad_parameter(name, value):
    cls, y = with_param(name)
    model = cls(**{name: value})  # the constructor stores; fit refuses
    message = rf"^The '{name}' parameter of {cls.__name__} must be .*\. Got {value!r} instead\.$".replace("[", r"\[")
    with pytest.raises(InvalidParameterError, match=message):
        model.fit(X3, y)
    if cls in WITHOUT_PARTIAL_FIT:
        return
    with pytest.raises(InvalidParameterError, match=message):
        model.partial_fit(X3, y)


def test_every_parameter_has_a_row():
    named = {name for name, _ in BAD_PARAMS}
    for name in sklearn_seq.__all__:
        cls = getattr(sklearn_seq, name)
        if not (inspect.isclass(cls) and issubclass(cls, BaseEstimator)) or hasattr(cls, "rolling_forecast"):
            continue  # of forecasters, test_bad_forecasts asks for them
        if is_classifier(cls()) or is_regressor(cls()):
            assert cls().get_params(deep=False).keys() <= named, name


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"hidden_size": 0}, InvalidParameterError, WHOLE.format(1) + r"\. Got 0 instead"),
        (
            {"optimizer": "adamm"},
            ValueError,
            r"^optimizer='adamm' is none .*wanted one of .*adamw.*\. Did you mean 'adam'\?$",
        ),
        ({"optimizer": "lbfgs"}, ValueError, r"^optimizer='lbfgs' is none that can be used here; wanted one of"),
        (
            {"device": "gpu"},
            ValueError,
            r"^device='gpu' is no name of torch; wanted 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'$",
        ),
        ({"device": "cuda:99"}, ValueError, r"^device='cuda:99' is not available here .*use device='auto' or 'cpu'"),
        ({"device": "meta"}, ValueError, r"^device='meta' is not available here"),
        ({"callbacks": [3]}, TypeError, r"^callbacks\[0\] is 3; wanted a callback of skorch.*set_callbacks"),
        ({"callbacks": [("name", "a")]}, TypeError, r"^callbacks\[0\] is \('name', 'a'\); wanted a callback of skorch"),
        *(
            ({"loss": "quantile", "quantiles": quantiles}, ValueError, LEVELS)
            for quantiles in [(), (0.5, 0.1), (0, 0.5), (0.5, 1), (0.5, 0.5), ("a",), [np.nan], (None,)]
        ),
    ],
    ids=str,
)
def test_parameter_that_means_nothing_here(params, error, message):
    cls, y = with_param(next(iter(params)))
    with pytest.raises(error, match=message):
        cls(**params).fit(X3, y)


# -- what is fine -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_inputs_that_look_odd_and_are_fine(task):
    y = TASKS[task][1]
    for X in (X3.astype(np.float16), (X3 * 9).astype(int), X3 > 0, X3.astype(object), X3.tolist(), torch.tensor(X3)):
        make(task).fit(X, y).predict(X)
    for more in ({"sample_weight": 2.0}, {"sample_weight": np.arange(N) > 1}, {"groups": list("abcdabcd")}):
        make(task).fit(X3, y, **more)
    assert make(task).fit(X3[:1], y[:1]).predict(X3).shape == (N,)


def test_one_class_is_learnt_as_a_constant():
    model = make("classify").fit(RAGGED, ["only"] * N)
    assert model.predict(RAGGED).tolist() == ["only"] * N
    np.testing.assert_array_equal(model.predict_proba(RAGGED), np.ones((N, 1)))


def test_a_column_y_is_read_with_a_warning_as_scikit_learn_does():
    with pytest.warns(UserWarning, match="A column-vector y was passed when a 1d array was expected"):
        model = make("classify").fit(X3, LABELS[:, None])
    np.testing.assert_array_equal(model.predict(X3), make("classify").fit(X3, LABELS).predict(X3))


def test_labels_of_many_types():
    for y in (LABELS == "a", (LABELS == "a") * 1.0, LABELS.astype(object), pd.Categorical(LABELS), pd.Series(LABELS)):
        model = make("classify").fit(X3, y)
        assert set(model.predict(X3)) <= set(np.unique(np.asarray(y)))


def test_a_dtype_is_only_advised_where_it_can_be_set():
    for model, advised in ((sklearn_seq.AutoClassifier(), False), (GRUClassifier(), True)):
        with pytest.raises(ValueError, match="infinity or a value too large") as told:
            model.fit([[1.0, np.inf], [1.0, 2.0]], [0, 1])
        assert ("set dtype" in str(told.value)) == advised


def test_infinity_between_sequences_does_not_matter():
    values = np.ones((10, 2))
    values[4] = np.inf
    X = Sequences(values, [0, 5], [4, 10])
    assert make("regress").fit(X, [1.0, 2.0]).predict(X).shape == (2,)
