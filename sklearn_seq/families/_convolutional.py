"""What convolutional networks share."""

from typing import Annotated, Any, Literal

from sklearn_seq.families._pooled import PooledParams
from sklearn_seq.layers.views import make_viewed
from sklearn_seq.params import Between, estimator
from sklearn_seq.training import Rate, Schedule

__all__ = ["ConvolutionalParams", "Pooling", "Views"]

Views = Annotated[
    Literal["values", "changes", "aligned"],
    "What the network reads: the values; their changes from step to step too; or both, and both once more after each step "
    "was brought to mean 0 and deviation 1 over the training sequences.",
]
Pooling = Annotated[
    Literal["last", "mean", "max", "attention", "concat"],
    "How the steps become one vector: the last one; over all steps; or last, mean and max side by side.",
]


@estimator
class ConvolutionalParams(PooledParams):
    dropout: Annotated[float, Between(0, 1, "left"), "Share of values dropped in training, before the output."] = 0.0
    pooling: Pooling = "mean"
    views: Views = "aligned"
    lr: Rate = 3e-3
    lr_schedule: Schedule = "one-cycle"

    def _network(self, n_features: int) -> Any:
        raise NotImplementedError

    @property
    def _longest_seen(self) -> int:
        """Steps of the longest training sequence; one before there is any."""
        return self.__dict__.get("_longest") or 1

    def make_body(self, n_features: int) -> Any:
        """The network, behind the views."""
        return make_viewed(self.views, n_features, self._longest_seen, self._network)
