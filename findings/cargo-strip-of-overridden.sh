#!/usr/bin/env bash
# Cargo 1.95.0, on Linux with its default linker. Needs rustup.
#
# Guess:     `strip = "symbols"` in [profile.release] holds for every program of the workspace. A table
#            such as [profile.release.package.tool] changes only what it names: here the optimisation level.
# Behaviour: a package that has such a table, whatever it sets, is built with strip = "debuginfo", the
#            default of a profile that says nothing: its program keeps its symbols, without a warning. A
#            table for "*" does no harm, as it does not cover the workspace's own packages; strip repeated in the
#            package's table is heeded.
# Seen:      as given in `expected` below; the program of one package has a symbol table although the
#            profile strips it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if [ "$(cargo --version | cut -d' ' -f2)" != 1.95.0 ]; then
    export RUSTUP_HOME="$folder/rustup" RUSTUP_TOOLCHAIN=1.95.0
    rustup --quiet toolchain install 1.95.0 --profile minimal --no-self-update
fi
cd "$folder"
unset RUSTFLAGS CARGO_BUILD_TARGET CARGO_TARGET_DIR
for variable in $(env | sed -n 's/^\(CARGO_PROFILE_[A-Z_]*\)=.*/\1/p'); do
    unset "$variable"
done
mkdir src
echo 'fn main() {}' > src/main.rs

# Builds a program with a profile and says what rustc was told, and whether symbols are left.
built() {
    printf '[package]\nname = "tool"\nversion = "0.1.0"\nedition = "2024"\n%b\n' "$1" > Cargo.toml
    rm -rf target
    told=$(cargo build --release --verbose 2>&1 | grep -o 'strip=[a-z]*' || echo nothing)
    symbols=$(python3 - <<'PYTHON'
import struct

elf = open("target/release/tool", "rb").read()
start, = struct.unpack_from("<Q", elf, 0x28)
size, count = struct.unpack_from("<HH", elf, 0x3A)
kinds = [struct.unpack_from("<I", elf, start + i * size + 4)[0] for i in range(count)]
print("kept" if 2 in kinds else "gone")
PYTHON
    )
    echo "$told, symbols $symbols"
}

seen=$(
    strip='[profile.release]\nstrip = "symbols"'
    built "$strip"
    built "$strip\n[profile.release.package.\"*\"]\nopt-level = 1"
    built "$strip\n[profile.release.package.tool]\nopt-level = 1"
    built "$strip\n[profile.release.package.tool]\ndebug-assertions = false"
    built "$strip\n[profile.release.package.tool]\nopt-level = 1\nstrip = \"symbols\""
)
expected='strip=symbols, symbols gone
strip=symbols, symbols gone
strip=debuginfo, symbols kept
strip=debuginfo, symbols kept
strip=symbols, symbols gone'
echo "$seen"
[ "$seen" = "$expected" ]
