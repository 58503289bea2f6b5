"""What `sklearn.metrics` lacks: scores of predicted probabilities, distributions and intervals."""

from sklearn_seq.metrics.calibration import expected_calibration_error, quantile_calibration_error
from sklearn_seq.metrics.classification import brier_score, negative_log_likelihood
from sklearn_seq.metrics.gaussian import gaussian_crps, gaussian_nll
from sklearn_seq.metrics.intervals import interval_coverage, interval_score
from sklearn_seq.metrics.samples import crps_from_samples

__all__ = [
    "brier_score",
    "crps_from_samples",
    "expected_calibration_error",
    "gaussian_crps",
    "gaussian_nll",
    "interval_coverage",
    "interval_score",
    "negative_log_likelihood",
    "quantile_calibration_error",
]
