// Networks, images, and what the engine answers to them natively: written by a Rust example.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

const folder = process.env.SCARLET_WEB_NETWORKS ?? make();

function make() {
  const made = mkdtempSync(join(tmpdir(), "scarlet-web-"));
  after(() => rmSync(made, { recursive: true }));
  const manifest = fileURLToPath(new URL("../../Cargo.toml", import.meta.url));
  const example = ["--package", "scarlet-engine", "--example", "web_networks"];
  execFileSync("cargo", ["run", "--quiet", "--release", "--manifest-path", manifest, ...example, "--", made], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  return made;
}

export const file = (name) => new Uint8Array(readFileSync(join(folder, name)));
export const networks = JSON.parse(readFileSync(join(folder, "networks.json"), "utf8"));
export const images = new Float32Array(file("images.f32").buffer);
export const photograph = { data: file("photograph.rgb"), width: 97, height: 61 };
