const CONCEPT_KEYS = ["architecture", "concept", "order", "support", "look"];
const OBJECTS = 16;
const HALF = 100; // pictures count half percents

/** How a look is called: on its button, in a chart, and in a sentence. */
function lookNames(look) {
  const [method, steps] = look.split(" ");
  const count = `${steps} ${steps === "1" ? "step" : "steps"}`;
  if (method === "random") return [`random, ${count}`, "random", `random start, ${count} of AdamW`];
  if (steps === "0") return ["before", "before", "learned start, before any step"];
  return [`after ${count}`, count, `learned start, after ${count}`];
}

const percentOfHalf = (value) => `${Math.round(value / 2)}\u00a0%`;
const hitOf = (value, label) => (value === HALF ? 0.5 : value > HALF === Boolean(label) ? 1 : 0);
const examplesText = (count) => (count === 1 ? "1 example" : `${count} examples`);

/** The 16 objects with what is said of them, a cell for each. */
function objectGrid() {
  const cells = Array.from({ length: OBJECTS }, (_, object) => {
    const belief = node("b");
    const fill = node("i");
    const ideal = node("span", { class: "ibx-ideal" });
    const tag = node("span", { class: "ibx-tag" });
    const hue = node("span", { class: "ibx-huename" }, GLYPH_WORDS[0][featuresOf(object)[0]]);
    const meter = node("span", { class: "ibx-meter", "aria-hidden": "true" }, fill);
    const words = node("span", { class: "ibx-spoken" });
    const seen = node("div", { "aria-hidden": "true" }, hue, glyph(object), belief, meter, ideal, tag);
    const element = node("li", { class: "ibx-object" }, words, seen);
    return { element, belief, fill, ideal, tag, words };
  });
  const list = node("ul", { class: "ibx-objects" }, ...cells.map(({ element }) => element));
  return {
    element: list,
    draw({ network, ideal, labels, seen }) {
      cells.forEach((cell, object) => {
        const [value, label, shown] = [network[object], labels[object], seen.has(object)];
        const hit = hitOf(value, label);
        const mark = hit === 1 ? "\u2713" : hit ? "\u2013" : "\u2717";
        cell.belief.textContent = `${mark} ${percentOfHalf(value)}`;
        cell.fill.style.width = `${value / 2}%`;
        cell.ideal.textContent = `ideal ${percentOfHalf(ideal[object])}`;
        cell.tag.textContent = `${shown ? "shown" : "truth"}: ${label ? "yes" : "no"}`;
        cell.element.dataset.shown = shown ? "1" : "0";
        cell.element.dataset.hit = String(hit);
        cell.element.dataset.value = String(value);
        const verdict = hit === 1 ? "right" : hit ? "undecided" : "wrong";
        cell.words.textContent =
          `${objectInWords(object)}: ${shown ? "shown" : "not shown"}, ${label ? "yes" : "no"}; ` +
          `network ${percentOfHalf(value)} yes, ${verdict}; ideal ${percentOfHalf(ideal[object])}.`;
      });
    },
  };
}

/** Bars of accuracy: one for each look at the network, then the ideal learner and memory. */
function accuracyBars(names) {
  const rows = names.map((name, i) => {
    const output = node("output");
    const label = node("span", {}, name);
    const bar = node("i", { class: `ibx-bar-${i < names.length - 2 ? 0 : i === names.length - 2 ? 1 : 2}` });
    const element = node(
      "div",
      { class: "ibx-bars" },
      label,
      node("span", { "aria-hidden": "true" }, bar),
      output,
    );
    return { element, output, bar };
  });
  const heading = node("div", { class: "ibx-heading" }, "Right on how many of the 16 objects");
  return {
    element: node("div", { class: "ibx-tally" }, heading, ...rows.map(({ element }) => element)),
    draw(values, chosen) {
      rows.forEach(({ element, output, bar }, i) => {
        output.textContent = String(values[i]);
        bar.style.width = `${(100 * values[i]) / OBJECTS}%`;
        element.classList.toggle("ibx-chosen", i === chosen);
      });
    },
  };
}

/** Draw the explorer of learned concepts; returns what closes it. */
function conceptLearner({ model, el }) {
  const setup = model.get("setup");
  const { choices } = setup;
  const { support: sizes, look: looks } = choices;
  let pictures = null; // until they are inflated
  let shown = null;

  const own = storedFigure({ model, el, title: "Concept learning explorer", className: "ibx-concept" });
  const grid = objectGrid();
  const heading = node("div", { class: "ibx-heading ibx-whose" });
  const how =
    "\u2713 right, \u2717 wrong; percent: how probable the network finds \u201cyes\u201d; thick frame: shown";
  const objects = node(
    "div",
    { class: "ibx-board" },
    heading,
    node("div", { class: "ibx-note" }, how),
    grid.element,
  );
  const bars = accuracyBars([
    ...looks.map((look) => lookNames(look)[0]),
    "ideal learner",
    "memory, majority",
  ]);
  const x = endedAxis(sizes[0], sizes[sizes.length - 1]);
  const chart = lineChart({
    heading: "Accuracy in % over the number of examples",
    note: "this concept and order; the ideal learner is best on average over concepts, not on each",
    names: ["network", "ideal learner", "memory, majority"],
    x,
    y: conceptHeight,
    xTicks: sizes.filter((size) => size % 5 === 0).map((size) => [size, String(size)]),
    yTicks: [0, 0.25, 0.5, 0.75, 1].map((share) => [share, `${100 * share}`]),
  });
  const ends = endNames(chart);
  const side = node("div", { class: "ibx-side" }, bars.element, chart.element);
  const result = node("div", { class: "ibx-story" });
  const status = node("div", { class: "ibx-status" });
  const folded = foldedTables(() => [objectTable(), sizeTable()]);
  const pairs = (values) => values.map((value) => [value, String(value)]);
  const controls = {
    support: slider("Examples", sizes, String, own.set("support")),
    architecture: dropdown("Architecture", pairs(choices.architecture), own.set("architecture")),
    concept: dropdown("Concept", pairs(choices.concept), own.set("concept")),
    look: choice(
      "Look at the network",
      looks.map((look) => [look, lookNames(look)[0]]),
      own.set("look"),
    ),
    order: choice(
      "Order of examples",
      choices.order.map((order) => [order, String(order + 1)]),
      own.set("order"),
    ),
  };
  controls.look.element.classList.add("ibx-wide");
  controls.concept.element.classList.add("ibx-wide");
  controls.order.element.classList.add("ibx-wide");
  const title = node("div", { class: "ibx-title" }, "Learning a concept from examples");
  own.host.body.append(
    node("div", { class: "ibx-head" }, title, node("div", { class: "ibx-actions" }, own.reset())),
    node("div", { class: "ibx-controls" }, ...Object.values(controls).map((control) => control.element)),
    objects,
    side,
    result,
    status,
    folded.element,
  );

  const place = (p, names) =>
    names.reduce((index, name) => index * choices[name].length + choices[name].indexOf(p[name]), 0);
  const inner = ["concept", "order", "support"];
  const tasks = inner.reduce((product, name) => product * choices[name].length, 1);
  const networks = choices.architecture.length * looks.length * tasks;
  const networkAt = (p) => pictures[place(p, ["architecture", "look", ...inner])];
  const idealAt = (p) => pictures[networks + place(p, inner)];
  const memoryAt = (p) => pictures[networks + tasks + place(p, inner)];

  function score(picture, labels) {
    return Array.from(picture, (value, i) => hitOf(value, labels[i])).reduce((sum, hit) => sum + hit, 0);
  }

  /** All that is shown of one choice. */
  function stateOf(p) {
    const [concept, order] = [choices.concept.indexOf(p.concept), choices.order.indexOf(p.order)];
    const labels = setup.labels[concept];
    const seen = new Set(setup.shown[concept][order].slice(0, p.support));
    const [network, ideal, memory] = [networkAt(p), idealAt(p), memoryAt(p)];
    const scores = looks.map((look) => score(networkAt({ ...p, look }), labels));
    const right = {
      network: score(network, labels),
      ideal: score(ideal, labels),
      memory: score(memory, labels),
    };
    return { params: p, labels, seen, network, ideal, memory, scores, right };
  }

  function curveOf(at, p, labels) {
    return sizes.map((support) => [support, score(at({ ...p, support }), labels) / OBJECTS]);
  }

  function show(state, resting) {
    shown = state;
    const { params: p, labels, right, scores } = state;
    const look = lookNames(p.look);
    heading.textContent = `${p.architecture}, ${look[2]}`;
    grid.draw(state);
    bars.draw([...scores, right.ideal, right.memory], looks.indexOf(p.look));
    const curves = [networkAt, idealAt, memoryAt].map((at) => curveOf(at, p, labels));
    chart.draw(curves.map((points) => ({ points })));
    chart.mark(p.support, "");
    const last = (curve) => conceptHeight(curve[curve.length - 1][1]);
    const names = [look[1], "ideal", "memory"];
    ends.draw(curves.map((curve, line) => ({ name: names[line], y: last(curve), line })));
    result.textContent = resultInWords(state);
    const accuracy = Object.fromEntries(
      ["network", "ideal", "memory"].map((name) => [name, right[name] / OBJECTS]),
    );
    own.write(accuracy);
    const size = setup.parameters[choices.architecture.indexOf(p.architecture)];
    status.textContent = `${sourceInWords(setup.source)}; one network of ${countText(size)} parameters`;
    if (resting) finish();
  }

  /** What the network gets right, of the examples and of the rest, beside the other learners. */
  function resultInWords({ params: p, labels, seen, network, right }) {
    const hits = (inside) =>
      Array.from(network, (value, i) => (seen.has(i) === inside ? hitOf(value, labels[i]) : 0)).reduce(
        (a, b) => a + b,
      );
    const first = `\u201c${p.concept}\u201d after ${examplesText(p.support)}: the ${p.architecture} (${lookNames(p.look)[2]}) is right on ${right.network} of 16 objects`;
    const parts = `${hits(true)} of the ${p.support} shown and ${hits(false)} of the ${OBJECTS - p.support} others`;
    return `${first}, ${parts}. The ideal learner is right on ${right.ideal}, memory with majority on ${right.memory}.`;
  }

  function finish() {
    const words = resultInWords(shown);
    chart.describe(
      `Accuracy over the number of examples: network solid, ideal learner dashed, memory dotted. ${words}`,
    );
    own.announce(words);
    folded.refresh();
  }

  function objectTable() {
    const { params: p, labels, seen, network, ideal, memory } = shown;
    const rows = Array.from({ length: OBJECTS }, (_, i) => [
      objectInWords(i),
      seen.has(i) ? "yes" : "no",
      labels[i] ? "yes" : "no",
      ...[network, ideal, memory].map((picture) => `${(picture[i] / 2).toFixed(1)}\u00a0%`),
    ]);
    const head = ["object", "shown", "in the concept", "network", "ideal learner", "memory, majority"];
    return table(`Probability of \u201cyes\u201d: ${p.architecture}, ${lookNames(p.look)[2]}`, head, rows);
  }

  function sizeTable() {
    const rows = sizes.map((support) => {
      const { scores, right } = stateOf({ ...shown.params, support });
      return [support, ...scores, right.ideal, right.memory];
    });
    const head = [
      "examples",
      ...looks.map((look) => lookNames(look)[0]),
      "ideal learner",
      "memory, majority",
    ];
    return table(
      `Objects right of 16: ${shown.params.architecture}, \u201c${shown.params.concept}\u201d`,
      head,
      rows,
    );
  }

  own.addControls(controls);
  unpackPictures(setup.pictures, 4).then((unpacked) => {
    pictures = unpacked;
    own.start((p, resting) => show(stateOf(p), resting));
  }, cannotShow(status));
  return own.close;
}

const conceptHeight = (share) => (100 * (1.04 - share)) / 1.04;
