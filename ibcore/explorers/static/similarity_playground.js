/** Measures in the order of the bars, with their names. */
const MEASURE_NAMES = {
  biased: "CKA, linear, biased",
  unbiased: "CKA, linear, unbiased",
  rbf: "CKA, RBF, unbiased",
  rsa: "RSA, distances",
  procrustes: "Procrustes",
  ridge: "Ridge, held out",
};
const MEASURE_START = -0.4; // where bars may begin; ridge can be lower
const STEADY = 0.0005; // a change that three decimals do not show

const signedText = (value) => value.toFixed(3).replace(/^-(0\.000)$/, "$1").replace("-", "\u2212");
const featuresText = (count) => (count === 1 ? "1 feature" : `${count} features`);

/** How the controls are called, and how they say their values. */
const CHANGE_NAMES = {
  rotation: ["Rotation", (value) => `${value}\u00b0`.replace("-", "\u2212")],
  scale: ["Scale", (value) => `\u00d7${value}`],
  stretch: ["Stretch", (value) => `\u00d7${value}`],
  shear: ["Shear", String],
  blur: ["Blur", String],
  noise: ["Noise features", String],
  points: ["Points", String],
};

/** A mark at a place for each group of points: circle, square, triangle, diamond. */
const GROUP_MARKS = [
  (x, y) => `M${x - 2} ${y}a2 2 0 1 0 4 0a2 2 0 1 0 -4 0`,
  (x, y) => `M${x - 1.8} ${y - 1.8}h3.6v3.6h-3.6Z`,
  (x, y) => `M${x} ${y - 2.2}l2.2 4h-4.4Z`,
  (x, y) => `M${x} ${y - 2.5}l2.3 2.5l-2.3 2.5l-2.3 -2.5Z`,
];

/** The plane of one cloud: groups differ by the shape of their marks. */
function cloudPlane(heading) {
  const marks = GROUP_MARKS.map((_, g) => node("path", { class: `ibx-group-${g}` }));
  const axes = node("path", { class: "ibx-cross", d: "M0 50H100M50 0V100" });
  const svg = node("svg", { viewBox: "0 0 100 100", "aria-hidden": "true" }, axes, ...marks);
  const plot = node("div", { class: "ibx-frame", role: "img" }, svg);
  const note = node("div", { class: "ibx-note" });
  return {
    element: node(
      "div",
      { class: "ibx-chart" },
      node("div", { class: "ibx-heading" }, heading),
      plot,
      note,
    ),
    draw(points) {
      const far = Math.max(...points.flat().map(Math.abs));
      const end = [3, 6, 12, 25, 50, 100].find((limit) => far < limit) || far;
      const paths = GROUP_MARKS.map(() => "");
      points.forEach(([x, y], i) => {
        const g = i % GROUP_MARKS.length;
        const place = (value) => Number((50 + (47 * value) / end).toFixed(2));
        paths[g] += GROUP_MARKS[g](place(x), place(-y));
      });
      marks.forEach((path, g) => path.setAttribute("d", paths[g]));
      note.textContent = `axes \u2212${end} to ${end}`;
      plot.setAttribute(
        "aria-label",
        `${heading}: the first two features of ${points.length} points in four groups, axes from \u2212${end} to ${end}.`,
      );
    },
  };
}

/** A bar for each measure, with its number, its change, and a line where it was before. */
function measureBars() {
  const place = (value) => 100 * Math.min(1, Math.max(0, (value - MEASURE_START) / (1 - MEASURE_START)));
  const rows = Object.entries(MEASURE_NAMES).map(([name, words]) => {
    const [output, change, fill, before] = [node("output"), node("em"), node("i"), node("b")];
    const rail = node("span", { class: "ibx-rail", "aria-hidden": "true" }, fill, before, node("s"));
    const element = node("div", { class: "ibx-measure" }, node("span", {}, words), change, output, rail);
    return { name, element, output, change, fill, before };
  });
  return {
    elements: rows.map(({ element }) => element),
    draw(now, before) {
      for (const row of rows) {
        const [value, old] = [now[row.name], before[row.name]];
        const [left, right] = [place(Math.min(0, value)), place(Math.max(0, value))];
        row.fill.style.cssText = `left:${left}%;width:${right - left}%`;
        row.fill.dataset.value = String(value);
        row.before.style.left = `${place(old)}%`;
        row.output.textContent = signedText(value);
        const moved = Math.abs(value - old) >= STEADY;
        row.change.textContent = moved
          ? `${value > old ? "\u25b2" : "\u25bc"} ${Math.abs(value - old).toFixed(3)}`
          : "= same";
        row.element.dataset.moved = moved ? "1" : "0";
      }
    },
  };
}

/** Draw the playground of similarity; returns what closes it. */
function similarityPlayground({ model, el }) {
  const setup = model.get("setup");
  const drawsOf = cloudDraws(setup);
  let shown = null;
  let before = null; // the state in which the control that moves now was taken up
  let moving = "";

  const own = storedFigure({ model, el, title: "Similarity playground", className: "ibx-likeness" });
  const planes = [cloudPlane("First cloud"), cloudPlane("Second cloud")];
  const bars = measureBars();
  const scale = node("div", { class: "ibx-note" }, "axis \u22120.4 to 1; line: before the change");
  const measures = node(
    "div",
    { class: "ibx-measures" },
    node("div", { class: "ibx-heading" }, "How alike both clouds are"),
    ...bars.elements,
    scale,
  );
  const result = node("div", { class: "ibx-story" });
  const status = node("div", { class: "ibx-status" });
  const folded = foldedTables(() => [measureTable()]);
  const controls = Object.fromEntries(
    Object.entries(CHANGE_NAMES).map(([name, [label, format]]) => [
      name,
      slider(label, setup.choices[name], format, own.set(name)),
    ]),
  );
  const draw = button("New draw", "", () => own.set("seed")((own.params().seed + 1) % setup.seeds, true));
  const title = node("div", { class: "ibx-title" }, "Which measures react?");
  own.host.body.append(
    node("div", { class: "ibx-head" }, title, node("div", { class: "ibx-actions" }, draw, own.reset())),
    node("div", { class: "ibx-two" }, ...planes.map(({ element }) => element)),
    measures,
    result,
    node("div", { class: "ibx-controls" }, ...Object.values(controls).map((control) => control.element)),
    status,
    folded.element,
  );

  function show(params, resting) {
    const begun = performance.now();
    const pair = cloudPair(setup, drawsOf(params.seed), params);
    const planar = pair.map(({ plane }) => plane);
    const answer = model.get("engine") === "kernel" && model.get("answer");
    const answered = answer && sameParams(params, answer.params);
    const found = answered ? answer : cloudSimilarities(setup, pair);
    const now = Object.fromEntries(Object.keys(MEASURE_NAMES).map((name) => [name, found[name]]));
    follow(params);
    shown = { params, measures: now };
    before = before || shown;
    planes.forEach((plane, i) => plane.draw(planar[i]));
    bars.draw(now, before.measures);
    result.textContent = resultInWords();
    own.write({ ...now, ms: (performance.now() - begun).toFixed(1) });
    const where = answered ? "computed by ibcore" : "computed here";
    status.textContent = `draw ${params.seed + 1} of ${setup.seeds}; ${where}`;
    if (resting) finish();
  }

  /** Keep what the last change began from. */
  function follow(params) {
    if (!shown) return;
    const changed = Object.keys(params).filter((name) => params[name] !== shown.params[name]);
    if (!changed.length) return;
    const [only] = changed.length === 1 ? changed : [""];
    if (only !== moving || !only) before = shown;
    moving = only;
  }

  function resultInWords() {
    const { params: p, measures: now } = shown;
    const width = 2 + p.noise;
    const first = `${p.points} points, ${featuresText(width)} in each cloud, ${p.noise || "none"} of them pure noise.`;
    const bias = now.biased - now.unbiased;
    const flattered =
      bias < 0.1
        ? ""
        : ` \u26a0 Biased CKA is ${bias.toFixed(2)} above the unbiased: ${width} features for ${p.points} points flatter it.`;
    return `${first} ${changeInWords()}${flattered}`;
  }

  function changeInWords() {
    if (before === shown || before.params === shown.params) return "Move a slider to see which measures react.";
    const [label, format] = CHANGE_NAMES[moving] || [];
    const what = label
      ? `${label} from ${format(before.params[moving])} to ${format(shown.params[moving])}`
      : moving === "seed"
        ? "New draw"
        : "Reset";
    const names = Object.keys(MEASURE_NAMES);
    const moved = names.filter((name) => Math.abs(shown.measures[name] - before.measures[name]) >= STEADY);
    const list = (some) => some.map((name) => MEASURE_NAMES[name].replace(/,/g, "")).join(", ");
    if (!moved.length) return `${what}: no measure reacts.`;
    const still = names.filter((name) => !moved.includes(name));
    if (!still.length) return `${what}: all measures react.`;
    return `${what}: ${list(still)} ${still.length === 1 ? "does" : "do"} not react; the other ${moved.length} do.`;
  }

  function finish() {
    const numbers = Object.entries(MEASURE_NAMES).map(
      ([name, words]) => `${words.replace(/,/g, "")} ${signedText(shown.measures[name])}`,
    );
    own.announce(`${result.textContent} ${numbers.join("; ")}.`);
    folded.refresh();
  }

  function measureTable() {
    const rows = Object.entries(MEASURE_NAMES).map(([name, words]) => {
      const [now, old] = [shown.measures[name], before.measures[name]];
      return [words, signedText(now), signedText(old), signedText(now - old)];
    });
    return table("Similarity of both clouds", ["measure", "now", "before", "change"], rows);
  }

  own.addControls(controls);
  own.start(show);
  return own.close;
}
