"""Makes the golden files of Once-for-All's supernets: what its authors' package computes in double
precision with parts of supernets whose weights a formula gives.

    pip install ofa==0.1.0.post202307202001 torchvision
    python make_ofa.py --out golden

- `ofa.json`: of each supernet the `scales` of its batch normalisations; and the `cases`, each a part:
  kernels, expansions and depths as the package takes them, side of the images, parameters, mult-adds.
- `ofa.safetensors`: `N.logits` of case N for two images.

Statistics of the largest network alone would leave parts of it with signals that die, and all images
with the same logits. So the formula's values are changed (`tune`): smaller kernels and fewer channels
keep the size of what they compute, and running statistics are scaled, one number a normalisation, to
what reaches it in the largest network.
"""

import argparse
import json
import math
import random
from pathlib import Path

import torch
from ofa.imagenet_classification.elastic_nn.networks import OFAMobileNetV3, OFAProxylessNASNets
from safetensors.torch import save_file
from torch import nn

import formula
from make_golden import mult_adds

CLASSES = 20
PARTS = 10
SIDES = (96, 97, 160)
OPTIONS = {
    "n_classes": CLASSES,
    "dropout_rate": 0,
    "ks_list": [3, 5, 7],
    "expand_ratio_list": [3, 4, 6],
    "depth_list": [2, 3, 4],
}
# As `ofa.model_zoo.ofa_net` builds them.
SUPERNETS = {
    "ofa_mbv3_d234_e346_k357_w1.0": lambda: OFAMobileNetV3(width_mult=1.0, **OPTIONS),
    "ofa_mbv3_d234_e346_k357_w1.2": lambda: OFAMobileNetV3(width_mult=1.2, **OPTIONS),
    "ofa_proxyless_d234_e346_k357_w1.3": lambda: OFAProxylessNASNets(width_mult=1.3, **OPTIONS),
}


def images(side, count=2):
    """Images that differ in their colours too, which no mean over pixels takes away."""
    offset = 2.5 * formula.signal("offset", (count, 3, 1, 1))
    return (formula.signal(f"input.{side}", (count, 3, side, side)) + offset).double()


def tune(name, values, has_hidden):
    """The formula's values of an entry, for networks of every width and kernel."""
    if name.endswith("7to5_matrix"):
        return values * (7 / 5)
    if name.endswith("5to3_matrix"):
        return values * (5 / 3)
    if "point_linear" in name and values.dim() == 4 and not name.startswith("blocks.0."):
        values[:, values.shape[1] // 2 :] *= 0.2
    elif name == "feature_mix_layer.conv.weight" and has_hidden:
        return values * 4
    elif name == "classifier.linear.bias":
        return values * 0.1
    return values


def fill(network):
    state = network.state_dict()
    has_hidden = hasattr(network, "final_expand_layer")
    for name, value in state.items():
        if not name.endswith("num_batches_tracked"):
            state[name] = tune(name, formula.entry(name, value.shape), has_hidden)
    network.load_state_dict(state)


def scale(network):
    """Scales the running statistics of the largest network to its signals, from the first to the last;
    returns the scales."""
    scales, hooks = {}, []
    for name, module in network.named_modules():
        if not isinstance(module, nn.BatchNorm2d):
            continue

        def measure(module, inputs, name=name):
            variance = 0.8 * inputs[0].var((0, 2, 3)).mean()
            # As it is written.
            scales[name] = float(f"{variance.item():.4g}")
            module.running_var *= scales[name]
            module.running_mean *= math.sqrt(scales[name])

        hooks.append(module.register_forward_pre_hook(measure))
    network.set_max_net()
    with torch.no_grad():
        network(images(96, 8))
    for hook in hooks:
        hook.remove()
    return scales


def settings(network, index):
    """Kernels, expansions and depths of a part: the largest, the smallest, then any."""
    blocks, stages = len(network.blocks) - 1, len(network.block_group_info)
    if index < 2:
        k, e, d = ((7, 6, 4), (3, 3, 2))[index]
        part = {"ks": [k] * blocks, "e": [e] * blocks, "d": [d] * stages}
        network.set_active_subnet(**part)
        return part
    return network.sample_active_subnet()


def main():
    parser = argparse.ArgumentParser(description="Make the golden files of Once-for-All's parts.")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    args = parser.parse_args()

    torch.set_num_threads(1)
    random.seed(0)
    cases, scales, logits = [], {}, {}
    for supernet, build in SUPERNETS.items():
        network = build().double().eval()
        fill(network)
        scales[supernet] = scale(network)
        count = 0
        while count < 2 + PARTS:
            part = settings(network, count)
            side = SIDES[count % len(SIDES)]
            # Its weights are in single precision, whatever the supernet's are.
            alone = network.get_active_subnet().double().eval()
            with torch.no_grad():
                found = network(images(side))
                same = (alone(images(side)) - found).abs().max() / found.abs().max()
            assert same < 1e-5, "a part alone computes something else than within its supernet"
            differ = (found[0] - found[1]).abs().max() / found.abs().max()
            print(f"{supernet} {count}: largest {found.abs().max():.3f}, images differ by {differ:.3f}")
            if differ < 0.12 and count >= 2:
                # Another part, whose signals do not die.
                continue
            logits[f"{len(cases)}.logits"] = found.float()
            parameters = sum(it.numel() for it in alone.parameters())
            costs = {"parameters": parameters, "mult_adds": mult_adds(alone.float(), side)}
            cases.append({"supernet": supernet, **part, "side": side, **costs})
            count += 1
    (args.out / "ofa.json").write_text(json.dumps({"scales": scales, "cases": cases}))
    save_file(logits, args.out / "ofa.safetensors")


if __name__ == "__main__":
    main()
