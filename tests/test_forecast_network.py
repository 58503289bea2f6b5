"""Forecasts by trained networks."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

import sklearn_seq
from sklearn_seq import (
    CNNForecaster,
    DeepEnsembleForecaster,
    DLinearForecaster,
    GRUForecaster,
    GRURegressor,
    LinearForecaster,
    LSTMForecaster,
    MixerForecaster,
    NLinearForecaster,
    RNNForecaster,
    TransformerForecaster,
)
from sklearn_seq.layers.horizon import HorizonShape
from sklearn_seq.layers.mixing import Decomposition, FlatPool
from sklearn_seq.tasks.forecast_network import ForecastLoss
from sklearn_seq.training.window_ridge import WindowRidge

SMALL = {"lookback": 12, "horizon": 4, "hidden_size": 6, "max_epochs": 2, "n_threads": 1, "random_state": 0}


def waves(n=160, n_columns=2, seed=0):
    rng = np.random.default_rng(seed)
    t = np.arange(n)[:, None]
    return np.sin(t / 3 + np.arange(n_columns)) * (1 + np.arange(n_columns)) + 0.1 * rng.normal(size=(n, n_columns)) + 5


def windows_of(table, lookback, horizon):
    origins = np.arange(lookback, len(table) - horizon + 1)
    return (
        np.stack([table[o - lookback : o] for o in origins]),
        np.stack([table[o : o + horizon] for o in origins]),
    )


# -- what is computed ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("normalize", ["standard", "last", "none"])
def test_the_answer_is_that_of_torchs_layer_stepped_by_hand(normalize):
    X = waves()
    model = LSTMForecaster(**SMALL, normalize=normalize, linear="none", pooling="last").fit(X[:120])
    lookback, net = model.lookback_, model.module_
    past = X[120 - lookback : 120]
    mean, deviation = X[:120].mean(axis=0), X[:120].std(axis=0)
    lstm = torch.nn.LSTM(1, 6, batch_first=True)
    of_layer = {name.rpartition(".")[2]: value for name, value in net.body.state_dict().items()}
    lstm.load_state_dict({name: of_layer[name] for name in lstm.state_dict()})
    wanted = []
    for k in range(2):
        x = (past[:, k] - mean[k]) / deviation[k]
        shift = {"standard": x.mean(), "last": x[-1], "none": 0.0}[normalize]
        scale = np.sqrt(x.var() + 1e-6) if normalize == "standard" else 1.0
        inputs = torch.tensor(((x - shift) / scale)[None, :, None], dtype=torch.float32)
        hidden = lstm(inputs)[0][0, -1]
        found = (net.head.weight @ hidden + net.head.bias).detach().numpy()
        wanted.append((found * scale + shift) * deviation[k] + mean[k])
    np.testing.assert_allclose(model.forecast(), np.stack(wanted, axis=1), rtol=1e-4)


def test_nlinear_is_least_squares_on_windows_less_their_last_value():
    rng = np.random.default_rng(1)
    x = np.zeros(400)
    for i in range(2, 400):
        x[i] = 1.6 * x[i - 1] - 0.8 * x[i - 2] + 0.1 * rng.normal()
    model = NLinearForecaster(
        lookback=6, horizon=3, max_epochs=150, lr=0.02, weight_decay=0.0, batch_size=32, random_state=0
    )
    model.fit(x[:, None])
    scaled = (x - x.mean()) / x.std()
    past, truth = windows_of(scaled, 6, 3)
    last = past[:, -1:]
    oracle = LinearRegression().fit(past - last, truth - last)
    wanted = (oracle.predict((past - last)[-1:]) + last[-1:]) * x.std() + x.mean()
    found = model.rolling_forecast(x[:, None])[-1]
    np.testing.assert_allclose(found, wanted[0], atol=0.02 * x.std())


def test_dlinear_splits_a_window_into_its_moving_mean_and_the_rest():
    x = torch.arange(10.0)[None, :, None] ** 2
    found, _, _ = Decomposition(1, 10, 3)(x, None)
    padded = np.concatenate([[0.0], np.arange(10.0) ** 2, [81.0]])
    mean = np.convolve(padded, np.full(3, 1 / 3), "valid")
    np.testing.assert_allclose(found[0, :, 0].numpy(), mean, rtol=1e-5)
    np.testing.assert_allclose(found.sum(dim=2).numpy(), x[..., 0].numpy(), rtol=1e-5)
    assert FlatPool(10, 2)(found, None).shape == (1, FlatPool(10, 2).out_features)


@pytest.mark.parametrize("cls", [GRUForecaster, MixerForecaster, TransformerForecaster])
def test_a_network_beside_a_solved_map_begins_as_that_map(cls):
    X = waves()
    model = cls(lookback=12, horizon=4, max_epochs=1, lr=1e-12, weight_decay=0.0, random_state=0, linear="ridge").fit(X)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    found = WindowRidge(4, [12], shifts=("last", "mean")).fit(scaled, np.array([0]), np.array([len(X)]))
    wanted = np.stack([found.predict(scaled[-12:, k][None])[0] for k in range(2)], axis=1) * X.std(axis=0) + X.mean(
        axis=0
    )
    np.testing.assert_allclose(model.forecast(), wanted, rtol=1e-4)


def test_targets_read_by_themselves_do_not_read_each_other():
    X = waves(n_columns=3)
    model = GRUForecaster(**SMALL).fit(X[:130])
    other = X[130:].copy()
    other[:, 1:] += 100.0
    np.testing.assert_array_equal(model.predict(X[130:])[:, 0], model.predict(other)[:, 0])
    joint = GRUForecaster(**SMALL, channels="joint", normalize="last", linear="none").fit(X[:130])
    other = X[130:].copy()
    other[:2, 1] += 1.0
    assert (joint.predict(X[130:])[4:, 0] != joint.predict(other)[4:, 0]).any()


@pytest.mark.parametrize("cls", [GRUForecaster, CNNForecaster, DLinearForecaster])
def test_another_unit_gives_the_same_forecasts_in_that_unit(cls):
    X = waves()
    params = {name: value for name, value in SMALL.items() if name in cls().get_params()}
    one, other = cls(**params).fit(X[:120]), cls(**params).fit(1000.0 * X[:120] - 70.0)
    np.testing.assert_allclose(
        1000.0 * one.predict(X[120:]) - 70.0,
        other.predict(1000.0 * X[120:] - 70.0),
        rtol=5e-3 if cls is CNNForecaster else 1e-4,
    )


def test_float32_is_read_without_a_scaled_copy_and_gives_the_same():
    X = waves().astype(np.float32)
    of32, of64 = GRUForecaster(**SMALL).fit(X[:120]), GRUForecaster(**SMALL).fit(X[:120].astype(np.float64))
    assert of32._table["inside"] and not of64._table["inside"]
    np.testing.assert_allclose(of32.predict(X[120:]), of64.predict(X[120:].astype(np.float64)), rtol=1e-3)


# -- losses ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["squared_error", "absolute_error", "huber", "gaussian", "quantile"])
@pytest.mark.parametrize("marked", [False, True])
def test_losses_are_those_of_the_definition_over_what_is_known(kind, marked):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(30, 4)).astype(np.float32)
    table[:, 2:] = 0.0
    if marked:
        table[7, 2], table[9, 3] = 1.0, 1.0
    levels = (0.1, 0.5, 0.9) if kind == "quantile" else ()
    numbers = {"gaussian": 2, "quantile": 3}.get(kind, 1)
    shape = HorizonShape(5, 3, (0, 1), (0, 1), (), (), (), 0, "point", numbers, "none", True)
    mean, deviation = np.array([0.5, -1.0]), np.array([2.0, 3.0])
    loss = ForecastLoss(kind, shape, levels, table, (mean, deviation), (2, 3) if marked else ())
    rows = np.array([6, 20, 8])
    output = rng.normal(size=(3, 3 * 2 * numbers)).astype(np.float32)
    found = loss(torch.from_numpy(output), torch.from_numpy(rows)).numpy()
    for i, row in enumerate(rows):
        truth = (table[row : row + 3, :2] - mean) / deviation
        said = output[i].reshape(3, 2, numbers)
        error = truth - said[..., 0]
        each = {
            "squared_error": error**2,
            "absolute_error": np.abs(error),
            "huber": np.where(np.abs(error) < 1, error**2 / 2, np.abs(error) - 0.5),
        }.get(kind)
        if kind == "gaussian":
            each = said[..., 1] + error**2 / (2 * np.exp(2 * said[..., 1]))
        if kind == "quantile":
            apart = truth[..., None] - said
            each = np.maximum(np.array(levels) * apart, (np.array(levels) - 1) * apart).mean(axis=-1)
        there = table[row : row + 3, 2:] == 0
        np.testing.assert_allclose(found[i], each[there].mean(), rtol=1e-5)


def test_quantiles_rise_and_are_those_of_the_noise():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1500, 1))
    model = NLinearForecaster(
        lookback=4,
        horizon=2,
        loss="quantile",
        quantiles=(0.1, 0.5, 0.9),
        normalize="none",
        max_epochs=30,
        random_state=0,
    ).fit(x)
    found = model.predict_quantiles(x[:200], quantiles=(0.1, 0.5, 0.9))
    assert (np.diff(found, axis=1) > 0).all()
    np.testing.assert_allclose(found.mean(axis=0), [-1.28, 0.0, 1.28], atol=0.2)
    np.testing.assert_array_equal(model.predict(x[:200]), found[:, 1])
    ends = model.predict_interval(x[:200], coverage=0.8)
    np.testing.assert_array_equal(ends, found[:, [0, 2]])
    with pytest.raises(ValueError, match=r"the quantile 0\.3 was not fitted; wanted some of 0\.1, 0\.5, 0\.9"):
        model.predict_quantiles(x[:200], quantiles=[0.3])


def test_quantiles_asked_for_are_by_default_those_fitted():
    X = waves(60, 1)
    quarters = NLinearForecaster(lookback=4, max_epochs=1, loss="quantile", quantiles=(0.25, 0.75), random_state=0).fit(
        X
    )
    np.testing.assert_array_equal(quarters.predict_quantiles(X), quarters.predict_quantiles(X, [0.25, 0.75]))
    gaussian = NLinearForecaster(lookback=4, max_epochs=1, loss="gaussian", random_state=0).fit(X)
    np.testing.assert_array_equal(gaussian.predict_quantiles(X), gaussian.predict_quantiles(X, [0.1, 0.5, 0.9]))


def test_a_gaussian_head_learns_the_deviation():
    rng = np.random.default_rng(0)
    x = 3.0 + 2.0 * rng.normal(size=(1500, 1))
    model = NLinearForecaster(
        lookback=4, horizon=2, loss="gaussian", normalize="none", max_epochs=30, random_state=0
    ).fit(x)
    mean, std = model.predict(x[:100], return_std=True)
    assert abs(mean.mean() - 3.0) < 0.3
    assert abs(std.mean() - 2.0) < 0.2
    np.testing.assert_allclose(model.predict_interval(x[:100], coverage=0.6827)[:, 1] - mean, std, rtol=1e-3)
    with pytest.raises(ValueError, match="return_std=True needs a model with a deviation"):
        NLinearForecaster(lookback=4).fit(x[:50]).predict(x[:5], return_std=True)


# -- fitting ---------------------------------------------------------------------------------------------------------------


def test_what_is_missing_is_not_learnt():
    X = waves(n_columns=1)
    holes = X[:120].copy()
    holes[40:60] = np.nan
    model = GRUForecaster(**SMALL, missing="mask", linear="none").fit(holes)
    assert np.isfinite(model.predict(X[120:])).all()
    rows = model.read_targets(np.where(np.arange(40)[:, None] == 3, np.nan, X[120:]))
    assert np.isnan(rows[3]) and np.isfinite(np.delete(rows, 3)).all()
    with pytest.raises(ValueError, match=r"Input X contains NaN: row 40, column 0"):
        GRUForecaster(**SMALL).fit(holes)


def test_early_stopping_scores_each_step_where_its_truth_is_known():
    X = waves(120)
    X[::2, 0] = X[1::2, 1] = np.nan  # no origin knows all that follows it
    model = GRUForecaster(**SMALL, missing="mask", early_stopping=True, validation_fraction=0.3).fit(X)
    assert model.validation_scores_[0] > 0.5


def test_early_stopping_holds_out_the_last_origins_and_nothing_trained_on_reaches_them():
    X = waves(200, 1)
    params = SMALL | {"early_stopping": True, "validation_fraction": 0.25, "linear": "none", "max_epochs": 3}
    model = GRUForecaster(**params).fit(X)
    assert len(model.validation_scores_) == model.n_iter_
    assert model.best_epoch_ == int(np.argmax(model.validation_scores_)) + 1
    n_origins = 200 - 12 - 4 + 1
    first = 12 + n_origins - int(np.ceil(n_origins * 0.25))  # the first row that is validated on
    other = X.copy()
    other[first:] = np.roll(other[first:], 1)  # of the same mean and deviation
    params["max_epochs"] = 1
    one, two = GRUForecaster(**params).fit(X), GRUForecaster(**params).fit(other)
    np.testing.assert_allclose(one.loss_curve_, two.loss_curve_, rtol=1e-5)
    assert one.validation_scores_ != two.validation_scores_


def test_no_forecaster_has_a_parameter_for_the_scaling_that_it_always_does():
    for name in ("GRUForecaster", "DBNForecaster", "VAEForecaster"):
        cls = getattr(sklearn_seq, name)
        assert "standardize" not in cls().get_params()
        with pytest.raises(TypeError, match="standardize"):
            cls(standardize=False)


def test_warm_start_goes_on():
    X = waves()
    model = GRUForecaster(**SMALL, warm_start=True).fit(X[:120])
    before = model.loss_curve_
    model.fit(X[:130])
    assert model.loss_curve_[:2] == before and len(model.loss_curve_) == 4
    with pytest.raises(ValueError, match="same series and columns"):
        model.fit(X[:120, :1])
    with pytest.raises(ValueError, match="hidden_size was changed"):
        model.set_params(hidden_size=9).fit(X[:120])


def test_augmentations_that_would_falsify_the_truth_are_refused():
    X = waves()
    GRUForecaster(**SMALL, augment="jitter").fit(X)
    with pytest.raises(ValueError, match="what follows them is no longer true; wanted some of 'jitter', 'mask'"):
        GRUForecaster(**SMALL, augment=["jitter", "warp"]).fit(X)


def test_a_body_from_a_file_is_begun_with(tmp_path):
    X = waves(n_columns=1)
    sequences = np.random.default_rng(0).normal(size=(40, 12, 1))
    other = GRURegressor(hidden_size=6, max_epochs=2, random_state=1).fit(sequences, sequences[:, -1, 0])
    other.save_body(tmp_path / "body.safetensors")
    params = SMALL | {"lr": 1e-12, "weight_decay": 0.0, "max_epochs": 1}
    model = GRUForecaster(**params, body=str(tmp_path / "body.safetensors")).fit(X)
    for name, value in other.module_.body.state_dict().items():
        np.testing.assert_allclose(model.module_.body.state_dict()[name], value, atol=1e-6)
    with pytest.raises(ValueError, match="does not fit this GRUForecaster"):
        GRUForecaster(**params | {"hidden_size": 7}, body=str(tmp_path / "body.safetensors")).fit(X)


@pytest.mark.parametrize("cls", [RNNForecaster, MixerForecaster])
def test_candidates_trained_as_one_have_the_bits_they_have_alone(cls):
    params = {name: value for name, value in SMALL.items() if name in cls().get_params()}
    search = GridSearchCV(cls(**params), {"lr": [1e-3, 1e-2]}, cv=TimeSeriesSplit(2))
    alone = clone(search).fit(waves())
    with sklearn_seq.joint_training():
        joint = clone(search).fit(waves())
    np.testing.assert_array_equal(alone.cv_results_["mean_test_score"], joint.cv_results_["mean_test_score"])


# -- ensembles -------------------------------------------------------------------------------------------------------------


def test_an_ensemble_is_the_mean_of_its_members_and_its_variance_theirs_and_between_them():
    X = waves()
    member = GRUForecaster(**SMALL | {"random_state": None}, loss="gaussian")
    model = DeepEnsembleForecaster(member, n_estimators=3, random_state=0).fit(X[:120])
    seeds = np.random.RandomState(0).randint(2**31 - 1, size=3)
    alone = [clone(member).set_params(random_state=int(seed)).fit(X[:120]) for seed in seeds]
    means, stds = zip(*(one.predict(X[120:], return_std=True) for one in alone), strict=True)
    mean, std = model.predict(X[120:], return_std=True)
    np.testing.assert_allclose(mean, np.mean(means, axis=0), rtol=1e-6)
    np.testing.assert_allclose(std**2, np.var(means, axis=0) + np.mean(np.square(stds), axis=0), rtol=1e-5)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X[120:]), mean)
    assert model.horizon == 4 and model.score(X[120:]) <= 1.0


def test_an_ensemble_wants_members_that_chance_tells_apart():
    with pytest.raises(TypeError, match="wanted a forecaster that is trained"):
        DeepEnsembleForecaster(LinearForecaster()).fit(waves())


def test_how_far_members_are_apart_is_no_interval():
    X = waves(60, 1)
    member = NLinearForecaster(lookback=8, horizon=2, max_epochs=1)
    model = DeepEnsembleForecaster(member, n_estimators=2, random_state=0).fit(X)
    assert (model.predict(X, return_std=True)[1] > 0).all()
    for ask in (model.predict_interval, model.predict_quantiles, model.rolling_interval):
        with pytest.raises(ValueError, match=r"^this DeepEnsembleForecaster was fitted without calibration_fraction"):
            ask(X)


def test_an_ensemble_of_quantiles_says_the_mean_of_its_members():
    X = waves(60, 1)
    member = NLinearForecaster(lookback=8, horizon=2, max_epochs=1, loss="quantile", quantiles=(0.05, 0.5, 0.95))
    model = DeepEnsembleForecaster(member, n_estimators=2, random_state=0).fit(X[:50])
    seeds = np.random.RandomState(0).randint(2**31 - 1, size=2)
    alone = [clone(member).set_params(random_state=int(seed)).fit(X[:50]) for seed in seeds]
    wanted = np.mean([one.predict_quantiles(X[50:]) for one in alone], axis=0)
    np.testing.assert_allclose(model.predict_quantiles(X[50:]), wanted, rtol=1e-6)
    np.testing.assert_allclose(model.predict_interval(X[50:], coverage=0.9), wanted[:, [0, 2]], rtol=1e-6)
    np.testing.assert_allclose(model.predict(X[50:]), wanted[:, 1], rtol=1e-6)
    with pytest.raises(ValueError, match=r"^the quantile 0\.1 was not fitted"):
        model.predict_interval(X[50:], coverage=0.8)


def test_quantiles_of_a_calibrated_ensemble_are_those_of_its_errors():
    X = np.random.default_rng(0).normal(size=(400, 1))
    member = NLinearForecaster(lookback=4, max_epochs=2)
    model = DeepEnsembleForecaster(member, n_estimators=2, calibration_fraction=0.5, random_state=0).fit(X[:300])
    low, high = model.predict_quantiles(X[300:], [0.1, 0.9]).T
    assert 0.7 <= np.mean((low <= X[300:, 0]) & (X[300:, 0] <= high)) <= 0.9


def test_what_members_would_not_read_is_refused():
    member = NLinearForecaster(lookback=8, calibration_fraction=0.2)
    with pytest.raises(
        ValueError, match=r"^estimator has calibration_fraction=0\.2, which members do not read; wanted it on"
    ):
        DeepEnsembleForecaster(member).fit(waves())


def test_an_ensemble_is_calibrated():
    X = waves(300, 1)
    member = NLinearForecaster(lookback=8, horizon=2, max_epochs=3)
    model = DeepEnsembleForecaster(member, n_estimators=2, calibration_fraction=0.3, random_state=0).fit(X[:240])
    ends = model.predict_interval(X[240:], coverage=0.8)
    covered = np.mean((ends[:, 0] <= X[240:, 0]) & (X[240:, 0] <= ends[:, 1]))
    assert 0.6 <= covered <= 0.95
