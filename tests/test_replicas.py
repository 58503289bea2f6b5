"""Several plans trained as one, against the same plans alone.

What is promised of replicas with the same number of rows (or with full batches alone), in sequences of one length, two
steps or more: GRU and plain RNN with a multiple of 16 units have the bits that each has alone. All else (other sizes, ragged
data, last batches of different sizes, LSTM, for which torch's own kernel trains a network alone) agrees up to rounding, here
to 1e-6 after some steps in float64.
"""

import gc
import importlib
import pickle
import warnings
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skorch.callbacks import PrintLog

import sklearn_seq
from sklearn_seq.sequences import Sequences
from sklearn_seq.tasks.base import _OF_REPLICAS
from sklearn_seq.testing import make_problem
from sklearn_seq.training import Part, outputs, run

engine = importlib.import_module("sklearn_seq.training.run")  # the name means the function
run_each = engine.run_each

DATA = {(task, kind): make_problem(task, kind) for task in ("classify", "regress") for kind in ("3-D", "ragged")}
DATA["classify", "text"] = SimpleNamespace(
    X=["".join("acgtu"[i] for i in np.clip(row[:, 0] + 2.5, 0, 4).astype(int)) for row in DATA["classify", "3-D"].X],
    y=DATA["classify", "3-D"].y,
)
EXACT = ["GRUClassifier", "RNNClassifier", "GRURegressor", "RNNRegressor"]
SMALL = {"hidden_size": 16, "max_epochs": 3}
# what three replicas differ in, all at once
OWN = [
    {"random_state": 0, "lr": 1e-3, "dropout": 0.0, "gradient_clip": None, "lr_schedule": "constant"},
    {"random_state": 1, "lr": 1e-2, "dropout": 0.3, "weight_decay": 0.1, "standardize": False, "max_epochs": 5},
    {"random_state": 2, "lr": 3e-2, "dropout": 0.1, "gradient_clip": 0.01, "lr_schedule": "one-cycle", "max_epochs": 2},
]
LONE = [{"random_state": i} for i in range(3)]


def data_for(name, kind="3-D"):
    return DATA["classify" if name.endswith("Classifier") else "regress", kind]


def plan_of(model, X, y, sample_weight=None, X_val=None, y_val=None):
    """The plan that ``fit`` would run."""
    model._begin()
    return model._plan(model._read(X, y, sample_weight, X_val, y_val, None))


def plans_of(name, common=SMALL, own=OWN, kind="3-D", rows=None, weights=None, **valid):
    """One plan for each of ``own``; some of the rows each, and weights each, where they are given."""
    data, plans = data_for(name, kind), []
    for i, params in enumerate(own):
        model = getattr(sklearn_seq, name)(**{**common, **params})
        these = range(len(data.y)) if rows is None else rows[i]
        X = data.X[list(these)] if kind == "3-D" else [data.X[k] for k in these]
        plans.append(plan_of(model, X, data.y[list(these)], None if weights is None else weights[i], **valid))
    return plans


def numbers_of(result):
    """All that a plan came to, as arrays and numbers with a name each."""
    found = {f"weights {name}": tensor.numpy() for name, tensor in result.module.state_dict().items()}
    found |= {
        f"state {i} {key}": value
        for i, entry in result.optimizer_state["entries"].items()
        for key, value in entry.items()
    }
    found |= {f"{key} of epoch {row['epoch']}": value for row in result.history for key, value in row.items()}
    found |= {f"snapshot {i} {name}": array for i, one in enumerate(result.snapshots) for name, array in one.items()}
    return {**found, "best epoch": result.best_epoch}


def check_same(found, wanted):
    """To the bit."""
    assert len(found) == len(wanted)
    for r, (one, other) in enumerate(zip(map(numbers_of, found), map(numbers_of, wanted), strict=True)):
        assert one.keys() == other.keys(), r
        assert [name for name in other if not np.array_equal(one[name], other[name])] == [], r


def differ(one, other):
    one, other = numbers_of(one), numbers_of(other)
    return one.keys() != other.keys() or any(not np.array_equal(one[name], other[name]) for name in one)


def check_near(found, wanted, tolerance=1e-6):
    assert len(found) == len(wanted)
    for r, (one, other) in enumerate(zip(map(numbers_of, found), map(numbers_of, wanted), strict=True)):
        assert one.keys() == other.keys(), r
        for name in other:
            np.testing.assert_allclose(one[name], other[name], atol=tolerance, rtol=0, err_msg=f"{name} of replica {r}")


@pytest.fixture
def groups(monkeypatch):
    """How many plans were trained as one, each time."""
    seen = []

    class Recorded(engine.Trainer):
        def __init__(self, plans, modules):
            seen.append(len(plans))
            super().__init__(plans, modules)

    monkeypatch.setattr(engine, "Trainer", Recorded)
    return seen


def joint_and_alone(make, groups):
    """What several plans come to as one, and each alone; made anew, since `run` may let plans share their rows."""
    found = run(make())
    assert groups == [len(found)]
    return found, [run([plan])[0] for plan in make()]


# -- to the bit ----------------------------------------------------------------------------------------------------------

STRUCTURES = {
    "default": {},
    "float64": {"dtype": "float64", "hidden_size": 48},
    "last": {"pooling": "last", "batch_size": 7},
    "mean": {"pooling": "mean", "hidden_size": 32, "batch_size": 12},
    "max": {"pooling": "max", "batch_size": 24},
    "attention": {"pooling": "attention", "batch_size": 8},
    "stack": {"n_layers": 2, "bidirectional": True},
    "stack, attention, sgd": {"n_layers": 2, "bidirectional": True, "pooling": "attention", "optimizer": "sgd"},
}


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("name", EXACT)
def test_a_replica_has_the_bits_that_it_has_alone(name, structure, groups):
    common = {**SMALL, **STRUCTURES[structure]}
    check_same(*joint_and_alone(lambda: plans_of(name, common), groups))


@pytest.mark.parametrize("loss", ["gaussian", "quantile", "huber", "absolute_error"])
def test_so_for_every_loss(loss, groups):
    check_same(*joint_and_alone(lambda: plans_of("GRURegressor", {**SMALL, "loss": loss}), groups))


def test_so_for_units_with_a_rectifier(groups):
    check_same(*joint_and_alone(lambda: plans_of("RNNClassifier", {**SMALL, "activation": "relu"}), groups))


# values of everything in which replicas may differ, and what else they need
STOPPED = {"early_stopping": True, "max_epochs": 12, "lr": 0.03, "lr_schedule": "constant"}
DIFFER = {
    "lr": ([1e-4, 1e-2, 0.1], {}),
    "lr_schedule": (["constant", "cosine", "one-cycle", "exponential", "plateau"], {"max_epochs": 8, "lr": 0.1}),
    "weight_decay": ([0.0, 0.1, 1.0], {}),
    "gradient_clip": ([None, 1e-3, 1.0], {}),
    "dropout": ([0.0, 0.5, 0.2], {"n_layers": 2}),
    "max_epochs": ([4, 1, 2], {}),
    "batch_size": ([4, 6, 8], {}),
    "standardize": ([True, False, True], {}),
    "early_stopping": ([True, False, True], {"max_epochs": 6}),
    "validation_fraction": ([0.25, 0.5, 0.25], STOPPED),
    "n_iter_no_change": ([1, 3, 6], STOPPED),
    "tol": ([0.0, 0.5, 0.0], {**STOPPED, "n_iter_no_change": 2}),
    "label_smoothing": ([0.0, 0.2, 0.0], {}),
    "token_dropout": ([0.0, 0.5, 0.2], {}),
}
# those by which replicas have parts of different sizes, or do not train as one
NOT_TO_THE_BIT = {"early_stopping", "validation_fraction"}


def test_the_table_has_all_in_which_replicas_may_differ():
    assert DIFFER.keys() == _OF_REPLICAS


@pytest.mark.parametrize("name", sorted(_OF_REPLICAS))
def test_replicas_may_differ_in(name, groups):
    values, others = DIFFER[name]
    own = [{"random_state": i, name: value} for i, value in enumerate(values)]
    common = {**SMALL, **others, **({"dtype": "float64"} if name in NOT_TO_THE_BIT else {})}
    kind = "text" if name == "token_dropout" else "3-D"
    found = run(plans_of("GRUClassifier", common, own, kind))
    wanted = [run([plan])[0] for plan in plans_of("GRUClassifier", common, own, kind)]
    assert groups[0] == (1 if name == "batch_size" else len(values))  # batches of different sizes do not share a step
    (check_near if name in NOT_TO_THE_BIT else check_same)(found, wanted)
    if name != "batch_size":  # and what they differ in makes a difference
        others = run(plans_of("GRUClassifier", common, [{**params, name: values[0]} for params in own], kind))
        assert any(map(differ, found, others))


@pytest.mark.parametrize(("name", "dtype"), [("RNNClassifier", "float32"), ("GRURegressor", "float64")])
def test_weights_are_a_replicas_own(name, dtype, groups):
    rng = np.random.default_rng(0)
    weights = [None, rng.uniform(0.1, 3, 24), rng.uniform(0.1, 3, 24)]
    common = {**SMALL, "dtype": dtype}
    check_same(*joint_and_alone(lambda: plans_of(name, common, weights=weights), groups))


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "muon", "sgd", "rmsprop"])
def test_a_replica_with_fewer_full_batches_sits_out_and_keeps_its_bits(optimizer, groups):
    rows = [range(24), range(3, 15), range(8, 24)]  # 6, 3 and 4 batches of 4 an epoch
    common = {**SMALL, "optimizer": optimizer, "batch_size": 4}
    found, wanted = joint_and_alone(lambda: plans_of("GRURegressor", common, rows=rows), groups)
    check_same(found, wanted)


@pytest.mark.parametrize("name", EXACT)
def test_each_replica_stops_at_its_own_epoch_and_has_its_best_weights(name, groups):
    data = data_for(name)
    common = {"hidden_size": 16, "max_epochs": 25, "early_stopping": True, "lr_schedule": "constant"}
    own = [
        {"random_state": i, "lr": lr, "n_iter_no_change": n}
        for i, (lr, n) in enumerate([(0.1, 1), (0.03, 3), (0.1, 6)])
    ]

    def make():
        return plans_of(name, common, own, X_val=data.X_test, y_val=data.y_test)

    found, wanted = joint_and_alone(make, groups)
    check_same(found, wanted)
    lengths = [len(result.history) for result in found]
    assert len(set(lengths)) > 1
    assert min(lengths) < 25
    for plan, result in zip(make(), found, strict=True):
        scores = [row["valid_score"] for row in result.history]
        assert scores[result.best_epoch - 1] == max(scores)
        assert plan.score(outputs(result.module, plan.valid.data), plan.valid) == max(scores)
    assert any(result.best_epoch < len(result.history) for result in found)


@pytest.mark.parametrize("name", EXACT)
def test_what_an_estimator_takes_over_is_what_fit_leaves(name):
    data = data_for(name)
    common, own = {**SMALL, "early_stopping": True, "max_epochs": 8}, [{"random_state": i} for i in range(3)]
    wanted = [getattr(sklearn_seq, name)(**{**common, **params}).fit(data.X, data.y) for params in own]
    fits = []
    for params in own:
        model = getattr(sklearn_seq, name)(**{**common, **params})
        model._begin()
        reading = model._read(data.X, data.y, None, None, None, None)
        fits.append((model, reading, model._plan(reading)))
    for (model, reading, _), result, other in zip(fits, run([plan for _, _, plan in fits]), wanted, strict=True):
        model._end(reading, result)
        for attribute in ("loss_curve_", "validation_scores_", "best_epoch_", "n_iter_", "history_", "n_parameters_"):
            assert getattr(model, attribute) == getattr(other, attribute), attribute
        np.testing.assert_array_equal(model.predict(data.X_test), other.predict(data.X_test))


def test_replicas_of_any_number_have_them(groups):
    own = [{"random_state": i, "lr": 10 ** (-1 - i / 8)} for i in range(9)]
    wanted = [run([plan])[0] for plan in plans_of("GRUClassifier", own=own)]
    for n in (2, 5, 9):
        check_same(run(plans_of("GRUClassifier", own=own[:n])), wanted[:n])
    assert groups[9:] == [2, 5, 9]


def test_snapshots_and_averaged_weights_are_those_that_each_has_alone(groups):
    def make():
        plans = plans_of("GRUClassifier", {"hidden_size": 16, "max_epochs": 6}, LONE)
        plans[0].n_cycles, plans[1].n_cycles, plans[2].average_from = 3, 2, 0.5
        return plans

    found, wanted = joint_and_alone(make, groups)
    check_same(found, wanted)
    assert [len(result.snapshots) for result in found] == [3, 2, 0]


@pytest.mark.parametrize("optimizer", ["adamw", "muon", "sgd", "nadam"])
def test_replicas_go_on_from_where_each_ended(optimizer, groups):
    common = {**SMALL, "optimizer": optimizer}
    before = [run([plan])[0] for plan in plans_of("GRUClassifier", common)]

    def make():
        plans = plans_of("GRUClassifier", common)
        for plan, result in zip(plans[1:], before[1:], strict=True):  # the first begins afresh
            plan.weights = {name: tensor.numpy() for name, tensor in result.module.state_dict().items()}
            plan.optimizer_state, plan.before = result.optimizer_state, result.history
        return plans

    groups.clear()
    found, wanted = joint_and_alone(make, groups)
    check_same(found, wanted)
    assert [len(result.history) for result in found] == [3, 10, 4]
    assert [row["epoch"] for row in found[1].history] == list(range(1, 11))


# -- up to rounding ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 5, 30])
def test_of_other_sizes_a_replica_comes_to_the_same_up_to_rounding(size, groups):
    for name in ("GRUClassifier", "RNNRegressor"):
        for structure in ({"n_layers": 2, "bidirectional": True}, {"pooling": "attention"}):
            common = {"hidden_size": size, "max_epochs": 3, "dtype": "float64", **structure}
            groups.clear()
            check_near(*joint_and_alone(lambda c=common, name=name: plans_of(name, c), groups))


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd", "rmsprop"])
def test_so_does_one_with_another_number_of_rows_as_bags_have(optimizer, groups):
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, 24, size=size) for size in (24, 20, 9)]  # doubles become weights
    common = {**SMALL, "optimizer": optimizer, "dtype": "float64", "batch_size": 4}
    make = plans_of("GRURegressor", common, rows=rows)
    assert len({len(plan.train) for plan in make}) == 3
    assert len({len(plan.train) % 4 for plan in make}) > 1
    check_near(*joint_and_alone(lambda: plans_of("GRURegressor", common, rows=rows), groups))


RAGGED = {
    "last": {"pooling": "last"},
    "mean": {"pooling": "mean"},
    "attention": {"pooling": "attention"},
    "stack": {"n_layers": 2, "bidirectional": True},
}


@pytest.mark.parametrize("structure", RAGGED)
@pytest.mark.parametrize("name", [*EXACT, "LSTMClassifier"])
def test_so_does_one_of_ragged_sequences_dropout_included(name, structure, groups):
    common = {**SMALL, **RAGGED[structure], "dtype": "float64"}
    check_near(*joint_and_alone(lambda: plans_of(name, common, kind="ragged"), groups))


@pytest.mark.parametrize("structure", [{}, {"n_layers": 2, "bidirectional": True}, {"pooling": "attention"}], ids=str)
@pytest.mark.parametrize("name", ["LSTMClassifier", "LSTMRegressor"])
def test_so_does_an_lstm(name, structure, groups):
    own = [{**params, "max_epochs": 2} for params in OWN]  # 12 steps
    common = {**SMALL, **structure, "dtype": "float64"}
    check_near(*joint_and_alone(lambda: plans_of(name, common, own), groups))


@pytest.mark.parametrize("name", ["LSTMClassifier", "LSTMRegressor"])
def test_a_whole_training_of_an_lstm_has_the_score_that_it_has_alone(name, groups):
    data = make_problem("classify" if name.endswith("Classifier") else "regress", n_samples=48, n_classes=2)

    def make():
        models = [getattr(sklearn_seq, name)(hidden_size=8, max_epochs=40, random_state=i) for i in range(2)]
        return [plan_of(model, data.X, data.y, X_val=data.X_test, y_val=data.y_test) for model in models]

    scores = [[result.history[-1]["valid_score"] for result in results] for results in joint_and_alone(make, groups)]
    np.testing.assert_allclose(*scores, atol=0.05)
    assert min(scores[0]) > 0.7


def test_of_a_single_time_step_too(groups):
    def make():
        data = data_for("GRUClassifier")
        models = [sklearn_seq.GRUClassifier(**{**SMALL, **params}, dtype="float64") for params in OWN]
        return [plan_of(model, data.X[:, :1], data.y) for model in models]

    check_near(*joint_and_alone(make, groups))


# -- optimisers ----------------------------------------------------------------------------------------------------------

OPTIMIZERS = [
    name.lower()
    for name, cls in vars(torch.optim).items()
    if isinstance(cls, type)
    and issubclass(cls, torch.optim.Optimizer)
    and name not in ("Optimizer", "LBFGS", "SparseAdam")
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimiser_trains_replicas_as_each_alone_at_its_own_rate(optimizer, groups):
    rows = [range(24), range(8, 24), range(24)]  # one of them sits out a third of the steps
    common = {**SMALL, "optimizer": optimizer, "batch_size": 4}

    def make():
        return plans_of("GRUClassifier", common, rows=rows)

    wanted = [run([plan])[0] for plan in make()]
    groups.clear()
    found = run(make())
    assert groups == [3]
    check_same(found, wanted)
    lr = [result.history[0]["lr"] for result in found]
    assert lr[0] == OWN[0]["lr"]
    assert len(set(lr)) == 3


# -- what goes wrong -----------------------------------------------------------------------------------------------------


DIVERGED = (
    r"the loss became (nan|inf) in epoch 1, batch \d of 6, at a learning rate of \d.*e\+29. Lower lr \(now 1e\+30\)"
)


def one_that_diverges(**common):
    own = [dict(params, gradient_clip=None) for params in OWN]
    own[1] |= {"lr": 1e30, "weight_decay": 0.0}
    return plans_of("GRURegressor", {**SMALL, "optimizer": "sgd", **common}, own)


def test_a_loss_that_is_not_finite_is_told_of_its_own_replica_and_the_others_are_as_alone(groups):
    found = run_each(one_that_diverges())
    assert groups == [3]
    wanted = [run_each([plan])[0] for plan in one_that_diverges()]
    check_same([found[0], found[2]], [wanted[0], wanted[2]])
    assert isinstance(found[1], ValueError)
    assert str(found[1]) == str(wanted[1])
    with pytest.raises(ValueError, match=DIVERGED):
        raise found[1]


def test_run_raises_it_after_all_were_run(groups):
    heard = []
    plans = one_that_diverges()
    plans += plans_of("GRURegressor", {"hidden_size": 4, "max_epochs": 2}, LONE[:1])
    for plan in plans:
        plan.on_epoch = lambda result, plan=plan: heard.append(plan)
    with pytest.raises(ValueError, match="the loss became"):
        run(plans)
    assert groups == [3, 1]
    assert [sum(plan is other for other in heard) for plan in plans] == [3, 0, 2, 2]


def test_run_each_gives_errors_in_the_place_of_results():
    diverges = {"lr": 1e30, "gradient_clip": None, "optimizer": "sgd"}
    plans = []
    for params in ({}, diverges, {}, {"hidden_size": 5, **diverges}):
        plans += plans_of("RNNRegressor", {**SMALL, **params}, LONE[:1])
    found = run_each(plans)
    assert [isinstance(result, ValueError) for result in found] == [False, True, False, True]


def test_weights_that_are_not_finite_after_the_last_batch_are_told(groups):
    def make():
        plans = one_that_diverges(batch_size=24)  # one step: its loss was finite, what it left is not
        for plan in plans:
            plan.n_epochs = 1
        plans[1].settings.lr = float("inf")
        return plans

    found = run_each(make())
    assert groups == [3]
    assert [isinstance(result, ValueError) for result in found] == [False, True, False]
    assert "weights were not finite after epoch 1" in str(found[1])
    check_same([found[0], found[2]], [run([plan])[0] for plan in make()[::2]])


def test_an_error_of_a_callback_is_its_own_replicas_alone(groups):
    def fail(result):
        if len(result.history) == 2:
            raise RuntimeError("the callback of one")

    plans = plans_of("GRUClassifier")
    plans[1].on_epoch = fail
    found = run_each(plans)
    assert groups == [3]
    assert isinstance(found[1], RuntimeError)
    check_same([found[0], found[2]], [run([plan])[0] for plan in plans_of("GRUClassifier")[::2]])
    plans[1].on_epoch = fail
    with pytest.raises(RuntimeError, match="of one"):
        run(plans)


def test_a_callback_stops_its_own_replica_alone(groups):
    heard = []

    def make():
        plans = plans_of("GRUClassifier", {**SMALL, "max_epochs": 6}, LONE)
        for i, plan in enumerate(plans):
            plan.on_epoch = lambda result, i=i: heard.append(i) or (i == 1 and len(result.history) == 2)
        return plans

    found, wanted = joint_and_alone(make, groups)
    check_same(found, wanted)
    assert [len(result.history) for result in found] == [6, 2, 6]
    assert heard[:14] == [0, 1, 2] * 2 + [0, 2] * 4


def test_plans_that_cannot_be_built_do_not_hinder_the_others():
    plans = [plans_of("GRUClassifier", {**SMALL, **params}, LONE[:1])[0] for params in ({}, {"device": "cuda:7"}, {})]
    found = run_each(plans)
    assert isinstance(found[1], ValueError)
    assert "not available here" in str(found[1])
    check_same([found[0], found[2]], [run(plans_of("GRUClassifier", SMALL, LONE[:1]))[0]] * 2)


# -- what is trained as one ----------------------------------------------------------------------------------------------


def test_plans_of_different_shapes_are_grouped_and_come_back_in_their_order(groups):
    wanted, plans = [], []
    shapes = [
        ("GRUClassifier", {}),
        ("RNNClassifier", {}),
        ("GRUClassifier", {"hidden_size": 5}),
        ("GRUClassifier", {}),
        ("GRURegressor", {}),
        ("GRUClassifier", {"pooling": "last"}),
        ("RNNClassifier", {}),
        ("GRUClassifier", {"hidden_size": 5}),
        ("GRUClassifier", {}),
    ]
    for i, (name, params) in enumerate(shapes):
        (plan,) = plans_of(name, {**SMALL, **params}, [{"random_state": i}])
        plans.append(plan)
        wanted.append((name, params.get("hidden_size", 16), i))
    alone = [run([plan])[0] for plan in plans]
    groups.clear()
    found = run(plans)
    assert groups == [3, 2, 2, 1, 1]
    for one, other in zip(found, alone, strict=True):
        check_near([one], [other], tolerance=1e-4)


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "sgd"},
        {"dtype": "float64"},
        {"n_threads": 1},
        {"batch_size": 6},
        {"n_layers": 2},
        {"bidirectional": True},
        {"loss": "gaussian"},
        {"missing": "mask"},
        {"activation": "relu"},
    ],
    ids=str,
)
def test_plans_that_differ_in_more_than_numbers_are_no_replicas(change, groups):
    for common in ({}, change):
        run(plans_of("RNNRegressor", {**SMALL, **common, "max_epochs": 1}, LONE[:2]))
    assert groups == [2, 2]
    run([*plans_of("RNNRegressor", SMALL, LONE[:1]), *plans_of("RNNRegressor", {**SMALL, **change}, LONE[1:2])])
    assert groups == [2, 2, 1, 1]


def test_plans_of_other_data_are_no_replicas(groups):
    data = data_for("GRURegressor")
    given = {
        "length": (data.X[:, :4], data.y),
        "features": (data.X[:, :, :1], data.y),
        "outputs": (data.X, np.stack([data.y, data.y], axis=1)),
        "kind": (data_for("GRURegressor", "ragged").X, data.y),
    }
    for X, y in given.values():
        models = [sklearn_seq.GRURegressor(**SMALL, random_state=i) for i in range(2)]
        run([plan_of(models[0], data.X, data.y), plan_of(models[1], X, y)])
    assert groups == [1, 1] * len(given)


@pytest.mark.parametrize(
    "params",
    [{"kernel": "torch"}, {"callbacks": [PrintLog(sink=lambda text: None)]}, {"verbose": 1}, {"precision": "bf16"}],
    ids=lambda params: next(iter(params)),
)
def test_stays_alone(params, groups, capsys):
    common = {**SMALL, **params}
    found = run(plans_of("GRUClassifier", common, LONE))
    assert groups == [1, 1, 1]
    check_same(found, [run([plan])[0] for plan in plans_of("GRUClassifier", common, LONE)])


def test_so_does_a_layer_that_does_not_say_that_it_joins(groups):
    def make():
        plans = plans_of("GRUClassifier", SMALL, LONE)
        for plan in plans:
            plan.build = lambda build=plan.build: with_a_plain_head(build())
        return plans

    def with_a_plain_head(network):
        plain = torch.nn.Linear(network.head.in_features, network.head.out_features)
        plain.load_state_dict(network.head.state_dict())
        network.head = plain
        return network

    found = run(make())
    assert groups == [1, 1, 1]
    check_same(found, [run([plan])[0] for plan in make()])


def test_so_do_networks_too_large_to_gain(groups):
    run(plans_of("GRUClassifier", {"hidden_size": 150, "max_epochs": 1, "batch_size": 24}, LONE[:2]))
    assert groups == [1, 1]


def test_so_do_sequences_of_very_different_lengths(groups):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(60 if i % 6 == 0 else 3, 2)) for i in range(24)]
    y = np.arange(24) % 2
    run([plan_of(sklearn_seq.GRUClassifier(**SMALL, random_state=i), X, y) for i in range(2)])
    assert groups == [1, 1]


def test_plans_without_a_shape_stay_alone(groups):
    plans = plans_of("GRUClassifier", SMALL, LONE)
    plans[0].shape = plans[2].shape = None
    run(plans)
    assert groups == [1, 1, 1]


def test_many_replicas_are_shared_out_evenly(groups):
    own = [{"random_state": i} for i in range(25)]
    common = {"hidden_size": 4, "max_epochs": 1, "batch_size": 24}
    found = run(plans_of("RNNClassifier", common, own))
    assert sorted(groups) == [12, 13]
    for i in (0, 1, 23, 24):
        check_near(found[i : i + 1], run(plans_of("RNNClassifier", common, own[i : i + 1])), tolerance=1e-4)


def test_no_plans_are_no_results():
    assert run([]) == []


# -- rows ----------------------------------------------------------------------------------------------------------------


def test_equal_parts_are_held_once():
    rows = [range(24), range(12), range(24), range(12, 24)]
    own = [{"random_state": i} for i in range(4)]
    plans = plans_of("GRUClassifier", SMALL, own, rows=rows)
    assert plans[0].train is not plans[2].train
    run(plans)
    assert plans[0].train is plans[2].train
    assert len({id(plan.train) for plan in plans}) == 3
    ragged = plans_of("GRUClassifier", SMALL, own, kind="ragged", rows=rows)
    run(ragged)
    assert len({id(plan.train) for plan in ragged}) == 3


def test_parts_that_differ_in_anything_are_not_equal():
    def part(values=0.0, stops=3, target=0, weight=1.0):
        starts = np.arange(0, 12, 3)
        block = np.arange(24, dtype=np.float32).reshape(12, 2)
        block[5, 1] += values
        data = Sequences(block, starts, starts + stops)
        return Part(data, np.arange(4) + target * (np.arange(4) == 2), np.ones(4) * weight)

    first, seen = part(), []
    assert engine._same_part(first, seen) is first
    assert engine._same_part(part(), seen) is first
    for change in ({"values": 1e-3}, {"values": np.nan}, {"stops": 2}, {"target": 1}, {"weight": 2.0}):
        other = part(**change)
        assert engine._same_part(other, seen) is other, change
        assert engine._same_part(part(**change), seen) is other, change
    fewer = Part(first.data[:3], first.target[:3], first.weight[:3])
    assert engine._same_part(fewer, seen) is fewer


def test_rows_are_as_they_were(groups):
    plans = plans_of(
        "GRURegressor", rows=[range(24), range(4, 21), range(24)], weights=[None, np.linspace(1, 2, 17), None]
    )

    def arrays():
        return [
            array.copy()
            for plan in plans
            for array in (plan.train.data.values, plan.train.data.starts, plan.train.target, plan.train.weight)
        ]

    before = arrays()
    run(plans)
    assert groups == [3]
    for array, wanted in zip(arrays(), before, strict=True):
        np.testing.assert_array_equal(array, wanted)


# -- processes, and what is left -----------------------------------------------------------------------------------------


def test_two_processes_come_to_the_bits_of_one():
    plans = one_that_diverges()
    plans += plans_of("GRUClassifier") + plans_of("LSTMClassifier", {"hidden_size": 3, "max_epochs": 2}, LONE[:1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of joblib: a worker may have stopped while others had nothing to do
        found = run_each(plans, n_jobs=2)
    wanted = run_each(plans)
    assert [i for i, result in enumerate(found) if isinstance(result, ValueError)] == [1]
    assert str(found.pop(1)) == str(wanted.pop(1))
    check_same(found, wanted)


@pytest.mark.parametrize(("name", "kind"), [("GRUClassifier", "3-D"), ("LSTMRegressor", "ragged")])
def test_nothing_of_the_training_is_left_on_a_network(name, kind, groups, monkeypatch):
    trainers = []
    record = engine.Trainer

    def recorded(plans, modules):
        trainer = record(plans, modules)
        trainers.append(weakref.ref(trainer))
        return trainer

    monkeypatch.setattr(engine, "Trainer", recorded)
    common = {"hidden_size": 6, "n_layers": 2, "bidirectional": True, "pooling": "attention", "early_stopping": True}
    plans = plans_of(name, {**SMALL, **common}, kind=kind)
    for results in (run(plans), run(plans[:1])):
        for plan, result in zip(plans, results):
            module = result.module
            assert not module.training
            for key, tensor in module.state_dict(keep_vars=True).items():
                assert tensor.grad is None, key
                assert tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size(), key
                assert tensor.is_contiguous(), key
            assert {key: t.shape for key, t in module.state_dict().items()} == {
                key: t.shape for key, t in plan.build().state_dict().items()
            }
            for layer in module.modules():
                if hasattr(layer, "draws"):
                    assert layer.draws is None
                    assert layer.p == plan.settings.dropout
                if hasattr(layer, "workspaces"):
                    assert layer.workspaces._free == []
                assert not any(isinstance(value, torch.Generator) for value in vars(layer).values())
            dumped = pickle.dumps(module)
            again = pickle.loads(dumped)
            assert all(torch.equal(again.state_dict()[key], value) for key, value in module.state_dict().items())
            n_bytes = sum(t.numel() * t.element_size() for t in module.state_dict().values())
            assert len(dumped) < n_bytes + 40_000
    gc.collect()
    assert [trainer() for trainer in trainers] == [None, None]


def test_global_generators_are_as_found():
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    legacy = np.random.mtrand._rand.get_state()[1].copy()
    run(plans_of("GRUClassifier"))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert (np.random.mtrand._rand.get_state()[1] == legacy).all()
