"""Tables count independent units, and their numbers are those of the bootstrap."""

import numpy as np
import pandas as pd
import pytest

from ibcore.plots import interval_grid, interval_table
from ibcore.stats import mean_interval

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    [
        {"arm": arm, "rate": rate, "network": network, "trial": trial, "y": RNG.normal()}
        for arm in ("guided", "alone")
        for rate in (0.1, 0.2)
        for network in range(5)
        for trial in range(3)
    ]
)


def units(**where):
    part = FRAME.query(" and ".join(f"{name} == {value!r}" for name, value in where.items()))
    return part.groupby("network").y.mean()


def test_each_row_holds_the_bootstrap_of_units_and_not_of_rows():
    table = interval_table(FRAME[::-1], by=["arm", "rate"], value="y", digits=9)[::-1]
    assert list(table.columns) == ["mean", "low", "high", "n"]
    assert list(table.index) == [("guided", 0.1), ("guided", 0.2), ("alone", 0.1), ("alone", 0.2)]
    found = mean_interval(units(arm="alone", rate=0.1))
    expected = (found.value, found.low, found.high, 5)
    assert tuple(table.loc[("alone", 0.1)]) == pytest.approx(expected, abs=1e-8)


def test_several_columns_may_name_a_unit():
    table = interval_table(FRAME, by="arm", value="y", unit=["network", "trial"])
    assert table.n.tolist() == [15, 15]


def test_percent_and_digits_set_scale_and_decimals():
    plain = interval_table(FRAME, by="arm", value="y")["mean"]
    hundred = interval_table(FRAME, by="arm", value="y", percent=True)["mean"]
    means = FRAME.groupby("arm", sort=False).y.mean()
    assert plain.tolist() == means.round(3).tolist()
    assert hundred.tolist() == (100 * means).round(1).tolist()


def test_a_group_of_one_unit_and_a_missing_number_are_refused_by_name():
    with pytest.raises(ValueError, match="y of the group 'alone': values holds 1 values"):
        interval_table(FRAME.query("arm == 'guided' or network == 0"), by="arm", value="y")
    with pytest.raises(ValueError, match="group 'guided': values holds a value that is not fin"):
        interval_table(FRAME.assign(y=FRAME.y.mask(FRAME.index == 4)), by="arm", value="y")
    with pytest.raises(ValueError, match="no column 'replicate'; it has"):
        interval_table(FRAME, by="arm", value="y", unit="replicate")


def test_a_grid_stands_values_of_a_column_side_by_side():
    grid = interval_grid(FRAME, by="arm", value="y", across="rate", digits=2)
    found = mean_interval(units(arm="guided", rate=0.2))
    assert grid.loc["guided", 0.2] == f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"
    assert grid["n"].tolist() == ["5", "5"]


def test_a_grid_stands_several_columns_side_by_side():
    grid = interval_grid(FRAME.assign(z=1.0), by=["arm", "rate"], value=["z", "y"])
    assert list(grid.columns) == ["z", "y", "n"]
    assert grid.loc[("alone", 0.2), "z"] == "1.000 (1.000 to 1.000)"


def test_a_grid_leaves_a_cell_without_rows_empty_and_tells_unequal_n():
    part = FRAME.query("not (arm == 'alone' and rate == 0.2)")
    part = part.query("not (arm == 'guided' and rate == 0.1 and network == 4)")
    grid = interval_grid(part, by="arm", value="y", across="rate")
    assert grid.loc["alone", 0.2] == ""
    assert grid["n"].tolist() == ["4 to 5", "5"]


@pytest.mark.parametrize("what", [{"value": "y"}, {"value": ["y"], "across": "rate"}])
def test_a_grid_asks_what_shall_stand_side_by_side(what):
    with pytest.raises(ValueError, match="name several values, or one value and the column"):
        interval_grid(FRAME, by="arm", **what)
