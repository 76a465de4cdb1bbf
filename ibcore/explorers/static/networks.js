/** Table of the error function for GELU: cubic Hermite pieces, error below 1e-9. */
const ERF_STEPS = 128;
const ERF_END = 6;
const erfTable = (function () {
  const slope = (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x);
  const value = new Float64Array(ERF_STEPS * ERF_END + 2);
  const gradient = value.map((_, i) => slope(i / ERF_STEPS));
  const step = 1 / ERF_STEPS;
  const offset = Math.sqrt(0.6) / 2;
  for (let i = 0; i + 1 < value.length; i++) {
    // Gauss-Legendre with three nodes
    const middle = (i + 0.5) * step;
    value[i + 1] =
      value[i] +
      (step / 18) *
        (5 * slope(middle - offset * step) + 8 * slope(middle) + 5 * slope(middle + offset * step));
  }
  return { value, gradient };
})();

/** The error function. */
function erf(x) {
  const a = Math.abs(x);
  if (a >= ERF_END) return Math.sign(x);
  const { value, gradient } = erfTable;
  const position = a * ERF_STEPS;
  const i = position | 0;
  const t = position - i;
  const left = value[i];
  const right = value[i + 1];
  const rise = right - left;
  const m0 = gradient[i] / ERF_STEPS;
  const m1 = gradient[i + 1] / ERF_STEPS;
  const y = left + t * (m0 + t * (3 * rise - 2 * m0 - m1 + t * (m0 + m1 - 2 * rise)));
  return x < 0 ? -y : y;
}

const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

/**
 * The activations, each overwriting the first `count` numbers of z.  One loop for each, so
 * that the compiler sees no call inside it.
 */
const ACTIVATIONS = {
  relu(z, count) {
    for (let i = 0; i < count; i++) if (z[i] < 0) z[i] = 0;
  },
  gelu(z, count) {
    for (let i = 0; i < count; i++) z[i] *= 0.5 + 0.5 * erf(z[i] * Math.SQRT1_2);
  },
  silu(z, count) {
    for (let i = 0; i < count; i++) z[i] /= 1 + Math.exp(-z[i]);
  },
  selu(z, count) {
    for (let i = 0; i < count; i++) z[i] = SELU_SCALE * (z[i] > 0 ? z[i] : SELU_ALPHA * Math.expm1(z[i]));
  },
  tanh(z, count) {
    for (let i = 0; i < count; i++) z[i] = 1 - 2 / (Math.exp(2 * z[i]) + 1);
  },
  gaussian(z, count) {
    for (let i = 0; i < count; i++) z[i] = Math.exp(-z[i] * z[i]);
  },
  sine(z, count) {
    for (let i = 0; i < count; i++) z[i] = Math.sin(z[i]);
  },
  sigmoid(z, count) {
    for (let i = 0; i < count; i++) z[i] = 1 / (1 + Math.exp(-z[i]));
  },
  linear() {},
  leaky_relu(z, count) {
    for (let i = 0; i < count; i++) if (z[i] < 0) z[i] *= 0.01;
  },
  abs(z, count) {
    for (let i = 0; i < count; i++) z[i] = Math.abs(z[i]);
  },
  softplus(z, count) {
    for (let i = 0; i < count; i++) z[i] = Math.max(z[i], 0) + Math.log1p(Math.exp(-Math.abs(z[i])));
  },
};

/** Points that go through the network together; the loops below are written for four. */
const LANES = 4;

/**
 * z = W h + b for four points at once: h is (fanIn, 4), z is (fanOut, 4), both flat, and z has room
 * for an even number of rows.  Two rows of W share each load of h, which is what makes this twice as
 * fast as the plain loop; the last row of an odd number goes twice.
 */
function affine({ weight, bias, fanIn, fanOut }, h, z) {
  for (let k = 0; k < fanOut; k += 2) {
    const other = k + 1 < fanOut ? k + 1 : k;
    let a0 = bias[k];
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    let b0 = bias[other];
    let b1 = b0;
    let b2 = b0;
    let b3 = b0;
    for (let q = 0, r = k * fanIn, s = other * fanIn, p = 0; q < fanIn; q++, p += 4) {
      const w = weight[r + q];
      const v = weight[s + q];
      const h0 = h[p];
      const h1 = h[p + 1];
      const h2 = h[p + 2];
      const h3 = h[p + 3];
      a0 += w * h0;
      a1 += w * h1;
      a2 += w * h2;
      a3 += w * h3;
      b0 += v * h0;
      b1 += v * h1;
      b2 += v * h2;
      b3 += v * h3;
    }
    const o = k * 4;
    z[o] = a0;
    z[o + 1] = a1;
    z[o + 2] = a2;
    z[o + 3] = a3;
    z[o + 4] = b0;
    z[o + 5] = b1;
    z[o + 6] = b2;
    z[o + 7] = b3;
  }
}

/** Layer norm without affine parameters: mean 0, variance 1 over the channels, per point. */
function normalizeChannels(z, width) {
  for (let lane = 0; lane < LANES; lane++) {
    let mean = 0;
    let variance = 0;
    for (let k = 0; k < width; k++) mean += z[k * 4 + lane];
    mean /= width;
    for (let k = 0; k < width; k++) variance += (z[k * 4 + lane] - mean) ** 2;
    const gain = 1 / Math.sqrt(variance / width + 1e-12);
    for (let k = 0; k < width; k++) z[k * 4 + lane] = (z[k * 4 + lane] - mean) * gain;
  }
}

const flatten = (value) => Float64Array.from(ArrayBuffer.isView(value) ? value : [value].flat(Infinity));

/** One affine map of a network with flat arrays, as "layers.0" or "gates.0". */
function readLayer(weights, name) {
  const [weight, bias] = ["weight", "bias"].map((kind) => {
    const values = weights[`${name}.${kind}`];
    if (values === undefined) throw new Error(`parameter ${name}.${kind} is missing`);
    return flatten(values);
  });
  return { weight, bias, fanOut: bias.length, fanIn: weight.length / bias.length };
}

/** One hidden layer for four points: z = W h + b and the gate g become the output, in v. */
function combine(z, h, g, v, layer, options, activate) {
  const count = layer.fanOut * LANES;
  const { prefactor, residual } = options;
  if (options.norm === "layer") normalizeChannels(z, layer.fanOut);
  for (let i = 0; i < count; i++) v[i] = prefactor * z[i];
  activate(v, count);
  if (options.gated) for (let i = 0; i < count; i++) v[i] /= 1 + Math.exp(-g[i]);
  if (residual === "paper") for (let i = 0; i < count; i++) v[i] += z[i];
  if (residual === "block" && layer.fanIn === layer.fanOut) for (let i = 0; i < count; i++) v[i] += h[i];
}

/**
 * Evaluate a network on the grid of n x n points in [-1, 1]^2.
 *
 * @param {Object} weights  name to nested or flat array, the names of ibcore.nets.MLP
 * @param {Object} options  activation, depth, width, norm, residual, gated, prefactor
 * @param {number} n        points per axis, both ends included
 * @returns {Float64Array}  n * n values; number i * n + j is f(axis[i], axis[j])
 */
function forward(weights, options, n) {
  const settings = { ...DEFAULTS, ...options };
  const { activation, depth, gated } = settings;
  const layersOf = (part, count) =>
    Array.from({ length: count }, (_, l) => readLayer(weights, `${part}.${l}`));
  const [layers, gates] = [layersOf("layers", depth + 1), layersOf("gates", gated ? depth : 0)];
  const activate = ACTIVATIONS[activation];
  if (!activate) throw new Error(`unknown activation ${activation}`);
  const widest = Math.max(...layers.map((layer) => layer.fanOut)) + 1;
  let [z, g, h, v] = Array.from({ length: 4 }, () => new Float64Array(widest * LANES));
  const values = new Float64Array(n * n);
  for (let first = 0; first < n * n; first += LANES) {
    for (let lane = 0; lane < LANES; lane++) {
      const point = Math.min(first + lane, n * n - 1);
      h[lane] = (2 * Math.floor(point / n)) / (n - 1) - 1;
      h[LANES + lane] = (2 * (point % n)) / (n - 1) - 1;
    }
    for (let l = 0; l < depth; l++) {
      affine(layers[l], h, z);
      if (gated) affine(gates[l], h, g);
      combine(z, h, g, v, layers[l], settings, activate);
      [h, v] = [v, h];
    }
    affine(layers[depth], h, z);
    for (let lane = 0; lane < LANES && first + lane < n * n; lane++) values[first + lane] = z[lane];
  }
  return values;
}
