#!/usr/bin/env bash
# torchvision 0.29.2 with torch 2.15.0, safetensors 0.8.0. Needs Python 3.
#
# Guess:     weights that went through a safetensors file are a plain dictionary of tensors, and every
#            network of torchvision takes them back: names and shapes are all that load_state_dict looks at.
# Behaviour: MnasNet alone asks for more. It reads a version out of the `_metadata` that state_dict()
#            hangs on its dictionary, and that no plain dictionary and no file of safetensors carries;
#            without it load_state_dict raises a ValueError about a version that is None, before it has
#            looked at a single tensor. torch.save keeps the attribute, so the same weights load from .pth.
# Seen:      mobilenet_v2        from safetensors: all keys matched
#            mnasnet1_0          from safetensors: ValueError: version should be set to 1 or 2 instead of None
#            mnasnet1_0          from torch.save:  all keys matched
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 safetensors==0.8.0 torch==2.15.0 torchvision==0.29.2
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import torch
import torchvision
from safetensors.torch import load_file, save_file


def loads(name, weights):
    try:
        return str(getattr(torchvision.models, name)().load_state_dict(weights))
    except ValueError as error:
        return f"{type(error).__name__}: {error}"


print("torchvision", torchvision.__version__, "torch", torch.__version__)
for name in ("mobilenet_v2", "mnasnet1_0"):
    weights = getattr(torchvision.models, name)().state_dict()
    save_file({key: value.contiguous() for key, value in weights.items()}, f"{name}.safetensors")
    torch.save(weights, f"{name}.pth")
    from_safetensors = loads(name, load_file(f"{name}.safetensors"))
    from_pickle = loads(name, torch.load(f"{name}.pth", weights_only=True))
    print(f"{name}: from safetensors {from_safetensors}; from torch.save {from_pickle}")
    assert from_pickle == "<All keys matched successfully>"
    plain = name == "mobilenet_v2"
    assert (from_safetensors == "<All keys matched successfully>") == plain, "this has changed"
    if not plain:
        assert "version should be set to 1 or 2 instead of None" in from_safetensors
PYTHON
