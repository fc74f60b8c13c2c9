#!/usr/bin/env bash
# Pillow 13.0.0.
#
# Guess:     Pillow never turns a picture by its orientation tag unless asked by ImageOps.exif_transpose,
#            so that data loaders without that call, like torchvision's ImageFolder, see each file as it
#            is stored.
# Behaviour: so it is for JPEG, PNG, WebP and AVIF; but a TIFF is turned when it is loaded, and its tag
#            is dropped. The same picture with the same tag comes upright from TIFF and lying from all
#            else, and the size that `Image.open` shows is already the turned one.
# Seen:      3x2 pixels stored, orientation 6: 2x3 from TIFF, 3x2 from JPEG, PNG, WebP and AVIF
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pillow==13.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from PIL import Image

ORIENTATION, QUARTER_TURN = 0x112, 6
WIDTH, HEIGHT = 256, 257
exif = Image.Exif()
exif[ORIENTATION] = QUARTER_TURN
stored = Image.new("RGB", (3, 2), "gray")

for kind in ("jpeg", "png", "webp", "avif", "tiff"):
    if kind == "tiff":
        stored.save("picture.tiff", tiffinfo={ORIENTATION: QUARTER_TURN})
    else:
        stored.save("picture." + kind, exif=exif)
    image = Image.open("picture." + kind)
    size, tag = image.size, image.getexif().get(ORIENTATION)
    loaded = image.convert("RGB").size
    print(f"{kind}: tag {tag}, size at opening {size}, of the loaded picture {loaded}, "
          f"tag afterwards {image.getexif().get(ORIENTATION)}")
    assert tag == QUARTER_TURN
    if kind == "tiff":
        assert (image.tag_v2[WIDTH], image.tag_v2[HEIGHT]) == (3, 2)
    expected = (2, 3) if kind == "tiff" else (3, 2)
    assert size == loaded == expected, "Pillow treats orientation otherwise now"
    assert image.getexif().get(ORIENTATION) == (None if kind == "tiff" else QUARTER_TURN)
PYTHON
