const SWEEP_KEYS = ["pipeline", "weight_scale", "step"];
const TRIALS = 99;

const inPercent = (share) => (share === null ? "none" : `${(100 * share).toFixed(1)}\u00a0%`);
const countText = (count) => count.toLocaleString("en-US");
const stepsText = (step) => `${countText(step)} steps`;
const signed = (value, digits) => value.toFixed(digits).replace("-", "\u2212");
const plainScale = (scale) => String(Number(scale.toPrecision(3)));

/** A mean with its interval, if it has one. */
function meanText([value, low, high]) {
  if (low === null) return inPercent(value);
  return `${inPercent(value)} (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})`;
}

/** An axis of steps from 0 on: logarithmic in 1 + t / (first look after 0). */
function stepAxis(steps, margin = 5) {
  const unit = steps.find((step) => step > 0) || 1;
  const span = Math.log(1 + steps[steps.length - 1] / unit) || 1;
  return (step) => margin + ((100 - 2 * margin) * Math.log(1 + step / unit)) / span;
}

/** Ticks at the first and the last look and at some between, no two closer than a label needs. */
function stepTicks(steps, place) {
  const [first, last] = [steps[0], steps[steps.length - 1]];
  const far = (a, b) => Math.abs(place(a) - place(b)) >= 14;
  const kept = [...new Set([first, last])];
  for (const step of steps.slice().reverse()) {
    if (kept.every((other) => far(step, other))) kept.push(step);
  }
  return kept.map((step) => [step, countText(step)]);
}

/** A bar with a label and a number; `draw(text, from, to)` with places in percent. */
function gaugeRow(label, zero = null) {
  const output = node("output");
  const bar = node("i", { class: "ibx-bar-2" });
  const origin = node("b", zero === null ? { hidden: true } : { style: `left:${zero}%` });
  const track = node("span", { "aria-hidden": "true" }, bar, origin);
  return {
    element: node("div", { class: "ibx-bars" }, node("span", {}, label), track, output),
    draw(text, from, to) {
      output.textContent = text;
      bar.style.marginLeft = `${Math.min(from, to)}%`;
      bar.style.width = `${Math.abs(to - from)}%`;
    },
  };
}

/** Accumulated decay, norm and angle of the weights: three bars and what the first one means. */
function weightGauge({ pipelines, numbers }) {
  const clocks = pipelines.flatMap(({ clock }) => clock).filter((tau) => tau !== null);
  const most = Math.max(...clocks) || 1;
  const norms = numbers.norm.flat(2).concat(1).filter((norm) => norm > 0);
  const place = logarithmicAxis([Math.min(...norms), Math.max(...norms)]);
  const clock = gaugeRow("Decay clock \u03c4");
  const norm = gaugeRow("Norm, start = 1", Math.min(place(1), 99.5));
  const cosine = gaugeRow("Cosine with start");
  const where = node("div", { class: "ibx-note" });
  const meaning = node("div", { class: "ibx-note ibx-meaning" });
  const heading = node("div", { class: "ibx-heading" }, "Accumulated regularization");
  const rows = [clock, norm, cosine].map(({ element }) => element);
  return {
    element: node("div", { class: "ibx-gauge" }, heading, where, ...rows, meaning),
    draw(state) {
      where.textContent = `mean over networks from scale ${plainScale(state.params.weight_scale)}`;
      clock.draw(clockText(state), 0, (100 * (state.clock || 0)) / most);
      norm.draw(state.norm.toPrecision(3), place(1), state.norm > 0 ? place(state.norm) : 0);
      cosine.draw(signed(state.cosine, 3), 0, 100 * Math.max(0, state.cosine));
      meaning.textContent = clockInWords(state);
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
function spreadNumber({ networks, gate, scales }) {
  const output = node("output");
  const interval = node("div", { class: "ibx-note" });
  const verdict = node("div", { class: "ibx-verdict" });
  const range = `${plainScale(scales[0])} to ${plainScale(scales[scales.length - 1])}`;
  const heading = node("div", { class: "ibx-heading" }, `Spread over scales ${range}`);
  const number = node("div", { class: "ibx-number" }, output, " points of test accuracy");
  return {
    element: node("div", { class: "ibx-spreads" }, heading, number, interval, verdict),
    draw({ spread }) {
      output.textContent = spread.value.toFixed(1);
      interval.textContent = intervalText(spread, networks);
      verdict.textContent = verdictInWords(spread, gate);
      verdict.dataset.verdict = spread.verdict;
    },
  };
}

const intervalText = ({ low, high }, networks) =>
  low === null
    ? "one network: no interval"
    : `95\u00a0% interval ${low.toFixed(1)} to ${high.toFixed(1)}, n = ${networks} networks`;

function verdictInWords({ verdict, least }, gate) {
  const bound = inPercent(gate);
  return verdict === "trained"
    ? `\u2713 Trained: every network reaches ${bound} on its training set, so the spread measures memory.`
    : `\u26a0 Undertrained: a network is at ${inPercent(least)} of its training set, below ${bound}; ` +
        "this spread is not called memory.";
}

/** The part that trains with a kernel: a button, and its results beside the stored ones. */
function trialPart({ trial, steps: looks }, clicked) {
  const { scales, digits, width, networks, steps } = trial;
  const train = button("Train now", "ibx-pin", clicked);
  const outcome = node("div", { class: "ibx-outcome" });
  const named = scales.map(plainScale);
  const last = named.pop();
  const about =
    `Two pipelines from scales ${named.join(", ")} and ${last}: ${digits} digits, ` +
    `two layers of ${width} units, ${networks} networks each, ${stepsText(steps)}. ` +
    "This takes about two seconds.";
  const heading = node("div", { class: "ibx-heading" }, "Train it yourself");
  const words = node("div", {}, heading, node("div", {}, about));
  return {
    element: node("div", { class: "ibx-trial" }, node("div", { class: "ibx-head" }, words, train), outcome),
    wait() {
      train.textContent = "Training\u2026";
      train.setAttribute("aria-disabled", "true");
    },
    show(found) {
      train.textContent = "Train again";
      train.removeAttribute("aria-disabled");
      outcome.replaceChildren(
        found.error
          ? node("p", { role: "alert" }, `The kernel could not train: ${found.error}`)
          : trialTable(trial, found, looks[looks.length - 1]),
      );
    },
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

/** Time that runs look by look; a reader who wants less motion steps by hand. */
function timePlayer(steps, { at, goTo, ended }) {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let timer = 0;
  const element = button("", "ibx-pin", () => (timer ? stop() : start()));
  const name = () => {
    element.textContent = timer ? "Pause" : still.matches ? "Next look" : "Play time";
  };
  const next = () => steps[(steps.indexOf(at()) + 1) % steps.length];

  function start() {
    if (still.matches) return goTo(next());
    timer = setInterval(tick, 900);
    name();
    return tick();
  }

  function tick() {
    const step = next();
    if (step === steps[steps.length - 1]) stop(false);
    goTo(step);
  }

  function stop(told = true) {
    const ran = timer !== 0;
    clearInterval(timer);
    timer = 0;
    name();
    if (ran && told) ended();
  }

  const changed = () => (still.matches ? stop() : name());
  still.addEventListener("change", changed);
  name();
  return {
    element,
    stop,
    running: () => timer !== 0,
    close() {
      clearInterval(timer);
      still.removeEventListener("change", changed);
    },
  };
}

/** Draw the player of sweeps over initial scales; returns what closes it. */
function sweepPlayer({ model, el }) {
  const setup = model.get("setup");
  const live = model.get("engine") === "kernel";
  const { pipelines, scales, steps, networks, numbers } = setup;
  const initial = Object.assign({}, model.get("initial"));
  let params = Object.assign({}, model.get("params"));
  let shown = null;
  let trial = null; // what the kernel trained last
  let touched = false;

  const host = frame(el, "Initialization memory explorer");
  host.figure.classList.add("ibx-sweep");
  const height = (accuracy) => (100 * (1.04 - accuracy)) / 1.04;
  const shares = [0, 0.25, 0.5, 0.75, 1].map((share) => [share, String(100 * share)]);
  const names = ["test", "train"];
  const common = { names, y: height, yTicks: shares, note: "" };
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
  const spread = spreadNumber(setup);
  const result = node("div", { class: "ibx-story" });
  const status = node("div", { class: "ibx-status" });
  const folded = foldedTables(() => [scaleTable(), timeTable(), pipelineTable()]);
  const part = live ? trialPart(setup, train) : null;
  const listed = pipelines.map(({ name }) => [name, name]);
  const controls = {
    pipeline: dropdown("Pipeline", listed, set("pipeline")),
    weight_scale: slider("Initial scale", scales, plainScale, set("weight_scale")),
    step: slider("Time", steps, stepsText, set("step")),
  };
  controls.pipeline.element.classList.add("ibx-wide");
  const play = timePlayer(steps, {
    at: () => params.step,
    goTo: (step) => goTo({ step }),
    ended: () => finish(),
  });
  const reset = button("Reset", "", () => {
    play.stop();
    goTo({ ...initial, run: params.run });
  });
  const title = node("div", { class: "ibx-title" }, "What is left of the initial scale");
  host.body.append(
    node("div", { class: "ibx-head" }, title, node("div", { class: "ibx-actions" }, play.element, reset)),
    node("div", { class: "ibx-controls" }, ...Object.values(controls).map((control) => control.element)),
    overScales.element,
    overTime.element,
    gauge.element,
    spread.element,
    result,
    ...(part ? [part.element] : []),
    status,
    folded.element,
  );
  const pace = pacer(update);

  function set(name) {
    return (value, settled) => {
      play.stop(false);
      goTo({ [name]: value }, settled);
    };
  }

  function goTo(some, settled = true) {
    touched = true;
    params = Object.assign({}, params, some);
    showControls();
    pace.changed(settled);
  }

  function showControls() {
    for (const name in controls) controls[name].show(params[name]);
  }

  /** Ask the kernel for a trial with another seed. */
  function train() {
    if (waiting()) return;
    params = Object.assign({}, params, { run: (params.run % TRIALS) + 1 });
    part.wait();
    host.announce("Training.");
    update(true);
  }

  const waiting = () => live && params.run > 0 && !(trial && trial.run === params.run);

  function update(resting) {
    if (resting) {
      model.set("params", Object.assign({}, params));
      if (live) model.save_changes();
    }
    show(stateOf(params), resting);
    answered();
  }

  /** All that is shown of one choice. */
  function stateOf(p) {
    const chosen = pipelines.findIndex(({ name }) => name === p.pipeline);
    const [scale, look] = [scales.indexOf(p.weight_scale), steps.indexOf(p.step)];
    const at = (measure) => numbers[measure][chosen][look][scale];
    const [test, training] = [at("test"), at("train")];
    const pipeline = pipelines[chosen];
    const own = { params: p, chosen, look, scale, pipeline, clock: pipeline.clock[look] };
    const weights = { norm: at("norm"), cosine: at("cosine") };
    return { ...own, ...weights, test, training, spread: numbers.spread[chosen][look] };
  }

  /** Take a new trial from the kernel; other numbers of its answer are in the page already. */
  function answered() {
    const answer = live && model.get("answer");
    if (!answer || !answer.params) return;
    host.figure.dataset.engine = "kernel";
    const found = answer.trial;
    if (!found || found.run !== params.run || (trial && trial.run === found.run)) return;
    trial = found;
    part.show(trial);
    if (touched || params.run) host.announce(trialInWords(trial));
    host.figure.dataset.trial = trial.error ? "error" : trial.pipelines.map(({ value }) => value).join(" ");
  }

  function show(state, resting) {
    shown = state;
    const { chosen, look, scale, params: p } = state;
    const lines = (rows, axis) => ["test", "train"].map((name) => series(rows(numbers[name][chosen]), axis));
    overScales.draw(lines((looks) => looks[look], scales));
    overScales.mark(p.weight_scale, `scale ${plainScale(p.weight_scale)}`);
    overTime.draw(lines((looks) => looks.map((row) => row[scale]), steps));
    overTime.mark(p.step, stepsText(p.step));
    const band = networks > 1 ? ", band: 95\u00a0% interval" : "";
    note(overScales).textContent = `after ${stepsText(p.step)}, n = ${networks}${band}`;
    note(overTime).textContent = `from scale ${plainScale(p.weight_scale)}; steps on a logarithmic axis`;
    gauge.draw(state);
    spread.draw(state);
    result.textContent = scalesInWords(state);
    write(state);
    const where = live ? "the kernel can train" : "with a kernel it also trains";
    status.textContent = `${sourceInWords(setup.source)}; ${where}`;
    if (resting && !play.running()) finish();
  }

  const note = (chart) => chart.element.querySelector(".ibx-note");

  /** Write the numbers where scripts and tests can read them. */
  function write({ params: p, test, training, norm, cosine, clock, spread: { value, verdict } }) {
    const data = { test: test[0], train: training[0], norm, cosine, clock, spread: value, verdict };
    SWEEP_KEYS.forEach((name) => (data[name] = p[name]));
    Object.assign(host.figure.dataset, data, { ready: "1" });
    if (!live) host.figure.dataset.engine = "browser";
  }

  /** A line of a chart with its band, where the means have intervals. */
  function series(means, axis) {
    const points = means.map(([value], i) => [axis[i], value]);
    const ends = means.map(([, low, high], i) => [axis[i], low, high]);
    return { points, band: ends.filter(([, low]) => low !== null) };
  }

  /** Accuracy over the scales and at the chosen one, in words. */
  function scalesInWords({ params: p, chosen, look, test, training }) {
    const means = numbers.test[chosen][look].map(([value]) => value);
    const [best, worst] = [Math.max(...means), Math.min(...means)].map((mean) => means.indexOf(mean));
    const place = (i) => `${inPercent(means[i])} at scale ${plainScale(scales[i])}`;
    return (
      `After ${stepsText(p.step)} of ${p.pipeline}, mean test accuracy is highest, ${place(best)}, ` +
      `and lowest, ${place(worst)}. From scale ${plainScale(p.weight_scale)}: ` +
      `test ${meanText(test)}, train ${meanText(training)}.`
    );
  }

  function finish() {
    if (!shown) return;
    const { spread: found, params: p } = shown;
    const words = scalesInWords(shown);
    const chart = (name) => `${name}: test accuracy solid, train accuracy dashed. ${words}`;
    overScales.describe(chart(`Accuracy over the initial scale after ${stepsText(p.step)}`));
    overTime.describe(chart(`Accuracy over time from scale ${plainScale(p.weight_scale)}`));
    const points = `Spread ${found.value.toFixed(1)} percentage points, ${found.verdict}.`;
    const angle = `norm ${shown.norm.toPrecision(3)} of the start, cosine ${signed(shown.cosine, 3)}`;
    const weights = `Decay clock: ${clockText(shown)}; ${angle}.`;
    if (touched && !waiting()) host.announce(`${words} ${points} ${weights}`);
    folded.refresh();
  }

  function scaleTable() {
    const { chosen, look, params: p } = shown;
    const of = (name) => numbers[name][chosen][look];
    const rows = scales.map((scale, i) => [
      plainScale(scale),
      ...of("test")[i].map(inPercent),
      ...of("train")[i].map(inPercent),
      of("norm")[i].toPrecision(3),
      ...[of("cosine")[i], of("retained")[i]].map((value) => signed(value, 3)),
      inPercent(of("disagreement")[i]),
    ]);
    const ends = ["low", "high"];
    const weights = ["norm, start = 1", "cosine", "retained fraction", "disagreement with other scales"];
    const head = ["scale", "test", ...ends, "train", ...ends, ...weights];
    return table(`By scale: ${p.pipeline}, after ${stepsText(p.step)}, n = ${networks}`, head, rows);
  }

  function timeTable() {
    const { pipeline, params: p } = shown;
    const rows = steps.map((step) => {
      const own = stateOf({ ...p, step });
      return [
        countText(step),
        inPercent(own.test[0]),
        inPercent(own.training[0]),
        clockText(own),
        own.norm.toPrecision(3),
        signed(own.cosine, 3),
        own.spread.value.toFixed(1),
        own.spread.verdict,
      ];
    });
    const head = ["steps", "test", "train", "\u03c4", "norm, start = 1", "cosine", "spread, points", "gate"];
    return table(`Over time: ${pipeline.name} from scale ${plainScale(p.weight_scale)}`, head, rows);
  }

  function pipelineTable() {
    const rows = pipelines.map(({ name }) => {
      const own = stateOf({ ...shown.params, pipeline: name });
      const { value, low, high, least, verdict } = own.spread;
      const ends = low === null ? "none" : `${low.toFixed(1)} to ${high.toFixed(1)}`;
      return [name, clockText(own), value.toFixed(1), ends, inPercent(least), verdict];
    });
    const head = ["pipeline", "\u03c4", "spread, points", "95\u00a0% interval", "least train", "gate"];
    return table(`All pipelines after ${stepsText(shown.params.step)}`, head, rows);
  }

  if (live) model.on("change:answer", answered);
  showControls();
  update(true);
  if (waiting()) part.wait();
  return () => {
    play.close();
    host.close();
    pace.close();
    if (live) model.off("change:answer", answered);
  };
}
