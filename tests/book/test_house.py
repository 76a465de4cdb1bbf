"""The drawing of the house shows the floors that import-linter holds, and is described in words."""

from xml.etree import ElementTree

import draw_house
import pytest

REMEDY = "run `python book/tools/draw_house.py`"


def test_the_picture_is_the_one_that_the_layers_ask_for() -> None:
    assert draw_house.PICTURE.read_text("utf-8") == draw_house.drawing(), REMEDY


def test_the_readme_shows_it_with_its_description() -> None:
    text = (draw_house.ROOT / "README.md").read_text("utf-8")
    shown = f"![{draw_house.alt(draw_house.floors())}](book/_static/house.svg)"
    assert text.count(shown) == 1, REMEDY


def test_every_module_stands_in_the_picture_as_text() -> None:
    texts = ElementTree.fromstring(draw_house.drawing()).findall(".//{*}text")
    names = [each.text for each in texts if each.get("class") == "name"]
    known = [name for floor in draw_house.floors() for name in floor]
    assert sorted(map(str, names)) == sorted([*known, *(name for name, _ in draw_house.PAGES)])
    assert all(0 < float(each.get("x", -1)) < draw_house.WIDTH for each in texts)


def test_a_module_that_nobody_described_is_refused() -> None:
    house = [["plots"], ["redshift", "attic"], ["runs"], ["nets"]]
    with pytest.raises(ValueError, match="attic"):
        draw_house.drawing(house)
