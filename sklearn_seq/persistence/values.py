"""Plain values as JSON, arrays as safetensors; a value comes back with the type it had.

Numbers, strings, booleans, None and lists are themselves. Anything else is an object with one entry that says what it
is, such as ``{"tuple": [...]}``, ``{"dict": [[key, value], ...]}`` or ``{"array": name}``.
"""

import math
import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["DEEPEST", "Decoder", "Encoder", "named"]

DEEPEST = 100
_PAIR = re.compile(
    "(?<=[\ud800-\udbff])(?=[\udc00-\udfff])"
)  # two halves side by side, which JSON reads as one character
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
# what safetensors holds as it is; other fixed-size types go in as bytes, their type beside them
_NATIVE = {
    np.dtype(code).str for code in ("?", "i1", "u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8")
}
_PLAIN_DTYPE = re.compile(
    r"[<>|=](b1|i[1248]|u[1248]|f(2|4|8|12|16)|c(8|16|24|32)|[SU][1-9]\d{0,8}|[mM]8(\[\d*[A-Za-z]+\])?)"
)


def named(thing: Any) -> str:
    """How a message calls an object: what it is, and from where."""
    if isinstance(thing, type):
        return f"the class {thing.__module__}.{thing.__qualname__}"
    if callable(thing) and hasattr(thing, "__qualname__"):
        return f"the function {thing.__module__}.{thing.__qualname__}"
    cls = type(thing)
    return f"an object of type {'' if cls.__module__ == 'builtins' else cls.__module__ + '.'}{cls.__qualname__}"


class Encoder:
    """Turns values into JSON and gathers their arrays.

    Parameters
    ----------
    refer : callable
        ``refer(thing, place)`` gives the JSON of what is no plain value, or raises.
    """

    def __init__(self, refer: Callable[[Any, str], Any]) -> None:
        self.refer = refer
        self.arrays: dict[str, np.ndarray] = {}
        self._names: dict[int, tuple[str, Any]] = {}

    def encode(self, value: Any, place: str, depth: int = 0) -> Any:
        """JSON of ``value``; ``place`` is where it stands, such as ``LSTMClassifier.callbacks[0]``."""
        if depth > DEEPEST:
            raise ValueError(
                f"{place[:200]} is nested more than {DEEPEST} deep, or holds itself; such values are not saved"
            )
        kind = type(value)
        if value is None or kind in (bool, int):
            return value
        if kind is str:
            parts = _PAIR.split(value)
            return value if len(parts) == 1 else {"joined": parts}
        if kind is float:
            return value if math.isfinite(value) else {"float": str(value)}
        if kind in (list, tuple):
            items = [self.encode(item, f"{place}[{i}]", depth + 1) for i, item in enumerate(value)]
            return items if kind is list else {"tuple": items}
        if kind in (set, frozenset):
            items = [self.encode(item, f"{place}{{}}", depth + 1) for item in value]
            return {kind.__name__: sorted(items, key=repr)}
        if kind is dict:
            pairs = [
                [self.encode(key, f"{place} (a key)", depth + 1), self.encode(item, f"{place}[{key!r}]", depth + 1)]
                for key, item in value.items()
            ]
            return {"dict": pairs}
        if kind in (slice, range):
            return {
                kind.__name__: [self.encode(part, place, depth + 1) for part in (value.start, value.stop, value.step)]
            }
        if kind is np.str_:
            return {"str_": self.encode(str(value), place, depth + 1)}
        if isinstance(value, np.generic) and _is_plain(value.dtype):
            return {"scalar": [value.dtype.str, value.tobytes().hex()]}
        if isinstance(value, np.dtype) and _is_plain(value):
            return {"dtype": value.str}
        if kind in (np.ndarray, np.memmap):
            return self._array(value, place, depth)
        return self.refer(value, place)

    def _array(self, array: np.ndarray, place: str, depth: int) -> Any:
        if array.dtype.kind == "O":
            cells = [self.encode(cell, f"{place}[{i}]", depth + 1) for i, cell in enumerate(array.ravel().tolist())]
            return {"objects": [list(array.shape), cells]}
        if not _is_plain(array.dtype):
            raise ValueError(
                f"{place} is an array of dtype {array.dtype}, which cannot be saved; wanted numbers or strings"
            )
        # columns that lie side by side stay so: products of matrices have other last bits in another order
        turned = array.flags.f_contiguous and not array.flags.c_contiguous
        laid = array.T if turned else array
        if id(array) not in self._names:
            name, n = place, 1
            while name in self.arrays:
                name, n = f"{place}#{n + 1}", n + 1
            native = array.dtype.str in _NATIVE
            flat = np.ascontiguousarray(laid).reshape(laid.shape)
            self.arrays[name] = flat if native else np.frombuffer(flat.tobytes(), np.uint8)
            self._names[id(array)] = name, array  # kept, so that no other array gets this id
        name = self._names[id(array)][0]
        native = array.dtype.str in _NATIVE
        node: dict[str, Any] = {"array": name} if native else {"bytes": [name, array.dtype.str, list(laid.shape)]}
        return {"transposed": node} if turned else node


class Decoder:
    """Turns JSON of an `Encoder` back into values; whatever it does not know, it refuses.

    Parameters
    ----------
    arrays : dict of str to ndarray
        From safetensors.
    """

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.arrays, self.used_arrays = arrays, set[str]()
        self._turned: dict[int, np.ndarray] = {}  # each keeps what it is a view of, so that no other array gets this id
        # what {"object": i} and {"foreign": i} stand for; empty until it is there
        self.tables: dict[str, list[Any]] = {"object": [], "foreign": []}
        self.used: dict[str, set[int]] = {"object": set(), "foreign": set()}

    def decode(self, node: Any, place: str, depth: int = 0) -> Any:
        """The value; ``place`` is for messages."""
        if depth > 2 * DEEPEST:
            raise ValueError(f"{place[:200]} is nested too deep")
        if node is None or isinstance(node, bool | int | float | str):
            return node
        if isinstance(node, list):
            return [self.decode(item, f"{place}[{i}]", depth + 1) for i, item in enumerate(node)]
        if len(node) == 1:
            ((tag, content),) = node.items()
            make = getattr(self, f"_as_{tag}", None)
            if make is not None:
                try:
                    return make(content, place, depth + 1)
                except (TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
                    raise ValueError(f"{place} is {_short(node)}, which is malformed ({error})") from error
        raise ValueError(f"{place} is {_short(node)}, which is not understood")

    def _items(self, content: Any, place: str, depth: int) -> list[Any]:
        if not isinstance(content, list):
            raise TypeError("wanted a list")
        return self.decode(content, place, depth)

    def _as_float(self, content: Any, place: str, depth: int) -> float:
        return _FLOATS[content]

    def _as_tuple(self, content: Any, place: str, depth: int) -> tuple:
        return tuple(self._items(content, place, depth))

    def _as_set(self, content: Any, place: str, depth: int) -> set:
        return set(self._items(content, place, depth))

    def _as_frozenset(self, content: Any, place: str, depth: int) -> frozenset:
        return frozenset(self._items(content, place, depth))

    def _as_dict(self, content: Any, place: str, depth: int) -> dict:
        pairs = self._items(content, place, depth)
        found = {key: value for key, value in (_length(pair, 2) for pair in pairs)}
        if len(found) < len(pairs):
            raise TypeError("a key comes twice")
        return found

    def _as_slice(self, content: Any, place: str, depth: int) -> slice:
        return slice(*_length(self._items(content, place, depth), 3))

    def _as_range(self, content: Any, place: str, depth: int) -> range:
        return range(*_length(self._items(content, place, depth), 3))

    def _as_str_(self, content: Any, place: str, depth: int) -> np.str_:
        return np.str_(_string(self.decode(content, place, depth)))

    def _as_joined(self, content: Any, place: str, depth: int) -> str:
        return "".join(_string(part) for part in self._items(content, place, depth))

    def _as_dtype(self, content: Any, place: str, depth: int) -> np.dtype:
        return _dtype(content)

    def _as_scalar(self, content: Any, place: str, depth: int) -> np.generic:
        dtype, digits = _length(content, 2)
        return _from_bytes(bytes.fromhex(digits), _dtype(dtype), (1,))[0]

    def _as_array(self, content: Any, place: str, depth: int) -> np.ndarray:
        array = self.arrays[_string(content)]
        self.used_arrays.add(content)
        return array

    def _as_bytes(self, content: Any, place: str, depth: int) -> np.ndarray:
        name, dtype, shape = _length(content, 3)
        raw = self._as_array(name, place, depth)
        return _from_bytes(raw.tobytes(), _dtype(dtype), _shape(shape))

    def _as_transposed(self, content: Any, place: str, depth: int) -> np.ndarray:
        array = self.decode(content, place, depth)
        if not isinstance(array, np.ndarray):
            raise TypeError("wanted an array")
        return self._turned.setdefault(id(array), array.T)

    def _as_objects(self, content: Any, place: str, depth: int) -> np.ndarray:
        shape, cells = _length(content, 2)
        cells = self._items(cells, place, depth)
        array = np.empty(len(cells), dtype=object)
        for i, cell in enumerate(cells):
            array[i] = cell
        return _reshape(array, _shape(shape))

    def _as_object(self, content: Any, place: str, depth: int) -> Any:
        return self._look_up("object", content)

    def _as_foreign(self, content: Any, place: str, depth: int) -> Any:
        return self._look_up("foreign", content)

    def _look_up(self, table: str, index: Any) -> Any:
        if type(index) is not int or not 0 <= index < len(self.tables[table]):
            raise TypeError(f"there is no {table} {index!r} here")
        self.used[table].add(index)
        return self.tables[table][index]


def _is_plain(dtype: np.dtype) -> bool:
    return dtype.fields is None and bool(_PLAIN_DTYPE.fullmatch(dtype.str))


def _dtype(text: Any) -> np.dtype:
    if not _PLAIN_DTYPE.fullmatch(_string(text)):
        raise TypeError(f"{text!r} is no dtype of numbers")
    return np.dtype(text)


def _from_bytes(data: bytes, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    if len(data) != dtype.itemsize * math.prod(shape):
        raise TypeError(f"{len(data)} bytes for {math.prod(shape)} numbers of dtype {dtype}")
    if dtype.kind == "b" and set(data) - {0, 1}:
        raise TypeError("a boolean is neither 0 nor 1")
    if dtype.kind == "U" and np.frombuffer(data, dtype.str[0] + "u4").max(initial=0) > sys.maxunicode:
        raise TypeError("a string holds what is no character")
    return np.frombuffer(bytearray(data), dtype).reshape(shape)


def _shape(shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, list) or len(shape) > 32 or not all(type(n) is int and 0 <= n < 2**48 for n in shape):
        raise TypeError(f"{_short(shape)} is no shape")
    return tuple(shape)


def _reshape(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if math.prod(shape) != array.size:
        raise TypeError(f"{array.size} cells for an array of shape {shape}")
    return array.reshape(shape)


def _length(items: Any, n: int) -> Any:
    if not isinstance(items, list) or len(items) != n:
        raise TypeError(f"wanted a list of {n}")
    return items


def _string(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError("wanted a string")
    return text


def _short(node: Any) -> str:
    text = repr(node)
    return text if len(text) < 80 else text[:77] + "..."
