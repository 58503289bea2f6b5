"""Recurrent networks: RNN, LSTM, GRU."""

from typing import Annotated, Any, Literal

import torch

from sklearn_seq.layers.pooling import make_pool
from sklearn_seq.layers.recurrent import Recurrent
from sklearn_seq.params import AtLeast, Between, estimator
from sklearn_seq.tasks.classify import ClassifierMixin
from sklearn_seq.tasks.forecast_network import NetworkForecasterMixin
from sklearn_seq.tasks.generate import GeneratorMixin
from sklearn_seq.tasks.regress import RegressorMixin
from sklearn_seq.tasks.tag import TaggerMixin
from sklearn_seq.tasks.transcribe import StackedTranscriberMixin
from sklearn_seq.training import TrainingParams

__all__ = [
    "GRUClassifier",
    "GRUForecaster",
    "GRUGenerator",
    "GRURegressor",
    "GRUTagger",
    "GRUTranscriber",
    "LSTMClassifier",
    "LSTMForecaster",
    "LSTMGenerator",
    "LSTMRegressor",
    "LSTMTagger",
    "LSTMTranscriber",
    "RNNClassifier",
    "RNNForecaster",
    "RNNGenerator",
    "RNNRegressor",
    "RNNTagger",
    "RNNTranscriber",
]


@estimator
class _Recurrent(TrainingParams):
    hidden_size: Annotated[int, AtLeast(1), "Units a layer and direction."] = 64
    n_layers: Annotated[int, AtLeast(1), "Layers on top of each other."] = 1
    bidirectional: Annotated[bool, "Read the sequence both ways; exact on ragged data."] = False
    dropout: Annotated[
        float, Between(0, 1, "left"), "Share of values dropped in training, between layers and before the output."
    ] = 0.2
    pooling: Annotated[
        Literal["last", "mean", "max", "attention", "concat"],
        "How the steps become one vector: what the recurrence ends with; over all steps; or last, mean and max side by side.",
    ] = "concat"
    kernel: Annotated[
        Literal["auto", "torch", "own"],
        "What trains on a CPU: torch's layers, this package's, which torch lacks for all but LSTM, or the faster ones.",
    ] = "auto"

    _cell = "rnn"

    def _cell_options(self) -> dict[str, Any]:
        return {}

    def make_body(self, n_features: int) -> Recurrent:
        """The stack of layers."""
        return Recurrent(
            self._cell,
            n_features,
            self.hidden_size,
            n_layers=self.n_layers,
            bidirectional=self.bidirectional,
            dropout=self.dropout,
            kernel=self.kernel,
            **self._cell_options(),
        )

    def make_causal_body(self, n_features: int, n_steps: int) -> Recurrent:
        """The stack of layers: it reads from left to right, and its state holds all that was read."""
        return self.make_body(n_features)

    def make_pool(self, body: Recurrent) -> torch.nn.Module:
        """The pooling of the parameter's name."""
        return make_pool(self.pooling, body.out_features, body.n_backward)


@estimator
class _RNN(_Recurrent):
    activation: Annotated[Literal["tanh", "relu"], "Of the units."] = "tanh"

    def _cell_options(self) -> dict[str, Any]:
        return {"nonlinearity": self.activation}


@estimator
class _LSTM(_Recurrent):
    _cell = "lstm"


@estimator
class _GRU(_Recurrent):
    _cell = "gru"


@estimator
class RNNClassifier(ClassifierMixin, _RNN):
    """Plain recurrent network for classifying sequences.

    The simplest recurrence (Elman 1990); it forgets over long sequences, where LSTM and GRU do not.

    References
    ----------
    .. [1] J. L. Elman. Finding structure in time. Cognitive Science 14, 179-211, 1990.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import RNNClassifier
    >>> X = np.random.default_rng(0).normal(size=(60, 12, 2)).cumsum(axis=1)
    >>> y = np.where(X[:, -1, 0] > 0, "up", "down")
    >>> RNNClassifier(random_state=0).fit(X, y).score(X, y) > 0.9
    True
    """


@estimator
class RNNRegressor(RegressorMixin, _RNN):
    """Plain recurrent network for predicting numbers from sequences.

    The simplest recurrence (Elman 1990); it forgets over long sequences, where LSTM and GRU do not.

    References
    ----------
    .. [1] J. L. Elman. Finding structure in time. Cognitive Science 14, 179-211, 1990.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import RNNRegressor
    >>> X = np.random.default_rng(0).normal(size=(100, 12))
    >>> RNNRegressor(random_state=0).fit(X, X.mean(axis=1)).predict(X[:3]).shape
    (3,)
    """


@estimator
class LSTMClassifier(ClassifierMixin, _LSTM):
    """Long short-term memory network for classifying sequences.

    Gates let the network keep what it read long ago (Hochreiter and Schmidhuber 1997, with the forget gates of Gers et
    al. 2000). Sequences may differ in length; padding never changes an answer.

    References
    ----------
    .. [1] S. Hochreiter, J. Schmidhuber. Long short-term memory. Neural Computation 9, 1735-1780, 1997.
    .. [2] F. A. Gers, J. Schmidhuber, F. Cummins. Learning to forget: continual prediction with LSTM. Neural Computation
       12, 2451-2471, 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import LSTMClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(n, 2)).cumsum(axis=0) for n in rng.integers(5, 15, size=80)]
    >>> y = ["up" if x[-1, 0] > 0 else "down" for x in X]
    >>> LSTMClassifier(random_state=0).fit(X, y).score(X, y) > 0.9
    True
    """


@estimator
class LSTMRegressor(RegressorMixin, _LSTM):
    """Long short-term memory network for predicting numbers from sequences.

    Gates let the network keep what it read long ago (Hochreiter and Schmidhuber 1997, with the forget gates of Gers et
    al. 2000). Sequences may differ in length; padding never changes an answer.

    References
    ----------
    .. [1] S. Hochreiter, J. Schmidhuber. Long short-term memory. Neural Computation 9, 1735-1780, 1997.
    .. [2] F. A. Gers, J. Schmidhuber, F. Cummins. Learning to forget: continual prediction with LSTM. Neural Computation
       12, 2451-2471, 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import LSTMRegressor
    >>> X = np.random.default_rng(0).normal(size=(100, 12, 3))
    >>> model = LSTMRegressor(loss="gaussian", random_state=0).fit(X, X[:, :, 0].sum(axis=1))
    >>> mean, std = model.predict(X[:3], return_std=True)
    >>> mean.shape, bool((std > 0).all())
    ((3,), True)
    """


@estimator
class GRUClassifier(ClassifierMixin, _GRU):
    """Gated recurrent unit network for classifying sequences.

    As an LSTM with fewer gates (Cho et al. 2014). Sequences may differ in length; padding never changes an answer.

    References
    ----------
    .. [1] K. Cho et al. Learning phrase representations using RNN encoder-decoder for statistical machine translation.
       EMNLP 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import GRUClassifier
    >>> X = np.random.default_rng(0).normal(size=(60, 12)).cumsum(axis=1)
    >>> y = X[:, -1] > 0
    >>> GRUClassifier(random_state=0).fit(X, y).predict_proba(X[:2]).shape
    (2, 2)
    """


@estimator
class GRURegressor(RegressorMixin, _GRU):
    """Gated recurrent unit network for predicting numbers from sequences.

    As an LSTM with fewer gates (Cho et al. 2014). Sequences may differ in length; padding never changes an answer.

    References
    ----------
    .. [1] K. Cho et al. Learning phrase representations using RNN encoder-decoder for statistical machine translation.
       EMNLP 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import GRURegressor
    >>> X = np.random.default_rng(0).normal(size=(100, 12))
    >>> GRURegressor(random_state=0).fit(X, np.c_[X.min(axis=1), X.max(axis=1)]).predict(X[:3]).shape
    (3, 2)
    """


@estimator
class RNNForecaster(NetworkForecasterMixin, _RNN):
    """Plain recurrent network for forecasting the next rows of a table.

    It reads the window before an origin, each target by itself or all together, and answers all steps of the horizon at once.

    References
    ----------
    .. [1] J. L. Elman. Finding structure in time. Cognitive Science 14, 179-211, 1990.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import RNNForecaster
    >>> X = np.sin(np.arange(300) / 5)[:, None]
    >>> model = RNNForecaster(lookback=32, horizon=8, hidden_size=16, max_epochs=3, random_state=0).fit(X[:250])
    >>> model.score(X[250:]) > 0.9
    True
    """


@estimator
class LSTMForecaster(NetworkForecasterMixin, _LSTM):
    """Long short-term memory network for forecasting the next rows of a table.

    It reads the window before an origin, each target by itself or all together, and answers all steps of the horizon at once.

    References
    ----------
    .. [1] S. Hochreiter, J. Schmidhuber. Long short-term memory. Neural Computation 9, 1735-1780, 1997.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import LSTMForecaster
    >>> X = np.sin(np.arange(300) / 5)[:, None]
    >>> model = LSTMForecaster(lookback=32, horizon=8, hidden_size=16, max_epochs=3, random_state=0).fit(X[:250])
    >>> model.score(X[250:]) > 0.9
    True
    """


@estimator
class GRUForecaster(NetworkForecasterMixin, _GRU):
    """Gated recurrent unit network for forecasting the next rows of a table.

    It reads the window before an origin, each target by itself or all together, and answers all steps of the horizon at once.

    References
    ----------
    .. [1] K. Cho et al. Learning phrase representations using RNN encoder-decoder for statistical machine translation.
       EMNLP 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import GRUForecaster
    >>> X = np.sin(np.arange(300) / 5)[:, None]
    >>> model = GRUForecaster(lookback=32, horizon=8, hidden_size=16, max_epochs=3, random_state=0).fit(X[:250])
    >>> model.score(X[250:]) > 0.9
    True
    """


@estimator
class RNNTagger(TaggerMixin, _RNN):
    """Plain recurrent network for labelling every step of sequences.

    The simplest recurrence (Elman 1990). ``bidirectional=True`` lets a step see those behind it too. Sequences may differ in
    length; padding never changes an answer.

    References
    ----------
    .. [1] J. L. Elman. Finding structure in time. Cognitive Science 14, 179-211, 1990.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import RNNTagger
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(n, 2)) for n in rng.integers(5, 15, size=60)]
    >>> y = [np.where(x[:, 0] > 0, "up", "down") for x in X]
    >>> model = RNNTagger(random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.9, model.predict(X[:1])[0].shape == (len(X[0]),)
    (True, True)
    """


@estimator
class LSTMTagger(TaggerMixin, _LSTM):
    """Long short-term memory network for labelling every step of sequences.

    Gates let the network keep what it read long ago (Hochreiter and Schmidhuber 1997). ``bidirectional=True`` lets a step see
    those behind it too, and ``decoder="crf"`` chooses all labels of a sequence together (Huang, Xu and Yu 2015). Sequences may
    differ in length; padding never changes an answer.

    References
    ----------
    .. [1] S. Hochreiter, J. Schmidhuber. Long short-term memory. Neural Computation 9, 1735-1780, 1997.
    .. [2] Z. Huang, W. Xu, K. Yu. Bidirectional LSTM-CRF models for sequence tagging. arXiv:1508.01991, 2015.
    .. [3] J. Lafferty, A. McCallum, F. Pereira. Conditional random fields: probabilistic models for segmenting and labeling
       sequence data. ICML 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import LSTMTagger
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(n, 2)) for n in rng.integers(5, 15, size=60)]
    >>> y = [np.where(x[:, 0] > 0, "up", "down") for x in X]
    >>> model = LSTMTagger(random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.9, model.predict(X[:1])[0].shape == (len(X[0]),)
    (True, True)
    """


@estimator
class GRUTagger(TaggerMixin, _GRU):
    """Gated recurrent unit network for labelling every step of sequences.

    As an LSTM with fewer gates (Cho et al. 2014). ``bidirectional=True`` lets a step see those behind it too, and
    ``decoder="crf"`` chooses all labels of a sequence together (Lafferty et al. 2001). Sequences may differ in length; padding
    never changes an answer.

    References
    ----------
    .. [1] K. Cho et al. Learning phrase representations using RNN encoder-decoder for statistical machine translation.
       EMNLP 2014.
    .. [2] J. Lafferty, A. McCallum, F. Pereira. Conditional random fields: probabilistic models for segmenting and labeling
       sequence data. ICML 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import GRUTagger
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(n, 2)) for n in rng.integers(5, 15, size=60)]
    >>> y = [np.where(x[:, 0] > 0, "up", "down") for x in X]
    >>> model = GRUTagger(random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.9, model.predict(X[:1])[0].shape == (len(X[0]),)
    (True, True)
    """


@estimator
class RNNGenerator(GeneratorMixin, _RNN):
    """Plain recurrent network that writes texts, and says how probable texts are.

    References
    ----------
    .. [1] T. Mikolov et al. Recurrent neural network based language model. Interspeech 2010.

    Examples
    --------
    >>> from sklearn_seq import RNNGenerator
    >>> model = RNNGenerator(hidden_size=16, max_epochs=100, random_state=0).fit(["abcabcabc"] * 20)
    >>> model.generate(["abca"], temperature=0)
    array(['abcabcabc'], dtype='<U9')
    """


@estimator
class LSTMGenerator(GeneratorMixin, _LSTM):
    """Long short-term memory network that writes texts, and says how probable texts are.

    It reads texts character by character, or ids of tokens. In training the state is carried along long texts.

    References
    ----------
    .. [1] A. Graves. Generating sequences with recurrent neural networks. arXiv 1308.0850, 2013.
    .. [2] O. Press, L. Wolf. Using the output embedding to improve language models. EACL 2017.

    Examples
    --------
    >>> from sklearn_seq import LSTMGenerator
    >>> texts = ["the cat sat", "the dog sat", "the cat ran", "the dog ran"] * 10
    >>> model = LSTMGenerator(hidden_size=32, random_state=0).fit(texts)
    >>> model.generate(["the cat s", "the dog r"], temperature=0).tolist()
    ['the cat sat', 'the dog ran']
    >>> bool(model.perplexity(["the cat sat"]) < model.perplexity(["sat the cat"]))
    True
    """


@estimator
class GRUGenerator(GeneratorMixin, _GRU):
    """Gated recurrent unit network that writes texts, and says how probable texts are.

    It reads texts character by character, or ids of tokens. In training the state is carried along long texts.

    References
    ----------
    .. [1] K. Cho et al. Learning phrase representations using RNN encoder-decoder for statistical machine translation.
       EMNLP 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import GRUGenerator
    >>> model = GRUGenerator(hidden_size=16, random_state=0).fit([np.arange(8) % 4] * 20)
    >>> model.generate([np.array([0, 1])], temperature=0)[0]
    array([0, 1, 2, 3, 0, 1, 2, 3])
    """


@estimator
class RNNTranscriber(StackedTranscriberMixin, _RNN):
    """Plain recurrent network that turns sequences into texts, such as speech, as `GRUTranscriber` does.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import RNNTranscriber
    >>> X, y = np.eye(2)[np.repeat([[0, 1], [1, 0]] * 20, 4, axis=1)], ["ab", "ba"] * 20
    >>> RNNTranscriber(random_state=0).fit(X, y).predict(X[:2])
    array(['ab', 'ba'], dtype='<U2')
    """

    bidirectional: Annotated[bool, "Read the sequence both ways; exact on ragged data."] = True


@estimator
class LSTMTranscriber(StackedTranscriberMixin, _LSTM):
    """Long short-term memory network that turns sequences into texts, such as speech, as `GRUTranscriber` does.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import LSTMTranscriber
    >>> X, y = np.eye(2)[np.repeat([[0, 1], [1, 0]] * 20, 4, axis=1)], ["ab", "ba"] * 20
    >>> LSTMTranscriber(random_state=0).fit(X, y).predict(X[:2])
    array(['ab', 'ba'], dtype='<U2')
    """

    bidirectional: Annotated[bool, "Read the sequence both ways; exact on ragged data."] = True


@estimator
class GRUTranscriber(StackedTranscriberMixin, _GRU):
    """Gated recurrent unit network that turns sequences into texts, such as speech.

    The network says at every step which character is spoken, or none, and learns from texts alone where each character is
    (Graves et al. 2006). Texts are decoded greedily, or by prefix beam search with a language model of characters. Sequences
    may differ in length; padding never changes an answer.

    References
    ----------
    .. [1] A. Graves, S. Fernandez, F. Gomez, J. Schmidhuber. Connectionist temporal classification: labelling unsegmented
       sequence data with recurrent neural networks. ICML 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import GRUTranscriber
    >>> X, y = np.eye(2)[np.repeat([[0, 1], [1, 0]] * 20, 4, axis=1)], ["ab", "ba"] * 20
    >>> GRUTranscriber(random_state=0).fit(X, y).predict(X[:2])
    array(['ab', 'ba'], dtype='<U2')
    """

    bidirectional: Annotated[bool, "Read the sequence both ways; exact on ragged data."] = True
