"""Convolutional networks: CNN, FCN, ResNet, Inception, LITE."""

from typing import Annotated, Any, Literal

import torch

from sklearn_seq.layers import convnets
from sklearn_seq.layers.pooling import make_pool
from sklearn_seq.layers.views import make_viewed
from sklearn_seq.params import AtLeast, Between, Positive, estimator
from sklearn_seq.tasks.classify import ClassifierMixin
from sklearn_seq.tasks.forecast_network import NetworkForecasterMixin
from sklearn_seq.tasks.regress import RegressorMixin
from sklearn_seq.tasks.tag import TaggerMixin
from sklearn_seq.tasks.transcribe import TranscriberMixin
from sklearn_seq.training import TrainingParams

__all__ = [
    "CNNClassifier",
    "CNNForecaster",
    "CNNRegressor",
    "CNNTagger",
    "CNNTranscriber",
    "FCNClassifier",
    "FCNRegressor",
    "InceptionClassifier",
    "InceptionRegressor",
    "LITEClassifier",
    "LITERegressor",
    "ResNetClassifier",
    "ResNetRegressor",
]


_Views = Annotated[
    Literal["values", "changes", "aligned"],
    "What the network reads: the values; their changes from step to step too; or both, and both once more after each step "
    "was brought to mean 0 and deviation 1 over the training sequences.",
]
_Pooling = Annotated[
    Literal["last", "mean", "max", "attention", "concat"],
    "How the steps become one vector: the last one; over all steps; or last, mean and max side by side.",
]
_STEPS = 200  # about so many of the network, at most twice, for the longest training sequence


@estimator
class _Convolutional(TrainingParams):
    dropout: Annotated[float, Between(0, 1, "left"), "Share of values dropped in training, before the output."] = 0.0
    pooling: _Pooling = "mean"
    views: _Views = "aligned"
    lr: Annotated[float, Positive, "Step size, the largest one where a schedule changes it."] = 3e-3
    lr_schedule: Annotated[
        Literal["constant", "cosine", "one-cycle", "exponential", "plateau"],
        "Not at all; to 0 along a cosine; up, then down to 0; to a hundredth; halved after 5 epochs without a better loss.",
    ] = "one-cycle"

    def _network(self, n_features: int) -> Any:
        raise NotImplementedError

    @property
    def _longest_seen(self) -> int:
        """Steps of the longest training sequence; one before there is any."""
        return self.__dict__.get("_longest") or 1

    def make_body(self, n_features: int) -> Any:
        """The network, behind the views."""
        return make_viewed(self.views, n_features, self._longest_seen, self._network)

    def make_pool(self, body: Any) -> torch.nn.Module:
        """The pooling of the parameter's name."""
        return make_pool(self.pooling, body.out_features)


@estimator
class _CNN(_Convolutional):
    n_filters: Annotated[int, AtLeast(1), "Filters a layer."] = 32
    n_blocks: Annotated[int, AtLeast(0), "Residual blocks."] = 4
    block: Annotated[
        Literal["double", "single"],
        "What a block is: twice normalisation, activation and a convolution; or normalisation, one convolution, activation and a "
        "linear layer over the filters of each step, of which more are affordable.",
    ] = "double"
    kernel_size: Annotated[
        int, AtLeast(1), "Steps a filter looks at; on the input there are filters of twice and four times as many too."
    ] = 9
    dilation_growth: Annotated[
        float, AtLeast(1), "How much farther apart the steps of each next block's filters are, rounded to whole steps."
    ] = 2
    stride: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Steps of the input for one of the network: more makes long sequences cheap; "auto" takes 1 for each 200 of the longest '
        "training sequence.",
    ] = "auto"
    activation: Annotated[Literal["relu", "gelu", "silu"], "Of the blocks."] = "relu"
    norm: Annotated[
        Literal["batch", "layer"],
        "What is brought to mean 0 and deviation 1 in front of each layer: a feature over the steps of a batch, or a step over "
        "its features.",
    ] = "batch"
    dropout: Annotated[
        float, Between(0, 1, "left"), "Share of values dropped in training, within blocks and before the output."
    ] = 0.0
    lr: Annotated[float, Positive, "Step size, the largest one where a schedule changes it."] = 5e-3
    max_epochs: Annotated[int, AtLeast(1), "Passes over the (distinct) training rows."] = 100

    def _network(self, n_features: int) -> convnets.PreActivation:
        """The residual network."""
        return convnets.PreActivation(
            n_features,
            self.n_filters,
            self.kernel_size,
            stem=[factor * self.kernel_size + (factor > 1) for factor in (1, 2, 4)],
            dilations=convnets.growing(self.dilation_growth, self.n_blocks),
            stride=max(1, self._longest_seen // _STEPS) if self.stride == "auto" else self.stride,
            activation=self.activation,
            dropout=self.dropout,
            norm=self.norm,
            single=self.block == "single",
        )


def _fcn_kernels(first: int) -> list[int]:
    """8, 5, 3, as in the paper, or in that proportion."""
    return [first, max(1, round(first * 5 / 8)), max(1, round(first * 3 / 8))]


@estimator
class _FCN(_Convolutional):
    n_filters: Annotated[
        int,
        AtLeast(1),
        "Filters of the first and the last layer; the one between has twice as many. The paper has 128.",
    ] = 64
    kernel_size: Annotated[
        int, AtLeast(1), "Steps a filter of the first layer looks at; the next ones 5/8 and 3/8 of it."
    ] = 8
    max_epochs: Annotated[int, AtLeast(1), "Passes over the (distinct) training rows."] = 100

    def _network(self, n_features: int) -> convnets.FCN:
        """Three layers."""
        n = self.n_filters
        return convnets.FCN(n_features, [n, 2 * n, n], _fcn_kernels(self.kernel_size))


@estimator
class _ResNet(_Convolutional):
    n_filters: Annotated[
        int, AtLeast(1), "Filters a layer of the first block; the others have twice as many. The paper has 64."
    ] = 32
    n_blocks: Annotated[int, AtLeast(1), "Residual blocks of three convolutions."] = 3
    kernel_size: Annotated[
        int, AtLeast(1), "Steps the first filters of a block look at; the next ones 5/8 and 3/8 of it."
    ] = 8
    max_epochs: Annotated[int, AtLeast(1), "Passes over the (distinct) training rows."] = 100

    def _network(self, n_features: int) -> convnets.ResNet:
        """The blocks."""
        n = self.n_filters
        return convnets.ResNet(n_features, [n] + [2 * n] * (self.n_blocks - 1), _fcn_kernels(self.kernel_size))


def _halves(first: int) -> list[int]:
    """39, 19, 9."""
    return [first, max(1, first // 2), max(1, first // 4)]


@estimator
class _Inception(_Convolutional):
    n_filters: Annotated[int, AtLeast(1), "Filters of each of a module's four parts."] = 32
    n_modules: Annotated[int, AtLeast(1), "Modules; there is a way around every three."] = 6
    kernel_size: Annotated[
        int, AtLeast(1), "Steps the longest filters look at, others half and a quarter; 40 in the paper, odd is faster."
    ] = 39
    bottleneck: Annotated[int, AtLeast(1), "Features that a module's filters look at, mixed from those before it."] = 32

    def _network(self, n_features: int) -> convnets.Inception:
        """The modules."""
        return convnets.Inception(
            n_features, self.n_filters, self.bottleneck, _halves(self.kernel_size), self.n_modules
        )


@estimator
class _LITE(_Convolutional):
    n_filters: Annotated[int, AtLeast(1), "Filters of each part of the first layer, and of the other layers."] = 32
    kernel_size: Annotated[
        int, AtLeast(1), "Steps the longest filters look at, others half and a quarter; 40 in the paper, odd is faster."
    ] = 39

    views: _Views = "values"

    def _network(self, n_features: int) -> convnets.LITE:
        """The layers."""
        return convnets.LITE(n_features, self.n_filters, _halves(self.kernel_size))


@estimator
class CNNClassifier(ClassifierMixin, _CNN):
    """Convolutional network for classifying sequences: the one to try first.

    Filters of three lengths on the input, then residual blocks that begin with normalisation and activation (He et al.
    2016), each looking farther than the one before. Sequences may differ in length; padding never changes an answer.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun. Identity mappings in deep residual networks. ECCV 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import CNNClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 24))
    >>> X[:30, 8:16] += np.sin(np.arange(8))  # a wave in the noise
    >>> y = ["wave"] * 30 + ["noise"] * 30
    >>> CNNClassifier(n_filters=8, max_epochs=10, random_state=0).fit(X, y).predict_proba(X[:2]).shape
    (2, 2)
    """


@estimator
class CNNRegressor(RegressorMixin, _CNN):
    """Convolutional network for predicting numbers from sequences: the one to try first.

    Filters of three lengths on the input, then residual blocks that begin with normalisation and activation, as those of
    `CNNClassifier`. Sequences may differ in length; padding never changes an answer.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import CNNRegressor
    >>> X = np.random.default_rng(0).normal(size=(60, 24))
    >>> CNNRegressor(n_filters=8, max_epochs=10, random_state=0).fit(X, X.max(axis=1)).predict(X[:3]).shape
    (3,)
    """


@estimator
class FCNClassifier(ClassifierMixin, _FCN):
    """Fully convolutional network for classifying sequences.

    Three layers of filters, normalised over the batch, and the mean over time (Wang, Yan and Oates 2017). Sequences may
    differ in length; padding never changes an answer.

    References
    ----------
    .. [1] Z. Wang, W. Yan, T. Oates. Time series classification from scratch with deep neural networks: a strong baseline.
       IJCNN 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import FCNClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 24))
    >>> X[:30, 8:16] += np.sin(np.arange(8))  # a wave in the noise
    >>> y = ["wave"] * 30 + ["noise"] * 30
    >>> FCNClassifier(n_filters=16, max_epochs=10, random_state=0).fit(X, y).predict_proba(X[:2]).shape
    (2, 2)
    """


@estimator
class FCNRegressor(RegressorMixin, _FCN):
    """Fully convolutional network for predicting numbers from sequences.

    Three layers of filters, normalised over the batch, and the mean over time, as those of `FCNClassifier`. Sequences may differ
    in length; padding never changes an answer.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import FCNRegressor
    >>> X = np.random.default_rng(0).normal(size=(60, 24))
    >>> FCNRegressor(n_filters=16, max_epochs=10, random_state=0).fit(X, X.max(axis=1)).predict(X[:3]).shape
    (3,)
    """


@estimator
class ResNetClassifier(ClassifierMixin, _ResNet):
    """Residual convolutional network for classifying sequences.

    Three blocks of three layers, with a way around each (Wang, Yan and Oates 2017). Sequences may differ in length; padding
    never changes an answer.

    References
    ----------
    .. [1] Z. Wang, W. Yan, T. Oates. Time series classification from scratch with deep neural networks: a strong baseline.
       IJCNN 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import ResNetClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 24))
    >>> X[:30, 8:16] += np.sin(np.arange(8))  # a wave in the noise
    >>> y = ["wave"] * 30 + ["noise"] * 30
    >>> ResNetClassifier(n_filters=8, max_epochs=10, random_state=0).fit(X, y).predict_proba(X[:2]).shape
    (2, 2)
    """


@estimator
class ResNetRegressor(RegressorMixin, _ResNet):
    """Residual convolutional network for predicting numbers from sequences.

    Three blocks of three layers, with a way around each (Wang, Yan and Oates 2017). Sequences may differ in length; padding
    never changes an answer.

    References
    ----------
    .. [1] Z. Wang, W. Yan, T. Oates. Time series classification from scratch with deep neural networks: a strong baseline.
       IJCNN 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import ResNetRegressor
    >>> X = np.random.default_rng(0).normal(size=(60, 24))
    >>> ResNetRegressor(n_filters=8, max_epochs=10, random_state=0).fit(X, X.max(axis=1)).predict(X[:3]).shape
    (3,)
    """


@estimator
class InceptionClassifier(ClassifierMixin, _Inception):
    """Inception network for classifying sequences.

    Filters of three lengths and a maximum side by side, six times over (Ismail Fawaz et al. 2020). InceptionTime is an
    ensemble of five: ``DeepEnsembleClassifier(InceptionClassifier())``. Sequences may differ in length; padding never changes an answer.

    References
    ----------
    .. [1] H. Ismail Fawaz et al. InceptionTime: finding AlexNet for time series classification. Data Mining and Knowledge
       Discovery 34, 1936-1962, 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import InceptionClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 24))
    >>> X[:30, 8:16] += np.sin(np.arange(8))  # a wave in the noise
    >>> y = ["wave"] * 30 + ["noise"] * 30
    >>> InceptionClassifier(n_filters=4, bottleneck=4, max_epochs=10, random_state=0).fit(X, y).predict_proba(
    ...     X[:2]
    ... ).shape
    (2, 2)
    """


@estimator
class InceptionRegressor(RegressorMixin, _Inception):
    """Inception network for predicting numbers from sequences.

    Filters of three lengths and a maximum side by side, six times over (Ismail Fawaz et al. 2020). InceptionTime is an
    ensemble of five: ``DeepEnsembleRegressor(InceptionRegressor())``. Sequences may differ in length; padding never changes an answer.

    References
    ----------
    .. [1] H. Ismail Fawaz et al. InceptionTime: finding AlexNet for time series classification. Data Mining and Knowledge
       Discovery 34, 1936-1962, 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import InceptionRegressor
    >>> X = np.random.default_rng(0).normal(size=(60, 24))
    >>> InceptionRegressor(n_filters=4, bottleneck=4, max_epochs=10, random_state=0).fit(X, X.max(axis=1)).predict(
    ...     X[:3]
    ... ).shape
    (3,)
    """


@estimator
class LITEClassifier(ClassifierMixin, _LITE):
    """Light convolutional network with fixed filters for classifying sequences.

    Filters of three lengths beside fixed ones that find rises, falls and peaks, then two depthwise separable convolutions:
    less than 10,000 numbers for one feature (Ismail-Fawaz et al. 2023). Sequences may differ in length; padding never
    changes an answer.

    References
    ----------
    .. [1] A. Ismail-Fawaz, M. Devanne, S. Berretti, J. Weber, G. Forestier. LITE: light inception with boosting techniques
       for time series classification. DSAA 2023.
    .. [2] A. Ismail-Fawaz, M. Devanne, J. Weber, G. Forestier. Deep learning for time series classification using new
       hand-crafted convolution filters. IEEE Big Data 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import LITEClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 24))
    >>> X[:30, 8:16] += np.sin(np.arange(8))  # a wave in the noise
    >>> y = ["wave"] * 30 + ["noise"] * 30
    >>> LITEClassifier(n_filters=8, max_epochs=10, random_state=0).fit(X, y).predict_proba(X[:2]).shape
    (2, 2)
    """


@estimator
class LITERegressor(RegressorMixin, _LITE):
    """Light convolutional network with fixed filters for predicting numbers from sequences.

    Filters of three lengths beside fixed ones that find rises, falls and peaks, then two depthwise separable convolutions:
    less than 10,000 numbers for one feature, as those of `LITEClassifier`. Sequences may differ in length; padding never
    changes an answer.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import LITERegressor
    >>> X = np.random.default_rng(0).normal(size=(60, 24))
    >>> LITERegressor(n_filters=8, max_epochs=10, random_state=0).fit(X, X.max(axis=1)).predict(X[:3]).shape
    (3,)
    """


@estimator
class CNNForecaster(NetworkForecasterMixin, _CNN):
    """Convolutional network for forecasting the next rows of a table.

    It reads the window before an origin, each target by itself or all together, and answers all steps of the horizon at once.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import CNNForecaster
    >>> X = np.sin(np.arange(300) / 5)[:, None]
    >>> model = CNNForecaster(lookback=32, horizon=8, n_filters=8, max_epochs=3, random_state=0).fit(X[:250])
    >>> model.score(X[250:]) > 0.9
    True
    """

    views: _Views = "values"


@estimator
class CNNTagger(TaggerMixin, _CNN):
    """Convolutional network for labelling every step of sequences.

    Filters of three lengths on the input, then residual blocks that begin with normalisation and activation (He et al.
    2016), each looking farther than the one before, to both sides of a step. Sequences may differ in length; padding never
    changes an answer.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun. Identity mappings in deep residual networks. ECCV 2016.
    .. [2] Z. Liu, H. Mao, C.-Y. Wu, C. Feichtenhofer, T. Darrell, S. Xie. A ConvNet for the 2020s. CVPR 2022 (``block="single"``).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import CNNTagger
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(n, 2)) for n in rng.integers(5, 15, size=60)]
    >>> y = [np.where(x[:, 0] > 0, "up", "down") for x in X]
    >>> model = CNNTagger(n_filters=8, n_blocks=1, max_epochs=20, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.9, model.predict(X[:1])[0].shape == (len(X[0]),)
    (True, True)
    """

    views: _Views = "values"
    stride: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Steps of the input for one of the network, whose answer stands for all of them; "auto" takes 1 for each 200 of the '
        "longest training sequence.",
    ] = 1


@estimator
class CNNTranscriber(TranscriberMixin, _CNN):
    """Convolutional network that turns sequences into texts, such as speech, as `GRUTranscriber` does.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import CNNTranscriber
    >>> X, y = np.eye(2)[np.repeat([[0, 1], [1, 0]] * 20, 4, axis=1)], ["ab", "ba"] * 20
    >>> CNNTranscriber(n_filters=8, random_state=0).fit(X, y).predict(X[:2])
    array(['ab', 'ba'], dtype='<U2')
    """

    views: _Views = "values"
    stride: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Steps of the input for one of the network, which spells one character at most; "auto" takes 1 for each 200 of the longest.',
    ] = 1
