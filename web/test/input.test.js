import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "../index.js";
import { file, images, networks, photograph } from "./networks.js";

const bytes = file(networks[0].file);
const image = images.slice(0, images.length / 2);
const changed = (change) => {
  const copy = bytes.slice();
  change(copy);
  return copy;
};

test("what is no network is refused with the engine's reason", async () => {
  for (const [given, reason] of [
    [new Uint8Array(0), /deployed network|neither/],
    [new TextEncoder().encode("<!doctype html>"), /deployed network|neither/],
    [changed((copy) => (copy[8] = 99)), /format 99/],
    [changed((copy) => (copy[bytes.length - 3] ^= 1)), /damaged: its checksum is wrong/],
    [bytes.slice(0, bytes.length - 64), /get it again/],
  ]) {
    await assert.rejects(open(given), (error) => reason.test(error.message) || assert.fail(error.message));
  }
  await assert.rejects(open(17), TypeError);
  await assert.rejects(open(new URL("none.scarlet", import.meta.url)), /none\.scarlet/);
});

test("options that do not suit are refused", async () => {
  await assert.rejects(open(bytes, { batch: 0 }), /batch is 0/);
  await assert.rejects(open(bytes, { batch: 1.5 }), RangeError);
  await assert.rejects(open(bytes, { height: 64 }), /width/);
  // More memory than there can be.
  await assert.rejects(open(bytes, { height: 200000, width: 200000 }), /smaller|large|memory/);
  await assert.rejects(open(bytes, { batch: 1 << 20, height: 512, width: 512 }), /memory/);
});

test("images that do not fit are refused, and the network goes on", async () => {
  const classifier = await open(bytes);
  const before = classifier.run(image);
  assert.throws(() => classifier.run(image.subarray(1)), /give 1 to 1 images/);
  assert.throws(() => classifier.run(new Float32Array(0)), /give 1 to 1 images/);
  assert.throws(() => classifier.run(images), /give 1 to 1 images/);
  assert.throws(() => classifier.run([...image]), TypeError);
  assert.throws(() => classifier.classify(photograph.data, 61, 96), /17568 bytes, not 17751/);
  assert.throws(() => classifier.classify(photograph.data), /width is missing/);
  assert.throws(() => classifier.classify(new Uint8Array(0), 0, 0), /width is 0/);
  assert.throws(() => classifier.classify("photograph"), TypeError);
  assert.throws(() => classifier.probabilities(new Float32Array(3)), /11 classes, not 3/);
  assert.deepEqual(classifier.run(image), before);
});

test("results stay when the memory grows, and belong to the caller", async () => {
  const classifier = await open(bytes);
  const first = classifier.run(image);
  const copy = first.slice();
  const width = 4000;
  classifier.classify(new Uint8Array(width * width * 3).fill(90), width, width);
  assert.deepEqual(first, copy);
  first.fill(0);
  assert.deepEqual(classifier.run(image), copy);
});

test("larger and oblong images are planned for", async () => {
  const classifier = await open(bytes, { height: 96, width: 160 });
  assert.deepEqual(classifier.inputShape, [1, 3, 96, 160]);
  assert.equal(classifier.run(new Float32Array(3 * 96 * 160)).length, 11);
  assert.throws(() => classifier.classify(photograph.data, 97, 61), /square/);
});

test("a closed network says so, and closing again does nothing", async () => {
  const classifier = await open(bytes);
  const other = await open(bytes);
  classifier.close();
  classifier.close();
  assert.throws(() => classifier.run(image), /closed/);
  assert.throws(() => classifier.classify(photograph.data, 97, 61), /closed/);
  assert.equal(classifier.classes, 11);
  assert.equal(other.run(image).length, 11);
});

test("a network is read wherever it is", async () => {
  const expected = (await open(bytes)).run(image);
  for (const source of [bytes.buffer, new Blob([bytes]), new DataView(bytes.buffer)]) {
    assert.deepEqual((await open(source)).run(image), expected);
  }
});
