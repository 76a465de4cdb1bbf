"""The experiment that judges a learned activation: what is counted, and who is faster."""

import pytest
import torch

from ibcore.nets import MLP
from ibcore.population import Population
from ibcore.redshift.experiments import splines
from ibcore.redshift.splines import Bilevel
from ibcore.tasks import modular_addition

CPU = torch.device("cpu")
TINY = {
    "networks": 2,
    "steps": 20,
    "modulus": (10, 7),
    "plan": Bilevel(outer_steps=2, inner_steps=(10, 10), networks=2, width=16),
}


def cell(activation, **changes):
    cells = splines.SPLINES.plan("smoke").values()
    return {**next(c for c in cells if c["activation"] == activation), **TINY, **changes}


def test_the_curve_is_that_of_training_from_the_start_with_the_same_steps():
    task = modular_addition(10)
    many = Population.sample(MLP(2, depth=2, width=8), networks=3)
    train, test = splines.learning_curve(many, task, steps=40, every=20, learning_rate=1e-2)
    for look, steps in enumerate((20, 40)):
        trained = many.train(
            task.train_x, task.train_y, loss="binary", steps=steps, learning_rate=1e-2
        ).population
        right = (trained.forward(task.test_x)[..., 0] > 0) == (task.test_y > 0)
        torch.testing.assert_close(test[:, look], right.double().mean(1))
    known = (trained.forward(task.train_x)[..., 0] > 0) == (task.train_y > 0)
    torch.testing.assert_close(train, known.double().mean(1))


def test_a_target_that_is_not_reached_is_censored_not_invented():
    frame = splines._run_contender(cell("relu", target=0.99), CPU)
    assert frame["steps_to_target"].isna().all()
    assert frame["censored"].all()
    assert (frame["steps_bound"] == 20).all()
    easy = splines._run_contender(cell("relu", target=0.0), CPU)
    assert (easy["steps_to_target"] == 10).all()  # the first look
    assert not easy["censored"].any()


def test_rows_are_numbered_across_splits_and_moduli_share_their_networks():
    for activation in ("relu", splines.LEARNED):
        frames = [splines._run_contender(cell(activation, split=split), CPU) for split in (3, 4)]
        assert [f["network"].tolist() for f in frames] == [[6, 7, 6, 7], [8, 9, 8, 9]]
        for frame in frames:
            first, second = frame["variation_initial"].to_numpy().reshape(2, 2)
            assert (first == second).all()


def test_the_stored_shape_is_the_spline_that_was_judged():
    one = cell(splines.LEARNED)
    judged = splines._sample(one, CPU).architecture.spline
    shape = splines._run_learning(one, CPU)
    assert shape["height"].tolist() == judged.heights.tolist()
    assert shape["start"].tolist() == pytest.approx(shape["z"].clip(lower=0).tolist(), abs=1e-6)


def test_no_test_point_reaches_the_loop_that_learns_the_spline(monkeypatch):
    seen = []
    monkeypatch.setattr(
        splines, "learn_activation", lambda x, y, plan, *, seed: seen.append((x, y))
    )
    one = cell(splines.LEARNED)
    splines._learn(one, CPU)
    task = modular_addition(one["learned_on"], seed=one["split"], dtype=torch.float32)
    assert torch.equal(seen[0][0], task.train_x)
    assert torch.equal(seen[0][1], task.train_y)
