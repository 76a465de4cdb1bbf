/** Mean and interval of values, as ibcore.stats.mean_interval has them. */
function intervalOf(values, { resamples, tail, student }) {
  const n = values.length;
  const mean = sumOf(values) / n;
  if (!resamples) {
    const half = student * Math.sqrt(sumOf(values.map((value) => (value - mean) ** 2)) / (n - 1 || 1) / n);
    return [mean, mean - half, mean + half];
  }
  const means = new Float64Array(resamples.length / n);
  for (let i = 0; i < resamples.length; i++) means[Math.floor(i / n)] += values[resamples[i]] / n;
  means.sort();
  const quantile = (share) => {
    const place = share * (means.length - 1);
    const [low, rest] = [Math.floor(place), place % 1];
    return means[low] + rest * (means[Math.min(low + 1, means.length - 1)] - means[low]);
  };
  return [mean, quantile(tail), quantile(1 - tail)];
}

const signedPoints = (share) => (share < 0 ? "" : "+") + minus(pointsText(share));
const effectText = ([mean, low, high]) => `${signedPoints(mean)} points (${signedPoints(low)} to ${signedPoints(high)})`;

/** A bar from zero in the middle, with its interval. */
function effectBar(style, name, [mean, low = mean, high = mean]) {
  const place = (value) => clamp(50 + 80 * value, 0, 100);
  const reach = (a, b) => `left:${place(Math.min(a, b))}%;width:${Math.abs(place(b) - place(a))}%`;
  const parts = [node("i", { class: `ibx-bar-${style}`, "data-value": mean, style: reach(0, mean) }), node("b", { style: reach(low, high) })];
  return div("ibx-bars", node("span", {}, name), node("span", { "aria-hidden": "true" }, ...parts), node("output", {}, signedPoints(mean)));
}

/** Draw the board: two cells of the synthesis, a bet, and what each dial does alone. */
function synthesisBoard(context) {
  const setup = context.model.get("setup");
  const { dials, words, steps, curves, finals, gauges, networks, controls: said, choices } = setup;
  const bootstrap = { ...setup, resamples: setup.resamples && bytesOf(setup.resamples) };
  const x = stepAxis(steps);
  const chart = lineChart({
    heading: "New digits right in % over the steps",
    note: `mean of ${networks} networks, band: 95\u00a0% interval; chance 20\u00a0%`,
    names: ["cell A", "cell B"],
    x,
    y: (share) => 100 * (0.95 - share) / 0.9,
    xTicks: stepTicks(steps, x),
    yTicks: [0.2, 0.4, 0.6, 0.8].map((share) => [share, String(100 * share)]),
  });
  const rows = div("ibx-effects");
  const cellOf = (at) => dials.reduce((index, dial) => index * choices[`a_${dial}`].length + choices[`a_${dial}`].indexOf(at(dial)), 0);
  const text = (name, value) => said[name].texts[choices[name].indexOf(value)];
  const less = (cell, base) => finals[cell].map((value, i) => value - finals[base][i]);

  function state(p) {
    const [a, b] = ["a", "b"].map((side) => cellOf((dial) => p[`${side}_${dial}`]));
    const turned = dials.filter((dial) => p[`a_${dial}`] !== p[`b_${dial}`]);
    const alone = turned.map((one) => less(cellOf((dial) => p[`${dial === one ? "b" : "a"}_${dial}`]), a));
    const both = less(b, a);
    const sum = both.map((_, i) => sumOf(alone.map((values) => values[i])));
    const [singles, whole, total, left] = [alone, [both], [sum], [both.map((value, i) => value - sum[i])]].map((all) => all.map((values) => intervalOf(values, bootstrap)));
    return { p, a, b, turned, singles, whole: whole[0], total: total[0], left: left[0] };
  }

  function draw({ p, a, b, turned, singles, whole, total, left }, told) {
    const lines = [a, b].map((cell) => (p.open ? banded(curves[cell], steps) : { points: [] }));
    chart.draw(lines, p.open ? "" : "Set two cells, bet, then choose \u201cresult\u201d.");
    chart.describe(`Test accuracy over steps: cell A solid, cell B dashed. ${told}`);
    const single = (dial, i) => effectBar(2, text(`b_${dial}`, p[`b_${dial}`]), singles[i]);
    const race = [effectBar(0, "My bet, B less A", [p.bet / 100]), effectBar(1, "Measured", whole)];
    const parts = [...turned.map(single), effectBar(0, "Sum of these", total), effectBar(1, "Together", whole), effectBar(2, "Left over", left)];
    const gauge = (name) => gaugePair(name, words[name], [a, b].map((cell) => gauges[name][cell]));
    const shown = p.view === "race" ? [...race, ...Object.keys(gauges).map(gauge)] : parts;
    rows.replaceChildren(...(p.open ? shown : race.slice(0, 1)));
  }

  /** A gauge with a bar for each cell. */
  const gaugePair = (name, label, values) => {
    const most = Math.max(1, ...gauges[name]);
    const bar = (value, i) => node("i", { class: `ibx-bar-${i}`, style: `width:${(100 * Math.max(0, value)) / most}%` });
    return div("ibx-bars ibx-pair", node("span", {}, label), node("span", { "aria-hidden": "true" }, ...values.map(bar)), node("output", {}, values.map((value) => value.toFixed(2)).join(" | ")));
  };

  const named = (p, side) => dials.map((dial) => text(`${side}_${dial}`, p[`${side}_${dial}`])).join(", ");

  function sentence({ p, turned, whole, total, left }) {
    const cells = `A: ${named(p, "a")}. B: ${named(p, "b")}.`;
    if (!p.open) return `${cells} Your bet: B is ${signedPoints(p.bet / 100)} points ahead.`;
    const clear = whole[1] > 0 ? "B is ahead" : whole[2] < 0 ? "A is ahead" : "They could not be told apart";
    const result = `${clear}: ${effectText(whole)}, your bet was ${signedPoints(p.bet / 100)}.`;
    if (p.view === "race" || turned.length < 2) return `${cells} ${result}`;
    const verdict = left[1] > 0 ? "more than" : left[2] < 0 ? "less than" : "not clearly other than";
    return `${cells} ${turned.length} dials alone add up to ${effectText(total)}; together they give ${signedPoints(whole[0])}, ${verdict} the sum: ${effectText(left)}.`;
  }

  return drawStored(context, {
    name: "Board of the synthesis",
    className: "ibx-dials",
    title: "The board: bet on a pair",
    idle: ({ open }) => (open ? {} : { view: "bet first" }),
    picture: chart.element,
    body: ({ story }) => [rows, story],
    state,
    draw,
    sentence,
    data: ({ whole, left, p }) => ({ whole: p.open ? whole.join(" ") : "", left: p.open ? left.join(" ") : "" }),
    tables: (shown) => [
      ["Points of accuracy at the last step, B less A", ["effect", "mean", "low", "high"],
        [...shown.turned.map((dial, i) => [dial, ...shown.singles[i]]), ["sum", ...shown.total], ["together", ...shown.whole], ["left over", ...shown.left]].map(
          ([name, ...ends]) => [name, ...(shown.p.open ? ends.map(signedPoints) : ["", "", ""])])],
    ],
  });
}
