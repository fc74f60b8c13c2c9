"""Makes the golden maps of Grad-CAM: what PyTorch's autograd computes in double precision, from formula
weights and inputs.

    pip install timm==1.0.31
    python make_grad_cam.py --out golden

- `grad_cam.safetensors`: `NAME.C`, maps of class C of the two images `input.97`, `[2, height, width]`.
  SCARLET-A has the names of `networks.py`, the others have timm's. Running statistics are those that
  the images `calibration.128` leave, rounded to f32 as in the other golden files.

The whole network is differentiated with respect to its last map, with nothing assumed about what
stands behind it.
"""

import argparse
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file

import formula
from networks import Network, architecture

# Each with the module whose output is the last map.
NETWORKS = {
    "scarlet-a": "conv_before_pooling",
    "tf_efficientnet_lite0": "bn2",
    "mobilenetv3_large_100": "blocks",
}
CLASSES = (3, 700)
SIDE = 97


def network(name):
    if name == "scarlet-a":
        module = Network(architecture(name)).double()
    else:
        module = timm.create_model(name).double()
    formula.fill(module)
    statistics = formula.calibrate(module)
    state = module.state_dict()
    for key, value in statistics.items():
        state[key] = value.float().double()
    module.load_state_dict(state)
    return module.eval()


def maps(module, last, images, label):
    kept = []
    hook = module.get_submodule(last).register_forward_hook(lambda *it: kept.append(it[2]))
    logits = module(images)
    hook.remove()
    (features,) = kept
    gradient = torch.autograd.grad(logits[:, label].sum(), features)[0]
    weights = gradient.mean((2, 3), keepdim=True)
    return torch.relu((weights * features).sum(1)).detach()


def main():
    parser = argparse.ArgumentParser(description="Make the golden maps of Grad-CAM.")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    args = parser.parse_args()
    images = formula.signal(f"input.{SIDE}", (2, 3, SIDE, SIDE)).double()
    values = {}
    for name, last in NETWORKS.items():
        module = network(name)
        for label in CLASSES:
            found = maps(module, last, images, label)
            zero = (found == 0).double().mean().item()
            print(f"{name}, class {label}: {tuple(found.shape)}, largest {found.amax((1, 2)).tolist()}, {zero:.0%} 0")
            values[f"{name}.{label}"] = found.float().contiguous()
    save_file(values, args.out / "grad_cam.safetensors")


if __name__ == "__main__":
    main()
