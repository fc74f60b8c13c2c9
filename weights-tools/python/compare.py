"""Checks with PyTorch that a weight file computes the logits of a case.

The counterpart of `scarlet-weights check`: shows that files which the Rust program wrote load in
PyTorch, strictly, and compute the same.

    python compare.py --model scarlet-c --weights c.safetensors --case case.safetensors
"""

import argparse
import sys

import torch
from safetensors.torch import load_file

from networks import Network, architecture, load_weights


def main():
    parser = argparse.ArgumentParser(
        description="Check with PyTorch that a weight file computes the logits of a case."
    )
    parser.add_argument("--model", required=True, help="scarlet-a, …, efficientnet-lite0")
    parser.add_argument("--weights", required=True, help="under SCARLET's names")
    parser.add_argument("--case", required=True, help="a case of make_case.py")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    args = parser.parse_args()

    case = load_file(args.case)
    network = Network(architecture(args.model)).double().eval()
    load_weights(network, args.weights)
    with torch.no_grad():
        found = network(case["input"].double())
    expected = case["logits"].double()
    error = ((found - expected).abs().max() / expected.abs().max()).item()
    passed = error <= args.tolerance
    print(f"largest relative error {error:.3e} of {expected.numel()} logits")
    print(f"{'passed' if passed else 'FAILED'} (tolerance {args.tolerance:g})")
    sys.exit(not passed)


if __name__ == "__main__":
    main()
