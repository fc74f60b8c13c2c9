#!/usr/bin/env bash
# Pillow 13.0.0 and the Rust crate image 0.25.10 (with gif 0.14.2). Needs cargo.
#
# Guess:     where a GIF's first frame leaves pixels of the canvas uncovered, a decoder shows the
#            background colour that the header names, as the format says, or transparency, as browsers
#            do.
# Behaviour: neither. Pillow's convert("RGB") fills them with the colour 0 of the palette, whatever
#            background the header names; if the frame has a transparent colour, with that one, which
#            need not be one to be seen. The image crate fills them with transparent black, so that
#            to_rgb8 gives black: a network trained with the one gets other pictures from the other.
# Seen:      palette white, blue, yellow, red; background yellow; canvas of 4x1, the frame in its middle
#            frame blue, yellow                       Pillow white at the sides, image black
#            frame blue, transparent (colour 3, red)  Pillow red at the sides, image black
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pillow==13.0.0
mkdir -p "$folder/reader/src"
cd "$folder/reader"
cat > Cargo.toml <<'TOML'
[package]
name = "reader"
version = "0.0.0"
edition = "2021"

[dependencies]
image = { version = "=0.25.10", default-features = false, features = ["gif"] }
gif = "=0.14.2"
TOML
cat > src/main.rs <<'RUST'
fn main() {
    let path = std::env::args().nth(1).expect("a path");
    let image = image::open(path).expect("a picture").to_rgb8();
    println!("{}", image.pixels().map(|p| format!("{:02x}{:02x}{:02x}", p[0], p[1], p[2])).collect::<Vec<_>>().join(" "));
}
RUST
CARGO_TARGET_DIR="$folder/target" nice -n 10 cargo build --quiet
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import struct
import subprocess
from PIL import Image

WHITE, BLUE, YELLOW, RED = "ffffff", "0080ff", "fac800", "c80032"
BACKGROUND = 2

def codes(pixels):
    """Pixels of two bits as uncompressed LZW: codes of three bits, a clear code before each pixel."""
    clear, end = 4, 5
    bits = 0
    series = [code for pixel in pixels for code in (clear, pixel)] + [end]
    for place, code in enumerate(series):
        bits |= code << 3 * place
    data = bits.to_bytes((3 * len(series) + 7) // 8, "little")
    return bytes([2, len(data)]) + data + b"\0"

def gif(pixels, transparent=None):
    header = b"GIF89a" + struct.pack("<HHBBB", 4, 1, 0x81, BACKGROUND, 0)
    palette = bytes.fromhex(WHITE + BLUE + YELLOW + RED)
    control = b"" if transparent is None else b"\x21\xf9\x04" + bytes([1, 0, 0, transparent, 0])
    frame = b"\x2c" + struct.pack("<HHHHB", 1, 0, 2, 1, 0) + codes(pixels)
    return header + palette + control + frame + b"\x3b"

def read(name, data):
    with open("picture.gif", "wb") as file:
        file.write(data)
    pillow = Image.open("picture.gif").convert("RGB").tobytes().hex(" ", 3).split()
    rust = subprocess.check_output(["target/debug/reader", "picture.gif"], text=True).split()
    print(f"{name}\n  Pillow {pillow}\n  image  {rust}")
    return pillow, rust

BLACK = "000000"
pillow, rust = read("blue and yellow", gif([1, 2]))
assert pillow == [WHITE, BLUE, YELLOW, WHITE], "Pillow fills the canvas otherwise now"
assert rust == [BLACK, BLUE, YELLOW, BLACK], "image fills the canvas otherwise now"

pillow, rust = read("blue and transparent", gif([1, 3], transparent=3))
assert pillow == [RED, BLUE, RED, RED], "Pillow fills the canvas otherwise now"
assert rust == [BLACK, BLUE, RED, BLACK], "image fills the canvas otherwise now"
PYTHON
