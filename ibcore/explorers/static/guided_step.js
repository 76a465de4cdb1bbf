const GUIDED_SEEDS = [7000, 8000]; // of the start and of the unlabeled images; plus the seed of the figure

/** Rows of features, flat, less their mean. */
function centeredRows(h, n) {
  const width = h.length / n;
  const mean = new Float64Array(width);
  h.forEach((value, p) => (mean[p % width] += value / n));
  return h.map((value, p) => value - mean[p % width]);
}

/** Inner products of all pairs of n centered rows, over their size. */
function unitGram(centered, n) {
  const width = centered.length / n;
  const rows = Array.from({ length: n }, (_, i) => centered.subarray(i * width, (i + 1) * width));
  const gram = pairMatrix(n, (i, j) => innerProduct(rows[i], rows[j]));
  const size = Math.sqrt(squaredLength(gram));
  return { gram: gram.map((value) => value / size), size };
}

/** Linear CKA of features of n points with a unit Gram matrix, and the slope of 1 - CKA by the features. */
function guidePull(h, wanted, n) {
  const [rows, width] = [centeredRows(h, n), h.length / n];
  const { gram, size } = unitGram(rows, n);
  const cka = innerProduct(gram, wanted);
  const slope = new Float64Array(h.length);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const pull = (2 * (cka * gram[i * n + j] - wanted[i * n + j])) / size;
      for (let d = 0; d < width; d++) slope[i * width + d] += pull * rows[j * width + d];
    }
  }
  return { cka, slope };
}

/** What the layers of a guide hold of all images: small whole numbers, a row for each image. */
const guideLayers = (codes, points) =>
  codes.map((text) => {
    const all = Float64Array.from(new Int8Array(bytesOf(text).buffer));
    const width = all.length / points;
    return Array.from({ length: points }, (_, i) => all.subarray(i * width, (i + 1) * width));
  });

/** Some of the numbers from 0 to count - 1, in the order in which they are drawn. */
function drawnRows(next, count, some) {
  const all = Array.from({ length: count }, (_, i) => i);
  for (let i = 0; i < some; i++) {
    const j = i + Math.floor((count - i) * next());
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all.slice(0, some);
}

/** Train with a guide or without; gives the share of new digits right and the mean CKA with the guide. */
function* guidedRun({ rows, labels, train, points, more, sizes, steps, rate, guides }, { guide, seed }) {
  const net = denseNet(sizes, "relu");
  const theta = scaledStart(net, Math.SQRT2, GUIDED_SEEDS[0] + seed);
  const { at, biases } = net.layers[net.layers.length - 1];
  for (let i = at; i < biases; i++) theta[i] /= Math.SQRT2; // the last layer has variance 1 / fan in
  const next = uniformStream(GUIDED_SEEDS[1] + seed);
  const layers = guides[guide] && guideLayers(guides[guide], points);
  const grams = (chosen) =>
    layers.map((layer) => unitGram(centeredRows(stackRows(chosen.map((i) => layer[i])), chosen.length), chosen.length).gram);
  const [known, everything] = [train, points].map((count) => Array.from({ length: count }, (_, i) => i));
  const [seen, whole] = [rows.slice(points), rows.slice(0, points)].map(stackRows);
  const [y, truth] = [labels.slice(0, train), labels.slice(train)].map((text) => Array.from(text, Number));
  const all = layers && grams(everything);
  for (let step = 0; ; step++) {
    if (steps.includes(step)) {
      const right = rightRows(layerOutputs(net, theta, seen).pop(), truth) / truth.length;
      const hidden = layers && layerOutputs(net, theta, whole).slice(1, -1);
      const alike = layers ? sumOf(hidden.map((h, l) => guidePull(h, all[l], points).cka)) / all.length : null;
      yield { step, right, alike, theta };
    }
    if (step === steps[steps.length - 1]) return;
    const chosen = layers ? [...known, ...drawnRows(next, points - train, more).map((i) => train + i)] : known;
    const wanted = layers && grams(chosen);
    const pull = layers && ((l, h) => guidePull(h, wanted[l], chosen.length).slope);
    const { gradient } = lossGradient(net, theta, stackRows(chosen.map((i) => rows[i])), y, null, pull);
    for (let i = 0; i < theta.length; i++) theta[i] -= rate * gradient[i];
    yield null;
  }
}

/** Draw the laboratory of the guided step; returns what closes it. */
function guidedStep(context) {
  const setup = { ...context.model.get("setup") };
  const { stored, steps, networks } = setup;
  const last = steps.length - 1;
  const x = stepAxis(steps);
  const chart = lineChart({
    heading: "New digits right in % over the steps",
    note: `band: from the lowest to the highest of ${networks} stored networks; steps on a logarithmic axis`,
    names: ["stored networks, mean", "trained here", "stored, no guide"],
    x,
    y: (share) => 100 * (1.02 - share),
    xTicks: stepTicks(steps, x),
    yTicks: [0, 0.25, 0.5, 0.75, 1].map((share) => [share, String(100 * share)]),
  });

  function sentence({ p, own, band, done }) {
    const by = p.guide === "none" ? "Without a guide" : `With the ${setup.named[p.guide]} as a guide`;
    const gain = p.guide === "none" ? "" : `, ${pointsText(band[last][1] - stored.none[last][1])} points more than without`;
    const before = `${by}, the ${networks} stored networks have ${inPercent(band[last][1])} of new digits right after ${steps[last]} steps${gain}.`;
    if (!own.length) return labWords(before, done);
    const { step, right, alike } = own[own.length - 1];
    const likeness = alike === null ? "" : `; CKA with the guide ${own[0].alike.toFixed(2)} at the start, now ${alike.toFixed(2)}`;
    return `${before} Yours, seed ${p.seed}, after ${step} steps: ${inPercent(right)}${likeness}.`;
  }

  return drawLab(context, {
    name: "Guided training laboratory",
    title: "Train it here: with a guide and without",
    ready: digitRows(setup).then((rows) => Object.assign(setup, { rows })),
    chart,
    key: ({ guide, seed }) => [guide, seed].join(),
    begin: (p) => guidedRun(setup, p),
    state: ({ guide }, own) => ({ own, band: stored[guide], alone: guide === "none" ? [] : stored.none }),
    draw({ own, band, alone }, words) {
      const points = [own.map(({ step, right }) => [step, right]), alone.map(([, mean], i) => [steps[i], mean])];
      chart.draw([bandSeries(band, steps), ...points.map((line) => ({ points: line }))]);
      chart.describe(`Test accuracy over steps: stored networks solid, the one trained here dashed. ${words}`);
    },
    sentence,
    data: ({ own }) => ({ right: own.map(({ right }) => right).join(" ") }),
    tables: ({ p, own, band }) => [
      [
        `Share of new digits right, guide: ${setup.named[p.guide]}`,
        ["steps", ...LAB_HEAD],
        labRows(steps.map(countText), band, own.map(({ right }) => right)),
      ],
    ],
  });
}
