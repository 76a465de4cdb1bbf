/** How numbers are said. */
const inPercent = (share) => (share === null ? "none" : `${(100 * share).toFixed(1)}\u00a0%`);
const pointsText = (share) => (100 * share).toFixed(1);
const countText = (count) => count.toLocaleString("en-US");
const adamwText = (steps) => `${countText(steps)} ${steps === 1 ? "step" : "steps"} of AdamW`;

/** A mean with its interval, if it has one. */
function meanText([value, low, high]) {
  if (low === null) return inPercent(value);
  return `${inPercent(value)} (${pointsText(low)} to ${pointsText(high)})`;
}

/** A short line in the style of a series, for its key. */
function swatch(index) {
  const line = node("path", { d: "M0 5H26", class: `ibx-line-${index}` });
  return node("svg", { viewBox: "0 0 26 10", class: "ibx-swatch", "aria-hidden": "true" }, line);
}

/** The names of series with their line styles. */
const keyOf = (names) => div("ibx-key", ...names.map((name, i) => node("span", {}, swatch(i), name)));

/**
 * A chart of a few lines, each with a style of its own and perhaps a band.  `x` and `y` give
 * places in percent from the left and from the top; ticks are [value, text] pairs.
 */
function lineChart({ heading, note, names, x, y, xTicks, yTicks }) {
  const bands = names.map((_, i) => node("path", { class: `ibx-band ibx-line-${i}` }));
  const lines = names.map((_, i) => node("path", { class: `ibx-line-${i}` }));
  const marks = node("div");
  const empty = node("span", { class: "ibx-empty" });
  const left = xTicks.map(([value, text]) => xTick(x(value), text));
  const up = yTicks.map(([value, text]) => yTick(y(value), text));
  const svg = node("svg", PLOT_BOX, ...bands, ...lines);
  const plot = node("div", { class: "ibx-frame", role: "img" }, svg, ...up, ...left, marks, empty);
  const path = (points) => linePath(points.map(([a, b]) => [x(a), y(b)]));
  const element = chartBox("", heading, note, keyOf(names), plot, div("ibx-ticks"));
  let ends = null;
  return {
    element,
    note(text) {
      element.querySelector(".ibx-note").textContent = text;
    },
    /** Put dots at [x, y] places, in place of those before. */
    dot(points) {
      const style = ([a, b]) => `left:${x(a)}%;top:${y(b)}%`;
      plot.querySelectorAll(".ibx-dot").forEach((dot) => dot.remove());
      plot.append(...points.map((point) => node("i", { class: "ibx-dot", style: style(point) })));
    },
    /**
     * Series in the order of the names: points as [x, y], perhaps a band as [x, low, high] and a
     * name to stand at the end of the line.
     */
    draw(series, message = "") {
      series.forEach(({ points, band }, i) => {
        const around = (band || []).map(([a, low]) => [a, low]);
        const back = (band || []).map(([a, , high]) => [a, high]).reverse();
        lines[i].setAttribute("d", path(points));
        bands[i].setAttribute("d", around.length > 1 ? `${path(around.concat(back))}Z` : "");
      });
      empty.textContent = message;
      const named = series.map(({ end, points }, line) => ({ name: end, line, last: points[points.length - 1] }));
      const ended = named.filter(({ name, last }) => name && last);
      if (ended.length) ends = ends || endNames(this);
      if (ended.length) ends.draw(ended.map(({ last, ...entry }) => ({ ...entry, y: y(last[1]) })));
    },
    mark(value, label) {
      const place = x(value);
      marks.replaceChildren(mark("ibx-mark", place, label, place > 60));
    },
    describe: describer(plot),
  };
}

/** An axis of ratios: percent between the smallest and the largest of some positive values. */
function logarithmicAxis(values, margin = 0) {
  const [low, high] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))];
  const span = high - low || 1;
  return (value) => margin + ((100 - 2 * margin) * (Math.log(value) - low)) / span;
}

/** Means [mean, low, high] over an axis as a series: its points, and a band where they have intervals. */
function banded(means, axis) {
  const ends = means.map(([, low, high], i) => [axis[i], low, high]);
  return { points: means.map(([mean], i) => [axis[i], mean]), band: ends.filter(([, low]) => low !== null) };
}

/** An axis of steps from 0 on: logarithmic in 1 + t / (first look after 0). */
function stepAxis(steps, margin = 5) {
  const unit = steps.find((step) => step > 0) || 1;
  const span = Math.log(1 + steps[steps.length - 1] / unit) || 1;
  return (step) => margin + ((100 - 2 * margin) * Math.log(1 + step / unit)) / span;
}

/** Ticks at some values that are kept for sure and at others, no two closer than a label needs. */
function stepTicks(values, place, gap = 14, sure = [values[0], values[values.length - 1]]) {
  const kept = [...new Set(sure)];
  for (const value of values.slice().reverse()) {
    if (kept.every((other) => Math.abs(place(value) - place(other)) >= gap)) kept.push(value);
  }
  return kept.map((value) => [value, countText(value)]);
}

/** Ticks at some of the values, no two closer than a label needs. */
function spacedTicks(values, place) {
  let last = -Infinity;
  const kept = values.filter((value) => {
    if (place(value) - last < 11) return false;
    last = place(value);
    return true;
  });
  return kept.map((value) => [value, String(Number(value.toPrecision(2)))]);
}
