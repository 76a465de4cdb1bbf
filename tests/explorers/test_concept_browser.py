"""The explorer of learned concepts in a browser: every control against the frame."""

import numpy as np
import pytest
from hosts import PHONE, data, watch_words
from learner_frames import concept_frame

from ibcore.explorers import ConceptLearner

pytestmark = pytest.mark.browser

SIZES = (0, 1, 5, 10, 15)
CONCEPT = "red, or a triangle"


@pytest.fixture(scope="module")
def frame():
    return concept_frame()


def task_of(frame, p):
    chosen = [frame[name] == p[name] for name in ("architecture", "concept", "order", "support")]
    return frame[np.logical_and.reduce(chosen)].set_index(["method", "budget"])


def assert_shows(page, frame, **p):
    """Compare the objects and the accuracies in the page with those of the frame."""
    page.wait_for_function(
        "p => Object.entries(p).every(([k, v]) => document.querySelector('.ibx').dataset[k] === v)",
        arg={name: str(value) for name, value in p.items()},
    )
    method, budget = p["look"].split()
    task = task_of(frame, p)
    row = task.loc[(method, int(budget))]
    shown = data(page)
    assert float(shown["network"]) == pytest.approx(row.accuracy)
    for name in ("ideal", "memory"):
        assert float(shown[name]) == pytest.approx(task.loc[(name, 0)].accuracy)
    cells = page.locator(".ibx-object").evaluate_all("all => all.map(e => ({...e.dataset}))")
    assert [int(cell["value"]) for cell in cells] == [*row.probabilities]
    seen = {*row.shown[: p["support"]]}
    assert [cell["shown"] == "1" for cell in cells] == [object_ in seen for object_ in range(16)]
    hits = [float(cell["hit"]) for cell in cells]
    assert np.mean(hits) == pytest.approx(row.accuracy)
    counts = [float(text) for text in page.locator(".ibx-tally output").all_inner_texts()]
    looks = [("meta", 0), ("meta", 1), ("meta", 10), ("random", 200), ("ideal", 0), ("memory", 0)]
    assert counts == pytest.approx([16 * task.loc[look].accuracy for look in looks])


def test_every_control_shows_the_beliefs_of_the_frame(visits, frame):
    page = visits.show(ConceptLearner(frame=frame))
    p = {"architecture": "MLP", "concept": CONCEPT, "order": 0, "support": 5, "look": "meta 1"}
    assert_shows(page, frame, **p)
    slider = page.get_by_role("slider", name="Examples")
    slider.press("ArrowRight")
    assert_shows(page, frame, **(p := {**p, "support": 10}))
    page.get_by_role("combobox", name="Architecture").select_option("LSTM")
    assert_shows(page, frame, **(p := {**p, "architecture": "LSTM"}))
    page.get_by_role("combobox", name="Concept").select_option("striped")
    assert_shows(page, frame, **(p := {**p, "concept": "striped"}))
    page.get_by_role("radio", name="after 10 steps").check()
    assert_shows(page, frame, **(p := {**p, "look": "meta 10"}))
    page.get_by_role("radio", name="2", exact=True).check()
    assert_shows(page, frame, **(p := {**p, "order": 1}))
    page.get_by_role("radio", name="random, 200 steps").check()
    slider.press("Home")
    assert_shows(page, frame, **{**p, "look": "random 200", "support": 0})
    page.get_by_role("button", name="Reset").press("Enter")
    start = {"architecture": "MLP", "concept": CONCEPT, "order": 0, "support": 5, "look": "meta 1"}
    assert_shows(page, frame, **start)


def test_lines_are_the_accuracies_over_the_sizes_with_names_at_their_ends(visits, frame):
    page = visits.show(ConceptLearner(frame=frame))
    common = {"architecture": "MLP", "concept": CONCEPT, "order": 0}
    tasks = [task_of(frame, {**common, "support": size}) for size in SIZES]
    for line, look in enumerate([("meta", 1), ("ideal", 0), ("memory", 0)]):
        path = page.locator(f".ibx-frame path.ibx-line-{line}:not(.ibx-band)").get_attribute("d")
        heights = [float(point.split()[1]) for point in path[1:].split("L")]
        expected = [100 * (1.04 - task.loc[look].accuracy) / 1.04 for task in tasks]
        assert heights == pytest.approx(expected, abs=0.011)
    assert page.locator(".ibx-end").all_inner_texts() == ["1 step", "ideal", "memory"]
    tops = page.locator(".ibx-end").evaluate_all("all => all.map(e => parseFloat(e.style.top))")
    assert np.diff(np.sort(tops)).min() >= 9 - 1e-9


def test_objects_are_drawn_and_said_as_their_features_are(visits, frame):
    page = visits.show(ConceptLearner(frame=frame), viewport=PHONE)
    words = page.locator(".ibx-object .ibx-spoken").all_inner_texts()
    assert words[0].startswith("large red square, filled: ")
    assert words[13].startswith("large blue triangle, striped: ")
    classes = page.locator(".ibx-object svg").evaluate_all(
        "all => all.map(e => [e.classList[1], e.querySelectorAll('path').length])"
    )
    assert [entry[0] for entry in classes] == ["ibx-hue-0"] * 8 + ["ibx-hue-1"] * 8
    assert [entry[1] for entry in classes] == [1, 2] * 8  # the striped ones have stripes
    assert page.locator(".ibx-huename").all_inner_texts() == ["red"] * 8 + ["blue"] * 8


def test_a_choice_is_announced_once_and_the_tables_hold_the_frame(visits, frame):
    page = visits.show(ConceptLearner(frame=frame))
    said = watch_words(page)
    page.get_by_text("Table of the numbers").click()
    slider = page.get_by_role("slider", name="Examples")
    slider.press("ArrowRight")
    slider.press("ArrowLeft")
    words = said()
    common = {"architecture": "MLP", "concept": CONCEPT, "order": 0}
    task = task_of(frame, {**common, "support": 5})
    right = 16 * task.loc[("meta", 1)].accuracy
    assert len(words) == 1
    assert (
        f"after 5 examples: the MLP (learned start, after 1 step) is right on {right:g}" in words[0]
    )
    rows = [
        [row.split("\t") for row in part.split("\n")]
        for part in page.locator(".ibx tbody").all_inner_texts()
    ]
    beliefs = [float(row[3].split()[0]) for row in rows[0]]
    assert beliefs == [value / 2 for value in task.loc[("meta", 1)].probabilities]
    assert [float(row[2]) for row in rows[1]] == [
        16 * task_of(frame, {**common, "support": size}).loc[("meta", 1)].accuracy for size in SIZES
    ]
