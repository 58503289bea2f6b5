"""Reading folders with one sequence a file."""

import csv
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sklearn_seq.datasets._lines import is_number, numbers, shorten, text_of
from sklearn_seq.datasets.wav import read_wav
from sklearn_seq.preprocessing.audio import resample
from sklearn_seq.sequences import Sequences

__all__ = ["read_csv_folder", "read_wav_folder"]

Label = Literal["folder"] | Callable[[Path], Any] | None


def read_csv_folder(
    folder: str | os.PathLike,
    pattern: str = "*.csv",
    *,
    label: Label = None,
    columns: list[str] | list[int] | None = None,
    header: bool = True,
    sep: str = ",",
) -> tuple[Sequences, np.ndarray | None]:
    r"""Read a folder of text tables: one sequence a file, one time step a line, one feature a column.

    Files come in the order of their names, so that the answer is the same everywhere. An empty cell is a
    missing value, NaN. Hidden files are left out.

    Parameters
    ----------
    folder : str or path-like
        The folder.
    pattern : str, default="*.csv"
        Which files; with ``label="folder"``, within each sub-folder. ``"**/*.csv"`` descends.
    label : {"folder"}, callable or None, default=None
        Where ``y`` comes from: the name of the sub-folder that holds the file, or ``label(path)``.
    columns : list of str or int, default=None
        Which columns, by name, or by position where there is no header; by default all, which must then be
        the same, in the same order, in every file.
    header : bool, default=True
        Whether the first line names the columns.
    sep : str, default=","
        What stands between columns.

    Returns
    -------
    X : Sequences
        A sequence a file.
    y : ndarray of shape (n_files,), or None
        Their labels.

    Raises
    ------
    ValueError
        When a file is damaged or its columns differ. The file, the line and the columns are named.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from sklearn_seq.datasets import read_csv_folder
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name, rows in [("run", "1,2\n3,4\n"), ("walk", "5,6\n")]:
    ...     (folder / name).mkdir()
    ...     _ = (folder / name / "a.csv").write_text("x,y\n" + rows)
    >>> X, y = read_csv_folder(folder, label="folder")
    >>> X, y.tolist()
    (Sequences(2 sequences, 1 to 2 timesteps, 2 features, float64), ['run', 'walk'])
    """
    files = _find(folder, pattern, label)
    tables = []
    names: list[str] | None = None
    for path in files:
        table, own = _read_csv(path, columns, header=header, sep=sep)
        names = own if names is None else names
        if own != names:
            raise ValueError(f"{path} has {_difference(own, names, files[0], header)}")
        tables.append(table)
    return Sequences.from_list(tables), _labels(files, label)


def read_wav_folder(
    folder: str | os.PathLike, pattern: str = "*.wav", *, label: Label = None, sample_rate: int | None = None
) -> tuple[Sequences, np.ndarray | None, int]:
    """Read a folder of WAV files, as `read_wav` reads one.

    Parameters
    ----------
    folder : str or path-like
        The folder.
    pattern : str, default="*.wav"
        Which files; with ``label="folder"``, within each sub-folder. ``"**/*.wav"`` descends.
    label : {"folder"}, callable or None, default=None
        Where ``y`` comes from: the name of the sub-folder that holds the file, or ``label(path)``.
    sample_rate : int, default=None
        Time steps a second that files of other rates are brought to, as `Resampler` does it; None asks for the same rate
        in all files, and takes it.

    Returns
    -------
    X : Sequences of float32
        A sequence a file, in the order of the names, a feature a channel.
    y : ndarray of shape (n_files,), or None
        Their labels.
    sample_rate : int
        Time steps a second, the same in all files.

    Raises
    ------
    ValueError
        When a file is damaged, or files differ in channels, or in sample rate without ``sample_rate``.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> from scipy.io import wavfile
    >>> from sklearn_seq.datasets import read_wav_folder
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for digit in (0, 1):
    ...     wavfile.write(folder / f"{digit}_ann.wav", 8000, np.zeros(80 + digit, dtype=np.int16))
    >>> X, y, sample_rate = read_wav_folder(folder, label=lambda path: path.stem.split("_")[0])
    >>> X, y.tolist(), sample_rate
    (Sequences(2 sequences, 80 to 81 timesteps, 1 features, float32), ['0', '1'], 8000)
    """
    if sample_rate is not None and not (isinstance(sample_rate, int | np.integer) and sample_rate > 0):
        raise ValueError(f"sample_rate={sample_rate!r}; wanted a whole number above 0, time steps a second, or None")
    files = _find(folder, pattern, label)
    signals: list[np.ndarray] = []
    for path in files:
        signal, rate = read_wav(path)
        if sample_rate is not None and rate != sample_rate:
            signal, rate = resample(signal, rate, sample_rate), sample_rate
        if not signals:
            first = (signal.shape[1], rate)
        if (signal.shape[1], rate) != first:
            raise ValueError(
                f"{path} has {signal.shape[1]} channels at {rate} steps a second, and {files[0]} has "
                f"{first[0]} at {first[1]}; wanted the same in all files. Give sample_rate={first[1]} to bring them to "
                "one rate, convert them first, or choose some with pattern."
            )
        signals.append(signal)
    return Sequences.from_list(signals), _labels(files, label), first[1]


def _find(folder: str | os.PathLike, pattern: str, label: Label) -> list[Path]:
    """The files, in the order of their names."""
    if not (label is None or label == "folder" or callable(label)):
        raise ValueError(f"label is {label!r}; wanted 'folder', a function of the path, or None")
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder; wanted one that holds a file for each sequence")
    inside = f"*/{pattern}" if label == "folder" else pattern
    found = [path for path in folder.glob(inside) if path.is_file() and not path.name.startswith(".")]
    if not found:
        where = "a sub-folder of it" if label == "folder" else "it"
        raise ValueError(
            f"{folder} was searched, and no file in {where} fits {pattern!r}; wanted one for each sequence"
        )
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _labels(files: list[Path], label: Label) -> np.ndarray | None:
    if label is None:
        return None
    return np.array([label(path) if callable(label) else path.parent.name for path in files])


def _read_csv(
    path: Path, columns: list[str] | list[int] | None, *, header: bool, sep: str
) -> tuple[np.ndarray, list[str]]:
    """The numbers of the wanted columns, and all names (positions, without a header) that were wanted."""
    reader = csv.reader(io.StringIO(text_of(path)), delimiter=sep)
    try:
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {reader.line_num}: {error}; wanted cells between {sep!r}. Is a quote left open?"
        ) from None
    if header and rows:
        names = [name.strip() for name in rows.pop(0)[1]]
        if all(is_number(name) for name in names):
            raise ValueError(
                f"{path}, line 1: {shorten(sep.join(names))} reads as numbers; wanted names. Set header=False."
            )
    else:
        names = [str(i) for i in range(len(rows[0][1]) if rows else 0)]
    if not rows:
        raise ValueError(
            f"{path} has no line of numbers{' below its header' if names else ''}; wanted at least one time step"
        )
    wanted = names if columns is None else [str(column) for column in columns]
    for name in wanted:
        if names.count(name) != 1:
            raise ValueError(
                f"{path} has {names.count(name)} columns {name!r}; wanted one. Its columns are {', '.join(names)}."
            )
    chosen = [names.index(name) for name in wanted]
    table = np.empty((len(rows), len(chosen)))
    hint = f"Choose columns of numbers with columns=[...]; sep is {sep!r}."
    for i, (line, row) in enumerate(rows):
        if len(row) != len(names):
            raise ValueError(
                f"{path}, line {line}: {len(row)} cells; wanted {len(names)}, one for each of the columns "
                f"{shorten(', '.join(names))}. The line may be cut off."
            )
        table[i] = numbers(
            [row[j].strip() or "nan" for j in chosen],
            f"{path}, line {line}",
            hint if header else hint + " Set header=True if the first line holds names.",
        )
    return table, wanted


def _difference(own: list[str], first: list[str], path: Path, header: bool) -> str:
    if not header:
        return f"{len(own)} columns and {path} has {len(first)}; wanted the same number in all files"
    lacking = [name for name in first if name not in own]
    extra = [name for name in own if name not in first]
    parts = [
        f"{word} {', '.join(found)}" for word, found in (("no column", lacking), ("extra columns", extra)) if found
    ]
    text = " and ".join(parts) or "its columns in another order"
    return (
        f"{text}, unlike {path} ({', '.join(first)}); wanted the same columns in all files. Choose them with "
        "columns=[...]."
    )
