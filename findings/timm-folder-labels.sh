#!/usr/bin/env bash
# timm 1.0.31 and torchvision 0.29.2 with PyTorch 2.15.0 and Pillow 13.0.0.
#
# Guess:     timm.data.create_dataset on a folder of class folders labels the images as torchvision's
#            ImageFolder does; both are used with the same ImageNet folders and the same checkpoints.
# Behaviour: the labels are others in three ways, without an error or a warning.
#            1. ImageFolder sorts the class folders as text, timm by the numbers in their names.
#            2. ImageFolder takes the topmost folder as the class, timm the innermost. Subfolders become
#               classes, and those of equal names under different classes become one class.
#            3. timm looks for PNG and JPEG only. A class with nothing but WebP (or BMP, TIFF) is no
#               class at all, so that every class after it has a lower label.
# Seen:      folders 1 to 12: "10" is label 1 in ImageFolder, 9 in timm
#            cat/day1, cat/day2, dog/day1, dog/day2: cat and dog in ImageFolder, day1 and day2 in timm
#            cat (PNG), cow (WebP), dog (PNG): dog is label 2 in ImageFolder, 1 in timm
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet timm==1.0.31 torch==2.15.0 torchvision==0.29.2 pillow==13.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from pathlib import Path
from PIL import Image
from timm.data import create_dataset
from torchvision.datasets import ImageFolder

def labels(name, files):
    """Each file's label, as ImageFolder has it and as timm has it."""
    root = Path(name).absolute()
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), "gray").save(path)
    readings = (ImageFolder(root).samples, create_dataset("", root=str(root)).reader.samples)
    vision, timm = ({str(Path(path).relative_to(root)): label for path, label in samples}
                    for samples in readings)
    print(f"{name}\n  ImageFolder {vision}\n  timm        {timm}")
    return vision, timm

vision, timm = labels("numbers", [f"{number}/a.png" for number in range(1, 13)])
assert vision["10/a.png"] == 1
assert timm["10/a.png"] == 9, "timm does not sort by numbers now"

vision, timm = labels("subfolders", ["cat/day1/a.png", "cat/day2/a.png", "dog/day1/a.png", "dog/day2/a.png"])
assert list(vision.values()) == [0, 0, 1, 1]
assert timm["cat/day1/a.png"] == timm["dog/day1/a.png"] == 0, "timm tells cat/day1 from dog/day1 now"
assert timm["cat/day2/a.png"] == timm["dog/day2/a.png"] == 1, "timm takes the topmost folder now"

vision, timm = labels("kinds", ["cat/a.png", "cow/a.webp", "dog/a.png"])
assert vision == {"cat/a.png": 0, "cow/a.webp": 1, "dog/a.png": 2}
assert timm == {"cat/a.png": 0, "dog/a.png": 1}, "timm keeps the class without PNG and JPEG now"
PYTHON
