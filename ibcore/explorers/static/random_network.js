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

/** A network in words. */
function networkInWords(p) {
  const scale = `weight scale ${p.weight_scale.toPrecision(3)}`;
  const extras = [p.norm && "layer norm", p.residual && `residual ${p.residual}`, p.gated && "gated"];
  const sizes = [`depth ${p.depth}`, `width ${p.width}`, ...extras.filter(Boolean), `seed ${p.seed}`];
  return [ACTIVATION_NAMES[p.activation], scale, ...sizes].join(", ");
}

/** Where the complexity of a state lies among the references on its grid, in words. */
function placeInWords({ complexity: value, n }) {
  if (Number.isNaN(value)) return "The function is constant: it has no complexity.";
  const points = referencePoints(n);
  const below = points.filter((point) => point.complexity <= value);
  const [low] = below.slice(-1);
  const high = points[below.length];
  const name = (point) => `${point.name} (${point.complexity.toFixed(3)})`;
  const where = !low
    ? `below ${name(high)}`
    : high
      ? `between ${name(low)} and ${name(high)}`
      : `above ${name(low)}`;
  return `Complexity ${value.toFixed(3)}, ${where}.`;
}

/** Rough time of one evaluation in milliseconds on a fast core, for the choice of a grid. */
function predictedMs(p, n) {
  const layers = p.gated ? 2 : 1;
  const products = (p.depth - 1) * p.width * p.width * layers;
  return n * n * (products * 0.7e-6 + p.depth * p.width * (24e-6 * layers)) + n * n * n * 3e-6 + 1.5;
}

/** All that is shown of one state: values, range, complexity and spectrum. */
function stateOfValues(params, values, n) {
  return { params, values, n, ...rangeOf(values), ...analyze(values, n) };
}

/** The same of a network that is evaluated here. */
const evaluateNetwork = (params, n) =>
  stateOfValues(params, forward(drawWeights(params.seed, params), params, n), n);

/** The controls by the name of what they set; `set(name)` makes their callbacks. */
function networkControls(set) {
  const residuals = textPairs([null, "paper", "block"], (value) => value || "none");
  const seeds = Array.from({ length: SEEDS }, (_, i) => i);
  return {
    activation: dropdown("Activation", Object.entries(ACTIVATION_NAMES), set("activation")),
    weight_scale: slider("Weight scale", SCALES, (v) => v.toPrecision(3), set("weight_scale")),
    residual: dropdown("Residual", residuals, set("residual")),
    depth: slider("Depth", [1, 2, 3, 4, 5, 6], String, set("depth")),
    width: slider("Width", [8, 16, 32, 64], String, set("width")),
    seed: slider("Seed", seeds, String, set("seed")),
    norm: checkbox("Layer norm", [null, "layer"], set("norm")),
    gated: checkbox("Gated", [false, true], set("gated")),
  };
}

/** One state in full sentences. */
function stateInWords(state) {
  const values = `Values from ${short(state.min)} to ${short(state.max)}.`;
  return `${networkInWords(state.params)}. ${placeInWords(state)} ${values}`;
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
  const [longest] = states.map((state) => state.frequency).sort((a, b) => b.length - a.length);
  const amplitude = (i) => (state) => state.amplitude[i]?.toExponential(2) ?? "none";
  return [
    table("Settings and results", ["name", ...head], settings.concat(results)),
    table(
      "Spectrum: mean amplitude by frequency (half waves across the square)",
      ["frequency", ...head],
      longest.map((k, i) => row(k, amplitude(i))),
    ),
  ];
}

/** The grid of a preview: the largest that is expected to fit in a frame, by what earlier ones took. */
function evaluationClock(n) {
  const sizes = [1, 0.75, 0.5, 0.375, 0.25].map((part) => Math.max(8, Math.round(n * part)));
  let slowness = 1; // of this machine, relative to predictedMs
  return {
    preview(params) {
      const fits = sizes.find((size) => slowness * predictedMs(params, size) <= PREVIEW_MS);
      return fits || sizes[sizes.length - 1];
    },
    took(ms, params, size) {
      slowness = 0.7 * slowness + 0.3 * Math.max(0.5, ms / predictedMs(params, size));
    },
  };
}

/** Draw the explorer of random networks; returns what closes it. */
function randomNetwork({ model, el }) {
  const n = model.get("setup").grid;
  let shown = null; // the state in the picture
  let pinned = null; // the state beside it

  const clock = evaluationClock(n);
  const tables = () => numberTables(pinned ? [shown, pinned] : [shown]);
  const own = liveFigure({ model, el }, { title: "Random network explorer", draw, tables });
  const now = picture("ibx-now");
  const other = picture("ibx-pinned");
  const chart = spectrumChart(n);
  const scale = complexityScale(n);
  const newDraw = button("New draw", "ibx-draw", () => own.goTo({ seed: (own.params.seed + 1) % SEEDS }));
  const pin = button("Pin for comparison", "ibx-pin", () => pinTo(pinned ? null : atRest()));
  const reset = button("Reset", "", () => {
    pinTo(null);
    own.goTo(own.initial);
  });

  function pinTo(state) {
    pinned = state;
    own.touched = true;
    showPin();
    redraw();
    finish();
  }

  /** The state of the picture on the full grid, also in the middle of a drag. */
  const atRest = () => (shown.n === n ? shown : { ...evaluateNetwork(shown.params, n), engine: "browser" });

  /** Evaluate in the page; at rest, ask the kernel if there is one. */
  function draw(params, resting) {
    const start = performance.now();
    const size = resting ? n : clock.preview(params);
    if (resting) own.ask();
    const answer = resting ? kernelAnswer(params) : null;
    const known = shown && shown.engine === "browser" && shown.n === size && sameParams(params, shown.params);
    if (answer || !known) {
      shown = answer || { ...evaluateNetwork(params, size), engine: "browser" };
      redraw();
      report(performance.now() - start);
    }
    if (resting) finish();
  }

  /** What the kernel answered, in the same form. */
  function kernelAnswer(params) {
    const answer = own.answer();
    const values = floats(model.get("frame"));
    if (!answer || values.length !== n * n) return null;
    const { min, max, complexity } = answer;
    const constant = complexity === null;
    const found = { complexity: constant ? NaN : complexity, min, max, constant, engine: "kernel" };
    return { ...stateOfValues(params, values, n), ...found };
  }

  function showPin() {
    pin.textContent = pinned ? "Unpin" : "Pin for comparison";
    other.element.hidden = !pinned;
    own.host.figure.classList.toggle("ibx-pinned-on", Boolean(pinned));
    if (!pinned) return;
    const words = networkInWords(pinned.params);
    other.draw(pinned.values, pinned.n, pinned);
    other.caption.replaceChildren(node("b", {}, "pinned "), words);
    other.describe(`Pinned: output of the network with ${words}. ${placeInWords(pinned)}`);
  }

  function redraw() {
    const states = { now: shown, pinned };
    now.draw(shown.values, shown.n, shown);
    now.caption.replaceChildren(...(pinned ? [node("b", {}, "now ")] : []), networkInWords(shown.params));
    chart.draw(states);
    scale.draw(states, referencePoints(shown.n), shown.n !== n);
  }

  function report(ms) {
    const { engine, min, max } = shown;
    if (engine === "browser") clock.took(ms, shown.params, shown.n);
    const complexity = Number.isNaN(shown.complexity) ? "nan" : shown.complexity;
    own.write({ engine, min, max, complexity, grid: shown.n, ms: ms.toFixed(1) });
    own.status.textContent = provenance(shown, ms, { n, live: own.live });
  }

  /** The words and tables of a state at rest. */
  function finish() {
    const words = stateInWords(shown);
    now.describe(`Output of the random network, x1 to the right and x2 upward from \u22121 to 1: ${words}`);
    chart.describe(`Spectrum: relative amplitude over frequency. ${placeInWords(shown)}`);
    own.finish(pinned ? `${words} Pinned: ${stateInWords(pinned)}` : words);
  }

  showPin();
  const controls = networkControls(own.set);
  const pictures = div("ibx-pictures", now.element, other.element);
  own.layOut({
    heading: "A random network as a picture",
    actions: [pin, reset],
    picture: pictures,
    panel: controlPanel(controls, newDraw),
    parts: [chart.element, scale.element],
    controls,
  });
  own.start();
  return own.close;
}
