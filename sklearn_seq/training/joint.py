"""``joint_training()``: the fits that scikit-learn's own tools start, trained as one.

A joblib backend whose tasks run one after another, each in a thread of its own, until they come to train; there they stop.
When no task is left to start, or enough fits are waiting, the waiting plans are trained together, and the tasks go on, again
one after another. So nothing is ever concurrent but the training itself, which fits meet is a matter of order alone, and no
task can wait for another.
"""

from __future__ import annotations

import contextvars
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from joblib import parallel_config
from joblib._parallel_backends import ParallelBackendBase, SequentialBackend

from sklearn_seq.params import public
from sklearn_seq.training.plan import Plan
from sklearn_seq.training.run import here, run_each

__all__ = ["joint_training"]

# What waiting fits may hold, beside `max_fits`.
_MOST_BYTES = 1 << 30


@public
@contextmanager
def joint_training(n_jobs: int | None = None, *, max_fits: int = 48) -> Iterator[None]:
    """Train fits together that scikit-learn would run one after another.

    Inside the block, the fits that `GridSearchCV`, `RandomizedSearchCV`, `cross_validate`, `learning_curve`,
    `BaggingClassifier` and all else that works through joblib start are gathered. Networks of the same shape, such as folds
    and candidates that differ in ``lr``, ``weight_decay`` or ``dropout``, are then trained in one graph; for small recurrent
    networks that is several times faster. Others are trained one after another. ``n_jobs`` of the tools has no effect here.

    A network that is trained with others comes to the same weights as alone up to rounding, and to the bit where its
    products are ours (GRU and RNN, a multiple of 16 units, sequences of equal length) and all folds have as many rows.

    Parameters
    ----------
    n_jobs : int, optional
        Processes that share the gathered fits; None is one, -1 is one a core.
    max_fits : int
        How many fits are gathered at most. Each holds its part of the data.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_seq import GRUClassifier, joint_training
    >>> X = np.random.default_rng(0).normal(size=(60, 12)).cumsum(axis=1)
    >>> y = X[:, -1] > 0
    >>> model = GRUClassifier(hidden_size=16, max_epochs=5, random_state=0)
    >>> search = GridSearchCV(model, {"lr": [1e-4, 1e-3, 1e-2]}, cv=3)
    >>> with joint_training():
    ...     search.fit(X, y)  # doctest: +ELLIPSIS
    GridSearchCV(...)
    >>> search.best_params_
    {'lr': 0.01}
    """
    if max_fits < 1:
        raise ValueError(f"max_fits={max_fits}; wanted at least 1")
    backend = _Gathering(n_jobs, max_fits)
    with parallel_config(backend=backend, n_jobs=max_fits):
        try:
            yield
        finally:
            backend.cancel()


class _Cancelled(BaseException):
    """Ends a task that nobody waits for any more."""


# What `warnings.catch_warnings` changes and puts back: tasks do so in turns, so that each needs its own.
_WARNINGS = ("filters", "showwarning", "_showwarnmsg_impl")


class _Task:
    """A task of joblib, which stops where it comes to train."""

    def __init__(self, function: Callable[[], Any], callback: Any) -> None:
        self.function, self.callback = function, callback
        self.plans: Sequence[Plan] | None = None  # what it waits with
        self.found: list[Any] = []  # what the plans came to
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = self.cancelled = False
        self._thread: threading.Thread | None = None
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)

    def advance(self) -> None:
        """Let it run until it waits or is done."""
        with warnings.catch_warnings():
            try:
                if self._thread is None:
                    run = contextvars.copy_context().run
                    self._thread = threading.Thread(target=run, args=(self._work,), name="joint_training", daemon=True)
                    self._thread.start()
                else:
                    self._go.release()
                self._stopped.acquire()
            except BaseException:  # Ctrl-C while it runs: it ends where it would wait
                self.cancelled = True
                self._go.release()
                raise

    def cancel(self) -> None:
        """End it where it waits."""
        waits = self._thread is not None and not self.done and not self.cancelled
        self.cancelled = True
        if waits:
            self.advance()

    def _work(self) -> None:
        here.meet = self._meet
        try:
            self.result = self.function()
        except BaseException as error:
            self.error = error
        self.done, self.plans = True, None
        self._stopped.release()

    def _meet(self, plans: Sequence[Plan]) -> list[Any]:
        """Called where the task comes to train: what its plans came to."""
        if not self.cancelled:
            own = {name: getattr(warnings, name) for name in _WARNINGS if hasattr(warnings, name)}
            self.plans = plans
            self._stopped.release()
            self._go.acquire()
            self.plans = None
            vars(warnings).update(own)
        if self.cancelled:
            raise _Cancelled
        return self.found

    @property
    def n_bytes(self) -> int:
        """About what it holds while it waits: its rows as given, and in order."""
        return sum(2 * plan.train.data.values.nbytes for plan in self.plans or ())


class _Gathering(ParallelBackendBase):
    """The backend. The thread that waits for a result does the work."""

    supports_sharedmem = True
    uses_threads = True
    gathers_fits = True  # so `run` does not take it for processes

    def __init__(self, n_processes: int | None = None, max_fits: int = 48, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n_processes, self.max_fits = n_processes, max_fits
        self.queue: deque[_Task] = deque()
        self.waiting: list[_Task] = []

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """How many tasks joblib hands over at once; at least 2, or it would keep them."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        return max(2, self.max_fits)

    def get_nested_backend(self) -> tuple[Any, None]:
        """A task's own parallel calls run in its thread; their fits wait one after another."""
        return SequentialBackend(nesting_level=(self.nesting_level or 0) + 1), None

    def submit(self, func: Callable[[], Any], callback: Any = None) -> _Task:
        """Take a task; it starts when a result is waited for."""
        task = _Task(func, callback)
        self.queue.append(task)
        return task

    apply_async = submit  # its name before joblib 1.4

    def retrieve_result(self, out: _Task, timeout: float | None = None) -> Any:
        """Work until a task is done."""
        while not out.done:
            if not self.queue and not self.waiting:
                raise RuntimeError("a task was cancelled by another call of joblib inside joint_training()")
            held = sum(task.n_bytes for task in self.waiting)
            if self.queue and len(self.waiting) < self.max_fits and held < _MOST_BYTES:
                self._advance(self.queue.popleft())
            else:
                self._train()
        if out.error is not None:
            raise out.error
        return out.result

    def _advance(self, task: _Task) -> None:
        task.advance()
        if not task.done:
            self.waiting.append(task)
        elif task.callback is not None:
            task.callback(task)  # joblib hands over the next ones

    def _train(self) -> None:
        """Train what waits, and let the tasks go on."""
        tasks, self.waiting = self.waiting, []
        plans = [plan for task in tasks for plan in task.plans or ()]
        try:
            try:
                with parallel_config("loky", n_jobs=self.n_processes):
                    found: list[Any] = run_each(plans, self.n_processes)
            except Exception as error:  # of the processes, and so of every fit
                found = [error] * len(plans)
            for task in tasks:
                n = len(task.plans or ())
                task.found, found = found[:n], found[n:]
                self._advance(task)
        except BaseException:
            for task in tasks:
                task.cancel()
            raise

    def cancel(self) -> None:
        """End all that is not done."""
        self.queue.clear()
        tasks, self.waiting = self.waiting, []
        for task in tasks:
            task.cancel()

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """After an error in a task."""
        self.cancel()
