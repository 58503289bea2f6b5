"""What is compared, and how: to the bit or within a tolerance, where NaN is equal to nothing."""

import copy
import io
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator, clone, is_classifier, is_outlier_detector, is_regressor

from sklearn_seq.sequences import Sequences

__all__ = [
    "answers",
    "close",
    "copies_of",
    "draws",
    "far_too_fast",
    "fresh",
    "refuses",
    "refuses_unfitted",
    "same_bits",
    "same_state",
    "snapshot",
    "task_of",
]

TOLERANCE = 1e-6
_MOST_STEPS = 64  # of any sequence that checks give a tagger


def task_of(estimator: Any) -> str:
    """What an estimator does: "classify", "regress", "forecast", "detect", "transform", or what its task says of itself."""
    if hasattr(type(estimator), "_task"):
        return type(estimator)._task
    if is_classifier(estimator):
        return "classify"
    if is_outlier_detector(estimator):
        return "detect"
    if hasattr(estimator, "rolling_forecast"):  # scikit-learn takes a forecaster for a regressor
        return "forecast"
    return "regress" if is_regressor(estimator) else "transform"


def fresh(estimator: Any, **params: Any) -> Any:
    """An unfitted copy with a fixed seed, and those of ``params`` that it has."""
    new = clone(estimator)
    known = new.get_params(deep=False)
    if known.get("random_state", 0) is None:
        params = {"random_state": 0, **params}
    return new.set_params(**{name: value for name, value in params.items() if name in known})


def draws(estimator: Any) -> bool:
    """Whether chance has a part in what an estimator learns: of a forecaster that fits another, if that one draws."""
    params = estimator.get_params()
    if task_of(estimator) == "forecast" and "estimator" in params:
        return any(name.endswith("__random_state") for name in params)
    return "random_state" in params


def far_too_fast(estimator: Any) -> float:
    """A learning rate that no loss survives."""
    return 1e300 if estimator.get_params(deep=False).get("dtype") == "float64" else 1e30


def answers(estimator: Any, X: Any) -> np.ndarray:
    """The most telling output as one array of numbers, one row a sample (for ragged output one a time step)."""
    if task_of(estimator) == "forecast":
        said = [estimator.predict(X), *_intervals(estimator, X)]
        return np.concatenate([part.reshape(len(part), -1) for part in said], axis=1)
    if hasattr(
        estimator, "frame_proba"
    ):  # one row a sequence, whatever its length: means over steps, also by their place
        parts = [np.asarray(part) for part in estimator.frame_proba(X)]
        return np.stack(
            [np.concatenate([part.mean(axis=0), np.arange(len(part)) @ part / len(part)]) for part in parts]
        )
    if task_of(estimator) == "tag":  # one row a sequence: the probabilities of its steps, and zeros behind them
        steps = [np.asarray(part) for part in estimator.predict_proba(X)]
        rows = np.zeros((len(steps), _MOST_STEPS, steps[0].shape[1]))
        for row, part in zip(rows, steps, strict=True):
            row[: len(part)] = part
        return rows.reshape(len(rows), -1)
    if hasattr(estimator, "decision_function"):
        return np.asarray(estimator.decision_function(X))
    if hasattr(estimator, "predict_uncertainty"):  # of several models: what they say, and how far they agree
        said = estimator.predict_proba(X) if hasattr(estimator, "predict_proba") else estimator.predict(X)
        return np.column_stack([said, *estimator.predict_uncertainty(X)])
    if hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict_proba(X))
    if hasattr(estimator, "transform"):
        found = estimator.transform(X)
        return found.values[found.rows()] if isinstance(found, Sequences) else np.asarray(found)
    if hasattr(estimator, "predict_quantiles"):
        return np.asarray(estimator.predict_quantiles(X))
    return np.asarray(estimator.predict(X))


def _intervals(forecaster: Any, X: Any) -> list[np.ndarray]:
    """Intervals, where a forecaster has them."""
    try:
        return [forecaster.predict_interval(X, coverage=0.5)]
    except ValueError as error:
        if "calibration_fraction" not in str(error):
            raise
        return []


def same_bits(found: Any, wanted: Any, what: str, *, nan: bool = False) -> None:
    """Fail unless two arrays are equal to the last bit; with ``nan``, NaN of padding are equal too."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    if found.shape != wanted.shape:
        raise AssertionError(f"{what}: shapes {found.shape} and {wanted.shape} differ")
    if found.dtype == wanted.dtype == object and all(isinstance(row, np.ndarray) for row in found):
        for i, (one, other) in enumerate(zip(found, wanted, strict=True)):  # cells
            same_bits(one, other, f"{what}, row {i}", nan=nan)
        return
    if found.dtype.kind in "fc" and not nan and not np.isfinite(found).all():
        raise AssertionError(f"{what}: {int((~np.isfinite(found)).sum())} of {found.size} values are not finite")
    if np.array_equal(found, wanted, equal_nan=nan and found.dtype.kind == "f"):
        return
    raise AssertionError(f"{what}: not the same to the bit{_distance(found, wanted)}")


def close(found: Any, wanted: Any, what: str, *, tolerance: float = TOLERANCE, nan: bool = False) -> None:
    """Fail unless two arrays agree; NaN and infinity agree with nothing."""
    found, wanted = np.asarray(found, dtype=float), np.asarray(wanted, dtype=float)
    if found.shape != wanted.shape:
        raise AssertionError(f"{what}: shapes {found.shape} and {wanted.shape} differ")
    if nan:
        if not np.array_equal(np.isnan(found), np.isnan(wanted)):
            raise AssertionError(f"{what}: NaN stand at other places")
        found, wanted = np.nan_to_num(found), np.nan_to_num(wanted)
    if not (np.isfinite(found).all() and np.isfinite(wanted).all()):
        raise AssertionError(f"{what}: there are values that are not finite")
    if found.size and not np.abs(found - wanted).max() <= tolerance:
        raise AssertionError(f"{what}: differs by more than {tolerance:g}{_distance(found, wanted)}")


def _distance(found: np.ndarray, wanted: np.ndarray) -> str:
    if found.dtype.kind not in "fiu" or not found.size:
        return ""
    return f"; the largest difference is {np.abs(found.astype(float) - wanted.astype(float)).max():.3g}"


def same_state(estimator: Any, before: dict[str, Any], what: str) -> None:
    """Fail unless an estimator's dictionary holds the same things as before."""
    now = estimator.__dict__
    if now.keys() != before.keys():
        changed = sorted(now.keys() ^ before.keys())
        raise AssertionError(f"{what}: the attributes {changed} appeared or vanished")
    for name, value in before.items():
        if now[name] is not value and not _equal(now[name], value):
            raise AssertionError(f"{what}: {name} was changed from {value!r} to {now[name]!r}")


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(_equal(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f")
    return a is b or bool(a == b)


def snapshot(estimator: Any) -> dict[str, Any]:
    """The dictionary of an estimator with copies of its arrays and lists; estimators in it stay the same ones."""
    return {name: _copied(value) for name, value in estimator.__dict__.items()}


def _copied(value: Any) -> Any:
    if isinstance(value, BaseEstimator):
        return value
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(_copied(item) for item in value)
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return copy.deepcopy(value) if isinstance(value, np.ndarray) else value


@contextmanager
def refuses(what: str, *words: str) -> Any:
    """Fail unless the block raises a ValueError or TypeError whose message holds all ``words``."""
    try:
        yield
    except (ValueError, TypeError) as error:
        missing = [word for word in words if word.lower() not in str(error).lower()]
        if missing:
            raise AssertionError(f"{what}: was refused without a word of {missing}: {error}") from error
        return
    raise AssertionError(f"{what}: was not refused")


def refuses_unfitted(new: Any, fail: Callable[[Any], Any], what: str) -> None:
    """Fail unless an unfitted model refuses, and is as it was afterwards."""
    attributes = set(vars(new))
    with refuses(what):
        fail(new)
    if set(vars(new)) != attributes:
        raise AssertionError(f"{what} left {sorted(set(vars(new)) - attributes)} on an unfitted {type(new).__name__}")


def copies_of(model: Any) -> Iterator[tuple[str, Any]]:
    """The same estimator by every way of copying."""
    for protocol in (2, pickle.HIGHEST_PROTOCOL):
        yield f"pickle (protocol {protocol})", pickle.loads(pickle.dumps(model, protocol))
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    yield "joblib", joblib.load(buffer)
    yield "deepcopy", copy.deepcopy(model)
    yield "copy of a copy", copy.deepcopy(pickle.loads(pickle.dumps(model)))
