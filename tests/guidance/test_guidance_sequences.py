"""Guidance beyond image MLPs: sequences with known answers, token guides, and the experiments."""

import math

import pandas as pd
import pytest
import torch
from torch.nn import functional

from ibcore.guidance import (
    Alignment,
    Batch,
    Distillation,
    NetworkGuide,
    cka,
    guide,
)
from ibcore.guidance.experiments import EXPERIMENTS, sequence_runs, wide
from ibcore.guidance.experiments.sequence_runs import (
    Copying,
    Nested,
    Parity,
    SequenceModel,
    SequenceRNN,
    TokenCKA,
    TokenDistillation,
    Tokens,
    _score,
    predict,
)
from ibcore.guidance.guides import CachedGuide
from ibcore.nets import RNN
from ibcore.population import member_seed
from ibcore.runs.experiment import experiments

CPU = torch.device("cpu")
MINE = experiments("guidance")[8:]
SMALL = {"steps": 4, "batch_size": 8, "sequences": 32, "learning_rate": 1e-3}
way = sequence_runs._way
TARGET, TEACHER = SequenceModel("RNN", 6), SequenceModel("Transformer", 8)


def small_cell(*conditions, problem=None):
    return {
        "problem": problem or Copying(3, 4),
        "target": TARGET,
        "guide": TEACHER,
        "conditions": conditions,
        "budget": SMALL,
        "guide_budget": SMALL,
        "weight": 1.0,
        "held_out": 20,
        "network": 0,
        "seed": 0,
    }


@pytest.mark.parametrize("experiment", MINE, ids=lambda e: e.name)
def test_every_tier_has_a_plan_with_five_networks_at_laptop(experiment):
    assert experiment in EXPERIMENTS
    plans = {tier: [*experiment.plan(tier).values()] for tier in ("smoke", "laptop", "paper")}
    assert {cell["network"] for cell in plans["smoke"]} == {0, 1}
    least = set(range(5))
    assert {cell["network"] for cell in plans["laptop"]} >= least
    assert {cell["network"] for cell in plans["paper"]} >= least


def test_copying_asks_for_the_symbols_after_the_separator_and_nothing_before():
    x, y, floor = Copying(symbols=5, copied=7).draw("train", 40, 3)
    assert x.shape == y.shape == (40, 14) and floor == 0
    assert (x[:, 7] == 5).all() and x[:, :7].max() == 4
    assert (y[:, :7] == -100).all() and torch.equal(y[:, 7:], x[:, :7])
    assert torch.equal(x[:, 8:], x[:, :6])


def test_parity_is_that_of_the_ones_so_far():
    x, y, _ = Parity(9).draw("test", 30, 1)
    for place in range(9):
        assert torch.equal(y[:, place], x[:, : place + 1].sum(1) % 2)


@pytest.mark.parametrize("task", [Copying(4, 5), Parity(6), Nested(length=8)], ids=str)
def test_parts_differ_and_a_seed_gives_the_same_sequences(task):
    parts = [task.draw(part, 50, 7).x for part in ("train", "validation", "test")]
    assert torch.equal(parts[0], task.draw("train", 50, 7).x)
    assert not any(
        torch.equal(parts[0], other) for other in (*parts[1:], task.draw("train", 50, 8).x)
    )


def plain_surprise(task, tokens):
    """Return minus the log-probability of each token by a walk over one text, in plain Python."""
    table = (
        (
            2
            * torch.randn(
                task.words + task.kinds + 1,
                task.words,
                generator=torch.Generator().manual_seed(0),
                dtype=torch.float64,
            )
        )
        .softmax(1)
        .tolist()
    )
    stack, before, surprises = [], [task.words + task.kinds], []
    for token in tokens:
        opens = task.opens if len(stack) < task.depth else 0.0
        closes = task.closes if stack else 0.0
        if token < task.words:
            p = (1 - opens - closes) * table[before[-1]][token]
            before[-1] = token
        elif token < task.words + task.kinds:
            p = opens / task.kinds
            stack.append(token)
            before.append(token)
        else:
            assert token - task.kinds == stack.pop()
            before.pop()
            p = closes
        surprises.append(-math.log(p))
    return surprises


def test_the_floor_of_the_grammar_is_the_surprise_that_a_plain_walk_finds():
    task = Nested(words=5, kinds=2, depth=2, length=12)
    x, y, floor = task.draw("train", 60, 4)
    walks = [
        plain_surprise(task, [*row, last])
        for row, last in zip(x.tolist(), y[:, -1].tolist(), strict=True)
    ]
    assert floor == pytest.approx(torch.tensor(walks, dtype=torch.float64)[:, 1:].mean().item())
    assert x.max() >= task.words + task.kinds  # some bracket was closed


def test_the_probabilities_of_the_grammar_sum_to_one_at_every_height():
    task = Nested(depth=3)
    level = torch.arange(4)
    p = task.probabilities(
        torch.ones(4, 3, dtype=torch.int64), torch.zeros(4, 4, dtype=torch.int64), level
    )
    torch.testing.assert_close(p.sum(1), torch.ones(4, dtype=torch.float64))
    closing = task.words + task.kinds
    assert (p[0, closing:] == 0).all() and (p[3, task.words : closing] == 0).all()
    assert p[1, closing + 1] == task.closes


def test_the_reader_computes_what_the_recurrent_network_of_the_book_computes():
    net = SequenceRNN(5, 3, depth=2, width=7, seed=1)
    tokens = torch.randint(0, 5, (4, 6), generator=torch.Generator().manual_seed(0))
    h = functional.one_hot(tokens, 5).float() @ net.tokens
    for layer in net.layers:
        book = RNN(7, 1, width=7)
        with torch.no_grad():
            book.layers[0].input.weight.copy_(layer.weight_ih_l0)
            book.layers[0].input.bias.copy_(layer.bias_ih_l0 + layer.bias_hh_l0)
            book.layers[0].hidden.weight.copy_(layer.weight_hh_l0)
        h = book.states(h)
    torch.testing.assert_close(net(tokens), net.head(h))


def test_an_orthogonal_start_is_orthogonal_and_the_seed_decides_it():
    weights = [
        SequenceRNN(4, 4, width=9, start="orthogonal", seed=s).layers[1].weight_hh_l0
        for s in (2, 2, 3)
    ]
    torch.testing.assert_close(weights[0] @ weights[0].T, torch.eye(9))
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    plain = SequenceRNN(4, 4, width=9, seed=2).layers[1].weight_hh_l0
    assert plain.abs().max() <= 1 / 3


def test_building_a_reader_leaves_the_global_random_state_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    SequenceRNN(4, 4)
    assert torch.equal(before, torch.get_rng_state())


def test_the_similarity_of_tokens_is_that_of_all_tokens_as_points():
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(8, 5, 3, generator=rng), torch.randn(8, 5, 4, generator=rng)
    wanted = cka(x.reshape(40, 3), y.reshape(40, 4), unbiased=False)
    gaps = Alignment(measure=TokenCKA(5)).gaps({"g": y}, {"t": x}, [("g", "t")])
    assert 1 - gaps.item() == pytest.approx(wanted.item())
    assert Alignment().gaps({"g": y}, {"t": x}, [("g", "t")]).item() != pytest.approx(gaps.item())


def test_a_remembered_guide_says_what_the_guide_says(monkeypatch):
    x, y, _ = Copying(3, 4).draw("train", 30, 0)
    own = NetworkGuide(TEACHER.build(Copying(3, 4), 0))
    rows = torch.tensor([7, 2, 29])
    batch = Batch(x[rows], y[rows], rows)
    wanted = own(batch)
    for entries in (2**27, 10):
        monkeypatch.setattr("ibcore.guidance.guides._ENTRIES", entries)
        found = CachedGuide(own, x, y)
        assert found.kept == (entries > 10)
        for name, view in found(batch).items():
            torch.testing.assert_close(view, wanted[name])


def test_a_guide_that_depends_on_the_batch_cannot_be_remembered():
    x, y, _ = Copying(3, 4).draw("train", 8, 0)
    own = NetworkGuide(TEACHER.build(Copying(3, 4), 0), mode="train")
    with pytest.raises(ValueError, match="depends on the batch"):
        CachedGuide(own, x, y)


def test_distillation_of_tokens_is_that_of_their_rows_as_points():
    task = Parity(5)
    x, y, _ = task.draw("train", 9, 0)
    teacher, student = TEACHER.build(task, 0), TARGET.build(task, 1)
    rows = torch.tensor([4, 8])
    outputs = predict(student, x[rows])
    loss = TokenDistillation(teacher, x)(outputs, Batch(x[rows], y[rows], rows))
    logits, flat = predict(teacher, x)[rows].flatten(0, 1), y[rows].flatten()
    wanted = Distillation(logits)(outputs.flatten(0, 1), Batch(flat, flat, torch.arange(10)))
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-6)


def test_scores_leave_out_tokens_without_an_answer_and_the_floor():
    data = Tokens(torch.zeros(2, 3).long(), torch.tensor([[-100, 1, 1], [-100, 0, 1]]), 0.25)
    always = torch.log(torch.tensor([0.2, 0.8]))
    found = _score(lambda x: always.expand(*x.shape, 2), data)
    assert found["accuracy"] == 0.75 and found["last"] == 1.0
    assert found["loss"] == pytest.approx(-(3 * math.log(0.8) + math.log(0.2)) / 4)
    assert found["excess"] == pytest.approx(found["loss"] - 0.25)


def test_a_cell_of_sequences_is_the_guided_training_that_it_describes():
    cell = small_cell(way("unguided"), way("trained", "trained"))
    frame = sequence_runs._run_sequences(cell, CPU).set_index("condition")
    own = member_seed(0, 0)
    train, test = (cell["problem"].draw(part, n, own) for part, n in (("train", 32), ("test", 20)))
    options = {"steps": 4, "batch_size": 8, "seed": own}
    teacher = guide(
        TEACHER.build(cell["problem"], member_seed(own, 1000)), None, train.x, train.y, **options
    ).model
    target = TARGET.build(cell["problem"], own)
    alone = guide(target, None, train.x, train.y, **options).model
    both = guide(
        target,
        NetworkGuide(teacher),
        train.x,
        train.y,
        alignment=Alignment(measure=TokenCKA(8)),
        **options,
    )
    assert frame.loss["guide"] == pytest.approx(_score(teacher, test)["loss"])
    assert frame.loss["unguided"] == pytest.approx(_score(alone, test)["loss"])
    assert frame.loss["trained"] == pytest.approx(_score(both.model, test)["loss"], rel=1e-5)
    assert frame.similarity["trained"] == pytest.approx(both.layers.similarity.mean(), rel=1e-4)
    assert frame.loss["trained"] != frame.loss["unguided"]


def test_the_tuned_row_is_the_one_that_is_best_on_validation():
    cell = small_cell(way("unguided", rates=(1.0, 30.0)), way("longer", longer=3))
    frame = sequence_runs._run_sequences(cell, CPU)
    grid = frame[frame.condition == "unguided"]
    tuned = frame[frame.condition == "tuned unguided"].iloc[0]
    assert tuned.validation_loss == grid.validation_loss.min()
    assert sorted(grid.learning_rate) == [0.001, 0.03] and len(frame) == 5
    assert frame[frame.condition == "longer"].steps.item() == 12


KINDS = ("trained", "untrained", "same architecture", "noise")


@pytest.mark.parametrize("problem", [Copying(3, 4), Parity(5), Nested(length=5)], ids=str)
def test_every_guide_and_comparison_trains_a_network(problem):
    conditions = [way(kind, kind) for kind in KINDS]
    conditions += [way(c, "trained", comparison=c) for c in ("sequences", "per token")]
    conditions += [
        way("distilled", distilled=True),
        way("orthogonal", start="orthogonal"),
    ]
    frame = sequence_runs._run_sequences(small_cell(*conditions, problem=problem), CPU).set_index(
        "condition"
    )
    assert frame.loss.map(math.isfinite).all() and len(frame) == 9
    guided = frame.similarity[[*KINDS, "sequences", "per token"]]
    assert guided.between(0, 1).all() and frame.similarity["distilled":].isna().all()
    assert frame.loss.nunique() == len(frame)


def test_an_unknown_guide_is_an_error():
    with pytest.raises(ValueError, match="unknown guide 'oracle'; choose one of trained"):
        sequence_runs._run_sequences(small_cell(way("x", "oracle")), CPU)


def test_a_second_run_of_a_cell_gives_identical_numbers():
    cell = small_cell(way("untrained", "untrained"))
    pd.testing.assert_frame_equal(
        sequence_runs._run_sequences(cell, CPU), sequence_runs._run_sequences(cell, CPU)
    )


TINY = {
    **wide.PLAIN_LAPTOP,
    "images": {"source": "digits", "train": 60, "validation": 20, "test": 30},
    "width": 1,
    "steps": 2,
    "batch_size": 30,
    "guide_width": 1,
    "guide_steps": 2,
}


def test_images_are_split_without_overlap_and_centered_by_the_training_images():
    first, again = (wide._load_parts(wide.DIGITS, seed, CPU) for seed in (3, 4))
    parts = (first.x, first.pool, first.test_x)
    points = {tuple(row) for part in parts for row in part.flatten(1).tolist()}
    assert len(points) > 1590  # of 1597: a few digits occur twice
    assert abs(first.x.mean().item()) < 1e-6
    assert not torch.equal(first.x, again.x)


SIZES = ("train", "validation", "test")


def test_more_images_than_there_are_is_an_error():
    with pytest.raises(ValueError, match="1797 images, 3000 are asked for"):
        wide._load_parts({**wide.DIGITS, **dict.fromkeys(SIZES, 1000)}, 0, CPU)


def test_every_condition_of_the_plain_network_trains_and_shares_its_start():
    kinds = ("trained", "untrained", "same architecture", "pixels", "labels", "noise")
    conditions = [wide._way("unguided", rates=(1.0, 3.0)), *(wide._way(k, k) for k in kinds)]
    conditions.append(wide._way("distillation", distilled=True))
    cell = {"config": {**TINY, "conditions": conditions}, "network": 1}
    frame = wide._run_plain(cell, CPU)
    assert (frame.network == 1).all() and frame.loss.map(math.isfinite).all()
    means = frame.groupby("condition").similarity.mean()
    assert means[list(kinds)].between(0, 1).all()
    assert means[["guide", "residual", "unguided", "distillation"]].isna().all()
    assert len(frame.loss.unique()) == len(frame) - 1  # tuned is one of the grid
