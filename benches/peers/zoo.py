#!/usr/bin/env python3
"""Measures every network of the zoo here and in ONNX Runtime: batch 1, two threads, one run.

    python3 benches/peers/zoo.py [--out zoo.json] [--rounds N] [--only NAME …]

Needs: pip install onnxruntime numpy; and `cargo build --release --all-targets` before it.

ONNX Runtime runs the file that `scarlet export` writes, so that both compute the same, batch
normalisation folded. For each network both take turns, some runs each, several rounds; the first run
of a turn does not count. A ratio is the median over the rounds of our shortest time in a round over
theirs: under 1, ours is faster.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

from turns import ROOT, processor

THREADS = 2
# Milliseconds of a turn.
TURN = 150
RELEASE = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"


def ours(name, pixels):
    """A function that runs our network some times, and says the milliseconds of each."""
    command = [RELEASE / "examples/contender", "scarlet", name, "1", str(pixels), str(THREADS)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout.readline().strip() == "ready", name

    def run(count):
        process.stdin.write(f"{count}\n")
        return json.loads(process.stdout.readline())

    return process, run


def theirs(file, pixels):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    values = np.arange(3 * pixels * pixels) % 255 / 127 - 1
    feed = {session.get_inputs()[0].name: values.astype(np.float32).reshape(1, 3, pixels, pixels)}

    def run(count):
        times = []
        for _ in range(count):
            start = time.perf_counter()
            session.run(None, feed)
            times.append((time.perf_counter() - start) * 1e3)
        return times

    return run


def measure(network, folder, rounds):
    name, pixels = network["name"], network["resolution"]
    file = folder / f"{name}.onnx"
    command = [RELEASE / "scarlet", "export", file, "--model", name, "--random-init", "--quiet"]
    subprocess.run(command, check=True)
    process, run_ours = ours(name, pixels)
    run_theirs = theirs(file, pixels)
    once = min(run_ours(3) + run_theirs(3))
    count = 1 + max(3, int(TURN / once))
    turns = [(min(run_ours(count)[1:]), min(run_theirs(count)[1:])) for _ in range(rounds)]
    process.stdin.close()
    process.wait()
    file.unlink()
    return {
        "network": name,
        "pixels": pixels,
        "mult_adds": network["mult_adds"],
        "ours_ms": min(mine for mine, _ in turns),
        "onnxruntime_ms": min(peer for _, peer in turns),
        "ratio": statistics.median(mine / peer for mine, peer in turns),
    }


def main():
    parser = argparse.ArgumentParser(description="Measure the zoo here and in ONNX Runtime.")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="*", default=[], help="networks, instead of all")
    args = parser.parse_args()
    listed = json.loads(subprocess.check_output([RELEASE / "scarlet", "info", "--json"]))
    networks = [it for it in listed["networks"] if not args.only or it["name"] in args.only]
    print(f"{processor()}, {platform.system()}, ONNX Runtime {onnxruntime.__version__}")
    print(f"{'network':30} {'pixels':>6} {'mult-adds':>10} {'ours':>9} {'ONNX Runtime':>13} ratio")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for network in networks:
            row = measure(network, Path(folder), args.rounds)
            rows.append(row)
            print(
                f"{row['network']:30} {row['pixels']:6} {row['mult_adds'] / 1e6:8.1f} M "
                f"{row['ours_ms']:6.2f} ms {row['onnxruntime_ms']:10.2f} ms  {row['ratio']:.2f}",
                flush=True,
            )
    if args.out:
        args.out.write_text(json.dumps({"processor": processor(), "networks": rows}, indent=1))


if __name__ == "__main__":
    main()
