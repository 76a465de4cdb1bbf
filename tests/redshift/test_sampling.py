"""sample_functions: a plain loop gives the same, members are stable, bad input is named."""

import pytest
import torch

from ibcore.nets import MLP
from ibcore.population import Population
from ibcore.redshift import sample_functions
from ibcore.tasks import axis


def test_equals_a_plain_loop_with_the_axes_in_the_documented_order():
    values = sample_functions(
        "gelu", depth=2, width=8, weight_scale=3.0, networks=3, grid=5, seed=2
    )
    population = Population.sample(
        MLP(depth=2, width=8, activation="gelu"), networks=3, weight_scale=3.0, seed=2
    )
    line = axis(5)
    for r in range(3):
        net = population.member(r)
        for i, j in ((0, 0), (1, 4), (3, 2)):
            x = torch.stack([line[i], line[j]])
            assert values[r, i, j].item() == pytest.approx(net(x).item(), rel=1e-12)


def test_a_network_keeps_its_function_whatever_the_chunks(monkeypatch):
    whole = sample_functions(networks=7, grid=6, width=8)
    monkeypatch.setattr("ibcore.redshift.sampling._CHUNK", 2)
    assert torch.equal(sample_functions(networks=7, grid=6, width=8), whole)
    assert torch.equal(sample_functions(networks=3, grid=6, width=8, first=4), whole[4:])


def test_the_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    sample_functions(networks=3, grid=4, width=4)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "reLU6"}, "unknown activation 'reLU6'"),
        ({"weight_scale": -1}, "weight_scale must be at least 0, got -1"),
        ({"grid": 1}, "grid must be a whole number at least 2, got 1"),
        ({"grid": 10**6}, "grid=1000000 needs about 8000 GB"),
        ({"networks": 2 * 10**9, "grid": 300}, "networks=2000000000 needs about 1440000 GB"),
        ({"weight_scale": 1e200}, "nan or infinite; choose a smaller weight_scale"),
        ({"device": f"cuda:{torch.cuda.device_count()}"}, "CUDA devices are available"),
    ],
)
def test_bad_input_is_one_error_that_names_the_value(options, message):
    with pytest.raises(ValueError, match=message):
        sample_functions(**{"networks": 2, "grid": 4, "width": 4, **options})
