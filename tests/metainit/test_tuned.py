"""Learned and random starts at equal steps: who chooses the rate, and what each arm starts from."""

import pytest
import torch
from torch.func import functional_call

from ibcore.metainit.experiments.architectures import Meta, random_start
from ibcore.metainit.experiments.concepts import (
    BITS,
    concept_objects_for,
    concept_pool,
    learn_concepts,
    new_tasks,
)
from ibcore.metainit.experiments.tuned import _cells, arms, run_tuned, tried_rates
from ibcore.runs.experiment import Cell
from ibcore.tasks import Episodes, sample_concepts, table_episodes

TEST = {"tasks": 5, "support": (5,)}
CPU = torch.device("cpu")


@pytest.fixture
def cell() -> Cell:
    """Return one MLP, hardly meta-trained."""
    (only,) = _cells(BITS[:1], 1, validation=5, meta=Meta(steps=2), test=TEST)
    return only


def _episodes(seed: int) -> Episodes:
    tables = sample_concepts(5, seed=seed).float()
    return table_episodes(torch.eye(16), tables, support=5, seed=seed)


def test_the_rate_is_chosen_on_the_held_rules() -> None:
    held, drawn = _episodes(1), _episodes(2)

    def score(rate: float, on: Episodes) -> float:  # rate 1 is right on held rules alone
        return float((on is held) == (rate == 1.0))

    last = tried_rates((0.5, 1.0), score, held, drawn)[-1]
    assert (last["rate"], last["accuracy"], last["chosen"]) == (1.0, 0.0, True)


def test_every_arm_is_chosen_once(cell: Cell) -> None:
    frame = run_tuned(cell, CPU)
    arms = ["learned for 1", "learned for 10", "plain", "adam"]
    assert frame[frame.chosen].arm.tolist() == arms


def test_random_arms_begin_at_the_random_start(cell: Cell) -> None:
    own = cell["learned"]
    learner, start = learn_concepts(own, concept_pool(own), CPU)
    drawn = new_tasks(own, 5, CPU)
    still = arms(cell, learner, start)["plain"](0.0, drawn)
    said = functional_call(learner.model, start, concept_objects_for(own, CPU))[:, 0] > 0
    assert still == pytest.approx((said == (drawn.query[1] > 0.5)).double().mean().item())
    drawn_again = random_start(learner.model, own["network"], seed=own["seed"], device=CPU)
    learned = learner.start.params
    assert all(torch.equal(start[name], drawn_again[name]) for name in start)
    assert not all(torch.equal(start[name], learned[name]) for name in start)
