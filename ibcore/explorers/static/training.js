/**
 * A fully connected network whose parameters stand in one flat array, layer after layer the weights
 * (out, in) by rows and the biases, so that an optimizer is a loop over numbers.
 */
function denseNet(sizes, activation) {
  const layers = [];
  let count = 0;
  for (let l = 1; l < sizes.length; l++) {
    const [fanIn, fanOut] = [sizes[l - 1], sizes[l]];
    layers.push({ fanIn, fanOut, at: count, biases: count + fanIn * fanOut });
    count += (fanIn + 1) * fanOut;
  }
  return { layers, activation, count };
}

/** Add H W^T + b, a row for each of the points, to Z; the bias may be left out. */
function addAffine({ fanIn, fanOut, at, biases }, theta, h, z, withBias = true) {
  for (let row = 0, o = 0; o < z.length; row += fanIn) {
    for (let k = 0, w = at; k < fanOut; k++, o++) {
      let sum = withBias ? theta[biases + k] : 0;
      for (let i = row; i < row + fanIn; i++, w++) sum += theta[w] * h[i];
      z[o] += sum;
    }
  }
}

/** Given the slope by Z, add those by W and b to `into` and, where it is wanted, that by H. */
function addSlopes({ fanIn, fanOut, at, biases }, theta, h, slope, into, below, withBias = true) {
  for (let row = 0, o = 0; o < slope.length; row += fanIn) {
    for (let k = 0, w = at; k < fanOut; k++, o++, w += fanIn) {
      const s = slope[o];
      if (withBias) into[biases + k] += s;
      for (let i = 0; i < fanIn; i++) into[w + i] += s * h[row + i];
      if (below) for (let i = 0; i < fanIn; i++) below[row + i] += s * theta[w + i];
    }
  }
}

/** First and second derivative of an activation, by its value. */
const BENDS = {
  relu: [(h) => (h > 0 ? 1 : 0), () => 0],
  tanh: [(h) => 1 - h * h, (h) => -2 * h * (1 - h * h)],
};

/** The outputs of all layers for rows of inputs; the first are the inputs. */
function layerOutputs({ layers, activation }, theta, x) {
  const outputs = [x];
  layers.forEach((layer, l) => {
    const z = new Float64Array((outputs[l].length / layer.fanIn) * layer.fanOut);
    addAffine(layer, theta, outputs[l], z);
    if (l < layers.length - 1) ACTIVATIONS[activation](z, z.length);
    outputs.push(z);
  });
  return outputs;
}

/**
 * The slope of the mean cross-entropy by the outputs: of classes, or of yes and no for one output.
 * Rows beyond the answers have none.
 */
function lossSlope(z, y, classes) {
  if (classes === 1) return z.map((value, i) => (1 / (1 + Math.exp(-value)) - y[i]) / y.length);
  const slope = new Float64Array(z.length);
  for (let first = 0, i = 0; i < y.length; first += classes, i++) {
    const row = z.subarray(first, first + classes);
    const most = Math.max(...row);
    const total = row.reduce((sum, value) => sum + Math.exp(value - most), 0);
    row.forEach((value, k) => {
      slope[first + k] = (Math.exp(value - most) / total - (k === y[i] ? 1 : 0)) / y.length;
    });
  }
  return slope;
}

/**
 * The gradient of the loss by all parameters.  With a direction v also the Hessian times v, exact:
 * every line is differentiated along v (Pearlmutter, 1994); this is for a single output.  Without
 * one, `pull(l, outputs)` may give a slope by the outputs of hidden layer l that is added.
 */
function lossGradient(net, theta, x, y, v = null, pull = null) {
  const outputs = layerOutputs(net, theta, x);
  const [first, second] = BENDS[net.activation];
  const last = net.layers.length - 1;
  const [gradient, curved] = [0, 1].map(() => new Float64Array(net.count));
  const moved = [new Float64Array(x.length)]; // how the outputs of layers move along v
  const bent = []; // the same before the activation
  if (v) {
    net.layers.forEach((layer, l) => {
      const z = new Float64Array(outputs[l + 1].length);
      addAffine(layer, v, outputs[l], z);
      if (l) addAffine(layer, theta, moved[l], z, false);
      bent.push(z);
      moved.push(l < last ? z.map((value, i) => value * first(outputs[l + 1][i])) : z);
    });
  }
  let slope = lossSlope(outputs[last + 1], y, net.layers[last].fanOut);
  let turn = v && slope.map((s, i) => (s * y.length + y[i]) * (1 - y[i] - s * y.length) * bent[last][i] / y.length);
  for (let l = last; l >= 0; l--) {
    const [below, under] = [0, 1].map(() => l && new Float64Array(outputs[l].length));
    addSlopes(net.layers[l], theta, outputs[l], slope, gradient, below);
    if (v) {
      addSlopes(net.layers[l], theta, outputs[l], turn, curved, under);
      addSlopes(net.layers[l], v, moved[l], slope, curved, under, false);
    }
    if (!l) break;
    const h = outputs[l];
    if (v) turn = under.map((t, i) => t * first(h[i]) + below[i] * second(h[i]) * bent[l - 1][i]);
    const more = pull && pull(l - 1, h);
    slope = below.map((s, i) => (more ? s + more[i] : s) * first(h[i]));
  }
  return { gradient, curved };
}

/** How many rows of outputs are right: by the largest of several, or by the sign of one. */
function rightRows(z, y) {
  const classes = z.length / y.length;
  const said = (row) => (classes === 1 ? Number(z[row] > 0) : indexOfLargest(z.subarray(row * classes, (row + 1) * classes)));
  return sumOf(Array.from(y, (label, row) => Number(said(row) === label)));
}

const indexOfLargest = (values) => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);

/** Rows one after the other in one array. */
function stackRows(rows) {
  const stacked = new Float64Array(rows.length * rows[0].length);
  rows.forEach((row, i) => stacked.set(row, i * row.length));
  return stacked;
}

const LAB_MS = 14; // of training in one frame of the screen

/**
 * A laboratory: a chart of stored networks, and over them one that is trained in the page, a few
 * milliseconds in each frame of the screen.  Beside what `drawStored` takes:
 *
 * - `begin(params)`: a generator that trains and gives what is to be shown, or null, and `key(params)`
 *   what tells one run from another;
 * - `state(params, given, done)`: all that is shown, from what the run has given until now.
 */
function drawLab(context, { chart, begin, key, ...spec }) {
  let [figure, now, steps, given] = [null, null, null, []];
  return drawStored(context, {
    ...spec,
    className: "ibx-lab",
    picture: chart.element,
    idle: ({ train }) => (train ? {} : { seed: "none is trained" }),
    body({ story, own }) {
      figure = own;
      return [story];
    },
    state(p) {
      const wanted = p.train ? key(p) : null;
      if (wanted !== now) [now, steps, given] = [wanted, wanted === null ? null : begin(p), []];
      for (const begun = performance.now(); steps && performance.now() - begun < LAB_MS; ) {
        const { value, done } = steps.next();
        if (value) given.push(value);
        if (done) steps = null;
      }
      if (steps) figure.again();
      return { p, done: !steps, ...spec.state(p, given) };
    },
    data: (shown) => ({ ...spec.data(shown), done: Number(shown.done) }),
  });
}

/** The band of stored networks as a series, from triples of the lowest, the mean and the highest. */
const bandSeries = (triples, axis) => banded(triples.map(([low, mean, high]) => [mean, low, high]), axis);

/** What is said before a run has given anything. */
const labWords = (before, done) => (done ? before : `${before} Yours is being trained.`);

/** Rows of a table: stored networks, the one that is trained here, and more columns of shares. */
const labRows = (labels, triples, own, ...more) =>
  labels.map((label, i) => {
    const [low, mean, high] = triples[i];
    const shares = [mean, low, high, own[i], ...more.map((values) => values[i])];
    return [label, ...shares.map((share) => (share === undefined ? "" : inPercent(share)))];
  });
const LAB_HEAD = ["stored, mean", "lowest", "highest", "trained here"];
