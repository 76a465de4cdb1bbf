"""The meta-gradient against finite differences, a plain loop, closed forms and the wrong way."""

import math

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional

from ibcore.metainit import (
    adapt,
    full_rates,
    meta_gradient,
    names_below,
    predict,
    reptile_gradient,
)
from ibcore.nets import MLP, Transformer

from .models import BUILDERS, batch_norm, build, start_of, tasks_for
from .plain import plain_gradient

AFTER_A_LAYER = ("mlp with batch norm", "mlp with layer norm")


def varied_rates(start, rate=0.1):
    """Return a different rate for each number, as after meta-learning, some of them negative."""
    rng = torch.Generator().manual_seed(5)
    return {
        name: rate * (1 + torch.randn(value.shape, generator=rng, dtype=torch.float64))
        for name, value in start.items()
    }


def largest_gap(first, second):
    """Return the largest difference of two sets of gradients, over the largest gradient."""
    size = max(value.abs().max() for kind in second.values() for value in kind.values())
    return max(
        ((first[kind][name] - value).abs().max() / size).item()
        for kind in second
        for name, value in second[kind].items()
    )


def central_difference(value_at, start, direction, width=1e-5):
    """Return the slope along a direction from four points, with an error of width**4."""

    def at(steps):
        moved = {name: p + steps * width * direction[name] for name, p in start.items()}
        return value_at(moved).item()

    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * width)


@pytest.mark.parametrize("inner_steps", [1, 3])
@pytest.mark.parametrize("name", BUILDERS)
def test_the_meta_gradient_equals_central_finite_differences(name, inner_steps):
    model, shape = build(name)
    start, sets = start_of(model), tasks_for(shape, points=8)
    rates = varied_rates(start)

    def value_at(params, scales):
        return meta_gradient(model, params, scales, *sets, inner_steps=inner_steps)[0]

    _, grads = meta_gradient(model, start, rates, *sets, inner_steps=inner_steps)
    rng = torch.Generator().manual_seed(9)
    for kind, origin in (("params", start), ("rates", rates)):
        for _ in range(2):
            direction = {
                key: torch.randn(value.shape, generator=rng, dtype=torch.float64)
                for key, value in origin.items()
            }
            slope = sum((grads[kind][key] * direction[key]).sum().item() for key in origin)
            if kind == "params":
                expected = central_difference(lambda p: value_at(p, rates), start, direction)
            else:
                expected = central_difference(lambda r: value_at(start, r), rates, direction)
            assert slope == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("inner_steps", [0, 1, 3])
@pytest.mark.parametrize("name", BUILDERS)
def test_the_meta_gradient_equals_a_plain_loop_over_tasks(name, inner_steps, first_order):
    model, shape = build(name)
    start, sets = start_of(model), tasks_for(shape)
    rates = varied_rates(start)
    options = {"inner_steps": inner_steps, "first_order": first_order}
    value, grads = meta_gradient(model, start, rates, *sets, **options)
    plain = plain_gradient(model, start, rates, *sets, loss=functional.mse_loss, **options)
    torch.testing.assert_close(value, plain[0], rtol=1e-12, atol=0)
    assert largest_gap(grads, plain[1]) < 1e-10


@pytest.mark.parametrize("name", AFTER_A_LAYER)
def test_a_gradient_around_mapped_gradients_is_wrong_where_ours_is_right(name):
    model, shape = build(name)
    start, sets = start_of(model), tasks_for(shape)
    options = {"inner_steps": 1, "first_order": False}
    rates = full_rates(start, 0.3)
    right = plain_gradient(model, start, rates, *sets, loss=functional.mse_loss, **options)

    def task_loss(params, xs, ys, xq, yq):
        slopes = grad(lambda p: functional.mse_loss(functional_call(model, p, (xs,)), ys))(params)
        moved = {key: value - 0.3 * slopes[key] for key, value in params.items()}
        return functional.mse_loss(functional_call(model, moved, (xq,)), yq)

    leaves = {key: value.clone().requires_grad_() for key, value in start.items()}
    losses = vmap(task_loss, in_dims=(None, 0, 0, 0, 0))(leaves, *sets[0], *sets[1])
    slopes = torch.autograd.grad(losses.mean(), [*leaves.values()])
    wrong = {"params": dict(zip(leaves, slopes, strict=True))}
    ours = meta_gradient(model, start, rates, *sets)
    torch.testing.assert_close(losses.mean(), right[0])  # nothing looks wrong going forward
    expected = {"params": right[1]["params"]}
    assert largest_gap(wrong, expected) > 1e-3
    assert largest_gap(ours[1], right[1]) < 1e-12


@pytest.mark.parametrize("name", ["mlp with batch norm", "transformer with layer norm"])
@pytest.mark.parametrize("task_chunk", [1, 2, 5])
def test_chunks_of_tasks_add_up_to_the_whole(name, task_chunk):
    model, shape = build(name)
    start, sets = start_of(model), tasks_for(shape, tasks=5)
    rates = varied_rates(start)
    whole = meta_gradient(model, start, rates, *sets, inner_steps=2)
    chunks = meta_gradient(model, start, rates, *sets, inner_steps=2, task_chunk=task_chunk)
    torch.testing.assert_close(chunks[0], whole[0], rtol=1e-13, atol=0)
    assert largest_gap(chunks[1], whole[1]) < 1e-13


def test_a_module_that_cannot_be_mapped_runs_in_the_loop():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.core, self.head = nn.LSTM(2, 3, batch_first=True), nn.Linear(3, 2)

        def forward(self, x):
            return self.head(self.core(x)[0][:, -1])

    model, sets = Recurrent().double(), tasks_for((4, 2))
    start = start_of(model)
    options = {"inner_steps": 2, "first_order": False}
    plain = plain_gradient(
        model, start, full_rates(start, 0.1), *sets, loss=functional.mse_loss, **options
    )
    ours = meta_gradient(model, start, full_rates(start, 0.1), *sets, vectorize=False, **options)
    assert largest_gap(ours[1], plain[1]) < 1e-12


def test_fused_attention_is_left_out_in_the_loop_too():
    model, shape = build("transformer with layer norm")
    start, sets = start_of(model), tasks_for(shape)
    loop = meta_gradient(model, start, 0.1, *sets, vectorize=False)
    assert largest_gap(loop[1], meta_gradient(model, start, 0.1, *sets)[1]) < 1e-12


def test_one_rate_for_all_equals_the_same_rate_for_each_number():
    model, shape = build("mlp with batch norm")
    start, sets = start_of(model), tasks_for(shape)
    shared = meta_gradient(model, start, 0.1, *sets, inner_steps=2)
    each = meta_gradient(model, start, full_rates(start, 0.1), *sets, inner_steps=2)
    assert largest_gap({"params": shared[1]["params"]}, {"params": each[1]["params"]}) < 1e-13
    for name, slope in each[1]["rates"].items():
        torch.testing.assert_close(shared[1]["rates"][name], slope.sum())
    by_tensor = meta_gradient(
        model, start, torch.tensor(0.1, dtype=torch.float64), *sets, inner_steps=2
    )
    assert largest_gap(by_tensor[1], shared[1]) == 0


def test_only_the_head_is_adapted_where_only_the_head_has_a_rate():
    model, shape = build("mlp with layer norm")
    start, sets = start_of(model), tasks_for(shape)
    head = names_below(model, ["3"])
    rates = full_rates(start, 0.1, head)
    ours = meta_gradient(model, start, rates, *sets, inner_steps=2)
    padded = full_rates(start, 0.0) | rates
    plain = plain_gradient(
        model,
        start,
        padded,
        *sets,
        inner_steps=2,
        first_order=False,
        loss=functional.mse_loss,
    )
    assert list(ours[1]["rates"]) == head
    assert largest_gap({"params": ours[1]["params"]}, {"params": plain[1]["params"]}) < 1e-12
    adapted = adapt(model, start, rates, sets[0], inner_steps=2)
    for name, value in adapted.items():
        moved = not torch.equal(value, start[name].expand_as(value))
        assert moved is (name in head)


def test_without_inner_steps_it_is_the_gradient_of_training_on_the_query_sets():
    model, shape = build("lstm with layer norm")
    start, sets = start_of(model), tasks_for(shape)
    value, grads = meta_gradient(model, start, 0.1, *sets, inner_steps=0)
    leaves = {name: p.clone().requires_grad_() for name, p in start.items()}
    pooled = functional.mse_loss(
        functional_call(model, leaves, (sets[1][0].flatten(0, 1),)), sets[1][1].flatten(0, 1)
    )
    slopes = torch.autograd.grad(pooled, [*leaves.values()])
    torch.testing.assert_close(value, pooled.detach())
    for name, slope in zip(leaves, slopes, strict=True):
        torch.testing.assert_close(grads["params"][name], slope)
    assert not any(slope.any() for slope in grads["rates"].values())


def test_first_order_differs_from_second_order_unless_the_inner_loss_is_linear():
    model, sets = nn.Linear(3, 2).double(), tasks_for((3,))
    start = start_of(model)

    def linear(outputs, targets):
        return (outputs * targets).mean()

    def grads(loss, first_order):
        return meta_gradient(model, start, 0.1, *sets, loss=loss, first_order=first_order)[1]

    assert largest_gap(grads(linear, True), grads(linear, False)) == 0
    assert largest_gap(grads("mse", True), grads("mse", False)) > 1e-3


def test_quadratic_tasks_match_their_closed_form():
    """With loss (w - c)^2 / 2 for each task, k steps leave (1 - a)^k of the way to the target."""

    class Weight(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.zeros(()))

        def forward(self, x):
            return self.w.expand(len(x), 1)

    targets = torch.tensor([[[1.0]], [[-3.0]]], dtype=torch.float64)
    points, model, w, a, k = (torch.zeros(2, 1, 1).double(), targets), Weight(), 0.5, 0.3, 4

    def half_square(outputs, y):
        return (outputs - y).square().sum() / 2

    start = {"w": torch.tensor(w).double()}
    value, grads = meta_gradient(model, start, a, points, points, inner_steps=k, loss=half_square)
    gaps = [w - c for c in targets.flatten().tolist()]
    assert value.item() == pytest.approx(
        sum(0.5 * ((1 - a) ** k * gap) ** 2 for gap in gaps) / 2, rel=1e-12
    )
    slope = sum((1 - a) ** (2 * k) * gap for gap in gaps) / 2
    assert grads["params"]["w"].item() == pytest.approx(slope, rel=1e-12)
    slope = sum(-k * (1 - a) ** (2 * k - 1) * gap**2 for gap in gaps) / 2
    assert grads["rates"]["w"].item() == pytest.approx(slope, rel=1e-12)
    first = meta_gradient(
        model, start, a, points, points, inner_steps=k, loss=half_square, first_order=True
    )[1]
    slope = sum((1 - a) ** k * gap for gap in gaps) / 2
    assert first["params"]["w"].item() == pytest.approx(slope, rel=1e-12)


def test_named_losses_equal_those_of_torch():
    model, shape = build("mlp")
    start, (support, query) = start_of(model), tasks_for(shape)
    classes = [(x, y.argmax(-1)) for x, y in (support, query)]
    named = meta_gradient(model, start, 0.1, *classes, loss="cross_entropy")
    given = meta_gradient(model, start, 0.1, *classes, loss=functional.cross_entropy)
    assert largest_gap(named[1], given[1]) < 1e-12
    single = nn.Linear(3, 1).double()
    labels = [(x, (y[..., 0] > 0).long()) for x, y in (support, query)]
    named = meta_gradient(single, start_of(single), 0.1, *labels, loss="binary")

    def logistic(outputs, targets):
        return functional.binary_cross_entropy_with_logits(outputs[:, 0], targets.double())

    given = meta_gradient(single, start_of(single), 0.1, *labels, loss=logistic)
    assert largest_gap(named[1], given[1]) < 1e-12


def test_a_language_model_of_ours_meta_learns_through_its_tokens():
    model = Transformer(7, depth=1, width=4, heads=2, context=5, activation="tanh").double()
    rng = torch.Generator().manual_seed(3)
    tokens = torch.randint(7, (3, 2, 5), generator=rng)

    def next_token(logits, text):
        return functional.cross_entropy(logits[:, :-1].flatten(0, 1), text[:, 1:].flatten())

    start, points = start_of(model), (tokens, tokens)
    options = {"inner_steps": 2, "first_order": False, "loss": next_token}
    ours = meta_gradient(model, start, 0.1, points, points, **options)
    plain = plain_gradient(model, start, full_rates(start, 0.1), points, points, **options)
    assert largest_gap({"params": ours[1]["params"]}, {"params": plain[1]["params"]}) < 1e-10


def test_nothing_that_is_passed_in_is_changed_and_the_module_is_left_alone():
    model, shape = build("cnn with batch norm")
    start, sets = start_of(model), tasks_for(shape)
    rates = varied_rates(start)
    before = [value.clone() for value in (*start.values(), *rates.values())]
    state, rng = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    meta_gradient(model, start, rates, *sets, inner_steps=3)
    adapt(model, start, rates, sets[0], inner_steps=3)
    after = [*start.values(), *rates.values()]
    assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(rng, torch.get_rng_state())


@pytest.mark.parametrize("name", ["mlp with batch norm", "transformer with layer norm"])
def test_the_order_of_the_support_set_does_not_matter(name):
    model, shape = build(name)
    start, (support, _) = start_of(model), tasks_for(shape)
    order = torch.tensor([2, 0, 3, 1])
    first = adapt(model, start, 0.1, support, inner_steps=3)
    second = adapt(model, start, 0.1, (support[0][:, order], support[1][:, order]), inner_steps=3)
    for key, value in first.items():
        torch.testing.assert_close(value, second[key], rtol=1e-11, atol=1e-13)


def test_adapting_equals_a_plain_loop_of_gradient_steps():
    model, shape = build("cnn with batch norm")
    start, (support, _) = start_of(model), tasks_for(shape)
    adapted = adapt(model, start, 0.2, support, inner_steps=4, task_chunk=2)
    for task in range(3):
        current = {name: value.clone().requires_grad_() for name, value in start.items()}
        for _ in range(4):
            outputs = functional_call(model, current, (support[0][task],))
            loss = functional.mse_loss(outputs, support[1][task])
            slopes = torch.autograd.grad(loss, [*current.values()])
            pairs = zip(current.items(), slopes, strict=True)
            current = {n: (p - 0.2 * g).detach().requires_grad_() for (n, p), g in pairs}
        for name, value in current.items():
            torch.testing.assert_close(adapted[name][task], value.detach(), rtol=1e-10, atol=1e-12)
    assert not any(value.requires_grad for value in adapted.values())


def test_without_steps_adapting_returns_copies_of_the_start():
    model, shape = build("mlp")
    start, (support, _) = start_of(model), tasks_for(shape)
    copies = adapt(model, start, 0.1, support, inner_steps=0)
    for name, value in copies.items():
        value.add_(1)
        torch.testing.assert_close(value[0] - 1, start[name])


def test_reptile_with_one_step_is_the_rate_times_the_pooled_gradient():
    model, shape = build("mlp")
    start, (support, _) = start_of(model), tasks_for(shape)
    pooled = meta_gradient(model, start, 0.1, support, support, inner_steps=0)[1]["params"]
    _, away = reptile_gradient(model, start, 0.1, support, inner_steps=1)
    for name, value in away.items():
        torch.testing.assert_close(value, 0.1 * pooled[name], rtol=1e-9, atol=1e-13)
    value, away = reptile_gradient(model, start, 0.1, support, inner_steps=4, task_chunk=1)
    adapted = adapt(model, start, 0.1, support, inner_steps=4)
    for name in start:
        torch.testing.assert_close(away[name], start[name] - adapted[name].mean(0))
    assert value < meta_gradient(model, start, 0.1, support, support, inner_steps=0)[0]


@pytest.mark.gpu
@pytest.mark.parametrize("name", BUILDERS)
def test_a_gpu_gives_the_meta_gradient_of_the_cpu(name, gpu):
    model, shape = build(name)
    start, sets = start_of(model), tasks_for(shape)
    here = meta_gradient(model, start, 0.1, *sets, inner_steps=2)
    there = meta_gradient(
        model,
        {key: value.to(gpu) for key, value in start.items()},
        0.1,
        *[tuple(z.to(gpu) for z in points) for points in sets],
        inner_steps=2,
    )
    back = {kind: {k: v.cpu() for k, v in part.items()} for kind, part in there[1].items()}
    assert largest_gap(back, here[1]) < 1e-9


POINTS = torch.zeros(2, 4, 3), torch.zeros(2, 4, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rates": {"head.weight": 0.1}}, r"rates name \['head.weight'\]"),
        ({"rates": math.nan}, "rates must be finite, got nan"),
        (
            {"rates": {"layers.0.bias": torch.zeros(2)}},
            r"\(2,\) on cpu, does not broadcast",
        ),
        (
            {"rates": torch.tensor(0.1).double()},
            r"float64 .* does not broadcast to torch.float32",
        ),
        ({"inner_steps": -1}, "inner_steps must be at least 0, got -1"),
        ({"task_chunk": 0}, "task_chunk must be at least 1, got 0"),
        ({"loss": "hinge"}, "unknown loss 'hinge'"),
        ({"loss": "binary"}, r"loss binary needs targets \(tasks, n\) in support"),
        ({"loss": lambda o, y: (o - y).square()}, r"gives \[4, 2\] for a task"),
        ({"support": (POINTS[0][0], POINTS[1][0])}, "support needs x and y"),
        ({"support": (POINTS[0], POINTS[1][:, :3])}, r"not \[2, 4, 3\], \[2, 3, 2\]"),
        ({"query": tuple(z[:1] for z in POINTS)}, "support holds 2 tasks and query 1"),
        (
            {"query": (POINTS[0], POINTS[1][..., :1])},
            r"targets of shape \(1,\), the outputs \(2,\)",
        ),
        ({"params": {"layers.0.weight": torch.zeros(5, 3)}}, "the model's are"),
    ],
)
def test_bad_input_is_named(change, message):
    model = MLP(3, 2, depth=1, width=5)
    given = {"params": start_of(model), "rates": 0.1, "support": POINTS, "query": POINTS} | change
    with pytest.raises(ValueError, match=message):
        meta_gradient(model, **given)


def test_running_statistics_are_refused_with_their_remedy():
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    with pytest.raises(ValueError, match=r"1 keeps running .* track_running_stats=False"):
        meta_gradient(model, start_of(model), 0.1, POINTS, POINTS)
    meta_gradient(nn.Sequential(model[0], batch_norm(2)), start_of(model), 0.1, POINTS, POINTS)


def test_dropout_gives_each_task_a_mask_of_its_own():
    model = nn.Sequential(nn.Linear(3, 400), nn.Dropout(0.5), nn.Linear(400, 1, bias=False))
    start = {name: torch.ones_like(value) for name, value in model.named_parameters()}
    x, y = torch.ones(4, 6, 3), torch.zeros(4, 6, 1)
    for vectorize in (True, False):
        torch.manual_seed(0)
        first, again = (
            meta_gradient(model, start, 1e-9, (x, y), (x, y), vectorize=vectorize)[0]
            for _ in range(2)
        )
        assert first != again and first > 0
    stacked = {name: value.expand(4, *value.shape) for name, value in start.items()}
    outputs = predict(model, stacked, x)
    assert all((z[:1] != z).any() for z in (outputs, outputs.mT))  # of tasks, and of points
    assert (outputs / 1600 - 1).abs().max() < 0.25
    torch.testing.assert_close(predict(model.eval(), stacked, x), torch.full_like(outputs, 1600))


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_module_that_cannot_be_mapped_is_named_with_its_remedy(kind):
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.core = kind(2, 3, batch_first=True)

        def forward(self, x):
            return self.core(x)[0][:, -1]

    model, (support, query) = Last().double(), tasks_for((4, 2))
    with pytest.raises(ValueError, match=r"vmap cannot map Last: .*; use vectorize=False"):
        predict(model, random_lists(model, 3), support[0])
    assert predict(model, random_lists(model, 3), query[0], vectorize=False).shape == (3, 5, 3)
    with pytest.raises(ValueError, match=r"does not take inputs .* of shape \(4, 9, 5\)"):
        predict(model, random_lists(model, 3), torch.zeros(3, 4, 9, 5), vectorize=False)


def random_lists(model, tasks):
    return {name: [value.tolist()] * tasks for name, value in model.double().named_parameters()}


def test_embeddings_take_whole_numbers_and_other_networks_the_type_of_their_weights():
    embedding = nn.Sequential(nn.Embedding(7, 3), nn.Flatten(), nn.Linear(12, 2)).double()
    tokens = torch.randint(7, (3, 4, 4), generator=torch.Generator().manual_seed(0))
    points = tokens, tasks_for((3,))[0][1]
    start = start_of(embedding)
    mapped, loop = (
        meta_gradient(embedding, start, 0.1, points, points, vectorize=vectorize)
        for vectorize in (True, False)
    )
    assert largest_gap(mapped[1], loop[1]) < 1e-12
    model, shape = build("mlp")
    (x, y), _ = tasks_for(shape)
    start, y = start_of(model), y.round()
    expected = meta_gradient(model, start, 0.1, (x.float(), y), (x.float(), y))
    for given in ((x.float().numpy(), y.long()), (x.float().tolist(), y.int().numpy())):
        value, grads = meta_gradient(model, start, 0.1, given, given)
        assert value == expected[0] and largest_gap(grads, expected[1]) == 0


def test_a_flag_is_no_rate():
    model = nn.Linear(3, 2)
    for rates in (True, {"weight": True}):
        with pytest.raises(TypeError, match=r"^rates.* must be a number"):
            meta_gradient(model, start_of(model), rates, POINTS, POINTS)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_gradients_that_the_caller_has_switched_off_change_nothing(context):
    model, shape = build("mlp with layer norm")
    start, sets = start_of(model), tasks_for(shape)
    expected = meta_gradient(model, start, 0.1, *sets, inner_steps=2)
    with context():
        inside = [tuple(z.clone() for z in points) for points in sets]
        value, grads = meta_gradient(model, start, 0.1, *inside, inner_steps=2)
        adapted = adapt(model, start, 0.1, inside[0])
        _, away = reptile_gradient(model, start, 0.1, inside[0])
    assert value == expected[0] and largest_gap(grads, expected[1]) == 0
    assert all(torch.equal(v, adapt(model, start, 0.1, sets[0])[n]) for n, v in adapted.items())
    assert away.keys() == start.keys()


def test_classes_that_the_network_does_not_have_are_named():
    model = MLP(3, 2, depth=1, width=5)
    x, y = torch.zeros(2, 4, 3), torch.tensor([[0, 1, 0, 1], [0, 1, 0, 2]])
    with pytest.raises(ValueError, match="y holds class 2, but the networks have 2"):
        meta_gradient(model, start_of(model), 0.1, (x, y), (x, y), loss="cross_entropy")
    with pytest.raises(ValueError, match=r"the loss does not take outputs \(4, 2\)"):
        meta_gradient(
            model, start_of(model), 0.1, (x, y), (x, y[..., None]), loss=functional.cross_entropy
        )


def test_overflow_is_an_error_and_no_number():
    model, shape = build("mlp")
    sets = [(x * 1e200, y) for x, y in tasks_for(shape)]
    with pytest.raises(FloatingPointError, match="use smaller rates, fewer inner steps or data"):
        meta_gradient(model, start_of(model), 1e200, *sets)


def test_weights_that_do_not_exist_yet_are_asked_for():
    model = nn.Sequential(nn.LazyLinear(4), nn.Linear(4, 2))
    with pytest.raises(ValueError, match=r"model has no weights at '0.weight' yet; call it once"):
        meta_gradient(model, {}, 0.1, POINTS, POINTS)
