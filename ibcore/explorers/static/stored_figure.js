/**
 * What figures of stored numbers share: the parameters and their controls.  All that they show is
 * in the page, so no kernel is asked.  `start(show)` begins to call `show(params, resting)`.
 */
function storedFigure({ model, el, title, className }) {
  const initial = { ...model.get("initial") };
  const host = frame(el, title);
  host.figure.classList.add(className);
  const controls = {};
  let params = { ...model.get("params") };
  let draw = null; // until there is something to show
  let touched = false;
  let closed = false;
  const pace = pacer(update);

  function goTo(some, settled = true) {
    touched = true;
    params = { ...params, ...some };
    showControls();
    pace.changed(settled);
  }

  function showControls() {
    for (const name in controls) controls[name].show(params[name]);
  }

  function update(resting) {
    if (!draw) return;
    if (resting) model.set("params", { ...params });
    draw(params, resting);
  }

  return {
    host,
    params: () => params,
    reset: () => button("Reset", "", () => goTo(initial)),
    /** What a control calls that sets one parameter. */
    set: (name) => (value, settled) => goTo({ [name]: value }, settled),
    addControls(some) {
      Object.assign(controls, some);
      showControls();
    },
    start(show) {
      draw = show;
      if (!closed) update(true);
    },
    /** Ask the kernel, if there is one, for what is not stored. */
    ask(some) {
      params = { ...params, ...some };
      model.set("params", { ...params });
      model.save_changes();
    },
    /** Write the state where scripts and tests can read it. */
    write(data) {
      Object.assign(host.figure.dataset, params, data, { engine: model.get("engine"), ready: "1" });
    },
    announce(words) {
      if (touched) host.announce(words);
    },
    close() {
      closed = true;
      host.close();
      pace.close();
    },
  };
}

/**
 * Draw a figure of stored numbers as it is specified; returns what closes it.  Python says the
 * controls: their kinds, labels, values and texts.  The specification says the rest:
 *
 * - `name`, `className`, `title`: what the figure is called, for whom does not see it, in the
 *   style sheet, and above it;
 * - `body({ controls, story, own })`: what stands in it, in this order;
 * - `play`: the control that runs by itself, see `timePlayer`;
 * - `names`: other names of some values, by control;
 * - `ready`: a promise of the numbers, where they have to be unpacked;
 * - `state(params)`: all that is shown of one choice, which the others get;
 * - `sentence`: the result in words;
 * - `draw(state, sentence)`: draws the marks, and says what stands in place of them;
 * - `told(state, sentence)`: what is announced, if it is not the sentence;
 * - `data`: numbers for scripts and tests;
 * - `source`, `status`: where the numbers come from, if they have several sources, and what stands
 *   beside it;
 * - `tables`: title, head and rows of each table.
 */
function drawStored({ model, el }, spec) {
  const { choices, controls: said, source } = model.get("setup");
  let shown = null;
  const own = storedFigure({ model, el, title: spec.name, className: spec.className });
  const play = spec.play && timePlayer(choices[spec.play.name], spec.play, own, finish);
  /** What a control calls: the reader takes over from the player. */
  const set = (name) => (value, settled) => {
    if (play) play.stop(false);
    own.set(name)(value, settled);
  };
  const controls = {};
  for (const name in said) {
    controls[name] = controlOf(said[name], choices[name], set(name), (spec.names || {})[name]);
  }
  const elements = Object.values(controls).map((control) => control.element);
  const story = node("div", { class: "ibx-story" });
  const status = node("div", { class: "ibx-status" });
  const folded = foldedTables(() => spec.tables(shown).map((parts) => table(...parts)));
  const reset = own.reset();
  if (play) reset.addEventListener("click", () => play.stop(false));
  const actions = node("div", { class: "ibx-actions" }, ...(play ? [play.element] : []), reset);
  const title = node("div", { class: "ibx-title" }, spec.title);
  own.host.body.append(
    node("div", { class: "ibx-head" }, title, actions),
    ...spec.body({ controls: node("div", { class: "ibx-controls" }, ...elements), story, own }),
    status,
    folded.element,
  );

  function show(params, resting) {
    shown = spec.state(params);
    story.textContent = spec.sentence(shown);
    spec.draw(shown, story.textContent);
    own.write({ ...spec.data(shown), ...(play && { playing: play.running() ? "1" : "0" }) });
    const beside = spec.status ? `; ${spec.status}` : "";
    status.textContent = `${sourceInWords(spec.source ? spec.source(shown) : source)}${beside}`;
    if (resting && !(play && play.running() && !spec.play.loops)) finish();
  }

  function finish() {
    if (!shown) return;
    const words = spec.told ? spec.told(shown, story.textContent) : story.textContent;
    if (words) own.announce(words);
    folded.refresh();
  }

  own.addControls(controls);
  if (spec.ready) spec.ready.then(() => own.start(show), cannotShow(status));
  else own.start(show);
  return () => {
    if (play) play.close();
    own.close();
  };
}

/** A control as Python says it, of values that may have other names; a single value is not to choose. */
function controlOf({ kind, label, texts, wide }, values, changed, names = {}) {
  const say = (value) => names[value] || texts[values.indexOf(value)];
  const pairs = values.map((value) => [value, say(value)]);
  const made = {
    slider: () => slider(label, values, say, changed),
    choice: () => choice(label, pairs, changed),
    dropdown: () => dropdown(label, pairs, changed),
    checkbox: () => checkbox(label, values, changed),
  }[kind]();
  const { element } = made;
  const box = kind === "checkbox" ? node("div", { class: "ibx-checks" }, element) : element;
  box.classList.toggle("ibx-wide", wide);
  box.hidden = values.length < 2;
  return { element: box, show: made.show };
}

/**
 * A control that runs through its values, to the last one or around; a reader who wants less
 * motion steps by hand.  `words` name the button that plays and the one that steps.
 */
function timePlayer(values, { name, words = ["Play time", "Next look"], loops = false }, own, ended) {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let timer = 0;
  const element = button("", "ibx-pin", () => (timer ? stop() : start()));
  const say = () => {
    element.textContent = timer ? "Pause" : words[still.matches ? 1 : 0];
  };

  function step() {
    const next = values[(values.indexOf(own.params()[name]) + 1) % values.length];
    if (timer && !loops && next === values[values.length - 1]) stop(false);
    own.set(name)(next, true);
  }

  function start() {
    if (!still.matches) timer = setInterval(step, 900);
    say();
    step();
  }

  function stop(told = true) {
    const ran = timer !== 0;
    clearInterval(timer);
    timer = 0;
    say();
    if (ran && told) ended();
  }

  const changed = () => (still.matches ? stop() : say());
  still.addEventListener("change", changed);
  say();
  return {
    element,
    stop,
    running: () => timer !== 0,
    close() {
      clearInterval(timer);
      still.removeEventListener("change", changed);
    },
  };
}

/** Show in the status line why stored numbers cannot be read. */
const cannotShow = (status) => (error) => {
  status.setAttribute("role", "alert");
  status.textContent = `The numbers cannot be shown: ${error.message}`;
};
