"""sample_functions: a plain loop gives the same, members are stable, bad input is named."""

import subprocess
import sys

import pytest
import torch

from ibcore.nets import MLP
from ibcore.population import Population
from ibcore.redshift import (
    chebyshev_complexity,
    fourier_complexity,
    lempel_ziv_complexity,
    measure_functions,
    sample_functions,
    total_variation,
)
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


MEASURES = {
    "fourier": fourier_complexity,
    "chebyshev": chebyshev_complexity,
    "lempel-ziv": lempel_ziv_complexity,
    "variation": total_variation,
}


def test_measures_one_after_the_other_are_those_of_all_values(capfd):
    options = {"grid": 16, "width": 8, "activation": "sine", "weight_scale": 4.0}
    values = sample_functions(networks=150, first=3, **options)
    found = measure_functions(MEASURES, 150, first=3, **options)
    assert list(found) == list(MEASURES)
    for name, measure in MEASURES.items():
        assert torch.equal(found[name], measure(values)), name
    one = measure_functions(total_variation, 10, first=3, progress=False, **options)
    assert torch.equal(one, found["variation"][:10])
    assert not capfd.readouterr().err  # so short a wait needs no bar


def test_a_long_measurement_shows_how_far_it_is(capfd, monkeypatch):
    monkeypatch.setattr("ibcore.redshift.sampling._BAR_AFTER", 0.0)
    measure_functions(total_variation, 70, grid=4, width=4)
    assert "70/70" in capfd.readouterr().err
    measure_functions(total_variation, 70, grid=4, width=4, progress=False)
    assert not capfd.readouterr().err


def test_bad_options_of_a_measurement_are_named():
    with pytest.raises(ValueError, match="unknown activation 'reLU6'"):
        measure_functions(total_variation, 2, activation="reLU6")
    with pytest.raises(ValueError, match="first must be at least 0"):
        measure_functions(total_variation, 2, first=-1)


PEAK = """
import resource, sys, torch
from ibcore.redshift import fourier_complexity, measure_functions, sample_functions
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sample_functions(networks=1, grid=2)  # torch loads more with the first module
before = peak()
found = measure_functions(fourier_complexity, int(sys.argv[1]), dtype=torch.float32)
assert len(found) == int(sys.argv[1]) and 0 < found.mean() < 1
print((peak() - before) * (1 if sys.platform == "darwin" else 1024))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no module resource")
@pytest.mark.parametrize("networks", [1000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_any_number_of_networks_is_measured_in_64_mb(networks):
    command = [sys.executable, "-c", PEAK, str(networks)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(done.stdout) <= 64e6
