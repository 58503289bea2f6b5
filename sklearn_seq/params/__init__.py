"""Parameters as fields: one annotated line gives ``__init__``, validation and documentation."""

from sklearn_seq.params.constraints import AtLeast, Between, Positional, Positive, RandomState
from sklearn_seq.params.estimator import estimator, public

__all__ = ["AtLeast", "Between", "Positional", "Positive", "RandomState", "estimator", "public"]
