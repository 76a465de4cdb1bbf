/**
 * Draw a figure of stored numbers as it is specified; returns what closes it.  Python says the
 * controls: their kinds, labels, values and texts.  The specification says the rest:
 *
 * - `name`, `className`, `title`: what the figure is called, for whom does not see it, in the
 *   style sheet, and above it;
 * - `thing` and `chosen`: an element that comes first of all, if there is one, and the name of the
 *   control that stands in it;
 * - `picture` and `body({ story, own })`: what a phone keeps in sight, and what else stands there;
 * - `play`: the control that runs by itself, see `timePlayer`;
 * - `names`: functions of a value and the settings that give it another name, by control;
 * - `idle(params)`: why controls have no effect, by their names;
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
function drawStored(context, spec) {
  const { choices, controls: said, source } = context.model.get("setup");
  let shown = null;
  const own = liveFigure(context, {
    title: spec.name,
    className: spec.className,
    draw: show,
    tables: () => spec.tables(shown).map((parts) => table(...parts)),
    idle: spec.idle,
    arriving: () => stop(),
    asks: false,
  });
  const { story, status } = own;
  const play = spec.play && timePlayer(choices[spec.play.name], spec.play, own, finish);
  const stop = () => play && play.stop(false);
  /** What a control calls: the reader takes over from the player. */
  const set = (name) => (value, settled) => {
    stop();
    own.set(name)(value, settled);
  };
  const controls = {};
  for (const name in said) {
    const named = (value) => spec.names?.[name]?.(value, own.params);
    controls[name] = controlOf(said[name], choices[name], set(name), named);
  }
  const reset = button("Reset", "", () => own.visit(own.initial));
  const { [spec.thing ? spec.chosen : ""]: apart, ...panelled } = controls;
  if (apart) spec.thing.append(div("ibx-own", apart.element));
  own.layOut({
    heading: spec.title,
    first: apart ? [spec.thing] : [],
    actions: [...(play ? [play.element] : []), reset],
    picture: spec.picture,
    panel: controlPanel(panelled),
    parts: spec.body({ story, own }),
    controls,
  });

  function show(params, resting) {
    if (resting) own.keep();
    shown = spec.state(params);
    story.textContent = spec.sentence(shown);
    spec.draw(shown, story.textContent);
    const playing = play && { playing: play.running() ? "1" : "0" };
    own.write({ ...params, ...spec.data(shown), ...playing, engine: context.model.get("engine") });
    const beside = spec.status ? `; ${spec.status(shown)}` : "";
    status.textContent = `${sourceInWords(spec.source ? spec.source(shown) : source)}${beside}`;
    if (resting && !(play && play.running() && !spec.play.loops)) finish();
  }

  function finish() {
    if (shown) own.finish(spec.told ? spec.told(shown, story.textContent) : story.textContent);
  }

  if (spec.ready) spec.ready.then(own.start, cannotShow(status));
  else own.start();
  return () => {
    if (play) play.close();
    own.close();
  };
}

/** A control as Python says it, of values that may have other names; a single value is not to choose. */
function controlOf({ kind, label, texts, wide }, values, changed, named) {
  const say = (value) => named(value) || texts[values.indexOf(value)];
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
  return { ...made, element: box };
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
    const next = values[(values.indexOf(own.params[name]) + 1) % values.length];
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
