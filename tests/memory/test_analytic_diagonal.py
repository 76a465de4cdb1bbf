"""The diagonal net: conserved quantities, Woodworth's curve, and decay that slides along it."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from ibcore.memory import (
    DiagonalNet,
    effective_scale,
    minibatches,
    time_to_scale,
    woodworth_solution,
)
from ibcore.tasks import sparse_regression, stack_problems

EXACT = {"rtol": 0.0, "atol": 1e-12}


@pytest.fixture(scope="module")
def task():
    return sparse_regression(seed=0)


def column(values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def test_the_product_of_the_weights_follows_its_recursion_under_noisy_steps_with_decay(task):
    net = DiagonalNet.start([0.1, 1.0], features=40)
    rates = {"learning_rate": 3e-3, "weight_decay": 0.02}
    predicted = net.balance
    batches = minibatches(task.x, task.y, steps=2000, batch_size=1, label_noise=1.0, seed=5)
    for x, y in batches:
        predicted = predicted * net.balance_factor(net.gradient(x, y), **rates)
        net = net.step(x, y, **rates)
    assert ((net.balance - predicted) / predicted).abs().max() < 1e-9
    assert (net.balance < 0.9 * torch.tensor([[0.01], [1.0]])).all()


def test_training_is_the_steps_one_after_the_other(task):
    net = DiagonalNet.start(0.3, features=40)
    options = {"learning_rate": 2e-3, "weight_decay": 0.1}
    batches = {"batch_size": 3, "label_noise": 0.5, "seed": 2}
    by_hand = net
    for x, y in minibatches(task.x, task.y, steps=40, **batches):
        by_hand = by_hand.step(x, y, **options)
    trained = net.train(task.x, task.y, steps=[0, 15, 40], **options, **batches)
    torch.testing.assert_close(trained[2].p, by_hand.p, **EXACT)
    torch.testing.assert_close(trained[0].p, net.p, **EXACT)
    half = net.train(task.x, task.y, steps=15, **options, **batches)
    torch.testing.assert_close(trained[1].q, half.q, **EXACT)


def test_flow_in_dual_coordinates_solves_the_equations_of_the_weights(task):
    decay, time, n = 0.05, 12.0, 20
    x, y = task.x.numpy(), task.y.numpy()

    def slope(_, w):
        p, q = w[:40], w[40:]
        r = x.T @ (x @ (p**2 - q**2) - y) / n
        return [*(-2 * p * r - decay * p), *(2 * q * r - decay * q)]

    start = torch.linspace(0.2, 1.0, 80, dtype=torch.float64)
    expected = solve_ivp(slope, (0, time), start.numpy(), rtol=1e-10, atol=1e-12).y[:, -1]
    net = DiagonalNet(start[:40], start[40:]).flow(task.x, task.y, time=time, weight_decay=decay)
    found = torch.cat([net.p, net.q])
    torch.testing.assert_close(found, torch.from_numpy(expected), rtol=1e-6, atol=1e-7)


def test_a_finer_tolerance_brings_flow_closer_to_the_limit(task):
    def ends(tolerance):
        net = DiagonalNet.start(0.5, features=40)
        return net.flow(task.x, task.y, time=3.0, tolerance=tolerance).beta

    exact = ends(1e-10)
    errors = [float((ends(t) - exact).abs().max()) for t in (1e-3, 1e-5, 1e-7)]
    assert errors[0] > 5 * errors[1] > 25 * errors[2]
    assert errors[2] < 1e-6


def test_small_steps_end_at_the_interpolator_of_least_potential(task):
    net = DiagonalNet.start(1.0, features=40)
    net = net.train(task.x, task.y, steps=8000, learning_rate=5e-3)
    assert net.loss(task.x, task.y) < 1e-12
    angle = torch.asinh(net.beta / 2)  # alpha is 1
    inside = task.x.T @ torch.linalg.lstsq(task.x.T, angle[:, None]).solution
    assert (inside[:, 0] - angle).norm() / angle.norm() < 1e-3


def test_flow_ends_where_the_solver_of_the_potential_says_at_every_scale(task):
    scales = column([0.1, 0.3, 1.0, 3.0])
    net = DiagonalNet.start(scales[:, 0], features=40).flow(task.x, task.y, time=1e6)
    expected = woodworth_solution(task.x, task.y, scales)
    torch.testing.assert_close(net.beta, expected, rtol=0, atol=1e-8)


def test_decay_slides_along_the_curve_at_every_time(task):
    times = [2.0, 10.0, 40.0]
    net = DiagonalNet.start(1.0, features=40)
    nets = net.flow(task.x, task.y, time=times, weight_decay=0.03)
    for k, time in enumerate(times):
        alpha = effective_scale(1.0, time=time, weight_decay=0.03)
        torch.testing.assert_close(nets[k].scale, torch.full((40,), alpha).double())
        least = woodworth_solution(task.x, nets[k].predict(task.x), alpha)
        torch.testing.assert_close(nets[k].beta, least, rtol=0, atol=1e-6)


def test_decay_for_a_while_and_then_flow_is_flow_from_a_smaller_scale(task):
    decayed = DiagonalNet.start(1.0, features=40).flow(task.x, task.y, time=40.0, weight_decay=0.03)
    late = decayed.flow(task.x, task.y, time=1e4).beta
    alpha = effective_scale(1.0, time=40.0, weight_decay=0.03)
    fresh = DiagonalNet.start(alpha, features=40).flow(task.x, task.y, time=1e4).beta
    remembered = DiagonalNet.start(1.0, features=40).flow(task.x, task.y, time=1e4).beta
    assert (late - fresh).norm() < 1e-6
    assert (late - remembered).norm() > 0.1


def test_the_closed_form_of_the_forgetting_time_inverts_the_slide():
    time = time_to_scale(3.0, 0.1, weight_decay=0.02)
    assert effective_scale(3.0, time=time, weight_decay=0.02) == pytest.approx(0.1)
    assert time == pytest.approx(math.log(30) / 0.02)
    assert time_to_scale(0.5, 0.5, weight_decay=0.0) == 0


def test_label_noise_shrinks_the_scale_and_noise_free_steps_stop_at_interpolation():
    task = stack_problems([sparse_regression(seed=s) for s in range(2)])
    net = DiagonalNet.start(column([0.3, 1.0]), features=40)
    options = {"learning_rate": 5e-3, "batch_size": 1, "seed": range(2)}
    quiet = net.train(task.x, task.y, steps=[2500, 5000], **options)
    noisy = net.train(task.x, task.y, steps=[2500, 5000], label_noise=1.0, **options)
    change = quiet.mean_scale[1] / quiet.mean_scale[0]
    assert (change - 1).abs().max() < 1e-3
    assert (quiet.mean_scale[1] > 0.85 * column([0.3, 1.0])).all()
    assert (noisy.mean_scale[1] / noisy.mean_scale[0] < 0.93).all()


def test_a_larger_batch_shrinks_the_scale_as_much_less_as_it_is_larger(task):
    net = DiagonalNet.start(0.1, features=40)
    options = {"steps": 6000, "learning_rate": 3e-3, "label_noise": 1.0, "seed": 3}
    logs = [
        math.log(0.1 / float(net.train(task.x, task.y, batch_size=b, **options).mean_scale))
        for b in (1, 5)
    ]
    assert 3.5 < logs[0] / logs[1] < 6.5


def test_runs_that_share_a_problem_share_batches_and_seeds_do_not_meddle():
    task = stack_problems([sparse_regression(seed=s) for s in (4, 7)])
    options = {"steps": 300, "learning_rate": 3e-3, "batch_size": 2, "label_noise": 1.0}
    both = DiagonalNet.start(column([0.1, 0.5]), features=40).train(
        task.x, task.y, seed=(4, 7), **options
    )
    alone = DiagonalNet.start(0.5, features=40).train(task.x[1], task.y[1], seed=7, **options)
    torch.testing.assert_close(both[1, 1].p, alone.p, rtol=0, atol=1e-12)
    assert (both[1, 0].p - alone.p).abs().max() > 1e-3


def test_decay_may_differ_between_runs(task):
    decays = column([0.0, 0.02, 0.1])
    net = DiagonalNet.start([0.5, 0.5, 0.5], features=40)
    net = net.flow(task.x, task.y, time=10.0, weight_decay=decays)
    expected = 0.5 * torch.exp(-10 * decays[:, 0])
    torch.testing.assert_close(net.mean_scale, expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n, t: n.flow(t.x, t.y, time=[]), "at least one, got"),
        (lambda n, t: n.loss(t.x.expand(3, 20, 40), t.y.expand(2, 20)), r"x \(3,\), y \(2,\)"),
        (
            lambda n, t: n.flow(t.x, t.y, time=1.0, weight_decay=[0.1, 0.2]),
            r"weight_decay \(2,\), net \(40,\)",
        ),
        (lambda n, t: n.flow(t.x[:, :7], t.y, time=1.0), r"\(\.\.\., n, 40\).*\(20, 7\)"),
        (lambda n, t: n.flow(t.x, t.y, time=[2.0, 1.0]), "rising order"),
        (lambda n, t: n.flow(t.x, t.y, time=1.0, weight_decay=-1.0), "weight_decay .* got -1"),
        (lambda n, t: DiagonalNet(n.p, -n.q).flow(t.x, t.y, time=1.0), "p > 0 and q > 0"),
        (lambda n, t: n.train(t.x, t.y, steps=3, learning_rate=0.0), "learning_rate .* got 0"),
        (lambda n, t: DiagonalNet.start(-1.0, features=3), "scale must be above 0, got -1"),
        (lambda n, t: time_to_scale(0.1, 0.2, weight_decay=1.0), "only shrinks"),
        (lambda n, t: time_to_scale(0.2, 0.1, weight_decay=0.0), "use weight_decay > 0"),
    ],
)
def test_bad_input_is_refused(task, call, message):
    with pytest.raises(ValueError, match=message):
        call(DiagonalNet.start(0.5, features=40), task)


def test_divergence_is_an_error_that_names_the_remedy(task):
    with pytest.raises(FloatingPointError, match="lower the learning rate"):
        DiagonalNet.start(3.0, features=40).train(task.x, task.y, steps=600, learning_rate=1.0)


def test_numbers_mean_the_same_in_every_container(task):
    net = DiagonalNet.start([0.3, 1.0], features=40)
    options = {"learning_rate": 2e-3, "batch_size": 3}
    expected = net.train(task.x, task.y, steps=[2, 5], seed=3, **options)
    x, y = task.x.numpy(), task.y.tolist()
    found = DiagonalNet.start(np.array([0.3, 1.0]), features=np.int64(40)).train(
        x, y, steps=np.array([2, 5]), seed=np.int64(3), **options
    )
    assert torch.equal(found.p, expected.p)
    single = DiagonalNet(task.x.float().round(), task.x.long().tolist())  # exact in float32
    assert single.p.dtype == torch.float64
    assert torch.equal(single.p, task.x.float().round().double())
    for time in ([3.0], np.array([3])):
        assert net.flow(x, y, time=time).p.shape == (1, 2, 40)
    with pytest.raises(TypeError, match=r"scale must be an array of numbers, got True"):
        DiagonalNet.start(True, features=3)


def test_what_the_callers_torch_is_set_to_changes_no_batch(task):
    batches = minibatches(task.x, task.y, steps=3, batch_size=2, label_noise=0.1)
    expected = [(x.clone(), y.clone()) for x, y in batches]
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"), torch.inference_mode():
            found = list(minibatches(task.x, task.y, steps=3, batch_size=2, label_noise=0.1))
    finally:
        torch.set_default_dtype(torch.float32)
    for (x, y), (other_x, other_y) in zip(found, expected, strict=True):
        assert torch.equal(x, other_x) and torch.equal(y, other_y)


def test_a_time_that_no_number_holds_is_an_error():
    with pytest.raises(ValueError, match="weight_decay 1e-320 does not lead"):
        time_to_scale(1.0, 0.1, weight_decay=1e-320)
    with pytest.raises(ValueError, match="features must be at most 2147483647"):
        DiagonalNet.start(1.0, features=10**12)
