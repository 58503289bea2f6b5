"""The best answers that a network can write, token by token, by beam search."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["beam_search"]


class _Finished:
    """The best answer of each row so far, and how many have ended."""

    def __init__(self, n_rows: int) -> None:
        self.merits = np.full(n_rows, -np.inf)
        self.counts = np.zeros(n_rows, dtype=np.int64)
        self.answers = [np.zeros(0, dtype=np.int64)] * n_rows

    def take(self, row: int, merit: float, tokens: np.ndarray) -> None:
        """An answer that has ended."""
        self.counts[row] += 1
        if merit > self.merits[row]:
            self.merits[row], self.answers[row] = merit, tokens.copy()


def _merits(values: Any, n_tokens: Any, penalty: float) -> Any:
    """What rises with ``values / n_tokens**penalty``, of which the power may be more than floats hold; values are at most 0."""
    with np.errstate(divide="ignore", over="ignore"):
        return penalty * np.log(n_tokens) - np.log(-values)


@torch.inference_mode()
def beam_search(
    network: Any,
    x: Tensor,
    mask: Tensor | None,
    limits: np.ndarray,
    *,
    mark: int,
    beam_size: int,
    length_penalty: float,
    banned: tuple[int, ...] = (),
) -> tuple[list[np.ndarray], np.ndarray]:
    """For each row the answer of the highest score among those that the search meets.

    The score is the log-likelihood of the answer and its end, divided by the number of its tokens, the end counted, to the
    power of ``length_penalty``. At each step the ``beam_size`` most probable beginnings are kept. A row is done when as many
    answers have ended, or none that goes on can be better; with beams as wide as there are answers the best of all is
    found. A beam of one follows the most probable token.

    Parameters
    ----------
    network : TranslationNetwork
        In evaluation mode.
    x : Tensor of int of shape (B, T, 1)
    mask : Tensor of bool of shape (B, T), or None
    limits : ndarray of int of shape (B,)
        Tokens of the longest answer of each row, which ends there at the latest.
    mark : int
        Ends an answer, and stands before its first token.
    beam_size : int
    length_penalty : float
        At least 0.
    banned : tuple of int
        Tokens that are never written.

    Returns
    -------
    answers : list of ndarray of int64
        Without the mark.
    scores : ndarray of shape (B,)
    """
    done = _Finished(len(x))
    state = network.start(x, mask)
    # the beginnings of all rows, flat: of which row, how probable, and their tokens
    row, value = np.arange(len(x)), np.zeros(len(x))
    tokens = np.zeros((len(x), 0), dtype=np.int64)
    last = torch.full((len(x),), mark, dtype=torch.long, device=x.device)
    penalty = float(length_penalty)
    while len(row):
        logits, state = network.step(last, state)
        beginning, token, score = _candidates(logits, value, row, limits - tokens.shape[1], mark, beam_size, banned)
        # rank of each candidate among those of its row, the best first
        order = np.lexsort([token, beginning, -score, row[beginning]])
        beginning, token, score = beginning[order], token[order], score[order]
        of = row[beginning]
        rank = np.arange(len(of)) - np.searchsorted(of, of)
        ends = (token == mark) & ((rank < beam_size) | (tokens.shape[1] == limits[of]))
        for i in np.flatnonzero(ends).tolist():
            done.take(of[i], _merits(score[i], tokens.shape[1] + 1, penalty), tokens[beginning[i]])
        goes_on = np.flatnonzero(token != mark)
        of = of[goes_on]
        goes_on = goes_on[np.arange(len(of)) - np.searchsorted(of, of) < beam_size]
        of = row[beginning[goes_on]]
        hopeful = _merits(score[goes_on], limits[of] + 1, penalty) > done.merits[of]
        going = np.zeros(len(x), dtype=bool)
        going[of[hopeful]] = True
        going &= done.counts < beam_size
        goes_on = goes_on[going[row[beginning[goes_on]]]]
        beginning, token, value = beginning[goes_on], token[goes_on], score[goes_on]
        if not np.array_equal(beginning, np.arange(len(row))):
            state = network.select(state, torch.from_numpy(beginning).to(x.device))
        row, last = row[beginning], torch.from_numpy(token).to(x.device)
        tokens = np.concatenate([tokens[beginning], token[:, None]], axis=1)
    return done.answers, -np.exp(-done.merits)


def _candidates(
    logits: Tensor, value: np.ndarray, row: np.ndarray, left: np.ndarray, mark: int, beam_size: int, banned: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each beginning the tokens that may follow: which beginning, which token, how probable both are together."""
    log_proba = torch.log_softmax(logits, dim=-1)
    log_proba[:, list(banned)] = -torch.inf
    full = left[row] == 0  # only the end may follow
    if full.any():
        ends = log_proba[torch.from_numpy(full), mark].clone()
        log_proba[torch.from_numpy(full)] = -torch.inf
        log_proba[torch.from_numpy(full), mark] = ends
    found, token = log_proba.topk(min(beam_size + 1, log_proba.shape[1]), dim=1)
    score = found.double().cpu().numpy() + value[:, None]
    beginning = np.repeat(np.arange(len(score)), score.shape[1])
    score, tokens = score.ravel(), token.cpu().numpy().ravel()
    possible = np.isfinite(score)
    return beginning[possible], tokens[possible], score[possible]
