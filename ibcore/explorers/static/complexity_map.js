/** Mean, interval and number of a cell in words. */
function cellInWords([mean, low, high, n]) {
  if (mean === null) return "every function is constant: no complexity";
  const interval = low === null ? "" : `, 95 % interval ${low.toFixed(3)} to ${high.toFixed(3)}`;
  return `mean ${mean.toFixed(3)}${interval}, n = ${n}`;
}

/** The map: a grid whose cells hold their mean and take the focus one at a time. */
function cellGrid(setup, { select, hover }) {
  const { depths } = setup;
  const scales = setup.scales.slice().reverse(); // the largest on top
  const element = node("div", { class: "ibx-grid", role: "grid", "aria-label": "Mean complexity by cell" });
  element.style.setProperty("--columns", depths.length);
  const header = (role, text) => node("span", { role }, text);
  const corner = node("span", { role: "columnheader" }, node("span", { class: "ibx-live" }, "weight scale"));
  const cells = new Map();
  const key = (scale, depth) => `${scale} ${depth}`;
  const row = (...children) => node("div", { role: "row" }, ...children);
  const cell = (scale, depth) => {
    const made = node("span", { role: "gridcell", tabindex: -1, class: "ibx-cell" });
    made.place = { weight_scale: scale, depth };
    cells.set(key(scale, depth), made);
    return made;
  };
  const rows = scales.map((scale) =>
    row(header("rowheader", scaleText(scale)), ...depths.map((depth) => cell(scale, depth))),
  );
  element.append(row(corner, ...depths.map((depth) => header("columnheader", String(depth)))), ...rows);

  const placeOf = (event) => (event.target.closest(".ibx-cell") || {}).place;
  element.addEventListener("click", (event) => placeOf(event) && select(placeOf(event)));
  element.addEventListener("pointerover", (event) => {
    if (event.pointerType === "mouse") hover(placeOf(event) || null);
  });
  element.addEventListener("pointerleave", () => hover(null));
  element.addEventListener("keydown", (event) => {
    const place = placeOf(event);
    const [r, c] = place ? [scales.indexOf(place.weight_scale), depths.indexOf(place.depth)] : [0, 0];
    const moves = {
      ArrowUp: [r - 1, c],
      ArrowDown: [r + 1, c],
      ArrowLeft: [r, c - 1],
      ArrowRight: [r, c + 1],
      Home: [r, 0],
      End: [r, depths.length - 1],
      PageUp: [0, c],
      PageDown: [scales.length - 1, c],
    };
    if (!place || !moves[event.key]) return;
    event.preventDefault();
    const [i, j] = moves[event.key];
    if (scales[i] !== undefined && depths[j] !== undefined) {
      select({ weight_scale: scales[i], depth: depths[j] }, true);
    }
  });
  return {
    element,
    /** Write the summaries of an activation and a transform into the cells. */
    fill(summaries) {
      for (const made of cells.values()) {
        const { weight_scale, depth } = made.place;
        const summary = summaries(weight_scale, depth);
        made.textContent = summary[0] === null ? "none" : summary[0].toFixed(3).replace(/^0/, "");
        const colors = summary[0] === null ? { background: "", color: "" } : cellColors(summary[0]);
        Object.assign(made.style, colors);
        const where = `depth ${depth}, weight scale ${scaleText(weight_scale)}`;
        made.setAttribute("aria-label", `${where}: ${cellInWords(summary)}`);
      }
    },
    select({ weight_scale, depth }, focus) {
      for (const [name, made] of cells) {
        const chosen = name === key(weight_scale, depth);
        made.setAttribute("aria-selected", chosen);
        made.tabIndex = chosen ? 0 : -1;
        if (chosen && focus) made.focus();
      }
    },
  };
}

/** The complexity of one network beside the mean of its cell, on a line with two references. */
function cellScale() {
  const place = (value) => (100 * value) / 0.6;
  const output = node("output");
  const mean = node("div", { class: "ibx-note" });
  const [known, interval, marks] = [node("div"), node("span", { class: "ibx-range" }), node("div")];
  const ticks = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6].map((t) => xTick(place(t), String(t)));
  const plot = node("div", { class: "ibx-frame", "aria-hidden": "true" }, interval, marks, known, ...ticks);
  return {
    element: div(
      "ibx-chart ibx-scale",
      div("ibx-number", "This network ", output),
      mean,
      plot,
      div("ibx-ticks"),
    ),
    draw(own, summary, references, preview) {
      output.textContent = (preview ? "\u2248 " : "") + complexityText(own);
      mean.textContent = `Cell: ${cellInWords(summary)}`;
      const [value, low, high] = summary;
      interval.hidden = low === null;
      if (low !== null) {
        interval.style.cssText = `left:${place(low)}%;width:${Math.max(0.5, place(high) - place(low))}%`;
      }
      const reference = ([name, c], i) =>
        mark("ibx-known", place(c), `${name} ${c.toFixed(3)}`, c > 0.4, `height:${18 + 17 * (1 - i)}px`);
      known.replaceChildren(...Object.entries(references).map(reference));
      const two = [
        ["ibx-mark ibx-pinned", value, "cell mean"],
        ["ibx-mark", own, "this network"],
      ].filter(([, c]) => c !== null && !Number.isNaN(c));
      marks.replaceChildren(...two.map(([name, c, text]) => mark(name, place(c), text, c > 0.3)));
    },
  };
}

/** What a transform does to the low end of the map, in words. */
function floorInWords(transform, lowest, references) {
  const ramp = references.ramp.toFixed(3);
  const least = `the lowest cell of this map has ${lowest.toFixed(3)}`;
  if (transform === "dct") {
    return (
      `In the cosine transform a straight ramp has complexity ${ramp}, and ${least}. ` +
      "The picture is mirrored at its borders, so no jump is added and simple functions can be told apart."
    );
  }
  return (
    `In the plain Fourier transform even a straight ramp has ${ramp}, and ${least}. ` +
    "The picture is repeated like a tile: the jump between opposite borders leaks into all frequencies and is a floor under every simple function."
  );
}

/** Draw the map of complexity; returns what closes it. */
function complexityMap(context) {
  const { model } = context;
  const setup = model.get("setup");
  const n = setup.grid;
  let hovered = null;
  let shown = null;
  const clock = evaluationClock(n);

  const figure = liveFigure(context, {
    title: "Map of complexity explorer",
    className: "ibx-map",
    draw,
    tables: () => [mapTable(), networkTable()],
    sent: wanted,
    others: { depth: { values: setup.depths }, weight_scale: { values: setup.scales } },
  });
  const { story, status } = figure;
  const grid = cellGrid(setup, { select, hover });
  const now = picture("ibx-now");
  const scale = cellScale();
  const controls = {};
  for (const name in setup.controls) {
    const named = (value) => ACTIVATION_NAMES[value];
    controls[name] = controlOf(setup.controls[name], setup.choices[name], figure.set(name), named);
  }
  const cells = { element: grid.element, show: () => grid.select(figure.params, false) };
  const reset = button("Reset", "", () => figure.goTo(figure.initial));
  const newDraw = button("New draw", "ibx-draw", () => figure.goTo({ seed: (figure.params.seed + 1) % SEEDS }));
  const axes = "mean; weight scale upward, depth to the right";
  const axis = node("div", { class: "ibx-note", "aria-hidden": "true" }, axes);
  figure.layOut({
    heading: "Complexity over depth and scale",
    actions: [reset],
    picture: div("ibx-heat", axis, grid.element, colorLegend(node("span", {}, "0"), node("span", {}, String(MAP_END)))),
    panel: controlPanel(controls, newDraw),
    parts: [div("ibx-side", now.element), scale.element, story],
    controls: { ...controls, cells },
  });

  function select(place, focus = false) {
    hovered = null;
    figure.goTo(place);
    grid.select(figure.params, focus);
  }

  function hover(place) {
    hovered = place;
    figure.changed(false);
  }

  /** The parameters of the cell in the picture: the one under the pointer, else the chosen one. */
  function wanted() {
    return { ...figure.params, ...hovered };
  }

  const summaryAt = (p) => (weightScale, depth) =>
    setup.cells[p.activation][p.transform][
      setup.scales.indexOf(weightScale) * setup.depths.length + setup.depths.indexOf(depth)
    ];

  const settingsOf = ({ transform, ...p }) => ({ ...p, width: setup.width });

  function draw(_, resting) {
    const p = wanted();
    const start = performance.now();
    if (resting) figure.ask();
    const known = shown && shown.n === n && sameParams(p, shown.params);
    if (known && !resting) return; // never coarser than what is there
    if (known && (!figure.live || shown.engine === "kernel")) return finish();
    const answer = resting ? kernelState(p) : null;
    if (answer) show(answer, "kernel", start);
    else show(evaluateCell(p, resting ? n : clock.preview(settingsOf(p))), "browser", start);
  }

  function evaluateCell(p, size) {
    const settings = settingsOf(p);
    const values = forward(drawWeights(p.seed, settings), settings, size);
    const own = { dct: complexityOf(values, size, "dct"), fft: complexityOf(values, size, "fft") };
    return { params: p, values, n: size, own, ...rangeOf(values) };
  }

  /** What the kernel answered; null if it answers another question. */
  function kernelState(p) {
    const answer = figure.answer();
    const values = floats(model.get("frame"));
    if (!answer || values.length !== n * n) return null;
    const number = (value) => (value === null ? NaN : value);
    const own = { dct: number(answer.dct), fft: number(answer.fft) };
    const { min, max } = answer;
    return { params: p, values, n, own, min, max, constant: answer.dct === null };
  }

  function show(state, engine, start) {
    shown = { ...state, engine };
    const { params: p } = shown;
    const summaries = summaryAt(p);
    const references = setup.references[p.transform];
    grid.fill(summaries);
    now.draw(shown.values, shown.n, shown);
    now.caption.textContent = `One network of the cell: ${networkInWords(settingsOf(p))}`;
    scale.draw(shown.own[p.transform], summaries(p.weight_scale, p.depth), references, shown.n !== n);
    const means = setup.cells[p.activation][p.transform].map(([mean]) => mean ?? Infinity);
    story.textContent = floorInWords(p.transform, Math.min(...means), references);
    report(performance.now() - start);
    if (shown.n === n) finish();
  }

  function report(ms) {
    const { engine, min, max, own, params: p } = shown;
    if (engine === "browser") clock.took(ms, settingsOf(p), shown.n);
    const numbers = { complexity: own[p.transform], ...own, min, max };
    const { weight_scale: weightScale, ...others } = p;
    const computed = { engine, weightScale, grid: shown.n, ms: ms.toFixed(1) };
    figure.write({ ...others, ...numbers, ...computed });
    const where = { browser: "network computed here", kernel: "network computed by ibcore" }[engine];
    const measured = setup.measured_grid;
    const other = measured === n ? "" : `; measured on ${measured} × ${measured}, so compare with care`;
    status.textContent = `Map: ${sourceInWords(setup.source)}. ${shown.n} × ${shown.n} points, ${where}${other}`;
  }

  function finish() {
    const p = shown.params;
    const cell = cellInWords(summaryAt(p)(p.weight_scale, p.depth));
    const own = `Complexity of this network, ${TRANSFORM_NAMES[p.transform]}: ${complexityText(shown.own[p.transform])}`;
    const words = `${networkInWords(settingsOf(p))}. ${own}. Cell: ${cell}.`;
    now.describe(`Output of one random network, x1 to the right and x2 upward from \u22121 to 1: ${words}`);
    figure.finish(words);
  }

  function mapTable() {
    const p = shown.params;
    const number = (value) => (value === null ? "none" : value.toFixed(3));
    const rows = setup.scales.flatMap((weightScale) =>
      setup.depths.map((depth) => {
        const [mean, low, high, count] = summaryAt(p)(weightScale, depth);
        return [scaleText(weightScale), depth, number(mean), number(low), number(high), count];
      }),
    );
    const heading = `Map: ${ACTIVATION_NAMES[p.activation] || p.activation}, ${TRANSFORM_NAMES[p.transform]}`;
    return table(heading, ["weight scale", "depth", "mean", "low", "high", "n"], rows);
  }

  function networkTable() {
    const { params: p, own, min, max } = shown;
    const rows = [
      ["activation", p.activation],
      ["depth", p.depth],
      ["weight scale", scaleText(p.weight_scale)],
      ["seed", p.seed],
      ["complexity, cosine", complexityText(own.dct)],
      ["complexity, plain Fourier", complexityText(own.fft)],
      ["smallest value", short(min)],
      ["largest value", short(max)],
    ];
    return table("The network in the picture", ["name", "value"], rows);
  }

  figure.start();
  return figure.close;
}
