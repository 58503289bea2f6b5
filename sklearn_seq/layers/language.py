"""Language models: how probable each token is after those before it."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sklearn_seq.layers.causal import CausalTransformer
from sklearn_seq.layers.causal_steps import CausalSteps, array_of, linear_of
from sklearn_seq.layers.dropout import Dropout
from sklearn_seq.layers.linear import Linear

__all__ = ["LanguageNetwork", "smoothed_cross_entropy"]

# tokens of a text that are scored at a time, and logits of all rows, about: memory does not grow with a text's length
_CHUNK = 256
_NUMBERS = 8_000_000
# what spreads the codes of stretches over their places
_PRIME, _SPREAD = 1_000_000_007, 2_654_435_761
_FEW = 1024  # numbers of all rows' tokens, up to which steps in numpy are faster than in torch


class _Stretches(nn.Module):
    """Embeddings of the last 2, 3, ... tokens, added up: a table for each length, in which stretches share places by chance.

    What stands before a mark is not looked at. All begin as zeros.
    """

    def __init__(self, n_tokens: int, size: int, longest: int, n_places: int) -> None:
        super().__init__()
        self.n_tokens, self.longest, self.n_places = n_tokens, longest, n_places
        sizes = [min((n_tokens + 1) ** n, n_places) for n in range(2, longest + 1)]
        self.tables = nn.ModuleList(nn.Embedding(n, size) for n in sizes)

    def forward(self, tokens: Tensor, n_before: int) -> Tensor:
        """(B, n_before + T) becomes (B, T, E); -1 stands where there was nothing."""
        found: Any = 0.0
        for table, place in zip(self.tables, self.places(tokens, n_before), strict=True):
            found = found + table(place)
        return found

    def places(self, tokens: Any, n_before: int) -> Iterator[Any]:
        """Where the stretches that end with each token stand in each table, (B, T): of a tensor or an array."""
        n, mark = tokens.shape[1] - n_before, self.n_tokens - 1
        code = tokens[:, n_before:] + 1
        seen = code != mark + 1
        for back in range(1, self.longest):
            further = tokens[:, n_before - back : n_before - back + n]
            code = (code * (self.n_tokens + 1) + seen * (further + 1)) % _PRIME
            seen = seen & (further != mark)
            exact = (self.n_tokens + 1) ** (back + 1) <= self.n_places
            yield code if exact else code * _SPREAD % _PRIME % self.n_places


class LanguageNetwork(nn.Module):
    """Embedding, a body that reads from left to right, and the logits of the next token.

    In training the body's state is carried from batch to batch, without its gradient; ``train()`` and ``eval()`` drop it, as
    the loop calls them before and after each epoch.

    Parameters
    ----------
    n_tokens : int
        Size of the vocabulary; the last one is the mark between texts.
    embedding_size : int
        Numbers a token becomes.
    body : Module
        ``forward(x, mask, state) -> (hidden, mask, state)``, ``step(x, state) -> (hidden, state)`` and ``start(x) -> state``.
    dropout : float
        Of embeddings and of what the logits are made of.
    tie_weights : bool
        Whether the logits are products with the embeddings (Press and Wolf 2017), behind a linear layer.
    n_grams : int
        Up to how many tokens have an embedding together, which is added to that of the last one (Roy et al. 2022).
    n_places : int
        Of such embeddings, for each number of tokens.
    """

    def __init__(
        self,
        n_tokens: int,
        embedding_size: int,
        body: Any,
        *,
        dropout: float = 0.0,
        tie_weights: bool = True,
        n_grams: int = 1,
        n_places: int = 1 << 13,
    ) -> None:
        super().__init__()
        size = body.out_features
        self.embedding = nn.Embedding(n_tokens, embedding_size)
        self.stretches = _Stretches(n_tokens, embedding_size, n_grams, n_places) if n_grams > 1 else None
        self.body, self.dropout = body, Dropout(dropout)
        # also between equal sizes: a body that adds to what it reads would else begin by repeating each token
        self.narrow: nn.Module = Linear(size, embedding_size) if tie_weights else nn.Identity()
        self.head = None if tie_weights else Linear(size, n_tokens)
        self.bias = nn.Parameter(torch.zeros(n_tokens)) if tie_weights else None
        self._factor = math.sqrt(embedding_size) if tie_weights else 1.0
        self._carried: Any = None
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Embeddings of deviation one where they are read; logits that begin near zero where they are tied."""
        nn.init.normal_(self.embedding.weight, std=1.0 / self._factor)
        for table in self.stretches.tables if self.stretches is not None else ():
            nn.init.zeros_(table.weight)  # type: ignore[arg-type]
        for layer in (self.narrow, self.head):
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                layer.bias.zero_()

    def train(self, mode: bool = True) -> "LanguageNetwork":
        """As of any module; what was carried is dropped."""
        self._carried = None
        return super().train(mode)

    def read(self, tokens: Tensor, state: Any = None, *, last: bool = False) -> tuple[Tensor, Any]:
        """Logits of the token behind each.

        Parameters
        ----------
        tokens : Tensor of int of shape (B, T)
        state : list, optional
            Where an earlier stretch ended.
        last : bool
            Whether only the logits behind the last token are wanted.

        Returns
        -------
        logits : Tensor of shape (B, T, V), or (B, V) of the last token
        state : list
        """
        x, before = self._embed(tokens, state)  # (B, T, E)
        hidden, _, after = self.body(x, None, self.body.start(x) if state is None else state[1])
        return self._logits(hidden[:, -1] if last else hidden), [before, after]

    def step(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """As `read` for one token a row: (B,) becomes (B, V)."""
        x, before = self._embed(tokens[:, None], state)
        hidden, after = self.body.step(x[:, 0], None if state is None else state[1])
        return self._logits(hidden), [before, after]

    def going_on(self, state: Any, n_more: int) -> Callable[[np.ndarray], np.ndarray]:
        """What goes on from a state, one token a row after another, in the fastest way.

        Parameters
        ----------
        state : list
            Where `read` ended.
        n_more : int
            Calls at most.

        Returns
        -------
        callable
            Tokens, an ndarray of int of shape (B,), become logits, a floating ndarray of shape (B, V), as `step` says them.
        """
        device = self.embedding.weight.device
        if isinstance(self.body, CausalTransformer) and device.type == "cpu":
            n_rows = state[1][1].shape[1]
            if n_rows * self.body.out_features <= _FEW:
                return _Steps(self, state, n_more)

        def step(tokens: np.ndarray) -> np.ndarray:
            nonlocal state
            logits, state = self.step(torch.from_numpy(tokens).to(device), state)
            return logits.cpu().numpy()

        return step

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """How probable sequences are.

        Parameters
        ----------
        x : Tensor of int of shape (B, T + 1, 1)
            The first token of each is given, not asked for.
        mask : Tensor of bool of shape (B, T + 1), optional
            True where a token is real, None where all are.

        Returns
        -------
        Tensor of shape (B, 2)
            Log-likelihood, and of how many tokens; float64 in evaluation.
        """
        tokens = x[..., 0]
        given, asked = tokens[:, :-1], tokens[:, 1:]
        if self.training:
            logits, state = self.read(given, self._carried)
            self._carried = _detached(state)
            found = _log_likelihood(logits, asked).sum(dim=1)
            return torch.stack([found, torch.full_like(found, asked.shape[1])], dim=1)
        total: Any = 0.0
        count: Any = 0.0
        state = None
        n_steps = max(1, min(_CHUNK, _NUMBERS // (len(tokens) * self.embedding.num_embeddings)))
        for begin in range(0, asked.shape[1], n_steps):
            part = slice(begin, begin + n_steps)
            logits, state = self.read(given[:, part], state)
            each = _log_likelihood(logits, asked[:, part]).double()  # (B, T)
            real = torch.ones_like(each) if mask is None else mask[:, 1:][:, part].to(each.dtype)
            total, count = total + (each * real).sum(dim=1), count + real.sum(dim=1)
        return torch.stack([total, count], dim=1)

    def _embed(self, tokens: Tensor, state: Any) -> tuple[Tensor, Tensor | None]:
        """Embeddings (B, T, E), and the last tokens, which the next ones make stretches with."""
        embedded, before = self.embedding(tokens), None
        if self._factor != 1.0:
            embedded = embedded * self._factor
        if self.stretches is not None:
            n = self.stretches.longest - 1
            before = tokens.new_full((len(tokens), n), -1) if state is None else state[0]
            every = torch.cat([before, tokens], dim=1)
            embedded, before = embedded + self.stretches(every, n), every[:, -n:]
        return self.dropout(embedded), before

    def _logits(self, hidden: Tensor) -> Tensor:
        hidden = self.dropout(self.narrow(hidden))
        if self.head is not None:
            return self.head(hidden)
        return functional.linear(hidden, self.embedding.weight, self.bias)


class _Steps:
    """What ``network.step`` says, in numpy; the body is a `CausalTransformer`."""

    def __init__(self, network: LanguageNetwork, state: Any, n_more: int) -> None:
        self.body = CausalSteps(network.body, state[1], n_more)
        self.before: Any = None if state[0] is None else array_of(state[0])
        self.factor, self.stretches = network._factor, network.stretches
        self.embedding = array_of(network.embedding.weight)
        self.tables = [] if network.stretches is None else [array_of(t.weight) for t in network.stretches.tables]
        if network.head is not None:
            self.logits = [linear_of(network.head)]
        else:
            self.logits = [linear_of(network.narrow), (self.embedding.T, array_of(network.bias))]

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        x = self.embedding[tokens] * self.factor  # (B, E)
        if self.stretches is not None:
            n = self.before.shape[1]
            every = np.concatenate([self.before, tokens[:, None]], axis=1)
            for table, place in zip(self.tables, self.stretches.places(every, n), strict=True):
                x = x + table[place[:, 0]]
            self.before = every[:, 1:]
        hidden = self.body(x)
        for weight, bias in self.logits:
            hidden = hidden @ weight + bias
        return hidden


def _log_likelihood(logits: Tensor, tokens: Tensor) -> Tensor:
    """(B, T)"""
    costs = functional.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none")
    return costs.neg().view(tokens.shape)


def _detached(state: Any) -> Any:
    """The same numbers, of which no gradient flows back."""
    if isinstance(state, Tensor):
        return state.detach()
    return type(state)(_detached(part) for part in state) if isinstance(state, list | tuple) else state


class _SmoothedCrossEntropy(torch.autograd.Function):
    """In few passes over the logits, which are the largest numbers of a step: one node, and one buffer for the gradient."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, tokens: Tensor, smoothing: float) -> Tensor:
        total = logits.logsumexp(dim=1, keepdim=True)  # (N, 1)
        ctx.save_for_backward(logits, tokens, total)
        ctx.smoothing = smoothing
        right = logits.gather(1, tokens[:, None])
        wanted = right if smoothing == 0.0 else (1.0 - smoothing) * right + smoothing * logits.mean(dim=1, keepdim=True)
        return (total - wanted)[:, 0]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None, None]:
        logits, tokens, total = ctx.saved_tensors
        found = torch.sub(logits, total).exp_()
        if ctx.smoothing:
            found.sub_(ctx.smoothing / logits.shape[1])
        found.scatter_add_(1, tokens[:, None], found.new_full((len(tokens), 1), ctx.smoothing - 1.0))
        return found.mul_(dy[:, None]), None, None


def smoothed_cross_entropy(logits: Tensor, tokens: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy with a share of the target spread over all tokens, as torch's with ``label_smoothing``.

    Parameters
    ----------
    logits : Tensor of shape (N, V)
    tokens : Tensor of int of shape (N,)
    smoothing : float

    Returns
    -------
    Tensor of shape (N,)
    """
    return _SmoothedCrossEntropy.apply(logits, tokens, smoothing)
