"""What tests of a figure in a browser share: reading it, and a kernel that answers it."""

from typing import Any

from ibcore.explorers import Explorer, base

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
AT_REST = 1100  # milliseconds: longer than the pause before an announcement

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


def data(page: Any) -> dict[str, str]:
    """Return the numbers that a figure writes on itself."""
    read: dict[str, str] = page.evaluate("() => ({...document.querySelector('.ibx').dataset})")
    return read


def pictures(page: Any) -> list[str]:
    """Return the canvases of a figure."""
    script = "() => [...document.querySelectorAll('.ibx canvas')].map(c => c.toDataURL())"
    drawn: list[str] = page.evaluate(script)
    return drawn


def watch_words(page: Any) -> Any:
    """Note what the live region says from now on; call the result to wait and read it."""
    page.evaluate(
        """() => { const live = document.querySelector('.ibx [aria-live]'); window.said = [];
             new MutationObserver(() => window.said.push(live.textContent))
               .observe(live, {childList: true}); }"""
    )

    def said() -> list[str]:
        page.wait_for_timeout(AT_REST)
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
