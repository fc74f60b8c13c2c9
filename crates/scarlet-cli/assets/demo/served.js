"use strict";
// The program that serves this page, asked over HTTP.

/** Before the program is asked again that was busy, in milliseconds. */
const PAUSE = 500;

async function ask(path, options = {}) {
  let answer, content;
  try {
    answer = await fetch(path, options);
    content = await answer.json();
  } catch {
    throw new Gone();
  }
  if (answer.ok) return content;
  throw new Refused(content.error.kind, content.error.message);
}

async function send(path, name, blob) {
  let body;
  try {
    body = await blob.arrayBuffer();
  } catch {
    throw new Refused("unreadable", `the browser cannot read ${name}: it was moved, or is a folder`);
  }
  for (;;) {
    try {
      return await ask(path, { method: "POST", body });
    } catch (problem) {
      if (problem.kind !== "busy") throw problem;
      await new Promise((later) => setTimeout(later, PAUSE));
    }
  }
}

const program = {
  formats:
    "JPEG, PNG, WebP, BMP, GIF and TIFF are read. They go to the program that serves this page, which keeps none.",
  place: ({ device }) => `on ${device}`,
  introduce: () => ask("/network"),
  predict(name, blob) {
    if (blob.size > network.most_bytes) {
      const most = Math.floor(network.most_bytes / 2 ** 20);
      throw new Refused("too_large", `the photograph has more than ${most} MiB: make it smaller`);
    }
    return send("/predict", name, blob);
  },
  /** Where on a photograph a class is seen. */
  look: (name, blob, ofClass) => send(`/look?class=${ofClass}`, name, blob),
  timing({ photograph: { width, height }, milliseconds: { network: own, preparation } }) {
    return (
      `${milliseconds(own)} in the network, ${milliseconds(preparation)} to read and crop ` +
      `${width.toLocaleString("en")}×${height.toLocaleString("en")} pixels`
    );
  },
};
