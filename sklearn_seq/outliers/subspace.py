"""Sub-sequence PCA: windows that do not lie where those of training lie."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from scipy.linalg import eigh
from sklearn.base import BaseEstimator

from sklearn_seq.outliers.windows import WindowDetectorMixin
from sklearn_seq.params import AtLeast, estimator
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.statistics import variance_about
from sklearn_seq.training.blas import one_blas_thread

__all__ = ["SubspaceDetector"]

_WINDOW = 64
_MOST_NUMBERS = 2048  # in a window, of which a covariance is written out


@estimator
class SubspaceDetector(WindowDetectorMixin, BaseEstimator):
    """Anomalies are what a few principal components of windows do not explain (sub-sequence PCA).

    Each window of ``window`` rows, all features side by side, is one vector; features are scaled to deviation 1 before. A window is as
    anomalous as the mean square of what is left of it beside the principal components of the training windows. With
    ``rows="samples"`` a sequence scores by the mean of its windows, with ``rows="time"`` each row of a table by the mean of the windows
    that hold it: also those that end after it.

    It is solved in closed form in seconds, has little to tune, and is hard to beat on series with a season [2]_.

    Attributes
    ----------
    components_ : ndarray of shape (n_components_, window_ * n_features)
        Principal components, of scaled windows.
    n_components_ : int
        How many there are; always fewer than numbers in a window.

    See Also
    --------
    ForecastDetector : Judges a row by what was forecast of it, by rows before it alone.

    References
    ----------
    .. [1] A. Lakhina, M. Crovella, C. Diot. Diagnosing network-wide traffic anomalies. SIGCOMM 2004.
    .. [2] Q. Liu, J. Paparrizos. The elephant in the room: towards a reliable time-series anomaly detection benchmark. NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import SubspaceDetector
    >>> rng = np.random.default_rng(0)
    >>> X = np.sin(np.arange(600) * np.pi / 12)[:, None] + 0.1 * rng.normal(size=(600, 1))
    >>> X[500:510] = 0.0
    >>> detector = SubspaceDetector(window=24, rows="time").fit(X[:400])
    >>> int(detector.score_samples(X[400:]).argmin()) + 400 in range(500, 510)
    True
    """

    window: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Rows of a window. "auto": whole sequences where all are of one length, else 64, or as many as the shortest sequence has; of a '
        "table 64, or a quarter of its rows where these are few. A season, where there is one, is a good choice.",
    ] = "auto"
    n_components: Annotated[
        int | float,
        AtLeast(0),
        "How many principal components are normal; below 1, as many as explain this share of the variance.",
    ] = 0.9

    def _settle_window(self, data: Sequences) -> int:
        shortest = int(data.lengths.min())
        if self.window != "auto":
            if self.window > shortest:
                what = "X" if self._kind == "table" else "the shortest sequence of X"
                raise ValueError(
                    f"window={self.window} and {what} has {shortest} rows; wanted a window that fits. Set a shorter one."
                )
            return int(self.window)
        if self._kind == "table":
            return min(_WINDOW, max(1, shortest // 4))
        return shortest if data.equal_length is not None else min(_WINDOW, shortest)

    def _solve(self, windows: Sequences) -> dict[str, Any]:
        wanted = self.n_components
        if wanted >= 1 and not isinstance(wanted, int | np.integer):
            raise ValueError(
                f"n_components={wanted}; wanted a whole number of components, or a share of the variance below 1. Write {int(wanted)} for "
                "so many components, or 0.99."
            )
        with one_blas_thread():
            mean, deviation = _moments(windows)
            return {"mean": mean, "deviation": deviation} | _principal(windows, mean, deviation, self.n_components)

    def _decide(self, windows: Sequences, solved: dict[str, Any]) -> np.ndarray:
        found, components = np.empty(len(windows)), solved["components"]
        with one_blas_thread():
            for run, rows in windows.blocks():
                flat = _flat(rows, run, solved["mean"], solved["deviation"])
                flat -= solved["center"]
                flat -= flat @ components.T @ components
                found[run] = -np.einsum("nd,nd->n", flat, flat) / flat.shape[1]
        return found

    @property
    def components_(self) -> np.ndarray:
        """Principal components of scaled windows."""
        if "_solved" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no components_ before fit")
        return self._solved["components"]

    @property
    def n_components_(self) -> int:
        """How many principal components are taken for normal."""
        return len(self.components_)


def _flat(rows: np.ndarray, run: slice, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Scaled windows as vectors, (n, W * F)."""
    return ((rows - mean) / deviation).reshape(run.stop - run.start, -1)


def _moments(windows: Sequences) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each feature, (F,) each; 1 for one that does not vary."""
    n, mean = 0, np.zeros(windows.n_features)
    for _, rows in windows.blocks():
        n, mean = n + len(rows), mean + rows.sum(axis=0, dtype=np.float64)
    mean = mean / n
    rest, square = np.zeros_like(mean), np.zeros_like(mean)
    for _, rows in windows.blocks():
        apart = rows - mean
        rest += apart.sum(axis=0)
        square += (apart**2).sum(axis=0)
    deviation = np.sqrt(variance_about(square / n, rest / n))
    varies = deviation > 10 * np.finfo(np.float64).eps * np.abs(mean)
    return mean, np.where(varies, deviation, 1.0)


def _principal(windows: Sequences, mean: np.ndarray, deviation: np.ndarray, wanted: float) -> dict[str, Any]:
    """The centre of scaled windows (D,), and their principal components (K, D)."""
    n, size = len(windows), int(windows.lengths[0]) * windows.n_features
    center = np.zeros(size)
    for run, rows in windows.blocks():
        center += _flat(rows, run, mean, deviation).sum(axis=0)
    center /= n
    if size > min(n, _MOST_NUMBERS):  # fewer windows than numbers in one
        some = windows if n <= _MOST_NUMBERS else windows[np.linspace(0, n - 1, _MOST_NUMBERS).astype(np.int64)]
        flat = np.concatenate([_flat(rows, run, mean, deviation) for run, rows in some.blocks()]) - center
        variance, left = eigh(flat @ flat.T)
        variance, vectors = variance[::-1], (flat.T @ left[:, ::-1]).T  # (n, D)
    else:
        square = np.zeros((size, size))
        for run, rows in windows.blocks():
            flat = _flat(rows, run, mean, deviation) - center
            square += flat.T @ flat
        variance, vectors = eigh(square)
        variance, vectors = variance[::-1], vectors[:, ::-1].T
    variance = np.maximum(variance, 0.0)
    there = variance > 1e-10 * max(variance[0], np.finfo(np.float64).tiny)
    # something has to be left over to judge by
    most = min(int(there.sum()), size - 1)
    k = int(wanted)
    if wanted < 1:
        k = int(np.searchsorted(np.cumsum(variance), wanted * variance.sum())) + 1 if wanted and there.any() else 0
    kept = vectors[: min(k, most)]
    norm = np.linalg.norm(kept, axis=1, keepdims=True)
    return {"center": center, "components": kept / np.where(norm > 0, norm, 1.0)}
