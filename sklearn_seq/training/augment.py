"""Augmentation: each batch of a fit is changed by chance before the network sees it; nothing of it is at predict."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sklearn_seq.layers.masks import lengths_of, make_mask, zero_padding
from sklearn_seq.training.batches import Batch

__all__ = ["Augment", "Draw", "read_augment"]

# what strength 1 allows of an affine change: radians, shares of the steps and of the features, logarithm of the size
_AFFINE = (0.26, 0.08, 0.08, 0.12)
_SEGMENTS = 4  # of a warped sequence, each at a speed of its own
_BENDS = 4  # stretches of features, between which the gain of a filter bends


class Draw:
    """Numbers by chance for the rows of a batch.

    Each replica draws from a generator of its own as many numbers as it would alone, so that they do not depend on its
    mates; rows that fill a batch up are copies of its first one, and get that one's numbers.

    Parameters
    ----------
    generators : list of numpy.random.Generator
        One a replica.
    """

    def __init__(self, generators: list[np.random.Generator]) -> None:
        self.generators = generators

    def __call__(
        self,
        batch: Batch,
        how: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray],
        *tail: int,
        each_step: bool = False,
    ) -> Tensor:
        """Numbers for each row, (..., B, *tail), or for each step of each, (..., B, T, *tail)."""
        n_rows, n_steps = batch.x.shape[-3:-1]
        found = []
        for r, (generator, n) in enumerate(zip(self.generators, batch.sizes, strict=True)):
            shape = (n_steps, *tail) if each_step else tail
            own = _own_steps(batch, r) if each_step else 0
            drawn = how(generator, (n, own, *tail) if each_step else (n, *tail))
            if drawn.shape != (n_rows, *shape):
                every = np.zeros((n_rows, *shape), drawn.dtype)
                (every[:, :own] if each_step else every)[:n] = drawn
                every[n:] = every[:1]
                drawn = every
            found.append(drawn)
        return torch.from_numpy(np.stack(found) if batch.x.ndim == 4 else found[0]).to(batch.x.device)


def _own_steps(batch: Batch, r: int) -> int:
    """How many time steps the batch of a replica would have if it were alone."""
    if batch.mask is None or batch.x.ndim == 3:
        return batch.x.shape[-2]
    return int(batch.mask[r].sum(dim=-1).max())


def _uniform(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return generator.random(shape)


def _normal(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return generator.standard_normal(shape, dtype=np.float32)


def _deviation(scaling: Any) -> Tensor:
    """Of each feature, (F,) or (R, 1, 1, F): what a unit is; 1 where features are not standardised."""
    return 1.0 / _spread(scaling.factor)


def _mean(scaling: Any) -> Tensor:
    """Of each feature, (F,) or (R, 1, 1, F); 0 where features are not standardised, and for token ids the unknown one."""
    if isinstance(scaling, torch.nn.Embedding):
        return torch.zeros((), device=scaling.weight.device)
    return -_spread(scaling.shift) / _spread(scaling.factor)


def _spread(of_features: Tensor) -> Tensor:
    return of_features[:, None, None] if of_features.ndim == 2 else of_features


# -- one function each: (batch, strength, draw, scaling) -> batch -------------------------------------------------------


def _jitter(batch: Batch, strength: float, draw: Draw, scaling: Any) -> Batch:
    """Noise on every value."""
    noise = draw(batch, _normal, batch.x.shape[-1], each_step=True).to(batch.x.dtype)  # (..., B, T, F)
    return batch._replace(x=zero_padding(batch.x + noise * (strength * _deviation(scaling)), batch.mask))


def _scaling(batch: Batch, strength: float, draw: Draw, scaling: Any) -> Batch:
    """Each feature of a row stretched about the feature's mean."""
    by = draw(batch, _normal, batch.x.shape[-1]).to(batch.x.dtype).mul(strength).exp()[..., None, :]  # (..., B, 1, F)
    mean = _mean(scaling)
    return batch._replace(x=zero_padding(mean + (batch.x - mean) * by, batch.mask))


def _filter(batch: Batch, strength: float, draw: Draw, scaling: Any) -> Batch:
    """A gain for each feature of a row, the same at all steps, that goes in straight lines from one random number to the next."""
    bends = draw(batch, _normal, _BENDS + 1).to(batch.x.dtype).mul(strength)  # (..., B, bends)
    place = torch.linspace(0.0, _BENDS, batch.x.shape[-1], dtype=batch.x.dtype, device=batch.x.device)
    low = place.long().clamp(max=_BENDS - 1)
    gain = torch.lerp(bends[..., low], bends[..., low + 1], place - low)  # (..., B, F)
    return batch._replace(x=zero_padding(batch.x + gain[..., None, :] * _deviation(scaling), batch.mask))


def _warp(batch: Batch, strength: float, draw: Draw, scaling: Any) -> Batch:
    """Time faster here and slower there; both ends stay where they are."""
    speeds = draw(batch, _normal, _SEGMENTS).double().mul(strength).exp()
    bounds = speeds.cumsum(dim=-1) / speeds.sum(dim=-1, keepdim=True)
    bounds[..., -1] = 1.0
    bounds = torch.cat([torch.zeros_like(bounds[..., :1]), bounds], dim=-1)  # (..., B, segments + 1)
    last = (lengths_of(batch.x, batch.mask) - 1)[..., None]  # (..., B, 1)
    steps = torch.arange(batch.x.shape[-2], device=batch.x.device)
    along = (steps / last.clamp(min=1).double()).clamp(max=1.0) * _SEGMENTS  # (..., B, T)
    segment = along.long().clamp(max=_SEGMENTS - 1)
    low, high = bounds.gather(-1, segment), bounds.gather(-1, segment + 1)
    place = (low + (high - low) * (along - segment)) * last
    return batch._replace(x=zero_padding(_between(batch.x, place, last), batch.mask))


def _tempo(batch: Batch, strength: float, draw: Draw, scaling: Any) -> Batch:
    """Each row slower or faster as a whole; the batch becomes as long as the longest of them."""
    chance = draw(batch, _uniform)  # (..., B)
    lengths = lengths_of(batch.x, batch.mask)
    factor = torch.exp((2.0 * chance - 1.0) * math.log1p(strength))
    kept = (lengths * factor).round().long().clamp(min=1)
    n_steps = int(kept.max())
    steps = torch.arange(n_steps, device=batch.x.device)
    last = (lengths - 1)[..., None]  # (..., B, 1)
    place = torch.minimum(steps * (last / (kept - 1).clamp(min=1)[..., None].double()), last.double())
    mask = make_mask(kept.flatten(), n_steps).view(*kept.shape, n_steps)
    return batch._replace(x=zero_padding(_between(batch.x, place, last), mask), mask=mask)


def _between(x: Tensor, place: Tensor, last: Tensor) -> Tensor:
    """Values at places (..., B, L) between steps, in a straight line from one step to the next."""
    before = torch.minimum(place.long(), last)
    share = (place - before)[..., None].to(x.dtype)
    one, other = _steps_of(x, before), _steps_of(x, torch.minimum(before + 1, last))
    found = torch.lerp(one, other, share)
    gap = torch.isnan(found)  # a missing value stays one, and makes none of its neighbour
    return torch.where(gap, torch.where(share < 0.5, one, other), found)


def _band_warp(batch: Batch, strength: float, draw: Draw, scaling: Any) -> Batch:
    """Each row's features read from places farther up or down; beyond the last one it goes on."""
    chance = 2.0 * draw(batch, _uniform) - 1.0  # (..., B)
    n_features = batch.x.shape[-1]
    middle = torch.arange(n_features, device=batch.x.device) + 0.5
    place = torch.exp(chance * math.log1p(strength))[..., None] * middle - 0.5  # (..., B, F)
    last = torch.full_like(place[..., :1], n_features - 1, dtype=torch.long)
    x = _between(batch.x.transpose(-1, -2), place.clamp(0.0, n_features - 1.0), last).transpose(-1, -2)
    return batch._replace(x=zero_padding(x, batch.mask))


def _crop(batch: Batch, strength: float, draw: Draw, scaling: Any) -> Batch:
    """A stretch of each row; the batch becomes as long as the longest of them."""
    chance = draw(batch, _uniform, 2)  # (..., B, 2)
    lengths = lengths_of(batch.x, batch.mask)
    kept = (lengths * (strength + (1.0 - strength) * chance[..., 0])).round().long().clamp(min=1)
    start = (chance[..., 1] * (lengths - kept + 1)).long()
    n_steps = int(kept.max())
    steps = torch.arange(n_steps, device=batch.x.device)
    x = _steps_of(batch.x, torch.minimum(start[..., None] + steps, (lengths - 1)[..., None]))
    mask = make_mask(kept.flatten(), n_steps).view(*kept.shape, n_steps)
    return batch._replace(x=zero_padding(x, mask), mask=mask)


def _mask(batch: Batch, strength: float, draw: Draw, scaling: Any) -> Batch:
    """A stretch of steps, and of features, at the mean."""
    chance = draw(batch, _uniform, 4)  # (..., B, 4)
    lengths, n_features = lengths_of(batch.x, batch.mask), batch.x.shape[-1]
    steps = torch.arange(batch.x.shape[-2], device=batch.x.device)
    features = torch.arange(n_features, device=batch.x.device)
    hit = _stretch(chance[..., :2], lengths, strength, steps)[..., None]  # (..., B, T, 1)
    most = torch.full_like(lengths, n_features)
    real = steps < lengths[..., None]
    hit = (hit | _stretch(chance[..., 2:], most, strength, features)[..., None, :]) & real[..., None]
    return batch._replace(x=torch.where(hit, _mean(scaling).to(batch.x.dtype), batch.x))


def _stretch(chance: Tensor, length: Tensor, most: float, places: Tensor) -> Tensor:
    """Where a stretch of up to ``most`` of the length lies, (..., B, places)."""
    width = (chance[..., 0] * ((most * length).floor() + 1)).floor()
    start = (chance[..., 1] * (length - width + 1)).floor()
    return (places >= start[..., None]) & (places < (start + width)[..., None])


def _reverse_complement(batch: Batch, strength: float, draw: Draw, scaling: Any) -> Batch:
    """The other strand of one-hot DNA in place of some rows: the letters A, C, G, T turned round, and the steps."""
    if batch.x.shape[-1] != 4:
        raise ValueError(
            f"augment='reverse_complement' with {batch.x.shape[-1]} features; wanted 4, the letters A, C, G and T (or U) as "
            "SequenceOneHotEncoder gives them. Leave it out for other data."
        )
    turned = draw(batch, _uniform) < strength  # (..., B)
    last = (lengths_of(batch.x, batch.mask) - 1)[..., None]
    steps = torch.arange(batch.x.shape[-2], device=batch.x.device)
    other = _steps_of(batch.x, (last - steps).clamp(min=0)).flip(-1)
    return batch._replace(x=zero_padding(torch.where(turned[..., None, None], other, batch.x), batch.mask))


def _mixup(batch: Batch, strength: float, draw: Draw, scaling: Any) -> Batch:
    """Each row and its loss mixed with those of another row; where that one has ended, the row stays itself."""
    share = draw(batch, lambda generator, shape: generator.beta(strength, strength, shape)).to(batch.x.dtype)
    share = torch.maximum(share, 1.0 - share)  # (..., B): a row keeps its own length, so it has the larger part
    mate = draw(batch, lambda generator, shape: generator.permutation(shape[0]))
    x = torch.lerp(_rows_of(batch.x, mate, 2), batch.x, share[..., None, None])
    if batch.mask is not None:
        x = torch.where(_rows_of(batch.mask, mate, 1)[..., None], x, batch.x)
        x = zero_padding(x, batch.mask)
    own, n_targets = batch.target, batch.target.ndim - batch.share.ndim
    of_mate = _rows_of(batch.share, mate) * (1.0 - share)
    if min(batch.sizes) < batch.share.shape[-1]:  # rows that fill up a batch have no share, their mates do
        sizes = torch.tensor(batch.sizes, device=of_mate.device)[:, None]
        of_mate = of_mate * (torch.arange(of_mate.shape[-1], device=of_mate.device) < sizes)
    shares = torch.cat([batch.share * share, of_mate], dim=-1)
    return batch._replace(x=x, mixed=_rows_of(own, mate, n_targets), share=shares)


def _affine(batch: Batch, strength: float, draw: Draw, scaling: Any) -> Batch:
    """Each row, seen as a picture of steps by features, turned, moved and resized; beyond an edge the edge goes on."""
    chance = 2.0 * draw(batch, _uniform, 4) - 1.0  # (..., B, 4)
    n_steps, n_features = batch.x.shape[-2:]
    last = (lengths_of(batch.x, batch.mask) - 1)[..., None, None].double()  # (..., B, 1, 1)
    angle, along, across, zoom = (strength * most * chance[..., i, None, None] for i, most in enumerate(_AFFINE))
    by = torch.exp(zoom)
    # where each place is fetched from: about the middle of the row's own steps
    row = torch.arange(n_steps, device=batch.x.device)[:, None] - last / 2.0 - along * (last + 1.0)
    column = torch.arange(n_features, device=batch.x.device) - (n_features - 1) / 2.0 - across * n_features
    sine, cosine = torch.sin(angle) * by, torch.cos(angle) * by
    from_row = cosine * row - sine * column + last / 2.0  # (..., B, T, F)
    from_column = sine * row + cosine * column + (n_features - 1) / 2.0
    from_row = torch.minimum(from_row.clamp(min=0.0), last)
    from_column = from_column.clamp(0.0, n_features - 1.0)
    above, left = from_row.floor(), from_column.floor()
    down, right = (from_row - above).to(batch.x.dtype), (from_column - left).to(batch.x.dtype)
    below, beside = torch.minimum(above + 1.0, last), (left + 1.0).clamp(max=n_features - 1.0)
    pixels = batch.x.flatten(-2)  # (..., B, T F)

    def at(step: Tensor, feature: Tensor) -> Tensor:
        index = (step * n_features + feature).long().flatten(-2)
        return pixels.gather(-1, index).view(batch.x.shape)

    near = at(from_row.round(), from_column.round())
    upper = torch.lerp(at(above, left), at(above, beside), right)
    found = torch.lerp(upper, torch.lerp(at(below, left), at(below, beside), right), down)
    found = torch.where(torch.isnan(found), near, found)  # a missing value stays one, and makes none of its neighbours
    return batch._replace(x=zero_padding(found, batch.mask))


def _steps_of(x: Tensor, index: Tensor) -> Tensor:
    """Time steps by number, (..., B, T, F) by (..., B, L) -> (..., B, L, F)."""
    return torch.take_along_dim(x, index[..., None], dim=-2)


def _rows_of(x: Tensor, index: Tensor, n_behind: int = 0) -> Tensor:
    """Rows by number, (..., B, *behind) by (..., B)."""
    return torch.take_along_dim(x, index.view(*index.shape, *[1] * n_behind), dim=index.ndim - 1)


# the function, the strength when only the name is given, and the largest one
_KNOWN: dict[str, tuple[Callable[[Batch, float, Draw, Any], Batch], float, float]] = {
    "jitter": (_jitter, 0.1, math.inf),
    "scaling": (_scaling, 0.1, math.inf),
    "filter": (_filter, 0.4, math.inf),
    "warp": (_warp, 0.2, math.inf),
    "tempo": (_tempo, 0.25, 3.0),
    "band_warp": (_band_warp, 0.15, math.inf),
    "crop": (_crop, 0.8, 1.0),
    "mask": (_mask, 0.2, 1.0),
    "reverse_complement": (_reverse_complement, 0.5, 1.0),
    "affine": (_affine, 1.0, math.inf),
    "mixup": (_mixup, 0.2, math.inf),
}


@dataclass(frozen=True)
class Augment:
    """Several augmentations, one after another. A plan's ``augment``.

    Attributes
    ----------
    parts : tuple of (str, float)
        Names and strengths.
    """

    parts: tuple[tuple[str, float], ...]

    @torch.no_grad()
    def __call__(self, batch: Batch, draw: Draw, network: Any) -> Batch:
        """The batch that the network is trained on instead."""
        for name, strength in self.parts:
            batch = _KNOWN[name][0](batch, strength, draw, network.scaling)
        return batch


def read_augment(given: Any, refused: tuple[str, ...] = ()) -> Augment | None:
    """What the parameter ``augment`` says.

    Parameters
    ----------
    given : None, str, sequence of str, or dict of str to float
        Names, or names with strengths.
    refused : tuple of str
        Names that do not go with the targets.

    Returns
    -------
    Augment or None

    Raises
    ------
    ValueError
        For an unknown name, for one that comes twice, and for a strength that is out of range.
    """
    if given is None or (not isinstance(given, str) and not given):
        return None
    names = [given] if isinstance(given, str) else list(given)
    for name in names:
        if not isinstance(name, str) or name not in _KNOWN:
            near = difflib.get_close_matches(str(name), _KNOWN, n=1)
            raise ValueError(
                f"augment={given!r} names {name!r}; wanted some of {', '.join(_KNOWN)}, or a dict of them with strengths, "
                "such as {'jitter': 0.1}." + (f" Did you mean {near[0]!r}?" if near else "")
            )
        if name in refused:
            left = [known for known in _KNOWN if known not in refused]
            raise ValueError(
                f"augment={given!r} names {name!r}, which would part sequences from their targets here; wanted some of "
                f"{', '.join(left)}"
            )
    if len(set(names)) < len(names):
        raise ValueError(
            f"augment={given!r} names one augmentation twice; wanted each once. Give a dict with strengths."
        )
    parts = []
    for name in names:
        strength, most = given[name] if isinstance(given, dict) else _KNOWN[name][1], _KNOWN[name][2]
        legal = isinstance(strength, Real) and not isinstance(strength, bool) and 0 < float(strength) <= most
        if not legal or math.isinf(strength):
            raise ValueError(
                f"augment={given!r} gives {name!r} the strength {strength!r}; wanted a number above 0"
                + ("" if math.isinf(most) else f", {most:g} at most")
                + ". Leave the name out for none."
            )
        parts.append((name, float(strength)))
    # rows are mixed last, of what became of them
    parts.sort(key=lambda part: part[0] == "mixup")
    return Augment(tuple(parts))
