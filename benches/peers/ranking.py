#!/usr/bin/env python3
"""Whether a supernet that is made of a public network ranks its parts as their own training does, with
stabilizers on the skips and without, on a folder of photographs with train/ and test/.

    python3 benches/peers/ranking.py DATA WEIGHTS.pth --resolution 64 --epochs 6 --parts 20 --seeds 0 1 2

For each seed the public network is fine-tuned, and a supernet of each kind made of it and trained, with it as
the teacher. Parts are drawn at random, the same for both kinds; each is judged by the supernet on held-out
images, as in a search, then trained on its own from the supernet's weights and judged on test/. Prints
Kendall's tau (tau-b, which allows for ties) between both accuracies. Needs scarlet built (cargo build
--release).
"""

import argparse
import csv
import itertools
import json
import os
import pathlib
import subprocess
import tempfile

SCARLET = pathlib.Path(__file__).parents[2] / "target/release/scarlet"
SKIPS = ["stabilizer", "identity"]
# A search begins with what people would try by hand; the rest of its first generation is drawn at random.
TRIED_BY_HAND = 40


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--parts", type=int, default=20)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--out", type=pathlib.Path, help="folder to keep the runs in; what is there is not run again"
    )
    parser.add_argument("--scarlet", type=pathlib.Path, default=SCARLET)
    return parser.parse_args()


def tau(pairs):
    """Kendall's tau-b (Kendall, *The treatment of ties in ranking problems*, 1945)."""
    agreement, ties = 0, [0, 0]
    for (a, b), (c, d) in itertools.combinations(pairs, 2):
        signs = [(x > y) - (x < y) for x, y in ((a, c), (b, d))]
        agreement += signs[0] * signs[1]
        ties = [count + (sign != 0) for count, sign in zip(ties, signs)]
    return agreement / (ties[0] * ties[1]) ** 0.5 if all(ties) else 0.0


class Runs:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.threads = {"RAYON_NUM_THREADS": str(args.threads)}

    def run(self, name, *command):
        """The folder of a run, which is begun unless it is there."""
        out, done = self.folder / name, self.folder / f"{name}.done"
        if not done.exists():
            words = [self.args.scarlet.resolve(), *command, "--out", out, "--quiet"]
            subprocess.run(
                [str(word) for word in words],
                env=os.environ | self.threads,
                stdout=subprocess.DEVNULL,
                check=True,
            )
            done.touch()
        return out

    def supernets(self, seed):
        args = self.args
        data = ["--data", args.data, "--resolution", args.resolution, "--seed", seed]
        epochs = ["--epochs", args.epochs]
        whole = self.run(f"whole-{seed}", "finetune", *data, *epochs, "--weights", args.weights)
        for skip in SKIPS:
            start = ["--from", whole / "best.safetensors", "--until", "supernet"]
            settings = ["--set", f"space.skip={skip}", "--supernet-epochs", args.epochs]
            yield skip, self.run(f"{skip}-{seed}", "search", *data, *start, *settings)

    def judged(self, name, supernet):
        """Random parts and their accuracies by the supernet's weights."""
        count = self.args.parts + TRIED_BY_HAND
        settings = [f"search.algorithm.population={count}", "search.budget=[]"]
        settings = [word for setting in settings for word in ("--set", setting)]
        start = ["--supernet", supernet, "--evaluations", count, "--until", "search"]
        out = self.run(name, "search", *start, *settings)
        with open(out / "front.csv") as file:
            found = [(row["genome"], float(row["accuracy"])) for row in csv.DictReader(file)]
        # In the order in which they were judged.
        return found[-self.args.parts :]

    def trained(self, name, supernet, genome):
        start = ["--supernet", supernet, "--choose", genome, "--evaluations", 1]
        out = self.run(name, "search", *start, "--epochs", self.args.epochs)
        return json.loads((out / "result.json").read_text())["test_accuracy"]


def main():
    args = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.out or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        runs = Runs(args, folder)
        print("| seed | skips | Kendall's tau | parts | by the supernet | trained |")
        print("|---|---|---|---|---|---|", flush=True)
        for seed in args.seeds:
            for skip, supernet in runs.supernets(seed):
                parts = runs.judged(f"judged-{skip}-{seed}", supernet)
                pairs = [
                    (judged, runs.trained(f"trained-{skip}-{seed}-{genome}", supernet, genome))
                    for genome, judged in parts
                ]
                spans = [f"{100 * min(it):.1f} to {100 * max(it):.1f} %" for it in zip(*pairs)]
                cells = [seed, skip, f"{tau(pairs):.2f}", len(pairs), *spans]
                print("|", " | ".join(map(str, cells)), "|", flush=True)


if __name__ == "__main__":
    main()
