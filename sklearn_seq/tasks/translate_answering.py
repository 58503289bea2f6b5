"""What a fitted translator answers: translations, how probable they are, and where the network looked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sklearn_seq.metrics.transcription import character_error_rate, edit_distance
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.weights import read_weight
from sklearn_seq.tasks.generate_reading import read_texts
from sklearn_seq.tasks.options import is_number, is_whole
from sklearn_seq.tasks.translate_loss import TranslationLoss
from sklearn_seq.tasks.translate_search import beam_search
from sklearn_seq.tasks.translate_vocabulary import Side
from sklearn_seq.training import Part
from sklearn_seq.training.batches import Gather
from sklearn_seq.training.targets import TargetGather, forced_losses, to_device
from sklearn_seq.training.threads import hold_threads

__all__ = ["AnsweringMixin"]

_BEGINNINGS = 256  # of answers that are searched at a time
_ROWS = 32  # whose attention is computed at a time


class AnsweringMixin:
    """Translations by beam search, log-likelihoods, error rates and attention."""

    if TYPE_CHECKING:
        _fitted_params: dict[str, Any]
        _length_limit: tuple[float, float]

        def _require_fitted(self) -> None: ...

        def _ready_network(self) -> tuple[Any, torch.device]: ...

        def _threads_for(self, module: Any, n_rows: int) -> int: ...

        def _pass_gate(self, X: Any) -> Sequences: ...

        def _read_target(self, y: Any) -> Sequences: ...

        @property
        def _target(self) -> Side: ...

    def predict(self, X: Any, *, beam_size: int | None = None, length_penalty: float | None = None) -> np.ndarray:
        """What each becomes, by beam search.

        Parameters
        ----------
        X : as in fit
            Texts or ids. Characters, words and pieces that were not in fit are read as one unknown token.
        beam_size : int, optional
            Another one than in `fit`.
        length_penalty : float, optional
            Another one than in `fit`.

        Returns
        -------
        ndarray of str of shape (n_samples,), or ndarray of object of shape (n_samples,)
            The latter where y of `fit` were ids, each entry an array of int64. An answer may be empty; the unknown token is
            never written.
        """
        self._require_fitted()
        fitted = self._fitted_params
        size = fitted["beam_size"] if beam_size is None else beam_size
        penalty = fitted["length_penalty"] if length_penalty is None else length_penalty
        if not is_whole(size, 1):
            raise ValueError(f"beam_size={size!r}; wanted a whole number, 1 or more")
        if not is_number(penalty, 0):
            raise ValueError(f"length_penalty={penalty!r}; wanted a finite number, 0 or more")
        size = int(size)
        data, target = self._pass_gate(X), self._target
        limits = self._limits(data.lengths)
        module, device = self._ready_network()
        gather, n_rows = Gather(data), max(1, _BEGINNINGS // size)
        answers: list[Any] = [None] * len(data)
        order = np.argsort(data.lengths, kind="stable")
        with hold_threads(self._threads_for(module, min(len(data), n_rows) * size)), torch.inference_mode():
            for first in range(0, len(order), n_rows):
                rows = order[first : first + n_rows]
                found, _ = beam_search(
                    module,
                    *_on(device, *gather(rows)),
                    limits[rows],
                    mark=target.mark,
                    beam_size=size,
                    length_penalty=float(penalty),
                    banned=target.banned,
                )
                for row, answer in zip(rows.tolist(), found, strict=True):
                    answers[row] = answer
        return target.decode(answers)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """One less the error rate of ``predict``: edits of all answers by the characters, or ids, of all true ones.

        BLEU and chrF are `sklearn_seq.metrics.bleu_score` and `chrf_score`; both need the extra ``text``.

        Parameters
        ----------
        X : as in fit
            Texts or ids.
        y : as in fit
            Their true answers. What `fit` has not seen are errors.
        sample_weight : array-like of shape (n_samples,), optional
            Their weights.

        Returns
        -------
        float
            1 where all are right; below 0 where more is inserted than there is.
        """
        said, given = self.predict(X), read_texts(y, "y")
        if len(given) != len(said):
            raise ValueError(f"X has {len(said)} samples and y has {len(given)}; wanted one answer for each of X")
        weight = None if sample_weight is None else read_weight(sample_weight, len(given))
        if (given.texts is None) != (said.dtype == object):
            kinds = ("ids", "texts") if said.dtype == object else ("texts", "ids")
            raise ValueError(f"predict gives {kinds[0]} and y holds {kinds[1]}; wanted {kinds[0]}, as in fit")
        if given.texts is not None:
            return 1.0 - character_error_rate(given.texts, said, sample_weight=weight)
        weight = np.ones(len(said)) if weight is None else weight
        edits = np.array([edit_distance(a, b) for a, b in zip(given.ids or [], said, strict=True)])
        sizes = np.array([len(x) for x in given.ids or []])
        return 1.0 - float(weight @ edits / (weight @ sizes or 1.0))

    def score_samples(self, X: Any, y: Any = None) -> np.ndarray:
        """Log-likelihood of each answer, its end included, given what it answers.

        Parameters
        ----------
        X : as in fit
            Texts or ids.
        y : as in fit, optional
            Answers; by default those of `predict`. A token that was not in fit counts as the unknown one, of which the model
            expects next to nothing.

        Returns
        -------
        ndarray of shape (n_samples,)
            In nats.
        """
        self._require_fitted()
        data, target = self._pair(X, self.predict(X) if y is None else y)
        module, _ = self._ready_network()
        with hold_threads(self._threads_for(module, len(data))):
            return -forced_losses(module, Part(data, target, np.ones(len(data))), TranslationLoss(), forced=True)

    def attention_weights(self, X: Any, y: Any = None) -> list[np.ndarray]:
        """Where the network looked while it wrote each token.

        Parameters
        ----------
        X : as in fit
            Texts or ids.
        y : as in fit, optional
            Answers; by default those of `predict`.

        Returns
        -------
        list of ndarray of shape (n_written, n_read)
            One a sample. A row for each token of the answer and one for its end, each of which sums to one; a column for each
            token of X and one for its end, where the encoder has a step for each. Of several heads and blocks, the mean over
            the heads of the last block.
        """
        self._require_fitted()
        data, target = self._pair(X, self.predict(X) if y is None else y)
        module, device = self._ready_network()
        gather, wanted, found = Gather(data), TargetGather(target, torch.float32), []
        with hold_threads(self._threads_for(module, _ROWS)), torch.inference_mode():
            for first in range(0, len(data), _ROWS):
                rows = np.arange(first, min(first + _ROWS, len(data)))
                answers = to_device(wanted(rows), device)
                x, mask = _on(device, *gather(rows))
                shares = module.attention(x, mask, answers).cpu().numpy()
                stride = getattr(module.body, "steps_per_token", 1)
                n_read = -(-data.lengths[rows] // stride)
                sizes = zip(target.lengths[rows].tolist(), n_read.tolist(), strict=True)
                found += [one[:n, :m].copy() for one, (n, m) in zip(shares, sizes, strict=True)]
        return found

    # -- within --------------------------------------------------------------------------------------------------------

    def _pair(self, X: Any, y: Any) -> tuple[Sequences, Sequences]:
        data, target = self._pass_gate(X), self._read_target(y)
        if len(data) != len(target):
            raise ValueError(f"X has {len(data)} samples and y has {len(target)}; wanted one answer for each of X")
        return data, target

    def _limits(self, lengths: np.ndarray) -> np.ndarray:
        """Tokens of the longest answer to each source; of both, the mark is counted in what fit learnt."""
        longest = self._fitted_params["max_length"]
        if longest != "auto":
            return np.full(len(lengths), min(int(longest), 2**62))  # also where no end was meant
        slope, intercept = self._length_limit
        return np.ceil(slope * lengths + intercept).astype(np.int64)


def _on(device: torch.device, x: np.ndarray, mask: np.ndarray | None) -> tuple[torch.Tensor, torch.Tensor | None]:
    """A batch where the network is."""
    return torch.from_numpy(x).to(device), None if mask is None else torch.from_numpy(mask).to(device)
