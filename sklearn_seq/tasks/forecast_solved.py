"""Forecasters without training: what they learn is one dictionary of plain values, arrays and estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from sklearn_seq.params import estimator
from sklearn_seq.sequences.horizons import Windows
from sklearn_seq.sequences.tables import Columns
from sklearn_seq.tasks.forecast import ForecasterMixin
from sklearn_seq.training.blas import one_blas_thread

__all__ = ["SolvedForecasterMixin"]


@estimator
class SolvedForecasterMixin(ForecasterMixin):
    """A family says how it is solved (``_solve``) and what it says of windows (``_decide``)."""

    missing: Annotated[
        Literal["error", "mask"],
        "What NaN in X is: refused, or read as not known: the last known value stands in, targets that are not known are not learnt.",
    ] = "error"

    if TYPE_CHECKING:

        def _solve(self, windows: Windows, columns: Columns) -> dict[str, Any]:
            """Learn from windows; all that `_decide` needs is in the result."""

        def _decide(self, windows: Windows, solved: dict[str, Any]) -> np.ndarray:
            """Forecasts, scaled, (n, layout.horizon, n_targets)."""

    def _learn(self, windows: Windows, columns: Columns) -> None:
        with one_blas_thread():
            self._solved = self._solve(windows, columns)

    def _answer(self, windows: Windows) -> np.ndarray:
        with one_blas_thread():
            return self._decide(windows, self._solved)[..., None]
