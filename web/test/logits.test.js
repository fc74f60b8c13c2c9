import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "../index.js";
import { file, images, networks, photograph } from "./networks.js";

/** The largest difference, of the largest logit. */
function difference(found, expected) {
  assert.equal(found.length, expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, index) => Math.abs(value - found[index]))) / largest;
}

const same = (found, expected) => found.every((value, index) => value === Math.fround(expected[index]));

for (const network of networks) {
  test(`${network.file}: logits are those of the engine natively`, async () => {
    const classifier = await open(file(network.file), { batch: 2 });
    const rgba = new Uint8ClampedArray((photograph.data.length / 3) * 4).map((_, at) =>
      at % 4 === 3 ? 7 : photograph.data[Math.floor(at / 4) * 3 + (at % 4)],
    );
    const { width, height } = photograph;
    for (const [found, expected] of [
      [classifier.run(images), network.images],
      [classifier.classify(photograph.data, width, height), network.photograph],
      [classifier.classify({ data: rgba, width, height }), network.photograph],
    ]) {
      const kinds = Object.values(expected);
      if (network.file.includes("f32")) {
        for (const logits of kinds) assert.ok(difference(found, logits) < 1e-5, `${difference(found, logits)}`);
      } else {
        // Where numbers are rounded on the way, the last bit of one decides about a whole step: the logits are
        // those of native multiply-adds that are all rounded twice, as here.
        const least = Math.min(...kinds.map((logits) => difference(found, logits)));
        assert.ok(least < 1e-5, `${least}`);
      }
      if (expected.plain) assert.ok(same(found, expected.plain), "bits");
    }
    classifier.close();
  });
}

test("names, shape, probabilities and the best classes", async () => {
  const [network] = networks;
  const classifier = await open(file(network.file));
  assert.deepEqual(classifier.classNames, network.classes);
  assert.equal(classifier.classes, network.classes.length);
  assert.deepEqual(classifier.inputShape, [1, 3, 48, 48]);
  const logits = classifier.classify(photograph.data, 97, 61);
  const probabilities = classifier.probabilities(logits);
  assert.ok(Math.abs(probabilities.reduce((sum, value) => sum + value) - 1) < 1e-5);
  const best = classifier.best(logits, 2);
  assert.equal(best.length, 2);
  assert.equal(logits[best[0].index], Math.max(...logits));
  assert.equal(best[0].name, network.classes[best[0].index]);
  assert.ok(best[0].probability >= best[1].probability);
});
