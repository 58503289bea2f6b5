"""Masks: which steps of a padded batch are real. True comes first, padding behind."""

import torch
from torch import Tensor

__all__ = ["lengths_of", "make_mask", "reverse_inside", "zero_padding"]


def make_mask(lengths: Tensor, n_timesteps: int) -> Tensor:
    """True where a step is real.

    Parameters
    ----------
    lengths : Tensor of int of shape (B,)
    n_timesteps : int

    Returns
    -------
    Tensor of bool of shape (B, T)
    """
    return torch.arange(n_timesteps, device=lengths.device) < lengths[:, None]


def lengths_of(x: Tensor, mask: Tensor | None) -> Tensor:
    """The number of real steps of each sequence, (..., B)."""
    if mask is None:
        return torch.full(x.shape[:-2], x.shape[-2], dtype=torch.long, device=x.device)
    return mask.sum(dim=-1)


def zero_padding(x: Tensor, mask: Tensor | None) -> Tensor:
    """Zeros where there is padding, whatever stood there (also NaN)."""
    return x if mask is None else x.masked_fill(~mask[..., None], 0.0)  # (..., B, T, F)


def reverse_inside(x: Tensor, mask: Tensor | None) -> Tensor:
    """Turn each sequence round inside its own length; padding stays behind."""
    if mask is None:
        return x.flip(-2)
    steps = torch.arange(x.shape[-2], device=x.device)  # (T,)
    back = lengths_of(x, mask)[..., None] - 1 - steps  # (..., B, T); negative on padding
    index = torch.where(back >= 0, back, steps)
    return x.gather(-2, index[..., None].expand(x.shape))  # (..., B, T, F)
