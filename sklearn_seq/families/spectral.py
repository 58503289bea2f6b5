"""Convolutional networks over time and bands, for spectra."""

from typing import Annotated, Literal

from sklearn_seq.families._convolutional import Pooling
from sklearn_seq.families._pooled import PooledParams
from sklearn_seq.layers.spectral import SpectrogramNet
from sklearn_seq.params import AtLeast, Between, estimator
from sklearn_seq.tasks.classify import ClassifierMixin
from sklearn_seq.tasks.regress import RegressorMixin
from sklearn_seq.tasks.transcribe import TranscriberMixin
from sklearn_seq.training import Rate, Schedule

__all__ = ["SpectrogramCNNClassifier", "SpectrogramCNNRegressor", "SpectrogramCNNTranscriber"]


@estimator
class _SpectrogramCNN(PooledParams):
    n_filters: Annotated[int, AtLeast(1), "Filters of the first block; the others have twice as many."] = 24
    n_blocks: Annotated[int, AtLeast(1), "Blocks, each of which halves the number of bands."] = 3
    kernel_size: Annotated[int, AtLeast(1), "Steps and bands that a filter looks at, an odd number."] = 3
    stride: Annotated[
        int, AtLeast(1), "Steps of the input for one of the network, a power of two; the first blocks halve time."
    ] = 4
    hidden_size: Annotated[int, AtLeast(1), "Filters along time, behind the blocks, over all bands."] = 96
    dropout: Annotated[
        float, Between(0, 1, "left"), "Share of values dropped in training, behind the blocks and before the output."
    ] = 0.2
    pooling: Pooling = "concat"
    batch_size: Annotated[
        int | Literal["auto"], AtLeast(1), 'Rows a step; "auto" is a sixteenth of the rows, from 4 to 32.'
    ] = 16
    lr: Rate = 5e-3
    lr_schedule: Schedule = "one-cycle"
    max_epochs: Annotated[int, AtLeast(1), "Passes over the (distinct) training rows."] = 30

    def make_body(self, n_features: int) -> SpectrogramNet:
        """The blocks."""
        if self.kernel_size % 2 == 0:
            raise ValueError(
                f"kernel_size={self.kernel_size} has no middle; wanted an odd number, such as {self.kernel_size + 1}."
            )
        if self.stride & (self.stride - 1):
            raise ValueError(f"stride={self.stride} is no power of two; wanted 1, 2, 4, 8, ...: blocks halve time.")
        return SpectrogramNet(
            n_features,
            n_planes=2 if self.missing == "mask" else 1,
            widths=[self.n_filters] + [2 * self.n_filters] * (self.n_blocks - 1),
            kernel_size=self.kernel_size,
            stride=self.stride,
            hidden_size=self.hidden_size,
            dropout=self.dropout,
        )


@estimator
class SpectrogramCNNClassifier(ClassifierMixin, _SpectrogramCNN):
    """Convolutional network over time and bands for classifying spectra, such as those of sound.

    The features of a step are taken as a row of bands in their order, and filters look at neighbours in time and band
    alike, so that a pattern is found at whatever height it stands (Abdel-Hamid et al. 2014). Pools halve the number of
    bands in each block; a last convolution along time reads all bands. Put `LogMelSpectrogram` and
    ``SequenceScaler(per="series", scale="shared")`` before it, and mind ``augment={"tempo": 0.25, "mask": 0.2}``. Where
    features have no order, `CNNClassifier` is the one to take. Sequences may differ in length; padding never changes an answer.

    References
    ----------
    .. [1] O. Abdel-Hamid et al. Convolutional neural networks for speech recognition. IEEE/ACM Transactions on Audio,
       Speech, and Language Processing 22, 1533-1545, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_seq import LogMelSpectrogram, SequenceScaler, SpectrogramCNNClassifier
    >>> rng = np.random.default_rng(0)
    >>> time = np.arange(2000) / 8000
    >>> y = np.repeat(["rising", "falling"], 20)
    >>> slope = np.where(y == "rising", 1.0, -1.0)[:, None]
    >>> X = np.sin(2 * np.pi * (1000 + slope * 800 * time) * time + rng.uniform(0, 6, size=(40, 1)))
    >>> model = make_pipeline(
    ...     LogMelSpectrogram(sample_rate=8000, n_mels=20),
    ...     SequenceScaler(per="series", scale="shared"),
    ...     SpectrogramCNNClassifier(n_filters=4, max_epochs=10, random_state=0),
    ... )
    >>> model.fit(X[::2], y[::2]).score(X[1::2], y[1::2])
    1.0
    """


@estimator
class SpectrogramCNNRegressor(RegressorMixin, _SpectrogramCNN):
    """Convolutional network over time and bands for predicting numbers from spectra, such as those of sound.

    As `SpectrogramCNNClassifier`: filters look at neighbours in time and band alike (Abdel-Hamid et al. 2014).

    References
    ----------
    .. [1] O. Abdel-Hamid et al. Convolutional neural networks for speech recognition. IEEE/ACM Transactions on Audio,
       Speech, and Language Processing 22, 1533-1545, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import SpectrogramCNNRegressor
    >>> X = np.random.default_rng(0).normal(size=(40, 12, 8))
    >>> model = SpectrogramCNNRegressor(n_filters=4, max_epochs=3, random_state=0)
    >>> model.fit(X, X.max(axis=(1, 2))).predict(X[:3]).shape
    (3,)
    """


@estimator
class SpectrogramCNNTranscriber(TranscriberMixin, _SpectrogramCNN):
    """Convolutional network over time and bands that turns spectra into texts: speech to text.

    Filters look at neighbours in time and band alike (Abdel-Hamid et al. 2014). The network says at every step
    which character is spoken, or none, and learns from texts alone where each character is (Graves et al. 2006).
    Texts are decoded greedily, or by prefix beam search with a language model of characters. Sequences may differ
    in length; padding never changes an answer.

    References
    ----------
    .. [1] O. Abdel-Hamid et al. Convolutional neural networks for speech recognition. IEEE/ACM Transactions on Audio,
       Speech, and Language Processing 22, 1533-1545, 2014.
    .. [2] A. Graves, S. Fernandez, F. Gomez, J. Schmidhuber. Connectionist temporal classification: labelling unsegmented
       sequence data with recurrent neural networks. ICML 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import SpectrogramCNNTranscriber
    >>> rng = np.random.default_rng(0)
    >>> y = ["".join(rng.choice(list("abc"), size=rng.integers(2, 5))) for _ in range(150)]
    >>> X = [np.repeat(np.eye(3)[[ord(c) - 97 for c in text]], rng.integers(3, 5), axis=0) for text in y]
    >>> X = [np.concatenate([np.zeros((3, 3)), x]) + 0.1 * rng.normal(size=(len(x) + 3, 3)) for x in X]
    >>> model = SpectrogramCNNTranscriber(n_filters=8, random_state=0).fit(X[:100], y[:100])
    >>> model.score(X[100:], y[100:]) > 0.8
    True
    """

    stride: Annotated[
        int,
        AtLeast(1),
        "Steps of the input for one of the network, a power of two, which spells one character at most; the first blocks halve "
        "time.",
    ] = 2
