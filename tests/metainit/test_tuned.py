"""Learned and random starts at equal steps: who chooses the rate, and what each arm starts from."""

import pytest
import torch
from torch.func import functional_call

from ibcore.metainit.experiments.architectures import Meta, random_start
from ibcore.metainit.experiments.concepts import BITS, new_tasks
from ibcore.metainit.experiments.tuned import _cells, _random, _tried, learn_for, run_tuned
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

    def outputs(rate: float, on: Episodes) -> torch.Tensor:  # rate 1 is right on held rules alone
        right = (on is held) == (rate == 1.0)
        return (2 * on.query[1] - 1)[..., None] * (1.0 if right else -1.0)

    last = _tried((0.5, 1.0), outputs, held, drawn)[-1]
    assert (last["rate"], last["accuracy"], last["chosen"]) == (1.0, 0.0, True)


def test_every_arm_is_chosen_once(cell: Cell) -> None:
    frame = run_tuned(cell, CPU)
    arms = ["learned for 1", "learned for 10", "plain", "adam"]
    assert frame[frame.chosen].arm.tolist() == arms


def test_random_arms_begin_at_the_random_start(cell: Cell) -> None:
    learner, own = learn_for(cell, 1, CPU), cell["learned"]
    start = random_start(learner.model, own["network"], seed=own["seed"], device=CPU)
    drawn = new_tasks(own, 5, CPU)
    still = _random(cell, learner, CPU)["plain"](0.0, drawn)
    torch.testing.assert_close(still[0], functional_call(learner.model, start, drawn.query[0][0]))
    learned = learner.start.params
    assert not all(torch.equal(start[name], learned[name]) for name in start)
