"""Images in three sets, and one ResNet in each cell."""

import pytest
import torch

from ibcore.memory import Pipeline, image_problem
from ibcore.memory.experiments import resnet
from ibcore.memory.experiments.resnet import DIGITS, RESNET, draw_network, run_resnet

CPU = torch.device("cpu")
CELL = {
    "pipeline": Pipeline("SGD", learning_rate=0.1),
    "weight_scale": 1.0,
    "network": 1,
    "schedule": {"least": 2, "most": 4, "every": 2},
    "sets": {**DIGITS, "images": 300, "train": 100, "validation": 50, "test": 120},
    "width": 2,
    "norm": "batch",
    "seed": 0,
}


def images(count=90, channels=3):
    rng = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (count, channels, 4, 4), generator=rng).to(torch.uint8)
    return pixels, torch.randint(3, (count,), generator=rng)


def test_the_sets_are_disjoint_and_have_their_share_of_every_class():
    pixels, labels = images()
    problem = image_problem(pixels, labels, train=40, validation=20, test=30)
    sets = (problem.train, problem.validation, problem.test)
    assert [len(s.y) for s in sets] == [40, 20, 30]
    rows = torch.cat([s.x for s in sets]).flatten(1)
    assert len(rows.unique(dim=0)) == 90
    for examples in sets:
        for label in range(3):
            share, expected = (examples.y == label).sum(), (labels == label).sum() / 90
            assert abs(share - expected * len(examples.y)) <= 1.5


def test_channels_are_scaled_by_the_training_set_only():
    pixels, labels = images()
    pixels[:, 1] = pixels[:, 1] // 8 + 100
    problem = image_problem(pixels, labels, train=40, validation=20, test=30, split=3)
    x = problem.train.x
    torch.testing.assert_close(x.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(x.std((0, 2, 3)), torch.ones(3))
    assert problem.test.x.mean((0, 2, 3)).abs().min() > 1e-4
    other = image_problem(pixels, labels, train=40, validation=20, test=30, split=4)
    assert not torch.equal(other.train.x, x)


def test_bad_images_are_named():
    pixels, labels = images()
    with pytest.raises(ValueError, match=r"\(90, 3, 16\) and \(90,\)"):
        image_problem(pixels.flatten(2), labels, train=1, validation=1, test=1)
    with pytest.raises(ValueError, match="at most the 90 images together, got 60, 30 and 1"):
        image_problem(pixels, labels, train=60, validation=30, test=1)


def test_a_scale_multiplies_the_same_draw_and_networks_differ():
    start, scaled, other = (
        draw_network({**CELL, **own}, CPU, channels=1, size=8)
        for own in ({}, {"weight_scale": 4.0}, {"network": 2})
    )
    for name, value in start.parameters.items():
        factor = 4 if value.ndim > 2 else 1
        torch.testing.assert_close(scaled.parameters[name], factor * value)
    assert not torch.equal(start.parameters["head.weight"], other.parameters["head.weight"])


def test_a_cell_reports_its_data_and_its_looks():
    frame = run_resnet(CELL, CPU)
    row = frame.iloc[-1]
    assert (row.train_size, row.validation_size, row.test_size, row.images) == (100, 50, 120, 300)
    assert (row.network, row.seed, row.width, row.norm, row.source) == (1, 0, 2, "batch", "digits")
    epoch = 4  # 100 images in batches of 32
    assert frame.step.tolist() in ([0, 2 * epoch], [0, 2 * epoch, 4 * epoch])
    assert frame.final.tolist() == [False] * (len(frame) - 1) + [True]
    assert not {"disagreement", "forgets"} & set(frame.columns)


def accuracies(schedule, gate, monkeypatch):
    """Return the train accuracy at each look of a run that ends where it passes ``gate``."""
    monkeypatch.setattr(resnet, "GATE", gate)
    frame = run_resnet({**CELL, "schedule": schedule}, CPU)
    assert frame.final.tolist() == [False] * (len(frame) - 1) + [True]
    return frame.train_accuracy.tolist()


def test_training_ends_at_the_first_look_that_passes_the_gate(monkeypatch):
    schedule = {"least": 0, "most": 6, "every": 1}
    whole = accuracies(schedule, 1.1, monkeypatch)
    assert len(whole) == 7 and max(whole) > whole[0]
    gate = max(whole)
    assert accuracies(schedule, gate, monkeypatch) == whole[: whole.index(gate) + 1]
    assert accuracies({**schedule, "least": 4}, 0.0, monkeypatch) == whole[:5]


def test_the_first_network_of_all_pipelines_and_scales_comes_first():
    cells = list(RESNET.plan("paper").values())
    assert len(cells) == 20 * 3 * 4
    assert {cell["network"] for cell in cells[:12]} == {0}
    assert len({(cell["pipeline"].name, cell["weight_scale"]) for cell in cells[:12]}) == 12
