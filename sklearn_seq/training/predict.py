"""Outputs of a trained network for any number of rows."""

from typing import Any

import numpy as np
import torch

from sklearn_seq.sequences import Sequences
from sklearn_seq.training.batches import Gather
from sklearn_seq.training.targets import StepOutput
from sklearn_seq.training.threads import auto_threads, hold_threads

__all__ = ["outputs"]

# A bound on the largest activation, so that a chunk stays near the processor's caches. A judgement from trials on two
# cores; docs/benchmarks.md has no table of it.
_BYTES = 16e6
# Products over whole tiles give the same bits whatever else is in the batch. For a single longer sequence a tile costs
# too much (an LSTM of 64 units, 100 steps: six times the time); there, answers agree to 1e-6.
_TILE = 32
_SHORT = 8


def outputs(
    module: torch.nn.Module, data: Sequences, *, n_threads: int | str = "auto", device: torch.device | None = None
) -> Any:
    """The module's outputs, in chunks that fit the processor's caches.

    Parameters
    ----------
    module : torch.nn.Module
        ``forward(x, mask) -> (B, K)``, or a `StepOutput`; is put into evaluation mode and on the device.
    data : Sequences
        In the module's dtype.
    n_threads : int or "auto"
    device : torch.device, optional
        By default the CPU.

    Returns
    -------
    ndarray of float64 of shape (n_samples, K), or Sequences of K features and float64
        Of a network that gives a `StepOutput`, the outputs of each row's own steps.
    """
    if module.training:
        module.eval()
    device = device or _CPU
    if _first_parameter(module).device != device:
        module.to(device)
    if len(data) == 1:
        return _one(module, data.values[data.starts[0] : data.stops[0]], n_threads, device)
    gather = Gather(data)
    longest = int(data.lengths.max()) if gather.length is None else gather.length
    chunks = _chunks(module, data, longest)
    threads = auto_threads(module, len(chunks[0])) if n_threads == "auto" else int(n_threads)
    results = []
    with hold_threads(threads), torch.inference_mode():
        for rows in chunks:
            n = len(rows)
            if longest <= _SHORT and n % _TILE:
                rows = np.concatenate([rows, np.repeat(rows[-1:], -n % _TILE)])
            x, mask = gather(rows)
            found = module(torch.from_numpy(x).to(device), None if mask is None else torch.from_numpy(mask).to(device))
            results.append(_steps(found, n) if isinstance(found, StepOutput) else found[:n].double().cpu().numpy())
    if isinstance(results[0], Sequences):
        return _joined(results, np.concatenate(chunks))
    if len(results) == 1 and gather.length is not None:
        return results[0]
    found = np.concatenate(results)
    out = np.empty_like(found)
    out[np.concatenate(chunks)] = found
    return out


_CPU = torch.device("cpu")


def _one(module: torch.nn.Module, x: np.ndarray, n_threads: int | str, device: torch.device) -> Any:
    """As `outputs` for a single sequence, (T, F), without what only many need: an answer is wanted soon."""
    batch = np.repeat(x[None], _TILE, axis=0) if len(x) <= _SHORT else x[None].copy()  # from read-only memory too
    threads = auto_threads(module, len(batch)) if n_threads == "auto" else int(n_threads)
    with hold_threads(threads), torch.inference_mode():
        found = module(torch.from_numpy(batch) if device is _CPU else torch.from_numpy(batch).to(device), None)
        if isinstance(found, StepOutput):
            return _steps(found, 1)
        return (found if device is _CPU else found.cpu()).numpy()[:1].astype(np.float64)


def _steps(found: StepOutput, n: int) -> Sequences:
    """The outputs of real steps of the first n rows."""
    values = found.values[:n].double().cpu()
    if found.mask is None:
        return Sequences.from_array(values.numpy())
    mask = found.mask[:n].cpu()
    stops = mask.sum(dim=1).cumsum(dim=0).numpy()
    return Sequences(values[mask].numpy(), np.concatenate([[0], stops[:-1]]), stops)


def _joined(parts: list[Sequences], rows: np.ndarray) -> Sequences:
    """The parts of all chunks, whose rows have these numbers."""
    lengths = np.concatenate([part.lengths for part in parts])
    stops = np.cumsum(lengths)
    order = np.argsort(rows)
    values = np.concatenate([part.values for part in parts])
    return Sequences(values, (stops - lengths)[order], stops[order])


def _first_parameter(module: torch.nn.Module) -> torch.Tensor:
    """Found once a module: torch's own search takes as long as a small network's answer."""
    found = module.__dict__.get("_first_parameter")
    if found is None:
        found = module.__dict__["_first_parameter"] = next(module.parameters(), torch.empty(0))
    return found


def _chunks(module: torch.nn.Module, data: Sequences, longest: int) -> list[np.ndarray]:
    """Rows of about equal length together, whole tiles first."""
    n = len(data)
    lengths = data.lengths
    order = np.arange(n) if lengths[0] == longest == lengths.min() else np.argsort(lengths, kind="stable")
    tables = {id(layer.weight) for layer in module.modules() if isinstance(layer, torch.nn.Embedding)}
    width = max((p.shape[0] for p in module.parameters() if p.ndim > 1 and id(p) not in tables), default=1)
    most = max(1, int(_BYTES / (4 * width * longest)))
    size = max(_TILE, most // _TILE * _TILE)
    whole = n // _TILE * _TILE
    chunks = [order[i : min(i + size, whole)] for i in range(0, whole, size)]
    return chunks + ([order[whole:]] if whole < n else [])
