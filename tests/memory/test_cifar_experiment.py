"""ResNets on pictures at a fixed budget: the data, the cells, and what their rows say."""

from collections import Counter

import numpy as np
import pytest
import torch

from ibcore.data import ImageData
from ibcore.memory.experiments import cifar
from ibcore.memory.experiments.cifar import CIFAR, load_pictures, load_problem, run_cifar
from ibcore.memory.experiments.resnet import draw_network

CPU = torch.device("cpu")
CELLS = [*CIFAR.plan("smoke").values()]
DECAYED = next(cell for cell in CELLS if "L2" in cell["pipeline"].name)
SHORT = {**DECAYED, "looks": (0, 2, 4, 8), "cool_down": 4}


@pytest.fixture
def pictures(monkeypatch):
    """Put random pictures in the place of CIFAR-10."""
    rng = torch.Generator().manual_seed(0)
    held = torch.zeros(5, 3, 32, 32, dtype=torch.uint8), torch.zeros(5, dtype=torch.int64)
    shown = torch.randint(256, (60, 3, 32, 32), generator=rng).to(torch.uint8)
    data = ImageData(shown, torch.arange(60) % 10, *held, tuple("abcdefghij"))
    monkeypatch.setattr("ibcore.data.load_cifar10", lambda: data)
    load_pictures.cache_clear()
    yield data
    load_pictures.cache_clear()


def test_pictures_of_cifar_are_training_images_made_smaller(pictures):
    found, labels = load_pictures("cifar10", 50, 16)
    whole = pictures.train_images[:50].float()
    torch.testing.assert_close(found.float() / 4, torch.nn.functional.avg_pool2d(whole, 2))
    assert torch.equal(labels, pictures.train_labels[:50])
    assert torch.equal(load_pictures("cifar10", 50, 32)[0].float(), whole)


def test_a_problem_has_the_sizes_and_the_split_of_its_cell(pictures):
    sets = {**cifar.SMALL, "images": 50, "train": 30, "validation": 10, "test": 10}
    problem, other = load_problem(sets), load_problem({**sets, "split": 2})
    assert [len(part.y) for part in (problem.train, problem.validation, problem.test)] == [
        30,
        10,
        10,
    ]
    assert problem.train.x.shape[1:] == (3, 16, 16)
    assert not torch.equal(problem.train.x, other.train.x)


def test_the_cells_are_those_of_the_question_and_the_first_network_comes_first():
    cells = [*CIFAR.plan("laptop").values()]
    assert {cell["network"] for cell in cells[: len(cells) // 5]} == {0}
    counts = Counter((cell["run"], cell["layers"], cell["weight_scale"]) for cell in cells)
    assert counts == {
        **{("usual", "all", scale): 25 for scale in (0.25, 0.5, 1.0, 2.0, 8.0)},
        ("usual", "hidden", 8.0): 25,
        **{("long", "all", scale): 5 for scale in (1.0, 8.0)},
        **{("short", "all", scale): 25 for scale in (1.0, 8.0)},
    }
    steps = {cell["run"]: cell["looks"][-1] for cell in cells}
    assert steps == {"usual": 2500, "long": 7500, "short": 700}
    assert {cell["sets"]["split"] for cell in cells} == {1}


def test_a_cell_of_each_run_takes_all_its_steps_and_tells_where_its_data_are_from():
    for run in ("usual", "long", "short"):
        cell = next(cell for cell in CELLS if cell["run"] == run)
        frame = run_cifar({**cell, "looks": cell["looks"][:2]}, CPU)
        assert frame.step.tolist() == list(cell["looks"][:2])
        row = frame.iloc[-1]
        assert (row.run, row.layers, row.source, row.split) == (run, "all", "synthetic", 0)
        sizes = (row.images, row.train_size, row.validation_size, row.test_size, row.picture_size)
        assert sizes == (400, 100 if run == "short" else 200, 100, 100, 8)
        assert frame.final.tolist() == [False, True] and frame.selected.sum() == 1


@pytest.mark.parametrize("gate", [0.0, 0.1, 0.12, 0.15, 0.2, 1.1])
def test_the_gate_is_sustained_where_no_later_look_falls_below(gate, monkeypatch):
    monkeypatch.setattr(cifar, "GATE", gate)
    frame = run_cifar(SHORT, CPU)
    fitted = frame.train_accuracy >= gate
    assert frame.sustained.tolist() == [bool(fitted[row:].all()) for row in range(len(frame))]


def test_clocks_count_what_the_cool_down_leaves_of_the_rate():
    frame = run_cifar(SHORT, CPU)
    shares = np.array([1, 1, 1, 1, 1, 0.75, 0.5, 0.25])
    rate, decay = DECAYED["pipeline"].learning_rate, DECAYED["pipeline"].weight_decay
    flow = [rate * shares[:step].sum() for step in frame.step]
    noise = [rate**2 * (shares[:step] ** 2).sum() / 64 for step in frame.step]
    np.testing.assert_allclose(frame.flow_time, flow)
    np.testing.assert_allclose(frame.noise_clock, noise)
    full = DECAYED["pipeline"].clock([1])[0] / (rate * decay)  # the clock counts rate times decay
    np.testing.assert_allclose(frame.explicit_clock, [full * decay * time for time in flow])


def test_a_scale_multiplies_the_same_draw_in_all_layers_or_all_but_the_head():
    one, every, hidden = (
        draw_network({**DECAYED, **own}, CPU, channels=3, size=8).parameters
        for own in (
            {"weight_scale": 1.0},
            {"weight_scale": 8.0},
            {"weight_scale": 8.0, "layers": "hidden"},
        )
    )
    for name, value in one.items():
        scaled = value.ndim > 2
        torch.testing.assert_close(every[name], 8 * value if scaled else value)
        kept = name.startswith("head") or not scaled
        torch.testing.assert_close(hidden[name], value if kept else 8 * value)


def test_a_cell_gives_the_same_rows_again_and_another_network_others():
    first, again, other = (run_cifar(cell, CPU) for cell in (SHORT, SHORT, {**SHORT, "network": 1}))
    assert first.equals(again)
    assert first.train_loss.iloc[-1] != other.train_loss.iloc[-1]
