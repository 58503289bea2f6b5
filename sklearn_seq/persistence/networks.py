"""Whether weights fit a network, found out before memory is spent on it."""

from typing import Any

import numpy as np
import torch
from sklearn.utils._param_validation import validate_parameter_constraints
from torch.overrides import TorchFunctionMode

from sklearn_seq.training.seeds import adopt, build_seeded

__all__ = ["check_network"]

# a network may ask for numbers this much larger than its weights are many, for lengths and strides
_LARGEST = 100_000


class _Budget(TorchFunctionMode):
    """Stops a construction that goes on and on."""

    def __init__(self, n_calls: int) -> None:
        super().__init__()
        self.n_calls = n_calls

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.n_calls -= 1
        if self.n_calls < 0:
            raise ValueError("the parameters ask for a larger network than there are weights for")
        return func(*args, **(kwargs or {}))


def check_network(estimator: Any) -> None:
    """Build the network of a fitted estimator, or say why its weights are not its own.

    First it is built without memory (torch's meta device) and compared; ``make_body`` and ``make_pool`` of a family
    must be able to run there.
    """
    name = type(estimator).__name__
    fitted, weights = vars(estimator).get("_fitted_params"), vars(estimator).get("_weights")
    if not isinstance(fitted, dict) or not isinstance(weights, dict):
        raise ValueError(f"{name} has the parameters of a fit without its weights, or weights without parameters")
    if fitted.keys() != estimator._plain_params().keys():
        raise ValueError(f"{name} was fitted with other parameters than it has")
    validate_parameter_constraints(estimator._parameter_constraints, fitted, caller_name=name)
    if not all(isinstance(key, str) and type(array) is np.ndarray for key, array in weights.items()):
        raise ValueError(f"the weights of {name} are no arrays")
    n_numbers = sum(array.size for array in weights.values())
    free = getattr(estimator, "_params_free_to_change", ())
    sizes = {key: value for key, value in fitted.items() if key not in free}
    sizes |= {key: value for key, value in vars(estimator).items() if key.startswith("_n_")}
    for key, value in sizes.items():
        if isinstance(value, int) and value > n_numbers + _LARGEST:
            raise ValueError(
                f"{name} has {key}={value}, and {n_numbers} numbers as weights; they cannot belong together"
            )
    try:
        with _Budget(1_000 + 200 * len(weights)), torch.device("meta"):
            module = build_seeded(estimator._build, 0).to(getattr(torch, fitted["dtype"]))
    except (
        RuntimeError,
        TypeError,
        ValueError,
        KeyError,
        AttributeError,
        IndexError,
        OverflowError,
        NotImplementedError,
    ) as error:
        raise ValueError(f"no network can be built of what {name} says it learnt ({error})") from error
    wanted = {key: (tuple(t.shape), str(t.dtype).removeprefix("torch.")) for key, t in module.state_dict().items()}
    given = {key: (array.shape, str(array.dtype)) for key, array in weights.items()}
    wrong = sorted(key for key in wanted.keys() | given.keys() if wanted.get(key) != given.get(key))
    if wrong:
        raise ValueError(
            f"the weights do not fit a {name} with these parameters: {wrong[0]} is {given.get(wrong[0])}; "
            f"wanted {wanted.get(wrong[0])}"
        )
    if sum(buffer.numel() for buffer in module.buffers()) > n_numbers + 100 * _LARGEST:
        raise ValueError(f"{name} would need far more memory than its weights")
    if adopt(module, weights):
        estimator._module = module
        del estimator._weights
    else:
        _ = estimator.module_
