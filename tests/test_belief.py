"""Deep belief networks: layers one by one by hand, rows without a target, and what is handed on to fine-tuning."""

import numpy as np
import pytest
import torch
from scipy.special import expit, logsumexp

from sklearn_seq import (
    DBN,
    RBM,
    DBNClassifier,
    DBNForecaster,
    DBNRegressor,
    DeepEnsembleClassifier,
    ReceptiveFieldsDisplay,
    load,
    save,
)

RNG = np.random.default_rng(0)
BITS = np.repeat(RNG.integers(0, 2, size=(80, 3)), 2, axis=1).astype(float)
X = np.clip(RNG.normal(0.3, 0.15, size=(90, 6, 2)), 0, 1)
Y = np.arange(90) % 3
X[Y == 1, :3] += 0.5
X[Y == 2, :, 1] += 0.5
X = np.clip(X, 0, 1)
SMALL = {"hidden_layer_sizes": (8, 5), "random_state": 0}


def make(cls=DBNClassifier, **params):
    usual = {"max_epochs": 4} if cls is DBN else {"max_epochs": 4, "pretrain_epochs": 3}
    return cls(**{**usual, **SMALL, **params})


def machines_of(model):
    return [
        tuple(t.detach().numpy().astype(float) for t in (m.weight, m.visible_bias, m.hidden_bias))
        for m in model.module_.machines
    ]


def states(n):
    return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(float)


# -- without targets ---------------------------------------------------------------------------------------------------


def test_layers_by_hand():
    model = DBN(**SMALL, max_epochs=20, dtype="float64").fit(X)
    (w0, b0, c0), (w1, b1, c1) = machines_of(model)
    flat = X.reshape(90, 12)
    top = expit(expit(flat @ w0.T + c0) @ w1.T + c1)
    np.testing.assert_allclose(model.transform(X), top, atol=1e-12)
    np.testing.assert_allclose(
        model.inverse_transform(top), expit(expit(top @ w1 + b1) @ w0 + b0).reshape(90, 6, 2), atol=1e-12
    )
    assert model.n_iter_ == 40 and len(model.loss_curve_) == 40 and model.visible_ == "bernoulli"


def test_the_first_layer_is_the_machine_alone():
    """With the same seeds; the one above is trained on its hidden units."""
    deep = DBN(**SMALL, max_epochs=5).fit(X)
    flat = RBM(n_components=8, max_epochs=5, random_state=0).fit(X)
    assert deep.loss_curve_[:5] == pytest.approx(flat.loss_curve_, rel=0.2)
    one = DBN(hidden_layer_sizes=[8], max_epochs=5, random_state=0).fit(X)
    np.testing.assert_array_equal(one.transform(X), flat.transform(X))


def test_one_layer_scores_exactly_and_more_give_a_lower_bound():
    one = DBN(hidden_layer_sizes=(4,), max_epochs=100, lr=0.2, dtype="float64", random_state=0).fit(BITS)
    ((w, b, c),) = machines_of(one)
    log_z = logsumexp(states(6) @ b + np.logaddexp(0, states(6) @ w.T + c).sum(axis=1))
    np.testing.assert_allclose(
        one.score_samples(BITS, log_partition=log_z),
        BITS @ b + np.logaddexp(0, BITS @ w.T + c).sum(axis=1) - log_z,
        atol=1e-9,
    )
    two = DBN(hidden_layer_sizes=(5, 3), max_epochs=100, lr=0.2, dtype="float64", random_state=0).fit(BITS)
    (w0, b0, _), (w1, b1, c1) = machines_of(two)
    h = states(5)
    log_h = h @ b1 + np.logaddexp(0, h @ w1.T + c1).sum(axis=1)
    log_z = logsumexp(log_h)
    total = h @ w0 + b0
    log_v_h = BITS @ total.T - np.logaddexp(0, total).sum(axis=1)
    exact = logsumexp(log_v_h + log_h - log_z, axis=1)
    found = two.score_samples(BITS, log_partition=log_z, n_draws=400)
    assert (found <= exact + 0.3).all() and found.mean() <= exact.mean() + 0.02  # 400 draws
    assert found.mean() > exact.mean() - 2
    assert abs(two.log_partition(200, 500) - log_z) < 0.1


def test_samples_have_the_distribution_of_the_network():
    model = DBN(hidden_layer_sizes=(5, 3), max_epochs=100, lr=0.2, dtype="float64", random_state=0).fit(BITS)
    (w0, b0, _), (w1, b1, c1) = machines_of(model)
    h = states(5)
    log_h = h @ b1 + np.logaddexp(0, h @ w1.T + c1).sum(axis=1)
    means = np.exp(log_h - logsumexp(log_h)) @ expit(h @ w0 + b0)
    drawn = model.sample(8000, n_steps=60, random_state=0)
    np.testing.assert_allclose(drawn.mean(axis=0), means, atol=0.03)
    np.testing.assert_array_equal(drawn[:10], model.sample(8000, n_steps=60, random_state=0)[:10])


# -- fine-tuning -------------------------------------------------------------------------------------------------------


def body_of(model):
    return [p.detach().numpy().copy() for p in model.module_.body.parameters()]


def test_fine_tuning_begins_with_the_machines():
    """With a step size of next to nothing the body stays where the machines of the same data ended."""
    model = make(max_epochs=1, lr=1e-12).fit(X, Y)
    again = make(max_epochs=1, lr=1e-12).pretrain(X).fit(X, Y)
    assert again.pretrained_body_.keys() >= {"body.layers.0.weight", "body.layers.1.bias", "scaling.shift", "longest"}
    for name, own in again.module_.body.state_dict().items():
        np.testing.assert_allclose(own, again.pretrained_body_[f"body.{name}"], atol=1e-6)
    fresh = make(max_epochs=1, lr=1e-12, pretrain_epochs=0).fit(X, Y)
    assert np.abs(body_of(fresh)[0] - body_of(model)[0]).max() > 0.1
    assert [len(curve) for curve in model.layer_loss_curves_] == [3, 3]
    assert not hasattr(fresh, "layer_loss_curves_")


def test_outputs_by_hand_for_shorter_sequences():
    ragged = [x[: 6 - i % 3] for i, x in enumerate(X)]
    model = make(dtype="float64").fit(ragged, Y)
    state = {name: t.numpy() for name, t in model.module_.state_dict().items()}
    hidden = np.stack([np.pad(x, ((0, 6 - len(x)), (0, 0))).ravel() for x in ragged])
    for i in range(2):
        hidden = expit(hidden @ state[f"body.layers.{i}.weight"].T + state[f"body.layers.{i}.bias"])
    logits = hidden @ state["head.weight"].T + state["head.bias"]
    np.testing.assert_allclose(model.decision_function(ragged), logits, atol=1e-10)


@pytest.mark.parametrize(("shift", "visible"), [(0.0, "bernoulli"), (5.0, "gaussian")])
def test_kind_of_units_follows_the_data(shift, visible):
    model = make(max_epochs=40, dropout=0.0, lr=1e-2).fit(X + shift, Y)
    assert model.visible_ == visible and model.score(X + shift, Y) > 0.9
    factor = model.module_.scaling.factor.numpy()
    assert (factor == 1).all() == (visible == "bernoulli")


def test_rows_without_a_label_are_learnt_of_and_no_class():
    y = Y.copy()
    y[30:] = -1
    model = make(max_epochs=1, lr=1e-12).fit(X, y)
    assert model.classes_.tolist() == [0, 1, 2]
    labelled = make(max_epochs=1, lr=1e-12).fit(X[:30], Y[:30])
    assert np.abs(body_of(model)[0] - body_of(labelled)[0]).max() > 1e-3  # it saw other rows
    tuned = make(max_epochs=40, dropout=0.0, lr=1e-2).fit(X, y)
    assert tuned.score(X[30:], Y[30:]) > 0.8
    order = RNG.permutation(90)
    np.testing.assert_array_equal(make().fit(X[order], y[order]).predict_proba(X), make().fit(X, y).predict_proba(X))
    weight = RNG.integers(1, 3, size=90)
    copies = make().fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_array_equal(make().fit(X, y, sample_weight=weight).predict_proba(X), copies.predict_proba(X))
    balanced = make(class_weight="balanced").fit(X[Y < 2], np.where(y < 2, y, 0)[Y < 2])
    assert balanced.classes_.tolist() == [0, 1]


def test_numbers_that_are_missing_are_rows_without_a_target():
    y = X.mean(axis=(1, 2))
    some = np.where(np.arange(90) < 45, y, np.nan)
    model = make(DBNRegressor, max_epochs=60, dropout=0.0, lr=1e-2).fit(X, some)
    assert model.score(X[45:], y[45:]) > 0.5
    two = make(DBNRegressor).fit(X, np.stack([some, some], axis=1))
    assert two.predict(X[:4]).shape == (4, 2)
    part = np.stack([some, y], axis=1)
    with pytest.raises(
        ValueError, match=r"^Input y contains NaN: y\[45\] has some of its 2 numbers; wanted all, or none"
    ):
        make(DBNRegressor).fit(X, part)
    with pytest.raises(ValueError, match=r"^Input y contains NaN in all 90 rows"):
        make(DBNRegressor).fit(X, np.full(90, np.nan))


def test_minus_one_beside_one_label_or_named_is_a_class():
    signs = np.where(Y, 1, -1)
    assert make().fit(X, signs).classes_.tolist() == [-1, 1]
    named = make().partial_fit(X, Y - 1, classes=[-1, 0, 1]).partial_fit(X, Y - 1)
    assert named.predict_proba(X).shape == (90, 3)
    model = make(warm_start=True).fit(X, signs)
    assert model.fit(X, signs).classes_.tolist() == [-1, 1]
    with pytest.raises(ValueError, match=r"y is -1 in all 90 rows"):
        make().fit(X, np.full(90, -1))
    assert make().fit(X, np.where(Y, "-1", "1")).classes_.tolist() == ["-1", "1"]  # text has no such mark


def test_minus_one_beside_another_label_is_told():
    with pytest.warns(UserWarning, match=r"^y holds -1 and 0 alone, so -1 is read as a class"):
        assert make(pretrain_epochs=0, max_epochs=1).fit(X, np.where(Y, 0, -1)).classes_.tolist() == [-1, 0]


def test_kind_of_units_is_known_after_pretraining():
    assert make().pretrain(X, max_epochs=1).fit(X, Y).visible_ == "bernoulli"
    assert make().pretrain(X + 5, max_epochs=1).fit(X + 5, Y).visible_ == "gaussian"
    with pytest.raises(ValueError, match=r"visible='bernoulli' wants them in \[0, 1\]"):
        make(visible="bernoulli").pretrain(X, max_epochs=1).fit(X + 5, Y)


def test_no_parameter_speaks_of_text_which_is_refused():
    for cls in (DBNClassifier, DBNRegressor, DBNForecaster):
        assert not {"embedding_size", "token_dropout"} & cls().get_params().keys()


def test_partial_fit_leaves_rows_without_a_label_out():
    y = Y.copy()
    y[30:] = -1
    one = make().partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y)
    other = make().partial_fit(X[:30], Y[:30], classes=[0, 1, 2]).partial_fit(X[:30], Y[:30])
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def test_early_stopping_and_ensembles_go_with_rows_without_a_label():
    y = Y.copy()
    y[60:] = -1
    model = make(early_stopping=True, validation_fraction=0.3, max_epochs=6).fit(X, y)
    assert len(model.validation_scores_) == model.n_iter_
    ensemble = DeepEnsembleClassifier(make(), n_estimators=2, random_state=0).fit(X, y)
    assert ensemble.predict(X).shape == (90,)


def test_a_body_goes_on_by_its_file(tmp_path):
    path = str(tmp_path / "body.safetensors")
    make().pretrain(X, max_epochs=2, lr=0.02).save_body(path)
    model = make(body=path).fit(X, Y)
    regressor = make(DBNRegressor, body=path).fit(X[:, :4], X.mean(axis=(1, 2)))
    assert regressor.predict(X).shape == (90,)  # of up to as many steps as in pre-training
    save(model, tmp_path / "model.zip")
    np.testing.assert_array_equal(load(tmp_path / "model.zip").predict_proba(X), model.predict_proba(X))
    with pytest.raises(
        ValueError, match=r"90 sequences x 12 timesteps x 2 features, but DBNClassifier was fitted on sequences of 6"
    ):
        make(body=path).fit(np.concatenate([X, X], axis=1), Y)


def test_augmented_pictures_and_gaps_are_read():
    assert make(augment={"affine": 0.5}, max_epochs=40, dropout=0.0, lr=1e-2).fit(X, Y).score(X, Y) > 0.6
    gaps = np.where(RNG.random(X.shape) < 0.1, np.nan, X)
    assert make(missing="mask", max_epochs=40, dropout=0.0, lr=1e-2).fit(gaps, Y).score(gaps, Y) > 0.8


def test_forecaster_begins_with_machines_of_its_windows():
    table = np.sin(np.arange(300) / 5)[:, None] + 0.1 * RNG.normal(size=(300, 2))
    model = make(DBNForecaster, lookback=16, horizon=4).fit(table[:250])
    assert [len(curve) for curve in model.layer_loss_curves_] == [3, 3]
    assert model.layer_loss_curves_[0][-1] < 0.8 * model.layer_loss_curves_[0][0]
    assert model.score(table[250:]) > 0.8
    still = make(DBNForecaster, lookback=16, horizon=4, max_epochs=1, lr=1e-12).fit(table)
    fresh = make(DBNForecaster, lookback=16, horizon=4, max_epochs=1, lr=1e-12, pretrain_epochs=0).fit(table)
    assert np.abs(body_of(still)[0] - body_of(fresh)[0]).max() > 0.1
    assert not hasattr(fresh, "layer_loss_curves_")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: make(hidden_layer_sizes=()).fit(X, Y),
            r"hidden_layer_sizes=\(\); wanted one whole number, 1 or more, for each",
        ),
        (lambda: make(hidden_layer_sizes=(8, 0)).fit(X, Y), r"hidden_layer_sizes=\(8, 0\); wanted one whole number"),
        (lambda: make(DBN, hidden_layer_sizes=["a"]).fit(X), r"hidden_layer_sizes=\['a'\]; wanted one whole number"),
        (
            lambda: make(visible="bernoulli").fit(3 * X, Y),
            r"X has values from .*visible='bernoulli' wants them in \[0, 1\]",
        ),
        (
            lambda: make().fit(X, Y).predict(np.concatenate([X, X], axis=1)),
            r"12 timesteps.*fitted on sequences of 6 timesteps at most",
        ),
        (lambda: make().pretrain(X, max_epochs=0), r"pretrain got max_epochs=0; wanted a whole number, 1 or more"),
        (lambda: DBN(**SMALL, max_epochs=1).fit(X).score_samples(X, n_draws=0), r"n_draws=0; wanted a whole number"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_receptive_fields_are_the_weights():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    model = RBM(n_components=5, max_epochs=2, random_state=0).fit(X)
    display = ReceptiveFieldsDisplay.from_estimator(model, n_fields=3)
    weights = model.module_.machines[0].weight.detach().numpy().reshape(5, 6, 2)
    np.testing.assert_allclose(display.fields, weights[display.units])
    strength = (weights**2).sum(axis=(1, 2))
    assert strength[display.units].min() >= np.delete(strength, display.units).max()
    np.testing.assert_allclose(display.images_[1].get_array(), display.fields[1])
    deep = make(pretrain_epochs=1, max_epochs=1).fit(X.reshape(90, 12), Y)
    lines = ReceptiveFieldsDisplay.from_estimator(deep, layer=1)
    low, high = (layer.weight.detach().numpy() for layer in deep.module_.body.layers)
    np.testing.assert_allclose(lines.lines_[0].get_ydata(), (high @ low)[0], atol=1e-6)
    pictures = ReceptiveFieldsDisplay.from_estimator(deep, picture_shape=(3, 4), n_fields=2)
    assert pictures.fields.shape == (2, 3, 4)
    _, axes = plt.subplots(1, 2)
    assert pictures.plot(axes).axes_[1] is axes[1]
    for given, message in [
        ({"layer": 2}, r"layer=2, but this DBNClassifier has 2"),
        ({"picture_shape": (5, 5)}, r"picture_shape=\(5, 5\) does not hold 12 visible units"),
        ({"n_fields": 0}, r"n_fields=0; wanted a whole number, 1 or more"),
        ({"ax": axes, "n_fields": 3}, r"ax holds 2 axes; wanted 3, one a field"),
    ]:
        with pytest.raises(ValueError, match=message):
            ReceptiveFieldsDisplay.from_estimator(deep, **given)
    with pytest.raises(ValueError, match=r"DBN has no layers over whole sequences to draw; wanted a fitted RBM"):
        ReceptiveFieldsDisplay.from_estimator(DBN())
    plt.close("all")


def test_machines_take_sparse_units_too():
    model = DBN(**SMALL, max_epochs=30, sparsity_target=0.05, sparsity_cost=1.0).fit(X)
    assert isinstance(model.module_, torch.nn.Module) and model.transform(X).mean() < 0.25
