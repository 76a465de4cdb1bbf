"""The reader of stored numbers: arrays over the axes of a tidy frame, every combination once."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from ibcore.explorers.stored import fitting, read_parts, read_table


@pytest.fixture
def frame():
    """Return two nets at two steps with three networks each, the rows in no order."""
    rows = [
        {"net": net, "step": step, "network": n, "loss": step + n / 10, "bits": bytes([n, step])}
        for net, step, n in product(("wide", "deep"), (5, 0), range(3))
    ]
    return pd.DataFrame(rows).iloc[[3, *range(3), *range(11, 3, -1)]]


AXES = ("net", "step", "network")


def test_words_stand_as_they_appear_and_numbers_in_their_order(frame):
    table = read_table(frame, AXES, ("loss",), packed={"bits": (np.uint8, 2)})
    assert table.axes == {"net": ["wide", "deep"], "step": [0, 5], "network": [0, 1, 2]}
    assert table.measures["loss"].shape == (2, 2, 3)
    assert table.at("loss", net="deep", step=5).tolist() == pytest.approx([5, 5.1, 5.2])
    assert table.at("bits", step=5, network=2).tolist() == [[2, 5], [2, 5]]


def test_an_order_says_what_is_read_and_leaves_out_the_rest(frame):
    table = read_table(frame, AXES, ("loss",), orders={"step": (5,), "network": (2, 0)})
    assert table.at("loss", net="wide").tolist() == [pytest.approx([5.2, 5])]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="loss"), "^results has no column loss; it has net, step"),
        (lambda f: f[:0], "^results has no rows"),
        (lambda f: f.drop(index=2), "no row for net 'wide', step 5, network 2; .* every combin"),
        (lambda f: pd.concat([f, f[:1]]), "13 rows for 12 combinations of net, step.*keep one"),
        (lambda f: f.assign(seed=range(12)), r"seed \[0, 1, .*one seed; select one"),
        (lambda f: f.assign(bits=b"abc"), "rows of bits must hold 2 values, got 3"),
    ],
)
def test_frames_that_do_not_fit_are_refused(frame, change, message):
    with pytest.raises(ValueError, match=message):
        read_table(
            change(frame.assign(seed=0)),
            AXES,
            ("loss",),
            packed={"bits": (np.uint8, 2)},
            one=("seed",),
            name="results",
        )


def test_parts_share_axes_unless_these_differ_within_a_column(frame):
    some = frame[(frame.net == "wide") | (frame.step == 0)]
    parts = read_parts(some, ("net",), AXES[1:], ("loss",), within={"step": "net"})
    assert parts["wide",].axes["step"] == [0, 5]
    assert parts["deep",].axes["step"] == [0]
    with pytest.raises(ValueError, match=r"frame of net 'deep' has no row for step 5, network 0"):
        read_parts(some, ("net",), AXES[1:], ("loss",))


def test_parts_may_be_absent_only_where_that_is_said(frame):
    some = frame[(frame.net == "wide") | (frame.step == 0)]
    keys = read_parts(some, ("net", "step"), ("network",), ("loss",), sparse=True)
    assert list(keys) == [("wide", 0), ("wide", 5), ("deep", 0)]
    with pytest.raises(ValueError, match="frame of net 'deep', step 5 has no rows"):
        read_parts(some, ("net", "step"), ("network",), ("loss",))


def test_a_text_that_is_too_large_for_a_page_is_refused():
    with pytest.raises(ValueError, match="3 pictures take 4 characters, more than 3; select fewer"):
        fitting("abcd", 3, "3 pictures")
