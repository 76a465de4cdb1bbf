/** A box with a class. */
const div = (className, ...children) => node("div", { class: className }, ...children);

/** What says to a reader who does not see it what an element shows. */
const describer = (element) => (text) => element.setAttribute("aria-label", text);

/** A part of a figure with a heading and a note. */
const chartBox = (className, heading, note, ...children) =>
  div(`ibx-chart ${className}`.trim(), div("ibx-heading", heading), div("ibx-note", note), ...children);

/** Parts of a plot: its box for lines, labels at places in percent, and a line through points. */
const PLOT_BOX = { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" };
const xTick = (left, text) => node("span", { class: "ibx-x", style: `left:${left}%` }, text);
const yTick = (top, text) => node("span", { class: "ibx-y", style: `top:${top}%` }, text);
const linePath = (points) =>
  points.length ? `M${points.map(([a, b]) => `${a.toFixed(2)} ${b.toFixed(2)}`).join("L")}` : "";

/** A control that takes the whole width of the panel. */
function wide(control) {
  control.element.classList.add("ibx-wide");
  return control;
}

/**
 * The controls in the order in which they are read, what else stands there, then the check boxes.
 * The first two matter most: a phone folds what comes after them.
 */
function controlPanel(controls, ...others) {
  const elements = Object.values(controls).map((control) => control.element);
  const checks = elements.filter((element) => element.localName === "label");
  const rows = elements.filter((element) => !checks.includes(element) && !element.hidden);
  const rest = [...rows.slice(2), ...others, ...(checks.length ? [div("ibx-checks", ...checks)] : [])];
  const more = node("details", { class: "ibx-more" }, node("summary", {}, "More controls"));
  return div("ibx-controls", ...rows.slice(0, 2), ...(rest.length ? [more, ...rest] : []));
}

/** Values as pairs of themselves and their texts, which lists and choices take. */
const textPairs = (values, text = String) => values.map((value) => [value, text(value)]);

const minus = (text) => text.replace("-", "\u2212");
const scaleText = (value) => value.toPrecision(3);
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** Whether two choices of settings are the same. */
const sameParams = (a, b) => Object.keys(a).every((name) => a[name] === b[name]);

/** Round ends and ticks of an axis that holds some values. */
function roundAxis(low, high) {
  const step = [1, 2, 5, 10, 20, 50, 100, 200].find((size) => (high - low) / size <= 6) || 500;
  const [first, last] = [step * Math.floor(low / step), step * Math.ceil(high / step)];
  const ticks = [];
  for (let value = first; value <= last; value += step) ticks.push(value);
  return { first, last, ticks };
}

/**
 * Bars beside their names and numbers.  An entry is the style of a bar and what names it; `draw`
 * takes the length of each as a share of the whole, and a text.
 */
function namedBars(entries) {
  const parts = entries.map(([style, ...name]) => {
    const [bar, output] = [node("i", { class: `ibx-bar-${style}` }), node("output")];
    const track = node("span", { "aria-hidden": "true" }, bar);
    return { bar, output, row: div("ibx-bars", node("span", {}, ...name), track, output) };
  });
  return {
    rows: parts.map(({ row }) => row),
    draw(values) {
      parts.forEach(({ bar, output }, i) => {
        const [share, text] = values[i];
        bar.style.width = `${100 * share}%`;
        output.textContent = text;
      });
    },
  };
}
