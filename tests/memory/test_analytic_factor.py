"""The factor model under descent and under sign descent: each has its own memory."""

import pytest
import torch

from ibcore.memory import FactorNet, minibatches, sign_balance, sign_descent, sign_step
from ibcore.tasks import sparse_regression


@pytest.fixture(scope="module")
def task():
    return sparse_regression(points=30, features=10, noise=0.5, seed=0)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_the_balance_follows_its_recursion_for_every_loss(task, loss):
    y = task.y if loss == "squared" else (task.y > 0).double()
    net = FactorNet.sample(10, scale=[0.5, 1.0], seed=(1, 2, 3))
    x, y = task.x.expand(3, 30, 10), y.expand(3, 30)
    rates = {"learning_rate": 0.02, "weight_decay": 0.05}
    predicted = net.balance
    for bx, by in minibatches(x, y, steps=500, batch_size=4, seed=(7, 8, 9)):
        gradient = net.gradient(bx, by, loss=loss)
        predicted = predicted * net.balance_factor(gradient, **rates)
        net = net.step(bx, by, loss=loss, **rates)
    assert (net.balance - predicted).abs().max() < 1e-10
    assert net.balance.shape == (2, 3, 10)


def test_steps_of_factor_nets_are_those_of_autograd(task):
    net = FactorNet.sample(10, seed=4)
    u, v = (w.clone().requires_grad_() for w in (net.u, net.v))
    sgd = torch.optim.SGD([u, v], lr=0.05, weight_decay=0.1)
    for _ in range(5):
        sgd.zero_grad()
        ((task.x @ (u * v) - task.y) ** 2).mean().div(2).backward()
        sgd.step()
    net = net.train(task.x, task.y, steps=5, learning_rate=0.05, weight_decay=0.1)
    torch.testing.assert_close(net.u, u.detach(), rtol=0, atol=1e-12)
    torch.testing.assert_close(net.v, v.detach(), rtol=0, atol=1e-12)


def test_small_steps_without_decay_conserve_the_balance_and_decay_erases_it(task):
    start = FactorNet.sample(10, seed=0)
    kept = start.train(task.x, task.y, steps=4000, learning_rate=1e-3)
    torch.testing.assert_close(kept.balance, start.balance, rtol=0.02, atol=1e-3)
    fallen = start.train(task.x, task.y, steps=4000, learning_rate=1e-3, weight_decay=0.5)
    ratio = (fallen.balance / start.balance).abs()
    assert (ratio < torch.exp(torch.tensor(-4.0)) * 1.01).all()


def test_every_scale_has_the_same_draw():
    nets = FactorNet.sample(6, scale=[1.0, 4.0], seed=(0, 5))
    torch.testing.assert_close(nets.u[1], 4 * nets.u[0])
    torch.testing.assert_close(nets.v[0, 1], FactorNet.sample(6, seed=5).v)


def positive_task():
    """Return a task whose truth is positive, so that no weight has to cross zero."""
    x = torch.randn(40, 8, generator=torch.Generator().manual_seed(0)).double()
    return x, x @ torch.linspace(4.0, 8.0, 8, dtype=torch.float64)


def test_sign_descent_conserves_the_difference_of_sizes_and_not_of_squares():
    x, y = positive_task()
    ones = torch.ones(8, dtype=torch.float64)
    start = FactorNet(torch.linspace(1.0, 2.0, 8).double(), 0.5 * ones)
    end = sign_descent(start, x, y, steps=2000, learning_rate=0.01, final_rate=1e-3)
    assert end.predict(x).sub(y).abs().max() < 0.05
    assert (sign_balance(end) - sign_balance(start)).abs().max() < 1e-8
    assert (end.balance - start.balance).abs().max() > 0.1


def test_sign_steps_follow_the_signs_of_autograd(task):
    net = FactorNet.sample(10, seed=4)
    u, v = (w.clone().requires_grad_() for w in (net.u, net.v))
    ((task.x @ (u * v) - task.y) ** 2).mean().backward()
    moved = sign_step(net, task.x, task.y, learning_rate=0.1, weight_decay=0.2)
    torch.testing.assert_close(moved.u, 0.98 * net.u - 0.1 * u.grad.sign(), rtol=0, atol=1e-12)
    torch.testing.assert_close(moved.v, 0.98 * net.v - 0.1 * v.grad.sign(), rtol=0, atol=1e-12)


def test_decay_shrinks_what_sign_descent_conserves_by_an_exact_factor():
    x, y = positive_task()
    ones = torch.ones(8, dtype=torch.float64)
    net = FactorNet(2 * ones, 0.5 * ones)
    expected = sign_balance(net) * (1 - 0.01 * 0.3) ** 50
    for _ in range(50):
        net = sign_step(net, x, y, learning_rate=0.01, weight_decay=0.3)
    torch.testing.assert_close(sign_balance(net), expected, rtol=1e-12, atol=0)


def test_plain_descent_does_not_conserve_what_sign_descent_does():
    x, y = positive_task()
    ones = torch.ones(8, dtype=torch.float64)
    start = FactorNet(2 * ones, 0.5 * ones)
    end = start.train(x, y, steps=2000, learning_rate=1e-3)
    assert (sign_balance(end) - sign_balance(start)).abs().max() > 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n, t: n.step(t.x, t.y, learning_rate=-1.0), "learning_rate .* got -1"),
        (lambda n, t: n.gradient(t.x, t.y, loss="hinge"), "unknown loss 'hinge'"),
        (lambda n, t: FactorNet(n.u, n.v[:3]), r"one shape .*\(10,\) and \(3,\)"),
        (lambda n, t: n.train(t.x, t.y, steps=-1, learning_rate=1.0), "steps .* got -1"),
        (
            lambda n, t: sign_descent(n, t.x, t.y, steps=1, learning_rate=1.0, final_rate=2.0),
            "final_rate must be above 0 and at most 1, got 2",
        ),
    ],
)
def test_bad_input_is_refused(task, call, message):
    with pytest.raises(ValueError, match=message):
        call(FactorNet.sample(10), task)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": (1, 2)}, "2 seeds were given"),
        ({"batch_size": 2**31 - 1}, "batch_size=2147483647 needs about"),
    ],
)
def test_batches_that_cannot_be_drawn_are_refused(task, options, message):
    with pytest.raises(ValueError, match=message):
        minibatches(task.x, task.y, steps=1, **options)


def test_batches_of_a_short_run_are_the_first_of_a_long_one(task):
    draws = {"batch_size": 2, "label_noise": 0.1, "seed": 3}
    short = list(minibatches(task.x, task.y, steps=3, **draws))
    long = list(minibatches(task.x, task.y, steps=300, **draws))
    for (x, y), (other_x, other_y) in zip(short, long[:3], strict=True):
        assert torch.equal(x, other_x)
        assert torch.equal(y, other_y)


def test_label_noise_has_its_size_and_every_point_is_drawn_as_often(task):
    batches = list(minibatches(task.x, task.y, steps=6000, batch_size=1, label_noise=2.0, seed=0))
    x, y = (torch.stack([batch[k] for batch in batches])[:, 0] for k in (0, 1))
    point = (x[:, None] - task.x).abs().sum(-1).argmin(1)
    assert point.bincount(minlength=30).double().std() < 30  # of 200 each; sd of a Poisson: 14
    assert float((y - task.y[point]).std()) == pytest.approx(2.0, rel=0.04)
