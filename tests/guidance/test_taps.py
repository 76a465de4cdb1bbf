"""Taps: the right activations by name, and nothing left behind."""

import gc
import weakref

import pytest
import torch
from torch import nn

from ibcore.guidance import Taps, activations, in_mode, layer_names
from ibcore.nets import MLP, ConvNet, ResNet, Transformer


def convolutional():
    return nn.Sequential(
        nn.Conv2d(1, 3, 3),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(12, 5),
        nn.Dropout(0.5),
        nn.Linear(5, 2),
    )


def hooks(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def test_taps_see_what_the_layers_compute():
    model, x = convolutional().eval(), torch.rand(4, 1, 6, 6)
    seen = activations(model, x, ["5", "0", "2"])
    assert list(seen) == ["0", "2", "5"]  # in the order of computation
    torch.testing.assert_close(seen["0"], model[0](x))
    torch.testing.assert_close(seen["5"], model[:6](x))


def test_gradients_flow_through_taps():
    model, x = convolutional(), torch.rand(4, 1, 6, 6)
    activations(model, x, ["3"])["3"].sum().backward()
    assert model[0].weight.grad.abs().sum() > 0
    assert model[5].weight.grad is None


def test_hooks_are_gone_after_use_and_after_an_error():
    model = convolutional()
    with Taps(model, ["0", "5"]):
        assert hooks(model) == 3
        with pytest.raises(RuntimeError, match="in use already"), taps_twice(model):
            pass
    assert hooks(model) == 0
    with pytest.raises(ZeroDivisionError), Taps(model, ["0"]):
        raise ZeroDivisionError
    assert hooks(model) == 0


def taps_twice(model):
    taps = Taps(model, ["0"])
    with taps:
        return taps.__enter__()


def test_activations_and_graph_die_with_the_taps():
    model = convolutional()
    with Taps(model, ["0", "5"]) as taps:
        model(torch.rand(4, 1, 6, 6))
        refs = [weakref.ref(value) for value in taps.values()]
        model(torch.rand(4, 1, 6, 6))  # forgets the first pass
    gc.collect()
    assert [ref() for ref in refs] == [None, None]
    last = weakref.ref(taps["5"])
    taps.clear()
    gc.collect()
    assert last() is None and len(taps) == 0
    alive, itself = weakref.ref(model), weakref.ref(taps)
    del model, taps
    gc.collect()
    assert alive() is None and itself() is None


def test_memory_is_flat_over_many_steps():
    model, x = convolutional(), torch.rand(4, 1, 6, 6)

    def tensors():
        gc.collect()
        return sum(issubclass(type(item), torch.Tensor) for item in gc.get_objects())

    counts = []
    for step in range(100):
        with Taps(model, ["0", "5"]) as taps:
            model(x)
            taps["0"].square().mean().backward()
        taps.clear()
        if step in (5, 99):
            counts.append(tensors())
    assert counts[0] == counts[1]


def test_a_module_called_several_times_gives_all_calls_of_one_pass():
    class Cell(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.Linear(3, 3)

        def forward(self, x):
            h = torch.zeros(len(x), 3)
            for t in range(x.shape[1]):
                h = torch.tanh(self.cell(h + x[:, t]))
            return h

    model, x = Cell(), torch.rand(5, 4, 3)
    with Taps(model, ["cell"]) as taps:
        model(x)
        out = model(x)
        assert taps["cell"].shape == (5, 4, 3)  # (n, calls, units)
    torch.testing.assert_close(torch.tanh(taps["cell"][:, -1]), out)


def test_the_first_of_several_outputs_is_taken():
    model = nn.LSTM(3, 4, batch_first=True)
    wrapped = nn.Sequential(model)
    assert activations(wrapped, torch.rand(2, 5, 3), ["0"])["0"].shape == (2, 5, 4)


@pytest.mark.parametrize(
    ("model", "x", "expected"),
    [
        (convolutional(), torch.rand(3, 1, 6, 6), ["0", "3", "5"]),
        (MLP(4, 2, depth=3, width=5), torch.rand(3, 4), ["layers.0", "layers.1", "layers.2"]),
        (
            ConvNet(1, 10, channels=(4, 8)),
            torch.rand(3, 1, 8, 8),
            ["convs.0", "convs.1", "features"],
        ),
        (
            Transformer(11, depth=2, width=8, heads=2),
            torch.tensor([[1, 2, 3]]),
            ["blocks.0", "blocks.1"],
        ),
        (
            nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, batch_first=True), 3),
            torch.rand(2, 4, 8),
            ["layers.0", "layers.1"],
        ),
    ],
    ids=["sequential", "mlp", "convnet", "transformer", "encoder"],
)
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_the_layers_by_default_are_the_outermost_known_ones_without_the_last(model, x, expected):
    model.train()
    names = layer_names(model, x)
    assert names == expected
    assert len(layer_names(model, x, last=True)) == len(expected) + 1
    assert all(module.training for module in model.modules())
    assert hooks(model) == 0


@pytest.mark.parametrize("prefix", [False, True])
def test_taps_reach_into_networks_whose_layers_are_not_called(prefix):
    net = ConvNet(1, 10, channels=(4, 6), norm="batch")
    model, start = (nn.Sequential(nn.Identity(), net), "1.") if prefix else (net, "")
    x = torch.rand(5, 1, 8, 8)
    names = [f"{start}{name}" for name in ("convs.0", "convs.1", "features", "head")]
    plain = model(x)
    seen = activations(model, x, names)
    assert list(seen) == names
    torch.testing.assert_close(seen[names[3]], plain)
    torch.testing.assert_close(nn.functional.linear(seen[names[2]], *net.head.parameters()), plain)
    z = nn.functional.conv2d(x, net.convs["0"].weight, padding=1)
    z = (z - z.mean((0, 2, 3), keepdim=True)) / (
        z.var((0, 2, 3), correction=0, keepdim=True) + 1e-5
    ).sqrt()
    torch.testing.assert_close(seen[names[0]], z)
    assert "compute" not in net.__dict__ and hooks(model) == 0


def test_resnets_have_a_tap_for_every_convolution():
    net = ResNet(3, 10, depth=9, width=4)
    seen = activations(net, torch.rand(2, 3, 16, 16), [f"convs.{name}" for name in net.convs])
    assert len(seen) == len(net.convs) == 8


def test_a_mode_is_put_back_module_by_module():
    model = convolutional()
    model[1].eval()
    with in_mode(model, "eval"):
        assert not any(m.training for m in model.modules())
    assert model[0].training and not model[1].training


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m, x: Taps(m, []), ValueError, "at least one layer"),
        (lambda m, x: Taps(m, ["0", "0"]), ValueError, "each once"),
        (lambda m, x: Taps(m, ["fc"]), ValueError, "no layer 'fc'; its layers are '0', '1'"),
        (lambda m, x: Taps(m, ["0"])["0"], KeyError, "'0' was not called .* seen were none"),
        (lambda m, x: Taps(m, ["0"])["7"], KeyError, "'7' is no tap"),
        (lambda m, x: layer_names(nn.ReLU(), x), ValueError, "no hidden layer"),
        (lambda m, x: layer_names(nn.Linear(6, 2), x), ValueError, "name the layers to compare"),
        (lambda m, x: in_mode(m, "test").__enter__(), ValueError, "unknown mode 'test'"),
    ],
)
def test_bad_names_are_explained(call, error, message):
    with pytest.raises(error, match=message):
        call(convolutional(), torch.rand(2, 1, 6, 6))


def test_a_layer_that_was_not_called_is_named():
    net = MLP(3, 1, depth=1, width=4)
    net.spare = nn.Linear(2, 2)
    with pytest.raises(KeyError, match="'spare' was not called in the last forward pass"):
        activations(net, torch.rand(2, 3), ["spare"])


def test_an_output_without_a_tensor_is_named():
    class Odd(nn.Module):
        def forward(self, x):
            return {"x": x}

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.odd = Odd()

        def forward(self, x):
            return self.odd(x)["x"]

    with pytest.raises(ValueError, match="layer 'odd' returns dict"):
        activations(Outer(), torch.rand(2), ["odd"])
