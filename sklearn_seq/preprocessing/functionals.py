"""A row of numbers for each clip of sound: how it is said, whatever is said."""

from typing import Annotated

import numpy as np
from scipy import fft

from sklearn_seq.params import AtLeast, Positive, estimator
from sklearn_seq.preprocessing._base import _FeatureTransformer
from sklearn_seq.preprocessing._sound import frame_counts, frames, mel_filters, pitch, power_spectra
from sklearn_seq.preprocessing.audio import _SoundTransformer
from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.stretches import runs

__all__ = ["AudioFunctionals"]

_SAMPLES = 1 << 20  # of clips worked on at once: their frames take many times as much
_N_BANDS = 26
_FLOOR = 1e-10
_QUANTILES = (5, 25, 50, 75, 95)
_SUMMARIES = ("mean", "std", *(f"q{q}" for q in _QUANTILES), "change", "change_std")
_SHAPE = ("energy", "crossings", "centroid", "spread", "flux", "slope", "alpha", "hammarberg", "voicing")
_RHYTHM = ("voiced_share", "voiced_rate", "voiced_length", "voiced_length_std", "peak_rate")


@estimator
class AudioFunctionals(_SoundTransformer, _FeatureTransformer):
    """Turn each clip of sound into one row of numbers, for classifiers of emotion, speakers and sounds.

    A frame every ``step`` seconds is described by mel-frequency cepstral coefficients, log-mel energies in ten bands,
    log energy, zero crossings, centroid, spread and slope of the spectrum, flux, alpha ratio and Hammarberg index (low
    against high frequencies), strength of voicing and, where there is a voice, pitch in semitones over 27.5 Hz. Over the
    frames of a clip, and once more over its voiced frames alone, each of them is summed up by functionals: mean, standard
    deviation, five quantiles, mean and deviation of the size of changes from frame to frame. Beside them stand the share of
    voiced frames, voiced stretches a second and their length in seconds, and peaks of energy a second. With more than one
    channel, the features of each stand side by side. There is nothing random, and `fit` learns the number of channels
    only.

    Samples that are exactly zero at the ends of a clip are left out: they were put there. Where there is no voiced frame,
    what is asked of voiced frames is 0. Whole numbers and sample rates are those of `LogMelSpectrogram`.

    See Also
    --------
    GroupScaler : Scales the rows of each speaker by that speaker's own statistics.
    LogMelSpectrogram : What networks read.

    Notes
    -----
    Features are of different size: scale them. An SVM on them is what emotion is mostly recognised with.

    References
    ----------
    .. [1] F. Eyben, M. Woellmer, B. Schuller. openSMILE: the Munich versatile and fast open-source audio feature extractor.
       ACM Multimedia 2010.
    .. [2] F. Eyben et al. The Geneva minimalistic acoustic parameter set (GeMAPS) for voice research and affective
       computing. IEEE Transactions on Affective Computing 7, 190-202, 2016.
    .. [3] P. Boersma. Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
       sampled sound. Proceedings of the Institute of Phonetic Sciences 17, 97-110, 1993.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import AudioFunctionals
    >>> time = np.arange(8000) / 8000  # a second
    >>> clips = [np.sin(2 * np.pi * 220 * time), np.sin(2 * np.pi * 110 * time[:5000])]
    >>> functionals = AudioFunctionals(sample_rate=8000)
    >>> features = functionals.set_output(transform="pandas").fit_transform(clips)
    >>> features["x0_pitch_q50"].round(1).tolist()  # an octave is 12 semitones
    [36.0, 24.0]
    """

    sample_rate: Annotated[float, Positive, "Samples a second of every clip."] = 16000
    window: Annotated[float, Positive, "Length of a frame in seconds; for pitch at least 0.04."] = 0.025
    step: Annotated[float, Positive, "From one frame to the next in seconds."] = 0.01
    n_coefficients: Annotated[int, AtLeast(1), "Cepstral coefficients, 26 at most."] = 20
    levels: Annotated[
        bool,
        "Keep levels. False gives mean and quantiles as distances from the median, and leaves that out: what voice, room and "
        "microphone have all the time goes away, and how it varies stays. For speakers that training has not heard.",
    ] = True
    voicing: Annotated[float, Positive, "From which autocorrelation on a frame is voiced, below 1."] = 0.45

    def _check_settings(self) -> None:
        if round(self.window * self.sample_rate) < 2 or round(self.step * self.sample_rate) < 1:
            raise ValueError(
                f"window={self.window:g} and step={self.step:g} seconds at sample_rate={self.sample_rate:g}; wanted at least "
                "two samples and one. Both are in seconds, as in window=0.025."
            )
        if self.n_coefficients > _N_BANDS:
            raise ValueError(f"n_coefficients={self.n_coefficients}; wanted {_N_BANDS} at most, one for each band.")

    def _gives_columns(self) -> bool:
        return True

    def _descriptors(self) -> list[str]:
        bands = [f"band{i}" for i in range(10)]
        return [f"mfcc{i}" for i in range(self.n_coefficients)] + bands + list(_SHAPE)

    def _own_names(self) -> list[str]:
        names = self._descriptors()
        ways = [how for how in _SUMMARIES if self.levels or how != "q50"]
        found = [f"{name}_{how}" for how in ways for name in names]
        found += [f"voiced_{name}_{how}" for how in ways for name in names]
        return found + [f"pitch_{how}" for how in ways] + list(_RHYTHM)

    def _names(self, names: list[str]) -> list[str]:
        own = self._own_names()
        return own if self._kind == "2-D" else [f"{name}_{feature}" for name in names for feature in own]

    def _features(self, X: Sequences) -> np.ndarray:
        found = []
        for run in runs(X.lengths, _SAMPLES):
            some = X[run].to_block()
            some = some.map_values(some.values.astype(np.float64))
            parts = [self._of_channel(_without_zero_ends(some, channel)) for channel in range(X.n_features)]
            found.append(np.concatenate(parts, axis=1).astype(np.float32))
        return np.concatenate(found)

    def _of_channel(self, X: Sequences) -> np.ndarray:
        counts = frame_counts(X.lengths, round(self.step * self.sample_rate))
        values, tone, voiced = self._describe(X, counts)
        stops = np.cumsum(counts)
        rows = [
            self._sum_up(values[start:stop], tone[start:stop], voiced[start:stop])
            for start, stop in zip(stops - counts, stops, strict=True)
        ]
        return np.stack(rows)

    def _describe(self, X: Sequences, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of all frames: descriptors (n_frames, D), pitch in semitones, whether there is a voice."""
        rate = self.sample_rate
        size, step = round(self.window * rate), round(self.step * rate)
        n_fft = 1 << (size - 1).bit_length()
        filters = mel_filters(rate, n_fft, _N_BANDS, 0.0, rate / 2, "htk").T
        wide = mel_filters(rate, n_fft, 10, 0.0, rate / 2, "htk").T
        hz = np.arange(n_fft // 2 + 1) * (rate / n_fft)
        n = int(counts.sum())
        bands, ten = np.empty((n, _N_BANDS)), np.empty((n, 10))
        shape = np.zeros((n, len(_SHAPE)))
        root = np.empty((n, len(hz)))
        for run, power in power_spectra(X, 0, size, step, n_fft):
            bands[run] = np.log(np.maximum(power @ filters, _FLOOR))
            ten[run] = np.log(np.maximum(power @ wide, _FLOOR))
            total = power.sum(axis=1) + _FLOOR
            centre = power @ (hz / 1000.0) / total
            shape[run, 0] = np.log(total)
            shape[run, 2] = centre
            shape[run, 3] = np.sqrt(np.maximum(power @ (hz / 1000.0) ** 2 / total - centre**2, 0.0))
            log_power = np.log(power + _FLOOR)
            even = hz / 1000.0 - (hz / 1000.0).mean()
            shape[run, 5] = log_power @ even / (even @ even)
            low, high = (hz >= 50) & (hz < 1000), (hz >= 1000) & (hz < 5000)
            shape[run, 6] = np.log((power[:, low].sum(axis=1) + _FLOOR) / (power[:, high].sum(axis=1) + _FLOOR))
            low, high = hz < 2000, (hz >= 2000) & (hz < 5000)
            shape[run, 7] = _largest(power, low) - _largest(power, high)
            root[run] = np.sqrt(power / total[:, None])
        for run, part in frames(X, 0, size, step):
            shape[run, 1] = (np.signbit(part[:, 1:]) != np.signbit(part[:, :-1])).mean(axis=1)
        first = np.cumsum(counts) - counts
        shape[1:, 4] = np.square(np.diff(root, axis=0)).sum(axis=1)
        shape[first, 4] = 0.0
        tone = np.empty(n)
        for run, part in frames(X, 0, max(size, round(0.04 * rate)), step):
            tone[run], shape[run, 8] = pitch(part, rate)
        mfcc = fft.dct(bands, type=2, norm="ortho", axis=1)[:, : self.n_coefficients]
        loudest = np.maximum.reduceat(shape[:, 0], first)
        loud = shape[:, 0] > np.repeat(loudest, counts) - 9.0  # at most about 40 dB below
        voiced = (shape[:, 8] >= self.voicing) & loud
        return np.concatenate([mfcc, ten, shape], axis=1), 12.0 * np.log2(tone / 27.5), voiced

    def _sum_up(self, values: np.ndarray, tone: np.ndarray, voiced: np.ndarray) -> np.ndarray:
        """The features of one clip."""
        n = len(values)
        both = voiced[1:] & voiced[:-1]
        changes = np.abs(np.diff(values, axis=0))
        steps = np.abs(np.diff(tone[:, None], axis=0))
        edges = np.flatnonzero(np.diff(np.concatenate([[0], voiced, [0]])))
        stretches = (edges[1::2] - edges[::2]) * self.step
        energy = values[:, self._descriptors().index("energy")]
        # a logarithm has no zero to go on with beyond the ends
        energy = np.convolve(np.pad(energy, 2, mode="edge"), np.full(5, 0.2), mode="valid")
        peaks = (energy[1:-1] > energy[:-2]) & (energy[1:-1] >= energy[2:])
        seconds = n * self.step
        lengths = [stretches.mean(), stretches.std()] if len(stretches) else [0.0, 0.0]
        rhythm = [voiced.mean(), len(stretches) / seconds, *lengths, peaks.sum() / seconds]
        parts = (
            _functionals(values, changes, self.levels),
            _functionals(values[voiced], changes[both], self.levels),
            _functionals(tone[voiced, None], steps[both], self.levels),
            np.array(rhythm),
        )
        return np.concatenate(parts)


def _functionals(values: np.ndarray, changes: np.ndarray, levels: bool) -> np.ndarray:
    """All summaries of each column, one summary after another."""
    width = values.shape[1]
    if not len(values):
        return np.zeros((len(_SUMMARIES) - (not levels)) * width)
    mean, quantiles = values.mean(axis=0), list(np.percentile(values, _QUANTILES, axis=0))
    if not levels:
        median = quantiles.pop(_QUANTILES.index(50))
        mean, quantiles = mean - median, [quantile - median for quantile in quantiles]
    parts = [mean, values.std(axis=0), *quantiles]
    parts += [changes.mean(axis=0), changes.std(axis=0)] if len(changes) else [np.zeros(width)] * 2
    return np.concatenate(parts)


def _largest(power: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The logarithm of the strongest frequency."""
    return np.log(power[:, where].max(axis=1, initial=0.0) + _FLOOR)


def _without_zero_ends(X: Sequences, channel: int) -> Sequences:
    """One channel, without the zeros at both ends; of nothing but zeros one is left."""
    clips = []
    for clip in X:
        sound = np.flatnonzero(clip[:, channel])
        clips.append(clip[sound[0] : sound[-1] + 1, [channel]] if len(sound) else clip[:1, [channel]])
    return Sequences.from_list(clips)
