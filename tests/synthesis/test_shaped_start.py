"""The exact model of a shaped start: decay shrinks its size and keeps its ratios."""

import math

import pytest
import torch

from ibcore.memory import DiagonalNet
from ibcore.synthesis.experiments.exact import (
    DIAGONAL,
    FAMILY,
    draw_problems,
    relative_price,
    shaped_scale,
)


def test_training_with_decay_shrinks_a_shaped_start_as_the_clock_says() -> None:
    problem, start = draw_problems(1, 1), shaped_scale(10.0, 0.0)
    net = DiagonalNet(start.clone(), start.clone())
    decayed = net.flow(problem.x[0, 0], problem.y[0, 0], time=30.0, weight_decay=0.05)
    torch.testing.assert_close(
        decayed.scale, shaped_scale(10.0, 2 * 0.05 * 30.0), rtol=1e-6, atol=0
    )


def test_flow_from_the_decayed_start_ends_where_the_experiment_says() -> None:
    problem, scale = draw_problems(1, 1), shaped_scale(10.0, 4.0)
    net = DiagonalNet(scale.clone(), scale.clone())
    late = net.flow(problem.x[0, 0], problem.y[0, 0], time=1e4)
    cell = {"ratio": 10.0, "clock": (0.0, 4.0), "draws": 1, "tasks": 1}
    frame = DIAGONAL.run_cell(cell, torch.device("cpu"))
    risk = (late.beta - problem.truth[0, 0]).square().sum()
    assert frame[frame.clock == 4.0].risk.item() == pytest.approx(float(risk), rel=1e-4)


@pytest.mark.parametrize("ratio", [3.0, 100.0])
def test_the_price_of_the_shape_fades_like_one_over_the_clock(ratio: float) -> None:
    for clock in (16.0, 32.0, 64.0):
        price = relative_price(shaped_scale(ratio, clock))
        assert price == pytest.approx(1 + 2 * math.log(ratio) / clock, rel=1e-6)


def test_a_start_without_a_shape_has_no_advantage() -> None:
    cell = {"ratio": 1.0, "clock": (0.0, 4.0), "draws": 2, "tasks": 1}
    with pytest.raises(ValueError, match="has no half"):  # the control in the place of the shape
        DIAGONAL.run_cell(cell, torch.device("cpu"))


def test_the_truth_lies_in_the_family_and_the_targets_are_exact() -> None:
    problems = draw_problems(3, 2)
    assert bool((problems.truth[..., FAMILY:] == 0).all())
    assert problems.truth.abs().sum(-1).unique().tolist() == [3.0]
    torch.testing.assert_close(problems.y, (problems.x @ problems.truth[..., None])[..., 0])
