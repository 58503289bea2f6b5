"""Arithmetic on images: reading them, means of squares, gradients, principal components of steps."""

import math
from typing import Any

import numpy as np
from sklearn.decomposition import PCA

from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.kinds import cells, host

__all__: list[str] = []

_CHUNK = 1 << 20  # pixels worked on at once
_CLIP = 0.2  # of a normalised gradient, so that one edge does not drown the others (Dalal and Triggs 2005)


def read_planes(X: Any, axes: str) -> tuple[Any, tuple[int, ...] | None]:
    """Join the axes that a time step has, so that the gate can read it.

    Parameters
    ----------
    X : ndarray, list or object array of ndarrays, or anything that the gate reads
        Images, videos or movements.
    axes : str
        Names of the axes that there may be at most, such as "n_samples, height, width, n_channels".

    Returns
    -------
    X : object
        With a time step in one axis.
    inside : tuple of int or None
        The sizes of the axes that were joined; None where a time step had one axis already.
    """
    X = _in_arrays(X)
    if isinstance(X, list) and X and all(isinstance(item, np.ndarray) for item in X) and any(x.ndim > 2 for x in X):
        for i, item in enumerate(X):
            if item.shape[1:] != X[0].shape[1:]:
                raise ValueError(
                    f"X[{i}] has the shape {item.shape} and X[0] has {X[0].shape}; wanted the same in all, but for the first "
                    "axis. Bring them to one size."
                )
        _refuse_axes(X[0].ndim + 1, axes)
        return [item.reshape(len(item), math.prod(item.shape[1:])) for item in X], X[0].shape[1:]
    if not isinstance(X, np.ndarray) or X.ndim <= 3:
        return X, None
    _refuse_axes(X.ndim, axes)
    return X.reshape(*X.shape[:2], math.prod(X.shape[2:])), X.shape[2:]


def _in_arrays(X: Any) -> Any:
    """Tensors as arrays; lists, and cells of a Series, a column or of objects, as lists of arrays; lists in lists as what they hold."""
    X = host(X)
    found = X if isinstance(X, list | tuple) else cells(X)
    if not found:
        return X
    items = [host(item) for item in found]
    try:
        ndim = np.ndim(items[0])
    except ValueError:  # rows of unequal length, which the gate refuses
        return X
    if ndim > 2 and isinstance(items[0], list | tuple):
        items = [np.asarray(item) for item in items]
        return np.stack(items) if len({item.shape for item in items}) == 1 else items
    return items if ndim else X


def _refuse_axes(ndim: int, axes: str) -> None:
    most = axes.count(",") + 1
    if ndim > most:
        raise ValueError(
            f"X has {ndim} dimensions; wanted {most} at most ({axes}). Use another reshape, or another setting."
        )


def block_means(images: np.ndarray, side: int) -> np.ndarray:
    """Means over squares of ``side`` pixels, (n, height, width, channels); those at the end may be cut.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, n_channels)
    side : int

    Returns
    -------
    ndarray
    """
    for axis in (1, 2) if side > 1 else ():
        first = np.arange(0, images.shape[axis], side)
        count = np.diff(np.append(first, images.shape[axis])).astype(images.dtype)
        sums = np.add.reduceat(images, first, axis=axis)
        images = sums / np.expand_dims(count, tuple(i for i in range(4) if i != axis))
    return images


def gradients(images: np.ndarray, cell: int, n_directions: int) -> np.ndarray:
    """Histograms of the directions in which brightness rises, in squares of pixels.

    A pixel counts by how steep its rise is, shared between the two nearest directions; of several channels the steepest one
    counts. A square is normalised by the four blocks of two by two squares around it, clipped, and the four are added up
    (Dalal and Triggs 2005; Felzenszwalb et al. 2010).

    Parameters
    ----------
    images : ndarray of shape (n, height, width, n_channels)
    cell : int
        Pixels of a side of a square; those that fill none are left out.
    n_directions : int

    Returns
    -------
    ndarray of shape (n, height // cell, width // cell, n_directions)
    """
    down, right = images.shape[1] // cell, images.shape[2] // cell
    if not down or not right:
        raise ValueError(
            f"cell_size={cell}, and there are {images.shape[1]} x {images.shape[2]} pixels; wanted one square at least. "
            "Use a smaller one."
        )
    out = np.empty((len(images), down, right, n_directions), dtype=images.dtype)
    size = max(1, _CHUNK // (images.shape[1] * images.shape[2]))
    for i in range(0, len(images), size):
        out[i : i + size] = _normalised(_histograms(images[i : i + size], cell, n_directions))
    return out


def _histograms(images: np.ndarray, cell: int, n_directions: int) -> np.ndarray:
    rise, across = np.zeros_like(images), np.zeros_like(images)
    rise[:, 1:-1] = images[:, 2:] - images[:, :-2]
    across[:, :, 1:-1] = images[:, :, 2:] - images[:, :, :-2]
    steep = np.hypot(rise, across)
    if images.shape[3] > 1:
        best = steep.argmax(axis=3)[..., None]
        rise, across, steep = (np.take_along_axis(plane, best, axis=3) for plane in (rise, across, steep))
    turn = (np.arctan2(rise, across)[..., 0] / (2 * np.pi)) % 1.0 * n_directions  # (n, height, width)
    steep = steep[..., 0]
    n, down, right = len(images), images.shape[1] // cell, images.shape[2] // cell
    found = np.empty((n, down, right, n_directions), dtype=images.dtype)
    for direction in range(n_directions):
        off = np.abs(turn - direction)
        share = np.maximum(1.0 - np.minimum(off, n_directions - off), 0.0) * steep
        squares = share[:, : down * cell, : right * cell].reshape(n, down, cell, right, cell)
        found[..., direction] = squares.sum(axis=(2, 4))
    return found


def _normalised(squares: np.ndarray) -> np.ndarray:
    energy = np.pad(np.square(squares).sum(axis=3), ((0, 0), (1, 1), (1, 1)))
    blocks = energy[:, :-1, :-1] + energy[:, 1:, :-1] + energy[:, :-1, 1:] + energy[:, 1:, 1:]
    found = np.zeros_like(squares)
    down, right = squares.shape[1:3]
    for i in (0, 1):
        for j in (0, 1):
            size = np.sqrt(blocks[:, i : i + down, j : j + right])[..., None]
            flat = size == 0  # no gradient at all
            found += np.minimum(squares / np.where(flat, 1.0, size), _CLIP)
    return found


def principal(steps: Sequences, n_components: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and principal components of time steps.

    Parameters
    ----------
    steps : Sequences
        Flat.
    n_components : int

    Returns
    -------
    mean : ndarray of shape (n_values,)
    components : ndarray of shape (n_components, n_values)
    """
    if n_components > min(steps.values.shape):
        raise ValueError(
            f"n_components={n_components}, and there are {len(steps.values)} steps of {steps.n_features} values; wanted no more "
            "than the smaller of both. Use a smaller number, or None."
        )
    with np.errstate(invalid="ignore"):  # shares of the variance, which nobody asks for, where there is none
        found = PCA(n_components, random_state=0).fit(steps.values)
    return found.mean_, found.components_
