"""Makes a case for `scarlet-weights check`: an input, and the logits PyTorch computes from it.

    python make_case.py --model scarlet-c --weights ScarletC.pth.tar --out case.safetensors
"""

import argparse

import torch
from safetensors.torch import save_file

import formula
from networks import Network, architecture, load_weights


def main():
    parser = argparse.ArgumentParser(
        description="Make a case for `scarlet-weights check` with PyTorch, in double precision."
    )
    parser.add_argument("--model", required=True, help="scarlet-a, …, efficientnet-lite0")
    parser.add_argument(
        "--weights", help="checkpoint or safetensors, under SCARLET's names (default: formula)"
    )
    parser.add_argument("--size", type=int, default=224, help="height and width of the images")
    parser.add_argument("--batch", type=int, default=2, help="number of images")
    parser.add_argument("--out", required=True, help="the safetensors file to write")
    args = parser.parse_args()

    network = Network(architecture(args.model)).double().eval()
    if args.weights:
        load_weights(network, args.weights)
    else:
        formula.fill(network)
    images = formula.signal(f"input.{args.size}", (args.batch, 3, args.size, args.size))
    with torch.no_grad():
        logits = network(images.double())
    save_file({"input": images, "logits": logits.float()}, args.out)
    print(f"wrote {args.out}: {args.batch} images of {args.size}×{args.size}")


if __name__ == "__main__":
    main()
