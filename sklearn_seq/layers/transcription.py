"""Networks whose steps spell texts."""

from typing import Any

from torch import Tensor, nn

from sklearn_seq.layers.dropout import Dropout
from sklearn_seq.layers.masks import zero_padding
from sklearn_seq.layers.steps import StepOutput

__all__ = ["Stacked", "TranscriptNetwork"]


class TranscriptNetwork(nn.Module):
    """Scaling, body and head: one output vector for each step of the body, of which there may be fewer than of the input.

    Parameters
    ----------
    scaling : Module
        ``forward(x, mask) -> x``.
    body : Module
        ``forward(x, mask, state=None) -> (hidden, mask, state)``.
    head : Module
        ``(..., H) -> (..., K)``.
    dropout : float
        Between body and head.
    """

    def __init__(self, scaling: nn.Module, body: Any, head: nn.Module, dropout: float = 0.0) -> None:
        super().__init__()
        self.scaling, self.body, self.head = scaling, body, head
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> StepOutput:
        """Logits (B, T', K) and the mask (B, T') of the body's steps."""
        hidden, mask, _ = self.body(self.scaling(x, mask), mask)
        return StepOutput(self.head(self.dropout(hidden)), mask)


class Stacked(nn.Module):
    """A body that reads several steps as one, side by side.

    Parameters
    ----------
    body : Module
        For ``n_stacked`` times as many features.
    n_stacked : int
        Steps that become one; zeros stand behind a sequence that ends within one.
    """

    def __init__(self, body: Any, n_stacked: int) -> None:
        super().__init__()
        self.body, self.n_stacked = body, n_stacked
        self.out_features = body.out_features
        self.steps_per_token = n_stacked * getattr(body, "steps_per_token", 1)

    def forward(self, x: Tensor, mask: Tensor | None, state: Any = None) -> tuple[Tensor, Tensor | None, Any]:
        n = self.n_stacked
        x = nn.functional.pad(zero_padding(x, mask), (0, 0, 0, -x.shape[1] % n))
        x = x.unflatten(1, (-1, n)).flatten(2)  # (B, T / n, n F)
        return self.body(x, None if mask is None else mask[:, ::n].contiguous(), state)
