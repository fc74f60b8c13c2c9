// The network that is inside this page, run by the engine above.

/** What an element of this page holds in base 64, as bytes. */
function bytesInside(id) {
  const text = atob(find(id).textContent.trim());
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < bytes.length; place++) bytes[place] = text.charCodeAt(place);
  return bytes;
}

let classifier = null;

/** The part of a photograph that the network sees, at its resolution, as the address of a picture. */
async function seenPart(image) {
  const { resolution, resized_side, channels } = network;
  const canvas = element("canvas", { width: resolution, height: resolution });
  const context = canvas.getContext("2d");
  // What is beyond the photograph is black.
  context.fillRect(0, 0, resolution, resolution);
  context.imageSmoothingQuality = "high";
  if (channels === 1) context.filter = "grayscale(1)";
  const side = (resolution * Math.min(image.width, image.height)) / resized_side;
  const bitmap = await createImageBitmap(image);
  const [left, top] = [(image.width - side) / 2, (image.height - side) / 2];
  context.drawImage(bitmap, left, top, side, side, 0, 0, resolution, resolution);
  bitmap.close();
  return canvas.toDataURL("image/png");
}

const program = {
  formats: "The page reads whatever your browser can show. Photographs stay here: nothing is sent anywhere.",
  place: () => "in this browser",
  async introduce() {
    const about = JSON.parse(find("network").textContent);
    classifier ??= await engine.open(bytesInside("weights"), { module: bytesInside("engine") });
    return about;
  },
  async predict(name, blob) {
    const began = performance.now();
    let image;
    try {
      image = await engine.pixels(blob);
    } catch {
      throw new Refused("unreadable", `the browser cannot show ${name} as a picture`);
    }
    const seen = await seenPart(image);
    const read = performance.now();
    const logits = classifier.classify(image);
    const done = performance.now();
    const predictions = classifier.best(logits, network.top_k).map(({ index, probability }) => ({
      class: index,
      name: network.classes[index],
      probability,
    }));
    const { width, height } = image;
    return { predictions, seen, photograph: { width, height }, milliseconds: { read: read - began, classify: done - read } };
  },
  timing({ photograph: { width, height }, milliseconds: { read, classify } }) {
    return (
      `${milliseconds(classify)} to crop and classify, ${milliseconds(read)} to read and show ` +
      `${width.toLocaleString("en")}×${height.toLocaleString("en")} pixels`
    );
  },
};
