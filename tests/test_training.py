"""Training a population: each member takes the steps that torch.optim gives it alone."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

from ibcore.nets import MLP
from ibcore.population import Population, member_seed

LOSSES = {
    "cross_entropy": functional.cross_entropy,
    "binary": lambda outputs, y: functional.binary_cross_entropy_with_logits(outputs[:, 0], y),
    "mse": functional.mse_loss,
}
OPTIMIZERS = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.01}),
    "adam": (torch.optim.Adam, {}),
    "adam with decay": (torch.optim.Adam, {"weight_decay": 0.1, "betas": (0.8, 0.99)}),
    "adamw": (torch.optim.AdamW, {"weight_decay": 0.1, "eps": 1e-6}),
}
NAME = {torch.optim.SGD: "sgd", torch.optim.Adam: "adam", torch.optim.AdamW: "adamw"}


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def data(loss="mse", points=20, members=None):
    lead = () if members is None else (members,)
    x = torch.randn(*lead, points, 3, generator=rng(1), dtype=torch.float64)
    y = torch.randint(2, (*lead, points), generator=rng(2))
    if loss == "mse":
        return x, torch.randn(*lead, points, 2, generator=rng(3), dtype=torch.float64)
    return x, y


def nets(loss="mse", networks=3, **options):
    shape = {"depth": 2, "width": 6, "activation": "tanh", **options}
    return Population.sample(MLP(3, 1 if loss == "binary" else 2, **shape), networks=networks)


def alone(module, x, y, *, loss, make, steps):
    """Train one module by torch.optim with all points at each step."""
    optimizer = make(module.parameters())
    y = y.double() if loss == "binary" else y
    for _ in range(steps):
        optimizer.zero_grad()
        LOSSES[loss](module(x), y).backward()
        optimizer.step()
    return module


def gap(population, modules):
    """Return the largest difference of any parameter from those of the modules."""
    return max(
        (population.parameters[name][i] - value).abs().max().item()
        for i, module in enumerate(modules)
        for name, value in module.named_parameters()
    )


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_member_equals_a_loop_of_torch_optim(loss, optimizer):
    kind, options = OPTIMIZERS[optimizer]
    population, (x, y) = nets(loss), data(loss)
    make = partial(kind, lr=0.02, **options)
    trained = population.train(
        x, y, loss=loss, steps=50, optimizer=NAME[kind], learning_rate=0.02, **options
    )
    modules = [alone(population.member(i), x, y, loss=loss, make=make, steps=50) for i in range(3)]
    assert gap(trained.population, modules) < 1e-10
    assert gap(population, modules) > 1e-3
    target = y.double() if loss == "binary" else y
    losses = torch.stack([LOSSES[loss](module(x), target).detach() for module in modules])
    torch.testing.assert_close(trained.losses, losses, rtol=1e-9, atol=1e-9)
    assert trained.steps.tolist() == [50, 50, 50]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_members_with_rates_of_their_own_equal_separate_loops(optimizer):
    population, (x, y) = nets(gated=True, norm="layer", residual="block"), data()
    rates = {"learning_rate": [0.001, 0.01, 0.05], "weight_decay": [0.0, 0.1, 0.3]}
    if optimizer == "sgd":
        rates["momentum"] = [0.0, 0.5, 0.9]
    trained = population.train(
        x,
        y,
        loss="mse",
        steps=50,
        optimizer=optimizer,
        **{name: torch.tensor(values, dtype=torch.float64) for name, values in rates.items()},
    )
    kind = {name: kind for kind, name in NAME.items()}[optimizer]
    rates["lr"] = rates.pop("learning_rate")
    modules = []
    for i in range(3):
        make = partial(kind, **{name: values[i] for name, values in rates.items()})
        modules.append(alone(population.member(i), x, y, loss="mse", make=make, steps=50))
    assert gap(trained.population, modules) < 1e-10


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_cool_down_is_the_schedule_of_a_loop_of_torch_optim(optimizer):
    kind, options = OPTIMIZERS[optimizer]
    population, (x, y) = nets(), data()
    train = partial(population.train, x, y, loss="mse", steps=20, optimizer=NAME[kind], **options)
    trained = train(learning_rate=0.02, cool_down=8)
    modules = [population.member(i) for i in range(3)]
    for module in modules:
        steps = kind(module.parameters(), lr=0.02, **options)
        rule = torch.optim.lr_scheduler.LambdaLR(steps, lambda taken: min(1, (20 - taken) / 8))
        for _ in range(20):
            steps.zero_grad()
            functional.mse_loss(module(x), y).backward()
            steps.step()
            rule.step()
    assert gap(trained.population, modules) < 1e-10
    assert gap(train(learning_rate=0.02).population, modules) > 1e-4


class Odd(nn.Module):
    """No MLP: an affine layer norm, an unused parameter and one without dimensions."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(3, 5), nn.LayerNorm(5), nn.Linear(5, 2)
        self.scale = nn.Parameter(torch.tensor(0.7))
        self.unused = nn.Parameter(torch.ones(2))

    def forward(self, x):
        return self.last(torch.relu(self.norm(self.first(x)))) * self.scale


def test_any_other_module_trains_like_a_loop_too():
    modules = [Odd().double() for _ in range(3)]
    population, (x, y) = Population.from_modules(modules), data(members=3)
    trained = population.train(x, y, loss="mse", steps=50, learning_rate=0.01)
    make = partial(torch.optim.Adam, lr=0.01)
    adam = [
        alone(population.member(i), x[i], y[i], loss="mse", make=make, steps=50) for i in range(3)
    ]
    assert gap(trained.population, adam) < 1e-10
    assert torch.equal(trained.population.parameters["unused"], population.parameters["unused"])


def test_a_function_can_be_the_loss_and_sees_its_own_targets():
    population, (x, y) = nets(), data(members=3)

    def squared(outputs, targets):
        return (outputs - targets).square().mean((1, 2))

    ours = population.train(x, y, loss=squared, steps=10)
    theirs = population.train(x, y, loss="mse", steps=10)
    torch.testing.assert_close(ours.losses, theirs.losses)
    shared = population.train(x, y[0], loss=squared, steps=10)
    torch.testing.assert_close(shared.losses[0], ours.losses[0])
    assert not torch.isclose(shared.losses[1], ours.losses[1])


def test_minibatches_visit_every_point_once_an_epoch_in_an_order_of_each_members_own():
    seen = []

    def record(outputs, targets):
        if len(outputs) == 3 and outputs.requires_grad:  # a step, not a look at sizes or results
            seen.append(targets[..., 0].long())
        return outputs.square().mean((1, 2))

    y = torch.arange(20, dtype=torch.float64)[:, None]
    nets().train(data()[0], y, loss=record, steps=6, batch_size=8, seed=4)
    assert [part.shape[1] for part in seen] == [8, 8, 4, 8, 8, 4]
    first, second = torch.cat(seen[:3], 1), torch.cat(seen[3:], 1)
    for epoch in (first, second):
        assert torch.equal(epoch.sort(1).values, torch.arange(20).expand(3, 20))
    orders = {tuple(row) for row in torch.cat([first, second]).tolist()}
    assert len(orders) == 6


def test_the_order_of_minibatches_depends_on_seed_and_member_alone():
    x, y = data()
    options = {"loss": "mse", "steps": 9, "batch_size": 6}
    three, five = (nets(networks=n).train(x, y, seed=1, **options) for n in (3, 5))
    again, other = (nets().train(x, y, seed=seed, **options) for seed in (1, 2))
    torch.testing.assert_close(five.losses[:3], three.losses, rtol=1e-12, atol=0)
    assert torch.equal(again.losses, three.losses)
    assert bool((other.losses != three.losses).all())


def test_members_with_equal_seeds_see_equal_batches():
    x, y = data()
    options = {"loss": "mse", "steps": 9, "batch_size": 6}
    given = [member_seed(1, i) for i in range(3)]
    by_number, by_list = (nets().train(x, y, seed=seed, **options) for seed in (1, given))
    assert torch.equal(by_number.losses, by_list.losses)
    one = nets(networks=1)
    twins = Population(one.architecture, {k: torch.cat([p, p]) for k, p in one.parameters.items()})
    same, different = (
        twins.train(x, y, seed=seeds, **options).losses for seeds in ([5, 5], [5, 6])
    )
    assert torch.equal(same[:1], same[1:]) and not torch.equal(different[:1], different[1:])
    with pytest.raises(ValueError, match="seed must be one number or one for each of 2, got 3"):
        twins.train(x, y, seed=[1, 2, 3], **options)


def test_own_data_in_minibatches_equal_shared_data():
    x, y = data()
    options = {"loss": "mse", "steps": 7, "batch_size": 6}
    shared = nets().train(x, y, **options)
    own = nets().train(x.repeat(3, 1, 1), y.repeat(3, 1, 1), **options)
    torch.testing.assert_close(shared.losses, own.losses, rtol=1e-12, atol=0)


@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize("stop_at", [None, 0.3])
def test_results_do_not_depend_on_the_chunk(monkeypatch, batch_size, stop_at):
    x, y = data("binary")
    options = {"loss": "binary", "steps": 60, "learning_rate": 0.05, "stop_at": stop_at}
    reports = []
    for budget in (2**30, 1, 25_000):
        monkeypatch.setattr("ibcore.training.loop._CHUNK_BYTES", {"cpu": budget})
        seen = []
        population = nets("binary", networks=5)
        trained = population.train(
            x, y, batch_size=batch_size, on_step=lambda _, v, s=seen: s.append(v), **options
        )
        reports.append((trained, torch.stack(seen)))
    (whole, history), *others = reports
    for part, seen in others:
        assert torch.equal(part.steps, whole.steps)
        torch.testing.assert_close(seen, history, rtol=1e-9, atol=1e-12)
        for name, value in whole.population.parameters.items():
            torch.testing.assert_close(
                part.population.parameters[name], value, rtol=1e-9, atol=1e-12
            )


def test_a_small_budget_makes_chunks_of_one_member(monkeypatch):
    sizes = []

    def record(outputs, targets):
        sizes.append(len(outputs))
        return (outputs - targets).square().mean((1, 2))

    monkeypatch.setattr("ibcore.training.loop._CHUNK_BYTES", {"cpu": 1})
    nets().train(*data(), loss=record, steps=2)
    assert set(sizes) == {1}
    sizes.clear()
    monkeypatch.setattr("ibcore.training.loop._CHUNK_BYTES", {"cpu": 2**30})
    nets().train(*data(), loss=record, steps=2)
    assert max(sizes) == 3


def test_an_early_stop_freezes_a_member_exactly_where_its_loss_fell_below():
    x, y = data("binary")
    population = nets("binary", networks=4)
    options = {"loss": "binary", "learning_rate": torch.tensor([0.0, 0.01, 0.03, 0.1])}
    history = []
    trained = population.train(
        x, y, steps=200, stop_at=0.4, on_step=lambda _, v: history.append(v), **options
    )
    steps = trained.steps.tolist()
    assert steps[0] == 200
    assert 200 > steps[1] > steps[2] > steps[3] > 0
    assert bool((trained.losses[1:] < 0.4).all())
    table = torch.stack(history)
    for member, count in enumerate(steps):
        torch.testing.assert_close(
            table[count:, member], trained.losses[member].expand(200 - count), rtol=1e-12, atol=0
        )
        assert bool((table[:count, member] >= 0.4).all())
        single = population.train(x, y, steps=count, **options).population
        for name, value in trained.population.parameters.items():
            torch.testing.assert_close(
                value[member], single.parameters[name][member], rtol=1e-11, atol=1e-13
            )


@pytest.mark.parametrize("batch_size", [None, 7])
def test_members_that_go_on_keep_their_own_data_after_another_has_stopped(batch_size):
    x, y = data("binary", members=4)
    y[0] = (x[0, :, 0] > 0).long()  # the easiest labels: the first member stops first
    options = {"loss": "binary", "learning_rate": 0.03, "batch_size": batch_size}
    population = nets("binary", networks=4)
    stopped = population.train(x, y, steps=60, stop_at=0.2, **options)
    whole = population.train(x, y, steps=60, **options)
    going = stopped.steps == 60
    assert not going[0]
    assert bool(going.any())
    torch.testing.assert_close(stopped.losses[going], whole.losses[going], rtol=1e-10, atol=0)


def test_training_ends_when_every_member_has_stopped():
    calls = []
    trained = nets().train(
        *data(), loss="mse", steps=500, stop_at=1e9, on_step=lambda step, _: calls.append(step)
    )
    assert trained.steps.tolist() == [0, 0, 0]
    assert calls == [1]
    before = nets().parameters
    for name, value in trained.population.parameters.items():
        assert torch.equal(value, before[name])


def test_progress_reports_each_step_and_the_loss_before_it():
    population, (x, y) = nets(), data()
    reports = []
    population.train(x, y, loss="mse", steps=3, on_step=lambda *report: reports.append(report))
    assert [step for step, _ in reports] == [1, 2, 3]
    expected = (population.forward(x) - y).square().mean((1, 2))
    torch.testing.assert_close(reports[0][1], expected)
    assert bool((reports[2][1] < reports[0][1]).all())


def test_neither_the_population_nor_the_data_nor_the_global_state_changes():
    population, (x, y) = nets(), data()
    copies = {name: value.clone() for name, value in population.parameters.items()}
    x_before, state = x.clone(), torch.get_rng_state()
    trained = population.train(x, y, loss="mse", steps=5, batch_size=4)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(x, x_before)
    for name, value in population.parameters.items():
        assert torch.equal(value, copies[name])
        assert not trained.population.parameters[name].requires_grad


def test_losses_are_not_averaged_across_members():
    x, y = data()
    one, many = (
        nets(networks=n).train(x, y, loss="mse", steps=5, optimizer="sgd", learning_rate=0.1)
        for n in (1, 6)
    )
    torch.testing.assert_close(many.losses[:1], one.losses, rtol=1e-12, atol=0)


def test_single_precision_stays_single_precision():
    population = Population.sample(MLP(3, 2, depth=1, width=4), networks=2, dtype=torch.float32)
    x, y = (part.float() for part in data())
    trained = population.train(x, y, loss="mse", steps=3)
    assert trained.losses.dtype == trained.population.dtype == torch.float32


def test_a_diverging_member_is_named_with_its_step_and_the_remedy():
    x, y = data()
    rates = torch.tensor([0.01, 1e200, 0.01], dtype=torch.float64)
    message = r"loss of member 1 is inf at step 2 \(1 of 3 .*use a smaller learning rate"
    for steps in (1, 2, 49, 120):  # found after the last step, and long before it
        with pytest.raises(FloatingPointError, match=message):
            nets().train(x, y, loss="mse", steps=steps, optimizer="sgd", learning_rate=rates)


BAD_OPTIONS = [
    ({"loss": "hinge"}, "unknown loss 'hinge'; choose one of 'cross_entropy', 'binary', 'mse'"),
    ({"learning_rate": -0.1}, r"learning_rate must be at least 0, got -0\.1"),
    (
        {"learning_rate": torch.ones(2)},
        r"learning_rate must be one number or one for each of the 3 networks, got shape \(2,\)",
    ),
    ({"weight_decay": torch.tensor([0, 0, -2.0])}, "weight_decay must be at least 0, got -2"),
    ({"optimizer": "sgd", "momentum": 1.0}, "momentum must be at least 0 and below 1, got 1"),
    ({"momentum": 0.9}, r"momentum belongs to sgd; betas\[0\] is that of adam"),
    ({"optimizer": "sgd", "eps": 1e-3}, "betas and eps belong to adam and adamw"),
    ({"betas": (0.9, 1.0)}, r"betas\[1\] must be at least 0 and below 1, got 1"),
    ({"cool_down": 6}, "cool_down must be at most the 2 steps, got 6"),
    ({"batch_size": 21}, "batch_size must be at most the 20 points, got 21"),
    ({"loss": lambda o, _: o.mean()}, r"the loss gives shape \(\) for 1 networks"),
]


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        nets().train(*data(), **{"loss": "mse", "steps": 2, **options})


BAD_TARGETS = [
    ("mse", torch.zeros(19, 2), r"loss mse needs y of shape \(20, out\) .* got \(19, 2\)"),
    ("mse", torch.zeros(20), r"loss mse needs y of shape \(20, out\)"),
    ("mse", torch.zeros(2, 20, 2), r"or \(3, 20, out\) for each its own, got \(2, 20, 2\)"),
    ("mse", torch.zeros(20, 1), r"y holds targets of shape \(1,\), the outputs \(2,\)"),
    ("mse", torch.zeros(20, 2).float(), r"y is torch\.float32, the population torch\.float64"),
    ("cross_entropy", torch.full((20,), -1), "y must hold classes as whole numbers from 0, got -1"),
    ("cross_entropy", torch.full((20,), 2), "y holds class 2, but the networks have 2 outputs"),
    ("cross_entropy", torch.zeros(20, 2).long(), r"got \(20, 2\)"),
    ("binary", torch.full((20,), 3), "y must be at least 0 and at most 1, got 3"),
    ("binary", torch.full((20,), torch.nan), "y holds a value that is not finite: nan"),
    ("binary", torch.zeros(20), r"needs networks with 1 output, got \(2,\)"),
    (lambda o, _: o.mean((1, 2)), torch.zeros(19), r"needs y of shape \(20, \.\.\.\)"),
]


@pytest.mark.parametrize(("loss", "y", "message"), BAD_TARGETS)
def test_targets_that_do_not_fit_are_refused(loss, y, message):
    y = y.double() if y.dtype == torch.float32 and "float32" not in message else y
    with pytest.raises(ValueError, match=message):
        nets().train(data()[0], y, loss=loss, steps=2)


def test_inputs_that_do_not_fit_are_refused():
    x, y = data()
    with pytest.raises(ValueError, match=r"x must have shape \(n, in\) or \(3, n, in\)"):
        nets().train(x.expand(2, 20, 3), y, loss="mse", steps=2)
    with pytest.raises(ValueError, match=r"convert x with x\.to"):
        nets().train(x.float(), y, loss="mse", steps=2)


@pytest.mark.gpu
@pytest.mark.parametrize("batch_size", [None, 8])
def test_training_on_a_gpu_equals_training_on_the_cpu(batch_size, gpu):
    x, y = data()
    options = {"loss": "mse", "steps": 50, "batch_size": batch_size, "stop_at": 0.5}
    here = nets(networks=20).train(x, y, **options)
    there = Population.sample(nets().architecture, networks=20, device=gpu).train(
        x.to(gpu), y.to(gpu), **options
    )
    assert torch.equal(here.steps, there.steps.cpu())
    torch.testing.assert_close(there.losses.cpu(), here.losses, rtol=1e-8, atol=1e-10)


# Other people's modules and settings.


class Recurrent(nn.Module):
    """A module of torch.nn that torch.func cannot map."""

    def __init__(self):
        super().__init__()
        self.inner, self.head = nn.LSTM(1, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.inner(x[..., None])[0][:, -1])


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.down, self.head = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 2)
        self.down.weight = self.up.weight

    def forward(self, x):
        return self.head(self.down(self.up(x).tanh()))


@pytest.mark.parametrize("make", [Recurrent, Tied])
def test_modules_that_cannot_be_mapped_or_share_weights_train_as_alone(make):
    modules = [make().double() for _ in range(2)]
    x, y = data("cross_entropy")
    trained = Population.from_modules(modules).train(
        x, y, loss="cross_entropy", steps=3, optimizer="sgd", learning_rate=0.1
    )
    expected = [
        alone(module, x, y, loss="cross_entropy", make=partial(torch.optim.SGD, lr=0.1), steps=3)
        for module in modules
    ]
    assert gap(trained.population, expected) < 1e-12
    outputs = torch.stack([module(x) for module in expected])
    assert (trained.population.forward(x) - outputs).abs().max() < 1e-12
    assert (trained.population.member(1)(x) - outputs[1]).abs().max() < 1e-12


@pytest.mark.parametrize("layer", [nn.Dropout, nn.AlphaDropout, nn.RReLU])
def test_dropout_differs_between_members_repeats_and_is_off_in_evaluation(layer):
    module = nn.Sequential(nn.Linear(3, 8), layer(), nn.Linear(8, 2)).double()
    many, (x, y) = Population.from_modules([module, module]), data("cross_entropy")
    before = torch.random.get_rng_state()
    first, second = (many.train(x, y, loss="cross_entropy", steps=3) for _ in range(2))
    assert torch.equal(before, torch.random.get_rng_state())
    weights = first.population.parameters["0.weight"]
    assert torch.equal(weights, second.population.parameters["0.weight"])
    assert not torch.equal(weights[0], weights[1])  # equal starts, masks of their own
    module = first.population.member(0).eval()
    assert torch.allclose(first.population.forward(x)[0], module(x))
    assert torch.allclose(first.losses[0], functional.cross_entropy(module(x), y))
    assert first.population.architecture.training


REFUSED = [
    (
        nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2)),
        r"changes its buffers \['0.running_mean', .* track_running_stats=False",
    ),
    (nn.ReLU(), "architecture has no parameters"),
    (nn.LSTM(3, 2), "architecture LSTM returns tuple, not one tensor"),
    (
        nn.Linear(4, 2),
        r"x of shape \(20, 3\) and .* does not go through Linear: .*cannot be multiplied",
    ),
    (nn.Bilinear(3, 3, 2), "does not go through Bilinear: .*input2"),
    (nn.Sequential(nn.Linear(3, 1), nn.Flatten(0)), r"needs networks with outputs .*got \(\)"),
    (nn.LazyLinear(2), r"modules\[0\] has no weights at .weight. yet; call it once"),
]


@pytest.mark.parametrize(("module", "message"), REFUSED)
def test_modules_that_do_not_fit_are_named_with_the_reason(module, message):
    x, y = data("cross_entropy")
    with pytest.raises(ValueError, match=message):
        Population.from_modules([module.double()]).train(x, y, loss="cross_entropy", steps=1)


def test_a_class_too_large_is_found_in_a_late_batch_and_in_another_member():
    x, y = data("cross_entropy")
    late, other = y.clone(), y.repeat(3, 1)
    late[-1], other[2, 5] = 2, 7
    for wrong, options, name in ((late, {"batch_size": 4}, 2), (other, {}, 7)):
        with pytest.raises(ValueError, match=f"y holds class {name}, but the networks have 2"):
            nets().train(x, wrong, loss="cross_entropy", steps=1, **options)


def test_arrays_and_lists_train_as_tensors_do():
    x, y = data("cross_entropy")
    options = {"loss": "cross_entropy", "steps": 2}
    expected = nets().train(x, y, **options).losses
    assert torch.equal(nets().train(x.numpy(), y.numpy(), **options).losses, expected)
    assert torch.equal(nets().train(x.tolist(), y.tolist(), **options).losses, expected)


def test_data_that_are_too_large_are_not_blamed_on_the_learning_rate():
    x, y = data()
    with pytest.raises(FloatingPointError, match=r"step 1 .* use smaller data or initial weights"):
        nets(activation="relu").train(1e200 * x, 1e200 * y, loss="mse", steps=2)
