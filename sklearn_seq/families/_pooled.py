"""What families share whose steps become one vector as the parameter ``pooling`` says."""

from typing import TYPE_CHECKING, Any

import torch

from sklearn_seq.layers.pooling import make_pool
from sklearn_seq.params import estimator
from sklearn_seq.training import TrainingParams

__all__ = ["PooledParams"]


@estimator
class PooledParams(TrainingParams):
    if TYPE_CHECKING:
        pooling: Any  # a family says what its steps are, and what is usual

    def make_pool(self, body: Any) -> torch.nn.Module:
        """The pooling of the parameter's name."""
        return make_pool(self.pooling, body.out_features, getattr(body, "n_backward", 0))
