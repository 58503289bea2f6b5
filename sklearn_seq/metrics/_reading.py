"""What a metric accepts: numbers of one shape, and weights. All metrics read their arguments here."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_array

from sklearn_seq.sequences.weights import read_weight

__all__ = ["average", "first", "over_outputs", "read_array", "read_gaussian", "read_numbers", "read_weights"]


def read_array(values: Any, name: str, dtype: Any = np.float64, *, infinite: bool = False) -> np.ndarray:
    """An array of one dimension or more, without NaN, and finite unless ``infinite``."""
    if isinstance(values, np.ma.MaskedArray):
        raise ValueError(f"{name} is a masked array; wanted plain values. Leave out the masked rows.")
    try:
        if np.ndim(values) == 0:
            hint = f" For the same in all rows, give np.full(len(y_true), {values!r})." if np.isscalar(values) else ""
            raise ValueError(f"{name} is {values!r}; wanted an array.{hint}")
        array = check_array(
            values, ensure_2d=False, allow_nd=True, dtype=dtype, input_name=name, ensure_all_finite=not infinite
        )
    except (TypeError, ValueError) as error:
        text = str(error)
        if text.startswith("setting an array element"):
            raise ValueError(f"{name} has rows of different lengths; wanted an array. Give each row as many.") from None
        if text.startswith(("could not convert", "float() argument")):
            raise ValueError(f"{name} holds what is no number: {text}. Wanted numbers.") from None
        raise
    if infinite and np.isnan(array).any():
        raise ValueError(f"{name}[{first(np.isnan(array))}] is NaN; wanted a number, or -inf or inf for an open end.")
    return array


def read_numbers(
    y_true: Any, sample_weight: Any, *, infinite: bool = False, **predictions: Any
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Targets and predictions as float64 of shape (n_samples, n_outputs), and the weights of rows.

    A shape (n_samples,) is one output. Predictions may be infinite where ``infinite``.
    """
    y = _two_dimensions(read_array(y_true, "y_true"), "y_true")
    others = []
    for name, values in predictions.items():
        array = _two_dimensions(read_array(values, name, infinite=infinite), name)
        if array.shape != y.shape:
            raise ValueError(
                f"{name} has shape {np.shape(values)} and y_true has shape {np.shape(y_true)}; wanted the same for both: "
                f"one number for each of y_true. Give {name} of the rows and outputs that y_true has."
            )
        others.append(array)
    return y, others, read_weights(sample_weight, len(y))


def read_gaussian(y_true: Any, mean: Any, std: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Residuals in standard deviations, and the standard deviations, both (n_samples, n_outputs); the weights."""
    y, (mean, std), weight = read_numbers(y_true, sample_weight, mean=mean, std=std)
    bad = std <= 0
    if bad.any():
        raise ValueError(
            f"std[{first(bad)}] is {std[bad][0]:g}; wanted standard deviations, above 0, not their logarithms. "
            "If the model is that sure, set the smallest you believe: np.maximum(std, smallest)."
        )
    return (y - mean) / std, std, weight


def read_weights(sample_weight: Any, n_samples: int) -> np.ndarray:
    """Weights of rows as float64, ones by default."""
    if sample_weight is not None and np.shape(sample_weight) != (n_samples,):
        raise ValueError(
            f"sample_weight has shape {np.shape(sample_weight)}; wanted ({n_samples},): one weight for each row of y_true. "
            "Leave it out if all weigh the same."
        )
    return read_weight(sample_weight, n_samples)


def average(values: np.ndarray, weight: np.ndarray) -> float:
    """The mean of values (n_samples, n_outputs): rows by their weights, outputs alike."""
    return float(np.average(values.mean(axis=1), weights=weight))


def over_outputs(values: np.ndarray, multioutput: Any, what: str = "output") -> Any:
    """One value of each output to one number, or as they are, by scikit-learn's ``multioutput``."""
    if isinstance(multioutput, str):
        if multioutput == "uniform_average":
            return float(values.mean())
        if multioutput == "raw_values":
            return values
        raise ValueError(
            f"multioutput={multioutput!r}; wanted 'uniform_average', 'raw_values' or weights. Give 'raw_values' for one value "
            f"a {what}."
        )
    weight = read_array(multioutput, "multioutput")
    if weight.shape != values.shape:
        raise ValueError(
            f"multioutput has shape {weight.shape}; wanted {values.shape}: one weight a {what}. Give 'uniform_average' if all "
            "weigh the same."
        )
    return float(np.average(values, weights=read_weight(weight, len(weight))))


def first(bad: np.ndarray) -> str:
    """Where the first True stands, as one writes it between brackets."""
    i = np.argwhere(bad)[0]
    return ", ".join(str(k) for k in (i[:1] if bad.ndim == 2 and bad.shape[1] == 1 else i))


def _two_dimensions(array: np.ndarray, name: str) -> np.ndarray:
    if array.ndim > 2:
        raise ValueError(
            f"{name} has shape {array.shape}; wanted (n_samples,) or (n_samples, n_outputs). Put all that a row has to "
            f"predict into one axis: {name}.reshape(len({name}), -1)."
        )
    return array if array.ndim == 2 else array[:, None]
