"""scikit-learn's own tools inside `joint_training()`: the results they have outside, to the bit, and nothing ever hangs.

To the bit since folds are equal in size, batches full, and the networks GRUs with 16 units (tests/test_replicas.py); where a
tool makes parts of different sizes, up to rounding.
"""

import _thread
import functools
import gc
import importlib
import signal
import threading
import time
import warnings

import joblib
import numpy as np
import pytest
import sklearn
import torch
from joblib.parallel import get_active_backend
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_seq import (
    DeepEnsembleClassifier,
    GRUClassifier,
    GRURegressor,
    LSTMClassifier,
    RNNClassifier,
    Sequences,
    SequenceScaler,
    joint_training,
)

engine = importlib.import_module("sklearn_seq.training.run")  # the name means the function
joint = importlib.import_module("sklearn_seq.training.joint")

SECONDS = 60


def made(n=60, n_steps=6, n_classes=2, seed=0):
    """Sequences whose sums decide the class, equally many of each, in turns."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_steps))
    ranks = X.sum(axis=1).argsort().reshape(n_classes, -1).T.ravel()
    return X[ranks], np.tile(np.arange(n_classes), n // n_classes)


X, Y = made()
X3 = X[:, :, None]
SMALL = {"hidden_size": 16, "max_epochs": 2, "batch_size": 10, "random_state": 0}
MODEL = GRUClassifier(**SMALL)
TINY = GRUClassifier(hidden_size=4, max_epochs=1, batch_size=10, random_state=0)
RATES = {"lr": [1e-3, 1e-2, 0.1]}
LOSS = "neg_log_loss"


def in_time(test):
    """Run it in a thread that can be given up: what hangs fails."""

    @functools.wraps(test)
    def bounded(*args, **kwargs):
        errors = []

        def work():
            try:
                test(*args, **kwargs)
            except BaseException as error:
                errors.append(error)

        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        worker.join(timeout=SECONDS)
        assert not worker.is_alive(), f"hangs for more than {SECONDS} seconds"
        if errors:
            raise errors[0]

    return bounded


@pytest.fixture
def met(monkeypatch):
    """How many plans came together, each time."""
    seen, run_each = [], joint.run_each

    def recorded(plans, n_jobs=None):
        seen.append(len(plans))
        return run_each(plans, n_jobs)

    monkeypatch.setattr(joint, "run_each", recorded)
    return seen


@pytest.fixture
def groups(monkeypatch):
    """The seeds and rates of the plans that were trained as one, each time."""
    seen = []

    class Recorded(engine.Trainer):
        def __init__(self, plans, modules):
            seen.append([(plan.seeds.batches, plan.settings.lr) for plan in plans])
            super().__init__(plans, modules)

    monkeypatch.setattr(engine, "Trainer", Recorded)
    return seen


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    """Nor joblib's backend, or filters of warnings."""

    def state():
        backend, n_jobs = get_active_backend()
        return type(backend), n_jobs, warnings.filters, warnings.showwarning

    before, threads = state(), set(threading.enumerate())
    yield
    assert state() == before
    assert no_threads(but=threads)


def no_threads(but=()):
    """Whether no thread of a task is left; what ended just now may take a moment."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not [one for one in threading.enumerate() if one.name == "joint_training" and one not in but]:
            return True
        time.sleep(0.005)
    return False


def check_same(found, wanted):
    """Of arrays and numbers in lists and dictionaries, to the bit."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        found, wanted = list(found.values()), list(wanted.values())
    if isinstance(wanted, list | tuple):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            check_same(one, other)
        return
    np.testing.assert_array_equal(found, wanted)


def scores_of(search):
    return {name: value for name, value in search.cv_results_.items() if "score" in name and "time" not in name}


def state_of(model):
    return {name: tensor.numpy() for name, tensor in model.module_.state_dict().items()}


# -- the tools -----------------------------------------------------------------------------------------------------------


@in_time
def test_a_grid_search_over_a_pipeline_is_the_one_outside_to_the_bit(met, groups):
    rates = list(np.logspace(-4, -1, 8))
    pipeline = make_pipeline(SequenceScaler(), MODEL)
    search = GridSearchCV(pipeline, {"gruclassifier__lr": rates}, cv=3, scoring=LOSS, return_train_score=True)
    wanted = clone(search).fit(X3, Y)
    assert len(groups) == 25
    groups.clear()
    with joint_training():
        search.fit(X3, Y)
    assert met == [24]
    assert [len(group) for group in groups] == [24, 1]  # and the refit
    check_same(scores_of(search), scores_of(wanted))
    assert len(set(search.cv_results_["mean_test_score"])) == 8
    assert search.best_params_ == wanted.best_params_
    check_same(state_of(search.best_estimator_[-1]), state_of(wanted.best_estimator_[-1]))
    np.testing.assert_array_equal(search.predict_proba(X3), wanted.predict_proba(X3))


def randomized(model):
    search = RandomizedSearchCV(model, {"lr": [1e-3, 1e-2, 0.1], "dropout": [0.0, 0.3]}, n_iter=3, cv=2, random_state=1)
    search = search.set_params(scoring=LOSS).fit(X, Y)
    return [scores_of(search), search.best_params_["lr"], state_of(search.best_estimator_)]


def halving(model):
    search = HalvingGridSearchCV(
        model, RATES, cv=2, resource="max_epochs", min_resources=1, max_resources=3, scoring=LOSS, random_state=0
    ).fit(X, Y)
    return [scores_of(search), search.best_params_["lr"], state_of(search.best_estimator_)]


def validated(model):
    found = cross_validate(
        model, X, Y, cv=3, scoring=[LOSS, "accuracy"], return_estimator=True, return_train_score=True
    )
    return [
        {name: value for name, value in found.items() if name.startswith(("test", "train"))},
        [state_of(one) for one in found["estimator"]],
        [one.loss_curve_ for one in found["estimator"]],
        [one.n_iter_ for one in found["estimator"]],
    ]


def bagged(model):
    bag = BaggingClassifier(model, n_estimators=4, max_samples=0.5, bootstrap=False, random_state=0).fit(X, Y)
    return [bag.predict_proba(X), [state_of(one) for one in bag.estimators_]]


def stacked(model):
    others = [("a", model), ("b", clone(model).set_params(lr=0.05))]
    stack = StackingClassifier(others, LogisticRegression(), cv=3).fit(X, Y)
    return [stack.predict_proba(X), [state_of(one) for one in stack.estimators_]]


def voted(model):
    others = [("a", model), ("b", clone(model).set_params(lr=0.05)), ("c", LogisticRegression())]
    return VotingClassifier(others, voting="soft").fit(X, Y).predict_proba(X)


def calibrated(model):
    return CalibratedClassifierCV(model, cv=3, ensemble=True).fit(X, Y).predict_proba(X)


def regressor_like(model):
    params = GRURegressor().get_params()
    return GRURegressor(**{name: value for name, value in model.get_params().items() if name in params})


def one_a_target_of(model):
    y = np.stack([X.sum(axis=1), X[:, 0], X.max(axis=1)], axis=1)
    return MultiOutputRegressor(regressor_like(model)).fit(X, y).predict(X)


def one_a_class(model):
    X3, y3 = made(n_classes=3)
    return OneVsRestClassifier(model).fit(X3, y3).predict_proba(X3)


TOOLS = {  # and how many fits meet each time
    "RandomizedSearchCV": (randomized, [6]),
    "HalvingGridSearchCV": (halving, [6, 2]),
    "cross_validate": (validated, [3]),
    "cross_val_predict": (lambda m: cross_val_predict(m, X, Y, cv=3, method="predict_proba"), [3]),
    "learning_curve": (lambda m: learning_curve(m, X, Y, cv=2, train_sizes=[10, 20, 30], scoring=LOSS), [6]),
    "validation_curve": (
        lambda m: validation_curve(m, X, Y, param_name="dropout", param_range=[0.0, 0.4], cv=3, scoring=LOSS),
        [6],
    ),
    "BaggingClassifier": (bagged, [4]),
    "StackingClassifier": (stacked, [2, 2, 2, 2]),  # all rows, then fold after fold
    "VotingClassifier": (voted, [2]),
    "CalibratedClassifierCV": (calibrated, [3]),
    "MultiOutputRegressor": (one_a_target_of, [3]),
    "OneVsRestClassifier": (one_a_class, [3]),
}


@pytest.mark.parametrize("name", TOOLS)
@in_time
def test_a_tool_gives_inside_what_it_gives_outside(name, met):
    tool, wanted_to_meet = TOOLS[name]
    wanted = tool(MODEL)
    assert met == []
    with joint_training():
        found = tool(MODEL)
    assert met == wanted_to_meet
    check_same(found, wanted)


@in_time
def test_bags_of_ragged_sequences_are_the_same_up_to_rounding(met):
    rng = np.random.default_rng(0)
    ragged = Sequences.from_list([x[: rng.integers(3, 7)] for x in X3]).to_cells()
    model = GRUClassifier(**SMALL, dtype="float64")
    bag = BaggingClassifier(model, n_estimators=3, random_state=0)  # drawn with replacement
    wanted = clone(bag).fit(ragged, Y).predict_proba(ragged)
    with joint_training():
        found = bag.fit(ragged, Y).predict_proba(ragged)
    assert met == [3]
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@in_time
def test_folds_of_different_sizes_are_the_same_up_to_rounding(met):
    model = RNNClassifier(**SMALL, dtype="float64")
    wanted = cross_val_score(model, X[:52], Y[:52], cv=3, scoring=LOSS)
    with joint_training():
        found = cross_val_score(model, X[:52], Y[:52], cv=3, scoring=LOSS)
    assert met == [3]
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@in_time
def test_members_of_ensembles_meet_those_of_other_folds(met, groups):
    model = DeepEnsembleClassifier(MODEL, n_estimators=2, random_state=0)
    wanted = cross_val_score(model, X, Y, cv=3, scoring=LOSS)
    groups.clear()
    with joint_training():
        found = cross_val_score(model, X, Y, cv=3, scoring=LOSS)
    assert met == [6]
    assert [len(group) for group in groups] == [6]
    check_same(found, wanted)


@in_time
def test_a_fit_of_ones_own_inside_the_block_is_the_one_outside(met):
    wanted = clone(MODEL).fit(X, Y)
    with joint_training():
        found = clone(MODEL).fit(X, Y)
    assert met == []
    check_same(state_of(found), state_of(wanted))


@in_time
def test_partial_fits_meet_too(met):
    def ten(lr):
        model = clone(MODEL).set_params(lr=lr)
        for first in range(0, 60, 20):
            model.partial_fit(X[first : first + 20], Y[first : first + 20], classes=[0, 1])
        return state_of(model)

    wanted = [ten(lr) for lr in RATES["lr"]]
    with joint_training():
        found = joblib.Parallel()(joblib.delayed(ten)(lr) for lr in RATES["lr"])
    assert met == [3, 3, 3]
    check_same(found, wanted)


# -- errors --------------------------------------------------------------------------------------------------------------


class Failing(TransformerMixin, BaseEstimator):
    """Raises, when it is to, in ``fit`` or in ``transform`` of other rows."""

    def __init__(self, at=None, error=RuntimeError):
        self.at, self.error = at, error

    def fit(self, X, y=None):
        if self.at == "fit":
            raise self.error("fit of the transformer")
        self.n_rows_ = len(X)
        return self

    def transform(self, X):
        if self.at == "transform" and len(X) != self.n_rows_:
            raise self.error("transform of the transformer")
        return X


def told(function):
    """The result, and the warnings."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        result = function()
    return result, sorted((warning.category.__name__, str(warning.message)) for warning in seen)


BROKEN = {  # a grid whose candidates fail in part, and what the errors say
    "training": ({"gruclassifier__lr": [1e-2, 1e30, 1e-3]}, "the loss became"),
    "transformer": ({"failing__at": [None, "fit"], "gruclassifier__lr": [1e-3, 1e-2]}, "fit of the transformer"),
    "scoring": (
        {"failing__at": [None, "transform"], "gruclassifier__lr": [1e-3, 1e-2]},
        "transform of the transformer",
    ),
    "parameters": ({"gruclassifier__lr": [1e-3, -1.0, 1e-2]}, "lr"),
    "device": ({"gruclassifier__device": ["cpu", "cuda:7"]}, "not available here"),
    "optimizer": ({"gruclassifier__optimizer": ["sgd", "sdg", "adam"]}, "sdg"),
}


def broken_search(name, **params):
    model = make_pipeline(Failing(), clone(MODEL).set_params(optimizer="sgd", gradient_clip=None))
    return GridSearchCV(model, BROKEN[name][0], cv=3, scoring=LOSS, **params)


@pytest.mark.parametrize("name", BROKEN)
@in_time
def test_a_fit_that_fails_has_no_score_and_the_others_have_theirs(name, met):
    wanted, warned = told(lambda: broken_search(name).fit(X, Y))
    with joint_training():
        found, warned_inside = told(lambda: broken_search(name).fit(X, Y))
    assert any(category == FitFailedWarning.__name__ for category, _ in warned) or name == "scoring"
    assert [category for category, _ in warned_inside] == [category for category, _ in warned]
    check_same(scores_of(found), scores_of(wanted))
    scores = found.cv_results_["mean_test_score"]
    assert 0 < np.isnan(scores).sum() < len(scores)
    check_same(state_of(found.best_estimator_[-1]), state_of(wanted.best_estimator_[-1]))


@pytest.mark.parametrize("name", BROKEN)
@in_time
def test_an_error_that_is_to_be_raised_comes_out_and_a_later_search_works(name, met):
    search = GridSearchCV(MODEL, RATES, cv=3, scoring=LOSS)
    wanted = scores_of(clone(search).fit(X, Y))
    with pytest.raises(Exception, match=BROKEN[name][1]) as outside:
        broken_search(name, error_score="raise").fit(X, Y)
    with joint_training():
        with pytest.raises(type(outside.value), match=BROKEN[name][1]):
            broken_search(name, error_score="raise").fit(X, Y)
        met.clear()
        check_same(scores_of(search.fit(X, Y)), wanted)
        assert met == [9]


@in_time
def test_what_cannot_be_cloned_is_told_as_outside():
    class Stubborn(GRUClassifier):
        def get_params(self, deep=True):
            return {**super().get_params(deep), "lr": object()}

    model = Stubborn(**SMALL)
    with pytest.raises(Exception) as outside:
        cross_val_score(model, X, Y, cv=3)
    with joint_training(), pytest.raises(type(outside.value)):
        cross_val_score(model, X, Y, cv=3)


@in_time
def test_an_error_of_the_block_comes_out():
    with pytest.raises(ZeroDivisionError), joint_training():
        cross_val_score(TINY, X, Y, cv=2)
        1 / 0  # noqa: B018


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@in_time
def test_an_interruption_of_training_comes_out_and_a_later_search_works(error, monkeypatch, met):
    wanted = cross_val_score(MODEL, X, Y, cv=3, scoring=LOSS)
    train, n = engine.Trainer.train, []

    def interrupted(self):
        n.append(1)
        if len(n) == 2:
            raise error("now")
        train(self)

    search = GridSearchCV(TINY, {"hidden_size": [3, 4, 5], "lr": [1e-3, 1e-2]}, cv=3)
    with joint_training():
        with monkeypatch.context() as patch:
            patch.setattr(engine.Trainer, "train", interrupted)
            with pytest.raises(error, match="now"):
                search.fit(X, Y)
        assert len(n) == 2
        assert no_threads()
        check_same(cross_val_score(MODEL, X, Y, cv=3, scoring=LOSS), wanted)
    assert met == [18, 3]


@pytest.mark.parametrize("at", ["fit", "transform"])
@in_time
def test_an_interruption_of_a_task_comes_out(at):
    model = make_pipeline(Failing(at, KeyboardInterrupt), TINY)
    with joint_training():
        with pytest.raises(KeyboardInterrupt, match="of the transformer"):
            GridSearchCV(model, {"gruclassifier__lr": [1e-3, 1e-2]}, cv=3).fit(X, Y)
        assert no_threads()
        assert len(cross_val_score(TINY, X, Y, cv=2)) == 2


class Interrupting(TransformerMixin, BaseEstimator):
    """Ctrl-C while its n-th ``fit`` or ``transform`` goes on."""

    n = 0

    def __init__(self, when=0):
        self.when = when

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        Interrupting.n += 1
        if Interrupting.n == self.when:
            _thread.interrupt_main()
            time.sleep(0.1)
        return X


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="nothing here wakes a main thread that hangs")
@pytest.mark.parametrize("when", [1, 4, 7])  # before the training, and after it
def test_ctrl_c_comes_out_whatever_goes_on_and_a_later_search_works(when):
    """In the main thread, where Python raises it."""

    def hangs(*args):
        raise AssertionError(f"hangs for more than {SECONDS} seconds")

    model = make_pipeline(Interrupting(when), TINY)
    Interrupting.n = 0
    before = signal.signal(signal.SIGALRM, hangs)
    ctrl_c = signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background jobs do not have
    signal.alarm(SECONDS)
    try:
        with joint_training():
            with pytest.raises(KeyboardInterrupt):
                cross_val_score(model, X, Y, cv=5)
            assert len(cross_val_score(TINY, X, Y, cv=2)) == 2
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        signal.signal(signal.SIGINT, ctrl_c)
    assert Interrupting.n >= when


# -- inside each other ---------------------------------------------------------------------------------------------------


@in_time
def test_a_search_inside_a_cross_validation(met):
    search = GridSearchCV(MODEL, RATES, cv=2, scoring=LOSS)
    wanted = cross_val_score(search, X, Y, cv=3, scoring=LOSS)
    with joint_training():
        found = cross_val_score(search, X, Y, cv=3, scoring=LOSS)
    assert met == [3] * 7  # one of each outer fold at a time: 3 rates x 2 folds, and the refit
    check_same(found, wanted)


@pytest.mark.parametrize("n_jobs", [1, 2, -1])
@in_time
def test_processes_that_a_tool_asks_for_have_no_effect(n_jobs, met):
    wanted = scores_of(GridSearchCV(MODEL, RATES, cv=3, scoring=LOSS).fit(X, Y))
    with joint_training():
        found = GridSearchCV(MODEL, RATES, cv=3, scoring=LOSS, n_jobs=n_jobs).fit(X, Y)
    assert met == [9]
    check_same(scores_of(found), wanted)


@in_time
def test_a_block_inside_a_block(met):
    wanted = cross_val_score(MODEL, X, Y, cv=3, scoring=LOSS)
    with joint_training(max_fits=2):
        with joint_training():
            check_same(cross_val_score(MODEL, X, Y, cv=3, scoring=LOSS), wanted)
        assert met == [3]
        check_same(cross_val_score(MODEL, X, Y, cv=3, scoring=LOSS), wanted)
    assert met == [3, 2, 1]


class Blocking(ClassifierMixin, BaseEstimator):
    """Has a block of its own in ``fit``."""

    def __init__(self, lr=1e-2):
        self.lr = lr

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        with joint_training():
            self.found_ = cross_val_score(clone(TINY).set_params(lr=self.lr), X, y, cv=3, scoring=LOSS)
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)


@in_time
def test_a_block_inside_a_fit_inside_a_block(met):
    wanted = [one.found_ for one in cross_validate(Blocking(), X, Y, cv=2, return_estimator=True)["estimator"]]
    met.clear()
    with joint_training():
        found = [one.found_ for one in cross_validate(Blocking(), X, Y, cv=2, return_estimator=True)["estimator"]]
    assert met == [3, 3]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@in_time
def test_a_search_whose_tasks_come_from_another_search(met):
    """A generator that itself calls joblib, while a call is under way."""

    def tasks():
        for lr in RATES["lr"]:
            score = cross_val_score(clone(TINY).set_params(lr=lr), X, Y, cv=2).mean()
            yield joblib.delayed(lambda lr, score: (state_of(clone(MODEL).set_params(lr=lr).fit(X, Y)), score))(
                lr, score
            )

    wanted = joblib.Parallel()(tasks())
    met.clear()
    with joint_training(max_fits=2):
        found = joblib.Parallel(pre_dispatch=1)(tasks())
    assert len(met) == 6
    for (one, _), (other, _) in zip(found, wanted, strict=True):
        check_same(one, other)


@pytest.mark.parametrize("max_fits", [1, 2, 3, 9, 48])
@in_time
def test_as_many_fits_meet_as_may(max_fits, met):
    search = GridSearchCV(MODEL, RATES, cv=3, scoring=LOSS, refit=False)
    wanted = scores_of(clone(search).fit(X, Y))
    with joint_training(max_fits=max_fits):
        search.fit(X, Y)
    assert met == [max_fits] * (9 // max_fits) + [9 % max_fits] * (9 % max_fits > 0)
    check_same(scores_of(search), wanted)


def test_fewer_than_one_fit_is_refused():
    for max_fits in (0, -1):
        with (
            pytest.raises(ValueError, match=f"max_fits={max_fits}; wanted at least 1"),
            joint_training(max_fits=max_fits),
        ):
            pass


@in_time
def test_gathered_fits_are_shared_among_processes(met, groups):
    search = GridSearchCV(MODEL, {"hidden_size": [16, 32], "lr": [1e-3, 1e-2]}, cv=3, scoring=LOSS)
    wanted = clone(search).fit(X, Y)
    groups.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of joblib: a worker may have stopped while others had nothing to do
        with joint_training(n_jobs=2):
            search.fit(X, Y)
    assert met == [12]
    assert [len(group) for group in groups] == [1]  # the refit; all else was elsewhere
    check_same(scores_of(search), scores_of(wanted))
    check_same(state_of(search.best_estimator_), state_of(wanted.best_estimator_))


# -- not all alike -------------------------------------------------------------------------------------------------------


@in_time
def test_candidates_of_different_shapes_are_trained_by_shape(met, groups):
    search = GridSearchCV(MODEL, {"hidden_size": [16, 32], "lr": [1e-3, 1e-2]}, cv=3, scoring=LOSS, refit=False)
    wanted = scores_of(clone(search).fit(X, Y))
    groups.clear()
    with joint_training():
        search.fit(X, Y)
    assert met == [12]
    assert [len(group) for group in groups] == [6, 6]
    check_same(scores_of(search), wanted)


@in_time
def test_candidates_that_are_different_estimators(met, groups):
    pipeline = make_pipeline(FunctionTransformer(), MODEL)
    steps = [MODEL, LogisticRegression(), RNNClassifier(**SMALL), LSTMClassifier(**SMALL, dtype="float64")]
    search = GridSearchCV(pipeline, {"gruclassifier": steps}, cv=3, scoring=LOSS, refit=False)
    wanted = clone(search).fit(X, Y).cv_results_["mean_test_score"]
    groups.clear()
    with joint_training():
        found = search.fit(X, Y).cv_results_["mean_test_score"]
    assert met == [9]
    assert [len(group) for group in groups] == [3, 3, 3]
    check_same(found[:3], wanted[:3])
    np.testing.assert_allclose(found[3], wanted[3], atol=1e-6)


@in_time
def test_other_estimators_are_as_outside(met):
    def results():
        found = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=3, n_jobs=2).fit(X, X.sum(axis=1))
        forest = RandomForestClassifier(5, random_state=0).fit(X, Y)
        neighbours = cross_val_score(KNeighborsClassifier(3), X, Y, cv=3)
        return [scores_of(found), forest.predict_proba(X), neighbours]

    wanted = results()
    with joint_training():
        check_same(results(), wanted)
    assert met == []


# -- bounds --------------------------------------------------------------------------------------------------------------


@in_time
def test_never_more_fits_wait_than_may_nor_more_threads_live(monkeypatch, met):
    waiting, threads, before = [], [], threading.active_count()
    advance = joint._Task.advance

    def watched(self):
        advance(self)
        threads.append(threading.active_count() - before)

    train = joint._Gathering._train

    def trained(self):
        waiting.append(len(self.waiting))
        train(self)

    monkeypatch.setattr(joint._Task, "advance", watched)
    monkeypatch.setattr(joint._Gathering, "_train", trained)
    search = GridSearchCV(TINY, {"lr": list(np.logspace(-3, -1, 10))}, cv=3, refit=False)
    with joint_training(max_fits=4):
        search.fit(X, Y)
    assert waiting == met == [4] * 7 + [2]
    assert max(threads) <= 4 + 1  # and one that is about to end
    nested = GridSearchCV(
        search.set_params(refit=True, param_grid={"lr": [1e-3, 1e-2]}), {"cv": [2, 3]}, cv=3, refit=False
    )
    met.clear()
    waiting.clear()
    with joint_training(max_fits=4):
        nested.fit(X, Y)
    assert max(waiting) == 4
    assert max(threads) <= 4 + 1


@in_time
def test_waiting_fits_hold_no_more_rows_than_may(monkeypatch, met):
    search = GridSearchCV(TINY, RATES, cv=3, refit=False)
    fit_bytes = 2 * 40 * X.shape[1] * 4  # of float32, as given and in order
    monkeypatch.setattr(joint, "_MOST_BYTES", 2 * fit_bytes)
    with joint_training():
        search.fit(X, Y)
    assert met == [2] * 4 + [1]
    monkeypatch.setattr(joint, "_MOST_BYTES", 1)  # a fit may always wait alone
    met.clear()
    with joint_training():
        search.fit(X, Y)
    assert met == [1] * 9


@in_time
def test_nothing_is_held_afterwards():
    class Marked(FunctionTransformer):
        pass

    with joint_training():
        search = GridSearchCV(make_pipeline(Marked(), TINY), {"gruclassifier__lr": [1e-3, 1e-2]}, cv=3, refit=False)
        search.fit(X, Y)
        del search
        gc.collect()
        left = [one for one in gc.get_objects() if type(one) in (Marked, joint._Task)]
        assert left == []


@in_time
def test_threads_of_torch_and_generators_are_as_found():
    before = torch.get_num_threads()
    torch.manual_seed(3)
    state = torch.random.get_rng_state()
    with joint_training():
        cross_val_score(MODEL, X, Y, cv=3)
        assert torch.get_num_threads() == before
        with pytest.raises(ValueError, match="the loss became"):
            broken_search("training", error_score="raise").fit(X, Y)
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before
    assert torch.equal(torch.random.get_rng_state(), state)


@in_time
def test_the_same_fits_meet_each_time(groups):
    search = GridSearchCV(make_pipeline(SequenceScaler(), MODEL), {"gruclassifier__lr": [1e-3, 1e-2, 0.1]}, cv=3)
    seen = []
    for _ in range(3):
        with joint_training(max_fits=5):
            search.fit(X3, Y)
        seen.append(groups.copy())
        groups.clear()
    assert seen[0] == seen[1] == seen[2]
    assert [len(group) for group in seen[0]] == [5, 4, 1]


# -- what a fit sees and says --------------------------------------------------------------------------------------------


class Quiet(ClassifierMixin, BaseEstimator):
    """Ignores warnings while its network is trained, and warns on both sides."""

    def __init__(self, lr=1e-2, quiet=True):
        self.lr, self.quiet = lr, quiet

    def fit(self, X, y):
        with warnings.catch_warnings(record=not self.quiet) as seen:
            warnings.simplefilter("ignore" if self.quiet else "always")
            warnings.warn("before", UserWarning, stacklevel=1)
            self.model_ = clone(TINY).set_params(lr=self.lr).fit(X, y)
            warnings.warn("after", UserWarning, stacklevel=1)
        self.seen_ = seen and [str(one.message) for one in seen]
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        warnings.warn("predicting", UserWarning, stacklevel=1)
        return self.model_.predict(X)


@pytest.mark.parametrize("quiet", [True, False])
@in_time
def test_each_fit_has_filters_of_warnings_of_its_own(quiet, met):
    def validate():
        return cross_validate(Quiet(quiet=quiet), X, Y, cv=3, return_estimator=True, error_score="raise")

    wanted, warned = told(validate)
    with joint_training():
        found, warned_inside = told(validate)
        filters = warnings.filters
        told(validate)
        assert warnings.filters is filters
    assert met == [3, 3]
    assert warned_inside == warned
    assert [text for _, text in warned] == ["predicting"] * 3
    assert [one.seen_ for one in found["estimator"]] == [one.seen_ for one in wanted["estimator"]]
    assert found["estimator"][0].seen_ == (None if quiet else ["before", "after"])


@in_time
def test_warnings_that_are_errors_are_errors_inside():
    with joint_training(), warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="predicting"):
            cross_validate(Quiet(), X, Y, cv=3, error_score="raise")


@in_time
def test_the_configuration_of_scikit_learn_reaches_each_fit(met):
    seen = []

    class Reading(FunctionTransformer):
        def fit(self, X, y=None):
            seen.append(sklearn.get_config()["assume_finite"])
            return super().fit(X, y)

        def transform(self, X):
            seen.append(sklearn.get_config()["assume_finite"])
            return super().transform(X)

    with joint_training():
        for value in (True, False):
            with sklearn.config_context(assume_finite=value):
                cross_val_score(make_pipeline(Reading(), TINY), X, Y, cv=3)
                assert seen == [value] * 9  # fit, transform of the rows trained on, and of the others
            seen.clear()
    assert met == [3, 3]


@in_time
def test_callbacks_of_scikit_learn_hear_every_epoch(met):
    if not hasattr(MODEL, "set_callbacks"):
        pytest.skip("this scikit-learn has no callbacks")

    def heard():
        counter = Counter()
        search = GridSearchCV(clone(TINY).set_params(max_epochs=3), RATES, cv=3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of scikit-learn: it may say that its callbacks are experimental
            search.set_callbacks(counter).fit(X, Y)
        return sorted(counter.names)

    wanted = heard()
    assert wanted.count("epoch") == 10 * 3
    with joint_training():
        assert heard() == wanted
    assert met == [9]


class Counter:
    """Of the tasks that end."""

    max_propagation_depth = None

    def __init__(self):
        self.names = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, **kwargs):
        pass

    def on_fit_task_end(self, estimator, context, **kwargs):
        self.names.append(context.task_name)


@in_time
def test_verbose_fits_print_what_they_print_outside(met, capsys):
    model = clone(TINY).set_params(verbose=1)
    cross_val_score(model, X, Y, cv=3)
    wanted = [line.split("  ")[:2] for line in capsys.readouterr().out.splitlines()]
    with joint_training():
        cross_val_score(model, X, Y, cv=3)
    assert met == [3]
    assert [line.split("  ")[:2] for line in capsys.readouterr().out.splitlines()] == wanted
    assert len(wanted) == 3
