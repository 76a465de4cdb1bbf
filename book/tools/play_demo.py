"""Plays the script of a demonstration on a built page, as a lecturer would: with the controls."""

import re
from collections.abc import Mapping
from typing import Any

# Figures wait before they speak, so that a drag is not read out. Nobody drags here.
IMPATIENT = """
const wait = window.setTimeout.bind(window);
window.setTimeout = (call, ms, ...rest) => wait(call, Math.min(ms || 0, 20), ...rest);
"""
LIVE = "[role=status][aria-live]"
# A figure that computes for long may still speak of an earlier state: wait for what is expected.
HEAR = """(figure, wanted) => new Promise(done => {
  const live = figure.querySelector("[role=status][aria-live]");
  const start = performance.now();
  const heard = () => live.textContent.replace(/\\s/g, " "); // no-break spaces as spaces
  let [last, since] = ["", start];
  const look = () => {
    const now = performance.now();
    if (heard() !== last) [last, since] = [heard(), now];
    const said = last && wanted.every(fragment => last.includes(fragment));
    if ((said && now - since > 120) || now - start > 8000) done(last);
    else setTimeout(look, 20);
  };
  look();
})"""


class CannotPlayError(RuntimeError):
    """A step that the page does not allow."""


def open_figure(page: Any, site: str, demo: Mapping[str, Any]) -> Any:
    """Open the page of a demonstration and return its explorer, ready."""
    page.add_init_script(IMPATIENT)
    page.route("**/mathjax/**", lambda route: route.abort())  # formulas take seconds
    page.goto(f"{site}{demo['page']}.html", wait_until="domcontentloaded")
    explorer = page.locator("ib-explorer").nth(demo["number"])
    explorer.scroll_into_view_if_needed()
    ready = "figure => figure.dataset.ready === '1'"
    page.wait_for_function(ready, arg=explorer.element_handle())
    return explorer


def play(explorer: Any, step: Mapping[str, Any]) -> str:
    """Set every control of a step and return what the figure then says.

    Raises
    ------
    CannotPlayError
        If a control or a value is not there, or the figure says nothing.
    """
    explorer.locator(LIVE).evaluate("live => { live.textContent = '' }")
    for label, value in step["do"].items():
        _set(explorer, label, value)
    heard = str(explorer.evaluate(HEAR, step["says"]))
    if not heard:
        raise CannotPlayError(f"{step['do']}: nothing changes, so the figure says nothing")
    return heard


def _set(explorer: Any, label: str, value: str) -> None:
    if label == "press":
        explorer.get_by_role("button", name=value, exact=True).click()
    elif label == "cell":
        _choose_cell(explorer, value)
    elif (group := explorer.get_by_role("radiogroup", name=label, exact=True)).count():
        group.get_by_label(value, exact=True).check()
    else:
        _set_field(explorer, label, value)


def _choose_cell(explorer: Any, place: str) -> None:
    cell = explorer.get_by_role("gridcell", name=re.compile(rf"^{re.escape(place)}:"))
    if not cell.count():
        raise CannotPlayError(f"no cell {place!r}")
    cell.click()


def _set_field(explorer: Any, label: str, value: str) -> None:
    field = explorer.get_by_label(label, exact=True)
    if field.count() != 1:
        raise CannotPlayError(f"{field.count()} controls are called {label!r}")
    kind = field.evaluate("field => field.type")
    if kind == "range":
        _slide(field, label, value)
    elif kind == "checkbox":
        field.set_checked(value == "on")
    else:
        field.select_option(label=value)


def _slide(slider: Any, label: str, value: str) -> None:
    """Move a slider with the arrow keys until it reads the value."""
    slider.focus()
    slider.press("Home")
    for _ in range(int(slider.get_attribute("max")) + 1):
        if slider.get_attribute("aria-valuetext") == value:
            return
        slider.press("ArrowRight")
    raise CannotPlayError(f"slider {label!r} never reads {value!r}")
