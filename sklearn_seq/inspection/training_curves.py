"""How a model was trained: loss and validation score, epoch by epoch."""

from typing import Any

import numpy as np

from sklearn_seq.inspection._drawing import BLUE, GREY, ORANGE, WIDTH, dot, finish, legend, panels, pyplot, styled
from sklearn_seq.inspection._rows import read_numbers
from sklearn_seq.model_selection.inner import innermost
from sklearn_seq.params import public

__all__ = ["TrainingCurveDisplay"]


@public
class TrainingCurveDisplay:
    """Loss and validation score of each epoch, and the epoch that was kept.

    Make it by `from_estimator`; what it finds is kept as attributes, so that `plot` can draw it again.

    Parameters
    ----------
    loss_curve : ndarray of shape (n_epochs,)
        Training loss.
    validation_losses : ndarray of shape (n_epochs,), optional
        Loss on the validation part.
    validation_scores : ndarray of shape (n_epochs,), optional
        Score on the validation part.
    best_epoch : int, optional
        The epoch, from 1, whose weights are kept.
    name : str, optional
        Of the model.

    Attributes
    ----------
    line_ : Line2D
        The training loss.
    validation_line_ : Line2D or None
        The loss on the validation part.
    score_line_ : Line2D or None
        The score on the validation part.
    best_lines_ : list of Line2D
        The epoch that was kept, in each of the axes.
    bounding_ax_ : Axes or None
        The axes that were divided into ``axes_``.
    axes_ : ndarray of Axes
        Of losses and scores; the first alone without a validation part.
    figure_ : Figure

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores by the number of training rows.

    Examples
    --------
    >>> from sklearn_seq import GRUClassifier, TrainingCurveDisplay
    >>> from sklearn_seq.datasets import load_digits_sequences
    >>> X, y = load_digits_sequences(return_X_y=True)
    >>> model = GRUClassifier(hidden_size=8, max_epochs=4, early_stopping=True, random_state=0).fit(X[:300], y[:300])
    >>> display = TrainingCurveDisplay.from_estimator(model)
    >>> display.score_line_.get_ydata().tolist() == model.validation_scores_
    True
    """

    def __init__(
        self,
        *,
        loss_curve: np.ndarray,
        validation_losses: np.ndarray | None = None,
        validation_scores: np.ndarray | None = None,
        best_epoch: int | None = None,
        name: str | None = None,
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_losses = validation_losses
        self.validation_scores = validation_scores
        self.best_epoch = best_epoch
        self.name = name

    def plot(
        self, ax: Any = None, *, name: str | None = None, line_kwargs: dict[str, Any] | None = None
    ) -> "TrainingCurveDisplay":
        """Draw it.

        Parameters
        ----------
        ax : Axes or sequence of Axes, optional
            Where: one is divided; by default a new figure is made.
        name : str, optional
            Of the model, behind the word loss; by default that of the display.
        line_kwargs : dict, optional
            Of matplotlib's ``plot``, for the training loss.

        Returns
        -------
        self
        """
        layout = ["A"] if self.validation_scores is None else ["A", "B"]
        size = (6.4, 3.5 if self.validation_scores is None else 5.0)
        what = f"{type(self).__name__}.plot"
        self.bounding_ax_, self.axes_ = panels(ax, what, layout, [1.0] * len(layout), size)
        upper = self.axes_[0]
        n = len(self.loss_curve)
        epochs = np.arange(1, n + 1)
        name = self.name if name is None else name
        style = styled(line_kwargs, "line", color=BLUE, linewidth=WIDTH, label="training", **dot(n))
        (self.line_,) = upper.plot(epochs, self.loss_curve, **style)
        self.validation_line_ = self.score_line_ = None
        validation = {"color": ORANGE, "linewidth": WIDTH, "label": "validation"} | dot(n)
        if self.validation_losses is not None:
            (self.validation_line_,) = upper.plot(epochs, self.validation_losses, **validation)
        finish(upper, xlabel="epoch" if len(layout) == 1 else "", ylabel=f"loss of {name}" if name else "loss")
        if self.validation_scores is not None:
            lower = self.axes_[1]
            (self.score_line_,) = lower.plot(epochs, self.validation_scores, **validation)
            finish(lower, xlabel="epoch", ylabel="validation score")
        self.best_lines_ = []
        for one in self.axes_:
            one.xaxis.get_major_locator().set_params(integer=True)
            if self.best_epoch is not None:
                style = {"color": GREY, "linewidth": 0.8, "linestyle": "--"}
                self.best_lines_.append(one.axvline(self.best_epoch, label=f"kept, epoch {self.best_epoch}", **style))
        legend(upper)
        self.figure_ = upper.figure
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        name: str | None = None,
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> "TrainingCurveDisplay":
        """Draw how a model was trained.

        Parameters
        ----------
        estimator : estimator
            Fitted, with ``loss_curve_``; or a search or a pipeline, whose last step has it.
        name : str, optional
            Of the model; by default its class.
        ax : Axes or sequence of Axes, optional
            Where: one is divided; by default a new figure is made.
        line_kwargs : dict, optional
            As in `plot`.

        Returns
        -------
        TrainingCurveDisplay

        Raises
        ------
        ValueError
            For a model without ``loss_curve_``.
        """
        pyplot(f"{cls.__name__}.from_estimator")
        model = innermost(estimator)
        called = type(model).__name__
        losses = getattr(model, "loss_curve_", None)
        if losses is None:
            members = ", such as estimators_[0]" if hasattr(model, "estimators_") else ""
            raise ValueError(
                f"{called} has no loss_curve_; wanted a model that is fitted epoch by epoch. Fit it first, or give one that is{members}."
            )
        scores = getattr(model, "validation_scores_", None)
        history = getattr(model, "history_", None) or [{}]
        validated = "valid_loss" in history[0]
        display = cls(
            loss_curve=read_numbers(losses, "loss_curve_", (None,)),
            validation_losses=np.array([entry["valid_loss"] for entry in history]) if validated else None,
            validation_scores=None if scores is None else read_numbers(scores, "validation_scores_", (len(losses),)),
            best_epoch=None if scores is None else getattr(model, "best_epoch_", None),
            name=called if name is None else name,
        )
        return display.plot(ax, line_kwargs=line_kwargs)
