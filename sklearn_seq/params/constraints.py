"""Ranges of parameters, and how an annotation becomes scikit-learn's constraints."""

import collections.abc
import types
import typing
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Annotated, Any, Literal

import numpy as np
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions

__all__ = ["AtLeast", "Between", "Positional", "Positive", "RandomState", "constraints_of"]


@dataclass(frozen=True)
class Between:
    """A number between two bounds; ``None`` is no bound, ``closed`` as in scikit-learn's ``Interval``."""

    low: float | None
    high: float | None
    closed: str = "both"


def AtLeast(low: float) -> Between:
    """A number not below ``low``."""
    return Between(low, None, "left")


Positive = Between(0, None, "neither")


class _Positional:
    """Marks the one parameter that an estimator is about: it may be given without its name."""


Positional = _Positional()

RandomState = int | np.random.RandomState | None


def constraints_of(annotation: Any) -> list[Any]:
    """Scikit-learn's constraints for one annotated type.

    Parameters
    ----------
    annotation : type
        Such as ``Annotated[int | None, AtLeast(1), "doc"]``.

    Returns
    -------
    list
        What ``_parameter_constraints`` wants for this parameter.
    """
    markers: list[Between] = []
    if typing.get_origin(annotation) is Annotated:
        annotation, *metadata = typing.get_args(annotation)
        markers = [item for item in metadata if isinstance(item, Between)]
    if annotation == RandomState:
        return ["random_state"]
    members = _members(annotation)
    constraints: list[Any] = []
    for member in members:
        constraints.extend(_constraint(member, markers, also_int=int in members))
    return constraints


def _members(annotation: Any) -> list[Any]:
    """The alternatives of a union, in order."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [leaf for arg in typing.get_args(annotation) for leaf in _members(arg)]
    return [annotation]


def _constraint(member: Any, markers: list[Between], *, also_int: bool) -> list[Any]:
    if member is type(None):
        return [None]
    if member is bool:
        return ["boolean"]
    if member is int or member is float:
        # an int is a float to Python; where both stand, scikit-learn wants them apart
        kind = Integral if member is int else RealNotInt if also_int else Real
        bounds = markers or [Between(None, None, "neither")]
        return [Interval(kind, b.low, b.high, closed=b.closed) for b in bounds]
    if typing.get_origin(member) is Literal:
        return [StrOptions(set(typing.get_args(member)))]
    origin = typing.get_origin(member) or member
    if origin is collections.abc.Callable:
        return [callable]
    if origin is np.ndarray:
        return ["array-like"]
    if isinstance(origin, type) and origin is not Any:
        return [origin]
    raise TypeError(f"no constraint is known for the annotation {member!r}")


def plain(annotation: Any) -> Any:
    """The type without its markers, as signatures show it."""
    if typing.get_origin(annotation) is Annotated:
        return typing.get_args(annotation)[0]
    return annotation


def doc_of(annotation: Any) -> str:
    """The sentence of a parameter's line."""
    if typing.get_origin(annotation) is Annotated:
        for item in typing.get_args(annotation)[1:]:
            if isinstance(item, str):
                return item
    return ""


def type_text(annotation: Any, default: Any) -> str:
    """How numpydoc writes the type and the default of a parameter."""
    words = []
    bare = plain(annotation)
    for member in ["RandomState"] if bare == RandomState else _members(bare):
        if member == "RandomState":
            words.append("int, RandomState instance or None")
        elif member is type(None):
            words.append("None")
        elif typing.get_origin(member) is Literal:
            words.append("{" + ", ".join(f'"{choice}"' for choice in typing.get_args(member)) + "}")
        elif typing.get_origin(member) is collections.abc.Callable or member is collections.abc.Callable:
            words.append("callable")
        elif member is object:
            words.append("estimator")
        elif typing.get_origin(member):
            words.append(getattr(typing.get_origin(member), "__name__", str(member)))
        else:
            words.append("array" if member is np.ndarray else getattr(member, "__name__", str(member)))
    return f"{' or '.join(words)}, default={default!r}"
