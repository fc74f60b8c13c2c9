"""Checks that ONNX Runtime computes every convolution of a file in integers, and how fast.

The graph that the runtime makes of the file is read: all convolutions must be of the integer kind. With
`--floats` the time of one image on one thread is compared with that of another file.

    python check_integers.py --model lite0-int8.onnx --floats lite0.onnx
"""

import argparse
import collections
import os
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime


def session(path, optimised=None):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if optimised:
        options.optimized_model_filepath = optimised
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def runner(made):
    given = made.get_inputs()[0]
    shape = [size if isinstance(size, int) else 1 for size in given.shape]
    images = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    return lambda: made.run(None, {given.name: images})


def shortest(runs, rounds=30):
    """The shortest time of each, which take turns."""
    times = [float("inf")] * len(runs)
    for _ in range(rounds):
        for index, run in enumerate(runs):
            began = time.perf_counter()
            run()
            times[index] = min(times[index], time.perf_counter() - began)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="the ONNX file of eight bits")
    parser.add_argument("--floats", help="the same network in floats, to compare times with")
    args = parser.parse_args()

    onnx.checker.check_model(args.model, full_check=True)
    asked = sum(node.op_type == "Conv" for node in onnx.load(args.model).graph.node)
    with tempfile.TemporaryDirectory() as folder:
        optimised = os.path.join(folder, "optimised.onnx")
        made = session(args.model, optimised)
        kinds = collections.Counter(node.op_type for node in onnx.load(optimised).graph.node)
    print(", ".join(f"{count} {kind}" for kind, count in kinds.most_common()))
    if kinds["QLinearConv"] != asked:
        sys.exit(f"FAILED: {kinds['QLinearConv']} of {asked} convolutions are in integers")
    if args.floats:
        integers, floats = shortest([runner(made), runner(session(args.floats))])
        print(f"{1000 * integers:.2f} ms, in floats {1000 * floats:.2f} ms")
        if integers > floats:
            sys.exit("FAILED: slower than in floats")
    print(f"all {asked} convolutions in integers")


if __name__ == "__main__":
    main()
