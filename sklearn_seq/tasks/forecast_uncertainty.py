"""Forecasts that say how far off they may be: quantiles, and intervals calibrated on held out origins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import sklearn.base

from sklearn_seq.sequences.horizons import Windows
from sklearn_seq.sequences.tables import Columns
from sklearn_seq.tasks.forecast_answering import AnsweringMixin
from sklearn_seq.tasks.forecast_intervals import Calibration, adaptive_widths

__all__ = ["UncertaintyMixin", "check_stride"]

_LEVELS = (0.1, 0.5, 0.9)  # that are asked for where nothing else is said


class UncertaintyMixin(AnsweringMixin):
    """Quantiles and intervals, of the model's own head or of errors on origins that it did not learn from."""

    if TYPE_CHECKING:
        calibration_fraction: float

    def _calibrate(self, windows: Windows, columns: Columns) -> Calibration:
        """Learn from the first origins, and measure errors on the last ones, series by series."""
        horizon, fraction = self.horizon, self.calibration_fraction
        early, tested = windows.split_end(fraction, horizon)
        if not len(early) or not len(tested):
            raise ValueError(
                f"calibration_fraction={fraction} leaves {len(early)} of {len(windows)} origins to learn from and {len(tested)} "
                "to measure errors on; wanted some of both. Give more rows, a shorter horizon, or another fraction."
            )
        model = sklearn.base.clone(self).set_params(calibration_fraction=0.0)
        model.__dict__.update(
            {name: value for name, value in self.__dict__.items() if name not in model.get_params(deep=False)}
        )
        model._learn(early, columns)
        room = windows.stops[tested.series] - tested.origins  # recursion may look beyond the end
        tested = tested.take(np.flatnonzero(room >= horizon))
        errors = [model._errors(tested.take(np.arange(len(tested))[span])) for span in tested.spans()]
        return Calibration.of(np.concatenate(errors))

    def _errors(self, windows: Windows) -> np.ndarray:
        """Errors in units of the model's spread, (n, horizon, n_targets)."""
        horizon = self._table["horizon"]
        answers = self._answers(windows, horizon)
        spread = self._spread(answers)
        return (windows.truth(horizon) - self._center(answers)) / (1.0 if spread is None else spread)

    # -- answering ---------------------------------------------------------------------------------------------------

    def predict_interval(self, X: Any, coverage: float = 0.9) -> np.ndarray:
        """Intervals that the truth falls into so often, step by step.

        Parameters
        ----------
        X : as in predict
        coverage : float
            Between 0 and 1.

        Returns
        -------
        ndarray of shape (n_rows, 2) or (n_rows, n_targets, 2)
            Lower and upper end.

        Raises
        ------
        ValueError
            When neither ``calibration_fraction`` was set nor the model says how far off it may be.
        """
        _check_share(coverage, "coverage")
        self._require_fitted()
        self._refuse_no_interval()
        table, found, (series, steps) = self._by_row(X)
        ends = self._ends(found[:, None], coverage, steps)[:, 0]  # (n, n_targets, 2)
        ends = np.stack([self._unscaled(ends[..., i], series) for i in range(2)], axis=-1)
        return self._shaped(table.back(ends), axis=1)

    def predict_quantiles(self, X: Any, quantiles: Any = None) -> np.ndarray:
        """Quantiles of what may come: of the model's own head where it has one, else from errors on held out origins.

        Parameters
        ----------
        X : as in predict
        quantiles : array-like of float, optional
            Levels between 0 and 1; by default those that the model was fitted with, else (0.1, 0.5, 0.9).

        Returns
        -------
        ndarray of shape (n_rows, n_quantiles) or (n_rows, n_targets, n_quantiles)
        """
        self._require_fitted()
        if quantiles is None:
            quantiles = self._own_levels() or _LEVELS
        levels = np.atleast_1d(quantiles).tolist()
        if not levels:
            raise ValueError("quantiles is empty; wanted levels between 0 and 1, such as (0.1, 0.5, 0.9)")
        for level in levels:
            _check_share(level, "quantiles")
        table, found, (series, steps) = self._by_row(X)
        columns = [self._unscaled(self._quantile(found[:, None], level, steps)[:, 0], series) for level in levels]
        return self._shaped(table.back(np.stack(columns, axis=-1)), axis=1)

    def _quantile(self, answers: np.ndarray, level: float, steps: np.ndarray) -> np.ndarray:
        own = self._level(answers, level)
        if own is not None:
            return own
        calibration = self._calibration()
        if calibration is None:
            self._refuse_no_interval()
            have = ", ".join(f"{one:g}" for one in self._own_levels())
            raise ValueError(
                f"the quantile {level:g} was not fitted; wanted some of {have}, for an interval the two at its ends. Fit with it, "
                "or set calibration_fraction."
            )
        if not calibration.n.all():
            raise ValueError(
                "the truth is missing in all rows that calibration_fraction held out; wanted some of each target. Give more rows, or a "
                "larger fraction."
            )
        spread = self._spread(answers)
        width = calibration.quantile(level)[steps][:, None]
        return self._center(answers) + width * (1.0 if spread is None else spread)

    def _refuse_no_interval(self) -> None:
        if self._calibration() is None and not self._says_spread():
            raise ValueError(
                f"this {type(self).__name__} was fitted without calibration_fraction, so nothing is known of its errors; wanted "
                "some origins held out. Fit with calibration_fraction=0.2."
            )

    def _says_spread(self) -> bool:
        """Whether the model itself says how far off it may be."""
        return False

    def _own_levels(self) -> tuple[float, ...]:
        """Levels of the quantiles that the model itself says; none where it says other things."""
        return ()

    def _says_deviation(self) -> bool:
        """Whether it says so as a standard deviation, by `_spread`."""
        return False

    def _ends(self, answers: np.ndarray, coverage: float, steps: np.ndarray) -> np.ndarray:
        """Ends of intervals, (n, horizon, n_targets, 2)."""
        calibration = self._calibration()
        if calibration is None:
            ends = [self._quantile(answers, 0.5 + sign * coverage / 2, steps) for sign in (-1, 1)]
            return np.stack(ends, axis=-1)
        spread = self._spread(answers)
        width = calibration.width(coverage)
        if not np.isfinite(width).all():
            raise ValueError(
                f"coverage={coverage} was asked for and errors of {int(calibration.n.min())} origins are known; wanted at least "
                f"{int(np.ceil(coverage / (1 - coverage)))}. Give more rows, a larger calibration_fraction, or less coverage."
            )
        half = width[steps][:, None] * (1.0 if spread is None else spread)
        center = self._center(answers)
        return np.stack([center - half, center + half], axis=-1)

    def rolling_interval(
        self, X: Any, coverage: float = 0.9, stride: int = 1, *, adaptive: bool = True, rate: float = 0.01
    ) -> np.ndarray:
        """Intervals from many origins.

        Parameters
        ----------
        X, stride : as in rolling_forecast
        coverage : float
            Between 0 and 1.
        adaptive : bool
            Widen them after misses and narrow them after hits (adaptive conformal inference [1]_), so that in the long run they cover
            what they say though the series changes. An origin uses what came true before it. It begins with errors on origins
            held out: without ``calibration_fraction``, intervals are those that the model's head says.
        rate : float
            How far one miss moves the level, from 0 to 1.

        Returns
        -------
        ndarray of shape (n_origins, horizon, 2) or (n_origins, horizon, n_targets, 2)

        References
        ----------
        .. [1] I. Gibbs, E. Candes. Adaptive conformal inference under distribution shift. NeurIPS 2021.
        """
        _check_share(coverage, "coverage")
        check_stride(stride)
        if not isinstance(rate, (int, float, np.floating)) or isinstance(rate, bool) or not 0 <= rate <= 1:
            raise ValueError(f"rate={rate!r}; wanted a number from 0 to 1, such as 0.01")
        self._require_fitted()
        self._refuse_no_interval()
        windows = self._rolling(X, stride)
        horizon = self._table["horizon"]
        answers, steps = self._answers(windows, horizon), np.arange(horizon)
        calibration, center = self._calibration(), self._center(answers)
        if not adaptive or calibration is None:
            ends = np.stack([self._ends(answers[:, j : j + 1], coverage, np.array([j])) for j in steps], axis=1)[
                :, :, 0
            ]
        else:
            said = self._spread(answers)
            spread = np.ones_like(center) if said is None else said
            sizes = np.abs(self._errors(windows))
            half = np.concatenate(
                [
                    adaptive_widths(calibration, sizes[mine], coverage, int(stride), rate)
                    for mine in (windows.series == i for i in range(len(windows.starts)))
                ]
            )
            ends = np.stack([center - half * spread, center + half * spread], axis=-1)
        target = list(windows.layout.target)
        ends = np.stack([windows.scale.undo(ends[..., i], windows.series, target) for i in range(2)], axis=-1)
        return self._shaped(ends, axis=2)


def _check_share(value: Any, name: str) -> None:
    if not isinstance(value, (int, float, np.floating)) or not 0 < value < 1:
        raise ValueError(f"{name} holds {value!r}; wanted a number between 0 and 1, such as 0.9")


def check_stride(stride: Any) -> None:
    """Refuse what is no number of rows."""
    if not isinstance(stride, (int, np.integer)) or isinstance(stride, bool) or stride < 1:
        raise ValueError(f"stride={stride!r}; wanted a whole number of rows, at least 1")
