"""What all tasks share: ``fit`` is gate, encoding, plan, run, decoding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils import check_random_state

from sklearn_seq.layers.linear import Head
from sklearn_seq.layers.network import Network
from sklearn_seq.model_selection.holdout import hold_out
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.labels import UnknownLabelError
from sklearn_seq.tasks.inputs import InputStatistics
from sklearn_seq.tasks.pretrain import PretrainMixin, freeze_parameters
from sklearn_seq.tasks.reading import ReadingMixin
from sklearn_seq.tasks.state import FittedState, keep_on_failure
from sklearn_seq.tasks.tokens import TokensMixin
from sklearn_seq.training import Part, Plan, Result, Seeds, TrainingParams, outputs, run
from sklearn_seq.training.augment import read_augment
from sklearn_seq.training.callbacks import CallbackSupportMixin, EpochTasks, with_callbacks
from sklearn_seq.training.devices import device_for_predict

__all__ = ["FitMixin", "Reading", "TaskMixin"]

# parameters in which plans that are trained as one may differ: numbers, and what decides how long is trained on what
_OF_REPLICAS = {
    "lr",
    "lr_schedule",
    "weight_decay",
    "gradient_clip",
    "dropout",
    "max_epochs",
    "batch_size",
    "standardize",
    "token_dropout",
    "early_stopping",
    "validation_fraction",
    "n_iter_no_change",
    "tol",
    "label_smoothing",
}


@dataclass(frozen=True)
class Reading:
    """What a fit learns from.

    Attributes
    ----------
    data : Sequences
        Distinct rows in an order that their content gives.
    target : ndarray of shape (n_samples,) or (n_samples, n_outputs), or Sequences
        As read, before the task encodes it.
    weight : ndarray of float64 of shape (n_samples,)
        Summed over equal rows.
    groups : ndarray of int of shape (n_samples,), or None
    valid : Part or None
        The validation part as given, its targets not encoded yet.
    """

    data: Sequences
    target: Any
    weight: np.ndarray
    groups: np.ndarray | None
    valid: Part | None

    def take(self, rows: np.ndarray, weight: np.ndarray | None = None) -> Reading:
        """Some of the rows, with other weights where they are given."""
        weight = self.weight if weight is None else weight
        groups = None if self.groups is None else self.groups[rows]
        return Reading(self.data[rows], self.target[rows], weight[rows], groups, self.valid)


class FitMixin(ReadingMixin, FittedState, CallbackSupportMixin):
    """Fitting to one target a sequence: gate, encoding, plan, run.

    A task says what the target is (``_read_target``, ``_settle_target``, ``_encode``) and what a fit is (``_make_plan``).

    Attributes
    ----------
    n_features_in_ : int
        Columns of a 2-D ``X`` (its time steps), else features a time step.
    n_timesteps_in_ : int or None
        Length of the sequences in ``fit``; None for ragged data.
    feature_names_in_ : ndarray of str
        Columns of a data frame; only where ``X`` had names.
    n_iter_ : int
        Epochs run.
    best_epoch_ : int
        Epoch, from 1, whose weights are kept; the last one without early stopping.
    loss_curve_ : list of float
        Training loss of each epoch.
    validation_scores_ : list of float or None
        Score on the validation part after each epoch; None without one.
    history_ : list of dict
        All of an epoch's numbers.
    module_ : torch.nn.Module
        The trained network.
    n_parameters_ : int
        Its trained numbers.
    """

    _stratified: ClassVar[bool] = False

    # -- what a task brings ----------------------------------------------------------------------------------------

    def _settle_target(self, target: Any, weight: np.ndarray) -> None:
        """Learn what needs the rows that are trained on."""

    def _encode(self, target: Any) -> Any:
        """Targets as the loss takes them."""
        return target

    # -- fit ---------------------------------------------------------------------------------------------------------

    @keep_on_failure
    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        groups: Any = None,
    ) -> Any:
        """Train a network.

        Parameters
        ----------
        X : array-like, list of arrays, frame or Sequences
            ``(n_samples, n_timesteps)``, ``(n_samples, n_timesteps, n_features)``, or ``n_samples`` arrays of shape
            ``(n_timesteps_i, n_features)``. Or text: ``n_samples`` ``str``, read as characters, or lists of words; or the ids
            that a `TextEncoder` made. Each token then gets a vector that is learnt.
        y : array-like of shape (n_samples,) or, for regressors, (n_samples, n_outputs)
            The target of each sequence.
        sample_weight : array-like of shape (n_samples,), optional
            A weight of 3 equals three copies of the sample, to the bit.
        X_val, y_val : as X and y, optional
            A validation part to score each epoch on; early stopping uses it instead of a held-out part.
        groups : array-like of shape (n_samples,), optional
            Groups (recordings, patients) that early stopping must not tear apart.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            For data that cannot be read, with what was given, what was wanted and what to do. An estimator that was
            fitted before stays as it was.
        """
        before = self._begin()
        reading = self._read(X, y, sample_weight, X_val, y_val, groups, reset=before is None)
        plan = self._plan(reading, before)
        with EpochTasks(self, X, y, self.max_epochs) as tasks:
            plan.on_epoch = tasks.wrap(self._as_if_stopped)
            result = self._run(plan)
        self._end(reading, result)
        return self

    # a fit in parts, for ensembles: what is read does not depend on chance, so members share it

    def _begin(self) -> dict[str, Any] | None:
        """Where to go on from, or None after everything learnt was dropped."""
        self._validate_params()  # type: ignore[attr-defined]
        before = self._go_on() if self.warm_start and self._is_fitted() else None
        if before is None:
            self._forget()
        return before

    def _read(
        self, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any, groups: Any, *, reset: bool = True
    ) -> Reading:
        """Distinct rows in content order, and the validation part."""
        data, target, weight, codes = self._read_distinct(X, y, sample_weight, groups, reset=reset)
        return Reading(data, target, weight, codes, self._read_validation(X_val, y_val))

    def _plan(self, reading: Reading, before: dict[str, Any] | None = None) -> Plan:
        """The plan for what was read: here chance comes in."""
        data, target, weight, valid = reading.data, reading.target, reading.weight, reading.valid
        random_state = check_random_state(self.random_state)
        train_rows = np.arange(len(data))
        valid_rows = None
        if self.early_stopping and valid is None:
            train_rows, valid_rows = self._hold_out(reading, self.validation_fraction, random_state)
        weight = weight / weight[train_rows].mean()
        if before is None:
            self._settle_target(target[train_rows], weight[train_rows])
        whole = Part(data, self._encode(target), weight)
        if valid_rows is not None:
            valid = whole.take(valid_rows)
        elif valid is not None:
            valid = Part(valid.data, self._encode(valid.target), valid.weight)
        train = whole if valid_rows is None else whole.take(train_rows)
        return self._make_plan(train, valid, Seeds.draw(random_state), self.max_epochs, before)

    def _hold_out(
        self, reading: Reading, fraction: float, random_state: np.random.RandomState
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows to train on, and rows to judge by."""
        return hold_out(
            reading.data,
            fraction,
            random_state=random_state,
            labels=reading.target if self._stratified else None,
            groups=reading.groups,
            among=self._judged(reading.target),
        )

    def _judged(self, target: Any) -> np.ndarray | None:
        """Rows that a model can be judged by; None for all."""
        return None

    def _run(self, plan: Plan) -> Result:
        return run([plan])[0]

    def _end(self, reading: Reading, result: Result) -> None:
        """Take over what the plan came to."""
        self._take(result, keep_optimizer=bool(self.warm_start))
        self._remember_windows(reading.data)

    def _fit_one_epoch(self, X: Any, y: Any, sample_weight: Any) -> Any:
        """``partial_fit``: one pass over the rows; the first call settles scales, the next keep them."""
        self._validate_params()  # type: ignore[attr-defined]
        before = self._go_on() if self._is_fitted() else None
        data, target, weight, _ = self._read_training(X, y, sample_weight, None, reset=before is None)
        weight = weight / weight.mean()
        if before is None:
            self._settle_target(target, weight)
        if "_partial_seed" not in self.__dict__:
            self._partial_seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self._partial_calls = self.__dict__.get("_partial_calls", 0) + 1
        chance = np.random.RandomState([self._partial_seed, self._partial_calls])
        plan = self._make_plan(Part(data, self._encode(target), weight), None, Seeds.draw(chance), 1, before)
        plan.fixed_rate = True
        self._take(run([plan])[0], keep_optimizer=True)
        return self

    def _go_on(self) -> dict[str, Any]:
        self._refuse_other_network()
        return self._snapshot()

    def _read_validation(self, X_val: Any, y_val: Any) -> Part | None:
        if X_val is None and y_val is None:
            return None
        if X_val is None or y_val is None:
            given, wanted = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
            raise ValueError(f"{given} was given without {wanted}; a validation part needs both")
        try:
            data = self._pass_gate(X_val, reset=False)
            target = self._read_target(y_val, reset=False)
        except UnknownLabelError as error:
            raise ValueError(
                f"In the validation part (X_val, y_val): {error.found} of y; wanted these alone. Leave such sequences "
                "out of X_val and y_val, or give some of them in X and y, too."
            ) from error
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"In the validation part (X_val, y_val): {error}") from error
        if len(data) != len(target):
            raise ValueError(f"X_val has {len(data)} samples and y_val has {len(target)}; wanted one target a sample")
        self._match(data, target, ("X_val", "y_val"))
        return Part(data, target, np.ones(len(data)))

    def _make_plan(
        self, train: Part, valid: Part | None, seeds: Seeds, n_epochs: int, before: dict[str, Any] | None
    ) -> Plan:
        """Of encoded rows; ``before`` is where an earlier fit ended."""
        raise NotImplementedError

    def _batch_rows(self, n: int) -> int:
        return min(32, max(4, n // 16)) if self.batch_size == "auto" else int(self.batch_size)


class TaskMixin(TokensMixin, PretrainMixin, FitMixin):
    """Fitting and predicting for one target a sequence, from outputs of a network.

    A task says what the target is (``_read_target``, ``_settle_target``, ``_encode``), how many outputs that takes
    (``_n_outputs``), what a wrong output costs (``_make_loss``) and how good outputs are (``_make_score``). A family says
    what computes: ``make_body(n_features)`` and ``make_pool(body)``.
    """

    _refused_augmentations: ClassVar[tuple[str, ...]] = ()  # names that make no sense for the task's targets
    _params_free_to_change: ClassVar[tuple[str, ...]] = (
        *(name for name in TrainingParams().get_params() if name not in ("missing", "dtype", "standardize")),
        "token_dropout",
    )

    # -- what a task brings ----------------------------------------------------------------------------------------

    def _n_outputs(self) -> int:
        raise NotImplementedError

    def _make_loss(self) -> Callable[[Any, Any], torch.Tensor]:
        raise NotImplementedError

    def _make_score(self) -> Callable[[Any, Part], float]:
        raise NotImplementedError

    def _plan_options(self) -> dict[str, Any]:
        """Further fields of the plan."""
        return {}

    def _make_plan(
        self, train: Part, valid: Part | None, seeds: Seeds, n_epochs: int, before: dict[str, Any] | None
    ) -> Plan:
        params, frozen = self._plain_params(), self.freeze
        augment = read_augment(self.augment, self._refused_augmentations)
        self._refuse_of_ids(augment)
        if (
            before is not None and self._fitted_params["freeze"] != frozen
        ):  # the optimiser's state is of other parameters
            before = before | {"optimizer_state": None}
        self._fitted_params = params
        # a network that goes on has its scale among its weights, and a body that was trained before brings its own
        start = self._body_to_begin_with() if before is None else None
        if start is not None:
            self._longest = start.longest
        own = None
        if before is None and start is None and self._n_tokens is None:
            own = InputStatistics(train.data, train.weight, self.standardize)

        def build() -> Any:
            network = self._build()
            if own is not None:
                own.put_into(network)
            if start is not None:
                start.put_into(network, type(self).__name__)
            freeze_parameters(network, frozen)
            return network

        same = sorted((name, repr(value)) for name, value in self._fitted_params.items() if name not in _OF_REPLICAS)
        return Plan(
            shape=(type(self), self._n_channels, self._n_tokens, self._n_outputs(), *same),
            build=build,
            train=train,
            valid=valid,
            loss=self._make_loss(),
            score=self._make_score(),
            settings=self,  # type: ignore[arg-type]
            seeds=seeds,
            n_epochs=n_epochs,
            batch_size=self._batch_rows(len(train)),
            augment=augment,
            **self._plan_options(),
            body_lr_factor=self._share_of_rate(),
            weights=None if before is None else before["weights"],
            optimizer_state=None if before is None else before["optimizer_state"],
            before=[] if before is None else before["history"],
        )

    def _build(self) -> Any:
        """The untrained network of the fitted parameters, whatever ``set_params`` did since."""
        maker: Any = type(self)(**self._fitted_params)
        maker._longest = self.__dict__.get("_longest")
        scaling = self._make_input(maker)
        return self._make_network(maker, scaling, maker.make_body(scaling.out_features))

    def _make_network(self, maker: Any, scaling: Any, body: Any) -> Any:
        """The network behind an input scaling and a body; ``maker`` has the fitted parameters."""
        pool = maker.make_pool(body)
        head = Head(pool.out_features, self._n_outputs())
        return Network(scaling, body, pool, head, dropout=getattr(maker, "dropout", 0.0))

    # -- predict -----------------------------------------------------------------------------------------------------

    def _outputs(self, X: Any) -> np.ndarray:
        """Outputs of the network, (n_samples, K)."""
        return self._outputs_of(self._read_again(X))

    def _read_again(self, X: Any) -> Sequences:
        """What predictions are asked for, held against fit."""
        self._require_fitted()
        fitted = self._fitted_params
        data = self._pass_gate(X, reset=False, dtype=fitted["dtype"], missing=fitted["missing"])
        if "_trained_windows" in self.__dict__:
            self._warn_of_overlap(data)
        return data

    def _outputs_of(self, data: Sequences, module: torch.nn.Module | None = None) -> np.ndarray:
        """Outputs for what was read, by the network or by a copy of it."""
        device = None if self.device == "cpu" else device_for_predict(self)
        return outputs(self.module_ if module is None else module, data, n_threads=self.n_threads, device=device)
