"""Optimisers over the flat parameters of replicas, each with its own step size, and how the step size changes."""

import difflib
import inspect
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sklearn_seq.training.flat import Flat

__all__ = ["Optimizer", "Schedule", "make_optimizer"]

# need a closure, or sparse gradients
_OTHER_PROTOCOL = {"Optimizer", "LBFGS", "SparseAdam"}
_ROUNDS = 5  # of Muon's iteration


def _known() -> dict[str, type[torch.optim.Optimizer]]:
    """The optimisers that torch brings and that step by themselves."""
    return {
        name.lower(): cls
        for name, cls in vars(torch.optim).items()
        if isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer) and name not in _OTHER_PROTOCOL
    }


class Optimizer(torch.optim.Optimizer):
    """What the loop steps: all parameters of all replicas.

    To torch and skorch it is an optimiser of the one network that is trained, with its groups and its ``step``.

    Parameters
    ----------
    flat : Flat
        The parameters.
    rates, decays : list of float
        Step size and weight decay of each replica.
    """

    writes_values = True  # or to the parameters, which are the same memory on a CPU

    def __init__(self, flat: Flat, rates: list[float], decays: list[float], **options: Any) -> None:
        self.flat, self.decays = flat, np.array(decays)
        parameters = [p for p in flat.joint.parameters() if p.requires_grad]
        super().__init__(parameters, {"lr": rates[0], "weight_decay": decays[0], **options})
        self.n_done = np.zeros(len(rates), dtype=np.int64)  # steps of each replica
        self.moments: dict[str, Tensor] = {}

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As torch's, without loading torch's compiler first, which takes seconds in each process and is not asked for."""
        inspect.unwrap(torch.optim.Optimizer.add_param_group)(self, param_group)

    def prepare(self, rates: np.ndarray, active: np.ndarray) -> None:
        """Settle the next steps.

        Parameters
        ----------
        rates : ndarray of shape (n_steps, R)
            Step sizes.
        active : ndarray of bool of shape (n_steps, R)
            Which replicas take part; the others stay as they are.
        """
        raise NotImplementedError

    def update(self, i: int) -> None:
        """Do the i-th of the settled steps."""
        raise NotImplementedError

    def keep(self, replicas: list[int]) -> None:
        """Go on with some of the replicas."""
        self.n_done, self.decays = self.n_done[replicas], self.decays[replicas]
        self.moments = {name: moment[replicas] for name, moment in self.moments.items()}

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step at the rate of the parameter group, for those that know torch's optimisers."""
        self.prepare(np.full((1, len(self.n_done)), self.param_groups[0]["lr"]), np.ones((1, len(self.n_done)), bool))
        self.update(0)

    def pack(self, r: int) -> dict[str, Any]:
        """The state of a replica as arrays and numbers, without torch."""
        entry: dict[str, Any] = {name: moment[r].cpu().numpy().copy() for name, moment in self.moments.items()}
        return {"name": type(self).__name__, "entries": {"0": {"n_done": int(self.n_done[r]), **entry}}}

    def unpack(self, r: int, packed: dict[str, Any] | None) -> None:
        """Put a packed state back; one of another optimiser is left out, since it means something else."""
        if packed is None or packed["name"] != type(self).__name__:
            return
        entry = packed["entries"]["0"]
        self.n_done[r] = entry["n_done"]
        for name, moment in self.moments.items():
            moment[r] = torch.from_numpy(np.array(entry[name]))


class _Flat(Optimizer):
    """An optimiser that goes over (R, P) element by element.

    On a CPU it goes over the rows of the replicas that take part by the kernels of torch's own optimisers, which read and write all
    in one pass.
    """

    _columns: list[tuple[Tensor, ...]]
    _masks: Tensor | None

    def _goes_by_rows(self) -> bool:
        return self.flat.values.device.type == "cpu"

    def prepare(self, rates: np.ndarray, active: np.ndarray) -> None:
        self._by_rows = self._goes_by_rows()
        if not self._by_rows:
            self._prepare_columns(rates, active)
            return
        done = self.n_done + np.cumsum(active, axis=0)
        self._rates, self._taking_part = rates.tolist(), active.tolist()
        self._done = torch.from_numpy(done.astype(np.float32))  # (n_steps, R)
        blocks = (self.flat.values, self.flat.gradient, *self.moments.values())
        self._rows = [[[row] for row in rows] for rows in zip(*blocks, strict=True)]
        self.n_done = self.n_done + active.sum(axis=0)

    def update(self, i: int) -> None:
        if not self._by_rows:
            self._update_columns(i)
            return
        every = zip(self._rows, self._rates[i], self.decays.tolist(), self._done[i], self._taking_part[i], strict=True)
        for row, rate, decay, done, active in every:
            if active:
                self._update_row(row, rate, decay, done)

    def _update_row(self, row: list[list[Tensor]], rate: float, decay: float, done: Tensor) -> None:
        """One replica: values, gradient and moments, (P,) each."""
        raise NotImplementedError

    def _prepare_columns(self, rates: np.ndarray, active: np.ndarray) -> None:
        """As `prepare`, for `_update_columns`."""
        raise NotImplementedError

    def _update_columns(self, i: int) -> None:
        """All replicas together."""
        raise NotImplementedError

    def _settle(self, active: np.ndarray, *columns: np.ndarray) -> None:
        values = self.flat.values

        def tensor(column: np.ndarray) -> Tensor:
            return torch.from_numpy(column).to(values)[:, :, None]  # (n_steps, R, 1)

        self._columns = list(zip(*(tensor(column).unbind(0) for column in columns), strict=True))
        self._all = [bool(row.all()) for row in active]
        self._masks = None if active.all() else tensor(active.astype(float))
        self.n_done = self.n_done + active.sum(axis=0)

    def _mask(self, i: int) -> Tensor | None:
        return None if self._all[i] else self._masks[i]  # type: ignore[index]


class Adam(_Flat):
    """Kingma and Ba (2015), weight decay added to the gradient."""

    beta1, beta2, eps = 0.9, 0.999, 1e-8
    decoupled = False

    def __init__(self, flat: Flat, rates: list[float], decays: list[float]) -> None:
        super().__init__(flat, rates, decays)
        self.moments = {"first": torch.zeros_like(flat.values), "second": torch.zeros_like(flat.values)}

    def _update_row(self, row: list[list[Tensor]], rate: float, decay: float, done: Tensor) -> None:
        kernel: Any = torch._fused_adamw_ if self.decoupled else torch._fused_adam_
        options = {"lr": rate, "beta1": self.beta1, "beta2": self.beta2, "weight_decay": decay, "eps": self.eps}
        kernel(*row[:4], [], [done], **options, amsgrad=False, maximize=False)  # Muon has a moment more

    def _prepare_columns(self, rates: np.ndarray, active: np.ndarray) -> None:
        done = self.n_done + np.cumsum(active, axis=0)
        root = np.sqrt(1.0 - self.beta2**done)
        with np.errstate(divide="ignore", invalid="ignore"):
            alpha = np.where(active, rates * root / (1.0 - self.beta1**done), 0.0)
        # the bias corrections are in the step size and in epsilon
        self._settle(active, alpha, self.eps * root, np.where(active, 1.0 - rates * self.decays, 1.0))
        self._decay = torch.from_numpy(self.decays).to(self.flat.values)[:, None] if self.decays.any() else None
        self._scratch = torch.empty_like(self.flat.values)

    def _update_columns(self, i: int) -> None:
        alpha, epsilon, shrink = self._columns[i]
        values, gradient, scratch, mask = self.flat.values, self.flat.gradient, self._scratch, self._mask(i)
        first, second = self.moments["first"], self.moments["second"]
        if self._decay is not None:
            if self.decoupled:
                values.mul_(shrink)
            else:
                gradient.addcmul_(values, self._decay)
        if mask is None:
            first.lerp_(gradient, 1.0 - self.beta1)
            second.mul_(self.beta2)
        else:
            first.lerp_(gradient, mask * (1.0 - self.beta1))
            second.mul_(1.0 - mask * (1.0 - self.beta2))
            gradient.mul_(mask)
        second.addcmul_(gradient, gradient, value=1.0 - self.beta2)
        torch.sqrt(second, out=scratch).add_(epsilon)
        values.sub_(torch.div(first, scratch, out=scratch).mul_(alpha))


class AdamW(Adam):
    """Loshchilov and Hutter (2019): weight decay beside the gradient."""

    decoupled = True


class Muon(AdamW):
    """Jordan et al. (2024): every direction of a hidden matrix takes a step of about the same size, however small its gradient; AdamW
    for all other parameters.

    Hidden are the matrices of the body, kernels of convolutions too. As in Liu et al. (2025) a step is as large as one of AdamW is in
    the mean, so that both share step sizes, and weights decay beside it.
    """

    momentum, size = 0.95, 0.2

    def __init__(self, flat: Flat, rates: list[float], decays: list[float]) -> None:
        super().__init__(flat, rates, decays)
        self.moments["velocity"] = torch.zeros_like(flat.values)
        self._matrices = flat.matrices("body.")

    def prepare(self, rates: np.ndarray, active: np.ndarray) -> None:
        super().prepare(rates, active)
        self._each = [
            [(r, rate) for r, rate in enumerate(row) if now[r]]
            for row, now in zip(rates.tolist(), active.tolist(), strict=True)
        ]

    def update(self, i: int) -> None:
        steps = [(r, rate, *step) for r, rate in self._each[i] for step in self._directions(r)]
        super().update(i)  # without gradient the matrices only decay
        for r, rate, begin, step in steps:
            self.flat.values[r, begin : begin + step.numel()].sub_(step.flatten(), alpha=rate)

    def _directions(self, r: int) -> Iterator[tuple[int, Tensor]]:
        """Where each matrix of a replica begins, and where it goes at a rate of 1; their gradients become zero."""
        gradient, velocity = self.flat.gradient[r], self.moments["velocity"][r]
        for (n_rows, n_columns), begins in self._matrices.items():
            places = [slice(begin, begin + n_rows * n_columns) for begin in begins]
            slopes = torch.stack([gradient[place] for place in places])
            speeds = torch.stack([velocity[place] for place in places]).lerp_(slopes, 1.0 - self.momentum)
            for place, speed in zip(places, speeds, strict=True):
                velocity[place] = speed
                gradient[place] = 0.0
            ahead = slopes.lerp_(speeds, self.momentum).view(-1, n_rows, n_columns)  # Nesterov
            factor = self.size * math.sqrt(max(n_rows, n_columns))
            yield from zip(begins, _evened(ahead).mul_(factor), strict=True)


def _evened(matrices: Tensor) -> Tensor:
    """Matrices (N, I, J) with the same singular vectors and all singular values about 1, from 0.7 to 1.2, but for those that are
    nothing beside the largest; zeros stay zeros.

    Rounds of a Newton-Schulz iteration, whose polynomial (Jordan et al. 2024) is steep at zero. Each multiplies by a matrix
    that commutes with the small one of products of rows, so that the steps are done on that one, and the large one is multiplied once.
    """
    wide = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT
    wide = wide / torch.linalg.vector_norm(wide, dim=(1, 2), keepdim=True).clamp_(min=torch.finfo(wide.dtype).tiny)
    products = torch.bmm(wide, wide.mT)
    one = torch.eye(products.shape[1], dtype=wide.dtype, device=wide.device)
    factor = one
    for i in range(_ROUNDS):
        step = 3.4445 * one - 4.7750 * products + 2.0315 * torch.bmm(products, products)
        factor = step if i == 0 else torch.bmm(step, factor)
        if i < _ROUNDS - 1:
            products = torch.bmm(torch.bmm(step, products), step)
    wide = torch.bmm(factor, wide)
    return wide if matrices.shape[1] <= matrices.shape[2] else wide.mT


class SGD(_Flat):
    """Gradient descent with Nesterov momentum of 0.9, weight decay added to the gradient."""

    momentum = 0.9

    def __init__(self, flat: Flat, rates: list[float], decays: list[float]) -> None:
        super().__init__(flat, rates, decays)
        self.moments = {"velocity": torch.zeros_like(flat.values)}

    def _update_row(self, row: list[list[Tensor]], rate: float, decay: float, done: Tensor) -> None:
        kernel: Any = torch._fused_sgd_
        options = {"weight_decay": decay, "momentum": self.momentum, "lr": rate, "dampening": 0.0}
        kernel(*row, **options, nesterov=True, maximize=False, is_first_step=False)

    def _prepare_columns(self, rates: np.ndarray, active: np.ndarray) -> None:
        self._settle(active, np.where(active, rates, 0.0))
        self._decay = torch.from_numpy(self.decays).to(self.flat.values)[:, None] if self.decays.any() else None

    def _update_columns(self, i: int) -> None:
        (rate,) = self._columns[i]
        values, gradient, velocity = self.flat.values, self.flat.gradient, self.moments["velocity"]
        if self._decay is not None:
            gradient.addcmul_(values, self._decay)
        mask = self._mask(i)
        if mask is None:
            velocity.mul_(self.momentum).add_(gradient)
        else:
            velocity.mul_(1.0 - mask * (1.0 - self.momentum)).addcmul_(gradient, mask)
        values.sub_(gradient.add_(velocity, alpha=self.momentum).mul_(rate))


class _Torchs(Optimizer):
    """Any optimiser of torch, one for each replica, over its own network's parameters."""

    writes_values = False

    def __init__(self, flat: Flat, rates: list[float], decays: list[float], cls: Any) -> None:
        super().__init__(flat, rates, decays)
        accepted = inspect.signature(cls).parameters
        self.parts = [
            cls(
                [p for p in module.parameters() if p.requires_grad],
                lr=rate,
                **({"weight_decay": decay} if "weight_decay" in accepted else {}),
            )
            for module, rate, decay in zip(flat.modules, rates, decays, strict=True)
        ]

    def prepare(self, rates: np.ndarray, active: np.ndarray) -> None:
        self._rates, self._active = rates.tolist(), active.tolist()

    def update(self, i: int) -> None:
        for part, rate, active in zip(self.parts, self._rates[i], self._active[i], strict=True):
            if active:
                for group in part.param_groups:
                    group["lr"] = rate
                part.step()

    def keep(self, replicas: list[int]) -> None:
        super().keep(replicas)
        self.parts = [self.parts[r] for r in replicas]

    def pack(self, r: int) -> dict[str, Any]:
        entries = {
            str(i): {
                key: value.detach().cpu().numpy().copy() if isinstance(value, Tensor) else value
                for key, value in state.items()
            }
            for i, state in self.parts[r].state_dict()["state"].items()
        }
        return {"name": type(self.parts[r]).__name__, "entries": entries}

    def unpack(self, r: int, packed: dict[str, Any] | None) -> None:
        part = self.parts[r]
        if packed is None or packed["name"] != type(part).__name__:
            return
        whole = part.state_dict()
        whole["state"] = {
            int(i): {
                key: torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value
                for key, value in entry.items()
            }
            for i, entry in packed["entries"].items()
        }
        part.load_state_dict(whole)


_OURS: dict[str, type[Optimizer]] = {"adam": Adam, "adamw": AdamW, "muon": Muon, "sgd": SGD}


def make_optimizer(name: str, flat: Flat, *, rates: list[float], decays: list[float]) -> Optimizer:
    """An optimiser over flat parameters.

    Parameters
    ----------
    name : str
        Of ``torch.optim``, or "muon", in any case.
    flat : Flat
    rates, decays : list of float
        One a replica.

    Returns
    -------
    Optimizer

    Raises
    ------
    ValueError
        For an unknown name.
    """
    known: dict[str, Any] = _known() | _OURS
    cls = known.get(name.lower())
    if cls is None:
        near = difflib.get_close_matches(name.lower(), known, n=1)
        raise ValueError(
            f"optimizer={name!r} is none that can be used here; wanted one of {', '.join(sorted(known))}"
            + (f". Did you mean {near[0]!r}?" if near else "")
        )
    if name.lower() in _OURS:
        return cls(flat, rates, decays)
    return _Torchs(flat, rates, decays, cls)


class Schedule:
    """The step size as a function of progress.

    Parameters
    ----------
    name : str
        A value of the parameter ``lr_schedule``.
    lr : float
        The largest step size.
    n_steps : int
        Steps in all.
    n_cycles : int
        How many times it runs from its beginning to its end (Loshchilov and Hutter 2017).
    """

    _PATIENCE = 5

    def __init__(self, name: str, lr: float, n_steps: int, n_cycles: int = 1) -> None:
        self.name, self.lr, self.n_steps, self.n_cycles = name, lr, max(1, n_steps // n_cycles), n_cycles
        self._best, self._waited = math.inf, 0

    def at(self, steps: np.ndarray) -> np.ndarray:
        """The step sizes of some steps, counted from 0."""
        steps = np.asarray(steps)
        done = steps / self.n_steps - np.minimum(steps // self.n_steps, self.n_cycles - 1)
        falling = self.lr * 0.5 * (1.0 + np.cos(np.pi * done))
        if self.name == "cosine":
            return falling
        if self.name == "exponential":
            return self.lr * 0.01**done
        if self.name == "one-cycle":  # Smith and Topin (2018): a quarter up from 1/25, then down
            up = self.lr * (0.04 + 0.96 * 0.5 * (1.0 - np.cos(np.pi * done / 0.25)))
            down = self.lr * 0.5 * (1.0 + np.cos(np.pi * (done - 0.25) / 0.75))
            return np.where(done < 0.25, up, down)
        return np.full(done.shape, self.lr)

    def after_epoch(self, loss: float) -> None:
        """Tell the plateau rule how an epoch went."""
        if self.name != "plateau":
            return
        if loss < self._best:
            self._best, self._waited = loss, 0
            return
        self._waited += 1
        if self._waited >= self._PATIENCE:
            self.lr, self._waited = self.lr / 2, 0
