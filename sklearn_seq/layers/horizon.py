"""A network over the past of windows that answers all steps of their horizon."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_seq.layers.dropout import Dropout
from sklearn_seq.layers.linear import Head, Linear

__all__ = ["ForecastNetwork", "HorizonShape", "WindowMapLayer", "places"]

_LOG_DEVIATION = (-7.0, 7.0)  # of a Gaussian head, as those of regressors
_LEAST_VARIANCE = 1e-6  # of a window, where 1 is that of its series
_AHEAD = 32  # features of a step of the horizon, where something is known of it


@lru_cache
def places(columns: tuple[int, ...]) -> slice | list[int]:
    """An index of these columns: where they are evenly spaced a slice, which copies nothing."""
    steps = {after - before for before, after in pairwise(columns)}
    if len(columns) == 1 or (len(steps) == 1 and min(steps) > 0):
        return slice(columns[0], columns[-1] + 1, steps.pop() if steps else 1)
    return list(columns)


@dataclass(frozen=True)
class HorizonShape:
    """Which columns of a stretch are what, and how windows are normalised.

    Attributes
    ----------
    lookback, horizon : int
        Rows of a stretch before and behind the origin.
    target : tuple of int
        Columns that are forecast.
    own : tuple of int
        Columns that hold their past, with indicators behind them; empty for targets that have none.
    beside : tuple of int
        Other columns that are read of the past.
    known, static : tuple of int
        Columns read of the horizon, and of the last row of the past.
    n_marks : int
        Indicators of missing values in ``own``: 0, or as many as targets.
    head : {"point", "gaussian", "quantile"}
    n_numbers : int
        Numbers of an answer: 1, 2, or one a quantile.
    normalize : {"last", "standard", "none"}
    independent : bool
        Whether each target is read by itself.
    """

    lookback: int
    horizon: int
    target: tuple[int, ...]
    own: tuple[int, ...]
    beside: tuple[int, ...]
    known: tuple[int, ...]
    static: tuple[int, ...]
    n_marks: int
    head: str
    n_numbers: int
    normalize: str
    independent: bool

    @property
    def n_targets(self) -> int:
        """Targets."""
        return len(self.target)

    @property
    def n_inputs(self) -> int:
        """Features of a step of the past, as the body reads it."""
        if not self.independent:
            return len(self.own) + len(self.beside)
        return (1 + bool(self.n_marks)) + len(self.beside)


class WindowMapLayer(nn.Module):
    """The linear map of a window to its horizon, as it was solved; it is not trained.

    Parameters
    ----------
    lookback, horizon : int
    shift : {"last", "mean", "none"}
        What windows are taken relative to.
    """

    joins = True

    def __init__(self, lookback: int, horizon: int, shift: str) -> None:
        super().__init__()
        self.shift = shift
        self.register_buffer("coef", torch.zeros(lookback, horizon))
        self.register_buffer("of_deviation", torch.zeros(horizon))
        self.register_buffer("intercept", torch.zeros(horizon))

    def forward(self, x: Tensor) -> Tensor:
        """(..., B, L, K) -> (..., B, H, K)."""
        coef: Any = self.coef
        x = x[..., -coef.shape[-2] :, :]
        shift = {"last": x[..., -1:, :], "mean": x.mean(dim=-2, keepdim=True)}.get(
            self.shift, torch.zeros_like(x[..., :1, :])
        )
        away = (x - shift).transpose(-1, -2)  # (..., B, K, L)
        deviation = away.std(dim=-1, correction=0, keepdim=True)
        found = _product(away, coef, self.training) + _beside(deviation, self.of_deviation) + _beside(0, self.intercept)
        return found.transpose(-1, -2) + shift


def _product(x: Tensor, coef: Tensor, training: bool) -> Tensor:
    """(..., B, K, L) times (L, H), in evaluation summed in float64 and rounded once, as `Head` does."""
    if not training:
        return torch.matmul(x.double(), coef.double()).to(x.dtype)
    rows = x.flatten(-3, -2)  # one shape of product for one network and for replicas, so that they have the same bits
    found = torch.bmm(rows, coef) if coef.ndim == 3 else torch.bmm(rows[None], coef[None])[0]
    return found.unflatten(-2, x.shape[-3:-1])


def _beside(x: Any, vector: Any) -> Tensor:
    """A number a window times, or plus, a number a step."""
    vector = vector[:, None, None] if vector.ndim == 2 else vector
    return vector if isinstance(x, int) else x * vector


class ForecastNetwork(nn.Module):
    """Scaling, normalisation by window, body, pooling, head; and a linear map around them.

    A stretch holds the past and the horizon. Of the horizon nothing is read but the columns that are known ahead.

    Parameters
    ----------
    scaling : InputScaling
        Of the columns of the table.
    body : Module
        ``forward(x, mask, state=None) -> (hidden, mask, state)`` over the past.
    pool : Module
        ``forward(hidden, mask) -> (B, H)``, with ``out_features``.
    shape : HorizonShape
    dropout : float
        Between pooling and head.
    linear : {"ridge", "learnt", "none"}
        The map around the network: solved, trained with it, or none.
    map_lookback, map_shift : int and str
        Of a solved map.
    """

    joins = True

    def __init__(
        self,
        scaling: nn.Module,
        body: nn.Module,
        pool: Any,
        shape: HorizonShape,
        *,
        dropout: float = 0.0,
        linear: str = "none",
        map_lookback: int = 1,
        map_shift: str = "last",
    ) -> None:
        super().__init__()
        self.scaling, self.body, self.pool, self.shape = scaling, body, pool, shape
        self.dropout = Dropout(dropout)
        n_hidden = pool.out_features + len(shape.static)
        n_channels = 1 if shape.independent else shape.n_targets
        n_out = n_channels * shape.n_numbers
        if shape.known:
            self.ahead = Linear(n_hidden, shape.horizon * _AHEAD)
            self.of_known = Linear(len(shape.known), _AHEAD)
            self.head: Linear = Head(_AHEAD + len(shape.known), n_out)
        else:
            self.head = Head(n_hidden, shape.horizon * n_out)
        self.linear: nn.Module | None = None
        if linear == "ridge":
            self.linear = WindowMapLayer(map_lookback, shape.horizon, map_shift)
        elif linear == "learnt":
            self.linear = Linear(shape.lookback, shape.horizon)
        if self.linear is not None:  # what is learnt begins as nothing beside it
            nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        if shape.head == "quantile":  # the middle one of them begins at 0
            with torch.no_grad():
                first = self.head.bias.view(-1, shape.n_numbers)[:, 0]
                first.fill_(-math.log(2.0) * (shape.n_numbers // 2))  # the softplus of 0, a step each

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Answers for stretches.

        Parameters
        ----------
        x : Tensor of shape (B, L + H, C)
            Past and horizon.
        mask : None
            All stretches are whole.

        Returns
        -------
        Tensor of shape (B, H K numbers)
            In the scale of the table: the forecast; mean and logarithm of the deviation; or quantiles that rise. All with a
            leading R for replicas.
        """
        s = self.shape
        past = self.scaling(x[..., : s.lookback, :], None)
        known = self.scaling(x[..., s.lookback :, :], None)[..., places(s.known)] if s.known else None
        own = past[..., places(s.own[: s.n_targets])] if s.own else None  # (..., B, L, K)
        shift, scale = self._frame(own)
        hidden = self._hidden(past, own, shift, scale)
        found = self._head(hidden, known)  # (..., B, H, K, numbers)
        return self._numbers(found, own, shift, scale).flatten(-3)

    def _frame(self, own: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """What is subtracted from windows, and what they are divided by, (..., B, 1, K) or None."""
        kind = self.shape.normalize
        if own is None or kind == "none":
            return None, None
        if kind == "last":
            return own[..., -1:, :], None
        variance, mean = torch.var_mean(own, dim=-2, correction=0, keepdim=True)
        return mean, (variance + _LEAST_VARIANCE).sqrt()

    def _hidden(self, past: Tensor, own: Tensor | None, shift: Tensor | None, scale: Tensor | None) -> Tensor:
        """(..., B, H), or with independent targets (..., B K, H)."""
        s = self.shape
        parts = []
        if own is not None:
            normal = _normal(own, shift, scale)
            parts.append(normal)
            if s.n_marks:
                parts.append(past[..., places(s.own[s.n_targets :])])
        beside = past[..., places(s.beside)] if s.beside else None
        static = past[..., -1, places(s.static)] if s.static else None
        if s.independent:
            parts = [part.transpose(-1, -2)[..., None] for part in parts]  # (..., B, K, L, 1)
            if beside is not None:
                parts.append(beside[..., None, :, :].expand(*parts[0].shape[:-1], -1))
            inputs = parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
            inputs = inputs.flatten(-4, -3)  # (..., B K, L, F)
            if static is not None:
                static = static.repeat_interleave(s.n_targets, dim=-2)
        else:
            inputs = torch.cat([*parts, *([] if beside is None else [beside])], dim=-1)
        hidden, mask, _ = self.body(inputs, None)
        pooled = self.pool(hidden, mask)
        return pooled if static is None else torch.cat([pooled, static], dim=-1)

    def _head(self, hidden: Tensor, known: Tensor | None) -> Tensor:
        s = self.shape
        hidden = self.dropout(hidden)
        n = s.n_targets if s.independent else 1
        if known is None:
            found = self.head(hidden)  # (..., B n, H K / n numbers)
        else:
            if s.independent:
                known = known.repeat_interleave(n, dim=-3)
            ahead = self.ahead(hidden).unflatten(-1, (s.horizon, _AHEAD)) + self.of_known(known)
            ahead = torch.cat([nn.functional.gelu(ahead), known], dim=-1)
            found = self.head(ahead)  # (..., B n, H, K / n numbers)
        lead = hidden.shape[:-2]
        if n == 1:
            return found.view(*lead, -1, s.horizon, s.n_targets, s.n_numbers)
        return found.view(*lead, -1, n, s.horizon, s.n_numbers).transpose(-3, -2)  # (..., B, H, K, numbers)

    def _numbers(self, found: Tensor, own: Tensor | None, shift: Tensor | None, scale: Tensor | None) -> Tensor:
        """Answers in the scale of the table."""
        s = self.shape
        first = found.squeeze(-1) if s.n_numbers == 1 else found[..., 0]
        base: Any = None
        if own is not None and isinstance(self.linear, WindowMapLayer):
            base = self.linear(own)
            shift = None  # the map has put it back
        elif own is not None and self.linear is not None:
            normal = _normal(own, shift, scale).transpose(-1, -2)  # (..., B, K, L)
            first = first + self.linear(normal).transpose(-1, -2)
        if s.head == "quantile":
            steps = nn.functional.softplus(found[..., 1:])
            rising = torch.cat([first[..., None], steps], dim=-1).cumsum(dim=-1)
            rising = rising if scale is None else rising * scale[..., None]
            rising = rising if base is None else rising + base[..., None]
            return rising if shift is None else rising + shift[..., None]
        center = first if scale is None else first * scale
        center = center if base is None else center + base
        center = center if shift is None else center + shift
        if s.head == "point":
            return center[..., None]
        log_deviation = found[..., 1].clamp(*_LOG_DEVIATION)
        log_deviation = log_deviation if scale is None else log_deviation + scale.log()
        return torch.stack([center, log_deviation], dim=-1)


def _normal(own: Tensor, shift: Tensor | None, scale: Tensor | None) -> Tensor:
    own = own if shift is None else own - shift
    return own if scale is None else own / scale
