"""Recurrent networks: RNN, LSTM, GRU."""

from typing import Annotated

from sklearn_seq.families._recurrent import _GRU, _LSTM, _RNN, RecurrentTranslatorMixin
from sklearn_seq.params import estimator
from sklearn_seq.tasks.classify import ClassifierMixin
from sklearn_seq.tasks.forecast_network import NetworkForecasterMixin
from sklearn_seq.tasks.generate import GeneratorMixin
from sklearn_seq.tasks.regress import RegressorMixin
from sklearn_seq.tasks.tag import TaggerMixin
from sklearn_seq.tasks.transcribe import StackedTranscriberMixin

__all__ = [
    "GRUClassifier",
    "GRUForecaster",
    "GRUGenerator",
    "GRURegressor",
    "GRUTagger",
    "GRUTranscriber",
    "GRUTranslator",
    "LSTMClassifier",
    "LSTMForecaster",
    "LSTMGenerator",
    "LSTMRegressor",
    "LSTMTagger",
    "LSTMTranscriber",
    "LSTMTranslator",
    "RNNClassifier",
    "RNNForecaster",
    "RNNGenerator",
    "RNNRegressor",
    "RNNTagger",
    "RNNTranscriber",
]


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


@estimator
class LSTMTranslator(RecurrentTranslatorMixin, _LSTM):
    """Long short-term memory network that turns one text into another, or ids into ids.

    One network reads, another one writes and looks at what was read, token by token (Bahdanau et al. 2015). Answers are found by
    beam search. ``attention_weights`` tells what was looked at. Texts may differ in length; padding never changes an answer.

    References
    ----------
    .. [1] S. Hochreiter, J. Schmidhuber. Long short-term memory. Neural Computation 9, 1735-1780, 1997.
    .. [2] D. Bahdanau, K. Cho, Y. Bengio. Neural machine translation by jointly learning to align and translate. ICLR 2015.
    .. [3] M.-T. Luong, H. Pham, C. D. Manning. Effective approaches to attention-based neural machine translation. EMNLP 2015.

    Examples
    --------
    >>> from sklearn_seq import LSTMTranslator
    >>> X = [f"{a} plus {b}" for a in ("one", "two", "three", "four") for b in ("one", "two", "three", "four")]
    >>> y = [f"{a} + {b}" for a in "1234" for b in "1234"]
    >>> model = LSTMTranslator(level="word", hidden_size=32, random_state=0).fit(X[:-3], y[:-3])
    >>> model.predict(["four plus two"])
    array(['4 + 2'], dtype='<U5')
    """


@estimator
class GRUTranslator(RecurrentTranslatorMixin, _GRU):
    """Gated recurrent unit network that turns one text into another, or ids into ids.

    One network reads, another one writes and looks at what was read, token by token (Bahdanau et al. 2015). Answers are found by
    beam search. ``attention_weights`` tells what was looked at. Texts may differ in length; padding never changes an answer.

    References
    ----------
    .. [1] K. Cho et al. Learning phrase representations using RNN encoder-decoder for statistical machine translation.
       EMNLP 2014.
    .. [2] D. Bahdanau, K. Cho, Y. Bengio. Neural machine translation by jointly learning to align and translate. ICLR 2015.
    .. [3] M.-T. Luong, H. Pham, C. D. Manning. Effective approaches to attention-based neural machine translation. EMNLP 2015.

    Examples
    --------
    >>> import itertools
    >>> from sklearn_seq import GRUTranslator
    >>> X = ["".join(letters) for letters in itertools.product("abc", repeat=4)]
    >>> X.remove("aabc")
    >>> model = GRUTranslator(hidden_size=32, max_epochs=30, random_state=0).fit(X, [x[::-1] for x in X])
    >>> model.predict(["aabc"])
    array(['cbaa'], dtype='<U4')
    """
