"""Fill what is missing, and pull in what cannot be."""

from typing import Annotated, Literal

import numpy as np

from sklearn_seq.params import AtLeast, Between, Positive, estimator
from sklearn_seq.preprocessing._base import _TimewiseTransformer
from sklearn_seq.preprocessing._blocks import CHUNK, flat, moments, quantiles, stretches
from sklearn_seq.sequences.container import Sequences

__all__ = ["OutlierClipper", "SequenceImputer"]


@estimator
class SequenceImputer(_TimewiseTransformer):
    """Fill missing values inside each sequence, and say where they were.

    ``"forward"`` repeats the last value of the sequence; before its first value there is none, and the feature's mean
    over the training data stands in. ``"linear"`` draws a line between the values on both sides, and repeats the
    nearest value at the ends. ``"constant"`` fills with ``fill_value``. A feature without any value in `fit` is filled
    with ``fill_value`` where a mean is wanted.

    Attributes
    ----------
    statistics_ : ndarray of shape (n_features,)
        The mean of each feature over the training data.

    See Also
    --------
    sklearn.impute.SimpleImputer : Fills tables, without regard to time.

    Notes
    -----
    Added features stand behind the others: first all indicators (1 where a value was missing), then all times since the
    last value (0 where there is a value; before the first one, the steps since the sequence began, that one included).
    A 2-D ``X`` of samples becomes 3-D, ``(n_samples, n_timesteps, 1 + added)``, as a time step has more features then.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import SequenceImputer
    >>> X = np.array([[np.nan, 2.0, np.nan, 4.0]])
    >>> SequenceImputer().fit_transform(X)
    array([[3., 2., 2., 4.]])
    >>> SequenceImputer(method="linear").fit_transform(X)
    array([[2., 2., 3., 4.]])
    """

    method: Annotated[Literal["forward", "linear", "constant"], "Where the values come from."] = "forward"
    fill_value: Annotated[float, Between(None, None, "neither"), "The constant."] = 0.0
    add_indicator: Annotated[bool, "Add, for each feature, a feature that marks the missing values."] = False
    add_elapsed: Annotated[bool, "Add, for each feature, the time steps since its last value."] = False
    centered: Annotated[
        bool, 'Let ``method="linear"`` look ahead in a table (``rows="time"``); samples it always may.'
    ] = False

    _allow_nan = True

    def _check_settings(self) -> None:
        if self.method == "linear" and self.rows == "time" and not self.centered:
            raise ValueError(
                "method='linear' was given with rows='time': a line to the next value fills the past from the future. "
                "Use method='forward', or set centered=True if looking ahead is meant."
            )

    def _learn(self, X: Sequences) -> None:
        mean, _ = moments(X)
        self.statistics_ = np.where(np.isnan(mean), self.fill_value, mean)

    def _apply(self, X: Sequences) -> Sequences:
        missing = np.isnan(X.values)
        look_back = self.add_elapsed or (self.method != "constant" and missing.any())
        if look_back:
            X = flat(X)  # what stands before a step depends on where the sequence begins
            missing = np.isnan(X.values)
            row = np.arange(len(missing))[:, None]
            start = np.repeat(X.starts, X.lengths)[:, None]
            last = np.maximum.accumulate(np.where(missing, -1, row))  # the row of the last value
            last = np.where(last < start, -1, last)  # of another sequence: none
        if look_back and self.method != "constant":
            parts = [self._filled(X, missing, row, last)]
        else:
            parts = [np.where(missing, X.dtype.type(self.fill_value), X.values)]
        if self.add_indicator:
            parts.append(missing.astype(X.dtype))
        if self.add_elapsed:
            parts.append((row - np.where(last < 0, start - 1, last)).astype(X.dtype))
        return X.map_values(np.hstack(parts) if len(parts) > 1 else parts[0])

    def _filled(self, X: Sequences, missing: np.ndarray, row: np.ndarray, last: np.ndarray) -> np.ndarray:
        before = np.take_along_axis(X.values, np.maximum(last, 0), axis=0)
        nothing = last < 0
        if self.method == "linear":
            n = len(missing)
            following = np.minimum.accumulate(np.where(missing, n, row)[::-1])[::-1]
            after = np.take_along_axis(X.values, np.minimum(following, n - 1), axis=0)
            there = following < np.repeat(X.stops, X.lengths)[:, None]
            with np.errstate(
                over="ignore", invalid="ignore"
            ):  # where a neighbour is no neighbour, and the line is not used
                line = before + (after - before) * ((row - last) / np.maximum(following - last, 1))
            before = np.where(nothing, after, np.where(there, line, before))
            nothing = nothing & ~there
        filled = np.where(nothing, self.statistics_, before)
        return np.where(missing, filled, X.values).astype(X.dtype, copy=False)

    def _gives_columns(self) -> bool:
        widened = self.add_indicator or self.add_elapsed
        return super()._gives_columns() and not (widened and self.__dict__.get("_kind") == "2-D")

    def _names(self, names: list[str]) -> list[str]:
        added = [f"{name}_missing" for name in names] if self.add_indicator else []
        return names + added + ([f"{name}_elapsed" for name in names] if self.add_elapsed else [])


@estimator
class OutlierClipper(_TimewiseTransformer):
    """Pull outliers back to the edge of what is plausible.

    ``"hampel"`` compares each value with the median of the window that ends at it: what lies further away than
    ``n_sigmas`` times 1.4826 median absolute deviations is set to that distance. ``"quantile"`` clips each feature to
    quantiles that `fit` learnt over the training data. NaN stay NaN and count in no statistic.

    Attributes
    ----------
    lower_, upper_ : ndarray of shape (n_features,)
        The bounds; only with ``method="quantile"``.

    Notes
    -----
    Where more than half of a window is one and the same value, its deviation is 0 and everything else in it goes to the
    median. For features that mostly stand still (rain, counts with many zeros) use ``method="quantile"``.

    References
    ----------
    F. R. Hampel (1974). The influence curve and its role in robust estimation. Journal of the American Statistical
    Association 69 (346).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import OutlierClipper
    >>> X = np.array([[1.0, 2.0, 3.0, 2.0, 99.0, 2.0, 1.0]])
    >>> OutlierClipper().fit_transform(X).round(2)
    array([[1.  , 2.  , 3.  , 2.  , 6.45, 2.  , 1.  ]])
    """

    method: Annotated[Literal["hampel", "quantile"], "Against the neighbours, or against the training data."] = "hampel"
    window: Annotated[int, AtLeast(2), 'Time steps of a window of ``"hampel"``.'] = 7
    n_sigmas: Annotated[float, Positive, 'How far is too far for ``"hampel"``.'] = 3.0
    quantile_range: Annotated[tuple[float, float], 'Lower and upper quantile of ``"quantile"``.'] = (0.01, 0.99)
    centered: Annotated[
        bool, 'Put the value in the middle of its window, so that what follows it counts too (``"hampel"``).'
    ] = False

    _allow_nan = True

    def _check_settings(self) -> None:
        if self.method == "hampel":
            refuse_even(self.window, self.centered)
            return
        try:
            low, high = (float(bound) for bound in self.quantile_range)
        except (TypeError, ValueError):
            low = high = np.nan
        if not 0 <= low < high <= 1:
            raise ValueError(
                f"quantile_range={self.quantile_range!r}; wanted two numbers with 0 <= lower < upper <= 1. "
                "Use such as (0.01, 0.99)."
            )

    def _learn(self, X: Sequences) -> None:
        if self.method == "quantile":
            lower, upper = quantiles(X, self.quantile_range)
            self.lower_, self.upper_ = (
                np.where(np.isnan(lower), -np.inf, lower),
                np.where(np.isnan(upper), np.inf, upper),
            )

    def _apply(self, X: Sequences) -> Sequences:
        if self.method == "quantile":
            return X.map_values(np.clip(X.values, self.lower_.astype(X.dtype), self.upper_.astype(X.dtype)))
        X = flat(X)
        first, count = stretches(X, self.window, centered=self.centered)
        out = np.empty_like(X.values)
        step = max(1, CHUNK // (self.window * X.n_features))
        for i in range(0, len(out), step):
            part = slice(i, i + step)
            out[part] = _hampel(X.values, part, first[part], count[part], self.window, self.n_sigmas)
        return X.map_values(out)


_SIGMA = 1.482602218505602  # standard deviation of a normal distribution over its median absolute deviation


def _hampel(
    values: np.ndarray, part: slice, first: np.ndarray, count: np.ndarray, window: int, n_sigmas: float
) -> np.ndarray:
    """The values of some rows, each clipped by its window."""
    lag = np.arange(min(window, int(count.max())))
    block = values[first[:, None] + np.minimum(lag, count[:, None] - 1)].astype(np.float64)  # (rows, window, F)
    block[lag >= count[:, None]] = np.nan
    middle = _median(block)
    reach = n_sigmas * _SIGMA * _median(np.abs(block - middle[:, None]))
    return np.clip(values[part], middle - reach, middle + reach)


def _median(block: np.ndarray) -> np.ndarray:
    """Median over axis 1 of what is not NaN, of shape (rows, F)."""
    block = np.sort(block, axis=1)  # NaN come last
    n = (~np.isnan(block)).sum(axis=1, keepdims=True)
    low, high = (np.take_along_axis(block, np.maximum(k, 0) // 2, axis=1) for k in (n - 1, n))
    return np.squeeze((low + high) / 2, axis=1)


def refuse_even(window: int, centered: bool) -> None:
    """A centred window needs a middle."""
    if centered and window % 2 == 0:
        raise ValueError(
            f"window={window} with centered=True; wanted an odd number, which has a middle. Use window={window + 1}."
        )
