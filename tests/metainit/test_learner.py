"""The meta-learner: it learns, keeps a copy of the best, and its options do what they say."""

import math

import pytest
import torch
from torch import nn

from ibcore.metainit import MetaLearner, Start, meta_gradient
from ibcore.nets import MLP
from ibcore.tasks.concepts import table_episodes

X = torch.eye(4)
TABLE = torch.tensor([[0.0, 0, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1]])


def draw(step):
    return table_episodes(X, TABLE, tasks=4, support=3, seed=step)


VALIDATION = [table_episodes(X, TABLE, support=n, seed=99) for n in (2, 4)]


def learner(**options):
    options = {"rate": 0.5, "loss": "binary"} | options
    return MetaLearner(MLP(4, 1, depth=1, width=8, seed=1), **options)


def same(first, second):
    return all(
        torch.equal(value, getattr(second, part)[name])
        for part in ("params", "rates")
        for name, value in getattr(first, part).items()
    )


def test_meta_learning_lowers_the_loss_after_one_step_on_unseen_support_sets():
    for options in ({}, {"rates": "shared"}, {"rates": "fixed", "first_order": True}):
        model = learner(**options)
        before = model._validate(model.start, VALIDATION)
        model.fit(draw, steps=150, learning_rate=0.02, validation=VALIDATION, validate_every=50)
        assert model._validate(model.start, VALIDATION) < before - 0.1


def test_the_best_validation_is_kept_as_a_copy_that_later_steps_do_not_change():
    model, seen = learner(), {}

    def judge(start, _):
        seen[len(seen)] = start.copy()
        return [3.0, 1.0, 2.0, 5.0][len(seen) - 1]

    model._validate = judge
    fitted = model.fit(draw, steps=8, validation=VALIDATION, validate_every=2, learning_rate=0.1)
    assert fitted.best_step == 4
    assert same(fitted.best, seen[1])
    assert same(model.start, seen[1])
    assert not same(fitted.last, fitted.best)
    assert same(fitted.last, seen[3])
    assert fitted.validated.tolist() == [2, 4, 6, 8]
    assert fitted.validation.tolist() == [3.0, 1.0, 2.0, 5.0]


def test_training_stops_when_validation_no_longer_improves():
    model, values = learner(), iter([2.0, 1.0, 1.0, 1.5, 0.1])
    model._validate = lambda *_: next(values)
    fitted = model.fit(draw, steps=100, validation=VALIDATION, validate_every=3, patience=2)
    assert len(fitted.losses) == 12  # the fourth validation is the second without a new best
    assert fitted.best_step == 6


def test_the_last_start_is_kept_without_validation_and_every_step_is_reported():
    model, calls = learner(), []
    fitted = model.fit(draw, steps=5, on_step=lambda step, loss: calls.append((step, loss.item())))
    assert same(model.start, fitted.last)
    assert fitted.best_step == 5
    assert calls == [(i + 1, loss) for i, loss in enumerate(fitted.losses.tolist())]


def test_fitting_equals_adamw_with_clipping_on_the_meta_gradient():
    model = learner()
    start = model.start.copy()
    leaves = [*start.params.values(), *start.rates.values()]
    adamw = torch.optim.AdamW(leaves, lr=0.01, weight_decay=0.1)
    for step in range(5):
        tasks = draw(step)
        _, grads = meta_gradient(model.model, start.params, start.rates, *tasks[:2], loss="binary")
        slopes = [*grads["params"].values(), *grads["rates"].values()]
        for leaf, slope in zip(leaves, slopes, strict=True):
            leaf.grad = slope
        nn.utils.clip_grad_norm_(leaves, 0.1)
        adamw.step()
    model.fit(draw, steps=5, learning_rate=0.01, weight_decay=0.1, clip=0.1)
    assert same(model.start, start)


def test_a_shared_rate_stays_one_number_and_fixed_rates_stay():
    shared, fixed = learner(rates="shared"), learner(rates="fixed", adapted=["layers.1"])
    for model in (shared, fixed):
        model.fit(draw, steps=20, learning_rate=0.02)
    values = {rate.item() for rate in shared.start.rates.values()}
    assert len(values) == 1
    assert values != {0.5}
    assert {name: rate.item() for name, rate in fixed.start.rates.items()} == {
        "layers.1.weight": 0.5,
        "layers.1.bias": 0.5,
    }


def test_reptile_moves_the_start_towards_the_tasks():
    model = learner(rates="fixed", reptile=True, inner_steps=5)
    before = model._validate(model.start, VALIDATION)
    model.fit(draw, steps=100, learning_rate=0.01, weight_decay=0.0)
    assert model._validate(model.start, VALIDATION) < before - 0.05


def test_adapting_never_modifies_the_start_or_the_module():
    model = learner()
    model.fit(draw, steps=3)
    before, state = model.start.copy(), {k: v.clone() for k, v in model.model.state_dict().items()}
    support, query = draw(0)[:2]
    first = model.predict(support, query[0], inner_steps=7)
    second = model.predict(support, query[0], inner_steps=7)
    assert torch.equal(first, second)
    assert same(model.start, before)
    assert all(torch.equal(value, state[name]) for name, value in model.model.state_dict().items())


def test_weights_and_rates_of_two_starts_can_be_swapped():
    one, two = learner(), learner(rate=0.1)
    one.fit(draw, steps=10, learning_rate=0.05)
    mixed = Start(one.start.params, two.start.rates)
    support, _ = draw(0)[:2]
    adapted = two.adapt(support, start=mixed)
    for name, value in one.adapt(support).items():
        assert not torch.equal(adapted[name], value)


def test_two_fits_from_the_same_start_are_identical_and_leave_the_global_random_state_alone():
    rng = torch.get_rng_state()
    results = [learner().fit(draw, steps=10).last for _ in range(2)]
    assert same(*results)
    assert torch.equal(rng, torch.get_rng_state())


def test_a_loss_that_is_not_finite_stops_training_and_names_the_step():
    model = learner(rate=1e30, inner_steps=3, loss="mse")
    before = model.start.copy()

    def tasks(step):
        (x, y), (xq, yq) = draw(step)[:2]
        return (x, y[..., None]), (xq, yq[..., None])

    with pytest.raises(FloatingPointError, match=r"the loss is (inf|nan) at step 1;"):
        model.fit(tasks, steps=3)
    assert same(model.start, before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rates": "free"}, "unknown rates 'free'"),
        ({"adapted": ["head"]}, "no parameter lies below 'head'"),
        ({"adapted": []}, "adapted is empty"),
        ({"rate": math.inf}, "rate must be at least 0, got inf"),
        ({"reptile": True}, "fixed rates and no order to choose; got inner_steps=1, rates='each'"),
        ({"params": {}}, "params names"),
    ],
)
def test_bad_options_of_the_learner_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        learner(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"steps": 1, "patience": 0}, "patience must be at least 1, got 0"),
        ({"steps": 1, "clip": 0.0}, "clip must be above 0, got 0"),
        ({"steps": 1, "learning_rate": -1}, "learning_rate must be at least 0, got -1"),
        ({"steps": 1, "optimizer": "lion"}, "unknown optimizer 'lion'"),
    ],
)
def test_bad_options_of_the_outer_loop_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        learner().fit(draw, **options)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_gradients_that_the_caller_has_switched_off_change_nothing(context):
    expected = learner().fit(draw, steps=3, validation=VALIDATION, validate_every=1)
    with context():
        model = learner()
        inside = model.fit(draw, steps=2, validation=VALIDATION, validate_every=1)
        outputs = model.predict(*_first(0))
    torch.testing.assert_close(inside.losses, expected.losses[:2], rtol=0, atol=0)
    assert torch.equal(outputs, model.predict(*_first(0)))
    model.fit(draw, steps=1)  # what was made inside learns outside


def _first(step):
    drawn = draw(step)
    return drawn.support, drawn.query[0]


def test_what_a_function_draws_is_converted_or_named():
    def arrays(step):
        return [[z.numpy() for z in points] for points in draw(step)[:2]]

    tensors, converted = (learner().fit(drawn, steps=3).last for drawn in (draw, arrays))
    assert same(tensors, converted)
    for wrong in (lambda step: None, lambda step: draw(step).support):
        with pytest.raises((TypeError, ValueError), match=r"^draw"):
            learner().fit(wrong, steps=1)


def test_a_weight_that_is_not_finite_stops_training():
    class Root(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.zeros(1))

        def forward(self, x):
            return self.w.abs().sqrt() * x

    points = torch.ones(2, 3, 1), torch.zeros(2, 3, 1)
    model = MetaLearner(Root(), inner_steps=0, rates="fixed")
    with pytest.raises(FloatingPointError, match="a weight is not finite after step 1"):
        model.fit(lambda _: (points, points), steps=1)
