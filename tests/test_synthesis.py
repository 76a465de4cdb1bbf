"""The synthesis: one loop for four levers, moved digits, half-lives, and predictions kept."""

import json
import math
from pathlib import Path

import pytest
import torch
import yaml

from ibcore.guidance import cka
from ibcore.nets import MLP
from ibcore.population import Population
from ibcore.runs.ledger import check
from ibcore.synthesis import DigitFamily, TappedMLP, dissimilarity, half_life, train
from ibcore.synthesis.digits import placed, turned
from ibcore.synthesis.experiments.pairs import LABELED, OBJECTS, draw_tasks, objects
from ibcore.training import OptimizerConfig

ROOT = Path(__file__).resolve().parents[1]
PREDICTIONS = yaml.safe_load((ROOT / "book/predictions.yml").read_text("utf-8"))
TOGETHER = {"sine-lock": ("sine-learned", "sine-guide")}  # one prediction about two numbers


def squares(net: MLP, x: torch.Tensor, y: torch.Tensor):
    """Return the mean squared error of stacked networks as `train` calls it."""
    return lambda _, p: (
        (net.forward_stacked(p, x.expand(3, -1, -1)) - y).square().flatten(1).mean(1)
    )


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_with_decay_to_zero_it_trains_as_a_population_does(optimizer: str) -> None:
    net = MLP(2, 1, depth=1, width=5)
    start = Population.sample(net, networks=3, seed=1)
    x = torch.randn(7, 2, generator=torch.Generator().manual_seed(0)).double()
    y = x.prod(1, keepdim=True)
    method = OptimizerConfig(optimizer, learning_rate=0.05, weight_decay=0.1)
    ours = train(start, squares(net, x, y), steps=20, method=method)
    theirs = start.train(
        x, y, loss="mse", steps=20, optimizer=optimizer, learning_rate=0.05, weight_decay=0.1
    )
    for name, value in ours.parameters.items():
        torch.testing.assert_close(value, theirs.population.parameters[name], rtol=1e-9, atol=1e-12)


def test_without_a_loss_decay_halves_the_weights_at_its_half_life_and_keeps_an_anchor() -> None:
    net = MLP(2, 1, depth=1, width=5)
    start = Population.sample(net, networks=3, seed=1)
    method = OptimizerConfig("sgd", learning_rate=0.01, weight_decay=0.1)
    done = train(
        start,
        lambda _, p: 0 * p["layers.0.weight"].sum((1, 2)),
        steps=693,
        method=method,
        anchored=torch.tensor([0.0, 0.5, 1.0]),
    )
    shares = done.parameters["layers.0.weight"] / start.parameters["layers.0.weight"]
    for share, expected in zip(shares, (0.5, 0.75, 1.0), strict=True):
        torch.testing.assert_close(share, torch.full_like(share, expected), rtol=1e-3, atol=0)


def test_shares_of_another_number_of_networks_and_a_diverging_training_are_refused() -> None:
    start = Population.sample(MLP(2, 1, depth=1, width=5), networks=3)
    method = OptimizerConfig("sgd", learning_rate=1e30)
    grow = lambda _, p: p["layers.0.weight"].square().sum((1, 2)) * 1e30  # noqa: E731
    with pytest.raises(ValueError, match="anchored has 2 shares for 3 networks"):
        train(start, grow, steps=1, method=method, anchored=torch.tensor([0.0, 1.0]))
    with pytest.raises(FloatingPointError, match="not finite after step 9; lower the rates"):
        train(start, grow, steps=9, method=method)


def test_the_distance_to_a_guide_is_that_of_cka_and_the_taps_are_the_hidden_layers() -> None:
    net = TappedMLP(3, 2, depth=2, width=4, activation="tanh")
    many = Population.sample(net, networks=2, seed=3)
    x = torch.randn(9, 3, generator=torch.Generator().manual_seed(0)).double()
    out, hidden = net.layers_of(many.parameters, x.expand(2, -1, -1))
    torch.testing.assert_close(out, net.forward_stacked(many.parameters, x.expand(2, -1, -1)))
    last = hidden[-1] @ many.parameters["layers.2.weight"].mT
    torch.testing.assert_close(last + many.parameters["layers.2.bias"][:, None], out)
    centered = x - x.mean(0)
    grams = [(centered @ centered.T)[None]] * 2
    expected = [
        sum(1 - float(cka(layer[m], x, unbiased=False)) for layer in hidden) for m in range(2)
    ]
    torch.testing.assert_close(dissimilarity(hidden, grams), torch.tensor(expected).double())


def test_a_half_life_is_that_of_the_exponential_and_infinite_where_nothing_is_lost() -> None:
    times = torch.linspace(0, 5, 2001).tolist()
    assert abs(half_life(times, [math.exp(-t) for t in times]) - math.log(2)) < 1e-4
    assert half_life([0, 1], [1.0, 0.6]) == math.inf
    for wrong in ([0.0, 1.0], [-1.0, 1.0]):
        with pytest.raises(ValueError, match="has no half"):
            half_life([0, 1], wrong)
    with pytest.raises(ValueError, match="one shape"):
        half_life([0, 1, 2], [1.0, 0.0])


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
        values = [results[name].value for name in claims[said["id"]]]
        points = [results[name].claim.unit == "percentage points" for name in claims[said["id"]]]
        scaled = [v / 100 if p else v for v, p in zip(values, points, strict=True)]
        held = all(said["low"] <= value <= said["high"] for value in scaled)
        (row,) = [line for line in lines if line.startswith(f"| {said['text']} |")]
        assert row.rstrip().endswith("| right |" if held else "| wrong |"), row
