"""Sequences, or windows of a table, that a variational autoencoder finds improbable."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from sklearn.base import BaseEstimator, clone

from sklearn_seq.families.convolutional import CNNRegressor
from sklearn_seq.families.variational import SequenceVAE
from sklearn_seq.outliers.windows import WindowDetectorMixin
from sklearn_seq.params import AtLeast, Positional, RandomState, estimator
from sklearn_seq.sequences import Sequences

__all__ = ["VAEDetector"]

_WINDOW = 64
_DRAWS = 4


@estimator
class VAEDetector(WindowDetectorMixin, BaseEstimator):
    """Anomalies are sequences, or windows of a table, that a variational autoencoder finds improbable.

    The score of a sequence is the bound of its log-density, in nats a value: its number of values divides it, so that long sequences
    do not score low for their length. Where the autoencoder has ``missing="mask"``, NaN is read as missing, and known values count.
    With ``rows="time"`` the autoencoder learns windows of ``window`` rows, and a row of the table scores by the mean of the windows that
    hold it, also of those that end after it.

    With ``contamination="auto"`` the threshold comes from scores of a fifth of the sequences, or the last fifth of the table, by an
    autoencoder that learnt from the others; then one learns from all, so that two are trained. With a share one is.

    Attributes
    ----------
    vae_ : SequenceVAE
        The one that learnt from all rows.

    See Also
    --------
    SubspaceDetector : The linear counterpart, solved at once.

    References
    ----------
    .. [1] J. An, S. Cho. Variational autoencoder based anomaly detection using reconstruction probability. SNU Data Mining Center, 2015.
    .. [2] H. Xu et al. Unsupervised anomaly detection via variational auto-encoder for seasonal KPIs in web applications. WWW 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import SequenceVAE, VAEDetector
    >>> rng = np.random.default_rng(0)
    >>> X = np.sin(np.arange(12) + rng.uniform(0, 6, size=(60, 1))) + 0.1 * rng.normal(size=(60, 12))
    >>> X[7] = rng.normal(size=12)
    >>> vae = SequenceVAE(latent_size=2, hidden_size=8, max_epochs=10)
    >>> VAEDetector(vae, contamination=0.05, random_state=0).fit_predict(X)[7]
    np.int64(-1)
    """

    vae: Annotated[
        BaseEstimator | None,
        Positional,
        "The autoencoder, of which clones are fitted; None is a small one of convolutions, 30 epochs.",
    ] = None
    window: Annotated[
        int | Literal["auto"],
        AtLeast(1),
        'Rows of a window of a table; whole sequences are no windows. "auto": 64, or a quarter of the rows where these are few.',
    ] = "auto"
    random_state: Annotated[RandomState, "Given to the autoencoders; None leaves their own."] = None

    _most_folds: ClassVar[int] = 1
    _whole: ClassVar[bool] = True

    @property
    def _missing(self) -> Literal["error", "mask"]:
        vae = self._solved["vae"] if "_solved" in self.__dict__ else self.vae
        return "mask" if isinstance(vae, SequenceVAE) and vae.missing == "mask" else "error"

    def _settle_window(self, data: Sequences) -> int:
        n = int(data.lengths.min())
        if self._kind != "table":
            return int(data.lengths.max())
        if self.window != "auto" and self.window > n:
            raise ValueError(f"window={self.window} and X has {n} rows; wanted a window that fits. Set a shorter one.")
        return min(_WINDOW, max(1, n // 4)) if self.window == "auto" else int(self.window)

    def _solve(self, windows: Sequences) -> dict[str, Any]:
        if self.vae is not None and not isinstance(self.vae, SequenceVAE):
            raise TypeError(f"vae is a {type(self.vae).__name__}; wanted a SequenceVAE, or None. Give one, not fitted.")
        vae = _small() if self.vae is None else clone(self.vae)
        if self.random_state is not None:
            vae.set_params(random_state=self.random_state)
        return {"vae": vae.fit(windows)}

    def _decide(self, windows: Sequences, solved: dict[str, Any]) -> np.ndarray:
        bound = solved["vae"].score_samples(windows, n_samples=_DRAWS)
        known = np.append(0, np.cumsum((~np.isnan(windows.values)).sum(axis=1)))
        return np.asarray(bound, dtype=np.float64) / np.maximum(known[windows.stops] - known[windows.starts], 1)

    @property
    def vae_(self) -> Any:
        """The autoencoder that learnt from all rows."""
        if "_solved" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no vae_ before fit")
        return self._solved["vae"]


def _small() -> Any:
    make: Any = SequenceVAE
    body = CNNRegressor(n_filters=16, n_blocks=2)
    return make(latent_size=8, hidden_size=16, encoder=body, decoder=body, hide=0.0, batch_size=32, max_epochs=30)
