const OBJECTS = 16;
const HALF = 100; // pictures count half percents
const LEARNERS = ["network", "ideal", "memory"];
const BOUND_NAMES = ["ideal learner", "memory, majority"];

/** How a look is called in a chart and in a sentence. */
function lookNames(look) {
  const [method, steps] = look.split(" ");
  const count = `${steps} ${steps === "1" ? "step" : "steps"}`;
  if (method === "random") return ["random", `random start, ${count} of AdamW`];
  if (steps === "0") return ["before", "learned start, before any step"];
  return [count, `learned start, after ${count}`];
}

const percentOfHalf = (value) => `${Math.round(value / 2)}\u00a0%`;
const hitOf = (value, label) => (value === HALF ? 0.5 : value > HALF === Boolean(label) ? 1 : 0);
const examplesText = (count) => (count === 1 ? "1 example" : `${count} examples`);

/** How many objects a picture is right about, among those of which `counted(object)` holds. */
const hitsOf = (picture, labels, counted = () => true) =>
  sumOf(Array.from(picture, (value, i) => (counted(i) ? hitOf(value, labels[i]) : 0)));

/** One of the 16 objects and what is said of it. */
function objectCell(object, { network, ideal, labels, seen }) {
  const [value, shown, truth] = [network[object], seen.has(object), labels[object] ? "yes" : "no"];
  const hit = hitOf(value, labels[object]);
  const [mark, verdict] = { 1: ["\u2713", "right"], 0.5: ["\u2013", "undecided"], 0: ["\u2717", "wrong"] }[
    hit
  ];
  const best = `ideal ${percentOfHalf(ideal[object])}`;
  const label = (name, text) => node("span", { class: `ibx-${name}` }, text);
  const fill = node("i", { style: `width:${value / 2}%` });
  const first = `${objectInWords(object)}: ${shown ? "shown" : "not shown"}, ${truth}`;
  return node(
    "li",
    { class: "ibx-object", "data-shown": shown ? "1" : "0", "data-hit": hit, "data-value": value },
    label("spoken", `${first}; network ${percentOfHalf(value)} yes, ${verdict}; ${best}.`),
    node(
      "div",
      { "aria-hidden": "true" },
      label("huename", GLYPH_WORDS[0][featuresOf(object)[0]]),
      glyph(object),
      node("b", {}, `${mark} ${percentOfHalf(value)}`),
      node("span", { class: "ibx-meter", "aria-hidden": "true" }, fill),
      label("ideal", best),
      label("tag", `${shown ? "shown" : "truth"}: ${truth}`),
    ),
  );
}

/** Bars of accuracy: one for each look at the network, then the ideal learner and memory. */
function accuracyBars(names) {
  const bars = namedBars(names.map((name, i) => [Math.max(0, i + 3 - names.length), name]));
  return {
    element: div("ibx-tally", div("ibx-heading", "Right on how many of the 16 objects"), ...bars.rows),
    draw(values, chosen) {
      bars.draw(values.map((value) => [value / OBJECTS, String(value)]));
      bars.rows.forEach((row, i) => row.classList.toggle("ibx-chosen", i === chosen));
    },
  };
}

/** Where the packed pictures of each learner stand, by the choices of the controls. */
function conceptPictures(pictures, choices) {
  const place = (p, names) =>
    names.reduce((index, name) => index * choices[name].length + choices[name].indexOf(p[name]), 0);
  const count = (names) => names.reduce((product, name) => product * choices[name].length, 1);
  const task = ["concept", "order", "support"];
  const every = ["architecture", "look", ...task];
  return {
    network: (p) => pictures[place(p, every)],
    ideal: (p) => pictures[count(every) + place(p, task)],
    memory: (p) => pictures[count(every) + count(task) + place(p, task)],
  };
}

/** Draw the explorer of learned concepts; returns what closes it. */
function conceptLearner(context) {
  const setup = context.model.get("setup");
  const { choices } = setup;
  const { support: sizes, look: looks } = choices;
  let at = null; // the pictures, once they are inflated
  const ready = unpackPictures(setup.pictures, 4).then((unpacked) => {
    at = conceptPictures(unpacked, choices);
  });

  const objects = node("ul", { class: "ibx-objects" });
  const heading = div("ibx-heading ibx-whose");
  const how =
    "\u2713 right, \u2717 wrong; percent: how probable the network finds \u201cyes\u201d; thick frame: shown";
  const barNames = [...setup.controls.look.texts, ...BOUND_NAMES];
  const bars = accuracyBars(barNames);
  const chart = lineChart({
    heading: "Accuracy in % over the number of examples",
    note: "this concept and order; the ideal learner is best on average over concepts, not on each",
    names: ["network", ...BOUND_NAMES],
    x: endedAxis(sizes[0], sizes[sizes.length - 1]),
    y: (share) => (100 * (1.04 - share)) / 1.04,
    xTicks: textPairs(sizes.filter((size) => size % 5 === 0)),
    yTicks: textPairs([0, 0.25, 0.5, 0.75, 1], (share) => `${100 * share}`),
  });

  function state(p) {
    const concept = choices.concept.indexOf(p.concept);
    const labels = setup.labels[concept];
    const seen = new Set(setup.shown[concept][choices.order.indexOf(p.order)].slice(0, p.support));
    const [network, ideal, memory] = LEARNERS.map((name) => at[name](p));
    const scores = looks.map((look) => hitsOf(at.network({ ...p, look }), labels));
    const right = [network, ideal, memory].map((picture) => hitsOf(picture, labels));
    return { p, labels, seen, network, ideal, memory, scores, right };
  }

  /** The accuracy of a learner over the number of examples. */
  const curveOf = (name, p, labels) =>
    sizes.map((support) => [support, hitsOf(at[name]({ ...p, support }), labels) / OBJECTS]);

  function draw(shown, words) {
    const { p, labels, right, scores } = shown;
    const [short, long] = lookNames(p.look);
    heading.textContent = `${p.architecture}, ${long}`;
    objects.replaceChildren(...Array.from(labels, (_, object) => objectCell(object, shown)));
    bars.draw([...scores, ...right.slice(1)], looks.indexOf(p.look));
    const ends = [short, "ideal", "memory"];
    chart.draw(LEARNERS.map((name, i) => ({ points: curveOf(name, p, labels), end: ends[i] })));
    chart.mark(p.support, "");
    chart.describe(
      `Accuracy over the number of examples: network solid, ideal learner dashed, memory dotted. ${words}`,
    );
  }

  /** What the network gets right, of the examples and of the rest, beside the other learners. */
  function sentence({ p, labels, seen, network, right }) {
    const first = `\u201c${p.concept}\u201d after ${examplesText(p.support)}: the ${p.architecture} (${lookNames(p.look)[1]}) is right on ${right[0]} of 16 objects`;
    const examples = hitsOf(network, labels, (object) => seen.has(object));
    const parts = `${examples} of the ${p.support} shown and ${right[0] - examples} of the ${OBJECTS - p.support} others`;
    return `${first}, ${parts}. The ideal learner is right on ${right[1]}, memory with majority on ${right[2]}.`;
  }

  function objectTable({ p, labels, seen, ...pictures }) {
    const rows = Array.from(labels, (label, i) => [
      objectInWords(i),
      seen.has(i) ? "yes" : "no",
      label ? "yes" : "no",
      ...LEARNERS.map((name) => `${(pictures[name][i] / 2).toFixed(1)}\u00a0%`),
    ]);
    const head = ["object", "shown", "in the concept", "network", ...BOUND_NAMES];
    return [`Probability of \u201cyes\u201d: ${p.architecture}, ${lookNames(p.look)[1]}`, head, rows];
  }

  function sizeTable({ p }) {
    const rows = sizes.map((support) => {
      const { scores, right } = state({ ...p, support });
      return [support, ...scores, ...right.slice(1)];
    });
    const title = `Objects right of 16: ${p.architecture}, \u201c${p.concept}\u201d`;
    return [title, ["examples", ...barNames], rows];
  }

  return drawStored(context, {
    name: "Concept learning explorer",
    className: "ibx-concept",
    title: "Learning a concept from examples",
    ready,
    picture: div("ibx-board", heading, div("ibx-note", how), objects),
    body: ({ story }) => [div("ibx-side", bars.element, chart.element), story],
    state,
    draw,
    sentence,
    data: ({ right }) => Object.fromEntries(LEARNERS.map((name, i) => [name, right[i] / OBJECTS])),
    status({ p }) {
      const size = setup.parameters[choices.architecture.indexOf(p.architecture)];
      return `one network of ${countText(size)} parameters`;
    },
    tables: (shown) => [objectTable(shown), sizeTable(shown)],
  });
}
