const REMAINDER_NUMBERS = 100;
const REMAINDER_AXES = ["view", "split", "support", "modulus"];
const VIEW_WORDS = { bits: "binary digits", circular: "circular features" };
const SPLIT_WORDS = { interpolation: "odd moduli", extrapolation: "moduli 1 to 20" };

const ERROR_TICKS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300];

/** Answers and counts from their squares: answers are tenths in two bytes, low ones first. */
function remainderData(squares, choices) {
  const [views, splits, supports, moduli] = REMAINDER_AXES.map((name) => choices[name].length);
  const after = views * splits * supports * moduli;
  const answers = after + views * splits;
  const tenths = (k) =>
    Float64Array.from(squares[k], (low, i) => {
      const value = low + 256 * squares[answers + k][i];
      return (value < 32768 ? value : value - 65536) / 10;
    });
  return (p) => {
    const [view, split, support, modulus] = REMAINDER_AXES.map((name) => choices[name].indexOf(p[name]));
    const [before, task] = [view * splits + split, support * moduli + modulus];
    return {
      answers: tenths(p.steps ? before * supports * moduli + task : after + before),
      counts: squares[2 * answers + split * supports * moduli + task],
    };
  };
}

/** Vertical bands behind a chart, one around each of some values. */
function shadeBehind(chart, values, x, half) {
  const bands = values.map((value) => {
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
  const answersPlace = div("ibx-answers");
  const errorsPlace = div("ibx-errors");
  const story = div("ibx-story");
  const status = div("ibx-status");
  const folded = foldedTables(() => [answerTable(), errorTable()]);
  const typical = [errors, constants].flat(6).filter((error) => error > 0);
  const [least, most] = [Math.sqrt(Math.min(...typical)) / 1.1, 1.1 * Math.sqrt(Math.max(...typical))];
  const isTrained = (modulus, split) => trained[choices.split.indexOf(split)][moduli.indexOf(modulus)];
  const kind = (modulus) => (isTrained(modulus, own.params().split) ? "training modulus" : "test modulus");
  const pairs = (values, words) => textPairs(values, (value) => words[value] || String(value));
  const controls = {
    modulus: slider("Modulus m", moduli, (modulus) => `${modulus}, ${kind(modulus)}`, own.set("modulus")),
    steps: choice("Look", pairs([0, 1], ["before", "after 1 step"]), own.set("steps")),
    support: choice("Examples", textPairs(choices.support), own.set("support")),
    split: choice("Meta-trained on", pairs(choices.split, SPLIT_WORDS), own.set("split")),
    view: choice("Numbers shown as", pairs(choices.view, VIEW_WORDS), own.set("view")),
  };
  Object.values(controls).forEach(wide);
  own.host.body.append(
    div(
      "ibx-head",
      div("ibx-title", "Learning x mod m from a few examples"),
      div("ibx-actions", own.reset()),
    ),
    controlPanel(controls),
    answersPlace,
    errorsPlace,
    story,
    status,
    folded.element,
  );

  /** All that is shown of one choice; errors are mean squares over all moduli, before and after. */
  function stateOf(p) {
    const m = moduli.indexOf(p.modulus);
    const [view, split, support] = REMAINDER_AXES.map((name) => choices[name].indexOf(p[name]));
    const both = errors.map((of) => of[view][split][support]);
    const truth = Array.from({ length: REMAINDER_NUMBERS }, (_, x) => x % p.modulus);
    const [before, after] = both.map((all) => all[m]);
    return { params: p, truth, both, before, after, constant: constants[m], ...stored(p) };
  }

  function show(p, resting) {
    shown = stateOf(p);
    const { before, after, constant } = shown;
    story.textContent = resultInWords(shown);
    drawAnswers(shown);
    drawErrors(shown);
    const trainedOn = isTrained(p.modulus, p.split) ? "train" : "test";
    own.write({ error: p.steps ? after : before, constant, before, kind: trainedOn });
    status.textContent = `${sourceInWords(setup.source)}; one ${setup.architecture}`;
    if (resting) finish();
  }

  const xOf = (x) => 1 + (98 * x) / (REMAINDER_NUMBERS - 1);

  function drawAnswers({ params: p, truth, answers, counts }) {
    const mean = sumOf(truth) / REMAINDER_NUMBERS;
    const axis = roundAxis(Math.min(0, ...answers), Math.max(p.modulus - 1, 1, ...answers));
    const chart = lineChart({
      heading: `Answer for each number x, m = ${p.modulus} (${kind(p.modulus)})`,
      note: `small marks below: the ${p.support} examples, drawn with replacement, noise 0.1`,
      names: [
        `network ${p.steps ? "after 1 step" : "before"}`,
        "x mod m",
        `best constant, ${mean.toFixed(1)}`,
      ],
      x: xOf,
      y: (value) => 4 + (88 * (axis.last - value)) / (axis.last - axis.first),
      xTicks: textPairs([0, 20, 40, 60, 80, 99]),
      yTicks: textPairs(axis.ticks, (value) => withMinus(String(value))),
    });
    const flat = [0, REMAINDER_NUMBERS - 1].map((x) => [x, mean]);
    const curves = [answers, truth].map((values) => Array.from(values, (value, x) => [x, value]));
    chart.draw([...curves, flat].map((points) => ({ points })));
    const rug = Array.from(counts, (count, x) => (count ? `M${xOf(x).toFixed(2)} 96V100` : "")).join("");
    chart.element.querySelector(".ibx-frame svg").append(node("path", { d: rug, class: "ibx-rug" }));
    answersPlace.replaceChildren(chart.element);
    chart.describe(
      `Answers of the network solid, x mod m dashed, best constant dotted. ${story.textContent}`,
    );
  }

  function drawErrors({ params: p, both: [before, after] }) {
    const y = (value) => (100 * Math.log(most / value)) / Math.log(most / least);
    const x = endedAxis(moduli[0], moduli[moduli.length - 1]);
    const chart = lineChart({
      heading: "Typical error over the modulus m",
      note: "root mean squared error over all x, logarithmic; shaded: test moduli",
      names: ["after 1 step", "before", "best constant"],
      x,
      y,
      xTicks: textPairs(moduli.filter((modulus) => modulus === moduli[0] || modulus % 10 === 0)),
      yTicks: textPairs(ERROR_TICKS.filter((value) => value > least && value < most)),
    });
    const tested = moduli.filter((modulus) => !isTrained(modulus, p.split));
    const lines = [after, before, constants].map((squares) =>
      squares.map((square, i) => [moduli[i], Math.sqrt(square)]).filter(([, error]) => error > 0),
    );
    const names = ["1 step", "before", "constant"];
    const last = (line) => y(line[line.length - 1][1]);
    shadeBehind(chart, tested, x, 0.5);
    chart.draw(lines.map((points) => ({ points })));
    chart.mark(p.modulus, "");
    endNames(chart).draw(lines.map((points, line) => ({ name: names[line], y: last(points), line })));
    errorsPlace.replaceChildren(chart.element);
    chart.describe(
      `Typical error over the modulus: one step solid, before dashed, best constant dotted. ${story.textContent}`,
    );
  }

  /** The typical error before and after, and whether it beats the best constant. */
  function resultInWords({ params: p, ...squares }) {
    const [before, after, flat] = ["before", "after", "constant"].map((name) => Math.sqrt(squares[name]));
    const where = `Modulus ${p.modulus}, a ${kind(p.modulus)} (meta-trained on ${SPLIT_WORDS[p.split] || p.split}), ${VIEW_WORDS[p.view] || p.view}, ${p.support} examples`;
    const verdict = after < flat ? "better than" : after > flat ? "worse than" : "as good as";
    return `${where}: one step changes the typical error from ${before.toFixed(1)} to ${after.toFixed(1)}, ${verdict} the best constant, ${flat.toFixed(1)}.`;
  }

  function finish() {
    own.announce(`${shown.params.steps ? "After 1 step" : "Before the step"}. ${story.textContent}`);
    folded.refresh();
  }

  const withMinus = (text) => text.replace("-", "\u2212");

  function answerTable() {
    const { params: p, truth, answers, counts } = shown;
    const rows = truth.map((rest, x) => [x, rest, withMinus(answers[x].toFixed(1)), counts[x]]);
    const head = ["x", `x mod ${p.modulus}`, "network", "times shown"];
    return table(`Answers ${p.steps ? "after 1 step" : "before the step"}, modulus ${p.modulus}`, head, rows);
  }

  function errorTable() {
    const { params: p, both } = shown;
    const rows = moduli.map((modulus, i) => [
      modulus,
      isTrained(modulus, p.split) ? "training" : "test",
      ...[...both, constants].map((squares) => squares[i].toFixed(2)),
    ]);
    const head = ["modulus", "kind", "before", "after 1 step", "best constant"];
    return table(`Mean squared error over all x, ${p.support} examples`, head, rows);
  }

  own.addControls(controls);
  unpackPictures(setup.answers, 10).then((squares) => {
    stored = remainderData(squares, choices);
    own.start(show);
  }, cannotShow(status));
  return own.close;
}
