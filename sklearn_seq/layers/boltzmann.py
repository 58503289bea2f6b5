"""Restricted Boltzmann machines: energies, conditionals, and the gradients of contrastive divergence without autograd."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_seq.layers.scaling import InputScaling

__all__ = ["BoltzmannStack", "Machine", "Reader", "Rule", "Stage", "flat_steps"]

_MEMORY = 0.05  # share of a batch in the running mean of the hidden units
_AT_ONCE = 1 << 22  # numbers of exact pseudo-likelihood in memory at a time


def flat_steps(x: Tensor, n_steps: int) -> Tensor:
    """Steps by features as one vector, zeros behind shorter sequences: (..., B, T, F) -> (..., B, n_steps F)."""
    missing = n_steps - x.shape[-2]
    if missing:
        x = nn.functional.pad(x, (0, 0, 0, missing))
    return x.flatten(-2)


class Machine(nn.Module):
    """A restricted Boltzmann machine.

    With hidden units h in {0, 1} its energy is ``-v W' h - b v - c h`` for visible units in {0, 1} (Bernoulli), and
    ``(v - b)^2 / 2 - v W' h - c h`` for real ones (Gaussian, of deviation 1). An absent visible unit contributes nothing: it is
    no unit of the machine that the row sees. Absent units must be 0 in ``v``, and are told by ``there``.

    Parameters
    ----------
    n_visible, n_hidden : int
    kind : {"bernoulli", "gaussian"}
        Of the visible units.
    n_chains : int
        Of persistent contrastive divergence; 0 keeps none.
    """

    def __init__(self, n_visible: int, n_hidden: int, kind: str = "bernoulli", n_chains: int = 0) -> None:
        super().__init__()
        self.kind = kind
        self.weight = nn.Parameter(torch.empty(n_hidden, n_visible).normal_(std=0.01))  # (H, V)
        self.visible_bias = nn.Parameter(torch.zeros(n_visible))
        self.hidden_bias = nn.Parameter(torch.zeros(n_hidden))
        self.register_buffer("visible_mean", torch.zeros(n_visible))  # over the training rows
        self.register_buffer("hidden_mean", torch.full((n_hidden,), 0.5))  # a running one
        self.register_buffer("chains", torch.zeros(n_chains, n_hidden) if n_chains else None)

    @torch.no_grad()
    def set_statistics(self, mean: Tensor) -> None:
        """Begin where the visible units have their means over the training rows, (V,), without help of hidden ones."""
        self.visible_mean.copy_(mean)  # type: ignore[operator]
        if self.kind == "bernoulli":
            mean = mean.clamp(0.01, 0.99)
            mean = torch.log(mean / (1.0 - mean))
        self.visible_bias.copy_(mean)

    # -- conditionals ------------------------------------------------------------------------------------------------

    def hidden_input(self, v: Tensor, shift: Tensor | None = None) -> Tensor:
        """What hidden units sum up, (B, H); ``shift`` (B, H) moves the biases of each row."""
        found = torch.addmm(self.hidden_bias, v, self.weight.T)
        return found if shift is None else found.add_(shift)

    def hidden(self, v: Tensor, shift: Tensor | None = None) -> Tensor:
        """Probabilities of hidden units, (B, H)."""
        return self.hidden_input(v, shift).sigmoid_()

    def visible(self, h: Tensor, there: Tensor | None = None, shift: Tensor | None = None) -> Tensor:
        """Means of visible units, (B, V)."""
        found = torch.addmm(self.visible_bias, h, self.weight)
        if shift is not None:
            found.add_(shift)
        if self.kind == "bernoulli":
            found.sigmoid_()
        return found if there is None else found.mul_(there)

    def draw_visible(self, mean: Tensor, generator: torch.Generator, there: Tensor | None = None) -> Tensor:
        """Visible units by chance, given their means."""
        if self.kind == "bernoulli":
            return draw(mean, generator)
        noise = torch.empty_like(mean).normal_(generator=generator)
        return mean + (noise if there is None else noise.mul_(there))

    # -- energies ----------------------------------------------------------------------------------------------------

    def visible_energy(self, v: Tensor, there: Tensor | None = None) -> Tensor:
        """The part of the energy that knows no hidden units, (B,)."""
        if self.kind == "bernoulli":
            return -(v @ self.visible_bias)
        away = (v - self.visible_bias).square_()
        return 0.5 * (away if there is None else away * there).sum(dim=1)

    def free_energy(self, v: Tensor, there: Tensor | None = None) -> Tensor:
        """``-log`` of the sum over hidden states of ``exp(-energy)``, (B,)."""
        return self.visible_energy(v, there) - nn.functional.softplus(self.hidden_input(v)).sum(dim=1)

    def pseudo_likelihood(self, v: Tensor, there: Tensor | None = None) -> Tensor:
        """Sum over visible units of the log-probability of each given all others, (B,); of Bernoulli units."""
        total = self.hidden_input(v)  # (B, H)
        base = nn.functional.softplus(total).sum(dim=1)
        step = max(1, _AT_ONCE // max(1, total.numel()))
        found = torch.zeros_like(base)
        for i in range(0, v.shape[1], step):
            turned = 1.0 - 2.0 * v[:, i : i + step]  # what a unit gains when it is turned round, (B, S)
            weights = self.weight[:, i : i + step].T  # (S, H)
            other = nn.functional.softplus(total[:, None] + turned[..., None] * weights).sum(dim=2)  # (B, S)
            gain = other - base[:, None] + turned * self.visible_bias[i : i + step]
            part = -nn.functional.softplus(gain)
            found += (part if there is None else part * there[:, i : i + step]).sum(dim=1)
        return found

    def visible_log_probability(self, v: Tensor, h: Tensor, there: Tensor | None = None) -> Tensor:
        """``log p(v | h)``, (B,)."""
        total = torch.addmm(self.visible_bias, h, self.weight)
        if self.kind == "bernoulli":
            each = v * total - nn.functional.softplus(total)
        else:
            each = -0.5 * (v - total).square() - 0.5 * math.log(2.0 * math.pi)
        return (each if there is None else each * there).sum(dim=1)


def draw(probability: Tensor, generator: torch.Generator) -> Tensor:
    """Zeros and ones with these probabilities."""
    chance = torch.empty_like(probability).uniform_(generator=generator)
    return torch.lt(chance, probability, out=chance)


@dataclass(frozen=True)
class Rule:
    """Contrastive divergence: what a training step computes.

    Attributes
    ----------
    n_gibbs_steps : int
        Alternations from the data, or from where the chains stopped.
    persistent : bool
        Whether chains go on from step to step (Tieleman 2008). Then visible units are drawn, else they take their means.
    centred : bool
        Whether gradients are of the machine that sees its units around their means (Melchior et al. 2016).
    sparsity_target : float or None
        Wanted mean of hidden units.
    sparsity_cost : float
        How strongly.
    """

    n_gibbs_steps: int = 1
    persistent: bool = False
    centred: bool = True
    sparsity_target: float | None = None
    sparsity_cost: float = 0.1

    def gradient(
        self,
        machine: Machine,
        v: Tensor,
        there: Tensor | None,
        share: Tensor,
        generator: torch.Generator,
        shifts: tuple[Tensor | None, Tensor | None] = (None, None),
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Write the gradient of a step into ``machine``'s parameters; to be called without autograd.

        Parameters
        ----------
        machine : Machine
            Its parameters have a ``grad``.
        v : Tensor of shape (B, V)
        there : Tensor of shape (B, V), or None
            1 where a unit is there, None where all are.
        share : Tensor of shape (B,)
            Of each row in the mean.
        generator : torch.Generator
        shifts : pair of Tensor or None
            Of the biases of each row: visible (B, V) and hidden (B, H).

        Returns
        -------
        loss : Tensor of shape ()
            Mean squared error of one reconstruction, a unit.
        made : pair of Tensor
            What the machine made of the data: visible (B, V) and hidden units (B, H); of chains theirs.
        """
        if self.persistent:
            return self._persistent(machine, v, share, generator)
        of_visible, of_hidden = shifts
        up = machine.hidden(v, of_hidden)  # (B, H)
        h, guess = draw(up, generator), None
        for i in range(self.n_gibbs_steps):
            back = machine.visible(h, there, of_visible)
            guess = back if guess is None else guess
            again = machine.hidden(back, of_hidden)
            if i + 1 < self.n_gibbs_steps:
                h = draw(again, generator)
        error = (v - guess).square_()  # type: ignore[operator]
        error = error.mean(dim=1) if there is None else error.sum(dim=1) / there.sum(dim=1).clamp(min=1.0)
        self._write(machine, torch.cat([back, v]), torch.cat([again, up]), torch.cat([share, -share]))
        self._keep_sparse(machine, v, up, share)
        return torch.dot(error, share), (back, again)

    def _persistent(
        self, machine: Machine, v: Tensor, share: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """As `gradient`, by chains; all units are there."""
        h: Tensor = machine.chains  # type: ignore[assignment]
        n = len(h)
        for i in range(self.n_gibbs_steps):
            back = machine.draw_visible(machine.visible(h), generator)
            if i + 1 < self.n_gibbs_steps:
                h = draw(machine.hidden(back), generator)
        both = torch.cat([back, v])  # one product for both: reading the weights is what takes time
        hidden = machine.hidden(both)
        again, up = hidden[:n], hidden[n:]
        machine.chains.copy_(draw(again, generator))  # type: ignore[operator]
        error = machine.visible(up).sub_(v).square_().mean(dim=1)
        self._write(machine, both, hidden, torch.cat([(share.sum() / n).expand(n), -share]))
        self._keep_sparse(machine, v, up, share)
        return torch.dot(error, share), (back, again)

    def _keep_sparse(self, machine: Machine, v: Tensor, up: Tensor, share: Tensor) -> None:
        """The running mean of the hidden units, and what pulls them to the target."""
        if not self.centred and self.sparsity_target is None:
            return
        mean_h: Any = machine.hidden_mean
        mean_h.lerp_(share @ up, _MEMORY)
        if self.sparsity_target is not None:
            # of the cross-entropy between target and mean, by what a hidden unit sums up (Hinton 2010, section 11)
            pull = self.sparsity_cost * (mean_h - self.sparsity_target)
            machine.weight.grad.addr_(pull, share @ v)  # type: ignore[union-attr]
            machine.hidden_bias.grad.add_(pull * share.sum())  # type: ignore[union-attr]

    def _write(self, machine: Machine, v: Tensor, h: Tensor, signed: Tensor) -> None:
        """Gradients of the free energies of the data, less those of what the machine made: ``signed`` sums to 0."""
        grads: Any = (machine.weight.grad, machine.visible_bias.grad, machine.hidden_bias.grad)
        weight, visible_bias, hidden_bias = grads  # memory of the optimiser's
        column = signed[:, None]
        if not self.centred:
            by_h = h * column
            torch.mm(by_h.T, v, out=weight)
            torch.mv(v.T, signed, out=visible_bias)
            torch.sum(by_h, dim=0, out=hidden_bias)
            return
        mean_v: Any = machine.visible_mean
        mean_h: Any = machine.hidden_mean
        by_h, v = (h - mean_h).mul_(column), v - mean_v
        torch.mm(by_h.T, v, out=weight)
        # those of the biases of the machine that is not centred
        torch.addmv(torch.mv(v.T, signed), weight.T, mean_h, alpha=-1.0, out=visible_bias)
        torch.addmv(by_h.sum(dim=0), weight, mean_v, alpha=-1.0, out=hidden_bias)


class Reader(nn.Module):
    """Sequences as visible units: scaled, steps by features side by side; what is missing or past the end is absent.

    Parameters
    ----------
    n_steps, n_features : int
        Of the longest sequence.
    gaps : bool
        Whether there may be NaN.
    """

    def __init__(self, n_steps: int, n_features: int, gaps: bool = False) -> None:
        super().__init__()
        self.n_steps, self.n_features, self.gaps = n_steps, n_features, gaps
        self.scaling = InputScaling(n_features)

    @property
    def n_units(self) -> int:
        """Visible units."""
        return self.n_steps * self.n_features

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Units (B, V), and 1 where one is there, or None."""
        there = None
        if mask is not None:
            there = mask[..., None].to(x.dtype).expand_as(x)
        elif x.shape[-2] < self.n_steps:
            there = torch.ones_like(x)
        if self.gaps:
            known = ~torch.isnan(x)
            x = x.masked_fill(~known, 0.0)
            there = known.to(x.dtype) if there is None else there * known
        v = self.scaling(x, None)
        if there is None:
            return v.flatten(-2), None
        return flat_steps(v * there, self.n_steps), flat_steps(there, self.n_steps)

    def back(self, v: Tensor) -> Tensor:
        """Units in the unit of the data, (B, n_steps, F)."""
        x = v.unflatten(-1, (self.n_steps, self.n_features))
        return (x - self.scaling.shift.to(x)) / self.scaling.factor.to(x)  # type: ignore[operator, union-attr]


class Stage(nn.Module):
    """One machine of a stack while it is trained, with what feeds it.

    Parameters
    ----------
    reader : Reader or None
        Of the first machine; those above read hidden units as they are, (B, 1, V).
    machine : Machine
    """

    def __init__(self, reader: Reader | None, machine: Machine) -> None:
        super().__init__()
        self.reader, self.machine = reader, machine

    def read(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Visible units, and which are there."""
        return (x[:, 0], None) if self.reader is None else self.reader(x, mask)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Probabilities of hidden units, (B, H)."""
        return self.machine.hidden(self.read(x, mask)[0])


class BoltzmannStack(nn.Module):
    """Machines on top of each other; the hidden units of one are the visible units of the next.

    Parameters
    ----------
    reader : Reader
    machines : list of Machine
    """

    def __init__(self, reader: Reader, machines: list[Machine]) -> None:
        super().__init__()
        self.reader = reader
        self.machines = nn.ModuleList(machines)

    @property
    def in_order(self) -> list[Machine]:
        """The machines from below."""
        return list(self.machines)  # type: ignore[arg-type]

    def stage(self, i: int) -> Stage:
        """The i-th machine, to be trained; it stays part of this stack."""
        return Stage(self.reader if i == 0 else None, self.in_order[i])

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Probabilities of the uppermost hidden units, (B, H), each layer fed with those of the layer below."""
        v, _ = self.reader(x, mask)
        for machine in self.in_order:
            v = machine.hidden(v)
        return v

    def down(self, h: Tensor) -> Tensor:
        """Means of the visible units below these uppermost ones, (B, V)."""
        for machine in reversed(self.in_order):
            h = machine.visible(h)
        return h
