"""The variational autoencoder: a body and its pooling say where in a latent space a sequence lies, a decoder makes it again."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_seq.layers.dropout import Draws, Dropout
from sklearn_seq.layers.linear import Head
from sklearn_seq.layers.masks import lengths_of

__all__ = ["Bounds", "HideStretches", "Latents", "Noise", "VariationalNetwork", "fixed_noise", "kl_to_standard"]

_LOG_VARIANCE = (-12.0, 6.0)  # of a latent, so that no exponent runs away
_HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)
_LONGEST_SHARE = 0.5  # of a sequence that is hidden at most
_FIXED = 8  # draws of the bound that is reported while training


def kl_to_standard(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence of a normal from the standard normal, of each dimension alone.

    Parameters
    ----------
    mean, log_variance : Tensor

    Returns
    -------
    Tensor
        Of the same shape, in nats.
    """
    return 0.5 * (log_variance.exp() + mean.square() - 1.0 - log_variance)


def fixed_noise(n_draws: int, size: int) -> np.ndarray:
    """The same standard normal draws at every call, (n_draws, size); the first of them do not depend on how many."""
    return np.random.default_rng(0).standard_normal((n_draws, size))


class Noise(nn.Module):
    """Numbers by chance from the generator of a fit, which the trainer gives as ``draws``."""

    def __init__(self) -> None:
        super().__init__()
        self.draws: Draws | None = None

    def forward(self, like: Tensor, *shape: int, normal: bool = True) -> Tensor:
        """Standard normal numbers, or ones between 0 and 1, in the dtype of ``like``."""
        found = torch.empty(shape, dtype=like.dtype, device=like.device)
        generator = None if self.draws is None else self.draws.generators[0]
        return found.normal_(generator=generator) if normal else found.uniform_(generator=generator)


class HideStretches(nn.Module):
    """Hides a stretch of some sequences from the encoder in training, as NaN; of all features or of some.

    Parameters
    ----------
    share : float
        Of the sequences.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.noise = Noise()

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """The batch as the encoder is shown it, (B, T, F)."""
        if not self.training or not self.share:
            return x
        n_rows, n_steps, n_features = x.shape
        chance = self.noise(x, n_rows, 4, normal=False)  # which rows, how long, from where, of which features
        of_features = self.noise(x, n_rows, n_features, normal=False) < 0.5
        of_features = of_features | (chance[:, 3:] < 0.5)  # (B, F)
        lengths = lengths_of(x, mask)
        width = (chance[:, 1] * _LONGEST_SHARE * lengths).ceil()
        start = (chance[:, 2] * (lengths - width + 1)).floor()
        steps = torch.arange(n_steps, device=x.device)
        hidden = (steps >= start[:, None]) & (steps < (start + width)[:, None]) & (chance[:, :1] < self.share)  # (B, T)
        return x.masked_fill(hidden[..., None] & of_features[:, None], torch.nan)


class VariationalNetwork(nn.Module):
    """Scaling, body and pooling give a normal in the latent space; a decoder and a likelihood go back (Kingma and Welling 2014).

    In training a pass gives each sequence's bound, and behind it the logits of labels where there is a head for them. In
    evaluation it gives those logits, or without such a head the bound by a few fixed draws.

    Parameters
    ----------
    scaling : Module
        ``forward(x, mask)``, what the body reads; NaN must be told there, where some may come.
    body : Module
        ``forward(x, mask, state=None) -> (hidden, mask, state)``.
    pool : Module
        ``forward(hidden, mask) -> (B, H)``, with ``out_features``.
    latent_size : int
        D.
    decoder : LatentDecoder
        Over memories of D features.
    likelihood : Module
        Over the decoder's steps.
    hide : float
        Share of the sequences with a stretch that the encoder is not shown in training.
    free_bits : float
        Nats of each latent dimension that cost no more than they would at this divergence (Kingma et al. 2016).
    n_importance : int
        Draws of the bound in training; more than one is the importance-weighted bound (Burda et al. 2016).
    dropout : float
        Between pooling and latents.
    n_labels : int
        Outputs of a head over the latent means; 0 for none.

    Attributes
    ----------
    beta : float
        Weight of the divergence in training; 1 gives the bound itself.
    """

    def __init__(
        self,
        scaling: Any,
        body: Any,
        pool: Any,
        latent_size: int,
        decoder: nn.Module,
        likelihood: Any,
        *,
        hide: float = 0.0,
        free_bits: float = 0.0,
        n_importance: int = 1,
        dropout: float = 0.0,
        n_labels: int = 0,
    ) -> None:
        super().__init__()
        self.scaling, self.body, self.pool = scaling, body, pool
        self.dropout = Dropout(dropout)
        self.to_latent = Head(pool.out_features, 2 * latent_size)
        self.decoder, self.likelihood = decoder, likelihood
        self.label_head = Head(latent_size, n_labels) if n_labels else None
        self.hide, self.noise = HideStretches(hide), Noise()
        self.latent_size, self.free_bits, self.n_importance = latent_size, free_bits, n_importance
        self.beta = 1.0

    def encode(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of each latent.

        Parameters
        ----------
        x : Tensor of shape (B, T, F)
            NaN where a value is missing.
        mask : Tensor of bool of shape (B, T), or None

        Returns
        -------
        mean, log_variance : Tensor of shape (B, D)
        """
        hidden, mask, _ = self.body(self.scaling(x, mask), mask)
        mean, log_variance = self.to_latent(self.dropout(self.pool(hidden, mask))).chunk(2, dim=-1)
        return mean, log_variance.clamp(*_LOG_VARIANCE)

    def decode(self, z: Tensor, mask: Tensor | None, n_timesteps: int) -> Tensor:
        """Numbers of the likelihood for each step, (B, D) -> (B, T, P)."""
        return self.likelihood.numbers(self.decoder(None, mask, z[:, None], n_timesteps=n_timesteps))

    def log_likelihood(self, z: Tensor, x: Tensor, mask: Tensor | None) -> Tensor:
        """Log p(x | z) of each sequence, in nats and in the units of the data; of what is known of it. (B,)"""
        return self.likelihood.log_density(self.decode(z, mask, x.shape[1]), x, mask).sum(dim=1)

    def log_weights(self, x: Tensor, mask: Tensor | None, noise: Tensor) -> Tensor:
        """Log p(x, z) - log q(z | x) for some draws: their mean is the bound, the logarithm of their mean the tighter one.

        Parameters
        ----------
        x : Tensor of shape (B, T, F)
        mask : Tensor of bool of shape (B, T), or None
        noise : Tensor of shape (S, D)
            The same draws for every sequence.

        Returns
        -------
        Tensor of float64 of shape (S, B)
        """
        mean, log_variance = self.encode(x, mask)
        found = []
        for one in noise.to(mean):
            z = mean + one * (0.5 * log_variance).exp()  # (B, D)
            numbers = self.decode(z, mask, x.shape[1]).double()
            fits = self.likelihood.log_density(numbers, x.double(), mask).sum(dim=1)
            prior = -0.5 * z.double().square()
            posterior = -0.5 * (one.double().square() + log_variance.double())
            found.append(fits + (prior - posterior).sum(dim=1))
        return torch.stack(found)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Bounds in nats (B, 1), with logits behind them in training; in evaluation the logits, if there are any.

        Parameters
        ----------
        x : Tensor of shape (B, T, F)
        mask : Tensor of bool of shape (B, T), or None

        Returns
        -------
        Tensor of shape (B, 1), (B, 1 + K) or (B, K)
        """
        if not self.training:
            if self.label_head is not None:
                return self.label_head(self.encode(x, mask)[0])
            noise = torch.from_numpy(fixed_noise(_FIXED, self.latent_size))
            return self.log_weights(x, mask, noise).mean(dim=0)[:, None]
        seen = self.hide(x, mask)
        mean, log_variance = self.encode(seen, mask)
        bound = self._bound(mean, log_variance, seen, mask)[:, None]
        return bound if self.label_head is None else torch.cat([bound, self.label_head(mean)], dim=1)

    def _bound(self, mean: Tensor, log_variance: Tensor, x: Tensor, mask: Tensor | None) -> Tensor:
        """In training, of what the encoder was shown, (B,)."""
        deviation, n = (0.5 * log_variance).exp(), self.n_importance
        noise = self.noise(mean, n, *mean.shape)  # (S, B, D)
        z = mean + noise * deviation
        if n == 1:
            divergence = kl_to_standard(mean, log_variance)
            if self.free_bits:
                divergence = divergence.clamp(min=self.free_bits)
            return self.log_likelihood(z[0], x, mask) - self.beta * divergence.sum(dim=1)
        flat = z.flatten(0, 1)  # (S B, D)
        masks = None if mask is None else mask.repeat(n, 1)
        fits = self.log_likelihood(flat, x.repeat(n, 1, 1), masks).view(n, -1)
        prior, posterior = -0.5 * z.square(), -0.5 * (noise.square() + log_variance)
        weights = fits + self.beta * (prior - posterior).sum(dim=2)
        return torch.logsumexp(weights, dim=0) - math.log(n)


class Latents(nn.Module):
    """Means and logarithms of variances side by side, (B, 2 D).

    Parameters
    ----------
    network : VariationalNetwork
    """

    def __init__(self, network: VariationalNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return torch.cat(self.network.encode(x, mask), dim=1)


class Bounds(nn.Module):
    """The bound, and the importance-weighted bound, by the same draws for every sequence, (B, 2).

    Parameters
    ----------
    network : VariationalNetwork
    noise : ndarray of shape (S, D)
        Standard normal.
    """

    def __init__(self, network: VariationalNetwork, noise: np.ndarray) -> None:
        super().__init__()
        self.network, self.noise = network, torch.from_numpy(noise)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        weights = self.network.log_weights(x, mask, self.noise)
        return torch.stack([weights.mean(dim=0), torch.logsumexp(weights, dim=0) - math.log(len(weights))], dim=1)
