const REMAINDER_NUMBERS = 100;
const REMAINDER_AXES = ["view", "split", "support", "modulus"];
const VIEW_WORDS = { bits: "binary digits", circular: "circular features" };
const SPLIT_WORDS = { interpolation: "odd moduli", extrapolation: "moduli 1 to 20" };

const ERROR_TICKS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300];

/** Answers and counts from their squares: answers are tenths in two bytes, low ones first. */
function remainderData(squares, choices) {
  const sizes = REMAINDER_AXES.map((name) => choices[name].length);
  const [views, splits, supports, moduli] = sizes;
  const after = views * splits * supports * moduli;
  const answers = after + views * splits;
  const tenths = (k) =>
    Float64Array.from(squares[k], (low, i) => {
      const value = low + 256 * squares[answers + k][i];
      return (value < 32768 ? value : value - 65536) / 10;
    });
  const at = (p) => REMAINDER_AXES.map((name) => choices[name].indexOf(p[name]));
  return {
    answers(p) {
      const [view, split, support, modulus] = at(p);
      if (!p.steps) return tenths(after + view * splits + split);
      return tenths(((view * splits + split) * supports + support) * moduli + modulus);
    },
    counts(p) {
      const [, split, support, modulus] = at(p);
      return squares[2 * answers + (split * supports + support) * moduli + modulus];
    },
  };
}

/** Round ends and ticks of an axis that holds some values. */
function roundAxis(low, high) {
  const step = [1, 2, 5, 10, 20, 50, 100, 200].find((size) => (high - low) / size <= 6) || 500;
  const [first, last] = [step * Math.floor(low / step), step * Math.ceil(high / step)];
  const ticks = [];
  for (let value = first; value <= last; value += step) ticks.push(value);
  return { first, last, ticks };
}

/** Vertical bands behind a chart, one for each run of chosen values. */
function shadeRuns(chart, values, chosen, x, half) {
  const bands = values
    .filter((_, i) => chosen[i])
    .map((value) => {
      const [left, right] = [x(value - half), x(value + half)];
      return node("i", { class: "ibx-shade", style: `left:${left}%;width:${right - left}%` });
    });
  chart.element.querySelector(".ibx-frame").prepend(...bands);
}

/** Draw the explorer of learned remainders; returns what closes it. */
function remainderLearner({ model, el }) {
  const setup = model.get("setup");
  const { choices, errors, constants, trained } = setup;
  const moduli = choices.modulus;
  let stored = null; // until it is inflated
  let shown = null;

  const own = storedFigure({ model, el, title: "Remainder learning explorer", className: "ibx-remainder" });
  const answersPlace = node("div", { class: "ibx-answers" });
  const errorsPlace = node("div", { class: "ibx-errors" });
  const result = node("div", { class: "ibx-story" });
  const status = node("div", { class: "ibx-status" });
  const folded = foldedTables(() => [answerTable(), errorTable()]);
  const typical = [errors, constants]
    .flat(6)
    .filter((error) => error > 0)
    .map(Math.sqrt);
  const [least, most] = [Math.min(...typical) / 1.1, 1.1 * Math.max(...typical)];
  const isTrained = (modulus, split) => trained[choices.split.indexOf(split)][moduli.indexOf(modulus)];
  const kind = (modulus) => (isTrained(modulus, own.params().split) ? "training modulus" : "test modulus");
  const pairs = (values, words) => values.map((value) => [value, words[value] || String(value)]);
  const controls = {
    modulus: slider("Modulus m", moduli, (modulus) => `${modulus}, ${kind(modulus)}`, own.set("modulus")),
    steps: choice(
      "Look",
      [
        [0, "before"],
        [1, "after 1 step"],
      ],
      own.set("steps"),
    ),
    support: choice("Examples", pairs(choices.support, {}), own.set("support")),
    split: choice("Meta-trained on", pairs(choices.split, SPLIT_WORDS), own.set("split")),
    view: choice("Numbers shown as", pairs(choices.view, VIEW_WORDS), own.set("view")),
  };
  Object.values(controls).forEach((control) => control.element.classList.add("ibx-wide"));
  const title = node("div", { class: "ibx-title" }, "Learning x mod m from a few examples");
  own.host.body.append(
    node("div", { class: "ibx-head" }, title, node("div", { class: "ibx-actions" }, own.reset())),
    node("div", { class: "ibx-controls" }, ...Object.values(controls).map((control) => control.element)),
    answersPlace,
    errorsPlace,
    result,
    status,
    folded.element,
  );

  /** Mean squared errors of one choice over all moduli, before or after. */
  function errorsOf(p, steps) {
    const [view, split, support] = REMAINDER_AXES.map((name) => choices[name].indexOf(p[name]));
    return errors[steps][view][split][support];
  }

  /** All that is shown of one choice. */
  function stateOf(p) {
    const m = moduli.indexOf(p.modulus);
    const truth = Array.from({ length: REMAINDER_NUMBERS }, (_, x) => x % p.modulus);
    const mean = truth.reduce((a, b) => a + b) / REMAINDER_NUMBERS;
    const both = [0, 1].map((steps) => errorsOf(p, steps)[m]);
    const of = { answers: stored.answers(p), counts: stored.counts(p) };
    return { params: p, truth, mean, both, error: both[p.steps], constant: constants[m], ...of };
  }

  function show(state, resting) {
    shown = state;
    drawAnswers(state);
    drawErrors(state);
    result.textContent = resultInWords(state);
    const { params: p, error, constant, both } = state;
    const kindOf = isTrained(p.modulus, p.split) ? "train" : "test";
    own.write({
      error,
      constant,
      before: both[0],
      kind: kindOf,
    });
    status.textContent = `${sourceInWords(setup.source)}; one ${setup.architecture}`;
    if (resting) finish();
  }

  const xOf = (x) => 1 + (98 * x) / (REMAINDER_NUMBERS - 1);

  function drawAnswers({ params: p, truth, mean, answers, counts }) {
    const axis = roundAxis(Math.min(0, ...answers), Math.max(p.modulus - 1, 1, ...answers));
    const y = (value) => 4 + (88 * (axis.last - value)) / (axis.last - axis.first);
    const chart = lineChart({
      heading: `Answer for each number x, m = ${p.modulus} (${kind(p.modulus)})`,
      note: `small marks below: the ${p.support} examples, drawn with replacement, noise 0.1`,
      names: [
        `network ${p.steps ? "after 1 step" : "before"}`,
        "x mod m",
        `best constant, ${mean.toFixed(1)}`,
      ],
      x: xOf,
      y,
      xTicks: [0, 20, 40, 60, 80, 99].map((x) => [x, String(x)]),
      yTicks: axis.ticks.map((value) => [value, String(value).replace("-", "\u2212")]),
    });
    const points = (values) => ({ points: Array.from(values, (value, x) => [x, value]) });
    chart.draw([
      points(answers),
      points(truth),
      {
        points: [
          [0, mean],
          [REMAINDER_NUMBERS - 1, mean],
        ],
      },
    ]);
    const rug = Array.from(counts, (count, x) => (count ? `M${xOf(x).toFixed(2)} 96V100` : "")).join("");
    chart.element.querySelector(".ibx-frame svg").append(node("path", { d: rug, class: "ibx-rug" }));
    answersPlace.replaceChildren(chart.element);
    chart.describe(
      `Answers of the network solid, x mod m dashed, best constant dotted. ${resultInWords(shown)}`,
    );
  }

  function drawErrors({ params: p }) {
    const root = (values) => values.map((value, i) => [moduli[i], Math.sqrt(value)]).filter(([, e]) => e > 0);
    const lines = [root(errorsOf(p, 1)), root(errorsOf(p, 0)), root(constants)];
    const y = (value) => (100 * Math.log(most / value)) / Math.log(most / least);
    const x = endedAxis(moduli[0], moduli[moduli.length - 1]);
    const chart = lineChart({
      heading: "Typical error over the modulus m",
      note: "root mean squared error over all x, logarithmic; shaded: test moduli",
      names: ["after 1 step", "before", "best constant"],
      x,
      y,
      xTicks: moduli
        .filter((modulus) => modulus === moduli[0] || modulus % 10 === 0)
        .map((m) => [m, String(m)]),
      yTicks: ERROR_TICKS.filter((value) => value > least && value < most).map((value) => [
        value,
        String(value),
      ]),
    });
    shadeRuns(
      chart,
      moduli,
      moduli.map((modulus) => !isTrained(modulus, p.split)),
      x,
      0.5,
    );
    chart.draw(lines.map((points) => ({ points })));
    chart.mark(p.modulus, "");
    const names = ["1 step", "before", "constant"];
    endNames(chart).draw(
      lines.map((line, i) => ({ name: names[i], y: y(line[line.length - 1][1]), line: i })),
    );
    errorsPlace.replaceChildren(chart.element);
    chart.describe(
      `Typical error over the modulus: one step solid, before dashed, best constant dotted. ${resultInWords(shown)}`,
    );
  }

  /** The typical error before and after, and whether it beats the best constant. */
  function resultInWords({ params: p, both, constant }) {
    const [before, after, flat] = [...both, constant].map((value) => Math.sqrt(value));
    const where = `Modulus ${p.modulus}, a ${kind(p.modulus)} (meta-trained on ${SPLIT_WORDS[p.split] || p.split}), ${VIEW_WORDS[p.view] || p.view}, ${p.support} examples`;
    const verdict = after < flat ? "better than" : after > flat ? "worse than" : "as good as";
    return `${where}: one step changes the typical error from ${before.toFixed(1)} to ${after.toFixed(1)}, ${verdict} the best constant, ${flat.toFixed(1)}.`;
  }

  function finish() {
    own.announce(`${shown.params.steps ? "After 1 step" : "Before the step"}. ${resultInWords(shown)}`);
    folded.refresh();
  }

  const minus = (text) => text.replace("-", "\u2212");

  function answerTable() {
    const { params: p, truth, answers, counts } = shown;
    const rows = truth.map((rest, x) => [x, rest, minus(answers[x].toFixed(1)), counts[x]]);
    const head = ["x", `x mod ${p.modulus}`, "network", "times shown"];
    return table(`Answers ${p.steps ? "after 1 step" : "before the step"}, modulus ${p.modulus}`, head, rows);
  }

  function errorTable() {
    const { params: p } = shown;
    const rows = moduli.map((modulus, i) => [
      modulus,
      isTrained(modulus, p.split) ? "training" : "test",
      ...[errorsOf(p, 0)[i], errorsOf(p, 1)[i], constants[i]].map((value) => value.toFixed(2)),
    ]);
    const head = ["modulus", "kind", "before", "after 1 step", "best constant"];
    return table(`Mean squared error over all x, ${p.support} examples`, head, rows);
  }

  own.addControls(controls);
  unpackPictures(setup.answers, 10).then((squares) => {
    stored = remainderData(squares, choices);
    own.start((p, resting) => show(stateOf(p), resting));
  }, cannotShow(status));
  return own.close;
}
