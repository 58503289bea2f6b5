"""Values that scikit-learn's constraints do not check: options of ``predict`` and ``generate``, numbers in lists."""

import math
from numbers import Integral, Real
from typing import Any

import numpy as np

__all__ = ["is_number", "is_whole", "read_wholes"]


def is_whole(value: Any, least: int) -> bool:
    """Whether something is a whole number, ``least`` or more; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_) and int(value) >= least


def is_number(value: Any, least: float) -> bool:
    """Whether something is a finite number, ``least`` or more; True and False are none."""
    if not isinstance(value, Real) or isinstance(value, bool | np.bool_):
        return False
    try:
        return math.isfinite(value) and float(value) >= least
    except OverflowError:  # a whole number that no float holds
        return False


def read_wholes(name: str, given: Any, example: str) -> list[int]:
    """What a parameter says that holds a number for each layer.

    Parameters
    ----------
    name : str
        Of the parameter.
    given : list or tuple of int
    example : str
        What it might be.

    Returns
    -------
    list of int
    """
    if not len(given) or not all(is_whole(one, 1) for one in given):
        raise ValueError(f"{name}={given!r}; wanted one whole number, 1 or more, for each layer, such as {example}")
    return [int(one) for one in given]
