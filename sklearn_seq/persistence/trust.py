"""What a part of skops may hold.

skops trusts scikit-learn's estimators and plain data. What it is told to trust beyond that, it may *call*, with
arguments that the file gives, so `known_types` names only what does nothing but hold its arguments or compute with
them. Left out on purpose are trees (their indices are not checked, and a wrong one crashes the process), nearest
neighbour trees, and distributions of scipy (see ``objects``): a user who trusts a file names them in ``trusted``.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import io
import math
import re
from typing import Any

import numpy as np

from sklearn_seq.persistence.archive import parse_json, unpack
from sklearn_seq.persistence.slots import SLOT

__all__ = ["NEVER_BY_DEFAULT", "ROOTS", "MissingSkops", "check_part", "known_types", "skops_io"]

# the loaders of skops that are let in; not those of random states, whose content numpy does not check, nor those of
# bound methods and operators, which look up any attribute and were let through unseen by skops before 0.12
_LOADERS = frozenset(
    "DictNode DefaultDictNode ListNode SetNode TupleNode BytesNode BytearrayNode SliceNode FunctionNode "
    "PartialNode TypeNode ConstructorFromReduceNode ObjectNode JsonNode NdArrayNode MaskedArrayNode "
    "DTypeNode SparseMatrixNode TreeNode LossNode".split()
)
_OLDEST_PROTOCOL = 2
# whose content is believed when it is used; skops says so too, in newer versions
NEVER_BY_DEFAULT = frozenset(
    ("sklearn.tree._tree.Tree", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor")
)
# packages that skops may import to look at names; others only when a name of theirs is trusted
ROOTS = frozenset(("builtins", "collections", "functools", "numpy", "scipy", "sklearn", "sklearn_seq"))


class MissingSkops(ImportError):
    """The extra is not installed."""


def skops_io() -> Any:
    """``skops.io``, which is an extra."""
    try:
        import skops.io
    except ImportError as error:
        raise MissingSkops(
            "estimators of scikit-learn are saved and loaded through skops, which is not installed. "
            "Run: pip install sklearn-seq[skops]"
        ) from error
    return skops.io


def check_part(data: bytes) -> set[str]:
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
    ours = sorted(name for name in names if name.startswith("sklearn_seq") and name != SLOT)
    if ours:
        raise ValueError(f"the part of skops names {ours[0][:80]}, which has no place there")
    return names


@functools.cache
def _newest_protocol() -> int:
    return parse_json(unpack(skops_io().dumps(None), "what skops wrote")["schema.json"], "what skops wrote")["protocol"]


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
