"""How variational autoencoders are built and trained, with and without targets."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils.metaestimators import available_if

from sklearn_seq.layers.decoders import LatentDecoder, PlacePool, Pointwise
from sklearn_seq.layers.likelihoods import Bernoulli, Categorical, CodeInput, Gaussian
from sklearn_seq.layers.scaling import InputScaling
from sklearn_seq.layers.variational import VariationalNetwork
from sklearn_seq.params import AtLeast, Between, estimator
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.gate import read_X
from sklearn_seq.tasks.base import TaskMixin
from sklearn_seq.tasks.represent import BoundLoss
from sklearn_seq.training import Part, Plan, Seeds, TrainingParams

__all__ = [
    "AnnealedStep",
    "BoundAndTargets",
    "LatentParams",
    "NestedMixin",
    "SomeTargetsMixin",
    "VariationalMixin",
    "VariationalParams",
]

_NESTED = ("encoder", "decoder")
_MOST_CATEGORIES = 10_000


@estimator
class LatentParams(TrainingParams):
    """What all models with a latent space between an encoder and a decoder have."""

    latent_size: Annotated[int, AtLeast(1), "Dimensions of the latent space."] = 16
    encoder: Annotated[
        BaseEstimator | None,
        "Any network of this package, whose body and pooling read the sequences, with its parameters of size; how it is trained "
        "is said here. None is a network that reads each step alone, and where it stands.",
    ] = None
    decoder: Annotated[
        BaseEstimator | None,
        "As encoder: its body makes all steps at once of the latent vector and their places. None is a network for each step alone.",
    ] = None
    hidden_size: Annotated[
        int, AtLeast(1), "Units of the encoder and the decoder, and features of what a step is told."
    ] = 64
    n_waves: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Cosines along a sequence, by which it is told where a step stands; "auto" is half as many as the longest of fit has steps, '
        "from 4 to 32.",
    ] = "auto"
    beta: Annotated[float, AtLeast(0), "Weight of the divergence from the prior; 1 gives the bound itself."] = 1.0
    annealing: Annotated[
        float, Between(0, 1, "both"), "Share of the epochs in which that weight rises to beta from 0."
    ] = 0.2
    dropout: Annotated[float, Between(0, 1, "left"), "Share of the encoder's vector dropped in training."] = 0.0

    def make_body(self, n_features: int) -> Any:
        """The encoder's body."""
        if self.encoder is None:
            return Pointwise(n_features, self.hidden_size)
        return self._nested("encoder").make_body(n_features)

    def make_pool(self, body: Any) -> torch.nn.Module:
        """The encoder's pooling."""
        if self.encoder is None:
            return PlacePool(body.out_features, 2 * self.hidden_size, self._waves)
        return self._nested("encoder").make_pool(body)

    def make_decoder(self, latent_size: int) -> LatentDecoder:
        """The decoder."""
        n_inputs = LatentDecoder.n_inputs(self.hidden_size, self._waves)
        if self.decoder is None:
            body: Any = Pointwise(n_inputs, self.hidden_size)
        else:
            body = self._nested("decoder").make_body(n_inputs)
        return LatentDecoder(body, latent_size, self.hidden_size, self._waves)

    @property
    def _waves(self) -> int:
        if self.n_waves != "auto":
            return int(self.n_waves)
        return min(32, max(4, -(-(self.__dict__.get("_longest") or 1) // 2)))

    def _nested(self, name: str) -> Any:
        """A copy of an estimator that knows how long sequences are."""
        given = getattr(self, name)
        if isinstance(given, type) or not (hasattr(given, "make_body") and hasattr(given, "make_pool")):
            raise TypeError(
                f"{name}={given!r} has no body; wanted a network of this package, such as GRUClassifier(hidden_size=64), or None"
            )
        copy = clone(given)
        copy._validate_params()
        copy._longest = self.__dict__.get("_longest")
        return copy


@estimator
class VariationalParams(LatentParams):
    """What is asked of a model of whole sequences."""

    likelihood: Annotated[
        Literal["gaussian", "bernoulli", "categorical"],
        "What values are, given the latent vector: numbers; zeros and ones, or probabilities; codes 0, 1, 2, ...",
    ] = "gaussian"
    deviation: Annotated[
        Literal["feature", "step"], "Of Gaussian values: one for each feature, or decoded for each step and feature."
    ] = "feature"
    residuals: Annotated[
        Literal["independent", "lasting"],
        "Differences of Gaussian values from what is decoded: each step's own; or a first-order autoregression in each feature, "
        "which makes densities and samples of smooth sequences better, and leaves less to the latent vector.",
    ] = "independent"
    free_bits: Annotated[
        float, AtLeast(0), "Nats that each latent dimension of a sequence may diverge for free (Kingma et al. 2016)."
    ] = 0.0
    n_importance: Annotated[
        int,
        AtLeast(1),
        "Draws of the bound in training; more than one is the importance-weighted bound (Burda et al. 2016).",
    ] = 1
    hide: Annotated[
        float,
        Between(0, 1, "left"),
        "Share of the sequences that are shown to the encoder with a stretch hidden in training; impute needs some.",
    ] = 0.2
    batch_size: Annotated[
        int | Literal["auto"], AtLeast(1), 'Rows a step; "auto" is a sixteenth of the rows, from 16 to 32.'
    ] = "auto"


class AnnealedStep:
    """A plan's ``step``: the divergence counts more and more.

    Parameters
    ----------
    beta : float
        Its weight at last.
    n_steps : int
        Until then.
    """

    def __init__(self, beta: float, n_steps: int) -> None:
        self.beta, self.n_steps, self.n_done = beta, n_steps, 0

    def __call__(self, trainer: Any, batch: Any) -> torch.Tensor:
        """Forward and backward."""
        self.n_done += 1
        trainer.module.beta = self.beta * min(1.0, self.n_done / max(1, self.n_steps))
        return trainer.pass_back(batch)[0]


class NestedMixin:
    """Estimators whose bodies are used, as parameters."""

    def _check_nested(self: Any) -> None:
        for name in _NESTED:
            if getattr(self, name) is not None:
                self._nested(name)

    def _plain_params(self: Any) -> dict[str, Any]:
        """With copies of nested estimators, which stay the same objects while their parameters do."""
        params = super()._plain_params()  # type: ignore[misc]
        before = self.__dict__.get("_fitted_params", {})
        for name in _NESTED:
            if params[name] is not None:
                kept = before.get(name)
                params[name] = kept if _same(kept, params[name]) else clone(params[name])
        return params


class VariationalMixin(NestedMixin):
    """How the network is built and trained; stands left of the task."""

    if TYPE_CHECKING:
        _n_tokens: int | None
    else:
        _n_tokens = None
    _without: ClassVar[tuple[str, ...]] = ("embedding_size", "token_dropout")  # it reads numbers alone
    _params_free_to_change: ClassVar[tuple[str, ...]] = (
        *TaskMixin._params_free_to_change,
        *("beta", "annealing", "free_bits", "n_importance"),
    )

    def _n_labels(self) -> int:
        """Outputs of a head for labels."""
        return 0

    def _bound_loss(self: Any, n_values: float, target: np.ndarray, weight: np.ndarray) -> Any:
        """The loss, given how many values a sequence has in the mean, and the targets."""
        return BoundLoss(n_values)

    def _begin(self: Any) -> Any:
        before = super()._begin()  # type: ignore[misc]
        self._check_together()
        return before

    def _fit_one_epoch(self: Any, X: Any, y: Any, sample_weight: Any) -> Any:
        self._validate_params()
        self._check_together()
        return super()._fit_one_epoch(X, y, sample_weight)  # type: ignore[misc]

    def _check_together(self: Any) -> None:
        """Refuse parameters that are legal one by one, not together."""
        self._check_nested()
        if self.free_bits and self.n_importance > 1:
            raise ValueError(
                f"free_bits={self.free_bits:g} and n_importance={self.n_importance} exclude each other: the importance-weighted "
                "bound has no divergence of its own. Set free_bits=0 or n_importance=1."
            )
        if self.residuals == "lasting" and self.likelihood != "gaussian":
            raise ValueError(
                f"residuals='lasting' with likelihood={self.likelihood!r}: differences from what is decoded are of Gaussian values "
                "alone. Set residuals='independent' or likelihood='gaussian'."
            )
        if self.likelihood == "categorical" and self.augment is not None:
            raise ValueError(
                f"augment={self.augment!r} would change codes into what are none; wanted augment=None with likelihood='categorical'"
            )

    def _read_training(self: Any, X: Any, y: Any, sample_weight: Any, groups: Any, *, reset: bool) -> Any:
        data, target, weight, codes = super()._read_training(X, y, sample_weight, groups, reset=reset)  # type: ignore[misc]
        likelihood = self.likelihood if reset else self._fitted_params["likelihood"]
        if reset:
            self.n_categories_ = _count_categories(data) if likelihood == "categorical" else None
            lengths, of_length = np.unique(data.lengths, return_inverse=True)
            self.length_counts_ = np.stack([lengths, np.bincount(of_length, weights=weight)])
        _check_values(data, likelihood, self.n_categories_)
        return data, target, weight, codes

    def _read_validation(self: Any, X_val: Any, y_val: Any) -> Part | None:
        part = super()._read_validation(X_val, y_val)  # type: ignore[misc]
        if part is not None:
            _check_values(part.data, self.likelihood, self.n_categories_, "In the validation part (X_val): ")
        return part

    def _read_again(self: Any, X: Any, missing: Any = None) -> Sequences:
        self._require_fitted()
        fitted = self._fitted_params
        data = self._pass_gate(X, reset=False, dtype=fitted["dtype"], missing=missing or fitted["missing"])
        if "_trained_windows" in self.__dict__:
            self._warn_of_overlap(data)
        _check_values(data, self._fitted_params["likelihood"], self.n_categories_)
        return data

    def _batch_rows(self: Any, n: int) -> int:
        """More than other networks take: a step is cheap, and its gradient by draws is rough."""
        return min(32, max(16, n // 16)) if self.batch_size == "auto" else int(self.batch_size)

    def _make_plan(self: Any, train: Part, valid: Any, seeds: Seeds, n_epochs: int, before: Any) -> Plan:
        plan = super()._make_plan(train, valid, seeds, n_epochs, before)  # type: ignore[misc]
        n_batches = -(-len(train) // plan.batch_size)
        plan.shape = None  # its noise is drawn for one network
        plan.step = AnnealedStep(self.beta, 0 if before else math.ceil(self.annealing * n_epochs * n_batches))
        n_values = float(np.average(train.data.lengths, weights=train.weight)) * train.data.n_features
        plan.loss = self._bound_loss(n_values, train.target, train.weight)
        return plan

    def _pass_gate(
        self: Any, X: Any, *, reset: bool, sample_weight: Any = None, dtype: Any = None, missing: Any = None
    ) -> Any:
        """X as numbers; text and token ids are refused."""
        dtype, missing = dtype or self.dtype, missing or self.missing
        data = read_X(self, X, reset=reset, dtype=dtype, missing=missing).sequences
        if reset:
            self._n_channels = data.n_features
        return data

    def _make_input(self: Any, maker: Any) -> Any:
        told = maker.missing == "mask" or maker.hide > 0
        if maker.likelihood == "categorical":
            return CodeInput(self.n_categories_, told)
        return InputScaling(self._n_channels, indicate_missing=told)

    def _make_network(self: Any, maker: Any, scaling: Any, body: Any) -> VariationalNetwork:
        decoder = maker.make_decoder(maker.latent_size)
        n_hidden, n_features = decoder.out_features, self._n_channels
        if maker.likelihood == "categorical":
            likelihood: torch.nn.Module = Categorical(n_hidden, self.n_categories_)
        elif maker.likelihood == "bernoulli":
            likelihood = Bernoulli(n_hidden, n_features)
        else:
            likelihood = Gaussian(n_hidden, n_features, scaling, maker.deviation, maker.residuals == "lasting")
        return VariationalNetwork(
            scaling,
            body,
            maker.make_pool(body),
            maker.latent_size,
            decoder,
            likelihood,
            hide=maker.hide,
            free_bits=maker.free_bits,
            n_importance=maker.n_importance,
            dropout=maker.dropout,
            n_labels=self._n_labels(),
        )

    @available_if(lambda self: False)
    def pretrain(self) -> None:
        """A variational autoencoder learns without labels by itself: there is nothing before it."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.string = False
        return tags


@dataclass(frozen=True)
class BoundAndTargets:
    """Of a bound and outputs for targets side by side (B, 1 + K), or of outputs alone (B, K); unknown targets cost nothing.

    Attributes
    ----------
    targets : callable
        ``loss(outputs, target) -> (B,)``.
    n_outputs : int
        K.
    n_values : float
        Of a sequence; the bound counts in nats a value.
    bound_weight : float
    share : float
        Of the rows whose target is known; their losses count the more the fewer they are.
    """

    targets: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    n_outputs: int
    n_values: float
    bound_weight: float
    share: float

    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """(B,)"""
        known = target >= 0 if target.ndim == 1 else ~torch.isnan(target).any(dim=1)  # (B,)
        filled = torch.where(known if target.ndim == 1 else known[:, None], target, 0)
        loss = torch.where(known, self.targets(output[:, -self.n_outputs :], filled), 0.0) / self.share
        if output.shape[1] > self.n_outputs:
            loss = loss - output[:, 0] * (self.bound_weight / self.n_values)
        return loss


class SomeTargetsMixin:
    """Rows without a target train the bound alone; stands left of the task."""

    def _n_labels(self: Any) -> int:
        return self._n_outputs()

    def _known(self, target: np.ndarray) -> np.ndarray:
        """Rows whose target is known."""
        return ~np.isnan(target).any(axis=1) if target.ndim == 2 else target >= 0

    def _bound_loss(self: Any, n_values: float, target: np.ndarray, weight: np.ndarray) -> BoundAndTargets:
        share = float(weight[self._known(target)].sum() / weight.sum())
        return BoundAndTargets(self._make_loss(), self._n_outputs(), n_values, self.bound_weight, max(share, 1e-9))

    def _judged(self, target: np.ndarray) -> np.ndarray | None:
        known = self._known(target)
        return None if known.all() else np.flatnonzero(known)

    def _make_score(self: Any) -> Callable[[np.ndarray, Part], float]:
        score = super()._make_score()  # type: ignore[misc]

        def of_known(found: np.ndarray, part: Part) -> float:
            rows = np.flatnonzero(self._known(part.target))
            return score(found[rows], part.take(rows)) if len(rows) else float("nan")

        return of_known


def _same(one: Any, other: Any) -> bool:
    """Whether two estimators are the same thing, not fitted."""
    if type(one) is not type(other):
        return False
    return {k: repr(v) for k, v in one.get_params().items()} == {k: repr(v) for k, v in other.get_params().items()}


def _used(data: Sequences) -> np.ndarray:
    return data.values if not data.overlapping and data.lengths.sum() == len(data.values) else data.to_block().values


def _count_categories(data: Sequences) -> list[int]:
    """Of each feature; what are no codes is refused by `_check_values`."""
    largest = np.nanmax(np.nan_to_num(_used(data), nan=0.0), axis=0)
    return [int(min(max(0.0, value), _MOST_CATEGORIES)) + 1 for value in largest.tolist()]


def _check_values(data: Sequences, likelihood: str, sizes: list[int] | None, where: str = "") -> None:
    """Refuse values that a likelihood gives no probability."""
    if likelihood == "gaussian":
        return
    values = _used(data)
    given = values[~np.isnan(values)]
    if likelihood == "bernoulli":
        if given.size and (given.min() < 0 or given.max() > 1):
            bad = given[(given < 0) | (given > 1)][0]
            raise ValueError(
                f"{where}X holds {bad:g}; wanted numbers from 0 to 1 with likelihood='bernoulli'. Scale X, or take "
                "likelihood='gaussian'."
            )
        return
    wrong = given[(given < 0) | (given != np.floor(given)) | (given >= _MOST_CATEGORIES)]
    if wrong.size:
        raise ValueError(
            f"{where}X holds {wrong[0]:g}; wanted codes 0, 1, 2, ... below {_MOST_CATEGORIES} with likelihood='categorical'. "
            "Number the categories (OrdinalEncoder), or take likelihood='gaussian'."
        )
    for feature, size in enumerate(sizes or []):
        column = values[:, feature]
        if (column >= size).any():
            raise ValueError(
                f"{where}X holds the code {np.nanmax(column):g} in feature {feature}, which fit did not see; wanted codes below "
                f"{size}. Fit with all codes."
            )
