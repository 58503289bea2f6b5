"""What forecasters say of windows, and where it belongs: rows of a table, origins, units of the targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from sklearn_seq.sequences.horizons import Windows
from sklearn_seq.sequences.tables import Columns, Table
from sklearn_seq.tasks.forecast_reading import TableReadingMixin
from sklearn_seq.tasks.forecast_recursion import answer_in_spans, extend

__all__ = ["AnsweringMixin"]


class AnsweringMixin(TableReadingMixin):
    """A family says how it learns from windows (``_learn``) and what it says of them (``_answer``)."""

    _in_spans: ClassVar[bool] = True  # whether windows are answered a bounded number at a time
    _reads_others: ClassVar[bool] = True  # whether of the past columns are read that are no targets
    if TYPE_CHECKING:
        lookback: int

        def _learn(self, windows: Windows, columns: Columns) -> None:
            """Learn from the windows of a table."""

        def _answer(self, windows: Windows) -> np.ndarray:
            """What is said of some windows, scaled, (n, layout.horizon, n_targets, numbers)."""

    # -- what a family may say ---------------------------------------------------------------------------------------

    def _steps(self) -> int:
        """Rows that the model itself answers; longer horizons are made of several answers."""
        return self.horizon

    def _wanted_lookback(self) -> int:
        """Rows to read before an origin."""
        return self.lookback

    def _center(self, answers: np.ndarray) -> np.ndarray:
        """The forecast among the numbers of an answer, (n, horizon, n_targets)."""
        return answers[..., 0]

    def _spread(self, answers: np.ndarray) -> np.ndarray | None:
        """How far off the truth may be, as the model says, (n, horizon, n_targets); None where it does not."""
        return None

    def _level(self, answers: np.ndarray, level: float) -> np.ndarray | None:
        """A quantile as the model says it, (n, horizon, n_targets); None where it does not."""
        return None

    def _answers(self, windows: Windows, steps: int) -> np.ndarray:
        """What is said of any number of steps, scaled, (n, steps, n_targets, numbers)."""
        if steps <= windows.layout.horizon:
            found = answer_in_spans(self._answer, windows) if self._in_spans else self._answer(windows)
            return found[:, :steps]
        self._refuse_recursion(steps)
        size = max(1, (1 << 22) // ((windows.layout.lookback + steps) * windows.values.shape[1]))
        parts = [
            extend(self._answer, windows.take(np.arange(first, min(first + size, len(windows)))), steps, self._center)
            for first in range(0, len(windows), size)
        ]
        return np.concatenate(parts)

    def _refuse_recursion(self, steps: int) -> None:
        columns = self._columns()
        free = [i for i in columns.past if i not in columns.target and i not in columns.known]
        if self._table["n_external"]:
            raise ValueError(
                f"{steps} steps are wanted and the model has {self._table['steps']}; longer forecasts need the target among the "
                "columns of X. Fit with it there, or with a longer horizon."
            )
        if free and self._reads_others:
            raise ValueError(
                f"{steps} steps are wanted and the model has {self._table['steps']}; the column {columns.names(free)[0]!r} is read of the "
                "past and neither forecast nor known ahead, so nothing is known of it in between. Fit with a longer horizon, or name it in "
                "target or known_future."
            )

    def _by_row(self, X: Any) -> tuple[Table, np.ndarray, np.ndarray]:
        """Answers for each row of ``X``, scaled, (n_rows, n_targets, numbers), and the series (in fit) of each row."""
        table = self._read_again(X)
        return table, *self._of_rows(table)

    def _of_rows(self, table: Table, *, alone: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """As `_by_row`, of a table that was read; ``alone`` if none of its series goes on from training."""
        horizon = self._table["horizon"]
        running = self._run_on(table, horizon, alone=alone)
        windows = running.every(horizon)
        answers = self._answers(windows, horizon)
        tail = answers.shape[2:]
        found = answers.reshape(-1, *tail)
        counts = -(-running.lengths // horizon) * horizon
        within = np.arange(len(found)) - np.repeat(np.cumsum(counts) - counts, counts)
        found = found[within < np.repeat(running.lengths, counts)]
        steps = within[within < np.repeat(running.lengths, counts)] % horizon
        return found, np.stack([np.repeat(running.series, running.lengths), steps])

    def _unscaled(self, found: np.ndarray, series: np.ndarray, *, shift: bool = True) -> np.ndarray:
        """(n, ..., n_targets) in units of the targets."""
        return self._scale().undo(found, series, list(self._layout().target), shift=shift)

    def _shaped(self, found: np.ndarray, axis: int = -1) -> np.ndarray:
        """Without the axis of targets where one was asked for by itself."""
        return found.squeeze(axis) if self._columns().single else found

    def _rolling(self, X: Any, stride: int) -> Windows:
        table = self._read_again(X)
        steps, lookback = self._table["horizon"], self.lookback_
        if int(table.lengths.min()) < lookback + steps:
            raise ValueError(
                f"X has {int(table.lengths.min())} rows{' in its shortest series' if len(table.starts) > 1 else ''}; wanted at least "
                f"lookback + horizon = {lookback} + {steps}, as rolling forecasts stand on rows of X alone. Give more rows."
            )
        n_more = -steps % self._table["steps"]
        alone = self._run_on(table, n_more, alone=True)
        return alone.every(int(stride), lookback, alone.lengths - steps)
