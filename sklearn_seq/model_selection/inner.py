"""The model that answers, inside searches and pipelines, and tables as it reads them."""

from typing import Any

from sklearn.pipeline import Pipeline

__all__ = ["innermost", "reaching"]


def innermost(estimator: Any) -> Any:
    """The model inside searches and pipelines, fitted or not.

    Parameters
    ----------
    estimator : estimator

    Returns
    -------
    estimator
    """
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "refit") and hasattr(estimator, "estimator"):
            estimator = estimator.estimator
        elif isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        else:
            return estimator


def reaching(estimator: Any, *tables: Any) -> tuple[Any, ...]:
    """The fitted model inside searches and pipelines, and tables as they reach it: behind the steps in front of it.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    *tables : array-like or None
        As the estimator reads them.

    Returns
    -------
    tuple
        The model, and each of the tables.
    """
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif isinstance(estimator, Pipeline):
            if len(estimator.steps) > 1:
                front = estimator[:-1]
                tables = tuple(None if table is None else front.transform(table) for table in tables)
            estimator = estimator.steps[-1][1]
        else:
            return estimator, *tables
