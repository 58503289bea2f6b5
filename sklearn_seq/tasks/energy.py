"""Learning an energy of sequences, without targets: Boltzmann machines, trained layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from sklearn_seq.layers.boltzmann import BoltzmannStack, Rule, Stage
from sklearn_seq.params import AtLeast, Between, Positive, RandomState, estimator
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.gate import read_X
from sklearn_seq.sequences.order import distinct_rows
from sklearn_seq.sequences.reading import describe
from sklearn_seq.sequences.weights import read_weight
from sklearn_seq.tasks.state import FittedState, keep_on_failure
from sklearn_seq.training import Part, Plan, Result, Schedule, Seeds, TrainingParams, outputs, run
from sklearn_seq.training.batches import Gather
from sklearn_seq.training.callbacks import CallbackSupportMixin, EpochTasks, with_callbacks

__all__ = ["RATES", "EnergyMixin", "EnergyParams", "choose_visible", "refuse_longer", "train_plan", "train_stack"]

RATES = {"bernoulli": 0.05, "gaussian": 0.005}
_ROWS = 1024  # of which statistics are taken at a time


# -- what all that is trained so shares ------------------------------------------------------------------------------


def choose_visible(given: str, data: Sequences) -> str:
    """The kind of visible units: "auto" takes Bernoulli ones where all values lie in [0, 1].

    Parameters
    ----------
    given : {"auto", "bernoulli", "gaussian"}
    data : Sequences

    Returns
    -------
    {"bernoulli", "gaussian"}
    """
    low, high = np.inf, -np.inf
    for _, values in data.blocks():
        if not np.isnan(values).all():
            low, high = min(low, np.nanmin(values)), max(high, np.nanmax(values))
    inside = low >= 0.0 and high <= 1.0
    if given == "auto":
        return "bernoulli" if inside else "gaussian"
    if given == "bernoulli" and not inside and low <= high:
        raise ValueError(
            f"X has values from {low:.6g} to {high:.6g}, and visible='bernoulli' wants them in [0, 1], as probabilities. Scale X "
            "(sklearn.preprocessing.MinMaxScaler), or set visible='gaussian' or 'auto'."
        )
    return given


def refuse_longer(estimator: Any, data: Sequences, longest: int) -> None:
    """Units past the end of a shorter sequence are absent; for those of a longer one nothing was learnt.

    Parameters
    ----------
    estimator : estimator
        Whose name the message has.
    data : Sequences
    longest : int
        Steps of the longest sequence in fit.
    """
    if int(data.lengths.max()) > longest:
        raise ValueError(
            f"X was read as {describe(data)}, but {type(estimator).__name__} was fitted on sequences of {longest} timesteps at "
            f"most, and has no units for more. Cut them to {longest}, or fit on sequences that are as long."
        )


@dataclass(frozen=True)
class Contrast:
    """A plan's ``step``: contrastive divergence for the machine of a `Stage`.

    Attributes
    ----------
    rule : Rule
    """

    rule: Rule

    def __call__(self, trainer: Any, batch: Any) -> torch.Tensor:
        """The mean squared error of a reconstruction, (1,)."""
        with torch.inference_mode():
            stage: Stage = trainer.module
            v, there = stage.read(batch.x, batch.mask)
            loss, _ = self.rule.gradient(stage.machine, v, there, batch.share, trainer.draws.generators[0])
            return loss[None]


def nothing(found: Any, target: Any) -> torch.Tensor:
    """The loss of a plan without targets: its step has one of its own."""
    return found.sum(dim=-1) * 0.0


def no_score(found: Any, part: Part) -> float:
    """Of a plan without a validation part."""
    return 0.0


def visible_means(stage: Stage, data: Sequences, weight: np.ndarray) -> torch.Tensor:
    """Mean of each visible unit over the rows in which it is there, (V,)."""
    gather = Gather(data)
    total: Any = 0.0
    count: Any = 0.0
    with torch.inference_mode():
        for i in range(0, len(data), _ROWS):
            x, mask = gather(np.arange(i, min(i + _ROWS, len(data))))
            v, there = stage.read(torch.from_numpy(x), None if mask is None else torch.from_numpy(mask))
            own = torch.from_numpy(weight[i : i + _ROWS]).double()
            total = total + own @ v.double()
            count = count + (own.sum() if there is None else own @ there.double())
        return (total / torch.as_tensor(count).clamp(min=1e-12)).clone()


def train_stack(
    stack: BoltzmannStack,
    data: Sequences,
    weight: np.ndarray,
    *,
    settings: Callable[[str], Any],
    rule: Rule,
    seeds: Sequence[Seeds],
    batch_size: int,
    before: dict[str, Any] | None = None,
    fixed_rate: bool = False,
    on_epoch: Callable[[Result], bool] | None = None,
) -> list[Result]:
    """Train machines one after another, each on the hidden units of the one below (Hinton, Osindero and Teh 2006).

    Parameters
    ----------
    stack : BoltzmannStack
        Untrained, on the CPU; its machines are trained in place.
    data : Sequences
        What the first one reads.
    weight : ndarray of shape (n_samples,)
        With mean 1.
    settings : callable
        ``settings(kind) -> TrainingParams`` for visible units of this kind.
    rule : Rule
    seeds : sequence of Seeds
        One a machine.
    batch_size : int
    before : dict, optional
        Where an earlier fit of a single machine ended.
    fixed_rate : bool
        As of a plan.
    on_epoch : callable, optional
        As of a plan, with a result whose module is the whole stack.

    Returns
    -------
    list of Result
        One a machine.
    """
    results: list[Result] = []
    for i, machine in enumerate(stack.in_order):
        stage, own = stack.stage(i), settings(machine.kind)
        stage.to(torch.float64 if own.dtype == "float64" else torch.float32)
        if before is None:
            machine.set_statistics(visible_means(stage, data, weight))

        def build(stage: Stage = stage) -> Stage:
            return stage

        def tell(result: Result, below: tuple[Result, ...] = tuple(results)) -> bool:
            assert on_epoch is not None
            history = [entry for done in below for entry in done.history] + result.history
            return on_epoch(Result(stack, history, len(history)))

        plan = Plan(
            build=build,
            train=Part(data, np.zeros(len(data)), weight),
            valid=None,
            loss=nothing,
            score=no_score,
            settings=own,
            seeds=seeds[i],
            n_epochs=own.max_epochs,
            batch_size=batch_size,
            step=Contrast(rule),
            fixed_rate=fixed_rate,
            optimizer_state=None if before is None else before["optimizer_state"],
            before=[] if before is None else before["history"],
            on_epoch=None if on_epoch is None else tell,
        )
        results += run([plan])
        if i + 1 < len(stack.machines):
            device = next(stage.parameters()).device
            found = outputs(stage, data, n_threads=own.n_threads, device=device)
            data = Sequences.from_array(found.astype(own.dtype)[:, None, :])
    stack.to("cpu").eval()
    return results


def train_plan(
    estimator: Any,
    data: Sequences,
    weight: np.ndarray,
    step: Callable[[Any, Any], torch.Tensor],
    scale: Callable[[Any], None],
    chance: np.random.RandomState,
    before: dict[str, Any] | None,
    on_epoch: Callable[[Result], bool] | None,
    once: bool,
) -> Result:
    """Train one network by a step of its own.

    Parameters
    ----------
    estimator : EnergyMixin
        Builds the network, and has the settings.
    data : Sequences
    weight : ndarray of shape (n_samples,)
        With mean 1.
    step : callable
        As of a plan.
    scale : callable
        Gives an untrained network what it knows of its data.
    chance : numpy.random.RandomState
    before : dict, optional
        Where an earlier fit ended.
    on_epoch : callable, optional
        As of a plan.
    once : bool
        Whether this is ``partial_fit``.

    Returns
    -------
    Result
    """
    settings = estimator._settings(once)(estimator.visible_)

    def build() -> torch.nn.Module:
        module = estimator._build()
        if before is None:
            scale(module)
        return module

    plan = Plan(
        build=build,
        train=Part(data, np.zeros(len(data)), weight),
        valid=None,
        loss=nothing,
        score=no_score,
        settings=settings,
        seeds=Seeds.draw(chance),
        n_epochs=settings.max_epochs,
        batch_size=estimator._batch_rows(len(data)),
        step=step,
        fixed_rate=once,
        weights=None if before is None else before["weights"],
        optimizer_state=None if before is None else before["optimizer_state"],
        before=[] if before is None else before["history"],
        on_epoch=on_epoch,
    )
    return run([plan])[0]


# -- estimators --------------------------------------------------------------------------------------------------------


@estimator
class EnergyParams(BaseEstimator):
    """How Boltzmann machines are trained."""

    visible: Annotated[
        Literal["auto", "bernoulli", "gaussian"],
        'Kind of the visible units: for values in [0, 1], read as probabilities; for real ones; "auto" looks at the data.',
    ] = "auto"
    n_gibbs_steps: Annotated[int, AtLeast(1), "Alternations of contrastive divergence (CD-k)."] = 1
    centred: Annotated[
        bool, "Take gradients with units around their means: faster and steadier learning (Melchior et al. 2016)."
    ] = True
    sparsity_target: Annotated[
        float | None, Between(0, 1, "neither"), "Wanted mean of a hidden unit; None asks for none."
    ] = None
    sparsity_cost: Annotated[float, AtLeast(0), "How strongly hidden units are pulled to `sparsity_target`."] = 0.1
    max_epochs: Annotated[int, AtLeast(1), "Passes over the (distinct) training rows, of each layer."] = 30
    batch_size: Annotated[
        int | Literal["auto"], AtLeast(1), 'Rows a step; "auto" is a sixteenth of the rows, from 4 to 32.'
    ] = "auto"
    lr: Annotated[
        float | Literal["auto"],
        Positive,
        'Step size; "auto" is 0.05 for a machine of Bernoulli visible units and 0.005 for one of Gaussian ones.',
    ] = "auto"
    optimizer: Annotated[
        str, 'Name of an optimiser of torch.optim in lower case; "sgd" has a Nesterov momentum of 0.9.'
    ] = "sgd"
    lr_schedule: Schedule = "cosine"
    weight_decay: Annotated[float, AtLeast(0), "Strength of weight decay, as the optimiser defines it."] = 1e-4
    missing: Annotated[
        Literal["error", "mask"], "What NaN in X is: refused, or a visible unit that is absent in its row."
    ] = "error"
    callbacks: Annotated[
        list | tuple | None, "Callbacks of skorch; those of scikit-learn are given by set_callbacks."
    ] = None
    device: Annotated[str, '"auto" takes a GPU when there is one; else a name of torch such as "cpu", "cuda:1".'] = (
        "auto"
    )
    dtype: Annotated[Literal["float32", "float64"], "Precision of weights and data."] = "float32"
    n_threads: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Threads of torch while fitting and transforming; "auto" depends on model and data only.',
    ] = "auto"
    random_state: Annotated[RandomState, "Decides initialisation, order of the batches, and what units are drawn."] = (
        None
    )
    verbose: Annotated[int, AtLeast(0), "1 prints a line an epoch."] = 0


_OF_TRAINING = (
    "max_epochs",
    "optimizer",
    "lr_schedule",
    "weight_decay",
    "callbacks",
    "device",
    "dtype",
    "n_threads",
    "verbose",
)


@estimator
class EnergyMixin(FittedState, CallbackSupportMixin):
    """Fitting an energy, and what needs no more than the hidden units of each sequence.

    Attributes
    ----------
    visible_ : str
        Kind of the visible units, "bernoulli" or "gaussian".
    n_iter_ : int
        Epochs run, of all layers.
    loss_curve_ : list of float
        Mean squared error of a reconstruction, a visible unit, in each epoch; of the layers one after another. With chains, of
        every fourth step.
    history_ : list of dict
        All of an epoch's numbers.
    module_ : torch.nn.Module
        The trained network.
    n_parameters_ : int
        Its trained numbers.
    """

    _params_free_to_change: ClassVar[tuple[str, ...]] = (
        "n_gibbs_steps",
        "centred",
        "sparsity_target",
        "sparsity_cost",
        "batch_size",
        "lr",
        *(name for name in _OF_TRAINING if name != "dtype"),
    )

    # -- what a family brings ------------------------------------------------------------------------------------------

    def _train(
        self, data: Sequences, weight: np.ndarray, seeds: np.random.RandomState, before: Any, on_epoch: Any, once: bool
    ) -> Result:
        raise NotImplementedError

    # -- fit -----------------------------------------------------------------------------------------------------------

    @keep_on_failure
    @with_callbacks
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Learn how probable sequences are; no targets are needed.

        Parameters
        ----------
        X : array-like, list of arrays, frame or Sequences
            ``(n_samples, n_timesteps)``, ``(n_samples, n_timesteps, n_features)``, or ``n_samples`` arrays of shape
            ``(n_timesteps_i, n_features)``.
        y : object
            Ignored.
        sample_weight : array-like of shape (n_samples,), optional
            A weight of 3 equals three copies of the sample, to the bit.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            For data that cannot be read, with what was given, what was wanted and what to do. An estimator that was fitted
            before stays as it was.
        """
        self._validate_params()  # type: ignore[attr-defined]
        before = None
        goes_on = bool(getattr(self, "warm_start", False))
        if goes_on and self._is_fitted():
            self._refuse_other_network()
            before = self._snapshot()
        else:
            self._forget()
        data, weight = self._read_rows(X, sample_weight, reset=before is None)
        chance = check_random_state(self.random_state)  # type: ignore[attr-defined]
        with EpochTasks(self, X, y, self._n_epochs()) as tasks:
            on_epoch = tasks.wrap(self._as_if_stopped)
            result = self._train(data, weight, chance, before, on_epoch, False)
        self._take(result, keep_optimizer=goes_on)
        return self

    def _fit_once(self, X: Any, sample_weight: Any) -> Any:
        """``partial_fit``: one pass over the rows; the first call settles scales, the next keep them."""
        self._validate_params()  # type: ignore[attr-defined]
        before = None
        if self._is_fitted():
            self._refuse_other_network()
            before = self._snapshot()
        else:
            self._forget()
        data, weight = self._read_rows(X, sample_weight, reset=before is None)
        if "_partial_seed" not in self.__dict__:
            self._partial_seed = int(check_random_state(self.random_state).randint(2**31 - 1))  # type: ignore[attr-defined]
        self._partial_calls = self.__dict__.get("_partial_calls", 0) + 1
        chance = np.random.RandomState([self._partial_seed, self._partial_calls])
        self._take(self._train(data, weight, chance, before, None, True), keep_optimizer=True)
        return self

    def _n_epochs(self) -> int:
        return self.max_epochs  # type: ignore[attr-defined]

    def _read_rows(self, X: Any, sample_weight: Any, *, reset: bool) -> tuple[Sequences, np.ndarray]:
        """Distinct rows in content order, and their weights with mean 1."""
        data = self._pass_gate(X, reset=reset)
        weight = read_weight(sample_weight, len(data))
        used = np.flatnonzero(weight)
        data, weight = data[used], weight[used]
        self._check_rows(data)
        if reset:
            self._n_channels, self._longest = data.n_features, int(data.lengths.max())
            self.visible_ = choose_visible(self.visible, data)  # type: ignore[attr-defined]
        else:
            choose_visible(self.visible_, data)
        rows, weight = distinct_rows(data, weight)
        data = data[rows]
        data = data if data.overlapping else data.to_block()
        return data, weight / weight.mean()

    def _check_rows(self, data: Sequences) -> None:
        """Refuse what a family cannot learn from."""

    def _pass_gate(self, X: Any, *, reset: bool) -> Sequences:
        params: Any = self if reset else type(self)(**self._fitted_params)
        data = read_X(self, X, reset=reset, dtype=params.dtype, missing=params.missing).sequences
        if not reset and self._longest is not None:
            refuse_longer(self, data, self._longest)
        return data

    def _read(self, X: Any, *, reset: bool) -> tuple[Sequences, str]:
        self._require_fitted()
        return self._pass_gate(X, reset=reset), self.__dict__["_kind"]

    def _settings(self, once: bool) -> Callable[[str], TrainingParams]:
        """The engine's own parameters."""
        given: Any = self

        def settings(kind: str) -> TrainingParams:
            own = {name: getattr(given, name) for name in _OF_TRAINING}
            own |= {"lr": RATES[kind] if given.lr == "auto" else given.lr, "gradient_clip": None}
            return TrainingParams(**own | ({"max_epochs": 1} if once else {}))

        return settings

    def _rule(self) -> Rule:
        given: Any = self
        return Rule(
            given.n_gibbs_steps,
            getattr(given, "persistent", False),
            given.centred,
            given.sparsity_target,
            given.sparsity_cost,
        )

    def _batch_rows(self, n: int) -> int:
        size = self.batch_size  # type: ignore[attr-defined]
        return min(32, max(4, n // 16)) if size == "auto" else int(size)
