"""What compares programs' speed: processes that run a network on command and take turns, and a chart.

A contender is a process that prints a line beginning with `ready` when it can start, followed by whatever
is to be noted about it. From then on each line on its standard input is a number of runs, or the name of
a setting and a number; the answer is a line with the milliseconds of each, as JSON. All contenders take
turns, some runs each, several rounds: whatever disturbs the machine disturbs all of them.
"""

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def serve(runs, note=""):
    """A contender's own side: runs on command what `runs` has under a setting's name, "" if it has only one."""
    print(f"ready {note}", flush=True)
    for line in sys.stdin:
        setting, _, count = line.rstrip("\n").rpartition(" ")
        times = []
        for _ in range(int(count)):
            start = time.perf_counter()
            runs[setting]()
            times.append(round((time.perf_counter() - start) * 1e3, 5))
        print(json.dumps(times), flush=True)


class Contender:
    """A process that runs networks on command."""

    def __init__(self, engine, command, threads, environment=None):
        self.engine, self.rounds, self.shortest, self.failure = engine, [], float("inf"), None
        self.note = ""
        count = str(threads)
        environment = {"RAYON_NUM_THREADS": count, "OMP_NUM_THREADS": count} | (environment or {})
        # A file, since nobody reads a pipe while the process runs, and it would stop once that is full.
        self.errors = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True,
                                        env=os.environ | environment)

    def answer(self, beginning):
        """The next line that begins so: some libraries print lines of their own."""
        for line in self.process.stdout:
            if line.startswith(beginning):
                return line.strip()
        self.process.wait()
        self.errors.seek(0)
        self.failure = (self.errors.read().strip().splitlines() or ["it ended"])[-1]
        return None

    def wait(self):
        self.note = (self.answer("ready") or "").removeprefix("ready").strip()
        return self

    def run(self, count, setting=""):
        if self.failure:
            return
        # One more, which finds the caches as the others have left them, and does not count.
        try:
            self.process.stdin.write(f"{setting} {count + 1}\n".lstrip())
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.answer("[")
        if line:
            self.rounds.append(json.loads(line)[1:])
            self.shortest = min(self.shortest, *self.rounds[-1])

    def forget(self):
        """Makes ready for another setting."""
        self.rounds, self.shortest = [], float("inf")

    def end(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()

    def ratios(self, ours, of):
        """What another took, over what this one took, in each round that both took part in."""
        pairs = zip(ours.rounds, self.rounds)
        # Of equally many runs: the more there are, the shorter is the shortest.
        return [of(own[:len(theirs)]) / of(theirs[:len(own)]) for own, theirs in pairs]

    def summary(self):
        """Times in milliseconds."""
        times = [time for round in self.rounds for time in round]
        return {"median_ms": round(statistics.median(times), 4), "min_ms": round(min(times), 4),
                "runs": len(times), "rounds": len(self.rounds)}


def take_turns(contenders, rounds, budget, setting="", most=40):
    """Measures them; `budget` is the milliseconds of a turn, and `most` the runs it may have."""
    # To know how long they take, before any turn counts.
    for contender in contenders:
        contender.forget()
        contender.run(1, setting)
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
            contender.run(max(1, min(most, int(budget / contender.shortest))), setting)


def build_workspace(*arguments):
    """Builds programs of this workspace, and returns the folder that has them."""
    subprocess.run(["cargo", "build", "--release", *arguments], cwd=ROOT, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"


def build_peers(target):
    """Builds the crate of peers in Rust, and returns its program."""
    subprocess.run(["cargo", "build", "--release"], cwd=HERE / "rust", check=True,
                   env=os.environ | {"CARGO_TARGET_DIR": str(target)})
    return target / "release/scarlet-peers"


def locked(name):
    """The version of a crate that was built."""
    lock = (HERE / "rust/Cargo.lock").read_text() + (ROOT / "Cargo.lock").read_text()
    return lock.split(f'name = "{name}"\nversion = "')[1].split('"')[0]


def _cpuinfo(key):
    """What Linux says of the first processor."""
    file = Path("/proc/cpuinfo")
    for line in file.read_text().splitlines() if file.exists() else []:
        if line.startswith(key):
            return line.split(":", 1)[1].strip()
    return None


def processor():
    return _cpuinfo("model name") or platform.processor()


def wide_instructions():
    """Those of the processor that kernels may be written for, on x86-64."""
    return [flag for flag in (_cpuinfo("flags") or "").split() if re.match("fma$|avx|amx", flag)]


def chart(panels, note, names):
    """Bars of time as SVG. A panel is (title, {engine: (milliseconds, how many times as long as the base
    takes)}, base); bars that would be too long are cut."""
    width, label, bar = 860, 190, 20
    cut = min(12.0, max(times for _, results, _ in panels for _, times in results.values()))
    parts, y = [], 20
    for title, results, base in panels:
        parts.append(f'<text x="16" y="{y + 14}" class="head">{title}</text>')
        y += 26
        for engine, (milliseconds, times) in sorted(results.items(), key=lambda item: item[1][1]):
            length = min(times, cut) / cut * (width - label - 190)
            kind = "ours" if engine.startswith("scarlet") else "peer"
            cutting = " ⋯" if times > cut else ""
            text = f"{cutting} {milliseconds:,.{1 if milliseconds >= 1 else 3}f} ms"
            text += "" if engine == base else f" · {times:.{1 if times >= 1.95 else 2}f}×"
            parts.append(
                f'<text x="{label - 8}" y="{y + 14}" class="name">{names[engine]}</text>'
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
