#!/usr/bin/env bash
# Chromium, headless; seen with 148.0.7778.167 of Debian. Needs chromium, which no registry of pinned
# packages has, and Python 3.
#
# Guess:     `chromium --headless --window-size=400,800` shows a page at 400x800, as a phone would, to
#            scripts, to styles and in a screenshot.
# Behaviour: the window is never narrower than 500, and 139 of its height go to a frame that nobody sees.
#            A script that runs while the page loads finds 500x661, and media queries for phones do not
#            match. For --screenshot the page is then laid out anew at 400x800: its styles are those of a
#            phone, what scripts had measured or drawn is not, and the two stand in one picture.
# Seen:      --window-size=400,800  innerWidth 500, innerHeight 661, (max-width: 450px) does not match
#            --screenshot           400x800 pixels; styles by (max-width: 450px) apply
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
command -v chromium > /dev/null || { echo "chromium is needed"; exit 1; }
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pillow==13.0.0
cd "$folder"
cat > page.html <<'HTML'
<!doctype html>
<style>
  body { margin: 0; background: #ff0000; }
  @media (max-width: 450px) { body { background: #00ff00; } }
  #measured { height: 10px; background: #0000ff; }
</style>
<div id="measured"></div>
<p id="told"></p>
<script>
  measured.style.width = innerWidth / 10 + "px";
  told.textContent = `${innerWidth}x${innerHeight} ${matchMedia("(max-width: 450px)").matches}`;
</script>
HTML
shown() {
  timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars \
    --user-data-dir="$folder/profile" --window-size=400,800 "$@" "file://$folder/page.html" 2> messages
}
chromium --version
told=$(shown --dump-dom | sed -n 's/.*<p id="told">\([^<]*\)<.*/\1/p')
echo "a script finds: $told"
test "$told" = "500x661 false" || { echo "the window is of another size now"; exit 1; }
shown --screenshot=page.png > messages
"$folder/venv/bin/python" - <<'PYTHON'
from PIL import Image

image = Image.open("page.png").convert("RGB")
background = image.getpixel((399, 799))
measured = sum(image.getpixel((x, 5)) == (0, 0, 255) for x in range(image.width))
print(f"screenshot: {image.size}, background {background}, the script's tenth of the width {measured}")
assert image.size == (400, 800)
assert background == (0, 255, 0), "styles are not those of a narrow window now"
assert measured == 50, "scripts measure another width now"
PYTHON
