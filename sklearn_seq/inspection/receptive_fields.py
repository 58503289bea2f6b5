"""What hidden units of a Boltzmann machine look at: their weights, as pictures of steps by features."""

from typing import Any

import numpy as np

from sklearn_seq.inspection._drawing import BLUE, WIDTH, finish, pyplot, styled
from sklearn_seq.params import public

__all__ = ["ReceptiveFieldsDisplay"]


@public
class ReceptiveFieldsDisplay:
    """Weights from the visible units to some hidden units.

    Those of several features are pictures, steps downward and features across; those of one feature are lines over the steps, or
    pictures where ``picture_shape`` says that a sequence is a flat one. Make it by `from_estimator`; what it finds is kept as
    attributes, so that `plot` can draw it again.

    Parameters
    ----------
    fields : ndarray of shape (n_fields, n_timesteps, n_features)
        The weights.
    units : ndarray of int of shape (n_fields,)
        Numbers of the hidden units.
    layer : int
        Of the hidden units, from 0.

    Attributes
    ----------
    images_ : list of AxesImage
        One a field; empty for lines.
    lines_ : list of Line2D
        One a field; empty for pictures.
    axes_ : ndarray of Axes
        One a field.
    figure_ : Figure

    Examples
    --------
    >>> from sklearn_seq import RBM, ReceptiveFieldsDisplay
    >>> from sklearn_seq.datasets import load_digits_sequences
    >>> X, _ = load_digits_sequences(return_X_y=True)
    >>> model = RBM(n_components=12, max_epochs=2, random_state=0).fit(X[:200] / 16)
    >>> display = ReceptiveFieldsDisplay.from_estimator(model, n_fields=6)
    >>> display.fields.shape, len(display.images_)
    ((6, 8, 8), 6)
    """

    def __init__(self, *, fields: np.ndarray, units: np.ndarray, layer: int = 0) -> None:
        self.fields = fields
        self.units = units
        self.layer = layer

    def plot(
        self,
        ax: Any = None,
        *,
        n_columns: int = 8,
        image_kwargs: dict[str, Any] | None = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> "ReceptiveFieldsDisplay":
        """Draw them, one panel a hidden unit, all with one scale.

        Parameters
        ----------
        ax : sequence of Axes, optional
            One a field; by default a new figure is made.
        n_columns : int
            Panels side by side in a new figure.
        image_kwargs, line_kwargs : dict, optional
            Of matplotlib's ``imshow`` and ``plot``.

        Returns
        -------
        self
        """
        plt = pyplot(f"{type(self).__name__}.plot")
        n = len(self.fields)
        if ax is None:
            columns = max(1, min(int(n_columns), n))
            rows = -(-n // columns)
            _, grid = plt.subplots(
                rows, columns, figsize=(1.1 * columns, 1.2 * rows), layout="constrained", squeeze=False
            )
            for unused in grid.ravel()[n:]:
                unused.set_axis_off()
            axes = grid.ravel()[:n]
        else:
            axes = np.array(np.ravel(ax), dtype=object)
            if len(axes) != n:
                raise ValueError(f"ax holds {len(axes)} axes; wanted {n}, one a field. Give these, or None.")
        most = float(np.abs(self.fields).max()) or 1.0
        self.images_, self.lines_ = [], []
        for one, field, unit in zip(axes, self.fields, self.units, strict=True):
            if field.shape[1] > 1:
                style = {"cmap": "RdBu_r", "vmin": -most, "vmax": most, "aspect": "auto"} | (image_kwargs or {})
                self.images_.append(one.imshow(field, **style))
            else:
                (line,) = one.plot(field[:, 0], **styled(line_kwargs, "line", color=BLUE, linewidth=WIDTH))
                one.set_ylim(-1.05 * most, 1.05 * most)
                self.lines_.append(line)
            finish(one, title=str(int(unit)))
            one.title.set_fontsize("small")
            one.set_xticks([])
            one.set_yticks([])
        self.axes_, self.figure_ = axes, axes[0].figure
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        n_fields: int = 32,
        layer: int = 0,
        picture_shape: tuple[int, int] | None = None,
        ax: Any = None,
        n_columns: int = 8,
        image_kwargs: dict[str, Any] | None = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> "ReceptiveFieldsDisplay":
        """Draw what the hidden units with the largest weights look at.

        Parameters
        ----------
        estimator : estimator
            A fitted `RBM`, `DBN`, `DBNClassifier` or `DBNRegressor`.
        n_fields : int
            How many at most: those with the largest sum of squares.
        layer : int
            Of the hidden units, from 0. Weights of an upper layer are carried down by the product of those below, which leaves the
            sigmoids between them out.
        picture_shape : (int, int), optional
            Rows and columns of the picture that each sequence is, where its steps do not tell.
        ax : sequence of Axes, optional
            As in `plot`.
        n_columns : int
            As in `plot`.
        image_kwargs, line_kwargs : dict, optional
            As in `plot`.

        Returns
        -------
        ReceptiveFieldsDisplay

        Raises
        ------
        ValueError
            For a model without layers over whole sequences, and for numbers that do not fit it.
        """
        pyplot(f"{cls.__name__}.from_estimator")
        weights, n_steps = _layers(estimator)
        for name, value, least in (("n_fields", n_fields, 1), ("layer", layer, 0)):
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
                raise ValueError(f"{name}={value!r}; wanted a whole number, {least} or more")
        if layer >= len(weights):
            raise ValueError(
                f"layer={layer}, but this {type(estimator).__name__} has {len(weights)}; wanted one from 0 on"
            )
        fields = weights[0]
        for above in weights[1 : layer + 1]:
            fields = above @ fields
        units = np.sort(np.argsort(-(fields**2).sum(axis=1), kind="stable")[:n_fields])
        shape = (n_steps, -1)
        if picture_shape is not None:
            shape = tuple(picture_shape)  # type: ignore[assignment]
            if len(shape) != 2 or np.prod(shape) != fields.shape[1]:
                raise ValueError(
                    f"picture_shape={picture_shape!r} does not hold {fields.shape[1]} visible units; wanted two numbers whose product "
                    "that is"
                )
        display = cls(fields=fields[units].reshape(len(units), *shape), units=units, layer=int(layer))
        return display.plot(ax, n_columns=n_columns, image_kwargs=image_kwargs, line_kwargs=line_kwargs)


def _layers(estimator: Any) -> tuple[list[np.ndarray], int]:
    """Weights of each layer (above, below), and the steps that the first one reads."""
    module = getattr(estimator, "module_", None)
    machines, body = getattr(module, "machines", None), getattr(module, "body", None)
    if machines is not None:
        layers, n_steps = machines, module.reader.n_steps  # type: ignore[union-attr]
    elif hasattr(body, "layers") and hasattr(body, "n_steps"):
        layers, n_steps = body.layers, body.n_steps  # type: ignore[union-attr]
    else:
        raise ValueError(
            f"{type(estimator).__name__} has no layers over whole sequences to draw; wanted a fitted RBM, DBN, DBNClassifier or "
            "DBNRegressor. Fit one first."
        )
    return [layer.weight.detach().cpu().numpy().astype(float) for layer in layers], n_steps
