"""Torch layers. Every one that looks across time takes ``(x, mask)``; a mask of None means that no step is padding."""
