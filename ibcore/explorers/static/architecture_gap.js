const GAP_KEYS = ["view", "budget", "support"];
const SCORE_START = 0.4; // where bars of accuracy begin

const scorePlace = (share) => (100 * Math.max(0, share - SCORE_START)) / (1 - SCORE_START);
const pointsText = (share) => `${(100 * share).toFixed(1)}`;
const adamwText = (steps) => `${countText(steps)} ${steps === 1 ? "step" : "steps"} of AdamW`;
const supportText = (support) => (support === "all" ? "All support sizes" : `${support} examples`);

/** Two bars for each architecture: random start and learned start, each with its interval. */
function scoreBars(architectures) {
  const bar = (style, name) => {
    const fill = node("i", { class: style });
    const reach = node("b");
    const output = node("output");
    const track = node("span", { class: "ibx-track", "aria-hidden": "true" }, fill, reach, node("em"));
    return {
      element: node("div", { class: "ibx-score" }, node("span", {}, name), track, output),
      fill,
      reach,
      output,
    };
  };
  const groups = architectures.map((architecture) => {
    const bars = [bar("ibx-random", "random"), bar("ibx-learned", "learned")];
    const heading = node("div", { class: "ibx-heading" }, architecture);
    return {
      element: node("div", { class: "ibx-group" }, heading, ...bars.map(({ element }) => element)),
      bars,
    };
  });
  return {
    elements: groups.map(({ element }) => element),
    draw(random, learned) {
      groups.forEach(({ bars }, i) => {
        [random[i], learned[i]].forEach(([mean, low, high], k) => {
          bars[k].fill.dataset.value = String(mean);
          bars[k].fill.style.width = `${scorePlace(mean)}%`;
          bars[k].reach.hidden = low === null;
          bars[k].reach.style.left = `${scorePlace(low || 0)}%`;
          bars[k].reach.style.width = `${scorePlace(high || 0) - scorePlace(low || 0)}%`;
          bars[k].output.textContent = inPercent(mean);
        });
      });
    },
  };
}

/** Draw the explorer of the gap across architectures; returns what closes it. */
function architectureGap({ model, el }) {
  const setup = model.get("setup");
  const { choices, accuracies, reductions, networks } = setup;
  let shown = null;

  const own = storedFigure({ model, el, title: "Architecture gap explorer", className: "ibx-gap" });
  const scores = node("div", { class: "ibx-scores" });
  const groups = Object.values(setup.architectures).map(({ length }) => length);
  scores.style.setProperty("--groups", Math.max(...groups));
  const number = node("output");
  const interval = node("div", { class: "ibx-note" });
  const verdict = node("div", { class: "ibx-verdict" });
  const gaps = node("div", { class: "ibx-note" });
  const reduction = node(
    "div",
    { class: "ibx-spreads" },
    node("div", { class: "ibx-heading" }, "Reduction of the gap by learned starts"),
    node("div", { class: "ibx-number" }, number),
    interval,
    gaps,
    verdict,
  );
  const place = node("div", { class: "ibx-over" });
  const side = node("div", { class: "ibx-side" }, reduction, place);
  const result = node("div", { class: "ibx-story" });
  const status = node("div", { class: "ibx-status" });
  const folded = foldedTables(() => [scoreTable(), gapTable()]);
  const controls = {
    budget: slider("Random starts", choices.budget, adamwText, own.set("budget")),
    support: choice(
      "Examples",
      choices.support.map((support) => [support, String(support)]),
      own.set("support"),
    ),
    view: choice(
      "Objects as",
      choices.view.map((view) => [view, setup.words[view]]),
      own.set("view"),
    ),
  };
  const title = node("div", { class: "ibx-title" }, "How far apart architectures are");
  own.host.body.append(
    node("div", { class: "ibx-head" }, title, node("div", { class: "ibx-actions" }, own.reset())),
    node("div", { class: "ibx-controls" }, ...Object.values(controls).map((control) => control.element)),
    scores,
    side,
    result,
    status,
    folded.element,
  );
  Object.values(controls).forEach((control) => control.element.classList.add("ibx-wide"));

  /** All that is shown of one choice. */
  function stateOf(p) {
    const row = choices.support.indexOf(p.support);
    const found = reductions[GAP_KEYS.map((name) => p[name]).join(" ")];
    const names = ["without", "learned", "value", "low", "high", "mean", "meanLow", "meanHigh"];
    const gap = found && Object.fromEntries(names.map((name, i) => [name, found[i]]));
    const random = accuracies[p.view].random[choices.budget.indexOf(p.budget)][row];
    return { params: p, random, learned: accuracies[p.view].learned[row], gap };
  }

  function show(state, resting) {
    const { params: p, random, learned, gap } = state;
    if (!shown || shown.params.view !== p.view) drawGroups(p.view);
    shown = state;
    scores.bars.draw(random, learned);
    scores.querySelector(".ibx-note").textContent =
      `random: ${adamwText(p.budget)}; learned: 1 step; bars start at 40\u00a0%, line: chance` +
      (networks > 1 ? `; whiskers: 95\u00a0% interval, n = ${networks}` : "");
    number.textContent = gap ? percentText(gap.value) : "none";
    interval.textContent = gap
      ? `95\u00a0% bootstrap interval over networks: ${percentText(gap.low)} to ${percentText(gap.high)}`
      : "no interval";
    gaps.textContent = gap
      ? `gap ${pointsText(gap.without)} points without, ${pointsText(gap.learned)} with learned starts`
      : "";
    verdict.textContent = verdictOf(gap);
    verdict.dataset.verdict = gap && gap.without >= 0.02 && gap.low > 0 ? "trained" : "undertrained";
    drawGaps(state);
    result.textContent = resultInWords(state);
    const numbers = gap || { without: "none", learned: "none", value: "none", low: "none", high: "none" };
    const { without, learned: having, value, low, high } = numbers;
    own.write({
      without,
      learned: having,
      reduction: value,
      low,
      high,
    });
    status.textContent = sourceInWords(setup.source);
    if (resting) finish();
  }

  const percentText = (share) => `${countText(Math.round(100 * share) + 0).replace("-", "\u2212")}\u00a0%`;

  function verdictOf(gap) {
    if (!gap)
      return "Random starts of all architectures are equally accurate here: there is no gap to reduce.";
    if (gap.without < 0.02) {
      const few = pointsText(gap.without);
      return `\u26a0 Random starts differ by ${few} points only, so a ratio says little: compare the gaps in points.`;
    }
    if (gap.low > 0)
      return "\u2713 The whole interval is above 0: learned starts bring architectures closer.";
    if (gap.value > 0) return "\u26a0 Smaller with learned starts, but the interval reaches below 0.";
    return "\u26a0 The gap is not smaller with learned starts at this budget.";
  }

  function drawGroups(view) {
    const bars = scoreBars(setup.architectures[view]);
    const heading = node("div", { class: "ibx-heading" }, "Accuracy on new concepts");
    scores.replaceChildren(heading, node("div", { class: "ibx-note" }), ...bars.elements);
    scores.bars = bars;
  }

  /** The gaps of both kinds of starts over the budget. */
  function drawGaps({ params: p }) {
    const all = choices.budget
      .map((budget) => [budget, stateOf({ ...p, budget }).gap])
      .filter(([, gap]) => gap);
    const most = Math.max(0.05, ...all.flatMap(([, gap]) => [gap.without, gap.learned]));
    const axis = roundAxis(0, 100 * most);
    const y = (share) => 4 + (96 * (axis.last - 100 * share)) / axis.last;
    const along = logarithmicAxis(choices.budget, 0);
    const x = (budget) => 3 + (along(budget) * (LINES_END - 3)) / 100;
    const chart = lineChart({
      heading: "Gap over the steps of AdamW",
      note: "percentage points, mean over pairs; steps on a logarithmic axis",
      names: ["learned starts, 1 step", "random starts"],
      x,
      y,
      xTicks: choices.budget.map((budget) => [budget, String(budget)]),
      yTicks: axis.ticks.map((value) => [value / 100, String(value)]),
    });
    const lines = ["learned", "without"].map((name) => all.map(([budget, gap]) => [budget, gap[name]]));
    chart.draw(
      lines.map((points) => ({ points })),
      all.length ? "" : "no gap at any budget",
    );
    chart.mark(p.budget, "");
    const names = ["learned", "random"];
    const ends = lines.filter((line) => line.length);
    endNames(chart).draw(
      ends.map((line, i) => ({ name: names[i], y: y(line[line.length - 1][1]), line: i })),
    );
    place.replaceChildren(chart.element);
    chart.describe(
      `Gap across architectures over the steps of AdamW: learned starts solid, random starts dashed. ${resultInWords(shown)}`,
    );
  }

  function resultInWords({ params: p, random, learned, gap }) {
    const names = setup.architectures[p.view];
    const list = (scored) => names.map((name, i) => `${name} ${inPercent(scored[i][0])}`).join(", ");
    const first = `${supportText(p.support)}, objects as ${setup.words[p.view]}. Random starts after ${adamwText(p.budget)}: ${list(random)}. Learned starts after 1 step: ${list(learned)}.`;
    if (!gap) return `${first} There is no gap to reduce.`;
    const ends = `${percentText(gap.low)} to ${percentText(gap.high)}`;
    return `${first} The gap goes from ${pointsText(gap.without)} to ${pointsText(gap.learned)} points, a reduction of ${percentText(gap.value)} (${ends}).`;
  }

  function finish() {
    own.announce(`${resultInWords(shown)} ${verdict.textContent}`);
    folded.refresh();
  }

  const ended = ([mean, low, high]) => [
    inPercent(mean),
    low === null ? "none" : `${pointsText(low)} to ${pointsText(high)}`,
  ];

  function scoreTable() {
    const { params: p, random, learned } = shown;
    const rows = setup.architectures[p.view].map((name, i) => [
      name,
      ...ended(random[i]),
      ...ended(learned[i]),
    ]);
    const head = [
      "architecture",
      "random start",
      "95\u00a0% interval",
      "learned start",
      "95\u00a0% interval",
    ];
    return table(
      `Accuracy: ${adamwText(p.budget)} against 1 learned step, ${supportText(p.support)}`,
      head,
      rows,
    );
  }

  function gapTable() {
    const { params: p } = shown;
    const rows = choices.budget.map((budget) => {
      const { gap } = stateOf({ ...p, budget });
      if (!gap) return [countText(budget), "0.0", "none", "none", "none", "none"];
      const ends = `${percentText(gap.low)} to ${percentText(gap.high)}`;
      return [
        countText(budget),
        pointsText(gap.without),
        pointsText(gap.learned),
        percentText(gap.value),
        ends,
        percentText(gap.mean),
      ];
    });
    const head = [
      "steps of AdamW",
      "gap without, points",
      "gap with, points",
      "reduction of mean gap",
      "95\u00a0% interval",
      "mean reduction over sizes",
    ];
    return table(`Gaps and their reduction, ${supportText(p.support)}`, head, rows);
  }

  own.addControls(controls);
  own.start((p, resting) => show(stateOf(p), resting));
  return own.close;
}
