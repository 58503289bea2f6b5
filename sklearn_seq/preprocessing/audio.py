"""Sound to sequences: spectra in mel, cepstra, their changes, other sampling rates."""

from fractions import Fraction
from typing import Annotated, Any

import numpy as np
from scipy import fft
from scipy.signal import resample_poly

from sklearn_seq.params import AtLeast, Between, Positive, estimator
from sklearn_seq.preprocessing._base import _Transformer
from sklearn_seq.preprocessing._blocks import flat, positions
from sklearn_seq.preprocessing._sound import Scale, frame_counts, mel_filters, power_spectra
from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.kinds import host, sort_out

__all__ = ["MFCC", "Deltas", "LogMelSpectrogram", "Resampler"]


@estimator
class _SoundTransformer(_Transformer):
    """What turns clips into clips or frames; whole numbers of 16 bits come in the range of floats."""

    def _read(self, X: Any, *, reset: bool) -> tuple[Sequences, str]:
        sequences, kind = super()._read(X, reset=reset)
        return (sequences.map_values(sequences.values / 32768.0) if _in_16_bits(X) else sequences), kind

    def _gives_columns(self) -> bool:
        return False

    def _give(self, X: Sequences, kind: str) -> Any:
        return super()._give(X, "3-D" if kind == "2-D" else kind)


def _in_16_bits(X: Any) -> bool:
    """Whether what was given is of dtype int16, as sound comes from files; a part of it cannot be."""
    given = sort_out(X).data
    if not isinstance(given, list | tuple):
        return _is_int16(given)
    of_16_bits = [_is_int16(clip) for clip in given]
    if any(of_16_bits) and not all(of_16_bits):
        one, other = of_16_bits.index(True), of_16_bits.index(False)
        raise ValueError(
            f"X[{one}] is of dtype int16, which is divided by 32768, and X[{other}] is of "
            f"{getattr(given[other], 'dtype', type(given[other]).__name__)}, which is taken as it is; wanted all clips in one range. "
            "Give all as int16, or x / 32768 for those that are."
        )
    return all(of_16_bits)


def _is_int16(clips: Any) -> bool:
    """In either order of bytes; of a frame all columns."""
    dtypes = clips.dtypes if hasattr(clips, "columns") else [getattr(host(clips), "dtype", None)]
    return all(str(dtype).lower() in ("int16", "<i2", ">i2") for dtype in dtypes)


@estimator
class _Mel(_SoundTransformer):
    sample_rate: Annotated[float, Positive, "Samples a second of every clip."] = 16000
    window: Annotated[float, Positive, "Length of a frame in seconds."] = 0.025
    step: Annotated[float, Positive, "From one frame to the next in seconds."] = 0.01
    n_mels: Annotated[int, AtLeast(1), "Bands."] = 40
    f_min: Annotated[float, AtLeast(0), "Lower end of the first band, in Hz."] = 0.0
    f_max: Annotated[float | None, Positive, "Upper end of the last band, in Hz; None is half the sample rate."] = None
    mel_scale: Annotated[
        Scale,
        "Slaney's scale, linear up to 1 kHz, with bands of equal area; or HTK's logarithm with bands of equal height.",
    ] = "slaney"
    preemphasis: Annotated[
        float,
        Between(0, 1, "left"),
        "Each sample less this share of the one before it, which raises high frequencies; 0.97 is usual.",
    ] = 0.0
    floor: Annotated[float, Positive, "The least energy of a band; so silence has a logarithm."] = 1e-10
    top_db: Annotated[
        float | None,
        Positive,
        "What is more decibels below the loudest band of a clip is raised to that: noise of quiet rooms and of loud ones is "
        "then alike. None raises nothing.",
    ] = None

    def _check_settings(self) -> None:
        half = self.sample_rate / 2
        f_max = half if self.f_max is None else self.f_max
        if not self.f_min < f_max <= half:
            raise ValueError(
                f"f_min={self.f_min:g} and f_max={self.f_max} at sample_rate={self.sample_rate:g}; wanted "
                f"f_min < f_max <= {half:g}, half the sample rate, above which there is no sound. Lower f_max, or give "
                "the rate that the clips have."
            )
        for name in ("window", "step"):
            if round(getattr(self, name) * self.sample_rate) < 1:
                raise ValueError(
                    f"{name}={getattr(self, name):g} seconds at sample_rate={self.sample_rate:g} is less than one sample; "
                    f"wanted at least {1 / self.sample_rate:g}. {name} is in seconds, as in {name}=0.025."
                )

    def _filters(self) -> tuple[int, int, int, np.ndarray]:
        """Samples a frame and a step, points of the transform, filters (n_fft // 2 + 1, n_mels)."""
        size, step = round(self.window * self.sample_rate), round(self.step * self.sample_rate)
        n_fft = 1 << (size - 1).bit_length()
        f_max = self.sample_rate / 2 if self.f_max is None else self.f_max
        return size, step, n_fft, mel_filters(self.sample_rate, n_fft, self.n_mels, self.f_min, f_max, self.mel_scale).T

    def _log_mel(self, X: Sequences) -> Sequences:
        """Of each channel, side by side."""
        if self.preemphasis:
            X = flat(X)
            before = np.roll(X.values, 1, axis=0)
            before[X.starts] = 0.0
            X = X.map_values(X.values - np.asarray(self.preemphasis, X.dtype) * before)
        size, step, n_fft, filters = self._filters()
        filters = filters.astype(X.dtype)
        counts = frame_counts(X.lengths, step)
        stops = np.cumsum(counts)
        out = np.empty((int(stops[-1]), X.n_features, self.n_mels), dtype=X.dtype)
        for channel in range(X.n_features):
            for run, power in power_spectra(X, channel, size, step, n_fft):
                out[run, channel] = np.log(np.maximum(power @ filters, self.floor))
        if self.top_db is not None:  # of each channel by itself, as everything else
            least = np.maximum.reduceat(out.max(axis=2), stops - counts, axis=0) - self.top_db * np.log(10.0) / 10.0
            np.maximum(out, np.repeat(least, counts, axis=0)[:, :, None], out=out)
        return Sequences._make(out.reshape(len(out), -1), stops - counts, stops)


@estimator
class LogMelSpectrogram(_Mel):
    """Turn clips of sound into sequences of log-mel spectra: what networks for speech read.

    A frame of ``window`` seconds stands around every ``step``-th second, from the first sample on, so that a clip of
    ``n`` samples has ``1 + n // (step * sample_rate)`` frames, ``window`` and ``step`` rounded to whole samples; beyond its
    ends there are zeros. Behind a Hann window the
    squared magnitudes of its Fourier transform, of the next power of two, are summed by triangles that stand evenly on
    the mel scale; the natural logarithm of the sums is the output. Several channels are transformed each by itself, side
    by side.

    Clips are 1-D arrays in a list, or rows of a 2-D array, or have a channel a feature. Samples of dtype ``int16`` are
    divided by 32768; any other numbers are taken as they are. All clips have the sample rate of the parameter: the
    numbers cannot tell, so bring others to it before (`Resampler`, ``read_wav_folder(sample_rate=...)``).

    See Also
    --------
    MFCC : A few numbers a frame, less alike, for models that are no networks.
    SequenceScaler : With ``per="series"`` each clip gets mean 0 and deviation 1 in each band, which takes away what the
        microphone and the room add.

    References
    ----------
    .. [1] S. S. Stevens, J. Volkmann, E. B. Newman. A scale for the measurement of the psychological magnitude pitch.
       Journal of the Acoustical Society of America 8, 185-190, 1937.
    .. [2] M. Slaney. Auditory toolbox, version 2. Technical report 1998-010, Interval Research Corporation, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import LogMelSpectrogram
    >>> time = np.arange(8000) / 8000  # a second
    >>> clips = [np.sin(2 * np.pi * 440 * time), np.sin(2 * np.pi * 2000 * time[:4000])]
    >>> spectra = LogMelSpectrogram(sample_rate=8000).fit_transform(clips)
    >>> spectra
    Sequences(2 sequences, 51 to 101 timesteps, 40 features, float64)
    >>> [int(spectrum.mean(axis=0).argmax()) for spectrum in spectra]  # the loudest band
    [7, 28]
    """

    def _apply(self, X: Sequences) -> Sequences:
        return self._log_mel(X)


@estimator
class MFCC(_Mel):
    """Turn clips of sound into sequences of mel-frequency cepstral coefficients.

    The cosine transform (DCT-II, orthonormal) of the log-mel spectra, of which the first coefficients are kept (Davis and
    Mermelstein 1980): the shape of the spectrum in a few numbers that hang together little. Frames, channels, whole
    numbers and sample rates are those of `LogMelSpectrogram`.

    See Also
    --------
    LogMelSpectrogram : What networks read.
    Deltas : Their changes, which are mostly put beside them.

    References
    ----------
    .. [1] S. Davis, P. Mermelstein. Comparison of parametric representations for monosyllabic word recognition in
       continuously spoken sentences. IEEE Transactions on Acoustics, Speech, and Signal Processing 28, 357-366, 1980.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import MFCC
    >>> clips = np.random.default_rng(0).normal(size=(3, 1600))
    >>> MFCC(n_coefficients=13).fit_transform(clips).shape
    (3, 11, 13)
    """

    n_coefficients: Annotated[int, AtLeast(1), "How many are kept, the mean of the log energies included."] = 13

    def _check_settings(self) -> None:
        super()._check_settings()
        if self.n_coefficients > self.n_mels:
            raise ValueError(
                f"n_coefficients={self.n_coefficients} of n_mels={self.n_mels} bands; there are as many coefficients as "
                "bands at most. Lower n_coefficients, or raise n_mels."
            )

    def _apply(self, X: Sequences) -> Sequences:
        found = self._log_mel(X)
        bands = found.values.reshape(len(found.values), -1, self.n_mels)
        kept = fft.dct(bands, type=2, norm="ortho", axis=2)[:, :, : self.n_coefficients]
        return found.map_values(np.ascontiguousarray(kept).reshape(len(kept), -1))


@estimator
class Deltas(_Transformer):
    """Put the changes of features beside them: slopes over a few steps, and slopes of slopes.

    The slope at a step is that of the straight line through the ``width`` steps around it (Furui 1986, as HTK computes
    it); beyond its ends a sequence goes on with its first and its last step. Sequences get as many features again for
    each ``order``.

    References
    ----------
    .. [1] S. Furui. Speaker-independent isolated word recognition using dynamic features of speech spectrum. IEEE
       Transactions on Acoustics, Speech, and Signal Processing 34, 52-59, 1986.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import Deltas
    >>> X = np.array([[0.0, 1.0, 2.0, 3.0, 3.0]])
    >>> Deltas(width=3, order=1).fit_transform(X)[0]
    array([[0. , 0.5],
           [1. , 1. ],
           [2. , 1. ],
           [3. , 0.5],
           [3. , 0. ]])
    """

    width: Annotated[int, AtLeast(3), "Steps that a slope is taken over, an odd number."] = 9
    order: Annotated[int, AtLeast(1), "1 for slopes, 2 for slopes of slopes too, and so on."] = 2

    def _check_settings(self) -> None:
        if self.width % 2 == 0:
            raise ValueError(
                f"width={self.width} has no step in the middle; wanted an odd number, such as {self.width + 1}."
            )

    def _apply(self, X: Sequences) -> Sequences:
        X = flat(X)
        first = np.repeat(X.starts, X.lengths)
        last = np.repeat(X.stops - 1, X.lengths)
        row = first + positions(X)
        half = self.width // 2
        parts = [X.values.astype(np.float64)]
        for _ in range(self.order):
            values, slope = parts[-1], np.zeros(X.values.shape)
            for n in range(1, half + 1):
                slope += n * (values[np.minimum(row + n, last)] - values[np.maximum(row - n, first)])
            parts.append(slope / (2 * sum(n * n for n in range(1, half + 1))))
        return X.map_values(np.concatenate(parts, axis=1).astype(X.dtype, copy=False))

    def _gives_columns(self) -> bool:
        return False

    def _give(self, X: Sequences, kind: str) -> Any:
        return super()._give(X, "3-D" if kind == "2-D" else kind)


@estimator
class Resampler(_SoundTransformer):
    """Bring clips of sound from one sample rate to another.

    A low-pass filter keeps what the new rate can hold (`scipy.signal.resample_poly`); ``n`` samples become
    ``ceil(n * new_rate / sample_rate)``. Features are channels.

    See Also
    --------
    sklearn_seq.datasets.read_wav_folder : Reads files of several rates as clips of one.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import Resampler
    >>> clips = [np.sin(np.arange(1600) / 10), np.sin(np.arange(800) / 10)]
    >>> Resampler(sample_rate=16000, new_rate=8000).fit_transform(clips)
    Sequences(2 sequences, 400 to 800 timesteps, 1 features, float64)
    """

    sample_rate: Annotated[float, Positive, "Samples a second of every clip."] = 16000
    new_rate: Annotated[float, Positive, "Samples a second of the output."] = 16000

    def _apply(self, X: Sequences) -> Sequences:
        if self.sample_rate == self.new_rate:
            return X
        return Sequences.from_list([resample(clip, self.sample_rate, self.new_rate) for clip in X])

    def _give(self, X: Sequences, kind: str) -> Any:
        return _Transformer._give(self, X, kind)


def resample(clip: np.ndarray, rate: float, new_rate: float) -> np.ndarray:
    """One clip, (n, n_channels), at another rate."""
    ratio = Fraction(max(rate, new_rate) / min(rate, new_rate)).limit_denominator(10_000)  # above 1: none becomes 0
    more, less = ratio.numerator, ratio.denominator
    up, down = (more, less) if new_rate > rate else (less, more)
    found = resample_poly(clip, up, down, axis=0)
    return found.astype(clip.dtype, copy=False)
