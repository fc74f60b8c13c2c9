"""Weights and inputs given by a formula, which any language computes alike.

Element i of entry `name` comes from u = unit(name, i) in [0, 1): FNV-1a of the name, then
splitmix64. See the module `scarlet::weights::formula`, which computes the same numbers.
"""

import math

import numpy as np
import torch


def unit(name: str, count: int) -> np.ndarray:
    """u of the first `count` elements of `name`."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x100000001B3) % 2**64
    with np.errstate(over="ignore"):
        index = np.arange(1, count + 1, dtype=np.uint64)
        z = np.uint64(seed) + index * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2**24


def entry(name: str, shape) -> torch.Tensor:
    """The checkpoint entry `name`, rounded to f32."""
    u = unit(name, math.prod(shape))
    parameter = name.rsplit(".", 1)[-1]
    if parameter == "running_var" or (parameter == "weight" and len(shape) == 1):
        values = 0.5 + u
    elif parameter in ("running_mean", "bias"):
        values = (u - 0.5) * 0.2
    else:
        values = (u - 0.5) * 2 * math.sqrt(3 / math.prod(shape[1:]))
    return torch.from_numpy(values.astype(np.float32)).reshape(tuple(shape))


def signal(name: str, shape) -> torch.Tensor:
    """The input `name`, rounded to f32."""
    values = (unit(name, math.prod(shape)) - 0.5) * 2 * math.sqrt(3)
    return torch.from_numpy(values.astype(np.float32)).reshape(tuple(shape))


def fill(module: torch.nn.Module, prefix: str = "") -> None:
    """Gives every weight and running statistic of `module` its formula value."""
    # With the version that some modules ask for.
    state = module.state_dict()
    for name, value in state.items():
        if not name.endswith("num_batches_tracked"):
            state[name] = entry(prefix + name, value.shape)
    module.load_state_dict(state)


def calibrate(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Replaces the running statistics of `network` by those of eight formula images of 128 pixels,
    and returns them."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            # The mean over all batches, of which there is one.
            module.momentum = None
            module.reset_running_stats()
    network.train()
    with torch.no_grad():
        network(signal("calibration.128", (8, 3, 128, 128)).double())
    return {name: value for name, value in network.state_dict().items() if ".running_" in name}
