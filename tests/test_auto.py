"""AutoClassifier and AutoRegressor: how models are weighed, what trees and plain views are, and what is promised of both."""

import pickle

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.kernel_approximation import Nystroem
from sklearn.metrics.pairwise import rbf_kernel

from sklearn_seq import AutoClassifier, AutoRegressor, Sequences, load, save
from sklearn_seq.auto import estimators, heads
from sklearn_seq.auto.trees import fit_trees, run_trees
from sklearn_seq.auto.views import at_one_length, learn_changes, learn_kernel, learn_values, view_features
from sklearn_seq.auto.weights import mix_logarithms, mix_numbers, mix_probabilities
from sklearn_seq.tasks import solved

TINY = {"budget": 0.01, "random_state": 0}
NETWORKS = ("cnn", "fcn", "resnet", "gru")

# -- weights ---------------------------------------------------------------------------------------------------------------


def opinions(n, accuracies, n_classes=3, seed=0):
    """Labels, and probabilities of models that are right so often, and sure of it."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(n_classes, size=n)
    said = []
    for accuracy in accuracies:
        right = np.arange(n) < round(accuracy * n)
        rng.shuffle(right)
        top = np.where(right, labels, (labels + 1) % n_classes)
        p = rng.dirichlet(np.ones(n_classes), size=n) * 0.4
        p[np.arange(n), top] += 0.6
        said.append(p)
    return said, labels


def best_on_the_simplex(cost, k):
    """The weights of least cost, found by scipy from a few starts."""
    found = [
        minimize(
            cost, start, method="SLSQP", bounds=[(0, 1)] * k, constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
            options={"ftol": 1e-14, "maxiter": 500},
        )
        for start in [np.full(k, 1 / k), *(0.9 * np.eye(k) + 0.1 / k)]
    ]  # fmt: skip
    return min(found, key=lambda result: result.fun).x


def powers(said, labels, weight):
    """Fourth powers of the geometric means of the probabilities of what happened, with sum 1."""
    geometric = [np.prod(p[np.arange(len(labels)), labels] ** (weight / weight.sum())) for p in said]
    return np.array(geometric) ** 4 / np.sum(np.array(geometric) ** 4)


def test_of_few_rows_weights_are_the_fourth_powers_of_probabilities():
    said, labels = opinions(10, (0.9, 0.6, 0.3))
    weights = mix_probabilities(said, labels, np.ones(10))
    np.testing.assert_allclose(weights, powers(said, labels, np.ones(10)), atol=0.06)
    assert weights.sum() == pytest.approx(1)
    # of no information at all they are that exactly: whoever says the same of each row gains nothing from it
    same = [np.full((10, 2), 0.5)] * 2
    np.testing.assert_allclose(mix_probabilities(same, np.arange(10) % 2, np.ones(10)), [0.5, 0.5])


@pytest.mark.parametrize("n", [50, 1000, 20_000])
def test_the_weights_are_the_most_likely_ones_under_the_prior(n):
    said, labels = opinions(n, (0.8, 0.7, 0.75))
    said[2] = 0.5 * said[2] + 0.5 / 3  # right, and not sure of it
    weight = np.random.default_rng(1).uniform(0.5, 2, size=n)
    prior = powers(said, labels, weight)
    likelihood = np.stack([p[np.arange(n), labels] for p in said], axis=1)

    def cost(w):
        w = np.maximum(w, 1e-12)
        return -(weight / weight.sum() @ np.log(likelihood @ w) + 100 / n * prior @ np.log(w))

    weights = mix_probabilities(said, labels, weight)
    np.testing.assert_allclose(weights, best_on_the_simplex(cost, 3), atol=2e-3)
    assert weights.sum() == pytest.approx(1)


def test_a_model_that_is_always_wrong_leaves_weights_for_the_others():
    said, labels = opinions(40, (0.0, 0.9))
    weights = mix_probabilities(said, labels, np.ones(40))
    assert weights[0] < 1e-3
    assert np.isfinite(mix_probabilities(said[:1], labels, np.ones(40))).all()
    certain = np.eye(3)[(labels + 1) % 3]  # the truth has probability 0
    np.testing.assert_allclose(mix_probabilities([certain, certain], labels, np.ones(40)), [0.5, 0.5])


def test_logarithms_are_weighed_by_what_makes_the_labels_most_probable():
    rng, n = np.random.default_rng(0), 50_000
    labels, weight = rng.integers(0, 3, size=n), rng.integers(1, 4, size=n).astype(float)
    told = np.eye(3)[labels] + rng.normal(size=(n, 3))  # of unit noise: its logits are its values
    logarithms = log_softmax(np.stack([told, rng.normal(size=(n, 3))]), axis=2)
    np.testing.assert_allclose(mix_logarithms(logarithms, labels, weight), [1.0, 0.0], atol=0.03)
    np.testing.assert_allclose(mix_logarithms(logarithms[[0, 0]], labels, weight), [0.5, 0.5])
    two = log_softmax(np.stack([told, np.eye(3)[labels] + 2.0 * rng.normal(size=(n, 3))]), axis=2)
    # of independent noise a model counts by the inverse of its variance
    np.testing.assert_allclose(mix_logarithms(two, labels, weight), [0.8, 0.2], atol=0.03)
    np.testing.assert_allclose(
        mix_logarithms(two[:, :2], labels[:2], weight[:2]), [0.5, 0.5], atol=0.02
    )  # of few alike
    mixed = mix_logarithms(two, labels, weight)
    copies = np.repeat(np.arange(n), weight.astype(int))
    np.testing.assert_allclose(mix_logarithms(two[:, copies], labels[copies], np.ones(len(copies))), mixed, atol=0.01)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("n", [8, 200, 20_000])
def test_weights_of_numbers_are_the_best_of_the_simplex(n, n_outputs):
    rng = np.random.default_rng(0)
    target = rng.normal(size=(n, n_outputs))
    common = rng.normal(size=(n, n_outputs))
    said = [
        target + 0.5 * common + 0.1 * rng.normal(size=target.shape),
        target - 0.3 * common + 0.3 * rng.normal(size=target.shape),
        target + 0.9 * rng.normal(size=target.shape),
        rng.normal(size=target.shape),
    ]
    weight = rng.uniform(0.5, 2, size=n)
    share = weight / weight.sum()
    own = np.array([(share @ (p - target) ** 2).sum() for p in said])
    prior = own**-2 / (own**-2).sum()

    def cost(w):
        error = np.tensordot(w, np.array(said), axes=1) - target
        return (share @ error**2).sum() + 100 / n * own.mean() * ((w - prior) ** 2).sum()

    weights = mix_numbers(said, target, weight)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights, best_on_the_simplex(cost, 4), atol=2e-3)
    grid = rng.dirichlet(np.ones(4) * 0.5, size=300)
    assert cost(weights) <= min(map(cost, grid)) + 1e-9


def test_a_model_without_error_gets_all_of_the_weight():
    rng = np.random.default_rng(0)
    target = rng.normal(size=(50, 1))
    weights = mix_numbers([target, target + 1.0, target + rng.normal(size=target.shape)], target, np.ones(50))
    assert weights[0] > 0.99
    np.testing.assert_allclose(mix_numbers([target, target], target, np.ones(50)), [0.5, 0.5])


# -- trees -----------------------------------------------------------------------------------------------------------------


def table(n=90, n_features=12, n_outputs=None, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, n_features)).astype(np.float32)
    if n_outputs is None:
        return features, (features[:, 0] > 0) + 1 * (features[:, 1] > 0.5)
    return features, features[:, :n_outputs] ** 2 + 0.1 * rng.normal(size=(n, n_outputs))


def forest(cls, features, target, weight, **more):
    """Scikit-learn's forest, grown in the same way."""
    how = {"n_estimators": 40, "max_features": 0.1, "bootstrap": True, "oob_score": True, **more}
    return cls(**how, random_state=np.random.RandomState(3)).fit(features, target, sample_weight=weight)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("missing", [False, True])
def test_trees_say_what_the_forest_of_scikit_learn_says_of_classes(missing, weighted):
    features, codes = table()
    classes = np.array([0, 2, 3]) if missing else np.arange(3)
    codes = classes[codes]
    weight = np.random.default_rng(1).integers(1, 4, size=len(codes)) * 1.0 if weighted else np.ones(len(codes))
    how = {"n_trees": 40, "n_classes": 5 if missing else 3, "n_jobs": 1}
    trees, left_out = fit_trees(features, codes, weight, random=np.random.RandomState(3), **how)
    wanted = forest(ExtraTreesClassifier, features, codes, weight, criterion="entropy")
    new = np.random.default_rng(2).normal(size=(300, 12)).astype(np.float32)
    found = run_trees(trees, new)
    np.testing.assert_allclose(found[:, classes], wanted.predict_proba(new), atol=1e-6)
    np.testing.assert_allclose(left_out[:, classes], wanted.oob_decision_function_, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert missing == (found.shape[1] == 5)
    assert not np.delete(found, classes, axis=1).any()


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_trees_say_what_the_forest_of_scikit_learn_says_of_numbers(n_outputs):
    features, target = table(n_outputs=n_outputs)
    weight = np.random.default_rng(1).uniform(0.5, 2, size=len(target))
    how = {"n_trees": 40, "n_classes": None, "n_jobs": 1}
    trees, left_out = fit_trees(features, target, weight, random=np.random.RandomState(3), **how)
    wanted = forest(ExtraTreesRegressor, features, target[:, 0] if n_outputs == 1 else target, weight)
    new = np.random.default_rng(2).normal(size=(300, 12)).astype(np.float32)
    shape = (-1, n_outputs)
    np.testing.assert_allclose(run_trees(trees, new), wanted.predict(new).reshape(shape), atol=1e-6)
    np.testing.assert_allclose(left_out, wanted.oob_prediction_.reshape(shape), atol=1e-6)


def test_a_row_that_every_tree_saw_is_left_out_with_the_mean():
    features, target = table(n=2, n_outputs=1)
    left_out = fit_trees(features, target, np.array([1.0, 1.0]), random=np.random.RandomState(0), n_trees=1,
                         n_classes=None, n_jobs=1)[1]  # fmt: skip
    wanted = {target.mean(), *target.ravel().tolist()}
    assert all(min(abs(value - w) for w in wanted) < 1e-6 for value in left_out.ravel())
    assert np.isclose(left_out, target.mean()).any()


# -- plain views -----------------------------------------------------------------------------------------------------------


def ragged(n=40, seed=0, n_features=2):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, n_features)).astype(np.float32) for length in rng.integers(1, 12, size=n)]


@pytest.mark.parametrize("length", [1, 2, 6, 30])
def test_sequences_are_read_at_even_places(length):
    rows = ragged()
    wanted = [
        np.stack([np.interp(np.linspace(0, len(row) - 1, length), np.arange(len(row)), column) for column in row.T], 1)
        for row in rows
    ]
    found = at_one_length(Sequences.from_list(rows), length)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_sequences_of_that_length_are_taken_as_they_are():
    X = np.random.default_rng(0).normal(size=(7, 5, 2)).astype(np.float32)
    data = Sequences.from_array(X)
    np.testing.assert_array_equal(at_one_length(data, 5), X)
    np.testing.assert_array_equal(at_one_length(data[[4, 1, 1]], 5), X[[4, 1, 1]])
    np.testing.assert_array_equal(view_features(learn_values(data), data), X.reshape(7, 10))
    np.testing.assert_array_equal(view_features(learn_changes(data), data), np.diff(X, axis=1).reshape(7, 8))


def test_plain_views_have_the_median_length_and_an_upper_bound():
    data = Sequences.from_list([np.zeros((length, 3)) for length in (2, 5, 9)])
    assert learn_values(data) == {"view": "values", "length": 5}
    assert view_features(learn_changes(data), data).shape == (3, 12)
    assert learn_values(Sequences.from_array(np.zeros((2, 30_000, 4))))["length"] == 5000
    one = Sequences.from_array(np.full((2, 1, 3), 7.0))  # a single step has no change; its value stands for it
    np.testing.assert_array_equal(view_features(learn_changes(one), one), np.full((2, 3), 7.0))


def test_with_all_rows_as_landmarks_the_kernel_is_exact():
    data = Sequences.from_list(ragged())
    view = learn_kernel(data, 1000, np.random.RandomState(0))
    features = view_features(view, data).astype(float)
    rows = (at_one_length(data, view["length"]) * view["factor"]).reshape(len(data), -1).astype(float)
    np.testing.assert_allclose(features @ features.T, rbf_kernel(rows, gamma=view["gamma"]), atol=1e-5)
    apart = ((rows[:, None] - rows) ** 2).sum(axis=2)
    assert view["gamma"] == pytest.approx(1 / np.median(apart[apart > 0]), rel=0.1)


def test_with_fewer_landmarks_the_kernel_is_that_of_scikit_learn():
    X = np.random.default_rng(0).normal(size=(60, 5, 2)) * [1.0, 3.0]
    data = Sequences.from_array(X)
    view = learn_kernel(data, 20, np.random.RandomState(0))
    assert view["landmarks"].shape == (20, 10)
    deviation = X.std(axis=(0, 1))
    np.testing.assert_allclose(view["factor"], 1 / np.maximum(deviation, 0.3 * deviation.max()), rtol=1e-5)
    rows = (X * view["factor"]).reshape(60, 10)
    random = np.random.RandomState(0)
    random.randint(60, size=(2, 1000))  # the pairs are drawn before the landmarks
    wanted = Nystroem(gamma=view["gamma"], n_components=20, random_state=random).fit_transform(rows)
    np.testing.assert_allclose(view_features(view, data), wanted, atol=1e-4)


def test_constant_sequences_have_a_kernel():
    data = Sequences.from_array(np.ones((5, 4, 1)))
    features = view_features(learn_kernel(data, 10, np.random.RandomState(0)), data)
    assert np.isfinite(features).all()
    np.testing.assert_allclose(features, np.broadcast_to(features[0], features.shape))


# -- both estimators -------------------------------------------------------------------------------------------------------


def waves(n, seed=0, kind="2-D", n_classes=2):
    """Sines whose period is the class, or grows with the number."""
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=n)
    z = y + rng.uniform(-0.4, 0.4, size=n)
    lengths = rng.integers(20, 40, size=n) if kind == "ragged" else np.full(n, 30)
    X = []
    for length, frequency in zip(lengths, 1 / (1.5 + z), strict=True):
        wave = np.sin(np.arange(length) * frequency + rng.uniform(0, 9)) + 0.2 * rng.normal(size=length)
        X.append(np.stack([wave, rng.normal(size=length)], axis=1))
    X = X if kind == "ragged" else np.stack(X)
    return (X[:, :, 0] if kind == "2-D" else X), np.array(list("abc"))[y], z


@pytest.mark.parametrize("kind", ["3-D", "ragged"])
def test_it_learns_what_there_is_to_learn(kind):
    X, y, z = waves(80, kind=kind)
    X_test, y_test, z_test = waves(80, kind=kind, seed=1)
    model = AutoClassifier(budget=0.03, random_state=0).fit(X, y)
    assert model.score(X_test, y_test) > 0.85
    assert model.loo_score_ > 0.85
    np.testing.assert_allclose(model.predict_proba(X_test).sum(axis=1), 1)
    numbers = AutoRegressor(budget=0.03, random_state=0).fit(X, z)
    assert numbers.score(X_test, z_test) > 0.5
    for fitted in (model, numbers):
        assert sum(fitted.weights_.values()) == pytest.approx(1)
        assert list(fitted.weights_) == list(fitted._solved["heads"])
        assert min(fitted.weights_.values()) >= 0


def test_several_outputs():
    X, _, z = waves(60)
    model = AutoRegressor(**TINY).fit(X, np.stack([z, -3 * z + 1, z**2], axis=1))
    assert model.predict(X).shape == (60, 3)
    assert sum(model.weights_.values()) == pytest.approx(1)


def test_weights_are_not_there_before_fit():
    with pytest.raises(AttributeError, match="AutoClassifier has no weights_ before fit"):
        _ = AutoClassifier().weights_


@pytest.mark.parametrize("cls", [AutoClassifier, AutoRegressor])
def test_the_number_of_jobs_changes_no_bit(cls):
    X, y, z = waves(50)
    target = y if cls is AutoClassifier else z
    answer = "predict_proba" if cls is AutoClassifier else "predict"
    one, two = (getattr(cls(**TINY, n_jobs=jobs).fit(X, target), answer)(X) for jobs in (None, 2))
    np.testing.assert_array_equal(one, two)
    again = getattr(cls(**TINY).fit(X, target), answer)(X)
    np.testing.assert_array_equal(one, again)


@pytest.mark.parametrize("cls", [AutoClassifier, AutoRegressor])
def test_without_time_only_the_first_model_is_there(cls):
    X, y, z = waves(40)
    model = cls(**TINY, max_seconds=1e-9).fit(X, y if cls is AutoClassifier else z)
    assert model.weights_ == {"values": 1.0}
    assert model.predict(X).shape == (40,)
    plenty = cls(**TINY, max_seconds=1e6).fit(X, y if cls is AutoClassifier else z)
    assert len(plenty.weights_) == (12 if cls is AutoClassifier else 9)


def sizes_of(model):
    parts = model._solved["heads"]
    found = {name: len(parts[name]["coef"]) for name in ("minirocket", "hydra", "shapelets", "multirocket", "kernel")}
    return found | {"trees": len(parts["trees"]["trees"]["first"])}


def test_the_budget_scales_sizes():
    X, y, _ = waves(60)
    small, large = (AutoClassifier(budget=budget, random_state=0).fit(X, y) for budget in (0.02, 0.04))
    sizes = {name: (size, sizes_of(large)[name]) for name, size in sizes_of(small).items()}
    assert sizes.pop("trees") == (6, 12)
    assert sizes.pop("kernel") == (40, 60)  # no more than there are rows
    for name, (one, two) in sizes.items():
        assert 1.5 < two / one < 2.6, name
    epochs = [
        [len(model._solved["heads"][name]["members"][0].history_) for name in NETWORKS] for model in (small, large)
    ]
    assert epochs == [[2, 2, 2, 1], [4, 4, 4, 2]]


# -- what is promised of both ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [AutoClassifier, AutoRegressor])
def test_weights_are_copies(cls):
    X, y, z = waves(40, kind="ragged")
    y = y if cls is AutoClassifier else z
    count = np.random.default_rng(0).integers(0, 4, size=40)
    rows = np.random.default_rng(1).permutation(np.repeat(np.arange(40), count))
    one = cls(**TINY).fit(X, y, sample_weight=count)
    two = cls(**TINY).fit([X[i] for i in rows], y[rows])
    np.testing.assert_array_equal(one._outputs(X), two._outputs(X))
    assert one.weights_ == two.weights_


@pytest.mark.parametrize("cls", [AutoClassifier, AutoRegressor])
def test_a_fit_that_fails_late_keeps_what_was_learnt(cls, monkeypatch):
    X, y, z = waves(40)
    y = y if cls is AutoClassifier else z
    model = cls(**TINY).fit(X, y)
    before, weights = model._outputs(X), model.weights_

    def fail(*args, **how):
        raise RuntimeError("no memory")

    monkeypatch.setattr(estimators, "fit_network", fail)
    with pytest.raises(RuntimeError, match="no memory"):
        model.fit(X[::-1] + 1.0, y)
    np.testing.assert_array_equal(model._outputs(X), before)
    assert model.weights_ == weights


@pytest.mark.parametrize("cls, many", [(AutoClassifier, 40), (AutoClassifier, 1000), (AutoRegressor, 1000)])
def test_what_was_kept_gives_the_same_bits(cls, many, tmp_path, monkeypatch):
    monkeypatch.setattr(heads, "_MANY_ROWS", many)
    X, y, z = waves(40, kind="3-D")
    model = cls(**TINY).fit(X, y if cls is AutoClassifier else z)
    save(model, tmp_path / "model.seq")
    for kept in (pickle.loads(pickle.dumps(model)), load(tmp_path / "model.seq")):
        np.testing.assert_array_equal(kept._outputs(X), model._outputs(X))
        assert kept.weights_ == model.weights_


@pytest.mark.parametrize("cls", [AutoClassifier, AutoRegressor])
def test_batch_mates_change_no_answer(cls):
    X, y, z = waves(60, kind="ragged")
    model = cls(**TINY).fit(X, y if cls is AutoClassifier else z)
    whole = model._outputs(X)
    alone = np.concatenate([model._outputs(X[i : i + 1]) for i in range(8)])
    np.testing.assert_allclose(alone, whole[:8], atol=1e-6)


def test_numbers_stay_near_those_that_were_seen():
    X, _, z = waves(60)
    model = AutoRegressor(**TINY).fit(X, z)
    far = model.predict(X * 1e4)
    spread = np.ptp(z) * (0.5 + solved._BEYOND)
    middle = (z.min() + z.max()) / 2
    assert (np.abs(far - middle) <= spread + 1e-6).all()
