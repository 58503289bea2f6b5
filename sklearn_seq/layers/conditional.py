"""Restricted Boltzmann machines whose biases depend on the steps before."""

import torch
from torch import Tensor, nn

from sklearn_seq.layers.boltzmann import Machine, Rule, draw
from sklearn_seq.layers.scaling import InputScaling

__all__ = ["ConditionalMachine", "ConditionalRule"]


class ConditionalMachine(nn.Module):
    """A machine a step, with biases ``b + A u`` and ``c + B u`` for the past ``u`` of some steps (Taylor et al. 2007).

    Before its first step a sequence is zeros, which are means where values are standardised.

    Parameters
    ----------
    n_features, n_hidden : int
    lookback : int
        Steps of the past.
    kind : {"bernoulli", "gaussian"}
        Of the visible units.
    """

    def __init__(self, n_features: int, n_hidden: int, lookback: int, kind: str) -> None:
        super().__init__()
        self.lookback = lookback
        self.scaling = InputScaling(n_features)
        self.machine = Machine(n_features, n_hidden, kind)
        self.to_visible = nn.Parameter(torch.empty(n_features, lookback * n_features).normal_(std=0.01))
        self.to_hidden = nn.Parameter(torch.empty(n_hidden, lookback * n_features).normal_(std=0.01))

    def steps(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Each step, scaled, and its past, the oldest step first: (B, T, F) and (B, T, lookback F)."""
        x = self.scaling(x, mask)
        padded = nn.functional.pad(x, (0, 0, self.lookback, 0))
        past = padded.unfold(-2, self.lookback, 1)[..., : x.shape[-2], :, :]  # (B, T, F, lookback)
        return x, past.transpose(-1, -2).flatten(-2)

    def shifts(self, past: Tensor) -> tuple[Tensor, Tensor]:
        """Of the biases of visible and hidden units, (N, F) and (N, H)."""
        return past @ self.to_visible.T, past @ self.to_hidden.T

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Probabilities of hidden units at each step, (B, T, H)."""
        v, past = self.steps(x, mask)
        _, shift = self.shifts(past.flatten(0, -2))
        return self.machine.hidden(v.flatten(0, -2), shift).view(*v.shape[:-1], -1)

    def free_energy(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Of each step given its past, (B, T)."""
        v, past = self.steps(x, mask)
        rows = v.flatten(0, -2)
        of_visible, of_hidden = self.shifts(past.flatten(0, -2))
        machine = self.machine
        if machine.kind == "bernoulli":
            outside = -(rows * (machine.visible_bias + of_visible)).sum(dim=1)
        else:
            outside = 0.5 * (rows - machine.visible_bias - of_visible).square().sum(dim=1)
        found = outside - nn.functional.softplus(machine.hidden_input(rows, of_hidden)).sum(dim=1)
        return found.view(v.shape[:-1])

    def go_on(self, past: Tensor, n_steps: int, n_gibbs: int, generator: torch.Generator) -> Tensor:
        """Steps drawn one after another behind a past (B, lookback, F), scaled: (B, n_steps, F)."""
        machine, made = self.machine, []
        for _ in range(n_steps):
            of_visible, of_hidden = self.shifts(past.flatten(1))
            v = past[:, -1]
            for _ in range(n_gibbs):
                h = draw(machine.hidden(v, of_hidden), generator)
                v = machine.draw_visible(machine.visible(h, shift=of_visible), generator)
            made.append(v)
            past = torch.cat([past[:, 1:], v[:, None]], dim=1)
        return torch.stack(made, dim=1)


class ConditionalRule:
    """A plan's ``step``: contrastive divergence over all steps of a batch of sequences, each sequence counting alike.

    Parameters
    ----------
    rule : Rule
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    @torch.no_grad()
    def gradient(
        self, model: ConditionalMachine, x: Tensor, mask: Tensor | None, share: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Write the gradient into the parameters; the mean squared error of a reconstruction, ()."""
        v, past = model.steps(x, mask)
        if mask is None:
            own = (share / v.shape[1])[:, None].expand(v.shape[:2]).reshape(-1)
            v, past = v.flatten(0, 1), past.flatten(0, 1)
        else:
            own = (share / mask.sum(dim=1))[:, None].expand(v.shape[:2])[mask]
            v, past = v[mask], past[mask]  # (N, F), (N, lookback F)
        of_visible, of_hidden = model.shifts(past)
        loss, (back, again) = self.rule.gradient(model.machine, v, None, own, generator, (of_visible, of_hidden))
        up = model.machine.hidden(v, of_hidden)
        torch.mm(((back - v) * own[:, None]).T, past, out=model.to_visible.grad)
        torch.mm(((again - up) * own[:, None]).T, past, out=model.to_hidden.grad)
        return loss

    def __call__(self, trainer: object, batch: object) -> Tensor:
        """(1,)"""
        model, generator = trainer.module, trainer.draws.generators[0]  # type: ignore[attr-defined]
        return self.gradient(model, batch.x, batch.mask, batch.share, generator)[None]  # type: ignore[attr-defined]
