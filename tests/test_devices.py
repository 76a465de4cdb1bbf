"""On a second device: equal numbers, nothing left behind on the CPU, few waits."""

import pytest
import torch
from pandas.testing import assert_frame_equal

from ibcore import MLP, Population, fourier_complexity, meta_gradient, sample_functions
from ibcore.guidance import MinibatchCKA, cka, guide
from ibcore.runs import experiments, find

simulated_device = pytest.importorskip("simulated_device")
pytestmark = pytest.mark.gpu

QUICK = (
    *("redshift.components", "redshift.references", "redshift.biases", "redshift.unbiased"),
    *("redshift.transformers"),
)
MOST_WAITS = {"train": 10, "meta_gradient": 14, "sample_functions": 3, "guide": 30}


def first_cell(name: str, device: str):
    experiment = find(name)
    return experiment.run_cell(next(iter(experiment.plan("smoke").values())), torch.device(device))


def agree(name: str, device: str) -> None:
    """Assert that the first smoke cell gives one table on both devices.

    Hundreds of steps in float32 part the paths of two orders of sums: there means must agree.
    """
    here, there = first_cell(name, "cpu"), first_cell(name, device)
    if device == simulated_device.NAME and not name.startswith(("guidance.", "memory.")):
        assert_frame_equal(here, there, rtol=1e-5, atol=1e-9)  # float32, another order of sums
        return
    assert here.columns.tolist() == there.columns.tolist()
    assert (here.isna() == there.isna()).all().all()
    measured = [column for column in here if "accuracy" in column or "complexity" in column]
    assert ((here[measured] - there[measured]).mean().dropna().abs() < 0.2).all()


@pytest.mark.parametrize("name", [each.name for each in experiments() if each.name in QUICK])
def test_a_cell_gives_the_same_table(name, gpu):
    agree(name, gpu)


@pytest.mark.slow
@pytest.mark.parametrize("name", [each.name for each in experiments() if each.name not in QUICK])
def test_the_first_cell_of_every_experiment_gives_the_same_table(name, gpu):
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


def test_measures_agree(gpu):
    x, y = (torch.randn(20, k, generator=torch.Generator().manual_seed(k)) for k in (3, 5))
    there = x.to(gpu), y.to(gpu)
    assert torch.equal(cka(*there).cpu(), cka(x, y))
    values = sample_functions(networks=3, grid=8, width=8)
    assert torch.equal(fourier_complexity(values.to(gpu)).cpu(), fourier_complexity(values))
    stream = MinibatchCKA()
    stream.update([there[0]], [there[1]])
    assert float(stream.value()) == pytest.approx(float(cka(x, y)), rel=1e-6)
