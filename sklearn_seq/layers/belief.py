"""The network that a deep belief network becomes when it is fine-tuned."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_seq.layers.boltzmann import flat_steps
from sklearn_seq.layers.dropout import Dropout
from sklearn_seq.layers.linear import Linear

__all__ = ["BeliefBody"]


class BeliefBody(nn.Module):
    """Layers of sigmoid units over all steps of a sequence at once; steps past the end of a shorter one are zeros.

    Parameters
    ----------
    n_steps, n_features : int
        Of the longest sequence.
    sizes : sequence of int
        Units of the layers.
    dropout : float
        Between layers.
    """

    joins = True

    def __init__(self, n_steps: int, n_features: int, sizes: Any, dropout: float = 0.0) -> None:
        super().__init__()
        self.n_steps = n_steps
        self.out_features = int(sizes[-1])
        widths = [n_steps * n_features, *map(int, sizes)]
        self.dropout = Dropout(dropout)
        self.layers = nn.ModuleList(Linear(below, above) for below, above in pairwise(widths))
        for layer in self.layers:
            nn.init.xavier_uniform_(layer.weight, gain=4.0)  # type: ignore[arg-type]  # for sigmoids (Glorot and Bengio 2010)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, mask: Tensor | None, state: Any = None) -> tuple[Tensor, None, Any]:
        """One vector a sequence.

        Parameters
        ----------
        x : Tensor of shape (B, T, F)
            Zeros where there is padding; T at most ``n_steps``.
        mask : Tensor of bool of shape (B, T), optional
        state : object
            Given back as it is.

        Returns
        -------
        hidden : Tensor of shape (B, 1, H)
        mask : None
        state : object
        """
        hidden = flat_steps(x, self.n_steps)
        for i, layer in enumerate(self.layers):
            hidden = torch.sigmoid(layer(self.dropout(hidden) if i else hidden))
        return hidden[..., None, :], None, state
