"""Populations: every path gives what a loop over modules gives, and members are independent."""

import itertools

import pytest
import torch
from torch import nn

from ibcore.nets import ACTIVATIONS, MLP
from ibcore.nets.evaluate import _forward_chunked
from ibcore.population import Population, member_seed
from ibcore.tasks import grid

VARIANTS = list(itertools.product([None, "layer"], [None, "paper", "block"], [False, True]))


def loop(population, x):
    with torch.no_grad():
        return torch.stack([population.member(i)(x) for i in range(len(population))])


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("norm", "residual", "gated"), VARIANTS)
def test_the_fast_path_equals_the_loop_over_modules(activation, norm, residual, gated):
    net = MLP(
        2,
        2,
        depth=2,
        width=6,
        activation=activation,
        norm=norm,
        residual=residual,
        gated=gated,
        prefactor=1.5,
    )
    population = Population.sample(net, networks=3, weight_scale=2.0, seed=1)
    x = grid(50)  # 2,500 points: more than one tile
    torch.testing.assert_close(population.forward(x), loop(population, x), rtol=1e-10, atol=1e-10)


def test_chunks_of_batched_products_equal_the_loop(monkeypatch):
    monkeypatch.setattr("ibcore.nets.evaluate._BYTES", {"cpu": 6 * 100 * 8 * 2})  # two networks
    population = Population.sample(MLP(depth=2, width=6), networks=5)
    x = grid(10)
    shared = x.expand(5, *x.shape)
    values = _forward_chunked(population.architecture, population.parameters, shared, {})
    torch.testing.assert_close(values, loop(population, x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("points", [1, 2047, 2048, 2049, 5000])
def test_any_number_of_points_and_inputs_of_their_own_are_evaluated(points):
    population = Population.sample(MLP(3, 1, depth=2, width=4, activation="sine"), networks=2)
    x = torch.rand(2, points, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.stack([population.member(i)(x[i]).detach() for i in range(2)])
    torch.testing.assert_close(population.forward(x), expected, rtol=1e-12, atol=1e-12)


def test_a_member_does_not_depend_on_how_many_are_drawn_nor_on_the_dtype():
    net = MLP(depth=2, width=5)
    many, two = (Population.sample(net, networks=n, first=f, seed=9) for n, f in ((6, 0), (2, 3)))
    single = Population.sample(net, networks=6, seed=9, dtype=torch.float32)
    for name, values in many.parameters.items():
        assert torch.equal(values[3:5], two.parameters[name])
        assert torch.equal(values.float(), single.parameters[name])


def test_members_differ_from_each_other_and_between_seeds():
    seeds = {member_seed(s, i) for s in range(30) for i in range(30)}
    assert len(seeds) == 900
    weights = Population.sample(MLP(depth=1, width=4), networks=2).parameters["layers.0.weight"]
    assert not torch.equal(weights[0], weights[1])


def test_other_modules_go_through_the_plain_loop():
    modules = [nn.Sequential(nn.Linear(2, 3), nn.ELU(), nn.Linear(3, 1)) for _ in range(4)]
    population = Population.from_modules(modules)
    x = grid(4, dtype=torch.float32)
    with torch.no_grad():
        expected = torch.stack([m(x) for m in modules])
    torch.testing.assert_close(population.forward(x), expected)


def test_a_member_is_a_copy():
    population = Population.sample(MLP(depth=1, width=3), networks=2)
    before = population.parameters["layers.0.weight"].clone()
    with torch.no_grad():
        population.member(0).layers[0].weight.zero_()
    assert torch.equal(before, population.parameters["layers.0.weight"])


def test_results_can_enter_autograd():
    values = Population.sample(MLP(depth=1, width=3), networks=2).forward(grid(3))
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    (values * scale).sum().backward()
    assert scale.grad is not None


def test_buffers_that_differ_are_refused_and_equal_ones_are_shared():
    norms = [nn.BatchNorm1d(3).double() for _ in range(2)]
    x = torch.eye(3, dtype=torch.float64)
    many = Population.from_modules(norms)
    assert torch.allclose(many.forward(x)[1], norms[1].eval()(x))
    norms[1].running_mean += 1
    norms[0].eval()
    with pytest.raises(ValueError, match=r"modules differ in \['running_mean'\], buffers that"):
        Population.from_modules(norms)


def test_weights_that_the_dtype_cannot_hold_are_refused():
    net = MLP(depth=1, width=3)
    with pytest.raises(ValueError, match=r"weight_scale must be .*, got 1e\+35"):
        Population.sample(net, networks=1, weight_scale=1e35, dtype=torch.float32)
    huge = Population.sample(net, networks=1, weight_scale=1e35).parameters["layers.0.weight"]
    assert bool(huge.isfinite().all())


def test_bad_populations_and_inputs_are_refused():
    net = MLP(depth=1, width=3)
    good = Population.sample(net, networks=2)
    with pytest.raises(ValueError, match="networks must be at least 1, got 0"):
        Population.sample(net, networks=0)
    with pytest.raises(ValueError, match="modules must be at least 1, all of one architecture"):
        Population.from_modules([])
    with pytest.raises(ValueError, match="do not match the architecture"):
        Population(net, {"weight": torch.zeros(2, 3)})
    with pytest.raises(ValueError, match=r"layers.0.bias has shape \(3, 3\)"):
        Population(
            net, {**good.parameters, "layers.0.bias": torch.zeros(3, 3, dtype=torch.float64)}
        )
    with pytest.raises(ValueError, match=r"layers.0.bias is torch.float32 on cpu; use one for all"):
        Population(net, {**good.parameters, "layers.0.bias": torch.zeros(2, 3)})
    with pytest.raises(
        ValueError, match=r"x must have shape \(n, in\) or \(2, n, in\), got \(5, 3, 2\)"
    ):
        good.forward(torch.zeros(5, 3, 2, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"convert x with x\.to"):
        good.forward(torch.zeros(3, 2))


def test_memory_beyond_the_result_does_not_grow_with_the_number_of_networks():
    from torch.profiler import ProfilerActivity, profile

    x = grid(64, dtype=torch.float32)
    largest = []
    for networks in (2, 20):
        population = Population.sample(
            MLP(depth=2, width=16), networks=networks, dtype=torch.float32
        )
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
            population.forward(x)
        result = networks * 4096 * 4
        live, peak = 0, 0
        for event in sorted(record.events(), key=lambda e: e.time_range.start):
            live += event.self_cpu_memory_usage
            peak = max(peak, live)
        largest.append(peak - result)
    assert largest[1] < 1.5 * largest[0] + 2**20


@pytest.mark.gpu
def test_cpu_and_gpu_agree(gpu):
    population = Population.sample(
        MLP(depth=4, width=64, activation="tanh"), networks=50, weight_scale=4.0
    )
    there = Population.sample(population.architecture, networks=50, weight_scale=4.0, device=gpu)
    here, gone = population.forward(grid(64)), there.forward(grid(64).to(gpu)).cpu()
    assert (here - gone).abs().max() < 1e-5 * here.abs().max()
