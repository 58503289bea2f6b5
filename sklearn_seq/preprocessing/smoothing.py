"""Take the noise off a sequence, from its past alone unless asked otherwise."""

from typing import Annotated, Literal

import numpy as np
from scipy.signal import lfilter

from sklearn_seq.params import AtLeast, Between, estimator
from sklearn_seq.preprocessing._base import _TimewiseTransformer
from sklearn_seq.preprocessing._blocks import by_length, flat, stretches
from sklearn_seq.preprocessing.cleaning import refuse_even
from sklearn_seq.sequences.container import Sequences

__all__ = ["Smoother"]


@estimator
class Smoother(_TimewiseTransformer):
    """Smooth each sequence.

    Each step is made of the window that ends at it: its mean (``"mean"``), or the last point of the polynomial fitted
    to it (``"savgol"``, Savitzky and Golay). At the beginning of a sequence the window holds what there is.
    ``"exponential"`` mixes the step with the smoothed step before it, ``alpha * x[t] + (1 - alpha) * y[t - 1]``, and
    begins with the first value.

    With ``centered=True`` the step stands in the middle of its window, and the answer has no lag. On a table whose
    rows are predicted from the past this leaks the future: white noise behind a centred mean looks predictable.

    See Also
    --------
    scipy.signal.savgol_filter : What ``method="savgol"`` does with ``centered=True``, ends included.

    References
    ----------
    A. Savitzky, M. J. E. Golay (1964). Smoothing and differentiation of data by simplified least squares procedures.
    Analytical Chemistry 36 (8).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import Smoother
    >>> X = np.array([[0.0, 0.0, 3.0, 0.0, 0.0]])
    >>> Smoother(window=3).fit_transform(X)
    array([[0., 0., 1., 1., 1.]])
    >>> Smoother(window=3, centered=True).fit_transform(X)
    array([[0., 1., 1., 1., 0.]])
    """

    method: Annotated[Literal["mean", "savgol", "exponential"], "How the steps of a window are put together."] = "mean"
    window: Annotated[int, AtLeast(1), 'Time steps of a window (``"mean"`` and ``"savgol"``).'] = 5
    polyorder: Annotated[int, AtLeast(0), 'Degree of the polynomial, below ``window`` (``"savgol"``).'] = 2
    alpha: Annotated[float, Between(0, 1, "right"), 'Share of the new value (``"exponential"``).'] = 0.3
    centered: Annotated[bool, 'Look as far ahead as back (``"mean"`` and ``"savgol"``).'] = False

    def _check_settings(self) -> None:
        if self.method == "exponential":
            if self.centered:
                raise ValueError(
                    "centered=True was given with method='exponential', which only knows the past. "
                    "Use method='mean' or 'savgol', or centered=False."
                )
            return
        refuse_even(self.window, self.centered)
        if self.method == "savgol" and self.polyorder >= self.window:
            raise ValueError(
                f"polyorder={self.polyorder} with window={self.window}; wanted polyorder below window, "
                f"or the polynomial follows every point. Use window={self.polyorder + 1 + self.polyorder % 2} or more."
            )

    def _apply(self, X: Sequences) -> Sequences:
        X = flat(X)
        out = np.empty(X.values.shape)
        if self.method == "exponential":
            for rows in by_length(X):
                values = X.values[rows].astype(np.float64)  # (n, T, F)
                start = (1 - self.alpha) * values[:, :1]
                out[rows], _ = lfilter([self.alpha], [1.0, self.alpha - 1.0], values, axis=1, zi=start)
        elif self.method == "mean":
            first, count = stretches(X, self.window, centered=self.centered)
            out = _window_sums(X.values, first, count, None) / count[:, None]
        else:
            first, count = stretches(X, self.window, centered=self.centered, shrink=False)
            place = np.arange(len(out)) - first
            for size in np.unique(count):
                rows = np.flatnonzero(count == size)
                places, which = np.unique(place[rows], return_inverse=True)
                weights = np.stack([_polynomial(size, min(self.polyorder, size - 1), at) for at in places])
                out[rows] = _window_sums(X.values, first[rows], count[rows], weights[which])
        return X.map_values(out.astype(X.dtype, copy=False))


def _window_sums(values: np.ndarray, first: np.ndarray, count: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Sums over windows, of shape (n_windows, F); ``weights``, (n_windows, size), are for windows of equal size."""
    total = np.zeros((len(first), values.shape[1]))
    for k in range(int(count.max())):
        step = values[first + np.minimum(k, count - 1)]
        total += np.where((k < count)[:, None], step, 0.0) if weights is None else step * weights[:, k, None]
    return total


def _polynomial(size: int, degree: int, at: int) -> np.ndarray:
    """The weights that give, at position ``at``, the least-squares polynomial through ``size`` equidistant points."""
    x = (np.arange(size) - at) / max(1, size - 1)
    return np.linalg.pinv(np.vander(x, degree + 1, increasing=True))[0]
