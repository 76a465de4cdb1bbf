/** Names, units and signs of what can be compared. */
const GUIDE_MEASURES = {
  test_accuracy: { name: "Test accuracy", unit: "points", factor: 100, digits: 1 },
  test_loss: { name: "Test loss", unit: "nats", factor: 1, digits: 2 },
  cnn_similarity: { name: "Likeness to the CNN", unit: "of 1", factor: 1, digits: 3 },
};

/** A difference in the unit of its measure, with its sign. */
function differenceText(value, { factor, digits }) {
  const text = (factor * value).toFixed(digits);
  if (Number(text) === 0) return text.replace("-", "");
  return (text.startsWith("-") ? text : `+${text}`).replace("-", "\u2212");
}

/** Whether an interval lies above 0, below 0, or reaches it. */
const sideOf = ([, low, high]) => (low > 0 ? "above" : high < 0 ? "below" : "reaches");
const SIDE_MARKS = { above: "\u25b2", below: "\u25bc", reaches: "\u25cb" };

/** An axis that holds 0 and most or all of some differences, in percent from the left. */
function differenceAxis(entries, { factor }, close) {
  const reaches = entries.map(([mean, low, high, dots]) => [mean, low ?? mean, high ?? mean, ...dots]);
  const farthest = (row) => Math.max(...row.map(Math.abs));
  const sorted = reaches.map(farthest).sort((a, b) => a - b);
  const limit = close ? sorted[Math.floor(0.75 * (sorted.length - 1))] : Infinity;
  const kept = reaches.filter((row) => farthest(row) <= limit).flat();
  const [low, high] = [factor * Math.min(0, ...kept), factor * Math.max(0, ...kept)];
  const steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50];
  const step = steps.find((size) => (high - low) / size <= 5) || 100;
  const [first, last] = [Math.floor(low / step), Math.max(1, Math.ceil(high / step))];
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(6)));
  const [start, end] = [ticks[0], ticks[ticks.length - 1]];
  const place = (value) => (100 * (factor * value - start)) / (end - start);
  return { ticks: ticks.map((value) => [place(value / factor), String(value).replace("-", "\u2212")]), place };
}

/** One condition: its name, a bar with whisker and dots, and its number. */
function contrastRow(name, entry, { place }, measure) {
  const [output, fill, reach] = [node("output"), node("i"), node("b")];
  const dots = node("span");
  const zero = place(0);
  const style = `--zero:${zero}%`;
  const rail = node("span", { class: "ibx-rail", style }, fill, node("s"), reach, dots);
  const side = entry ? sideOf(entry) : "none";
  const row = node("div", { class: "ibx-contrast", "data-side": side }, node("span", {}, name), output, rail);
  output.textContent = "not run";
  [fill, reach, dots].forEach((part) => (part.hidden = !entry));
  if (!entry) return row;
  const [mean, low, high, networks] = entry;
  const span = (ends) => {
    const [from, to] = ends.map((at) => Math.min(100, Math.max(0, at))).sort((a, b) => a - b);
    return `left:${from}%;width:${to - from}%`;
  };
  fill.style.cssText = span([zero, place(mean)]);
  fill.dataset.value = String(mean);
  reach.hidden = low === null || place(high) < 0 || place(low) > 100;
  if (!reach.hidden) reach.style.cssText = span([place(low), place(high)]);
  const seen = networks.map(place).filter((at) => at >= 0 && at <= 100);
  dots.append(...seen.map((at) => node("em", { style: `left:${at}%` })));
  const cut = place(mean) < 0 ? "\u2190 " : place(mean) > 100 ? "\u2192 " : "";
  output.textContent = `${cut}${SIDE_MARKS[side]} ${differenceText(mean, measure)}`;
  return row;
}

/** Pictures that a guided and the unguided network judge differently, with both answers below. */
function judgedPictures({ side, levels, of, found, pictures }) {
  const titles = ["Right with the guide, wrong without it", "Wrong with the guide, right without it"];
  const rows = node("div", { class: "ibx-judged", role: "img" });
  let unpacked = null;
  function drawn([at, before, now]) {
    const canvas = node("canvas", { width: side, height: side });
    const context = canvas.getContext("2d");
    const image = context.createImageData(side, side);
    const gray = (level) => 255 - Math.round((255 * level) / (levels - 1));
    unpacked[at].forEach((level, p) => image.data.set([gray(level), gray(level), gray(level), 255], 4 * p));
    context.putImageData(image, 0, 0);
    return div("ibx-judge", canvas, node("span", {}, `${before} \u2192 ${now}`));
  }
  return {
    element: div("ibx-thing", rows),
    ready: unpackPictures(pictures, side).then((all) => (unpacked = all)),
    draw(name) {
      const parts = titles.map((title, i) => [`${title}: ${found[name][i][0]} of ${of} pictures`, found[name][i][1]]);
      const words = "one network (guidance.pictures); below each picture: the unguided answer \u2192 the guided one";
      rows.replaceChildren(
        ...parts.flatMap(([title, own]) => [div("ibx-heading", title), div("ibx-row", ...own.map(drawn))]),
        div("ibx-note", words),
      );
      rows.setAttribute("aria-label", `Guided by ${name}. ${parts.map(([title]) => title).join(". ")}.`);
    },
  };
}

/** Draw the comparison of guides; returns what closes it. */
function guideComparison(context) {
  const { tables, sources, rows, groups, judged } = context.model.get("setup");
  const pictures = judged && judgedPictures(judged);
  const heading = node("div", { class: "ibx-heading" });
  const note = node("div", { class: "ibx-note" });
  const style = `--rows:${rows};--groups:${groups}`;
  const place = node("div", { class: "ibx-contrasts", role: "img", style });

  /** Groups of conditions with what is known of them: null where they were not run. */
  function sectionsOf({ groups, entries, counts }, p) {
    const unlabeled = p.shown === "unlabeled";
    const among = unlabeled ? [...new Set([p.unlabeled, counts[0]])] : [counts[0]];
    return among.flatMap((count) =>
      groups.map(([group, names]) => {
        const found = entries[p.measure][String(count)];
        const beside = unlabeled ? `, ${countText(count)} unlabeled images` : "";
        return { title: `${group}${beside}`, entries: names.map((name) => [name, found[name] || null]) };
      }),
    );
  }

  function state(p) {
    const stored = tables[p.shown];
    const measure = GUIDE_MEASURES[p.measure];
    const every = Object.values(stored.entries[p.measure]).flatMap((part) => Object.values(part));
    const sections = sectionsOf(stored, p);
    const entries = sections.slice(0, stored.groups.length).flatMap((section) => section.entries);
    const axis = differenceAxis(every, measure, p.close);
    const { networks } = stored;
    return { p, measure, unguided: stored.unguided[p.measure], networks, sections, entries, axis };
  }

  function draw({ p, measure, networks, sections, axis }, words) {
    if (pictures) pictures.draw(p.guided);
    heading.textContent = `${measure.name}: difference to the unguided network, ${measure.unit}`;
    note.textContent =
      networks > 1
        ? `bar: mean of ${networks} paired networks (dots); whisker: 95\u00a0% interval; striped, \u25cb: it reaches 0`
        : "one network";
    const ticks = axis.ticks.map(([at, text]) => node("span", { style: `left:${at}%` }, text));
    place.replaceChildren(
      ...sections.flatMap(({ title, entries }) => [
        node("div", { class: "ibx-heading" }, title),
        ...entries.map(([name, entry]) => contrastRow(name, entry, axis, measure)),
      ]),
      node("div", { class: "ibx-contrast" }, node("div", { class: "ibx-scale-of" }, ...ticks)),
    );
    place.setAttribute("aria-label", `Bars of differences to the unguided network. ${words}`);
  }

  const levelText = (value, { factor, digits }) =>
    factor === 100 ? inPercent(value) : value.toFixed(digits);

  function sentence({ p, measure, unguided, entries }) {
    const run = entries.filter(([, entry]) => entry);
    const parts = ["above", "below"].map((side) => {
      const found = run.filter(([, entry]) => sideOf(entry) === side);
      const [best] = found.sort(([, [a]], [, [b]]) => Math.abs(b) - Math.abs(a));
      if (!best) return `none is ${side} it with the whole interval`;
      const verb = found.length === 1 ? "is" : "are";
      const farthest = `${best[0]}, ${differenceText(best[1][0], measure)}`;
      return `${found.length} ${verb} ${side} it with the whole interval (farthest: ${farthest})`;
    });
    const rest = run.filter(([, entry]) => sideOf(entry) === "reaches").length;
    const beside = p.shown === "unlabeled" ? ` with ${countText(p.unlabeled)} images without labels` : "";
    const absent = entries.length - run.length;
    const missing = absent ? ` ${absent} ${absent === 1 ? "was" : "were"} not run so.` : "";
    return `${measure.name} of the unguided networks: ${levelText(unguided, measure)}. Of ${run.length} conditions${beside}, ${parts.join(", ")}, and ${rest} cannot be told from it.${missing}`;
  }

  function differenceTable({ measure, sections }) {
    const text = (value) => (value === null ? "none" : differenceText(value, measure));
    const cells = ([mean, low, high, networks]) => [mean, low, high].map(text).concat(networks.map(text).join(", "));
    return [
      `${measure.name}: difference to unguided, ${measure.unit}`,
      ["condition", "group", "difference", "low", "high", "networks"],
      sections.flatMap(({ title, entries }) =>
        entries.map(([name, entry]) => [name, title, ...(entry ? cells(entry) : ["none", "none", "none", "not run"])]),
      ),
    ];
  }

  return drawStored(context, {
    name: "Guide comparison explorer",
    className: "ibx-guides",
    title: "What does each guide add?",
    thing: pictures?.element,
    chosen: "guided",
    ready: pictures?.ready,
    picture: div("ibx-over ibx-bars-of", heading, note, place),
    body: ({ story }) => [story],
    idle: (p) => (p.shown === "unlabeled" ? {} : { unlabeled: "not varied here" }),
    state,
    draw,
    sentence,
    data: ({ entries, unguided }) => ({
      means: entries.map(([, entry]) => (entry ? entry[0] : "none")).join(" "),
      unguided,
    }),
    source: ({ p }) => sources[p.shown],
    tables: (shown) => [differenceTable(shown)],
  });
}
