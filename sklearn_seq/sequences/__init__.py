"""What a sequence is: the container, and the one gate that data pass."""

from sklearn_seq.sequences.container import Sequences
from sklearn_seq.sequences.layout import from_channels_first

__all__ = ["Sequences", "from_channels_first"]
