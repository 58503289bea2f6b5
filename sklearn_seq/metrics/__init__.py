"""What `sklearn.metrics` lacks: scores of forecasts and of predicted probabilities, distributions and intervals."""

from sklearn_seq.metrics.anomaly import range_average_precision_score, vus_pr_score, vus_roc_score
from sklearn_seq.metrics.calibration import expected_calibration_error, quantile_calibration_error
from sklearn_seq.metrics.classification import brier_score, negative_log_likelihood
from sklearn_seq.metrics.forecasting import (
    mean_absolute_scaled_error,
    root_mean_squared_scaled_error,
    symmetric_mean_absolute_percentage_error,
    weighted_absolute_percentage_error,
)
from sklearn_seq.metrics.gaussian import gaussian_crps, gaussian_nll
from sklearn_seq.metrics.intervals import interval_coverage, interval_score, interval_width
from sklearn_seq.metrics.quantiles import crps_from_quantiles, pinball_loss, weighted_quantile_loss
from sklearn_seq.metrics.samples import crps_from_samples
from sklearn_seq.metrics.scorers import forecast_scorer, interval_coverage_scorer, pinball_scorer
from sklearn_seq.metrics.tagging import span_f1_score, step_accuracy_score
from sklearn_seq.metrics.transcription import character_error_rate, word_error_rate
from sklearn_seq.metrics.translation import bleu_score, chrf_score

__all__ = [
    "bleu_score",
    "brier_score",
    "character_error_rate",
    "chrf_score",
    "crps_from_quantiles",
    "crps_from_samples",
    "expected_calibration_error",
    "forecast_scorer",
    "gaussian_crps",
    "gaussian_nll",
    "interval_coverage",
    "interval_coverage_scorer",
    "interval_score",
    "interval_width",
    "mean_absolute_scaled_error",
    "negative_log_likelihood",
    "pinball_loss",
    "pinball_scorer",
    "quantile_calibration_error",
    "range_average_precision_score",
    "root_mean_squared_scaled_error",
    "span_f1_score",
    "step_accuracy_score",
    "symmetric_mean_absolute_percentage_error",
    "vus_pr_score",
    "vus_roc_score",
    "weighted_absolute_percentage_error",
    "weighted_quantile_loss",
    "word_error_rate",
]
