"""What a network knows of its inputs before it is trained: the scales of features, and of steps where its body asks."""

import functools
from typing import Any

import numpy as np
import torch

from sklearn_seq.layers.views import Viewed
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.statistics import feature_statistics, step_statistics

__all__ = ["InputStatistics"]


class InputStatistics:
    """Statistics of a training part, found when first asked for.

    Parameters
    ----------
    data : Sequences
    weight : ndarray of shape (n_samples,)
    standardize : bool
        Whether features are brought to one scale.
    """

    def __init__(self, data: Sequences, weight: np.ndarray, standardize: bool) -> None:
        self.data, self.weight, self.standardize = data, weight, standardize

    @functools.cached_property
    def _features(self) -> tuple[np.ndarray, np.ndarray]:
        return feature_statistics(self.data, self.weight)

    @functools.cached_property
    def _steps(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return step_statistics(self.data, self.weight)

    def put_into(self, network: Any) -> None:
        """Give them to ``network.scaling`` and ``network.body``."""
        shift: Any = 0.0  # of what the body reads
        factor: Any = 1.0
        if self.standardize:
            mean, deviation = self._features
            network.scaling.set_statistics(torch.from_numpy(mean), torch.from_numpy(deviation))
            shift, factor = -mean / deviation, 1.0 / deviation
        body = network.body
        if isinstance(body, Viewed) and body.views.aligns:
            mean, deviation, count = self._steps
            mean, deviation = mean * factor + shift, deviation * factor
            beyond = (0, body.views.n_steps - len(mean))  # the longest sequences may have been held out
            mean, deviation, count = (
                np.pad(mean, (beyond, (0, 0))),
                np.pad(deviation, (beyond, (0, 0))),
                np.pad(count, beyond),
            )
            more = ((0, 0), (0, body.views.n_features - mean.shape[1]))  # indicators of missing values are as they are
            mean, deviation = np.pad(mean, more), np.pad(deviation, more, constant_values=1.0)
            body.views.set_statistics(*(torch.from_numpy(column) for column in (mean, deviation, count)))
