"""How well steps are labelled: share of right steps, and F1 of whole spans."""

from typing import Any

import numpy as np

from sklearn_seq.params import public
from sklearn_seq.sequences.labels import StepLabels, read_step_labels
from sklearn_seq.sequences.weights import read_weight

__all__ = ["span_f1_score", "step_accuracy_score"]


def _read(y_true: Any, y_pred: Any, ignore_label: Any = None) -> tuple[StepLabels, StepLabels]:
    """Both as labels of the same steps."""
    true, said = read_step_labels(y_true, ignore_label, "y_true"), read_step_labels(y_pred, None, "y_pred")
    if len(true) != len(said):
        raise ValueError(f"y_true has {len(true)} sequences and y_pred has {len(said)}; wanted the same")
    wrong = np.flatnonzero(true.lengths != said.lengths)
    if len(wrong):
        i = wrong[0]
        raise ValueError(
            f"y_true[{i}] has {true.lengths[i]} labels and y_pred[{i}] has {said.lengths[i]}; wanted one for each step of both"
        )
    return true, said


@public
def step_accuracy_score(y_true: Any, y_pred: Any, *, ignore_label: Any = None, sample_weight: Any = None) -> float:
    """Share of the labelled steps whose label is right.

    Parameters
    ----------
    y_true, y_pred : array of shape (n_samples, n_timesteps), or list of arrays, lists or texts
        One label a step; steps whose true label is None or NaN do not count.
    ignore_label : label, optional
        Another true label that does not count.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of the sequences, and so of each of their steps.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError, TypeError
        For labels of other lengths, and when no step counts.

    Examples
    --------
    >>> from sklearn_seq import step_accuracy_score
    >>> step_accuracy_score(["HHEC", "CC"], ["HHCC", "CE"])
    0.6666666666666666
    """
    true, said = _read(y_true, y_pred, ignore_label)
    weight = np.repeat(read_weight(sample_weight, len(true)), true.lengths) * true.there
    if not weight.any():
        raise ValueError("no step of y_true has a label that counts; wanted one at least")
    same = np.zeros(len(weight), dtype=bool)
    if (true.values.dtype.kind == "U") == (said.values.dtype.kind == "U"):  # else no label is the same
        same = true.values == said.values
    return float(np.average(same & said.there, weights=weight))


@public
def span_f1_score(y_true: Any, y_pred: Any, *, average: str = "micro", ignore_label: Any = None) -> float:
    """F1 of spans that are marked by their beginnings: B-X, I-X, ..., O.

    A span is a label ``B-X`` and the ``I-X`` behind it. An ``I-X`` that follows neither ``B-X`` nor ``I-X`` begins a span too, as
    the script of CoNLL 2003 reads it. A predicted span is right when its kind, beginning and end are those of a true one.

    Parameters
    ----------
    y_true, y_pred : array of shape (n_samples, n_timesteps), or list of lists or arrays of str
        One label a step: "O", or "B-" or "I-" and a kind. Steps whose true label is None or NaN are left out of both: a span
        goes on behind them.
    average : {"micro", "macro"}
        Over all spans; or the mean over the kinds of spans, those predicted alone included.
    ignore_label : label, optional
        Another true label whose steps are left out, such as that of the later pieces of a word.

    Returns
    -------
    float
        From 0 to 1; 1 where neither has a span.

    Raises
    ------
    ValueError, TypeError
        For labels that are none of these, with the first of them, and for labels of other lengths.

    References
    ----------
    .. [1] E. F. Tjong Kim Sang, F. De Meulder. Introduction to the CoNLL-2003 shared task. CoNLL 2003.
    .. [2] L. A. Ramshaw, M. P. Marcus. Text chunking using transformation-based learning. VLC 1995.

    Examples
    --------
    >>> from sklearn_seq import span_f1_score
    >>> true = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-LOC"]]
    >>> said = [["B-PER", "I-PER", "O", "B-PER"], ["O", "B-LOC"]]
    >>> round(span_f1_score(true, said), 4)
    0.6667
    """
    if average not in ("micro", "macro"):
        raise ValueError(f"average={average!r}; wanted 'micro' or 'macro'")
    true, said = _read(y_true, y_pred, ignore_label)
    true, said = true.take(true.there), said.take(true.there)
    wanted, found = _spans(true, "y_true"), _spans(said, "y_pred")
    if average == "micro":
        return _f1(wanted, found)
    kinds = sorted({span[0] for span in wanted | found})
    if not kinds:
        return 1.0
    of_kind = [_f1(*({span for span in part if span[0] == kind} for part in (wanted, found))) for kind in kinds]
    return float(np.mean(of_kind))


def _f1(wanted: set[tuple[str, int, int]], found: set[tuple[str, int, int]]) -> float:
    n_both = len(wanted) + len(found)
    return 2 * len(wanted & found) / n_both if n_both else 1.0


def _spans(labels: StepLabels, name: str) -> set[tuple[str, int, int]]:
    """Kind, first step and the step behind the last of each span; steps are counted through all sequences."""
    if labels.values.dtype.kind != "U" and len(labels.values):
        raise TypeError(f'{name} holds labels of dtype {labels.values.dtype}; wanted str: "O", "B-X" or "I-X"')
    spans, stops = set(), np.cumsum(labels.lengths).tolist()
    values, there = labels.values.tolist(), labels.there.tolist()
    for start, stop in zip([0, *stops], stops):
        kind, begin = "", start
        for t in range(start, stop):
            label = values[t] if there[t] else "O"
            mark, _, new = label.partition("-")
            if (mark, new) != ("O", "") and (mark not in ("B", "I") or not new):
                raise ValueError(
                    f'{name} holds the label {label!r}; wanted "O", or "B-" or "I-" and the kind of a span'
                )
            if mark == "I" and kind == new:
                continue
            if kind:
                spans.add((kind, begin, t))
            kind, begin = new, t
        if kind:
            spans.add((kind, begin, stop))
    return spans
