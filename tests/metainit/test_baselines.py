"""The conditions without meta-learning: a real reset, torch's own optimizers, matched budgets."""

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from ibcore.metainit import (
    MetaLearner,
    accuracy,
    meta_gradient,
    optimizer_curve,
    pooled,
    random_starts,
    rates_curve,
    squared_error,
    variance_explained,
)
from ibcore.nets import LSTM, MLP, Transformer

from .models import build, start_of, tasks_for

STEPS = (0, 1, 7, 20)


def members(stacked, index):
    return {name: value[index] for name, value in stacked.items()}


@pytest.mark.parametrize(
    ("optimizer", "rule"), [("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)]
)
@pytest.mark.parametrize("name", ["mlp", "cnn with batch norm", "lstm with layer norm"])
def test_each_task_trains_as_torch_would_train_it_alone(name, optimizer, rule):
    model, shape = build(name)
    support, query = tasks_for(shape, tasks=2)
    starts = random_starts(model, 2, dtype=torch.float64)
    options = {"learning_rate": 0.05, "weight_decay": 0.1}
    curve = optimizer_curve(
        model, starts, support, query[0], steps=STEPS, optimizer=optimizer, **options
    )
    for task in range(2):
        model.load_state_dict(members(starts, task))
        alone = rule(model.parameters(), lr=0.05, weight_decay=0.1)
        for step in range(STEPS[-1] + 1):
            if step in STEPS:
                seen = curve[STEPS.index(step), task]
                torch.testing.assert_close(seen, model(query[0][task]), rtol=1e-8, atol=1e-8)
            alone.zero_grad()
            functional.mse_loss(model(support[0][task]), support[1][task]).backward()
            alone.step()


def test_two_evaluations_in_a_row_give_identical_numbers_and_the_starts_stay():
    model, shape = build("mlp with batch norm")
    support, query = tasks_for(shape)
    starts = random_starts(model, 3, dtype=torch.float64)
    before = {name: value.clone() for name, value in starts.items()}
    first = optimizer_curve(model, starts, support, query[0], steps=STEPS)
    second = optimizer_curve(model, starts, support, query[0], steps=STEPS)
    assert torch.equal(first, second)
    assert all(torch.equal(value, starts[name]) for name, value in before.items())
    assert not torch.equal(first[0], first[-1])


def test_a_task_does_not_depend_on_the_tasks_evaluated_before_it():
    model, shape = build("mlp")
    support, query = tasks_for(shape)
    starts = random_starts(model, 3, dtype=torch.float64)
    together = optimizer_curve(model, starts, support, query[0], steps=(20,))
    last = [z[2:] for z in support]
    alone = optimizer_curve(
        model, {n: v[2:] for n, v in starts.items()}, last, query[0][2:], steps=(20,)
    )
    torch.testing.assert_close(together[:, 2:], alone, rtol=1e-12, atol=1e-12)
    chunks = optimizer_curve(model, starts, support, query[0], steps=(20,), task_chunk=2)
    torch.testing.assert_close(together, chunks, rtol=1e-12, atol=1e-12)


def test_one_start_for_all_tasks_equals_a_copy_for_each():
    model, shape = build("mlp")
    support, query = tasks_for(shape)
    start = start_of(model)
    copies = {name: value.expand(3, *value.shape).clone() for name, value in start.items()}
    for curve in (
        lambda s: optimizer_curve(model, s, support, query[0], steps=STEPS),
        lambda s: rates_curve(model, s, 0.1, support, query[0], steps=STEPS),
    ):
        assert torch.equal(curve(start), curve(copies))


def test_steps_with_given_rates_equal_the_learners_adaptation_at_every_budget():
    model, shape = build("mlp with layer norm")
    support, query = tasks_for(shape)
    learner = MetaLearner(model, rate=0.1)
    curve = rates_curve(
        model, learner.start.params, learner.start.rates, support, query[0], steps=STEPS
    )
    for index, step in enumerate(STEPS):
        expected = learner.predict(support, query[0], inner_steps=step)
        torch.testing.assert_close(curve[index], expected, rtol=1e-12, atol=1e-12)


def test_plain_gradient_descent_and_one_rate_for_all_are_the_same_thing():
    model, shape = build("cnn with batch norm")
    support, query = tasks_for(shape)
    start = start_of(model)
    one = rates_curve(model, start, 0.1, support, query[0], steps=STEPS)
    other = optimizer_curve(
        model,
        start,
        support,
        query[0],
        steps=STEPS,
        optimizer="sgd",
        learning_rate=0.1,
        weight_decay=0,
    )
    torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


def test_pooled_pretraining_descends_the_loss_over_all_points_of_all_tasks():
    model, shape = build("mlp with batch norm")
    support, query = tasks_for(shape)
    start, tasks = start_of(model), pooled(support, query)
    loss, grads = meta_gradient(model, start, 0.1, *tasks, inner_steps=0)
    x = torch.cat([support[0].flatten(0, 1), query[0].flatten(0, 1)])
    y = torch.cat([support[1].flatten(0, 1), query[1].flatten(0, 1)])
    leaves = {name: value.clone().requires_grad_() for name, value in start.items()}
    expected = functional.mse_loss(functional_call(model, leaves, (x,)), y)
    slopes = torch.autograd.grad(expected, [*leaves.values()])
    torch.testing.assert_close(loss, expected.detach())
    for name, slope in zip(leaves, slopes, strict=True):
        torch.testing.assert_close(grads["params"][name], slope, rtol=1e-9, atol=1e-12)
    learner = MetaLearner(model, inner_steps=0, rates="fixed")
    fitted = learner.fit(lambda _: tasks, steps=50, learning_rate=0.01)
    assert fitted.losses[-1] < fitted.losses[0]


def test_random_starts_have_the_spread_of_torch_and_do_not_depend_on_how_many_are_drawn():
    net = nn.Sequential(nn.Conv2d(3, 50, 3), nn.BatchNorm2d(50), nn.Flatten(), nn.Linear(400, 200))
    rng = torch.get_rng_state()
    few, many = random_starts(net, 2, seed=4), random_starts(net, 5, seed=4)
    later = random_starts(net, 2, seed=4, first=3)
    assert torch.equal(rng, torch.get_rng_state())
    for name in few:
        assert torch.equal(few[name], many[name][:2])
        assert torch.equal(later[name], many[name][3:])
    assert not torch.equal(many["0.weight"][0], many["0.weight"][1])
    for name, fan_in in (("0.weight", 27), ("0.bias", 27), ("3.weight", 400), ("3.bias", 400)):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            layer = nn.Conv2d(3, 50, 3) if name[0] == "0" else nn.Linear(400, 200)
        theirs = dict(layer.named_parameters())[name[2:]]
        assert many[name].abs().max() <= fan_in**-0.5
        assert many[name].std().item() == pytest.approx(theirs.std().item(), rel=0.2)
    assert bool((many["1.weight"] == 1).all())
    assert not many["1.bias"].any()


def test_networks_that_know_their_initial_weights_are_asked():
    for net in (LSTM(2, 1, width=4, norm="layer"), Transformer(5, depth=1, width=4, heads=2)):
        starts = random_starts(net, 1)
        assert {n: v.shape[1:] for n, v in starts.items()} == {
            n: v.shape for n, v in net.named_parameters()
        }
    inside = nn.Sequential(nn.Linear(3, 2), LSTM(2, 1, width=4))
    starts = random_starts(inside, 1)
    assert starts["1.layers.0.hidden.weight"].abs().max() <= 0.5
    assert list(starts) == [name for name, _ in inside.named_parameters()]


def test_parameters_without_a_rule_are_named():
    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.size = nn.Parameter(torch.ones(1))

    with pytest.raises(ValueError, match=r"no rule draws the parameters \['size'\] of 1 \(Scale"):
        random_starts(nn.Sequential(nn.Linear(2, 2), Scale()), 1)
    with pytest.raises(ValueError, match="networks must be at least 1, got 0"):
        random_starts(nn.Linear(1, 1), 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": ()}, "steps must be numbers >= 0 in rising order"),
        ({"steps": (5, 5)}, r"got \[5, 5\]"),
        ({"x": torch.zeros(2, 4, 3)}, "support holds 3 tasks and x 2"),
        ({"starts": 2}, r"starts has .* of shape \(2, 5, 3\), the model needs \(3, 5, 3\)"),
        ({"optimizer": "lion"}, "unknown optimizer 'lion'"),
    ],
)
def test_bad_input_is_named(change, message):
    model = MLP(3, 2, depth=1, width=5)
    support = torch.zeros(3, 4, 3), torch.zeros(3, 4, 2)
    given = {"starts": 3, "support": support, "x": support[0]} | change
    given["starts"] = random_starts(model, given["starts"])
    with pytest.raises(ValueError, match=message):
        optimizer_curve(model, **given)


def test_scores_match_their_definitions():
    outputs = torch.tensor([[[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]]])  # one task of three points
    assert accuracy(outputs, torch.tensor([[1, 1, 1]])).item() == pytest.approx(2 / 3)
    curve = torch.stack([outputs, -outputs])
    assert accuracy(curve, torch.tensor([[1, 1, 1]])).flatten().tolist() == pytest.approx(
        [2 / 3, 1 / 3]
    )
    targets = torch.tensor([[[0.0], [2.0]], [[5.0], [5.0]]])
    predicted = torch.tensor([[[1.0], [2.0]], [[5.0], [4.0]]])
    assert squared_error(predicted, targets).tolist() == [0.5, 0.5]
    explained = variance_explained(predicted, targets)
    assert explained[0].item() == 0.5
    assert explained[1].isnan()
    with pytest.raises(ValueError, match=r"need outputs and targets \(tasks, n, out\)"):
        squared_error(predicted[..., 0], targets)
    with pytest.raises(ValueError, match=r"need outputs and targets \(tasks, n, classes\)"):
        accuracy(outputs, torch.tensor([1, 1, 1]))


@pytest.mark.parametrize("targets", [[[1, 3, 0]], [[1, -1, 0]], [[1, 0.5, 0]]])
def test_targets_that_are_no_classes_are_named(targets):
    for outputs in (torch.zeros(1, 3, 3), torch.zeros(1, 3, 1)):
        with pytest.raises(ValueError, match="targets must be classes from 0 to"):
            accuracy(outputs, targets)
    assert accuracy(torch.zeros(1, 3, 3), [[0.0, 2.0, 0.0]]).tolist() == pytest.approx([2 / 3])


def test_targets_that_differ_by_rounding_are_constant():
    targets = torch.full((1, 7, 1), 0.1).double()
    targets[0, 3] += 1e-17
    assert variance_explained(targets + 1, 3 * targets - 2 * targets).isnan().all()
    with pytest.raises(ValueError, match="targets are too small to be squared"):
        variance_explained(targets, torch.arange(7.0)[None, :, None].double() * 1e-200)
    with pytest.raises(ValueError, match="too far apart to be squared"):
        squared_error(targets * 1e200, targets)


def test_only_points_of_the_same_tasks_are_pooled():
    x, y = torch.zeros(3, 2, 4), torch.zeros(3, 2, 1)
    for wrong in ((x, y[:, :1]), (x[:2], y), (x[0], y)):
        with pytest.raises(ValueError, match=r"query needs x and y \(tasks, n, ...\)"):
            pooled((x, y), wrong)
    with pytest.raises(ValueError, match="support and query must be alike"):
        pooled((x, y), (x[..., :3], y))
