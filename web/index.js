// Runs scarlet's image classifiers. One thread; call it from a worker where a page must stay lively.

// A module of one SIMD instruction.
const SIMD = new Uint8Array([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // magic and version
  ...[0x01, 0x04, 0x01, 0x60, 0x00, 0x00], // a function's type
  ...[0x03, 0x02, 0x01, 0x00], // a function of that type
  ...[0x0a, 0x09, 0x01, 0x07, 0x00, 0x41, 0x00, 0xfd, 0x11, 0x1a, 0x0b], // i32x4.splat of 0, dropped
]);

/** The engine's own module, where it can run. */
function ownModule() {
  if (WebAssembly.validate(SIMD)) return new URL("./scarlet.wasm", import.meta.url);
  throw new Error(
    "this browser has no SIMD in WebAssembly, which the engine needs: use Chrome 91, Firefox 89, Safari 16.4 or later",
  );
}

/** The bytes of a file, wherever it is. */
async function bytesOf(source) {
  if (source instanceof Uint8Array) return source;
  if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (typeof Blob !== "undefined" && source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  if (typeof source !== "string" && !(source instanceof URL)) {
    throw new TypeError("a network is given by its URL, as bytes, or as a Blob");
  }
  // Relative to the page, if there is one.
  const url = new URL(source, globalThis.document?.baseURI ?? globalThis.location?.href);
  if (url.protocol === "file:" && globalThis.process?.versions?.node) {
    const { readFile } = await import("node:fs/promises");
    return new Uint8Array(await readFile(url));
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(`cannot load ${url}: the server answers ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

const modules = new Map();

/** The compiled module of a file; compiled once for each URL. */
function moduleOf(source) {
  const compile = () => bytesOf(source).then((bytes) => WebAssembly.compile(bytes));
  if (typeof source !== "string" && !(source instanceof URL)) return compile();
  const key = String(source);
  if (!modules.has(key)) {
    const compiled = compile();
    // What failed for want of a connection may be tried again.
    compiled.catch(() => modules.delete(key));
    modules.set(key, compiled);
  }
  return modules.get(key);
}

const decoder = new TextDecoder();

/** An instance of the module with a memory of its own, which goes when nobody holds it any more. */
class Memory {
  constructor(instance) {
    this.functions = instance.exports;
    this.broken = false;
  }

  /** Calls a function. Where the engine stops, which it never should, its memory is not to be used again. */
  call(name, ...values) {
    if (this.broken) throw new Error("the engine failed before: open the network again");
    try {
      return this.functions[name](...values);
    } catch (cause) {
      this.broken = true;
      throw new Error("the engine failed: there is not enough memory, or this is a bug; open the network again", {
        cause,
      });
    }
  }

  /** Room for so many bytes while `work` runs. */
  with(bytes, work) {
    // Numbers beyond 32 bits would be cut.
    const start = bytes < 2 ** 32 ? this.call("scarlet_allocate", bytes) >>> 0 : 0;
    if (start === 0) throw new Error(`there are no ${bytes} bytes of memory left: use smaller images`);
    try {
      return work(start);
    } finally {
      if (!this.broken) this.call("scarlet_release", start, bytes);
    }
  }

  // Always made anew: when the memory grows, arrays from before are cut off.
  bytes(start, length) {
    return new Uint8Array(this.functions.memory.buffer, start, length);
  }

  floats(start, length) {
    return new Float32Array(this.functions.memory.buffer, start, length);
  }

  words(start, length) {
    return new Uint32Array(this.functions.memory.buffer, start, length);
  }

  /** The text at a pointer, up to a zero byte. */
  text(start) {
    const bytes = new Uint8Array(this.functions.memory.buffer, start >>> 0);
    return decoder.decode(bytes.subarray(0, bytes.indexOf(0)).slice());
  }
}

function checkCount(value, what) {
  if (value !== undefined && !(Number.isInteger(value) && value > 0 && value < 2 ** 31)) {
    throw new RangeError(`${what} is ${value}: give a positive whole number`);
  }
  return value ?? 0;
}

/** A network that is ready to run. */
export class Classifier {
  #memory;
  #handle;
  #shape;
  #classes;
  #names = null;

  /** Use `open`. */
  constructor(memory, bytes, options) {
    const { batch, height, width } = options;
    const numbers = [1, checkCount(batch, "batch"), checkCount(height, "height"), checkCount(width, "width")];
    this.#memory = memory;
    this.#handle = memory.with(bytes.length + 32, (start) => {
      memory.words(start, 8).set([...numbers, 0, 0, 0, 0]);
      memory.bytes(start + 32, bytes.length).set(bytes);
      const error = start + 16;
      const handle = memory.call("scarlet_open_bytes", start + 32, bytes.length, start, error);
      if (handle !== 0) return handle;
      const text = memory.words(error, 1)[0];
      const message = memory.text(text);
      memory.call("scarlet_free_string", text);
      throw new Error(message);
    });
    this.#classes = memory.call("scarlet_classes", this.#handle);
    const names = Array.from({ length: this.#classes }, (_, index) =>
      memory.call("scarlet_class_name", this.#handle, index),
    );
    if (names.length > 0 && names.every((name) => name !== 0)) this.#names = names.map((name) => memory.text(name));
    this.#shape = memory.with(16, (start) => {
      this.#done(memory.call("scarlet_input_shape", this.#handle, start));
      return Object.freeze([...memory.words(start, 4)]);
    });
  }

  get classes() {
    return this.#classes;
  }

  get classNames() {
    return this.#names === null ? null : [...this.#names];
  }

  get inputShape() {
    return this.#shape;
  }

  run(images) {
    const memory = this.#open();
    if (!(images instanceof Float32Array)) throw new TypeError("images are given as a Float32Array");
    const image = this.#shape[1] * this.#shape[2] * this.#shape[3];
    // At least one image's, and never more than asked for: what does not fit is refused by the engine.
    const count = Math.max(1, Math.floor(images.length / image)) * this.#classes;
    return memory.with(4 * (images.length + count), (start) => {
      memory.floats(start, images.length).set(images);
      const logits = start + 4 * images.length;
      this.#done(memory.call("scarlet_run", this.#handle, start, images.length, logits, count));
      return memory.floats(logits, count).slice();
    });
  }

  classify(image, width = image.width, height = image.height) {
    const memory = this.#open();
    const pixels = image.data ?? image;
    if (!(pixels instanceof Uint8Array || pixels instanceof Uint8ClampedArray)) {
      throw new TypeError("an image is ImageData, or bytes of red, green and blue with a width and a height");
    }
    for (const [side, what] of [[width, "width"], [height, "height"]]) {
      if (checkCount(side, what) === 0) throw new RangeError(`the image's ${what} is missing`);
    }
    const channels = image.data === undefined ? 3 : 4;
    const count = width * height;
    if (pixels.length !== channels * count) {
      throw new RangeError(
        `an image of ${width}×${height} pixels has ${channels * count} bytes, not ${pixels.length}`,
      );
    }
    const logits = 4 * this.#classes;
    return memory.with(logits + 3 * count, (start) => {
      const rgb = memory.bytes(start + logits, 3 * count);
      if (channels === 3) rgb.set(pixels);
      // Without the alpha, whatever it is.
      else for (let from = 0, to = 0; from < pixels.length; from += 4, to += 3) {
        rgb[to] = pixels[from];
        rgb[to + 1] = pixels[from + 1];
        rgb[to + 2] = pixels[from + 2];
      }
      const status = memory.call(
        "scarlet_classify_rgb", this.#handle, start + logits, width, height, start, this.#classes,
      );
      this.#done(status);
      return memory.floats(start, this.#classes).slice();
    });
  }

  probabilities(logits) {
    const memory = this.#open();
    const { length } = logits;
    return memory.with(8 * length, (start) => {
      memory.floats(start, length).set(logits);
      const to = start + 4 * length;
      this.#done(memory.call("scarlet_probabilities", this.#handle, start, to, length));
      return memory.floats(to, length).slice();
    });
  }

  best(logits, count = 5) {
    const probabilities = this.probabilities(logits);
    const order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a] || a - b);
    return order.slice(0, count).map((index) => ({
      index,
      name: this.#names?.[index] ?? null,
      probability: probabilities[index],
    }));
  }

  close() {
    if (this.#memory !== null && !this.#memory.broken) this.#memory.call("scarlet_close", this.#handle);
    this.#memory = null;
  }

  [Symbol.dispose ?? Symbol.for("Symbol.dispose")]() {
    this.close();
  }

  #open() {
    if (this.#memory === null) throw new Error("the network is closed: open it again");
    return this.#memory;
  }

  /** Throws what the engine says, unless all is well. */
  #done(status) {
    if (status !== 0) throw new Error(this.#memory.text(this.#memory.call("scarlet_error", this.#handle)));
  }
}

export async function open(network, options = {}) {
  const [bytes, module] = await Promise.all([bytesOf(network), moduleOf(options.module ?? ownModule())]);
  return new Classifier(new Memory(await WebAssembly.instantiate(module, {})), bytes, options);
}

export async function pixels(photograph) {
  const bitmap = await createImageBitmap(photograph, {
    colorSpaceConversion: "none",
    imageOrientation: "from-image",
    premultiplyAlpha: "none",
  });
  try {
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    return context.getImageData(0, 0, bitmap.width, bitmap.height);
  } finally {
    bitmap.close();
  }
}
