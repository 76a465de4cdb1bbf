"""The exercises, tried out: stubs stay open, solutions pass, wrong answers get their hints."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import ibcore
from ibcore.exercises import (
    _GRADING,
    CHAPTERS,
    Choice,
    Exercise,
    Function,
    Law,
    Number,
    Outcome,
    Wrong,
    _exercises_of,
    check,
    exercises,
    find,
    judge,
    try_out,
)

ROOT = Path(__file__).resolve().parents[1]
IN_MEMORY = find("memory.limits.1")


def reveals(message: str, secret: str) -> bool:
    """Say whether a message holds a secret as a word or number of its own."""
    return bool(re.search(rf"(?<![\w.]){re.escape(secret)}(?![\w]|\.\d)", message))


def test_the_stub_runs_and_is_told_that_it_is_open() -> None:
    found = [check(each.id, each.run(each.stub)) for each in exercises()]
    assert not [outcome for outcome in found if outcome.standing != "open" or outcome.passed]


# Networks are trained for seconds; the book's build tries these too, whenever the package changes.
LONG = ("metainit.idea.4", "redshift.result.3")


@pytest.mark.parametrize("long", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_solution_passes(long: bool) -> None:
    tried = [each for each in exercises() if (each.id in LONG) == long]
    found = [repr(check(each.id, each.run(each.solution))) for each in tried]
    assert found == [f"✓ {each.id}: Right." for each in tried]
    assert len(tried) == (len(LONG) if long else len(exercises()) - len(LONG))


def wrong_outcomes() -> Iterator[tuple[Exercise, Wrong, Outcome]]:
    """Yield each listed wrong answer and what is said of it."""
    for exercise in exercises():
        for wrong in exercise.wrong:
            yield exercise, wrong, check(exercise.id, exercise.run(wrong.code))


def test_a_listed_wrong_answer_fails_with_its_own_hint_which_does_not_reveal_the_solution() -> None:
    for exercise, wrong, outcome in wrong_outcomes():
        answer = f"{exercise.id}, {wrong.code!r}"
        assert not outcome.passed, answer
        assert outcome.message == wrong.hint, answer
        revealed = [s for s in exercise.grader.secrets() if reveals(repr(outcome), s)]
        assert not revealed, answer


def test_the_hints_of_an_exercise_differ_and_the_general_one_reveals_nothing() -> None:
    for exercise in exercises():
        assert exercise.grader.secrets(), exercise.id
        revealed = [s for s in exercise.grader.secrets() if reveals(exercise.hint, s)]
        assert not revealed, exercise.id
        hints = [*(wrong.hint for wrong in exercise.wrong), exercise.hint]
        assert len(set(hints)) == len(hints), exercise.id


def test_every_chapter_has_two_exercises_and_a_warm_up() -> None:
    for chapter in CHAPTERS:
        own = [exercise for exercise in exercises() if exercise.chapter == chapter]
        assert len(own) >= 2
        assert "warm-up" in [exercise.kind for exercise in own]
        assert "core" in [exercise.kind for exercise in own]


@pytest.mark.parametrize(
    ("message", "secret", "expected"),
    [
        ("It is 0.12.", "0.12", True),
        ("It is 0.1128.", "0.12", False),
        ("It is 16", "16", True),
        ("It is 0.16", "16", False),
        ("Take 16.5", "16", False),
        ("a gated layer", "gated", True),
    ],
)
def test_the_search_for_secrets_reads_whole_numbers(
    message: str, secret: str, expected: bool
) -> None:
    assert reveals(message, secret) == expected


class Hostile:
    """An object that refuses everything."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name} here")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison here")

    __hash__ = None  # type: ignore[assignment]


ANSWERS: tuple[object, ...] = (
    *(float("nan"), float("inf"), 1e300, -1, 2 + 1j, True, 10**400),
    *("", "a word", [], [1, "x"], [[1], [2, 3]], {}, {"a": 1}, object(), b"\0", Hostile()),
    *(torch.zeros(3, 2), torch.tensor([]), np.array(["x"]), np.zeros((2, 2)), pd.DataFrame()),
    *(pd.DataFrame({"pipeline": ["x"], "change": ["y"]}), int, print, lambda *_: 1 / 0),
    *(lambda *_: "text", lambda: None, lambda *_: torch.zeros(7), lambda *_: (1, None)),
)


def accepts(exercise: Exercise, answer: object) -> str:
    """Return what is wrong with the judgment of a wrong answer: nothing, most of the time."""
    try:
        outcome = check(exercise.id, answer)
    except Exception as error:  # what is asked here: does any answer get so far?
        return repr(error)
    return "" if isinstance(outcome, Outcome) and not outcome.passed else f"got {outcome!r}"


def test_no_answer_whatever_raises_or_passes() -> None:
    found = {
        (exercise.id, number, type(answer).__name__): complaint
        for exercise in exercises()
        for number, answer in enumerate(ANSWERS)
        if (complaint := accepts(exercise, answer))
    }
    assert not found


@pytest.mark.parametrize(
    "answer",
    [16, 16.0, np.float32(16), np.int64(16), torch.tensor(16), torch.tensor([16.0]), [16], 16.05],
    ids=repr,
)
def test_a_number_may_come_in_any_form(answer: object) -> None:
    assert check("memory.limits.1", answer).passed


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ("16", "leave the quotes away"),
        ([16, 16], "One number is expected, and these are 2"),
        (float("nan"), "A finite number is expected"),
        (17, IN_MEMORY.hint),
    ],
)
def test_a_number_that_cannot_be_judged_gets_a_complaint(answer: object, complaint: str) -> None:
    assert complaint in check("memory.limits.1", answer).message


def test_a_choice_outside_the_options_lists_them_all() -> None:
    assert check("redshift.result.3", " Width\n").passed
    message = check("redshift.result.3", "wdth").message
    assert '"width", "depth", "steps"' in message


def test_a_tensor_of_another_shape_is_told_the_shape() -> None:
    message = check("redshift.limits.1", torch.zeros(4)).message
    assert "(2, 2)" in message
    assert "(4,)" in message


def test_a_tensor_with_one_wrong_entry_is_told_which() -> None:
    answer = find("redshift.limits.1").run(find("redshift.limits.1").solution)
    assert isinstance(answer, torch.Tensor)
    answer[1, 0] = 0.4
    assert "entry (1, 0)" in check("redshift.limits.1", answer).message


def test_a_table_may_have_its_key_as_index_and_more_columns() -> None:
    exercise = find("memory.limits.3")
    answer = exercise.run(exercise.solution)
    assert isinstance(answer, pd.DataFrame)
    assert check(exercise.id, answer.set_index("pipeline").assign(note="mine").round(1)).passed
    assert check(exercise.id, pd.concat([answer[:1], answer[:0:-1]])).passed
    assert "no column 'change'" in check(exercise.id, answer.drop(columns="change")).message
    assert "One row is expected" in check(exercise.id, answer[1:]).message
    assert check(exercise.id, answer.assign(change=1.0)).message == exercise.hint


def median_by_counting(image: torch.Tensor) -> float:
    """Return the median frequency by adding coefficients one by one, in plain Python."""
    k = torch.arange(64, dtype=torch.float64)
    cosines = torch.cos(torch.pi / 64 * (k + 0.5) * k[:, None])
    cosines[0] *= 0.5**0.5
    size = (cosines @ image @ cosines.T).abs().tolist()
    ordered = sorted((i**2 + j**2, size[i][j]) for i in range(64) for j in range(64) if i or j)
    total, running = sum(amplitude for _, amplitude in ordered), 0.0
    for square, amplitude in ordered:
        running += amplitude
        if running >= total / 2:
            return float(square**0.5 / (63 * 2**0.5))
    raise AssertionError("the running sum never reached half of the total")


def test_a_function_written_another_way_passes() -> None:
    assert check("redshift.idea.4", median_by_counting).passed
    assert check("memory.result.2", lambda a: [100 * np.ptp(a.mean(1)), 100 * np.ptp(a, 0).mean()])


@pytest.mark.parametrize(
    ("name", "answer", "complaint"),
    [
        ("redshift.idea.4", lambda image: image.abs().mean(), "multiplied by 3"),
        ("redshift.idea.4", lambda _: 0.3, "A single wave has one frequency"),
        ("redshift.idea.4", lambda image: image.nothing, "AttributeError"),
        ("redshift.idea.4", 0.3, "A function is expected, and this is float"),
        ("redshift.result.2", lambda z, y: (z - y).mean() ** 2, "when other networks join"),
        ("redshift.result.2", lambda z, y: 2.0 * z.mean(1).sum() * y.sum(), "must happen across"),
        ("metainit.idea.1", lambda s, sigma, n: 1.0, "does not fall when the noise grows"),
        ("metainit.idea.2", lambda w, y, new, rate: 0.0, "At rate 0 nothing moves"),
        ("metainit.limits.3", lambda validation, test: -1.0, "negative for some tables"),
        ("metainit.limits.3", lambda validation, test: 1.0, "Given the same table twice"),
        ("memory.result.2", lambda a: (9.0, 1.0), "cannot be the larger one"),
        ("memory.result.2", lambda a: (0.0, a[0].mean()), "listed in reverse"),
        ("memory.result.2", lambda a: 1.0, "could not be evaluated"),
    ],
)
def test_a_function_that_breaks_a_law_is_told_which(
    name: str, answer: Callable[..., Any] | float, complaint: str
) -> None:
    assert complaint in check(name, answer).message


def test_a_column_of_a_table_is_read_as_numbers() -> None:
    column = pd.Series([6.0, -2.0, 8.0])
    assert check("metainit.limits.1", column).passed
    assert not check("metainit.limits.1", -column).passed


def test_a_function_may_agree_on_every_input_and_still_break_a_law() -> None:
    law = Law(lambda function: function(-1.0) == -1.0, "The sign is lost.")
    grader = Function(lambda x: x, lambda: [(0.5,), (2.0,)], laws=(law,))
    exercise = broken(grader=grader, wrong=(Wrong("answer = float.__neg__", "Reversed."),) * 2)
    assert judge(exercise, lambda x: +x).passed
    assert judge(exercise, abs).message == "The sign is lost."
    assert judge(exercise, float.__neg__).message == "Reversed."


def test_a_function_that_returns_one_number_for_two_is_wrong() -> None:
    grader = Function(lambda x: (x, x), lambda: [(0.5,), (2.0,)])
    exercise = broken(grader=grader, wrong=(Wrong("answer = lambda x: (x, 0.0)", "Zero."),) * 2)
    assert judge(exercise, lambda x: [x, x]).passed
    assert judge(exercise, lambda x: x).message == exercise.hint


def test_a_function_cannot_spoil_the_inputs_of_the_next() -> None:
    def spoil(accuracy: torch.Tensor) -> tuple[float, float]:
        accuracy.zero_()
        return 0.0, 0.0

    before = check("memory.result.2", spoil)
    exercise = find("memory.result.2")
    assert not before.passed
    assert check(exercise.id, exercise.run(exercise.solution)).passed


def test_a_check_leaves_the_global_random_state_alone() -> None:
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1]
    for name in ("redshift.idea.4", "redshift.limits.1", "redshift.result.2"):
        exercise = find(name)
        check(name, exercise.run(exercise.wrong[0].code))
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)


@pytest.mark.parametrize(
    "name", ["redshift.ideas.1", "redshift.idea.9", "idea.1", "memory.limit.2"]
)
def test_an_unknown_exercise_is_an_error_that_lists_near_ones(name: str) -> None:
    with pytest.raises(ValueError, match=r"unknown exercise .*did you mean \w+\.\w+\.\d"):
        check(name, 1)


def test_the_outcome_is_shown_as_text_and_as_safe_html() -> None:
    outcome = Outcome("a.b.1", "not yet", "<b> & so on")
    assert repr(outcome) == "✗ a.b.1: Not yet. <b> & so on"
    assert "&lt;b&gt; &amp; so on" in outcome._repr_html_()
    assert "Not yet." in outcome._repr_html_()
    assert check("memory.limits.1", ...)._repr_html_().count("○") == 1


def test_the_front_door_offers_the_check_lazily_and_offline() -> None:
    code = (
        "import socket, ibcore\n"
        "def refuse(*a, **k): raise OSError('no network')\n"
        "socket.socket.connect = socket.create_connection = refuse\n"
        "print(repr(ibcore.check('memory.limits.3', ...)), ibcore.check('memory.idea.1', 0.135))"
    )
    run = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Not answered yet." in done.stdout
    assert "Right." in done.stdout
    assert ibcore.check is check


def broken(**changes: Any) -> Exercise:
    """Return an exercise that was spoiled."""
    return replace(IN_MEMORY, **changes)


@pytest.mark.parametrize(
    "spoiled",
    [
        broken(stub="answer = 16"),
        broken(stub="answer = 4"),
        broken(solution="answer = 15"),
        broken(wrong=(*IN_MEMORY.wrong, Wrong("answer = 16", "right, but listed as wrong"))),
        broken(wrong=(*IN_MEMORY.wrong, Wrong("answer = 4.01", "hidden by the first"))),
        broken(wrong=(*IN_MEMORY.wrong, Wrong("answer = 'four'", "unreadable"))),
        broken(grader=Number(4.0)),
    ],
)
def test_the_trial_sees_what_is_broken(spoiled: Exercise) -> None:
    assert try_out(IN_MEMORY).sound
    assert not try_out(spoiled).sound


def test_an_exercise_with_a_bad_id_or_too_few_wrong_answers_is_refused() -> None:
    with pytest.raises(ValueError, match="not of the form"):
        broken(id="memory.limits.one")
    with pytest.raises(ValueError, match="lists 1 wrong answers"):
        broken(wrong=IN_MEMORY.wrong[:1])
    with pytest.raises(ValueError, match="none of the options"):
        Choice("height", options=("width", "depth"))


@pytest.fixture
def chapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the file of the only chapter there is: a copy of that of memory.limits."""
    folder = ROOT / "book" / "exercises"
    path = Path(shutil.copy(folder / "memory.limits.yml", tmp_path))
    monkeypatch.setattr("ibcore.exercises.of_book", lambda _: tmp_path)
    _exercises_of.cache_clear()
    yield path
    _exercises_of.cache_clear()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("memory.limits.2", "memory.limits.1", "ids occur twice: memory.limits.1; rename"),
        ("memory.limits.2", "memory.idea.9", r"memory.idea.9 stands in .*memory\.limits"),
        ("import cache", "import cash", "memory.limits.yml holds no exercises: ImportError"),
        ("\nexercises:", "\nexercise:", "memory.limits.yml holds no exercises: KeyError"),
        ("Number(16.0", "Numbr(16.0", "yml: exercise memory.limits.1 is refused: NameError"),
        (
            "kind: core",
            "kind: hard",
            "limits.3 is refused: .*unknown kind 'hard'; choose one",
        ),
        ("kind: core", "sort: core", "limits.3 is refused: .*unexpected .*'sort'"),
        ("Number(16.0", "Number(1 6.0", "limits.1 is refused: SyntaxError"),
        ("code: answer = 1 / 16", "code: 1", "limits.1 is refused: .*1 is not text; put it"),
        ("title: A learning", "title: 4 #", "limits.1 is refused: .*4 is not text; put it"),
        ("code: answer = 1 / 16", "cod: answer = 1", "limits.1 is refused: .*'cod'"),
        ("- replaces: change =", "- replaces: charge =", "limits.3 is refused: .*stands 0 times"),
    ],
)
def test_a_mistake_in_a_file_is_an_error_that_names_file_and_exercise(
    chapter: Path, old: str, new: str, complaint: str
) -> None:
    text = chapter.read_text("utf-8")
    assert old in text
    chapter.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ValueError, match=complaint):
        find("memory.limits.1")


def test_to_find_an_exercise_only_the_file_of_its_chapter_is_read(chapter: Path) -> None:
    assert [path.name for path in chapter.parent.iterdir()] == ["memory.limits.yml"]
    assert find("memory.limits.1") == IN_MEMORY
    with pytest.raises(ValueError, match=r"memory.idea.yml holds no exercises: FileNotFound"):
        find("memory.idea.1")


def test_every_file_of_exercises_belongs_to_a_chapter() -> None:
    names = {path.name for path in (ROOT / "book" / "exercises").iterdir()}
    assert names == {f"{chapter}.yml" for chapter in CHAPTERS}


def test_the_python_shared_in_a_file_of_exercises_is_clean(tmp_path: Path) -> None:
    for path in (ROOT / "book" / "exercises").iterdir():
        code = yaml.safe_load(path.read_text("utf-8")).get("code", "").strip()
        (tmp_path / f"{path.stem.replace('.', '_')}.py").write_text(f"{code}\n", "utf-8")
    options = [f"builtins={[*_GRADING]}", "lint.isort.known-first-party=['ibcore']"]
    settings = [part for each in (ROOT / "pyproject.toml", *options) for part in ("--config", each)]
    for command in (["check", "--ignore", "D100,F401"], ["format", "--check"]):  # graders import
        run = [sys.executable, "-m", "ruff", *command, *settings, "."]
        done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def cells(exercise: Exercise) -> list[str]:
    """Return the sources of the code cells of the exercise's notebook."""
    notebook = json.loads((ROOT / f"{exercise.notebook}.ipynb").read_text("utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_holds_the_stub_of_the_exercise_once() -> None:
    counts = {each.id: cells(each).count(each.cell(each.stub)) for each in exercises()}
    assert not {name: count for name, count in counts.items() if count != 1}


def test_the_notebooks_check_no_other_exercise() -> None:
    known = {exercise.id for exercise in exercises()}
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        called = re.findall(r"ibcore\.check\(\\\"([^\\\"]+)\\\"", path.read_text("utf-8"))
        assert set(called) <= known, path.name


def test_a_judged_answer_needs_no_registered_exercise() -> None:
    assert judge(broken(id="memory.limits.9"), 16).exercise == "memory.limits.9"
