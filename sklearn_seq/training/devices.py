"""Which device a network lives on."""

import warnings
from typing import Any

import torch

__all__ = ["device_for_fit", "device_for_predict"]


def device_for_fit(name: str, dtype: str = "float32") -> torch.device:
    """The device of a name.

    Parameters
    ----------
    name : str
        "auto" or a name of torch.
    dtype : str
        Of the training: MPS has no float64.

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        When the name means nothing or the device is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if dtype != "float64" and torch.backends.mps.is_available():
            return torch.device("mps")
        return torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(
            f"device={name!r} is no name of torch; wanted 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'"
        ) from None
    if not _there(device):
        raise ValueError(
            f"device={name!r} is not available here (this torch sees {torch.cuda.device_count()} CUDA devices); "
            "use device='auto' or 'cpu', or install a torch built for the device"
        )
    if device.type == "mps" and dtype == "float64":
        raise ValueError("device='mps' has no float64; use dtype='float32' or device='cpu'")
    return device


def _there(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
    if device.type == "mps":
        return torch.backends.mps.is_available()
    return device.type == "cpu"


def device_for_predict(estimator: Any) -> torch.device:
    """As in fit; but a model from another machine, whose device is not here, goes on on the CPU with one warning."""
    try:
        return device_for_fit(estimator.device, estimator.dtype)
    except ValueError as error:
        if not estimator.__dict__.get("_warned_of_device", False):
            warnings.warn(f"{error} Predicting on the CPU.", UserWarning, stacklevel=5)
            estimator._warned_of_device = True
        return torch.device("cpu")
