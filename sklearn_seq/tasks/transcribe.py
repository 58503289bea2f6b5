"""Texts from sequences whose steps are not aligned with them: connectionist temporal classification."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import torch
from scipy.special import softmax

from sklearn_seq.layers.linear import Head
from sklearn_seq.layers.steps import StepOutput
from sklearn_seq.layers.transcription import Stacked, TranscriptNetwork
from sklearn_seq.metrics.transcription import character_error_rate, one_column
from sklearn_seq.params import AtLeast, estimator
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.kinds import sort_out
from sklearn_seq.sequences.texts import refuse_nul
from sklearn_seq.sequences.weights import read_weight
from sklearn_seq.tasks.base import TaskMixin
from sklearn_seq.tasks.options import is_number, is_whole
from sklearn_seq.tasks.state import keep_on_failure
from sklearn_seq.tasks.transcribe_decoding import CharacterModel, greedy, prefix_beam, spell
from sklearn_seq.training import Part
from sklearn_seq.training.targets import SequenceTarget

__all__ = ["CTCLoss", "StackedTranscriberMixin", "TranscriberMixin"]


@dataclass(frozen=True)
class CTCLoss:
    """Minus the logarithm of a text's probability, over all ways to spell it, by its length (Graves et al. 2006)."""

    def __call__(self, output: StepOutput, target: SequenceTarget) -> torch.Tensor:
        """(B,)"""
        n_rows, n_steps = output.values.shape[:2]
        log_proba = torch.log_softmax(output.values, dim=-1).transpose(0, 1)  # (T, B, K)
        if output.mask is None:
            steps = torch.full((n_rows,), n_steps, dtype=torch.long)
        else:
            steps = output.mask.sum(dim=1).cpu()
        texts = target.values if target.values.shape[1] else target.values.new_zeros(n_rows, 1)  # all are empty
        repeats = ((texts[:, 1:] == texts[:, :-1]) & (texts[:, 1:] > 0)).sum(dim=1)
        # a text that does not fit is refused before; one that no longer fits, its sequence made faster, is passed over
        fits = (target.lengths + repeats).cpu() <= steps
        lengths = torch.where(fits, target.lengths.cpu(), 0)
        losses = torch.nn.functional.ctc_loss(log_proba, texts, steps, lengths, blank=0, reduction="none")
        losses = losses * fits.to(losses)
        return losses / target.lengths.clamp(min=1).to(losses)


@estimator
class TranscriberMixin(TaskMixin):
    """Transcription: characters and a blank at every step, the CTC loss, greedy or beam decoding, character error rate.

    Attributes
    ----------
    alphabet_ : ndarray of str of shape (n_characters,)
        The characters of texts, sorted; blanks between words are one of them.
    """

    alphabet: Annotated[
        str | None, "All characters that texts may hold; None takes those of y in fit, or in the first partial_fit."
    ] = None
    beam_size: Annotated[
        int, AtLeast(1), "Texts that are kept while decoding; 1 takes the likeliest character of each step (greedy)."
    ] = 1
    lm_order: Annotated[
        int | None,
        AtLeast(1),
        "Characters of the longest n-grams of a language model that helps to decode, where beam_size is above 1; None has no such "
        "model.",
    ] = None
    lm_texts: Annotated[
        list | tuple | None, "Texts that the language model learns from; None takes y of the rows trained on."
    ] = None
    lm_weight: Annotated[float, AtLeast(0), "Of the language model's logarithm beside that of the network."] = 0.5
    lm_bonus: Annotated[
        float,
        "Added to a text's logarithm for each of its characters, since a language model favours short texts. Counts where beam_size is "
        "above 1, also with lm_weight=0 or without a language model.",
    ] = 0.0

    _task: ClassVar[str] = "transcribe"
    _without: ClassVar[tuple[str, ...]] = ("pooling",)
    _refused_augmentations: ClassVar[tuple[str, ...]] = ("crop", "mixup", "reverse_complement")
    _params_free_to_change: ClassVar[tuple[str, ...]] = (
        *TaskMixin._params_free_to_change,
        "beam_size",
        "lm_weight",
        "lm_bonus",
    )
    if TYPE_CHECKING:
        alphabet_: np.ndarray

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        groups: Any = None,
    ) -> Any:
        """Train a network, and learn the language model if there is to be one.

        Parameters
        ----------
        X : array-like, list of arrays, frame or Sequences
            ``(n_samples, n_timesteps)``, ``(n_samples, n_timesteps, n_features)``, or ``n_samples`` arrays of shape
            ``(n_timesteps_i, n_features)``.
        y : array-like of str of shape (n_samples,)
            The text of each sequence; may be empty. The network needs as many steps as a text has characters, and one
            more for each character that follows itself.
        sample_weight : array-like of shape (n_samples,), optional
            A weight of 3 equals three copies of the sample, to the bit.
        X_val, y_val : as X and y, optional
            A validation part to score each epoch on; early stopping uses it instead of a held-out part.
        groups : array-like of shape (n_samples,), optional
            Groups (speakers, recordings) that early stopping must not tear apart.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            For data that cannot be read, and for texts that are too long for their sequences, with what was given, what
            was wanted and what to do. An estimator that was fitted before stays as it was.
        """
        return super().fit(X, y, sample_weight=sample_weight, X_val=X_val, y_val=y_val, groups=groups)

    @keep_on_failure
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Go on training for one epoch on these rows.

        Parameters
        ----------
        X : as in fit
            Some rows.
        y : array-like of str of shape (n_samples,)
            Their texts. Their characters are those of ``alphabet``, or else of the first call, which the language model
            learns from too.
        sample_weight : array-like of shape (n_samples,), optional
            Their weights.

        Returns
        -------
        self
            The estimator, one epoch further.
        """
        self._validate_params()  # type: ignore[attr-defined]
        if not self._is_fitted():
            self._forget()
        return self._fit_one_epoch(X, y, sample_weight)

    def predict(self, X: Any, *, beam_size: int | None = None, lm_weight: float | None = None) -> np.ndarray:
        """The text of each sequence.

        Parameters
        ----------
        X : as in fit
            The sequences.
        beam_size : int, optional
            Another one than in `fit`.
        lm_weight : float, optional
            Another one than in `fit`; 0 leaves the language model out, but not ``lm_bonus``. Only with a ``beam_size`` above 1.

        Returns
        -------
        ndarray of str of shape (n_samples,)
            A text may be empty.
        """
        found, fitted = self._outputs(X), self._fitted_params
        size = fitted["beam_size"] if beam_size is None else beam_size
        weight = fitted["lm_weight"] if lm_weight is None else lm_weight
        if not is_whole(size, 1) or not is_number(weight, 0):
            raise ValueError(
                f"beam_size={size!r} and lm_weight={weight!r}; wanted a whole number, 1 or more, and a finite number, 0 or more"
            )
        if lm_weight and (size == 1 or "_language_counts" not in self.__dict__):
            reason = (
                "beam_size=1 asks no language model"
                if size == 1
                else "fit had lm_order=None, and so learnt no language model"
            )
            wanted = "a beam_size above 1" if size == 1 else "lm_order in fit"
            raise ValueError(f"lm_weight={lm_weight!r}, but {reason}; wanted {wanted} with it")
        if size == 1:
            return spell([greedy(scores) for scores in found], self.alphabet_)
        model = None
        if "_language_counts" in self.__dict__ and weight > 0:
            model = CharacterModel(fitted["lm_order"], len(self.alphabet_), self._language_counts)
        bonus = float(fitted["lm_bonus"])
        texts = [prefix_beam(softmax(scores, axis=1), size, model, weight, bonus) for scores in found]
        return spell(texts, self.alphabet_)

    def frame_proba(self, X: Any) -> np.ndarray:
        """Probability of each character at each step of the network.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        ndarray of shape (n_samples, n_steps, 1 + n_characters), or ndarray of object of shape (n_samples,)
            The latter for sequences of unequal length, each entry of shape (n_steps_i, 1 + n_characters). The blank, which
            says nothing, comes first, then the characters of ``alphabet_``. Where the network has a stride there are fewer
            steps than X has, the number divided by it and rounded up.
        """
        found: Any = self._outputs(X)
        proba = softmax(found.values[found.rows()], axis=1)
        if sort_out(X, text="encoder_" in self.__dict__).kind in ("2-D", "3-D"):
            return proba.reshape(len(found), -1, proba.shape[1])
        parts = np.split(proba, np.cumsum(found.lengths)[:-1])
        cells = np.empty(len(parts), dtype=object)
        for i, part in enumerate(parts):
            cells[i] = part
        return cells

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """One less the character error rate of ``predict``; below 0 where more is inserted than there is.

        Parameters
        ----------
        X : as in fit
            The sequences.
        y : array-like of str of shape (n_samples,)
            Their texts. Characters that ``fit`` has not seen are errors.
        sample_weight : array-like of shape (n_samples,), optional
            Their weights.

        Returns
        -------
        float
        """
        said = self.predict(X)
        texts = _read_texts(y)
        if len(texts) != len(said):
            raise ValueError(f"X has {len(said)} sequences and y has {len(texts)} texts; wanted one for each")
        weight = None if sample_weight is None else read_weight(sample_weight, len(texts))
        return 1.0 - character_error_rate(texts, said, sample_weight=weight)

    # -- the task ------------------------------------------------------------------------------------------------------

    def _read_target(self, y: Any, *, reset: bool, used: np.ndarray | None = None) -> Sequences:
        texts = _read_texts(y)
        if reset:
            self.__dict__.pop("_language_counts", None)
            rows = range(len(texts)) if used is None else used.tolist()
            seen = {character for i in rows for character in texts[i]} if self.alphabet is None else set(self.alphabet)
            if not seen:
                raise ValueError(
                    "no text in y has a character; wanted one at least. Give texts, or name the characters with alphabet='...'."
                )
            refuse_nul(seen, "y" if self.alphabet is None else "alphabet")
            self.alphabet_ = np.array(sorted(seen))
        codes = {character: code for code, character in enumerate(self.alphabet_.tolist(), start=1)}
        counted = set(range(len(texts)) if used is None else used.tolist())
        for i, text in enumerate(texts):
            unknown = sorted(set(text) - codes.keys())
            if unknown and i in counted:
                raise ValueError(
                    f"y[{i}] is {text!r:.60}, and {unknown[0]!r} is not among the {len(codes)} characters "
                    f"{''.join(codes)!r:.80}. Name all characters that may come with alphabet='...', or fit afresh."
                )
        return Sequences.from_list(
            [np.array([codes.get(character, 0) for character in text], dtype=np.int64) for text in texts]
        )

    def _match(
        self, data: Sequences, target: Any, names: tuple[str, str] = ("X", "y"), rows: np.ndarray | None = None
    ) -> None:
        each = self._steps_per_token(data)
        steps = -(-data.lengths // each)
        values, lengths = target.values[target.rows(), 0], target.lengths
        of = np.repeat(np.arange(len(target)), lengths)
        twice = (values[1:] == values[:-1]) & (of[1:] == of[:-1])
        wanted = lengths + np.bincount(of[1:][twice], minlength=len(target))
        bad = np.flatnonzero(wanted > steps)
        if len(bad):
            i = bad[0]
            row = i if rows is None else rows[i]
            repeats = int(wanted[i] - lengths[i])
            read = f", which the network reads as {steps[i]}, {each} to one" if each > 1 else ""
            name = next((name for name in ("stack", "stride", "patch_stride") if hasattr(self, name)), "stride")
            hint = f"Give the network more steps with a lower {name}, " if each > 1 else "Give longer sequences, "
            raise ValueError(
                f"{names[1]}[{row}] has {lengths[i]} characters, {repeats} of them behind themselves, and {names[0]}[{row}] has "
                f"{data.lengths[i]} timesteps{read}; wanted at least {wanted[i]} steps: one for each character, and one between two "
                f"that are equal. {hint}or leave out such rows ({len(bad)} of {len(target)})."
            )

    def _steps_per_token(self, data: Sequences) -> int:
        """Steps of the input for one of the network."""
        maker: Any = type(self)(**self._plain_params())
        # a fit may begin with a body that was trained before on longer sequences
        start = None if self._is_fitted() else self._body_to_begin_with()
        known = self.__dict__.get("_longest") or int(data.lengths.max())
        maker._longest = known if start is None else start.longest
        with torch.device("meta"):
            return int(getattr(maker.make_body(self._n_channels), "steps_per_token", 1))

    def _settle_target(self, target: Sequences, weight: np.ndarray) -> None:
        if self.lm_order is None:
            return
        if self.lm_texts is None:
            texts = ["".join(map(chr, codes[:, 0].tolist())) for codes in target]
            weights = weight.tolist()
        else:
            codes = {character: chr(code) for code, character in enumerate(self.alphabet_.tolist(), start=1)}
            texts = ["".join(codes.get(c, "") for c in text) for text in _read_texts(self.lm_texts, "lm_texts")]
            weights = [1.0] * len(texts)
        model = CharacterModel(int(self.lm_order), len(self.alphabet_)).learn(texts, weights)
        self._language_counts = model.counts

    def _n_outputs(self) -> int:
        return 1 + len(self.alphabet_)

    def _make_network(self, maker: Any, scaling: Any, body: Any) -> TranscriptNetwork:
        head = Head(body.out_features, self._n_outputs())
        return TranscriptNetwork(scaling, body, head, dropout=getattr(maker, "dropout", 0.0))

    def _make_loss(self) -> CTCLoss:
        return CTCLoss()

    def _make_score(self) -> Callable[[Any, Part], float]:
        return _greedy_score

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.target_tags.required = True
        return tags


def _greedy_score(found: Sequences, part: Part) -> float:
    """One less the character error rate, decoded greedily; NaN where no text has a character."""
    texts = ["".join(map(chr, codes[:, 0].tolist())) for codes in part.target]
    if not any(texts):
        return np.nan
    said = [greedy(scores) for scores in found]
    return 1.0 - character_error_rate(texts, said, sample_weight=part.weight)


def _read_texts(y: Any, name: str = "y") -> list[str]:
    """Texts, one a sample."""
    if isinstance(y, str | bytes):
        raise TypeError(
            f"{name} is {y!r:.60}; wanted a list or 1-D array of texts, one for each sequence. One is [text]."
        )
    texts = list(one_column(y, name))
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(
                f"{name}[{i}] is {text!r:.60}, of type {type(text).__name__}; wanted a text (str). Write numbers out, or use "
                "a classifier or regressor for one answer a sequence."
            )
    return texts


@estimator
class StackedTranscriberMixin(TranscriberMixin):
    """For families that have as many steps as their input: several steps are read as one first."""

    stack: Annotated[
        int,
        AtLeast(1),
        "Steps of the input that are read as one, side by side: a third of the steps is a third of the time.",
    ] = 1

    def make_body(self, n_features: int) -> Any:
        """The family's body, behind the stacking."""
        body = super().make_body(n_features * self.stack)  # type: ignore[misc]
        return body if self.stack == 1 else Stacked(body, self.stack)
