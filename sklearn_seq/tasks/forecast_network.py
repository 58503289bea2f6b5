"""Forecasts by trained networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided
from scipy.stats import norm
from sklearn.metrics import r2_score
from sklearn.utils import check_random_state

from sklearn_seq.layers.horizon import ForecastNetwork, HorizonShape, WindowMapLayer, places
from sklearn_seq.layers.scaling import InputScaling
from sklearn_seq.params import AtLeast, Positive, estimator
from sklearn_seq.sequences.horizons import Windows
from sklearn_seq.sequences.tables import Columns
from sklearn_seq.tasks.base import _OF_REPLICAS
from sklearn_seq.tasks.forecast import ForecasterMixin, r2_of_known
from sklearn_seq.tasks.pretrain import GENTLE, Body, freeze_parameters, read_body
from sklearn_seq.tasks.regress import check_levels
from sklearn_seq.tasks.state import FittedState, keep_on_failure
from sklearn_seq.training import Part, Plan, Seeds, outputs, run
from sklearn_seq.training.augment import read_augment
from sklearn_seq.training.blas import one_blas_thread
from sklearn_seq.training.callbacks import CallbackSupportMixin, EpochTasks, with_callbacks
from sklearn_seq.training.devices import device_for_predict
from sklearn_seq.training.window_designs import share_without_gaps
from sklearn_seq.training.window_ridge import WindowMap, WindowRidge

__all__ = ["ForecastLoss", "NetworkForecasterMixin"]

_LOOKBACKS = (24, 48, 96, 168, 336, 512, 720)  # of a solved map, as far as the look-back goes
_MOST_ROWS = 1 << 17  # of a series that it is solved with, the last ones: more would cost memory and tell little
_COMPLETE = (
    0.5  # share of windows without a gap from which on those with one are left out; with fewer, filled values stand in
)
# what augmentations leave the truth of the horizon as it is
_OF_THE_PAST = ("jitter", "mask")


class ForecastLoss:
    """Of answers (B, horizon x targets x numbers) against the rows behind origins (B,), which are looked up in the table.

    So no window's truth is copied before its batch is trained on.

    Parameters
    ----------
    kind : str
        As the parameter ``loss``.
    shape : HorizonShape
    levels : tuple of float
        Of quantiles.
    table : ndarray of shape (n_rows, n_columns)
    scale : tuple of ndarray of shape (n_targets,), or None
        Mean and deviation that bring the table's targets to the scale of the answers; None where they have it.
    marks : tuple of int
        Columns that say where a target is missing.
    """

    def __init__(
        self,
        kind: str,
        shape: HorizonShape,
        levels: tuple[float, ...],
        table: np.ndarray,
        scale: tuple[np.ndarray, np.ndarray] | None,
        marks: tuple[int, ...],
    ) -> None:
        self.kind, self.shape, self.levels, self.marks = kind, shape, levels, marks
        self.table = table
        self.scale = None if scale is None else tuple(part.astype(table.dtype) for part in scale)
        self._views: dict[tuple[int, ...], np.ndarray] = {}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_views": {}}  # which would be pickled as all the windows that they show

    def truth(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """What came, scaled, (B, H, K), and where it is known."""
        origins = rows.cpu().numpy()
        found = self._ahead(self.shape.target, origins)
        if self.scale is not None:
            found -= self.scale[0]
            found /= self.scale[1]
        there = torch.from_numpy(self._ahead(self.marks, origins) == 0) if self.marks else None
        return torch.from_numpy(found), there

    def _ahead(self, columns: tuple[int, ...], origins: np.ndarray) -> np.ndarray:
        """Columns of the rows behind origins, (B, H, K)."""
        index = places(columns)
        view = self._views.get(columns)
        if view is None:
            part = self.table[:, index] if isinstance(index, slice) else self.table
            step, across = part.strides
            shape = (len(part) - self.shape.horizon + 1, self.shape.horizon, part.shape[1])
            view = self._views[columns] = as_strided(part, shape, (step, step, across), writeable=False)
        found = view[origins]
        return found if isinstance(index, slice) else found[..., index]

    def __call__(self, output: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """(B,)"""
        truth, there = self.truth(rows)
        truth = truth.to(output)
        found = output.view(*truth.shape, -1)
        center = found.squeeze(-1) if found.shape[-1] == 1 else found[..., 0]
        if self.kind == "squared_error":
            each = (center - truth).square()
        elif self.kind == "absolute_error":
            each = (center - truth).abs()
        elif self.kind == "huber":
            each = torch.nn.functional.huber_loss(center, truth, reduction="none")
        elif self.kind == "gaussian":
            each = found[..., 1] + 0.5 * ((truth - center) / found[..., 1].exp()) ** 2
        else:
            error = truth[..., None] - found
            level = error.new_tensor(self.levels)
            each = torch.maximum(level * error, (level - 1.0) * error).mean(dim=-1)
        if there is None:
            return each.mean(dim=(1, 2))
        there = there.to(each)
        return (each * there).sum(dim=(1, 2)) / there.sum(dim=(1, 2)).clamp(min=1.0)


class _Trained:
    """What `TrainingParams` and a family bring."""

    if TYPE_CHECKING:
        augment: Any
        batch_size: Any
        body: Any
        body_lr_factor: Any
        device: str
        dropout: float
        dtype: Any
        early_stopping: bool
        freeze: Any
        n_threads: Any
        random_state: Any
        validation_fraction: float
        warm_start: bool

        def make_body(self, n_features: int) -> Any:
            """Of the family."""

        def make_pool(self, body: Any) -> Any:
            """Of the family."""


@estimator
class NetworkForecasterMixin(ForecasterMixin, FittedState, CallbackSupportMixin, _Trained):
    """Forecasts by a network over the windows of a table.

    Attributes
    ----------
    n_iter_ : int
        Epochs run.
    best_epoch_ : int
        Epoch, from 1, whose weights are kept; the last one without early stopping.
    loss_curve_ : list of float
        Training loss of each epoch, in units of the deviations of the targets.
    validation_scores_ : list of float or None
        R2 on the held out origins after each epoch; None without early stopping.
    history_ : list of dict
        All of an epoch's numbers.
    module_ : torch.nn.Module
        The trained network.
    n_parameters_ : int
        Its trained numbers.
    """

    loss: Annotated[
        Literal["squared_error", "absolute_error", "huber", "gaussian", "quantile"],
        'What is minimised; "gaussian" (negative log-likelihood) also learns a deviation, "quantile" several quantiles.',
    ] = "squared_error"
    quantiles: Annotated[
        list | tuple, 'For loss="quantile": levels in (0, 1), ascending; predict gives the one nearest to 0.5.'
    ] = (0.1, 0.5, 0.9)
    normalize: Annotated[
        Literal["standard", "last", "none"],
        "How a window's targets are brought to a common level: by their mean and deviation in it, by their last value, or not.",
    ] = "standard"
    channels: Annotated[
        Literal["independent", "joint"],
        "Whether one network reads each target by itself, beside columns that are no targets, or all at once.",
    ] = "independent"
    linear: Annotated[
        Literal["ridge", "learnt", "none"],
        "The linear map of each target's window beside the network: solved before, so that the network learns what it leaves; "
        "learnt with it; or none.",
    ] = "ridge"
    max_epochs: Annotated[int, AtLeast(1), "Passes over the windows, which overlap, so that few are enough."] = 10
    lr: Annotated[float, Positive, "Step size, the largest one where a schedule changes it."] = 2e-3

    _in_spans: ClassVar[bool] = False
    _without: ClassVar[tuple[str, ...]] = ("standardize",)  # series are scaled, each by its own rows

    # -- fit ---------------------------------------------------------------------------------------------------------

    @keep_on_failure
    @with_callbacks
    def fit(self, X: Any, y: Any = None) -> Any:  # noqa: D102  (that of the base)
        self._validate_params()  # type: ignore[attr-defined]
        if self.loss == "quantile":
            check_levels(self.quantiles)
        with EpochTasks(self, X, y, self.max_epochs) as tasks:
            self._tasks = tasks
            try:
                return super().fit(X, y)
            finally:
                self.__dict__.pop("_tasks", None)

    fit.__doc__ = ForecasterMixin.fit.__doc__

    def _begin(self) -> dict[str, Any] | None:
        if not (self.warm_start and self._is_fitted()):
            return None
        self._refuse_other_network()
        before = self._snapshot() | {"table": self._table, "lookback": self.lookback_, "map": self._map}
        self._before = before
        return before

    def _is_fitted(self) -> bool:
        return "_table" in self.__dict__ and FittedState._is_fitted(self)

    def _learn(self, windows: Windows, columns: Columns) -> None:
        plan = self._plan(windows, self.__dict__.pop("_before", None))
        tasks = self.__dict__.get("_tasks")
        if tasks is not None:
            plan.on_epoch = tasks.wrap(self._as_if_stopped)
        self._take(run([plan])[0], keep_optimizer=bool(self.warm_start))

    def _plan(self, windows: Windows, before: dict[str, Any] | None = None) -> Plan:
        """The plan for some windows: here chance comes in."""
        seeds = Seeds.draw(check_random_state(self.random_state))
        self._fitted_params = self._plain_params()
        self._longest = windows.layout.lookback
        inside = len(windows.starts) == 1 and windows.values.dtype == np.float32 == np.dtype(self.dtype)
        self._table = self._table | {"inside": inside}
        table = self._as_read(windows)
        train, valid = self._hold_out_end(windows) if self.early_stopping else (windows, None)
        if before is not None:
            self._map = before["map"]
        elif "_map" not in self.__dict__:  # members of an ensemble share it
            self._map = self._solve_map(train, table)
        target = list(windows.layout.target)
        scale = (windows.scale.mean[0, target], windows.scale.deviation[0, target]) if inside else None
        levels = check_levels(self.quantiles) if self.loss == "quantile" else ()
        loss = ForecastLoss(self.loss, self._shape(), levels, table, scale, tuple(windows.layout.target_marks))
        return self._make_plan(windows, table, train, valid, loss, seeds, before)

    def _hold_out_end(self, windows: Windows) -> tuple[Windows, Windows]:
        """The last origins of each series for validation; none of what is trained on reaches behind the first of them."""
        early, late = windows.split_end(self.validation_fraction, windows.layout.horizon)
        if not len(early) or not len(late):
            raise ValueError(
                f"early_stopping holds out {len(late)} of {len(windows)} origins (validation_fraction="
                f"{self.validation_fraction}) and leaves {len(early)} to train on; wanted some of both. Give more rows or a shorter "
                "horizon."
            )
        return early, late

    def _solve_map(self, windows: Windows, table: np.ndarray) -> dict[str, Any] | None:
        """The linear map around the network; None where there is none."""
        layout = windows.layout
        if self.linear == "none" or min(layout.own) < 0:
            return None
        if self.linear == "learnt":
            return {"kind": "learnt"}
        lookbacks = [size for size in _LOOKBACKS if size < layout.lookback] + [layout.lookback]
        # rows that windows to train on reach, series by series
        n = np.bincount(windows.series, minlength=len(windows.starts))
        some = np.flatnonzero(n)
        first = np.cumsum(n) - n
        starts = windows.origins[first[some]].astype(np.int64) - layout.lookback
        stops = windows.origins[first[some] + n[some] - 1].astype(np.int64) + layout.horizon
        starts = np.maximum(starts, stops - _MOST_ROWS)
        values = table[:, places(layout.target)]
        if self._table["inside"]:  # one series, not scaled
            target = list(layout.target)
            values = (values[starts[0] : stops[0]] - windows.scale.mean[0, target]) / windows.scale.deviation[0, target]
            values, starts, stops = values.astype(np.float32), np.zeros(1, np.int64), stops - starts
        elif layout.marked:
            known = np.where(table[:, layout.target_marks] > 0, np.nan, values)
            if share_without_gaps(known, starts, stops, lookbacks[0] + layout.horizon) > _COMPLETE:
                values = known
        with one_blas_thread():
            found = WindowRidge(layout.horizon, lookbacks, shifts=("last", "mean")).fit(values, starts, stops)
        assert isinstance(found, WindowMap)
        return {
            "kind": "ridge",
            "shift": found.shift,
            "coef": found.coef.astype(np.float32),
            "of_deviation": np.asarray(found.of_deviation, np.float32),
            "intercept": np.asarray(found.intercept, np.float32),
        }

    def _shape(self) -> HorizonShape:
        """Of the fitted parameters."""
        params, layout, columns = self._fitted_params, self._layout(), self._columns()
        outside = min(layout.own) < 0
        target = layout.target
        marks = tuple(layout.target_marks)
        beside = [i for i in layout.past if i not in target]
        beside += [i + layout.n_values for i in beside] if layout.marked else []
        head = {"gaussian": "gaussian", "quantile": "quantile"}.get(params["loss"], "point")
        numbers = {"gaussian": 2, "quantile": len(params["quantiles"])}.get(head, 1)
        return HorizonShape(
            layout.lookback,
            layout.horizon,
            target,
            () if outside else target + marks,
            tuple(beside),
            tuple(layout.known_columns),
            tuple(columns.static),
            0 if outside else len(marks),
            head,
            numbers,
            params["normalize"],
            params["channels"] == "independent" and not outside,
        )

    def _build(self) -> ForecastNetwork:
        """The untrained network of the fitted parameters, whatever ``set_params`` did since."""
        maker: Any = type(self)(**self._fitted_params)
        maker._longest = self._longest
        shape, layout = self._shape(), self._layout()
        scaling = InputScaling(layout.n_values * (2 if layout.marked else 1))
        body = maker.make_body(shape.n_inputs)
        pool = maker.make_pool(body)
        found = self._map
        options: dict[str, Any] = {"linear": "none" if found is None else found["kind"]}
        if found is not None and found["kind"] == "ridge":
            options |= {"map_lookback": len(found["coef"]), "map_shift": found["shift"]}
        return ForecastNetwork(scaling, body, pool, shape, dropout=getattr(maker, "dropout", 0.0), **options)

    def _make_plan(
        self,
        windows: Windows,
        table: np.ndarray,
        train: Windows,
        valid: Windows | None,
        loss: ForecastLoss,
        seeds: Seeds,
        before: dict[str, Any] | None,
    ) -> Plan:
        augment = read_augment(self.augment)
        if augment is not None and any(name not in _OF_THE_PAST for name, _ in augment.parts):
            raise ValueError(
                f"augment={self.augment!r} changes windows so that what follows them is no longer true; wanted some of "
                f"{', '.join(map(repr, _OF_THE_PAST))}."
            )
        scale, found = windows.scale.whole(table.shape[1]), self._map
        inside, frozen = self._table["inside"], self.freeze
        start = (
            None if before is not None or self.body is None else Body(read_body(self.body), f"from body={self.body!r}")
        )

        def build() -> ForecastNetwork:
            network = self._build()
            if inside:
                network.scaling.set_statistics(torch.from_numpy(scale.mean[0]), torch.from_numpy(scale.deviation[0]))  # type: ignore[operator]
            if isinstance(network.linear, WindowMapLayer) and found is not None:
                for name in ("coef", "of_deviation", "intercept"):
                    getattr(network.linear, name).copy_(torch.from_numpy(found[name]))
            if start is not None:
                start.put_into(network, type(self).__name__, ("body.",))
            freeze_parameters(network, frozen)
            return network

        def part(some: Windows) -> Part:
            return Part(some.stretches(table), some.origins, np.broadcast_to(np.float32(1.0), len(some)))

        def score(answers: np.ndarray, part: Part) -> float:
            truth, there = loss.truth(torch.from_numpy(part.target))
            center = self._center(answers.reshape(*truth.shape, -1)).reshape(len(answers), -1)
            came = truth.numpy().reshape(center.shape)
            if there is not None and not there.all():
                return r2_of_known(np.where(there.numpy().reshape(center.shape), came, np.nan), center)
            return float(r2_score(came, center)) if len(came) > 1 else float("nan")

        same = sorted((name, repr(value)) for name, value in self._fitted_params.items() if name not in _OF_REPLICAS)
        shift = None if found is None or found["kind"] != "ridge" else (found["shift"], len(found["coef"]))
        return Plan(
            # as many windows each: layers tell replicas' rows apart by the windows of a batch, and read a row for each target
            shape=(type(self), self._shape(), shift, len(train), *same),
            build=build,
            train=part(train),
            valid=None if valid is None else part(valid),
            loss=loss,
            score=score,
            settings=self,  # type: ignore[arg-type]
            seeds=seeds,
            n_epochs=self.max_epochs,
            batch_size=self._batch_rows(len(train)),
            augment=augment,
            body_lr_factor=self._share_of_rate(),
            weights=None if before is None else before["weights"],
            optimizer_state=None if before is None else before["optimizer_state"],
            before=[] if before is None else before["history"],
        )

    def _share_of_rate(self) -> float:
        if self.body_lr_factor != "auto":
            return float(self.body_lr_factor)
        return 1.0 if self.body is None else GENTLE

    def _batch_rows(self, n: int) -> int:
        return min(128, max(4, n // 32)) if self.batch_size == "auto" else int(self.batch_size)

    # -- answering ---------------------------------------------------------------------------------------------------

    def _as_read(self, windows: Windows) -> np.ndarray:
        """The table as the network reads it: as it stands where the network scales it, else scaled."""
        dtype: Any = np.dtype(self._fitted_params["dtype"]).type
        if self._table["inside"]:
            return windows.values.astype(dtype, copy=False)
        return windows.scaled(dtype)

    def _answer(self, windows: Windows) -> np.ndarray:
        data = windows.stretches(self._as_read(windows))
        device = None if self.device == "cpu" else device_for_predict(self)  # type: ignore[arg-type]
        found = outputs(self.module_, data, n_threads=self.n_threads, device=device)
        layout = windows.layout
        return found.reshape(len(found), layout.horizon, len(layout.target), -1)

    def _center(self, answers: np.ndarray) -> np.ndarray:
        if self._fitted_params["loss"] != "quantile":
            return answers[..., 0]
        return answers[..., int(np.abs(np.asarray(self._fitted_params["quantiles"]) - 0.5).argmin())]

    def _spread(self, answers: np.ndarray) -> np.ndarray | None:
        loss = self._fitted_params["loss"]
        if loss == "gaussian":
            return np.exp(answers[..., 1])
        if loss == "quantile" and answers.shape[-1] > 1:
            return np.maximum(answers[..., -1] - answers[..., 0], 1e-9)
        return None

    def _says_spread(self) -> bool:
        return self._fitted_params["loss"] in ("gaussian", "quantile")

    def _says_deviation(self) -> bool:
        return self._fitted_params["loss"] == "gaussian"

    def _level(self, answers: np.ndarray, level: float) -> np.ndarray | None:
        if self._says_deviation():
            return answers[..., 0] + np.exp(answers[..., 1]) * norm.ppf(level)
        near = np.flatnonzero(np.abs(np.array(self._own_levels()) - level) < 1e-9)
        return answers[..., near[0]] if len(near) else None

    def _own_levels(self) -> tuple[float, ...]:
        params = self._fitted_params
        return tuple(map(float, params["quantiles"])) if params["loss"] == "quantile" else ()
