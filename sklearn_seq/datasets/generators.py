"""Sequences made by rule, whose best answer is known: functions of arguments and ``random_state`` alone."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state, check_scalar

from sklearn_seq.params import RandomState

__all__ = ["make_adding_problem", "make_copy_memory", "make_waveforms"]

_SHAPES = ("sine", "square", "sawtooth", "triangle", "chirp")


def make_adding_problem(
    n_samples: int = 1000, n_timesteps: int = 100, *, random_state: RandomState = None
) -> tuple[np.ndarray, np.ndarray]:
    """Make the adding problem: add the two numbers that are marked.

    The first feature is uniform noise from [0, 1), the second is 1 at two steps, one in each half, and 0
    elsewhere. The target is the sum of the two marked numbers. Whoever predicts the mean, 1, has a mean
    squared error of 1/6 = 0.167; who has found the rule has 0. Longer sequences are harder: the gap to be
    remembered grows.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of sequences.
    n_timesteps : int, default=100
        Their length, at least 2.
    random_state : int, RandomState instance or None, default=None
        Same number, same data.

    Returns
    -------
    X : ndarray of shape (n_samples, n_timesteps, 2)
        Numbers and marks.
    y : ndarray of shape (n_samples,)
        The sums, from 0 to 2.

    References
    ----------
    S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997 (with numbers
    from [-1, 1]); in this form Q. V. Le, N. Jaitly and G. E. Hinton, arXiv:1504.00941, 2015.

    Examples
    --------
    >>> from sklearn_seq.datasets import make_adding_problem
    >>> X, y = make_adding_problem(500, 50, random_state=0)
    >>> X.shape, bool((y == (X[:, :, 0] * X[:, :, 1]).sum(axis=1)).all())
    ((500, 50, 2), True)
    """
    _check_int(n_samples, "n_samples", 1)
    _check_int(n_timesteps, "n_timesteps", 2)
    rng = check_random_state(random_state)
    X = np.zeros((n_samples, n_timesteps, 2))
    X[:, :, 0] = rng.uniform(size=(n_samples, n_timesteps))
    half = n_timesteps // 2
    rows = np.arange(n_samples)
    first, second = rng.randint(0, half, n_samples), rng.randint(half, n_timesteps, n_samples)
    X[rows, first, 1] = X[rows, second, 1] = 1
    return X, X[rows, first, 0] + X[rows, second, 0]


def make_copy_memory(
    n_samples: int = 1000,
    delay: int = 100,
    *,
    n_symbols: int = 8,
    n_memory: int = 10,
    one_hot: bool = True,
    random_state: RandomState = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Make the copy memory problem: repeat symbols after a long wait.

    A sequence is ``n_memory`` random symbols, ``delay - 1`` blanks, the go sign, and ``n_memory`` blanks. The
    target has a token for every step: blanks, and at the last ``n_memory`` steps the symbols in their order.
    Tokens: 0 is the blank, 1 to ``n_symbols`` are the symbols, ``n_symbols + 1`` is the go sign.

    Who remembers nothing does best with blanks up to the go sign and each symbol equally likely after it: a
    cross-entropy of ``n_memory * log(n_symbols) / (delay + 2 * n_memory)`` a step (0.173 with the defaults),
    and an accuracy of ``1 / n_symbols`` at the last ``n_memory`` steps. Who remembers reaches 0 and 1.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of sequences.
    delay : int, default=100
        Steps from the last symbol to the go sign.
    n_symbols : int, default=8
        Different symbols.
    n_memory : int, default=10
        Symbols to remember.
    one_hot : bool, default=True
        Whether a token of ``X`` is a row of zeros and a one, or its number.
    random_state : int, RandomState instance or None, default=None
        Same number, same data.

    Returns
    -------
    X : ndarray of shape (n_samples, delay + 2 * n_memory, n_symbols + 2), or of int without the last axis
        The tokens that are read.
    y : ndarray of int of shape (n_samples, delay + 2 * n_memory)
        The token wanted at each step.

    References
    ----------
    M. Arjovsky, A. Shah and Y. Bengio, "Unitary evolution recurrent neural networks", ICML 2016.

    Examples
    --------
    >>> from sklearn_seq.datasets import make_copy_memory
    >>> X, y = make_copy_memory(2, delay=4, n_memory=3, one_hot=False, random_state=0)
    >>> X[0].tolist(), y[0].tolist()
    ([5, 8, 6, 0, 0, 0, 9, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 5, 8, 6])
    """
    for name, value in (
        ("n_samples", n_samples),
        ("delay", delay),
        ("n_symbols", n_symbols),
        ("n_memory", n_memory),
    ):
        _check_int(value, name, 1)
    rng = check_random_state(random_state)
    symbols = rng.randint(1, n_symbols + 1, (n_samples, n_memory))
    tokens = np.zeros((n_samples, delay + 2 * n_memory), dtype=np.int64)
    y = np.zeros_like(tokens)
    tokens[:, :n_memory] = symbols
    tokens[:, -n_memory - 1] = n_symbols + 1
    y[:, -n_memory:] = symbols
    return (np.eye(n_symbols + 2)[tokens] if one_hot else tokens), y


def make_waveforms(
    n_samples: int = 100,
    n_classes: int = 5,
    *,
    n_timesteps: int = 64,
    ragged: bool = False,
    noise: float = 0.1,
    random_state: RandomState = None,
) -> tuple[Any, np.ndarray]:
    """Make waves of a few shapes for classification; phase, frequency and (if ragged) length tell nothing.

    The classes are, in this order, ``"sine"``, ``"square"``, ``"sawtooth"``, ``"triangle"`` and ``"chirp"``
    (a sine whose frequency grows to three times its first), with as many sequences of each as divide evenly.
    Waves run from -1 to 1 with a random phase and a period of 8 to 24 steps. Without noise the mean squares
    are 1/2, 1, 1/3, 1/3 and 1/2.

    Parameters
    ----------
    n_samples : int, default=100
        Number of sequences.
    n_classes : int, default=5
        How many of the shapes, 1 to 5.
    n_timesteps : int, default=64
        Length of the sequences, at least 2.
    ragged : bool, default=False
        Draw each length from ``n_timesteps // 2`` to ``n_timesteps``.
    noise : float, default=0.1
        Standard deviation of the normal noise that is added.
    random_state : int, RandomState instance or None, default=None
        Same number, same data.

    Returns
    -------
    X : ndarray of shape (n_samples, n_timesteps, 1), or list of ndarray of shape (n_timesteps_i, 1)
        The waves.
    y : ndarray of str of shape (n_samples,)
        Their shapes.

    Examples
    --------
    >>> from sklearn_seq.datasets import make_waveforms
    >>> X, y = make_waveforms(6, n_classes=3, random_state=0)
    >>> X.shape, sorted(set(y.tolist()))
    ((6, 64, 1), ['sawtooth', 'sine', 'square'])
    >>> X, y = make_waveforms(6, ragged=True, random_state=0)
    >>> all(32 <= len(wave) <= 64 for wave in X)
    True
    """
    _check_int(n_samples, "n_samples", 1)
    _check_int(n_timesteps, "n_timesteps", 2)
    check_scalar(n_classes, "n_classes", Integral, min_val=1, max_val=len(_SHAPES))
    check_scalar(noise, "noise", Real, min_val=0)
    rng = check_random_state(random_state)
    labels = rng.permutation(np.arange(n_samples) % n_classes)
    lengths = rng.randint(n_timesteps // 2, n_timesteps + 1, n_samples) if ragged else np.full(n_samples, n_timesteps)
    frequency = 1 / rng.uniform(8, 24, (n_samples, 1))
    step = np.arange(n_timesteps)
    turns = rng.uniform(size=(n_samples, 1)) + frequency * step  # of the circle, (B, T)
    # a rate that grows linearly to three times its first at the last step of its own sequence
    turns = np.where(labels[:, None] == 4, turns + frequency * step**2 / lengths[:, None], turns)
    circle = 2 * np.pi * turns
    saw = 2 * (turns % 1) - 1
    waves = np.choose(
        labels[:, None],
        [np.sin(circle), np.where(saw < 0, 1.0, -1.0), saw, 1 - 2 * np.abs(saw), np.sin(circle)],
    )
    X = (waves + noise * rng.standard_normal(waves.shape))[:, :, None]
    y = np.array(_SHAPES)[labels]
    return ([wave[:length].copy() for wave, length in zip(X, lengths, strict=True)] if ragged else X), y


def _check_int(value: Any, name: str, low: int) -> None:
    check_scalar(value, name, Integral, min_val=low)
