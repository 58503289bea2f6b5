"""Families: what computes. One file each; nothing else knows their names."""
