const META_SEEDS = [7000, 9000, 10_000]; // of the start, of its tasks, of new tasks; plus the figure's

/** Truth tables over the 16 objects, from four hexadecimal digits for each. */
const truthTables = (text) =>
  text.match(/.{4}/g).map((hex) => Float64Array.from({ length: 16 }, (_, object) => (parseInt(hex, 16) >> object) & 1));

/** Tasks from a stream of numbers: a rule, and so many objects that are shown, with replacement. */
function drawTasks(next, rules, objects, tasks, shown) {
  const below = (count) => Math.floor(count * next());
  return Array.from({ length: tasks }, () => {
    const rule = rules[below(rules.length)];
    const picked = Array.from({ length: shown }, () => below(16));
    return { x: stackRows(picked.map((i) => objects[i])), y: picked.map((i) => rule[i]), rule };
  });
}

/** The weights after one inner step with a rate for each. */
const innerStep = (net, theta, rates, { x, y }) =>
  lossGradient(net, theta, x, y).gradient.map((slope, i) => theta[i] - rates[i] * slope);

/** The mean gradient over tasks through one inner step: by all weights, then by all rates. */
function metaGradient(net, both, tasks, everything) {
  const [theta, rates] = [both.subarray(0, net.count), both.subarray(net.count)];
  const mean = new Float64Array(both.length);
  for (const task of tasks) {
    const { gradient: asked } = lossGradient(net, innerStep(net, theta, rates, task), everything, task.rule);
    const { gradient, curved } = lossGradient(net, theta, task.x, task.y, asked.map((s, i) => s * rates[i]));
    for (let i = 0; i < net.count; i++) {
      mean[i] += (asked[i] - curved[i]) / tasks.length;
      mean[net.count + i] -= (asked[i] * gradient[i]) / tasks.length;
    }
  }
  return mean;
}

/** AdamW on one array, with the gradient cut to norm 1. */
function adamw(values, rate, decay) {
  const [first, second] = [0, 1].map(() => new Float64Array(values.length));
  let step = 0;
  return (gradient) => {
    const cut = Math.min(1, 1 / (Math.sqrt(innerProduct(gradient, gradient)) + 1e-6));
    step += 1;
    values.forEach((value, i) => {
      const slope = cut * gradient[i];
      first[i] = 0.9 * first[i] + 0.1 * slope;
      second[i] = 0.999 * second[i] + 0.001 * slope * slope;
      const size = Math.sqrt(second[i] / (1 - 0.999 ** step)) + 1e-8;
      values[i] = value * (1 - rate * decay) - (rate * first[i]) / (1 - 0.9 ** step) / size;
    });
  };
}

/** How many of the 16 objects are right after so many inner steps on a task. */
function rightAfter(net, both, task, everything, budgets) {
  const [right, rates] = [[], both.subarray(net.count)];
  let theta = both.subarray(0, net.count);
  for (let taken = 0; right.length < budgets.length; taken++) {
    if (taken) theta = innerStep(net, theta, rates, task);
    if (budgets.includes(taken)) right.push(rightRows(layerOutputs(net, theta, everything).pop(), task.rule));
  }
  return right;
}

/** Meta-train a start and its rates; gives shares of right objects in new tasks now and then. */
function* metaRun({ sizes, outer, tasks, rate, supports, choices, test, rules, objects }, seed) {
  const [net, [known, fresh]] = [denseNet(sizes, "relu"), rules.map(truthTables)];
  const both = new Float64Array(2 * net.count).fill(0.1);
  const [unit, next] = [0, 1].map((i) => uniformStream(META_SEEDS[i] + seed));
  for (const { at, biases, fanIn, fanOut } of net.layers) {
    for (let i = at; i < biases + fanOut; i++) both[i] = (2 * unit() - 1) / Math.sqrt(fanIn);
  }
  const [move, everything] = [adamw(both, rate, 0.01), stackRows(objects)];
  for (let step = 0; ; step++) {
    if (step % 100 === 0) {
      const [drawn, scores] = [uniformStream(META_SEEDS[2] + seed), []];
      for (const shown of supports) {
        const right = drawTasks(drawn, fresh, objects, test, shown).map((task) => rightAfter(net, both, task, everything, choices.budget));
        scores.push(choices.budget.map((_, k) => sumOf(right.map((row) => row[k])) / (16 * test)));
        yield null;
      }
      yield { step, both, scores };
    }
    if (step === outer) return;
    const shown = 2 + Math.floor(18 * next());
    move(metaGradient(net, both, drawTasks(next, known, objects, tasks, shown), everything));
    yield null;
  }
}

/** Draw the laboratory of the meta-step; returns what closes it. */
function metaTraining(context) {
  const setup = context.model.get("setup");
  const { choices, supports, outer, stored, limits, networks } = setup;
  const x = endedAxis(supports[0], supports[supports.length - 1]);
  const chart = lineChart({
    heading: "Of 16 objects right in % over those shown",
    note: `band: from the lowest to the highest of ${networks} stored networks`,
    names: ["stored networks, mean", "trained here", "ideal learner", "memory"],
    x,
    y: shareHeight,
    xTicks: textPairs(supports),
    yTicks: SHARE_TICKS,
  });
  const listed = (values) => values.map(inPercent).join(", ");

  function sentence({ p, step, own, band, done }) {
    const taken = `${p.budget} ${p.budget === 1 ? "step" : "steps"}`;
    const before = `${taken} on ${supports.join(", ")} shown objects: the stored learned starts have ${listed(band.map((ends) => ends[1]))} right.`;
    if (!own.length) return labWords(before, done);
    return `${before} Yours, seed ${p.seed}, after ${step} of ${outer} meta-steps: ${listed(own)}.`;
  }

  return drawLab(context, {
    name: "Meta-training laboratory",
    title: "Train it here: learn to learn",
    chart,
    key: ({ seed }) => seed,
    begin: ({ seed }) => metaRun(setup, seed),
    state({ budget }, given) {
      const [k, last] = [choices.budget.indexOf(budget), given[given.length - 1]];
      return { step: last && last.step, own: last ? last.scores.map((row) => row[k]) : [], band: stored[k] };
    },
    draw({ own, band }, words) {
      const lines = [own, ...limits].map((values) => values.map((value, i) => [supports[i], value]));
      const ends = ["here", "ideal", "memory"];
      chart.draw([{ ...bandSeries(band, supports), end: "stored" }, ...lines.map((points, i) => ({ points, end: ends[i] }))]);
      chart.describe(`Accuracy over the objects shown: stored networks solid, the one trained here dashed. ${words}`);
    },
    sentence,
    data: ({ step = "", own }) => ({ outer: step, right: own.join(" ") }),
    tables: ({ p, own, band }) => [
      [
        `Share of the 16 objects right, inner steps: ${p.budget}`,
        ["shown", ...LAB_HEAD, "ideal", "memory"],
        labRows(supports, band, own, ...limits),
      ],
    ],
  });
}
