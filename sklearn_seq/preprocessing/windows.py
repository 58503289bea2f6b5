"""From a table to the windows behind its rows, and to a target ahead of them."""

from numbers import Integral
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np

from sklearn_seq.params import AtLeast, Positional, estimator, public
from sklearn_seq.preprocessing._base import _Transformer, read_table
from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.stretches import table_identity

__all__ = ["SlidingWindow", "Supervised", "make_supervised"]


@estimator
class SlidingWindow(_Transformer):
    """Turn each row of a table into the stretch of rows that ends at it.

    The table's rows stand in time order, and the output has one sample for each, so that ``y``, splitters and
    pipelines go on as before. The first rows have shorter windows, since there is nothing before the table. NaN pass.

    As ``"sequences"``, windows are stretches of one block: they cost the memory of the table whatever their length,
    pass through cross-validation and to workers as such, and models of this package know that they overlap.

    See Also
    --------
    make_supervised : Shifts the target, so that row ``t`` predicts what comes after it.

    Notes
    -----
    Row ``t`` sees row ``t``: a model that is to forecast needs a target that lies ahead. A transformer has no memory,
    so that the first windows of a test fold are short again, and any order of rows but that of time gives nonsense:
    split with `~sklearn.model_selection.TimeSeriesSplit`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import SlidingWindow
    >>> table = np.arange(8.0).reshape(4, 2)
    >>> SlidingWindow(3).fit_transform(table)
    Sequences(4 sequences, 1 to 3 timesteps, 2 features, float64)
    >>> window = SlidingWindow(2, output="flat").fit(table)
    >>> window.transform(table)
    array([[0., 1., 0., 1.],
           [0., 1., 2., 3.],
           [2., 3., 4., 5.],
           [4., 5., 6., 7.]])
    >>> window.get_feature_names_out(["load", "wind"]).tolist()
    ['load_lag1', 'wind_lag1', 'load_lag0', 'wind_lag0']
    """

    window: Annotated[int, AtLeast(1), Positional, "Rows of a window, its own row included."] = 24
    output: Annotated[
        Literal["sequences", "array", "flat"],
        "`Sequences` that share the table's rows; an array ``(n_rows, window, n_features)``; or the same, flat, as "
        "``(n_rows, window * n_features)``, oldest row first. In arrays the first row stands in for those before it.",
    ] = "sequences"

    _allow_nan = True

    def _read(self, X: Any, *, reset: bool) -> tuple[Sequences, str]:
        return read_table(self, X, reset=reset, missing="mask"), "table"

    def _apply(self, X: Sequences) -> Sequences:
        n = len(X.values)
        stops = np.arange(1, n + 1, dtype=np.int64)
        starts = np.maximum(stops - self.window, 0)
        # a copy: windows must stay what they are, and what `_source` says, when the table given is changed later
        table = X.values.copy()
        return Sequences._make(table, starts, stops, table_identity(table), starts)

    def _give(self, X: Sequences, kind: str) -> Any:
        if self.output == "sequences":
            return X
        lags = np.arange(-self.window, 0)
        rows = np.maximum(X.stops[:, None] + lags, 0)  # (n_rows, window)
        windows = X.values[rows]
        return windows if self.output == "array" else windows.reshape(len(X), -1)

    def _gives_columns(self) -> bool:
        return self.output == "flat"

    def _names(self, names: list[str]) -> list[str]:
        return [f"{name}_lag{lag}" for lag in reversed(range(self.window)) for name in names]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = False
        return tags


@public
class Supervised(NamedTuple):
    """What `make_supervised` gives: inputs, targets that lie ahead of them, and the gap a splitter must leave.

    Attributes
    ----------
    X : array or frame of shape (n_rows - horizon, n_features)
        The rows that have a target.
    y : array, Series or frame of shape (n_rows - horizon,) or (n_rows - horizon, n_targets)
        ``y[t]`` is the target in row ``t + horizon``.
    gap : int
        ``horizon - 1``, for ``TimeSeriesSplit(gap=gap)``.
    """

    X: Any
    y: Any
    gap: int


@public
def make_supervised(table: Any, horizon: int = 1, target: Any = None) -> Supervised:
    """Pair each row of a table with the target ``horizon`` rows ahead.

    Parameters
    ----------
    table : array-like, pandas or polars DataFrame of shape (n_rows, n_features)
        Rows in time order, evenly spaced. The target is one of its columns.
    horizon : int, default=1
        How many rows ahead the target lies.
    target : str, int or list of these, optional
        Name or position of the column(s) to predict; None means all. One name or position, or a table of one column,
        gives a 1-D ``y``.

    Returns
    -------
    Supervised
        ``(X, y, gap)``, with ``X`` and ``y`` in the container of ``table``. A pandas ``y`` carries the index of ``X``:
        it says which row a target belongs to, not when it happens.

    Raises
    ------
    ValueError
        When the table is too short, or has no such column.

    Notes
    -----
    The last training row of a fold has a target ``horizon`` rows later, inside the test fold unless ``horizon - 1``
    rows are left out between them. That is ``gap``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.model_selection import TimeSeriesSplit, cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_seq import SlidingWindow, make_supervised
    >>> load = np.sin(np.arange(400) / 10)
    >>> X, y, gap = make_supervised(load[:, None], horizon=6)
    >>> X.shape, y.shape, gap
    ((394, 1), (394,), 5)
    >>> model = make_pipeline(SlidingWindow(24, output="flat"), Ridge(1e-3))
    >>> bool(cross_val_score(model, X, y, cv=TimeSeriesSplit(5, gap=gap)).min() > 0.8)
    True
    """
    if not isinstance(horizon, Integral) or isinstance(horizon, bool) or horizon < 1:
        raise ValueError(
            f"horizon={horizon!r}; wanted a whole number of rows, at least 1: how far ahead the target lies."
        )
    if type(table).__name__ == "LazyFrame":
        raise ValueError("table is a lazy frame; wanted its rows. Give table.collect().")
    if not hasattr(table, "columns"):
        table = _array(table)
    n_rows = len(table)
    if n_rows <= horizon:
        raise ValueError(
            f"the table has {n_rows} rows and horizon={horizon}; wanted more rows than the horizon, "
            f"since the last {horizon} have no target. Give a longer table or a smaller horizon."
        )
    names = [str(name) for name in table.columns] if hasattr(table, "columns") else None
    n_columns = table.shape[1]
    several = np.ndim(target) > 0
    wanted = range(n_columns) if target is None else list(target) if several else [target]
    columns = [_position(column, names, n_columns) for column in wanted]
    if not columns:
        raise ValueError(f"target={target!r} names no column; wanted at least one, or None for all {n_columns}.")
    single = len(columns) == 1 and not several
    n = n_rows - int(horizon)
    if hasattr(table, "iloc"):
        X = table.iloc[:n]
        y = table.iloc[horizon:, columns[0] if single else columns].set_axis(X.index, axis=0)
    else:
        X, y = table[:n], table[int(horizon) :, columns[0] if single else columns]
    return Supervised(X, y, int(horizon) - 1)


def _array(table: Any) -> np.ndarray:
    """A table that is no frame."""
    if isinstance(table, Sequences):
        raise ValueError(
            f"table is {table!r}; wanted one table (n_rows, n_features). Call make_supervised for one series."
        )
    array = np.asarray(table)
    if array.ndim != 2:
        hint = (
            "A single series is series[:, None] or series.to_frame()."
            if array.ndim == 1
            else "Call it for one series at a time."
        )
        raise ValueError(f"table has shape {array.shape}; wanted (n_rows, n_features), rows in time order. {hint}")
    return array


def _position(column: Any, names: list[str] | None, n_columns: int) -> int:
    """Where a target stands: names are looked up, numbers are positions, as in scikit-learn."""
    if isinstance(column, str):
        if names is None:
            raise ValueError(
                f"target={column!r} is a name, but the table is an array, which has none; give the position."
            )
        if names.count(column) != 1:
            found = "no column" if column not in names else f"{names.count(column)} columns"
            raise ValueError(f"target={column!r} names {found} of the table; wanted one of {names}.")
        return names.index(column)
    if not isinstance(column, Integral) or isinstance(column, bool):
        raise ValueError(f"target={column!r}; wanted a column's name or position, a list of these, or None for all.")
    place = int(column)
    if not -n_columns <= place < n_columns:
        raise ValueError(f"target={place} is no position among {n_columns} columns; wanted 0 to {n_columns - 1}.")
    return place % n_columns
