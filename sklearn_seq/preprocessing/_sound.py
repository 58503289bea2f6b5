"""Arithmetic of sound on all clips at once: frames, spectra, mel filters, pitch."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft
from scipy.signal import get_window

from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.stretches import runs

__all__ = ["Scale", "frame_counts", "frames", "hz_to_mel", "mel_filters", "mel_to_hz", "pitch", "power_spectra"]

Scale = Literal["slaney", "htk"]

_CHUNK = 1 << 20  # numbers worked on at once
# Slaney (1998): 200/3 Hz a mel up to 1 kHz, then 27 logarithmic steps from 1 to 6.4 kHz
_LINEAR, _CORNER, _LOG_STEP = 200.0 / 3.0, 1000.0, np.log(6.4) / 27.0


def hz_to_mel(hz: ArrayLike, scale: Scale = "slaney") -> np.ndarray:
    """Frequencies in mel, by Slaney's Auditory Toolbox or by O'Shaughnessy's formula, which HTK uses."""
    hz = np.asarray(hz, dtype=np.float64)
    if scale == "htk":
        return 2595.0 * np.log10(1.0 + hz / 700.0)
    above = _CORNER / _LINEAR + np.log(np.maximum(hz, _CORNER) / _CORNER) / _LOG_STEP
    return np.where(hz < _CORNER, hz / _LINEAR, above)


def mel_to_hz(mel: ArrayLike, scale: Scale = "slaney") -> np.ndarray:
    """The way back."""
    mel = np.asarray(mel, dtype=np.float64)
    if scale == "htk":
        return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    corner = _CORNER / _LINEAR
    return np.where(mel < corner, mel * _LINEAR, _CORNER * np.exp(_LOG_STEP * (np.maximum(mel, corner) - corner)))


def mel_filters(
    sample_rate: float, n_fft: int, n_mels: int, f_min: float, f_max: float, scale: Scale = "slaney"
) -> np.ndarray:
    """Triangles whose corners stand evenly in mel, (n_mels, n_fft // 2 + 1).

    Those of "slaney" have the same area each, those of "htk" the same height 1.
    """
    corners = mel_to_hz(np.linspace(hz_to_mel(f_min, scale), hz_to_mel(f_max, scale), n_mels + 2), scale)
    hz = np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    low, middle, high = (corners[i : i + n_mels, None] for i in range(3))
    filters = np.maximum(0.0, np.minimum((hz - low) / (middle - low), (high - hz) / (high - middle)))
    return filters * (2.0 / (high - low)) if scale == "slaney" else filters


def frame_counts(lengths: np.ndarray, step: int) -> np.ndarray:
    """How many frames clips have: one around every ``step``-th sample, from the first on."""
    return 1 + lengths // step


def frames(X: Sequences, channel: int, size: int, step: int) -> Iterator[tuple[slice, np.ndarray]]:
    """The frames of all clips one after another, zeros beyond the ends of a clip.

    Yields
    ------
    run : slice
        Which frames of all.
    values : ndarray of shape (n_frames of the run, size)
    """
    done = 0
    for clips in runs(X.lengths, _CHUNK):  # what finds the frames takes many times as much as the clips
        for run, values in _frames_of(X[clips], channel, size, step):
            yield slice(done + run.start, done + run.stop), values
        done += int(frame_counts(X.lengths[clips], step).sum())


def _frames_of(X: Sequences, channel: int, size: int, step: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Of a few clips."""
    counts = frame_counts(X.lengths, step)
    half = size // 2
    starts = np.cumsum(X.lengths + size) - X.lengths  # of each clip, behind ``size`` zeros that neighbours share
    values = np.zeros(int(starts[-1] + X.lengths[-1]) + size, dtype=X.dtype)
    inside = np.arange(int(X.lengths.sum())) - np.repeat(np.cumsum(X.lengths) - X.lengths, X.lengths)
    values[np.repeat(starts, X.lengths) + inside] = X.values[X.rows(), channel]
    number = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    first = np.repeat(starts - half, counts) + number * step
    rows = max(1, _CHUNK // size)
    every = np.lib.stride_tricks.sliding_window_view(values, size)
    for i in range(0, len(first), rows):
        run = slice(i, min(i + rows, len(first)))
        yield run, every[first[run]]


def power_spectra(X: Sequences, channel: int, size: int, step: int, n_fft: int) -> Iterator[tuple[slice, np.ndarray]]:
    """As `frames`, the squared magnitudes behind a periodic Hann window, (n_frames of the run, n_fft // 2 + 1)."""
    window = get_window("hann", size).astype(X.dtype)
    for run, part in frames(X, channel, size, step):
        spectrum = fft.rfft(part * window, n_fft, axis=1)
        yield run, spectrum.real**2 + spectrum.imag**2


def pitch(
    part: np.ndarray, sample_rate: float, lowest: float = 60.0, highest: float = 500.0
) -> tuple[np.ndarray, np.ndarray]:
    """Fundamental frequency and strength of voicing of frames, by autocorrelation (Boersma 1993).

    Parameters
    ----------
    part : ndarray of shape (n_frames, size)
        Frames of at least two periods of the lowest frequency.
    sample_rate : float
    lowest, highest : float
        Frequencies looked for, in Hz.

    Returns
    -------
    frequency : ndarray of shape (n_frames,)
        In Hz; of the strongest peak, high ones favoured a little.
    strength : ndarray of shape (n_frames,)
        The normalised autocorrelation there, 0 to 1; 0 where there is silence or no peak.
    """
    n = part.shape[1]
    part = part.astype(np.float64)
    window = np.hanning(n + 2)[1:-1]
    n_fft = fft.next_fast_len(2 * n, real=True)

    def correlate(rows: np.ndarray) -> np.ndarray:
        spectrum = fft.rfft(rows, n_fft, axis=-1)
        return fft.irfft(spectrum.real**2 + spectrum.imag**2, n_fft, axis=-1)[..., :n]

    found = correlate((part - part.mean(axis=1, keepdims=True)) * window)
    energy = found[:, :1]
    own = correlate(window)
    low = max(1, int(sample_rate / highest))
    high = min(int(sample_rate / lowest), n // 2)
    nothing = np.zeros(len(part))
    if high - low < 2:
        return nothing + lowest, nothing
    silent = energy[:, 0] <= 1e-12 * n
    found = found / np.where(silent[:, None], 1.0, energy) / (own / own[0])
    lags = np.arange(low, high)
    middle, before, after = found[:, lags], found[:, lags - 1], found[:, lags + 1]
    # a peak beside the edge of the range belongs to something else
    peak = np.where((middle >= before) & (middle > after), middle, -1.0)
    cost = 0.03 * np.log2(lags * (lowest / sample_rate))  # a longer period must be clearly better
    best = (peak - cost).argmax(axis=1)
    rows = np.arange(len(part))
    y0, y1, y2 = before[rows, best], middle[rows, best], after[rows, best]
    bend = y0 - 2.0 * y1 + y2
    shift = np.where(bend < 0, 0.5 * (y0 - y2) / np.where(bend < 0, bend, 1.0), 0.0)
    strength = np.where(silent | (peak[rows, best] < 0), 0.0, np.clip(y1, 0.0, 1.0))
    return sample_rate / (lags[best] + np.clip(shift, -0.5, 0.5)), strength
