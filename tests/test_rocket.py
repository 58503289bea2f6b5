"""RocketClassifier and RocketRegressor: how sure they are, what they average, what is left out."""

import pickle

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import KFold, cross_val_predict

from sklearn_seq import GRUClassifier, RocketClassifier, RocketRegressor, SlidingWindow, load, save
from sklearn_seq.metrics import expected_calibration_error
from sklearn_seq.training.ridge import linear_map
from sklearn_seq.training.temperature import fit_temperature

HEADS = ("minirocket", "multirocket", "hydra")


def waves(n, flipped=0.0, seed=0, n_classes=2, length=40):
    """Sines whose period is the class; some labels are wrong."""
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=n)
    phase = rng.uniform(0, 9, size=(n, 1))
    X = np.sin(np.arange(length) / (1.5 + y[:, None]) + phase) + 0.3 * rng.normal(size=(n, length))
    wrong = rng.random(n) < flipped
    return X, np.where(wrong, (y + rng.integers(1, max(n_classes, 2), size=n)) % n_classes, y)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("flipped", [0.02, 0.25])
def test_probabilities_say_how_often_labels_are_wrong(n_classes, flipped):
    errors, raw_errors = [], []
    for seed in range(2):
        X, y = waves(1300, flipped=flipped, n_classes=n_classes, seed=seed)
        model = RocketClassifier(features=["minirocket"], random_state=0).fit(X[:300], y[:300])
        errors.append(expected_calibration_error(y[300:], model.predict_proba(X[300:])))
        (head,) = model._solved["heads"]
        decision = linear_map(
            head["transformer"]._features(model._read_again(X[300:])), head["coef"], head["intercept"]
        )
        raw_errors.append(expected_calibration_error(y[300:], softmax(decision, axis=1)))
    # 300 labels do not say better than to 0.03 how many of all are wrong, and values of -1 and 1 are never very sure
    assert np.mean(errors) < 0.08
    assert np.mean(errors) < 1.1 * np.mean(raw_errors)
    assert flipped > 0.1 or np.mean(errors) < 0.3 * np.mean(raw_errors)


def test_few_rows_on_the_right_side_do_not_make_sure_without_end():
    for n, least, most in ((6, 0.7, 0.95), (600, 0.99, 0.9999)):
        codes = np.arange(n) % 2
        logits = np.where(codes[:, None] == np.arange(2), 1.0, -1.0)
        temperature, loss = fit_temperature(logits, codes, np.ones(n))
        assert least < softmax(logits / temperature, axis=1).max() < most
        assert loss == pytest.approx(-np.log(softmax(logits / temperature, axis=1).max()))


def test_the_temperature_that_made_the_labels_is_found():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(40_000, 3)) * 2
    codes = (softmax(logits / 2.5, axis=1).cumsum(axis=1) < rng.random((40_000, 1))).sum(axis=1)
    assert fit_temperature(logits, codes, np.ones(len(codes)))[0] == pytest.approx(2.5, rel=0.03)


def test_the_regression_is_the_mean_of_its_heads():
    X = np.random.default_rng(0).normal(size=(60, 30)).cumsum(axis=1)
    model = RocketRegressor(random_state=0).fit(X[:40], X[:40].std(axis=1))
    parts = [
        head["transformer"]._features(model._read_again(X[40:])).astype(float) @ head["coef"] + head["intercept"]
        for head in model._solved["heads"]
    ]
    assert len(parts) == len(HEADS)
    weights = model._solved["mixing"]["weights"]
    assert weights.sum() == pytest.approx(1.0)
    mean, deviation = model._target_scale
    wanted = sum(w * part for w, part in zip(weights, parts, strict=True))[:, 0] * deviation + mean
    np.testing.assert_allclose(model.predict(X[40:]), wanted, atol=1e-6)


@pytest.mark.parametrize("cls", [RocketClassifier, RocketRegressor])
def test_the_score_of_left_out_rows_is_that_of_cross_validation(cls):
    X, y = waves(100, flipped=0.2)
    if cls is RocketRegressor:
        X = X.cumsum(axis=1)
        y = X.std(axis=1)
    model = cls(features=["minirocket"], random_state=0).fit(X, y)
    crossed = cross_val_predict(cls(features=["minirocket"], random_state=0), X, y, cv=KFold(10))
    crossed = accuracy_score(y, crossed) if cls is RocketClassifier else r2_score(y, crossed)
    assert model.loo_score_ == pytest.approx(crossed, abs=0.08)
    assert model.loo_score_ < model.score(X, y) + 1e-9


def test_several_targets_are_as_one_after_the_other():
    X = np.random.default_rng(0).normal(size=(60, 30)).cumsum(axis=1)
    y = np.c_[X.std(axis=1), 100 + 5 * X[:, -1]]
    both = RocketRegressor(random_state=0).fit(X[:40], y[:40])
    alone = [RocketRegressor(random_state=0).fit(X[:40], column).predict(X[40:]) for column in y[:40].T]
    assert both.alphas_.shape == (len(HEADS), 2)
    np.testing.assert_allclose(both.predict(X[40:]), np.stack(alone, axis=1), rtol=1e-5)


def test_the_names_of_the_classes_do_not_matter():
    X, y = waves(60, flipped=0.1, n_classes=3)
    one = RocketClassifier(random_state=0).fit(X, y)
    other = RocketClassifier(random_state=0).fit(X, np.array(["z", "x", "y"])[y])
    np.testing.assert_allclose(other.predict_proba(X), one.predict_proba(X)[:, [1, 2, 0]], atol=1e-6)


def test_balanced_classes_are_weights():
    X, y = waves(60, flipped=0.2)
    rare = np.r_[np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:8]]
    X, y = X[rare], y[rare]
    weight = (len(y) / 2 / np.bincount(y))[y]
    balanced = RocketClassifier(class_weight="balanced", random_state=0).fit(X, y)
    weighted = RocketClassifier(random_state=0).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(balanced.predict_proba(X), weighted.predict_proba(X), atol=1e-9)
    plain = RocketClassifier(random_state=0).fit(X, y)
    assert balanced.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean()


def test_a_class_of_weight_zero_is_never_predicted():
    X, y = waves(60, n_classes=3)
    model = RocketClassifier(class_weight={2: 0}, random_state=0).fit(X, y)
    assert set(model.predict(X)) == {0, 1}


@pytest.mark.parametrize("cls", [RocketClassifier, RocketRegressor])
def test_jobs_change_no_bit(cls):
    X, y = waves(40)
    one = cls(random_state=0).fit(X, y)
    two = cls(random_state=0, n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(one._outputs(X), two._outputs(X))


@pytest.mark.parametrize("features", [(), ("minirocket", "rocket"), [3]])
def test_features_that_are_not_known(features):
    X, y = waves(10)
    with pytest.raises(
        ValueError, match=r"features=.*; wanted one or more of 'minirocket', 'multirocket', 'hydra', such as"
    ):
        RocketClassifier(features=features).fit(X, y)


def test_two_features_of_unequal_length():
    rng = np.random.default_rng(0)
    X, y = [], np.arange(80) % 2
    for label in y:
        n = rng.integers(20, 50)
        phase = rng.uniform(0, 9)
        lag = np.pi / 2 if label else 0.0
        t = np.arange(n) / 3
        X.append(np.c_[np.sin(t + phase), np.sin(t + phase + lag)] + 0.2 * rng.normal(size=(n, 2)))
    found = cross_val_predict(RocketClassifier(random_state=0), X, y, cv=4)
    assert (found == y).mean() >= 0.9


def test_windows_that_look_into_the_future_are_warned_of():
    table = np.random.default_rng(0).normal(size=(60, 2)).cumsum(axis=0)
    windows = SlidingWindow(8).fit_transform(table)
    rows = np.arange(60)
    model = RocketRegressor(random_state=0).fit(windows[rows % 5 > 0], table[rows % 5 > 0, 0])
    with pytest.warns(UserWarning, match="looks into its own future"):
        model.predict(windows[rows % 5 == 0])


@pytest.mark.parametrize("cls", [RocketClassifier, RocketRegressor])
def test_saved_and_pickled_without_torch(cls, tmp_path):
    X, y = waves(40)
    model = cls(random_state=0).fit(X, y)
    dumped = pickle.dumps(model)
    assert b"torch" not in dumped
    n_numbers = sum(head["coef"].size for head in model._solved["heads"])
    assert len(dumped) < 4 * n_numbers + 2_000_000
    save(model, tmp_path / "model.zip")
    for copy in (pickle.loads(dumped), load(tmp_path / "model.zip")):
        np.testing.assert_array_equal(copy._outputs(X), model._outputs(X))


def test_networks_and_closed_forms_say_the_same_of_bad_labels():
    X, y = waves(10)
    messages = []
    for cls in (GRUClassifier, RocketClassifier):
        with pytest.raises(ValueError, match="several labels a sample") as caught:
            cls().fit(X, np.c_[y, 1 - y])
        messages.append(str(caught.value).replace(cls.__name__, ""))
    assert messages[0] == messages[1]
