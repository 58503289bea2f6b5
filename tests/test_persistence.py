"""Every way of keeping an estimator gives the same estimator back. All public estimators are discovered."""

import copy
import io
import json
import pathlib
import pickle
import subprocess
import sys
import zipfile

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.stats
import sklearn.ensemble
from sklearn import config_context
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import (
    BaseCrossValidator,
    GridSearchCV,
    GroupKFold,
    RandomizedSearchCV,
    StratifiedKFold,
    TimeSeriesSplit,
)
from sklearn.multioutput import MultiOutputClassifier, RegressorChain
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, QuantileTransformer, StandardScaler
from sklearn.utils import get_tags

import sklearn_seq
from sklearn_seq import (
    LSTMClassifier,
    LSTMRegressor,
    NaiveForecaster,
    ReductionForecaster,
    SequenceImputer,
    Sequences,
    SequenceScaler,
    SequenceVAE,
    SlidingWindow,
    WordPartsEncoder,
    from_channels_first,
    load,
    save,
    skops_types,
)
from sklearn_seq.persistence.archive import pack, sign, unpack
from sklearn_seq.persistence.values import Decoder, Encoder
from sklearn_seq.testing.compare import task_of

CLASSES = [
    thing
    for name in sklearn_seq.__all__
    if isinstance(thing := getattr(sklearn_seq, name), type) and issubclass(thing, BaseEstimator)
]
SPLITTERS = [
    thing
    for name in sklearn_seq.__all__
    if isinstance(thing := getattr(sklearn_seq, name), type) and issubclass(thing, BaseCrossValidator)
]
SMALL = {"max_epochs": 1, "hidden_size": 3, "budget": 0.01, "size": 0.05, "random_state": 0}
SMALL |= {"lookback": 4, "horizon": 2, "n_heads": 1}
SMALL |= {"pretrain_epochs": 1, "hidden_layer_sizes": (4, 3), "n_filters": 4, "n_blocks": 1}
METHODS = ("predict", "predict_proba", "decision_function", "transform", "score_samples", "rolling_forecast")

rng = np.random.default_rng(0)
X = rng.normal(size=(24, 6))
LABELS = np.where(X[:, 0] > 0, "up", "down")
NUMBERS = X.sum(axis=1)
STEPS = np.where(X > 0, "up", "down")
TEXTS = ["".join("ACGT"[letter] for letter in row) for row in np.digitize(X, [-0.7, 0.0, 0.7])]
TARGETS = {"classify": LABELS, "tag": STEPS, "transcribe": np.where(X[:, 0] > 0, "ab", "c"), "generate": None}
TARGETS |= {"translate": TARGETS["transcribe"]}


def data_of(estimator):
    """What it reads: numbers, texts, or lists of words."""
    if get_tags(estimator).input_tags.two_d_array:
        return X
    return [list(text) for text in TEXTS] if isinstance(estimator, WordPartsEncoder) else TEXTS


def small(cls, **params):
    known = cls().get_params()
    sizes = SMALL | {"n_estimators": 2}
    if "estimator" in known and not hasattr(cls, "rolling_forecast"):
        sizes["estimator"] = small(LSTMClassifier if is_classifier(cls()) else LSTMRegressor)
    if "vae" in known:
        sizes["vae"] = small(SequenceVAE)
    return cls(**{name: value for name, value in (sizes | params).items() if name in known})


def fitted(cls):
    estimator = small(cls)
    if hasattr(cls, "rolling_forecast"):
        return estimator.set_params(calibration_fraction=0.5).fit(X)
    return estimator.fit(data_of(estimator), TARGETS.get(task_of(estimator), NUMBERS))


@pytest.fixture(scope="module")
def all_fitted():
    return {cls.__name__: fitted(cls) for cls in CLASSES}


def answers(estimator, data=None):
    """Bits of what an estimator says, by method."""
    data = data_of(estimator) if data is None else data
    found = {name: getattr(estimator, name)(data) for name in METHODS if hasattr(estimator, name)}
    assert found
    return {name: bits(value) for name, value in found.items()}


def bits(value):
    if isinstance(value, Sequences):
        return [bits(part) for part in value]
    value = np.asarray(value)
    return value.tolist() if value.dtype.kind in "OU" else (value.shape, value.dtype.str, value.tobytes())


def saved(estimator):
    file = io.BytesIO()
    save(estimator, file)
    return file.getvalue()


def loaded(data, **options):
    return load(io.BytesIO(data), **options)


def again(estimator, **options):
    """Saved, loaded, and the same bytes when saved again."""
    data = saved(estimator)
    found = loaded(data, **options)
    assert saved(found) == data
    return found


def through_joblib(estimator, folder, **options):
    path = folder / "model.joblib"
    joblib.dump(estimator, path)
    return joblib.load(path, **options)


def through_skops(estimator):
    import skops.io

    return skops.io.loads(skops.io.dumps(estimator), trusted=skops_types())


WAYS = {
    "save": lambda e, folder: again(e),
    "pickle": lambda e, folder: pickle.loads(pickle.dumps(e)),
    "joblib": through_joblib,
    "joblib, memory map": lambda e, folder: through_joblib(e, folder, mmap_mode="r"),
    "deepcopy": lambda e, folder: copy.deepcopy(e),
    "skops": lambda e, folder: through_skops(e),
}


@pytest.fixture(params=WAYS)
def way(request, tmp_path):
    return lambda estimator: WAYS[request.param](estimator, tmp_path)


# -- every estimator, every way ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_fitted_estimator_answers_the_same(cls, way, all_fitted):
    estimator = all_fitted[cls.__name__]
    found = way(estimator)
    assert type(found) is cls
    assert answers(found) == answers(estimator)
    assert repr(found) == repr(estimator)
    for name in [name for name in vars(estimator) if name.endswith("_")]:
        assert type(getattr(found, name)) in (type(getattr(estimator, name)), np.memmap)
    assert repr(way(clone(found))) == repr(clone(estimator))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_an_estimator_before_fit_stays_one(cls, way):
    found = way(small(cls))
    assert type(found) is cls and repr(found.get_params()) == repr(small(cls).get_params())
    with pytest.raises(NotFittedError):
        answers(found)


NETWORKS = [cls for cls in CLASSES if {"hidden_size", "n_layers", "dtype"} <= cls().get_params().keys()]


@pytest.mark.parametrize("cls", NETWORKS, ids=lambda cls: cls.__name__)
def test_parameters_that_were_set_after_fit_change_nothing(cls, way, all_fitted):
    estimator = copy.deepcopy(all_fitted[cls.__name__])
    estimator.set_params(hidden_size=11, n_layers=2, dtype="float64")
    found = way(estimator)
    assert found.hidden_size == 11 and answers(found) == answers(all_fitted[cls.__name__])


@pytest.mark.parametrize("cls", [cls for cls in NETWORKS if hasattr(cls, "partial_fit")], ids=lambda cls: cls.__name__)
def test_training_goes_on_as_if_nothing_had_been(cls, way):
    model = small(cls, warm_start=True)
    X, y = data_of(model), TARGETS.get(task_of(model), NUMBERS)
    named = {"classes": ["down", "up"]} if task_of(model) in ("classify", "tag") else {}
    model.partial_fit(X, y, **named).partial_fit(X, y)
    assert answers(way(model).partial_fit(X, y)) == answers(copy.deepcopy(model).partial_fit(X, y))
    assert answers(way(model).fit(X, y)) == answers(copy.deepcopy(model).fit(X, y))


def test_output_containers_and_columns_come_back():
    frame = pd.DataFrame(X, columns=list("abcdef"))
    scaler = SequenceScaler(rows="time").set_output(transform="pandas").fit(frame)
    pd.testing.assert_frame_equal(again(scaler).transform(frame), scaler.transform(frame))
    model = small(LSTMClassifier).fit(frame, LABELS)
    assert again(model).feature_names_in_.tolist() == list("abcdef")


SERIES = {
    "texts": ["b", "a"],
    "numbers": [7, 3],
    "fractions": [0.5, 2.0],
    "times": pd.to_datetime(["2020-01-02", "2020-01-01"]),
    "categories": pd.Categorical(["b", "a"]),
    "truths": [True, False],
}


@pytest.mark.parametrize(("names", "zone"), [*((names, None) for names in SERIES), ("texts", "Europe/Berlin")])
def test_a_forecaster_of_series_comes_back_with_their_names_and_its_clock(names, zone, way):
    stamps = pd.date_range("2021-03-01", periods=20, freq="h", tz=zone)
    series = pd.Series(SERIES[names]).repeat(20).reset_index(drop=True)
    table = pd.DataFrame({"id": series, "when": [*stamps, *stamps], "load": rng.normal(size=40), "free": 1.0})
    model = NaiveForecaster(
        method="seasonal", horizon=2, target="load", known_future="free", series_id="id", time="when",
        calibration_fraction=0.5, missing="mask",
    ).fit(table)  # fmt: skip
    found = way(model)
    later = table.assign(when=table["when"] + pd.Timedelta(hours=20))
    first = later.groupby("id", sort=False, observed=True).head(2)
    assert found.series_ == model.series_ and list(map(type, found.series_)) == list(map(type, model.series_))
    for method, given in (
        ("predict", [later]),
        ("predict_interval", [later, 0.5]),
        ("rolling_forecast", [table]),
        ("forecast", [2, first]),
    ):
        assert bits(getattr(found, method)(*given)) == bits(getattr(model, method)(*given)), method
    assert found.lookback_ == 9  # a day, as the hours say, cut to what leaves some windows
    pd.testing.assert_frame_equal(found.forecast(2, first, as_frame=True), model.forecast(2, first, as_frame=True))


def test_another_process_gives_the_same_bits(all_fitted, tmp_path):
    for name, estimator in all_fitted.items():
        save(estimator, tmp_path / f"{name}.zip")
        (tmp_path / f"{name}.pickle").write_bytes(pickle.dumps(estimator))
    save(make_pipeline(SequenceScaler().fit(X), all_fitted["LSTMClassifier"]), tmp_path / "Pipeline.zip")
    code = (
        "import sys, pickle, pathlib; sys.path.insert(0, sys.argv[2]); import sklearn_seq, test_persistence as t\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "ways = {'.zip': sklearn_seq.load, '.pickle': lambda path: pickle.loads(path.read_bytes())}\n"
        "found = {p.name: t.answers(ways[p.suffix](p)) for p in sorted(folder.iterdir()) if p.suffix in ways}\n"
        "(folder / 'answers').write_bytes(pickle.dumps(found))"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path, pathlib.Path(__file__).parent], check=True, timeout=120)
    found = pickle.loads((tmp_path / "answers").read_bytes())
    assert len(found) == 2 * len(CLASSES) + 1
    for name, said in found.items():
        if not name.startswith("Pipeline"):
            assert said == answers(all_fitted[name.partition(".")[0]]), name


def test_a_pickle_is_hardly_larger_than_the_weights():
    model = LSTMClassifier(max_epochs=1, random_state=0).fit(X, LABELS)
    weights = sum(tensor.nbytes for tensor in model.module_.state_dict().values())
    assert len(pickle.dumps(model)) <= 1.3 * weights + 8_000
    assert len(saved(model)) <= 1.3 * weights + 8_000


# -- trees ------------------------------------------------------------------------------------------------------------

LSTM = small(LSTMClassifier)
RLSTM = small(LSTMRegressor)
LOGISTIC = LogisticRegression()
TREES = {
    "Pipeline": make_pipeline(StandardScaler(), LSTM),
    "Pipeline of ours": make_pipeline(SequenceImputer(), SequenceScaler(per="series"), LSTM),
    "SlidingWindow": make_pipeline(StandardScaler(), SlidingWindow(4), RLSTM),
    "grid": GridSearchCV(make_pipeline(StandardScaler(), LSTM), {"lstmclassifier__lr": [0.01, 0.1]}, cv=2),
    "grid, scorers": GridSearchCV(
        LSTM,
        [{"lr": [0.01]}, {"pooling": ["last"], "dropout": [0.1]}],
        scoring={"acc": "accuracy", "f1": make_scorer(f1_score, pos_label="up")},
        refit="f1",
        cv=TimeSeriesSplit(2),
    ),
    "grid, cv as lists": GridSearchCV(RLSTM, {"lr": [0.01]}, scoring="r2", cv=[(np.arange(12), np.arange(12, 24))]),
    "random search": RandomizedSearchCV(
        LSTM, {"lr": scipy.stats.loguniform(1e-3, 1e-1), "hidden_size": scipy.stats.randint(2, 4)}, n_iter=2, cv=2
    ),
    "stack": sklearn.ensemble.StackingClassifier([("a", LSTM), ("b", LOGISTIC)], cv=2),
    "stack, regression": sklearn.ensemble.StackingRegressor([("a", RLSTM), ("b", Ridge())], cv=2),
    "vote": sklearn.ensemble.VotingClassifier([("a", LSTM), ("b", LOGISTIC)], voting="soft"),
    "vote, regression": sklearn.ensemble.VotingRegressor([("a", RLSTM), ("b", Ridge())]),
    "bagging": sklearn.ensemble.BaggingClassifier(LSTM, n_estimators=2),
    "ada boost": sklearn.ensemble.AdaBoostRegressor(RLSTM, n_estimators=2),
    "calibrated, sigmoid": CalibratedClassifierCV(LSTM, cv=2),
    "calibrated, isotonic": CalibratedClassifierCV(LSTM, cv=StratifiedKFold(2), method="isotonic", ensemble=False),
    "target": TransformedTargetRegressor(RLSTM, transformer=QuantileTransformer(n_quantiles=5)),
    "target, functions": TransformedTargetRegressor(RLSTM, func=np.arctan, inverse_func=np.tan, check_inverse=False),
    "multi-output": MultiOutputClassifier(LSTM),
    "chain": RegressorChain(RLSTM),
    "columns": make_pipeline(
        ColumnTransformer([("a", StandardScaler(), [0, 1]), ("b", SequenceScaler(), slice(2, 5))]), LSTM
    ),
    "union": make_pipeline(FeatureUnion([("a", SequenceScaler()), ("b", StandardScaler())]), LSTM),
    "function": make_pipeline(FunctionTransformer(np.tanh), LSTM),
}


def fit_tree(tree):
    tree = clone(tree)
    if isinstance(tree, MultiOutputClassifier):
        return tree.fit(X, np.c_[LABELS, LABELS[::-1]])
    if isinstance(tree, RegressorChain):
        return tree.fit(X, np.c_[NUMBERS, -NUMBERS])
    return tree.fit(X, LABELS if is_classifier(tree) else NUMBERS)


@pytest.mark.parametrize("name", TREES)
@pytest.mark.filterwarnings("ignore:.*share rows with later windows:UserWarning")
def test_a_tree_comes_back(name):
    assert repr(again(TREES[name])) == repr(TREES[name]) or "rv_" in repr(TREES[name])
    tree = fit_tree(TREES[name])
    found = again(tree)
    assert type(found) is type(tree)
    if isinstance(tree, MultiOutputClassifier):
        assert bits(np.asarray(found.predict_proba(X))) == bits(np.asarray(tree.predict_proba(X)))
    else:
        assert answers(found) == answers(tree)


def test_regressors_that_hold_a_generator_come_back_inside_a_forecaster(tmp_path):
    inner = sklearn.ensemble.HistGradientBoostingRegressor(
        max_iter=2, min_samples_leaf=2, max_features=0.5, random_state=0
    )
    model = ReductionForecaster(inner, lookback=2).fit(X[:, :2])
    save(model, tmp_path / "model.zip")
    trusted = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]
    found = load(tmp_path / "model.zip", trusted=trusted)
    np.testing.assert_array_equal(found.forecast(3), model.forecast(3))
    estimator = SequenceScaler()
    estimator.value_ = np.random.default_rng(3)
    estimator.value_.integers(9, size=3, dtype=np.uint32)
    came = again(estimator).value_
    np.testing.assert_array_equal(
        came.integers(9, size=5, dtype=np.uint32), estimator.value_.integers(9, size=5, dtype=np.uint32)
    )


def test_results_of_a_search_come_back():
    search = fit_tree(TREES["grid, scorers"])
    found = again(search)
    assert found.best_params_ == search.best_params_
    assert list(found.cv_results_) == list(search.cv_results_)
    for name, column in search.cv_results_.items():
        assert type(found.cv_results_[name]) is type(column)
        np.testing.assert_array_equal(found.cv_results_[name], column)


def test_what_is_shared_stays_shared():
    chance = np.random.RandomState(3)
    shared = SequenceScaler()
    table = Sequences.from_array(X)
    inner = GridSearchCV(LSTMClassifier(random_state=chance), {"lr": [0.1]})
    tree = make_pipeline(FeatureUnion([("a", shared), ("b", shared)]), FunctionTransformer(kw_args={"a": table}), inner)
    tree.steps.append(("last", Ridge(random_state=chance)))
    found = again(tree)
    (_, first), (_, second) = found.steps[0][1].transformer_list
    assert first is second and found.named_steps["featureunion"] is found.steps[0][1]
    assert found.steps[2][1].estimator.random_state is found.steps[3][1].random_state
    assert found.steps[3][1].random_state.randint(2**31) == chance.randint(2**31)
    assert found.steps[1][1].kw_args["a"] == table


def test_estimators_inside_ours_inside_others():
    # no estimator of ours holds others yet, so one is given some
    outer = SequenceScaler()
    outer.estimators_ = [Ridge().fit(X, NUMBERS), make_pipeline(StandardScaler(), LSTM).fit(X, LABELS)]
    outer.itself_ = outer
    found = again(make_pipeline(outer)).steps[0][1]
    assert found.itself_ is found
    assert bits(found.estimators_[0].predict(X)) == bits(outer.estimators_[0].predict(X))
    assert bits(found.estimators_[1].predict_proba(X)) == bits(outer.estimators_[1].predict_proba(X))


def test_requests_of_metadata_come_back():
    with config_context(enable_metadata_routing=True):
        model = LSTMClassifier().set_fit_request(sample_weight=True, groups="patients")
        search = GridSearchCV(
            make_pipeline(Ridge().set_fit_request(sample_weight=True), model),
            {},
            scoring=make_scorer(f1_score).set_score_request(sample_weight=True),
            cv=GroupKFold(2),
        )
        for tree in (model, search):
            assert str(again(tree).get_metadata_routing()) == str(tree.get_metadata_routing())


def test_functions_of_ours_come_back_unless_they_touch_files():
    tree = make_pipeline(FunctionTransformer(from_channels_first), LSTM)
    assert again(tree).steps[0][1].func is from_channels_first
    with pytest.raises(ValueError, match=r"Pipeline\.steps\[0\]\[1\]\.func is the function sklearn_seq\.load"):
        saved(make_pipeline(FunctionTransformer(load)))


def test_trees_of_scikit_learn_need_to_be_trusted_by_name(tmp_path):
    forest = sklearn.ensemble.RandomForestClassifier(2, random_state=0)
    tree = sklearn.ensemble.StackingClassifier([("a", LSTM), ("b", forest)], cv=2).fit(X, LABELS)
    save(tree, tmp_path / "m.zip")
    with pytest.raises(
        ValueError, match=r"sklearn\.tree\._tree\.Tree.*load\(path, trusted=\['sklearn\.tree\._tree\.Tree'\]\)"
    ):
        load(tmp_path / "m.zip")
    assert answers(again(tree, trusted=["sklearn.tree._tree.Tree"])) == answers(tree)
    assert answers(again(tree, trusted=[sklearn.tree._tree.Tree])) == answers(tree)
    for wrong in (True, "sklearn.tree._tree.Tree", [3]):
        with pytest.raises(TypeError, match="wanted a list of names or types"):
            load(tmp_path / "m.zip", trusted=wrong)


def test_skops_by_itself_reads_pipelines_of_ours():
    tree = make_pipeline(SequenceImputer(), SequenceScaler(), LSTM).fit(X, LABELS)
    assert answers(through_skops(tree)) == answers(tree)
    every = {f"sklearn_seq.{cls.__name__}" for cls in [*CLASSES, *SPLITTERS]}
    assert set(skops_types()) == every | {"sklearn_seq.Sequences"}


@pytest.mark.parametrize("splitter", SPLITTERS)
def test_a_search_keeps_its_splitter(splitter):
    """What searches hold is saved with them."""
    cv = splitter(2, **({"time": np.arange(12)} if splitter is sklearn_seq.PanelTimeSplit else {}))
    numbers = np.arange(24.0).reshape(12, 2)
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=cv).fit(numbers, numbers[:, 0])
    back = again(search)
    np.testing.assert_array_equal(back.predict(numbers), search.predict(numbers))
    for (train, test), (train_before, test_before) in zip(back.cv.split(numbers), cv.split(numbers), strict=True):
        np.testing.assert_array_equal(train, train_before)
        np.testing.assert_array_equal(test, test_before)


# -- values -----------------------------------------------------------------------------------------------------------

VALUES = [
    *(None, True, False, 0, -(2**80), 1.5, -0.0, float("nan"), float("inf"), -float("inf"), "", "ä\ud800\0", 5e-324),
    *("a\ud800\udc00b", np.str_("\udbff\udfff"), {"\ud800\udc00": "\U00010000"}, "\ud800\ud800\udfff\U0010ffff"),
    *(
        [],
        (),
        {},
        set(),
        [1, (2, [3, ()])],
        {1: "a", "1": "b", (2, "x"): None, None: 1, 1.5: {}},
        {3, 1},
        frozenset({"a"}),
    ),
    *(slice(1, None, 2), range(3), np.dtype("<f4"), np.dtype("M8[ns]"), np.str_("x"), np.float64(0.1), np.int8(-3)),
    *(np.bool_(True), np.datetime64("2020-01-01"), np.complex128(1 + 2j), np.float64("nan"), np.bytes_(b"a")),
    *(np.arange(6.0).reshape(2, 3), np.arange(6, dtype=np.int16)[::2], np.zeros((0, 3), np.float32), np.array(3)),
    *(np.array([True, False]), np.array(["a", "bcd", ""]), np.array(["a", None, 1.5, (1,)], dtype=object)),
    *(np.array(["2020-01-01", "NaT"], "M8[D]"), np.array([1], "m8[s]"), np.array([1 + 2j]), np.array([1.0], ">f8")),
    *(
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.asfortranarray(np.arange(6.0).reshape(2, 3) * 1j),
        np.array([], dtype=object).reshape(0, 2),
        np.array([b"ab", b""]),
    ),
    *(
        np.array([[1, "x"], [None, np.nan]], dtype=object),
        np.array([1.5], np.float16),
        np.array([2**64 - 1], np.uint64),
    ),
]


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        cells = zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)
        # numbers keep their order in memory, on which the last bits of products depend
        alike = a.dtype == object or not b.flags.f_contiguous or a.flags.f_contiguous
        return alike and (a.dtype, a.shape) == (b.dtype, b.shape) and all(same(x, y) for x, y in cells)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    return repr(a) == repr(b) if isinstance(a, float | np.floating) else a == b


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__} {value!r:.30}".replace("\0", ""))
def test_values_keep_their_types(value):
    encoder = Encoder(None)
    node = json.loads(json.dumps(encoder.encode(value, "x"), allow_nan=False))
    assert same(Decoder(encoder.arrays).decode(node, "x"), value)
    estimator = SequenceScaler()
    estimator.value_ = value
    assert same(again(estimator).value_, value)


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_that_is_held_twice_is_kept_once(order):
    estimator = SequenceScaler()
    estimator.first_ = estimator.second_ = np.zeros((100, 100), order=order)
    assert len(saved(estimator)) < 90_000
    assert (found := again(estimator)).first_ is found.second_


def test_windows_of_a_table_come_back_with_what_they_know():
    windows = SlidingWindow(4).fit_transform(X)[5:9]
    found = again(make_pipeline(FunctionTransformer(kw_args={"a": windows}))).steps[0][1].kw_args["a"]
    assert found == windows and found._source == windows._source and len(found.values) == 7
    np.testing.assert_array_equal(found._offsets, windows._offsets)


# -- refusals at save -------------------------------------------------------------------------------------------------


class OwnLSTM(LSTMClassifier):
    pass


class OwnScaler(StandardScaler):
    pass


def looped():
    found = []
    found.append(found)
    return found


def with_attribute(value):
    estimator = SequenceScaler()
    estimator.value_ = value
    return estimator


SFC = np.random.Generator(np.random.SFC64(0))
REFUSED = {
    r"LSTMClassifier\.callbacks\[0\] is the function builtins\.print": lambda: LSTMClassifier(callbacks=[print]),
    r"LSTMClassifier\.callbacks\[0\] is an object of type .*Checkpoint": lambda: LSTMClassifier(
        callbacks=[__import__("skorch").callbacks.Checkpoint()]
    ),
    r"Pipeline\.steps\[0\]\[1\]\.func is the function .*<lambda>": lambda: make_pipeline(
        FunctionTransformer(lambda X: X)
    ),
    r"GridSearchCV\.estimator\.callbacks\[1\] is": lambda: GridSearchCV(LSTMClassifier(callbacks=[None, object()]), {}),
    r"SequenceScaler\.value_\['a'\]\[0\] is an object of type torch\.Tensor": lambda: with_attribute(
        {"a": [__import__("torch").zeros(1)]}
    ),
    r"Pipeline\.steps\[0\]\[1\]\.kw_args\['a'\] is an object of type torch": lambda: make_pipeline(
        FunctionTransformer(kw_args={"a": __import__("torch").zeros(1)})
    ),
    r"Pipeline\.steps\[0\]\[1\]\.kw_args\['a'\] is an object of type generator": lambda: make_pipeline(
        FunctionTransformer(kw_args={"a": (i for i in "a")})
    ),
    r"Ridge\.random_state is an object of type .*Generator": lambda: Ridge(random_state=SFC),
    r"SequenceScaler\.value_ is an object of type .*Generator": lambda: with_attribute(SFC),
    r"SequenceScaler\.value_ is an object of type _io\.BytesIO": lambda: with_attribute(io.BytesIO()),
    r"SequenceScaler\.value_ is an object of type pandas\..*Index": lambda: with_attribute(
        __import__("pandas").Index(["a"])
    ),
    r"SequenceScaler\.value_ is the class sklearn_seq\.LSTMClassifier": lambda: with_attribute(LSTMClassifier),
    r"SequenceScaler\.value_ is an array of dtype": lambda: with_attribute(np.zeros(2, [("a", int)])),
    r"holds itself": lambda: with_attribute(looped()),
    r"The 'hidden_size' parameter of LSTMClassifier": lambda: LSTMClassifier(hidden_size=-1),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_saved_is_refused_by_name_and_nothing_is_written(message, tmp_path):
    path = tmp_path / "model.zip"
    path.write_text("before")
    with pytest.raises(ValueError, match=message):
        save(REFUSED[message](), path)
    assert [p.name for p in tmp_path.iterdir()] == ["model.zip"] and path.read_text() == "before"


@pytest.mark.parametrize("thing", [5, None, LSTMClassifier, [LSTM], "model", np.zeros(3), Sequences.from_array(X)])
def test_what_is_no_estimator_is_refused(thing, tmp_path):
    with pytest.raises(TypeError, match="wanted an estimator"):
        save(thing, tmp_path / "model.zip")


def test_classes_of_the_user_need_to_be_trusted(tmp_path):
    for estimator in (make_pipeline(OwnScaler(), LSTM), OwnLSTM(max_epochs=1, hidden_size=3, random_state=0)):
        tree = estimator.fit(X, LABELS)
        name = f"{__name__}.{'OwnLSTM' if isinstance(tree, OwnLSTM) else 'OwnScaler'}"
        with pytest.raises(ValueError, match=name):
            loaded(saved(tree))
        assert answers(again(tree, trusted=[name])) == answers(tree)


def test_without_skops_only_trees_of_others_are_refused(monkeypatch):
    ours, mixed = saved(LSTM), saved(make_pipeline(LSTM))
    monkeypatch.setitem(sys.modules, "skops", None)
    monkeypatch.setitem(sys.modules, "skops.io", None)
    assert saved(loaded(ours)) == ours
    for act in (lambda: saved(make_pipeline(LSTM)), lambda: loaded(mixed)):
        with pytest.raises(ImportError, match=r"pip install sklearn-seq\[skops\]"):
            act()


# -- the file ---------------------------------------------------------------------------------------------------------


def with_header(data, **changes):
    entries = unpack(data, "the file")
    header = json.loads(entries["estimator.json"]) | changes
    return sign(pack(entries | {"estimator.json": json.dumps(header).encode()}))


def test_a_file_of_another_version_says_so():
    data = saved(LSTM)
    with pytest.raises(ValueError, match=r"in format 2, written by sklearn_seq .*reads format 1.*newer one\.$"):
        loaded(with_header(data, format=2))
    versions = {"sklearn_seq": "0.0.1"}
    with pytest.warns(InconsistentVersionWarning, match=r"Pipeline from version 0\.0\.1") as caught:
        assert repr(loaded(with_header(saved(make_pipeline(LSTM, LSTM)), versions=versions)).steps[0][1]) == repr(LSTM)
    assert len(caught) == 1


@pytest.mark.filterwarnings("error::sklearn.exceptions.InconsistentVersionWarning")
def test_the_file_is_an_ordinary_zip_with_readable_parts(tmp_path):
    path = tmp_path / "model.zip"
    model = small(LSTMClassifier).fit(X, LABELS)
    save(model, path)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["estimator.json", "arrays.safetensors"]
        header = json.loads(archive.read("estimator.json"))
    assert header["objects"][0]["class"] == "LSTMClassifier" and header["objects"][0]["state"]["hidden_size"] == 3
    assert {"numpy", "scikit-learn", "sklearn_seq", "torch"} <= header["versions"].keys()
    assert answers(load(str(path))) == answers(load(path)) == answers(model)


def test_loading_leaves_the_generators_as_it_found_them():
    import torch

    data = saved(small(LSTMClassifier).fit(X, LABELS))
    before = torch.get_rng_state()
    loaded(data)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.zeros(1).device.type == "cpu"


def test_a_path_that_is_not_there_is_python_s_own_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "no.zip")
    with pytest.raises(FileNotFoundError):
        save(LSTM, tmp_path / "no" / "model.zip")
