"""Splits that know time, windows and groups."""
