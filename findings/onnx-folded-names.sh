#!/usr/bin/env bash
# PyTorch 2.15.0 with onnx 1.23.2, onnxscript 0.7.2 and onnx-ir 1.1.0, CPU.
#
# Guess:     torch.onnx.export keeps the names of a network's weights, so that an initializer which has
#            a weight's name and shape holds that weight; where batch normalization is folded into a
#            convolution, the new tensors get new names, as the older exporter's "onnx::Conv_20".
# Behaviour: the exporter of today folds batch normalization into convolutions unasked and leaves the
#            new tensors the old names. "0.weight" of the file has the name, the shape and the type of
#            "0.weight" in the state dict, but other values; so has a bias that was there before. Only
#            the normalization's own names are missing. optimize=False keeps the weights.
# Seen:      ratio of the file's "0.weight" to the state dict's, by channel: the normalization's
#            weight / sqrt(variance + epsilon), 0.32 to 2.32 here
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2 onnx-ir==1.1.0 numpy
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import logging

import onnx
import torch
from onnx import numpy_helper
from torch import nn

# The exporter tells that torchvision is missing, which nothing here needs.
logging.disable(logging.WARNING)
torch.manual_seed(0)
network = nn.Sequential(
    nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
    nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4),
).eval()
for norm in (network[1], network[4]):
    nn.init.uniform_(norm.weight, 0.5, 2)
    nn.init.normal_(norm.bias)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.1, 3)
weights = network.state_dict()

def exported(**options):
    torch.onnx.export(network, (torch.rand(1, 3, 8, 8),), "network.onnx", verbose=False, **options)
    graph = onnx.load("network.onnx").graph
    print(options, [node.op_type for node in graph.node], [tensor.name for tensor in graph.initializer])
    return {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in graph.initializer}

kept = exported(optimize=False)
for name in ("0.weight", "1.weight", "3.weight", "3.bias"):
    assert torch.equal(kept[name], weights[name])

folded = exported()
for name in ("0.weight", "3.weight", "3.bias"):
    assert name in folded, "folded weights have names of their own now"
    assert folded[name].shape == weights[name].shape and folded[name].dtype == weights[name].dtype
    assert not torch.allclose(folded[name], weights[name]), "the exporter keeps the weights now"
scale = weights["1.weight"] / torch.sqrt(weights["1.running_var"] + network[1].eps)
assert torch.allclose(folded["0.weight"], weights["0.weight"] * scale[:, None, None, None])
print("0.weight of the file is that of the state dict times", [round(factor, 2) for factor in scale.tolist()])
print("3.bias of the state dict", weights["3.bias"].tolist(), "of the file", folded["3.bias"].tolist())
PYTHON
