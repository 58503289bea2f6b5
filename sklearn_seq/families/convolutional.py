"""The convolutional network to try first: CNN."""

from typing import Annotated, Literal

from sklearn_seq.families._convolutional import ConvolutionalParams, Views
from sklearn_seq.layers import convnets
from sklearn_seq.params import AtLeast, Between, estimator
from sklearn_seq.tasks.classify import ClassifierMixin
from sklearn_seq.tasks.forecast_network import NetworkForecasterMixin
from sklearn_seq.tasks.options import read_wholes
from sklearn_seq.tasks.regress import RegressorMixin
from sklearn_seq.tasks.tag import TaggerMixin
from sklearn_seq.tasks.transcribe import TranscriberMixin
from sklearn_seq.training import Rate

__all__ = ["CNNClassifier", "CNNForecaster", "CNNRegressor", "CNNTagger", "CNNTranscriber"]

_STEPS = 200  # about so many of the network, at most twice, for the longest training sequence


@estimator
class _CNN(ConvolutionalParams):
    n_filters: Annotated[int, AtLeast(1), "Filters a layer."] = 32
    n_blocks: Annotated[int, AtLeast(0), "Residual blocks."] = 4
    block: Annotated[
        Literal["double", "single"],
        "What a block is: twice normalisation, activation and a convolution; or normalisation, one convolution, activation and a "
        "linear layer over the filters of each step, of which more are affordable.",
    ] = "double"
    squeeze_excitation: Annotated[
        bool,
        "Whether each block weighs its filters for a sequence by their means over all of its steps (Hu et al. 2018).",
    ] = False
    kernel_size: Annotated[
        int, AtLeast(1), "Steps a filter looks at; on the input there are filters of twice and four times as many too."
    ] = 9
    stem: Annotated[
        Literal["filters", "linear"],
        "What reads the input: those filters of three lengths; or a linear layer over the features of each step (of each stride), which "
        "overfits less where features are embeddings of tokens.",
    ] = "filters"
    dilation_growth: Annotated[
        float, AtLeast(1), "How much farther apart the steps of each next block's filters are, rounded to whole steps."
    ] = 2
    dilations: Annotated[
        list | tuple | None,
        "How far apart the steps of each block's filters are, a whole number for each, in place of n_blocks and dilation_growth.",
    ] = None
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
    lr: Rate = 5e-3
    max_epochs: Annotated[int, AtLeast(1), "Passes over the (distinct) training rows."] = 100

    def _network(self, n_features: int) -> convnets.PreActivation:
        """The residual network."""
        stride = max(1, self._longest_seen // _STEPS) if self.stride == "auto" else self.stride
        kernels = [factor * self.kernel_size + (factor > 1) for factor in (1, 2, 4)]
        return convnets.PreActivation(
            n_features,
            self.n_filters,
            self.kernel_size,
            stem=[stride] if self.stem == "linear" else kernels,
            dilations=convnets.growing(self.dilation_growth, self.n_blocks)
            if self.dilations is None
            else read_wholes("dilations", self.dilations, "(1, 2, 4)"),
            stride=stride,
            activation=self.activation,
            dropout=self.dropout,
            norm=self.norm,
            single=self.block == "single",
            gates=self.squeeze_excitation,
        )


@estimator
class CNNClassifier(ClassifierMixin, _CNN):
    """Convolutional network for classifying sequences: the one to try first.

    Filters of three lengths on the input, then residual blocks that begin with normalisation and activation (He et al.
    2016), each looking farther than the one before. Sequences may differ in length; padding never changes an answer.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun. Identity mappings in deep residual networks. ECCV 2016.
    .. [2] J. Hu, L. Shen, G. Sun. Squeeze-and-excitation networks. CVPR 2018 (``squeeze_excitation``).

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

    views: Views = "values"


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
    .. [3] J. Hu, L. Shen, G. Sun. Squeeze-and-excitation networks. CVPR 2018 (``squeeze_excitation``).

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

    views: Views = "values"
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

    views: Views = "values"
    stride: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Steps of the input for one of the network, which spells one character at most; "auto" takes 1 for each 200 of the longest.',
    ] = 1
