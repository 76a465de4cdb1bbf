"""The explorer of learned remainders in a browser: every control against the frame."""

import numpy as np
import pytest
from hosts import data, watch_words
from learner_frames import remainder_frame

from ibcore.explorers import RemainderLearner
from ibcore.tasks import constant_predictor

pytestmark = pytest.mark.browser

MODULI = range(1, 7)


@pytest.fixture(scope="module")
def frame():
    return remainder_frame()


def row_of(frame, p, **other):
    q = {**p, **other}
    names = ("view", "split", "support", "modulus")
    chosen = [frame[name] == q[name] for name in names]
    return frame[np.logical_and.reduce([*chosen, frame.budget == q["steps"]])].iloc[0]


def line(page, chart, index):
    """Return the points of a line: (n, 2) in percent."""
    place = page.locator(f".ibx-{chart} .ibx-frame path.ibx-line-{index}:not(.ibx-band)")
    points = place.get_attribute("d")[1:].split("L")
    return np.array([[float(number) for number in point.split()] for point in points])


def assert_shows(page, frame, **p):
    """Compare answers, errors, examples and shading in the page with the frame."""
    page.wait_for_function(
        "p => Object.entries(p).every(([k, v]) => document.querySelector('.ibx').dataset[k] === v)",
        arg={name: str(value) for name, value in p.items()},
    )
    row, shown = row_of(frame, p), data(page)
    constant = constant_predictor([p["modulus"]]).item()
    assert float(shown["error"]) == pytest.approx(row.error, rel=5e-4)
    assert float(shown["constant"]) == pytest.approx(constant, rel=5e-4)
    assert float(shown["before"]) == pytest.approx(row_of(frame, p, steps=0).error, rel=5e-4)
    assert shown["kind"] == row.moduli
    truth, answers = line(page, "answers", 1)[:, 1], line(page, "answers", 0)[:, 1]
    values = np.arange(100) % p["modulus"]
    flat = line(page, "answers", 2)[0, 1]
    if p["modulus"] > 1:  # the truth and the constant fix the scale of the axis
        scale = (truth[0] - truth[1]) / 1.0
        stored = np.frombuffer(row.outputs, np.float16).astype(float)
        assert np.allclose((truth[0] - answers) / scale, stored, atol=0.051 + 0.02 / scale)
        assert (truth[0] - flat) / scale == pytest.approx(values.mean(), abs=0.02 / scale)
    rug = page.locator(".ibx-rug").get_attribute("d")
    assert rug.count("M") == np.count_nonzero(np.frombuffer(row.shown, np.uint8))
    shades = page.locator(".ibx-errors .ibx-shade").count()
    assert shades == sum(row_of(frame, p, modulus=m).moduli == "test" for m in MODULI)


def test_every_control_shows_the_answers_of_the_frame(visits, frame):
    page = visits.show(RemainderLearner(frame=frame))
    p = {"view": "bits", "split": "interpolation", "support": 20, "modulus": 6, "steps": 1}
    assert_shows(page, frame, **p)
    page.get_by_role("slider", name="Modulus m").press("ArrowLeft")
    assert_shows(page, frame, **(p := {**p, "modulus": 5}))
    page.get_by_role("radio", name="100").check()
    assert_shows(page, frame, **(p := {**p, "support": 100}))
    page.get_by_role("radio", name="circular features").check()
    assert_shows(page, frame, **(p := {**p, "view": "circular"}))
    page.get_by_role("radio", name="moduli 1 to 20").check()
    assert_shows(page, frame, **(p := {**p, "split": "extrapolation"}))
    page.get_by_role("radio", name="before").check()
    assert_shows(page, frame, **{**p, "steps": 0})
    page.get_by_role("button", name="Reset").press("Enter")
    start = {"view": "bits", "split": "interpolation", "support": 20, "modulus": 6, "steps": 1}
    assert_shows(page, frame, **start)


def test_the_errors_are_drawn_over_the_modulus_beside_the_constant(visits, frame):
    page = visits.show(RemainderLearner(frame=frame, split="extrapolation", support=100))
    p = {"view": "bits", "split": "extrapolation", "support": 100}
    after = [row_of(frame, p, modulus=m, steps=1).error for m in MODULI]
    before = [row_of(frame, p, modulus=m, steps=0).error for m in MODULI]
    constants = constant_predictor(MODULI).tolist()[1:]  # at modulus 1 it never errs
    typical = np.sqrt([*frame.error, *constants])
    least, most = typical.min() / 1.1, 1.1 * typical.max()
    for index, errors in enumerate((after, before, constants)):
        drawn = line(page, "errors", index)[:, 1]
        expected = 100 * np.log(most / np.sqrt(errors)) / np.log(most / least)
        assert np.allclose(drawn, expected, atol=0.03)
    assert page.locator(".ibx-errors .ibx-end").all_inner_texts() == [
        "1 step",
        "before",
        "constant",
    ]
    left = page.locator(".ibx-shade").first.evaluate("e => parseFloat(e.style.left)")
    marked = line(page, "errors", 0)[:, 0]
    assert marked[2] < left < marked[3]  # test moduli begin between 3 and 4


def test_the_modulus_is_announced_with_its_kind_and_verdict(visits, frame):
    page = visits.show(RemainderLearner(frame=frame, split="extrapolation", modulus=3))
    said = watch_words(page)
    slider = page.get_by_role("slider", name="Modulus m")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    words = said()
    assert len(words) == 1
    assert "Modulus 5, a test modulus (meta-trained on moduli 1 to 20)" in words[0]
    assert "worse than the best constant" in words[0]
    assert slider.get_attribute("aria-valuetext") == "5, test modulus"


def test_the_tables_hold_answers_and_errors(visits, frame):
    page = visits.show(RemainderLearner(frame=frame))
    page.get_by_text("Table of the numbers").click()
    page.locator(".ibx table").last.wait_for()
    answers, errors = [
        [row.split("\t") for row in part.replace("\N{MINUS SIGN}", "-").split("\n")]
        for part in page.locator(".ibx tbody").all_inner_texts()
    ]
    p = {"view": "bits", "split": "interpolation", "support": 20, "modulus": 6, "steps": 1}
    stored = np.frombuffer(row_of(frame, p).outputs, np.float16)
    assert [float(row[2]) for row in answers] == pytest.approx(stored, abs=0.051)
    assert [int(row[3]) for row in answers] == [*row_of(frame, p).shown]
    expected = [row_of(frame, p, modulus=m).error for m in MODULI]
    assert [float(row[3]) for row in errors] == pytest.approx(expected, abs=0.006)
    assert [row[1] for row in errors] == ["training", "test"] * 3
