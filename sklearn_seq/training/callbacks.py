"""Scikit-learn's callbacks, from 1.9 on, at every epoch; nothing where scikit-learn has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklearn_seq.training.plan import Result

__all__ = ["CallbackSupportMixin", "EpochTasks", "with_callbacks"]

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """No callbacks."""

    def with_callbacks(method: Any) -> Any:
        """No callbacks."""
        return method


class EpochTasks:
    """The task tree of one fit: the fit, and an epoch a leaf.

    Parameters
    ----------
    estimator : estimator
        Whose callbacks are called.
    X, y : object
        As given to ``fit``.
    n_epochs : int
        How many at most.
    """

    def __init__(self, estimator: Any, X: Any, y: Any, n_epochs: int) -> None:
        self.estimator, self.data = estimator, {"X": X, "y": y}
        # a search gives its fits those that listen to them, and a context always
        self.listened = bool(getattr(estimator, "_skl_callbacks", []))
        self.n_epochs = n_epochs

    def __enter__(self) -> EpochTasks:
        if self.listened:
            self.whole = self.estimator._init_callback_context(max_subtasks=self.n_epochs)
            self.whole.call_on_fit_task_begin(estimator=self.estimator, **self.data)
            self._open()
        return self

    def __exit__(self, kind: Any, *error: Any) -> None:
        if self.listened and kind is None:
            self.whole.call_on_fit_task_end(estimator=self.estimator, **self.data)

    def _open(self) -> None:
        self.epoch = self.whole.subcontext(task_name="epoch")
        self.epoch.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        self.n_epochs -= 1

    def wrap(self, reconstruct: Callable[[Result], dict[str, Any]]) -> Callable[[Result], bool] | None:
        """What a plan calls after each epoch; True asks to stop.

        Parameters
        ----------
        reconstruct : callable
            Attributes that make a copy of the estimator a fitted one.
        """
        if not self.listened:
            return None

        def on_epoch(result: Result) -> bool:
            stop = self.epoch.call_on_fit_task_end(
                estimator=self.estimator, **self.data, reconstruction_attributes=lambda: reconstruct(result)
            )
            if not stop and self.n_epochs:
                self._open()
            return bool(stop)

        return on_epoch
