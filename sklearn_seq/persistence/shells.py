"""Estimators of scikit-learn and of others, through skops, with our own objects cut out and put back.

skops trusts scikit-learn's estimators and plain data. What it is told to trust beyond that, it may *call*, with
arguments that the file gives, so `known_types` names only what does nothing but hold its arguments or compute with
them. Left out on purpose are trees (their indices are not checked, and a wrong one crashes the process), nearest
neighbour trees, and distributions of scipy (see ``objects``): a user who trusts a file names them in ``trusted``.
"""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
import io
import json
import math
import re
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from sklearn_seq.persistence.archive import Refusal, pack, parse_json, unpack
from sklearn_seq.persistence.objects import advice

__all__ = ["MissingSkops", "dump_shells", "load_shells", "walk"]

# the loaders of skops that are let in; not those of random states, whose content numpy does not check, nor those of
# bound methods and operators, which look up any attribute and were let through unseen by skops before 0.12
_LOADERS = frozenset(
    "DictNode DefaultDictNode ListNode SetNode TupleNode BytesNode BytearrayNode SliceNode FunctionNode "
    "PartialNode TypeNode ConstructorFromReduceNode ObjectNode JsonNode NdArrayNode MaskedArrayNode "
    "DTypeNode SparseMatrixNode TreeNode LossNode".split()
)
_OLDEST_PROTOCOL = 2
# whose content is believed when it is used; skops says so too, in newer versions
_NEVER_BY_DEFAULT = frozenset(
    ("sklearn.tree._tree.Tree", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor")
)
# packages that skops may import to look at names; others only when a name of theirs is trusted
_ROOTS = frozenset(("builtins", "collections", "functools", "numpy", "scipy", "sklearn", "sklearn_seq"))
_WITHOUT_IDENTITY = ("JsonNode", "TypeNode", "FunctionNode", "TupleNode", "SliceNode", "SetNode")
_ATOMS = (type(None), bool, int, float, complex, str, bytes, np.generic, np.dtype, slice, range, type(Ellipsis))
_FUNCTIONS = (type, types.FunctionType, types.BuiltinFunctionType, np.ufunc, type(np.where))

_slots: ContextVar[list[Any] | None] = ContextVar("_slots", default=None)
_filled: ContextVar[set[int] | None] = ContextVar("_filled", default=None)


class _Slot(list):
    """Stands for one of our objects inside skops; making one while a file is read gives that object.

    It is a list that holds the object's number, since skops makes lists of a trusted type by calling that type.
    """

    def __new__(cls, numbers: Any) -> Any:
        table, filled = _slots.get(), _filled.get()
        if table is None or filled is None:
            raise ValueError("this is a part of a file of sklearn_seq.save, and has no meaning outside it")
        index = numbers[0] if isinstance(numbers, list) and len(numbers) == 1 else None
        if type(index) is not int or not 0 <= index < len(table):
            raise ValueError(f"there is no object {str(numbers)[:20]} here")
        filled.add(index)
        return table[index]

    @classmethod
    def standing_for(cls, index: int) -> _Slot:
        slot = list.__new__(cls)
        slot.append(index)
        return slot


_SLOT = f"{_Slot.__module__}.{_Slot.__qualname__}"


@contextmanager
def _with_slots(table: list[Any]) -> Iterator[set[int]]:
    filled: set[int] = set()
    first, second = _slots.set(table), _filled.set(filled)
    try:
        yield filled
    finally:
        _slots.reset(first)
        _filled.reset(second)


class MissingSkops(ImportError):
    """The extra is not installed."""


def _skops() -> Any:
    try:
        import skops.io
    except ImportError as error:
        raise MissingSkops(
            "estimators of scikit-learn are saved and loaded through skops, which is not installed. "
            "Run: pip install sklearn-seq[skops]"
        ) from error
    return skops.io


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
    skops = _skops()
    memo: dict[int, Any] = {id(thing): _Slot.standing_for(i) for i, thing in enumerate(ours)}
    try:
        data = _canonical(skops.dumps(copy.deepcopy(shells, memo)))
        needed = skops.get_untrusted_types(data=data)
        with _with_slots(ours):
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
    skops = _skops()
    present = _check_part(data)
    names = [item if isinstance(item, str) else f"{item.__module__}.{item.__qualname__}" for item in trusted]
    allowed = {name for name in names if not name.startswith("sklearn_seq.")} | known_types()
    unknown = sorted({name for name in present - allowed if name.partition(".")[0] not in _ROOTS})
    unknown = unknown or sorted(
        (set(skops.get_untrusted_types(data=data)) | present & _NEVER_BY_DEFAULT) - allowed - {_SLOT}
    )
    if unknown:
        raise Refusal(
            f"it holds {', '.join(unknown)}, which neither skops nor sklearn_seq trust. If you know who made the file, and "
            f"these names are what you expect in it, call load(path, trusted={unknown})"
        )
    with _with_slots(ours) as filled:
        shells = _read(data, allowed)
    used |= filled
    return shells


def _read(data: bytes, trusted: Iterable[str]) -> list[Any]:
    _check_part(data)
    shells = _skops().loads(data, trusted=sorted({*trusted, _SLOT}))
    if type(shells) is not list:
        raise ValueError("the part of skops is no list")
    return shells


def _check_part(data: bytes) -> set[str]:
    """What skops leaves to those who call it: sizes, old loaders, and our own names; gives all names in it."""
    entries = unpack(data, "the part of skops")
    schema = parse_json(entries.pop("schema.json", b""), "schema.json")
    protocol = schema.get("protocol") if isinstance(schema, dict) else None
    if type(protocol) is not int or not _OLDEST_PROTOCOL <= protocol <= _newest_protocol():
        raise ValueError("the part of skops has no protocol that is read here")
    for name, content in entries.items():
        if not re.fullmatch(r"\d{1,9}\.(npy|npz|bin)", name):
            raise ValueError(f"the part of skops holds the entry {name[:80]!r}")
        if name.endswith(".npy"):
            _check_npy(name, content)
        elif name.endswith(".npz"):
            for inner, array in unpack(content, name).items():
                _check_npy(f"{name}/{inner}", array)
            _check_sparse(name, content)
    names, stack = set(), [schema]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if "__loader__" in node:
                names.add(f"{node.get('__module__')}.{node.get('__class__')}")
                if node["__loader__"] not in _LOADERS:
                    raise ValueError(
                        f"the part of skops asks for {str(node['__loader__'])[:80]!r}, which is not read here"
                    )
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
    ours = sorted(name for name in names if name.startswith("sklearn_seq") and name != _SLOT)
    if ours:
        raise ValueError(f"the part of skops names {ours[0][:80]}, which has no place there")
    return names


@functools.cache
def _newest_protocol() -> int:
    return parse_json(unpack(_skops().dumps(None), "what skops wrote")["schema.json"], "what skops wrote")["protocol"]


def _check_npy(name: str, data: bytes) -> None:
    """An array's header must ask for the memory that follows it, no more."""
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"{name} is an array in a format that is not read here")
    shape, _, dtype = readers[version](file)
    if dtype.hasobject or any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != len(data) - file.tell():
        raise ValueError(f"{name} is an array whose header does not fit its content")


def _check_sparse(name: str, data: bytes) -> None:
    """Indices that point outside a matrix would be believed, and read memory that is not the matrix's."""
    from scipy.sparse import load_npz

    matrix = load_npz(io.BytesIO(data))
    if hasattr(matrix, "check_format"):
        matrix.check_format(full_check=True)


@functools.cache
def known_types() -> frozenset[str]:
    """Types and functions of scikit-learn that its own meta-estimators hold and skops does not know.

    All are found through scikit-learn's public names. Splitters, kernels, scorers and bunches keep what they are given;
    score functions compute with it.
    """
    import sklearn.feature_selection
    import sklearn.gaussian_process.kernels
    import sklearn.metrics
    import sklearn.model_selection
    from sklearn.base import BaseEstimator
    from sklearn.compose import make_column_selector
    from sklearn.utils import Bunch

    found: set[Any] = {Bunch, make_column_selector}
    for thing in vars(sklearn.model_selection).values():
        if isinstance(thing, type) and hasattr(thing, "get_n_splits") and not issubclass(thing, BaseEstimator):
            found.add(thing)
    for thing in vars(sklearn.metrics).values():
        if inspect.isfunction(thing) and next(iter(inspect.signature(thing).parameters), "") in (
            "y_true",
            "labels_true",
        ):
            found.add(thing)
    for thing in vars(sklearn.feature_selection).values():
        if inspect.isfunction(thing):
            found.add(thing)
    for thing in vars(sklearn.gaussian_process.kernels).values():
        if isinstance(thing, type) and issubclass(thing, sklearn.gaussian_process.kernels.Kernel):
            found.add(thing)
    private = {
        "sklearn.metrics._scorer": ("_Scorer", "_CurveScorer", "_PassthroughScorer", "_MultimetricScorer"),
        "sklearn.model_selection._split": ("_CVIterableWrapper",),
        "sklearn.calibration": ("_CalibratedClassifier", "_SigmoidCalibration", "_TemperatureScaling"),
        "sklearn.multiclass": ("_ConstantPredictor",),
        "sklearn.neural_network._stochastic_optimizers": ("AdamOptimizer", "SGDOptimizer"),
    }
    for module, names in private.items():
        found |= {getattr(importlib.import_module(module), name, None) for name in names}
    return frozenset(f"{thing.__module__}.{thing.__name__}" for thing in found if thing is not None)
