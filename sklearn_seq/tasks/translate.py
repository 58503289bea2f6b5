"""One sequence of tokens into another, by an encoder, a decoder and attention between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np

from sklearn_seq.layers.translation import TranslationNetwork
from sklearn_seq.params import AtLeast, Between, estimator
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.weights import read_groups, read_weight
from sklearn_seq.tasks.base import FitMixin
from sklearn_seq.tasks.generate_reading import read_texts
from sklearn_seq.tasks.state import keep_on_failure
from sklearn_seq.tasks.translate_answering import AnsweringMixin
from sklearn_seq.tasks.translate_loss import Evaluation, TranslationLoss
from sklearn_seq.tasks.translate_vocabulary import Side, distinct_pairs, learn_sides
from sklearn_seq.training import Part, Plan, Seeds, TrainingParams
from sklearn_seq.training.batches import PairBatches

__all__ = ["TranslatorMixin"]

_LEAST_ROOM = 10  # tokens that an answer may be longer than sources of its length suggest

# parameters of training and of families that mean nothing for tokens that become others
_WITHOUT = ("standardize", "augment", "body", "freeze", "body_lr_factor", "missing", "pooling", "causal")


@estimator
class TranslatorMixin(AnsweringMixin, FitMixin):
    """Translation: tokens in, other tokens out, cross-entropy of each next token, beam search.

    A family says what reads, ``make_body(n_features)``, and what writes, ``make_decoder(n_features, n_memory)``.

    Attributes
    ----------
    encoder_, target_encoder_ : TextEncoder or None
        What makes ids of X and of y, each text with a mark behind it; None for ids. One and the same with
        ``shared_vocabulary``.
    n_tokens_, n_target_tokens_ : int
        Sizes of both vocabularies, the mark included.
    """

    level: Annotated[
        Literal["character", "word", "bpe"],
        "What a token of a text is, on both sides: words are what stands between white space, and byte pairs, pieces of words, "
        "need the extra text.",
    ] = "character"
    shared_vocabulary: Annotated[bool, "Learn one vocabulary, and one vector for each token, for both sides."] = False
    max_tokens: Annotated[
        int | None,
        AtLeast(1),
        "The most frequent tokens of texts alone get an id, so many; None keeps all, and 8000 byte pairs.",
    ] = None
    min_count: Annotated[
        int, AtLeast(1), "How often a token must stand in the (distinct) texts of `fit` to get an id."
    ] = 1
    embedding_size: Annotated[
        int | Literal["auto"], AtLeast(1), 'Numbers that a token becomes; "auto" is as many as hidden_size.'
    ] = "auto"
    tie_weights: Annotated[bool, "Use the embeddings of y for the output layer too."] = True
    token_dropout: Annotated[
        float, Between(0, 1, "left"), "Share of the tokens of X that are made unknown in training."
    ] = 0.0
    label_smoothing: Annotated[
        float, Between(0, 1, "left"), "Share of the target spread over all tokens (Szegedy et al. 2016)."
    ] = 0.1
    average_weights: Annotated[
        float | None,
        Between(0, 1, "left"),
        "Average the weights over all epochs after this share of them (Izmailov et al. 2018).",
    ] = None
    beam_size: Annotated[
        int, AtLeast(1), "Beginnings of answers that are kept in beam search; 1 follows the likeliest token (greedy)."
    ] = 5
    length_penalty: Annotated[
        float,
        AtLeast(0),
        "Power of the length of an answer that its log-likelihood is divided by; 0 favours short answers.",
    ] = 1.0
    max_length: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Tokens of the longest answer; "auto" is in proportion to the source, as long as any in fit at least.',
    ] = "auto"

    _task: ClassVar[str] = "translate"
    _without: ClassVar[tuple[str, ...]] = _WITHOUT
    _params_free_to_change: ClassVar[tuple[str, ...]] = (
        *(name for name in TrainingParams().get_params() if name != "dtype"),
        *("beam_size", "length_penalty", "max_length", "label_smoothing", "token_dropout", "average_weights"),
    )
    if TYPE_CHECKING:
        _length_limit: tuple[float, float]
        _per_row: float

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        groups: Any = None,
    ) -> Any:
        """Learn the vocabularies, and train a network.

        Parameters
        ----------
        X : list of str, or sequences of token ids
            Texts; or `Sequences` with ``n_tokens``, a list of arrays of int, or an array of int of shape
            ``(n_samples, n_timesteps)``. They may be empty.
        y : as X
            What each becomes, of any length. Texts may become ids, and ids texts.
        sample_weight : array-like of shape (n_samples,), optional
            A weight of 3 equals three copies of the pair, to the bit.
        X_val, y_val : as X and y, optional
            A validation part to score each epoch on, by the mean log-likelihood of a token; early stopping uses it instead of
            a held-out part.
        groups : array-like of shape (n_samples,), optional
            Groups (documents) that early stopping must not tear apart.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            For data that cannot be read, with what was given, what was wanted and what to do. An estimator that was
            fitted before stays as it was.
        """
        return super().fit(X, y, sample_weight=sample_weight, X_val=X_val, y_val=y_val, groups=groups)

    @keep_on_failure
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Go on training for one epoch on these pairs.

        Parameters
        ----------
        X, y : as in fit
            Some pairs. The first call settles the vocabularies: tokens of texts that are not in them are read as one that
            is unknown.
        sample_weight : array-like of shape (n_samples,), optional
            Their weights.

        Returns
        -------
        self
            The estimator, one epoch further.
        """
        self._validate_params()  # type: ignore[attr-defined]
        return self._fit_one_epoch(X, y, sample_weight)

    # -- reading -------------------------------------------------------------------------------------------------------

    @property
    def _source(self) -> Side:
        return Side(self.encoder_, self.n_tokens_)

    @property
    def _target(self) -> Side:
        return Side(self.target_encoder_, self.n_target_tokens_)

    def _pass_gate(self, X: Any, *, reset: bool = False, sample_weight: Any = None) -> Sequences:
        """Ids of X by the vocabulary that was learnt."""
        return self._source.encode(read_texts(X), "X", self._own_name)

    def _read_target(self, y: Any, *, reset: bool = False, used: np.ndarray | None = None) -> Sequences:
        """Ids of y by the vocabulary that was learnt."""
        return self._target.encode(read_texts(y, "y"), "y", self._own_name)

    @property
    def _own_name(self) -> str:
        return f"this {type(self).__name__}"

    def _read_training(
        self, X: Any, y: Any, sample_weight: Any, groups: Any, *, reset: bool
    ) -> tuple[Sequences, Sequences, np.ndarray, np.ndarray | None]:
        if y is None:
            raise ValueError(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None.")
        source, target = read_texts(X), read_texts(y, "y")
        n = len(source)
        if len(target) != n:
            raise ValueError(
                f"Found input variables with inconsistent numbers of samples: X has {n} and y has {len(target)}; wanted one "
                "answer for each of X"
            )
        weight, codes = read_weight(sample_weight, n), read_groups(groups, n)
        used = np.flatnonzero(weight)
        if reset:
            self._learn_vocabularies(source, target, used)
        if len(used) < n:
            source, target, weight = source.take(used.tolist()), target.take(used.tolist()), weight[used]
            codes = None if codes is None else codes[used]
        data = self._source.encode(source, "X", self._own_name)
        answers = self._target.encode(target, "y", self._own_name)
        if reset:
            self._longest = int(data.lengths.max())
        return data, answers, weight, codes

    def _learn_vocabularies(self, source: Any, target: Any, used: np.ndarray) -> None:
        rows = distinct_pairs(source, target, used)
        sides = learn_sides(
            source.take(rows),
            target.take(rows),
            shared=self.shared_vocabulary,
            level=self.level,
            max_tokens=self.max_tokens,
            min_count=self.min_count,
        )
        self.encoder_, self.target_encoder_ = (side.encoder for side in sides)
        self.n_tokens_, self.n_target_tokens_ = (side.n_tokens for side in sides)
        self.n_features_in_, self.n_timesteps_in_ = 1, None

    # -- the plan ------------------------------------------------------------------------------------------------------

    def _settle_target(self, target: Sequences, weight: np.ndarray) -> None:
        self._per_row = float(weight @ target.lengths / weight.sum())

    def _make_plan(
        self, train: Part, valid: Part | None, seeds: Seeds, n_epochs: int, before: dict[str, Any] | None
    ) -> Plan:
        self._fitted_params = self._plain_params()
        self._length_limit = _limit_of(
            [part for part in (train, valid) if part is not None], None if before is None else self._length_limit
        )
        return Plan(
            build=self._build,
            train=train,
            valid=valid,
            loss=TranslationLoss(float(self.label_smoothing), self._per_row),
            score=_no_score,
            evaluate=Evaluation(self._per_row),
            settings=self,  # type: ignore[arg-type]
            seeds=seeds,
            n_epochs=n_epochs,
            batch_size=self._batch_rows(len(train)),
            batches=PairBatches,
            forced=True,
            average_from=self.average_weights,
            weights=None if before is None else before["weights"],
            optimizer_state=None if before is None else before["optimizer_state"],
            before=[] if before is None else before["history"],
        )

    def _build(self) -> TranslationNetwork:
        """The untrained network of the fitted parameters, whatever ``set_params`` did since."""
        maker: Any = type(self)(**self._fitted_params)
        maker._longest = self.__dict__.get("_longest")
        size = maker.hidden_size if maker.embedding_size == "auto" else maker.embedding_size
        body = maker.make_body(size)
        return TranslationNetwork(
            self.n_tokens_,
            self.n_target_tokens_,
            self._target.mark,
            size,
            body,
            maker.make_decoder(size, body.out_features),
            dropout=maker.dropout,
            token_dropout=maker.token_dropout,
            shared=maker.shared_vocabulary,
            tie_weights=maker.tie_weights,
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        tags.input_tags.one_d_array = True
        tags.target_tags.required = True
        return tags


def _no_score(found: Any, part: Part) -> float:
    """A plan with ``evaluate`` asks for no other."""
    raise NotImplementedError


def _limit_of(parts: list[Any], before: tuple[float, float] | None) -> tuple[float, float]:
    """Slope and intercept of the longest answers by the length of their sources: twice the usual, and at least all of fit.

    Where a fit goes on from one ``before``, limits are as they were, but for answers that are longer.
    """
    lengths = [(part.data.lengths, part.target.lengths) for part in parts]
    sources, answers = lengths[0]  # of what is trained on
    slope, least = (2.0 * float(answers.sum() / sources.sum()), float(_LEAST_ROOM)) if before is None else before
    return slope, max(least, *(float((answers - slope * sources).max()) for sources, answers in lengths))
