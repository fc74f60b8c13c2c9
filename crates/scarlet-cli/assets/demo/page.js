// Shows what a network says of photographs. `program` is who runs it: the one that serves this page, or
// the engine within it.

const find = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Names of files and classes, which may be written from right to left. */
const named = (text) => element("bdi", {}, text);
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const milliseconds = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
const counted = (count, one, many) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

function tell(text) {
  find("message").textContent = text;
  find("message").hidden = !text;
}

// ---------------------------------------------------------------- the network

/** The program cannot be reached. */
class Gone extends Error {}
/** It answered that it cannot. */
class Refused extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

let network = null;

async function introduce() {
  network = await program.introduce();
  const { model, int8, weights, resolution, classes } = network;
  document.title = `${model} – scarlet demo`;
  find("name").textContent = model;
  find("about").textContent =
    `Knows ${counted(classes.length, "class", "classes")}, sees ${resolution}×${resolution} pixels, and ` +
    `computes ${int8 ? "with eight bits " : ""}${program.place(network)}.`;
  const told = network.accuracies.map(({ share, interval, of, images }) => {
    const [low, high] = interval.map((bound) => (100 * bound).toFixed(1));
    const words = `Right about ${percent(share)} of ${images.toLocaleString("en")} ${of} (95 % interval ${low} to ${high} %)`;
    return element("li", {}, words);
  });
  if (network.trained_on) {
    const images = network.training_images;
    const many = images ? ` (${counted(images, "image", "images")})` : "";
    told.unshift(element("li", {}, "Trained on ", named(network.trained_on), many));
  }
  told.push(element("li", {}, "Weights: ", named(weights)));
  find("told").replaceChildren(...told);
  const list = find("classes");
  list.querySelector("summary").textContent =
    classes.length === 1 ? "Its class" : `Its ${classes.length.toLocaleString("en")} classes`;
  const names = classes.flatMap((name, place) => (place ? [", ", named(name)] : [named(name)]));
  list.querySelector("p").replaceChildren(...names);
  list.hidden = false;
}

// ---------------------------------------------------------------- photographs

/** At once: one is looked at while the next is on its way. */
const AT_ONCE = 2;

/** What is to be done, photographs first: `{ card, queue, work, fail }`. */
const photographs = [];
const places = [];
let underway = 0;
let gone = false;

function add(files) {
  tell("");
  const cards = files.map(({ name, blob }) => {
    const card = newCard(name);
    const work = async () => show(card, name, blob, await program.predict(name, blob));
    const fail = (problem) => refuse(card, name, problem);
    photographs.push({ card, queue: photographs, work, fail });
    return card;
  });
  // The latest on top.
  find("results").prepend(...cards);
  go();
}

function newCard(name) {
  const remove = element("button", { type: "button", class: "quiet", "aria-label": `Remove ${name}` }, "Remove");
  const card = element("article", { class: "working" }, element("header", {}, element("h2", {}, named(name)), remove));
  card.setAttribute("aria-label", name);
  remove.addEventListener("click", () => {
    const next = card.nextElementSibling ?? card.previousElementSibling;
    drop(card);
    // The keyboard is not to start anew.
    (next?.querySelector("header button") ?? find("files")).focus();
  });
  return card;
}

function drop(card) {
  for (const queue of [photographs, places]) {
    const kept = queue.filter((task) => task.card !== card);
    queue.splice(0, queue.length, ...kept);
  }
  card.remove();
  count();
}

function count() {
  const all = find("results").children.length;
  const done = find("results").querySelectorAll(".done, .refused").length;
  find("toolbar").hidden = all === 0;
  find("progress").textContent =
    (done === all ? "" : `${done} of `) + counted(all, "photograph", "photographs");
}

function go() {
  count();
  while (!gone && underway < AT_ONCE && photographs.length + places.length > 0) {
    underway += 1;
    perform(photographs.shift() ?? places.shift()).finally(() => {
      underway -= 1;
      go();
    });
  }
}

async function perform(task) {
  try {
    if (!network) await introduce();
    await task.work();
  } catch (problem) {
    if (problem instanceof Gone) {
      task.queue.unshift(task);
      lose();
    } else {
      task.fail(problem);
    }
  }
}

function show(card, name, blob, answer) {
  const { predictions, seen } = answer;
  const pictures = element("div", { class: "pictures" }, picture(seen, `${name} as the network sees it`, "What the network sees"));
  const answers = element("ol", { class: "answers", "aria-label": "Most probable classes" });
  answers.append(...predictions.map((prediction) => element("li", {}, ...answerOf(prediction))));
  card.append(pictures, answers, element("p", { class: "note" }, program.timing(answer)));
  card.className = "done";
  const [best] = predictions;
  find("said").textContent = `${name}: ${best.name}, ${percent(best.probability)}`;
  if (network.places) showPlaces(card, name, blob, answer);
}

function picture(seen, alt, caption) {
  const image = element("img", { src: seen, alt });
  image.addEventListener("load", () => image.classList.toggle("small", image.naturalWidth < 128));
  return element("figure", {}, element("div", { class: "seen" }, image), element("figcaption", { class: "note" }, caption));
}

function answerOf({ name, probability }) {
  const filled = element("i");
  filled.style.width = `${100 * probability}%`;
  return [
    element("span", { class: "name" }, named(name)),
    element("span", { class: "share" }, percent(probability)),
    element("span", { class: "bar", "aria-hidden": "true" }, filled),
  ];
}

function refuse(card, name, problem) {
  card.append(element("p", { class: "failed" }, `No answer: ${problem.message}`));
  card.className = "refused";
  find("said").textContent = `${name} has no answer: ${problem.message}`;
}

// ---------------------------------------------------------------- where the network looks

/** A second picture, on which the places are bright that speak for the class that is chosen. */
function showPlaces(card, name, blob, { predictions, seen }) {
  const figure = picture(seen, "", "");
  figure.classList.add("place");
  card.querySelector(".pictures").append(figure);
  const buttons = predictions.map((prediction) => {
    const button = element("button", { type: "button", class: "answer", "aria-pressed": "false" });
    button.append(...answerOf(prediction));
    button.addEventListener("click", () => choose(prediction, button));
    return button;
  });
  card.querySelectorAll("li").forEach((item, place) => item.replaceChildren(buttons[place]));
  const say = (...words) => figure.querySelector("figcaption").replaceChildren(...words);
  let chosen = null;
  function choose(prediction, button) {
    chosen = prediction.class;
    for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    say("Looking …");
    const work = async () => {
      const place = await program.look(name, blob, prediction.class);
      // Another may have been chosen since.
      if (chosen !== prediction.class) return;
      figure.querySelector("canvas")?.remove();
      figure.querySelector(".seen").append(shade(place));
      const where = brightest(place);
      say(where ? "Where it sees " : "Nothing here speaks for ", named(prediction.name));
      const alt = where ? `What speaks for ${prediction.name} is ${where}` : "";
      figure.querySelector("img").alt = alt;
    };
    const fail = (problem) => say(`Where it looks is not known: ${problem.message}`);
    places.push({ card, queue: places, work, fail });
    go();
  }
  choose(predictions[0], buttons[0]);
}

/** Dark where nothing speaks for the class. */
function shade({ width, height, values }) {
  const canvas = element("canvas", { width, height, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  values.forEach((value, place) => {
    pixels.data[4 * place + 3] = Math.round(210 * (1 - value));
  });
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/** Where a map's largest value is, in words; nothing if all are 0. */
function brightest({ width, height, values }) {
  const largest = Math.max(...values);
  if (largest <= 0) return null;
  const place = values.indexOf(largest);
  const third = (at, of) => Math.min(2, Math.floor((3 * (at + 0.5)) / of));
  const row = ["at the top", "", "at the bottom"][third(Math.floor(place / width), height)];
  const column = ["on the left", "", "on the right"][third(place % width, width)];
  return [row, column].filter(Boolean).join(" ") || "in the middle";
}

// ---------------------------------------------------------------- when the program is gone

function lose() {
  gone = true;
  find("gone").hidden = false;
}

find("again").addEventListener("click", async () => {
  try {
    await introduce();
  } catch (problem) {
    if (problem instanceof Gone) find("said").textContent = "The program still does not answer.";
    else tell(problem.message);
    return;
  }
  gone = false;
  find("gone").hidden = true;
  go();
});

find("formats").textContent = program.formats;
introduce().catch((problem) => {
  find("about").textContent = "";
  if (problem instanceof Gone) lose();
  else tell(problem.message);
});

// ---------------------------------------------------------------- where photographs come from

find("files").addEventListener("change", ({ target }) => {
  add([...target.files].map((file) => ({ name: file.name, blob: file })));
  // The same file may be chosen again.
  target.value = "";
});

const root = document.documentElement;
addEventListener("dragover", (event) => {
  event.preventDefault();
  root.classList.add("dropping");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) root.classList.remove("dropping");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  root.classList.remove("dropping");
  take(event.dataTransfer, "What was dropped is no file: save the picture first, then drop or choose it.");
});
addEventListener("paste", (event) => {
  take(event.clipboardData, "There is no picture in what was pasted.");
});

function take(data, otherwise) {
  const files = [...data.files].map((file) => ({ name: file.name, blob: file }));
  if (files.length > 0) add(files);
  else tell(otherwise);
}

find("clear").addEventListener("click", () => {
  photographs.length = places.length = 0;
  find("results").replaceChildren();
  count();
  find("files").focus();
});

// ---------------------------------------------------------------- camera

let stream = null;
let taken = 0;

find("camera-open").addEventListener("click", async () => {
  tell("");
  if (!navigator.mediaDevices) {
    tell("Browsers allow the camera on localhost and on encrypted pages only: open this page on the machine that serves it.");
    return;
  }
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (problem) {
    tell(`The camera cannot be used: ${problem.message}.`);
    return;
  }
  find("video").srcObject = stream;
  await find("video").play();
  find("camera").hidden = false;
  find("camera-open").hidden = true;
  find("camera-take").focus();
});

find("camera-take").addEventListener("click", () => {
  const video = find("video");
  const canvas = element("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => {
    if (blob) add([{ name: `camera ${(taken += 1)}`, blob }]);
  }, "image/png");
});

find("camera-close").addEventListener("click", () => {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  find("video").srcObject = null;
  find("camera").hidden = true;
  find("camera-open").hidden = false;
  find("camera-open").focus();
});
