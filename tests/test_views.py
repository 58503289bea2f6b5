"""Views of sequences side by side, and the statistics of steps that they rest on, against numpy by hand."""

import numpy as np
import pytest
import torch

from sklearn_seq import CNNClassifier, DeepEnsembleClassifier, Sequences
from sklearn_seq.layers.masks import make_mask
from sklearn_seq.layers.views import VIEWS, Viewed, Views
from sklearn_seq.sequences.statistics import feature_statistics, step_statistics
from sklearn_seq.tasks.inputs import InputStatistics

EPS = 1e-5  # of the normalisation behind the views


def by_hand(x, mean, factor, typical):
    """The four views of one sequence (T, F), as (T, 4 F); steps beyond those seen have mean 0 and the typical factor."""
    beyond = max(0, len(x) - len(mean))
    mean = np.vstack([mean, np.zeros((beyond, x.shape[1]))])[: len(x)]
    factor = np.vstack([factor, np.tile(typical, (beyond, 1))])[: len(x)]
    aligned = (x - mean) * factor

    def changes(values):
        return np.vstack([np.zeros((1, values.shape[1])), np.diff(values, axis=0)])

    views = {"values": x, "changes": changes(x), "aligned": aligned, "aligned changes": changes(aligned)}
    return np.hstack([views[name] for name in VIEWS]) / np.sqrt(1 + EPS)


def statistics(n_steps, n_features, seed=0):
    rng = np.random.default_rng(seed)
    count = np.sort(rng.uniform(1, 9, size=n_steps))[::-1].copy()
    return rng.normal(size=(n_steps, n_features)), rng.uniform(0.5, 2, size=(n_steps, n_features)), count


def factors(deviation, count):
    """What steps are multiplied by, and the same for a step that was not seen."""
    typical = np.average(deviation, axis=0, weights=count)
    own = np.sqrt((count[:, None] * deviation**2 + typical**2) / (count[:, None] + 1)) + 0.1 * typical
    return 1 / own, 1 / own.mean(axis=0)


def ready(n_steps=6, n_features=2, seed=0, **more):
    """Views that know their statistics, and these."""
    mean, deviation, count = statistics(n_steps, n_features, seed)
    views = Views(n_features, n_steps, **more).eval()
    views.set_statistics(*(torch.from_numpy(part) for part in (mean, deviation, count)))
    return views, (mean, *factors(deviation, count))


@pytest.mark.parametrize("length", [1, 4, 6, 9])
def test_the_four_views_are_those_made_by_hand(length):
    views, known = ready()
    x = np.random.default_rng(1).normal(size=(3, length, 2)).astype(np.float32)
    with torch.no_grad():
        found = views(torch.from_numpy(x), None).numpy()
    np.testing.assert_allclose(found, [by_hand(row, *known) for row in x], atol=2e-6)
    assert views.out_features == 8


@pytest.mark.parametrize("names", [("values",), ("changes", "values"), ("aligned changes",), VIEWS[2:]])
def test_only_the_views_that_were_asked_for(names):
    views, known = ready(views=names)
    x = np.random.default_rng(1).normal(size=(1, 5, 2)).astype(np.float32)
    columns = np.concatenate([2 * VIEWS.index(name) + np.arange(2) for name in names])
    with torch.no_grad():
        found = views(torch.from_numpy(x), None).numpy()[0]
    np.testing.assert_allclose(found, by_hand(x[0], *known)[:, columns], atol=2e-6)
    assert views.aligns == any(name.startswith("aligned") for name in names)


def test_a_ragged_sequence_is_read_as_if_it_were_alone():
    views, known = ready()
    lengths = torch.tensor([9, 1, 4, 6])
    x = torch.randn(4, 9, 2, generator=torch.Generator().manual_seed(0))
    mask = make_mask(lengths, 9)
    x[~mask] = torch.nan  # padding is never looked at
    with torch.no_grad():
        found = views(x.masked_fill(~mask[..., None], 0.0), mask)
        for i, length in enumerate(lengths.tolist()):
            alone = views(x[i : i + 1, :length], None)
            assert (found[i, :length] - alone[0]).abs().max() < 1e-6
            np.testing.assert_allclose(alone[0].numpy(), by_hand(x[i, :length].numpy(), *known), atol=2e-6)


def test_padding_changes_no_view_in_training():
    views, _ = ready()
    views.train()
    x = torch.randn(3, 7, 2, generator=torch.Generator().manual_seed(0))
    mask = make_mask(torch.tensor([7, 2, 5]), 7)
    found = views(x.masked_fill(~mask[..., None], 0.0), mask)
    other = views(x.masked_fill(~mask[..., None], 99.0), mask)
    assert (found - other)[mask].abs().max() < 1e-6
    real = found[mask]
    assert real.mean(dim=0).abs().max() < 1e-6
    assert (real.std(dim=0, unbiased=False) - 1).abs().max() < 1e-4


@pytest.mark.parametrize("length", [4, 9])
@pytest.mark.parametrize("ragged", [False, True])
def test_replicas_each_have_statistics_of_their_own(length, ragged):
    alone = [ready(seed=seed)[0] for seed in range(3)]
    x = torch.randn(3, 5, length, 2, generator=torch.Generator().manual_seed(0))
    mask = make_mask(torch.tensor([length, 1, 3, 2, length]), length)
    x = x.masked_fill(~mask[..., None], 0.0) if ragged else x
    states = [part.state_dict() for part in alone]
    joint = {name: torch.stack([state[name] for state in states]) for name in states[0]}
    masks = mask.expand(3, *mask.shape)

    def run(together):
        views = Views(2, 6).eval()
        for name, value in together.items():  # as the trainer makes replicas: every state with a leading R
            module = views.norm if name.startswith("norm.") else views
            field = name.removeprefix("norm.")
            new = torch.nn.Parameter(value) if field in module._parameters else value
            (module._parameters if field in module._parameters else module._buffers)[field] = new
        return views(x, masks if ragged else None)

    with torch.no_grad():
        found = run(joint)
        for r, views in enumerate(alone):
            torch.testing.assert_close(found[r], views(x[r], mask if ragged else None), rtol=0, atol=0)


def test_a_step_that_never_varies_is_not_blown_up():
    views = Views(1, 4, ("aligned",)).eval()
    views.set_statistics(torch.ones(4, 1), torch.tensor([[0.0], [1.0], [1.0], [1.0]]), torch.full((4,), 1e6))
    assert 1 / views.factor[0, 0] == pytest.approx(0.075, rel=0.05)  # a tenth of the typical deviation, 0.75
    views.set_statistics(torch.ones(4, 1), torch.zeros(4, 1), torch.ones(4))
    assert views.factor.tolist() == [[1.0]] * 4  # nothing varies at all
    with torch.no_grad():
        assert torch.isfinite(views(torch.ones(1, 6, 1), None)).all()


# -- statistics of steps -------------------------------------------------------------------------------------------------


def naive(rows, weight):
    longest = max(map(len, rows))
    n_features = rows[0].shape[1]
    mean, deviation = np.full((2, longest, n_features), np.nan)
    present = np.zeros(longest)
    for t in range(longest):
        here = [(row[t], w) for row, w in zip(rows, weight, strict=True) if len(row) > t]
        present[t] = sum(w for _, w in here)
        for f in range(n_features):
            values, weights = np.array([(v[f], w) for v, w in here if np.isfinite(v[f])]).reshape(-1, 2).T
            if weights.sum():
                mean[t, f] = np.average(values, weights=weights)
                deviation[t, f] = np.sqrt(np.average((values - mean[t, f]) ** 2, weights=weights))
    return mean, deviation, present


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["rectangular", "ragged", "missing", "windows"])
def test_statistics_of_steps_are_those_of_a_loop(kind, dtype):
    rng = np.random.default_rng(0)
    lengths = np.full(30, 7) if kind == "rectangular" else rng.integers(1, 12, size=30)
    rows = [(1e3 + rng.normal(size=(length, 2)) * [1.0, 30.0]).astype(dtype) for length in lengths]
    if kind == "missing":
        for row in rows[1:]:
            row[rng.random(row.shape) < 0.3] = np.nan
    weight = rng.integers(0, 4, size=30) + 0.25
    data = Sequences.from_list(rows)
    if kind == "windows":
        starts = np.arange(30)
        data = Sequences(rng.normal(size=(50, 2)).astype(dtype), starts, starts + rng.integers(3, 9, size=30))
        rows = data.to_list()
    mean, deviation, present = step_statistics(data, weight)
    wanted = naive(rows, weight)
    seen = np.isfinite(wanted[0])  # of a step without values the mean is that of all steps, and there is no deviation
    np.testing.assert_allclose(mean[seen], wanted[0][seen], rtol=1e-10)
    np.testing.assert_allclose(deviation[seen], wanted[1][seen], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(present, wanted[2], rtol=1e-12)
    np.testing.assert_allclose(mean[~seen], np.tile(feature_statistics(data, weight)[0], (len(seen), 1))[~seen])
    assert (deviation[~seen] == 0).all()


def test_a_step_of_one_sequence_has_no_deviation():
    rows = [np.full((4, 1), 1e6) + np.arange(4.0)[:, None] / 7, np.full((2, 1), 0.1)]
    _, deviation, present = step_statistics(Sequences.from_list(rows), np.array([2.0, 1.0]))
    assert deviation[2:].tolist() == [[0.0], [0.0]]
    assert present.tolist() == [3.0, 3.0, 2.0, 2.0]


class Network(torch.nn.Module):
    """What takes statistics."""

    def __init__(self, n_features):
        super().__init__()
        self.scaling = Scaling()
        self.body = Viewed(Views(n_features, 5), torch.nn.Identity()) if n_features else torch.nn.Identity()


class Scaling:
    def set_statistics(self, mean, deviation):
        self.mean, self.deviation = mean.numpy(), deviation.numpy()


@pytest.fixture
def identity_has_features(monkeypatch):
    monkeypatch.setattr(torch.nn.Identity, "out_features", 4, raising=False)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.usefixtures("identity_has_features")
def test_steps_are_aligned_in_the_scale_that_the_body_reads(standardize):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5, 2)) * [1.0, 50.0] + [3.0, -900.0] + rng.normal(size=(5, 2)) * [2.0, 100.0]
    network = Network(3)  # two features, and an indicator of missing values
    statistics = InputStatistics(Sequences.from_array(X), np.ones(40), standardize)
    statistics.put_into(network)
    read = X
    if standardize:
        np.testing.assert_allclose(network.scaling.mean, X.mean(axis=(0, 1)), rtol=1e-10)
        read = (X - network.scaling.mean) / network.scaling.deviation
    views = network.body.views
    factor, _ = factors(read.std(axis=0), np.full(5, 40.0))
    np.testing.assert_allclose(views.mean[:, :2], read.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(views.factor[:, :2], factor, rtol=1e-5)
    assert (views.mean[:, 2] == 0).all()
    assert views.factor[:, 2].std() < 1e-6  # the same at every step


def growing():
    """Sequences of which one is the longest by far, wherever it goes."""
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 2)) for length in [*rng.integers(3, 9, size=39), 14]]
    return X, np.array([x[0, 0] > 0 for x in X])


TINY = {"n_filters": 2, "n_blocks": 1, "max_epochs": 1}


def test_the_longest_sequence_may_be_held_out():
    X, y = growing()
    shapes = set()
    for seed in range(8):
        model = CNNClassifier(**TINY, early_stopping=True, validation_fraction=0.5, random_state=seed).fit(X, y)
        views = model.module_.body.views
        shapes.add((tuple(views.mean.shape), bool((views.mean[10:] == 0).all())))
        assert torch.isfinite(views.factor).all()
        assert np.isfinite(model.predict_proba(X)).all()
    assert shapes == {((14, 2), True), ((14, 2), False)}  # it was, and it was not


def test_members_of_a_bootstrap_have_other_longest_sequences():
    X, y = growing()
    model = DeepEnsembleClassifier(CNNClassifier(**TINY), n_estimators=6, bootstrap=True, random_state=0).fit(X, y)
    empty = [bool((member.module_.body.views.mean[10:] == 0).all()) for member in model.estimators_]
    assert set(empty) == {True, False}
    assert np.isfinite(model.predict_proba(X)).all()


# -- what it is for ------------------------------------------------------------------------------------------------------


def bumps(n, seed):
    """A large rugged shape that all share, each at its own level, and a bump of half a hundredth of it in one class."""
    rng = np.random.default_rng(seed)
    shape = 10 * np.random.default_rng(9).normal(size=60)
    y = rng.integers(2, size=n)
    X = shape + 0.05 * rng.normal(size=(n, 60))
    X[y == 1, 20:26] += 0.1
    return X, y


def test_a_small_bump_on_a_large_common_shape_is_seen_by_the_aligned_views():
    X, y = bumps(160, 0)
    X_test, y_test = bumps(300, 1)
    small = {"n_filters": 6, "n_blocks": 1, "max_epochs": 12, "random_state": 0}
    scores = {
        views: CNNClassifier(views=views, **small).fit(X, y).score(X_test, y_test) for views in ("values", "aligned")
    }
    assert scores["aligned"] > 0.9, scores
    assert scores["values"] < 0.7, scores
