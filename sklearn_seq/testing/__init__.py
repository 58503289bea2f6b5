"""Public tools for testing estimators: what scikit-learn's ``check_estimator`` is for tables, for sequences."""

from sklearn_seq.testing.data import KINDS, Problem, make_problem
from sklearn_seq.testing.run import check_sequence_estimator, expected_failed_checks, sequence_checks

__all__ = [
    "KINDS",
    "Problem",
    "check_sequence_estimator",
    "expected_failed_checks",
    "make_problem",
    "sequence_checks",
]
