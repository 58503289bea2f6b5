"""Run the checks over one estimator."""

import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal

from sklearn.utils import get_tags

from sklearn_seq.preprocessing import SlidingWindow
from sklearn_seq.testing import (  # noqa: F401  (they register checks)
    answering,
    chance,
    detecting,
    forecasting,
    generating,
    keeping,
    learning,
    looking_ahead,
    tagging,
    text_reading,
    transcribing,
    transforming,
    translating,
    writing,
)
from sklearn_seq.testing.compare import task_of
from sklearn_seq.testing.registry import CHECKS

__all__ = ["check_sequence_estimator", "expected_failed_checks", "sequence_checks"]


def sequence_checks(estimator: Any) -> Iterator[tuple[str, Callable[[], None]]]:
    """The checks that concern an estimator, not yet run.

    Parameters
    ----------
    estimator : estimator
        A classifier, regressor, forecaster or transformer; it is cloned, never fitted itself.

    Yields
    ------
    name : str
        Such as ``"check_weights[ragged]"``.
    run : callable
        Without arguments; raises when the check fails.

    Examples
    --------
    >>> from sklearn_seq import SequenceScaler
    >>> from sklearn_seq.testing import sequence_checks
    >>> for name, run in sequence_checks(SequenceScaler()):
    ...     run()
    """
    task = task_of(estimator)
    table = task == "forecast" or (
        task in ("transform", "detect")
        and (not get_tags(estimator).input_tags.three_d_array or estimator.get_params(deep=False).get("rows") == "time")
    )
    reads = get_tags(estimator).input_tags
    for entry in CHECKS:
        if task not in entry.tasks:
            continue
        # what reads tables, rows in time order, has this kind alone, and so has what reads text alone
        kinds = [kind for kind in entry.kinds if (kind == "table") == table or kind == "text"]
        kinds = [kind for kind in kinds if (reads.string if kind == "text" else reads.two_d_array or not reads.string)]
        for kind in kinds:
            yield f"{entry.name}[{kind}]", partial(entry.function, estimator, kind)


def check_sequence_estimator(estimator: Any, *, on_fail: Literal["raise"] | None = "raise") -> list[dict[str, Any]]:
    """Check that an estimator keeps the contract of this package, beside scikit-learn's ``check_estimator``.

    It learns from rectangular and ragged data; padding and batch mates, the order of rows, the form of ``X``, the
    global generators, copying, pickling and idle callbacks change nothing; weights count as copies; a failed fit leaves
    the estimator as it was; the best epoch is kept; it is silent and writes no file. No forecast reads past its origin, and
    all ways of asking for one give the same. It is fitted some two hundred times: give it small sizes.

    Parameters
    ----------
    estimator : estimator
        A classifier, regressor, forecaster or transformer; it is cloned, never fitted itself. Forecasters without names of
        columns (``target=None``), as the checks give them their own.
    on_fail : {"raise"} or None
        Whether the first failure is raised, or all are returned.

    Returns
    -------
    list of dict
        For each check its ``check_name``, ``status`` ("passed" or "failed"), ``exception`` and ``seconds``.

    Raises
    ------
    AssertionError
        With the check's name and what was found.

    Examples
    --------
    >>> from sklearn_seq import SequenceScaler
    >>> from sklearn_seq.testing import check_sequence_estimator
    >>> {result["status"] for result in check_sequence_estimator(SequenceScaler())}
    {'passed'}
    """
    results = []
    for name, run in sequence_checks(estimator):
        began = time.perf_counter()
        failure: Exception | None = None
        try:
            run()
        except Exception as error:
            failure = error
            if on_fail == "raise":
                said = str(error) if isinstance(error, AssertionError) else traceback.format_exc()
                raise AssertionError(f"{type(estimator).__name__} fails {name}: {said}") from error
        results.append(
            {
                "check_name": name,
                "status": "passed" if failure is None else "failed",
                "exception": failure,
                "seconds": time.perf_counter() - began,
            }
        )
    return results


_TIME = "the rows of a table are its time steps: leaving rows out or reordering them means other data"
_CONTAINER = "asks for an output of an array-API type; this output is Sequences, whose lengths differ"

_ORDER_CHECKS = ("check_methods_sample_order_invariance", "check_methods_subset_invariance")
_CONTAINER_CHECK = "check_array_api_input"


def expected_failed_checks(estimator: Any) -> dict[str, str]:
    """The checks of scikit-learn that an estimator fails by definition.

    For ``check_estimator(estimator, expected_failed_checks=expected_failed_checks(estimator))``.

    Parameters
    ----------
    estimator : estimator
        Any instance.

    Returns
    -------
    dict of str to str
        Name of the check to the reason; empty but for what reads a table as time and what gives `Sequences`.

    Examples
    --------
    >>> from sklearn_seq import LSTMClassifier, SlidingWindow
    >>> from sklearn_seq.testing import expected_failed_checks
    >>> expected_failed_checks(LSTMClassifier())
    {}
    >>> list(expected_failed_checks(SlidingWindow(output="flat")))
    ['check_methods_sample_order_invariance', 'check_methods_subset_invariance']
    """
    rows_are_time = (
        isinstance(estimator, SlidingWindow)
        or task_of(estimator) == "forecast"
        or (task_of(estimator) == "detect" and not get_tags(estimator).input_tags.three_d_array)
        or estimator.get_params(deep=False).get("rows") == "time"
    )
    failing = dict.fromkeys(_ORDER_CHECKS, _TIME) if rows_are_time else {}
    if isinstance(estimator, SlidingWindow) and estimator.output == "sequences":
        failing[_CONTAINER_CHECK] = _CONTAINER
    return failing
