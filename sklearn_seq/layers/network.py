"""A whole network: scaling, body, pooling, head."""

from torch import Tensor, nn

from sklearn_seq.layers.dropout import Dropout
from sklearn_seq.layers.scaling import InputScaling

__all__ = ["Network"]


class Network(nn.Module):
    """What a task trains: one output vector a sequence.

    Parameters
    ----------
    scaling : InputScaling
        Brings the features to one scale.
    body : Module
        ``forward(x, mask, state=None) -> (hidden, mask, state)``.
    pool : Module
        ``forward(hidden, mask) -> (B, H)``.
    head : Module
        ``(B, H) -> (B, K)``.
    dropout : float
        Between pooling and head.
    """

    joins = True

    def __init__(
        self, scaling: InputScaling, body: nn.Module, pool: nn.Module, head: nn.Module, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.scaling, self.body, self.pool, self.head = scaling, body, pool, head
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Outputs of a batch.

        Parameters
        ----------
        x : Tensor of shape (B, T, F)
        mask : Tensor of bool of shape (B, T), optional
            True where a step is real, None where all are.

        Returns
        -------
        Tensor of shape (B, K)
            All with a leading R for replicas.
        """
        hidden, mask, _ = self.body(self.scaling(x, mask), mask)  # (..., B, T, H)
        return self.head(self.dropout(self.pool(hidden, mask)))
