/** Draw the explorer of step budgets; returns what closes it. */
function stepBudget({ model, el }) {
  const setup = model.get("setup");
  const { choices, steps, curves, limits, descent, networks } = setup;
  const budgets = choices.budget;
  let shown = null;

  const own = storedFigure({ model, el, title: "Step budget explorer", className: "ibx-steps" });
  const along = stepAxis([0, 1, Math.max(...budgets, ...steps)], 0);
  const x = (step) => 3 + (along(step) * (LINES_END - 3)) / 100;
  const chart = lineChart({
    heading: "Accuracy over the number of steps",
    note: `mean over new concepts and networks${networks > 1 ? `, band: 95\u00a0% interval, n = ${networks}` : ""}; steps on a logarithmic axis`,
    names: ["learned start and rates", "random start, AdamW", "random start, best plain descent"],
    x,
    y: shareHeight,
    xTicks: spacedSteps(budgets, x).map((step) => [step, countText(step)]),
    yTicks: SHARE_TICKS,
  });
  chart.element.classList.add("ibx-over");
  const plot = chart.element.querySelector(".ibx-frame");
  const bounds = [node("path", { class: "ibx-bound" }), node("path", { class: "ibx-bound" })];
  plot.querySelector("svg").append(...bounds);
  const dots = node("div");
  plot.append(dots);
  const [inside, atEnd] = [endNames(chart), endNames(chart)];
  const result = node("div", { class: "ibx-story" });
  const status = node("div", { class: "ibx-status" });
  const folded = foldedTables(() => [learnedTable(), randomTable()]);
  const controls = {
    support: slider("Examples", choices.support, String, own.set("support")),
    budget: slider(
      "AdamW",
      budgets,
      (count) => `${count} ${count === 1 ? "step" : "steps"}`,
      own.set("budget"),
    ),
    architecture: dropdown(
      "Architecture",
      choices.architecture.map((name) => [name, name]),
      own.set("architecture"),
    ),
    descent: checkbox("Best plain descent", [false, true], own.set("descent")),
  };
  controls.architecture.element.classList.add("ibx-wide");
  const checks = node("div", { class: "ibx-checks" }, controls.descent.element);
  checks.hidden = choices.descent.length < 2;
  const title = node("div", { class: "ibx-title" }, "One learned step against many plain ones");
  own.host.body.append(
    node("div", { class: "ibx-head" }, title, node("div", { class: "ibx-actions" }, own.reset())),
    node(
      "div",
      { class: "ibx-controls" },
      ...["support", "budget", "architecture"].map((name) => controls[name].element),
      checks,
    ),
    chart.element,
    result,
    status,
    folded.element,
  );

  /** All that is shown of one choice. */
  function stateOf(p) {
    const row = choices.support.indexOf(p.support);
    const [learned, random] = ["meta", "random"].map((method) =>
      curves[p.architecture][method].map((at) => at[row]),
    );
    const plain = (p.descent && descent[p.architecture] && descent[p.architecture][String(p.support)]) || [];
    const [floor, ceiling] = limits[p.architecture].map((bound) => bound[row]);
    const one = steps.indexOf(1) < 0 ? null : learned[steps.indexOf(1)][0];
    const passing = one === null ? -1 : random.findIndex(([mean]) => mean >= one);
    const passes = passing < 0 ? null : budgets[passing];
    return {
      params: p,
      learned,
      random,
      plain,
      floor,
      ceiling,
      one,
      passes,
      now: random[budgets.indexOf(p.budget)],
    };
  }

  function series(axis, means) {
    const points = means.map(([mean], i) => [axis[i], mean]);
    const band = means.map(([, low, high], i) => [axis[i], low, high]);
    return { points, band: band.filter(([, low]) => low !== null) };
  }

  function show(state, resting) {
    shown = state;
    const { params: p, learned, random, plain, floor, ceiling, passes, now } = state;
    const rates = plain.map(([budget]) => budget);
    chart.draw([
      series(steps, learned),
      series(budgets, random),
      series(
        rates,
        plain.map((entry) => entry[2]),
      ),
    ]);
    chart.mark(p.budget, "");
    [floor, ceiling].forEach((share, i) =>
      bounds[i].setAttribute("d", `M0 ${shareHeight(share)}H${LINES_END}`),
    );
    dots.replaceChildren(
      ...learned.map(([mean], i) =>
        node("i", { class: "ibx-dot", style: `left:${x(steps[i])}%;top:${shareHeight(mean)}%` }),
      ),
    );
    const last = (values) => shareHeight(values[values.length - 1]);
    const early = [{ name: "learned", y: last(learned.map(([mean]) => mean)), line: 0 }];
    if (plain.length) early.push({ name: "plain", y: last(plain.map((entry) => entry[2][0])), line: 2 });
    inside.draw(early, x(steps[steps.length - 1]) + 2);
    atEnd.draw([
      { name: "AdamW", y: last(random.map(([mean]) => mean)), line: 1 },
      { name: "memory", y: shareHeight(floor), line: 3 },
      { name: "ideal", y: shareHeight(ceiling), line: 3 },
    ]);
    result.textContent = resultInWords(state);
    const numbers = {
      random: now[0],
      learned: learned.map(([mean]) => mean).join(" "),
      floor,
      ceiling,
      passes,
    };
    own.write(numbers);
    status.textContent = sourceInWords(setup.source);
    if (resting) finish();
  }

  function resultInWords({ params: p, learned, plain, floor, ceiling, one, passes, now }) {
    const ways = steps.map((count, i) => `${inPercent(learned[i][0])} after ${count}`).join(", ");
    const first = `${p.architecture}, ${p.support} examples. Steps of the learned start: ${ways}.`;
    const second = `Random start, ${adamwText(p.budget)}: ${meanText(now)}.`;
    const compared =
      one === null
        ? ""
        : passes === null
          ? ` AdamW does not reach one learned step within ${countText(budgets[budgets.length - 1])}.`
          : ` AdamW reaches one learned step by ${adamwText(passes).replace(" of AdamW", "")}.`;
    const [last] = plain.slice(-1);
    const rate = last
      ? ` Plain descent reaches ${inPercent(last[2][0])} after ${last[0]} with rate ${last[1]}, the best of several on these tasks.`
      : p.descent
        ? " Plain descent was not measured for this architecture."
        : "";
    return `${first} ${second}${compared}${rate} Memory with majority: ${inPercent(floor)}; ideal learner: ${inPercent(ceiling)}.`;
  }

  function finish() {
    const words = resultInWords(shown);
    chart.describe(
      `Accuracy over steps: learned start solid with dots, AdamW dashed, plain descent dotted. ${words}`,
    );
    own.announce(words);
    folded.refresh();
  }

  const cells = ([mean, low, high]) => [mean, low, high].map(inPercent);

  function learnedTable() {
    const { params: p, learned } = shown;
    const head = ["steps", "accuracy", "low", "high"];
    const rows = steps.map((count, i) => [count, ...cells(learned[i])]);
    return table(`Learned start: ${p.architecture}, ${p.support} examples`, head, rows);
  }

  function randomTable() {
    const { random, plain, floor, ceiling } = shown;
    const rows = [
      ...budgets.map((count, i) => ["AdamW", countText(count), "0.001", ...cells(random[i])]),
      ...plain.map(([count, rate, mean]) => ["plain descent", countText(count), rate, ...cells(mean)]),
      ["memory, majority", "none", "none", inPercent(floor), "none", "none"],
      ["ideal learner", "none", "none", inPercent(ceiling), "none", "none"],
    ];
    return table("Random start, and bounds", ["method", "steps", "rate", "accuracy", "low", "high"], rows);
  }

  own.addControls(controls);
  own.start((p, resting) => show(stateOf(p), resting));
  return own.close;
}

/** Numbers of steps whose ticks stand far enough apart, the last one among them. */
function spacedSteps(values, place) {
  const kept = [];
  for (const value of values.slice().reverse()) {
    if (kept.every((other) => Math.abs(place(other) - place(value)) >= 7)) kept.push(value);
  }
  return kept;
}
