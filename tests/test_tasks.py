"""Classifying and predicting numbers: losses by closed form, what comes with them, scikit-learn's tools around them."""

import warnings

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_digits
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    ShuffleSplit,
    TimeSeriesSplit,
    cross_val_predict,
    cross_val_score,
    train_test_split,
)
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import sklearn_seq
from sklearn_seq import (
    GRUClassifier,
    GRURegressor,
    LSTMClassifier,
    LSTMRegressor,
    Sequences,
    SequenceScaler,
    SlidingWindow,
    make_supervised,
)
from sklearn_seq.datasets import make_adding_problem
from sklearn_seq.testing import make_problem

SMALL = {"hidden_size": 4, "max_epochs": 3, "random_state": 0}
KINDS = ("3-D", "ragged")


def problem(task, kind, **options):
    return make_problem("classify" if task is GRUClassifier else "regress", kind, n_samples=36, **options)


# -- losses --------------------------------------------------------------------------------------------------------------


def loss_of(model, output, target):
    """The training loss of outputs, one a row."""
    rows = np.asarray(target)
    X = np.zeros((len(rows), 2, 1)) + np.arange(len(rows))[:, None, None]
    model.set_params(max_epochs=1, hidden_size=2).fit(X, rows)
    return model._make_loss()(torch.tensor(output, dtype=torch.float64), torch.tensor(target)).numpy()


OUTPUT = np.array([[0.3], [-1.2], [2.5], [0.0]])
TARGET = np.array([0.5, 0.3, -0.5, 0.0])
ERROR = TARGET - OUTPUT[:, 0]


@pytest.mark.parametrize(
    ("loss", "wanted"),
    [
        ("squared_error", ERROR**2),
        ("absolute_error", np.abs(ERROR)),
        ("huber", np.where(np.abs(ERROR) <= 1, ERROR**2 / 2, np.abs(ERROR) - 0.5)),
    ],
)
def test_losses_of_one_output(loss, wanted):
    np.testing.assert_allclose(loss_of(GRURegressor(loss=loss), OUTPUT, TARGET[:, None]), wanted, rtol=1e-6)


def test_loss_of_several_outputs_is_the_mean():
    found = loss_of(GRURegressor(), np.c_[OUTPUT, OUTPUT + 1], np.c_[TARGET, TARGET])
    np.testing.assert_allclose(found, (ERROR**2 + (ERROR - 1) ** 2) / 2, rtol=1e-6)


def test_gaussian_loss_is_the_likelihood():
    log_deviation = np.array([0.1, -0.5, 0.7, 0.0])
    found = loss_of(GRURegressor(loss="gaussian"), np.c_[OUTPUT[:, 0], log_deviation], TARGET[:, None])
    wanted = -norm.logpdf(TARGET, OUTPUT[:, 0], np.exp(log_deviation)) - 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_quantile_loss_is_the_pinball_loss():
    levels = np.array([0.2, 0.7])
    output = np.c_[OUTPUT[:, 0], [0.1, 0.2, -3.0, 1.0]]
    quantiles = np.c_[output[:, 0], output[:, 0] + np.log1p(np.exp(output[:, 1]))]
    error = TARGET[:, None] - quantiles
    wanted = np.where(error > 0, levels * error, (levels - 1) * error).mean(axis=1)
    found = loss_of(GRURegressor(loss="quantile", quantiles=tuple(levels)), output, TARGET[:, None])
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_cross_entropy_with_label_smoothing():
    logits = np.random.default_rng(0).normal(size=(4, 3))
    labels = np.array([0, 2, 1, 2])
    log_proba = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    for smoothing in (0.0, 0.3):
        target = np.eye(3)[labels] * (1 - smoothing) + smoothing / 3
        found = loss_of(GRUClassifier(label_smoothing=smoothing), logits, labels)
        np.testing.assert_allclose(found, -(target * log_proba).sum(axis=1), rtol=1e-6)


# -- numbers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_several_outputs(kind):
    data = problem(GRURegressor, kind)
    y = np.c_[data.y, 100 - 5 * data.y, data.y**2]
    model = GRURegressor(**SMALL).fit(data.X, y)
    assert model.predict(data.X_test).shape == (18, 3)
    assert model.predict(data.X_test)[:, 1].mean() > 50  # each output in its own units
    one = GRURegressor(**SMALL).fit(data.X, y[:, :1])
    assert one.predict(data.X_test).shape == (18, 1)
    np.testing.assert_array_equal(
        one.predict(data.X_test)[:, 0], GRURegressor(**SMALL).fit(data.X, data.y).predict(data.X_test)
    )


@pytest.mark.parametrize("n_outputs", [None, 1, 2])
def test_quantiles_never_cross(n_outputs):
    data = problem(GRURegressor, "ragged")
    y = data.y if n_outputs is None else np.repeat(data.y[:, None], n_outputs, axis=1)
    levels = [0.05, 0.3, 0.5, 0.95]
    model = GRURegressor(**{**SMALL, "max_epochs": 20}, lr=0.1, loss="quantile", quantiles=levels).fit(data.X, y)
    found = model.predict_quantiles(data.X_test)
    assert found.shape == (18, *([] if n_outputs is None else [n_outputs]), 4)
    assert (np.diff(found, axis=-1) >= 0).all()
    np.testing.assert_array_equal(model.predict(data.X_test), found[..., 2])
    np.testing.assert_array_equal(model.predict_quantiles(data.X_test, [0.95, 0.3][::-1]), found[..., [1, 3]])


def test_a_gaussian_says_how_sure_it_is():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(400, 5, 1))
    spread = np.where(X[:, 0, 0] > 0, 3.0, 0.3)
    y = 10 + spread * rng.normal(size=400)
    model = GRURegressor(loss="gaussian", hidden_size=8, max_epochs=40, lr=0.02, dropout=0.0, random_state=0).fit(X, y)
    mean, std = model.predict(X, return_std=True)
    assert (std > 0).all()
    assert np.median(std[spread == 3.0]) > 3 * np.median(std[spread == 0.3])
    np.testing.assert_array_equal(mean, model.predict(X))
    quantiles = model.predict_quantiles(X, [0.1, 0.5, 0.9])
    np.testing.assert_allclose(quantiles, mean[:, None] + std[:, None] * norm.ppf([0.1, 0.5, 0.9]), rtol=1e-6)
    assert 0.7 < ((y > quantiles[:, 0]) & (y < quantiles[:, 2])).mean() < 0.9
    assert model.predict_quantiles(X).shape == (400, len(model.quantiles))


def test_predict_quantiles_is_there_only_where_it_means_something():
    assert not hasattr(GRURegressor(), "predict_quantiles")
    assert hasattr(GRURegressor(loss="gaussian"), "predict_quantiles")
    data = problem(GRURegressor, "3-D")
    model = GRURegressor(**SMALL).fit(data.X, data.y).set_params(loss="quantile")
    assert not hasattr(model, "predict_quantiles")  # what was fitted decides


def test_a_constant_target_is_predicted_as_it_is():
    X = problem(GRURegressor, "ragged").X
    np.testing.assert_allclose(GRURegressor(**SMALL).fit(X, np.full(36, 7.0)).predict(X), 7, atol=1)


# -- labels --------------------------------------------------------------------------------------------------------------


def test_balanced_classes_weigh_the_same():
    data = problem(GRUClassifier, "ragged")
    weight = np.random.default_rng(0).uniform(0.5, 2, size=36)
    totals = {label: weight[data.y == label].sum() for label in "abc"}
    by_hand = {label: weight.sum() / (3 * total) for label, total in totals.items()}
    found = GRUClassifier(**SMALL, class_weight="balanced").fit(data.X, data.y, sample_weight=weight)
    for wanted in (
        GRUClassifier(**SMALL, class_weight=by_hand).fit(data.X, data.y, sample_weight=weight),
        GRUClassifier(**SMALL).fit(data.X, data.y, sample_weight=weight * [by_hand[label] for label in data.y]),
    ):
        np.testing.assert_allclose(
            found.decision_function(data.X_test), wanted.decision_function(data.X_test), atol=1e-5
        )
    plain = GRUClassifier(**SMALL).fit(data.X, data.y, sample_weight=weight)
    assert not np.allclose(found.decision_function(data.X_test), plain.decision_function(data.X_test), atol=1e-3)


def test_a_class_of_weight_zero_in_every_row_is_no_class():
    data = problem(GRUClassifier, "3-D")
    model = GRUClassifier(**SMALL).fit(data.X, data.y, sample_weight=(data.y != "b") * 1.0)
    assert model.classes_.tolist() == ["a", "c"]
    model = GRUClassifier(**SMALL, class_weight={"b": 0.0}).fit(data.X, data.y)
    assert model.classes_.tolist() == ["a", "b", "c"]


# -- windows that overlap --------------------------------------------------------------------------------------------------


def test_a_score_on_windows_between_those_of_training_is_warned_of():
    walk = np.random.default_rng(0).normal(size=(150, 1)).cumsum(axis=0)
    X, y, gap = make_supervised(walk, horizon=2)
    windows = SlidingWindow(10).fit_transform(X)
    model = GRURegressor(**SMALL)
    with pytest.warns(UserWarning, match="windows share rows with later windows that GRURegressor was trained on"):
        cross_val_score(model, windows, y, cv=ShuffleSplit(1, random_state=0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cross_val_score(model, windows, y, cv=TimeSeriesSplit(3, gap=gap))
        cross_val_score(make_pipeline(SlidingWindow(10), model), X, y, cv=TimeSeriesSplit(3, gap=gap))
        model.fit(windows, y).predict(windows)  # what was trained on itself is no test
        model.predict(SlidingWindow(10).fit_transform(X + 1))  # another table


# -- scikit-learn's tools ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_meta_estimators_around_classifiers(kind):
    data = problem(GRUClassifier, kind, n_classes=2)
    base = GRUClassifier(**SMALL)
    for meta in (
        StackingClassifier([("a", base), ("b", LSTMClassifier(**SMALL))], LogisticRegression(), cv=2),
        VotingClassifier([("a", base), ("b", LSTMClassifier(**SMALL))], voting="soft"),
        CalibratedClassifierCV(base, cv=2),
    ):
        meta.fit(data.X, data.y)
        proba = meta.predict_proba(data.X_test)
        assert proba.shape == (18, 2)
        np.testing.assert_allclose(proba.sum(axis=1), 1)
        assert 0 <= meta.score(data.X_test, data.y_test) <= 1
    several = MultiOutputClassifier(base).fit(data.X, np.c_[data.y, data.y])
    assert several.predict(data.X_test).shape == (18, 2)
    assert cross_val_predict(base, data.X, data.y, cv=2, method="predict_proba").shape == (36, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_meta_estimators_around_regressors(kind):
    data = problem(GRURegressor, kind)
    base = GRURegressor(**SMALL)
    for meta in (
        StackingRegressor([("a", base), ("b", LSTMRegressor(**SMALL))], Ridge(), cv=2),
        VotingRegressor([("a", base), ("b", LSTMRegressor(**SMALL))]),
    ):
        assert meta.fit(data.X, data.y).predict(data.X_test).shape == (18,)
    logged = TransformedTargetRegressor(base, func=np.log, inverse_func=np.exp)
    assert (logged.fit(data.X, np.exp(data.y)).predict(data.X_test) > 0).all()
    found = MultiOutputRegressor(base).fit(data.X, np.c_[data.y, -data.y]).predict(data.X_test)
    assert found.shape == (18, 2)


def test_bagging_carries_tables_and_cells():
    """It insists on two dimensions: ragged data go as a column of cells."""
    for kind in ("2-D", "Sequences"):
        data = problem(GRUClassifier, kind, n_classes=2)
        X, X_test = (data.X, data.X_test) if kind == "2-D" else (data.X.to_cells(), data.X_test.to_cells())
        bag = BaggingClassifier(GRUClassifier(**SMALL), n_estimators=2, random_state=0).fit(X, data.y)
        assert bag.predict_proba(X_test).shape == (18, 2)
    data = problem(GRURegressor, "2-D")
    bag = BaggingRegressor(GRURegressor(**SMALL), n_estimators=2, random_state=0).fit(data.X, data.y)
    assert bag.predict(data.X_test).shape == (18,)


def test_halving_over_epochs():
    data = problem(GRUClassifier, "ragged")
    search = HalvingGridSearchCV(
        GRUClassifier(**SMALL), {"lr": [1e-1, 1e-2, 1e-3, 1e-4]}, resource="max_epochs", min_resources=1, max_resources=4,
        factor=2, cv=2, random_state=0,
    )  # fmt: skip
    search.fit(data.X, data.y)
    assert search.n_resources_ == [1, 2, 4]
    assert search.best_estimator_.n_iter_ == 4


def test_permutation_importance_finds_the_step_that_matters():
    X = np.random.default_rng(0).normal(size=(200, 4))
    model = GRURegressor(hidden_size=8, max_epochs=30, random_state=0).fit(X, X[:, 2])
    found = permutation_importance(model, X, X[:, 2], n_repeats=2, random_state=0).importances_mean
    assert found.argmax() == 2


def test_a_validation_part_goes_through_the_pipeline_inside_a_search():
    """Routing on, `transform_input`: the scaler that was fitted in the fold scales X_val too."""
    data = problem(GRURegressor, "ragged")
    X, X_val = ([1e3 * x + 50 for x in part] for part in (data.X, data.X_test))
    with sklearn_seq_routing():
        model = GRURegressor(**SMALL, early_stopping=True, standardize=False).set_fit_request(X_val=True, y_val=True)
        pipeline = Pipeline([("scale", SequenceScaler()), ("model", model)], transform_input=["X_val"])
        search = GridSearchCV(pipeline, {"model__hidden_size": [2, 3]}, cv=2)
        search.fit(X, data.y, X_val=X_val, y_val=data.y_test)
        best = search.best_estimator_
        assert best.score(X_val, data.y_test) == pytest.approx(max(best[-1].validation_scores_), abs=1e-4)


def test_groups_are_routed_to_early_stopping():
    data = problem(GRUClassifier, "ragged")
    groups = np.arange(36) % 6
    with sklearn_seq_routing():
        model = GRUClassifier(**SMALL, early_stopping=True).set_fit_request(groups=True)
        found = make_pipeline(SequenceScaler(), model).fit(data.X, data.y, groups=groups)
        assert len(found[-1].validation_scores_) == found[-1].n_iter_


def sklearn_seq_routing():
    from sklearn import config_context

    return config_context(enable_metadata_routing=True)


def test_sample_weight_goes_through_a_pipeline():
    data = problem(GRUClassifier, "ragged")
    pipeline = make_pipeline(SequenceScaler(), GRUClassifier(**SMALL))
    weight = np.ones(36)
    weight[:12] = 0
    found = pipeline.fit(data.X, data.y, gruclassifier__sample_weight=weight).predict_proba(data.X_test)
    assert found.shape[0] == 18


# -- accuracy on data that ships -----------------------------------------------------------------------------------------


def test_digits_read_as_eight_steps():
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X.reshape(-1, 8, 8), y, train_size=300, random_state=0, stratify=y
    )
    model = GRUClassifier(random_state=0).fit(X_train, y_train)
    assert model.score(X_test[:600], y_test[:600]) > 0.88  # nearest neighbour on pixels: 0.95


def test_sums_of_marked_numbers():
    X, y = make_adding_problem(600, 12, random_state=0)
    model = GRURegressor(random_state=0).fit(X[:500], y[:500])
    assert model.score(X[500:], y[500:]) > 0.8  # the mean: 0


def test_waves_of_unequal_length():
    rng = np.random.default_rng(0)
    fast = rng.random(120) < 0.5
    X = [
        np.sin(np.arange(n) * (0.9 if f else 0.4) + rng.uniform(0, 6))
        for n, f in zip(rng.integers(15, 40, 120), fast, strict=True)
    ]
    model = LSTMClassifier(random_state=0).fit(X[:80], fast[:80])
    assert model.score(X[80:], fast[80:]) > 0.85


def test_a_table_goes_through_windows_and_a_search():
    rng = np.random.default_rng(0)
    load = np.sin(np.arange(300) / 5) + 0.1 * rng.normal(size=300)
    X, y, gap = make_supervised(load[:, None], horizon=3)
    pipeline = make_pipeline(
        StandardScaler(), SlidingWindow(4), GRURegressor(hidden_size=8, max_epochs=15, random_state=0)
    )
    search = GridSearchCV(pipeline, {"slidingwindow__window": [2, 8]}, cv=TimeSeriesSplit(2, gap=gap)).fit(X, y)
    assert search.best_params_ == {"slidingwindow__window": 8}
    assert search.best_score_ > 0.6


def test_public_names_are_used_as_a_user_does():
    assert issubclass(sklearn_seq.LSTMClassifier, LSTMClassifier)
    assert isinstance(SlidingWindow(2).fit_transform(np.zeros((4, 1))), Sequences)
