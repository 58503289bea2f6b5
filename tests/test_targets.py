"""Targets that are sequences: padding, rows that are equal, losses of validation, networks that are told the target."""

import numpy as np
import pytest
import torch

from sklearn_seq.layers.steps import StepOutput, to_steps
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.order import distinct_rows
from sklearn_seq.training import Part, Plan, Seeds, TrainingParams, outputs, run
from sklearn_seq.training.batches import Batches
from sklearn_seq.training.targets import SequenceTarget, TargetGather, forced_losses, row_losses


def ids(*rows):
    return Sequences.from_list([np.array(row, dtype=np.int64) for row in rows])


def rows_of(lengths, seed=0, n_features=2):
    rng = np.random.default_rng(seed)
    return Sequences.from_list([rng.normal(size=(n, n_features)).astype(np.float32) for n in lengths])


class PerStep(torch.nn.Module):
    """A linear layer at every step."""

    def __init__(self, n_features=2, n_outputs=3):
        super().__init__()
        self.layer = torch.nn.Linear(n_features, n_outputs)

    def forward(self, x, mask=None):
        return StepOutput(self.layer(x), mask)


class Told(torch.nn.Module):
    """Answers by what it is told: the target that stands one place before, and the mean of the input."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2 + 4, 4)

    def forward(self, x, mask, target):
        before = torch.nn.functional.one_hot(target.values, 4).to(x.dtype).roll(1, dims=1)
        mean = x.sum(dim=1) / (x.shape[1] if mask is None else mask.sum(dim=1, keepdim=True))
        return self.layer(torch.cat([before, mean[:, None].expand(-1, before.shape[1], -1)], dim=-1))


def squares(output, target):
    """Of the first output against the target, summed over its steps."""
    values = output.values[..., 0] if isinstance(output, StepOutput) else output[..., 0]
    return ((values - target.values) ** 2 * target.mask).sum(dim=1)


def plan_for(module, train, valid=None, **options):
    settings = TrainingParams(max_epochs=2, lr=1e-2, random_state=0, device="cpu", n_threads=1)
    return Plan(
        build=module,
        train=train,
        valid=valid,
        loss=options.pop("loss", squares),
        score=options.pop("score", lambda found, part: 0.0),
        settings=settings,
        seeds=Seeds(1, 2, 3),
        n_epochs=2,
        batch_size=3,
        **options,
    )


def test_targets_are_padded_beside_their_rows_and_may_be_empty():
    target = ids([1, 2, 3], [], [4], [5, 6])[[3, 1, 0, 2]]
    found = TargetGather(target, torch.float32)(np.array([0, 1, 2]))
    assert found.values.tolist() == [[5, 6, 0], [0, 0, 0], [1, 2, 3]]
    assert found.lengths.tolist() == [2, 0, 3]
    assert found.mask.tolist() == [[True, True, False], [False] * 3, [True] * 3]
    assert found.values.dtype == torch.int64
    real = TargetGather(Sequences.from_list([np.ones((2, 3)), np.zeros((1, 3))]), torch.float32)(
        np.array([1, 0]), least=4
    )
    assert real.values.shape == (2, 4, 3) and real.values.dtype == torch.float32
    nothing = TargetGather(Sequences(np.empty((0, 1), dtype=np.int64), [0, 0], [0, 0]), torch.float32)(np.array([0, 1]))
    assert nothing.values.shape == (2, 0) and nothing.lengths.tolist() == [0, 0]


def test_batches_bring_the_targets_of_their_rows():
    lengths = [3, 1, 4, 2, 5]
    data = rows_of(lengths)
    target = ids(*[[i] * n for i, n in enumerate(lengths, 1)])
    batches = Batches([Part(data, target, np.ones(5))], 2, torch.device("cpu"), torch.float32, [0])
    seen = []
    for batch in batches.epoch():
        for x, steps, labels in zip(batch.x, batch.target.lengths.tolist(), batch.target.values, strict=True):
            number = int(labels[0])
            np.testing.assert_array_equal(x[:steps], data[number - 1])
            assert labels[:steps].tolist() == [number] * lengths[number - 1]
            seen.append(number)
    assert sorted(seen) == [1, 2, 3, 4, 5]


def test_rows_are_equal_when_x_and_their_sequences_of_labels_are():
    X = Sequences.from_list([np.ones((2, 1)), np.zeros((3, 1)), np.ones((2, 1)), np.ones((2, 1)), np.zeros((3, 1))])
    y = ids([0, 1], [], [0, 1], [1, 0], [])
    rows, weight = distinct_rows(X, np.arange(1.0, 6.0), y)
    groups = {(tuple(X[i].ravel()), tuple(y[i].ravel())): w for i, w in zip(rows, weight, strict=True)}
    assert groups == {((1.0, 1.0), (0, 1)): 4.0, ((1.0, 1.0), (1, 0)): 4.0, ((0.0, 0.0, 0.0), ()): 7.0}
    order = np.array([4, 2, 0, 3, 1])
    again, _ = distinct_rows(X[order], np.arange(1.0, 6.0)[order], y[order])
    for a, b in zip(rows, order[again], strict=True):
        np.testing.assert_array_equal(X[a], X[b])
        np.testing.assert_array_equal(y[a], y[b])


def test_outputs_of_steps_are_those_of_each_row_alone():
    data = rows_of([4, 1, 7, 3] * 12)[::-1]
    module = PerStep()
    found = outputs(module, data)
    assert isinstance(found, Sequences) and found.lengths.tolist() == data.lengths.tolist()
    with torch.inference_mode():
        for x, said in zip(data, found, strict=True):
            np.testing.assert_allclose(said, module.layer(torch.from_numpy(x)), rtol=1e-6, atol=1e-6)
    alone = outputs(module, data[[5]])
    np.testing.assert_allclose(alone[0], found[5], atol=1e-6)


def test_losses_of_validation_are_those_of_each_row():
    lengths = [4, 1, 7, 3] * 30
    data, target = rows_of(lengths), ids(*[np.arange(n) for n in lengths])
    module, part = PerStep().eval(), Part(data, target, np.ones(len(lengths)))
    wanted = []
    with torch.inference_mode():
        for x, y in zip(data, target, strict=True):
            wanted.append(float(((module.layer(torch.from_numpy(x))[:, 0] - torch.from_numpy(y[:, 0])) ** 2).sum()))
    np.testing.assert_allclose(row_losses(squares, outputs(module, data), target), wanted, rtol=1e-5)
    np.testing.assert_allclose(forced_losses(module, part, squares, forced=False), wanted, rtol=1e-5)
    result = run([plan_for(PerStep, part, part)])[0]
    last = forced_losses(result.module, part, squares, forced=False).mean()
    assert result.history[-1]["valid_loss"] == pytest.approx(last, rel=1e-5)


def test_a_network_may_be_told_the_target():
    lengths = [4, 1, 7, 3] * 6
    data, target = rows_of(lengths), ids(*[np.arange(n + 2) % 4 for n in lengths])
    part = Part(data, target, np.ones(len(lengths)))
    given = []

    def score(losses, scored):
        given.append((losses, scored))
        return -float(losses.mean())

    result = run([plan_for(Told, part, part, forced=True, score=score)])[0]
    losses, scored = given[-1]
    assert scored is part and losses.shape == (len(lengths),)
    assert result.history[-1]["valid_loss"] == pytest.approx(losses.mean())
    assert result.history[1]["train_loss"] < result.history[0]["train_loss"]
    own = forced_losses(result.module, part, squares, forced=True)
    np.testing.assert_allclose(own, losses)
    one = SequenceTarget(*(t for t in TargetGather(target, torch.float32)(np.array([2]))))
    with torch.inference_mode():
        by_hand = squares(result.module(torch.from_numpy(data[2][None]), None, one), one)
    assert own[2] == pytest.approx(float(by_hand), rel=1e-5)


def test_a_plan_may_bring_its_own_evaluation():
    data, target = rows_of([2, 3, 4]), ids([0, 1], [0, 1, 2], [1, 1, 1, 1])
    part = Part(data, target, np.array([1.0, 2.0, 0.0]))
    result = run([plan_for(PerStep, part, part, evaluate=lambda module, valid: (np.array([1.0, 4.0, 9.0]), 0.5))])[0]
    assert result.history[-1]["valid_loss"] == pytest.approx(3.0) and result.history[-1]["valid_score"] == 0.5


def test_each_step_gets_the_vector_of_its_token():
    hidden = torch.arange(3.0)[None, :, None]
    assert to_steps(hidden, 8, 3)[0, :, 0].tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    assert to_steps(hidden, 10, 3)[0, -1, 0] == 2
    assert to_steps(hidden, 3, 1) is hidden
