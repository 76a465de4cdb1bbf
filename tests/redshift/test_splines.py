"""Linear splines as activations, and the loop that learns them."""

import numpy as np
import pytest
import torch

from ibcore.nets import ACTIVATIONS, MLP, activation_function
from ibcore.population import Population
from ibcore.redshift import Bilevel, Spline, SplineMLP, evaluate_spline, learn_activation
from ibcore.redshift.splines import _validation_loss, smoothing_kernel, spline_knots

SMALL = Bilevel(
    knots=21, outer_steps=3, inner_steps=(20, 40), networks=2, width=8, learning_rate=0.03
)


def wave(points=40, frequency=9.0):
    x = torch.linspace(-1, 1, points, dtype=torch.float64)[:, None]
    return x, (torch.sin(frequency * x[:, 0]) > 0).long()


def test_it_interpolates_like_numpy_and_goes_on_straight_beyond_the_knots():
    heights = torch.randn(11, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    knots = spline_knots(11, 2.0)
    z = torch.linspace(-2, 2, 101, dtype=torch.float64)
    expected = np.interp(z.numpy(), knots.numpy(), heights.numpy())
    np.testing.assert_allclose(evaluate_spline(z, heights, 2.0), expected, atol=1e-14)
    ends = evaluate_spline(torch.tensor([-2.8, 2.8], dtype=torch.float64), heights, 2.0)
    beyond = [3 * heights[0] - 2 * heights[1], 3 * heights[-1] - 2 * heights[-2]]
    torch.testing.assert_close(ends, torch.stack(beyond))


def test_both_gradients_are_right_and_a_nan_stays_a_nan():
    generator = torch.Generator().manual_seed(1)
    z, heights = (
        torch.randn(3, 4, generator=generator, dtype=torch.float64) * 4,
        torch.rand(9, generator=generator, dtype=torch.float64),
    )
    assert torch.autograd.gradcheck(evaluate_spline, (z.requires_grad_(), heights.requires_grad_()))
    odd = torch.tensor([torch.nan, torch.inf, -torch.inf], dtype=torch.float64)
    assert Spline(heights)(odd).isnan().tolist()[0]


def test_points_and_heights_of_two_types_meet_in_the_finer_one():
    heights = torch.rand(9, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    values = evaluate_spline(torch.tensor([-1.0, 0.0, 2.0]), heights)
    assert torch.equal(values, evaluate_spline([-1, 0, 2], heights.tolist()))
    assert values.dtype == torch.float64


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_spline_agrees_with_its_activation_at_the_knots(activation):
    spline = Spline.of(activation)
    torch.testing.assert_close(spline(spline.knots), activation_function(activation)(spline.knots))


def test_a_relu_spline_network_is_the_relu_network_member_by_member():
    network = SplineMLP(Spline.of("relu"), 3, 2, depth=3, width=8)
    many = network.sample(networks=4, seed=5)
    plain = Population.sample(MLP(3, 2, depth=3, width=8), networks=4, seed=5)
    x = 9 * torch.randn(20, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(many.forward(x), plain.forward(x))
    torch.testing.assert_close(many.member(2)(x), plain.member(2)(x))
    assert "spline.heights" not in many.parameters


def test_spline_networks_train_like_the_networks_they_stand_for():
    x, y = wave()
    many = SplineMLP(Spline.of("relu"), 1, width=8).sample(networks=3)
    plain = Population.sample(MLP(1, depth=2, width=8), networks=3)
    losses = [p.train(x, y, loss="binary", steps=30).losses for p in (many, plain)]
    torch.testing.assert_close(*losses)


def test_the_gradient_of_the_spline_is_that_of_the_validation_loss_at_fixed_weights():
    x, y = (torch.stack([v, v]) for v in wave(12))
    many = SplineMLP(Spline.of("tanh", knots=9), 1, width=8).sample(networks=2)
    heights = Spline.of("tanh", knots=9).heights.requires_grad_()
    (gradient,) = torch.autograd.grad(_validation_loss(many, heights, x, y), [heights])
    for knot in (3, 4, 5):
        step = torch.zeros(9, dtype=torch.float64)
        step[knot] = 1e-6
        with torch.no_grad():
            up, down = (_validation_loss(many, heights + s, x, y) for s in (step, -step))
        assert gradient[knot].item() == pytest.approx((up - down).item() / 2e-6, rel=1e-4)


@pytest.mark.parametrize("seed", [0, 1])
def test_learning_bends_a_straight_activation_until_unseen_points_are_classified(seed):
    x = torch.linspace(-1, 1, 40, dtype=torch.float64)[:, None]
    y = (x[:, 0].abs() > 0.5).long()
    before, seen = torch.get_rng_state(), []
    plan = Bilevel("linear", outer_steps=25, inner_steps=(30, 30), width=16, learning_rate=0.02)
    learned = learn_activation(
        x, y, plan, seed=seed, on_step=lambda step, loss: seen.append((step, loss))
    )
    assert torch.equal(before, torch.get_rng_state())
    assert learned.losses[-5:].mean() < 0.4 * learned.losses[:3].mean()
    assert seen == list(enumerate(learned.losses.tolist(), 1))
    torch.testing.assert_close(learned.start.heights, learned.start.knots)


def test_an_activation_is_learned_where_gradients_are_switched_off():
    x, y = wave()
    expected = learn_activation(x, y, SMALL).losses
    for context in (torch.no_grad, torch.inference_mode):
        with context():
            points = x.clone()
            assert torch.equal(learn_activation(points, y.tolist(), SMALL).losses, expected)


def test_seeds_decide_and_a_rate_of_zero_changes_nothing():
    x, y = wave()
    first, again, other = (learn_activation(x, y, SMALL, seed=s) for s in (0, 0, 1))
    assert torch.equal(first.spline.heights, again.spline.heights)
    assert not torch.equal(first.spline.heights, other.spline.heights)
    still = learn_activation(x, y, Bilevel(**{**vars(SMALL), "spline_rate": 0.0}))
    assert torch.equal(still.spline.heights, still.start.heights)


def test_smoothing_spreads_a_step_and_keeps_a_constant():
    kernel = smoothing_kernel(21, 1.5)
    torch.testing.assert_close(kernel.sum(1), torch.ones(21, dtype=torch.float64))
    assert kernel[10, 10] > kernel[10, 11] == kernel[10, 9] > kernel[10, 12] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "swooosh"}, "start is an unknown name 'swooosh'"),
        ({"inner_steps": (0, 5)}, r"inner_steps\[0\] must be at least 1, got 0"),
        ({"train_fraction": 1.0}, "train_fraction must be above 0 and below 1, got 1"),
        ({"knots": 10**6}, "knots=1000000 needs about 8000 GB"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Bilevel(**options)


def test_bad_splines_and_points_are_named():
    for shape in ((1,), (2, 2)):
        with pytest.raises(ValueError, match=r"heights must have shape \(k,\) with k at least 2"):
            Spline(torch.zeros(shape))
    x, y = wave()
    with pytest.raises(ValueError, match=r"got \(40, 1\) and \(39,\)"):
        learn_activation(x, y[1:])
    with pytest.raises(ValueError, match="1 points leaves 0 to train on and 1 to judge by"):
        learn_activation(x[:1], y[:1])


@pytest.mark.gpu
def test_a_spline_is_learned_on_the_gpu(gpu):
    x, y = (v.to(gpu) for v in wave())
    assert learn_activation(x, y, SMALL).spline.heights.device.type == torch.device(gpu).type
