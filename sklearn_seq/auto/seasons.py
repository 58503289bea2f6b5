"""How long the seasons of series are, told by the autocorrelation of their changes."""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from sklearn_seq.auto.channels import Channels

__all__ = ["autocorrelations", "find_seasons"]

_MOST_CHANNELS = 500
_MOST_ROWS = 8000
_LONGEST = 1000
_CLEAR = 5.0  # standard errors of an autocorrelation
_LEAST = 0.1
_NEARLY = 0.8  # share of the highest peak that the shortest season has to have
_MULTIPLES = 12  # seasons in a longer one, at most
_MORE = 0.05  # by which a longer season has to stand out among its neighbours
_SHARE = 0.2  # of the channels that a season has to hold for
_ROUNDING = 1e-12  # of the largest value
_AS_MANY = 25  # independent channels that a panel is taken for, at most


def autocorrelations(values: list[np.ndarray], n_lags: int) -> np.ndarray:
    """Autocorrelations of each series at lags 0 ... n_lags, (n_series, n_lags + 1); 0 beyond its length."""
    out = np.zeros((len(values), n_lags + 1))
    for row, x in zip(out, values, strict=True):
        x = x - x.mean()
        size = next_fast_len(2 * len(x), real=True)
        products = irfft(np.abs(rfft(x, size)) ** 2, size)[: min(n_lags + 1, len(x))]
        if products[0] > 1e-12 * len(x):
            row[: len(products)] = products / products[0]
    return out


def _changes(x: np.ndarray) -> np.ndarray:
    """Changes in units of their deviation, whatever the units of ``x``; 0 where they are nothing but rounding."""
    changes = np.diff(x)
    deviation = changes.std()
    return changes / deviation if deviation > _ROUNDING * np.abs(x).max() else np.zeros_like(changes)


def find_seasons(channels: Channels, first: int | None = None) -> tuple[int, ...]:
    """The season, and a longer one of several of it where there is one.

    Changes are looked at, which have no trend. A season stands out of the autocorrelations, averaged over channels; a longer
    one stands out of the multiples of the first, in a fifth of the channels.

    Parameters
    ----------
    channels : Channels
    first : int, optional
        The season, where it is known; 1 is taken for one that no channel has twice.

    Returns
    -------
    tuple of int
        (1,), (season,) or (season, longer).
    """
    values = channels.values[:: max(1, len(channels) // _MOST_CHANNELS)]
    changes = [_changes(x[-_MOST_ROWS:]) for x in values]
    longest = max(len(x) for x in changes)
    n_lags = min(_LONGEST, longest // 2)
    if first is not None and 2 * first > longest:
        first = 1
    if first == 1 or n_lags < 4:
        return (first or 1,)
    # a channel tells of lags that it has twice
    table = autocorrelations(changes, n_lags)
    length, lags = np.array([len(x) for x in changes])[:, None], np.arange(n_lags + 1)
    told = length >= 2 * lags
    table *= np.where(told, length / np.maximum(length - lags, 1), 0.0)  # by as many products as there are
    n_told = told.sum(axis=0)
    mean = table.sum(axis=0) / np.maximum(n_told, 1)
    # channels are not independent, but many of them tell more than one
    clear = np.maximum(_LEAST, _CLEAR / np.sqrt((longest - lags) * min(len(changes), _AS_MANY)))
    mean[n_told < max(1, _SHARE * len(changes))] = 0.0
    if first is None:
        inner = mean[1:-1]
        peaks = 1 + np.flatnonzero((inner > mean[:-2]) & (inner >= mean[2:]) & (inner > clear[1:-1]))
        peaks = peaks[peaks > 1]
        if not len(peaks):
            return (1,)
        first = int(peaks[mean[peaks] >= _NEARLY * mean[peaks].max()][0])
    multiples = np.arange(1, min(_MULTIPLES, n_lags // first) + 1) * first
    of_multiples = table[:, multiples]
    votes = np.zeros(len(multiples))
    for k in range(1, len(multiples) - 1):
        around = of_multiples[:, [0, k - 1, k + 1]].max(axis=1)
        votes[k] = np.mean((of_multiples[:, k] > around + _MORE) & (of_multiples[:, k] > clear[multiples[k]]))
    if votes.size and votes.max() >= _SHARE:
        return first, int(multiples[votes.argmax()])
    return (first,)
