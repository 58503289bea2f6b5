"""Estimators of scikit-learn and of others, through skops, with our own objects cut out and put back."""

from __future__ import annotations

import copy
import functools
import importlib
import io
import json
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from sklearn_seq.persistence.archive import Refusal, pack, parse_json, unpack
from sklearn_seq.persistence.objects import advice
from sklearn_seq.persistence.slots import SLOT, Slot, with_slots
from sklearn_seq.persistence.trust import NEVER_BY_DEFAULT, ROOTS, check_part, known_types, skops_io

__all__ = ["dump_shells", "load_shells", "walk"]

_WITHOUT_IDENTITY = ("JsonNode", "TypeNode", "FunctionNode", "TupleNode", "SliceNode", "SetNode")
_ATOMS = (type(None), bool, int, float, complex, str, bytes, np.generic, np.dtype, slice, range, type(Ellipsis))
_FUNCTIONS = (type, types.FunctionType, types.BuiltinFunctionType, np.ufunc, type(np.where))

# -- looking through objects of others --------------------------------------------------------------------------------


def walk(root: Any, place: str, is_ours: Callable[[Any], bool]) -> Iterator[tuple[Any, str]]:
    """Our objects inside an object of others, each once, with their places; refuses what no file can hold.

    Looks where ``copy.deepcopy`` and pickle look.
    """
    stack, seen = [(root, place)], dict[int, Any]()
    while stack:
        thing, place = stack.pop()
        if isinstance(thing, _ATOMS) or id(thing) in seen:
            continue
        seen[id(thing)] = thing  # kept, so that no other object gets this id
        if is_ours(thing):
            yield thing, place
        else:
            stack.extend(reversed(list(_parts(thing, place))))


def _parts(thing: Any, place: str) -> Iterable[tuple[Any, str]]:
    if isinstance(thing, np.ndarray):
        return _cells(thing.ravel().tolist(), place) if thing.dtype.kind == "O" else ()
    if isinstance(thing, dict):
        return [(item, f"{place}[{key!r}]") for key, item in thing.items()]
    if isinstance(thing, list | tuple | set | frozenset):
        return _cells(thing, place)
    if isinstance(thing, types.MethodType):
        return [(thing.__self__, f"{place}.__self__")]
    if isinstance(thing, functools.partial):
        return [(thing.func, f"{place}.func"), (thing.args, f"{place}.args"), (thing.keywords, f"{place}.keywords")]
    if isinstance(thing, _FUNCTIONS):
        if not _can_be_found(thing) or (getattr(thing, "__module__", None) or "").startswith("sklearn_seq"):
            raise advice(thing, place)
        return ()
    module = type(thing).__module__.partition(".")[0]
    if module in ("torch", "skorch", "sklearn_seq") or isinstance(thing, np.random.Generator | np.random.BitGenerator):
        raise advice(thing, place)
    try:
        reduced = thing.__reduce_ex__(4)
    except Exception as error:
        raise advice(thing, place) from error
    if isinstance(reduced, str) or not _can_be_found(type(thing)):
        raise advice(thing, place)
    _, args, state, items, pairs = (*reduced, None, None, None)[:5]
    parts = _cells(args, place)
    for part in state if isinstance(state, tuple) else (state,):
        parts += (
            [(value, f"{place}.{key}") for key, value in part.items()] if isinstance(part, dict) else [(part, place)]
        )
    parts += _cells(items or (), place)
    parts += [(value, f"{place}[{key!r}]") for key, value in pairs or ()]
    return parts


def _cells(items: Iterable[Any], place: str) -> list[tuple[Any, str]]:
    return [(item, f"{place}[{i}]") for i, item in enumerate(items)]


def _can_be_found(thing: Any) -> bool:
    """Whether a class or function is what its name leads to, so that another process finds it too."""
    name, module = getattr(thing, "__name__", ""), getattr(thing, "__module__", None)
    if module is None:  # functions written in C are looked for by skops
        return True
    try:
        return getattr(importlib.import_module(module), name, None) is thing
    except ImportError:
        return False


# -- writing ----------------------------------------------------------------------------------------------------------


def dump_shells(shells: list[Any], ours: list[Any], places: list[str]) -> bytes:
    """One part of skops that holds all shells, with a slot for each of our objects.

    It is read back at once, so that nothing is written that cannot be loaded.
    """
    skops = skops_io()
    memo: dict[int, Any] = {id(thing): Slot.standing_for(i) for i, thing in enumerate(ours)}
    try:
        data = _canonical(skops.dumps(copy.deepcopy(shells, memo)))
        needed = skops.get_untrusted_types(data=data)
        with with_slots(ours):
            _read(data, needed)
    except Exception as error:
        raise ValueError(
            f"{' and '.join(places)} cannot be saved through skops ({type(error).__name__}: {error}). "
            "Leave out what it names, or use pickle or joblib, which keep any object."
        ) from error
    return data


def _canonical(data: bytes) -> bytes:
    """What skops made, without what differs from one time to the next: addresses in memory and random names."""
    entries = unpack(data, "what skops wrote")
    numbers: dict[int, int] = {}
    files: dict[str, bytes] = {}
    renamed: dict[str, str] = {}

    def visit(node: Any) -> None:
        if isinstance(node, list):
            for item in node:
                visit(item)
        elif isinstance(node, dict):
            if "__loader__" in node:
                if node["__loader__"] == "SetNode":
                    node["content"].sort(key=lambda item: str(item.get("content")))
                if node["__loader__"] in _WITHOUT_IDENTITY:
                    node.pop("__id__", None)
                if "__id__" in node:
                    node["__id__"] = numbers.setdefault(node["__id__"], len(numbers) + 1)
                if isinstance(node.get("file"), str):
                    old = node["file"]
                    if old not in renamed:
                        renamed[old] = f"{len(renamed)}{old[old.rindex('.') :]}"
                        content = entries[old]
                        files[renamed[old]] = _settled(old, content)
                    node["file"] = renamed[old]
            for item in node.values():
                visit(item)

    schema = parse_json(entries["schema.json"], "what skops wrote")
    visit(schema)
    return pack({"schema.json": _json(schema), **files})


def _json(node: Any) -> bytes:
    return json.dumps(node, separators=(",", ":")).encode()


def _settled(name: str, data: bytes) -> bytes:
    """The same arrays with nothing compressed, and zeros between the fields of records, where memory is left as it was."""
    if name.endswith(".npz"):
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return pack({f"{key}.npy": _npy(arrays[key]) for key in arrays.files})
    if name.endswith(".npy"):
        array = np.load(io.BytesIO(data), allow_pickle=False)
        if array.dtype.names:
            clean = np.zeros(array.shape, array.dtype)
            for field in array.dtype.names:
                clean[field] = array[field]
            return _npy(clean)
    return data


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


# -- reading ----------------------------------------------------------------------------------------------------------


def load_shells(data: bytes, ours: list[Any], trusted: Iterable[Any], used: set[int]) -> list[Any]:
    """The shells, with our objects in their slots."""
    skops = skops_io()
    present = check_part(data)
    names = [item if isinstance(item, str) else f"{item.__module__}.{item.__qualname__}" for item in trusted]
    allowed = {name for name in names if not name.startswith("sklearn_seq.")} | known_types()
    unknown = sorted({name for name in present - allowed if name.partition(".")[0] not in ROOTS})
    unknown = unknown or sorted(
        (set(skops.get_untrusted_types(data=data)) | present & NEVER_BY_DEFAULT) - allowed - {SLOT}
    )
    if unknown:
        raise Refusal(
            f"it holds {', '.join(unknown)}, which neither skops nor sklearn_seq trust. If you know who made the file, and "
            f"these names are what you expect in it, call load(path, trusted={unknown})"
        )
    with with_slots(ours) as filled:
        shells = _read(data, allowed)
    used |= filled
    return shells


def _read(data: bytes, trusted: Iterable[str]) -> list[Any]:
    check_part(data)
    shells = skops_io().loads(data, trusted=sorted({*trusted, SLOT}))
    if type(shells) is not list:
        raise ValueError("the part of skops is no list")
    return shells
