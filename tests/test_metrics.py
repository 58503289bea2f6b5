"""Metrics against integrals, brute force, scipy, scikit-learn, and tables small enough to count by hand."""

import inspect
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.metrics import brier_score_loss, log_loss, mean_absolute_error, mean_pinball_loss

from sklearn_seq import metrics
from sklearn_seq.metrics import (
    brier_score,
    crps_from_samples,
    expected_calibration_error,
    gaussian_crps,
    gaussian_nll,
    interval_coverage,
    interval_score,
    negative_log_likelihood,
    quantile_calibration_error,
)

RNG = np.random.default_rng(0)
N = 40
Y = RNG.normal(2, 3, size=N)
MEAN = RNG.normal(2, 2, size=N)
STD = RNG.uniform(0.1, 4, size=N)
DRAWS = MEAN[:, None] + STD[:, None] * RNG.normal(size=(N, 17))
LABELS = np.array(list("cab"))[RNG.integers(3, size=N)]
PROBA = RNG.dirichlet([1, 2, 3], size=N)
BINARY = RNG.integers(2, size=N)
LOW, HIGH = MEAN - STD, MEAN + STD
COPIES, ORDER, WEIGHT = RNG.integers(4, size=N), RNG.permutation(N), RNG.uniform(size=N)

# every metric: its predictions, and what else it wants
NUMBERS = {
    gaussian_nll: ({"mean": MEAN, "std": STD}, {}),
    gaussian_crps: ({"mean": MEAN, "std": STD}, {}),
    quantile_calibration_error: ({"mean": MEAN, "std": STD}, {}),
    interval_coverage: ({"lower": LOW, "upper": HIGH}, {}),
    interval_score: ({"lower": LOW, "upper": HIGH}, {"coverage": 0.7}),
    crps_from_samples: ({"samples": DRAWS}, {}),
}
CLASSES = {
    "brier": (brier_score, {}),
    "nll": (negative_log_likelihood, {}),
    "ece, uniform": (expected_calibration_error, {"n_bins": 7}),
    "ece, quantile": (expected_calibration_error, {"n_bins": 8, "strategy": "quantile"}),
}
ALL = {metric.__name__: (metric, Y, *arguments) for metric, arguments in NUMBERS.items()}
ALL |= {name: (metric, LABELS, {"y_proba": PROBA}, rest) for name, (metric, rest) in CLASSES.items()}


def two_outputs(values):
    return np.column_stack([values, values[::-1] * 0.5])


# -- what all have in common ---------------------------------------------------------------------------------------------


def test_every_metric_of_the_room_is_tested_here():
    """Or, what is of forecasts, quantiles, anomalies, tags, transcripts and translations, in the test files of those."""
    files = {name: Path(inspect.getsourcefile(getattr(metrics, name))).stem for name in metrics.__all__}
    others = ("forecasting", "quantiles", "scorers", "anomaly", "tagging", "transcription", "translation")
    elsewhere = {name for name, file in files.items() if file in others}
    assert {metric.__name__ for metric, *_ in ALL.values()} == set(metrics.__all__) - elsewhere - {"interval_width"}


@pytest.mark.parametrize("name", ALL)
def test_weights_are_copies_of_rows(name):
    metric, y, predictions, rest = ALL[name]
    rows = np.repeat(np.arange(N), COPIES)
    copied = metric(y[rows], **{key: values[rows] for key, values in predictions.items()}, **rest)
    assert metric(y, **predictions, **rest, sample_weight=COPIES) == pytest.approx(copied, rel=1e-12)
    assert copied != pytest.approx(metric(y, **predictions, **rest), rel=1e-6)
    ones = metric(y, **predictions, **rest, sample_weight=np.ones(N))
    assert ones == metric(y, **predictions, **rest)
    for unit in (0.1, 1e6):
        assert metric(y, **predictions, **rest, sample_weight=np.full(N, unit)) == pytest.approx(ones, rel=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_the_order_of_rows_does_not_matter_and_nothing_is_written_to(name):
    metric, y, predictions, rest = ALL[name]
    shuffled = {key: values[ORDER] for key, values in predictions.items()}
    for values in shuffled.values():
        values.flags.writeable = False
    value = metric(y, **predictions, **rest)
    assert type(value) is float
    assert metric(y[ORDER], **shuffled, **rest) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("container", [list, pd.Series, pl.Series, np.float64])
@pytest.mark.parametrize("metric", [metric for metric in NUMBERS if metric is not crps_from_samples])
def test_containers_and_columns(metric, container):
    predictions, rest = NUMBERS[metric]
    y, arrays = np.float32(Y), {key: np.float32(values) for key, values in predictions.items()}
    wanted = metric(y, **arrays, **rest)
    assert metric(container(y), **{key: container(values) for key, values in arrays.items()}, **rest) == wanted
    assert metric(y[:, None], **arrays, **rest) == wanted


@pytest.mark.parametrize("metric", [metric for metric in NUMBERS if metric is not crps_from_samples])
def test_outputs_are_averaged(metric):
    predictions, rest = NUMBERS[metric]
    both = {key: two_outputs(values) for key, values in predictions.items()}
    each = [
        metric(two_outputs(Y)[:, k], **{key: v[:, k] for key, v in both.items()}, **rest, sample_weight=WEIGHT)
        for k in (0, 1)
    ]
    assert metric(two_outputs(Y), **both, **rest, sample_weight=WEIGHT) == pytest.approx(np.mean(each), rel=1e-12)


@pytest.mark.parametrize("metric", [*NUMBERS, *(metric for metric, _ in CLASSES.values())])
def test_conventions_of_scikit_learn(metric):
    parameters = inspect.signature(metric).parameters
    assert next(iter(parameters)) == "y_true"
    assert parameters["sample_weight"].kind is inspect.Parameter.KEYWORD_ONLY
    assert parameters["sample_weight"].default is None


# -- Gaussian ------------------------------------------------------------------------------------------------------------


def test_gaussian_nll_is_scipys_density():
    assert gaussian_nll(Y, MEAN, STD) == pytest.approx(-norm.logpdf(Y, MEAN, STD).mean(), rel=1e-12)
    assert gaussian_nll([0.0], [0.0], [1.0]) == pytest.approx(0.5 * np.log(2 * np.pi), rel=1e-15)


def test_gaussian_crps_is_its_integral():
    for y, mean, std in [(0.3, 0, 1), (5, 1, 0.5), (-2, 3, 4), (1, 1, 2)]:
        below = quad(lambda x: norm.cdf(x, mean, std) ** 2, mean - 20 * std, y)[0]  # noqa: B023
        above = quad(lambda x: norm.sf(x, mean, std) ** 2, y, max(y, mean) + 20 * std)[0]  # noqa: B023
        assert gaussian_crps([y], [mean], [std]) == pytest.approx(below + above, rel=1e-6)


def test_gaussian_crps_of_a_sure_model_is_the_absolute_error():
    assert gaussian_crps(Y, MEAN, np.full(N, 1e-9)) == pytest.approx(mean_absolute_error(Y, MEAN), rel=1e-8)


@pytest.mark.parametrize("metric", [gaussian_nll, gaussian_crps])
def test_the_truth_scores_best(metric):
    """Proper: in expectation, which a quadrature over quantiles gives, the true Gaussian beats all others."""
    y = norm.ppf((np.arange(2000) + 0.5) / 2000, 1, 2)
    scores = {
        (mean, std): metric(y, np.full(2000, mean), np.full(2000, std))
        for mean in (0.5, 1.0, 1.5)
        for std in (1.5, 2.0, 2.5)
    }
    assert min(scores, key=scores.get) == (1.0, 2.0)


# -- draws ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_draws", [1, 2, 3, 17])
def test_crps_from_samples_is_all_pairs(n_draws):
    draws = np.round(DRAWS[:, :n_draws], 1)  # with ties
    pairs = np.abs(draws[:, :, None] - draws[:, None, :]).mean(axis=(1, 2))
    brute = np.abs(draws - Y[:, None]).mean(axis=1) - 0.5 * pairs
    assert crps_from_samples(Y, draws) == pytest.approx(brute.mean(), rel=1e-12)


def test_crps_from_samples_is_the_integral_of_the_steps():
    draws, y = np.array([-1.0, 0.5, 0.5, 3.0]), 1.2
    grid = np.linspace(-2, 4, 600_001)
    steps = np.searchsorted(draws, grid, side="right") / 4
    integral = ((steps - (grid >= y)) ** 2).mean() * 6
    assert crps_from_samples([y], [draws]) == pytest.approx(integral, abs=1e-4)


def test_crps_of_one_draw_is_the_absolute_error():
    assert crps_from_samples(Y, DRAWS[:, :1]) == pytest.approx(mean_absolute_error(Y, DRAWS[:, 0]), rel=1e-12)


def test_crps_of_many_draws_is_that_of_the_distribution():
    quantiles = norm.ppf((np.arange(4000) + 0.5) / 4000)
    draws = MEAN[:, None] + STD[:, None] * quantiles
    assert crps_from_samples(Y, draws) == pytest.approx(gaussian_crps(Y, MEAN, STD), rel=1e-4)


def test_few_draws_score_worse_by_what_the_notes_say():
    rng = np.random.default_rng(1)
    y, draws = rng.normal(size=100_000), rng.normal(size=(100_000, 4))
    excess = crps_from_samples(y, draws) - gaussian_crps(y, np.zeros(100_000), np.ones(100_000))
    assert excess == pytest.approx(2 / np.sqrt(np.pi) / (2 * 4), abs=0.005)  # E|X - X'| is 2 / sqrt(pi)


def test_crps_keeps_its_digits_at_a_high_level():
    level = 2.0**40
    y, draws = np.floor(Y), np.floor(DRAWS)  # whole numbers, so that adding a level loses nothing
    assert crps_from_samples(y + level, draws + level) == crps_from_samples(y, draws)


# -- classes -------------------------------------------------------------------------------------------------------------


def test_brier_score_against_scikit_learn():
    by_class = [brier_score_loss(LABELS == label, PROBA[:, k]) for k, label in enumerate("abc")]
    assert brier_score(LABELS, PROBA) == pytest.approx(sum(by_class), rel=1e-12)
    p = PROBA[:, 0]
    assert brier_score(BINARY, p) == pytest.approx(2 * brier_score_loss(BINARY, p), rel=1e-12)


def test_brier_score_ends():
    assert brier_score([0, 1, 2], np.eye(3)) == 0
    assert brier_score([0, 1, 2], np.eye(3)[[1, 2, 0]]) == 2
    assert brier_score([0, 1, 2], np.full((3, 3), 1 / 3)) == pytest.approx(2 / 3)


def test_negative_log_likelihood_is_log_loss():
    for y, proba in [(LABELS, PROBA), (BINARY, PROBA[:, 0]), (LABELS, PROBA.astype(np.float32))]:
        wanted = log_loss(y, proba, sample_weight=WEIGHT)
        assert negative_log_likelihood(y, proba, sample_weight=WEIGHT) == pytest.approx(wanted, rel=1e-6)
    assert negative_log_likelihood([0, 1], [1.0, 1.0]) == pytest.approx(log_loss([0, 1], [1.0, 1.0]))
    single = np.ones(2, np.float32)
    assert negative_log_likelihood([0, 1], single) == pytest.approx(log_loss([0, 1], single))


def test_probabilities_of_a_network_pass():
    """float32 rows do not sum to one in float64; scikit-learn's log_loss warns of them."""
    rng = np.random.default_rng(3)
    proba = rng.dirichlet(np.ones(7), size=500).astype(np.float32)
    y = rng.integers(7, size=500)
    double = proba.astype(float)
    with pytest.warns(UserWarning, match="sum to one"):
        log_loss(y, double)
    assert negative_log_likelihood(y, double) == pytest.approx(negative_log_likelihood(y, proba), rel=1e-5)
    assert brier_score(y, proba) == brier_score(y, double)
    assert brier_score(y, proba.astype(np.float16)) == pytest.approx(brier_score(y, proba), rel=1e-3)


@pytest.mark.parametrize("name", CLASSES)
def test_the_probability_of_the_second_class_is_two_columns(name):
    metric, rest = CLASSES[name]
    p = PROBA[:, 0]
    both = np.column_stack([1 - p, p])
    text = np.array(["no", "yes"])[BINARY]
    wanted = metric(BINARY, both, **rest)
    for given in (p, p[:, None], list(p), pd.DataFrame(both)):
        assert metric(BINARY, given, **rest) == metric(text, given, **rest) == wanted
    assert metric(BINARY.astype(bool), p, **rest) == metric(BINARY[:, None], p, **rest) == wanted
    assert metric(text[BINARY == 1], p[BINARY == 1], labels=["no", "yes"], **rest) == pytest.approx(
        metric(text, p, sample_weight=BINARY, **rest), rel=1e-12
    )


@pytest.mark.parametrize("name", CLASSES)
def test_labels_are_the_order_of_the_columns(name):
    metric, rest = CLASSES[name]
    wanted = metric(LABELS, PROBA, **rest)
    assert metric(LABELS, PROBA, labels=["a", "b", "c"], **rest) == wanted
    assert metric(LABELS, PROBA[:, [2, 0, 1]], labels=["c", "a", "b"], **rest) == pytest.approx(wanted, rel=1e-12)
    wide = np.column_stack([PROBA, np.zeros(N)])
    assert metric(LABELS, wide, labels=list("abcd"), **rest) == pytest.approx(wanted, rel=1e-12)


# -- calibration of classes ----------------------------------------------------------------------------------------------

# the probability of class 1, and the class; confidences 0.55 0.75 0.75 0.7 0.8 0.9 1, of which 3rd and last are wrong
TABLE = [(0.45, 0), (0.75, 1), (0.75, 0), (0.7, 1), (0.8, 1), (0.9, 1), (0.0, 1)]


def test_ece_counted_by_hand():
    proba, y = np.array(TABLE).T
    # (0.5, 0.75]: 3 of 4 right, 2.75 expected; (0.75, 1]: 2 of 3, 2.7
    wanted = (abs(3 - 2.75) + abs(2 - 2.7)) / 7
    assert expected_calibration_error(y, proba, n_bins=4) == pytest.approx(wanted, rel=1e-12)
    # thirds of 7 rows, ties together: 0.55 0.7 0.75 0.75, 3 of 4, 2.75; 0.8, 1 of 1; 0.9 1, 1 of 2, 1.9
    wanted = (abs(3 - 2.75) + abs(1 - 0.8) + abs(1 - 1.9)) / 7
    assert expected_calibration_error(y, proba, n_bins=3, strategy="quantile") == pytest.approx(wanted, rel=1e-12)
    for strategy in ("uniform", "quantile"):  # all in one: 5 of 7, 5.45
        assert expected_calibration_error(y, proba, n_bins=1, strategy=strategy) == pytest.approx(0.45 / 7, rel=1e-12)


def test_quantile_bins_are_numpys_quantiles():
    rng = np.random.default_rng(4)
    confidence = np.round(rng.uniform(0.5, 1, size=300), 2)  # with ties
    y = rng.integers(2, size=300)
    for n_bins in (3, 10, 15):
        edges = np.quantile(confidence, np.arange(1, n_bins) / n_bins, method="inverted_cdf")
        bins = (confidence[:, None] > edges).sum(axis=1)
        right = np.where(confidence == 0.5, y == 0, y == 1)
        gaps = [abs((right - confidence)[bins == b].sum()) for b in range(n_bins)]
        value = expected_calibration_error(y, confidence, n_bins=n_bins, strategy="quantile")
        assert value == pytest.approx(sum(gaps) / 300, rel=1e-12)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_ece_of_simulated_data(strategy):
    n, n_bins = 20_000, 15
    rng = np.random.default_rng(5)
    proba = rng.dirichlet([1, 1, 1], size=n)
    y = (rng.uniform(size=(n, 1)) > proba.cumsum(axis=1)[:, :2]).sum(axis=1)  # classes as the probabilities say
    calibrated = expected_calibration_error(y, proba, strategy=strategy)
    # a binomial count of n_b rows is off by at most sqrt(n_b / 4) on average, which sums to sqrt(n_bins * n / 4) at most
    assert 0 < calibrated < np.sqrt(n_bins * n / 4) / n
    flat = proba**0.5 / (proba**0.5).sum(axis=1, keepdims=True)
    confidence = proba.max(axis=1)  # the true share of right rows; calibrated bins see the mean of the difference
    wanted = (confidence - flat.max(axis=1)).mean()
    assert expected_calibration_error(y, flat, strategy=strategy) == pytest.approx(wanted, abs=0.015)


def test_rows_of_no_weight_do_not_move_bins():
    weight = np.r_[np.ones(N), np.zeros(3)]
    y = np.r_[BINARY, 1, 0, 1]
    p = np.r_[PROBA[:, 0], 1.0, 1.0, 0.0]
    for name in CLASSES:
        metric, rest = CLASSES[name]
        assert metric(y, p, sample_weight=weight, **rest) == pytest.approx(metric(BINARY, PROBA[:, 0], **rest))


# -- calibration of Gaussians --------------------------------------------------------------------------------------------


def test_quantile_calibration_error_by_scipys_quantiles():
    levels = np.linspace(0.05, 0.95, 19)
    shares = [np.mean(Y <= norm.ppf(p, MEAN, STD)) for p in levels]
    assert quantile_calibration_error(Y, MEAN, STD) == pytest.approx(np.abs(shares - levels).mean(), rel=1e-12)


def test_quantile_calibration_error_of_known_cases():
    n = 1000
    y = norm.ppf((np.arange(n) + 0.5) / n, 3, 2)  # a sample whose shares are exact
    ones = np.ones(n)
    assert quantile_calibration_error(y, 3 * ones, 2 * ones) == pytest.approx(0, abs=1e-12)
    assert quantile_calibration_error(y, -1e6 * ones, ones) == pytest.approx(0.5)
    assert quantile_calibration_error(y, 3 * ones, 1e-9 * ones, n_levels=3) == pytest.approx(0.5 / 3)  # shares 1/2
    closed = [abs(norm.cdf(norm.ppf(p) * 0.5) - p) for p in np.arange(1, 20) / 20]
    assert quantile_calibration_error(y, 3 * ones, ones) == pytest.approx(np.mean(closed), abs=1e-3)


def test_quantile_calibration_error_by_chance_alone_is_what_the_notes_say():
    n = 400
    rng = np.random.default_rng(6)
    found = [quantile_calibration_error(rng.normal(size=n), np.zeros(n), np.ones(n)) for _ in range(400)]
    assert np.mean(found) * np.sqrt(n) == pytest.approx(0.33, abs=0.02)


# -- intervals -----------------------------------------------------------------------------------------------------------


def test_interval_coverage_counts_ends_and_open_ends():
    assert interval_coverage([0, 1, 2, 3], [1, 1, 1, 1], [2, 2, 2, 2]) == 0.5
    assert interval_coverage([0, 1, 5], [-np.inf, -np.inf, 6], [0, np.inf, np.inf]) == pytest.approx(2 / 3)


def test_interval_coverage_within_the_binomial_band():
    n = 20_000
    y = np.random.default_rng(7).normal(size=n)
    half = norm.ppf(0.95)
    share = interval_coverage(y, np.full(n, -half), np.full(n, half))
    assert abs(share - 0.9) < 4 * np.sqrt(0.9 * 0.1 / n)


def test_interval_score_is_two_pinball_losses():
    for coverage in (0.5, 0.8, 0.9):
        alpha = 1 - coverage
        pinball = mean_pinball_loss(Y, LOW, alpha=alpha / 2) + mean_pinball_loss(Y, HIGH, alpha=1 - alpha / 2)
        assert interval_score(Y, LOW, HIGH, coverage) == pytest.approx(2 / alpha * pinball, rel=1e-12)


def test_true_quantiles_have_the_best_interval_score():
    y = norm.ppf((np.arange(2000) + 0.5) / 2000)
    scores = {}
    for p in (0.02, 0.05, 0.1, 0.15, 0.2):
        scores[p] = interval_score(y, np.full(2000, norm.ppf(p)), np.full(2000, norm.ppf(1 - p)), coverage=0.8)
    assert min(scores, key=scores.get) == 0.1


# -- bad inputs ----------------------------------------------------------------------------------------------------------


class Bad(NamedTuple):
    """Arguments that are refused, by whom, and the words."""

    name: str
    metrics: tuple[Any, ...]
    arguments: dict[str, Any]
    message: str
    error: type[Exception] = ValueError


GAUSSIAN = (gaussian_nll, gaussian_crps, quantile_calibration_error)
INTERVALS = (interval_coverage, interval_score)
OF_CLASSES = (brier_score, negative_log_likelihood, expected_calibration_error)
EVERY = (*GAUSSIAN, *INTERVALS, crps_from_samples, *OF_CLASSES)


def put(values, value, *place):
    new = np.array(values)
    new[place] = value
    return new


TWO = PROBA[:, :2] / PROBA[:, :2].sum(axis=1, keepdims=True)

BAD = [
    Bad("no y", EVERY, {"y_true": None}, r"^y_true is None; wanted an array\.$"),
    Bad("no rows", EVERY, {"y_true": []}, r"^Found array with 0 sample"),
    Bad(
        "masked",
        EVERY,
        {"y_true": np.ma.masked_equal(BINARY, 1)},
        r"^y_true is a masked array; .* Leave out the masked",
    ),
    Bad("text", GAUSSIAN, {"y_true": LABELS}, r"^y_true holds what is no number: could not convert .* Wanted numbers"),
    Bad("complex", GAUSSIAN, {"mean": MEAN * 1j}, "^Complex data not supported"),
    Bad(
        "rows differ", GAUSSIAN, {"y_true": [[1.0], [1.0, 2.0]]}, "^y_true has rows of different lengths; wanted an arr"
    ),
    Bad("NaN", (*GAUSSIAN, *INTERVALS), {"y_true": put(Y, np.nan, 2)}, r"^Input y_true contains NaN"),
    Bad("infinite", INTERVALS, {"y_true": put(Y, np.inf, 2)}, r"^Input y_true contains infinity"),
    Bad("NaN mean", GAUSSIAN, {"mean": put(MEAN, np.nan, 2)}, r"^Input mean contains NaN"),
    Bad("NaN draw", (crps_from_samples,), {"samples": put(DRAWS, np.nan, 2, 1)}, r"^Input samples contains NaN"),
    Bad("3-D", GAUSSIAN, {"y_true": np.zeros((4, 3, 2))}, r"^y_true has shape \(4, 3, 2\); .* y_true\.reshape\(len\("),
    Bad("no outputs", GAUSSIAN, {"y_true": np.zeros((4, 0))}, r"^Found array with 0 feature"),
    Bad(
        "fewer rows",
        GAUSSIAN,
        {"mean": MEAN[:30]},
        r"^mean has shape \(30,\) and y_true has shape \(40,\); wanted the same for both.*Give mean of the rows",
    ),
    Bad(
        "outputs", GAUSSIAN, {"std": two_outputs(STD)}, r"^std has shape \(40, 2\) and y_true has shape \(40,\); wanted"
    ),
    Bad("one std", GAUSSIAN, {"std": 0.5}, r"^std is 0\.5; wanted an array\. .* give np\.full\(len\(y_true\), 0\.5\)"),
    Bad("std of 0", GAUSSIAN, {"std": put(STD, 0, 3)}, r"^std\[3\] is 0; wanted .* above 0, .* np\.maximum\(std"),
    Bad("log std", GAUSSIAN, {"std": np.log(STD)}, r"^std\[\d+\] is -\d.*; wanted .* not their logarithms"),
    Bad(
        "std of 0 in an output",
        GAUSSIAN,
        {"y_true": two_outputs(Y), "mean": two_outputs(MEAN), "std": put(two_outputs(STD), 0, 3, 1)},
        r"^std\[3, 1\] is 0;",
    ),
    Bad("levels", (quantile_calibration_error,), {"n_levels": 0}, r"^n_levels == 0, must be >= 1"),
    Bad("levels, float", (quantile_calibration_error,), {"n_levels": 1.5}, "^n_levels must be an instance", TypeError),
    Bad(
        "crossed", INTERVALS, {"lower": HIGH, "upper": LOW}, r"^upper\[0\] is .*, below lower\[0\], .* np\.minimum\(low"
    ),
    Bad(
        "NaN end", (interval_coverage,), {"upper": put(HIGH, np.nan, 5)}, r"^upper\[5\] is NaN; wanted .* inf for an op"
    ),
    Bad("open end", (interval_score,), {"upper": put(HIGH, np.inf, 5)}, r"^Input upper contains infinity"),
    Bad(
        "per cent",
        (interval_score,),
        {"coverage": 90},
        r"^coverage=90; wanted a share between 0 and 1\. For 90 %, give",
    ),
    Bad("NaN coverage", (interval_score,), {"coverage": np.nan}, r"^coverage=nan; wanted a share"),
    Bad("coverage, text", (interval_score,), {"coverage": "0.9"}, r"^coverage must be an instance", TypeError),
    Bad(
        "draws in rows",
        (crps_from_samples,),
        {"samples": DRAWS.T},
        r"^samples has 17 rows and y_true has 40; .* samples\.T",
    ),
    Bad(
        "one draw",
        (crps_from_samples,),
        {"samples": MEAN},
        r"^samples has shape \(40,\) and .*; wanted \(n_samples, n_dr",
    ),
    Bad(
        "outputs of draws",
        (crps_from_samples,),
        {"y_true": two_outputs(Y)},
        r"^samples has .*Score one output at a time",
    ),
    Bad(
        "fewer weights",
        EVERY,
        {"sample_weight": np.ones(3)},
        r"^sample_weight has shape \(3,\); wanted \(40,\): .*Leave",
    ),
    Bad("one weight", EVERY, {"sample_weight": 2.0}, r"^sample_weight has shape \(\); wanted \(40,\)"),
    Bad(
        "weight below 0",
        EVERY,
        {"sample_weight": put(np.ones(N), -1, 4)},
        r"sample_weight\[4\] is -1; wanted 0 or more",
    ),
    Bad("no weight", EVERY, {"sample_weight": np.zeros(N)}, "at least one non-zero"),
    Bad(
        "one-hot", OF_CLASSES, {"y_true": np.eye(3)}, r"^y_true has shape \(3, 3\); wanted one dimension: .*\.argmax\("
    ),
    Bad(
        "rows of y_proba",
        OF_CLASSES,
        {"y_proba": PROBA[:7]},
        r"^y_proba has 7 rows and y_true has 40; wanted the same rows",
    ),
    Bad(
        "scores",
        OF_CLASSES,
        {"y_proba": put(PROBA, -0.5, 2, 1)},
        r"^y_proba\[2, 1\] is -0\.5; .* Give predict_proba\(X\)",
    ),
    Bad("scores, 1-D", OF_CLASSES, {"y_proba": put(Y * 0, 1.5, 6)}, r"^y_proba\[6\] is 1\.5; wanted probabilities"),
    Bad(
        "no sum",
        OF_CLASSES,
        {"y_proba": put(PROBA, 0, 2)},
        r"^y_proba\[2\] sums to 0; wanted .* y_proba\.sum\(axis=1, k",
    ),
    Bad(
        "steps", OF_CLASSES, {"y_proba": PROBA[:, None]}, r"^y_proba has shape \(40, 1, 3\); .* Score one step of time"
    ),
    Bad(
        "a class more",
        OF_CLASSES,
        {"y_proba": TWO},
        r"^y_true holds 3 classes, \['a', 'b', 'c'\], and y_proba has probabilities of 2; wanted .* labels=.*classes_",
    ),
    Bad(
        "a class only",
        OF_CLASSES,
        {"y_true": ["a"] * N, "y_proba": TWO},
        r"^y_true holds 1 classes, \['a'\], .* labels=",
    ),
    Bad(
        "many classes",
        OF_CLASSES,
        {"y_true": np.arange(N)},
        r"^y_true holds 40 classes, \[0, 1, 2, 3, 4, \.\.\.\], and",
    ),
    Bad(
        "few labels", OF_CLASSES, {"labels": ["a", "b"]}, r"^labels=\['a', 'b'\] has 2 and y_proba has .* of 3 classes"
    ),
    Bad("labels twice", OF_CLASSES, {"labels": ["a", "b", "a"]}, r"^labels=\['a', 'b', 'a'\] has the same label twice"),
    Bad(
        "labels, 2-D",
        OF_CLASSES,
        {"labels": [["a", "b"], ["c", "d"]]},
        r"^labels has shape \(2, 2\); wanted one dimens",
    ),
    Bad(
        "unknown label", OF_CLASSES, {"labels": ["a", "b", "d"]}, r"^y_true holds 'c', which is not one of labels=\['a'"
    ),
    Bad(
        "numbers as text",
        OF_CLASSES,
        {"y_true": BINARY.astype(str), "y_proba": TWO, "labels": [0, 1]},
        r"^y_true holds '0', which is not one of labels=\[0, 1\]",
    ),
    Bad(
        "mixed labels",
        OF_CLASSES,
        {"y_true": np.array(["a", 1] * (N // 2), dtype=object)},
        "^y_true holds labels of the types int, str, which cannot be sorted",
        TypeError,
    ),
    Bad("missing label", OF_CLASSES, {"y_true": put(Y, np.nan, 2)}, r"^Input y_true contains NaN"),
    Bad("bins", (expected_calibration_error,), {"n_bins": 0}, r"^n_bins == 0, must be >= 1"),
    Bad(
        "strategy",
        (expected_calibration_error,),
        {"strategy": "equal"},
        r"^strategy='equal'; wanted 'uniform'.*'quantile'",
    ),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_bad_inputs_are_refused(bad):
    for metric in bad.metrics:
        good = next((y, *rest) for m, y, *rest in ALL.values() if m is metric)
        arguments = {"y_true": good[0], **good[1], **good[2], **bad.arguments}
        with pytest.raises(bad.error, match=bad.message):
            metric(**arguments)
