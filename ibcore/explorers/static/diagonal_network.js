const BATCH_NAMES = { all: "all points", 5: "5 points", 1: "1 point" };

/** The largest excess risk on the axis: that of all coefficients 0, and a little more. */
const RISK_END = 3.2;

/** Milliseconds of training in one frame of the screen while there is more to do. */
const WORK_MS = 7;

/** Two decimals, and no minus sign before a zero. */
const folds = (value) => value.toFixed(2).replace(/^-(0\.00)$/, "$1");

/** Coefficients as stems over their numbers, the truth as rings. */
function stemChart() {
  const canvas = node("canvas", { role: "img" });
  const up = (value) => 0.5 - value / 3.2; // a share of the height, from the top
  const ticks = [1, 0, -1].map((t) =>
    node("span", { class: "ibx-y", style: `top:${100 * up(t)}%` }, String(t).replace("-", "\u2212")),
  );
  const numbers = node("span", { class: "ibx-x ibx-plain", style: "left:50%" }, "coefficient 1 to 40");
  return {
    element: node(
      "div",
      { class: "ibx-chart ibx-stems" },
      node("div", { class: "ibx-heading" }, "Coefficients"),
      node("div", { class: "ibx-note" }, "line and dot: learned; ring: truth"),
      node("div", { class: "ibx-frame" }, canvas, ...ticks, numbers),
      node("div", { class: "ibx-ticks" }),
    ),
    canvas,
    draw(beta, truth, figure) {
      const style = getComputedStyle(figure);
      const color = (name) => style.getPropertyValue(name).trim();
      const unit = root.devicePixelRatio || 1;
      const width = (canvas.width = Math.round((canvas.clientWidth || 420) * unit));
      const height = (canvas.height = Math.round((canvas.clientHeight || 210) * unit));
      const context = canvas.getContext("2d");
      const place = (i) => ((i + 0.5) * width) / beta.length;
      const circle = (i, y, radius) => {
        context.beginPath();
        context.arc(place(i), y, radius * unit, 0, 7);
      };
      context.strokeStyle = color("--line");
      context.strokeRect(0, height / 2, width, 0);
      context.strokeStyle = context.fillStyle = color("--now");
      context.lineWidth = 2 * unit;
      beta.forEach((value, i) => {
        const end = height * Math.min(0.98, Math.max(0.02, up(value)));
        context.beginPath();
        context.moveTo(place(i), height / 2);
        context.lineTo(place(i), end);
        context.stroke();
        circle(i, end, 2.5);
        context.fill();
      });
      context.strokeStyle = color("--pin");
      truth.forEach((value, i) => {
        if (!value) return;
        circle(i, height * up(value), 6);
        context.stroke();
      });
    },
    describe(text) {
      canvas.setAttribute("aria-label", text);
    },
  };
}

/** The gauge of accumulated regularization: decay and noise, end to end, in e-folds of alpha^2. */
function clockGauge() {
  const parts = [node("i", { class: "ibx-clock-0" }), node("i", { class: "ibx-clock-1" })];
  const bar = node("div", { class: "ibx-clock", role: "img" }, ...parts);
  const output = node("output");
  const note = node("div", { class: "ibx-note" });
  return {
    element: node(
      "div",
      { class: "ibx-chart ibx-folds" },
      node("div", { class: "ibx-number" }, "Accumulated regularization ", output),
      bar,
      note,
    ),
    draw({ explicit, noise }) {
      const end = 20;
      const share = (value) => Math.min(100, Math.max(0, (100 * value) / end));
      parts[0].style.width = `${share(explicit)}%`;
      parts[1].style.width = `${Math.min(share(noise), 100 - share(explicit))}%`;
      output.textContent = folds(explicit + noise);
      const shrunk = Math.exp((explicit + noise) / 2);
      const words =
        `decay ${folds(explicit)} (plain) + noise of steps ${folds(noise)} (striped); ` +
        `scale shrunk ${short(shrunk)} times`;
      note.textContent = words;
      bar.setAttribute("aria-label", `Of 20, ${words}.`);
    },
  };
}

/** The chart of Woodworth's curve with the run, its start and its place now. */
function riskChart(scales) {
  const place = logarithmicAxis(scales);
  const inside = (scale) => Math.min(100, Math.max(0, place(scale)));
  const chart = lineChart({
    heading: "Excess risk over the effective scale",
    note: "curve: the end of flow from each scale",
    names: ["limit of flow", "this run over time"],
    x: inside,
    y: (risk) => 100 * (1 - Math.min(risk, RISK_END) / RISK_END),
    xTicks: [0.001, 0.01, 0.1, 1].map((t) => [t, String(t)]),
    yTicks: [0, 1, 2, 3].map((t) => [t, String(t)]),
  });
  const marks = node("div");
  const dot = node("i", { class: "ibx-dot" });
  chart.element.querySelector(".ibx-frame").append(marks, dot);
  chart.element.classList.add("ibx-risk");
  return {
    element: chart.element,
    describe: chart.describe,
    draw(curve, looks, now, start) {
      const points = looks.map((look) => [look.effective, look.risk]);
      chart.draw([{ points: curve }, { points }]);
      const at = inside(now.effective);
      const name = now.effective < scales[0] ? "\u2190 \u03b1 eff" : "\u03b1 eff";
      marks.replaceChildren(
        mark("ibx-known", inside(start), "start \u03b1", inside(start) > 40, "height:100%"),
        mark("ibx-mark", at, name, at > 50),
      );
      dot.style.cssText = `left:${at}%;top:${100 * (1 - Math.min(now.risk, RISK_END) / RISK_END)}%`;
    },
  };
}

/** Draw the explorer of the diagonal network; returns what closes it. */
function diagonalNetwork({ model, el }) {
  const setup = model.get("setup");
  const live = model.get("engine") === "kernel";
  const problem = diagonalProblem(setup);
  const { times, choices } = setup;
  const initial = Object.assign({}, model.get("initial"));
  const riskOf = (beta) => beta.reduce((sum, value, i) => sum + (value - problem.truth[i]) ** 2, 0);
  const curve = setup.curve_scales.map((scale) => [scale, riskOf(woodworthSolution(problem, scale))]);
  let params = Object.assign({}, model.get("params"));
  let run = null;
  let shown = null;
  let touched = false;
  let resting = true;
  let asked = null; // the parameters that the kernel was asked for last
  let request = 0;
  let restTimer = 0;
  let playing = 0;

  const host = frame(el, "Diagonal network explorer");
  host.figure.classList.add("ibx-diagonal");
  const chart = riskChart(setup.curve_scales);
  const stems = stemChart();
  const gauge = clockGauge();
  const story = node("div", { class: "ibx-story" });
  const status = node("div", { class: "ibx-status" });
  const folded = foldedTables(() => [runTable(), coefficientTable()]);
  const number = (value) => String(Number(value.toPrecision(3)));
  const controls = {
    weight_scale: slider("Scale \u03b1", choices.weight_scale, number, set("weight_scale")),
    weight_decay: slider("Decay \u03bb", choices.weight_decay, number, set("weight_decay")),
    time: slider("Time t", times, number, set("time")),
    learning_rate: slider("Step \u03b7", choices.learning_rate, number, set("learning_rate")),
    batch: choice(
      "Points in each step",
      choices.batch.map((batch) => [batch, String(batch)]),
      set("batch"),
    ),
    label_noise: checkbox("Label noise", [false, true], set("label_noise")),
  };
  controls.batch.element.classList.add("ibx-wide");
  const play = button("Play time", "ibx-pin", () => (playing ? stop() : start()));
  const reset = button("Reset", "", () => {
    stop();
    goTo(initial);
  });
  const title = node("div", { class: "ibx-title" }, "A net that forgets its scale");
  const checks = node("div", { class: "ibx-checks" }, controls.label_noise.element);
  const sliders = Object.entries(controls).filter(([name]) => name !== "label_noise");
  host.body.append(
    node("div", { class: "ibx-head" }, title, node("div", { class: "ibx-actions" }, play, reset)),
    chart.element,
    stems.element,
    gauge.element,
    story,
    node("div", { class: "ibx-controls" }, ...sliders.map(([, control]) => control.element), checks),
    status,
    folded.element,
  );
  const theme = new MutationObserver(() => drawStems());
  const size = new ResizeObserver(() => drawStems());
  theme.observe(host.figure, { attributes: true, attributeFilter: ["data-dark"] });
  size.observe(stems.canvas);

  // what the reader does
  function set(name) {
    return (value, settled) => {
      stop();
      goTo({ [name]: value }, settled);
    };
  }

  function goTo(some, settled = true) {
    touched = true;
    const before = params;
    params = Object.assign({}, params, some);
    if (changesRun(before, params)) run = null;
    showControls();
    clearTimeout(restTimer);
    resting = settled;
    if (!settled) {
      restTimer = setTimeout(() => {
        resting = true;
        ask();
      }, REST_MS);
    }
    ask();
  }

  const changesRun = (a, b) => Object.keys(b).some((name) => name !== "time" && a[name] !== b[name]);

  /** Play the time from its start; where motion is unwelcome, go to its end at once. */
  function start() {
    const last = times.length - 1;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      goTo({ time: times[last] });
      return;
    }
    let at = params.time >= times[last] ? -1 : times.indexOf(params.time);
    play.textContent = "Pause";
    playing = setInterval(() => {
      at += 1;
      goTo({ time: times[at] }, at === last);
      if (at === last) stop();
    }, 110);
  }

  function stop() {
    if (!playing) return;
    clearInterval(playing);
    playing = 0;
    play.textContent = "Play time";
    resting = true;
    ask();
  }

  function showControls() {
    for (const name in controls) controls[name].show(params[name]);
    for (const name of ["learning_rate", "label_noise"]) {
      controls[name].element.querySelector("input").disabled = params.batch === "flow";
    }
  }

  // from settings to a state
  function ask() {
    if (!request) request = requestAnimationFrame(tick);
  }

  /** Train on for a part of this frame and draw; go on in the next one until all is done. */
  function tick() {
    request = 0;
    const begun = performance.now();
    if (!run) run = diagonalRun(problem, params, times);
    const complete = run.work(() => performance.now() - begun < WORK_MS);
    const look = wantedLook();
    const reached = complete || look.time === params.time;
    if (reached && resting && !(asked && sameParams(params, asked))) {
      asked = Object.assign({}, params);
      model.set("params", asked);
      if (live) model.save_changes();
    }
    const answer = live && reached && resting ? kernelLook() : null;
    show(answer || look, answer ? "kernel" : "browser", complete, begun);
    if (reached && resting) finish();
    if (!complete) ask();
  }

  /** The last look up to the time that is asked for. */
  function wantedLook() {
    const upTo = run.looks.filter((look) => look.time <= params.time);
    return upTo.length ? upTo[upTo.length - 1] : startLook();
  }

  /** The net before the first step. */
  function startLook() {
    const p = new Float64Array(problem.d).fill(params.weight_scale);
    return Object.assign(measureNet(problem, { p, q: p }, params.weight_scale, 0), { time: 0 });
  }

  /** What the kernel answered; null if it answers another question. */
  function kernelLook() {
    const answer = model.get("answer");
    const beta = floats(model.get("frame"));
    if (!answer || beta.length !== problem.d || !sameParams(params, answer.params)) return null;
    if (answer.diverged) return null;
    const { effective_scale: effective, excess_risk: risk, train_error: error, explicit, noise } = answer;
    return { beta, effective, risk, error, explicit, noise, time: params.time };
  }

  function answered() {
    const answer = resting && run ? kernelLook() : null;
    if (!answer) return;
    show(answer, "kernel", true, performance.now());
    finish();
  }

  // from a state to the figure
  function drawStems() {
    if (shown) stems.draw(shown.beta, problem.truth, host.figure);
  }

  function show(look, engine, complete, begun) {
    shown = Object.assign({}, look, { engine, diverged: run.diverged && params.time > look.time });
    chart.draw(curve, run.looks.filter((seen) => seen.time <= look.time), look, params.weight_scale);
    drawStems();
    gauge.draw(look);
    describePictures();
    story.textContent = resultInWords();
    const { weight_scale: weightScale, weight_decay: weightDecay, batch } = params;
    const { effective, risk, error, explicit, noise, time } = look;
    Object.assign(host.figure.dataset, { engine, weightScale, weightDecay, batch, time });
    Object.assign(host.figure.dataset, { effective, risk, error, explicit, noise });
    const ms = performance.now() - begun;
    const state = { ms: ms.toFixed(1), diverged: shown.diverged ? "1" : "0", complete: complete ? "1" : "0" };
    Object.assign(host.figure.dataset, state);
    host.figure.dataset.ready = "1";
    const where = engine === "kernel" ? "computed by ibcore" : "computed here";
    const size = `${problem.n} points, ${problem.d} features, ${setup.nonzero} of them at work`;
    status.textContent = `${size}; ${where}${complete ? "" : ", training goes on"}`;
  }

  /** The risk where flow from a scale ends; outside the curve that of its nearer end. */
  function limitAt(scale) {
    const ends = [curve[0], curve[curve.length - 1]];
    const outside = ends.find(([end], i) => (i ? scale >= end : scale <= end));
    return outside ? outside[1] : riskOf(woodworthSolution(problem, scale));
  }

  function resultInWords() {
    const { effective, risk, time } = shown;
    const alpha = number(params.weight_scale);
    if (shown.diverged) {
      return `Training diverges after time ${number(time)}: steps of ${number(params.learning_rate)} are too long for scale ${alpha}. Lower \u03b7 or \u03b1.`;
    }
    const kept = (100 * effective) / params.weight_scale;
    const share = kept > 99.95 ? "all" : `${short(kept)} %`;
    const first = `At time ${number(time)} the effective scale is ${short(effective)}, ${share} of the initial ${alpha}; the excess risk is ${risk.toFixed(3)}.`;
    const [here, there] = [limitAt(params.weight_scale), limitAt(effective)].map((v) => v.toFixed(3));
    if (here === there) return `${first} Nothing is forgotten: flow from either scale ends at ${here}.`;
    return `${first} Flow from the initial scale ends at a risk of ${here}, flow from the effective scale at ${there}.`;
  }

  function settingsInWords() {
    const steps =
      params.batch === "flow"
        ? "gradient flow"
        : `steps of ${number(params.learning_rate)} on ${BATCH_NAMES[params.batch]}${params.label_noise ? " with label noise" : ""}`;
    return `Scale ${number(params.weight_scale)}, decay ${number(params.weight_decay)}, ${steps}.`;
  }

  /** Say what the pictures show, of each state that is drawn. */
  function describePictures() {
    const words = `${settingsInWords()} ${resultInWords()}`;
    chart.describe(`Excess risk over the effective scale: smaller scales have less. ${words}`);
    const large = Array.from(shown.beta).filter((value) => Math.abs(value) > 0.1).length;
    stems.describe(
      `Coefficients: ${large} of ${problem.d} are larger than 0.1; the truth has ${setup.nonzero}. ${words}`,
    );
  }

  function finish() {
    const words = `${settingsInWords()} ${resultInWords()}`;
    if (touched && (run.diverged || shown.time === params.time)) host.announce(words);
    folded.refresh();
  }

  function runTable() {
    const rows = run.looks.map((look) => [
      number(look.time),
      ...[look.effective, look.risk, look.error].map(short),
      look.explicit.toFixed(3),
      look.noise.toFixed(3),
    ]);
    const head = ["time", "effective scale", "excess risk", "train error", "from decay", "from noise"];
    return table("This run", head, rows);
  }

  function coefficientTable() {
    const rows = Array.from(shown.beta, (value, i) => [i + 1, value.toFixed(4), problem.truth[i]]);
    return table(`Coefficients at time ${number(shown.time)}`, ["number", "learned", "truth"], rows);
  }

  if (live) model.on("change:answer", answered);
  showControls();
  run = diagonalRun(problem, params, times);
  tick();
  return () => {
    stop();
    host.close();
    theme.disconnect();
    size.disconnect();
    clearTimeout(restTimer);
    cancelAnimationFrame(request);
    request = 1; // nothing is asked for any more
    if (live) model.off("change:answer", answered);
  };
}
