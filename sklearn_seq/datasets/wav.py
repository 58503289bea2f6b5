"""Reading uncompressed WAV files. (scipy's reader warns of a cut-off file and returns a part; we refuse.)"""

import os
import struct
from pathlib import Path

import numpy as np

__all__ = ["read_wav"]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_OTHER = {2: "ADPCM", 6: "A-law", 7: "mu-law", 17: "IMA ADPCM", 85: "MP3"}
_CONVERT = "Convert it, for instance by: ffmpeg -i in.wav -c:a pcm_s16le out.wav"


def read_wav(path: str | os.PathLike) -> tuple[np.ndarray, int]:
    """Read a WAV file: whole numbers of 8, 16, 24 or 32 bits, or floats of 32 or 64.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    signal : ndarray of float32 of shape (n_timesteps, n_channels)
        In [-1, 1]: whole numbers are divided by their largest size. Floats stay as they are, and only a file
        that oversteps that range itself does so here.
    sample_rate : int
        Time steps a second.

    Raises
    ------
    ValueError
        When the file is cut off, damaged or compressed.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> from scipy.io import wavfile
    >>> from sklearn_seq.datasets import read_wav
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "beep.wav"
    >>> wavfile.write(path, 8000, np.array([0, 16384, -32768], dtype=np.int16))
    >>> signal, sample_rate = read_wav(path)
    >>> signal.ravel().tolist(), sample_rate
    ([0.0, 0.5, -1.0], 8000)
    """
    path = Path(path)
    raw = path.read_bytes()
    if raw[:4] not in (b"RIFF", b"RIFX") or raw[8:12] != b"WAVE":
        raise ValueError(
            f"{path}: the file begins with {raw[:4]!r}; wanted a WAV file, which begins with RIFF. {_CONVERT}"
        )
    order = "<" if raw[:4] == b"RIFF" else ">"
    encoding: tuple[int, int, int, int] | None = None
    at = 12
    while at + 8 <= len(raw):
        name, size = struct.unpack(f"{order}4sI", raw[at : at + 8])
        at += 8
        if name == b"fmt ":
            encoding = _read_format(raw[at : at + size], order, path)
        elif name == b"data":
            if encoding is None:
                raise ValueError(f"{path}: the sound comes before its format; wanted a chunk 'fmt ' first. {_CONVERT}")
            if size == 0xFFFFFFFF:  # written to a pipe: as much as there is
                size = (len(raw) - at) // encoding[2] * encoding[2]
            return _samples(raw[at : at + size], size, *encoding, order, path)
        at += size + size % 2
    raise ValueError(f"{path}: the file ends before its sound; wanted a chunk 'data'. It is cut off or damaged.")


def _read_format(chunk: bytes, order: str, path: Path) -> tuple[int, int, int, int]:
    """Kind of number, channels, bytes of a time step, sample rate."""
    if len(chunk) < 16:
        raise ValueError(
            f"{path}: the format takes {len(chunk)} bytes; wanted at least 16. The file is cut off or damaged."
        )
    kind, n_channels, rate, _, step, bits = struct.unpack(f"{order}HHIIHH", chunk[:16])
    if kind == _EXTENSIBLE and len(chunk) >= 26:
        (kind,) = struct.unpack(f"{order}H", chunk[24:26])
    if kind not in (_PCM, _FLOAT):
        raise ValueError(
            f"{path}: the sound is {_OTHER.get(kind, f'of kind {kind}')}; wanted PCM or float samples. {_CONVERT}"
        )
    width = step / n_channels if n_channels else 0
    wanted = (1, 2, 3, 4) if kind == _PCM else (4, 8)
    if width not in wanted or not rate or not 0 < bits <= 8 * width:
        raise ValueError(
            f"{path}: the header says {n_channels} channels, {step} bytes a time step, {bits} bits, {rate} "
            f"steps a second; wanted {' or '.join(str(w) for w in wanted)} bytes a channel and at least one "
            f"of each. {_CONVERT}"
        )
    return kind, n_channels, step, rate


def _samples(
    chunk: bytes, size: int, kind: int, n_channels: int, step: int, rate: int, order: str, path: Path
) -> tuple[np.ndarray, int]:
    if len(chunk) < size:
        raise ValueError(
            f"{path}: the sound should take {size} bytes, {len(chunk)} are there. The file is cut off: copy it again."
        )
    if size == 0 or size % step:
        raise ValueError(
            f"{path}: the sound takes {size} bytes; wanted at least one time step and whole ones of {step} "
            "bytes. The file is empty or damaged."
        )
    width = step // n_channels
    if kind == _FLOAT:
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused here
            signal = np.frombuffer(chunk, dtype=f"{order}f{width}").astype(np.float32)
        if not np.isfinite(signal).all():
            raise ValueError(
                f"{path}: time step {int((~np.isfinite(signal)).argmax()) // n_channels} is no finite "
                f"number. {_CONVERT}"
            )
    elif width == 1:
        signal = np.frombuffer(chunk, dtype=np.uint8).astype(np.float32) * np.float32(1 / 128) - np.float32(1)
    elif width == 3:
        parts = np.frombuffer(chunk, dtype=np.uint8).reshape(-1, 3)
        whole = np.zeros((len(parts), 4), dtype=np.uint8)
        whole[:, slice(1, 4) if order == "<" else slice(0, 3)] = parts  # the three high bytes of an int32
        signal = whole.view(f"{order}i4")[:, 0].astype(np.float32) * np.float32(2.0**-31)
    else:
        scale = np.float32(2.0 ** (1 - 8 * width))
        signal = np.frombuffer(chunk, dtype=f"{order}i{width}").astype(np.float32) * scale
    return signal.reshape(-1, n_channels), rate
