"""Monte Carlo dropout: what one network says when units are left out, for comparison with ensembles."""

import copy
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import torch
from scipy.special import softmax
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.utils import check_random_state

from sklearn_seq.ensemble.mixtures import ClassifierMixin, RegressorMixin
from sklearn_seq.families.recurrent import GRUClassifier, GRURegressor
from sklearn_seq.layers.dropout import thin
from sklearn_seq.params import AtLeast, Positional, RandomState, estimator
from sklearn_seq.tasks.base import TaskMixin
from sklearn_seq.tasks.state import keep_on_failure

__all__ = ["MCDropoutClassifier", "MCDropoutRegressor"]

_LARGEST_SEED = 2**31 - 1
_LEARNT = ("n_features_in_", "n_timesteps_in_", "feature_names_in_", "classes_")


@estimator
class _MCDropout(BaseEstimator):
    """One network, thinned many times.

    Attributes
    ----------
    estimator_ : estimator
        The fitted network.
    n_features_in_, n_timesteps_in_, feature_names_in_ : as of the network
        Where it has them.
    """

    estimator: Annotated[
        BaseEstimator | None,
        Positional,
        "A network of this package with dropout; None is a GRU, for numbers with a Gaussian head.",
    ] = None
    n_samples: Annotated[int, AtLeast(1), "How many thinned networks answer."] = 30
    random_state: Annotated[RandomState, "Decides the network's seed, and which units are left out."] = None

    @keep_on_failure
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, X_val: Any = None, y_val: Any = None, groups: Any = None
    ) -> Any:
        """Train the network, as its own ``fit`` does.

        Parameters
        ----------
        X : array-like, list of arrays, frame or Sequences
            The sequences.
        y : array-like of shape (n_samples,) or, for regressors, (n_samples, n_outputs)
            The target of each sequence.
        sample_weight : array-like of shape (n_samples,), optional
            A weight of 3 equals three copies of the sample.
        X_val, y_val : as X and y, optional
            What is scored for early stopping.
        groups : array-like of shape (n_samples,), optional
            Groups that early stopping must not tear apart.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            For data or a network that do not fit. An estimator that was fitted before stays as it was.
        """
        self._validate_params()
        given = self._one()
        is_kind = is_classifier if is_classifier(self) else is_regressor
        if not isinstance(given, TaskMixin) or not is_kind(given):
            raise TypeError(
                f"estimator={given!r:.80}; {type(self).__name__} thins a network of this package for the same task. Give an "
                f"instance of one, such as {self._default()!r}."
            )
        for name in [name for name in self.__dict__ if name.endswith("_")]:
            del self.__dict__[name]
        random_state = check_random_state(self.random_state)
        member: Any = clone(given).set_params(random_state=int(random_state.randint(_LARGEST_SEED)))
        if not member.get_params(deep=False).get("dropout"):
            raise ValueError(
                f"{type(member).__name__} has no dropout: nothing would be left out. Set dropout=0.2, or so."
            )
        self._seed = int(random_state.randint(_LARGEST_SEED))
        self._n_networks = self.n_samples
        self.estimator_ = member.fit(X, y, sample_weight, X_val, y_val, groups)
        self.temperature_ = None
        for name in _LEARNT:
            if hasattr(member, name):
                setattr(self, name, copy.copy(getattr(member, name)))
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return "estimator_" in self.__dict__

    def _outputs(self, X: Any) -> Iterator[np.ndarray]:
        """Of each thinned network; it is the same one for all rows, so rows do not depend on each other."""
        data = self.estimator_._read_again(X)
        generator = torch.Generator().manual_seed(self._seed)
        network = copy.deepcopy(self.estimator_.module_)
        for _ in range(self._n_networks):
            thin(network, generator)
            yield self.estimator_._outputs_of(data, network)


@estimator
class MCDropoutClassifier(ClassifierMixin, _MCDropout):
    """A network that classifies sequences, asked many times with other units left out.

    Cheaper to train than `DeepEnsembleClassifier`, which is usually better calibrated. Each of the thinned networks leaves
    the same units out for all rows and time steps (Gal and Ghahramani 2016), so an answer does not depend on the rows beside
    it, and the same call gives the same answer.

    References
    ----------
    .. [1] Y. Gal, Z. Ghahramani. Dropout as a Bayesian approximation: representing model uncertainty in deep learning.
       ICML 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import GRUClassifier, MCDropoutClassifier
    >>> X = np.random.default_rng(0).normal(size=(80, 12)).cumsum(axis=1)
    >>> y = X[:, -1] > 0
    >>> model = MCDropoutClassifier(GRUClassifier(hidden_size=16, max_epochs=10, dropout=0.3), random_state=0).fit(X, y)
    >>> model.predict_proba(X[:2]).shape
    (2, 2)
    """

    def _default(self) -> Any:
        return GRUClassifier()

    def _answers(self, X: Any) -> np.ndarray:
        """(M, n, K)"""
        return np.stack([softmax(output, axis=1) for output in self._outputs(X)])


@estimator
class MCDropoutRegressor(RegressorMixin, _MCDropout):
    """A network that predicts numbers from sequences, asked many times with other units left out.

    Cheaper to train than `DeepEnsembleRegressor`, which is usually better calibrated. Each of the thinned networks leaves
    the same units out for all rows and time steps (Gal and Ghahramani 2016), so an answer does not depend on the rows beside
    it, and the same call gives the same answer.

    References
    ----------
    .. [1] Y. Gal, Z. Ghahramani. Dropout as a Bayesian approximation: representing model uncertainty in deep learning.
       ICML 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import GRURegressor, MCDropoutRegressor
    >>> X = np.random.default_rng(0).normal(size=(100, 12))
    >>> member = GRURegressor(loss="gaussian", hidden_size=16, max_epochs=10, dropout=0.2)
    >>> model = MCDropoutRegressor(member, random_state=0).fit(X, X.sum(axis=1))
    >>> mean, std = model.predict(X[:3], return_std=True)
    >>> mean.shape, bool((std > 0).all())
    ((3,), True)
    """

    def _default(self) -> Any:
        return GRURegressor(loss="gaussian")

    def _answers(self, X: Any) -> tuple[np.ndarray, np.ndarray | None]:
        """Means (M, n) or (M, n, n_outputs), and deviations where the network has a Gaussian head."""
        pairs = [self.estimator_._moments(output) for output in self._outputs(X)]
        means, deviations = np.stack([mean for mean, _ in pairs]), [deviation for _, deviation in pairs]
        return means, None if deviations[0] is None else np.stack(deviations)
