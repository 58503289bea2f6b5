"""One token after another from a `CausalTransformer`, in numpy.

For few rows a block is some thirty small operations, whatever it computes, and one of numpy costs a fraction of one of torch.
"""

import math
from typing import Any

import numpy as np
from scipy.special import erf, expit

from sklearn_seq.layers.causal import CausalTransformer

__all__ = ["CausalSteps", "array_of", "linear_of"]

_ROOT_HALF = math.sqrt(0.5)
_EPS = 1e-5  # of torch's layer_norm


def array_of(tensor: Any) -> np.ndarray:
    """The numbers of a tensor on a CPU, not copied."""
    return tensor.detach().numpy()


def linear_of(layer: Any) -> tuple[np.ndarray, np.ndarray]:
    """What rows are multiplied by, (G, H), and what is added, (H,)."""
    return array_of(layer.weight).T, array_of(layer.bias)


def _gelu(x: np.ndarray) -> np.ndarray:
    return x * (0.5 * erf(x * _ROOT_HALF) + 0.5)


_ACTIVATIONS: dict[str, Any] = {
    "gelu": _gelu,
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x * expit(x),
    "tanh": np.tanh,
}


def _normalised(x: np.ndarray) -> np.ndarray:
    """Each row with mean 0 and deviation 1, (B, H)."""
    n = x.shape[1]
    centred = x - x.sum(axis=1, keepdims=True) / n
    return centred / np.sqrt((centred * centred).sum(axis=1, keepdims=True) / n + _EPS)


class _Block:
    """A block and its keys and values, in a ring of as many slots as a token sees: their order does not matter, since keys are
    turned by their positions.
    """

    def __init__(self, block: Any, activation: str, cache: np.ndarray, n_slots: int) -> None:
        attention, feed_forward = block.attention, block.feed_forward
        n_heads, size = attention.n_heads, attention.head_size
        weight, bias = array_of(attention.project.weight), array_of(attention.project.bias)
        weight, bias = weight.reshape(3, n_heads, size, -1).copy(), bias.reshape(3, n_heads, size).copy()
        for part in (weight, bias):
            part[0] /= math.sqrt(size)
        # queries and keys once more with their halves exchanged, so that turning them is two products and a sum
        weight = np.concatenate([weight, np.roll(weight[:2], size // 2, axis=2)])
        bias = np.concatenate([bias, np.roll(bias[:2], size // 2, axis=2)])
        self.shape = (-1, 5, n_heads, size)
        self.project, self.project_bias = weight.reshape(-1, weight.shape[-1]).T, bias.reshape(-1)
        self.out, self.out_bias = linear_of(attention.out)
        self.widen, self.widen_bias = linear_of(feed_forward.widen)
        self.narrow, self.narrow_bias = linear_of(feed_forward.narrow)
        self.gated = feed_forward.gated
        self.activate = _ACTIVATIONS["gelu" if self.gated else activation]
        n_kept = cache.shape[3]
        kept = np.empty((*cache.shape[:3], n_slots, size), dtype=cache.dtype)
        kept[:, :, :, :n_kept] = cache
        self.keys, self.values = kept  # (B, N, slots, D) each

    def __call__(self, x: np.ndarray, cos: np.ndarray, sin: np.ndarray, slot: int, n_seen: int) -> np.ndarray:
        """(B, H)"""
        every = (_normalised(x) @ self.project + self.project_bias).reshape(self.shape)  # (B, 5, N, D)
        turned = every[:, :2] * cos + every[:, 3:] * sin
        self.keys[:, :, slot], self.values[:, :, slot] = turned[:, 1], every[:, 2]
        scores = np.matmul(self.keys[:, :, :n_seen], turned[:, 0, :, :, None])  # (B, N, L, 1)
        shares = np.exp(scores - scores.max(axis=2, keepdims=True))
        shares /= shares.sum(axis=2, keepdims=True)
        found = np.matmul(shares.swapaxes(2, 3), self.values[:, :, :n_seen])  # (B, N, 1, D)
        x = x + (found.reshape(len(x), -1) @ self.out + self.out_bias)
        wide = _normalised(x) @ self.widen + self.widen_bias
        if self.gated:
            gate, wide = np.split(wide, 2, axis=1)
            wide = self.activate(gate) * wide
        else:
            wide = self.activate(wide)
        return x + (wide @ self.narrow + self.narrow_bias)


class CausalSteps:
    """What ``body.step`` says of one token a row after another, to rounding.

    Parameters
    ----------
    body : CausalTransformer
        On a CPU, in evaluation mode.
    state : list
        Where its ``forward`` or ``step`` ended, behind at least one token.
    n_more : int
        Calls at most.
    """

    def __init__(self, body: CausalTransformer, state: list[Any], n_more: int) -> None:
        self.body, self.n_read = body, state[0]
        caches = [array_of(cache) for cache in state[1:]]
        self.n_kept = caches[0].shape[3]
        self.n_slots = min(body.context, self.n_kept + n_more)
        self.blocks = [
            _Block(block, body.activation, cache, self.n_slots)
            for block, cache in zip(body.blocks, caches, strict=True)
        ]
        self.like = state[1]  # in type and device
        self.widen = None if body.out_features == body.n_features else linear_of(body.widen)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(B, F) becomes (B, H)."""
        cos, sin = (array_of(part) for part in self.body.angles_at(self.n_read, self.like))
        token = x if self.widen is None else x @ self.widen[0] + self.widen[1]
        slot, n_seen = self.n_kept % self.n_slots, min(self.n_kept + 1, self.n_slots)
        for block in self.blocks:
            token = block(token, cos, sin, slot, n_seen)
        self.n_read, self.n_kept = self.n_read + 1, self.n_kept + 1
        return _normalised(token)
