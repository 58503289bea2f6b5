"""Conformal widths against their definition, and adaptive ones stepped by hand."""

import numpy as np
import pytest

from sklearn_seq.tasks.forecast_intervals import Calibration, adaptive_widths


def by_definition(errors, coverage):
    """The ceil((n + 1) coverage)-th smallest absolute error."""
    sizes = np.sort(np.abs(errors[~np.isnan(errors)]))
    rank = int(np.ceil((len(sizes) + 1) * coverage - 1e-9))
    return np.inf if rank > len(sizes) or not len(sizes) else sizes[rank - 1]


@pytest.mark.parametrize("n", [1, 2, 9, 10, 99, 399])
@pytest.mark.parametrize("coverage", [0.05, 0.5, 0.8, 0.9, 0.99])
def test_width_is_an_order_statistic(n, coverage):
    errors = np.random.default_rng(n).standard_t(3, size=(n, 2, 3))
    found = Calibration.of(errors).width(coverage)
    assert found.shape == (2, 3)
    for j in range(2):
        for k in range(3):
            assert found[j, k] == pytest.approx(by_definition(errors[:, j, k], coverage), rel=1e-12)


def test_nine_errors_are_enough_for_ninety_percent_and_eight_are_not():
    errors = np.arange(1.0, 10.0)[:, None, None]
    assert Calibration.of(errors).width(0.9).item() == 9.0
    assert Calibration.of(errors[:8]).width(0.9).item() == np.inf


@pytest.mark.parametrize("n", [401, 1000, 5000])
@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.99])
def test_many_errors_err_to_the_wide_side(n, coverage):
    errors = np.random.default_rng(n).normal(size=(n, 1, 1))
    found, exact = Calibration.of(errors).width(coverage).item(), by_definition(errors, coverage)
    wider = by_definition(errors, coverage + 1 / 399 + 1 / n)
    assert exact <= found <= wider


def test_errors_that_are_missing_do_not_count():
    errors = np.random.default_rng(0).normal(size=(60, 2, 1))
    errors[::3, 0] = np.nan
    errors[:, 1] = np.nan
    calibration = Calibration.of(errors)
    assert calibration.n.tolist() == [[40], [0]]
    assert calibration.width(0.8)[1, 0] == np.inf
    exact = by_definition(errors[:, 0], 0.8)
    assert exact <= calibration.width(0.8)[0, 0] <= by_definition(errors[:, 0], 0.85)


def test_each_step_and_target_may_have_its_own_coverage():
    errors = np.random.default_rng(0).normal(size=(99, 2, 2))
    calibration = Calibration.of(errors)
    coverage = np.array([[0.5, 0.6], [0.7, 0.8]])
    found = calibration.widths(coverage)
    for j, k in np.ndindex(2, 2):
        assert found[j, k] == pytest.approx(by_definition(errors[:, j, k], coverage[j, k]))
    assert (calibration.widths(np.zeros((2, 2))) == 0).all()
    assert np.isinf(calibration.widths(np.ones((2, 2)))).all()


def test_quantiles_are_those_of_numpy():
    errors = np.random.default_rng(0).normal(size=(101, 2, 1))
    for level in (0.0, 0.13, 0.5, 0.97, 1.0):
        np.testing.assert_allclose(Calibration.of(errors).quantile(level), np.quantile(errors, level, axis=0))


def test_widths_cover_what_they_say():
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(1000):
        errors = rng.exponential(size=20)
        hits.append(abs(errors[-1]) <= Calibration.of(errors[:-1, None, None]).width(0.9).item())
    assert np.mean(hits) == pytest.approx(0.9, abs=0.03)  # 18 of 20 by symmetry


def stepped(calibration, sizes, coverage, stride, rate):
    """One origin after another, in plain Python."""
    n, horizon, n_targets = sizes.shape
    found = np.empty(sizes.shape)
    for j, k in np.ndindex(horizon, n_targets):
        level, counted = coverage, 0
        for i in range(n):
            while counted < i and counted * stride + j < i * stride:  # the row of that step lies before this origin
                if not np.isnan(sizes[counted, j, k]):
                    missed = sizes[counted, j, k] > found[counted, j, k]
                    level += rate * (missed - (1 - coverage))
                counted += 1
            largest = 2 * calibration.sizes[-1, j, k]
            width = calibration.widths(np.full((horizon, n_targets), np.clip(level, 0, 1)))[j, k]
            found[i, j, k] = largest if level >= 1 or np.isinf(width) else width
    return found


@pytest.mark.parametrize("stride", [1, 2, 3, 7])
@pytest.mark.parametrize("horizon", [1, 4])
def test_adaptive_widths_are_those_stepped_by_hand(horizon, stride):
    rng = np.random.default_rng(horizon)
    calibration = Calibration.of(rng.normal(size=(80, horizon, 2)))
    sizes = np.abs(rng.normal(size=(120, horizon, 2))) * np.linspace(0.2, 4, 120)[:, None, None]
    sizes[rng.random(sizes.shape) < 0.1] = np.nan
    found = adaptive_widths(calibration, sizes, 0.8, stride, 0.05)
    np.testing.assert_allclose(found, stepped(calibration, sizes, 0.8, stride, 0.05))


def test_the_first_origin_is_the_static_one_and_misses_widen():
    calibration = Calibration.of(np.arange(1.0, 101.0)[:, None, None])
    widths = adaptive_widths(calibration, np.full((30, 1, 1), 1000.0), 0.5, 1, 0.02).ravel()
    assert widths[0] == calibration.width(0.5).item()
    assert (np.diff(widths) >= 0).all() and np.isfinite(widths).all() and widths[-1] > widths[0]
    narrow = adaptive_widths(calibration, np.zeros((30, 1, 1)), 0.5, 1, 0.02).ravel()
    assert (np.diff(narrow) <= 0).all() and narrow[-1] < narrow[0]


def test_a_width_reads_nothing_that_lies_ahead():
    rng = np.random.default_rng(0)
    calibration = Calibration.of(rng.normal(size=(80, 3, 1)))
    sizes = np.abs(rng.normal(size=(60, 3, 1)))
    before = adaptive_widths(calibration, sizes, 0.9, 2, 0.05)
    changed = sizes.copy()
    rows = np.arange(60)[:, None] * 2 + np.arange(3)  # the row of each step
    changed[rows >= 50] += 100  # origin 25 is at row 50
    after = adaptive_widths(calibration, changed, 0.9, 2, 0.05)
    np.testing.assert_array_equal(before[:26], after[:26])
    assert (before[26:] != after[26:]).any()
