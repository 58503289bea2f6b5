"""Data that others hold with channels before time."""

from typing import Any

import numpy as np

from sklearn_seq.params import public

__all__ = ["from_channels_first"]


@public
def from_channels_first(X: Any) -> Any:
    """Turn data with channels before time, as aeon and sktime hold it, into time before features.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_channels, n_timesteps), or list of arrays of shape (n_channels, n_timesteps_i)
        Sequences with channels first.

    Returns
    -------
    ndarray of shape (n_samples, n_timesteps, n_channels), or list of arrays of shape (n_timesteps_i, n_channels)
        The same sequences with features last.

    Raises
    ------
    ValueError
        When an array is not 3-D, or one of a list not 2-D.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import from_channels_first
    >>> from_channels_first(np.zeros((10, 3, 50))).shape
    (10, 50, 3)
    """
    if isinstance(X, (list, tuple)) or (isinstance(X, np.ndarray) and X.dtype == object):
        arrays = [np.asarray(sequence) for sequence in X]
        for i, array in enumerate(arrays):
            if array.ndim != 2:
                raise ValueError(f"sequence {i} has shape {array.shape}; wanted (n_channels, n_timesteps)")
        return [array.T for array in arrays]
    X = np.asarray(X)
    if X.ndim != 3:
        raise ValueError(f"X has shape {X.shape}; wanted (n_samples, n_channels, n_timesteps)")
    return X.transpose(0, 2, 1)
