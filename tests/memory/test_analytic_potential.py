"""Woodworth's potential and its least point among interpolators: limits and optimality."""

import pytest
import torch
from scipy.optimize import linprog

from ibcore.memory import woodworth_potential, woodworth_solution
from ibcore.tasks import sparse_regression


@pytest.fixture(scope="module")
def task():
    return sparse_regression(seed=0)


def test_the_solution_interpolates_and_its_gradient_lies_in_the_row_space(task):
    scales = torch.tensor([[0.01], [0.1], [1.0], [10.0]], dtype=torch.float64)
    beta = woodworth_solution(task.x, task.y, scales)
    torch.testing.assert_close(beta @ task.x.T, task.y.expand(4, 20), rtol=0, atol=1e-8)
    angle = torch.asinh(beta / (2 * scales**2))
    inside = (torch.linalg.pinv(task.x) @ (task.x @ angle.T)).T
    assert ((angle - inside).norm(dim=1) / angle.norm(dim=1)).max() < 1e-6


def test_no_other_interpolator_has_less_potential(task):
    beta = woodworth_solution(task.x, task.y, 0.3)
    _, _, vh = torch.linalg.svd(task.x)
    flat = vh[20:]  # directions that no output sees
    moves = torch.randn(50, 20, generator=torch.Generator().manual_seed(0)).double() @ flat
    others = woodworth_potential(beta + 0.05 * moves, 0.3)
    assert (others > woodworth_potential(beta, 0.3)).all()


def test_the_gradient_of_the_potential_is_the_inverse_hyperbolic_sine():
    beta = torch.tensor([-2.0, 1e-9, 0.4], dtype=torch.float64, requires_grad=True)
    woodworth_potential(beta, 0.7).backward()
    torch.testing.assert_close(beta.grad, torch.asinh(beta.detach() / (2 * 0.49)))


def test_a_large_scale_gives_the_least_l2_norm(task):
    expected = torch.linalg.pinv(task.x) @ task.y
    torch.testing.assert_close(woodworth_solution(task.x, task.y, 1e3), expected, rtol=0, atol=1e-6)


def test_a_small_scale_gives_the_least_l1_norm(task):
    both = torch.cat([task.x, -task.x], 1).numpy()
    least = linprog([1.0] * 80, A_eq=both, b_eq=task.y.numpy()).fun
    beta = woodworth_solution(task.x, task.y, 1e-6)
    assert float(beta.abs().sum()) == pytest.approx(least, rel=1e-3)


def test_scales_may_differ_between_coordinates(task):
    scale = torch.linspace(0.05, 0.6, 40, dtype=torch.float64)
    beta = woodworth_solution(task.x, task.y, scale)
    angle = torch.asinh(beta / (2 * scale**2))
    inside = torch.linalg.pinv(task.x) @ (task.x @ angle)
    assert (angle - inside).norm() / angle.norm() < 1e-6


def test_without_an_interpolator_there_is_an_error():
    x = torch.ones(2, 3, dtype=torch.float64)  # of rank 1
    y = torch.tensor([1.0, 2.0], dtype=torch.float64)
    with pytest.raises(ArithmeticError, match="full row rank"):
        woodworth_solution(x, y, 1.0)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_a_scale_that_is_not_positive_is_refused(task, scale):
    with pytest.raises(ValueError, match=r"scale (must be above 0|holds a value)"):
        woodworth_solution(task.x, task.y, scale)


def test_the_potential_at_extreme_scales_is_the_limit_or_an_error():
    beta = torch.tensor([3.0, 4.0], dtype=torch.float64)
    assert woodworth_potential(beta, 1e100).item() == pytest.approx(25 / 4e200)
    assert woodworth_potential(beta, 1e-150).item() > 1000  # 7 ln(1e300), about
    with pytest.raises(ValueError, match="scale is too small for this beta: 1e-200"):
        woodworth_potential(beta, 1e-200)
