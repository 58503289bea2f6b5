"""What a check is: a function, whom it concerns, and on which kinds of data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["CHECKS", "Check", "check"]


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes
    ----------
    name : str
        As in messages.
    function : callable
        ``function(estimator, kind)``; raises when the estimator does not keep the promise.
    tasks : tuple of str
        Whom it concerns.
    kinds : tuple of str
        On which data.
    """

    name: str
    function: Callable[[Any, Any], None]
    tasks: tuple[str, ...]
    kinds: tuple[str, ...]


CHECKS: list[Check] = []

PREDICT = ("classify", "regress")
ALL = (*PREDICT, "transform", "forecast", "detect")


def check(*kinds: str, tasks: tuple[str, ...] = PREDICT) -> Callable[[Any], Any]:
    """Register a check for these kinds of data."""

    def register(function: Any) -> Any:
        CHECKS.append(Check(function.__name__, function, tasks, kinds))
        return function

    return register
