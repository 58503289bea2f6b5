"""The parameters of replicas as one block of memory, which optimisers go over in one stroke."""

import copy

import torch
from torch import Tensor, nn

from sklearn_seq.layers.dropout import Dropout, give_draws

__all__ = ["Flat"]

_ALIGNED = 16  # numbers: parameters begin at multiples of it, so that all replicas lie alike in memory


class Flat:
    """Parameters and gradients of R networks of the same shape, (R, P) each.

    While it lives, the parameters of the networks are views of its rows. With several networks there is also a joint one,
    whose parameters are views (R, ...) of all rows, and which computes for all of them at once. On a GPU, where the layers
    of cuDNN want their weights laid out in their own way, a network keeps its parameters, and they are copied.

    Parameters
    ----------
    modules : list of torch.nn.Module
        On their device, in their dtype; on a GPU one alone.
    shares_memory : bool, optional
        Whether parameters are views; by default, whether this is the CPU.

    Attributes
    ----------
    values, gradient : Tensor of shape (R, P)
        What is trained. P counts gaps of zeros between parameters.
    modules : list of torch.nn.Module
        As given.
    joint : torch.nn.Module
        What is trained: the one network, or the joint one.
    is_joint : bool
        Which of both; stays when all replicas but one are done.
    """

    def __init__(self, modules: list[nn.Module], shares_memory: bool | None = None) -> None:
        self.modules, self.is_joint = modules, len(modules) > 1
        trained = [p for p in modules[0].parameters() if p.requires_grad]
        ends = torch.tensor([-(-p.numel() // _ALIGNED) * _ALIGNED for p in trained]).cumsum(0).tolist()
        self._places = [(begin, p.shape) for begin, p in zip([0, *ends], trained)]
        size = ends[-1] if ends else 0
        like = trained[0] if trained else torch.empty(0)
        self.values = torch.zeros(len(modules), size, dtype=like.dtype, device=like.device)
        self.shares_memory = like.device.type == "cpu" if shares_memory is None else shares_memory
        for row, module in zip(self.values, modules, strict=True):
            for (begin, shape), parameter in zip(self._places, _trained(module), strict=True):
                row[begin : begin + shape.numel()].view(shape).copy_(parameter.detach())
        self._attach()

    def _attach(self) -> None:
        self.gradient = torch.zeros_like(self.values)
        self.joint = self.modules[0]
        self._views = [  # of each parameter of what is trained
            self.gradient[:, begin : begin + shape.numel()].unflatten(1, shape) for begin, shape in self._places
        ]
        if not self.is_joint:
            self._views = [view[0] for view in self._views]
        for r, module in enumerate(self.modules):
            for (begin, shape), parameter in zip(self._places, _trained(module), strict=True):
                stretch = slice(begin, begin + shape.numel())
                if self.shares_memory:
                    parameter.data = self.values[r, stretch].view(shape)
                parameter.grad = self.gradient[r, stretch].view(shape)
        self._parameters = _trained(self.joint)
        if not self.is_joint:
            return
        give_draws(self.modules[0], None)
        self.joint = joint = copy.deepcopy(self.modules[0])
        for (begin, shape), parameter in zip(self._places, _trained(joint), strict=True):
            stretch = slice(begin, begin + shape.numel())
            parameter.grad = None  # torch holds it to the old shape
            parameter.data = self.values[:, stretch].unflatten(1, shape)
        self._parameters = _trained(joint)
        for path, layer in joint.named_modules():
            twins = [module.get_submodule(path) for module in self.modules]
            for name, buffer in layer._buffers.items():
                if buffer is not None:
                    every = torch.stack([twin._buffers[name] for twin in twins])  # type: ignore[misc]
                    layer._buffers[name] = every
                    for twin, own in zip(twins, every, strict=True):
                        twin._buffers[name] = own  # what batch norm notes in training is its network's at once
            if isinstance(layer, Dropout):  # the rate is a replica's own
                layer.p = [twin.p for twin in twins]  # type: ignore[assignment, misc]

    def named(self, prefix: str) -> Tensor:
        """Which numbers belong to parameters whose names begin so, (P,) of bool."""
        found = torch.zeros(self.values.shape[1], dtype=torch.bool, device=self.values.device)
        names = [name for name, p in self.modules[0].named_parameters() if p.requires_grad]
        for name, (begin, shape) in zip(names, self._places, strict=True):
            found[begin : begin + shape.numel()] = name.startswith(prefix)
        return found

    def matrices(self, prefix: str) -> dict[tuple[int, int], list[int]]:
        """Where matrices begin, by their shapes: kernels and linear layers of parameters whose names begin so, each row an output.

        Tables of embeddings are none, nor are the kernels of depthwise convolutions, whose rows never meet.
        """
        layers, found = dict(self.modules[0].named_modules()), dict[tuple[int, int], list[int]]()
        trained = [name for name, p in self.modules[0].named_parameters() if p.requires_grad]
        for name, (begin, shape) in zip(trained, self._places, strict=True):
            layer = layers[name.rpartition(".")[0]]
            mixes = not isinstance(layer, nn.Embedding) and getattr(layer, "groups", 1) == 1
            size = (shape[0], shape[1:].numel()) if len(shape) > 1 else (1, 1)
            if name.startswith(prefix) and mixes and min(size) > 1:
                found.setdefault(size, []).append(begin)
        return found

    def backward(self, losses: Tensor, share: Tensor, inputs: tuple[Tensor, ...], add: bool) -> tuple[Tensor, ...]:
        """Write the gradient of ``(losses * share).sum()`` to ``gradient``, or add it; returns those by ``inputs``."""
        # as one number: with a gradient of several, torch loads what reads shapes as formulas, for a second in each process, and that
        # leaves a filter of warnings
        total = torch.dot(losses.flatten(), share.flatten())
        found = torch.autograd.grad(total, (*self._parameters, *inputs), allow_unused=True)
        own, n = found[: len(self._parameters)], len(self._parameters)
        if any(gradient is None for gradient in own):
            own = tuple(torch.zeros_like(p) if g is None else g for p, g in zip(self._parameters, own, strict=True))
        (torch._foreach_add_ if add else torch._foreach_copy_)(self._views, own)
        return found[n:]  # type: ignore[return-value]

    @torch.no_grad()
    def exchange(self, to_network: bool = True) -> None:
        """After ``values`` or the network's parameters changed, let the others follow where they are not the same memory."""
        if not self.shares_memory:
            own = [self.values[0, begin : begin + shape.numel()].view(shape) for begin, shape in self._places]
            both = (self._parameters, own) if to_network else (own, self._parameters)
            torch._foreach_copy_(*both)

    def keep(self, replicas: list[int]) -> None:
        """Go on with some of the replicas; the networks of the others get memory of their own."""
        for r, module in enumerate(self.modules):
            if r not in replicas:
                release(module, self.shares_memory)
        self.values = self.values[replicas]
        self.modules = [self.modules[r] for r in replicas]
        if self.modules:
            self._attach()


def release(module: nn.Module, shared: bool = True) -> None:
    """Give a network memory of its own, laid out as torch does it: some kernels round by that."""
    for parameter in _trained(module):
        parameter.grad = None
        if shared:
            parameter.data = parameter.data.clone()
    for layer in module.modules():
        for name, buffer in layer._buffers.items():
            if buffer is not None and buffer._base is not None:  # a replica's row of a joint one
                layer._buffers[name] = buffer.clone()


def _trained(module: nn.Module) -> list[nn.Parameter]:
    return [p for p in module.parameters() if p.requires_grad]
