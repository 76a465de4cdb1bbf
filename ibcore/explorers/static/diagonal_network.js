const NO_STEPS = "none in flow";
const BATCH_NAMES = { all: "all points", 5: "5 points", 1: "1 point" };

/** The largest excess risk on the axis: that of all coefficients 0, and a little more. */
const RISK_END = 3.2;

/** Milliseconds of training in one frame of the screen while there is more to do. */
const WORK_MS = 7;

/** Two decimals, and no minus sign before a zero. */
const twoDecimals = (value) => value.toFixed(2).replace(/^-(0\.00)$/, "$1");

const threeDigits = (value) => String(Number(value.toPrecision(3)));

/** Coefficients as stems over their numbers, the truth as rings. */
function stemChart() {
  const canvas = node("canvas", { role: "img" });
  const up = (value) => 0.5 - value / 3.2; // a share of the height, from the top
  const ticks = ["1", "0", "\u22121"].map((text, i) => yTick(100 * up(1 - i), text));
  const numbers = node("span", { class: "ibx-x ibx-plain", style: "left:50%" }, "coefficient 1 to 40");
  const plot = div("ibx-frame", canvas, ...ticks, numbers);
  const note = "line and dot: learned; ring: truth";
  return {
    element: chartBox("ibx-stems", "Coefficients", note, plot, div("ibx-ticks")),
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
    describe: describer(canvas),
  };
}

/** The gauge of accumulated regularization: decay and noise, end to end, in e-folds of alpha^2. */
function clockGauge() {
  const [decay, steps] = [0, 1].map((i) => node("i", { class: `ibx-clock-${i}` }));
  const bar = node("div", { class: "ibx-clock", role: "img" }, decay, steps);
  const output = node("output");
  const note = div("ibx-note");
  const number = div("ibx-number", "Accumulated regularization ", output);
  return {
    element: div("ibx-chart ibx-folds", number, bar, note),
    draw({ explicit, noise }) {
      const share = (value) => Math.min(100, Math.max(0, (100 * value) / 20));
      decay.style.width = `${share(explicit)}%`;
      steps.style.width = `${Math.min(share(noise), 100 - share(explicit))}%`;
      output.textContent = twoDecimals(explicit + noise);
      const shrunk = short(Math.exp((explicit + noise) / 2));
      const both = `decay ${twoDecimals(explicit)} (plain) + noise of steps ${twoDecimals(noise)} (striped)`;
      note.textContent = `${both}; scale shrunk ${shrunk} times`;
      bar.setAttribute("aria-label", `Of 20, ${note.textContent}.`);
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
    xTicks: textPairs([0.001, 0.01, 0.1, 1]),
    yTicks: textPairs([0, 1, 2, 3]),
  });
  const marks = node("div");
  chart.element.querySelector(".ibx-frame").append(marks);
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
      chart.dot([[now.effective, now.risk]]);
    },
  };
}

/** Draw the explorer of the diagonal network; returns what closes it. */
function diagonalNetwork(context) {
  const { model } = context;
  const setup = model.get("setup");
  const problem = diagonalProblem(setup);
  const { times, choices } = setup;
  const limitOf = (scale) => riskOf(problem, woodworthSolution(problem, scale));
  const curve = setup.curve_scales.map((scale) => [scale, limitOf(scale)]);
  const tables = () => [runTable(), coefficientTable()];
  const own = liveFigure(context, {
    title: "Diagonal network explorer",
    className: "ibx-diagonal",
    draw,
    tables,
    idle: ({ batch }) => (batch === "flow" ? { learning_rate: NO_STEPS, label_noise: ` (${NO_STEPS})` } : {}),
    arriving: stop,
  });
  let run = null;
  let settings = null; // of the run
  let shown = null;
  let playing = 0;

  const { story, status } = own;
  const chart = riskChart(setup.curve_scales);
  const stems = stemChart();
  const gauge = clockGauge();
  const controls = {
    weight_scale: slider("Scale \u03b1", choices.weight_scale, threeDigits, set("weight_scale")),
    weight_decay: slider("Decay \u03bb", choices.weight_decay, threeDigits, set("weight_decay")),
    time: slider("Time t", times, threeDigits, set("time")),
    learning_rate: slider("Step \u03b7", choices.learning_rate, threeDigits, set("learning_rate")),
    batch: wide(choice("Points in each step", textPairs(choices.batch), set("batch"))),
    label_noise: checkbox("Label noise", [false, true], set("label_noise")),
  };
  const play = button("Play time", "ibx-pin", () => (playing ? stop() : start()));
  const reset = button("Reset", "", () => own.visit(own.initial));
  const theme = new MutationObserver(drawStems);
  const size = new ResizeObserver(drawStems);

  // what the reader does
  function set(name) {
    return (value, settled) => {
      stop();
      own.goTo({ [name]: value }, settled);
    };
  }

  /** Play the time from its start; where motion is unwelcome, go to its end at once. */
  function start() {
    const last = times.length - 1;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      own.goTo({ time: times[last] });
      return;
    }
    let at = own.params.time >= times[last] ? -1 : times.indexOf(own.params.time);
    play.textContent = "Pause";
    playing = setInterval(() => {
      at += 1;
      own.goTo({ time: times[at] }, at === last);
      if (at === last) stop();
    }, 110);
  }

  function stop() {
    if (!playing) return;
    clearInterval(playing);
    playing = 0;
    play.textContent = "Play time";
    own.goTo({});
  }

  /** Train on for a part of this frame and show it; go on in the next one until all is done. */
  function draw(params, resting) {
    const begun = performance.now();
    const { time, ...rest } = params;
    if (!run || !sameParams(rest, settings)) run = diagonalRun(problem, params, times);
    settings = rest;
    const complete = run.work(() => performance.now() - begun < WORK_MS);
    const look = wantedLook(params);
    const atRest = resting && (complete || look.time === time);
    if (atRest) own.ask();
    const answer = atRest ? kernelLook() : null;
    show(answer || look, answer ? "kernel" : "browser", complete, begun);
    if (atRest) own.finish(run.diverged || shown.time === time ? wordsOfAll() : "");
    if (!complete) own.again();
  }

  /** The last look up to the time that is asked for, or the net before the first step. */
  function wantedLook({ time, weight_scale: scale }) {
    const upTo = run.looks.filter((look) => look.time <= time);
    const p = new Float64Array(problem.d).fill(scale);
    return upTo.pop() || { ...measureNet(problem, { p, q: p }, scale, 0), time: 0 };
  }

  /** What the kernel answered; null if it answers another question. */
  function kernelLook() {
    const answer = own.answer();
    const beta = floats(model.get("frame"));
    if (!answer || beta.length !== problem.d || answer.diverged) return null;
    const { effective_scale: effective, excess_risk: risk, train_error: error, explicit, noise } = answer;
    return { beta, effective, risk, error, explicit, noise, time: own.params.time };
  }

  // from a state to the figure
  function drawStems() {
    if (shown) stems.draw(shown.beta, problem.truth, own.host.figure);
  }

  function show(look, engine, complete, begun) {
    const { weight_scale: weightScale, weight_decay: weightDecay, batch, time: asked } = own.params;
    const { beta, ...numbers } = look;
    const diverged = run.diverged && asked > look.time;
    shown = { ...look, diverged };
    chart.draw(
      curve,
      run.looks.filter((seen) => seen.time <= look.time),
      look,
      weightScale,
    );
    drawStems();
    gauge.draw(look);
    story.textContent = resultInWords();
    describePictures();
    const state = { engine, diverged: Number(diverged), complete: Number(complete) };
    const ms = (performance.now() - begun).toFixed(1);
    own.write({ weightScale, weightDecay, batch, ...numbers, ...state, ms });
    const where = engine === "kernel" ? "computed by ibcore" : "computed here";
    const size = `${problem.n} points, ${problem.d} features, ${setup.nonzero} of them at work`;
    status.textContent = `${size}; ${where}${complete ? "" : ", training goes on"}`;
  }

  /** The risk where flow from a scale ends; outside the curve that of its nearer end. */
  function limitAt(scale) {
    const ends = [curve[0], curve[curve.length - 1]];
    const outside = ends.find(([end], i) => (i ? scale >= end : scale <= end));
    return outside ? outside[1] : limitOf(scale);
  }

  function resultInWords() {
    const { effective, risk, time } = shown;
    const { weight_scale: scale, learning_rate: rate } = own.params;
    const alpha = threeDigits(scale);
    if (shown.diverged) {
      return `Training diverges after time ${threeDigits(time)}: steps of ${threeDigits(rate)} are too long for scale ${alpha}. Lower \u03b7 or \u03b1.`;
    }
    const kept = (100 * effective) / scale;
    const share = kept > 99.95 ? "all" : `${short(kept)} %`;
    const first = `At time ${threeDigits(time)} the effective scale is ${short(effective)}, ${share} of the initial ${alpha}; the excess risk is ${risk.toFixed(3)}.`;
    const [here, there] = [limitAt(scale), limitAt(effective)].map((v) => v.toFixed(3));
    if (here === there) return `${first} Nothing is forgotten: flow from either scale ends at ${here}.`;
    return `${first} Flow from the initial scale ends at a risk of ${here}, flow from the effective scale at ${there}.`;
  }

  /** The settings and the result. */
  function wordsOfAll() {
    const { weight_scale: scale, weight_decay: decay, learning_rate: rate, batch, label_noise } = own.params;
    const noise = label_noise ? " with label noise" : "";
    const way =
      batch === "flow" ? "gradient flow" : `steps of ${threeDigits(rate)} on ${BATCH_NAMES[batch]}${noise}`;
    return `Scale ${threeDigits(scale)}, decay ${threeDigits(decay)}, ${way}. ${story.textContent}`;
  }

  /** Say what the pictures show, of each state that is drawn. */
  function describePictures() {
    const words = wordsOfAll();
    chart.describe(`Excess risk over the effective scale: smaller scales have less. ${words}`);
    const large = shown.beta.filter((value) => Math.abs(value) > 0.1).length;
    stems.describe(
      `Coefficients: ${large} of ${problem.d} are larger than 0.1; the truth has ${setup.nonzero}. ${words}`,
    );
  }

  function runTable() {
    const rows = run.looks.map((look) => [
      threeDigits(look.time),
      ...[look.effective, look.risk, look.error].map(short),
      ...[look.explicit, look.noise].map((value) => value.toFixed(3)),
    ]);
    const head = ["time", "effective scale", "excess risk", "train error", "from decay", "from noise"];
    return table("This run", head, rows);
  }

  function coefficientTable() {
    const rows = Array.from(shown.beta, (value, i) => [i + 1, value.toFixed(4), problem.truth[i]]);
    return table(`Coefficients at time ${threeDigits(shown.time)}`, ["number", "learned", "truth"], rows);
  }

  own.layOut({
    heading: "A net that forgets its scale",
    actions: [play, reset],
    picture: chart.element,
    panel: controlPanel(controls),
    parts: [stems.element, gauge.element, story],
    controls,
  });
  own.start();
  theme.observe(own.host.figure, { attributes: true, attributeFilter: ["data-dark"] });
  size.observe(stems.canvas);
  return () => {
    stop();
    own.close();
    theme.disconnect();
    size.disconnect();
  };
}
