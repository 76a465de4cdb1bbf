"""Looks during training, weight decay for a while, and sharpness-aware minimization."""

import pytest
import torch
from torch.nn import functional

from ibcore.nets import MLP
from ibcore.population import Population

OPTIMIZERS = {
    "sgd": (torch.optim.SGD, {"momentum": 0.9}),
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {}),
}
RATE, DECAY, STEPS = 0.02, 0.3, 40


def data(points=20):
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(points, 3, generator=rng, dtype=torch.float64)
    return x, torch.randn(points, 2, generator=rng, dtype=torch.float64)


def nets(networks=3):
    return Population.sample(MLP(3, 2, depth=2, width=6, activation="tanh"), networks=networks)


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


def assert_same(population, others, **tolerance):
    """Check the parameters of members against modules, or against another population."""
    for name, value in population.parameters.items():
        if isinstance(others, Population):
            expected = others.parameters[name]
        else:
            expected = torch.stack([dict(m.named_parameters())[name].detach() for m in others])
        torch.testing.assert_close(value, expected, **{"rtol": 0, "atol": 1e-10, **tolerance})


def alone(module, name, *, decay_steps=STEPS, radius=0.0, steps=STEPS, decay=DECAY):
    """Train one module in a plain loop: first-so-many decay, and two gradients a step if sharp."""
    (x, y), (kind, options) = data(), OPTIMIZERS[name]
    optimizer = kind(module.parameters(), lr=RATE, weight_decay=decay, **options)
    for step in range(steps):
        optimizer.param_groups[0]["weight_decay"] = decay if step < decay_steps else 0.0
        parameters = list(module.parameters())
        gradient = torch.autograd.grad(functional.mse_loss(module(x), y), parameters)
        norm = torch.cat([g.flatten() for g in gradient]).norm()
        before = [p.detach().clone() for p in parameters]
        with torch.no_grad():
            for p, g in zip(parameters, gradient, strict=True):
                p.add_(radius * g / norm)
        optimizer.zero_grad()
        functional.mse_loss(module(x), y).backward()
        with torch.no_grad():
            for p, old in zip(parameters, before, strict=True):
                p.copy_(old)
        optimizer.step()
    return module


def train(name, population=None, **options):
    population = population or nets()
    settings = {"optimizer": name, "learning_rate": RATE, "weight_decay": DECAY, "steps": STEPS}
    if name == "sgd":
        settings["momentum"] = 0.9
    return population.train(*data(), loss="mse", **{**settings, **options})


class Looks:
    """Keep what each look saw, and put the chunks of a look together."""

    def __init__(self):
        self.calls = []

    def __call__(self, step, members, population):
        self.calls.append((step, members, population))

    def members(self, step):
        return torch.cat([members for at, members, _ in self.calls if at == step]).tolist()

    def parameters(self, step):
        parts = [population.parameters for at, _, population in self.calls if at == step]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weight_decay_for_a_while_equals_a_loop_that_switches_it_off(name):
    trained = train(name, nets(4), decay_steps=torch.tensor([0, 7, 39, 400]))
    modules = [
        alone(nets(4).member(i), name, decay_steps=steps) for i, steps in enumerate((0, 7, 39, 400))
    ]
    assert_same(trained.population, modules)
    shared = train(name, nets(4), decay_steps=7).population
    assert_same(shared, [alone(nets(4).member(i), name, decay_steps=7) for i in range(4)])


def test_decay_switches_off_for_the_right_members_after_another_has_stopped():
    ends = torch.tensor([40, 40, 35])
    options = {"learning_rate": doubles(0.05, 0.005, 0.003), "weight_decay": 0.05}
    whole = train("adam", decay_steps=ends, **options)
    stopped = train("adam", decay_steps=ends, stop_at=0.9, **options)
    assert 0 < stopped.steps[0] < 35
    assert stopped.steps[1:].tolist() == [40, 40]
    torch.testing.assert_close(stopped.losses[1:], whole.losses[1:], rtol=1e-10, atol=0)
    always = train("adam", **options)
    assert (whole.losses != always.losses).tolist() == [False, False, True]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_sharpness_aware_steps_equal_a_loop_with_two_gradients(name):
    radii = (0.0, 0.05, 1.0)
    trained = train(name, sam_radius=doubles(*radii)).population
    modules = [alone(nets().member(i), name, radius=radius) for i, radius in enumerate(radii)]
    assert_same(trained, modules)
    plain = [alone(nets().member(i), name) for i in range(3)]
    for i, (sharp, smooth) in enumerate(zip(modules, plain, strict=True)):
        moved = (sharp.layers[0].weight - smooth.layers[0].weight).abs().max()
        assert (moved > 1e-4) == (i > 0)


def test_a_radius_of_zero_is_plain_training_and_both_gradients_see_the_same_minibatch():
    plain, mixed = (
        train("sgd", batch_size=6, sam_radius=radius) for radius in (0.0, doubles(0, 0.1, 0))
    )
    for name, value in plain.population.parameters.items():
        assert torch.equal(value[[0, 2]], mixed.population.parameters[name][[0, 2]])
    seen = []

    def record(outputs, targets):
        if outputs.requires_grad and len(outputs) == 3:
            seen.append(targets)
        return (outputs - targets).square().mean((1, 2))

    nets().train(*data(), loss=record, steps=4, batch_size=6, sam_radius=0.1)
    assert len(seen) == 8
    assert all(torch.equal(seen[i], seen[i + 1]) for i in range(0, 8, 2))
    assert not torch.equal(seen[0], seen[2])


def test_a_sharp_member_with_no_gradient_stays_where_it_is():
    population = nets()

    def flat(outputs, _):
        return outputs.square().mean((1, 2)) * outputs.new_tensor([0.0, 1.0, 1.0][: len(outputs)])

    trained = population.train(
        *data(), loss=flat, steps=5, optimizer="sgd", learning_rate=0.1, sam_radius=0.5
    )
    for name, value in population.parameters.items():
        assert torch.equal(trained.population.parameters[name][0], value[0])


def test_sharp_members_stop_by_the_loss_at_their_own_parameters():
    options = {"sam_radius": 0.3, "weight_decay": 0.01}
    trained = train("adam", stop_at=0.95, **options)
    assert bool((trained.steps < STEPS).all())
    assert bool((trained.losses < 0.95).all())
    for member, steps in enumerate(trained.steps.tolist()):
        short = train("adam", steps=steps, **options)
        torch.testing.assert_close(trained.losses[member], short.losses[member])
        assert train("adam", steps=steps - 1, **options).losses[member] >= 0.95


@pytest.mark.parametrize("budget", [2**30, 1, 25_000])
def test_a_look_sees_every_member_once_as_a_shorter_training_leaves_it(monkeypatch, budget):
    monkeypatch.setattr("ibcore.training.loop._CHUNK_BYTES", {"cpu": budget})
    looks, population = Looks(), nets(5)
    whole = train("adam", population, batch_size=8, checkpoints=[40, 0, 13], on_checkpoint=looks)
    assert list(dict.fromkeys(step for step, _, _ in looks.calls)) == [0, 13, 40]
    for step in (0, 13, 40):
        assert looks.members(step) == [0, 1, 2, 3, 4]
    assert_same(population, Population(population.architecture, looks.parameters(0)), atol=0)
    short = train("adam", population, batch_size=8, steps=13).population
    assert_same(short, Population(population.architecture, looks.parameters(13)))
    assert_same(whole.population, Population(population.architecture, looks.parameters(40)), atol=0)
    plain = train("adam", population, batch_size=8)
    assert_same(whole.population, plain.population, atol=0)
    assert looks.calls[0][1].dtype == torch.int64


def test_what_a_look_gets_can_be_kept_and_changed():
    def spoil(_, __, population):
        for value in population.parameters.values():
            value.zero_()

    assert_same(
        train("adam", checkpoints=range(STEPS), on_checkpoint=spoil).population,
        train("adam").population,
    )


def test_members_that_stopped_are_still_seen_and_so_are_looks_after_the_last_stop():
    looks = Looks()
    options = {"steps": 100, "stop_at": 0.7, "weight_decay": 0.01}
    first = train("adam", **options)
    assert 0 < int(first.steps.min()) < 40 < int(first.steps.max()) < 90
    again = train("adam", checkpoints=[40, 90, 100], on_checkpoint=looks, **options)
    assert [step for step, _, _ in looks.calls] == [40, 90, 100]
    for step in (90, 100):
        seen = Population(first.population.architecture, looks.parameters(step))
        assert_same(seen, again.population, atol=0)
    early = first.steps < 40
    for name, value in looks.parameters(40).items():
        assert torch.equal(value[early], again.population.parameters[name][early])


def test_a_diverging_member_is_named_before_it_is_looked_at():
    looks = Looks()
    with pytest.raises(FloatingPointError, match="loss of member 1 is inf at step 2 "):
        nets().train(
            *data(),
            loss="mse",
            steps=100,
            optimizer="sgd",
            learning_rate=doubles(0.01, 1e200, 0.01),
            checkpoints=[1, 5],
            on_checkpoint=looks,
        )
    assert [step for step, _, _ in looks.calls] == [1]


BAD_OPTIONS = [
    ({"checkpoints": [1, 3]}, "checkpoints and on_checkpoint need each other"),
    ({"on_checkpoint": print}, "checkpoints and on_checkpoint need each other"),
    ({"checkpoints": [3], "on_checkpoint": print}, r"whole numbers from 0 to 2 steps, got \[3\]"),
    (
        {"checkpoints": [1, 1], "on_checkpoint": print},
        r"must be different whole numbers .*, got \[1, 1\]",
    ),
    ({"decay_steps": torch.ones(2, dtype=torch.int64)}, r"decay_steps must be one number or one"),
    ({"sam_radius": doubles(1, 2)}, "sam_radius must be one number or one for each of the 3"),
]


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        nets().train(*data(), loss="mse", **{"steps": 2, **options})
