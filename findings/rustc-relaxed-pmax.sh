#!/usr/bin/env bash
# Rust 1.95.0 for wasm32-unknown-unknown, run by Node 20 or newer on an x86-64 processor. Needs rustup and
# node.
#
# Guess:     core::arch::wasm32::f32x4_pmax is the instruction of that name, which is defined for every
#            input ("a < b ? b : a"), whatever other instructions a module may use. Relaxed SIMD adds
#            instructions, it changes none that one asks for by name.
# Behaviour: with -C target-feature=+relaxed-simd there is no f32x4.pmax any more: f32x4.relaxed_max stands
#            in its place, whose result for NaN is up to the processor.
# Seen:      pmax(NaN, 1) and pmax(1, NaN) are NaN and 1 without the feature, as they are defined, and
#            1 and NaN with it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export RUSTUP_HOME="$folder/rustup"
rustup --quiet toolchain install 1.95.0 --profile minimal --target wasm32-unknown-unknown --no-self-update
cd "$folder"
cat > larger.rs <<'RUST'
#![no_std]
use core::arch::wasm32::{f32x4_extract_lane, f32x4_pmax, f32x4_splat};

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

#[unsafe(no_mangle)]
pub extern "C" fn larger(a: f32, b: f32) -> f32 {
    f32x4_extract_lane::<0>(f32x4_pmax(f32x4_splat(a), f32x4_splat(b)))
}
RUST
build() {
    rustup run 1.95.0 rustc --edition 2024 -O --crate-type cdylib --target wasm32-unknown-unknown \
        -C "target-feature=$1" larger.rs -o "$2"
}
build +simd128 plain.wasm
build +simd128,+relaxed-simd relaxed.wasm
cat > run.mjs <<'JS'
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";

// Node 20 knows relaxed SIMD, but takes it only if told so.
setFlagsFromString("--experimental-wasm-relaxed-simd");
const seen = [];
for (const file of ["plain.wasm", "relaxed.wasm"]) {
  const bytes = readFileSync(file);
  const { instance } = await WebAssembly.instantiate(bytes);
  const code = bytes.toString("hex");
  const { larger } = instance.exports;
  seen.push([code.includes("fdeb01"), code.includes("fd8e02"), larger(NaN, 1), larger(1, NaN)]);
  console.log(`${file}: pmax ${seen.at(-1)[0]}, relaxed_max ${seen.at(-1)[1]}, of NaN and 1 ${seen.at(-1)[2]}, of 1 and NaN ${seen.at(-1)[3]}`);
}
const expected = [[true, false, NaN, 1], [false, true, 1, NaN]];
const same = seen.every((row, i) => row.every((value, j) => Object.is(value, expected[i][j])));
process.exit(same ? 0 : 1);
JS
node run.mjs
