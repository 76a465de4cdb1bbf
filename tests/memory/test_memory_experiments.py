"""The experiments on digits: their cells, their tables, and what they find at small size."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from ibcore.memory import Pipeline, digits_problem, sweep
from ibcore.memory.experiments import EXPERIMENTS, architecture, pipelines, time
from ibcore.memory.experiments.digits import Digits, Grid, build, grids, run_grid
from ibcore.nets import MLP
from ibcore.runs.registry import experiments

CPU = torch.device("cpu")
OURS = (*pipelines.EXPERIMENTS, *time.EXPERIMENTS, *architecture.EXPERIMENTS)


def run(experiment, tier="smoke"):
    cells = experiment.plan(tier).values()
    return pd.concat([experiment.run_cell(cell, CPU) for cell in cells], ignore_index=True)


def spreads(frame, by, **where):
    """Return the spread of the mean test accuracy over scales, in points, for each group."""
    for name, value in where.items():
        frame = frame[frame[name] == value]
    means = frame.groupby([*by, "weight_scale"]).test_accuracy.mean().unstack()
    return 100 * (means.max(axis=1) - means.min(axis=1))


def test_the_laboratory_lists_its_experiments():
    assert experiments("memory") == EXPERIMENTS
    assert {each.name for each in OURS} <= {each.name for each in EXPERIMENTS}


@pytest.mark.parametrize("experiment", OURS, ids=lambda e: e.name)
def test_every_tier_has_a_plan_and_no_cell_of_smoke_is_large(experiment):
    sizes = [len(experiment.plan(tier)) for tier in ("smoke", "laptop", "paper")]
    assert sizes[0] <= sizes[1] <= sizes[2]
    cells = [*experiment.plan("smoke").values()]
    work = [len(c.pipelines) * len(c.scales) * c.networks * c.steps for c in cells]
    assert sum(work) < 150_000


def columns(frame):
    return list(frame.columns)


@pytest.fixture(scope="module")
def layers():
    return run(pipelines.LAYERS)


@pytest.mark.parametrize("experiment", OURS, ids=lambda e: e.name)
def test_the_tables_of_all_experiments_have_the_same_columns(experiment, layers):
    cell = [*experiment.plan("laptop").values()][-1]
    tiny = replace(cell, steps=2, looks=(0,), networks=2, pipelines=cell.pipelines[:1])
    frame = experiment.run_cell(tiny, CPU)
    assert columns(frame) == columns(layers)
    assert len(frame) == 2 * len(cell.scales) * 2
    assert frame.architecture.eq(cell.net.name).all() and frame.layers.eq(cell.layers).all()


def test_a_cell_is_the_sweep_that_it_describes():
    config = Digits((Pipeline("a"),), scales=(1.0, 4.0), steps=30, looks=(10,), networks=2)
    frame = run_grid(grids(config)[0], CPU)
    net = MLP(64, 10, depth=2, width=64, activation="tanh")
    result = sweep(
        digits_problem(),
        net,
        config.pipelines,
        scales=(1.0, 4.0),
        networks=2,
        steps=30,
        looks=(10,),
    )
    expected = result.measures["test_accuracy"].reshape(-1)
    np.testing.assert_array_equal(frame.test_accuracy, expected)


def test_norms_of_the_nets_have_gains_that_are_not_scaled():
    cells = {c.net.name: c for c in architecture.ARCHITECTURE.plan("laptop").values()}
    for name, norm in (
        ("tanh", None),
        ("ReLU, batch norm", "batch"),
        ("ReLU, layer norm", "layer"),
    ):
        _, net = build(cells[name])
        assert (net.norm, net.affine, net.depth, net.width) == (norm, norm is not None, 2, 64)


def test_pipelines_are_compared_at_equal_flow_time():
    cells = time.FLOW_TIME.plan("laptop").values()
    for cell in cells:
        assert [step * cell.pipelines[0].learning_rate for step in cell.looks] == pytest.approx(
            [30, 90, 300]
        )
        assert cell.steps == cell.looks[-1]
    assert all(isinstance(cell, Grid) for cell in cells)


def test_larger_steps_forget_more_at_equal_flow_time():
    found = spreads(run(time.FLOW_TIME), ["flow_time", "learning_rate"])
    assert (found[:, 0.5] < found[:, 0.1] - 5).all()


def test_hidden_layers_remember_their_scale_and_the_last_one_hardly(layers):
    found = spreads(layers, ["layers"], final=True, pipeline="SGD lr 0.1")
    assert found["head"] + 10 < found["hidden"] < found["all"] - 10


def test_what_is_forgotten_stays_so_after_decay_has_ended():
    frame = run(time.SCHEDULE)
    found = spreads(frame, ["pipeline", "step"])
    assert found["decay ends once forgotten", 600] < 3
    assert found["no decay", 600] > 25
    clock = (
        frame[frame.pipeline == "decay ends once forgotten"].groupby("step").explicit_clock.mean()
    )
    assert clock[300] == clock[600] == pytest.approx(5.4)


def test_adam_forgets_with_batch_norm_and_not_without():
    cells = [
        c
        for c in architecture.ARCHITECTURE.plan("smoke").values()
        if c.pipelines[0].optimizer == "adam"
    ]
    found = spreads(
        pd.concat([run_grid(cell, CPU) for cell in cells]), ["architecture"], final=True
    )
    assert found["ReLU, batch norm"] < 8
    assert found["tanh"] > 15


def standard(chosen, **options):
    options = {"scales": (1.0, 8.0), "networks": 2, "steps": 3000} | options
    net = MLP(64, 10, depth=2, width=64, activation="tanh")
    return sweep(digits_problem(), net, chosen, **options)


@pytest.mark.slow
def test_decay_erases_and_low_rate_sgd_remembers_in_the_standard_setting():
    chosen = (pipelines.SGD_LOW, pipelines.SGD_L2, pipelines.ADAMW)
    result = standard(
        chosen, scales=(0.5, 1.0, 2.0, 4.0, 8.0), steps=4000, looks=range(0, 4000, 500)
    )
    low, decayed, adamw = (pipeline.name for pipeline in chosen)
    assert {result.gate(name) for name in (low, decayed, adamw)} == {"trained"}
    assert result.spread(low) > 30 and result.spread(low, when="selected") > 30
    assert result.spread(decayed) < 3 and result.spread(adamw, when="selected") < 4
    assert result.forgetting_time(low) is None and result.forgetting_time(decayed) is not None


@pytest.fixture(scope="module")
def clock():
    pairs = ((0.03, 0.01), (0.1, 0.003), (0.1, 0.01), (0.3, 0.001), (0.3, 0.003), (0.3, 0.01))
    chosen = [Pipeline(f"{a}, {b}", learning_rate=a, weight_decay=b) for a, b in pairs]
    return standard(chosen, looks=range(0, 3001, 100))


@pytest.mark.slow
def test_spreads_agree_at_equal_clock_better_than_at_equal_steps(clock):
    tau = [[float(p.clock(step)) for step in clock.looks] for p in clock.pipelines]
    tracks = [clock.spreads(p.name) for p in clock.pipelines]
    at_clock = [np.interp(1.8, t, track) for t, track in zip(tau, tracks, strict=True)]
    at_step = [track[clock.looks.index(1000)] for track in tracks]
    assert np.ptp(at_clock) < 0.5 * np.ptp(at_step)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["0.1, 0.01", "0.3, 0.003", "0.3, 0.01"])
def test_the_scale_is_forgotten_at_the_same_clock(clock, name):
    steps = clock.forgetting_time(name)
    assert steps is not None
    assert 2.5 < clock.pipelines[clock.number(name)].clock(steps) < 5


@pytest.mark.slow
def test_smaller_batches_forget_more():
    chosen = [Pipeline(str(b), learning_rate=0.3, batch_size=b) for b in (8, 32, 300)]
    result = standard(chosen, steps=2000)
    assert result.spread("8") + 3 < result.spread("32") < result.spread("300") - 3


@pytest.mark.slow
def test_a_schedule_and_a_longer_run_agree_on_what_decay_does():
    frame = run(time.LONG)
    final = spreads(frame, ["pipeline"], final=True)
    assert final["no decay"] > 25 and final["decay"] < 4
    early = spreads(frame, ["pipeline"], step=300)
    assert final["no decay"] > 0.8 * early["no decay"]
