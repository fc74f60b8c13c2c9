#!/usr/bin/env bash
# Builds the package's two modules, scarlet-simd.wasm and scarlet-relaxed.wasm, from crates/scarlet-c.
# Needs Rust with the target wasm32-unknown-unknown; where wasm-opt is at hand (`npm install`, or on the
# path) the modules become smaller.
set -euo pipefail
cd "$(dirname "$0")"

# Names and debug information would be most of a module.
export CARGO_PROFILE_RELEASE_DEBUG=false CARGO_PROFILE_RELEASE_STRIP=true
export CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 CARGO_PROFILE_RELEASE_PANIC=abort

target="${CARGO_TARGET_DIR:-../target}"
optimizer="$(PATH="$PWD/node_modules/.bin:$PATH" command -v wasm-opt || true)"
[ -n "$optimizer" ] || echo "wasm-opt is not at hand: the modules stay as the compiler makes them" >&2

build() {
    local module="scarlet-$1.wasm"
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="-C target-feature=$2" \
        cargo build --release --manifest-path ../Cargo.toml --package scarlet-c --no-default-features \
        --target wasm32-unknown-unknown
    local built="$target/wasm32-unknown-unknown/release/scarlet_c.wasm"
    if [ -n "$optimizer" ]; then
        "$optimizer" -O2 --all-features --strip-producers --strip-target-features "$built" -o "$module"
    else
        cp "$built" "$module"
    fi
    printf '%s: %d bytes\n' "$module" "$(wc -c <"$module")"
}

build simd +simd128
build relaxed +simd128,+relaxed-simd
