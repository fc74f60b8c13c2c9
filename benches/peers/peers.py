#!/usr/bin/env python3
"""Measures SCARLET's networks here and in their peers: one run, one machine, one input.

    python3 benches/peers/peers.py [--out DIR] [--quick] [--only NAME,…]

Needs: pip install torch onnx onnxruntime numpy, and what it builds itself: the example `contender`
of this workspace and the crate in rust/ (tract, candle and RTen; minutes, the first time).

Each contender is a process that runs the network as often as it is told and answers with the
milliseconds. All contenders of a setting are there at once and take turns, some runs each, several
rounds: whatever disturbs the machine disturbs all of them. The first run of a turn does not count. A
ratio is the median over the rounds of our shortest time in a round over theirs of as many runs in the
same round, so that a slower minute cancels out. Times shown are the shortest of all; medians are
kept. Writes peers.json and peers.svg into DIR; prints a table.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from networks import blocks, network
from turns import (HERE, Contender, build_peers, build_workspace, chart, locked, processor, serve,
                   take_turns)

NAMES = {
    "scarlet": "scarlet, deployed",
    "onnxruntime": "ONNX Runtime",
    "torch": "PyTorch",
    "torch-nhwc": "PyTorch, channels last",
    "tract": "tract",
    "candle": "candle",
    "flex": "Burn, flex",
    "ndarray": "Burn, ndarray",
}


def operations(model):
    """The network as lines for candle; see rust/src/candle.rs."""
    yield from ("conv 3 32 3 2 1 relu6", "conv 32 32 3 1 32 relu6", "conv 32 16 1 1 1 none")
    for c_in, hidden, c_out, kernel, gate, stride in blocks(model):
        yield "block"
        yield f"conv {c_in} {hidden} 1 1 1 hswish"
        yield f"conv {hidden} {hidden} {kernel} {stride} {hidden} hswish"
        if gate:
            yield f"gate {hidden} {hidden // 4}"
        yield f"conv {hidden} {c_out} 1 1 1 none"
        if stride == 1 and c_in == c_out:
            yield "add"
    yield from ("conv 320 1280 1 1 1 relu6", "mean", "linear 1280 1000")


def images(batch, size):
    """The same as every contender's."""
    import numpy

    values = numpy.arange(batch * 3 * size * size) % 255 / 127.0 - 1.0
    return values.astype("float32").reshape(batch, 3, size, size)


def export(model, batch, size, path):
    """Writes the network as ONNX, batch normalisations folded by the exporter."""
    import torch

    x = torch.from_numpy(images(batch, size))
    torch.onnx.export(network(model).eval(), x, path, dynamo=False, opset_version=17)


def contend(engine, model, batch, size, threads, file):
    """A contender in Python; the same on standard input and output as those in Rust."""
    if engine == "onnxruntime":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(file, options, ["CPUExecutionProvider"])
        feed = {session.get_inputs()[0].name: images(batch, size)}
        run = lambda: session.run(None, feed)
    else:
        import torch

        torch.set_num_threads(threads)
        layout = torch.contiguous_format if engine.removesuffix("-train") == "torch" else torch.channels_last
        net = network(model).to(memory_format=layout)
        x = torch.from_numpy(images(batch, size)).to(memory_format=layout)
        if engine.endswith("-train"):
            net.train()
            labels = torch.arange(batch) * 37 % 1000
            sgd = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9)
            forward = torch.compile(net, dynamic=False) if "compile" in engine else net

            def run():
                sgd.zero_grad()
                torch.nn.functional.cross_entropy(forward(x), labels).backward()
                sgd.step()
        else:
            net.eval()

            def run():
                with torch.inference_mode():
                    net(x)
    run()
    serve({"": run})


def start(programs, files, engine, model, batch, size, threads):
    setting = [batch, size, threads]
    base = engine.removesuffix("-train")
    if base in ("tract", "candle"):
        command = [programs["peers"], base, files[base], *setting]
    elif base in ("scarlet", "flex", "ndarray"):
        command = [programs["contender"], engine, model, *setting]
    else:
        command = [sys.executable, __file__, "--contend", engine, model, *setting, files.get(base, "")]
    return Contender(engine, command, threads).wait()


def measure(programs, files, engines, model, batch, size, threads, rounds, budget):
    """{engine: its summary}; `budget` is the milliseconds of a turn."""
    # One after the other: their preparations would disturb each other.
    contenders = [start(programs, files, engine, model, batch, size, threads) for engine in engines]
    take_turns(contenders, rounds, budget)
    results = {}
    ours = next((c for c in contenders if c.engine.startswith("scarlet") and not c.failure), None)
    for contender in contenders:
        contender.end()
        if contender.failure:
            print(f"  {contender.engine} failed: {contender.failure}", file=sys.stderr)
            continue
        ratios = contender.ratios(ours, min) if ours else []
        ratio = round(statistics.median(ratios), 3) if ratios else None
        results[contender.engine] = contender.summary() | {"ratio": ratio}
    return results


def build(target):
    """Builds both programs, and returns where they are."""
    release = build_workspace("--example", "contender")
    return {"contender": release / "examples/contender", "peers": build_peers(target)}


def machine():
    """What the figures are of."""
    from importlib.metadata import version

    versions = {name: version(name) for name in ("torch", "onnxruntime")}
    versions |= {"tract": locked("tract-onnx"), "candle": locked("candle-core"), "burn": locked("burn")}
    return {"processor": processor(), "cores": os.cpu_count(), "versions": versions}


def name_of(engine):
    return "scarlet" if engine == "scarlet-train" else NAMES[engine.removesuffix("-train")]


def bars(results):
    return {engine: (times["min_ms"], 1 / times["ratio"]) for engine, times in results.items()}


def show(title, results):
    print(f"\n{title}")
    for engine, times in sorted(results.items(), key=lambda item: item[1]["min_ms"]):
        name = name_of(engine)
        ratio = times["ratio"] or float("nan")
        print(f"  {name:24} {times['min_ms']:10.2f} ms  median {times['median_ms']:10.2f}   "
              f"ours / this {ratio:5.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("."), help="folder for peers.json and peers.svg")
    parser.add_argument("--target", type=Path, default=HERE / "rust/target", help="where rust/ is built")
    parser.add_argument("--quick", action="store_true", help="fewer settings and rounds, to try it out")
    parser.add_argument("--only", default="", help="contenders, such as scarlet,onnxruntime")
    parser.add_argument("--contend", nargs=6, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contend:
        engine, model, batch, size, threads, file = arguments.contend
        return contend(engine, model, int(batch), int(size), int(threads), file)

    programs, started = build(arguments.target.resolve()), time.time()
    chosen = [name for name in arguments.only.split(",") if name]
    pick = lambda engines: [e for e in engines if not chosen or e.removesuffix("-train") in chosen]
    rounds, budget = (2, 60) if arguments.quick else (20, 150)
    everyone = list(NAMES)
    few = ["scarlet", "onnxruntime"]
    plans = [("scarlet-a", batch, threads, everyone) for threads in (2, 1) for batch in (1, 8, 32)]
    plans += [(model, batch, threads, few) for model in ("scarlet-b", "scarlet-c")
              for threads in (2, 1) for batch in (1, 8)]
    training = [(8, 224), (64, 32)]
    if arguments.quick:
        plans, training = [plans[0], plans[1]], [(64, 32)]
    report = {"machine": machine(), "inference": [], "training": []}
    panels = []
    with tempfile.TemporaryDirectory() as folder:
        for model, batch, threads, engines in plans:
            onnx, text = f"{folder}/{model}-{batch}.onnx", f"{folder}/{model}.txt"
            if not Path(onnx).exists():
                export(model, batch, 224, onnx)
                Path(text).write_text("\n".join(operations(model)))
            files = {"onnxruntime": onnx, "tract": onnx, "candle": text}
            results = measure(programs, files, pick(engines), model, batch, 224, threads, rounds, budget)
            plural = "1 thread" if threads == 1 else f"{threads} threads"
            title = f"{model.upper()}, inference at 224×224, batch {batch}, {plural}"
            show(title, results)
            report["inference"].append({"model": model, "batch": batch, "size": 224,
                                        "threads": threads, "contenders": results})
            if model == "scarlet-a" and threads == 2 and batch < 32 and "scarlet" in results:
                panels.append((title, bars(results), "scarlet"))
        engines = ["scarlet-train", "torch-train", "torch-nhwc-train", "flex-train"]
        for batch, size in training:
            results = measure(programs, {}, pick(engines), "scarlet-a", batch, size, 2,
                              min(rounds, 8), 4 * budget)
            title = f"SCARLET-A, training step at {size}×{size}, batch {batch}, 2 threads"
            show(title, results)
            report["training"].append({"model": "scarlet-a", "batch": batch, "size": size,
                                       "threads": 2, "contenders": results})
            if "scarlet-train" in results:
                panels.append((title, bars(results), "scarlet-train"))
    report["seconds"] = round(time.time() - started)
    versions = ", ".join(f"{name} {version}" for name, version in report["machine"]["versions"].items())
    note = f'{report["machine"]["processor"]}, {report["machine"]["cores"]} cores; f32; {versions}'
    print(f"\n{note}; {report['seconds']} s")
    names = {engine: name_of(engine) for _, results, _ in panels for engine in results}
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "peers.json").write_text(json.dumps(report, indent=1) + "\n")
    (arguments.out / "peers.svg").write_text(chart(panels, note, names))


if __name__ == "__main__":
    main()
