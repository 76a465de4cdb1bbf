"""Every explorer by keyboard alone: reach each control, see where you are, move it, leave again."""

from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = [pytest.mark.book, pytest.mark.browser]

SENTINELS = """(explorer) => {
  for (const [place, id] of [["beforebegin", "ib-enter"], ["afterend", "ib-leave"]]) {
    document.getElementById(id)?.remove();
    const button = document.createElement("button");
    button.id = id;
    button.textContent = id;
    explorer.insertAdjacentElement(place, button);
  }
  document.getElementById("ib-enter").focus();
}"""

# One stop for each control; a group of radio buttons is one stop, at the button that is chosen.
STOPS = """(explorer) => {
  const all = [...explorer.querySelectorAll(
    "button:enabled, select:enabled, input:enabled, summary, [tabindex='0']")];
  const stops = all.filter((e) => e.getClientRects().length && !(e.type === "radio" && !e.checked));
  stops.forEach((e, index) => (e.dataset.stop = index));
  return stops.length;
}"""

# Where the focus is, and what of it shows: on the element, its label or the box around it.
SHOWN = """() => {
  const e = document.activeElement;
  const channels = (color) => (color.match(/[\\d.]+/g) || []).map(Number);
  const luminance = (color) => channels(color).slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = getComputedStyle(e.closest(".ibx") || document.body).backgroundColor;
  const rings = [e, e.nextElementSibling, e.parentElement].filter(Boolean)
    .map((each) => getComputedStyle(each))
    .filter((s) => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2)
    .map((s) => [luminance(s.outlineColor), luminance(paper)].sort((a, b) => b - a))
    .map(([light, dark]) => (light + 0.05) / (dark + 0.05));
  const name = e.outerHTML.slice(0, 90);
  return { stop: e.dataset.stop ?? e.id, ring: Math.max(0, ...rings), name };
}"""

# Everything an explorer shows.
STATE = """(e) => [...e.querySelectorAll("canvas")].map((c) => c.toDataURL()).join()
  + e.querySelector(".ibx-body").innerHTML
  + [...e.querySelectorAll("input, select")].map((c) => c.value + c.checked).join()"""


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """Return a page on a desk."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    yield opened
    context.close()


def explorers_of(page: Any, address: str) -> list[Any]:
    """Return the explorers of a page, each of them ready."""
    page.goto(address)
    page.wait_for_function(
        "[...document.querySelectorAll('ib-explorer')].every(e => e.dataset.ready === '1')"
    )
    return list(page.query_selector_all("ib-explorer"))


def walk(page: Any, explorer: Any) -> list[dict[str, Any]]:
    """Return where each press of Tab leads, from before the explorer until it is left."""
    page.evaluate(SENTINELS, explorer)
    count = explorer.evaluate(STOPS)
    places = []
    for _ in range(count + 1):
        page.keyboard.press("Tab")
        places.append(page.evaluate(SHOWN))
    return places


def key_for(control: Any) -> str:
    """Return a key that must change something at this control."""
    kind = control.evaluate("e => e.type || e.tagName.toLowerCase()")
    if kind == "range":
        return "ArrowLeft" if control.evaluate("e => e.value === e.max") else "ArrowRight"
    if kind == "select-one":
        last = control.evaluate("e => e.selectedIndex === e.options.length - 1")
        return "ArrowUp" if last else "ArrowDown"
    return {"radio": "ArrowRight", "checkbox": "Space", "submit": "Enter"}.get(kind, "Enter")


def operate(page: Any, explorer: Any, control: Any) -> None:
    """Press a key at a control and wait until something shows; none means a time-out."""
    control.focus()
    before = explorer.evaluate(STATE)
    page.keyboard.press(key_for(control))
    changed = f"([e, old]) => ({STATE})(e) !== old"
    page.wait_for_function(changed, arg=[explorer, before])


def controls_to_operate(explorer: Any) -> list[Any]:
    """Return the controls that choose something: sliders, lists, boxes and radio buttons."""
    found = explorer.query_selector_all(
        "input[type=range]:enabled, select:enabled, input[type=checkbox]:enabled, "
        "input[type=radio]:checked:enabled, summary"
    )
    return [control for control in found if control.is_visible()]


def test_tab_reaches_every_control_of_every_explorer_in_order_and_leaves(
    page: Any, site: str, explorer_page: str
) -> None:
    explorers = explorers_of(page, site + explorer_page)
    assert explorers
    for explorer in explorers:
        places = walk(page, explorer)
        order = [place["stop"] for place in places]
        assert order == [*map(str, range(len(places) - 1)), "ib-leave"]
        assert len(places) > 3
        hidden = [place["name"] for place in places[:-1] if place["ring"] < 3]
        assert not hidden, "the focus does not show"


def test_every_control_of_every_explorer_moves_by_key_and_the_result_is_announced(
    page: Any, site: str, explorer_page: str
) -> None:
    for explorer in explorers_of(page, site + explorer_page):
        live = explorer.query_selector(".ibx [aria-live]")
        before = live.inner_text()
        controls = controls_to_operate(explorer)
        assert controls
        for control in controls:
            operate(page, explorer, control)
        page.wait_for_function("([e, old]) => e.textContent !== old", arg=[live, before])
