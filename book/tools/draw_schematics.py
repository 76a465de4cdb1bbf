"""Draw the schematics and write their gallery: ``python book/tools/draw_schematics.py``.

``book/schematics/words.yml`` has their order, captions and descriptions; here each has a function
of its name.  A number in a drawing is a definition, or is computed here or in the chapter.
"""

import math
import os
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from sketch import COLORS, Sheet, motion

from ibcore.memory import woodworth_solution
from ibcore.redshift import sample_functions
from ibcore.runs.store import write_atomically
from ibcore.synthesis.experiments.exact import relative_price, shaped_scale
from ibcore.tasks import modular_addition, sparse_regression

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "book" / "schematics"
GALLERY = ROOT / "book" / "appendices" / "schematics.md"
INTRODUCTION = """# Schematics

All drawings of the book, for slides and handouts. They are licensed like its text and figures,
under [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/): use and change them, and name the
book.
Each file is an SVG of a few kilobytes with a light and a dark dress; its letters are text, and its
title and description say what it shows.
"""


def random_image(activation: str, scale: float, grid: int, seed: int = 0) -> Any:
    """Return the function of a random network as a picture, x2 upward."""
    values = sample_functions(activation, weight_scale=scale, networks=1, grid=grid, seed=seed)[0]
    return values.T.flip(0).numpy()


def levers() -> Sheet:
    sheet = Sheet(262)
    x = np.linspace(0, 1, 101)
    for turns, kind in ((0, "k"), (5, "l d"), (10, "s")):
        wave = 70 - 40 * np.sin(5 * x) + (16 if turns else 0) * np.sin(math.pi * turns * x)
        sheet.path(zip(20 + 300 * x, wave, strict=True), kind)
    for i in range(6):
        sheet.dot(20 + 60 * i, 70 - 40 * math.sin(i))
    sheet.text(170, 158, "which one? four levers decide", "b")
    names = {"architecture": 62, "start": 152, "guide": 216, "training": 292}
    for lab, (name, middle) in zip(COLORS, names.items(), strict=True):
        color = f"--c:var(--ib-{lab},{COLORS[lab][0]})"
        sheet.arrow((middle, 218), (middle, 172), "k", style=color)
        sheet.text(middle, 240, name, "t", style=color)
    return sheet


def spectrum(image: Any) -> tuple[Any, float]:
    """Return amplitudes of waves from slow to fast, and their mean frequency as a share."""
    n = len(image)
    waves = np.cos(math.pi / n * (np.arange(n) + 0.5) * np.arange(n)[:, None])
    waves[0] /= math.sqrt(2)
    amplitude = np.abs(waves @ image @ waves.T)
    radius = np.hypot(*np.mgrid[:n, :n]) / math.hypot(n - 1, n - 1)
    amplitude[0, 0] = 0
    strength = np.histogram(radius, 20, (0, 1), weights=amplitude)[0]
    return strength / strength.max(), float((amplitude * radius).sum() / amplitude.sum())


def random_function() -> Sheet:
    sheet, image = Sheet(280), random_image("tanh", 4.0, 20, 1)
    sheet.network(20, 15, (2, 5, 5, 1), 100, 115)
    sheet.text(70, 152, "random weights")
    sheet.arrow((137, 72), (182, 72), "k", **motion("draw", 0.3))
    sheet.picture(195, 12, image, 6)
    sheet.text(255, 152, "its function")
    strength, mean = spectrum(image)
    for i, height in enumerate(strength):
        tall = 55 * height
        sheet.box(22 + 15 * i, 235 - tall, 11, tall, "v", rx=0, **motion("grow", 1 + i / 10))
    sheet.path([(20, 236), (320, 236)])
    place = 20 + 300 * mean
    sheet.path([(place, 180), (place, 242)], "l d")
    sheet.text(place + 8, 190, "C, the mean frequency", "a b")
    sheet.text(20, 260, "slow waves", "a")
    sheet.text(320, 260, "fast waves", "z")
    return sheet


def three_activations() -> Sheet:
    sheet = Sheet(292)
    for row, scale in enumerate((1.0, 8.0)):
        sheet.text(10, 40 + 132 * row, f"weight scale {scale:g}", "a b")
        for i, name in enumerate(("relu", "tanh", "sine")):
            sheet.picture(10 + 112 * i, 50 + 132 * row, random_image(name, scale, 24, 3), 4)
    for i, name in enumerate(("ReLU", "tanh", "sine")):
        sheet.text(58 + 112 * i, 16, name, "t")
    return sheet


def modulo_stripes() -> Sheet:
    sheet = Sheet(168)
    for i, modulus in enumerate((10, 7, 4)):
        table = np.full((16, 16), math.nan)
        task = modular_addition(modulus, seed=0)
        for (first, second), y in zip(task.train_x.tolist(), task.train_y.tolist(), strict=True):
            table[15 - round(7.5 * (second + 1)), round(7.5 * (first + 1))] = 0.25 + 0.75 * y
        sheet.picture(10 + 112 * i, 28, np.vstack([table, [0.0] + 15 * [math.nan]])[:16], 6)
        sheet.text(58 + 112 * i, 16, f"M = {modulus}", "t")
    sheet.text(10, 152, "wide stripes", "a")
    sheet.text(330, 152, "narrow stripes", "z")
    sheet.arrow((112, 147), (212, 147))
    return sheet


def three_preferences() -> Sheet:
    sheet, x = Sheet(312), np.linspace(0, 1, 121)
    points = (np.arange(8) + 0.5) / 8
    task = partial(lambda k, t: np.cos(math.pi * k * t), 3)
    slope = np.polyval(np.polyfit(points, task(points), 1), x)
    rows = (
        ("simpler than the task: misses", slope),
        ("as complex as the task", task(x)),
        ("far more complex: wrong between", -np.cos(math.pi * 13 * x)),
    )
    for i, (words, curve) in enumerate(rows):
        y = 66 + 104 * i
        sheet.text(20, y - 48, words, "a b")
        if i != 1:
            sheet.path(zip(20 + 300 * x, y - 30 * task(x), strict=True), "s d")
        sheet.path(
            zip(20 + 300 * x, y - 30 * curve, strict=True), "k", **motion("draw", 1.2 * i, 1)
        )
        for t in points:
            sheet.dot(20 + 300 * t, y - 30 * task(t))
    return sheet


def three_rulers() -> Sheet:
    sheet = Sheet(300)
    rows = (
        "cosine: its mirror image, no jump",
        "plain Fourier: a copy, a jump",
        "windowed: fades to its mean",
    )
    x = np.linspace(0, 1, 41)
    for i, words in enumerate(rows):
        y = 84 + 100 * i
        ramp = 0.5 + (x - 0.5) * (np.sin(math.pi * x) ** 2 if i == 2 else 1)
        after = ramp[::-1] if i == 0 else ramp
        sheet.text(20, y - 64, words, "a b")
        sheet.path(zip(20 + 150 * x, y - 50 * ramp, strict=True), "k")
        sheet.path(zip(170 + 150 * x, y - 50 * after, strict=True), "l d")
        sheet.path([(170, y - 56), (170, y + 5)], "s")
    sheet.path([(170, 134), (170, 184)], "k")
    sheet.text(178, 150, "the jump", "t a")
    return sheet


def halving() -> Sheet:
    sheet = Sheet(262)
    sheet.text(10, 16, "points", "a b")
    sheet.text(72, 16, "random functions that fit", "a b")
    for n in range(9):
        y, wide = 28 + 25 * n, 200 * 0.5**n
        sheet.text(30, y + 14, str(n))
        sheet.box(72, y, wide, 17, "v", rx=0, **motion("show", n / 2))
        sheet.text(80 + wide, y + 14, f"1/{2**n}" if n else "all", "a")
    return sheet


def meta_step() -> Sheet:
    sheet, place = Sheet(312), lambda value: 30 + 140 * value
    start, rate, support, query = 0.0, 0.25, 1.0, 2.0
    for row in range(2):
        y, late = 96 + 176 * row, 2.4 * row
        moved = start - rate * 2 * (start - support)
        sheet.text(
            10, y - 72, f"{('before', 'after')[row]}: θ = {start:.3g}, α = {rate:.3g}", "a b"
        )
        sheet.path([(20, y), (330, y)], "s")
        for name, at in (("support", support), ("query", query)):
            sheet.dot(place(at), y, "o", 7)
            sheet.text(place(at), y + 28, f"{name} {at:g}")
        sheet.dot(place(start), y)
        sheet.text(place(start) + 2, y + 28, "start")
        sheet.arrow(
            (place(start), y - 12), (place(moved), y - 12), "k", **motion("draw", late, 0.8)
        )
        sheet.text(place(moved / 2 + start / 2), y - 26, f"to {moved:.4g}", "t")
        sheet.bracket(place(moved), y - 38, place(query) - place(moved))
        loss = (moved - query) ** 2
        sheet.text(328, y - 50, f"query loss {loss:.2f}", "z")
        slope, by_rate = (
            2 * (moved - query) * (1 - 2 * rate),
            -4 * (moved - query) * (start - support),
        )
        if row == 0:
            sheet.arrow((170, 142), (170, 182), **motion("draw", 1.2, 0.8))
            sheet.text(160, 160, "outer step 0.1", "z")
            sheet.text(
                180, 156, f"slopes {slope:.2g} for θ,|{by_rate:.2g} for α".replace("-", "−"), "a"
            )
        start, rate = start - 0.1 * slope, rate - 0.1 * by_rate
    return sheet


def start_and_rates() -> Sheet:
    sheet = Sheet(272)
    sheet.text(50, 18, "start", "b")
    sheet.text(265, 18, "data", "b")
    words = ("hardly differs between tasks", "differs a little", "differs much")
    for i, (spread, name) in enumerate(zip((0.1, 0.5, 2.0), words, strict=True)):
        y, share = 62 + 82 * i, spread**2 / (spread**2 + 1 / 2)
        sheet.text(30, y - 20, name, "a")
        sheet.path([(50, y), (265, y)], "s d")
        sheet.arrow((50, y), (50 + 215 * share, y), "k", **motion("draw", i, 0.8))
        sheet.dot(50, y, "f", 6)
        sheet.dot(265, y, "o", 6)
        sheet.text(30, y + 24, f"goes {share:.0%} of the way", "a t")
    return sheet


def gap_and_budget() -> Sheet:
    sheet, x = Sheet(268), np.linspace(0, 1, 61)
    sheet.path([(30, 20), (30, 200), (325, 200)])
    sheet.text(40, 30, "accuracy", "a u")
    heights = []
    for kind, delay in (("k", 0.3), ("l d", 0.45), ("s", 0.6)):
        rise = 1 / (1 + np.exp(-16 * (x - delay))) - 1 / (1 + np.exp(16 * delay))
        heights.append(185 - 125 * rise)
        sheet.path(
            zip(30 + 290 * x, heights[-1], strict=True),
            kind,
            **motion("show" if "d" in kind else "draw", 0, 3),
        )
    sheet.path([(160.5, heights[0][27] + 6), (160.5, heights[2][27] - 6)], "k")
    sheet.text(230, 172, "widest gap", "t")
    sheet.text(32, 222, "one step:|all guess", "a")
    sheet.text(325, 222, "many steps:|all have learned", "z")
    return sheet


def alias() -> Sheet:
    sheet = Sheet(290)
    rows = (("saved = model.state_dict()", 0), ("saved = copy.deepcopy(…)", 145))
    for i, (code, y) in enumerate(rows):
        sheet.text(10, y + 18, code, "a n")
        for j, name in enumerate(("saved", "model")):
            sheet.box(10, y + 36 + 50 * j, 76, 34)
            sheet.text(48, y + 58 + 50 * j, name, "b")
            end = y + (78 if i == 0 else 53 + 50 * j) + (j * 12 - 6) * (1 - i)
            sheet.arrow((90, y + 53 + 50 * j), (176, end), "k" if i == 0 else "l")
        if i == 0:
            sheet.box(182, y + 52, 148, 52, "o")
            sheet.text(256, y + 74, "one set of weights,|trained")
        else:
            for j, words in enumerate(("start weights", "trained weights")):
                sheet.box(182, y + 36 + 50 * j, 150, 34, "o")
                sheet.text(257, y + 58 + 50 * j, words)
    return sheet


def fair_split() -> Sheet:
    sheet, ends = Sheet(282), (110, 215, 290)
    rows = ("random start, a rate nobody chose", "random start, a chosen rate", "learned start")
    for i, (words, end) in enumerate(zip(rows, ends, strict=True)):
        sheet.text(20, 20 + 58 * i, words, "a b")
        sheet.box(20, 28 + 58 * i, end - 20, 20, "v" if i == 2 else "g", rx=0)
        sheet.path([(end, 28 + 58 * i), (end, 196)], "s d")
    for left, right in pairwise(ends):
        sheet.bracket(left + 2, 202, right - left - 4)
    sheet.text(162, 226, "choice of|the rate")
    sheet.text(258, 226, "weights|and steps", "t")
    sheet.bracket(ends[0] + 2, 254, ends[2] - ends[0] - 4)
    sheet.text(200, 275, "as reported", "b")
    return sheet


def overshoot() -> Sheet:
    sheet = Sheet(236)
    rows = (("remainders seen", 120, 90), ("larger remainders", 190, 280))
    for i, (words, answer, step) in enumerate(rows):
        y, lift = 62 + 134 * i, 14 + 22 * i
        sheet.text(20, y - 46 - 22 * i, words, "a b")
        sheet.path([(20, y), (330, y)], "s")
        sheet.dot(answer, y, "o", 8)
        sheet.text(answer, y + 28, "answer")
        sheet.dot(30, y)
        sheet.text(30, y + 28, "start")
        sheet.arrow((30, y - lift), (30 + step, y - lift), "k", **motion("draw", 1.5 * i, 1))
        sheet.text(25 + step, y - lift - 9, "whole step", "t z")
    sheet.arrow((30, 182), (170, 182), "l", **motion("draw", 3, 0.8))
    sheet.text(177, 183, "half", "a b")
    return sheet


def guide_wiring() -> Sheet:
    sheet = Sheet(334)
    for x, name, more in ((12, "guide", "frozen"), (208, "target", "learns")):
        sheet.text(x + 60, 18, name, "t")
        sheet.text(x + 60, 36, more)
        for layer in range(3):
            y = 226 - 62 * layer
            sheet.box(x, y, 120, 34, "o" if x > 100 else "w")
            sheet.text(x + 60, y + 22, f"layer {layer + 1}")
            sheet.arrow((x + 60, y + 62), (x + 60, y + 38))
        sheet.arrow((x + 60, 100), (x + 60, 76))
    sheet.text(72, 64, "not used")
    sheet.path("M58 82l28 14m0-14l-28 14", "k")
    sheet.text(268, 64, "task loss", "b")
    for layer in range(3):
        y = 119 + 62 * layer
        sheet.path([(134, y), (206, y)], "k d", **motion("show", 1 + layer, 0.5))
        sheet.text(170, y - 8, "1 − CKA", "t")
        sheet.arrow((332, y - 40), (332, y + 14), "k", **motion("draw", 0.8 + layer, 0.8))
    sheet.text(322, 84, "slope", "t z")
    sheet.box(12, 292, 316, 34)
    sheet.text(170, 314, "the same images, in the same order")
    return sheet


def cka_by_hand() -> Sheet:
    sheet, tables = Sheet(330), []
    for side, features in enumerate(((0, 1, 2), (0, 0, 3))):
        x = 10 + 175 * side
        sheet.text(x + 72, 18, ("one network", "another")[side], "t")
        sheet.path([(x + 10, 62), (x + 140, 62)], "s")
        for point, value in enumerate(features):
            lift = 18 * (features[:point].count(value))
            sheet.dot(x + 18 + 38 * value, 62 - lift, "f", 6)
        sheet.text(x + 72, 90, "features " + ", ".join(map(str, features)))
        centered = np.array(features) - np.mean(features)
        table = np.outer(centered, centered)
        for i, j in product(range(3), repeat=2):
            strength = abs(table[i, j]) / 8
            place = (x + 12 + 42 * j, 118 + 42 * i)
            sheet.box(*place, 40, 40, "w", rx=0)
            sheet.box(*place, 40, 40, "v", rx=0, fill_opacity=f"{strength:g}")
            sheet.text(place[0] + 20, place[1] + 25, f"{table[i, j] + 0.0:g}".replace("-", "−"))
        tables.append(table)
    sheet.text(170, 108, "who is like whom, centered")
    a, b = tables
    top, left, right = (a * b).sum(), (a * a).sum(), (b * b).sum()
    sheet.text(170, 274, "product of the tables, over their sizes:")
    root = f"{math.sqrt(left):g} · {math.sqrt(right):g}"
    sheet.text(170, 304, f"CKA = {top:g} / ({root}) = {top / math.sqrt(left * right):.2f}", "t")
    return sheet


def paired() -> Sheet:
    sheet = Sheet(262)
    sheet.dot(30, 16, "o", 6)
    sheet.text(42, 21, "unguided", "a")
    sheet.dot(140, 16, "v", 6)
    sheet.text(152, 21, "guided", "a")
    for i, (low, high) in enumerate(((120, 165), (40, 80), (220, 268))):
        y = 66 + 58 * i
        sheet.text(20, y - 16, f"seed {i + 1}: same weights and batches", "a")
        sheet.path([(20, y), (325, y)], "s d")
        sheet.path([(low + 8, y), (high, y)], "k", **motion("draw", 0.5 + i))
        sheet.dot(low, y, "o", 6)
        sheet.dot(high, y, "v", 7)
    sheet.text(20, 226, "accuracy on new images", "a")
    sheet.arrow((224, 221), (325, 221))
    sheet.text(20, 250, "the bars are what is averaged", "a t")
    return sheet


def interaction() -> Sheet:
    sheet = Sheet(276)
    rows = (
        ("guide alone", 110),
        ("regularizer alone", 120),
        ("both, if they added up", 230),
        ("both together", 150),
    )
    for i, (words, wide) in enumerate(rows):
        y = 18 + 58 * i
        sheet.text(20, y, words, "a b")
        sheet.box(20, y + 8, wide, 20, ("v", "g", "w", "v")[i], rx=0)
    sheet.path([(130, 142), (130, 162)], "s d")
    sheet.path([(250, 142), (250, 222)], "s d")
    sheet.arrow((246, 210), (176, 210))
    sheet.text(211, 242, "interaction", "t")
    sheet.text(20, 266, "gain over the unguided network", "a u")
    return sheet


def parallel() -> Sheet:
    sheet, cosine = Sheet(100), 0.0
    stops = {0: "input", 1: "1 layer", 3: "3", 10: "10", 30: "30 layers"}
    for layer in range(31):
        if layer in stops:
            i = list(stops).index(layer)
            x, half = 34 + 64 * i, math.acos(cosine) / 2
            for kind, turn in (("l", -half), ("k", half)):
                end = (x + 46 * math.sin(turn), 62 - 46 * math.cos(turn))
                sheet.arrow((x, 62), end, kind, **motion("show", i))
            sheet.text(x, 88, stops[layer])
        cosine = (math.sqrt(1 - cosine**2) + (math.pi - math.acos(cosine)) * cosine) / math.pi
    return sheet


def schedules() -> Sheet:
    sheet = Sheet(270)
    rows = (
        ("throughout", (0, 1), (0, 1)),
        ("early disconnect", (0, 0.35), (0, 1)),
        ("alignment first", (0, 0.35), (0.35, 1)),
    )
    for i, (words, guide, task) in enumerate(rows):
        y = 18 + 78 * i
        sheet.text(20, y, words, "a b")
        for (start, stop), kind, lower in ((guide, "v", 0), (task, "g", 26)):
            wide = 240 * (stop - start)
            sheet.box(
                80 + 240 * start, y + 8 + lower, wide, 18, kind, rx=0, **motion("show", 2 * start)
            )
        sheet.text(20, y + 22, "guide", "a t")
        sheet.text(20, y + 48, "task", "a")
    sheet.arrow((80, 242), (322, 242))
    sheet.text(320, 262, "steps", "z")
    return sheet


def two_solutions() -> Sheet:
    sheet, task = Sheet(290), sparse_regression(seed=0)
    for i, scale in enumerate((0.1, 3.0)):
        beta = woodworth_solution(task.x, task.y, scale)
        zero = 84 + 140 * i
        sheet.text(20, 20 + 140 * i, f"from α = {scale:g}", "a b")
        sheet.path([(18, zero), (324, zero)], "s")
        for j, (value, truth) in enumerate(
            zip(beta.flatten().tolist(), task.truth.tolist(), strict=True)
        ):
            tall = 44 * abs(value)
            sheet.box(20 + 7.5 * j, zero - tall * (value > 0), 5.5, tall, "v", rx=0)
            if truth:
                sheet.dot(22.8 + 7.5 * j, zero - 44 * truth, "l", 5)
    sheet.text(320, 20, "rings: the truth", "z u")
    return sheet


def balance() -> Sheet:
    sheet = Sheet(322)

    def plane(u: float, v: float) -> tuple[float, float]:
        return 40 + 130 * u, 270 - 130 * v

    sheet.arrow(plane(0, 0), (332, 270))
    sheet.arrow(plane(0, 0), (40, 20))
    sheet.text(328, 292, "u")
    sheet.text(24, 30, "v")
    sheet.path([plane(u, 1 / u) for u in np.linspace(0.54, 2.2, 40)], "l d")
    sheet.text(124, 44, "all fits: u v = y", "a")
    sheet.path([plane(0, 0), plane(1.3, 1.3)], "s d")
    kept = 1.7**2 - 0.15**2
    corner = math.sqrt((kept + math.sqrt(kept**2 + 4)) / 2)
    flow = [plane(math.sqrt(kept + v * v), v) for v in np.linspace(0.15, 1 / corner, 20)]
    sheet.path(flow, "k", **motion("draw", 0.3, 1.5))
    sheet.path([plane(u, 1 / u) for u in np.linspace(corner, 1, 20)], "k", **motion("draw", 2.2, 2))
    sheet.dot(*flow[0], radius=6)
    sheet.dot(*flow[-1], kind="o", radius=6)
    sheet.dot(*plane(1, 1), kind="v", radius=7)
    sheet.text(250, 236, "start", "z")
    sheet.text(284, 222, "flow", "t a")
    sheet.text(238, 150, "decay", "t a")
    sheet.text(216, 100, "u = v", "u a")
    sheet.text(40, 312, "flow keeps u² − v², decay ends it", "a")
    return sheet


def same_draw() -> Sheet:
    sheet = Sheet(312)
    sheet.text(10, 18, "one draw of weights, at five scales", "a b")
    for i, (scale, height) in enumerate(zip((0.5, 1, 2, 4, 8), (0, 0, 6, 34, 88), strict=True)):
        x = 38 + 62 * i
        sheet.dot(x, 62, "o", 6 + 2.6 * scale)
        sheet.text(x, 112, f"× {scale:g}")
        sheet.path(f"M{x - 8} 164l6 7 11 -14", "k")
        sheet.dot(x, 216 + height, "v", 6)
    sheet.text(10, 144, "all fit their training digits", "a b")
    sheet.text(10, 196, "accuracy on new digits", "a b")
    sheet.path([(38, 216), (322, 216)], "s d")
    sheet.bracket(312, 216, 88, down=True)
    sheet.text(302, 270, "spread", "z t")
    return sheet


def clock() -> Sheet:
    sheet, scales = Sheet(300), (8, 4, 2)

    def plot(reading: float, size: float) -> tuple[float, float]:
        return 44 + 58 * reading, 210 - 52 * math.log2(size)

    sheet.path([(44, 30), (44, 240), (330, 240)])
    sheet.path([(44, 210), (330, 210)], "s d")
    for scale in scales:
        done = 2 * math.log(scale)
        sheet.path([plot(0, scale), plot(done, 1)], "k", **motion("draw", 0.3, done))
        sheet.dot(*plot(done, 1), kind="o")
        sheet.text(38, plot(0, scale)[1] + 5, str(scale), "z")
        sheet.text(plot(done, 1)[0], 260, f"{done:.1f}")
    sheet.text(38, 215, "1", "z")
    sheet.text(10, 18, "size of a weight", "a b")
    sheet.text(330, 286, "reading of the clock, τ = 2 η λ t", "z b")
    sheet.dial(276, 76, 40, 0.35, **motion("turn", 0.3, 4.2))
    return sheet


def norm_is_rate() -> Sheet:
    sheet = Sheet(242)
    for i, (length, step) in enumerate(((120, 60), (240, 30))):
        y = 98 + 112 * i
        sheet.text(
            20,
            20 + 112 * i,
            ("length 1: a wide turn", "length 2: a quarter of the turn")[i],
            "a b",
        )
        sheet.arrow((30, y), (30 + length, y))
        sheet.arrow((30 + length, y), (30 + length, y - step), "k", **motion("draw", 0.5 + i))
        sheet.path([(30, y), (30 + length, y - step)], "l d")
        way, r = math.atan2(step, length), 46
        arc = [(30 + r * math.cos(t), y - r * math.sin(t)) for t in np.linspace(0, way, 9)]
        sheet.path(arc, "k")
        sheet.text(38 + length, y - step / 2 + 5, "step", "t a")
        sheet.text(16, y + 5, "w")
    return sheet


def size_then_direction() -> Sheet:
    sheet = Sheet(208)
    sheet.arrow((30, 150), (316, 150))
    sheet.text(322, 174, "start: size and direction", "z")
    back = [(316 - 2 * i, 136 - 6 * (i / 100) ** 2) for i in range(101)]
    turn = [(116 - 52 * math.sin(t), 78 + 52 * math.cos(t)) for t in np.linspace(0, 1.5, 30)]
    sheet.path(back, "k", **motion("draw", 0.3, 2))
    sheet.path(turn, "k d", **motion("show", 2.6, 1))
    sheet.dot(116, 130, "v", 7)
    sheet.text(126, 88, "1: the size has gone,|the accuracy is back", "t a")
    sheet.dot(*turn[-1], kind="o", radius=7)
    sheet.text(20, 20, "2: the direction goes later", "a b")
    sheet.dot(30, 150)
    sheet.text(20, 198, "colored: the path of the weights", "a u")
    return sheet


def lab_redshift() -> Sheet:
    sheet = Sheet(72, 120)
    sheet.network(6, 6, (2, 3, 1), 36, 60)
    sheet.picture(54, 6, random_image("tanh", 4.0, 12, 1), 5)
    return sheet


def lab_metainit() -> Sheet:
    sheet = Sheet(72, 120)
    for end in ((108, 12), (112, 38), (94, 62)):
        sheet.arrow((30, 38), (30 + 0.7 * (end[0] - 30), 38 + 0.7 * (end[1] - 38)), "k")
        sheet.dot(*end, kind="o", radius=6)
    sheet.dot(30, 38, radius=7)
    return sheet


def lab_guidance() -> Sheet:
    sheet = Sheet(72, 120)
    for layer in range(3):
        sheet.box(6, 6 + 22 * layer, 36, 15)
        sheet.box(78, 6 + 22 * layer, 36, 15, "o")
        sheet.path([(44, 13.5 + 22 * layer), (76, 13.5 + 22 * layer)], "k d")
    return sheet


def lab_memory() -> Sheet:
    sheet, x = Sheet(72, 120), np.linspace(0, 1, 25)
    sheet.path([(6, 60), (114, 60)], "s d")
    for size in (52, 36, 18):
        sheet.path(zip(8 + 106 * x, 60 - size * np.exp(-3 * x), strict=True), "k")
        sheet.dot(8, 60 - size)
    return sheet


def lab_synthesis() -> Sheet:
    sheet = Sheet(72, 120)
    for i, (lab, turn) in enumerate(zip(COLORS, (0.1, 0.3, 0.6, 0.85), strict=True)):
        sheet.dial(18 + 28 * i, 20, 12, turn, style=f"--c:var(--ib-{lab},{COLORS[lab][0]})")
        sheet.path([(18 + 28 * i, 33), (18 + 28 * i, 46)], "s")
    sheet.box(6, 46, 108, 20)
    return sheet


def four_dials() -> Sheet:
    sheet = Sheet(272)
    dials = {"architecture": "complexity", "start": "few steps", "guide": "likeness"}
    dials["training"] = "clock"
    for i, (lab, (dial, gauge)) in enumerate(zip(COLORS, dials.items(), strict=True)):
        x, color = (58, 142, 212, 292)[i], f"--c:var(--ib-{lab},{COLORS[lab][0]})"
        sheet.text(x, 18, dial, "t", style=color)
        sheet.dial(x, 56, 26, (0.1, 0.3, 0.6, 0.85)[i], style=color)
        sheet.arrow((x, 86), (x, 112))
        sheet.arrow((x, 150), (x, 178))
        sheet.box(x - 30, 184, 60, 14, rx=0)
        sheet.box(x - 30, 184, (22, 40, 46, 30)[i], 14, "v", rx=0, style=color)
        sheet.text(x, 220 + 20 * (i % 2), gauge, "t", style=color)
    sheet.box(12, 116, 316, 30)
    sheet.text(170, 136, "one network, fifty labels")
    sheet.text(170, 266, "four gauges read the trained network", "u")
    return sheet


def four_reasons() -> Sheet:
    sheet = Sheet(246)
    names = ("twice the same", "eraser", "lock", "key")
    for i, name in enumerate(names):
        x, y = 10 + 172 * (i % 2), 18 + 124 * (i // 2)
        sheet.text(x, y, name, "a b")
        if name == "twice the same":
            sheet.box(x, y + 20, 96, 26, "g", rx=0)
            sheet.box(x + 48, y + 34, 96, 26, "v", rx=0, style="fill-opacity:.75")
        elif name == "eraser":
            sheet.path(f"M{x} {y + 26}h120v28h-120z", "l d")
            sheet.box(x, y + 26, 36, 28, "v", rx=0)
            sheet.arrow((x + 116, y + 40), (x + 46, y + 40))
        else:
            gap = 14 * (name == "key")
            sheet.arrow((x, y + 40), (x + (130 if gap else 62), y + 40), "k")
            for top, bottom in ((14, 40 - gap), (40 + gap, 68)):
                sheet.path([(x + 70, y + top), (x + 70, y + bottom)], "l")
        sheet.text(x, y + 88, ("both bring it", "one undoes it", "nothing gets in",
                               "one lets it in")[i], "a u")  # fmt: skip
    return sheet


def two_pulls() -> Sheet:
    sheet = Sheet(214)
    zero, start, now = (40, 170), (290, 150), (170, 60)
    sheet.path([zero, start], "s d")
    sheet.arrow(now, (66, 151), "k", **motion("draw", 0.3))
    sheet.arrow(now, (264, 133), "l", **motion("draw", 0.3))
    for place in (zero, start):
        sheet.dot(*place)
    sheet.dot(*now, kind="o")
    sheet.text(170, 42, "the weights after a while", "b")
    sheet.text(62, 88, "decay|to zero", "t")
    sheet.text(262, 82, "decay to|the start")
    sheet.text(10, 200, "zero, prior gone", "a")
    sheet.text(332, 182, "start, prior kept", "z")
    return sheet


def size_and_shape() -> Sheet:
    sheet, ratio = Sheet(250), 3.0
    sheet.text(10, 18, "inside and outside the family", "a b")
    for i, clock in enumerate((1.0, 2.0, 4.0)):
        x, scale = 20 + 112 * i, shaped_scale(ratio, clock)
        for side, kind in ((0, "v"), (-1, "g")):
            tall = 190 * float(scale[side])
            sheet.box(x + (36 if side else 0), 160 - tall, 28, tall, kind, rx=0)
        sheet.path([(x - 6, 160), (x + 74, 160)])
        sheet.text(x + 32, 180, f"clock {clock:g}")
        sheet.text(x + 32, 202, "ratio 3", "t")
        sheet.text(x + 32, 224, f"price {relative_price(scale):.1f}", "b")
    sheet.text(10, 246, "price: outside for one unit, beside inside", "a u")
    return sheet


def what_is_left() -> Sheet:
    sheet, half = Sheet(396), 2 * math.log(2)
    sheet.text(10, 18, "what was put in", "a b")
    levers = {"redshift": "architecture", "metainit": "start", "guidance": "guide"}
    for i, (lab, name) in enumerate(levers.items()):
        color = f"--c:var(--ib-{lab},{COLORS[lab][0]})"
        sheet.text(64 + 106 * i, 44, name, "t", style=color)
        sheet.arrow((64 + 106 * i, 52), (64 + 106 * i, 82), "k", style=color)
    sheet.box(20, 86, 300, 30)
    sheet.text(170, 106, "the weights")
    sheet.text(10, 152, "× what the clock leaves of it", "a b")
    sheet.dial(58, 214, 38, half / 6, **motion("turn", 0.3, 2))
    clock = np.linspace(0, 6, 61)

    def plot(reading: Any, share: Any) -> Any:
        return 124 + 34 * reading, 256 - 86 * share

    sheet.path([(124, 164), (124, 256), (332, 256)])
    sheet.path(zip(*plot(clock, np.exp(-clock / 2)), strict=True), "k", **motion("draw", 0.3, 2))
    sheet.path([plot(0, 0.5), plot(half, 0.5), plot(half, 0)], "l d")
    sheet.dot(*plot(half, 0.5))
    sheet.text(plot(half, 0.5)[0] + 10, plot(half, 0.5)[1], "half, at 2 ln 2", "a")
    sheet.text(332, 276, "clock 2 η λ t", "z")
    sheet.text(10, 302, "= which function answers", "a b")
    x = np.linspace(0, 1, 101)
    smooth = 350 - 24 * np.cos(math.pi * x)
    sheet.path(zip(20 + 300 * x, smooth, strict=True), "l d")
    wave = smooth - 16 * np.sin(6 * math.pi * x)
    sheet.path(zip(20 + 300 * x, wave, strict=True), "k", **motion("draw", 2, 1))
    for i in range(7):
        sheet.dot(20 + 50 * i, 350 - 24 * math.cos(math.pi * i / 6))
    sheet.text(10, 392, "dashed: all of it gone", "a")
    return sheet


def words() -> dict[str, dict[str, str]]:
    """Return what is said of each schematic, in the order of the book."""
    found: dict[str, dict[str, str]] = yaml.safe_load((FOLDER / "words.yml").read_text("utf-8"))
    return found


def drawing(name: str, said: dict[str, str]) -> str:
    """Return the file of a schematic; its function here has its name."""
    sheet: Sheet = globals()[name.replace("-", "_")]()
    return sheet.svg(said["lab"], said["caption"], said["shows"])


def shown(name: str, said: dict[str, str], page: str) -> str:
    """Return the line of Markdown that shows a schematic on a page."""
    folder = Path(os.path.relpath(FOLDER, (ROOT / page).parent)).as_posix()
    return f"![{said['caption']}]({folder}/{name}.svg)"


def gallery() -> str:
    """Return the page that shows all schematics."""
    here = GALLERY.relative_to(ROOT).as_posix()
    parts, last = [INTRODUCTION], ""
    for name, said in words().items():
        if said["page"] != last:
            last = said["page"]
            file = f"../../{last}.{'ipynb' if 'notebooks' in last else 'md'}"
            parts.append(f"## [{last.partition('/')[2]}]({file})\n")
        parts.append(f"{shown(name, said, here)}\n\n[{name}.svg](../schematics/{name}.svg)\n")
    return "\n".join(parts)


def main() -> None:
    """Write all files."""
    for name, said in words().items():
        write_atomically(FOLDER / f"{name}.svg", drawing(name, said).encode())
    write_atomically(GALLERY, gallery().encode())


if __name__ == "__main__":
    main()
