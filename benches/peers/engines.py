#!/usr/bin/env python3
"""Measures deployed networks in everything that runs them fast on a CPU: one run, one machine, the same weights.

    python3 benches/peers/engines.py [--out DIR] [--quick] [--only ENGINE,…] [--networks NETWORK,…] [--isa avx2]

Needs:

    pip install numpy pillow safetensors torch==2.15.0 onnx==1.23.2 onnxruntime==1.32.0
    pip install openvino==2026.4.1 nncf==3.4.0 ai-edge-litert==2.3.0
    pip install --no-deps mnn==3.6.1 ncnn==1.0.20261020 pnnx==20261020

A C++ compiler for torch.compile, and what it builds itself: this workspace's programs, and the crate in
rust/, which has RTen (minutes, the first time). An engine whose package is not installed is left out, as
is said; PyTorch is needed by all, as it makes the weights.

The networks have random weights, their batch normalisations the statistics of photographs, so that logits
differ between images; `scarlet export` and `scarlet deploy` write them for all engines, whose own tools
convert them further. Before anything is timed, the logits of every engine in f32 must be PyTorch's within
1e-3 of the largest; of those with fewer bits it is told how close they are.

Each engine is a process that holds all networks and runs one on command. All take turns, several rounds,
and the first run of a turn does not count. A ratio is the median over the rounds of our median time in a
round over theirs in the same round: under 1, ours is faster. `--isa avx2` keeps all to AVX2; what cannot be
kept to it is left out, and so are training steps. Writes engines.json and engines.svg into DIR; prints
tables in Markdown.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from contenders import CALIBRATION, ENGINES, PREPARATIONS, Files
from networks import NETWORKS, architecture, crops, normalised, settled
from turns import (HERE, Contender, build_peers, build_workspace, chart, locked, processor, take_turns,
                   wide_instructions)

SETTINGS = {"scarlet-a": (1, 8), "lite0": (1, 8), "small": (1, 8, 64)}
THREADS = (1, 2)
CALIBRATING = 64
# Their batches and the sides of their images, on two threads.
TRAINING = {"scarlet": "scarlet-train", "torch": "torch-nhwc-train", "torch-compile": "torch-compile-train"}
TRAINED = [(8, 224), (64, 32)]
OURS = [engine for engine, what in ENGINES.items() if what.deploy is not None]
TOLERANCE = 1e-3


def plural(threads):
    return "1 thread" if threads == 1 else f"{threads} threads"


def installed(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def missing(engine):
    """What is to be installed for it, as pip wants it."""
    packages = [package for package in ENGINES[engine].packages if not installed(package)]
    return [re.search(rf"\b{package}==\S+", __doc__)[0] for package in packages]


def without(engine, isa):
    """Why an engine takes no part, if it does not."""
    if needed := missing(engine):
        return f"not installed (pip install {' '.join(needed)})"
    if isa and ENGINES[engine].avx2 is None:
        return "nothing keeps it to AVX2"
    if engine == "openvino-bf16":
        import openvino

        if isa or "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            return f"there is no bf16 in {'AVX2' if isa else 'this processor'}"
    return None


def make(files, names, settings):
    """Weights, images, and the logits that PyTorch gives."""
    import numpy as np
    import torch
    from PIL import Image
    from safetensors.torch import save_file

    for name in names:
        net = settled(name)
        weights = {key: value.contiguous() for key, value in net.state_dict().items()}
        save_file(weights, files.of(name, ".safetensors"))
        Path(files.of(name, ".json")).write_text(json.dumps(architecture(name)))
        calibration = crops(name, CALIBRATING, seed=2)
        normalised(name, calibration).tofile(files.of(name, "-calibration.f32"))
        folder = Path(CALIBRATION.format(files=files.folder, name=name))
        folder.mkdir()
        for index, image in enumerate(calibration):
            Image.fromarray(image.transpose(1, 2, 0).squeeze()).save(folder / f"{index:03}.png")
        for batch in (batch for other, batch in settings if other == name):
            images = normalised(name, crops(name, batch, seed=3))
            images.tofile(files.of(name, f"-{batch}.f32"))
            with torch.no_grad():
                np.asarray(net(torch.from_numpy(images))).tofile(files.of(name, f"-{batch}.logits"))


def convert(files, scarlet, engines, settings):
    """Makes what each engine reads; the engines for which it could be made."""
    def ours(task, file, name, *options):
        options = [option.format(files=files.folder, name=name) for option in options]
        model = ["--model", files.of(name, ".json"), "--weights", files.of(name, ".safetensors")]
        subprocess.run([scarlet, task, file, *model, *options], check=True, stdout=subprocess.DEVNULL)

    names = dict.fromkeys(name for name, _ in settings)
    for name in names:
        for engine in engines:
            if engine in OURS:
                ours("deploy", files.of(name, f".{engine}.scarlet"), name, *ENGINES[engine].deploy)
    for name, batch in settings:
        # With batch normalisation folded, and padding inside the convolutions: ONNX Runtime takes 4.7 ms
        # for this EfficientNet-Lite0, and 5.4 for PyTorch's export of it.
        images = ["--images", str(batch)]
        ours("export", files.of(name, f"-{batch}.onnx"), name, *images)
        if "litert" in engines:
            ours("export", files.of(name, f"-{batch}.tflite"), name, *images)
        if "litert-int8" in engines:
            ours("export", files.of(name, f"-{batch}-int8.tflite"), name, *images, "--int8", CALIBRATION)
    fine = []
    for engine in engines:
        if engine in PREPARATIONS:
            command = [sys.executable, HERE / "contenders.py", "prepare", engine, files.folder]
            command += [f"{name}:{batch}" for name, batch in settings]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
            if done.returncode != 0:
                print(f"{engine}: left out, its files could not be made: {done.stdout.strip().splitlines()[-1]}")
                continue
        fine.append(engine)
    return fine


def command(engine, programs, isa, threads, files, settings):
    names = [f"{name}:{batch}" for name, batch in settings]
    if engine in OURS:
        return [programs["contender"], "deployed", engine, isa or "best", threads, files.folder, *names]
    if engine == "rten":
        return [programs["peers"], "rten", threads, files.folder, *names]
    return [sys.executable, HERE / "contenders.py", "run", engine, threads, files.folder, *names]


def start(engines, programs, isa, threads, files, settings):
    """{engine: its contender}, started one after the other: their preparations would disturb each other."""
    contenders = {}
    for engine in engines:
        environment = {"TORCHINDUCTOR_CACHE_DIR": str(files.folder / "inductor")}
        environment |= (ENGINES[engine].avx2 or {}) if isa else {}
        began = time.time()
        contender = Contender(engine, command(engine, programs, isa, threads, files, settings), threads, environment)
        contender.wait()
        reason = contender.failure
        # They say what they compute with, as far as they know; `X in Y` is besides convolutions.
        if isa and re.search("(avx-?512|amx)(?!.* in )", contender.note.lower()):
            reason = f"not kept to AVX2: {contender.note}"
        if reason:
            print(f"{engine}: left out, {reason}", flush=True)
            contender.end()
        else:
            contenders[engine] = contender
            print(f"{engine}, {plural(threads)}: started in {time.time() - began:.0f} s", file=sys.stderr, flush=True)
    return contenders


def check(files, engines, settings):
    """Compares everyone's logits with PyTorch's: {engine: the worst error and cosine}."""
    import numpy as np

    worst = {}
    for engine in engines:
        errors, cosines = [], []
        for name, batch in settings:
            expected = np.fromfile(files.of(name, f"-{batch}.logits"), np.float32)
            found = np.fromfile(files.of(name, f"-{batch}.{engine}.logits"), np.float32)
            error = float(np.abs(found - expected).max() / np.abs(expected).max())
            if ENGINES[engine].floats and not error < TOLERANCE:
                sys.exit(f"{engine}: the logits of {name}, batch {batch}, are not PyTorch's: {error:.1e} of the largest")
            errors.append(error)
            cosines.append(float(found @ expected / np.linalg.norm(found) / np.linalg.norm(expected)))
        worst[engine] = {"error": max(errors), "cosine": min(cosines)}
    return worst


def measure(contenders, rounds, budget, ours, setting=""):
    """{engine: its times, and the ratios of those of `ours` to them}"""
    take_turns(list(contenders.values()), rounds, budget, setting, most=400)
    working = {engine: contender for engine, contender in contenders.items() if contender.rounds}
    results = {}
    for engine, contender in working.items():
        results[engine] = contender.summary()
        for own in ours:
            if own in working and own != engine:
                ratios = contender.ratios(working[own], statistics.median)
                results[engine][f"{own} / this"] = {
                    "median": rounded(statistics.median(ratios)), "least": rounded(min(ratios)),
                    "most": rounded(max(ratios)),
                    "of_shortest": rounded(statistics.median(contender.ratios(working[own], min)))}
    for engine, contender in contenders.items():
        if contender.failure:
            print(f"{engine}: ended, {contender.failure}", file=sys.stderr, flush=True)
    return results


def rounded(ratio):
    """Never to zero."""
    return float(f"{ratio:.4g}")


def milliseconds(value):
    return f"{value:.1f} ms" if value >= 10 else f"{value:.2f} ms" if value >= 1 else f"{value:.3f} ms"


def row(title, cells):
    return f"| {' | '.join([title, *cells])} |"


def tables(columns, groups):
    """Markdown: a line of times for each form of ours, then for each peer the ratios. `columns` are (title,
    results), `groups` are (ours, peers)."""
    lines = []
    for own, peers in groups:
        if not any(own in results for _, results in columns):
            continue
        cells = [f"**{milliseconds(results[own]['median_ms'])}**" if own in results else "–" for _, results in columns]
        lines.append(row(f"**{ENGINES[own].title}**", cells))
        for peer in peers:
            ratios = [results.get(peer, {}).get(f"{own} / this") for _, results in columns]
            if any(ratios):
                cells = [f"{ratio['median']:.2f}" if ratio else "–" for ratio in ratios]
                lines.append(row(f"{ENGINES[own].title} against {ENGINES[peer].title}", cells))
    head = [row("", [title for title, _ in columns]), "|---" * (len(columns) + 1) + "|"]
    return "\n".join([*head, *lines, ""]) if lines else ""


def groups(floats):
    """Our forms, and what they are compared with: ours that came before it too."""
    peers = [engine for engine, what in ENGINES.items() if what.floats == floats and engine not in OURS]
    ours = [engine for engine in OURS if ENGINES[engine].floats == floats]
    return [(own, OURS[:OURS.index(own)] + peers) for own in ours]


def versions(engines):
    packages = dict.fromkeys(package for engine in engines for package in ENGINES[engine].packages)
    return {package: installed(package) for package in packages} | ({"rten": locked("rten")} if "rten" in engines else {})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("."), help="folder for engines.json and engines.svg")
    parser.add_argument("--target", type=Path, default=HERE / "rust/target", help="where rust/ is built")
    parser.add_argument("--quick", action="store_true", help="fewer settings and rounds, to try it out")
    parser.add_argument("--only", default="", help=f"of {','.join(ENGINES)}")
    parser.add_argument("--networks", default=",".join(SETTINGS), help="of %(default)s")
    parser.add_argument("--isa", choices=["avx2"], help="what all are kept to")
    arguments = parser.parse_args()
    began, isa = time.time(), arguments.isa
    chosen = [name for name in arguments.only.split(",") if name] or list(ENGINES)
    networks = [name for name in arguments.networks.split(",") if name]
    for name, known in [(name, ENGINES) for name in chosen] + [(name, SETTINGS) for name in networks]:
        if name not in known:
            parser.error(f"there is no {name}; there are {', '.join(known)}")
    settings = [(name, batch) for name in networks for batch in SETTINGS[name]]
    everyone_threads, trained, rounds, budget = THREADS, TRAINED, 12, 120
    if arguments.quick:
        settings = [setting for setting in settings if setting[1] == 1]
        everyone_threads, trained, rounds, budget = THREADS[-1:], TRAINED[-1:], 2, 40

    out_of_it = {}
    for engine in chosen:
        if reason := without(engine, isa):
            out_of_it[engine] = reason
            print(f"{engine}: left out, {reason}", flush=True)
    engines = [engine for engine in ENGINES if engine in chosen and engine not in out_of_it]
    release = build_workspace("--bin", "scarlet", "--example", "contender")
    programs = {"contender": release / "examples/contender"}
    if "rten" in engines:
        programs["peers"] = build_peers(arguments.target.resolve())

    report = {"machine": {"processor": processor(), "instructions": wide_instructions(), "cores": os.cpu_count(),
                          "versions": versions(engines)},
              "left_out": out_of_it, "inference": [], "training": []}
    with tempfile.TemporaryDirectory() as folder:
        files = Files(folder)
        make(files, networks, settings)
        engines = convert(files, release / "scarlet", engines, settings)
        started = {threads: start(engines, programs, isa, threads, files, settings) for threads in everyone_threads}
        engines = [engine for engine in engines if all(engine in contenders for contenders in started.values())]
        report["logits"] = check(files, engines, settings)
        report["computed_with"] = {engine: started[everyone_threads[0]][engine].note for engine in engines}
        print("\n| | error of a logit, of the largest | cosine | computes with |\n|---|---|---|---|")
        for engine, it in report["logits"].items():
            print(row(ENGINES[engine].title, [f"{it['error']:.1e}", f"{it['cosine']:.5f}", report["computed_with"][engine]]))
        prepared = time.time()
        print(f"\nall started after {prepared - began:.0f} s", file=sys.stderr, flush=True)
        panels = []
        for name in networks:
            columns = []
            for threads, contenders in started.items():
                for batch in (batch for other, batch in settings if other == name):
                    here = {engine: contenders[engine] for engine in engines}
                    results = measure(here, rounds, budget, OURS, f"{name}:{batch}")
                    columns.append((f"{plural(threads)}, batch {batch}", results))
                    report["inference"].append({"network": name, "batch": batch, "threads": threads, "engines": results})
                    if batch == 1 and threads == everyone_threads[-1]:
                        panels.append((f"{NETWORKS[name]['title']}, batch 1, {plural(threads)}", results))
            print(f"\n{NETWORKS[name]['title']}, {NETWORKS[name]['size']}×{NETWORKS[name]['size']}:\n")
            print(tables(columns, groups(True)), tables(columns, groups(False)), sep="\n", flush=True)
        for contenders in started.values():
            for contender in contenders.values():
                contender.end()
        if isa:
            print("\nTraining: left out, its kernels choose the best instructions there are.")
        elif "scarlet-a" in networks:
            train(programs, engines, trained, max(3, rounds // 2) if not arguments.quick else rounds, budget, files, report)
    report["seconds"] = {"in_all": round(time.time() - began), "measuring": round(time.time() - prepared)}
    write(arguments.out, report, panels)


def train(programs, engines, settings, rounds, budget, files, report):
    columns = []
    for batch, size in settings:
        contenders = {}
        for engine, name in TRAINING.items():
            if engine not in engines:
                continue
            setting = ["scarlet-a", batch, size, 2]
            program = [programs["contender"], name, *setting] if engine in OURS else [
                sys.executable, HERE / "peers.py", "--contend", name, *setting, ""]
            environment = {"TORCHINDUCTOR_CACHE_DIR": str(files.folder / "inductor")}
            contender = Contender(engine, program, 2, environment).wait()
            if contender.failure:
                print(f"{engine}, training: left out, {contender.failure}", flush=True)
            else:
                contenders[engine] = contender
        results = measure(contenders, rounds, 5 * budget, ["scarlet"])
        for contender in contenders.values():
            contender.end()
        columns.append((f"{batch} images of {size}×{size}", results))
        report["training"].append({"network": "scarlet-a", "batch": batch, "size": size, "threads": 2, "engines": results})
    print("\nA training step of SCARLET-A, 2 threads:\n")
    print(tables(columns, [("scarlet", [engine for engine in TRAINING if engine != "scarlet"])]), flush=True)


def write(folder, report, panels):
    machine = report["machine"]
    ran = report["computed_with"].get("scarlet")
    note = f'{machine["processor"]}, {machine["cores"]} cores'
    note += f"; scarlet with {ran}" if ran else ""
    used = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    print(f"\n{note}; {used}; {report['seconds']['in_all']} s, of which {report['seconds']['measuring']} s measuring")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "engines.json").write_text(json.dumps(report, indent=1) + "\n")
    drawn = []
    for title, results in panels:
        if "scarlet" in results:
            ratios = {engine: 1.0 if engine == "scarlet" else 1 / it["scarlet / this"]["median"]
                      for engine, it in results.items()}
            drawn.append((title, {engine: (it["median_ms"], ratios[engine]) for engine, it in results.items()}, "scarlet"))
    if drawn:
        titles = {engine: what.title for engine, what in ENGINES.items()}
        (folder / "engines.svg").write_text(chart(drawn, note, titles))


if __name__ == "__main__":
    main()
