"""Places for our objects inside the part of skops."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["SLOT", "Slot", "with_slots"]

_slots: ContextVar[list[Any] | None] = ContextVar("_slots", default=None)
_filled: ContextVar[set[int] | None] = ContextVar("_filled", default=None)


class Slot(list):
    """Stands for one of our objects inside skops; making one while a file is read gives that object.

    It is a list that holds the object's number, since skops makes lists of a trusted type by calling that type.
    """

    def __new__(cls, numbers: Any) -> Any:
        """The object of the number in ``numbers``."""
        table, filled = _slots.get(), _filled.get()
        if table is None or filled is None:
            raise ValueError("this is a part of a file of sklearn_seq.save, and has no meaning outside it")
        index = numbers[0] if isinstance(numbers, list) and len(numbers) == 1 else None
        if type(index) is not int or not 0 <= index < len(table):
            raise ValueError(f"there is no object {str(numbers)[:20]} here")
        filled.add(index)
        return table[index]

    @classmethod
    def standing_for(cls, index: int) -> Slot:
        """The slot of an object, for writing."""
        slot = list.__new__(cls)
        slot.append(index)
        return slot


SLOT = f"{Slot.__module__}.{Slot.__qualname__}"


@contextmanager
def with_slots(table: list[Any]) -> Iterator[set[int]]:
    """Let slots stand for the objects of ``table``; gives the set of the numbers that were asked for."""
    filled: set[int] = set()
    first, second = _slots.set(table), _filled.set(filled)
    try:
        yield filled
    finally:
        _slots.reset(first)
        _filled.reset(second)
