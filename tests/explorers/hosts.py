"""What tests of a figure in a browser share: reading it, and a kernel that answers it."""

from typing import Any

from ibcore.explorers import Explorer, base

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}

_LIVE = """(state) => {
  const listeners = {};
  const model = { get: (name) => state[name], set: (name, value) => { state[name] = value; },
    on: (event, f) => { listeners[event] = f; }, off: () => {},
    save_changes: async () => {
      const reply = await window.ask(state.params);
      state.frame = new DataView(Uint8Array.from(reply.frame).buffer);
      state.answer = reply.answer;
      listeners["change:answer"]();
    } };
  IBExplorers.render({ model, el: document.querySelector('#place') });
}"""

_TIMERS = """() => {
  const timers = new Map(), { clearTimeout, clearInterval } = window;
  let now = 0, last = 0;
  const starter = (again) => (call, ms = 0) => {
    timers.set(--last, { at: now + ms, call, again: again && ms });
    return last;
  };
  window.setTimeout = starter(false);
  window.setInterval = starter(true);
  window.clearTimeout = (id) => timers.delete(id) || clearTimeout(id);
  window.clearInterval = (id) => timers.delete(id) || clearInterval(id);
  window.ring = (wanted = () => true) => {
    const [next] = [...timers].filter(([, t]) => wanted(t)).sort(([, a], [, b]) => a.at - b.at);
    if (!next) return false;
    const [id, timer] = next;
    now = timer.at;
    if (timer.again) timer.at += timer.again; else timers.delete(id);
    timer.call();
    return true;
  };
  window.rest = async () => {
    for (let quiet = 0, rung = 0; quiet < 2 && rung < 20; quiet += 1) {
      for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
      if (window.ring()) [quiet, rung] = [-1, rung + 1];
    }
  };
}"""


def data(page: Any) -> dict[str, str]:
    """Return the numbers that a figure writes on itself."""
    read: dict[str, str] = page.evaluate("() => ({...document.querySelector('.ibx').dataset})")
    return read


def pictures(page: Any) -> list[str]:
    """Return the canvases of a figure."""
    script = "() => [...document.querySelectorAll('.ibx canvas')].map(c => c.toDataURL())"
    drawn: list[str] = page.evaluate(script)
    return drawn


def next_frame(page: Any) -> None:
    """Wait until a page has drawn what it was asked to draw."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def stop_clock(page: Any) -> None:
    """Let no timer of a page ring until `ring` lets one: a slow machine changes nothing."""
    page.evaluate(_TIMERS)


def ring(page: Any) -> None:
    """Let a timer ring that rings again and again, as if its time had passed."""
    assert page.evaluate("window.ring((timer) => timer.again)"), "no such timer is set"


def watch_words(page: Any) -> Any:
    """Note what the live region says from now on; call the result to read it when all is at rest.

    No time passes but in that call, so that what a test does meanwhile follows at once.
    """
    stop_clock(page)
    page.evaluate(
        """() => { const live = document.querySelector('.ibx [aria-live]'); window.said = [];
             new MutationObserver(() => window.said.push(live.textContent))
               .observe(live, {childList: true}); }"""
    )

    def said() -> list[str]:
        page.wait_for_function("() => window.rest().then(() => window.said.length)")
        words: list[str] = page.evaluate("window.said")
        return words

    return said


def live(visits: Any, figure: Explorer, *, mark: dict[str, Any]) -> tuple[Any, list[Any]]:
    """Show a figure with a kernel whose answers carry a mark; also return what it was asked."""
    page = visits.open(f"<div id='place'></div><script>{base.script()}</script>")
    asked = []

    def ask(params: dict[str, Any]) -> dict[str, Any]:
        asked.append(params)
        answer = figure.answer(params)
        facts = {"params": params, **answer.facts, **mark}
        return {"answer": facts, "frame": list(answer.frame)}

    page.expose_function("ask", ask)
    state = {"kind": figure.kind, "engine": "kernel", "setup": figure.setup()}
    page.evaluate(_LIVE, {**state, "initial": figure.initial(), "params": figure.initial()})
    page.wait_for_selector('.ibx[data-engine="kernel"]')
    return page, asked
