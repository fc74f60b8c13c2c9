// Runs a program that was compiled for wasm32-wasip1, such as this crate's tests:
//
//     CARGO_TARGET_WASM32_WASIP1_RUNNER="node --single-threaded $PWD/crates/scarlet-kernels/tests/wasi.mjs" \
//     CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS="-C target-feature=+simd128" \
//     cargo test --release -p scarlet-kernels --lib --tests --no-default-features --features std \
//         --target wasm32-wasip1
//
// Node 20 crashes now and then where it does so on several threads.
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";

// Loaded without its warning that it is new.
process.removeAllListeners("warning");
const { WASI } = await import("node:wasi");

const [file, ...rest] = process.argv.slice(2);
const wasi = new WASI({
  version: "preview1",
  args: [file, ...rest],
  env: { ...process.env, TMPDIR: tmpdir() },
  preopens: { "/": "/" },
  returnOnExit: true,
});
const module = await WebAssembly.compile(await readFile(file));
process.exitCode = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
