#!/usr/bin/env python3
"""Measures SCARLET's networks here and in their peers: one run, one machine, one input.

    python3 benches/peers/peers.py [--out DIR] [--quick] [--only NAME,…]

Needs: pip install torch onnx onnxruntime numpy, and what it builds itself: the example `contender`
of this workspace and the crate in rust/ (tract and candle; minutes, the first time).

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
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
STRIDE_2 = {0, 2, 6, 14}
CHANNELS = [32] * 2 + [40] * 4 + [80] * 4 + [96] * 4 + [192] * 4 + [320]
LAYERS = {
    "scarlet-a": "E3K7 E6K5 E3K5 E3K7s E6K3s E3K5s E6K3s E3K3 E3K7s E3K7 E3K5 E3K7s E3K3 E3K7s "
    "E6K3s E6K5s E3K3s E6K3s E6K7s",
    "scarlet-b": "E3K3s E3K5s E3K3s E6K7s E3K3 E3K5 E6K7s E3K3s - E3K5 E3K3s E3K3s E6K7s E3K3s "
    "E6K5s E6K5s - E6K7s E6K5s",
    "scarlet-c": "E3K5s E3K3s E3K5s - - E3K3 E6K7s E3K3s E3K3s E3K5 E3K7s E3K7 E3K3s E3K7s E3K3s "
    "- E6K3s E6K7s E6K5s",
}
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


def blocks(model):
    """(channels in, hidden, channels out, kernel, squeeze-excite, stride) of each block."""
    channels = 16
    for index, text in enumerate(LAYERS[model].split()):
        if text == "-":
            continue
        out, stride = CHANNELS[index], 2 if index in STRIDE_2 else 1
        yield channels, channels * int(text[1]), out, int(text[3]), text.endswith("s"), stride
        channels = out


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


def torch_network(model):
    """The network in PyTorch."""
    from torch import nn

    def conv_bn(c_in, c_out, kernel, stride=1, groups=1):
        conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False)
        return [conv, nn.BatchNorm2d(c_out)]

    class Gate(nn.Module):
        def __init__(self, hidden):
            super().__init__()
            self.factors = nn.Sequential(
                nn.AdaptiveAvgPool2d(1), nn.Conv2d(hidden, hidden // 4, 1), nn.ReLU(),
                nn.Conv2d(hidden // 4, hidden, 1), nn.Hardsigmoid())

        def forward(self, x):
            return x * self.factors(x)

    class Shortcut(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return x + self.inner(x)

    layers = [*conv_bn(3, 32, 3, 2), nn.ReLU6(), *conv_bn(32, 32, 3, 1, 32), nn.ReLU6(),
              *conv_bn(32, 16, 1)]
    for c_in, hidden, c_out, kernel, gate, stride in blocks(model):
        inner = nn.Sequential(
            *conv_bn(c_in, hidden, 1), nn.Hardswish(),
            *conv_bn(hidden, hidden, kernel, stride, hidden), nn.Hardswish(),
            *([Gate(hidden)] if gate else []), *conv_bn(hidden, c_out, 1))
        layers.append(Shortcut(inner) if stride == 1 and c_in == c_out else inner)
    return nn.Sequential(*layers, *conv_bn(320, 1280, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1),
                         nn.Flatten(), nn.Linear(1280, 1000))


def images(batch, size):
    """The same as every contender's."""
    import numpy

    values = numpy.arange(batch * 3 * size * size) % 255 / 127.0 - 1.0
    return values.astype("float32").reshape(batch, 3, size, size)


def export(model, batch, size, path):
    """Writes the network as ONNX, batch normalisations folded by the exporter."""
    import torch

    torch.manual_seed(0)
    x = torch.from_numpy(images(batch, size))
    torch.onnx.export(torch_network(model).eval(), x, path, dynamo=False, opset_version=17)


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

        torch.manual_seed(0)
        torch.set_num_threads(threads)
        layout = torch.channels_last if "nhwc" in engine else torch.contiguous_format
        net = torch_network(model).to(memory_format=layout)
        x = torch.from_numpy(images(batch, size)).to(memory_format=layout)
        if engine.endswith("-train"):
            net.train()
            labels = torch.arange(batch) * 37 % 1000
            sgd = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9)

            def run():
                sgd.zero_grad()
                torch.nn.functional.cross_entropy(net(x), labels).backward()
                sgd.step()
        else:
            net.eval()

            def run():
                with torch.inference_mode():
                    net(x)
    run()
    print("ready", flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            run()
            times.append(round((time.perf_counter() - start) * 1e3, 4))
        print(json.dumps(times), flush=True)


class Contender:
    """A process that runs a network on command."""

    def __init__(self, programs, files, engine, model, batch, size, threads):
        self.engine, self.rounds, self.shortest, self.failure = engine, [], float("inf"), None
        setting = [str(batch), str(size), str(threads)]
        base = engine.removesuffix("-train")
        if base in ("tract", "candle"):
            command = [programs["peers"], base, files[base], *setting]
        elif base in ("scarlet", "flex", "ndarray"):
            command = [programs["contender"], engine, model, *setting]
        else:
            file = files.get(base, "")
            command = [sys.executable, __file__, "--contend", engine, model, *setting, file]
        count = str(threads)
        environment = os.environ | {"RAYON_NUM_THREADS": count, "OMP_NUM_THREADS": count}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=environment)

    def wait(self):
        line = self.process.stdout.readline().strip()
        if line != "ready":
            self.give_up()
        return self

    def give_up(self):
        self.failure = self.process.stderr.read().strip().splitlines()[-1:] or ["it ended"]

    def run(self, count):
        if self.failure:
            return
        # One more, which finds the caches as the others have left them, and does not count.
        self.process.stdin.write(f"{count + 1}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if line:
            self.rounds.append(json.loads(line)[1:])
            self.shortest = min(self.shortest, *self.rounds[-1])
        else:
            self.give_up()

    def end(self):
        self.process.stdin.close()
        self.process.wait()

    def summary(self, ours):
        """Times in milliseconds, and the ratio of ours to this one's."""
        times = [time for round in self.rounds for time in round]
        pairs = zip(ours.rounds, self.rounds) if ours else ()
        # Of equally many runs: the more there are, the shorter is the shortest.
        ratios = [min(own[:len(theirs)]) / min(theirs[:len(own)]) for own, theirs in pairs]
        return {"median_ms": round(statistics.median(times), 3), "min_ms": round(min(times), 3),
                "runs": len(times), "rounds": len(self.rounds),
                "ratio": round(statistics.median(ratios), 3) if ratios else None}


def measure(programs, files, engines, model, batch, size, threads, rounds, budget):
    """{engine: its summary}; `budget` is the milliseconds of a turn."""
    contenders = []
    for engine in engines:
        # One after the other: their preparations would disturb each other.
        contenders.append(Contender(programs, files, engine, model, batch, size, threads).wait())
    # To know how long they take, before any turn counts.
    for contender in contenders:
        contender.run(1)
        contender.rounds.clear()
    for turn in range(rounds):
        for contender in contenders:
            if contender.failure:
                continue
            # The slow ones take part in fewer rounds: their ratios are far from any limit.
            if turn * contender.shortest > 12 * budget:
                continue
            # Threads of the one before that still wait for work, busily, go to sleep.
            time.sleep(0.03)
            contender.run(max(1, min(40, int(budget / contender.shortest))))
    results = {}
    ours = next((c for c in contenders if c.engine.startswith("scarlet") and not c.failure), None)
    for contender in contenders:
        contender.end()
        if contender.failure:
            print(f"  {contender.engine} failed: {contender.failure[0]}", file=sys.stderr)
            continue
        results[contender.engine] = contender.summary(ours)
    return results


def build(target):
    """Builds both programs, and returns where they are."""
    def cargo(folder, environment, *arguments):
        subprocess.run(["cargo", "build", "--release", *arguments], cwd=folder, check=True,
                       env=os.environ | environment)

    cargo(ROOT, {}, "--example", "contender")
    cargo(HERE / "rust", {"CARGO_TARGET_DIR": str(target)})
    own = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return {"contender": str(own / "release/examples/contender"),
            "peers": str(target / "release/scarlet-peers")}


def machine():
    """What the figures are of."""
    from importlib.metadata import version

    cpu = platform.processor()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    lock = (HERE / "rust/Cargo.lock").read_text() + (ROOT / "Cargo.lock").read_text()

    def locked(name):
        return lock.split(f'name = "{name}"\nversion = "')[1].split('"')[0]

    versions = {name: version(name) for name in ("torch", "onnxruntime")}
    versions |= {"tract": locked("tract-onnx"), "candle": locked("candle-core"), "burn": locked("burn")}
    return {"processor": cpu, "cores": os.cpu_count(), "versions": versions}


def show(title, results):
    print(f"\n{title}")
    for engine, times in sorted(results.items(), key=lambda item: item[1]["min_ms"]):
        name = NAMES.get(engine.removesuffix("-train"), engine)
        if engine == "scarlet-train":
            name = "scarlet"
        ratio = times["ratio"] or float("nan")
        print(f"  {name:24} {times['min_ms']:10.2f} ms  median {times['median_ms']:10.2f}   "
              f"ours / this {ratio:5.2f}", flush=True)


def chart(panels, note):
    """Bars of time, ours first; those that would be too long are cut."""
    width, label, bar, cut = 860, 190, 20, 12.0
    parts, y = [], 20
    for title, results, ours in panels:
        parts.append(f'<text x="16" y="{y + 14}" class="head">{title}</text>')
        y += 26
        for engine, times in sorted(results.items(), key=lambda item: -item[1]["ratio"]):
            name = "scarlet" if engine == "scarlet-train" else NAMES[engine.removesuffix("-train")]
            ratio = 1 / times["ratio"]
            length = min(ratio, cut) / cut * (width - label - 190)
            kind = "ours" if engine == ours else "peer"
            cutting = " ⋯" if ratio > cut else ""
            text = f'{cutting} {times["min_ms"]:,.1f} ms' + ("" if engine == ours else f" · {ratio:.1f}×")
            parts.append(
                f'<text x="{label - 8}" y="{y + 14}" class="name">{name}</text>'
                f'<rect x="{label}" y="{y + 2}" width="{length:.1f}" height="{bar - 5}" rx="2" class="{kind}"/>'
                f'<text x="{label + length + 6:.1f}" y="{y + 14}">{text}</text>')
            y += bar
        y += 16
    parts.append(f'<text x="16" y="{y + 6}" class="note">{note}</text>')
    style = ("text{font:13px system-ui,sans-serif;fill:#242126}.head{font-weight:600;font-size:14px}"
             ".name{text-anchor:end}.note{fill:#6a656f;font-size:12px}.ours{fill:#c82a1e}.peer{fill:#b5b0bb}"
             ".paper{fill:#fdfcfb}@media(prefers-color-scheme:dark){text{fill:#ece9ee}.note{fill:#a6a0ad}"
             ".ours{fill:#ff6b57}.peer{fill:#5c5763}.paper{fill:#17161a}}")
    height = y + 22
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" aria-label="{note}"><style>{style}</style>'
            f'<rect width="{width}" height="{height}" class="paper"/>' + "".join(parts) + "</svg>\n")


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
                panels.append((title, results, "scarlet"))
        engines = ["scarlet-train", "torch-train", "torch-nhwc-train", "flex-train", "ndarray-train"]
        for batch, size in training:
            results = measure(programs, {}, pick(engines), "scarlet-a", batch, size, 2,
                              min(rounds, 8), 4 * budget)
            title = f"SCARLET-A, training step at {size}×{size}, batch {batch}, 2 threads"
            show(title, results)
            report["training"].append({"model": "scarlet-a", "batch": batch, "size": size,
                                       "threads": 2, "contenders": results})
            if "scarlet-train" in results:
                panels.append((title, results, "scarlet-train"))
    report["seconds"] = round(time.time() - started)
    versions = ", ".join(f"{name} {version}" for name, version in report["machine"]["versions"].items())
    note = f'{report["machine"]["processor"]}, {report["machine"]["cores"]} cores; f32; {versions}'
    print(f"\n{note}; {report['seconds']} s")
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "peers.json").write_text(json.dumps(report, indent=1) + "\n")
    (arguments.out / "peers.svg").write_text(chart(panels, note))


if __name__ == "__main__":
    main()
