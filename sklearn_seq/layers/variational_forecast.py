"""A variational network over the past of windows, whose decoder makes the past again and answers the horizon."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sklearn_seq.layers.decoders import LatentDecoder
from sklearn_seq.layers.horizon import ForecastNetwork, HorizonShape
from sklearn_seq.layers.linear import Head
from sklearn_seq.layers.variational import Noise, kl_to_standard

__all__ = ["VariationalForecast"]

_LOG_VARIANCE = (-12.0, 6.0)


class VariationalForecast(ForecastNetwork):
    """As `ForecastNetwork`, with a latent vector between past and horizon.

    The body and its pooling give a normal for each window; a draw of it (in evaluation its mean) is decoded to all steps of
    past and horizon. In training a pass gives the answers, and behind them what the bound adds to their loss: the divergence
    from the prior, and how far the past is from what was made of it, in nats a value.

    Parameters
    ----------
    scaling : InputScaling
    body, pool : Module
        Of the encoder.
    shape : HorizonShape
    latent_size : int
    decoder : LatentDecoder
    dropout : float
    **options
        Of `ForecastNetwork`: the linear map beside it.

    Attributes
    ----------
    beta : float
        Weight of the divergence.
    reconstruction : float
        Weight of the past.
    """

    joins = False

    def __init__(
        self,
        scaling: nn.Module,
        body: nn.Module,
        pool: Any,
        shape: HorizonShape,
        latent_size: int,
        decoder: LatentDecoder,
        *,
        dropout: float = 0.0,
        reconstruction: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(scaling, body, pool, shape, dropout=dropout, **options)
        n_channels = 1 if shape.independent else shape.n_targets
        self.to_latent = Head(pool.out_features, 2 * latent_size)
        self.decoder, self.noise = decoder, Noise()
        n_known = len(shape.known) + len(shape.static)
        before = self.head
        self.head = Head(decoder.out_features + n_known, n_channels * shape.n_numbers)
        if shape.known:
            del self.ahead, self.of_known
        if self.linear is not None:
            nn.init.zeros_(self.head.weight)
        with torch.no_grad():  # begins as the head it replaces does
            self.head.bias.copy_(before.bias[: len(self.head.bias)])
        self.of_past = Head(decoder.out_features, n_channels) if shape.own else None
        self.beta, self.reconstruction = 1.0, reconstruction
        self._extra: Tensor | None = None

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Answers (B, H K numbers), in training with one number more a window."""
        answers = super().forward(x, mask)
        extra, self._extra = self._extra, None
        if not self.training or extra is None:
            return answers
        return torch.cat([answers, extra.view(len(answers), -1).mean(dim=1, keepdim=True)], dim=1)

    def _hidden(self, past: Tensor, own: Tensor | None, shift: Tensor | None, scale: Tensor | None) -> Tensor:
        """Decoded steps of past and horizon behind one another, with what is fixed of a series, (B n, H, features)."""
        found = super()._hidden(past, own, shift, scale)  # (B n, pooled + static)
        n_static = len(self.shape.static)
        pooled, static = (found[:, :-n_static], found[:, -n_static:]) if n_static else (found, None)
        mean, log_variance = self.to_latent(self.dropout(pooled)).chunk(2, dim=-1)
        log_variance = log_variance.clamp(*_LOG_VARIANCE)
        z = mean
        if self.training:
            z = mean + self.noise(mean, *mean.shape) * (0.5 * log_variance).exp()
        s = self.shape
        steps = self.decoder(None, None, z[:, None], n_timesteps=s.lookback + s.horizon)  # (B n, L + H, N)
        if self.training:
            divergence = kl_to_standard(mean, log_variance).sum(dim=1)
            n_values = (s.lookback + s.horizon) * (1 if s.independent else s.n_targets)
            extra = self.beta * divergence / n_values
            if self.of_past is not None and own is not None:
                made = self.of_past(steps[:, : s.lookback])
                wanted = own if shift is None else own - shift
                wanted = wanted if scale is None else wanted / scale
                wanted = wanted.transpose(1, 2).flatten(0, 1)[..., None] if s.independent else wanted
                extra = extra + self.reconstruction * (made - wanted).square().mean(dim=(1, 2))
            self._extra = extra
        ahead = steps[:, s.lookback :]
        return ahead if static is None else torch.cat([ahead, static[:, None].expand(-1, s.horizon, -1)], dim=-1)

    def _head(self, hidden: Tensor, known: Tensor | None) -> Tensor:
        s = self.shape
        n = s.n_targets if s.independent else 1
        if known is not None:
            hidden = torch.cat([hidden, known.repeat_interleave(n, dim=0)], dim=-1)
        found = self.head(hidden)  # (B n, H, K / n numbers)
        if n == 1:
            return found.view(-1, s.horizon, s.n_targets, s.n_numbers)
        return found.view(-1, n, s.horizon, s.n_numbers).transpose(1, 2)  # (B, H, K, numbers)
