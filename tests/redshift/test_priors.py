"""The prior of random networks: what the weights' distribution and the biases do to complexity."""

import pandas as pd
import pytest
import torch

from ibcore.redshift import fourier_complexity, sample_functions
from ibcore.runs import find

CPU = torch.device("cpu")
PRIORS, BIASES, UNBIASED = (find(f"redshift.{name}") for name in ("priors", "biases", "unbiased"))


def run(experiment):
    frames = [experiment.run_cell(cell, CPU) for cell in experiment.plan("smoke").values()]
    return pd.concat(frames)


@pytest.fixture(scope="module")
def biases():
    return run(BIASES).groupby(["activation", "weight_scale", "bias_scale"]).dct.mean()


def test_a_cell_measures_the_functions_of_its_own_condition():
    cells = PRIORS.plan("smoke").values()
    cell = next(c for c in cells if (c["activation"], c["prior"]) == ("sine", "student"))
    frame = PRIORS.run_cell(cell, CPU)
    values = sample_functions(
        "sine", prior="student", weight_scale=8, networks=10, grid=32, bias_scale=1
    )
    assert frame.dct.tolist() == fourier_complexity(values).tolist()
    assert frame.network.tolist() == list(range(10)) and (frame.prior == "student").all()


def test_the_shape_of_the_distribution_matters_little_at_equal_variance():
    means = run(PRIORS).groupby(["activation", "prior"]).dct.mean().unstack()
    ratio = means["student"] / means["uniform"]
    assert ratio.between(0.75, 1.1).all()
    assert means.loc["sine"].min() > 4 * means.loc["relu"].max()


def test_larger_biases_make_relu_simpler(biases):
    relu = biases["relu", 1.0]
    assert relu[0.0] > relu[1.0] * 1.15 > relu[8.0] * 1.4


def test_biases_leave_sine_alone_and_tanh_while_it_is_nearly_linear(biases):
    for activation, scale in (("sine", 8.0), ("tanh", 1.0)):
        curve = biases[activation, scale]
        assert curve.max() / curve.min() < 1.2


def test_the_amplitude_of_the_unbiased_model_changes_nothing():
    frame = run(UNBIASED)
    means = frame.groupby("amplitude").dct.mean()
    assert means.index.tolist() == [0.1, 1.0, 10.0]
    assert means.max() - means.min() < 1e-9
    assert means.iloc[0] == pytest.approx(0.541, abs=0.02)


@pytest.mark.parametrize("experiment", [PRIORS, BIASES, UNBIASED])
def test_every_tier_has_a_plan(experiment):
    sizes = [len(experiment.plan(tier)) for tier in ("smoke", "laptop", "paper")]
    assert sizes[0] <= sizes[1] <= sizes[2]
