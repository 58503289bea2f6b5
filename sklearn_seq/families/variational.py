"""Variational autoencoders: sequences as points of a latent space, and back."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

import numpy as np
import torch

from sklearn_seq.layers.scaling import InputScaling
from sklearn_seq.layers.variational_forecast import VariationalForecast
from sklearn_seq.params import AtLeast, Between, estimator
from sklearn_seq.tasks.classify import ClassifierMixin
from sklearn_seq.tasks.forecast_network import NetworkForecasterMixin
from sklearn_seq.tasks.latent import LatentSpaceMixin
from sklearn_seq.tasks.regress import RegressorMixin
from sklearn_seq.tasks.unlabelled import rows_without_label
from sklearn_seq.tasks.variational import (
    AnnealedStep,
    LatentParams,
    NestedMixin,
    SomeTargetsMixin,
    VariationalMixin,
    VariationalParams,
)
from sklearn_seq.training import Plan

__all__ = ["SequenceVAE", "VAEClassifier", "VAEForecaster", "VAERegressor"]


@estimator
class SequenceVAE(VariationalMixin, LatentSpaceMixin, VariationalParams):
    """Variational autoencoder: sequences as points of a latent space, and back.

    An encoder reads a sequence and says where in the latent space it may lie, a normal distribution; a decoder makes the
    sequence again of a point of it [1]_. So the model goes both ways: `transform` gives the latent means, `inverse_transform`
    and `reconstruct` go back, `sample` draws new sequences, `interpolate` goes from one to another, `score_samples` says how
    probable a sequence is, and `impute` fills in what is missing. No labels are needed.

    What is trained is a lower bound of the logarithm of the density, in nats: how well sequences are made again, less the
    divergence of the encoder's normal from the standard normal. Sequences may differ in length; padding never changes an
    answer, and a density is that of the values given the length.

    Attributes
    ----------
    n_categories_ : list of int or None
        With ``likelihood="categorical"``: categories of each feature.

    See Also
    --------
    VAEClassifier : Learns from sequences with and without labels.
    LatentSpaceDisplay : A picture of the latent space.

    Notes
    -----
    ``loss_curve_`` is the bound with its sign turned, in nats a value, with ``beta`` as it stood in the epoch.

    References
    ----------
    .. [1] D. P. Kingma, M. Welling. Auto-encoding variational Bayes. ICLR 2014.
    .. [2] Y. Burda, R. Grosse, R. Salakhutdinov. Importance weighted autoencoders. ICLR 2016.
    .. [3] D. P. Kingma et al. Improved variational inference with inverse autoregressive flow. NeurIPS 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import GRUClassifier, SequenceVAE
    >>> rng = np.random.default_rng(0)
    >>> X = [np.sin(rng.uniform(0.2, 0.6) * np.arange(n)) for n in rng.integers(20, 30, size=80)]
    >>> model = SequenceVAE(latent_size=4, max_epochs=5, random_state=0).fit(X)
    >>> model.transform(X).shape, model.sample(3, length=25, random_state=0).lengths.tolist()
    ((80, 4), [25, 25, 25])
    >>> with_bodies = SequenceVAE(encoder=GRUClassifier(hidden_size=16), max_epochs=2, random_state=0).fit(X)
    >>> bool((with_bodies.score_samples(X, n_samples=4) < 0).any())
    True
    """


@estimator
class _Semisupervised(VariationalParams):
    bound_weight: Annotated[
        float,
        AtLeast(0),
        "Weight of the bound, in nats a value, beside the loss of the known targets, in the mean of those.",
    ] = 1.0
    hide: Annotated[
        float,
        Between(0, 1, "left"),
        "Share of the sequences that are shown to the encoder with a stretch hidden in training.",
    ] = 0.0


@estimator
class VAEClassifier(SomeTargetsMixin, VariationalMixin, ClassifierMixin, _Semisupervised):
    """Variational autoencoder for classifying sequences, of which some may have no label.

    A linear classifier reads the latent mean; it is trained together with the autoencoder, which learns from all sequences, so
    that few labels are enough [1]_. In ``fit`` the label -1 stands for none, as in scikit-learn's semi-supervised classifiers,
    where there are two other labels or more: -1 beside a single other one is a label itself, which is told unless that is 1.

    References
    ----------
    .. [1] D. P. Kingma, D. J. Rezende, S. Mohamed, M. Welling. Semi-supervised learning with deep generative models. NeurIPS 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import VAEClassifier
    >>> from sklearn_seq.datasets import load_digits_sequences
    >>> X, y = load_digits_sequences(return_X_y=True)
    >>> some = np.where(np.arange(400) % 4 == 0, y[:400], -1)
    >>> model = VAEClassifier(max_epochs=10, random_state=0).fit(X[:400], some)
    >>> model.classes_.tolist(), model.score(X[400:600], y[400:600]) > 0.7
    ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], True)
    """

    def _read_target(self, y: Any, *, reset: bool, used: np.ndarray | None = None) -> np.ndarray:
        labels = np.asarray(y)
        used = np.arange(len(labels)) if used is None else used
        none = rows_without_label(self, y, used, reset=reset, instead="SequenceVAE", some=False)
        if not none.any():
            return super()._read_target(y, reset=reset, used=used)
        rows = np.flatnonzero(~none)
        codes = np.full(len(labels), -1, dtype=np.int64)
        if not len(rows):
            return codes
        at = np.flatnonzero(np.isin(rows, used))
        codes[rows] = super()._read_target(labels[rows], reset=reset, used=at)
        return codes

    def _weigh(self, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
        known = self._known(target)
        out = weight.copy()
        out[known] = super()._weigh(target[known], weight[known])
        return out


@estimator
class VAERegressor(SomeTargetsMixin, VariationalMixin, RegressorMixin, _Semisupervised):
    """Variational autoencoder for predicting numbers from sequences, for some of which none may be known.

    As `VAEClassifier`: a linear layer reads the latent mean, and the autoencoder learns from all sequences. In ``fit`` a target
    that is NaN, or a row of targets with a NaN, is not known.

    References
    ----------
    .. [1] D. P. Kingma, D. J. Rezende, S. Mohamed, M. Welling. Semi-supervised learning with deep generative models. NeurIPS 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import VAERegressor
    >>> X = np.random.default_rng(0).normal(size=(120, 12)).cumsum(axis=1)
    >>> y = np.where(np.arange(120) % 3 == 0, np.nan, X.mean(axis=1))
    >>> model = VAERegressor(max_epochs=20, random_state=0).fit(X, y)
    >>> model.score(X, X.mean(axis=1)) > 0.8
    True
    """

    def _read_target(self, y: Any, *, reset: bool, used: np.ndarray | None = None) -> np.ndarray:
        given = np.asarray(y)
        none = np.isnan(given) if given.dtype.kind == "f" and given.ndim in (1, 2) else np.zeros(0, bool)
        none = none.any(axis=1) if none.ndim == 2 else none
        if not none.any() or none.all():  # where none is known, scikit-learn's own refusal fits
            return super()._read_target(y, reset=reset, used=used)
        rest = super()._read_target(given[~none], reset=reset)
        target = np.full((len(given), rest.shape[1]), np.nan)
        target[~none] = rest
        return target

    def _settle_target(self, target: np.ndarray, weight: np.ndarray) -> None:
        known = self._known(target)
        if not known.any():
            raise ValueError("y is NaN in all rows that are trained on; wanted some numbers")
        super()._settle_target(target[known], weight[known])


# -- forecasts ---------------------------------------------------------------------------------------------------------


class _LossAndExtra:
    """The loss of answers, and what the bound adds to it in training, in a column of its own behind them."""

    def __init__(self, loss: Any) -> None:
        self.loss = loss

    def __call__(self, output: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """(B,)"""
        shape = self.loss.shape
        n = shape.horizon * shape.n_targets * shape.n_numbers
        found = self.loss(output[:, :n].contiguous(), rows)
        return found if output.shape[1] == n else found + output[:, n]


class _VariationalForecasts(NestedMixin):
    """How a forecaster's network is built and trained; stands left of the task."""

    _params_free_to_change: ClassVar[tuple[str, ...]] = (
        *NetworkForecasterMixin._params_free_to_change,
        *("beta", "annealing", "reconstruction"),
    )

    def _plan(self: Any, windows: Any, before: Any = None) -> Plan:
        self._check_nested()
        return super()._plan(windows, before)  # type: ignore[misc]

    def _make_plan(self: Any, *given: Any) -> Plan:
        plan = super()._make_plan(*given)  # type: ignore[misc]
        n_batches = -(-len(plan.train) // plan.batch_size)
        plan.shape = None  # its noise is drawn for one network
        n_steps = 0 if plan.before else math.ceil(self.annealing * plan.n_epochs * n_batches)
        plan.step, plan.loss = AnnealedStep(self.beta, n_steps), _LossAndExtra(plan.loss)
        return plan

    def _build(self: Any) -> VariationalForecast:
        maker: Any = type(self)(**self._fitted_params)
        maker._longest = self._longest
        shape, layout, found = self._shape(), self._layout(), self._map
        body = maker.make_body(shape.n_inputs)
        options: dict[str, Any] = {"linear": "none" if found is None else found["kind"]}
        if found is not None and found["kind"] == "ridge":
            options |= {"map_lookback": len(found["coef"]), "map_shift": found["shift"]}
        return VariationalForecast(
            InputScaling(layout.n_values * (2 if layout.marked else 1)),
            body,
            maker.make_pool(body),
            shape,
            maker.latent_size,
            maker.make_decoder(maker.latent_size),
            dropout=maker.dropout,
            reconstruction=maker.reconstruction,
            **options,
        )


@estimator
class VAEForecaster(_VariationalForecasts, NetworkForecasterMixin, LatentParams):
    """Variational autoencoder for forecasting the next rows of a table.

    The window before an origin is summed up in a latent vector, of which a decoder makes the window again and all steps of the
    horizon. The divergence of the latent vector from a standard normal, and the window made again, count beside the loss of the
    forecast, so that no more of the window is told than is worth its nats. Forecasts are made of the latent mean.

    References
    ----------
    .. [1] D. P. Kingma, M. Welling. Auto-encoding variational Bayes. ICLR 2014.
    .. [2] A. A. Alemi, I. Fischer, J. V. Dillon, K. Murphy. Deep variational information bottleneck. ICLR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import VAEForecaster
    >>> X = np.sin(np.arange(300) / 5)[:, None]
    >>> model = VAEForecaster(lookback=32, horizon=8, hidden_size=16, max_epochs=3, random_state=0).fit(X[:250])
    >>> model.score(X[250:]) > 0.9
    True
    """

    beta: Annotated[float, AtLeast(0), "Weight of the divergence from the prior, beside the losses."] = 0.1
    reconstruction: Annotated[
        float, AtLeast(0), "Weight of the window's own values, made again by the decoder, beside those of the horizon."
    ] = 0.5
