#!/usr/bin/env python3
"""Parts of EfficientNet-Lite0 beside Lite0 itself at a lower resolution, at the same latency, on a folder
of photographs with train/ and test/.

    python3 benches/peers/parts.py DATA WEIGHTS.pth --resolution 96 --shares 0.5 0.25 --seeds 0 1 2

For each share of Lite0's latency at the resolution (deployed, one image, one thread, with as many classes
as the folder has): the part that `scarlet search --from` finds within it, and `scarlet finetune` of all
of Lite0 at the largest resolution, in steps of 4 pixels, that takes at most a fifth more. Both begin with
the same public weights and train with scarlet's defaults; the search's time counts everything that its
network needed. With --random, also a part drawn
uniformly from those of the same supernet that keep to the share, trained as the found one is. Needs scarlet
built (cargo build --release).
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import tempfile
import time

SCARLET = pathlib.Path(__file__).parents[2] / "target/release/scarlet"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("--resolution", type=int, default=96)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.5, 0.25])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--random", type=float, nargs="+", default=[], help="shares, also by chance")
    parser.add_argument(
        "--out", type=pathlib.Path, help="folder to keep the runs in; what is there is not run again"
    )
    parser.add_argument("--threads", type=int, default=2, help="of training")
    parser.add_argument("--scarlet", type=pathlib.Path, default=SCARLET)
    return parser.parse_args()


class Scarlet:
    def __init__(self, args, folder):
        self.program, self.folder = args.scarlet.resolve(), pathlib.Path(folder)
        self.threads = {"RAYON_NUM_THREADS": str(args.threads)}

    def run(self, *command):
        """What a command prints as JSON, and its minutes."""
        begin = time.monotonic()
        ran = subprocess.run(
            [str(part) for part in (self.program, *command, "--json", "--quiet")],
            env=os.environ | self.threads,
            stdout=subprocess.PIPE,
            check=True,
        )
        return json.loads(ran.stdout), (time.monotonic() - begin) / 60

    def once(self, name, *command):
        """As run, with its output kept."""
        kept = self.folder / f"{name}.json"
        if not kept.exists():
            kept.write_text(json.dumps(self.run(*command, "--out", self.folder / name)))
        return json.loads(kept.read_text())

    def lite0_latency(self, classes, resolution):
        """Of Lite0 with as many classes, whatever its weights."""
        network = ["--model", "efficientnet-lite0", "--num-classes", classes, "--random-init"]
        return self.latency(*network, resolution=resolution)

    def latency(self, *network, resolution=None):
        """Milliseconds of the fastest of many runs, deployed, one image and one thread."""
        deployed = self.folder / "bench.scarlet"
        self.run("deploy", deployed, *network)
        size = ["--resolution", resolution] if resolution else []
        rounds = [
            self.run("bench", "--weights", deployed, "--threads", 1, "--runs", 200, *size)[0]
            for _ in range(3)
        ]
        return min(measured["latency_ms"]["min"] for measured in rounds)

    def by_chance(self, run, budget, chance):
        """The genome of a part as fast as the budget, every one as likely as any other."""
        space = json.loads((run / "space.json").read_text())
        genes = [len(choices) for choices in space["choices"]]
        genes += [len(space[end]) for end in ("features", "resolutions") if end in space]
        drawn = self.folder / "drawn.safetensors"
        while True:
            genome = "".join(str(chance.randrange(choices)) for choices in genes)
            self.run("extract", run, drawn, "--choose", genome, "--uncalibrated")
            if self.latency("--weights", drawn) <= budget:
                return genome


def main():
    args = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.out or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        scarlet = Scarlet(args, folder)
        classes = sum(part.is_dir() for part in (args.data / "train").iterdir())
        whole = scarlet.lite0_latency(classes, args.resolution)
        print(f"Lite0 at {args.resolution} pixels takes {whole:.2f} ms")
        plain = {}
        for share in args.shares:
            side = args.resolution
            while scarlet.lite0_latency(classes, side) > 1.2 * share * whole:
                side -= 4
            plain[share] = side
        print(
            "| seed | share | part | ms | pixels | minutes | Lite0 | ms | pixels | minutes "
            "| by chance | ms | pixels |"
        )
        print("|" + "---|" * 13, flush=True)
        for seed in args.seeds:
            for index, share in enumerate(args.shares):
                name = f"part-{seed}-{share}"
                run = scarlet.folder / name
                first = scarlet.folder / f"part-{seed}-{args.shares[0]}"
                start = ["--supernet", first]
                if index == 0:
                    start = ["--data", args.data, "--from", args.weights, "--seed", seed]
                    start += ["--resolution", args.resolution]
                budget = ["--budget", f"latency_ms <= {share * whole:.3f}"]
                found, _ = scarlet.once(name, "search", *start, *budget)
                network = run / "network/network.safetensors"
                seconds = sum(found["seconds"].values())
                if index > 0:
                    # The supernet's own are the first run's.
                    of_first = json.loads((first / "result.json").read_text())["seconds"]
                    seconds = found["seconds"]["search"] + found["seconds"]["train"]
                    seconds += of_first["whole"] + of_first["supernet"]
                name = f"plain-{seed}-{plain[share]}"
                start = ["--data", args.data, "--weights", args.weights, "--seed", seed]
                start += ["--resolution", plain[share]]
                tuned, minutes = scarlet.once(name, "finetune", *start)
                other = scarlet.folder / name
                cells = [seed, share, f"{100 * found['test_accuracy']:.2f} %"]
                cells += [f"{scarlet.latency('--weights', network):.2f}", found["network"]["resolution"]]
                cells += [f"{seconds / 60:.1f}", f"{100 * tuned['test_accuracy']:.2f} %"]
                best = other / "best.safetensors"
                cells += [f"{scarlet.latency('--weights', best):.2f}", plain[share]]
                cells += [f"{minutes:.1f}"]
                if share in args.random:
                    genome = scarlet.by_chance(first, share * whole, random.Random(seed))
                    name = f"chance-{seed}-{share}"
                    start = ["--supernet", first, "--choose", genome, "--evaluations", 1]
                    taken, _ = scarlet.once(name, "search", *start)
                    drawn = scarlet.folder / name
                    cells += [f"{100 * taken['test_accuracy']:.2f} %"]
                    drawn = drawn / "network/network.safetensors"
                    cells += [f"{scarlet.latency('--weights', drawn):.2f}"]
                    cells += [taken["network"]["resolution"]]
                else:
                    cells += ["", "", ""]
                print("|", " | ".join(map(str, cells)), "|", flush=True)


if __name__ == "__main__":
    main()
