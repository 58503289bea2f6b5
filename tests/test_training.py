"""The loop against one written by hand, and what surrounds it: schedules, batches, threads, seeds, callbacks."""

import math
import os
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from skorch.callbacks import EarlyStopping, EpochScoring, GradientNormClipping, LRScheduler, PrintLog
from torch.nn.functional import cross_entropy

from sklearn_seq import (
    DeepEnsembleClassifier,
    GRUClassifier,
    GRURegressor,
    LSTMClassifier,
    LSTMRegressor,
    Sequences,
    SlidingWindow,
)
from sklearn_seq.model_selection.holdout import hold_out
from sklearn_seq.sequences.order import content_order
from sklearn_seq.testing import make_problem
from sklearn_seq.training import Part, Seeds
from sklearn_seq.training.batches import Batches, Gather
from sklearn_seq.training.flat import Flat
from sklearn_seq.training.optimizers import Adam, Schedule, make_optimizer
from sklearn_seq.training.seeds import build_seeded
from sklearn_seq.training.threads import auto_threads, hold_threads

CPU = torch.device("cpu")
SMALL = {"hidden_size": 4, "max_epochs": 3, "random_state": 0}
DATA = make_problem("classify", "3-D")
RAGGED = make_problem("classify", "ragged")
NUMBERS = make_problem("regress", "ragged")


# -- the loop ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "rmsprop"])
@pytest.mark.parametrize("clip", [None, 0.05])
def test_training_is_the_loop_that_one_writes_by_hand(optimizer, clip):
    """The same network, batches and step sizes in plain torch come to the same weights."""
    settings = {
        "optimizer": optimizer,
        "gradient_clip": clip,
        "lr": 2e-2,
        "lr_schedule": "cosine",
        "weight_decay": 1e-2,
    }
    model = LSTMClassifier(**SMALL, **settings, batch_size=5, dropout=0.0, label_smoothing=0.1)
    weight = np.linspace(0.5, 2, len(DATA.y))
    fitted = clone(model).fit(DATA.X, DATA.y, sample_weight=weight)

    seeds = Seeds.draw(np.random.RandomState(0))
    X = DATA.X.astype(np.float32)
    codes = np.unique(DATA.y, return_inverse=True)[1]
    order, _ = content_order(Sequences.from_array(X), codes)
    X, codes = X[order], torch.from_numpy(codes[order])
    weight = torch.tensor(weight[order] / weight.mean(), dtype=torch.float32)
    clone_fit = clone(model).set_params(max_epochs=1, lr=1e-30).fit(DATA.X, DATA.y, sample_weight=DATA.y == DATA.y)
    network = build_seeded(clone_fit._build, seeds.initialisation)
    network.scaling.load_state_dict(fitted.module_.scaling.state_dict())
    network.train()
    chosen = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop}[optimizer]
    momentum = {"momentum": 0.9, "nesterov": True} if optimizer == "sgd" else {}
    stepper = chosen(network.parameters(), lr=2e-2, weight_decay=1e-2, **momentum)
    random, step, n_steps = np.random.Generator(np.random.PCG64(seeds.batches)), 0, 3 * 5
    for _ in range(3):
        shuffled = random.permutation(len(X))
        for i in range(0, len(X), 5):
            rows = shuffled[i : i + 5]
            for group in stepper.param_groups:
                group["lr"] = 2e-2 * 0.5 * (1 + math.cos(math.pi * step / n_steps))
            stepper.zero_grad()
            losses = cross_entropy(
                network(torch.from_numpy(X[rows])), codes[rows], reduction="none", label_smoothing=0.1
            )
            (losses * weight[rows]).mean().backward()
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
            stepper.step()
            step += 1
    for name, wanted in network.state_dict().items():
        torch.testing.assert_close(fitted.module_.state_dict()[name], wanted, atol=1e-6, rtol=1e-5, msg=name)


def test_history_holds_all_numbers():
    model = GRUClassifier(**SMALL).fit(DATA.X, DATA.y, X_val=DATA.X_test, y_val=DATA.y_test)
    assert [row["epoch"] for row in model.history_] == [1, 2, 3]
    assert {"epoch", "train_loss", "lr", "valid_loss", "valid_score"} == set(model.history_[0])
    assert model.loss_curve_ == [row["train_loss"] for row in model.history_]
    assert model.validation_scores_ == [row["valid_score"] for row in model.history_]
    proba = model.predict_proba(DATA.X_test)[np.arange(12), np.searchsorted(model.classes_, DATA.y_test)]
    assert model.history_[-1]["valid_loss"] == pytest.approx(-np.log(proba).mean(), abs=1e-5)
    assert model.n_parameters_ == sum(p.numel() for p in model.module_.parameters())
    assert not model.module_.training
    assert model.best_epoch_ == 3
    assert GRUClassifier(**SMALL).fit(DATA.X, DATA.y).validation_scores_ is None


def test_validation_loss_is_in_the_units_of_the_training_loss():
    """A validation part that is the training part has the loss and the score that training has."""
    y = 1000 + 50 * NUMBERS.y  # far from standardised
    model = GRURegressor(**{**SMALL, "max_epochs": 30}).fit(NUMBERS.X, y, X_val=NUMBERS.X, y_val=y)
    assert model.history_[-1]["valid_loss"] == pytest.approx(model.history_[-1]["train_loss"], rel=0.5)
    assert model.validation_scores_[-1] == pytest.approx(model.score(NUMBERS.X, y), abs=1e-5)


def test_early_stopping_stops_and_restores():
    rng = np.random.default_rng(0)
    y = rng.permutation(DATA.y)  # nothing to learn
    model = GRUClassifier(**{**SMALL, "max_epochs": 200}, early_stopping=True, n_iter_no_change=3, lr=0.05)
    model.fit(DATA.X, y, X_val=DATA.X_test, y_val=DATA.y_test)
    assert model.n_iter_ < 200
    assert model.score(DATA.X_test, DATA.y_test) == pytest.approx(max(model.validation_scores_))


def test_verbose_prints_a_line_an_epoch(capsys):
    GRUClassifier(**SMALL, verbose=1).fit(DATA.X, DATA.y, X_val=DATA.X_test, y_val=DATA.y_test)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("epoch") and "train_loss" in line and "valid_score" in line for line in lines)


def test_plateau_and_other_schedules_reach_the_optimiser():
    for name in ("constant", "cosine", "one-cycle", "exponential", "plateau"):
        model = GRUClassifier(**{**SMALL, "max_epochs": 4}, lr=0.01, lr_schedule=name, batch_size=24).fit(
            DATA.X, DATA.y
        )
        schedule = Schedule(name, 0.01, 4)
        assert [row["lr"] for row in model.history_] == pytest.approx(schedule.at(np.arange(4)))


# -- schedules -----------------------------------------------------------------------------------------------------------


def test_schedules():
    n = 100
    at = {
        name: np.array([Schedule(name, 0.1, n).at(t) for t in range(n + 1)])
        for name in ("constant", "cosine", "exponential")
    }
    np.testing.assert_allclose(at["constant"], 0.1)
    np.testing.assert_allclose(at["cosine"], 0.05 * (1 + np.cos(np.pi * np.arange(n + 1) / n)), atol=1e-12)
    np.testing.assert_allclose(at["exponential"], 0.1 * 0.01 ** (np.arange(n + 1) / n))
    cycle = np.array([Schedule("one-cycle", 0.1, n).at(t) for t in range(n + 1)])
    assert cycle[0] == pytest.approx(0.004)
    assert (cycle.argmax(), cycle.max()) == (25, pytest.approx(0.1))
    assert cycle[-1] == pytest.approx(0)
    assert (np.diff(cycle[:26]) > 0).all()
    assert (np.diff(cycle[25:]) < 0).all()


def test_the_plateau_rule_halves_after_five_epochs_without_a_better_loss():
    schedule = Schedule("plateau", 0.1, 100)
    rates = []
    for loss in [3, 2, 2, 2, 2, 2, 2, 1, *[1] * 5]:
        schedule.after_epoch(loss)
        rates.append(float(schedule.at(0)))
    assert rates == [0.1] * 6 + [0.05] * 6 + [0.025]


# -- optimisers ----------------------------------------------------------------------------------------------------------

NAMES = [
    name.lower()
    for name, cls in vars(torch.optim).items()
    if isinstance(cls, type)
    and issubclass(cls, torch.optim.Optimizer)
    and name not in ("Optimizer", "LBFGS", "SparseAdam")
]


def gradients(flat, n_steps, seed):
    """What a loss would leave in ``flat.gradient``, step by step."""
    rng = torch.Generator().manual_seed(seed)
    for _ in range(n_steps):
        for module in flat.modules:
            for parameter in module.parameters():
                parameter.grad.copy_(torch.randn(parameter.shape, generator=rng))
        yield


def linears(n, **options):
    torch.manual_seed(0)
    return [torch.nn.Linear(3, 2, **options) for _ in range(n)]


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("by_rows", [True, False])
def test_our_optimisers_are_torchs_and_each_replica_has_its_own_rate(name, decay, by_rows, monkeypatch):
    monkeypatch.setattr(Adam.__base__, "_goes_by_rows", lambda self: by_rows)  # as on a CPU, and as on other devices
    rates, modules = [1e-2, 3e-2, 0.1], linears(3)
    twins = [torch.nn.Linear(3, 2) for _ in modules]
    options = {"momentum": 0.9, "nesterov": True} if name == "sgd" else {}
    cls = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[name]
    theirs = []
    for twin, module, rate in zip(twins, modules, rates, strict=True):
        twin.load_state_dict(module.state_dict())
        theirs.append(cls(twin.parameters(), lr=rate, weight_decay=decay, **options))
    flat = Flat(modules)
    ours = make_optimizer(name, flat, rates=rates, decays=[decay] * 3)
    # the second replica sits out a step, as one with fewer batches does
    active = np.ones((5, 3), dtype=bool)
    active[2, 1] = False
    ours.prepare(np.tile(rates, (5, 1)), active)
    for i, _ in enumerate(gradients(flat, 5, 1)):
        for r, (twin, module) in enumerate(zip(twins, modules, strict=True)):
            if active[i, r]:
                for own, other in zip(twin.parameters(), module.parameters(), strict=True):
                    own.grad = other.grad.clone()
                theirs[r].step()
            else:
                flat.gradient[r] = 0.0
        ours.update(i)
    for twin, module in zip(twins, modules, strict=True):
        for own, other in zip(twin.parameters(), module.parameters(), strict=True):
            torch.testing.assert_close(other, own, atol=2e-6, rtol=2e-6)
            torch.testing.assert_close(flat.values[modules.index(module)][:6].view(2, 3), module.weight.detach())


@pytest.mark.parametrize("name", NAMES)
def test_optimisers_go_on_from_a_packed_state(name):
    def steps(flat, optimizer, n, seed):
        for _ in gradients(flat, n, seed):
            optimizer.prepare(np.full((1, 1), 1e-2), np.ones((1, 1), dtype=bool))
            optimizer.update(0)

    flat, twin = (Flat(linears(1, bias=False)) for _ in range(2))  # matrices alone: some optimisers want no other
    optimizer = make_optimizer(name.upper(), flat, rates=[1e-2], decays=[0.0])
    steps(flat, optimizer, 3, 1)
    packed = optimizer.pack(0)
    assert not any(isinstance(v, torch.Tensor) for entry in packed["entries"].values() for v in entry.values())
    twin.values.copy_(flat.values)
    other = make_optimizer(name, twin, rates=[1e-2], decays=[0.0])
    other.unpack(0, packed)
    steps(flat, optimizer, 2, 2)
    steps(twin, other, 2, 2)
    torch.testing.assert_close(twin.values, flat.values, atol=1e-7, rtol=1e-6)
    fresh = make_optimizer("sgd" if name != "sgd" else "adam", twin, rates=[1e-2], decays=[0.0])
    before = fresh.pack(0)
    fresh.unpack(0, packed)  # of another optimiser: left out
    assert repr(fresh.pack(0)) == repr(before)


@pytest.mark.parametrize("name", ["adamw", "rmsprop"])
@pytest.mark.parametrize("average", [False, True])
def test_networks_that_keep_their_own_memory_train_the_same(monkeypatch, name, average):
    """As on a GPU, where layers lay out their weights themselves."""
    model = DeepEnsembleClassifier(
        GRUClassifier(**SMALL, optimizer=name, early_stopping=not average),
        n_estimators=1,
        average_weights=0.4 if average else None,
        random_state=0,
    )
    wanted = clone(model).fit(DATA.X, DATA.y).predict_proba(DATA.X_test)
    monkeypatch.setattr("sklearn_seq.training.trainer.Flat", lambda modules: Flat(modules, shares_memory=False))
    np.testing.assert_array_equal(clone(model).fit(DATA.X, DATA.y).predict_proba(DATA.X_test), wanted)


def test_frozen_parameters_are_left_alone():
    (module,) = linears(1)
    module.bias.requires_grad_(False)
    optimizer = make_optimizer("adam", Flat([module]), rates=[0.1], decays=[0.0])
    assert [len(group["params"]) for group in optimizer.param_groups] == [1]


# -- batches -------------------------------------------------------------------------------------------------------------


def test_windows_are_gathered_as_slices():
    table = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    starts = np.array([0, 5, 30, 4, 0])
    X = Sequences(table, starts, starts + 10)
    gather = Gather(X)
    x, mask = gather(np.array([4, 2, 2, 1]))
    assert mask is None
    np.testing.assert_array_equal(x, np.stack([table[s : s + 10] for s in (0, 30, 30, 5)]))
    ragged = SlidingWindow(6).fit_transform(table)
    rows = np.array([0, 3, 20, 39, 2])
    x, mask = Gather(ragged)(rows)
    assert x.shape == (5, 6, 3)
    for i, row in enumerate(rows):
        np.testing.assert_array_equal(x[i][mask[i]], ragged[row])
        assert (x[i][~mask[i]] == 0).all()
    x, mask = Gather(ragged)(np.array([10, 30]))
    assert mask is None or mask.all()
    np.testing.assert_array_equal(x, np.stack([ragged[10], ragged[30]]))


def test_batches_hold_every_row_once_in_a_new_order_each_epoch():
    X = Sequences.from_array(np.arange(22.0, dtype=np.float32).reshape(22, 1))
    part = Part(X, np.arange(22), np.linspace(1, 2, 22))
    batches = Batches([part], 5, CPU, torch.float32, [0])
    assert len(batches) == 5
    epochs = []
    for _ in range(2):
        found = list(batches.epoch())
        assert [len(batch.target) for batch in found] == [5, 5, 5, 5, 2]
        epochs.append(torch.cat([batch.target for batch in found]))
        for batch in found:
            assert torch.equal(batch.x[:, 0, 0], batch.target.float())
            torch.testing.assert_close(batch.share * batch.sizes[0], 1 + batch.target.float() / 21)
    assert sorted(epochs[0].tolist()) == sorted(epochs[1].tolist()) == list(range(22))
    assert not torch.equal(*epochs)
    again = Batches([part], 5, CPU, torch.float32, [0])
    assert torch.equal(torch.cat([batch.target for batch in again.epoch()]), epochs[0])


# -- what is held out ----------------------------------------------------------------------------------------------------


def chance():
    return np.random.RandomState(0)


def test_hold_out_by_groups():
    X = Sequences.from_array(np.zeros((20, 3)))
    groups = np.arange(20) % 5
    train, valid = hold_out(X, 0.2, random_state=chance(), groups=groups)
    assert set(groups[train]) & set(groups[valid]) == set()
    assert sorted([*train, *valid]) == list(range(20))


def test_hold_out_stratified_where_it_can_be():
    X = Sequences.from_array(np.zeros((40, 3)))
    labels = np.repeat([0, 1], [30, 10])
    _, valid = hold_out(X, 0.2, random_state=chance(), labels=labels)
    assert np.bincount(labels[valid]).tolist() == [6, 2]
    rare = np.repeat([0, 1], [39, 1])
    train, valid = hold_out(X, 0.2, random_state=chance(), labels=rare)
    assert (len(train), len(valid)) == (32, 8)


@pytest.mark.parametrize(("window", "fraction"), [(3, 0.2), (8, 0.3), (2, 0.5)])
def test_hold_out_of_windows_is_the_end_and_shares_no_row(window, fraction):
    X = SlidingWindow(window).fit_transform(np.zeros((50, 1)))
    order = chance().permutation(50)
    train, valid = hold_out(X[order], fraction, random_state=chance())
    X = X[order]
    assert len(valid) == math.ceil(fraction * 50)
    assert X.stops[train].max() <= X.starts[valid].min()
    assert set(X.stops[valid]) == set(range(51 - len(valid), 51))


# -- threads -------------------------------------------------------------------------------------------------------------


def test_threads_are_held_and_put_back():
    before = torch.get_num_threads()
    with hold_threads(3):
        assert torch.get_num_threads() == 3
        with hold_threads(1):  # inside, the count stays
            assert torch.get_num_threads() == 3
        assert torch.get_num_threads() == 3
    assert torch.get_num_threads() == before
    with pytest.raises(RuntimeError, match="inside"), hold_threads(2):
        raise RuntimeError("inside")
    assert torch.get_num_threads() == before


def test_threads_of_different_counts_take_turns():
    """Those that want the same count share it, others wait, and nobody waits for ever."""
    seen, wrong = [], []

    def work(n):
        for _ in range(20):
            with hold_threads(n):
                seen.append(n)
                time.sleep(0.0005)
                if torch.get_num_threads() != n:
                    wrong.append((n, torch.get_num_threads()))

    before = torch.get_num_threads()
    workers = [threading.Thread(target=work, args=(n,), daemon=True) for n in (1, 2, 1, 3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert not any(worker.is_alive() for worker in workers)
    assert wrong == []
    assert sorted(set(seen)) == [1, 2, 3]
    assert torch.get_num_threads() == before


def test_auto_threads_depends_on_the_model_alone():
    small, large = torch.nn.Linear(8, 8), torch.nn.Linear(4096, 4096)
    assert auto_threads(small, 32) == 1
    assert auto_threads(large, 32) >= 1
    found = []
    worker = threading.Thread(target=lambda: found.append(auto_threads(large, 32)))
    worker.start()
    worker.join()
    assert found == [auto_threads(large, 32)]


def test_threads_of_workers_train_the_same_bits():
    model = GRUClassifier(**SMALL, dropout=0.3, early_stopping=True)
    wanted = cross_val_score(model, RAGGED.X, RAGGED.y, cv=3)
    from joblib import parallel_config

    with parallel_config("threading", n_jobs=3):
        for _ in range(2):
            np.testing.assert_array_equal(cross_val_score(model, RAGGED.X, RAGGED.y, cv=3), wanted)


# -- callbacks of skorch ---------------------------------------------------------------------------------------------------


def test_callbacks_of_skorch_see_the_history():
    seen = []

    class Watcher(EpochScoring):
        def __init__(self):
            pass

        def initialize(self):
            return self

        def on_train_begin(self, net, **kwargs):
            pass

        def on_epoch_begin(self, net, **kwargs):
            pass

        def on_batch_end(self, net, **kwargs):
            seen.append("batch")

        def on_epoch_end(self, net, **kwargs):
            seen.append(
                (len(net.history), net.history[-1, "train_loss"], net.history[-1, "batches", -1, "train_batch_size"])
            )

    model = GRUClassifier(**SMALL, callbacks=[Watcher()], batch_size=10).fit(DATA.X, DATA.y)
    epochs = [entry for entry in seen if entry != "batch"]
    assert [n for n, _, _ in epochs] == [1, 2, 3]
    assert [loss for _, loss, _ in epochs] == model.loss_curve_
    assert {size for _, _, size in epochs} == {4}
    assert seen.count("batch") == 9


def test_skorchs_early_stopping_stops():
    callback = EarlyStopping(monitor="valid_loss", patience=2, threshold=10.0, sink=lambda text: None)
    model = GRUClassifier(**{**SMALL, "max_epochs": 50}, callbacks=[callback])
    model.fit(DATA.X, DATA.y, X_val=DATA.X_test, y_val=DATA.y_test)
    assert model.n_iter_ < 10
    assert model.predict(DATA.X_test).shape == (12,)


def test_skorchs_learning_rate_policy_and_clipping_take_effect():
    plain = GRUClassifier(**SMALL, lr_schedule="constant").fit(DATA.X, DATA.y)
    for callback in (LRScheduler(policy="StepLR", step_size=1, gamma=0.1), GradientNormClipping(1e-4)):
        model = GRUClassifier(**SMALL, lr_schedule="constant", gradient_clip=None, optimizer="sgd").fit(DATA.X, DATA.y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch: its policy is stepped before our first step
            other = clone(model).set_params(callbacks=[callback]).fit(DATA.X, DATA.y)
        assert not np.array_equal(model.decision_function(DATA.X), other.decision_function(DATA.X)), type(
            callback
        ).__name__
    assert plain.n_iter_ == 3


def test_skorchs_print_log_prints(capsys):
    told = []
    GRUClassifier(**SMALL, callbacks=[PrintLog(sink=told.append)]).fit(DATA.X, DATA.y)
    assert capsys.readouterr().out == ""
    assert len(told) == 2 + 3
    assert "train_loss" in told[0]
    GRUClassifier(**SMALL, verbose=1, callbacks=[PrintLog()]).fit(DATA.X, DATA.y)
    assert "-----" in capsys.readouterr().out  # its table


def test_callbacks_with_names():
    model = GRUClassifier(**SMALL, callbacks=[("log", PrintLog(sink=lambda text: None))])
    assert model.fit(DATA.X, DATA.y).n_iter_ == 3
    assert cross_val_score(model, DATA.X, DATA.y, cv=2).shape == (2,)


# -- callbacks of scikit-learn ---------------------------------------------------------------------------------------------

callback_room = pytest.importorskip("sklearn.callback") if hasattr(GRUClassifier, "set_callbacks") else None
needs_callbacks = pytest.mark.skipif(callback_room is None, reason="this scikit-learn has no callbacks")


class Counter:
    """Counts tasks, keeps what was seen, and may ask to stop."""

    def __init__(self, stop_after=None):
        self.stop_after, self.names, self.scores = stop_after, [], []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        pass

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.names.append(context.task_name)
        if context.task_name == "epoch" and fitted_estimator is not None:
            self.scores.append(fitted_estimator.score(X, y))
        return self.stop_after is not None and self.names.count("epoch") >= self.stop_after


@needs_callbacks
def test_scikit_learns_callbacks_get_epochs_and_can_stop():
    counter = Counter()
    model = GRUClassifier(**SMALL).set_callbacks(counter).fit(DATA.X, DATA.y)
    assert counter.names == ["epoch"] * 3 + ["fit"]
    assert counter.scores[-1] == model.score(DATA.X, DATA.y)
    counter = Counter(stop_after=2)
    model = GRUClassifier(**{**SMALL, "max_epochs": 9}).set_callbacks(counter).fit(DATA.X, DATA.y)
    assert model.n_iter_ == 2


@needs_callbacks
def test_scoring_monitor_scores_every_epoch():
    monitor = callback_room.ScoringMonitor(scoring="accuracy")
    GRUClassifier(**SMALL).set_callbacks(monitor).fit(DATA.X, DATA.y)
    logs = monitor.get_logs()
    assert logs


@needs_callbacks
def test_progress_bar_goes_through_a_search(capsys):
    pytest.importorskip("rich")
    search = GridSearchCV(GRUClassifier(**SMALL), {"hidden_size": [2, 3]}, cv=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn: it may say that its callbacks are experimental
        search.set_callbacks(callback_room.ProgressBar()).fit(DATA.X, DATA.y)
    assert "epoch" in capsys.readouterr().out or search.best_score_ >= 0


# -- numbers -------------------------------------------------------------------------------------------------------------


def test_missing_values_are_masked():
    rng = np.random.default_rng(0)
    X = [x.copy() for x in NUMBERS.X]
    for x in X:
        x[rng.random(x.shape) < 0.3] = np.nan
    model = LSTMRegressor(**SMALL, missing="mask").fit(X, NUMBERS.y)
    found = model.predict(X)
    assert np.isfinite(found).all()
    assert model.module_.scaling.out_features == 4
    hidden = [np.full_like(x, np.nan) for x in X[:2]]
    assert np.isfinite(model.predict(hidden)).all()
    with pytest.raises(ValueError, match="NaN"):
        LSTMRegressor(**SMALL).fit(X, NUMBERS.y)
    # an indicator tells "missing" from "zero after scaling"
    mean = [
        np.where(np.isnan(x), -model.module_.scaling.shift.numpy() / model.module_.scaling.factor.numpy(), x) for x in X
    ]
    assert not np.allclose(model.predict(mean), found)


def test_bfloat16_and_float64_run():
    for options, dtype in (({"precision": "bf16"}, torch.float32), ({"dtype": "float64"}, torch.float64)):
        model = GRURegressor(**SMALL, **options).fit(NUMBERS.X, NUMBERS.y)
        assert all(p.dtype == dtype for p in model.module_.parameters())
        assert model.predict(NUMBERS.X_test).dtype == np.float64
        assert np.isfinite(model.predict(NUMBERS.X_test)).all()
    # all rows in one batch: the order of rows is another in another precision
    whole = GRURegressor(**SMALL, dropout=0.0, batch_size=24)
    fine = clone(whole).set_params(dtype="float64").fit(NUMBERS.X, NUMBERS.y).predict(NUMBERS.X_test)
    np.testing.assert_allclose(whole.fit(NUMBERS.X, NUMBERS.y).predict(NUMBERS.X_test), fine, atol=1e-4)


def test_bfloat16_of_an_lstm_runs_on_any_processor():
    """Where oneDNN has no bfloat16, as on older processors, an LSTM computes in full precision."""
    code = """
import numpy as np
from sklearn_seq import LSTMClassifier, LSTMGenerator
y = np.arange(12) % 2
small = {"precision": "bf16", "hidden_size": 4, "max_epochs": 1}
models = (
    LSTMClassifier(bidirectional=True, n_layers=2, **small).fit(np.ones((12, 5, 1)), y),
    LSTMGenerator(**small).fit(["abab"] * 12),
)
assert all(np.isfinite(model.loss_curve_).all() for model in models)
"""
    older = os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    done = subprocess.run([sys.executable, "-c", code], env=older, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_standardizing_makes_units_irrelevant():
    X = [x * [1e3, 1e-3] + [5e4, -2] for x in NUMBERS.X]
    X_test = [x * [1e3, 1e-3] + [5e4, -2] for x in NUMBERS.X_test]
    # rows are ordered by content, which units change; so the one batch must hold all
    model = GRURegressor(**SMALL, dtype="float64", dropout=0.0, batch_size=24)
    wanted, found = clone(model).fit(NUMBERS.X, NUMBERS.y), clone(model).fit(X, NUMBERS.y)
    np.testing.assert_allclose(found.predict(X_test), wanted.predict(NUMBERS.X_test), atol=1e-5)


def test_a_device_that_is_gone_is_told_once_and_the_cpu_goes_on():
    model = GRUClassifier(**SMALL).fit(DATA.X, DATA.y)
    wanted = model.predict(DATA.X_test)
    model.set_params(device="cuda:7")
    with pytest.warns(UserWarning, match="not available here.*Predicting on the CPU"):
        np.testing.assert_array_equal(model.predict(DATA.X_test), wanted)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(DATA.X_test)
    with pytest.raises(ValueError, match="not available here"):
        model.fit(DATA.X, DATA.y)


def test_a_search_inside_a_pipeline_is_the_same_in_two_processes():
    from sklearn_seq import SequenceScaler

    search = GridSearchCV(
        make_pipeline(SequenceScaler(), GRUClassifier(**SMALL)), {"gruclassifier__hidden_size": [2, 3]}, cv=2
    )
    found = {
        n: clone(search).set_params(n_jobs=n).fit(RAGGED.X, RAGGED.y).cv_results_["mean_test_score"] for n in (1, 2)
    }
    np.testing.assert_array_equal(found[1], found[2])
