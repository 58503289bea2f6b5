"""Language models: the next token after those before it, and whole texts from it."""

from __future__ import annotations

import functools
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from sklearn.utils import check_random_state

from sklearn_seq.layers.language import LanguageNetwork
from sklearn_seq.params import AtLeast, estimator
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.texts import refuse_nul
from sklearn_seq.tasks.generate_reading import Texts, Vocabulary, between_marks, read_texts
from sklearn_seq.tasks.generate_sampling import Choice, check_numbers, write
from sklearn_seq.tasks.state import FittedState, keep_on_failure
from sklearn_seq.training import Part, Plan, Seeds, TrainingParams, outputs, run
from sklearn_seq.training.blas import one_blas_thread
from sklearn_seq.training.callbacks import CallbackSupportMixin, EpochTasks, with_callbacks
from sklearn_seq.training.streams import Streams, stream_length
from sklearn_seq.training.threads import hold_threads

__all__ = ["GeneratorMixin"]

_LEAST_PLACES, _MOST_PLACES = 64, 1 << 13  # for embeddings of stretches of tokens
_WINDOWS = 16  # of each stream in an epoch, for a number of streams that is found from the length of the texts

# parameters of training and of families that mean nothing for ids read from left to right
_OF_TRAINING = ("standardize", "augment", "body", "freeze", "body_lr_factor", "missing")
_OF_FAMILIES = ("pooling", "bidirectional", "causal", "positions", "attention_dropout", "patch_length", "patch_stride")


@estimator
class GeneratorMixin(FittedState, CallbackSupportMixin):
    """Language models: probabilities of texts, and texts by chance.

    A family says what reads from left to right: ``make_causal_body(n_features, n_steps)``.

    Attributes
    ----------
    vocabulary_ : str or None
        The characters that occurred in fit, sorted; None after a fit on ids.
    n_tokens_ : int
        Size of the vocabulary: characters and one token for all others, or ids. The mark between texts is not counted.
    n_iter_ : int
        Epochs run.
    best_epoch_ : int
        Epoch, from 1, whose weights are kept; the last one without early stopping.
    loss_curve_ : list of float
        Mean negative log-likelihood of a token in training, in nats, of each epoch.
    validation_scores_ : list of float or None
        Mean log-likelihood of a token of the validation part after each epoch; None without one.
    history_ : list of dict
        All of an epoch's numbers.
    module_ : torch.nn.Module
        The trained network.
    n_parameters_ : int
        Its trained numbers.
    """

    n_steps: Annotated[
        int, AtLeast(1), "Tokens that gradients flow back through; a Transformer's layers see as many tokens."
    ] = 64
    batch_size: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Streams that the texts are cut into; "auto" is 2 to 32, so that each has some 16 windows of n_steps.',
    ] = "auto"
    max_epochs: Annotated[int, AtLeast(1), "Passes over the texts."] = 50
    embedding_size: Annotated[
        int | Literal["auto"], AtLeast(1), 'Numbers that a token becomes; "auto" is as many as hidden_size.'
    ] = "auto"
    n_grams: Annotated[
        int, AtLeast(1), "Longest stretch of tokens that has an embedding of its own, beside the token; 1 is none."
    ] = 2
    tie_weights: Annotated[bool, "Use the embeddings for the output layer too."] = True

    _task: ClassVar[str] = "generate"
    _without: ClassVar[tuple[str, ...]] = (*_OF_TRAINING, *_OF_FAMILIES)
    _params_free_to_change: ClassVar[tuple[str, ...]] = (
        *(name for name in TrainingParams().get_params() if name != "dtype"),
        "n_steps",
    )

    @keep_on_failure
    @with_callbacks
    def fit(self, X: Any, y: Any = None, X_val: Any = None) -> Any:
        """Learn which token follows on those before it.

        Parameters
        ----------
        X : list of str, or sequences of token ids
            Texts are read character by character; one long text is ``[text]``. Ids are `Sequences` with ``n_tokens``, as
            `TextEncoder` gives them, a list of arrays of int, or an array of int of shape ``(n_samples, n_timesteps)``; then
            the vocabulary ends with the largest one.
        y : None
            Ignored.
        X_val : as X, optional
            Texts to score each epoch on; early stopping uses them instead of a held-out part.

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
        self._validate_params()  # type: ignore[attr-defined]
        before = self._go_on() if self.warm_start and self._is_fitted() else None  # type: ignore[attr-defined]
        if before is None:
            self._forget()
        ids = sorted(
            self._read(X, reset=before is None), key=lambda x: x.tobytes()
        )  # the order of texts does not matter
        valid = None if X_val is None else self._encode(read_texts(X_val, "X_val"), "X_val")
        random_state = check_random_state(self.random_state)  # type: ignore[attr-defined]
        if self.early_stopping and valid is None:  # type: ignore[attr-defined]
            ids, valid = _hold_out(ids, self.validation_fraction, random_state)  # type: ignore[attr-defined]
        plan = self._make_plan(ids, valid, Seeds.draw(random_state), self.max_epochs, before)  # type: ignore[attr-defined]
        with EpochTasks(self, X, y, self.max_epochs) as tasks:  # type: ignore[attr-defined]
            plan.on_epoch = tasks.wrap(self._as_if_stopped)
            result = run([plan])[0]
        self._take(result, keep_optimizer=bool(self.warm_start))  # type: ignore[attr-defined]
        return self

    @keep_on_failure
    def partial_fit(self, X: Any, y: Any = None) -> Any:
        """Go on training for one epoch on these texts.

        Parameters
        ----------
        X : as in fit
            Some texts. The first call settles the vocabulary: characters that are not in it are read as one that is unknown.
        y : None
            Ignored.

        Returns
        -------
        self
            The estimator, one epoch further.
        """
        self._validate_params()  # type: ignore[attr-defined]
        before = self._go_on() if self._is_fitted() else None
        ids = self._read(X, reset=before is None)
        if "_partial_seed" not in self.__dict__:
            self._partial_seed = int(check_random_state(self.random_state).randint(2**31 - 1))  # type: ignore[attr-defined]
        self._partial_calls = self.__dict__.get("_partial_calls", 0) + 1
        chance = np.random.RandomState([self._partial_seed, self._partial_calls])
        plan = self._make_plan(ids, None, Seeds.draw(chance), 1, before)
        plan.fixed_rate = True
        self._take(run([plan])[0], keep_optimizer=True)
        return self

    # -- answers -------------------------------------------------------------------------------------------------------

    def generate(
        self,
        prompts: Any = None,
        max_length: int = 200,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        random_state: Any = None,
    ) -> np.ndarray:
        """Write texts, token by token.

        Parameters
        ----------
        prompts : list of str, or sequences of token ids, optional
            How each text begins; it may be empty. By default one text from its beginning. Characters that were not in fit
            are read as one unknown character.
        max_length : int
            Tokens that are added at most. A text ends before where the model says that it does.
        temperature : float
            The logits are divided by it: below 1 texts are more usual, above 1 more daring. 0 always takes the most
            probable token.
        top_k : int, optional
            Choose only among so many most probable tokens.
        top_p : float, optional
            Choose only among the most probable tokens that together have this probability, after ``top_k``.
        random_state : int, RandomState or None
            Decides what is chosen. What becomes of a prompt depends on its place, not on the prompts behind it.

        Returns
        -------
        ndarray of shape (n_prompts,)
            Whole texts, prompts included, as str; after a fit on ids an object array of arrays of int64. The unknown character
            is never chosen.

        Raises
        ------
        ValueError, TypeError
            For prompts that cannot be read and numbers that are out of range.
        """
        self._require_fitted()
        check_numbers(max_length, temperature, top_k, top_p)
        texts = self.vocabulary_ is not None
        given = Texts([""], None) if texts else Texts(None, [np.zeros(0, np.int64)])
        if prompts is not None:
            given = read_texts(prompts, "prompts", may_be_none=True)
            refuse_nul(given.texts or [], "prompts")
        ids = self._encode(given, "prompts")
        if not ids:
            return np.array([], dtype=str if texts else object)
        network, device = self._ready_network()
        with hold_threads(self._threads_for(network, len(ids))), one_blas_thread():
            added = write(
                network,
                ids,
                self.n_tokens_,
                max_length=int(max_length),
                choose=Choice(float(temperature), top_k, top_p, banned=[0] if texts else []),
                seed=0 if temperature == 0 else int(check_random_state(random_state).randint(2**31 - 1)),
                device=device,
            )
        if given.texts is not None:
            vocabulary = self._vocabulary
            return np.array([text + vocabulary.decode(new) for text, new in zip(given.texts, added, strict=True)])
        found = np.empty(len(ids), dtype=object)
        found[:] = [np.concatenate(pair) for pair in zip(ids, added, strict=True)]
        return found

    def score_samples(self, X: Any) -> np.ndarray:
        """Log-likelihood of each text.

        Parameters
        ----------
        X : as in fit
            Texts. A character that was not in fit counts as the unknown one, of which the model expects next to nothing.

        Returns
        -------
        ndarray of shape (n_samples,)
            In nats: the logarithm of the probability that `generate` writes just this text and then ends it, were the unknown
            character chosen as often as it is probable.
        """
        return self._outputs(X)[:, 0]

    def perplexity(self, X: Any) -> float:
        """Among how many tokens the model hesitates, on average.

        Parameters
        ----------
        X : as in fit
            Texts.

        Returns
        -------
        float
            ``exp(-score(X))``: 1 would be a model that knows each token; a uniform guess has the number of tokens.
        """
        return float(np.exp(-self.score(X)))

    def score(self, X: Any, y: Any = None) -> float:
        """Mean log-likelihood of a token, the mark at the end of each text included.

        Parameters
        ----------
        X : as in fit
            Texts.
        y : None
            Ignored.

        Returns
        -------
        float
            In nats; higher is better.
        """
        return _mean_of_tokens(self._outputs(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        tags.input_tags.one_d_array = True
        tags.target_tags.required = False
        return tags

    # -- within --------------------------------------------------------------------------------------------------------

    @property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.vocabulary_, self.n_tokens_)

    def _go_on(self) -> dict[str, Any]:
        self._refuse_other_network()
        return self._snapshot()

    def _read(self, X: Any, *, reset: bool) -> list[np.ndarray]:
        """Ids of what is trained on; with ``reset`` the vocabulary is learnt from it."""
        given = read_texts(X)
        if reset:
            found = Vocabulary.of(given)
            self.vocabulary_, self.n_tokens_ = found.characters, found.n_tokens
        ids = self._encode(given, "X")
        if reset:  # about an eighth of the tokens, a power of two
            n_tokens = sum(map(len, ids))
            self._n_places = int(min(_MOST_PLACES, max(_LEAST_PLACES, 2 ** np.ceil(np.log2(max(1, n_tokens / 8))))))
        return ids

    def _encode(self, given: Texts, name: str) -> list[np.ndarray]:
        return self._vocabulary.encode(given, name, f"this {type(self).__name__}")

    def _outputs(self, X: Any) -> np.ndarray:
        """Log-likelihood and number of tokens of each text, (n_samples, 2)."""
        self._require_fitted()
        data = between_marks(self._encode(read_texts(X), "X"), self.n_tokens_)
        network, device = self._ready_network()
        return outputs(network, data, n_threads=self.n_threads, device=device)  # type: ignore[attr-defined]

    def _make_plan(
        self,
        ids: list[np.ndarray],
        valid: list[np.ndarray] | None,
        seeds: Seeds,
        n_epochs: int,
        before: dict[str, Any] | None,
    ) -> Plan:
        self._fitted_params = self._plain_params()
        data = between_marks(ids, self.n_tokens_)
        n_each = data.lengths - 1.0  # tokens that are learnt
        n_streams = min(self._n_streams(int(n_each.sum())), int(n_each.sum()))
        used = n_streams * stream_length(int(n_each.sum()), n_streams)
        return Plan(
            build=self._build,
            train=Part(data, n_each, n_each * (used / n_each.sum())),
            valid=None if valid is None else _valid(between_marks(valid, self.n_tokens_)),
            loss=_mean_loss,
            score=lambda found, part: _mean_of_tokens(found),
            settings=self,  # type: ignore[arg-type]
            seeds=seeds,
            n_epochs=n_epochs,
            batch_size=n_streams,
            batches=functools.partial(Streams, n_steps=self.n_steps),
            weights=None if before is None else before["weights"],
            optimizer_state=None if before is None else before["optimizer_state"],
            before=[] if before is None else before["history"],
        )

    def _n_streams(self, n_tokens: int) -> int:
        if self.batch_size == "auto":  # type: ignore[attr-defined]
            return min(32, max(2, n_tokens // (self.n_steps * _WINDOWS)))
        return int(self.batch_size)  # type: ignore[attr-defined]

    def _build(self) -> LanguageNetwork:
        """The untrained network of the fitted parameters, whatever ``set_params`` did since."""
        maker: Any = type(self)(**self._fitted_params)
        size = maker.hidden_size if maker.embedding_size == "auto" else maker.embedding_size
        return LanguageNetwork(
            self.n_tokens_ + 1,
            size,
            maker.make_causal_body(size, maker.n_steps),
            dropout=maker.dropout,
            tie_weights=maker.tie_weights,
            n_grams=maker.n_grams,
            n_places=self._n_places,
        )


def _mean_loss(output: torch.Tensor, target: Any) -> torch.Tensor:
    """Of each row, in nats a token; the network has looked the targets up itself."""
    return -output[:, 0] / output[:, 1]


def _mean_of_tokens(found: np.ndarray) -> float:
    return float(found[:, 0].sum() / found[:, 1].sum())


def _valid(data: Sequences) -> Part:
    n_each = data.lengths - 1.0
    return Part(data, n_each, n_each)


def _hold_out(
    ids: list[np.ndarray], fraction: float, random_state: np.random.RandomState
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Some of the texts, with all their copies, or the end of the only one; equal texts stand side by side."""
    first = [i for i, x in enumerate(ids) if i == 0 or not np.array_equal(x, ids[i - 1])]
    n = len(first)
    if n == 1:
        n_held = int(np.ceil(fraction * len(ids[0])))
        if n_held >= len(ids[0]):
            raise ValueError(
                f"early_stopping=True holds out the end of the only text, which has {len(ids[0])} tokens; wanted at least 2. Give "
                "more text, X_val, or early_stopping=False."
            )
        return [x[:-n_held] for x in ids], [ids[0][-n_held:]]
    n_held = min(n - 1, int(np.ceil(fraction * n)))
    held = np.zeros(n, dtype=bool)
    held[random_state.permutation(n)[:n_held]] = True
    out = np.repeat(held, np.diff([*first, len(ids)]))
    return [ids[i] for i in np.flatnonzero(~out)], [ids[i] for i in np.flatnonzero(out)]
