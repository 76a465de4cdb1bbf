"""ReLU nets, normalized weights and deep linear modes: closed forms against small steps."""

import math

import numpy as np
import pytest
import torch

from ibcore.memory import (
    NormalizedNet,
    TwoLayerReLU,
    effective_learning_rate,
    equilibrium_norm_squared,
    flow_balance,
    saxe_mode,
    saxe_time,
)
from ibcore.tasks import sparse_regression


@pytest.fixture(scope="module")
def task():
    return sparse_regression(points=16, features=5, nonzero=2, noise=0.3, seed=0)


def deviation(task, learning_rate, weight_decay, time=10.0, loss="squared"):
    y = task.y if loss == "squared" else (task.y > 0).double()
    start = TwoLayerReLU.sample(5, width=6, seed=1)
    end = start.train(
        task.x / 2,
        y,
        steps=round(time / learning_rate),
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        loss=loss,
    )
    expected = flow_balance(start.balance.sum(), time=time, weight_decay=weight_decay)
    return float((end.balance.sum() - expected).abs() / start.balance.sum().abs())


def test_decay_shrinks_the_balance_of_relu_units_exponentially(task):
    coarse, fine = (deviation(task, rate, 0.05) for rate in (1e-2, 1e-3))
    assert coarse < 1e-3
    assert 6 < coarse / fine < 15


def test_the_shrinkage_of_the_balance_does_not_depend_on_the_loss(task):
    assert deviation(task, 5e-3, 0.05, loss="logistic") < 1e-3


def test_the_balance_of_relu_units_is_conserved_without_decay_up_to_the_step(task):
    coarse, fine = (deviation(task, rate, 0.0, time=4.0) for rate in (1e-2, 1e-3))
    assert 6 < coarse / fine < 15
    assert fine < 1e-3


def test_the_balance_of_relu_units_follows_its_exact_recursion(task):
    net = TwoLayerReLU.sample(5, width=6, scale=2.0, seed=3)
    rates = {"learning_rate": 0.05, "weight_decay": 0.1}
    for _ in range(30):
        expected = net.next_balance(task.x, task.y, **rates)
        net = net.step(task.x, task.y, **rates)
        torch.testing.assert_close(net.balance, expected, rtol=0, atol=1e-12)


def test_gradients_of_relu_nets_are_those_of_autograd(task):
    net = TwoLayerReLU.sample(5, width=6, seed=2)
    first, second = (w.clone().requires_grad_() for w in (net.first, net.second))
    output = (torch.relu(task.x @ first.mT) @ second[:, None])[:, 0]
    ((output - task.y) ** 2).mean().div(2).backward()
    by_first, by_second = net.gradient(task.x, task.y)
    torch.testing.assert_close(by_first, first.grad, rtol=0, atol=1e-13)
    torch.testing.assert_close(by_second, second.grad, rtol=0, atol=1e-13)


def test_gradients_of_normalized_weights_are_orthogonal_to_them(task):
    for scale in (0.1, 1.0, 10.0):
        net = NormalizedNet.sample(5, width=7, scale=scale, seed=0)
        assert (net.gradient(task.x, task.y) * net.weight).sum(-1).abs().max() < 1e-10


def test_norms_of_normalized_weights_follow_their_recursion(task):
    net = NormalizedNet.sample(5, width=7, seed=0)
    rates = {"learning_rate": 0.1, "weight_decay": 0.02}
    worst = 0.0
    for _ in range(200):
        expected = net.next_norm_squared(task.x, task.y, **rates)
        net = net.train(task.x, task.y, steps=1, **rates)
        worst = max(worst, float((net.norm_squared - expected).abs().max()))
    assert worst < 1e-10


def test_the_scale_of_normalized_weights_acts_as_a_learning_rate(task):
    net = NormalizedNet.sample(5, width=7, seed=0)
    other = NormalizedNet(3 * net.weight, net.readout)
    end = net.train(task.x, task.y, steps=50, learning_rate=0.01)
    same = other.train(task.x, task.y, steps=50, learning_rate=0.09)
    torch.testing.assert_close(same.weight, 3 * end.weight, rtol=1e-10, atol=1e-12)
    rates = effective_learning_rate(other.norm_squared, learning_rate=0.09)
    torch.testing.assert_close(rates, effective_learning_rate(net.norm_squared, learning_rate=0.01))


@pytest.mark.parametrize("start", [0.05, 20.0])
def test_decay_leads_every_norm_to_the_same_equilibrium(start):
    eta, decay, gradient, norm2 = 0.1, 0.05, 0.7, start**2
    for _ in range(4000):
        norm2 = (1 - eta * decay) ** 2 * norm2 + eta**2 * gradient**2 / norm2
    expected = equilibrium_norm_squared(gradient, learning_rate=eta, weight_decay=decay)
    assert norm2 == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("start", [1e-4, 1e-2, 1.0])
def test_a_deep_linear_mode_grows_as_the_logistic_says(start):
    strength, rate = 2.0, 1e-4
    u = v = math.sqrt(start)
    found = []
    for _ in range(30_000):
        u, v = u + rate * v * (strength - u * v), v + rate * u * (strength - u * v)
        found.append(u * v)
    times = rate * np.arange(1, 30_001)
    expected = saxe_mode(times, strength=strength, start=start)
    assert abs(np.array(found) - expected).max() < 1e-3


def test_the_delay_of_a_mode_grows_with_the_logarithm_of_its_start():
    times = [saxe_time(0.5, strength=2.0, start=a) for a in (1e-2, 1e-4, 1e-6)]
    assert times[2] - times[1] == pytest.approx(times[1] - times[0], rel=0.01)
    assert saxe_mode(times[1], strength=2.0, start=1e-4) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: saxe_mode(1.0, strength=0.0, start=1.0), "strength must be .* got 0"),
        (lambda t: saxe_time(1.0, strength=1.0, start=0.1), "share must be"),
        (lambda t: flow_balance(t.y, time=-1.0, weight_decay=0.1), "time must be .* got -1"),
        (
            lambda t: equilibrium_norm_squared(1.0, learning_rate=0.1, weight_decay=0.0),
            "an equilibrium needs",
        ),
        (
            lambda t: NormalizedNet(0 * torch.ones(2, 5).double(), torch.ones(2).double()),
            "a row of weight is zero, or its square",
        ),
        (
            lambda t: NormalizedNet.sample(5, width=2).predict(t.x[:1]),
            "constant over the batch",
        ),
        (lambda t: TwoLayerReLU(t.x, t.y[:3]), "first and second must have .* and \\(3,\\)"),
    ],
)
def test_bad_input_is_refused(task, call, message):
    with pytest.raises(ValueError, match=message):
        call(task)


def test_a_normalized_net_trains_where_gradients_are_switched_off(task):
    expected = NormalizedNet.sample(5, width=3).train(task.x, task.y, steps=3, learning_rate=0.1)
    for context in (torch.no_grad, torch.inference_mode):
        with context():
            net = NormalizedNet.sample(5, width=3)
            found = net.train(task.x.clone(), task.y, steps=3, learning_rate=0.1)
        assert torch.equal(found.weight, expected.weight)


def test_a_unit_that_varies_by_rounding_alone_is_constant():
    x = 0.1 + 1e-17 * torch.arange(7.0, dtype=torch.float64)[:, None].expand(7, 3)
    net = NormalizedNet([[0.1, 0.7, 0.3]], [1])
    noisy = x + torch.tensor([0.0, 1.4e-17, 0.0], dtype=torch.float64)
    noisy[3] += 1.4e-17
    for points in (x, noisy):
        with pytest.raises(ValueError, match="constant over the batch"):
            net.predict(points)


def test_sizes_that_no_number_holds_are_named():
    with pytest.raises(ValueError, match=r"strength .* and start .* too far apart"):
        saxe_mode([0.0], strength=1e300, start=1e-300)
    with pytest.raises(ValueError, match="norm_squared must be above 0, got 0"):
        effective_learning_rate([1.0, 0.0], learning_rate=0.1)
