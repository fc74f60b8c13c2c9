#!/usr/bin/env bash
# safetensors 0.8.0 with PyTorch 2.15.0, CPU.
#
# Guess:     save_file writes the values that a tensor shows, or refuses, as it refuses tensors that
#            are not contiguous or that share memory.
# Behaviour: PyTorch conjugates and negates lazily, by a bit on a view of the old memory. save_file
#            copies that memory without looking at the bit: conjugated tensors lose their conjugation,
#            negated ones their sign, without an error or a warning. `contiguous()`, which the error
#            for other views advises, does not help where the view is contiguous already;
#            `resolve_conj()` and `resolve_neg()` do. torch.save and torch.load keep the values.
# Seen:      conj     [1-2j, 3+4j]  saved as [1+2j, 3-4j]
#            fft conj through save_model, a buffer of a module: the imaginary parts change sign
#            imag of a conjugate, one element: [-2.] saved as [2.]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.15.0 safetensors==0.8.0 numpy packaging
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import io
import torch
from safetensors.torch import load_file, save_file, save_model

def saved(tensor):
    save_file({"x": tensor}, "x.safetensors")
    return load_file("x.safetensors")["x"]

def kept(tensor):
    file = io.BytesIO()
    torch.save(tensor, file)
    file.seek(0)
    return torch.load(file)

plain = torch.tensor([1 + 2j, 3 - 4j])
conjugate = plain.conj()
print("conj:", conjugate.tolist(), "saved as", saved(conjugate).tolist())
assert torch.equal(conjugate, torch.tensor([1 - 2j, 3 + 4j])) and conjugate.is_contiguous()
assert torch.equal(saved(conjugate), plain), "safetensors keeps the conjugation now"
assert torch.equal(saved(conjugate.contiguous()), plain), "contiguous() resolves the view now"
assert torch.equal(saved(conjugate.resolve_conj()), conjugate)
assert torch.equal(kept(conjugate), conjugate)

module = torch.nn.Module()
module.register_buffer("x", torch.fft.fft(torch.arange(3.0)).conj())
save_model(module, "module.safetensors")
read = load_file("module.safetensors")["x"]
print("buffer:", module.x.tolist(), "saved as", read.tolist())
assert torch.equal(read, module.x.conj()) and not torch.equal(read, module.x)

negative = torch.tensor([1 + 2j]).conj().imag
print("imag of a conjugate:", negative.tolist(), "saved as", saved(negative).tolist())
assert negative.is_neg() and negative.item() == -2
assert saved(negative).item() == 2, "safetensors keeps the sign now"
assert saved(negative.resolve_neg()).item() == -2
assert kept(negative).item() == -2
PYTHON
