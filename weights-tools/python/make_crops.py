"""Cuts random crops out of photographs, for comparing what two programs say of many images.

    python make_crops.py OUT [--photos examples/photos] [--count 250] [--seed 0]

Each crop has 15 to 100 % of its photograph's pixels and sides of 3 to 4 up to 4 to 3. The same number of
each photograph; the same seed cuts the same crops. Needs: pip install pillow.
"""

import argparse
import random
from pathlib import Path

from PIL import Image

parser = argparse.ArgumentParser(description="Cut random crops out of photographs.")
parser.add_argument("out", type=Path)
parser.add_argument("--photos", type=Path, default=Path("examples/photos"))
parser.add_argument("--count", type=int, default=250)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

draw = random.Random(args.seed)
args.out.mkdir(parents=True)
photos = sorted(it for it in args.photos.iterdir() if it.suffix in (".jpg", ".png"))
for number in range(args.count):
    image = Image.open(photos[number % len(photos)]).convert("RGB")
    width, height = image.size
    while True:
        pixels, ratio = draw.uniform(0.15, 1) * width * height, draw.uniform(3 / 4, 4 / 3)
        side_x, side_y = int((pixels * ratio) ** 0.5), int((pixels / ratio) ** 0.5)
        if side_x <= width and side_y <= height:
            break
    x, y = draw.randint(0, width - side_x), draw.randint(0, height - side_y)
    image.crop((x, y, x + side_x, y + side_y)).save(args.out / f"{number:03}.png")
