"""Ensembles: several models, and what their disagreement tells."""

from sklearn_seq.ensemble.deep import DeepEnsembleClassifier, DeepEnsembleRegressor
from sklearn_seq.ensemble.dropout import MCDropoutClassifier, MCDropoutRegressor
from sklearn_seq.ensemble.mixtures import Uncertainty

__all__ = [
    "DeepEnsembleClassifier",
    "DeepEnsembleRegressor",
    "MCDropoutClassifier",
    "MCDropoutRegressor",
    "Uncertainty",
]
