const TRIALS = 99;

const stepsText = (step) => `${countText(step)} steps`;
const plainScale = (scale) => String(Number(scale.toPrecision(3)));

/** A bar with a label and a number, from one place to another in percent, perhaps with an origin. */
function gaugeRow(label, text, from, to, origin = null) {
  const style = `margin-left:${Math.min(from, to)}%;width:${Math.abs(to - from)}%`;
  const mark = node("b", origin === null ? { hidden: true } : { style: `left:${origin}%` });
  const track = node("span", { "aria-hidden": "true" }, node("i", { class: "ibx-bar-2", style }), mark);
  return node("div", { class: "ibx-bars" }, node("span", {}, label), track, node("output", {}, text));
}

/** Accumulated decay, norm and angle of the weights: three bars and what the first one means. */
function weightGauge({ pipelines, numbers }) {
  const clocks = pipelines.flatMap(({ clock }) => clock).filter((tau) => tau !== null);
  const most = Math.max(...clocks) || 1;
  const norms = numbers.norm.flat(2).concat(1).filter((norm) => norm > 0);
  const place = logarithmicAxis([Math.min(...norms), Math.max(...norms)]);
  const element = node("div", { class: "ibx-gauge" });
  return {
    element,
    draw(state) {
      const { clock, norm, cosine, p } = state;
      const where = `mean over networks from scale ${plainScale(p.weight_scale)}`;
      const origin = Math.min(place(1), 99.5);
      element.replaceChildren(
        node("div", { class: "ibx-heading" }, "Accumulated regularization"),
        node("div", { class: "ibx-note" }, where),
        gaugeRow("Decay clock \u03c4", clockText(state), 0, (100 * (clock || 0)) / most),
        gaugeRow("Norm, start = 1", norm.toPrecision(3), place(1), norm > 0 ? place(norm) : 0, origin),
        gaugeRow("Cosine with start", minus(cosine.toFixed(3)), 0, 100 * Math.max(0, cosine)),
        node("div", { class: "ibx-note ibx-meaning" }, clockInWords(state)),
      );
    },
  };
}

const clockText = ({ pipeline, clock }) =>
  clock === null ? "not defined" : pipeline.weight_decay > 0 ? clock.toFixed(2) : "no decay";

/** What the explicit clock says about weights, in words. */
function clockInWords({ pipeline, clock }) {
  const { learning_rate: rate, weight_decay: decay, momentum } = pipeline;
  if (clock === null) return "\u03c4 is not defined: Adam rescales a decay that is added to the gradient.";
  if (!(decay > 0)) return "No weight decay: \u03c4 stays 0, and this clock forgets nothing.";
  const factor = momentum > 0 ? " / (1 \u2212 \u03bc)" : "";
  const kept = (100 * Math.exp(-clock / 2)).toPrecision(2);
  const rates = `\u03b7 = ${rate}, \u03bb = ${decay}`;
  return (
    `\u03c4 = 2\u03b7\u03bbt${factor} with ${rates}: a weight that the data leave alone ` +
    `keeps exp(\u2212\u03c4/2) = ${Number(kept)}\u00a0% of its size.`
  );
}

/** The spread over scales as a number, with its interval and its gate. */
function spreadBox({ value, low, high, least, verdict }, { networks, gate, choices }) {
  const scales = choices.weight_scale;
  const range = `${plainScale(scales[0])} to ${plainScale(scales[scales.length - 1])}`;
  const ends = low === null ? "" : `${low.toFixed(1)} to ${high.toFixed(1)}`;
  const interval = ends ? `95\u00a0% interval ${ends}, n = ${networks} networks` : "one network: no interval";
  const bound = inPercent(gate);
  const words =
    verdict === "trained"
      ? `\u2713 Trained: every network reaches ${bound} on its training set, so the spread measures memory.`
      : `\u26a0 Undertrained: a network is at ${inPercent(least)} of its training set, below ${bound}; ` +
        "this spread is not called memory.";
  return [
    div("ibx-heading", `Spread over scales ${range}`),
    div("ibx-number", node("output", {}, value.toFixed(1)), " points of test accuracy"),
    div("ibx-note", interval),
    node("div", { class: "ibx-verdict", "data-verdict": verdict }, words),
  ];
}

/**
 * The part that trains with a kernel: a button that asks for a trial with another seed, and its
 * results beside the stored ones.
 */
function trialPart(model, own) {
  const { trial, choices } = model.get("setup");
  const { scales, digits, width, networks, steps } = trial;
  const named = scales.map(plainScale);
  const last = named.pop();
  const about =
    `Two pipelines from scales ${named.join(", ")} and ${last}: ${digits} digits, ` +
    `two layers of ${width} units, ${networks} networks each, ${stepsText(steps)}. ` +
    "This takes about two seconds.";
  const train = button("Train now", "ibx-pin", ask);
  const outcome = div("ibx-outcome");
  const words = node("div", {}, div("ibx-heading", "Train it yourself"), node("div", {}, about));
  const run = () => own.params.run || 0;
  let shown = 0; // the run whose results are shown
  const waits = () => run() !== shown;

  function ask() {
    if (waits()) return;
    own.params = { ...own.params, run: (run() % TRIALS) + 1 };
    own.ask();
    wait();
    own.host.announce("Training.");
  }

  function wait() {
    train.textContent = "Training\u2026";
    train.setAttribute("aria-disabled", "true");
  }

  function answered() {
    const found = (model.get("answer") || {}).trial;
    if (!waits() || !found || found.run !== run()) return;
    shown = found.run;
    train.textContent = "Train again";
    train.removeAttribute("aria-disabled");
    outcome.replaceChildren(
      found.error
        ? node("p", { role: "alert" }, trialInWords(found))
        : trialTable(trial, found, choices.step[choices.step.length - 1]),
    );
    own.host.announce(trialInWords(found));
    const values = found.error ? "error" : found.pipelines.map(({ value }) => value).join(" ");
    own.host.figure.dataset.trial = values;
  }

  model.on("change:answer", answered);
  if (waits()) wait();
  answered();
  return {
    element: node("div", { class: "ibx-trial" }, node("div", { class: "ibx-head" }, words, train), outcome),
    waits,
    close: () => model.off("change:answer", answered),
  };
}

function trialTable(trial, found, last) {
  const tests = trial.scales.map((scale) => `test, scale ${plainScale(scale)}`);
  const cells = (label, result) => [
    label,
    result.name,
    result.value.toFixed(1),
    ...result.test.map(inPercent),
    inPercent(result.least),
    result.verdict,
  ];
  const rows = found.pipelines.flatMap((own, i) => {
    const stored = trial.stored[i];
    return [cells("now", own), ...(stored ? [cells("stored", stored)] : [])];
  });
  const title = `Trained now (seed ${found.run}, ${found.seconds} s), and stored (${stepsText(last)})`;
  return table(title, ["", "pipeline", "spread, points", ...tests, "least train", "gate"], rows);
}

function trialInWords(found) {
  if (found.error) return `The kernel could not train: ${found.error}`;
  const words = found.pipelines.map(
    ({ name, value, verdict }) => `${name}, spread ${value.toFixed(1)} points, ${verdict}`,
  );
  return `Trained now: ${words.join("; ")}.`;
}

/** Draw the player of sweeps over initial scales; returns what closes it. */
function sweepPlayer(context) {
  const { model } = context;
  const setup = model.get("setup");
  const { choices, pipelines, networks, numbers } = setup;
  const { weight_scale: scales, step: steps } = choices;
  const shares = [0, 0.25, 0.5, 0.75, 1].map((share) => [share, String(100 * share)]);
  const height = (accuracy) => (100 * (1.04 - accuracy)) / 1.04;
  const common = { names: ["test", "train"], y: height, yTicks: shares, note: "" };
  const byScale = logarithmicAxis(scales, 4);
  const overScales = lineChart({
    ...common,
    heading: "Accuracy in % over the initial scale",
    x: byScale,
    xTicks: spacedTicks(scales, byScale),
  });
  const byStep = stepAxis(steps);
  const overTime = lineChart({
    ...common,
    heading: "Accuracy in % over time",
    x: byStep,
    xTicks: stepTicks(steps, byStep),
  });
  const gauge = weightGauge(setup);
  const spread = node("div", { class: "ibx-spreads" });
  let part = null; // there with a kernel

  function state(p) {
    const chosen = pipelines.findIndex(({ name }) => name === p.pipeline);
    const [scale, look] = [scales.indexOf(p.weight_scale), steps.indexOf(p.step)];
    const [test, train, norm, cosine] = ["test", "train", "norm", "cosine"].map(
      (measure) => numbers[measure][chosen][look][scale],
    );
    const pipeline = pipelines[chosen];
    const places = { chosen, look, scale, pipeline, clock: pipeline.clock[look] };
    return { p, ...places, test, train, norm, cosine, spread: numbers.spread[chosen][look] };
  }

  function draw(shown, words) {
    const { chosen, look, scale, p } = shown;
    const lines = (pick, axis) => common.names.map((name) => banded(pick(numbers[name][chosen]), axis));
    const [from, after] = [`from scale ${plainScale(p.weight_scale)}`, `after ${stepsText(p.step)}`];
    overScales.draw(lines((looks) => looks[look], scales));
    overScales.mark(p.weight_scale, `scale ${plainScale(p.weight_scale)}`);
    overScales.note(`${after}, n = ${networks}${networks > 1 ? ", band: 95\u00a0% interval" : ""}`);
    overTime.draw(lines((looks) => looks.map((row) => row[scale]), steps));
    overTime.mark(p.step, stepsText(p.step));
    overTime.note(`${from}; steps on a logarithmic axis`);
    gauge.draw(shown);
    spread.replaceChildren(...spreadBox(shown.spread, setup));
    const chart = (name) => `${name}: test accuracy solid, train accuracy dashed. ${words}`;
    overScales.describe(chart(`Accuracy over the initial scale ${after}`));
    overTime.describe(chart(`Accuracy over time ${from}`));
  }

  /** Accuracy over the scales and at the chosen one, in words. */
  function sentence({ p, chosen, look, test, train }) {
    const means = numbers.test[chosen][look].map(([value]) => value);
    const [best, worst] = [Math.max(...means), Math.min(...means)].map((mean) => means.indexOf(mean));
    const place = (i) => `${inPercent(means[i])} at scale ${plainScale(scales[i])}`;
    return (
      `After ${stepsText(p.step)} of ${p.pipeline}, mean test accuracy is highest, ${place(best)}, ` +
      `and lowest, ${place(worst)}. From scale ${plainScale(p.weight_scale)}: ` +
      `test ${meanText(test)}, train ${meanText(train)}.`
    );
  }

  function told(shown, words) {
    const { value, verdict } = shown.spread;
    const angle = `norm ${shown.norm.toPrecision(3)} of the start, cosine ${minus(shown.cosine.toFixed(3))}`;
    return `${words} Spread ${value.toFixed(1)} percentage points, ${verdict}. Decay clock: ${clockText(shown)}; ${angle}.`;
  }

  function scaleTable({ chosen, look, p }) {
    const of = (name) => numbers[name][chosen][look];
    const rows = scales.map((scale, i) => [
      plainScale(scale),
      ...of("test")[i].map(inPercent),
      ...of("train")[i].map(inPercent),
      of("norm")[i].toPrecision(3),
      ...[of("cosine")[i], of("retained")[i]].map((value) => minus(value.toFixed(3))),
      inPercent(of("disagreement")[i]),
    ]);
    const ends = ["low", "high"];
    const weights = ["norm, start = 1", "cosine", "retained fraction", "disagreement with other scales"];
    const head = ["scale", "test", ...ends, "train", ...ends, ...weights];
    return [`By scale: ${p.pipeline}, after ${stepsText(p.step)}, n = ${networks}`, head, rows];
  }

  function timeTable({ pipeline, p }) {
    const rows = steps.map((step) => {
      const own = state({ ...p, step });
      const shares = [own.test[0], own.train[0]].map(inPercent);
      const weights = [clockText(own), own.norm.toPrecision(3), minus(own.cosine.toFixed(3))];
      return [countText(step), ...shares, ...weights, own.spread.value.toFixed(1), own.spread.verdict];
    });
    const head = ["steps", "test", "train", "\u03c4", "norm, start = 1", "cosine", "spread, points", "gate"];
    return [`Over time: ${pipeline.name} from scale ${plainScale(p.weight_scale)}`, head, rows];
  }

  function pipelineTable({ p }) {
    const rows = pipelines.map(({ name }) => {
      const own = state({ ...p, pipeline: name });
      const { value, low, high, least, verdict } = own.spread;
      const ends = low === null ? "none" : `${low.toFixed(1)} to ${high.toFixed(1)}`;
      return [name, clockText(own), value.toFixed(1), ends, inPercent(least), verdict];
    });
    const head = ["pipeline", "\u03c4", "spread, points", "95\u00a0% interval", "least train", "gate"];
    return [`All pipelines after ${stepsText(p.step)}`, head, rows];
  }

  const close = drawStored(context, {
    name: "Initialization memory explorer",
    className: "ibx-sweep",
    title: "What is left of the initial scale",
    play: { name: "step" },
    picture: overScales.element,
    body({ story, own }) {
      if (model.get("engine") === "kernel") part = trialPart(model, own);
      return [overTime.element, gauge.element, spread, story, ...(part ? [part.element] : [])];
    },
    state,
    draw,
    sentence,
    told: (shown, words) => (part && part.waits() ? "" : told(shown, words)),
    data({ test, train, norm, cosine, clock, spread: { value, verdict } }) {
      return { test: test[0], train: train[0], norm, cosine, clock, spread: value, verdict };
    },
    status: () => (model.get("engine") === "kernel" ? "the kernel can train" : "with a kernel it also trains"),
    tables: (shown) => [scaleTable(shown), timeTable(shown), pipelineTable(shown)],
  });
  return () => {
    if (part) part.close();
    close();
  };
}
