"""Polynomial orders: exact on polynomials, equal to dense least squares in NumPy."""

import numpy as np
import pytest
import torch

from ibcore.redshift import chebyshev_complexity, legendre_complexity
from ibcore.redshift.fourier import polynomial_coefficients
from ibcore.tasks import axis, grid

MEASURES = {"chebyshev": chebyshev_complexity, "legendre": legendre_complexity}
EVALUATE = {
    "chebyshev": np.polynomial.chebyshev.chebval2d,
    "legendre": np.polynomial.legendre.legval2d,
}
VANDER = {
    "chebyshev": np.polynomial.chebyshev.chebvander2d,
    "legendre": np.polynomial.legendre.legvander2d,
}


@pytest.mark.parametrize("basis", MEASURES)
@pytest.mark.parametrize("nodes", ["uniform", "cell", "chebyshev", "legendre"])
def test_coefficients_of_a_polynomial_come_back(basis, nodes):
    coefficients = np.random.default_rng(0).normal(size=(6, 6))
    x = grid(24, nodes=nodes).numpy()
    values = torch.from_numpy(EVALUATE[basis](x[:, 0], x[:, 1], coefficients)).reshape(1, 24, 24)
    found = polynomial_coefficients(values, basis, degree=7, nodes=nodes)[0].numpy()
    np.testing.assert_allclose(found[:6, :6], coefficients, atol=1e-10)
    assert np.abs(found[6:]).max() < 1e-10
    order = np.add.outer(np.arange(6), np.arange(6))
    weights = np.abs(coefficients) * (order > 0)
    expected = (weights * order).sum() / weights.sum()
    measured = MEASURES[basis](values, degree=7, nodes=nodes).item()
    assert measured == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("basis", MEASURES)
def test_agrees_with_dense_least_squares(basis):
    values = torch.randn(2, 15, 15, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = grid(15).numpy()
    design = VANDER[basis](x[:, 0], x[:, 1], [5, 5])
    dense = np.linalg.lstsq(design, values.reshape(2, -1).numpy().T, rcond=None)[0].T.reshape(
        2, 6, 6
    )
    found = polynomial_coefficients(values, basis, degree=5).numpy()
    np.testing.assert_allclose(found, dense, atol=1e-10)


def test_a_ramp_has_order_one_in_any_direction_and_noise_a_high_one():
    x = grid(64).reshape(64, 64, 2)
    for ramp in (x[..., 0], x[..., 1], 3 * x[..., 0] - x[..., 1] + 2):
        for measure in MEASURES.values():
            assert measure(ramp[None]).item() == pytest.approx(1.0, abs=1e-9)
    noise = torch.randn(1, 64, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert chebyshev_complexity(noise).item() > 12


def test_one_and_three_dimensions_work():
    line = axis(20)
    assert chebyshev_complexity((4 * line**3 - 3 * line)[None]).item() == pytest.approx(3, abs=1e-8)
    cube = grid(12, 3).prod(1).reshape(1, 12, 12, 12)  # x1 x2 x3: order 3
    assert legendre_complexity(cube).item() == pytest.approx(3, abs=1e-8)


def test_a_function_whose_expansion_is_constant_has_no_order():
    even = axis(31).square()  # no straight line in it, but for rounding
    fit = even[:, None] + even
    assert bool(chebyshev_complexity(fit[None], degree=1).isnan())
    with pytest.raises(ValueError, match="at least 3 points along each axis, got 2"):
        chebyshev_complexity(torch.eye(2)[None])


def test_constants_are_nan_and_ill_conditioned_degrees_are_refused():
    assert bool(chebyshev_complexity(torch.full((1, 9, 9), 0.3)).isnan())
    with pytest.raises(
        ValueError, match="degree must be between 1 and 21 on 64 uniform nodes, got 40"
    ):
        chebyshev_complexity(torch.zeros(1, 64, 64), degree=40)
    assert np.isnan(
        chebyshev_complexity(torch.zeros(1, 64, 64), degree=40, nodes="chebyshev").item()
    )
