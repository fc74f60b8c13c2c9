// Both engines in one page of Chromium, by turns, one thread each.
//
//     node bench/bench.js FOLDER [ROUNDS]
//
// FOLDER has networks as pairs of files, NAME.scarlet by `scarlet deploy` and NAME.onnx by `scarlet export`.
// Chromium is that of CHROMIUM, or `chromium` on the path. Prints the median milliseconds of an image, and of
// what part of the peer's time that is; in brackets that of the shortest times, which others on the machine
// disturb less.
import { execFileSync } from "node:child_process";
import { createReadStream, existsSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import puppeteer from "puppeteer-core";

const [folder, rounds = "21"] = process.argv.slice(2);
if (!folder) throw new Error("give a folder with networks");
const web = fileURLToPath(new URL("..", import.meta.url));
const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".html": "text/html", ".wasm": "application/wasm" };

const server = createServer((request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
  const file = path.startsWith("/networks/") ? join(resolve(folder), path.slice(10)) : join(web, path);
  if (!existsSync(file)) return response.writeHead(404).end();
  response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream");
  createReadStream(file).pipe(response);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const origin = `http://127.0.0.1:${server.address().port}`;

const files = readdirSync(folder);
const names = files.filter((file) => file.endsWith(".onnx")).map((file) => file.slice(0, -5));
const executablePath = process.env.CHROMIUM ?? execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
const browser = await puppeteer.launch({ executablePath, headless: true, args: ["--no-sandbox"], protocolTimeout: 600_000 });
try {
  console.log(await browser.version());
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(error));
  await page.goto(`${origin}/bench/page.html`);
  console.log("\n| network | onnxruntime-web | scarlet | of its time | difference |");
  console.log("|---|---|---|---|---|");
  for (const name of names.filter((name) => files.includes(`${name}.scarlet`))) {
    const found = await page.evaluate((name, rounds) => globalThis.measure(name, rounds), name, Number(rounds));
    const [peer, ...ours] = found.times;
    const [least, ...oursLeast] = found.least;
    const cells = ours.flatMap((time, index) => [
      `${time.toFixed(2)} ms`,
      `${(time / peer).toFixed(2)} (${(oursLeast[index] / least).toFixed(2)})`,
    ]);
    console.log(`| ${[name, `${peer.toFixed(2)} ms`, ...cells, found.difference.toExponential(1)].join(" | ")} |`);
  }
} finally {
  await browser.close();
  server.close();
}
