"""Quantiles of intervals: how values, changes and frequencies are spread over parts of each sequence."""

from collections.abc import Iterator
from typing import Annotated, NamedTuple

import numpy as np

from sklearn_seq.params import AtLeast, estimator
from sklearn_seq.preprocessing._base import _FeatureTransformer
from sklearn_seq.sequences.container import Sequences

__all__ = ["IntervalQuantiles"]

_SMOOTHED = 5  # steps of the moving mean before the first difference
# How far quantiles are thinned out before the depth is reduced: to a quarter, or until a whole sequence has this many.
_THINNER = 4
_FEW = 16
_CHUNK = 1 << 19  # numbers worked on at once
_LIMIT = 1e30  # values beyond are cut off: their sums would leave float32


@estimator
class IntervalQuantiles(_FeatureTransformer):
    """Features of sequences: quantiles of intervals, of the values, their changes and their frequencies.

    Each channel is looked at in four ways: its values; the first difference of its moving mean over 5 steps; its second
    difference; the magnitude of its Fourier transform. Each of them is cut in 1, 2, 4, ... intervals, and those but the
    first once more half an interval later. Of an interval of ``m`` steps there are ``1 + (m - 1) // 4`` quantiles, from
    the least value to the greatest, every second one as its distance from the interval's mean; a single one is the
    lower median. There is nothing random, and nothing is learnt but the length.

    The features of all channels stand side by side. Where they would be more than ``max_features``, intervals get fewer
    quantiles (a quarter; of long sequences less, 16 of a whole one), then there are fewer levels of intervals, and at
    the last level again fewer quantiles. Four features a channel always stay.

    Intervals are parts of a sequence's own length, so that ragged data have as many features as any other: the
    number of quantiles is that of the median length in `fit`, and in intervals of other lengths they are interpolated.
    A sequence too short for a difference has 0 there.

    Attributes
    ----------
    length_ : int
        Median length in `fit` (the lower one of two).
    depth_ : int
        Levels of intervals; those of the parameter that there are, or for which there is room.
    steps_per_quantile_ : int
        Steps of an interval for each quantile but the first.

    See Also
    --------
    RandomShapelets : Features that tell which short patterns occur.

    Notes
    -----
    Features have the units of the data, and those of different kinds are of different size: scale them, or use
    trees, which the article does.

    References
    ----------
    .. [1] A. Dempster, D. F. Schmidt, G. I. Webb. QUANT: a minimalist interval method for time series classification.
       Data Mining and Knowledge Discovery 38, 2377-2402, 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import IntervalQuantiles
    >>> X = np.array([[1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 0.0, 0.0, 0.0, 9.0]])
    >>> quantiles = IntervalQuantiles(depth=1).fit(X)
    >>> quantiles.get_feature_names_out().tolist()[:3]
    ['values_0of1_q0', 'values_0of1_q1', 'changes_0of1_q0']
    >>> quantiles.transform(X)[:, :2]
    array([[1. , 2. ],
           [0. , 7.2]], dtype=float32)
    """

    depth: Annotated[int, AtLeast(1), "Levels of intervals, as far as they hold a step each: 1, 2, 4, ... of them."] = 6
    steps_per_quantile: Annotated[int, AtLeast(1), "An interval has a quantile more for each so many steps."] = 4
    max_features: Annotated[int, AtLeast(1), "About how many features to make at most, over all channels."] = 20_000

    def _learn(self, X: Sequences) -> None:
        lengths = np.sort(X.lengths)
        self.length_ = int(lengths[(len(lengths) - 1) // 2])
        self.depth_, self.steps_per_quantile_ = self._within(X.n_features)

    def _within(self, n_channels: int) -> tuple[int, int]:
        """Depth and steps per quantile with which there are not too many features."""
        deepest = min(self.depth, self.length_.bit_length())  # no view has more levels
        thinnest = max(_THINNER * self.steps_per_quantile, self.length_ // _FEW)
        for depth in range(deepest, 0, -1):
            step = self.steps_per_quantile
            while n_channels * _count(_plan(self.length_, depth, step)) > self.max_features:
                if step >= self.length_ if depth == 1 else 2 * step > thinnest:
                    break
                step *= 2
            else:
                break
        return depth, step

    def _features(self, X: Sequences) -> np.ndarray:
        plan = _plan(self.length_, self.depth_, self.steps_per_quantile_)
        n_columns = _count(plan)
        out = np.empty((len(X), X.n_features, n_columns), dtype=np.float32)
        order = np.argsort(X.lengths, kind="stable")
        lengths, first = np.unique(X.lengths[order], return_index=True)
        for length, members in zip(lengths.tolist(), np.split(order, first[1:]), strict=True):
            size = max(1, _CHUNK // (length * X.n_features))
            for i in range(0, len(members), size):
                rows = members[i : i + size]
                values = np.clip(X[rows].to_padded(), -_LIMIT, _LIMIT)  # (B, T, F)
                series = np.ascontiguousarray(values.transpose(0, 2, 1)).reshape(-1, length)
                out[rows] = _row_features(series, plan, n_columns).reshape(len(rows), -1, n_columns)
        return out.reshape(len(X), -1)

    def _names(self, names: list[str]) -> list[str]:
        own = [
            f"{view}_{i}of{2**part.level}{'_later' if part.later else ''}_q{q}"
            for view, parts in zip(_VIEWS, _plan(self.length_, self.depth_, self.steps_per_quantile_), strict=True)
            for part in parts
            for i, count in enumerate(part.counts.tolist())
            for q in range(count)
        ]
        return own if self._kind == "2-D" else [f"{name}_{feature}" for name in names for feature in own]


_VIEWS = ("values", "changes", "bends", "frequencies")


class _Part(NamedTuple):
    """Intervals of one level of one view: how fine they are, whether half an interval later, quantiles of each."""

    level: int
    later: bool
    counts: np.ndarray


def _view_lengths(length: int) -> tuple[int, ...]:
    """Steps of each view of a sequence."""
    return length, length - 1, max(0, length - 2), length // 2 + 1


def _plan(length: int, depth: int, step: int) -> list[list[_Part]]:
    """For each view the parts that sequences of this length have; it fixes the columns for all."""
    plan = []
    for n in _view_lengths(length):
        parts = []
        for level in range(min(depth, n.bit_length())):  # none where the view is empty
            for later in (False, True) if level and np.median(np.diff(_cuts(n, level))) > 1 else (False,):
                starts, stops = _intervals(n, level, later)
                parts.append(_Part(level, later, 1 + (stops - starts - 1) // step))
        plan.append(parts)
    return plan


def _count(plan: list[list[_Part]]) -> int:
    return int(sum(part.counts.sum() for parts in plan for part in parts))


def _cuts(n: int, level: int) -> np.ndarray:
    return n * np.arange(2**level + 1) // 2**level


def _intervals(n: int, level: int, later: bool) -> tuple[np.ndarray, np.ndarray]:
    """Starts and stops of the intervals of a level; where there are fewer steps than intervals, they share steps."""
    cuts = _cuts(n, level)
    starts, stops = cuts[:-1], cuts[1:]
    if later:
        half = int(np.ceil(np.median(stops - starts) / 2))
        starts, stops = starts[:-1] + half, stops[:-1] + half
    starts = np.minimum(starts, n - 1)
    return starts, np.clip(stops, starts + 1, n)


def _views(series: np.ndarray) -> Iterator[np.ndarray]:
    """The four views of series (B, T); a single 0 where a sequence is too short for one."""
    length = series.shape[1]
    nothing = np.zeros((len(series), 1), dtype=series.dtype)
    yield series
    smooth = series
    if length >= _SMOOTHED:
        padded = np.pad(series, ((0, 0), (_SMOOTHED // 2, _SMOOTHED // 2)), mode="edge")
        smooth = sum(padded[:, i : i + length] for i in range(_SMOOTHED)) / _SMOOTHED  # type: ignore[assignment]
    yield np.diff(smooth, axis=1) if length > 1 else nothing
    yield np.diff(series, n=2, axis=1) if length > 2 else nothing
    # in float64: a high level would drown all other frequencies in its rounding
    yield np.abs(np.fft.rfft(series.astype(np.float64), axis=1)).astype(series.dtype)


def _row_features(series: np.ndarray, plan: list[list[_Part]], n_columns: int) -> np.ndarray:
    """All features of series (B, T) of one length."""
    out = np.empty((len(series), n_columns), dtype=np.float32)
    done = 0
    for view, parts in zip(_views(series), plan, strict=True):
        for part in parts:
            starts, stops = _intervals(view.shape[1], part.level, part.later)
            lengths, counts = stops - starts, part.counts
            column = done + np.cumsum(counts) - counts
            # the intervals of a level have few lengths: those alike are worked on as one
            for length, count in sorted(set(zip(lengths.tolist(), counts.tolist()))):
                alike = np.flatnonzero((lengths == length) & (counts == count))
                steps = starts[alike][:, None] + np.arange(length)
                columns = column[alike][:, None] + np.arange(count)
                out[:, columns] = _quantiles(np.take(view, steps, axis=1), count)
            done += int(counts.sum())
    return out


def _quantiles(values: np.ndarray, count: int) -> np.ndarray:
    """``count`` quantiles of each interval in values (B, n_intervals, length), which are sorted in place."""
    values.sort(axis=-1)
    last = values.shape[-1] - 1
    if count == 1:
        return values[..., last // 2, None]
    place = np.linspace(0.0, 1.0, count) * last
    low = place.astype(np.int64)
    high = np.minimum(low + 1, last)
    below = values[..., low]
    found = below + (values[..., high] - below) * (place - low).astype(values.dtype)
    found[..., 1::2] -= values.mean(axis=-1, keepdims=True)
    return found
