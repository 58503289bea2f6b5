"""One thread for the linear algebra of numpy and scipy: with another number, sums have other bits."""

import threading
from typing import Any

__all__ = ["one_blas_thread"]

_lock = threading.Lock()
_running = 0
_libraries: Any = None
_limit: Any = None


class one_blas_thread:
    """Hold BLAS at one thread.

    The count belongs to the process, so the first that comes in sets it and the last that leaves puts it back.
    """

    def __enter__(self) -> None:
        global _running, _libraries, _limit
        with _lock:
            if not _running:
                if _libraries is None:  # found once: it takes milliseconds
                    from threadpoolctl import ThreadpoolController

                    _libraries = ThreadpoolController().select(user_api="blas")
                _limit = _libraries.limit(limits=1)
            _running += 1

    def __exit__(self, *error: object) -> None:
        global _running, _limit
        with _lock:
            _running -= 1
            if not _running:
                _limit.restore_original_limits()
                _limit = None
