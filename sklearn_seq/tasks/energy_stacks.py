"""Answers of Boltzmann machines on top of each other: hidden units and back, energies, samples."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils import check_array, check_random_state

from sklearn_seq.layers.annealing import anneal
from sklearn_seq.layers.boltzmann import BoltzmannStack, Machine, Reader, Rule, draw
from sklearn_seq.params import estimator
from sklearn_seq.sequences import Sequences
from sklearn_seq.sequences.statistics import feature_statistics
from sklearn_seq.tasks.energy import RATES, EnergyMixin, train_stack
from sklearn_seq.tasks.options import read_wholes
from sklearn_seq.training import Result, Seeds
from sklearn_seq.training.batches import Gather
from sklearn_seq.training.seeds import build_seeded
from sklearn_seq.training.threads import auto_threads, hold_threads

__all__ = ["StackMixin", "read_sizes", "torch_generator", "train_layers"]

_ROWS = 1024  # that are answered at a time
_LARGEST_SEED = 2**31 - 1


@estimator
class StackMixin(EnergyMixin):
    """What machines say of whole sequences, whose steps and features are their visible units."""

    def _sizes(self) -> list[int]:
        """Hidden units of the layers, of the fitted parameters."""
        raise NotImplementedError

    # -- training ------------------------------------------------------------------------------------------------------

    def _train(
        self, data: Sequences, weight: np.ndarray, chance: np.random.RandomState, before: Any, on_epoch: Any, once: bool
    ) -> Result:
        self._fitted_params = params = self._plain_params()
        if params.get("persistent") and (data.equal_length is None or np.isnan(data.values).any()):
            raise ValueError(
                "persistent=True keeps chains over all visible units, but X has sequences of different lengths or missing values, "
                "whose units are absent. Set persistent=False, or give sequences of one length without gaps."
            )
        seeds = [Seeds.draw(chance) for _ in self._sizes()]
        stack: Any = build_seeded(self._build, seeds[0].initialisation).to(getattr(torch, params["dtype"]))
        if before is not None:
            stack.load_state_dict({name: torch.from_numpy(np.array(w)) for name, w in before["weights"].items()})
        elif self.visible_ == "gaussian":  # brought to mean 0 and deviation 1, feature by feature
            mean, deviation = feature_statistics(data, weight)
            stack.reader.scaling.set_statistics(torch.from_numpy(mean), torch.from_numpy(deviation))
        results = train_stack(
            stack,
            data,
            weight,
            settings=self._settings(once),
            rule=self._rule(),
            seeds=seeds,
            batch_size=self._batch_rows(len(data)),
            before=before,
            fixed_rate=once,
            on_epoch=on_epoch,
        )
        history = [entry for result in results for entry in result.history]
        return Result(stack, history, len(history), results[-1].optimizer_state)

    def _build(self) -> BoltzmannStack:
        """Untrained, of the fitted parameters."""
        params = self._fitted_params
        scales = self.visible_ == "gaussian"
        reader = Reader(self._longest, self._n_channels, gaps=params["missing"] == "mask", scales=scales)
        n_chains = params["n_chains"] if params.get("persistent") else 0
        return _stack(reader, self._sizes(), self.visible_, n_chains)

    # -- answers, on the CPU and in float64, so that no mate of a row shows in its answer ----------------------------------

    def _exact(self) -> BoltzmannStack:
        module: Any = self.module_
        return copy.deepcopy(module).to("cpu").double().eval()

    def _each(self, data: Sequences, stack: BoltzmannStack, say: Callable[..., torch.Tensor]) -> np.ndarray:
        """``say(v, there)`` of all rows, some at a time."""
        gather, found = Gather(data), []
        threads = auto_threads(stack, _ROWS) if self.n_threads == "auto" else int(self.n_threads)  # type: ignore[attr-defined]
        with hold_threads(threads), torch.inference_mode():
            for i in range(0, len(data), _ROWS):
                x, mask = gather(np.arange(i, min(i + _ROWS, len(data))))
                there = None if mask is None else torch.from_numpy(mask)
                found.append(say(*stack.reader(torch.from_numpy(x.astype(np.float64)), there)).numpy())
        return np.concatenate(found)

    def _features(self, X: Sequences) -> np.ndarray:
        """Probabilities of the uppermost hidden units: `transform`, which has to be that of a transformer for `set_output`."""
        stack = self._exact()

        def say(v: torch.Tensor, there: torch.Tensor | None) -> torch.Tensor:
            for machine in stack.in_order:
                v = machine.hidden(v)
            return v

        return self._each(X, stack, say).astype(self._fitted_params["dtype"])

    def inverse_transform(self, X: Any) -> Any:
        """Sequences that hidden units stand for: the means of the visible units, layer by layer downward.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_hidden)
            Hidden units, as from `transform`.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps[, n_features]), or Sequences
            As the ``X`` of `fit` was; of ragged data, all of the longest length.
        """
        self._require_fitted()
        stack = self._exact()
        n_hidden = stack.in_order[-1].weight.shape[0]
        hidden = check_array(X, dtype=np.float64)
        if hidden.shape[1] != n_hidden:
            raise ValueError(
                f"X has {hidden.shape[1]} columns; wanted {n_hidden}, one a hidden unit of this {type(self).__name__}. Give what "
                "transform returned."
            )
        with torch.inference_mode():
            return self._shaped(stack.reader.back(stack.down(torch.from_numpy(hidden))))

    def _shaped(self, x: torch.Tensor) -> Any:
        """(n, T, F) as `fit` was given it."""
        found, kind = x.numpy().astype(self._fitted_params["dtype"]), self.__dict__["_kind"]
        if kind == "ragged":
            return Sequences.from_array(found)
        return found[:, :, 0] if kind == "2-D" else found

    def sample(self, n_samples: int = 1, n_steps: int = 200, random_state: Any = None) -> Any:
        """New sequences, by chance: Gibbs steps of the uppermost machine, then the layers below downward.

        Parameters
        ----------
        n_samples : int
            How many; each is the end of a chain of its own.
        n_steps : int
            Gibbs steps of a chain.
        random_state : int, RandomState instance or None
            Decides what is drawn; None takes numpy's global generator.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps[, n_features]), or Sequences
            As the ``X`` of `fit` was; of ragged data, all of the longest length.
        """
        self._require_fitted()
        for name, value in (("n_samples", n_samples), ("n_steps", n_steps)):
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name}={value!r}; wanted a whole number, 1 or more")
        stack, generator = self._exact(), torch_generator(random_state)
        with torch.inference_mode():
            top: Any = stack.in_order[-1]
            h = draw(top.hidden_mean.expand(int(n_samples), -1), generator)
            for _ in range(int(n_steps)):
                v = top.draw_visible(top.visible(h), generator)
                h = draw(top.hidden(v), generator)
            for machine in reversed(stack.in_order[:-1]):
                v = machine.draw_visible(machine.visible(v), generator)
            return self._shaped(stack.reader.back(v))

    def log_partition(self, n_chains: int = 128, n_temperatures: int = 1000, random_state: Any = 0) -> float:
        """Logarithm of the partition function of the uppermost machine, estimated by annealed importance sampling [1]_.

        Parameters
        ----------
        n_chains : int
            Independent chains, whose weights are averaged.
        n_temperatures : int
            Machines between one without weights and this one; more are more exact.
        random_state : int, RandomState instance or None
            Decides the chains.

        Returns
        -------
        float
            In nats, for sequences of the longest length, with all visible units there.

        References
        ----------
        .. [1] R. Salakhutdinov, I. Murray. On the quantitative analysis of deep belief networks. ICML 2008.
        """
        self._require_fitted()
        for name, value in (("n_chains", n_chains), ("n_temperatures", n_temperatures)):
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name}={value!r}; wanted a whole number, 1 or more")
        machine: Any = self._exact().in_order[-1]
        base = machine.visible_mean
        if machine.kind == "bernoulli":
            base = base.clamp(0.01, 0.99)
            base = torch.log(base / (1.0 - base))
        return anneal(machine, base, int(n_chains), int(n_temperatures), torch_generator(random_state))

    def _normalised(self, data: Sequences, found: np.ndarray, log_partition: Any) -> np.ndarray:
        """Log-probabilities in the unit of the data, from those that are not normalised."""
        value = float(log_partition)
        if not np.isfinite(value):
            raise ValueError(
                f"log_partition={log_partition!r}; wanted a finite number, such as log_partition() returns"
            )
        if (data.lengths < self._longest).any() or np.isnan(data.values).any():
            raise ValueError(
                f"log_partition is of sequences of {self._longest} timesteps without gaps; X has others, whose absent units make it "
                "another number. Leave log_partition out, or give whole sequences."
            )
        module: Any = self.module_
        factor = module.reader.scaling.factor.double().cpu().numpy()
        return found - value + self._longest * np.log(np.abs(factor)).sum()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.allow_nan = self.missing == "mask"  # type: ignore[attr-defined]
        return tags


def torch_generator(random_state: Any) -> torch.Generator:
    """torch's, from scikit-learn's."""
    return torch.Generator().manual_seed(int(check_random_state(random_state).randint(_LARGEST_SEED)))


def _stack(reader: Reader, sizes: list[int], kind: str, n_chains: int = 0) -> BoltzmannStack:
    """Machines of these hidden units; all but the first have Bernoulli visible units."""
    kinds = [kind] + ["bernoulli"] * (len(sizes) - 1)
    widths = pairwise([reader.n_units, *sizes])
    machines = [Machine(below, above, own, n_chains) for (below, above), own in zip(widths, kinds, strict=True)]
    return BoltzmannStack(reader, machines)


def read_sizes(given: Any) -> list[int]:
    """What the parameter ``hidden_layer_sizes`` says."""
    return read_wholes("hidden_layer_sizes", given, "(256, 256)")


def train_layers(
    data: Sequences,
    weight: np.ndarray,
    *,
    longest: int,
    sizes: list[int],
    kind: str,
    settings: Any,
    lr: float | str,
    chance: np.random.RandomState,
) -> tuple[dict[str, np.ndarray], list[list[float]]]:
    """Layers of a `BeliefBody`, trained as machines on what it reads.

    Parameters
    ----------
    data : Sequences
        Scaled, in the dtype of the settings.
    weight : ndarray of shape (n_samples,)
        With mean 1.
    longest : int
        Steps that the body reads.
    sizes : list of int
        Units of the layers.
    kind : {"bernoulli", "gaussian"}
        Of the visible units.
    settings : TrainingParams
        Whose ``lr`` is set here.
    lr : float or "auto"
    chance : numpy.random.RandomState

    Returns
    -------
    layers : dict of str to ndarray
        Weights and biases by the names of the body's parameters.
    curves : list of list of float
        Loss of each epoch of each layer.
    """
    seeds = [Seeds.draw(chance) for _ in sizes]
    stack = build_seeded(
        lambda: _stack(Reader(longest, data.n_features, scales=False), sizes, kind), seeds[0].initialisation
    )
    stack.to(getattr(torch, settings.dtype))

    def of_kind(kind: str) -> Any:
        return clone(settings).set_params(lr=RATES[kind] if lr == "auto" else lr)

    size = min(32, max(4, len(data) // 16))
    results = train_stack(stack, data, weight, settings=of_kind, rule=Rule(), seeds=seeds, batch_size=size)
    layers = {}
    for i, machine in enumerate(stack.in_order):
        layers[f"layers.{i}.weight"] = machine.weight.detach().numpy().copy()
        layers[f"layers.{i}.bias"] = machine.hidden_bias.detach().numpy().copy()
    return layers, [[entry["train_loss"] for entry in result.history] for result in results]
