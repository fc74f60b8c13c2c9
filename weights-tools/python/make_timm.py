"""Makes the golden files of networks and blocks that timm has: what PyTorch computes in double
precision, from formula weights and inputs.

    pip install timm==1.0.31 torchvision==0.29.2
    python make_timm.py --out golden

- `zoo/logits.safetensors`: `NAME.S`, logits of the input `input.S`, for each network at its own
  resolution and at 97 pixels; `zoo/statistics/NAME.safetensors`: the running statistics that the
  images `calibration.128` leave. Names and weights' names are timm's.
- `timm_blocks.safetensors`, with the cases in `timm_blocks.json`: one block each, of every kind;
  output, the gradients of all parameters and of the input, in evaluation and in training, and
  batch normalisation's statistics after the training step. Weights' names are those of SCARLET's
  released code.
- `steps.safetensors`: small networks in training, `NAME.loss`, the sum of their logits times the
  input `NAME.cotangent`, and for each parameter `NAME.grad.PARAMETER`, the norm of its gradient and
  the gradient's product with the formula's values of `NAME.probe.PARAMETER`.
- `torchvision/NAME.safetensors`: networks of torchvision 0.29 with formula weights, the running
  statistics that the images `calibration.128` leave, and `logits` of the input `input.97`;
  `torchvision/names.json`: names and shapes of their entries.
"""

import argparse
import json
from pathlib import Path

import timm
import torch
import torchvision
from safetensors.torch import save_file
from timm.layers import get_act_layer
from timm.models._efficientnet_blocks import (
    ConvBnAct,
    DepthwiseSeparableConv,
    InvertedResidual,
    SqueezeExcite,
)

import formula

ACTIVATIONS = {"relu": "relu", "relu6": "relu6", "h-swish": "hard_swish", "swish": "silu"}
GATES = {"h-sigmoid": "hard_sigmoid", "sigmoid": "sigmoid"}

# What the block is as text; channels in and out, stride, padding, height, width, batch; and how
# timm builds it.
BLOCKS = [
    ("E6K3s4(swish,sigmoid):swish", (16, 16, 1, "symmetric", 8, 8, 2)),
    ("E4K5s8(relu,h-sigmoid):relu", (12, 20, 2, "symmetric", 11, 9, 2)),
    ("E1K3s8(swish,sigmoid):swish", (32, 16, 1, "symmetric", 8, 7, 2)),
    ("E1K5an", (16, 16, 1, "symmetric", 9, 9, 2)),
    ("E5K5s8(h-swish,h-sigmoid)", (16, 16, 1, "symmetric", 7, 7, 3)),
    ("H16K3:relu", (16, 16, 1, "symmetric", 8, 8, 2)),
    ("E6K3:relu6", (8, 12, 2, "same", 10, 13, 2)),
    ("E1K3a:relu6", (16, 24, 2, "symmetric", 10, 10, 2)),
    ("E3K7s6(swish,sigmoid):swish", (8, 10, 2, "same", 9, 12, 2)),
    ("E1K3:relu", (16, 16, 1, "symmetric", 6, 6, 2)),
    ("C1:relu", (24, 16, 1, "symmetric", 5, 5, 2)),
    ("C3:swish", (3, 16, 2, "same", 15, 18, 2)),
]

# Each with its number of classes, side and batch.
STEPS = [
    ("mobilenetv3_small_050", 10, 33, 4),
    ("lcnet_050", 10, 33, 4),
    ("tinynet_e", 10, 47, 3),
    ("tf_efficientnet_lite0", 10, 45, 2),
    ("mobilenetv1_100", 10, 33, 2),
]


def parse(text):
    """A block's text as numbers."""
    core, _, activation = text.partition(":")
    block = {"activation": activation or "h-swish", "a": False, "n": False, "se": None}
    if core.startswith("C"):
        return {**block, "kind": "conv", "kernel": int(core[1:])}
    width, _, rest = core[1:].partition("K")
    block |= {"kind": core[0], "width": int(width), "kernel": int(rest[0])}
    rest = rest[1:]
    if rest.startswith("s"):
        inner, _, functions = rest[1:].partition("(")
        functions, _, rest = functions.partition(")")
        block["se"] = (int(inner), *functions.split(","))
    return {**block, "a": "a" in rest, "n": "n" in rest}


def build(text, channels_in, channels_out, stride, padding):
    block = parse(text)
    common = {
        "stride": stride,
        "pad_type": {"symmetric": "", "same": "same"}[padding],
        "act_layer": get_act_layer(ACTIVATIONS[block["activation"]]),
    }
    if block["kind"] == "conv":
        return ConvBnAct(channels_in, channels_out, block["kernel"], **common)
    if block["se"]:
        inner, activation, gate = block["se"]
        common["se_layer"] = lambda channels, **_: SqueezeExcite(
            channels,
            rd_channels=inner,
            act_layer=get_act_layer(ACTIVATIONS[activation]),
            gate_layer=GATES[gate],
        )
    common |= {"dw_kernel_size": block["kernel"], "noskip": block["n"]}
    if (block["kind"], block["width"]) == ("E", 1):
        return DepthwiseSeparableConv(channels_in, channels_out, pw_act=block["a"], **common)
    width = block["width"] / channels_in if block["kind"] == "H" else block["width"]
    return InvertedResidual(channels_in, channels_out, exp_ratio=width, **common)


def names(module):
    """timm's names of modules in a block, and ours."""
    squeeze_excite = {"se.conv_reduce": "mid_se.squeeze_conv", "se.conv_expand": "mid_se.excite_conv"}
    if isinstance(module, ConvBnAct):
        return {"conv": "conv", "bn1": "bn"}
    if isinstance(module, DepthwiseSeparableConv):
        own = {"conv_dw": "conv2", "bn1": "bn2", "conv_pw": "conv3", "bn2": "bn3"}
    else:
        own = {"conv_pw": "conv1", "conv_dw": "conv2", "conv_pwl": "conv3"}
        own |= {f"bn{number}": f"bn{number}" for number in (1, 2, 3)}
    return own | squeeze_excite


def ours(module):
    """From timm's whole names to ours, of all entries of a block."""
    known = names(module)
    renamed = {}
    for name in module.state_dict():
        owner, _, parameter = name.rpartition(".")
        if parameter != "num_batches_tracked":
            renamed[name] = f"{known[owner]}.{parameter}"
    return renamed


def block_values(index, text, channels_in, channels_out, stride, padding, height, width, batch):
    values = {}
    for mode in ("eval", "train"):
        block = build(text, channels_in, channels_out, stride, padding)
        renamed = ours(block)
        state = {
            name: formula.entry(f"timm{index}.{renamed[name]}", value.shape)
            for name, value in block.state_dict().items()
            if name in renamed
        }
        block.load_state_dict(state, strict=False)
        block = block.double().train(mode == "train")
        x = formula.signal(f"timm{index}.input", (batch, channels_in, height, width)).double()
        x.requires_grad_(True)
        output = block(x)
        cotangent = formula.signal(f"timm{index}.cotangent", output.shape).double()
        (output * cotangent).sum().backward()
        prefix = f"{index}.{mode}"
        values[f"{prefix}.output"] = output.detach()
        values[f"{prefix}.grad.input"] = x.grad
        for name, parameter in block.named_parameters():
            values[f"{prefix}.grad.{renamed[name]}"] = parameter.grad
        if mode == "train":
            for name, buffer in block.named_buffers():
                if name in renamed:
                    values[f"{prefix}.after.{renamed[name]}"] = buffer
    return values


def step_values(name, classes, side, batch):
    network = timm.create_model(name, num_classes=classes).double()
    formula.fill(network)
    network.train()
    x = formula.signal(f"{name}.input", (batch, 3, side, side)).double()
    logits = network(x)
    cotangent = formula.signal(f"{name}.cotangent", logits.shape).double()
    loss = (logits * cotangent).sum()
    loss.backward()
    values = {f"{name}.loss": loss.detach().reshape(1), f"{name}.logits": logits.detach()}
    for parameter, value in network.named_parameters():
        probe = formula.signal(f"{name}.probe.{parameter}", value.shape).double()
        gradient = value.grad
        values[f"{name}.grad.{parameter}"] = torch.stack([gradient.norm(), (gradient * probe).sum()])
    return values


TORCHVISION = (
    "mobilenet_v2",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "mnasnet1_0",
    "efficientnet_b0",
)


def torchvision_networks(out):
    (out / "torchvision").mkdir(parents=True, exist_ok=True)
    names = {}
    for name in TORCHVISION:
        network = getattr(torchvision.models, name)().double()
        formula.fill(network)
        values = formula.calibrate(network)
        network.eval()
        with torch.no_grad():
            values["logits"] = network(formula.signal("input.97", (2, 3, 97, 97)).double())
        save(out / f"torchvision/{name}.safetensors", values)
        names[name] = {
            entry: list(value.shape)
            for entry, value in network.state_dict().items()
            if not entry.endswith("num_batches_tracked")
        }
    (out / "torchvision/names.json").write_text(json.dumps(names))


def zoo(out):
    networks = json.loads((out / "zoo.json").read_text())
    (out / "zoo/statistics").mkdir(parents=True, exist_ok=True)
    logits = {}
    for name, known in networks.items():
        network = timm.create_model(name).double()
        formula.fill(network)
        statistics = formula.calibrate(network)
        network.eval()
        for size in (known["resolution"], 97):
            x = formula.signal(f"input.{size}", (2, 3, size, size)).double()
            with torch.no_grad():
                logits[f"{name}.{size}"] = network(x)
        save(out / f"zoo/statistics/{name}.safetensors", statistics)
    save(out / "zoo/logits.safetensors", logits)


def save(path, values):
    save_file({name: value.float().contiguous() for name, value in values.items()}, path)
    print(f"wrote {path}")


def main():
    parser = argparse.ArgumentParser(description="Make the golden files of timm's networks.")
    parser.add_argument("--out", type=Path, required=True, help="the folder with zoo.json")
    parser.add_argument("--blocks", action="store_true", help="leave the whole networks out")
    args = parser.parse_args()

    blocks, cases = {}, []
    fields = ("channels_in", "channels_out", "stride", "padding", "height", "width", "batch")
    for index, (text, sizes) in enumerate(BLOCKS):
        blocks.update(block_values(index, text, *sizes))
        cases.append({"index": index, "operation": text, **dict(zip(fields, sizes, strict=True))})
    save(args.out / "timm_blocks.safetensors", blocks)
    (args.out / "timm_blocks.json").write_text(json.dumps(cases, indent=1))
    steps = {}
    for step in STEPS:
        steps.update(step_values(*step))
    save(args.out / "steps.safetensors", steps)
    torchvision_networks(args.out)
    if not args.blocks:
        zoo(args.out)


if __name__ == "__main__":
    main()
