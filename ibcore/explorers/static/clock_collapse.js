/** Draw the explorer of one start trained at several rates, over steps or over the clock. */
function clockCollapse(context) {
  const { choices, runs, views, values, halves, networks } = context.model.get("setup");
  const chart = lineChart({
    heading: "Unseen objects right in %",
    note: `mean of ${networks} networks; logarithmic axis`,
    names: runs,
    x: (share) => 3 + 94 * share,
    y: (value) => 100 * (0.92 - value),
    xTicks: [],
    yTicks: [0, 0.2, 0.4, 0.6, 0.8].map((value) => [value, String(100 * value)]),
  });
  const ticks = node("div", { "aria-hidden": "true" });
  chart.element.querySelector(".ibx-frame").append(ticks);
  const placeText = (mark, { view }) => views[view].marks[choices.mark.indexOf(mark)];
  const known = (numbers) => numbers.filter((value) => value !== null);
  const ratio = (numbers) => (Math.max(...numbers) / Math.min(...numbers)).toFixed(1);
  const numberText = (value) => (value < 100 ? short(value) : countText(Math.round(value)));
  const range = (numbers) => `${numberText(Math.min(...numbers))} to ${numberText(Math.max(...numbers))}`;

  function state(p) {
    const { places, here } = views[p.view];
    const lines = runs.map((_, run) => places[run].map((place, i) => [place, values[p.shown][run][i]]));
    const now = here[p.shown].map((run) => run[choices.mark.indexOf(p.mark)]);
    const there = known(now);
    return { p, lines, now, there, apart: Math.max(...there) - Math.min(...there) };
  }

  function draw({ p, lines, apart }, words) {
    ticks.dataset.value = apart;
    chart.draw(lines.map((points) => ({ points })));
    ticks.replaceChildren(...views[p.view].ticks.map(([share, label]) => xTick(3 + 94 * share, label)));
    chart.mark(p.mark, placeText(p.mark, p));
    chart.describe(`Accuracy of ${runs.length} runs: ${p.shown}, over ${p.view}. ${words}`);
  }

  function sentence({ p, there, apart }) {
    const here = `At ${placeText(p.mark, p)} the ${there.length} runs that are there lie within ${pointsText(apart)} points.`;
    const [steps, clock] = [halves.steps, halves.clock].map(known);
    if (!steps.length) return here;
    const which = steps.length < runs.length ? `, in the ${steps.length} runs whose networks all lose it` : "";
    const lost = `Half of the lead of the learned start is lost after ${range(steps)} steps (${ratio(steps)} times as many in one run as in another)`;
    return `${here} ${lost}; on the clock, after ${range(clock)} (${ratio(clock)} times)${which}.`;
  }

  return drawStored(context, {
    name: "Explorer of the clock",
    className: "ibx-collapse",
    title: "Six curves, or one?",
    names: { mark: placeText },
    picture: chart.element,
    body: ({ story }) => [story],
    state,
    draw,
    sentence,
    data: ({ apart }) => ({ apart }),
    tables: ({ p, now }) => [
      [
        `At ${placeText(p.mark, p)}: ${p.shown}`,
        ["run", "accuracy", "half-life in steps", "on the clock"],
        runs.map((name, i) => [name, inPercent(now[i]), ...[halves.steps[i], halves.clock[i]].map((value) => (value === null ? "none" : numberText(value)))]),
      ],
    ],
  });
}
