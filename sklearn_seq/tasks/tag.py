"""One label a step."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from scipy.special import softmax
from sklearn.utils.multiclass import _check_partial_fit_first_call

from sklearn_seq.layers.crf import ChainHead, best_path, chain_losses, marginals
from sklearn_seq.layers.linear import Head
from sklearn_seq.layers.steps import StepNetwork, StepOutput
from sklearn_seq.params import Between, estimator
from sklearn_seq.preprocessing.words import WordPartsEncoder
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.kinds import host, sort_out
from sklearn_seq.sequences.labels import StepLabels, read_step_labels, refuse_unknown
from sklearn_seq.sequences.texts import texts_of
from sklearn_seq.sequences.weights import read_weight
from sklearn_seq.tasks.base import TaskMixin
from sklearn_seq.tasks.state import keep_on_failure
from sklearn_seq.training import Part, Plan, Seeds, outputs
from sklearn_seq.training.targets import SequenceTarget, TargetGather, forced_losses

__all__ = ["StepLoss", "TaggerMixin"]

_ROWS = 64  # sequences whose labels are decoded at a time
_NONE, _NO_STEP = -1, -2  # in the place of a label's number: there is none; there is no step, since a text is empty


@dataclass(frozen=True)
class StepLoss:
    """Of a row, summed over its labelled steps: cross-entropy of each, or of all at once for a chain.

    Attributes
    ----------
    weights : tuple of float
        Of a step by its label.
    label_smoothing : float
    """

    weights: tuple[float, ...]
    label_smoothing: float = 0.0

    def __call__(self, output: StepOutput, target: SequenceTarget) -> torch.Tensor:
        """(B,)"""
        values = output.values
        if output.chain is not None:
            labels = target.values.masked_fill(~target.mask, 0)
            return chain_losses(values, output.chain, labels, output.mask) * self.weights[0]
        labels = target.values.masked_fill(~target.mask, -1)  # (B, T)
        each = torch.nn.functional.cross_entropy(
            values.flatten(0, 1),
            labels.flatten(),
            ignore_index=-1,
            reduction="none",
            label_smoothing=self.label_smoothing,
        )
        weight = values.new_tensor(self.weights)[labels.clamp(min=0)]
        return (each.view_as(labels) * weight).sum(dim=1)


@dataclass(frozen=True)
class _Evaluation:
    """Losses and step accuracy of a validation part, decoded along the chain. A plan's ``evaluate``."""

    loss: StepLoss
    n_threads: Any

    def __call__(self, module: Any, part: Part) -> tuple[np.ndarray, float]:
        losses = forced_losses(module, part, self.loss, forced=False)
        device = next(module.parameters()).device
        found = outputs(module, part.data, n_threads=self.n_threads, device=device)
        return losses, _accuracy(_labels_of(found, _chain_of(module)), part)


def _chain_of(module: Any) -> torch.Tensor | None:
    chain = getattr(module.head, "chain", None)
    return None if chain is None else chain.detach().double().cpu()


def _decoded(found: Sequences, chain: torch.Tensor, decode: Callable[..., torch.Tensor], out: np.ndarray) -> np.ndarray:
    """What ``decode`` says of the outputs of all steps, one sequence behind the other, written to ``out``."""
    gather = TargetGather(found, torch.float64)
    gather.values = gather.values.view(len(gather.values), -1)
    stops = np.cumsum(found.lengths)
    order = np.argsort(found.lengths, kind="stable")
    with torch.inference_mode():
        for i in range(0, len(order), _ROWS):
            rows = order[i : i + _ROWS]
            emissions, lengths, mask = gather(rows)
            said = decode(emissions, chain, mask).numpy()
            for one, row, length in zip(said, rows.tolist(), lengths.tolist(), strict=True):
                out[stops[row] - length : stops[row]] = one[:length]
    return out


def _labels_of(found: Sequences, chain: torch.Tensor | None) -> np.ndarray:
    """Numbers of labels of all steps, (N,), one sequence behind the other."""
    if chain is None:
        return found.values[found.rows()].argmax(axis=1)
    return _decoded(found, chain, best_path, np.empty(int(found.lengths.sum()), dtype=np.int64))


def _accuracy(said: np.ndarray, part: Part) -> float:
    """Share of labelled steps that are right, weighted by rows; NaN where none is labelled."""
    target: Any = part.target
    labels = target.values[target.rows(), 0]
    weight = np.repeat(part.weight, target.lengths) * (labels >= 0)
    return float(np.average(said == labels, weights=weight)) if weight.any() else np.nan


@estimator
class TaggerMixin(TaskMixin):
    """Tagging: logits at every step, cross-entropy or a conditional random field, accuracy over steps.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    """

    decoder: Annotated[
        Literal["softmax", "crf"],
        "How labels are chosen: each step for itself; or all of a sequence together, by a linear-chain conditional random field "
        "that scores labels which follow each other too.",
    ] = "softmax"
    ignore_label: Annotated[
        str | int | None, "Label that says that a step has none, such as -1; None and NaN say so always."
    ] = None
    class_weight: Annotated[
        dict | Literal["balanced"] | None,
        'Weight of the steps of each label; "balanced" gives every label the same total. For decoder="softmax".',
    ] = None
    label_smoothing: Annotated[
        float,
        Between(0, 1, "left"),
        'Share of the target spread over all labels (Szegedy et al. 2016). For decoder="softmax".',
    ] = 0.0

    _task: ClassVar[str] = "tag"
    _without: ClassVar[tuple[str, ...]] = ("pooling",)
    _refused_augmentations: ClassVar[tuple[str, ...]] = (
        "warp",
        "tempo",
        "crop",
        "affine",
        "mixup",
        "reverse_complement",
    )
    _params_free_to_change: ClassVar[tuple[str, ...]] = (*TaskMixin._params_free_to_change, "label_smoothing")

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        groups: Any = None,
    ) -> Any:
        """Train a network.

        Parameters
        ----------
        X : array-like, list of arrays, frame or Sequences
            ``(n_samples, n_timesteps)``, ``(n_samples, n_timesteps, n_features)``, or ``n_samples`` arrays of shape
            ``(n_timesteps_i, n_features)``.
        y : array of shape (n_samples, n_timesteps), or list of arrays, lists or texts
            One label for each step of each sequence. In a text each character is the label of a step. None, NaN and
            ``ignore_label`` leave a step without one: it counts neither in training nor in ``score``.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the sequences; a weight of 3 equals three copies, to the bit.
        X_val, y_val : as X and y, optional
            A validation part to score each epoch on; early stopping uses it instead of a held-out part.
        groups : array-like of shape (n_samples,), optional
            Groups (documents, patients) that early stopping must not tear apart.

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
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Any:
        """Go on training for one epoch on these rows.

        Parameters
        ----------
        X : as in fit
            Some rows.
        y : as in fit
            Their labels.
        classes : array-like of shape (n_classes,), optional
            All labels that will ever come; needed in the first call.
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
            _check_partial_fit_first_call(self, classes)
            self._given_classes = self.classes_
        elif classes is not None:
            _check_partial_fit_first_call(self, classes)
        try:
            return self._fit_one_epoch(X, y, sample_weight)
        finally:
            self.__dict__.pop("_given_classes", None)

    def predict(self, X: Any) -> np.ndarray:
        """A label for each step.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps), or ndarray of object of shape (n_samples,)
            The latter for sequences of unequal length, each entry an array of shape (n_timesteps_i,); texts where y of
            ``fit`` were texts.
        """
        found: Any = self._outputs(X)  # Sequences
        labels, lengths = self._of_steps(X, found, self.classes_[_labels_of(found, _chain_of(self.module_))])
        if self._label_text:
            return _cells("".join(part.tolist()) for part in _parts(labels, lengths))
        return self._as_given(labels, lengths, X)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each label at each step; with a conditional random field, given the whole sequence.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps, n_classes), or ndarray of object of shape (n_samples,)
            The latter for sequences of unequal length, each entry of shape (n_timesteps_i, n_classes). Labels in the order of
            ``classes_``.

        Notes
        -----
        `sklearn.model_selection.cross_val_predict` numbers y before it asks for probabilities, each column by itself, which labels
        of steps do not survive; ``method="predict"`` is safe. The guide to tagging has the way by ``cross_validate``.
        """
        found: Any = self._outputs(X)  # Sequences
        chain = _chain_of(self.module_)
        if chain is None:
            proba = softmax(found.values[found.rows()], axis=1)
        else:
            proba = _decoded(found, chain, marginals, np.empty((int(found.lengths.sum()), len(self.classes_))))
        return self._as_given(*self._of_steps(X, found, proba), X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of the labelled steps whose label is right.

        Parameters
        ----------
        X : as in fit
            The sequences.
        y : as in fit
            Their labels; steps without one do not count.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the sequences, and so of each of their steps.

        Returns
        -------
        float
        """
        found: Any = self._outputs(X)  # Sequences
        labels = self._read_labels(y)
        said, lengths = self._of_steps(X, found, self.classes_[_labels_of(found, _chain_of(self.module_))])
        self._compare_lengths(lengths, labels.lengths, ("X", "y"), None)
        weight = np.repeat(read_weight(sample_weight, len(labels)), labels.lengths) * labels.there
        if not weight.any():
            raise ValueError("no step in y has a label that counts; wanted one at least")
        same = np.zeros(len(said), dtype=bool)
        if (said.dtype.kind in "US") == (labels.values.dtype.kind in "US"):  # else numpy compares texts with numbers
            same = said == labels.values
        return float(np.average(same, weights=weight))

    # -- the task ------------------------------------------------------------------------------------------------------

    def _read_labels(self, y: Any) -> StepLabels:
        y = host(y)
        if getattr(y, "ndim", 0) == 1 and y.dtype.kind in "biuf" and len(y):
            raise ValueError(
                f"y[0] is {next(iter(y))}, one number for a whole sequence; wanted one label a step. One label a sequence is what "
                f"{type(self).__name__.replace('Tagger', 'Classifier')} learns; cross_val_predict(method='predict_proba') numbers y as "
                "if it were so: use cross_validate(return_estimator=True, return_indices=True), and predict_proba of each fold."
            )
        return read_step_labels(y, self.ignore_label)

    def _of_steps(self, X: Any, found: Sequences, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What is said of all steps, without the steps that empty texts are read as; and how many each sequence has."""
        if "encoder_" not in self.__dict__:
            return values, found.lengths
        texts: Any = texts_of(X, known=True)
        if isinstance(self.encoder_, WordPartsEncoder):  # of white space no word is left
            texts = [text.split() if isinstance(text, str) else text for text in texts]
        lengths = np.where([len(text) == 0 for text in texts], 0, found.lengths)
        return values[np.repeat(lengths > 0, found.lengths)], lengths

    def _as_given(self, values: np.ndarray, lengths: np.ndarray, X: Any) -> np.ndarray:
        """Rectangular for rectangular X, else cells."""
        if sort_out(X, text="encoder_" in self.__dict__).kind in ("2-D", "3-D"):
            return values.reshape(len(lengths), -1, *values.shape[1:])
        return _cells(_parts(values, lengths))

    def _read_target(self, y: Any, *, reset: bool, used: np.ndarray | None = None) -> Sequences:
        labels = self._read_labels(y)
        added = np.zeros(len(labels.values), dtype=bool)
        if "encoder_" in self.__dict__:
            labels, added = labels.with_a_step_each()
        counts = labels.there
        if used is not None:  # rows of weight zero are not looked at
            of_used = np.zeros(len(labels), dtype=bool)
            of_used[used] = True
            counts = counts & np.repeat(of_used, labels.lengths)
        if reset:
            self._label_text = labels.text
            if "_given_classes" not in self.__dict__:
                self.classes_ = np.unique(labels.values[counts])
            if not counts.any():
                raise ValueError("no step in y has a label; wanted one at least")
        known = self.classes_
        if counts.any() and (known.dtype.kind in "US") != (labels.values.dtype.kind in "US"):
            raise TypeError(
                f"y holds labels of dtype {labels.values.dtype}; wanted some of the classes {known.tolist()[:10]}"
            )
        codes = (
            np.minimum(np.searchsorted(known, labels.values), len(known) - 1) if counts.any() else counts.astype(int)
        )
        refuse_unknown(labels.values, known, counts & (known[codes] != labels.values), "label")
        return labels.to_sequences(np.where(counts, codes, np.where(added, _NO_STEP, _NONE)).astype(np.int64))

    def _read_validation(self, X_val: Any, y_val: Any) -> Part | None:
        part: Any = super()._read_validation(X_val, y_val)  # its target is Sequences
        if part is not None and not len(_labelled(part.target)):
            raise ValueError("no step in y_val has a label; wanted one at least, by which epochs are judged")
        return part

    def _judged(self, target: Sequences) -> np.ndarray | None:
        rows = _labelled(target)
        return None if len(rows) == len(target) else rows

    def _encode(self, target: Sequences) -> Sequences:
        return target.map_values(np.maximum(target.values, _NONE))

    def _match(
        self, data: Sequences, target: Any, names: tuple[str, str] = ("X", "y"), rows: np.ndarray | None = None
    ) -> None:
        n_labels = target.lengths
        if "encoder_" in self.__dict__:  # no label is right for an empty text alone, which is one unknown token
            unknown = (data.lengths == 1) & (data.values[data.starts] == 0).all(axis=1)
            n_labels = np.where((target.values[target.starts, 0] == _NO_STEP) & ~unknown, 0, n_labels)
        self._compare_lengths(data.lengths, n_labels, names, rows)

    def _compare_lengths(
        self, steps: np.ndarray, n_labels: np.ndarray, names: tuple[str, str], rows: np.ndarray | None
    ) -> None:
        X, y = names
        if len(steps) != len(n_labels):
            raise ValueError(
                f"{X} has {len(steps)} sequences and {y} has labels of {len(n_labels)}; wanted labels of each"
            )
        wrong = np.flatnonzero(steps != n_labels)
        if len(wrong):
            i = wrong[0]
            row = i if rows is None else rows[i]
            hint = ""
            if len(set(n_labels.tolist())) == 1 and n_labels[0] == 1:
                hint = f" One label a sequence is what {type(self).__name__.replace('Tagger', 'Classifier')} learns."
            raise ValueError(
                f"{y}[{row}] has {n_labels[i]} labels and {X}[{row}] has {steps[i]} timesteps; wanted one label a step.{hint}"
            )

    def _settle_target(self, target: Sequences, weight: np.ndarray) -> None:
        total = self._totals(target, weight).sum()
        if not total:
            raise ValueError("no step of the rows that are trained on has a label; wanted one at least")
        # so that a row's loss is 1 on average for a loss of 1 at each step
        self._step_weight = float(weight.sum() / total)

    def _make_plan(
        self, train: Part, valid: Part | None, seeds: Seeds, n_epochs: int, before: dict[str, Any] | None
    ) -> Plan:
        # also where a fit goes on: class_weight may be another one then
        self._label_weights = self._class_weights(self._totals(train.target, train.weight)) * self._step_weight
        return super()._make_plan(train, valid, seeds, n_epochs, before)

    def _totals(self, target: Any, weight: np.ndarray) -> np.ndarray:
        """How much the steps of each label weigh together."""
        labels = target.values[target.rows(), 0]
        every = np.repeat(weight, target.lengths)
        return np.bincount(labels[labels >= 0], weights=every[labels >= 0], minlength=len(self.classes_))

    def _class_weights(self, totals: np.ndarray) -> np.ndarray:
        """Of the labels, whose steps weigh so much."""
        labels, given = self.classes_.tolist(), self.class_weight
        if self.decoder == "crf" and (given is not None or self.label_smoothing):
            name = "class_weight" if given is not None else "label_smoothing"
            raise ValueError(
                f'{name} was given with decoder="crf", which scores whole sequences of labels; wanted decoder="softmax" with it'
            )
        if given is None:
            return np.ones(len(labels))
        if given == "balanced":
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.where(totals > 0, totals.sum() / (np.count_nonzero(totals) * totals), 1.0)
        unknown = [label for label in given if label not in labels]
        if unknown:
            raise ValueError(f"class_weight names {unknown}, but the labels in y are {labels}")
        weights = np.array([float(w) if isinstance(w := given.get(x, 1.0), Real) else np.nan for x in labels])
        if (weights < 0).any() or not np.isfinite(weights).all():
            raise ValueError(
                f"class_weight={given} has a weight below 0, or that is no finite number; wanted 0 or more"
            )
        return weights

    def _new_encoder(self, level: str) -> Any:
        return WordPartsEncoder() if level == "word" else super()._new_encoder(level)

    def _n_outputs(self) -> int:
        return len(self.classes_)

    def _make_network(self, maker: Any, scaling: Any, body: Any) -> StepNetwork:
        kind = ChainHead if maker.decoder == "crf" else Head
        head = kind(body.out_features, self._n_outputs())
        return StepNetwork(scaling, body, head, dropout=getattr(maker, "dropout", 0.0))

    def _make_loss(self) -> StepLoss:
        return StepLoss(tuple(self._label_weights.tolist()), self.label_smoothing)

    def _make_score(self) -> Callable[[Any, Part], float]:
        return lambda found, part: _accuracy(_labels_of(found, None), part)

    def _plan_options(self) -> dict[str, Any]:
        return {"evaluate": _Evaluation(self._make_loss(), self.n_threads)} if self.decoder == "crf" else {}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.target_tags.required = True
        tags.target_tags.single_output = False
        return tags


def _labelled(target: Sequences) -> np.ndarray:
    """The sequences some step of which has a label."""
    row_of_step = np.repeat(np.arange(len(target)), target.lengths)
    return np.unique(row_of_step[target.values[target.rows(), 0] >= 0])


def _parts(values: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    return np.split(values, np.cumsum(lengths)[:-1])


def _cells(parts: Any) -> np.ndarray:
    """An array of objects, (n_samples,)."""
    parts = list(parts)
    cells = np.empty(len(parts), dtype=object)
    for i, part in enumerate(parts):  # all at once would make a matrix of parts of one length
        cells[i] = part
    return cells
