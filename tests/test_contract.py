"""Every public estimator keeps scikit-learn's contract and ours. Estimators are discovered, never listed."""

import importlib.util
import inspect
import pickle
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import check_estimator

import sklearn_seq
from sklearn_seq.testing import check_sequence_estimator, expected_failed_checks, make_problem, sequence_checks
from sklearn_seq.testing.compare import fresh, task_of
from sklearn_seq.testing.forecasting import with_roles

ESTIMATORS = [
    thing
    for name in sklearn_seq.__all__
    if inspect.isclass(thing := getattr(sklearn_seq, name)) and issubclass(thing, BaseEstimator)
]
PREDICTORS = [cls for cls in ESTIMATORS if is_classifier(cls()) or is_regressor(cls())]

# sizes, never checks: what scikit-learn's checks want to see learnt is learnt with these
LEAN = {"hidden_size": 16, "n_filters": 8, "n_blocks": 1, "n_modules": 2, "bottleneck": 8, "kernel_size": 5}
LEAN |= {"n_estimators": 2, "budget": 0.01, "size": 0.05, "lookback": 6, "horizon": 3}
LEAN |= {"hidden_layer_sizes": (16,), "n_components": 8, "pretrain_epochs": 5}
# for checks that look at answers, not at how good they are
SMALL = LEAN | {
    "hidden_size": 4,
    "n_filters": 4,
    "max_epochs": 2,
    "batch_size": 12,
    "n_features": 700,
    "n_shapelets": 40,
    "n_groups": 4,
}

# scikit-learn's checks that want something learnt; the others look at answers alone
LEARN = {
    "check_classifiers_train",
    "check_regressors_train",
    "check_class_weight_classifiers",
    "check_classifiers_classes",
}

NETWORK = {name: SMALL[name] for name in ("hidden_size", "max_epochs")}

# the array API checks need a library that old scikit-learns do not bring
MAY_BE_SKIPPED = set()
if not any(map(importlib.util.find_spec, ("sklearn.externals.array_api_compat", "array_api_compat"))):
    MAY_BE_SKIPPED.add("check_array_api_input")

FORECASTERS = [cls for cls in PREDICTORS if task_of(cls()) == "forecast"]

# said of what scikit-learn's checks give a forecaster as y
y_from_outside = pytest.mark.filterwarnings("ignore:y is no column of X, so the past of X alone is read:UserWarning")

# scikit-learn's checks know one target a row; those that take one label a step run them in tests/test_tagging.py
OF_ROWS = [cls for cls in ESTIMATORS if task_of(cls()) not in ("tag", "transcribe", "translate")]

each_estimator = pytest.mark.parametrize("cls", ESTIMATORS, ids=lambda cls: cls.__name__)
each_of_rows = pytest.mark.parametrize("cls", OF_ROWS, ids=lambda cls: cls.__name__)
each_forecaster = pytest.mark.parametrize("cls", FORECASTERS, ids=lambda cls: cls.__name__)


def small(cls, sizes=SMALL, **params):
    estimator = cls(**params)
    known = estimator.get_params(deep=False)
    sizes = dict(sizes)
    if not known.keys().isdisjoint(("n_filters", "n_heads")):
        sizes = {"max_epochs": 20, "lr": 1e-2} | sizes  # an epoch costs more than a recurrent network's
    elif "hidden_size" in known:
        sizes = {"max_epochs": 15, "lr": 3e-2} | sizes
    if task_of(estimator) == "forecast":
        sizes = {"max_epochs": 2} | sizes  # no check asks how good it is
        if "estimator" in known and "lookback" not in known:  # that has what is forecast
            sizes["estimator"] = small(sklearn_seq.GRUForecaster, sizes, loss="gaussian")
    elif "estimator" in known:
        member = sklearn_seq.GRUClassifier if is_classifier(estimator) else sklearn_seq.GRURegressor
        sizes["estimator"] = small(member, sizes)
        if is_regressor(estimator):
            sizes["estimator"].set_params(loss="gaussian")
            if "max_epochs" not in sizes:  # means beside deviations take the usual epochs
                sizes["estimator"].set_params(max_epochs=member().max_epochs, lr=member().lr)
    if "vae" in known:
        sizes["vae"] = small(sklearn_seq.SequenceVAE, {**sizes, "max_epochs": 2})
    if known.get("n_components", 0) is None:
        del sizes["n_components"]  # all of them, which fits every width
    return estimator.set_params(**{name: value for name, value in sizes.items() if name in known})


@pytest.fixture(autouse=True)
def lean_pools(request, monkeypatch):
    """Networks of a pool, whose sizes are no parameters of it, are as small as others."""
    if getattr(request.node, "callspec", None) and request.node.callspec.params.get("sizes") == "default":
        return
    for cls in ESTIMATORS:
        if networks := getattr(cls, "_networks", None):
            lean = {name: (partial(small, network), steps) for name, (network, steps) in networks.items()}
            monkeypatch.setattr(cls, "_networks", lean)


def record_slowest(record_property, name, seconds):
    """The whole, and the slowest few."""
    record_property("slowest", (round(sum(s for s, _ in seconds), 3), f"{name}: all {len(seconds)} checks"))
    for s, check in sorted(seconds, reverse=True)[:3]:
        record_property("slowest", (round(s, 3), f"{name}: {check}"))


def test_there_are_estimators():
    assert len(PREDICTORS) >= 6
    assert {"classify", "regress", "forecast", "transform", "tag", "detect"} <= {task_of(cls()) for cls in ESTIMATORS}


@y_from_outside
@pytest.mark.filterwarnings("ignore:Estimator .* does not inherit")  # said by old scikit-learns of their own classes
@pytest.mark.filterwarnings("ignore:Can't test estimator")  # its checks are of tables, and this one reads text
@each_of_rows
@pytest.mark.parametrize("sizes", [pytest.param("lean"), pytest.param("default", marks=pytest.mark.slow)])
def test_check_estimator(cls, sizes, record_property):
    """Scikit-learn's own checks: nothing fails, nothing is skipped, but what is told."""
    estimator = small(cls) if sizes == "lean" else cls()
    expected = expected_failed_checks(estimator)
    later = dict.fromkeys(LEARN, "run below") if sizes == "lean" else {}
    seconds, began = [], time.process_time()

    def took(*, check_name, **rest):
        nonlocal began
        seconds.append((time.process_time() - began, check_name))  # of the processor: neighbours do not count
        began = time.process_time()

    results = check_estimator(
        estimator, expected_failed_checks=expected | later, on_fail=None, on_skip=None, callback=took
    )
    results = [result for result in results if result["check_name"] not in later]
    if later:
        learnt = small(cls, LEAN | {"batch_size": 32} if is_classifier(estimator) else LEAN)
        for model, check in estimator_checks.estimator_checks_generator(learnt):
            name = check.func.__name__
            if name in later:
                check(model)
                results.append({"check_name": name, "status": "passed"})
                took(check_name=name)
    bad = {
        (result["check_name"], result["status"]): str(result["exception"])
        for result in results
        if result["status"] not in ("passed", "xfail")
        and not (result["status"] == "skipped" and result["check_name"] in MAY_BE_SKIPPED)
    }
    assert not bad
    assert len(results) >= (40 if get_tags(estimator).input_tags.two_d_array else 1)
    run = {result["check_name"] for result in results if result["status"] != "skipped"}
    failed = {result["check_name"] for result in results if result["status"] == "xfail"}
    # of a y that is no column of X some forecasters say the same in every row, which no order changes
    assert failed <= set(expected) if task_of(estimator) == "forecast" else failed == set(expected) & run
    record_slowest(record_property, f"check_estimator {cls.__name__}, {sizes}", seconds)


@pytest.mark.parametrize("options", [{"output": "array"}, {"output": "flat"}], ids=str)
def test_check_estimator_of_windows_in_arrays(options):
    estimator = sklearn_seq.SlidingWindow(**options)
    results = check_estimator(
        estimator, expected_failed_checks=expected_failed_checks(estimator), on_fail=None, on_skip=None
    )
    failed = {result["check_name"] for result in results if result["status"] == "xfail"}
    assert failed == {"check_methods_sample_order_invariance", "check_methods_subset_invariance"}
    assert {result["status"] for result in results} <= {"passed", "xfail", "skipped"}


def test_no_estimator_fails_by_definition_but_for_time_and_containers():
    expected = {cls: expected_failed_checks(cls()) for cls in ESTIMATORS}
    of_tables = {sklearn_seq.SlidingWindow, sklearn_seq.ForecastDetector, *FORECASTERS}
    assert {cls for cls, checks in expected.items() if checks} == of_tables
    assert all(len(reason.split()) > 5 for checks in expected.values() for reason in checks.values())
    for cls in FORECASTERS:
        assert set(expected[cls]) == {"check_methods_sample_order_invariance", "check_methods_subset_invariance"}


@y_from_outside
@pytest.mark.parametrize(
    "check_name",
    ["check_param_validation", "check_dataframe_column_names_consistency", "check_inplace_ensure_writeable"],
)
@each_of_rows
def test_checks_that_check_estimator_leaves_out(cls, check_name):
    check = getattr(estimator_checks, check_name, None)
    if check is None:
        pytest.skip(f"this scikit-learn has no {check_name}")
    if check_name == "check_inplace_ensure_writeable" and not get_tags(cls()).input_tags.two_d_array:
        pytest.skip("it fits a table, and this one reads text")
    check(cls.__name__, small(cls))


@each_estimator
def test_check_sequence_estimator(cls, record_property):
    """Our contract, with sizes shrunk."""
    results = check_sequence_estimator(small(cls), on_fail=None)
    assert {r["check_name"]: str(r["exception"]) for r in results if r["status"] != "passed"} == {}
    seconds = [(r["seconds"], r["check_name"]) for r in results]
    record_slowest(record_property, f"check_sequence_estimator {cls.__name__}", seconds)


ENSEMBLE = {"n_estimators": 2, "random_state": 0}
GAUSSIAN = sklearn_seq.GRURegressor(loss="gaussian", **NETWORK)
VARIANTS = [
    sklearn_seq.RNNClassifier(bidirectional=True, pooling="last", n_layers=2, dropout=0.2, class_weight="balanced"),
    sklearn_seq.RNNRegressor(loss="gaussian", early_stopping=True, validation_fraction=0.3, lr_schedule="one-cycle"),
    sklearn_seq.RNNRegressor(loss="quantile", quantiles=(0.2, 0.7), missing="mask", dtype="float64", optimizer="sgd"),
    sklearn_seq.RNNClassifier(early_stopping=True, lr_schedule="plateau", batch_size=5, standardize=False),
    sklearn_seq.DeepEnsembleClassifier(
        sklearn_seq.GRUClassifier(**NETWORK), bootstrap=True, adversarial=0.1, calibration_fraction=0.3, **ENSEMBLE
    ),
    sklearn_seq.DeepEnsembleRegressor(GAUSSIAN, n_snapshots=2, calibration_fraction=0.3, **ENSEMBLE),
    sklearn_seq.DeepEnsembleRegressor(
        estimators=[("a", GAUSSIAN), sklearn_seq.LSTMRegressor(**NETWORK)], average_weights=0.5, random_state=0
    ),
]


@pytest.mark.parametrize("estimator", VARIANTS, ids=lambda estimator: repr(estimator).replace("\n", ""))
def test_check_sequence_estimator_of_variants(estimator):
    """The choices that reach into the loop."""
    known = estimator.get_params(deep=False)
    check_sequence_estimator(estimator.set_params(**{name: SMALL[name] for name in SMALL.keys() & known.keys()}))


@each_forecaster
def test_forecasters_run_through_scikit_learn(cls):
    """Searches, cross-validation and back-tests in time order, with the targets that X itself holds."""
    X, cv = make_problem("forecast", n_samples=60).X, TimeSeriesSplit(2, test_size=9)
    model = with_roles(small(cls), target=[1, 0])
    horizon = "horizon" if "horizon" in model.get_params() else "estimator__horizon"
    scores = cross_val_score(model, X, cv=cv)
    by_hand = [(clone(model).fit(X[train]), test) for train, test in cv.split(X)]
    np.testing.assert_array_equal(scores, [fitted.score(X[test]) for fitted, test in by_hand])
    search = GridSearchCV(model, {horizon: [2, 3]}, cv=cv).fit(X)
    np.testing.assert_array_equal(search.predict(X[-5:]), search.best_estimator_.predict(X[-5:]))
    assert search.cv_results_["split0_test_score"][1] == scores[0] and np.isfinite(search.best_score_)
    found = sklearn_seq.backtest(make_pipeline(model), X, cv=cv)
    for fitted, test in by_hand:
        np.testing.assert_array_equal(found.predictions[test], fitted.predict(X[test]))


# -- each check can fail -----------------------------------------------------------------------------------------------


def failing_checks(estimator, *names):
    """Which of the checks of these names fail."""
    failed = set()
    for name, run in sequence_checks(estimator):
        if name.partition("[")[0] in names:
            try:
                run()
            except Exception:
                failed.add(name.partition("[")[0])
    return failed


def broken_gru(**methods):
    """A classifier with some methods replaced, as one would break it by mistake."""
    base = sklearn_seq.GRUClassifier
    cls = type("BrokenGRU", (base,), {**methods, "__module__": __name__})
    globals()["BrokenGRU"] = cls  # so that it can be pickled
    estimator = base(**NETWORK)
    estimator.__class__ = cls
    return estimator


def _fit_and(after):
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, groups=None):
        sklearn_seq.GRUClassifier.fit(self, X, y, sample_weight, X_val, y_val, groups)
        after(self, X)
        return self

    return fit


def _mates(self, X):
    found = sklearn_seq.GRUClassifier._outputs(self, X)
    return found - found.mean(axis=0) * 1e-3


def _nan(self, X):
    return sklearn_seq.GRUClassifier._outputs(self, X) * np.nan


def _unweighted(self, X, y, sample_weight=None, X_val=None, y_val=None, groups=None):
    return sklearn_seq.GRUClassifier.fit(self, X, y, None, X_val, y_val, groups)


def _forgetful(self, X, y, sample_weight=None, X_val=None, y_val=None, groups=None):
    self.__dict__.pop("_fitted_params", None)
    return sklearn_seq.GRUClassifier.fit(self, X, y, sample_weight, X_val, y_val, groups)


def _use_global_numbers(self, X):
    self._shift = np.random.rand()  # noqa: NPY002


def _write(self, X):
    open("weights.pt", "w").close()


def _jitter(self, X):
    return sklearn_seq.GRUClassifier._outputs(self, X) + getattr(self, "_shift", 0.0) * [1.0, 0.0, 0.0]


def _first_row(self, X):
    self._shift = float(np.asarray(X[0]).ravel()[0])


def _drop_params(self):
    state = sklearn_seq.GRUClassifier.__getstate__(self)
    return {name: value for name, value in state.items() if name != "hidden_size"} | {"hidden_size": 5}


def _keep_last(self, result, *, keep_optimizer):
    sklearn_seq.GRUClassifier._take(self, result, keep_optimizer=keep_optimizer)
    if self.validation_scores_ is not None:
        self.best_epoch_ = int(np.argmin(self.validation_scores_)) + 1


def _change_input(self, X):
    np.asarray(X[0])[...] = 0


def _negative(self, X):
    return sklearn_seq.GRUClassifier.predict_proba(self, X) * 0.999


SABOTAGE = {
    "check_padding_and_mates": {"_outputs": _mates},
    "check_kind": {"fit": _fit_and(_change_input)},
    "check_probabilities": {"predict_proba": _negative},
    "check_weights": {"fit": _unweighted},
    "check_failed_fit": {"fit": _forgetful},
    "check_globals": {"fit": _fit_and(_use_global_numbers)},
    "check_seed": {"fit": _fit_and(_use_global_numbers), "_outputs": _jitter},
    "check_row_order": {"fit": _fit_and(_first_row), "_outputs": _jitter},
    "check_silent": {"fit": _fit_and(_write)},
    "check_copies": {"__getstate__": _drop_params},
    "check_best_epoch": {"_take": _keep_last},
    "check_repeated_call": {"_outputs": _nan},
}


@pytest.mark.parametrize("name", SABOTAGE)
def test_a_broken_estimator_fails_the_check(name):
    assert failing_checks(broken_gru(**SABOTAGE[name]), name) == {name}


def test_a_failure_is_told_with_the_name_of_the_check():
    with pytest.raises(AssertionError, match=r"BrokenGRU fails check_kind\[2-D\]: .*not finite"):
        check_sequence_estimator(broken_gru(_outputs=_nan))
    results = check_sequence_estimator(broken_gru(_outputs=_nan), on_fail=None)
    assert {result["status"] for result in results} == {"failed", "passed"}


# -- of forecasters


def _of_forecaster(method, change):
    """A method of NaiveForecaster whose answer is changed by ``change(self, answer, X)``."""
    original = getattr(sklearn_seq.NaiveForecaster, method)

    def broken(self, *given, **named):
        return change(self, original(self, *given, **named), *given[:1])

    return broken


def _fit_forecaster_and(after):
    def fit(self, X, y=None):
        sklearn_seq.NaiveForecaster.fit(self, X, y)
        after(self, X)
        return self

    return fit


def _look_ahead(self, windows):
    """The mean of the past and of the horizon."""
    steps = windows.layout.horizon
    ahead = windows.rows(0, steps, list(windows.layout.target)).mean(axis=1, keepdims=True)
    return np.repeat(ahead, steps, axis=1)[..., None]


def _look_further(self, windows):
    """What is known ahead, one row behind the horizon."""
    steps, known = windows.layout.horizon, list(windows.layout.known)
    last = sklearn_seq.NaiveForecaster._answer(self, windows)
    rows = np.minimum(windows.origins + steps, windows.stops[windows.series] - 1)
    return last + windows.values[rows][:, known].sum(axis=1)[:, None, None, None] if known else last


def _look_back_further(self, windows):
    """Series that are read in one go."""
    return sklearn_seq.NaiveForecaster._answer(self, windows) + windows.values.sum() * 1e-3


def _keep_a_view(self, X):
    self._rows = X


def _read_the_view(self, windows):
    return sklearn_seq.NaiveForecaster._answer(self, windows) + float(self._rows[0, 0])


def _learn_the_end(self, X):
    """The rows behind a view of a larger array."""
    base = X if X.base is None else X.base
    self._shift = float(np.nan_to_num(base[-1, 0]))


def _add_shift(self, windows):
    return sklearn_seq.NaiveForecaster._answer(self, windows) + getattr(self, "_shift", 0.0)


def _never_refuse(self, X, coverage=0.9):
    return np.zeros((len(X), 2))


def _fail_late(self, X, y=None):
    self._table = None
    return sklearn_seq.NaiveForecaster.fit(self, X, y)


def _first_of_table(self, X):
    self._shift = float(np.asarray(X, dtype=float)[1, 0])


def _anything_goes(self, X):
    X = np.nan_to_num(np.asarray(X, dtype=float), posinf=0.0)
    return sklearn_seq.NaiveForecaster.predict(self, X.reshape(len(X), -1)[:, [0, -1]])


def _count_calls(self, windows):
    self._n_calls = getattr(self, "_n_calls", 0) + 1
    return sklearn_seq.NaiveForecaster._answer(self, windows) + self._n_calls


def _count_fits(self, X):
    self._shift = type(self)._n_fits = getattr(self, "_n_fits", 0) + 1


def _as_named(self, windows):
    by_name = hasattr(self, "feature_names_in_")
    return sklearn_seq.NaiveForecaster._answer(self, windows) + by_name


def _nan_where_marked(self, windows):
    answer = sklearn_seq.NaiveForecaster._answer(self, windows)
    return answer * np.nan if windows.layout.marked else answer


BROKEN_FORECASTERS = {
    "check_no_forecast_reads_past_its_origin": {"_answer": _look_ahead},
    "check_known_future_is_read_up_to_the_horizon": {"_answer": _look_further},
    "check_series_do_not_see_each_other": {"_answer": _look_back_further},
    "check_no_fit_reads_past_its_rows": {"fit": _fit_forecaster_and(_learn_the_end), "_answer": _add_shift},
    "check_forecast_shapes": {"predict": _of_forecaster("predict", lambda self, found, X: found[:, None])},
    "check_score_reads_its_targets": {"score": lambda self, X, y=None: float(y is None)},
    "check_ways_of_forecasting_agree": {
        "forecast": _of_forecaster("forecast", lambda self, found, *X: found[::-1] + 1)
    },
    "check_frames_and_arrays": {"_answer": _as_named},
    "check_order_of_series": {"fit": _fit_forecaster_and(_first_of_table), "_answer": _add_shift},
    "check_intervals": {"predict_interval": _never_refuse},
    "check_missing_values": {"_answer": _nan_where_marked},
    "check_failed_forecaster_fit": {"fit": _fail_late},
    "check_other_tables_refused": {"predict": _anything_goes},
    "check_repeated_call": {"_answer": _count_calls},
    "check_silent": {"fit": _fit_forecaster_and(_write)},
    "check_globals": {"fit": _fit_forecaster_and(_use_global_numbers)},
    "check_seed": {"fit": _fit_forecaster_and(_use_global_numbers), "_answer": _add_shift},
    "check_copies": {"__getstate__": lambda self: self.__dict__ | {"_shift": 1.0}, "_answer": _add_shift},
    "check_clone": {"fit": _fit_forecaster_and(_count_fits), "_answer": _add_shift},
    "check_set_params_after_fit": {"_answer": lambda self, windows: _add_shift(self, windows) + self.lookback},
}


def broken_forecaster(**methods):
    base = sklearn_seq.NaiveForecaster
    cls = type("BrokenForecaster", (base,), {**methods, "__module__": __name__})
    globals()["BrokenForecaster"] = cls  # so that it can be pickled
    return cls(method="mean", lookback=6, horizon=3)


def test_a_forecaster_that_keeps_the_rows_of_its_user_fails_the_check():
    broken = broken_forecaster(fit=_fit_forecaster_and(_keep_a_view), _answer=_read_the_view)
    name = "check_no_fit_reads_past_its_rows"
    assert failing_checks(broken, name) == {name}


@pytest.mark.parametrize("name", BROKEN_FORECASTERS)
def test_a_broken_forecaster_fails_the_check(name):
    assert failing_checks(broken_forecaster(**BROKEN_FORECASTERS[name]), name) == {name}


def test_every_check_of_forecasters_is_known_to_fail():
    """For what concerns networks alone, tests of classifiers do."""
    run = {name.partition("[")[0] for name, _ in sequence_checks(broken_forecaster())}
    assert run - set(BROKEN_FORECASTERS) == {"check_idle_callbacks", "check_loss_not_finite"}
    assert failing_checks(broken_forecaster(), *run) == set()


@pytest.mark.parametrize("broken", ["predict_proba", "predict_uncertainty"])
def test_a_broken_ensemble_fails_the_check(broken):
    """What an ensemble answers is looked at in full: one that jitters in one method is found out."""
    base = sklearn_seq.MCDropoutClassifier

    def jitter(self, X):
        found = getattr(base, broken)(self, X)
        self._n_calls = getattr(self, "_n_calls", 0) + 1
        return (
            type(found)(*(part + self._n_calls for part in found))
            if broken != "predict_proba"
            else found * self._n_calls
        )

    estimator = small(base)
    estimator.__class__ = type("BrokenEnsemble", (base,), {broken: jitter, "__module__": __name__})
    assert failing_checks(estimator, "check_repeated_call") == {"check_repeated_call"}


# -- a process of its own ------------------------------------------------------------------------------------------------

RELOAD = """
import pickle, sys
import numpy as np
models, X = pickle.load(open(sys.argv[1], "rb"))
np.savez(sys.argv[2], **{name: model.predict(X[name]) for name, model in models.items()})
assert "sklearn_seq.testing" not in sys.modules
"""


def test_pickles_give_the_same_bits_in_a_fresh_process(tmp_path):
    models, X = {}, {}
    for cls in PREDICTORS:
        data = make_problem(task_of(cls()), "ragged")
        models[cls.__name__] = fresh(small(cls)).fit(data.X, data.y)
        X[cls.__name__] = data.X_test
    (tmp_path / "models.pkl").write_bytes(pickle.dumps((models, X)))
    command = [sys.executable, "-c", RELOAD, str(tmp_path / "models.pkl"), str(tmp_path / "found.npz")]
    subprocess.run(command, check=True)
    found = np.load(tmp_path / "found.npz")
    for name, model in models.items():
        np.testing.assert_array_equal(found[name], model.predict(X[name]), strict=True)
