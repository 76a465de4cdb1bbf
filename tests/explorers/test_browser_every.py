"""What every explorer owes its reader: a name, a place, a poster, a phone, the dark."""

import functools
from types import SimpleNamespace

import pytest
from guided_frames import conditions_frame, curves_frame, pictures_frame, unlabeled_frame
from hosts import DESK, PHONE, next_frame
from learner_frames import concept_frame, remainder_frame
from synthesis_frames import DIALS, board_frame, decay_frame

from ibcore.explorers import (
    EXPLORERS,
    ArchitectureGap,
    ClockCollapse,
    ComplexityMap,
    ConceptLearner,
    DiagonalNetwork,
    DigitTraining,
    GuideComparison,
    GuidedStep,
    GuidedTraining,
    ImageSpectrum,
    MetaTraining,
    ModularPlayer,
    RandomNetwork,
    RemainderLearner,
    SimilarityPlayground,
    StepBudget,
    SweepPlayer,
    SynthesisBoard,
    base,
)

pytestmark = pytest.mark.browser

CONTROLS = {
    "ComplexityMap": {
        "combobox": ["Activation"],
        "radio": ["cosine", "plain Fourier"],
        "slider": ["Seed"],
        "button": ["New draw", "Reset"],
        "grid": ["Mean complexity by cell"],
    },
    "ModularPlayer": {
        "slider": ["Prefactor"],
        "combobox": ["Activation"],
        "radio": ["10", "7", "4"],
        "button": ["Play prefactors", "Reset"],
    },
    "ImageSpectrum": {
        "combobox": ["Start from"],
        "slider": ["Cycles", "Brush size"],
        "radio": ["light", "dark"],
        "button": ["Clear", "Invert", "Blur", "Open image\N{HORIZONTAL ELLIPSIS}", "Reset"],
    },
    "DiagonalNetwork": {
        "slider": [
            "Scale \N{GREEK SMALL LETTER ALPHA}",
            "Decay \N{GREEK SMALL LETTER LAMDA}",
            "Time t",
            "Step \N{GREEK SMALL LETTER ETA}",
        ],
        "radio": ["flow", "all", "5", "1"],
        "checkbox": ["Label noise (none in flow)"],
        "button": ["Play time", "Reset"],
    },
    "SweepPlayer": {
        "combobox": ["Pipeline"],
        "slider": ["Initial scale", "Time"],
        "button": ["Play time", "Reset"],
    },
    "ConceptLearner": {
        "slider": ["Examples"],
        "combobox": ["Architecture", "Concept"],
        "radio": ["before", "after 1 step", "after 10 steps", "random, 200 steps", "1", "2"],
        "button": ["Reset"],
    },
    "RemainderLearner": {
        "slider": ["Modulus m"],
        "radio": [
            *("before", "after 1 step", "20", "100", "odd moduli", "moduli 1 to 20"),
            *("binary digits", "circular features"),
        ],
        "button": ["Reset"],
    },
    "ArchitectureGap": {
        "slider": ["Random starts"],
        "combobox": ["Concept"],
        "radio": ["5", "10", "15", "all", "four numbers", "drawings"],
        "button": ["Reset"],
    },
    "StepBudget": {
        "slider": ["Examples", "AdamW"],
        "combobox": ["Architecture", "Concept"],
        "checkbox": ["Best plain descent"],
        "button": ["Reset"],
    },
    "SimilarityPlayground": {
        "slider": ["Rotation", "Scale", "Stretch", "Shear", "Blur", "Noise features", "Points"],
        "button": ["New draw", "Reset"],
    },
    "GuideComparison": {
        "slider": ["Images without labels"],
        "combobox": ["Guided by"],
        "radio": [
            *("all conditions", "images without labels", "accuracy", "loss", "likeness to CNN"),
        ],
        "checkbox": ["Close-up"],
        "button": ["Reset"],
    },
    "GuidedTraining": {
        "slider": ["Step"],
        "combobox": ["Trained with"],
        "radio": [
            *("accuracy", "training", "loss", "untrained CNN", "trained CNN"),
        ],
        "button": ["Play time", "Reset"],
    },
    "DigitTraining": {
        "slider": ["Initial scale", "My seed"],
        "combobox": ["Weight decay"],
        "radio": ["stored", "and mine"],
        "button": ["Reset"],
    },
    "MetaTraining": {
        "slider": ["Inner steps", "My seed"],
        "radio": ["stored", "and mine"],
        "button": ["Reset"],
    },
    "GuidedStep": {
        "slider": ["Guide", "My seed"],
        "radio": ["stored", "and mine"],
        "button": ["Reset"],
    },
    "ClockCollapse": {
        "slider": ["Mark"],
        "combobox": ["Shown"],
        "radio": ["steps", "clock 2\N{GREEK SMALL LETTER ETA}\N{GREEK SMALL LETTER LAMDA}t"],
        "button": ["Reset"],
    },
    "SynthesisBoard": {
        "slider": ["My bet"],
        "combobox": [f"{cell}: {dial}" for dial in DIALS for cell in "AB"],
        "radio": ["bet", "result", "race", "effects"],
        "button": ["Reset"],
    },
}


@pytest.fixture(scope="module")
def figures(modular_frames, sweep_frame):
    """Return a figure of every kind, by the name of its kind."""
    made = [
        ComplexityMap("sine"),
        ModularPlayer(**modular_frames),
        ImageSpectrum("ramp", cycles=1),
        DiagonalNetwork(),
        SweepPlayer(weight_scale=1, frame=sweep_frame),
        ConceptLearner(frame=concept_frame()),
        RemainderLearner(modulus=3, frame=remainder_frame()),
        ArchitectureGap(),
        StepBudget(),
        SimilarityPlayground(),
        GuideComparison(
            shown="unlabeled",
            unlabeled=0,
            frame=conditions_frame(),
            images=unlabeled_frame(),
            pictures=pictures_frame(),
        ),
        GuidedTraining(step=2, frame=curves_frame()),
        DigitTraining(weight_scale=1),
        MetaTraining(),
        GuidedStep(),
        ClockCollapse(frame=decay_frame()),
        SynthesisBoard(frame=board_frame()),
        RandomNetwork(),
    ]
    return {figure.kind: figure for figure in made}


@pytest.fixture(params=CONTROLS, scope="module")
def figure(request, figures):
    """Return one figure after the other."""
    return figures[request.param]


def page_of_all(figures):
    """Return the body of a page that holds a figure of every kind."""
    return "".join(figure.to_html() for figure in figures.values())


@pytest.fixture(scope="module")
def seen(figure, new_visits, tmp_path_factory):
    """Return pages with the figure, for tests that leave what the others look at as it is."""
    visits = new_visits(tmp_path_factory.mktemp("seen"))
    phone = functools.cache(lambda: visits.show(figure, viewport=PHONE))
    desk = functools.cache(lambda: visits.show(figure, color_scheme="dark"))
    yield SimpleNamespace(phone=phone, desk=desk)
    visits.close()


def test_no_explorer_is_left_out(figures):
    assert {*CONTROLS, "RandomNetwork"} == set(EXPLORERS) == set(figures)


HEIGHTS = "() => [...document.querySelectorAll('ib-explorer')].map(e => e.offsetHeight)"


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_nothing_moves_when_figures_appear_or_change(visits, figures, viewport):
    page = visits.open(page_of_all(figures), viewport=viewport)
    before = page.evaluate(HEIGHTS)
    page.add_script_tag(content=base.script())
    ready = f"document.querySelectorAll('.ibx[data-ready=\"1\"]').length === {len(figures)}"
    page.wait_for_function(ready)
    assert page.evaluate(HEIGHTS) == pytest.approx(before, abs=3)
    for radio in page.get_by_role("radio").all():
        radio.check()
        next_frame(page)
        assert page.evaluate(HEIGHTS) == pytest.approx(before, abs=3), radio


def test_controls_have_names_and_pictures_have_descriptions(seen, figure):
    page = seen.desk()
    for role, own in CONTROLS[figure.kind].items():
        names = [*own, "Copy link to this state"] if role == "button" else own
        assert page.get_by_role(role).count() == len(names), role
        for name in names:
            assert page.get_by_role(role, name=name, exact=True).count() == 1, name
    pictures = page.locator(".ibx :is([role=img], [role=application]):visible")
    labels = pictures.evaluate_all("all => all.map(e => e.getAttribute('aria-label'))")
    assert labels
    assert all(label and len(label) > 20 for label in labels)


def test_pictures_are_described_from_the_first_moment(visits, figures):
    watch = """window.first = {}; new MutationObserver(() => {
      for (const box of document.querySelectorAll(".ibx[data-ready='1']")) {
        const pictures = [...box.querySelectorAll(":is([role=img], [role=application])")]
          .filter((e) => e.getClientRects().length);
        const place = [...document.querySelectorAll(".ibx")].indexOf(box);
        window.first[place] ??= pictures.map((e) => e.getAttribute("aria-label"));
      }
    }).observe(document, { subtree: true, childList: true, attributeFilter: ["data-ready"] });"""
    page = visits.open(
        f"{page_of_all(figures)}<script>{base.script()}</script>",
        head=f"<script>{watch}</script>",
    )
    page.wait_for_function(f"Object.keys(window.first).length === {len(figures)}")
    for kind, labels in zip(figures, page.evaluate("Object.values(window.first)"), strict=True):
        assert labels, kind
        assert all(label and len(label) > 20 for label in labels), (kind, labels)


def test_a_phone_needs_no_sideways_scrolling_and_has_large_targets(seen):
    page = seen.phone()
    for folded in page.locator(".ibx summary").all():
        folded.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    targets = page.locator(
        ".ibx :is(button, select, input[type=range], summary, .ibx-choice label, .ibx-open label)"
    )
    heights = targets.evaluate_all("all => all.map(e => e.getBoundingClientRect().height)")
    assert min(heights) >= 44


SCREENS = [(390, 844), (360, 640)]
HEADER = 56  # of the book's pages, in pixels
TOOLS = ["Brush size", "Ink", "Open image\N{HORIZONTAL ELLIPSIS}"]  # change nothing by themselves

# For each control whether, at one place of the page, it can be seen whole together with a picture
# that changes when it is moved.
TOGETHER = """async ([header, tools]) => {
  const PICTURES = ":is([role=img], [role=application], [role=grid], [role=list], " +
    ".ibx-measures, .ibx-objects, .ibx-scores)";
  const frames = async () => {
    for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
  };
  const figure = document.querySelector(".ibx");
  document.documentElement.style.setProperty("--ib-top", `${header}px`);
  figure.querySelector(".ibx-more")?.setAttribute("open", "");
  const visible = (e) => e.getClientRects().length;
  const pictures = () => [...figure.querySelectorAll(PICTURES)].filter(visible);
  const look = (e) => e.outerHTML +
    [e, ...e.querySelectorAll("canvas")].map((c) => c.toDataURL?.()).join();
  const seen = (e) => {
    const { left, right, top, bottom } = e.getBoundingClientRect();
    if (top < header - 1 || bottom > innerHeight + 1) return false;
    const [x, ends] = [(left + right) / 2, [top + 2, bottom - 2]];
    return ends.every((y) => { const at = document.elementFromPoint(x, y);
      return e.contains(at) || at?.contains(e); });
  };
  const move = (box) => {
    const input = box.querySelector("input, select") || box;
    const tell = (...types) => types.forEach((type) => input.dispatchEvent(new Event(type)));
    if (input.type === "range") {
      input.value = input.value === input.max ? input.min : input.max;
      tell("input", "change");
    } else if (input.localName === "select") {
      input.selectedIndex = (input.selectedIndex + 1) % input.options.length;
      tell("change");
    } else if (input.type === "radio") box.querySelector("input:not(:checked)").click();
    else input.click();
  };
  const found = {};
  const boxes = ":is(.ibx-controls, .ibx-own) :is(.ibx-control, .ibx-checks label, button)";
  for (const box of figure.querySelectorAll(boxes)) {
    const name = (box.querySelector("label, span") || box).textContent;
    if (tools.includes(name) || !visible(box)) continue;
    if (box.querySelector(":disabled")) {
      const why = box.querySelector("output, label + span, span + span, small").textContent;
      found[name] = /[a-z]{3}/.test(why) || "does not say why it is disabled";
      continue;
    }
    const together = [];
    for (const block of ["end", "start"]) {
      box.scrollIntoView({ block, behavior: "instant" });
      await frames();
      if (seen(box)) together.push(...pictures().filter(seen).map((e) => pictures().indexOf(e)));
    }
    const before = pictures().map(look);
    move(box);
    await frames();
    const after = pictures().map(look);
    found[name] = together.some((i) => before[i] !== after[i]) ||
      `seen with it: ${together}; moved: ${after.map((text, i) => text !== before[i])}`;
    [...figure.querySelectorAll("button")].find((e) => e.textContent === "Reset").click();
    await frames();
  }
  return found;
}"""


@pytest.mark.parametrize("screen", SCREENS, ids=["390x844", "360x640"])
def test_each_control_is_on_the_screen_of_a_phone_with_what_it_changes(seen, figure, screen):
    page = seen.phone()
    page.set_viewport_size(dict(zip(("width", "height"), screen, strict=True)))
    try:
        found = page.evaluate(TOGETHER, [HEADER, TOOLS])
    finally:
        page.set_viewport_size(PHONE)
    assert len(found) >= 3
    assert {name: why for name, why in found.items() if why is not True} == {}


@pytest.mark.parametrize("screen", SCREENS, ids=["390x844", "360x640"])
def test_a_phone_shows_the_picture_and_two_controls_at_once(seen, screen):
    page = seen.phone()
    page.set_viewport_size(dict(zip(("width", "height"), screen, strict=True)))
    page.locator(".ibx-more").evaluate_all("all => all.forEach((e) => { e.open = false; })")
    shown = page.locator(".ibx-controls > :visible")
    tops = page.locator(".ibx-stage > :first-child").evaluate("e => e.getBoundingClientRect().top")
    last = shown.evaluate_all(
        "all => Math.max(...all.filter((e) => e.localName !== 'details')"
        ".map((e) => e.getBoundingClientRect().bottom))"
    )
    page.set_viewport_size(PHONE)
    folds = page.locator(".ibx-more").count()
    assert shown.count() == 2 + folds
    assert last - tops <= screen[1] - HEADER


def test_a_status_is_not_cut_off_on_a_phone(seen):
    page = seen.phone()
    status = page.locator(".ibx-status")
    assert status.evaluate("e => e.scrollHeight <= e.clientHeight")


def test_dark_mode_changes_paper_and_ink(seen):
    page = seen.desk()
    script = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
    dark = page.locator(".ibx").evaluate(script)
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.wait_for_selector('.ibx[data-dark="0"]')
    light = page.locator(".ibx").evaluate(script)
    assert light[0] != dark[0]
    assert light[1] != dark[1]
    page.evaluate("delete document.documentElement.dataset.theme")
    page.wait_for_selector('.ibx[data-dark="1"]')
    assert page.locator(".ibx").evaluate(script) == dark


def test_everything_that_takes_the_focus_shows_it(seen):
    page = seen.desk()
    page.evaluate("document.activeElement.blur()")
    outlined = """() => { const e = document.activeElement;
      const seen = [e, e.nextElementSibling, e.parentElement].filter(Boolean);
      return Math.max(...seen.map(s => getComputedStyle(s).outlineStyle === 'none' ? 0
        : parseFloat(getComputedStyle(s).outlineWidth))); }"""
    page.keyboard.press("Tab")
    stops = 0
    while page.evaluate("document.activeElement.closest('.ibx') !== null"):
        assert page.evaluate(outlined) >= 2, page.evaluate("document.activeElement.outerHTML")
        page.keyboard.press("Tab")
        stops += 1
    assert stops >= 5


def test_without_a_script_the_posters_are_there(visits, figures):
    page = visits.open(page_of_all(figures), java_script_enabled=False)
    posters = page.locator("ib-explorer img")
    assert posters.count() == len(figures)
    for poster in posters.all():
        assert poster.is_visible()
        assert len(poster.get_attribute("alt")) > 60
    assert "With JavaScript" in page.locator("figcaption").first.inner_text()


def test_a_figure_taken_out_and_put_back_is_alive(seen):
    page = seen.desk()  # the last test of the page
    page.evaluate(
        """async () => { const e = document.querySelector('ib-explorer'), p = e.parentNode;
             e.remove(); await new Promise(done => setTimeout(done, 50)); p.append(e); }"""
    )
    page.wait_for_selector('.ibx[data-ready="1"]')
    drawn = """() => [...document.querySelectorAll('.ibx canvas')].map(c => c.toDataURL())
      .concat([...document.querySelectorAll('.ibx path')].map(p => p.getAttribute('d')))
      .concat([...document.querySelectorAll('.ibx [data-value]')].map(e => e.dataset.value))
      .join()"""
    before = page.evaluate(drawn)
    page.locator(".ibx input[type=range]").first.press("ArrowRight")
    page.wait_for_function(f"old => ({drawn})() !== old", arg=before)


def test_two_figures_of_each_kind_share_a_page(visits, figures):
    again = "".join(figure.to_html(inline_js=True) for figure in figures.values())
    page = visits.open(page_of_all(figures) + again)
    both = 2 * len(figures)
    page.wait_for_function(f"document.querySelectorAll('.ibx[data-ready=\"1\"]').length === {both}")
    ids = page.locator("[id]").evaluate_all("all => all.map(e => e.id)")
    assert len(ids) == len(set(ids))


MOVE_ALL = """(turn) => {
  const pick = (all) => all[turn % all.length];
  const tell = (e) => ["input", "change"].forEach((type) => e.dispatchEvent(new Event(type)));
  for (const figure of document.querySelectorAll(".ibx")) {
    for (const e of figure.querySelectorAll("input[type=range]")) {
      e.value = turn % 2 ? e.max : Math.round(0.4 * e.max);
      tell(e);
    }
    for (const e of figure.querySelectorAll("select")) {
      e.selectedIndex = turn % e.options.length;
      tell(e);
    }
    for (const group of figure.querySelectorAll("[role=radiogroup]"))
      pick([...group.querySelectorAll("input")]).click();
    for (const e of figure.querySelectorAll("[type=checkbox]")) if (turn % 2) e.click();
    const cells = [...figure.querySelectorAll("[role=gridcell]")];
    if (cells.length) cells[(5 * turn) % cells.length].click();
    for (const e of figure.querySelectorAll("button")) if (e.textContent === "New draw") e.click();
  }
}"""
STATES = """() => [...document.querySelectorAll("ib-explorer")].map(({ model }) =>
  Object.entries(model.get("params")).filter(([name]) => name !== "picture"))"""


def every_ready(page, figures):
    """Wait until all figures of a page are drawn."""
    ready = f"document.querySelectorAll('.ibx[data-ready=\"1\"]').length === {len(figures)}"
    page.wait_for_function(ready)


@pytest.mark.parametrize("turn", [1, 2])
def test_a_state_of_every_figure_goes_into_the_address_and_comes_back(visits, figures, turn):
    page = visits.open(f"{page_of_all(figures)}<script>{base.script()}</script>")
    every_ready(page, figures)
    first = page.evaluate(STATES)
    page.evaluate(MOVE_ALL, turn)
    page.wait_for_function("location.hash.includes('?')")
    all_moved = f"(first) => ({STATES})().every((own, i) => `${{own}}` !== `${{first[i]}}`)"
    page.wait_for_function(all_moved, arg=first)
    moved, address = page.evaluate(STATES), page.url
    page.goto("about:blank")
    page.goto(address)
    every_ready(page, figures)
    same = f"(moved) => JSON.stringify(({STATES})()) === JSON.stringify(moved)"
    page.wait_for_function(same, arg=moved)
    assert page.locator(".ibx-notice").all_inner_texts() == [""] * len(figures)


def test_each_value_of_each_control_has_its_own_text_in_the_address(visits, figures):
    page = visits.open(f"<script>{base.script()}</script>")
    again = """(values) => values.map((value) =>
      IBExplorers.addressValue({ values }, IBExplorers.addressText(value)))"""
    quarters = [0.25 * 2 ** (i / 4) for i in range(25)]  # the slider of random networks
    assert page.evaluate(again, quarters) == quarters
    for kind, figure in figures.items():
        for name, values in getattr(figure, "_choices", {}).items():
            if not isinstance(values, base.Bounds):
                assert page.evaluate(again, list(values)) == list(values), (kind, name)
