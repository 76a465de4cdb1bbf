/** Names of the measures of guided training, and how their numbers are said. */
const TRAINING_MEASURES = {
  test_accuracy: { name: "Test accuracy", share: true },
  train_accuracy: { name: "Training accuracy", share: true },
  test_loss: { name: "Test loss", share: false },
};

/** Draw the player of guided training; returns what closes it. */
function guidedTraining(context) {
  const setup = context.model.get("setup");
  const { choices, curves, likeness, mapped, networks, baseline } = setup;
  const steps = choices.step;
  const along = stepAxis(steps, 0);
  const x = (step) => 3 + (along(step) * (LINES_END - 3)) / 100;
  const place = node("div", { class: "ibx-over" });
  const grid = node("div", { class: "ibx-layers", role: "img", style: `--rows:${setup.rows}` });
  const heading = node("div", { class: "ibx-heading" });
  const note = node("div", { class: "ibx-note" });

  function state(p) {
    const pairs = mapped[p.reference];
    const tables = likeness[p.condition][p.reference];
    const framed = tables.map((rows) => {
      const values = rows.flatMap((row, i) => row.filter((_, j) => pairs[i][j]));
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    });
    const names = baseline && p.condition !== baseline ? [p.condition, baseline] : [p.condition];
    const series = names.map((name) => ({ name, means: curves[name][p.measure] }));
    const at = steps.indexOf(p.step);
    return { p, at, measure: TRAINING_MEASURES[p.measure], series, table: tables[at], pairs, framed };
  }

  /** The likeness of each layer of a guide, by row, to each layer of the target, by column. */
  function drawLayers({ p, table: values, pairs }, words) {
    heading.textContent = `Layers against the ${p.reference}`;
    note.textContent = `unbiased linear CKA${networks > 1 ? `, mean of ${networks}` : ""}; framed: compared layers`;
    grid.style.setProperty("--columns", values[0].length);
    const cells = values.flatMap((row, i) => [
      node("span", {}, `guide ${i + 1}`),
      ...row.map((value, j) => {
        const own = { class: pairs[i][j] ? "ibx-mapped" : null, "data-value": value };
        const cell = node("b", own, minus(value.toFixed(2)));
        Object.assign(cell.style, cellColors(value * MAP_END));
        return cell;
      }),
    ]);
    const head = values[0].map((_, j) => node("span", {}, `target ${j + 1}`));
    grid.replaceChildren(node("span"), ...head, ...cells);
    grid.setAttribute("aria-label", `Likeness of layers at step ${countText(p.step)}. ${words}`);
  }

  function drawCurves({ p, at, series, measure: { name, share } }, words) {
    const every = series.flatMap(({ means }) => means.flat().filter((end) => end !== null));
    const axis = roundAxis(0, Math.max(1, ...every));
    const top = 1.04 * (share ? 1 : axis.last);
    const shares = [0, 0.25, 0.5, 0.75, 1].map((value) => [value, `${100 * value}\u00a0%`]);
    const chart = lineChart({
      heading: `${name} over the steps`,
      note: networks > 1 ? `band: 95\u00a0% interval, n = ${networks}` : "one network",
      names: series.map((line) => line.name),
      x,
      y: (value) => (100 * (top - value)) / top,
      xTicks: stepTicks(steps, x),
      yTicks: share ? shares : axis.ticks.map((value) => [value, String(value)]),
    });
    const end = (condition) => (condition === baseline ? "unguided" : "chosen");
    chart.draw(series.map((line) => ({ ...banded(line.means, steps), end: end(line.name) })));
    chart.mark(p.step, "");
    chart.dot(series.map(({ means }) => [p.step, means[at][0]]));
    chart.describe(`${name} over the steps. ${words}`);
    place.replaceChildren(chart.element);
  }

  const numberText = (value, { share }) => (share ? inPercent(value) : value.toFixed(2));

  function sentence({ p, at, measure, series, framed }) {
    const [value, unguided] = series.map(({ means }) => numberText(means[at][0], measure));
    const beside = unguided === undefined ? "" : ` (unguided ${unguided})`;
    const first = `Step ${countText(p.step)}, trained with: ${p.condition}. ${measure.name} ${value}${beside}.`;
    return `${first} Likeness of the compared layers to the ${p.reference}: ${framed[at].toFixed(2)}, at the start ${framed[0].toFixed(2)}, at the end ${framed[framed.length - 1].toFixed(2)}.`;
  }

  function curveTable({ measure, series, framed }) {
    const text = (value) => (value === null ? "none" : numberText(value, measure));
    return [
      `${measure.name}, and likeness of the compared layers`,
      ["step", ...series.flatMap(({ name }) => [name, "low", "high"]), "likeness"],
      steps.map((step, i) => [
        countText(step),
        ...series.flatMap(({ means }) => means[i].map(text)),
        framed[i].toFixed(3),
      ]),
    ];
  }

  function likenessTable({ p, table: values, pairs }) {
    const text = (i) => (value, j) => `${value.toFixed(3)}${pairs[i][j] ? " (compared)" : ""}`;
    return [
      `Likeness to the ${p.reference} at step ${countText(p.step)}`,
      ["", ...values[0].map((_, j) => `target ${j + 1}`)],
      values.map((row, i) => [`guide ${i + 1}`, ...row.map(text(i))]),
    ];
  }

  return drawStored(context, {
    name: "Guided training explorer",
    className: "ibx-guided",
    title: "Training beside a guide",
    play: { name: "step" },
    picture: place,
    body: ({ story }) => [div("ibx-chart ibx-likenesses", heading, note, grid), story],
    state,
    draw(shown, words) {
      drawLayers(shown, words);
      drawCurves(shown, words);
    },
    sentence,
    data({ at, series, framed }) {
      const [value, unguided] = series.map(({ means }) => means[at][0]);
      return { value, unguided, likeness: framed[at] };
    },
    tables: (shown) => [curveTable(shown), likenessTable(shown)],
  });
}
