"""Scores of several predicted quantiles at once."""

from typing import Any

import numpy as np

from sklearn_seq.metrics._reading import first, over_outputs, read_array, read_numbers
from sklearn_seq.metrics.forecasting import total_size
from sklearn_seq.params import public

__all__ = ["crps_from_quantiles", "pinball_loss", "weighted_quantile_loss"]


@public
def pinball_loss(
    y_true: Any, y_quantiles: Any, quantiles: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> Any:
    """Pinball loss of several quantiles, averaged over levels.

    Of level ``q`` and predicted quantile ``f`` it is ``q * (y - f)`` where ``y`` lies above, else ``(1 - q) * (f - y)``.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
        What happened.
    y_quantiles : array-like of shape (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles)
        Predicted quantiles, as ``predict_quantiles`` gives them.
    quantiles : array-like of shape (n_quantiles,)
        Their levels, between 0 and 1.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of rows.
    multioutput : {"uniform_average", "raw_values"} or array-like of shape (n_outputs,), default="uniform_average"
        The mean over outputs, one value an output, or weights of outputs.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        In the unit of ``y_true``; lower is better.

    Raises
    ------
    ValueError
        When shapes differ, or when a level does not lie between 0 and 1.

    See Also
    --------
    sklearn.metrics.mean_pinball_loss : The same for one level.
    weighted_quantile_loss : Without a unit.
    crps_from_quantiles : Levels weighed by the probability that they stand for.

    References
    ----------
    R. Koenker and G. Bassett, "Regression quantiles", Econometrica 46(1), 1978.

    Examples
    --------
    >>> from sklearn_seq.metrics import pinball_loss
    >>> pinball_loss([1.0, 3.0], [[0.0, 2.0], [0.0, 3.0]], quantiles=[0.25, 0.5])
    0.375
    """
    loss, _, _, weight = _losses(y_true, y_quantiles, quantiles, sample_weight)
    return over_outputs(np.average(loss.mean(axis=2), axis=0, weights=weight), multioutput)


@public
def weighted_quantile_loss(
    y_true: Any, y_quantiles: Any, quantiles: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> Any:
    """WQL: twice the sum of pinball losses over the sum of absolute values, averaged over levels.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
        What happened.
    y_quantiles : array-like of shape (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles)
        Predicted quantiles, as ``predict_quantiles`` gives them.
    quantiles : array-like of shape (n_quantiles,)
        Their levels, between 0 and 1.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of rows.
    multioutput : {"uniform_average", "raw_values"} or array-like of shape (n_outputs,), default="uniform_average"
        The mean over outputs, one value an output, or weights of outputs. For one sum over all of them, as papers have it,
        stack outputs into rows: ``y_true.ravel()`` and ``y_quantiles.reshape(-1, n_quantiles)``.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        A fraction; lower is better.

    Raises
    ------
    ValueError
        When shapes differ, when a level does not lie between 0 and 1, or when all of an output is zero.

    See Also
    --------
    weighted_absolute_percentage_error : The same of a point forecast, read as the median.

    References
    ----------
    Y. Park, D. Maddix, F.-X. Aubet, K. Kan, J. Gasthaus and Y. Wang, "Learning quantile functions without quantile
    crossing for distribution-free time series forecasting", AISTATS 2022.

    Examples
    --------
    >>> from sklearn_seq.metrics import weighted_quantile_loss
    >>> weighted_quantile_loss([1.0, 3.0], [[0.0, 2.0], [0.0, 3.0]], quantiles=[0.25, 0.5])
    0.375
    """
    loss, y, _, weight = _losses(y_true, y_quantiles, quantiles, sample_weight)
    return over_outputs(2 * (weight @ loss.mean(axis=2)) / total_size(y, weight), multioutput)


@public
def crps_from_quantiles(
    y_true: Any, y_quantiles: Any, quantiles: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> Any:
    """Continuous ranked probability score of predictions given as quantiles.

    The score is twice the integral of the pinball loss over all levels. Each level stands for those that are nearest to
    it, so that levels need not be evenly spaced.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
        What happened.
    y_quantiles : array-like of shape (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles)
        Predicted quantiles, as ``predict_quantiles`` gives them.
    quantiles : array-like of shape (n_quantiles,)
        Their levels, between 0 and 1, each once.
    sample_weight : array-like of shape (n_samples,), optional
        Weights of rows.
    multioutput : {"uniform_average", "raw_values"} or array-like of shape (n_outputs,), default="uniform_average"
        The mean over outputs, one value an output, or weights of outputs.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        In the unit of ``y_true``; lower is better.

    Raises
    ------
    ValueError
        When shapes differ, or when a level does not lie between 0 and 1 or is there twice.

    See Also
    --------
    crps_from_samples : Of draws. Sorted draws at the levels ``(k - 0.5) / n_draws`` give the same.
    gaussian_crps : Exact, where the prediction is a Gaussian.

    Notes
    -----
    Few levels say little of the tails; compare models by the same levels.

    References
    ----------
    T. Gneiting and R. Ranjan, "Comparing density forecasts using threshold- and quantile-weighted scoring rules", Journal
    of Business & Economic Statistics 29(3), 2011.

    Examples
    --------
    >>> from sklearn_seq.metrics import crps_from_quantiles
    >>> crps_from_quantiles([0.0, 1.0], [[-1.0, 1.0], [0.0, 2.0]], quantiles=[0.25, 0.75])
    0.5
    """
    loss, _, levels, weight = _losses(y_true, y_quantiles, quantiles, sample_weight)
    order = np.argsort(levels)
    twice = np.diff(levels[order]) == 0
    if twice.any():
        level = levels[order][:-1][twice][0]
        raise ValueError(f"quantiles has {level:g} twice; wanted each level once. Leave one out, and its column.")
    middles = (levels[order][1:] + levels[order][:-1]) / 2
    share = np.empty(len(levels))  # of probability
    share[order] = np.diff(middles, prepend=0.0, append=1.0)
    return over_outputs(np.average(2 * (loss @ share), axis=0, weights=weight), multioutput)


def _losses(
    y_true: Any, y_quantiles: Any, quantiles: Any, sample_weight: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pinball losses (n_samples, n_outputs, n_quantiles), targets (n_samples, n_outputs), levels, weights of rows."""
    levels = read_array(quantiles, "quantiles")
    if levels.ndim != 1:
        raise ValueError(
            f"quantiles has shape {levels.shape}; wanted (n_quantiles,). Give a list such as [0.1, 0.5, 0.9]."
        )
    outside = (levels <= 0) | (levels >= 1)
    if outside.any():
        raise ValueError(
            f"quantiles[{first(outside)}] is {levels[outside][0]:g}; wanted levels between 0 and 1. For 90 %, give 0.9."
        )
    y, _, weight = read_numbers(y_true, sample_weight)
    found = read_array(y_quantiles, "y_quantiles")
    wanted = (*np.shape(y_true), len(levels))
    if found.shape != wanted:
        if found.size != y.size * len(levels) or found.shape[0] != len(y) or found.shape[-1] != len(levels):
            raise ValueError(
                f"y_quantiles has shape {found.shape}, y_true has shape {np.shape(y_true)} and quantiles has {len(levels)} levels; "
                f"wanted y_quantiles of shape {wanted}. Give predict_quantiles(X, quantiles), whose last axis is levels."
            )
    error = y[:, :, None] - found.reshape(*y.shape, len(levels))
    return np.maximum(levels * error, (levels - 1) * error), y, levels, weight
