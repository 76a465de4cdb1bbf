"""A guide beside regularizers: what each arm is, and what chooses among strengths."""

import pandas as pd
import pytest
import torch
from torch import nn

from ibcore.guidance.experiments.guided_trial import LAPTOP, Condition, Perceptron, image_trial
from ibcore.guidance.experiments.regularizers import (
    Regularizer,
    _guides,
    _train,
    best_rows,
    run_regularizers,
)

SETTING = {**LAPTOP, "target": Perceptron(width=8), "steps": 3}
CELL = {"setting": SETTING, "network": 0, "seed": 0, "regularizers": (Regularizer(),)}


def test_no_guide_and_no_regularizer_is_the_unguided_network() -> None:
    trial = image_trial(CELL, torch.device("cpu"))
    ours, usual = _train(trial, None, Regularizer()), trial.train(Condition("unguided")).model
    assert all(
        torch.equal(a, b) for a, b in zip(ours.parameters(), usual.parameters(), strict=True)
    )


@pytest.mark.parametrize("name", ["smoothing", "dropout", "decay"])
def test_each_regularizer_changes_the_network(name: str) -> None:
    trial = image_trial(CELL, torch.device("cpu"))
    ours, plain = (_train(trial, None, each) for each in (Regularizer(name, 0.3), Regularizer()))
    pairs = zip(ours.parameters(), plain.parameters(), strict=True)
    assert not all(torch.equal(a, b) for a, b in pairs)


def test_dropout_follows_each_relu_and_only_if_it_is_asked_for() -> None:
    net = [nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)]
    kinds = [type(layer) for layer in Regularizer("dropout", 0.5).dress(net)]
    assert kinds == [nn.Linear, nn.ReLU, nn.Dropout, nn.Linear]
    assert len(Regularizer("smoothing", 0.5).dress(net)) == 3


def test_strengths_are_chosen_without_the_test_images() -> None:
    rows = [("decay", 0.1, 0.9, 0.1), ("decay", 0.2, 0.1, 0.9), ("none", 0.0, 0.5, 0.5)]
    names = ["regularizer", "strength", "validation_accuracy", "test_accuracy"]
    found = best_rows(pd.DataFrame(rows, columns=names).assign(guide="none"))
    assert found[found.chosen & (found.regularizer == "best")].test_accuracy.tolist() == [0.1]


def test_the_null_guide_speaks_of_other_points() -> None:
    trial = image_trial(CELL, torch.device("cpu"))
    guides = _guides(trial)
    own, lost = (_train(trial, guides[name], Regularizer()) for name in list(guides)[1:])
    pairs = zip(own.parameters(), lost.parameters(), strict=True)
    assert not all(torch.equal(a, b) for a, b in pairs)


def test_every_guide_has_its_rows() -> None:
    frame = run_regularizers(CELL, torch.device("cpu"))
    assert frame[~frame.chosen].guide.tolist() == ["none", "untrained CNN", "permuted points"]
