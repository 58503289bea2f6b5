"""Pictures of forecasts, back-tests, errors and training, as scikit-learn's displays: computed once, drawn often."""

from sklearn_seq.inspection.anomalies import AnomalyDisplay
from sklearn_seq.inspection.backtests import BacktestDisplay
from sklearn_seq.inspection.forecasts import ForecastDisplay
from sklearn_seq.inspection.latent import LatentSpaceDisplay, ReconstructionDisplay
from sklearn_seq.inspection.receptive_fields import ReceptiveFieldsDisplay
from sklearn_seq.inspection.residuals import ResidualsDisplay
from sklearn_seq.inspection.training_curves import TrainingCurveDisplay

__all__ = [
    "AnomalyDisplay",
    "BacktestDisplay",
    "ForecastDisplay",
    "LatentSpaceDisplay",
    "ReceptiveFieldsDisplay",
    "ReconstructionDisplay",
    "ResidualsDisplay",
    "TrainingCurveDisplay",
]
