"""Numbers for a sequence."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import sklearn.base
import torch
from scipy.stats import norm
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_y

from sklearn_seq.params import estimator
from sklearn_seq.sequences.finite import refuse_masked
from sklearn_seq.tasks.base import TaskMixin
from sklearn_seq.tasks.state import keep_on_failure
from sklearn_seq.training import Part

__all__ = ["NumbersMixin", "RegressionLoss", "RegressorMixin", "check_levels"]

_LOSSES = Literal["squared_error", "absolute_error", "huber", "gaussian", "quantile"]

# Deviations of a Gaussian head stay between these, in units of the target's deviation: far apart enough for any real
# target, close enough that the likelihood cannot run away on a target that is hit exactly.
_LOG_DEVIATION = (-7.0, 7.0)


@dataclass(frozen=True)
class RegressionLoss:
    """Of outputs (B, n_outputs x numbers an output) and targets (B, n_outputs); equal ones can be computed together."""

    kind: str
    n_outputs: int
    levels: tuple[float, ...] = ()

    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """(B,)"""
        output = output.reshape(len(output), self.n_outputs, -1)  # (B, outputs, numbers)
        center = output[:, :, 0]
        if self.kind == "squared_error":
            return ((center - target) ** 2).mean(dim=1)
        if self.kind == "absolute_error":
            return (center - target).abs().mean(dim=1)
        if self.kind == "huber":
            return torch.nn.functional.huber_loss(center, target, reduction="none").mean(dim=1)
        if self.kind == "gaussian":
            log_deviation = output[:, :, 1].clamp(*_LOG_DEVIATION)
            return (log_deviation + 0.5 * ((target - center) / log_deviation.exp()) ** 2).mean(dim=1)
        error = target[:, :, None] - _ascending(output)
        level = error.new_tensor(self.levels)
        return torch.maximum(level * error, (level - 1.0) * error).mean(dim=(1, 2))


def _has_quantiles(self: Any) -> bool:
    loss = self.__dict__.get("_fitted_params", {}).get("loss", self.loss)
    if loss not in ("gaussian", "quantile"):
        raise AttributeError(f"predict_quantiles needs loss='quantile' or loss='gaussian'; this one has loss={loss!r}")
    return True


class NumbersMixin(sklearn.base.RegressorMixin):
    """What all regressors share: one or several numbers a sequence, which are standardised inside."""

    if TYPE_CHECKING:
        _output_shape: list[int]
        _target_scale: np.ndarray

    def _read_target(self, y: Any, *, reset: bool, used: np.ndarray | None = None) -> np.ndarray:
        refuse_masked(y, "y", "Leave the sequences without a target out, of X too.")
        try:
            y = _check_y(y, multi_output=True, y_numeric=True)
        except ValueError as error:
            if not str(error).startswith("could not convert"):
                raise
            raise ValueError(f"y holds what is no number: {error}. For labels use a classifier.") from None
        if y.dtype.kind not in "fiub":
            raise ValueError(f"y has dtype {y.dtype}; wanted numbers. For labels use a classifier.")
        if y.ndim > 2 or (y.ndim == 2 and y.shape[1] == 0):
            raise ValueError(f"y has shape {y.shape}; wanted (n_samples,) or (n_samples, n_outputs)")
        if reset:
            self._output_shape = list(y.shape[1:])
        elif list(y.shape[1:]) != self._output_shape:
            wanted = "(n_samples,)" if not self._output_shape else f"(n_samples, {self._output_shape[0]})"
            raise ValueError(f"y has shape {y.shape}; wanted {wanted} as in the first fit")
        return np.ascontiguousarray(y.reshape(len(y), -1), dtype=np.float64)

    def _settle_target(self, target: np.ndarray, weight: np.ndarray) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            mean = np.average(target, axis=0, weights=weight)
            deviation = np.sqrt(np.average((target - mean) ** 2, axis=0, weights=weight))
        if not np.isfinite(deviation).all():
            raise ValueError(
                f"y has values up to {np.abs(target).max():.3g}, whose deviation overflows; wanted smaller ones. Scale y, "
                "or take its logarithm (TransformedTargetRegressor)."
            )
        deviation[deviation <= 1e-12 * np.abs(mean)] = 1.0
        self._target_scale = np.stack([mean, deviation])

    def _encode(self, target: np.ndarray) -> np.ndarray:
        mean, deviation = self._target_scale
        return (target - mean) / deviation

    def _shaped(self, column: np.ndarray, deviation: bool = False) -> np.ndarray:
        mean, scale = self._target_scale
        column = column * scale if deviation else column * scale + mean
        return column.reshape([len(column), *self._output_shape])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


@estimator
class RegressorMixin(NumbersMixin, TaskMixin):
    """Regression, with one or several outputs; targets are standardised inside."""

    loss: Annotated[
        _LOSSES,
        'What is minimised; "gaussian" (negative log-likelihood) also learns a deviation, "quantile" several quantiles.',
    ] = "squared_error"
    quantiles: Annotated[
        list | tuple, 'For loss="quantile": levels in (0, 1), ascending; predict gives the one nearest to 0.5.'
    ] = (0.1, 0.5, 0.9)

    _params_free_to_change: ClassVar[tuple[str, ...]] = TaskMixin._params_free_to_change

    @keep_on_failure
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Go on training for one epoch on these rows.

        Parameters
        ----------
        X : as in fit
            Some rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets. The first call settles the scale of the targets.
        sample_weight : array-like of shape (n_samples,), optional
            Their weights.

        Returns
        -------
        self
            The estimator, one epoch further.
        """
        if not self._is_fitted():
            self._forget()
        return self._fit_one_epoch(X, y, sample_weight)

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """The predicted numbers.

        Parameters
        ----------
        X : as in fit
            The sequences.
        return_std : bool
            Whether the predicted standard deviation is returned too; needs ``loss="gaussian"``.

        Returns
        -------
        mean : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            As ``y`` in ``fit``. For quantiles, the level nearest to 0.5.
        std : ndarray of the same shape
            Only with ``return_std=True``.
        """
        self._require_fitted()
        loss = self._fitted_params["loss"]
        if return_std and loss != "gaussian":
            raise ValueError(
                f"return_std=True needs a model with a deviation; this one has loss={loss!r}. Fit with loss='gaussian'."
            )
        mean, deviation = self._moments(self._outputs(X))
        return (mean, deviation) if return_std else mean

    def _moments(self, found: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Mean (for quantiles, the level nearest to 0.5) and, of a Gaussian head, deviation, from the network's outputs."""
        loss, found = self._fitted_params["loss"], self._by_output(found)
        if loss == "quantile":
            middle = int(np.abs(np.asarray(self._fitted_params["quantiles"]) - 0.5).argmin())
            return self._shaped(found[:, :, middle]), None
        mean = self._shaped(found[:, :, 0])
        return mean, self._shaped(_deviation(found[:, :, 1]), deviation=True) if loss == "gaussian" else None

    @available_if(_has_quantiles)
    def predict_quantiles(self, X: Any, quantiles: Any = None) -> np.ndarray:
        """Predicted quantiles, which never cross.

        Parameters
        ----------
        X : as in fit
            The sequences.
        quantiles : array-like of float, optional
            Levels in (0, 1); by default those of the parameter ``quantiles``. With ``loss="quantile"`` only fitted levels
            can be asked for.

        Returns
        -------
        ndarray of shape (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles)
        """
        self._require_fitted()
        fitted = tuple(float(level) for level in self._fitted_params["quantiles"])
        levels = fitted if quantiles is None else check_levels(quantiles)
        found = self._by_output(self._outputs(X))
        if self._fitted_params["loss"] == "quantile":
            missing = [level for level in levels if level not in fitted]
            if missing:
                raise ValueError(
                    f"the quantiles {missing} were not fitted; wanted some of {list(fitted)}. Fit with quantiles={list(levels)}."
                )
            columns = [found[:, :, fitted.index(level)] for level in levels]
        else:
            columns = [found[:, :, 0] + _deviation(found[:, :, 1]) * norm.ppf(level) for level in levels]
        return np.stack([self._shaped(column) for column in columns], axis=-1)

    # -- the task ------------------------------------------------------------------------------------------------------

    def _read_target(self, y: Any, *, reset: bool, used: np.ndarray | None = None) -> np.ndarray:
        target = super()._read_target(y, reset=reset, used=used)
        if reset and self.loss == "quantile":
            check_levels(self.quantiles)
        return target

    def _numbers_an_output(self) -> int:
        params = self.__dict__.get("_fitted_params") or self._plain_params()
        return {"gaussian": 2, "quantile": len(params["quantiles"])}.get(params["loss"], 1)

    def _n_outputs(self) -> int:
        return self._target_scale.shape[1] * self._numbers_an_output()

    def _by_output(self, found: np.ndarray) -> np.ndarray:
        """(n, outputs, numbers an output)"""
        found = found.reshape(len(found), self._target_scale.shape[1], -1)
        return _ascending(torch.from_numpy(found)).numpy() if self._fitted_params["loss"] == "quantile" else found

    def _make_loss(self) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        levels = check_levels(self.quantiles) if self.loss == "quantile" else ()
        return RegressionLoss(self.loss, self._target_scale.shape[1], levels)

    def _make_score(self) -> Callable[[np.ndarray, Part], float]:
        kind, n_outputs = self.loss, self._target_scale.shape[1]
        middle = int(np.abs(np.asarray(self.quantiles) - 0.5).argmin()) if kind == "quantile" else 0

        def score(found: np.ndarray, part: Part) -> float:
            found = found.reshape(len(found), n_outputs, -1)
            if kind == "quantile":
                found = _ascending(torch.from_numpy(found)).numpy()
            if len(found) < 2:
                return float("nan")
            return float(r2_score(part.target, found[:, :, middle], sample_weight=part.weight))

        return score


def check_levels(quantiles: Any) -> tuple[float, ...]:
    """Levels of quantiles as numbers, or a refusal.

    Parameters
    ----------
    quantiles : float or sequence of float

    Returns
    -------
    tuple of float
    """
    given = list(quantiles) if np.ndim(quantiles) else [quantiles]
    levels = tuple(float(level) if isinstance(level, Real) else np.nan for level in given)
    if not levels or not all(0 < level < 1 for level in levels) or list(levels) != sorted(set(levels)):
        raise ValueError(
            f"quantiles={quantiles!r} are no levels; wanted ascending numbers between 0 and 1, such as (0.1, 0.5, 0.9)"
        )
    return levels


def _ascending(output: torch.Tensor) -> torch.Tensor:
    """Quantiles that cannot cross: the first, and steps upward from it. (B, outputs, Q)"""
    return torch.cat([output[:, :, :1], torch.nn.functional.softplus(output[:, :, 1:])], dim=2).cumsum(dim=2)


def _deviation(log_deviation: np.ndarray) -> np.ndarray:
    return np.exp(np.clip(log_deviation, *_LOG_DEVIATION))
