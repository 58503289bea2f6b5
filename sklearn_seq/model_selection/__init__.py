"""Splits that know time, windows and groups, and back-tests along them."""

from sklearn_seq.model_selection.backtest import BacktestResult, backtest
from sklearn_seq.model_selection.splits import PanelTimeSplit, PurgedKFold, RollingOriginSplit, time_train_test_split

__all__ = [
    "BacktestResult",
    "PanelTimeSplit",
    "PurgedKFold",
    "RollingOriginSplit",
    "backtest",
    "time_train_test_split",
]
