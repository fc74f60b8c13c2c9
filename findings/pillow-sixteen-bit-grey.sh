#!/usr/bin/env bash
# Pillow 13.0.0.
#
# Guess:     convert("RGB"), which data loaders call on whatever they open, brings 16 bits a channel to
#            8 in one way, by the upper byte, or a picture of 16 bits is refused.
# Behaviour: it depends on the kind of PNG. Grey with 16 bits is opened as "I;16", and there convert
#            cuts off at 255: all but the darkest 1/256 of the range turns white. The same greys with
#            an alpha channel, or as RGB, are opened with 8 bits, the upper byte. So an opaque alpha
#            channel, which carries nothing, changes a white picture into the right one.
# Seen:      greys 0, 100, 255, 4660, 32768, 60000 (of 65535) as PNG, then convert("RGB")
#            grey            0, 100, 255, 255, 255, 255
#            grey with alpha 0, 0, 0, 18, 128, 234
#            RGB             0, 0, 0, 18, 128, 234
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pillow==13.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import struct
import zlib
from PIL import Image

GREYS = [0, 100, 255, 4660, 32768, 60000]
OPAQUE = 65535

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

def opened(kind, pixels):
    """A PNG of one row with 16 bits a channel, of the colour type `kind`, as Pillow converts it."""
    row = b"\0" + b"".join(struct.pack(f">{len(pixel)}H", *pixel) for pixel in pixels)
    header = struct.pack(">IIBBBBB", len(pixels), 1, 16, kind, 0, 0, 0)
    with open("grey.png", "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header))
        file.write(chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b""))
    image = Image.open("grey.png")
    greys = list(image.convert("RGB").getchannel("R").tobytes())
    print(f"{image.mode:5} {greys}")
    return greys

print("16 bits", GREYS)
upper = [grey >> 8 for grey in GREYS]
assert opened(0, [(grey,) for grey in GREYS]) == [min(grey, 255) for grey in GREYS], "no cut at 255 now"
assert opened(4, [(grey, OPAQUE) for grey in GREYS]) == upper
assert opened(2, [(grey,) * 3 for grey in GREYS]) == upper
PYTHON
