"""Networks of attention: the Transformer's encoder."""

from typing import Annotated, Any, Literal

import numpy as np
import torch

from sklearn_seq.families._pooled import PooledParams
from sklearn_seq.layers.attention import TransformerEncoder
from sklearn_seq.layers.causal import CausalTransformer
from sklearn_seq.layers.masks import lengths_of
from sklearn_seq.layers.translation_decoders import TransformerDecoder
from sklearn_seq.params import AtLeast, Between, estimator
from sklearn_seq.tasks.classify import ClassifierMixin
from sklearn_seq.tasks.forecast_network import NetworkForecasterMixin
from sklearn_seq.tasks.generate import GeneratorMixin
from sklearn_seq.tasks.regress import RegressorMixin
from sklearn_seq.tasks.tag import TaggerMixin
from sklearn_seq.tasks.transcribe import TranscriberMixin
from sklearn_seq.tasks.translate import TranslatorMixin
from sklearn_seq.training import Rate, Schedule
from sklearn_seq.training.batches import Gather
from sklearn_seq.training.threads import auto_threads, hold_threads

__all__ = [
    "TransformerClassifier",
    "TransformerForecaster",
    "TransformerRegressor",
    "TransformerTagger",
    "TransformerTranscriber",
    "TransformerTranslator",
]

_MOST_TOKENS = 64  # of the longest sequence of fit, for patches of automatic length
_OVERLAP = 4  # how many automatic patches read a step
_ROWS = 32  # whose attention is computed at a time


@estimator
class _Transformer(PooledParams):
    hidden_size: Annotated[int, AtLeast(1), "Features of a token."] = 64
    n_layers: Annotated[int, AtLeast(1), "Blocks on top of each other."] = 2
    n_heads: Annotated[
        int, AtLeast(1), "Heads of a block; each takes hidden_size / n_heads features, rounded up to an even number."
    ] = 4
    feedforward_size: Annotated[
        int | Literal["auto"], AtLeast(1), 'Units of the feed-forward layers; "auto" is twice hidden_size.'
    ] = "auto"
    activation: Annotated[
        Literal["gelu", "relu", "silu", "tanh", "gated"],
        'Of the feed-forward layers; "gated" multiplies gelu by a second linear layer.',
    ] = "gelu"
    dropout: Annotated[
        float, Between(0, 1, "left"), "Share of values dropped in training, inside the blocks and before the output."
    ] = 0.1
    attention_dropout: Annotated[
        float, Between(0, 1, "left"), "Share of the attention between tokens that is dropped in training."
    ] = 0.0
    positions: Annotated[
        Literal["sinusoidal", "rotary", "both", "none"],
        "How the order of the tokens is told: by the place of each, by distances between them, by both, or not at all.",
    ] = "sinusoidal"
    causal: Annotated[bool, "Let a token see only itself and those before it."] = False
    patch_length: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Steps a token reads; "auto" is four times the stride, and one for a stride of one.',
    ] = "auto"
    patch_stride: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Steps from a token to the next, at most patch_length; "auto" is a quarter of it, or by the longest sequence of fit.',
    ] = "auto"
    pooling: Annotated[
        Literal["last", "mean", "max", "attention", "concat"],
        "How the tokens become one vector: the last one; over all tokens; or last, mean and max side by side.",
    ] = "concat"
    batch_size: Annotated[
        int | Literal["auto"], AtLeast(1), 'Rows a step; "auto" is a sixteenth of the rows, from 4 to 32.'
    ] = 16
    lr: Rate = 2e-3
    lr_schedule: Schedule = "one-cycle"

    def make_body(self, n_features: int) -> TransformerEncoder:
        """The stack of blocks."""
        length, stride = self._patches()
        return TransformerEncoder(
            n_features,
            self.hidden_size,
            n_layers=self.n_layers,
            n_heads=self.n_heads,
            feedforward_size=2 * self.hidden_size if self.feedforward_size == "auto" else self.feedforward_size,
            activation=self.activation,
            dropout=self.dropout,
            attention_dropout=self.attention_dropout,
            positions=self.positions,
            causal=self.causal,
            patch_length=length,
            patch_stride=stride,
        )

    def make_causal_body(self, n_features: int, n_steps: int) -> CausalTransformer:
        """The stack of blocks that see the last ``n_steps`` tokens."""
        return CausalTransformer(
            n_features,
            self.hidden_size,
            n_layers=self.n_layers,
            n_heads=self.n_heads,
            feedforward_size=2 * self.hidden_size if self.feedforward_size == "auto" else self.feedforward_size,
            activation=self.activation,
            dropout=self.dropout,
            context=n_steps,
        )

    def make_decoder(self, n_features: int, n_memory: int) -> TransformerDecoder:
        """As many blocks, each of which also looks at the memory."""
        places = self.positions in ("sinusoidal", "both")
        return TransformerDecoder(self.make_causal_body(n_features, 1), n_memory, self.n_heads, places=places)

    def _patches(self) -> tuple[int, int]:
        """Length and stride."""
        longest = self.__dict__.get("_longest") or 1
        if self.patch_stride != "auto":
            stride = self.patch_stride
        else:
            stride = _stride_for(longest) if self.patch_length == "auto" else max(1, self.patch_length // _OVERLAP)
        length = self.patch_length if self.patch_length != "auto" else _OVERLAP * stride if stride > 1 else 1
        if stride > length:
            raise ValueError(
                f"patch_stride={stride} is more than patch_length={length}, so that no token would read some steps; wanted "
                f"at most {length}. Lower patch_stride, or raise patch_length."
            )
        return length, stride


@estimator
class _Attending(_Transformer):
    """What looks at whole sequences, and tells where."""

    def attention_weights(self, X: Any, layer: int = -1) -> list[np.ndarray]:
        """What each token of a sequence looks at: the attention between its tokens, head by head.

        Token i stands for the steps from ``i * stride`` on, up to ``(i + 1) * stride``, where stride is
        ``module_.body.steps_per_token``.

        Parameters
        ----------
        X : as in fit
            The sequences.
        layer : int
            Which block, counted as a list is: 0 is the first, -1 the last.

        Returns
        -------
        list of ndarray of shape (n_heads, n_tokens, n_tokens)
            One a sequence. Row i of a head says where token i looks, and sums to one.

        Raises
        ------
        ValueError
            When there is no such block.
        """
        data = self._read_again(X)  # type: ignore[attr-defined]
        module = self.module_  # type: ignore[attr-defined]
        n_layers = len(module.body.blocks)
        if not isinstance(layer, int | np.integer) or not -n_layers <= layer < n_layers:
            raise ValueError(
                f"layer={layer!r} is no block of a network with n_layers={n_layers}; wanted a whole number from {-n_layers} to "
                f"{n_layers - 1}"
            )
        device = next(module.parameters()).device
        gather, found = Gather(data), []
        n_threads = auto_threads(module, _ROWS) if self.n_threads == "auto" else int(self.n_threads)
        with hold_threads(n_threads), torch.inference_mode():
            for first in range(0, len(data), _ROWS):
                x, mask = gather(np.arange(first, min(first + _ROWS, len(data))))
                seen = None if mask is None else torch.from_numpy(mask).to(device)
                scaled = module.scaling(torch.from_numpy(x).to(device), seen)
                weights, seen = module.body.attention_weights(scaled, seen, int(layer))
                n_tokens = lengths_of(scaled[:, : weights.shape[-1]], seen).tolist()
                found += [one[:, :n, :n].copy() for one, n in zip(weights.cpu().numpy(), n_tokens, strict=True)]
        return found


def _stride_for(longest: int) -> int:
    """A power of two, so that sets of about the same length have the same."""
    stride = 1
    while -(-longest // stride) > _MOST_TOKENS:
        stride *= 2
    return stride


@estimator
class TransformerClassifier(ClassifierMixin, _Attending):
    """Transformer for classifying sequences.

    Every step looks at every other one (Vaswani et al. 2017), in blocks that normalise what they read. Long sequences are read
    in patches (Nie et al. 2023). Sequences may differ in length; padding never changes an answer. ``attention_weights`` tells
    what was looked at.

    References
    ----------
    .. [1] A. Vaswani et al. Attention is all you need. NeurIPS 2017.
    .. [2] Y. Nie et al. A time series is worth 64 words: long-term forecasting with transformers. ICLR 2023.
    .. [3] J. Su et al. RoFormer: enhanced transformer with rotary position embedding. arXiv:2104.09864, 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import TransformerClassifier
    >>> X = np.random.default_rng(0).normal(size=(60, 12, 2)).cumsum(axis=1)
    >>> y = np.where(X[:, -1, 0] > 0, "up", "down")
    >>> model = TransformerClassifier(hidden_size=16, max_epochs=20, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    >>> model.attention_weights(X[:1])[0].shape
    (4, 12, 12)
    """


@estimator
class TransformerRegressor(RegressorMixin, _Attending):
    """Transformer for predicting numbers from sequences.

    Every step looks at every other one (Vaswani et al. 2017), in blocks that normalise what they read. Long sequences are read
    in patches (Nie et al. 2023). Sequences may differ in length; padding never changes an answer. ``attention_weights`` tells
    what was looked at.

    References
    ----------
    .. [1] A. Vaswani et al. Attention is all you need. NeurIPS 2017.
    .. [2] Y. Nie et al. A time series is worth 64 words: long-term forecasting with transformers. ICLR 2023.
    .. [3] J. Su et al. RoFormer: enhanced transformer with rotary position embedding. arXiv:2104.09864, 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import TransformerRegressor
    >>> X = np.random.default_rng(0).normal(size=(60, 12))
    >>> model = TransformerRegressor(hidden_size=16, max_epochs=10, random_state=0).fit(X, X.mean(axis=1))
    >>> model.predict(X[:3]).shape
    (3,)
    """


@estimator
class TransformerForecaster(NetworkForecasterMixin, _Transformer):
    """Transformer for forecasting the next rows of a table: patches of the window look at each other (Nie et al. 2023).

    Each target is read by itself or all together, and all steps of the horizon are answered at once.

    References
    ----------
    .. [1] Y. Nie et al. A time series is worth 64 words: long-term forecasting with transformers. ICLR 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import TransformerForecaster
    >>> X = np.sin(np.arange(300) / 5)[:, None]
    >>> model = TransformerForecaster(lookback=32, horizon=8, hidden_size=16, max_epochs=3, random_state=0).fit(X[:250])
    >>> model.score(X[250:]) > 0.9
    True
    """


@estimator
class TransformerTagger(TaggerMixin, _Attending):
    """Transformer for labelling every step of sequences.

    Every step looks at every other one (Vaswani et al. 2017), in blocks that normalise what they read. With ``patch_stride``
    above 1 the steps of a patch share a label's scores, and long sequences become cheap. Sequences may differ in length; padding
    never changes an answer. ``attention_weights`` tells what was looked at.

    References
    ----------
    .. [1] A. Vaswani et al. Attention is all you need. NeurIPS 2017.
    .. [2] J. Su et al. RoFormer: enhanced transformer with rotary position embedding. arXiv:2104.09864, 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import TransformerTagger
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(n, 2)) for n in rng.integers(5, 15, size=60)]
    >>> y = [np.where(x[:, 0] > 0, "up", "down") for x in X]
    >>> model = TransformerTagger(hidden_size=16, max_epochs=30, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.9, model.predict(X[:1])[0].shape == (len(X[0]),)
    (True, True)
    """

    patch_length: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Steps a token reads; "auto" is four times the stride, and one for a stride of one.',
    ] = "auto"
    patch_stride: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Steps from a token to the next, at most patch_length; "auto" is a quarter of it, or by the longest sequence of fit.',
    ] = 1


@estimator
class TransformerGenerator(GeneratorMixin, _Transformer):
    """Transformer that writes texts, and says how probable texts are.

    In every layer a token sees itself and the ``n_steps - 1`` tokens before it, by rotary positions; in training, too, it sees
    what stood before its window (Dai et al. 2019). Keys and values are kept while it writes, so that a token costs as
    much as any other.

    References
    ----------
    .. [1] A. Radford et al. Language models are unsupervised multitask learners. OpenAI 2019.
    .. [2] Z. Dai et al. Transformer-XL: attentive language models beyond a fixed-length context. ACL 2019.
    .. [3] J. Su et al. RoFormer: enhanced transformer with rotary position embedding. arXiv 2104.09864, 2021.

    Examples
    --------
    >>> from sklearn_seq import TransformerGenerator
    >>> texts = ["the cat sat", "the dog sat", "the cat ran", "the dog ran"] * 10
    >>> model = TransformerGenerator(hidden_size=32, random_state=0).fit(texts)
    >>> model.generate(["the cat s", "the dog r"], temperature=0).tolist()
    ['the cat sat', 'the dog ran']
    """


@estimator
class TransformerTranscriber(TranscriberMixin, _Attending):
    """Transformer that turns sequences into texts, such as speech.

    Every step looks at every other one (Vaswani et al. 2017), in blocks that normalise what they read. The network
    says at every step which character is spoken, or none, and learns from texts alone where each character is
    (Graves et al. 2006). Texts are decoded greedily, or by prefix beam search with a language model of characters.
    Sequences may differ in length; padding never changes an answer.

    References
    ----------
    .. [1] A. Vaswani et al. Attention is all you need. NeurIPS 2017.
    .. [2] A. Graves, S. Fernandez, F. Gomez, J. Schmidhuber. Connectionist temporal classification: labelling unsegmented
       sequence data with recurrent neural networks. ICML 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import TransformerTranscriber
    >>> rng = np.random.default_rng(0)
    >>> y = ["".join(rng.choice(list("abc"), size=rng.integers(2, 5))) for _ in range(150)]
    >>> X = [np.repeat(np.eye(3)[[ord(c) - 97 for c in text]], rng.integers(3, 5), axis=0) for text in y]
    >>> X = [np.concatenate([np.zeros((3, 3)), x]) + 0.1 * rng.normal(size=(len(x) + 3, 3)) for x in X]
    >>> model = TransformerTranscriber(hidden_size=32, random_state=0).fit(X[:100], y[:100])
    >>> model.score(X[100:], y[100:]) > 0.8
    True
    """

    patch_length: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Steps a token reads; "auto" is four times the stride, and one for a stride of one.',
    ] = "auto"
    patch_stride: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Steps from a token to the next, which spells one character at most; "auto" is a quarter of patch_length, or by the '
        "longest sequence of fit.",
    ] = 1


@estimator
class TransformerTranslator(TranslatorMixin, _Transformer):
    """Transformer that turns one text into another, or ids into ids.

    Tokens of the source look at each other, those of the answer at those before them and at the source (Vaswani et al. 2017), in
    blocks that normalise what they read. Answers are found by beam search; keys and values are kept while it writes.
    ``attention_weights`` tells what was looked at. Texts may differ in length; padding never changes an answer.

    References
    ----------
    .. [1] A. Vaswani et al. Attention is all you need. NeurIPS 2017.
    .. [2] R. Xiong et al. On layer normalization in the Transformer architecture. ICML 2020.

    Examples
    --------
    >>> from sklearn_seq import TransformerTranslator
    >>> X = [f"{a} plus {b}" for a in ("one", "two", "three", "four") for b in ("one", "two", "three", "four")]
    >>> y = [f"{a} + {b}" for a in "1234" for b in "1234"]
    >>> model = TransformerTranslator(level="word", hidden_size=32, random_state=0).fit(X, y)
    >>> model.predict(["four plus two"])
    array(['4 + 2'], dtype='<U5')
    """

    positions: Annotated[
        Literal["sinusoidal", "rotary", "both", "none"],
        "How the order of the tokens is told: by the place of each, by distances between them, by both, or not at all. Tokens of the "
        "answer know their distances in any case.",
    ] = "both"
    patch_length: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Steps of the source that the encoder reads as one; "auto" is four times the stride, and one for a stride of one.',
    ] = "auto"
    patch_stride: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Steps from such a token to the next, at most patch_length; "auto" is a quarter of it, or by the longest of fit.',
    ] = 1
