"""Torch layers. Every one that looks across time takes ``(x, mask)``; a mask of None means that no step is padding.

A layer with ``joins = True`` also computes for several replicas at once: its parameters and buffers then have a leading R,
as have ``x (R, B, T, F)`` and ``mask (R, B, T)``. Such a layer counts dimensions from the end.
"""
