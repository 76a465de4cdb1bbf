"""The experiments on exact models, small: what their tables say about memory."""

import numpy as np
import pandas as pd
import pytest
import torch

from ibcore.memory.experiments.exact import FEW
from ibcore.runs.experiment import experiments

CPU = torch.device("cpu")
TWO = {**FEW, "seeds": 2}
BY_NAME = {experiment.name: experiment for experiment in experiments("memory")}


def table(name, keep=lambda cell: True, **changes):
    """Return the table of an experiment's smoke cells with changes, wherever the names stand."""
    experiment = BY_NAME[f"memory.{name}"]
    cells = [cell for cell in experiment.plan("smoke").values() if keep(cell)]
    changes["problems"] = TWO
    return pd.concat([experiment.run_cell(changed(cell, changes), CPU) for cell in cells])


def changed(cell, changes):
    return {
        name: changes.get(name, changed(value, changes) if isinstance(value, dict) else value)
        for name, value in cell.items()
    }


@pytest.fixture(scope="module")
def ways():
    return table("diagonal", time=20.0)


def mean(frame, column, **where):
    for name, value in where.items():
        frame = frame[frame[name] == value]
    return frame[column].mean()


def test_each_way_to_train_has_a_row_for_every_scale_and_seed(ways):
    assert ways.groupby("method").size().tolist() == [4] * 5
    assert set(ways["seed"]) == {0, 1}
    assert np.isfinite(ways.drop(columns="method").to_numpy()).all()


def test_shrinkage_is_that_of_decay_times_time_and_grows_with_noise(ways):
    decay = ways[ways["method"] == "flow with decay"]["shrinkage"]
    assert decay.to_numpy() == pytest.approx(np.full(4, 0.03 * 20))
    flow = ways[ways["method"] == "flow"]["shrinkage"]
    assert flow.abs().max() < 1e-12
    noisy, larger, quiet = (
        mean(ways, "shrinkage", method=f"steps{suffix}", weight_scale=0.1)
        for suffix in (" with label noise", " with label noise, batch 5", "")
    )
    assert noisy > 2 * larger > 2 * quiet > 0


def test_every_way_ends_near_the_curve(ways):
    small = ways[ways["weight_scale"] == 0.1]
    assert small["distance_to_curve"].max() < 0.02
    flows = ways[ways["method"].str.startswith("flow")]
    assert flows["distance_to_curve"].max() < 1e-8


def test_decay_for_a_while_is_a_smaller_start():
    frame = table("diagonal-forgetting", time=(0.0, 30.0), weight_scale=(0.3, 1.0))
    assert frame["distance"].max() < 1e-8
    assert frame[frame["time"] == 0]["moved"].max() < 1e-8
    assert frame[frame["time"] == 30]["moved"].min() > 0.01
    assert mean(frame, "effective_scale", time=30.0, weight_scale=1.0) == pytest.approx(
        np.exp(-0.9)
    )


def test_what_decay_erased_stays_erased_and_its_order_leaves_the_scale_alone():
    frame = table("diagonal-schedule", lambda cell: cell["share"] < 1, time=40.0)
    kept = frame["effective_scale"] / frame["effective_scale_switch"]
    assert kept[(frame["when"] == "first").to_numpy()].to_numpy() == pytest.approx(1, abs=0.05)
    first, last = (mean(frame, "effective_scale", share=0.5, when=w) for w in ("first", "last"))
    assert first == pytest.approx(last, rel=0.05)
    assert mean(frame, "excess_risk", share=0.5, when="first") < mean(
        frame, "excess_risk", share=0.0
    )
    flow, steps = (mean(frame, "effective_scale", share=0.0, method=m) for m in ("flow", "steps"))
    assert steps < flow - 1e-3  # the noise of steps on one point each shrinks it


def test_sign_descent_and_descent_each_keep_their_own_balance():
    frame = table("sign-descent", steps=1500, learning_rate=0.01)
    sizes, squares = (
        {m: mean(frame, column, method=m, weight_scale=0.1) for m in set(frame["method"])}
        for column in ("size_balance", "square_balance")
    )
    assert sizes["sign descent"] > 0.85 > sizes["descent"]
    assert squares["descent"] == pytest.approx(1, abs=0.02)
    assert squares["sign descent"] > 2
    assert sizes["sign descent with decay"] < sizes["sign descent"]


@pytest.mark.parametrize("tier", ["smoke", "laptop", "paper"])
@pytest.mark.parametrize("name", BY_NAME)
def test_every_tier_has_a_plan(name, tier):
    assert BY_NAME[name].plan(tier)
