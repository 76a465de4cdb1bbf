"""Tasks of the synthesis, what training refuses, and predictions that are kept."""

import json
from pathlib import Path

import pytest
import torch
import yaml

from ibcore.nets import MLP
from ibcore.population import Population
from ibcore.runs.ledger import check
from ibcore.synthesis import DigitFamily, train
from ibcore.synthesis.digits import placed, turned
from ibcore.synthesis.experiments.images import draw_network
from ibcore.synthesis.experiments.pairs import LABELED, OBJECTS, draw_tasks, objects
from ibcore.synthesis.experiments.rivals import GRID, TEST, VALIDATION, Rivals, _arms
from ibcore.training import OptimizerConfig

ROOT = Path(__file__).resolve().parents[2]
PREDICTIONS = yaml.safe_load((ROOT / "book/predictions.yml").read_text("utf-8"))
TOGETHER = {"sine-lock": ("sine-learned", "sine-guide")}  # one prediction about two numbers


def test_shares_of_another_number_of_networks_and_a_diverging_training_are_refused() -> None:
    start = Population.sample(MLP(2, 1, depth=1, width=5), networks=3)
    method = OptimizerConfig("sgd", learning_rate=1e30)
    grow = lambda _, p: p["layers.0.weight"].square().sum((1, 2)) * 1e30  # noqa: E731
    with pytest.raises(ValueError, match="anchored has 2 shares for 3 networks"):
        train(start, grow, steps=1, method=method, anchored=torch.tensor([0.0, 1.0]))
    with pytest.raises(FloatingPointError, match="not finite after step 9; lower the rates"):
        train(start, grow, steps=9, method=method)


def test_digits_are_turned_in_eight_ways_and_placed_whole() -> None:
    image = torch.arange(64.0).reshape(1, 8, 8)
    ways = turned(image.expand(8, -1, -1), torch.arange(8))
    assert len(torch.unique(ways.flatten(1), dim=0)) == 8
    assert all(torch.equal(way.flatten().sort().values, torch.arange(64.0)) for way in ways)
    there = placed(image.expand(50, -1, -1), torch.Generator().manual_seed(0))
    assert torch.allclose(there.sum(1), there[0].sum().expand(50))
    assert len(torch.unique(there, dim=0)) == 9  # places of 8 x 8 on 10 x 10


def test_the_task_holds_new_digits_alone_and_no_image_twice() -> None:
    family = DigitFamily(3)
    task = family.task(shots=4)
    assert sorted([*family.family.tolist(), *family.new.tolist()]) == list(range(10))
    assert torch.bincount(task.y).tolist() == [4] * 5
    whole = torch.cat([task.x, task.unlabeled, task.test_x])
    assert len(torch.unique(whole, dim=0)) == len(whole)
    x, y, query_x, query_y = family.episodes(2, 3, 2, seed=0)
    assert x.shape == (2, 15, 100) and query_x.shape == (2, 10, 100)
    assert (
        torch.bincount(y[0]).tolist() == [3] * 5 and torch.bincount(query_y[1]).tolist() == [2] * 5
    )


def test_labels_of_pairs_are_the_exclusive_or_of_two_bits_and_ten_are_seen() -> None:
    ((x, _), (all_x, all_y)), unseen = draw_tasks(20, seed=0)
    assert x.shape == (20, LABELED, 5) and (~unseen).sum(1).tolist() == [LABELED] * 20
    bits = objects()
    signs = 2.0 * all_y - 1
    for task in range(20):
        products = [
            abs(float((bits[:, i] * bits[:, j] * signs[task]).sum()))
            for i in range(5)
            for j in range(i)
        ]
        assert products.count(OBJECTS) == 1  # exactly one pair explains all labels
    assert torch.equal(all_x[0], bits)


def test_every_prediction_has_its_claims_and_the_page_says_whether_it_held() -> None:
    page = json.loads((ROOT / "notebooks/synthesis/crossings.ipynb").read_text("utf-8"))
    lines = [line for cell in page["cells"] for line in cell["source"]]
    claims = {
        said["id"]: [f"synthesis.{name}" for name in TOGETHER.get(said["id"], (said["id"],))]
        for said in PREDICTIONS
    }
    results = {result.claim.id: result for result in check("synthesis")}
    for said in PREDICTIONS:
        (row,) = [line for line in lines if line.startswith(f"| {said['text']} |")]
        if not results.keys() & set(claims[said["id"]]):  # its experiment has not run yet
            assert row.rstrip().endswith("| open |"), row
            continue
        values = [results[name].value for name in claims[said["id"]]]
        points = [results[name].claim.unit == "percentage points" for name in claims[said["id"]]]
        scaled = [v / 100 if p else v for v, p in zip(values, points, strict=True)]
        held = all(said["low"] <= value <= said["high"] for value in scaled)
        assert row.rstrip().endswith("| right |" if held else "| wrong |"), row


def test_rivals_choose_on_other_images_and_drop_units_in_training_alone() -> None:
    task, start = DigitFamily(0).task(test=VALIDATION + TEST), draw_network("relu", 0, width=8)
    arms = _arms("none", {"dropout": GRID["dropout"]})
    rivals = Rivals(task, start, arms, {}, 0)
    x = torch.cat([rivals.task.x, rivals.task.unlabeled, rivals.validation[0], rivals.task.test_x])
    assert len(torch.unique(x, dim=0)) == len(x) == 50 + 200 + VALIDATION + TEST
    losses = rivals.losses(0, rivals.starts.parameters)
    assert len(set(losses.tolist())) == len(arms)  # the same weights, other units dropped
    scores = rivals.scores(rivals.starts)
    assert scores == [scores[0]] * len(arms)
