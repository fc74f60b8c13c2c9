#!/usr/bin/env python3
"""Plants duplicates and wrong labels in copies of a data set and counts what scarlet check-data finds.

    python3 benches/peers/check_data.py DATA WEIGHTS.pth --seeds 0 1 2

DATA has one folder per class, or such folders in train/ and test/. Into a copy come, for each seed,
--planted pictures that are there already, under another name, a third each resized (to half or one and a
half times), encoded again (JPEG, quality 70) and cropped by 5 % (in the middle or at a corner), half of
them in another class; and as many labels are made wrong. Clean is what neither was planted nor is a
planted one's original. Printed is how many of each were found, and how many clean images were flagged,
as duplicates or as doubted labels: of what is flagged in DATA itself some may be real.

Needs: pip install pillow, and scarlet built (cargo build --release).
"""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import tempfile

from PIL import Image

SCARLET = pathlib.Path(__file__).parents[2] / "target/release/scarlet"
PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("--planted", type=int, default=20, help="of each kind")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--resolution", type=int, help="that labels are checked at")
    parser.add_argument("--scarlet", type=pathlib.Path, default=SCARLET)
    parser.add_argument("--show-clean", action="store_true", help="print what clean images were flagged")
    return parser.parse_args()


def check(args, folder):
    command = [args.scarlet.resolve(), "check-data", folder, "--weights", args.weights, "--json", "--quiet"]
    if args.resolution:
        command += ["--resolution", args.resolution]
    ran = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=True)
    return json.loads(ran.stdout)


def changed(image, kind, chance):
    width, height = image.size
    if kind == "resized":
        share = chance.choice([0.5, 1.5])
        return image.resize((round(width * share), round(height * share)), Image.BICUBIC), 90
    if kind == "encoded":
        return image, 70
    across, down = round(width * 0.05), round(height * 0.05)
    left, top = chance.choice([(0, 0), (across, 0), (0, down), (across, down), (across // 2, down // 2)])
    return image.crop((left, top, left + width - across, top + height - down)), 90


def plant(folder, count, seed):
    """The planted duplicates as pairs, and the paths of wrong labels, within the folder."""
    chance = random.Random(seed)
    # Class folders by the part that they are in.
    inner = [path for path in sorted(folder.iterdir()) if path.is_dir()]
    parts = inner if any(path.name in ("train", "training") for path in inner) else [folder]
    classes = {part: sorted(it for it in part.iterdir() if it.is_dir()) for part in parts}
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    chosen = chance.sample(files, 2 * count)

    def other_class(path):
        part = next(part for part in parts if part in path.parents)
        own = next(it for it in classes[part] if it in path.parents)
        return chance.choice([it for it in classes[part] if it != own])

    pairs, wrong = [], []
    for number, path in enumerate(chosen[:count]):
        kind = ["resized", "encoded", "cropped"][number % 3]
        target = other_class(path) if number % 2 else path.parent
        target = target / f"planted-{number:03}.jpg"
        image, quality = changed(Image.open(path).convert("RGB"), kind, chance)
        image.save(target, quality=quality)
        pairs.append((path.relative_to(folder).as_posix(), target.relative_to(folder).as_posix(), kind))
    for number, path in enumerate(chosen[count:]):
        target = other_class(path) / f"wrong-{number:03}{path.suffix}"
        path.rename(target)
        wrong.append(target.relative_to(folder).as_posix())
    return pairs, wrong


def main():
    args = arguments()
    print("seed  duplicates  wrong labels  clean images flagged (duplicates, labels)")
    for seed in args.seeds:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder) / args.data.name
            shutil.copytree(args.data, folder)
            pairs, wrong = plant(folder, args.planted, seed)
            report = check(args, folder)
        groups = [
            {image["path"] for image in group["images"]}
            for kind in ("conflicts", "leaks", "within_class")
            for group in report["duplicates"][kind]
        ]
        doubts = {doubt["path"]: doubt for doubt in report["labels"]["doubts"]}
        found = [pair for pair in pairs if any(pair[0] in group and pair[1] in group for group in groups)]
        missed = [pair for pair in pairs if pair not in found]
        touched = set(wrong) | {path for pair in pairs for path in pair[:2]}
        twice = sorted(set().union(*groups) - touched)
        doubted = sorted(set(doubts) - touched)
        clean = report["images"] - len(touched)
        flagged = len(set(twice) | set(doubted))
        print(
            f"{seed:4}  {len(found):3} of {len(pairs)}   {len(set(wrong) & set(doubts)):5} of {len(wrong)}"
            f"     {flagged} of {clean:,}, {100 * flagged / clean:.2f} % ({len(twice)}, {len(doubted)})",
            flush=True,
        )
        for original, copy, kind in missed:
            print(f"      missed: {kind} {copy} of {original}")
        if args.show_clean:
            for path in twice:
                print(f"      twice: {path}")
            for path in doubted:
                doubt = doubts[path]
                print(f"      {path} looks like {doubt['looks_like']} ({doubt['probability']:.2f})")


if __name__ == "__main__":
    main()
