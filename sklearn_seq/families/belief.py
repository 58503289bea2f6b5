"""Deep belief networks: machines on top of each other, and the networks that they become when they are fine-tuned."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from sklearn.utils import check_random_state

from sklearn_seq.layers.annealing import bound
from sklearn_seq.layers.belief import BeliefBody
from sklearn_seq.layers.pooling import make_pool
from sklearn_seq.params import AtLeast, Between, Positive, estimator
from sklearn_seq.preprocessing._base import _FeatureTransformer
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.gate import read_X
from sklearn_seq.sequences.order import distinct_rows
from sklearn_seq.tasks.classify import ClassifierMixin
from sklearn_seq.tasks.energy import EnergyParams, choose_visible, refuse_longer
from sklearn_seq.tasks.energy_stacks import StackMixin, read_sizes, train_layers
from sklearn_seq.tasks.forecast_network import NetworkForecasterMixin
from sklearn_seq.tasks.inputs import InputStatistics
from sklearn_seq.tasks.regress import RegressorMixin
from sklearn_seq.tasks.state import keep_on_failure
from sklearn_seq.tasks.unlabelled import UnlabelledClassesMixin, UnlabelledNumbersMixin
from sklearn_seq.training import Plan, Schedule, Seeds, TrainingParams, outputs
from sklearn_seq.training.seeds import build_seeded

__all__ = ["DBN", "DBNClassifier", "DBNForecaster", "DBNRegressor"]

_MOST_WINDOWS = 20_000  # that a forecaster is pre-trained on, evenly spaced: they overlap, so more tell little
_SEED_OF_DRAWS = 0


@estimator
class DBN(StackMixin, EnergyParams, _FeatureTransformer):
    """Deep belief network: features of sequences, learnt without labels, layer by layer.

    Each layer is a restricted Boltzmann machine, trained on the hidden units of the one below [1]_. Features are the
    probabilities of the uppermost hidden units. The whole generates: the uppermost machine is sampled, and the layers below carry
    its visible units down to a sequence.

    Units past the end of a shorter sequence are absent: they contribute nothing, exactly. Longer sequences than in `fit` are
    refused.

    See Also
    --------
    RBM : One machine, with more ways of training.
    DBNClassifier : Fine-tuned to labels.

    References
    ----------
    .. [1] G. E. Hinton, S. Osindero, Y.-W. Teh. A fast learning algorithm for deep belief nets. Neural Computation 18, 2006.
    .. [2] R. Salakhutdinov, I. Murray. On the quantitative analysis of deep belief networks. ICML 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import DBN
    >>> rng = np.random.default_rng(0)
    >>> X = np.repeat(rng.integers(0, 2, size=(100, 3)), 4, axis=1)  # each bit four times
    >>> model = DBN(hidden_layer_sizes=(16, 8), random_state=0).fit(X)
    >>> model.transform(X).shape, model.inverse_transform(model.transform(X)).shape
    ((100, 8), (100, 12))
    >>> model.sample(5, random_state=0).shape
    (5, 12)
    """

    hidden_layer_sizes: Annotated[list | tuple, "Hidden units of each layer, from below."] = (256, 256)

    def _sizes(self) -> list[int]:
        return read_sizes(self._fitted_params["hidden_layer_sizes"])

    def _names(self, names: list[str]) -> list[str]:
        return [f"dbn{i}" for i in range(self._sizes()[-1])]

    def _n_epochs(self) -> int:
        return self.max_epochs * len(read_sizes(self.hidden_layer_sizes))

    def score_samples(self, X: Any, log_partition: float | None = None, n_draws: int = 20) -> np.ndarray:
        """Lower bound of the log-probability of each sequence [1]_.

        With ``h`` drawn layer by layer from ``Q(h | x)``, the probabilities that `transform` uses, it is the mean of ``log P(x | h1)
        + log P(h1 | h2) + ... - F(h_top) - log Q(h | x)``, less ``log_partition``; F is the free energy of the uppermost machine.
        With one layer it is exact. All sequences are drawn for with the same fixed numbers, so that answers repeat.

        Parameters
        ----------
        X : as in fit
            The sequences.
        log_partition : float, optional
            As `log_partition` estimates it; sequences must then be whole and of the longest length, and the answer is in their
            unit. Without it all answers are too large by the same number.
        n_draws : int
            Draws of the hidden units.

        Returns
        -------
        ndarray of shape (n_samples,)

        References
        ----------
        .. [1] R. Salakhutdinov, I. Murray. On the quantitative analysis of deep belief networks. ICML 2008.
        """
        data, _ = self._read(X, reset=False)
        if not isinstance(n_draws, int | np.integer) or isinstance(n_draws, bool) or n_draws < 1:
            raise ValueError(f"n_draws={n_draws!r}; wanted a whole number, 1 or more")
        stack = self._exact()

        def say(v: torch.Tensor, there: torch.Tensor | None) -> torch.Tensor:
            return bound(stack.in_order, v, there, int(n_draws), torch.Generator().manual_seed(_SEED_OF_DRAWS))

        found = self._each(data, stack, say)
        return found if log_partition is None else self._normalised(data, found, log_partition)

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples`; not to be compared between models, whose partition functions differ.

        Parameters
        ----------
        X : as in fit
            The sequences.
        y : object
            Ignored.

        Returns
        -------
        float
        """
        return float(self.score_samples(X).mean())


# -- fine-tuning -------------------------------------------------------------------------------------------------------


@estimator
class _Belief(TrainingParams):
    hidden_layer_sizes: Annotated[list | tuple, "Sigmoid units of each layer, from below."] = (256, 256)
    pretrain_epochs: Annotated[
        int, AtLeast(0), "Passes of contrastive divergence of each layer before fine-tuning; 0 is none."
    ] = 60
    pretrain_lr: Annotated[
        float | Literal["auto"],
        Positive,
        'Step size of pre-training; "auto" is 0.05 for Bernoulli visible units and 0.005 for Gaussian ones.',
    ] = "auto"
    dropout: Annotated[
        float, Between(0, 1, "left"), "Share of units dropped in fine-tuning, between layers and before the output."
    ] = 0.2
    lr: Annotated[float, Positive, "Step size of fine-tuning, the largest one where a schedule changes it."] = 1e-2
    lr_schedule: Schedule = "one-cycle"

    def make_body(self, n_features: int) -> BeliefBody:
        """The layers."""
        n_steps = self.__dict__.get("_longest") or 1
        return BeliefBody(n_steps, n_features, read_sizes(self.hidden_layer_sizes), self.dropout)

    def make_pool(self, body: BeliefBody) -> torch.nn.Module:
        """Of the one vector that the body gives."""
        return make_pool("last", body.out_features)

    def _train_below(
        self, data: Sequences, weight: np.ndarray, kind: str, seeds: Seeds
    ) -> tuple[dict[str, np.ndarray], list[list[float]]]:
        """Layers trained by contrastive divergence on what the body reads, by the names of its parameters; and their losses."""
        own = TrainingParams(dtype=self.dtype, device=self.device, n_threads=self.n_threads, verbose=self.verbose)
        return train_layers(
            data,
            weight / weight.mean(),
            longest=self.__dict__["_longest"],
            sizes=read_sizes(self.hidden_layer_sizes),
            kind=kind,
            settings=own.set_params(max_epochs=self.pretrain_epochs),
            lr=self.pretrain_lr,
            chance=np.random.RandomState([seeds.initialisation, seeds.batches]),
        )


def _scaled(scaling: Any, data: Sequences) -> Sequences:
    """What the body reads of these rows."""
    with torch.no_grad():
        values = scaling(torch.from_numpy(np.array(data.values))[None], None)[0]
    return data.map_values(values.numpy())


def _begin_with(plan: Plan, layers: dict[str, np.ndarray], identity: bool = False) -> None:
    """Let a plan's network begin with these layers, and with its inputs as they are."""
    inner = plan.build

    def build() -> Any:
        network: Any = inner()
        if identity:
            network.scaling.set_statistics(*(torch.full_like(network.scaling.shift, value) for value in (0.0, 1.0)))
        network.body.load_state_dict(
            {name: torch.from_numpy(np.array(array)) for name, array in layers.items()}, strict=False
        )
        return network

    plan.build = build


@estimator
class _WholeBelief(_Belief):
    visible: Annotated[
        Literal["auto", "bernoulli", "gaussian"],
        'Kind of the visible units: for values in [0, 1], read as probabilities, which are not standardised; for real ones; "auto" '
        "looks at the data.",
    ] = "auto"


class _TunedMixin:
    """Pre-training of networks that read whole sequences.

    Attributes
    ----------
    visible_ : str
        Kind of the visible units, "bernoulli" or "gaussian".
    layer_loss_curves_ : list of list of float
        Of `fit`'s own pre-training: mean squared error of a reconstruction, a visible unit, in each epoch of each layer.
    """

    _without: ClassVar[tuple[str, ...]] = ("embedding_size", "token_dropout")  # it reads numbers alone

    def _pass_gate(
        self: Any, X: Any, *, reset: bool, sample_weight: Any = None, dtype: Any = None, missing: Any = None
    ) -> Sequences:
        data = read_X(self, X, reset=reset, dtype=dtype or self.dtype, missing=missing or self.missing).sequences
        if reset:
            self.__dict__.update(_n_channels=data.n_features, _n_tokens=None)
        elif "_longest" in self.__dict__:
            refuse_longer(self, data, self._longest)
        return data

    def _learn_of_all(self: Any, plan: Plan, data: Sequences, weight: np.ndarray, *, whole: bool, first: bool) -> None:
        if not first:
            return
        start = self._body_to_begin_with()
        self.visible_ = choose_visible(self.visible, data)
        if start is not None:
            refuse_longer(self, data, start.longest)
            if any(np.any(start.held.get(f"scaling.{name}", n) != n) for name, n in (("shift", 0), ("factor", 1))):
                self.visible_ = "gaussian"  # values are scaled as they were for the machines
            return
        layers: dict[str, np.ndarray] = {}
        identity = self.visible_ == "bernoulli"
        if whole and self.pretrain_epochs:
            _begin_with(plan, {}, identity)
            network = build_seeded(plan.build, plan.seeds.initialisation)
            layers, self.layer_loss_curves_ = self._train_below(
                _scaled(network.scaling, data), weight, self.visible_, plan.seeds
            )
        _begin_with(plan, layers, identity)

    @keep_on_failure
    def pretrain(self: Any, X: Any, *, max_epochs: int | None = None, lr: float | None = None) -> Any:
        """Train the layers by contrastive divergence, one after another; no targets are needed.

        The next fits begin with them, and do not pre-train. What an earlier fit learnt is dropped.

        Parameters
        ----------
        X : as in fit
            Sequences, of as many features as those of ``fit``, and none shorter than the longest of these.
        max_epochs : int, optional
            Passes over the sequences, of each layer; by default ``pretrain_epochs``.
        lr : float, optional
            Step size; by default ``pretrain_lr``.

        Returns
        -------
        self
            With ``pretrained_body_``.

        Raises
        ------
        ValueError, TypeError
            For data that cannot be read or numbers that are out of range; the estimator stays as it was.
        """
        self._validate_params()
        given = {"pretrain_epochs": max_epochs, "pretrain_lr": lr}
        maker: Any = type(self)(**self.get_params(deep=False))
        maker.set_params(**{name: value for name, value in given.items() if value is not None})._validate_params()
        if maker.pretrain_epochs < 1:
            raise ValueError(f"pretrain got max_epochs={maker.pretrain_epochs}; wanted a whole number, 1 or more")
        data = maker._pass_gate(X, reset=True)
        rows, weight = distinct_rows(data, np.ones(len(data)))
        data = data[rows] if data.overlapping else data[rows].to_block()
        maker._longest = int(data.lengths.max())
        kind = choose_visible(maker.visible, data)
        seeds = Seeds.draw(check_random_state(self.random_state))
        scaling = maker._make_input(maker)
        if kind == "gaussian":
            holder: Any = torch.nn.Module()
            holder.scaling, holder.body = scaling, torch.nn.Identity()
            InputStatistics(data, weight, maker.standardize).put_into(holder)
        scaling = scaling.to(getattr(torch, maker.dtype))
        layers, curves = maker._train_below(_scaled(scaling, data), weight, kind, seeds)
        self._forget()
        held = {f"scaling.{name}": tensor.numpy().copy() for name, tensor in scaling.state_dict().items()}
        held |= {f"body.{name}": array for name, array in layers.items()}
        self.pretrained_body_ = held | {"longest": np.array(maker._longest)}
        self.pretrain_loss_curve_ = [loss for curve in curves for loss in curve]
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.string = False
        return tags


@estimator
class DBNClassifier(_TunedMixin, UnlabelledClassesMixin, ClassifierMixin, _WholeBelief):
    """Deep belief network for classifying sequences, which also learns of rows without a label.

    Layers of sigmoid units over all steps of a sequence at once. Each is first trained as a restricted Boltzmann machine on the
    units of the one below [1]_, on all rows; then all are fine-tuned together to the labels by back-propagation. The label -1
    stands for a row without one, as in scikit-learn, unless there is only one other label (which is told, unless that is 1), or
    ``partial_fit`` names it among the classes; labels that are no numbers have no such mark. Or learn of other data first, by `pretrain`.

    Steps past the end of a shorter sequence are absent from pre-training and 0 for fine-tuning, where longer sequences than in
    `fit` are refused. Text and token ids are refused too. ``partial_fit`` neither pre-trains nor reads rows without a label.

    References
    ----------
    .. [1] G. E. Hinton, S. Osindero, Y.-W. Teh. A fast learning algorithm for deep belief nets. Neural Computation 18, 2006.
    .. [2] D. Erhan et al. Why does unsupervised pre-training help deep learning? JMLR 11, 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import DBNClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = np.clip(rng.normal(0.2, 0.1, size=(120, 12)), 0, 1)
    >>> X[::2, 4:8] = 0.9
    >>> y = np.where(np.arange(120) % 2, 0, 1)
    >>> y[20:] = -1  # without a label
    >>> model = DBNClassifier(hidden_layer_sizes=(16, 16), random_state=0).fit(X, y)
    >>> model.predict(X[20:24])
    array([1, 0, 1, 0])
    """

    label_smoothing: Annotated[
        float, Between(0, 1, "left"), "Share of the target spread over all classes (Szegedy et al. 2016)."
    ] = 0.1


@estimator
class DBNRegressor(_TunedMixin, UnlabelledNumbersMixin, RegressorMixin, _WholeBelief):
    """Deep belief network for predicting numbers from sequences, which also learns of rows without a target.

    Layers of sigmoid units over all steps of a sequence at once. Each is first trained as a restricted Boltzmann machine on the
    units of the one below [1]_, on all rows; then all are fine-tuned together to the targets by back-propagation. A target of NaN
    stands for a row without one. Or learn of other data first, by `pretrain`.

    Steps past the end of a shorter sequence are absent from pre-training and 0 for fine-tuning, where longer sequences than in
    `fit` are refused. Text and token ids are refused too. ``partial_fit`` neither pre-trains nor reads rows without a target.

    References
    ----------
    .. [1] G. E. Hinton, S. Osindero, Y.-W. Teh. A fast learning algorithm for deep belief nets. Neural Computation 18, 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import DBNRegressor
    >>> X = np.random.default_rng(0).uniform(size=(100, 12))
    >>> y = X.mean(axis=1)
    >>> y[60:] = np.nan  # without a target
    >>> DBNRegressor(hidden_layer_sizes=(16,), random_state=0).fit(X, y).predict(X[60:63]).shape
    (3,)
    """


@estimator
class DBNForecaster(NetworkForecasterMixin, _Belief):
    """Deep belief network for forecasting the next rows of a table.

    Layers of sigmoid units over the window before an origin. Each is first trained as a restricted Boltzmann machine on the units
    of the one below, with Gaussian visible units for the values of windows, which are normalised before; then all are fine-tuned
    together by back-propagation. All steps of the horizon are answered at once.

    Attributes
    ----------
    layer_loss_curves_ : list of list of float
        Of pre-training: mean squared error of a reconstruction, a visible unit, in each epoch of each layer.

    References
    ----------
    .. [1] T. Kuremoto, S. Kimura, K. Kobayashi, M. Obayashi. Time series forecasting using a deep belief network with restricted
       Boltzmann machines. Neurocomputing 137, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import DBNForecaster
    >>> X = np.sin(np.arange(300) / 5)[:, None]
    >>> model = DBNForecaster(lookback=32, horizon=8, hidden_layer_sizes=(16,), max_epochs=3, random_state=0).fit(
    ...     X[:250]
    ... )
    >>> model.score(X[250:]) > 0.9
    True
    """

    pretrain_epochs: Annotated[
        int, AtLeast(0), "Passes of contrastive divergence of each layer before fine-tuning; 0 is none."
    ] = 5
    lr: Annotated[float, Positive, "Step size of fine-tuning, the largest one where a schedule changes it."] = 2e-3

    def _make_plan(
        self, windows: Any, table: Any, train: Any, valid: Any, loss: Any, seeds: Seeds, before: Any
    ) -> Plan:
        plan = super()._make_plan(windows, table, train, valid, loss, seeds, before)
        if before is not None or self.body is not None or not self.pretrain_epochs:
            return plan
        data, seen = plan.train.data, []
        network: Any = build_seeded(plan.build, seeds.initialisation).to(getattr(torch, self.dtype))
        n_read = max(1, _MOST_WINDOWS // (network.shape.n_targets if network.shape.independent else 1))
        rows = np.unique(np.linspace(0, len(data) - 1, min(n_read, len(data))).astype(int))
        hook = network.body.register_forward_pre_hook(lambda body, given: seen.append(given[0].numpy().copy()))
        outputs(network, data[rows], n_threads=self.n_threads)
        hook.remove()
        windows = Sequences.from_array(np.concatenate(seen))
        layers, self.layer_loss_curves_ = self._train_below(windows, np.ones(len(windows)), "gaussian", seeds)
        _begin_with(plan, layers)
        return plan
