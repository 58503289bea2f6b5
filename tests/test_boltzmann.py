"""Boltzmann machines against enumeration of all states, plain NumPy, and scikit-learn."""

import itertools

import numpy as np
import pytest
import torch
from scipy.special import expit, logsumexp
from sklearn.neural_network import BernoulliRBM

from sklearn_seq import RBM, ConditionalRBM, Sequences
from sklearn_seq.layers.annealing import anneal, bound
from sklearn_seq.layers.boltzmann import Machine, Rule
from sklearn_seq.layers.conditional import ConditionalMachine, ConditionalRule

RNG = np.random.default_rng(0)


def states(n):
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))


def machine_of(n_visible=5, n_hidden=4, kind="bernoulli", seed=0, n_chains=0, spread=1.0):
    machine = Machine(n_visible, n_hidden, kind, n_chains).double()
    generator = torch.Generator().manual_seed(seed)
    for parameter in machine.parameters():
        parameter.data.normal_(std=spread, generator=generator)
        parameter.grad = torch.zeros_like(parameter)
    machine.hidden_mean.uniform_(generator=generator)
    machine.visible_mean.uniform_(generator=generator)
    return machine


def arrays(machine):
    return tuple(
        t.detach().numpy().copy()
        for t in (machine.weight, machine.visible_bias, machine.hidden_bias, machine.visible_mean, machine.hidden_mean)
    )


def joint_energies(machine, v, there=None):
    """Of visible states with all hidden ones, (n, 2^H), written out."""
    weight, b, c, _, _ = arrays(machine)
    there = np.ones_like(v) if there is None else there
    h = states(len(c))
    if machine.kind == "bernoulli":
        outside = -(v * there) @ b
    else:
        outside = 0.5 * (there * (v - b) ** 2).sum(axis=1)
    return outside[:, None] - (v * there) @ weight.T @ h.T - h @ c


# -- energies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
def test_free_energy_is_that_of_enumeration_also_with_absent_units(kind):
    machine = machine_of(kind=kind)
    v = states(5) if kind == "bernoulli" else RNG.normal(size=(20, 5))
    there = (RNG.random(v.shape) < 0.7).astype(float)
    for mask in (None, there):
        wanted = -logsumexp(-joint_energies(machine, v, mask), axis=1)
        given = torch.from_numpy(v if mask is None else v * mask), None if mask is None else torch.from_numpy(mask)
        np.testing.assert_allclose(machine.free_energy(*given).detach(), wanted, atol=1e-10)


def test_conditionals_and_pseudo_likelihood_are_those_of_enumeration():
    machine = machine_of()
    v = states(5)
    free = -logsumexp(-joint_energies(machine, v), axis=1)
    wanted = np.zeros(len(v))
    for i in range(5):
        turned = v.copy()
        turned[:, i] = 1 - turned[:, i]
        other = -logsumexp(-joint_energies(machine, turned), axis=1)
        wanted += -np.logaddexp(0, free - other)
    with torch.no_grad():
        np.testing.assert_allclose(machine.pseudo_likelihood(torch.from_numpy(v)), wanted, atol=1e-10)
        weights = np.exp(-joint_energies(machine, v))
        weights /= weights.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(machine.hidden(torch.from_numpy(v)), weights @ states(4), atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_annealed_importance_sampling_is_near_enumeration(seed):
    machine = machine_of(10, 6, seed=seed)
    wanted = logsumexp(-joint_energies(machine, states(10)))
    found = anneal(machine, torch.zeros(10, dtype=torch.float64), 200, 1000, torch.Generator().manual_seed(seed))
    assert abs(found - wanted) < 0.1


def test_annealed_importance_sampling_of_gaussian_units_is_near_the_integral():
    """Given h, the integral over v is a Gaussian one."""
    machine = machine_of(4, 5, "gaussian", spread=0.7)
    weight, b, c, _, _ = arrays(machine)
    h = states(5)
    pull = h @ weight
    wanted = logsumexp(h @ c + pull @ b + 0.5 * (pull**2).sum(axis=1)) + 2 * np.log(2 * np.pi)
    found = anneal(machine, torch.zeros(4, dtype=torch.float64), 200, 1000, torch.Generator().manual_seed(0))
    assert abs(found - wanted) < 0.1


def test_the_bound_of_a_stack_lies_below_the_likelihood_and_is_its_expectation():
    low, high = machine_of(4, 3, seed=1), machine_of(3, 2, seed=2)
    v, h = states(4), states(3)
    log_h = logsumexp(-joint_energies(high, h), axis=1)  # with the partition function of the upper machine
    with torch.no_grad():
        given = [
            [low.visible_log_probability(torch.from_numpy(v[[i]]), torch.from_numpy(h[[j]])) for j in range(8)]
            for i in range(16)
        ]
        q = low.hidden(torch.from_numpy(v)).numpy()
    log_v = np.array([[float(x) for x in row] for row in given])
    log_q = (h[None] * np.log(q)[:, None] + (1 - h[None]) * np.log1p(-q)[:, None]).sum(axis=2)
    wanted = (np.exp(log_q) * (log_v + log_h - log_q)).sum(axis=1)
    found = bound([low, high], torch.from_numpy(v), None, 8_000, torch.Generator().manual_seed(0)).numpy()
    np.testing.assert_allclose(found, wanted, atol=0.05)
    assert (wanted <= logsumexp(log_v + log_h, axis=1) + 1e-9).all()


# -- gradients ---------------------------------------------------------------------------------------------------------


def numpy_step(parts, v, share, chances, n_gibbs, there=None, gaussian=False):
    """Contrastive divergence as textbooks write it; ``chances`` are the numbers that hidden units are drawn with."""
    weight, b, c, _, _ = parts
    there = np.ones_like(v) if there is None else there
    up = expit(v @ weight.T + c)
    h = (chances[0] < up).astype(float)
    for k in range(n_gibbs):
        back = (h @ weight + b if gaussian else expit(h @ weight + b)) * there
        again = expit(back @ weight.T + c)
        if k + 1 < n_gibbs:
            h = (chances[k + 1] < again).astype(float)
    s = share[:, None]
    return ((s * again).T @ back - (s * up).T @ v, (s * (back - v)).sum(axis=0), (s * (again - up)).sum(axis=0))


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("n_gibbs", [1, 3])
@pytest.mark.parametrize("absent", [False, True])
def test_a_step_is_that_of_plain_numpy(kind, n_gibbs, absent):
    machine = machine_of(kind=kind, spread=0.3)
    v = RNG.random((7, 5)) if kind == "bernoulli" else RNG.normal(size=(7, 5))
    there = (RNG.random((7, 5)) < 0.6).astype(float) if absent else None
    v = v if there is None else v * there
    share = RNG.random(7)
    share /= share.sum()
    generator = torch.Generator().manual_seed(3)
    chances = [torch.empty(7, 4, dtype=torch.float64).uniform_(generator=generator).numpy() for _ in range(n_gibbs)]
    wanted = numpy_step(arrays(machine), v, share, chances, n_gibbs, there, kind == "gaussian")
    given = (torch.from_numpy(v), None if there is None else torch.from_numpy(there), torch.from_numpy(share))
    for centred in (False, True):
        rule = Rule(n_gibbs, centred=centred)
        mean_v, mean_h = machine.visible_mean.numpy().copy(), machine.hidden_mean.numpy().copy()
        with torch.no_grad():
            rule.gradient(machine, *given, torch.Generator().manual_seed(3))
        of_weight, of_b, of_c = wanted
        if centred:  # Melchior et al. 2016, in the biases of the machine that is not centred
            of_weight = of_weight - np.outer(of_c, mean_v) - np.outer(mean_h, of_b)
            of_b, of_c = of_b - mean_h @ of_weight, of_c - of_weight @ mean_v
        for parameter, one in zip(machine.parameters(), (of_weight, of_b, of_c), strict=True):
            np.testing.assert_allclose(parameter.grad, one, atol=1e-12)


def test_a_persistent_step_is_that_of_plain_numpy():
    machine = machine_of(n_chains=6, spread=0.3)
    machine.chains.copy_((torch.rand(6, 4, generator=torch.Generator().manual_seed(1)) < 0.5).double())
    weight, b, c, _, _ = arrays(machine)
    chains, v = machine.chains.numpy().copy(), (RNG.random((7, 5)) < 0.5).astype(float)
    share = torch.full((7,), 1 / 7, dtype=torch.float64)
    generator = torch.Generator().manual_seed(3)
    back = (
        torch.empty(6, 5, dtype=torch.float64).uniform_(generator=generator).numpy() < expit(chains @ weight + b)
    ) * 1.0
    again, up = expit(back @ weight.T + c), expit(v @ weight.T + c)
    later = torch.empty(6, 4, dtype=torch.float64).uniform_(generator=generator).numpy() < again
    with torch.no_grad():
        Rule(persistent=True, centred=False).gradient(
            machine, torch.from_numpy(v), None, share, torch.Generator().manual_seed(3)
        )
    np.testing.assert_allclose(machine.weight.grad, again.T @ back / 6 - up.T @ v / 7, atol=1e-12)
    np.testing.assert_allclose(machine.visible_bias.grad, back.mean(axis=0) - v.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(machine.hidden_bias.grad, again.mean(axis=0) - up.mean(axis=0), atol=1e-12)
    np.testing.assert_array_equal(machine.chains, later)


def test_long_chains_give_the_gradient_of_the_likelihood():
    """Many alternations forget where they began, so the step is that of the free energy less the log-partition function."""
    machine = machine_of(4, 3, spread=0.5)
    v = torch.from_numpy(states(4)[[3, 9, 12]]).repeat(4000, 1)
    share = torch.full((len(v),), 1 / len(v), dtype=torch.float64)
    every = torch.from_numpy(states(4))
    loss = machine.free_energy(v).mean() + torch.logsumexp(-machine.free_energy(every), dim=0)
    wanted = torch.autograd.grad(loss, list(machine.parameters()))
    with torch.no_grad():
        Rule(50, persistent=False, centred=False).gradient(machine, v, None, share, torch.Generator().manual_seed(0))
        # the last visible units take their means, which are those of the machine
    for parameter, one in zip(machine.parameters(), wanted, strict=True):
        if parameter.ndim == 1 and len(parameter) == 4:
            np.testing.assert_allclose(parameter.grad, one, atol=0.02)


# -- the estimator -----------------------------------------------------------------------------------------------------

BITS = np.repeat(RNG.integers(0, 2, size=(80, 3)), 2, axis=1).astype(float)  # 64 states are enumerated


def fitted(X=BITS, **params):
    return RBM(**{"n_components": 5, "max_epochs": 60, "lr": 0.2, "dtype": "float64", "random_state": 0, **params}).fit(
        X
    )


def enumerated(model):
    machine = model.module_.machines[0]
    return logsumexp(-joint_energies(machine, states(6)))


def test_log_likelihood_of_an_estimator_is_that_of_enumeration_and_grows():
    models = [fitted(max_epochs=n) for n in (1, 200)]
    said = []
    for model in models:
        exact = enumerated(model)
        assert abs(model.log_partition(100, 300) - exact) < 0.1
        found = model.score_samples(BITS, log_partition=exact)
        np.testing.assert_allclose(found, -model.free_energy(BITS) - exact, atol=1e-9)
        np.testing.assert_allclose(logsumexp(model.score_samples(states(6), log_partition=exact)), 0, atol=1e-6)
        said.append(found.mean())
    assert said[1] > said[0] + 0.5


def test_answers_are_those_of_scikit_learn():
    model = fitted(dtype="float32")
    other = BernoulliRBM(5).fit(BITS)
    machine = model.module_.machines[0]
    other.components_, other.intercept_visible_, other.intercept_hidden_ = (
        t.detach().numpy() for t in (machine.weight, machine.visible_bias, machine.hidden_bias)
    )
    np.testing.assert_allclose(model.transform(BITS), other.transform(BITS), atol=1e-6)
    np.testing.assert_allclose(model.free_energy(BITS), other._free_energy(BITS), atol=1e-4)
    estimates = [other.set_params(random_state=0).score_samples(BITS)]
    estimates = np.mean([_one_draw(other, BITS, seed) for seed in range(400)], axis=0)
    np.testing.assert_allclose(model.score_samples(BITS).mean(), estimates.mean(), atol=0.05)


def _one_draw(other, X, seed):
    other.random_state_ = np.random.RandomState(seed)
    other.random_state = seed
    return other.score_samples(X)


def test_gibbs_steps_have_the_distribution_of_the_machine():
    model = fitted()
    exact = np.exp(model.score_samples(states(6), log_partition=enumerated(model)))
    drawn = model.gibbs(np.tile(BITS, (100, 1)), n_steps=60, random_state=0)
    assert drawn.shape == (8000, 6) and set(np.unique(drawn)) == {0.0, 1.0}
    np.testing.assert_allclose(drawn.mean(axis=0), exact @ states(6), atol=0.03)
    sampled = model.sample(8000, 60, random_state=0)
    np.testing.assert_allclose(sampled.T @ sampled / 8000, (states(6).T * exact) @ states(6), atol=0.03)


@pytest.mark.parametrize("params", [{}, {"persistent": True}, {"centred": False}, {"n_gibbs_steps": 3}], ids=str)
def test_every_way_of_training_learns(params):
    model = fitted(max_epochs=200, **params)
    noise = RNG.integers(0, 2, size=(80, 6))
    assert model.score(BITS) > model.score(noise) + 2
    assert model.loss_curve_[-1] < 0.5 * model.loss_curve_[0]


def test_sparsity_target_makes_hidden_units_rare():
    free, sparse = fitted(), fitted(sparsity_target=0.05)
    assert sparse.transform(BITS).mean() < 0.2 < free.transform(BITS).mean()


def test_steps_past_the_end_are_absent():
    """A machine of the first units alone says the same of the shorter sequences."""
    ragged = [row[: 4 + 2 * (i % 2)] for i, row in enumerate(BITS)]
    model = fitted(ragged)
    machine = model.module_.machines[0]
    short = [row for row in ragged if len(row) == 4]
    part = Machine(4, 5).double()
    part.load_state_dict(
        machine.state_dict()
        | {
            "weight": machine.weight[:, :4],
            "visible_bias": machine.visible_bias[:4],
            "visible_mean": machine.visible_mean[:4],
        }
    )
    v = torch.from_numpy(np.stack(short))
    with torch.no_grad():
        np.testing.assert_allclose(model.free_energy(short), part.free_energy(v), atol=1e-12)
        np.testing.assert_allclose(model.transform(short), part.hidden(v), atol=1e-12)
        np.testing.assert_allclose(model.score_samples(short), part.pseudo_likelihood(v), atol=1e-12)
    gaps = BITS.copy()
    gaps[::2, 4:] = np.nan
    with_gaps = RBM(missing="mask", n_components=5, dtype="float64", max_epochs=3, random_state=0).fit(gaps)
    wanted = with_gaps.module_.machines[0].hidden(torch.from_numpy(np.nan_to_num(gaps))).detach()
    np.testing.assert_allclose(with_gaps.transform(gaps), wanted, atol=1e-12)
    assert isinstance(model.inverse_transform(model.transform(short)), Sequences)


def test_gaussian_units_are_of_the_scaled_values_and_densities_of_the_values():
    X = RNG.normal(3.0, 5.0, size=(60, 4, 2))
    model = fitted(X, n_components=3, max_epochs=5)
    assert model.visible_ == "gaussian"
    machine = model.module_.machines[0]
    weight, b, c, _, _ = arrays(machine)
    h = states(3)
    pull = h @ weight
    exact = logsumexp(h @ c + pull @ b + 0.5 * (pull**2).sum(axis=1)) + 4 * np.log(2 * np.pi)
    scaled = ((X - X.mean(axis=(0, 1))) / X.std(axis=(0, 1))).reshape(60, 8)
    free = -logsumexp(-joint_energies(machine, scaled), axis=1)
    np.testing.assert_allclose(model.free_energy(X), free, atol=1e-6)
    density = -free - exact - 4 * np.log(X.std(axis=(0, 1))).sum()
    np.testing.assert_allclose(model.score_samples(X, log_partition=exact), density, atol=1e-6)
    np.testing.assert_allclose(model.inverse_transform(model.transform(X)).mean(), 3.0, atol=1.0)


def test_weights_count_as_copies_to_the_bit():
    weight = RNG.integers(0, 4, size=80)
    copies = fitted(np.repeat(BITS, weight, axis=0))
    np.testing.assert_array_equal(
        RBM(n_components=5, max_epochs=60, lr=0.2, dtype="float64", random_state=0)
        .fit(BITS, sample_weight=weight)
        .transform(BITS),
        copies.transform(BITS),
    )


@pytest.mark.parametrize("persistent", [False, True])
def test_partial_fit_and_warm_start_go_on(persistent):
    model = RBM(n_components=5, lr=0.3, lr_schedule="constant", persistent=persistent, n_chains=4, random_state=0)
    for _ in range(60):
        model.partial_fit(BITS)
    assert model.n_iter_ == 60 and model.loss_curve_[-1] < 0.8 * model.loss_curve_[0]
    warm = RBM(n_components=5, max_epochs=2, warm_start=True, random_state=0).fit(BITS)
    first = warm.transform(BITS)
    warm.fit(BITS)
    assert warm.n_iter_ == 4 and not np.array_equal(warm.transform(BITS), first)
    with pytest.raises(ValueError, match="n_components was changed from 5 to 6"):
        warm.set_params(n_components=6).fit(BITS)


def test_callbacks_of_scikit_learn_hear_of_every_epoch():
    pytest.importorskip("sklearn.callback")
    from sklearn_seq.testing.chance import Idle

    idle = Idle()
    RBM(n_components=5, max_epochs=3, random_state=0).set_callbacks(idle).fit(BITS)
    assert idle.calls["on_fit_task_end"] == 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m: m.transform([np.ones(7)]),
            r"1 sequences x 7 timesteps x 1 features, but RBM was fitted on sequences of 6 timesteps at most",
        ),
        (
            lambda m: m.score_samples([np.ones(4)], log_partition=1.0),
            r"log_partition is of sequences of 6 timesteps without gaps",
        ),
        (lambda m: m.score_samples(RAGGED, log_partition=np.inf), r"log_partition=inf; wanted a finite number"),
        (lambda m: m.gibbs([np.ones(4)]), r"gibbs draws whole sequences of 6 timesteps"),
        (lambda m: m.gibbs(RAGGED[:1], n_steps=0), r"n_steps=0; wanted a whole number, 1 or more"),
        (lambda m: m.sample(0), r"n_samples=0; wanted a whole number, 1 or more"),
        (lambda m: m.log_partition(n_temperatures=1.5), r"n_temperatures=1\.5; wanted a whole number"),
        (lambda m: m.inverse_transform(np.ones((2, 3))), r"X has 3 columns; wanted 5, one a hidden unit"),
        (
            lambda m: m.set_params(visible="bernoulli").fit([3 * row for row in RAGGED]),
            r"X has values from 0 to 3, and visible='bernoulli' wants them in \[0, 1\]",
        ),
        (
            lambda m: m.set_params(persistent=True).fit(RAGGED),
            r"persistent=True keeps chains over all visible units, but X has seq",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    model = fitted(RAGGED, max_epochs=1)
    before = model.transform(RAGGED)
    with pytest.raises(ValueError, match=message):
        call(model)
    np.testing.assert_array_equal(model.transform(RAGGED), before)


RAGGED = [row[: 4 + 2 * (i % 2)] for i, row in enumerate(BITS)]


def test_a_loss_that_is_not_finite_is_told():
    X = RNG.normal(size=(40, 6))
    with pytest.raises(ValueError, match=r"epoch .*Lower lr \(now 1e\+30\)"):
        RBM(n_components=5, lr=1e30, random_state=0).fit(X)


# -- given the steps before --------------------------------------------------------------------------------------------


def conditional_of(kind, seed=0):
    model = ConditionalMachine(3, 4, 2, kind).double()
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.data.normal_(std=0.5, generator=generator)
        parameter.grad = torch.zeros_like(parameter)
    return model


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
def test_a_conditional_machine_is_a_machine_with_other_biases_at_each_step(kind):
    model = conditional_of(kind)
    x = RNG.random((2, 5, 3))
    with torch.no_grad():
        hidden, free = model(torch.from_numpy(x)).numpy(), model.free_energy(torch.from_numpy(x)).numpy()
    for i, t in itertools.product(range(2), range(5)):
        past = np.concatenate([x[i, t - k] if t >= k else np.zeros(3) for k in (2, 1)])
        single = Machine(3, 4, kind).double()
        single.load_state_dict(model.machine.state_dict())
        single.visible_bias.data += model.to_visible.data @ torch.from_numpy(past)
        single.hidden_bias.data += model.to_hidden.data @ torch.from_numpy(past)
        v = torch.from_numpy(x[i, t][None])
        with torch.no_grad():
            np.testing.assert_allclose(hidden[i, t], single.hidden(v)[0], atol=1e-12)
            np.testing.assert_allclose(free[i, t], single.free_energy(v)[0], atol=1e-12)


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
def test_a_conditional_step_is_that_of_plain_numpy(kind):
    model = conditional_of(kind)
    lengths, x = [5, 3], RNG.random((2, 5, 3))
    mask = np.arange(5) < np.array(lengths)[:, None]
    x[~mask] = 0
    weight, b, c, _, _ = arrays(model.machine)
    rows = [(i, t) for i in range(2) for t in range(lengths[i])]
    past = np.array([np.concatenate([x[i, t - k] if t >= k else np.zeros(3) for k in (2, 1)]) for i, t in rows])
    v, share = np.array([x[row] for row in rows]), np.array([0.5 / lengths[i] for i, _ in rows])
    b, c = b + past @ model.to_visible.detach().numpy().T, c + past @ model.to_hidden.detach().numpy().T
    chance = torch.empty(8, 4, dtype=torch.float64).uniform_(generator=torch.Generator().manual_seed(3)).numpy()
    up = expit(v @ weight.T + c)
    back = (chance < up) @ weight + b
    back = expit(back) if kind == "bernoulli" else back
    again = expit(back @ weight.T + c)
    by_v, by_h = share[:, None] * (back - v), share[:, None] * (again - up)
    given = torch.from_numpy(x), torch.from_numpy(mask), torch.full((2,), 0.5, dtype=torch.float64)
    ConditionalRule(Rule(centred=False)).gradient(model, *given, torch.Generator().manual_seed(3))
    np.testing.assert_allclose(model.to_visible.grad, by_v.T @ past, atol=1e-12)
    np.testing.assert_allclose(model.to_hidden.grad, by_h.T @ past, atol=1e-12)
    np.testing.assert_allclose(model.machine.visible_bias.grad, by_v.sum(axis=0), atol=1e-12)
    np.testing.assert_allclose(model.machine.hidden_bias.grad, by_h.sum(axis=0), atol=1e-12)


WAVES = np.sin(RNG.uniform(0, 6, size=(40, 1)) + 0.5 * np.arange(30))[:, :, None]


def test_the_past_tells_what_comes():
    """The error of a reconstruction that knows the past is far below that of one that does not."""
    params = {"n_components": 8, "max_epochs": 15, "random_state": 0}
    model = ConditionalRBM(lookback=4, **params).fit(WAVES)
    assert model.loss_curve_[-1] < 0.2 < model.loss_curve_[0]
    on = np.mean([model.sample(WAVES[:, :20], 3, random_state=i) for i in range(30)], axis=0)
    assert on.shape == (40, 3, 1)
    assert np.corrcoef(on[:, 0, 0], WAVES[:, 20, 0])[0, 1] > 0.8


def test_no_later_step_and_no_mate_is_seen():
    ragged = [x[: 5 + i % 9] for i, x in enumerate(WAVES)]
    model = ConditionalRBM(n_components=4, lookback=3, max_epochs=2, random_state=0).fit(ragged)
    found = model.transform(ragged)
    assert isinstance(found, Sequences) and found.n_features == 4
    for i in (0, 8):
        np.testing.assert_allclose(model.transform([ragged[i]])[0], found[i], atol=1e-6)
        np.testing.assert_allclose(model.transform([ragged[i][:4]])[0], found[i][:4], atol=1e-6)
    longer = model.transform([WAVES[0]])[0]
    np.testing.assert_allclose(longer[: len(ragged[0])], found[0], atol=1e-6)


def test_a_conditional_machine_refuses_gaps():
    with pytest.raises(ValueError, match=r"missing='mask'; ConditionalRBM has no way to leave units out"):
        ConditionalRBM(missing="mask").fit(WAVES)
    model = ConditionalRBM(n_components=4, max_epochs=1, random_state=0).fit(WAVES)
    with pytest.raises(ValueError, match=r"n_timesteps=0; wanted a whole number, 1 or more"):
        model.sample(WAVES, 0)
