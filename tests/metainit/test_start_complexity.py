"""The complexity of learned and random starts as functions."""

from itertools import product

import numpy as np
import pytest
import torch

from ibcore.metainit.experiments import complexity, concepts
from ibcore.metainit.experiments.architectures import Meta, Net, conditions
from ibcore.metainit.experiments.arithmetic import number_cells
from ibcore.metainit.experiments.complexity import Stage, complexities, stage_table
from ibcore.runs.experiment import cell_key
from ibcore.tasks import remainder_tables, sample_concepts

CPU = torch.device("cpu")
CUBE = (2,) * 4
OBJECTS = np.array(list(product((-1.0, 1.0), repeat=4)))  # as concept_objects counts


def tables(count=12):
    return 2.0 * sample_concepts(count, seed=4) - 1


def test_complexity_on_sixteen_objects_is_that_of_walsh_coefficients():
    found = complexities(tables().reshape(-1, *CUBE))
    subsets = np.array(list(product((0, 1), repeat=4)))
    characters = np.array([(OBJECTS**subset).prod(1) for subset in subsets])  # (subsets, objects)
    amplitude = np.abs(tables().numpy() @ characters.T)
    degree = subsets.sum(1)
    weight = amplitude[:, degree > 0]
    wanted = (weight * np.sqrt(degree[degree > 0])).sum(1) / weight.sum(1) / 2
    np.testing.assert_allclose(found["fourier"], wanted)


def test_total_variation_on_sixteen_objects_is_the_mean_change_at_a_flip():
    values = tables().numpy()
    first, second = (np.abs(OBJECTS[:, None] - OBJECTS).sum(2) == 2).nonzero()  # one flip apart
    changes = np.abs(values[:, first] - values[:, second]).mean(1)
    found = complexities(tables().reshape(-1, *CUBE))["variation"]
    np.testing.assert_allclose(found, changes / values.std(1))


def test_constant_functions_are_counted_and_not_averaged():
    values = torch.stack([torch.zeros(4), torch.arange(4.0)])
    frame = stage_table([Stage("draws", "none", 0, values)], values, grid=(4,))
    assert frame.constant.item() == 0.5 and frame.functions.item() == 2
    assert frame.variation.item() == complexities(values[1:])["variation"].item()


def test_tracking_follows_the_order_of_the_truth_and_exists_after_learning_only():
    rng = torch.Generator().manual_seed(0)
    truth = torch.randn(9, 32, generator=rng)
    order = complexities(truth)["fourier"].argsort()
    reverse = torch.empty_like(truth)
    reverse[order] = truth[order.flip(0)]
    stages = [
        Stage("meta", "AdamW", 5, -3 * truth),
        Stage("meta", "AdamW", 6, reverse),
        Stage("meta", "none", 0, truth),
        Stage("meta", "AdamW", 7, truth[:1].expand(9, 32)),
    ]
    tracking = stage_table(stages, truth, grid=(32,)).tracking
    assert tracking[:2].tolist() == pytest.approx([1, -1])
    assert tracking[2:].isna().all()


def cells():
    meta, test = Meta(steps=2, tasks=2), {**concepts.TEST, "tasks": 8, "support": (5,)}
    boolean = concepts.concept_cells(concepts.BITS[:1], 2, meta=meta, test=test)
    numbers = number_cells(conditions("scaled", Net()), 2, meta=meta, support=(20,))
    return complexity.function_cells(boolean, numbers, draws=5)


def chosen(frame, **where):
    for name, value in where.items():
        frame = frame[frame[name] == value]
    return frame


def test_cells_come_network_by_network_and_once():
    assert [cell["learned"]["network"] for cell in cells()] == [0, 0, 0, 1, 1, 1]
    assert len({cell_key("metainit.complexity", cell) for cell in cells()}) == 6


def test_a_table_on_concepts_measures_the_learner_of_its_cell():
    cell = cells()[0]
    frame = complexity.run_complexity(cell, CPU)
    pool = sample_concepts(cell["learned"]["concepts"], seed=0).float()
    learner, _ = concepts.learn_concepts(cell["learned"], pool, CPU)
    drawn = concepts.new_tasks(cell["learned"], 5, CPU)
    outputs = learner.predict(drawn.support, drawn.query[0])
    wanted = complexities(outputs.reshape(-1, *CUBE))["fourier"].mean().item()
    row = chosen(frame, start="meta", optimizer="Meta-SGD", function="outputs")
    assert row.fourier.item() == pytest.approx(wanted) and row.functions.item() == 8
    truth = complexities(2.0 * drawn.query[1].reshape(-1, *CUBE) - 1)
    row = chosen(frame, start="truth")
    assert row.function.tolist() == ["answers"]
    assert row.fourier.item() == pytest.approx(truth["fourier"].mean().item())
    assert (chosen(frame, start="draws").functions == 5).all()
    signs = chosen(frame, function="answers", start="random", budget=0)
    assert signs.tracking.isna().all()


def test_a_table_on_remainders_measures_the_moduli_of_its_split():
    cell = cells()[1]
    assert cell["learned"]["split"] == "interpolation"
    frame = complexity.run_complexity(cell, CPU)
    for kind, moduli in (("train", range(1, 40, 2)), ("test", range(2, 41, 2))):
        row = chosen(frame, moduli=kind, start="truth")
        wanted = complexities(remainder_tables(list(moduli))[..., 0])["fourier"]
        assert row.fourier.item() == pytest.approx(wanted.nanmean().item())
        assert row.constant.item() == pytest.approx(0.05 * (kind == "train"))
    boolean = complexity.run_complexity(cells()[0], CPU)
    assert frame.columns.tolist() == boolean.columns.tolist()
    assert (frame.task == "interpolation").all() and (frame.function == "outputs").all()
