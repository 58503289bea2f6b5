"""Forecasts that take no learning: the baseline that every other has to beat."""

from typing import Annotated, Any, Literal

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_seq.params import AtLeast, estimator
from sklearn_seq.sequences.horizons import Windows
from sklearn_seq.sequences.tables import Columns
from sklearn_seq.tasks.forecast_solved import SolvedForecasterMixin

__all__ = ["NaiveForecaster"]


@estimator
class NaiveForecaster(SolvedForecasterMixin, BaseEstimator):
    """Repeats what was: the last row, the last season, the drift, or the mean.

    What any other forecaster has to beat; of prices, few do.

    References
    ----------
    .. [1] R. J. Hyndman, G. Athanasopoulos. Forecasting: principles and practice, 3rd edition, section 5.2, 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import NaiveForecaster
    >>> X = np.tile([1.0, 5.0, 3.0], 20)[:, None]
    >>> NaiveForecaster(method="seasonal", season=3, horizon=4).fit(X).forecast()
    array([1., 5., 3., 1.])
    """

    method: Annotated[
        Literal["last", "seasonal", "drift", "mean"],
        "The last row again; the last season (the last row where rows are too few); on along the line through the first and the last "
        "of the lookback rows; their mean.",
    ] = "last"
    season: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Rows of a season; "auto" goes by the time stamps: a day of hours, a week of days, a year of months; 1 without stamps.',
    ] = "auto"

    _reads_others = False

    def _season(self) -> int:
        clock = self._clock()
        return int(self.season) if self.season != "auto" else 1 if clock is None else clock.season()

    def _wanted_lookback(self) -> int:
        return {"last": 1, "seasonal": self._season()}.get(self.method, self.lookback)

    def _solve(self, windows: Windows, columns: Columns) -> dict[str, Any]:
        short = self.method == "seasonal" and self.lookback_ < self._season()
        return {"method": "last" if short else self.method}

    def _decide(self, windows: Windows, solved: dict[str, Any]) -> np.ndarray:
        layout = windows.layout
        steps, own = layout.horizon, np.array(layout.own)
        if (own < 0).any():  # y from outside has no past: its mean is all that is known
            return np.zeros((len(windows), steps, len(own)))
        past = windows.past(list(layout.target))  # (n, L, K)
        if solved["method"] == "seasonal":
            return past[:, np.arange(steps) % past.shape[1]]
        if solved["method"] == "mean":
            return np.repeat(past.mean(axis=1, keepdims=True), steps, axis=1)
        last = past[:, -1:]
        if solved["method"] == "last":
            return np.repeat(last, steps, axis=1)
        slope = (last - past[:, :1]) / max(1, past.shape[1] - 1)
        return last + slope * np.arange(1, steps + 1)[:, None]
