"""Controls on meta-learned starts: pooled pre-training, and what is chosen on which tasks."""

import pytest
import torch
from torch.func import functional_call
from torch.nn import functional

from ibcore.metainit import accuracy, rates_curve
from ibcore.metainit.experiments import (
    concepts,
    omniglot,
)
from ibcore.metainit.experiments.architectures import Meta
from ibcore.population import member_seed
from ibcore.tasks import concept_inputs, sample_concepts, table_episodes

from .test_metainit_experiments import write_alphabets

CPU = torch.device("cpu")
SMALL = {"tasks": 6, "support": (5,), "budgets": (0, 1, 10), "steps": (1, 3)}


def prepared(rate=(0.1, 1.0)):
    sizes = {"meta": Meta(steps=3, tasks=2), "test": SMALL}
    learned = concepts.concept_cells(concepts.BITS[:1], 2, concepts=(50,), **sizes)
    return concepts.pretraining_cells(learned, pooled=(0.01,), rate=rate, validation=9)[1]


def test_pretraining_is_plain_training_on_the_tasks_of_meta_learning():
    own = prepared()["learned"]
    pool = sample_concepts(own["concepts"], seed=0).float()
    learner, start = concepts.learn_concepts(own, pool, CPU)
    found = concepts.pretrain(own, learner.model, start, pool, CPU)
    weights = {name: value.clone().requires_grad_() for name, value in start.items()}
    optimizer = torch.optim.AdamW(weights.values(), lr=0.01)
    for step in range(3):
        seed = member_seed(member_seed(0, 1), step)
        drawn = table_episodes(concept_inputs(), pool, tasks=2, support=(2, 19), seed=seed)
        x = torch.cat([drawn.support[0].flatten(0, 1), drawn.query[0].flatten(0, 1)])
        y = torch.cat([drawn.support[1].flatten(), drawn.query[1].flatten()])
        outputs = functional_call(learner.model, weights, (x,))[:, 0]
        optimizer.zero_grad()
        functional.binary_cross_entropy_with_logits(outputs, y).backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimizer.step()
    for name, value in found.items():
        torch.testing.assert_close(value, weights[name].detach(), rtol=1e-4, atol=1e-6)


def test_pretraining_refuses_a_validation_that_it_would_not_make():
    own = {**prepared()["learned"], "meta": Meta(steps=1, validation=2)}
    with pytest.raises(ValueError, match="validation=0"):
        concepts.pretrain(own, None, {}, torch.zeros(1, 16), CPU)


def test_constant_rates_are_chosen_on_tasks_that_test_nothing():
    cell = prepared(rate=(0.2, 0.5, 0.8, 1.2, 1.8, 2.5))
    held, drawn = (
        concepts.held_tasks(cell, 5, CPU),
        concepts.new_tasks(cell["learned"], 5, CPU),
    )
    assert len(held.rows) == 9 and not torch.equal(held.picked[:6], drawn.picked)
    frame = concepts.run_pretraining(cell, CPU)
    rows = frame[(frame.start == "random") & (frame.optimizer == "gradient")]
    pool = sample_concepts(50, seed=0).float()
    learner, start = concepts.learn_concepts(cell["learned"], pool, CPU)

    def scores(rate, on):
        curve = rates_curve(
            learner.model, start, rate, on.support, on.query[0], steps=(1, 3), loss="binary"
        )
        return accuracy(curve, on.query[1]).mean(-1)

    best, other = (
        torch.stack([scores(rate, tasks) for rate in cell["rate"]]).argmax(0).tolist()
        for tasks in (held, drawn)
    )
    assert best != other, "this test needs tasks on which another rate would be chosen"
    assert rows.rate.tolist() == [cell["rate"][place] for place in best]
    wanted = [scores(cell["rate"][place], drawn)[i].item() for i, place in enumerate(best)]
    assert rows.accuracy.tolist() == wanted


def test_random_and_learned_starts_are_those_of_the_experiment_on_concepts():
    cell = prepared()
    known = concepts.run_concepts(cell["learned"], CPU)
    frame = concepts.run_pretraining(cell, CPU)
    for start, optimizer in (("random", "AdamW"), ("meta", "Meta-SGD")):
        rows = frame[(frame.start == start) & (frame.optimizer == optimizer)]
        wanted = known[known.method == start]
        assert rows.accuracy.tolist() == wanted.accuracy.tolist()
        assert rows.budget.tolist() == wanted.budget.tolist()
    assert frame.floor.unique().tolist() == known.floor.unique().tolist()
    most = sample_concepts(50, seed=0).double().mean(0) > 0.5
    right = most == concepts.new_tasks(cell["learned"], 5, CPU).query[1].bool()
    assert frame.average.unique().tolist() == [pytest.approx(right.double().mean().item())]


def test_one_answer_for_all_tasks_is_right_about_the_labels_that_most_concepts_have():
    drawn = table_episodes(torch.eye(4), torch.tensor([[1.0, 1, 0, 0], [1, 0, 0, 0]]), support=2)
    usual = torch.tensor([[True, False, False, False]])
    assert concepts.same_answer(usual, drawn).tolist() == [0.75, 1.0]


def test_official_characters_are_used_at_laptop_and_invented_ones_at_smoke(tmp_path, monkeypatch):
    official = omniglot.OFFICIAL
    sources = {
        tier: {(cell["source"], cell["pool"]) for cell in official.plan(tier).values()}
        for tier in ("smoke", "laptop", "paper")
    }
    assert sources["smoke"] == {("synthetic", "all")}
    assert sources["laptop"] == sources["paper"] == {("small", "all")}
    folders = {
        "background_small1": write_alphabets(tmp_path / "one", ("Greek", "Latin")),
        "background_small2": write_alphabets(tmp_path / "two", ("Greek", "Sanskrit"), 5),
    }
    monkeypatch.setattr("ibcore.data.omniglot_archive", folders.__getitem__)
    omniglot.glyph_sets.cache_clear()
    cell = next(iter(official.plan("laptop").values()))
    tiny = {**cell, "task": {**omniglot.FIVE, "ways": 2, "size": 8}, "budgets": (0, 1), "test": 2}
    frame = omniglot.run_characters({**tiny, "meta": Meta(steps=1, tasks=2)}, CPU)
    omniglot.glyph_sets.cache_clear()
    assert frame.source.eq("small").all() and frame.pool_alphabets.eq(2).all()
    assert set(frame.alphabets) == {"known", "new"}
