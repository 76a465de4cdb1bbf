"""The experiments on digits: their cells and their tables; the ledger holds what they find."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch

from ibcore.memory import Pipeline, digits_problem, sweep
from ibcore.memory.experiments import EXPERIMENTS, digits
from ibcore.memory.experiments.digits import build, grids, run_grid
from ibcore.nets import MLP, ResNet
from ibcore.runs import load, read_ledger
from ibcore.runs.experiment import experiments

CPU = torch.device("cpu")
OURS = EXPERIMENTS[4:-2]


def test_the_laboratory_lists_its_experiments():
    assert experiments("memory") == EXPERIMENTS
    assert {each.name for each in OURS} <= {each.name for each in EXPERIMENTS}


@pytest.mark.parametrize("experiment", OURS, ids=lambda e: e.name)
def test_every_tier_has_a_plan_and_no_cell_of_smoke_is_large(experiment):
    sizes = [len(experiment.plan(tier)) for tier in ("smoke", "laptop", "paper")]
    assert sizes[0] <= sizes[1] <= sizes[2]
    cells = [*experiment.plan("smoke").values()]
    work = [len(c["pipelines"]) * len(c["scales"]) * c["networks"] * c["steps"] for c in cells]
    assert sum(work) < 150_000


def test_the_tables_of_all_experiments_have_the_same_columns():
    frames = []
    for experiment in OURS:
        cell = [*experiment.plan("laptop").values()][-1]
        tiny = {"steps": 2, "looks": (0,), "networks": 2, "pipelines": cell["pipelines"][:1]}
        frame = experiment.run_cell({**cell, **tiny}, CPU)
        assert len(frame) == 2 * len(cell["scales"]) * 2, experiment.name
        assert frame.architecture.eq(cell["net"]["name"]).all()
        assert frame.layers.eq(cell["layers"]).all()
        frames.append(frame)
    assert len({tuple(frame.columns) for frame in frames}) == 1


def test_a_cell_is_the_sweep_that_it_describes():
    pipelines = (Pipeline("a"),)
    options = {"scales": (1.0, 4.0), "steps": 30, "looks": (10,), "networks": 2}
    frame = run_grid(grids({"pipelines": pipelines, **options})[0], CPU)
    net = MLP(64, 10, depth=2, width=64, activation="tanh")
    result = sweep(digits_problem(), net, pipelines, **options)
    expected = result.measures["test_accuracy"].reshape(-1)
    np.testing.assert_array_equal(frame.test_accuracy, expected)


def test_pipelines_apart_are_the_same_rows_in_cells_of_their_own():
    config = {"pipelines": (Pipeline("a"), Pipeline("b", weight_decay=0.1)), "looks": (0,)}
    config |= {"scales": (1.0, 4.0), "steps": 3, "networks": 2}
    cells = [grids({**config, "apart": apart}) for apart in (False, True)]
    assert [len(each) for each in cells] == [1, 2]
    together, *apart = (run_grid(cell, CPU) for cell in itertools.chain(*cells))
    for name, part in zip("ab", apart, strict=True):
        whole = together[together.pipeline == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(part.reset_index(drop=True), whole, rtol=1e-5)


def test_the_resnet_has_images_and_scale_1_of_some_layers_is_that_of_all():
    cells = list(digits.RESNET_LAYERS.plan("laptop").values())
    problem, net = build(cells[0])
    assert (type(net), net.depth, net.norm, net.activation) == (ResNet, 9, "batch", "relu")
    assert net(problem.train.x[:2]).shape == (2, 10)
    assert [each["layers"] for each in cells] == ["all", "hidden", "head"]
    assert [each["scales"] for each in cells] == [(1, 16), (16,), (16,)]
    assert len({str({**each, "layers": 0, "scales": 0}) for each in cells}) == 1


def test_norms_of_the_nets_have_gains_that_are_not_scaled():
    cells = {c["net"]["name"]: c for c in digits.ARCHITECTURE.plan("laptop").values()}
    for name, norm in (
        ("tanh", None),
        ("ReLU, batch norm", "batch"),
        ("ReLU, layer norm", "layer"),
    ):
        _, net = build(cells[name])
        assert (net.norm, net.affine, net.depth, net.width) == (norm, norm is not None, 2, 64)


def test_pipelines_are_compared_at_equal_flow_time():
    for cell in digits.FLOW_TIME.plan("laptop").values():
        rate = cell["pipelines"][0].learning_rate
        assert [step * rate for step in cell["looks"]] == pytest.approx([30, 90, 300])
        assert cell["steps"] == cell["looks"][-1]


def test_the_clock_stands_still_once_decay_has_ended():
    (cell,) = digits.SCHEDULE.plan("smoke").values()
    pipeline = next(p for p in cell["pipelines"] if p.name == "decay ends once forgotten")
    assert pipeline.clock(300) == pipeline.clock(600) == pytest.approx(5.4)
    assert pipeline.clock(100) < pipeline.clock(200)


def test_the_rates_that_claims_call_best_are_best_by_validation_and_inside_their_grid():
    frame = load("memory.tuned")
    late = frame[frame.step >= 2700].groupby("pipeline").train_accuracy.min()
    fitted = frame[frame.final & (frame.pipeline.map(late) >= 0.995)]
    scores = fitted.pivot_table(
        index="pipeline", columns="weight_scale", values="validation_accuracy", sort=False
    )
    claims, ends = read_ledger(), ("sgd", "decay", "sam", "adam", "adamw")
    for (family, rest), end in zip(digits.FAMILIES.items(), ends, strict=True):
        best = scores[scores.index.str.startswith(f"{family}, lr")].mean(axis=1).idxmax()
        assert f'"{best}"' in claims[f"memory.tuned-{end}"].measure.text
        grid = digits.RATES[rest.get("optimizer", "sgd")]
        assert grid[0] < float(best.split()[-1]) < grid[-1]
    plain = scores[scores.index.str.startswith("SGD, lr")]
    own = [plain.index[plain[scale] >= plain[scale].max() - 1e-9][-1] for scale in (1.0, 8.0)]
    each = claims["memory.tuned-each"].measure.text
    assert all(f'"{name}", weight_scale={a}' in each for name, a in zip(own, (1, 8), strict=True))
