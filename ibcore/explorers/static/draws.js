/**
 * The first `count` numbers of mulberry32: uniform in [0, 1), the same as
 * ibcore.explorers.random_network.uniforms.  Number k depends on seed and k only.
 */
function uniforms(seed, count) {
  const drawn = new Float64Array(count);
  for (let k = 0, state = seed | 0; k < count; k++) {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    drawn[k] = ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  return drawn;
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

/** Names and shapes of the parameters, in the order in which they are drawn. */
function parameterShapes(options) {
  const { depth, width, gated } = Object.assign({}, DEFAULTS, options);
  const shapes = [];
  for (let l = 0; l <= depth; l++) {
    const fanIn = l === 0 ? 2 : width;
    const fanOut = l === depth ? 1 : width;
    for (const part of gated && l < depth ? ["layers", "gates"] : ["layers"]) {
      shapes.push([`${part}.${l}.weight`, [fanOut, fanIn]], [`${part}.${l}.bias`, [fanOut]]);
    }
  }
  return shapes;
}

/**
 * Draw a network from a seed: name to flat Float64Array (row-major).  Weights are uniform in
 * (-s, s) with s = weight_scale * sqrt(6 / (fan_in + fan_out)), biases in
 * (-bias_scale, bias_scale).  The seed fixes the direction, weight_scale the size.
 */
function drawWeights(seed, options) {
  const { weight_scale, bias_scale } = Object.assign({}, DEFAULTS, options);
  const shapes = parameterShapes(options);
  const size = (shape) => shape.reduce((product, side) => product * side, 1);
  const unit = uniforms(
    seed,
    shapes.reduce((sum, [, shape]) => sum + size(shape), 0),
  );
  const weights = {};
  let first = 0;
  for (const [name, shape] of shapes) {
    const spread = shape.length === 1 ? bias_scale : weight_scale * Math.sqrt(6 / (shape[0] + shape[1]));
    weights[name] = unit.slice(first, (first += size(shape))).map((u) => (2 * u - 1) * spread);
  }
  return weights;
}
