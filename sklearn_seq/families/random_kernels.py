"""Random convolution kernels: MiniRocket, MultiRocket, Hydra, and ridge regression on their features."""

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from sklearn_seq.layers.chunks import run_chunks
from sklearn_seq.layers.hydra import Groups, compete, draw_groups
from sklearn_seq.layers.kernel_pooling import pool
from sklearn_seq.layers.random_kernels import N_KERNELS, Bank, learn_bank
from sklearn_seq.params import AtLeast, Positive, RandomState, estimator
from sklearn_seq.preprocessing._base import _FeatureTransformer
from sklearn_seq.sequences.container import Sequences
from sklearn_seq.tasks.solved import RidgeClassifierMixin, RidgeRegressorMixin
from sklearn_seq.training.ridge import RidgePath, linear_map

__all__ = ["Hydra", "MiniRocket", "MultiRocket", "RocketClassifier", "RocketRegressor"]

_AT_ONCE = 1 << 25  # features of rows to predict in memory at a time, as numbers
_LARGEST_SEED = 2**31 - 1


@estimator
class _RandomKernels(_FeatureTransformer):
    normalize: Annotated[
        bool, "Give each sequence mean 0 and deviation 1 in each channel first; False takes them as they come."
    ] = False
    n_jobs: Annotated[int | None, "Threads of `transform`; None is 1, -1 all processors. No bit depends on it."] = None
    random_state: Annotated[RandomState, "Decides what is drawn."] = None

    def _n_columns(self) -> int:
        raise NotImplementedError

    def _names(self, names: list[str]) -> list[str]:
        return [f"{type(self).__name__.lower()}{i}" for i in range(self._n_columns())]


@estimator
class MiniRocket(_RandomKernels):
    """Features of sequences: how often fixed kernels respond above thresholds.

    There are 84 kernels of length 9, all those with six weights of -1 and three of 2. Each is stretched by up to
    ``max_dilations`` gaps between its weights (dilations), evenly on a log scale from 1 to where it spans the longest
    training sequence. Thresholds are quantiles of what a kernel responds to training sequences, each drawn at random. A
    feature is the proportion of steps at which a response lies above a threshold. Half of the combinations of kernel
    and dilation read zeros around the sequence, the other half only steps whose whole neighbourhood lies inside it. No
    labels are used. Together with a linear classifier this is fast and accurate [1]_.

    With several channels each kernel at each dilation adds up a random few of them, at most 9.

    Sequences of any length are read, down to one step; one too short for a stretched kernel is read with zeros around
    it. Plain numpy does the work: nothing is compiled, at first use or later.

    Attributes
    ----------
    dilations_ : ndarray of int of shape (n_dilations,)
        Gaps between the weights.
    n_biases_ : ndarray of int of shape (n_dilations,)
        Thresholds of each kernel at each dilation.
    biases_ : ndarray of float32 of shape (n_features_out,)
        The thresholds, ordered as the features: by dilation, kernel, threshold.
    channels_ : ndarray of bool of shape (n_dilations, 84, n_channels)
        The channels that each kernel adds up.

    See Also
    --------
    MultiRocket : More features of the same responses.
    Hydra : Counts of which kernel responds most.
    RocketClassifier : A classifier on these features.

    Notes
    -----
    Thresholds are drawn from sequences as their content orders them: the order of the rows in `fit` does not matter.

    References
    ----------
    .. [1] A. Dempster, D. F. Schmidt, G. I. Webb. MiniRocket: a very fast (almost) deterministic transform for time series
       classification. KDD 2021. arXiv:2012.08791

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import RidgeClassifierCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_seq import MiniRocket
    >>> X = np.sin(np.arange(40.0) / np.repeat([[2.0], [3.0]], 10, axis=0) + np.arange(20.0)[:, None])
    >>> y = np.repeat(["fast", "slow"], 10)
    >>> MiniRocket(random_state=0).fit_transform(X).shape
    (20, 9996)
    >>> make_pipeline(MiniRocket(n_features=500, random_state=0), RidgeClassifierCV()).fit(X, y).predict(X[[3, 15]])
    array(['fast', 'slow'], dtype='<U4')
    """

    n_features: Annotated[int, AtLeast(N_KERNELS), "Features to make; a multiple of 84 below it is made."] = 10_000
    max_dilations: Annotated[int, AtLeast(1), "Bound on the dilations of a kernel."] = 32

    def _learn(self, X: Sequences) -> None:
        random = check_random_state(self.random_state)
        bank = learn_bank(X, self.n_features, self.max_dilations, random, normalize=self.normalize)
        self.dilations_, self.n_biases_, self.biases_, self.channels_ = bank

    def _features(self, X: Sequences) -> np.ndarray:
        bank = Bank(self.dilations_, self.n_biases_, self.biases_, self.channels_)
        how: dict[str, Any] = {"normalize": self.normalize, "n_jobs": self.n_jobs, "n_steps": 2**17}
        return run_chunks(X, lambda chunk: pool(chunk, bank), self._n_columns(), **how)

    def _n_columns(self) -> int:
        return len(self.biases_)


@estimator
class MultiRocket(_RandomKernels):
    """Features of sequences: four summaries of where fixed kernels respond above thresholds, and of their changes.

    The kernels, dilations and thresholds are those of `MiniRocket`, chosen for the series and once more for its first
    differences. Of the steps at which a response lies above its threshold four features are made: their proportion, the
    mean excess over the threshold (0 where there are none), the mean of their indices (-1 where there are none), and the
    length of their longest stretch [1]_.

    With several channels each kernel at each dilation adds up a random few of them, at most 9. Sequences of any length
    are read, down to one step, whose difference is zero.

    Attributes
    ----------
    dilations_, difference_dilations_ : ndarray of int of shape (n_dilations,)
        Gaps between the weights, for the series and for its differences.
    n_biases_, difference_n_biases_ : ndarray of int of shape (n_dilations,)
        Thresholds of each kernel at each dilation.
    biases_, difference_biases_ : ndarray of float32 of shape (n_features_out / 8,)
        The thresholds, by dilation, kernel, threshold.
    channels_, difference_channels_ : ndarray of bool of shape (n_dilations, 84, n_channels)
        The channels that each kernel adds up.

    See Also
    --------
    MiniRocket : The proportion only, of the series only: faster.
    Hydra : Counts of which kernel responds most.
    RocketClassifier : A classifier on these features.

    Notes
    -----
    The four kinds of features are of different size: scale them before a linear model. They are ordered by the series
    and its differences, then by kind, dilation, kernel and threshold.

    References
    ----------
    .. [1] C. W. Tan, A. Dempster, C. Bergmeir, G. I. Webb. MultiRocket: multiple pooling operators and transformations for
       fast and effective time series classification. Data Mining and Knowledge Discovery 36, 2022. arXiv:2102.00457

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import MultiRocket
    >>> X = np.sin(np.arange(40.0) / np.array([[1.0], [2.0], [3.0]]))
    >>> MultiRocket(random_state=0).fit_transform(X).shape
    (3, 49728)
    """

    n_features: Annotated[int, AtLeast(8 * N_KERNELS), "Features to make; a multiple of 672 below it is made."] = 50_000
    max_dilations: Annotated[int, AtLeast(1), "Bound on the dilations of a kernel."] = 32

    def _learn(self, X: Sequences) -> None:
        random = check_random_state(self.random_state)
        banks = [
            learn_bank(
                X, self.n_features // 8, self.max_dilations, random, normalize=self.normalize, difference=difference
            )
            for difference in (False, True)
        ]
        self.dilations_, self.n_biases_, self.biases_, self.channels_ = banks[0]
        (
            self.difference_dilations_,
            self.difference_n_biases_,
            self.difference_biases_,
            self.difference_channels_,
        ) = banks[1]

    def _features(self, X: Sequences) -> np.ndarray:
        of_series = Bank(self.dilations_, self.n_biases_, self.biases_, self.channels_)
        of_changes = Bank(
            self.difference_dilations_, self.difference_n_biases_, self.difference_biases_, self.difference_channels_
        )

        def work(chunk: Any) -> np.ndarray:
            return np.concatenate([pool(chunk, of_series, 4), pool(chunk.difference(), of_changes, 4)])

        return run_chunks(X, work, self._n_columns(), normalize=self.normalize, n_jobs=self.n_jobs)

    def _n_columns(self) -> int:
        return 4 * (len(self.biases_) + len(self.difference_biases_))


@estimator
class Hydra(_RandomKernels):
    """Features of sequences: how often, and how strongly, each random kernel responds more than the others of its group.

    Kernels of length 9 with random weights, of mean 0, come in groups. At each step the kernel of a group with the
    highest response wins, and the one with the lowest. Features are the sum of the responses with which a kernel wins
    and the count of the steps at which its response is the lowest, at dilations of all powers of two up to where a
    kernel spans the longest training sequence. The first half of the groups reads the series, the other half its first
    differences, both with zeros around them [1]_.

    With several channels each group at each dilation adds up a random few of them, at most 9. Sequences of any length
    are read, down to one step.

    Attributes
    ----------
    dilations_ : ndarray of int of shape (n_dilations,)
        Gaps between the weights.
    kernels_ : ndarray of float32 of shape (n_dilations, n_groups, n_kernels, 9)
        The weights.
    channels_ : ndarray of bool of shape (n_dilations, n_groups, n_channels)
        The channels that a group adds up.

    See Also
    --------
    MiniRocket, MultiRocket : How often kernels respond above thresholds.
    RocketClassifier : A classifier on these features.

    Notes
    -----
    Features are square roots of the sums and counts, and of 0 where a sum is negative: a linear model is more accurate
    on them. Scale them before it. They grow with the length of a sequence. They are ordered by dilation; by highest and
    lowest; by group; by kernel.

    References
    ----------
    .. [1] A. Dempster, D. F. Schmidt, G. I. Webb. Hydra: competing convolutional kernels for fast and accurate time series
       classification. Data Mining and Knowledge Discovery 37, 2023. arXiv:2203.13652

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import Hydra
    >>> X = np.sin(np.arange(40.0) / np.array([[1.0], [2.0], [3.0]]))
    >>> hydra = Hydra(random_state=0).fit(X)
    >>> hydra.dilations_.tolist(), hydra.transform(X).shape
    ([1, 2, 4], (3, 3072))
    """

    n_groups: Annotated[int, AtLeast(1), "Groups of kernels at each dilation."] = 64
    n_kernels: Annotated[int, AtLeast(2), "Kernels that compete in a group."] = 8

    def _learn(self, X: Sequences) -> None:
        random = check_random_state(self.random_state)
        length = int(X.lengths.max())
        groups = draw_groups(length, X.n_features, self.n_groups, self.n_kernels, random)
        self.dilations_, self.kernels_, self.channels_ = groups

    def _features(self, X: Sequences) -> np.ndarray:
        groups = Groups(self.dilations_, self.kernels_, self.channels_)
        how: dict[str, Any] = {"normalize": self.normalize, "n_jobs": self.n_jobs, "n_steps": 2**14}
        return run_chunks(X, lambda chunk: compete(chunk, groups), self._n_columns(), **how)

    def _n_columns(self) -> int:
        return 2 * self.kernels_[..., 0].size


# -- ridge regression on these features --------------------------------------------------------------------------------

_TRANSFORMERS: dict[str, Callable[[float], _RandomKernels]] = {
    "minirocket": lambda size: MiniRocket(n_features=max(N_KERNELS, round(10_000 * size))),
    "multirocket": lambda size: MultiRocket(n_features=max(8 * N_KERNELS, round(50_000 * size))),
    "hydra": lambda size: Hydra(n_groups=max(1, round(64 * size))),
}


@estimator
class _Rocket(BaseEstimator):
    features: Annotated[
        tuple | list,
        'Each gives features for a ridge regression of its own, and these are averaged: some of "minirocket", '
        '"multirocket" and "hydra".',
    ] = ("minirocket", "multirocket", "hydra")
    size: Annotated[float, Positive, "How many features, as a multiple of what each of them makes by default."] = 1.0
    normalize: Annotated[
        bool, "Give each sequence mean 0 and deviation 1 in each channel first; False takes them as they come."
    ] = False
    n_jobs: Annotated[int | None, "Threads that make features; None is 1, -1 all processors. No bit depends on it."] = (
        None
    )
    random_state: Annotated[RandomState, "Decides the kernels."] = None

    def _solve(self: Any, data: Sequences, target: np.ndarray, weight: np.ndarray) -> dict[str, Any]:
        unknown = [name for name in self.features if not isinstance(name, str) or name not in _TRANSFORMERS]
        if unknown or not self.features:
            raise ValueError(
                f"features={self.features!r}; wanted one or more of {', '.join(map(repr, _TRANSFORMERS))}, such as "
                "features=('minirocket', 'hydra')"
            )
        chance = check_random_state(self.random_state)
        heads, outputs, alphas = [], [], []
        for name in self.features:
            transformer = _TRANSFORMERS[name](self.size).set_params(
                normalize=self.normalize, n_jobs=self.n_jobs, random_state=int(chance.randint(_LARGEST_SEED))
            )
            transformer._learn(data)
            path = RidgePath(transformer._features(data), self._head_target(target), weight)
            solution, temperature = self._solve_head(path, target, weight)
            head = {"transformer": transformer, "coef": solution.coef, "intercept": solution.intercept}
            heads.append(head | {"temperature": temperature})
            outputs.append(solution.loo / temperature)
            alphas.append(solution.alpha)
        self.alphas_ = np.stack(alphas)
        return {"heads": heads, "mixing": self._settle_mix(outputs, target, weight)}

    def _decide(self: Any, data: Sequences, solved: dict[str, Any]) -> np.ndarray:
        step = max(1, _AT_ONCE // max(len(head["coef"]) for head in solved["heads"]))
        parts = []
        for i in range(0, len(data), step):
            rows = data[i : i + step]
            outputs = [
                linear_map(head["transformer"]._features(rows), head["coef"], head["intercept"]) / head["temperature"]
                for head in solved["heads"]
            ]
            parts.append(self._mix(outputs, solved["mixing"]))
        return np.concatenate(parts)


@estimator
class RocketClassifier(RidgeClassifierMixin, _Rocket):
    """Ridge regression on features of random kernels for classifying sequences.

    Thousands of fixed convolutions describe a sequence, and a linear classifier reads the description: near the best
    accuracy known, in seconds. By default three classifiers are averaged, on the features of MiniRocket [1]_, MultiRocket
    [2]_ and Hydra [3]_. The penalty of each, and how sure it may be, come from exact leave-one-out values of the training
    rows, so ``predict_proba`` is calibrated. Sequences may differ in length.

    Attributes
    ----------
    alphas_ : ndarray of shape (n_heads, n_classes)
        Penalties chosen, relative to the mean squared length of a row of features.

    References
    ----------
    .. [1] A. Dempster, D. F. Schmidt, G. I. Webb. MiniRocket: a very fast (almost) deterministic transform for time series
       classification. KDD 2021.
    .. [2] C. W. Tan, A. Dempster, C. Bergmeir, G. I. Webb. MultiRocket: multiple pooling operators and transformations for
       fast and effective time series classification. Data Mining and Knowledge Discovery 36, 2022.
    .. [3] A. Dempster, D. F. Schmidt, G. I. Webb. Hydra: competing convolutional kernels for fast and accurate time series
       classification. Data Mining and Knowledge Discovery 37, 2023.
    .. [4] J. C. Platt. Probabilistic outputs for support vector machines and comparisons to regularized likelihood methods.
       Advances in Large Margin Classifiers, 1999.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import RocketClassifier
    >>> t = np.arange(40)
    >>> rng = np.random.default_rng(0)
    >>> X = np.array([np.sin(t / (2 + i % 2) + rng.uniform(0, 9)) + 0.3 * rng.normal(size=40) for i in range(40)])
    >>> y = np.array(["fast", "slow"] * 20)
    >>> model = RocketClassifier(random_state=0).fit(X[:30], y[:30])
    >>> model.score(X[30:], y[30:]) > 0.8, model.loo_score_ > 0.8
    (True, True)
    """


@estimator
class RocketRegressor(RidgeRegressorMixin, _Rocket):
    """Ridge regression on features of random kernels for predicting numbers from sequences.

    Thousands of fixed convolutions describe a sequence, and a linear regression reads the description. By default three
    are averaged, on the features of MiniRocket [1]_, MultiRocket [2]_ and Hydra [3]_. The penalty of each is that of the least
    exact leave-one-out error, for each target. Sequences may differ in length.

    Attributes
    ----------
    alphas_ : ndarray of shape (n_heads, n_outputs)
        Penalties chosen, relative to the mean squared length of a row of features.

    References
    ----------
    .. [1] A. Dempster, D. F. Schmidt, G. I. Webb. MiniRocket: a very fast (almost) deterministic transform for time series
       classification. KDD 2021.
    .. [2] C. W. Tan, A. Dempster, C. Bergmeir, G. I. Webb. MultiRocket: multiple pooling operators and transformations for
       fast and effective time series classification. Data Mining and Knowledge Discovery 36, 2022.
    .. [3] A. Dempster, D. F. Schmidt, G. I. Webb. Hydra: competing convolutional kernels for fast and accurate time series
       classification. Data Mining and Knowledge Discovery 37, 2023.
    .. [4] C. W. Tan, C. Bergmeir, F. Petitjean, G. I. Webb. Time series extrinsic regression. Data Mining and Knowledge
       Discovery 35, 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import RocketRegressor
    >>> X = np.random.default_rng(0).normal(size=(60, 30)).cumsum(axis=1)
    >>> model = RocketRegressor(random_state=0).fit(X[:40], X[:40].std(axis=1))
    >>> model.predict(X[40:]).shape, model.loo_score_ > 0.3
    ((20,), True)
    """
