"""Transformers that prepare sequences: windows, scaling, cleaning and shaping, as scikit-learn does it."""

from sklearn_seq.preprocessing.audio import MFCC, Deltas, LogMelSpectrogram, Resampler
from sklearn_seq.preprocessing.biology import SequenceOneHotEncoder, reverse_complement
from sklearn_seq.preprocessing.cleaning import OutlierClipper, SequenceImputer
from sklearn_seq.preprocessing.frames import FrameEncoder
from sklearn_seq.preprocessing.functionals import AudioFunctionals
from sklearn_seq.preprocessing.groups import GroupScaler
from sklearn_seq.preprocessing.intervals import IntervalQuantiles
from sklearn_seq.preprocessing.kmers import KmerEncoder
from sklearn_seq.preprocessing.scaling import SequenceScaler
from sklearn_seq.preprocessing.shaping import Differencer, PadTruncate
from sklearn_seq.preprocessing.skeletons import SkeletonFeatures
from sklearn_seq.preprocessing.smoothing import Smoother
from sklearn_seq.preprocessing.text import TextEncoder
from sklearn_seq.preprocessing.windows import SlidingWindow, Supervised, make_supervised
from sklearn_seq.preprocessing.words import WordPartsEncoder

__all__ = [
    "MFCC",
    "AudioFunctionals",
    "Deltas",
    "GroupScaler",
    "LogMelSpectrogram",
    "Resampler",
    "Differencer",
    "FrameEncoder",
    "IntervalQuantiles",
    "KmerEncoder",
    "OutlierClipper",
    "PadTruncate",
    "SequenceImputer",
    "SequenceOneHotEncoder",
    "SequenceScaler",
    "SkeletonFeatures",
    "SlidingWindow",
    "Smoother",
    "Supervised",
    "TextEncoder",
    "WordPartsEncoder",
    "make_supervised",
    "reverse_complement",
]
