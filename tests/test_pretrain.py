"""Pre-training: what is hidden and what is learnt from it, bodies that are handed on, and parameters that stay."""

import pickle

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_seq import (
    CNNClassifier,
    DeepEnsembleClassifier,
    GRUClassifier,
    GRURegressor,
    LSTMClassifier,
    SequenceScaler,
    TransformerClassifier,
    load,
    save,
)
from sklearn_seq.layers.masking import MaskedReconstruction
from sklearn_seq.layers.scaling import InputScaling
from sklearn_seq.tasks.pretrain import HideSteps
from sklearn_seq.training.augment import Draw
from sklearn_seq.training.batches import Batch
from sklearn_seq.training.run import run, weights_of
from sklearn_seq.training.trainer import Trainer, build

RNG = np.random.default_rng(0)
X = 3.0 + 2.0 * RNG.normal(size=(40, 12, 3)).cumsum(axis=1)
RAGGED = [x[:n] for x, n in zip(X, RNG.integers(2, 13, size=40), strict=True)]
LABELS = np.where(X[:, 0, 0] > 3, "up", "down")
WAVES = np.sin(RNG.uniform(0, 6, (60, 1)) + np.arange(32) * 0.5)  # a step follows from its neighbours

SMALL = {
    CNNClassifier: {"n_filters": 4, "n_blocks": 1},
    TransformerClassifier: {"hidden_size": 8, "n_layers": 1, "n_heads": 2},
    GRUClassifier: {"hidden_size": 4, "bidirectional": True},
}


def make(cls=GRUClassifier, **params):
    return cls(**{**SMALL.get(cls, {"hidden_size": 4}), "max_epochs": 2, "random_state": 0, **params})


def of_body(weights):
    return {name: array for name, array in weights.items() if name.startswith(("body.", "scaling."))}


def equal(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def untrained(model, X=X, y=LABELS):
    """The network that a fit begins with."""
    return build(model._plan(model._read(X, y, None, None, None, None)))


# -- what is hidden ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fraction", "length"), [(0.4, 1), (0.4, 5), (0.15, 3), (0.8, 10)])
def test_stretches_hide_the_share_asked_for(fraction, length):
    lengths = RNG.integers(1, 101, size=2000)
    mask = torch.arange(100) < torch.as_tensor(lengths)[:, None]
    batch = Batch(torch.zeros(2000, 100, 3), mask, torch.zeros(2000), torch.ones(2000), [2000])
    found = HideSteps(fraction, length)(batch, Draw([np.random.default_rng(0)]), None).x
    assert found.shape == (2000, 100, 4) and (found[..., :3] == 0).all()
    hidden = found[..., 3]
    assert not hidden[~mask].any() and (hidden.sum(dim=1) >= 1).all()
    long = lengths > 50
    np.testing.assert_allclose(hidden.sum(dim=1)[long].sum() / lengths[long].sum(), fraction, rtol=0.03)
    by_place = hidden[torch.as_tensor(lengths == lengths.max())].mean(dim=0)
    assert abs(by_place[0] - by_place[50]) < 0.5  # beginnings are hidden as often as the rest
    inside = hidden[long][:, 20:40]
    runs = inside.int().diff(dim=1).ne(0).sum() / 2
    assert inside.sum() / runs >= length * 0.9  # stretches, not single steps


class Echo(torch.nn.Module):
    """A body that gives what it sees."""

    out_features = 3

    def forward(self, x, mask, state=None):
        self.seen = x
        return x, mask, None


def test_the_loss_counts_hidden_real_steps_alone():
    body = Echo()
    scaling = InputScaling(3)
    scaling.set_statistics(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 2.0, 4.0]))
    network = MaskedReconstruction(scaling, body, 3)
    x, hidden = torch.randn(2, 6, 3), torch.zeros(2, 6, 1)
    hidden[0, 2:4] = hidden[1, 1] = 1
    mask = torch.arange(6) < torch.tensor([6, 3])[:, None]
    x[1, 3:] = torch.nan  # padding
    loss = network(torch.cat([x, hidden], dim=-1), mask)
    assert (body.seen[0, 2:4] == 0).all() and (body.seen[1, 1] == 0).all() and (body.seen[0, :2] != 0).all()
    bias = network.reconstruct.bias  # what is made of a step of zeros
    scaled = (x - torch.tensor([1.0, 2.0, 3.0])) / torch.tensor([2.0, 2.0, 4.0])
    by_hand = torch.stack([(scaled[0, 2:4] - bias).square().mean(), (scaled[1, 1] - bias).square().mean()])
    torch.testing.assert_close(loss, by_hand)


def test_a_body_with_fewer_steps_gives_back_those_that_each_stands_for():
    class Halves(Echo):
        steps_per_token = 4

        def forward(self, x, mask, state=None):
            return super().forward(x, mask)[0][:, ::4], None, None

    network = MaskedReconstruction(InputScaling(3), Halves(), 3)
    x = torch.randn(2, 10, 3)  # three tokens
    hidden = torch.ones(2, 10, 1)
    found = network.reconstruct(torch.zeros(2, 3, 3)).reshape(2, 12, 3)[:, :10]
    torch.testing.assert_close(network(torch.cat([x, hidden], dim=-1)), (found - x).square().mean(dim=(1, 2)))
    Halves.steps_per_token = 1
    with pytest.raises(
        ValueError, match=r"gives 3 steps for 10, .*\(steps_per_token\); it cannot be pre-trained\. Use"
    ):
        MaskedReconstruction(InputScaling(3), Halves(), 3)(torch.cat([x, hidden], dim=-1))


# -- what is learnt ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", SMALL)
def test_a_predictable_signal_is_learnt(cls):
    model = make(cls, hidden_size=16) if cls is not CNNClassifier else make(cls, n_filters=16)
    model.pretrain(WAVES, max_epochs=60, mask_fraction=0.2)
    losses = model.pretrain_loss_curve_
    assert len(losses) == 60
    assert losses[-1] < 0.5 and losses[-1] < 0.7 * losses[0]  # the mean would reach 1


def test_noise_is_not_learnt():
    noise = RNG.normal(size=(60, 32))
    losses = make().pretrain(noise, max_epochs=20).pretrain_loss_curve_
    np.testing.assert_allclose(losses[-1], 1.0, atol=0.1)


@pytest.mark.parametrize("cls", SMALL)
@pytest.mark.parametrize("data", [X, RAGGED], ids=["3-D", "ragged"])
def test_a_fit_begins_with_the_body_and_the_scaling(cls, data):
    model = make(cls)
    assert model.pretrain(data, max_epochs=2) is model
    held = of_body(model.pretrained_body_)
    assert held and equal(of_body(weights_of(untrained(model, data))), held)
    fresh = untrained(make(cls), data)
    assert not equal(of_body(weights_of(fresh)), held)
    torch.testing.assert_close(untrained(model, data).head.weight, fresh.head.weight, rtol=0, atol=0)
    model.fit(data, LABELS)
    assert equal(of_body(model.pretrained_body_), held)  # it stays
    np.testing.assert_array_equal(model.module_.scaling.shift, held["scaling.shift"])  # and so does the scaling
    assert not equal(of_body(weights_of(model.module_)), held)  # fine-tuned


def test_the_scaling_is_that_of_what_it_was_pre_trained_on():
    model = make().pretrain(X, max_epochs=1)
    moved = untrained(model, X * 7 + 1)
    torch.testing.assert_close(moved.scaling.shift, untrained(model).scaling.shift, rtol=0, atol=0)
    mean, deviation = X.mean(axis=(0, 1)), X.std(axis=(0, 1))
    np.testing.assert_allclose(moved.scaling.shift, -mean / deviation, rtol=1e-4)


def test_seed_and_order_of_rows_decide_as_in_fit():
    one = make().pretrain(RAGGED, max_epochs=2)
    again = make().pretrain(RAGGED[::-1], max_epochs=2)
    other = make(random_state=1).pretrain(RAGGED, max_epochs=2)
    assert equal(one.pretrained_body_, again.pretrained_body_)
    assert not equal(one.pretrained_body_, other.pretrained_body_)
    np.testing.assert_array_equal(
        one.fit(RAGGED, LABELS).predict_proba(RAGGED), again.fit(RAGGED, LABELS).predict_proba(RAGGED)
    )


def test_the_global_generator_is_left_alone():
    state = torch.get_rng_state()
    make(TransformerClassifier).pretrain(X, max_epochs=1)
    assert torch.equal(torch.get_rng_state(), state)


def test_pretrain_drops_what_a_fit_learnt_and_clone_what_pretrain_did():
    model = make().fit(X, LABELS)
    model.pretrain(X, max_epochs=1)
    with pytest.raises(NotFittedError):
        model.predict(X)
    assert not hasattr(clone(model), "pretrained_body_")
    first = model.pretrained_body_
    model.pretrain(X, max_epochs=1)  # goes on
    assert not equal(first, model.pretrained_body_)
    assert not hasattr(make().fit(X, LABELS), "pretrained_body_")


def test_it_is_pickled_and_saved_with_the_estimator(tmp_path):
    for model in (make().pretrain(X, max_epochs=1), make().pretrain(X, max_epochs=1).fit(X, LABELS)):
        save(model, tmp_path / "model")
        expected = clone(model)  # fitted from the same body
        expected.pretrained_body_ = model.pretrained_body_
        expected.fit(X, LABELS)
        for other in (pickle.loads(pickle.dumps(model)), load(tmp_path / "model")):
            assert equal(other.pretrained_body_, model.pretrained_body_)
            np.testing.assert_array_equal(other.fit(X, LABELS).predict_proba(X), expected.predict_proba(X))


def test_missing_values_and_float64_and_a_rate_of_its_own():
    gaps = X.copy()
    gaps[RNG.random(gaps.shape) < 0.2] = np.nan
    model = make(missing="mask", dtype="float64").pretrain(gaps, max_epochs=1, lr=1e-3, mask_length=2, batch_size=8)
    assert np.isfinite(model.pretrain_loss_curve_).all()
    assert np.isfinite(model.fit(gaps, LABELS).predict_proba(gaps)).all()
    fast = make().pretrain(X, max_epochs=1)
    slow = make().pretrain(X, max_epochs=1, lr=1e-9)
    name = "body.forward_layers.0.weight_hh_l0"
    assert not np.array_equal(fast.pretrained_body_[name], slow.pretrained_body_[name])
    np.testing.assert_allclose(slow.pretrained_body_[name], untrained(make()).state_dict()[name], atol=1e-7)


def test_a_loss_that_is_not_finite_is_refused_and_nothing_changes():
    model = make(gradient_clip=None).fit(X, LABELS)
    expected = model.predict_proba(X)
    with pytest.raises(ValueError, match=r"^the (loss became|weights were not finite)"):
        model.pretrain(X, max_epochs=20, lr=1e30)
    np.testing.assert_array_equal(model.predict_proba(X), expected)


# -- handed on ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", SMALL)
def test_a_body_goes_to_another_estimator_by_its_file(cls, tmp_path):
    path = str(tmp_path / "body")
    source = make(cls).pretrain(X[:, :9], max_epochs=1)
    source.save_body(path)
    target = make(cls, body=path, random_state=7)
    assert equal(of_body(weights_of(untrained(target))), of_body(source.pretrained_body_))
    target.fit(X, LABELS)
    expected = target.predict_proba(X)
    np.testing.assert_array_equal(clone(target).fit(X, LABELS).predict_proba(X), expected)
    target.save_body(path)  # of a fitted one, as fit left it
    assert equal(of_body(load_file(path)), of_body(weights_of(target.module_)))
    (tmp_path / "body").unlink()  # predicting needs no file
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(target)).predict_proba(X), expected)


def test_a_classifiers_body_serves_a_regressor_a_grid_a_pipeline_and_an_ensemble(tmp_path):
    path = str(tmp_path / "body")
    make(bidirectional=False).pretrain(X, max_epochs=1).save_body(path)
    GRURegressor(hidden_size=4, max_epochs=1, body=path).fit(X, X[:, 0, 0]).predict(X)
    pipeline = make_pipeline(SequenceScaler(), make(bidirectional=False))
    grid = {"gruclassifier__body": [None, path], "gruclassifier__body_lr_factor": [1.0, 0.1]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, LABELS)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    ensemble = DeepEnsembleClassifier(make(bidirectional=False, body=path, max_epochs=1), n_estimators=2)
    assert ensemble.fit(X, LABELS).predict(X).shape == (40,)


def test_what_pretrain_learnt_comes_before_the_file_and_goes_on_from_it(tmp_path):
    path = str(tmp_path / "body")
    make(random_state=5).pretrain(X, max_epochs=1).save_body(path)
    model = make(body=path).pretrain(X, max_epochs=1, lr=1e-9)
    name = "body.forward_layers.0.weight_hh_l0"
    np.testing.assert_allclose(model.pretrained_body_[name], load_file(path)[name], atol=1e-7)
    assert equal(of_body(weights_of(untrained(model))), of_body(model.pretrained_body_))


def test_a_warm_start_goes_on_from_the_fit(tmp_path):
    model = make(warm_start=True).pretrain(X, max_epochs=1).fit(X, LABELS)
    trained = of_body(weights_of(model.module_))
    plan = model._plan(model._read(X, LABELS, None, None, None, None, reset=False), model._go_on())
    assert equal(of_body(weights_of(build(plan))), trained)


# -- what stays, what is slower ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", SMALL)
@pytest.mark.parametrize("freeze", ["body.*", ["body.*", "head.bias"]], ids=str)
def test_frozen_parameters_do_not_move_to_the_bit(cls, freeze):
    model = make(cls, freeze=freeze, weight_decay=0.1).pretrain(X, max_epochs=1)
    before = weights_of(untrained(model))
    after = weights_of(model.fit(X, LABELS).module_)
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert moved == ({"head.weight", "head.bias"} if freeze == "body.*" else {"head.weight"})
    assert model.predict_proba(X).shape == (40, 2)


def test_freezing_a_part_of_a_body():
    model = make(LSTMClassifier, n_layers=2, freeze="body.forward_layers.0.*")
    before = weights_of(untrained(model))
    after = weights_of(model.fit(X, LABELS).module_)
    for name in before:
        frozen = name.startswith(("body.forward_layers.0.", "scaling."))
        assert np.array_equal(before[name], after[name]) == frozen, name


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "adam", "rmsprop"])
def test_the_bodys_step_is_the_share_of_that_by_hand(optimizer):
    steps = []
    for factor in (1.0, 0.25):
        model = make(body_lr_factor=factor, optimizer=optimizer, weight_decay=0.1, dropout=0.0, batch_size=64)
        before = weights_of(untrained(model))
        after = weights_of(model.set_params(max_epochs=1).fit(X, LABELS).module_)
        steps.append({name: after[name] - before[name] for name in before if not name.startswith("scaling.")})
    whole, part = steps
    for name in whole:
        assert np.abs(whole[name]).max() > 0
        expected = whole[name] * (0.25 if name.startswith("body.") else 1.0)
        np.testing.assert_allclose(part[name], expected, rtol=0, atol=1e-7, err_msg=name)


def test_replicas_have_factors_of_their_own_and_the_bits_that_they_have_alone():
    def plans():
        models = [make(body_lr_factor=factor, dtype="float64") for factor in (1.0, 0.1)]
        return [model._plan(model._read(X, LABELS, None, None, None, None)) for model in models]

    together = [weights_of(result.module) for result in run(plans())]
    alone = [weights_of(run([plan])[0].module) for plan in plans()]
    for one, other in zip(together, alone, strict=True):
        for name in one:
            np.testing.assert_allclose(one[name], other[name], rtol=0, atol=1e-12)


def test_a_body_that_was_trained_before_goes_slowly_by_default(tmp_path):
    def factor(model):
        return model._plan(model._read(X, LABELS, None, None, None, None)).body_lr_factor

    model = make().pretrain(X, max_epochs=1)
    model.save_body(tmp_path / "body")
    of_file = {"body": str(tmp_path / "body")}
    assert [factor(one) for one in (make(), model, make(**of_file))] == [1.0, 0.3, 0.3]
    assert [factor(one.set_params(body_lr_factor=1)) for one in (model, make(**of_file))] == [1.0, 1.0]


def test_a_factor_of_one_changes_no_bit():
    model = make()
    plan = model._plan(model._read(X, LABELS, None, None, None, None))
    assert Trainer([plan], [build(plan)])._slowed is None  # no step is touched


def test_unfreezing_goes_on_with_warm_start():
    model = make(freeze="body.*", warm_start=True).fit(X, LABELS)
    body = of_body(weights_of(model.module_))
    model.set_params(freeze=None).fit(X, LABELS)
    assert model.n_iter_ == 4
    assert not equal(of_body(weights_of(model.module_)), body)
    model.set_params(freeze="head.*").fit(X, LABELS)
    assert model.n_iter_ == 6


# -- refused -----------------------------------------------------------------------------------------------------------


def test_a_body_that_does_not_fit_is_refused_in_the_users_words(tmp_path):
    path = str(tmp_path / "body")
    make().pretrain(X, max_epochs=1).save_body(path)
    for data, params, message in [
        (X[:, :, :2], {}, r"the body from body='.*' does not fit this GRUClassifier: scaling\.shift is of shape \(3,\) there; "
         r"wanted \(2,\)|of shape \(2,\) \(one number a feature\)\. Give the same family"),
        (X, {"hidden_size": 8}, r"body\.backward_layers\.0\.bias_hh_l0 is of shape \(12,\) there; wanted of shape \(24,\)\. Give"),
        (X, {"bidirectional": False}, r"body\.backward_layers\.0\.bias_hh_l0 is of shape \(12,\) there; wanted absent"),
        (X, {"missing": "mask"}, r"body\.\S+ is of shape \(12, 3\) there; wanted of shape \(12, 6\)\. Give .*missing"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            make(body=path, **params).fit(data, LABELS)
    with pytest.raises(ValueError, match=r"does not fit this CNNClassifier: body\.\S+ is (absent|of shape .*) there"):
        make(CNNClassifier, body=path).fit(X, LABELS)
    own = make().pretrain(X, max_epochs=1)
    with pytest.raises(
        ValueError, match=r"^the body from pretrain does not fit this GRUClassifier: scaling\.shift is of"
    ):
        own.fit(X[:, :, :2], LABELS)


def test_a_hostile_file_is_refused(tmp_path):
    path = tmp_path / "body"
    make().pretrain(X, max_epochs=1).save_body(path)
    good, held = path.read_bytes(), load_file(path)
    name = "body.forward_layers.0.weight_hh_l0"

    def refused(message, error=ValueError):
        with pytest.raises(error, match=message):
            make(body=str(path)).fit(X, LABELS)

    for data in (b"", b"no safetensors", pickle.dumps(held), good[:-8], good[:50], b"\xff" * 64):
        path.write_bytes(data)
        refused(r"^body='.*' cannot be read \(.*\); wanted a file that save_body wrote$")
    save_file(held | {name: np.full_like(held[name], np.nan)}, path)
    refused(r"holds 'body\.forward_layers\.0\.weight_hh_l0', which are no finite numbers; wanted what save_body wrote")
    save_file(held | {"head.weight": np.zeros((2, 3), np.float32)}, path)
    refused(r"head\.weight is of shape \(2, 3\) there; wanted absent")
    for longest in (None, np.array(0), np.array(-3), np.array(2**62), np.array([3]), np.array(3.0)):
        save_file({key: array for key, array in held.items() if key != "longest"}
                  | ({} if longest is None else {"longest": longest}), path)  # fmt: skip
        refused(r"does not say how long its sequences were; wanted a file that save_body wrote")
    path.unlink()
    refused(r"^body='.*' is no file; wanted one that save_body wrote$", FileNotFoundError)
    path.mkdir()
    refused(r"^body='.*' cannot be read")


def test_there_must_be_a_body_to_save(tmp_path):
    with pytest.raises(NotFittedError):
        make().save_body(tmp_path / "body")
    assert not (tmp_path / "body").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_epochs": 0}, r"^pretrain got max_epochs=0; wanted a whole number, 1 or more$"),
        ({"mask_fraction": 1.0}, r"^pretrain got mask_fraction=1\.0; wanted a number between 0 and 1$"),
        ({"mask_fraction": "much"}, r"mask_fraction='much'; wanted a number between 0 and 1$"),
        ({"mask_length": 2.5}, r"mask_length=2\.5; wanted 'auto', or a whole number, 1 or more$"),
        ({"lr": 0}, r"lr=0; wanted a number above 0, or None for that of the estimator$"),
        ({"batch_size": True}, r"batch_size=True; wanted 'auto', or a whole number, 1 or more$"),
    ],
)
def test_numbers_of_pretrain_that_are_none(given, message):
    with pytest.raises(ValueError, match=message):
        make().pretrain(X, **given)


@pytest.mark.parametrize(
    ("freeze", "message"),
    [
        (
            "bodi.*",
            r"^freeze='bodi\.\*' has the pattern 'bodi\.\*', which is no name of a parameter here; wanted some such as",
        ),
        (["body.*", 3], r"has the pattern 3, which is no name of a parameter here; wanted some such as 'body\.\*' or"),
        ("*", r"^freeze='\*' leaves nothing to train; wanted a part of the names, such as 'body\.\*'$"),
    ],
)
def test_patterns_that_freeze_nothing_or_everything(freeze, message):
    with pytest.raises(ValueError, match=message):
        make(freeze=freeze).fit(X, LABELS)


def test_data_that_cannot_be_read_leave_the_estimator_as_it_was():
    model = make().fit(X, LABELS)
    expected = model.predict_proba(X)
    bad = X.copy()
    bad[2, 1, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        model.pretrain(bad)
    np.testing.assert_array_equal(model.predict_proba(X), expected)
