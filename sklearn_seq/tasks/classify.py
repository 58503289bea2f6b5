"""One class a sequence."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import sklearn.base
import torch
from scipy.special import log_softmax, softmax
from sklearn.utils.multiclass import _check_partial_fit_first_call, check_classification_targets, type_of_target
from sklearn.utils.validation import _check_y, column_or_1d

from sklearn_seq.params import Between, estimator
from sklearn_seq.sequences.finite import refuse_masked
from sklearn_seq.sequences.labels import refuse_unknown
from sklearn_seq.sequences.texts import is_missing
from sklearn_seq.tasks.base import TaskMixin
from sklearn_seq.tasks.state import keep_on_failure
from sklearn_seq.training import Part

__all__ = ["ClassifierMixin", "CrossEntropy", "LabelsMixin"]


@dataclass(frozen=True)
class CrossEntropy:
    """Of logits (B, K) and codes (B,); equal ones can be computed together."""

    label_smoothing: float = 0.0

    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """(B,)"""
        return torch.nn.functional.cross_entropy(output, target, reduction="none", label_smoothing=self.label_smoothing)


@estimator
class LabelsMixin(sklearn.base.ClassifierMixin):
    """What all classifiers share: labels, their weights, and what is said of them, given logits (``_outputs``).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    """

    class_weight: Annotated[
        dict | Literal["balanced"] | None, 'Weight of each class; "balanced" gives every class the same total.'
    ] = None

    if TYPE_CHECKING:

        def _outputs(self, X: Any) -> np.ndarray: ...

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each sequence.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        best = self._outputs(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the classes.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``; rows sum to one.
        """
        return softmax(self._outputs(X), axis=1)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of the probabilities, exact also where they are tiny.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        return log_softmax(self._outputs(X), axis=1)

    def decision_function(self, X: Any) -> np.ndarray:
        """The logits; for two classes their difference, positive where the second is more probable.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
        """
        logits = self._outputs(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    # -- the task ------------------------------------------------------------------------------------------------------

    def _read_target(self, y: Any, *, reset: bool, used: np.ndarray | None = None) -> np.ndarray:
        y = _labels(y, type(self).__name__)
        given = self.__dict__.get("_given_classes")
        if reset and given is None:
            self.classes_ = np.unique(y if used is None else y[used])
        codes = np.searchsorted(self.classes_, y)
        codes = np.minimum(codes, len(self.classes_) - 1)
        unseen = self.classes_[codes] != y
        if used is not None:
            outside = np.ones(len(y), dtype=bool)
            outside[used] = False
            unseen &= ~outside  # rows of weight zero are not looked at
        refuse_unknown(y, self.classes_, unseen, "class")
        return codes.astype(np.int64)

    def _weigh(self, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
        if self.class_weight is None:
            return weight
        labels = self.classes_.tolist()
        if self.class_weight == "balanced":
            totals = np.bincount(target, weights=weight, minlength=len(labels))
            with np.errstate(divide="ignore"):
                of_class = weight.sum() / (np.count_nonzero(totals) * totals)
        else:
            unknown = [label for label in self.class_weight if label not in labels]
            if unknown:
                raise ValueError(f"class_weight names {unknown}, but the classes in y are {labels}")
            given = [self.class_weight.get(label, 1.0) for label in labels]
            of_class = np.array([float(w) if isinstance(w, Real) else np.nan for w in given])
            if (of_class < 0).any() or not np.isfinite(of_class).all():
                raise ValueError(
                    f"class_weight={self.class_weight} has a weight below 0, or that is no finite number; wanted 0 or more"
                )
        return weight * of_class[target]

    def _n_outputs(self) -> int:
        return len(self.classes_)


@estimator
class ClassifierMixin(LabelsMixin, TaskMixin):
    """Classification: logits, cross-entropy, accuracy."""

    label_smoothing: Annotated[
        float, Between(0, 1, "left"), "Share of the target spread over all classes (Szegedy et al. 2016)."
    ] = 0.0

    _stratified: ClassVar[bool] = True
    _params_free_to_change: ClassVar[tuple[str, ...]] = (*TaskMixin._params_free_to_change, "label_smoothing")

    @keep_on_failure
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Any:
        """Go on training for one epoch on these rows.

        Parameters
        ----------
        X : as in fit
            Some rows.
        y : array-like of shape (n_samples,)
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

    def _make_loss(self) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        return CrossEntropy(self.label_smoothing)

    def _make_score(self) -> Callable[[np.ndarray, Part], float]:
        return lambda found, part: float(np.average(found.argmax(axis=1) == part.target, weights=part.weight))


def _refuse_missing(y: Any) -> None:
    """Say which label is missing, or that a mask hides some; of pandas' own marks scikit-learn cannot tell that they are none."""
    refuse_masked(y, "y", "Leave the sequences without a label out, of X too.")
    try:
        cells = np.asarray(y)
    except ValueError:  # lists of unequal length, which are refused as such
        return
    missing = (
        [i for i, label in enumerate(cells) if is_missing(label)] if cells.dtype == object and cells.ndim == 1 else []
    )
    if missing:
        raise ValueError(
            f"Input y contains NaN: y[{missing[0]}] is missing; wanted a label for each sequence. Leave the {len(missing)} sequences "
            "without one out, of X too."
        )


def _labels(y: Any, name: str) -> np.ndarray:
    """Labels as a 1-D array; anything that is none is refused."""
    _refuse_missing(y)
    y = _check_y(y, multi_output=True, y_numeric=False)
    types = sorted({type(label).__name__ for label in y.ravel()}) if y.dtype == object else []
    if len(types) > 1:
        raise TypeError(
            f"y holds labels of different types ({', '.join(types)}); wanted one: give all as str, or all as int"
        )
    kind = type_of_target(y, input_name="y")
    if kind.startswith("multilabel") or kind == "multiclass-multioutput":
        raise ValueError(
            f"y of shape {np.shape(y)} holds several labels a sample ({kind}); {name} gives one class a sequence, so wanted "
            f"({len(y)},). Use sklearn.multioutput.MultiOutputClassifier({name}())."
        )
    check_classification_targets(y)
    return column_or_1d(y, warn=True)
