#!/usr/bin/env bash
# Builds the package's module, scarlet.wasm, from crates/scarlet-c.
# Needs Rust with the target wasm32-unknown-unknown; where wasm-opt is at hand (`npm install`, or on the
# path) the module becomes smaller.
set -euo pipefail
cd "$(dirname "$0")"

# Names and debug information would be most of a module.
export CARGO_PROFILE_RELEASE_DEBUG=false CARGO_PROFILE_RELEASE_STRIP=true
export CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 CARGO_PROFILE_RELEASE_PANIC=abort

target="${CARGO_TARGET_DIR:-../target}"
optimizer="$(PATH="$PWD/node_modules/.bin:$PATH" command -v wasm-opt || true)"
[ -n "$optimizer" ] || echo "wasm-opt is not at hand: the module stays as the compiler makes it" >&2

CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="-C target-feature=+simd128" \
    cargo build --release --manifest-path ../Cargo.toml --package scarlet-c --no-default-features \
    --target wasm32-unknown-unknown
built="$target/wasm32-unknown-unknown/release/scarlet_c.wasm"
if [ -n "$optimizer" ]; then
    "$optimizer" -O2 --all-features --strip-producers --strip-target-features "$built" -o scarlet.wasm
else
    cp "$built" scarlet.wasm
fi
printf 'scarlet.wasm: %d bytes\n' "$(wc -c <scarlet.wasm)"
