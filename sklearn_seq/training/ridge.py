"""Ridge regression in closed form, with the exact leave-one-out values of every strength of the penalty.

Rows have weights, the intercept is not penalised, and every column is brought to mean 0 and deviation 1. Where there
are fewer rows than columns all is done with the products of the rows (the dual form), else with those of the columns.
Both come from one eigendecomposition, whatever the number of penalties. Features stay in ``float32``; their products
are added up in ``float64``, a chunk at a time.

A row of weight three that is left out is left out with its whole weight: so three copies of a row, which are one row of
weight three before they come here, are left out together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas, eigh, lapack

from sklearn_seq.sequences.statistics import variance_about

__all__ = ["ALPHAS", "RidgePath", "RidgeSolution", "linear_map", "squared_error"]

# penalties, relative to the mean of the rows' squared lengths
ALPHAS = np.logspace(-6, 2, 17)

_CHUNK = 1 << 22  # numbers of the features that are in float64 at a time
_LARGE = 4000  # rows from which on factors of a few penalties cost less than the eigenvectors that give all
_LEAST = 1e-13  # share of its own change that a row's residual keeps; below, it is rounding

Score = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class RidgeSolution:
    """A linear map, and what it says of each training row without that row.

    Attributes
    ----------
    coef : ndarray of float32 of shape (p, K)
        For features as they are, not scaled.
    intercept : ndarray of shape (K,)
    alpha : ndarray of shape (K,)
        Penalty of each target, relative to the mean of the rows' squared lengths.
    loo : ndarray of shape (n, K)
        Leave-one-out values of the training rows.
    """

    coef: np.ndarray
    intercept: np.ndarray
    alpha: np.ndarray
    loo: np.ndarray


def linear_map(features: np.ndarray | Sequence[np.ndarray], coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
    """``features @ coef + intercept`` in float64, (n, K)."""
    blocks = _as_blocks(features)
    out = np.tile(intercept, (len(blocks[0]), 1))
    coef = coef.astype(np.float64)
    first = 0
    for block in blocks:
        part = coef[first : first + block.shape[1]]
        first += block.shape[1]
        for rows in _spans(len(block), block.shape[1]):
            out[rows] += block[rows].astype(np.float64) @ part
    return out


def squared_error(target: np.ndarray, weight: np.ndarray) -> Score:
    """The weighted mean squared error of each target, as a score of leave-one-out values.

    Parameters
    ----------
    target : ndarray of shape (n, K)
    weight : ndarray of shape (n,)

    Returns
    -------
    callable
        ``score(loo)`` of shape (K,); smaller is better.
    """
    return lambda loo: np.average((loo - target) ** 2, axis=0, weights=weight)


class RidgePath:
    """The solutions of all penalties.

    Parameters
    ----------
    features : ndarray of shape (n, p), or several of shape (n, p_b)
        Blocks stand for the same rows, and are taken side by side.
    target : ndarray of float64 of shape (n, K)
    weight : ndarray of float64 of shape (n,)
        Above 0.
    alphas : ndarray
        Penalties to choose from, rising, relative to the mean of the rows' squared lengths.

    Attributes
    ----------
    alphas : ndarray of shape (A,)
    """

    def __init__(
        self,
        features: np.ndarray | Sequence[np.ndarray],
        target: np.ndarray,
        weight: np.ndarray,
        alphas: np.ndarray = ALPHAS,
    ) -> None:
        self._blocks = _as_blocks(features)
        n, p = len(target), sum(block.shape[1] for block in self._blocks)
        self.alphas = np.asarray(alphas, dtype=np.float64)
        self._target = target
        self._root = np.sqrt(weight)  # (n,)
        self._mean = np.average(target, axis=0, weights=weight)  # (K,)
        self._residual = (target - self._mean) * self._root[:, None]  # of the constant, (n, K)
        scales = [_column_scales(block, weight) for block in self._blocks]
        self._center, self._scale = (np.concatenate(parts) for parts in zip(*scales, strict=True))
        self._costly = p > n > _LARGE
        kind = _Factors if self._costly else _Spectrum if p > n else _Columns
        self._form: _Factors | _Spectrum | _Columns = kind(self)
        self._known: dict[int, np.ndarray] = {}

    def loo(self, i: int) -> np.ndarray:
        """Leave-one-out values of penalty ``alphas[i]``, (n, K)."""
        if i not in self._known:
            residual, kept = self._form.residual(i)
            kept = kept[:, None]
            # a row that alone decides its value: without it there is the mean
            residual = np.where(kept > _LEAST, residual / np.maximum(kept, _LEAST), self._residual)
            self._known[i] = self._target - residual / self._root[:, None]
        return self._known[i]

    def best(self, score: Score, slack: float = 0.0) -> RidgeSolution:
        """The solution that ``score`` finds best; the strongest penalty among equal scores.

        A score is of leave-one-out values (n, K): one number, or one for each target, smaller being better. Those that are worse by
        no more than a share ``slack`` of the best one count as equal.
        """
        found: dict[int, np.ndarray] = {}
        last = len(self.alphas) - 1

        def cost(i: int) -> float:
            if i not in found:
                found[i] = np.atleast_1d(score(self.loo(i)))
            return float(found[i].sum())

        if self._costly:
            _climb(cost, last)
        else:
            for i in range(last + 1):
                cost(i)
        tried = sorted(found, reverse=True)  # of equal ones the strongest penalty
        scores = np.array([found[i] for i in tried])
        best = np.argmax(scores <= scores.min(axis=0) * (1.0 + slack), axis=0)  # (K,) or (1,)
        return self.solution(np.broadcast_to(np.array(tried)[best], self._mean.shape))

    def solution(self, choice: np.ndarray) -> RidgeSolution:
        """The solution with penalty ``alphas[choice[k]]`` for target ``k``."""
        coef = np.empty((len(self._scale), len(choice)), dtype=np.float32)
        loo = np.empty_like(self._target)
        for i in np.unique(choice):
            mine = choice == i
            coef[:, mine] = self._form.coef(int(i), mine) * self._scale[:, None]
            loo[:, mine] = self.loo(int(i))[:, mine]
        intercept = self._mean - self._center @ coef.astype(np.float64)
        return RidgeSolution(coef, intercept, self.alphas[choice], loo)

    # -- features, a chunk at a time -----------------------------------------------------------------------------------

    def _column_chunks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Some columns of all rows, scaled and times the root of the weights."""
        first = 0
        for block in self._blocks:
            for columns in _spans(block.shape[1], len(block)):
                place = slice(first + columns.start, first + columns.stop)
                chunk = block[:, columns].astype(np.float64, order="F")
                chunk -= self._center[place]
                chunk *= self._scale[place]
                chunk *= self._root[:, None]
                yield place, chunk
            first += block.shape[1]

    def _row_chunks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Some rows, all columns, scaled and times the root of the weights."""
        for rows in _spans(len(self._target), len(self._scale)):
            chunk = np.concatenate([block[rows] for block in self._blocks], axis=1, dtype=np.float64)
            chunk -= self._center
            chunk *= self._scale
            chunk *= self._root[rows, None]
            yield rows, chunk


class _Rows:
    """The products of the rows, for fewer rows than columns."""

    def __init__(self, path: RidgePath) -> None:
        self.path, n = path, len(path._target)
        self.gram = np.zeros((n, n), order="F")  # its lower half
        for _, chunk in path._column_chunks():
            self.gram = blas.dsyrk(1.0, chunk, beta=1.0, c=self.gram, lower=1, overwrite_c=1)
        self.trace = float(np.trace(self.gram))
        self.alphas = path.alphas * (self.trace / n or 1.0)
        self.constant = path._root / np.sqrt(np.sum(path._root**2))  # the direction that the intercept takes, (n,)

    def dual(self, i: int) -> np.ndarray:
        """(G + alpha)^-1 times the target, (n, K)."""
        raise NotImplementedError

    def coef(self, i: int, mine: np.ndarray) -> np.ndarray:
        """Of scaled columns, (p, K)."""
        dual = self.dual(i)[:, mine]
        out = np.empty((len(self.path._scale), dual.shape[1]))
        for place, chunk in self.path._column_chunks():
            out[place] = chunk.T @ dual
        return out


class _Spectrum(_Rows):
    """By eigenvectors: all penalties for the price of one."""

    def __init__(self, path: RidgePath) -> None:
        super().__init__(path)
        # features are centred, so the constant direction has eigenvalue 0; far below, it is split off to the bit
        self.gram = blas.dsyr(-1.0 - self.trace, self.constant, a=self.gram, lower=1, overwrite_a=1)
        values, vectors = eigh(self.gram, lower=True, overwrite_a=True, driver="evd", check_finite=False)
        del self.gram
        self.values, self.vectors = np.maximum(values[1:], 0.0), vectors[:, 1:]  # (n - 1,), (n, n - 1)
        self.target = self.vectors.T @ path._residual  # (n - 1, K)
        shrink = self.alphas / (self.values[:, None] + self.alphas)  # what is left of a direction, (n - 1, A)
        self.kept = np.empty((len(path._target), len(self.alphas)))  # (n, A)
        for rows in _spans(len(self.kept), len(self.values)):
            self.kept[rows] = self.vectors[rows] ** 2 @ shrink

    def dual(self, i: int) -> np.ndarray:
        return self.vectors @ (self.target / (self.values + self.alphas[i])[:, None])

    def residual(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Residuals (n, K), and which share of it a row's own change would leave, (n,)."""
        return self.alphas[i] * self.dual(i), self.kept[:, i]


class _Factors(_Rows):
    """By a Cholesky factor for each penalty asked for."""

    def __init__(self, path: RidgePath) -> None:
        super().__init__(path)
        self.duals: dict[int, np.ndarray] = {}

    def dual(self, i: int) -> np.ndarray:
        self.residual(i)
        return self.duals[i]

    def residual(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """As of `_Spectrum`."""
        alpha, factor = self.alphas[i], self.gram.copy(order="F")
        factor[np.diag_indices(len(factor))] += alpha
        factor, failed = lapack.dpotrf(factor, lower=1, overwrite_a=1, clean=0)
        if failed:  # a penalty below what rounding leaves of the smallest eigenvalue is none
            self.duals[i] = np.zeros_like(self.path._residual)
            return self.path._residual, np.ones(len(factor))
        self.duals[i], _ = lapack.dpotrs(factor, self.path._residual, lower=1)
        inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
        return alpha * self.duals[i], alpha * np.diag(inverse) - self.constant**2


class _Columns:
    """The products of the columns, for no more columns than rows."""

    def __init__(self, path: RidgePath) -> None:
        self.path, p = path, len(path._scale)
        n, n_targets = path._target.shape
        gram = np.zeros((p, p), order="F")
        moments = np.zeros((p, n_targets))
        for rows, chunk in path._row_chunks():
            gram = blas.dsyrk(1.0, chunk.T, beta=1.0, c=gram, lower=1, overwrite_c=1)
            moments += chunk.T @ path._residual[rows]
        self.alphas = path.alphas * (float(np.trace(gram)) / n or 1.0)
        values, self.vectors = eigh(gram, lower=True, overwrite_a=True, driver="evd", check_finite=False)
        self.values = np.maximum(values, 0.0)  # (p,)
        self.moments = self.vectors.T @ moments  # (p, K)
        inverse = 1.0 / (self.values[:, None] + self.alphas)  # (p, A)
        maps = (inverse[:, :, None] * self.moments[:, None, :]).reshape(p, -1)  # (p, A K)
        self.fitted = np.empty((n, len(self.alphas), n_targets))
        self.kept = np.empty((n, len(self.alphas)))
        share = path._root**2 / np.sum(path._root**2)
        for rows, chunk in path._row_chunks():
            chunk = chunk @ self.vectors
            self.fitted[rows] = (chunk @ maps).reshape(-1, *self.fitted.shape[1:])
            np.square(chunk, out=chunk)
            self.kept[rows] = 1.0 - share[rows, None] - chunk @ inverse

    def residual(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """As of `_Spectrum`."""
        return self.path._residual - self.fitted[:, i], self.kept[:, i]

    def coef(self, i: int, mine: np.ndarray) -> np.ndarray:
        """Of scaled columns, (p, K)."""
        return self.vectors @ (self.moments[:, mine] / (self.values + self.alphas[i])[:, None])


def _climb(cost: Callable[[int], float], last: int) -> None:
    """Look for the least cost among every other one of 0 ... last, in steps of four, then of two."""
    at = 2 * round(0.3 * last)
    for step in (4, 2):
        while True:
            near = [i for i in (at - step, at, at + step) if 0 <= i <= last]
            best = min(near, key=cost)
            if best == at:
                break
            at = best


def _as_blocks(features: np.ndarray | Sequence[np.ndarray]) -> list[np.ndarray]:
    return [features] if isinstance(features, np.ndarray) else list(features)


def _spans(n: int, width: int) -> Iterator[slice]:
    step = max(1, _CHUNK // max(1, width))
    for i in range(0, n, step):
        yield slice(i, min(n, i + step))


def _column_scales(block: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean, and one over the deviation, of each column; zero for one that varies by no more than rounding."""
    share = weight / weight.sum()
    mean, rest, square = np.zeros((3, block.shape[1]))
    spans = list(_spans(len(block), block.shape[1]))
    for rows in spans:
        mean += share[rows] @ block[rows].astype(np.float64)
    for rows in spans:
        chunk = block[rows].astype(np.float64)
        chunk -= mean
        rest += share[rows] @ chunk
        np.square(chunk, out=chunk)
        square += share[rows] @ chunk
    deviation = np.sqrt(variance_about(square, rest))
    constant = deviation <= 10 * np.finfo(block.dtype).eps * np.abs(mean)
    deviation[constant] = 1.0
    return mean, np.where(constant, 0.0, 1.0 / deviation)
