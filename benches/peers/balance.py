#!/usr/bin/env python3
"""Fine-tunes a network on a folder of photographs whose first class has lost nine of ten training images,
with and without balanced classes, and prints the mean of the classes' accuracies on test/.

    python3 benches/peers/balance.py DATA WEIGHTS.pth --resolution 64 --epochs 6 --seeds 0 1 2

DATA has train/ and test/, each with a folder per class; test/ stays whole. Which images are left follows
from the seed. Needs scarlet built (cargo build --release).
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import tempfile

SCARLET = pathlib.Path(__file__).parents[2] / "target/release/scarlet"
WAYS = ["none", "sampling", "loss"]
KEPT = 0.1


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--small", type=int, nargs="+", default=[0], help="classes that lose images")
    parser.add_argument("--scarlet", type=pathlib.Path, default=SCARLET)
    return parser.parse_args()


def unbalanced(data, folder, small, seed):
    """A folder of links to the images that are left."""
    chance = random.Random(seed)
    os.symlink((data / "test").resolve(), folder / "test")
    for index, source in enumerate(sorted(it for it in (data / "train").iterdir() if it.is_dir())):
        images = sorted(source.iterdir())
        if index in small:
            images = chance.sample(images, max(1, round(KEPT * len(images))))
        target = folder / "train" / source.name
        target.mkdir(parents=True)
        for image in images:
            os.symlink(image.resolve(), target / image.name)


def run(args, data, way, seed, out):
    command = [args.scarlet.resolve(), "finetune", "--data", data, "--weights", args.weights]
    command += ["--resolution", args.resolution, "--epochs", args.epochs, "--seed", seed]
    command += ["--balance", way, "--out", out, "--quiet"]
    subprocess.run([str(part) for part in command], stdout=subprocess.DEVNULL, check=True)
    command = [args.scarlet.resolve(), "eval", data, "--weights", f"{out}/best.safetensors"]
    command += ["--json", "--quiet"]
    ran = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=True)
    return json.loads(ran.stdout)


def main():
    args = arguments()
    print("| seed | balanced by | mean of the classes | the small classes |")
    print("|---|---|---|---|", flush=True)
    for seed in args.seeds:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            unbalanced(args.data, folder, args.small, seed)
            for way in WAYS:
                found = run(args, folder, way, seed, folder / way)
                small = [it["top1"] for it in found["classes"] if it["class"] in args.small]
                small = sum(small) / len(small)
                mean = found["mean_class_top1"]
                print(f"| {seed} | {way} | {100 * mean:.2f} % | {100 * small:.2f} % |", flush=True)


if __name__ == "__main__":
    main()
