#!/usr/bin/env bash
# timm 1.0.31 with PyTorch 2.15.0, CPU.
#
# Guess:     load_state_dict(strict=True) tells whether a checkpoint is of this network: where all names
#            and shapes agree, the network computes what the checkpoint's own network computed.
# Behaviour: many of timm's mobile networks stand there twice, once as trained in PyTorch and once as
#            ported from TensorFlow ("tf_"). Names, order and shapes of all weights are the same. What
#            differs is in no checkpoint: how convolutions of stride 2 pad, the epsilon of batch
#            normalization (1e-5 and 1e-3), the mean and standard deviation of the input, in some the
#            interpolation. A checkpoint of one loads into the other, strictly and silently.
# Seen:      with random weights, the largest difference of a logit against the largest logit:
#            efficientnet_lite0     all keys matched; 35%, and with the same epsilon still 39%
#            mobilenetv3_large_100  all keys matched; 92%, and with the same epsilon still 120%
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet timm==1.0.31 torch==2.15.0 torchvision==0.29.2
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import timm
import torch
from torch.nn import BatchNorm2d
from torch.nn.functional import interpolate

def norms(model):
    return [module for module in model.modules() if isinstance(module, BatchNorm2d)]

for name in ("efficientnet_lite0", "mobilenetv3_large_100"):
    torch.manual_seed(0)
    one, other = timm.create_model(name), timm.create_model("tf_" + name)
    # Random weights, since no hub is asked here, with the statistics of the network's own activations
    # on images with shapes of all sizes.
    images = sum(interpolate(torch.randn(16, 3, size, size) / 2, size=(224, 224), mode="bicubic")
                 for size in (1, 2, 4, 8, 16, 32, 64))
    for norm in norms(one):
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        norm.momentum = None
    with torch.no_grad():
        one(images)
    one.eval()
    other.eval()

    weights, expected = one.state_dict(), other.state_dict()
    assert list(weights) == list(expected)
    assert all(weights[key].shape == expected[key].shape for key in weights)
    print(name, "into tf_" + name + ":", other.load_state_dict(weights, strict=True))
    with torch.no_grad():
        right = one(images)
        wrong = (right - other(images)).abs().max() / right.abs().max()
        assert {norm.eps for norm in norms(one)} == {1e-5}
        assert {norm.eps for norm in norms(other)} == {1e-3}, "the epsilon is another now"
        for norm in norms(other):
            norm.eps = 1e-5
        padded = (right - other(images)).abs().max() / right.abs().max()
    print(f"  largest difference {wrong:.0%} of the largest logit, {padded:.0%} by the padding alone")
    for key in ("mean", "std", "interpolation"):
        print(f"  {key}: {one.pretrained_cfg[key]} and {other.pretrained_cfg[key]}")
    assert wrong > 0.05 and padded > 0.05, "the two networks compute the same now"
    assert one.pretrained_cfg["mean"] != other.pretrained_cfg["mean"]
PYTHON
