"""Variational autoencoders: bounds against closed forms, decoders of any family, gaps, and rows without targets."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from scipy.stats import multivariate_normal, norm
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning

import sklearn_seq
from sklearn_seq import (
    CNNClassifier,
    DeepEnsembleClassifier,
    GRUClassifier,
    LatentSpaceDisplay,
    ReconstructionDisplay,
    Sequences,
    SequenceVAE,
    SlidingWindow,
    TCNClassifier,
    TransformerClassifier,
    VAEClassifier,
    VAEForecaster,
    VAERegressor,
)
from sklearn_seq.ensemble import members
from sklearn_seq.layers.decoders import LatentDecoder, PlacePool, Places, Pointwise
from sklearn_seq.layers.likelihoods import Bernoulli, Categorical, CodeInput, Gaussian
from sklearn_seq.layers.scaling import InputScaling
from sklearn_seq.layers.variational import Bounds, HideStretches, VariationalNetwork, fixed_noise, kl_to_standard
from sklearn_seq.tasks.latent import _carried

RNG = np.random.default_rng(0)
X3 = RNG.normal(size=(40, 9, 2)).cumsum(axis=1)
RAGGED = [RNG.normal(size=(n, 2)).cumsum(axis=0) for n in RNG.integers(4, 12, size=40)]
SMALL = {"hidden_size": 8, "latent_size": 3, "n_waves": 4, "max_epochs": 3, "random_state": 0}


def make(**params):
    return SequenceVAE(**SMALL | params)


# -- bounds --------------------------------------------------------------------------------------------------------------


def test_divergence_is_that_of_torch():
    mean, log_variance = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    own = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    standard = torch.distributions.Normal(torch.zeros(()).double(), 1.0)
    wanted = torch.distributions.kl_divergence(own, standard)
    torch.testing.assert_close(kl_to_standard(mean, log_variance), wanted)


class _Flat(torch.nn.Module):
    """A body and a pooling that leave one step as it is, and a decoder that gives the latent vector."""

    def __init__(self, size):
        super().__init__()
        self.out_features = size

    def forward(self, x, mask=None, memory=None, **rest):
        return (x, mask, None) if memory is None else memory


class _First(_Flat):
    def forward(self, hidden, mask):
        return hidden[:, 0]


def linear_gaussian(exact=True):
    """x = W z + mean + noise, whose posterior is a diagonal normal since the columns of W are orthogonal."""
    W = np.linalg.qr(RNG.normal(size=(5, 2)))[0] * [2.0, 0.7]
    mean, deviation = RNG.normal(size=5), 0.6
    scaling = InputScaling(5)
    scaling.set_statistics(torch.full((5,), 1.5), torch.full((5,), 2.0))  # the data's own units are others
    likelihood = Gaussian(2, 5, scaling, "feature")
    network = VariationalNetwork(scaling, _Flat(5), _First(5), 2, _Flat(2), likelihood).double().eval()
    precision = 1.0 + (W**2).sum(axis=0) / deviation**2
    with torch.no_grad():
        likelihood.head.weight.copy_(torch.tensor(W))
        likelihood.head.bias.copy_(torch.tensor(mean))
        likelihood.log_deviation.fill_(np.log(deviation))
        rows = (W / precision / deviation**2).T
        network.to_latent.weight.zero_()[:2] = torch.tensor(rows)
        network.to_latent.bias[:2] = torch.tensor(-rows @ mean)
        network.to_latent.bias[2:] = torch.tensor(-np.log(precision)) + (0.0 if exact else 0.5)
    x = (mean + RNG.normal(size=(20, 2)) @ W.T + deviation * RNG.normal(size=(20, 5))) * 2.0 + 1.5
    covariance = 4.0 * (W @ W.T + deviation**2 * np.eye(5))
    return network, x, multivariate_normal(mean * 2.0 + 1.5, covariance).logpdf(x)


def bounds_of(network, x, noise):
    with torch.inference_mode():
        return Bounds(network, noise)(torch.tensor(x)[:, None], None).numpy()


def test_bound_of_a_linear_gaussian_model_is_its_likelihood():
    """With the exact posterior both bounds are log p(x), whatever is drawn."""
    network, x, wanted = linear_gaussian()
    for n_draws in (1, 7):
        found = bounds_of(network, x, fixed_noise(n_draws, 2))
        np.testing.assert_allclose(found, np.stack([wanted, wanted], axis=1), atol=1e-9)


def test_bound_in_training_is_the_closed_form_in_the_mean_of_its_draws():
    network, x, wanted = linear_gaussian()
    network.train()
    rows = torch.tensor(x[:1]).expand(40_000, 5)[:, None]
    torch.manual_seed(0)
    with torch.no_grad():
        found = network(rows)[:, 0]
    error = float(found.std() / 200)
    assert abs(float(found.mean()) - wanted[0]) < 5 * error < 0.1
    network.n_importance = 5  # of the exact posterior every weight is p(x)
    with torch.no_grad():
        np.testing.assert_allclose(network(rows[:10])[:, 0].numpy(), wanted[0], atol=1e-9)


def test_importance_weighted_bound_increases_with_draws():
    network, x, truth = linear_gaussian(exact=False)
    means = []
    for n_draws in (1, 2, 4, 16):
        every = [np.random.default_rng(seed).standard_normal((n_draws, 2)) for seed in range(100)]
        means.append(np.mean([bounds_of(network, x, noise)[:, 1].mean() for noise in every]))
    assert (np.diff(means) > 0).all()
    assert means[0] < means[-1] - 0.01 and abs(means[-1] - truth.mean()) < 0.05


def test_importance_weighted_bound_of_an_estimator_increases_with_draws():
    model = make().fit(X3)
    means = [
        np.mean([model.score_samples(X3[:8], n, bound="iwae", random_state=seed).mean() for seed in range(100)])
        for n in (1, 2, 8)
    ]
    assert (np.diff(means) > 0).all()
    assert model.score(X3) == model.score_samples(X3).mean()


def test_density_is_in_the_units_of_the_data():
    """In a unit a thousand times smaller each value's density is a thousand times lower."""
    model = make(dtype="float64").fit(X3)
    before, scaling = model.score_samples(X3), model.module_.scaling
    with torch.no_grad():
        scaling.factor.div_(1000.0)
        scaling.shift.sub_(5.0 * scaling.factor)
    np.testing.assert_allclose(before - model.score_samples(1000.0 * X3 + 5.0), X3[0].size * np.log(1000.0), rtol=1e-9)


def test_free_bits_and_beta():
    network, x, _ = linear_gaussian()
    network.train()
    rows = torch.tensor(x)[:, None]

    def bound(**changed):
        torch.manual_seed(0)
        for name, value in changed.items():
            setattr(network, name, value)
        with torch.no_grad():
            return network(rows)[:, 0]

    divergence = kl_to_standard(*network.encode(rows, None))
    plain = bound()
    torch.testing.assert_close(bound(beta=3.0), plain - 2.0 * divergence.sum(dim=1))
    raised = divergence.clamp(min=1.5)
    torch.testing.assert_close(bound(beta=1.0, free_bits=1.5), plain + (divergence - raised).sum(dim=1))


# -- likelihoods ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deviation", ["feature", "step"])
def test_gaussian_density(deviation):
    scaling = InputScaling(3)
    scaling.set_statistics(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.5, 1.0, 2.0]))
    likelihood = Gaussian(4, 3, scaling, deviation)
    numbers = likelihood.numbers(torch.randn(2, 5, 4)).detach()
    x, mask = torch.randn(2, 5, 3), torch.arange(5) < torch.tensor([[5], [2]])
    x[0, 1, 2] = torch.nan
    mean, log_deviation = numbers.double().numpy().reshape(2, 5, 2, 3).transpose(2, 0, 1, 3)
    factor, shift = scaling.factor.double().numpy(), scaling.shift.double().numpy()
    each = norm.logpdf(x.double().numpy(), (mean - shift) / factor, np.exp(log_deviation) / factor)
    wanted = np.where(mask[..., None].numpy() & ~np.isnan(x.numpy()), each, 0.0).sum(axis=2)
    found = likelihood.log_density(numbers.double(), x.double(), mask)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    np.testing.assert_allclose(likelihood.center(numbers), (mean - shift) / factor, atol=1e-5)


def lasting(deviation="feature"):
    """A likelihood whose differences last, its correlations, and numbers of five steps of two sequences."""
    scaling = InputScaling(2)
    scaling.set_statistics(torch.tensor([1.0, -2.0]), torch.tensor([0.5, 2.0]))
    likelihood = Gaussian(4, 2, scaling, deviation, lasting=True)
    likelihood.bond.data.copy_(torch.tensor([1.5, -0.5]))
    numbers = likelihood.numbers(torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))).detach().double()
    return likelihood, 1.0 / (1.0 + np.exp([-1.5, 0.5])), numbers


def moments_of(likelihood, rho, numbers, f):
    """Mean (5,) and covariance (5, 5) of a feature, in the units of the data."""
    mean, log_deviation = numbers[:, f].numpy(), numbers[:, 2 + f].numpy()
    scaling = likelihood._scaling[0]
    factor, shift = scaling.factor[f].item(), scaling.shift[f].item()
    deviation = np.exp(log_deviation) / factor
    far = np.abs(np.arange(5)[:, None] - np.arange(5))
    return (mean - shift) / factor, rho[f] ** far * np.outer(deviation, deviation)


@pytest.mark.parametrize("deviation", ["feature", "step"])
def test_lasting_differences_have_the_density_of_an_autoregression(deviation):
    likelihood, rho, numbers = lasting(deviation)
    x = torch.randn(2, 5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    x[0, 1:3, 0] = torch.nan
    x[1, 0, 1] = torch.nan
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    found = likelihood.log_density(numbers, x, mask).detach()
    for i, length in enumerate([5, 3]):
        wanted = 0.0
        for f in range(2):
            mean, covariance = moments_of(likelihood, rho, numbers[i], f)
            known = np.flatnonzero(~np.isnan(x[i, :length, f].numpy()))
            wanted += multivariate_normal(mean[known], covariance[np.ix_(known, known)]).logpdf(x[i, known, f].numpy())
        assert found[i].sum().item() == pytest.approx(wanted, rel=1e-6)
        assert (found[i, length:] == 0).all()


def test_lasting_differences_are_drawn_with_their_covariance():
    likelihood, rho, numbers = lasting()
    n = 40_000
    drawn = likelihood.draw(numbers[0].repeat(n, 1).numpy(), np.tile(np.arange(5), n), np.random.RandomState(0))
    for f in range(2):
        mean, covariance = moments_of(likelihood, rho, numbers[0], f)
        away = drawn[:, f].reshape(n, 5) - mean
        size = np.sqrt(np.diag(covariance))
        np.testing.assert_allclose(
            away.T @ away / n / np.outer(size, size), covariance / np.outer(size, size), atol=0.03
        )


def test_lasting_differences_tell_walks_better_and_steps_sum_to_their_density():
    X = [RNG.normal(size=(n, 2)).cumsum(axis=0) for n in RNG.integers(8, 12, size=40)]
    plain = SequenceVAE(latent_size=2, hidden_size=8, max_epochs=20, random_state=0).fit(X)
    model = clone(plain).set_params(residuals="lasting").fit(X)
    assert model.score(X) > plain.score(X) + 1
    network, z = model.module_, torch.from_numpy(model.transform(X[:1]).astype(np.float32))
    x = torch.from_numpy(X[0])[None]
    with torch.inference_mode():
        whole = network.likelihood.log_density(network.decode(z, None, len(X[0])).double(), x, None)
    np.testing.assert_allclose(model.score_steps(X)[0].ravel(), whole[0], atol=1e-4)
    assert model.sample(3, length=9, random_state=0).lengths.tolist() == [9, 9, 9]
    with pytest.raises(ValueError, match=r"residuals='lasting' with likelihood='bernoulli'"):
        model.set_params(likelihood="bernoulli").fit(X)


def test_probabilities_sum_to_one():
    zero_one = Bernoulli(4, 2)
    numbers = zero_one.numbers(torch.randn(1, 1, 4)).detach()
    every = torch.cartesian_prod(torch.arange(2.0), torch.arange(2.0))
    found = [zero_one.log_density(numbers, x[None, None], None).exp() for x in every]
    assert sum(found).item() == pytest.approx(1.0, abs=1e-6)
    codes = Categorical(4, [3, 2])
    numbers = codes.numbers(torch.randn(1, 1, 4)).detach()
    every = torch.cartesian_prod(torch.arange(3.0), torch.arange(2.0))
    found = torch.stack([codes.log_density(numbers, x[None, None], None).exp() for x in every])
    assert found.sum().item() == pytest.approx(1.0, abs=1e-6)
    assert codes.center(numbers)[0, 0].tolist() == every[found.argmax()].tolist()
    drawn = codes.draw(numbers[0].double().repeat(20_000, 1).numpy(), np.zeros(20_000, int), np.random.RandomState(0))
    share = [(drawn == x.numpy()).all(axis=1).mean() for x in every]
    np.testing.assert_allclose(share, found.squeeze().numpy(), atol=0.02)


def test_codes_are_read_as_indicators():
    layer = CodeInput([3, 2], indicate_missing=True)
    x = torch.tensor([[[2.0, 0.0], [torch.nan, 1.0], [0.0, 0.0]]])
    found = layer(x, torch.tensor([[True, True, False]]))
    assert found.tolist() == [[[0, 0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 0], [0] * 7]]


def test_bernoulli_and_categorical_sequences():
    bits = [(RNG.random((n, 2)) < 0.3).astype(float) for n in (4, 6, 5) * 5]
    model = make(likelihood="bernoulli").fit(bits)
    assert (model.score_samples(bits) < 0).all() and set(np.unique(model.sample(5, 4, 0).values)) <= {0.0, 1.0}
    assert 0 < model.reconstruct(bits).values.min() and model.reconstruct(bits).values.max() < 1
    codes = [RNG.integers(0, [3, 5], size=(n, 2)) for n in (4, 6, 5) * 5]
    model = make(likelihood="categorical").fit(codes)
    assert model.n_categories_ == [3, 5]
    assert set(np.unique(model.sample(30, 6, 0).values[:, 0])) <= {0.0, 1.0, 2.0}
    steps = model.score_steps(codes)
    assert (steps.values < 0).all() and len(steps) == 15
    assert np.isin(model.reconstruct(codes).values, np.arange(5)).all()


# -- bodies and decoders -------------------------------------------------------------------------------------------------

BODIES = [
    None,
    GRUClassifier(hidden_size=5, bidirectional=True),
    CNNClassifier(n_filters=4, n_blocks=1, views="values"),
    CNNClassifier(n_filters=4, n_blocks=1),
    TCNClassifier(n_filters=4, n_blocks=2),
    TransformerClassifier(hidden_size=8, n_layers=1),
    TransformerClassifier(hidden_size=8, n_layers=1, patch_stride=3),
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body).replace("\n", ""))
def test_bodies_of_any_family_encode_and_decode_ragged_sequences(body):
    before = None if body is None else body.get_params()
    model = make(encoder=body, decoder=body).fit(RAGGED)
    assert body is None or (body.get_params() == before and not hasattr(body, "classes_"))
    whole = {"scores": model.score_samples(RAGGED), "vectors": model.transform(RAGGED)}
    steps, made = model.score_steps(RAGGED), model.reconstruct(RAGGED)
    for i in (0, 7):
        np.testing.assert_allclose(model.score_samples([RAGGED[i]])[0], whole["scores"][i], rtol=2e-6, atol=2e-5)
        np.testing.assert_allclose(model.transform([RAGGED[i]])[0], whole["vectors"][i], atol=2e-5)
        np.testing.assert_allclose(model.score_steps([RAGGED[i]])[0], steps[i], atol=2e-5)
        np.testing.assert_allclose(model.reconstruct([RAGGED[i]])[0], made[i], atol=2e-5)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.score_samples(RAGGED), whole["scores"])


def test_places_of_a_step_depend_on_its_own_sequence_alone():
    places = Places(3)
    found = places(torch.tensor([4, 7]), 9, torch.float64)
    torch.testing.assert_close(found[0, :4], places(torch.tensor([4]), 4, torch.float64)[0])
    assert not found[0, 4:].any() and not found[1, 7:].any()
    # the cosines are those of the discrete cosine transform: orthogonal along the steps
    basis = Places(3)(torch.tensor([8]), 8, torch.float64)[0, :, :3]
    torch.testing.assert_close(basis.T @ basis, 4.0 * torch.eye(3, dtype=torch.float64))


def test_decoder_makes_as_many_steps_as_it_is_asked():
    decoder = LatentDecoder(Pointwise(LatentDecoder.n_inputs(6, 4), 5), 3, 6, 4).eval()
    z = torch.randn(2, 1, 3)
    mask = torch.arange(7) < torch.tensor([[4], [7]])
    found = decoder(None, mask, z)
    assert found.shape == (2, 7, decoder.out_features) and not found[0, 4:].any()
    torch.testing.assert_close(found[:1, :4], decoder(None, None, z[:1], n_timesteps=4))
    pool = PlacePool(decoder.out_features, 4, 3).eval()
    torch.testing.assert_close(pool(found, mask)[:1], pool(found[:1, :4], None))


def test_a_body_that_is_none_is_refused():
    for given in (np.arange, GRUClassifier, sklearn_seq.MiniRocket()):
        with pytest.raises((TypeError, ValueError), match="encoder"):
            make(encoder=given).fit(X3)


def test_other_parameters_of_a_body_are_another_network():
    model = make(encoder=GRUClassifier(hidden_size=4), warm_start=True).fit(X3).fit(X3)
    assert model.n_iter_ == 6
    model.encoder.set_params(hidden_size=5)
    with pytest.raises(ValueError, match="encoder was changed"):
        model.fit(X3)


# -- what is asked of a fitted one ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("X", [X3[:, :, 0], X3, RAGGED], ids=["2-D", "3-D", "ragged"])
def test_answers_have_the_form_of_X(X):
    model = make().fit(X)
    made, Z = model.reconstruct(X), model.transform(X)
    assert Z.shape == (40, 3)
    lengths = None if isinstance(X, np.ndarray) else [len(x) for x in X]
    back = model.inverse_transform(Z, lengths)
    for found in (made, back, model.impute(X)):
        assert isinstance(found, Sequences if lengths else np.ndarray)
        assert lengths is not None or found.shape == X.shape
    np.testing.assert_allclose(np.asarray(back), np.asarray(made), atol=1e-5)
    drawn = model.sample(6, random_state=1)
    assert lengths is None or set(drawn.lengths) <= set(lengths)
    np.testing.assert_array_equal(np.asarray(drawn), np.asarray(model.sample(6, random_state=1)))
    assert model.sample(2, 20).shape[-1] == (20 if X is not X3 and lengths is None else 2)
    path = model.interpolate(X[0], X[1], n_steps=4)
    for i in (0, 1):
        np.testing.assert_allclose(path[-i], made[i], atol=1e-5)
    assert isinstance(model.score_steps(X), Sequences if lengths else np.ndarray)


def test_lengths_are_drawn_as_sequences_weigh():
    weight = np.arange(40) % 3 + 1
    weighed = make().fit(RAGGED, sample_weight=weight)
    copies = make().fit([x for x, n in zip(RAGGED, weight, strict=True) for _ in range(n)])
    np.testing.assert_array_equal(weighed.length_counts_, copies.length_counts_)
    assert weighed.sample(9, random_state=0).lengths.tolist() == copies.sample(9, random_state=0).lengths.tolist()


def test_rows_of_a_frame_are_gone_between():
    frame = pd.DataFrame(X3[:, :, 0]).add_prefix("t")
    model = make().fit(frame)
    found = model.interpolate(frame.iloc[0], frame.iloc[1], n_steps=3)  # no warning of names
    np.testing.assert_allclose(found[[0, 2]], model.reconstruct(frame[:2]), atol=1e-6)


def test_steps_add_up_to_the_density_given_the_latent_mean():
    model = make(dtype="float64").fit(RAGGED)
    found = [steps.sum() for steps in model.score_steps(RAGGED)]
    network = model.module_
    for x, own in zip(RAGGED[:5], found[:5], strict=True):
        x = torch.tensor(x)[None]
        with torch.inference_mode():
            wanted = network.log_likelihood(network.encode(x, None)[0], x, None)
        assert own == pytest.approx(float(wanted), abs=1e-6)


def test_same_seed_same_bits_and_another_seed_another_model():
    one, other = make().fit(RAGGED), make().fit(RAGGED)
    np.testing.assert_array_equal(one.score_samples(RAGGED), other.score_samples(RAGGED))
    assert (make(random_state=1).fit(RAGGED).score_samples(RAGGED) != one.score_samples(RAGGED)).all()
    weighted = make().fit(RAGGED, sample_weight=np.full(40, 3.0))
    np.testing.assert_array_equal(make().fit(RAGGED * 3).score_samples(RAGGED), weighted.score_samples(RAGGED))


def test_early_stopping_scores_by_the_bound():
    model = make(early_stopping=True, max_epochs=6).fit(X3, X_val=X3[:10] + 0.1)
    assert model.validation_scores_[model.best_epoch_ - 1] == max(model.validation_scores_)
    assert max(model.validation_scores_) == pytest.approx(model.score_samples(X3[:10] + 0.1, 8).mean(), abs=1e-4)


def test_saved_and_loaded(tmp_path):
    model = make(encoder=GRUClassifier(hidden_size=4), likelihood="categorical").fit((X3 > 0).astype(int))
    sklearn_seq.save(model, tmp_path / "model.zip")
    loaded = sklearn_seq.load(tmp_path / "model.zip")
    np.testing.assert_array_equal(loaded.score_samples(X3 > 0), model.score_samples(X3 > 0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.inverse_transform(np.ones((2, 4))), r"^Z has shape \(2, 4\); wanted \(n_samples, 3\)"),
        (lambda m: m.inverse_transform(np.full((2, 3), np.nan)), "not finite"),
        (lambda m: m.inverse_transform(np.ones((2, 3)), [4]), r"lengths=\[4\]; wanted a whole number, 1 or more, or 2"),
        (lambda m: m.sample(0), r"n_samples=0; wanted"),
        (lambda m: m.sample(2, 1.5), r"length=1\.5; wanted"),
        (lambda m: m.interpolate(X3[0], X3[1], 1), r"n_steps=1; wanted a whole number, 2 or more"),
        (lambda m: m.score_samples(X3, bound="best"), r"bound='best'; wanted 'elbo' or 'iwae'"),
        (lambda m: m.score_samples(X3, 0), r"n_samples=0; wanted"),
        (lambda m: m.impute(X3, n_iter=0), r"n_iter=0; wanted"),
        (lambda m: make(likelihood="bernoulli").fit(X3), r"wanted numbers from 0 to 1 with likelihood='bernoulli'"),
        (lambda m: make(likelihood="categorical").fit(X3), r"wanted codes 0, 1, 2"),
        (lambda m: make(free_bits=0.1, n_importance=2).fit(X3), r"exclude each other"),
        (lambda m: make(likelihood="categorical", augment="jitter").fit(X3 > 0), r"wanted augment=None"),
        (lambda m: make(likelihood="categorical").fit(X3 > 0).transform((X3 > 0) + 1), r"the code 2 in feature 0"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call(make(max_epochs=1).fit(X3))


# -- gaps ----------------------------------------------------------------------------------------------------------------


def test_hidden_stretches_are_told_and_cost_nothing():
    hide = HideStretches(1.0).train()
    x, mask = torch.ones(200, 10, 2), torch.arange(10) < torch.tensor([[10], [6]]).repeat(100, 1)
    hidden = torch.isnan(hide(x, mask))
    assert not hidden[~mask].any()
    widths = hidden.any(dim=2).sum(dim=1)
    assert widths[::2].max() <= 5 and widths[1::2].max() <= 3
    assert (hidden.any(dim=2).float().diff(dim=1) > 0).sum(dim=1).max() <= 1  # one stretch
    assert torch.equal(hide.eval()(x, mask), x)


def test_impute_keeps_what_is_known_and_any_gap_may_come():
    model = make(max_epochs=40).fit(X3)
    X = X3.copy()
    X[0, 2:5], X[1, :3, 0], X[2, :, 1], X[3] = np.nan, np.nan, np.nan, np.nan
    found = model.impute(X)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[~np.isnan(X)], X[~np.isnan(X)])
    np.testing.assert_allclose(model.impute(X[:1])[0], found[0], atol=1e-5)
    with pytest.raises(ValueError, match="NaN"):
        model.transform(X)


def test_impute_needs_a_model_that_has_read_gaps():
    assert not hasattr(make(hide=0.0).fit(X3), "impute")
    X = X3.copy()
    X[::2, 3] = np.nan
    model = make(hide=0.0, missing="mask").fit(X)
    assert np.isfinite(model.impute(X)).all() and np.isfinite(model.score_samples(X)).all()


def test_differences_last_as_long_where_values_are_missing():
    rng = np.random.default_rng(0)
    noise, X = rng.normal(size=(60, 40, 1)), np.zeros((60, 40, 1))
    for t in range(1, 40):
        X[:, t] = 0.8 * X[:, t - 1] + 0.6 * noise[:, t]
    gaps = np.where(rng.random(X.shape) < 0.4, np.nan, X)
    whole, holey = (make(max_epochs=1, missing="mask").fit(data).residual_correlation_ for data in (X, gaps))
    np.testing.assert_allclose(whole, 0.8, atol=0.08)
    np.testing.assert_allclose(holey, whole, atol=0.08)  # a pair of which one is missing counted as unlike: 0.5


def test_gaps_are_corrected_as_an_autoregression_says():
    """The conditional mean of a Gaussian with covariance r^|i - j|, given what is known."""
    r, n = 0.8, 9
    there = np.ones((n, 1), dtype=bool)
    there[[0, 3, 4, 5, 8]] = False
    away = np.where(there, RNG.normal(size=(n, 1)), 0.0)
    covariance = r ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    known = there[:, 0]
    wanted = covariance[np.ix_(~known, known)] @ np.linalg.solve(covariance[np.ix_(known, known)], away[known])
    two = Sequences.from_list([away, np.zeros((2, 1))])  # what follows is another sequence
    found = _carried(np.r_[away, np.zeros((2, 1))], np.r_[there, [[False], [True]]], two, np.array([r]))
    np.testing.assert_allclose(found[:n][~known], wanted, atol=1e-12)
    assert found[n:].tolist() == [[0.0], [0.0]]


# -- rows without targets ------------------------------------------------------------------------------------------------

LABELS = np.where(X3[:, -1, 0] > 0, 1, 0)


def few(**params):
    return SMALL | params


def test_labels_of_minus_one_are_none():
    y = LABELS.copy()
    y[::3] = -1
    model = VAEClassifier(**few(max_epochs=30)).fit(X3, y)
    assert model.classes_.tolist() == [0, 1]
    assert model.predict_proba(X3).shape == (40, 2)
    known = y >= 0
    alone = VAEClassifier(**few(max_epochs=30)).fit(X3[known], y[known])
    assert not np.array_equal(alone.predict_proba(X3), model.predict_proba(X3))  # the others were learnt from too
    weight = np.where(known, 1.0, 0.0)
    weighted = VAEClassifier(**few(max_epochs=30)).fit(X3, y, sample_weight=weight)
    np.testing.assert_array_equal(alone.predict_proba(X3), weighted.predict_proba(X3))
    balanced = VAEClassifier(**few(class_weight="balanced")).fit(X3, y)
    assert np.isfinite(balanced.predict_proba(X3)).all()


def test_minus_one_beside_one_other_label_is_a_label():
    y = np.where(LABELS > 0, 1, -1)
    assert VAEClassifier(**SMALL).fit(X3, y).classes_.tolist() == [-1, 1]
    with pytest.warns(UserWarning, match=r"^y holds -1 and 0 alone, so -1 is read as a class"):
        assert VAEClassifier(**SMALL).fit(X3, np.where(y == 1, 0, y)).classes_.tolist() == [-1, 0]


def test_labels_of_minus_one_in_a_column_are_none():
    y = np.where(np.arange(40) % 3, LABELS, -1)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        model = VAEClassifier(**SMALL).fit(X3, y[:, None].copy())
    np.testing.assert_array_equal(model.predict_proba(X3), VAEClassifier(**SMALL).fit(X3, y).predict_proba(X3))
    with pytest.raises(ValueError, match=r"^y is -1 in all 40 rows.*To learn without labels, use SequenceVAE"):
        VAEClassifier(**SMALL).fit(X3, np.full(40, -1))


def test_early_stopping_is_decided_on_rows_with_a_label():
    """Of four labels among forty rows one is held out, and no row without."""
    y = np.where(np.arange(40) < 4, [0, 1, 0, 1] * 10, -1)
    stopping = few(early_stopping=True, validation_fraction=0.25)
    model = VAEClassifier(**stopping).fit(X3, y)
    assert np.isfinite(model.validation_scores_).all()
    groups = np.arange(40) // 2  # rows without a label of a group that is held out are no rows to train on
    reading = VAEClassifier()._read(X3, y, None, None, None, groups)
    train, valid = model._hold_out(reading, 0.5, np.random.RandomState(0))
    assert len(valid) and (reading.target[valid] >= 0).all()
    assert not set(reading.groups[train]) & set(reading.groups[valid])
    windows = sliding_window_view(np.arange(50.0), 5)
    some = np.where(np.arange(46) % 5, np.nan, windows.mean(axis=1))
    overlapping = SlidingWindow(5).fit_transform(np.arange(50.0)[:, None])[4:]
    reading = VAERegressor()._read(overlapping, some, None, None, None, None)
    train, valid = VAERegressor()._hold_out(reading, 0.2, np.random.RandomState(0))
    assert len(valid) and reading.data.stops[train].max() <= reading.data.starts[valid].min()


def test_members_of_an_ensemble_train_as_they_do_alone(monkeypatch):
    y = np.where(np.arange(40) % 2, LABELS, -1)
    ensemble = DeepEnsembleClassifier(VAEClassifier(**few(beta=3.0)), n_estimators=1, random_state=0).fit(X3, y)
    member = ensemble.estimators_[0]
    np.testing.assert_allclose(clone(member).fit(X3, y).predict_proba(X3), member.predict_proba(X3), atol=1e-6)
    with pytest.raises(ValueError, match=r"^adversarial=0.1 and VAEClassifier each say what a step of training is"):
        DeepEnsembleClassifier(VAEClassifier(**SMALL), adversarial=0.1).fit(X3, y)
    told, known = [], members.HeldOut
    monkeypatch.setattr(
        members, "HeldOut", lambda data, y, *rest, **how: told.append(y) or known(data, y, *rest, **how)
    )
    DeepEnsembleClassifier(VAEClassifier(**SMALL), n_estimators=2, calibration_fraction=0.5).fit(
        X3, np.where(y > 0, 7, y)
    )
    assert len(told[0]) == 10 and set(told[0].tolist()) == {0, 7}  # half of the rows with a label


def test_partial_fit_with_and_without_labels():
    model = VAEClassifier(**SMALL).partial_fit(X3[:20], LABELS[:20], classes=[0, 1])
    model.partial_fit(X3[20:], np.where(np.arange(20) % 2, LABELS[20:], -1))
    assert model.n_iter_ == 2 and model.classes_.tolist() == [0, 1]
    model.partial_fit(X3[20:], np.full(20, -1))
    with pytest.raises(ValueError, match="class 7"):
        model.partial_fit(X3, np.full(40, 7))


def test_unknown_targets_cost_nothing():
    from sklearn_seq.tasks.classify import CrossEntropy
    from sklearn_seq.tasks.variational import BoundAndTargets

    loss = BoundAndTargets(CrossEntropy(), 3, n_values=10.0, bound_weight=2.0, share=0.5)
    output, target = torch.randn(4, 4), torch.tensor([0, -1, 2, -1])
    wanted = torch.where(
        target >= 0, torch.nn.functional.cross_entropy(output[:, 1:], target.clamp(min=0), reduction="none"), 0
    )
    torch.testing.assert_close(loss(output, target), 2.0 * wanted - 0.2 * output[:, 0])
    torch.testing.assert_close(loss(output[:, 1:], target), 2.0 * wanted)


def test_regressor_reads_nan_as_no_target():
    y = X3.mean(axis=(1, 2))
    some = np.where(np.arange(40) % 4 == 0, np.nan, y)
    model = VAERegressor(**few(max_epochs=60)).fit(X3, some)
    assert model.score(X3, y) > 0.5
    assert VAERegressor(**SMALL).fit(X3, np.c_[some, y]).predict(X3).shape == (40, 2)
    gaussian = VAERegressor(**few(loss="gaussian")).fit(X3, some)
    assert (gaussian.predict(X3, return_std=True)[1] > 0).all()
    with pytest.raises(ValueError, match="NaN"):
        VAERegressor(**SMALL).fit(X3, np.full(40, np.nan))
    with pytest.raises(ValueError, match="infinity"):
        VAERegressor(**SMALL).fit(X3, np.where(np.arange(40) == 3, np.inf, some))


# -- forecasts -----------------------------------------------------------------------------------------------------------

TABLE = np.c_[np.sin(np.arange(160) / 5), np.cos(np.arange(160) / 7), np.arange(160) % 2] + 0.05 * RNG.normal(
    size=(160, 3)
)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"loss": "gaussian", "channels": "joint"},
        {"loss": "quantile", "known_future": [2], "target": [0, 1]},
        {
            "linear": "learnt",
            "encoder": GRUClassifier(hidden_size=4),
            "decoder": TCNClassifier(n_filters=4, n_blocks=1),
        },
    ],
    ids=lambda params: ", ".join(params) or "plain",
)
def test_forecasts(params):
    model = VAEForecaster(**SMALL | {"lookback": 16, "horizon": 4} | params).fit(TABLE[:120])
    found = model.rolling_forecast(TABLE[120:])
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(copy.deepcopy(model).rolling_forecast(TABLE[120:]), found)
    again = VAEForecaster(**SMALL | {"lookback": 16, "horizon": 4} | params).fit(TABLE[:120])
    np.testing.assert_array_equal(again.rolling_forecast(TABLE[120:]), found)


def test_what_the_bound_adds_is_divergence_and_past():
    """In training the loss is that of the answers, and behind them a number a window that both weights scale."""
    model = VAEForecaster(**SMALL | {"lookback": 16, "horizon": 4, "channels": "joint"}).fit(TABLE)
    network = model.module_.train()
    x = torch.tensor(np.stack([TABLE[i : i + 20] for i in range(6)]), dtype=torch.float32)

    def extra(beta, reconstruction):
        network.beta, network.reconstruction = beta, reconstruction
        torch.manual_seed(0)
        with torch.no_grad():
            found = network(x)
        assert found.shape == (6, 4 * 3 + 1)
        return found[:, -1]

    assert not extra(0.0, 0.0).any()
    torch.testing.assert_close(extra(2.0, 3.0), extra(2.0, 0.0) + extra(0.0, 3.0))
    torch.testing.assert_close(extra(4.0, 0.0), 2.0 * extra(2.0, 0.0))
    assert network.eval()(x).shape == (6, 4 * 3)


# -- pictures ------------------------------------------------------------------------------------------------------------


def test_latent_space_is_drawn_by_class():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    model = make().fit(RAGGED)
    y = np.arange(40) % 3
    display = LatentSpaceDisplay.from_estimator(model, RAGGED, y)
    Z = model.transform(RAGGED)
    centered = Z - Z.mean(axis=0)
    # of all planes the one that keeps most
    kept = np.linalg.svd(centered, compute_uv=False)[:2] ** 2
    np.testing.assert_allclose((display.points**2).sum(axis=0), kept, rtol=1e-6)
    assert [len(scatter.get_offsets()) for scatter in display.scatters_] == [14, 13, 13]
    near = LatentSpaceDisplay.from_estimator(model, RAGGED, method="tsne")
    assert near.points.shape == (40, 2) and len(near.scatters_) == 1
    flat = make(latent_size=2).fit(RAGGED)
    np.testing.assert_array_equal(LatentSpaceDisplay.from_estimator(flat, RAGGED).points, flat.transform(RAGGED))
    with pytest.raises(ValueError, match=r"y has shape \(39,\)"):
        LatentSpaceDisplay.from_estimator(model, RAGGED, y[:-1])
    with pytest.raises(ValueError, match="GRUClassifier has no transform"):
        LatentSpaceDisplay.from_estimator(GRUClassifier(), RAGGED)
    matplotlib.pyplot.close("all")


def test_reconstructions_and_samples_are_drawn():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    model = make().fit(RAGGED)
    display = ReconstructionDisplay.from_estimator(model, RAGGED[:3], feature=1, n_samples=4)
    made = model.reconstruct(RAGGED[:3])
    for i, (given, found) in enumerate(zip(display.lines_, display.reconstruction_lines_, strict=True)):
        np.testing.assert_array_equal(given.get_ydata(), RAGGED[i][:, 1])
        np.testing.assert_array_equal(found.get_ydata(), made[i][:, 1])
    assert len(display.axes_) == 4 and len(display.sample_lines_) == 4
    assert len(ReconstructionDisplay.from_estimator(model, RAGGED[:1]).axes_) == 1
    with pytest.raises(ValueError, match="feature=2"):
        ReconstructionDisplay.from_estimator(model, RAGGED[:3], feature=2)
    with pytest.raises(ValueError, match="40 sequences; wanted 1 to 20"):
        ReconstructionDisplay.from_estimator(model, RAGGED)
    matplotlib.pyplot.close("all")
