"""Standard plots: they draw the data they were given, and stand on a page of any color."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from ibcore.plots import caption, curves, gallery, heatmaps, scatter, show
from ibcore.stats import mean_interval

ALT = "A finding that is stated in more than forty characters."
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    [
        {"a": a, "name": name, "panel": panel, "y": offset + a + RNG.normal()}
        for a in (0.5, 1.0, 2.0)
        for offset, name in enumerate(("relu", "tanh"))
        for panel in (3, 6)
        for _ in range(8)
    ]
)


def test_curves_draw_means_and_bootstrap_bands():
    figure = curves(FRAME, x="a", y="y", hue="name", panel="panel", labels={"panel": "depth"})
    assert [axis.get_title() for axis in figure.axes] == ["depth 3", "depth 6"]
    part = FRAME[(FRAME.panel == 6) & (FRAME.name == "tanh")]
    intervals = [mean_interval(group.y) for _, group in part.groupby("a")]
    line = figure.axes[1].lines[1]
    np.testing.assert_allclose(line.get_xdata(), [0.5, 1.0, 2.0])
    np.testing.assert_allclose(line.get_ydata(), [interval.value for interval in intervals])
    band = figure.axes[1].collections[1].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(min(interval.low for interval in intervals))
    assert band.max() == pytest.approx(max(interval.high for interval in intervals))


def test_curves_differ_by_more_than_color_and_are_named_at_their_ends():
    figure = curves(FRAME, x="a", y="y", hue="name", references={"noise": 2.0})
    drawn = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 3]
    assert len({line.get_marker() for line in drawn}) == 2
    names = {text.get_text() for text in figure.axes[0].texts}
    assert names == {"relu", "tanh", "noise"}


def texts(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def widths(svg):
    return float(re.search(r"max-width:([\d.]+)pt", svg)[1])


@pytest.mark.parametrize(
    "figure",
    [
        curves(
            FRAME.replace("relu", "a rather long name"), x="a", y="y", hue="name", panel="panel"
        ),
        curves(FRAME, x="a", y="y", hue="name", references={"noise": 2.0}),
        heatmaps(FRAME, x="panel", y="a", value="y", panel="name", limits=(0, 4)),
        scatter(FRAME, x="a", y=["y", "panel"], hue="name"),
        gallery(torch.rand(2, 4, 5, 5), ["low", "high"], ["one", "two", "three", "four"]),
    ],
    ids=["long names", "short names", "heatmaps", "scatter", "gallery"],
)
def test_a_figure_is_drawn_again_for_a_phone_with_the_same_words(figure):
    shown = show(figure, alt=ALT)
    assert widths(shown.narrow) <= 256 < widths(shown.svg)
    words = {word for word in texts(shown.svg) if not re.match(r"^[\d.\N{MINUS SIGN}]*$", word)}
    assert words
    assert words <= set(texts(shown.narrow))
    page = shown._repr_html_()
    assert page.count("<svg") == 2
    assert page.count('role="img"') == 1


def test_a_figure_of_one_drawing_is_not_hidden_by_the_rule_of_one_that_has_two():
    """The rule stands in the page, and a phone hides all that bear the name of a wide drawing."""
    two = show(curves(FRAME, x="a", y="y", hue="name"), alt=ALT)
    plain, axes = plt.subplots()
    axes.plot([0, 1], [0, 1])
    plt.close(plain)
    one = show(plain, alt=ALT)
    hidden = re.search(r"@container\(width<520px\)\{\.([\w-]+)\{display:none", two._repr_html_())[1]
    assert f'class="{hidden}"' in two.svg
    assert hidden not in one._repr_html_()


def test_what_is_plotted_into_a_figure_afterwards_is_in_both_drawings():
    figure = curves(FRAME, x="a", y="y", hue="name", panel="panel")
    figure.axes[1].plot([0.5, 2.0], [1.0, 2.0], "o", mfc="none", mec="#123456", zorder=5)
    shown = show(figure, alt=ALT)
    assert shown.svg.count("stroke: #123456") == shown.narrow.count("stroke: #123456") > 0


def test_curves_name_the_column_and_the_condition_that_has_one_network_only():
    single = FRAME.drop_duplicates(["name", "a"])
    with pytest.raises(ValueError, match=r"y of the group \('relu', 0\.5\): values holds 1 value"):
        curves(single, x="a", y="y", hue="name")


def test_heatmaps_write_the_mean_into_each_cell():
    figure = heatmaps(FRAME, x="panel", y="a", value="y", panel="name", limits=(0, 4))
    table = FRAME[FRAME.name == "relu"].pivot_table(index="a", columns="panel", values="y")
    expected = {f"{v:.2f}".removeprefix("0") for v in table.to_numpy().flat}
    assert {text.get_text() for text in figure.axes[0].texts} == expected


def test_scatter_draws_each_row_with_a_marker_of_its_group():
    figure = scatter(FRAME, x="a", y=["y", "panel"], hue="name")
    for axis, column in zip(figure.axes, ("y", "panel"), strict=True):
        for points, name in zip(axis.collections, ("relu", "tanh"), strict=True):
            part = FRAME[FRAME.name == name]
            np.testing.assert_allclose(points.get_offsets(), part[["a", column]].to_numpy())
            assert points.get_label() == name
    markers = {str(points.get_paths()[0].vertices) for points in figure.axes[0].collections}
    assert len(markers) == 2


def test_the_gallery_shows_each_function_between_its_own_extremes():
    values = torch.stack([torch.rand(2, 5, 5), 1000 * torch.rand(2, 5, 5)])
    figure = gallery(values, ["low", "high"], ["one", "two"])
    for axis, image in zip(figure.axes, values.flatten(0, 1), strict=True):
        assert axis.images[0].get_clim() == pytest.approx((image.min().item(), image.max().item()))
        np.testing.assert_array_equal(axis.images[0].get_array(), image.mT.numpy())


def test_a_shown_figure_takes_the_ink_of_the_page_and_asks_no_other_host():
    shown = show(curves(FRAME, x="a", y="y", hue="name"), alt=ALT, caption="n = 8", source="toy")
    page = shown._repr_html_()
    assert "currentColor" in page
    assert "#010203" not in page
    assert f'aria-label="{ALT}"' in page
    assert "<figcaption>n = 8</figcaption>" in page
    assert "toy" in page
    assert not re.findall(r'(?:src|href)="(?!#|data:)', page)


def test_ids_are_unique_on_a_page_with_several_figures_and_the_file_is_reproducible():
    figures = [curves(FRAME, x="a", y=y, hue="name") for y in ("y", "panel")]
    first, second = (show(figure, alt=ALT).svg for figure in figures)
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert all(target in ids[0] for target in re.findall(r"url\(#([^)]+)\)", first))
    assert show(curves(FRAME, x="a", y="y", hue="name"), alt=ALT).svg == first


def test_a_short_alt_text_is_refused():
    with pytest.raises(ValueError, match="must state the finding in >= 40 characters, got 'plot'"):
        show(curves(FRAME, x="a", y="y", hue="name"), alt="plot")


def test_a_caption_counts_networks_and_where_there_are_none_seeds():
    origin = {"experiment": "toy.squares", "tier": "smoke", "date": "2026-01-02T03:04"}
    frame = pd.DataFrame({"seed": [3, 4, 5] * 2, "a": [1, 1, 1, 2, 2, 2]})
    frame.attrs["provenance"] = origin
    assert caption(frame).startswith("n = 3 seeds in each condition, 3 to 5; bands")
    frame["network"] = [0, 1, 2, 3, 0, 1]
    assert caption(frame).startswith("n = 4 networks in each condition, seed 3, 4, 5; bands")
