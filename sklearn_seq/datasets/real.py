"""Real data without a download: three series that ship with the package, and scikit-learn's digits."""

from importlib import resources
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from sklearn_seq.datasets._frames import import_pandas
from sklearn_seq.sequences import Sequences

__all__ = ["load_co2", "load_digits_sequences", "load_el_nino", "load_sunspots"]


def load_sunspots(*, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Load the yearly sunspot numbers from 1700 to 1980.

    One column, 281 rows: the Wolf (Zürich) relative sunspot number, a mean over the year without unit. Cycles
    of 9 to 14 years, of uneven height. Public domain; the Zürich observatory, by way of the US National
    Geophysical Data Center.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return pandas objects, indexed by time.

    Returns
    -------
    data : Bunch
        ``data``: ndarray of shape (281, 1), a table in time order. ``target``: ndarray of shape (281,), the
        same column, which forecasters accept as ``y`` next to ``target="sunspot_number"``. ``time``: the
        years, datetime64. ``feature_names``, ``target_names``, ``frame`` (None without ``as_frame``) and
        ``DESCR``.
    (data, target) : tuple
        The first two alone, if ``return_X_y``.

    Examples
    --------
    >>> from sklearn_seq.datasets import load_sunspots
    >>> sunspots = load_sunspots()
    >>> sunspots.data.shape, sunspots.feature_names
    ((281, 1), ['sunspot_number'])
    >>> int(sunspots.data.argmax()), str(sunspots.time[sunspots.data.argmax()])
    (257, '1957')
    """
    return _series("sunspots", "Y", return_X_y=return_X_y, as_frame=as_frame)


def load_co2(*, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Load the weekly carbon dioxide at Mauna Loa from 1958 to 2001, gaps included.

    One column, 2284 rows, one each Saturday: parts per million by volume. A growing trend, a season of a year
    (52.18 weeks), and 59 weeks without a measurement, which are NaN: fill them
    (``SequenceImputer``) or use ``missing="mask"``. Public domain; C. D. Keeling and T. P.
    Whorf, Scripps Institution of Oceanography.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return pandas objects, indexed by time.

    Returns
    -------
    data : Bunch
        ``data``: ndarray of shape (2284, 1), a table in time order. ``target``: ndarray of shape (2284,), the
        same column, which forecasters accept as ``y`` next to ``target="co2"``. ``time``: the Saturdays,
        datetime64. ``feature_names``, ``target_names``, ``frame`` (None without ``as_frame``) and ``DESCR``.
    (data, target) : tuple
        The first two alone, if ``return_X_y``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq.datasets import load_co2
    >>> X, _ = load_co2(return_X_y=True)
    >>> X.shape, int(np.isnan(X).sum())
    ((2284, 1), 59)
    """
    return _series("co2", "D", return_X_y=return_X_y, as_frame=as_frame)


def load_el_nino(*, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Load the monthly temperature of the eastern Pacific from 1950 to 2010.

    One column, 732 rows: the sea surface in degrees Celsius, mean over a month and the region Niño 1+2 (0 to
    10 degrees south, 90 to 80 degrees west). A strong season of 12 months, and warm years at uneven
    distances. Public domain; US National Oceanic and Atmospheric Administration, ERSST.V3B.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return pandas objects, indexed by time.

    Returns
    -------
    data : Bunch
        ``data``: ndarray of shape (732, 1), a table in time order. ``target``: ndarray of shape (732,), the
        same column, which forecasters accept as ``y`` next to ``target="sea_surface_temperature"``. ``time``:
        the months, datetime64. ``feature_names``, ``target_names``, ``frame`` (None without ``as_frame``) and
        ``DESCR``.
    (data, target) : tuple
        The first two alone, if ``return_X_y``.

    Examples
    --------
    >>> from sklearn_seq.datasets import load_el_nino
    >>> el_nino = load_el_nino()
    >>> el_nino.data.shape, str(el_nino.time[0]), str(el_nino.time[-1])
    ((732, 1), '1950-01', '2010-12')
    """
    return _series("el_nino", "M", return_X_y=return_X_y, as_frame=as_frame)


def load_digits_sequences(*, ragged: bool = False, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Load scikit-learn's digits as sequences: 8 x 8 pictures, read from left to right, a column a step.

    1797 handwritten digits of 10 classes. A step is one column of the picture, its 8 features are the pixels
    from top to bottom, 0 (paper) to 16 (ink). Nothing is downloaded or added: the data are those of
    :func:`sklearn.datasets.load_digits` (E. Alpaydin and C. Kaynak, UCI, 1998).

    Parameters
    ----------
    ragged : bool, default=False
        Cut the blank columns off both ends, so that a narrow digit is a short sequence: 2 to 8 steps.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return pandas objects: ``data`` as a long frame with the columns ``id``, ``time`` and the pixels,
        ``target`` as a series indexed by ``id``.

    Returns
    -------
    data : Bunch
        ``data``: ndarray of shape (1797, 8, 8), or Sequences if ``ragged``. ``target``: ndarray of int of
        shape (1797,). ``feature_names``, ``target_names``, ``frame`` (None without ``as_frame``) and
        ``DESCR``.
    (data, target) : tuple
        The first two alone, if ``return_X_y``.

    Examples
    --------
    >>> from sklearn_seq.datasets import load_digits_sequences
    >>> X, y = load_digits_sequences(return_X_y=True)
    >>> X.shape, y[:5].tolist()
    ((1797, 8, 8), [0, 1, 2, 3, 4])
    >>> load_digits_sequences(ragged=True).data
    Sequences(1797 sequences, 2 to 8 timesteps, 8 features, float64)
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    columns = np.ascontiguousarray(digits.images.transpose(0, 2, 1))  # (B, T, F): time is from left to right
    names = [f"pixel_{row}" for row in range(8)]
    data: Any = columns
    if ragged:
        ink = columns.max(axis=2) > 0
        starts = np.arange(len(ink)) * 8 + ink.argmax(axis=1)
        stops = np.arange(len(ink)) * 8 + 8 - ink[:, ::-1].argmax(axis=1)
        data = Sequences.from_list(list(Sequences(columns.reshape(-1, 8), starts, stops)))
    target: Any = digits.target
    frame = None
    if as_frame:
        pd = import_pandas("as_frame=True")
        data = (data if ragged else Sequences.from_array(columns)).to_frame(names)
        target = pd.Series(target, index=pd.RangeIndex(len(target), name="id"), name="digit")
        frame = data.assign(digit=target.to_numpy()[data["id"]])
    if return_X_y:
        return data, target
    text = "Digits read from left to right, a column of 8 pixels a step" + (", blank ends cut off" if ragged else "")
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=names,
        target_names=digits.target_names,
        DESCR=f"{text}.\n\n{digits.DESCR}",
    )


def _series(name: str, unit: str, *, return_X_y: bool, as_frame: bool) -> Any:
    """One of the series of the folder ``data``: two columns, time and value, empty where missing."""
    folder = resources.files("sklearn_seq.datasets") / "data"
    head, *lines = (folder / f"{name}.csv").read_text(encoding="utf-8").split()
    column = head.split(",")[1]
    times, cells = zip(*(line.split(",") for line in lines), strict=True)
    time = np.array(times, dtype=f"datetime64[{unit}]")
    values = np.array([float(cell or "nan") for cell in cells])
    data: Any = values[:, None]
    target: Any = values.copy()
    frame = None
    if as_frame:
        pd = import_pandas("as_frame=True")
        index = pd.DatetimeIndex(time.astype("datetime64[s]"), name=head.split(",")[0])
        frame = pd.DataFrame(data, index=index, columns=[column])
        data, target = frame.copy(), frame[column].copy()
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        time=time,
        frame=frame,
        feature_names=[column],
        target_names=[column],
        DESCR=_description((folder / "README.md").read_text(encoding="utf-8"), name),
    )


def _description(readme: str, name: str) -> str:
    """The section of one set."""
    return readme.split(f"\n## {name}\n", 1)[1].split("\n## ", 1)[0].strip() + "\n"
