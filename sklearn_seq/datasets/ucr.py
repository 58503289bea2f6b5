"""Reader for the tab separated files of the UCR archive of time series."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_seq.datasets._lines import lines_of, numbers, shorten, whole_labels
from sklearn_seq.sequences import Sequences

__all__ = ["read_ucr_tsv"]


def read_ucr_tsv(path: str | os.PathLike) -> tuple[Any, np.ndarray]:
    r"""Read a ``.tsv`` file of the UCR archive: one series a line, its class first, between tabs.

    NaN at the end of a line pads a shorter series and is cut off; NaN inside a series is a missing value and
    stays.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    X : ndarray of shape (n_samples, n_timesteps), or Sequences
        Sequences where a series is padded. A training and a test file can differ in that: see Examples.
    y : ndarray of shape (n_samples,)
        Class labels, as int where all are whole numbers, else as text.

    Raises
    ------
    ValueError
        When the file is damaged. File and line are named.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from sklearn_seq import Sequences
    >>> from sklearn_seq.datasets import read_ucr_tsv
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "Gun_TRAIN.tsv"
    >>> _ = path.write_text("1\t0.5\t0.6\t0.7\n2\t0.1\t0.2\t0.3\n")
    >>> X, y = read_ucr_tsv(path)
    >>> X.shape, y.tolist()
    ((2, 3), [1, 2])
    >>> _ = path.write_text("1\t0.5\t0.6\t0.7\n2\t0.1\t0.2\tNaN\n")
    >>> read_ucr_tsv(path)[0]
    Sequences(2 sequences, 2 to 3 timesteps, 1 features, float64)

    An array without padding becomes the same kind by ``Sequences.from_array(X)``.
    """
    path = Path(path)
    rows: list[np.ndarray] = []
    labels: list[str] = []
    for number, line in enumerate(lines_of(path), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        label, *cells = line.strip(" ").split("\t")
        if not cells:
            raise ValueError(
                f"{where}: {shorten(line.strip())} has no tab; wanted a class and the values of a series between tabs"
            )
        if label.strip().lower() in ("", "nan"):
            raise ValueError(f"{where}: the class is {shorten(label)}; wanted a number or name before the first tab")
        row = numbers(cells, where, "Missing values are written NaN.")
        if rows and len(row) != len(rows[0]):
            raise ValueError(
                f"{where}: the series has {len(row)} values, the first of the file {len(rows[0])}; wanted "
                "the same number in all lines, shorter series filled up with NaN. The file may be cut off."
            )
        if np.isnan(row).all():
            raise ValueError(f"{where}: the series holds nothing but NaN; wanted at least one number. Remove the line.")
        rows.append(row)
        labels.append(label.strip())
    if not rows:
        raise ValueError(f"{path}: the file holds no series; wanted a class and its values between tabs in each line")
    X = np.stack(rows)
    padded = bool(np.isnan(X[:, -1]).any())
    return Sequences.from_padded(X[:, :, None]) if padded else X, whole_labels(labels)
