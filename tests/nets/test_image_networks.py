"""ConvNet and ResNet against plain torch modules, their sizes counted by hand, and their draws."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from ibcore.nets import ConvNet, ResNet, count_parameters, resnet
from ibcore.population import Population


def randn(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


class Unit(nn.Sequential):
    """Convolution and batch norm of torch."""

    def __init__(self, inputs, outputs, size=3, stride=1, norm=True):
        conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=not norm)
        super().__init__(conv, *([nn.BatchNorm2d(outputs)] if norm else []))


class Page9(nn.Module):
    """ResNet-9 written with torch's modules."""

    def __init__(self, width, norm, residual):
        super().__init__()
        w, self.residual = width, residual
        sizes = [(2, w), (w, 2 * w), (2 * w, 2 * w), (2 * w, 2 * w), (2 * w, 4 * w)]
        sizes += [(4 * w, 8 * w), (8 * w, 8 * w), (8 * w, 8 * w)]
        self.units = nn.ModuleList(Unit(i, o, norm=norm) for i, o in sizes)
        self.head = nn.Linear(8 * w, 4)

    def forward(self, x):
        a, b, c, d, e, f, g, h = self.units
        relu, pool = torch.relu, nn.MaxPool2d(2)
        x = pool(relu(b(relu(a(x)))))
        branch = relu(d(relu(c(x))))
        x = x + branch if self.residual else branch
        x = pool(relu(f(pool(relu(e(x))))))
        branch = relu(h(relu(g(x))))
        x = x + branch if self.residual else branch
        return self.head(functional.adaptive_max_pool2d(x, 1).flatten(1))


class Basic18(nn.Module):
    """ResNet-18 for small images written with torch's modules."""

    def __init__(self, width, norm, residual):
        super().__init__()
        self.residual, before = residual, width
        self.stem, blocks = Unit(2, width, norm=norm), []
        for stage, factor in enumerate((1, 2, 4, 8)):
            for block in range(2):
                after, stride = factor * width, 2 if stage and not block else 1
                units = [Unit(before, after, 3, stride, norm), Unit(after, after, norm=norm)]
                if residual and before != after:
                    units.append(Unit(before, after, 1, stride, norm))
                blocks.append(nn.ModuleList(units))
                before = after
        self.blocks, self.head = nn.ModuleList(blocks), nn.Linear(before, 4)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        for first, second, *skip in self.blocks:
            branch = second(torch.relu(first(x)))
            shortcut = skip[0](x) if skip else x
            x = torch.relu(branch + shortcut if self.residual else branch)
        return self.head(x.mean((2, 3)))


class Blocks(nn.Module):
    """The ConvNet written with torch's modules."""

    def __init__(self, norm, flatten):
        super().__init__()
        self.units = nn.Sequential(
            Unit(2, 3, norm=norm), nn.Tanh(), nn.MaxPool2d(2),
            Unit(3, 5, norm=norm), nn.Tanh(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.flatten, self.head = flatten, nn.Linear(5 * (4 if flatten else 1), 4)

    def forward(self, x):
        h = self.units(x)
        return self.head(h.flatten(1) if self.flatten else h.mean((2, 3)))


def cases():
    for norm in ("batch", None):
        for head in ("average", "flatten"):
            net = ConvNet(
                2, 4, channels=(3, 5), image_size=9, norm=norm, head=head, activation="tanh"
            )
            yield net, Blocks(norm is not None, head == "flatten"), 9
        for residual in (True, False):
            for depth, make in ((9, Page9), (18, Basic18)):
                net = ResNet(
                    2, 4, depth=depth, width=2, norm=norm, residual=residual, image_size=16
                )
                yield net, make(2, norm is not None, residual), 16


def copied(net, reference, parameters):
    """Give the torch module our parameters: both hold them in the order of computation."""
    reference = reference.double()
    convs = [m for m in reference.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in reference.modules() if isinstance(m, nn.BatchNorm2d)]
    with torch.no_grad():
        for name, conv in zip(net.convs, convs, strict=True):
            conv.weight.copy_(parameters[f"convs.{name}.weight"])
            if conv.bias is not None:
                conv.bias.copy_(parameters[f"convs.{name}.bias"])
        for name, norm in zip(net.norms, norms, strict=True):
            norm.weight.copy_(parameters[f"norms.{name}.gain"])
            norm.bias.copy_(parameters[f"norms.{name}.shift"])
        reference.head.weight.copy_(parameters["head.weight"])
        reference.head.bias.copy_(parameters["head.bias"])
    return reference


@pytest.mark.parametrize(("net", "reference", "size"), list(cases()))
def test_values_and_training_equal_those_of_torch_modules(net, reference, size):
    many = Population.sample(net, networks=2, weight_scale=1.5, prior="gaussian")
    x, y = randn(6, 2, size, size), torch.tensor([0, 1, 2, 3, 0, 1])
    x_own = torch.stack([x, randn(6, 2, size, size, seed=1)])
    outputs = net.forward_stacked(many.parameters, x_own)
    options = {"loss": "cross_entropy", "optimizer": "sgd", "learning_rate": 0.01}
    trained = many.train(x, y, steps=3, weight_decay=0.1, **options)
    for i in range(2):
        parameters = {name: value[i] for name, value in many.parameters.items()}
        module = copied(net, reference, parameters)
        for values in (outputs[i], many.member(i)(x_own[i])):
            torch.testing.assert_close(values, module(x_own[i]), rtol=1e-9, atol=1e-9)
        steps = torch.optim.SGD(module.parameters(), lr=0.01, weight_decay=0.1)
        for _ in range(3):
            steps.zero_grad()
            functional.cross_entropy(module(x), y).backward()
            steps.step()
        last = {name: value[i] for name, value in trained.population.parameters.items()}
        expected = copied(net, copy.deepcopy(module), last)
        for value, trained_by_torch in zip(expected.parameters(), module.parameters(), strict=True):
            torch.testing.assert_close(value, trained_by_torch, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("channels", "networks"), [(3, 1), (3, 4), (1, 1), (1, 4)])
@pytest.mark.parametrize("width", [1, 2])  # the gains of one channel have gaps in memory
@pytest.mark.parametrize("norm", ["batch", None])
@pytest.mark.skipif(not resnet._CHANNELS_LAST, reason="needs a CPU with AVX-512")
def test_on_a_cpu_channels_are_last_and_change_no_value(
    channels, networks, width, norm, monkeypatch
):
    net = ResNet(channels, 4, width=width, image_size=8, norm=norm)
    many = Population.sample(net, networks=networks, bias_scale=0.1)
    x, labels = randn(12, channels, 8, 8), torch.arange(12) % 4
    options = {"loss": "cross_entropy", "steps": 4, "batch_size": 6, "learning_rate": 0.01}

    def results():
        trained = many.train(x, labels, **options).population
        outputs = trained.forward(x, statistics=trained.batch_statistics(x))
        return [outputs, *trained.parameters.values()]

    layouts, convolve = [], resnet.Grouped.convolve

    def watched(self, name, h, *, stride=1):
        z = convolve(self, name, h, stride=stride)
        layouts.append((z.is_contiguous(memory_format=torch.channels_last), z.is_contiguous()))
        return z

    monkeypatch.setattr(resnet.Grouped, "convolve", watched)
    found = results()
    assert set(layouts) <= {(True, False), (True, True)}  # both where an image is one place
    layouts.clear()
    monkeypatch.setattr(resnet, "channels_last", lambda h: h)
    for value, expected in zip(found, results(), strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-10, atol=1e-10)
    assert (False, True) in layouts


def test_without_avx_512_images_keep_their_order(monkeypatch):
    monkeypatch.setattr(resnet, "_CHANNELS_LAST", False)
    images = torch.zeros(2, 3, 4, 4)
    assert resnet.channels_last(images) is images


def test_a_map_over_networks_gives_the_values_of_each():
    net, x = ConvNet(1, 3, channels=(2, 4), norm="batch"), randn(5, 1, 8, 8)
    many = Population.sample(net, networks=3)
    mapped = torch.func.vmap(lambda p: torch.func.functional_call(net, p, (x,)))(many.parameters)
    expected = net.forward_stacked(many.parameters, x.expand(3, *x.shape))
    torch.testing.assert_close(mapped, expected, rtol=1e-10, atol=1e-10)


def test_the_numbers_of_parameters_are_those_counted_by_hand():
    stem, grow = 3 * 64 * 9, (64 * 128 + 128 * 256 + 256 * 512) * 9
    branches = 2 * (128**2 + 512**2) * 9
    gains = 2 * (64 + 3 * 128 + 256 + 3 * 512)
    assert count_parameters(ResNet(depth=9)) == stem + grow + branches + gains + 5130 == 6_573_130
    assert count_parameters(ResNet(depth=18)) == 11_173_962  # as in the usual form for CIFAR-10
    skips = (64 * 128 + 128 * 256 + 256 * 512) + 2 * (128 + 256 + 512)
    assert count_parameters(ResNet(depth=18, residual=False)) == 11_173_962 - skips
    assert count_parameters(ResNet(depth=9, norm=None)) == 6_573_130 - gains // 2
    small = ConvNet(1, 10, channels=(16, 32), image_size=28, head="flatten")
    assert count_parameters(small) == (9 + 1) * 16 + (16 * 9 + 1) * 32 + (32 * 49 + 1) * 10
    assert count_parameters(ConvNet(1, 10, norm="batch")) == 9 * 16 + 144 * 32 + 96 + 330


def test_images_shared_and_of_their_own_are_evaluated_in_chunks_of_any_size(monkeypatch):
    net = ConvNet(2, 4, channels=(3, 5))
    many, x = Population.sample(net, networks=3), randn(3, 7, 2, 8, 8)
    with torch.no_grad():
        expected = torch.stack([many.member(i)(x[i]) for i in range(3)])
    for budget in (2**25, net.widest * 8 * 7 * 2, net.widest * 8 * 3, 1):
        monkeypatch.setattr("ibcore.nets.evaluate._BYTES", {"cpu": budget})
        torch.testing.assert_close(many.forward(x), expected, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(many.forward(x[0])[0], expected[0], rtol=1e-10, atol=1e-10)
    with pytest.raises(ValueError, match=r"x must have shape \(n, channels, height, width\) or"):
        many.forward(x[0].flatten(1))


def test_minibatches_of_images_follow_each_members_own_order():
    net = ConvNet(1, 2, channels=(2,), norm="batch")
    many, x = Population.sample(net, networks=3), randn(10, 1, 8, 8)
    y = (x.mean((1, 2, 3)) > 0).long()
    options = {"loss": "cross_entropy", "steps": 8, "batch_size": 5, "learning_rate": 0.01}
    shared = many.train(x, y, **options)
    own = many.train(x.repeat(3, 1, 1, 1, 1), y.repeat(3, 1), **options)
    torch.testing.assert_close(shared.losses, own.losses, rtol=1e-10, atol=0)
    start = many.forward(x, statistics=many.batch_statistics(x)).flatten(0, 1)
    assert shared.losses.mean() < functional.cross_entropy(start, y.repeat(3))


def test_weights_are_drawn_by_their_fans_and_scaled_and_norms_are_not():
    net = ResNet(3, 10, depth=9, width=16)
    options = {"networks": 1, "prior": "gaussian", "scaling": "fan_in", "seed": 3}
    small, large = (Population.sample(net, weight_scale=a, **options) for a in (1.0, 4.0))
    for name, value in small.parameters.items():
        if name.startswith("convs") or name == "head.weight":
            torch.testing.assert_close(large.parameters[name], 4 * value, rtol=1e-14, atol=0)
            fan_in = value[0, 0].numel()
            error = 4 / (2 * value.numel()) ** 0.5  # standard errors of a standard deviation
            assert value.std().item() * fan_in**0.5 == pytest.approx(1, rel=error)
        else:
            assert torch.equal(large.parameters[name], value)
    weight = Population.sample(net, networks=1).parameters["convs.grow1.weight"]
    bound = (6 / (9 * (16 + 32))) ** 0.5  # Glorot: both fans count the places of the kernel
    assert 0.99 * bound < weight.abs().max() <= bound
    biased = Population.sample(ConvNet(norm=None), networks=1, bias_scale=0.5)
    assert 0.2 < biased.parameters["convs.0.bias"].abs().max() <= 0.5


def test_a_member_drawn_later_or_in_parts_is_the_same(monkeypatch):
    net = ConvNet(norm="batch")
    whole = Population.sample(net, networks=4, seed=2)
    monkeypatch.setattr("ibcore.nets.init._ENTRIES", 1)
    parts = Population.sample(net, networks=4, seed=2)
    late = Population.sample(net, networks=2, first=2, seed=2)
    for name, value in whole.parameters.items():
        assert torch.equal(parts.parameters[name], value)
        assert torch.equal(late.parameters[name], value[2:])


def test_building_follows_the_seed_and_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    first, again, other = (ResNet(width=2, seed=seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_the_head_is_the_weight_registered_last_and_layers_go_in_order():
    for net in (ConvNet(norm="batch"), ResNet(width=1), ResNet(width=1, depth=18)):
        weights = [name for name, shape in net.shapes.items() if len(shape) > 1]
        assert weights[-1] == "head.weight"
        assert weights[0] in ("convs.0.weight", "convs.stem.weight")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ConvNet(channels=()), r"channels=\(\) are 0 blocks"),
        (lambda: ConvNet(channels=(4, 0)), r"channels\[1\] must be at least 1, got 0"),
        (lambda: ConvNet(channels=(1,) * 4), "are 4 blocks.*as many as image_size 8 takes"),
        (lambda: ConvNet(head="max"), "unknown head 'max'; choose one of 'average', 'flatten'"),
        (lambda: ConvNet(norm="layer"), "unknown norm 'layer'; choose one of 'batch'"),
        (lambda: ResNet(depth=34), "unknown depth 34; choose one of 9, 18"),
        (lambda: ResNet(width=0), "width must be at least 1, got 0"),
        (lambda: ResNet(image_size=28), "image_size must be a multiple of 8, got 28"),
        (lambda: ResNet(activation="mish"), "unknown activation 'mish'"),
        (
            lambda: Population.sample(ResNet(width=1, norm=None), networks=1, bias_growth=2.0),
            "bias_growth needs layers with numbers, got 'convs.stem.bias'",
        ),
    ],
)
def test_bad_options_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
