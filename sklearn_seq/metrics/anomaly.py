"""Scores of anomaly scores over a series, where an anomaly is a stretch of rows: precision and recall that know ranges."""

from typing import Any, NamedTuple

import numpy as np

from sklearn_seq.metrics._reading import read_array
from sklearn_seq.params import public

__all__ = ["range_average_precision_score", "vus_pr_score", "vus_roc_score"]


@public
def range_average_precision_score(y_true: Any, y_score: Any, *, buffer: int = 0) -> float:
    """Average precision of anomaly scores over a series, where anomalies are ranges of rows.

    As scikit-learn's ``average_precision_score``, but for two things [1]_. Rows near an anomaly count in part: a row ``d`` rows off,
    up to ``buffer // 2``, as ``sqrt(1 - d / buffer)``. And recall is multiplied by the share of the anomalies that were met at all,
    so that rows of one long anomaly do not stand for all of them.

    Parameters
    ----------
    y_true : array-like of shape (n_rows,)
        1 or True in rows that are anomalous, in time order; at least one row is and one is not.
    y_score : array-like of shape (n_rows,)
        The higher, the more anomalous: ``-detector.score_samples(X)``.
    buffer : int, default=0
        Rows around an anomaly that count in part, half of them on each side. With 0 and one anomaly, or where each threshold meets
        all of them, the score is ``average_precision_score``.

    Returns
    -------
    float
        From 0 to 1; higher is better. Scores by chance come to about the share of anomalous rows.

    Raises
    ------
    ValueError
        For labels other than 0 and 1, for one kind of rows alone, or where rows differ in number.

    See Also
    --------
    vus_pr_score : The mean over buffers, which need not be chosen then.

    References
    ----------
    .. [1] J. Paparrizos, P. Boniol, T. Palpanas, R. S. Tsay, A. Elmore, M. J. Franklin. Volume under the surface: a new accuracy
       evaluation measure for time-series anomaly detection. PVLDB 15(11), 2022.

    Examples
    --------
    >>> from sklearn_seq.metrics import range_average_precision_score
    >>> round(range_average_precision_score([0, 0, 1, 1, 0], [0.1, 0.3, 0.9, 0.2, 0.1]), 3)
    0.833
    """
    series = _read(y_true, y_score)
    return _average_precision(series.at(_read_buffer(buffer, "buffer")))


@public
def vus_pr_score(y_true: Any, y_score: Any, *, max_buffer: int = 100) -> float:
    """Volume under the surface of precision, recall and buffer (VUS-PR): the mean of `range_average_precision_score` over buffers.

    Parameters
    ----------
    y_true : array-like of shape (n_rows,)
        1 or True in rows that are anomalous, in time order.
    y_score : array-like of shape (n_rows,)
        The higher, the more anomalous: ``-detector.score_samples(X)``.
    max_buffer : int, default=100
        Buffers are 0, 1, ..., ``max_buffer`` rows; about the length of what one wants to find, or of a season.

    Returns
    -------
    float
        From 0 to 1; higher is better.

    Raises
    ------
    ValueError
        For labels other than 0 and 1, for one kind of rows alone, or where rows differ in number.

    See Also
    --------
    vus_roc_score : The same of true and false positives, which flatters where anomalies are rare.

    References
    ----------
    J. Paparrizos, P. Boniol, T. Palpanas, R. S. Tsay, A. Elmore, M. J. Franklin. Volume under the surface: a new accuracy evaluation
    measure for time-series anomaly detection. PVLDB 15(11), 2022.

    Examples
    --------
    >>> from sklearn_seq.metrics import vus_pr_score
    >>> vus_pr_score([0, 0, 1, 1, 0, 0], [0, 0, 1, 1, 0, 0], max_buffer=0)
    1.0
    """
    series = _read(y_true, y_score)
    buffers = range(_read_buffer(max_buffer, "max_buffer") + 1)
    return float(np.mean([_average_precision(series.at(buffer)) for buffer in buffers]))


@public
def vus_roc_score(y_true: Any, y_score: Any, *, max_buffer: int = 100) -> float:
    """Volume under the surface of true positives, false positives and buffer (VUS-ROC).

    Parameters
    ----------
    y_true : array-like of shape (n_rows,)
        1 or True in rows that are anomalous, in time order.
    y_score : array-like of shape (n_rows,)
        The higher, the more anomalous: ``-detector.score_samples(X)``.
    max_buffer : int, default=100
        Buffers are 0, 1, ..., ``max_buffer`` rows.

    Returns
    -------
    float
        From 0 to 1; higher is better.

    Raises
    ------
    ValueError
        For labels other than 0 and 1, for one kind of rows alone, or where rows differ in number.

    References
    ----------
    J. Paparrizos, P. Boniol, T. Palpanas, R. S. Tsay, A. Elmore, M. J. Franklin. Volume under the surface: a new accuracy evaluation
    measure for time-series anomaly detection. PVLDB 15(11), 2022.

    Examples
    --------
    >>> from sklearn_seq.metrics import vus_roc_score
    >>> round(vus_roc_score([0, 1, 0, 0], [0, 1, 2, 0], max_buffer=0), 3)
    0.667
    """
    series = _read(y_true, y_score)
    buffers = range(_read_buffer(max_buffer, "max_buffer") + 1)
    return float(np.mean([_roc_area(series.at(buffer)) for buffer in buffers]))


class _Curve(NamedTuple):
    """What each threshold comes to, from the strictest on."""

    recall: np.ndarray
    precision: np.ndarray
    false: np.ndarray  # share of the normal rows that are called anomalous


class _Series(NamedTuple):
    """Labels and scores of a series, sorted once for all buffers."""

    labels: np.ndarray  # (n,), 0.0 or 1.0
    scores: np.ndarray  # (n,)
    order: np.ndarray  # rows, the most anomalous first
    ends: np.ndarray  # place in `order` of the last row at each distinct threshold
    starts: np.ndarray  # of the anomalies
    stops: np.ndarray

    def softened(self, buffer: int) -> np.ndarray:
        """Labels with what rows near an anomaly count, (n,)."""
        soft, n, reach = self.labels.copy(), len(self.labels), buffer // 2
        if not reach:
            return soft
        part = np.sqrt(1 - np.arange(1, reach + 1) / buffer)  # of rows 1, 2, ... off
        for start, stop in zip(self.starts.tolist(), self.stops.tolist(), strict=True):
            before, behind = min(reach, start), min(reach, n - stop)
            soft[start - before : start] += part[:before][::-1]
            soft[stop : stop + behind] += part[:behind]
        return np.minimum(soft, 1.0)

    def at(self, buffer: int) -> _Curve:
        """The curve for one buffer."""
        soft = self.softened(buffer)
        n, positive = len(soft), (self.labels.sum() + soft.sum()) / 2
        found = np.cumsum(soft[self.order])[self.ends]  # what true rows come to
        called = self.ends + 1.0
        starts, stops = _ranges(soft > 0)
        highest = np.array([self.scores[a:b].max() for a, b in zip(starts.tolist(), stops.tolist(), strict=True)])
        thresholds = self.scores[self.order[self.ends]]
        met = np.searchsorted(np.sort(-highest), -thresholds, "right") / len(highest)
        recall = np.minimum(found / positive, 1.0) * met
        return _Curve(recall, found / called, (called - found) / (n - positive))


def _average_precision(curve: _Curve) -> float:
    return float(np.diff(curve.recall, prepend=0.0) @ curve.precision)


def _roc_area(curve: _Curve) -> float:
    false = np.concatenate([[0.0], np.minimum(curve.false, 1.0), [1.0]])
    recall = np.concatenate([[0.0], curve.recall, [1.0]])
    return float(np.diff(false) @ (recall[1:] + recall[:-1]) / 2)


def _ranges(marked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where stretches of True begin and end."""
    edges = np.diff(marked.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def _read(y_true: Any, y_score: Any) -> _Series:
    labels, scores = read_array(y_true, "y_true"), read_array(y_score, "y_score")
    for name, array in (("y_true", labels), ("y_score", scores)):
        if array.ndim != 1:
            raise ValueError(f"{name} has shape {array.shape}; wanted (n_rows,). Score one series at a time.")
    if len(labels) != len(scores):
        raise ValueError(
            f"y_true has {len(labels)} rows and y_score has {len(scores)}; wanted one score for each row. Give both for the same rows."
        )
    other = labels[(labels != 0) & (labels != 1)]
    if len(other):
        hint = " If -1 is an anomaly, as detectors predict it, give y == -1." if (other == -1).any() else ""
        raise ValueError(f"y_true holds {other[0]:g}; wanted 1 for anomalous rows and 0 for others.{hint}")
    if labels.min() == labels.max():
        raise ValueError(
            f"all {len(labels)} rows of y_true are {labels[0]:g}; wanted both anomalous rows, 1, and others, 0. Leave such series out."
        )
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.diff(scores[order], append=-np.inf))
    return _Series(labels, scores, order, ends, *_ranges(labels > 0))


def _read_buffer(value: Any, name: str) -> int:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{name}={value!r}; wanted a whole number of rows, at least 0.")
    return int(value)
