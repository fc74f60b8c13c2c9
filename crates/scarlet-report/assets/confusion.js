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
          x: margin + column * cell, y: margin + row * cell, width: cell - 1.5, height: cell - 1.5, rx: 2,
          class: "square", "data-count": count,
          fill: share === 0 ? "var(--grid)" : row === column ? "var(--blue)" : "var(--scarlet)",
          // Rare mistakes are what one looks for, so that even one is well in sight.
          "fill-opacity": share === 0 ? 0.45 : 0.25 + 0.75 * share,
        }, svg("title", {}, `${it.name}, ${row === column ? "right" : `taken for ${classes[column].name}`}: ${count}`));
        square.addEventListener("pointerenter", () => tell(row, column));
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
    root.dataset.squares = classes.length ** 2;
    canvas.replaceChildren(picture);
  });
}
