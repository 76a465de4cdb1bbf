const REMAINDER_NUMBERS = 100;
const REMAINDER_AXES = ["view", "split", "support", "modulus"];
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
function remainderLearner(context) {
  const setup = context.model.get("setup");
  const { choices, errors, constants, trained } = setup;
  const moduli = choices.modulus;
  let stored = null; // until it is inflated
  const ready = unpackPictures(setup.answers, 10).then((squares) => {
    stored = remainderData(squares, choices);
  });

  const answersPlace = div("ibx-answers");
  const errorsPlace = div("ibx-errors");
  const typical = [errors, constants].flat(6).filter((error) => error > 0);
  const [least, most] = [Math.sqrt(Math.min(...typical)) / 1.1, 1.1 * Math.sqrt(Math.max(...typical))];
  const said = (name, value) => setup.controls[name].texts[choices[name].indexOf(value)];
  const isTrained = (modulus, split) => trained[choices.split.indexOf(split)][moduli.indexOf(modulus)];
  const kindOf = (modulus, split) => (isTrained(modulus, split) ? "training modulus" : "test modulus");

  /** All that is shown of one choice; errors are mean squares over all moduli, before and after. */
  function state(p) {
    const m = moduli.indexOf(p.modulus);
    const [view, split, support] = REMAINDER_AXES.map((name) => choices[name].indexOf(p[name]));
    const both = errors.map((of) => of[view][split][support]);
    const truth = Array.from({ length: REMAINDER_NUMBERS }, (_, x) => x % p.modulus);
    const [before, after] = both.map((all) => all[m]);
    const kind = kindOf(p.modulus, p.split);
    return { p, kind, truth, both, before, after, constant: constants[m], ...stored(p) };
  }

  function drawAnswers({ p, kind, truth, answers, counts }, words) {
    const mean = sumOf(truth) / REMAINDER_NUMBERS;
    const axis = roundAxis(Math.min(0, ...answers), Math.max(p.modulus - 1, 1, ...answers));
    const x = (number) => 1 + (98 * number) / (REMAINDER_NUMBERS - 1);
    const chart = lineChart({
      heading: `Answer for each number x, m = ${p.modulus} (${kind})`,
      note: `small marks below: the ${p.support} examples, drawn with replacement, noise 0.1`,
      names: [
        `network ${p.steps ? "after 1 step" : "before"}`,
        "x mod m",
        `best constant, ${mean.toFixed(1)}`,
      ],
      x,
      y: (value) => 4 + (88 * (axis.last - value)) / (axis.last - axis.first),
      xTicks: textPairs([0, 20, 40, 60, 80, 99]),
      yTicks: textPairs(axis.ticks, (value) => minus(String(value))),
    });
    const flat = [0, REMAINDER_NUMBERS - 1].map((end) => [end, mean]);
    const curves = [answers, truth].map((values) => Array.from(values, (value, number) => [number, value]));
    chart.draw([...curves, flat].map((points) => ({ points })));
    const rug = Array.from(counts, (count, number) => (count ? `M${x(number).toFixed(2)} 96V100` : ""));
    const marks = node("path", { d: rug.join(""), class: "ibx-rug" });
    chart.element.querySelector(".ibx-frame svg").append(marks);
    answersPlace.replaceChildren(chart.element);
    chart.describe(`Answers of the network solid, x mod m dashed, best constant dotted. ${words}`);
  }

  function drawErrors({ p, both: [before, after] }, words) {
    const x = endedAxis(moduli[0], moduli[moduli.length - 1]);
    const chart = lineChart({
      heading: "Typical error over the modulus m",
      note: "root mean squared error over all x, logarithmic; shaded: test moduli",
      names: ["after 1 step", "before", "best constant"],
      x,
      y: (value) => (100 * Math.log(most / value)) / Math.log(most / least),
      xTicks: textPairs(moduli.filter((modulus) => modulus === moduli[0] || modulus % 10 === 0)),
      yTicks: textPairs(ERROR_TICKS.filter((value) => value > least && value < most)),
    });
    const tested = moduli.filter((modulus) => !isTrained(modulus, p.split));
    const line = (squares, end) => {
      const points = squares.map((square, i) => [moduli[i], Math.sqrt(square)]);
      return { points: points.filter(([, error]) => error > 0), end };
    };
    shadeBehind(chart, tested, x, 0.5);
    chart.draw([line(after, "1 step"), line(before, "before"), line(constants, "constant")]);
    chart.mark(p.modulus, "");
    errorsPlace.replaceChildren(chart.element);
    chart.describe(
      `Typical error over the modulus: one step solid, before dashed, best constant dotted. ${words}`,
    );
  }

  /** The typical error before and after, and whether it beats the best constant. */
  function sentence({ p, kind, ...squares }) {
    const [before, after, flat] = ["before", "after", "constant"].map((name) => Math.sqrt(squares[name]));
    const where = `Modulus ${p.modulus}, a ${kind} (meta-trained on ${said("split", p.split)}), ${said("view", p.view)}, ${p.support} examples`;
    const verdict = after < flat ? "better than" : after > flat ? "worse than" : "as good as";
    return `${where}: one step changes the typical error from ${before.toFixed(1)} to ${after.toFixed(1)}, ${verdict} the best constant, ${flat.toFixed(1)}.`;
  }

  function answerTable({ p, truth, answers, counts }) {
    const rows = truth.map((rest, x) => [x, rest, minus(answers[x].toFixed(1)), counts[x]]);
    const head = ["x", `x mod ${p.modulus}`, "network", "times shown"];
    return [`Answers ${p.steps ? "after 1 step" : "before the step"}, modulus ${p.modulus}`, head, rows];
  }

  function errorTable({ p, both }) {
    const rows = moduli.map((modulus, i) => [
      modulus,
      isTrained(modulus, p.split) ? "training" : "test",
      ...[...both, constants].map((squares) => squares[i].toFixed(2)),
    ]);
    const head = ["modulus", "kind", "before", "after 1 step", "best constant"];
    return [`Mean squared error over all x, ${p.support} examples`, head, rows];
  }

  return drawStored(context, {
    name: "Remainder learning explorer",
    className: "ibx-remainder",
    title: "Learning x mod m from a few examples",
    names: { modulus: (modulus, { split }) => `${modulus}, ${kindOf(modulus, split)}` },
    ready,
    picture: answersPlace,
    body: ({ story }) => [errorsPlace, story],
    state,
    draw(shown, words) {
      drawAnswers(shown, words);
      drawErrors(shown, words);
    },
    sentence,
    told: ({ p }, words) => `${p.steps ? "After 1 step" : "Before the step"}. ${words}`,
    data: ({ p, before, after, constant }) => ({
      error: p.steps ? after : before,
      constant,
      before,
      kind: isTrained(p.modulus, p.split) ? "train" : "test",
    }),
    status: () => `one ${setup.architecture}`,
    tables: (shown) => [answerTable(shown), errorTable(shown)],
  });
}
