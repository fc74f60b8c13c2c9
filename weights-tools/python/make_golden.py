"""Makes the golden files of the tests: what PyTorch computes in double precision, from formula
weights and inputs.

    python make_golden.py --out golden

- `scarlet_{a,b,c}.safetensors`: `logits.S` of the input `input.S` for S = 224 and 96, and the
  running statistics that the images `calibration.128` leave. With statistics by the formula the
  signals of squeeze-excite networks die, and all images have the same logits.
- `blocks.safetensors`, with the cases in `blocks.json`: one inverted residual each; output, the
  gradients of all parameters and of the input, in evaluation and in training, and batch
  normalisation's statistics after the training step.
- `models.json`: mult-adds (of convolutions and the classifier) and parameters.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

import formula
from networks import Architecture, InvertedResidual, Layer, Network, TABLES, architecture

SIZES = (224, 96)
BLOCKS = [
    # channels in, channels out, kernel, stride, expansion, squeeze-excite, side, batch
    (8, 8, 3, 1, 3, False, 8, 2),
    (8, 8, 5, 1, 6, True, 8, 2),
    (8, 12, 7, 2, 3, True, 12, 2),
    (16, 32, 7, 2, 3, False, 16, 1),
    (12, 12, 7, 1, 6, True, 7, 3),
    (16, 24, 3, 2, 6, True, 9, 2),
]


def network_values(name):
    network = Network(architecture(name)).double()
    formula.fill(network)
    values = formula.calibrate(network)
    network.eval()
    for size in SIZES:
        x = formula.signal(f"input.{size}", (2, 3, size, size)).double()
        with torch.no_grad():
            values[f"logits.{size}"] = network(x)
    return values


def mult_adds(network, size):
    """Multiplications of the convolutions and the classifier."""
    count = 0

    def add(module, _, output):
        nonlocal count
        positions = output[0, 0].numel() if isinstance(module, nn.Conv2d) else 1
        count += module.weight.numel() * positions

    hooks = [
        module.register_forward_hook(add)
        for module in network.modules()
        if isinstance(module, (nn.Conv2d, nn.Linear))
    ]
    with torch.no_grad():
        network.eval()(torch.zeros(1, 3, size, size))
    for hook in hooks:
        hook.remove()
    return count


def network_costs(name):
    network = Network(architecture(name))
    params = sum(parameter.numel() for parameter in network.parameters())
    return {
        str(size): {"mult_adds": mult_adds(network, size), "params": params} for size in SIZES
    }


def block_values(index, case):
    channels_in, channels_out, kernel, stride, expansion, se, side, batch = case
    layer = Layer(channels_out, stride, kernel, expansion, se)
    values = {}
    for mode in ("eval", "train"):
        block = InvertedResidual(Architecture(), channels_in, layer)
        formula.fill(block, f"block{index}.")
        block = block.double().train(mode == "train")
        x = formula.signal(f"block{index}.input", (batch, channels_in, side, side)).double()
        x.requires_grad_(True)
        output = block(x)
        cotangent = formula.signal(f"block{index}.cotangent", output.shape).double()
        (output * cotangent).sum().backward()
        prefix = f"{index}.{mode}"
        values[f"{prefix}.output"] = output.detach()
        values[f"{prefix}.grad.input"] = x.grad
        for name, parameter in block.named_parameters():
            values[f"{prefix}.grad.{name}"] = parameter.grad
        if mode == "train":
            for name, buffer in block.named_buffers():
                if not name.endswith("num_batches_tracked"):
                    values[f"{prefix}.after.{name}"] = buffer
    return values


def block_case(index, case):
    channels_in, channels_out, kernel, stride, expansion, se, side, batch = case
    return {
        "index": index,
        "operation": f"E{expansion}K{kernel}{'s' if se else ''}",
        "channels_in": channels_in,
        "channels_out": channels_out,
        "stride": stride,
        "padding": "symmetric",
        "height": side,
        "width": side,
        "batch": batch,
    }


def save(path, values):
    save_file({name: value.float().contiguous() for name, value in values.items()}, path)
    print(f"wrote {path}")


def main():
    parser = argparse.ArgumentParser(description="Make the golden files of the tests.")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    for name in TABLES:
        save(args.out / f"{name.replace('-', '_')}.safetensors", network_values(name))
    blocks = {}
    for index, case in enumerate(BLOCKS):
        blocks.update(block_values(index, case))
    save(args.out / "blocks.safetensors", blocks)
    cases = [block_case(index, case) for index, case in enumerate(BLOCKS)]
    (args.out / "blocks.json").write_text(json.dumps(cases, indent=1))
    costs = {name.replace("-", "_"): network_costs(name) for name in TABLES}
    (args.out / "models.json").write_text(json.dumps(costs, indent=1))


if __name__ == "__main__":
    main()
