"""The gate: what a legal ``X`` is. Behind it everything may trust what it gets.

Whatever a user gives becomes one `Sequences`. Every refusal says what was given, what was wanted and what to do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.finite import all_finite, refuse_non_finite
from sklearn_seq.sequences.kinds import Given, Kind, sort_out
from sklearn_seq.sequences.reading import cast, describe, read_ragged, refuse_dtype, refuse_empty, told_of_objects

__all__ = ["Reading", "read_X"]


@dataclass(frozen=True)
class Reading:
    """What the gate makes of an ``X``.

    Attributes
    ----------
    sequences : Sequences
        The data in the wanted dtype.
    kind : {"2-D", "3-D", "ragged", "tokens", "text"}
        How ``X`` was given.
    """

    sequences: Sequences
    kind: Kind


def read_X(
    estimator: Any,
    X: Any,
    *,
    reset: bool,
    dtype: Any = np.float32,
    missing: str = "error",
    encode: Callable[[list[Any]], Sequences] | None = None,
) -> Reading:
    """Read any legal ``X`` for an estimator.

    Parameters
    ----------
    estimator : estimator
        Gets ``n_features_in_``, ``n_timesteps_in_``, ``feature_names_in_``, ``_kind`` and, where it reads ids, ``_n_tokens``
        when ``reset``, else is held against them.
    X : array-like, list, frame or Sequences
        See the guide, "What a sequence is".
    reset : bool
        True in ``fit``.
    dtype : numpy dtype
        Of the result; data that have it already are not copied.
    missing : {"error", "mask"}
        Whether NaN is refused.
    encode : callable, optional
        Makes token ids of texts, for estimators that read ids and text; without it both are refused.

    Returns
    -------
    Reading
        Numbers in ``dtype``, or ids as int64.

    Raises
    ------
    ValueError, TypeError
        With what was given, what was wanted and what to do.
    """
    quick = None if reset else _quick(estimator, X, dtype)
    if quick is not None:
        return quick
    given = sort_out(X, text=not reset and estimator._kind == "text")
    if given.kind in ("tokens", "text"):
        return _read_ids(estimator, given, reset, encode)
    if not reset and estimator._kind in ("tokens", "text"):
        _refuse_numbers(estimator, X)
    if not reset and estimator._kind == "ragged" and estimator.n_features_in_ == 1 and _holds_lists(given):
        # lists of numbers, each of which fit read as a sequence: that these are of one length makes them no table
        given = Given("ragged", list(given.data))
    if given.kind == "2-D":
        if not reset and estimator._kind != "2-D":
            _refuse_kind(estimator, given.data)
        refuse_dtype(given.data)
        with told_of_objects():
            table = validate_data(
                estimator, given.data, reset=reset, dtype="numeric", ensure_all_finite=False, ensure_min_samples=1
            )
        sequences = Sequences.from_array(cast(table, dtype))
    elif given.kind == "3-D":
        refuse_dtype(given.data)
        with told_of_objects():
            array = check_array(
                given.data, allow_nd=True, dtype="numeric", ensure_all_finite=False, input_name="X", estimator=estimator
            )
        if 0 in array.shape[1:]:
            raise ValueError(
                f"X was read as {_sizes(array.shape)}; wanted at least one time step and one feature "
                f"in an array (n_samples, n_timesteps, n_features)"
            )
        sequences = Sequences.from_array(cast(array, dtype))
    else:
        sequences = read_ragged(given.data, dtype)
    if given.kind != "2-D":
        if reset:
            estimator.n_features_in_ = sequences.n_features
            estimator.__dict__.pop("feature_names_in_", None)  # names belong to the columns of a 2-D frame
        else:
            _compare(estimator, sequences, given.kind)
    if reset:
        estimator._kind = given.kind
        if encode is not None:
            estimator._n_tokens = None
        length = sequences.equal_length
        estimator.n_timesteps_in_ = length if given.kind != "ragged" else None
    refuse_non_finite(sequences, X, estimator, missing=missing, kind=given.kind)
    return Reading(sequences, given.kind)


def _holds_lists(given: Given) -> bool:
    return given.kind == "2-D" and isinstance(given.data, (list, tuple)) and isinstance(given.data[0], (list, tuple))


def _quick(estimator: Any, X: Any, dtype: Any) -> Reading | None:
    """A plain finite float array of the fitted shape needs none of the questions; this keeps one-sample calls fast."""
    if type(X) is not np.ndarray or X.dtype.kind != "f" or X.size == 0 or estimator._kind in ("tokens", "text"):
        return None
    if X.ndim == 3:
        if estimator._kind == "2-D" or X.shape[2] != estimator.n_features_in_:
            return None
        kind: Kind = "3-D"
    elif X.ndim == 2:
        if (
            estimator._kind != "2-D"
            or X.shape[1] != estimator.n_features_in_
            or "feature_names_in_" in estimator.__dict__
        ):
            return None
        kind = "2-D"
    else:
        return None
    array = X if X.dtype == dtype else cast(X, dtype)
    if not all_finite(array):
        return None
    return Reading(Sequences.from_array(array), kind)


# -- token ids and text ------------------------------------------------------------------------------------------------


def _read_ids(estimator: Any, given: Given, reset: bool, encode: Callable[[list[Any]], Sequences] | None) -> Reading:
    """Ids as they are, and text by ``encode``."""
    name = type(estimator).__name__
    is_text = given.kind == "text"
    told = _told_of_text(given.data) if is_text else f"X holds ids of {given.data.n_tokens} tokens"
    if encode is None:
        what = "which are names, not amounts" if not is_text else "which are no numbers"
        raise ValueError(
            f"{told}, {what}, but {name} reads numbers. Use a network that learns embeddings, such as GRUClassifier, or make "
            "numbers of the texts first (such as sklearn's TfidfVectorizer)."
        )
    if not reset and estimator._kind != given.kind:
        if estimator._kind == "text":
            raise ValueError(f"{told}, but {name} was fitted on text. Give texts, as in fit.")
        if estimator._kind == "tokens":
            raise ValueError(
                f"{told}, but {name} was fitted on ids of {estimator._n_tokens} tokens. Put the TextEncoder in front, as in fit "
                "(make_pipeline(TextEncoder(), ...)), or fit on text."
            )
        raise ValueError(
            f"{told}, but {name} was fitted on {estimator._kind} X, which are numbers. Give numbers, or fit on {given.kind}."
        )
    sequences = encode(given.data) if is_text else given.data
    refuse_empty(sequences)
    if reset:
        estimator._kind, estimator._n_tokens = given.kind, sequences.n_tokens
        estimator.n_features_in_, estimator.n_timesteps_in_ = sequences.n_features, None
        estimator.__dict__.pop("feature_names_in_", None)
    elif sequences.n_features != estimator.n_features_in_:
        raise ValueError(
            f"X has {sequences.n_features} ids a step, but {name} was fitted on {estimator.n_features_in_}. Give ids by the encoder "
            "that was fitted for it."
        )
    elif sequences.n_tokens != estimator._n_tokens:
        raise ValueError(
            f"{told}, but {name} was fitted on ids of {estimator._n_tokens} tokens. Give ids by the encoder that was fitted for "
            "it: the numbers of another one name other things."
        )
    return Reading(sequences, given.kind)


def _told_of_text(texts: list[Any]) -> str:
    first = texts[0]
    many = "lists of words" if not isinstance(first, str) else "texts"
    shown = repr(first) if len(repr(first)) <= 40 else repr(first)[:37] + "..."
    return f"X holds {many}, such as {shown}"


def _refuse_numbers(estimator: Any, X: Any) -> None:
    name, was_text = type(estimator).__name__, estimator._kind == "text"
    shape = f" of shape {np.shape(X)}" if hasattr(X, "shape") and not isinstance(X, Sequences) else ""
    wanted = (
        "texts, as in fit"
        if was_text
        else f"ids as in fit, by its TextEncoder or Sequences.from_tokens(X, n_tokens={estimator._n_tokens})"
    )
    raise ValueError(
        f"X is a {type(X).__name__}{shape} of numbers, but {name} was fitted on "
        f"{'text' if was_text else f'ids of {estimator._n_tokens} tokens'}. Give {wanted}."
    )


# -- holding against fit -----------------------------------------------------------------------------------------------


def _sizes(shape: tuple) -> str:
    return f"{shape[0]} sequences x {shape[1]} timesteps x {shape[2]} features"


def _compare(estimator: Any, sequences: Sequences, kind: Kind) -> None:
    name = type(estimator).__name__
    if estimator._kind == "2-D":
        raise ValueError(
            f"X was read as {kind}, {describe(sequences)}, but {name} was fitted on 2-D X "
            f"(n_samples, {estimator.n_features_in_} timesteps of one feature). "
            f"Give X of shape (n_samples, {estimator.n_features_in_}), or fit on {kind} data."
        )
    wanted = estimator.n_features_in_
    if sequences.n_features != wanted:
        message = (
            f"X has {sequences.n_features} features, but {name} is expecting {wanted} features as input: "
            f"X was read as {describe(sequences)}. "
        )
        if sequences.equal_length == wanted:
            message += "It looks transposed: time comes before features; from_channels_first(X) turns it round."
        else:
            message += f"Give sequences of {wanted} features a time step, as in fit."
        raise ValueError(message)


def _refuse_kind(estimator: Any, data: Any) -> None:
    name = type(estimator).__name__
    shape = np.shape(data)
    reads = "2-D (n_samples, n_timesteps)" if len(shape) == 2 else f"{len(shape)}-D"
    raise ValueError(
        f"X has shape {tuple(shape)}, which reads as {reads}, but {name} was fitted on {estimator._kind} X with "
        f"{estimator.n_features_in_} features. Wanted (n_samples, n_timesteps, {estimator.n_features_in_}) or a list of "
        f"arrays (n_timesteps, {estimator.n_features_in_}); one sequence is {'[X]' if estimator._kind == 'ragged' else 'X[None]'}."
    )
