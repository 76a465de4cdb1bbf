/** Draw the explorer of step budgets; returns what closes it. */
function stepBudget(context) {
  const { choices, steps, curves, limits, descent, networks, boards } = context.model.get("setup");
  const budgets = choices.budget;
  const along = stepAxis([0, 1, Math.max(...budgets, ...steps)], 0);
  const x = (step) => 3 + (along(step) * (LINES_END - 3)) / 100;
  const chart = lineChart({
    heading: "Accuracy over the number of steps",
    note: `mean over new concepts and networks${networks > 1 ? `, band: 95\u00a0% interval, n = ${networks}` : ""}; steps on a logarithmic axis`,
    names: ["learned start and rates", "random start, AdamW", "random start, best plain descent"],
    x,
    y: shareHeight,
    xTicks: stepTicks(budgets, x, 7, budgets.slice(-1)),
    yTicks: SHARE_TICKS,
  });
  chart.element.classList.add("ibx-over");
  const bounds = [node("path", { class: "ibx-bound" }), node("path", { class: "ibx-bound" })];
  chart.element.querySelector(".ibx-frame svg").append(...bounds);
  const objects = boards && objectBoards();
  const [inside, atEnd] = [endNames(chart), endNames(chart)];

  function state(p) {
    const row = choices.support.indexOf(p.support);
    const [learned, random] = ["meta", "random"].map((method) =>
      curves[p.architecture][method].map((at) => at[row]),
    );
    const plain = (p.descent && descent[p.architecture] && descent[p.architecture][p.support]) || [];
    const [floor, ceiling] = limits[p.architecture].map((bound) => bound[row]);
    const one = steps.includes(1) ? learned[steps.indexOf(1)][0] : null;
    const passing = one === null ? -1 : random.findIndex(([mean]) => mean >= one);
    const passes = passing < 0 ? null : budgets[passing];
    const now = random[budgets.indexOf(p.budget)];
    return { p, learned, random, plain, floor, ceiling, one, passes, now };
  }

  /** The objects that a network judges rightly before and after steps, where they are stored. */
  function drawObjects({ architecture, concept, support }) {
    const at = boards.supports.indexOf(support);
    const looks = at < 0 ? {} : boards.hits[architecture] || {};
    const title = `\u201c${concept}\u201d after ${support} examples: which of the 16 objects are judged rightly?`;
    const note = looks["meta 1"] ? "one network" : `not stored for ${architecture}: choose one without drawings`;
    const list = Object.entries(looks).map(([look, hits]) => [look === "random 200" ? "random, 200" : lookNames(look)[0], hits[concept][at]]);
    objects.draw(title, note, boards.shown[concept][at], list);
  }

  function draw({ p, learned, random, plain, floor, ceiling }, words) {
    const descents = plain.map(([, , mean]) => mean);
    const rates = plain.map(([budget]) => budget);
    if (objects) drawObjects(p);
    chart.draw([banded(learned, steps), banded(random, budgets), banded(descents, rates)]);
    chart.mark(p.budget, "");
    chart.dot(learned.map(([mean], i) => [steps[i], mean]));
    [floor, ceiling].forEach((share, i) =>
      bounds[i].setAttribute("d", `M0 ${shareHeight(share)}H${LINES_END}`),
    );
    const last = (means) => shareHeight(means[means.length - 1][0]);
    const early = [{ name: "learned", y: last(learned), line: 0 }];
    if (plain.length) early.push({ name: "plain", y: last(descents), line: 2 });
    inside.draw(early, x(steps[steps.length - 1]) + 2);
    atEnd.draw([
      { name: "AdamW", y: last(random), line: 1 },
      { name: "memory", y: shareHeight(floor), line: 3 },
      { name: "ideal", y: shareHeight(ceiling), line: 3 },
    ]);
    chart.describe(
      `Accuracy over steps: learned start solid with dots, AdamW dashed, plain descent dotted. ${words}`,
    );
  }

  function passingInWords({ one, passes }) {
    if (one === null) return "";
    if (passes !== null) return ` AdamW reaches one learned step by ${adamwText(passes).replace(" of AdamW", "")}.`;
    return ` AdamW does not reach one learned step within ${countText(budgets[budgets.length - 1])}.`;
  }

  function descentInWords({ p, plain }) {
    if (!plain.length) return p.descent ? " Plain descent was not measured for this architecture." : "";
    const [count, rate, [mean]] = plain[plain.length - 1];
    return ` Plain descent reaches ${inPercent(mean)} after ${count} with rate ${rate}, the best of several on these tasks.`;
  }

  function sentence(shown) {
    const { p, learned, floor, ceiling, now } = shown;
    const ways = steps.map((count, i) => `${inPercent(learned[i][0])} after ${count}`).join(", ");
    const first = `${p.architecture}, ${p.support} examples. Steps of the learned start: ${ways}.`;
    const second = `Random start, ${adamwText(p.budget)}: ${meanText(now)}.`;
    const limit = ` Memory with majority: ${inPercent(floor)}; ideal learner: ${inPercent(ceiling)}.`;
    return `${first} ${second}${passingInWords(shown)}${descentInWords(shown)}${limit}`;
  }

  const cells = ([mean, low, high]) => [mean, low, high].map(inPercent);

  function randomTable({ random, plain, floor, ceiling }) {
    const rows = [
      ...budgets.map((count, i) => ["AdamW", countText(count), "0.001", ...cells(random[i])]),
      ...plain.map(([count, rate, mean]) => ["plain descent", countText(count), rate, ...cells(mean)]),
      ["memory, majority", "none", "none", inPercent(floor), "none", "none"],
      ["ideal learner", "none", "none", inPercent(ceiling), "none", "none"],
    ];
    return ["Random start, and bounds", ["method", "steps", "rate", "accuracy", "low", "high"], rows];
  }

  return drawStored(context, {
    name: "Step budget explorer",
    className: "ibx-steps",
    title: "One learned step against many plain ones",
    thing: objects?.element,
    chosen: "concept",
    picture: chart.element,
    body: ({ story }) => [story],
    state,
    draw,
    sentence,
    data: ({ learned, floor, ceiling, passes, now }) => ({
      random: now[0],
      learned: learned.map(([mean]) => mean).join(" "),
      floor,
      ceiling,
      passes,
    }),
    tables: (shown) => [
      [
        `Learned start: ${shown.p.architecture}, ${shown.p.support} examples`,
        ["steps", "accuracy", "low", "high"],
        steps.map((count, i) => [count, ...cells(shown.learned[i])]),
      ],
      randomTable(shown),
    ],
  });
}
