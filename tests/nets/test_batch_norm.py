"""Norms of the MLP against torch's modules, and evaluation with statistics of a reference set."""

import itertools

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional

from ibcore.nets import MLP, ConvNet, Moments, ResNet
from ibcore.nets.batch_norm import EPSILON, OfStatistics, of_batch, of_formula
from ibcore.nets.evaluate import evaluate_stacked
from ibcore.population import Population

VARIANTS = list(itertools.product(["layer", "batch"], [False, True], [None, "paper", "block"]))


def randn(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def mlp(**options):
    return MLP(3, 2, **{"depth": 2, "width": 5, "activation": "tanh", "norm": "batch", **options})


def population(architecture=None, networks=3):
    """Return networks whose gains and shifts are not those they start with."""
    drawn = Population.sample(architecture or mlp(), networks=networks, weight_scale=2.0)
    moved = {
        name: value + 0.3 * randn(*value.shape, seed=index) if name.startswith("norms") else value
        for index, (name, value) in enumerate(drawn.parameters.items())
    }
    return Population(drawn.architecture, moved)


NETWORKS = {
    "mlp": (mlp(affine=True, gated=True, residual="paper"), (3,)),
    "conv": (ConvNet(2, 4, channels=(3, 5), image_size=8, norm="batch"), (2, 8, 8)),
    "resnet9": (ResNet(2, 4, depth=9, width=2, image_size=8), (2, 8, 8)),
    "resnet18": (ResNet(2, 4, depth=18, width=2, image_size=8), (2, 8, 8)),
}


class Torch(nn.Module):
    """The same MLP from torch's own norms, with those of the batch in training mode."""

    def __init__(self, net, parameters):
        super().__init__()
        self.net = net
        make = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}[net.norm]
        eps = {"batch": 1e-5, "layer": 1e-12}[net.norm]
        self.linears = nn.ModuleList(nn.Linear(*layer.weight.shape[::-1]) for layer in net.layers)
        self.norms = nn.ModuleList(make(net.width, eps=eps) for _ in range(net.depth)).double()
        self.double()
        with torch.no_grad():
            for index, linear in enumerate(self.linears):
                linear.weight.copy_(parameters[f"layers.{index}.weight"])
                linear.bias.copy_(parameters[f"layers.{index}.bias"])
            for index, norm in enumerate(self.norms if net.affine else ()):
                norm.weight.copy_(parameters[f"norms.{index}.gain"])
                norm.bias.copy_(parameters[f"norms.{index}.shift"])

    def forward(self, x):
        for linear, norm in zip(self.linears[:-1], self.norms, strict=True):
            u = norm(linear(x))
            v = torch.tanh(u)
            if self.net.residual == "paper":
                v = v + u
            elif self.net.residual == "block" and v.shape == x.shape:
                v = v + x
            x = v
        return self.linears[-1](x)


@pytest.mark.parametrize(("norm", "affine", "residual"), VARIANTS)
def test_values_and_gradients_equal_those_of_torch_modules(norm, affine, residual):
    many = population(mlp(norm=norm, affine=affine, residual=residual))
    x = randn(3, 7, 3)
    leaves = {name: value.clone().requires_grad_() for name, value in many.parameters.items()}
    outputs = many.architecture.forward_stacked(leaves, x)
    gradients = dict(
        zip(leaves, torch.autograd.grad(outputs.square().sum(), list(leaves.values())), strict=True)
    )
    for i in range(3):
        reference = Torch(many.architecture, {name: p[i] for name, p in leaves.items()})
        expected = reference(x[i])
        torch.testing.assert_close(outputs[i], expected, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(many.member(i)(x[i]), expected, rtol=1e-10, atol=1e-10)
        expected.square().sum().backward()
        for j, linear in enumerate(reference.linears):
            torch.testing.assert_close(gradients[f"layers.{j}.weight"][i], linear.weight.grad)
        for j, module in enumerate(reference.norms if affine else ()):
            torch.testing.assert_close(gradients[f"norms.{j}.gain"][i], module.weight.grad)
            torch.testing.assert_close(gradients[f"norms.{j}.shift"][i], module.bias.grad)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_training_with_batch_norm_equals_a_loop_over_torch_modules(optimizer):
    many, x = population(mlp(affine=True)), randn(12, 3)
    y = torch.randint(2, (12,), generator=torch.Generator().manual_seed(1))
    trained = many.train(
        x, y, loss="cross_entropy", steps=30, optimizer=optimizer, learning_rate=0.05
    )
    for i in range(3):
        module = Torch(many.architecture, {name: p[i] for name, p in many.parameters.items()})
        kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer]
        steps = kind(module.parameters(), lr=0.05)
        for _ in range(30):
            steps.zero_grad()
            functional.cross_entropy(module(x), y).backward()
            steps.step()
        own = trained.population.parameters
        for j, linear in enumerate(module.linears):
            torch.testing.assert_close(
                own[f"layers.{j}.weight"][i], linear.weight.detach(), rtol=0, atol=1e-10
            )
        for j, norm in enumerate(module.norms):
            torch.testing.assert_close(
                own[f"norms.{j}.gain"][i], norm.weight.detach(), rtol=0, atol=1e-10
            )
        loss = functional.cross_entropy(module(x), y).detach()  # all points are one batch
        torch.testing.assert_close(trained.losses[i], loss, rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", NETWORKS)
def test_kernel_formula_and_vmap_give_the_same_values_and_gradients(name):
    net, shape = NETWORKS[name]
    many, x = population(net), randn(3, 4, *shape)
    leaves = {key: value.clone().requires_grad_() for key, value in many.parameters.items()}

    def single(parameters, images):
        return functional_call(many.architecture, parameters, (images,))

    ways = [
        many.architecture.forward_stacked(leaves, x),
        many.architecture.forward_stacked(leaves, x, batch_norm=of_formula),
        vmap(single)(leaves, x),
        torch.stack([many.member(i)(x[i]) for i in range(3)]),
    ]
    for values in ways[1:]:
        torch.testing.assert_close(values, ways[0], rtol=1e-9, atol=1e-9)
    gradients = [
        torch.autograd.grad(values.square().sum(), list(leaves.values())) for values in ways[:3]
    ]
    inside = vmap(grad(lambda p, images: single(p, images).square().sum()))(many.parameters, x)
    for others in (*gradients[1:], tuple(inside.values())):
        for ours, other in zip(gradients[0], others, strict=True):
            scale = ours.abs().max().clamp_min(1)
            torch.testing.assert_close(other / scale, ours / scale, rtol=0, atol=1e-9)


def test_second_derivatives_of_the_formula_are_right_inside_vmap():
    many, x = population(mlp(affine=True), 2), randn(2, 5, 3)

    def inner(parameters, inputs):
        return functional_call(many.architecture, parameters, (inputs,)).square().mean()

    def squared_gradient(parameters):
        gradients = vmap(grad(inner))(parameters, x)
        return sum(g.square().sum() for g in gradients.values())

    leaves = {key: value.clone().requires_grad_() for key, value in many.parameters.items()}
    ours = torch.autograd.grad(squared_gradient(leaves), list(leaves.values()))
    expected = [torch.zeros_like(value) for value in leaves.values()]
    for i in range(2):
        own = {key: value[i].detach().requires_grad_() for key, value in leaves.items()}
        first = torch.autograd.grad(inner(own, x[i]), list(own.values()), create_graph=True)
        second = torch.autograd.grad(sum(g.square().sum() for g in first), list(own.values()))
        for total, part in zip(expected, second, strict=True):
            total[i] = part
    for value, right in zip(ours, expected, strict=True):
        torch.testing.assert_close(value, right, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("budget", [2**25, 20_000, 3_000])
def test_statistics_of_a_reference_set_are_those_of_one_batch(monkeypatch, name, budget):
    net, shape = NETWORKS[name]
    many, x = population(net), randn(40, *shape, seed=5)
    with torch.no_grad():
        expected = torch.stack([many.member(i)(x) for i in range(3)])  # all of x is the batch
    monkeypatch.setattr("ibcore.nets.evaluate._BYTES", {"cpu": budget})
    statistics = many.batch_statistics(x)
    assert list(statistics) == list(net.batch_norms)
    torch.testing.assert_close(
        many.forward(x, statistics=statistics), expected, rtol=1e-9, atol=1e-9
    )
    alone = many.forward(x[:1], statistics=statistics)  # a point's value is its own
    torch.testing.assert_close(alone, expected[:, :1], rtol=1e-9, atol=1e-9)
    single = {key: Moments(*(part[1:2] for part in value)) for key, value in statistics.items()}
    values = many.member(1)(x[:3], statistics=single)
    torch.testing.assert_close(values.detach(), expected[1, :3], rtol=1e-9, atol=1e-9)


def test_moments_are_means_and_uncorrected_variances_of_the_layer():
    many, x = population(), randn(9, 3)
    first = many.batch_statistics(x)["norms.0"]
    z = x @ many.parameters["layers.0.weight"].mT + many.parameters["layers.0.bias"][:, None]
    torch.testing.assert_close(first.mean, z.mean(1))
    torch.testing.assert_close(first.variance, z.var(1, correction=0))
    single = Population(
        many.architecture, {name: value.float() for name, value in many.parameters.items()}
    ).batch_statistics(x.float())["norms.0"]
    assert single.mean.dtype == torch.float64
    torch.testing.assert_close(single.variance, first.variance, rtol=1e-5, atol=0)


def test_single_precision_keeps_its_type_through_folded_norms():
    many = population(mlp(affine=True, gated=True))
    single = Population(
        many.architecture, {name: value.float() for name, value in many.parameters.items()}
    )
    x = randn(9, 3)
    values = single.forward(x.float(), statistics=single.batch_statistics(x.float()))
    assert values.dtype == torch.float32
    expected = many.forward(x, statistics=many.batch_statistics(x))
    torch.testing.assert_close(values.double(), expected, rtol=1e-4, atol=1e-4)
    assert many.architecture.norm == "batch"  # folding leaves the architecture alone
    assert many.architecture.affine


@pytest.mark.parametrize("name", ["conv", "resnet9", "resnet18"])
def test_scaling_the_weights_before_batch_norm_changes_nothing(name):
    net, shape = NETWORKS[name]
    many, x = population(net), randn(6, *shape)
    scaled = {
        key: value * 100 if key.startswith("convs") else value
        for key, value in many.parameters.items()
    }
    values, other = (
        net.forward_stacked(parameters, x.expand(3, *x.shape))
        for parameters in (many.parameters, scaled)
    )
    torch.testing.assert_close(other, values, rtol=1e-3, atol=1e-3)  # epsilon is felt at scale 1
    again = net.forward_stacked(
        {k: v * 100 if k.startswith("convs") else v for k, v in scaled.items()},
        x.expand(3, *x.shape),
    )
    torch.testing.assert_close(again, other, rtol=1e-6, atol=1e-6)


def test_a_kernel_of_torch_agrees_with_the_formula_and_fixed_moments():
    z, gains = randn(4, 6, 3, 3), (randn(2, 3, seed=1), randn(2, 3, seed=2))
    over = (0, 2, 3)
    moments = Moments(z.mean(over).reshape(2, 3), z.var(over, correction=0).reshape(2, 3))
    for given in (None, gains):
        ways = [norm("n", z, over, given) for norm in (of_batch, of_formula)]
        ways.append(OfStatistics({"n": moments})("n", z, over, given))
        for values in ways[1:]:
            torch.testing.assert_close(values, ways[0], rtol=1e-10, atol=1e-10)
    plain = of_formula("n", z, over, None)
    expected = moments.variance.flatten() / (moments.variance.flatten() + EPSILON)
    torch.testing.assert_close(plain.var(over, correction=0), expected)


def test_evaluation_without_statistics_is_refused_with_the_remedy():
    many, x = population(), randn(9, 3)
    with pytest.raises(ValueError, match=r"statistics=population\.batch_statistics\(x\)"):
        many.forward(x)
    with pytest.raises(ValueError, match="do not fit batch norms"):
        many.forward(x, statistics={})
    others = population(networks=2).batch_statistics(x)
    with pytest.raises(ValueError, match="statistics of 2 networks do not fit 3 networks"):
        many.forward(x, statistics=others)


@pytest.mark.parametrize("residual", [None, "paper", "block"])
@pytest.mark.parametrize("norm", ["layer", "batch"])
def test_the_fast_path_applies_gains_and_shifts(norm, residual):
    many = population(mlp(norm=norm, affine=True, gated=True, residual=residual, prefactor=1.5))
    x = randn(9, 3)
    with torch.no_grad():
        expected = torch.stack([many.member(i)(x) for i in range(3)])
    values = many.forward(x, statistics=many.batch_statistics(x))
    torch.testing.assert_close(values, expected, rtol=1e-10, atol=1e-10)


def test_networks_without_batch_norm_have_no_statistics_and_accept_none():
    many, x = Population.sample(mlp(norm="layer", affine=True), networks=2), randn(9, 3)
    statistics = many.batch_statistics(x)
    assert statistics == {}
    assert torch.equal(many.forward(x, statistics=statistics), many.forward(x))
    assert Population.from_modules([nn.Linear(3, 1).double()]).batch_statistics(x) == {}


def test_a_batch_of_one_point_is_refused():
    many = population()
    with pytest.raises(ValueError, match="choose a batch_size that leaves no batch of a single"):
        many.train(randn(9, 3), randn(9, 2), loss="mse", steps=5, batch_size=4)
    with pytest.raises(ValueError, match="x must hold at least 2 points for batch norm, got 1"):
        many.batch_statistics(randn(1, 3))
    with pytest.raises(ValueError, match="needs at least 2 values in each channel"):
        of_batch("n", randn(1, 2, 1, 1), (0, 2, 3), None)


def test_gains_start_at_one_and_no_scale_or_norm_changes_what_is_drawn():
    plain, normed = (
        Population.sample(mlp(**options), networks=2, weight_scale=3.0, prior="gaussian", seed=4)
        for options in ({"norm": None}, {"affine": True})
    )
    for name, value in plain.parameters.items():
        assert torch.equal(normed.parameters[name], value)
    for index in range(2):
        assert torch.equal(normed.parameters[f"norms.{index}.gain"], torch.ones(2, 5).double())
        assert torch.equal(normed.parameters[f"norms.{index}.shift"], torch.zeros(2, 5).double())


@pytest.mark.gpu
@pytest.mark.parametrize("name", NETWORKS)
def test_training_and_statistics_on_a_gpu_equal_those_on_the_cpu(name, gpu):
    net, shape = NETWORKS[name]
    many, x = population(net), randn(20, *shape)
    y = torch.randint(2, (20,), generator=torch.Generator().manual_seed(1))
    there = Population(net, {key: value.to(gpu) for key, value in many.parameters.items()})
    options = {"loss": "cross_entropy", "steps": 5, "optimizer": "sgd", "learning_rate": 1e-2}
    here, gone = many.train(x, y, **options), there.train(x.to(gpu), y.to(gpu), **options)
    torch.testing.assert_close(gone.losses.cpu(), here.losses, rtol=1e-8, atol=1e-10)
    values = evaluate_stacked(
        net,
        gone.population.parameters,
        x.to(gpu).expand(3, *x.shape),
        statistics=gone.population.batch_statistics(x.to(gpu)),
    )
    expected = here.population.forward(x, statistics=here.population.batch_statistics(x))
    torch.testing.assert_close(values.cpu(), expected, rtol=1e-7, atol=1e-8)
