"""A guide beside regularizers: what each arm is, and what chooses among strengths."""

import pandas as pd
import pytest
import torch
from torch import nn

from ibcore.guidance.experiments.guided_trial import (
    LAPTOP,
    Condition,
    Convolutional,
    Perceptron,
    image_trial,
)
from ibcore.guidance.experiments.regularizers import Regularizer, best_rows, run_regularizers

SMALL = Convolutional((4, 4))
SETTING = {**LAPTOP, "target": Perceptron(width=8), "steps": 20, "untrained": SMALL}
SETTING |= {"trained": SMALL, "fit": {**LAPTOP["fit"], "steps": 3}}
CPU = torch.device("cpu")


def rows(**arms):  # of the last step of each arm
    cell = {"setting": SETTING, "network": 0, "seed": 0, "arms": arms}
    return run_regularizers(cell, CPU)


def test_no_guide_and_no_regularizer_is_the_unguided_network() -> None:
    trial = image_trial({"setting": SETTING, "network": 0, "seed": 0}, CPU)
    usual = trial.accuracies(trial.train(Condition("unguided")).model)
    found = rows(none=(Regularizer(),)).iloc[0]
    assert found[list(usual)].to_dict() == usual


@pytest.mark.parametrize("name", ["smoothing", "dropout", "decay", "distillation"])
def test_each_regularizer_changes_the_network(name: str) -> None:
    found = rows(none=(Regularizer(), Regularizer(name, 0.3)))
    plain, own = (found[(found.regularizer == each) & ~found.chosen] for each in ("none", name))
    assert plain.test_loss.item() != own.test_loss.item()


def test_dropout_follows_each_relu_and_only_if_it_is_asked_for() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    kinds = [type(layer) for layer in Regularizer("dropout", 0.5).dress(net)]
    assert kinds == [nn.Linear, nn.ReLU, nn.Dropout, nn.Linear]
    assert len(Regularizer("smoothing", 0.5).dress(net)) == 3


def test_strengths_are_chosen_without_the_test_images() -> None:
    rows = [("decay", 0.1, 0.9, 0.1), ("decay", 0.2, 0.1, 0.9), ("none", 0.0, 0.5, 0.5)]
    names = ["regularizer", "strength", "validation_accuracy", "test_accuracy"]
    found = best_rows(pd.DataFrame(rows, columns=names).assign(guide="none"))
    assert found[found.chosen & (found.regularizer == "best")].test_accuracy.tolist() == [0.1]


def test_early_stopping_takes_the_step_that_the_validation_images_like_best() -> None:
    found = rows(none=(Regularizer("stopping"),))
    watched = found[(found.regularizer == "stopping") & ~found.chosen]
    assert watched.strength.tolist() == list(range(1, 21))
    stopped = found[(found.regularizer == "stopping") & found.chosen].iloc[0]
    assert stopped.validation_accuracy == watched.validation_accuracy.max()
    plain = found[(found.regularizer == "none") & ~found.chosen].iloc[0]
    assert plain.test_loss == watched.test_loss.iloc[-1]
    assert plain.test_loss == rows(none=(Regularizer(),)).iloc[0].test_loss


def test_without_arms_the_regularizers_stand_alone_and_beside_the_guide() -> None:
    cell = {"setting": SETTING, "network": 0, "seed": 0, "regularizers": (Regularizer(),)}
    frame = run_regularizers(cell, CPU)
    assert frame[~frame.chosen].guide.tolist() == ["none", "untrained CNN", "permuted points"]


def test_every_guide_has_its_rows_and_none_is_another() -> None:
    guides = ["none", "untrained CNN", "trained CNN", "permuted CNN"]
    guides += ["permuted points", "pixels"]
    found = rows(**dict.fromkeys(guides, (Regularizer(),)))
    plain = found[(found.regularizer == "none") & ~found.chosen]
    assert plain.guide.tolist() == guides and plain.test_loss.nunique() == len(guides)
