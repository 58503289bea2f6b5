"""Forecasters that are linear in the window, or nearly: NLinear, DLinear, and a mixer of patches."""

from typing import Annotated, Any, Literal

from sklearn_seq.layers.mixing import Decomposition, FlatPool, Mixer
from sklearn_seq.params import AtLeast, Between, estimator
from sklearn_seq.tasks.forecast_network import NetworkForecasterMixin
from sklearn_seq.training import Rate, TrainingParams

__all__ = ["DLinearForecaster", "MixerForecaster", "NLinearForecaster"]


@estimator
class _Flat(TrainingParams):
    """Reads all steps of a window at once, so that only windows of one length can be read."""

    def make_pool(self, body: Any) -> FlatPool:
        """All that the body gives, side by side."""
        return FlatPool(body.n_steps_out, body.out_features)

    @property
    def _n_steps(self) -> int:
        return self.__dict__.get("_longest") or 1


@estimator
class _NLinear(_Flat):
    def make_body(self, n_features: int) -> Decomposition:
        """The window as it is."""
        return Decomposition(n_features, self._n_steps, None)


@estimator
class _DLinear(_Flat):
    trend_width: Annotated[int, AtLeast(1), "Steps of the moving mean that is taken for the trend."] = 25

    def make_body(self, n_features: int) -> Decomposition:
        """Trend and remainder."""
        return Decomposition(n_features, self._n_steps, self.trend_width)


@estimator
class _Mixer(_Flat):
    hidden_size: Annotated[int, AtLeast(1), "Features of a patch."] = 32
    n_blocks: Annotated[int, AtLeast(1), "Blocks, each of which mixes along time and along features."] = 2
    patch_length: Annotated[int, AtLeast(1), "Steps that a patch reads."] = 16
    patch_stride: Annotated[int, AtLeast(1), "Steps from a patch to the next, at most patch_length."] = 8
    dropout: Annotated[
        float, Between(0, 1, "left"), "Share of values dropped in training, in the blocks and before the output."
    ] = 0.2

    def make_body(self, n_features: int) -> Mixer:
        """Patches and blocks."""
        if self.patch_stride > self.patch_length:
            raise ValueError(
                f"patch_stride={self.patch_stride} is more than patch_length={self.patch_length}, so that no patch would read some steps; "
                f"wanted at most {self.patch_length}. Lower patch_stride, or raise patch_length."
            )
        return Mixer(
            n_features,
            self._n_steps,
            self.hidden_size,
            self.n_blocks,
            min(self.patch_length, self._n_steps),
            min(self.patch_stride, self._n_steps),
            self.dropout,
        )


@estimator
class NLinearForecaster(NetworkForecasterMixin, _NLinear):
    """One linear layer from the window, less its last value, to the horizon (Zeng et al. 2023), trained by gradient.

    `LinearForecaster` solves the same map in closed form; this one takes other losses, such as quantiles.

    References
    ----------
    .. [1] A. Zeng, M. Chen, L. Zhang, Q. Xu. Are transformers effective for time series forecasting? AAAI 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import NLinearForecaster
    >>> X = np.sin(np.arange(300) / 5)[:, None]
    >>> model = NLinearForecaster(lookback=32, horizon=8, random_state=0).fit(X[:250])
    >>> model.score(X[250:]) > 0.9
    True
    """

    normalize: Annotated[
        Literal["standard", "last", "none"],
        "How a window's targets are brought to a common level: by their mean and deviation in it, by their last value, or not.",
    ] = "last"
    linear: Annotated[
        Literal["ridge", "learnt", "none"],
        "A second linear map, beside the one that this is: solved before, learnt with it, or none.",
    ] = "none"
    lr: Rate = 5e-3


@estimator
class DLinearForecaster(NetworkForecasterMixin, _DLinear):
    """Two linear layers from the window to the horizon, one from its moving mean, one from what is left (Zeng et al. 2023).

    References
    ----------
    .. [1] A. Zeng, M. Chen, L. Zhang, Q. Xu. Are transformers effective for time series forecasting? AAAI 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import DLinearForecaster
    >>> X = np.sin(np.arange(300) / 5)[:, None]
    >>> model = DLinearForecaster(lookback=32, horizon=8, random_state=0).fit(X[:250])
    >>> model.score(X[250:]) > 0.9
    True
    """

    normalize: Annotated[
        Literal["standard", "last", "none"],
        "How a window's targets are brought to a common level: by their mean and deviation in it, by their last value, or not.",
    ] = "last"
    linear: Annotated[
        Literal["ridge", "learnt", "none"],
        "A third linear map, beside the two that this is: solved before, learnt with them, or none.",
    ] = "none"
    lr: Rate = 5e-3


@estimator
class MixerForecaster(NetworkForecasterMixin, _Mixer):
    """A small network of linear layers that mix patches of the window along time and along features.

    References
    ----------
    .. [1] I. Tolstikhin et al. MLP-Mixer: an all-MLP architecture for vision. NeurIPS 2021.
    .. [2] V. Ekambaram et al. TSMixer: lightweight MLP-Mixer model for multivariate time series forecasting. KDD 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import MixerForecaster
    >>> X = np.sin(np.arange(300) / 5)[:, None]
    >>> MixerForecaster(lookback=32, horizon=8, max_epochs=3, random_state=0).fit(X[:250]).score(X[250:]) > 0.9
    True
    """
