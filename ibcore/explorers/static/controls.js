/** A change is at rest when none follows for so long, in milliseconds. */
const REST_MS = 140;

let counter = 0;

/** A new id: each label is bound to its input by one. */
const freshId = () => `ibx-${++counter}-${Math.random().toString(36).slice(2, 8)}`;

/**
 * A labelled control.  `changed(value, settled)` is called on each input; settled is false
 * while the reader still drags.  `show(value)` sets the control without calling back, and `values`
 * are those that it can have; a slider also knows the `nearest` of them.  `why` is where it is said
 * why the control cannot be used.
 */
function slider(label, choices, format, changed) {
  const id = freshId();
  const output = node("output", { for: id });
  const input = node("input", { type: "range", id, min: 0, max: choices.length - 1, step: 1 });
  const place = (value) =>
    choices.reduce((best, c, i) => (Math.abs(c - value) < Math.abs(choices[best] - value) ? i : best), 0);
  const nearest = (value) => choices[place(value)];
  const say = (value) => {
    output.textContent = format(value);
    input.setAttribute("aria-valuetext", format(value));
  };
  const moved = (settled) => {
    const value = choices[+input.value];
    say(value);
    changed(value, settled);
  };
  let heard = null; // a change that follows an input at the same place only settles it
  input.addEventListener("input", () => {
    heard = input.value;
    moved(false);
  });
  input.addEventListener("change", () => {
    if (heard !== null) moved(true);
    heard = null;
  });
  const show = (value) => {
    input.value = place(value);
    say(value);
  };
  const element = div("ibx-control", node("label", { for: id }, label), output, input);
  return { element, show, values: choices, nearest, why: output };
}

/** A drop-down list; choices are [value, text] pairs. */
function dropdown(label, choices, changed) {
  const id = freshId();
  const select = node("select", { id }, ...choices.map(([, text], i) => node("option", { value: i }, text)));
  select.addEventListener("change", () => changed(choices[+select.value][0], true));
  const show = (value) => {
    select.value = choices.findIndex(([known]) => known === value);
  };
  const why = node("span");
  const element = div("ibx-control", node("label", { for: id }, label), why, select);
  return { element, show, values: choices.map(([value]) => value), why };
}

/** A check box; choices are the values for off and on. */
function checkbox(label, [off, on], changed) {
  const id = freshId();
  const input = node("input", { type: "checkbox", id });
  input.addEventListener("change", () => changed(input.checked ? on : off, true));
  const why = node("small");
  return {
    element: node("label", { for: id }, input, label, why),
    values: [off, on],
    why,
    show: (value) => {
      input.checked = value === on;
    },
  };
}

function button(label, className, clicked) {
  const element = node("button", { type: "button", class: className }, label);
  element.addEventListener("click", clicked);
  return element;
}

/** The frame of every explorer: style, group, live region, keys kept from the notebook. */
function frame(el, title) {
  const live = node("div", { class: "ibx-live", "aria-live": "polite", role: "status" });
  const body = div("ibx-body");
  const group = { class: "ibx", role: "group", "aria-label": title, "data-lm-suppress-shortcuts": "true" };
  const figure = node("div", group, node("style", {}, STYLE), body, live);
  figure.addEventListener("keydown", (event) => event.stopPropagation()); // JupyterLab would take the arrows
  el.replaceChildren(figure);
  let timer = 0;
  const announce = (text) => {
    // at rest only, never on each step of a drag
    clearTimeout(timer);
    timer = setTimeout(() => {
      live.textContent = text;
    }, 700);
  };
  const unfollow = followTheme(figure);
  return {
    figure,
    body,
    announce,
    close() {
      clearTimeout(timer);
      unfollow();
    },
  };
}

/** A few choices side by side, of which one holds; choices are [value, text] pairs. */
function choice(label, choices, changed) {
  const name = freshId();
  const inputs = choices.map(() => node("input", { type: "radio", name }));
  inputs.forEach((input, i) => input.addEventListener("change", () => changed(choices[i][0], true)));
  const labels = inputs.map((input, i) => node("label", {}, input, node("span", {}, choices[i][1])));
  const legend = node("span", { id: `${name}-label` }, label);
  const group = { class: "ibx-choice", role: "radiogroup", "aria-labelledby": `${name}-label` };
  const why = node("span");
  return {
    element: node("div", { class: "ibx-control" }, legend, why, node("div", group, ...labels)),
    why,
    values: choices.map(([value]) => value),
    show(value) {
      inputs.forEach((input, i) => {
        input.checked = choices[i][0] === value;
      });
    },
  };
}

/**
 * Calls of `update(resting)`: at most one for each frame of the screen, and one with true when
 * nothing has changed for a while or a change settled at once.
 */
function pacer(update) {
  let request = 0;
  let timer = 0;
  let resting = true;
  /** Update in the next frame, although nothing has changed. */
  function again() {
    request = request || requestAnimationFrame(() => {
      request = 0;
      update(resting);
    });
  }
  return {
    again,
    changed(settled) {
      clearTimeout(timer);
      resting = settled;
      if (!settled) timer = setTimeout(() => this.changed(true), REST_MS);
      again();
    },
    close() {
      clearTimeout(timer);
      cancelAnimationFrame(request);
    },
  };
}

/** Tables that are made only while they are open, `refresh()` makes them again; others beside them. */
function foldedTables(make, ...others) {
  const tables = node("div", { class: "ibx-tables" });
  const folded = node("details", {}, node("summary", {}, "Table of the numbers"), tables);
  const refresh = () => folded.open && tables.replaceChildren(...make());
  folded.addEventListener("toggle", refresh);
  return { element: div("ibx-foot", folded, ...others), refresh };
}

/** Experiment, tier and day of stored results, in words. */
function sourceInWords(source) {
  return source.experiment
    ? `${source.experiment}, tier ${source.tier}, ${source.date}`
    : "results given by hand";
}
