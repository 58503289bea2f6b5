"""Batches of long texts: each row of a batch goes on where the same row of the batch before ended."""

from collections.abc import Iterator

import numpy as np
import torch

from sklearn_seq.sequences import Sequences
from sklearn_seq.training.batches import Batch
from sklearn_seq.training.plan import Part

__all__ = ["Streams", "stream_length"]


def stream_length(n_tokens: int, n_streams: int) -> int:
    """Tokens of a stream: an equal share of all, and less than one a stream is left out, others in each epoch."""
    return max(1, n_tokens // n_streams)


class Streams:
    """Batches of one part, made as `Batches` are, for a network that carries its state from batch to batch.

    In each epoch the texts are put in an order by chance and joined to a ring, which is cut at a place by chance into
    as many streams as a batch has rows. A batch is the next window of all streams: truncated back-propagation
    (Williams and Peng 1990).

    Parameters
    ----------
    parts : list of Part
        One part. Its sequences are integers (T, 1) that begin and end with the same mark.
    batch_size : int
        Streams.
    device : torch.device
        Where batches go.
    dtype : torch.dtype
        Of the shares.
    seeds : list of int
        One, of the orders.
    joint : bool
        False.
    n_steps : int
        Tokens of a window, about; all windows of an epoch are equally long, but for one token.
    """

    def __init__(
        self,
        parts: list[Part],
        batch_size: int,
        device: torch.device,
        dtype: torch.dtype,
        seeds: list[int],
        joint: bool = False,
        *,
        n_steps: int,
    ) -> None:
        if joint or len(parts) != 1:
            raise ValueError(f"streams are of one part; got {len(parts)}")
        self.data, self.device = parts[0].data, device
        self._random = np.random.Generator(np.random.PCG64(seeds[0]))
        self.n_tokens = int(self.data.lengths.sum()) - len(self.data)  # the first mark of each is the last of another
        self.n_streams = min(batch_size, self.n_tokens)
        self.length = stream_length(self.n_tokens, self.n_streams)
        n_windows = max(1, round(self.length / n_steps))
        self._ends = np.linspace(0, self.length, n_windows + 1).round().astype(int).tolist()
        self._share = torch.full((self.n_streams,), 1.0 / self.n_streams, dtype=dtype, device=device)

    @property
    def n_batches(self) -> np.ndarray:
        """Steps of an epoch, one number."""
        return np.array([len(self)])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def keep(self, replicas: list[int]) -> None:
        """Go on with the one, or with none."""

    def epoch(self) -> Iterator[Batch]:
        """The windows of the next epoch: a token more than is learnt, since the first is what stood before."""
        order = self._random.permutation(len(self.data))
        texts = Sequences(self.data.values, self.data.starts + 1, self.data.stops)[order]
        ring = texts.values[texts.rows(), 0]  # each text and its mark
        first = self._random.integers(self.n_tokens) + np.arange(self.n_streams) * self.length - 1
        streams = ring[(first[:, None] + np.arange(self.length + 1)) % self.n_tokens]  # (B, length + 1)
        tokens = torch.from_numpy(streams.astype(np.int64)).to(self.device)
        for begin, end in zip(self._ends[:-1], self._ends[1:], strict=True):
            x = tokens[:, begin : end + 1]  # (B, T + 1)
            yield Batch(x[..., None], None, x[:, 1:], self._share, [self.n_streams * (end - begin)])
