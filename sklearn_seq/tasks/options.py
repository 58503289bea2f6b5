"""Options of ``predict`` and ``generate``: what is given with a call, and so checked by no ``fit``."""

import math
from numbers import Integral, Real
from typing import Any

import numpy as np

__all__ = ["is_number", "is_whole"]


def is_whole(value: Any, least: int) -> bool:
    """Whether something is a whole number, ``least`` or more; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_) and int(value) >= least


def is_number(value: Any, least: float) -> bool:
    """Whether something is a finite number, ``least`` or more; True and False are none."""
    return (
        isinstance(value, Real)
        and not isinstance(value, bool | np.bool_)
        and math.isfinite(value)
        and float(value) >= least
    )
