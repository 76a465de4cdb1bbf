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

const signedText = (value) =>
  value
    .toFixed(3)
    .replace(/^-(0\.000)$/, "$1")
    .replace("-", "\u2212");
const measureWords = (name) => MEASURE_NAMES[name].replace(/,/g, "");

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
  const note = div("ibx-note");
  return {
    element: div("ibx-chart", div("ibx-heading", heading), plot, note),
    draw(points) {
      const far = Math.max(...points.flat().map(Math.abs));
      const end = [3, 6, 12, 25, 50, 100].find((limit) => far < limit) || far;
      const place = (value) => Number((50 + (47 * value) / end).toFixed(2));
      marks.forEach((path, g) => {
        const group = points.filter((_, i) => i % GROUP_MARKS.length === g);
        path.setAttribute("d", group.map(([x, y]) => GROUP_MARKS[g](place(x), place(-y))).join(""));
      });
      const ends = `\u2212${end} to ${end}`;
      const words = `the first two features of ${points.length} points in four groups, axes from ${ends}.`;
      note.textContent = `axes ${ends}`;
      plot.setAttribute("aria-label", `${heading}: ${words}`);
    },
  };
}

/** A bar for each measure, with its number, its change, and a line where it was before. */
function measureBars() {
  const place = (value) => 100 * clamp((value - MEASURE_START) / (1 - MEASURE_START), 0, 1);
  const rows = Object.entries(MEASURE_NAMES).map(([name, words]) => {
    const [output, change, fill, before] = ["output", "em", "i", "b"].map((tag) => node(tag));
    const rail = node("span", { class: "ibx-rail", "aria-hidden": "true" }, fill, before, node("s"));
    const element = div("ibx-measure", node("span", {}, words), change, output, rail);
    return { name, element, output, change, fill, before };
  });
  return {
    elements: rows.map(({ element }) => element),
    draw(now, old) {
      for (const { name, element, output, change, fill, before } of rows) {
        const value = now[name];
        const moved = Math.abs(value - old[name]);
        const [left, right] = [place(Math.min(0, value)), place(Math.max(0, value))];
        fill.style.cssText = `left:${left}%;width:${right - left}%`;
        fill.dataset.value = String(value);
        before.style.left = `${place(old[name])}%`;
        output.textContent = signedText(value);
        const way = value > old[name] ? "\u25b2" : "\u25bc";
        change.textContent = moved >= STEADY ? `${way} ${moved.toFixed(3)}` : "= same";
        element.dataset.moved = moved >= STEADY ? "1" : "0";
      }
    },
  };
}

/** Draw the playground of similarity; returns what closes it. */
function similarityPlayground(context) {
  const { model } = context;
  const setup = model.get("setup");
  const drawsOf = cloudDraws(setup);
  let shown = null;
  let before = null; // the state in which the control that moves now was taken up
  let moving = "";

  const own = liveFigure(context, {
    title: "Similarity playground",
    className: "ibx-likeness",
    draw,
    tables: () => [measureTable()],
    others: { seed: { values: Array.from({ length: setup.seeds }, (_, i) => i) } },
  });
  const { story, status } = own;
  const planes = [cloudPlane("First cloud"), cloudPlane("Second cloud")];
  const bars = measureBars();
  const heading = div("ibx-heading", "How alike both clouds are");
  const scale = div("ibx-note", "axis \u22120.4 to 1; line: before the change");
  const controls = {};
  for (const [name, [label, format]] of Object.entries(CHANGE_NAMES)) {
    controls[name] = slider(label, setup.choices[name], format, own.set(name));
  }
  const newDraw = button("New draw", "", () => own.goTo({ seed: (own.params.seed + 1) % setup.seeds }));

  function draw(params, resting) {
    const begun = performance.now();
    const pair = cloudPair(setup, drawsOf(params.seed), params);
    if (resting) own.ask();
    const answer = own.answer();
    const found = answer || cloudSimilarities(setup, pair);
    const now = Object.fromEntries(Object.keys(MEASURE_NAMES).map((name) => [name, found[name]]));
    follow(params);
    shown = { params, measures: now };
    before = before || shown;
    planes.forEach((plane, i) => plane.draw(pair[i].plane));
    bars.draw(now, before.measures);
    story.textContent = resultInWords();
    const ms = (performance.now() - begun).toFixed(1);
    own.write({ ...params, ...now, ms, engine: answer ? "kernel" : "browser" });
    const where = answer ? "computed by ibcore" : "computed here";
    status.textContent = `draw ${params.seed + 1} of ${setup.seeds}; ${where}`;
    if (resting) finish();
  }

  /** Keep what the last change began from. */
  function follow(params) {
    if (!shown) return;
    const changed = Object.keys(params).filter((name) => params[name] !== shown.params[name]);
    if (!changed.length) return;
    const only = changed.length === 1 ? changed[0] : "";
    if (only !== moving || !only) before = shown;
    moving = only;
  }

  function resultInWords() {
    const { params: p, measures: now } = shown;
    const width = 2 + p.noise;
    const first = `${p.points} points, ${width} features in each cloud, ${p.noise || "none"} of them pure noise.`;
    const bias = now.biased - now.unbiased;
    const flattered =
      bias < 0.1
        ? ""
        : ` \u26a0 Biased CKA is ${bias.toFixed(2)} above the unbiased: ${width} features for ${p.points} points flatter it.`;
    return `${first} ${changeInWords()}${flattered}`;
  }

  function changeInWords() {
    if (before === shown || before.params === shown.params)
      return "Move a slider to see which measures react.";
    const [label, format] = CHANGE_NAMES[moving] || [moving === "seed" ? "New draw" : "Reset"];
    const ends = format ? ` from ${format(before.params[moving])} to ${format(shown.params[moving])}` : "";
    const names = Object.keys(MEASURE_NAMES);
    const still = names.filter((name) => Math.abs(shown.measures[name] - before.measures[name]) < STEADY);
    const moved = names.length - still.length;
    if (!moved) return `${label}${ends}: no measure reacts.`;
    if (!still.length) return `${label}${ends}: all measures react.`;
    const list = still.map(measureWords).join(", ");
    const verb = still.length === 1 ? "does" : "do";
    return `${label}${ends}: ${list} ${verb} not react; the other ${moved} do.`;
  }

  function finish() {
    const numbers = Object.entries(shown.measures).map(
      ([name, value]) => `${measureWords(name)} ${signedText(value)}`,
    );
    own.finish(`${story.textContent} ${numbers.join("; ")}.`);
  }

  function measureTable() {
    const rows = Object.entries(MEASURE_NAMES).map(([name, words]) => {
      const [now, old] = [shown.measures[name], before.measures[name]];
      return [words, ...[now, old, now - old].map(signedText)];
    });
    return table("Similarity of both clouds", ["measure", "now", "before", "change"], rows);
  }

  own.layOut({
    heading: "Which measures react?",
    actions: [newDraw, button("Reset", "", () => own.visit(own.initial))],
    picture: div(
      "ibx-both",
      div("ibx-two", ...planes.map(({ element }) => element)),
      div("ibx-measures", heading, ...bars.elements, scale),
    ),
    panel: controlPanel(controls),
    parts: [story],
    controls,
  });
  own.start();
  return own.close;
}
