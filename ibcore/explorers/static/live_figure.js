/**
 * What all figures share: settings and their controls, words, tables, and the kernel that a figure
 * may ask for a state at rest.
 *
 * - `title`, `className`: what the figure is called, for whom does not see it, and in the style sheet;
 * - `draw(params, resting)` shows a state, and `tables()` makes the tables of its numbers;
 * - `controlled(params)`: the values that the controls show, and `idle(params)` why some of them
 *   have no effect, by their names;
 * - `sent(params)`: what the kernel is asked, and `asks` whether its answers are drawn;
 * - `others`: values of parameters that no control holds, by their names, for the address of the page;
 * - `arriving(params)`: what is done before a state that no control has asked for.
 */
function liveFigure({ model, el }, { title, className = "ibx", draw, tables, ...of }) {
  const same = (params) => params;
  const { controlled = same, idle = () => ({}), sent = same, asks = true, others = {}, arriving = () => {} } = of;
  const { name } = model; // in the address of the page, if that is the reader's
  const live = model.get("engine") === "kernel";
  const host = frame(el, title);
  host.figure.classList.add(className);
  const story = div("ibx-story");
  const status = div("ibx-status");
  const notice = div("ibx-notice");
  const copy = button("Copy link", "ibx-link", () => copyAddress(name, say));
  copy.setAttribute("aria-label", "Copy link to this state");
  const folded = foldedTables(tables, ...(name ? [copy] : []));
  let started = false;
  let asked = null; // what the kernel was asked last
  const pace = pacer(update);
  const own = {
    host,
    live,
    story,
    status,
    initial: { ...model.get("initial") },
    params: { ...model.get("params") },
    controls: {},
    settings: {}, // that the address can hold: their values
    resting: true,
    touched: false, // nothing is announced before the reader has done something
    closed: false,
    /** What a control calls that sets one parameter. */
    set: (name) => (value, settled) => own.goTo({ [name]: value }, settled),
    goTo(some, settled = true) {
      own.touched = true;
      notice.textContent = "";
      own.params = { ...own.params, ...some };
      showControls();
      own.changed(settled);
      if (name) addressLater(name);
    },
    /** Begin with a state, and go to one that no control of this figure has asked for. */
    begin(params) {
      arriving(params);
      own.params = params;
    },
    visit(params) {
      arriving(params);
      own.goTo(params);
    },
    /** Say, until the reader moves on, what is wrong with the state that was asked for. */
    warn(words) {
      notice.textContent = words;
      host.announce(words);
    },
    /** Draw soon, and at rest once nothing has changed for a while. */
    changed(settled) {
      own.resting = settled;
      pace.changed(settled);
    },
    /** Draw again in the next frame, although nothing has changed. */
    again: pace.again,
    /**
     * Put the figure together: a heading and what stands beside it, perhaps what comes first of all,
     * the picture that a phone keeps in sight, its controls, and the other parts in their order.
     */
    layOut({ heading, actions, first = [], picture, panel, parts, controls }) {
      own.controls = controls;
      const head = div("ibx-head", div("ibx-title", heading), div("ibx-actions", ...actions), notice);
      host.body.append(head, ...first, div("ibx-stage", picture, panel), ...parts, status, folded.element);
      const held = Object.entries({ ...controls, ...others });
      own.settings = Object.fromEntries(held.filter(([key, { values }]) => values && key in own.initial));
      if (name) enterAddress(name, own);
      showControls();
    },
    start() {
      started = !own.closed;
      update(true);
    },
    /** Remember the settings, also for a figure that is taken out of the page and put back. */
    keep: () => model.set("params", { ...sent(own.params) }),
    /** Ask the kernel for this state, unless it was asked last. */
    ask() {
      const params = { ...sent(own.params) };
      if (asked && sameParams(params, asked)) return;
      asked = params;
      own.keep();
      if (live) model.save_changes();
    },
    /** What the kernel answered; null if it answers another question. */
    answer() {
      const answer = live && model.get("answer");
      return answer && sameParams(sent(own.params), answer.params) ? answer : null;
    },
    /** Write the state where scripts and tests can read it. */
    write: (data) => Object.assign(host.figure.dataset, data, { ready: "1" }),
    /** What is done once a state is at rest: say it, and fill the tables if they are open. */
    finish(words) {
      const wrong = notice.textContent;
      if ((own.touched || wrong) && words) host.announce(wrong ? `${wrong} ${words}` : words);
      folded.refresh();
    },
    close() {
      own.closed = true;
      host.close();
      pace.close();
      if (live) model.off("change:answer", answered);
    },
  };

  function update(resting) {
    own.resting = resting;
    if (started) draw(own.params, resting);
  }

  /** Say what a button has done, in the status line and aloud. */
  function say(words) {
    status.textContent = words;
    host.announce(words);
  }

  function answered() {
    if (own.resting) update(true);
  }

  function showControls() {
    const [values, without] = [controlled(own.params), idle(own.params)];
    for (const [name, { element, show, why }] of Object.entries(own.controls)) {
      for (const input of element.querySelectorAll("input, select")) input.disabled = name in without;
      show(values[name]);
      if (why && (name in without || why.localName !== "output")) why.textContent = without[name] || "";
    }
  }

  if (live && asks) model.on("change:answer", answered);
  return own;
}
