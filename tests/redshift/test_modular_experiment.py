"""Modular addition: cells, pictures, detours by random labels, and what is stored."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ibcore.redshift.experiments import modular
from ibcore.redshift.experiments.modular import LEARNER, learned_functions
from ibcore.runs import run

CPU = torch.device("cpu")


def cell(activation, prefactor=1.0, *, steps=600, modulus=(10, 4), networks=3, seed=0):
    learner = {**LEARNER, "width": 48, "steps": steps}
    kind = {"activation": activation, "prefactor": prefactor, "modulus": modulus}
    return {**kind, "learner": learner, "networks": networks, "grid": 24, "seed": seed}


def test_each_modulus_starts_from_the_same_networks_and_the_same_points():
    one = cell("tanh", 2.0, modulus=(10, 7))
    start = modular.sample_learners(one, 2, CPU)
    data = modular.sample_tasks(one, CPU)
    for values in (*start.parameters.values(), data["train_x"], data["test_x"]):
        assert torch.equal(values[:3], values[3:])
        assert not torch.equal(values[0], values[1])
    assert not torch.equal(data["train_y"][:3], data["train_y"][3:])


def test_a_network_does_not_depend_on_the_others_of_its_cell():
    few, many = (
        modular._run_learners(cell("tanh", steps=60, networks=n, modulus=(7,)), CPU) for n in (2, 4)
    )
    assert few["loss"].to_numpy() == pytest.approx(many["loss"].to_numpy()[:2], rel=1e-3)
    assert few["network"].tolist() == [0, 1]


def test_accuracies_and_losses_are_those_of_the_plain_network():
    one = cell("gaussian", 2.0, steps=80, modulus=(7,), networks=2)
    start, data = modular.sample_learners(one, 1, CPU), modular.sample_tasks(one, CPU)
    trained, losses = modular.fit(one, start, data["train_x"], data["train_y"])
    frame = modular._run_learners(one, CPU)
    for i in range(2):
        logits = trained.member(i)(data["test_x"][i])[:, 0].detach()
        right = ((logits > 0) == (data["test_y"][i] == 1)).double().mean().item()
        assert frame["test_accuracy"][i] == pytest.approx(right)
        logits = trained.member(i)(data["train_x"][i])[:, 0].detach()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, data["train_y"][i].float()
        )
        assert frame["loss"][i] == pytest.approx(loss.item(), rel=1e-4)
        assert losses[i].item() == pytest.approx(loss.item(), rel=1e-4)


def test_a_picture_shows_the_probability_of_the_label():
    one = cell("relu", modulus=(10,), networks=1)
    start, data = modular.sample_learners(one, 1, CPU), modular.sample_tasks(one, CPU)
    trained, _ = modular.fit(one, start, data["train_x"], data["train_y"])
    picture = np.frombuffer(learned_functions(trained, 16)[0], dtype=np.uint8).reshape(16, 16)
    position = ((data["train_x"][0] + 1) * 7.5).round().long().numpy()  # 16 points: the task's own
    shown = picture[position[:, 0], position[:, 1]] > 127
    said = (trained.member(0)(data["train_x"][0])[:, 0] > 0).numpy()
    assert (shown == said).mean() > 0.99 and 0 < said.mean() < 1
    frame = modular._run_pictures({**one, "grid": 16}, CPU)
    assert frame["picture"][0] == picture.tobytes()


def test_pictures_come_back_from_the_store_as_they_were(tmp_path):
    small = {**cell("sine", steps=5, modulus=(7,), networks=1), "grid": 8}
    experiment = replace(modular.PICTURES, tiers={"smoke": [small]})
    frame = run(experiment, "smoke", store=tmp_path, progress=False)
    assert isinstance(frame["picture"][0], bytes)
    assert len(frame["picture"][0]) == 64


def test_a_detour_differs_from_a_fresh_start_by_its_labels_alone(monkeypatch):
    one = cell("sine", 3.0, modulus=(10,), steps=20)
    detour, own = (
        {"learners": one, "detour_steps": 20, "looks": (20,)},
        modular._run_learners(one, CPU),
    )
    seen = modular._run_detour(detour, CPU).set_index("phase")
    np.testing.assert_allclose(seen.loc["initial"].complexity, own.complexity_initial)
    np.testing.assert_allclose(seen.loc["fresh"].complexity, own.complexity_trained)
    np.testing.assert_allclose(seen.loc["fresh"].test_accuracy, own.test_accuracy)
    true = modular.sample_tasks(one, CPU)["train_y"]
    monkeypatch.setattr(modular, "random_labels", lambda shape, seed: true)
    same = modular._run_detour(detour, CPU).set_index("phase").drop(columns="steps")
    assert same.loc["random labels"].equals(same.loc["fresh"].set_axis(["random labels"] * 3))
    assert not seen.loc["random labels"].complexity.eq(seen.loc["fresh"].complexity.values).any()
    assert not same.loc["after random labels"].complexity.eq(own.complexity_trained.values).any()


def test_a_detour_goes_on_until_every_network_has_fitted_its_random_labels():
    one = cell("sine", 3.0, modulus=(10,))
    seen = modular._run_detour({"learners": one, "detour_steps": 3000, "looks": (1,)}, CPU)
    assert (seen[seen.phase == "random labels"].train_accuracy == 1).all()


def test_random_labels_are_balanced_and_each_members_own():
    labels = modular.random_labels((40, 500), seed=3)
    assert abs(labels.double().mean().item() - 0.5) < 0.02
    assert len({tuple(row) for row in labels.tolist()}) == 40
    assert torch.equal(modular.random_labels((2, 500), seed=3), labels[:2])


@pytest.mark.parametrize("tier", ["smoke", "laptop", "paper"])
def test_every_tier_has_a_plan_with_the_paper_s_moduli(tier):
    for experiment in (modular.MODULAR, modular.PICTURES, modular.HYSTERESIS):
        assert len(experiment.plan(tier)) == len(experiment.cells(tier))
    moduli = {m for one in modular.MODULAR.plan(tier).values() for m in one["modulus"]}
    assert moduli == ({10, 4} if tier == "smoke" else {10, 7, 4})


KIND = [("sine", 4.0, 2)]


def test_looks_see_the_networks_that_training_for_so_long_at_each_rate_gives():
    one = modular._budgets(KIND, (2e-3, 8e-3), (20, 40), modulus=4, networks=2)[0]
    seen = modular._run_budget(one, CPU)
    for steps, rate in ((20, 2e-3), (40, 8e-3)):
        learner = {**one["learner"], "steps": steps, "learning_rate": rate}
        plain = modular._run_learners({**one, "learner": learner, "grid": 24}, CPU)
        found = seen[(seen.steps == steps) & (seen.learning_rate == rate)]
        assert found.train_accuracy.tolist() == pytest.approx(
            plain.train_accuracy.tolist(), abs=0.01
        )
        held = (
            52 * found.validation_accuracy + 51 * found.test_accuracy
        ) / 103  # the points left out
        assert held.tolist() == pytest.approx(plain.test_accuracy.tolist(), abs=0.02)


def test_the_rate_is_chosen_without_the_points_that_are_tested(monkeypatch):
    one = modular._budgets(KIND, (2e-3, 8e-3), (20, 40), modulus=4, networks=2)[0]
    plain, parts = modular._run_budget(one, CPU), modular._parts
    other = {"test_x": torch.zeros(4, 9, 2), "test_y": torch.zeros(4, 9)}
    monkeypatch.setattr(modular, "_parts", lambda data: {**parts(data), **other})
    seen = modular._run_budget(one, CPU)
    assert not seen.test_accuracy.equals(plain.test_accuracy) and seen.tuned.equals(plain.tuned)
    assert (plain.groupby("steps").tuned.sum() == 2).all()


def test_a_smoother_fails_on_points_left_out_of_narrow_stripes_and_not_of_wide_ones():
    narrow, wide = (
        modular._run_budget(modular._budgets([], (), (), modulus=m, networks=4)[0], CPU)
        for m in (4, 16)
    )
    assert narrow.test_accuracy.mean() < 0.45 and wide.test_accuracy.mean() > 0.6
