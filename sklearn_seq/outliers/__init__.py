"""Anomalies: rows, or whole sequences, that are unlike those of training, with scikit-learn's outlier interface."""
