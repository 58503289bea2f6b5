"""Text and token ids as inputs: the encoder inside an estimator, and the first layer of its network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np

from sklearn_seq.layers.embedding import TokenEmbedding, embedding_size
from sklearn_seq.layers.scaling import InputScaling
from sklearn_seq.params import AtLeast, Between, estimator
from sklearn_seq.preprocessing.text import TextEncoder
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.gate import read_X
from sklearn_seq.sequences.ids import refuse_huge_vocabulary
from sklearn_seq.sequences.weights import read_weight

__all__ = ["TokensMixin"]


class _Reader:
    if TYPE_CHECKING:
        _n_channels: int
        _n_tokens: int | None
        dtype: Any
        missing: Any


@estimator
class TokensMixin(_Reader):
    """Networks that read text and token ids beside numbers.

    Attributes
    ----------
    encoder_ : TextEncoder
        Only where ``fit`` was given text: what makes ids of it. Characters of texts, words of lists of words.
    """

    embedding_size: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'For text and token ids: numbers that are learnt for each token; "auto" is 16 to 128, by how many tokens there are.',
    ] = "auto"
    token_dropout: Annotated[
        float,
        Between(0, 1, "left"),
        "For text and token ids: share of tokens that are made unknown in training, so that the network learns what to do with "
        "those that it has not seen.",
    ] = 0.1

    # what changes ids and leaves ids
    _augments_ids: ClassVar[tuple[str, ...]] = ("crop", "mask")

    def _pass_gate(
        self, X: Any, *, reset: bool, sample_weight: Any = None, dtype: Any = None, missing: Any = None
    ) -> Sequences:
        """X past the gate: numbers in ``dtype`` or ids; text by the encoder, which ``reset`` fits to the rows that count."""

        def encode(texts: list[Any]) -> Sequences:
            if reset:
                used = np.flatnonzero(read_weight(sample_weight, len(texts)))
                encoder = self._new_encoder("character" if isinstance(texts[0], str) else "word")
                self.encoder_ = encoder.fit([texts[i] for i in used])
            elif getattr(self.encoder_, "level", None) == "character" and not isinstance(texts[0], str):
                raise ValueError(
                    f"X holds lists of words, such as {texts[0][:3]}, but {type(self).__name__} was fitted on texts, character by "
                    "character. Give texts: [' '.join(words) for words in X]; or fit on lists of words."
                )
            return self.encoder_.transform(texts)

        if reset:
            self.__dict__.pop("encoder_", None)
        dtype, missing = dtype or self.dtype, missing or self.missing
        data = read_X(self, X, reset=reset, dtype=dtype, missing=missing, encode=encode).sequences
        if reset:
            refuse_huge_vocabulary(self._n_tokens or 0)
            self._n_channels = data.n_features
        return data

    def _new_encoder(self, level: str) -> Any:
        """What makes ids of text; tasks may know better of words."""
        return TextEncoder(level, lowercase=False)  # type: ignore[arg-type]

    def _make_input(self, maker: Any) -> TokenEmbedding | InputScaling:
        """The first layer; ``maker`` has the fitted parameters."""
        n_tokens = self._n_tokens
        if n_tokens is None:
            return InputScaling(self._n_channels, indicate_missing=maker.missing == "mask")
        if hasattr(maker, "views"):
            maker.views = "values"  # changes and means of steps are of amounts
        size = embedding_size(n_tokens) if maker.embedding_size == "auto" else maker.embedding_size
        return TokenEmbedding(n_tokens, size, maker.token_dropout)

    def _refuse_of_ids(self, augmentations: Any) -> None:
        """Refuse augmentations that would change ids as if they were amounts."""
        if self._n_tokens is None or not augmentations:
            return
        wrong = [name for name, _ in augmentations.parts if name not in self._augments_ids]
        if wrong:
            raise ValueError(
                f"augment names {wrong[0]!r}, which changes amounts, but X holds tokens, which are names; wanted some of "
                f"{', '.join(self._augments_ids)}. Leave {wrong[0]!r} out; token_dropout makes single tokens unknown."
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.string = True
        return tags
