"""Predictions of folds in time order, aligned with the rows."""

from collections.abc import Callable
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _num_samples

from sklearn_seq.model_selection.inner import innermost, reaching
from sklearn_seq.model_selection.splits import RollingOriginSplit, read_column
from sklearn_seq.params import public
from sklearn_seq.sequences.weights import read_groups

__all__ = ["BacktestResult", "backtest"]


@public
class BacktestResult(NamedTuple):
    """What `backtest` gives.

    Attributes
    ----------
    predictions : ndarray of shape (n_samples, ...)
        A prediction for each row, NaN where no fold tested it.
    fold : ndarray of int of shape (n_samples,)
        The fold that predicted the row, from 0; -1 where none did.
    scores : ndarray of shape (n_folds,), dict of these, or None
        The score of each fold on all rows that it tested; a dict if several were asked for, None if the estimator has no
        ``score`` and none was asked for.
    splits : list of (ndarray, ndarray)
        Rows trained on and rows tested, fold by fold.
    estimators : list or None
        The fitted estimators, if asked for.
    """

    predictions: np.ndarray
    fold: np.ndarray
    scores: Any
    splits: list[tuple[np.ndarray, np.ndarray]]
    estimators: list[Any] | None


@public
def backtest(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    cv: Any = None,
    method: str | Callable = "predict",
    scoring: Any = None,
    groups: Any = None,
    n_jobs: int | None = None,
    return_estimators: bool = False,
    allow_future: bool = False,
) -> BacktestResult:
    """Fit on the training rows of each fold, predict those tested, and put predictions where their rows are.

    What `sklearn.model_selection.cross_val_predict` is for folds that cover all rows, for folds in time order, which never
    cover the first ones. Each row's prediction was made by a model that saw nothing behind the origin of its fold.

    Parameters
    ----------
    estimator : estimator
        Any with ``fit`` and ``method``; it is cloned for each fold.
    X : array-like, frame, list or Sequences of n_samples rows
        Rows in time order, of each series at least.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), optional
        Targets; None for an estimator that finds them in X.
    cv : int, cross-validator, iterable of (train, test) or None, default=None
        The folds; a number, or None for 5, means `RollingOriginSplit` of as many.
    method : str or callable, default="predict"
        ``"predict"``, ``"predict_quantiles"``, ``"predict_interval"``, another method of the estimator or of the one inside a
        search or a pipeline, or ``method(estimator, X_test)``. The answer has one row for each of ``X_test``.
    scoring : str, callable, list or dict, optional
        As in `sklearn.model_selection.cross_validate`; None means the estimator's ``score``.
    groups : array-like of shape (n_samples,), optional
        The series of each row, for ``cv``, and for the check of order.
    n_jobs : int, optional
        Folds fitted at a time.
    return_estimators : bool, default=False
        Keep the fitted estimators.
    allow_future : bool, default=False
        Allow folds that train on rows behind those they test, such as those of `PurgedKFold`.

    Returns
    -------
    BacktestResult
        ``predictions, fold, scores, splits, estimators``. Where several folds tested a row, the last one is kept, which
        knew most; ``scores`` are of all rows that a fold tested. Numbers come back as floats, to hold NaN.

    Raises
    ------
    ValueError
        When a fold trains on a row that lies behind, or among, the rows of the same series that it tests; when the answer
        does not have one row for each row.

    See Also
    --------
    RollingOriginSplit, PanelTimeSplit : Folds in time order.
    forecast_scorer : Scorers of forecasts, quantiles and intervals.

    Notes
    -----
    Behind means: in a later row of ``X`` of the same series. Series are told apart by ``groups``, else by the column
    ``series_id`` of ``cv`` or of the estimator; if ``cv`` has ``time``, its stamps are the order. The check cannot see a target
    that reaches ahead of its row: leave the ``gap``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn_seq import RollingOriginSplit, backtest
    >>> X = np.arange(8.0)[:, None]
    >>> result = backtest(Ridge(1e-9), X, 2 * X[:, 0], cv=RollingOriginSplit(2, test_size=2))
    >>> result.predictions.round(3)
    array([nan, nan, nan, nan,  8., 10., 12., 14.])
    >>> result.fold
    array([-1, -1, -1, -1,  0,  0,  1,  1])
    """
    if not callable(method) and not isinstance(method, str):
        raise ValueError(
            f"method={method!r}; wanted the name of a method, such as 'predict', or a function of (estimator, X_test). Give one."
        )
    inner = estimator.estimator if hasattr(estimator, "refit") else estimator
    if not callable(method) and not hasattr(estimator, method):
        _require(innermost(estimator), method)  # a search and a pipeline hand on few methods
    X, y, groups = indexable(X, y, groups)
    n = _num_samples(X)
    if cv is None or (isinstance(cv, Integral) and not isinstance(cv, bool)):
        cv = RollingOriginSplit(5 if cv is None else int(cv))
    cv = check_cv(cv)
    splits = [(_rows_of(train, n), _rows_of(test, n)) for train, test in cv.split(X, y, groups)]
    if not splits:
        raise ValueError(
            "cv gave no fold; wanted at least one. Give RollingOriginSplit(5), or a list of (train, test)."
        )
    if not allow_future:
        _refuse_future(splits, *_order(inner, cv, X, groups))
    scorer = _scorer(estimator, scoring, y)
    done = Parallel(n_jobs=n_jobs)(
        delayed(_fold)(clone(estimator), X, y, train, test, method, scorer, return_estimators) for train, test in splits
    )
    answers, scores, estimators = zip(*done, strict=True)
    predictions, fold = _aligned(answers, splits, n)
    if scorer is None:
        together: Any = None
    elif isinstance(scores[0], dict):
        together = {name: np.array([score[name] for score in scores]) for name in scores[0]}
    else:
        together = np.array(scores)
    return BacktestResult(predictions, fold, together, splits, list(estimators) if return_estimators else None)


def _fold(
    estimator: Any,
    X: Any,
    y: Any,
    train: np.ndarray,
    test: np.ndarray,
    method: str | Callable,
    scorer: Any,
    keep: bool,
) -> tuple[np.ndarray, Any, Any]:
    X_test = _safe_indexing(X, test)
    if y is None:
        estimator.fit(_safe_indexing(X, train))
    else:
        estimator.fit(_safe_indexing(X, train), _safe_indexing(y, train))
    if callable(method):
        answer = np.asarray(method(estimator, X_test))
    else:
        owner, seen = (estimator, X_test) if hasattr(estimator, method) else reaching(estimator, X_test)
        answer = np.asarray(getattr(owner, method)(seen))
    if answer.ndim == 0 or len(answer) != len(test):
        raise ValueError(
            f"{method if isinstance(method, str) else 'method'} gave an answer of shape {answer.shape} for {len(test)} rows; wanted "
            "one row for each. Give a method whose answer is aligned with the rows of X, such as 'predict'."
        )
    score = None
    if scorer is not None:
        score = scorer(estimator, X_test) if y is None else scorer(estimator, X_test, _safe_indexing(y, test))
    return answer, score, estimator if keep else None


def _require(estimator: Any, method: str) -> None:
    try:
        getattr(estimator, method)
    except AttributeError as error:
        why = f" ({error.__cause__})" if error.__cause__ else ""  # an estimator's own words
        raise ValueError(
            f"method={method!r} and {type(estimator).__name__} has no such method{why}; wanted one it has. Give 'predict', or a "
            "function of (estimator, X_test)."
        ) from None


def _scorer(estimator: Any, scoring: Any, y: Any) -> Any:
    if scoring is None:
        return check_scoring(estimator) if hasattr(estimator, "score") else None
    named = isinstance(scoring, (str, list, tuple, set))
    if named and y is None:
        raise ValueError(
            f"scoring={scoring!r} and y is None; wanted targets, as scorers of scikit-learn read them. Give y, of a table its target "
            "column(s), X[target]; or a scorer that asks read_targets, forecast_scorer(sklearn.metrics.mean_absolute_error)."
        )
    return check_scoring(estimator, scoring)


def _aligned(
    answers: tuple[np.ndarray, ...], splits: list[tuple[np.ndarray, np.ndarray]], n: int
) -> tuple[np.ndarray, np.ndarray]:
    shapes = sorted({answer.shape[1:] for answer in answers})
    if len(shapes) > 1:
        raise ValueError(
            f"folds gave answers of different shapes for a row, {', '.join(map(str, shapes))}; wanted one shape. If some training part "
            "lacks a class, give longer ones."
        )
    dtype = np.result_type(*(answer.dtype for answer in answers))
    if dtype.kind in "biu":
        dtype = np.dtype(np.float64)
    elif dtype.kind not in "fc":
        dtype = np.dtype(object)
    predictions = np.full((n, *shapes[0]), np.nan, dtype=dtype)
    fold = np.full(n, -1)
    for k, (answer, (_, test)) in enumerate(zip(answers, splits, strict=True)):
        predictions[test] = answer
        fold[test] = k
    return predictions, fold


# -- order ---------------------------------------------------------------------------------------------------------------


def _rows_of(rows: Any, n: int) -> np.ndarray:
    """Row numbers, of a mask too."""
    rows = np.asarray(rows)
    if rows.ndim != 1 or (rows.dtype == bool and len(rows) != n) or (len(rows) and rows.dtype.kind not in "iub"):
        raise ValueError(
            f"cv gave rows of dtype {rows.dtype} and shape {rows.shape}; wanted whole numbers of rows, or a mask of shape ({n},). Make "
            "the folds of this X."
        )
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows
    if not len(rows):
        raise ValueError("cv gave a fold without rows; wanted rows to train on and rows to test. Give longer data.")
    if rows.max() >= n or rows.min() < 0:
        wrong = rows.max() if rows.max() >= n else rows.min()
        raise ValueError(f"cv gave row {wrong} and X has {n} rows; wanted rows of X. Make the folds of this X.")
    return rows


def _order(estimator: Any, cv: Any, X: Any, groups: Any) -> tuple[np.ndarray, np.ndarray]:
    """The series of each row, as numbers from 0, and when it is."""
    n = _num_samples(X)
    time = getattr(cv, "time", None)
    when = np.arange(n) if time is None else np.unique(read_column(X, time, "time"), return_inverse=True)[1]
    if groups is None:
        for owner in (cv, estimator):
            column = getattr(owner, "series_id", None)
            if column is not None:
                groups = read_column(X, column, "series_id")
                break
    return np.zeros(n, dtype=int) if groups is None else np.asarray(read_groups(groups, n)), when


def _refuse_future(splits: list[tuple[np.ndarray, np.ndarray]], series: np.ndarray, when: np.ndarray) -> None:
    for k, (train, test) in enumerate(splits):
        first = np.full(series.max() + 1, np.inf)  # of the tested rows of each series
        np.minimum.at(first, series[test], when[test])
        late = train[when[train] >= first[series[train]]]
        if len(late):
            same = test[series[test] == series[late[0]]]
            raise ValueError(
                f"fold {k} trains on rows that lie behind or among those it tests: {len(late)} of {len(train)}, the first is row "
                f"{late[0]}, while it tests rows {same.min()} to {same.max()} of the same series; wanted training rows before them. Give "
                "cv=RollingOriginSplit(), for several series PanelTimeSplit, or allow_future=True if you mean it."
            )
