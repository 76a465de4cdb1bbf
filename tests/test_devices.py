"""On a second device: equal numbers, nothing left behind on the CPU, few waits."""

import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
import torch
from pandas import DataFrame
from pandas.testing import assert_frame_equal

from ibcore import MLP, Population, fourier_complexity, meta_gradient, sample_functions
from ibcore.guidance import Alignment, MinibatchCKA, cka, guide
from ibcore.runs import experiments, find

simulated_device = pytest.importorskip("simulated_device")
pytestmark = pytest.mark.gpu

QUICK = (
    *("redshift.components", "redshift.references", "redshift.biases", "redshift.unbiased"),
    *("redshift.transformers"),
)
MOST_WAITS = {"train": 10, "meta_gradient": 14, "sample_functions": 3, "guide": 30}

LIMIT = 12  # of steps: what a device does wrong in one step shows in its equality with the CPU
LONGER = {"guidance.rivals": 20, "metainit.families": 60, "metainit.longer": 60}  # need more
LIMITED = {
    *("steps", "looks", "time", "every", "budgets", "most"),
    *("detour_steps", "outer_steps", "inner_steps", "guide_steps", "decay_steps"),
}
RECURRENT = ("guidance.copying", "guidance.parity", "guidance.text")  # the targets are nn.RNN


def shortened(value: Any, limit: int, name: str = "") -> Any:
    """Return a cell, or a part of it, with no more than ``limit`` steps."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = {each.name: getattr(value, each.name) for each in fields(value)}
        return replace(value, **shortened(parts, limit))
    if isinstance(value, Mapping):
        return {key: shortened(part, limit, key) for key, part in value.items()}
    if isinstance(value, list | tuple):
        parts = [shortened(part, limit, name) for part in value]
        differ = name in LIMITED and len(set(value)) == len(value)
        return type(value)(dict.fromkeys(parts) if differ else parts)
    return min(value, limit) if name in LIMITED and type(value) in (int, float) else value


def first_cell(name: str, device: str) -> DataFrame:
    """Compute the first smoke cell in a few steps, and print the CPU seconds."""
    experiment, begin = find(name), time.process_time()
    cell = next(iter(experiment.plan("smoke").values()))
    found = experiment.run_cell(shortened(cell, LONGER.get(name, LIMIT)), torch.device(device))
    print(f"{name} on {device}: {time.process_time() - begin:.1f} CPU seconds")
    return found


def agree(name: str, device: str) -> None:
    """Assert that the first smoke cell gives one table on both devices.

    On the simulated device to the last bit, but for torch's recurrent networks: on the CPU they
    multiply the inputs of all times at once, so that their gradients are summed in another order.
    """
    simulated = device == simulated_device.NAME
    with simulated_device.elsewhere() if simulated else nullcontext():
        here = first_cell(name, "cpu")
    there = first_cell(name, device)
    if not simulated:
        assert_frame_equal(here, there, rtol=0.02, atol=0.02)  # an image of 100 on the other side
    elif name.startswith(RECURRENT):
        assert_frame_equal(here, there, rtol=1e-6, atol=1e-9)
    else:
        assert_frame_equal(here, there, check_exact=True)


@pytest.mark.parametrize("name", [each.name for each in experiments() if each.name in QUICK])
def test_a_cell_gives_the_same_table(name, gpu):
    agree(name, gpu)


@pytest.mark.slow
@pytest.mark.parametrize("name", [each.name for each in experiments() if each.name not in QUICK])
def test_the_first_cell_of_every_experiment_gives_the_same_table(name, gpu):
    agree(name, gpu)


FAULTS = {"memory.tuned": "tanh_backward", "guidance.complexity": "threshold_backward"}


@pytest.mark.parametrize("name", FAULTS)
def test_an_operation_that_is_a_little_wrong_on_the_device_is_noticed(name, gpu, monkeypatch):
    if gpu != simulated_device.NAME:
        pytest.skip("only the simulated device can be made wrong")
    right = simulated_device._dispatch

    def wrong(func, args, kwargs):
        result = right(func, args, kwargs)
        here = isinstance(result, simulated_device.SimTensor) and FAULTS[name] in str(func)
        return result * (1 + 1e-5) if here else result

    monkeypatch.setattr(simulated_device, "_dispatch", wrong)
    with pytest.raises(AssertionError, match="are different"):
        agree(name, gpu)


def test_a_tensor_left_on_the_cpu_is_an_error(gpu):
    many = Population.sample(MLP(2, 1, depth=1, width=8), networks=2, device=gpu)
    many.parameters["layers.0.bias"] = many.parameters["layers.0.bias"].cpu()  # the first fault
    with pytest.raises((RuntimeError, ValueError), match="device"):
        many.forward(torch.zeros(3, 2, dtype=torch.float64, device=gpu))


def test_a_generator_of_the_cpu_on_the_device_is_an_error(gpu):
    planted = torch.Generator().manual_seed(0)  # the second fault
    with pytest.raises(RuntimeError, match="generator"):
        torch.randn(3, device=gpu, generator=planted)


def waits_of(gpu: str, what: str) -> int:
    """Return how often one computation waits for the device."""
    x = torch.linspace(-1, 1, 24, dtype=torch.float64).reshape(12, 2).to(gpu)
    y = x[:, :1].sin()
    net, model = MLP(2, 1, depth=1, width=8), MLP(2, 1, depth=1, width=8).double().to(gpu)
    many = Population.sample(net, networks=3, device=gpu)
    params = dict(model.named_parameters())
    calls = {
        "train": lambda: many.train(x, y, loss="mse", steps=20),
        "meta_gradient": lambda: meta_gradient(
            model, params, 0.1, (x[None], y[None]), (x[None], y[None]), inner_steps=3
        ),
        "sample_functions": lambda: sample_functions(networks=4, grid=8, width=8, device=gpu),
        "guide": lambda: guide(
            *[MLP(2, 1, depth=1, width=8, seed=k).double().to(gpu) for k in range(2)],
            *(x, y),
            steps=10,
            loss="mse",
            device=gpu,
        ),
    }
    simulated_device.WAITS.clear()
    calls[what]()
    return sum(simulated_device.WAITS.values())


@pytest.mark.parametrize("what", MOST_WAITS)
def test_few_waits(what, gpu):
    if gpu != simulated_device.NAME:
        pytest.skip("only the simulated device counts")
    assert waits_of(gpu, what) <= MOST_WAITS[what], simulated_device.WAITS.most_common(5)


KINDS = {
    **{measure: {"measure": measure} for measure in ("cka", "rsa", "ridge", "procrustes")},
    "rbf": {"kernel": "rbf"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_of_guided_training_does_not_wait(kind, gpu):
    if gpu != simulated_device.NAME:
        pytest.skip("only the simulated device counts")
    x = torch.linspace(-1, 1, 24, dtype=torch.float64).reshape(12, 2).to(gpu)
    nets = [MLP(2, 1, depth=1, width=8, seed=k).double().to(gpu) for k in range(2)]

    def waits(steps):
        simulated_device.WAITS.clear()
        options = {"steps": steps, "loss": "mse", "device": gpu}
        guide(*nets, x, x[:, :1].sin(), alignment=Alignment(**KINDS[kind]), **options)
        return sum(simulated_device.WAITS.values())

    assert waits(3) == waits(7), simulated_device.WAITS.most_common(9)


def test_measures_agree(gpu):
    x, y = (torch.randn(20, k, generator=torch.Generator().manual_seed(k)) for k in (3, 5))
    there = x.to(gpu), y.to(gpu)
    assert torch.equal(cka(*there).cpu(), cka(x, y))
    values = sample_functions(networks=3, grid=8, width=8)
    assert torch.equal(fourier_complexity(values.to(gpu)).cpu(), fourier_complexity(values))
    stream = MinibatchCKA()
    stream.update([there[0]], [there[1]])
    assert float(stream.value()) == pytest.approx(float(cka(x, y)), rel=1e-6)
