"""Transformers that prepare sequences: windows, scaling, cleaning and shaping, as scikit-learn does it."""

from sklearn_seq.preprocessing.cleaning import OutlierClipper, SequenceImputer
from sklearn_seq.preprocessing.intervals import IntervalQuantiles
from sklearn_seq.preprocessing.scaling import SequenceScaler
from sklearn_seq.preprocessing.shaping import Differencer, PadTruncate
from sklearn_seq.preprocessing.smoothing import Smoother
from sklearn_seq.preprocessing.windows import SlidingWindow, Supervised, make_supervised

__all__ = [
    "Differencer",
    "IntervalQuantiles",
    "OutlierClipper",
    "PadTruncate",
    "SequenceImputer",
    "SequenceScaler",
    "SlidingWindow",
    "Smoother",
    "Supervised",
    "make_supervised",
]
