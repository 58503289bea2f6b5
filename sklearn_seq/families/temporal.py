"""Temporal convolutional network: causal, dilated convolutions."""

from typing import Annotated

from sklearn_seq.families._convolutional import ConvolutionalParams, Pooling, Views
from sklearn_seq.layers import convnets
from sklearn_seq.params import AtLeast, Between, estimator
from sklearn_seq.tasks.classify import ClassifierMixin
from sklearn_seq.tasks.forecast_network import NetworkForecasterMixin
from sklearn_seq.tasks.regress import RegressorMixin
from sklearn_seq.tasks.tag import TaggerMixin

__all__ = ["TCNClassifier", "TCNForecaster", "TCNRegressor", "TCNTagger"]


@estimator
class _TCN(ConvolutionalParams):
    n_filters: Annotated[int, AtLeast(1), "Filters a layer."] = 32
    n_blocks: Annotated[
        int, AtLeast(1), "Residual blocks of two convolutions, each with twice the dilation of the one before."
    ] = 5
    kernel_size: Annotated[
        int,
        AtLeast(1),
        "Steps a filter looks at; the last one looks back at 1 + 2 (kernel_size - 1) (2^n_blocks - 1) steps.",
    ] = 5
    dropout: Annotated[
        float, Between(0, 1, "left"), "Share of values dropped in training, behind convolutions and before the output."
    ] = 0.1
    pooling: Pooling = "concat"
    views: Views = "values"

    def _network(self, n_features: int) -> convnets.TCN:
        """The blocks."""
        return convnets.TCN(n_features, self.n_filters, self.kernel_size, self.n_blocks, self.dropout)


@estimator
class TCNClassifier(ClassifierMixin, _TCN):
    """Temporal convolutional network for classifying sequences.

    Causal residual blocks, each with twice the dilation of the one before (Bai, Kolter and Koltun 2018): the vector of a step
    depends on that step and those before it alone. Sequences may differ in length; padding never changes an answer.

    References
    ----------
    .. [1] S. Bai, J. Z. Kolter, V. Koltun. An empirical evaluation of generic convolutional and recurrent networks for
       sequence modeling. arXiv:1803.01271, 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import TCNClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 24))
    >>> X[:30, 8:16] += np.sin(np.arange(8))  # a wave in the noise
    >>> y = ["wave"] * 30 + ["noise"] * 30
    >>> TCNClassifier(n_filters=16, n_blocks=3, max_epochs=10, random_state=0).fit(X, y).predict_proba(X[:2]).shape
    (2, 2)
    """


@estimator
class TCNRegressor(RegressorMixin, _TCN):
    """Temporal convolutional network for predicting numbers from sequences.

    Causal residual blocks, each with twice the dilation of the one before (Bai, Kolter and Koltun 2018): the vector of a step
    depends on that step and those before it alone. Sequences may differ in length; padding never changes an answer.

    References
    ----------
    .. [1] S. Bai, J. Z. Kolter, V. Koltun. An empirical evaluation of generic convolutional and recurrent networks for
       sequence modeling. arXiv:1803.01271, 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import TCNRegressor
    >>> X = np.random.default_rng(0).normal(size=(60, 24))
    >>> TCNRegressor(n_filters=16, n_blocks=3, max_epochs=10, random_state=0).fit(X, X.max(axis=1)).predict(X[:3]).shape
    (3,)
    """


@estimator
class TCNForecaster(NetworkForecasterMixin, _TCN):
    """Temporal convolutional network for forecasting the next rows of a table.

    Causal, dilated convolutions over the window before an origin (Bai, Kolter and Koltun 2018); all steps of the horizon are
    answered at once.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import TCNForecaster
    >>> X = np.sin(np.arange(300) / 5)[:, None]
    >>> model = TCNForecaster(lookback=32, horizon=8, n_filters=8, max_epochs=3, random_state=0).fit(X[:250])
    >>> model.score(X[250:]) > 0.9
    True
    """


@estimator
class TCNTagger(TaggerMixin, _TCN):
    """Temporal convolutional network for labelling every step of sequences as they come.

    Causal residual blocks, each with twice the dilation of the one before (Bai, Kolter and Koltun 2018): the label of a step
    depends on that step and those before it alone (with ``decoder="crf"`` on the labels behind it too). Sequences may differ in
    length; padding never changes an answer.

    References
    ----------
    .. [1] S. Bai, J. Z. Kolter, V. Koltun. An empirical evaluation of generic convolutional and recurrent networks for
       sequence modeling. arXiv:1803.01271, 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import TCNTagger
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(n, 2)) for n in rng.integers(5, 15, size=60)]
    >>> y = [np.where(x[:, 0] > 0, "up", "down") for x in X]
    >>> model = TCNTagger(n_blocks=2, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.9, model.predict(X[:1])[0].shape == (len(X[0]),)
    (True, True)
    """
