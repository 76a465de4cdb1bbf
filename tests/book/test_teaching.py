"""The instructor room: plans that add up, questions, scripts and frames that fit the book."""

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import frames
import freshness
import play_demo
import pytest
import teaching
import templated
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.console import strip_colors
from sphinx.util.docutils import docutils_namespace

TEACH = teaching.TEACH
NOTEBOOKS = freshness.ROOT / "notebooks"
LABORATORIES = ("redshift", "metainit", "guidance", "memory")
SYNTHESIS = ("synthesis/instruments", "synthesis/crossings")
CHAPTERS = tuple(f"{lab}/{part}" for lab in LABORATORIES for part in ("idea", "result", "limits"))
LENGTHS = {"seminar": {90}, "five-days": {150, 180}, "reading-group": {60}}
HEAVIEST = 1_500_000  # bytes of all frames together
DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?![\w])")
SESSIONS = [session for plan in teaching.plans().values() for session in plan]
ONE_PER_LABORATORY = ("redshift-limits", "metainit-limits", "guidance-limits", "memory-result")


def prose(chapter: str) -> str:
    """Return the Markdown of a chapter."""
    cells = json.loads((NOTEBOOKS / f"{chapter}.ipynb").read_text("utf-8"))["cells"]
    return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def exercises(chapter: str, kind: str = "") -> set[int]:
    """Return the numbers of a chapter's exercises, of one kind or of all."""
    found = re.findall(rf"^\*\*(\d+) \({kind}[^)]*\)", prose(chapter), re.MULTILINE)
    return {int(number) for number in found}


def notes(lab: str) -> dict[str, str]:
    """Return the notes on each chapter of a laboratory by the name of the script."""
    parts = re.split(r"^\(teach-(.+)\)=$", (TEACH / f"{lab}.md").read_text("utf-8"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def strange(text: str, said: str) -> list[str]:
    """Return the decimal numbers of a text that no number that was said rounds to."""
    known = [float(number) for number in DECIMAL.findall(said)]
    return [
        number
        for number in DECIMAL.findall(text)
        if not any(abs(each - float(number)) < 0.501 * _last_digit(number) for each in known)
    ]


def _last_digit(number: str) -> float:
    return 10.0 ** -len(number.split(".")[1])


def tree(html: Path, page: str) -> Any:
    """Return a built page."""
    return BeautifulSoup((html / page).read_text("utf-8"), "html.parser")


ALL_NOTES = {
    name: text for lab in (*LABORATORIES, "synthesis") for name, text in notes(lab).items()
}


def minutes(text: str) -> Iterator[tuple[list[tuple[str, int]], int]]:
    """Yield the parts and the stated total of each line such as ``demo 20 · quiz 10 = 30``."""
    for parts, total in re.findall(r"^(.+ \d+(?: · .+ \d+)+) = (\d+)$", text, re.MULTILINE):
        yield teaching.parts({"minutes": parts.split(" · ")}), int(total)


def test_sessions_have_the_length_that_their_plan_promises() -> None:
    for name, lengths in LENGTHS.items():
        assert {session["total"] for session in teaching.plans()[name]} == lengths
    assert sum(session["total"] for session in teaching.plans()["lecture"]) == 90
    assert len(teaching.plans()["seminar"]) == 13


def test_minutes_that_do_not_add_up_are_refused() -> None:
    entry = {"when": "Week 1", "minutes": ["demo 20", "quiz 10"], "total": 40}
    with pytest.raises(ValueError, match="seminar, Week 1: 30 minutes, not 40"):
        teaching.add_up("seminar", entry)


def test_a_field_that_no_plan_has_is_refused_with_its_place() -> None:
    entry = {"when": "Week 1", "minutes": ["demo 20"], "total": 20, "sayy": "no"}
    with pytest.raises(ValueError, match=r"plans, seminar, 0: .*'sayy' was unexpected"):
        templated.checked("plans", {"seminar": [entry]})


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session["when"])
def test_a_session_names_chapters_exercises_and_scripts_that_exist(session: Any) -> None:
    assert set(session.get("chapters", [])) <= {"intro", *CHAPTERS, *SYNTHESIS}
    for chapter, *numbers in map(str.split, session.get("exercises", [])):
        assert set(map(int, numbers)) <= exercises(chapter), chapter
    for name, *steps in map(str.split, session.get("show", [])):
        assert set(map(int, steps)) <= set(range(1, len(teaching.demos()[name]["steps"]) + 1)), name


def test_an_unknown_plan_is_an_error_with_its_line_and_the_one_that_was_meant(
    tmp_path: Path,
) -> None:
    (tmp_path / "conf.py").write_text('extensions = ["myst_parser", "teaching"]\n')
    (tmp_path / "index.md").write_text("# Plans\n\n```{plan} seminr\n```\n")
    warnings, out = StringIO(), tmp_path / "out"
    with docutils_namespace():
        Sphinx(tmp_path, tmp_path, out, out / ".trees", "html", {}, None, warnings).build()
    text = strip_colors(warnings.getvalue())
    assert "index.md:3: ERROR: plan: unknown 'seminr'; did you mean seminar?" in text


def test_seminar_and_week_visit_every_chapter_in_order() -> None:
    for plan in ("seminar", "five-days", "reading-group"):
        visited = [
            each for session in teaching.plans()[plan] for each in session.get("chapters", [])
        ]
        assert tuple(each for each in visited if each != "intro") == (*CHAPTERS, *SYNTHESIS)


def test_every_chapter_has_notes_with_all_their_parts() -> None:
    heads = ["Minutes", "The one idea", "Questions that come", "Misconceptions", "Demonstration"]
    assert list(ALL_NOTES) == [each.replace("/", "-") for each in (*CHAPTERS, *SYNTHESIS)]
    for name, text in ALL_NOTES.items():
        assert re.findall(r"^### (.+)$", text, re.MULTILINE) == heads, name
        assert f"```{{demo}} {name}\n" in text
        assert len(re.findall(r"^- \*.+\?\*", text, re.MULTILINE)) >= 2, name


@pytest.mark.parametrize("chapter", [*CHAPTERS, *SYNTHESIS])
def test_the_instructor_edition_leads_from_a_chapter_to_its_notes(chapter: str) -> None:
    address = teaching.notes_address(f"notebooks/{chapter}")
    assert address is not None
    page, anchor = address
    assert f"({anchor})=" in (freshness.ROOT / f"{page}.md").read_text("utf-8")


def test_minutes_in_the_notes_add_up_and_are_those_of_the_seminar() -> None:
    alone = {
        s["chapters"][0]: s for s in teaching.plans()["seminar"] if len(s.get("chapters", ())) == 1
    }
    for chapter in (*CHAPTERS, *SYNTHESIS):
        [(parts, total)] = minutes(ALL_NOTES[chapter.replace("/", "-")])
        assert sum(each for _, each in parts) == total
        if chapter in alone:
            assert parts == teaching.parts(alone[chapter])


def test_every_open_experiment_has_a_rubric_that_names_it() -> None:
    text = (TEACH / "rubrics.md").read_text("utf-8")
    parts = re.split(r"^\(rubric-(.+)\)=$", text, flags=re.MULTILINE)
    rubrics = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert list(rubrics) == [chapter.replace("/", "-") for chapter in CHAPTERS]
    for chapter in CHAPTERS:
        rubric = rubrics[chapter.replace("/", "-")]
        named = re.search(rf"\(\.\./\.\./notebooks/{chapter}\.ipynb\), exercise (\d+)\.", rubric)
        assert named and {int(named[1])} == exercises(chapter, "open")
        criteria = re.findall(r"^\| (\w+) \|", rubric, re.MULTILINE)[1:]
        assert criteria == ["Prediction", "Experiment", "Control", "Conclusion"]


def test_the_inventory_asks_twenty_questions_four_for_each_topic() -> None:
    topics = Counter(item["topic"] for item in teaching.inventory())
    assert topics == dict.fromkeys(teaching.TOPICS, 4)
    for item in teaching.inventory():
        assert item["chapter"] in CHAPTERS
        assert item["topic"] in (item["chapter"].split("/")[0], "reading")
        assert len({option["option"] for option in item["options"]}) == len(teaching.LETTERS)
        assert item["question"].endswith("?")


def test_no_letter_is_right_much_more_often_than_another() -> None:
    right = Counter(item["right"] for item in teaching.inventory())
    assert set(right) == set(teaching.LETTERS)
    assert max(right.values()) - min(right.values()) <= 2


def test_a_question_with_two_right_options_is_refused() -> None:
    options = [{"option": each, "why": "Because."} for each in "abcd"]
    entry = {"topic": "memory", "chapter": "memory/idea", "question": "?", "options": options}
    with pytest.raises(ValueError, match="inventory, 0, options: Too many items match"):
        templated.checked("inventory", [entry])


@pytest.mark.book
def test_the_page_of_questions_shows_all_of_them_and_no_answer(html: Path) -> None:
    page = tree(html, "book/teach/inventory.html")
    items = [" ".join(item.get_text().split()) for item in page.select("article .ib-item")]
    assert len(items) == len(teaching.inventory())
    for text, item in zip(items, teaching.inventory(), strict=True):
        assert re.findall(r"\b([ABCD])\. ", text) == list(teaching.LETTERS)
        for option in item["options"]:
            assert "misconception" not in option or option["misconception"] not in text
            assert option["why"][:40] not in text


@pytest.mark.book
def test_the_key_answers_every_question_and_names_each_misconception(html: Path) -> None:
    page = tree(html, "book/teach/inventory-key.html")
    items = [" ".join(item.get_text().split()) for item in page.select("article .ib-item")]
    rows = [row.get_text(" ", strip=True).split()[:2] for row in page.select(".ib-narrow tbody tr")]
    for number, item in enumerate(teaching.inventory(), 1):
        assert items[number - 1].startswith(f"{number}: {item['right']}.")
        assert rows[number - 1] == [str(number), item["right"]]
        for option in item["options"]:
            assert option.get("misconception", "") in items[number - 1]


@pytest.mark.book
def test_the_front_page_leads_to_the_instructor_room_and_that_to_every_deck(html: Path) -> None:
    def links(page: str, place: str) -> list[str]:
        return [link["href"] for link in tree(html, page).select(f"{place} a[href]")]

    assert "teach/index.html" in links("book/intro.html", ".ib-paths")
    decks = {f"../../slides/{each.replace('/', '-')}.html" for each in (*CHAPTERS, *SYNTHESIS)}
    assert decks <= set(links("book/teach/index.html", "article"))


def test_every_number_of_a_script_is_one_that_its_figure_says() -> None:
    for demo in teaching.demos().values():
        said = ""
        for number, step in enumerate(demo["steps"], 1):
            said += " ".join([*step["says"], *step["do"].values(), ""])
            told = f"{step.get('alt', '')} {step['tell']}"
            assert strange(told, said) == [], (demo["name"], number)


def test_numbers_in_the_notes_come_from_the_ledger_or_from_the_figure() -> None:
    for name, text in ALL_NOTES.items():
        typed = re.sub(r"\[[^]]*\]\(claim:[^)]*\)|\$[^$]*\$", "", text)
        said = " ".join(part for step in teaching.demos()[name]["steps"] for part in step["says"])
        assert strange(typed, said) == [], name


def test_a_typed_number_that_nothing_says_is_noticed() -> None:
    assert strange("from 0.39 to 0.41", "Complexity 0.407") == ["0.39"]


def test_frames_are_complete_small_and_those_of_the_scripts() -> None:
    assert list(frames.stale_frames(teaching.demos())) == []
    assert sum(path.stat().st_size for path in teaching.FRAMES.iterdir()) < HEAVIEST
    for demo in teaching.demos().values():
        assert sum("alt" in step for step in demo["steps"]) >= 2, demo["name"]


def _drop(folder: Path) -> None:
    (folder / "redshift-idea-1.webp").unlink()


def _replace(folder: Path) -> None:
    shutil.copy(folder / "redshift-idea-2.webp", folder / "redshift-idea-1.webp")


def _add(folder: Path) -> None:
    shutil.copy(folder / "redshift-idea-2.webp", folder / "redshift-idea-9.webp")


@pytest.mark.parametrize("spoil", [_drop, _replace, _add])
def test_a_missing_changed_or_surplus_frame_is_noticed(spoil: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(teaching.FRAMES, tmp_path / "frames"))
    spoil(folder)
    [reason] = frames.stale_frames(teaching.demos(), folder)
    assert "redshift-idea" in reason


@pytest.mark.parametrize(("field", "value"), [("do", {"Depth": "6"}), ("says", ["never said"])])
def test_a_script_that_was_changed_makes_its_frames_stale(field: str, value: Any) -> None:
    demo = teaching.demos()["redshift-idea"]
    first, *rest = demo["steps"]
    changed = demo | {"steps": [first | {field: value}, *rest]}
    [reason] = frames.stale_frames({**teaching.demos(), "redshift-idea": changed})
    assert reason.startswith("redshift-idea, step 1")


def played(browser: Any, site: str, name: str) -> None:
    """Play a script as a lecturer would and compare what the figure says."""
    page = browser.new_page()
    try:
        explorer = play_demo.open_figure(page, site, teaching.demos()[name])
        for number, step in enumerate(teaching.demos()[name]["steps"], 1):
            heard = play_demo.play(explorer, step)
            missing = [fragment for fragment in step["says"] if fragment not in heard]
            assert not missing, f"step {number}: {missing} not in {heard!r}"
    finally:
        page.close()


@pytest.mark.book
@pytest.mark.browser
@pytest.mark.parametrize("name", ONE_PER_LABORATORY)
def test_a_script_can_be_played_and_the_figure_says_what_it_announces(
    browser: Any, site: str, name: str
) -> None:
    played(browser, site, name)


@pytest.mark.slow
@pytest.mark.book
@pytest.mark.browser
@pytest.mark.parametrize("name", sorted(set(teaching.demos()) - set(ONE_PER_LABORATORY)))
def test_every_other_script_can_be_played_too(browser: Any, site: str, name: str) -> None:
    played(browser, site, name)
