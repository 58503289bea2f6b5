"""Save and load trees of estimators."""

from __future__ import annotations

import importlib.metadata
import json
import os
import warnings
from collections.abc import Iterable
from typing import Any

from safetensors import SafetensorError
from safetensors import numpy as safetensors
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning

from sklearn_seq._version import __version__
from sklearn_seq.params import public
from sklearn_seq.persistence.archive import (
    Refusal,
    check_digest,
    pack,
    parse_json,
    read_bytes,
    sign,
    unpack,
    write_bytes,
)
from sklearn_seq.persistence.objects import advice, check_estimator, describe, empty, fill, is_known, public_estimators
from sklearn_seq.persistence.shells import dump_shells, load_shells, walk
from sklearn_seq.persistence.trust import MissingSkops
from sklearn_seq.persistence.values import Decoder, Encoder

__all__ = ["load", "save", "skops_types"]

_FORMAT = 1
_TREE, _ARRAYS, _SHELLS = "estimator.json", "arrays.safetensors", "shells.skops"


@public
def save(estimator: Any, path: Any) -> None:
    """Write an estimator, fitted or not, to a file that is safe to open.

    Estimators of this package are kept as JSON and arrays. Those of scikit-learn around or inside them, such as a
    Pipeline or a GridSearchCV, go through skops into the same file. The same estimator gives the same bytes.

    Parameters
    ----------
    estimator : estimator
        One of this package or of scikit-learn, with all that it holds.
    path : str, path or binary file
        Where to. A file that stands there is replaced once the new one is complete.

    Raises
    ------
    TypeError
        When it is no estimator.
    ValueError
        When it holds what cannot be saved, with its name and its place; nothing is written then.
    ImportError
        When it holds an estimator of scikit-learn and skops is missing.

    See Also
    --------
    load : Reads it again.

    Notes
    -----
    The training data are not in the file. Callbacks and functions of your own cannot be saved; pickle and joblib keep
    them, and execute code when they load.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from sklearn_seq import LSTMClassifier, load, save
    >>> X = np.random.default_rng(0).normal(size=(40, 12)).cumsum(axis=1)
    >>> model = LSTMClassifier(max_epochs=2, random_state=0).fit(X, X[:, -1] > 0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.zip")
    ...     save(model, path)
    ...     again = load(path)
    >>> bool((again.predict_proba(X) == model.predict_proba(X)).all())
    True
    """
    if isinstance(estimator, type) or not _is_estimator(estimator):
        raise TypeError(
            f"save was given {estimator!r:.200}; wanted an estimator, an object with get_params such as LSTMClassifier()"
        )
    write_bytes(path, _write(estimator))


@public
def load(path: Any, trusted: Iterable[Any] = ()) -> Any:
    """Read an estimator that `save` wrote. Nothing in the file is executed.

    Parameters
    ----------
    path : str, path or binary file
        The file.
    trusted : list of str or type
        Types, such as ``"sklearn.tree._tree.Tree"``, that the file may hold beside those of this package and the
        harmless ones of scikit-learn. The refusal names what a file would need. Whoever made the file may have them
        called with any arguments, so name only what you expect from someone you know.

    Returns
    -------
    estimator
        As it was saved.

    Raises
    ------
    ValueError
        When the file was changed or is none of `save`, holds what is not trusted, or does not fit together.
    ImportError
        When it holds an estimator of scikit-learn and skops is missing.

    Warns
    -----
    InconsistentVersionWarning
        When another version of this package wrote it, or of scikit-learn its estimators.

    See Also
    --------
    save : Writes it.
    """
    names = [] if isinstance(trusted, str) or not isinstance(trusted, Iterable) else list(trusted)
    if not all(isinstance(item, str | type) for item in names) or (trusted and not names):
        raise TypeError(f"trusted={trusted!r}; wanted a list of names or types, such as ['sklearn.tree._tree.Tree']")
    data = read_bytes(path)
    try:
        estimator, version = _read(data, names)
    except (Warning, MissingSkops):
        raise
    except Exception as error:
        name = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else "the file"
        said = (str(error) or type(error).__name__).removesuffix(".")
        todo = "Get it again from where it was saved, or save the estimator anew."
        raise ValueError(
            f"{name} cannot be loaded: {said}.{'' if isinstance(error, Refusal) else ' ' + todo}"
        ) from error
    if version != __version__:
        warnings.warn(
            InconsistentVersionWarning(
                estimator_name=type(estimator).__name__,
                current_sklearn_version=__version__,
                original_sklearn_version=version,
            ),
            stacklevel=2,
        )
    return estimator


@public
def skops_types() -> list[str]:
    """Names of this package's types, for those who use skops by itself.

    Returns
    -------
    list of str
        What to give ``skops.io.load`` as ``trusted``, so that it reads estimators of this package.

    Examples
    --------
    >>> from sklearn_seq import skops_types
    >>> "sklearn_seq.LSTMClassifier" in skops_types()
    True
    """
    return [f"sklearn_seq.{name}" for name in sorted(["Sequences", *(cls.__name__ for cls in public_estimators())])]


def _is_estimator(thing: Any) -> bool:
    return isinstance(thing, BaseEstimator) or (is_known(thing) and hasattr(thing, "get_params"))


def _may_be_foreign(thing: Any) -> bool:
    """Whether skops is asked to hold something that stands inside one of our estimators."""
    return isinstance(thing, BaseEstimator) or type(thing).__module__.partition(".")[0] in ("sklearn", "scipy")


# -- writing ----------------------------------------------------------------------------------------------------------


class _Tree:
    """All objects of a tree, ours and those of others, each with a number."""

    def __init__(self, root: Any) -> None:
        self.ours: list[tuple[Any, str]] = []
        self.shells: list[tuple[Any, str]] = []
        self._numbers: dict[int, dict[str, int]] = {}
        self.encoder = Encoder(self.refer)
        self.root = self.refer(root, type(root).__name__)
        self.nodes: list[Any] = []
        while len(self.nodes) < len(self.ours):  # describing one may find more
            thing, place = self.ours[len(self.nodes)]
            self.nodes.append(describe(thing, self.encoder, place))

    def refer(self, thing: Any, place: str) -> dict[str, int]:
        """The number of an object, a new one when it has none."""
        if id(thing) in self._numbers:
            return self._numbers[id(thing)]
        if is_known(thing):
            reference, table = {"object": len(self.ours)}, self.ours
        elif _may_be_foreign(thing):
            reference, table = {"foreign": len(self.shells)}, self.shells
        else:
            raise advice(thing, place)
        self._numbers[id(thing)] = reference
        table.append((thing, place))
        if table is self.shells:
            for inner, where in walk(thing, place, is_known):
                self.refer(inner, where)
        return reference


def _write(estimator: Any) -> bytes:
    tree = _Tree(estimator)
    names = ("numpy", "safetensors", "scikit-learn", "scipy", "torch", *(["skops"] if tree.shells else []))
    header = {
        "format": _FORMAT,
        "versions": {"sklearn_seq": __version__} | {name: _version(name) for name in names},
        "objects": tree.nodes,
        "root": tree.root,
    }
    entries = {
        _TREE: json.dumps(header, sort_keys=True, allow_nan=False, separators=(",", ":")).encode(),
        _ARRAYS: safetensors.save(dict(sorted(tree.encoder.arrays.items()))),
    }
    if tree.shells:
        shells, places = zip(*tree.shells, strict=True)
        entries[_SHELLS] = dump_shells(list(shells), [thing for thing, _ in tree.ours], list(places))
    return sign(pack(entries))


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


# -- reading ----------------------------------------------------------------------------------------------------------


def _read(data: bytes, trusted: list[Any]) -> tuple[Any, str]:
    check_digest(data)
    entries = unpack(data, "the file")
    if list(entries) not in ([_TREE, _ARRAYS], [_TREE, _ARRAYS, _SHELLS]):
        raise ValueError(f"it holds the entries {list(entries)[:5]}; wanted {_TREE}, {_ARRAYS} and perhaps {_SHELLS}")
    header = parse_json(entries[_TREE], _TREE)
    version = _check_header(header)
    try:
        decoder = Decoder(safetensors.load(entries[_ARRAYS]))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{_ARRAYS} cannot be read ({error})") from error

    places = [f"object {i}" for i in range(len(header["objects"]))]
    decoder.tables["object"] = ours = []  # nothing to refer to yet
    made = [empty(node, decoder, place) for node, place in zip(header["objects"], places, strict=True)]
    ours.extend(made)
    if _SHELLS in entries:
        decoder.tables["foreign"] = load_shells(entries[_SHELLS], ours, trusted, decoder.used["object"])
    root = decoder.decode(header["root"], "root")
    filled = [(thing, i) for i, thing in enumerate(made) if "class" in header["objects"][i]]
    for thing, i in filled:
        fill(thing, header["objects"][i], decoder, f"object {i} ({type(thing).__name__})")
    _check_all_used(decoder)
    if not _is_estimator(root) or isinstance(root, type):
        raise ValueError(f"its root is {root!r:.80}, which is no estimator")
    for thing, _ in filled:
        check_estimator(thing)
    return root, version


def _check_header(header: Any) -> str:
    if not isinstance(header, dict) or sorted(header) != ["format", "objects", "root", "versions"]:
        raise ValueError(f"{_TREE} is not what save writes")
    versions = header["versions"]
    if not isinstance(versions, dict) or not isinstance(versions.get("sklearn_seq"), str):
        raise ValueError(f"{_TREE} does not say which version wrote it")
    version = versions["sklearn_seq"]
    if type(header["format"]) is not int or header["format"] != _FORMAT:
        raise Refusal(
            f"it is in format {header['format']!r:.20}, written by sklearn_seq {version:.20}, and sklearn_seq {__version__} "
            f"reads format {_FORMAT}. Install the version that wrote it, or a newer one"
        )
    if not isinstance(header["objects"], list):
        raise ValueError(f"{_TREE} holds no list of objects")
    return version


def _check_all_used(decoder: Decoder) -> None:
    left = sorted(decoder.arrays.keys() - decoder.used_arrays)
    if left:
        raise ValueError(f"it holds the array {left[0][:80]!r}, which nothing refers to")
    for table, used in decoder.used.items():
        if len(used) < len(decoder.tables[table]):
            raise ValueError(f"it holds a {table} that nothing refers to")
