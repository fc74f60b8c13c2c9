#!/usr/bin/env python3
"""Parts of EfficientNet-Lite0 beside Lite0 itself at a lower resolution, at the same latency, on a folder
of photographs with train/ and test/.

    python3 benches/peers/parts.py DATA WEIGHTS.pth --resolution 96 --shares 0.5 0.25 --seeds 0 1 2

For each share of Lite0's latency at the resolution (deployed, one image, one thread): the part that
`scarlet search --from` finds within it, and `scarlet finetune` of all of Lite0 at the largest resolution,
in steps of 4 pixels, that is as fast. Both begin with the same public weights and train with scarlet's
defaults; the search's time counts everything that its network needed. Needs scarlet built (cargo build
--release).
"""

import argparse
import json
import os
import pathlib
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

    def latency(self, weights, resolution=None):
        """Milliseconds of the fastest of many runs, deployed, one image and one thread."""
        deployed = self.folder / "bench.scarlet"
        self.run("deploy", deployed, "--weights", weights)
        size = ["--resolution", resolution] if resolution else []
        rounds = [
            self.run("bench", "--weights", deployed, "--threads", 1, "--runs", 200, *size)[0]
            for _ in range(3)
        ]
        return min(measured["latency_ms"]["min"] for measured in rounds)


def main():
    args = arguments()
    with tempfile.TemporaryDirectory() as folder:
        scarlet = Scarlet(args, folder)
        whole = scarlet.latency(args.weights, args.resolution)
        print(f"Lite0 at {args.resolution} pixels takes {whole:.2f} ms")
        plain = {}
        for share in args.shares:
            side = args.resolution
            while scarlet.latency(args.weights, side) > share * whole:
                side -= 4
            plain[share] = side
        print("| seed | share | part | ms | pixels | minutes | Lite0 | ms | pixels | minutes |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for seed in args.seeds:
            for index, share in enumerate(args.shares):
                run = scarlet.folder / f"part-{seed}-{share}"
                budget = ["--budget", f"latency_ms <= {share * whole:.3f}", "--out", run]
                first = scarlet.folder / f"part-{seed}-{args.shares[0]}"
                start = ["--supernet", first]
                if index == 0:
                    start = ["--data", args.data, "--from", args.weights, "--seed", seed]
                    start += ["--resolution", args.resolution]
                found, _ = scarlet.run("search", *start, *budget)
                network = run / "network/network.safetensors"
                seconds = sum(found["seconds"].values())
                if index > 0:
                    # The supernet's own are the first run's.
                    of_first = json.loads((first / "result.json").read_text())["seconds"]
                    seconds = found["seconds"]["search"] + found["seconds"]["train"]
                    seconds += of_first["whole"] + of_first["supernet"]
                other = scarlet.folder / f"plain-{seed}-{share}"
                start = ["--data", args.data, "--weights", args.weights, "--seed", seed]
                start += ["--resolution", plain[share], "--out", other]
                tuned, minutes = scarlet.run("finetune", *start)
                cells = [seed, share, f"{100 * found['test_accuracy']:.2f} %"]
                cells += [f"{scarlet.latency(network):.2f}", found["network"]["resolution"]]
                cells += [f"{seconds / 60:.1f}", f"{100 * tuned['test_accuracy']:.2f} %"]
                cells += [f"{scarlet.latency(other / 'best.safetensors'):.2f}", plain[share]]
                cells += [f"{minutes:.1f}"]
                print("|", " | ".join(map(str, cells)), "|", flush=True)


if __name__ == "__main__":
    main()
