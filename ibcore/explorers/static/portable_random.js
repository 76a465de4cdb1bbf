/**
 * The numbers of mulberry32 one after the other: uniform in [0, 1), the same as
 * ibcore.explorers.portable_random.uniforms.  Number k depends on seed and k only.
 */
function uniformStream(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The first `count` numbers of a stream. */
const firstOf = (count, next) => new Float64Array(count).map(() => next());
const uniforms = (seed, count) => firstOf(count, uniformStream(seed));

/** Normal numbers by the method of Box and Muller, two uniform ones for each. */
function normalStream(seed) {
  const next = uniformStream(seed);
  return () => {
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    return radius * Math.cos(2 * Math.PI * next());
  };
}

const DEFAULTS = {
  activation: "relu",
  depth: 3,
  width: 32,
  prefactor: 1,
  norm: null,
  residual: null,
  gated: false,
  weight_scale: 1,
  bias_scale: 1,
};

/**
 * Draw a network from a seed: name to flat Float64Array (row-major).  Weights are uniform in
 * (-s, s) with s = weight_scale * sqrt(6 / (fan_in + fan_out)), biases in
 * (-bias_scale, bias_scale).  The seed fixes the direction, weight_scale the size.
 */
function drawWeights(seed, options) {
  const { depth, width, gated, weight_scale, bias_scale } = { ...DEFAULTS, ...options };
  const next = uniformStream(seed);
  const draw = (count, spread) => firstOf(count, next).map((u) => (2 * u - 1) * spread);
  const weights = {};
  for (let l = 0; l <= depth; l++) {
    const [fanIn, fanOut] = [l === 0 ? 2 : width, l === depth ? 1 : width];
    for (const part of gated && l < depth ? ["layers", "gates"] : ["layers"]) {
      weights[`${part}.${l}.weight`] = draw(fanOut * fanIn, weight_scale * Math.sqrt(6 / (fanOut + fanIn)));
      weights[`${part}.${l}.bias`] = draw(fanOut, bias_scale);
    }
  }
  return weights;
}
