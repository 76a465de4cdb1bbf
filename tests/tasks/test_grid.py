"""Grids: where the points are, in which order, and what is refused."""

import numpy as np
import pytest
import torch

from ibcore.tasks import axis, grid


def test_each_kind_of_nodes_stands_where_its_definition_says():
    torch.testing.assert_close(axis(5), torch.tensor([-1, -0.5, 0, 0.5, 1], dtype=torch.float64))
    torch.testing.assert_close(
        axis(4, nodes="cell"), torch.tensor([-0.75, -0.25, 0.25, 0.75], dtype=torch.float64)
    )
    chebyshev = np.polynomial.chebyshev.chebval(axis(7, nodes="chebyshev").numpy(), [0] * 7 + [1])
    legendre = np.polynomial.legendre.legval(axis(7, nodes="legendre").numpy(), [0] * 7 + [1])
    assert np.abs(chebyshev).max() < 1e-14
    assert np.abs(legendre).max() < 1e-14


@pytest.mark.parametrize("nodes", ["uniform", "cell", "chebyshev", "legendre"])
def test_coordinates_rise_and_are_symmetric(nodes):
    line = axis(9, nodes=nodes)
    assert bool((line.diff() > 0).all())
    torch.testing.assert_close(line, -line.flip(0))


def test_the_last_coordinate_runs_fastest_in_any_dimension():
    for d in (1, 2, 3):
        image = grid(4, d).reshape(*[4] * d, d)
        index = (1, 2, 3)[:d]
        torch.testing.assert_close(image[index], axis(4)[list(index)])


def test_too_few_points_or_unknown_nodes_are_refused():
    with pytest.raises(ValueError, match=r"points must be a whole number at least 2 .*, got 1"):
        grid(1)
    with pytest.raises(ValueError, match="unknown nodes 'random'; choose one of 'uniform'"):
        axis(4, nodes="random")
    with pytest.raises(ValueError, match=r"dimensions must be .*, got 0"):
        grid(4, 0)
