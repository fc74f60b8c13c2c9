"use strict";
// Draws what the page's own data says: no other file, no network.

const run = JSON.parse(document.getElementById("run").textContent);
// Not every page is about all of them.
run.candidates ||= [];
run.generations ||= [];
run.parts ||= [];
run.pictures ||= [];
const root = document.documentElement;
const find = (id) => document.getElementById(id);

window.addEventListener("error", (event) => {
  root.dataset.error = event.message;
  const words = document.createElement("p");
  words.className = "failed";
  words.textContent = `This page's drawings failed: ${event.message}. The tables below are complete.`;
  document.querySelector("header").append(words);
});

// ---------------------------------------------------------------- elements

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function html(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const write = (x, y, words, attributes = {}) =>
  svg("text", { x, y, "font-size": 12, ...attributes }, String(words));

/** Draws now and whenever the place gets another width. */
function fitted(place, draw) {
  let drawn = 0;
  const redraw = () => {
    const width = Math.floor(place.clientWidth);
    if (width > 0 && width !== drawn) draw((drawn = width));
  };
  redraw();
  // In the next frame: a drawing may change the page's height, and that its width again.
  new ResizeObserver(() => requestAnimationFrame(redraw)).observe(place);
}

// ---------------------------------------------------------------- numbers

function show(metric, value, unit = true) {
  if (value === null || value === undefined) return "not measured";
  const scaled = value * metric.factor;
  const size = Math.abs(scaled);
  const decimals = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 || metric.unit === "%" ? 2 : 3;
  return scaled.toFixed(decimals) + (unit && metric.unit ? ` ${metric.unit}` : "");
}

function millions(count) {
  if (count >= 1e6) return `${(count / 1e6).toFixed(count >= 1e7 ? 1 : 2)} M`;
  return count >= 1e3 ? `${Math.round(count / 1e3)} k` : String(count);
}

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });

/** A linear scale with round ticks, about `spacing` pixels apart. */
function scale(values, from, to, spacing = 60, margin = 0.06) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (!values.length) [low, high] = [0, 1];
  const pad = (high - low) * margin || Math.abs(high) * 0.1 || 1;
  [low, high] = [low - pad, high + pad];
  const rough = (high - low) / Math.max(2, Math.abs(to - from) / spacing);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = [];
  for (let n = Math.ceil(low / step); n * step <= high; n++) ticks.push(n * step);
  const at = (value) => from + ((value - low) / (high - low)) * (to - from);
  const text = (value) => (high >= 1e4 ? compact.format(value) : value.toFixed(decimals));
  return { at, ticks, text };
}

/** A logarithmic scale for positive values. */
function logScale(values, from, to) {
  let [low, high] = [Math.min(...values), Math.max(...values)].map(Math.log10);
  const pad = (high - low) * 0.06 || 0.1;
  [low, high] = [low - pad, high + pad];
  const decade = Math.abs(to - from) / (high - low);
  const factors = decade > 200 ? [1, 2, 5] : [1];
  const ticks = [];
  for (let power = Math.floor(low); power <= high; power++) {
    ticks.push(...factors.map((factor) => factor * 10 ** power));
  }
  const at = (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from);
  const inside = ticks.filter((tick) => Math.log10(tick) >= low && Math.log10(tick) <= high);
  return { at, ticks: inside, text: (value) => (value < 1e4 ? String(Number(value.toPrecision(1))) : compact.format(value)) };
}

/** Writes names beside their dots, where they hide the least of other dots and names, and stay within `box`. */
function writeNames(picture, dots, box) {
  const both = (a, b) => Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left))
    * Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
  const names = [];
  for (const dot of dots) {
    const { x, y } = dot;
    // The whole name is in the table.
    const name = dot.name.length > 24 ? `${dot.name.slice(0, 23)}…` : dot.name;
    const wide = name.length * 6.5;
    const before = { start: 0, middle: wide / 2, end: wide };
    const sides = [[9, 4, "start"], [-9, 4, "end"], [0, -10, "middle"], [0, 19, "middle"],
      [9, -10, "start"], [9, 19, "start"], [-9, -10, "end"], [-9, 19, "end"]];
    const places = sides.map(([dx, dy, anchor]) => {
      const left = x + dx - before[anchor];
      return { at: [x + dx, y + dy], anchor, left, right: left + wide, top: y + dy - 10, bottom: y + dy + 3 };
    });
    // Beside another dot it would seem to be that one's.
    const near = dots.filter((it) => it !== dot).map((it) => (
      { left: it.x - 12, right: it.x + 12, top: it.y - 12, bottom: it.y + 12 }));
    const hidden = (it) => [...names, ...near].reduce((sum, other) => sum + both(it, other), wide * 13 - both(it, box));
    const place = places.reduce((best, it) => (hidden(it) < hidden(best) ? it : best));
    names.push(place);
    picture.append(write(...place.at, name, { "text-anchor": place.anchor, class: "halo", style: "fill:var(--blue)" }));
  }
}

/** Axes around a plot; returns the picture. */
function axes(width, height, box, x, y, xLabel, yLabel) {
  const picture = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  for (const tick of y.ticks) {
    const at = y.at(tick);
    picture.append(
      svg("line", { x1: box.left, x2: box.right, y1: at, y2: at, stroke: "var(--grid)" }),
      write(box.left - 8, at + 4, y.text(tick), { "text-anchor": "end", class: "muted" }));
  }
  for (const tick of x.ticks) {
    picture.append(
      svg("line", { x1: x.at(tick), x2: x.at(tick), y1: box.bottom, y2: box.bottom + 4, stroke: "var(--muted)" }),
      write(x.at(tick), box.bottom + 18, x.text(tick), { "text-anchor": "middle", class: "muted" }));
  }
  picture.append(
    svg("line", { x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom, stroke: "var(--muted)" }),
    write(box.right, box.bottom + 36, xLabel, { "text-anchor": "end", "font-size": 13 }),
    write(box.left, box.top - 12, yLabel, { "text-anchor": "start", "font-size": 13 }));
  return picture;
}

// ---------------------------------------------------------------- networks

/** The parts of a network, which names them by their places among all. */
const partsOf = (network) => network.parts.map((index) => run.parts[index]);

/** What people call a part. */
const nameOf = (part) => (part.skip ? "skip" : part.layer ? part.label : part.name);

/** What a part does, in words. */
function wordsOf(part) {
  if (part.skip) return "identity";
  if (part.inside) {
    const words = [`${part.input} → ${part.inside} → ${part.output}`];
    if (part.squeeze_excite) words.push("SE");
    if (part.shortcut) words.push("shortcut");
    return words.join(", ");
  }
  if (part.layer && part.linear) return `linear ${part.kernel}×${part.kernel}`;
  return part.activation ? `${part.label}, ${part.activation}` : part.label;
}

const kernelInk = (part) =>
  part.linear ? "var(--linear)" : `var(--k${Math.min(7, Math.max(3, part.kernel || 3))})`;

/** The widest and the costliest part of all networks: one scale for all drawings. */
const largest = { channels: 1, mult_adds: 1 };
for (const part of run.parts) {
  largest.channels = Math.max(largest.channels, part.input, part.output, part.inside || 0);
  largest.mult_adds = Math.max(largest.mult_adds, part.mult_adds);
}

/** A network from top to bottom: as wide as its channels, coloured by its kernels. */
function drawNetwork(place, network) {
  const parts = partsOf(network);
  place.dataset.layers = parts.filter((part) => part.layer).length;
  fitted(place, (width) => {
    const row = 40;
    const narrow = width < 430;
    const column = narrow ? width * 0.27 : Math.min(200, width * 0.34);
    const middle = column / 2 + 16;
    const half = (channels) => Math.max(1.5, (Math.sqrt(channels / largest.channels) * column) / 2);
    const words = column + 38;
    const bar = narrow ? 0 : Math.min(110, width * 0.16);
    const picture = svg("svg", {
      width, height: parts.length * row + 24, viewBox: `0 0 ${width} ${parts.length * row + 24}`,
      role: "img", "aria-label": parts.map((part) => `${nameOf(part)} ${part.output}@${part.size}`).join(", "),
    });
    picture.append(
      write(words, 12, narrow ? "part, output" : "part, output, channels inside", { class: "muted", "font-size": 11 }),
      write(width, 12, "mult-adds", { class: "muted", "font-size": 11, "text-anchor": "end" }));
    let size = null;
    for (const [index, part] of parts.entries()) {
      const [top, low] = [index * row + 24, (index + 1) * row + 19];
      const centre = (top + low) / 2;
      if (part.size !== size) {
        picture.append(
          svg("line", { x1: 0, x2: width, y1: top - 2.5, y2: top - 2.5, stroke: "var(--grid)" }));
        size = part.size;
      }
      if (part.skip) {
        for (const x of [middle - half(part.input), middle + half(part.input)]) {
          picture.append(svg("line", { x1: x, x2: x, y1: top, y2: low, stroke: "var(--muted)", "stroke-dasharray": "3 3" }));
        }
      } else {
        const [a, b, c] = [half(part.input), half(part.inside || part.output), half(part.output)];
        const points = part.inside
          ? [[-a, top], [-b, centre - 7], [-b, centre + 7], [-c, low], [c, low], [b, centre + 7], [b, centre - 7], [a, top]]
          : [[-a, top], [-c, low], [c, low], [a, top]];
        picture.append(svg("polygon", {
          points: points.map(([x, y]) => `${middle + x},${y}`).join(" "), fill: kernelInk(part), "stroke-linejoin": "round",
        }));
        if (part.layer && !part.linear) {
          picture.append(write(middle, centre + 4, `${part.kernel}×${part.kernel}`, {
            "text-anchor": "middle", "font-size": 11, style: part.kernel >= 7 ? "fill:var(--on-k7)" : "",
          }));
        }
        if (part.squeeze_excite) {
          picture.append(svg("circle", { cx: middle + b, cy: centre, r: 5, fill: "var(--paper)", stroke: "var(--blue)", "stroke-width": 2.5 }));
        }
        if (part.shortcut) {
          // A cubic curve comes three quarters of the way to its control points.
          const x = middle - half(part.input) - 3;
          const out = x - ((x - (middle - b - 7)) * 4) / 3;
          picture.append(svg("path", {
            d: `M${x},${top}C${out},${top + 6} ${out},${low - 6} ${x},${low}`,
            fill: "none", stroke: "var(--muted)", "stroke-width": 1.5,
          }));
        }
      }
      const label = part.layer ? `${part.layer}  ${nameOf(part)}` : nameOf(part);
      const shape = `${part.output} × ${part.size}²${part.stride > 1 ? `, stride ${part.stride}` : ""}`;
      // Beside a long name there is no room left.
      const [beside, below] = label.length > 15 ? ["", `${shape}, ${wordsOf(part)}`] : [shape, wordsOf(part)];
      picture.append(
        svg("text", { x: words, y: centre - 3, "font-size": 13, "xml:space": "preserve" },
          svg("tspan", { "font-weight": 600 }, label), svg("tspan", { dx: 8, class: "muted", "font-size": 12 }, beside)),
        write(words, centre + 13, below, { class: "muted" }),
        svg("rect", { x: width - bar, y: centre + 3, width: bar, height: 4, rx: 2, fill: "var(--grid)" }),
        svg("rect", { x: width - bar, y: centre + 3, width: (bar * part.mult_adds) / largest.mult_adds, height: 4, rx: 2, fill: "var(--scarlet)" }),
        write(width, centre - 3, millions(part.mult_adds), { "text-anchor": "end", class: "muted" }));
    }
    place.replaceChildren(picture);
  });
}

function describe(candidate) {
  const values = run.metrics.map((metric, index) => `${metric.label} ${show(metric, candidate.values[index])}`);
  return `${candidate.genome}: ${values.join(", ")}`;
}

function pin(candidate) {
  root.dataset.pinned = candidate.genome;
  const place = find("pinned-network");
  const title = candidate.chosen ? `${candidate.genome} (chosen)` : candidate.genome;
  find("pinned-title").textContent = `Pinned: ${title}`;
  find("pinned-words").textContent = describe(candidate).slice(candidate.genome.length + 2);
  const fresh = html("div", { id: "pinned-network", class: "chart" });
  place.replaceWith(fresh);
  drawNetwork(fresh, candidate);
  for (const mark of document.querySelectorAll("[data-genome]")) {
    mark.toggleAttribute("data-pinned", mark.dataset.genome === candidate.genome);
  }
}

// ---------------------------------------------------------------- the front

function drawFront() {
  const place = find("front");
  if (!place) return;
  const select = find("front-cost");
  const tip = html("div", { class: "tip", role: "status", hidden: "" });
  for (const [index, metric] of run.metrics.entries()) {
    if (index !== run.quality) select.append(html("option", { value: index }, metric.label));
  }
  select.value = run.cost;
  // Off where their accuracy is of other data than the run's.
  const toggle = find("front-published");
  if (toggle) toggle.checked = run.references.every((it) => it.comparable);
  let current = null;
  let width = 0;

  const draw = () => {
    const cost = Number(select.value);
    const [xMetric, yMetric] = [run.metrics[cost], run.metrics[run.quality]];
    const measured = (it) => it.values.length && it.values[cost] !== null && it.values[run.quality] !== null;
    const spots = run.candidates.filter(measured).map((candidate) => ({
      candidate, x: candidate.values[cost] * xMetric.factor, y: candidate.values[run.quality] * yMetric.factor,
    }));
    spots.sort((a, b) => a.x - b.x);
    const budget = run.budgets[cost] === null ? null : run.budgets[cost] * xMetric.factor;
    const priced = run.references.filter((it) => it[xMetric.name]);
    const others = !toggle || !toggle.checked ? [] : priced.map((it) => (
      { name: it.name, x: it[xMetric.name] * xMetric.factor, y: it.accuracy * yMetric.factor }));
    if (toggle) {
      toggle.disabled = !priced.length;
      find("front-published-note").hidden = !others.length;
    }
    const height = Math.round(Math.min(520, Math.max(320, width * 0.5)));
    const box = { left: 46, right: width - 14, top: 34, bottom: height - 46 };
    const near = budget === null ? [] : [budget];
    const costs = [...spots.map((it) => it.x), ...others.map((it) => it.x), ...near];
    // Networks for photographs cost a hundred times what those for small images do.
    const far = others.length && Math.min(...costs) > 0 && Math.max(...costs) > 20 * Math.min(...costs);
    const x = far ? logScale(costs, box.left, box.right) : scale(costs, box.left, box.right, 80);
    // With room for a word above the best.
    const y = scale([...spots, ...others].map((it) => it.y), box.bottom, box.top, 48, 0.1);
    const picture = axes(width, height, box, x, y, xMetric.heading + (far ? ", logarithmic" : ""), yMetric.heading);
    picture.setAttribute("class", "plot");
    picture.setAttribute("tabindex", "0");
    picture.setAttribute("role", "application");
    picture.setAttribute("aria-label", `${yMetric.label} over ${xMetric.label} of ${spots.length} networks; arrow keys move along the front, with shift along all networks, Enter pins one`);

    if (budget !== null) {
      const words = `budget ${show(xMetric, budget / xMetric.factor)}`;
      const isLeft = x.at(budget) > box.left + words.length * 6.5;
      picture.append(
        svg("line", { x1: x.at(budget), x2: x.at(budget), y1: box.top, y2: box.bottom, stroke: "var(--muted)", "stroke-dasharray": "5 4" }),
        write(x.at(budget) + (isLeft ? -6 : 6), box.bottom - 10, words, { "text-anchor": isLeft ? "end" : "start", class: "muted halo" }));
    }
    const front = spots.filter((it) => it.candidate.front);
    let best = -Infinity;
    let path = "";
    for (const spot of front) {
      if (spot.y <= best) continue;
      path += path ? `H${x.at(spot.x)}V${y.at(spot.y)}` : `M${x.at(spot.x)},${y.at(spot.y)}`;
      best = spot.y;
    }
    const dots = svg("g");
    for (const spot of spots.filter((it) => !it.candidate.front)) {
      dots.append(svg("circle", { cx: x.at(spot.x), cy: y.at(spot.y), r: 3, fill: "var(--dot)", "fill-opacity": spot.candidate.feasible ? 0.55 : 0.25 }));
    }
    picture.append(dots, svg("path", { d: path, fill: "none", stroke: "var(--scarlet)", "stroke-width": 2, "stroke-linejoin": "round" }));
    for (const spot of front) {
      dots.append(svg("circle", { cx: x.at(spot.x), cy: y.at(spot.y), r: 4.5, fill: "var(--scarlet)" }));
    }
    const published = others.map((it) => ({ name: it.name, x: x.at(it.x), y: y.at(it.y) }));
    for (const it of published) {
      picture.append(svg("circle", { class: "published", cx: it.x, cy: it.y, r: 4.5, fill: "none", stroke: "var(--blue)", "stroke-width": 2 }));
    }
    writeNames(picture, published, box);
    const chosen = spots.find((it) => it.candidate.chosen);
    if (chosen) {
      const at = x.at(chosen.x);
      const anchor = at < box.left + 60 ? "start" : at > box.right - 60 ? "end" : "middle";
      picture.append(
        svg("circle", { cx: at, cy: y.at(chosen.y), r: 9, fill: "none", stroke: "var(--text)", "stroke-width": 2 }),
        write(at, y.at(chosen.y) - 16, "chosen", { "text-anchor": anchor, class: "halo", "font-weight": 600 }));
    }
    const cursor = svg("circle", { r: 7, fill: "none", stroke: "var(--blue)", "stroke-width": 2.5, visibility: "hidden" });
    picture.append(cursor);

    const showSpot = (spot) => {
      current = spot.candidate;
      root.dataset.named = current.genome;
      cursor.setAttribute("cx", x.at(spot.x));
      cursor.setAttribute("cy", y.at(spot.y));
      cursor.setAttribute("visibility", "visible");
      const rows = run.metrics.map((metric, index) =>
        html("div", {}, `${metric.label} `, html("b", {}, show(metric, current.values[index]))));
      tip.replaceChildren(
        html("b", {}, current.genome, current.chosen ? " · chosen" : current.front ? " · on the front" : ""),
        ...rows, html("div", {}, `generation ${current.generation}`), html("div", { class: "mono" }, current.layers));
      tip.hidden = false;
      const left = Math.min(Math.max(0, x.at(spot.x) + 14), width - tip.offsetWidth);
      const above = y.at(spot.y) - tip.offsetHeight - 14;
      tip.style.left = `${left}px`;
      tip.style.top = `${above > -40 ? above : y.at(spot.y) + 18}px`;
    };
    const hide = () => {
      tip.hidden = true;
      cursor.setAttribute("visibility", "hidden");
    };
    const nearest = (event) => {
      const frame = picture.getBoundingClientRect();
      const [px, py] = [event.clientX - frame.left, event.clientY - frame.top];
      let [found, least] = [null, 28];
      for (const spot of spots) {
        // A little in favour of the front, whose dots are what people aim for.
        const distance = Math.hypot(x.at(spot.x) - px, y.at(spot.y) - py) - (spot.candidate.front ? 3 : 0);
        if (distance < least) [found, least] = [spot, distance];
      }
      return found;
    };
    picture.addEventListener("pointermove", (event) => {
      const spot = nearest(event);
      if (spot) showSpot(spot); else hide();
    });
    picture.addEventListener("pointerleave", hide);
    picture.addEventListener("blur", hide);
    picture.addEventListener("click", (event) => {
      const spot = nearest(event);
      if (spot) { showSpot(spot); pin(spot.candidate); }
    });
    picture.addEventListener("focus", () => {
      if (!picture.matches(":focus-visible")) return;
      const start = spots.find((it) => it.candidate === current) || chosen || front[0] || spots[0];
      if (start) showSpot(start);
    });
    picture.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (step) {
        event.preventDefault();
        const all = event.shiftKey || !front.length ? spots : front;
        const at = all.findIndex((it) => it.candidate === current);
        const next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
        if (next) showSpot(next);
      } else if ((event.key === "Enter" || event.key === " ") && current) {
        event.preventDefault();
        pin(current);
      } else if (event.key === "Escape") {
        hide();
      }
    });
    root.dataset.points = dots.childElementCount;
    place.replaceChildren(picture, tip);
    tip.hidden = true;
  };
  select.addEventListener("change", draw);
  if (toggle) toggle.addEventListener("change", draw);
  fitted(place, (available) => { width = available; draw(); });
}

// ---------------------------------------------------------------- choices of the front

function drawChoices() {
  const place = find("choices");
  const front = run.candidates.filter((it) => it.front).sort((a, b) => a.values[run.cost] - b.values[run.cost]);
  if (!place || !front.length) return;
  const [cost, quality] = [run.metrics[run.cost], run.metrics[run.quality]];
  const layers = partsOf(front[0]).filter((it) => it.layer).length;
  fitted(place, (width) => {
    const [left, right] = [56, 62];
    const cell = Math.min(72, (width - left - right) / layers);
    const row = Math.max(20, Math.min(30, cell));
    const top = 24;
    const height = top + front.length * (row + 3) + 4;
    const full = left + cell * layers + right;
    const picture = svg("svg", { width: full, height, viewBox: `0 0 ${full} ${height}` });
    picture.append(
      write(left - 8, 13, quality.unit || quality.label, { "text-anchor": "end", class: "muted", "font-size": 11 }),
      write(full, 13, cost.label, { "text-anchor": "end", class: "muted", "font-size": 11 }));
    for (let layer = 0; layer < layers; layer++) {
      picture.append(write(left + (layer + 0.5) * cell, 13, layer + 1, { "text-anchor": "middle", class: "muted", "font-size": 11 }));
    }
    for (const [index, candidate] of front.entries()) {
      const y = top + index * (row + 3);
      const line = svg("g", { class: "row-button", tabindex: 0, role: "button", "aria-label": `pin ${describe(candidate)}` });
      line.append(
        svg("rect", { class: "row", x: 0, y: y - 1, width: full, height: row + 2, rx: 4, fill: "transparent" }),
        write(left - 8, y + row / 2 + 4, show(quality, candidate.values[run.quality], false),
          { "text-anchor": "end", "font-weight": candidate.chosen ? 700 : 400, style: candidate.chosen ? "fill:var(--scarlet)" : "" }),
        write(full, y + row / 2 + 4, show(cost, candidate.values[run.cost]), { "text-anchor": "end", class: "muted" }));
      for (const part of partsOf(candidate).filter((it) => it.layer)) {
        const x = left + (part.layer - 1) * cell + 1.5;
        const group = svg("g", {}, svg("title", {}, `layer ${part.layer}: ${nameOf(part)}, ${wordsOf(part)}`));
        if (part.skip) {
          group.append(svg("line", { x1: x + 3, x2: x + cell - 6, y1: y + row / 2, y2: y + row / 2, stroke: "var(--muted)", "stroke-width": 1.5 }));
        } else {
          const share = part.inside ? Math.min(1, part.inside / (6 * part.input)) : 0.25;
          const size = Math.max(5, row * share);
          group.append(svg("rect", { x, y: y + row - size, width: cell - 3, height: size, rx: 2.5, fill: kernelInk(part) }));
          if (part.squeeze_excite) {
            group.append(svg("circle", { cx: x + cell / 2 - 1.5, cy: y + row - size / 2, r: Math.min(3.4, cell / 5), fill: "var(--paper)", stroke: "var(--blue)", "stroke-width": 2 }));
          }
        }
        line.append(group);
      }
      line.addEventListener("click", () => pin(candidate));
      line.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); pin(candidate); }
      });
      picture.append(line);
    }
    root.dataset.rows = front.length;
    place.replaceChildren(picture);
  });
}

// ---------------------------------------------------------------- lines

/** A line chart that reads out the values under the pointer. */
function drawLines(place, { x: xLabel, y: yLabel, series, digits = 3 }) {
  const shown = series.filter((it) => it.points.length);
  if (!shown.length) return;
  const readout = html("div", { class: "toolbar" });
  const canvas = html("div", { class: "chart" });
  place.append(readout, canvas);
  const tell = (at) => {
    const keys = shown.map((it) => {
      const point = at === null ? it.points[it.points.length - 1] : it.points.find(([x]) => x === at);
      const value = point ? (digits === null ? compact.format(point[1]) : point[1].toFixed(digits)) : "";
      return html("span", { class: "key" }, html("i", { style: `background:${it.ink}` }), `${it.name} `, html("b", {}, value));
    });
    readout.replaceChildren(...keys, html("span", { class: "key" }, at === null ? "" : `${xLabel} ${at}`));
  };
  tell(null);
  fitted(canvas, (width) => {
    const height = Math.round(Math.min(260, Math.max(190, width * 0.5)));
    const box = { left: 50, right: width - 8, top: 28, bottom: height - 42 };
    const points = shown.flatMap((it) => it.points);
    const x = scale(points.map((it) => it[0]), box.left, box.right, 64, 0.01);
    x.ticks = x.ticks.filter(Number.isInteger);
    x.text = String;
    const y = scale(points.map((it) => it[1]), box.bottom, box.top, 40);
    const picture = axes(width, height, box, x, y, xLabel, yLabel);
    for (const it of shown) {
      picture.append(svg("polyline", {
        points: it.points.map(([a, b]) => `${x.at(a)},${y.at(b)}`).join(" "), fill: "none", stroke: it.ink,
        "stroke-width": 2, "stroke-linejoin": "round", "stroke-dasharray": it.dash || "none",
      }));
      if (it.points.length <= 40) {
        for (const [a, b] of it.points) picture.append(svg("circle", { cx: x.at(a), cy: y.at(b), r: 2.5, fill: it.ink }));
      }
    }
    const line = svg("line", { y1: box.top, y2: box.bottom, stroke: "var(--muted)", visibility: "hidden" });
    picture.append(line);
    picture.addEventListener("pointermove", (event) => {
      const px = event.clientX - picture.getBoundingClientRect().left;
      const nearest = points.reduce((a, b) => (Math.abs(x.at(b[0]) - px) < Math.abs(x.at(a[0]) - px) ? b : a));
      line.setAttribute("x1", x.at(nearest[0]));
      line.setAttribute("x2", x.at(nearest[0]));
      line.setAttribute("visibility", "visible");
      tell(nearest[0]);
    });
    picture.addEventListener("pointerleave", () => { line.setAttribute("visibility", "hidden"); tell(null); });
    canvas.replaceChildren(picture);
  });
}

function drawProgress() {
  const place = find("progress");
  if (!place) return;
  const points = (key) => run.generations.map((it) => [it.evaluations, it[key]]);
  drawLines(place.appendChild(html("div")), {
    x: "networks evaluated", y: "Hypervolume", digits: null,
    series: [{ name: "hypervolume", ink: "var(--scarlet)", points: points("hypervolume") }],
  });
  drawLines(place.appendChild(html("div")), {
    x: "networks evaluated", y: "Networks", digits: 0,
    series: [
      { name: "on the front", ink: "var(--scarlet)", points: points("front") },
      { name: "within the bounds", ink: "var(--dot)", points: points("feasible") },
    ],
  });
}

function drawTraining() {
  const place = find("training");
  if (!place) return;
  for (const curve of run.training) {
    const points = (key, factor = 1) =>
      curve.epochs.filter((it) => it[key] !== null).map((it) => [it.epoch, it[key] * factor]);
    const card = html("div", {}, html("h3", {}, curve.stage));
    place.append(card);
    drawLines(card.appendChild(html("div")), {
      x: "epoch", y: "Accuracy (%)", digits: 2,
      series: [
        { name: "training", ink: "var(--dot)", points: points("accuracy", 100) },
        { name: "validation", ink: "var(--scarlet)", points: points("validation_accuracy", 100) },
      ],
    });
    drawLines(card.appendChild(html("div")), {
      x: "epoch", y: "Loss", series: [{ name: "loss", ink: "var(--blue)", points: points("loss") }],
    });
    drawLines(card.appendChild(html("div")), {
      x: "epoch", y: "Learning rate", digits: 5,
      series: [{ name: "learning rate", ink: "var(--muted)", points: points("learning_rate") }],
    });
  }
}

// ---------------------------------------------------------------- all of it

for (const element of document.querySelectorAll("[data-needs-script]")) element.hidden = false;
if (find("chosen-network")) drawNetwork(find("chosen-network"), run.chosen);
drawFront();
drawChoices();
drawProgress();
drawTraining();
drawConfusion();
const first = run.candidates.find((it) => it.chosen) || run.candidates.find((it) => it.front);
if (find("pinned-network")) {
  // The chosen network is drawn beside it, so another of the front makes the better start.
  const other = run.candidates.filter((it) => it.front && !it.chosen)
    .sort((a, b) => a.values[run.cost] - b.values[run.cost])[0];
  const start = other || first;
  if (start) pin(start);
}
root.dataset.drawn = "true";
