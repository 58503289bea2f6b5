"""What the recurrent families share: parameters, and what computes."""

from typing import Annotated, Any, Literal

from sklearn_seq.families._pooled import PooledParams
from sklearn_seq.layers.recurrent import Recurrent
from sklearn_seq.layers.translation_decoders import RecurrentDecoder
from sklearn_seq.params import AtLeast, Between, estimator
from sklearn_seq.tasks.translate import TranslatorMixin
from sklearn_seq.training import Rate

__all__: list[str] = []


@estimator
class _Recurrent(PooledParams):
    hidden_size: Annotated[int, AtLeast(1), "Units a layer and direction."] = 64
    n_layers: Annotated[int, AtLeast(1), "Layers on top of each other."] = 1
    bidirectional: Annotated[bool, "Read the sequence both ways; exact on ragged data."] = False
    dropout: Annotated[
        float, Between(0, 1, "left"), "Share of values dropped in training, between layers and before the output."
    ] = 0.2
    pooling: Annotated[
        Literal["last", "mean", "max", "attention", "concat"],
        "How the steps become one vector: what the recurrence ends with; over all steps; or last, mean and max side by side.",
    ] = "concat"
    kernel: Annotated[
        Literal["auto", "torch", "own"],
        "What trains on a CPU: torch's layers, this package's, which torch lacks for all but LSTM, or the faster ones.",
    ] = "auto"

    _cell = "rnn"

    def _cell_options(self) -> dict[str, Any]:
        return {}

    def make_body(self, n_features: int) -> Recurrent:
        """The stack of layers."""
        return Recurrent(
            self._cell,
            n_features,
            self.hidden_size,
            n_layers=self.n_layers,
            bidirectional=self.bidirectional,
            dropout=self.dropout,
            kernel=self.kernel,
            **self._cell_options(),
        )

    def make_causal_body(self, n_features: int, n_steps: int) -> Recurrent:
        """The stack of layers: it reads from left to right, and its state holds all that was read."""
        return self.make_body(n_features)


@estimator
class _RNN(_Recurrent):
    activation: Annotated[Literal["tanh", "relu"], "Of the units."] = "tanh"

    def _cell_options(self) -> dict[str, Any]:
        return {"nonlinearity": self.activation}


@estimator
class _LSTM(_Recurrent):
    _cell = "lstm"


@estimator
class _GRU(_Recurrent):
    _cell = "gru"


@estimator
class RecurrentTranslatorMixin(TranslatorMixin):
    """What writes beside what reads: two recurrences with attention between them."""

    attention: Annotated[
        Literal["multiplicative", "additive"],
        "How well a step of the source answers what is asked: a product of vectors, or a layer of units over both.",
    ] = "multiplicative"
    bidirectional: Annotated[bool, "Read the source both ways."] = True
    lr: Rate = 5e-3

    def make_decoder(self: Any, n_features: int, n_memory: int) -> RecurrentDecoder:
        """As many layers below the attention as the encoder has, and one above it."""
        below, above = (
            Recurrent(
                self._cell,
                width,
                self.hidden_size,
                n_layers=n_layers,
                dropout=self.dropout,
                kernel=self.kernel,
                **self._cell_options(),
            )
            for width, n_layers in ((n_features, self.n_layers), (self.hidden_size + n_memory, 1))
        )
        return RecurrentDecoder(below, above, n_features, n_memory, self.attention, dropout=self.dropout)
