"""Estimators that choose and mix models themselves."""
