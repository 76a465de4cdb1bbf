"""Training with all four levers: closed forms of decay, and parts computed in another way."""

import math

import pytest
import torch
from torch import Tensor

from ibcore.guidance import cka
from ibcore.nets import MLP
from ibcore.population import Population
from ibcore.synthesis import TappedMLP, dissimilarity, half_life, train
from ibcore.synthesis.training import centered_gram
from ibcore.training import OptimizerConfig
from ibcore.training.loop import cross_entropy

NET = MLP(3, 2, depth=2, width=5, activation="tanh")
MANY = Population.sample(NET, networks=3, seed=1)
X = torch.randn(3, 8, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = (X[..., 0] > 0).long()


def fit(_: int, parameters: dict[str, Tensor]) -> Tensor:
    """Return the loss of each network on its own points."""
    return cross_entropy(NET.forward_stacked(parameters, X), Y)


def nothing(_: int, parameters: dict[str, Tensor]) -> Tensor:
    """Return a loss that leaves decay alone."""
    return 0 * parameters["layers.0.weight"].sum((1, 2))


def largest(first: Population, second: Population, scale: float = 1.0) -> float:
    """Return the largest difference of parameters, those of the second times a number."""
    pairs = ((first.parameters[n], scale * p) for n, p in second.parameters.items())
    return max(float((a - b).abs().max()) for a, b in pairs)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_decay_alone_shrinks_all_weights_as_the_clock_says(optimizer: str) -> None:
    method = OptimizerConfig(optimizer, learning_rate=0.1, weight_decay=0.05)
    done = train(MANY, nothing, steps=40, method=method)
    assert largest(done, MANY, (1 - 0.1 * 0.05) ** 40) < 1e-12
    clock = 2 * 0.1 * 0.05 * 40
    assert largest(done, MANY, float(torch.tensor(-clock / 2).exp())) < 2e-3


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_without_an_anchor_it_is_the_training_of_a_population(optimizer: str) -> None:
    options = {"learning_rate": 0.05, "weight_decay": 0.02}
    mine = train(MANY, fit, steps=25, method=OptimizerConfig(optimizer, **options))
    theirs = MANY.train(X, Y, loss="cross_entropy", steps=25, optimizer=optimizer, **options)
    assert largest(mine, theirs.population) < 1e-12


def test_an_anchor_leaves_the_start_alone_and_decay_without_one_does_not() -> None:
    strong = OptimizerConfig("sgd", learning_rate=0.1, weight_decay=5.0)
    kept = train(MANY, nothing, steps=20, method=strong, anchored=1.0)
    lost = train(MANY, nothing, steps=20, method=strong)  # the control in the place of the start
    assert largest(kept, MANY) == 0 and largest(lost, MANY) > 0.1


def test_decay_to_the_start_is_decay_of_the_difference() -> None:
    method = OptimizerConfig("sgd", learning_rate=0.1, weight_decay=0.3)
    done = train(MANY, fit, steps=10, method=method, anchored=1.0)
    start = MANY.parameters
    away = {name: torch.zeros_like(p) for name, p in start.items()}
    for _ in range(10):
        now = {name: (start[name] + d).requires_grad_() for name, d in away.items()}
        slopes = torch.autograd.grad(fit(0, now).sum(), list(now.values()))
        pairs = zip(away.items(), slopes, strict=True)
        away = {name: d - 0.1 * (slope + 0.3 * d) for (name, d), slope in pairs}
    expected = Population(NET, {name: start[name] + d for name, d in away.items()})
    assert largest(done, expected) < 1e-12


def test_a_network_trains_as_it_would_alone() -> None:
    rates = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)
    shares = torch.tensor([0.0, 1.0, 0.5], dtype=torch.float64)
    method = OptimizerConfig("sgd", learning_rate=rates, weight_decay=0.1)
    together = train(MANY, fit, steps=5, method=method, anchored=shares)
    alone = Population(NET, {name: p[2:] for name, p in MANY.parameters.items()})
    only = train(
        alone,
        lambda _, p: cross_entropy(NET.forward_stacked(p, X[2:]), Y[2:]),
        steps=5,
        method=OptimizerConfig("sgd", learning_rate=0.3, weight_decay=0.1),
        anchored=0.5,
    )
    last = Population(NET, {name: p[2:] for name, p in together.parameters.items()})
    assert largest(only, last) < 1e-12


def test_checkpoints_see_the_networks_and_a_divergence_is_an_error() -> None:
    seen: list[tuple[int, float]] = []

    def look(step: int, networks: Population) -> None:
        seen.append((step, largest(networks, MANY)))

    method = OptimizerConfig("sgd", learning_rate=0.1)
    train(MANY, fit, steps=4, method=method, checkpoints=(0, 2, 4), on_checkpoint=look)
    assert [step for step, _ in seen] == [0, 2, 4] and seen[0][1] == 0 < seen[1][1] < seen[2][1]
    wild = OptimizerConfig("sgd", learning_rate=1e200, weight_decay=1e200)
    with pytest.raises(FloatingPointError, match="after step 4; lower the rates"):
        train(MANY, fit, steps=4, method=wild)
    with pytest.raises(ValueError, match="anchored has 2 shares for 3 networks"):
        train(MANY, fit, steps=1, method=method, anchored=torch.tensor([0.0, 1.0]))


def test_the_hidden_layers_are_those_of_the_forward_pass() -> None:
    tapped = TappedMLP(3, 2, depth=2, width=5, activation="tanh")
    output, (first, second) = tapped.layers_of(MANY.parameters, X)
    weight, bias = (MANY.parameters[f"layers.0.{kind}"] for kind in ("weight", "bias"))
    torch.testing.assert_close(first, torch.tanh(X @ weight.mT + bias[:, None]))
    head, shift = (MANY.parameters[f"layers.2.{kind}"] for kind in ("weight", "bias"))
    torch.testing.assert_close(output, second @ head.mT + shift[:, None])
    torch.testing.assert_close(output, NET.forward_stacked(MANY.parameters, X))


def test_the_dissimilarity_is_that_of_the_guidance_laboratory() -> None:
    guides = torch.randn(3, 8, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    grams = [centered_gram(guides)]
    found = dissimilarity([X], grams)
    expected = [1 - cka(x, g, unbiased=False) for x, g in zip(X, guides, strict=True)]
    torch.testing.assert_close(found, torch.stack(expected))
    turn = torch.linalg.qr(X[0, :3])[0]
    torch.testing.assert_close(dissimilarity([7 * X @ turn + 2], grams), found)
    assert bool((dissimilarity([guides], grams) < 1e-12).all())
    assert bool((dissimilarity([guides.flip(1)], grams) > 0.1).all())  # another order of points


def test_a_half_life_is_the_first_crossing_after_the_effect_counts_as_one() -> None:
    clock = torch.linspace(0, 9, 901, dtype=torch.float64)
    assert half_life(clock, (-clock / 2).exp()) == pytest.approx(2 * math.log(2), abs=1e-4)
    assert half_life([0, 1, 2, 3], [1, 0.4, 0.9, 0.1]) == pytest.approx(5 / 6)
    assert half_life([0, 1], [1.0, 0.6]) == float("inf")
    with pytest.raises(ValueError, match="has no half"):
        half_life([0, 1], [0.0, 1.0])
    with pytest.raises(ValueError, match="one shape"):
        half_life([0, 1], [1.0])
