"""How many threads torch uses, held while a fit or a prediction runs and put back afterwards."""

import os
import threading

import torch

__all__ = ["auto_threads", "hold_threads"]

# Operations of a product, about a millisecond of one processor: below, what a second thread gains is little against what is lost
# beside a busy neighbour, where every operation with threads waits for the slower one. (Seen on two cores, one of them busy: products
# of 784 x 500 with 32 rows, 0.3 ms each on one thread, took 8 to 17 ms on two, and so did all small operations around them.)
_WORTH_A_THREAD = 1e8
_MOST = 8

_condition = threading.Condition()
_own = threading.local()
_running = 0
_held = 0


def auto_threads(module: torch.nn.Module, batch_size: int) -> int:
    """Threads for a module, by the size of its largest product; never by where it runs.

    Parameters
    ----------
    module : torch.nn.Module
    batch_size : int
        Rows a step.

    Returns
    -------
    int
    """
    largest = module.__dict__.get("_largest_product")
    if largest is None:  # found once a module
        tables = {id(layer.weight) for layer in module.modules() if isinstance(layer, torch.nn.Embedding)}  # looked up
        largest = max((p.numel() for p in module.parameters() if p.ndim > 1 and id(p) not in tables), default=0)
        module.__dict__["_largest_product"] = largest
    if 2 * largest * batch_size < _WORTH_A_THREAD:
        return 1
    return min(os.cpu_count() or 1, _MOST)


class hold_threads:
    """Hold torch at ``n`` threads.

    Part of the count belongs to the process and part to each thread, so setting and putting it back would race
    between threads: those that want the same count share it, others wait; inside a held stretch the count stays.

    Parameters
    ----------
    n : int
    """

    __slots__ = ("before", "n", "outermost")

    def __init__(self, n: int) -> None:
        self.n = n

    def __enter__(self) -> None:
        global _running, _held
        self.outermost = not getattr(_own, "inside", False)
        if not self.outermost:
            return
        with _condition:
            while _running and _held != self.n:
                _condition.wait()
            self.before = torch.get_num_threads()
            _running, _held = _running + 1, self.n
            torch.set_num_threads(self.n)  # even if torch says so already: other libraries set the count that it shares
        _own.inside = True

    def __exit__(self, *error: object) -> None:
        global _running
        if not self.outermost:
            return
        _own.inside = False
        with _condition:
            _running -= 1
            if not _running:
                if self.before != self.n:
                    torch.set_num_threads(self.before)
                _condition.notify_all()
            elif self.before != self.n:
                _put_back_this_thread(self.before)


def _put_back_this_thread(n: int) -> None:
    """Restore this thread's OpenMP count; the process's own must stay for the fits that still run."""
    from threadpoolctl import ThreadpoolController

    for library in ThreadpoolController().select(user_api="openmp").lib_controllers:
        if "torch" in library.filepath:
            library.set_num_threads(n)
