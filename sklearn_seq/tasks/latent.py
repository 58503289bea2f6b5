"""What a model with a latent space does: goes there and back, draws, says how probable, fills gaps."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if

from sklearn_seq.layers.variational import Bounds, Latents, VariationalNetwork, fixed_noise
from sklearn_seq.params import estimator
from sklearn_seq.sequences import Sequences
from sklearn_seq.tasks.represent import RepresentMixin, each_step
from sklearn_seq.tasks.state import keep_on_failure
from sklearn_seq.training import outputs
from sklearn_seq.training.devices import device_for_predict

__all__ = ["LatentSpaceMixin"]

_MOST_RESIDUALS = 1000  # sequences that the correlation of residuals is found from
_CORRELATION = 0.999  # at most: what is filled in must go back to what is decoded, however slowly


def _reads_gaps(self: Any) -> bool:
    params = self.__dict__.get("_fitted_params") or self.get_params(deep=False)
    if not params["hide"] and params["missing"] != "mask":
        raise AttributeError("impute needs a model that has read gaps; fit with hide above 0, or with missing='mask'")
    return True


@estimator
class LatentSpaceMixin(RepresentMixin):
    """Methods of a `VariationalNetwork` without labels.

    Attributes
    ----------
    length_counts_ : ndarray of shape (2, n_lengths)
        Lengths of the training sequences, and how many have each, by their weights.
    residual_correlation_ : ndarray of shape (n_features,)
        Of what is left between values and their reconstruction, from a step to the next: by how much a known neighbour says
        more about a gap than the latent vector does.
    """

    if TYPE_CHECKING:
        length_counts_: np.ndarray
        residual_correlation_: np.ndarray
        module_: VariationalNetwork

        def _read_again(self, X: Any, missing: Any = None) -> Sequences:
            """Of the family."""

    # -- latent space --------------------------------------------------------------------------------------------------

    def _vectors(self, data: Sequences) -> np.ndarray:
        return self._latents(data)

    @property
    def _n_features_out(self) -> int:
        return int(self._fitted_params["latent_size"])

    def inverse_transform(self, Z: Any, lengths: Any = None) -> Any:
        """The sequences that latent vectors stand for: the expected values.

        Parameters
        ----------
        Z : array-like of shape (n_samples, latent_size)
            Latent vectors.
        lengths : int or array-like of int of shape (n_samples,), optional
            Steps of each sequence; by default as in ``fit``, for ragged data the median there.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps[, n_features]) or Sequences
            As ``X`` in ``fit``; Sequences where lengths differ.
        """
        self._require_fitted()
        Z = np.asarray(Z, dtype=np.float64)
        wanted = self._n_features_out
        if Z.ndim != 2 or Z.shape[1] != wanted or not len(Z) or not np.isfinite(Z).all():
            raise ValueError(
                f"Z has shape {Z.shape}{'' if np.isfinite(Z).all() else ' and holds numbers that are not finite'}; wanted "
                f"(n_samples, {wanted}) of finite numbers, as transform gives them"
            )
        return self._give(self._centers(self._numbers(Z, self._read_lengths(lengths, len(Z)))))

    def reconstruct(self, X: Any) -> Any:
        """What the latent mean of each sequence stands for.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps[, n_features]) or Sequences
            As ``X`` in ``fit``.
        """
        data = self._read_again(X)
        return self._give(self._decoded(data))

    def sample(self, n_samples: int = 1, length: Any = None, random_state: Any = None) -> Any:
        """New sequences: latent vectors from the prior, and values by the likelihood.

        Parameters
        ----------
        n_samples : int
            How many.
        length : int or array-like of int of shape (n_samples,), optional
            Steps; by default drawn from the lengths of the training sequences.
        random_state : int, RandomState instance or None
            Of what is drawn.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps[, n_features]) or Sequences
            As ``X`` in ``fit``; Sequences where lengths differ.
        """
        self._require_fitted()
        if not isinstance(n_samples, int | np.integer) or isinstance(n_samples, bool) or n_samples < 1:
            raise ValueError(f"n_samples={n_samples!r}; wanted a whole number, 1 or more")
        random = check_random_state(random_state)
        if length is None:
            lengths, counts = self.length_counts_
            length = random.choice(lengths.astype(np.int64), size=int(n_samples), p=counts / counts.sum())
        lengths = self._read_lengths(length, int(n_samples), "length")
        numbers = self._numbers(random.standard_normal((int(n_samples), self._n_features_out)), lengths)
        steps = np.arange(len(numbers.values)) - np.repeat(numbers.starts, numbers.lengths)
        return self._give(numbers.map_values(self.module_.likelihood.draw(numbers.values, steps, random)))

    def interpolate(self, a: Any, b: Any, n_steps: int = 8) -> Any:
        """Sequences on the straight line between two, in the latent space.

        Parameters
        ----------
        a, b : array-like of shape (n_timesteps[, n_features])
            One sequence each.
        n_steps : int
            How many are given, both ends among them; 2 or more.

        Returns
        -------
        ndarray of shape (n_steps, n_timesteps[, n_features]) or Sequences
            As ``X`` in ``fit``; lengths go from that of ``a`` to that of ``b``.
        """
        self._require_fitted()
        if not isinstance(n_steps, int | np.integer) or isinstance(n_steps, bool) or n_steps < 2:
            raise ValueError(f"n_steps={n_steps!r}; wanted a whole number, 2 or more")
        both = [np.asarray(a), np.asarray(b)]
        reader = copy.copy(self)
        reader.__dict__.pop("feature_names_in_", None)  # rows of a frame have no names left
        data = reader._read_again(np.stack(both) if self._kind == "2-D" and both[0].shape == both[1].shape else both)
        share = np.linspace(0.0, 1.0, int(n_steps))[:, None]
        first, second = self._vectors(data)
        low, high = data.lengths
        lengths = np.rint(low + share[:, 0] * (high - low)).astype(np.int64)
        return self._give(self._centers(self._numbers((1 - share) * first + share * second, lengths)))

    # -- how probable --------------------------------------------------------------------------------------------------

    def score_samples(self, X: Any, n_samples: int = 16, bound: str = "elbo", random_state: Any = None) -> np.ndarray:
        """A lower bound of the logarithm of each sequence's density, in nats and in the units of the data.

        Parameters
        ----------
        X : as in fit
            The sequences.
        n_samples : int
            Draws of the latent vector.
        bound : {"elbo", "iwae"}
            The mean over the draws; or the importance-weighted bound, which more draws make tighter.
        random_state : int, RandomState instance or None
            Of the draws, which are the same for every sequence; None draws the same ones in each call.

        Returns
        -------
        ndarray of shape (n_samples,)
            Of what is known of a sequence, given its length. With ``likelihood="gaussian"`` a density, else a probability.
        """
        if bound not in ("elbo", "iwae"):
            raise ValueError(f"bound={bound!r}; wanted 'elbo' or 'iwae'")
        if not isinstance(n_samples, int | np.integer) or isinstance(n_samples, bool) or n_samples < 1:
            raise ValueError(f"n_samples={n_samples!r}; wanted a whole number, 1 or more")
        data = self._read_again(X)
        shape = (int(n_samples), self._n_features_out)
        noise = fixed_noise(*shape) if random_state is None else check_random_state(random_state).standard_normal(shape)
        found = outputs(Bounds(self.module_, noise), data, n_threads=self.n_threads, device=self._device())
        return found[:, 0 if bound == "elbo" else 1]

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples`, in nats a sequence.

        Parameters
        ----------
        X : as in fit
            The sequences.
        y : object
            Ignored.

        Returns
        -------
        float
        """
        return float(self.score_samples(X).mean())

    def score_steps(self, X: Any) -> Any:
        """Logarithm of the density of each step, given the latent mean of its sequence, in the units of the data.

        With ``residuals="lasting"`` it is given the steps before it too.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps), or Sequences of one feature
            Sequences for ragged data. Missing values count 0.
        """
        data = self._read_again(X)
        likelihood = self.module_.likelihood

        def density(numbers: torch.Tensor, rows: np.ndarray) -> torch.Tensor:
            x = torch.from_numpy(data[rows].to_padded().astype(np.float64))
            return likelihood.log_density(numbers.double(), x.to(numbers.device), None)[..., None]

        steps = self._numbers(self._vectors(data), data.lengths, density)
        if self._kind == "ragged" or steps.equal_length is None:
            return steps
        return steps.values.reshape(len(steps), -1)

    # -- gaps ----------------------------------------------------------------------------------------------------------

    @available_if(_reads_gaps)
    def impute(self, X: Any, n_iter: int = 3) -> Any:
        """Fill in missing values.

        The latent mean is found from what is known, what it stands for is filled in, and so again. By what the known
        neighbours of a gap differ from what is decoded, the gap is corrected, as far as such differences last in the training
        sequences (``residual_correlation_``).

        Parameters
        ----------
        X : as in fit
            The sequences; NaN are missing, whatever the parameter ``missing``.
        n_iter : int
            How often the latent mean is found; the first time from what is known alone.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps[, n_features]) or Sequences
            As ``X``; what was known is as it was.
        """
        if not isinstance(n_iter, int | np.integer) or isinstance(n_iter, bool) or n_iter < 1:
            raise ValueError(f"n_iter={n_iter!r}; wanted a whole number, 1 or more")
        data = self._read_again(X, missing="mask").to_block()
        values = self._pass_gate(X, reset=False, dtype=np.float64, missing="mask").to_block().values
        there, filled = ~np.isnan(values), data
        for i in range(int(n_iter)):
            center = self._decoded(filled).values
            if i + 1 < n_iter:
                filled = data.map_values(np.where(there, values, center).astype(data.dtype))
        away = np.where(there, values - center, 0.0)
        found = center + _carried(away, there, data, self.residual_correlation_)
        return self._give(data.map_values(np.where(there, values, found)))

    @keep_on_failure
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:  # noqa: D102  (that of the base)
        super().partial_fit(X, y, sample_weight)
        self._learn_residuals(self._read_again(X))
        return self

    partial_fit.__doc__ = RepresentMixin.partial_fit.__doc__

    def _end(self, reading: Any, result: Any) -> None:
        super()._end(reading, result)
        self._learn_residuals(reading.data)

    def _learn_residuals(self, data: Sequences) -> None:
        """How long differences from what is decoded last."""
        self.residual_correlation_ = np.zeros(self._n_channels)
        if self._fitted_params["likelihood"] != "gaussian":
            return
        data = data[:_MOST_RESIDUALS].to_block()
        away = data.values - self._decoded(data).values
        known = ~np.isnan(away)
        follows = np.ones(len(away), dtype=bool)
        follows[data.starts] = False
        pairs = known[1:] & known[:-1] & follows[1:, None]  # of which one is missing says nothing
        away = np.nan_to_num(away)
        both = (away[1:] * away[:-1] * pairs).sum(axis=0)
        # of the first and of the last step of each sequence half, so that the ratio is a correlation
        square = 0.5 * ((away[1:] ** 2 + away[:-1] ** 2) * pairs).sum(axis=0)
        self.residual_correlation_ = np.clip(both / np.where(square > 0, square, 1.0), 0.0, _CORRELATION)

    # -- decoding ------------------------------------------------------------------------------------------------------

    def _latents(self, data: Sequences) -> np.ndarray:
        """Means, (n_samples, D)."""
        found = outputs(Latents(self.module_), data, n_threads=self.n_threads, device=self._device())
        return found[:, : found.shape[1] // 2]

    def _device(self) -> torch.device | None:
        return None if self.device == "cpu" else device_for_predict(self)

    def _numbers(
        self, Z: np.ndarray, lengths: np.ndarray, then: Callable[[torch.Tensor, np.ndarray], torch.Tensor] | None = None
    ) -> Sequences:
        """What the likelihood is told of every step, decoded from latent vectors; or what ``then`` makes of it."""
        network, device = self.module_, self._device() or torch.device("cpu")
        z = torch.from_numpy(np.ascontiguousarray(Z, dtype=self._fitted_params["dtype"]))

        def call(rows: np.ndarray, longest: int, mask: torch.Tensor | None) -> torch.Tensor:
            numbers = network.decode(z[torch.from_numpy(rows)].to(device), mask, longest)
            return numbers if then is None else then(numbers, rows)

        return each_step(call, lengths, network, n_threads=self.n_threads, device=device)

    def _centers(self, numbers: Sequences) -> Sequences:
        """The values that are expected."""
        with torch.inference_mode():
            found = self.module_.cpu().likelihood.center(torch.from_numpy(numbers.values))
        return numbers.map_values(found.numpy())

    def _decoded(self, data: Sequences) -> Sequences:
        """What the latent mean of each sequence stands for."""
        return self._centers(self._numbers(self._latents(data), data.lengths))

    # -- reading and giving --------------------------------------------------------------------------------------------

    def _read_lengths(self, lengths: Any, n: int, name: str = "lengths") -> np.ndarray:
        """Lengths of n sequences."""
        if lengths is None:
            every, counts = self.length_counts_
            lengths = int(every[np.searchsorted(counts.cumsum(), counts.sum() / 2)])
        given = np.asarray(lengths)
        legal = given.dtype.kind in "iu" and given.shape in ((), (n,)) and given.size and (given >= 1).all()
        if not legal:
            raise ValueError(f"{name}={lengths!r}; wanted a whole number, 1 or more, or {n} of them, one a sequence")
        return np.broadcast_to(given, (n,)).astype(np.int64)

    def _give(self, found: Sequences) -> Any:
        """In the form of what was given to fit."""
        if self._kind == "ragged" or found.equal_length is None:
            return found
        values = found.values
        return (
            values.reshape(len(found), -1) if self._kind == "2-D" else values.reshape(len(found), -1, found.n_features)
        )


def _carried(away: np.ndarray, there: np.ndarray, data: Sequences, correlation: np.ndarray) -> np.ndarray:
    """What differences at known steps say of the steps between them, if they are a first-order autoregression. (N, F)"""
    n = len(away)
    steps = np.arange(n)[:, None]
    first = np.repeat(data.starts, data.lengths)[:, None]
    last = np.repeat(data.stops, data.lengths)[:, None] - 1
    before = np.maximum.accumulate(np.where(there, steps, -1), axis=0)
    after = np.minimum.accumulate(np.where(there, steps, n)[::-1], axis=0)[::-1]
    has_before, has_after = before >= first, after <= last
    j, k = np.where(has_before, steps - before, 0), np.where(has_after, after - steps, 0)
    both = has_before & has_after & ~there
    square = np.where(both, 1.0 - correlation ** (2 * (j + k)), 1.0)
    left = correlation**j * np.where(both, 1.0 - correlation ** (2 * k), 1.0) / square * has_before
    right = correlation**k * np.where(both, 1.0 - correlation ** (2 * j), 1.0) / square * has_after
    at_before = np.take_along_axis(away, np.where(has_before, before, steps), axis=0)
    at_after = np.take_along_axis(away, np.where(has_after, after, steps), axis=0)
    return left * at_before + right * at_after
