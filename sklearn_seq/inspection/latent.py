"""Where sequences lie in a latent space, and what a model makes of them again."""

from typing import Any, Literal

import numpy as np

from sklearn_seq.inspection._drawing import BLUE, COLOURS, GREY, ORANGE, WIDTH, finish, legend, panels, pyplot, styled
from sklearn_seq.params import public
from sklearn_seq.sequences import Sequences

__all__ = ["LatentSpaceDisplay", "ReconstructionDisplay"]

_MOST_CLASSES = 20


@public
class LatentSpaceDisplay:
    """Sequences as points of a latent space, in two dimensions, coloured by class.

    Make it by `from_estimator`; what it finds is kept as attributes, so that `plot` can draw it again.

    Parameters
    ----------
    points : ndarray of shape (n_samples, 2)
        Where each sequence lies.
    y : ndarray of shape (n_samples,), optional
        Its class.
    method : str
        How the points were found: "pca", "tsne", or "none" where there are two dimensions.
    name : str, optional
        Of the model.

    Attributes
    ----------
    scatters_ : list of PathCollection
        One a class; one of all without ``y``.
    ax_ : Axes
    figure_ : Figure

    See Also
    --------
    ReconstructionDisplay : What the points stand for.

    Examples
    --------
    >>> from sklearn_seq import LatentSpaceDisplay, SequenceVAE
    >>> from sklearn_seq.datasets import load_digits_sequences
    >>> X, y = load_digits_sequences(return_X_y=True)
    >>> model = SequenceVAE(latent_size=4, max_epochs=3, random_state=0).fit(X[:200])
    >>> display = LatentSpaceDisplay.from_estimator(model, X[:200], y[:200])
    >>> display.points.shape, len(display.scatters_)
    ((200, 2), 10)
    """

    def __init__(
        self, *, points: np.ndarray, y: np.ndarray | None = None, method: str = "none", name: str | None = None
    ) -> None:
        self.points = points
        self.y = y
        self.method = method
        self.name = name

    def plot(self, ax: Any = None, *, scatter_kwargs: dict[str, Any] | None = None) -> "LatentSpaceDisplay":
        """Draw it.

        Parameters
        ----------
        ax : Axes, optional
            Where; by default a new figure is made.
        scatter_kwargs : dict, optional
            Of matplotlib's ``scatter``.

        Returns
        -------
        self
        """
        plt = pyplot(f"{type(self).__name__}.plot")
        if ax is None:
            _, ax = plt.subplots(figsize=(5.0, 4.5), layout="constrained")
        style = {"s": 9, "alpha": 0.7, "linewidths": 0} | (scatter_kwargs or {})
        self.scatters_ = []
        if self.y is None:
            self.scatters_.append(ax.scatter(*self.points.T, **{"color": BLUE} | style))
        else:
            labels = np.unique(self.y)
            wheel = COLOURS if len(labels) <= len(COLOURS) else [plt.get_cmap("tab20")(i) for i in range(_MOST_CLASSES)]
            for label, colour in zip(labels, wheel, strict=False):
                own = self.points[self.y == label]
                self.scatters_.append(ax.scatter(*own.T, **{"color": colour, "label": str(label)} | style))
        what = {"pca": "principal component", "tsne": "t-SNE", "none": "latent"}.get(self.method, self.method)
        finish(ax, xlabel=f"{what} 1" + (f" of {self.name}" if self.name else ""), ylabel=f"{what} 2")
        legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        method: Literal["pca", "tsne"] = "pca",
        random_state: Any = 0,
        name: str | None = None,
        ax: Any = None,
        scatter_kwargs: dict[str, Any] | None = None,
    ) -> "LatentSpaceDisplay":
        """Draw what a model's ``transform`` makes of sequences.

        Parameters
        ----------
        estimator : estimator
            Fitted, with ``transform``.
        X : as the estimator reads it
            The sequences.
        y : array-like of shape (n_samples,), optional
            Their classes, 20 at most.
        method : {"pca", "tsne"}
            How more than two dimensions become two; t-SNE (van der Maaten and Hinton 2008) keeps neighbours, not distances.
        random_state : int, RandomState instance or None
            Of t-SNE.
        name : str, optional
            Of the model; by default its class.
        ax : Axes, optional
            Where; by default a new figure is made.
        scatter_kwargs : dict, optional
            As in `plot`.

        Returns
        -------
        LatentSpaceDisplay

        Raises
        ------
        ValueError
            For a model of one dimension, and for ``y`` that does not fit.
        """
        pyplot(f"{cls.__name__}.from_estimator")
        if method not in ("pca", "tsne"):
            raise ValueError(f"method={method!r}; wanted 'pca' or 'tsne'")
        if not hasattr(estimator, "transform"):
            raise ValueError(
                f"{type(estimator).__name__} has no transform; wanted a model that has, such as SequenceVAE"
            )
        Z = np.asarray(estimator.transform(X))
        labels = None if y is None else np.asarray(y)
        if labels is not None and (labels.shape != (len(Z),) or len(np.unique(labels)) > _MOST_CLASSES):
            raise ValueError(
                f"y has shape {labels.shape} and {len(np.unique(labels))} values; wanted ({len(Z)},) and {_MOST_CLASSES} classes at most"
            )
        if Z.ndim != 2 or Z.shape[1] < 2 or len(Z) < 3:
            raise ValueError(f"transform gave {Z.shape}; wanted three rows or more, of two numbers or more")
        if Z.shape[1] == 2 and method == "pca":
            points, method = Z, "none"  # type: ignore[assignment]
        elif method == "pca":
            from sklearn.decomposition import PCA

            points = PCA(2, random_state=0).fit_transform(Z)
        else:
            from sklearn.manifold import TSNE

            points = TSNE(2, perplexity=min(30.0, (len(Z) - 1) / 3), random_state=random_state).fit_transform(Z)
        called = type(estimator).__name__ if name is None else name
        return cls(points=points, y=labels, method=method, name=called).plot(ax, scatter_kwargs=scatter_kwargs)


@public
class ReconstructionDisplay:
    """Sequences and what a model makes of them again, one panel each; below them sequences that it draws.

    Make it by `from_estimator`; what it finds is kept as attributes, so that `plot` can draw it again.

    Parameters
    ----------
    sequences : list of ndarray of shape (n_timesteps_i,)
        One feature of each.
    reconstructions : list of ndarray of shape (n_timesteps_i,)
    samples : list of ndarray of shape (n_timesteps_i,)
        May be empty.
    name : str, optional
        Of the feature.

    Attributes
    ----------
    lines_ : list of Line2D
        The sequences.
    reconstruction_lines_ : list of Line2D
    sample_lines_ : list of Line2D
    bounding_ax_ : Axes or None
        The axes that were divided into ``axes_``.
    axes_ : ndarray of Axes
        One a sequence, and one for all samples.
    figure_ : Figure

    See Also
    --------
    LatentSpaceDisplay : Where the sequences lie in the latent space.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import ReconstructionDisplay, SequenceVAE
    >>> X = np.random.default_rng(0).normal(size=(60, 20)).cumsum(axis=1)
    >>> model = SequenceVAE(max_epochs=3, random_state=0).fit(X)
    >>> display = ReconstructionDisplay.from_estimator(model, X[:2], n_samples=5)
    >>> len(display.axes_), len(display.sample_lines_)
    (3, 5)
    """

    def __init__(
        self,
        *,
        sequences: list[np.ndarray],
        reconstructions: list[np.ndarray],
        samples: list[np.ndarray],
        name: str | None = None,
    ) -> None:
        self.sequences = sequences
        self.reconstructions = reconstructions
        self.samples = samples
        self.name = name

    def plot(self, ax: Any = None, *, line_kwargs: dict[str, Any] | None = None) -> "ReconstructionDisplay":
        """Draw it.

        Parameters
        ----------
        ax : Axes or sequence of Axes, optional
            Where: one is divided; by default a new figure is made.
        line_kwargs : dict, optional
            Of matplotlib's ``plot``, for the reconstructions.

        Returns
        -------
        self
        """
        n = len(self.sequences) + bool(self.samples)
        letters = [chr(ord("A") + i) for i in range(n)]
        what = f"{type(self).__name__}.plot"
        self.bounding_ax_, self.axes_ = panels(ax, what, letters, [1.0] * n, (6.4, 1.0 + 1.3 * n))
        self.lines_, self.reconstruction_lines_, self.sample_lines_ = [], [], []
        given = {"color": GREY, "linewidth": WIDTH, "label": "given"}
        made = styled(line_kwargs, "line", color=ORANGE, linewidth=WIDTH, label="made again")
        for one, wanted, found in zip(self.axes_, self.sequences, self.reconstructions, strict=False):
            self.lines_ += one.plot(wanted, **given)
            self.reconstruction_lines_ += one.plot(found, **made)
        for sample in self.samples:
            self.sample_lines_ += self.axes_[-1].plot(sample, color=BLUE, linewidth=0.8, alpha=0.7)
        if self.samples:
            self.sample_lines_[0].set_label("drawn")
        for i, one in enumerate(self.axes_):
            finish(one, ylabel=self.name or "", xlabel="step" if i == n - 1 else "")
        legend(self.axes_[0])
        if self.samples:
            legend(self.axes_[-1])
        self.figure_ = self.axes_[0].figure
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        feature: int = 0,
        n_samples: int = 0,
        random_state: Any = 0,
        name: str | None = None,
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> "ReconstructionDisplay":
        """Draw what a model makes of sequences.

        Parameters
        ----------
        estimator : estimator
            Fitted, with ``reconstruct`` and, for samples, ``sample``.
        X : as the estimator reads it
            A few sequences, 20 at most.
        feature : int
            Which of the features is drawn.
        n_samples : int
            How many sequences are drawn by chance, in a panel below.
        random_state : int, RandomState instance or None
            Of the samples.
        name : str, optional
            Of the feature.
        ax : Axes or sequence of Axes, optional
            Where: one is divided; by default a new figure is made.
        line_kwargs : dict, optional
            As in `plot`.

        Returns
        -------
        ReconstructionDisplay

        Raises
        ------
        ValueError
            For a model that cannot, and for too many sequences.
        """
        pyplot(f"{cls.__name__}.from_estimator")
        for method in ["reconstruct"] + ["sample"] * bool(n_samples):
            if not hasattr(estimator, method):
                raise ValueError(
                    f"{type(estimator).__name__} has no {method}; wanted a model that has, such as SequenceVAE"
                )
        if not 1 <= len(X) <= 20:
            raise ValueError(f"X holds {len(X)} sequences; wanted 1 to 20, each of which gets a panel. Give X[:4].")
        made = _columns(estimator.reconstruct(X), feature)
        drawn = _columns(estimator.sample(n_samples, random_state=random_state), feature) if n_samples else []
        display = cls(sequences=_columns(X, feature), reconstructions=made, samples=drawn, name=name)
        return display.plot(ax, line_kwargs=line_kwargs)


def _columns(X: Any, feature: int) -> list[np.ndarray]:
    """One feature of each sequence."""
    rows = list(X) if isinstance(X, Sequences | list | tuple) else list(np.asarray(X))
    rows = [np.asarray(row) for row in rows]
    n_features = rows[0].shape[1] if rows[0].ndim > 1 else 1
    if not -n_features <= feature < n_features:
        raise ValueError(f"feature={feature}; wanted one of the {n_features} features, from 0")
    return [row if row.ndim == 1 else row[:, feature] for row in rows]
