/** Percent of the width of a chart that its lines take; their names stand to the right. */
const LINES_END = 74;

/** An axis of numbers for a chart with names at the ends of its lines. */
function endedAxis(first, last, margin = 3) {
  const span = last - first || 1;
  return (value) => margin + ((LINES_END - margin) * (value - first)) / span;
}

/** Accuracy from 40 to 100 percent as places from the top, and the ticks of it. */
const SHARE_LOW = 0.4; // below chance, where random starts begin
const shareHeight = (share) => (100 * (1.02 - share)) / (1.02 - SHARE_LOW);
const SHARE_TICKS = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1].map((share) => [
  share,
  `${Math.round(100 * share)}\u00a0%`,
]);

/** Heights in percent, in order of the given ones, that are at least `gap` apart. */
function spreadOut(heights, gap, lowest = 97) {
  const order = heights.map((_, i) => i).sort((a, b) => heights[a] - heights[b]);
  const placed = heights.slice();
  order.forEach((i, rank) => {
    if (rank) placed[i] = Math.max(placed[i], placed[order[rank - 1]] + gap);
  });
  let limit = lowest;
  for (const i of order.slice().reverse()) {
    placed[i] = Math.min(placed[i], limit);
    limit = placed[i] - gap;
  }
  return placed;
}

/** Names at the ends of lines: `draw` takes {name, y, line} with y in percent from the top, and x. */
function endNames(chart, gap = 9) {
  const box = node("div", { "aria-hidden": "true" });
  chart.element.querySelector(".ibx-frame").append(box);
  return {
    draw(entries, left = LINES_END + 2) {
      const tops = spreadOut(
        entries.map(({ y }) => y),
        gap,
      );
      box.replaceChildren(
        ...entries.map(({ name, line }, i) =>
          node("span", { class: `ibx-end ibx-ink-${line}`, style: `left:${left}%;top:${tops[i]}%` }, name),
        ),
      );
    },
  };
}
