"""The first layer: features brought to one scale, missing values marked."""

import torch
from torch import Tensor, nn

from sklearn_seq.layers.masks import zero_padding

__all__ = ["InputScaling"]


class InputScaling(nn.Module):
    """Subtract a mean and divide by a deviation, both fixed; append indicators of missing values where asked.

    Parameters
    ----------
    n_features : int
        Features a time step.
    indicate_missing : bool
        Whether NaN become zeros with an indicator feature each; the output then has ``2 * n_features`` features.
    """

    joins = True

    def __init__(self, n_features: int, indicate_missing: bool = False) -> None:
        super().__init__()
        self.out_features = n_features * (2 if indicate_missing else 1)
        self.indicate_missing = indicate_missing
        self.register_buffer("shift", torch.zeros(n_features))
        self.register_buffer("factor", torch.ones(n_features))

    def set_statistics(self, mean: Tensor, deviation: Tensor) -> None:
        """Take the statistics of the training part, each of shape (F,)."""
        self.factor.copy_(1.0 / deviation)  # type: ignore[operator]
        self.shift.copy_(-mean / deviation)  # type: ignore[operator]

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        shift, factor = self.shift, self.factor
        if shift.ndim == 2:  # type: ignore[operator]  # of replicas
            shift, factor = shift[:, None, None], factor[:, None, None]  # type: ignore[index]
        x = torch.addcmul(shift, x, factor)  # type: ignore[arg-type]  # (..., B, T, F)
        if self.indicate_missing:
            there_not = torch.isnan(x)
            x = torch.cat([x.masked_fill(there_not, 0.0), there_not.to(x.dtype)], dim=-1)  # (..., B, T, 2F)
        return zero_padding(x, mask)
