/**
 * What figures of stored numbers share: the parameters and their controls, and the kernel that is
 * asked for them at rest.  `start(show)` begins to call `show(params, resting)`.
 */
function storedFigure({ model, el, title, className }) {
  const live = model.get("engine") === "kernel";
  const initial = Object.assign({}, model.get("initial"));
  const host = frame(el, title);
  host.figure.classList.add(className);
  const controls = {};
  let params = Object.assign({}, model.get("params"));
  let draw = null; // until there is something to show
  let touched = false;
  let closed = false;
  const pace = pacer(update);

  function goTo(some, settled = true) {
    touched = true;
    params = Object.assign({}, params, some);
    showControls();
    pace.changed(settled);
  }

  function showControls() {
    for (const name in controls) controls[name].show(params[name]);
  }

  function update(resting) {
    if (!draw) return;
    if (resting) {
      model.set("params", Object.assign({}, params));
      if (live) model.save_changes();
    }
    draw(params, resting);
  }

  const answered = () => draw && draw(params, true);
  if (live) model.on("change:answer", answered);
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
    /** Write the state where scripts and tests can read it, and who stands behind it. */
    write(data) {
      const answer = live && model.get("answer");
      const engine = answer && sameParams(params, answer.params) ? "kernel" : "browser";
      Object.assign(host.figure.dataset, params, data, { engine, ready: "1" });
    },
    announce(words) {
      if (touched) host.announce(words);
    },
    close() {
      closed = true;
      host.close();
      pace.close();
      if (live) model.off("change:answer", answered);
    },
  };
}

/** Show in the status line why stored numbers cannot be read. */
const cannotShow = (status) => (error) => {
  status.setAttribute("role", "alert");
  status.textContent = `The numbers cannot be shown: ${error.message}`;
};
