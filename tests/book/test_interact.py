"""In each laboratory one cell that a student can copy: plain sliders around a few lines."""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets
import pytest

ROOT = Path(__file__).resolve().parents[2]
LABS = ("redshift", "metainit", "guidance", "memory")
BEFORE = """
import torch
from ibcore.guidance import cka
from ibcore.memory import effective_scale
from ibcore.redshift import fourier_complexity, sample_functions
"""
NAMES = {"mu", "draw"}  # of the cells above, what a figure is computed from


def sources(lab: str) -> list[str]:
    """Return the code cells of a laboratory's first chapter."""
    notebook = json.loads((ROOT / f"notebooks/{lab}/idea.ipynb").read_text("utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def needed(source: str) -> str:
    """Return what a cell defines of the names that are needed, without what it trains."""
    lines = source.split("\n")
    found = []
    for part in ast.parse("" if "%" in source else source).body:
        own = {node.id for node in ast.walk(part) if isinstance(node, ast.Name)}
        if getattr(part, "name", "") in NAMES or (isinstance(part, ast.Assign) and "mu" in own):
            found += lines[part.lineno - 1 : part.end_lineno]
    return "\n".join(found)


@pytest.mark.parametrize("lab", LABS)
def test_the_sliders_call_the_lines_again_and_the_page_gets_a_still_picture(
    lab: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = sources(lab)
    (cell,) = [source for source in every if "interact(" in source]
    assert len(cell.splitlines()) <= 30
    shown: list[Any] = []
    made: list[Callable[..., Any]] = []
    interact = ipywidgets.interact
    monkeypatch.setattr(ipywidgets, "interact", lambda *a, **o: made.append(interact(*a, **o)))
    space = {"display": shown.append}
    exec("\n".join([BEFORE, *map(needed, every[: every.index(cell)])]), space)
    monkeypatch.setenv("IBCORE_STATIC", "1")
    exec(cell, space)
    assert "<svg" in shown[0]._repr_html_()
    assert not made
    monkeypatch.setenv("IBCORE_STATIC", "0")
    exec(cell, space)
    (figure,) = made
    sliders = [each for each in figure.widget.children if hasattr(each, "step")]  # type: ignore[attr-defined]
    assert len(sliders) >= 2
    calm = figure.widget.result._repr_html_()  # type: ignore[attr-defined]
    for slider in sliders:
        slider.value = slider.max
    assert figure.widget.result._repr_html_() != calm  # type: ignore[attr-defined]
