"""How probable a belief network finds its visible units: annealed importance sampling, and the bound of a stack."""

import math

import torch
from torch import Tensor

from sklearn_seq.layers.boltzmann import Machine, draw

__all__ = ["anneal", "bound"]


@torch.no_grad()
def anneal(machine: Machine, base: Tensor, n_chains: int, n_temperatures: int, generator: torch.Generator) -> float:
    """Logarithm of the partition function by annealed importance sampling (Neal 2001; Salakhutdinov and Murray 2008).

    Chains go from a machine without weights, whose partition function is known, to this one.

    Parameters
    ----------
    machine : Machine
        In float64, all of its visible units there.
    base : Tensor of shape (V,)
        Visible biases of the machine without weights.
    n_chains, n_temperatures : int
    generator : torch.Generator

    Returns
    -------
    float
    """
    n_hidden, n_visible = machine.weight.shape
    bernoulli = machine.kind == "bernoulli"
    log_base = n_hidden * math.log(2.0)
    if bernoulli:
        log_base += float(torch.nn.functional.softplus(base).sum())
        v = draw(base.sigmoid().expand(n_chains, n_visible), generator)
    else:
        log_base += 0.5 * n_visible * math.log(2.0 * math.pi)
        v = base + base.new_empty(n_chains, n_visible).normal_(generator=generator)

    def log_density(v: Tensor, total: Tensor, beta: float) -> Tensor:
        """Not normalised, of the machine between both, (n_chains,); ``total`` is what hidden units sum up at 1."""
        if bernoulli:
            outside = v @ ((1.0 - beta) * base + beta * machine.visible_bias)
        else:
            to_base, to_own = (v - base).square().sum(dim=1), (v - machine.visible_bias).square().sum(dim=1)
            outside = -0.5 * ((1.0 - beta) * to_base + beta * to_own)
        return outside + torch.nn.functional.softplus(beta * total).sum(dim=1)

    log_weight = v.new_zeros(n_chains)
    betas = torch.linspace(0.0, 1.0, n_temperatures + 1, dtype=torch.float64).tolist()
    for k in range(n_temperatures):
        total = machine.hidden_input(v)
        log_weight += log_density(v, total, betas[k + 1]) - log_density(v, total, betas[k])
        if k + 1 < n_temperatures:  # a step that leaves the next density as it is
            beta = betas[k + 1]
            h = draw((beta * total).sigmoid_(), generator)
            mean = (1.0 - beta) * base + beta * (machine.visible_bias + h @ machine.weight)
            v = machine.draw_visible(mean.sigmoid_() if bernoulli else mean, generator)
    return log_base + float(torch.logsumexp(log_weight, dim=0)) - math.log(n_chains)


@torch.no_grad()
def bound(machines: list[Machine], v: Tensor, there: Tensor | None, n_draws: int, generator: torch.Generator) -> Tensor:
    """Variational lower bound of ``log p(v)`` plus the logarithm of the uppermost partition function, (B,).

    With one machine it is minus the free energy, exactly. With more it is the mean over ``h`` drawn layer by layer from
    ``Q(h | v)``, the machines' conditionals upward, of ``log P(v | h1) + ... - F(h_top) - log Q(h | v)`` (Salakhutdinov and
    Murray 2008). All rows are drawn for with the same numbers, so a row's answer depends on no other row.

    Parameters
    ----------
    machines : list of Machine
        From below.
    v : Tensor of shape (B, V)
    there : Tensor of shape (B, V), or None
    n_draws : int
    generator : torch.Generator

    Returns
    -------
    Tensor of shape (B,)
    """
    if len(machines) == 1:
        return -machines[0].free_energy(v, there)
    found = v.new_zeros(len(v))
    for _ in range(n_draws):
        below, known = v, there
        for machine in machines[:-1]:
            total = machine.hidden_input(below)
            up = total.sigmoid()
            chance = torch.empty_like(up[0]).uniform_(generator=generator)
            h = (chance < up).to(v.dtype)  # (B, H)
            found += machine.visible_log_probability(below, h, known)
            found += (torch.nn.functional.softplus(total) - up * total).sum(dim=1)  # the entropy of Q
            below, known = h, None
        found -= machines[-1].free_energy(below)
    return found / n_draws
