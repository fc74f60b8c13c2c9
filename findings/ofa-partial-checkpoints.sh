#!/usr/bin/env bash
# Once-for-All's package, ofa 0.1.0.post202307202001, with PyTorch 2.15.0, CPU.
#
# Guess:     load_state_dict of its supernets does as PyTorch's does: a checkpoint that lacks weights, or
#            has them under other names, is an error unless strict=False says otherwise.
# Behaviour: the supernets replace the method. It begins with the values that the network has and puts
#            those of the checkpoint over them, so whatever is missing keeps its random first value. A
#            checkpoint without a whole block, without the matrices that kernels are transformed by (they
#            begin as identities), or without anything at all loads in silence, with strict=True too, and
#            the result that lists missing keys is None.
# Seen:      against the logits of the network that the checkpoint is of, largest difference over largest
#            logit:
#            without block 7                      loads; 29%
#            without the transforms of kernels    loads; 21%
#            empty                                loads; 135%
#            with a name that it does not know    AssertionError
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ofa==0.1.0.post202307202001 torch==2.15.0 torchvision==0.29.2
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import torch
from ofa.imagenet_classification.elastic_nn.networks import OFAMobileNetV3

def supernet(seed):
    torch.manual_seed(seed)
    network = OFAMobileNetV3(n_classes=10, dropout_rate=0, ks_list=[3, 5, 7],
                             expand_ratio_list=[3, 4, 6], depth_list=[2, 3, 4])
    # Random weights, since none are downloaded here, with matrices that are not quite identities and
    # the statistics of its own activations.
    for name, value in network.named_parameters():
        if name.endswith("_matrix"):
            torch.nn.init.normal_(value.data, std=0.05).add_(torch.eye(len(value)))
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network(images)
    network.set_active_subnet(ks=5, e=6, d=4)
    return network.eval()

torch.manual_seed(1)
images = torch.randn(8, 3, 96, 96) + torch.randn(8, 3, 1, 1)
trained = supernet(2)
weights = trained.state_dict()
cases = {
    "without block 7": lambda name: not name.startswith("blocks.7."),
    "without the transforms of kernels": lambda name: not name.endswith("_matrix"),
    "empty": lambda name: False,
}
for what, keeps in cases.items():
    other = supernet(3)
    if what == "without the transforms of kernels":
        for name, value in other.named_parameters():
            if name.endswith("_matrix"):
                value.data.copy_(torch.eye(len(value)))
    result = other.load_state_dict({k: v for k, v in weights.items() if keeps(k)}, strict=True)
    with torch.no_grad():
        right = trained(images)
        wrong = (right - other(images)).abs().max() / right.abs().max()
    print(f"{what}: {result}; {wrong:.0%}")
    assert result is None and wrong > 0.01, "missing weights are noticed now"
try:
    supernet(3).load_state_dict({"blocks.7.conv.weight_of_another": torch.zeros(1)})
    raise SystemExit("unknown names load now")
except (AssertionError, ValueError) as error:
    print("with a name that it does not know:", type(error).__name__)
PYTHON
