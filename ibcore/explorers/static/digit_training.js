const DIGIT_SEEDS = [7000, 8000]; // of the start and of the batches; plus the seed of the figure

/** Weights normal with variance 1 / fan in, times the scale; biases 0. */
function scaledStart({ layers, count }, scale, seed) {
  const theta = new Float64Array(count);
  const normal = normalStream(seed);
  for (const { at, biases, fanIn } of layers) {
    for (let i = at; i < biases; i++) theta[i] = (scale * normal()) / Math.sqrt(fanIn);
  }
  return theta;
}

/** The numbers of points in a new order for each epoch, cut into batches. */
function* epochBatches(points, size, seed) {
  const next = uniformStream(seed);
  const order = Array.from({ length: points }, (_, i) => i);
  for (;;) {
    for (let i = points - 1; i > 0; i--) {
      const j = Math.floor((i + 1) * next());
      [order[i], order[j]] = [order[j], order[i]];
    }
    for (let first = 0; first < points; first += size) yield order.slice(first, first + size);
  }
}

/** Train by SGD with decay; gives the share of test digits that are right after some of the steps. */
function* digitRun({ rows, labels, train, sizes, batch, steps, rates }, { pipeline, weight_scale: scale, seed }) {
  const { rate, decay } = rates[pipeline];
  const net = denseNet(sizes, "tanh");
  const theta = scaledStart(net, scale, DIGIT_SEEDS[0] + seed);
  const batches = epochBatches(train, batch, DIGIT_SEEDS[1] + seed);
  const [seen, truth] = [stackRows(rows.slice(train)), Array.from(labels.slice(train), Number)];
  for (let step = 0; ; step++) {
    const right = steps.includes(step) && rightRows(layerOutputs(net, theta, seen).pop(), truth) / truth.length;
    yield right === false ? null : { step, right, theta };
    if (step === steps[steps.length - 1]) return;
    const chosen = batches.next().value;
    const [x, y] = [stackRows(chosen.map((i) => rows[i])), chosen.map((i) => Number(labels[i]))];
    const { gradient } = lossGradient(net, theta, x, y);
    for (let i = 0; i < theta.length; i++) theta[i] -= rate * (gradient[i] + decay * theta[i]);
  }
}

/** The digits of the setup as rows of inputs: gray values less their mean, over their spread. */
const digitRows = async ({ images, mean, spread }) =>
  (await unpackPictures(images, Math.sqrt(mean.length))).map((image) => Float64Array.from(image, (gray, p) => (gray - mean[p]) / spread[p]));

/** Draw the laboratory of digits under weight decay; returns what closes it. */
function digitTraining(context) {
  const setup = { ...context.model.get("setup") };
  const { choices, stored, steps, networks } = setup;
  const x = stepAxis(steps);
  const chart = lineChart({
    heading: "New digits right in % over the steps",
    note: `band: from the lowest to the highest of ${networks} stored networks; steps on a logarithmic axis`,
    names: ["stored networks, mean", "trained here", "stored, from scale 1"],
    x,
    y: (share) => 100 * (1.02 - share),
    xTicks: stepTicks(steps, x),
    yTicks: [0, 0.25, 0.5, 0.75, 1].map((share) => [share, String(100 * share)]),
  });

  function sentence({ p, own, band, done }) {
    const [low, mean, high] = band[band.length - 1];
    const ends = `${pointsText(low)} to ${pointsText(high)}`;
    const before = `From scale ${p.weight_scale}, the ${networks} stored networks have ${inPercent(mean)} of new digits right after ${countText(steps[steps.length - 1])} steps (${ends}).`;
    if (!own.length) return labWords(before, done);
    const { step, right } = own[own.length - 1];
    const place = right < low ? "below the band" : right > high ? "above the band" : "inside the band";
    return `${before} Yours, seed ${p.seed}, after ${countText(step)} steps: ${inPercent(right)}${done ? `, ${place}` : ""}.`;
  }

  return drawLab(context, {
    name: "Digit training laboratory",
    title: "Train it here: is the scale forgotten?",
    ready: digitRows(setup).then((rows) => Object.assign(setup, { rows })),
    chart,
    key: ({ pipeline, weight_scale, seed }) => [pipeline, weight_scale, seed].join(),
    begin: (p) => digitRun(setup, p),
    state(p, own) {
      const [band, small] = [p.weight_scale, 1].map((scale) => stored[p.pipeline][choices.weight_scale.indexOf(scale)]);
      return { own, band, small };
    },
    draw({ own, band, small = [] }, words) {
      const points = [own.map(({ step, right }) => [step, right]), small.map(([, mean], i) => [steps[i], mean])];
      chart.draw([bandSeries(band, steps), ...points.map((line) => ({ points: line }))]);
      chart.describe(`Test accuracy over steps: stored networks solid, the one trained here dashed. ${words}`);
    },
    sentence,
    data: ({ own }) => ({ right: own.map(({ right }) => right).join(" ") }),
    tables: ({ p, own, band }) => [
      [
        `Share of new digits right, from scale ${p.weight_scale}`,
        ["steps", ...LAB_HEAD],
        labRows(steps.map(countText), band, own.map(({ right }) => right)),
      ],
    ],
  });
}
