"""Recurrent networks: RNN, LSTM, GRU."""

from typing import Annotated, Any, Literal

import torch

from sklearn_seq.layers.pooling import make_pool
from sklearn_seq.layers.recurrent import Recurrent
from sklearn_seq.params import AtLeast, Between, estimator
from sklearn_seq.tasks.classify import ClassifierMixin
from sklearn_seq.tasks.forecast_network import NetworkForecasterMixin
from sklearn_seq.tasks.regress import RegressorMixin
from sklearn_seq.training import TrainingParams

__all__ = [
    "GRUClassifier",
    "GRUForecaster",
    "GRURegressor",
    "LSTMClassifier",
    "LSTMForecaster",
    "LSTMRegressor",
    "RNNClassifier",
    "RNNForecaster",
    "RNNRegressor",
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
