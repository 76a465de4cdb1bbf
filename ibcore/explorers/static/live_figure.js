/**
 * What figures share that are computed in the page: settings and their controls, words, tables, and
 * the kernel that is asked for a state at rest.  `draw(params, resting)` shows a state and `tables`
 * makes its tables; `controlled` gives what the controls show, `idle` the names of those that have
 * no effect, and `sent` what the kernel is asked.
 */
function liveFigure({ model, el, title, className = "ibx", draw, tables, ...of }) {
  const same = (params) => params;
  const { controlled = same, idle = () => [], sent = same } = of;
  const live = model.get("engine") === "kernel";
  const host = frame(el, title);
  host.figure.classList.add(className);
  const pace = pacer((resting) => {
    own.resting = resting;
    draw(own.params, resting);
  });
  let asked = null; // what the kernel was asked last
  const answered = () => own.resting && draw(own.params, true);
  if (live) model.on("change:answer", answered);
  const own = {
    host,
    live,
    initial: { ...model.get("initial") },
    params: { ...model.get("params") },
    controls: {},
    resting: true,
    touched: false, // nothing is announced before the reader has done something
    closed: false,
    story: div("ibx-story"),
    status: div("ibx-status"),
    /** What a control calls that sets one parameter. */
    set: (name) => (value, settled) => own.goTo({ [name]: value }, settled),
    goTo(some, settled = true) {
      own.touched = true;
      own.params = { ...own.params, ...some };
      own.resting = settled;
      own.showControls();
      pace.changed(settled);
    },
    showControls() {
      const [values, without] = [controlled(own.params), idle(own.params)];
      for (const [name, { element, show }] of Object.entries(own.controls)) {
        const input = element.querySelector("input");
        if (input) input.disabled = without.includes(name);
        show(values[name]);
      }
    },
    /** Draw again in the next frame, although nothing has changed. */
    again: pace.again,
    /** Put the figure together and draw it. */
    start({ heading, actions, parts, controls, others = [] }) {
      own.controls = controls;
      const head = div("ibx-head", div("ibx-title", heading), div("ibx-actions", ...actions));
      host.body.append(head, ...parts, controlPanel(controls, ...others), own.status, folded.element);
      own.showControls();
      draw(own.params, true);
    },
    /** Ask the kernel for this state, unless it was asked last. */
    ask() {
      const params = { ...sent(own.params) };
      if (asked && sameParams(params, asked)) return;
      asked = params;
      model.set("params", params);
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
      if (own.touched && words) host.announce(words);
      folded.refresh();
    },
    close() {
      own.closed = true;
      host.close();
      pace.close();
      if (live) model.off("change:answer", answered);
    },
  };
  const folded = foldedTables(tables);
  return own;
}
