"""The gate: what a legal ``X`` is. Behind it everything may trust what it gets.

Whatever a user gives becomes one `Sequences`. Every refusal says what was given, what was wanted and what to do.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.finite import refuse_non_finite
from sklearn_seq.sequences.kinds import Kind, sort_out
from sklearn_seq.sequences.reading import cast, describe, read_ragged, refuse_dtype, told_of_objects

__all__ = ["Reading", "read_X"]


@dataclass(frozen=True)
class Reading:
    """What the gate makes of an ``X``.

    Attributes
    ----------
    sequences : Sequences
        The data in the wanted dtype.
    kind : {"2-D", "3-D", "ragged"}
        How ``X`` was given.
    """

    sequences: Sequences
    kind: Kind


def read_X(estimator: Any, X: Any, *, reset: bool, dtype: Any = np.float32, missing: str = "error") -> Reading:
    """Read any legal ``X`` for an estimator.

    Parameters
    ----------
    estimator : estimator
        Gets ``n_features_in_``, ``n_timesteps_in_``, ``feature_names_in_`` and ``_kind`` when ``reset``, else is held
        against them.
    X : array-like, list, frame or Sequences
        See the guide, "What a sequence is".
    reset : bool
        True in ``fit``.
    dtype : numpy dtype
        Of the result; data that have it already are not copied.
    missing : {"error", "mask"}
        Whether NaN is refused.

    Returns
    -------
    Reading

    Raises
    ------
    ValueError, TypeError
        With what was given, what was wanted and what to do.
    """
    quick = None if reset else _quick(estimator, X, dtype)
    if quick is not None:
        return quick
    given = sort_out(X)
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
        length = sequences.equal_length
        estimator.n_timesteps_in_ = length if given.kind != "ragged" else None
    refuse_non_finite(sequences, X, estimator, missing=missing, kind=given.kind)
    return Reading(sequences, given.kind)


def _quick(estimator: Any, X: Any, dtype: Any) -> Reading | None:
    """A plain finite float array of the fitted shape needs none of the questions; this keeps one-sample calls fast."""
    if type(X) is not np.ndarray or X.dtype.kind != "f" or X.size == 0:
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
    if not np.isfinite(array.sum(dtype=np.float64)):
        return None
    return Reading(Sequences.from_array(array), kind)


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
