"""The experiments on a GPU: the same numbers where nothing is trained, sound ones where it is."""

import pytest
import torch
from pandas.testing import assert_frame_equal

from ibcore.runs import experiments, find

SECOND = "cuda"
DRAWN = (  # float64, nothing is trained
    "redshift.activations",
    "redshift.components",
    "redshift.width",
    "redshift.references",
    "redshift.priors",
    "redshift.biases",
    "redshift.unbiased",
    "redshift.guess-and-check",
    "redshift.boolean",
    "redshift.boolean-complexity",
)
TRAINED = ("redshift.modular", "redshift.hysteresis", "redshift.shortcuts", "redshift.splines")


def run_first_cell(name: str, device: str):
    experiment = find(name)
    return experiment.run_cell(next(iter(experiment.plan("smoke").values())), torch.device(device))


def test_the_names_are_those_of_experiments():
    assert {*DRAWN, *TRAINED} <= {each.name for each in experiments("redshift")}


@pytest.mark.gpu
@pytest.mark.parametrize("name", DRAWN)
def test_random_networks_measure_the_same_on_both_devices(name):
    assert_frame_equal(
        run_first_cell(name, "cpu"), run_first_cell(name, SECOND), rtol=1e-5, atol=1e-5
    )


@pytest.mark.gpu
@pytest.mark.parametrize("name", TRAINED)
def test_trained_networks_give_the_same_table_on_both_devices(name):
    first, second = run_first_cell(name, "cpu"), run_first_cell(name, SECOND)
    assert first.columns.tolist() == second.columns.tolist()
    assert (first.isna() == second.isna()).all().all()
    measured = [column for column in first if "accuracy" in column or "correlation" in column]
    assert ((first[measured] - second[measured]).mean().abs() < 0.2).all()  # float32 paths part
