"""AutoClassifier and AutoRegressor: for people who do not want to choose."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, Any, ClassVar

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from sklearn_seq.auto.heads import Fitted, enough_for_networks, fit_network, fit_ridge, fit_trees_on, run_head
from sklearn_seq.auto.texts import (
    LINEAR,
    N_CHARACTERS,
    Counts,
    characters_of,
    fit_linear_text,
    fit_text_network,
    make_text_network,
    read_documents,
    run_text_head,
)
from sklearn_seq.auto.views import learn_changes, learn_kernel, learn_values
from sklearn_seq.auto.weights import bounded_logarithms, mix_logarithms, mix_numbers, mix_probabilities
from sklearn_seq.families.convolutional import CNNClassifier, CNNRegressor
from sklearn_seq.families.random_kernels import Hydra, MiniRocket, MultiRocket
from sklearn_seq.families.recurrent import GRUClassifier
from sklearn_seq.families.series_convolutional import FCNClassifier, ResNetClassifier
from sklearn_seq.families.shapelets import RandomShapelets
from sklearn_seq.params import Positive, RandomState, estimator
from sklearn_seq.preprocessing.intervals import IntervalQuantiles
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.gate import read_X
from sklearn_seq.tasks.solved import RidgeClassifierMixin, RidgeRegressorMixin

__all__ = ["AutoClassifier", "AutoRegressor"]

# Features of a view, times rows: with more rows there are fewer features, so that what solves them stays affordable.
_FEATURES_TIMES_ROWS = 5e7
_LARGE = 4000  # rows from which on the products of columns are cheaper, and there are fewer features still
_FEATURES_OF_LARGE = 4000
_LANDMARKS = 2000
_TREES = 300
# Of more than 1000 rows there are fewer epochs: by left out answers of the training part of PenDigits twice as many make a network
# right by up to 0.001 more often, and the mixture not at all.
_EPOCHS_TIMES_ROWS, _FEWEST_EPOCHS = 1e5, 5
_SHORT = 128  # steps of the longest sequence, up to which more than one network is affordable
_LARGEST_SEED = 2**31 - 1


@estimator
class _Auto(BaseEstimator):
    budget: Annotated[
        float,
        Positive,
        "Work, relative to the default: the numbers of kernels, shapelets, landmarks, trees and epochs are multiplied by it.",
    ] = 1.0
    max_seconds: Annotated[
        float | None,
        Positive,
        "Leave out models that would begin later than this after the start of fit; which ones depends on the machine, so "
        "results can no longer be repeated. None leaves out none.",
    ] = None
    n_jobs: Annotated[int | None, "Threads or processes at a time; answers do not depend on it."] = None
    random_state: Annotated[RandomState, "Decides kernels, shapelets, trees and networks."] = None

    _networks: ClassVar[dict[str, tuple[Any, float]]] = {}  # each with the steps that it can read

    def _heads(
        self, data: Sequences, target: np.ndarray, weight: np.ndarray, n_classes: int | None
    ) -> Iterator[tuple[str, Callable[[], Fitted]]]:
        """The models, each with what fits it, cheap ones first."""
        random = check_random_state(self.random_state)
        seeds = dict(zip(_NAMES, random.randint(_LARGEST_SEED, size=len(_NAMES)).tolist(), strict=True))
        most = _FEATURES_TIMES_ROWS / len(data) if len(data) <= _LARGE else _FEATURES_OF_LARGE

        def size(default: float, least: int = 1, bound: float = np.inf) -> int:
            return max(least, int(min(default * self.budget, bound)))

        def on_ridge(view: Any) -> Fitted:
            if not isinstance(view, dict):
                view._learn(data)
            return fit_ridge(self, view, data, target, weight)

        def on_trees() -> Fitted:
            view = IntervalQuantiles()
            view._learn(data)
            chance = np.random.RandomState(seeds["trees"])
            how: Any = {"n_trees": size(_TREES), "n_classes": n_classes, "random": chance, "n_jobs": self.n_jobs}
            return fit_trees_on(view, data, target, weight, **how)

        def on_network(name: str) -> Fitted:
            network = self._networks[name][0]()
            most_epochs = max(_FEWEST_EPOCHS, _EPOCHS_TIMES_ROWS / len(data))
            network.set_params(max_epochs=size(min(network.max_epochs, most_epochs)))
            chance = np.random.RandomState(seeds[name])
            how: Any = {"n_classes": n_classes, "random": chance, "n_jobs": self.n_jobs}
            return fit_network(network, data, target, weight, **how)

        common: dict[str, Any] = {"n_jobs": self.n_jobs}
        yield "values", lambda: on_ridge(learn_values(data))
        yield "changes", lambda: on_ridge(learn_changes(data))
        yield (
            "kernel",
            lambda: on_ridge(learn_kernel(data, size(_LANDMARKS), np.random.RandomState(seeds["kernel"]))),
        )
        yield "trees", on_trees
        yield (
            "minirocket",
            lambda: on_ridge(MiniRocket(n_features=size(10_000, 84, most), random_state=seeds["minirocket"], **common)),
        )
        yield "hydra", lambda: on_ridge(Hydra(n_groups=size(64), random_state=seeds["hydra"], **common))
        yield (
            "shapelets",
            lambda: on_ridge(
                RandomShapelets(n_shapelets=size(10_000, 1, most / 3), random_state=seeds["shapelets"], **common)
            ),
        )
        yield (
            "multirocket",
            lambda: on_ridge(
                MultiRocket(n_features=size(50_000, 672, most), random_state=seeds["multirocket"], **common)
            ),
        )
        if enough_for_networks(len(data), n_classes):
            for name, (_, steps) in self._networks.items():
                if data.lengths.max() <= steps:
                    yield name, partial(on_network, name)

    def _fit_heads(
        self, data: Sequences, target: np.ndarray, weight: np.ndarray, n_classes: int | None
    ) -> dict[str, Fitted]:
        began = time.monotonic()
        fitted: dict[str, Fitted] = {}
        for name, fit in self._heads(data, target, weight, n_classes):
            late = self.max_seconds is not None and time.monotonic() - began > self.max_seconds
            if not (late and fitted):
                fitted[name] = fit()
        return fitted

    def _solve_with(
        self: Any, data: Sequences, target: np.ndarray, weight: np.ndarray, n_classes: int | None
    ) -> dict[str, Any]:
        fitted = self._fit_heads(data, target, weight, n_classes)
        judged = np.array([left_out is not None for _, left_out in fitted.values()])
        left_out = [values for _, values in fitted.values() if values is not None]
        mixing = self._settle_mix(left_out, target, weight)
        mixing["weights"] = _with_networks(mixing["weights"], judged)
        return {"heads": {name: head for name, (head, _) in fitted.items()}, "mixing": mixing}

    def _decide(self, data: Sequences, solved: dict[str, Any]) -> np.ndarray:
        outputs = [run_head(head, data) for head in solved["heads"].values()]
        return self._mix(outputs, solved["mixing"])  # type: ignore[attr-defined]

    @property
    def weights_(self) -> dict[str, float]:
        """What each model counts, by name; the sum is 1."""
        if "_solved" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no weights_ before fit")
        solved = self._solved
        weights = solved["mixing"]["weights"].reshape(len(solved["heads"]), -1).mean(axis=1)
        return dict(zip(solved["heads"], weights.tolist(), strict=True))


_NAMES = ("kernel", "trees", "minirocket", "hydra", "shapelets", "multirocket", "cnn", "fcn", "resnet", "gru")


def _with_networks(weights: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """Weights of all models, from those of the ones that left out values judge; the others count as one among equals.

    In cross-validation of training parts: of 1184 rows of 21 small UCR sets 117 were wrong without networks, 115 with CNN, 114
    with all of them; of 290 of MSR Action3D, subjects left out, 41, 36 and 30.
    """
    if judged.all():
        return weights
    share = 1.0 / len(judged)
    out = np.full((len(judged), *weights.shape[1:]), share)
    out[judged] = (1.0 - share * np.count_nonzero(~judged)) * weights
    return out


@estimator
class AutoClassifier(RidgeClassifierMixin, _Auto):
    """Classifies sequences without anything to choose: a mixture of models that are accurate for different reasons.

    Ridge regression on features of random kernels (MiniRocket, MultiRocket, Hydra), on random shapelets, on the values, on
    their changes and on a Gaussian kernel of the values; extremely randomised trees on quantiles of intervals; and
    networks: `CNNClassifier`, and where no training sequence has more than 128 steps `FCNClassifier`, `ResNetClassifier` and
    `GRUClassifier` too. Each says what it would say of every training row without that row, exactly for ridge regression; so
    probabilities are calibrated, and models are weighed by how probable they made what happened (for few rows the fourth
    power of that [1]_, for many the likelihood of the mixture). From 1000 distinct rows on a network is the mean of three that
    learnt from two thirds each and judge what they left out; below, nothing judges the networks: each counts as one model
    among equals, and is made less sure.

    Of texts the models are others: support vector machines on runs of words and characters and on pairs of words, by how rare
    they are and by how much more frequent they are in a class [7]_, and a `GRUClassifier` that reads words, and their beginnings
    and endings, both ways (from 1000 texts on the mean of five that learnt from four fifths each); the logarithms of their
    probabilities are added up [8]_. Token ids are read as words.

    Attributes
    ----------
    weights_ : dict of str to float
        What each model counts.

    References
    ----------
    .. [1] J. Large, J. Lines, A. Bagnall. A probabilistic classifier ensemble weighting scheme based on cross-validated
       accuracy estimates. Data Mining and Knowledge Discovery 33, 1674-1709, 2019.
    .. [2] A. Dempster, D. F. Schmidt, G. I. Webb. MiniRocket. KDD 2021.
    .. [3] C. W. Tan, A. Dempster, C. Bergmeir, G. I. Webb. MultiRocket. Data Mining and Knowledge Discovery 36, 2022.
    .. [4] A. Dempster, D. F. Schmidt, G. I. Webb. Hydra. Data Mining and Knowledge Discovery 37, 2023.
    .. [5] A. Dempster, D. F. Schmidt, G. I. Webb. QUANT. Data Mining and Knowledge Discovery 38, 2024.
    .. [6] A. Guillaume, C. Vrain, W. Elloumi. Random dilated shapelet transform. ICPRAI 2022.
    .. [7] S. Wang, C. D. Manning. Baselines and bigrams: simple, good sentiment and topic classification. ACL 2012.
    .. [8] G. E. Hinton. Training products of experts by minimizing contrastive divergence. Neural Computation 14, 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import AutoClassifier
    >>> X = np.random.default_rng(0).normal(size=(40, 30)).cumsum(axis=1)
    >>> y = np.where(X[:, -1] > X[:, 0], "up", "down")
    >>> model = AutoClassifier(budget=0.02, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    >>> sorted(model.weights_)[:3]
    ['changes', 'cnn', 'fcn']
    """

    _networks = {
        "cnn": (CNNClassifier, np.inf),
        "fcn": (FCNClassifier, _SHORT),
        "resnet": (ResNetClassifier, _SHORT),
        "gru": (GRUClassifier, _SHORT),
    }

    def _pass_gate(self, X: Any, *, reset: bool, sample_weight: Any = None) -> Sequences:
        """X as numbers, as ids of tokens, or, of texts, as numbers of characters."""
        how: dict[str, Any] = {"dtype": self.dtype, "missing": self.missing, "encode": characters_of}
        data = read_X(self, X, reset=reset, **how).sequences
        if reset:
            self._n_channels = data.n_features
        return data

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags

    def _heads(
        self, data: Sequences, target: np.ndarray, weight: np.ndarray, n_classes: int | None
    ) -> Iterator[tuple[str, Callable[[], Fitted]]]:
        if data.n_tokens is None or n_classes is None:
            yield from super()._heads(data, target, weight, n_classes)
            return
        documents = read_documents(data)
        counts = Counts(documents)
        seeds = check_random_state(self.random_state).randint(_LARGEST_SEED, size=len(LINEAR) + 1).tolist()
        common: dict[str, Any] = {"n_classes": n_classes, "n_jobs": self.n_jobs}
        for name, seed in zip(LINEAR, seeds, strict=False):
            random = np.random.RandomState(seed)
            yield name, partial(fit_linear_text, name, counts, target, weight, random=random, **common)
        if n_classes > 1:
            network = make_text_network(self.budget, documents)
            random = np.random.RandomState(seeds[-1])
            common["parts"] = data.n_tokens == N_CHARACTERS
            yield "network", partial(fit_text_network, network, documents, target, weight, random=random, **common)

    def _solve(self, data: Sequences, target: np.ndarray, weight: np.ndarray) -> dict[str, Any]:
        return self._solve_with(data, target, weight, len(self.classes_))

    def _decide(self, data: Sequences, solved: dict[str, Any]) -> np.ndarray:
        if data.n_tokens is None:
            return super()._decide(data, solved)
        documents = read_documents(data)
        return self._mix([run_text_head(head, documents) for head in solved["heads"].values()], solved["mixing"])

    def _new_mixing(self, logits: list[np.ndarray], codes: np.ndarray, weight: np.ndarray) -> dict[str, Any]:
        if self._n_tokens is None:
            return {"weights": mix_probabilities([softmax(part, axis=1) for part in logits], codes, weight)}
        return {"weights": mix_logarithms(bounded_logarithms(logits), codes, weight), "logarithms": True}

    def _mix(self, logits: list[np.ndarray], mixing: dict[str, Any]) -> np.ndarray:
        """Of texts the mean of the logarithms of probabilities, (n, K)."""
        if not mixing.get("logarithms"):
            return super()._mix(logits, mixing)
        return np.tensordot(mixing["weights"], bounded_logarithms(logits), axes=1) / mixing["temperature"]


@estimator
class AutoRegressor(RidgeRegressorMixin, _Auto):
    """Predicts numbers from sequences without anything to choose: a mixture of models that err for different reasons.

    As `AutoClassifier`, with left out squared errors in place of probabilities. Of networks there is `CNNRegressor` alone,
    from 30 distinct rows on.

    Attributes
    ----------
    weights_ : dict of str to float
        What each model counts.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import AutoRegressor
    >>> X = np.random.default_rng(0).normal(size=(60, 20)).cumsum(axis=1)
    >>> AutoRegressor(budget=0.02, random_state=0).fit(X, X.max(axis=1)).score(X, X.max(axis=1)) > 0.8
    True
    """

    _networks = {"cnn": (CNNRegressor, np.inf)}

    def _solve(self, data: Sequences, target: np.ndarray, weight: np.ndarray) -> dict[str, Any]:
        return self._solve_with(data, target, weight, None)

    def _head_weights(self, outputs: list[np.ndarray], target: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return np.repeat(mix_numbers(outputs, target, weight)[:, None], target.shape[1], axis=1)
