"""Linear-chain conditional random fields (Lafferty, McCallum and Pereira 2001): scores of labels that follow each other.

A chain is one block of numbers (K + 2, K): row i scores each label after label i, the last two rows score a label as the first
and as the last of a sequence. Emissions (B, T, K) score a label at a step. Padding stands behind and counts for nothing.
"""

from typing import Any

import torch
from torch import Tensor, nn

from sklearn_seq.layers.linear import Head
from sklearn_seq.layers.masks import lengths_of

__all__ = ["ChainHead", "best_path", "chain_losses", "log_partition", "marginals", "path_scores"]

_NEVER = -1e30  # finite, so that differences of two of them are numbers


class ChainHead(Head):
    """Emissions by a linear layer, and a chain beside them.

    Parameters
    ----------
    n_features : int
        Of a step.
    n_labels : int
    """

    joins = False

    def __init__(self, n_features: int, n_labels: int) -> None:
        super().__init__(n_features, n_labels)
        self.chain = nn.Parameter(torch.zeros(n_labels + 2, n_labels))


def path_scores(emissions: Tensor, chain: Tensor, labels: Tensor, mask: Tensor | None) -> Tensor:
    """The score of one label sequence a row.

    Parameters
    ----------
    emissions : Tensor of shape (B, T, K)
    chain : Tensor of shape (K + 2, K)
    labels : Tensor of int64 of shape (B, T)
        Anything from 0 to K - 1 on padding.
    mask : Tensor of bool of shape (B, T), or None

    Returns
    -------
    Tensor of shape (B,)
    """
    n_labels = chain.shape[1]
    by_step = emissions.gather(2, labels[..., None])[..., 0]  # (B, T)
    after = chain[labels[:, :-1], labels[:, 1:]]  # (B, T - 1)
    if mask is not None:
        by_step, after = by_step * mask, after * mask[:, 1:]
    last = labels.gather(1, lengths_of(emissions, mask)[:, None] - 1)[:, 0]
    return by_step.sum(dim=1) + after.sum(dim=1) + chain[n_labels, labels[:, 0]] + chain[n_labels + 1, last]


def _forward(emissions: Tensor, chain: Tensor, mask: Tensor | None) -> Tensor:
    """Logarithm of the weight of all beginnings that end with a label at a step, (T, B, K); behind the end as at the end."""
    n_labels = chain.shape[1]
    steps = emissions.transpose(0, 1)  # (T, B, K)
    after = chain[:n_labels]
    so_far = torch.empty_like(steps)
    so_far[0] = steps[0] + chain[n_labels]
    for t in range(1, len(steps)):
        one = torch.logsumexp(so_far[t - 1][:, :, None] + after, dim=1) + steps[t]
        so_far[t] = one if mask is None else torch.where(mask[:, t, None], one, so_far[t - 1])
    return so_far


def _backward(emissions: Tensor, chain: Tensor, mask: Tensor | None) -> Tensor:
    """Logarithm of the weight of all ends behind a label at a step, (T, B, K)."""
    n_labels = chain.shape[1]
    steps = emissions.transpose(0, 1)
    after = chain[:n_labels]
    to_come = torch.empty_like(steps)
    to_come[-1] = chain[n_labels + 1]
    for t in range(len(steps) - 2, -1, -1):
        one = torch.logsumexp(after + (steps[t + 1] + to_come[t + 1])[:, None], dim=2)
        to_come[t] = one if mask is None else torch.where(mask[:, t + 1, None], one, chain[n_labels + 1])
    return to_come


class _LogPartition(torch.autograd.Function):
    """Its gradient is the expected count of each score, so one pass from the end is all of it."""

    @staticmethod
    def forward(ctx: Any, emissions: Tensor, chain: Tensor, mask: Tensor | None) -> Tensor:
        so_far = _forward(emissions, chain, mask)
        total = torch.logsumexp(so_far[-1] + chain[-1], dim=1)
        ctx.save_for_backward(emissions, chain, so_far, total, *([] if mask is None else [mask]))
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, by_total: Tensor) -> tuple[Tensor, Tensor, None]:
        emissions, chain, so_far, total, *rest = ctx.saved_tensors
        mask = rest[0] if rest else None
        n_labels = chain.shape[1]
        to_come = _backward(emissions, chain, mask)
        expected = torch.exp(so_far + to_come - total[:, None]) * by_total[:, None]  # (T, B, K)
        of_chain = torch.zeros_like(chain)
        of_chain[n_labels], of_chain[n_labels + 1] = expected[0].sum(dim=0), expected[-1].sum(dim=0)
        if mask is not None:
            expected = expected * mask.T[..., None]
        steps = emissions.transpose(0, 1)
        for t in range(1, len(steps)):
            pairs = so_far[t - 1][:, :, None] + chain[:n_labels] + (steps[t] + to_come[t] - total[:, None])[:, None]
            share = by_total if mask is None else by_total * mask[:, t]
            of_chain[:n_labels] += (pairs.exp_() * share[:, None, None]).sum(dim=0)
        return expected.transpose(0, 1), of_chain, None


def log_partition(emissions: Tensor, chain: Tensor, mask: Tensor | None) -> Tensor:
    """Logarithm of the summed weights (exponentials of scores) of all label sequences.

    Parameters
    ----------
    emissions : Tensor of shape (B, T, K)
    chain : Tensor of shape (K + 2, K)
    mask : Tensor of bool of shape (B, T), or None

    Returns
    -------
    Tensor of shape (B,)
    """
    return _LogPartition.apply(emissions, chain, mask)


def chain_losses(emissions: Tensor, chain: Tensor, labels: Tensor, mask: Tensor | None) -> Tensor:
    """Minus the log-probability of label sequences; steps without a label are summed over.

    Parameters
    ----------
    emissions : Tensor of shape (B, T, K)
    chain : Tensor of shape (K + 2, K)
    labels : Tensor of int64 of shape (B, T)
        Below 0 where a step has none.
    mask : Tensor of bool of shape (B, T), or None

    Returns
    -------
    Tensor of shape (B,)
    """
    open_ = labels < 0
    if mask is not None:
        open_ = open_ & mask
    if not bool(open_.any()):
        given = path_scores(emissions, chain, labels.clamp(min=0), mask)
    else:
        every = torch.arange(chain.shape[1], device=labels.device)
        other = (labels[..., None] != every) & (labels >= 0)[..., None]  # (B, T, K)
        given = log_partition(emissions.masked_fill(other, _NEVER), chain, mask)
    return log_partition(emissions, chain, mask) - given


def marginals(emissions: Tensor, chain: Tensor, mask: Tensor | None) -> Tensor:
    """Probability of each label at each step, given the whole sequence.

    Parameters
    ----------
    emissions : Tensor of shape (B, T, K)
    chain : Tensor of shape (K + 2, K)
    mask : Tensor of bool of shape (B, T), or None

    Returns
    -------
    Tensor of shape (B, T, K)
        On padding as at the last step.
    """
    both = _forward(emissions, chain, mask) + _backward(emissions, chain, mask)
    return torch.softmax(both, dim=-1).transpose(0, 1)


def best_path(emissions: Tensor, chain: Tensor, mask: Tensor | None) -> Tensor:
    """The label sequence of the highest score (Viterbi 1967).

    Parameters
    ----------
    emissions : Tensor of shape (B, T, K)
    chain : Tensor of shape (K + 2, K)
    mask : Tensor of bool of shape (B, T), or None

    Returns
    -------
    Tensor of int64 of shape (B, T)
        On padding as at the last step.
    """
    n_labels = chain.shape[1]
    steps = emissions.transpose(0, 1)  # (T, B, K)
    best = steps[0] + chain[n_labels]
    came_from = torch.arange(n_labels, device=emissions.device).repeat(
        *steps.shape[:2], 1
    )  # (T, B, K); stays where padding is
    for t in range(1, len(steps)):
        score, place = (best[:, :, None] + chain[:n_labels]).max(dim=1)
        score = score + steps[t]
        if mask is None:
            best, came_from[t] = score, place
        else:
            here = mask[:, t, None]
            best, came_from[t] = torch.where(here, score, best), torch.where(here, place, came_from[t])
    label = (best + chain[n_labels + 1]).argmax(dim=1)  # (B,)
    path = [label]
    for t in range(len(steps) - 1, 0, -1):
        label = came_from[t].gather(1, label[:, None])[:, 0]
        path.append(label)
    return torch.stack(path[::-1], dim=1)
