"""Linear chains against enumeration of all label sequences."""

import itertools

import numpy as np
import pytest
import torch

from sklearn_seq.layers.crf import ChainHead, best_path, chain_losses, log_partition, marginals, path_scores

LENGTHS = [4, 1, 3]
N_LABELS = 3


def problem(seed=0, scale=2.0):
    draw = torch.Generator().manual_seed(seed)
    emissions = scale * torch.randn(len(LENGTHS), max(LENGTHS), N_LABELS, generator=draw, dtype=torch.float64)
    chain = scale * torch.randn(N_LABELS + 2, N_LABELS, generator=draw, dtype=torch.float64)
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    emissions[~mask] = 100.0 * torch.randn(int((~mask).sum()), N_LABELS, generator=draw, dtype=torch.float64)
    return emissions, chain, mask


def score_by_hand(emissions, chain, path):
    score = chain[N_LABELS, path[0]] + chain[N_LABELS + 1, path[-1]]
    score = score + sum(emissions[t, label] for t, label in enumerate(path))
    return score + sum(chain[a, b] for a, b in itertools.pairwise(path))


def every_path(emissions, chain, n_steps):
    """All label sequences of one row with their scores."""
    return {path: score_by_hand(emissions, chain, path) for path in itertools.product(range(N_LABELS), repeat=n_steps)}


@pytest.mark.parametrize("seed", range(3))
def test_partition_marginals_and_best_path_are_those_of_enumeration(seed):
    emissions, chain, mask = problem(seed)
    total, proba, best = (f(emissions, chain, mask) for f in (log_partition, marginals, best_path))
    for row, n_steps in enumerate(LENGTHS):
        paths = every_path(emissions[row], chain, n_steps)
        scores = torch.stack(list(paths.values()))
        torch.testing.assert_close(total[row], torch.logsumexp(scores, dim=0))
        weights = torch.softmax(scores, dim=0)
        for t in range(n_steps):
            by_label = [sum(w for w, p in zip(weights, paths, strict=True) if p[t] == k) for k in range(N_LABELS)]
            torch.testing.assert_close(proba[row, t], torch.stack(by_label))
        assert tuple(best[row, :n_steps].tolist()) == max(paths, key=paths.get)


def test_scores_of_given_paths():
    emissions, chain, mask = problem()
    labels = torch.tensor([[0, 2, 2, 1], [1, 0, 0, 0], [2, 1, 0, 0]])
    found = path_scores(emissions, chain, labels, mask)
    for row, n_steps in enumerate(LENGTHS):
        torch.testing.assert_close(found[row], score_by_hand(emissions[row], chain, labels[row, :n_steps].tolist()))


def test_the_loss_sums_over_labels_that_are_not_known():
    emissions, chain, mask = problem(1)
    labels = torch.tensor([[0, -1, -1, 1], [-1, -1, -1, -1], [2, 1, 0, 0]])
    found = chain_losses(emissions, chain, labels, mask)
    for row, n_steps in enumerate(LENGTHS):
        paths = every_path(emissions[row], chain, n_steps)
        fits = [
            score
            for path, score in paths.items()
            if all(label in (-1, k) for label, k in zip(labels[row].tolist(), path, strict=False))
        ]
        wanted = torch.logsumexp(torch.stack(list(paths.values())), 0) - torch.logsumexp(torch.stack(fits), 0)
        torch.testing.assert_close(found[row], wanted)
    assert abs(float(found[1])) < 1e-9  # nothing is known of this one


@pytest.mark.parametrize("masked", [True, False])
def test_gradients_are_those_of_finite_differences(masked):
    emissions, chain, mask = problem(2, scale=1.0)
    emissions, chain = emissions.masked_fill(~mask[..., None], 0.0).requires_grad_(), chain.requires_grad_()
    mask = mask if masked else None
    labels = torch.tensor([[0, -1, 2, 1], [1, 0, 0, 0], [2, 1, 0, 0]])
    assert torch.autograd.gradcheck(lambda e, c: log_partition(e, c, mask), (emissions, chain))
    assert torch.autograd.gradcheck(lambda e, c: chain_losses(e, c, labels, mask), (emissions, chain))


def test_the_gradient_of_the_partition_by_emissions_is_the_marginals():
    emissions, chain, mask = problem(3)
    emissions.requires_grad_()
    (gradient,) = torch.autograd.grad(log_partition(emissions, chain, mask).sum(), emissions)
    torch.testing.assert_close(gradient[mask], marginals(emissions.detach(), chain, mask)[mask])
    assert float(gradient[~mask].abs().max()) == 0.0


def test_a_chain_of_zeros_decides_each_step_for_itself():
    emissions, chain, mask = problem(4)
    chain = torch.zeros_like(chain)
    torch.testing.assert_close(marginals(emissions, chain, mask)[mask], torch.softmax(emissions, dim=-1)[mask])
    np.testing.assert_array_equal(best_path(emissions, chain, mask)[mask], emissions.argmax(dim=-1)[mask])
    head = ChainHead(5, N_LABELS)
    assert head.chain.shape == (N_LABELS + 2, N_LABELS) and float(head.chain.detach().abs().max()) == 0.0


def test_long_sequences_with_large_scores_stay_finite():
    emissions = torch.full((1, 2000, 2), 500.0)
    emissions[:, ::2, 1] = -500.0
    chain = torch.full((4, 2), -300.0)
    total = log_partition(emissions, chain, None)
    assert bool(torch.isfinite(total).all())
    loss = chain_losses(emissions, chain, torch.zeros(1, 2000, dtype=torch.int64), None)
    assert 0 <= float(loss) < float("inf")
