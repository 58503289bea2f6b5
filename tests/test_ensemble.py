"""Ensembles, against their members fitted alone, closed forms, and steps written by hand."""

import copy
import io
import pickle
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import BayesianRidge, LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sklearn_seq import (
    DeepEnsembleClassifier,
    DeepEnsembleRegressor,
    GRUClassifier,
    GRURegressor,
    LSTMClassifier,
    MCDropoutClassifier,
    MCDropoutRegressor,
    Sequences,
    SequenceScaler,
    SlidingWindow,
    Uncertainty,
    joint_training,
    load,
    save,
)
from sklearn_seq.ensemble.calibration import (
    conformal_scores,
    conformal_width,
    temperature_of_deviations,
    temperature_of_probabilities,
)

rng = np.random.default_rng(0)
N = 40
X = rng.normal(size=(N, 5, 2))
FLAT = X.reshape(N, -1)
RAGGED = [rng.normal(size=(length, 2)) for length in rng.integers(2, 8, size=N)]
NUMBERS = X.sum(axis=(1, 2)) + rng.normal(size=N)
LABELS = np.array(["a", "b", "c"])[np.digitize(NUMBERS, [-1.5, 1.5])]
WEIGHT = rng.integers(1, 4, size=N).astype(float)
GROUPS = np.arange(N) // 4
DATA = {"3-D": X, "ragged": RAGGED}

SIZES = {"hidden_size": 16, "max_epochs": 3}  # 16: replicas trained as one have the bits that they have alone


def gru(task="classify", **params):
    return (
        GRUClassifier(**SIZES | params) if task == "classify" else GRURegressor(**SIZES | {"loss": "gaussian"} | params)
    )


def target(task):
    return LABELS if task == "classify" else NUMBERS


def ensemble(task="classify", member=None, **params):
    cls = DeepEnsembleClassifier if task == "classify" else DeepEnsembleRegressor
    return cls(gru(task) if member is None else member, **{"n_estimators": 2, "random_state": 0} | params)


def same(found, wanted):
    np.testing.assert_array_equal(found, wanted, strict=True)


def weights(model):
    return {name: tensor.double().numpy() for name, tensor in model.module_.state_dict().items()}


def said(model, X):
    """All that an ensemble answers."""
    if hasattr(model, "predict_proba"):
        found = [model.predict_proba(X)]
    else:
        found = [*model.predict(X, return_std=True)]
        if getattr(model, "_conformal", None) is not None:
            found.append(model.predict_interval(X, 0.5))
    return [*found, *model.predict_uncertainty(X)]


def same_answers(model, other, X):
    for found, wanted in zip(said(model, X), said(other, X), strict=True):
        same(found, wanted)


# -- members -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("task", ["classify", "regress"])
@pytest.mark.parametrize(
    ("member", "more"),
    [
        ({}, {}),
        ({}, {"sample_weight": WEIGHT}),
        ({"early_stopping": True, "validation_fraction": 0.3}, {"groups": GROUPS}),
        ({"early_stopping": True, "validation_fraction": 0.3, "dropout": 0.4}, {}),
    ],
    ids=["plain", "weights", "groups", "early stopping"],
)
def test_members_are_what_they_would_be_alone(task, kind, member, more):
    data, y = DATA[kind], target(task)
    model = ensemble(task, gru(task, **member)).fit(data, y, **more)
    assert model.estimators_[0].random_state != model.estimators_[1].random_state
    for fitted in model.estimators_:
        alone = clone(fitted).fit(data, y, **more)
        assert fitted.best_epoch_ == alone.best_epoch_
        for name, wanted in weights(alone).items():
            if kind == "3-D":
                same(weights(fitted)[name], wanted)
            else:  # sums over batches of other lengths round in another order
                np.testing.assert_allclose(weights(fitted)[name], wanted, atol=1e-5)


def test_members_are_scored_on_the_validation_part_that_is_given():
    model = ensemble(member=gru(early_stopping=True)).fit(X[:30], LABELS[:30], X_val=X[30:], y_val=LABELS[30:])
    for fitted in model.estimators_:
        alone = clone(fitted).fit(X[:30], LABELS[:30], X_val=X[30:], y_val=LABELS[30:])
        assert fitted.validation_scores_ == alone.validation_scores_


def test_answers_are_the_means_of_the_members():
    model = ensemble(n_estimators=3).fit(X, LABELS)
    each = np.stack([member.predict_proba(X) for member in model.estimators_])
    np.testing.assert_allclose(model.predict_proba(X), each.mean(axis=0), rtol=1e-12)
    same(model.predict(X), model.classes_[each.mean(axis=0).argmax(axis=1)])
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(each.mean(axis=0)))


@pytest.mark.parametrize("y", [NUMBERS, np.c_[NUMBERS, 100 * NUMBERS]], ids=["one output", "two outputs"])
def test_deviations_are_those_of_the_mixture(y):
    model = ensemble("regress", n_estimators=3).fit(X, y)
    means, stds = (
        np.stack(part) for part in zip(*(m.predict(X, return_std=True) for m in model.estimators_), strict=True)
    )
    mean, std = model.predict(X, return_std=True)
    assert mean.shape == std.shape == y.shape
    np.testing.assert_allclose(mean, means.mean(axis=0))
    np.testing.assert_allclose(std**2, (stds**2 + means**2).mean(axis=0) - means.mean(axis=0) ** 2, rtol=1e-6)
    unsure = model.predict_uncertainty(X)
    np.testing.assert_allclose(unsure.total, std)
    np.testing.assert_allclose(unsure.total**2, unsure.aleatoric**2 + unsure.epistemic**2)
    np.testing.assert_allclose(unsure.epistemic, means.std(axis=0))
    np.testing.assert_allclose(model.predict(X), mean)


def test_entropies_by_hand():
    model = ensemble(n_estimators=3).fit(X, LABELS)
    each = np.stack([member.predict_proba(X) for member in model.estimators_])
    unsure = model.predict_uncertainty(X)
    assert isinstance(unsure, Uncertainty)
    total = [-sum(p * np.log(p) for p in row) for row in each.mean(axis=0)]
    aleatoric = [np.mean([-sum(p * np.log(p) for p in member[i]) for member in each]) for i in range(N)]
    np.testing.assert_allclose(unsure.total, total)
    np.testing.assert_allclose(unsure.aleatoric, aleatoric)
    np.testing.assert_allclose(unsure.total, unsure.aleatoric + unsure.epistemic)
    assert (unsure.epistemic > 0).all()


def test_a_single_class_is_sure():
    model = ensemble(calibration_fraction=0.3).fit(X, ["only"] * N)
    same(model.predict_proba(X), np.ones((N, 1)))
    for part in model.predict_uncertainty(X):
        same(part, np.zeros(N))
        assert not np.signbit(part).any()


def test_one_member_is_that_member():
    model = ensemble("regress", n_estimators=1).fit(X, NUMBERS)
    for found, wanted in zip(
        model.predict(X, return_std=True), model.estimators_[0].predict(X, return_std=True), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


# -- bootstrap -------------------------------------------------------------------------------------------------------------


def test_bootstrap_weight_three_is_three_copies():
    model = ensemble(bootstrap=True).fit(X, LABELS, sample_weight=np.full(N, 3))
    copies = np.random.default_rng(1).permutation(np.repeat(np.arange(N), 3))
    same_answers(ensemble(bootstrap=True).fit(X[copies], LABELS[copies]), model, X)
    weighted = ensemble(bootstrap=True).fit(X, LABELS, sample_weight=WEIGHT)
    copies = np.repeat(np.arange(N), WEIGHT.astype(int))
    same_answers(ensemble(bootstrap=True).fit(X[copies], LABELS[copies]), weighted, X)


@pytest.mark.parametrize("n", [1, 2])
def test_a_bootstrap_member_is_a_fit_with_its_counts_as_weights(n):
    model = ensemble("regress", bootstrap=True, n_estimators=n).fit(X, NUMBERS, sample_weight=WEIGHT)
    chance = np.random.RandomState(0)
    seeds = [int(chance.randint(2**31 - 1)) for _ in range(n)]
    assert seeds == [member.random_state for member in model.estimators_]
    order = clone(gru("regress"))
    order._begin()
    reading = order._read(X, NUMBERS, WEIGHT, None, None, None)  # the order that content gives
    rows = [int(np.flatnonzero(np.isclose(NUMBERS, number))[0]) for number in reading.target[:, 0]]
    for seed, member in zip(seeds, model.estimators_, strict=True):
        counts = chance.multinomial(N, WEIGHT[rows] / WEIGHT.sum())
        alone = gru("regress", random_state=seed).fit(X[rows], NUMBERS[rows], sample_weight=counts)
        if n == 1:
            same(member.predict(X), alone.predict(X))
        np.testing.assert_allclose(
            member.predict(X), alone.predict(X), atol=1e-5
        )  # as one, the last batches differ in size
    assert 0 in counts and counts.max() > 1


def test_a_class_that_a_bootstrap_leaves_out():
    y = np.array(["a", "b"] * (N // 2), dtype="U4")
    y[0] = "rare"
    for member in (DecisionTreeClassifier(), gru()):
        model = ensemble(member=member, bootstrap=True, n_estimators=6).fit(FLAT, y)
        assert model.classes_.tolist() == ["a", "b", "rare"]
        proba = model.predict_proba(FLAT)
        np.testing.assert_allclose(proba.sum(axis=1), 1)
    with_all = ensemble(member=DecisionTreeClassifier(), bootstrap=True, n_estimators=6).fit(FLAT, y)
    without = [len(member.classes_) == 2 for member in with_all.estimators_]
    assert any(without) and not all(without)
    votes = np.stack([member.predict(FLAT) for member in with_all.estimators_])
    np.testing.assert_allclose(with_all.predict_proba(FLAT)[:, 2], (votes == "rare").mean(axis=0))


# -- adversarial -----------------------------------------------------------------------------------------------------------


def holes(X):
    X = np.array(X)
    X[rng.random(X.shape) < 0.2] = np.nan
    return X


@pytest.mark.parametrize("kind", ["3-D", "ragged", "NaN"])
def test_an_adversarial_step_by_hand(kind):
    data, y = {"3-D": X, "ragged": RAGGED, "NaN": holes(X)}[kind], NUMBERS
    options = {
        "optimizer": "sgd",
        "lr_schedule": "constant",
        "weight_decay": 0.0,
        "gradient_clip": None,
        "dtype": "float64",
    }
    options |= {"loss": "squared_error", "dropout": 0.0, "max_epochs": 1, "batch_size": N, "missing": "mask"}
    size, lr = 0.3, 0.05

    def fitted(lr, size):
        return (
            ensemble("regress", gru("regress", lr=lr, **options), n_estimators=1, adversarial=size)
            .fit(data, y)
            .estimators_[0]
        )

    module = copy.deepcopy(fitted(1e-30, size).module_).train()  # as it was at the beginning
    length = max(len(row) for row in data)
    x, mask = torch.zeros(N, length, 2, dtype=torch.float64), torch.zeros(N, length, dtype=torch.bool)
    for i, row in enumerate(data):
        x[i, : len(row)], mask[i, : len(row)] = torch.from_numpy(np.array(row)), True
    goal = torch.from_numpy((y - y.mean()) / y.std())

    def loss(x):
        return ((module(x, mask)[:, 0] - goal) ** 2).mean()

    x.requires_grad_()
    (by_x,) = torch.autograd.grad(loss(x), x)
    std = torch.from_numpy(np.nanstd(np.concatenate(list(data)), axis=0))
    moved = (x + size * std * torch.sign(torch.nan_to_num(by_x))).detach()
    wanted = torch.autograd.grad((loss(x.detach()) + loss(moved)) / 2, list(module.parameters()))
    before = [parameter.detach().numpy().copy() for parameter in module.parameters()]
    after = [parameter.detach().numpy() for parameter in fitted(lr, size).module_.parameters()]
    for was, now, gradient in zip(before, after, wanted, strict=True):
        np.testing.assert_allclose(now, was - lr * 1.9 * gradient.numpy(), atol=1e-9)  # Nesterov: the first step is 1.9
    plain = [parameter.detach().numpy() for parameter in fitted(lr, 0.0).module_.parameters()]
    assert any(not np.allclose(a, b, atol=1e-6) for a, b in zip(plain, after, strict=True))


@pytest.mark.parametrize("kind", DATA)
def test_adversarial_members_trained_as_one_and_alone(kind):
    data = DATA[kind]
    model = ensemble(n_estimators=3, adversarial=0.1).fit(data, LABELS)
    alone = ensemble(n_estimators=1, adversarial=0.1).fit(data, LABELS)  # of the same seed as the first of three
    np.testing.assert_allclose(model.estimators_[0].predict_proba(data), alone.predict_proba(data), atol=1e-6)
    same_answers(ensemble(adversarial=0.0).fit(data, LABELS), ensemble().fit(data, LABELS), data)


# -- snapshots and averages ------------------------------------------------------------------------------------------------


def test_snapshots_are_the_network_on_its_way():
    member = gru(lr_schedule="constant", max_epochs=7)
    model = ensemble(member=member, n_snapshots=3).fit(X, LABELS)
    assert len(model.estimators_) == 6
    for i, fitted in enumerate(model.estimators_):
        epoch = 2 * (i % 3 + 1)
        assert fitted.best_epoch_ == epoch and fitted.n_iter_ == 6  # two each; the seventh would be no cycle
        alone = clone(fitted).set_params(max_epochs=epoch).fit(X, LABELS)
        same(fitted.predict_proba(X), alone.predict_proba(X))
    np.testing.assert_allclose(
        model.predict_proba(X), np.mean([fitted.predict_proba(X) for fitted in model.estimators_], axis=0)
    )


@pytest.mark.parametrize("schedule", ["cosine", "exponential", "one-cycle"])
def test_the_schedule_runs_once_a_snapshot(schedule):
    model = ensemble(member=gru(lr_schedule=schedule, max_epochs=10), n_snapshots=3).fit(X, LABELS)
    rates = [entry["lr"] for entry in model.estimators_[-1].history_]
    assert len(rates) == 9 and len(model.estimators_) == 6
    np.testing.assert_allclose(rates[:3], rates[3:6])
    np.testing.assert_allclose(rates[:3], rates[6:])
    assert rates[2] == min(rates[:3])


def test_average_weights_is_the_mean_over_the_last_epochs():
    member = gru(lr_schedule="constant", max_epochs=4, dtype="float64")
    fitted = ensemble(member=member, average_weights=0.5).fit(X, LABELS).estimators_[0]
    third, fourth = (weights(clone(fitted).set_params(max_epochs=n).fit(X, LABELS)) for n in (3, 4))
    for name, found in weights(fitted).items():
        np.testing.assert_allclose(found, (third[name] + fourth[name]) / 2, atol=1e-12)


# -- temperature -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_a_known_temperature_is_found(temperature):
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=2, size=(20000, 4))
    codes = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((20000, 1))).sum(axis=1)
    log_proba = log_softmax(logits * temperature, axis=1)
    found = temperature_of_probabilities(log_proba, codes, np.ones(20000))
    assert found == pytest.approx(temperature, rel=0.05)
    few = temperature_of_probabilities(log_proba[:500], codes[:500], np.arange(500) % 3)
    copies = np.repeat(np.arange(500), np.arange(500) % 3)
    assert few == pytest.approx(
        temperature_of_probabilities(log_proba[copies], codes[copies], np.ones(len(copies))), rel=1e-4
    )


def held_out_of(monkeypatch, model, *data, **more):
    """Fit, and what was held out."""
    kept, cls = [], type(model)
    use = cls._use
    with monkeypatch.context() as patch:
        patch.setattr(cls, "_use", lambda self, held_out: (kept.append(held_out), use(self, held_out))[1])
        model.fit(*data, **more)
    return kept[0]


def nll(model, held, temperature=None):
    model = copy.copy(model)
    model.temperature_ = temperature if temperature else model.temperature_
    codes = np.searchsorted(model.classes_, held.y)
    found = np.log(model.predict_proba(held.X)[np.arange(len(codes)), codes])
    return -np.average(found, weights=held.weight)


@pytest.mark.parametrize("member", [gru(max_epochs=20), LogisticRegression(C=100)], ids=repr)
def test_a_temperature_never_makes_held_out_rows_less_likely(monkeypatch, member):
    network = isinstance(member, GRUClassifier)
    data = (RAGGED if network else FLAT), LABELS
    model = ensemble(member=member, calibration_fraction=0.4)
    held = held_out_of(monkeypatch, model, *data, sample_weight=WEIGHT)
    assert len(held.y) == 16
    assert model.temperature_ != 1.0
    assert nll(model, held) <= nll(model, held, 1.0)
    for temperature in (0.5 * model.temperature_, 2 * model.temperature_):
        assert nll(model, held) <= nll(model, held, temperature)
    before = np.mean([member.predict_proba(data[0]) for member in model.estimators_], axis=0)
    same(model.predict(data[0]), model.classes_[before.argmax(axis=1)])  # no label changes


@pytest.mark.parametrize("y", [NUMBERS, np.c_[NUMBERS, 1e4 * NUMBERS[::-1]]], ids=["one output", "two outputs"])
@pytest.mark.parametrize(
    "member", [gru("regress"), Ridge(), BayesianRidge(), DecisionTreeRegressor(max_depth=2)], ids=repr
)
def test_deviations_fit_the_rows_held_out(monkeypatch, member, y):
    if isinstance(member, BayesianRidge) and y.ndim == 2:
        pytest.skip("it has one output")
    data = RAGGED if isinstance(member, GRURegressor) else FLAT
    bootstrap = isinstance(member, DecisionTreeRegressor)
    model = ensemble("regress", member, calibration_fraction=0.5, bootstrap=bootstrap)
    held = held_out_of(monkeypatch, model, data, y, sample_weight=None if y.ndim == 2 else WEIGHT)
    mean, std = model.predict(held.X, return_std=True)
    assert (std > 0).all()
    squares = ((held.y.reshape(mean.shape) - mean) / std) ** 2
    assert np.average(squares, axis=0, weights=held.weight).mean() == pytest.approx(1)
    unsure = model.predict_uncertainty(held.X)
    np.testing.assert_allclose(unsure.total**2, unsure.aleatoric**2 + unsure.epistemic**2)


def test_whole_groups_are_held_out_and_no_member_sees_them(monkeypatch):
    for member in (gru("regress"), DecisionTreeRegressor()):
        model = ensemble("regress", member, calibration_fraction=0.3)
        held = held_out_of(monkeypatch, model, FLAT, NUMBERS, groups=GROUPS)
        rows = [int(np.flatnonzero(np.isclose(NUMBERS, number))[0]) for number in np.ravel(held.y)]
        assert len(rows) == 12
        assert set(GROUPS[rows]).isdisjoint(GROUPS[np.setdiff1d(np.arange(N), rows)])
    kept = np.setdiff1d(np.arange(N), rows)
    same(model.estimators_[0].predict(FLAT[kept]), NUMBERS[kept])  # a full tree knows what it has seen
    assert not np.isclose(model.estimators_[0].predict(FLAT[rows]), NUMBERS[rows]).any()


# -- intervals -------------------------------------------------------------------------------------------------------------


def test_the_width_is_an_order_statistic():
    rng = np.random.default_rng(0)
    residual, std = rng.normal(size=(19, 2)), rng.uniform(1, 2, size=(19, 2))
    weight = rng.integers(1, 4, size=19).astype(float)
    for w in (np.ones(19), weight):
        rows = np.repeat(np.arange(19), w.astype(int))
        ordered = np.sort(np.abs(residual / std)[rows], axis=0)
        for coverage in (0.1, 0.5, 0.8, 0.9, 0.95):
            k = int(np.ceil(round((len(rows) + 1) * coverage, 9)))
            same(conformal_width(*conformal_scores(residual, std, w), coverage), ordered[k - 1])
    scores = conformal_scores(residual, std, np.ones(19))
    assert np.isfinite(conformal_width(*scores, 0.95)).all()  # k = 19 of 19
    assert np.isinf(conformal_width(*scores, 0.96)).all()  # k = 20
    assert temperature_of_deviations(residual, std, weight) == pytest.approx(
        np.mean((residual / std)[np.repeat(np.arange(19), weight.astype(int))] ** 2)
    )


def test_intervals_reach_as_far_as_the_width(monkeypatch):
    model = ensemble("regress", Ridge(), n_estimators=1, calibration_fraction=0.5)
    held = held_out_of(monkeypatch, model, FLAT, NUMBERS)
    off = np.sort(np.abs(held.y - model.predict(held.X)))  # of one Ridge, whose deviation is the same everywhere
    interval = model.predict_interval(FLAT, 0.7)
    np.testing.assert_allclose(interval[:, 1] - model.predict(FLAT), off[int(np.ceil(21 * 0.7)) - 1])
    np.testing.assert_allclose(interval.mean(axis=1), model.predict(FLAT))
    assert np.isinf(model.predict_interval(FLAT, 0.99)).all()


@pytest.mark.parametrize("member", [Ridge(), DecisionTreeRegressor(max_depth=3)], ids=repr)
def test_intervals_cover_fresh_rows(member):
    """28 of 31 in the mean, with the deviation of a Beta(28, 3) for each split."""
    covered = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(560, 4))
        y = np.c_[X.sum(axis=1), np.abs(X[:, 0])] + rng.standard_t(3, size=(560, 2)) * [[1.0, 100.0]]
        model = DeepEnsembleRegressor(
            member, n_estimators=2, bootstrap=True, calibration_fraction=0.5, random_state=seed
        )
        interval = model.fit(X[:60], y[:60]).predict_interval(X[60:], 0.9)
        assert interval.shape == (500, 2, 2)
        covered.append(((interval[..., 0] <= y[60:]) & (y[60:] <= interval[..., 1])).mean(axis=0))
    np.testing.assert_allclose(np.mean(covered, axis=0), 28 / 31, atol=4 * 0.054 / np.sqrt(20))


# -- members of others -----------------------------------------------------------------------------------------------------


def test_members_of_others_are_fitted_as_they_are():
    model = ensemble(member=RandomForestClassifier(5)).fit(FLAT, LABELS, sample_weight=WEIGHT)
    for member in model.estimators_:
        same(member.predict_proba(FLAT), clone(member).fit(FLAT, LABELS, sample_weight=WEIGHT).predict_proba(FLAT))
    assert model.estimators_[0].random_state != model.estimators_[1].random_state
    mean, std = BayesianRidge().fit(FLAT, NUMBERS).predict(FLAT, return_std=True)
    found = ensemble("regress", BayesianRidge()).fit(FLAT, NUMBERS).predict(FLAT, return_std=True)
    np.testing.assert_allclose(found, [mean, std])


def test_mixed_members():
    members = [("a", gru()), LSTMClassifier(**SIZES), ("b", LogisticRegression())]
    model = DeepEnsembleClassifier(estimators=members, random_state=0, calibration_fraction=0.3).fit(FLAT, LABELS)
    assert [type(member).__name__ for member in model.estimators_] == [
        "GRUClassifier",
        "LSTMClassifier",
        "LogisticRegression",
    ]
    assert model.predict_proba(FLAT).shape == (N, 3)
    ours = DeepEnsembleClassifier(estimators=members[:2], random_state=0, calibration_fraction=0.3).fit(RAGGED, LABELS)
    assert ours.predict_proba(RAGGED).shape == (N, 3)
    members = [
        gru("regress"),
        Ridge(),
        GRURegressor(loss="quantile", **SIZES),
        BayesianRidge(),
        GaussianProcessRegressor(),
    ]
    model = DeepEnsembleRegressor(estimators=members, random_state=0).fit(FLAT, NUMBERS)
    stds = [
        model.estimators_[i].predict(FLAT, return_std=True)[1] for i in (0, 3, 4)
    ]  # the others say nothing of noise
    np.testing.assert_allclose(model.predict_uncertainty(FLAT).aleatoric ** 2, np.sum(np.square(stds), axis=0) / 5)


@pytest.fixture
def trained(monkeypatch):
    """How many plans each trainer was given."""
    sizes = []

    room = sys.modules["sklearn_seq.training.run"]  # the package has a function of that name

    class Trainer(room.Trainer):
        def __init__(self, plans, modules):
            sizes.append(len(plans))
            super().__init__(plans, modules)

    monkeypatch.setattr(room, "Trainer", Trainer)
    return sizes


def test_members_are_trained_as_one(trained):
    ensemble(n_estimators=3).fit(X, LABELS)
    assert trained == [3]
    trained.clear()
    ensemble(n_estimators=3, bootstrap=True, adversarial=0.1, calibration_fraction=0.3).fit(X, LABELS)
    assert trained == [3]


@pytest.mark.parametrize("loss", ["gaussian", "squared_error"])
def test_pipelines_are_trained_as_one_and_hand_deviations_on(trained, loss):
    member = make_pipeline(SequenceScaler(), StandardScaler(), gru("regress", loss=loss))
    model = ensemble("regress", member, n_estimators=3).fit(FLAT, NUMBERS)
    assert trained == [3]
    seeds = [fitted[-1].random_state for fitted in model.estimators_]
    assert len(set(seeds)) == 3
    for fitted in model.estimators_:
        np.testing.assert_allclose(fitted.predict(FLAT), clone(fitted).fit(FLAT, NUMBERS).predict(FLAT), atol=1e-6)
    assert (model.predict_uncertainty(FLAT).aleatoric > 0).all() == (loss == "gaussian")


@pytest.mark.parametrize("member", [gru(), LogisticRegression(), make_pipeline(StandardScaler(), gru())], ids=repr)
def test_processes_change_nothing(member):
    same_answers(ensemble(member=member, n_jobs=2).fit(FLAT, LABELS), ensemble(member=member).fit(FLAT, LABELS), FLAT)


@pytest.mark.parametrize("inner", [ensemble("regress"), MCDropoutRegressor(gru("regress"), n_samples=5)], ids=repr)
def test_ensembles_of_ensembles(inner):
    model = ensemble("regress", inner, calibration_fraction=0.3).fit(RAGGED, NUMBERS)
    assert model.predict_interval(RAGGED, 0.5).shape == (N, 2)
    each = [member.predict(RAGGED) for member in model.estimators_]
    np.testing.assert_allclose(model.predict(RAGGED), np.mean(each, axis=0))
    assert not np.array_equal(*each)


# -- Monte Carlo dropout ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("task", ["classify", "regress"])
def test_thinned_rows_do_not_depend_on_mates(task, kind):
    cls, data = (MCDropoutClassifier if task == "classify" else MCDropoutRegressor), DATA[kind]
    member = gru(task, dropout=0.3, n_layers=2)
    model = cls(member, n_samples=8, random_state=0).fit(data, target(task))
    wanted = said(model, data)
    same_answers(model, model, data)
    order = np.random.default_rng(0).permutation(N)
    shuffled = [data[i] for i in order] if kind == "ragged" else data[order]
    for found, w in zip(said(model, shuffled), wanted, strict=True):
        np.testing.assert_allclose(found, w[order], atol=1e-6)
    for i in (0, 7):
        for found, w in zip(said(model, data[i : i + 1]), wanted, strict=True):
            np.testing.assert_allclose(found, w[[i]], atol=1e-6)
    alone = clone(model.estimator_).fit(data, target(task))
    same(alone.predict(data), model.estimator_.predict(data))  # it is fitted as it would be alone
    assert (wanted[-1] > 0).all()  # thinned networks differ


def test_more_thinned_networks_come_closer_to_one_mean():
    model = MCDropoutRegressor(gru("regress", dropout=0.3), n_samples=400, random_state=0).fit(X, NUMBERS)
    other = copy.copy(model)
    other._seed = model._seed + 1
    error = np.hypot(model.predict_uncertainty(X).epistemic, other.predict_uncertainty(X).epistemic) / np.sqrt(400)
    off = np.abs(model.predict(X) - other.predict(X)) / error
    assert 0 < off.max() < 5
    small = MCDropoutRegressor(gru("regress", dropout=1e-9), n_samples=2, random_state=0).fit(X, NUMBERS)
    np.testing.assert_allclose(small.predict(X), small.estimator_.predict(X), atol=1e-5)
    assert not hasattr(small, "predict_interval")


# -- refusals --------------------------------------------------------------------------------------------------------------


def mc(member, task="classify"):
    return (MCDropoutClassifier if task == "classify" else MCDropoutRegressor)(member)


REFUSED = {
    "a class": (
        ensemble(member=GRUClassifier),
        TypeError,
        r"^The 'estimator' parameter of .* must be an instance of .*\. Got <class 'sklearn_seq.GRUClassifier'> instead",
    ),
    "a class among estimators": (
        DeepEnsembleClassifier(estimators=[("a", GRUClassifier)]),
        TypeError,
        r"^a member is <class .*; wanted an instance of an estimator, such as GRUC",
    ),
    "None among estimators": (
        DeepEnsembleClassifier(estimators=[None]),
        TypeError,
        r"^a member is None; wanted an instance",
    ),
    "a triple": (
        DeepEnsembleClassifier(estimators=[("a", gru(), 1)]),
        TypeError,
        r"^a member is \('a'.*a pair of a name and",
    ),
    "no member": (
        DeepEnsembleClassifier(estimators=[]),
        ValueError,
        r"^estimators=\[\] has no member; wanted at least one",
    ),
    "a regressor": (
        ensemble(member=gru("regress")),
        TypeError,
        r"^GRURegressor is no classifier; members of DeepEnsembleCl",
    ),
    "a classifier": (
        ensemble("regress", gru()),
        TypeError,
        r"^GRUClassifier is no regressor; members of DeepEnsembleReg",
    ),
    "a transformer": (ensemble(member=SequenceScaler()), TypeError, r"^SequenceScaler is no classifier"),
    "no probabilities": (ensemble(member=RidgeClassifier()), TypeError, r"^RidgeClassifier has no predict_proba"),
    "a member's parameter": (
        ensemble(member=gru(hidden_size=0)),
        ValueError,
        r"^The 'hidden_size' parameter of GRUClassifier",
    ),
    "many snapshots": (ensemble(n_snapshots=4), ValueError, r"^n_snapshots=4 of 3 epochs; wanted at most one an epoch"),
    "snapshots and early stopping": (
        ensemble(member=gru(early_stopping=True), n_snapshots=2),
        ValueError,
        r"say which epochs count, and so does early_stopping=True of the members; set early_stopping=False",
    ),
    "averages and early stopping": (
        ensemble(member=gru(early_stopping=True), average_weights=0.5),
        ValueError,
        r"set early_stopping=False$",
    ),
    "snapshots and averages": (
        ensemble(n_snapshots=2, average_weights=0.5),
        ValueError,
        r"^n_snapshots=2 keeps.*give one of both",
    ),
    **{
        f"{name} of others": (
            ensemble(member=LogisticRegression(), **{name: value}),
            ValueError,
            rf"^{name} works on networks of this package; LogisticRegression is none\. Leave {name} out",
        )
        for name, value in {"adversarial": 0.1, "n_snapshots": 2, "average_weights": 0.0}.items()
    },
    "members that read otherwise": (
        DeepEnsembleClassifier(estimators=[gru(), gru(dtype="float64")], calibration_fraction=0.3),
        ValueError,
        r"^calibration_fraction needs members that read X alike.*differ in dtype or missing",
    ),
    "a loss that runs away": (
        ensemble(member=gru(lr=1e30, gradient_clip=None)),
        ValueError,
        r"Lower lr \(now 1e\+30\)",
    ),
    "no dropout": (
        mc(gru(dropout=0.0)),
        ValueError,
        r"^GRUClassifier has no dropout: nothing would be left out\. Set dropout=",
    ),
    "thinning a class": (
        mc(GRUClassifier),
        TypeError,
        r"^The 'estimator' parameter of .* must be an instance of .*\. Got <class 'sklearn_seq.GRUClassifier'> instead",
    ),
    "thinning a regressor": (mc(gru("regress")), TypeError, r"thins a network of this package for the same task"),
    "thinning others": (
        mc(Ridge(), "regress"),
        TypeError,
        r"^estimator=Ridge\(\); MCDropoutRegressor thins.*loss='gaussian'",
    ),
    "thinning an ensemble": (mc(ensemble("regress"), "regress"), TypeError, r"MCDropoutRegressor thins"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    model, error, message = REFUSED[name]
    attributes = set(vars(model))
    repr(model)
    with pytest.raises(error, match=message):
        model.fit(FLAT, LABELS if "Classifier" in type(model).__name__ else NUMBERS)
    assert set(vars(model)) == attributes


@pytest.mark.parametrize(
    ("model", "data", "more", "message"),
    [
        (
            ensemble("regress", Ridge()),
            FLAT,
            {"X_val": FLAT, "y_val": NUMBERS},
            r"^X_val works on networks.*Ridge is none",
        ),
        (
            ensemble("regress", KNeighborsRegressor()),
            FLAT,
            {"sample_weight": WEIGHT},
            r"KNeighborsRegressor\.fit does not take it",
        ),
        (ensemble("regress", Ridge()), FLAT[1:], {}, r"^Found input variables with inconsistent numbers of samples"),
        (ensemble("regress"), FLAT[1:], {}, r"^Found input variables with inconsistent numbers of samples"),
        (ensemble("regress"), holes(FLAT), {}, r"^Input X contains NaN: .*missing='mask'"),
        (
            ensemble("regress", calibration_fraction=0.2),
            FLAT,
            {"groups": np.ones(N)},
            r"^calibration_fraction=0.2 of 40 .*in 1 gr",
        ),
        (
            ensemble("regress", Ridge(), calibration_fraction=0.2),
            FLAT,
            {"groups": np.ones(N)},
            r"in 1 groups leaves none",
        ),
        (
            ensemble("regress", calibration_fraction=0.9),
            SlidingWindow(30).fit_transform(NUMBERS[:, None]),
            {},
            r"^calibration_fraction=0.9 of 40 overlapping windows leaves none",
        ),
    ],
)
def test_refused_data(model, data, more, message):
    with pytest.raises(ValueError, match=message):
        model.fit(data, NUMBERS, **more)


def test_refused_answers():
    model = ensemble("regress").fit(X, NUMBERS)
    with pytest.raises(
        ValueError, match=r"^predict_interval needs rows that no member was trained on.*calibration_fraction=0\.2"
    ):
        model.predict_interval(X)
    model = ensemble("regress", calibration_fraction=0.3).fit(X, NUMBERS)
    with pytest.raises(ValueError, match=r"^coverage=90; wanted a number between 0 and 1"):
        model.predict_interval(X, 90)
    with pytest.raises(ValueError, match=r"^X has 3 features, but GRURegressor is expecting 2"):
        model.predict(np.concatenate([X, X[..., :1]], axis=2))


@pytest.mark.parametrize("model", [ensemble(calibration_fraction=0.3), mc(gru())], ids=repr)
def test_a_failed_fit_leaves_an_ensemble_as_it_was(model):
    model = clone(model).fit(X, LABELS)
    wanted, before = said(model, X), dict(vars(model))
    model.set_params(estimator__lr=1e30, estimator__gradient_clip=None)
    for data, y in ((X, LABELS), (X, LABELS[1:]), (X * np.nan, LABELS)):
        with pytest.raises(ValueError):
            model.fit(data, y)
    assert vars(model).keys() == before.keys() and all(vars(model)[name] is before[name] for name in before)
    for found, w in zip(said(model, X), wanted, strict=True):
        same(found, w)


# -- as any estimator ------------------------------------------------------------------------------------------------------


def grid():
    return GridSearchCV(ensemble(), {"estimator__lr": [1e-4, 1e-2], "n_estimators": [1, 2]}, cv=2)


def test_in_a_grid_and_trained_with_all_of_it(trained):
    alone = grid().fit(X, LABELS)
    assert set(trained) == {1, 2}
    trained.clear()
    with joint_training():
        joint = grid().fit(X, LABELS)
    assert max(trained) >= 12  # 2 rates x 2 folds x (1 + 2) members
    same(joint.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    same(joint.predict_proba(X), alone.predict_proba(X))


def test_an_ensemble_of_pipelines_in_a_grid_inside_joint_training():
    search = GridSearchCV(ensemble(member=make_pipeline(StandardScaler(), gru())), {"n_estimators": [1, 2]}, cv=2)
    alone = clone(search).fit(FLAT, LABELS)
    with joint_training():
        joint = clone(search).fit(FLAT, LABELS)
    np.testing.assert_allclose(joint.predict_proba(FLAT), alone.predict_proba(FLAT), atol=1e-6)


@pytest.mark.parametrize(
    "member",
    [
        pytest.param(gru(), id="network"),
        pytest.param(make_pipeline(StandardScaler(), gru()), id="pipeline"),
    ],
)
def test_a_fit_inside_joint_training_is_trained_as_one(trained, member):
    wanted = ensemble(member=member).fit(FLAT, LABELS)
    trained.clear()
    with joint_training():
        found = ensemble(member=member).fit(FLAT, LABELS)
    assert trained == [2]
    same_answers(found, wanted, FLAT)


KEPT = {
    "classes": (ensemble(calibration_fraction=0.3), RAGGED, LABELS),
    "numbers": (ensemble("regress", calibration_fraction=0.3), RAGGED, NUMBERS),
    "snapshots": (ensemble(n_snapshots=3), X, LABELS),
    "others": (ensemble("regress", Ridge(), calibration_fraction=0.3, bootstrap=True), FLAT, NUMBERS),
    "thinned": (MCDropoutRegressor(gru("regress"), n_samples=4, random_state=0), X, NUMBERS),
}


@pytest.mark.parametrize("name", KEPT)
def test_all_answers_come_back(name, tmp_path):
    model, data, y = KEPT[name]
    model = clone(model).fit(data, y)
    wanted = copy.deepcopy(model)
    save(model, tmp_path / "model.zip")
    file = io.BytesIO()
    save(load(tmp_path / "model.zip"), file)
    assert file.getvalue() == (tmp_path / "model.zip").read_bytes()
    for copied in (pickle.loads(pickle.dumps(model)), load(tmp_path / "model.zip")):
        same_answers(copied, wanted, data)
        if hasattr(model, "temperature_"):
            assert copied.temperature_ == model.temperature_
    same_answers(clone(model).fit(data, y), wanted, data)
    others = {"n_estimators": 7, "bootstrap": True, "calibration_fraction": 0.1, "n_samples": 2, "estimator": None}
    model.set_params(**{key: value for key, value in others.items() if key in model.get_params(deep=False)})
    same_answers(model, wanted, data)
    same_answers(pickle.loads(pickle.dumps(model)), wanted, data)


@pytest.mark.parametrize("model", [ensemble("regress"), MCDropoutRegressor(gru("regress"), random_state=0)], ids=repr)
def test_frames_and_names(model):
    frame = pd.DataFrame(FLAT, columns=[f"t{i}" for i in range(10)])
    model = clone(model).fit(frame, pd.Series(NUMBERS, index=range(100, 100 + N)))
    assert model.n_features_in_ == 10 and model.feature_names_in_.tolist() == list(frame.columns)
    same_answers(model, clone(model).fit(frame, NUMBERS), frame)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename(columns={"t9": "t10"}))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict(FLAT)
    model.fit(RAGGED, NUMBERS)
    assert model.n_features_in_ == 2 and model.n_timesteps_in_ is None and not hasattr(model, "feature_names_in_")
    same(model.predict(Sequences.from_list(RAGGED)), model.predict(RAGGED))


def test_what_is_learnt_of_rows_held_out_is_gone_after_a_fit_without():
    model = ensemble("regress", calibration_fraction=0.3).fit(X, NUMBERS)
    again = model.set_params(calibration_fraction=None).fit(X, NUMBERS)
    assert again.temperature_ is None
    same_answers(again, ensemble("regress").fit(X, NUMBERS), X)
