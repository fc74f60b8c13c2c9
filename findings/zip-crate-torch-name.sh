#!/usr/bin/env bash
# The Rust crate zip 9.8.1 and PyTorch 2.15.0. Needs cargo.
#
# Guess:     ZipArchive::new reads every file that torch.save writes; the file's name does not matter.
# Behaviour: a name of 21 letters before ".pt" makes the file unreadable. torch.save puts the name's stem
#            into the path of every member, so it decides the length of the directory's first entry:
#            46 bytes and the 30 of "NAME/data.pkl", 76. Behind the directory stand ZIP64 records of 76
#            bytes too, which PyTorch always writes. The crate guesses by default where the archive
#            starts: it looks for the directory right before the last record, as if no ZIP64 records
#            stood between, lands on the second entry and takes the archive for one with 76 bytes put in
#            front. Python's zipfile reads the file, and so does the crate with ArchiveOffset::Known(0).
# Seen:      of stems of 1 to 40 letters, only 21 is refused: "Invalid Central Directory header"
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.15.0 numpy
mkdir -p "$folder/reader/src"
cd "$folder/reader"
cat > Cargo.toml <<'TOML'
[package]
name = "reader"
version = "0.0.0"
edition = "2021"

[dependencies]
zip = { version = "=9.8.1", default-features = false }
TOML
cat > src/main.rs <<'RUST'
use std::fs::File;
use zip::read::{ArchiveOffset, Config};
use zip::ZipArchive;

fn main() {
    for path in std::env::args().skip(1) {
        let open = || File::open(&path).expect("a file");
        let told = |archive: Result<ZipArchive<File>, _>| match archive {
            Ok(archive) => format!("{} members", archive.len()),
            Err(error) => format!("{error}"),
        };
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        println!("{}\t{}", told(ZipArchive::new(open())), told(ZipArchive::with_config(config, open())));
    }
}
RUST
CARGO_TARGET_DIR="$folder/target" nice -n 10 cargo build --quiet
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import subprocess
import zipfile
import torch

lengths = range(1, 41)
paths = ["m" * length + ".pt" for length in lengths]
for path in paths:
    torch.save({"weight": torch.arange(4.0)}, path)
lines = subprocess.check_output(["target/debug/reader", *paths], text=True).splitlines()
for length, path, line in zip(lengths, paths, lines, strict=True):
    members = f"{len(zipfile.ZipFile(path).namelist())} members"
    detected, known = line.split("\t")
    if length in (20, 21, 22):
        print(f"{length} letters: {detected}; with Known(0): {known}; Python: {members}")
    assert known == members
    if length == 21:
        assert "Invalid Central Directory header" in detected, "the crate reads the file now"
    else:
        assert detected == members, f"{length} letters are refused now"
PYTHON
