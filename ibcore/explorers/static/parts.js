/** A box with a class. */
const div = (className, ...children) => node("div", { class: className }, ...children);

/** A part of a figure with a heading and a note. */
const chartBox = (className, heading, note, ...children) =>
  div(`ibx-chart ${className}`.trim(), div("ibx-heading", heading), div("ibx-note", note), ...children);

/** A control that takes the whole width of the panel. */
function wide(control) {
  control.element.classList.add("ibx-wide");
  return control;
}

/** The controls in the order in which they are read, what else stands there, then the check boxes. */
function controlPanel(controls, ...others) {
  const elements = Object.values(controls).map((control) => control.element);
  const checks = elements.filter((element) => element.localName === "label");
  const rows = elements.filter((element) => !checks.includes(element));
  return div("ibx-controls", ...rows, ...others, ...(checks.length ? [div("ibx-checks", ...checks)] : []));
}

/** Values as pairs of themselves and their texts, which lists and choices take. */
const textPairs = (values, text = String) => values.map((value) => [value, text(value)]);

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
