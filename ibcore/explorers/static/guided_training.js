/** Names of the measures of guided training, and how their numbers are said. */
const TRAINING_MEASURES = {
  test_accuracy: { name: "Test accuracy", short: "accuracy", share: true },
  train_accuracy: { name: "Training accuracy", short: "training", share: true },
  test_loss: { name: "Test loss", short: "loss", share: false },
};

/** The likeness of each layer of a guide, by row, to each layer of the target, by column. */
function layerTable(rows) {
  const grid = node("div", { class: "ibx-layers", role: "img" });
  const note = node("div", { class: "ibx-note" });
  const heading = node("div", { class: "ibx-heading" });
  grid.style.setProperty("--rows", rows);
  return {
    element: node("div", { class: "ibx-chart ibx-likenesses" }, heading, note, grid),
    draw(values, mapped, reference, networks) {
      heading.textContent = `Layers against the ${reference}`;
      note.textContent = `unbiased linear CKA${networks > 1 ? `, mean of ${networks}` : ""}; framed: compared layers`;
      grid.style.setProperty("--columns", values[0].length);
      const head = values[0].map((_, j) => node("span", {}, `target ${j + 1}`));
      const cells = values.flatMap((row, i) => [
        node("span", {}, `guide ${i + 1}`),
        ...row.map((value, j) => {
          const cell = node("b", mapped[i][j] ? { class: "ibx-mapped" } : {}, value.toFixed(2).replace("-", "\u2212"));
          Object.assign(cell.style, cellColors(value * MAP_END));
          cell.dataset.value = String(value);
          return cell;
        }),
      ]);
      grid.replaceChildren(node("span"), ...head, ...cells);
    },
    describe(text) {
      grid.setAttribute("aria-label", text);
    },
  };
}

/** Draw the player of guided training; returns what closes it. */
function guidedTraining({ model, el }) {
  const setup = model.get("setup");
  const { choices, curves, likeness, mapped, networks, baseline } = setup;
  const steps = choices.step;
  let shown = null;

  const own = storedFigure({ model, el, title: "Guided training explorer", className: "ibx-guided" });
  const along = stepAxis(steps, 0);
  const x = (step) => 3 + (along(step) * (LINES_END - 3)) / 100;
  const place = node("div", { class: "ibx-over" });
  const layers = layerTable(setup.rows);
  const result = node("div", { class: "ibx-story" });
  const status = node("div", { class: "ibx-status" });
  const folded = foldedTables(() => [curveTable(), likenessTable()]);
  const play = timePlayer(steps, {
    at: () => own.params().step,
    goTo: (step) => own.set("step")(step, true),
    ended: finish,
  });
  /** What a control calls: the reader takes over from the player. */
  const set = (name) => (value, settled) => {
    play.stop(false);
    own.set(name)(value, settled);
  };
  const controls = {
    step: slider("Step", steps, countText, set("step")),
    condition: dropdown(
      "Trained with",
      choices.condition.map((name) => [name, name]),
      set("condition"),
    ),
    measure: choice(
      "Curve",
      choices.measure.map((name) => [name, TRAINING_MEASURES[name].short]),
      set("measure"),
    ),
    reference: choice(
      "Layers compared with",
      choices.reference.map((name) => [name, name]),
      set("reference"),
    ),
  };
  Object.values(controls).forEach((control) => control.element.classList.add("ibx-wide"));
  const reset = own.reset();
  reset.addEventListener("click", () => play.stop(false));
  const title = node("div", { class: "ibx-title" }, "Training beside a guide");
  own.host.body.append(
    node("div", { class: "ibx-head" }, title, node("div", { class: "ibx-actions" }, play.element, reset)),
    place,
    layers.element,
    result,
    node("div", { class: "ibx-controls" }, ...Object.values(controls).map((control) => control.element)),
    status,
    folded.element,
  );

  /** The curves that are shown: the chosen condition, and beside it the unguided one. */
  function seriesOf(p) {
    const names = baseline && p.condition !== baseline ? [p.condition, baseline] : [p.condition];
    return names.map((name) => ({ name, means: curves[name][p.measure] }));
  }

  function stateOf(p) {
    const at = steps.indexOf(p.step);
    const pairs = mapped[p.reference];
    const tables = likeness[p.condition][p.reference];
    const framed = tables.map((table) => {
      const values = table.flatMap((row, i) => row.filter((_, j) => pairs[i][j]));
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    });
    return { params: p, at, series: seriesOf(p), table: tables[at], pairs, framed };
  }

  function show(p, resting) {
    shown = stateOf(p);
    layers.draw(shown.table, shown.pairs, p.reference, networks);
    const chart = drawCurves(shown);
    result.textContent = resultInWords(shown);
    chart.describe(`${chart.name} over the steps. ${result.textContent}`);
    layers.describe(`Likeness of layers at step ${countText(p.step)}. ${result.textContent}`);
    const [value, unguided] = shown.series.map(({ means }) => means[shown.at][0]);
    own.write({ value, unguided, likeness: shown.framed[shown.at], playing: play.running() ? "1" : "0" });
    status.textContent = sourceInWords(setup.source);
    if (resting && !play.running()) finish();
  }

  function drawCurves({ params: p, at, series }) {
    const { name, share } = TRAINING_MEASURES[p.measure];
    const every = series.flatMap(({ means }) => means.flatMap((mean) => mean.filter((end) => end !== null)));
    const axis = roundAxis(0, Math.max(1, ...every));
    const last = share ? 1 : axis.last;
    const y = (value) => (100 * (1.04 * last - value)) / (1.04 * last);
    const shares = [0, 0.25, 0.5, 0.75, 1].map((value) => [value, `${100 * value}\u00a0%`]);
    const chart = lineChart({
      heading: `${name} over the steps`,
      note: networks > 1 ? `band: 95\u00a0% interval, n = ${networks}` : "one network",
      names: series.map((line) => line.name),
      x,
      y,
      xTicks: stepTicks(steps, x),
      yTicks: share ? shares : axis.ticks.map((value) => [value, String(value)]),
    });
    chart.draw(
      series.map(({ means }) => ({
        points: means.map(([mean], i) => [steps[i], mean]),
        band: means.map(([, low, high], i) => [steps[i], low, high]).filter(([, low]) => low !== null),
      })),
    );
    chart.mark(p.step, "");
    const dots = series.map(({ means }) =>
      node("i", { class: "ibx-dot", style: `left:${x(p.step)}%;top:${y(means[at][0])}%` }),
    );
    chart.element.querySelector(".ibx-frame").append(...dots);
    endNames(chart).draw(
      series.map(({ name: condition, means }, i) => ({
        name: condition === baseline ? "unguided" : "chosen",
        y: y(means[means.length - 1][0]),
        line: i,
      })),
    );
    place.replaceChildren(chart.element);
    return { describe: chart.describe, name };
  }

  const numberText = (value, { share }) => (share ? inPercent(value) : value.toFixed(2));

  function resultInWords({ params: p, at, series, framed }) {
    const measure = TRAINING_MEASURES[p.measure];
    const [value, unguided] = series.map(({ means }) => numberText(means[at][0], measure));
    const beside = unguided === undefined ? "" : ` (unguided ${unguided})`;
    const first = `Step ${countText(p.step)}, trained with: ${p.condition}. ${measure.name} ${value}${beside}.`;
    return `${first} Likeness of the compared layers to the ${p.reference}: ${framed[at].toFixed(2)}, at the start ${framed[0].toFixed(2)}, at the end ${framed[framed.length - 1].toFixed(2)}.`;
  }

  function finish() {
    if (!shown) return;
    own.announce(result.textContent);
    folded.refresh();
  }

  function curveTable() {
    const { params: p, series, framed } = shown;
    const measure = TRAINING_MEASURES[p.measure];
    const text = (value) => (value === null ? "none" : numberText(value, measure));
    const head = ["step", ...series.flatMap(({ name }) => [name, "low", "high"]), "likeness"];
    const rows = steps.map((step, i) => [
      countText(step),
      ...series.flatMap(({ means }) => means[i].map(text)),
      framed[i].toFixed(3),
    ]);
    return table(`${measure.name}, and likeness of the compared layers`, head, rows);
  }

  function likenessTable() {
    const { params: p, table: values, pairs } = shown;
    const head = ["", ...values[0].map((_, j) => `target ${j + 1}`)];
    const rows = values.map((row, i) => [
      `guide ${i + 1}`,
      ...row.map((value, j) => `${value.toFixed(3)}${pairs[i][j] ? " (compared)" : ""}`),
    ]);
    return table(`Likeness to the ${p.reference} at step ${countText(p.step)}`, head, rows);
  }

  own.addControls(controls);
  own.start(show);
  return () => {
    play.close();
    own.close();
  };
}
