"""Augmentation: what each kind does to a batch, that padding and mates never enter, and that predict knows nothing of it."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_seq import (
    DeepEnsembleClassifier,
    GRUClassifier,
    GRURegressor,
    RNNClassifier,
    Sequences,
    joint_training,
    load,
    save,
)
from sklearn_seq.layers.scaling import InputScaling
from sklearn_seq.tasks.classify import CrossEntropy
from sklearn_seq.training.augment import Augment, Draw, read_augment
from sklearn_seq.training.batches import Batch
from sklearn_seq.training.plan import Seeds

KINDS = ("jitter", "scaling", "filter", "warp", "tempo", "band_warp", "crop", "mask", "affine", "mixup")
MEAN, DEVIATION = torch.tensor([1.0, -2.0, 50.0]), torch.tensor([0.5, 2.0, 10.0])
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 12, 3)).cumsum(axis=1)
RAGGED = [x[:n] for x, n in zip(X, RNG.integers(2, 13, size=40), strict=True)]
LABELS = np.where(X[:, 0, 0] > 0, "up", "down")
NUMBERS = X[:, 0, 0]


class Standing:
    """A network of which only the scaling is looked at."""

    scaling = InputScaling(3)


Standing.scaling.set_statistics(MEAN, DEVIATION)


def batch_of(x, lengths=None, target=None):
    x = torch.as_tensor(x, dtype=torch.float32)
    mask = None if lengths is None else torch.arange(x.shape[1]) < torch.as_tensor(lengths)[:, None]
    if mask is not None:
        x = x.masked_fill(~mask[..., None], 0.0)
    target = torch.zeros(len(x), dtype=torch.long) if target is None else target
    return Batch(x, mask, target, torch.full((len(x),), 1.0 / len(x)), [len(x)])


def change(batch, kind, strength, seed=0):
    return Augment(((kind, strength),))(batch, Draw([np.random.default_rng(seed)]), Standing)


# -- each against its oracle -------------------------------------------------------------------------------------------


def test_jitter_has_the_deviation_asked_for_in_units_of_each_feature():
    batch = batch_of(MEAN.expand(200, 100, 3))
    noise = change(batch, "jitter", 0.1).x - batch.x
    torch.testing.assert_close(noise.std(dim=(0, 1)), 0.1 * DEVIATION, rtol=0.02, atol=0)
    assert (noise.mean(dim=(0, 1)).abs() < 0.005 * DEVIATION).all()


def test_scaling_keeps_the_shape_about_the_mean():
    batch = batch_of(MEAN + DEVIATION * torch.randn(2000, 9, 3, generator=torch.Generator().manual_seed(0)))
    by = (change(batch, "scaling", 0.2).x - MEAN) / (batch.x - MEAN)
    middle = by.median(dim=1, keepdim=True).values
    assert ((by / middle - 1).abs() < 1e-2).double().mean() > 0.999  # one factor a row and feature
    torch.testing.assert_close(middle.log().std(dim=0)[0], torch.full((3,), 0.2), rtol=0.05, atol=0)


def test_filter_adds_one_gain_a_feature_that_bends_four_times():
    plain = InputScaling(9)
    batch = batch_of(torch.randn(3000, 5, 9, generator=torch.Generator().manual_seed(0)), [5, 3, 2] * 1000)
    network = type("Plain", (), {"scaling": plain})
    found = Augment((("filter", 0.3),))(batch, Draw([np.random.default_rng(0)]), network).x
    gain = (found - batch.x)[:, :2]
    torch.testing.assert_close(gain[:, 0], gain[:, 1], rtol=0, atol=1e-5)  # the same at all steps
    torch.testing.assert_close(gain[:, 0, 1:-1:2], (gain[:, 0, :-1:2] + gain[:, 0, 2::2]) / 2, rtol=0, atol=1e-5)
    torch.testing.assert_close(gain[:, 0, ::2].std(dim=0), torch.full((5,), 0.3), rtol=0.05, atol=0)
    units = (change(batch_of(MEAN.expand(4000, 2, 3)), "filter", 0.3).x - MEAN)[:, 0] / DEVIATION
    torch.testing.assert_close(units.std(dim=0), torch.full((3,), 0.3), rtol=0.05, atol=0)


def test_band_warp_reads_features_from_farther_up_or_down():
    middle = torch.arange(8.0) + 0.5
    batch = batch_of(middle.expand(500, 6, 8), [6, 3] * 250)
    found = change(batch, "band_warp", 0.25).x
    torch.testing.assert_close(found[:, :3], found[:, :1].expand(-1, 3, -1))  # the same at all steps
    by = found[:, 0, 3] / middle[3]  # never at an edge
    torch.testing.assert_close(found[:, 0], (by[:, None] * middle).clamp(0.5, 7.5), rtol=0, atol=1e-5)
    assert 0.8 - 1e-6 < by.min() < 0.81 and 1.24 < by.max() < 1.25 + 1e-6
    gaps = batch_of(middle.expand(50, 6, 8)).x.clone()
    gaps[:, :, 2] = torch.nan
    missing = change(batch_of(gaps), "band_warp", 0.25).x.isnan().sum(dim=2)
    assert missing.max() <= 2 and (missing == 1).any()  # a gap stays one, and none of its neighbours becomes one


@pytest.mark.parametrize("lengths", [None, [10, 7, 1, 2]])
def test_warp_of_a_ramp_is_monotone_and_keeps_both_ends(lengths):
    ramp = torch.arange(10.0)[None, :, None].expand(4, 10, 3)
    batch = batch_of(ramp, lengths)
    warped = change(batch, "warp", 0.5)
    assert warped.mask is batch.mask
    for row, n in zip(warped.x, lengths or [10] * 4, strict=True):
        assert (row[:n].diff(dim=0) >= 0).all()
        torch.testing.assert_close(row[[0, n - 1]], ramp[0, [0, n - 1]])
        assert (row[n:] == 0).all()
        torch.testing.assert_close(row[:, 0], row[:, 2])  # time is the same for all features
    assert (warped.x - batch.x).abs().max() > 0.5


def test_warp_spreads_no_missing_value():
    x = torch.arange(200.0)[None, :, None].repeat(1, 1, 3)
    x[0, 100] = torch.nan
    assert 1 <= change(batch_of(x), "warp", 0.2).x[0, :, 0].isnan().sum() <= 3


@pytest.mark.parametrize("ragged", [False, True])
def test_tempo_makes_whole_rows_slower_or_faster(ragged):
    """A ramp stays a straight ramp between its two ends, over as many steps more or fewer; the factor is even in its logarithm."""
    lengths = RNG.integers(1, 61, size=400) if ragged else np.full(400, 60)
    ramp = torch.arange(60.0)[None, :, None].expand(400, 60, 3)
    found = change(batch_of(ramp, lengths if ragged else None), "tempo", 0.5)
    kept = found.mask.sum(dim=1).numpy()
    assert found.x.shape[1] == kept.max()
    factor = np.log(kept / lengths)[lengths > 30]
    assert np.abs(factor).max() <= np.log(1.5) + 0.02
    np.testing.assert_allclose(factor.std(), np.log(1.5) / np.sqrt(3), atol=0.03)
    for row, n, before in zip(found.x, kept, lengths, strict=True):
        wanted = torch.linspace(0, before - 1, n) if n > 1 else torch.zeros(1)
        torch.testing.assert_close(row[:n, 1], wanted, atol=1e-4, rtol=1e-5)
        assert not row[n:].any()


def test_crop_gives_stretches_of_at_least_the_share():
    lengths = np.random.default_rng(0).integers(1, 101, size=500)
    steps = torch.arange(100.0)[None, :, None].expand(500, 100, 3) + 1000.0
    cropped = change(batch_of(steps, lengths), "crop", 0.6)
    kept = cropped.mask.sum(dim=1).numpy()
    assert cropped.x.shape[1] == kept.max()
    assert (kept <= lengths).all() and (kept >= np.maximum(1, np.round(0.6 * lengths - 0.5))).all()
    np.testing.assert_allclose((kept / lengths)[lengths > 50].mean(), 0.8, atol=0.02)  # 0.4 / sqrt(12 n) is 0.007
    for row, mask, n in zip(cropped.x[..., 0], cropped.mask, lengths, strict=True):
        own = row[mask]
        assert (own.diff() == 1).all() and own[0] >= 1000 and own[-1] <= 999 + n
        assert (row[~mask] == 0).all()


def test_mask_hides_a_stretch_of_steps_and_of_features_at_the_mean():
    features = Standing()
    features.scaling = InputScaling(10)
    features.scaling.set_statistics(torch.full((10,), 3.0), torch.ones(10))
    lengths = RNG.integers(1, 51, size=1000)
    batch = batch_of(torch.full((1000, 50, 10), 9.0), lengths)
    found = Augment((("mask", 0.4),))(batch, Draw([np.random.default_rng(0)]), features).x
    hit = torch.isclose(found, torch.tensor(3.0))
    assert (hit | (found == batch.x)).all() and not hit[~batch.mask].any()
    steps = hit.all(dim=2)  # (B, T)
    shares = steps.sum(dim=1).numpy() / lengths
    assert shares.max() <= 0.4
    np.testing.assert_allclose(shares[lengths > 25].mean(), 0.2, atol=0.02)
    edges = steps.int().diff(dim=1, prepend=torch.zeros(1000, 1)).eq(1).sum(dim=1)
    assert (edges <= 1).all()  # one stretch
    whole = (hit | ~batch.mask[..., None]).all(dim=1).sum(dim=1).numpy()[lengths > 3]  # features hidden all along
    assert sorted(set(whole.tolist())) == [0, 1, 2, 3, 4]


def test_a_single_feature_is_never_hidden_all_along():
    network = Standing()
    network.scaling = InputScaling(1)
    found = Augment((("mask", 0.9),))(batch_of(torch.ones(500, 20, 1)), Draw([np.random.default_rng(0)]), network).x
    assert (found == 1).any(dim=1).all()


@pytest.mark.parametrize("lengths", [None, [5, 3, 4, 1, 2, 5, 1, 3]])
def test_mixup_mixes_rows_and_losses_alike(lengths):
    target = torch.arange(8)
    x = torch.eye(8)[:, None, :].repeat(1, 5, 1)  # row i has its only 1 in feature i
    batch = batch_of(x, lengths, target)._replace(share=torch.arange(1.0, 9.0))
    mixed = change(batch, "mixup", 5.0)
    mate = mixed.mixed
    assert sorted(mate.tolist()) == list(range(8)) and (mate != target).any()
    own, other = mixed.share.chunk(2)
    share = own / batch.share
    torch.testing.assert_close(other, (1 - share) * batch.share[mate])
    assert ((share >= 0.5) & (share <= 1)).all()
    for i, n in enumerate(lengths or [5] * 8):
        of_mate = 5 if lengths is None else lengths[mate[i]]
        both = min(n, of_mate)
        by_hand = share[i] * x[i, :both] + (1 - share[i]) * x[mate[i], :both]
        torch.testing.assert_close(mixed.x[i, :both], by_hand)
        torch.testing.assert_close(mixed.x[i, both:n], x[i, both:n])  # where the mate has ended
        assert (mixed.x[i, n:] == 0).all()


@pytest.mark.parametrize("task", ["classify", "regress"])
def test_the_loss_of_mixed_rows_is_the_mixture_by_hand(task):
    from sklearn_seq.training.trainer import Trainer, build

    cls, y = (RNNClassifier, LABELS) if task == "classify" else (GRURegressor, NUMBERS)
    model = cls(augment="mixup", hidden_size=4, dropout=0.0, batch_size=16, random_state=0)
    plan = model._plan(model._read(X, y, np.arange(1.0, 41.0), None, None, None))
    trainer = Trainer([plan], [build(plan)])
    batch = next(trainer.batches.epoch())
    mixed = plan.augment(batch, trainer.chance, trainer.module)
    loss = trainer.pass_back(mixed)[0]
    output = trainer.module(mixed.x, mixed.mask)
    own, other = mixed.share.chunk(2)
    if task == "classify":
        losses = [CrossEntropy()(output, target) for target in (batch.target, mixed.mixed)]
    else:
        losses = [((output - target) ** 2).mean(dim=1) for target in (batch.target, mixed.mixed)]
    by_hand = (own * losses[0] + other * losses[1]).sum()
    torch.testing.assert_close(loss[0], by_hand)
    (expected,) = torch.autograd.grad(by_hand, [trainer.module.head.weight])
    torch.testing.assert_close(trainer.module.head.weight.grad, expected)


def test_affine_turns_moves_and_resizes_a_picture():
    """A line stays a line, its angle and length within bounds; the middle moves by no more than its share."""
    picture = torch.zeros(400, 41, 41, dtype=torch.float32)
    picture[:, 20, 5:36] = 1.0
    found = change(batch_of(picture), "affine", 1.0).x.double()
    total = found.sum(dim=(1, 2))
    place = torch.arange(41.0, dtype=torch.float64)
    row, column = (found.sum(dim=2) @ place) / total, (found.sum(dim=1) @ place) / total
    assert (
        2.0 < (row - 20).abs().max() < 0.08 * 41 * 1.13 + 0.1
        and 2.0 < (column - 20).abs().max() < 0.08 * 41 * 1.13 + 0.1
    )
    down, right = place[:, None] - row[:, None, None], place - column[:, None, None]
    moments = [(found * product).sum(dim=(1, 2)) / total for product in (down * down, down * right, right * right)]
    angle = 0.5 * torch.atan2(2 * moments[1], moments[2] - moments[0])
    assert 0.23 < angle.max() < 0.27 and -0.27 < angle.min() < -0.23
    length = (12 * (moments[0] + moments[2])).sqrt() / 31
    assert 0.86 < length.min() < 0.91 and 1.09 < length.max() < 1.17


def test_affine_of_a_constant_is_that_constant_and_gaps_stay_gaps():
    x = torch.full((50, 9, 3), 2.5)
    torch.testing.assert_close(change(batch_of(x, [9, 5] * 25), "affine", 2.0).x, batch_of(x, [9, 5] * 25).x)
    x[:, 4, 1] = torch.nan
    gaps = change(batch_of(x), "affine", 1.0).x.isnan().sum(dim=(1, 2))
    assert gaps.min() >= 0 and 1 <= gaps.double().mean() <= 2


# -- padding and mates -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_on_padding_never_enters(kind):
    lengths = [10, 4, 1, 7]
    batch = batch_of(torch.randn(4, 10, 3), lengths)
    dirty = batch._replace(x=torch.where(batch.mask[..., None], batch.x, torch.nan))
    strength = read_augment(kind).parts[0][1]
    clean, found = change(batch, kind, strength), change(dirty, kind, strength)
    if kind == "mask":  # it changes real steps only; the network does not look at others
        found = found._replace(x=found.x.masked_fill(~found.mask[..., None], 0.0))
    torch.testing.assert_close(found.x, clean.x, rtol=0, atol=0)
    assert (clean.x[~clean.mask] == 0).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ragged", [False, True])
def test_a_replica_draws_what_it_draws_alone(kind, ragged):
    """Beside a mate with more rows and longer sequences."""
    strength = read_augment(kind).parts[0][1]
    x = torch.randn(2, 6, 9, 3)
    sizes = [6, 4]
    lengths = torch.tensor([[9, 3, 2, 5, 8, 1], [4, 6, 2, 3, 4, 4]]) if ragged else torch.full((2, 6), 9)
    x[1, 4:] = x[1, 0]  # how a batch is filled up
    mask = torch.arange(9) < lengths[..., None] if ragged else None
    x = x if mask is None else x.masked_fill(~mask[..., None], 0.0)
    share = torch.tensor([[1 / 6] * 6, [1 / 4] * 4 + [0] * 2])
    target = torch.arange(12).view(2, 6)
    network = Standing()
    network.scaling = InputScaling(3)
    network.scaling.shift, network.scaling.factor = torch.zeros(2, 3), torch.ones(2, 3)
    together = Augment(((kind, strength),))(
        Batch(x, mask, target, share, sizes), Draw([np.random.default_rng(r) for r in range(2)]), network
    )
    alone_scaling = Standing()
    alone_scaling.scaling = InputScaling(3)
    for r, n in enumerate(sizes):
        longest = int(lengths[r, :n].max())
        own = Batch(
            x[r, :n, :longest], None if mask is None else mask[r, :n, :longest], target[r, :n], share[r, :n], [n]
        )
        alone = Augment(((kind, strength),))(own, Draw([np.random.default_rng(r)]), alone_scaling)
        n_steps = alone.x.shape[1]
        assert torch.equal(together.x[r, :n, :n_steps], alone.x)
        if together.mask is not None:
            assert torch.equal(together.mask[r, :n, :n_steps], alone.mask)
            assert not together.mask[r, :n, n_steps:].any()
        if alone.mixed is not None:
            assert torch.equal(together.mixed[r, :n], alone.mixed)
            own_share, other = together.share[r].chunk(2)
            assert torch.equal(torch.cat([own_share[:n], other[:n]]), alone.share)
            assert not own_share[n:].any() and not other[n:].any()


@pytest.mark.parametrize("augment", [*KINDS, KINDS])
def test_joint_training_gives_what_training_alone_gives(augment):
    """In float64: products over other shapes may round otherwise."""
    from sklearn_seq.training.run import run, weights_of

    plans = []
    for seed, rows in ((0, slice(None)), (1, slice(0, 25))):
        params = {"hidden_size": 4, "max_epochs": 2, "batch_size": 8, "dtype": "float64"}
        model = GRUClassifier(augment=augment, random_state=seed, **params)
        plans.append(model._plan(model._read(RAGGED[rows], LABELS[rows], None, None, None, None)))
    together = [weights_of(result.module) for result in run(plans)]
    alone = [weights_of(run([plan])[0].module) for plan in plans]
    for one, other in zip(together, alone, strict=True):
        for name in one:
            np.testing.assert_allclose(one[name], other[name], rtol=0, atol=1e-12, err_msg=name)


# -- fits --------------------------------------------------------------------------------------------------------------


def fit(**params):
    return GRUClassifier(**{"hidden_size": 4, "max_epochs": 3, "random_state": 0, **params}).fit(RAGGED, LABELS)


def test_without_augmentation_no_number_is_drawn():
    class Refuses:
        def __getattr__(self, name):
            raise AssertionError(name)

    seeds = Seeds.draw(np.random.RandomState(0))
    assert (seeds.initialisation, seeds.batches, seeds.dropout) == tuple(
        np.random.RandomState(0).randint(0, 2**31 - 1, size=3).tolist()
    )
    expected = fit().predict_proba(RAGGED)
    for nothing in ((), [], {}):
        np.testing.assert_array_equal(fit(augment=nothing).predict_proba(RAGGED), expected)
    batch = batch_of(X[:4])
    assert Augment(())(batch, Draw([Refuses()]), Standing) is batch


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides_and_predict_does_not_change_anything(kind):
    model = fit(augment=kind)
    found = model.predict_proba(RAGGED)
    np.testing.assert_array_equal(found, model.predict_proba(RAGGED))
    np.testing.assert_array_equal(found, fit(augment=kind).predict_proba(RAGGED))
    np.testing.assert_allclose(found[:3], model.predict_proba(RAGGED[:3]), atol=1e-6)
    assert np.abs(found - fit().predict_proba(RAGGED)).max() > 1e-6
    order = np.random.default_rng(1).permutation(40)
    shuffled = GRUClassifier(hidden_size=4, max_epochs=3, random_state=0, augment=kind)
    shuffled.fit([RAGGED[i] for i in order], LABELS[order])
    np.testing.assert_array_equal(found, shuffled.predict_proba(RAGGED))


@pytest.mark.parametrize("kind", KINDS)
def test_it_trains_regressors_and_missing_values_and_float64(kind):
    gaps = X.copy()
    gaps[RNG.random(gaps.shape) < 0.1] = np.nan
    model = GRURegressor(augment=kind, missing="mask", dtype="float64", hidden_size=4, max_epochs=2, random_state=0)
    assert np.isfinite(model.fit(gaps, NUMBERS).predict(gaps)).all()
    model = GRURegressor(augment=kind, loss="quantile", hidden_size=4, max_epochs=2, random_state=0)
    assert np.isfinite(model.fit(X, np.c_[NUMBERS, NUMBERS]).predict(X)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_single_steps_and_single_rows(kind):
    for data, labels in ((X[:, :1, :1], LABELS), (X[:1], LABELS[:1])):
        model = GRUClassifier(augment=kind, hidden_size=2, max_epochs=1, random_state=0).fit(data, labels)
        assert np.isfinite(model.predict_proba(data)).all()


def test_windows_of_a_table_are_not_written_to():
    values = np.ascontiguousarray(X.reshape(-1, 3).astype(np.float32))
    values.setflags(write=False)
    windows = Sequences(values, np.arange(0, 400, 10), np.arange(0, 400, 10) + 20)
    fit_on = GRUClassifier(augment=KINDS, hidden_size=2, max_epochs=1, random_state=0)
    before = values.copy()
    fit_on.fit(windows, LABELS)
    np.testing.assert_array_equal(values, before)


def test_ensembles_train_with_it_adversarially_too():
    members = GRUClassifier(augment={"jitter": 0.1, "mixup": 0.2}, hidden_size=4, max_epochs=2)
    for adversarial in (0.0, 0.1):
        model = DeepEnsembleClassifier(members, n_estimators=3, adversarial=adversarial, random_state=0)
        assert model.fit(RAGGED, LABELS).predict_proba(RAGGED).shape == (40, 2)


def test_it_goes_through_grids_clones_pickles_and_files(tmp_path):
    grid = {"augment": [None, "jitter", ("crop", "warp"), {"mask": 0.3, "mixup": 0.2}]}
    base = GRUClassifier(hidden_size=2, max_epochs=1, random_state=0)
    search = GridSearchCV(base, grid, cv=2).fit(RAGGED, LABELS)
    with joint_training():
        together = GridSearchCV(base, grid, cv=2).fit(RAGGED, LABELS)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], together.cv_results_["mean_test_score"])
    for augment in grid["augment"]:
        model = fit(augment=augment)
        assert repr(clone(model)) == repr(model)
        save(model, tmp_path / "model")
        for other in (pickle.loads(pickle.dumps(model)), load(tmp_path / "model")):
            assert other.augment == augment
            np.testing.assert_array_equal(other.predict_proba(RAGGED), model.predict_proba(RAGGED))


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        ("jiter", r"^augment='jiter' names 'jiter'; wanted some of jitter, .*Did you mean 'jitter'\?$"),
        (["jitter", 3], r"^augment=.* names 3; wanted some of jitter, scaling, filter, warp, .*mixup, or a dict"),
        (("crop", "crop"), r"names one augmentation twice; wanted each once"),
        ({"jitter": 0}, r"gives 'jitter' the strength 0; wanted a number above 0\. Leave the name out for none\."),
        ({"crop": 1.5}, r"gives 'crop' the strength 1\.5; wanted a number above 0, 1 at most"),
        ({"mixup": np.nan}, r"gives 'mixup' the strength nan; wanted a number above 0"),
        ({"warp": np.inf}, r"gives 'warp' the strength inf; wanted a number above 0"),
        ({"mask": "much"}, r"gives 'mask' the strength 'much'; wanted a number above 0, 1 at most"),
        ({"mask": True}, r"gives 'mask' the strength True"),
    ],
)
def test_what_is_no_augmentation_is_refused(augment, message):
    for method in ("fit", "partial_fit"):
        model = GRUClassifier(augment=augment, max_epochs=1)
        args = (RAGGED, LABELS) if method == "fit" else (RAGGED, LABELS, np.unique(LABELS))
        with pytest.raises(ValueError, match=message):
            getattr(model, method)(*args)
