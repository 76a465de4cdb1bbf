"""Fourier complexity: known functions, an independent NumPy version, invariances, constants."""

from functools import reduce

import numpy as np
import pytest
import torch
from scipy.fft import dctn

from ibcore.redshift import (
    chebyshev_complexity,
    fourier_complexity,
    legendre_complexity,
    lempel_ziv_complexity,
    radial_spectrum,
    sampling,
    total_variation,
)
from ibcore.tasks import axis, grid

TRANSFORMS = ("dct", "fft", "hann")
MEASURES = (
    fourier_complexity,
    chebyshev_complexity,
    legendre_complexity,
    lempel_ziv_complexity,
    total_variation,
    lambda values: radial_spectrum(values)[1],
    lambda values: fourier_complexity(values, transform="fft"),
    lambda values: fourier_complexity(values, transform="hann"),
)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def numpy_complexity(image, transform):
    """Recompute the measure from full, unsymmetrized transforms."""
    n, d = image.shape[0], image.ndim
    if transform == "dct":
        amplitude, line = np.abs(dctn(image, norm="ortho")), np.arange(n)
    else:
        if transform == "hann":
            window = np.hanning(n + 1)[:-1]
            image = (image - image.mean()) * reduce(np.multiply, np.ix_(*[window] * d))
        amplitude, line = np.abs(np.fft.fftn(image)), np.abs(np.fft.fftfreq(n) * n)
    radius = np.sqrt(sum(np.square(m) for m in np.meshgrid(*[line] * d, indexing="ij")))
    amplitude.flat[0] = 0
    return (amplitude * radius).sum() / amplitude.sum() / radius.max()


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("shape", [(9,), (16,), (8, 8), (11, 11), (5, 5, 5)])
def test_agrees_with_full_transforms_in_numpy(transform, shape):
    values = noise(3, *shape)
    expected = [numpy_complexity(v, transform) for v in values.numpy()]
    np.testing.assert_allclose(
        fourier_complexity(values, transform=transform), expected, rtol=1e-10
    )


@pytest.mark.parametrize("frequency", [1, 5, 31])
def test_a_pure_cosine_has_its_own_frequency(frequency):
    points = torch.arange(32, dtype=torch.float64)
    mirrored = torch.cos(torch.pi * frequency * (points + 0.5) / 32)
    assert fourier_complexity(mirrored[None]).item() == pytest.approx(frequency / 31)
    periodic = torch.cos(2 * torch.pi * (frequency // 2 + 1) * points / 32)
    expected = (frequency // 2 + 1) / 16
    assert fourier_complexity(periodic[None], transform="fft").item() == pytest.approx(expected)


def test_reference_functions_have_their_known_values():
    ramp = grid(64)[:, 0].reshape(1, 64, 64)
    assert fourier_complexity(ramp).item() == pytest.approx(0.023, abs=5e-4)
    assert fourier_complexity(ramp, transform="fft").item() == pytest.approx(0.190, abs=5e-4)
    for transform in ("dct", "fft"):
        white = fourier_complexity(noise(40, 64, 64), transform=transform)
        assert white.mean().item() == pytest.approx(0.54, abs=0.01)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_blind_to_scale_offset_and_reflection(transform):
    values = noise(4, 12, 12).cumsum(1)
    base = fourier_complexity(values, transform=transform)
    for changed in (1e-6 * values, -3 * values, values + 5):
        torch.testing.assert_close(fourier_complexity(changed, transform=transform), base)
    if transform != "hann":  # the periodic window is not symmetric
        torch.testing.assert_close(fourier_complexity(values.flip(1), transform=transform), base)
    torch.testing.assert_close(fourier_complexity(values.mT, transform=transform), base)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_constant_function_is_nan_even_under_rounding_noise(transform, dtype):
    values = torch.full((2, 16, 16), 3.7, dtype=dtype)
    ripple = 8 * torch.finfo(dtype).eps * 3.7 * torch.sign(noise(16, 16)).to(dtype)
    values[1] += ripple
    assert bool(fourier_complexity(values, transform=transform).isnan().all())
    rings = radial_spectrum(values, transform=transform)[1]
    assert bool(rings.isnan().all())


def test_a_function_that_varies_little_is_not_called_constant():
    values = 1 + 1e-9 * noise(1, 16, 16)
    assert fourier_complexity(values).item() == pytest.approx(0.54, abs=0.05)
    assert bool(fourier_complexity(values.float()).isnan().all())


def test_chunks_do_not_change_the_result(monkeypatch):
    values = noise(7, 16, 16)
    whole = fourier_complexity(values)
    monkeypatch.setitem(sampling._PART, "cpu", 2 * 256)
    torch.testing.assert_close(fourier_complexity(values), whole, rtol=1e-14, atol=0)


def test_float32_values_are_measured_in_float64():
    values = noise(3, 16, 16).float()
    assert fourier_complexity(values).dtype == torch.float64
    assert torch.equal(fourier_complexity(values), fourier_complexity(values.double()))


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_the_ring_means_carry_the_spectrum(transform):
    values = noise(2, 16, 16)
    fractions, means = radial_spectrum(values, transform=transform)
    assert means.shape == (2, len(fractions))
    torch.testing.assert_close(means.sum(1), torch.ones(2, dtype=torch.float64))
    line = axis(16)[:, None]
    low = radial_spectrum((line + line.mT)[None], transform=transform)[1][0]
    assert low[:3].sum() > 0.5 > means[0, :3].sum()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (torch.zeros(8), r"must have shape \(networks, n, ..., n\).*got \(8,\)"),
        (torch.zeros(2, 3, 4), r"got \(2, 3, 4\)"),
        (torch.zeros(2, 1, 1), "n >= 2 points"),
        (torch.full((1, 4), float("nan")), "holds a value that is not finite: nan"),
    ],
)
def test_bad_values_are_refused_by_name(values, message):
    with pytest.raises(ValueError, match=message):
        fourier_complexity(values)


def test_an_unknown_transform_is_refused():
    with pytest.raises(ValueError, match="unknown transform 'dst'; choose one of 'dct'"):
        fourier_complexity(noise(1, 4, 4), transform="dst")


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("shape", [(0, 8), (0, 8, 8)])
def test_no_functions_give_no_numbers(measure, shape):
    assert measure(torch.empty(shape)).shape[0] == 0


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("size", [1e300, 1e-290])
def test_functions_of_extreme_size_are_those_of_ordinary_size(measure, size):
    values = noise(3, 9, 9)
    mixed = torch.stack([values[0] * size, values[1], values[2] * size])
    torch.testing.assert_close(measure(mixed), measure(values), rtol=1e-9, atol=0)


@pytest.mark.parametrize("measure", MEASURES)
def test_whole_numbers_arrays_and_lists_are_measured_as_floats(measure):
    values = (100 * noise(2, 9, 9)).round()
    for other in (values.long(), values.numpy(), values.long().tolist()):
        assert torch.equal(measure(other), measure(values))
