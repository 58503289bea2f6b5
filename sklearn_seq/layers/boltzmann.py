"""Restricted Boltzmann machines: energies, conditionals, and the gradients of contrastive divergence without autograd."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_seq.layers.scaling import InputScaling

__all__ = ["BoltzmannStack", "Machine", "Reader", "Rule", "Stage", "flat_steps"]

_MEMORY = 0.05  # share of a batch in the running mean of the hidden units
_LOOKED_AT = 4  # steps of chains, of which one tells its error: learning needs no reconstruction
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

    def hidden_input(self, v: Tensor, shift: Tensor | None = None, out: Tensor | None = None) -> Tensor:
        """What hidden units sum up, (B, H); ``shift`` (B, H) moves the biases of each row."""
        own = self._parameters
        found = torch.addmm(own["hidden_bias"], v, own["weight"].T, out=out)  # type: ignore[union-attr, arg-type]
        return found if shift is None else found.add_(shift)

    def hidden(self, v: Tensor, shift: Tensor | None = None, out: Tensor | None = None) -> Tensor:
        """Probabilities of hidden units, (B, H)."""
        return self.hidden_input(v, shift, out).sigmoid_()

    def visible(
        self, h: Tensor, there: Tensor | None = None, shift: Tensor | None = None, out: Tensor | None = None
    ) -> Tensor:
        """Means of visible units, (B, V)."""
        own = self._parameters  # a dictionary is read faster than attributes of modules: this is all that a step does
        found = torch.addmm(own["visible_bias"], h, own["weight"], out=out)  # type: ignore[arg-type]
        if shift is not None:
            found.add_(shift)
        if self.kind == "bernoulli":
            found.sigmoid_()
        return found if there is None else found.mul_(there)

    def draw_visible(self, mean: Tensor, generator: torch.Generator, out: Tensor | None = None) -> Tensor:
        """Visible units by chance, given their means."""
        if self.kind == "bernoulli":
            return draw(mean, generator, out)
        out = torch.empty_like(mean) if out is None else out
        return out.normal_(generator=generator).add_(mean)

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


def draw(probability: Tensor, generator: torch.Generator, out: Tensor | None = None) -> Tensor:
    """Zeros and ones with these probabilities."""
    out = torch.empty_like(probability) if out is None else out
    return torch.lt(out.uniform_(generator=generator), probability, out=out)


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
    _spaces: dict[tuple[int, int], "_Space"] = field(default_factory=dict, init=False, repr=False, compare=False)

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
            Mean squared error of one reconstruction, a unit; of chains that of every fourth step, until the next.
        made : pair of Tensor
            What the machine made of the data: visible (B, V) and hidden units (B, H); of chains theirs. The next step overwrites
            them.
        """
        if self.persistent:
            return self._persistent(machine, v, share, generator)
        of_visible, of_hidden = shifts
        space = self._space_for(machine, len(v), len(v))
        space.read.copy_(v)
        up = machine.hidden(v, of_hidden, out=space.up)  # (B, H)
        h = draw(up, generator, space.drawn)
        for i in range(self.n_gibbs_steps):
            back = machine.visible(h, there, of_visible, out=space.back)
            if i == 0:
                loss = space.error(torch.sub(back, v, out=space.guess), there, share)
            again = machine.hidden(back, of_hidden, out=space.again)
            if i + 1 < self.n_gibbs_steps:
                h = draw(again, generator, space.drawn)
        self._write(machine, space, space.signed(share))
        self._keep_sparse(machine, v, up, share)
        return loss, (back, again)

    def _persistent(
        self, machine: Machine, v: Tensor, share: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """As `gradient`, by chains; all units are there."""
        h: Tensor = machine.chains  # type: ignore[assignment]
        space = self._space_for(machine, len(h), len(v))
        space.read.copy_(v)
        for i in range(self.n_gibbs_steps):
            machine.draw_visible(machine.visible(h, out=space.mean), generator, out=space.back)
            if i + 1 < self.n_gibbs_steps:
                h = draw(machine.hidden(space.back, out=space.again), generator, space.drawn)
        machine.hidden(space.visible, out=space.hidden)  # one product for both: reading the weights is what takes time
        draw(space.again, generator, machine.chains)  # type: ignore[arg-type]
        if space.n_steps % _LOOKED_AT == 0:
            space.loss = space.error(machine.visible(space.up, out=space.guess).sub_(v), None, share)
        space.n_steps += 1
        self._write(machine, space, space.signed(share))
        self._keep_sparse(machine, v, space.up, share)
        return space.loss, (space.back, space.again)

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

    def _write(self, machine: Machine, space: "_Space", signed: Tensor) -> None:
        """Gradients of the free energies of the data, less those of what the machine made: ``signed`` sums to 0."""
        own: Any = machine._parameters
        weight, visible_bias, hidden_bias = own["weight"].grad, own["visible_bias"].grad, own["hidden_bias"].grad
        column, h, v = signed[:, None], space.weighed, space.visible
        if not self.centred:
            torch.mul(space.hidden, column, out=h)
            torch.mm(h.T, v, out=weight)
            torch.mv(v.T, signed, out=visible_bias)
            torch.sum(h, dim=0, out=hidden_bias)
            return
        mean_v: Any = machine.visible_mean
        mean_h: Any = machine.hidden_mean
        torch.sub(space.hidden, mean_h, out=h).mul_(column)
        v = torch.sub(v, mean_v, out=space.apart)
        torch.mm(h.T, v, out=weight)
        # those of the biases of the machine that is not centred
        torch.mv(v.T, signed, out=visible_bias).addmv_(weight.T, mean_h, alpha=-1.0)
        torch.sum(h, dim=0, out=hidden_bias).addmv_(weight, mean_v, alpha=-1.0)

    def _space_for(self, machine: Machine, n_made: int, n_rows: int) -> "_Space":
        """Memory of a step: that of the last one of as many rows, where there was one."""
        weight: Any = machine._parameters["weight"]
        found = self._spaces.get((n_made, n_rows))
        if found is None or found.weight is not weight:
            if found is not None or len(self._spaces) > 1:  # whole batches, and what is left of an epoch
                self._spaces.clear()
            with torch.inference_mode(False):
                found = self._spaces[n_made, n_rows] = _Space(weight, n_made, n_rows)
        return found


class _Space:
    """What a step computes, in memory that the next one uses again: to come by it takes longer than small products.

    Rows of what the machine made stand before those of the data.

    Parameters
    ----------
    weight : Tensor of shape (H, V)
        Of the machine.
    n_made, n_rows : int
        Rows that are made, and of the data.
    """

    def __init__(self, weight: Tensor, n_made: int, n_rows: int) -> None:
        self.weight, self.n_made, self.n_rows = weight, n_made, n_rows
        n_hidden, n_visible = weight.shape

        def empty(*shape: int) -> Tensor:
            return torch.empty(shape, dtype=weight.dtype, device=weight.device)

        self.visible, self.apart = empty(n_made + n_rows, n_visible), empty(n_made + n_rows, n_visible)
        self.hidden, self.weighed = empty(n_made + n_rows, n_hidden), empty(n_made + n_rows, n_hidden)
        self.back, self.read = self.visible[:n_made], self.visible[n_made:]
        self.again, self.up = self.hidden[:n_made], self.hidden[n_made:]
        self.mean, self.drawn, self.guess = empty(n_made, n_visible), empty(n_made, n_hidden), empty(n_rows, n_visible)
        self._share: Tensor | None = None
        self.n_steps, self.loss = 0, empty()

    def signed(self, share: Tensor) -> Tensor:
        """Shares of what the machine made, which sum to those of the data, before minus those of the data."""
        if share is not self._share:  # batches of rows that weigh alike have the same
            made = share if self.n_made == self.n_rows else (share.sum() / self.n_made).expand(self.n_made)
            self._share, self._signed = share, torch.cat([made, -share])
        return self._signed

    def error(self, away: Tensor, there: Tensor | None, share: Tensor) -> Tensor:
        """Mean over rows, by their shares, of the mean square over the units that are there, ()."""
        if there is not None:
            share = share / there.sum(dim=1).clamp(min=1.0) * away.shape[1]
        weighed = torch.mul(away, share[:, None], out=self.apart[: len(away)])
        return torch.dot(weighed.view(-1), away.view(-1)).div_(away.shape[1])


class Reader(nn.Module):
    """Sequences as visible units: scaled, steps by features side by side; what is missing or past the end is absent.

    Parameters
    ----------
    n_steps, n_features : int
        Of the longest sequence.
    gaps : bool
        Whether there may be NaN.
    scales : bool
        Whether values may be scaled; else they are read as they are.
    """

    def __init__(self, n_steps: int, n_features: int, gaps: bool = False, scales: bool = True) -> None:
        super().__init__()
        self.n_steps, self.n_features, self.gaps, self.scales = n_steps, n_features, gaps, scales
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
        v = self.scaling(x, None) if self.scales else x
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
        return (x[:, 0], None) if self.reader is None else self.reader.forward(x, mask)

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
