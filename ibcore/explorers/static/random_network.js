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
    const known = shown && shown.engine === "browser" && shown.n === size && sameParams(params, shown.params);
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
    other.describe(`Pinned: output of the network with ${describe(pinned.params)}. ${resultInWords(pinned)}`);
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
