#!/usr/bin/env bash
# torchvision 0.29.2 with PyTorch 2.15.0 and Pillow 13.0.0.
#
# Guess:     CenterCrop leaves the odd pixel of a margin that cannot be halved always on the same side,
#            as integer division does: left offset (width - crop) // 2.
# Behaviour: the offset is Python's round of the half, which goes to the even number. Margins of 1, 5 and
#            9 begin at 0, 2 and 4, rounded down, margins of 3, 7 and 11 at 2, 4 and 6, rounded up. So the
#            crop jumps by two pixels from one width to the next but one, and an own crop by integer
#            division is a pixel off for every fourth width. Both versions of the transforms do so, for
#            tensors and for pictures of Pillow.
# Seen:      224 of 341 (a 4:3 picture at 256): margin 117, offset 58; of 343: margin 119, offset 60
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torchvision==0.29.2 torch==2.15.0 pillow==13.0.0 numpy
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import numpy
import torch
from PIL import Image
from torchvision import transforms
from torchvision.transforms import v2

CROP = 224
offsets = {}
for width in (CROP + margin for margin in [*range(12), 117, 119]):
    # The red channel tells the column, and the green one how often it has gone round.
    column = numpy.arange(width)
    row = numpy.stack([column % 256, column // 256, 0 * column], axis=1).astype(numpy.uint8)
    picture = Image.fromarray(numpy.repeat(row[None], CROP, axis=0))
    tensor = torch.from_numpy(numpy.asarray(picture).copy()).permute(2, 0, 1)
    seen = set()
    for crop in (transforms.CenterCrop(CROP), v2.CenterCrop(CROP)):
        first = crop(picture).getpixel((0, 0))
        seen.add(first[0] + 256 * first[1])
        first = crop(tensor)[:, 0, 0].tolist()
        seen.add(first[0] + 256 * first[1])
    assert len(seen) == 1, "the versions differ now"
    offsets[width - CROP] = seen.pop()
print("offset by margin:", offsets)
for margin, offset in offsets.items():
    assert offset == round(margin / 2), "the offset is rounded otherwise now"
up = [margin for margin, offset in offsets.items() if offset > margin // 2]
print("rounded up for margins", up)
assert up == [3, 7, 11, 119]
PYTHON
