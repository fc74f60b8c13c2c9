// ---------------------------------------------------------------- what a network confuses

/** A square for each class and answer: the darker, the more of the class's images got that answer. */
function drawConfusion() {
  const place = find("confusion");
  if (!place || !run.mistakes) return;
  const { classes, confused } = run.mistakes;
  const counts = classes.map((it, index) => classes.map((_, column) => (column === index ? it.right : 0)));
  for (const it of confused) counts[it.class][it.taken_for] = it.images;
  const readout = html("div", { class: "toolbar" });
  const canvas = html("div", { class: "chart" });
  place.append(readout, canvas);
  const tell = (row, column) => {
    if (row === null) { readout.textContent = "Point at a square to read it."; return; }
    const [of, images] = [counts[row][column], classes[row].images];
    const answer = row === column ? "right" : `taken for ${classes[column].name}`;
    readout.textContent = `${classes[row].name}: ${of} of ${images} ${answer}`;
  };
  tell(null);
  const cell = find("cell");
  const show = (row, column) => {
    if (!cell) return;
    for (const square of canvas.querySelectorAll(".square")) {
      const isChosen = Number(square.dataset.row) === row && Number(square.dataset.column) === column;
      square.setAttribute("aria-pressed", isChosen);
    }
    cell.replaceChildren(...cellImages(row, column, counts[row][column]));
  };
  let chosen = null;
  const choose = (row, column) => {
    const square = (of) => canvas.querySelector(`[data-row="${of[0]}"][data-column="${of[1]}"]`);
    square(chosen || [0, 0]).setAttribute("tabindex", -1);
    chosen = [row, column];
    square(chosen).setAttribute("tabindex", 0);
    square(chosen).focus();
    show(row, column);
  };
  const short = (name, most) => (name.length > most ? `${name.slice(0, most - 1)}…` : name);
  fitted(canvas, (width) => {
    const most = width < 500 ? 10 : 22;
    const letters = Math.max(...classes.map((it) => Math.min(most, it.name.length)));
    const margin = letters * 7 + 14;
    const cell = Math.max(9, Math.min(44, (width - margin - 2) / classes.length));
    const full = Math.max(margin + cell * classes.length + 2, 60);
    const picture = svg("svg", { width: full, height: full, viewBox: `0 0 ${full} ${full}` });
    for (const [row, it] of classes.entries()) {
      const middle = margin + (row + 0.5) * cell + 4;
      // Of many classes every name would hide the next.
      if (cell >= 11) {
        picture.append(
          write(margin - 8, middle, short(it.name, most), { "text-anchor": "end" }),
          write(0, 0, short(it.name, most), { class: "muted", transform: `translate(${middle},${margin - 8}) rotate(-90)` }));
      }
      for (const column of classes.keys()) {
        const count = counts[row][column];
        const share = it.images ? count / it.images : 0;
        const square = svg("rect", {
          role: "button", tabindex: (chosen || [0, 0]).join() === `${row},${column}` ? 0 : -1,
          "data-row": row, "data-column": column,
          "aria-label": `${it.name}, ${row === column ? "right" : `taken for ${classes[column].name}`}: ${count} of ${it.images}`,
          x: margin + column * cell, y: margin + row * cell, width: cell - 1.5, height: cell - 1.5, rx: 2,
          class: "square", "data-count": count,
          fill: share === 0 ? "var(--grid)" : row === column ? "var(--blue)" : "var(--scarlet)",
          // Rare mistakes are what one looks for, so that even one is well in sight.
          "fill-opacity": share === 0 ? 0.45 : 0.25 + 0.75 * share,
        }, svg("title", {}, `${it.name}, ${row === column ? "right" : `taken for ${classes[column].name}`}: ${count}`));
        square.addEventListener("pointerenter", () => tell(row, column));
        square.addEventListener("focus", () => tell(row, column));
        square.addEventListener("click", () => choose(row, column));
        picture.append(square);
        if (count && cell >= 20) {
          picture.append(write(margin + (column + 0.5) * cell - 0.75, middle - 0.5, count, {
            "text-anchor": "middle", "font-size": 11, "pointer-events": "none",
            style: share > 0.5 ? "fill:var(--paper)" : "",
          }));
        }
      }
    }
    picture.addEventListener("pointerleave", () => tell(null));
    // One square at a time is in the order of the tab key; arrows go from one to the next.
    picture.addEventListener("keydown", (event) => {
      const square = event.target.closest(".square");
      const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Enter: [0, 0], " ": [0, 0] };
      const step = steps[event.key];
      if (!square || !step) return;
      event.preventDefault();
      const within = (place) => Math.max(0, Math.min(classes.length - 1, place));
      choose(within(Number(square.dataset.row) + step[0]), within(Number(square.dataset.column) + step[1]));
    });
    root.dataset.squares = classes.length ** 2;
    canvas.replaceChildren(picture);
    if (chosen) show(...chosen);
  });
}

/** What there is to see of the images of one class that got one answer. */
function cellImages(row, column, count) {
  const { classes, images } = run.mistakes;
  const answer = row === column ? "right" : `taken for ${classes[column].name}`;
  const places = [...run.pictures.keys()].filter((place) =>
    run.pictures[place].class === row && run.pictures[place].answer === column);
  const shown = places.map((place) => {
    const { name, probability } = run.pictures[place];
    const copy = document.querySelector(`img[data-picture="${place}"]`).cloneNode();
    delete copy.dataset.picture;
    const words = html("figcaption", {}, `${(100 * probability).toFixed(1)} % sure`, html("br"),
      html("span", { class: "mono" }, name));
    return html("figure", {}, copy, words);
  });
  const known = new Set(places.map((place) => run.pictures[place].name));
  const others = images.filter((it) => it.class === row && it.taken_for === column && !known.has(it.name));
  const more = count - shown.length;
  const parts = [html("h3", {}, `${classes[row].name}, ${answer}: ${count} of ${classes[row].images} images`)];
  if (shown.length) parts.push(html("div", { class: "gallery" }, ...shown));
  if (more > 0) {
    const names = others.slice(0, 20).map((it) => it.name);
    const words = shown.length ? `${more} more` : `${more} that this page does not show`;
    parts.push(html("p", { class: "note" }, names.length ? `${words}: ${names.join(", ")}${names.length < more ? " …" : ""}` : words));
  }
  return parts;
}
