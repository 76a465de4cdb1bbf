"""The guess-and-check experiment: its tasks, and what random networks prefer."""

import math

import pandas as pd
import pytest
import torch

from ibcore.redshift.experiments import guesses
from ibcore.redshift.experiments.guesses import FOUND, GUESSES, labels, random_search
from ibcore.runtime import generator
from ibcore.tasks import grid

CPU = torch.device("cpu")
POINTS = grid(30, nodes="cell")


def test_a_half_plane_is_cut_by_a_line_near_the_origin():
    for seed in range(20):
        y = labels("half-plane", POINTS, generator(seed))
        angle, offset = torch.rand(2, generator=generator(seed), dtype=torch.float64).tolist()
        turn, cut = 2 * math.pi * angle, 0.5 * offset - 0.25
        side = [math.cos(turn) * x1 + math.sin(turn) * x2 > cut for x1, x2 in POINTS.tolist()]
        assert (y > 0).tolist() == side and set(y.tolist()) == {1.0, -1.0}
        assert 0.3 < sum(side) / len(side) < 0.7


def test_a_checkerboard_has_nine_squares_and_a_random_color():
    first = {labels("checkerboard", POINTS, generator(seed))[0].item() for seed in range(10)}
    assert first == {1.0, -1.0}
    picture = labels("checkerboard", POINTS, generator(0)).reshape(30, 30)
    blocks = picture.reshape(3, 10, 3, 10).double()
    assert bool((blocks.amax((1, 3)) == blocks.amin((1, 3))).all())
    colors = blocks[:, 0, :, 0]
    assert bool((colors[1:] == -colors[:-1]).all() and (colors[:, 1:] == -colors[:, :-1]).all())
    with pytest.raises(ValueError, match="unknown task 'spiral'; choose one of half-plane"):
        labels("spiral", POINTS, generator(0))


def test_the_unbiased_model_is_not_run_once_for_each_bias_scale():
    cells = list(GUESSES.plan("laptop").values())
    assert len(cells) == (4 * 2 + 1) * 2 * 10
    assert {c["bias_scale"] for c in cells if c["learner"] == "unbiased"} == {None}


def test_learners_share_the_data_but_data_sets_differ():
    cells = [c for c in GUESSES.plan("smoke").values() if c["task"] == "half-plane"]
    frame = pd.concat(GUESSES.run_cell(cell, CPU) for cell in cells[:2])
    assert frame.network.tolist() == [0, 1]
    assert (frame.low <= frame.hit_rate).all() and (frame.hit_rate <= frame.high).all()
    assert (frame.baseline == 2**-8).all() and (frame.samples == 500).all()


def one_of(**wanted):
    """Return the first cell of the experiment on finders with these values."""
    cells = FOUND.plan("smoke").values()
    return next(c for c in cells if wanted.items() <= c.items())


def test_a_random_search_fits_without_a_gradient_and_each_loss_only_falls():
    cell = one_of(learner="relu", finder="random search")
    (x, y), _ = guesses._data(cell, CPU)
    start = guesses._starts(cell, 0, CPU)
    path = [start, *(random_search(start, x, y, steps=n, seed=1) for n in (1, 20, 2000))]
    losses = torch.stack([guesses._losses(each, x, y) for each in path])
    assert (losses.diff(dim=0) <= 0).all() and (losses[1] < losses[0]).any()
    right = path[-1].forward(x)[..., 0].sign() == y
    assert right[losses[-1] < guesses._FITS].all() and (losses[-1] < guesses._FITS).any()


def test_a_moved_square_has_the_same_labels_at_other_places():
    near, far = (guesses._data(one_of(shift=shift), CPU) for shift in (0.0, 1.0))
    for (x, y), (moved, same) in zip(near, far, strict=True):
        assert torch.equal(y, same)
        torch.testing.assert_close(moved, x + 1)


def test_only_networks_that_fit_are_asked_about_the_square():
    cell = {**one_of(learner="relu", finder="gradient descent"), "steps": 1}
    frame = FOUND.run_cell(cell, CPU)
    assert frame.fits.tolist() == [0] and frame.accuracy.isna().all()
