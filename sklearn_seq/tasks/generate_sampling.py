"""From the logits of the next token to texts: greedy or by chance, from all tokens or from the probable ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from sklearn_seq.tasks.options import is_number, is_whole

__all__ = ["Choice", "check_numbers", "write"]

_CHUNK = 256  # tokens of prompts that are read at a time, and for which there is room at first


def check_numbers(max_length: Any, temperature: Any, top_k: Any, top_p: Any) -> None:
    """Of ``generate``; a ValueError says what was given and what was wanted."""
    rules = [
        ("max_length", max_length, is_whole(max_length, 1), "a whole number, 1 or more"),
        ("temperature", temperature, is_number(temperature, 0), "0 (the most probable token) or more"),
        ("top_k", top_k, top_k is None or is_whole(top_k, 1), "None, or a whole number, 1 or more"),
        (
            "top_p",
            top_p,
            top_p is None or (is_number(top_p, 0) and 0 < top_p <= 1),
            "None, or a number above 0, at most 1",
        ),
    ]
    for name, given, legal, wanted in rules:
        if not legal:
            raise ValueError(f"generate got {name}={given!r}; wanted {wanted}")


class Choice:
    """Chooses the next token of each row.

    Parameters
    ----------
    temperature : float
        Logits are divided by it; 0 takes the most probable token.
    top_k : int, optional
        Only among as many most probable tokens (Fan et al. 2018).
    top_p : float, optional
        Only among the most probable tokens that together have this probability (Holtzman et al. 2020), after ``top_k``.
    banned : sequence of int
        Never chosen.
    """

    def __init__(
        self, temperature: float, top_k: int | None = None, top_p: float | None = None, banned: Sequence[int] = ()
    ) -> None:
        self.temperature, self.top_k, self.top_p, self.banned = temperature, top_k, top_p, list(banned)

    def __call__(self, logits: np.ndarray, chance: np.ndarray) -> np.ndarray:
        """Tokens.

        Parameters
        ----------
        logits : ndarray of float64 of shape (n, V)
        chance : ndarray of shape (n,)
            Uniform in [0, 1).

        Returns
        -------
        ndarray of int of shape (n,)
        """
        logits = logits.copy()
        logits[:, self.banned] = -np.inf
        if self.temperature == 0:
            return logits.argmax(axis=1)
        order, shares = self.ranked(logits)
        reached = shares.cumsum(axis=1)
        place = (reached <= chance[:, None] * reached[:, -1:]).sum(axis=1)
        place = np.minimum(place, (shares > 0).sum(axis=1) - 1)  # rounding may lead behind the last one
        return np.take_along_axis(order, place[:, None], axis=1)[:, 0]

    def ranked(self, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Tokens from the most probable one down, and their probabilities, (n, V) each; those left out have none."""
        order = np.argsort(-logits, axis=1, kind="stable")
        sorted_ = np.take_along_axis(logits, order, axis=1)
        with np.errstate(over="ignore"):  # a tiny temperature leaves the first alone
            shares = np.exp((sorted_ - sorted_[:, :1]) / self.temperature)
        if self.top_k is not None:
            shares[:, self.top_k :] = 0.0
        shares /= shares.sum(axis=1, keepdims=True)
        if self.top_p is not None:
            before = shares.cumsum(axis=1) - shares
            before[:, 0] = 0.0
            shares[before >= self.top_p] = 0.0
            shares /= shares.sum(axis=1, keepdims=True)
        return order, shares


def write(
    network: Any,
    prompts: list[np.ndarray],
    mark: int,
    *,
    max_length: int,
    choose: Callable[[np.ndarray, np.ndarray], np.ndarray],
    seed: int,
    device: torch.device,
) -> list[np.ndarray]:
    """Go on from prompts, token by token.

    Every row has numbers by chance of its own, by its place alone, so that fewer rows or shorter prompts beside it do not
    change what it becomes.

    Parameters
    ----------
    network : LanguageNetwork
        In evaluation mode.
    prompts : list of ndarray of int64
        At least one; each may be empty.
    mark : int
        Stands before each text, and ends it where it is chosen.
    max_length : int
        Tokens that are added at most.
    choose : callable
        Such as `Choice`.
    seed : int
        Of the numbers by chance.
    device : torch.device

    Returns
    -------
    list of ndarray of int64
        What is added to each prompt, without the mark.
    """
    n, lengths = len(prompts), np.array([len(prompt) for prompt in prompts])
    known = np.full((n, 1 + int(lengths.max())), mark, dtype=np.int64)
    for row, prompt in zip(known, prompts, strict=True):
        row[1 : 1 + len(prompt)] = prompt
    random = [np.random.Generator(np.random.PCG64([seed, i])) for i in range(n)]
    added = np.full((n, min(max_length, _CHUNK)), mark, dtype=np.int64)
    n_added = np.zeros(n, dtype=np.int64)
    going = np.ones(n, dtype=bool)
    chance = np.zeros(n)
    with torch.inference_mode():
        # what all rows have is read in one go; from there on, rows with longer prompts are told their next token
        n_read = 1 + int(lengths.min())
        logits: Any = None
        state: Any = None
        for begin in range(0, n_read, _CHUNK):
            part = torch.from_numpy(known[:, begin : min(n_read, begin + _CHUNK)]).to(device)
            logits, state = network.read(part, state, last=True)
        logits, step = logits.cpu().numpy(), network.going_on(state, int(lengths.max()) + max_length - n_read + 1)
        while True:
            following = np.full(n, mark, dtype=np.int64)
            told = n_read < 1 + lengths
            following[told] = known[told, n_read] if told.any() else mark
            free = np.flatnonzero(going & ~told)
            if len(free):
                chance[free] = [random[i].random() for i in free]
                own = logits if len(free) == n else logits[free]
                chosen = choose(own.astype(np.float64), chance[free])
                if n_added[free].max() == added.shape[1]:  # texts end long before a max_length that was to mean no end
                    added = np.concatenate([added, np.full_like(added, mark)], axis=1)
                added[free, n_added[free]] = following[free] = chosen
                ended = chosen == mark
                n_added[free] += ~ended
                going[free[ended | (n_added[free] == max_length)]] = False
            if not going.any():
                return [row[:k].copy() for row, k in zip(added, n_added, strict=True)]
            logits = step(following)
            n_read += 1
