"""The decorator that turns annotated fields into a scikit-learn estimator."""

import dataclasses
import inspect
import typing
from typing import Any, TypeVar, dataclass_transform

from sklearn.base import BaseEstimator

from sklearn_seq.params.constraints import Positional, constraints_of, doc_of, plain, type_text

__all__ = ["estimator", "public"]

T = TypeVar("T")

_PACKAGE = "sklearn_seq"


def public(thing: T) -> T:
    """Mark a class or function as part of the one public namespace, ``sklearn_seq``.

    Its ``__module__`` becomes the package itself, so that pickles survive when files move.
    """
    if thing.__module__.startswith(_PACKAGE + "."):
        thing.__module__ = _PACKAGE
    return thing


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(dataclasses.field,))
def estimator(cls: type[T]) -> type[T]:
    """Make an estimator of a class whose parameters are annotated fields.

    Every field is one line: ``hidden_size: Annotated[int, AtLeast(1), "Units per layer."] = 64``. The line gives
    the constructor, scikit-learn's parameter constraints and the entry in the docstring. Fields are keyword-only,
    but for one marked ``Positional``. Fields of other bases that a base names in ``_without`` are no parameters of the class:
    a task that has no use for one of a family's says so.

    Parameters
    ----------
    cls : type
        A class whose annotated fields, its own and inherited ones, are parameters.

    Returns
    -------
    type
        The same class.

    Raises
    ------
    TypeError
        When a base has fields but no decorator, when a field has no default, or when a mixin of scikit-learn
        stands to the right of ``BaseEstimator``; all three would fail silently later.
    """
    _check_bases(cls)
    own = {name: hint for name, hint in inspect.get_annotations(cls).items() if not _is_classvar(hint)}
    for name, hint in own.items():
        if name not in cls.__dict__:
            raise TypeError(f"{cls.__name__}.{name} has no default; every parameter of an estimator needs one")
        if Positional in typing.get_args(hint):
            setattr(cls, name, dataclasses.field(default=cls.__dict__[name], kw_only=False))
    _drop(cls)
    cls = dataclasses.dataclass(kw_only=True, eq=False, repr=False)(cls)
    hints = _hints(cls)
    init: Any = cls.__init__
    init.__annotations__ = {name: plain(hint) for name, hint in hints.items()} | {"return": None}
    cls._parameter_constraints = {name: constraints_of(hint) for name, hint in hints.items()}  # type: ignore[attr-defined]
    cls.__doc__ = _docstring(cls, hints)
    return cls if _internal(cls.__name__) else public(cls)


def _internal(name: str) -> bool:
    """Building blocks of estimators carry the decorator too, and are not estimators."""
    return name.startswith("_") or name.endswith(("Mixin", "Params"))


def _drop(cls: type) -> None:
    """Make class variables, with their defaults, of inherited fields that are named in ``_without``."""
    dropped = {}
    for name in getattr(cls, "_without", ()):
        found = [base.__dataclass_fields__[name] for base in cls.__mro__[1:] if name in _fields(base)]  # type: ignore[attr-defined]
        if found:
            dropped[name] = typing.ClassVar[Any]
            setattr(cls, name, found[0].default)
    if dropped:
        cls.__annotations__ = {**inspect.get_annotations(cls), **dropped}


def _fields(base: type) -> Any:
    return base.__dict__.get("__dataclass_fields__", ())


def _is_classvar(hint: Any) -> bool:
    if isinstance(hint, str):  # a module with postponed annotations
        return hint.removeprefix("typing.").startswith("ClassVar")
    return hint is typing.ClassVar or typing.get_origin(hint) is typing.ClassVar


def _check_bases(cls: type) -> None:
    bare = [
        base.__name__
        for base in cls.__mro__[1:]
        if base.__module__.startswith(_PACKAGE)
        and any(not _is_classvar(hint) for hint in inspect.get_annotations(base).values())
        and "__dataclass_fields__" not in base.__dict__
        and not getattr(base, "_is_protocol", False)
    ]
    if bare:
        raise TypeError(
            f"{cls.__name__} inherits the fields of {', '.join(bare)}, which is not decorated: add @estimator"
        )
    if BaseEstimator in cls.__mro__:
        seen_base = False
        for base in cls.__mro__[1:]:
            seen_base = seen_base or base is BaseEstimator
            if seen_base and base.__name__.endswith("Mixin") and not issubclass(BaseEstimator, base):
                raise TypeError(f"{cls.__name__}: {base.__name__} must stand left of the family in the list of bases")


def _hints(cls: type) -> dict[str, Any]:
    """Annotations of all parameters, own ones first, then each base's, as the docs list them."""
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(cls, include_extras=True)
    ordered: dict[str, Any] = {}
    for base in cls.__mro__:
        for name in inspect.get_annotations(base):
            if name in fields:
                ordered.setdefault(name, hints[name])
    return ordered


_SECTIONS = ("Parameters", "Attributes", "See Also", "Notes", "References", "Examples")


def _docstring(cls: type, hints: dict[str, Any]) -> str:
    """The class's own text, with generated parameters and the attributes that its bases document."""
    summary, sections = _sections(cls.__dict__.get("__doc__") or "")
    if summary.startswith(f"{cls.__name__}("):  # what dataclasses write when there is no docstring
        summary = ""
    defaults = {field.name: field.default for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    lines = []
    for name, hint in hints.items():
        lines += [f"{name} : {type_text(hint, defaults[name])}", f"    {doc_of(hint)}"]
    if lines:
        sections["Parameters"] = "\n".join(lines)
    attributes = [sections.get("Attributes", "")]
    for base in cls.__mro__[1:]:
        if base.__module__.startswith(_PACKAGE):
            text = base.__dict__.get("_own_doc", base.__dict__.get("__doc__")) or ""
            attributes.append(_sections(text)[1].get("Attributes", ""))
    if any(attributes):
        sections["Attributes"] = "\n".join(text for text in attributes if text)
    cls._own_doc = cls.__dict__.get("__doc__") or ""  # type: ignore[attr-defined]
    parts = [summary]
    for title in _SECTIONS:
        if sections.get(title):
            parts.append(f"{title}\n{'-' * len(title)}\n{sections[title]}")
    return "\n\n".join(parts) + "\n"


def _sections(doc: str) -> tuple[str, dict[str, str]]:
    """Split a numpydoc text into its summary and its sections."""
    lines = inspect.cleandoc(doc).splitlines()
    heads = [i for i in range(len(lines) - 1) if lines[i] in _SECTIONS and lines[i + 1] == "-" * len(lines[i])]
    ends = [*heads[1:], len(lines)] if heads else []
    summary = "\n".join(lines[: heads[0]] if heads else lines).strip()
    sections = {lines[i]: "\n".join(lines[i + 2 : end]).strip() for i, end in zip(heads, ends, strict=True)}
    return summary, sections
