/** Names, units and signs of what can be compared. */
const GUIDE_MEASURES = {
  test_accuracy: { name: "Test accuracy", short: "accuracy", unit: "points", factor: 100, digits: 1 },
  test_loss: { name: "Test loss", short: "loss", unit: "nats", factor: 1, digits: 2 },
  cnn_similarity: { name: "Likeness to the CNN", short: "likeness to CNN", unit: "of 1", factor: 1, digits: 3 },
};
const SHOWN_NAMES = { conditions: "all conditions", unlabeled: "images without labels" };

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
function contrastRow(name) {
  const [output, fill, reach] = [node("output"), node("i"), node("b")];
  const dots = node("span");
  const rail = node("span", { class: "ibx-rail" }, fill, node("s"), reach, dots);
  const element = node("div", { class: "ibx-contrast" }, node("span", {}, name), output, rail);
  const inside = (place) => Math.min(100, Math.max(0, place));
  return {
    element,
    draw(entry, { place }, measure) {
      const zero = place(0);
      rail.style.setProperty("--zero", `${zero}%`);
      element.dataset.side = entry ? sideOf(entry) : "none";
      [fill, reach, dots].forEach((part) => (part.hidden = !entry));
      output.textContent = "not run";
      if (!entry) return;
      const [mean, low, high, networks] = entry;
      const ends = [zero, inside(place(mean))].sort((a, b) => a - b);
      fill.style.cssText = `left:${ends[0]}%;width:${ends[1] - ends[0]}%`;
      fill.dataset.value = String(mean);
      reach.hidden = low === null || place(high) < 0 || place(low) > 100;
      if (!reach.hidden) {
        const [from, to] = [inside(place(low)), inside(place(high))];
        reach.style.cssText = `left:${from}%;width:${to - from}%`;
      }
      const seen = networks.map(place).filter((at) => at >= 0 && at <= 100);
      dots.replaceChildren(...seen.map((at) => node("em", { style: `left:${at}%` })));
      const cut = place(mean) < 0 ? "\u2190 " : place(mean) > 100 ? "\u2192 " : "";
      output.textContent = `${cut}${SIDE_MARKS[sideOf(entry)]} ${differenceText(mean, measure)}`;
    },
  };
}

/** Draw the comparison of guides; returns what closes it. */
function guideComparison({ model, el }) {
  const setup = model.get("setup");
  const { choices, tables } = setup;
  let shown = null;

  const own = storedFigure({ model, el, title: "Guide comparison explorer", className: "ibx-guides" });
  const heading = node("div", { class: "ibx-heading" });
  const note = node("div", { class: "ibx-note" });
  const place = node("div", { class: "ibx-contrasts", role: "img" });
  place.style.setProperty("--rows", setup.rows);
  place.style.setProperty("--groups", setup.groups);
  const result = node("div", { class: "ibx-story" });
  const status = node("div", { class: "ibx-status" });
  const folded = foldedTables(() => [differenceTable()]);
  const named = (names) => (value) => [value, names(value)];
  const controls = {
    unlabeled: slider("Images without labels", choices.unlabeled, countText, own.set("unlabeled")),
    shown: choice(
      "Compare",
      choices.shown.map(named((value) => SHOWN_NAMES[value])),
      own.set("shown"),
    ),
    measure: choice(
      "Difference in",
      choices.measure.map(named((value) => GUIDE_MEASURES[value].short)),
      own.set("measure"),
    ),
    close: checkbox("Close-up", choices.close, own.set("close")),
  };
  const images = controls.unlabeled.element.querySelector("input");
  const lone = choices.shown.length < 2;
  controls.shown.element.hidden = controls.unlabeled.element.hidden = lone;
  [controls.shown, controls.unlabeled, controls.measure].forEach((control) => control.element.classList.add("ibx-wide"));
  const title = node("div", { class: "ibx-title" }, "What does each guide add?");
  const checks = node("div", { class: "ibx-checks" }, controls.close.element);
  own.host.body.append(
    node("div", { class: "ibx-head" }, title, node("div", { class: "ibx-actions" }, own.reset())),
    node("div", { class: "ibx-over ibx-bars-of" }, heading, note, place),
    result,
    node(
      "div",
      { class: "ibx-controls" },
      ...["shown", "unlabeled", "measure"].map((name) => controls[name].element),
      checks,
    ),
    status,
    folded.element,
  );

  /** Groups of conditions with what is known of them: null where they were not run. */
  function sectionsOf({ groups, entries, counts }, p) {
    const among = p.shown === "unlabeled" ? [...new Set([p.unlabeled, counts[0]])] : [counts[0]];
    return among.flatMap((count) =>
      groups.map(([group, names]) => {
        const found = entries[p.measure][String(count)];
        const beside = p.shown === "unlabeled" ? `, ${countText(count)} unlabeled images` : "";
        return { title: `${group}${beside}`, entries: names.map((name) => [name, found[name] || null]) };
      }),
    );
  }

  function stateOf(p) {
    const stored = tables[p.shown];
    const measure = GUIDE_MEASURES[p.measure];
    const every = Object.values(stored.entries[p.measure]).flatMap((part) => Object.values(part));
    const sections = sectionsOf(stored, p);
    return {
      params: p,
      measure,
      unguided: stored.unguided[p.measure],
      sections,
      entries: sections.slice(0, stored.groups.length).flatMap((section) => section.entries),
      axis: differenceAxis(every, measure, p.close),
    };
  }

  function drawRows({ sections, axis, measure }) {
    const rows = sections.flatMap(({ entries }) => entries.map(([name]) => contrastRow(name)));
    const values = sections.flatMap(({ entries }) => entries.map(([, entry]) => entry));
    rows.forEach((row, i) => row.draw(values[i], axis, measure));
    const ticks = axis.ticks.map(([at, text]) => node("span", { style: `left:${at}%` }, text));
    let next = 0;
    place.replaceChildren(
      ...sections.flatMap(({ title: group, entries }) => [
        node("div", { class: "ibx-heading" }, group),
        ...entries.map(() => rows[next++].element),
      ]),
      node("div", { class: "ibx-contrast" }, node("div", { class: "ibx-scale-of" }, ...ticks)),
    );
  }

  function show(p, resting) {
    shown = stateOf(p);
    const { measure, entries } = shown;
    const { networks } = tables[p.shown];
    drawRows(shown);
    heading.textContent = `${measure.name}: difference to the unguided network, ${measure.unit}`;
    note.textContent =
      networks > 1
        ? `bar: mean of ${networks} paired networks (dots); whisker: 95\u00a0% interval; striped, \u25cb: it reaches 0`
        : "one network";
    images.disabled = p.shown !== "unlabeled";
    result.textContent = resultInWords();
    const means = entries.map(([, entry]) => (entry ? entry[0] : "none"));
    own.write({ means: means.join(" "), unguided: shown.unguided });
    status.textContent = sourceInWords(setup.sources[p.shown]);
    if (resting) finish();
  }

  const levelText = (value, { factor, digits }) =>
    factor === 100 ? inPercent(value) : value.toFixed(digits);

  function resultInWords() {
    const { params: p, measure, unguided, entries } = shown;
    const run = entries.filter(([, entry]) => entry);
    const parts = ["above", "below"].map((side) => {
      const found = run.filter(([, entry]) => sideOf(entry) === side);
      const [best] = found.sort(([, [a]], [, [b]]) => Math.abs(b) - Math.abs(a));
      const count = found.length;
      if (!best) return `none is ${side} it with the whole interval`;
      const verb = count === 1 ? "is" : "are";
      const farthest = `${best[0]}, ${differenceText(best[1][0], measure)}`;
      return `${count} ${verb} ${side} it with the whole interval (farthest: ${farthest})`;
    });
    const rest = run.filter(([, entry]) => sideOf(entry) === "reaches").length;
    const beside = p.shown === "unlabeled" ? ` with ${countText(p.unlabeled)} images without labels` : "";
    const absent = entries.length - run.length;
    const missing = absent ? ` ${absent} ${absent === 1 ? "was" : "were"} not run so.` : "";
    return `${measure.name} of the unguided networks: ${levelText(unguided, measure)}. Of ${run.length} conditions${beside}, ${parts.join(", ")}, and ${rest} cannot be told from it.${missing}`;
  }

  function finish() {
    place.setAttribute("aria-label", `Bars of differences to the unguided network. ${result.textContent}`);
    own.announce(result.textContent);
    folded.refresh();
  }

  function differenceTable() {
    const { measure, sections } = shown;
    const made = sections.flatMap(({ title: group, entries }) =>
      entries.map(([name, entry]) => {
        const numbers = entry ? entry.slice(0, 3) : [null, null, null];
        const texts = numbers.map((value) => (value === null ? "none" : differenceText(value, measure)));
        const dots = entry ? entry[3].map((value) => differenceText(value, measure)).join(", ") : "not run";
        return [name, group, ...texts, dots];
      }),
    );
    const head = ["condition", "group", "difference", "low", "high", "networks"];
    return table(`${measure.name}: difference to unguided, ${measure.unit}`, head, made);
  }

  own.addControls(controls);
  own.start(show);
  return own.close;
}
