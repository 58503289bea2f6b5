"""Restricted Boltzmann machines over whole sequences, and over the steps of sequences given their recent past."""

from __future__ import annotations

import copy
from typing import Annotated, Any

import numpy as np
import torch

from sklearn_seq.layers.boltzmann import draw
from sklearn_seq.layers.conditional import ConditionalMachine, ConditionalRule
from sklearn_seq.params import AtLeast, estimator
from sklearn_seq.preprocessing._base import _FeatureTransformer, _Transformer
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.statistics import feature_statistics
from sklearn_seq.tasks.energy import EnergyMixin, EnergyParams, train_plan
from sklearn_seq.tasks.energy_stacks import StackMixin, torch_generator
from sklearn_seq.tasks.state import keep_on_failure
from sklearn_seq.training.batches import Gather
from sklearn_seq.training.threads import hold_threads

__all__ = ["RBM", "ConditionalRBM"]

_STEPS = 1 << 14  # that are answered at a time


@estimator
class RBM(StackMixin, EnergyParams, _FeatureTransformer):
    """Restricted Boltzmann machine: features of sequences, learnt without labels.

    Hidden units of 0 or 1 explain the visible units, which are the values of a sequence, all steps side by side; both are
    independent given the other. It learns by contrastive divergence [1]_, or with ``persistent=True`` by chains that go on from
    step to step [2]_ (as `sklearn.neural_network.BernoulliRBM`, whose methods it has). Values in [0, 1] are read as
    probabilities of units of 0 or 1; real values, standardised inside, as Gaussian units of deviation 1.

    Units past the end of a shorter sequence are absent: they contribute nothing, exactly. Longer sequences than in `fit` are
    refused.

    See Also
    --------
    DBN : Several machines on top of each other.
    ConditionalRBM : Reads step by step.

    Notes
    -----
    The energy is ``-v W' h - b v - c h`` for Bernoulli and ``(v - b)^2 / 2 - v W' h - c h`` for Gaussian visible units. In
    contrastive divergence visible units take their means, hidden ones are drawn [3]_; chains draw both.

    References
    ----------
    .. [1] G. E. Hinton. Training products of experts by minimizing contrastive divergence. Neural Computation 14, 2002.
    .. [2] T. Tieleman. Training restricted Boltzmann machines using approximations to the likelihood gradient. ICML 2008.
    .. [3] G. E. Hinton. A practical guide to training restricted Boltzmann machines. Technical report, Toronto, 2010.
    .. [4] J. Melchior, A. Fischer, L. Wiskott. How to center deep Boltzmann machines. JMLR 17, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import RBM
    >>> rng = np.random.default_rng(0)
    >>> X = np.repeat(rng.integers(0, 2, size=(100, 3)), 4, axis=1)  # each bit four times
    >>> model = RBM(n_components=8, random_state=0).fit(X)
    >>> model.transform(X).shape
    (100, 8)
    >>> noise = rng.integers(0, 2, size=(100, 12))
    >>> bool(model.score_samples(X).mean() > model.score_samples(noise).mean())
    True
    """

    n_components: Annotated[int, AtLeast(1), "Hidden units."] = 256
    persistent: Annotated[
        bool, "Persistent contrastive divergence: chains go on from step to step; sequences must be whole."
    ] = False
    n_chains: Annotated[int, AtLeast(1), "Chains, where ``persistent``."] = 32
    warm_start: Annotated[bool, "Let fit go on from the weights of the last fit."] = False

    def _sizes(self) -> list[int]:
        return [self._fitted_params["n_components"]]

    def _names(self, names: list[str]) -> list[str]:
        return [f"rbm{i}" for i in range(self._fitted_params["n_components"])]

    @keep_on_failure
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Go on training for one epoch on these rows.

        Parameters
        ----------
        X : as in fit
            Some rows. The first call settles the kind of the visible units, their scale and number.
        y : object
            Ignored.
        sample_weight : array-like of shape (n_samples,), optional
            Their weights.

        Returns
        -------
        self
            The estimator, one epoch further.
        """
        return self._fit_once(X, sample_weight)

    def free_energy(self, X: Any) -> np.ndarray:
        """Minus the log-probability of each sequence, up to the same constant for all of one length.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        ndarray of shape (n_samples,)
            Of the scaled values, in nats.
        """
        data, _ = self._read(X, reset=False)
        stack = self._exact()
        return self._each(data, stack, stack.in_order[0].free_energy)

    def score_samples(self, X: Any, log_partition: float | None = None) -> np.ndarray:
        """Pseudo-log-likelihoods, or log-likelihoods where the partition function is given.

        Parameters
        ----------
        X : as in fit
            The sequences.
        log_partition : float, optional
            As `log_partition` estimates it. Then the log-likelihood is returned, exact but for its error: of Gaussian units the
            log-density, in the unit of ``X``. Sequences must be whole and of the longest length.

        Returns
        -------
        ndarray of shape (n_samples,)
            Without ``log_partition``: for Bernoulli units the sum over units of the log-probability of each given all others,
            exactly (scikit-learn's `BernoulliRBM` estimates this sum by one unit drawn by chance); for Gaussian ones minus the
            free energy.
        """
        data, _ = self._read(X, reset=False)
        stack = self._exact()
        machine = stack.in_order[0]
        if log_partition is not None:
            return self._normalised(data, -self._each(data, stack, machine.free_energy), log_partition)
        if machine.kind == "bernoulli":
            return self._each(data, stack, machine.pseudo_likelihood)
        return -self._each(data, stack, machine.free_energy)

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples`.

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

    def gibbs(self, X: Any, n_steps: int = 1, random_state: Any = None) -> Any:
        """Gibbs steps: hidden units drawn given the sequences, sequences drawn given the hidden units.

        Parameters
        ----------
        X : as in fit
            Where to start; whole sequences of the longest length.
        n_steps : int
            How often.
        random_state : int, RandomState instance or None
            Decides what is drawn; None takes numpy's global generator. A number gives the same draws in every call: give a
            RandomState where calls go on from each other.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps[, n_features]), or Sequences
            As the ``X`` of `fit` was.
        """
        data, _ = self._read(X, reset=False)
        if not isinstance(n_steps, int | np.integer) or isinstance(n_steps, bool) or n_steps < 1:
            raise ValueError(f"n_steps={n_steps!r}; wanted a whole number, 1 or more")
        if (data.lengths < self._longest).any() or np.isnan(data.values).any():
            raise ValueError(
                f"gibbs draws whole sequences of {self._longest} timesteps; X has shorter ones or missing values. Leave these out."
            )
        stack, generator = self._exact(), torch_generator(random_state)
        machine = stack.in_order[0]
        with torch.inference_mode():
            v, _ = stack.reader(torch.from_numpy(data.to_padded().astype(np.float64)))
            for _ in range(int(n_steps)):
                v = machine.draw_visible(machine.visible(draw(machine.hidden(v), generator)), generator)
            return self._shaped(stack.reader.back(v))


@estimator
class ConditionalRBM(EnergyMixin, EnergyParams, _Transformer):
    """Restricted Boltzmann machine over the steps of sequences, given the recent past: features a step, learnt without labels.

    The visible units are the values of one step. Their biases, and those of the hidden units, are linear in the ``lookback`` steps
    before [1]_; before its first step a sequence is at its means (0 for values in [0, 1]). Sequences may have any length.

    See Also
    --------
    RBM : Reads whole sequences.

    Notes
    -----
    `fit` sees each sequence of a batch with all its steps, and each sequence counts alike, whatever its length. Missing values are
    refused: ``missing`` must be "error".

    References
    ----------
    .. [1] G. W. Taylor, G. E. Hinton, S. T. Roweis. Modeling human motion using binary latent variables. NIPS 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_seq import ConditionalRBM
    >>> phase = np.random.default_rng(0).uniform(0, 6, size=(40, 1))
    >>> X = np.sin(phase + 0.5 * np.arange(30))[:, :, None]
    >>> model = ConditionalRBM(n_components=16, lookback=4, max_epochs=10, random_state=0).fit(X)
    >>> model.transform(X).shape
    (40, 30, 16)
    >>> model.sample(X[:3], 8, random_state=0).shape  # goes on for 8 steps
    (3, 8, 1)
    """

    n_components: Annotated[int, AtLeast(1), "Hidden units."] = 64
    lookback: Annotated[int, AtLeast(1), "Steps of the past that biases depend on."] = 4
    warm_start: Annotated[bool, "Let fit go on from the weights of the last fit."] = False

    partial_fit = RBM.partial_fit

    def _check_rows(self, data: Sequences) -> None:
        if self.missing != "error":
            raise ValueError(
                f"missing={self.missing!r}; ConditionalRBM has no way to leave units out. Wanted missing='error'; fill gaps first "
                "(SequenceImputer)."
            )

    def _train(self, data: Any, weight: Any, chance: Any, before: Any, on_epoch: Any, once: bool) -> Any:
        self._fitted_params = self._plain_params()
        self.__dict__["_longest"] = None  # any length is read

        def scale(model: Any) -> None:
            mean, deviation = feature_statistics(data, weight)
            if self.visible_ == "gaussian":
                model.scaling.set_statistics(torch.from_numpy(mean), torch.from_numpy(deviation))
                mean = np.zeros_like(mean)
            model.machine.set_statistics(torch.from_numpy(mean))

        return train_plan(self, data, weight, ConditionalRule(self._rule()), scale, chance, before, on_epoch, once)

    def _batch_rows(self, n: int) -> int:
        """Sequences a step, of all of whose steps it learns."""
        return min(16, max(1, n // 16)) if self.batch_size == "auto" else int(self.batch_size)

    def _build(self) -> ConditionalMachine:
        params = self._fitted_params
        return ConditionalMachine(self._n_channels, params["n_components"], params["lookback"], self.visible_)

    def _gives_columns(self) -> bool:
        return False

    def transform(self, X: Any) -> Any:
        """Probabilities of the hidden units at each step.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps, n_components), or Sequences
            An array for arrays, `Sequences` for ragged data; in the parameter ``dtype``.
        """
        return self._by_step(X, lambda model, x, mask: model(x, mask))

    def free_energy(self, X: Any) -> Any:
        """Minus the log-probability of each step given its past, up to a number that depends on that past.

        Parameters
        ----------
        X : as in fit
            The sequences.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps, 1), or Sequences
            Of the scaled values, in nats.
        """
        return self._by_step(X, lambda model, x, mask: model.free_energy(x, mask)[..., None])

    def _by_step(self, X: Any, say: Any) -> Any:
        data, kind = self._read(X, reset=False)
        model = copy.deepcopy(self.module_).to("cpu").double().eval()
        gather, found = Gather(data), []
        step = max(1, _STEPS // int(data.lengths.max()))
        with hold_threads(1 if self.n_threads == "auto" else int(self.n_threads)), torch.inference_mode():
            for i in range(0, len(data), step):
                x, mask = gather(np.arange(i, min(i + step, len(data))))
                there = None if mask is None else torch.from_numpy(mask)
                made = say(model, torch.from_numpy(x.astype(np.float64)), there)
                found.append((made.flatten(0, 1) if there is None else made[there]).numpy())
        values, stops = np.concatenate(found).astype(self._fitted_params["dtype"]), np.cumsum(data.lengths)
        if kind == "ragged":
            return Sequences(values, stops - data.lengths, stops)
        return values.reshape(len(data), -1, values.shape[1])

    def sample(self, X: Any, n_timesteps: int, n_steps: int = 20, random_state: Any = None) -> np.ndarray:
        """How sequences might go on, by chance, step after step.

        Parameters
        ----------
        X : as in fit
            Sequences, of which the last ``lookback`` steps are read.
        n_timesteps : int
            Steps to go on.
        n_steps : int
            Gibbs steps for each of them.
        random_state : int, RandomState instance or None
            Decides what is drawn; None takes numpy's global generator.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps, n_features)
        """
        for name, value in (("n_timesteps", n_timesteps), ("n_steps", n_steps)):
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name}={value!r}; wanted a whole number, 1 or more")
        data, _ = self._read(X, reset=False)
        model: Any = copy.deepcopy(self.module_).to("cpu").double().eval()
        lookback, scaling = model.lookback, model.scaling
        with torch.inference_mode():
            past = torch.zeros(len(data), lookback, data.n_features, dtype=torch.float64)
            for i, sequence in enumerate(data):
                own = scaling(torch.from_numpy(sequence[-lookback:].astype(np.float64)), None)
                past[i, lookback - len(own) :] = own
            made = model.go_on(past, int(n_timesteps), int(n_steps), torch_generator(random_state))
            return ((made - scaling.shift) / scaling.factor).numpy().astype(self._fitted_params["dtype"])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
