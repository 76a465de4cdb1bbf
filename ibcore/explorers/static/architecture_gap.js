const GAP_KEYS = ["view", "budget", "support"];
const GAP_NAMES = ["without", "learned", "value", "low", "high", "mean", "meanLow", "meanHigh"];
const SCORE_START = 0.4; // where bars of accuracy begin

const percentText = (share) => minus(`${countText(Math.round(100 * share) + 0)}\u00a0%`);
const supportText = (support) => (support === "all" ? "All support sizes" : `${support} examples`);

/** A bar of accuracy that begins at 40 %, with its interval. */
function scoreBar(name, [mean, low, high]) {
  const place = (share) => (100 * Math.max(0, share - SCORE_START)) / (1 - SCORE_START);
  const [from, to] = [place(low || 0), place(high || 0)];
  const fill = node("i", { class: `ibx-${name}`, "data-value": mean, style: `width:${place(mean)}%` });
  const reach = node("b", { hidden: low === null, style: `left:${from}%;width:${to - from}%` });
  const track = node("span", { class: "ibx-track", "aria-hidden": "true" }, fill, reach, node("em"));
  return div("ibx-score", node("span", {}, name), track, node("output", {}, inPercent(mean)));
}

/** What a reduction of the gap means, in words, and whether it is one. */
function gapVerdict(gap) {
  if (!gap) return "Random starts of all architectures are equally accurate here: there is no gap to reduce.";
  if (gap.without < 0.02) {
    const few = pointsText(gap.without);
    return `\u26a0 Random starts differ by ${few} points only, so a ratio says little: compare the gaps in points.`;
  }
  if (gap.low > 0) return "\u2713 The whole interval is above 0: learned starts bring architectures closer.";
  if (gap.value > 0) return "\u26a0 Smaller with learned starts, but the interval reaches below 0.";
  return "\u26a0 The gap is not smaller with learned starts at this budget.";
}

/** Draw the explorer of the gap across architectures; returns what closes it. */
function architectureGap(context) {
  const { choices, accuracies, reductions, networks, architectures, words, boards } = context.model.get("setup");
  const most = Math.max(...Object.values(architectures).map(({ length }) => length));
  const scores = node("div", { class: "ibx-scores", style: `--groups:${most}` });
  const box = div("ibx-spreads");
  const objects = boards && objectBoards();
  const place = div("ibx-over");
  const along = logarithmicAxis(choices.budget, 0);
  const x = (budget) => 3 + (along(budget) * (LINES_END - 3)) / 100;
  const endsOf = ({ low, high }) => `${percentText(low)} to ${percentText(high)}`;

  function gapAt(p) {
    const found = reductions[GAP_KEYS.map((name) => p[name]).join(" ")];
    return found && Object.fromEntries(GAP_NAMES.map((name, i) => [name, found[i]]));
  }

  function state(p) {
    const row = choices.support.indexOf(p.support);
    const random = accuracies[p.view].random[choices.budget.indexOf(p.budget)][row];
    const gaps = choices.budget.map((budget) => [budget, gapAt({ ...p, budget })]);
    return { p, names: architectures[p.view], random, learned: accuracies[p.view].learned[row], gap: gapAt(p), gaps };
  }

  /** The objects that each architecture judges rightly, from random starts and from learned ones. */
  function drawObjects({ p: { concept, support: size } }) {
    const at = Math.max(0, boards.supports.indexOf(size));
    const row = (look, name) =>
      Object.entries(boards.hits).map(([own, hits]) => [`${own}, ${name}`, hits[look][concept][at]]);
    const title = `\u201c${concept}\u201d after ${boards.supports[at]} examples: which of the 16 objects are judged rightly?`;
    const note = "one network each, objects as four numbers; random: 200 steps of AdamW; learned: 1 step";
    objects.draw(title, note, boards.shown[concept][at], [...row("random 200", "random"), ...row("meta 1", "learned")]);
  }

  function drawScores({ p, names, random, learned }) {
    const whiskers = networks > 1 ? `; whiskers: 95\u00a0% interval, n = ${networks}` : "";
    const how = `random: ${adamwText(p.budget)}; learned: 1 step; bars start at 40\u00a0%, line: chance${whiskers}`;
    const groups = names.map((name, i) => {
      const bars = [scoreBar("random", random[i]), scoreBar("learned", learned[i])];
      return div("ibx-group", div("ibx-heading", name), ...bars);
    });
    scores.replaceChildren(div("ibx-heading", "Accuracy on new concepts"), div("ibx-note", how), ...groups);
  }

  function drawReduction({ gap }) {
    const interval = gap ? `95\u00a0% bootstrap interval over networks: ${endsOf(gap)}` : "no interval";
    const gaps =
      gap && `gap ${pointsText(gap.without)} points without, ${pointsText(gap.learned)} with learned starts`;
    const kind = gap && gap.without >= 0.02 && gap.low > 0 ? "trained" : "undertrained";
    box.replaceChildren(
      div("ibx-heading", "Reduction of the gap by learned starts"),
      div("ibx-number", node("output", {}, gap ? percentText(gap.value) : "none")),
      div("ibx-note", interval),
      div("ibx-note", gaps || ""),
      node("div", { class: "ibx-verdict", "data-verdict": kind }, gapVerdict(gap)),
    );
  }

  /** The gaps of both kinds of starts over the budget. */
  function drawGaps(shown, result) {
    const known = shown.gaps.filter(([, gap]) => gap);
    const axis = roundAxis(0, 100 * Math.max(0.05, ...known.flatMap(([, gap]) => [gap.without, gap.learned])));
    const chart = lineChart({
      heading: "Gap over the steps of AdamW",
      note: "percentage points, mean over pairs; steps on a logarithmic axis",
      names: ["learned starts, 1 step", "random starts"],
      x,
      y: (share) => 4 + (96 * (axis.last - 100 * share)) / axis.last,
      xTicks: choices.budget.map((budget) => [budget, String(budget)]),
      yTicks: axis.ticks.map((value) => [value / 100, String(value)]),
    });
    const line = (name, end) => ({ points: known.map(([budget, gap]) => [budget, gap[name]]), end });
    const lines = [line("learned", "learned"), line("without", "random")];
    chart.draw(lines, known.length ? "" : "no gap at any budget");
    chart.mark(shown.p.budget, "");
    chart.describe(
      `Gap across architectures over the steps of AdamW: learned starts solid, random starts dashed. ${result}`,
    );
    place.replaceChildren(chart.element);
  }

  function sentence({ p, names, random, learned, gap }) {
    const list = (scored) => names.map((name, i) => `${name} ${inPercent(scored[i][0])}`).join(", ");
    const first = `${supportText(p.support)}, objects as ${words[p.view]}. Random starts after ${adamwText(p.budget)}: ${list(random)}. Learned starts after 1 step: ${list(learned)}.`;
    if (!gap) return `${first} There is no gap to reduce.`;
    return `${first} The gap goes from ${pointsText(gap.without)} to ${pointsText(gap.learned)} points, a reduction of ${percentText(gap.value)} (${endsOf(gap)}).`;
  }

  function scoreTable({ p, names, random, learned }) {
    const cells = ([mean, low, high]) => [
      inPercent(mean),
      low === null ? "none" : `${pointsText(low)} to ${pointsText(high)}`,
    ];
    const interval = "95\u00a0% interval";
    return [
      `Accuracy: ${adamwText(p.budget)} against 1 learned step, ${supportText(p.support)}`,
      ["architecture", "random start", interval, "learned start", interval],
      names.map((name, i) => [name, ...cells(random[i]), ...cells(learned[i])]),
    ];
  }

  function gapTable({ p, gaps }) {
    const cells = (gap) => [
      ...[gap.without, gap.learned].map(pointsText),
      percentText(gap.value),
      endsOf(gap),
      percentText(gap.mean),
    ];
    const none = ["0.0", "none", "none", "none", "none"];
    return [
      `Gaps and their reduction, ${supportText(p.support)}`,
      [
        ...["steps of AdamW", "gap without, points", "gap with, points", "reduction of mean gap"],
        ...["95\u00a0% interval", "mean reduction over sizes"],
      ],
      gaps.map(([budget, gap]) => [countText(budget), ...(gap ? cells(gap) : none)]),
    ];
  }

  return drawStored(context, {
    name: "Architecture gap explorer",
    className: "ibx-gap",
    title: "How far apart architectures are",
    thing: objects?.element,
    chosen: "concept",
    picture: scores,
    body: ({ story }) => [div("ibx-side", box, place), story],
    state,
    draw(shown, result) {
      if (objects) drawObjects(shown);
      drawScores(shown);
      drawReduction(shown);
      drawGaps(shown, result);
    },
    sentence,
    told: ({ gap }, words) => `${words} ${gapVerdict(gap)}`,
    data({ gap }) {
      const { without, learned, value, low, high } = gap || {};
      const numbers = { without, learned, reduction: value, low, high };
      return gap ? numbers : Object.fromEntries(Object.keys(numbers).map((name) => [name, "none"]));
    },
    tables: (shown) => [scoreTable(shown), gapTable(shown)],
  });
}
