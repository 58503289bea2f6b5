"""Training: ``run(plans)`` and what it needs. The only room that knows skorch."""

from sklearn_seq.training.params import Rate, Schedule, TrainingParams
from sklearn_seq.training.plan import Part, Plan, Result, Seeds
from sklearn_seq.training.predict import outputs
from sklearn_seq.training.run import run

__all__ = ["Part", "Plan", "Rate", "Result", "Schedule", "Seeds", "TrainingParams", "outputs", "run"]
