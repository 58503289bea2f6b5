"""Decoders: what makes steps out of a memory.

A decoder is a module ``forward(inputs, mask, memory, memory_mask=None) -> hidden``: it computes a vector for each of the T
steps that are to be made (B, T, H), given

* ``inputs`` (B, T, F), what is known of each step before it is made: where it stands, or what was made before it; None where
  that is its place alone, which the decoder adds by itself,
* ``mask`` (B, T), which of these steps there are,
* ``memory`` (B, M, D), what is to be told, with a ``memory_mask`` (B, M): one vector, M = 1, of a variational autoencoder;
  the steps of another sequence where one sequence becomes another.

It has ``out_features`` = H, and any body of an encoder can be what computes: see `LatentDecoder`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_seq.layers.linear import Linear
from sklearn_seq.layers.masks import lengths_of, zero_padding
from sklearn_seq.layers.positions import sinusoids

__all__ = ["LatentDecoder", "PlacePool", "Places", "Pointwise", "one_a_step"]


class Places(nn.Module):
    """Where a step stands: along its own sequence, by cosines from its beginning to its end, and counted from the beginning.

    A step's features depend on its number and on the length of its own sequence alone. The cosines are a basis: sequences of up
    to ``n_waves`` steps are sums of them.

    Parameters
    ----------
    n_waves : int
        Cosines along the sequence, and as many features by the number of the step.

    Attributes
    ----------
    out_features : int
        Features a step.
    """

    def __init__(self, n_waves: int) -> None:
        super().__init__()
        self.n_waves = n_waves
        self.out_features = 2 * n_waves

    def forward(self, lengths: Tensor, n_timesteps: int, dtype: torch.dtype) -> Tensor:
        """(B, T, out_features); zeros behind a sequence's end. One row stands for all, where ``lengths`` has a single one.

        Parameters
        ----------
        lengths : Tensor of int of shape (B,)
        n_timesteps : int
        dtype : torch.dtype
        """
        steps = torch.arange(n_timesteps, device=lengths.device)  # (T,)
        along = (steps + 0.5) / lengths[:, None].double()  # (B, T), inside (0, 1)
        waves = torch.arange(1, self.n_waves + 1, device=lengths.device, dtype=torch.float64)
        cosines = torch.cos(math.pi * along[..., None] * waves)  # (B, T, W)
        counted = sinusoids(steps, self.n_waves).expand(len(lengths), -1, -1)  # (B, T, W)
        found = torch.cat([cosines, counted], dim=-1).to(dtype)
        return zero_padding(found, steps < lengths[:, None])


class Pointwise(nn.Module):
    """A body that looks at each step alone: a linear layer and residual blocks of two; and a linear layer beside them.

    Parameters
    ----------
    n_features : int
        Features of the input.
    hidden_size : int
    n_blocks : int

    Attributes
    ----------
    out_features : int
        Features of ``hidden``.
    """

    def __init__(self, n_features: int, hidden_size: int, n_blocks: int = 1) -> None:
        super().__init__()
        self.read = Linear(n_features, hidden_size)
        self.blocks = nn.ModuleList(
            nn.Sequential(Linear(hidden_size, hidden_size), nn.GELU(), Linear(hidden_size, hidden_size))
            for _ in range(n_blocks)
        )
        self.beside = Linear(n_features, hidden_size)
        self.out_features = 2 * hidden_size

    def forward(self, x: Tensor, mask: Tensor | None, state: None = None) -> tuple[Tensor, Tensor | None, None]:
        """(B, T, F) -> (B, T, 2 H), mask and state as of any body."""
        hidden = nn.functional.gelu(self.read(x))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return zero_padding(torch.cat([hidden, self.beside(x)], dim=-1), mask), mask, None


class PlacePool(nn.Module):
    """One vector of all steps: their mean, and their means weighted by each of the features of their `Places`.

    So what stands where is not lost, as it is in a mean. It is what `LatentDecoder` does, backward. Half of the vector is linear in
    the steps: with few sequences what is linear is learnt first.

    Parameters
    ----------
    n_features : int
        Features of a step.
    out_features : int
        Features of the vector, an even number.
    n_waves : int
        Of `Places`.
    """

    def __init__(self, n_features: int, out_features: int, n_waves: int) -> None:
        super().__init__()
        self.places = Places(n_waves)
        self.mix = Linear((1 + self.places.out_features) * n_features, out_features)
        self.out_features = out_features

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, H) -> (B, out_features)."""
        n = hidden.shape[1]
        lengths = lengths_of(hidden[:1] if mask is None else hidden, mask)
        places = self.places(lengths, n, hidden.dtype)  # (B or 1, T, P)
        places = torch.cat([zero_padding(torch.ones_like(places[..., :1]), mask), places], dim=-1)
        places = places / lengths[:, None, None].to(hidden.dtype)
        found = torch.matmul(places.transpose(1, 2), zero_padding(hidden, mask))  # (B, 1 + P, H)
        bent, straight = self.mix(found.flatten(1)).chunk(2, dim=-1)
        return torch.cat([nn.functional.gelu(bent), straight], dim=-1)


def one_a_step(hidden: Tensor, steps_per_token: int, n_timesteps: int) -> Tensor:
    """What a body with fewer steps than its input says of each step, (B, L, S H) -> (B, T, H).

    Parameters
    ----------
    hidden : Tensor of shape (B, L, S H)
        For each token the numbers of the S steps that it stands for.
    steps_per_token : int
    n_timesteps : int
        T, at most L S.

    Returns
    -------
    Tensor of shape (B, T, H)
    """
    if steps_per_token > 1:
        hidden = hidden.unflatten(-1, (steps_per_token, -1)).flatten(1, 2)
    if hidden.shape[1] < n_timesteps:
        raise ValueError(
            f"this body gives {hidden.shape[1]} steps for {n_timesteps}, and does not say how many each stands for "
            "(steps_per_token); it cannot decode. Use a body with one vector a step."
        )
    return hidden[:, :n_timesteps]


class LatentDecoder(nn.Module):
    """A decoder that tells a body one vector at every step, beside the place of the step; all steps are made at once.

    The vector is widened to a vector for each feature of the `Places`; a step is told their sum, weighted by its own places. So
    bodies that look at each step alone can decode too. What a step is told is given beside what the body makes of it, and a part
    of it is linear in the vector: a decoder begins where principal components end.

    Parameters
    ----------
    body : Module
        ``forward(x, mask, state=None) -> (hidden, mask, state)`` over ``n_inputs`` features, with ``out_features`` and, where
        it has fewer steps than its input, ``steps_per_token``: the body of any family.
    n_memory : int
        Features of the vector.
    n_told : int
        Features of what a step is told.
    n_waves : int
        Of `Places`.

    Attributes
    ----------
    out_features : int
        Features of ``hidden``.
    """

    def __init__(self, body: Any, n_memory: int, n_told: int, n_waves: int) -> None:
        super().__init__()
        self.places, self.body = Places(n_waves), body
        self.widen = Linear(n_memory, n_told)
        self.tell = Linear(n_told + n_memory, (1 + self.places.out_features) * n_told)
        self.steps_per_token = int(getattr(body, "steps_per_token", 1))
        self.out_features: int = body.out_features + n_told
        self.spread: nn.Module | None = None
        if self.steps_per_token > 1:
            self.spread = Linear(body.out_features, self.steps_per_token * body.out_features)

    @staticmethod
    def n_inputs(n_told: int, n_waves: int) -> int:
        """Features of a step as the body reads it."""
        return n_told + 2 * n_waves

    def forward(
        self, inputs: None, mask: Tensor | None, memory: Tensor, memory_mask: None = None, *, n_timesteps: int = 1
    ) -> Tensor:
        """A vector a step.

        Parameters
        ----------
        inputs : None
            A step is known by its place, which is added here.
        mask : Tensor of bool of shape (B, T), or None
            Which steps there are; None for ``n_timesteps`` in every sequence.
        memory : Tensor of shape (B, 1, D)
        memory_mask : None
        n_timesteps : int
            T, where there is no mask.

        Returns
        -------
        Tensor of shape (B, T, H)
        """
        told = self.tell(torch.cat([nn.functional.gelu(self.widen(memory)), memory], dim=-1))
        told = told.unflatten(-1, (1 + self.places.out_features, -1))[:, 0]
        n = n_timesteps if mask is None else mask.shape[1]  # told: (B, 1 + P, N)
        lengths = torch.full((1,), n, device=told.device) if mask is None else mask.sum(dim=1)
        places = self.places(lengths, n, told.dtype)  # (B or 1, T, P)
        x = told[:, :1] + torch.matmul(places, told[:, 1:]) / math.sqrt(places.shape[-1])  # (B, T, N)
        x = zero_padding(x, mask)
        hidden = self.body(torch.cat([x, places.expand(len(x), -1, -1)], dim=-1), mask)[0]  # (B, L, H)
        if self.spread is not None:
            hidden = self.spread(hidden)
        return torch.cat([one_a_step(hidden, self.steps_per_token, n), x], dim=-1)
