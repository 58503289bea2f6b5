"""What may stand in a tree beside plain values: how it is found by its name, written down, and made again.

Everything here has a place of its own in the file, so that what is shared stays shared: the package's estimators,
`Sequences` and public functions, random states, generators, metadata requests and frozen distributions of scipy. The
last four are made by calling their public constructors with plain numbers, since restoring their attributes is not
safe: ``scipy.stats`` executes one of them as source code, and numpy believes any position in a random state.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from sklearn.utils._metadata_requests import MetadataRequest, MethodMetadataRequest
from sklearn.utils._param_validation import validate_parameter_constraints

import sklearn_seq
from sklearn_seq.persistence.values import Decoder, Encoder, named
from sklearn_seq.sequences.container import Sequences

__all__ = ["advice", "check_estimator", "describe", "empty", "fill", "is_known", "public_estimators"]

# rooms whose functions only compute: one that reads or writes files must not get into a model that someone else opens
_PURE_ROOMS = ("sequences", "preprocessing", "model_selection", "metrics")
_STATE_NAME = re.compile(r"_?[a-zA-Z][a-zA-Z0-9_]*")


# -- finding ----------------------------------------------------------------------------------------------------------


def public_class(name: Any) -> type | None:
    """The public estimator of this name."""
    thing = getattr(sklearn_seq, name) if isinstance(name, str) and name in sklearn_seq.__all__ else None
    return thing if isinstance(thing, type) and hasattr(thing, "_parameter_constraints") else None


def public_function(name: Any) -> Any:
    """The public function of this name, when it only computes."""
    room = vars(sklearn_seq)["_NAMES"].get(name, "") if isinstance(name, str) else ""
    if room.split(".")[1:2] and room.split(".")[1] in _PURE_ROOMS:
        thing = getattr(sklearn_seq, name)
        return thing if callable(thing) and not isinstance(thing, type) else None
    return None


def public_estimators() -> list[type]:
    """Every public estimator, found through the package's names."""
    return [cls for name in sklearn_seq.__all__ if (cls := public_class(name)) is not None]


def is_known(thing: Any) -> bool:
    """Whether `describe` can write it down."""
    cls = type(thing)
    if cls in (Sequences, np.random.RandomState, MetadataRequest) or _is_generator(thing):
        return True
    if cls.__module__ == "sklearn_seq":
        return public_class(cls.__name__) is cls
    if getattr(thing, "__module__", None) == "sklearn_seq":
        return public_function(getattr(thing, "__name__", None)) is thing
    return _distribution(thing) is not None


def _is_generator(thing: Any) -> bool:
    """Whether it is what `numpy.random.default_rng` gives; fitted estimators of scikit-learn hold such ones."""
    return type(thing) is np.random.Generator and type(thing.bit_generator) is np.random.PCG64


def _distribution(thing: Any) -> str | None:
    """Name in ``scipy.stats`` of a frozen distribution."""
    if not type(thing).__module__.startswith("scipy.stats"):
        return None
    import scipy.stats

    base = getattr(thing, "dist", None)
    name = getattr(base, "name", None)
    known = getattr(scipy.stats, name, None) if isinstance(name, str) else None
    frozen = isinstance(known, scipy.stats.rv_continuous | scipy.stats.rv_discrete)
    return name if frozen and type(known) is type(base) else None


# -- writing ----------------------------------------------------------------------------------------------------------


def describe(thing: Any, encoder: Encoder, place: str) -> dict[str, Any]:
    """JSON of an object."""
    if isinstance(thing, Sequences):
        return {"sequences": [encoder.encode(part, place) for part in thing.__getstate__()]}
    if isinstance(thing, np.random.RandomState):
        state = thing.get_state(legacy=False)
        if state["bit_generator"] != "MT19937":
            raise ValueError(f"{place} is a RandomState of {state['bit_generator']}; wanted MT19937 or a whole number")
        return {"random_state": encoder.encode(state, place)}
    if isinstance(thing, np.random.Generator):
        return {"generator": encoder.encode(thing.bit_generator.state, place)}
    if isinstance(thing, MetadataRequest):
        owner = thing.owner if isinstance(thing.owner, str) else type(thing.owner).__name__
        asked = {name: part.requests for name, part in _methods(thing).items() if part.requests}
        return {"requests": [owner, encoder.encode(asked, place)]}
    if (name := _distribution(thing)) is not None:
        return {"distribution": [name, encoder.encode(tuple(thing.args), place), encoder.encode(thing.kwds, place)]}
    if public_function(getattr(thing, "__name__", None)) is thing:
        return {"function": thing.__name__}
    state = {name: value for name, value in thing.__getstate__().items() if name not in ("_version", "_skl_callbacks")}
    _check_state(type(thing), state)
    return {
        "class": type(thing).__name__,
        "state": {name: encoder.encode(state[name], f"{place}.{name}") for name in sorted(state)},
    }


def _methods(request: MetadataRequest) -> dict[str, MethodMetadataRequest]:
    return {name: part for name, part in vars(request).items() if isinstance(part, MethodMetadataRequest)}


# -- reading ----------------------------------------------------------------------------------------------------------


def empty(node: Any, decoder: Decoder, place: str) -> Any:
    """The object of a description; an estimator without its state, which may hold objects that come later."""
    if isinstance(node, dict) and sorted(node) == ["class", "state"]:
        cls = public_class(node["class"])
        if cls is None:
            raise ValueError(
                f"{place} is of the class {str(node['class'])[:80]!r}, which is no public estimator of sklearn_seq"
            )
        return object.__new__(cls)
    if not isinstance(node, dict) or len(node) != 1:
        raise ValueError(f"{place} is {repr(node)[:80]}, which is not understood")
    ((kind, content),) = node.items()
    make = _MAKERS.get(kind)
    if make is None:
        raise ValueError(f"{place} is {kind[:80]!r}, which is not understood")
    try:
        return make(content, decoder, place)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise ValueError(f"{place} is a malformed {kind} ({error})") from error


def _make_sequences(content: Any, decoder: Decoder, place: str) -> Sequences:
    values, starts, stops, source, offsets, *more = decoder.decode(content, place)
    (n_tokens,) = more or (None,)  # files of earlier versions hold no ids
    if not isinstance(values, np.ndarray) or values.ndim != 2 or not (source is None or isinstance(source, str)):
        raise TypeError("wanted values of shape (total_timesteps, n_features)")
    checked = Sequences(values, starts, stops, n_tokens)
    if (source is None) != (offsets is None):
        raise TypeError("wanted a source with offsets, or neither")
    if offsets is not None and (offsets.dtype != np.int64 or offsets.shape != checked.starts.shape):
        raise TypeError("wanted one offset a sequence")
    return Sequences._make(checked.values, checked.starts, checked.stops, source, offsets, checked.n_tokens)


def _make_random_state(content: Any, decoder: Decoder, place: str) -> np.random.RandomState:
    state = decoder.decode(content, place)
    position = state["state"]["pos"]
    if state["bit_generator"] != "MT19937" or type(position) is not int or not 0 <= position <= 624:
        raise TypeError("wanted MT19937 at a position from 0 to 624")
    made = np.random.RandomState(0)
    made.set_state(state)
    return made


def _make_generator(content: Any, decoder: Decoder, place: str) -> np.random.Generator:
    state = decoder.decode(content, place)
    bits = {"state": (state["state"]["state"], 128), "inc": (state["state"]["inc"], 128)}
    bits |= {"has_uint32": (state["has_uint32"], 1), "uinteger": (state["uinteger"], 32)}
    wrong = [name for name, (value, n) in bits.items() if type(value) is not int or not 0 <= value < 2**n]
    if state["bit_generator"] != "PCG64" or wrong:
        raise TypeError(f"wanted PCG64 and whole numbers in {wrong}")
    made = np.random.default_rng(0)
    made.bit_generator.state = state
    return made


def _make_requests(content: Any, decoder: Decoder, place: str) -> MetadataRequest:
    owner, asked = content
    if not isinstance(owner, str):
        raise TypeError("wanted the name of the owner")
    made = MetadataRequest(owner=owner)
    methods = _methods(made)
    for name, requests in decoder.decode(asked, place).items():
        for param, alias in requests.items():
            if not isinstance(param, str) or not param.isidentifier():
                raise TypeError(f"{param!r} is no name of metadata")
            methods[name].add_request(param=param, alias=alias)
    return made


def _make_distribution(content: Any, decoder: Decoder, place: str) -> Any:
    import scipy.stats

    name, args, kwds = content
    known = vars(scipy.stats).get(name)
    if not isinstance(known, scipy.stats.rv_continuous | scipy.stats.rv_discrete):
        raise TypeError(f"{name!r} is no distribution of scipy.stats")
    return known(*decoder.decode(args, place), **decoder.decode(kwds, place))


def _make_function(content: Any, decoder: Decoder, place: str) -> Any:
    found = public_function(content)
    if found is None:
        raise TypeError(f"{str(content)[:80]!r} is no public function of sklearn_seq that only computes")
    return found


_MAKERS = {
    "sequences": _make_sequences,
    "random_state": _make_random_state,
    "generator": _make_generator,
    "requests": _make_requests,
    "distribution": _make_distribution,
    "function": _make_function,
}


def fill(thing: Any, node: dict[str, Any], decoder: Decoder, place: str) -> None:
    """Give an estimator its state."""
    if not isinstance(node["state"], dict):
        raise ValueError(f"{place} has the state {repr(node['state'])[:80]}, which is not understood")
    state = {name: decoder.decode(value, f"{place}.{name}") for name, value in node["state"].items()}
    _check_names(type(thing), state)
    if hasattr(thing, "__setstate__"):
        thing.__setstate__(state)
    else:
        vars(thing).update(state)


def check_estimator(thing: Any) -> None:
    """Refuse an estimator whose parameters are not legal or whose network does not fit its weights.

    All that it refers to must be there already.
    """
    _check_state(type(thing), vars(thing))
    if "_weights" in vars(thing) or "_fitted_params" in vars(thing):
        from sklearn_seq.persistence.networks import check_network

        check_network(thing)


def _check_state(cls: type, state: dict[str, Any]) -> None:
    _check_names(cls, state)
    constraints: dict[str, Any] = cls._parameter_constraints  # type: ignore[attr-defined]
    # a transformer answers by the parameters of its fit
    for params in ({name: state[name] for name in constraints}, state.get("_params_of_fit", {})):
        if not isinstance(params, dict) or not params.keys() <= constraints.keys():
            raise ValueError(f"the parameters of a fit of {cls.__name__} are {str(params)[:80]}, which it has not")
        known = {name: constraints[name] for name in params}
        validate_parameter_constraints(known, params, caller_name=cls.__name__)


def _check_names(cls: type, state: dict[str, Any]) -> None:
    """Refuse a state with an attribute too few, and with one that would stand before a part of the class.

    Parameters must all be there; what was learnt ends or begins with one underscore. An attribute of an object hides
    the method or property of that name, so no name that the class has is let in. What remains is data under names that
    at most the class's own methods read.
    """
    params = cls._parameter_constraints.keys()  # type: ignore[attr-defined]
    missing = sorted(params - state.keys())
    if missing:
        raise ValueError(f"the parameter {missing[0]} of {cls.__name__} is missing")
    transient: tuple[str, ...] = ()
    if hasattr(cls, "_rebuild"):
        from sklearn_seq.tasks.state import _TRANSIENT as transient
    for name in state.keys() - params:
        private, learnt = name.startswith("_"), name.endswith("_")
        if not _STATE_NAME.fullmatch(name) or not (private or learnt) or hasattr(cls, name) or name in transient:
            raise ValueError(
                f"{cls.__name__}.{name[:80]} is neither a parameter nor what a fit learns; wanted names such as "
                "n_iter_ that are no part of the class"
            )


def advice(thing: Any, place: str) -> ValueError:
    """The refusal of what cannot be saved."""
    return ValueError(
        f"{place} is {named(thing)}, which cannot be saved without pickle; wanted plain values, arrays and estimators of "
        "sklearn_seq and scikit-learn. Set it to None or to one of these before saving, or use pickle or joblib, which "
        "keep any object and execute code when they load."
    )
