/** A short line in the style of a series, for its key. */
function swatch(index) {
  const line = node("path", { d: "M0 5H26", class: `ibx-line-${index}` });
  return node("svg", { viewBox: "0 0 26 10", class: "ibx-swatch", "aria-hidden": "true" }, line);
}

/** The names of series with their line styles. */
function keyOf(names) {
  const entries = names.map((name, i) => node("span", {}, swatch(i), name));
  return node("div", { class: "ibx-key" }, ...entries);
}

/**
 * A chart of a few lines, each with a style of its own and perhaps a band.  `x` and `y` give
 * places in percent from the left and from the top; ticks are [value, text] pairs.
 */
function lineChart({ heading, note, names, x, y, xTicks, yTicks }) {
  const bands = names.map((_, i) => node("path", { class: `ibx-band ibx-line-${i}` }));
  const lines = names.map((_, i) => node("path", { class: `ibx-line-${i}` }));
  const frameBox = { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" };
  const marks = node("div");
  const empty = node("span", { class: "ibx-empty" });
  const left = xTicks.map(([value, text]) =>
    node("span", { class: "ibx-x", style: `left:${x(value)}%` }, text),
  );
  const up = yTicks.map(([value, text]) => node("span", { class: "ibx-y", style: `top:${y(value)}%` }, text));
  const svg = node("svg", frameBox, ...bands, ...lines);
  const plot = node("div", { class: "ibx-frame", role: "img" }, svg, ...up, ...left, marks, empty);
  const at = ([a, b]) => `${x(a).toFixed(2)} ${y(b).toFixed(2)}`;
  const path = (points) => (points.length ? `M${points.map(at).join("L")}` : "");
  return {
    element: node(
      "div",
      { class: "ibx-chart" },
      node("div", { class: "ibx-heading" }, heading),
      node("div", { class: "ibx-note" }, note),
      keyOf(names),
      plot,
      node("div", { class: "ibx-ticks" }),
    ),
    /** Series in the order of the names: {points: [x, y] pairs, band: [x, low, high] triples}. */
    draw(series, message = "") {
      series.forEach(({ points, band }, i) => {
        const around = (band || []).map(([a, low]) => [a, low]);
        const back = (band || []).map(([a, , high]) => [a, high]).reverse();
        lines[i].setAttribute("d", path(points));
        bands[i].setAttribute("d", around.length > 1 ? `${path(around.concat(back))}Z` : "");
      });
      empty.textContent = message;
    },
    mark(value, label) {
      const place = x(value);
      marks.replaceChildren(mark("ibx-mark", place, label, place > 60));
    },
    describe(text) {
      plot.setAttribute("aria-label", text);
    },
  };
}

/** An axis of ratios: percent between the smallest and the largest of some positive values. */
function logarithmicAxis(values, margin = 0) {
  const [low, high] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))];
  const span = high - low || 1;
  return (value) => margin + ((100 - 2 * margin) * (Math.log(value) - low)) / span;
}
