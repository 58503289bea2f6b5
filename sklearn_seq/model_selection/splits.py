"""Cross-validators for data whose rows are time."""

from collections.abc import Iterator
from math import ceil
from numbers import Integral, Real
from typing import Annotated, Any

import numpy as np
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils._param_validation import validate_parameter_constraints
from sklearn.utils.validation import _num_samples

from sklearn_seq.params import AtLeast, Positional, estimator, public
from sklearn_seq.sequences.texts import is_missing
from sklearn_seq.sequences.weights import read_groups

__all__ = ["PanelTimeSplit", "PurgedKFold", "RollingOriginSplit", "read_column", "time_train_test_split"]


@estimator
class _Folds(BaseCrossValidator):
    """What cross-validators here have in common: a number of folds that is known beforehand."""

    n_splits: Annotated[int, AtLeast(1), Positional, "Number of folds."] = 5

    def __post_init__(self) -> None:
        """Refuse sizes that no table can have; scikit-learn's cross-validators do so when they are made, too."""
        constraints: Any = self._parameter_constraints  # type: ignore[attr-defined]
        validate_parameter_constraints(constraints, vars(self), caller_name=type(self).__name__)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of folds.

        Parameters
        ----------
        X, y, groups : object
            Not read.

        Returns
        -------
        int
        """
        return self.n_splits


@estimator
class _Origins(_Folds):
    """Sizes of folds that move on through time."""

    test_size: Annotated[
        int | None, AtLeast(1), "Rows to test in each fold; None: n_rows // (n_splits + 1), of the shortest series."
    ] = None
    train_size: Annotated[int | None, AtLeast(1), "Rows to train on in each fold; None: all before."] = None
    stride: Annotated[int | None, AtLeast(1), "Rows from one origin to the next; None: test_size."] = None
    gap: Annotated[int, AtLeast(0), "Rows left out between the training and the test part."] = 0

    def _bounds(self, n: int, have: str) -> list[tuple[int, int, int, int]]:
        """Of each fold of n rows: the first training row, behind the last one; the first test row, behind the last one."""
        n_splits, gap = self.n_splits, self.gap
        test_size = n // (n_splits + 1) if self.test_size is None else self.test_size
        stride = test_size if self.stride is None else self.stride
        least = 1 if self.train_size is None else self.train_size
        first = n - test_size - (n_splits - 1) * stride  # the earliest row that is tested
        if test_size < 1 or first - gap < least:
            test_size, stride = max(test_size, 1), max(stride, 1)
            raise ValueError(
                f"{have} {n} rows; wanted at least {least + gap + test_size + (n_splits - 1) * stride} for n_splits={n_splits}, "
                f"test_size={test_size}, train_size={self.train_size}, stride={stride} and gap={gap}. Give more rows, or fewer or "
                "smaller folds."
            )
        origins = [first + k * stride for k in range(n_splits)]
        return [
            (0 if self.train_size is None else start - gap - least, start - gap, start, start + test_size)
            for start in origins
        ]


@estimator
class RollingOriginSplit(_Origins):
    """Folds of a series whose rows are in time order: train on the past, test the rows that follow, move on.

    The last fold tests the last rows. With ``train_size=None`` training expands, from the first row on; with a number it
    rolls, always as long. `sklearn.model_selection.TimeSeriesSplit` is the case of ``stride=test_size``.

    See Also
    --------
    PanelTimeSplit : Several series in one table.
    PurgedKFold : Tests every row, trains on both sides.
    backtest : Predictions of all folds, aligned with the rows.

    Notes
    -----
    ``gap`` is what `make_supervised` says; an estimator that makes its targets itself, from training rows, needs none.
    With ``stride`` below ``test_size`` the test parts overlap.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import RollingOriginSplit
    >>> for train, test in RollingOriginSplit(3, test_size=2, train_size=3).split(np.zeros((10, 1))):
    ...     print(train, test)
    [1 2 3] [4 5]
    [3 4 5] [6 7]
    [5 6 7] [8 9]
    """

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Row numbers of each fold, the earliest first.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows in time order.
        y, groups : array-like of shape (n_samples,), optional
            Not read.

        Yields
        ------
        train, test : ndarray of int
            Row numbers, ascending.
        """
        X, y, groups = indexable(X, y, groups)
        for a, b, c, d in self._bounds(_num_samples(X), "X has"):
            yield np.arange(a, b), np.arange(c, d)


@estimator
class PanelTimeSplit(_Origins):
    """Folds of several series in one table: train on the past of each, test the rows that follow.

    Sizes count rows of each series. Without ``time``, each series is cut by its own rows, which are in time order, and its
    last rows are tested, whenever they were. With ``time``, all series are cut at the same moments: sizes count
    distinct stamps, and the rows need no order.

    See Also
    --------
    sklearn.model_selection.GroupKFold : Whole series on either side, to test on series never seen: give ``groups``.
    RollingOriginSplit : One series.

    Notes
    -----
    Series that move together (shops in one town) leak through time: the future of one tells of the others. Give ``time``
    for these. A series may then have rows in the training or the test part alone.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import PanelTimeSplit
    >>> store = ["a"] * 4 + ["b"] * 6
    >>> for train, test in PanelTimeSplit(2, test_size=1).split(np.zeros((10, 1)), groups=store):
    ...     print(train, test)
    [0 1 4 5 6 7] [2 8]
    [0 1 2 4 5 6 7 8] [3 9]
    """

    __metadata_request__split = {"groups": True}

    series_id: Annotated[int | str | None, "Column of X that names the series, if `groups` are not given."] = None
    time: Annotated[int | str | np.ndarray | None, "Column of X with stamps, or the stamps, one a row."] = None

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Row numbers of each fold, the earliest first.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows of all series.
        y : array-like of shape (n_samples,), optional
            Not read.
        groups : array-like of shape (n_samples,), optional
            The series of each row. With ``time`` not needed.

        Yields
        ------
        train, test : ndarray of int
            Row numbers, ascending.
        """
        X, y, groups = indexable(X, y, groups)
        n = _num_samples(X)
        if self.time is not None:
            stamps = read_column(X, self.time, "time")
            moments, position = np.unique(stamps, return_inverse=True)
            for a, b, c, d in self._bounds(len(moments), "time, each stamp once, has"):
                yield np.flatnonzero((a <= position) & (position < b)), np.flatnonzero((c <= position) & (position < d))
            return
        if groups is None and self.series_id is not None:
            groups = read_column(X, self.series_id, "series_id")
        if groups is None:
            raise ValueError(
                "The 'groups' parameter should not be None: PanelTimeSplit was given neither groups nor series_id nor time; wanted to "
                "know the series of each row. Give groups=, or series_id= a column of X."
            )
        position, code = np.empty(n, dtype=int), np.asarray(read_groups(groups, n))
        lengths = np.unique(code, return_counts=True)[1]
        order = np.argsort(code, kind="stable")
        position[order] = np.arange(n) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        left = lengths[code] - position  # rows of the series from this one on, counted from the end
        shortest = int(lengths.argmin())
        name = np.asarray(groups)[code == shortest].tolist()[0]
        n_shortest = int(lengths[shortest])
        for a, b, c, d in self._bounds(n_shortest, f"series {name!r} has"):
            # from the end, where all series are alike; longer ones have more before
            trained = left > n_shortest - b
            trained &= True if self.train_size is None else left <= n_shortest - a
            yield np.flatnonzero(trained), np.flatnonzero((left > n_shortest - d) & (left <= n_shortest - c))


@estimator
class PurgedKFold(_Folds):
    """Folds of neighbouring rows, each tested once, with the rows near them left out of training.

    Every row is tested, and training uses what lies before and behind, so it says how a model does on other parts of the same
    series, not in its future. What would leak is left out: ``purge`` rows on both sides, whose windows or targets
    overlap with those tested, and ``embargo`` more behind, as what follows the test part remembers it.

    See Also
    --------
    RollingOriginSplit : The past alone, as in use.

    Notes
    -----
    Windows of ``w`` rows share none if ``purge`` is ``w - 1``; targets ``h`` rows ahead of windows add ``h``. `backtest`
    wants ``allow_future=True`` for these folds.

    References
    ----------
    M. López de Prado, "Advances in financial machine learning", Wiley 2018, chapter 7.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import PurgedKFold
    >>> for train, test in PurgedKFold(3, purge=1, embargo=1).split(np.zeros((9, 1))):
    ...     print(train, test)
    [5 6 7 8] [0 1 2]
    [0 1 8] [3 4 5]
    [0 1 2 3 4] [6 7 8]
    """

    n_splits: Annotated[int, AtLeast(2), Positional, "Number of folds."] = 5
    purge: Annotated[int, AtLeast(0), "Rows left out on both sides of the test part."] = 0
    embargo: Annotated[int, AtLeast(0), "Rows left out behind the test part, beyond those purged."] = 0

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Row numbers of each fold.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Rows in time order.
        y, groups : array-like of shape (n_samples,), optional
            Not read.

        Yields
        ------
        train, test : ndarray of int
            Row numbers, ascending.
        """
        X, y, groups = indexable(X, y, groups)
        n = _num_samples(X)
        if n < self.n_splits:
            raise ValueError(
                f"X has {n} rows and n_splits={self.n_splits}; wanted a row for each fold. Give more rows or fewer folds."
            )
        for k, test in enumerate(np.array_split(np.arange(n), self.n_splits)):
            before, behind = test[0] - self.purge, test[-1] + 1 + self.purge + self.embargo
            train = np.concatenate([np.arange(max(before, 0)), np.arange(min(behind, n), n)])
            if not len(train):
                raise ValueError(
                    f"X has {n} rows, and purge={self.purge} and embargo={self.embargo} leave none to train on in fold {k}, which tests "
                    f"rows {test[0]} to {test[-1]}; wanted at least one. Give more rows, or smaller numbers."
                )
            yield train, test


@public
def time_train_test_split(
    *arrays: Any, test_size: float | None = None, valid_size: float | None = None, gap: int = 0
) -> list[Any]:
    """Split rows in time order: the last ones are tested, those before validate, the first ones train.

    Parameters
    ----------
    *arrays : sequence of array-likes of the same number of rows
        Lists, arrays, frames, `Sequences`, rows in time order.
    test_size : int or float, optional
        Rows, or share of all rows, to test; 0.25 if None.
    valid_size : int or float, optional
        Rows, or share of all rows, between those to train on and those to test; None: no such part.
    gap : int, default=0
        Rows left out between parts, as `make_supervised` says.

    Returns
    -------
    list
        ``[X_train, X_test, y_train, y_test]`` as `sklearn.model_selection.train_test_split`, and with ``valid_size``
        ``[X_train, X_valid, X_test, y_train, ...]``.

    Raises
    ------
    ValueError
        When no row is left to train on, or for another size.

    See Also
    --------
    PanelTimeSplit : With ``n_splits=1``, for several series in one table.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import time_train_test_split
    >>> time_train_test_split(np.arange(10), test_size=2, valid_size=0.2, gap=1)
    [array([0, 1, 2, 3]), array([5, 6]), array([8, 9])]
    """
    if not arrays:
        raise ValueError("time_train_test_split was given no array; wanted at least one. Give X, or X and y.")
    if not isinstance(gap, Integral) or isinstance(gap, bool) or gap < 0:
        raise ValueError(f"gap={gap!r}; wanted a whole number, at least 0. Give a number of rows.")
    gone = [i for i, array in enumerate(arrays) if array is None]
    if gone:
        raise ValueError(
            f"time_train_test_split was given None as array {gone[0]}; wanted arrays with rows. Leave it out."
        )
    arrays = indexable(*arrays)
    n = _num_samples(arrays[0])
    n_test = _rows("test_size", 0.25 if test_size is None else test_size, n)
    n_valid = 0 if valid_size is None else _rows("valid_size", valid_size, n)
    test = n - n_test
    valid = test - gap - n_valid
    n_train = valid - gap if n_valid else test - gap
    if n_train < 1:
        taken = f"{n_test} to test" + (f", {n_valid} to validate" if n_valid else "")
        raise ValueError(
            f"{n} rows, of which {taken} and {gap} in each gap leave none to train on; wanted at least one. Give more rows, or a "
            "smaller test_size, valid_size or gap."
        )
    bounds = [(0, n_train), *([(valid, valid + n_valid)] if n_valid else []), (test, n)]
    return [_safe_indexing(array, np.arange(start, stop)) for array in arrays for start, stop in bounds]


def read_column(X: Any, column: Any, name: str) -> np.ndarray:
    """Stamps or names of series, one a row: a column of X, by name or position, or the values themselves."""
    n = _num_samples(X)
    if np.ndim(column) > 0:
        values = np.asarray(column)
        if values.shape != (n,):
            raise ValueError(
                f"{name} has shape {values.shape} and X has {n} rows; wanted one value a row, ({n},). Where a part of X is split "
                f"(nested searches), give {name} as the name of a column of X."
            )
    else:
        columns = getattr(X, "columns", None)
        if columns is None and np.ndim(X) != 2:
            raise ValueError(
                f"{name}={column!r} is a column, and X is a {type(X).__name__} without columns; wanted a table. Give the values "
                "themselves, one a row."
            )
        if columns is not None and column not in list(columns) and not isinstance(column, Integral):
            raise ValueError(
                f"{name}={column!r} is no column of X, which has {', '.join(map(repr, list(columns)[:8]))}; wanted one of these. "
                f"Give its name."
            )
        table = np.asarray(X, dtype=object) if isinstance(X, list | tuple) else X
        values = np.asarray(_safe_indexing(table, column, axis=1))
        if values.ndim != 1:
            raise ValueError(
                f"{name}={column!r} stands for an array of shape {values.shape} in X; wanted one column. Give a name that stands once, "
                "or a position."
            )
    of_objects = values.dtype.kind == "O"
    missing = np.array([is_missing(value) for value in values], dtype=bool) if of_objects else values != values
    if np.any(missing):
        raise ValueError(
            f"{name} is missing in row {int(np.argmax(missing))}; wanted it in every row. Drop such rows, or fill it in."
        )
    texts = values.dtype.kind in "UST" or (of_objects and any(isinstance(value, str) for value in values))
    if name == "time" and texts:  # "10" comes before "9", and "01/02" may be later than "02/01"
        raise ValueError(
            f"time holds text, such as {values[0]!s:.40}; wanted times or numbers, whose order is that of time. Turn it into times "
            "first, such as by pandas.to_datetime."
        )
    return values


def _rows(name: str, size: Any, n: int) -> int:
    """A size in rows; a share is rounded up, as scikit-learn does."""
    number = float(size) if isinstance(size, Real) and not isinstance(size, bool) else -1.0
    whole = isinstance(size, Integral)
    if not (number >= 1 if whole else 0 < number < 1):
        raise ValueError(
            f"{name}={size!r}; wanted a number of rows, at least 1, or a share between 0 and 1. For a quarter, give 0.25."
        )
    return int(number) if whole else ceil(number * n)
