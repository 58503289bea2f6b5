"""The networks of AutoClassifier and AutoRegressor: which there are, what they learn from, and what judges them."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from sklearn_seq import AutoClassifier, AutoRegressor, CNNClassifier, CNNRegressor, FCNClassifier, Sequences
from sklearn_seq.auto import estimators, heads
from sklearn_seq.auto.heads import fit_network, run_head

TINY = {"budget": 0.01, "random_state": 0}
NETWORKS = ("cnn", "fcn", "resnet", "gru")


def network_names(model, data, n_classes=2):
    """Which networks there would be for data."""
    target = np.zeros(len(data), int) if n_classes else np.zeros((len(data), 1))
    return [name for name, _ in model._heads(data, target, np.ones(len(data)), n_classes) if name in NETWORKS]


def test_only_one_network_reads_long_sequences():
    def steps(*lengths):
        return Sequences.from_list([np.zeros((length, 1)) for length in lengths])

    assert network_names(AutoClassifier(), steps(128, 3, 128)) == ["cnn", "fcn", "resnet", "gru"]
    assert network_names(AutoClassifier(), steps(3, 129, 3)) == ["cnn"]


def test_numbers_have_one_network_from_thirty_rows_on():
    def rows(n):
        return Sequences.from_array(np.zeros((n, 5, 1)))

    assert network_names(AutoRegressor(), rows(29), None) == []
    assert network_names(AutoRegressor(), rows(30), None) == ["cnn"]
    assert network_names(AutoClassifier(), rows(2)) == list(NETWORKS)


@pytest.mark.parametrize(
    "n, longest, budget, epochs",
    [
        (1000, 40, 1, [100, 100, 100, 50]),  # the defaults
        (1000, 40, 0.5, [50, 50, 50, 25]),
        (1250, 40, 1, [80, 80, 80, 50]),
        (5000, 4, 2, [40, 40, 40, 40]),
        (200_000, 4, 1, [5, 5, 5, 5]),
        (100, 125, 0.5, [50, 50, 50, 25]),
        (100, 5000, 1, [100]),
        (10_000, 250, 1, [10]),
        (100, 250, 0.01, [1]),
    ],
)
def test_epochs_are_bounded(n, longest, budget, epochs, monkeypatch):
    asked = []
    monkeypatch.setattr(estimators, "fit_network", lambda network, *args, **how: asked.append(network.max_epochs))
    data = Sequences.from_list([np.zeros((longest, 1)), *[np.zeros((1, 1))] * (n - 1)])
    for name, fit in AutoClassifier(budget=budget)._heads(data, np.zeros(n, int), np.ones(n), 2):
        if name in NETWORKS:
            fit()
    assert asked == epochs


def spied(monkeypatch):
    """What networks are fitted on from here on, and the networks: lists to be filled."""
    rows, networks = [], []
    fit = heads._fit_one

    def spy(network, seed, data, target, weight):
        rows.append(data.values[data.starts, 0].copy())  # (n,), the first value of each row
        networks.append(fit(network, seed, data, target, weight))
        return networks[-1]

    monkeypatch.setattr(heads, "_fit_one", spy)
    return rows, networks


def numbered(n):
    """Sequences whose first value tells which they are, and two classes in turn."""
    X = np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32)
    X[:, 0] = np.arange(n) / n
    return X, np.arange(n) % 2


def test_networks_of_few_rows_learn_from_all_and_are_made_less_sure(monkeypatch):
    X, y = numbered(60)
    rows, networks = spied(monkeypatch)
    model = AutoClassifier(**TINY).fit(X, y)
    assert len(networks) == 4
    for name, network, seen in zip(NETWORKS, networks, rows, strict=True):
        np.testing.assert_array_equal(np.sort(seen), X[:, 0])
        assert model.weights_[name] == pytest.approx(1 / 12)
        found = log_softmax(run_head(model._solved["heads"][name], Sequences.from_array(X)), axis=1)
        np.testing.assert_allclose(
            found, log_softmax(network.predict_log_proba(Sequences.from_array(X)) / 2, axis=1), atol=1e-6
        )
    assert sum(model.weights_.values()) == pytest.approx(1)
    assert len({type(network) for network in networks}) == 4


def fit_small(network, X, target, n_classes, n_jobs=1):
    data = Sequences.from_array(X)
    how = {"n_classes": n_classes, "random": np.random.RandomState(0), "n_jobs": n_jobs}
    return fit_network(network, data, target, np.ones(len(X)), **how)


SMALL_CNN = {"n_filters": 2, "n_blocks": 0}


@pytest.mark.parametrize("n", [999, 1000])
def test_of_many_rows_the_mean_of_three_is_kept_and_they_judge_one_another(n, monkeypatch):
    X, y = numbered(n)
    rows, networks = spied(monkeypatch)
    head, left_out = fit_small(CNNClassifier(**SMALL_CNN, max_epochs=1), X, y, 2)
    assert head["members"] == networks
    temperature = head["temperature"]
    if n < 1000:
        np.testing.assert_array_equal(np.sort(rows[0]), X[:, 0])
        assert left_out is None
        assert (temperature, len(networks)) == (2.0, 1)
        return
    # each row's left out value is what the one network says of it that did not see it
    assert len(networks) == 3
    times_left_out = np.zeros(n, int)
    for seen, judge in zip(rows, networks, strict=True):
        unseen = np.flatnonzero(~np.isin(X[:, 0], seen))
        times_left_out[unseen] += 1
        assert abs(np.diff(np.bincount(y[unseen]))) <= 1
        np.testing.assert_allclose(
            left_out[unseen] * temperature, judge.predict_log_proba(Sequences.from_array(X[unseen])), atol=1e-6
        )
    assert (times_left_out == 1).all()
    mean = np.mean([network.predict_log_proba(Sequences.from_array(X)) for network in networks], axis=0)
    np.testing.assert_allclose(run_head(head, Sequences.from_array(X)), mean / temperature, atol=1e-6)


def test_networks_that_judge_are_the_same_in_processes(monkeypatch):
    monkeypatch.setattr(heads, "_MANY_ROWS", 50)
    X, y = numbered(50)
    (one, said), (two, also_said) = (fit_small(CNNClassifier(**SMALL_CNN, max_epochs=1), X, y, 2, n) for n in (1, 2))
    np.testing.assert_array_equal(said, also_said)
    data = Sequences.from_array(X)
    np.testing.assert_array_equal(run_head(one, data), run_head(two, data))


def test_judged_networks_are_as_sure_as_they_are_right():
    X, y = numbered(1200)
    X[:, 1] += 2 * y
    seen = np.where(np.random.default_rng(1).random(1200) < 0.2, 1 - y, y)  # one label in five is wrong
    network = CNNClassifier(n_filters=4, n_blocks=0, max_epochs=6)
    head, left_out = fit_small(network, X, seen, 2)
    new, labels = numbered(1200)
    new[:, 1:] = np.random.default_rng(2).normal(size=(1200, 3))
    new[:, 1] += 2 * labels
    labels = np.where(np.random.default_rng(3).random(1200) < 0.2, 1 - labels, labels)

    def cost(logits, codes):
        return -log_softmax(logits, axis=1)[np.arange(1200), codes].mean()

    assert all(cost(left_out, seen) < cost(left_out * factor, seen) for factor in (0.8, 1.25))
    answers = run_head(head, Sequences.from_array(new))
    sure = softmax(answers, axis=1).max(axis=1).mean()
    assert sure == pytest.approx((answers.argmax(axis=1) == labels).mean(), abs=0.05)


def test_with_a_class_of_two_rows_nothing_judges_networks(monkeypatch):
    X, y = numbered(1000)
    y[:2] = 2
    _, networks = spied(monkeypatch)
    assert fit_small(CNNClassifier(**SMALL_CNN, max_epochs=1), X, y, 3)[1] is None
    assert len(networks) == 1
    y[2] = 2
    assert fit_small(CNNClassifier(**SMALL_CNN, max_epochs=1), X, y, 3)[1] is not None


def test_of_numbers_the_mean_of_the_three_is_kept(monkeypatch):
    X, _ = numbered(60)
    rows, networks = spied(monkeypatch)
    head, left_out = fit_small(CNNRegressor(**SMALL_CNN, max_epochs=2), X, X[:, 1:3].astype(float), None)
    assert head["members"] == networks
    for seen, judge in zip(rows, networks, strict=True):
        unseen = ~np.isin(X[:, 0], seen)
        assert unseen.sum() == 20
        np.testing.assert_allclose(left_out[unseen], judge.predict(Sequences.from_array(X[unseen])), atol=1e-6)
    mean = np.mean([network.predict(Sequences.from_array(X)) for network in networks], axis=0)
    np.testing.assert_allclose(run_head(head, Sequences.from_array(X)), mean, atol=1e-6)


def test_judged_networks_count_as_much_as_they_are_right(monkeypatch):
    X, y = numbered(60)
    fit = estimators.fit_network

    def fit_and_judge(network, data, target, weight, **how):
        head, _ = fit(network, data, target, weight, **how)
        truth = 9.0 * np.eye(2)[target]
        return head, {CNNClassifier: truth, FCNClassifier: -truth}.get(type(network))

    monkeypatch.setattr(estimators, "fit_network", fit_and_judge)
    weights = AutoClassifier(**TINY).fit(X, y).weights_
    assert weights["resnet"] == weights["gru"] == pytest.approx(1 / 12)
    assert weights["cnn"] == max(weights.values())
    assert weights["fcn"] < 1e-3
    assert sum(weights.values()) == pytest.approx(1)
