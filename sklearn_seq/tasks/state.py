"""The fitted state: what is kept, what is pickled, and that a failed fit loses nothing."""

from __future__ import annotations

import functools
import threading
import warnings
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils.validation import check_is_fitted

from sklearn_seq._version import __version__
from sklearn_seq.training.devices import device_for_predict
from sklearn_seq.training.run import weights_of
from sklearn_seq.training.threads import auto_threads

if TYPE_CHECKING:
    import torch

    from sklearn_seq.training import Result

__all__ = ["FORMAT", "FittedState", "Versioned", "keep_on_failure"]

FORMAT = 1

# what the network and its answers do not depend on
_NOT_KEPT = ("callbacks", "random_state", "class_weight", "warm_start", "verbose", "body")
# what exists only while the object lives: the network itself (its weights are kept), and what was learnt of windows
_TRANSIENT = ("_module", "_trained_windows", "_warned_of_device")

# what `pretrain` learnt: the fits after it begin there
_OF_PRETRAINING = ("pretrained_body_", "pretrain_loss_curve_")

_build_lock = threading.RLock()


def keep_on_failure(method: Any) -> Any:
    """Leave the estimator as it was when ``method`` raises."""

    @functools.wraps(method)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = self.__dict__.copy()
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    return guarded


class Versioned:
    """What is learnt is pickled with a format and our version, without what lives in this process alone."""

    def _is_fitted(self) -> bool:
        raise NotImplementedError

    def __sklearn_is_fitted__(self) -> bool:
        return self._is_fitted()

    def _require_fitted(self) -> None:
        if not self._is_fitted():
            check_is_fitted(self)  # scikit-learn's own message

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        for name in _TRANSIENT:
            state.pop(name, None)
        if self._is_fitted():
            state |= {"_format": FORMAT, "_version": __version__}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        form, version = state.pop("_format", FORMAT), state.pop("_version", __version__)
        name = type(self).__name__
        if form != FORMAT:
            raise ValueError(
                f"this {name} was pickled in format {form} by sklearn_seq {version}; sklearn_seq {__version__} reads format "
                f"{FORMAT}. Load it with that version and save it with sklearn_seq.save, which lasts longer than a pickle."
            )
        if version != __version__:
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=name, current_sklearn_version=__version__, original_sklearn_version=version
                ),
                stacklevel=2,
            )
        self.__dict__.update(state)


class FittedState(Versioned):
    """Plain numbers and host arrays in the pickle; the network is built from them when it is first asked for."""

    _params_free_to_change: ClassVar[tuple[str, ...]] = ()
    if TYPE_CHECKING:
        _fitted_params: dict[str, Any]
        _weights: dict[str, np.ndarray]

    def _is_fitted(self) -> bool:
        return "_fitted_params" in self.__dict__ and ("_module" in self.__dict__ or "_weights" in self.__dict__)

    def _plain_params(self) -> dict[str, Any]:
        params = self.get_params(deep=False)  # type: ignore[attr-defined]
        return {name: value for name, value in params.items() if name not in _NOT_KEPT}

    def _forget(self) -> None:
        """Drop what an earlier fit left."""
        kept = {*self.get_params(deep=False), *_OF_PRETRAINING}  # type: ignore[attr-defined]
        for name in list(self.__dict__):
            if name not in kept and (name.endswith("_") or name in _FITTED_PRIVATE):
                del self.__dict__[name]

    def _take(self, result: Result, *, keep_optimizer: bool) -> None:
        """Take over what a plan came to."""
        history = result.history
        self.__dict__.pop("_weights", None)
        self._module = result.module
        self.n_iter_ = len(history)
        self.best_epoch_ = result.best_epoch
        self.loss_curve_ = [entry["train_loss"] for entry in history]
        scored = any("valid_score" in entry for entry in history)
        self.validation_scores_ = [entry.get("valid_score", np.nan) for entry in history] if scored else None
        self._history = {"lr": np.array([entry["lr"] for entry in history])}
        if scored:
            self._history["valid_loss"] = np.array([entry.get("valid_loss", np.nan) for entry in history])
        self._optimizer_state = result.optimizer_state if keep_optimizer else None

    @property
    def history_(self) -> list[dict[str, float]]:
        """All numbers of each epoch: epoch, train_loss, lr and, with a validation part, valid_loss and valid_score."""
        self._require_history()
        rows = []
        for i, loss in enumerate(self.loss_curve_):
            row = {"epoch": i + 1, "train_loss": loss}
            row |= {name: float(column[i]) for name, column in self._history.items()}
            if self.validation_scores_ is not None:
                row["valid_score"] = self.validation_scores_[i]
            rows.append(row)
        return rows

    def _require_history(self) -> None:
        if "_history" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no history_ before fit")

    @property
    def module_(self) -> torch.nn.Module:
        """The trained network, a torch module in evaluation mode."""
        module = self.__dict__.get("_module")
        if module is not None:
            return module
        if not self._is_fitted():
            raise AttributeError(f"{type(self).__name__} has no module_ before fit")
        with _build_lock:
            if "_module" not in self.__dict__:
                self._module = self._rebuild(self._weights)
                del self._weights
        return self._module

    def _ready_network(self) -> tuple[Any, torch.device]:
        """In evaluation mode, on the device of the answers."""
        device = device_for_predict(self)
        module = self.module_
        return (module.eval() if module.training else module).to(device), device

    def _threads_for(self, module: Any, n_rows: int) -> int:
        """How many threads answer for so many rows."""
        given = self.n_threads  # type: ignore[attr-defined]
        return auto_threads(module, n_rows) if given == "auto" else int(given)

    @property
    def n_parameters_(self) -> int:
        """How many numbers were trained."""
        return sum(p.numel() for p in self.module_.parameters())

    def _build(self) -> torch.nn.Module:
        raise NotImplementedError

    def _rebuild(self, weights: dict[str, np.ndarray]) -> torch.nn.Module:
        """The network with weights from elsewhere."""
        import torch

        from sklearn_seq.training.seeds import adopt, build_seeded

        dtype = getattr(torch, self._fitted_params["dtype"])
        with torch.device("meta"):
            module = build_seeded(self._build, 0).to(dtype)
        wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
        given = {name: tuple(array.shape) for name, array in weights.items()}
        if wanted != given:
            wrong = sorted(name for name in wanted.keys() | given.keys() if wanted.get(name) != given.get(name))
            raise ValueError(
                f"the weights do not fit a {type(self).__name__} with these parameters: {wrong[0]} has shape "
                f"{given.get(wrong[0])}; wanted {wanted.get(wrong[0])}"
            )
        if not adopt(module, weights):
            module = build_seeded(self._build, 0).to(dtype)
            module.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
        return module.eval()

    def _snapshot(self) -> dict[str, Any]:
        """Where a later fit can go on from."""
        return {
            "weights": weights_of(self.module_),
            "optimizer_state": self.__dict__.get("_optimizer_state"),
            "history": self.history_,
        }

    def _as_if_stopped(self, result: Result) -> dict[str, Any]:
        """What makes a copy of this estimator one whose fit ended with this epoch."""
        copy = type(self)(**self._fitted_params)
        copy.__dict__.update(self.__dict__)
        copy._take(result, keep_optimizer=False)
        copy._module = copy._rebuild(weights_of(result.module))
        copy.best_epoch_ = copy.n_iter_
        return {name: value for name, value in copy.__dict__.items() if self.__dict__.get(name) is not value}

    def _refuse_other_network(self) -> None:
        """Going on needs the network of the last fit."""
        now = self._plain_params()
        for name, before in self._fitted_params.items():
            if name in self._params_free_to_change or now[name] == before:
                continue
            raise ValueError(
                f"warm_start and partial_fit go on from the network of the last fit, but {name} was changed from {before!r} "
                f"to {now[name]!r}. Set it back, or start afresh: warm_start=False and fit, or clone the estimator."
            )

    def __getstate__(self) -> dict[str, Any]:
        state, module = super().__getstate__(), self.__dict__.get("_module")
        if module is not None:
            state["_weights"] = weights_of(module)
        return state


_FITTED_PRIVATE = (
    "_fitted_params",
    "_weights",
    "_kind",
    "_history",
    "_optimizer_state",
    "_n_channels",
    "_n_tokens",
    "_longest",
    "_partial_seed",
    "_partial_calls",
    "_target_scale",
    "_output_shape",
    "_label_text",
    "_label_weights",
    "_step_weight",
    *_TRANSIENT,
)
