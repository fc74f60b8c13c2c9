/** Where bytes come from: a URL (relative to the page), the bytes themselves, or a file that was chosen. */
export type Source = string | URL | ArrayBuffer | ArrayBufferView | Blob;

export interface OpenOptions {
  /** The most images of one call of `run`; 1 by default. */
  batch?: number;
  /** Height of the images in pixels; the network's own by default. Give the width too. */
  height?: number;
  /** Width of the images in pixels; the network's own by default. Give the height too. */
  width?: number;
  /** The engine's module, `scarlet.wasm`, where it is not beside `index.js`. */
  module?: Source;
}

/** An image of any size, row by row from the top, in red, green, blue and alpha, which is left out. */
export interface Pixels {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

export interface Prediction {
  /** Which class. */
  index: number;
  /** What it is called, where the network's file says so. */
  name: string | null;
  probability: number;
}

/** A network that is ready to run. It computes on the thread that calls it. */
export class Classifier {
  private constructor();

  /** How many classes there are. */
  readonly classes: number;

  /** What the classes are called; null where the network's file does not say. */
  readonly classNames: string[] | null;

  /** The shape of the images of `run`: batch, channels, height and width. */
  readonly inputShape: readonly [batch: number, channels: number, height: number, width: number];

  /**
   * Logits `[n, classes]` of normalised images `[n, channels, height, width]`, at most as many as the batch.
   * The result is the caller's own.
   * @throws where the values are no whole number of images, none or too many; where the network is closed.
   */
  run(images: Float32Array): Float32Array;

  /**
   * Logits of an image of any size: resized, cropped and normalised as the network wants it, with the very
   * pixels that the engine has natively.
   * @throws where there is not the right number of bytes; where the network is closed.
   */
  classify(image: Pixels): Float32Array;
  /** The same of bytes of red, green and blue. */
  classify(rgb: Uint8Array | Uint8ClampedArray, width: number, height: number): Float32Array;

  /** The probabilities of the classes, from one image's logits, by the network's own temperature. */
  probabilities(logits: Float32Array): Float32Array;

  /** The most probable classes, from one image's logits, the best first; five by default. */
  best(logits: Float32Array, count?: number): Prediction[];

  /** Gives back the memory. Closing again does nothing; every other call throws. */
  close(): void;
}

/**
 * Opens a network that `scarlet deploy` wrote.
 * @throws the engine's own message where it is none, of another version, cut short or damaged, or where the
 * options do not suit it; where this browser has no SIMD in WebAssembly.
 */
export function open(network: Source, options?: OpenOptions): Promise<Classifier>;

/**
 * The pixels of a photograph's file, for `classify`: turned as its orientation says, and without conversion
 * of colours. Where there are canvases: in browsers and their workers.
 */
export function pixels(photograph: Blob): Promise<ImageData>;
