/**
 * ibcore explorers: interactive figures, one front end for two hosts.
 *
 * - Static page: the element <ib-explorer> holds its state as JSON and is drawn by this script.
 *   Everything is computed in the page; nothing is fetched.  Works from file://.
 * - Jupyter: Python appends `export default { render: IBExplorers.render }` and anywidget calls
 *   it with a model whose `params` are answered by ibcore.
 *
 * One section for each job: 1 random draws, 2 networks, 3 complexity, 4 host, 5 theme,
 * 6 controls, 7 pictures and charts, 8 the explorer RandomNetwork, 9 the registry.
 * A later explorer adds one function to section 8 and its name to section 9.
 *
 * The file may be evaluated more than once in a page (a kernel reconnects): it keeps no global
 * state, and only the definition of the element is guarded.
 */
var IBExplorers = (function (root) {
  "use strict";

  // ------------------------------------------------------------------ 1. random draws

  /**
   * The first `count` numbers of mulberry32: uniform in [0, 1), the same as
   * ibcore.explorers.draws.uniforms.  Number k depends on seed and k only.
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

  // ------------------------------------------------------------------ 2. networks

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
   * z = W h + b for four points at once: h is (fanIn, 4), z is (fanOut, 4), both flat.  Two rows
   * of W share each load of h, which is what makes this twice as fast as the plain loop.
   */
  function affine(weight, bias, h, z, fanIn, fanOut) {
    let k = 0;
    for (; k + 1 < fanOut; k += 2) {
      let a0 = bias[k];
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      let b0 = bias[k + 1];
      let b1 = b0;
      let b2 = b0;
      let b3 = b0;
      for (let q = 0, r = k * fanIn, s = r + fanIn, p = 0; q < fanIn; q++, p += 4) {
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
    for (; k < fanOut; k++) {
      for (let lane = 0; lane < 4; lane++) {
        let sum = bias[k];
        for (let q = 0; q < fanIn; q++) sum += weight[k * fanIn + q] * h[q * 4 + lane];
        z[k * 4 + lane] = sum;
      }
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

  /** Parameters by name to a list of layers with flat arrays, hidden layers first. */
  function readLayers(weights, options) {
    const layers = [];
    for (let l = 0; l <= options.depth; l++) {
      const part = (name) => {
        if (weights[name] === undefined) throw new Error(`parameter ${name} is missing`);
        return flatten(weights[name]);
      };
      const weight = part(`layers.${l}.weight`);
      const bias = part(`layers.${l}.bias`);
      const gated = options.gated && l < options.depth;
      layers.push({
        weight,
        bias,
        fanOut: bias.length,
        fanIn: weight.length / bias.length,
        gateWeight: gated ? part(`gates.${l}.weight`) : null,
        gateBias: gated ? part(`gates.${l}.bias`) : null,
      });
    }
    return layers;
  }

  /** One hidden layer for four points: z = W h + b and the gate g become the output, in v. */
  function combine(z, h, g, v, layer, options, activate) {
    const count = layer.fanOut * LANES;
    const { prefactor, residual } = options;
    if (options.norm === "layer") normalizeChannels(z, layer.fanOut);
    for (let i = 0; i < count; i++) v[i] = prefactor * z[i];
    activate(v, count);
    if (layer.gateWeight) for (let i = 0; i < count; i++) v[i] /= 1 + Math.exp(-g[i]);
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
    const settings = Object.assign({}, DEFAULTS, options);
    const layers = readLayers(weights, settings);
    const activate = ACTIVATIONS[settings.activation];
    if (!activate) throw new Error(`unknown activation ${settings.activation}`);
    const widest = Math.max(2, ...layers.map((layer) => layer.fanOut)) * LANES;
    const [z, g] = [new Float64Array(widest), new Float64Array(widest)];
    let [h, v] = [new Float64Array(widest), new Float64Array(widest)];
    const values = new Float64Array(n * n);
    const last = layers[layers.length - 1];
    for (let first = 0; first < n * n; first += LANES) {
      for (let lane = 0; lane < LANES; lane++) {
        const point = Math.min(first + lane, n * n - 1);
        h[lane] = (2 * Math.floor(point / n)) / (n - 1) - 1;
        h[LANES + lane] = (2 * (point % n)) / (n - 1) - 1;
      }
      for (let l = 0; l + 1 < layers.length; l++) {
        const layer = layers[l];
        affine(layer.weight, layer.bias, h, z, layer.fanIn, layer.fanOut);
        if (layer.gateWeight) affine(layer.gateWeight, layer.gateBias, h, g, layer.fanIn, layer.fanOut);
        combine(z, h, g, v, layer, settings, activate);
        [h, v] = [v, h];
      }
      affine(last.weight, last.bias, h, z, last.fanIn, 1);
      for (let lane = 0; lane < LANES && first + lane < n * n; lane++) values[first + lane] = z[lane];
    }
    return values;
  }

  // ------------------------------------------------------------------ 3. complexity

  const cosines = new Map();

  /** The orthonormal DCT-II as a matrix: row k holds frequency k. */
  function cosineMatrix(n) {
    if (!cosines.has(n)) {
      const matrix = new Float64Array(n * n);
      for (let k = 0; k < n; k++) {
        const size = Math.sqrt((k === 0 ? 1 : 2) / n);
        for (let j = 0; j < n; j++) matrix[k * n + j] = size * Math.cos((Math.PI * (j + 0.5) * k) / n);
      }
      cosines.set(n, matrix);
    }
    return cosines.get(n);
  }

  /** A B^T for n x n matrices. */
  function timesTransposed(a, b, n) {
    const product = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let k = 0; k < n; k++) {
        let sum = 0;
        for (let j = 0, p = i * n, q = k * n; j < n; j++) sum += a[p + j] * b[q + j];
        product[i * n + k] = sum;
      }
    }
    return product;
  }

  /** Orthonormal DCT-II of n x n values along both axes: coefficient number u * n + v. */
  function dct2(values, n) {
    const matrix = cosineMatrix(n);
    const alongRows = timesTransposed(values, matrix, n); // (i, v)
    return timesTransposed(matrix, transpose(alongRows, n), n); // (u, v)
  }

  function transpose(a, n) {
    const result = new Float64Array(n * n);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) result[j * n + i] = a[i * n + j];
    return result;
  }

  /** Smallest and largest value, and whether they are equal up to rounding. */
  function range(values) {
    let min = Infinity;
    let max = -Infinity;
    for (const value of values) {
      if (value < min) min = value;
      if (value > max) max = value;
    }
    const size = Math.max(Math.abs(min), Math.abs(max));
    const epsilon = values instanceof Float32Array ? 2 ** -23 : Number.EPSILON;
    return { min, max, constant: max - min <= 32 * epsilon * size };
  }

  /**
   * Complexity and radial spectrum of n x n values from one transform.  Complexity is the
   * amplitude-weighted mean frequency as a fraction of the largest, sqrt(2) (n - 1); NaN for a
   * constant function.  The spectrum is the mean |C| over round(k) = 1, 2, ..., largest = 1.
   */
  function analyze(values, n) {
    const top = Math.SQRT2 * (n - 1);
    const bins = Math.round(top);
    const sums = new Float64Array(bins + 1);
    const counts = new Float64Array(bins + 1);
    if (range(values).constant) return { complexity: NaN, frequency: [], amplitude: [] };
    const coefficients = dct2(values, n);
    let total = 0;
    let weighted = 0;
    for (let u = 0; u < n; u++) {
      for (let v = u === 0 ? 1 : 0; v < n; v++) {
        const k = Math.sqrt(u * u + v * v);
        const size = Math.abs(coefficients[u * n + v]);
        const bin = Math.round(k);
        total += size;
        weighted += size * k;
        sums[bin] += size;
        counts[bin] += 1;
      }
    }
    const frequency = [];
    const mean = [];
    for (let k = 1; k <= bins; k++)
      if (counts[k]) {
        frequency.push(k);
        mean.push(sums[k] / counts[k]);
      }
    const largest = Math.max(...mean);
    return { complexity: weighted / (top * total), frequency, amplitude: mean.map((a) => a / largest) };
  }

  /** Complexity in [0, 1]; NaN for a constant function. */
  const complexity = (values, n) => analyze(values, n).complexity;

  /** Radial spectrum: {frequency, amplitude}, empty for a constant function. */
  function spectrum(values, n) {
    const { frequency, amplitude } = analyze(values, n);
    return { frequency, amplitude };
  }

  const references = new Map();

  /** Complexity of three known functions on the same grid: what the number is to be read against. */
  function referencePoints(n) {
    if (!references.has(n)) {
      const along = (f) => Float64Array.from({ length: n * n }, (_, p) => f(Math.floor(p / n) / (n - 1)));
      references.set(n, [
        {
          name: "linear ramp",
          complexity: complexity(
            along((x) => x),
            n,
          ),
        },
        {
          name: "one wave",
          complexity: complexity(
            along((x) => Math.sin(2 * Math.PI * x)),
            n,
          ),
        },
        { name: "white noise", complexity: complexity(uniforms(0, n * n), n) },
      ]);
    }
    return references.get(n);
  }

  // ------------------------------------------------------------------ 4. host

  /** A model with anywidget's interface and no kernel behind it. */
  class StaticModel {
    constructor(state) {
      this.state = state;
      this.listeners = {};
    }
    get(name) {
      return this.state[name];
    }
    set(name, value) {
      if (this.state[name] === value) return;
      this.state[name] = value;
      for (const listener of this.listeners["change:" + name] || []) listener();
    }
    save_changes() {}
    on(event, listener) {
      (this.listeners[event] = this.listeners[event] || []).push(listener);
    }
    off(event, listener) {
      this.listeners[event] = (this.listeners[event] || []).filter((f) => f !== listener);
    }
  }

  /** Bytes of a synchronised trait (DataView or typed array) as float32 numbers. */
  function floats(bytes) {
    if (!bytes || !bytes.byteLength) return new Float32Array(0);
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  }

  /** The element of the static page: JSON inside, figure outside. */
  function defineElement() {
    if (!root.customElements || root.customElements.get("ib-explorer")) return;
    root.customElements.define(
      "ib-explorer",
      class extends root.HTMLElement {
        connectedCallback() {
          const source = this.querySelector('script[type="application/json"]');
          if (!this.model && source) this.model = new StaticModel(JSON.parse(source.textContent));
          if (this.model) this.show();
          else if (document.readyState === "loading") {
            // the script ran before the children were read
            document.addEventListener("DOMContentLoaded", () => this.connectedCallback(), { once: true });
          }
        }
        show() {
          if (this.close) return;
          const place = node("div");
          this.style.cssText = "display: block; margin-bottom: 16px";
          try {
            this.close = render({ model: this.model, el: place });
            this.replaceChildren(place);
            this.dataset.ready = "1";
          } catch (error) {
            // the poster stays
            this.dataset.ready = "error";
            this.append(node("p", { role: "alert" }, `The figure cannot be drawn: ${error.message}`));
          }
        }
        disconnectedCallback() {
          queueMicrotask(() => {
            // not when it was only moved
            if (this.isConnected || !this.close) return;
            this.close();
            this.close = null;
          });
        }
      },
    );
  }

  // ------------------------------------------------------------------ 5. theme

  const SVG = "http://www.w3.org/2000/svg";

  /** Create an element: attributes by name, children as nodes or text. */
  function node(tag, attributes, ...children) {
    const element = ["svg", "path", "line", "circle"].includes(tag)
      ? document.createElementNS(SVG, tag)
      : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  }

  /** Whether the page is dark: the book's theme, JupyterLab, VS Code, Colab, else the system. */
  function isDark() {
    const html = document.documentElement;
    const body = document.body;
    const named = html.dataset.theme || html.getAttribute("theme");
    if (named === "dark" || named === "light") return named === "dark";
    if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false";
    if (body.className.includes("vscode-")) return !body.className.includes("vscode-light");
    return matchMedia("(prefers-color-scheme: dark)").matches;
  }

  /** Keep data-dark of the figure equal to the page's theme; returns what ends it. */
  function followTheme(figure) {
    const update = () => {
      figure.dataset.dark = isDark() ? "1" : "0";
    };
    const observer = new MutationObserver(update);
    const system = matchMedia("(prefers-color-scheme: dark)");
    const attributeFilter = ["data-theme", "theme", "class", "data-jp-theme-light"];
    for (const watched of [document.documentElement, document.body]) {
      observer.observe(watched, { attributes: true, attributeFilter });
    }
    system.addEventListener("change", update);
    update();
    return () => {
      observer.disconnect();
      system.removeEventListener("change", update);
    };
  }

  const STYLE = `
html .bd-content div.cell_output .text_html:has(> ib-explorer) { background: none !important; padding: 0 !important; }
.ibx { --paper: #fff; --ink: #1d2530; --soft: #56606e; --line: #d5dae1; --wash: #f4f6f8;
  --now: #0b5cad; --pin: #a8480a; --focus: #0b5cad;
  box-sizing: border-box; container-type: inline-size; color: var(--ink); background: var(--paper);
  max-width: 920px; border: 1px solid var(--line); border-radius: 10px; color-scheme: light;
  font: 14px/20px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; text-align: left; }
.ibx[data-dark="1"] { --paper: #14181e; --ink: #e8ecf1; --soft: #a3adba; --line: #343c47; --wash: #1d232b;
  --now: #6db5ff; --pin: #ffab5e; --focus: #6db5ff; color-scheme: dark; }
.ibx *, .ibx *::before { box-sizing: border-box; margin: 0; }
.ibx [hidden] { display: none !important; }
.ibx-body { display: grid; grid-template-columns: minmax(0, 1fr); gap: 16px; padding: 14px; }
.ibx-head { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 16px; }
.ibx-title { flex: 1 1 auto; font-size: 16px; font-weight: 650; letter-spacing: -.01em; color: var(--ink); }
.ibx-actions { display: flex; gap: 8px; }
.ibx button, .ibx select { font: inherit; color: inherit; background: var(--paper); min-height: 40px;
  border: 1px solid var(--line); border-radius: 7px; padding: 4px 12px; }
.ibx button { cursor: pointer; font-weight: 550; }
.ibx button:hover { background: var(--wash); }
.ibx .ibx-pin { min-width: 166px; }
.ibx select { width: 100%; padding: 4px 8px; }
.ibx :is(button, select, input, summary, .ibx-scroll):focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.ibx-pictures { display: grid; grid-template-columns: minmax(0, 1fr); gap: 12px; }
.ibx-picture { display: grid; gap: 6px; min-width: 0; align-content: start; }
.ibx-square { display: grid; grid-template: minmax(0, 1fr) 18px / 18px minmax(0, 1fr); }
.ibx-square canvas { width: 100%; aspect-ratio: 1; display: block; image-rendering: pixelated; border-radius: 3px; background: var(--wash); }
.ibx-axis { display: flex; justify-content: space-between; font-size: 12px; line-height: 18px; color: var(--soft); grid-column: 2; }
.ibx-axis.ibx-up { grid-area: 1 / 1; writing-mode: vertical-rl; transform: rotate(180deg); }
.ibx-legend { display: flex; align-items: center; gap: 8px; padding-left: 18px; font-size: 12px; font-variant-numeric: tabular-nums; white-space: nowrap; }
.ibx-legend i { flex: 1; height: 8px; border-radius: 2px; }
.ibx .ibx-caption { font-family: inherit; font-weight: 400; font-size: 12px; line-height: 17px; min-height: 34px; padding-left: 18px; color: var(--soft); text-align: left; }
.ibx .ibx-caption b { color: var(--now); font-weight: 650; }
.ibx .ibx-pinned .ibx-caption b { color: var(--pin); }
.ibx-pinned-on .ibx-pictures { grid-template-columns: repeat(2, minmax(0, 1fr)); }
.ibx-chart { min-width: 0; display: grid; gap: 4px; align-content: start; }
.ibx-heading { font-weight: 600; font-size: 13px; }
.ibx-note { font-size: 12px; color: var(--soft); }
.ibx-frame { position: relative; margin-left: 34px; border-left: 1px solid var(--line); border-bottom: 1px solid var(--line); }
.ibx-frame svg { position: absolute; inset: 0; width: 100%; height: 100%; display: block; overflow: hidden; }
.ibx-spectrum .ibx-frame { height: 170px; }
.ibx-frame path { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; stroke: var(--now); }
.ibx-frame path.ibx-pinned { stroke: var(--pin); stroke-dasharray: 6 4; }
.ibx-frame span { position: absolute; font-size: 11px; line-height: 14px; color: var(--soft); white-space: nowrap; }
.ibx-frame .ibx-y { right: 100%; margin-right: 5px; transform: translateY(-50%); }
.ibx-frame .ibx-x { top: 100%; margin-top: 3px; transform: translateX(-50%); }
.ibx-frame .ibx-x::before { content: ""; position: absolute; left: 50%; bottom: 100%; height: 4px; border-left: 1px solid var(--soft); }
.ibx-frame .ibx-mark { width: 0; border-left: 2px solid var(--now); top: 0; bottom: 0; }
.ibx-frame .ibx-mark.ibx-pinned { border-left: 2px dashed var(--pin); }
.ibx-frame .ibx-mark em { position: absolute; top: 0; left: 5px; padding: 0 3px; font-style: normal; font-weight: 600; color: var(--now); background: var(--paper); border-radius: 3px; }
.ibx-frame .ibx-mark.ibx-left em { left: auto; right: 5px; }
.ibx-frame .ibx-mark.ibx-pinned em { top: 18px; color: var(--pin); }
.ibx-frame .ibx-known { width: 0; bottom: 0; border-left: 1px solid var(--soft); }
.ibx-frame .ibx-known em { position: absolute; top: 0; left: 3px; padding: 0 2px; font-style: normal; background: var(--paper); border-radius: 3px; }
.ibx-frame .ibx-known.ibx-left em { left: auto; right: 3px; }
.ibx-ticks { height: 20px; }
.ibx-scale .ibx-frame { height: 90px; }
.ibx-number { font-size: 15px; }
.ibx-number output { font-size: 22px; line-height: 26px; font-weight: 680; font-variant-numeric: tabular-nums; letter-spacing: -.01em; color: var(--now); }
.ibx-number .ibx-pinned { color: var(--pin); font-weight: 650; }
.ibx-empty { inset: 0; display: grid; place-content: center; }
.ibx-controls { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 10px 16px; border-top: 1px solid var(--line); padding-top: 14px; }
.ibx-control { display: grid; grid-template: 20px 40px / 1fr auto; gap: 2px 8px; }
.ibx-control label { font-weight: 550; }
.ibx-control output { font-variant-numeric: tabular-nums; color: var(--soft); }
.ibx-control :is(input, select) { grid-column: 1 / -1; width: 100%; height: 40px; margin: 0; }
.ibx input { accent-color: var(--now); cursor: pointer; }
.ibx-checks { display: flex; flex-wrap: wrap; gap: 0 24px; }
.ibx-checks label { display: flex; align-items: center; gap: 9px; min-height: 40px; font-weight: 550; cursor: pointer; }
.ibx-checks input { width: 20px; height: 20px; }
.ibx details { border-top: 1px solid var(--line); padding-top: 4px; }
.ibx summary { min-height: 40px; line-height: 40px; cursor: pointer; font-weight: 550; }
.ibx-tables { display: grid; gap: 16px; grid-template-columns: minmax(0, 1fr); }
.ibx-scroll { max-height: 320px; overflow: auto; }
.ibx table { width: 100%; border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; color: inherit; }
.ibx caption { text-align: left; caption-side: top; padding: 4px 0; font-weight: 600; color: inherit; }
.ibx :is(th, td) { text-align: left; padding: 3px 10px 3px 0; border: 0; border-bottom: 1px solid var(--line); font-weight: 400; color: inherit; background: none; }
.ibx thead th { font-weight: 600; }
.ibx-status { font-size: 12px; line-height: 17px; height: 17px; overflow: hidden; color: var(--soft); }
.ibx-live { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@container (min-width: 600px) {
  .ibx-body { grid-template-columns: minmax(0, 11fr) minmax(0, 10fr); gap: 14px 22px; padding: 18px; grid-template-rows: auto auto auto; }
  .ibx-head, .ibx-controls, .ibx-status, .ibx details { grid-column: 1 / -1; }
  .ibx-pictures { grid-area: 2 / 1 / 4 / 2; }
  .ibx-spectrum { grid-area: 2 / 2; } .ibx-scale { grid-area: 3 / 2; }
  .ibx-pinned-on .ibx-body { grid-template-columns: minmax(0, 19fr) minmax(0, 10fr); }
  .ibx-pinned-on .ibx-pictures { grid-area: 2 / 1; } .ibx-pinned-on .ibx-scale { grid-area: 3 / 1; }
  .ibx-pinned-on .ibx-spectrum { grid-area: 2 / 2 / 4 / 3; align-content: stretch; grid-template-rows: auto auto minmax(170px, 1fr) auto; }
  .ibx-pinned-on .ibx-spectrum .ibx-frame { height: auto; }
  .ibx-controls { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 10px 24px; }
  .ibx-checks { grid-area: 3 / 1 / 4 / 3; } .ibx-draw { grid-area: 3 / 3; }
  .ibx-tables { grid-template-columns: 1fr 1fr; }
}
@container (max-width: 599.9px) {
  .ibx-pictures { order: 1; } .ibx-scale { order: 2; } .ibx-controls { order: 3; }
  .ibx-spectrum { order: 4; } .ibx-status { order: 5; } .ibx details { order: 6; }
  .ibx-actions { flex: 1 1 100%; } .ibx-actions button { flex: 1 1 auto; }
  .ibx-wide { grid-column: 1 / -1; } .ibx-draw { align-self: end; } .ibx-checks { grid-column: 1 / -1; }
}`;

  // ------------------------------------------------------------------ 6. controls

  let counter = 0;

  /** A new id: each label is bound to its input by one. */
  const freshId = () => `ibx-${++counter}-${Math.random().toString(36).slice(2, 8)}`;

  /**
   * A labelled control.  `changed(value, settled)` is called on each input; settled is false
   * while the reader still drags.  `show(value)` sets the control without calling back.
   */
  function slider(label, choices, format, changed) {
    const id = freshId();
    const output = node("output", { for: id });
    const input = node("input", { type: "range", id, min: 0, max: choices.length - 1, step: 1 });
    const nearest = (value) =>
      choices.reduce((best, c, i) => (Math.abs(c - value) < Math.abs(choices[best] - value) ? i : best), 0);
    const say = (value) => {
      output.textContent = format(value);
      input.setAttribute("aria-valuetext", format(value));
    };
    const moved = (settled) => {
      const value = choices[+input.value];
      say(value);
      changed(value, settled);
    };
    let heard = null; // a change that follows an input at the same place only settles it
    input.addEventListener("input", () => {
      heard = input.value;
      moved(false);
    });
    input.addEventListener("change", () => {
      if (heard !== null) moved(true);
      heard = null;
    });
    const show = (value) => {
      input.value = nearest(value);
      say(value);
    };
    return {
      element: node("div", { class: "ibx-control" }, node("label", { for: id }, label), output, input),
      show,
    };
  }

  /** A drop-down list; choices are [value, text] pairs. */
  function dropdown(label, choices, changed) {
    const id = freshId();
    const select = node(
      "select",
      { id },
      ...choices.map(([, text], i) => node("option", { value: i }, text)),
    );
    select.addEventListener("change", () => changed(choices[+select.value][0], true));
    const show = (value) => {
      select.value = choices.findIndex(([known]) => known === value);
    };
    return {
      element: node("div", { class: "ibx-control" }, node("label", { for: id }, label), node("span"), select),
      show,
    };
  }

  /** A check box; choices are the values for off and on. */
  function checkbox(label, [off, on], changed) {
    const id = freshId();
    const input = node("input", { type: "checkbox", id });
    input.addEventListener("change", () => changed(input.checked ? on : off, true));
    return {
      element: node("label", { for: id }, input, label),
      show: (value) => {
        input.checked = value === on;
      },
    };
  }

  function button(label, className, clicked) {
    const element = node("button", { type: "button", class: className }, label);
    element.addEventListener("click", clicked);
    return element;
  }

  /** The frame of every explorer: style, group, live region, keys kept from the notebook. */
  function frame(el, title) {
    const live = node("div", { class: "ibx-live", "aria-live": "polite", role: "status" });
    const body = node("div", { class: "ibx-body" });
    const figure = node(
      "div",
      { class: "ibx", role: "group", "aria-label": title, "data-lm-suppress-shortcuts": "true" },
      node("style", {}, STYLE),
      body,
      live,
    );
    figure.addEventListener("keydown", (event) => event.stopPropagation()); // JupyterLab would take the arrows
    el.replaceChildren(figure);
    let timer = 0;
    const announce = (text) => {
      // at rest only, never on each step of a drag
      clearTimeout(timer);
      timer = setTimeout(() => {
        live.textContent = text;
      }, 700);
    };
    const unfollow = followTheme(figure);
    return {
      figure,
      body,
      announce,
      close() {
        clearTimeout(timer);
        unfollow();
      },
    };
  }

  // ------------------------------------------------------------------ 7. pictures and charts

  /** Viridis in 18 steps, interpolated in between; the same list as ibcore.explorers.draw. */
  const PALETTE = (
    "440154 481769 472a7a 433d84 3d4e8a 355e8d 2e6d8e 297b8e 23898e " +
    "1f978b 21a585 2eb37c 46c06f 65cb5e 89d548 b0dd2f d8e219 fde725"
  ).split(" ");
  const COLORS = (function () {
    const table = new Uint8ClampedArray(256 * 3);
    for (let i = 0; i < 256; i++) {
      const step = Math.min(Math.floor(i / 15), 16);
      const t = i / 15 - step;
      for (let c = 0; c < 3; c++) {
        const [from, to] = [step, step + 1].map((s) => parseInt(PALETTE[s].slice(2 * c, 2 * c + 2), 16));
        table[3 * i + c] = Math.round(from + t * (to - from));
      }
    }
    return table;
  })();

  /** Three significant digits, with a real minus sign. */
  function short(value) {
    const text =
      Math.abs(value) >= 1e4 || (value !== 0 && Math.abs(value) < 1e-3)
        ? value.toExponential(1)
        : value.toPrecision(3);
    return text.replace("-", "\u2212");
  }

  const complexityText = (value) => (Number.isNaN(value) ? "constant: no complexity" : value.toFixed(3));

  /** A picture of f on the square, x1 to the right and x2 upward, normalized on its own. */
  function picture(className) {
    const canvas = node("canvas", { role: "img", width: 1, height: 1 });
    const low = node("span");
    const high = node("span");
    const caption = node("figcaption", { class: "ibx-caption" });
    const gradient = `linear-gradient(90deg, ${PALETTE.map((color) => "#" + color).join(", ")})`;
    const axis = (name, extra) =>
      node(
        "div",
        { class: "ibx-axis" + extra, "aria-hidden": "true" },
        node("span", {}, "\u22121"),
        node("span", {}, name),
        node("span", {}, "1"),
      );
    const element = node(
      "figure",
      { class: "ibx-picture " + className },
      node("div", { class: "ibx-square" }, axis("x\u2082", " ibx-up"), canvas, axis("x\u2081", "")),
      node("div", { class: "ibx-legend" }, low, node("i", { style: `background:${gradient}` }), high),
      caption,
    );
    return {
      element,
      caption,
      draw(values, n, { min, max, constant }) {
        if (canvas.width !== n) canvas.width = canvas.height = n;
        const context = canvas.getContext("2d");
        const image = context.createImageData(n, n);
        const pixels = image.data;
        const gain = constant ? 0 : 255 / (max - min);
        const shift = constant ? 127 : 0;
        for (let i = 0; i < n; i++) {
          for (let j = 0; j < n; j++) {
            const color = 3 * Math.round((values[i * n + j] - min) * gain + shift);
            const at = 4 * ((n - 1 - j) * n + i);
            pixels[at] = COLORS[color];
            pixels[at + 1] = COLORS[color + 1];
            pixels[at + 2] = COLORS[color + 2];
            pixels[at + 3] = 255;
          }
        }
        context.putImageData(image, 0, 0);
        low.textContent = short(min);
        high.textContent = short(max);
      },
      describe(text) {
        canvas.setAttribute("aria-label", text);
      },
    };
  }

  /**
   * A chart over a logarithmic axis of frequency, from the lowest a grid can show (as a fraction
   * of the highest) to 1.  Complexity is a mean frequency, so it lives on the same axis.
   */
  function frequencyAxis(n) {
    const low = Math.log(1 / (Math.SQRT2 * (n - 1)));
    return (fraction) => 100 * (1 - Math.log(fraction) / low);
  }

  function frequencyTicks(place) {
    const ticks = [0.02, 0.05, 0.1, 0.2, 0.5, 1].filter((t) => place(t) > 3);
    return ticks.map((t) => node("span", { class: "ibx-x", style: `left:${place(t)}%` }, String(t)));
  }

  /** A vertical mark at a place of the axis, its label to the right or to the left. */
  function mark(className, left, label, toTheLeft, style) {
    const side = toTheLeft ? " ibx-left" : "";
    return node(
      "span",
      { class: className + side, style: `left:${left}%;${style || ""}` },
      node("em", {}, label),
    );
  }

  /** The marks of the complexities: of two, the lower one has its label on the left. */
  function complexityMarks(shown, place, alone) {
    const names = ["pinned", "now"].filter((name) => shown[name] && shown[name].complexity > 0);
    const at = (name) => place(shown[name].complexity);
    return names.map((name) => {
      const other = names.find((candidate) => candidate !== name);
      const toTheLeft = other ? at(name) > 75 || (at(name) > 25 && at(name) < at(other)) : at(name) > 60;
      return mark(`ibx-mark ibx-${name}`, at(name), other ? name : alone, toTheLeft);
    });
  }

  /** The radial spectrum: amplitude over frequency, both logarithmic. */
  function spectrumChart(n) {
    const place = frequencyAxis(n);
    const decades = 6;
    const curves = { now: node("path"), pinned: node("path", { class: "ibx-pinned" }) };
    const svg = node(
      "svg",
      { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" },
      curves.pinned,
      curves.now,
    );
    const powers = ["1", "10\u207b\u00b2", "10\u207b\u2074", "10\u207b\u2076"].map((text, i) =>
      node("span", { class: "ibx-y", style: `top:${(100 * i) / 3}%` }, text),
    );
    const marks = node("div");
    const empty = node("span", { class: "ibx-empty" }, "a constant has no spectrum");
    const plot = node(
      "div",
      { class: "ibx-frame", role: "img" },
      svg,
      ...powers,
      ...frequencyTicks(place),
      marks,
      empty,
    );
    const height = (a) => (-100 * Math.log10(Math.max(a, 1e-12))) / decades;
    const path = (shown) =>
      shown.frequency
        .map(
          (k, i) =>
            `${i ? "L" : "M"}${place(k / shown.top).toFixed(2)} ${height(shown.amplitude[i]).toFixed(2)}`,
        )
        .join("");
    return {
      element: node(
        "div",
        { class: "ibx-chart ibx-spectrum" },
        node("div", { class: "ibx-heading" }, "Spectrum"),
        node("div", { class: "ibx-note" }, "amplitude by frequency (highest = 1)"),
        plot,
        node("div", { class: "ibx-ticks" }),
      ),
      draw(shown) {
        // {now, pinned or null}: frequency, amplitude, top, complexity
        for (const name of ["now", "pinned"])
          curves[name].setAttribute("d", shown[name] ? path(shown[name]) : "");
        empty.hidden = shown.now.frequency.length > 0;
        marks.replaceChildren(...complexityMarks(shown, place, "mean"));
      },
      describe(text) {
        plot.setAttribute("aria-label", text);
      },
    };
  }

  /** The complexity as a number and as a place between known functions. */
  function complexityScale(n) {
    const place = frequencyAxis(n);
    const output = node("output");
    const other = node("span", { class: "ibx-pinned" });
    const known = node("div");
    const marks = node("div");
    const plot = node(
      "div",
      { class: "ibx-frame", "aria-hidden": "true" },
      marks,
      known,
      ...frequencyTicks(place),
    );
    return {
      element: node(
        "div",
        { class: "ibx-chart ibx-scale" },
        node("div", { class: "ibx-number" }, "Complexity ", output, " ", other),
        plot,
        node("div", { class: "ibx-ticks" }),
        node("div", { class: "ibx-note" }, "mean frequency as a fraction of the highest"),
      ),
      draw(shown, points, preview) {
        output.textContent = (preview ? "\u2248 " : "") + complexityText(shown.now.complexity);
        other.textContent = shown.pinned ? `pinned ${complexityText(shown.pinned.complexity)}` : "";
        known.replaceChildren(
          ...points.map(({ name, complexity: c }, i) =>
            // each on a row of its own
            mark(
              "ibx-known",
              place(c),
              `${name} ${c.toFixed(3)}`,
              place(c) > 50,
              `height:${18 + 17 * (points.length - 1 - i)}px`,
            ),
          ),
        );
        marks.replaceChildren(...complexityMarks(shown, place, "this network"));
      },
    };
  }

  /** A table with a caption, in a box that scrolls and can be reached by keyboard. */
  function table(title, head, rows) {
    const cells = (row) =>
      row.map((cell, i) => node(i ? "td" : "th", i ? {} : { scope: "row" }, String(cell)));
    return node(
      "div",
      { class: "ibx-scroll", tabindex: 0, role: "region", "aria-label": title },
      node(
        "table",
        {},
        node("caption", {}, title),
        node("thead", {}, node("tr", {}, ...head.map((text) => node("th", { scope: "col" }, text)))),
        node("tbody", {}, ...rows.map((row) => node("tr", {}, ...cells(row)))),
      ),
    );
  }

  // ------------------------------------------------------------------ 8. RandomNetwork

  const ACTIVATION_NAMES = {
    relu: "ReLU",
    gelu: "GELU",
    silu: "SiLU (Swish)",
    selu: "SELU",
    tanh: "tanh",
    gaussian: "Gaussian",
    sine: "sine",
    sigmoid: "sigmoid",
    linear: "linear",
    leaky_relu: "leaky ReLU",
    abs: "absolute value",
    softplus: "softplus",
  };
  const SCALES = Array.from({ length: 25 }, (_, i) => 0.25 * 2 ** (i / 4));
  const SEEDS = 32;
  const PREVIEW_MS = 11;
  const REST_MS = 140;

  /** Settings in words. */
  function describe(p) {
    const parts = [
      ACTIVATION_NAMES[p.activation],
      `weight scale ${p.weight_scale.toPrecision(3)}`,
      `depth ${p.depth}`,
      `width ${p.width}`,
    ];
    if (p.norm) parts.push("layer norm");
    if (p.residual) parts.push(`residual ${p.residual}`);
    if (p.gated) parts.push("gated");
    return parts.concat(`seed ${p.seed}`).join(", ");
  }

  /** Where the complexity lies among the references, in words. */
  function placeInWords(value, points) {
    if (Number.isNaN(value)) return "The function is constant: it has no complexity.";
    const below = points.filter((point) => point.complexity <= value);
    const above = points.filter((point) => point.complexity > value);
    const name = (point) => `${point.name} (${point.complexity.toFixed(3)})`;
    const where =
      below.length && above.length
        ? `between ${name(below[below.length - 1])} and ${name(above[0])}`
        : below.length
          ? `above ${name(below[below.length - 1])}`
          : `below ${name(above[0])}`;
    return `Complexity ${value.toFixed(3)}, ${where}.`;
  }

  /** Rough time of one evaluation in milliseconds on a fast core, for the choice of a grid. */
  function predictedMs(p, n) {
    const layers = p.gated ? 2 : 1;
    const products = (p.depth - 1) * p.width * p.width * layers;
    return n * n * (products * 0.7e-6 + p.depth * p.width * (24e-6 * layers)) + n * n * n * 3e-6 + 1.5;
  }

  /** All that is shown of one state: values, range, complexity and spectrum. */
  function evaluate(params, n) {
    const values = forward(drawWeights(params.seed, params), params, n);
    return Object.assign({ params, values, n, top: Math.SQRT2 * (n - 1) }, range(values), analyze(values, n));
  }

  /** Whether two choices of settings are the same. */
  const sameParams = (a, b) => Object.keys(a).every((name) => a[name] === b[name]);

  /** What the kernel answered, in the same form; null if it answers another question. */
  function kernelAnswer(model, params) {
    const answer = model.get("answer");
    const values = floats(model.get("frame"));
    const n = model.get("setup").grid;
    if (!answer || values.length !== n * n) return null;
    if (!sameParams(params, answer.params)) return null;
    const value = answer.complexity === null ? NaN : answer.complexity;
    return Object.assign({ params, values, n, top: Math.SQRT2 * (n - 1) }, analyze(values, n), {
      complexity: value,
      min: answer.min,
      max: answer.max,
      constant: answer.complexity === null,
    });
  }

  /** The controls by the name of what they set; `set(name)` makes their callbacks. */
  function networkControls(set) {
    const residuals = [null, "paper", "block"].map((value) => [value, value || "none"]);
    const seeds = Array.from({ length: SEEDS }, (_, i) => i);
    return {
      activation: dropdown("Activation", Object.entries(ACTIVATION_NAMES), set("activation")),
      residual: dropdown("Residual", residuals, set("residual")),
      weight_scale: slider("Weight scale", SCALES, (v) => v.toPrecision(3), set("weight_scale")),
      depth: slider("Depth", [1, 2, 3, 4, 5, 6], String, set("depth")),
      width: slider("Width", [8, 16, 32, 64], String, set("width")),
      seed: slider("Seed", seeds, String, set("seed")),
      norm: checkbox("Layer norm", [null, "layer"], set("norm")),
      gated: checkbox("Gated", [false, true], set("gated")),
    };
  }

  /** The controls in the order in which they are read, left to right and downward. */
  function controlPanel(controls, newDraw) {
    const { norm, gated, ...rows } = controls;
    rows.weight_scale.element.classList.add("ibx-wide");
    const elements = Object.values(rows).map((control) => control.element);
    const checks = node("div", { class: "ibx-checks" }, norm.element, gated.element);
    return node("div", { class: "ibx-controls" }, ...elements, newDraw, checks);
  }

  /** Complexity of a state, placed among the references on its grid. */
  const resultInWords = (state) => placeInWords(state.complexity, referencePoints(state.n));

  /** One state in full sentences. */
  function summary(state) {
    const values = `Values from ${short(state.min)} to ${short(state.max)}.`;
    return `${describe(state.params)}. ${resultInWords(state)} ${values}`;
  }

  /** Where and on which grid a state was computed. */
  function provenance(state, ms, { n, live }) {
    const points = `${state.n} × ${state.n} points`;
    if (state.n !== n) return `${points} while you drag`;
    if (state.engine === "kernel") return `${points}, computed by ibcore in the kernel`;
    return `${points}, ${live ? "ibcore is asked" : `computed here in ${ms.toFixed(0)} ms`}`;
  }

  /** The numbers behind one or two states as tables. */
  function numberTables(states) {
    const head = states.length > 1 ? ["now", "pinned"] : ["value"];
    const row = (name, read) => [name, ...states.map(read)];
    const settings = Object.keys(states[0].params).map((name) =>
      row(name, (state) => String(state.params[name] ?? "none")),
    );
    const results = [
      row("complexity", (state) => complexityText(state.complexity)),
      row("smallest value", (state) => short(state.min)),
      row("largest value", (state) => short(state.max)),
    ];
    const lengths = states.map((state) => state.frequency.length);
    const { frequency } = states[lengths.indexOf(Math.max(...lengths))];
    const amplitude = (i) => (state) => (i in state.amplitude ? state.amplitude[i].toExponential(2) : "none");
    return [
      table("Settings and results", ["name", ...head], settings.concat(results)),
      table(
        "Spectrum: mean amplitude by frequency (half waves across the square)",
        ["frequency", ...head],
        frequency.map((k, i) => row(k, amplitude(i))),
      ),
    ];
  }

  /** The largest grid whose evaluation is expected to fit in a frame. */
  function previewGrid(params, n, slowness) {
    const sizes = [1, 0.75, 0.5, 0.375, 0.25].map((part) => Math.max(8, Math.round(n * part)));
    const fits = sizes.find((size) => slowness * predictedMs(params, size) <= PREVIEW_MS);
    return fits || sizes[sizes.length - 1];
  }

  /** Draw the explorer of random networks; returns what closes it. */
  function randomNetwork({ model, el }) {
    const n = model.get("setup").grid;
    const live = model.get("engine") === "kernel";
    const initial = Object.assign({}, model.get("initial"));
    let params = Object.assign({}, model.get("params"));
    let shown = null; // the state in the picture
    let pinned = null; // the state beside it
    let touched = false; // nothing is announced before the reader has done something
    let dragging = false;
    let slowness = 1; // of this machine, relative to predictedMs
    let frameRequest = 0;
    let restTimer = 0;

    // the parts
    const host = frame(el, "Random network explorer");
    const now = picture("ibx-now");
    const other = picture("ibx-pinned");
    const chart = spectrumChart(n);
    const scale = complexityScale(n);
    const status = node("div", { class: "ibx-status" });
    const tables = node("div", { class: "ibx-tables" });
    const details = node("details", {}, node("summary", {}, "Table of the numbers"), tables);
    const controls = networkControls((name) => (value, settled) => {
      params = Object.assign({}, params, { [name]: value });
      changed(settled);
    });
    const newDraw = button("New draw", "ibx-draw", () => goTo({ seed: (params.seed + 1) % SEEDS }));
    const pin = button("Pin for comparison", "ibx-pin", () => pinTo(pinned ? null : atRest()));
    const reset = button("Reset", "", () => {
      pinTo(null);
      goTo(initial);
    });
    const title = node("div", { class: "ibx-title" }, "A random network as a picture");
    host.body.append(
      node("div", { class: "ibx-head" }, title, node("div", { class: "ibx-actions" }, pin, reset)),
      node("div", { class: "ibx-pictures" }, now.element, other.element),
      chart.element,
      scale.element,
      controlPanel(controls, newDraw),
      status,
      details,
    );

    // what the reader does
    function goTo(some) {
      params = Object.assign({}, params, some);
      showControls();
      changed(true);
    }

    function changed(settled) {
      clearTimeout(restTimer);
      touched = true;
      dragging = !settled;
      if (dragging) restTimer = setTimeout(() => changed(true), REST_MS);
      if (frameRequest) return;
      frameRequest = requestAnimationFrame(() => {
        frameRequest = 0;
        update(dragging ? previewGrid(params, n, slowness) : n);
      });
    }

    function pinTo(state) {
      pinned = state;
      touched = true;
      showPin();
      redraw();
      finish();
    }

    /** The state of the picture on the full grid, also in the middle of a drag. */
    function atRest() {
      return shown.n === n ? shown : Object.assign(evaluate(shown.params, n), { engine: "browser" });
    }

    // from settings to a state
    /** Evaluate in the page; at rest, ask the kernel if there is one. */
    function update(size) {
      const start = performance.now();
      if (!dragging) {
        model.set("params", Object.assign({}, params));
        if (live) model.save_changes();
      }
      const answer = live && !dragging ? kernelAnswer(model, params) : null;
      const known =
        shown && shown.engine === "browser" && shown.n === size && sameParams(params, shown.params);
      if (answer) take(answer, "kernel", start);
      else if (!known) take(evaluate(params, size), "browser", start);
      else if (!dragging) finish();
    }

    function answered() {
      const start = performance.now();
      const answer = dragging ? null : kernelAnswer(model, params);
      if (answer) take(answer, "kernel", start);
    }

    function take(state, engine, start) {
      shown = Object.assign(state, { engine });
      redraw();
      report(performance.now() - start);
      if (!dragging) finish();
    }

    // from a state to the figure
    function showControls() {
      for (const name in controls) controls[name].show(params[name]);
    }

    function showPin() {
      pin.textContent = pinned ? "Unpin" : "Pin for comparison";
      other.element.hidden = !pinned;
      host.figure.classList.toggle("ibx-pinned-on", Boolean(pinned));
      if (!pinned) return;
      other.draw(pinned.values, pinned.n, pinned);
      other.caption.replaceChildren(node("b", {}, "pinned "), describe(pinned.params));
      other.describe(
        `Pinned: output of the network with ${describe(pinned.params)}. ${resultInWords(pinned)}`,
      );
    }

    function redraw() {
      const states = { now: shown, pinned };
      now.draw(shown.values, shown.n, shown);
      now.caption.replaceChildren(...(pinned ? [node("b", {}, "now ")] : []), describe(shown.params));
      chart.draw(states);
      scale.draw(states, referencePoints(shown.n), shown.n !== n);
    }

    /** Write the numbers where scripts and tests can read them. */
    function report(ms) {
      const relative = ms / predictedMs(shown.params, shown.n);
      if (shown.engine === "browser") slowness = 0.7 * slowness + 0.3 * Math.max(0.5, relative);
      const { engine, min, max } = shown;
      const complexity = Number.isNaN(shown.complexity) ? "nan" : shown.complexity;
      Object.assign(host.figure.dataset, { engine, min, max, complexity, grid: shown.n, ms: ms.toFixed(1) });
      host.figure.dataset.ready = "1";
      status.textContent = provenance(shown, ms, { n, live });
    }

    /** What is done once a state is at rest: words, and the tables if they are open. */
    function finish() {
      const words = summary(shown);
      now.describe(`Output of the random network, x1 to the right and x2 upward from \u22121 to 1: ${words}`);
      chart.describe(`Spectrum: relative amplitude over frequency. ${resultInWords(shown)}`);
      if (touched) host.announce(pinned ? `${words} Pinned: ${summary(pinned)}` : words);
      if (details.open) fillTables();
    }

    function fillTables() {
      tables.replaceChildren(...numberTables(pinned ? [shown, pinned] : [shown]));
    }

    if (live) model.on("change:answer", answered);
    details.addEventListener("toggle", () => details.open && fillTables());
    showControls();
    showPin();
    update(n);
    return () => {
      host.close();
      clearTimeout(restTimer);
      cancelAnimationFrame(frameRequest);
      if (live) model.off("change:answer", answered);
    };
  }

  // ------------------------------------------------------------------ 9. registry

  const EXPLORERS = { RandomNetwork: randomNetwork };

  /** Draw the explorer that the model names; the entry point of both hosts. */
  function render(context) {
    const kind = context.model.get("kind");
    const draw = EXPLORERS[kind];
    if (!draw) throw new Error(`there is no explorer named ${kind}`);
    return draw(context);
  }

  defineElement();
  return {
    render,
    uniforms,
    drawWeights,
    forward,
    erf,
    dct2,
    complexity,
    spectrum,
    referencePoints,
    StaticModel,
    PALETTE,
  };
})(globalThis);
