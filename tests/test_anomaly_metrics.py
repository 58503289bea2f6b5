"""Scores of anomaly scores: cases counted by hand, scikit-learn where both must agree, and messages."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from sklearn_seq.metrics import range_average_precision_score, vus_pr_score, vus_roc_score

METRICS = [range_average_precision_score, vus_pr_score, vus_roc_score]


def one_range(seed, n=60, ties=False):
    rng = np.random.default_rng(seed)
    labels = np.zeros(n)
    start = rng.integers(0, n - 12)
    labels[start : start + 10] = 1
    scores = rng.normal(size=n) + labels
    return labels, np.round(scores, 0) if ties else scores


def by_definition(labels, scores, buffer):
    """Recall, precision and false positives for each threshold, written as the paper has them; a loop over all."""
    n = len(labels)
    soft = labels.astype(float).copy()
    rows = np.flatnonzero(labels)
    groups = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    for group in groups:
        for t in range(n):
            off = max(group[0] - t, t - group[-1], 0)
            if 0 < off <= buffer // 2:
                soft[t] += np.sqrt(1 - off / buffer)
    soft = np.minimum(soft, 1)
    marked = np.flatnonzero(soft > 0)
    events = np.split(marked, np.flatnonzero(np.diff(marked) > 1) + 1)
    positive = (labels.sum() + soft.sum()) / 2
    points = [(0.0, 1.0, 0.0)]
    for threshold in np.unique(scores)[::-1]:
        called = scores >= threshold
        true = (soft * called).sum()
        met = np.mean([called[event].any() for event in events])
        points.append((min(true / positive, 1) * met, true / called.sum(), (called.sum() - true) / (n - positive)))
    return np.array(points)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_without_buffer_one_anomaly_is_average_precision(seed, ties):
    labels, scores = one_range(seed, ties=ties)
    assert range_average_precision_score(labels, scores) == pytest.approx(
        average_precision_score(labels, scores), abs=1e-12
    )
    assert vus_pr_score(labels, scores, max_buffer=0) == pytest.approx(
        average_precision_score(labels, scores), abs=1e-12
    )
    assert vus_roc_score(labels, scores, max_buffer=0) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@pytest.mark.parametrize("buffer", [0, 1, 2, 5, 8, 40])
@pytest.mark.parametrize("seed", range(4))
def test_as_the_definition_says(seed, buffer):
    rng = np.random.default_rng(seed)
    labels = np.zeros(50)
    labels[[3, 4, 5, 20, 30, 31, 49]] = 1
    scores = np.round(rng.normal(size=50) + labels, 1)
    recall, precision, _ = by_definition(labels, scores, buffer).T
    wanted = np.sum(np.diff(recall) * precision[1:])
    assert range_average_precision_score(labels, scores, buffer=buffer) == pytest.approx(wanted, abs=1e-12)


def test_volumes_are_means_over_buffers():
    labels, scores = one_range(3)
    pr = [range_average_precision_score(labels, scores, buffer=b) for b in range(7)]
    assert vus_pr_score(labels, scores, max_buffer=6) == pytest.approx(np.mean(pr), abs=1e-12)
    roc = []
    for buffer in range(7):
        recall, _, false = by_definition(labels, scores, buffer).T
        roc.append(np.trapezoid(np.append(recall, 1), np.append(np.minimum(false, 1), 1)))
    assert vus_roc_score(labels, scores, max_buffer=6) == pytest.approx(np.mean(roc), abs=1e-12)


def test_counted_by_hand():
    # rows 2 and 3 are anomalous; a buffer of 2 counts rows 1 and 4 as sqrt(1/2) each: 1 + 1 + 1.414 = 3.414 in all, and
    # positives are (2 + 3.414) / 2 = 2.707. Row 4 is called first: true 0.7071, recall 0.2612, precision 0.7071. Then row 2:
    # true 1.7071, recall 0.6306, precision 0.8536. Then all six: true 3.414, recall 1, precision 0.5690.
    labels, scores = [0, 0, 1, 1, 0, 0], [0, 0, 2, 0, 3, 0]
    half = np.sqrt(0.5)
    positive = (2 + 2 + 2 * half) / 2
    wanted = half / positive * half + 1 / positive * (1 + half) / 2 + (1 - (1 + half) / positive) * (2 + 2 * half) / 6
    assert range_average_precision_score(labels, scores, buffer=2) == pytest.approx(wanted, abs=1e-12)
    assert wanted == pytest.approx(0.2612 * 0.7071 + 0.3694 * 0.8536 + 0.3694 * 0.5690, abs=1e-3)


def test_anomalies_that_are_missed_cost_recall():
    # two anomalies of one row; the first is called first: recall 1/2 of the rows times 1/2 of the anomalies
    labels, scores = [1, 0, 1, 0], [3, 2, 1, 0]
    assert average_precision_score(labels, scores) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert range_average_precision_score(labels, scores) == pytest.approx(0.25 * 1 + 0.75 * 2 / 3)


@pytest.mark.parametrize("metric", METRICS)
def test_only_the_order_of_scores_counts(metric):
    labels, scores = one_range(1)
    assert metric(labels, scores) == metric(labels, np.exp(scores)) == metric(labels.astype(bool), scores)
    assert metric(labels, labels) > metric(labels, scores) > metric(labels, -labels)


def test_scores_near_an_anomaly_are_worth_something_with_a_buffer_alone():
    labels = np.zeros(100)
    labels[50:55] = 1
    near, far = np.zeros(100), np.zeros(100)
    near[56:60], far[80:84] = 1, 1
    assert range_average_precision_score(labels, near) == range_average_precision_score(labels, far)
    assert vus_pr_score(labels, near, max_buffer=20) > 2 * vus_pr_score(labels, far, max_buffer=20)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([1, -1, 1], [0, 0, 0], r"^y_true holds -1; wanted 1 for anomalous .* give y == -1\.$"),
        ([0, 2, 1], [0, 0, 0], r"^y_true holds 2; wanted 1 for anomalous rows and 0 for others\.$"),
        ([0, 0, 0], [0, 0, 0], r"^all 3 rows of y_true are 0; wanted both"),
        ([1, 1], [0, 0], r"^all 2 rows of y_true are 1; wanted both"),
        ([0, 1], [0, 0, 0], r"^y_true has 2 rows and y_score has 3; wanted one score for each row"),
        ([0, 1], [[0], [0]], r"^y_score has shape \(2, 1\); wanted \(n_rows,\)"),
        ([0, 1], [np.nan, 0], r"y_score contains NaN"),
    ],
)
def test_refused(metric, labels, scores, message):
    with pytest.raises(ValueError, match=message):
        metric(labels, scores)


@pytest.mark.parametrize("buffer", [-1, 1.5, True, None])
def test_buffers_are_whole_numbers(buffer):
    with pytest.raises(ValueError, match=r"^buffer=.*; wanted a whole number of rows, at least 0\.$"):
        range_average_precision_score([0, 1], [0, 1], buffer=buffer)
    with pytest.raises(ValueError, match=r"^max_buffer="):
        vus_pr_score([0, 1], [0, 1], max_buffer=buffer)
