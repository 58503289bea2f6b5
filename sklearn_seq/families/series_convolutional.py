"""Convolutional networks of the literature on time series: FCN, ResNet, Inception, LITE."""

from typing import Annotated

from sklearn_seq.families._convolutional import ConvolutionalParams, Views
from sklearn_seq.layers import convnets
from sklearn_seq.params import AtLeast, estimator
from sklearn_seq.tasks.classify import ClassifierMixin
from sklearn_seq.tasks.regress import RegressorMixin

__all__ = [
    "FCNClassifier",
    "FCNRegressor",
    "InceptionClassifier",
    "InceptionRegressor",
    "LITEClassifier",
    "LITERegressor",
    "ResNetClassifier",
    "ResNetRegressor",
]


def _fcn_kernels(first: int) -> list[int]:
    """8, 5, 3, as in the paper, or in that proportion."""
    return [first, max(1, round(first * 5 / 8)), max(1, round(first * 3 / 8))]


@estimator
class _FCN(ConvolutionalParams):
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
class _ResNet(ConvolutionalParams):
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
class _Inception(ConvolutionalParams):
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
class _LITE(ConvolutionalParams):
    n_filters: Annotated[int, AtLeast(1), "Filters of each part of the first layer, and of the other layers."] = 32
    kernel_size: Annotated[
        int, AtLeast(1), "Steps the longest filters look at, others half and a quarter; 40 in the paper, odd is faster."
    ] = 39

    views: Views = "values"

    def _network(self, n_features: int) -> convnets.LITE:
        """The layers."""
        return convnets.LITE(n_features, self.n_filters, _halves(self.kernel_size))


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
