"""The experiments on guided image networks: their data, their conditions and their tables."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import cohen_kappa_score
from torch import nn

import ibcore.data
from ibcore.guidance import Batch, PixelGuide, activations, cka, procrustes, redraw, ridge, rsa
from ibcore.guidance.experiments import curves, guided_trial, wide
from ibcore.guidance.experiments.guided_trial import (
    FLAT,
    Condition,
    Convolutional,
    Images,
    Options,
    Perceptron,
    guided_by,
    image_trial,
    load_sets,
    outputs,
    rated,
)
from ibcore.guidance.guides import CachedGuide
from ibcore.runs.experiment import experiments
from ibcore.tasks import digits

CPU = torch.device("cpu")
IMAGE = [each for each in experiments("guidance")[:8] if each.name != "guidance.pictures"]
TINY = {
    **guided_trial.LAPTOP,
    "images": Images(labeled=40, pool=30, validation=20),
    "target": Perceptron(width=16),
    "untrained": Convolutional((4, 4, 8)),
    "trained": Convolutional((4, 4, 8)),
    "fit": {"steps": 3, "batch_size": 20, "learning_rate": 3e-3},
    "steps": 4,
    "batch_size": 20,
    "unlabeled_batch": 10,
}
PLACE = {"setting": TINY, "network": 0, "seed": 0}


def a_trial(setting=TINY, network=0):
    return image_trial({**PLACE, "setting": setting, "network": network}, CPU)


def conditions_of(experiment, tier):
    (first, *_) = experiment.plan(tier).values()
    return first["conditions"]


def test_the_laboratory_lists_the_experiments_on_images():
    listed = experiments("guidance")
    assert all(experiment in listed for experiment in IMAGE)
    assert len(IMAGE) == 7


@pytest.mark.parametrize("experiment", IMAGE, ids=lambda e: e.name)
def test_every_tier_has_a_plan_and_laptop_has_five_networks(experiment):
    smoke, laptop, paper = ([*experiment.plan(t).values()] for t in ("smoke", "laptop", "paper"))
    assert [cell["network"] for cell in smoke] == [0, 1]
    few = 1 if experiment.name == "guidance.pictures" else 5  # for figures, not for means
    assert [cell["network"] for cell in laptop] == [*range(few)]
    assert [cell["network"] for cell in paper] == [*range(5)]
    assert {cell["setting"]["images"].source for cell in paper} == {"cifar10"}
    assert all(cell["setting"]["untrained"].resnet for cell in paper)


@pytest.mark.parametrize(
    "experiment",
    [wide.WIDE, wide.UNLABELED, wide.DEPTH, wide.DISTANCES],
    ids=lambda experiment: experiment.name,
)
def test_what_smoke_runs_the_laptop_runs_too(experiment):
    few, all_ = (
        {(c.name, bool(c.unlabeled)) for c in conditions_of(experiment, tier)}
        for tier in ("smoke", "laptop")
    )
    assert few <= all_
    assert ("unguided", False) in few


def test_every_digit_lies_whole_at_some_place_and_its_label_goes_with_it():
    sets = load_sets(Images(labeled=300, pool=800), seed=3, device=CPU)
    images, labels = torch.cat([sets.x, sets.pool, sets.test_x]), torch.cat([sets[1], *sets[3::2]])
    known, answers = digits(dtype=torch.float32)
    key = {tuple(image.flatten().tolist()): int(y) for image, y in zip(known, answers, strict=True)}
    windows = images[:, 0].unfold(1, 8, 1).unfold(2, 8, 1).reshape(len(images), 25, 64)
    ink = images.sum((1, 2, 3))
    for index in range(0, len(images), 9):
        whole = windows[index][windows[index].sum(1) >= ink[index] - 1e-4]
        found = {key[place] for w in whole if (place := tuple(w.tolist())) in key}
        assert found == {int(labels[index])}


def test_sets_are_disjoint_and_a_seed_fixes_them():
    first, again, other = (load_sets(Images("digits"), seed=s, device=CPU) for s in (0, 0, 1))
    assert torch.equal(first.x, again.x) and not torch.equal(first.x, other.x)
    rows = torch.cat([first.x, first.pool, first.test_x]).flatten(1)
    assert len(rows) == 1797
    together = digits(dtype=torch.float32).images.flatten(1)
    assert torch.equal(rows.sum(1).sort().values, together.sum(1).sort().values)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Images("faces"), "unknown source 'faces'; choose one of 'moved digits'"),
        (lambda: Images(pool=10, validation=11), "at most the pool of 10"),
        (lambda: load_sets(Images(labeled=1000), seed=0, device=CPU), "1797 images.*for 1800"),
        (lambda: Condition("x", "oracle"), "unknown guide 'oracle'; choose one of 'untrained CNN'"),
        (
            lambda: Convolutional((4, 4), resnet=True).build((3, 32, 32)),
            r"one first width, got channels=\(4, 4\)",
        ),
        (
            lambda: rated({"start": None}, "x", rate=(3.0,)),
            "a condition has no rate; it has name, guide, rates, longer, distilled, start",
        ),
        (
            lambda: CachedGuide(SimpleNamespace(fixed=False), None, None),
            "depends on the batch; use one in evaluation mode",
        ),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_all_conditions_of_a_network_begin_alike_and_networks_differ():
    here, starts = a_trial(), []
    for condition in (Condition("a"), *guided_by("pixels", "labels"), Condition("b", distill=True)):
        here.train(
            condition,
            checkpoints=[0],
            on_checkpoint=lambda _, model: starts.append(model[1].weight.clone()),
        )
    a_trial(network=1).train(
        Condition("a"),
        checkpoints=[0],
        on_checkpoint=lambda _, model: starts.append(model[1].weight.clone()),
    )
    assert all(torch.equal(start, starts[0]) for start in starts[1:4])
    assert not torch.equal(starts[4], starts[0])


def test_unguided_training_is_that_of_plain_torch():
    here = a_trial()
    _, start = [], {}
    model = here.train(
        Condition("a"),
        checkpoints=[0],
        on_checkpoint=lambda _, m: start.update({k: v.clone() for k, v in m.state_dict().items()}),
    ).model
    from ibcore.training.loop import Batches

    plain, order = here.target, Batches([here.seed], 40, 20, CPU)
    plain.load_state_dict(start)
    optimizer = torch.optim.Adam(plain.parameters(), lr=1e-3)
    for _ in range(4):
        rows = order.draw()[0]
        loss = nn.functional.cross_entropy(plain(here.sets.x[rows]), here.sets.y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for one, other in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_validation_chooses_among_all_candidates_and_never_sees_test_images():
    images = Images(labeled=200, pool=200, validation=200)
    here = a_trial({**TINY, "images": images, "target": Perceptron(width=32), "steps": 80})
    condition = Condition("tuned", learning_rates=(1e-9, 1e-2), weight_decays=(0.0, 1e3))
    assert len(here.candidates(condition)) == 4
    here.sets = here.sets._replace(test_x=here.sets.test_x * torch.nan)
    assert here.choose(condition)[1] == Options(1e-2, TINY["weight"], 0.0)


def test_one_candidate_is_taken_unseen():
    here = a_trial()
    here.sets = here.sets._replace(pool=here.sets.pool[:0], pool_y=here.sets.pool_y[:0])
    assert here.choose(Condition("plain"))[1] == Options(1e-3, 5.0, 0.0)


@pytest.mark.parametrize("guide", FLAT)
def test_guides_of_one_representation_reach_all_layers_or_four_of_a_deep_target(guide):
    (condition,) = guided_by(guide)
    assert len(a_trial().train(condition).pairs) == 3
    here = a_trial({**TINY, "target": Perceptron(10, 8, "batch")})
    names = [target for _, target in here.train(condition).pairs]
    assert names == ["1", "10", "19", "28"]  # linear layers 0, 3, 6 and 9 of blocks of three
    last = here.train(replace(condition, mapping="last")).pairs
    assert [target for _, target in last] == ["28"]


def test_every_guide_trains_a_target():
    here, starts = a_trial(), {}
    for condition in wide._wide_conditions(TINY):
        guided, options = here.choose(condition)
        row = wide._row(here, condition, guided, options)
        starts[condition.name] = row
        assert np.isfinite(row["test_loss"])
        assert np.isfinite(row["guide_similarity"]) == (condition.guide is not None)
        taught = condition.distill or condition.guide == "trained CNN"
        assert np.isfinite(row["guide_accuracy"]) == taught
    assert len({row["test_loss"] for row in starts.values()}) == len(starts)


def test_images_without_labels_change_what_a_guide_and_a_teacher_do():
    here = a_trial()
    for option in ({"guide": "untrained CNN"}, {"distill": True}):
        without, more = (here.train(Condition("x", unlabeled=n, **option)) for n in (0, 20))
        assert not torch.equal(without.model[1].weight, more.model[1].weight)


def test_a_remembered_guide_has_the_same_similarities():
    rng = torch.Generator().manual_seed(0)
    points = Batch(torch.rand(40, 90, generator=rng), torch.zeros(40), torch.arange(40))
    x = torch.rand(30, 12, generator=rng)
    rows = Batch(points.x[10:], points.y[10:], points.rows[10:])
    guides = PixelGuide(), CachedGuide(PixelGuide(), points.x, points.y, turned=True)
    seen, kept = (guide(rows)["pixels"] for guide in guides)
    assert kept.shape == (30, 40)
    for measure in (cka, rsa, procrustes, ridge):
        assert measure(x, kept).item() == pytest.approx(measure(x, seen).item(), abs=1e-4)


@pytest.mark.parametrize("measure", ["rsa", "ridge", "procrustes"])
def test_training_by_other_measures_uses_the_remembered_guide(measure, monkeypatch):
    here, calls = a_trial(), []
    guide = here.guide("untrained CNN")
    monkeypatch.setattr(type(guide), "__call__", counted(type(guide).__call__, calls))
    here.train(Condition("x", "untrained CNN", measure=measure))
    assert len(calls) == 1


def counted(function, calls):
    def call(*args):
        calls.append(args)
        return function(*args)

    return call


def test_a_layer_table_holds_cka_of_each_pair_and_marks_the_even_ones():
    here, points = a_trial(), a_trial().new_points
    model = here.train(Condition("x")).model
    table = pd.DataFrame(here.layer_table(model, "untrained CNN"))
    raw = here.guide("untrained CNN")(points)
    seen = activations(model, points.x, ["1", "3", "5"])
    assert len(table) == len(raw) * 3
    for row in table.itertuples():
        other = list(raw.values())[row.guide_layer - 1].flatten(1)
        own = list(seen.values())[row.target_layer - 1]
        assert row.similarity == pytest.approx(cka(own, other).item(), abs=1e-4)
    even = table[table.mapped]
    assert [*zip(even.guide_layer, even.target_layer, strict=True)] == [
        *[(1, 1), (2, 2), (3, 2), (4, 3)]
    ]
    mean = here.cnn_similarity(model)
    assert mean == pytest.approx(even.similarity.mean(), abs=1e-4)


def test_curves_show_each_condition_beside_both_networks():
    cell = {**PLACE, **curves._watched({**TINY, "steps": 5}, (0, 4)), "setting": TINY}
    frame = curves._run_curves(cell, CPU)
    assert len(frame) == 5 * 2 * 2 * 4 * 3
    start = frame[frame.step == 0].groupby(["reference", "guide_layer", "target_layer"])
    assert (start.similarity.nunique() == 1).all()
    assert frame[frame.final].step.unique().tolist() == [4]


@pytest.fixture(scope="module")
def mistakes():
    return curves._run_errors({**PLACE, "conditions": curves.FIVE[:3], "every": 1}, CPU)


def test_matched_targets_are_nearer_in_accuracy_than_final_ones(mistakes):
    spread = mistakes.groupby("moment").test_accuracy.agg(np.ptp)
    assert spread["matched"] <= spread["final"]
    assert set(mistakes.reference) == {"trained CNN", "untrained CNN"}


def test_consistency_is_that_of_the_last_step(mistakes):
    here = a_trial()
    model = here.train(Condition("unguided")).model
    own = outputs(model, here.sets.test_x).argmax(1) == here.sets.test_y
    other = outputs(here.trained, here.sets.test_x).argmax(1) == here.sets.test_y
    chosen = mistakes[(mistakes.condition == "unguided") & (mistakes.moment == "final")]
    found = chosen[chosen.reference == "trained CNN"]
    assert found.consistency.item() == pytest.approx(cohen_kappa_score(own, other))
    assert found.reference_accuracy.item() == other.double().mean().item()


def test_the_readout_is_ridge_regression_of_a_library():
    here = a_trial()
    known, held = (curves._last_layer(here, x).numpy() for x in (here.sets.x, here.sets.test_x))
    targets = nn.functional.one_hot(here.sets.y, 10).double().numpy()
    strength = 1e-3 * ((known - known.mean(0)) ** 2).sum() / len(known)
    found = Ridge(strength).fit(known, targets).predict(held).argmax(1)
    assert np.array_equal(found == here.sets.test_y.numpy(), curves._readout(here).numpy())


def test_a_linear_function_has_variation_one_and_the_same_frequency_at_any_scale():
    here = a_trial()
    cell = {"paths": 20, "planes": 2}
    model = redraw(nn.Sequential(nn.Flatten(), nn.Linear(144, 10)), 0).requires_grad_(False)
    first = curves._measured(cell, here, model)
    assert first["variation"] == pytest.approx(1, abs=1e-3)
    model[1].weight.mul_(7)
    scaled = curves._measured(cell, here, model)
    assert scaled["frequency"] == pytest.approx(first["frequency"], rel=1e-3)


@pytest.fixture
def fake_cifar(monkeypatch):
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (80, 3, 32, 32), generator=rng, dtype=torch.uint8)
    labels = torch.randint(0, 10, (80,), generator=rng)
    data = ibcore.data.ImageData(images[:60], labels[:60], images[60:], labels[60:], ("x",) * 10)
    monkeypatch.setattr(ibcore.data, "load_cifar10", lambda: data)


def small(setting):
    """Return a setting of the paper tier with its code paths and a few images."""
    return {
        **setting,
        "images": replace(setting["images"], labeled=40, pool=20, validation=10),
        "target": replace(setting["target"], depth=3, width=8),
        "untrained": Convolutional((1,), resnet=True),
        "trained": Convolutional((1,), resnet=True),
        "fit": {"steps": 1, "batch_size": 20, "learning_rate": 3e-3},
        "steps": 2,
        "batch_size": 20,
        "unlabeled_batch": 10,
    }


def test_color_images_are_centered_by_those_to_learn_from(fake_cifar):
    sets = load_sets(Images("cifar10", 40, 20, 10), seed=0, device=CPU)
    seen = torch.cat([sets.x, sets.pool])
    torch.testing.assert_close(seen.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen.std((0, 2, 3)), torch.ones(3), atol=1e-4, rtol=0)
    assert len(sets.test_x) == 20


@pytest.mark.parametrize("experiment", IMAGE, ids=lambda e: e.name)
def test_the_paper_tier_runs_on_a_few_images(experiment, fake_cifar):
    (cell, *_) = experiment.plan("paper").values()
    cell = {**cell, "setting": small(cell["setting"])}
    if "conditions" in cell:
        used = {c.name: c for c in cell["conditions"]}
        names = [n for n in used if n in ("unguided", "untrained CNN", "labels", "distillation")]
        chosen = tuple(used[n] for n in names) or cell["conditions"][:2]
        short = (replace(c, steps=None, unlabeled=min(c.unlabeled, 15)) for c in chosen)
        cell["conditions"] = tuple(short)
    few = {"until": (0, 1, 2), "looks": (0, 1, 2), "every": 1, "paths": 3, "planes": 1}
    cell.update({name: value for name, value in few.items() if name in cell})
    frame = experiment.run_cell(cell, CPU)
    assert frame.test_accuracy.between(0, 1).all()
    assert {"network", "seed", "condition"} <= set(frame.columns)


def test_the_plain_network_learns_color_images_as_digits(fake_cifar):
    (cell, *_) = wide.PLAIN.plan("paper").values()
    few = ("longer", "untrained", "noise")
    small = {
        "conditions": [c for c in cell["config"]["conditions"] if c["name"] in few],
        "images": {"source": "cifar10", "train": 30, "validation": 10, "test": 20},
        **dict.fromkeys(("width", "guide_width", "steps", "guide_steps"), 1),
        "batch_size": 15,
    }
    frame = wide._run_plain({**cell, "config": {**cell["config"], **small}}, CPU)
    assert frame.condition.tolist() == ["guide", "residual", *few]
    assert frame.steps.tolist() == [1, 1, 2, 1, 1]
    assert frame.similarity.notna().tolist() == [False, False, False, True, True]
    assert frame.loss.nunique() == 5


def test_a_second_run_of_a_cell_gives_identical_numbers():
    cell = {**PLACE, "conditions": guided_by("untrained CNN", "noise input")}
    first, second = (wide._run_wide(cell, CPU) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
