/** Viridis in 18 steps, interpolated in between; the same list as ibcore.explorers.base. */
const PALETTE = (
  "440154 481769 472a7a 433d84 3d4e8a 355e8d 2e6d8e 297b8e 23898e " +
  "1f978b 21a585 2eb37c 46c06f 65cb5e 89d548 b0dd2f d8e219 fde725"
).split(" ");
const COLORS = (function () {
  const table = new Uint8ClampedArray(256 * 3);
  for (let i = 0; i < 256; i++) {
    const step = Math.min(Math.floor(i / 15), 16);
    const t = i / 15 - step;
    for (let c = 0; c < 3; c++) {
      const [from, to] = [step, step + 1].map((s) => parseInt(PALETTE[s].slice(2 * c, 2 * c + 2), 16));
      table[3 * i + c] = Math.round(from + t * (to - from));
    }
  }
  return table;
})();

/** The end of the color scale: white noise has about 0.54. */
const MAP_END = 0.55;

/** A color of the palette and the ink that can be read on it. */
function cellColors(value) {
  const at = 3 * Math.round(255 * Math.min(1, Math.max(0, value / MAP_END)));
  const [r, g, b] = COLORS.slice(at, at + 3);
  const linear = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  const luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  return { background: `rgb(${r},${g},${b})`, color: luminance > 0.18 ? "#000" : "#fff" };
}

/** Three significant digits, with a real minus sign. */
function short(value) {
  const text =
    Math.abs(value) >= 1e4 || (value !== 0 && Math.abs(value) < 1e-3)
      ? value.toExponential(1)
      : value.toPrecision(3);
  return text.replace("-", "\u2212");
}

const complexityText = (value) => (Number.isNaN(value) ? "constant: no complexity" : value.toFixed(3));

/** The palette between the smallest and the largest value. */
function colorLegend(low, high) {
  const gradient = `linear-gradient(90deg, ${PALETTE.map((color) => "#" + color).join(", ")})`;
  return div("ibx-legend", low, node("i", { style: `background:${gradient}` }), high);
}

/** A picture of f on the square, x1 to the right and x2 upward, normalized on its own. */
function picture(className, [first, last] = ["\u22121", "1"]) {
  const canvas = node("canvas", { role: "img", width: 1, height: 1 });
  const low = node("span");
  const high = node("span");
  const caption = node("figcaption", { class: "ibx-caption" });
  const axis = (name, extra) => {
    const ends = [first, name, last].map((text) => node("span", {}, text));
    return node("div", { class: "ibx-axis" + extra, "aria-hidden": "true" }, ...ends);
  };
  const element = node(
    "figure",
    { class: "ibx-picture " + className },
    div("ibx-square", axis("x\u2082", " ibx-up"), canvas, axis("x\u2081", "")),
    colorLegend(low, high),
    caption,
  );
  return {
    element,
    caption,
    draw(values, n, { min, max, constant }) {
      if (canvas.width !== n) canvas.width = canvas.height = n;
      const context = canvas.getContext("2d");
      const image = context.createImageData(n, n);
      const pixels = image.data;
      const gain = constant ? 0 : 255 / (max - min);
      const shift = constant ? 127 : 0;
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          const color = 3 * Math.round((values[i * n + j] - min) * gain + shift);
          const at = 4 * ((n - 1 - j) * n + i);
          pixels[at] = COLORS[color];
          pixels[at + 1] = COLORS[color + 1];
          pixels[at + 2] = COLORS[color + 2];
          pixels[at + 3] = 255;
        }
      }
      context.putImageData(image, 0, 0);
      low.textContent = short(min);
      high.textContent = short(max);
    },
    describe: describer(canvas),
  };
}

/**
 * A chart over a logarithmic axis of frequency, from the lowest a grid can show (as a fraction
 * of the highest) to 1.  Complexity is a mean frequency, so it lives on the same axis.
 */
function frequencyAxis(n) {
  const low = Math.log(1 / (Math.SQRT2 * (n - 1)));
  return (fraction) => 100 * (1 - Math.log(fraction) / low);
}

function frequencyTicks(place) {
  const ticks = [0.02, 0.05, 0.1, 0.2, 0.5, 1].filter((t) => place(t) > 3);
  return ticks.map((t) => xTick(place(t), String(t)));
}

/** A vertical mark at a place of the axis, its label to the right or to the left. */
function mark(className, left, label, toTheLeft, style) {
  const side = toTheLeft ? " ibx-left" : "";
  const place = { class: className + side, style: `left:${left}%;${style || ""}` };
  return node("span", place, node("em", {}, label));
}

/** The marks of the complexities: of two, the lower one has its label on the left. */
function complexityMarks(shown, place, alone) {
  const names = ["pinned", "now"].filter((name) => shown[name] && shown[name].complexity > 0);
  const at = (name) => place(shown[name].complexity);
  return names.map((name) => {
    const other = names.find((candidate) => candidate !== name);
    const toTheLeft = other ? at(name) > 75 || (at(name) > 25 && at(name) < at(other)) : at(name) > 60;
    return mark(`ibx-mark ibx-${name}`, at(name), other ? name : alone, toTheLeft);
  });
}

/** The radial spectrum: amplitude over frequency, both logarithmic. */
function spectrumChart(n) {
  const place = frequencyAxis(n);
  const decades = 6;
  const curves = { now: node("path"), pinned: node("path", { class: "ibx-pinned" }) };
  const svg = node("svg", PLOT_BOX, curves.pinned, curves.now);
  const powers = ["1", "10\u207b\u00b2", "10\u207b\u2074", "10\u207b\u2076"];
  const marks = node("div");
  const empty = node("span", { class: "ibx-empty" }, "a constant has no spectrum");
  const ticks = [...powers.map((text, i) => yTick((100 * i) / 3, text)), ...frequencyTicks(place)];
  const plot = node("div", { class: "ibx-frame", role: "img" }, svg, ...ticks, marks, empty);
  const height = (a) => (-100 * Math.log10(Math.max(a, 1e-12))) / decades;
  const path = ({ frequency, amplitude, top }) =>
    linePath(frequency.map((k, i) => [place(k / top), height(amplitude[i])]));
  return {
    element: chartBox(
      "ibx-spectrum",
      "Spectrum",
      "amplitude by frequency (highest = 1)",
      plot,
      div("ibx-ticks"),
    ),
    draw(shown) {
      // {now, pinned or null}: frequency, amplitude, top, complexity
      for (const name of ["now", "pinned"])
        curves[name].setAttribute("d", shown[name] ? path(shown[name]) : "");
      empty.hidden = shown.now.frequency.length > 0;
      marks.replaceChildren(...complexityMarks(shown, place, "mean"));
    },
    describe: describer(plot),
  };
}

/** The complexity as a number and as a place between known functions. */
function complexityScale(n) {
  const place = frequencyAxis(n);
  const output = node("output");
  const other = node("span", { class: "ibx-pinned" });
  const known = node("div");
  const marks = node("div");
  const ticks = frequencyTicks(place);
  const plot = node("div", { class: "ibx-frame", "aria-hidden": "true" }, marks, known, ...ticks);
  return {
    element: div(
      "ibx-chart ibx-scale",
      div("ibx-number", "Complexity ", output, " ", other),
      plot,
      div("ibx-ticks"),
      div("ibx-note", "mean frequency as a fraction of the highest"),
    ),
    draw(shown, points, preview) {
      output.textContent = (preview ? "\u2248 " : "") + complexityText(shown.now.complexity);
      other.textContent = shown.pinned ? `pinned ${complexityText(shown.pinned.complexity)}` : "";
      const reference = ({ name, complexity: c }, i) => {
        const row = `height:${18 + 17 * (points.length - 1 - i)}px`; // each on a row of its own
        return mark("ibx-known", place(c), `${name} ${c.toFixed(3)}`, place(c) > 50, row);
      };
      known.replaceChildren(...points.map(reference));
      marks.replaceChildren(...complexityMarks(shown, place, "this network"));
    },
  };
}

/** A table with a caption, in a box that scrolls and can be reached by keyboard. */
function table(title, head, rows) {
  const cells = (row) => row.map((cell, i) => node(i ? "td" : "th", i ? {} : { scope: "row" }, String(cell)));
  const headings = head.map((text) => node("th", { scope: "col" }, text));
  const body = rows.map((row) => node("tr", {}, ...cells(row)));
  const made = node(
    "table",
    {},
    node("caption", {}, title),
    node("thead", {}, node("tr", {}, ...headings)),
    node("tbody", {}, ...body),
  );
  const box = { class: "ibx-scroll", tabindex: 0, role: "region", "aria-label": title };
  return node("div", box, made);
}
